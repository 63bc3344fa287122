// Updates of DQN and actions for one observation, at the sizes of CleanRL (120-84), stable-baselines3 (64-64) and its zoo
// (256-256). Useful operations only: tiles that are not full and Adam count as time alone.

#include "nncore/rl/dqn_learner.h"
#include "peak.h"

namespace {

using namespace nncore;

constexpr std::size_t kObservation = 4, kActions = 2;

DqnSettings settings_of(const benchmark::State& state, bool double_q) {
  DqnSettings settings;
  settings.observation.push_back({ElementType::kFloat32, kObservation, 1, {}, {}});
  settings.hidden = {static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1))};
  settings.actions = kActions;
  settings.loss.double_q = double_q;
  return settings;
}

std::vector<float> numbers(std::size_t count) {
  std::vector<float> made(count);
  random_normal<float>({1}, 0, 1, {made.data(), {count}});
  return made;
}

void update(benchmark::State& state, bool double_q) {
  DqnLearner<float> learner(settings_of(state, double_q));
  const std::size_t n = static_cast<std::size_t>(state.range(2));
  const std::vector<float> from = numbers(n * kObservation), to = numbers(n * kObservation), rewards = numbers(n);
  const std::vector<float> ones(n, 1.0f);
  const std::vector<std::int64_t> actions(n, 1);
  std::vector<float> errors(n);
  const QBatch<float> batch{{from.data(), {n, kObservation}}, {actions.data(), {n}}, {rewards.data(), {n}},
                            {to.data(), {n, kObservation}},   {ones.data(), {n}},    {ones.data(), {n}}};
  double products = 0, inner = 0;
  const std::vector<std::size_t>& sizes = learner.network().sizes();
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    products += static_cast<double>(sizes[l] * sizes[l + 1]);
    if (l > 0) inner += static_cast<double>(sizes[l] * sizes[l + 1]);
  }
  // Forward of both networks (and once more for the choice of the next action), gradients of weights and of inputs.
  const double flops = 2.0 * static_cast<double>(n) * ((double_q ? 4 : 3) * products + inner);
  bench::measure_flops<float>(state, flops, static_cast<int>(state.range(3)),
                              [&] { learner.update(batch, 1e-4, {errors.data(), {n}}); });
}

void act(benchmark::State& state) {
  DqnLearner<float> learner(settings_of(state, true));
  const std::vector<float> observation = numbers(kObservation);
  std::int64_t action = 0;
  std::uint64_t step = 0;
  for (auto _ : state) {
    learner.act(QCopy::kOnline, {observation.data(), {1, kObservation}}, 0.05, step++, {&action, {1}});
    benchmark::DoNotOptimize(action);
  }
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"first", "second", "batch", "threads"})->UseRealTime();
  for (int threads : {1, 2}) {
    for (auto [first, second, batch] : {std::array{64, 64, 32}, {120, 84, 128}, {256, 256, 64}, {256, 256, 256}}) {
      b->Args({first, second, batch, threads});
    }
  }
}
BENCHMARK_CAPTURE(update, plain, false)->Apply(sizes);
BENCHMARK_CAPTURE(update, double_q, true)->Apply(sizes);
BENCHMARK(act)->ArgNames({"first", "second"})->Args({64, 64})->Args({120, 84})->Args({256, 256});

}  // namespace
