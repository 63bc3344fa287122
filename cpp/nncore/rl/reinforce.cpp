#include "nncore/rl/reinforce.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <type_traits>

#include "nncore/core/interrupt.h"
#include "nncore/core/random.h"
#include "nncore/core/threads.h"
#include "nncore/rl/pong_differences.h"

namespace nncore {
namespace {

/// The action at `u`, uniform in [0, 1), of the distribution.
template <typename T>
std::size_t drawn(const T* probabilities, std::size_t count, double u) {
  double sum = 0;
  std::size_t last = 0;
  for (std::size_t a = 0; a < count; ++a) {
    if (probabilities[a] > 0) last = a;
    sum += static_cast<double>(probabilities[a]);
    if (u < sum) return a;
  }
  return last;  // of probabilities that sum to a little less than 1
}

/// Whether one of `count` numbers is as `is` says; without a branch for each.
template <typename T, typename Is>
bool any_of(const T* x, std::size_t count, const Is& is) {
  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t> any = 0;
  for (std::size_t i = 0; i < count; ++i) any |= is(x[i]) ? 1 : 0;
  return any != 0;
}

/// Calls f(i) for each number that is not 0. Most are, and are passed over some at a time.
template <typename T, typename F>
void each_nonzero(const T* x, std::size_t count, const F& f) {
  constexpr std::size_t kBlock = 32;
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, count);
    if (end == begin + kBlock && !any_of(x + begin, kBlock, [](T value) { return value != 0; })) continue;
    for (std::size_t i = begin; i < end; ++i) {
      if (x[i] != 0) f(i);
    }
  }
}

template <typename T>
void check_finite(View<const T, 2> observations) {
  const T* const x = observations.data();
  const auto infinite = [](T value) { return !(std::abs(value) <= std::numeric_limits<T>::max()); };
  if (!any_of(x, observations.size(), infinite)) return;
  const T found = *std::find_if(x, x + observations.size(), infinite);
  require(false, "observations must be finite, but one is ", found);
}

}  // namespace

template <typename T>
SparseInput<T> Reinforce<T>::Episode::input(std::size_t step) const {
  const std::size_t begin = step == 0 ? 0 : ends[step - 1];
  return {indices.data() + begin, values.data() + begin, ends[step] - begin};
}

template <typename T>
Reinforce<T>::Reinforce(const std::vector<std::size_t>& sizes, std::size_t environments,
                        const ReinforceSettings& settings)
    : policy_(sizes), settings_(settings), open_(environments) {
  require(environments >= 1, "environments must be at least 1, but are ", environments);
  require(settings.gamma >= 0 && settings.gamma <= 1, "gamma must be from 0 to 1, but is ", settings.gamma);
  activations_.resize(environments * policy_.activations());
  errors_.resize(policy_.activations());
}

template <typename T>
std::size_t Reinforce<T>::steps() const {
  std::size_t sum = 0;
  for (const Episode& episode : ended_) sum += episode.actions.size();
  return sum;
}

template <typename T>
void Reinforce<T>::check(View<const T, 1> parameters) const {
  require(parameters.size() == policy_.size(), "parameters must have length ", policy_.size(), ", but have ",
          parameters.size());
}

template <typename T>
void Reinforce<T>::check_acting(View<const T, 1> parameters, View<std::int64_t, 1> actions) const {
  check(parameters);
  require(actions.size() == open_.size(), "actions must have length ", open_.size(), ", but have ", actions.size());
  require(!waiting_, "the rewards of the actions before must be taken first");
}

template <typename T>
void Reinforce<T>::probabilities(View<const T, 1> parameters, View<const T, 2> observations, View<T, 2> out) {
  const UseFlag::Guard guard(in_use_, "this agent");
  check(parameters);
  const std::size_t n = observations.extent(0), d = policy_.observation_size();
  require(observations.extent(1) == d, "observations must have length ", d, ", but have ", observations.extent(1));
  require(out.extent(0) == n && out.extent(1) == policy_.actions(), "out must have shape (", n, ", ", policy_.actions(),
          ")");
  check_finite(observations);
  std::vector<std::uint32_t> all(d);
  for (std::size_t i = 0; i < d; ++i) all[i] = static_cast<std::uint32_t>(i);
  for (std::size_t row = 0; row < n; ++row) {
    const T* const p = policy_.forward(parameters.data(), {all.data(), observations.row(row), d}, activations_.data());
    std::copy_n(p, policy_.actions(), out.row(row));
  }
}

