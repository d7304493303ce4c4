// rnn.hpp: a character-level recurrent network that learns which language a name comes from.
//
// Part 1 is the lesson: the network and how it learns, from the notation to the epoch, in one piece. Part 2 is the
// machinery that makes it fast, which a port need not copy. Part 3 holds the rules around the network, which a port
// copies: random numbers, letters, the split, answers, the model file, F1.
//
// Values in, values or an error out: no file, no terminal, no thread, nothing but the standard library. rnn.cpp makes a
// program of it. (10.8) and the like are equations in Goodfellow, Bengio and Courville, Deep Learning (2016).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace rnn {
using std::size_t;

// =====================================================================================================================
// Part 1. The lesson
// =====================================================================================================================

// ---- 1. Notation ----------------------------------------------------------------------------------------------------
//
// A name is read symbol by symbol, at time steps t = 1 ... T: its letters, then one symbol that says where it ends.
//
//     a_t = b + W h_{t-1} + U x_t    (10.8)     x_t is one-hot: 1 at the place of symbol t, 0 elsewhere; h_0 = 0
//     h_t = tanh(a_t)                (10.9)     the hidden units: what the network remembers of the name so far
//     o_t = c + V h_t                (10.10)    a logit, any number, for each language
//     y_t = softmax(o_t)             (10.11)    its probability (the book's ŷ; its y is `language`); y_T is the answer
//
// Several names are computed at once, all their steps in one matrix: for the book's column h_t it has a row, one for
// each name and step. So every equation is transposed: W h is h W' here, W' da is da W, where ' is the transpose; and a
// sum of da h' over names and steps is a single product, da' h. L is the loss, da_t is short for dL/da_t.
//
//     the book's      here                           shape
//     x_t             symbol                         the place of the 1, for each row
//     h_t             h                              rows (of all steps) x hidden; holds a_t until h_t takes its place
//     o_t, ŷ_t, do_t  o, y, d_o (do is C++)          rows x languages
//     da_t            d_a                            rows x hidden; holds dh_t until da_t takes its place
//     h_{t-1}         h_before                       rows x hidden: copies; a row of step t holds h_{t-1}
//     U               U_transposed                   symbols x hidden, so that a column of U is a row
//     W, V            W, V                           hidden x hidden, languages x hidden
//     W', V'          W_transposed, V_transposed     hidden x hidden, hidden x languages: copies of W and V
//     b, c            b, c                           1 x hidden, 1 x languages
//     dU, db ...      dU_transposed, db ...          as U_transposed, b ...

// ---- 2. What the lesson needs of matrices ---------------------------------------------------------------------------

#ifndef REAL
#define REAL float
#endif
using Real = REAL;  // the one type of number: float, or double where the compiler is told -DREAL=double

// Memory comes in pieces of 128 bytes, at multiples of 128, so that vectors of numbers load fast.
struct alignas(128) Line {
  static constexpr size_t size = 128 / sizeof(Real);
  Real numbers[size];
};

struct Rows {  // first ... first + count - 1 of a matrix
  size_t first, count;
};

// The width of a row of so many columns, with padding: whole Lines. Padding is always 0: loops run over whole rows, and
// make 0 of 0; but softmax, which makes e^x of it, clears it afterwards. The norm, of all numbers, relies on that.
size_t padded(size_t columns);

// Some rows of a matrix, or their transpose, where they stand in memory: a row there starts `width` numbers after the
// one before. Number is Real, or const Real where they are only read.
template <class Number>
struct View {
  Number* data;
  size_t rows, columns, width;
  bool is_transposed = false;
  Number& operator()(size_t i, size_t j) const { return is_transposed ? data[j * width + i] : data[i * width + j]; }
  Number* row(size_t i) const { return data + i * width; }            // this and the next two: not of a transpose
  std::span<Number> numbers() const { return {data, rows * width}; }  // row after row, padding too
  View of(Rows some) const {
    assert(some.first + some.count <= rows && !is_transposed);
    return {row(some.first), some.count, columns, width};
  }
  View transposed() const { return {data, columns, rows, width, !is_transposed}; }
  operator View<const Number>() const { return {data, rows, columns, width, is_transposed}; }
};

// A matrix with memory of its own, at first all 0.
struct Matrix {
  size_t rows, columns, width = padded(columns);
  std::vector<Line> lines = std::vector<Line>(rows * width / Line::size);
  Matrix(size_t its_rows, size_t its_columns) : rows(its_rows), columns(its_columns) {}
  operator View<Real>() { return {reinterpret_cast<Real*>(lines.data()), rows, columns, width}; }
  operator View<const Real>() const { return {reinterpret_cast<const Real*>(lines.data()), rows, columns, width}; }
  View<Real> of(Rows some) { return View<Real>(*this).of(some); }
  View<const Real> of(Rows some) const { return View<const Real>(*this).of(some); }
};

// C += A B: three loops over i, j and k, C(i, j) += A(i, k) B(k, j). A may be a transpose, B not (hence W_transposed).
// Row i of A adds to row i of C. (Steps differ in rows, section 4: those that only A has are unused, only C's stay.)
void add_product(View<Real> C, View<const Real> A, View<const Real> B);
void set_rows(View<Real> to, View<const Real> row);                      // each row of `to` = the one row of `row`
void copy_rows(View<Real> to, View<const Real> from);                    // `to` = the first to.rows rows of `from`
void add_row(View<Real> to, size_t i, View<const Real> from, size_t k);  // row i of `to` += row k of `from`

// ---- 3. Parameters --------------------------------------------------------------------------------------------------

struct SplitMix64 {  // random numbers, see part 3
  std::uint64_t state;
  std::uint64_t next();
  double uniform();  // in [0, 1), of one next()
};

// The parameters; or for each of them its gradient, or its velocity. The five matrices stand one after another in one
// piece of memory, so that what is done to every number alike is one loop.
template <class Number>
struct ParameterViews {
  View<Number> U_transposed, b, W, V, c;
};
struct Parameters {
  size_t symbols, hidden, languages;
  std::vector<Line> lines;
  Parameters(size_t its_symbols, size_t its_hidden, size_t its_languages);  // all 0
  ParameterViews<Real> matrices();
  ParameterViews<const Real> matrices() const;
  std::span<Real> numbers();
};

struct Network {  // the parameters, and the transposed copies that the forward pass needs
  Parameters parameters;
  Matrix W_transposed{parameters.hidden, parameters.hidden}, V_transposed{parameters.hidden, parameters.languages};
  explicit Network(Parameters its_parameters);
};

// Initial values: U, W and V are drawn in this order, each row by row in the book's shape. U is uniform in
// +-0.7, W in +-1 / sqrt(2 hidden), V in +-1; b and c are 0. (Chosen by trial. +-1 / sqrt(hidden) for all, which is
// common, learns more slowly: a one-hot x_t brings a single entry of U to each unit, however many symbols there are.)
inline Parameters initial_parameters(size_t symbols, size_t hidden, size_t languages, SplitMix64& random) {
  Parameters parameters(symbols, hidden, languages);
  const auto p = parameters.matrices();
  const auto draw = [&](View<Real> matrix, double bound) {
    for (size_t i = 0; i < matrix.rows; ++i)
      for (size_t j = 0; j < matrix.columns; ++j) matrix(i, j) = static_cast<Real>((2 * random.uniform() - 1) * bound);
  };
  draw(p.U_transposed.transposed(), 0.7);  // U itself
  draw(p.W, 1 / std::sqrt(2 * static_cast<double>(hidden)));
  draw(p.V, 1);
  return parameters;
}

// ---- 4. Names, packed -----------------------------------------------------------------------------------------------

