// rnn.hpp: a character-level recurrent network that learns which language a name comes from.
//
// What a student reads and a port copies: values in, values or an error out. No file, no terminal, no thread, nothing
// but the standard library, no intrinsics. The text follows the equations of Goodfellow, Bengio and Courville, Deep
// Learning (2016), section 10.2; a number such as (10.8) is theirs. rnn.cpp makes a program of it.
//
// Shapes are written rows x columns. A mini-batch is computed at once with a row for each name, so that the book's
// column vector a_t = b + W h_{t-1} + U x_t becomes a row, and W h becomes h W'. Nearly all the time is spent in
// add_product, in section 2.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <new>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace rnn {

using std::size_t;

// ---------------------------------------------------------------------------------------------------------------------
// 1. Random numbers
// ---------------------------------------------------------------------------------------------------------------------

// SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014). The distributions of the
// standard library differ between its implementations; these do not.
struct SplitMix64 {
  std::uint64_t state;

  std::uint64_t next() {
    state += 0x9e3779b97f4a7c15;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }  // in [0, 1)
};

// Fisher-Yates: item i, from the last down to the second, changes places with item next() mod (i + 1).
template <class T>
void shuffle(std::vector<T>& items, SplitMix64& random) {
  for (size_t i = items.size(); i-- > 1;) std::swap(items[i], items[random.next() % (i + 1)]);
}

// ---------------------------------------------------------------------------------------------------------------------
// 2. Matrices and their product
// ---------------------------------------------------------------------------------------------------------------------

// The widest vector of the machine that this is compiled for, in bytes, and the tile of C that add_product keeps in
// registers: tile_rows rows of two vectors. 32 registers hold 8 x 2 vectors and their operands, 16 hold 4 x 2.
#if defined(__AVX512F__)
inline constexpr size_t vector_bytes = 64, tile_rows = 8;
#elif defined(__AVX__)
inline constexpr size_t vector_bytes = 32, tile_rows = 4;
#elif defined(__aarch64__)
inline constexpr size_t vector_bytes = 16, tile_rows = 8;
#else
inline constexpr size_t vector_bytes = 16, tile_rows = 4;
#endif
template <class Real>
inline constexpr size_t tile_columns = 2 * vector_bytes / sizeof(Real);

// Gives std::vector memory that starts at a cache line, so that no vector of a row straddles two.
template <class T>
struct CacheAligned {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};
  CacheAligned() = default;
  template <class Other>
  CacheAligned(const CacheAligned<Other>&) {}
  T* allocate(size_t count) {
    if (count > std::numeric_limits<size_t>::max() / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(::operator new(count * sizeof(T), alignment));
  }
  void deallocate(T* memory, size_t) { ::operator delete(memory, alignment); }
  bool operator==(const CacheAligned&) const = default;
};

// Some rows of a matrix, or of its transpose, where they stand. Entry (i, j) is data[i * row_step + j * column_step].
template <class Real>
struct View {
  Real* data;
  size_t rows, columns, row_step, column_step = 1;

  Real* row(size_t i) const {
    assert(i < rows && column_step == 1);
    return data + i * row_step;
  }
  View first_rows(size_t count) const {
    assert(count <= rows);
    return {data, count, columns, row_step, column_step};
  }
  View transposed() const { return {data, columns, rows, column_step, row_step}; }
  operator View<const Real>() const { return {data, rows, columns, row_step, column_step}; }
};

// A matrix, row by row. Each row is padded to whole tiles with columns that never reach a result, so that the loops
// below need no second form for an odd number of columns. The padding is zero, but for that of the logits (section 3).
template <class Real>
class Matrix {
 public:
  Matrix() = default;
  Matrix(size_t rows, size_t columns)
      : row_count(rows), column_count(columns), row_stride(padded(columns)), entries(rows * row_stride) {}

  static size_t padded(size_t columns) {
    return (columns + tile_columns<Real> - 1) / tile_columns<Real> * tile_columns<Real>;
  }

  size_t rows() const { return row_count; }
  size_t columns() const { return column_count; }
  size_t stride() const { return row_stride; }  // columns with their padding

  Real& operator()(size_t i, size_t j) { return entries[index(i, j)]; }
  const Real& operator()(size_t i, size_t j) const { return entries[index(i, j)]; }
  Real* row(size_t i) { return &entries[index(i, 0)]; }
  const Real* row(size_t i) const { return &entries[index(i, 0)]; }

  View<Real> view(size_t first, size_t count) {
    assert(first + count <= row_count);
    return {entries.data() + first * row_stride, count, column_count, row_stride};
  }
  View<const Real> view(size_t first, size_t count) const { return const_cast<Matrix*>(this)->view(first, count); }
  View<Real> view() { return view(0, row_count); }
  View<const Real> view() const { return view(0, row_count); }

 private:
  size_t index(size_t i, size_t j) const {
    assert(i < row_count && j < row_stride);
    return i * row_stride + j;
  }
  size_t row_count = 0, column_count = 0, row_stride = 0;
  std::vector<Real, CacheAligned<Real>> entries;
};

// One tile of C += A B: height rows of C by tile_columns, summed in registers. The loops have fixed bounds, so that the
// compiler unrolls them into vector multiply-adds. If height is less than Height, the next smaller tile does the work.
template <size_t Height, class Real>
void add_product_tile(size_t height, View<Real> C, View<const Real> A, View<const Real> B) {
  if constexpr (Height > 1)
    if (height < Height) return add_product_tile<Height - 1>(height, C, A, B);
  constexpr size_t width = tile_columns<Real>;
  Real sum[Height][width] = {};
  for (size_t k = 0; k < A.columns; ++k)
    for (size_t i = 0; i < Height; ++i)
      for (size_t j = 0; j < width; ++j)
        sum[i][j] += A.data[i * A.row_step + k * A.column_step] * B.data[k * B.row_step + j];
  for (size_t i = 0; i < Height; ++i)
    for (size_t j = 0; j < width; ++j) C.data[i * C.row_step + j] += sum[i][j];
}

