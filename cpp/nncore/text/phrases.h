#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "nncore/text/corpus_text.h"

namespace nncore {

/// Counts words, and each two that follow each other as one, joined (Mikolov et al. 2013), in one table. Connectors are
/// not counted: a pair reaches over them and holds them. No pair reaches over the end of a sentence.
class PhraseCounter {
 public:
  /// With more than `most` words and pairs at the end of a sentence, those that came once are forgotten, the next time
  /// those that came twice, and so on from `least`.
  PhraseCounter(std::string delimiter, WordTable connectors, std::size_t most)
      : delimiter_(std::move(delimiter)), connectors_(std::move(connectors)), most_(most) {}

  void add_word(std::string_view word);
  void end_sentence();

  WordCounter& counter() { return counter_; }
  std::uint64_t words() const { return words_; }
  /// The count below which words are forgotten the next time.
  std::uint64_t least() const { return least_; }

 private:
  std::string delimiter_;
  WordTable connectors_;
  std::size_t most_;
  WordCounter counter_;
  std::string joined_;  // the last word that is no connector, and the connectors after it
  bool started_ = false;
  std::uint64_t words_ = 0, least_ = 1;
};

}  // namespace nncore
