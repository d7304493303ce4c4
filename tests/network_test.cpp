// The network: products, forward, loss, backward, update, learning.
#include <boost/ut.hpp>
#include "common.hpp"

using namespace boost::ut;
using namespace common;

namespace {

Examples unequal_names() {  // unequal lengths, a one-letter name, an unknown letter, equal lengths; symbol 4 is the end
  Examples examples;
  examples.add({0, 1, 2, 4}, 0);
  examples.add({3, 4}, 1);
  examples.add({1, unknown, 0, 0, 2, 4}, 2);
  examples.add({2, 2, 1, 4}, 1);
  examples.add({unknown, 4}, 0);
  return examples;
}

template <class Real>
void check_products() {
  SplitMix64 random{7};
  for (const size_t m : {1, 3, 8, 9, 17})
    for (const size_t k : {0, 1, 5, 16})
      for (const size_t n : {1, 31, 40}) {
        Matrix<Real> A(m, k), At(k, m), B(k, n), C(m + 2, n), D(m + 2, n);
        for (size_t i = 0; i < m; ++i)
          for (size_t l = 0; l < k; ++l) A(i, l) = At(l, i) = static_cast<Real>(random.uniform());
        for (size_t l = 0; l < k; ++l)
          for (size_t j = 0; j < n; ++j) B(l, j) = static_cast<Real>(random.uniform());
        for (size_t i = 0; i < m + 2; ++i) C(i, 0) = D(i, 0) = static_cast<Real>(i);
        add_product(C.view(), A.view(), B.view());
        add_product(D.view(), At.view().transposed(), B.view());
        double worst = 0;
        for (size_t i = 0; i < m + 2; ++i)
          for (size_t j = 0; j < n; ++j) {
            double sum = j == 0 ? static_cast<double>(i) : 0;
            for (size_t l = 0; l < k && i < m; ++l) sum += static_cast<double>(A(i, l)) * static_cast<double>(B(l, j));
            worst = std::max(
                {worst, std::abs(static_cast<double>(C(i, j)) - sum), std::abs(static_cast<double>(D(i, j)) - sum)});
          }
        expect(worst < (sizeof(Real) == 4 ? 1e-5 : 1e-13)) << m << k << n << worst;
      }
}

}  // namespace

