#include "nncore/text/tokens.h"

namespace nncore {

namespace {

/// Bytes of the white space that ends where `text` ends.
std::size_t last_space(std::string_view text) {
  const char* const end = text.data() + text.size();
  for (std::size_t length = 1; length <= 3 && length <= text.size(); ++length) {
    if (space_length(end - length, end) == length) return length;
  }
  return 0;
}

}  // namespace

std::size_t last_border(std::string_view text, std::size_t before) {
  while (before > 0 && last_space(text.substr(0, before)) == 0) --before;
  return before;
}

bool line_is_open(std::string_view text, bool open) {
  while (!text.empty()) {
    if (text.back() == '\n') return false;
    const std::size_t space = last_space(text);
    if (space == 0) return true;
    text.remove_suffix(space);
  }
  return open;
}

}  // namespace nncore
