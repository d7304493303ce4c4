// What several tests need.
#pragma once

#include "../rnn.hpp"

namespace common {

using namespace rnn;

// run(count, f), one after another.
inline constexpr auto in_turn = [](size_t count, auto&& f) {
  for (size_t i = 0; i < count; ++i) f(i);
};

// A single slice of all examples, with room for everything that the two passes compute.
template <class Real>
struct Passes {
  Batch batch;
  Activations<Real> s;
  Deltas<Real> d;
  Parameters<Real> gradient;

  Passes(const Parameters<Real>& p, const Examples& examples) : gradient(p.symbols(), p.hidden(), p.languages()) {
    std::vector<size_t> names(examples.size()), sorted;
    std::iota(names.begin(), names.end(), size_t{0});
    sort_by_length(examples, names.data(), names.size(), sorted);
    pack(examples, sorted, 0, sorted.size(), 1, batch);
    s = Activations<Real>(batch.rows(), p.hidden(), p.languages());
    d = Deltas<Real>(batch.rows(), p.hidden(), p.languages());
  }
  Real forward(const Network<Real>& network, Real prefix_weight) {
    forward_hidden(network, batch, s.h);
    forward_output(network, batch.rows(), s);
    return loss(batch, s, prefix_weight);
  }
};

}  // namespace common
