// rnn.hpp: a recurrent neural network that reads a name letter by letter and says which language it comes from.
//
// Part 1 is the lesson: the whole network and how it learns, one name at a time, in plain loops. It is written to be
// read from top to bottom, beside chapter 10 of Goodfellow, Bengio and Courville, Deep Learning (2016): (10.8) is an
// equation of that book, and "book, 8.3.2" is a section of it. Part 2 computes the same numbers for many names at once,
// about fourteen times as fast. Part 3 has the rules around it: random numbers, letters, test names, the model file.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace rnn {
using std::size_t;

// =====================================================================================================================
// Part 1. The lesson: one name at a time
// =====================================================================================================================

// ---- 1. The network -------------------------------------------------------------------------------------------------
// A name is a sequence of symbols: its letters, and then one symbol that marks the end. (A name that ends in -ov is
// probably Russian, while ov within a name says little.) The network reads one symbol at each time step t = 1 ... T,
// and keeps what it needs to remember in a vector h_t. The numbers in h_t are called hidden units.
//
//     a_t = b + W h_{t-1} + U x_t     (10.8)      x_t is one-hot: 1 at the index of symbol t, and 0 elsewhere; h_0 = 0
//     h_t = tanh(a_t)                 (10.9)      every hidden unit is between -1 and 1
//     o_t = c + V h_t                 (10.10)     one number for each language: the larger, the more probable
//     y_t = softmax(o_t)              (10.11)     these numbers turned into probabilities
//
//            y_1         y_2         y_3
//             ^ V         ^ V         ^ V
//     h_0 -> h_1 ------> h_2 ------> h_3     The name Li has two letters, so T = 3. The prediction is y_T = y_3, and
//         W   ^ U     W   ^ U     W   ^ U    its largest number belongs to the predicted language.
//            "L"         "i"         end
//
// The network is called recurrent because it computes each h_t from the one before by the same rule. U, W, V, b and c
// are the same at every time step, so a name may have any number of letters. These five are the parameters, the numbers
// that are learnt. (The book writes ŷ for our y; its y is the right answer, which is `language` here.)
//
//     U     hidden x symbols      128 x 90, for 89 letters and the end        x_t        symbols
//     W     hidden x hidden       128 x 128                                   a_t, h_t   hidden
//     V     languages x hidden    32 x 128                                    o_t, y_t   languages
//     b, c  hidden; languages     128; 32. With the defaults and data/, these are 32,160 numbers to learn.

// ---- 2. Vectors, matrices, parameters -------------------------------------------------------------------------------
// For those new to C++: a parameter `Vector& to` is the caller's own vector; `const Vector& from` can only be read;
// `Vector o`, without &, is a copy. Likewise `Step& step = steps[t]` is another name for steps[t], and not a copy.
// `Vector(n)` is n times 0. M(i, j) calls operator(). `inline` lets a header define a function.
#ifndef REAL
#define REAL float
#endif
using Real = REAL;  // the type of all numbers: float, or double if this is compiled with -DREAL=double
using Vector = std::vector<Real>;

struct Matrix {
  size_t rows, columns;
  Vector numbers = {};  // row after row, once set_zero has made room for them
  Real& operator()(size_t i, size_t j) { return numbers[i * columns + j]; }
  Real operator()(size_t i, size_t j) const { return numbers[i * columns + j]; }
  void set_zero() { numbers = Vector(rows * columns); }
};

inline void add(Vector& to, const Vector& from) {
  for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}
inline void add_product(Vector& to, const Matrix& M, const Vector& from) {  // to += M from
  for (size_t i = 0; i < M.rows; ++i)
    for (size_t j = 0; j < M.columns; ++j) to[i] += M(i, j) * from[j];
}
// to += M' from. Here and below, ' is the transpose: entry (j, i) of M' is M(i, j).
inline void add_transposed_product(Vector& to, const Matrix& M, const Vector& from) {
  for (size_t i = 0; i < M.rows; ++i)
    for (size_t j = 0; j < M.columns; ++j) to[j] += M(i, j) * from[i];
}
inline void add_outer_product(Matrix& M, const Vector& left, const Vector& right) {  // M += left right'
  for (size_t i = 0; i < M.rows; ++i)
    for (size_t j = 0; j < M.columns; ++j) M(i, j) += left[i] * right[j];
}

using Symbol = std::uint32_t;                                          // an index: the symbol's column of U
inline constexpr Symbol unknown = std::numeric_limits<Symbol>::max();  // a letter of no training name: its x_t is all 0

inline void add_column(Vector& to, const Matrix& U, Symbol symbol) {  // to += U x: one column of U, as x is one-hot
  if (symbol == unknown) return;
  for (size_t i = 0; i < U.rows; ++i) to[i] += U(i, symbol);
}
inline void add_to_column(Matrix& U, Symbol symbol, const Vector& from) {  // U += from x': adds to one column of U
  if (symbol == unknown) return;
  for (size_t i = 0; i < U.rows; ++i) U(i, symbol) += from[i];
}

// The parameters; and, with the same shapes, their gradient (section 5). b and c are matrices of one column. The
// matrices take their sizes from the first three members, and their numbers from zero_parameters (section 6).
struct Parameters {
  size_t symbols, hidden, languages;
  Matrix U{hidden, symbols}, b{hidden, 1}, W{hidden, hidden}, V{languages, hidden}, c{languages, 1};
};

// ---- 3. Forward: from a name to the prediction (uses section 2) -----------------------------------------------------
inline Vector tanh(Vector a) {
  for (Real& number : a) number = std::tanh(number);
  return a;
}

// softmax(o)[k] = e^o[k] / (the sum of all e^o). For o = (2, 1, 0) that is (0.67, 0.24, 0.09). The largest o is
// subtracted from all of them first. This cancels in the quotient, and without it e^89 would be too large for a float.
inline Vector softmax(Vector o) {
  const Real largest = *std::max_element(o.begin(), o.end());
  Real sum = 0;
  for (Real& number : o) {
    number = std::exp(number - largest);
    sum += number;
  }
  for (Real& number : o) number /= sum;
  return o;
}

struct Step {  // what is kept of one time step
  Vector h, o, y;
  Vector d_o, d_a;  // the derivatives of the loss with respect to o_t and a_t, which `backward` fills
};

// Reads a name. steps[t] is time step t, and steps[0] holds h_0 alone. The prediction is steps[T].y.
inline std::vector<Step> forward(const Parameters& p, const std::vector<Symbol>& symbols) {
  const size_t T = symbols.size();
  std::vector<Step> steps(T + 1);
  steps[0].h = Vector(p.hidden);  // h_0 = 0
  for (size_t t = 1; t <= T; ++t) {
    const Step& before = steps[t - 1];
    Step& step = steps[t];
    const Symbol symbol = symbols[t - 1];  // symbol t, since C++ counts from 0

    Vector a = p.b.numbers;            // (10.8)   a_t = b
    add_product(a, p.W, before.h);     //                + W h_{t-1}
    add_column(a, p.U, symbol);        //                + U x_t
    step.h = tanh(a);                  // (10.9)   h_t = tanh(a_t)
    step.o = p.c.numbers;              // (10.10)  o_t = c
    add_product(step.o, p.V, step.h);  //                + V h_t
    step.y = softmax(step.o);          // (10.11)  y_t = softmax(o_t)
  }
  return steps;
}

