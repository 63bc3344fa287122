#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "nncore/core/threads.h"

namespace nncore {

/// Sum of chunk_sum(begin, end) over chunks that cover [0, count), added in order. The chunks have at least `least`
/// entries, a multiple of it, and depend on `count` alone, so the sum has the same bits on any number of threads.
/// `nanoseconds` is what the whole sum costs on one thread.
template <typename ChunkSum>
double sum_of_chunks(std::size_t count, std::size_t least, double nanoseconds, const ChunkSum& chunk_sum) {
  if (count == 0) return 0;
  constexpr std::size_t kMostChunks = 64;  // enough to share out evenly, few enough to stand on the stack
  const std::size_t units = (count + least - 1) / least;
  const std::size_t length = (units + kMostChunks - 1) / kMostChunks * least;
  std::array<double, kMostChunks> sums{};
  parallel_ranges(count, length, nanoseconds, [&](std::size_t begin, std::size_t end) {
    for (std::size_t from = begin; from < end; from += length) {
      sums[from / length] = chunk_sum(from, std::min(from + length, end));
    }
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

}  // namespace nncore
