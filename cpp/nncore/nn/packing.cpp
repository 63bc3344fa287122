#include "nncore/nn/packing.h"

#include <algorithm>
#include <numeric>

namespace nncore {

bool Packing::same_as_before(std::size_t count, std::size_t most_steps, View<const std::int64_t, 1> given) const {
  return count == sequences && most_steps == steps && !start.empty() && given.size() == given_.size() &&
         std::equal(given_.begin(), given_.end(), given.data());
}

void Packing::lay_out(std::size_t count, std::size_t most_steps, View<const std::int64_t, 1> given) {
  if (!given.empty() || count == 0)
    require(given.extent(0) == count, "lengths", "one per sequence, (N,) with N = ", count, given);
  for (std::size_t n = 0; n < given.size(); ++n) {
    require(given(n) >= 0 && given(n) <= static_cast<std::int64_t>(most_steps), "lengths must lie in [0, ", most_steps,
            "], but lengths[", n, "] is ", given(n));
  }
  if (same_as_before(count, most_steps, given)) return;

  start.clear();  // should memory run out below, the next call starts afresh
  sequences = count;
  steps = most_steps;
  given_.assign(given.data(), given.data() + given.size());
  const auto length_of = [&](std::int64_t n) {
    return given.empty() ? static_cast<std::int64_t>(most_steps) : given(static_cast<std::size_t>(n));
  };
  order.resize(count);
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return length_of(a) > length_of(b); });

  lengths.resize(count);
  active.assign(most_steps + 1, 0);
  for (std::size_t b = 0; b < count; ++b) {
    lengths[b] = static_cast<std::size_t>(length_of(order[b]));
    for (std::size_t t = 0; t < lengths[b]; ++t) ++active[t];
  }
  start.assign(most_steps + 1, 0);
  for (std::size_t t = 0; t < most_steps; ++t) start[t + 1] = start[t] + active[t];
  rows = start[most_steps];
  padded_row.resize(rows);
  for (std::size_t t = 0; t < most_steps; ++t) {
    for (std::size_t b = 0; b < active[t]; ++b) {
      padded_row[start[t] + b] = order[b] * static_cast<std::int64_t>(most_steps) + static_cast<std::int64_t>(t);
    }
  }
}

std::size_t even_split(const Packing& packing, std::size_t part, std::size_t parts) {
  if (part == parts) return packing.sequences;
  const std::size_t goal = packing.rows * part / parts;
  std::size_t sum = 0, b = 0;
  while (b < packing.sequences && sum < goal) sum += packing.lengths[b++];
  return b;
}

}  // namespace nncore
