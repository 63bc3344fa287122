#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/random.h"
#include "nncore/core/view.h"

namespace nncore {

/// Indices from which the one of rank r is drawn in proportion to 1 / r^alpha (Schaul et al. 2016, section 3.3).
///
/// Ranks are approximate: a binary heap of |TD errors| is read as if it were sorted, and is sorted once for every
/// size() changes.
class RankOrder {
 public:
  RankOrder(std::size_t capacity, double alpha);

  std::size_t size() const { return order_.size(); }
  /// The greatest |TD error|; 1 where there is none.
  double greatest() const { return order_.empty() ? 1.0 : order_[0].error; }
  /// The same without this index.
  double greatest_but(std::size_t index) const;
  /// 1 / r^alpha of an index, r its rank, and that of the last rank.
  double priority(std::size_t index) const;
  double least() const;

  /// |TD error| of an index; index size() is a new one.
  void set(std::size_t index, double error);
  /// Counts `changes`, and sorts where they have become size().
  void changed(std::size_t changes);

  /// Stratified draws, as SumTree's: ranks ascend.
  void sample(const Draws& draws, View<std::int64_t, 1> indices) const;

  /// Indices and |TD errors|, first rank first.
  void read(std::vector<std::int64_t>& order, std::vector<double>& errors) const;
  /// Takes over what read() gave; the changes since ranks were sorted. Checked by the caller: order is a permutation.
  void restore(const std::vector<std::int64_t>& order, const std::vector<double>& errors, std::uint64_t changes);
  std::uint64_t changes() const { return changes_; }

  std::size_t bytes() const { return order_.capacity() * (sizeof(Entry) + sizeof(std::uint32_t) + 2 * sizeof(double)); }

 private:
  struct Entry {
    double error;
    std::uint32_t index;
  };
  void place(std::size_t rank, const Entry& entry);
  void sift(std::size_t rank, const Entry& entry);

  std::vector<double> powers_;        // 1 / r^alpha
  std::vector<double> sums_;          // of the first r powers
  std::vector<Entry> order_;          // a heap, greatest first
  std::vector<std::uint32_t> ranks_;  // of each index
  std::uint64_t changes_ = 0;
};

}  // namespace nncore