// C += A B, into the first rows of C: A is m x k, B is k x n, C is at least m x n. A may be a transposed view. Every
// sum runs over k in rising order, whatever m is, so that a name's result does not depend on the names beside it. Tiles
// of a block differ by at most one in height: 9 rows are 4 + 5, since 8 + 1 would leave most of the multipliers idle.
template <class Real>
void add_product(View<Real> C, std::type_identity_t<View<const Real>> A, std::type_identity_t<View<const Real>> B) {
  assert(A.rows <= C.rows && A.columns == B.rows && B.columns == C.columns);
  assert(B.column_step == 1 && C.column_step == 1);
  for (size_t j = 0; j < C.columns; j += tile_columns<Real>)
    for (size_t i = 0, height; i < A.rows; i += height) {
      const size_t left = A.rows - i, tiles = (left + tile_rows - 1) / tile_rows;
      height = left / tiles;
      add_product_tile<tile_rows>(height, View<Real>{C.data + i * C.row_step + j, 0, 0, C.row_step},
                                  {A.data + i * A.row_step, height, A.columns, A.row_step, A.column_step},
                                  {B.data + j, 0, 0, B.row_step});
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// 3. Parameters
// ---------------------------------------------------------------------------------------------------------------------

// The parameters, or for each of them a gradient or a velocity. U is kept as its transpose, since the column of U that
// a one-hot x_t picks is then a row.
template <class Real>
struct Parameters {
  Matrix<Real> Ut;  // symbols x hidden
  Matrix<Real> b;   // 1 x hidden
  Matrix<Real> W;   // hidden x hidden
  Matrix<Real> V;   // languages x hidden
  Matrix<Real> c;   // 1 x languages

  Parameters() = default;
  Parameters(size_t symbols, size_t hidden, size_t languages)
      : Ut(symbols, hidden), b(1, hidden), W(hidden, hidden), V(languages, hidden), c(1, languages) {}

  std::array<Matrix<Real>*, 5> matrices() { return {&Ut, &b, &W, &V, &c}; }
  size_t symbols() const { return Ut.rows(); }
  size_t hidden() const { return W.rows(); }
  size_t languages() const { return V.rows(); }
};

// Each parameter by name and book shape, in the order of the model file, as f(name, rows, columns, entry) where
// entry(i, j) is a reference. It hides that U is kept transposed, and that b and c are kept as rows.
template <class Params, class F>
void for_each_parameter(Params& p, F f) {
  f(
      "U", p.hidden(), p.symbols(), [&](size_t i, size_t j) -> auto& { return p.Ut(j, i); });
  f(
      "b", p.hidden(), size_t{1}, [&](size_t i, size_t) -> auto& { return p.b(0, i); });
  f(
      "W", p.hidden(), p.hidden(), [&](size_t i, size_t j) -> auto& { return p.W(i, j); });
  f(
      "V", p.languages(), p.hidden(), [&](size_t i, size_t j) -> auto& { return p.V(i, j); });
  f(
      "c", p.languages(), size_t{1}, [&](size_t i, size_t) -> auto& { return p.c(0, i); });
}

// Rows [first, last) of `from` become columns of `to`. Blocks of sixteen rows fill whole cache lines of `to`.
template <class Real>
void copy_transposed(const Matrix<Real>& from, size_t first, size_t last, Matrix<Real>& to) {
  for (size_t block = first; block < last; block += 16)
    for (size_t j = 0; j < from.columns(); ++j)
      for (size_t i = block; i < std::min(block + 16, last); ++i) to(j, i) = from(i, j);
}

// Parameters with the transposed copies that the products of the forward pass need.
template <class Real>
struct Network {
  Parameters<Real> parameters;
  Matrix<Real> Wt;  // hidden x hidden
  Matrix<Real> Vt;  // hidden x languages

  explicit Network(Parameters<Real> p)
      : parameters(std::move(p)),
        Wt(parameters.hidden(), parameters.hidden()),
        Vt(parameters.hidden(), parameters.languages()) {
    copy_transposed(parameters.W, 0, parameters.W.rows(), Wt);
    copy_transposed(parameters.V, 0, parameters.V.rows(), Vt);
  }
};

// Initial values: U, W, V in this order, each row by row in its book shape. U is uniform in +-1/2, V in +-1, W in
// +-1 / sqrt(2 hidden), b and c are 0. (Chosen by trial, see README, Accuracy; +-1 / sqrt(hidden) throughout, which is
// common, learns more slowly, since a one-hot input brings a single entry of U to each unit.)
template <class Real>
Parameters<Real> initial_parameters(size_t symbols, size_t hidden, size_t languages, SplitMix64& random) {
  Parameters<Real> p(symbols, hidden, languages);
  for_each_parameter(p, [&](std::string_view name, size_t rows, size_t columns, auto entry) {
    if (name == "b" || name == "c") return;
    const double bound = name == "U" ? 0.5 : name == "V" ? 1 : 1 / std::sqrt(2 * static_cast<double>(hidden));
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < columns; ++j) entry(i, j) = static_cast<Real>((2 * random.uniform() - 1) * bound);
  });
  return p;
}

// ---------------------------------------------------------------------------------------------------------------------
// 4. The packed batch
// ---------------------------------------------------------------------------------------------------------------------

using Symbol = std::uint32_t;                                          // a column of U
inline constexpr Symbol unknown = std::numeric_limits<Symbol>::max();  // a letter that training never saw: U x = 0

// Names as symbols, with their languages: name i is symbols[first[i]] ... symbols[first[i + 1] - 1].
struct Examples {
  std::vector<Symbol> symbols;
  std::vector<size_t> first{0};
  std::vector<std::uint32_t> language;

  size_t size() const { return language.size(); }
  size_t length(size_t i) const { return first[i + 1] - first[i]; }
  size_t longest() const {
    size_t most = 0;
    for (size_t i = 0; i < size(); ++i) most = std::max(most, length(i));
    return most;
  }
  void add(const std::vector<Symbol>& name, size_t its_language) {
    symbols.insert(symbols.end(), name.begin(), name.end());
    first.push_back(symbols.size());
    language.push_back(static_cast<std::uint32_t>(its_language));
  }
};

// Names packed for the network, longest first, time-major: step t = 1..T has a row for each name that still has a
// symbol, so its names are the first of step t - 1. Step 0 and step T + 1 have no rows, which spares every loop below
// its special cases. Matrices of activations have the same rows.
struct Batch {
  std::vector<size_t> first_row;        // of steps 0 ... T + 2
  std::vector<Symbol> symbol;           // of each row
  std::vector<size_t> name;             // which example each name of the batch is: the rows of step 1
  std::vector<std::uint32_t> language;  // of each name

  size_t steps() const { return first_row.size() - 3; }
  size_t rows() const { return symbol.size(); }
  size_t rows(size_t t) const { return first_row[t + 1] - first_row[t]; }
  bool ends(size_t t, size_t i) const { return i >= rows(t + 1); }  // whether step t is the last of name i

  // Room for `names` names of up to `longest` symbols: pack allocates nothing below that.
  void reserve(size_t names, size_t longest) {
    first_row.reserve(longest + 3);
    symbol.reserve(names * longest);
    name.reserve(names);
    language.reserve(names);
  }
};

// Fills the batch with examples sorted[k], by falling length, for k = first, first + step, ... below last.
inline void pack(const Examples& examples, const std::vector<size_t>& sorted, size_t first, size_t last, size_t step,
                 Batch& batch) {
  batch.symbol.clear();
  batch.name.clear();
  batch.language.clear();
  for (size_t k = first; k < last; k += step) {
    batch.name.push_back(sorted[k]);
    batch.language.push_back(examples.language[sorted[k]]);
  }
  batch.first_row.assign(2, 0);
  for (size_t t = 1, n = batch.name.size(); n > 0; ++t) {
    while (n > 0 && examples.length(batch.name[n - 1]) < t) --n;
    for (size_t i = 0; i < n; ++i) batch.symbol.push_back(examples.symbols[examples.first[batch.name[i]] + t - 1]);
    batch.first_row.push_back(batch.symbol.size());
  }
}

// The names names[0] ... names[count - 1] by falling length; equal lengths keep their order. (std::stable_sort would
// do, but it allocates.)
inline void sort_by_length(const Examples& examples, const size_t* names, size_t count, std::vector<size_t>& sorted) {
  sorted.resize(count);
  std::iota(sorted.begin(), sorted.end(), size_t{0});
  std::sort(sorted.begin(), sorted.end(), [&](size_t a, size_t b) {
    const size_t length_a = examples.length(names[a]), length_b = examples.length(names[b]);
    return length_a != length_b ? length_a > length_b : a < b;
  });
  for (size_t& k : sorted) k = names[k];
}

// ---------------------------------------------------------------------------------------------------------------------
// 5. Forward
// ---------------------------------------------------------------------------------------------------------------------

// e^x = scale * (1 + p), where scale = 2^k for the integer k nearest to x / ln 2, and p = e^r - 1 for r = x - k ln 2 by
// its Taylor series. Adding 1.5 * 2^23 rounds to an integer and leaves k in the low bits. |x| is at most 87.
struct ExpParts {
  float scale, p;
};
inline ExpParts exp_parts(float x) {
  const float shift = 0x1.8p23f, shifted = x * 1.44269504f + shift, k = shifted - shift;
  const float r = (x - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cp-20f;  // ln 2 in two parts: k times the first is exact
  const float series = 1 / 2.f + r * (1 / 6.f + r * (1 / 24.f + r * (1 / 120.f + r * (1 / 720.f + r * (1 / 5040.f)))));
  return {std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3f800000u), r + r * r * series};
}

// float has functions of its own, since the standard library's do not vectorise; their errors in units in the last
// place are measured by tests/math_test.cpp. Not a number stays so. double, which checks gradients, keeps the
// library's.
inline float fast_exp(float x) {  // for x <= 0; below -87, where floats lose their precision, 0
  const ExpParts e = exp_parts(x);
  return x < -87 ? 0 : e.scale + e.scale * e.p;
}
inline float fast_tanh(float x) {  // (e^2x - 1) / (e^2x + 1)
  const float within = x > 10 ? 10 : x < -10 ? -10 : x;
  const ExpParts e = exp_parts(2 * within);
  const float e_minus_1 = e.scale * e.p + (e.scale - 1);
  return e_minus_1 / (e_minus_1 + 2);
}
inline double fast_exp(double x) { return std::exp(x); }
inline double fast_tanh(double x) { return std::tanh(x); }

// f(f(row[0], row[1]), ...) over a padded row, in an order that lets the compiler use whole vectors.
template <class Real, class F>
Real fold(const Real* row, size_t padded_columns, F f) {
  constexpr size_t width = tile_columns<Real>;
  Real part[width];
  for (size_t j = 0; j < width; ++j) part[j] = row[j];
  for (size_t first = width; first < padded_columns; first += width)
    for (size_t j = 0; j < width; ++j) part[j] = f(part[j], row[first + j]);
  for (size_t half = width / 2; half > 0; half /= 2)
    for (size_t j = 0; j < half; ++j) part[j] = f(part[j], part[j + half]);
  return part[0];
}

// y = softmax(o) (10.11). The maximum is subtracted, which changes nothing but keeps e^o within range. o's padding is
// set to minus infinity, so that y's is 0.
template <class Real>
void softmax(Real* o, Real* y, size_t columns) {
  const size_t padded = Matrix<Real>::padded(columns);
  for (size_t j = columns; j < padded; ++j) o[j] = -std::numeric_limits<Real>::infinity();
  const Real peak = fold(o, padded, [](Real a, Real b) { return a < b ? b : a; });
  for (size_t j = 0; j < padded; ++j) y[j] = fast_exp(o[j] - peak);
  const Real sum = fold(y, padded, std::plus<Real>());
  for (size_t j = 0; j < padded; ++j) y[j] /= sum;
}

// What the forward pass computes: a row for each row of the batch, and room for more.
template <class Real>
struct Activations {
  Matrix<Real> h;  // rows x hidden
  Matrix<Real> o;  // rows x languages, the logits
  Matrix<Real> y;  // rows x languages, the probabilities

  Activations() = default;
  Activations(size_t rows, size_t hidden, size_t languages) : h(rows, hidden), o(rows, languages), y(rows, languages) {}
};

// h of every row of the batch.
template <class Real>
void forward_hidden(const Network<Real>& network, const Batch& batch, Matrix<Real>& h) {
  const Parameters<Real>& p = network.parameters;
  for (size_t t = 1; t <= batch.steps(); ++t) {
    const View<Real> a = h.view(batch.first_row[t], batch.rows(t));  // h_t in the end
    const View<Real> h_before = h.view(batch.first_row[t - 1], std::min(batch.rows(t - 1), a.rows));
    for (size_t i = 0; i < a.rows; ++i) {
      const Symbol x = batch.symbol[batch.first_row[t] + i];
      for (size_t j = 0; j < h.stride(); ++j) a.row(i)[j] = p.b(0, j);  // (10.8) a_t = b
      if (x != unknown)
        for (size_t j = 0; j < h.stride(); ++j) a.row(i)[j] += p.Ut(x, j);  // + U x_t
    }
    add_product(a, h_before, network.Wt.view());  // + W h_{t-1}
    for (size_t i = 0; i < a.rows; ++i)
      for (size_t j = 0; j < h.stride(); ++j) a.row(i)[j] = fast_tanh(a.row(i)[j]);  // (10.9) h_t = tanh(a_t)
  }
}

// o and y of the first `rows` rows of h.
template <class Real>
void forward_output(const Network<Real>& network, size_t rows, Activations<Real>& s) {
  const Parameters<Real>& p = network.parameters;
  for (size_t i = 0; i < rows; ++i) std::copy_n(p.c.row(0), p.c.stride(), s.o.row(i));  // (10.10) o_t = c
  add_product(s.o.view(0, rows), s.h.view(0, rows), network.Vt.view());                 // + V h_t
  for (size_t i = 0; i < rows; ++i) softmax(s.o.row(i), s.y.row(i), p.languages());     // (10.11) y_t = softmax(o_t)
}

// ---------------------------------------------------------------------------------------------------------------------
// 6. Loss
// ---------------------------------------------------------------------------------------------------------------------

// The likeliest language of a row of y.
template <class Real>
size_t likeliest(const Real* y, size_t languages) {
  return static_cast<size_t>(std::max_element(y, y + languages) - y);
}

// -log y[language] (10.14), in nats. Written by way of the likeliest language, since y[language] itself may round to 0.
template <class Real>
Real cross_entropy(const Real* o, const Real* y, size_t best, size_t language) {
  return o[best] - o[language] - std::log(y[best]);
}

// The weight w_t of the loss at step t of name i.
template <class Real>
Real step_weight(const Batch& batch, size_t t, size_t i, Real prefix_weight) {
  return batch.ends(t, i) ? 1 : prefix_weight;
}

// L = sum over names and steps of w_t * -log y_t[language], in nats.
template <class Real>
Real loss(const Batch& batch, const Activations<Real>& s, Real prefix_weight) {
  Real sum = 0;
  for (size_t t = 1; t <= batch.steps(); ++t)
    for (size_t i = 0; i < batch.rows(t); ++i) {
      const Real *o = s.o.row(batch.first_row[t] + i), *y = s.y.row(batch.first_row[t] + i);
      sum +=
          step_weight(batch, t, i, prefix_weight) * cross_entropy(o, y, likeliest(y, s.y.columns()), batch.language[i]);
    }
  return sum;
}

// What training reports of some names: at their last step, the sum of the cross-entropies and the right answers.
struct Score {
  double loss = 0;
  size_t correct = 0, names = 0;

  void operator+=(const Score& other) {
    loss += other.loss;
    correct += other.correct;
    names += other.names;
  }
  template <class Real>
  void count(const Real* o, const Real* y, size_t languages, size_t language) {
    const size_t best = likeliest(y, languages);
    loss += cross_entropy(o, y, best, language);
    correct += best == language;
    ++names;
  }
  double mean_loss() const { return loss / static_cast<double>(names); }
  double accuracy() const { return 100 * static_cast<double>(correct) / static_cast<double>(names); }  // per cent
};

// The score of a batch.
template <class Real>
Score last_step_score(const Batch& batch, const Activations<Real>& s) {
  Score score;
  for (size_t t = 1; t <= batch.steps(); ++t)
    for (size_t i = batch.rows(t + 1); i < batch.rows(t); ++i)  // the names that end at step t
      score.count(s.o.row(batch.first_row[t] + i), s.y.row(batch.first_row[t] + i), s.y.columns(), batch.language[i]);
  return score;
}

// ---------------------------------------------------------------------------------------------------------------------
// 7. Backward
// ---------------------------------------------------------------------------------------------------------------------

// What the backward pass computes, dx standing for dL/dx: a row for each row of the batch, and room for more.
template <class Real>
struct Deltas {
  Matrix<Real> d_o;       // rows x languages
  Matrix<Real> d_h;       // rows x hidden
  Matrix<Real> d_a;       // rows x hidden
  Matrix<Real> h_before;  // rows x hidden: h_{t-1} of each row from step 2 on, so that dW is one product

  Deltas() = default;
  Deltas(size_t rows, size_t hidden, size_t languages)
      : d_o(rows, languages), d_h(rows, hidden), d_a(rows, hidden), h_before(rows, hidden) {}
};

// Adds the gradient of the batch, a sum over its names and steps, to `gradient`.
template <class Real>
void backward(const Network<Real>& network, const Batch& batch, const Activations<Real>& s, Real prefix_weight,
              Deltas<Real>& d, Parameters<Real>& gradient) {
  const Parameters<Real>& p = network.parameters;
  const size_t rows = batch.rows(), steps = batch.steps(), later = batch.first_row[2];  // `later`: first row of step 2
  const View<Real> d_o = d.d_o.view(0, rows), d_h = d.d_h.view(0, rows);
  for (size_t t = 1; t <= steps; ++t)
    for (size_t i = 0; i < batch.rows(t); ++i) {
      const size_t row = batch.first_row[t] + i;
      const Real w = step_weight(batch, t, i, prefix_weight);
      for (size_t j = 0; j < d.d_o.stride(); ++j) d.d_o(row, j) = w * s.y(row, j);  // (10.18) do_t = w_t (y_t
      d.d_o(row, batch.language[i]) -= w;                                           //                - onehot)
    }
  for (size_t i = 0; i < rows; ++i) std::fill_n(d_h.row(i), d.d_h.stride(), Real{0});
  add_product(d_h, d_o, p.V.view());  // (10.20) dh_t = V' do_t, of all steps
  for (size_t t = steps; t >= 1; --t) {
    const size_t first = batch.first_row[t], after = batch.first_row[t + 1];
    add_product(d.d_h.view(first, batch.rows(t)), d.d_a.view(after, batch.rows(t + 1)), p.W.view());  // + W' da_{t+1}
    for (size_t row = first; row < after; ++row)
      for (size_t j = 0; j < d.d_h.stride(); ++j)
        d.d_a(row, j) = (1 - s.h(row, j) * s.h(row, j)) * d.d_h(row, j);  // (10.21) da_t = (1 - h_t^2) * dh_t
  }
  for (size_t t = 2; t <= steps; ++t)
    for (size_t i = 0; i < batch.rows(t); ++i)
      std::copy_n(s.h.row(batch.first_row[t - 1] + i), s.h.stride(), d.h_before.row(batch.first_row[t] + i));
  for (size_t row = 0; row < rows; ++row) {
    for (size_t j = 0; j < gradient.c.stride(); ++j) gradient.c(0, j) += d.d_o(row, j);  // (10.22) dc += do_t
    for (size_t j = 0; j < gradient.b.stride(); ++j) gradient.b(0, j) += d.d_a(row, j);  // (10.23) db += da_t
    if (batch.symbol[row] != unknown)
      for (size_t j = 0; j < gradient.Ut.stride(); ++j)
        gradient.Ut(batch.symbol[row], j) += d.d_a(row, j);  // (10.28) dU += da_t x_t'
  }
  add_product(gradient.V.view(), d_o.transposed(), s.h.view(0, rows));  // (10.24) dV += do_t h_t'
  add_product(gradient.W.view(), d.d_a.view(later, rows - later).transposed(),
              d.h_before.view(later, rows - later));  // (10.26) dW += da_t h_{t-1}'
}

// How far the gradient of a parameter is from central differences, relative to the gradient's largest entry.
struct GradientError {
  std::string name;
  size_t rows, columns;
  double error;
};

// Compares every entry of the gradient that backward computes with (L(x + h) - L(x - h)) / 2h, on all examples as one
// batch. Central differences in double agree to about 1e-9; a wrong line in backward shows as 1e-3 or more.
inline std::vector<GradientError> check_gradient(Parameters<double> parameters, const Examples& examples,
                                                 double prefix_weight) {
  std::vector<size_t> names(examples.size()), sorted;
  std::iota(names.begin(), names.end(), size_t{0});
  sort_by_length(examples, names.data(), names.size(), sorted);
  Batch batch;
  pack(examples, sorted, 0, sorted.size(), 1, batch);
  const size_t symbols = parameters.symbols(), hidden = parameters.hidden(), languages = parameters.languages();
  Activations<double> s(batch.rows(), hidden, languages);
  Deltas<double> d(batch.rows(), hidden, languages);
  const auto loss_of = [&](const Network<double>& network) {
    forward_hidden(network, batch, s.h);
    forward_output(network, batch.rows(), s);
    return loss(batch, s, prefix_weight);
  };
  Parameters<double> gradient(symbols, hidden, languages), numeric(symbols, hidden, languages);
  const Network<double> network(parameters);
  loss_of(network);
  backward(network, batch, s, prefix_weight, d, gradient);
  for (size_t m = 0; m < parameters.matrices().size(); ++m) {
    Matrix<double>& matrix = *parameters.matrices()[m];
    for (size_t i = 0; i < matrix.rows(); ++i)
      for (size_t j = 0; j < matrix.columns(); ++j) {
        const double value = matrix(i, j), step = 1e-5;
        matrix(i, j) = value + step;
        const double above = loss_of(Network<double>(parameters));
        matrix(i, j) = value - step;
        (*numeric.matrices()[m])(i, j) = (above - loss_of(Network<double>(parameters))) / (2 * step);
        matrix(i, j) = value;
      }
  }
  std::array<double, 5> error;
  for (size_t m = 0; m < parameters.matrices().size(); ++m) {
    const Matrix<double>&ours = *gradient.matrices()[m], &theirs = *numeric.matrices()[m];
    double largest = 0, difference = 0;
    for (size_t i = 0; i < ours.rows(); ++i)
      for (size_t j = 0; j < ours.columns(); ++j) {
        largest = std::max({largest, std::abs(ours(i, j)), std::abs(theirs(i, j))});
        difference = std::max(difference, std::abs(ours(i, j) - theirs(i, j)));
      }
    error[m] = largest > 0 ? difference / largest : 0;
  }
  std::vector<GradientError> errors;
  size_t m = 0;
  for_each_parameter(gradient, [&](const char* name, size_t rows, size_t columns, auto) {
    errors.push_back({name, rows, columns, error[m++]});
  });
  return errors;
}

// ---------------------------------------------------------------------------------------------------------------------
// 8. Update
// ---------------------------------------------------------------------------------------------------------------------

// Gradients and parameters are worked on in parts that threads may share out: part k of n is of every matrix the rows
// [rows * k / n, rows * (k + 1) / n).

// Adds the other gradients to the first, in their order, and clears them. Returns the sum of squares of this part.
template <class Real>
Real add_gradients(std::vector<Parameters<Real>>& gradients, size_t part, size_t parts) {
  constexpr size_t width = tile_columns<Real>;
  Real squares[width] = {};  // each a sum over every width-th column, so that the compiler may use whole vectors
  for (size_t m = 0; m < gradients[0].matrices().size(); ++m) {
    Matrix<Real>& sum = *gradients[0].matrices()[m];
    for (size_t i = sum.rows() * part / parts; i < sum.rows() * (part + 1) / parts; ++i) {
      Real* g = sum.row(i);
      for (size_t shard = 1; shard < gradients.size(); ++shard) {
        Real* other = gradients[shard].matrices()[m]->row(i);
        for (size_t j = 0; j < sum.stride(); ++j) {
          g[j] += other[j];
          other[j] = 0;
        }
      }
      for (size_t first = 0; first < sum.stride(); first += width)
        for (size_t j = 0; j < width; ++j) squares[j] += g[first + j] * g[first + j];
    }
  }
  return fold(squares, width, std::plus<Real>());
}

// Stochastic gradient descent with momentum: v = momentum * v + factor * gradient; parameter -= rate * v. Clears the
// gradient and renews the transposed copies.
template <class Real>
void update(Network<Real>& network, Parameters<Real>& velocity, Parameters<Real>& gradient, Real factor, Real momentum,
            Real rate, size_t part, size_t parts) {
  for (size_t m = 0; m < gradient.matrices().size(); ++m) {
    Matrix<Real>& parameter = *network.parameters.matrices()[m];
    for (size_t i = parameter.rows() * part / parts; i < parameter.rows() * (part + 1) / parts; ++i) {
      Real *p = parameter.row(i), *v = velocity.matrices()[m]->row(i), *g = gradient.matrices()[m]->row(i);
      for (size_t j = 0; j < parameter.stride(); ++j) {
        v[j] = momentum * v[j] + factor * g[j];
        p[j] -= rate * v[j];
        g[j] = 0;
      }
    }
  }
  const Matrix<Real>&W = network.parameters.W, &V = network.parameters.V;
  copy_transposed(W, W.rows() * part / parts, W.rows() * (part + 1) / parts, network.Wt);
  copy_transposed(V, V.rows() * part / parts, V.rows() * (part + 1) / parts, network.Vt);
}

struct Settings {
  size_t hidden = 128, epochs = 10, batch_size = 32;
  double learning_rate = 0.007, momentum = 0.9, clip_norm = 14, prefix_weight = 0.15;
  bool linear_decay = true;
  std::uint64_t seed = 1, split_seed = 1;
};

// Names are computed in slices of at most slice_names. A batch has a shard for each slice, up to most_shards; each
// shard has a gradient of its own. Both depend on the batch alone, so that the result does not depend on the threads.
inline constexpr size_t slice_names = 16, most_shards = 8;

// What one mini-batch did.
template <class Real>
struct BatchReport {
  Score score;
  Real norm;    // of the gradient, before clipping
  Real factor;  // that clipping multiplied it with
};

// All that training changes or needs room for.
template <class Real>
struct Training {
  Settings settings;
  Network<Real> network;
  Parameters<Real> velocity;
  std::vector<Parameters<Real>> gradients;  // one a shard, zero between batches
  struct Shard {
    Batch batch;
    Activations<Real> activations;
    Deltas<Real> deltas;
    Score score;
    Real squares;
  };
  std::vector<Shard> shards;
  std::vector<size_t> sorted;

  // `longest`: symbols of the longest name to come.
  Training(const Settings& its_settings, Parameters<Real> initial, size_t longest)
      : settings(its_settings), network(std::move(initial)) {
    const Parameters<Real>& p = network.parameters;
    velocity = Parameters<Real>(p.symbols(), p.hidden(), p.languages());
    const size_t slices = (settings.batch_size + slice_names - 1) / slice_names, rows = slice_names * longest;
    shards.resize(std::min(slices, most_shards));
    gradients.assign(shards.size(), velocity);
    for (Shard& shard : shards) {
      shard.batch.reserve(slice_names, longest);
      shard.activations = Activations<Real>(rows, p.hidden(), p.languages());
      shard.deltas = Deltas<Real>(rows, p.hidden(), p.languages());
    }
    sorted.reserve(settings.batch_size);
  }
};

// One step of training on the mini-batch names[0] ... names[count - 1]. run(n, f) calls f(0) ... f(n - 1), on threads
// or not. If the gradient's norm is not finite, the parameters stay as they were.
template <class Real, class Run>
BatchReport<Real> train_batch(Training<Real>& training, const Examples& examples, const size_t* names, size_t count,
                              double rate, Run& run) {
  const Settings& settings = training.settings;
  const Real prefix_weight = static_cast<Real>(settings.prefix_weight);
  const size_t slices = (count + slice_names - 1) / slice_names, parts = training.shards.size();
  sort_by_length(examples, names, count, training.sorted);
  run(parts, [&](size_t s) {
    auto& shard = training.shards[s];
    shard.score = {};
    for (size_t slice = s; slice < slices; slice += parts) {
      pack(examples, training.sorted, slice, count, slices, shard.batch);
      forward_hidden(training.network, shard.batch, shard.activations.h);
      forward_output(training.network, shard.batch.rows(), shard.activations);
      backward(training.network, shard.batch, shard.activations, prefix_weight, shard.deltas, training.gradients[s]);
      shard.score += last_step_score(shard.batch, shard.activations);
    }
  });
  run(parts, [&](size_t s) { training.shards[s].squares = add_gradients(training.gradients, s, parts); });
  BatchReport<Real> report{};
  for (const auto& shard : training.shards) {
    report.score += shard.score;
    report.norm += shard.squares;
  }
  report.norm = std::sqrt(report.norm);
  report.factor = std::min(Real{1}, static_cast<Real>(settings.clip_norm) / report.norm);
  if (!std::isfinite(report.norm)) return report;
  run(parts, [&](size_t s) {
    update(training.network, training.velocity, training.gradients[0], report.factor,
           static_cast<Real>(settings.momentum), static_cast<Real>(rate), s, parts);
  });
  return report;
}

// =====================================================================================================================
// Around the network. A student may stop here.
// =====================================================================================================================

// ---------------------------------------------------------------------------------------------------------------------
// 9. Text
// ---------------------------------------------------------------------------------------------------------------------

inline constexpr size_t longest_name = 1000;  // letters

// A value, or what is wrong and in which line (0: in none of them).
template <class T>
struct Result {
  T value{};
  std::string error{};
  size_t line = 0;

  bool ok() const { return error.empty(); }
  static Result failure(std::string what, size_t at_line) { return {{}, std::move(what), at_line}; }
};

// Whether a number is a Unicode code point that text may hold: no surrogate.
inline bool is_code_point(char32_t letter) { return letter <= 0x10ffff && (letter < 0xd800 || letter >= 0xe000); }

// The code points of UTF-8 text; nothing if it is malformed (RFC 3629: no overlong form, no surrogate, at most
// U+10FFFF).
inline std::optional<std::u32string> decode_utf8(std::string_view bytes) {
  std::u32string letters;
  for (size_t i = 0; i < bytes.size();) {
    const auto byte = [&](size_t k) { return static_cast<unsigned char>(bytes[k]); };
    const unsigned char lead = byte(i);
    const size_t more = lead < 0x80 ? 0 : lead < 0xc0 ? 4 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf8 ? 3 : 4;
    if (more == 4 || i + more >= bytes.size()) return {};
    char32_t letter = more == 0 ? lead : lead & (0x3fu >> more);
    for (size_t k = i + 1; k <= i + more; ++k) {
      if ((byte(k) & 0xc0) != 0x80) return {};
      letter = letter << 6 | (byte(k) & 0x3fu);
    }
    constexpr char32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    if (letter < smallest[more] || !is_code_point(letter)) return {};
    letters.push_back(letter);
    i += more + 1;
  }
  return letters;
}

inline std::string encode_utf8(char32_t letter) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (letter >> shift & 0x3f)); };
  if (letter < 0x80) return {static_cast<char>(letter)};
  if (letter < 0x800) return {static_cast<char>(0xc0 | letter >> 6), tail(0)};
  if (letter < 0x10000) return {static_cast<char>(0xe0 | letter >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | letter >> 18), tail(12), tail(6), tail(0)};
}

