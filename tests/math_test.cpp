// The float exp and tanh against the standard library's in double: errors in units in the last place (ulp).
#include <boost/ut.hpp>
#include <cstdio>
#include "common.hpp"

using namespace boost::ut;
using namespace common;

namespace {

// The largest error over every 97th float of both signs within a range, in ulp of the exact value.
template <class Ours, class Exact>
double worst_error(float lowest, float highest, Ours ours, Exact exact) {
  double worst = 0;
  for (std::uint32_t bits = 0; bits < 0x7f800000u; bits += 97)
    for (const float x : {std::bit_cast<float>(bits), -std::bit_cast<float>(bits)}) {
      if (x < lowest || x > highest) continue;
      const double wanted = exact(static_cast<double>(x));
      const float rounded = static_cast<float>(wanted), magnitude = std::max(std::abs(rounded), 0x1p-126f);
      const double ulp = std::nextafter(magnitude, 2 * magnitude) - magnitude;
      worst = std::max(worst, std::abs(static_cast<double>(ours(x)) - wanted) / ulp);
    }
  return worst;
}

}  // namespace

int main() {
  "exp is within 1.5 ulp where it is used, tanh within 3 everywhere"_test = [] {
    const double exp_error = worst_error(
        -87, 0, [](float x) { return fast_exp(x); }, [](double x) { return std::exp(x); });
    const double tanh_error = worst_error(
        -3e38f, 3e38f, [](float x) { return fast_tanh(x); }, [](double x) { return std::tanh(x); });
    std::fprintf(stderr, "largest error: exp %.2f ulp, tanh %.2f ulp\n", exp_error, tanh_error);
    expect(exp_error < 1.5) << exp_error;
    expect(tanh_error < 3) << tanh_error;
  };

  "ends and not a number"_test = [] {
    const float infinite = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    expect(fast_exp(0.0f) == 1 && fast_exp(-infinite) == 0 && fast_exp(-88.0f) == 0 && std::isnan(fast_exp(nan)));
    expect(fast_tanh(0.0f) == 0 && fast_tanh(infinite) == 1 && fast_tanh(-infinite) == -1 &&
           std::isnan(fast_tanh(nan)));
  };
}