using Symbol = std::uint32_t;                                          // a column of U
inline constexpr Symbol unknown = std::numeric_limits<Symbol>::max();  // a letter of no training name: x_t = 0

struct Example {
  std::vector<Symbol> symbols;  // of the name: its letters, then the end; T of them
  size_t language;
};
using Examples = std::vector<Example>;
using Places = std::span<const size_t>;  // of some examples among all

// Names packed to be computed together: step by step, and in each by falling length. ab and c, $ for the end, become
//
//     step t     0 |   1   |   2   | 3 | 4
//     symbol       |  a c  |  b $  | $ |         name 0 is ab, T = 3
//     row          |  0 1  |  2 3  | 4 |         name 1 is c, T = 2
//
// Step t has a row for each name that has a symbol t. These are always the first of the names, so that row i of step t
// and row i of step t - 1 are of the same name, and no row is wasted on a name that has ended. Step 0 has no rows, nor
// has the step after the last: a product with them adds nothing, and that is how h_0 = 0 and da_{T+1} = 0 come about. A
// name that ends earlier, at step t, has no row in step t + 1, so nothing is added to its row: da_{T+1} = 0 for it too.
struct Packed {
  std::vector<Symbol> symbol;    // of each row,
  std::vector<size_t> language;  // and its name's language,
  std::vector<bool> last;        // and whether the name ends there
  std::vector<Rows> step;        // of steps 0, 1 ... T + 1 of the longest name
  size_t steps() const { return step.size() - 2; }
  Rows all() const { return {0, symbol.size()}; }
};

// Packs the examples `names`, at least one, which stand by falling length.
inline void pack(const Examples& examples, Places names, Packed& packed) {
  packed.symbol.clear();
  packed.language.clear();
  packed.last.clear();
  packed.step.assign(1, {0, 0});
  for (size_t t = 1; t <= examples[names[0]].symbols.size(); ++t) {
    const size_t first = packed.symbol.size();
    for (const size_t name : names) {
      const auto& [symbols, language] = examples[name];
      if (t > symbols.size()) break;
      packed.symbol.push_back(symbols[t - 1]);
      packed.language.push_back(language);
      packed.last.push_back(t == symbols.size());
    }
    packed.step.push_back({first, packed.symbol.size() - first});
  }
  packed.step.push_back({packed.symbol.size(), 0});
}

// ---- 5. Forward -----------------------------------------------------------------------------------------------------

// What the two passes compute for packed names. Rows beyond theirs hold what earlier names left, and are not used.
struct Unrolled {
  Packed packed;
  Matrix h, o, y, d_o, d_a, h_before;
  Unrolled(size_t rows, size_t hidden, size_t languages)
      : h(rows, hidden), o(rows, languages), y(rows, languages), d_o(rows, languages), d_a(rows, hidden),
        h_before(rows, hidden) {}
};

Real fast_exp(Real x);  // e^x for |x| up to 87, 0 below; above, where only padding comes, e^87
Real fast_tanh(Real x);

// h of every row.
inline void forward_hidden(const Network& network, const Packed& packed, Matrix& h) {
  const auto p = network.parameters.matrices();
  for (size_t t = 1; t <= packed.steps(); ++t) {
    const Rows before = packed.step[t - 1], now = packed.step[t];
    const View<Real> a = h.of(now);
    set_rows(a, p.b);                                    // (10.8) a_t = b
    add_product(a, h.of(before), network.W_transposed);  // + W h_{t-1}; names that ended at t - 1 are not used
    for (size_t i = 0; i < now.count; ++i) {
      const Symbol symbol = packed.symbol[now.first + i];
      if (symbol != unknown)
        add_row(a, i, p.U_transposed, symbol);  // + U x_t, which for a one-hot x_t is a column of U
    }
    for (Real& number : a.numbers()) number = fast_tanh(number);  // (10.9) h_t = tanh(a_t)
  }
}

// Each row of y = the softmax of that row of o. Subtracting the maximum changes nothing, but keeps e^o in range.
inline void softmax(View<const Real> o, View<Real> y) {
  for (size_t i = 0; i < o.rows; ++i) {
    const Real* from = o.row(i);
    const Real peak = *std::max_element(from, from + o.columns);
    Real *to = y.row(i), sum = 0;
    for (size_t j = 0; j < o.width; ++j) to[j] = fast_exp(from[j] - peak);
    for (size_t j = 0; j < o.columns; ++j) sum += to[j];
    for (size_t j = 0; j < o.width; ++j) to[j] = j < o.columns ? to[j] / sum : 0;
  }
}

// o and y of the rows of h.
inline void forward_output(const Network& network, View<const Real> h, View<Real> o, View<Real> y) {
  set_rows(o, network.parameters.matrices().c);  // (10.10) o_t = c
  add_product(o, h, network.V_transposed);       // + V h_t
  softmax(o, y);                                 // (10.11) y_t = softmax(o_t)
}

inline void forward(const Network& network, Unrolled& u) {
  const Rows all = u.packed.all();
  forward_hidden(network, u.packed, u.h);
  forward_output(network, u.h.of(all), u.o.of(all), u.y.of(all));
}

// ---- 6. Loss -------------------------------------------------------------------------------------------------------

inline size_t likeliest(const Real* y, size_t languages) { return size_t(std::max_element(y, y + languages) - y); }

// -log y[language], in nats (10.14). y[language] may round to 0, so its logarithm is taken by way of the likeliest
// language: with S the sum of all e^o, log y = o - log S for each, and log S = o[best] - log y[best].
inline Real cross_entropy(const Real* o, const Real* y, size_t languages, size_t language) {
  const size_t best = likeliest(y, languages);
  return o[best] - std::log(y[best]) - o[language];
}

// The weight w_t of row r: 1 at the last step of its name, prefix_weight before. Earlier steps count too, though it is
// y_T that answers, so that a gradient reaches the first letters without passing through all the later ones.
inline Real step_weight(const Packed& packed, size_t r, Real prefix_weight) {
  return packed.last[r] ? 1 : prefix_weight;
}

// What is differentiated: L, the sum over names and steps of w_t * -log y_t[language] (10.14, weighted). Learning needs
// only its gradient; the test of the gradient needs L itself.
inline Real weighted_loss(const Unrolled& u, Real prefix_weight) {
  const View<const Real> o = u.o, y = u.y;
  Real sum = 0;
  for (size_t r = 0; r < u.packed.all().count; ++r)
    sum += step_weight(u.packed, r, prefix_weight) * cross_entropy(o.row(r), y.row(r), y.columns, u.packed.language[r]);
  return sum;
}

// ---- 7. Backward ----------------------------------------------------------------------------------------------------

// d_o and d_a of every row: from the loss back through time.
inline void backward_through_time(const Network& network, Unrolled& u, Real prefix_weight) {
  const auto p = network.parameters.matrices();
  const Rows all = u.packed.all();
  const View<Real> y = u.y.of(all), d_o = u.d_o.of(all);
  for (size_t r = 0; r < all.count; ++r) {
    const Real w = step_weight(u.packed, r, prefix_weight);
    for (size_t j = 0; j < y.width; ++j) d_o.row(r)[j] = w * y.row(r)[j];
    d_o(r, u.packed.language[r]) -= w;  // (10.18) do_t = w_t (y_t - onehot(language))
  }
  std::ranges::fill(u.d_a.of(all).numbers(), Real{0});
  add_product(u.d_a.of(all), d_o, p.V);  // (10.19) dh_t = V' do_t: as rows do_t V, so V goes in untransposed
  for (size_t t = u.packed.steps(); t >= 1; --t) {
    const Rows now = u.packed.step[t], after = u.packed.step[t + 1];
    const View<Real> h = u.h.of(now), d_h = u.d_a.of(now), d_a = d_h;  // da_t takes the place of dh_t
    add_product(d_h, u.d_a.of(after), p.W);  // (10.20, 10.21) + W' da_{t+1}: as rows da_{t+1} W: untransposed
    for (size_t k = 0; k < d_a.numbers().size(); ++k)
      d_a.data[k] = (1 - h.data[k] * h.data[k]) * d_h.data[k];  // da_t = (1 - h_t^2) * dh_t: no name in the book
  }
}

