// Sweeps of packed Hopfield networks with p = 0.1 N memories, from a memory with a tenth of its units flipped, and of
// weights from a memory: units updated a second. A sweep of weights in which nothing flips reads fields alone.

#include "nncore/energy/hopfield.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "nncore/energy/packed_hopfield.h"

namespace {

using namespace nncore;

struct Network {
  std::size_t units, memories;
  std::vector<std::int8_t> patterns;
  std::vector<std::uint64_t> rows;
  std::vector<std::uint8_t> columns;

  explicit Network(std::size_t n)
      : units(n), memories(n / 10), patterns(n * memories), rows(memories * memory_words(n)) {
    columns.resize(n * unit_bytes(memories));
    std::vector<std::uint32_t> words(patterns.size());
    random_words({1}, 0, words.size(), words.data());
    std::transform(words.begin(), words.end(), patterns.begin(), [](std::uint32_t w) { return w & 1 ? 1 : -1; });
    pack_memories({patterns.data(), {memories, n}}, 0, {rows.data(), {memories, memory_words(n)}},
                  {columns.data(), {n, unit_bytes(memories)}});
  }

  PackedMemories packed() const {
    PackedMemories result;
    result.count = memories;
    result.rows = {rows.data(), {memories, memory_words(units)}};
    result.columns = {columns.data(), {units, unit_bytes(memories)}};
    return result;
  }

  std::vector<std::int8_t> damaged() const {
    std::vector<std::int8_t> x(patterns.begin(), patterns.begin() + static_cast<std::ptrdiff_t>(units));
    for (std::size_t i = 0; i < units; i += 10) x[i] = static_cast<std::int8_t>(-x[i]);
    return x;
  }
};

void sweep(benchmark::State& state) {
  const Network network(static_cast<std::size_t>(state.range(0)));
  const std::size_t d = network.units;
  const std::vector<std::int8_t> start = network.damaged();
  std::vector<std::int8_t> x(d), previous(d);
  const std::int64_t id = 0;
  RecallSettings settings;
  settings.synchronous = state.range(1) > 0;
  for (auto _ : state) {
    std::int64_t sweeps = 0, cycle = 0;
    std::copy(start.begin(), start.end(), x.begin());
    packed_hopfield_recall(network.packed(), settings, 0, 1,
                           {{x.data(), {1, d}}, {previous.data(), {1, d}}, {&id, {1}}, {&sweeps, {1}}, {&cycle, {1}}});
    benchmark::DoNotOptimize(x.data());
  }
  state.counters["units"] = benchmark::Counter(static_cast<double>(d), benchmark::Counter::kIsIterationInvariantRate);
}

void overlaps(benchmark::State& state) {
  const Network network(static_cast<std::size_t>(state.range(0)));
  const std::vector<std::int8_t> x = network.damaged();
  std::vector<std::int64_t> out(network.memories);
  for (auto _ : state) {
    packed_overlaps(network.packed(), {x.data(), {1, network.units}}, {out.data(), {1, network.memories}});
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * network.rows.size() * 8));
}

void weights_sweep(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  std::vector<float> weights(d * d, 1.0f / static_cast<float>(d)), bias(d), fields(d);
  std::vector<std::int8_t> x(d, 1), previous(d);
  const std::int64_t id = 0;
  for (auto _ : state) {
    std::int64_t sweeps = 0, cycle = 0;
    hopfield_fields<float>({x.data(), {1, d}}, {weights.data(), {d, d}}, {bias.data(), {d}}, {fields.data(), {1, d}});
    hopfield_recall<float>({weights.data(), {d, d}}, {bias.data(), {d}}, {}, 0, 1,
                           {{x.data(), {1, d}}, {previous.data(), {1, d}}, {&id, {1}}, {&sweeps, {1}}, {&cycle, {1}}},
                           {fields.data(), {1, d}});
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * 2 * weights.size() * sizeof(float)));
}

BENCHMARK(sweep)->ArgNames({"units", "synchronous"})->ArgsProduct({{1000, 4000, 10000}, {0, 1}});
BENCHMARK(overlaps)->ArgName("units")->Arg(1000)->Arg(4000)->Arg(10000);
BENCHMARK(weights_sweep)->ArgName("units")->Arg(1000)->Arg(4000);

}  // namespace
