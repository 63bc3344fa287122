#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "nncore/text/corpus_text.h"
#include "nncore/text/waiting_words.h"

namespace nncore {

/// Counts words, and each two that follow each other as one, joined (Mikolov et al. 2013), in one table. Connectors are
/// not counted: a pair reaches over them and holds them. No pair reaches over the end of a sentence.
class PhraseCounter {
 public:
  /// With more than `most` words and pairs at the end of a sentence, those that came once are forgotten, the next time
  /// those that came twice, and so on from `least`.
  PhraseCounter(std::string delimiter, WordTable connectors, std::size_t most)
      : delimiter_(std::move(delimiter)), connectors_(std::move(connectors)), most_(most) {}

  /// The word's bytes must stay until WaitingWords::kMost others have come, or take_all() is called.
  void add_word(std::string_view word);
  void end_sentence();
  void take_all();

  /// After take_all().
  WordCounter& counter() { return counter_; }
  std::uint64_t words() const { return words_; }
  /// The count below which words are forgotten the next time.
  std::uint64_t least() const { return least_; }

  // waiting_ knows where counter_ is.
  PhraseCounter(const PhraseCounter&) = delete;
  PhraseCounter& operator=(const PhraseCounter&) = delete;

 private:
  void wait_for(std::string_view word);

  std::string delimiter_;
  WordTable connectors_;
  std::size_t most_;
  WordCounter counter_;
  WaitingWords waiting_{counter_.table()};
  std::array<std::string, WaitingWords::kMost> pairs_;  // that wait
  std::size_t turn_ = 0;
  std::size_t since_ = 0;  // words, connectors too, since none waited
  std::string joined_;     // the last word that is no connector, and the connectors after it
  bool started_ = false;
  std::uint64_t words_ = 0, least_ = 1;
};

}  // namespace nncore
