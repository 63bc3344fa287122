#include "nncore/text/vector_files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <system_error>

#include "nncore/core/buffer.h"
#include "nncore/core/threads.h"
#include "nncore/text/decimal.h"
#include "nncore/text/shortest.h"

namespace nncore {
namespace {

constexpr double kReadNanoseconds = 8, kWriteNanoseconds = 40;  // a number, on one thread
constexpr std::size_t kNoWord = std::numeric_limits<std::size_t>::max();

// What bytes.rstrip() of Python takes away; the newline is gone already.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

struct Line {
  const char* begin;
  const char* end;  // without spaces at the end
  std::size_t number;
};

/// Lines of the block, those with spaces only left out, up to `most`.
std::vector<Line> find_lines(std::string_view block, bool last, std::size_t first_line, std::size_t most,
                             VectorBlock& used) {
  std::vector<Line> lines;
  const char* at = block.data();
  const char* const end = at + block.size();
  while (at != end && lines.size() < most) {
    const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (newline == nullptr && !last) break;
    const char* stop = newline != nullptr ? newline : end;
    const char* const next = newline != nullptr ? newline + 1 : end;
    while (stop != at && is_space(stop[-1])) --stop;
    if (stop != at) lines.push_back({at, stop, first_line + used.lines});
    ++used.lines;
    at = next;
  }
  used.bytes = static_cast<std::size_t>(at - block.data());
  return lines;
}

/// A number by the standard library, which must end at `end`; infinity where T has none so large.
template <typename T>
bool read_any(const char* at, const char* end, T& value) {
  if (end - at > 1 && *at == '+' && at[1] != '-') ++at;
  const auto [stop, error] = std::from_chars(at, end, value);
  if (stop != end || error == std::errc::invalid_argument) return false;
  if (error == std::errc::result_out_of_range) {
    double wide = 0;
    const bool fits = !std::is_same_v<T, double> && std::from_chars(at, end, wide).ec == std::errc();
    const std::string_view text(at, static_cast<std::size_t>(end - at));
    const bool tiny = fits ? std::abs(wide) < 1 : text.find("e-") != text.npos || text.find("E-") != text.npos;
    value = tiny ? T(0) : std::numeric_limits<T>::infinity();
  }
  return true;
}

/// The next number before `end`, spaces before it passed over; nullptr where there is none.
template <typename T>
inline const char* read_number(const char* at, const char* end, T& value, bool& finite) {
  if (at == end || *at != ' ') return nullptr;
  while (at != end && *at == ' ') ++at;
  double wide;
  const char* const stop = read_decimal(at, end, wide);
  if (stop != nullptr && (stop == end || *stop == ' ') && (std::is_same_v<T, double> || !is_between_floats(wide))) {
    value = static_cast<T>(wide);
    return stop;
  }
  const auto* space = static_cast<const char*>(std::memchr(at, ' ', static_cast<std::size_t>(end - at)));
  if (space == nullptr) space = end;
  if (!read_any(at, space, value)) return nullptr;
  finite &= std::isfinite(value);
  return space;
}

/// Numbers from `at` to the end of a line into a row: whether they are as many as it needs, and finite.
template <typename T>
bool read_row(const char* at, const char* end, T* row, std::size_t dimensions) {
  bool finite = true;
  for (std::size_t i = 0; i < dimensions; ++i) {
    at = read_number(at, end, row[i], finite);
    if (at == nullptr) return false;
  }
  return at == end && finite;
}

const char* word_end(const Line& line) { return std::find(line.begin, line.end, ' '); }

/// Where the word ends when the last `dimensions` fields are numbers; nullptr where there are fewer.
const char* before_numbers(const Line& line, std::size_t dimensions) {
  const char* at = line.end;
  for (std::size_t i = 0; i < dimensions; ++i) {
    while (at != line.begin && at[-1] != ' ') --at;
    while (at != line.begin && at[-1] == ' ') --at;
    if (at == line.begin && (i + 1 < dimensions || *at != ' ')) return nullptr;
  }
  return at;
}

/// What is wrong with a line that is no row of so many numbers.
template <typename T>
std::string problem_of(const Line& line, std::size_t dimensions) {
  std::string text = "line " + std::to_string(line.number) + ": ";
  const std::string due = std::to_string(dimensions) + " numbers are due after the word";
  std::size_t fields = 0;
  T value = 0;
  for (const char* at = word_end(line); at != line.end; ++fields) {
    const char* const begin = std::find_if(at, line.end, [](char c) { return c != ' '; });
    const char* const next = std::find(begin, line.end, ' ');
    if (fields < dimensions && (!read_any(begin, next, value) || !std::isfinite(value))) {
      const std::string_view shown(begin, std::min<std::size_t>(static_cast<std::size_t>(next - begin), 24));
      text += due + ", but the field " + std::to_string(fields + 2) + " is ";
      if (!std::all_of(shown.begin(), shown.end(), [](char c) { return c > ' ' && c < 127; }))
        return text + "no number";
      return text + "'" + std::string(shown) + (shown.size() == 24 ? "...'" : "'");
    }
    at = next;
  }
  return text + due + ", but there are " + std::to_string(fields);
}

/// Reads a line into a row: where its word ends, nullptr where it is no row.
template <typename T>
const char* read_line(const Line& line, bool tolerant, T* row, std::size_t dimensions) {
  const char* end = word_end(line);
  if (read_row(end, line.end, row, dimensions)) return end;
  if (!tolerant) return nullptr;
  end = before_numbers(line, dimensions);
  return end != nullptr && read_row(end, line.end, row, dimensions) ? end : nullptr;
}

/// Moves the rows that have a word together, and tells of the first that has none.
template <typename T>
void drop_lines(const std::vector<Line>& lines, View<T, 2> rows, VectorBlock& block) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < block.words.size(); ++i) {
    if (block.words[i].size == kNoWord) {
      if (block.skipped++ == 0) block.problem = problem_of<T>(lines[i], rows.extent(1));
      continue;
    }
    if (kept != i) std::copy_n(rows.row(i), rows.extent(1), rows.row(kept));
    block.words[kept++] = block.words[i];
  }
  block.words.resize(kept);
}

