#pragma once

#include "nncore/core/rows.h"
#include "nncore/nn/recurrent.h"

namespace nncore {

// The two forms of the GRU are different functions; no weights of one give the other. Both: r, z = σ(W x_t + U h_{t−1} + b).

/// PyTorch's and cuDNN's form: n = tanh(W x_t + b + r ⊗ (U h_{t−1} + b')), h_t = (1 − z) ⊗ n + z ⊗ h_{t−1}.
/// x (rows, input); work.h0 is set by the caller; writes work.y.
template <typename T>
void gru_forward(const RecurrentWeights<T>& weights, const Packing& packing, bool reverse, Rows<const T> x,
                 bool training, RecurrentWork<T>& work);

/// Back-propagation through time; arguments as in lstm_backward.
template <typename T>
void gru_backward(const RecurrentWeights<T>& weights, const RecurrentGradients<T>& gradients, const Packing& packing,
                  bool reverse, Rows<const T> x, PlacedRows<const T> dy, Rows<const T> dh_n, PlacedRows<T> dx,
                  bool add_to_dx, bool state_gradient, RecurrentWork<T>& work);

/// The form of Cho et al. (2014): n = tanh(W x_t + U (r ⊗ h_{t−1}) + b), h_t = (1 − z) ⊗ h_{t−1} + z ⊗ n. One bias, bias_ih.
template <typename T>
void gru_reset_before_forward(const RecurrentWeights<T>& weights, const Packing& packing, bool reverse, Rows<const T> x,
                              RecurrentWork<T>& work);

template <typename T>
void gru_reset_before_backward(const RecurrentWeights<T>& weights, const RecurrentGradients<T>& gradients,
                               const Packing& packing, bool reverse, Rows<const T> x, PlacedRows<const T> dy,
                               Rows<const T> dh_n, PlacedRows<T> dx, bool add_to_dx, bool state_gradient,
                               RecurrentWork<T>& work);

}  // namespace nncore