// ---- 4. Loss: how wrong the network is (uses sections 2 and 3) ------------------------------------------------------
// The loss of one y is its cross-entropy, -log y[language]: 0 if the right language has probability 1, and large if its
// probability is small. We train with the loss L of a whole name. It is a sum over the time steps, in which the last
// one has the weight 1, and every other one a small weight:
//
//     L = sum over t of s_t * -log y_t[language]     (10.14, weighted)     s_T = 1; s_t = prefix_weight for t < T
//
// For "Rossi", with six symbols and prefix_weight 0.15, the weights are 0.15, 0.15, 0.15, 0.15, 0.15 and 1. Only y_T is
// the prediction for the whole name. But the gradient of its loss reaches the first letters only through all the later
// time steps, and becomes small on the way (section 5). The losses of the prefixes R, Ro, Ros ... reach them directly.

inline Real step_weight(size_t t, size_t T, Real prefix_weight) { return t == T ? 1 : prefix_weight; }
using Numbers = std::span<const Real>;  // numbers that are only read; a Vector can be given for it
// The index of the largest probability, and of the first one if several are equal.
inline size_t most_probable(Numbers y) { return size_t(std::max_element(y.begin(), y.end()) - y.begin()); }

// By (10.11), log y[k] = o[k] - S for every k, where S = log(the sum of all e^o). So the loss is S - o[language], and
// S = o[k] - log y[k]. We take the k of the largest y, since y[language] may be rounded to 0, which has no logarithm.
inline Real cross_entropy(Numbers o, Numbers y, size_t language) {
  const size_t best = most_probable(y);
  return o[best] - std::log(y[best]) - o[language];
}

// L. Training needs only its gradient and never calls this. The gradient check does.
inline Real loss(const std::vector<Step>& steps, size_t language, Real prefix_weight) {
  const size_t T = steps.size() - 1;
  Real sum = 0;
  for (size_t t = 1; t <= T; ++t)
    sum += step_weight(t, T, prefix_weight) * cross_entropy(steps[t].o, steps[t].y, language);
  return sum;
}

// What the program reports is not L. It is the mean of -log y_T[language] over names, and the accuracy: how many per
// cent have the right language as the most probable one. Equal probabilities for 32 languages would give log 32 = 3.5.
// Before training the mean is 7.3, because the random parameters make the network sure of some wrong language. While
// the tenth epoch learns, it is 0.77 (accuracy 77 %). After that, it is 0.96 (72 %) for names that were never learnt.
struct Score {
  double sum = 0;  // of -log y_T[language]
  size_t correct = 0, names = 0;
  void add(Numbers o, Numbers y, size_t language) {  // o_T and y_T of a name
    sum += cross_entropy(o, y, language);
    correct += most_probable(y) == language;
    names += 1;
  }
  double mean_cross_entropy() const { return sum / static_cast<double>(names); }
  double accuracy() const { return 100 * static_cast<double>(correct) / static_cast<double>(names); }
};

// ---- 5. Backward: from the loss to the gradient (uses sections 2 to 4) ----------------------------------------------
// We want to know how fast L grows as each number of the parameters grows. These derivatives are the gradient, and we
// find them by back-propagation through time (book, 10.2.2), from the last time step back to the first. do_t means the
// derivatives of L with respect to the numbers of o_t, and dh_t, da_t, dW ... likewise (d_o in the code, where `do` is
// a keyword). * multiplies number by number; onehot is 1 for the right language, and 0 elsewhere. With da_{T+1} = 0,
//
//     do_t = s_t (y_t - onehot(language))     (10.18)
//     dh_t = V' do_t + W' da_{t+1}            (10.19 to 10.21)
//     da_t = (1 - h_t^2) * dh_t               (part of 10.21, where diag(1 - h_{t+1}^2) dh_{t+1} is our da_{t+1})
//
//     do_1               do_2               do_3
//      | V'               | V'               | V'        Each dh_t is a sum of two vectors: one comes from the loss of
//      v    W'            v    W'            v           its own time step, and one from all later time steps.
//     dh_1 <--- da_2 <-- dh_2 <--- da_3 <-- dh_3
//
// do_t: o_t is used in one term of L only, s_t times -log y_t[language] = log(the sum of all e^o) - o[language]. The
// derivative of the logarithm with respect to o[k] is e^o[k] / (the sum) = y[k], and that of o[language] is 1 or 0.
//
// dh_t: h_t[j] is used in two places. V(k, j) h_t[j] is a term of every o_t[k], and W(i, j) h_t[j] is a term of every
// a_{t+1}[i]. The chain rule adds up all of these ways to L, so dL/dh_t[j] is the sum over k of V(k, j) do_t[k], plus
// the sum over i of W(i, j) da_{t+1}[i]. These are entry j of V' do_t and entry j of W' da_{t+1}.
// da_t: the derivative of tanh(a) is 1 - tanh(a)^2 = 1 - h^2.
//
// The parameters: imagine that every time step has a copy W_t of W. The term W_t(i, j) h_{t-1}[j] of a_t[i] is the only
// place where W_t(i, j) is used, so its derivative is da_t[i] h_{t-1}[j]. All copies are the same W, so dW is the sum
// of their derivatives. The other four are found in the same way:
//
//     dc = sum do_t     dV = sum do_t h_t'     db = sum da_t     dW = sum da_t h_{t-1}'     dU = sum da_t x_t'
//     (10.22)           (10.24)                (10.23)           (10.26)                    (10.28)
//
// By hand, rounded for printing: one hidden unit, two languages, a name of one letter (T = 2). U = (0.5, -0.25) for the
// letter and the end, b = 0.1, W = 2, V = (1, -1)', c = (0, 0.3)', prefix_weight = 0.5; the second language is right.
//
//     t    a_t       h_t       o_t                 y_t               do_t                dh_t      da_t
//     1    0.6       0.5370    0.5370, -0.2370     0.6844, 0.3156    0.3422, -0.3422     2.1150    1.5050
//     2    0.9241    0.7278    0.7278, -0.4278     0.7605, 0.2395    0.7605, -0.7605     1.5211    0.7153
//
// a_2 = b + 2 h_1 - 0.25, dh_1 = 0.3422 + 0.3422 + 2 da_2, and dW = da_1 h_0 + da_2 h_1 = 0 + 0.3842. L = 0.5 * 1.1533
// + 1.4294 = 2.0060. With W = 2.001 it is 2.0064185, with W = 1.999 2.0056502: a slope of 0.3842, as dW says.
//
// The vanishing gradient (book, 10.7): in an untrained network, W' da_{t+1} is 0.41 times as long as da_{t+1}, and the
// factors 1 - h_t^2 leave 0.86 of that. So with each time step back, what comes from the loss of y_T shrinks to about
// a third: in this network, with prefix_weight 0, da_{T-9} is 0.00007 times as long as da_T (a mean over the names that
// are so long). With 0.15, it is 0.15 times as long, nearly all of it V' do_t of that time step, where s_t = 0.15.

