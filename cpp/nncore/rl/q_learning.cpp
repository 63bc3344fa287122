#include "nncore/rl/q_learning.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace nncore {
namespace {

constexpr const char* kName = "this Q-learner";
constexpr std::uint64_t kWordsAStep = 4;  // whether to explore or which action; which, or among equals; outcome; start

/// Uniform in 0 ... n - 1, but for n / 2^32.
std::uint32_t scaled(std::uint32_t word, std::uint32_t n) {
  return static_cast<std::uint32_t>(std::uint64_t{word} * n >> 32);
}

/// The greatest word that falls to an outcome, when so much probability lies on it and those before it.
std::uint32_t threshold_of(double cumulated) {
  const double words = std::floor(cumulated * 0x1p32) - 1;
  return words <= 0 ? 0 : words >= 0xffffffff ? 0xffffffffu : static_cast<std::uint32_t>(words);
}

}  // namespace

double Schedule::at(std::uint64_t step) const {
  if (kind == Kind::kConstant) return initial;
  const double t = static_cast<double>(step);
  if (t >= steps) return final;
  const double share = t / steps;
  return kind == Kind::kLinear ? initial + (final - initial) * share : initial * std::pow(final / initial, share);
}

QLearner::QLearner(View<const double, 2> table, View<const std::uint8_t, 2> allowed, const QLearningSettings& settings,
                   std::uint64_t step)
    : settings_(settings), step_(step) {
  const std::size_t states = table.extent(0), actions = table.extent(1);
  require(allowed.empty() || allowed.extents() == table.extents(), "allowed must have the table's shape, ",
          table.extents(), ", but came as ", allowed.extents());
  require(static_cast<double>(states) * static_cast<double>(actions) < 4294967296.0, "table",
          "of fewer than 2^32 values", "", table);
  rows_.resize(states);
  std::size_t widest = 0;
  for (std::size_t s = 0; s < states; ++s) {
    Row& row = rows_[s];
    row.first = static_cast<std::uint32_t>(q_.size());
    for (std::size_t a = 0; a < actions; ++a) {
      if (!allowed.empty() && !allowed(s, a)) continue;
      q_.push_back(table(s, a));
      actions_.push_back(static_cast<std::uint32_t>(a));
    }
    row.count = static_cast<std::uint32_t>(q_.size()) - row.first;
    widest = std::max<std::size_t>(widest, row.count);
    rescan(row);
  }
  weights_.resize(widest);
}

void QLearner::set_model(const Mdp& model, View<const double, 1> start, std::uint64_t limit) {
  require(model.states() == rows_.size() && start.extent(0) == rows_.size(), "the model has ", model.states(),
          " states, but the table has ", rows_.size());
  bool same = model.pairs() == q_.size();
  for (std::size_t s = 0; same && s < rows_.size(); ++s) same = model.first_pair(s) == rows_[s].first;
  for (std::size_t k = 0; same && k < q_.size(); ++k) same = model.actions(k) == actions_[k];
  require(same, "the model allows other actions than the table");
  require(model.pairs() + model.outcomes() < 0xffffffffu, "the model has too many outcomes: ", model.outcomes());

  const UseFlag::Guard guard(in_use_, kName);
  std::vector<Outcome> outcomes(model.pairs());
  for (std::size_t k = 0; k < model.pairs(); ++k) {
    const auto begin = static_cast<std::size_t>(model.first_outcome(k));
    const auto end = static_cast<std::size_t>(model.first_outcome(k + 1));
    require(begin < end, "a pair of the model has no outcome");
    const auto made = [&](std::size_t o, double cumulated) {
      return Outcome{model.reward(o), static_cast<std::uint32_t>(model.next(o)), model.ends(o), 0,
                     threshold_of(cumulated), 0,                                 0};
    };
    outcomes[k] = made(begin, 1);
    if (end == begin + 1) continue;
    outcomes[k].several = 1;
    outcomes[k].first = static_cast<std::uint32_t>(outcomes.size());
    double cumulated = 0;
    for (std::size_t o = begin; o < end; ++o) outcomes.push_back(made(o, cumulated += model.probability(o)));
    outcomes.back().threshold = 0xffffffffu;
    outcomes[k].last = static_cast<std::uint32_t>(outcomes.size()) - 1;
  }
  std::vector<Start> starts;
  double cumulated = 0;
  for (std::size_t s = 0; s < start.extent(0); ++s) {
    if (!(start(s) > 0)) continue;
    require(rows_[s].count > 0, "an episode can start in state ", s, ", where no action is allowed");
    starts.push_back({threshold_of(cumulated += start(s)), static_cast<std::uint32_t>(s)});
  }
  require(!starts.empty(), "start must have a probability above 0");
  starts.back().threshold = 0xffffffffu;
  outcomes_.swap(outcomes);
  starts_.swap(starts);
  limit_ = limit;
  acting_ = false;
}

