#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace nncore {

/// Different words, any bytes, numbered from 0 in the order in which they came. Beside its bytes a word takes 8 bytes
/// and its slots 8 each, of which three quarters at most are taken. The hash depends on nothing but the bytes.
class WordTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::size_t kMostWords = INT32_MAX;

  WordTable();
  std::size_t size() const { return starts_.size() - 1; }
  std::string_view word(std::size_t index) const {
    return {bytes_.data() + starts_[index], static_cast<std::size_t>(starts_[index + 1] - starts_[index])};
  }
  /// Number of a word; kNone where it is not here.
  std::uint32_t find(std::string_view word) const;
  /// Number of a word, which is added where it is new: then it is size() - 1.
  std::uint32_t insert(std::string_view word);

  // The same in two steps, for whom a word not found must be checked before it is added.
  static std::uint32_t hash(std::string_view word);
  std::uint32_t find(std::string_view word, std::uint32_t hash) const;
  std::uint32_t append(std::string_view word, std::uint32_t hash);

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t index;  // kNone: empty
  };
  void place(Slot slot);
  void grow();

  std::vector<Slot> slots_;            // a power of two of them
  std::vector<std::uint64_t> starts_;  // of the words in bytes_, and the end of the last
  std::vector<char> bytes_;
};

}  // namespace nncore
