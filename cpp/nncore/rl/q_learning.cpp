#include "nncore/rl/q_learning.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace nncore {
namespace {

constexpr const char* kName = "this Q-learner";

/// The greatest word that falls to an outcome, when so much probability lies on it and those before it.
std::uint32_t threshold_of(double cumulated) {
  const double words = std::floor(cumulated * 0x1p32) - 1;
  return words <= 0 ? 0 : words >= 0xffffffff ? 0xffffffffu : static_cast<std::uint32_t>(words);
}

}  // namespace

ScheduleReader::ScheduleReader(const Schedule& schedule) : schedule_(schedule) {
  if (schedule.kind != Schedule::Kind::kExponential) return;
  for (std::uint64_t i = 0; i < kBlock; ++i) {
    within_.push_back(std::pow(schedule.final / schedule.initial, static_cast<double>(i) / schedule.steps));
  }
}

double ScheduleReader::at(std::uint64_t step) {
  if (constant()) return schedule_.initial;
  const double t = static_cast<double>(step);
  if (t >= schedule_.steps) return schedule_.final;
  if (schedule_.kind == Schedule::Kind::kLinear) {
    return schedule_.initial + (schedule_.final - schedule_.initial) * (t / schedule_.steps);
  }
  if (step / kBlock != block_) {
    block_ = step / kBlock;
    before_ = schedule_.initial *
              std::pow(schedule_.final / schedule_.initial, static_cast<double>(block_ * kBlock) / schedule_.steps);
  }
  return before_ * within_[step % kBlock];
}

inline void QLearner::rescan(Row& row, const double* q) {
  if (row.count == 0) return;
  double best = q[row.first];
  std::uint32_t at = row.first, ties = 1;
  for (std::uint32_t k = row.first + 1; k < row.first + row.count; ++k) {
    const double value = q[k];
    ties = value > best ? 1 : ties + (value == best);
    at = value > best ? k : at;
    best = value > best ? value : best;
  }
  row.best = best;
  row.greedy = at;
  row.ties = ties;
}

// In the loop over steps a call would take as long as what it does.
[[gnu::always_inline]] inline void QLearner::set_value(Row& row, double* q, std::uint32_t pair, double value) {
  if (row.count != 4) {
    q[pair] = value;
    rescan(row, q);
    return;
  }
  // As many as most grids have.
  const double* const values = q + row.first;
  const std::uint32_t place = pair - row.first;
  const double a = values[(place + 1) % 4], b = values[(place + 2) % 4], c = values[(place + 3) % 4];
  const double ab = a > b ? a : b, others = c > ab ? c : ab;
  q[pair] = value;
  if (value > others) {  // as after most steps that do not explore
    row.best = value;
    row.greedy = pair;
    row.ties = 1;
    return;
  }
  // Which of the others are best cannot be predicted: no branches.
  const unsigned from_place =
      unsigned{value >= others} | unsigned{a >= others} << 1 | unsigned{b >= others} << 2 | unsigned{c >= others} << 3;
  const unsigned equal = (from_place * 0x11 << place) >> 4 & 0xf;  // bit i: of values[i]
  row.best = others;
  row.greedy = row.first + static_cast<std::uint32_t>(__builtin_ctz(equal | 8));
  row.ties = static_cast<std::uint32_t>(__builtin_popcount(equal));
}

/// How a word of 32 bits becomes an action: below the border it explores; where it lies there, or above it, is uniform
/// again and says what is taken.
QLearner::Choice::Choice(double level)
    : level(level),
      border(level * 0x1p32),
      explore_scale(1 / border),
      greedy_scale(1 / (0x1p32 - border)),
      explores_below(static_cast<std::uint64_t>(std::ceil(std::min(border, 0x1p32)))) {}

template <bool Boltzmann>
[[gnu::always_inline]] inline std::uint32_t QLearner::choose_as(const Row& row, const Choice& choice,
                                                                std::uint32_t word) {
  if constexpr (!Boltzmann) {
    const bool explores = word < choice.explores_below;
    if (!explores && row.ties == 1) return row.greedy;  // most steps, even if it cannot be predicted which
    const std::uint32_t most = explores ? row.count : row.ties;
    const double place = explores ? word * choice.explore_scale : (word - choice.border) * choice.greedy_scale;
    const std::uint32_t i = std::min(static_cast<std::uint32_t>(place * most), most - 1);
    return explores ? row.first + i : among_equals(row, i);
  } else {
    double total = 0;
    for (std::uint32_t i = 0; i < row.count; ++i) {
      weights_[i] = total += std::exp((q_[row.first + i] - row.best) / choice.level);
    }
    const double at = word * 0x1p-32 * total;
    std::uint32_t i = 0;
    while (i + 1 < row.count && at >= weights_[i]) ++i;
    return row.first + i;
  }
}

/// The best pair after `left` others that are as good.
std::uint32_t QLearner::among_equals(const Row& row, std::uint32_t left) const {
  std::uint32_t pair = row.greedy;
  for (; left > 0; --left) {
    do ++pair;
    while (!(q_[pair] >= row.best));  // as rescan has counted, NaN or not
  }
  return pair;
}

