#pragma once

#include <cstddef>
#include <cstdint>

#include "nncore/core/random.h"

namespace nncore {

inline constexpr std::size_t kStrataChunk = 256;  // draws whose words stand on the stack

/// In [0, 1), of 53 bits.
inline double unit_of(std::uint32_t low, std::uint32_t high) {
  const std::uint64_t bits = std::uint64_t{high} << 32 | low;
  return static_cast<double>(static_cast<std::int64_t>(bits >> 11)) * 0x1p-53;
}

/// Stratified numbers of [0, total): number j of n lies in [j, j + 1) total / n and takes the words 2j, 2j + 1. Writes
/// those from `first` on, at most kStrataChunk of them.
inline void strata(const Draws& draws, std::size_t first, std::size_t count, std::size_t n, double total,
                   double* targets) {
  std::uint32_t words[2 * kStrataChunk];
  random_words(draws, 2 * first, 2 * count, words);
  const double width = total / static_cast<double>(n);
  for (std::size_t j = 0; j < count; ++j) {
    targets[j] = (static_cast<double>(first + j) + unit_of(words[2 * j], words[2 * j + 1])) * width;
  }
}

}  // namespace nncore
