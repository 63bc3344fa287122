#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nncore/core/view.h"

namespace nncore {

// Word vectors as word2vec, GloVe and fastText write them, read and written block by block: a block is a part of a file
// that the caller holds in memory. Only words and numbers; headers are the caller's.

/// Where a word stands in its block.
struct WordSpan {
  std::size_t begin;
  std::size_t size;
  std::size_t line;  // of the file, from 1; in a binary file nothing
};

/// What a block gave.
struct VectorBlock {
  std::vector<WordSpan> words;  // one for each row that was written
  std::size_t bytes = 0;        // that were used up: the next block begins after them
  std::size_t lines = 0;        // that were used up, of a text
  std::size_t skipped = 0;      // lines left out
  std::string problem;          // of the first line left out
};

/// Lines "word x1 ... xd" into rows (n, d), until those are full or no whole line is left; the last line needs no newline
/// when the block is the last. Lines without anything but spaces count for nothing. One space or more separates, a word
/// has none, numbers are finite and rounded to the nearest T.
/// What is otherwise is a std::invalid_argument that begins with "line ", counted from `first_line`; with `tolerant` the
/// line is left out, or, when the d numbers at its end are in order, everything before them is the word.
template <typename T>
VectorBlock read_text_vectors(std::string_view block, bool last, std::size_t first_line, bool tolerant,
                              View<T, 2> rows);

/// Records "word", space, d little-endian floats into rows (n, d), until those are full or no whole record is left.
/// Newlines before a word are not part of it. A vector with NaN or infinity is a std::invalid_argument that names its
/// byte, counted from `first_byte`; with `tolerant` the record is left out.
VectorBlock read_binary_vectors(std::string_view block, std::size_t first_byte, bool tolerant, View<float, 2> rows);

/// The lines of words, whose bytes end at `ends` in `text`, and of vectors (n, d): the shortest decimals that read back
/// as the same T.
template <typename T>
std::string write_text_vectors(std::string_view text, View<const std::int64_t, 1> ends, View<const T, 2> vectors);

/// The records of words and vectors, each directly after the one before.
std::string write_binary_vectors(std::string_view text, View<const std::int64_t, 1> ends, View<const float, 2> vectors);

}  // namespace nncore