int main() {
  "a product adds A B to the rows that A and C both have, for every height and width, and for a transposed A"_test =
      [] {
        check_products<float>();
        check_products<double>();
      };

  "a row of a product does not depend on the rows beside it"_test = [] {
    SplitMix64 random{3};
    Matrix<float> A(13, 50), B(50, 40), all(13, 40);
    for (size_t l = 0; l < 50; ++l) {
      for (size_t i = 0; i < 13; ++i) A(i, l) = static_cast<float>(random.uniform() - 0.5);
      for (size_t j = 0; j < 40; ++j) B(l, j) = static_cast<float>(random.uniform() - 0.5);
    }
    add_product(all.view(), A.view(), B.view());
    for (size_t i = 0; i < 13; ++i) {
      Matrix<float> one(1, 40);
      add_product(one.view(), A.view().of({i, 1}), B.view());
      for (size_t j = 0; j < 40; ++j) expect(one(0, j) == all(i, j)) << i << j;
    }
  };

  "forward agrees with numbers worked out by hand"_test = [] {
    // One hidden unit, two languages, one letter: a_1 = 0.1 + 0.5, a_2 = 0.1 - 0.25 + 2 tanh(0.6), o = c + V h.
    Parameters<double> p(2, 1, 2);
    p.Ut(0, 0) = 0.5;
    p.Ut(1, 0) = -0.25;
    p.b(0, 0) = 0.1;
    p.W(0, 0) = 2;
    p.V(0, 0) = 1;
    p.V(1, 0) = -1;
    p.c(0, 1) = 0.3;
    Examples examples;
    examples.add({0, 1}, 1);
    Unrolled<double> u = unroll(p, examples);
    forward(Network<double>(p), u);
    expect(std::abs(u.h(0, 0) - 0.5370495669980353) < 1e-15) << u.h(0, 0);  // tanh(0.6)
    expect(std::abs(u.h(1, 0) - std::tanh(0.9240991339960706)) < 1e-15);
    // o_1 = (h_1, 0.3 - h_1), so that y_1[1] = 1 / (1 + e^(2 h_1 - 0.3))
    expect(std::abs(u.y(0, 1) - 1 / (1 + std::exp(2 * 0.5370495669980353 - 0.3))) < 1e-15);
    const double h2 = std::tanh(0.9240991339960706), value = loss(u, 0.5);
    const double by_hand =
        0.5 * std::log1p(std::exp(2 * 0.5370495669980353 - 0.3)) + std::log1p(std::exp(2 * h2 - 0.3));
    expect(std::abs(value - by_hand) < 1e-14) << value << by_hand;
  };

  "softmax stands huge logits, and so does the loss"_test = [] {
    Matrix<double> o(1, 3), y(1, 3);
    o(0, 0) = 1e6;
    o(0, 1) = -1e6;
    o(0, 2) = 1e6;
    softmax(o.row(0), y.row(0), 3);
    expect(y(0, 0) == 0.5 && y(0, 1) == 0 && y(0, 2) == 0.5);
    expect(std::abs(cross_entropy(o.row(0), y.row(0), 0, 1) - (2e6 + std::log(2))) < 1e-6);
  };

  "every parameter's gradient agrees with central differences"_test = [] {
    SplitMix64 random{11};
    for (const size_t hidden : {1, 3, 17})
      for (const size_t languages : {2, 3, 33})
        for (const double prefix_weight : {0.0, 0.15, 1.0}) {
          const auto errors =
              check_gradient(initial_parameters<double>(5, hidden, languages < 3 ? 3 : languages, random),
                             unequal_names(), prefix_weight);
          expect(errors.size() == 5);
          for (const GradientError& e : errors)
            expect(e.error < 1e-7) << e.name << hidden << languages << prefix_weight << e.error;
        }
  };

  "a gradient that is not a number does not pass the check"_test = [] {
    SplitMix64 random{11};
    Parameters<double> p = initial_parameters<double>(5, 3, 3, random);
    p.b(0, 1) = std::numeric_limits<double>::quiet_NaN();
    for (const GradientError& e : check_gradient(p, unequal_names(), 0.15)) expect(e.error > 1) << e.name << e.error;
  };

  "a gradient adds to what is there, and is the sum over the names"_test = [] {
    SplitMix64 random{5};
    const Network<double> network(initial_parameters<double>(5, 4, 3, random));
    const Examples all = unequal_names();
    Parameters<double> together = zero_like(network.parameters), sum = together;
    Unrolled<double> u = unroll(network.parameters, all);
    forward(network, u);
    backward(network, u, 0.15, together);
    for (size_t i = 0; i < all.size(); ++i) {
      Unrolled<double> alone = unroll(network.parameters, only(all, i));
      forward(network, alone);
      backward(network, alone, 0.15, sum);
    }
    for (size_t m = 0; m < 5; ++m)
      for (size_t i = 0; i < sum.matrices()[m]->rows; ++i)
        for (size_t j = 0; j < sum.matrices()[m]->columns; ++j)
          expect(std::abs((*sum.matrices()[m])(i, j) - (*together.matrices()[m])(i, j)) < 1e-13);
  };

  "a batch of several slices has the gradient of one"_test = [] {
    SplitMix64 random{6};
    const Parameters<double> initial = initial_parameters<double>(5, 4, 3, random);
    Examples examples;
    for (size_t i = 0; i < 60; ++i)
      for (size_t k = 0; k < 5; ++k) {
        const Examples one = only(unequal_names(), k);
        examples.add(one.symbols, one.language[0]);
      }
    std::vector<size_t> names(examples.size());
    std::iota(names.begin(), names.end(), size_t{0});
    Settings settings;
    settings.batch_size = names.size();
    Training<double> training(settings, initial, examples.longest());
    auto run = in_turn;
    Report<double> report;
    train_batch(training, examples, names.data(), names.size(), 0.0, run, report);
    Parameters<double> gradient = zero_like(initial);
    Unrolled<double> u = unroll(initial, examples);
    forward(Network<double>(initial), u);
    backward(Network<double>(initial), u, settings.prefix_weight, gradient);
    double squares = 0;
    for (const Matrix<double>* matrix : gradient.matrices())
      for (const double g : matrix->entries) squares += g * g;
    expect(names.size() > 2 * most_shards * slice_names && report.score.names == names.size());
    expect(std::abs(report.norm - std::sqrt(squares)) < 1e-11 * report.norm) << report.norm << std::sqrt(squares);
  };

  "clipping scales the gradient down to clip_norm, and never up"_test = [] {
    for (const double clip_norm : {0.01, 1e6}) {
      SplitMix64 random{5};
      Settings settings;
      settings.clip_norm = clip_norm;
      settings.momentum = 0;
      settings.batch_size = 5;
      const Parameters<double> before = initial_parameters<double>(5, 4, 3, random);
      Training<double> training(settings, before, 6);
      const Examples examples = unequal_names();
      const size_t names[] = {0, 1, 2, 3, 4};
      auto run = in_turn;
      Report<double> report;
      train_batch(training, examples, names, 5, 1.0, run, report);
      double moved = 0;
      Parameters<double> start = before;
      for (size_t m = 0; m < 5; ++m)
        for (size_t i = 0; i < start.matrices()[m]->rows; ++i)
          for (size_t j = 0; j < start.matrices()[m]->columns; ++j)
            moved += std::pow((*start.matrices()[m])(i, j) - (*training.network.parameters.matrices()[m])(i, j), 2);
      expect(std::abs(std::sqrt(moved) - std::min(clip_norm, report.norm)) < 1e-9) << moved << report.norm;
      expect(report.factor == std::min(1.0, clip_norm / report.norm));
      expect(training.network.Wt(1, 2) == training.network.parameters.W(2, 1)) << "transposed copies are renewed";
      expect(training.network.Vt(3, 1) == training.network.parameters.V(1, 3));
    }
  };

  "a gradient that is not finite changes nothing"_test = [] {
    SplitMix64 random{5};
    Parameters<float> p = initial_parameters<float>(5, 4, 3, random);
    p.W(1, 1) = std::numeric_limits<float>::quiet_NaN();
    Settings settings;
    Training<float> training(settings, p, 6);
    const size_t names[] = {0, 1, 2, 3, 4};
    auto run = in_turn;
    Report<float> report;
    train_batch(training, unequal_names(), names, 5, 1.0, run, report);
    expect(!std::isfinite(report.norm));
    expect(training.network.parameters.V(0, 0) == p.V(0, 0));
  };

  "before training the loss is near ln(languages), and twenty names can be learnt by heart"_test = [] {
    SplitMix64 random{1};
    Examples examples;
    for (size_t i = 0; i < 20; ++i) {
      std::vector<Symbol> name;
      for (size_t k = 0; k < 2 + i % 5; ++k) name.push_back(static_cast<Symbol>(random.next() % 9));
      name.push_back(9);
      examples.add(name, i % 4);
    }
    Settings settings;
    settings.hidden = 32;
    settings.epochs = 300;
    settings.learning_rate = 0.02;
    Training<float> training(settings, initial_parameters<float>(10, 32, 4, random), examples.longest());
    std::vector<size_t> order(20);
    std::iota(order.begin(), order.end(), size_t{0});
    auto run = in_turn;
    Score before, after;
    classify(training.network, examples, run,
             [&](size_t i, const float* o, const float* y) { before.count(o, y, 4, examples.language[i]); });
    expect(std::abs(before.mean_loss() - std::log(4)) < 0.5) << before.mean_loss();
    for (size_t epoch = 0; epoch < settings.epochs; ++epoch)
      train_epoch(training, examples, order, epoch, random, run, [](size_t, size_t) {});
    classify(training.network, examples, run,
             [&](size_t i, const float* o, const float* y) { after.count(o, y, 4, examples.language[i]); });
    expect(after.correct == 20) << after.correct << after.mean_loss();
  };

  "a batch is packed by falling length, ties in their order, a row for each name that still has a symbol"_test = [] {
    const Examples examples = unequal_names();
    SplitMix64 random{1};
    const Batch batch = unroll(initial_parameters<float>(5, 2, 3, random), examples).batch;
    expect(batch.name == std::vector<size_t>{2, 0, 3, 1, 4});
    expect(batch.first_row == std::vector<size_t>{0, 0, 5, 10, 13, 16, 17, 18, 18});
    expect(batch.symbol == std::vector<Symbol>{1, 0, 2, 3, unknown, unknown, 1, 2, 4, 4, 0, 2, 1, 0, 4, 4, 2, 4});
    expect(batch.steps() == 6 && batch.step(0).count == 0 && batch.step(7).count == 0);
  };
}
