// The float exp and tanh against the standard library's in double: errors in units in the last place (ulp).
#include <cstdio>
#include "common.hpp"
#include "ut.hpp"

using namespace boost::ut;
using namespace common;

namespace {

// The largest error over every 397th float of both signs within a range, in ulp of the exact value.
template <class Ours, class Exact>
double worst_error(float lowest, float highest, Ours ours, Exact exact) {
  Largest worst;
  for (std::uint32_t bits = 0; bits < 0x7f800000u; bits += 397)
    for (const float x : {std::bit_cast<float>(bits), -std::bit_cast<float>(bits)}) {
      if (x < lowest || x > highest) continue;
      const double wanted = exact(static_cast<double>(x));
      const float rounded = static_cast<float>(wanted), magnitude = std::max(std::abs(rounded), 0x1p-126f);
      const double ulp = std::nextafter(magnitude, 2 * magnitude) - magnitude;
      worst((static_cast<double>(ours(x)) - wanted) / ulp);
    }
  return worst;
}

}  // namespace

int main() {
  "exp is within 1.5 ulp up to 87, tanh within 3 everywhere"_test = [] {
    const double exp_error = worst_error(
        -87, 87, [](float x) { return fast::exp(x); }, [](double x) { return std::exp(x); });
    const double tanh_error = worst_error(
        -3e38f, 3e38f, [](float x) { return fast::tanh(x); }, [](double x) { return std::tanh(x); });
    std::fprintf(stderr, "largest error: exp %.2f ulp, tanh %.2f ulp\n", exp_error, tanh_error);
    expect(exp_error < 1.5) << exp_error;
    expect(tanh_error < 3) << tanh_error;
  };

  "ends and not a number"_test = [] {
    const float infinite = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    expect(fast::exp(0.0f) == 1 && fast::exp(-infinite) == 0 && fast::exp(-88.0f) == 0 && std::isnan(fast::exp(nan)));
    expect(fast::exp(-87.0f) > 0 && fast::exp(std::nextafter(-87.0f, -88.0f)) == 0);
    for (const float end : {-87.0f, 87.0f})
      for (const float beyond : {1.009f * end, 1e36f * end, infinite * end})
        expect(fast::exp_parts(beyond).scale == fast::exp_parts(end).scale &&
               fast::exp_parts(beyond).p == fast::exp_parts(end).p)
            << beyond;
    expect(fast::tanh(0.0f) == 0 && fast::tanh(infinite) == 1 && fast::tanh(-infinite) == -1 &&
           std::isnan(fast::tanh(nan)));
  };

  "an error that is not a number does not pass for a small one"_test = [] {
    const auto none = [](float) { return std::numeric_limits<float>::quiet_NaN(); };
    expect(!(worst_error(-1, 0, none, [](double x) { return x; }) < 1.5));
  };
}