std::int64_t QLearner::begin(std::int64_t state) {
  const UseFlag::Guard guard(in_use_, kName);
  state_ = checked(state, 0);
  require(rows_[state_].count > 0, "state ", state, " allows no action");
  pair_ = choose(rows_[state_], words());
  acting_ = true;
  return actions_[pair_];
}

std::int64_t QLearner::step(std::int64_t next, double reward) {
  const UseFlag::Guard guard(in_use_, kName);
  require(acting_, "an episode must begin before a step");
  const std::uint32_t to = checked(next, reward);
  require(rows_[to].count > 0, "state ", next, " allows no action, but the episode goes on");
  learn(reward + settings_.gamma * rows_[to].best);
  state_ = to;
  pair_ = choose(rows_[to], words());
  return actions_[pair_];
}

void QLearner::end(std::int64_t next, double reward, bool terminated) {
  const UseFlag::Guard guard(in_use_, kName);
  require(acting_, "an episode must begin before it ends");
  const std::uint32_t to = checked(next, reward);
  learn(terminated ? reward : reward + settings_.gamma * rows_[to].best);
  acting_ = false;
}

EpisodeTally QLearner::run(std::uint64_t steps) {
  const UseFlag::Guard guard(in_use_, kName);
  require(!starts_.empty(), "there is no model to take steps in");
  return settings_.kind == QLearningSettings::Exploration::kBoltzmann ? run_steps<true>(steps)
                                                                      : run_steps<false>(steps);
}

template <bool Boltzmann>
EpisodeTally QLearner::run_steps(std::uint64_t steps) {
  EpisodeTally tally;
  const bool constant = settings_.learning_rate.kind == Schedule::Kind::kConstant &&
                        settings_.exploration.kind == Schedule::Kind::kConstant;
  double rate = settings_.learning_rate.at(step_), level = settings_.exploration.at(step_);
  const double gamma = settings_.gamma;
  for (std::uint64_t i = 0; i < steps; ++i) {
    const std::uint32_t* random = words();
    if (!constant) {
      rate = settings_.learning_rate.at(step_);
      level = settings_.exploration.at(step_);
    }
    if (!acting_) {
      state_ = first_state(random[3]);
      return_ = 0;
      length_ = 0;
      acting_ = true;
    }
    Row& row = rows_[state_];
    const std::uint32_t pair = choose_as<Boltzmann>(row, level, random);
    const Outcome* outcome = &outcomes_[pair];
    if (outcome->several) {
      const Outcome *first = &outcomes_[outcome->first], *last = &outcomes_[outcome->last];
      while (last - first > 8) {  // the last halves of a long list by halving
        const Outcome* middle = first + (last - first) / 2;
        if (random[2] > middle->threshold) {
          first = middle + 1;
        } else {
          last = middle;
        }
      }
      while (random[2] > first->threshold) ++first;
      outcome = first;
    }
    const Row& next = rows_[outcome->next];
    const double follows = outcome->ends == static_cast<std::uint16_t>(Ends::kTerminated) ? 0 : gamma * next.best;
    q_[pair] += rate * (outcome->reward + follows - q_[pair]);
    rescan(row);
    return_ += outcome->reward;
    ++length_;
    ++step_;
    state_ = outcome->next;
    if (outcome->ends || next.count == 0 || length_ == limit_) {
      ++tally.episodes;
      tally.returns += return_;
      tally.lengths += length_;
      acting_ = false;
    }
  }
  return tally;
}

