#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/random.h"
#include "nncore/core/threads.h"
#include "nncore/core/view.h"

// What both kinds of Hopfield network, with weights and with packed memories, share: how a recall runs.

namespace nncore {

/// How units are updated: x_i <- sign(h_i), unchanged at 0; at a temperature T > 0 to +1 with probability
/// 1 / (1 + exp(-2 h_i / T)) (Glauber). A sweep updates every unit once: one after the other, or all at once.
struct RecallSettings {
  bool synchronous = false;
  bool random_order = true;  // of one after the other: in an order drawn for each sweep, the same for all rows
  double temperature = 0;
  std::uint64_t seed = 0;
};

/// The states of a recall, and what is known of each row. `sweeps` and `cycle` go on from what they are.
struct RecallRows {
  View<std::int8_t, 2> states;      // (n, d), of -1 and +1
  View<std::int8_t, 2> previous;    // (n, d): a step before, when all at once; 0 where there was none
  View<const std::int64_t, 1> ids;  // (n): whose random numbers a row takes
  View<std::int64_t, 1> sweeps;     // (n): how many were made
  View<std::int64_t, 1> cycle;      // (n): 1 settled, 2 alternates between two states, 0 neither so far
};

/// What make() returns, for each part that work on n rows may be divided into. Made before the work, of which the body
/// must not throw, and so must not allocate.
template <typename Make>
auto row_workspaces(std::size_t n, double nanoseconds, const Make& make) {
  const std::size_t parts = std::min({n, detail::parts_for(nanoseconds), static_cast<std::size_t>(num_threads())});
  std::vector<decltype(make())> workspaces;
  workspaces.reserve(std::max<std::size_t>(parts, n > 0));
  while (workspaces.size() < workspaces.capacity()) workspaces.push_back(make());
  return workspaces;
}

/// Calls body(workspace, row) for rows [0, n), on as many threads as there are workspaces.
template <typename Workspace, typename Body>
void for_each_row(std::vector<Workspace>& workspaces, std::size_t n, double nanoseconds, const Body& body) {
  parallel_parts(workspaces.size(), nanoseconds, [&](std::size_t part, std::size_t parts) {
    for (std::size_t row = n * part / parts; row < n * (part + 1) / parts; ++row) body(workspaces[part], row);
  });
}

/// std::invalid_argument unless all have the shapes above.
void check_rows(const RecallRows& rows, std::size_t units);

/// The order in which a sweep updates the units; empty: as they stand.
std::vector<std::int64_t> sweep_order(const RecallSettings& settings, std::uint64_t sweep, std::size_t units);

/// h_i must exceed its entry for x_i = +1: T / 2 times logistic numbers, in the units of h, of which 1 is `scale`.
void sweep_thresholds(const RecallSettings& settings, std::uint64_t sweep, std::int64_t id, double scale,
                      std::vector<double>& thresholds);

/// Puts a row's next state in place of the one before, and counts.
void finish_step(const RecallRows& rows, std::size_t row, const std::int8_t* next, bool settles);

}  // namespace nncore
