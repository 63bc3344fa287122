#include "nncore/core/tile.h"

namespace nncore {

namespace {

// Depth of a piece of a panel: the deeper, the less often the sums are loaded and stored. With three registers a piece
// takes most of an L1 of 32 KB; at AVX-512 it streams from L2, which keeps up.
constexpr std::size_t kPiece = kVectorBytes < 64 ? 256 : 512;

/// sums[r][First + v] += sum over k of a[r * stride + k] * panel[k][v] for v < V, in the order of k.
template <std::size_t First, std::size_t V, typename T, std::size_t R, std::size_t Held>
[[gnu::always_inline]] inline void accumulate(Vec<T> (&sums)[R][Held], const T* a, std::size_t stride,
                                              std::size_t depth, const T* panel) {
  for (std::size_t k = 0; k < depth; ++k, panel += V * kLanes<T>) {
    // Whichever is fewer, a panel row's registers or the broadcasts, is held; the others come one at a time.
    if constexpr (R < V) {
      Vec<T> x[R];
      unrolled<R>([&](auto r) { x[r] = kept(broadcast(a[r * stride + k])); });
      unrolled<V>([&](auto v) {
        const Vec<T> b = kept(load(panel + v * kLanes<T>));
        unrolled<R>([&](auto r) { sums[r][First + v] = fma(x[r], b, sums[r][First + v]); });
      });
    } else {
      Vec<T> b[V];
      unrolled<V>([&](auto v) { b[v] = kept(load(panel + v * kLanes<T>)); });
      unrolled<R>([&](auto r) {
        const Vec<T> x = broadcast(a[r * stride + k]);
        unrolled<V>([&](auto v) { sums[r][First + v] = fma(x, b[v], sums[r][First + v]); });
      });
    }
  }
}

constexpr std::size_t kLine = 64;  // bytes that come from memory at once

/// Asks for the rows of a segment, which no prefetcher sees coming: it lies far from the one before.
template <std::size_t R, typename T>
[[gnu::always_inline]] inline void fetch_rows(const T* rows, std::size_t stride, std::size_t length) {
  for (std::size_t r = 0; r < R; ++r) {
    for (std::size_t k = 0; k < length; k += kLine / sizeof(T)) __builtin_prefetch(rows + r * stride + k);
  }
}

template <typename T, std::size_t R, std::size_t V, typename Start>
[[gnu::always_inline]] inline void begin_tile(Vec<T> (&tile)[R][V], const Start& start, std::size_t row) {
  unrolled<R>([&](auto r) { unrolled<V>([&](auto v) { tile[r][v] = start(row + r, v); }); });
}

template <typename T, std::size_t R, std::size_t V, typename Sums>
[[gnu::always_inline]] inline void end_tile(const Vec<T> (&tile)[R][V], const Sums& sums, std::size_t row) {
  unrolled<R>([&](auto r) { unrolled<V>([&](auto v) { store(sums.at(row + r, v), tile[r][v]); }); });
}

/// The products of a piece of the depth: segments [first, last), of each the elements [begin, end).
template <std::size_t V, typename T, typename Sums, typename Start>
void sum_piece(const Sums& sums, std::size_t rows, const Start& start, const LeftRows<T>& a, std::size_t first,
               std::size_t last, std::size_t begin, std::size_t end, const T* panel) {
  for_each_tile<V>(0, rows, [&](std::size_t row, auto rows_constant) {
    constexpr std::size_t R = decltype(rows_constant)::value;
    Vec<T> tile[R][V];
    begin_tile<T>(tile, start, row);
    for (std::size_t s = first; s < last; ++s) {
      if (s + 1 < a.segments) fetch_rows<R>(a.data + row * a.stride + (s + 1) * a.segment_stride, a.stride, a.length);
      accumulate<0, V>(tile, a.data + row * a.stride + s * a.segment_stride + begin, a.stride, end - begin,
                       panel + (s * a.length + begin) * V * kLanes<T>);
    }
    end_tile<T>(tile, sums, row);
  });
}

/// Calls f(first, last, begin, end) for the pieces of a depth, as sum_piece takes them; one, empty, where it has none.
template <typename T, typename F>
void for_each_piece(const LeftRows<T>& a, const F& f) {
  if (a.segments == 1) {
    std::size_t k = 0;
    do {
      const std::size_t end = std::min(a.length, k + kPiece);
      f(0, 1, k, end);
      k = end;
    } while (k < a.length);
    return;
  }
  const std::size_t step = std::max(kPiece / std::max(a.length, std::size_t{1}), std::size_t{1});
  for (std::size_t s = 0; s < a.segments; s += step) f(s, std::min(a.segments, s + step), 0, a.length);
}

}  // namespace

template <std::size_t V, typename T, std::size_t Stride>
void add_products(const HeldSums<T, Stride>& sums, std::size_t rows, const LeftRows<T>& a, const T* panel) {
  for_each_piece(a, [&](std::size_t first, std::size_t last, std::size_t begin, std::size_t end) {
    sum_piece<V>(sums, rows, sums, a, first, last, begin, end, panel);
  });
}

template <std::size_t V, typename T>
void sum_products(const PlacedSums<T>& sums, std::size_t rows, const TileStart<T>& start, const LeftRows<T>& a,
                  const T* panel) {
  for_each_piece(a, [&](std::size_t first, std::size_t last, std::size_t begin, std::size_t end) {
    if (first == 0 && begin == 0) {
      sum_piece<V>(sums, rows, start, a, first, last, begin, end, panel);
    } else {
      sum_piece<V>(sums, rows, sums, a, first, last, begin, end, panel);
    }
  });
}

template <std::size_t V, std::size_t FirstA, std::size_t CountA, std::size_t FirstB, std::size_t CountB, typename T>
void sum_two_products(const HeldSums<T, V>& sums, std::size_t rows, const TileStart<T>& start,
                      TileColumns<FirstA, CountA>, const LeftRows<T>& a, const T* a_panel, TileColumns<FirstB, CountB>,
                      const LeftRows<T>& b, const T* b_panel) {
  if (a.length + b.length > kPiece) {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t v = 0; v < V; ++v) store(sums.at(r, v), start(r, v));
    }
    add_products<CountA>(sums.from_column(FirstA), rows, a, a_panel);
    add_products<CountB>(sums.from_column(FirstB), rows, b, b_panel);
    return;
  }
  for_each_tile<V>(0, rows, [&](std::size_t row, auto rows_constant) {
    constexpr std::size_t R = decltype(rows_constant)::value;
    Vec<T> tile[R][V];
    begin_tile<T>(tile, start, row);
    accumulate<FirstA, CountA>(tile, a.data + row * a.stride, a.stride, a.length, a_panel);
    accumulate<FirstB, CountB>(tile, b.data + row * b.stride, b.stride, b.length, b_panel);
    end_tile<T>(tile, sums, row);
  });
}

