#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/view.h"

namespace nncore {

/// Draws i with a probability proportional to weights[i], in constant time (Walker 1977, Vose 1991); 8 bytes an entry.
/// Probabilities are kept to one part in 2^32 of 1 / size().
class AliasTable {
 public:
  AliasTable() = default;
  /// Weights are finite and not negative, and their sum is positive (std::invalid_argument otherwise).
  explicit AliasTable(View<const double, 1> weights);

  std::size_t size() const { return entries_.size(); }

  /// The entry that 64 random bits choose.
  std::int32_t draw(std::uint64_t bits) const { return draw(bits, column(bits)); }
  /// The same in two steps, the first perhaps for several at once (V: an unsigned integer of 64 bits, or a register of them),
  /// with prefetch() of the column between them where the table is large.
  template <typename V>
  V column(V bits) const {
    return ((bits >> 32) * entries_.size()) >> 32;
  }
  std::int32_t draw(std::uint64_t bits, std::uint64_t column) const {
    const Entry entry = entries_[column];
    // No branch, which would be mispredicted often.
    const auto own = -static_cast<std::int32_t>(static_cast<std::uint32_t>(bits) < entry.own);
    return (static_cast<std::int32_t>(column) & own) | (entry.other & ~own);
  }
  [[gnu::always_inline]] void prefetch(std::uint64_t column) const { __builtin_prefetch(&entries_[column]); }

 private:
  struct Entry {
    std::uint32_t own;   // of 2^32 draws of this column, those that keep it
    std::int32_t other;  // whom the rest goes to; the column itself where there is no rest
  };
  std::vector<Entry> entries_;
};

}  // namespace nncore