// Fills d_o and d_a of the steps that `forward` has filled, and adds the gradient of L to `gradient`.
inline void backward(const Parameters& p, const std::vector<Symbol>& symbols, size_t language, Real prefix_weight,
                     std::vector<Step>& steps, Parameters& gradient) {
  const size_t T = symbols.size();
  Vector from_next(p.hidden);  // what time step t + 1 adds to dh_t: W' da_{t+1}, which is 0 for t = T
  for (size_t t = T; t >= 1; --t) {
    const Step& before = steps[t - 1];
    Step& step = steps[t];
    const Symbol symbol = symbols[t - 1];

    step.d_o = step.y;                                                         // (10.18)  do_t = y_t
    step.d_o[language] -= 1;                                                   //                 - onehot(language),
    for (Real& number : step.d_o) number *= step_weight(t, T, prefix_weight);  //                 all of it times s_t
    Vector d_h = from_next;                                                    // (10.21)  dh_t = W' da_{t+1}
    add_transposed_product(d_h, p.V, step.d_o);                                //                 + V' do_t
    step.d_a = d_h;                                                            //          da_t = dh_t
    for (size_t i = 0; i < p.hidden; ++i) step.d_a[i] *= 1 - step.h[i] * step.h[i];  //           * (1 - h_t^2)

    add(gradient.c.numbers, step.d_o);                  // (10.22)  dc += do_t
    add(gradient.b.numbers, step.d_a);                  // (10.23)  db += da_t
    add_outer_product(gradient.V, step.d_o, step.h);    // (10.24)  dV += do_t h_t'
    add_outer_product(gradient.W, step.d_a, before.h);  // (10.26)  dW += da_t h_{t-1}'
    add_to_column(gradient.U, symbol, step.d_a);        // (10.28)  dU += da_t x_t'

    from_next = Vector(p.hidden);  // W' da_t, for the next turn of this loop, in which t is one less
    add_transposed_product(from_next, p.W, step.d_a);
  }
}

struct Example {
  std::vector<Symbol> symbols;  // the letters of a name, then the end: T symbols
  size_t language;              // the right answer, an index
};
using Examples = std::vector<Example>;

// Is the gradient right? Change one number w of the parameters p by a small d, up and down, and see how the loss
// changes: (L(w + d) - L(w - d)) / 2d must be nearly what `backward` found. This needs no derivation. `make gradcheck`
// does it for every number of every matrix, in double, with d = 1e-5. It allows 1e-6 of a matrix's largest derivative.
inline Real slope(Parameters& p, Real& w, const Example& name, Real prefix_weight, Real d) {
  const Real value = w;
  w = value + d;
  const Real above = loss(forward(p, name.symbols), name.language, prefix_weight);
  w = value - d;
  const Real below = loss(forward(p, name.symbols), name.language, prefix_weight);
  w = value;
  return (above - below) / (2 * d);
}

// ---- 6. Learning (uses sections 2 to 5; SplitMix64 is defined in section 14) ----------------------------------------
// The gradient says where L grows fastest, so we change the parameters a little in the other direction. This is
// stochastic gradient descent (book, 8.3.1): stochastic, because g is the mean gradient of a mini-batch of a few names.
// Two things are added: g is clipped, and v, the velocity, carries on a part of the gradients before.
//
//     g = g * min(1, clip_norm / |g|)     clipping (book, 10.11.1); |g| is the norm, the root of the sum of squares
//     v = momentum * v + g                momentum (book, 8.3.2, which has the rate inside v); v is 0 at first
//     w = w - rate * v                    an update of every number w of the parameters
//
// Clipping: with a larger W, gradients may explode, and a single long one would throw the parameters far away. It is
// cut to clip_norm and keeps its direction. With the defaults, |g| is about 5 on average, and the cut happens in 8 of
// the 640 mini-batches of the first epoch and in at most 2 of each later one. A clip_norm of 1e30 turns it off.
// Momentum 0.9: if g were always the same, v would become g + 0.9 g + 0.81 g + ... = g / (1 - 0.9) = 10 g, so without
// momentum the rate should be ten times as large. If g changed its sign each time, v would shrink to 0.53 g.

struct SplitMix64 {  // random numbers (part 3)
  std::uint64_t state;
  std::uint64_t next();
  double uniform();  // at least 0, and less than 1; made of one next()
};
struct Settings {
  size_t hidden = 128, epochs = 10;  // an epoch learns from every training name once
  size_t batch_size = 32;            // names in a mini-batch
  double learning_rate = 0.015;      // the rate of the first update
  bool linear_decay = true;          // does the rate decrease in a straight line towards 0?
  double momentum = 0.9, clip_norm = 10, prefix_weight = 0.15;
  std::uint64_t seed = 1, split_seed = 1;  // of the random numbers; of the choice of test names (part 3)
};

// The list of all parameters, for what is done to every number alike. A new matrix goes into the struct Parameters and
// into this list; the static_assert stops the compiler if it is not listed. (In a first reading, skip the list and read
// `for (const Listed& each : all_parameters)` as "for each of U, b, W, V, c", and p.*each.matrix as that matrix of p.)
struct Listed {
  const char* name;
  Matrix Parameters::*matrix;
  double bound = 0;  // initial values are random numbers between -bound and bound (see initial_parameters), or all 0
  bool by_sqrt_hidden = false;  // is the bound divided by sqrt(hidden)?
};
inline constexpr Listed all_parameters[] = {{"U", &Parameters::U, 0.7},
                                            {"b", &Parameters::b},
                                            {"W", &Parameters::W, 0.7, true},
                                            {"V", &Parameters::V, 1},
                                            {"c", &Parameters::c}};
static_assert(sizeof(Parameters) == 3 * sizeof(size_t) + std::size(all_parameters) * sizeof(Matrix), "not listed");

inline Parameters zero_parameters(size_t symbols, size_t hidden, size_t languages) {
  Parameters p{symbols, hidden, languages};
  for (const Listed& each : all_parameters) (p.*each.matrix).set_zero();
  return p;
}

// The parameters before training. If all of them were 0, then h_t and V' do_t would be 0, and so would every gradient
// but dc: nothing else would ever learn. If they were equal but not 0, all hidden units would remain copies of one. So
// U, W and V are drawn at random, in the order of the list, each row by row; b and c may then be 0. Each number of W h
// is a sum of `hidden` random terms, which grows with sqrt(hidden) and is fed back at each time step. So the bound of W
// is divided by sqrt(hidden). V h is not fed back, and a large V learns best: with 0.3 in the place of its bound 1, the
// loss that is reported begins at 3.8 and not at 7.3, but the accuracy ends a point lower. The bounds are from trials.
inline Parameters initial_parameters(size_t symbols, size_t hidden, size_t languages, SplitMix64& random) {
  Parameters p = zero_parameters(symbols, hidden, languages);
  for (const Listed& each : all_parameters) {
    const double bound = each.by_sqrt_hidden ? each.bound / std::sqrt(static_cast<double>(hidden)) : each.bound;
    if (bound == 0) continue;  // no random number is drawn
    for (Real& number : (p.*each.matrix).numbers) number = static_cast<Real>((2 * random.uniform() - 1) * bound);
  }
  return p;
}

