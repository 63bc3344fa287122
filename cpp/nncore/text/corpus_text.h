#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nncore/core/view.h"
#include "nncore/text/utf8.h"
#include "nncore/text/word_table.h"

namespace nncore {

/// How far a text has been read. A sentence is a line with at least one word.
struct TextPosition {
  std::uint64_t bytes = 0, lines = 0, sentences = 0, words = 0;
  bool open = false;  // words have come since the last \n
};

/// Counts words. The text comes in blocks of any size, sentences in words; order and counts do not depend on the size of
/// blocks or on threads.
class WordCounter {
 public:
  explicit WordCounter(Utf8Errors errors = Utf8Errors::kStrict) : errors_(errors) {}

  /// Counts the words of a block, up to the last white space in it, or to its end with `last`, where the line ends too.
  /// Returns how many bytes that were: the rest must come again, in front of what follows it. Throws
  /// std::invalid_argument for bytes that are not UTF-8; then counting cannot go on.
  std::size_t add_text(std::string_view block, bool last);
  /// Counts one word of valid UTF-8, which may hold white space or nothing.
  void add_word(const WordKey& key);
  void end_sentence() { ++position_.sentences; }

  /// Leaves out words that came fewer than `least` times, or those with keep[index] == 0. The order stays.
  void prune(std::uint64_t least);
  void prune(View<const bool, 1> keep);

  const TextPosition& position() const { return position_; }
  /// The words, with the counts that gather() has put together.
  const WordTable& table() const { return own_; }
  void gather();

 private:
  // What another thread has counted since the counts were last gathered; `number[i]` is its word i's in own_.
  struct Share {
    WordTable table;
    std::vector<std::uint32_t> number;
  };
  bool count(WordTable& table, const WordKey& key) const;
  template <typename Keep>
  void keep_words(const Keep& keep);

  Utf8Errors errors_;
  TextPosition position_;
  WordTable own_;  // the first part of every block, and all words of the others
  std::vector<Share> shares_;
};

/// Puts words' numbers in place of words: -1 ends each sentence, words that are not in the table are left out.
class TextEncoder {
 public:
  TextEncoder(const WordTable& table, Utf8Errors errors) : table_(table), errors_(errors) {}

  struct Step {
    std::size_t consumed, written;
  };
  /// As WordCounter::add_text. `ids` has room for block.size() + 1 numbers.
  Step add_text(std::string_view block, bool last, std::int32_t* ids);
  // For words that do not come as text.
  void add_word() { ++position_.words; }
  void end_sentence() { ++position_.sentences; }

  const TextPosition& position() const { return position_; }

 private:
  const WordTable& table_;
  Utf8Errors errors_;
  TextPosition position_;
};

}  // namespace nncore
