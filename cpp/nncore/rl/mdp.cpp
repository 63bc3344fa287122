#include "nncore/rl/mdp.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nncore/core/threads.h"

namespace nncore {
namespace {

void check_offsets(View<const std::int64_t, 1> offsets, std::size_t end, const char* name) {
  require(offsets.extent(0) > 0 && offsets(0) == 0, name, " must begin with 0");
  for (std::size_t i = 1; i < offsets.extent(0); ++i) require(offsets(i) >= offsets(i - 1), name, " must not descend");
  require(offsets(offsets.extent(0) - 1) == static_cast<std::int64_t>(end), name, " must end with ", end);
}

void check_indices(View<const std::int64_t, 1> indices, std::size_t below, const char* name) {
  for (std::size_t i = 0; i < indices.extent(0); ++i) {
    require(indices(i) >= 0 && static_cast<std::size_t>(indices(i)) < below, name, " must be from 0 to ",
            static_cast<std::int64_t>(below) - 1, ", but one is ", indices(i));
  }
}

/// Whether what follows this outcome is the value after an end, and not that of its next state.
bool is_end(Ends ends, const Backup& backup) {
  return ends == Ends::kTerminated || (ends == Ends::kTruncated && backup.truncates_end);
}

double backed_up(const Mdp& mdp, const Backup& backup, const double* values, std::size_t pair) {
  double sum = 0;
  const auto begin = static_cast<std::size_t>(mdp.first_outcome(pair));
  const auto end = static_cast<std::size_t>(mdp.first_outcome(pair + 1));
  for (std::size_t o = begin; o < end; ++o) {
    const double follows = is_end(static_cast<Ends>(mdp.ends(o)), backup) ? backup.after_end : values[mdp.next(o)];
    sum += mdp.probability(o) * (mdp.reward(o) + backup.gamma * follows);
  }
  return sum;
}

void back_up_state(const Mdp& mdp, const Backup& backup, View<const double, 1> values, std::size_t s, View<double, 1> q,
                   View<double, 1> best, View<std::int64_t, 1> policy) {
  const auto begin = static_cast<std::size_t>(mdp.first_pair(s));
  const auto end = static_cast<std::size_t>(mdp.first_pair(s + 1));
  double greatest = begin == end ? backup.after_end : -std::numeric_limits<double>::infinity();
  std::int64_t action = -1;
  for (std::size_t k = begin; k < end; ++k) {
    const double value = backed_up(mdp, backup, values.data(), k);
    if (!q.empty()) q(k) = value;
    if (value > greatest) {
      greatest = value;
      action = mdp.actions(k);
    }
  }
  best(s) = backup.stay > 0 ? backup.stay * values(s) + (1 - backup.stay) * greatest : greatest;
  if (!policy.empty()) policy(s) = action;
}

/// Changes between two sets of values.
void measure(View<const double, 1> before, View<const double, 1> after, Sweeps& sweeps) {
  sweeps.least_change = std::numeric_limits<double>::infinity();
  sweeps.greatest_change = -sweeps.least_change;
  for (std::size_t s = 0; s < before.extent(0); ++s) {
    const double change = after(s) - before(s);
    sweeps.least_change = std::min(sweeps.least_change, change);
    sweeps.greatest_change = std::max(sweeps.greatest_change, change);
  }
}

}  // namespace

void check_mdp(const Mdp& mdp, std::size_t actions) {
  check_offsets(mdp.first_pair, mdp.pairs(), "first_pair");
  require(mdp.first_outcome.extent(0) == mdp.pairs() + 1, "first_outcome must have an entry per pair, and one more");
  check_offsets(mdp.first_outcome, mdp.outcomes(), "first_outcome");
  check_indices(mdp.actions, actions, "actions");
  check_indices(mdp.next, mdp.states(), "next");
  require(mdp.probability.extent(0) == mdp.outcomes(), "probability", "one per outcome", "", mdp.probability);
  require(mdp.reward.extent(0) == mdp.outcomes(), "reward", "one per outcome", "", mdp.reward);
  require(mdp.ends.extent(0) == mdp.outcomes(), "ends", "one per outcome", "", mdp.ends);
}

void bellman_backup(const Mdp& mdp, const Backup& backup, View<const double, 1> values, View<double, 1> q,
                    View<double, 1> best, View<std::int64_t, 1> policy) {
  require(values.extent(0) == mdp.states(), "values", "one per state", "", values);
  require(best.extent(0) == mdp.states(), "best", "one per state", "", best);
  require(q.empty() || q.extent(0) == mdp.pairs(), "q", "one per pair", "", q);
  require(policy.empty() || policy.extent(0) == mdp.states(), "policy", "one per state", "", policy);
  const double nanoseconds = 2.0 * static_cast<double>(mdp.outcomes() + mdp.states());
  parallel_ranges(mdp.states(), 64, nanoseconds, [&](std::size_t begin, std::size_t end) {
    for (std::size_t s = begin; s < end; ++s) back_up_state(mdp, backup, values, s, q, best, policy);
  });
}

Sweeps value_iteration(const Mdp& mdp, const Backup& backup, double tolerance, std::size_t most, View<double, 1> values,
                       View<double, 1> spare) {
  Sweeps sweeps;
  while (sweeps.count < most) {
    bellman_backup(mdp, backup, values, {}, spare, {});
    measure(values, spare, sweeps);
    std::copy_n(spare.data(), spare.size(), values.data());
    ++sweeps.count;
    if (std::max(-sweeps.least_change, sweeps.greatest_change) <= tolerance) break;
  }
  return sweeps;
}

Sweeps relative_value_iteration(const Mdp& mdp, double stay, View<const double, 1> start, double tolerance,
                                std::size_t most, View<double, 1> values, View<double, 1> spare) {
  require(start.extent(0) == mdp.states(), "start", "one per state", "", start);
  Backup backup;
  backup.truncates_end = true;
  backup.stay = stay;
  Sweeps sweeps;
  while (sweeps.count < most) {
    backup.after_end = 0;
    for (std::size_t s = 0; s < start.extent(0); ++s) backup.after_end += start(s) * values(s);
    bellman_backup(mdp, backup, values, {}, spare, {});
    measure(values, spare, sweeps);
    for (std::size_t s = 0; s < values.extent(0); ++s) values(s) = spare(s) - spare(0);
    ++sweeps.count;
    if (sweeps.greatest_change - sweeps.least_change <= tolerance) break;
  }
  return sweeps;
}

}  // namespace nncore
