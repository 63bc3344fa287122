#include "nncore/text/phrases.h"

namespace nncore {

void PhraseCounter::add_word(std::string_view word) {
  ++words_;
  const WordKey key = word_key(word);
  const bool connects = connectors_.size() != 0 && connectors_.find(key) != WordTable::kNone;
  if (started_) joined_.append(delimiter_).append(word);
  if (connects) return;
  counter_.add_word(key);
  if (started_) counter_.add_word(word_key(joined_));
  joined_ = word;
  started_ = true;
}

void PhraseCounter::end_sentence() {
  started_ = false;
  counter_.end_sentence();
  if (counter_.table().size() > most_) counter_.prune(least_++);
}

}  // namespace nncore