inline constexpr std::string_view white_space = " \t\n\v\f\r";

// The text without ASCII white space at both ends.
inline std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(white_space);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

// What is wrong with a trimmed name; empty if nothing is. `letters` receives its code points.
inline std::string check_name(std::string_view name, std::u32string& letters) {
  const auto too_long = "a name of more than " + std::to_string(longest_name) + " letters: one line holds one name";
  if (name.size() > 4 * longest_name) return too_long;
  auto decoded = decode_utf8(name);
  if (!decoded) return "malformed UTF-8: save the text as UTF-8";
  if (decoded->size() > longest_name) return too_long;
  letters = std::move(*decoded);
  return {};
}

// The names of one file, in its order, each once. They point into the text.
struct NameList {
  std::vector<std::string_view> names;
  size_t repeats = 0;
};

// Reads a file of names, one a line. A byte order mark, CRLF, blank lines and white space around a name are passed
// over.
inline Result<NameList> read_names(std::string_view text) {
  NameList list;
  std::unordered_set<std::string_view> seen;
  std::u32string letters;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view name = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (name.empty()) continue;
    if (const std::string error = check_name(name, letters); !error.empty())
      return Result<NameList>::failure(error, line);
    if (seen.insert(name).second)
      list.names.push_back(name);
    else
      ++list.repeats;
  }
  if (list.names.empty()) return Result<NameList>::failure("no name in it: a file of names has one a line", 0);
  return {std::move(list)};
}