// Adds to `gradient` that of L, in which each matrix is a sum over all names and steps.
inline void backward(const Network& network, Unrolled& u, Real prefix_weight, Parameters& gradient) {
  backward_through_time(network, u, prefix_weight);
  const auto [dU_transposed, db, dW, dV, dc] = gradient.matrices();
  const Rows all = u.packed.all(), from_step_2{u.packed.step[2].first, all.count - u.packed.step[2].first};
  for (size_t r = 0; r < all.count; ++r) {
    const Symbol symbol = u.packed.symbol[r];
    add_row(dc, 0, u.d_o, r);                                         // (10.22) dc += do_t
    add_row(db, 0, u.d_a, r);                                         // (10.23) db += da_t
    if (symbol != unknown) add_row(dU_transposed, symbol, u.d_a, r);  // (10.28) dU += da_t x_t': a column of dU
  }
  for (size_t t = 2; t <= u.packed.steps(); ++t)  // from step 2 on, since h_0 = 0 adds nothing to dW
    copy_rows(u.h_before.of(u.packed.step[t]), u.h.of(u.packed.step[t - 1]));
  add_product(dV, u.d_o.of(all).transposed(), u.h.of(all));                         // (10.24) dV += do_t h_t'
  add_product(dW, u.d_a.of(from_step_2).transposed(), u.h_before.of(from_step_2));  // (10.26) dW += da_t h_{t-1}'
}

// ---- 8. Learning from a mini-batch ----------------------------------------------------------------------------------

// What is reported: sums over the last steps alone, y_T of each name, whatever prefix_weight is.
struct Score {
  double cross_entropy = 0;
  size_t correct = 0, names = 0;
  void add(const Real* o, const Real* y, size_t languages, size_t language);  // a name
  void operator+=(const Score& other);
  double mean_cross_entropy() const;  // the loss that is printed, in nats per name
  double accuracy() const;            // in per cent
};

// The passes for names that stand by falling length, from their symbols to their share in the gradient and the score.
inline void add_names(const Network& network, const Examples& examples, Places names, Real prefix_weight, Unrolled& u,
                      Parameters& gradient, Score& score) {
  pack(examples, names, u.packed);
  forward(network, u);
  for (size_t r = 0; r < u.packed.all().count; ++r)
    if (u.packed.last[r])
      score.add(u.o.of({r, 1}).data, u.y.of({r, 1}).data, network.parameters.languages, u.packed.language[r]);
  backward(network, u, prefix_weight, gradient);
}

struct Settings {
  size_t hidden = 128, epochs = 10, batch_size = 32;
  double learning_rate = 0.007, momentum = 0.9, clip_norm = 14, prefix_weight = 0.15;
  bool linear_decay = true;
  std::uint64_t seed = 1, split_seed = 1;  // of the random numbers; of the split of the names (part 3)
};

struct Shard;  // room for the passes, see part 2
// What training changes, or needs room for.
struct Training {
  Settings settings;
  SplitMix64 random;  // starts from settings.seed, draws the initial parameters, then shuffles
  Network network;
  Parameters velocity;         // v, at first 0
  Parameters gradient;         // of the mini-batch
  std::vector<size_t> order;   // of the examples, at first 0, 1, 2 ...
  std::vector<size_t> sorted;  // the mini-batch, longest name first
  std::vector<Shard> shards;
  Training(const Settings& its_settings, const Examples& examples, size_t symbols, size_t languages);
};

// What training reports: the score of the names, each as it was just before it was learnt from; the norm of the last
// mini-batch's gradient; and, if that is finite, the factor that clipped it.
struct Report {
  Score score;
  Real norm = 0, factor = 1;
};

// Part 2 shares out the work, by a `run` that the caller brings: run(n, f) calls f(0), f(1) ... f(n - 1), each once, in
// any order, perhaps at once, and returns when all are done. (A function with an `auto` parameter is a template.)
//
// training.gradient = the gradient of L of the examples `names`: sorts them by length, clears it, add_names. (They are
// dealt out, to gradients that are then summed, always in one order.) Returns the sum of its squares.
Real compute_gradient(Training& training, const Examples& examples, Places names, auto& run, Score& score);
// Calls f(first, end) for pieces that together are all numbers of the parameters, then renews W' and V'.
void change_parameters(Training& training, auto& run, auto f);

// Learns from a mini-batch, the examples `names`: clipping (section 10.11.1), momentum (8.3.2, but the rate outside v),
// descent. A gradient is cut to clip_norm, since an odd mini-batch can have one so long that its step would ruin the
// parameters; if its norm is not finite, all stays. (A sum over names: twice as many, half the rate, twice clip_norm.)
void learn(Training& training, const Examples& examples, Places names, Real rate, auto& run, Report& report) {
  report.norm = std::sqrt(compute_gradient(training, examples, names, run, report.score));  // of all five together
  if (!std::isfinite(report.norm)) return;
  report.factor = std::min(Real{1}, static_cast<Real>(training.settings.clip_norm) / report.norm);
  const Real factor = report.factor, momentum = static_cast<Real>(training.settings.momentum);
  Real *parameter = training.network.parameters.numbers().data(), *v = training.velocity.numbers().data();
  const Real* gradient = training.gradient.numbers().data();
  change_parameters(training, run, [=](size_t first, size_t end) {
    for (size_t k = first; k < end; ++k) {
      v[k] = momentum * v[k] + factor * gradient[k];
      parameter[k] -= rate * v[k];
    }
  });
}

// ---- 9. The epoch ---------------------------------------------------------------------------------------------------

// The learning rate of mini-batch k, from 0, of `all`, those of every epoch: a line that is 0 just after the last.
inline double learning_rate(const Settings& settings, size_t k, size_t all) {
  if (!settings.linear_decay) return settings.learning_rate;
  return settings.learning_rate * (1 - static_cast<double>(k) / static_cast<double>(all));
}

// Fisher-Yates: item i, from the last down to the second, changes places with item next() mod (i + 1).
inline void shuffle(std::vector<size_t>& items, SplitMix64& random) {
  for (size_t i = items.size(); i-- > 1;) std::swap(items[i], items[random.next() % (i + 1)]);
}

// Shuffles the order further, then learns from every example once; the last mini-batch may be short. Called for epoch
// 0, 1 ... Calls progress(done, batches) after each mini-batch. Ends early if norm or cross-entropy is not finite.
Report train_epoch(Training& training, const Examples& examples, size_t epoch, auto& run, auto progress) {
  const size_t size = training.settings.batch_size, batches = (examples.size() + size - 1) / size;
  shuffle(training.order, training.random);
  Report report;
  for (size_t k = 0; k < batches && std::isfinite(report.norm) && std::isfinite(report.score.cross_entropy); ++k) {
    const double rate = learning_rate(training.settings, epoch * batches + k, training.settings.epochs * batches);
    const Places names = Places(training.order).subspan(k * size, std::min(size, examples.size() - k * size));
    learn(training, examples, names, static_cast<Real>(rate), run, report);
    progress(k + 1, batches);
  }
  return report;
}

// =====================================================================================================================
// A student may stop here.
// =====================================================================================================================