struct Training {  // what is kept from one mini-batch to the next
  Settings settings;
  SplitMix64 random;  // draws the initial parameters, then the order of the names in each epoch
  Parameters parameters, velocity;
  std::vector<size_t> order;  // the indices of the examples
};
inline Training start_training(const Settings& settings, size_t symbols, size_t languages, size_t names) {
  SplitMix64 random{settings.seed};
  const Parameters parameters = initial_parameters(symbols, settings.hidden, languages, random);
  std::vector<size_t> order;
  for (size_t index = 0; index < names; ++index) order.push_back(index);
  return {settings, random, parameters, zero_parameters(symbols, settings.hidden, languages), order};
}

inline double clip_factor(double norm, double clip_norm) { return std::min(1.0, clip_norm / norm); }
// The update of the numbers w, with velocities v; g is their gradient before it is clipped.
inline void update(std::span<Real> w, std::span<Real> v, Numbers g, Real factor, Real momentum, Real rate) {
  for (size_t k = 0; k < w.size(); ++k) {
    v[k] = momentum * v[k] + factor * g[k];
    w[k] -= rate * v[k];
  }
}

// Learns from a mini-batch, the examples with the indices `batch`, and scores them with the parameters from before the
// update. Returns the norm of the gradient. If that is not finite, the parameters stay as they are.
inline double learn(Training& training, const Examples& examples, std::span<const size_t> batch, Real rate,
                    Score& score) {
  const Settings& settings = training.settings;
  Parameters& p = training.parameters;
  Parameters gradient = zero_parameters(p.symbols, p.hidden, p.languages);
  for (const size_t index : batch) {
    const Example& name = examples[index];
    std::vector<Step> steps = forward(p, name.symbols);
    score.add(steps.back().o, steps.back().y, name.language);
    backward(p, name.symbols, name.language, static_cast<Real>(settings.prefix_weight), steps, gradient);
  }
  double squares = 0;
  for (const Listed& each : all_parameters)
    for (Real& g : (gradient.*each.matrix).numbers) {
      g /= static_cast<Real>(batch.size());  // the sum over the names becomes their mean
      squares += static_cast<double>(g) * static_cast<double>(g);
    }
  const double norm = std::sqrt(squares);  // of all parameters together
  if (!std::isfinite(norm)) return norm;
  const Real factor = static_cast<Real>(clip_factor(norm, settings.clip_norm));
  for (const Listed& each : all_parameters)
    update((p.*each.matrix).numbers, (training.velocity.*each.matrix).numbers, (gradient.*each.matrix).numbers, factor,
           static_cast<Real>(settings.momentum), rate);
  return norm;
}

// The rate of mini-batch k, from 0, of `all` mini-batches in the whole training. The last one has learning_rate / all.
inline double learning_rate(const Settings& settings, size_t k, size_t all) {
  if (!settings.linear_decay) return settings.learning_rate;
  return settings.learning_rate * (1 - static_cast<double>(k) / static_cast<double>(all));
}

// Fisher-Yates: each item, from the last to the second, is swapped with a random one of the items up to itself.
inline void shuffle(std::vector<size_t>& items, SplitMix64& random) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.next() % i]);
}

inline size_t ceil_divide(size_t a, size_t b) { return (a + b - 1) / b; }  // a / b, rounded up
// Learns from every name once, in a new order. Epochs count from 0, and the last mini-batch may be smaller. For each
// mini-batch it calls learn_batch(batch, rate), which is a function that calls `learn`, or what part 2 has for it.
inline void train_epoch(Training& training, size_t epoch, auto learn_batch) {
  const Settings& settings = training.settings;
  const size_t names = training.order.size(), batches = ceil_divide(names, settings.batch_size);
  shuffle(training.order, training.random);
  for (size_t k = 0; k < batches; ++k) {
    const size_t first = k * settings.batch_size, count = std::min(settings.batch_size, names - first);
    const double rate = learning_rate(settings, epoch * batches + k, settings.epochs * batches);
    learn_batch(std::span<const size_t>(training.order).subspan(first, count), static_cast<Real>(rate));
  }
}

// A whole training and a prediction, where [&](...) { ... } is a function that may use all variables around it:
//     Training training = start_training(settings, symbols, languages, examples.size());
//     for (size_t epoch = 0; epoch < settings.epochs; ++epoch) {
//       Score score;
//       train_epoch(training, epoch, [&](auto batch, Real rate) { learn(training, examples, batch, rate, score); });
//     }
//     const Vector y = forward(training.parameters, symbols_of_a_name).back().y;
// =====================================================================================================================
// The lesson ends here. Run ./rnn data/ and ./rnn --mode trace Rodrigues, which prints y_t after every letter. Then
// change something: set prefix_weight to 0 (over five splits, the accuracy falls by 2.5 points on average), leave out
// from_next (the gradients of U, b and W are wrong then), make the cell a GRU. README.md has these experiments and
// others, with what to expect. `make gradcheck` says whether the gradient is right, and ./rnn --plain, which computes
// with this part, whether it learns. (./rnn alone compares both parts, and refuses to start if they differ.)
// =====================================================================================================================

}  // namespace rnn

#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <functional>
#include <new>
#include <numeric>

// =====================================================================================================================
// Part 2. Many names at once: the same numbers, faster
// =====================================================================================================================
//
// This part is for those who have read part 1 and want to know how plain loops come near the limit of a machine. Part 1
// does not need it, and neither does a port. It rests on three ideas.
//
// Names in rows. For one name, W h_{t-1} multiplies each number of W once, and most of its time goes into fetching W.
// For sixteen names, each number of W is fetched once and used sixteen times. So h, o, y, do and da are matrices here,
// with a row for each name and time step. A row is a column laid flat, so every equation is transposed: the column W h
// is the row h W', the column W' da is the row da W, and the sum of all da_t h_{t-1}' is one product of two matrices.
//
// Only what must go step by step does. h_t needs h_{t-1}, so W h is computed one time step after the other, and W' da
// likewise. V h, V' do and the gradients are one product each, for all names and time steps.
//
// Work for the whole processor. The product keeps its sums in registers (section 10), exp and tanh become vector
// instructions (section 11), and a mini-batch is shared out to threads (section 12).

namespace rnn::fast {

// ---- 7. Matrices of rows (uses section 2, and zero_parameters of 6) -------------------------------------------------

// Memory at multiples of 128 bytes, so that vectors of numbers are fetched fast.
template <class T>
struct Aligned {
  using value_type = T;
  Aligned() = default;
  Aligned(const auto&) {}
  T* allocate(size_t count) { return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{128})); }
  void deallocate(T* numbers, size_t) { ::operator delete (numbers, std::align_val_t{128}); }
  bool operator==(const Aligned&) const { return true; }
};
inline constexpr size_t line = 128 / sizeof(Real);  // so many numbers fill 128 bytes

// The width of a row in memory: its columns, and then padding up to whole lines. The padding is always 0, so that loops
// may run over whole rows. Rows that lie a multiple of 2 KB apart would share a few sets of the cache, so one line
// more.
inline size_t padded(size_t columns) {
  const size_t width = ceil_divide(columns, line) * line;
  return width * sizeof(Real) % 2048 == 0 ? width + line : width;
}

