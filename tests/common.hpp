// What several tests need.
#pragma once

#include "../rnn.hpp"

namespace common {

using namespace rnn;

// run(count, f), one after another.
inline constexpr auto in_turn = [](size_t count, auto&& f) {
  for (size_t i = 0; i < count; ++i) f(i);
};

// The network unrolled over all examples as one batch.
template <class Real>
Unrolled<Real> unroll(const Parameters<Real>& p, const Examples& examples) {
  Unrolled<Real> u(examples.symbols.size(), p.hidden(), p.languages());
  std::vector<size_t> names(examples.size()), sorted;
  std::iota(names.begin(), names.end(), size_t{0});
  sort_by_length(examples, names.data(), names.size(), sorted);
  pack(examples, sorted, 0, sorted.size(), 1, u.batch);
  return u;
}

template <class Real>
Parameters<Real> zero_like(const Parameters<Real>& p) {
  return {p.symbols(), p.hidden(), p.languages()};
}

// Example i alone.
inline Examples only(const Examples& examples, size_t i) {
  Examples one;
  one.add({examples.symbols.begin() + static_cast<std::ptrdiff_t>(examples.first[i]),
           examples.symbols.begin() + static_cast<std::ptrdiff_t>(examples.first[i + 1])},
          examples.language[i]);
  return one;
}

}  // namespace common
