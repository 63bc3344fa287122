#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/in_use.h"
#include "nncore/core/view.h"
#include "nncore/rl/softmax_policy.h"

namespace nncore {

/// How the steps of episodes are weighed.
struct ReinforceSettings {
  double gamma = 0.99;
  bool baseline = true;        ///< the mean of the batch's returns is taken off them
  bool standardize = true;     ///< they are divided by their standard deviation
  bool cut_at_reward = false;  ///< a reward other than 0 ends a game: returns do not reach over it
  std::uint64_t seed = 0;
};

/// An episode that has ended: where, the sum of its rewards, and its steps.
struct EpisodeEnd {
  std::size_t environment;
  double total;
  std::size_t length;
};

/// Steps of episodes, one after another.
template <typename T>
struct EpisodeSteps {
  std::vector<std::int64_t> steps;   ///< of each episode
  std::vector<std::int64_t> inputs;  ///< of each step: how many numbers of its observation are not 0
  std::vector<std::uint32_t> indices;
  std::vector<T> values;
  std::vector<std::int32_t> actions;
  std::vector<double> rewards;
};

/// REINFORCE (Williams 1992) on several environments side by side: draws actions, remembers the steps of each
/// environment's episode, and gives the gradient over the episodes that have ended.
template <typename T>
class Reinforce {
 public:
  Reinforce(const std::vector<std::size_t>& sizes, std::size_t environments, const ReinforceSettings& settings);

  const SoftmaxPolicy<T>& policy() const { return policy_; }
  /// Episodes that have ended and that `gradient` has not yet used, and their steps.
  std::size_t episodes() const { return ended_.size(); }
  std::size_t steps() const;
  /// Calls of `act` so far: the place in the random numbers.
  std::uint64_t calls() const { return calls_; }

  /// π of observations (n, observation size) into (n, actions), and nothing else. NaN is refused.
  void probabilities(View<const T, 1> parameters, View<const T, 2> observations, View<T, 2> out);

  /// Draws an action for each environment's observation, and remembers both. NaN is refused.
  void act(View<const T, 1> parameters, View<const T, 2> observations, View<std::int64_t, 1> actions);

  /// The same for frames of Pong, without the way over all numbers of the observations; see pong_differences.h.
  void act_on_pong(View<const T, 1> parameters, View<const std::uint8_t, 3> frames, View<const std::uint8_t, 1> starts,
                   View<std::uint8_t, 2> previous, View<std::int64_t, 1> actions);

  /// What the actions of the last `act` brought. Rows where `valid` is 0 were no steps, and are forgotten; where `over`
  /// is not 0 the episode has ended. Returns the episodes that have, in the order of their environments.
  std::vector<EpisodeEnd> take(View<const double, 1> rewards, View<const std::uint8_t, 1> over,
                               View<const std::uint8_t, 1> valid);

  /// Of the loss -mean of A_t log π(a_t | s_t) over the steps of the episodes that have ended, where A is the discounted
  /// return from t on, less the baseline. Writes the gradients, forgets the episodes and returns the loss; a
  /// call that is given up (core/interrupt.h) throws Interrupted and forgets nothing. With no step
  /// it is 0.
  double gradient(View<const T, 1> parameters, View<T, 1> gradients);

  /// Episodes that have ended and that `gradient` has not yet used, and then those under way.
  EpisodeSteps<T> state();
  /// Takes over episodes of `state`: the first ones have ended, the others are under way, one in each environment, or
  /// there are none. Draws go on from this number of calls.
  void restore(const EpisodeSteps<T>& steps, std::size_t ended, std::uint64_t calls);

  /// Forgets all steps; draws go on from this number of calls.
  void restart(std::uint64_t calls);

 private:
  struct Episode {
    std::vector<std::size_t> ends;  // of each step in indices and values
    std::vector<std::uint32_t> indices;
    std::vector<T> values;
    std::vector<std::int32_t> actions;
    std::vector<double> rewards;

    SparseInput<T> input(std::size_t step) const;
  };

  void check(View<const T, 1> parameters) const;
  void check_acting(View<const T, 1> parameters, View<std::int64_t, 1> actions) const;
  void check(const EpisodeSteps<T>& steps, std::size_t ended) const;
  std::vector<double> advantages() const;
  /// Draws the actions; gather(e, episode) appends the numbers of environment e's observation that are not 0.
  template <typename Gather>
  void act_on(View<const T, 1> parameters, View<std::int64_t, 1> actions, double nanoseconds, const Gather& gather);

  SoftmaxPolicy<T> policy_;
  ReinforceSettings settings_;
  std::vector<Episode> open_, ended_;
  std::vector<T> activations_, errors_;  // activations: of each environment
  std::uint64_t calls_ = 0;
  bool waiting_ = false;  // for `take`
  UseFlag in_use_;
};

}  // namespace nncore
