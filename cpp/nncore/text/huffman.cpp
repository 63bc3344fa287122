#include "nncore/text/huffman.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace nncore {

namespace {

struct Node {
  std::uint32_t parent = 0;
  std::uint8_t code = 0;
};

// Leaves first, then inner nodes in the order of their making, which is that of their counts: two queues are enough.
std::vector<Node> link(View<const std::int64_t, 1> counts) {
  const std::size_t words = counts.size();
  std::vector<std::uint32_t> leaves(words);
  std::iota(leaves.begin(), leaves.end(), 0u);
  std::stable_sort(leaves.begin(), leaves.end(), [&](auto a, auto b) { return counts(a) < counts(b); });
  std::vector<Node> nodes(2 * words - 1);
  std::vector<double> inner;  // counts of inner nodes: a sum may be above 2^63
  inner.reserve(words - 1);
  std::size_t next_leaf = 0, next_inner = 0;
  const auto take = [&](std::uint8_t code) {
    const bool leaf = next_inner == inner.size() ||
                      (next_leaf < words && static_cast<double>(counts(leaves[next_leaf])) <= inner[next_inner]);
    const std::size_t node = leaf ? leaves[next_leaf] : words + next_inner;
    const double count = leaf ? static_cast<double>(counts(leaves[next_leaf])) : inner[next_inner];
    ++(leaf ? next_leaf : next_inner);
    nodes[node] = {static_cast<std::uint32_t>(inner.size()), code};
    return count;
  };
  for (std::size_t i = 0; i + 1 < words; ++i) {
    const double left = take(0);
    inner.push_back(left + take(1));
  }
  return nodes;
}

}  // namespace

HuffmanTree huffman_tree(View<const std::int64_t, 1> counts) {
  const std::size_t words = counts.size();
  require(words <= std::numeric_limits<std::int32_t>::max(), "counts must be of at most 2^31 - 1 words, but are of ",
          words);
  HuffmanTree tree;
  tree.start.push_back(0);
  if (words == 0) return tree;
  const std::vector<Node> nodes = link(counts);
  const std::size_t root = 2 * words - 2;
  for (std::size_t word = 0; word < words; ++word) {
    const std::size_t begin = tree.point.size();
    for (std::size_t node = word; node != root; node = words + nodes[node].parent) {
      tree.point.push_back(static_cast<std::int32_t>(nodes[node].parent));
      tree.code.push_back(nodes[node].code);
    }
    std::reverse(tree.point.begin() + static_cast<std::ptrdiff_t>(begin), tree.point.end());
    std::reverse(tree.code.begin() + static_cast<std::ptrdiff_t>(begin), tree.code.end());
    tree.start.push_back(tree.point.size());
    tree.longest = std::max(tree.longest, tree.length(word));
  }
  return tree;
}

}  // namespace nncore
