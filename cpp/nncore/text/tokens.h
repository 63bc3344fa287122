#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace nncore {

// Words of UTF-8 text as Python's str.split() finds them, in lines that end with \n and nothing else.

/// Bytes of the white space at `at`: 0 where another character stands there. `at` is before `end`.
inline std::size_t space_length(const char* at, const char* end) {
  const auto byte = [&](std::ptrdiff_t i) { return static_cast<unsigned char>(at[i]); };
  const unsigned first = byte(0);
  if (first <= 0x20) return first == 0x20 || (first >= 0x09 && first <= 0x0d) || first >= 0x1c;
  if (first < 0xc2 || first > 0xe3) return 0;
  if (first == 0xc2) return end - at > 1 && (byte(1) == 0x85 || byte(1) == 0xa0) ? 2 : 0;
  if (first < 0xe1 || end - at < 3) return 0;
  const unsigned rest = byte(1) << 8 | byte(2);
  if (first == 0xe1) return rest == 0x9a80 ? 3 : 0;         // U+1680
  if (first == 0xe3) return rest == 0x8080 ? 3 : 0;         // U+3000
  const bool space = (rest >= 0x8080 && rest <= 0x808a) ||  // U+2000 to U+200A
                     rest == 0x80a8 || rest == 0x80a9 ||    // U+2028, U+2029
                     rest == 0x80af || rest == 0x819f;      // U+202F, U+205F
  return space ? 3 : 0;
}

/// Where the word at `at` ends.
inline const char* word_end(const char* at, const char* end) {
  while (end - at >= 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, at, 8);
    // The lowest byte set here is the first below 0x21 or above 0x7f: only there can white space be.
    const std::uint64_t marked = ((bytes - 0x2121212121212121u) | bytes) & 0x8080808080808080u;
    if (marked == 0) {
      at += 8;
      continue;
    }
    at += __builtin_ctzll(marked) / 8;
    if (space_length(at, end) != 0) return at;
    ++at;
  }
  while (at < end && space_length(at, end) == 0) ++at;
  return at;
}

/// Calls word(std::string_view) and line() (at each \n), in order.
template <typename Word, typename Line>
void split(std::string_view text, const Word& word, const Line& line) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const std::size_t space = space_length(at, end);
    if (space != 0) {
      if (*at == '\n') line();
      at += space;
      continue;
    }
    const char* const stop = word_end(at, end);
    word(std::string_view(at, static_cast<std::size_t>(stop - at)));
    at = stop;
  }
}

/// End of the last white space in text[0, before]; 0 where there is none.
std::size_t last_border(std::string_view text, std::size_t before);

/// Whether words stand between the last \n and the end of `text`; `open` where text has no \n and no word.
bool line_is_open(std::string_view text, bool open);

}  // namespace nncore
