// rnn.hpp: a character-level recurrent network that learns which language a name comes from.
//
// What a student reads and a port copies: values in, values or an error out. No file, no terminal, no thread, nothing
// but the standard library, no intrinsics. The text follows the equations of Goodfellow, Bengio and Courville, Deep
// Learning (2016), section 10.2; a number such as (10.8) is theirs. rnn.cpp makes a program of it.
//
// Shapes are written rows x columns. A mini-batch is computed at once with a row for each name, so that the book's
// column vector a_t = b + W h_{t-1} + U x_t becomes a row, and W h becomes h W' (' is the transpose). Nearly all the
// time is spent in add_product, in section 2.
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
#include <limits>
#include <new>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

namespace rnn {

using std::size_t;

// ---- 1. Random numbers ----------------------------------------------------------------------------------------------

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
inline void shuffle(std::vector<size_t>& items, SplitMix64& random) {
  for (size_t i = items.size(); i-- > 1;) std::swap(items[i], items[random.next() % (i + 1)]);
}

// ---- 2. Matrices and their product ----------------------------------------------------------------------------------

// The widest vector of the machine that this is compiled for, in bytes, and the most rows of C that add_product keeps
// in registers, each as two vectors: there are 32 registers, or 16.
#if defined(__AVX512F__)
inline constexpr size_t vector_bytes = 64, tile_rows = 8;
#elif defined(__AVX__)
inline constexpr size_t vector_bytes = 32, tile_rows = 4;
#else
inline constexpr size_t vector_bytes = 16, tile_rows = sizeof(void*) == 8 ? 8 : 4;
#endif

template <class Real>
inline constexpr size_t tile_columns = 2 * vector_bytes / sizeof(Real);

// Rows first ... first + count - 1 of a matrix.
struct Rows {
  size_t first, count;
};

// Some rows of a matrix, or of its transpose, where they stand: entry (i, j) is data[i * row_step + j * column_step].
template <class Real>
struct View {
  Real* data;
  size_t rows, columns, row_step, column_step = 1;

  Real& operator()(size_t i, size_t j) const {
    assert(i < rows && j < columns);
    return data[i * row_step + j * column_step];
  }
  Real* row(size_t i) const { return &(*this)(i, 0); }
  View of(Rows some) const {
    assert(some.first + some.count <= rows);
    return {data + some.first * row_step, some.count, columns, row_step, column_step};
  }
  View transposed() const { return {data, columns, rows, column_step, row_step}; }
  operator View<const Real>() const { return {data, rows, columns, row_step, column_step}; }
};

// Gives std::vector memory that starts at a cache line, so that no vector of a row straddles two.
template <class T>
struct CacheAligned {
  using value_type = T;
  CacheAligned() = default;
  template <class Other>
  CacheAligned(const CacheAligned<Other>&) {}
  T* allocate(size_t count) { return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* memory, size_t) { ::operator delete (memory, std::align_val_t{64}); }
  bool operator==(const CacheAligned&) const = default;
};

// A matrix, row by row. Each row is padded to whole tiles with columns that never reach a result, so that the loops
// below need no second form for an odd number of columns. The padding stays 0.
template <class Real>
struct Matrix {
  size_t rows = 0, columns = 0, stride = 0;  // stride: from a row to the next
  std::vector<Real, CacheAligned<Real>> entries;

  static size_t padded(size_t columns) {
    return (columns + tile_columns<Real> - 1) / tile_columns<Real> * tile_columns<Real>;
  }
  Matrix() = default;
  Matrix(size_t its_rows, size_t its_columns) : rows(its_rows), columns(its_columns), stride(padded(columns)) {
    // A stride of many KB would put a whole column into a few sets of the cache: one tile more made hidden 1024 1.6
    // times as fast.
    if (stride * sizeof(Real) % 2048 == 0) stride += tile_columns<Real>;
    entries.resize(rows * stride);
  }

