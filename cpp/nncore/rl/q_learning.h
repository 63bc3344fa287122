#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/in_use.h"
#include "nncore/core/random.h"
#include "nncore/core/view.h"
#include "nncore/rl/mdp.h"

namespace nncore {

/// A number that changes from `initial` to `final` over the first `steps` steps, and stays.
struct Schedule {
  enum class Kind { kConstant, kLinear, kExponential };
  Kind kind = Kind::kConstant;
  double initial = 0, final = 0, steps = 1;
};

/// Reads a schedule step by step. A power for each step would take longer than all the rest of it: an exponential one is
/// the product of a power for each 256 steps and one for the steps since, of which there is a table.
class ScheduleReader {
 public:
  explicit ScheduleReader(const Schedule& schedule);
  bool constant() const { return schedule_.kind == Schedule::Kind::kConstant; }
  double at(std::uint64_t step);

 private:
  static constexpr std::uint64_t kBlock = 256;

  Schedule schedule_;
  std::vector<double> within_;  // a block, where it is exponential
  std::uint64_t block_ = ~std::uint64_t{0};
  double before_ = 0;  // value at the beginning of the block
};

/// What Q-learning does with a table.
struct QLearningSettings {
  enum class Exploration { kEpsilonGreedy, kBoltzmann };
  Schedule learning_rate;
  double gamma = 1;
  Exploration kind = Exploration::kEpsilonGreedy;
  Schedule exploration;  // epsilon, or the temperature
  std::uint64_t seed = 0;
};

/// What happened in a number of steps.
struct EpisodeTally {
  std::uint64_t episodes = 0;  // that ended
  double returns = 0;          // sums over them
  std::uint64_t lengths = 0;
};

/// Q-learning (Watkins 1989): Q(s,a) += rate * (r + gamma * max_b Q(s',b) - Q(s,a)). It works on a copy of the table,
/// with the greedy action of every state at hand. Either the environment is outside, and begin, step and end tell what
/// it did, or it is a model, and run takes the steps itself.
///
/// Greedy actions are drawn among equally good ones. Step number t uses word t of Stream::kQLearning for its action and
/// word t of substream 2 for the outcome, and an episode that begins with it word t of substream 1, so that the same
/// table, seed and transitions give the same bits, in however many calls.
class QLearner {
 public:
  /// table (S, A); allowed (S, A), not 0 where the action can be taken, or empty: all can. `step` steps are over.
  /// A model's `start` (S) holds the probability of each first state; at `limit` steps (0: never) it cuts an episode.
  QLearner(View<const double, 2> table, View<const std::uint8_t, 2> allowed, const QLearningSettings& settings,
           std::uint64_t step);

  /// Makes `model` the environment of run. Its pairs must be the allowed actions. Both are copied.
  void set_model(const Mdp& model, View<const double, 1> start, std::uint64_t limit);

  /// The first action of an episode.
  std::int64_t begin(std::int64_t state);
  /// Learns from the step that the last action led to, and gives the next action.
  std::int64_t step(std::int64_t next, double reward);
  /// Learns from the last step of an episode.
  void end(std::int64_t next, double reward, bool terminated);

  /// Takes steps in the model, and learns from each.
  EpisodeTally run(std::uint64_t steps);

  /// Writes the values of allowed actions. Throws std::overflow_error, and writes nothing, when one is not finite.
  void store(View<double, 2> table) const;

  std::uint64_t steps() const { return step_; }

 private:
  struct Row {
    double best = 0;           // greatest value of the state's pairs; 0 without any
    std::uint32_t first = 0;   // of the state's pairs
    std::uint32_t greedy = 0;  // the first best pair
    std::uint32_t count = 0;   // of pairs
    std::uint32_t ties = 1;    // how many are as good as the best
  };
  struct Outcome {
    double reward;
    std::uint32_t next;
    Ends ends;                // terminated too where the next state allows nothing
    bool several;             // whether the pair has more than one
    std::uint32_t threshold;  // taken by a word up to this one
    std::uint32_t first, last;
  };
  struct Start {
    std::uint32_t threshold, state;
  };

  /// How a word of 32 bits becomes an action at a level of exploration.
  struct Choice {
    explicit Choice(double level);
    double level;
    double border, explore_scale, greedy_scale;  // epsilon-greedy
    std::uint64_t explores_below;                // the border for words
  };

  /// One random word for each step, drawn many at a time.
  class StepWords {
   public:
    explicit StepWords(const Draws& draws) : draws_(draws) {}
    /// Those of steps step, step + 1, ...: of so many as are left.
    const std::uint32_t* from(std::uint64_t step);
    std::uint64_t left(std::uint64_t step) const { return kCount - step % kCount; }

   private:
    static constexpr std::uint64_t kCount = 1024;
    Draws draws_;
    std::array<std::uint32_t, kCount> words_;
    std::uint64_t block_ = ~std::uint64_t{0};  // which of them these are
  };

  template <bool Boltzmann>
  EpisodeTally run_steps(std::uint64_t steps);
  template <bool Boltzmann>
  void run_buffered(std::uint64_t steps, EpisodeTally& tally);
  std::uint32_t choose();
  template <bool Boltzmann>
  std::uint32_t choose_as(const Row& row, const Choice& choice, std::uint32_t word);
  const Outcome* drawn(const Outcome& pair, std::uint32_t word) const;
  std::uint32_t among_equals(const Row& row, std::uint32_t left) const;
  static void rescan(Row& row, const double* q);
  static void set_value(Row& row, double* q, std::uint32_t pair, double value);
  void learn(double target);
  std::uint32_t checked(std::int64_t state, double reward) const;
  std::uint32_t first_state(std::uint64_t step) const;

  QLearningSettings settings_;
  ScheduleReader rate_, level_;
  std::uint64_t step_;
  std::vector<Row> rows_;
  std::vector<double> q_;               // of each pair
  std::vector<std::uint32_t> actions_;  // of each pair
  std::vector<Outcome> outcomes_;       // the first of each pair, then the pairs that have several
  std::vector<Start> starts_;
  std::uint64_t limit_ = 0;
  std::vector<double> weights_;  // of a state's pairs, for Boltzmann's draw
  StepWords action_words_, outcome_words_;

  // The episode.
  bool acting_ = false;
  std::uint32_t state_ = 0, pair_ = 0;
  double return_ = 0;
  std::uint64_t begun_ = 0;  // the step that the episode began with

  mutable UseFlag in_use_;
};

}  // namespace nncore