template <std::size_t U, std::size_t V, typename T>
void add_products_of_row(Vec<T>* sums, std::size_t sums_stride, const LeftRows<T>& a, const T* panel,
                         std::size_t panel_stride) {
  Vec<T> tile[U][V];
  unrolled<U>([&](auto u) { unrolled<V>([&](auto v) { tile[u][v] = sums[u * sums_stride + v]; }); });
  for (std::size_t s = 0; s < a.segments; ++s, panel += a.length * V * kLanes<T>) {
    accumulate_row<U, 0, V>(tile, a.data + s * a.segment_stride, a.length, panel, panel_stride);
  }
  unrolled<U>([&](auto u) { unrolled<V>([&](auto v) { sums[u * sums_stride + v] = tile[u][v]; }); });
}

template void sum_products<1>(const PlacedSums<float>&, std::size_t, const TileStart<float>&, const LeftRows<float>&,
                              const float*);
template void add_products<1>(const HeldSums<float, 1>&, std::size_t, const LeftRows<float>&, const float*);
template void add_products_of_row<1, 1>(Vec<float>*, std::size_t, const LeftRows<float>&, const float*, std::size_t);
template void add_products_of_row<2, 1>(Vec<float>*, std::size_t, const LeftRows<float>&, const float*, std::size_t);
template void sum_products<2>(const PlacedSums<float>&, std::size_t, const TileStart<float>&, const LeftRows<float>&,
                              const float*);
template void add_products<2>(const HeldSums<float, 2>&, std::size_t, const LeftRows<float>&, const float*);
template void add_products_of_row<1, 2>(Vec<float>*, std::size_t, const LeftRows<float>&, const float*, std::size_t);
template void add_products_of_row<2, 2>(Vec<float>*, std::size_t, const LeftRows<float>&, const float*, std::size_t);
template void sum_products<3>(const PlacedSums<float>&, std::size_t, const TileStart<float>&, const LeftRows<float>&,
                              const float*);
