#pragma once

// Sums over rows: C += Aᵀ·B, the shape of every weight gradient. For kernels only.

#include <vector>

#include "nncore/core/threads.h"
#include "nncore/core/tile.h"

namespace nncore {

// Rows per pass: a panel of three registers and one block of A stay in L1 together.
inline constexpr std::size_t kGradientRows = 128;

/// c[i][j] += sum over k of a[k * a_stride + i] * panel[k][j] for i < rows of c, all columns of `b`.
/// `a` has room for whole tiles of rows; the rows of c have b.columns() elements without padding.
template <typename T>
void add_transposed_tiles(const T* a, std::size_t a_stride, std::size_t rows, const Panels<T>& b, Rows<T> c) {
  for (std::size_t p = 0; p < b.count(); ++p) {
    const std::size_t column = b.first(p) * kLanes<T>;
    with_constant<kTileVecs>(b.vecs(p), [&](auto vecs_constant) {
      constexpr std::size_t vecs = decltype(vecs_constant)::value;
      const bool whole = column + vecs * kLanes<T> <= b.columns();
      const std::size_t tail = whole ? kLanes<T> : b.columns() - column - (vecs - 1) * kLanes<T>;
      for_each_tile<vecs>(0, rows, [&](std::size_t i, auto rows_constant) {
        constexpr std::size_t tile = decltype(rows_constant)::value;
        Vec<T> sums[tile][vecs];
        for (std::size_t r = 0; r < tile; ++r) {
          const T* from = c[i + r] + column;
          for (std::size_t v = 0; v + 1 < vecs; ++v) sums[r][v] = load(from + v * kLanes<T>);
          const T* last = from + (vecs - 1) * kLanes<T>;
          sums[r][vecs - 1] = whole ? load(last) : load_part(last, tail);
        }
        accumulate_transposed(sums, a + i, a_stride, b.depth(), b.panel(p));
        for (std::size_t r = 0; r < tile; ++r) {
          T* to = c[i + r] + column;
          for (std::size_t v = 0; v + 1 < vecs; ++v) store(to + v * kLanes<T>, sums[r][v]);
          T* last = to + (vecs - 1) * kLanes<T>;
          if (whole) {
            store(last, sums[r][vecs - 1]);
          } else {
            store_part(last, sums[r][vecs - 1], tail);
          }
        }
      });
    });
  }
}

// Compiled for all callers in matmul.cpp.
extern template void add_transposed_tiles(const float*, std::size_t, std::size_t, const Panels<float>&, Rows<float>);
extern template void add_transposed_tiles(const double*, std::size_t, std::size_t, const Panels<double>&, Rows<double>);

/// c[i] += sum over k of a[k * a_stride + i] for i < count, in the order of k. Rows of `a` have room for whole registers.
template <typename T>
inline void add_column_sums(const T* a, std::size_t a_stride, std::size_t rows, std::size_t count, T* c) {
  for (std::size_t i = 0; i < count; i += kLanes<T>) {
    const std::size_t lanes = std::min(kLanes<T>, count - i);
    Vec<T> sum = load_part(c + i, lanes);
    for (std::size_t k = 0; k < rows; ++k) sum += load(a + k * a_stride + i);
    store_part(c + i, sum, lanes);
  }
}

/// c (m, n) += Aᵀ·B over `rows` rows, and (unless null) sums (m) += the column sums of A; threads share out the rows of c.
/// b(row) points to a row of B, or is null for zeros. `panels`: one per thread.
template <typename T, typename RowOf>
inline void add_product_over_rows(Rows<const T> a, std::size_t m, const RowOf& b, std::size_t n, std::size_t rows, T* c,
                                  T* sums, std::vector<Panels<T>>& panels) {
  panels.resize(static_cast<std::size_t>(num_threads()));
  const std::size_t blocks = (m + kBlock<T> - 1) / kBlock<T>;
  const double nanoseconds = static_cast<double>(rows) * static_cast<double>(m) * static_cast<double>(n) / 25;
  parallel_parts(std::min(blocks, panels.size()), nanoseconds, [&](std::size_t part, std::size_t parts) {
    const std::size_t begin = blocks * part / parts * kBlock<T>;
    const std::size_t end = std::min(m, blocks * (part + 1) / parts * kBlock<T>);
    for (std::size_t row = 0; row < rows; row += kGradientRows) {
      const std::size_t depth = std::min(kGradientRows, rows - row);
      panels[part].pack_rows(depth, n, [&](std::size_t k) { return b(row + k); }, Padding::kTight);
      add_transposed_tiles(a[row] + begin, a.stride, end - begin, panels[part], Rows<T>{c + begin * n, n});
      if (sums != nullptr) add_column_sums(a[row] + begin, a.stride, depth, end - begin, sums + begin);
    }
  });
}

}  // namespace nncore
