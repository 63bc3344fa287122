#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/buffer.h"
#include "nncore/core/view.h"
#include "nncore/rl/q_network.h"

namespace nncore {

struct DqnSettings {
  std::vector<std::size_t> sizes;  ///< observation, hidden layers, actions
  QLoss loss;
  double max_grad_norm = 10;  ///< infinity: gradients are not clipped
  std::uint64_t seed = 0;
};

/// Deep Q-learning without the environment: online and target network, Adam, and the draws of ε-greedy exploration.
template <typename T>
class DqnLearner {
 public:
  /// Draws the parameters, uniform in ±1/√inputs; the target starts as a copy.
  explicit DqnLearner(const DqnSettings& settings);

  QNetwork<T>& network() { return network_; }
  const QNetwork<T>& network() const { return network_; }

  /// The arrays that are saved, each of network().size(): parameters, target, and Adam's two averages.
  enum class Array { kParameters, kTarget, kMean, kSquare };
  View<const T, 1> array(Array which) const { return view(which); }
  void set_array(Array which, View<const T, 1> values);
  /// Updates so far, which Adam's correction counts.
  std::uint64_t updates() const { return updates_; }
  void set_updates(std::uint64_t updates) { updates_ = updates; }

  /// One step of Adam on a batch; returns the loss before it and writes td_errors (n), target - Q(s, a). When the loss
  /// or the gradient is not finite nothing has changed, and the result is not finite.
  double update(const QBatch<T>& batch, double learning_rate, View<T, 1> td_errors);

  /// target += tau * (parameters - target); tau = 1 copies.
  void update_target(double tau);

  /// Actions (n) for observations (n, d): the greedy one, or with probability epsilon one by chance. The draws of
  /// environment i are those of (seed, step, i).
  void act(QCopy copy, View<const T, 2> observations, double epsilon, std::uint64_t step, View<std::int64_t, 1> actions);

  /// Makes the acting copy the online network of now.
  void publish() { network_.pack(QCopy::kActing, view(Array::kParameters)); }

 private:
  View<T, 1> view(Array which) const { return {arrays_[static_cast<std::size_t>(which)].data(), {network_.size()}}; }

  DqnSettings settings_;
  QNetwork<T> network_;
  Buffer<T> arrays_[4], gradients_, acting_values_;
  std::uint64_t updates_ = 0;
};

}  // namespace nncore