struct Rows {  // rows first ... first + count - 1 of a matrix
  size_t first, count;
};

// Some rows of a matrix, where they are in memory. Number is Real, or const Real if they are only read.
template <class Number>
struct View {
  Number* data;
  size_t rows, columns, width;
  Number& operator()(size_t i, size_t j) const { return data[i * width + j]; }
  Number* row(size_t i) const { return data + i * width; }
  std::span<Number> numbers(size_t i) const { return {row(i), columns}; }  // of row i
  std::span<Number> numbers() const { return {data, rows * width}; }       // of all rows, with the padding
  View of(Rows some) const {
    assert(some.first + some.count <= rows);
    return {row(some.first), some.count, columns, width};
  }
  operator View<const Number>() const { return {data, rows, columns, width}; }
};

struct Matrix {
  size_t rows = 0, columns = 0, width = padded(columns);
  std::vector<Real, Aligned<Real>> memory = std::vector<Real, Aligned<Real>>(rows * width);  // all 0 at first
  Matrix(size_t its_rows, size_t its_columns) : rows(its_rows), columns(its_columns) {}
  operator View<Real>() { return {memory.data(), rows, columns, width}; }
  operator View<const Real>() const { return {memory.data(), rows, columns, width}; }
  View<Real> of(Rows some) { return View<Real>(*this).of(some); }
  View<const Real> of(Rows some) const { return View<const Real>(*this).of(some); }
};

inline void set_rows(View<Real> to, View<const Real> row) {  // each row of `to` = the one row of `row`
  for (size_t i = 0; i < to.rows; ++i) std::copy_n(row.data, to.width, to.row(i));
}
inline void copy(View<Real> to, View<const Real> from) {
  for (size_t i = 0; i < to.rows; ++i) std::copy_n(from.row(i), to.columns, to.row(i));
}
// These rows of `from` become columns of `to`: sixteen at a time, which fill whole cache lines of `to`.
inline void copy_transposed(View<Real> to, View<const Real> from, Rows rows) {
  const size_t end = rows.first + rows.count;
  for (size_t block = rows.first; block < end; block += 16)
    for (size_t j = 0; j < from.columns; ++j)
      for (size_t i = block; i < std::min(block + 16, end); ++i) to(j, i) = from(i, j);
}
inline void copy_transposed(View<Real> to, View<const Real> from) { copy_transposed(to, from, {0, from.rows}); }
inline void add_row(View<Real> to, size_t i, View<const Real> from, size_t k) {  // row i of `to` += row k of `from`
  for (size_t j = 0; j < to.width; ++j) to.row(i)[j] += from.row(k)[j];
}

// C += A B, for the rows that A and C both have: row i of A adds to row i of C.
void add_product(View<Real> C, View<const Real> A, View<const Real> B);
// C += A' B: row k of A and row k of B add their outer product.
void add_transposed_product(View<Real> C, View<const Real> A, View<const Real> B);

// A matrix of part 1, whose rows have no padding.
inline View<const Real> view(const rnn::Matrix& M) { return {M.numbers.data(), M.rows, M.columns, M.columns}; }
inline View<Real> view(rnn::Matrix& M) { return {M.numbers.data(), M.rows, M.columns, M.columns}; }

// The parameters of part 1 in rows. U is transposed, so that a column of U is a row; b and c are one row each.
struct Parameters {
  Matrix U_transposed, b, W, V, c;
  Parameters(size_t symbols, size_t hidden, size_t languages)  // all 0
      : U_transposed(symbols, hidden), b(1, hidden), W(hidden, hidden), V(languages, hidden), c(1, languages) {}
  explicit Parameters(const rnn::Parameters& p) : Parameters(p.symbols, p.hidden, p.languages) {
    copy_transposed(U_transposed, view(p.U));
    copy_transposed(b, view(p.b));
    copy(W, view(p.W));
    copy(V, view(p.V));
    copy_transposed(c, view(p.c));
  }
  rnn::Parameters plain() const {
    rnn::Parameters p = zero_parameters(U_transposed.rows, W.rows, V.rows);
    copy_transposed(view(p.U), U_transposed);
    copy_transposed(view(p.b), b);
    copy(view(p.W), W);
    copy(view(p.V), V);
    copy_transposed(view(p.c), c);
    return p;
  }
};
inline constexpr Matrix Parameters::*all_matrices[] = {&Parameters::U_transposed, &Parameters::b, &Parameters::W,
                                                       &Parameters::V, &Parameters::c};

struct Network {  // the parameters, and the transposed copies that the forward pass needs
  Parameters parameters;
  Matrix W_transposed, V_transposed;
  explicit Network(const rnn::Parameters& p)
      : parameters(p), W_transposed(p.hidden, p.hidden), V_transposed(p.hidden, p.languages) {
    copy_transposed(W_transposed, view(p.W));
    copy_transposed(V_transposed, view(p.V));
  }
};

// ---- 8. Names, packed (uses section 7, and Example of 5) ------------------------------------------------------------

using Indices = std::span<const size_t>;  // of some examples among all

inline size_t longest(const Examples& examples) {  // the most symbols that one of them has
  size_t most = 0;
  for (const Example& example : examples) most = std::max(most, example.symbols.size());
  return most;
}

// `sorted` = the names by decreasing number of symbols; those with equally many keep their order.
inline void sort_by_length(const Examples& examples, Indices names, std::vector<size_t>& sorted) {
  sorted.assign(names.begin(), names.end());
  std::ranges::stable_sort(sorted, std::greater(), [&](size_t index) { return examples[index].symbols.size(); });
}

// Names sorted so are packed time step by time step. With $ for the end, the names ab and c become
//
//     time step t           0 |   1   |   2   | 3 | 4
//     symbol                  |  a c  |  b $  | $ |
//     row                     |  0 1  |  2 3  | 4 |
//     h_{t-1} from row        |       |  0 1  | 2 |
//     da_{t+1} from row       |  2 3  |  4    |   |
//
// Time step t has a row for each name that has a symbol t. These are always the first of the names, so row i of step t
// and row i of step t - 1 belong to the same name, and no row is wasted on a name that has ended. Step 0 and the step
// after the last have no rows. A product with them adds nothing, and that is how h_0 = 0 and da_{T+1} = 0 come about.
// A name that ends earlier has no row in the step after its end, so nothing is added to its row there either.
struct Packed {
  std::vector<Symbol> symbol;    // of each row
  std::vector<size_t> language;  // the right answer for its name
  std::vector<bool> last;        // whether its name ends there
  std::vector<Rows> step;        // the rows of steps 0, 1 ... T + 1 of the longest name
  size_t steps() const { return step.size() - 2; }
  Rows all() const { return {0, symbol.size()}; }
};

