#include "nncore/text/phrases.h"

namespace nncore {

void PhraseCounter::add_word(std::string_view word) {
  ++words_;
  if (started_) joined_.append(delimiter_).append(word);
  if (connectors_.size() == 0 || connectors_.find(word_key(word)) == WordTable::kNone) {
    wait_for(word);
    if (started_) {
      std::string& pair = pairs_[turn_++ % pairs_.size()];
      pair = joined_;
      wait_for(pair);
    }
    joined_ = word;
    started_ = true;
  }
  if (++since_ == WaitingWords::kMost) take_all();
}

void PhraseCounter::wait_for(std::string_view word) {
  waiting_.add_word(word, word.data() + word.size());
  if (waiting_.full()) take_all();
}

void PhraseCounter::take_all() {
  since_ = 0;
  waiting_.take_all([&](const WordKey& key) { counter_.add_word(key); }, [] {});
}

void PhraseCounter::end_sentence() {
  started_ = false;
  counter_.end_sentence();
  if (counter_.table().size() + WaitingWords::kMost <= most_) return;
  take_all();
  if (counter_.table().size() > most_) counter_.prune(least_++);
}

}  // namespace nncore
