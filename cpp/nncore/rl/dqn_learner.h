#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/buffer.h"
#include "nncore/core/view.h"
#include "nncore/rl/background.h"
#include "nncore/rl/observations.h"
#include "nncore/rl/q_network.h"
#include "nncore/rl/replay.h"

namespace nncore {

struct DqnSettings {
  std::vector<SeenPart> observation;  ///< its parts, in the order of the replay's
  std::vector<std::size_t> hidden;
  std::size_t actions = 2;
  std::int64_t first_action = 0;  ///< the replay keeps int64 from here on
  QLoss loss;
  double max_grad_norm = 10;  ///< infinity: gradients are not clipped
  std::uint64_t seed = 0;
};

/// What train() does: updates, each on a batch of its own.
struct DqnTraining {
  std::size_t updates = 1;
  std::size_t batch_size = 32;
  double beta = 0.4;  ///< of importance weights
  double learning_rate = 1e-3;
};

/// What train() has done.
struct DqnTrained {
  std::size_t updates = 0;
  double loss = 0;  ///< mean of the updates' losses; not finite where the last one diverged and changed nothing
};

/// Deep Q-learning without the environment: online and target network, Adam, and the draws of ε-greedy exploration.
/// One thread at a time, but that act() may run beside a training in the background.
template <typename T>
class DqnLearner {
 public:
  /// Draws the parameters, uniform in ±1/√inputs; the target starts as a copy.
  explicit DqnLearner(const DqnSettings& settings);

  const DqnSettings& settings() const { return settings_; }
  QNetwork<T>& network() { return network_; }

  /// The arrays that are saved, each of network().size(): parameters, target, Adam's two averages, and the parameters
  /// that act where training runs in the background.
  enum class Array { kParameters, kTarget, kMean, kSquare, kActing };
  static constexpr std::size_t kArrays = 5;
  View<const T, 1> array(Array which) const { return view(which); }
  void set_array(Array which, View<const T, 1> values);
  /// Updates so far, which Adam's correction counts.
  std::uint64_t updates() const { return updates_; }
  void set_updates(std::uint64_t updates);

  /// One step of Adam on a batch; returns the loss before it and writes td_errors (n), target - Q(s, a). When the loss
  /// or the gradient is not finite nothing has changed, and the result is not finite.
  double update(const QBatch<T>& batch, double learning_rate, View<T, 1> td_errors);

  /// Updates on batches that the replay draws, whose priorities follow.
  DqnTrained train(Replay& replay, const DqnTraining& training);

  /// The same in the background, where it has the replay for itself until finish() is called. It shares its work out
  /// among threads where the caller would mostly wait for it; else one thread keeps pace, and leaves the others alone.
  void start(Replay& replay, const DqnTraining& training);
  /// Makes what start() began end with the update that it is at. From any thread.
  void stop() { stop_ = true; }
  /// Waits for what start() began, for so many seconds at most; whether it is done.
  bool wait_for(double seconds);
  /// Waits for what start() began.
  DqnTrained finish();
  bool started() const { return background_.started(); }
  /// Makes the acting copy the online network of now.
  void publish();

  /// target += tau * (parameters - target); tau = 1 copies.
  void update_target(double tau);

  /// Actions (n), from 0 on, for observations (n, d): the greedy one, or with probability epsilon one by chance. The
  /// draws of environment i are those of (seed, step, i).
  void act(QCopy copy, View<const T, 2> observations, double epsilon, std::uint64_t step,
           View<std::int64_t, 1> actions);

 private:
  using Clock = std::chrono::steady_clock;

  View<T, 1> view(Array which) const { return {arrays_[static_cast<std::size_t>(which)].data(), {network_.size()}}; }
  DqnTrained run(Replay& replay, const DqnTraining& training);
  QBatch<T> sample(Replay& replay, const DqnTraining& training);
  void check(const Replay& replay) const;
  void note_waiting();

  DqnSettings settings_;
  QNetwork<T> network_;
  Buffer<T> arrays_[kArrays], gradients_, acting_values_;
  std::uint64_t updates_ = 0;
  // A batch: as the replay gives it, and as the network takes it.
  std::vector<Buffer<std::uint8_t>> parts_, next_parts_;
  Buffer<float> rewards_, discounts_, weights_;
  Buffer<std::uint8_t> terminated_;
  Buffer<std::int64_t> actions_, indices_;
  Buffer<T> seen_, next_seen_, columns_;
  std::uint64_t copied_ = 0;  // updates() of the last time that the target was made equal
  std::atomic<bool> stop_{false};
  Background background_;
  Clock::time_point started_;
  bool awaited_ = true;   // since it was started
  double meanwhile_ = 0;  // nanoseconds that the caller did something else
  DqnTrained trained_;
};

}  // namespace nncore