// Packs the examples `names`, at least one, which are sorted by decreasing length.
inline void pack(const Examples& examples, Indices names, Packed& packed) {
  packed.symbol.clear();
  packed.language.clear();
  packed.last.clear();
  packed.step.assign(1, {0, 0});
  for (size_t t = 1; t <= examples[names[0]].symbols.size(); ++t) {
    const size_t first = packed.symbol.size();
    for (const size_t index : names) {
      const auto& [symbols, language] = examples[index];
      if (t > symbols.size()) break;
      packed.symbol.push_back(symbols[t - 1]);
      packed.language.push_back(language);
      packed.last.push_back(t == symbols.size());
    }
    packed.step.push_back({first, packed.symbol.size() - first});
  }
  packed.step.push_back({packed.symbol.size(), 0});
}

// ---- 9. Forward and backward (uses sections 7 and 8, products of 10, exp and tanh of 11) ----------------------------

// What the two passes compute for packed names; a row of h_before holds h_{t-1}. The matrices have room for the longest
// names, and rows beyond packed.all() are never read.
struct Unrolled {
  Packed packed;
  Matrix h, o, y, d_o, d_a, h_before;
  Unrolled(size_t rows, size_t hidden, size_t languages)
      : h(rows, hidden), o(rows, languages), y(rows, languages), d_o(rows, languages), d_a(rows, hidden),
        h_before(rows, hidden) {}
};

Real exp(Real x);  // section 11
Real tanh(Real x);

// h of every row; it holds a_t until h_t takes its place.
inline void forward_hidden(const Network& network, const Packed& packed, Matrix& h) {
  for (size_t t = 1; t <= packed.steps(); ++t) {
    const Rows before = packed.step[t - 1], now = packed.step[t];
    const View<Real> a = h.of(now);
    set_rows(a, network.parameters.b);                   // (10.8)  a_t = b
    add_product(a, h.of(before), network.W_transposed);  //               + W h_{t-1}, of the names that have step t
    for (size_t i = 0; i < now.count; ++i)               //               + U x_t
      if (const Symbol symbol = packed.symbol[now.first + i]; symbol != unknown)
        add_row(a, i, network.parameters.U_transposed, symbol);
    for (Real& number : a.numbers()) number = tanh(number);  // (10.9)  h_t = tanh(a_t)
  }
}

// Each row of y = the softmax of that row of o. The loop over whole rows is one for vectors of numbers; it makes
// e^x of the padding too, which is set to 0 again.
inline void softmax(View<const Real> o, View<Real> y) {
  for (size_t i = 0; i < o.rows; ++i) {
    const Real largest = *std::ranges::max_element(o.numbers(i));
    Real sum = 0;
    for (size_t j = 0; j < o.width; ++j) y(i, j) = exp(o(i, j) - largest);
    for (const Real number : y.numbers(i)) sum += number;
    for (size_t j = 0; j < o.width; ++j) y(i, j) = j < o.columns ? y(i, j) / sum : 0;
  }
}

// o and y of the rows of h.
inline void forward_output(const Network& network, View<const Real> h, View<Real> o, View<Real> y) {
  set_rows(o, network.parameters.c);        // (10.10)  o_t = c
  add_product(o, h, network.V_transposed);  //                + V h_t
  softmax(o, y);                            // (10.11)  y_t = softmax(o_t)
}

inline void forward(const Network& network, Unrolled& u) {
  const Rows all = u.packed.all();
  forward_hidden(network, u.packed, u.h);
  forward_output(network, u.h.of(all), u.o.of(all), u.y.of(all));
}

// d_o and d_a of every row; d_a holds dh_t until da_t takes its place.
inline void backward_through_time(const Network& network, Unrolled& u, Real prefix_weight) {
  const Rows all = u.packed.all();
  const View<Real> y = u.y.of(all), d_o = u.d_o.of(all);
  for (size_t r = 0; r < all.count; ++r) {
    const Real s = u.packed.last[r] ? 1 : prefix_weight;
    for (size_t j = 0; j < y.width; ++j) d_o(r, j) = s * y(r, j);
    d_o(r, u.packed.language[r]) -= s;  // (10.18)  do_t = s_t (y_t - onehot(language))
  }
  std::ranges::fill(u.d_a.of(all).numbers(), Real{0});
  add_product(u.d_a.of(all), d_o, network.parameters.V);  // (10.21)  dh_t = V' do_t: as rows do_t V
  for (size_t t = u.packed.steps(); t >= 1; --t) {
    const Rows now = u.packed.step[t], next = u.packed.step[t + 1];
    const View<Real> h = u.h.of(now), d_a = u.d_a.of(now);
    add_product(d_a, u.d_a.of(next), network.parameters.W);  //          + W' da_{t+1}: as rows da_{t+1} W
    for (size_t k = 0; k < d_a.numbers().size(); ++k)
      d_a.data[k] *= 1 - h.data[k] * h.data[k];  //          da_t = (1 - h_t^2) * dh_t
  }
}

// Adds to `gradient` that of the sum of the names' L.
inline void backward(const Network& network, Unrolled& u, Real prefix_weight, Parameters& gradient) {
  backward_through_time(network, u, prefix_weight);
  const Rows all = u.packed.all(), from_step_2{u.packed.step[2].first, all.count - u.packed.step[2].first};
  for (size_t r = 0; r < all.count; ++r) {
    const Symbol symbol = u.packed.symbol[r];
    add_row(gradient.c, 0, u.d_o, r);                                         // (10.22)  dc += do_t
    add_row(gradient.b, 0, u.d_a, r);                                         // (10.23)  db += da_t
    if (symbol != unknown) add_row(gradient.U_transposed, symbol, u.d_a, r);  // (10.28)  dU += da_t x_t'
  }
  for (size_t t = 2; t <= u.packed.steps(); ++t)  // h_0 = 0 adds nothing to dW
    copy(u.h_before.of(u.packed.step[t]), u.h.of(u.packed.step[t - 1]));
  add_transposed_product(gradient.V, u.d_o.of(all), u.h.of(all));  // (10.24)  dV += do_t h_t'
  add_transposed_product(gradient.W, u.d_a.of(from_step_2),
                         u.h_before.of(from_step_2));  // (10.26)  dW += da_t h_{t-1}'
}

// ---- 10. The product (uses section 7) -------------------------------------------------------------------------------

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
static_assert(line % tile_columns == 0);

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

// Tile by tile. Every sum runs over k in increasing order, so a name's result does not depend on the names beside it.
// Tiles differ by at most one in height: 9 rows are 4 + 5, since 8 + 1 would leave most of the multipliers idle.
inline void add_tiles(View<Real> C, size_t rows, const Real* A, size_t row_step, size_t column_step,
                      View<const Real> B) {
  for (size_t j = 0; j < C.columns; j += tile_columns)
    for (size_t i = 0, height; i < rows; i += height) {
      height = (rows - i) / ceil_divide(rows - i, tile_rows);
      add_tile<tile_rows>(height, C.row(i) + j, C.width, A + i * row_step, row_step, column_step, B.rows, B.data + j,
                          B.width);
    }
}
inline void add_product(View<Real> C, View<const Real> A, View<const Real> B) {
  assert(A.columns == B.rows && B.columns == C.columns);
  add_tiles(C, std::min(A.rows, C.rows), A.data, A.width, 1, B);
}
inline void add_transposed_product(View<Real> C, View<const Real> A, View<const Real> B) {
  assert(A.columns == C.rows && A.rows == B.rows && B.columns == C.columns);
  add_tiles(C, C.rows, A.data, 1, A.width, B);
}