std::string_view word_at(std::string_view text, View<const std::int64_t, 1> ends, std::size_t i) {
  const std::int64_t begin = i == 0 ? 0 : ends(i - 1);
  require(begin >= 0 && ends(i) >= begin && static_cast<std::size_t>(ends(i)) <= text.size(),
          "ends must rise from 0 to ", text.size(), ", but has ", ends(i), " after ", begin);
  return text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(ends(i) - begin));
}

char* write_number(char* at, std::size_t room, double value) { return std::to_chars(at, at + room, value).ptr; }

char* write_number(char* at, std::size_t room, float value) {
  return std::isfinite(value) ? write_float(at, value) : std::to_chars(at, at + room, value).ptr;
}

bool all_finite(const float* values, std::size_t count) {
  std::uint32_t bad = 0;  // of the width of the numbers, so that the loop becomes one of vectors
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    bad |= (bits & 0x7F800000) == 0x7F800000 ? 1U : 0U;
  }
  return bad == 0;
}

}  // namespace

template <typename T>
VectorBlock read_text_vectors(std::string_view block, bool last, std::size_t first_line, bool tolerant,
                              View<T, 2> rows) {
  VectorBlock read;
  const std::size_t dimensions = rows.extent(1);
  const std::vector<Line> lines = find_lines(block, last, first_line, rows.extent(0), read);
  read.words.resize(lines.size());
  const double work = kReadNanoseconds * static_cast<double>(lines.size() * dimensions);
  parallel_ranges(lines.size(), 1, work, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const char* const stop = read_line(lines[i], tolerant, rows.row(i), dimensions);
      const auto at = static_cast<std::size_t>(lines[i].begin - block.data());
      read.words[i] = {at, stop == nullptr ? kNoWord : static_cast<std::size_t>(stop - lines[i].begin),
                       lines[i].number};
    }
  });
  const auto bad =
      std::find_if(read.words.begin(), read.words.end(), [](const WordSpan& word) { return word.size == kNoWord; });
  if (bad == read.words.end()) return read;
  require(tolerant, problem_of<T>(lines[static_cast<std::size_t>(bad - read.words.begin())], dimensions));
  drop_lines(lines, rows, read);
  return read;
}

