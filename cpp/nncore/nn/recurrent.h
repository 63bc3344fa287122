#pragma once

#include <cstddef>

#include "nncore/nn/packing.h"

// What the recurrent kernels (Elman, LSTM, GRU) share on the outside: one direction of one layer.

namespace nncore {

/// Weights in PyTorch's layout: weight_ih (gates * hidden, input), weight_hh (gates * hidden, hidden), the biases
/// (gates * hidden) or null. The GRU form U(r ⊗ h) has bias_ih alone.
template <typename T>
struct RecurrentWeights {
  std::size_t input = 0, hidden = 0;
  const T* weight_ih = nullptr;
  const T* weight_hh = nullptr;
  const T* bias_ih = nullptr;
  const T* bias_hh = nullptr;
};

/// Where gradients are added; same layout.
template <typename T>
struct RecurrentGradients {
  T* weight_ih = nullptr;
  T* weight_hh = nullptr;
  T* bias_ih = nullptr;
  T* bias_hh = nullptr;
};

}  // namespace nncore