  Real* row(size_t i) { return entries.data() + index(i, 0); }
  const Real* row(size_t i) const { return entries.data() + index(i, 0); }
  Real& operator()(size_t i, size_t j) { return entries[index(i, j)]; }
  const Real& operator()(size_t i, size_t j) const { return entries[index(i, j)]; }
  View<Real> view() { return {entries.data(), rows, columns, stride}; }
  View<const Real> view() const { return {entries.data(), rows, columns, stride}; }
  size_t index(size_t i, size_t j) const {
    assert(i < rows && j < stride);
    return i * stride + j;
  }
};

// One tile of C += A B: Height rows of C by two vectors, summed in registers; the compiler unrolls the inner loops. If
// fewer rows are left, the next smaller tile does the work. + and * act on vectors lane by lane; g++ and clang++ have
// such types, and to other compilers one number is a vector. (g++ makes as good code of arrays and loops, but clang++
// 14 made code of it that was twenty times slower.)
template <size_t Height, class Real>
void add_product_tile(size_t height, View<Real> C, View<const Real> A, View<const Real> B) {
  if constexpr (Height > 1)
    if (height < Height) return add_product_tile<Height - 1>(height, C, A, B);
#if defined(__GNUC__)
  using Vector [[gnu::vector_size(vector_bytes)]] = Real;
#else
  using Vector = Real;
#endif
  constexpr size_t lanes = sizeof(Vector) / sizeof(Real), vectors = tile_columns<Real> / lanes;
  Vector sum[Height][vectors] = {}, b[vectors], c;
  for (size_t k = 0; k < A.columns; ++k) {
    for (size_t v = 0; v < vectors; ++v) std::memcpy(&b[v], B.data + k * B.row_step + v * lanes, sizeof b[v]);
    for (size_t i = 0; i < Height; ++i)
      for (size_t v = 0; v < vectors; ++v) sum[i][v] += A.data[i * A.row_step + k * A.column_step] * b[v];
  }
  for (size_t i = 0; i < Height; ++i)
    for (size_t v = 0; v < vectors; ++v) {
      std::memcpy(&c, C.data + i * C.row_step + v * lanes, sizeof c);
      c += sum[i][v];
      std::memcpy(C.data + i * C.row_step + v * lanes, &c, sizeof c);
    }
}

// C += A B, in the rows that both A and C have. A is m x k and may be a transposed view, B is k x n, C has n columns.
// (type_identity leaves it to C to say what Real is, so that a View<Real> converts.)
// Every sum runs over k in rising order, whatever m is, so that a name's result does not depend on the names beside it.
// Tiles differ by at most one in height: 9 rows are 4 + 5, since 8 + 1 would leave most of the multipliers idle.
template <class Real>
void add_product(View<Real> C, std::type_identity_t<View<const Real>> A, std::type_identity_t<View<const Real>> B) {
  assert(A.columns == B.rows && B.columns == C.columns && B.column_step == 1 && C.column_step == 1);
  const size_t rows = std::min(A.rows, C.rows);
  for (size_t j = 0; j < C.columns; j += tile_columns<Real>)
    for (size_t i = 0, height; i < rows; i += height) {
      const size_t tiles = (rows - i + tile_rows - 1) / tile_rows;
      height = (rows - i) / tiles;
      add_product_tile<tile_rows>(height, View<Real>{C.data + i * C.row_step + j, 0, 0, C.row_step},
                                  {A.data + i * A.row_step, 0, A.columns, A.row_step, A.column_step},
                                  {B.data + j, 0, 0, B.row_step});
    }
}

// ---- 3. Parameters --------------------------------------------------------------------------------------------------

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
  size_t symbols() const { return Ut.rows; }
  size_t hidden() const { return W.rows; }
  size_t languages() const { return V.rows; }
};

// The parameters by name and in the book's shapes, in the order of the model file.
template <class P>
auto book_shapes(P& p) {
  struct Named {
    const char* name;
    decltype(p.W.view()) view;
  };
  return std::array<Named, 5>{{{"U", p.Ut.view().transposed()},
                               {"b", p.b.view().transposed()},
                               {"W", p.W.view()},
                               {"V", p.V.view()},
                               {"c", p.c.view().transposed()}}};
}

// Rows [first, last) of `from` become columns of `to`. Blocks of sixteen rows fill whole cache lines of `to`.
template <class Real>
void copy_transposed(const Matrix<Real>& from, size_t first, size_t last, Matrix<Real>& to) {
  for (size_t block = first; block < last; block += 16)
    for (size_t j = 0; j < from.columns; ++j)
      for (size_t i = block; i < std::min(block + 16, last); ++i) to(j, i) = from(i, j);
}

// Parameters with what the forward pass needs besides: transposed copies for its products, and zeros.
template <class Real>
struct Network {
  Parameters<Real> parameters;
  Matrix<Real> Wt;    // hidden x hidden
  Matrix<Real> Vt;    // hidden x languages
  Matrix<Real> zero;  // 1 x hidden: U x_t of an unknown letter

  explicit Network(Parameters<Real> p)
      : parameters(std::move(p)),
        Wt(parameters.hidden(), parameters.hidden()),
        Vt(parameters.hidden(), parameters.languages()),
        zero(1, parameters.hidden()) {
    copy_transposed(parameters.W, 0, parameters.W.rows, Wt);
    copy_transposed(parameters.V, 0, parameters.V.rows, Vt);
  }
};

// Initial values: U, W, V in this order, each row by row in its book shape. U is uniform in +-1/2, W in
// +-1 / sqrt(2 hidden), V in +-1, b and c are 0. (Chosen by trial; +-1 / sqrt(hidden) throughout, which is common,
// learns more slowly, since a one-hot input brings a single entry of U to each unit.)
template <class Real>
Parameters<Real> initial_parameters(size_t symbols, size_t hidden, size_t languages, SplitMix64& random) {
  Parameters<Real> p(symbols, hidden, languages);
  const auto draw = [&](View<Real> matrix, double bound) {
    for (size_t i = 0; i < matrix.rows; ++i)
      for (size_t j = 0; j < matrix.columns; ++j) matrix(i, j) = static_cast<Real>((2 * random.uniform() - 1) * bound);
  };
  draw(p.Ut.view().transposed(), 0.5);
  draw(p.W.view(), 1 / std::sqrt(2 * static_cast<double>(hidden)));
  draw(p.V.view(), 1);
  return p;
}

// ---- 4. The packed batch --------------------------------------------------------------------------------------------

using Symbol = std::uint32_t;                                          // a column of U
inline constexpr Symbol unknown = std::numeric_limits<Symbol>::max();  // a letter that training never saw: U x = 0

inline constexpr size_t longest_name = 1000;  // letters; the end of the name is one symbol more

// Names as symbols, with their languages: name i is symbols[first[i]] ... symbols[first[i + 1] - 1].
struct Examples {
  std::vector<Symbol> symbols;
  std::vector<size_t> first{0}, language;