template <typename T>
template <typename Gather>
void Reinforce<T>::act_on(View<const T, 1> parameters, View<std::int64_t, 1> actions, double nanoseconds,
                          const Gather& gather) {
  const std::size_t n = open_.size();
  const Draws draws{settings_.seed, Stream::kPolicy, 0, calls_};
  const auto act_in = [&](std::size_t e) {
    Episode& episode = open_[e];
    T* const activations = activations_.data() + e * policy_.activations();
    gather(e, episode);
    episode.ends.push_back(episode.indices.size());
    const T* const p = policy_.forward(parameters.data(), episode.input(episode.ends.size() - 1), activations);
    const double u = static_cast<double>(random_word(draws, e)) * 0x1p-32;
    const std::size_t action = drawn(p, policy_.actions(), u);
    episode.actions.push_back(static_cast<std::int32_t>(action));
    actions(e) = static_cast<std::int64_t>(action);
  };
  FirstException exception;
  parallel_ranges(n, 1, nanoseconds, [&](std::size_t begin, std::size_t end) {
    exception.guard([&] {
      for (std::size_t e = begin; e < end; ++e) act_in(e);
    });
  });
  exception.rethrow();
  ++calls_;
  waiting_ = true;
}

template <typename T>
void Reinforce<T>::act(View<const T, 1> parameters, View<const T, 2> observations, View<std::int64_t, 1> actions) {
  const UseFlag::Guard guard(in_use_, "this agent");
  check_acting(parameters, actions);
  const std::size_t n = open_.size(), d = policy_.observation_size();
  require(observations.extent(0) == n && observations.extent(1) == d, "observations must have shape (", n, ", ", d,
          "), but have (", observations.extent(0), ", ", observations.extent(1), ")");
  check_finite(observations);
  act_on(parameters, actions, static_cast<double>(n * policy_.size()) / 10, [&](std::size_t e, Episode& episode) {
    const T* const x = observations.row(e);
    each_nonzero(x, d, [&](std::size_t i) {
      episode.indices.push_back(static_cast<std::uint32_t>(i));
      episode.values.push_back(x[i]);
    });
  });
}

template <typename T>
void Reinforce<T>::act_on_pong(View<const T, 1> parameters, View<const std::uint8_t, 3> frames,
                               View<const std::uint8_t, 1> starts, View<std::uint8_t, 2> previous,
                               View<std::int64_t, 1> actions) {
  const UseFlag::Guard guard(in_use_, "this agent");
  check_acting(parameters, actions);
  check_pong(frames, starts, previous);
  require(frames.extent(0) == open_.size() && previous.extent(1) == policy_.observation_size(), "frames must be ",
          open_.size(), " for ", policy_.observation_size(), " inputs, but are ", frames.extent(0), " for ",
          previous.extent(1));
  // Little work, but called enough for two threads: the emulator, which comes next, waits far longer for sleeping cores.
  act_on(parameters, actions, kSerialNanoseconds, [&](std::size_t e, Episode& episode) {
    add_pong_changes(frames.row(e), starts(e) != 0, previous.row(e), episode.indices, episode.values);
  });
}

template <typename T>
std::vector<EpisodeEnd> Reinforce<T>::take(View<const double, 1> rewards, View<const std::uint8_t, 1> over,
                                           View<const std::uint8_t, 1> valid) {
  const UseFlag::Guard guard(in_use_, "this agent");
  const std::size_t n = open_.size();
  require(waiting_, "rewards must follow actions");
  require(rewards.size() == n && over.size() == n && valid.size() == n, "rewards must have length ", n, ", but have ",
          rewards.size());
  for (std::size_t e = 0; e < n; ++e)
    require(std::isfinite(rewards(e)), "rewards must be finite, but that of environment ", e, " is ", rewards(e));
  std::vector<EpisodeEnd> ends;
  for (std::size_t e = 0; e < n; ++e) {
    Episode& episode = open_[e];
    if (valid(e)) {
      episode.rewards.push_back(rewards(e));
    } else {
      episode.actions.pop_back();
      episode.ends.pop_back();
      const std::size_t kept = episode.ends.empty() ? 0 : episode.ends.back();
      episode.indices.resize(kept);
      episode.values.resize(kept);
    }
    if (over(e) && !episode.actions.empty()) {
      ends.push_back({e, std::accumulate(episode.rewards.begin(), episode.rewards.end(), 0.0), episode.rewards.size()});
      ended_.push_back(std::move(episode));
      episode = {};
    }
  }
  waiting_ = false;
  return ends;
}

template <typename T>
std::vector<double> Reinforce<T>::advantages() const {
  std::vector<double> all;
  all.reserve(steps());
  for (const Episode& episode : ended_) {
    const std::size_t begin = all.size();
    double sum = 0;
    for (std::size_t t = episode.rewards.size(); t-- > 0;) {
      const double reward = episode.rewards[t];
      if (settings_.cut_at_reward && reward != 0) sum = 0;
      all.push_back(sum = reward + settings_.gamma * sum);
    }
    std::reverse(all.begin() + static_cast<std::ptrdiff_t>(begin), all.end());
  }
  const auto count = static_cast<double>(std::max<std::size_t>(1, all.size()));
  double mean = 0, variance = 0;
  for (const double value : all) mean += value / count;
  for (const double value : all) variance += (value - mean) * (value - mean) / count;
  const double away = settings_.baseline ? mean : 0;
  const double unit = settings_.standardize && variance > 0 ? std::sqrt(variance) : 1;
  for (double& value : all) value = (value - away) / unit;
  return all;
}

