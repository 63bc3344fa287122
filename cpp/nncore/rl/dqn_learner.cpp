#include "nncore/rl/dqn_learner.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "nncore/core/random.h"
#include "nncore/core/threads.h"
#include "nncore/nn/optimizers.h"

namespace nncore {

namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};

std::vector<std::size_t> sizes_of(const DqnSettings& settings) {
  std::vector<std::size_t> sizes(1, 0);
  for (const SeenPart& part : settings.observation) {
    require(part.classes.empty() || part.classes.size() == part.elements, "classes must be given for each of the ",
            part.elements, " elements, but came for ", part.classes.size());
    require(part.starts.size() == part.classes.size(), "starts must be given for each of the ", part.classes.size(),
            " classes, but came for ", part.starts.size());
    sizes[0] += part.width();
  }
  sizes.insert(sizes.end(), settings.hidden.begin(), settings.hidden.end());
  sizes.push_back(settings.actions);
  return sizes;
}

}  // namespace

template <typename T>
DqnLearner<T>::DqnLearner(const DqnSettings& settings)
    : settings_(settings),
      network_(sizes_of(settings)),
      parts_(settings.observation.size()),
      next_parts_(settings.observation.size()) {
  require(settings.max_grad_norm > 0, "max_grad_norm must be above 0, but came as ", settings.max_grad_norm);
  const std::size_t size = network_.size();
  for (Buffer<T>& array : arrays_) std::fill_n(array.reserve(size), size, T(0));
  std::fill_n(gradients_.reserve(size), size, T(0));
  std::uint64_t index = 0;
  for (const QArray& array : network_.arrays()) {
    std::size_t count = 1;
    for (std::size_t extent : array.shape) count *= extent;
    const double bound = 1 / std::sqrt(static_cast<double>(network_.sizes()[index / 2]));
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
  copied_ = kNever;
  if (which == Array::kParameters) {
    network_.pack(QCopy::kOnline, view(which));
    publish();
  }
  if (which == Array::kTarget) network_.pack(QCopy::kTarget, view(which));
  if (which == Array::kActing) network_.pack(QCopy::kActing, view(which));
}

template <typename T>
void DqnLearner<T>::set_updates(std::uint64_t updates) {
  updates_ = updates;
  copied_ = kNever;
}

template <typename T>
void DqnLearner<T>::publish() {
  std::copy_n(view(Array::kParameters).data(), network_.size(), view(Array::kActing).data());
  network_.pack(QCopy::kActing, view(Array::kActing));
}

template <typename T>
double DqnLearner<T>::update(const QBatch<T>& batch, double learning_rate, View<T, 1> td_errors) {
  const View<T, 1> parameters = view(Array::kParameters), gradients{gradients_.data(), {network_.size()}};
  const CloseCalls close(network_.nanoseconds(settings_.loss, batch.actions.extent(0)));
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
void DqnLearner<T>::check(const Replay& replay) const {
  const std::vector<ObservationPart>& kept = replay.settings().observation;
  require(kept.size() == settings_.observation.size() && replay.settings().action_bytes == sizeof(std::int64_t),
          "replay must keep observations of ", settings_.observation.size(), " parts and int64 actions");
  for (std::size_t p = 0; p < kept.size(); ++p) {
    require(kept[p].bytes == settings_.observation[p].bytes(), "replay must keep observations of ",
            settings_.observation[p].bytes(), " bytes, but they have ", kept[p].bytes);
  }
}

/// Draws a batch and turns it into what the network takes.
template <typename T>
QBatch<T> DqnLearner<T>::sample(Replay& replay, const DqnTraining& training) {
  const std::size_t n = training.batch_size, d = network_.observation_size();
  std::vector<void*> parts(parts_.size()), next_parts(parts_.size());
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    parts[p] = parts_[p].reserve(n * settings_.observation[p].bytes());
    next_parts[p] = next_parts_[p].reserve(n * settings_.observation[p].bytes());
  }
  ReplayBatch raw;
  raw.size = n;
  raw.observations = parts.data();
  raw.next_observations = next_parts.data();
  raw.actions = actions_.reserve(n);
  raw.rewards = rewards_.reserve(n);
  raw.terminated = terminated_.reserve(n);
  raw.discounts = discounts_.reserve(n);
  raw.indices = indices_.reserve(n);
  raw.weights = weights_.reserve(n);
  replay.sample(raw, training.beta);

  const View<T, 2> seen{seen_.reserve(n * d), {n, d}}, next_seen{next_seen_.reserve(n * d), {n, d}};
  see<T>(settings_.observation, parts.data(), seen);
  see<T>(settings_.observation, next_parts.data(), next_seen);
  T* const columns = columns_.reserve(4 * n);
  const auto column = [&](std::size_t i) { return View<T, 1>(columns + i * n, {n}); };
  for (std::size_t i = 0; i < n; ++i) {
    column(0)(i) = static_cast<T>(raw.rewards[i]);
    column(1)(i) = raw.terminated[i] != 0 ? T(0) : static_cast<T>(raw.discounts[i]);
    column(2)(i) = static_cast<T>(raw.weights[i]);
    actions_.data()[i] -= settings_.first_action;
  }
  return {seen, {actions_.data(), {n}}, column(0), next_seen, column(1), column(2)};
}

template <typename T>
DqnTrained DqnLearner<T>::train(Replay& replay, const DqnTraining& training) {
  stop_ = false;
  return run(replay, training);
}

template <typename T>
DqnTrained DqnLearner<T>::run(Replay& replay, const DqnTraining& training) {
  check(replay);
  require(training.batch_size >= 1, "batch_size must be at least 1");
  const std::size_t n = training.batch_size;
  DqnTrained trained;
  double sum = 0;
  for (; trained.updates < training.updates && !stop_; ++trained.updates) {
    const QBatch<T> batch = sample(replay, training);
    const View<T, 1> td_errors{columns_.data() + 3 * n, {n}};
    const double loss = update(batch, training.learning_rate, td_errors);
    sum += loss;
    if (!std::isfinite(loss)) break;
    if (replay.settings().kind != ReplayKind::kUniform) {
      replay.update_priorities<T>({indices_.data(), {n}}, td_errors);
    }
  }
  trained.loss = sum / static_cast<double>(std::max(trained.updates, std::size_t{1}));
  return trained;
}

template <typename T>
void DqnLearner<T>::start(Replay& replay, const DqnTraining& training) {
  check(replay);
  trained_ = {};
  stop_ = false;
  const double alone =
      static_cast<double>(training.updates) * network_.nanoseconds(settings_.loss, training.batch_size);
  const int threads = alone > 2 * meanwhile_ ? kMostThreads : 1;
  background_.start([this, &replay, training, threads] {
    const ThreadLimit limit(threads);
    const UseFlag::Guard guard(replay.in_use(), "the replay buffer");
    trained_ = run(replay, training);
  });
  started_ = Clock::now();
  awaited_ = false;
}

template <typename T>
void DqnLearner<T>::note_waiting() {
  if (std::exchange(awaited_, true)) return;
  meanwhile_ = std::chrono::duration<double, std::nano>(Clock::now() - started_).count();
}

template <typename T>
bool DqnLearner<T>::wait_for(double seconds) {
  note_waiting();
  return background_.wait_for(seconds);
}

template <typename T>
DqnTrained DqnLearner<T>::finish() {
  note_waiting();
  background_.wait();
  return trained_;
}

template <typename T>
void DqnLearner<T>::update_target(double tau) {
  if (tau == 1 && copied_ == updates_) return;  // the network has not changed since
  const View<T, 1> online = view(Array::kParameters), target = view(Array::kTarget);
  const T kept = static_cast<T>(1 - tau), taken = static_cast<T>(tau);
  for (std::size_t i = 0; i < target.size(); ++i) {
    target(i) = tau == 1 ? online(i) : kept * target(i) + taken * online(i);
  }
  network_.pack(QCopy::kTarget, target);
  copied_ = tau == 1 ? updates_ : kNever;
}

template <typename T>
void DqnLearner<T>::act(QCopy copy, View<const T, 2> observations, double epsilon, std::uint64_t step,
                        View<std::int64_t, 1> actions) {
  const std::size_t n = observations.extent(0), count = network_.actions();
  require(actions.extent(0) == n, "actions", "of one per observation, n = ", n, actions);
  std::size_t greedy = n;
  for (std::size_t i = 0; i < n; ++i) {
    actions(i) = -1;
    if (epsilon <= 0) continue;
    // The first word decides, the second is the action: the high half of word * count is uniform below count.
    std::uint32_t words[2];
    random_words({settings_.seed, Stream::kExploration, 0, step}, 4 * i, 2, words);
    if (words[0] * 0x1p-32 >= epsilon) continue;
    actions(i) = static_cast<std::int64_t>(std::uint64_t{words[1]} * count >> 32);
    --greedy;
  }
  if (greedy == 0) return;
  const View<T, 2> q{acting_values_.reserve(n * count), {n, count}};
  network_.values(copy, observations, q);
  for (std::size_t i = 0; i < n; ++i) {
    if (actions(i) < 0) actions(i) = std::max_element(q.row(i), q.row(i) + count) - q.row(i);
  }
}

template class DqnLearner<float>;
template class DqnLearner<double>;

}  // namespace nncore
