#pragma once

// Sums and products of rows. For kernels only (see core/simd.h).

#include <cstddef>
#include <type_traits>
#include <utility>

#include "nncore/core/panels.h"
#include "nncore/core/simd.h"
#include "nncore/text/word2vec_fetch.h"

namespace nncore {
namespace detail {

/// Places of a tile's row of products.
inline constexpr std::size_t kPlaces = 8;

/// to += weight * from.
template <typename T>
[[gnu::always_inline]] inline void add_row(const T* from, T* to, T weight, std::size_t columns) {
  const Vec<T> w = broadcast(weight);
  for (std::size_t k = 0; k < columns; k += kLanes<T>) store(to + k, fma(w, load(from + k), load(to + k)));
}

/// Calls body(k, constant N) for N registers from column k, as many at once as leave room for others.
template <typename T, typename Body>
[[gnu::always_inline]] inline void by_registers(std::size_t columns, const Body& body) {
  constexpr std::size_t L = kLanes<T>;
  std::size_t k = 0;
  for (; k + 7 * L <= columns; k += 7 * L) body(k, std::integral_constant<std::size_t, 7>());
  for (; k + 3 * L <= columns; k += 3 * L) body(k, std::integral_constant<std::size_t, 3>());
  for (; k < columns; k += L) body(k, std::integral_constant<std::size_t, 1>());
}

/// to = weight * (sum of the rows).
template <typename T>
[[gnu::always_inline]] inline void sum_rows(T* const* rows, std::size_t count, T weight, T* to, std::size_t columns) {
  by_registers<T>(columns, [&](std::size_t k, auto registers) {
    Vec<T> sums[registers] = {};
    for (std::size_t i = 0; i < count; ++i) {
      const T* const row = rows[i] + k;
      for (std::size_t r = 0; r < registers; ++r) sums[r] += load(row + r * kLanes<T>);
    }
    for (std::size_t r = 0; r < registers; ++r) store(to + k + r * kLanes<T>, broadcast(weight) * sums[r]);
  });
}

/// rows[i] += weight * from.
template <typename T>
[[gnu::always_inline]] inline void add_to_rows(const T* from, T* const* rows, std::size_t count, T weight,
                                               std::size_t columns) {
  by_registers<T>(columns, [&](std::size_t k, auto registers) {
    Vec<T> added[registers];
    for (std::size_t r = 0; r < registers; ++r) added[r] = broadcast(weight) * load(from + k + r * kLanes<T>);
    for (std::size_t i = 0; i < count; ++i) {
      T* const row = rows[i] + k;
      for (std::size_t r = 0; r < registers; ++r) {
        store(row + r * kLanes<T>, load(row + r * kLanes<T>) + added[r]);
      }
    }
  });
}

/// Lane j becomes the sum of the lanes of rows[j].
template <std::size_t S, typename T, std::size_t... I>
[[gnu::always_inline]] inline Vec<T> pair_sum(Vec<T> a, Vec<T> b, std::index_sequence<I...>) {
  constexpr std::size_t W = sizeof...(I);
  const Vec<T> first = __builtin_shufflevector(a, b, (I / S % 2 == 0 ? I : W + I - S)...);
  const Vec<T> second = __builtin_shufflevector(a, b, (I / S % 2 == 0 ? I + S : W + I)...);
  return first + second;
}

template <std::size_t S, typename T>
[[gnu::always_inline]] inline Vec<T> lane_sums(const Vec<T>* rows) {
  if constexpr (S == kLanes<T>) {
    return rows[0];
  } else {
    constexpr std::size_t half = kLanes<T> / S / 2;
    Vec<T> sums[half];
    for (std::size_t i = 0; i < half; ++i) {
      sums[i] = pair_sum<S, T>(rows[2 * i], rows[2 * i + 1], std::make_index_sequence<kLanes<T>>());
    }
    return lane_sums<2 * S, T>(sums);
  }
}

/// Places for the products of R inputs, and for whole registers.
template <typename T, std::size_t R>
inline constexpr std::size_t kSlots = R * kPlaces > kLanes<T> ? R * kPlaces : kLanes<T>;

/// sums[j] += x . y[j] for j < M, lane by lane, with x in registers.
template <typename T, std::size_t M, typename Asked>
[[gnu::always_inline]] inline void add_products_of_one(const T* x, T* const* y, std::size_t columns, Vec<T>* sums,
                                                       Asked asked) {
  constexpr std::size_t L = kLanes<T>;
  by_registers<T>(columns, [&](std::size_t k, auto registers) __attribute__((always_inline)) {
    Vec<T> row[registers];
    for (std::size_t n = 0; n < registers; ++n) row[n] = kept(load(x + k + n * L));
    unrolled<M>([&](auto j) __attribute__((always_inline)) {
      const T* const to = y[j] + k;
      for (std::size_t n = 0; n < registers; ++n) {
        sums[j] = fma(row[n], load(to + n * L), sums[j]);
        asked.line(j, k + n * L);
      }
    });
  });
}

/// sums[r * kPlaces + j] += x[r] . y[j] for r < R, j < M, lane by lane.
template <typename T, std::size_t R, std::size_t M, typename Asked>
[[gnu::always_inline]] inline void add_products(T* const* x, T* const* y, std::size_t columns, Vec<T>* sums,
                                                Asked asked) {
  if constexpr (R == 1) return add_products_of_one<T, M>(x[0], y, columns, sums, asked);
  for (std::size_t k = 0; k < columns; k += kLanes<T>) {
    for (std::size_t i = 0; i < Asked::kRows; ++i) asked.line(i, k);
    Vec<T> row[R];
    for (std::size_t r = 0; r < R; ++r) row[r] = load(x[r] + k);
    for (std::size_t j = 0; j < M; ++j) {
      const Vec<T> column = kept(load(y[j] + k));
      for (std::size_t r = 0; r < R; ++r) sums[r * kPlaces + j] = fma(row[r], column, sums[r * kPlaces + j]);
    }
  }
}

template <typename T>
[[gnu::always_inline]] inline void store_sums(const Vec<T>* sums, std::size_t slots, T* to) {
  for (std::size_t slot = 0; slot < slots; slot += kLanes<T>) store(to + slot, lane_sums<1, T>(sums + slot));
}

}  // namespace detail
}  // namespace nncore
