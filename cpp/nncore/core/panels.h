#pragma once

// Matrices packed as the product's tiles read them. For kernels only.

#include <algorithm>
#include <cstddef>
#include <utility>

#include "nncore/core/buffer.h"
#include "nncore/core/rows.h"
#include "nncore/core/simd.h"

namespace nncore {

// Rows and registers of a tile: the sums, one row of the panel and one broadcast fill the register file.
#if defined(__AVX512F__) || defined(__ARM_NEON)
inline constexpr std::size_t kTileRows = 8;
#else
inline constexpr std::size_t kTileRows = 4;
#endif
inline constexpr std::size_t kTileVecs = 3;

namespace detail {
template <typename F, std::size_t... I>
[[gnu::always_inline]] inline void unroll(const F& f, std::index_sequence<I...>) {
  (f(std::integral_constant<std::size_t, I>{}), ...);
}
}  // namespace detail

/// f(0), f(1), ... f(Count - 1), each with a constant: sums that are indexed so stay in registers.
template <std::size_t Count, typename F>
[[gnu::always_inline]] inline void unrolled(const F& f) {
  detail::unroll(f, std::make_index_sequence<Count>());
}

/// Calls f(integral_constant<n>) for n in [1, Most].
template <std::size_t Most, typename F>
[[gnu::always_inline]] inline void with_constant(std::size_t n, const F& f) {
  if constexpr (Most > 1) {
    if (n < Most) return with_constant<Most - 1>(n, f);
  }
  f(std::integral_constant<std::size_t, Most>{});
}

/// to[k * stride + lane] = column(lane)[k] for k < depth and a register of lanes; a null column holds zeros.
template <typename T, typename ColumnOf>
inline void pack_transposed(std::size_t depth, const ColumnOf& column, T* to, std::size_t stride) {
  constexpr std::size_t W = kLanes<T>;
  const T* from[W];
  bool all = true;
  for (std::size_t lane = 0; lane < W; ++lane) {
    from[lane] = column(lane);
    all = all && from[lane] != nullptr;
  }
  Vec<T> square[W];
  std::size_t k = 0;
  for (; all && k + W <= depth; k += W) {
    unrolled<W>([&](auto lane) { square[lane] = load(from[lane] + k); });
    transpose<T>(square);
    unrolled<W>([&](auto i) { store(to + (k + i) * stride, square[i]); });
  }
  for (; k < depth; k += W) {
    const std::size_t count = std::min(W, depth - k);
    for (std::size_t lane = 0; lane < W; ++lane) {
      square[lane] = from[lane] != nullptr ? load_part(from[lane] + k, count) : Vec<T>{};
    }
    transpose<T>(square);
    for (std::size_t i = 0; i < count; ++i) store(to + (k + i) * stride, square[i]);
  }
}

/// A part of the columns of a product, in whole panels or registers: threads may take one each.
struct Share {
  std::size_t part = 0, parts = 1;
  std::size_t begin(std::size_t count) const { return count * part / parts; }
  std::size_t end(std::size_t count) const { return count * (part + 1) / parts; }
};

/// Zeros behind the columns: to whole blocks, or to whole registers only.
enum class Padding { kBlocks, kTight };

/// A matrix B (depth, columns) cut into panels of at most kTileVecs registers, each stored row after row and padded with
/// zeros, as the tile reads it.
template <typename T>
class Panels {
 public:
  std::size_t depth() const { return depth_; }
  std::size_t columns() const { return columns_; }
  std::size_t padded_columns() const { return registers_ * kLanes<T>; }
  std::size_t count() const { return count_; }
  /// Registers of panel `i`, and the first of them.
  std::size_t vecs(std::size_t i) const { return first(i + 1) - first(i); }
  std::size_t first(std::size_t i) const { return registers_ * i / count_; }
  const T* panel(std::size_t i) const { return data_.data() + first(i) * kLanes<T> * depth_; }

  /// For another's panels to lie in while these are not needed.
  Buffer<T>& memory() { return data_; }

  /// The columns in the panels of a share. With Padding::kTight: whole blocks may leave a share nothing but padding.
  std::size_t begin(Share share) const { return std::min(columns_, first(share.begin(count_)) * kLanes<T>); }
  std::size_t end(Share share) const { return std::min(columns_, first(share.end(count_)) * kLanes<T>); }

  /// Makes room, so that packing this much or less allocates nothing. The panels are then of this size, to be repacked,
  /// and cut so that `parts` shares are even; packing cuts them anew.
  void reserve(std::size_t depth, std::size_t columns, Padding padding, std::size_t parts = 1) {
    depth_ = depth;
    columns_ = columns;
    const std::size_t unit = padding == Padding::kTight ? kLanes<T> : kBlock<T>;
    registers_ = (columns + unit - 1) / unit * unit / kLanes<T>;
    const std::size_t even = std::clamp(parts, std::size_t{1}, std::max(registers_, std::size_t{1}));
    count_ = ((registers_ + kTileVecs - 1) / kTileVecs + even - 1) / even * even;
    data_.reserve(registers_ * kLanes<T> * depth + 1);
  }

  /// row(k) points to row k of B, or is null for a row of zeros.
  template <typename RowOf>
  void pack_rows(std::size_t depth, std::size_t columns, const RowOf& row, Padding padding = Padding::kBlocks) {
    reserve(depth, columns, padding);
    repack_rows(0, depth, row);
  }

  /// The same for rows [begin, end) of B and a share of the panels, once they have their size.
  template <typename RowOf>
  void repack_rows(std::size_t begin, std::size_t end, const RowOf& row, Share share = {}) {
    for (std::size_t i = share.begin(count_); i < share.end(count_); ++i) {
      const std::size_t width = vecs(i) * kLanes<T>, column = first(i) * kLanes<T>;
      const std::size_t used = column < columns_ ? std::min(width, columns_ - column) : 0;
      T* to = data_.data() + column * depth_ + begin * width;
      for (std::size_t k = begin; k < end; ++k, to += width) {
        const T* from = row(k);
        if (from == nullptr) {
          std::fill_n(to, width, T(0));
          continue;
        }
        std::copy_n(from + column, used, to);
        std::fill_n(to + used, width - used, T(0));
      }
    }
  }

  /// column(j) points to column j of B, whose elements lie side by side (a row of B's transpose).
  template <typename ColumnOf>
  void pack_columns(std::size_t depth, std::size_t columns, const ColumnOf& column,
                    Padding padding = Padding::kBlocks) {
    reserve(depth, columns, padding);
    repack_columns(0, columns, column);
  }

  /// The same for columns [begin, end) of B alone, multiples of kLanes or the last, once the panels have their size.
  template <typename ColumnOf>
  void repack_columns(std::size_t begin, std::size_t end, const ColumnOf& column) {
    const std::size_t last = end < columns_ ? end : padded_columns();
    for (std::size_t i = 0; i < count_; ++i) {
      const std::size_t width = vecs(i) * kLanes<T>, panel = first(i) * kLanes<T>;
      for (std::size_t at = std::max(begin, panel); at < std::min(last, panel + width); at += kLanes<T>) {
        const auto lane_column = [&](std::size_t lane) -> const T* {
          return at + lane < columns_ ? column(at + lane) : nullptr;
        };
        pack_transposed<T>(depth_, lane_column, data_.data() + panel * depth_ + (at - panel), width);
      }
    }
  }

 private:
  std::size_t depth_ = 0, columns_ = 0, registers_ = 0, count_ = 0;
  Buffer<T> data_;
};

}  // namespace nncore