VectorBlock read_binary_vectors(std::string_view block, std::size_t first_byte, bool tolerant, View<float, 2> rows) {
  VectorBlock read;
  const std::size_t size = rows.extent(1) * sizeof(float);
  while (read.words.size() < rows.extent(0)) {
    std::size_t begin = read.bytes;
    while (begin < block.size() && block[begin] == '\n') ++begin;
    const std::size_t space = block.find(' ', begin);
    if (space == std::string_view::npos || block.size() - space - 1 < size) break;
    float* const row = rows.row(read.words.size());
    std::memcpy(row, block.data() + space + 1, size);
    if (all_finite(row, rows.extent(1))) {
      read.words.push_back({begin, space - begin, 0});
    } else {
      const std::string problem = "byte " + std::to_string(first_byte + begin) +
                                  ": the vector of the word that begins here has NaN or infinity";
      require(tolerant, problem);
      if (read.skipped++ == 0) read.problem = problem;
    }
    read.bytes = space + 1 + size;
  }
  return read;
}

template <typename T>
std::string write_text_vectors(std::string_view text, View<const std::int64_t, 1> ends, View<const T, 2> vectors) {
  require(ends.extent(0) == vectors.extent(0), "vectors", "one row for each of the words, ", ends.extent(0), vectors);
  // "-2.2250738585072014e-308", and a space before it.
  constexpr std::size_t kLongest = (sizeof(T) == 4 ? kLongestFloat : 24) + 1;
  const std::size_t count = vectors.extent(0), dimensions = vectors.extent(1);
  const std::size_t room = kLongest * dimensions + kTouchedByFloat;
  Buffer<char> numbers;
  char* const first = numbers.reserve(room * count);
  std::vector<std::size_t> sizes(count);
  const double work = kWriteNanoseconds * static_cast<double>(vectors.size());
  parallel_ranges(count, 1, work, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      char* at = first + i * room;
      for (std::size_t j = 0; j < dimensions; ++j) {
        *at++ = ' ';
        at = write_number(at, kLongest, vectors.row(i)[j]);
      }
      *at++ = '\n';
      sizes[i] = static_cast<std::size_t>(at - (first + i * room));
    }
  });
  std::string lines;
  std::size_t all = text.size();
  for (std::size_t size : sizes) all += size;
  lines.reserve(all);
  for (std::size_t i = 0; i < count; ++i) lines.append(word_at(text, ends, i)).append(first + i * room, sizes[i]);
  return lines;
}

std::string write_binary_vectors(std::string_view text, View<const std::int64_t, 1> ends,
                                 View<const float, 2> vectors) {
  require(ends.extent(0) == vectors.extent(0), "vectors", "one row for each of the words, ", ends.extent(0), vectors);
  const std::size_t size = vectors.extent(1) * sizeof(float);
  std::string records;
  records.reserve(text.size() + vectors.extent(0) * (size + 1));
  for (std::size_t i = 0; i < vectors.extent(0); ++i) {
    records.append(word_at(text, ends, i)).append(1, ' ');
    records.append(reinterpret_cast<const char*>(vectors.row(i)), size);
  }
  return records;
}

template VectorBlock read_text_vectors(std::string_view, bool, std::size_t, bool, View<float, 2>);
template VectorBlock read_text_vectors(std::string_view, bool, std::size_t, bool, View<double, 2>);
template std::string write_text_vectors(std::string_view, View<const std::int64_t, 1>, View<const float, 2>);
template std::string write_text_vectors(std::string_view, View<const std::int64_t, 1>, View<const double, 2>);

}  // namespace nncore