  size_t size() const { return language.size(); }
  size_t length(size_t i) const { return first[i + 1] - first[i]; }
  size_t longest() const {
    size_t most = 0;
    for (size_t i = 0; i < size(); ++i) most = std::max(most, length(i));
    return most;
  }
  void add(const std::vector<Symbol>& name, size_t its_language) {
    assert(!name.empty() && name.size() <= longest_name + 1);
    symbols.insert(symbols.end(), name.begin(), name.end());
    first.push_back(symbols.size());
    language.push_back(its_language);
  }
};

// Names packed for the network, longest first, time-major: step t = 1..T has a row for each name that still has a
// symbol, so its names are the first of step t - 1. Step 0 and step T + 1 have no rows, which spares every loop below
// its special cases. Matrices of activations have the same rows. The names ab and c, each with its end, give T = 3 and
// first_row = 0 0 2 4 5 5; name i goes on after step t if i < step(t + 1).count.
struct Batch {
  std::vector<size_t> first_row;  // of steps 0 ... T + 2
  std::vector<Symbol> symbol;     // of each row
  std::vector<size_t> name;       // of each name, which example it is
  std::vector<size_t> language;   // of each name

  size_t steps() const { return first_row.size() - 3; }
  size_t rows() const { return symbol.size(); }
  Rows step(size_t t) const { return {first_row[t], first_row[t + 1] - first_row[t]}; }
};

// Examples names[0] ... names[count - 1] by falling length; equal lengths keep their order. (A counting sort.)
inline void sort_by_length(const Examples& examples, const size_t* names, size_t count, std::vector<size_t>& sorted) {
  std::array<size_t, longest_name + 2> place{};  // by number of symbols: how many names have it, then where they go
  for (size_t k = 0; k < count; ++k) ++place[examples.length(names[k])];
  for (size_t length = place.size(), longer = 0; length-- > 0;) longer += std::exchange(place[length], longer);
  sorted.resize(count);
  for (size_t k = 0; k < count; ++k) sorted[place[examples.length(names[k])]++] = names[k];
}

// Fills the batch with examples sorted[k], by falling length, for k = first, first + step, ... below last.
inline void pack(const Examples& examples, const std::vector<size_t>& sorted, size_t first, size_t last, size_t step,
                 Batch& batch) {
  assert(first < last);
  batch.name.clear();
  batch.language.clear();
  for (size_t k = first; k < last; k += step) {
    batch.name.push_back(sorted[k]);
    batch.language.push_back(examples.language[sorted[k]]);
  }
  batch.symbol.clear();
  batch.first_row.assign(2, 0);
  for (size_t t = 1, n = batch.name.size(); n > 0; ++t) {
    while (n > 0 && examples.length(batch.name[n - 1]) < t) --n;
    for (size_t i = 0; i < n; ++i) batch.symbol.push_back(examples.symbols[examples.first[batch.name[i]] + t - 1]);
    batch.first_row.push_back(batch.symbol.size());
  }
}

// ---- 5. Forward -----------------------------------------------------------------------------------------------------

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

// y = softmax(o) (10.11). The maximum is subtracted, which changes nothing but keeps e^o within range.
template <class Real>
void softmax(const Real* o, Real* y, size_t columns) {
  const size_t padded = Matrix<Real>::padded(columns);  // whole vectors
  Real peak = o[0], sum = 0;
  for (size_t j = 1; j < columns; ++j) peak = o[j] > peak ? o[j] : peak;
  for (size_t j = 0; j < padded; ++j) y[j] = fast_exp(o[j] - peak);
  for (size_t j = 0; j < columns; ++j) sum += y[j];
  for (size_t j = 0; j < padded; ++j) y[j] = y[j] / sum;
  for (size_t j = columns; j < padded; ++j) y[j] = 0;
}

// The network unrolled over a batch: what forward and backward compute, d_x standing for dL/dx. Each matrix has a row
// for each row of the batch, and room for more.
template <class Real>
struct Unrolled {
  Batch batch;
  Matrix<Real> h;         // rows x hidden; a_t until h_t takes its place
  Matrix<Real> o;         // rows x languages, the logits
  Matrix<Real> y;         // rows x languages, the probabilities
  Matrix<Real> d_o;       // rows x languages
  Matrix<Real> d_a;       // rows x hidden; dh_t until da_t takes its place
  Matrix<Real> h_before;  // rows x hidden: h_{t-1} of each row from step 2 on, so that dW is one product

  Unrolled(size_t rows, size_t hidden, size_t languages)
      : h(rows, hidden), o(rows, languages), y(rows, languages), d_o(o), d_a(h), h_before(h) {}
};

// h of every row.
template <class Real>
void forward_hidden(const Network<Real>& network, const Batch& batch, Matrix<Real>& h) {
  const Parameters<Real>& p = network.parameters;
  for (size_t t = 1; t <= batch.steps(); ++t) {
    const View<Real> a = h.view().of(batch.step(t));  // a_t, in the end h_t
    for (size_t i = 0; i < a.rows; ++i) {
      const Symbol x = batch.symbol[batch.first_row[t] + i];
      const Real *bias = p.b.row(0), *Ux = x == unknown ? network.zero.row(0) : p.Ut.row(x);
      for (size_t j = 0; j < h.stride; ++j) a.row(i)[j] = bias[j] + Ux[j];  // (10.8) a_t = b + U x_t
    }
    add_product(a, h.view().of(batch.step(t - 1)), network.Wt.view());  // + W h_{t-1}
    for (size_t i = 0; i < a.rows; ++i)
      for (size_t j = 0; j < h.stride; ++j) a.row(i)[j] = fast_tanh(a.row(i)[j]);  // (10.9) h_t = tanh(a_t)
  }
}

