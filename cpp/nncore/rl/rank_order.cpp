#include "nncore/rl/rank_order.h"

#include <algorithm>
#include <cmath>

#include "nncore/rl/strata.h"

namespace nncore {

RankOrder::RankOrder(std::size_t capacity, double alpha) : powers_(capacity), sums_(capacity + 1) {
  for (std::size_t r = 0; r < capacity; ++r) {
    powers_[r] = std::pow(static_cast<double>(r + 1), -alpha);
    sums_[r + 1] = sums_[r] + powers_[r];
  }
  order_.reserve(capacity);
  ranks_.reserve(capacity);
}

double RankOrder::priority(std::size_t index) const { return powers_[ranks_[index]]; }

double RankOrder::least() const { return order_.empty() ? 1.0 : powers_[order_.size() - 1]; }

void RankOrder::place(std::size_t rank, const Entry& entry) {
  order_[rank] = entry;
  ranks_[entry.index] = static_cast<std::uint32_t>(rank);
}

/// Moves an entry from this rank to where the heap wants it.
void RankOrder::sift(std::size_t rank, const Entry& entry) {
  for (; rank > 0 && order_[(rank - 1) / 2].error < entry.error; rank = (rank - 1) / 2) {
    place(rank, order_[(rank - 1) / 2]);
  }
  for (std::size_t child; (child = 2 * rank + 1) < order_.size(); rank = child) {
    child += child + 1 < order_.size() && order_[child + 1].error > order_[child].error;
    if (!(order_[child].error > entry.error)) break;
    place(rank, order_[child]);
  }
  place(rank, entry);
}

double RankOrder::greatest_but(std::size_t index) const {
  if (order_.empty() || index >= order_.size() || ranks_[index] != 0) return greatest();
  double error = order_.size() > 1 ? order_[1].error : 1.0;
  if (order_.size() > 2) error = std::max(error, order_[2].error);
  return error;
}

void RankOrder::set(std::size_t index, double error) {
  const Entry entry{error, static_cast<std::uint32_t>(index)};
  if (index == order_.size()) {
    order_.push_back(entry);
    ranks_.push_back(static_cast<std::uint32_t>(index));
  }
  sift(ranks_[index], entry);
}

void RankOrder::changed(std::size_t changes) {
  changes_ += changes;
  if (changes_ < order_.size()) return;
  changes_ = 0;
  // Of equal errors the older index comes first: the order is a function of the errors alone.
  std::sort(order_.begin(), order_.end(), [](const Entry& a, const Entry& b) {
    return a.error > b.error || (a.error == b.error && a.index < b.index);
  });
  for (std::size_t r = 0; r < order_.size(); ++r) ranks_[order_[r].index] = static_cast<std::uint32_t>(r);
}

void RankOrder::sample(const Draws& draws, View<std::int64_t, 1> indices) const {
  const std::size_t n = indices.size(), size = order_.size();
  const double* const sums = sums_.data();
  double targets[kStrataChunk];
  std::size_t ranks[kStrataChunk];
  for (std::size_t first = 0; first < n; first += kStrataChunk) {
    const std::size_t count = std::min(kStrataChunk, n - first);
    strata(draws, first, count, n, sums[size], targets);
    std::fill_n(ranks, count, std::size_t{0});
    // The last rank whose sum of the ranks before it does not exceed the target; all draws one step at a time.
    for (std::size_t left = size; left > 1;) {
      const std::size_t half = left / 2;
      for (std::size_t j = 0; j < count; ++j) {
        ranks[j] += half & -static_cast<std::size_t>(sums[ranks[j] + half] <= targets[j]);
      }
      left -= half;
    }
    for (std::size_t j = 0; j < count; ++j) indices(first + j) = order_[ranks[j]].index;
  }
}

void RankOrder::read(std::vector<std::int64_t>& order, std::vector<double>& errors) const {
  for (const Entry& entry : order_) {
    order.push_back(entry.index);
    errors.push_back(entry.error);
  }
}

void RankOrder::restore(const std::vector<std::int64_t>& order, const std::vector<double>& errors,
                        std::uint64_t changes) {
  order_.resize(order.size());
  ranks_.resize(order.size());
  for (std::size_t r = 0; r < order.size(); ++r) place(r, {errors[r], static_cast<std::uint32_t>(order[r])});
  changes_ = changes;
}

}  // namespace nncore
