// The network: matrices, products, forward, loss, backward, learning, answers. Built in double, and in float by
// network_float_test.cpp.
#include "common.hpp"
#include "ut.hpp"

using namespace boost::ut;
using namespace common;

namespace {

constexpr bool is_float = sizeof(Real) == sizeof(float);

Matrix random_matrix(size_t rows, size_t columns, SplitMix64& random) {
  Matrix matrix(rows, columns);
  const View<Real> entries = matrix;
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) entries(i, j) = static_cast<Real>(random.uniform() - 0.5);
  return matrix;
}

// The largest number that stands in the padding of the first rows.
double padding(View<const Real> matrix) {
  Largest largest;
  for (size_t i = 0; i < matrix.rows; ++i)
    for (size_t j = matrix.columns; j < matrix.width; ++j) largest(static_cast<double>(matrix.row(i)[j]));
  return largest;
}

double padding(const Parameters& parameters) {
  const auto [U_transposed, b, W, V, c] = parameters.matrices();
  return padding(U_transposed) + padding(b) + padding(W) + padding(V) + padding(c);
}

std::span<const Real> numbers(const Parameters& parameters) {
  return {parameters.lines.data()->numbers, parameters.lines.size() * Line::size};
}

// Random names of 1 to 8 symbols, the last of which is the end.
Examples random_names(size_t count, size_t symbols, size_t languages, SplitMix64& random) {
  Examples examples;
  for (size_t i = 0; i < count; ++i) {
    Example name{{}, random.next() % languages};
    for (size_t left = random.next() % 8; left > 0; --left)
      name.symbols.push_back(static_cast<Symbol>(random.next() % (symbols - 1)));
    name.symbols.push_back(static_cast<Symbol>(symbols - 1));
    examples.push_back(name);
  }
  return examples;
}

// One hidden unit, two languages, one letter: the README works this out by hand.
Parameters by_hand() {
  Parameters p(2, 1, 2);
  const auto [U_transposed, b, W, V, c] = p.matrices();
  U_transposed(0, 0) = static_cast<Real>(0.5);
  U_transposed(1, 0) = static_cast<Real>(-0.25);
  b(0, 0) = static_cast<Real>(0.1);
  W(0, 0) = 2;
  V(0, 0) = 1;
  V(1, 0) = -1;
  c(0, 1) = static_cast<Real>(0.3);
  return p;
}
const Examples one_letter{{{0, 1}, 1}};

void expect_near(double found, double wanted, double tolerance, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
  expect(std::abs(found - wanted) <= tolerance) << found << "is not" << wanted << "at" << file << line;
}

// Training on examples of 5 symbols and 3 languages.
Training small_training(const Settings& settings, const Examples& examples) {
  return Training(settings, examples, 5, 3);
}

}  // namespace

