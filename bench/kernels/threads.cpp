// What a parallel region costs: parallel_parts with a body that does nothing.

#include "nncore/core/threads.h"

#include <benchmark/benchmark.h>

#include <atomic>

namespace {

void threads_from(const benchmark::State& state) { nncore::set_num_threads(static_cast<int>(state.range(0))); }

/// An empty part is mostly run by the caller, before the worker has seen it.
void fork_join_empty(benchmark::State& state) {
  threads_from(state);
  for (auto _ : state) {
    nncore::parallel_parts(nncore::kMostThreads, 1e9,
                           [](std::size_t part, std::size_t) { benchmark::DoNotOptimize(part); });
  }
}
BENCHMARK(fork_join_empty)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

/// Each part waits for the others, so that every thread takes part: to the workers and back.
void fork_join_together(benchmark::State& state) {
  threads_from(state);
  for (auto _ : state) {
    std::atomic<std::size_t> arrived{0};
    nncore::parallel_parts(nncore::kMostThreads, 1e9, [&](std::size_t, std::size_t parts) {
      arrived.fetch_add(1);
      while (arrived.load() < parts) benchmark::ClobberMemory();
    });
  }
}
BENCHMARK(fork_join_together)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
