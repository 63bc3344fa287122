#pragma once

// What asks for rows before their turn. For kernels only (see core/simd.h).

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>
#include <utility>

#include "nncore/core/cores.h"
#include "nncore/text/word2vec.h"

namespace nncore {
namespace detail {

/// Outputs that one pass over the columns takes: as many rows as fit the registers, before and after the update.
/// float64 has no target of speed, and small code.
template <typename T>
inline constexpr std::size_t kTile = sizeof(T) == 4 ? 6 : 2;

/// Numbers in a line of the cache.
template <typename T>
inline constexpr std::size_t kLine = 64 / sizeof(T);

/// Rows that are going to be updated and asked for before: into the second level of the cache, or into the first where
/// there is room for what the words of two windows need.
enum class Fetch { kNone, kSecond, kFirst };

inline Fetch fetch_level() { return first_cache() >= 48 * 1024 ? Fetch::kFirst : Fetch::kSecond; }

/// Asks for a line of a row.
template <Fetch F, typename T>
[[gnu::always_inline]] inline void prefetch_line(const T* row) {
  if constexpr (F == Fetch::kFirst) __builtin_prefetch(row, 1, 3);
  if constexpr (F == Fetch::kSecond) __builtin_prefetch(row, 0, 2);
}

/// Asks for a row. Inline in any case: GCC leaves out calls of functions that do nothing else.
template <Fetch F, typename T>
[[gnu::always_inline]] inline void prefetch_row(const T* row, std::size_t columns) {
  for (std::size_t k = 0; k < columns; k += kLine<T>) prefetch_line<F>(row + k);
}

template <typename T>
[[gnu::always_inline]] inline void prefetch_row(const T* row, std::size_t columns, Fetch level) {
  if (level == Fetch::kFirst) return prefetch_row<Fetch::kFirst>(row, columns);
  prefetch_row<Fetch::kSecond>(row, columns);
}

/// Rows that words to come need, one word after the other, which passes over the rows of others ask for meanwhile: asked
/// for all at once they fill the processor's buffers, and it waits.
template <typename T>
class Word2VecComing {
 public:
  /// The next word needs these, a multiple of kTile of them.
  void add(T* const* begin, T* const* end) { words_[added_++ % kWord2VecPlanned] = {begin, end}; }

  /// The next `count` rows of a word, at most kTile, perhaps some of them again; nullptr where there are none.
  T* const* take(std::size_t count) {
    if (!more(added_)) return nullptr;
    T* const* const rows = std::min(begin_, end_ - count);
    begin_ = rows + count;
    return rows;
  }

  /// Takes the rows that are left of the first `words` words.
  template <typename F>
  void take_rest(std::size_t words, const F& f) {
    while (more(std::min(words, added_))) f(*begin_++);
  }

 private:
  /// Whether rows are left of the first `words` words.
  bool more(std::size_t words) {
    while (begin_ == end_ && taken_ < words) std::tie(begin_, end_) = words_[taken_++ % kWord2VecPlanned];
    return begin_ != end_ && taken_ <= words;
  }

  std::array<std::pair<T* const*, T* const*>, kWord2VecPlanned> words_{};
  T *const *begin_ = nullptr, *const *end_ = nullptr;  // what is left of the last word that was begun
  std::size_t added_ = 0, taken_ = 0;
};

/// N rows that a pass over the columns of others asks for meanwhile.
template <typename T, Fetch F, std::size_t N>
struct Word2VecAsked {
  static constexpr Fetch kLevel = F;
  static constexpr std::size_t kRows = N;
  T* const* rows = nullptr;

  /// For the line of row i that begins in this column, if one does.
  [[gnu::always_inline]] void line(std::size_t i, std::size_t column) const {
    if (i < N && column % kLine<T> == 0) prefetch_line<F>(rows[i] + column);
  }
};

// The processor has room for a few lines at a time that are to come to its first level, and waits when it has no more: so
// they are spread. How many a pass asks for was measured.
template <typename T>
using AskedFirst = Word2VecAsked<T, Fetch::kFirst, kTile<T> / 2>;
template <typename T>  // by products of one input with outputs of its own
using AskedFew = Word2VecAsked<T, Fetch::kFirst, 1>;
template <typename T>
using AskedSecond = Word2VecAsked<T, Fetch::kSecond, kTile<T>>;
template <typename T>
using AskedNone = Word2VecAsked<T, Fetch::kNone, 0>;

}  // namespace detail
}  // namespace nncore
