#pragma once

// What this machine gives at the instruction set of this build, measured in the same run as the kernels beside it.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "nncore/core/simd.h"
#include "nncore/core/threads.h"

namespace nncore::bench {

/// Seconds of the fastest of `rounds` calls: what another program takes away shows in the slower ones.
template <typename F>
double fastest(int rounds, const F& f) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

/// Chains of multiply-adds in registers: twelve hide their latency and leave room in sixteen registers for the factors.
template <typename T>
[[gnu::noinline]] void multiply_add_chains(std::size_t length) {
  std::array<Vec<T>, 12> sums{};
  Vec<T> factor = broadcast(T(0.5)), term = broadcast(T(1));
  benchmark::DoNotOptimize(factor);
  benchmark::DoNotOptimize(term);
  for (std::size_t i = 0; i < length; ++i) {
    for (Vec<T>& sum : sums) sum = fma(sum, factor, term);
  }
  Vec<T> total{};  // the chains themselves must not have an address: they would be kept in memory
  for (const Vec<T>& sum : sums) total += sum;
  benchmark::DoNotOptimize(total);
}

/// GFLOP/s of one thread; measured once.
template <typename T>
double peak_gflops() {
  static const double peak = [] {
    constexpr std::size_t length = 100000;
    return 2e-9 * 12 * kLanes<T> * length / fastest(100, [] { multiply_add_chains<T>(length); });
  }();
  return peak;
}

/// Sum of the numbers, from eight chains.
inline float sum_of(const std::vector<float>& numbers) {
  std::array<Vec<float>, 8> sums{};
  constexpr std::size_t step = 8 * kLanes<float>;
  for (std::size_t i = 0; i + step <= numbers.size(); i += step) {
    for (std::size_t s = 0; s < 8; ++s) sums[s] += load(numbers.data() + i + s * kLanes<float>);
  }
  float total = 0;
  for (const Vec<float>& sum : sums) total += sum[0];
  return total;
}

/// GB/s of reading again and again an array of `bytes` that each thread has for itself.
inline double read_gbytes(std::size_t bytes, int threads) {
  const std::size_t repeats = std::max<std::size_t>(1, (std::size_t{64} << 20) / bytes);
  std::vector<std::vector<float>> arrays(static_cast<std::size_t>(threads), std::vector<float>(bytes / 4, 1.0f));
  set_num_threads(threads);
  const double seconds = fastest(5, [&] {
    parallel_parts(arrays.size(), 1e9, [&](std::size_t part, std::size_t) {
      for (std::size_t r = 0; r < repeats; ++r) benchmark::DoNotOptimize(sum_of(arrays[part]));
    });
  });
  return 1e-9 * static_cast<double>(bytes * repeats) * threads / seconds;
}

inline constexpr std::size_t kInL1 = std::size_t{16} << 10;
inline constexpr std::size_t kInL2 = std::size_t{256} << 10;
inline constexpr std::size_t kInMemory = std::size_t{128} << 20;

/// Runs the benchmark's loop over `f`; returns the seconds of its fastest call, as the peaks are those of the fastest.
template <typename F>
double fastest_call(benchmark::State& state, const F& f) {
  double best = 1e9;
  for (auto _ : state) best = std::min(best, fastest(1, f));
  return best;
}

/// The same for a kernel that does `flops` operations a call: reports GFLOP/s and the percentage of the machine's peak.
template <typename T, typename F>
void measure_flops(benchmark::State& state, double flops, int threads, const F& f) {
  const double peak = threads * peak_gflops<T>();
  set_num_threads(threads);
  const double gflops = 1e-9 * flops / fastest_call(state, f);
  state.counters["GFLOP/s"] = gflops;
  state.counters["% of peak"] = 100 * gflops / peak;
}

template <typename T>
const char* type_name() {
  return std::is_same_v<T, float> ? "float" : "double";
}

}  // namespace nncore::bench