// The letters that training saw, by code point. Letter k is symbol k; the end of a name is the symbol after them.
class Alphabet {
 public:
  Alphabet() = default;
  explicit Alphabet(std::u32string rising) : sorted(std::move(rising)) {
    symbol_of.assign(sorted.empty() ? 0 : sorted.back() + size_t{1}, unknown);
    for (size_t k = 0; k < sorted.size(); ++k) symbol_of[sorted[k]] = static_cast<Symbol>(k);
  }
  const std::u32string& letters() const { return sorted; }
  size_t symbols() const { return sorted.size() + 1; }

  // The symbols of a name: its letters, then the end.
  std::vector<Symbol> encode(const std::u32string& name) const {
    std::vector<Symbol> symbols;
    symbols.reserve(name.size() + 1);
    for (const char32_t letter : name) symbols.push_back(letter < symbol_of.size() ? symbol_of[letter] : unknown);
    symbols.push_back(static_cast<Symbol>(sorted.size()));
    return symbols;
  }

 private:
  std::u32string sorted;
  std::vector<Symbol> symbol_of;  // by code point
};

// ---------------------------------------------------------------------------------------------------------------------
// 10. Split
// ---------------------------------------------------------------------------------------------------------------------

// FNV-1a, 64 bits (Fowler, Noll and Vo).
inline std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

