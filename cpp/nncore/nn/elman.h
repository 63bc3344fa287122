#pragma once

#include "nncore/core/rows.h"
#include "nncore/nn/recurrent.h"

namespace nncore {

/// One direction of a simple recurrent layer over a packed batch (Elman 1990): h_t = φ(W x_t + U h_{t−1} + b), φ = tanh, or
/// ReLU. x (rows, input); work.h0 is set by the caller; writes work.y.
template <typename T>
void elman_forward(const RecurrentWeights<T>& weights, bool relu, const Packing& packing, bool reverse, Rows<const T> x,
                   RecurrentWork<T>& work);

/// Back-propagation through time; arguments as in lstm_backward.
template <typename T>
void elman_backward(const RecurrentWeights<T>& weights, bool relu, const RecurrentGradients<T>& gradients,
                    const Packing& packing, bool reverse, Rows<const T> x, PlacedRows<const T> dy, Rows<const T> dh_n,
                    PlacedRows<T> dx, bool add_to_dx, bool state_gradient, RecurrentWork<T>& work);

}  // namespace nncore