template void add_products<3>(const HeldSums<float, 3>&, std::size_t, const LeftRows<float>&, const float*);
template void add_products_of_row<1, 3>(Vec<float>*, std::size_t, const LeftRows<float>&, const float*, std::size_t);
template void add_products_of_row<2, 3>(Vec<float>*, std::size_t, const LeftRows<float>&, const float*, std::size_t);
template void sum_products<1>(const PlacedSums<double>&, std::size_t, const TileStart<double>&, const LeftRows<double>&,
                              const double*);
template void add_products<1>(const HeldSums<double, 1>&, std::size_t, const LeftRows<double>&, const double*);
template void add_products_of_row<1, 1>(Vec<double>*, std::size_t, const LeftRows<double>&, const double*, std::size_t);
template void add_products_of_row<2, 1>(Vec<double>*, std::size_t, const LeftRows<double>&, const double*, std::size_t);
template void sum_products<2>(const PlacedSums<double>&, std::size_t, const TileStart<double>&, const LeftRows<double>&,
                              const double*);
template void add_products<2>(const HeldSums<double, 2>&, std::size_t, const LeftRows<double>&, const double*);
template void add_products_of_row<1, 2>(Vec<double>*, std::size_t, const LeftRows<double>&, const double*, std::size_t);
template void add_products_of_row<2, 2>(Vec<double>*, std::size_t, const LeftRows<double>&, const double*, std::size_t);
template void sum_products<3>(const PlacedSums<double>&, std::size_t, const TileStart<double>&, const LeftRows<double>&,
                              const double*);
template void add_products<3>(const HeldSums<double, 3>&, std::size_t, const LeftRows<double>&, const double*);
template void add_products_of_row<1, 3>(Vec<double>*, std::size_t, const LeftRows<double>&, const double*, std::size_t);
template void add_products_of_row<2, 3>(Vec<double>*, std::size_t, const LeftRows<double>&, const double*, std::size_t);

template void sum_two_products<1>(const HeldSums<float, 1>&, std::size_t, const TileStart<float>&, TileColumns<0, 1>,
                                  const LeftRows<float>&, const float*, TileColumns<0, 1>, const LeftRows<float>&,
                                  const float*);
template void sum_two_products<2>(const HeldSums<float, 2>&, std::size_t, const TileStart<float>&, TileColumns<0, 2>,
                                  const LeftRows<float>&, const float*, TileColumns<0, 2>, const LeftRows<float>&,
                                  const float*);
template void sum_two_products<4>(const HeldSums<float, 4>&, std::size_t, const TileStart<float>&, TileColumns<0, 4>,
                                  const LeftRows<float>&, const float*, TileColumns<0, 4>, const LeftRows<float>&,
                                  const float*);
template void sum_two_products<4>(const HeldSums<float, 4>&, std::size_t, const TileStart<float>&, TileColumns<0, 3>,
                                  const LeftRows<float>&, const float*, TileColumns<1, 3>, const LeftRows<float>&,
                                  const float*);
template void sum_two_products<1>(const HeldSums<double, 1>&, std::size_t, const TileStart<double>&, TileColumns<0, 1>,
                                  const LeftRows<double>&, const double*, TileColumns<0, 1>, const LeftRows<double>&,
                                  const double*);
template void sum_two_products<2>(const HeldSums<double, 2>&, std::size_t, const TileStart<double>&, TileColumns<0, 2>,
                                  const LeftRows<double>&, const double*, TileColumns<0, 2>, const LeftRows<double>&,
                                  const double*);
template void sum_two_products<4>(const HeldSums<double, 4>&, std::size_t, const TileStart<double>&, TileColumns<0, 4>,
                                  const LeftRows<double>&, const double*, TileColumns<0, 4>, const LeftRows<double>&,
                                  const double*);
template void sum_two_products<4>(const HeldSums<double, 4>&, std::size_t, const TileStart<double>&, TileColumns<0, 3>,
                                  const LeftRows<double>&, const double*, TileColumns<1, 3>, const LeftRows<double>&,
                                  const double*);

}  // namespace nncore
