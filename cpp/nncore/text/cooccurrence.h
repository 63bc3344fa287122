#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "nncore/core/view.h"

namespace nncore {

/// How much a pair of words at distance d counts: 1, or 1/d (GloVe).
enum class Weighting { kFlat, kHarmonic };

/// Counts the words within a window to either side of each word, row after row of the (V, V) matrix: from the places of
/// the row's word in the corpus its windows are added to one dense row. Sums are whole numbers (of the least common
/// multiple of the distances, or of 2^-32 for wide windows), so that the matrix is symmetric and the same, bit for bit,
/// in any order of adding and on any number of threads.
///
/// A corpus is a list of ids in [0, V); -1 ends each sentence, and windows end there. It is passed to every call and not
/// kept. The calls, each of which may be cut into short ones:
///   count_words over all ids; then, until `next_row` is V: begin_shard, index over all ids, count_rows to its last row.
class Cooccurrence {
 public:
  /// `words` = V at most 2^31 - 1, `window` at least 1.
  Cooccurrence(std::size_t words, std::size_t window, Weighting weighting);
  ~Cooccurrence();
  Cooccurrence(const Cooccurrence&) = delete;
  Cooccurrence& operator=(const Cooccurrence&) = delete;

  std::size_t words() const { return counts_.size(); }
  std::size_t next_row() const { return next_row_; }

  /// Adds to the words' counts those of ids [begin, end); std::invalid_argument for an id out of range.
  void count_words(View<const std::int32_t, 1> ids, std::size_t begin, std::size_t end);

  /// Makes room for the places of the next rows' words, at most `places` of them or of one row; the number of rows.
  std::size_t begin_shard(std::size_t corpus, std::size_t places);

  /// Notes the places of the shard's words in ids [begin, end); ranges must come in order.
  void index(View<const std::int32_t, 1> ids, std::size_t begin, std::size_t end);

  /// How many rows the next call of count_rows does, about 0.1 s of work, and how many entries they have at most.
  struct Plan {
    std::size_t rows = 0;
    std::size_t entries = 0;
  };
  Plan plan() const;

  /// The next rows: their columns in ascending order and values, one row after another, and each row's number of
  /// entries; all of them. columns and values need room for plan().entries, row_entries (plan().rows).
  template <typename T>
  std::size_t count_rows(View<const std::int32_t, 1> ids, View<std::int32_t, 1> columns, View<T, 1> values,
                         View<std::int64_t, 1> row_entries);

 private:
  struct Scratch;

  /// What a row adds to its sums, at most.
  double row_work(std::size_t row) const;
  std::size_t row_room(std::size_t row) const;
  void reserve_scratch(std::size_t first, std::size_t last);
  template <typename Place, typename T>
  std::size_t count_some(View<const std::int32_t, 1> ids, std::size_t first, std::size_t last, std::int32_t* columns,
                         T* values, std::int64_t* row_entries, Scratch& scratch) const;

  std::size_t window_, next_row_ = 0, shard_begin_ = 0, shard_end_ = 0;
  double unit_ = 1;                     // what a sum of 1 stands for
  std::vector<std::uint64_t> weights_;  // by distance - 1, at least one
  double heaviest_ = 0;                 // the most that one place can add to one sum
  std::vector<std::uint64_t> counts_;   // by word
  std::vector<std::uint64_t> starts_;   // of the shard's words in places; while indexing, where the next place goes
  std::vector<std::uint32_t> places_;
  std::vector<std::uint64_t> far_places_;  // instead, in a corpus of 2^32 ids or more
  bool far_ = false;
  std::vector<std::unique_ptr<Scratch>> scratch_;  // one per thread
};

}  // namespace nncore
