#include "nncore/rl/sum_tree.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "nncore/rl/strata.h"

namespace nncore {
namespace {

constexpr std::size_t kMostLeaves = std::size_t{1} << 32;

/// All ones where target >= left, as a number: a branch here would be guessed wrong every second time.
inline std::uint64_t goes_right(double target, double left) { return -static_cast<std::uint64_t>(target >= left); }

/// target - left where `mask` is all ones, else target.
inline double pass(double target, double left, std::uint64_t mask) {
  std::uint64_t bits;
  std::memcpy(&bits, &left, sizeof bits);
  bits &= mask;
  std::memcpy(&left, &bits, sizeof bits);
  return target - left;
}

}  // namespace

SumTree::SumTree(std::size_t capacity) : capacity_(capacity) {
  require(capacity >= 1 && capacity <= kMostLeaves, "capacity must be from 1 to 2^32, but is ", capacity);
  const std::size_t blocks = (capacity + kBlock - 1) / kBlock;
  for (blocks_ = 1; blocks_ < blocks;) blocks_ *= 2;
  largest_ = std::numeric_limits<double>::max() / static_cast<double>(kBlock * blocks_);
  leaves_.resize(blocks * kBlock);
  sums_.resize(2 * blocks_);
  ranges_.resize(2 * blocks_, Range{std::numeric_limits<double>::infinity(), 0});
}

void SumTree::check(View<const std::int64_t, 1> indices) const {
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (static_cast<std::uint64_t>(indices(i)) < capacity_) continue;
    throw std::out_of_range("indices must be from 0 to " + std::to_string(capacity_ - 1) + ", but entry " +
                            std::to_string(i) + " is " + std::to_string(indices(i)));
  }
}

void SumTree::check_priorities(View<const double, 1> priorities) const {
  for (std::size_t i = 0; i < priorities.size(); ++i) {
    const double p = priorities(i);
    require(p >= 0 && p <= largest_, "priorities must be finite, at least 0 and at most ", largest_, ", but entry ", i,
            " is ", p);
  }
}

void SumTree::update(View<const std::int64_t, 1> indices, View<const double, 1> priorities) {
  const std::size_t n = indices.size();
  require(priorities.size() == n, "priorities", "one per index: ", n, priorities);
  check(indices);
  check_priorities(priorities);
  nodes_.resize(n);
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto leaf = static_cast<std::size_t>(indices(i));
    const auto block = static_cast<std::uint32_t>(leaf / kBlock);
    leaves_[leaf] = priorities(i);
    nodes_[count] = block;
    count += i + 1 == n || static_cast<std::size_t>(indices(i + 1)) / kBlock != block;
  }
  nodes_.resize(count);
  climb(nodes_);
}

void SumTree::fill(std::size_t first, std::size_t count, double priority) {
  std::fill_n(leaves_.begin() + static_cast<std::ptrdiff_t>(first), count, priority);
  refresh(first, count);
}

void SumTree::assign(View<const double, 1> priorities) {
  require(priorities.size() <= capacity_, "priorities", "at most as many as the capacity, ", capacity_, priorities);
  check_priorities(priorities);
  std::copy_n(priorities.data(), priorities.size(), leaves_.begin());
  refresh(0, priorities.size());
}

/// Makes anew what stands over leaves that follow each other.
void SumTree::refresh(std::size_t first, std::size_t count) {
  if (count == 0) return;
  const std::size_t begin = first / kBlock, end = (first + count - 1) / kBlock + 1;
  nodes_.resize(end - begin);
  for (std::size_t block = begin; block < end; ++block) nodes_[block - begin] = static_cast<std::uint32_t>(block);
  climb(nodes_);
}

/// Sums and range of a block, in the order in which find() goes down.
void SumTree::sum_block(std::size_t block) {
  const double* p = leaves_.data() + kBlock * block;
  sums_[blocks_ + block] = ((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]));
  Range range{std::numeric_limits<double>::infinity(), 0};
  for (std::size_t k = 0; k < kBlock; ++k) {
    range.least = std::min(range.least, p[k] > 0 ? p[k] : std::numeric_limits<double>::infinity());
    range.greatest = std::max(range.greatest, p[k]);
  }
  ranges_[blocks_ + block] = range;
}

