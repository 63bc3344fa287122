#pragma once

#include <cstddef>
#include <cstdint>

#include "nncore/core/view.h"

namespace nncore {

enum class OptimizerKind { kSgd, kRmsprop, kAdam, kAdamW };

/// One step of an optimizer; the names and formulas are PyTorch's, and each kind reads only what it uses.
struct OptimizerStep {
  OptimizerKind kind = OptimizerKind::kSgd;
  double lr = 0;
  double momentum = 0;  // SGD, RMSprop
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999;  // Adam, AdamW
  double alpha = 0.99;                // RMSprop
  double eps = 1e-8;
  double weight_decay = 0;  // added to the gradient; AdamW: taken off the parameters
  std::uint64_t step = 1;   // 1 for the first
};

/// Moves `parameters` one step against gradient_scale * gradients. All arrays have the size of `parameters`.
///   SGD: slot0 the momentum buffer (empty without momentum);
///   RMSprop: slot0 the mean square, slot1 the momentum buffer (empty without momentum);
///   Adam, AdamW: slot0 the mean m, slot1 the mean square v.
/// Slots start as zeros. A parameter whose gradient and slots are 0 stays as it is, weight decay apart, so the padding
/// between parameters stays 0. Throws std::invalid_argument when sizes or settings do not fit; nothing has changed
/// then.
template <typename T>
void optimizer_step(const OptimizerStep& settings, T gradient_scale, View<const T, 1> gradients, View<T, 1> parameters,
                    View<T, 1> slot0, View<T, 1> slot1);

/// Euclidean norm, summed in double over fixed chunks: the same bits on any number of threads.
template <typename T>
double gradient_norm(View<const T, 1> gradients);

/// out = factor * values; returns the sum of the squares of `values`, summed as for gradient_norm.
template <typename T>
double scale_into(T factor, View<const T, 1> values, View<T, 1> out);

/// values *= factor.
template <typename T>
void scale(View<T, 1> values, T factor);

/// What clipping to `max_norm` multiplies the gradients with: max_norm / (norm + 1e-6), at most 1; 1 when the norm is
/// not finite.
double clip_factor(double norm, double max_norm);

}  // namespace nncore