// ---- 11. exp and tanh (uses Real of section 2) ----------------------------------------------------------------------

// float has functions of its own here, because the compiler can't make vector instructions of the library's;
// tests/math_test.cpp measures their errors. double, which checks gradients, takes the library's.
//
// e^x = scale * (1 + p), with scale = 2^k for the integer k nearest to x / ln 2, and p = e^r - 1 for r = x - k ln 2 by
// its Taylor series. Adding 1.5 * 2^23 rounds to an integer and leaves k in the low bits. x is cut to -87 ... 87.
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

// e^x. In float it is 0 below -87, where floats lose their precision, and e^87 above 87, which only padding reaches.
// If x is not a number, neither is the result.
inline Real exp(Real x) {
  if constexpr (sizeof(Real) == sizeof(double)) return std::exp(x);
  const ExpParts e = exp_parts(static_cast<float>(x));
  return x < -87 ? 0 : e.scale + e.scale * e.p;
}
inline Real tanh(Real x) {  // (e^2x - 1) / (e^2x + 1)
  if constexpr (sizeof(Real) == sizeof(double)) return std::tanh(x);
  const ExpParts e = exp_parts(static_cast<float>(2 * x));
  const float e_minus_1 = e.scale * e.p + (e.scale - 1);
  return e_minus_1 / (e_minus_1 + 2);
}

// ---- 12. How a mini-batch is shared out (uses sections 4 and 6 to 9) ------------------------------------------------

// Work is shared out by a function `run` that the caller brings. run(count, f) calls f(0) ... f(count - 1), each
// exactly once, in any order, possibly in parallel, and returns when all calls have ended. Results never depend on the
// order.
//
// The names of a mini-batch, sorted by decreasing length, are dealt out like cards to slices. With n slices, slice s
// has names s, s + n, s + 2 n ..., at most slice_names of them, which are packed and computed at once. Slice s is
// computed by shard s mod the number of shards. A shard has room for a slice, and a gradient of its own. The number of
// shards depends on batch_size alone.
inline constexpr size_t slice_names = 16, most_shards = 8, most_tasks = 16;  // most_tasks: of classify
inline size_t shards_of(const Settings& settings) {
  return std::min(ceil_divide(settings.batch_size, slice_names), most_shards);
}

struct alignas(128) Shard {  // threads that change different shards do not share cache lines
  Unrolled unrolled;
  Parameters gradient;
  std::vector<size_t> names = {};  // of its slice
  Score score = {};
  double squares = 0;  // the sum of the squares of its share of the whole gradient
};

inline void add(Score& to, const Score& from) {
  to.sum += from.sum;
  to.correct += from.correct;
  to.names += from.names;
}

struct Learner {  // what part 1's `learn` has, in rows
  Settings settings;
  Network network;
  Parameters velocity, gradient;
  std::vector<size_t> sorted = {};  // the mini-batch
  std::vector<Shard> shards = {};
  Learner(const Training& training, const Examples& examples)
      : settings(training.settings), network(training.parameters), velocity(training.velocity),
        gradient(training.velocity) {
    const rnn::Parameters& p = training.parameters;
    while (shards.size() < shards_of(settings))
      shards.push_back({Unrolled(slice_names * longest(examples), p.hidden, p.languages), gradient});
  }
};

// Calls f(matrix, rows) for the share of shard s in each matrix of the parameters. A shard has the same share at every
// call, so a thread finds much of it in its cache.
void for_share(const Learner& learner, size_t s, auto f) {
  for (const auto matrix : all_matrices) {
    const size_t rows = (learner.gradient.*matrix).rows, first = rows * s / learner.shards.size();
    f(matrix, Rows{first, rows * (s + 1) / learner.shards.size() - first});
  }
}

// learner.gradient = the mean of the gradients of the examples `names`, whose predictions are added to the score.
// Returns its norm.
double compute_gradient(Learner& learner, const Examples& examples, Indices names, auto&& run, Score& score) {
  std::vector<Shard>& shards = learner.shards;
  const size_t slices = ceil_divide(names.size(), slice_names);
  const Real prefix_weight = static_cast<Real>(learner.settings.prefix_weight);
  sort_by_length(examples, names, learner.sorted);
  run(shards.size(), [&](size_t s) {
    auto& [u, gradient, slice_of_names, its_score, squares] = shards[s];
    for (const auto matrix : all_matrices) std::ranges::fill((gradient.*matrix).memory, Real{0});
    its_score = {};
    for (size_t slice = s; slice < slices; slice += shards.size()) {
      slice_of_names.clear();
      for (size_t k = slice; k < names.size(); k += slices) slice_of_names.push_back(learner.sorted[k]);
      pack(examples, slice_of_names, u.packed);
      forward(learner.network, u);
      for (size_t r = 0; r < u.packed.all().count; ++r)
        if (u.packed.last[r])
          its_score.add(View<Real>(u.o).numbers(r), View<Real>(u.y).numbers(r), u.packed.language[r]);
      backward(learner.network, u, prefix_weight, gradient);
    }
  });
  const Real per_name = 1 / static_cast<Real>(names.size());
  run(shards.size(), [&](size_t s) {
    std::array<double, line> squares{};  // each sums every line-th square, so that the compiler may use whole vectors
    for_share(learner, s, [&](Matrix Parameters::*matrix, Rows rows) {
      const std::span<Real> mean = (learner.gradient.*matrix).of(rows).numbers();
      for (size_t k = 0; k < mean.size(); ++k) mean[k] = (shards[0].gradient.*matrix).of(rows).data[k];
      for (size_t other = 1; other < shards.size(); ++other)
        for (size_t k = 0; k < mean.size(); ++k) mean[k] += (shards[other].gradient.*matrix).of(rows).data[k];
      for (size_t k = 0; k < mean.size(); k += line)
        for (size_t j = 0; j < line; ++j) {
          mean[k + j] *= per_name;
          squares[j] += static_cast<double>(mean[k + j]) * static_cast<double>(mean[k + j]);
        }
    });
    shards[s].squares = std::accumulate(squares.begin(), squares.end(), 0.0);
  });
  double squares = 0;
  for (const Shard& shard : shards) {
    add(score, shard.score);
    squares += shard.squares;
  }
  return std::sqrt(squares);
}

// The same as `learn` of part 1.
double learn(Learner& learner, const Examples& examples, Indices names, Real rate, auto&& run, Score& score) {
  const double norm = compute_gradient(learner, examples, names, run, score);
  if (!std::isfinite(norm)) return norm;
  const Real factor = static_cast<Real>(clip_factor(norm, learner.settings.clip_norm));
  const Real momentum = static_cast<Real>(learner.settings.momentum);
  Network& network = learner.network;
  run(learner.shards.size(), [&](size_t s) {
    for_share(learner, s, [&](Matrix Parameters::*matrix, Rows rows) {
      update((network.parameters.*matrix).of(rows).numbers(), (learner.velocity.*matrix).of(rows).numbers(),
             (learner.gradient.*matrix).of(rows).numbers(), factor, momentum, rate);
      if (matrix == &Parameters::W) copy_transposed(network.W_transposed, network.parameters.W, rows);
      if (matrix == &Parameters::V) copy_transposed(network.V_transposed, network.parameters.V, rows);
    });
  });
  return norm;
}