/// Makes anew what stands over the blocks `nodes`, level by level; parents of neighbours once.
void SumTree::climb(std::vector<std::uint32_t>& nodes) {
  for (std::uint32_t block : nodes) sum_block(block);
  std::size_t count = nodes.size();
  for (std::size_t level = blocks_ / 2; level >= 1; level /= 2) {  // nodes are numbered from 0 within a level
    std::size_t parents = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t parent = nodes[i] / 2;
      if (parents > 0 && nodes[parents - 1] == parent) continue;
      nodes[parents++] = parent;
      const std::size_t node = level + parent;
      sums_[node] = sums_[2 * node] + sums_[2 * node + 1];
      const Range &left = ranges_[2 * node], &right = ranges_[2 * node + 1];
      ranges_[node] = {std::min(left.least, right.least), std::max(left.greatest, right.greatest)};
    }
    count = parents;
  }
}

void SumTree::find(View<double, 1> targets, View<std::int64_t, 1> indices) const {
  const std::size_t n = indices.size();
  std::int64_t* const node = indices.data();
  double* const target = targets.data();
  std::fill_n(node, n, std::int64_t{1});
  // All draws go down one level at a time, so that the processor fetches for many of them at once.
  const double* const sums = sums_.data();
  for (std::size_t level = 1; level < blocks_; level *= 2) {
    for (std::size_t j = 0; j < n; ++j) {
      const double left = sums[2 * node[j]];
      const std::uint64_t right = goes_right(target[j], left);
      target[j] = pass(target[j], left, right);
      node[j] = 2 * node[j] + static_cast<std::int64_t>(right & 1);
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    std::size_t leaf = kBlock * (static_cast<std::size_t>(node[j]) - blocks_);
    leaf = std::min(leaf, leaves_.size() - kBlock);  // rounding may lead past the last block
    const double* p = leaves_.data() + leaf;
    std::uint64_t right = goes_right(target[j], (p[0] + p[1]) + (p[2] + p[3]));
    target[j] = pass(target[j], (p[0] + p[1]) + (p[2] + p[3]), right);
    p += 4 & right;
    right = goes_right(target[j], p[0] + p[1]);
    target[j] = pass(target[j], p[0] + p[1], right);
    p += 2 & right;
    p += 1 & goes_right(target[j], p[0]);
    leaf = static_cast<std::size_t>(p - leaves_.data());
    node[j] = static_cast<std::int64_t>(*p > 0 ? leaf : nearest(leaf));
  }
}

/// The next leaf before this one whose priority is not 0, or, where there is none, after it. One exists.
std::size_t SumTree::nearest(std::size_t leaf) const {
  const auto inside = [&](std::size_t block, bool last, std::size_t begin, std::size_t end) {
    std::size_t found = kBlock;
    for (std::size_t k = begin; k < end; ++k) {
      if (leaves_[kBlock * block + k] > 0 && (last || found == kBlock)) found = k;
    }
    return found;
  };
  const std::size_t block = leaf / kBlock, place = leaf % kBlock;
  for (const bool before : {true, false}) {
    const std::size_t here = before ? inside(block, true, 0, place) : inside(block, false, place + 1, kBlock);
    if (here < kBlock) return kBlock * block + here;
    for (std::size_t node = blocks_ + block; node > 1; node /= 2) {
      if ((node % 2 == 1) != before || !(sums_[node ^ 1] > 0)) continue;
      for (node ^= 1; node < blocks_;) node = 2 * node + ((sums_[2 * node + before] > 0) == before);
      const std::size_t other = node - blocks_;
      return kBlock * other + inside(other, before, 0, kBlock);
    }
  }
  return leaf;
}

void SumTree::sample(const Draws& draws, View<std::int64_t, 1> indices) const {
  const std::size_t n = indices.size();
  double targets[kStrataChunk];
  for (std::size_t first = 0; first < n; first += kStrataChunk) {
    const std::size_t count = std::min(kStrataChunk, n - first);
    std::int64_t* const part = indices.data() + first;
    if (total() > 0) {
      strata(draws, first, count, n, total(), targets);
      find({targets, {count}}, {part, {count}});
    } else {
      strata(draws, first, count, n, static_cast<double>(capacity_), targets);
      for (std::size_t j = 0; j < count; ++j) {
        part[j] = static_cast<std::int64_t>(std::min(static_cast<std::size_t>(targets[j]), capacity_ - 1));
      }
    }
  }
}

}  // namespace nncore
