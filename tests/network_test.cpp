// The network: part 1 of rnn.hpp against numbers by hand; part 2 against part 1; what learns and what answers. Built in
// double, and in float by network_float_test.cpp.
#include "common.hpp"
#include "ut.hpp"

using namespace boost::ut;
using namespace common;
using fast::Rows, fast::View;

namespace {

constexpr bool is_float = sizeof(Real) == sizeof(float);
constexpr double tolerance = is_float ? 1e-5 : 1e-12;  // of the largest number, between both parts

fast::Matrix random_matrix(size_t rows, size_t columns, SplitMix64& random) {
  fast::Matrix matrix(rows, columns);
  const View<Real> entries = matrix;
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) entries(i, j) = static_cast<Real>(random.uniform() - 0.5);
  return matrix;
}

// The largest number in the padding of all rows.
double padding(View<const Real> matrix) {
  Largest largest;
  for (size_t i = 0; i < matrix.rows; ++i)
    for (size_t j = matrix.columns; j < matrix.width; ++j) largest(static_cast<double>(matrix.row(i)[j]));
  return largest;
}
double padding(const fast::Parameters& p) {
  Largest largest;
  for (const auto matrix : fast::all_matrices) largest(padding(p.*matrix));
  return largest;
}

// The numbers of some rows without their padding, row after row.
std::vector<Real> entries(View<const Real> rows) {
  std::vector<Real> numbers;
  for (size_t i = 0; i < rows.rows; ++i) numbers.insert(numbers.end(), rows.row(i), rows.row(i) + rows.columns);
  return numbers;
}

// Random names of 1 to 8 symbols, the last of which is the end; one letter in ten is unknown.
Examples random_names(size_t count, size_t symbols, size_t languages, SplitMix64& random) {
  Examples examples;
  for (size_t i = 0; i < count; ++i) {
    Example name{{}, random.next() % languages};
    for (size_t left = random.next() % 8; left > 0; --left) {
      const Symbol letter = static_cast<Symbol>(random.next() % (symbols - 1));
      name.symbols.push_back(random.next() % 10 == 0 ? unknown : letter);
    }
    name.symbols.push_back(static_cast<Symbol>(symbols - 1));
    examples.push_back(name);
  }
  return examples;
}

// One hidden unit, two languages, one letter: part 1 and the README work this out by hand.
Parameters by_hand() {
  Parameters p = zero_parameters(2, 1, 2);
  p.U.numbers = {static_cast<Real>(0.5), static_cast<Real>(-0.25)};
  p.b.numbers = {static_cast<Real>(0.1)};
  p.W.numbers = {2};
  p.V.numbers = {1, -1};
  p.c.numbers = {0, static_cast<Real>(0.3)};
  return p;
}
const Examples one_letter{{{0, 1}, 1}};

void expect_near(double found, double wanted, double most, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
  expect(std::abs(found - wanted) <= most) << found << "is not" << wanted << "at" << file << line;
}

// The steps of part 2 for all examples, packed together, and the gradient of the sum of their L.
struct FastPasses {
  fast::Unrolled u;
  Parameters gradient;
};
FastPasses fast_passes(const Parameters& p, const Examples& examples, Real prefix_weight) {
  const fast::Network network(p);
  fast::Unrolled u = unroll(p, examples);
  fast::Parameters gradient(p.symbols, p.hidden, p.languages);
  fast::forward(network, u);
  fast::backward(network, u, prefix_weight, gradient);
  return {u, gradient.plain()};
}

// Training on examples of 5 symbols and 3 languages.
Training small_training(const Settings& settings, const Examples& examples) {
  return start_training(settings, 5, 3, examples.size());
}

// Both ways to learn from a mini-batch, and the parameters that they have made of their training.
struct Plain {
  Training training;
  const Examples& examples;
  double learn(std::span<const size_t> batch, Real rate, Score& score) {
    return rnn::learn(training, examples, batch, rate, score);
  }
  Parameters parameters() const { return training.parameters; }
};
struct Fast {
  Training training;
  const Examples& examples;
  fast::Learner learner{training, examples};
  double learn(std::span<const size_t> batch, Real rate, Score& score) {
    return fast::learn(learner, examples, batch, rate, in_turn, score);
  }
  Parameters parameters() const { return learner.network.parameters.plain(); }
};

// Calls test with each of both ways.
void for_both(const Training& training, const Examples& examples, auto test) {
  Plain plain{training, examples};
  test(plain);
  Fast quick{training, examples};
  test(quick);
}

}  // namespace

