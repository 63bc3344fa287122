#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace nncore {

/// A word as WordTable looks for it.
struct WordKey {
  std::string_view text;
  std::uint64_t first, second;  // its bytes, then zeros; for a long one, what tells it from most others
  std::uint32_t hash;           // depends on the bytes alone
};

namespace word_hash {

inline std::uint64_t load(const char* from) {
  std::uint64_t value;
  std::memcpy(&value, from, 8);
  return value;
}

/// Both halves of the product, folded: every bit of a and b reaches every bit of the result.
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Odd, with about as many ones as zeros: digits of the golden ratio and of sqrt(2) and sqrt(3).
inline constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15u, kRoot2 = 0x6a09e667f3bcc909u,
                               kRoot3 = 0xbb67ae8584caa73bu;

/// The first `count` bytes in memory, on the little-endian machines that nncore runs on.
constexpr std::uint64_t bytes_mask(std::size_t count) {
  return count >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * count) - 1;
}

}  // namespace word_hash

inline constexpr std::size_t kShortWord = 16;
WordKey long_word_key(std::string_view word);

/// The key of a word; `end` is where bytes that may be read end, at the word's end or behind it: 16 of them are faster.
inline WordKey word_key(std::string_view word, const char* end) {
  using namespace word_hash;
  const std::size_t length = word.size();
  if (length > kShortWord) return long_word_key(word);
  char bytes[kShortWord] = {};
  const char* from = word.data();
  if (end - from < static_cast<std::ptrdiff_t>(kShortWord)) {
    if (length != 0) std::memcpy(bytes, from, length);
    from = bytes;
  }
  const std::uint64_t first = load(from) & bytes_mask(length);
  const std::uint64_t second = length > 8 ? load(from + 8) & bytes_mask(length - 8) : 0;
  const std::uint64_t state = mix(first ^ kRoot2, second ^ kRoot3 ^ length * kGolden);
  return {word, first, second, static_cast<std::uint32_t>(mix(state, kGolden))};
}
inline WordKey word_key(std::string_view word) { return word_key(word, word.data() + word.size()); }

/// Different words, any bytes, numbered from 0 in the order in which they came, and a count for each. A word of up to 16
/// bytes takes 32 (others their bytes more), and the slots 8 each, of which three quarters at most are taken.
class WordTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::size_t kMostWords = INT32_MAX;

  WordTable();
  std::size_t size() const { return entries_.size(); }
  /// Lasts until a word is added.
  std::string_view word(std::size_t index) const {
    const Entry& entry = entries_[index];
    return {entry.length > kShortWord ? bytes_.data() + entry.first : reinterpret_cast<const char*>(&entry.first),
            entry.length};
  }
  /// 0 for a new word.
  std::uint64_t& count(std::size_t index) { return entries_[index].count; }
  std::uint64_t count(std::size_t index) const { return entries_[index].count; }

  /// Number of a word; kNone where it is not here.
  std::uint32_t find(const WordKey& key) const {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = key.hash & mask;; at = (at + 1) & mask) {
      const Slot slot = slots_[at];
      if (slot.index == kNone || (slot.hash == key.hash && is_word(entries_[slot.index], key))) return slot.index;
    }
  }
  /// Adds a word that is not here: its number is size() - 1 then.
  std::uint32_t append(const WordKey& key);
  /// Number of a word, which is added where it is new.
  std::uint32_t insert(std::string_view word) {
    const WordKey key = word_key(word);
    const std::uint32_t found = find(key);
    return found != kNone ? found : append(key);
  }

  // What find() will need, for whoever looks for other words meanwhile: first the one, then the other.
  void fetch_slot(const WordKey& key) const { __builtin_prefetch(&slots_[key.hash & (slots_.size() - 1)]); }
  void fetch_entry(const WordKey& key) const {
    const Slot slot = slots_[key.hash & (slots_.size() - 1)];
    if (slot.index != kNone) __builtin_prefetch(&entries_[slot.index]);
  }

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t index;  // kNone: empty
  };
  struct Entry {
    std::uint64_t first, second;  // of the key; a long word's first is where it starts in bytes_
    std::uint64_t count;
    std::uint32_t length;
  };
  bool is_word(const Entry& entry, const WordKey& key) const {
    if (entry.length != key.text.size() || entry.second != key.second) return false;
    return entry.length > kShortWord ? std::string_view(bytes_.data() + entry.first, entry.length) == key.text
                                     : entry.first == key.first;
  }
  void place(Slot slot);
  void grow();

  std::vector<Slot> slots_;  // a power of two of them
  std::vector<Entry> entries_;
  std::vector<char> bytes_;  // of the long words
};

}  // namespace nncore
