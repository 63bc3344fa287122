#pragma once

// The matrix product in register tiles: each element is one chain of FMAs in the order of k. tile.cpp compiles what adds
// the products; packing, where sums start and what becomes of them is their callers'. For kernels only.

#include <algorithm>
#include <cstddef>

#include "nncore/core/interrupt.h"
#include "nncore/core/panels.h"

namespace nncore {

/// Calls f(row, integral_constant<n>) for the tiles of n rows that make up rows [begin, end); wide tiles are lower, and
/// narrow ones taller, lest each sum wait for the one before.
template <std::size_t Vecs, typename F>
[[gnu::always_inline]] inline void for_each_tile(std::size_t begin, std::size_t end, const F& f) {
  constexpr std::size_t kRows = Vecs > kTileVecs ? kTileRows * kTileVecs / Vecs : kTileRows;
  std::size_t row = begin;
  if constexpr (Vecs == 1) {
    constexpr std::size_t kTall = 2 * kTileRows;
    for (; row + kTall <= end; row += kTall) f(row, std::integral_constant<std::size_t, kTall>{});
  }
  for (; row < end; row += kRows) {
    with_constant<kRows>(std::min(kRows, end - row), [&](auto rows) { f(row, rows); });
  }
}

/// The left side of a product: rows of `segments` pieces of `length` elements; plain rows have one.
template <typename T>
struct LeftRows {
  const T* data = nullptr;
  std::size_t stride = 0;
  std::size_t length = 0;
  std::size_t segments = 1;
  std::size_t segment_stride = 0;

  LeftRows from(std::size_t row) const { return {data + row * stride, stride, length, segments, segment_stride}; }
};

/// Rows whose sums are held, on the stack, while the products of one panel are added; or that meet a panel together.
inline constexpr std::size_t kHeldRows = 48;

/// What sums of 0 start from.
template <typename T>
alignas(64) inline constexpr T kZeros[kLanes<T>] = {};

/// Where the sums of a tile start: register v of row r at data[r * row_stride + v * vec_stride]; by itself, at 0.
template <typename T>
struct TileStart {
  const T* data = kZeros<T>;
  std::size_t row_stride = 0, vec_stride = 0;

  Vec<T> operator()(std::size_t row, std::size_t v) const { return load(data + row * row_stride + v * vec_stride); }
};

/// Sums in rows of Stride registers, side by side: known when compiled, they cost the kernel no address.
template <typename T, std::size_t Stride>
struct HeldSums {
  T* data = nullptr;

  static HeldSums in(Vec<T>* sums) { return {reinterpret_cast<T*>(sums)}; }
  HeldSums from_column(std::size_t v) const { return {data + v * kLanes<T>}; }
  T* at(std::size_t row, std::size_t v) const { return data + (row * Stride + v) * kLanes<T>; }
  Vec<T> operator()(std::size_t row, std::size_t v) const { return load<T>(at(row, v)); }
};

/// Sums in the rows of a matrix.
template <typename T>
struct PlacedSums {
  T* data = nullptr;
  std::size_t row_stride = 0;

  T* at(std::size_t row, std::size_t v) const { return data + row * row_stride + v * kLanes<T>; }
  Vec<T> operator()(std::size_t row, std::size_t v) const { return load<T>(at(row, v)); }
};

/// Adds to `sums` the sum over k of a's row r at k * panel[k][v], for r < rows and v < V; each is one chain of FMAs in the
/// order of k. A long depth is cut into pieces of the panel that stay in L1 while all rows meet them.
template <std::size_t V, typename T, std::size_t Stride>
void add_products(const HeldSums<T, Stride>& sums, std::size_t rows, const LeftRows<T>& a, const T* panel);

/// The same, but the sums begin at `start`, which may be where they lie.
template <std::size_t V, typename T>
void sum_products(const PlacedSums<T>& sums, std::size_t rows, const TileStart<T>& start, const LeftRows<T>& a,
                  const T* panel);

/// The registers [First, First + Count) of each row's sums.
template <std::size_t First, std::size_t Count>
struct TileColumns {};

/// sums = start, plus the products of a's rows with one panel, in the columns A, and then those of b's rows with another, in
/// the columns B. `a` and `b` have one segment, which may be empty.
template <std::size_t V, std::size_t FirstA, std::size_t CountA, std::size_t FirstB, std::size_t CountB, typename T>
void sum_two_products(const HeldSums<T, V>& sums, std::size_t rows, const TileStart<T>& start,
                      TileColumns<FirstA, CountA>, const LeftRows<T>& a, const T* a_panel, TileColumns<FirstB, CountB>,
                      const LeftRows<T>& b, const T* b_panel);

/// sums[u][First + v] += sum over k of x[k] * panel u [k][v], of one row and U panels, panel_stride apart.
template <std::size_t U, std::size_t First, std::size_t V, typename T, std::size_t Held>
[[gnu::always_inline]] inline void accumulate_row(Vec<T> (&sums)[U][Held], const T* x, std::size_t depth,
                                                  const T* panel, std::size_t panel_stride) {
  for (std::size_t k = 0; k < depth; ++k, panel += V * kLanes<T>) {
    const Vec<T> each = broadcast(x[k]);
    unrolled<U>([&](auto u) {
      unrolled<V>([&](auto v) {
        sums[u][First + v] = fma(each, load(panel + u * panel_stride + v * kLanes<T>), sums[u][First + v]);
      });
    });
  }
}

/// Adds the products of one row and U panels, panel_stride apart, at once: a single one would leave each sum waiting for
/// the one before. Panel u adds to sums[u * sums_stride + v].
template <std::size_t U, std::size_t V, typename T>
void add_products_of_row(Vec<T>* sums, std::size_t sums_stride, const LeftRows<T>& a, const T* panel,
                         std::size_t panel_stride);

/// Starts at the rows of `data`, with a stride of 0 at one row for all (a bias), without data at 0.
template <typename T>
struct StartAt {
  const T* data = nullptr;
  std::size_t stride = 0;

