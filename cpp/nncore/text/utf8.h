#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nncore {

/// What becomes of bytes that are not UTF-8, by Python's names.
enum class Utf8Errors { kStrict, kIgnore, kReplace };

/// Length of the character at the start of `text`, which is not empty; 0 where it is not UTF-8 (surrogates are not), and
/// then `skipped` is how many bytes Python's decoder takes for one error.
std::size_t utf8_character(std::string_view text, std::size_t& skipped);

/// Offset of the first byte that is not UTF-8; npos where all are.
std::size_t find_bad_utf8(std::string_view text);

/// `text` without what is not UTF-8 (kIgnore), or with U+FFFD in its place (kReplace), as Python's bytes.decode() has it.
std::string mend_utf8(std::string_view text, Utf8Errors errors);

}  // namespace nncore