// o and y for each row of h, from their first rows on.
template <class Real>
void forward_output(const Network<Real>& network, std::type_identity_t<View<const Real>> h, View<Real> o,
                    View<Real> y) {
  for (size_t i = 0; i < h.rows; ++i)
    std::copy_n(network.parameters.c.row(0), Matrix<Real>::padded(o.columns), o.row(i));  // (10.10) o_t = c
  add_product(o, h, network.Vt.view());                                                   // + V h_t
  for (size_t i = 0; i < h.rows; ++i) softmax(o.row(i), y.row(i), o.columns);             // (10.11) y_t = softmax(o_t)
}

// h, o and y of every row.
template <class Real>
void forward(const Network<Real>& network, Unrolled<Real>& u) {
  const Rows all{0, u.batch.rows()};
  forward_hidden(network, u.batch, u.h);
  forward_output(network, u.h.view().of(all), u.o.view(), u.y.view());
}

// ---- 6. Loss --------------------------------------------------------------------------------------------------------

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

// The weight w_t of the loss at step t of the batch's name i.
template <class Real>
Real step_weight(const Batch& batch, size_t t, size_t i, Real prefix_weight) {
  return i < batch.step(t + 1).count ? prefix_weight : 1;
}

// L = sum over names and steps of w_t * -log y_t[language], in nats.
template <class Real>
Real loss(const Unrolled<Real>& u, Real prefix_weight) {
  Real sum = 0;
  for (size_t t = 1; t <= u.batch.steps(); ++t)
    for (size_t i = 0; i < u.batch.step(t).count; ++i) {
      const Real *o = u.o.row(u.batch.first_row[t] + i), *y = u.y.row(u.batch.first_row[t] + i);
      sum += step_weight(u.batch, t, i, prefix_weight) *
             cross_entropy(o, y, likeliest(y, u.y.columns), u.batch.language[i]);
    }
  return sum;
}

// What is reported of some names: at their last step, the sum of the cross-entropies and the number of right answers.
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

// Counts the last step of every name.
template <class Real>
void count_last_steps(const Unrolled<Real>& u, Score& score) {
  for (size_t t = 1; t <= u.batch.steps(); ++t)
    for (size_t i = u.batch.step(t + 1).count; i < u.batch.step(t).count; ++i)
      score.count(u.o.row(u.batch.first_row[t] + i), u.y.row(u.batch.first_row[t] + i), u.y.columns,
                  u.batch.language[i]);
}

// ---- 7. Backward ----------------------------------------------------------------------------------------------------

// Back through time; then adds the gradient of the batch, a sum over its names and steps, to `gradient`.
template <class Real>
void backward(const Network<Real>& network, Unrolled<Real>& u, Real prefix_weight, Parameters<Real>& gradient) {
  for (size_t t = u.batch.steps(); t >= 1; --t) {
    const Rows now = u.batch.step(t), after = u.batch.step(t + 1);
    const View<Real> h = u.h.view().of(now), d_o = u.d_o.view().of(now), d_a = u.d_a.view().of(now);
    for (size_t i = 0; i < now.count; ++i) {
      const Real w = step_weight(u.batch, t, i, prefix_weight), *y = u.y.row(now.first + i);
      for (size_t j = 0; j < u.d_o.stride; ++j) d_o.row(i)[j] = w * y[j];
      d_o(i, u.batch.language[i]) -= w;  // (10.18) do_t = w_t (y_t - onehot(language))
      std::fill_n(d_a.row(i), u.d_a.stride, Real{0});
    }
    add_product(d_a, d_o, network.parameters.V.view());                     // (10.21) dh_t = V' do_t
    add_product(d_a, u.d_a.view().of(after), network.parameters.W.view());  // + W' da_{t+1}
    for (size_t i = 0; i < now.count; ++i)
      for (size_t j = 0; j < u.d_a.stride; ++j)
        d_a.row(i)[j] *= 1 - h.row(i)[j] * h.row(i)[j];  // da_t = (1 - h_t^2) * dh_t, a factor of (10.21)
    for (size_t i = 0; i < after.count; ++i) std::copy_n(h.row(i), u.h.stride, u.h_before.row(after.first + i));
  }
  const Rows all{0, u.batch.rows()}, later{u.batch.first_row[2], all.count - u.batch.first_row[2]};  // from step 2 on
  for (size_t row = 0; row < all.count; ++row) {
    const Real *d_a = u.d_a.row(row), *d_o = u.d_o.row(row);
    const Symbol x = u.batch.symbol[row];
    for (size_t j = 0; j < gradient.c.stride; ++j) gradient.c(0, j) += d_o[j];  // (10.22) dc += do_t
    for (size_t j = 0; j < gradient.b.stride; ++j) gradient.b(0, j) += d_a[j];  // (10.23) db += da_t
    if (x != unknown)
      for (size_t j = 0; j < gradient.Ut.stride; ++j) gradient.Ut(x, j) += d_a[j];  // (10.28) dU += da_t x_t'
  }
  const View<Real> d_o = u.d_o.view().of(all), d_a = u.d_a.view().of(later);
  add_product(gradient.V.view(), d_o.transposed(), u.h.view().of(all));           // (10.24) dV += do_t h_t'
  add_product(gradient.W.view(), d_a.transposed(), u.h_before.view().of(later));  // (10.26) dW += da_t h_{t-1}'
}