template <typename T>
double Reinforce<T>::gradient(View<const T, 1> parameters, View<T, 1> gradients) {
  const UseFlag::Guard guard(in_use_, "this agent");
  check(parameters);
  check(View<const T, 1>(gradients.data(), gradients.extents()));
  const std::vector<double> weights = advantages();
  std::fill(gradients.data(), gradients.data() + gradients.size(), T{0});
  double loss = 0;
  std::size_t at = 0;
  const auto count = static_cast<double>(std::max<std::size_t>(1, weights.size()));
  const LongCall long_call(count * static_cast<double>(parameters.size()));
  for (const Episode& episode : ended_) {
    for (std::size_t t = 0; t < episode.actions.size(); ++t, ++at) {
      LongCall::check();
      const SparseInput<T> input = episode.input(t);
      const T* const p = policy_.forward(parameters.data(), input, activations_.data());
      const auto action = static_cast<std::size_t>(episode.actions[t]);
      const double scale = -weights[at] / count;
      loss += scale * std::log(std::max(static_cast<double>(p[action]), 1e-300));
      policy_.add_gradient(parameters.data(), input, activations_.data(), action, static_cast<T>(scale), errors_.data(),
                           gradients.data());
    }
  }
  ended_.clear();
  return loss;
}

template <typename T>
void Reinforce<T>::restart(std::uint64_t calls) {
  const UseFlag::Guard guard(in_use_, "this agent");
  for (Episode& episode : open_) episode = {};
  ended_.clear();
  calls_ = calls;
  waiting_ = false;
}

template <typename T>
EpisodeSteps<T> Reinforce<T>::state() {
  const UseFlag::Guard guard(in_use_, "this agent");
  require(!waiting_, "the rewards of the actions before must be taken first");
  EpisodeSteps<T> all;
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  for (const std::vector<Episode>* const episodes : {&ended_, &open_}) {
    for (const Episode& episode : *episodes) {
      all.steps.push_back(static_cast<std::int64_t>(episode.actions.size()));
      for (std::size_t t = 0; t < episode.ends.size(); ++t)
        all.inputs.push_back(static_cast<std::int64_t>(episode.input(t).count));
      append(all.indices, episode.indices);
      append(all.values, episode.values);
      append(all.actions, episode.actions);
      append(all.rewards, episode.rewards);
    }
  }
  return all;
}

template <typename T>
void Reinforce<T>::check(const EpisodeSteps<T>& steps, std::size_t ended) const {
  const std::size_t episodes = steps.steps.size(), n = steps.actions.size();
  require(episodes == ended || episodes == ended + open_.size(), "episodes under way must be none or ", open_.size(),
          ", but are ", episodes, " less ", ended);
  const auto sum = [](const std::vector<std::int64_t>& parts, std::size_t most) {
    std::size_t all = 0;
    for (const std::int64_t part : parts) {
      require(part >= 0 && static_cast<std::size_t>(part) <= most - all,
              "steps and inputs must be as many as there are");
      all += static_cast<std::size_t>(part);
    }
    return all;
  };
  require(sum(steps.steps, n) == n && steps.inputs.size() == n && steps.rewards.size() == n,
          "steps must have an action, a reward and inputs each");
  require(sum(steps.inputs, steps.indices.size()) == steps.values.size() && steps.values.size() == steps.indices.size(),
          "inputs must have an index and a value each");
  for (const std::uint32_t index : steps.indices)
    require(index < policy_.observation_size(), "indices must be below ", policy_.observation_size());
  for (const std::int32_t action : steps.actions)
    require(action >= 0 && static_cast<std::size_t>(action) < policy_.actions(), "actions must be below ",
            policy_.actions());
  for (const T value : steps.values) require(std::isfinite(value), "values must be finite");
  for (const double reward : steps.rewards) require(std::isfinite(reward), "rewards must be finite");
}

template <typename T>
void Reinforce<T>::restore(const EpisodeSteps<T>& steps, std::size_t ended, std::uint64_t calls) {
  const UseFlag::Guard guard(in_use_, "this agent");
  check(steps, ended);
  std::vector<Episode> episodes(ended + open_.size());
  std::size_t step = 0, input = 0;
  for (std::size_t e = 0; e < steps.steps.size(); ++e) {
    Episode& episode = episodes[e];
    for (std::int64_t left = steps.steps[e]; left > 0; --left, ++step) {
      for (std::int64_t inputs = steps.inputs[step]; inputs > 0; --inputs, ++input) {
        episode.indices.push_back(steps.indices[input]);
        episode.values.push_back(steps.values[input]);
      }
      episode.ends.push_back(episode.indices.size());
      episode.actions.push_back(steps.actions[step]);
      episode.rewards.push_back(steps.rewards[step]);
    }
  }
  const auto border = episodes.begin() + static_cast<std::ptrdiff_t>(ended);
  open_.assign(border, episodes.end());
  episodes.erase(border, episodes.end());
  ended_ = std::move(episodes);
  calls_ = calls;
  waiting_ = false;
}

template class Reinforce<float>;
template class Reinforce<double>;

}  // namespace nncore
