#pragma once

// Sums over rows: C += Aᵀ·B, the shape of every weight gradient. For kernels only.

#include <vector>

#include "nncore/core/matmul.h"
#include "nncore/core/threads.h"
#include "nncore/core/tile.h"

namespace nncore {

/// sums[r][v] += sum over k of a[k * depth_stride + r] * panel[k][v], in the order of k.
template <typename T, std::size_t R, std::size_t V>
[[gnu::always_inline]] inline void accumulate_transposed(Vec<T> (&sums)[R][V], const T* a, std::size_t depth_stride,
                                                         std::size_t depth, const T* panel) {
  for (std::size_t k = 0; k < depth; ++k, a += depth_stride, panel += V * kLanes<T>) {
    Vec<T> b[V];
    unrolled<V>([&](auto v) { b[v] = kept(load(panel + v * kLanes<T>)); });
    unrolled<R>([&](auto r) {
      const Vec<T> x = broadcast(a[r]);
      unrolled<V>([&](auto v) { sums[r][v] = fma(x, b[v], sums[r][v]); });
    });
  }
}

/// The rows [first, last) of c against one panel, whose first column is `column` of `columns`; row i of c is column
/// i - first of `block`.
template <std::size_t V, typename T>
inline void add_transposed_panel(const T* block, std::size_t stride, std::size_t first, std::size_t last,
                                 std::size_t depth, const T* panel, std::size_t column, std::size_t columns,
                                 Rows<T> c) {
  // Where c ends within the last register, that register of all rows stands aside, so that tiles need no tails.
  T aside[kBlock<T> * kLanes<T>];
  const std::size_t end = column + (V - 1) * kLanes<T>;
  const bool whole = end + kLanes<T> <= columns;
  for (std::size_t i = first; !whole && i < last; ++i) {
    store(aside + (i - first) * kLanes<T>, load_part<T>(c[i] + end, columns - end));
  }
  const Rows<T> ends = whole ? Rows<T>{c[first] + end, c.stride} : Rows<T>{aside, kLanes<T>};
  for_each_tile<V>(first, last, [&](std::size_t i, auto rows) {
    constexpr std::size_t R = decltype(rows)::value;
    for (std::size_t k = 0; k < depth; k += kChain) {
      Vec<T> sums[R][V] = {};
      accumulate_transposed(sums, block + (i - first) + k * stride, stride, std::min(kChain, depth - k),
                            panel + k * V * kLanes<T>);
      for (std::size_t r = 0; r < R; ++r) {
        T* to = c[i + r] + column;
        for (std::size_t v = 0; v + 1 < V; ++v) store(to + v * kLanes<T>, load(to + v * kLanes<T>) + sums[r][v]);
        store(ends[i - first + r], load<T>(ends[i - first + r]) + sums[r][V - 1]);
      }
    }
  });
  if (whole) return;
  for (std::size_t i = first; i < last; ++i) {
    store_part(c[i] + end, load(aside + (i - first) * kLanes<T>), columns - end);
  }
}

// Rows per pass: a panel of three registers stays in L1, or at AVX-512 streams from L2.
inline constexpr std::size_t kGradientRows = kVectorBytes < 64 ? kChain : 2 * kChain;

/// The first `count` of kBlock columns of a, side by side.
template <typename T>
void copy_columns(const T* a, std::size_t a_stride, std::size_t depth, std::size_t count, T* to) {
  for (std::size_t k = 0; k < depth; ++k, a += a_stride, to += kBlock<T>) {
    if (count == kBlock<T>) {  // a constant, which the compiler makes two moves of
      std::copy_n(a, kBlock<T>, to);
    } else {
      std::copy_n(a, count, to);
    }
  }
}

/// c[i][j] += sum over k of a[k * a_stride + i] * panel[k][j] for i < rows of c, all columns of `b`, whose depth is at most
/// kGradientRows. The rows of c have b.columns() elements without padding.
template <typename T>
void add_transposed_tiles(const T* a, std::size_t a_stride, std::size_t rows, const Panels<T>& b, Rows<T> c) {
  // At its own stride a block of A falls into a few sets of L1. Tall tiles take it from L2 in time; low ones, which meet
  // each of its lines more often, have it copied side by side.
  constexpr bool kCopied = kTileRows < 8;
  alignas(64) [[maybe_unused]] T copy[kCopied ? kGradientRows * kBlock<T> : 1];
  for (std::size_t first = 0; first < rows; first += kBlock<T>) {
    const std::size_t last = std::min(rows, first + kBlock<T>);
    if constexpr (kCopied) copy_columns(a + first, a_stride, b.depth(), last - first, copy);
    const T* block = kCopied ? copy : a + first;
    const std::size_t stride = kCopied ? kBlock<T> : a_stride;
    for (std::size_t p = 0; p < b.count(); ++p) {
      with_constant<kTileVecs>(b.vecs(p), [&](auto vecs) {
        add_transposed_panel<vecs>(block, stride, first, last, b.depth(), b.panel(p), b.first(p) * kLanes<T>,
                                   b.columns(), c);
      });
    }
  }
}

/// Room in as many panels as there are threads; what runs in parallel must not allocate.
template <typename T>
inline void reserve_gradient_panels(std::vector<Panels<T>>& panels, std::size_t rows, std::size_t columns) {
  panels.resize(static_cast<std::size_t>(num_threads()));
  for (Panels<T>& each : panels) each.reserve(std::min(kGradientRows, rows), columns, Padding::kTight);
}

// Compiled for all callers in matmul.cpp.
extern template void add_transposed_tiles(const float*, std::size_t, std::size_t, const Panels<float>&, Rows<float>);
extern template void add_transposed_tiles(const double*, std::size_t, std::size_t, const Panels<double>&, Rows<double>);

/// c[i] += sum over k of a[k * a_stride + i] for i < count, in chains as above. Rows of `a` have room for whole registers.
template <typename T>
inline void add_column_sums(const T* a, std::size_t a_stride, std::size_t rows, std::size_t count, T* c) {
  for (std::size_t i = 0; i < count; i += kLanes<T>) {
    const std::size_t lanes = std::min(kLanes<T>, count - i);
    Vec<T> total = load_part(c + i, lanes);
    for (std::size_t row = 0; row < rows; row += kChain) {
      Vec<T> sum{};
      for (std::size_t k = row; k < std::min(rows, row + kChain); ++k) sum += load(a + k * a_stride + i);
      total += sum;
    }
    store_part(c + i, total, lanes);
  }
}

/// Rows [begin, end) of c (m, n) += Aᵀ·B over `rows` rows, and (unless null) sums (m) += the column sums of A; begin is a
/// multiple of kLanes. b(row) points to a row of B, or is null for zeros.
template <typename T, typename RowOf>
inline void add_product_over_rows(Rows<const T> a, std::size_t begin, std::size_t end, const RowOf& b, std::size_t n,
                                  std::size_t rows, T* c, T* sums, Panels<T>& panels) {
  for (std::size_t row = 0; row < rows; row += kGradientRows) {
    if (given_up()) return;
    const std::size_t depth = std::min(kGradientRows, rows - row);
    panels.pack_rows(depth, n, [&](std::size_t k) { return b(row + k); }, Padding::kTight);
    add_transposed_tiles(a[row] + begin, a.stride, end - begin, panels, Rows<T>{c + begin * n, n});
    if (sums != nullptr) add_column_sums(a[row] + begin, a.stride, depth, end - begin, sums + begin);
  }
}

/// The same for all rows of c, which threads share out. `panels`: one per thread.
template <typename T, typename RowOf>
inline void add_product_over_rows(Rows<const T> a, std::size_t m, const RowOf& b, std::size_t n, std::size_t rows, T* c,
                                  T* sums, std::vector<Panels<T>>& panels) {
  reserve_gradient_panels(panels, rows, n);
  const std::size_t blocks = (m + kBlock<T> - 1) / kBlock<T>;
  const double nanoseconds = static_cast<double>(rows) * static_cast<double>(m) * static_cast<double>(n) / 25;
  parallel_parts(std::min(blocks, panels.size()), nanoseconds, [&](std::size_t part, std::size_t parts) {
    const std::size_t begin = blocks * part / parts * kBlock<T>;
    const std::size_t end = std::min(m, blocks * (part + 1) / parts * kBlock<T>);
    add_product_over_rows(a, begin, end, b, n, rows, c, sums, panels[part]);
  });
}

}  // namespace nncore
