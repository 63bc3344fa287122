#include "nncore/text/utf8.h"

namespace nncore {

std::size_t utf8_character(std::string_view text, std::size_t& skipped) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  skipped = 1;
  const std::size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  for (std::size_t i = 1; i < length; ++i) {
    // The second byte also rules out overlong forms, surrogates and what lies beyond U+10FFFF.
    const unsigned low = i > 1 ? 0x80 : lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = i > 1 ? 0xbf : lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    skipped = i;
    if (i == text.size() || byte(i) < low || byte(i) > high) return 0;
  }
  return length;
}

std::size_t find_bad_utf8(std::string_view text) {
  std::size_t skipped = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_character(text.substr(at), skipped);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

std::string mend_utf8(std::string_view text, Utf8Errors errors) {
  std::string mended;
  std::size_t skipped = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_character(text.substr(at), skipped);
    if (length == 0 && errors == Utf8Errors::kReplace) mended += "\xef\xbf\xbd";
    mended.append(text, at, length);
    at += length == 0 ? skipped : length;
  }
  return mended;
}

}  // namespace nncore