// =====================================================================================================================
// Part 2. The machinery, which makes it fast
// =====================================================================================================================

// ---- 10. Matrices, and names by length ------------------------------------------------------------------------------

inline size_t pieces(size_t whole, size_t most) { return (whole + most - 1) / most; }  // each of at most so many

// A width of many KB would put a whole column into a few sets of the cache, so those get a Line more.
inline size_t padded(size_t columns) {
  const size_t width = pieces(columns, Line::size) * Line::size;
  return width * sizeof(Real) % 2048 == 0 ? width + Line::size : width;
}

inline void set_rows(View<Real> to, View<const Real> row) {
  for (size_t i = 0; i < to.rows; ++i) std::copy_n(row.data, to.width, to.row(i));
}
inline void copy_rows(View<Real> to, View<const Real> from) { std::copy_n(from.data, to.numbers().size(), to.data); }
inline void add_row(View<Real> to, size_t i, View<const Real> from, size_t k) {
  for (size_t j = 0; j < to.width; ++j) to.row(i)[j] += from.row(k)[j];
}

// These rows of `from` become columns of `to`: sixteen at a time, which fill whole cache lines of `to`.
inline void copy_transposed(View<Real> to, View<const Real> from, Rows rows) {
  const size_t end = rows.first + rows.count;
  for (size_t block = rows.first; block < end; block += 16)
    for (size_t j = 0; j < from.columns; ++j)
      for (size_t i = block; i < std::min(block + 16, end); ++i) to.row(j)[i] = from.row(i)[j];
}

inline Parameters::Parameters(size_t its_symbols, size_t its_hidden, size_t its_languages)
    : symbols(its_symbols), hidden(its_hidden), languages(its_languages),
      lines(((symbols + 1 + hidden + languages) * padded(hidden) + padded(languages)) / Line::size) {}

// The five matrices, one after another from `data` on.
template <class Number>
ParameterViews<Number> lay_out(Number* data, const Parameters& p) {
  const auto next = [&](size_t rows, size_t columns) {
    return View<Number>{std::exchange(data, data + rows * padded(columns)), rows, columns, padded(columns)};
  };
  return {next(p.symbols, p.hidden), next(1, p.hidden), next(p.hidden, p.hidden), next(p.languages, p.hidden),
          next(1, p.languages)};
}
inline ParameterViews<Real> Parameters::matrices() { return lay_out(numbers().data(), *this); }
inline ParameterViews<const Real> Parameters::matrices() const {
  return lay_out(reinterpret_cast<const Real*>(lines.data()), *this);
}
inline std::span<Real> Parameters::numbers() {
  return {reinterpret_cast<Real*>(lines.data()), lines.size() * Line::size};
}

inline Network::Network(Parameters its_parameters) : parameters(std::move(its_parameters)) {
  copy_transposed(W_transposed, parameters.matrices().W, {0, parameters.hidden});
  copy_transposed(V_transposed, parameters.matrices().V, {0, parameters.languages});
}

inline constexpr size_t longest_name = 1000, most_hidden = 4096;  // letters of a name; hidden units of a model

inline size_t longest(const Examples& examples) {  // in symbols
  size_t most = 0;
  for (const Example& example : examples) most = std::max(most, example.symbols.size());
  return most;
}

// `sorted` = the names by falling number of symbols; equal numbers keep their order.
inline void sort_by_length(const Examples& examples, Places names, std::vector<size_t>& sorted) {
  sorted.assign(names.begin(), names.end());
  std::ranges::stable_sort(sorted, std::greater(), [&](size_t name) { return examples[name].symbols.size(); });
}

// ---- 11. The product ------------------------------------------------------------------------------------------------

// The widest vector of the machine that this is compiled for, in bytes, and the most rows of C that a product keeps in
// registers, each as two vectors, beside two vectors of B and a number of A: there are 32 registers, or 16.
#if defined(__AVX512F__)
inline constexpr size_t vector_bytes = 64, tile_rows = 8;
#elif defined(__AVX__)
inline constexpr size_t vector_bytes = 32, tile_rows = 6;
#else
inline constexpr size_t vector_bytes = 16, tile_rows = sizeof(void*) == 8 ? 8 : 4;
#endif
inline constexpr size_t tile_columns = 2 * vector_bytes / sizeof(Real);
static_assert(Line::size % tile_columns == 0);

// One tile of C += A B: Height rows of C by two vectors, summed in registers; the compiler unrolls the inner loops.
// Entry (i, k) of A is A[i * row_step + k * column_step]. If fewer rows are left, the next smaller tile does the work.
// + and * act on vectors lane by lane. g++ and clang++ have such types; to a compiler that has not, the attribute says
// nothing and a vector is one number. (clang++ 14 made code of plain arrays that was twenty times slower; g++ did not.)
template <size_t Height>
void add_tile(size_t height, Real* C, size_t C_width, const Real* A, size_t row_step, size_t column_step, size_t count,
              const Real* B, size_t B_width) {
  if constexpr (Height > 1)
    if (height < Height) return add_tile<Height - 1>(height, C, C_width, A, row_step, column_step, count, B, B_width);
  using Vector [[gnu::vector_size(vector_bytes)]] = Real;
  constexpr size_t lanes = sizeof(Vector) / sizeof(Real), vectors = tile_columns / lanes;
  Vector sum[Height][vectors] = {}, b[vectors], c;
  for (size_t k = 0; k < count; ++k) {
    for (size_t v = 0; v < vectors; ++v) std::memcpy(&b[v], B + k * B_width + v * lanes, sizeof b[v]);
    for (size_t i = 0; i < Height; ++i)
      for (size_t v = 0; v < vectors; ++v) sum[i][v] += A[i * row_step + k * column_step] * b[v];
  }
  for (size_t i = 0; i < Height; ++i)
    for (size_t v = 0; v < vectors; ++v) {
      std::memcpy(&c, C + i * C_width + v * lanes, sizeof c);
      c += sum[i][v];
      std::memcpy(C + i * C_width + v * lanes, &c, sizeof c);
    }
}

// Every sum runs over k in rising order, so that a name's result does not depend on the names beside it. Tiles differ
// by at most one in height: 9 rows are 4 + 5, since 8 + 1 would leave most of the multipliers idle.
inline void add_product(View<Real> C, View<const Real> A, View<const Real> B) {
  assert(A.columns == B.rows && B.columns == C.columns && !B.is_transposed && !C.is_transposed);
  const size_t rows = std::min(A.rows, C.rows), row_step = A.is_transposed ? 1 : A.width,
               column_step = A.is_transposed ? A.width : 1;
  for (size_t j = 0; j < C.columns; j += tile_columns)
    for (size_t i = 0, height; i < rows; i += height) {
      height = (rows - i) / pieces(rows - i, tile_rows);
      add_tile<tile_rows>(height, C.row(i) + j, C.width, A.data + i * row_step, row_step, column_step, B.rows,
                          B.data + j, B.width);
    }
}

// ---- 12. exp and tanh -----------------------------------------------------------------------------------------------

// e^x = scale * (1 + p), with scale = 2^k for the integer k nearest to x / ln 2, and p = e^r - 1 for r = x - k ln 2 by
// its Taylor series. Adding 1.5 * 2^23 rounds to an integer and leaves k in the low bits. Beyond +-87, as at +-87.
struct ExpParts {
  float scale, p;
};
inline ExpParts exp_parts(float x) {
  x = x > 87 ? 87 : x < -87 ? -87 : x;
  const float shift = 0x1.8p23f, shifted = x * 1.44269504f + shift, k = shifted - shift;
  const float r = (x - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cp-20f;  // ln 2 in two parts: k times the first is exact
  const float series = 1 / 2.f + r * (1 / 6.f + r * (1 / 24.f + r * (1 / 120.f + r * (1 / 720.f + r * (1 / 5040.f)))));
  return {std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3f800000u), r + r * r * series};
}

