#include "nncore/text/sparse.h"

#include <algorithm>
#include <vector>

#include "nncore/core/gradient_tile.h"
#include "nncore/core/threads.h"
#include "nncore/core/tile.h"

namespace nncore {

namespace {

constexpr std::size_t kGroup = 8;        // registers of a row's sums at a time
constexpr std::int64_t kLookAhead = 16;  // entries whose rows of X are on their way

template <std::size_t N, typename T>
[[gnu::always_inline]] inline void sparse_row(const std::int32_t* column, const T* value, std::int64_t count, T scale,
                                              const T* x, T* y, std::size_t block) {
  Vec<T> sums[N] = {};
  for (std::int64_t t = 0; t < count; ++t) {
    if (t + kLookAhead < count) {
      const T* soon = x + static_cast<std::size_t>(column[t + kLookAhead]) * block;
      for (std::size_t byte = 0; byte < N * kVectorBytes; byte += 64) __builtin_prefetch(soon + byte / sizeof(T));
    }
    const T* from = x + static_cast<std::size_t>(column[t]) * block;
    const Vec<T> weight = broadcast(value[t]);
    unrolled<N>([&](auto v) { sums[v] = fma(weight, load(from + v * kLanes<T>), sums[v]); });
  }
  unrolled<N>([&](auto v) { store(y + v * kLanes<T>, sums[v] * broadcast(scale)); });
}

template <typename T>
std::vector<T> rounded(const double* from, std::size_t count) {
  return std::vector<T>(from, from + count);
}

double product_nanoseconds(std::size_t rows, std::size_t columns, std::size_t block) {
  return static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(block) / 25;
}

}  // namespace

template <typename T>
void multiply_sparse(const SparseRows<T>& a, std::size_t begin, std::size_t end, T scale, const T* x, T* y,
                     std::size_t block) {
  const std::int64_t* starts = a.starts.data();
  const std::int64_t first = starts[begin], entries = starts[end] - first;
  const double work = static_cast<double>(entries) * static_cast<double>(block) / 8;
  parallel_parts(end - begin, work, [&](std::size_t part, std::size_t parts) {
    const auto border = [&](std::size_t p) {  // rows with about as many entries for each part
      if (p == parts) return end;
      const std::int64_t entry = first + entries / static_cast<std::int64_t>(parts) * static_cast<std::int64_t>(p);
      return static_cast<std::size_t>(std::lower_bound(starts + begin, starts + end, entry) - starts);
    };
    const std::size_t last = border(part + 1);
    for (std::size_t row = part == 0 ? begin : border(part); row < last; ++row) {
      const std::int64_t at = starts[row], count = starts[row + 1] - at;
      for (std::size_t c = 0; c < block; c += kGroup * kLanes<T>) {
        with_constant<kGroup>(std::min(kGroup, (block - c) / kLanes<T>), [&](auto N) {
          sparse_row<N>(a.columns.data() + at, a.values.data() + at, count, scale, x + c, y + row * block + c, block);
        });
      }
    }
  });
}

template <typename T>
void transposed_product(const T* p, std::size_t p_stride, std::size_t columns, const T* w, std::size_t block,
                        std::size_t rows, double* sums) {
  constexpr std::size_t kPiece = 1536, kMostPieces = 64;  // the same at every instruction set, as then are the sums
  const std::size_t piece = std::max(kPiece, (rows + kMostPieces - 1) / kMostPieces);
  const std::size_t pieces = (rows + piece - 1) / piece, size = columns * block;
  std::vector<T> partial(pieces * size, T(0));
  std::vector<Panels<T>> panels;
  reserve_gradient_panels(panels, rows, block);
  parallel_parts(std::min(pieces, panels.size()), product_nanoseconds(rows, columns, block),
                 [&](std::size_t part, std::size_t parts) {
                   for (std::size_t i = pieces * part / parts; i < pieces * (part + 1) / parts; ++i) {
                     const std::size_t end = std::min(rows, (i + 1) * piece);
                     for (std::size_t row = i * piece; row < end; row += kGradientRows) {
                       const std::size_t depth = std::min(kGradientRows, end - row);
                       panels[part].pack_rows(
                           depth, block, [&](std::size_t k) { return w + (row + k) * block; }, Padding::kTight);
                       add_transposed_tiles(p + row * p_stride, p_stride, columns, panels[part],
                                            Rows<T>{partial.data() + i * size, block});
                     }
                   }
                 });
  std::fill_n(sums, size, 0.0);
  for (std::size_t i = 0; i < pieces; ++i) {
    for (std::size_t j = 0; j < size; ++j) sums[j] += static_cast<double>(partial[i * size + j]);
  }
}

template <typename T>
void add_product(const T* p, std::size_t p_stride, std::size_t columns, const double* c, T* w, std::size_t block,
                 std::size_t rows) {
  const std::vector<T> factor = rounded<T>(c, columns * block);
  Panels<T> panels;
  panels.pack_rows(columns, block, [&](std::size_t k) { return factor.data() + k * block; }, Padding::kTight);
  const LeftRows<T> left{p, p_stride, columns};
  parallel_ranges(rows, kTileRows, product_nanoseconds(rows, columns, block), [&](std::size_t begin, std::size_t end) {
    multiply_tiles(left, begin, end, panels, StartAt<T>{w, block}, StoreTo<T>{{w, block}});
  });
}

template <typename T>
void multiply_block(const T* w, const double* m, T* out, std::size_t block, std::size_t rows) {
  const std::vector<T> factor = rounded<T>(m, block * block);
  Panels<T> panels;
  panels.pack_rows(block, block, [&](std::size_t k) { return factor.data() + k * block; }, Padding::kTight);
  const LeftRows<T> left{w, block, block};
  parallel_ranges(rows, kTileRows, product_nanoseconds(rows, block, block), [&](std::size_t begin, std::size_t end) {
    multiply_tiles(left, begin, end, panels, StartAt<T>{}, StoreTo<T>{{out, block}});
  });
}

template void multiply_sparse(const SparseRows<float>&, std::size_t, std::size_t, float, const float*, float*,
                              std::size_t);
template void multiply_sparse(const SparseRows<double>&, std::size_t, std::size_t, double, const double*, double*,
                              std::size_t);
template void transposed_product(const float*, std::size_t, std::size_t, const float*, std::size_t, std::size_t,
                                 double*);
template void transposed_product(const double*, std::size_t, std::size_t, const double*, std::size_t, std::size_t,
                                 double*);
template void add_product(const float*, std::size_t, std::size_t, const double*, float*, std::size_t, std::size_t);
template void add_product(const double*, std::size_t, std::size_t, const double*, double*, std::size_t, std::size_t);
template void multiply_block(const float*, const double*, float*, std::size_t, std::size_t);
template void multiply_block(const double*, const double*, double*, std::size_t, std::size_t);

}  // namespace nncore