  Vec<T> operator()(std::size_t row, std::size_t column) const {
    return data != nullptr ? load(data + row * stride + column) : Vec<T>{};
  }
  TileStart<T> tile(std::size_t row, std::size_t column) const {
    return data != nullptr ? TileStart<T>{data + row * stride + column, stride, kLanes<T>} : TileStart<T>{};
  }
};

template <typename T>
struct StoreTo {
  Rows<T> rows;

  void operator()(std::size_t row, std::size_t column, Vec<T> sum) const { store(rows[row] + column, sum); }
  PlacedSums<T> tile(std::size_t row, std::size_t column) const { return {rows[row] + column, rows.stride}; }
};

namespace detail {
template <typename T, typename Start, typename Finish>
inline void multiply_row(const LeftRows<T>& a, std::size_t row, const Panels<T>& b, std::size_t p, bool pair,
                         const Start& start, const Finish& finish) {
  const std::size_t vecs = b.vecs(p), column = b.first(p) * kLanes<T>, count = pair ? 2 * vecs : vecs;
  Vec<T> sums[2 * kTileVecs];
  for (std::size_t v = 0; v < count; ++v) sums[v] = start(row, column + v * kLanes<T>);
  with_constant<kTileVecs>(vecs, [&](auto V) {
    if (pair) {
      add_products_of_row<2, V>(sums, V, a.from(row), b.panel(p), V * kLanes<T> * b.depth());
    } else {
      add_products_of_row<1, V>(sums, V, a.from(row), b.panel(p), 0);
    }
  });
  for (std::size_t v = 0; v < count; ++v) finish(row, column + v * kLanes<T>, sums[v]);
}

template <typename T, typename Start, typename Finish>
inline void multiply_rows(const LeftRows<T>& a, std::size_t begin, std::size_t end, const Panels<T>& b, std::size_t p,
                          const Start& start, const Finish& finish) {
  const std::size_t vecs = b.vecs(p), column = b.first(p) * kLanes<T>;
  Vec<T> sums[kHeldRows * kTileVecs];
  for (std::size_t row = begin; row < end; row += kHeldRows) {
    const std::size_t rows = std::min(kHeldRows, end - row);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t v = 0; v < vecs; ++v) sums[r * vecs + v] = start(row + r, column + v * kLanes<T>);
    }
    with_constant<kTileVecs>(vecs,
                             [&](auto V) { add_products<V>(HeldSums<T, V>::in(sums), rows, a.from(row), b.panel(p)); });
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t v = 0; v < vecs; ++v) finish(row + r, column + v * kLanes<T>, sums[r * vecs + v]);
    }
  }
}

/// Sums that only start and end in memory stand there all the time.
template <typename T>
inline void multiply_rows(const LeftRows<T>& a, std::size_t begin, std::size_t end, const Panels<T>& b, std::size_t p,
                          const StartAt<T>& start, const StoreTo<T>& finish) {
  const std::size_t column = b.first(p) * kLanes<T>;
  with_constant<kTileVecs>(b.vecs(p), [&](auto V) {
    sum_products<V>(finish.tile(begin, column), end - begin, start.tile(begin, column), a.from(begin), b.panel(p));
  });
}
}  // namespace detail

/// For rows [begin, end) of `a` and every register of columns of `b`, or of a share of them: sum = start(row, column);
/// sum += a·b; finish(row, column, sum).
template <typename T, typename Start, typename Finish>
void multiply_tiles(const LeftRows<T>& a, std::size_t begin, std::size_t end, const Panels<T>& b, const Start& start,
                    const Finish& finish, Share share = {}) {
  // Each panel passes over a block of rows that stays in L2 (a third of 512 KB; the panel has its share too).
  constexpr std::size_t kBlockBytes = 160 * 1024;
  const std::size_t row_bytes = (a.segments * a.length + 1) * sizeof(T);
  const std::size_t block = std::max(kBlockBytes / row_bytes / kHeldRows, std::size_t{1}) * kHeldRows;
  const std::size_t last = share.end(b.count());
  for (std::size_t row = begin; row < end; row += block) {
    if (row > begin && given_up()) return;
    const std::size_t row_end = std::min(end, row + block);
    for (std::size_t p = share.begin(b.count()); p < last; ++p) {
      const bool pair = row_end - row == 1 && p + 1 < last && b.vecs(p + 1) == b.vecs(p);
      if (row_end - row == 1) {
        detail::multiply_row(a, row, b, p, pair, start, finish);
      } else {
        detail::multiply_rows(a, row, row_end, b, p, start, finish);
      }
      if (pair) ++p;
    }
  }
}

}  // namespace nncore
