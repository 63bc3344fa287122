#pragma once

#include "nncore/core/rows.h"
#include "nncore/nn/recurrent.h"

namespace nncore {

/// One direction of an LSTM layer over a packed batch (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al.
/// 2000): i, f, o = σ(W x_t + U h_{t−1} + b), g = tanh(...), c_t = f ⊗ c_{t−1} + i ⊗ g, h_t = o ⊗ tanh(c_t).
/// x (rows, input); work.h0 and work.c0 are set by the caller; writes work.y and work.c.
template <typename T>
void lstm_forward(const RecurrentWeights<T>& weights, const Packing& packing, bool reverse, Rows<const T> x,
                  bool training, RecurrentWork<T>& work);

/// Back-propagation through time. dy (rows, hidden); dh_n and dc_n (sequences, hidden) are gradients of the final state, or
/// null. Adds to `gradients`; writes (or adds to) dx unless it is null; writes work.dh0 and work.dc0 if `state_gradient`.
template <typename T>
void lstm_backward(const RecurrentWeights<T>& weights, const RecurrentGradients<T>& gradients, const Packing& packing,
                   bool reverse, Rows<const T> x, PlacedRows<const T> dy, Rows<const T> dh_n, Rows<const T> dc_n,
                   PlacedRows<T> dx, bool add_to_dx, bool state_gradient, RecurrentWork<T>& work);

}  // namespace nncore
