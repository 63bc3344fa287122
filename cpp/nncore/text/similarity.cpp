#include "nncore/text/similarity.h"

#include <algorithm>

#include "nncore/core/simd.h"
#include "nncore/core/threads.h"

namespace nncore {
namespace {

constexpr double kElementNanoseconds = 0.15;  // memory is the limit

/// Two blocks of sums, whatever the register's width, so that the order of additions is the same.
template <typename T>
constexpr std::size_t kSums = 2 * kBlock<T>;

template <typename T>
T product(const T* a, const T* b, std::size_t size) {
  constexpr std::size_t kRegisters = kSums<T> / kLanes<T>;
  Vec<T> sums[kRegisters] = {};
  std::size_t i = 0;
  for (; i + kSums<T> <= size; i += kSums<T>) {
    for (std::size_t r = 0; r < kRegisters; ++r) {
      sums[r] = fma(load(a + i + r * kLanes<T>), load(b + i + r * kLanes<T>), sums[r]);
    }
  }
  for (std::size_t r = 0; i < size; ++r, i += kLanes<T>) {
    const std::size_t count = std::min(kLanes<T>, size - i);
    sums[r] = fma(load_part(a + i, count), load_part(b + i, count), sums[r]);
  }
  T lanes[kSums<T>];
  for (std::size_t r = 0; r < kRegisters; ++r) store(lanes + r * kLanes<T>, sums[r]);
  for (std::size_t half = kSums<T> / 2; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  }
  return lanes[0];
}

}  // namespace

template <typename T>
void row_products(Rows<const T> rows, View<const T, 1> vector, View<T, 1> products) {
  const std::size_t size = vector.extent(0);
  const double work = kElementNanoseconds * static_cast<double>(size * products.extent(0));
  parallel_ranges(products.extent(0), 16, work, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) products(i) = product(rows[i], vector.data(), size);
  });
}

template void row_products(Rows<const float>, View<const float, 1>, View<float, 1>);
template void row_products(Rows<const double>, View<const double, 1>, View<double, 1>);

}  // namespace nncore
