#include "nncore/rl/dqn_learner.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nncore/core/random.h"
#include "nncore/nn/optimizers.h"

namespace nncore {

template <typename T>
DqnLearner<T>::DqnLearner(const DqnSettings& settings) : settings_(settings), network_(settings.sizes) {
  require(settings.max_grad_norm > 0, "max_grad_norm must be above 0, but came as ", settings.max_grad_norm);
  const std::size_t size = network_.size();
  for (Buffer<T>& array : arrays_) std::fill_n(array.reserve(size), size, T(0));
  gradients_.reserve(size);
  std::uint64_t index = 0;
  for (const QArray& array : network_.arrays()) {
    std::size_t count = 1;
    for (std::size_t extent : array.shape) count *= extent;
    const double bound = 1 / std::sqrt(static_cast<double>(settings_.sizes[index / 2]));
    random_uniform<T>({settings_.seed, Stream::kParameters, 0, index++}, static_cast<T>(-bound), static_cast<T>(bound),
                      {arrays_[0].data() + array.offset, {count}});
  }
  std::copy_n(arrays_[0].data(), size, arrays_[1].data());
  network_.pack(QCopy::kOnline, view(Array::kParameters));
  network_.pack(QCopy::kTarget, view(Array::kTarget));
  publish();
}

template <typename T>
void DqnLearner<T>::set_array(Array which, View<const T, 1> values) {
  require(values.size() == network_.size(), "values", "of the network's size, ", network_.size(), values);
  std::copy_n(values.data(), values.size(), view(which).data());
  if (which == Array::kParameters) {
    network_.pack(QCopy::kOnline, view(which));
    publish();
  }
  if (which == Array::kTarget) network_.pack(QCopy::kTarget, view(which));
}

template <typename T>
double DqnLearner<T>::update(const QBatch<T>& batch, double learning_rate, View<T, 1> td_errors) {
  const View<T, 1> parameters = view(Array::kParameters), gradients{gradients_.data(), {network_.size()}};
  const double loss = network_.gradient(settings_.loss, batch, parameters, gradients, td_errors);
  if (!std::isfinite(loss)) return loss;
  double scale = 1;
  if (std::isfinite(settings_.max_grad_norm)) {
    const double norm = gradient_norm<T>(gradients);
    if (!std::isfinite(norm)) return norm;
    scale = clip_factor(norm, settings_.max_grad_norm);
  }
  OptimizerStep step;
  step.kind = OptimizerKind::kAdam;
  step.lr = learning_rate;
  step.step = updates_ + 1;
  optimizer_step<T>(step, static_cast<T>(scale), gradients, parameters, view(Array::kMean), view(Array::kSquare));
  ++updates_;
  network_.pack(QCopy::kOnline, parameters);
  return loss;
}

template <typename T>
void DqnLearner<T>::update_target(double tau) {
  const View<T, 1> online = view(Array::kParameters), target = view(Array::kTarget);
  const T kept = static_cast<T>(1 - tau), taken = static_cast<T>(tau);
  for (std::size_t i = 0; i < target.size(); ++i) {
    target(i) = tau == 1 ? online(i) : kept * target(i) + taken * online(i);
  }
  network_.pack(QCopy::kTarget, target);
}

template <typename T>
void DqnLearner<T>::act(QCopy copy, View<const T, 2> observations, double epsilon, std::uint64_t step,
                        View<std::int64_t, 1> actions) {
  const std::size_t n = observations.extent(0), count = network_.actions();
  require(actions.extent(0) == n, "actions", "of one per observation, n = ", n, actions);
  const View<T, 2> q{acting_values_.reserve(n * count), {n, count}};
  network_.values(copy, observations, q);
  for (std::size_t i = 0; i < n; ++i) {
    if (epsilon > 0) {
      // The first word decides, the second is the action: the high half of word * count is uniform below count.
      std::uint32_t words[2];
      random_words({settings_.seed, Stream::kExploration, 0, step}, 4 * i, 2, words);
      if (words[0] * 0x1p-32 < epsilon) {
        actions(i) = static_cast<std::int64_t>(std::uint64_t{words[1]} * count >> 32);
        continue;
      }
    }
    const T* row = q.row(i);
    actions(i) = std::max_element(row, row + count) - row;
  }
}

template class DqnLearner<float>;
template class DqnLearner<double>;

}  // namespace nncore