// Calls answer(i, o, y) with the last o and y of every example i, in any order, from up to most_tasks calls of run at
// once. What it gives for a name does not depend on the other names.
void classify(const Network& network, const Examples& examples, auto&& run, auto answer) {
  const size_t slices = ceil_divide(examples.size(), slice_names), tasks = std::min(slices, most_tasks);
  const size_t rows = slice_names * longest(examples);
  std::vector<size_t> names(examples.size()), sorted;
  std::iota(names.begin(), names.end(), size_t{0});
  sort_by_length(examples, names, sorted);
  run(tasks, [&](size_t task) {
    Packed packed;
    Matrix h(rows, network.parameters.W.rows), last_h(slice_names, network.parameters.W.rows);
    Matrix o(slice_names, network.parameters.V.rows), y(o);
    for (size_t slice = task; slice < slices; slice += tasks) {
      const size_t first = slice * slice_names, count = std::min(slice_names, sorted.size() - first);
      pack(examples, std::span(sorted).subspan(first, count), packed);
      forward_hidden(network, packed, h);
      for (size_t t = 1; t <= packed.steps(); ++t) {  // names i ... i + ending - 1 end at step t
        const size_t i = packed.step[t + 1].count, ending = packed.step[t].count - i;
        copy(last_h.of({i, ending}), h.of({packed.step[t].first + i, ending}));
      }
      forward_output(network, last_h.of({0, count}), o.of({0, count}), y.of({0, count}));
      for (size_t i = 0; i < count; ++i) answer(sorted[first + i], o.of({i, 1}).numbers(0), y.of({i, 1}).numbers(0));
    }
  });
}

// ---- 13. Do both parts compute the same? (uses sections 3 and 5 to 9) -----------------------------------------------

// The program asks this at every start: whoever changes `forward` or `backward` of part 1 must run it with --plain. A
// small network and two names are enough: y of every time step and all gradients must agree to 1e-4, and do to 2e-6.
// (On the names of a training, the same right network may differ by more where its numbers are large.)
inline bool agrees_with_part_1(double tolerance = 1e-4) {
  const Examples names{{{0, 3, 1, 1, unknown, 5, 2, 4, 0, 5, 1, 6}, 2}, {{3, 6}, 0}};
  rnn::Parameters p = zero_parameters(7, 5, 4), gradient = p;
  SplitMix64 random{1};
  for (const Listed& each : all_parameters)
    for (Real& number : (p.*each.matrix).numbers) number = static_cast<Real>(2 * random.uniform() - 1);
  const Network network(p);
  Parameters fast_gradient(7, 5, 4);
  Unrolled u(14, 5, 4);
  pack(names, std::array<size_t, 2>{0, 1}, u.packed);
  forward(network, u);
  backward(network, u, 1, fast_gradient);

  bool agrees = true;
  const auto compare = [&](double fast, double plain) { agrees = agrees && std::abs(fast - plain) <= tolerance; };
  for (size_t i = 0; i < 2; ++i) {
    std::vector<Step> steps = rnn::forward(p, names[i].symbols);
    rnn::backward(p, names[i].symbols, names[i].language, 1, steps, gradient);
    for (size_t t = 1; t < steps.size(); ++t)
      for (size_t k = 0; k < 4; ++k) compare(u.y.of(u.packed.step[t])(i, k), steps[t].y[k]);
  }
  const rnn::Parameters in_columns = fast_gradient.plain();
  for (const Listed& each : all_parameters)
    for (size_t k = 0; k < (gradient.*each.matrix).numbers.size(); ++k)
      compare((in_columns.*each.matrix).numbers[k], (gradient.*each.matrix).numbers[k]);
  return agrees;
}

}  // namespace rnn::fast

#include <charconv>
#include <cstdlib>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>

namespace rnn {

// =====================================================================================================================
// Part 3. The rules around the network, which a port copies
// =====================================================================================================================

// ---- 14. Random numbers (SplitMix64 is declared in section 6) -------------------------------------------------------

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

// ---- 15. Text (uses nothing of the above) ---------------------------------------------------------------------------

// What is wrong with a text, and in which of its lines (0: in none of them).
struct TextError : std::runtime_error {
  size_t line;
  TextError(const std::string& what, size_t its_line) : std::runtime_error(what), line(its_line) {}
};

inline constexpr size_t longest_name = 1000, most_hidden = 4096;  // letters of a name; hidden units of a model

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

// ---- 16. Names, and which part they belong to (uses sections 14 and 15, Symbol of 2, Example of 5) ------------------

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

// ---- 17. Confusion and F1 (uses nothing of the above) ---------------------------------------------------------------

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

// ---- 18. Model text (uses sections 2, 15 and 16, all_parameters of 6) -----------------------------------------------

struct Model {  // a trained network, and what it takes to use it
  std::uint64_t epoch = 0, split_seed = 0;
  std::string options;                 // of the training, as the command line takes them
  std::vector<std::string> languages;  // in byte order
  Alphabet alphabet{U""};
  Parameters parameters{};
};

inline std::string matrix_line(const char* name, const Matrix& matrix) {  // the line above a matrix
  return std::string(name) + ' ' + std::to_string(matrix.rows) + ' ' + std::to_string(matrix.columns);
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
  for (const Listed& each : all_parameters) {
    const Matrix& matrix = model.parameters.*each.matrix;
    text += matrix_line(each.name, matrix) + '\n';
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
  void numbers(Matrix& matrix) {
    for (size_t i = 0; i < matrix.rows; ++i) {
      const char* next = line().data();
      for (size_t j = 0; j < matrix.columns; ++j) {
        const char* const stop = next + std::strspn(next, "+-.0123456789eE");
        char* end = nullptr;
        const float number = std::strtof(next, &end);
        if (end == next || end != stop || *end != (j + 1 < matrix.columns ? ' ' : '\n') || !std::isfinite(number))
          fail("expected " + std::to_string(matrix.columns) + " finite decimals with one space between; number " +
               std::to_string(j + 1) + " is not so");
        matrix.numbers.push_back(number);
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
  model.parameters = {symbols, static_cast<size_t>(hidden), static_cast<size_t>(languages)};  // no memory is taken yet
  std::uint64_t numbers = 0;
  for (const Listed& each : all_parameters) {
    const Matrix& matrix = model.parameters.*each.matrix;
    numbers += std::uint64_t{matrix.rows} * matrix.columns;
  }
  for (const Listed& each : all_parameters) {
    Matrix& matrix = model.parameters.*each.matrix;
    reader.expect(matrix_line(each.name, matrix));
    if (&each == all_parameters) reader.expect_room(numbers, 2);
    reader.numbers(matrix);
  }
  if (reader.line() != "end") reader.fail("expected `end`, since this program has no further parameters");
  if (reader.at < text.size()) throw TextError("text after `end`", reader.line_number + 1);
  return model;
}

}  // namespace rnn