// How far the gradient of a parameter is from central differences, relative to the gradient's largest entry.
struct GradientError {
  std::string name;
  size_t rows, columns;
  double error;
};

// Compares every entry of the gradient with (L(x + step) - L(x - step)) / (2 step), on all examples as one batch.
// Central differences in double agree to about 1e-9; a wrong line in backward shows as 1e-3 or more.
inline std::vector<GradientError> check_gradient(Parameters<double> p, const Examples& examples, double prefix_weight) {
  Unrolled<double> u(examples.symbols.size(), p.hidden(), p.languages());
  std::vector<size_t> names(examples.size()), sorted;
  std::iota(names.begin(), names.end(), size_t{0});
  sort_by_length(examples, names.data(), names.size(), sorted);
  pack(examples, sorted, 0, sorted.size(), 1, u.batch);
  Parameters<double> gradient(p.symbols(), p.hidden(), p.languages());
  forward(Network<double>(p), u);
  backward(Network<double>(p), u, prefix_weight, gradient);
  std::vector<GradientError> errors;
  for (size_t m = 0; m < gradient.matrices().size(); ++m) {
    const auto [name, analytic] = book_shapes(gradient)[m];
    const View<double> parameter = book_shapes(p)[m].view;
    double largest = 0, worst = 0;
    for (size_t i = 0; i < parameter.rows; ++i)
      for (size_t j = 0; j < parameter.columns; ++j) {
        const double value = parameter(i, j), step = 1e-5;
        const auto loss_at = [&](double x) {
          parameter(i, j) = x;
          forward(Network<double>(p), u);
          return loss(u, prefix_weight);
        };
        const double numeric = (loss_at(value + step) - loss_at(value - step)) / (2 * step);
        parameter(i, j) = value;
        const double difference = std::abs(analytic(i, j) - numeric);
        largest = std::max({largest, std::abs(analytic(i, j)), std::abs(numeric)});
        worst = difference >= 0 ? std::max(worst, difference) : std::numeric_limits<double>::infinity();
      }
    errors.push_back(
        {name, parameter.rows, parameter.columns, worst > 0 && std::isfinite(worst) ? worst / largest : worst});
  }
  return errors;
}

// ---- 8. Update ------------------------------------------------------------------------------------------------------

struct Settings {
  size_t hidden = 128, epochs = 10, batch_size = 32;
  double learning_rate = 0.007, momentum = 0.9, clip_norm = 14, prefix_weight = 0.15;
  bool linear_decay = true;
  std::uint64_t seed = 1, split_seed = 1;
};

// Names are computed in slices of at most slice_names. A batch has a shard for each slice, up to most_shards, and a
// shard of that number takes the slices in turn. This depends on the batch alone, so that no result depends on the
// threads.
inline constexpr size_t slice_names = 16, most_shards = 8;

// All that training changes or needs room for.
template <class Real>
struct Training {
  struct Shard {
    Unrolled<Real> u;
    Parameters<Real> gradient;
    Score score;
    Real squares;  // of its part of the whole gradient
  };
  Settings settings;
  Network<Real> network;
  Parameters<Real> velocity;
  std::vector<Shard> shards;
  std::vector<size_t> sorted;  // the names of the mini-batch

  // `longest`: symbols of the longest name to come. The first batches make the packed batches longer; after them
  // nothing is allocated.
  Training(const Settings& its_settings, Parameters<Real> initial, size_t longest)
      : settings(its_settings), network(std::move(initial)) {
    const Parameters<Real>& p = network.parameters;
    velocity = Parameters<Real>(p.symbols(), p.hidden(), p.languages());
    const size_t slices = (settings.batch_size + slice_names - 1) / slice_names;
    shards.assign(std::min(slices, most_shards), {{slice_names * longest, p.hidden(), p.languages()}, velocity, {}, 0});
  }
};

// The passes over gradients and parameters are cut into parts that threads share out: part k of n is of every matrix m
// the rows [rows * k / n, rows * (k + 1) / n), each as f(m, row).
template <class Real, class F>
void for_each_row(Parameters<Real>& p, size_t k, size_t n, F f) {
  for (size_t m = 0; m < p.matrices().size(); ++m) {
    const size_t rows = p.matrices()[m]->rows;
    for (size_t row = rows * k / n; row < rows * (k + 1) / n; ++row) f(m, row);
  }
}

// Adds the gradients of all shards to that of the first, in their order, and returns the sum of squares. A part.
template <class Real>
Real add_gradients(Training<Real>& training, size_t part) {
  constexpr size_t width = tile_columns<Real>;
  Real squares[width] = {};  // each of every width-th column, so that the compiler may use whole vectors
  auto& shards = training.shards;
  for_each_row(training.velocity, part, shards.size(), [&](size_t m, size_t row) {
    Matrix<Real>& sum = *shards[0].gradient.matrices()[m];
    Real* g = sum.row(row);
    for (size_t s = 1; s < shards.size(); ++s) {
      const Real* other = shards[s].gradient.matrices()[m]->row(row);
      for (size_t j = 0; j < sum.stride; ++j) g[j] += other[j];
    }
    for (size_t first = 0; first < sum.stride; first += width)
      for (size_t j = 0; j < width; ++j) squares[j] += g[first + j] * g[first + j];
  });
  return std::accumulate(squares, squares + width, Real{0});
}

