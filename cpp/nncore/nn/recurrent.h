#pragma once

#include <cstddef>
#include <memory>

#include "nncore/core/rows.h"
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

/// What a layer keeps from its forward pass for its backward pass; made once, used for one batch after the other.
template <typename T>
struct RecurrentWork;

template <typename T>
struct FreeRecurrentWork {
  void operator()(RecurrentWork<T>* work) const;
};

template <typename T>
std::unique_ptr<RecurrentWork<T>, FreeRecurrentWork<T>> make_recurrent_work();

/// Initial states (sequences, hidden) in the packing's order, for the next passes; null: zeros. Rows have room for whole
/// blocks and zeros there.
template <typename T>
void set_initial_state(RecurrentWork<T>& work, Rows<T> h0, Rows<T> c0);

/// h after each row, (rows, hidden), as the last forward pass left it.
template <typename T>
Rows<const T> hidden_states(const RecurrentWork<T>& work);

}  // namespace nncore
