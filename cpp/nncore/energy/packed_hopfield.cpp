#include "nncore/energy/packed_hopfield.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "nncore/core/threads.h"
#include "nncore/energy/bits.h"
#include "nncore/energy/field_tables.h"

namespace nncore {
namespace {

constexpr std::size_t kMostUnits = std::size_t{1} << 23;  // as sum_where_set() demands
constexpr std::size_t kAhead = 4;                         // units fetched before their turn

void check(const PackedMemories& memories, std::size_t units) {
  require(units >= 1 && units <= kMostUnits, "states must have from 1 to ", kMostUnits, " units, but have ", units);
  const View<const std::uint64_t, 2>& rows = memories.rows;
  require(rows.extent(0) == memories.count && rows.extent(1) == memory_words(units), "rows",
          "(p, words of d bits): ", shape_text<2>({memories.count, memory_words(units)}), rows);
  require(memories.columns.extent(0) == units && memories.columns.extent(1) == unit_bytes(memories.count), "columns",
          "(d, bytes of p bits): ", shape_text<2>({units, unit_bytes(memories.count)}), memories.columns);
  require(memories.bias.empty() || memories.bias.size() == units, "bias", "(d) with d = ", units, memories.bias);
}

/// Nanoseconds to update all units, and to compare a state with all memories.
double sweep_time(const PackedMemories& memories) {
  return static_cast<double>(memories.columns.extent(0)) * (8 + 0.15 * static_cast<double>(memories.count));
}
double overlap_time(const PackedMemories& memories) {
  return static_cast<double>(memories.count) * (5 + 0.3 * static_cast<double>(memories.rows.extent(1)));
}

/// One state and what follows from it: its overlaps with all memories.
class PackedState {
 public:
  explicit PackedState(const PackedMemories& memories)
      : memories_(memories),
        units_(memories.columns.extent(0)),
        bytes_(memories.columns.extent(1)),
        words_(memories.rows.extent(1)),
        overlaps_(8 * bytes_) {
    bits_.reserve(words_);
    tables_.reserve(bytes_);
  }

  /// Compares a state, which stays where it is, with all memories.
  void set(std::int8_t* x) {
    x_ = x;
    std::uint64_t* const bits = bits_.data();
    pack_row(x, units_, bits, words_);
    sum_ = 0;
    for (std::size_t k = 0; k < memories_.count; ++k) {
      const std::int64_t differ = bit_difference(memories_.rows.row(k), bits, words_);
      overlaps_[k] = static_cast<std::int32_t>(static_cast<std::int64_t>(units_) - 2 * differ);
      sum_ += overlaps_[k];
    }
    std::fill(overlaps_.begin() + static_cast<std::ptrdiff_t>(memories_.count), overlaps_.end(), 0);
  }

  const std::vector<std::int32_t>& overlaps() const { return overlaps_; }

  /// d·h_i without the bias.
  std::int64_t field(std::size_t i) const {
    const std::int64_t set = sum_where_set(memories_.columns.row(i), overlaps_.data(), bytes_);
    return 2 * set - sum_ - self(i);
  }

  /// The same of all units; writes (d).
  void fields(std::int64_t* out) {
    if (!tables_.build(overlaps_.data(), bytes_)) {
      for (std::size_t i = 0; i < units_; ++i) out[i] = field(i);
      return;
    }
    for (std::size_t begin = 0; begin < units_; begin += 16) {
      const std::uint8_t* columns[16];
      for (std::size_t u = 0; u < 16; ++u) columns[u] = memories_.columns.row(std::min(begin + u, units_ - 1));
      std::int32_t sums[16];
      tables_.sum(columns, sums);
      for (std::size_t i = begin; i < std::min(begin + 16, units_); ++i) out[i] = sums[i - begin] - self(i);
    }
  }

  /// Fetches what field() will need.
  void prefetch(std::size_t i) const {
    const std::uint8_t* const column = memories_.columns.row(i);
    for (std::size_t at = 0; at < bytes_; at += 64) __builtin_prefetch(column + at);
  }

  void flip(std::size_t i) {
    x_[i] = static_cast<std::int8_t>(-x_[i]);
    const std::uint8_t* const column = memories_.columns.row(i);
    std::int64_t set = 0;
    for (std::size_t at = 0; at < bytes_; at += 8) set += __builtin_popcountll(load_as<std::uint64_t>(column + at));
    sum_ += 2 * x_[i] * (2 * set - static_cast<std::int64_t>(memories_.count));
    add_signed(column, 2 * x_[i], overlaps_.data(), bytes_);
  }