void QLearner::store(View<double, 2> table) const {
  const UseFlag::Guard guard(in_use_, kName);
  require(table.extent(0) == rows_.size(), "table", "one row per state", "", table);
  for (double value : q_) {
    if (!std::isfinite(value)) throw std::overflow_error("a value is not finite");
  }
  for (std::size_t s = 0; s < rows_.size(); ++s) {
    for (std::uint32_t k = rows_[s].first; k < rows_[s].first + rows_[s].count; ++k) table(s, actions_[k]) = q_[k];
  }
}

const std::uint32_t* QLearner::words() {
  const std::uint64_t first = kWordsAStep * step_;
  if (first / buffer_.size() != buffered_) {
    buffered_ = first / buffer_.size();
    random_words({settings_.seed, Stream::kQLearning}, buffered_ * buffer_.size(), buffer_.size(), buffer_.data());
  }
  return &buffer_[first % buffer_.size()];
}

std::uint32_t QLearner::choose(const Row& row, const std::uint32_t* words) {
  const double level = settings_.exploration.at(step_);
  return settings_.kind == QLearningSettings::Exploration::kBoltzmann ? choose_as<true>(row, level, words)
                                                                      : choose_as<false>(row, level, words);
}

template <bool Boltzmann>
std::uint32_t QLearner::choose_as(const Row& row, double level, const std::uint32_t* words) {
  if constexpr (!Boltzmann) {
    if (words[0] < level * 0x1p32) return row.first + scaled(words[1], row.count);
    return greedy(row, words[1]);
  } else {
    double total = 0;
    for (std::uint32_t i = 0; i < row.count; ++i) {
      weights_[i] = total += std::exp((q_[row.first + i] - row.best) / level);
    }
    const double at = words[0] * 0x1p-32 * total;
    std::uint32_t i = 0;
    while (i + 1 < row.count && at >= weights_[i]) ++i;
    return row.first + i;
  }
}

std::uint32_t QLearner::greedy(const Row& row, std::uint32_t word) const {
  std::uint32_t pair = row.greedy;
  if (row.ties == 1) return pair;
  for (std::uint32_t left = scaled(word, row.ties); left > 0; --left) {
    do ++pair;
    while (q_[pair] != row.best);
  }
  return pair;
}

void QLearner::rescan(Row& row) const {
  if (row.count == 0) return;
  double best = q_[row.first];
  std::uint32_t at = row.first, ties = 1;
  for (std::uint32_t k = row.first + 1; k < row.first + row.count; ++k) {
    const double value = q_[k];
    ties = value > best ? 1 : ties + (value == best);
    at = value > best ? k : at;
    best = value > best ? value : best;
  }
  row.best = best;
  row.greedy = at;
  row.ties = ties;
}

void QLearner::learn(double target) {
  q_[pair_] += settings_.learning_rate.at(step_) * (target - q_[pair_]);
  rescan(rows_[state_]);
  ++step_;
}

std::uint32_t QLearner::checked(std::int64_t state, double reward) const {
  require(state >= 0 && static_cast<std::size_t>(state) < rows_.size(), "state must be from 0 to ",
          static_cast<std::int64_t>(rows_.size()) - 1, ", but is ", state);
  require(std::isfinite(reward), "reward must be finite, but is ", reward);
  return static_cast<std::uint32_t>(state);
}

std::uint32_t QLearner::first_state(std::uint32_t word) const {
  if (starts_.size() == 1) return starts_[0].state;
  const auto at = std::lower_bound(starts_.begin(), starts_.end(), word,
                                   [](const Start& start, std::uint32_t w) { return start.threshold < w; });
  return at->state;
}

}  // namespace nncore