// Stochastic gradient descent with momentum; renews the transposed copies. A part.
template <class Real>
void update(Training<Real>& training, size_t part, Real factor, Real rate) {
  Parameters<Real>& p = training.network.parameters;
  const Real momentum = static_cast<Real>(training.settings.momentum);
  const size_t parts = training.shards.size();
  for_each_row(p, part, parts, [&](size_t m, size_t row) {
    const Real* g = training.shards[0].gradient.matrices()[m]->row(row);
    Real *v = training.velocity.matrices()[m]->row(row), *x = p.matrices()[m]->row(row);
    for (size_t j = 0, stride = p.matrices()[m]->stride; j < stride; ++j) {
      v[j] = momentum * v[j] + factor * g[j];  // v = momentum v + factor gradient
      x[j] -= rate * v[j];                     // parameter -= rate v
    }
  });
  // Of the rows that this part has just updated:
  copy_transposed(p.W, p.W.rows * part / parts, p.W.rows * (part + 1) / parts, training.network.Wt);
  copy_transposed(p.V, p.V.rows * part / parts, p.V.rows * (part + 1) / parts, training.network.Vt);
}

// What training did: the last steps it counted, and of its last mini-batch the gradient's norm before clipping and the
// factor that clipping multiplied it with.
template <class Real>
struct Report {
  Score score;
  Real norm = 0, factor = 1;
};

// One step of training on the mini-batch names[0] ... names[count - 1]. run(n, f) calls f(0) ... f(n - 1), on threads
// or not. If the gradient's norm is not finite, the parameters stay as they were.
template <class Real, class Run>
void train_batch(Training<Real>& training, const Examples& examples, const size_t* names, size_t count, double rate,
                 Run& run, Report<Real>& report) {
  const Settings& settings = training.settings;
  const size_t slices = (count + slice_names - 1) / slice_names, parts = training.shards.size();
  sort_by_length(examples, names, count, training.sorted);
  run(parts, [&](size_t part) {
    auto& [u, gradient, score, squares] = training.shards[part];
    for (Matrix<Real>* matrix : gradient.matrices()) std::fill(matrix->entries.begin(), matrix->entries.end(), Real{0});
    score = {};
    for (size_t slice = part; slice < slices; slice += parts) {
      pack(examples, training.sorted, slice, count, slices, u.batch);  // every slices-th: slices of like lengths
      forward(training.network, u);
      backward(training.network, u, static_cast<Real>(settings.prefix_weight), gradient);
      count_last_steps(u, score);
    }
  });
  run(parts, [&](size_t part) { training.shards[part].squares = add_gradients(training, part); });
  Real squares = 0;
  for (const auto& shard : training.shards) {
    report.score += shard.score;
    squares += shard.squares;
  }
  report.norm = std::sqrt(squares);
  report.factor = std::min(Real{1}, static_cast<Real>(settings.clip_norm) / report.norm);
  if (std::isfinite(report.norm))
    run(parts, [&](size_t part) { update(training, part, report.factor, static_cast<Real>(rate)); });
}

// =====================================================================================================================
// Around the network. A student may stop here.
// =====================================================================================================================

// ---- 9. Text --------------------------------------------------------------------------------------------------------

// What is wrong with a text, and in which of its lines (0: in none of them).
struct TextError : std::runtime_error {
  size_t line;
  TextError(const std::string& what, size_t its_line) : std::runtime_error(what), line(its_line) {}
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

inline constexpr std::string_view white_space = " \t\n\v\f\r", byte_order_mark = "\xef\xbb\xbf";

// The text without ASCII white space at both ends.
inline std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(white_space);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

// The letters of a trimmed name. Throws a TextError if it is too long or malformed.
inline std::u32string decode_name(std::string_view name, size_t line = 0) {
  std::optional<std::u32string> letters;
  const bool too_long = name.size() > 4 * longest_name;
  if (!too_long) letters = decode_utf8(name);
  if (!too_long && !letters) throw TextError("malformed UTF-8: save the text as UTF-8", line);
  if (too_long || letters->size() > longest_name)
    throw TextError("a name of more than " + std::to_string(longest_name) + " letters: one line holds one name", line);
  return std::move(*letters);
}

// The names of one file, in its order, each once. They point into the text.
struct NameList {
  std::vector<std::string_view> names;
  size_t repeats = 0;
};

// Reads a file of names, one a line. A byte order mark, CRLF, blank lines and white space around a name are passed
// over. Throws a TextError.
inline NameList read_names(std::string_view text) {
  NameList list;
  std::unordered_set<std::string_view> seen;
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view name = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (name.empty()) continue;
    decode_name(name, line);
    if (seen.insert(name).second)
      list.names.push_back(name);
    else
      ++list.repeats;
  }
  if (list.names.empty()) throw TextError("no name in it: a file of names has one a line", 0);
  return list;
}

// The letters that training saw, by code point. Letter k is symbol k; the end of a name is the symbol after them.
struct Alphabet {
  std::u32string letters;         // rising
  std::vector<Symbol> symbol_of;  // by code point, up to the last letter

