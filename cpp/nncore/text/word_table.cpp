#include "nncore/text/word_table.h"

#include <cstring>

#include "nncore/core/view.h"

namespace nncore {

namespace {

template <typename T>
std::uint64_t load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

/// Both halves of the product, folded: every bit of a and b reaches every bit of the result.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Odd, with as many ones as zeros: digits of the golden ratio and of sqrt(2) and sqrt(3).
constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15u;
constexpr std::uint64_t kRoot2 = 0x6a09e667f3bcc909u;
constexpr std::uint64_t kRoot3 = 0xbb67ae8584caa73bu;

}  // namespace

std::uint32_t WordTable::hash(std::string_view word) {
  const char* at = word.data();
  std::size_t left = word.size();
  std::uint64_t state = left * kGolden;
  for (; left > 16; at += 16, left -= 16)
    state = mix(load<std::uint64_t>(at) ^ kRoot2, load<std::uint64_t>(at + 8) ^ state);
  std::uint64_t first = 0, second = 0;  // the rest, in reads that may overlap
  if (left >= 8) {
    first = load<std::uint64_t>(at);
    second = load<std::uint64_t>(at + left - 8);
  } else if (left >= 4) {
    first = load<std::uint32_t>(at);
    second = load<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    first = load<std::uint8_t>(at) | load<std::uint8_t>(at + left / 2) << 8 | load<std::uint8_t>(at + left - 1) << 16;
  }
  state = mix(mix(first ^ kRoot2, second ^ kRoot3 ^ state), kGolden);
  return static_cast<std::uint32_t>(state);
}

WordTable::WordTable() : slots_(1024, Slot{0, kNone}), starts_{0} {}

std::uint32_t WordTable::find(std::string_view word, std::uint32_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot slot = slots_[at];
    if (slot.index == kNone) return kNone;
    if (slot.hash == hash && this->word(slot.index) == word) return slot.index;
  }
}

std::uint32_t WordTable::find(std::string_view word) const { return find(word, hash(word)); }

std::uint32_t WordTable::append(std::string_view word, std::uint32_t hash) {
  const std::size_t index = size();
  require(index < kMostWords, "a corpus may have ", kMostWords, " different words, but came with more");
  if ((index + 1) * 4 > slots_.size() * 3) grow();
  bytes_.resize(starts_.back());  // what a call that ran out of memory left
  bytes_.insert(bytes_.end(), word.begin(), word.end());
  starts_.push_back(bytes_.size());
  place({hash, static_cast<std::uint32_t>(index)});
  return static_cast<std::uint32_t>(index);
}

std::uint32_t WordTable::insert(std::string_view word) {
  const std::uint32_t hash = WordTable::hash(word);
  const std::uint32_t found = find(word, hash);
  return found != kNone ? found : append(word, hash);
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
