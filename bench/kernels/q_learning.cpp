// Q-learning and sweeps of value iteration on square grids with one goal: steps, and outcomes backed up, a second. A grid
// of 7 x 7 stays in the first cache, one of 1000 x 1000 in none.

#include "nncore/rl/q_learning.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

namespace {

using namespace nncore;

struct Grid {
  std::size_t side;
  std::vector<std::int64_t> first_pair{0}, actions, first_outcome{0}, next;
  std::vector<double> probability, reward, start;
  std::vector<std::uint8_t> ends;

  /// Actions go to a side, slippery ones also to the two beside it.
  Grid(std::size_t side, bool slippery) : side(side), start(side * side, 0.0) {
    const int moves[4][2] = {{-1, 0}, {0, 1}, {1, 0}, {0, -1}};
    for (std::size_t s = 0; s < side * side; ++s) {
      for (int a = 0; a < 4; ++a) {
        for (int turn = slippery ? -1 : 0; turn <= (slippery ? 1 : 0); ++turn) add(s, moves[(a + turn + 4) % 4], turn);
        actions.push_back(a);
        first_outcome.push_back(static_cast<std::int64_t>(next.size()));
      }
      first_pair.push_back(static_cast<std::int64_t>(actions.size()));
    }
    start[0] = 1;
  }

  void add(std::size_t s, const int* move, int turn) {
    const auto last = static_cast<std::int64_t>(side) - 1;
    const std::int64_t row = std::clamp(static_cast<std::int64_t>(s / side) + move[0], std::int64_t{0}, last);
    const std::int64_t column = std::clamp(static_cast<std::int64_t>(s % side) + move[1], std::int64_t{0}, last);
    const bool goal = row == last && column == last;
    next.push_back(row * (last + 1) + column);
    probability.push_back(turn == 0 ? 0.8 : 0.1);
    reward.push_back(goal ? 1 : -0.01);
    ends.push_back(goal ? 1 : 0);
  }

  Mdp mdp() const {
    return {{first_pair.data(), {first_pair.size()}},
            {actions.data(), {actions.size()}},
            {first_outcome.data(), {first_outcome.size()}},
            {next.data(), {next.size()}},
            {probability.data(), {probability.size()}},
            {reward.data(), {reward.size()}},
            {ends.data(), {ends.size()}}};
  }
};

void q_learning(benchmark::State& state) {
  const Grid grid(static_cast<std::size_t>(state.range(0)), state.range(1) > 0);
  std::vector<double> table(grid.side * grid.side * 4, 0.0);
  QLearningSettings settings;
  settings.learning_rate.initial = 0.5;
  settings.gamma = 0.99;
  settings.exploration.initial = 0.1;
  QLearner learner({table.data(), {grid.side * grid.side, 4}}, {}, settings, 0);
  learner.set_model(grid.mdp(), {grid.start.data(), {grid.start.size()}}, 0);
  constexpr std::uint64_t kSteps = 100000;
  for (auto _ : state) benchmark::DoNotOptimize(learner.run(kSteps).episodes);
  state.counters["steps"] = benchmark::Counter(kSteps, benchmark::Counter::kIsIterationInvariantRate);
}

void value_iteration(benchmark::State& state) {
  const Grid grid(static_cast<std::size_t>(state.range(0)), state.range(1) > 0);
  std::vector<double> values(grid.side * grid.side), spare(values.size());
  Backup backup;
  backup.gamma = 0.99;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        value_iteration(grid.mdp(), backup, -1, 1, {values.data(), {values.size()}}, {spare.data(), {spare.size()}})
            .count);
  }
  state.counters["outcomes"] =
      benchmark::Counter(static_cast<double>(grid.next.size()), benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK(q_learning)->ArgNames({"side", "slippery"})->Args({7, 0})->Args({7, 1})->Args({1000, 0});
BENCHMARK(value_iteration)
    ->ArgNames({"side", "slippery"})
    ->UseRealTime()
    ->Args({7, 1})
    ->Args({1000, 0})
    ->Args({1000, 1});

}  // namespace
