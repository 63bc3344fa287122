// What the machine gives: multiply-adds in registers, and reading from each level of memory.

#include "peak.h"

namespace {

using namespace nncore;

template <typename T>
void multiply_adds(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  constexpr std::size_t length = 100000;
  const double flops = 2.0 * 12 * kLanes<T> * length * threads;
  bench::measure_flops<T>(state, flops, threads, [&] {
    parallel_parts(static_cast<std::size_t>(threads), 1e9,
                   [](std::size_t, std::size_t) { bench::multiply_add_chains<T>(length); });
  });
}
BENCHMARK_TEMPLATE(multiply_adds, float)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK_TEMPLATE(multiply_adds, double)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

void read(benchmark::State& state) {
  double gbytes = 0;
  for (auto _ : state) {
    gbytes = std::max(gbytes,
                      bench::read_gbytes(static_cast<std::size_t>(state.range(0)), static_cast<int>(state.range(1))));
  }
  state.counters["GB/s"] = gbytes;
}
BENCHMARK(read)
    ->ArgNames({"bytes", "threads"})
    ->ArgsProduct({{bench::kInL1, bench::kInL2, bench::kInMemory}, {1, 2}})
    ->UseRealTime();

}  // namespace