 private:
  /// What a unit adds to its own field, where it must not.
  std::int64_t self(std::size_t i) const {
    return memories_.self_connections ? 0 : x_[i] * static_cast<std::int64_t>(memories_.count);
  }

  const PackedMemories& memories_;
  std::size_t units_, bytes_, words_;
  std::vector<std::int32_t> overlaps_;  // 0 beyond the memories, until a unit flips: no bit is set there
  std::int64_t sum_ = 0;                // of the overlaps
  std::int8_t* x_ = nullptr;
  Buffer<std::uint64_t> bits_;
  FieldTables tables_;
};

/// Sign of (d·h, bias included) - threshold: 1, -1, or 0 where the unit stays as it is. Exact without a bias.
struct Rule {
  const double* bias;        // or null
  const double* thresholds;  // or null

  int operator()(std::int64_t field, std::size_t i) const {
    if (bias == nullptr && thresholds == nullptr) return (field > 0) - (field < 0);
    const double h = static_cast<double>(field) + (bias != nullptr ? bias[i] : 0.0);
    const double threshold = thresholds != nullptr ? thresholds[i] : 0.0;
    return (h > threshold) - (h < threshold);
  }
};

/// One unit after the other; the number of those that changed.
std::size_t sweep(PackedState& state, const std::int8_t* x, std::size_t units, const std::vector<std::int64_t>& order,
                  const Rule& rule) {
  std::size_t changed = 0;
  for (std::size_t step = 0; step < units; ++step) {
    const std::size_t i = order.empty() ? step : static_cast<std::size_t>(order[step]);
    if (!order.empty()) state.prefetch(static_cast<std::size_t>(order[std::min(step + kAhead, units - 1)]));
    if (rule(state.field(i), i) * x[i] >= 0) continue;
    state.flip(i);
    ++changed;
  }
  return changed;
}

/// What a thread needs to run rows of a recall.
class Recall {
 public:
  Recall(const PackedMemories& memories, const RecallSettings& settings, const RecallRows& rows)
      : memories_(memories), settings_(settings), rows_(rows), state_(memories), units_(rows.states.extent(1)) {
    if (settings.temperature > 0) thresholds_.resize(units_);
    if (settings.synchronous) fields_.resize(units_), next_.resize(units_);
  }

  /// Up to a sweep for each of `orders`, the first of them number `first`.
  void run(std::size_t row, std::uint64_t first, const std::vector<std::vector<std::int64_t>>& orders) {
    std::int8_t* const x = rows_.states.row(row);
    if (!settings_.synchronous && rows_.cycle(row) == 0) state_.set(x);
    for (std::size_t s = 0; s < orders.size() && rows_.cycle(row) == 0; ++s) {
      const bool random = settings_.temperature > 0;
      if (random) {
        sweep_thresholds(settings_, first + s, rows_.ids(row), static_cast<double>(units_), thresholds_);
      }
      const Rule rule{memories_.bias.empty() ? nullptr : memories_.bias.data(), random ? thresholds_.data() : nullptr};
      if (settings_.synchronous) {
        step(row, rule);
      } else {
        const std::size_t changed = sweep(state_, x, units_, orders[s], rule);
        ++rows_.sweeps(row);
        if (changed == 0 && !random) rows_.cycle(row) = 1;
      }
    }
  }

 private:
  /// All units at once.
  void step(std::size_t row, const Rule& rule) {
    std::int8_t* const x = rows_.states.row(row);
    state_.set(x);
    state_.fields(fields_.data());
    for (std::size_t i = 0; i < units_; ++i) {
      const int sign = rule(fields_[i], i);
      next_[i] = sign == 0 ? x[i] : static_cast<std::int8_t>(sign);
    }
    finish_step(rows_, row, next_.data(), settings_.temperature == 0);
  }

  const PackedMemories& memories_;
  const RecallSettings& settings_;
  const RecallRows& rows_;
  PackedState state_;
  std::size_t units_;
  std::vector<double> thresholds_;
  std::vector<std::int64_t> fields_;
  std::vector<std::int8_t> next_;
};

/// What a thread needs to look at states.
struct StateSpace {
  StateSpace(const PackedMemories& memories, bool with_fields)
      : state(memories), x(memories.columns.extent(0)), fields(with_fields ? x.size() : 0) {}