// float has functions of its own, since the library's do not vectorise; tests/math_test.cpp measures their errors. Not
// a number stays so. double, which checks gradients, takes the library's.
inline Real fast_exp(Real x) {  // below -87, where floats lose their precision, 0
  if constexpr (sizeof(Real) == sizeof(double)) return std::exp(x);
  const ExpParts e = exp_parts(static_cast<float>(x));
  return x < -87 ? 0 : e.scale + e.scale * e.p;
}
inline Real fast_tanh(Real x) {  // (e^2x - 1) / (e^2x + 1)
  if constexpr (sizeof(Real) == sizeof(double)) return std::tanh(x);
  const ExpParts e = exp_parts(static_cast<float>(2 * x));
  const float e_minus_1 = e.scale * e.p + (e.scale - 1);
  return e_minus_1 / (e_minus_1 + 2);
}

// ---- 13. How a mini-batch is shared out -----------------------------------------------------------------------------

// The names of a mini-batch, sorted by falling length, are dealt out like cards to slices: with n slices, slice s has
// names s, s + n, s + 2 n ..., at most slice_names of them. A slice is packed and computed at once. Slice s is computed
// in shard s mod the number of shards, which has room for a slice and a gradient of its own; there are as many shards
// as a full mini-batch has slices, but at most most_shards. run's f(s) does all that belongs to shard s. None of this
// depends on the threads, and so no result does.
inline constexpr size_t slice_names = 16, most_shards = 8, most_tasks = 16;  // most_tasks: of classify, in part 3

struct alignas(128) Shard {  // on cache lines of its own
  Unrolled unrolled;
  Parameters gradient;
  std::vector<size_t> names = {};  // of the slice
  Score score = {};
  Real squares = 0;  // the sum of those of its share of the whole gradient
};

inline Training::Training(const Settings& its_settings, const Examples& examples, size_t symbols, size_t languages)
    : settings(its_settings), random{settings.seed},
      network(initial_parameters(symbols, settings.hidden, languages, random)),
      velocity(symbols, settings.hidden, languages), gradient(velocity), order(examples.size()) {
  std::iota(order.begin(), order.end(), size_t{0});
  while (shards.size() < std::min(pieces(settings.batch_size, slice_names), most_shards))
    shards.push_back({Unrolled(slice_names * longest(examples), settings.hidden, languages), gradient});
}

// Shard s's share of the rows of a matrix.
inline Rows share(const Training& training, size_t s, View<const Real> matrix) {
  const size_t first = matrix.rows * s / training.shards.size();
  return {first, matrix.rows * (s + 1) / training.shards.size() - first};
}

// Calls f(first, end) for shard s's share of each of the five matrices: numbers first ... end - 1 of the parameters.
// (A thread has the same share in every pass, and so finds much of it in its cache.)
void for_share(Training& training, size_t s, auto f) {
  const auto [U_transposed, b, W, V, c] = training.network.parameters.matrices();
  for (const View<Real>& matrix : {U_transposed, b, W, V, c}) {
    const View<Real> rows = matrix.of(share(training, s, matrix));
    const auto first = static_cast<size_t>(rows.data - U_transposed.data);
    f(first, first + rows.numbers().size());
  }
}

Real compute_gradient(Training& training, const Examples& examples, Places names, auto& run, Score& score) {
  std::vector<Shard>& shards = training.shards;
  const size_t slices = pieces(names.size(), slice_names);
  sort_by_length(examples, names, training.sorted);
  run(shards.size(), [&](size_t s) {
    auto& [unrolled, gradient, slice_of_names, its_score, squares] = shards[s];
    std::ranges::fill(gradient.numbers(), Real{0});
    its_score = {};
    for (size_t slice = s; slice < slices; slice += shards.size()) {
      slice_of_names.clear();
      for (size_t k = slice; k < names.size(); k += slices) slice_of_names.push_back(training.sorted[k]);
      add_names(training.network, examples, slice_of_names, static_cast<Real>(training.settings.prefix_weight),
                unrolled, gradient, its_score);
    }
  });
  run(shards.size(), [&](size_t s) {
    Line squares{};  // sums of every so many, so that the compiler may use whole vectors
    for_share(training, s, [&](size_t first, size_t end) {
      for (size_t l = first / Line::size; l < end / Line::size; ++l) {
        Line& total = training.gradient.lines[l];
        total = shards[0].gradient.lines[l];
        for (size_t other = 1; other < shards.size(); ++other)
          for (size_t j = 0; j < Line::size; ++j) total.numbers[j] += shards[other].gradient.lines[l].numbers[j];
        for (size_t j = 0; j < Line::size; ++j) squares.numbers[j] += total.numbers[j] * total.numbers[j];
      }
    });
    shards[s].squares = std::accumulate(squares.numbers, squares.numbers + Line::size, Real{0});
  });
  Real squares = 0;
  for (const Shard& shard : shards) {
    score += shard.score;
    squares += shard.squares;
  }
  return squares;
}

void change_parameters(Training& training, auto& run, auto f) {
  Network& network = training.network;
  const ParameterViews<Real> from = network.parameters.matrices();
  run(training.shards.size(), [&](size_t s) {
    for_share(training, s, f);
    copy_transposed(network.W_transposed, from.W, share(training, s, from.W));
    copy_transposed(network.V_transposed, from.V, share(training, s, from.V));
  });
}

// =====================================================================================================================
// Part 3. The rules around the network, which a port copies
// =====================================================================================================================

// ---- 14. Random numbers ---------------------------------------------------------------------------------------------

// SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014). The distributions of the
// standard library differ between its implementations; these do not.
inline std::uint64_t SplitMix64::next() {
  state += 0x9e3779b97f4a7c15;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
inline double SplitMix64::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

// ---- 15. Text -------------------------------------------------------------------------------------------------------

// What is wrong with a text, and in which of its lines (0: in none of them).
struct TextError : std::runtime_error {
  size_t line;
  TextError(const std::string& what, size_t its_line) : std::runtime_error(what), line(its_line) {}
};

inline std::string encode_utf8(char32_t letter) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (letter >> shift & 0x3f)); };
  if (letter < 0x80) return {static_cast<char>(letter)};
  if (letter < 0x800) return {static_cast<char>(0xc0 | letter >> 6), tail(0)};
  if (letter < 0x10000) return {static_cast<char>(0xe0 | letter >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | letter >> 18), tail(12), tail(6), tail(0)};
}

// U+0041 and the like.
inline std::string letter_name(char32_t letter) {
  std::string hex;
  for (std::uint32_t rest = letter; rest > 0 || hex.size() < 4; rest /= 16)
    hex.insert(0, 1, "0123456789ABCDEF"[rest % 16]);
  return "U+" + hex;
}

// Whether a number is a code point that text may hold: no surrogate.
inline bool is_code_point(char32_t letter) { return letter <= 0x10ffff && (letter < 0xd800 || letter >= 0xe000); }

// The code points of UTF-8 text; nothing if it is malformed (RFC 3629): if it is not what encode_utf8 makes of them.
inline std::optional<std::u32string> decode_utf8(std::string_view bytes) {
  std::u32string letters;
  for (size_t i = 0, size; i < bytes.size(); i += size) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    size = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t letter = size == 1 ? lead : lead & (0x7fu >> size);
    for (const char byte : bytes.substr(i, size).substr(1)) letter = letter << 6 | (byte & 0x3f);
    if (lead >= 0x80 && (!is_code_point(letter) || bytes.substr(i, size) != encode_utf8(letter))) return {};
    letters.push_back(letter);
  }
  return letters;
}