  Alphabet() = default;
  explicit Alphabet(std::u32string rising) : letters(std::move(rising)) {
    symbol_of.assign(letters.empty() ? 0 : letters.back() + size_t{1}, unknown);
    for (size_t k = 0; k < letters.size(); ++k) symbol_of[letters[k]] = static_cast<Symbol>(k);
  }
  size_t symbols() const { return letters.size() + 1; }

  // The symbols of a name: its letters, then the end.
  std::vector<Symbol> encode(const std::u32string& name) const {
    std::vector<Symbol> symbols;
    symbols.reserve(name.size() + 1);
    for (const char32_t letter : name) symbols.push_back(letter < symbol_of.size() ? symbol_of[letter] : unknown);
    symbols.push_back(static_cast<Symbol>(letters.size()));
    return symbols;
  }
};

// ---- 10. Split ------------------------------------------------------------------------------------------------------

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

// ---- 11. One epoch of training, and answers -------------------------------------------------------------------------

// The learning rate of mini-batch k of all the run's `batches`.
inline double learning_rate(const Settings& settings, size_t k, size_t batches) {
  if (!settings.linear_decay) return settings.learning_rate;
  return settings.learning_rate * (1 - static_cast<double>(k) / static_cast<double>(batches));
}

// Shuffles `order` further, then trains on every example once. progress(done, batches) is called after each mini-batch.
// Ends early if training diverges: the norm or the loss reported is then not finite.
template <class Real, class Run, class Progress>
Report<Real> train_epoch(Training<Real>& training, const Examples& examples, std::vector<size_t>& order, size_t epoch,
                         SplitMix64& random, Run& run, Progress progress) {
  const size_t batch_size = training.settings.batch_size, batches = (order.size() + batch_size - 1) / batch_size;
  Report<Real> report;
  shuffle(order, random);
  for (size_t k = 0; k < batches && std::isfinite(report.norm) && std::isfinite(report.score.loss); ++k) {
    const double rate = learning_rate(training.settings, epoch * batches + k, training.settings.epochs * batches);
    const size_t first = k * batch_size, count = std::min(batch_size, order.size() - first);
    train_batch(training, examples, order.data() + first, count, rate, run, report);
    progress(k + 1, batches);
  }
  return report;
}

inline constexpr size_t most_tasks = 16;

// Reads names to their ends, on up to most_tasks tasks of run, and calls answer(i, o, y) with the last logits and
// probabilities of every example i, from several tasks at once and in no order. A name's answer does not depend on the
// other names.
template <class Real, class Run, class Answer>
void classify(const Network<Real>& network, const Examples& examples, Run& run, Answer answer) {
  const size_t slices = (examples.size() + slice_names - 1) / slice_names, tasks = std::min(slices, most_tasks);
  std::vector<size_t> names(examples.size()), sorted;
  std::iota(names.begin(), names.end(), size_t{0});
  sort_by_length(examples, names.data(), names.size(), sorted);
  run(tasks, [&](size_t task) {
    Batch batch;
    Matrix<Real> h(slice_names * examples.longest(), network.parameters.hidden());
    Matrix<Real> o(slice_names, network.parameters.languages()), y(o);
    for (size_t first = task * slice_names; first < sorted.size(); first += tasks * slice_names) {
      pack(examples, sorted, first, std::min(first + slice_names, sorted.size()), 1, batch);
      forward_hidden(network, batch, h);
      for (size_t t = 1; t <= batch.steps(); ++t) {
        const size_t later = batch.step(t + 1).count, ending = batch.step(t).count - later;
        forward_output(network, h.view().of({batch.first_row[t] + later, ending}), o.view(), y.view());
        for (size_t i = 0; i < ending; ++i) answer(batch.name[later + i], o.row(i), y.row(i));
      }
    }
  });
}

// ---- 12. Model text -------------------------------------------------------------------------------------------------

inline constexpr size_t most_hidden = 4096;

// A trained network, and what it takes to use it.
struct Model {
  size_t epoch = 0;
  std::uint64_t split_seed = 0;
  std::vector<std::string> languages;  // by name
  Alphabet alphabet;
  Parameters<float> parameters;
};

// U+0041 and the like.
inline std::string letter_name(char32_t letter) {
  std::string hex;
  for (std::uint32_t rest = letter; rest > 0 || hex.size() < 4; rest /= 16)
    hex.insert(0, 1, "0123456789ABCDEF"[rest % 16]);
  return "U+" + hex;
}

// `name rows columns`, the line that stands above a matrix.
inline std::string matrix_line(const std::string& name, size_t rows, size_t columns) {
  return name + ' ' + std::to_string(rows) + ' ' + std::to_string(columns);
}

// The model file. Each number is the shortest decimal that reads back to the same bits.
inline std::string write_model(const Model& model) {
  std::string text = "rnn-model 1\nepoch " + std::to_string(model.epoch) + "\nsplit_seed " +
                     std::to_string(model.split_seed) + "\nlanguages " + std::to_string(model.languages.size()) + '\n';
  for (const std::string& language : model.languages) text += language + '\n';
  text += "letters " + std::to_string(model.alphabet.letters.size()) + '\n';
  for (const char32_t letter : model.alphabet.letters) text += letter_name(letter) + '\n';
  for (const auto& [name, matrix] : book_shapes(model.parameters)) {
    text += matrix_line(name, matrix.rows, matrix.columns) + '\n';
    for (size_t i = 0; i < matrix.rows; ++i)
      for (size_t j = 0; j < matrix.columns; ++j) {
        std::array<char, 32> number;
        text.append(number.data(), std::to_chars(number.begin(), number.end(), matrix(i, j)).ptr);
        text += j + 1 < matrix.columns ? ' ' : '\n';
      }
  }
  return text + "end\n";
}

