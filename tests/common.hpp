// What several tests need.
#pragma once

#include "../rnn.hpp"

namespace common {

using namespace rnn;

// run(count, f), one after another, and the other way round.
inline constexpr auto in_turn = [](size_t count, auto&& f) {
  for (size_t i = 0; i < count; ++i) f(i);
};
inline constexpr auto backward_in_turn = [](size_t count, auto&& f) {
  for (size_t i = count; i-- > 0;) f(i);
};

inline std::vector<size_t> all_names(const Examples& examples) {
  std::vector<size_t> names(examples.size());
  std::iota(names.begin(), names.end(), size_t{0});
  return names;
}

inline std::vector<size_t> by_length(const Examples& examples) {
  std::vector<size_t> sorted;
  sort_by_length(examples, all_names(examples), sorted);
  return sorted;
}

// Room for all examples, packed together.
inline Unrolled unroll(const Parameters& p, const Examples& examples) {
  size_t rows = 0;
  for (const Example& example : examples) rows += example.symbols.size();
  Unrolled u(rows, p.hidden, p.languages);
  pack(examples, by_length(examples), u.packed);
  return u;
}

inline Parameters zero_like(const Parameters& p) { return {p.symbols, p.hidden, p.languages}; }

// The gradient of L of all examples, packed together.
inline Parameters gradient_of(const Network& network, const Examples& examples, Real prefix_weight) {
  Parameters gradient = zero_like(network.parameters);
  Unrolled u = unroll(network.parameters, examples);
  forward(network, u);
  backward(network, u, prefix_weight, gradient);
  return gradient;
}

// Unequal lengths, a one-letter name, unknown letters, equal lengths; symbol 4 is the end, languages are 0 to 2.
inline Examples unequal_names() {
  return {{{0, 1, 2, 4}, 0}, {{3, 4}, 1}, {{1, unknown, 0, 0, 2, 4}, 2}, {{2, 2, 1, 4}, 1}, {{unknown, 4}, 0}};
}

// The largest of |x|; not a number if one of them is none, which std::max would pass over.
class Largest {
 public:
  void operator()(double x) {
    if (!(std::abs(x) <= largest) && !std::isnan(largest)) largest = std::abs(x);
  }
  operator double() const { return largest; }

 private:
  double largest = 0;
};

// How far two sets of numbers are apart at most.
inline double distance(std::span<const Real> a, std::span<const Real> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  Largest difference;
  for (size_t k = 0; k < a.size(); ++k) difference(static_cast<double>(a[k]) - static_cast<double>(b[k]));
  return difference;
}

}  // namespace common