// Letters are compared without case, by Unicode's simple folding (CaseFolding.txt, status C and S). The table holds all
// of it in U+0000-024F and 1E00-1EFF (Latin), 0370-058F (Greek, Cyrillic, Armenian) and 1C90-1CBF (Georgian capitals),
// and U+0130, the Turkish capital i with a dot, which becomes i. Letters from first to last move by `move`. A move of 1
// marks alternating pairs (Ā ā Ă ă), of which only every second letter moves.
struct Folding {
  char32_t first, last;
  int move;
};
// clang-format off
inline constexpr Folding folding[] = {
    {0x41, 0x5a, 32}, {0xb5, 0xb5, 775}, {0xc0, 0xd6, 32}, {0xd8, 0xde, 32}, {0x100, 0x12e, 1}, {0x130, 0x130, -199},
    {0x132, 0x136, 1}, {0x139, 0x147, 1}, {0x14a, 0x176, 1}, {0x178, 0x178, -121}, {0x179, 0x17d, 1},
    {0x17f, 0x17f, -268}, {0x181, 0x181, 210}, {0x182, 0x184, 1}, {0x186, 0x186, 206}, {0x187, 0x187, 1},
    {0x189, 0x18a, 205}, {0x18b, 0x18b, 1}, {0x18e, 0x18e, 79}, {0x18f, 0x18f, 202}, {0x190, 0x190, 203},
    {0x191, 0x191, 1}, {0x193, 0x193, 205}, {0x194, 0x194, 207}, {0x196, 0x196, 211}, {0x197, 0x197, 209},
    {0x198, 0x198, 1}, {0x19c, 0x19c, 211}, {0x19d, 0x19d, 213}, {0x19f, 0x19f, 214}, {0x1a0, 0x1a4, 1},
    {0x1a6, 0x1a6, 218}, {0x1a7, 0x1a7, 1}, {0x1a9, 0x1a9, 218}, {0x1ac, 0x1ac, 1}, {0x1ae, 0x1ae, 218},
    {0x1af, 0x1af, 1}, {0x1b1, 0x1b2, 217}, {0x1b3, 0x1b5, 1}, {0x1b7, 0x1b7, 219}, {0x1b8, 0x1b8, 1},
    {0x1bc, 0x1bc, 1}, {0x1c4, 0x1c4, 2}, {0x1c5, 0x1c5, 1}, {0x1c7, 0x1c7, 2}, {0x1c8, 0x1c8, 1}, {0x1ca, 0x1ca, 2},
    {0x1cb, 0x1db, 1}, {0x1de, 0x1ee, 1}, {0x1f1, 0x1f1, 2}, {0x1f2, 0x1f4, 1}, {0x1f6, 0x1f6, -97},
    {0x1f7, 0x1f7, -56}, {0x1f8, 0x21e, 1}, {0x220, 0x220, -130}, {0x222, 0x232, 1}, {0x23a, 0x23a, 10795},
    {0x23b, 0x23b, 1}, {0x23d, 0x23d, -163}, {0x23e, 0x23e, 10792}, {0x241, 0x241, 1}, {0x243, 0x243, -195},
    {0x244, 0x244, 69}, {0x245, 0x245, 71}, {0x246, 0x24e, 1}, {0x370, 0x372, 1}, {0x376, 0x376, 1},
    {0x37f, 0x37f, 116}, {0x386, 0x386, 38}, {0x388, 0x38a, 37}, {0x38c, 0x38c, 64}, {0x38e, 0x38f, 63},
    {0x391, 0x3a1, 32}, {0x3a3, 0x3ab, 32}, {0x3c2, 0x3c2, 1}, {0x3cf, 0x3cf, 8}, {0x3d0, 0x3d0, -30},
    {0x3d1, 0x3d1, -25}, {0x3d5, 0x3d5, -15}, {0x3d6, 0x3d6, -22}, {0x3d8, 0x3ee, 1}, {0x3f0, 0x3f0, -54},
    {0x3f1, 0x3f1, -48}, {0x3f4, 0x3f4, -60}, {0x3f5, 0x3f5, -64}, {0x3f7, 0x3f7, 1}, {0x3f9, 0x3f9, -7},
    {0x3fa, 0x3fa, 1}, {0x3fd, 0x3ff, -130}, {0x400, 0x40f, 80}, {0x410, 0x42f, 32}, {0x460, 0x480, 1},
    {0x48a, 0x4be, 1}, {0x4c0, 0x4c0, 15}, {0x4c1, 0x4cd, 1}, {0x4d0, 0x52e, 1}, {0x531, 0x556, 48},
    {0x1c90, 0x1cba, -3008}, {0x1cbd, 0x1cbf, -3008}, {0x1e00, 0x1e94, 1}, {0x1e9b, 0x1e9b, -58},
    {0x1e9e, 0x1e9e, -7615}, {0x1ea0, 0x1efe, 1}};
// clang-format on

inline char32_t fold(char32_t letter) {
  const Folding* range = std::ranges::lower_bound(folding, letter, {}, &Folding::last);
  if (range == std::end(folding) || letter < range->first) return letter;
  return range->move == 1 && (letter - range->first) % 2 == 1 ? letter : letter + static_cast<char32_t>(range->move);
}

inline constexpr std::string_view white_space = " \t\n\v\f\r", byte_order_mark = "\xef\xbb\xbf";

// The name in a line: without a byte order mark at its start, then without ASCII white space at both ends. Any line may
// start with a mark, since files that each begin with one are joined.
inline std::string_view trim(std::string_view line) {
  if (line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  const size_t first = line.find_first_not_of(white_space);
  return first == line.npos ? std::string_view{} : line.substr(first, line.find_last_not_of(white_space) - first + 1);
}

// A name holds no control character: where one stands, the text has columns, other line ends or another encoding.
inline bool is_control(char32_t letter) { return letter < 0x20 || (letter >= 0x7f && letter < 0xa0); }

// What to say of a control character in a name.
inline std::string control_message(char32_t control) {
  if (control == U'\0') return "U+0000 in a name: is this UTF-16? save the text as UTF-8";
  if (control == U'\t') return "a TAB in a name: one line holds one name";
  if (control == U'\n') return "a line feed in a name: one line holds one name";
  if (control == U'\r') return "a carriage return in a name: end each line with a line feed, not as old Macs did";
  if (control == 0x1a) return "Ctrl-Z (U+001A) in a name, where a DOS text ended: delete it";
  return "the control character " + letter_name(control) + " in a name: delete it";
}

// The letters of a trimmed name, as they came. Throws a TextError if it is malformed, holds a control character or is
// too long. A control character may be why there are too many letters, so it is named first; a name of more than
// 4 * longest_name bytes is refused before it is decoded.
inline std::u32string decode_name(std::string_view name, size_t line = 0) {
  if (name.size() <= 4 * longest_name) {
    std::optional<std::u32string> letters = decode_utf8(name);
    if (!letters) throw TextError("malformed UTF-8: save the text as UTF-8", line);
    const auto control = std::ranges::find_if(*letters, is_control);
    if (control != letters->end()) throw TextError(control_message(*control), line);
    if (letters->size() <= longest_name) return std::move(*letters);
  }
  throw TextError("a name of more than " + std::to_string(longest_name) + " letters: one line holds one name", line);
}

// A language is called as its file's stem, with `_` for white space.
inline std::string language_of(std::string stem) {
  for (size_t i; (i = stem.find_first_of(white_space)) != stem.npos;) stem[i] = '_';
  return stem;
}

// ---- 16. Names, and which part they belong to -----------------------------------------------------------------------

// FNV-1a, 64 bits (Fowler, Noll and Vo).
inline std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

// The folded letters in UTF-8: two names are the same if this is.
inline std::string folded(const std::u32string& letters) {
  std::string bytes;
  for (const char32_t letter : letters) bytes += encode_utf8(fold(letter));
  return bytes;
}

struct Name {
  std::string text;    // as it came
  std::uint64_t hash;  // of its folded form
};
struct NameList {  // of one file, in its order, each once
  std::vector<Name> names;
  size_t repeats = 0;
};

// Reads a file of names, one a line. Byte order marks, CRLF, blank lines and white space around a name are passed over,
// and so is a name that stood before. Throws a TextError.
inline NameList read_names(std::string_view text) {
  NameList list;
  std::unordered_set<std::string> seen;
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view name = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (name.empty()) continue;
    const auto [its_folded, is_new] = seen.insert(folded(decode_name(name, line)));
    if (is_new) list.names.push_back({std::string(name), fnv1a(*its_folded)});
    list.repeats += !is_new;
  }
  if (list.names.empty()) throw TextError("no name in it: a file of names has one a line", 0);
  return list;
}