int main() {
  "the lesson's products are those of the book"_test = [] {
    const Matrix M{2, 3, {1, 2, 3, 4, 5, 6}};
    Vector two{10, 20}, three{10, 20, 30};
    add_product(two, M, {1, -1, 2});
    expect(two == Vector{10 + 5, 20 + 11});
    add_transposed_product(three, M, {1, -1});
    expect(three == Vector{10 - 3, 20 - 3, 30 - 3});
    Matrix outer = M;
    add_outer_product(outer, {1, 2}, {3, 0, -1});
    expect(outer.numbers == Vector{4, 2, 2, 10, 5, 4});
    add_column(two, M, 1);
    expect(two == Vector{17, 36});
    add_column(two, M, unknown);
    expect(two == Vector{17, 36});
    Matrix changed = M;
    add_to_column(changed, 2, {1, 2});
    add_to_column(changed, unknown, {1, 2});
    expect(changed.numbers == Vector{1, 2, 4, 4, 5, 8});
    add(two, {1, 2});
    expect(two == Vector{18, 38});
    expect(tanh({0, 1}) == Vector{0, std::tanh(Real{1})});
  };

  "a row is padded to whole lines, and never to a multiple of 2 KB"_test = [] {
    using fast::line, fast::padded;
    expect(padded(1) == line && padded(line) == line && padded(line + 1) == 2 * line);
    for (size_t columns = 1; columns <= 2000; ++columns) {
      expect(padded(columns) >= columns && padded(columns) % line == 0) << columns;
      expect(padded(columns) * sizeof(Real) % 2048 != 0) << columns;
      expect(padded(columns) < columns + 2 * line) << columns;
    }
    for (size_t rows = 1; rows < 20; ++rows)
      expect(reinterpret_cast<std::uintptr_t>(fast::Matrix(rows, 5).memory.data()) % 128 == 0) << rows;
  };

  "rows are set, copied and added"_test = [] {
    SplitMix64 random{2};
    const fast::Matrix one = random_matrix(1, 40, random), many = random_matrix(5, 40, random);
    const View<const Real> from = many;
    fast::Matrix to(3, 40);
    set_rows(to, one);
    for (size_t i = 0; i < 3; ++i) expect(entries(to.of({i, 1})) == entries(one)) << i;
    copy(to, many);
    expect(entries(to) == entries(from.of({0, 3})));
    add_row(to, 1, many, 4);
    for (size_t j = 0; j < 40; ++j) expect(View<Real>(to)(1, j) == from(1, j) + from(4, j)) << j;
    expect(entries(to.of({0, 1})) == entries(from.of({0, 1})) && entries(to.of({2, 1})) == entries(from.of({2, 1})));
    expect(padding(View<Real>(to)) == 0);
  };

  "a transpose is copied, all of it or some of its rows"_test = [] {
    SplitMix64 random{2};
    for (const size_t rows : {1, 15, 16, 17, 40})
      for (const size_t first : {0, 1}) {
        const fast::Matrix from = random_matrix(rows, 35, random);
        fast::Matrix to(35, rows);
        copy_transposed(to, from, {first, rows - first});
        const View<const Real> A = from, B = to;
        for (size_t i = 0; i < rows; ++i)
          for (size_t j = 0; j < 35; ++j) expect(B(j, i) == (i < first ? 0 : A(i, j))) << rows << i << j;
        expect(padding(B) == 0) << rows;
        if (first == 0) continue;
        copy_transposed(to, from);
        for (size_t i = 0; i < rows; ++i)
          for (size_t j = 0; j < 35; ++j) expect(B(j, i) == A(i, j)) << rows << i << j;
      }
  };

  "parameters in rows are those of the lesson, with U, b and c transposed, and turn back into them"_test = [] {
    SplitMix64 random{2};
    const Parameters p = random_parameters(5, 33, 40, random);
    const fast::Network network(p);
    const fast::Parameters& rows = network.parameters;
    expect(numbers_of(rows.plain()) == numbers_of(p) && padding(rows) == 0);
    expect(View<const Real>(rows.U_transposed)(3, 20) == p.U(20, 3) && View<const Real>(rows.W)(3, 20) == p.W(3, 20));
    expect(View<const Real>(rows.b)(0, 20) == p.b(20, 0) && View<const Real>(rows.c)(0, 39) == p.c(39, 0));
    expect(View<const Real>(network.W_transposed)(3, 20) == p.W(20, 3));
    expect(View<const Real>(network.V_transposed)(3, 20) == p.V(20, 3));
    expect(View<const Real>(rows.V)(39, 20) == p.V(39, 20));
  };

  "a product adds A B to the rows that A and C both have, for every height and width, and A' B likewise"_test = [] {
    SplitMix64 random{7};
    for (const size_t m : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 17})
      for (const size_t k : {1, 2, 5, 16})
        for (const size_t n : {1, 31, 33, 70})
          for (const size_t rows_of_C : {m, m + 2, m - std::min<size_t>(m, 1)}) {
            const fast::Matrix A = random_matrix(m, k, random), B = random_matrix(k, n, random);
            fast::Matrix At(k, m), C = random_matrix(rows_of_C, n, random);
            copy_transposed(At, A);
            const fast::Matrix before = C;
            fast::Matrix D = C;
            add_product(C, A, B);
            if (rows_of_C == m) add_transposed_product(D, At, B);
            Largest error;
            for (size_t i = 0; i < rows_of_C; ++i)
              for (size_t j = 0; j < n; ++j) {
                double sum = static_cast<double>(View<const Real>(before)(i, j));
                for (size_t l = 0; l < k && i < m; ++l)
                  sum +=
                      static_cast<double>(View<const Real>(A)(i, l)) * static_cast<double>(View<const Real>(B)(l, j));
                error(static_cast<double>(View<Real>(C)(i, j)) - sum);
                if (rows_of_C == m) error(static_cast<double>(View<Real>(D)(i, j)) - sum);
              }
            expect(error < (is_float ? 1e-5 : 1e-13)) << m << k << n << rows_of_C << error;
            expect(padding(View<Real>(C)) == 0 && padding(View<Real>(D)) == 0) << m << k << n;
          }
  };

  "a row of a product does not depend on the rows beside it"_test = [] {
    SplitMix64 random{3};
    const fast::Matrix A = random_matrix(13, 50, random), B = random_matrix(50, 40, random);
    fast::Matrix all(13, 40);
    add_product(all, A, B);
    for (size_t i = 0; i < 13; ++i) {
      fast::Matrix one(1, 40);
      add_product(one, A.of({i, 1}), B);
      expect(entries(one) == entries(all.of({i, 1}))) << i;
    }
  };

  "initial values: U within 0.7, W within 0.7 / sqrt(hidden), V within 1, each near its bound; b and c are 0"_test =
      [] {
        SplitMix64 random{1};
        const Parameters p = initial_parameters(40, 50, 60, random);
        const auto largest = [](const Matrix& matrix) {
          Largest found;
          for (const Real x : matrix.numbers) found(static_cast<double>(x));
          return static_cast<double>(found);
        };
        expect(largest(p.U) <= 0.7 + 1e-7 && largest(p.U) > 0.69) << largest(p.U);
        expect(largest(p.W) <= 0.7 / std::sqrt(50) + 1e-8 && largest(p.W) > 0.097) << largest(p.W);
        expect(largest(p.V) <= 1 && largest(p.V) > 0.98 && largest(p.b) == 0 && largest(p.c) == 0);
        SplitMix64 same{1};
        for (const Real x : p.U.numbers) expect_near(static_cast<double>(x), (2 * same.uniform() - 1) * 0.7, 1e-7);
        expect_near(static_cast<double>(p.W(0, 0)), (2 * same.uniform() - 1) * 0.7 / std::sqrt(50), 1e-7);
      };

  "names are packed by decreasing length, ties in their order, a row for each name that still has a symbol"_test = [] {
    const fast::Packed packed = unroll(zero_parameters(5, 2, 3), unequal_names()).packed;
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

  "names are sorted by decreasing length, equal lengths in their order"_test = [] {
    Examples examples;
    for (const size_t length : {2, 1001, 3, 2, 1, 3, 0, 1001, 2}) examples.push_back({std::vector<Symbol>(length), 0});
    expect(by_length(examples) == std::vector<size_t>{1, 7, 2, 5, 0, 3, 8, 4, 6});
    expect(fast::longest(examples) == 1001u && fast::longest({}) == 0u);
  };

  "forward, loss and backward agree with numbers worked out by hand"_test = [] {
    const double most = is_float ? 2e-6 : 1e-14;
    const auto [steps, gradient, L] = plain_passes(by_hand(), one_letter, static_cast<Real>(0.5));
    const Step &first = steps[0][1], &second = steps[0][2];
    expect(steps[0].size() == 3u && steps[0][0].h == Vector{0});
    expect_near(first.h[0], 0.5370495669980353, most);   // tanh(0.1 + 0.5)
    expect_near(second.h[0], 0.7278308403979046, most);  // tanh(0.1 - 0.25 + 2 h_1)
    expect_near(first.y[1], 0.31559304906423036, most);  // 1 / (1 + e^(2 h_1 - 0.3))
    expect_near(second.y[1], 0.23945647386924426, most);
    expect_near(L, 2.0060344735274995, 4 * most);
    expect_near(first.d_o[0], 0.3422034754678849, most);
    expect_near(second.d_o[1], -0.7605435261307557, most);
    expect_near(second.d_a[0], 0.7153098466655117, most);
    expect_near(first.d_a[0], 1.5050059273397267, 2 * most);
    expect_near(gradient.c(0, 0), 1.1027470015986407, 2 * most);
    expect_near(gradient.b(0, 0), 2.2203157740052384, 4 * most);
    expect_near(gradient.V(1, 0), -0.7373272621081839, 2 * most);
    expect_near(gradient.W(0, 0), 0.3841568434211441, most);
    expect_near(gradient.U(0, 0), 1.5050059273397267, 2 * most);
    expect_near(gradient.U(0, 1), 0.7153098466655117, most);
  };

  "the losses beside W = 2, as the lesson prints them"_test = [] {
    for (const auto& [W, wanted] : {std::pair{2.001, 2.00642}, std::pair{1.999, 2.00565}}) {
      Parameters p = by_hand();
      p.W(0, 0) = static_cast<Real>(W);
      expect_near(loss(forward(p, one_letter[0].symbols), 1, static_cast<Real>(0.5)), wanted, 6e-6);
    }
  };

  "both parts stand huge logits, and so does the cross-entropy"_test = [] {
    const Vector rows[2] = {{1e6, -1e6, 1e6}, {-1e6, -1e6 - 1, -3e6}};
    fast::Matrix logits(2, 3), probabilities(3, 3);
    const View<Real> o = logits, y = probabilities.of({0, 2}), beyond = probabilities.of({2, 1});
    beyond(0, 0) = 7;
    for (size_t i = 0; i < 2; ++i) std::ranges::copy(rows[i], o.row(i));
    fast::softmax(o, y);
    expect(beyond(0, 0) == 7 && padding(y) == 0) << "the row beyond, and padding";
    for (const bool plain : {false, true}) {
      const Vector first = plain ? softmax(rows[0]) : entries(y.of({0, 1}));
      const Vector second = plain ? softmax(rows[1]) : entries(y.of({1, 1}));
      expect(first == Vector{Real(0.5), 0, Real(0.5)} && second[2] == 0) << plain;
      expect_near(second[0], 1 / (1 + std::exp(-1.0)), 1e-6);
      expect_near(cross_entropy(rows[0], first, 1), 2e6 + std::log(2), is_float ? 0.2 : 1e-9);
      expect_near(cross_entropy(rows[1], second, 0), std::log1p(std::exp(-1.0)), is_float ? 0.1 : 1e-9);
      expect(most_probable(first) == 0u) << "the first of equals";
    }
    const Vector three = softmax({2, 1, 0});  // as the lesson prints it
    expect_near(three[0], 0.67, 0.005);
    expect_near(three[1], 0.24, 0.005);
    expect_near(three[2], 0.09, 0.005);
  };

  "the weight is 1 at the last step, prefix_weight before"_test = [] {
    expect(step_weight(1, 2, 0) == 0 && step_weight(2, 2, 0) == 1 && step_weight(1, 1, 0) == 1);
  };

  "for every shape both parts compute the same h, o, y, d_o, d_a and gradients"_test = [] {
    SplitMix64 random{4};
    for (const size_t hidden : {1, 3, 17, 33, 128})
      for (const size_t languages : {2, 3, 40})
        for (const double weight : {0.0, 0.15, 1.0}) {
          const Parameters p = random_parameters(7, hidden, languages, random);
          Examples examples = random_names(9, 7, languages, random);
          examples.push_back({{6}, 0});                                            // the end alone: T = 1
          examples.push_back({{0, unknown, 2, 3, 4, 5, 0, 1, 2, 3, 3, 3, 6}, 1});  // the longest
          const auto [steps, gradient, L] = plain_passes(p, examples, static_cast<Real>(weight));
          const auto [u, fast_gradient] = fast_passes(p, examples, static_cast<Real>(weight));
          const std::vector<size_t> sorted = by_length(examples);
          Vector plain[5], quick[5];  // h, o, y, d_o, d_a of all steps of all names
          for (size_t i = 0; i < sorted.size(); ++i)
            for (size_t t = 1; t < steps[sorted[i]].size(); ++t) {
              const Step& step = steps[sorted[i]][t];
              const Rows row{u.packed.step[t].first + i, 1};
              const Vector* const theirs[] = {&step.h, &step.o, &step.y, &step.d_o, &step.d_a};
              const fast::Matrix* const ours[] = {&u.h, &u.o, &u.y, &u.d_o, &u.d_a};
              for (size_t block = 0; block < 5; ++block) {
                const Vector found = entries(ours[block]->of(row));
                plain[block].insert(plain[block].end(), theirs[block]->begin(), theirs[block]->end());
                quick[block].insert(quick[block].end(), found.begin(), found.end());
              }
            }
          for (size_t block = 0; block < 5; ++block)
            expect(relative_distance(quick[block], plain[block]) < tolerance)
                << block << hidden << languages << weight << relative_distance(quick[block], plain[block]);
          for (const Listed& each : all_parameters) {
            const double error =
                relative_distance((fast_gradient.*each.matrix).numbers, (gradient.*each.matrix).numbers);
            expect(error < tolerance) << each.name << hidden << languages << weight << error;
          }
        }
  };

  "after ten mini-batches, some of them clipped, both parts have the same parameters"_test = [] {
    SplitMix64 random{4};
    size_t clipped = 0;
    for (const size_t hidden : {1, 17, 33})
      for (const size_t languages : {3, 40}) {
        const Examples examples = random_names(195, 7, languages, random);
        Settings settings;
        settings.hidden = hidden;
        settings.batch_size = 40;  // the fifth mini-batch of an epoch has 35 names
        settings.epochs = 2;
        settings.clip_norm = 1;
        const Training start = start_training(settings, 7, languages, examples.size());
        Plain plain{start, examples};
        Fast quick{start, examples};
        Score plain_score, fast_score;
        size_t batches = 0;
        for (size_t epoch = 0; epoch < 2; ++epoch)
          train_epoch(plain.training, epoch, [&](std::span<const size_t> batch, Real rate) {
            const double norm = plain.learn(batch, rate, plain_score);
            expect_near(quick.learn(batch, rate, fast_score) / norm, 1, tolerance);
            ++batches;
            clipped += norm > settings.clip_norm;
          });
        expect(batches == 10u);
        const double error = relative_distance(numbers_of(quick.parameters()), numbers_of(plain.parameters()));
        expect(error < tolerance) << hidden << languages << error;
        expect(fast_score.correct == plain_score.correct && fast_score.names == 390u && plain_score.names == 390u);
        expect_near(fast_score.sum / plain_score.sum, 1, tolerance);
      }
    expect(clipped > 0u && clipped < 60u) << clipped << "of 60";
  };

  "rows beyond those of the packed names stay as they are"_test = [] {
    SplitMix64 random{4};
    const fast::Network network(initial_parameters(5, 3, 3, random));
    fast::Parameters gradient(5, 3, 3);
    fast::Unrolled u(19, 3, 3);  // the names have 18 symbols
    fast::pack(unequal_names(), by_length(unequal_names()), u.packed);
    const std::array matrices{&u.h, &u.o, &u.y, &u.d_o, &u.d_a, &u.h_before};
    for (size_t m = 0; m < 6; ++m) std::ranges::fill(matrices[m]->of({18, 1}).numbers(), static_cast<Real>(m + 1));
    fast::forward(network, u);
    fast::backward(network, u, 1, gradient);
    for (size_t m = 0; m < 6; ++m)
      for (const Real number : matrices[m]->of({18, 1}).numbers()) expect(number == static_cast<Real>(m + 1)) << m;
  };

  "padding stays 0 through forward, backward and learning, with columns that fill no line"_test = [] {
    SplitMix64 random{4};
    for (const size_t hidden : {3, 33})
      for (const size_t languages : {3, 40}) {
        const Examples examples = random_names(40, 5, languages, random);
        Settings settings;
        settings.hidden = hidden;
        Fast quick{start_training(settings, 5, languages, examples.size()), examples};
        Score score;
        train_epoch(quick.training, 0,
                    [&](std::span<const size_t> batch, Real rate) { quick.learn(batch, rate, score); });
        const fast::Learner& learner = quick.learner;
        const fast::Network& network = learner.network;
        expect(padding(network.parameters) == 0 && padding(learner.velocity) == 0 && padding(learner.gradient) == 0);
        expect(padding(View<const Real>(network.W_transposed)) == 0);
        expect(padding(View<const Real>(network.V_transposed)) == 0);
        for (const fast::Shard& shard : learner.shards)
          for (const fast::Matrix* matrix : {&shard.unrolled.h, &shard.unrolled.o, &shard.unrolled.y,
                                             &shard.unrolled.d_o, &shard.unrolled.d_a, &shard.unrolled.h_before})
            expect(padding(View<const Real>(*matrix)) == 0) << hidden << languages;
      }
  };

  "a gradient adds to what is there, and is the sum over the names"_test = [] {
    SplitMix64 random{5};
    const Parameters p = random_parameters(5, 4, 3, random);
    const fast::Network network(p);
    const Real prefix_weight = static_cast<Real>(0.15);
    fast::Parameters sum(5, 4, 3);
    for (const Example& example : unequal_names()) {
      fast::Unrolled alone = unroll(p, {example});
      fast::forward(network, alone);
      fast::backward(network, alone, prefix_weight, sum);
    }
    const Parameters together = plain_passes(p, unequal_names(), prefix_weight).gradient;
    expect(relative_distance(numbers_of(sum.plain()), numbers_of(together)) < tolerance);
  };

  "a mini-batch of any size has the mean gradient, the norm and the score of its names"_test = [] {
    SplitMix64 random{6};
    for (const size_t count : {1, 15, 16, 17, 33, 129, 300}) {
      Examples examples = random_names(count, 5, 3, random);
      examples.back().symbols = {4};  // the end alone: T = 1
      Settings settings;
      settings.hidden = 4;
      settings.batch_size = count;
      fast::Learner learner(small_training(settings, examples), examples);
      const Parameters p = learner.network.parameters.plain();
      const auto [steps, sum, L] = plain_passes(p, examples, static_cast<Real>(settings.prefix_weight));
      Score score, wanted;
      const double norm = compute_gradient(learner, examples, all_names(examples), in_turn, score);
      std::vector<Real> mean = numbers_of(sum);
      double squares = 0;
      for (Real& g : mean) {
        g /= static_cast<Real>(count);
        squares += static_cast<double>(g) * static_cast<double>(g);
      }
      expect(relative_distance(numbers_of(learner.gradient.plain()), mean) < tolerance) << count;
      expect_near(norm / std::sqrt(squares), 1, tolerance);
      for (size_t i = 0; i < count; ++i) wanted.add(steps[i].back().o, steps[i].back().y, examples[i].language);
      expect(score.names == count && score.correct == wanted.correct) << count;
      expect_near(score.sum / wanted.sum, 1, tolerance);
    }
  };

  "no result depends on the order in which run calls"_test = [] {
    SplitMix64 random{8};
    const Examples examples = random_names(200, 5, 3, random);
    Settings settings;
    settings.hidden = 20;
    settings.batch_size = 64;
    Training training = small_training(settings, examples);
    fast::Learner one(training, examples), other(training, examples);
    bool backward = false;  // not two types of run: the compiler may round differently in what it makes of each
    const auto run = [&](size_t count, auto&& f) {
      for (size_t i = 0; i < count; ++i) f(backward ? count - 1 - i : i);
    };
    for (size_t epoch = 0; epoch < 3; ++epoch)
      train_epoch(training, epoch, [&](std::span<const size_t> batch, Real rate) {
        Score a, b;
        backward = false;
        const double norm = fast::learn(one, examples, batch, rate, run, a);
        backward = true;
        expect(norm == fast::learn(other, examples, batch, rate, run, b));
        expect(a.sum == b.sum && a.correct == b.correct);
      });
    expect(numbers_of(one.network.parameters.plain()) == numbers_of(other.network.parameters.plain()));
  };

  const auto squares_in_double = [] {
    const Examples names{{{0, 1}, 0}};
    Settings settings;
    settings.hidden = 2048;
    settings.batch_size = 1;
    Training training{settings, {1}, zero_parameters(2, 2048, 2), zero_parameters(2, 2048, 2), {0}};
    std::ranges::fill(training.parameters.U.numbers, Real(0.5));
    for (size_t j = 0; j < 2048; ++j) training.parameters.V(0, j) = -(training.parameters.V(1, j) = Real(1e-3));
    double squares = 0;
    for (const Real g : numbers_of(plain_passes(training.parameters, names, Real(0.15)).gradient))
      squares += static_cast<double>(g) * static_cast<double>(g);
    for_both(training, names, [&](auto& learner) {
      Score score;
      const size_t batch[] = {0};
      expect_near(learner.learn(batch, 0, score) / std::sqrt(squares), 1, 1e-6);
    });
  };
  if (is_float) "the squares of 4 million equal numbers are summed in double"_test = squares_in_double;

  "two updates go by v = momentum v + factor g, w -= rate v, with W' and V' copied anew"_test = [] {
    for (const double clip_norm : {0.01, 1e6}) {
      Settings settings;
      settings.hidden = 4;
      settings.clip_norm = clip_norm;
      settings.momentum = 0.75;
      settings.batch_size = 5;
      const Examples examples = unequal_names();
      for_both(small_training(settings, examples), examples, [&](auto& learner) {
        Parameters p = learner.parameters();
        std::vector<Real> w = numbers_of(p), v(w.size());
        for (const double rate : {0.5, 0.25}) {
          size_t at = 0;
          for (const Listed& each : all_parameters)
            for (Real& number : (p.*each.matrix).numbers) number = w[at++];
          const std::vector<Real> sum =
              numbers_of(plain_passes(p, examples, static_cast<Real>(settings.prefix_weight)).gradient);
          double squares = 0;
          for (const Real x : sum) squares += static_cast<double>(x) * static_cast<double>(x) / 25;
          const double norm = std::sqrt(squares), factor = std::min(1.0, clip_norm / norm);
          for (size_t k = 0; k < w.size(); ++k) {
            v[k] = static_cast<Real>(0.75 * static_cast<double>(v[k]) + factor * static_cast<double>(sum[k]) / 5);
            w[k] -= static_cast<Real>(rate) * v[k];
          }
          Score score;
          expect_near(learner.learn(all_names(examples), static_cast<Real>(rate), score) / norm, 1, tolerance);
          expect(score.names == 5u);
          expect((clip_factor(norm, clip_norm) == 1) == (clip_norm > 1)) << "clipping never makes a gradient longer";
          expect(relative_distance(numbers_of(learner.parameters()), w) < tolerance);
        }
      });
      fast::Learner learner(small_training(settings, examples), examples);
      Score score;
      fast::learn(learner, examples, all_names(examples), 1, in_turn, score);
      const fast::Network anew(learner.network.parameters.plain());
      expect(entries(learner.network.W_transposed) == entries(anew.W_transposed));
      expect(entries(learner.network.V_transposed) == entries(anew.V_transposed));
    }
  };

  "two updates agree with numbers worked out by hand, the first of them clipped"_test = [] {
    Settings settings;
    settings.hidden = 1;
    settings.prefix_weight = 0.5;
    settings.momentum = 0.75;
    settings.clip_norm = 1.5;
    Training training = start_training(settings, 2, 2, 1);
    training.parameters = by_hand();
    const double most = is_float ? 8e-6 : 4e-14;
    for_both(training, one_letter, [&](auto& learner) {
      const auto expect_update = [&](double rate, double norm, double factor, std::array<double, 8> wanted) {
        Score score;
        expect_near(learner.learn(all_names(one_letter), static_cast<Real>(rate), score), norm, most);
        expect_near(clip_factor(norm, settings.clip_norm), factor, most);
        const std::vector<Real> found = numbers_of(learner.parameters());  // U, b, W, V, c
        for (size_t k = 0; k < 8; ++k) expect_near(found[k], wanted[k], most);
      };
      expect_update(0.5, 3.372461195725403, 0.444779024263126,  // 1.5 / 3.37 ...
                    {0.165302466063807, -0.409077407822846, -0.393774941759039, 1.914567547009570, 0.836026149898460,
                     -0.836026149898460, -0.245239367690066, 0.545239367690066});
      expect_update(0.25, 0.551151085852045, 1,
                    {-0.029231050598627, -0.480761269476381, -0.659992320075008, 1.885232017560890, 0.802224811009925,
                     -0.802224811009925, -0.391824136878795, 0.691824136878795});
    });
  };

  "a gradient that is not finite changes nothing"_test = [] {
    Settings settings;
    settings.hidden = 4;
    const Examples examples = unequal_names();
    Training training = small_training(settings, examples);
    training.parameters.W(1, 1) = std::numeric_limits<Real>::quiet_NaN();
    for_both(training, examples, [&](auto& learner) {
      Score score;
      const Parameters before = learner.parameters();
      expect(!std::isfinite(learner.learn(all_names(examples), 1, score)));
      const Parameters after = learner.parameters();
      expect(after.V.numbers == before.V.numbers && after.U.numbers == before.U.numbers);
    });
  };

  "a gradient of 0 is not clipped"_test = [] { expect(clip_factor(0, 10) == 1); };

  "the learning rate decreases in a line from the first mini-batch of the run to just above 0 at its last"_test = [] {
    Settings settings;
    settings.learning_rate = 0.007;
    expect(learning_rate(settings, 0, 40) == 0.007);
    expect_near(learning_rate(settings, 39, 40), 0.007 / 40, 1e-15);
    expect_near(learning_rate(settings, 10, 40), 0.007 * 0.75, 1e-15);
    settings.linear_decay = false;
    expect(learning_rate(settings, 39, 40) == 0.007);
  };

  "an epoch learns from every name once, in the order of its shuffle, at the rates of the whole run"_test = [] {
    Settings settings;
    settings.hidden = 4;
    settings.epochs = 2;
    settings.batch_size = 3;
    settings.learning_rate = 0.006;
    Training training = start_training(settings, 5, 3, 7);
    expect(training.order == std::vector<size_t>{0, 1, 2, 3, 4, 5, 6});
    SplitMix64 same{settings.seed};
    initial_parameters(5, 4, 3, same);  // the draws that come before the shuffles
    std::vector<size_t> order = training.order;
    for (size_t epoch = 0, k = 0; epoch < 2; ++epoch) {
      std::vector<std::vector<size_t>> batches;
      train_epoch(training, epoch, [&](std::span<const size_t> batch, Real rate) {
        batches.emplace_back(batch.begin(), batch.end());
        expect_near(rate, 0.006 * (1 - static_cast<double>(k++) / 6), 1e-9);
      });
      shuffle(order, same);
      expect(training.order == order) << epoch;
      expect(batches == std::vector<std::vector<size_t>>{
                            {order[0], order[1], order[2]}, {order[3], order[4], order[5]}, {order[6]}});
    }
    expect(ceil_divide(6, 3) == 2u && ceil_divide(7, 3) == 3u);
  };

  "twenty names can be learnt by heart"_test = [] {
    SplitMix64 random{1};
    Examples examples;
    for (Symbol i = 0; i < 20; ++i) examples.push_back({{i % 7, i / 7, i % 2, 9}, random.next() % 4});
    Settings settings;
    settings.hidden = 32;
    settings.epochs = 300;
    settings.learning_rate = 0.3;
    for_both(start_training(settings, 10, 4, 20), examples, [&](auto& learner) {
      Score score;
      for (size_t epoch = 0; epoch < settings.epochs; ++epoch)
        train_epoch(learner.training, epoch, [&](std::span<const size_t> batch, Real rate) {
          score = {};
          learner.learn(batch, rate, score);
        });
      expect(score.correct == 20u) << score.correct << score.mean_cross_entropy();
    });
  };

  "every name has one answer, that of part 1's last step, whatever is beside it, in whatever order run calls"_test =
      [] {
        SplitMix64 random{8};
        const Parameters p = initial_parameters(5, 20, 3, random);
        const fast::Network network(p);
        const Examples all = random_names(300, 5, 3, random);
        std::vector<std::array<Real, 6>> together(all.size()), backward(all.size());
        const auto fill = [&](auto& table) {
          return [&](size_t i, Numbers o, Numbers y) {
            expect(table[i][3] == 0 && o.size() == 3u && y.size() == 3u) << i << "is answered twice";
            table[i] = {o[0], o[1], o[2], y[0], y[1], y[2]};
          };
        };
        classify(network, all, in_turn, fill(together));
        classify(network, all, backward_in_turn, fill(backward));
        expect(std::ranges::equal(together, backward));
        for (size_t i = 0; i < all.size(); ++i) {
          const Step last = forward(p, all[i].symbols).back();
          const std::vector<Real> wanted{last.o[0], last.o[1], last.o[2], last.y[0], last.y[1], last.y[2]};
          expect(relative_distance(together[i], wanted) < tolerance) << i;
          classify(network, {all[i]}, in_turn, [&](size_t, Numbers o, Numbers y) {
            expect(o[0] == together[i][0] && y[2] == together[i][5]) << i << "alone";
          });
        }
        size_t tasks = 0;
        const auto counting = [&](size_t count, auto&& f) {
          tasks = count;
          in_turn(count, f);
        };
        for (const size_t names : {1, 16, 17, 256, 300}) {
          classify(network, Examples(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(names)), counting,
                   [](size_t, Numbers, Numbers) {});
          expect(tasks >= 1u && tasks <= fast::most_tasks && tasks <= names) << names << tasks;
        }
      };

  "a score adds up, and gives the mean and the per cent"_test = [] {
    const Vector o{0, 1, -1}, y{Real(0.25), Real(0.6), Real(0.15)};
    Score score, other;
    score.add(o, y, 1);
    score.add(o, y, 0);
    expect(score.names == 2u && score.correct == 1u);
    expect_near(score.sum, -2 * std::log(0.6) + 1, 1e-6);
    expect_near(score.mean_cross_entropy(), -std::log(0.6) + 0.5, 1e-6);
    expect(score.accuracy() == 50);
    other.add(o, y, 1);
    fast::add(other, score);
    expect(other.names == 3u && other.correct == 2u && other.accuracy() == 200.0 / 3);
    expect_near(other.sum, -3 * std::log(0.6) + 1, 1e-6);
  };

  "both parts compute the same, as every start checks, up to rounding"_test = [] {
    expect(fast::agrees_with_part_1() && fast::agrees_with_part_1(is_float ? 2e-6 : 1e-14));
    expect(!fast::agrees_with_part_1(0)) << "a difference is noticed";
  };
}