  PackedState state;
  std::vector<std::int8_t> x;
  std::vector<std::int64_t> fields;
};

/// Calls body(space, row) for every state, on several threads.
template <typename Body>
void for_each_state(const PackedMemories& memories, View<const std::int8_t, 2> states, double nanoseconds,
                    bool with_fields, const Body& body) {
  const std::size_t n = states.extent(0), d = states.extent(1);
  check(memories, d);
  const double work = nanoseconds * static_cast<double>(n);
  auto spaces = row_workspaces(n, work, [&] { return StateSpace(memories, with_fields); });
  for_each_row(spaces, n, work, [&](StateSpace& space, std::size_t row) {
    std::copy_n(states.row(row), d, space.x.data());
    space.state.set(space.x.data());
    body(space, row);
  });
}

}  // namespace

void pack_memories(View<const std::int8_t, 2> patterns, std::size_t first, View<std::uint64_t, 2> rows,
                   View<std::uint8_t, 2> columns) {
  const std::size_t n = patterns.extent(0), d = patterns.extent(1);
  require(first <= rows.extent(0) && n <= rows.extent(0) - first && rows.extent(1) == memory_words(d), "rows",
          "(p, words of d bits) with d = ", d, rows);
  require(columns.extent(0) == d && columns.extent(1) == unit_bytes(rows.extent(0)), "columns",
          "(d, bytes of p bits) with d = ", d, columns);
  for (std::size_t k = 0; k < n; ++k) {
    const std::int8_t* const x = patterns.row(k);
    pack_row(x, d, rows.row(first + k), rows.extent(1));
    const std::size_t byte = (first + k) / 8, bit = (first + k) % 8;
    for (std::size_t i = 0; i < d; ++i) {
      std::uint8_t& eight = columns(i, byte);
      eight = static_cast<std::uint8_t>((eight & ~(1 << bit)) | (x[i] > 0) << bit);
    }
  }
}

void packed_overlaps(const PackedMemories& memories, View<const std::int8_t, 2> states,
                     View<std::int64_t, 2> overlaps) {
  require(overlaps.extent(0) == states.extent(0) && overlaps.extent(1) == memories.count, "overlaps",
          "(n, p): ", shape_text<2>({states.extent(0), memories.count}), overlaps);
  for_each_state(memories, states, overlap_time(memories), false, [&](StateSpace& space, std::size_t row) {
    std::copy_n(space.state.overlaps().data(), memories.count, overlaps.row(row));
  });
}

void packed_fields(const PackedMemories& memories, View<const std::int8_t, 2> states, View<double, 2> fields) {
  require(fields.extents() == states.extents(), "fields", "of the shape of states: ", shape_text(states.extents()),
          fields);
  const std::size_t d = states.extent(1);
  for_each_state(memories, states, overlap_time(memories) + sweep_time(memories), true,
                 [&](StateSpace& space, std::size_t row) {
                   const std::vector<std::int64_t>& whole = space.fields;
                   space.state.fields(space.fields.data());
                   for (std::size_t i = 0; i < d; ++i) {
                     fields(row, i) = static_cast<double>(whole[i]) + (memories.bias.empty() ? 0.0 : memories.bias(i));
                   }
                 });
}

void packed_hopfield_recall(const PackedMemories& memories, const RecallSettings& settings, std::uint64_t first_sweep,
                            std::size_t count, const RecallRows& rows) {
  const std::size_t n = rows.states.extent(0), d = rows.states.extent(1);
  check(memories, d);
  check_rows(rows, d);
  std::vector<std::vector<std::int64_t>> orders(count);
  for (std::size_t s = 0; s < count; ++s) orders[s] = sweep_order(settings, first_sweep + s, d);
  const double work =
      static_cast<double>(n) * (static_cast<double>(count) * sweep_time(memories) + overlap_time(memories));
  auto workspaces = row_workspaces(n, work, [&] { return Recall(memories, settings, rows); });
  for_each_row(workspaces, n, work, [&](Recall& recall, std::size_t row) { recall.run(row, first_sweep, orders); });
}

}  // namespace nncore
