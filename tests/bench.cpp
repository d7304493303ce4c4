// What the machine can do, and how near the network comes: the peak multiply-add rate, each product shape, and a whole
// training step, on one thread. tests/bench.sh runs it and measures the program besides.
#include <chrono>
#include <cstdio>
#include "common.hpp"

using namespace common;
using fast::View, fast::vector_bytes;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The best of nine rounds of at least 20 ms: GFLOP/s of work(repetitions), which does flops operations a repetition.
template <class Work>
double rate(double flops, Work work) {
  double best = 0;
  size_t repetitions = 1;
  for (int round = 0; round < 9;) {
    const double start = now();
    work(repetitions);
    const double seconds = now() - start;
    if (seconds < 0.02) {
      repetitions *= 2;
      continue;
    }
    best = std::max(best, flops * static_cast<double>(repetitions) / seconds / 1e9);
    ++round;
  }
  return best;
}

volatile float sink;

// Multiply-adds on registers alone. A chain's next must wait four or five cycles for its last, and two start in each
// cycle, so at least ten chains are needed; with the two constants, twelve fit sixteen registers.
double peak_rate() {
  using Vector [[gnu::vector_size(vector_bytes)]] = float;
  constexpr size_t chains = 12;
  return rate(2.0 * 1000 * chains * sizeof(Vector) / sizeof(float), [](size_t repetitions) {
    Vector sum[chains];
    const Vector factor = Vector{} + 0.999f, one = Vector{} + 1.0f;
    for (size_t i = 0; i < chains; ++i) sum[i] = one * static_cast<float>(i);
    for (size_t k = 0; k < 1000 * repetitions; ++k)
      for (Vector& chain : sum) chain = chain * factor + one;
    for (size_t i = 1; i < chains; ++i) sum[0] += sum[i];
    float first;
    std::memcpy(&first, &sum[0], sizeof first);
    sink = first;
  });
}

double product_rate(size_t m, size_t k, size_t n, bool transposed) {
  fast::Matrix A(transposed ? k : m, transposed ? m : k), B(k, n), C(m, n);
  SplitMix64 random{1};
  for (Real& x : View<Real>(A).numbers()) x = static_cast<Real>(random.uniform() - 0.5);
  for (Real& x : View<Real>(B).numbers()) x = static_cast<Real>(random.uniform() - 0.5) * 1e-6f;
  return rate(2.0 * static_cast<double>(m * k * n), [&](size_t repetitions) {
    for (size_t r = 0; r < repetitions; ++r) transposed ? add_transposed_product(C, A, B) : add_product(C, A, B);
  });
}

// Whole mini-batches of random names of 2 to 15 letters, 32 languages, 90 symbols.
double step_rate(size_t hidden) {
  SplitMix64 random{1};
  Examples examples;
  size_t all_symbols = 0;
  for (size_t i = 0; i < 2048; ++i) {
    Example name{{}, i % 32};
    for (size_t k = 0, length = 2 + random.next() % 8 + random.next() % 7; k < length; ++k)
      name.symbols.push_back(static_cast<Symbol>(random.next() % 89));
    name.symbols.push_back(89);
    all_symbols += name.symbols.size();
    examples.push_back(name);
  }
  Settings settings;
  settings.hidden = hidden;
  Training training = start_training(settings, 90, 32, examples.size());
  fast::Learner learner(training, examples);
  const double flops = 6.0 * static_cast<double>(hidden * (hidden + 32) * all_symbols);
  return rate(flops, [&](size_t repetitions) {
    for (size_t r = 0; r < repetitions; ++r)
      train_epoch(training, 0, [&](std::span<const size_t> batch, Real its_rate) {
        Score score;
        fast::learn(learner, examples, batch, its_rate, in_turn, score);
      });
  });
}

}  // namespace

int main() {
  const double peak = peak_rate();
  std::printf("peak multiply-add rate, one thread       %7.1f GFLOP/s\n\n", peak);
  std::printf("product           m    k    n            GFLOP/s   of peak\n");
  struct Shape {
    const char* name;
    size_t m, k, n;
    bool transposed;
  };
  for (const Shape& s : {Shape{"h W'", 16, 128, 128, false}, Shape{"h W', 9 names", 9, 128, 128, false},
                         Shape{"h W', 1 name", 1, 128, 128, false}, Shape{"h V'", 140, 128, 32, false},
                         Shape{"do V", 140, 32, 128, false}, Shape{"dV = do' h", 32, 140, 128, true},
                         Shape{"dW = da' h", 128, 124, 128, true}}) {
    const double measured = product_rate(s.m, s.k, s.n, s.transposed);
    std::printf("%-15s %4zu %4zu %4zu            %7.1f   %5.0f%%\n", s.name, s.m, s.k, s.n, measured,
                100 * measured / peak);
  }
  std::printf("\ntraining step, batch 32, 6 hidden (hidden + languages) operations a symbol\n");
  for (const size_t hidden : {64, 128, 256, 512, 1024}) {
    const double measured = step_rate(hidden);
    std::printf("hidden %4zu                              %7.1f   %5.0f%%\n", hidden, measured, 100 * measured / peak);
  }
}
