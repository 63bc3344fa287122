// Restricted Boltzmann machines of 784-500 units: an update by CD-1 with a batch of 100, on data where 13 % of the visible
// units are on (MNIST's digits) and on dense real numbers; pseudo-likelihood; annealed importance sampling.

#include "nncore/energy/rbm.h"

#include <benchmark/benchmark.h>

#include <numeric>
#include <vector>

#include "nncore/core/random.h"

namespace {

using namespace nncore;

constexpr std::size_t kVisible = 784, kHidden = 500, kBatch = 100, kBatches = 10;

struct Machine {
  std::vector<float> weights = std::vector<float>(kVisible * kHidden), visible_bias = std::vector<float>(kVisible),
                     hidden_bias = std::vector<float>(kHidden);
  Visible kind;

  explicit Machine(Visible visible) : kind(visible) {
    random_normal<float>({1, Stream::kParameters}, 0, 0.05f, View<float, 1>(weights.data(), {weights.size()}));
  }
  RbmParameters<float> parameters() {
    return {kind,
            {weights.data(), {kVisible, kHidden}},
            {visible_bias.data(), {kVisible}},
            {hidden_bias.data(), {kHidden}}};
  }
  RbmParameters<const float> read() const {
    return {kind,
            {weights.data(), {kVisible, kHidden}},
            {visible_bias.data(), {kVisible}},
            {hidden_bias.data(), {kHidden}}};
  }
};

std::vector<float> samples_of(Visible kind, std::size_t rows) {
  std::vector<float> samples(rows * kVisible);
  const View<float, 1> out(samples.data(), {samples.size()});
  if (kind == Visible::kGaussian) {
    random_normal<float>({2, Stream::kUser}, 0, 1, out);
  } else {
    random_uniform<float>({2, Stream::kUser}, 0, 1, out);
    for (float& x : samples) x = x < 0.13f ? 1.0f : 0.0f;
  }
  return samples;
}

void bench_rbm_train(benchmark::State& state, Visible kind) {
  Machine machine(kind);
  const std::vector<float> samples = samples_of(kind, kBatch * kBatches);
  const VisibleRows<float> rows{{samples.data(), {kBatch * kBatches, kVisible}}, {}, false};
  std::vector<std::int64_t> order(kBatch * kBatches);
  std::iota(order.begin(), order.end(), 0);
  std::uint64_t update = 0;
  RbmTraining training;
  training.learning_rate = 1e-4;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        rbm_train<float>(machine.parameters(), rows, {order.data(), {order.size()}}, kBatch, training, update, {}, {}));
    update += kBatches;
  }
  const auto updates = static_cast<double>(state.iterations() * static_cast<std::int64_t>(kBatches));
  state.counters["updates"] = benchmark::Counter(updates, benchmark::Counter::kIsRate);
  // What five dense products would take: where units are skipped, this may be above the machine's peak.
  state.counters["FLOP/s as if dense"] =
      benchmark::Counter(updates * 5 * 2 * kVisible * kHidden * kBatch, benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(bench_rbm_train, bernoulli, Visible::kBernoulli)->UseRealTime();
BENCHMARK_CAPTURE(bench_rbm_train, gaussian, Visible::kGaussian)->UseRealTime();

void bench_rbm_pseudo_likelihood(benchmark::State& state) {
  const Machine machine(Visible::kBernoulli);
  const std::vector<float> samples = samples_of(Visible::kBernoulli, kBatch);
  std::vector<double> scores(kBatch);
  for (auto _ : state) {
    rbm_pseudo_likelihood<float>(machine.read(), {{samples.data(), {kBatch, kVisible}}, {}, false},
                                 {scores.data(), {kBatch}});
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(bench_rbm_pseudo_likelihood)->UseRealTime();

void bench_rbm_anneal(benchmark::State& state) {
  const Machine machine(Visible::kBernoulli);
  const std::vector<float> bias(kVisible, -2.0f);
  std::vector<double> betas(21), weights(kBatch);
  for (std::size_t k = 0; k < betas.size(); ++k) betas[k] = static_cast<double>(k) / 20;
  std::vector<float> visible(kBatch * kVisible);
  for (auto _ : state) {
    rbm_anneal<float>(machine.read(), {bias.data(), {kVisible}}, {betas.data(), {betas.size()}}, 3, 0,
                      {visible.data(), {kBatch, kVisible}}, {weights.data(), {kBatch}});
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch * (betas.size() - 1)));
  state.SetLabel("chains x temperatures");
}
BENCHMARK(bench_rbm_anneal)->UseRealTime();

}  // namespace