QLearner::QLearner(View<const double, 2> table, View<const std::uint8_t, 2> allowed, const QLearningSettings& settings,
                   std::uint64_t step)
    : settings_(settings),
      rate_(settings.learning_rate),
      level_(settings.exploration),
      step_(step),
      action_words_({settings.seed, Stream::kQLearning}),
      outcome_words_({settings.seed, Stream::kQLearning, 2}) {
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
    rescan(row, q_.data());
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
      const auto next = static_cast<std::uint32_t>(model.next(o));
      const bool stuck = rows_[next].count == 0;
      return Outcome{model.reward(o),
                     next,
                     stuck ? Ends::kTerminated : static_cast<Ends>(model.ends(o)),
                     false,
                     threshold_of(cumulated),
                     0,
                     0};
    };
    outcomes[k] = made(begin, 1);
    if (end == begin + 1) continue;
    outcomes[k].several = true;
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
  pair_ = choose();
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
  pair_ = choose();
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
  while (steps > 0) {
    const std::uint64_t now = std::min(steps, action_words_.left(step_));
    run_buffered<Boltzmann>(now, tally);
    steps -= now;
  }
  return tally;
}

/// The outcome of a pair: all of a list have a threshold at least as great as those before.
const QLearner::Outcome* QLearner::drawn(const Outcome& pair, std::uint32_t word) const {
  const Outcome *first = &outcomes_[pair.first], *last = &outcomes_[pair.last];
  while (last - first > 8) {
    const Outcome* middle = first + (last - first) / 2;
    if (word > middle->threshold) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  std::ptrdiff_t behind = 0;  // counted rather than searched: which outcome comes cannot be predicted
  for (const Outcome* o = first; o < last; ++o) behind += word > o->threshold;
  return first + behind;
}

template <bool Boltzmann>
void QLearner::run_buffered(std::uint64_t steps, EpisodeTally& tally) {
  // In variables of its own, as the compiler cannot know that writing a value changes none of these.
  Row* const rows = rows_.data();
  double* const q = q_.data();
  const Outcome* const outcomes = outcomes_.data();
  const bool constant = rate_.constant() && level_.constant();
  double rate = rate_.at(step_);
  Choice choice(level_.at(step_));
  const double gamma = settings_.gamma;
  std::uint32_t state = state_;
  bool acting = acting_;
  double total = return_;
  std::uint64_t begun = begun_;
  const std::uint64_t limit = limit_ > 0 ? limit_ : std::numeric_limits<std::uint64_t>::max();
  const std::uint32_t* const action_words = action_words_.from(step_);
  const std::uint32_t* outcome_words = nullptr;  // drawn when the first is wanted: many models have no use for them
  for (std::uint64_t i = 0; i < steps; ++i) {
    const std::uint64_t step = step_ + i;
    if (!constant) {
      rate = rate_.at(step);
      choice = Choice(level_.at(step));
    }
    if (!acting) {
      state = first_state(step);
      total = 0;
      begun = step;
      acting = true;
    }
    Row& row = rows[state];
    const std::uint32_t pair = choose_as<Boltzmann>(row, choice, action_words[i]);
    const Outcome* outcome = &outcomes[pair];
    if (outcome->several) {
      if (outcome_words == nullptr) outcome_words = outcome_words_.from(step_);
      outcome = drawn(*outcome, outcome_words[i]);
    }
    const double best = rows[outcome->next].best;
    const double follows = outcome->ends == Ends::kTerminated ? 0 : gamma * best;
    set_value(row, q, pair, q[pair] + rate * (outcome->reward + follows - q[pair]));
    total += outcome->reward;
    state = outcome->next;
    if (outcome->ends != Ends::kNo || step + 1 - begun >= limit) {
      ++tally.episodes;
      tally.returns += total;
      tally.lengths += step + 1 - begun;
      acting = false;
    }
  }
  step_ += steps;
  state_ = state;
  acting_ = acting;
  return_ = total;
  begun_ = begun;
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

const std::uint32_t* QLearner::StepWords::from(std::uint64_t step) {
  if (step / kCount != block_) {
    block_ = step / kCount;
    random_words(draws_, block_ * kCount, kCount, words_.data());
  }
  return &words_[step % kCount];
}

std::uint32_t QLearner::choose() {
  const Choice choice(level_.at(step_));
  const std::uint32_t word = *action_words_.from(step_);
  return settings_.kind == QLearningSettings::Exploration::kBoltzmann ? choose_as<true>(rows_[state_], choice, word)
                                                                      : choose_as<false>(rows_[state_], choice, word);
}

void QLearner::learn(double target) {
  set_value(rows_[state_], q_.data(), pair_, q_[pair_] + rate_.at(step_) * (target - q_[pair_]));
  ++step_;
}

std::uint32_t QLearner::checked(std::int64_t state, double reward) const {
  require(state >= 0 && static_cast<std::size_t>(state) < rows_.size(), "state must be from 0 to ",
          static_cast<std::int64_t>(rows_.size()) - 1, ", but is ", state);
  require(std::isfinite(reward), "reward must be finite, but is ", reward);
  return static_cast<std::uint32_t>(state);
}

std::uint32_t QLearner::first_state(std::uint64_t step) const {
  if (starts_.size() == 1) return starts_[0].state;
  const std::uint32_t word = random_word({settings_.seed, Stream::kQLearning, 1}, step);
  const auto at = std::lower_bound(starts_.begin(), starts_.end(), word,
                                   [](const Start& start, std::uint32_t w) { return start.threshold < w; });
  return at->state;
}

}  // namespace nncore
