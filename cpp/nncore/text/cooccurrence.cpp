#include "nncore/text/cooccurrence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>

#include "nncore/core/threads.h"

namespace nncore {

namespace {

constexpr double kWorkOfACall = 40e6;       // additions, at about 1.5 ns
constexpr std::size_t kLookAhead = 12;      // places: as many windows are on their way from memory at once
constexpr std::size_t kExactUpTo = 22;      // the least common multiple of 1 ... 22 is below 2^32
constexpr double kMostNarrow = 4294967295;  // of a sum in 32 bits

/// Which sums are not zero: a bit for each, and a bit for each 64 of those, by which they are found in ascending order.
class Touched {
 public:
  void resize(std::size_t count) {
    low_.assign(count / 64 + 1, 0);
    high_.assign(low_.size() / 64 + 1, 0);
  }
  void add(std::size_t i) {
    low_[i / 64] |= std::uint64_t{1} << i % 64;
    high_[i / 4096] |= std::uint64_t{1} << i / 64 % 64;
  }
  /// Calls f for each in ascending order and forgets them.
  template <typename F>
  void take(const F& f) {
    for (std::size_t h = 0; h < high_.size(); ++h) {
      for (std::uint64_t top = high_[h]; top != 0; top &= top - 1) {
        const std::size_t l = h * 64 + static_cast<std::size_t>(__builtin_ctzll(top));
        for (std::uint64_t bits = low_[l]; bits != 0; bits &= bits - 1) {
          f(l * 64 + static_cast<std::size_t>(__builtin_ctzll(bits)));
        }
        low_[l] = 0;
      }
      high_[h] = 0;
    }
  }

 private:
  std::vector<std::uint64_t> low_, high_;
};

struct Corpus {
  const std::int32_t* ids;
  std::size_t size, window;
};

/// Calls add(word, distance - 1) for the words in the windows around the places.
template <typename Place, typename Add>
inline void for_each_neighbour(const Corpus& corpus, const Place* place, const Place* end, const Add& add) {
  for (; place != end; ++place) {
    if (end - place > static_cast<std::ptrdiff_t>(kLookAhead)) {
      const std::int32_t* soon = corpus.ids + place[kLookAhead];
      __builtin_prefetch(soon);
      __builtin_prefetch(soon - 8);
    }
    const std::int32_t* at = corpus.ids + *place;
    const std::size_t before = std::min<std::size_t>(corpus.window, *place);
    const std::size_t after = std::min<std::size_t>(corpus.window, corpus.size - 1 - *place);
    for (std::size_t d = 0; d < before; ++d) {
      const std::int32_t word = *(at - 1 - d);
      if (word < 0) break;
      add(static_cast<std::size_t>(word), d);
    }
    for (std::size_t d = 0; d < after; ++d) {
      const std::int32_t word = at[1 + d];
      if (word < 0) break;
      add(static_cast<std::size_t>(word), d);
    }
  }
}

/// One row: adds the windows around its places to `sums`, moves those that are not zero out and leaves zeros.
template <typename Sum, typename Place, typename Put>
void count_row(const Corpus& corpus, const Place* place, const Place* end, const Sum* weights, std::vector<Sum>& sums,
               Touched& touched, const Put& put) {
  Sum* const sum = sums.data();
  const double additions = 2.0 * static_cast<double>(corpus.window) * static_cast<double>(end - place);
  if (additions > 0.5 * static_cast<double>(sums.size())) {  // then looking at every sum costs less than noting which
    for_each_neighbour(corpus, place, end, [&](std::size_t word, std::size_t d) { sum[word] += weights[d]; });
    for (std::size_t word = 0; word < sums.size(); ++word) {
      if (sum[word] == 0) continue;
      put(word, sum[word]);
      sum[word] = 0;
    }
    return;
  }
  for_each_neighbour(corpus, place, end, [&](std::size_t word, std::size_t d) {
    if (sum[word] == 0) touched.add(word);
    sum[word] += weights[d];
  });
  touched.take([&](std::size_t word) {
    put(word, sum[word]);
    sum[word] = 0;
  });
}

template <typename T>
T value_of(std::uint64_t sum, double unit) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(sum);
  } else {
    return static_cast<T>(static_cast<double>(sum) / unit);
  }
}

}  // namespace

struct Cooccurrence::Scratch {
  std::vector<std::uint32_t> narrow, narrow_weights;
  std::vector<std::uint64_t> wide;
  Touched touched;
};