enum class Part { training, validation, test, all };

// A name's part follows from the name alone: eight tenths train, one validates, one tests. So another file or another
// line moves no name, and a name of two languages is never on both sides. All names are of part `all`.
inline bool in_part(const Name& name, Part part, std::uint64_t split_seed) {
  const std::uint64_t tenth = SplitMix64{name.hash + split_seed}.next() % 10;
  return part == Part::all || part == (tenth < 8 ? Part::training : tenth == 8 ? Part::validation : Part::test);
}

// The letters that training saw, folded, by code point. Letter k is symbol k; the symbol after them ends a name.
struct Alphabet {
  std::u32string letters;         // rising
  std::vector<Symbol> symbol_of;  // by folded code point, up to the last of the letters
  explicit Alphabet(std::u32string rising) : letters(std::move(rising)) {
    symbol_of.assign(letters.empty() ? 0 : letters.back() + 1, unknown);
    for (size_t k = 0; k < letters.size(); ++k) symbol_of[letters[k]] = static_cast<Symbol>(k);
  }
  size_t symbols() const { return letters.size() + 1; }

  // The symbols of a name: its letters, then the end.
  std::vector<Symbol> encode(const std::u32string& name) const {
    std::vector<Symbol> symbols;
    symbols.reserve(name.size() + 1);
    for (const char32_t letter : name) {
      const char32_t its_folded = fold(letter);
      symbols.push_back(its_folded < symbol_of.size() ? symbol_of[its_folded] : unknown);
    }
    symbols.push_back(static_cast<Symbol>(letters.size()));
    return symbols;
  }
};

// Languages in byte order, and the names of each.
struct Data {
  std::vector<std::string> languages;
  std::vector<NameList> names;
};

// The alphabet of the training names.
inline Alphabet alphabet_of(const Data& data, std::uint64_t split_seed) {
  std::set<char32_t> letters;
  for (const NameList& list : data.names)
    for (const Name& name : list.names)
      if (in_part(name, Part::training, split_seed))
        for (const char32_t letter : decode_name(name.text)) letters.insert(fold(letter));
  return Alphabet(std::u32string(letters.begin(), letters.end()));
}

// The examples of a part: language by language, names in the order of their files. `languages` are those that the
// network answers with, in byte order; they hold all of the data's.
inline Examples examples_of(const Data& data, Part part, std::uint64_t split_seed, const Alphabet& alphabet,
                            const std::vector<std::string>& languages) {
  Examples examples;
  for (size_t k = 0; k < data.languages.size(); ++k) {
    const auto language = std::lower_bound(languages.begin(), languages.end(), data.languages[k]) - languages.begin();
    for (const Name& name : data.names[k].names)
      if (in_part(name, part, split_seed))
        examples.push_back({alphabet.encode(*decode_utf8(name.text)), static_cast<size_t>(language)});
  }
  return examples;
}

// ---- 17. Answers, confusion and F1 ----------------------------------------------------------------------------------

inline void Score::operator+=(const Score& other) {
  cross_entropy += other.cross_entropy;
  correct += other.correct;
  names += other.names;
}
inline void Score::add(const Real* o, const Real* y, size_t languages, size_t language) {
  *this += {rnn::cross_entropy(o, y, languages, language), likeliest(y, languages) == language, 1};
}
inline double Score::mean_cross_entropy() const { return cross_entropy / static_cast<double>(names); }
inline double Score::accuracy() const { return 100 * static_cast<double>(correct) / static_cast<double>(names); }

// Calls answer(i, o, y) with the last logits and probabilities of every example i, in no order, from up to most_tasks
// tasks of run at once. A name's answer does not depend on the other names.
void classify(const Network& network, const Examples& examples, auto& run, auto answer) {
  const size_t slices = pieces(examples.size(), slice_names), tasks = std::min(slices, most_tasks);
  const size_t rows = slice_names * longest(examples);
  std::vector<size_t> names(examples.size()), sorted;
  std::iota(names.begin(), names.end(), size_t{0});
  sort_by_length(examples, names, sorted);
  run(tasks, [&](size_t task) {
    Packed packed;
    Matrix h(rows, network.parameters.hidden);
    Matrix last_h(slice_names, network.parameters.hidden), o(slice_names, network.parameters.languages), y(o);
    for (size_t slice = task; slice < slices; slice += tasks) {
      const size_t first = slice * slice_names, count = std::min(slice_names, sorted.size() - first);
      pack(examples, std::span(sorted).subspan(first, count), packed);
      forward_hidden(network, packed, h);
      for (size_t t = 1; t <= packed.steps(); ++t) {  // names i ... i + ending - 1 end at step t
        const size_t i = packed.step[t + 1].count, ending = packed.step[t].count - i;
        copy_rows(last_h.of({i, ending}), h.of({packed.step[t].first + i, ending}));
      }
      forward_output(network, last_h.of({0, count}), o.of({0, count}), y.of({0, count}));
      for (size_t i = 0; i < count; ++i) answer(sorted[first + i], o.of({i, 1}).data, y.of({i, 1}).data);
    }
  });
}

// How many names of each language were taken for each.
struct Confusion {
  size_t languages;
  std::vector<size_t> counts;  // languages x languages: true x predicted
  explicit Confusion(size_t its_languages) : languages(its_languages), counts(languages * languages) {}
  size_t& operator()(size_t truth, size_t predicted) { return counts[truth * languages + predicted]; }
  size_t operator()(size_t truth, size_t predicted) const { return counts[truth * languages + predicted]; }
  size_t support(size_t k) const {  // names of language k
    return std::accumulate(&counts[k * languages], &counts[k * languages] + languages, size_t{0});
  }
  size_t predictions(size_t k) const {  // names taken for language k
    size_t sum = 0;
    for (size_t i = 0; i < languages; ++i) sum += (*this)(i, k);
    return sum;
  }
  // 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall; 0 where TP is 0.
  double f1(size_t k) const {
    const double right = static_cast<double>((*this)(k, k));
    return right == 0 ? 0 : 2 * right / static_cast<double>(support(k) + predictions(k));
  }
  // The mean of F1 over the languages that have a name.
  double macro_f1() const {
    double sum = 0, with_names = 0;
    for (size_t k = 0; k < languages; ++k)
      if (support(k) > 0) sum += f1(k), ++with_names;
    return sum / with_names;
  }
};

// ---- 18. Model text -------------------------------------------------------------------------------------------------

