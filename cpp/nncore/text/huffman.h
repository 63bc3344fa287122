#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/view.h"

namespace nncore {

/// Of each word, the way from the root of a binary tree to its leaf: the inner nodes, numbered below words - 1, and at
/// each of them 0 for left or 1 for right (Huffman 1952).
struct HuffmanTree {
  std::vector<std::size_t> start;   // of word w's way; words + 1 entries
  std::vector<std::int32_t> point;  // inner nodes
  std::vector<std::uint8_t> code;
  std::size_t longest = 0;  // of all ways

  std::size_t words() const { return start.empty() ? 0 : start.size() - 1; }
  std::size_t length(std::size_t word) const { return start[word + 1] - start[word]; }
};

/// The tree of the shortest mean way for these counts; one word has an empty way. The root is node words - 2.
HuffmanTree huffman_tree(View<const std::int64_t, 1> counts);

}  // namespace nncore