Cooccurrence::Cooccurrence(std::size_t words, std::size_t window, Weighting weighting)
    : window_(window), counts_(words, 0) {
  require(words < (std::size_t{1} << 31), "words must be below 2^31, but are ", words);
  require(window >= 1 && window < (std::size_t{1} << 31), "window must be from 1 to 2^31 - 1, but is ", window);
  std::uint64_t unit = 1;
  if (weighting == Weighting::kHarmonic) {
    unit = std::uint64_t{1} << 32;
    if (window <= kExactUpTo) {
      unit = 1;
      for (std::uint64_t d = 2; d <= window; ++d) unit = std::lcm(unit, d);
    }
  }
  unit_ = static_cast<double>(unit);
  weights_.resize(window);
  for (std::size_t d = 1; d <= window; ++d) {
    weights_[d - 1] = weighting == Weighting::kFlat ? 1 : std::max<std::uint64_t>((unit + d / 2) / d, 1);
    heaviest_ += 2 * static_cast<double>(weights_[d - 1]);
  }
}

Cooccurrence::~Cooccurrence() = default;

void Cooccurrence::count_words(View<const std::int32_t, 1> ids, std::size_t begin, std::size_t end) {
  require(begin <= end && end <= ids.size(), "end must be from begin to the number of ids, but is ", end);
  std::int32_t lowest = 0, highest = -1;
  for (std::size_t i = begin; i < end; ++i) {
    lowest = std::min(lowest, ids.data()[i]);
    highest = std::max(highest, ids.data()[i]);
  }
  require(lowest >= -1 && (highest < 0 || static_cast<std::size_t>(highest) < words()), "ids must be from -1 to ",
          words(), " - 1, but are from ", lowest, " to ", highest);
  for (std::size_t i = begin; i < end; ++i) {
    if (ids.data()[i] >= 0) ++counts_[static_cast<std::size_t>(ids.data()[i])];
  }
}

std::size_t Cooccurrence::begin_shard(std::size_t corpus, std::size_t places) {
  require(next_row_ == shard_end_, "a shard must be counted to its end before the next begins");
  far_ = corpus > std::numeric_limits<std::uint32_t>::max();
  std::uint64_t total = 0;
  std::size_t last = next_row_;
  starts_.assign(1, 0);
  while (last < words() && (last == next_row_ || total + counts_[last] <= places)) {
    total += counts_[last++];
    starts_.push_back(total);
  }
  shard_begin_ = next_row_;
  shard_end_ = last;
  far_ ? far_places_.resize(total) : places_.resize(total);
  starts_.insert(starts_.begin(), 0);  // start r + 1 moves on to start r + 2 while the places of row r come in
  return shard_end_ - shard_begin_;
}

void Cooccurrence::index(View<const std::int32_t, 1> ids, std::size_t begin, std::size_t end) {
  require(begin <= end && end <= ids.size(), "end must be from begin to the number of ids, but is ", end);
  const std::size_t rows = shard_end_ - shard_begin_;
  const auto note = [&](auto* places) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t row = static_cast<std::size_t>(ids.data()[i]) - shard_begin_;
      if (ids.data()[i] < 0 || row >= rows) continue;
      std::uint64_t& next = starts_[row + 1];
      if (next == starts_.back()) continue;  // more than count_words saw: refused by count_rows
      places[next++] = static_cast<std::remove_reference_t<decltype(*places)>>(i);
    }
  };
  far_ ? note(far_places_.data()) : note(places_.data());
}

double Cooccurrence::row_work(std::size_t row) const {
  return 2 * static_cast<double>(window_) * static_cast<double>(counts_[row]);
}

std::size_t Cooccurrence::row_room(std::size_t row) const {
  return row_work(row) < static_cast<double>(words()) ? static_cast<std::size_t>(row_work(row)) : words();
}

Cooccurrence::Plan Cooccurrence::plan() const {
  Plan plan;
  double work = 0;
  const double most = kWorkOfACall * num_threads();
  for (std::size_t row = next_row_; row < shard_end_ && (plan.rows == 0 || work + row_work(row) <= most); ++row) {
    work += row_work(row) + 1;
    plan.entries += row_room(row);
    ++plan.rows;
  }
  return plan;
}

void Cooccurrence::reserve_scratch(std::size_t first, std::size_t last) {
  bool wide = false;
  for (std::size_t row = first; row < last; ++row) {
    wide = wide || static_cast<double>(counts_[row]) * heaviest_ > kMostNarrow;
  }
  scratch_.resize(static_cast<std::size_t>(num_threads()));
  for (auto& each : scratch_) {
    if (each == nullptr) {
      each = std::make_unique<Scratch>();
      each->narrow.assign(words(), 0);
      each->touched.resize(words());
      each->narrow_weights.assign(weights_.begin(), weights_.end());
    }
    if (wide) each->wide.resize(words());
  }
}

