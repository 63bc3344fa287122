// Replay of transitions of four floats, full: draws, samples with their data, changes of priorities, single transitions.
// Beside the time of a call, nanoseconds a draw; what memory gives to as many reads of one cache line each at random
// places of an array as large as the transitions is "random reads", the limit of anything that gathers at random.

#include "nncore/rl/replay.h"

#include <string>
#include <vector>

#include "nncore/rl/power.h"
#include "peak.h"

namespace {

using namespace nncore;

struct Filled {
  Filled(std::size_t capacity, ReplayKind kind) : replay(settings(capacity, kind)), errors(capacity) {
    std::vector<float> observations(4 * (capacity + 1));
    random_normal<float>({1, Stream::kUser, 0, 0}, 0, 1, {observations.data(), {observations.size()}});
    std::vector<std::int64_t> all(capacity);
    for (std::size_t i = 0; i < capacity; ++i) {
      all[i] = static_cast<std::int64_t>(i);
      errors[i] = observations[i];
      replay.add(&observations[4 * i], &all[i], 0, &observations[4 * i + 4], false, false);
    }
    replay.update_priorities<float>({all.data(), {capacity}}, {errors.data(), {capacity}});
  }
  static ReplaySettings settings(std::size_t capacity, ReplayKind kind) {
    ReplaySettings made;
    made.capacity = capacity;
    made.observation = {{4 * sizeof(float), 0, false}};
    made.kind = kind;
    return made;
  }
  Replay replay;
  std::vector<float> errors;
};

struct Arrays {
  explicit Arrays(std::size_t size)
      : indices(size), actions(size), before(4 * size), after(4 * size), numbers(3 * size), terminated(size) {
    pointers[0] = before.data();
    pointers[1] = after.data();
    batch.size = size;
    batch.observations = pointers;
    batch.next_observations = pointers + 1;
    batch.actions = actions.data();
    batch.rewards = numbers.data();
    batch.discounts = numbers.data() + size;
    batch.weights = numbers.data() + 2 * size;
    batch.terminated = terminated.data();
    batch.indices = indices.data();
  }
  std::vector<std::int64_t> indices, actions;
  std::vector<float> before, after, numbers;
  std::vector<std::uint8_t> terminated;
  void* pointers[2];
  ReplayBatch batch;
};

void report(benchmark::State& state, std::size_t draws, double seconds) {
  state.counters["ns/draw"] = 1e9 * seconds / static_cast<double>(draws);
}

void run(benchmark::State& state, const std::string& what, ReplayKind kind) {
  const auto capacity = static_cast<std::size_t>(state.range(0)), size = static_cast<std::size_t>(state.range(1));
  Filled filled(capacity, kind);
  Arrays arrays(size);
  double seconds;
  if (what == "update") {  // of what was just drawn, as in training: its time without the draw's
    const double drawn = bench::fastest(2000, [&] { filled.replay.draw(arrays.batch); });
    seconds = bench::fastest_call(state, [&] {
      filled.replay.draw(arrays.batch);
      filled.replay.update_priorities<float>({arrays.batch.indices, {size}}, {filled.errors.data(), {size}});
    });
    seconds -= drawn;
  } else {
    const bool whole = what == "sample";
    seconds = bench::fastest_call(
        state, [&] { whole ? filled.replay.sample(arrays.batch) : filled.replay.draw(arrays.batch); });
  }
  report(state, size, seconds);
}

void add_one(benchmark::State& state) {
  const auto capacity = static_cast<std::size_t>(state.range(0)), size = static_cast<std::size_t>(state.range(1));
  Filled filled(capacity, ReplayKind::kProportional);
  const float observation[4] = {1, 2, 3, 4};
  const std::int64_t action = 1;
  report(state, size, bench::fastest_call(state, [&] {
           for (std::size_t i = 0; i < size; ++i) filled.replay.add(observation, &action, 0, observation, false, false);
         }));
}

void random_reads(benchmark::State& state) {
  const auto capacity = static_cast<std::size_t>(state.range(0)), size = static_cast<std::size_t>(state.range(1));
  std::vector<std::uint64_t> lines(4 * capacity, 1);  // 32 bytes a transition
  std::vector<std::int64_t> places(size);
  std::uint64_t step = 0;
  const auto draw = [&] {
    const auto end = static_cast<std::int64_t>(capacity);
    random_integers({1, Stream::kUser, 0, step++}, 0, end, {places.data(), {size}});
  };
  const double drawn = bench::fastest(2000, draw);
  const double seconds = bench::fastest_call(state, [&] {
    draw();
    std::uint64_t sum = 0;
    for (const std::int64_t place : places) sum += lines[4 * static_cast<std::size_t>(place)];
    benchmark::DoNotOptimize(sum);
  });
  report(state, size, seconds - drawn);
}

void powers(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  std::vector<double> x(size), y(size);
  random_uniform<double>({1, Stream::kUser, 0, 0}, 0.01, 10, {x.data(), {size}});
  report(state, size, bench::fastest_call(state, [&] {
           power(x.data(), 0.6, size, y.data());
           benchmark::ClobberMemory();
         }));
}

const bool added = [] {
  const auto sizes = [](auto* b) {
    b->ArgNames({"capacity", "batch"})->UseRealTime();
    for (int capacity : {100'000, 1'000'000}) {
      for (int batch : {32, 64, 256}) b->Args({capacity, batch});
    }
  };
  const std::pair<const char*, ReplayKind> kinds[] = {
      {"uniform", ReplayKind::kUniform}, {"proportional", ReplayKind::kProportional}, {"rank", ReplayKind::kRank}};
  for (const char* what : {"draw", "sample", "update"}) {
    for (const auto& [name, kind] : kinds) {
      if (kind == ReplayKind::kUniform && what == std::string("update")) continue;
      const auto function = [what, kind = kind](benchmark::State& state) { run(state, what, kind); };
      sizes(benchmark::RegisterBenchmark((std::string(what) + "_" + name).c_str(), function));
    }
  }
  sizes(benchmark::RegisterBenchmark("add", add_one));
  sizes(benchmark::RegisterBenchmark("random reads", random_reads));
  benchmark::RegisterBenchmark("power", powers)->ArgNames({"numbers"})->Arg(32)->Arg(256)->UseRealTime();
  return true;
}();

}  // namespace
