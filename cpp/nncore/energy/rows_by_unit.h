#pragma once

// The other way round of a batch's lists: what the change of an RBM's weights adds up. For kernels only.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "nncore/energy/rbm_units.h"

namespace nncore {

/// Of each visible unit of a range: the rows in which it is not 0, and its states there.
template <typename T>
class RowsByUnit {
 public:
  void build(const Units<T>& units, std::size_t rows, std::size_t first, std::size_t last) {
    starts_.assign(last - first + 1, 0);
    begins_.resize(rows);
    for (std::size_t r = 0; r < rows; ++r) {
      const std::uint32_t *columns = units.columns(r), *end = columns + units.count(r);
      const std::uint32_t* at = std::lower_bound(columns, end, static_cast<std::uint32_t>(first));
      begins_[r] = static_cast<std::uint32_t>(at - columns);
      for (; at < end && *at < last; ++at) ++starts_[*at - first + 1];
    }
    for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    const std::size_t entries = starts_.back();
    binary_ = true;
    for (std::size_t r = 0; r < rows; ++r) binary_ = binary_ && units.binary(r);
    if (rows_.size() < entries) rows_.resize(entries);
    if (!binary_ && states_.size() < entries) states_.resize(entries);
    std::uint32_t *const starts = starts_.data(), *const to = rows_.data();
    for (std::size_t r = 0; r < rows; ++r) {
      const std::uint32_t *columns = units.columns(r), *end = columns + units.count(r);
      for (const std::uint32_t* at = columns + begins_[r]; at < end && *at < last; ++at) {
        const std::uint32_t entry = starts[*at - first]++;
        to[entry] = static_cast<std::uint32_t>(r);
        if (!binary_) states_[entry] = units.row(r)[*at];
      }
    }
    for (std::size_t i = starts_.size() - 1; i > 0; --i) starts_[i] = starts_[i - 1];
    starts_[0] = 0;
  }

  /// sums += states times the rows of `values` (from its column 0), in the order of rows; `i` counts from `first`.
  template <std::size_t V>
  [[gnu::always_inline]] void add(std::size_t i, Rows<const T> values, Vec<T> (&sums)[V]) const {
    const std::uint32_t begin = starts_[i], end = starts_[i + 1];
    for (std::uint32_t e = begin; e < end; ++e) {
      const T* from = values[rows_[e]];
      if (binary_) {
        unrolled<V>([&](auto v) { sums[v] += load(from + v * kLanes<T>); });
      } else {
        const Vec<T> x = broadcast(states_[e]);
        unrolled<V>([&](auto v) { sums[v] = fma(x, load(from + v * kLanes<T>), sums[v]); });
      }
    }
  }

 private:
  std::vector<std::uint32_t> starts_, begins_, rows_;
  std::vector<T> states_;
  bool binary_ = true;
};

}  // namespace nncore