template <typename Place, typename T>
std::size_t Cooccurrence::count_some(View<const std::int32_t, 1> ids, std::size_t first, std::size_t last,
                                     std::int32_t* columns, T* values, std::int64_t* row_entries,
                                     Scratch& scratch) const {
  const Corpus corpus{ids.data(), ids.size(), window_};
  std::size_t used = 0;
  for (std::size_t row = first; row < last; ++row) {
    const std::size_t before = used;
    const auto put = [&](std::size_t word, std::uint64_t sum) {
      columns[used] = static_cast<std::int32_t>(word);
      values[used++] = value_of<T>(sum, unit_);
    };
    const Place* places;
    if constexpr (sizeof(Place) == 4) {
      places = places_.data();
    } else {
      places = far_places_.data();
    }
    const Place* begin = places + starts_[row - shard_begin_];
    const Place* end = places + starts_[row - shard_begin_ + 1];
    if (static_cast<double>(counts_[row]) * heaviest_ > kMostNarrow) {
      count_row(corpus, begin, end, weights_.data(), scratch.wide, scratch.touched, put);
    } else {
      count_row(corpus, begin, end, scratch.narrow_weights.data(), scratch.narrow, scratch.touched, put);
    }
    row_entries[row - next_row_] = static_cast<std::int64_t>(used - before);
  }
  return used;
}

template <typename T>
std::size_t Cooccurrence::count_rows(View<const std::int32_t, 1> ids, View<std::int32_t, 1> columns, View<T, 1> values,
                                     View<std::int64_t, 1> row_entries) {
  const Plan todo = plan();
  require(columns.size() >= todo.entries, "columns", "as many as planned: ", todo.entries, columns);
  require(values.size() >= todo.entries, "values", "as many as planned: ", todo.entries, values);
  require(row_entries.size() == todo.rows, "row_entries", "one per row: ", todo.rows, row_entries);
  std::uint64_t expected = 0;
  for (std::size_t row = shard_begin_; row < shard_end_; ++row) {
    expected += counts_[row];
    require(starts_[row - shard_begin_ + 1] == expected, "ids must be those that were counted, all of them indexed");
  }
  const std::size_t first = next_row_, last = first + todo.rows;
  reserve_scratch(first, last);

  struct Piece {
    std::size_t room = 0, used = 0;
  };
  std::vector<Piece> pieces(scratch_.size());
  double work = 0;
  for (std::size_t row = first; row < last; ++row) work += row_work(row) + 1;
  // Each thread writes where the rows before it cannot reach; what they leave free is closed below.
  parallel_parts(std::min(pieces.size(), todo.rows), 1.5 * work, [&](std::size_t part, std::size_t parts) {
    const double from = work * static_cast<double>(part) / static_cast<double>(parts);
    const double to = work * static_cast<double>(part + 1) / static_cast<double>(parts);
    std::size_t begin = first, room = 0;
    double done = 0;
    for (; begin < last && done < from; ++begin) {
      done += row_work(begin) + 1;
      room += row_room(begin);
    }
    std::size_t end = begin;
    for (; end < last && (part + 1 == parts || done < to); ++end) done += row_work(end) + 1;
    pieces[part].room = room;
    pieces[part].used = far_ ? count_some<std::uint64_t>(ids, begin, end, columns.data() + room, values.data() + room,
                                                         row_entries.data(), *scratch_[part])
                             : count_some<std::uint32_t>(ids, begin, end, columns.data() + room, values.data() + room,
                                                         row_entries.data(), *scratch_[part]);
  });
  std::size_t used = 0;
  for (const Piece& piece : pieces) {
    if (piece.room != used) {
      std::copy_n(columns.data() + piece.room, piece.used, columns.data() + used);
      std::copy_n(values.data() + piece.room, piece.used, values.data() + used);
    }
    used += piece.used;
  }
  next_row_ = last;
  return used;
}

template std::size_t Cooccurrence::count_rows(View<const std::int32_t, 1>, View<std::int32_t, 1>, View<float, 1>,
                                              View<std::int64_t, 1>);
template std::size_t Cooccurrence::count_rows(View<const std::int32_t, 1>, View<std::int32_t, 1>, View<double, 1>,
                                              View<std::int64_t, 1>);
template std::size_t Cooccurrence::count_rows(View<const std::int32_t, 1>, View<std::int32_t, 1>, View<std::int64_t, 1>,
                                              View<std::int64_t, 1>);

}  // namespace nncore
