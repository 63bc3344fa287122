#include "nncore/core/matmul.h"

#include <vector>

#include "nncore/core/gradient_tile.h"
#include "nncore/core/threads.h"
#include "nncore/core/tile.h"

namespace nncore {

namespace {

// Nanoseconds of a product of this size, at about 50 GFLOP/s: only to decide whether threads pay.
double product_time(std::size_t m, std::size_t n, std::size_t k) {
  return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / 25;
}

}  // namespace

template <typename T>
void matmul(View<const T, 2> a, View<const T, 2> b, View<const T, 1> bias, View<T, 2> c) {
  const std::size_t m = a.extent(0), k = a.extent(1), n = b.extent(1);
  require(b.extent(0) == k, "b", "(k, n) with k = ", k, b);
  require(bias.empty() || bias.extent(0) == n, "bias", "(n) with n = ", n, bias);
  require(c.extent(0) == m && c.extent(1) == n, "c", "(m, n) = ", shape_text<2>({m, n}), c);

  Panels<T> panels;
  panels.pack_rows(k, n, [&](std::size_t row) { return b.row(row); }, Padding::kTight);
  const LeftRows<T> left{a.data(), k, k};
  const auto lanes_at = [&](std::size_t column) { return std::min(kLanes<T>, n - column); };
  parallel_ranges(m, kTileRows, product_time(m, n, k), [&](std::size_t begin, std::size_t end) {
    multiply_tiles(
        left, begin, end, panels,
        [&](std::size_t, std::size_t column) {
          return bias.empty() ? Vec<T>{} : load_part(bias.data() + column, lanes_at(column));
        },
        [&](std::size_t row, std::size_t column, Vec<T> sum) {
          store_part(c.row(row) + column, sum, lanes_at(column));
        });
  });
}

template <typename T>
void add_transposed_product(View<const T, 2> a, View<const T, 2> b, View<T, 2> c) {
  const std::size_t k = a.extent(0), m = a.extent(1), n = b.extent(1);
  require(b.extent(0) == k, "b", "(k, n) with k = ", k, b);
  require(c.extent(0) == m && c.extent(1) == n, "c", "(m, n) = ", shape_text<2>({m, n}), c);

  std::vector<Panels<T>> panels;
  T* const no_sums = nullptr;
  add_product_over_rows(
      Rows<const T>{a.data(), m}, m, [&](std::size_t row) { return b.row(row); }, n, k, c.data(), no_sums, panels);
}

template void add_transposed_tiles(const float*, std::size_t, std::size_t, const Panels<float>&, Rows<float>);
template void add_transposed_tiles(const double*, std::size_t, std::size_t, const Panels<double>&, Rows<double>);
template void matmul(View<const float, 2>, View<const float, 2>, View<const float, 1>, View<float, 2>);
template void matmul(View<const double, 2>, View<const double, 2>, View<const double, 1>, View<double, 2>);
template void add_transposed_product(View<const float, 2>, View<const float, 2>, View<float, 2>);
template void add_transposed_product(View<const double, 2>, View<const double, 2>, View<double, 2>);

}  // namespace nncore
