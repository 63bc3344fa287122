#pragma once

#include <cstddef>
#include <cstdint>

#include "nncore/core/view.h"

namespace nncore {

/// What a transition does to the episode: it goes on, it is over for good (no value follows), or it is cut off (the
/// next state keeps its value, but is not acted in).
enum class Ends : std::uint8_t { kNo = 0, kTerminated = 1, kTruncated = 2 };

/// The transitions of a finite Markov decision process, borrowed. State s has the pairs first_pair(s) ...
/// first_pair(s + 1) - 1, one for each action that it allows, and pair k the outcomes first_outcome(k) ...
/// first_outcome(k + 1) - 1.
struct Mdp {
  View<const std::int64_t, 1> first_pair;     // (S + 1)
  View<const std::int64_t, 1> actions;        // (K), the action of each pair, ascending within a state
  View<const std::int64_t, 1> first_outcome;  // (K + 1)
  View<const std::int64_t, 1> next;           // (N), the next state
  View<const double, 1> probability;          // (N), adding up to 1 within a pair
  View<const double, 1> reward;               // (N)
  View<const std::uint8_t, 1> ends;           // (N), as Ends

  std::size_t states() const { return first_pair.extent(0) - 1; }
  std::size_t pairs() const { return actions.extent(0); }
  std::size_t outcomes() const { return next.extent(0); }
};

/// Throws std::invalid_argument unless shapes and indices fit each other, so that no kernel reads past an array.
void check_mdp(const Mdp& mdp, std::size_t actions);

/// How the value of what follows enters a backup.
struct Backup {
  double gamma = 1;
  double after_end = 0;        // value of what follows a termination, and of a state without actions
  bool truncates_end = false;  // whether a cut-off counts as an end as well
  double stay = 0;             // share of each step that stays where it is, without reward: 0 <= stay < 1
};

/// One Bellman backup of every state (Bellman 1957): q(k) = sum over the outcomes of pair k of
/// probability * (reward + gamma * value of what follows), best(s) = max over the pairs of s, policy(s) = the first
/// action that reaches it (-1 for a state without actions). values (S), q (K), best (S), policy (S); q and policy may
/// be empty. Mixed with `stay`: best = stay * value + (1 - stay) * max.
void bellman_backup(const Mdp& mdp, const Backup& backup, View<const double, 1> values, View<double, 1> q,
                    View<double, 1> best, View<std::int64_t, 1> policy);

/// What sweeps came to.
struct Sweeps {
  std::size_t count = 0;
  double least_change = 0, greatest_change = 0;  // of a value in the last sweep
};

/// Value iteration: backups of all states at once, until no value changes by more than `tolerance`, or until `most`
/// sweeps. values (S) is changed in place, spare (S) is overwritten.
Sweeps value_iteration(const Mdp& mdp, const Backup& backup, double tolerance, std::size_t most, View<double, 1> values,
                       View<double, 1> spare);

/// Relative value iteration for the average reward (White 1963): the value of what follows an end is the mean of values
/// over `start` (S); the first value is taken off all of them after each sweep; stops when all change alike, to
/// `tolerance`. The changes are then the gain times 1 - stay.
Sweeps relative_value_iteration(const Mdp& mdp, double stay, View<const double, 1> start, double tolerance,
                                std::size_t most, View<double, 1> values, View<double, 1> spare);

}  // namespace nncore
