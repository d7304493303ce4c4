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
  fast::sort_by_length(examples, all_names(examples), sorted);
  return sorted;
}

inline Parameters zero_like(const Parameters& p) { return zero_parameters(p.symbols, p.hidden, p.languages); }

// All numbers of the parameters, matrix after matrix.
inline std::vector<Real> numbers_of(const Parameters& p) {
  std::vector<Real> numbers;
  for (const Listed& each : all_parameters)
    numbers.insert(numbers.end(), (p.*each.matrix).numbers.begin(), (p.*each.matrix).numbers.end());
  return numbers;
}

// Parameters with no 0 among them, so that b and c take part, and in which no gradient explodes.
inline Parameters random_parameters(size_t symbols, size_t hidden, size_t languages, SplitMix64& random) {
  Parameters p = zero_parameters(symbols, hidden, languages);
  for (const Listed& each : all_parameters)
    for (Real& number : (p.*each.matrix).numbers)
      number = static_cast<Real>((random.uniform() - 0.5) / (each.by_sqrt_hidden ? std::sqrt(hidden) : 1));
  return p;
}

// The steps of each example, forward and backward, and the gradient of the sum of their L: by part 1.
struct Passes {
  std::vector<std::vector<Step>> steps;
  Parameters gradient;
  Real loss = 0;
};
inline Passes plain_passes(const Parameters& p, const Examples& examples, Real prefix_weight) {
  Passes passes{{}, zero_like(p)};
  for (const auto& [symbols, language] : examples) {
    passes.steps.push_back(forward(p, symbols));
    passes.loss += loss(passes.steps.back(), language, prefix_weight);
    backward(p, symbols, language, prefix_weight, passes.steps.back(), passes.gradient);
  }
  return passes;
}

// Room for all examples, packed together, for part 2.
inline fast::Unrolled unroll(const Parameters& p, const Examples& examples) {
  size_t rows = 0;
  for (const Example& example : examples) rows += example.symbols.size();
  fast::Unrolled u(rows, p.hidden, p.languages);
  fast::pack(examples, by_length(examples), u.packed);
  return u;
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

// The same, in parts of the largest number of b.
inline double relative_distance(std::span<const Real> a, std::span<const Real> b) {
  Largest largest;
  for (const Real x : b) largest(static_cast<double>(x));
  const double difference = distance(a, b);
  return difference == 0 ? 0 : difference / largest;
}

}  // namespace common
