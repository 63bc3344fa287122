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
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kAhead = 8;  // blocks fetched before their turn

// Two draws side by side.
using Reals = double __attribute__((vector_size(16)));
using Words = std::int64_t __attribute__((vector_size(16)));

inline Reals both(const double* a, const double* b) { return Reals{*a, *b}; }

/// All ones where a target goes right, past `left`, which is then taken from it. A branch here would be guessed wrong
/// every second time.
inline Words pass(Reals& target, Reals left) {
  const Words right = target >= left;
  target -= (Reals)((Words)left & right);
  return right;
}

/// Sum of a block, in the order in which find() goes down.
inline double block_sum(const double* p) { return ((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7])); }

}  // namespace

SumTree::SumTree(std::size_t capacity) : capacity_(capacity) {
  require(capacity >= 1 && capacity <= kMostLeaves, "capacity must be from 1 to 2^32, but is ", capacity);
  const std::size_t blocks = (capacity + kBlock - 1) / kBlock;
  for (blocks_ = 1; blocks_ < blocks;) blocks_ *= 2;
  largest_ = std::numeric_limits<double>::max() / static_cast<double>(kBlock * blocks_);
  leaf_count_ = blocks * kBlock;
  pages_.grow(sizeof(double) * (leaf_count_ + 8 + 2 * blocks_) + sizeof(Range) * (2 * blocks_ + 4));
  leaves_ = reinterpret_cast<double*>(pages_.data());
  sums_ = leaves_ + leaf_count_;
  ranges_ = reinterpret_cast<Range*>(sums_ + (2 * blocks_ + 7) / 8 * 8);
  std::fill_n(ranges_, 2 * blocks_, Range{kInfinity, 0});
}

void SumTree::check(View<const std::int64_t, 1> indices) const {
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (static_cast<std::uint64_t>(indices(i)) < capacity_) continue;
    throw std::out_of_range("indices must be from 0 to " + std::to_string(capacity_ - 1) + ", but entry " +
                            std::to_string(i) + " is " + std::to_string(indices(i)));
  }
}

void SumTree::check(View<const double, 1> priorities) const {
  for (std::size_t i = 0; i < priorities.size(); ++i) {
    if (priorities(i) >= 0 && priorities(i) <= largest_) continue;
    require(false, "priorities must be finite, at least 0 and at most ", largest_, ", but entry ", i, " is ",
            priorities(i));
  }
}

void SumTree::update(View<const std::int64_t, 1> indices, View<const double, 1> priorities) {
  require(priorities.size() == indices.size(), "priorities", "one per index: ", indices.size(), priorities);
  check(indices);
  check(priorities);
  set(indices, priorities);
}

void SumTree::set(View<const std::int64_t, 1> indices, View<const double, 1> priorities) {
  const std::size_t n = indices.size();
  blocks_changed_.resize(n);
  ranges_changed_.reserve(n);
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto leaf = static_cast<std::size_t>(indices(i));
    if (i + kAhead < n) __builtin_prefetch(leaves_ + indices(i + kAhead), 1);
    leaves_[leaf] = priorities(i);
    const auto block = static_cast<std::uint32_t>(blocks_ + leaf / kBlock);
    count -= count > 0 && blocks_changed_[count - 1] == block;  // neighbours of one block count once
    blocks_changed_[count++] = block;
  }
  blocks_changed_.resize(count);
  climb();
}

void SumTree::fill(std::size_t first, std::size_t count, double priority) {
  std::fill_n(leaves_ + first, count, priority);
  refresh(first, count);
}

void SumTree::assign(View<const double, 1> priorities) {
  require(priorities.size() <= capacity_, "priorities", "at most as many as the capacity, ", capacity_, priorities);
  check(priorities);
  std::copy_n(priorities.data(), priorities.size(), leaves_);
  refresh(0, priorities.size());
}

/// Makes anew what stands over leaves that follow each other.
void SumTree::refresh(std::size_t first, std::size_t count) {
  if (count == 0) return;
  const std::size_t begin = first / kBlock, end = (first + count - 1) / kBlock + 1;
  blocks_changed_.resize(end - begin);
  for (std::size_t block = begin; block < end; ++block) {
    blocks_changed_[block - begin] = static_cast<std::uint32_t>(blocks_ + block);
  }
  climb();
}

SumTree::Range SumTree::block_range(const double* p) const {
  const auto least = [](double a, double b) { return std::min(a, b); };
  const auto greatest = [](double a, double b) { return std::max(a, b); };
  Range range{least(least(least(p[0], p[1]), least(p[2], p[3])), least(least(p[4], p[5]), least(p[6], p[7]))),
              greatest(greatest(greatest(p[0], p[1]), greatest(p[2], p[3])),
                       greatest(greatest(p[4], p[5]), greatest(p[6], p[7])))};
  if (range.least > 0) return range;
  range.least = kInfinity;
  for (std::size_t k = 0; k < kBlock; ++k) {
    if (p[k] > 0) range.least = std::min(range.least, p[k]);
  }
  return range;
}

