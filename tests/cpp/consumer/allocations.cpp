// Counts what the library allocates: nothing in a step of a stream, nor, after the first, in a training step.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <new>
#include <string>
#include <vector>

#include "nncore/core/threads.h"
#include "nncore/nn/network.h"
#include "nncore/nn/stream.h"

namespace {

std::size_t allocations = 0;

void* counted(void* memory) {
  ++allocations;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Not inlined: GCC would take malloc and delete for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) { return counted(std::malloc(size)); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

// What workspaces are made of; glibc lets a program bring its own.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
  ++allocations;
  void* memory = nullptr;
  return posix_memalign(&memory, alignment, size) == 0 ? memory : nullptr;
}

namespace {

using namespace nncore;

LayerSpec layer(LayerKind kind, std::size_t input, std::size_t output, bool reset_after = false) {
  LayerSpec spec;
  spec.kind = kind;
  spec.input = input;
  spec.output = output;
  spec.reset_after = reset_after;
  return spec;
}

struct Model {
  explicit Model(const std::vector<LayerSpec>& layers)
      : network(layers), parameters(network.parameter_size()), buffers(network.buffer_size()) {
    network.initialize(0, {parameters.data(), {parameters.size()}}, {buffers.data(), {buffers.size()}});
  }
  Network<float> network;
  std::vector<float> parameters, buffers;
};

/// Prints what was counted in `run`; true when it was nothing.
template <typename Run>
bool allocates_nothing(const std::string& what, const Run& run) {
  const std::size_t before = allocations;
  run();
  const std::size_t counted = allocations - before;
  std::cout << what << ": " << counted << " allocations\n";
  return counted == 0;
}

bool stream_allocates_nothing(LayerKind kind, bool reset_after, std::size_t rows, std::size_t hidden) {
  const Model model({layer(kind, 5, hidden, reset_after), layer(LayerKind::kDense, hidden, 3)});
  NetworkStream<float> stream(model.network, {model.parameters.data(), {model.parameters.size()}},
                              {model.buffers.data(), {model.buffers.size()}}, rows);
  std::vector<float> x(rows * 5, 0.5f), y(rows * 3);
  return allocates_nothing("stream of kind " + std::to_string(static_cast<int>(kind)), [&] {
    for (int step = 0; step < 10; ++step) {
      stream.step(View<const float, 2>(x.data(), {rows, 5}), View<float, 2>(y.data(), {rows, 3}));
    }
  });
}

bool training_allocates_nothing(LayerKind kind, bool reset_after) {
  constexpr std::size_t kCount = 9, kSteps = 7, kInput = 5, kHidden = 20;
  Model model({layer(kind, kInput, kHidden, reset_after), layer(LayerKind::kDense, kHidden, 3)});
  const std::size_t size = model.parameters.size();
  std::vector<float> gradients(size), slot0(size), slot1(size), x(kCount * kSteps * kInput, 0.5f),
      target(kCount * kSteps * 3, 0.1f);
  TrainingStep<float> step;
  step.loss = {LossKind::kMse, 1.0};
  step.target.values = {target.data(), {kCount * kSteps, 3}};
  step.optimizer.kind = OptimizerKind::kAdam;
  step.optimizer.lr = 1e-3;
  step.slot0 = {slot0.data(), {size}};
  step.slot1 = {slot1.data(), {size}};
  step.max_grad_norm = 1;
  NetworkInput<float> input;
  input.values = {x.data(), {kCount, kSteps, kInput}};
  input.has_steps = true;
  const NetworkState<float> none;
  const auto train = [&] {
    model.network.train_step({model.parameters.data(), {size}}, {gradients.data(), {size}}, {model.buffers.data(), {0}},
                             input, none, step);
  };
  train();
  return allocates_nothing("training of kind " + std::to_string(static_cast<int>(kind)), [&] {
    for (int i = 0; i < 10; ++i) train();
  });
}

}  // namespace

int main() {
  bool right = true;
  for (int threads : {1, 2}) {
    set_num_threads(threads);
    for (LayerKind kind : {LayerKind::kElman, LayerKind::kLstm, LayerKind::kGru}) {
      for (bool reset_after : {false, true}) {
        right = stream_allocates_nothing(kind, reset_after, 1, 32) && right;
        right = stream_allocates_nothing(kind, reset_after, 3, 300) && right;
        right = training_allocates_nothing(kind, reset_after) && right;
      }
    }
  }
  return right ? 0 : 1;
}
