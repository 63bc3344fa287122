#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/interrupt.h"
#include "nncore/core/threads.h"
#include "nncore/core/view.h"

namespace nncore {

/// How a batch of uneven sequences lies inside a network: sorted by length (longest first), time-major, without padding.
/// Row start[t] + b is step t of sorted sequence b, for b < active[t].
struct Packing {
  std::size_t sequences = 0;
  std::size_t steps = 0;                 ///< as the caller laid it out: the longest may be shorter
  std::size_t rows = 0;                  ///< sum of lengths
  std::vector<std::size_t> lengths;      ///< of the sorted sequences
  std::vector<std::size_t> active;       ///< per step: sequences longer than t; one more entry, 0, at the end
  std::vector<std::size_t> start;        ///< per step: its first row; one more entry, rows, at the end
  std::vector<std::int64_t> order;       ///< sorted place -> index in the caller's batch
  std::vector<std::int64_t> padded_row;  ///< row -> index * steps + t in the caller's (N, T) layout

  /// Lays out `count` sequences of at most `most_steps` steps; `lengths` empty: all of them full.
  /// Throws (naming `lengths`) unless there is one length per sequence, each in [0, most_steps].
  void lay_out(std::size_t count, std::size_t most_steps, View<const std::int64_t, 1> given_lengths);

  /// The row before step t of sorted sequence b, in time or against it; -1 where the sequence begins.
  std::ptrdiff_t row_before(std::size_t t, std::size_t b, bool reverse) const {
    if (reverse) return b < active[t + 1] ? static_cast<std::ptrdiff_t>(start[t + 1] + b) : -1;
    return t > 0 ? static_cast<std::ptrdiff_t>(start[t - 1] + b) : -1;
  }

  /// The row where sorted sequence b ends; -1 when it is empty.
  std::ptrdiff_t last_row(std::size_t b, bool reverse) const {
    if (lengths[b] == 0) return -1;
    return static_cast<std::ptrdiff_t>(reverse ? start[0] + b : start[lengths[b] - 1] + b);
  }

 private:
  bool same_as_before(std::size_t count, std::size_t most_steps, View<const std::int64_t, 1> given_lengths) const;
  std::vector<std::int64_t> given_;
};

/// Rows of one step that go on from the same step (`from`), or begin (`from` = kBegins).
struct Span {
  static constexpr std::size_t kBegins = static_cast<std::size_t>(-1);
  std::size_t step, begin, end, from;
};

/// Calls f(span) for the sorted sequences [begin, end), step by step in time, or against it, unless the call is given up.
template <typename F>
void for_each_span(const Packing& packing, bool reverse, std::size_t begin, std::size_t end, const F& f) {
  const auto call = [&](std::size_t step, std::size_t first, std::size_t last, std::size_t from) {
    if (first < last) f(Span{step, first, last, from});
  };
  const bool watching = in_long_call();
  for (std::size_t s = 0; s < packing.steps; ++s) {
    if (watching && given_up()) return;
    const std::size_t t = reverse ? packing.steps - 1 - s : s;
    const std::size_t last = end < packing.active[t] ? end : packing.active[t];
    if (!reverse) {
      call(t, begin, last, t > 0 ? t - 1 : Span::kBegins);
      continue;
    }
    const std::size_t going = packing.active[t + 1];
    call(t, begin, last < going ? last : going, t + 1);
    call(t, begin > going ? begin : going, last, Span::kBegins);
  }
}

/// First sorted sequence of `part` when the rows, not the sequences, are shared out evenly among `parts`.
std::size_t even_split(const Packing& packing, std::size_t part, std::size_t parts);

/// Splits the sorted sequences over threads, for work of so many nanoseconds: body(begin, end).
template <typename Body>
void over_sequences(const Packing& packing, double nanoseconds, const Body& body) {
  parallel_parts(packing.sequences, nanoseconds, [&](std::size_t part, std::size_t parts) {
    const std::size_t begin = even_split(packing, part, parts), end = even_split(packing, part + 1, parts);
    if (begin < end) body(begin, end);
  });
}

}  // namespace nncore
