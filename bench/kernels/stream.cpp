// One step of a stream, one sequence: a recurrent layer of as many inputs as hidden units. Each weight is used once, so
// that from some hundred units on the step is as fast as memory gives the weights.

#include "nncore/nn/stream.h"

#include <string>
#include <vector>

#include "peak.h"

namespace {

using namespace nncore;

void run(benchmark::State& state, LayerKind kind, double gates) {
  const auto hidden = static_cast<std::size_t>(state.range(0));
  LayerSpec spec;
  spec.kind = kind;
  spec.input = spec.output = hidden;
  spec.reset_after = true;
  const Network<float> network({spec});
  std::vector<float> parameters(network.parameter_size()), x(hidden, 0.5f), y(hidden);
  network.initialize(0, {parameters.data(), {parameters.size()}}, {});
  NetworkStream<float> stream(network, {parameters.data(), {parameters.size()}}, {}, 1);
  const double weights = gates * 2 * static_cast<double>(hidden * hidden);
  bench::measure_flops<float>(state, 2 * weights, static_cast<int>(state.range(1)), [&] {
    stream.step(View<const float, 2>(x.data(), {1, hidden}), View<float, 2>(y.data(), {1, hidden}));
    benchmark::ClobberMemory();
  });
  state.counters["bytes"] = benchmark::Counter(weights * sizeof(float), benchmark::Counter::kIsIterationInvariantRate);
}

const bool added = [] {
  for (auto [name, kind, gates] :
       {std::tuple{"lstm", LayerKind::kLstm, 4.0}, {"gru", LayerKind::kGru, 3.0}, {"elman", LayerKind::kElman, 1.0}}) {
    const auto function = [kind = kind, gates = gates](benchmark::State& state) { run(state, kind, gates); };
    auto* b = benchmark::RegisterBenchmark((std::string("stream_") + name).c_str(), function);
    b->ArgNames({"H", "threads"})->UseRealTime();
    for (int hidden : {32, 64, 128, 256, 512}) {
      for (int threads : {1, 2}) b->Args({hidden, threads});
    }
  }
  return true;
}();

}  // namespace
