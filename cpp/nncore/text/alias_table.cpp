#include "nncore/text/alias_table.h"

#include <cmath>
#include <limits>

namespace nncore {

AliasTable::AliasTable(View<const double, 1> weights) {
  const std::size_t n = weights.size();
  require(n > 0 && n <= std::numeric_limits<std::int32_t>::max(),
          "weights must be of 1 to 2^31 - 1 entries, but are of ", n);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    require(std::isfinite(weights(i)) && weights(i) >= 0, "weights must be finite and at least 0, but entry ", i,
            " is ", weights(i));
    sum += weights(i);
  }
  require(std::isfinite(sum) && sum > 0, "weights must have a positive, finite sum, but it is ", sum);

  std::vector<double> share(n);
  std::vector<std::uint32_t> small, large;
  for (std::size_t i = 0; i < n; ++i) {
    share[i] = weights(i) / sum * static_cast<double>(n);
    (share[i] < 1 ? small : large).push_back(static_cast<std::uint32_t>(i));
  }
  entries_.resize(n);
  const auto whole = [&](std::uint32_t i) { entries_[i] = {0xffffffffu, static_cast<std::int32_t>(i)}; };
  while (!small.empty() && !large.empty()) {
    const std::uint32_t poor = small.back(), rich = large.back();
    small.pop_back();
    entries_[poor] = {static_cast<std::uint32_t>(share[poor] * 0x1p32), static_cast<std::int32_t>(rich)};
    share[rich] -= 1 - share[poor];
    if (share[rich] < 1) {
      large.pop_back();
      small.push_back(rich);
    }
  }
  for (std::uint32_t i : large) whole(i);
  for (std::uint32_t i : small) whole(i);  // 1, but for rounding
}

}  // namespace nncore
