#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/random.h"
#include "nncore/core/view.h"
#include "nncore/rl/pages.h"

namespace nncore {

/// Priorities p_0 ... p_{n-1} from which index i is drawn with probability p_i / sum(p), in O(log n) a draw or a change.
///
/// A binary heap of sums over blocks of 8 leaves, with the least positive and the greatest priority beside. Each sum is
/// made anew from what is below it: all is a function of the priorities alone, however often they changed.
class SumTree {
 public:
  /// `capacity` leaves of 0; from 1 to 2^32 (std::invalid_argument).
  explicit SumTree(std::size_t capacity);

  std::size_t capacity() const { return capacity_; }
  double total() const { return sums_[1]; }
  /// The least positive priority; infinity where all are 0.
  double minimum() const { return ranges_[1].least; }
  double maximum() const { return ranges_[1].greatest; }
  double operator[](std::size_t index) const { return leaves_[index]; }
  /// All of them (capacity).
  View<const double, 1> priorities() const { return {leaves_, {capacity_}}; }
  /// What a priority may be at most: their sum stays finite.
  double largest() const { return largest_; }
  std::size_t bytes() const { return 8 * leaf_count_ + 2 * blocks_ * (sizeof(Range) + 8); }

  /// std::out_of_range for an index that is not below capacity.
  void check(View<const std::int64_t, 1> indices) const;
  /// std::invalid_argument for a priority that is negative, not a number or above largest().
  void check(View<const double, 1> priorities) const;

  /// Sets priorities (n) at indices (n); of the same index the last counts. Before anything changes: std::out_of_range
  /// for an index that is not below capacity, std::invalid_argument for a priority that is negative, not a number or
  /// above largest(). Fastest where the indices ascend.
  void update(View<const std::int64_t, 1> indices, View<const double, 1> priorities);

  /// The same without the checks.
  void set(View<const std::int64_t, 1> indices, View<const double, 1> priorities);

  /// Sets the priorities of `count` indices from `first` on to one value, which is not checked.
  void fill(std::size_t first, std::size_t count, double priority);

  /// Sets the priorities 0 ... n-1, all at once; checks as update does.
  void assign(View<const double, 1> priorities);

  /// Stratified draws: index j of n where the sums reach (j + U_j) total / n, so that they come in ascending order.
  /// A priority of 0 is never drawn; where all are 0, every index is as likely. Entry j takes the words 2j, 2j + 1.
  void sample(const Draws& draws, View<std::int64_t, 1> indices) const;

  /// sample() for numbers of [0, total), as they come: writes where the sums exceed each of them. Changes `targets`.
  void find(View<double, 1> targets, View<std::int64_t, 1> indices) const;

 private:
  static constexpr std::size_t kBlock = 8;                // leaves of a cache line
  using Reals = double __attribute__((vector_size(16)));  // two draws side by side
  using Words = std::int64_t __attribute__((vector_size(16)));
  struct Range {
    double least, greatest;
  };

  void refresh(std::size_t first, std::size_t count);
  Range block_range(const double* leaves) const;
  void climb();
  Words find_leaves(Words nodes, Reals target) const;
  std::size_t nearest(std::size_t leaf) const;

  std::size_t capacity_, blocks_;  // blocks: a power of 2
  double largest_;
  std::size_t leaf_count_;
  Pages pages_;     // leaves, sums and ranges, each from a cache line on
  double* leaves_;  // capacity_, and zeros up to the end of the last block
  double* sums_;    // heap: the children of node i are 2i and 2i + 1; blocks begin at blocks_
  Range* ranges_;   // as sums_
  std::vector<std::uint32_t> blocks_changed_, ranges_changed_;  // nodes
};

}  // namespace nncore