/// Makes anew what stands over the blocks that changed, level by level.
void SumTree::climb() {
  const std::size_t count = blocks_changed_.size();
  const std::uint32_t* const changed = blocks_changed_.data();
  ranges_changed_.resize(std::max(ranges_changed_.size(), count));
  std::uint32_t* const ranges = ranges_changed_.data();
  std::size_t range_count = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) {
      __builtin_prefetch(ranges_ + changed[i + kAhead], 1);
      __builtin_prefetch(sums_ + changed[i + kAhead], 1);
    }
    const std::uint32_t node = changed[i];
    const double* p = leaves_ + kBlock * (node - blocks_);
    sums_[node] = block_sum(p);
    const Range range = block_range(p);
    ranges[range_count] = node;
    range_count += (range.least != ranges_[node].least) | (range.greatest != ranges_[node].greatest);
    ranges_[node] = range;
  }
  // Parents of several nodes are made several times: to find these would take longer. Where a level has hardly more
  // nodes than have changed, all are made.
  std::size_t level = blocks_ / 2;
  for (int above = 1; level > 2 * count; level /= 2, ++above) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t node = changed[i] >> above;
      sums_[node] = sums_[2 * std::size_t{node}] + sums_[2 * std::size_t{node} + 1];
    }
  }
  for (std::size_t node = 2 * level; node-- > 1;) sums_[node] = sums_[2 * node] + sums_[2 * node + 1];
  while (range_count > 0 && ranges[0] > 1) {  // ranges rarely change far up
    std::size_t parents = 0;
    for (std::size_t i = 0; i < range_count; ++i) {
      const std::uint32_t parent = ranges[i] / 2;
      const Range *left = ranges_ + 2 * std::size_t{parent}, *right = left + 1;
      const Range range{std::min(left->least, right->least), std::max(left->greatest, right->greatest)};
      ranges[parents] = parent;
      parents += (range.least != ranges_[parent].least) | (range.greatest != ranges_[parent].greatest);
      ranges_[parent] = range;
    }
    range_count = parents;
  }
}

void SumTree::find(View<double, 1> targets, View<std::int64_t, 1> indices) const {
  Words nodes[kStrataChunk / 2];
  Reals pairs[kStrataChunk / 2];
  for (std::size_t first = 0; first < indices.size(); first += kStrataChunk) {
    const std::size_t count = std::min(kStrataChunk, indices.size() - first), halves = (count + 1) / 2;
    pairs[halves - 1] = Reals{};
    std::memcpy(pairs, targets.data() + first, count * sizeof(double));
    std::fill_n(nodes, halves, Words{1, 1});
    // All draws go down one level at a time, so that the processor fetches for many of them at once.
    const double* const sums = sums_;
    for (std::size_t level = 1; level < blocks_; level *= 2) {
      for (std::size_t j = 0; j < halves; ++j) {
        const Words node = nodes[j] * 2;
        nodes[j] = node - pass(pairs[j], both(sums + node[0], sums + node[1]));
      }
    }
    for (std::size_t j = 0; j < halves; ++j) {
      const Words found = find_leaves(nodes[j], pairs[j]);
      indices(first + 2 * j) = found[0];
      if (2 * j + 1 < count) indices(first + 2 * j + 1) = found[1];
    }
  }
}

/// Goes on from two blocks to leaves; their sums are made here, as in sum_block().
SumTree::Words SumTree::find_leaves(Words nodes, Reals target) const {
  const double* p[2];
  for (int k = 0; k < 2; ++k) {
    const std::size_t leaf = kBlock * (static_cast<std::size_t>(nodes[k]) - blocks_);
    p[k] = leaves_ + std::min(leaf, leaf_count_ - kBlock);  // rounding may lead past the last block
  }
  const double *a = p[0], *b = p[1];
  Words right = pass(target, (both(a, b) + both(a + 1, b + 1)) + (both(a + 2, b + 2) + both(a + 3, b + 3))) & 4;
  a += right[0], b += right[1];
  right = pass(target, both(a, b) + both(a + 1, b + 1)) & 2;
  a += right[0], b += right[1];
  right = pass(target, both(a, b)) & 1;
  a += right[0], b += right[1];
  std::size_t first = static_cast<std::size_t>(a - leaves_), second = static_cast<std::size_t>(b - leaves_);
  if (!(*a > 0)) first = nearest(first);
  if (!(*b > 0)) second = nearest(second);
  return Words{static_cast<std::int64_t>(first), static_cast<std::int64_t>(second)};
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