enum class Part { training, validation, test };

// A name's part follows from the name alone: eight tenths train, one validates, one tests. So another file or another
// line moves no name, and a name of two languages is never on both sides.
inline Part part_of(std::string_view name, std::uint64_t split_seed) {
  const std::uint64_t tenth = SplitMix64{fnv1a(name) + split_seed}.next() % 10;
  return tenth < 8 ? Part::training : tenth == 8 ? Part::validation : Part::test;
}

// ---------------------------------------------------------------------------------------------------------------------
// 11. One epoch of training, and answers
// ---------------------------------------------------------------------------------------------------------------------

// The learning rate of mini-batch k of all the run's `batches`.
inline double learning_rate(const Settings& settings, size_t k, size_t batches) {
  if (!settings.linear_decay) return settings.learning_rate;
  return settings.learning_rate * (1 - static_cast<double>(k) / static_cast<double>(batches));
}

// Trains on every example once, in an order shuffled from the order that the last epoch left. progress(done, batches)
// is called after each mini-batch. Ends early if training diverges: the norm or the loss reported is then not finite.
template <class Real, class Run, class Progress>
BatchReport<Real> train_epoch(Training<Real>& training, const Examples& examples, std::vector<size_t>& order,
                              size_t epoch, SplitMix64& random, Run& run, Progress progress) {
  const size_t batch_size = training.settings.batch_size, batches = (order.size() + batch_size - 1) / batch_size;
  BatchReport<Real> report{};
  Score score;
  shuffle(order, random);
  for (size_t k = 0; k < batches && std::isfinite(report.norm) && std::isfinite(score.loss); ++k) {
    const double rate = learning_rate(training.settings, epoch * batches + k, training.settings.epochs * batches);
    const size_t first = k * batch_size, count = std::min(batch_size, order.size() - first);
    report = train_batch(training, examples, order.data() + first, count, rate, run);
    score += report.score;
    progress(k + 1, batches);
  }
  report.score = score;
  return report;
}

