#include "nncore/energy/recall.h"

#include <algorithm>
#include <cstring>

namespace nncore {
namespace {

Draws draws_of(const RecallSettings& settings, std::uint32_t substream, std::uint64_t sweep) {
  return {settings.seed, Stream::kHopfield, substream, sweep};
}

}  // namespace

void check_rows(const RecallRows& rows, std::size_t units) {
  const std::size_t n = rows.states.extent(0);
  require(rows.states.extent(1) == units, "states", "of shape (n, d) with d = ", units, rows.states);
  require(rows.previous.extents() == rows.states.extents(), "previous",
          "of the shape of states: ", shape_text(rows.states.extents()), rows.previous);
  require(rows.ids.size() == n && rows.sweeps.size() == n && rows.cycle.size() == n,
          "ids, sweeps and cycle must have one entry for each of the ", n, " states");
}

std::vector<std::int64_t> sweep_order(const RecallSettings& settings, std::uint64_t sweep, std::size_t units) {
  if (settings.synchronous || !settings.random_order) return {};
  std::vector<std::int64_t> order(units);
  random_permutation(draws_of(settings, 0, sweep), {order.data(), {units}});
  return order;
}

void sweep_thresholds(const RecallSettings& settings, std::uint64_t sweep, std::int64_t id, double scale,
                      std::vector<double>& thresholds) {
  const std::size_t d = thresholds.size();
  random_logistic(draws_of(settings, 1, sweep), static_cast<std::uint64_t>(id) * d, d, thresholds.data());
  for (double& threshold : thresholds) threshold *= 0.5 * settings.temperature * scale;
}

void finish_step(const RecallRows& rows, std::size_t row, const std::int8_t* next, bool settles) {
  const std::size_t d = rows.states.extent(1);
  std::int8_t *const now = rows.states.row(row), *const before = rows.previous.row(row);
  ++rows.sweeps(row);
  if (settles && std::memcmp(next, now, d) == 0) {
    rows.cycle(row) = 1;
  } else if (settles && std::memcmp(next, before, d) == 0) {
    rows.cycle(row) = 2;
  }
  std::copy_n(now, d, before);
  std::copy_n(next, d, now);
}

}  // namespace nncore