int main() {
  "a row is padded to whole Lines, and never to a multiple of 2 KB"_test = [] {
    expect(padded(1) == Line::size && padded(Line::size) == Line::size && padded(Line::size + 1) == 2 * Line::size);
    for (size_t columns = 1; columns <= 2000; ++columns) {
      expect(padded(columns) >= columns && padded(columns) % Line::size == 0) << columns;
      expect(padded(columns) * sizeof(Real) % 2048 != 0) << columns;
      expect(padded(columns) < columns + 2 * Line::size) << columns;
    }
    expect(reinterpret_cast<std::uintptr_t>(Matrix(3, 5).lines.data()) % 128 == 0);
  };

  "rows are set, copied and added with their padding"_test = [] {
    SplitMix64 random{2};
    const Matrix one = random_matrix(1, 40, random), many = random_matrix(5, 40, random);
    const View<const Real> row = one, from = many;
    Matrix to(3, 40);
    set_rows(to, one);
    for (size_t i = 0; i < 3; ++i) expect(distance(to.of({i, 1}).numbers(), row.numbers()) == 0) << i;
    copy_rows(to, many);
    expect(distance(View<Real>(to).numbers(), from.of({0, 3}).numbers()) == 0);
    add_row(to, 1, many, 4);
    for (size_t j = 0; j < 40; ++j) expect(View<Real>(to)(1, j) == from(1, j) + from(4, j)) << j;
    expect(distance(to.of({2, 1}).numbers(), from.of({2, 1}).numbers()) == 0 && padding(View<Real>(to)) == 0);
  };

  "a transpose is copied, all of it or some of its rows"_test = [] {
    SplitMix64 random{2};
    for (const size_t rows : {1, 15, 16, 17, 40})
      for (const size_t first : {0, 1}) {
        const Matrix from = random_matrix(rows, 35, random);
        Matrix to(35, rows);
        copy_transposed(to, from, {first, rows - first});
        const View<const Real> A = from, B = to;
        for (size_t i = 0; i < rows; ++i)
          for (size_t j = 0; j < 35; ++j) expect(B(j, i) == (i < first ? 0 : A(i, j))) << rows << i << j;
        expect(padding(B) == 0) << rows;
      }
  };

  "the parameters stand one after another, in rows of their own"_test = [] {
    Parameters p(5, 33, 40);
    const auto [U_transposed, b, W, V, c] = p.matrices();
    const size_t hidden = padded(33);
    expect(U_transposed.data == p.numbers().data() && b.data == U_transposed.data + 5 * hidden);
    expect(W.data == b.data + hidden && V.data == W.data + 33 * hidden && c.data == V.data + 40 * hidden);
    expect(c.data + padded(40) == p.numbers().data() + p.numbers().size());
    expect(U_transposed.rows == 5u && U_transposed.columns == 33u && b.rows == 1u && b.columns == 33u);
    expect(W.rows == 33u && W.columns == 33u && V.rows == 40u && V.columns == 33u && c.rows == 1u && c.columns == 40u);
  };

  "a product adds A B to the rows that A and C both have, for every height and width, and for a transposed A"_test =
      [] {
        SplitMix64 random{7};
        for (const size_t m : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 17})
          for (const size_t k : {1, 2, 5, 16})
            for (const size_t n : {1, 31, 33, 70})
              for (const size_t rows_of_C : {m, m + 2, m - std::min<size_t>(m, 1)}) {
                const Matrix A = random_matrix(m, k, random), B = random_matrix(k, n, random);
                Matrix At(k, m), C = random_matrix(rows_of_C, n, random);
                copy_transposed(At, A, {0, m});
                const Matrix before = C;
                Matrix D = C;
                add_product(C, A, B);
                add_product(D, View<Real>(At).transposed(), B);
                Largest error;
                for (size_t i = 0; i < rows_of_C; ++i)
                  for (size_t j = 0; j < n; ++j) {
                    double sum = static_cast<double>(View<const Real>(before)(i, j));
                    for (size_t l = 0; l < k && i < m; ++l)
                      sum += static_cast<double>(View<const Real>(A)(i, l)) *
                             static_cast<double>(View<const Real>(B)(l, j));
                    error(static_cast<double>(View<Real>(C)(i, j)) - sum);
                    error(static_cast<double>(View<Real>(D)(i, j)) - sum);
                  }
                expect(error < (is_float ? 1e-5 : 1e-13)) << m << k << n << rows_of_C << error;
                expect(padding(View<Real>(C)) == 0 && padding(View<Real>(D)) == 0) << m << k << n;
              }
      };

  "a row of a product does not depend on the rows beside it"_test = [] {
    SplitMix64 random{3};
    const Matrix A = random_matrix(13, 50, random), B = random_matrix(50, 40, random);
    Matrix all(13, 40);
    add_product(all, A, B);
    for (size_t i = 0; i < 13; ++i) {
      Matrix one(1, 40);
      add_product(one, A.of({i, 1}), B);
      expect(distance(View<Real>(one).numbers(), all.of({i, 1}).numbers()) == 0) << i;
    }
  };

  "initial values: U within 0.7, W within 1 / sqrt(2 hidden), V within 1, each near its bound; b and c are 0"_test =
      [] {
        SplitMix64 random{1};
        const Parameters p = initial_parameters(40, 50, 60, random);
        const auto largest = [](View<const Real> matrix) {
          Largest found;
          for (const Real x : matrix.numbers()) found(static_cast<double>(x));
          return static_cast<double>(found);
        };
        const auto [U_transposed, b, W, V, c] = p.matrices();
        expect(largest(U_transposed) <= 0.7 + 1e-7 && largest(U_transposed) > 0.69) << largest(U_transposed);
        expect(largest(W) <= 0.1 + 1e-8 && largest(W) > 0.098) << largest(W);
        expect(largest(V) <= 1 && largest(V) > 0.98 && largest(b) == 0 && largest(c) == 0);
      };

  "names are packed by falling length, ties in their order, a row for each name that still has a symbol"_test = [] {
    const Packed packed = unroll(Parameters(5, 2, 3), unequal_names()).packed;
    std::vector<size_t> first, count;
    for (const Rows& rows : packed.step) {
      first.push_back(rows.first);
      count.push_back(rows.count);
    }
    expect(packed.steps() == 6u && packed.all().first == 0u && packed.all().count == 18u);
    expect(first == std::vector<size_t>{0, 0, 5, 10, 13, 16, 17, 18});
    expect(count == std::vector<size_t>{0, 5, 5, 3, 3, 1, 1, 0});
    const Symbol none = unknown;
    expect(packed.symbol == std::vector<Symbol>{1, 0, 2, 3, none, none, 1, 2, 4, 4, 0, 2, 1, 0, 4, 4, 2, 4});
    expect(packed.language == std::vector<size_t>{2, 0, 1, 1, 0, 2, 0, 1, 1, 0, 2, 0, 1, 2, 0, 1, 2, 2});
    expect(packed.last == std::vector<bool>{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1});
  };

  "names are sorted by falling length, equal lengths in their order"_test = [] {
    Examples examples;
    for (const size_t length : {2, 1001, 3, 2, 1, 3, 0, 1001, 2}) examples.push_back({std::vector<Symbol>(length), 0});
    expect(by_length(examples) == std::vector<size_t>{1, 7, 2, 5, 0, 3, 8, 4, 6});
    expect(longest(examples) == 1001u && longest({}) == 0u);
  };

  "forward, loss and backward agree with numbers worked out by hand"_test = [] {
    const double tolerance = is_float ? 2e-6 : 1e-14;
    const Network network(by_hand());
    Unrolled u = unroll(network.parameters, one_letter);
    forward(network, u);
    const View<Real> h = u.h, y = u.y, d_o = u.d_o, d_a = u.d_a;
    expect_near(h(0, 0), 0.5370495669980353, tolerance);   // tanh(0.1 + 0.5)
    expect_near(h(1, 0), 0.7278308403979046, tolerance);   // tanh(0.1 - 0.25 + 2 h_1)
    expect_near(y(0, 1), 0.31559304906423036, tolerance);  // 1 / (1 + e^(2 h_1 - 0.3))
    expect_near(y(1, 1), 0.23945647386924426, tolerance);
    expect_near(weighted_loss(u, static_cast<Real>(0.5)), 2.0060344735274995, 4 * tolerance);
    Parameters gradient = zero_like(network.parameters);
    backward(network, u, static_cast<Real>(0.5), gradient);
    expect_near(d_o(0, 0), 0.3422034754678849, tolerance);
    expect_near(d_o(1, 1), -0.7605435261307557, tolerance);
    expect_near(d_a(1, 0), 0.7153098466655117, tolerance);
    expect_near(d_a(0, 0), 1.5050059273397267, 2 * tolerance);
    const auto [dU_transposed, db, dW, dV, dc] = gradient.matrices();
    expect_near(dc(0, 0), 1.1027470015986407, 2 * tolerance);
    expect_near(db(0, 0), 2.2203157740052384, 4 * tolerance);
    expect_near(dV(1, 0), -0.7373272621081839, 2 * tolerance);
    expect_near(dW(0, 0), 0.3841568434211441, tolerance);
    expect_near(dU_transposed(0, 0), 1.5050059273397267, 2 * tolerance);
    expect_near(dU_transposed(1, 0), 0.7153098466655117, tolerance);
  };

  "softmax stands huge logits, and so does the cross-entropy"_test = [] {
    Matrix logits(2, 3), probabilities(3, 3);
    const View<Real> o = logits, y = probabilities.of({0, 2}), beyond = probabilities.of({2, 1});
    beyond(0, 0) = 7;
    const Real rows[2][3] = {{1e6, -1e6, 1e6}, {-1e6, -1e6 - 1, -3e6}};
    for (size_t i = 0; i < 2; ++i) std::copy_n(rows[i], 3, o.row(i));
    softmax(o, y);
    expect(y(0, 0) == Real(0.5) && y(0, 1) == 0 && y(0, 2) == Real(0.5) && y(1, 2) == 0 && padding(y) == 0);
    expect(beyond(0, 0) == 7) << "the row beyond";
    expect_near(y(1, 0), 1 / (1 + std::exp(-1.0)), 1e-6);
    expect_near(cross_entropy(o.row(0), y.row(0), 3, 1), 2e6 + std::log(2), is_float ? 0.2 : 1e-9);
    expect_near(cross_entropy(o.row(1), y.row(1), 3, 0), std::log1p(std::exp(-1.0)), is_float ? 0.1 : 1e-9);
    expect(likeliest(y.row(0), 3) == 0u) << "the first of equals";
  };

  "rows beyond those of the packed names stay as they are"_test = [] {
    SplitMix64 random{4};
    const Network network(initial_parameters(5, 3, 3, random));
    Parameters gradient = zero_like(network.parameters);
    Unrolled u(19, 3, 3);  // the names have 18 symbols
    pack(unequal_names(), by_length(unequal_names()), u.packed);
    const std::array matrices{&u.h, &u.o, &u.y, &u.d_o, &u.d_a, &u.h_before};
    for (size_t m = 0; m < 6; ++m) std::ranges::fill(matrices[m]->of({18, 1}).numbers(), static_cast<Real>(m + 1));
    forward(network, u);
    backward(network, u, 1, gradient);
    for (size_t m = 0; m < 6; ++m)
      for (const Real number : matrices[m]->of({18, 1}).numbers()) expect(number == static_cast<Real>(m + 1)) << m;
  };

  "padding stays 0 through forward, backward and learning, with columns that fill no Line"_test = [] {
    SplitMix64 random{4};
    for (const size_t hidden : {3, 33})
      for (const size_t languages : {3, 40}) {
        const Examples examples = random_names(40, 5, languages, random);
        Settings settings;
        settings.hidden = hidden;
        Training training(settings, examples, 5, languages);
        auto run = in_turn;
        train_epoch(training, examples, 0, run, [](size_t, size_t) {});
        const Network& network = training.network;
        expect(padding(network.parameters) == 0 && padding(training.velocity) == 0 && padding(training.gradient) == 0);
        expect(padding(View<const Real>(network.W_transposed)) == 0);
        expect(padding(View<const Real>(network.V_transposed)) == 0);
        for (const Shard& shard : training.shards)
          for (const Matrix* matrix : {&shard.unrolled.h, &shard.unrolled.o, &shard.unrolled.y, &shard.unrolled.d_o,
                                       &shard.unrolled.d_a, &shard.unrolled.h_before}) {
            expect(padding(View<const Real>(*matrix)) == 0) << hidden << languages;
          }
      }
  };

  "a gradient adds to what is there, and is the sum over the names"_test = [] {
    SplitMix64 random{5};
    const Network network(initial_parameters(5, 4, 3, random));
    const Real prefix_weight = static_cast<Real>(0.15);
    Parameters sum = zero_like(network.parameters);
    for (const Example& example : unequal_names()) {
      Unrolled alone = unroll(network.parameters, {example});
      forward(network, alone);
      backward(network, alone, prefix_weight, sum);
    }
    const Parameters together = gradient_of(network, unequal_names(), prefix_weight);
    expect(distance(numbers(sum), numbers(together)) < (is_float ? 1e-6 : 1e-14));
  };

  "a mini-batch of any size has the gradient, norm and score of its names packed at once"_test = [] {
    SplitMix64 random{6};
    for (const size_t count : {1, 15, 16, 17, 33, 129, 300}) {
      Examples examples = random_names(count, 5, 3, random);
      examples.back().symbols = {4};  // the end alone: T = 1
      Settings settings;
      settings.hidden = 4;
      settings.batch_size = count;
      Training training = small_training(settings, examples);
      const size_t shards = std::min<size_t>((count + 15) / 16, 8);
      expect(training.shards.size() == shards) << count << "names";
      const Parameters wanted = gradient_of(training.network, examples, static_cast<Real>(settings.prefix_weight));
      auto run = in_turn;
      Score score, wanted_score;
      const Real squares = compute_gradient(training, examples, all_names(examples), run, score);
      Unrolled u = unroll(training.network.parameters, examples);
      forward(training.network, u);
      for (size_t r = 0; r < u.packed.last.size(); ++r)
        if (u.packed.last[r]) wanted_score.add(View<Real>(u.o).row(r), View<Real>(u.y).row(r), 3, u.packed.language[r]);
      const double tolerance = static_cast<double>(count) * (is_float ? 1e-5 : 1e-13);
      expect(distance(numbers(training.gradient), numbers(wanted)) < tolerance) << count;
      expect(score.names == count && score.correct == wanted_score.correct) << count;
      expect_near(score.cross_entropy, wanted_score.cross_entropy, tolerance);
      double sum = 0;
      for (const Real g : numbers(wanted)) sum += static_cast<double>(g) * static_cast<double>(g);
      expect_near(squares / sum, 1, is_float ? 1e-5 : 1e-12);
    }
  };

  "slices are dealt from the sorted names, and slice s is computed in shard s mod the number of shards"_test = [] {
    SplitMix64 random{6};
    const Examples examples = random_names(300, 5, 3, random);
    Settings settings;
    settings.hidden = 4;
    settings.batch_size = 300;
    Training training = small_training(settings, examples);
    auto run = in_turn;
    Score score;
    compute_gradient(training, examples, all_names(examples), run, score);
    const std::vector<size_t> sorted = by_length(examples);
    for (size_t s = 0; s < 8; ++s) {  // 19 slices; the last of shard s is slice s + 16 if there is one, else s + 8
      std::vector<size_t> wanted;
      for (size_t k = s + 16 < 19 ? s + 16 : s + 8; k < 300; k += 19) wanted.push_back(sorted[k]);
      expect(training.shards[s].names == wanted) << s;
      size_t names = 0;
      for (size_t k = 0; k < 300; ++k) names += k % 19 % 8 == s;
      expect(training.shards[s].score.names == names) << s;
    }
  };

  "no result depends on the order in which run calls"_test = [] {
    SplitMix64 random{8};
    const Examples examples = random_names(200, 5, 3, random);
    Settings settings;
    settings.hidden = 20;
    settings.batch_size = 64;
    Training one = small_training(settings, examples), other = small_training(settings, examples);
    auto run = in_turn;
    auto run_backward = backward_in_turn;
    for (size_t epoch = 0; epoch < 3; ++epoch) {
      const Report a = train_epoch(one, examples, epoch, run, [](size_t, size_t) {});
      const Report b = train_epoch(other, examples, epoch, run_backward, [](size_t, size_t) {});
      expect(a.norm == b.norm && a.score.cross_entropy == b.score.cross_entropy && a.score.correct == b.score.correct);
    }
    expect(distance(one.network.parameters.numbers(), other.network.parameters.numbers()) == 0);
  };

  "two steps of learning go by v = momentum v + factor g, parameter -= rate v, with W' and V' renewed"_test = [] {
    for (const double clip_norm : {0.01, 1e6}) {
      Settings settings;
      settings.hidden = 4;
      settings.clip_norm = clip_norm;
      settings.momentum = 0.75;
      settings.batch_size = 5;
      const Examples examples = unequal_names();
      Training training = small_training(settings, examples);
      Parameters parameters = training.network.parameters, velocity = zero_like(parameters);
      auto run = in_turn;
      for (const double rate : {0.5, 0.25}) {
        Report report;
        const Parameters g = gradient_of(Network(parameters), examples, static_cast<Real>(settings.prefix_weight));
        double squares = 0;
        for (const Real x : numbers(g)) squares += static_cast<double>(x) * static_cast<double>(x);
        const double norm = std::sqrt(squares), factor = std::min(1.0, clip_norm / norm);
        for (size_t k = 0; k < parameters.numbers().size(); ++k) {
          Real& v = velocity.numbers()[k];
          v = static_cast<Real>(0.75 * static_cast<double>(v) + factor * static_cast<double>(numbers(g)[k]));
          parameters.numbers()[k] -= static_cast<Real>(rate) * v;
        }
        learn(training, examples, all_names(examples), static_cast<Real>(rate), run, report);
        expect_near(report.norm / norm, 1, is_float ? 1e-5 : 1e-12);
        expect_near(report.factor / factor, 1, is_float ? 1e-5 : 1e-12);
        expect((report.factor == 1) == (clip_norm > 1)) << "clipping never makes a gradient longer";
        expect(distance(training.network.parameters.numbers(), parameters.numbers()) < (is_float ? 1e-5 : 1e-13));
      }
      const Network renewed(training.network.parameters);
      const auto same = [](const Matrix& a, const Matrix& b) {
        return distance(View<const Real>(a).numbers(), View<const Real>(b).numbers()) == 0;
      };
      expect(same(training.network.W_transposed, renewed.W_transposed));
      expect(same(training.network.V_transposed, renewed.V_transposed));
      const auto [U_transposed, b, W, V, c] = training.network.parameters.matrices();
      expect(View<const Real>(renewed.W_transposed)(1, 2) == W(2, 1));
      expect(View<const Real>(renewed.V_transposed)(3, 1) == V(1, 3));
    }
  };

  "two steps of learning agree with numbers worked out by hand, the first of them clipped"_test = [] {
    Settings settings;
    settings.hidden = 1;
    settings.prefix_weight = 0.5;
    settings.momentum = 0.75;
    settings.clip_norm = 1.5;
    Training training(settings, one_letter, 2, 2);
    training.network = Network(by_hand());
    auto run = in_turn;
    const double tolerance = is_float ? 2e-6 : 1e-14;
    const auto expect_step = [&](double rate, double norm, double factor, std::array<double, 8> wanted) {
      Report report;
      learn(training, one_letter, all_names(one_letter), static_cast<Real>(rate), run, report);
      expect_near(report.norm, norm, 4 * tolerance);
      expect_near(report.factor, factor, tolerance);
      const auto [U_transposed, b, W, V, c] = training.network.parameters.matrices();
      const Real found[] = {
          U_transposed(0, 0), U_transposed(1, 0), b(0, 0), W(0, 0), V(0, 0), V(1, 0), c(0, 0), c(0, 1)};
      for (size_t k = 0; k < 8; ++k) expect_near(found[k], wanted[k], 4 * tolerance);
    };
    expect_step(0.5, 3.372461195725403, 0.444779024263126,  // 1.5 / 3.37 ...
                {0.165302466063807, -0.409077407822846, -0.393774941759039, 1.914567547009570, 0.836026149898460,
                 -0.836026149898460, -0.245239367690066, 0.545239367690066});
    expect_step(0.25, 0.551151085852045, 1,
                {-0.029231050598627, -0.480761269476381, -0.659992320075008, 1.885232017560890, 0.802224811009925,
                 -0.802224811009925, -0.391824136878795, 0.691824136878795});
  };

  "a gradient that is not finite changes nothing, and ends the epoch"_test = [] {
    Settings settings;
    settings.hidden = 4;
    settings.batch_size = 2;
    const Examples examples = unequal_names();
    Training training = small_training(settings, examples);
    training.network.parameters.matrices().W(1, 1) = std::numeric_limits<Real>::quiet_NaN();
    const Parameters before = training.network.parameters;
    auto run = in_turn;
    size_t batches = 0;
    const Report report = train_epoch(training, examples, 0, run, [&](size_t, size_t) { ++batches; });
    expect(!std::isfinite(report.norm) && report.factor == 1 && batches == 1u);
    const auto [U_transposed, b, W, V, c] = training.network.parameters.matrices();
    expect(V(0, 0) == before.matrices().V(0, 0) && U_transposed(1, 1) == before.matrices().U_transposed(1, 1));
  };

  "a cross-entropy that is not finite ends the epoch, after its step"_test = [] {
    Settings settings;
    settings.hidden = 4;
    settings.batch_size = 1;
    const Examples examples{{{0, 4}, 1}, {{0, 4}, 1}};  // of language 1, whose logit is far below
    Training training = small_training(settings, examples);
    const auto [U_transposed, b, W, V, c] = training.network.parameters.matrices();
    const Real largest = std::numeric_limits<Real>::max();
    c(0, 0) = largest / 2;
    c(0, 1) = -largest;
    auto run = in_turn;
    size_t batches = 0;
    const Report report = train_epoch(training, examples, 0, run, [&](size_t, size_t) { ++batches; });
    expect(std::isfinite(report.norm) && !std::isfinite(report.score.cross_entropy) && batches == 1u) << batches;
  };

  "the learning rate falls in a line from the first mini-batch of the run to just above 0 at its last"_test = [] {
    Settings settings;
    expect(learning_rate(settings, 0, 40) == 0.007);
    expect_near(learning_rate(settings, 39, 40), 0.007 / 40, 1e-15);
    expect_near(learning_rate(settings, 10, 40), 0.007 * 0.75, 1e-15);
    settings.linear_decay = false;
    expect(learning_rate(settings, 39, 40) == 0.007);
  };

  "an epoch learns from every name once, in the order of its shuffle, at the rates of the whole run"_test = [] {
    SplitMix64 random{9};
    const Examples examples = random_names(7, 5, 3, random);
    Settings settings;
    settings.hidden = 4;
    settings.epochs = 2;
    settings.batch_size = 3;
    Training training = small_training(settings, examples), by_batch = small_training(settings, examples);
    auto run = in_turn;
    expect(training.order == std::vector<size_t>{0, 1, 2, 3, 4, 5, 6});
    SplitMix64 same{settings.seed};
    initial_parameters(5, 4, 3, same);  // the draws that come before the shuffles
    std::vector<size_t> order = training.order;
    for (size_t epoch = 0, k = 0; epoch < 2; ++epoch) {
      std::vector<size_t> done;
      const Report report = train_epoch(training, examples, epoch, run, [&](size_t batch, size_t batches) {
        done.push_back(batch);
        expect(batches == 3u);
      });
      expect(done == std::vector<size_t>{1, 2, 3} && report.score.names == 7u);
      shuffle(order, same);
      expect(training.order == order) << epoch;
      Report sum;
      for (const auto& [first, count] : {Rows{0, 3}, Rows{3, 3}, Rows{6, 1}})
        learn(by_batch, examples, std::span<const size_t>(order).subspan(first, count),
              static_cast<Real>(0.007 * (1 - static_cast<double>(k++) / 6)), run, sum);
      expect(report.score.cross_entropy == sum.score.cross_entropy && report.norm == sum.norm);
    }
    expect(distance(training.network.parameters.numbers(), by_batch.network.parameters.numbers()) == 0);
  };

  "before training the loss is near ln(languages), and twenty names can be learnt by heart"_test = [] {
    SplitMix64 random{1};
    Examples examples;
    for (Symbol i = 0; i < 20; ++i) examples.push_back({{i % 7, i / 7, i % 2, 9}, random.next() % 4});
    Settings settings;
    settings.hidden = 32;
    settings.epochs = 300;
    settings.learning_rate = 0.02;
    Training training(settings, examples, 10, 4);
    auto run = in_turn;
    const auto score = [&] {
      Score sum;
      classify(training.network, examples, run,
               [&](size_t i, const Real* o, const Real* y) { sum.add(o, y, 4, examples[i].language); });
      return sum;
    };
    expect(std::abs(score().mean_cross_entropy() - std::log(4)) < 1) << score().mean_cross_entropy();
    for (size_t epoch = 0; epoch < settings.epochs; ++epoch)
      train_epoch(training, examples, epoch, run, [](size_t, size_t) {});
    expect(score().correct == 20u) << score().correct << score().mean_cross_entropy();
  };

  "every name has one answer, that of its last step, whatever stands beside it, in whatever order run calls"_test = [] {
    SplitMix64 random{8};
    const Network network(initial_parameters(5, 20, 3, random));
    const Examples all = random_names(300, 5, 3, random);
    std::vector<std::array<Real, 6>> together(all.size()), backward(all.size());
    const auto fill = [&](auto& table) {
      return [&](size_t i, const Real* o, const Real* y) {
        expect(table[i][0] == 0) << i << "is answered twice";
        table[i] = {o[0], o[1], o[2], y[0], y[1], y[2]};
      };
    };
    auto run = in_turn;
    auto run_backward = backward_in_turn;
    classify(network, all, run, fill(together));
    classify(network, all, run_backward, fill(backward));
    expect(std::ranges::equal(together, backward));
    Unrolled u = unroll(network.parameters, all);
    forward(network, u);
    const std::vector<size_t> sorted = by_length(all);
    for (size_t i = 0; i < all.size(); ++i) {
      const size_t r = u.packed.step[all[sorted[i]].symbols.size()].first + i;  // its last step
      const Real *o = View<Real>(u.o).row(r), *y = View<Real>(u.y).row(r);
      expect(together[sorted[i]] == std::array<Real, 6>{o[0], o[1], o[2], y[0], y[1], y[2]}) << i;
    }
    size_t tasks = 0;
    auto counting = [&](size_t count, auto&& f) {
      tasks = count;
      in_turn(count, f);
    };
    for (const auto& [names, wanted] : {Rows{1, 1}, Rows{16, 1}, Rows{17, 2}, Rows{256, 16}, Rows{300, 16}}) {
      classify(network, Examples(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(names)), counting,
               [](size_t, const Real*, const Real*) {});
      expect(tasks == wanted) << names << tasks;
    }
  };

  "a score adds up, and gives the mean and the per cent"_test = [] {
    const Real o[] = {0, 1, -1}, y[] = {Real(0.25), Real(0.6), Real(0.15)};
    Score score, other;
    score.add(o, y, 3, 1);
    score.add(o, y, 3, 0);
    expect(score.names == 2u && score.correct == 1u);
    expect_near(score.cross_entropy, -2 * std::log(0.6) + 1, 1e-6);
    expect_near(score.mean_cross_entropy(), -std::log(0.6) + 0.5, 1e-6);
    expect(score.accuracy() == 50);
    other.add(o, y, 3, 1);
    other += score;
    expect(other.names == 3u && other.correct == 2u && other.accuracy() == 200.0 / 3);
    expect_near(other.cross_entropy, -3 * std::log(0.6) + 1, 1e-6);
  };
}