inline constexpr size_t most_tasks = 16;

// Reads names to their ends, on up to most_tasks tasks of run, and calls answer(i, o, y) with the last logits and
// probabilities of every example i, from several tasks at once and in no order. A name's answer does not depend on the
// other names.
template <class Real, class Run, class Answer>
void classify(const Network<Real>& network, const Examples& examples, Run& run, Answer answer) {
  const Parameters<Real>& p = network.parameters;
  std::vector<size_t> names(examples.size()), sorted;
  std::iota(names.begin(), names.end(), size_t{0});
  sort_by_length(examples, names.data(), names.size(), sorted);
  const size_t slices = (examples.size() + slice_names - 1) / slice_names, tasks = std::min(slices, most_tasks);
  run(tasks, [&](size_t task) {
    Batch batch;
    Matrix<Real> h(slice_names * examples.longest(), p.hidden());
    Activations<Real> last(slice_names, p.hidden(), p.languages());
    for (size_t slice = task; slice < slices; slice += tasks) {
      pack(examples, sorted, slice * slice_names, std::min((slice + 1) * slice_names, sorted.size()), 1, batch);
      forward_hidden(network, batch, h);
      for (size_t t = 1; t <= batch.steps(); ++t)
        for (size_t i = batch.rows(t + 1); i < batch.rows(t); ++i)
          std::copy_n(h.row(batch.first_row[t] + i), h.stride(), last.h.row(i));
      forward_output(network, batch.name.size(), last);
      for (size_t i = 0; i < batch.name.size(); ++i) answer(batch.name[i], last.o.row(i), last.y.row(i));
    }
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// 12. Model text
// ---------------------------------------------------------------------------------------------------------------------

inline constexpr size_t most_hidden = 4096;

// A trained network, and what it takes to use it.
struct Model {
  size_t epoch = 0;
  std::uint64_t split_seed = 0;
  std::vector<std::string> languages;  // by name
  Alphabet alphabet;
  Parameters<float> parameters;
};

// A matrix in the grammar of the model file: `name rows columns`, then a line for each row, one space between numbers,
// each the shortest decimal that reads back to the same bits.
template <class Entry>
void write_matrix(std::string& text, const char* name, size_t rows, size_t columns, Entry entry) {
  text += name + (' ' + std::to_string(rows)) + ' ' + std::to_string(columns) + '\n';
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) {
      std::array<char, 32> number;
      text.append(number.data(), std::to_chars(number.begin(), number.end(), entry(i, j)).ptr);
      text += j + 1 < columns ? ' ' : '\n';
    }
}

// U+0041 and the like.
inline std::string letter_name(char32_t letter) {
  std::string hex;
  for (std::uint32_t rest = letter; rest > 0 || hex.size() < 4; rest /= 16)
    hex.insert(0, 1, "0123456789ABCDEF"[rest % 16]);
  return "U+" + hex;
}

inline std::string write_model(const Model& model) {
  std::string text = "rnn-model 1\nepoch " + std::to_string(model.epoch) + "\nsplit_seed " +
                     std::to_string(model.split_seed) + "\nlanguages " + std::to_string(model.languages.size()) + '\n';
  for (const std::string& language : model.languages) text += language + '\n';
  text += "letters " + std::to_string(model.alphabet.letters().size()) + '\n';
  for (const char32_t letter : model.alphabet.letters()) text += letter_name(letter) + '\n';
  for_each_parameter(model.parameters, [&](const char* name, size_t rows, size_t columns, auto entry) {
    write_matrix(text, name, rows, columns, entry);
  });
  return text + "end\n";
}

// Reads text in the model file's grammar, line by line. After the first failure every read does nothing.
class ModelReader {
 public:
  explicit ModelReader(const std::string& its_text) : text(its_text) {}

  bool ok() const { return error.empty(); }
  void fail(std::string what) {
    if (ok()) error = std::move(what);
  }
  template <class T>
  Result<T> result(T value) const {
    return ok() ? Result<T>{std::move(value)} : Result<T>::failure(error, line_number);
  }

  std::string_view line() {
    if (!ok()) return {};
    ++line_number;
    const size_t end = text.find('\n', at);
    if (end == text.npos) {
      fail(at == text.size() ? "the text ends too soon: a whole model ends with `end`" : "the last line has no ending");
      return {};
    }
    const std::string_view found(text.data() + at, end - at);
    at = end + 1;
    return found;
  }

  void expect(std::string_view wanted) {
    if (line() != wanted) fail("expected `" + std::string(wanted) + "`");
  }
  void expect_end() {
    expect("end");
    if (!ok() || at == text.size()) return;
    ++line_number;
    fail("text after `end`");
  }

  // A line `name number`, or `name number` and what else it must have.
  std::uint64_t number(const std::string& name, const std::string& rest = "") {
    const std::string_view found = line();
    std::uint64_t value = 0;
    const size_t digits = name.size() + 1;
    if (found.size() > digits && found.starts_with(name + ' ')) {
      const char* last = found.data() + found.size();
      const auto [end, problem] = std::from_chars(found.data() + digits, last, value);
      if (problem == std::errc{} && std::string_view(end, static_cast<size_t>(last - end)) == rest) return value;
    }
    fail("expected `" + name + " NUMBER" + rest + "`");
    return 0;
  }

  // Whether `count` pieces of at least `width` bytes may still come. It keeps a few bytes from asking for much memory.
  void expect_room(std::uint64_t count, size_t width, const std::string& what) {
    if (ok() && count > (text.size() - at) / width) fail("more " + what + " than the rest of the text can hold");
  }

  // Lines of numbers with one space between.
  template <class Entry>
  void numbers(size_t rows, size_t columns, Entry entry) {
    for (size_t i = 0; i < rows && ok(); ++i) {
      const std::string_view row = line();
      const char* next = row.data();
      for (size_t j = 0; j < columns && ok(); ++j) {
        const char after = j + 1 < columns ? ' ' : '\n';
        if (!read_number(next, entry(i, j)) || *next++ != after)
          fail("number " + std::to_string(j + 1) + " of " + std::to_string(columns) +
               " is missing, not a finite decimal, or not followed by " +
               (after == ' ' ? "one space" : "the line's end"));
      }
    }
  }

 private:
  // A finite decimal that starts at `next`, which moves behind it. (std::from_chars for floats is missing from some
  // standard libraries; strtof and strtod also read hexadecimal, infinity and not-a-number, and skip blanks.)
  template <class Real>
  static bool read_number(const char*& next, Real& value) {
    const size_t length = std::strspn(next, "+-.0123456789eE");
    char* end = nullptr;
    if constexpr (sizeof(Real) == sizeof(float))
      value = std::strtof(next, &end);
    else
      value = std::strtod(next, &end);
    const bool read = length > 0 && end == next + length && std::isfinite(value);
    next += length;
    return read;
  }

  const std::string& text;
  size_t at = 0, line_number = 0;
  std::string error;
};

// Reads what write_model writes. Sizes are held against the length of the text before anything is allocated for them.
inline Result<Model> read_model(const std::string& text) {
  Model model;
  ModelReader reader(text);
  reader.expect("rnn-model 1");
  model.epoch = static_cast<size_t>(reader.number("epoch"));
  model.split_seed = reader.number("split_seed");
  const std::uint64_t languages = reader.number("languages");
  reader.expect_room(languages, 2, "languages");
  if (languages < 2) reader.fail("a model has at least two languages");
  while (reader.ok() && model.languages.size() < languages) {
    const std::string_view language = reader.line();
    if (language.empty() || language.find_first_of(white_space) != language.npos || !decode_utf8(language))
      reader.fail("expected a language: UTF-8 without white space");
    else if (!model.languages.empty() && language <= model.languages.back())
      reader.fail("languages stand in byte order, each once");
    model.languages.emplace_back(language);
  }
  const std::uint64_t letter_count = reader.number("letters");
  reader.expect_room(letter_count, std::string_view("U+0041\n").size(), "letters");
  std::u32string letters;
  while (reader.ok() && letters.size() < letter_count) {
    const std::string_view line = reader.line();
    std::uint32_t letter = 0;
    if (line.size() < 6 || std::from_chars(line.data() + 2, line.data() + line.size(), letter, 16).ec != std::errc{} ||
        !is_code_point(letter) || line != letter_name(letter))
      reader.fail("expected a letter such as U+0041");
    else if (!letters.empty() && letter <= letters.back())
      reader.fail("letters stand by code point, each once");
    letters.push_back(letter);
  }
  if (reader.ok()) model.alphabet = Alphabet(std::move(letters));
  const size_t symbols = model.alphabet.symbols();
  const std::uint64_t hidden = reader.number("U", ' ' + std::to_string(symbols));
  if (hidden < 1 || hidden > most_hidden) reader.fail("hidden units are 1 to " + std::to_string(most_hidden));
  if (reader.ok()) reader.expect_room(hidden * (symbols + hidden + languages), 2, "numbers");
  if (!reader.ok()) return reader.result(Model{});
  model.parameters = Parameters<float>(symbols, static_cast<size_t>(hidden), static_cast<size_t>(languages));
  for_each_parameter(model.parameters, [&](const std::string& name, size_t rows, size_t columns, auto entry) {
    if (name != "U") reader.expect(name + ' ' + std::to_string(rows) + ' ' + std::to_string(columns));
    reader.numbers(rows, columns, entry);
  });
  reader.expect_end();
  return reader.result(std::move(model));
}

// ---------------------------------------------------------------------------------------------------------------------
// 13. Confusion and F1
// ---------------------------------------------------------------------------------------------------------------------

// How many names of each language were taken for each.
class Confusion {
 public:
  explicit Confusion(size_t languages) : size(languages), counts(languages * languages) {}

  size_t languages() const { return size; }
  size_t& operator()(size_t truth, size_t predicted) { return counts[truth * size + predicted]; }
  size_t operator()(size_t truth, size_t predicted) const { return counts[truth * size + predicted]; }
  size_t support(size_t language) const {
    size_t sum = 0;
    for (size_t k = 0; k < size; ++k) sum += (*this)(language, k);
    return sum;
  }
  size_t predictions(size_t language) const {
    size_t sum = 0;
    for (size_t k = 0; k < size; ++k) sum += (*this)(k, language);
    return sum;
  }

  // Fractions; a precision without predictions and a recall without names are not a number.
  double precision(size_t k) const { return fraction((*this)(k, k), predictions(k)); }
  double recall(size_t k) const { return fraction((*this)(k, k), support(k)); }
  // 2 TP / (2 TP + FP + FN), the harmonic mean of the two; 0 where TP is 0.
  double f1(size_t k) const {
    return (*this)(k, k) == 0 ? 0 : fraction(2 * (*this)(k, k), support(k) + predictions(k));
  }
  // The mean of F1 over the languages that have a name.
  double macro_f1() const {
    double sum = 0, with_names = 0;
    for (size_t k = 0; k < size; ++k)
      if (support(k) > 0) {
        sum += f1(k);
        ++with_names;
      }
    return sum / with_names;
  }

 private:
  static double fraction(size_t part, size_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }
  size_t size;
  std::vector<size_t> counts;
};

}  // namespace rnn
