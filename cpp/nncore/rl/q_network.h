#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nncore/core/view.h"

namespace nncore {

/// A batch of transitions, weighted; rows are transitions.
template <typename T>
struct QBatch {
  View<const T, 2> observations;        ///< (n, observation size)
  View<const std::int64_t, 1> actions;  ///< (n), each below the number of actions
  View<const T, 1> rewards;             ///< (n); with n-step returns the discounted sum
  View<const T, 2> next_observations;   ///< (n, observation size)
  View<const T, 1> bootstrap;  ///< (n), what the next state's value counts: discount, 0 where the episode ended
  View<const T, 1> weights;    ///< (n), importance weights
};

/// What is minimised: the mean over the batch of weight * loss(target - Q(s, a)), with the target
/// reward + bootstrap * Q'(s', b). Q' is the target network; b is its own greedy action (Mnih et al. 2015), or that of
/// the online network (double Q-learning, van Hasselt et al. 2016).
struct QLoss {
  bool double_q = true;
  bool huber = true;  ///< |e| - 1/2 beyond 1 and e^2 / 2 within; else e^2
};

/// A place in the flat array of parameters.
struct QArray {
  std::string name;  ///< "0.weight", "0.bias", "1.weight", ...
  std::size_t offset;
  std::vector<std::size_t> shape;
};

/// Copies of one network in the layout of the kernels.
enum class QCopy { kOnline, kTarget, kActing };

template <typename T>
struct QPasses;

/// Q(s, ·) of a network of dense layers with ReLU between them. The parameters stand in one flat array that the caller
/// owns: weight (outputs, inputs) and bias (outputs) of each layer, each starting on 64 bytes, zeros between. The object
/// holds three packed copies, which know of a change only by `pack`, and the workspaces.
template <typename T>
class QNetwork {
 public:
  /// Sizes of the observation, the hidden layers and the actions; all at least 1.
  explicit QNetwork(std::vector<std::size_t> sizes);
  ~QNetwork();

  const std::vector<std::size_t>& sizes() const { return sizes_; }
  std::size_t observation_size() const { return sizes_.front(); }
  std::size_t actions() const { return sizes_.back(); }
  const std::vector<QArray>& arrays() const { return arrays_; }
  /// Length of the flat array.
  std::size_t size() const { return size_; }

  void pack(QCopy copy, View<const T, 1> parameters);

  /// What `gradient` of a batch of n takes on one thread, about.
  double nanoseconds(const QLoss& loss, std::size_t n) const;

  /// q (n, actions) of observations (n, observation size). Two copies may be asked by two threads at once.
  void values(QCopy copy, View<const T, 2> observations, View<T, 2> q);

  /// Loss of a batch and its gradient by the online copy, whose `parameters` are given also as they are. Writes
  /// gradients (size()), but not what lies between the arrays, and td_errors (n), target - Q(s, a). Throws when shapes
  /// do not fit or an action is out of range.
  double gradient(const QLoss& loss, const QBatch<T>& batch, View<const T, 1> parameters, View<T, 1> gradients,
                  View<T, 1> td_errors);

 private:
  void check(const QBatch<T>& batch) const;

  std::vector<std::size_t> sizes_;
  std::vector<QArray> arrays_;
  std::size_t size_ = 0;
  std::unique_ptr<QPasses<T>> passes_;
};

}  // namespace nncore
