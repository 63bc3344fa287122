// Gibbs sweeps of Boltzmann machines: units set a second, for one chain and for many, hot (most units change) and cold
// (few do); and states enumerated a second.

#include "nncore/energy/boltzmann_machine.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "nncore/core/random.h"
#include "nncore/energy/boltzmann_enumeration.h"

namespace {

using namespace nncore;

template <typename T>
struct Glass {
  std::size_t n;
  std::vector<T> weights, bias;
  std::vector<std::uint8_t> clamped;

  explicit Glass(std::size_t n) : n(n), weights(n * n), bias(n), clamped(n) {
    random_normal<T>({1}, 0, static_cast<T>(1 / std::sqrt(static_cast<double>(n))), {weights.data(), {n * n}});
    for (std::size_t i = 0; i < n; ++i) {
      weights[i * n + i] = 0;
      for (std::size_t j = 0; j < i; ++j) weights[i * n + j] = weights[j * n + i];
    }
  }
  BoltzmannMachine<T> machine() const { return {{weights.data(), {n, n}}, {bias.data(), {n}}}; }
};

template <typename T>
void boltzmann_sweeps(benchmark::State& state) {
  const Glass<T> glass(static_cast<std::size_t>(state.range(0)));
  const auto chains = static_cast<std::size_t>(state.range(1));
  constexpr std::size_t kSweeps = 10;
  const std::vector<double> temperatures(kSweeps, state.range(2) > 0 ? 1.0 : 0.1);
  std::vector<std::uint8_t> states(chains * glass.n);
  BoltzmannDraws draws;
  for (auto _ : state) {
    nncore::boltzmann_sweeps<T>(glass.machine(), {glass.clamped.data(), {glass.n}}, {temperatures.data(), {kSweeps}},
                                false, draws, {states.data(), {chains, glass.n}}, {});
    draws.sweep += kSweeps;
  }
  state.counters["units"] = benchmark::Counter(static_cast<double>(kSweeps * chains * glass.n),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

void boltzmann_log_sums(benchmark::State& state) {
  const Glass<double> glass(static_cast<std::size_t>(state.range(0)));
  const std::size_t blocks = boltzmann_blocks(glass.n);
  const std::vector<std::uint8_t> row(glass.n);
  std::vector<double> sums(blocks);
  for (auto _ : state) {
    nncore::boltzmann_log_sums(glass.machine(), {glass.clamped.data(), {glass.n}}, {row.data(), {1, glass.n}}, 0,
                               {sums.data(), {1, blocks}});
  }
  state.counters["states"] =
      benchmark::Counter(std::exp2(static_cast<double>(glass.n)), benchmark::Counter::kIsIterationInvariantRate);
}

const std::vector<std::vector<std::int64_t>> kSizes = {{10, 100, 1000}, {1, 100}, {0, 1}};
BENCHMARK_TEMPLATE(boltzmann_sweeps, float)->ArgNames({"n", "chains", "hot"})->ArgsProduct(kSizes)->UseRealTime();
BENCHMARK_TEMPLATE(boltzmann_sweeps, double)->ArgNames({"n", "chains", "hot"})->Args({100, 100, 1})->UseRealTime();
BENCHMARK(boltzmann_log_sums)->ArgName("n")->Arg(10)->Arg(20)->UseRealTime();

}  // namespace
