#include "nncore/nn/optimizers.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

#include "nncore/core/threads.h"
#include "nncore/nn/losses.h"

namespace {

using namespace nncore;

template <typename T>
View<T, 1> flat(std::vector<T>& values) {
  return {values.data(), {values.size()}};
}

struct State {
  explicit State(std::size_t size) : parameters(size, 0.5f), gradients(size), mean(size), square(size) {
    for (std::size_t i = 0; i < size; ++i) gradients[i] = 1e-3f * std::sin(static_cast<float>(i));
  }
  std::vector<float> parameters, gradients, mean, square;
};

constexpr double kAdamBytes = 7 * sizeof(float);  // four arrays read, three written

/// Bytes/s of the least arithmetic with Adam's traffic, on the same arrays and threads.
double bandwidth(State& s) {
  using Clock = std::chrono::steady_clock;
  const std::size_t size = s.parameters.size();
  double best = 0;
  for (double spent = 0; spent < 0.2;) {
    const auto start = Clock::now();
    parallel_ranges(size, 1024, 0.3 * static_cast<double>(size), [&](std::size_t begin, std::size_t end) {
      const float* __restrict g = s.gradients.data();
      float* __restrict p = s.parameters.data(), * __restrict m = s.mean.data(), * __restrict v = s.square.data();
      for (std::size_t i = begin; i < end; ++i) {
        p[i] += g[i];
        m[i] += g[i];
        v[i] += g[i] * g[i];
      }
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, kAdamBytes * static_cast<double>(size) / seconds);
    spent += seconds;
  }
  return best;
}

void step(benchmark::State& state, OptimizerKind kind) {
  const std::size_t size = static_cast<std::size_t>(state.range(0));
  set_num_threads(static_cast<int>(state.range(1)));
  State s(size);
  const double limit = bandwidth(s);
  s = State(size);
  OptimizerStep settings;
  settings.kind = kind;
  settings.lr = 1e-3;
  settings.momentum = 0.9;
  const bool one_slot = kind == OptimizerKind::kSgd;
  for (auto _ : state) {
    optimizer_step<float>(settings, 1.0f, flat(s.gradients), flat(s.parameters), flat(s.mean),
                          one_slot ? View<float, 1>() : flat(s.square));
    ++settings.step;
  }
  const double steps = static_cast<double>(state.iterations());
  const double bytes = (kAdamBytes - (one_slot ? 2 * sizeof(float) : 0)) * static_cast<double>(size) * steps;
  state.counters["bytes/s"] = benchmark::Counter(bytes, benchmark::Counter::kIsRate);
  state.counters["%bandwidth"] = benchmark::Counter(100 * bytes / limit, benchmark::Counter::kIsRate);
}

void norm(benchmark::State& state) {
  const std::size_t size = static_cast<std::size_t>(state.range(0));
  set_num_threads(static_cast<int>(state.range(1)));
  State s(size);
  for (auto _ : state) benchmark::DoNotOptimize(gradient_norm<float>(flat(s.gradients)));
  const double bytes = sizeof(float) * static_cast<double>(size) * static_cast<double>(state.iterations());
  state.counters["bytes/s"] = benchmark::Counter(bytes, benchmark::Counter::kIsRate);
}

void loss(benchmark::State& state, LossKind kind) {
  const std::size_t rows = static_cast<std::size_t>(state.range(0)),
                    features = static_cast<std::size_t>(state.range(1));
  set_num_threads(static_cast<int>(state.range(2)));
  std::vector<float> y(rows * features), values(rows * features), dy(rows * features);
  std::vector<std::int64_t> labels(rows), order(rows);
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = 4 * std::sin(static_cast<float>(i));
    values[i] = static_cast<float>(i % 2);
  }
  for (std::size_t i = 0; i < rows; ++i) {
    labels[i] = static_cast<std::int64_t>(i % features);
    order[i] = static_cast<std::int64_t>(i);
  }
  Target<float> target{{values.data(), {rows, features}}, {}};
  if (kind == LossKind::kCrossEntropy) target = {{}, {labels.data(), {rows}}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(loss_forward_backward<float>({kind, 1.0}, {y.data(), {rows, features}}, target, {},
                                                          {order.data(), {rows}}, {}, {dy.data(), {rows, features}}));
  }
  const double count = static_cast<double>(y.size()) * static_cast<double>(state.iterations());
  using benchmark::Counter;
  state.counters["s/output"] = Counter(count, static_cast<Counter::Flags>(Counter::kIsRate | Counter::kInvert));
}

// 4,610 and 669,706: the parameters of 4-64-64-2 and 784-512-512-10; 16 million: from memory.
void sizes(benchmark::internal::Benchmark* b) {
  b->ArgsProduct({{4610, 669706, 1 << 24}, {1, 2}})->ArgNames({"size", "threads"})->UseRealTime();
}

// Classes of a small problem, characters of a text, a vocabulary.
void shapes(benchmark::internal::Benchmark* b) {
  for (int threads : {1, 2}) b->Args({32, 2, threads})->Args({2048, 65, threads})->Args({256, 10000, threads});
  b->Args({4096, 1, 1})->ArgNames({"rows", "features", "threads"})->UseRealTime();
}

BENCHMARK_CAPTURE(step, adam, OptimizerKind::kAdam)->Apply(sizes);
BENCHMARK_CAPTURE(step, sgd, OptimizerKind::kSgd)->Apply(sizes);
BENCHMARK_CAPTURE(step, rmsprop, OptimizerKind::kRmsprop)->Apply(sizes);
BENCHMARK(norm)->Apply(sizes);
BENCHMARK_CAPTURE(loss, cross_entropy, LossKind::kCrossEntropy)->Apply(shapes);
BENCHMARK_CAPTURE(loss, binary_cross_entropy, LossKind::kBinaryCrossEntropy)->Apply(shapes);
BENCHMARK_CAPTURE(loss, mse, LossKind::kMse)->Apply(shapes);
BENCHMARK_CAPTURE(loss, huber, LossKind::kHuber)->Apply(shapes);

}  // namespace