struct Model {  // a trained network, and what it takes to use it
  std::uint64_t epoch = 0, split_seed = 0;
  std::string options;                 // of the training, as the command line takes them
  std::vector<std::string> languages;  // in byte order
  Alphabet alphabet{U""};
  Parameters parameters{0, 0, 0};
};

// The matrices by name, in the book's shapes and in the order of the model file.
template <class Number>
std::array<std::pair<std::string, View<Number>>, 5> book_matrices(const ParameterViews<Number>& m) {
  const auto [U_transposed, b, W, V, c] = m;
  return {{{"U", U_transposed.transposed()}, {"b", b.transposed()}, {"W", W}, {"V", V}, {"c", c.transposed()}}};
}
inline std::string matrix_line(const std::string& name, size_t rows, size_t columns) {  // the line above a matrix
  return name + ' ' + std::to_string(rows) + ' ' + std::to_string(columns);
}

// The model file. Each number is the shortest decimal that reads back to the same float, whatever Real is.
inline std::string write_model(const Model& model) {
  const auto count = [](const std::string& name, std::uint64_t n) { return name + ' ' + std::to_string(n) + '\n'; };
  std::string text = "rnn-model 2\n" + count("epoch", model.epoch) + count("split_seed", model.split_seed) +
                     "options " + model.options + '\n' + count("hidden", model.parameters.hidden) +
                     count("languages", model.languages.size());
  for (const std::string& language : model.languages) text += language + '\n';
  text += count("letters", model.alphabet.letters.size());
  for (const char32_t letter : model.alphabet.letters) text += letter_name(letter) + '\n';
  for (const auto& [name, matrix] : book_matrices(model.parameters.matrices())) {
    text += matrix_line(name, matrix.rows, matrix.columns) + '\n';
    for (size_t i = 0; i < matrix.rows; ++i)
      for (size_t j = 0; j < matrix.columns; ++j) {
        char digits[32];
        text.append(digits, std::to_chars(digits, std::end(digits), static_cast<float>(matrix(i, j))).ptr);
        text += j + 1 < matrix.columns ? ' ' : '\n';
      }
  }
  text += "end\n";
  return text;
}

// Reads text in the model file's grammar, line by line. Throws a TextError that names the line.
struct ModelReader {
  const std::string& text;
  size_t at = 0, line_number = 0;
  std::string_view current = {};  // the line that was read last
  // Refuses the current line. What an editor does not show in it is named.
  [[noreturn]] void fail(std::string what) const {
    if (current.starts_with(byte_order_mark)) what += "; the line starts with a byte order mark";
    if (current.ends_with(' ') || current.ends_with('\t')) what += "; the line ends with a blank";
    if (current.ends_with('\r')) what += "; the line ends with a carriage return, as on Windows";
    throw TextError(what, line_number);
  }
  std::string_view line() {
    ++line_number;
    const size_t end = text.find('\n', at);
    current = std::string_view(text).substr(at, end - at);
    if (end == text.npos) fail("the text is cut short: the last line of a whole model is `end`, with a line feed");
    at = end + 1;
    return current;
  }
  void expect(const std::string& wanted) {
    if (line() != wanted) fail("expected `" + wanted + "`");
  }
  // A line `name NUMBER`.
  std::uint64_t number(const std::string& name) {
    const std::string_view found = line();
    std::uint64_t value = 0;
    if (found.starts_with(name + ' '))
      std::from_chars(found.data() + name.size() + 1, found.data() + found.size(), value);
    if (found != name + ' ' + std::to_string(value)) fail("expected `" + name + " NUMBER`");
    return value;
  }
  // Refuses `count` pieces of at least `width` bytes that the text cannot hold, before memory is asked for them.
  void expect_room(std::uint64_t count, size_t width) const {
    if (count > (text.size() - at) / width) fail("too short a text for so large a number: it is cut short, or altered");
  }
  // A line for each row, one space between numbers. (std::from_chars for float is missing from some standard libraries.
  // strtof also reads hexadecimal, infinity and not-a-number, and skips blanks.)
  void numbers(View<Real> matrix) {
    for (size_t i = 0; i < matrix.rows; ++i) {
      const char* next = line().data();
      for (size_t j = 0; j < matrix.columns; ++j) {
        const char* const stop = next + std::strspn(next, "+-.0123456789eE");
        char* end = nullptr;
        const float number = std::strtof(next, &end);
        if (end == next || end != stop || *end != (j + 1 < matrix.columns ? ' ' : '\n') || !std::isfinite(number))
          fail("expected " + std::to_string(matrix.columns) + " finite decimals with one space between; number " +
               std::to_string(j + 1) + " is not so");
        matrix(i, j) = number;
        next = stop + 1;
      }
    }
  }
};

// Reads what write_model writes, or throws a TextError. Sizes are held against the length of the text first. They
// have 64 bits until then, so that none wraps where size_t has 32. Numbers are read by strtof, which takes the decimal
// point from the locale: a program that sets a locale leaves LC_NUMERIC at "C", or 0.5 may be refused.
inline Model read_model(const std::string& text) {
  Model model;
  ModelReader reader{text};
  const std::string_view version = reader.line();
  if (version == "rnn-model 1") reader.fail("a model of an earlier version, which knew capital letters: train again");
  if (version != "rnn-model 2") reader.fail("expected `rnn-model 2`");
  model.epoch = reader.number("epoch");
  model.split_seed = reader.number("split_seed");
  const std::string_view options = reader.line();
  if (!options.starts_with("options ") || options.size() == 8) reader.fail("expected `options` and what they were");
  model.options = options.substr(8);
  const std::uint64_t hidden = reader.number("hidden");
  if (hidden < 1 || hidden > most_hidden) reader.fail("hidden units are 1 to " + std::to_string(most_hidden));
  const std::uint64_t languages = reader.number("languages");
  if (languages < 2) reader.fail("a model has at least two languages");
  reader.expect_room(languages, 2);
  while (model.languages.size() < languages) {
    const std::string_view language = reader.line();
    if (language.empty() || language.find_first_of(white_space) != language.npos || !decode_utf8(language) ||
        (!model.languages.empty() && language <= model.languages.back()))
      reader.fail("expected a language: UTF-8 without white space; in byte order, each once");
    model.languages.emplace_back(language);
  }
  const std::uint64_t letter_count = reader.number("letters");
  reader.expect_room(letter_count, std::string_view("U+0041\n").size());
  std::u32string letters;
  while (letters.size() < letter_count) {
    const std::string_view line = reader.line();
    std::uint32_t letter = 0;
    if (line.starts_with("U+")) std::from_chars(line.data() + 2, line.data() + line.size(), letter, 16);
    if (line != letter_name(letter) || !is_code_point(letter)) reader.fail("expected a letter such as U+0061");
    if (fold(letter) != letter) reader.fail("expected a folded letter, " + letter_name(fold(letter)) + " for this one");
    if (!letters.empty() && letter <= letters.back()) reader.fail("letters stand by code point, each once");
    letters.push_back(letter);
  }
  model.alphabet = Alphabet(std::move(letters));
  const size_t symbols = model.alphabet.symbols();
  ModelReader ahead = reader;  // looks at the first line of U before memory is asked for
  ahead.expect(matrix_line("U", hidden, symbols));
  ahead.expect_room(hidden * (symbols + hidden + languages), 2);
  model.parameters = Parameters(symbols, hidden, languages);
  for (const auto& [name, matrix] : book_matrices(model.parameters.matrices())) {
    reader.expect(matrix_line(name, matrix.rows, matrix.columns));
    reader.numbers(matrix);
  }
  reader.expect("end");
  if (reader.at < text.size()) throw TextError("text after `end`", reader.line_number + 1);
  return model;
}

}  // namespace rnn