// Reads text in the model file's grammar, line by line. Throws a TextError that names the line.
class ModelReader {
 public:
  explicit ModelReader(const std::string& its_text) : text(its_text) {}

  [[noreturn]] void fail(const std::string& what) const { throw TextError(what, line_number); }

  std::string_view line() {
    ++line_number;
    const size_t end = text.find('\n', at);
    if (end == text.npos) fail("the text is cut short: a whole model ends with a line `end`");
    const std::string_view found(text.data() + at, end - at);
    at = end + 1;
    return found;
  }
  void expect(const std::string& wanted) {
    if (line() != wanted) fail("expected `" + wanted + "`");
  }
  // A line `name NUMBER`, or `name NUMBER` and what else it must have.
  std::uint64_t number(const std::string& name, const std::string& rest = "") {
    const std::string_view found = line();
    std::uint64_t value = 0;
    if (found.size() > name.size()) std::from_chars(&found[name.size()] + 1, found.data() + found.size(), value);
    if (found != name + ' ' + std::to_string(value) + rest) fail("expected `" + name + " NUMBER" + rest + "`");
    return value;
  }
  // Refuses `count` pieces of at least `width` bytes that the text cannot hold, before memory is asked for them.
  void expect_room(std::uint64_t count, size_t width) const {
    if (count > (text.size() - at) / width)
      fail("the rest of the text is too short for so large a number: it is cut short, or altered");
  }
  // A line for each row, one space between numbers. (std::from_chars for float is missing from some standard libraries.
  // strtof also reads hexadecimal, infinity and not-a-number, and skips blanks.)
  void numbers(View<float> matrix) {
    for (size_t i = 0; i < matrix.rows; ++i) {
      const char* next = line().data();
      for (size_t j = 0; j < matrix.columns; ++j) {
        const char* const stop = next + std::strspn(next, "+-.0123456789eE");
        char* end = nullptr;
        matrix(i, j) = std::strtof(next, &end);
        if (end == next || end != stop || *end != (j + 1 < matrix.columns ? ' ' : '\n') || !std::isfinite(matrix(i, j)))
          fail("expected " + std::to_string(matrix.columns) + " finite decimals with one space between; number " +
               std::to_string(j + 1) + " is not so");
        next = stop + 1;
      }
    }
  }
  void expect_end() {
    expect("end");
    ++line_number;
    if (at < text.size()) fail("text after `end`");
  }

 private:
  const std::string& text;
  size_t at = 0, line_number = 0;
};

// Reads what write_model writes, or throws a TextError. Sizes are held against the length of the text first.
inline Model read_model(const std::string& text) {
  Model model;
  ModelReader reader(text);
  reader.expect("rnn-model 1");
  model.epoch = static_cast<size_t>(reader.number("epoch"));
  model.split_seed = reader.number("split_seed");
  const std::uint64_t languages = reader.number("languages");
  if (languages < 2) reader.fail("a model has at least two languages");
  reader.expect_room(languages, 2);
  while (model.languages.size() < languages) {
    const std::string_view language = reader.line();
    if (language.empty() || language.find_first_of(white_space) != language.npos || !decode_utf8(language))
      reader.fail("expected a language: UTF-8 without white space");
    if (!model.languages.empty() && language <= model.languages.back())
      reader.fail("languages stand in byte order, each once");
    model.languages.emplace_back(language);
  }
  std::u32string letters;
  const std::uint64_t letter_count = reader.number("letters");
  reader.expect_room(letter_count, std::string_view("U+0041\n").size());
  while (letters.size() < letter_count) {
    const std::string_view line = reader.line();
    std::uint32_t letter = 0;
    if (line.size() > 2) std::from_chars(line.data() + 2, line.data() + line.size(), letter, 16);
    if (line != letter_name(letter) || !is_code_point(letter)) reader.fail("expected a letter such as U+0041");
    if (!letters.empty() && letter <= letters.back()) reader.fail("letters stand by code point, each once");
    letters.push_back(letter);
  }
  model.alphabet = Alphabet(std::move(letters));
  const size_t symbols = model.alphabet.symbols();
  const std::uint64_t hidden = reader.number("U", ' ' + std::to_string(symbols));
  if (hidden < 1 || hidden > most_hidden) reader.fail("hidden units are 1 to " + std::to_string(most_hidden));
  reader.expect_room(hidden * (symbols + hidden + languages), 2);
  model.parameters = Parameters<float>(symbols, static_cast<size_t>(hidden), static_cast<size_t>(languages));
  for (const auto& [name, matrix] : book_shapes(model.parameters)) {
    if (matrix.data != model.parameters.Ut.entries.data())
      reader.expect(matrix_line(name, matrix.rows, matrix.columns));
    reader.numbers(matrix);
  }
  reader.expect_end();
  return model;
}

// ---- 13. Confusion and F1 -------------------------------------------------------------------------------------------

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

}  // namespace rnn
