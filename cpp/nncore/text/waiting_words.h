#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "nncore/text/word_table.h"

namespace nncore {

/// Words and ends of sentences that wait while what their look-up needs is fetched: memory is slower than all the rest.
class WaitingWords {
 public:
  static constexpr std::size_t kMost = 32;  // enough to hide memory's latency, few enough to stay in L1

  explicit WaitingWords(const WordTable& table) : table_(table) {}

  bool full() const { return size_ == kMost; }
  /// A word, whose bytes must stay until take_all(), and where readable bytes end, as in word_key.
  void add_word(std::string_view word, const char* end) {
    keys_[size_] = word_key(word, end);
    table_.fetch_slot(keys_[size_++]);
  }
  void add_end() { keys_[size_++] = WordKey{std::string_view(), 0, 0, 0}; }

  /// Calls word(key) and end() for all of them, in order.
  template <typename Word, typename End>
  void take_all(const Word& word, const End& end) {
    for (std::size_t i = 0; i < size_; ++i) table_.fetch_entry(keys_[i]);
    for (std::size_t i = 0; i < size_; ++i) {
      if (keys_[i].text.data() == nullptr) {
        end();
      } else {
        word(keys_[i]);
      }
    }
    size_ = 0;
  }

 private:
  const WordTable& table_;
  std::array<WordKey, kMost> keys_;
  std::size_t size_ = 0;
};

}  // namespace nncore
