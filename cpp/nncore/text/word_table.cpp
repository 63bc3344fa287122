#include "nncore/text/word_table.h"

#include "nncore/core/view.h"

namespace nncore {

using namespace word_hash;

namespace {

std::uint64_t hash_of_long(std::string_view word) {
  std::uint64_t state = word.size() * kGolden;
  const char* at = word.data();
  for (std::size_t left = word.size(); left > 16; at += 16, left -= 16) {
    state = mix(load(at) ^ kRoot2, load(at + 8) ^ state);
  }
  const char* const end = word.data() + word.size();
  return mix(load(end - 16) ^ kRoot3, load(end - 8) ^ state);
}

}  // namespace

WordKey long_word_key(std::string_view word) {
  const std::uint64_t hash = hash_of_long(word);
  return {word, 0, hash, static_cast<std::uint32_t>(mix(hash, kGolden))};
}

WordTable::WordTable() : slots_(1024, Slot{0, kNone}) {}

std::uint32_t WordTable::append(const WordKey& key) {
  const std::size_t index = size();
  require(index < kMostWords, "a corpus may have ", kMostWords, " different words, but came with more");
  require(key.text.size() <= UINT32_MAX, "a word may have ", UINT32_MAX, " bytes, but came with ", key.text.size());
  if ((index + 1) * 4 > slots_.size() * 3) grow();
  Entry entry{key.first, key.second, 0, static_cast<std::uint32_t>(key.text.size())};
  if (entry.length > kShortWord) {
    entry.first = bytes_.size();
    bytes_.insert(bytes_.end(), key.text.begin(), key.text.end());
  }
  entries_.push_back(entry);
  place({key.hash, static_cast<std::uint32_t>(index)});
  return static_cast<std::uint32_t>(index);
}

void WordTable::place(Slot slot) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = slot.hash & mask;
  while (slots_[at].index != kNone) at = (at + 1) & mask;
  slots_[at] = slot;
}

void WordTable::grow() {
  std::vector<Slot> old(slots_.size() * 2, Slot{0, kNone});
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.index != kNone) place(slot);
  }
}

}  // namespace nncore
