#pragma once

#include <cstddef>
#include <cstdint>

#include "nncore/core/view.h"

namespace nncore {

enum class LossKind { kMse, kHuber, kCrossEntropy, kBinaryCrossEntropy };

/// A loss; `delta` is Huber's border between the square and the straight part, the others ignore it.
struct Loss {
  LossKind kind = LossKind::kMse;
  double delta = 1.0;
};

/// What the rows of y are compared with: `values` (target_rows, features) for MSE, Huber and binary cross entropy,
/// `labels` (target_rows) for cross entropy. One of them is set.
template <typename T>
struct Target {
  View<const T, 2> values;
  View<const std::int64_t, 1> labels;
};

/// Throws std::invalid_argument, naming `target`, unless its shape fits and the rows named in `rows` hold finite values
/// (binary cross entropy: values in [0, 1]) or labels in [0, features). Other rows are not looked at.
template <typename T>
void check_target(const Loss& loss, const Target<T>& target, std::size_t features, View<const std::int64_t, 1> rows);

/// Returns sum_i w_i l_i / sum_i w_i over the entries i of `target_rows` and writes its gradient.
///
/// Entry i compares row y_rows[i] of y (rows, features), or row i when `y_rows` is empty, with row target_rows[i] of
/// `target`; w_i = weights[target_rows[i]], or 1 when `weights` is empty; l_i is the mean over features of
///   MSE: (y - t)^2; Huber: d^2 / 2 for d = |y - t| <= delta, else delta (d - delta / 2);
///   binary cross entropy, y a logit: log(1 + e^y) - t y;
/// cross entropy, y logits: l_i = -log softmax(y)[label].
/// The row of dy gets w_i / sum(w) * dl_i/dy; rows that no entry names keep what they held. No row of y may be named
/// twice; dy may be y itself. An entry of weight 0 counts as absent: its dy is 0 whatever its y. NaN in y gives NaN.
/// The target must have passed check_target. The bits do not depend on the number of threads.
/// Throws std::invalid_argument when weights are negative or not finite or sum to 0, or when there is no entry.
template <typename T>
double loss_forward_backward(const Loss& loss, View<const T, 2> y, const Target<T>& target,
                             View<const std::int64_t, 1> y_rows, View<const std::int64_t, 1> target_rows,
                             View<const T, 1> weights, View<T, 2> dy);

}  // namespace nncore
