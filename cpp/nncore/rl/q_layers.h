#pragma once

// Dense layers of few inputs or few outputs, as the ends of a Q-network mostly are, and rows times a number. For kernels
// only.

#include <algorithm>
#include <cstddef>
#include <utility>

#include "nncore/core/activations.h"
#include "nncore/core/tile.h"

namespace nncore {

// Layers of few outputs are dot products, those of few inputs sums of columns: tiles would be empty for the most part.
inline constexpr std::size_t kFewOutputs = 8, kFewInputs = 8;

template <std::size_t Places, typename V, std::size_t... I>
V turned(V v, std::index_sequence<I...>) {
  return __builtin_shufflevector(v, v, ((I + Places) % sizeof...(I))...);
}

/// Sum of the lanes: those that are `Half` apart first, then those half as far apart.
template <typename T, std::size_t Half = kLanes<T> / 2>
[[gnu::always_inline]] inline T folded(Vec<T> v) {
  if constexpr (Half == 0) {
    return v[0];
  } else {
    return folded<T, Half / 2>(v + turned<Half>(v, std::make_index_sequence<kLanes<T>>()));
  }
}

/// Sum of x[i] * w[i], in the lanes of a block at every instruction set; w has zeros up to the end of its last block.
template <typename T>
[[gnu::always_inline]] inline T dot(const T* x, const T* w, std::size_t n) {
  constexpr std::size_t W = kLanes<T>, B = kBlock<T>;
  Vec<T> sums[B / W] = {};
  std::size_t i = 0;
  for (; i + B <= n; i += B) {
    for (std::size_t v = 0; v < B / W; ++v) sums[v] = fma(load(x + i + v * W), load(w + i + v * W), sums[v]);
  }
  for (std::size_t v = 0; i < n; ++v, i += W) {
    sums[v] = fma(load_part(x + i, std::min(W, n - i)), load(w + i), sums[v]);
  }
  for (std::size_t half = B / W / 2; half > 0; half /= 2) {
    for (std::size_t v = 0; v < half; ++v) sums[v] += sums[v + half];
  }
  return folded<T>(sums[0]);
}

/// y = ReLU(bias + x W) of rows [begin, end) of x (rows, K) and a share of y's registers; row k of W at `weights` +
/// k * y.stride.
template <std::size_t K, typename T>
void forward_of_few_inputs(const LeftRows<T>& x, std::size_t begin, std::size_t end, const T* weights, const T* bias,
                           Rows<T> y, Share share) {
  const std::size_t registers = y.stride / kLanes<T>, last = share.end(registers) * kLanes<T>;
  for (std::size_t j = share.begin(registers) * kLanes<T>; j < last; j += kLanes<T>) {
    const Vec<T> start = load(bias + j);
    Vec<T> w[K];
    unrolled<K>([&](auto k) { w[k] = load(weights + k * y.stride + j); });
    for (std::size_t row = begin; row < end; ++row) {
      const T* from = x.data + row * x.stride;
      Vec<T> sum = start;
      unrolled<K>([&](auto k) { sum = fma(broadcast(from[k]), w[k], sum); });
      store(y[row] + j, detail::at_least(sum, Vec<T>{}));
    }
  }
}

/// weight (outputs, K) = sum over the rows of dz[row][j] * x[row][k], bias (outputs) = that of dz[row][j], in order, for
/// outputs j in [begin, end), where begin is a multiple of kLanes.
template <std::size_t K, typename T>
void gradient_of_few_inputs(Rows<const T> dz, Rows<const T> x, std::size_t rows, std::size_t begin, std::size_t end,
                            T* weight, T* bias) {
  for (std::size_t j = begin; j < end; j += kLanes<T>) {
    Vec<T> sums[K] = {}, sum{};
    for (std::size_t row = 0; row < rows; ++row) {
      const Vec<T> slope = load(dz[row] + j);
      unrolled<K>([&](auto k) { sums[k] = fma(broadcast(x[row][k]), slope, sums[k]); });
      sum += slope;
    }
    const std::size_t count = std::min(kLanes<T>, end - j);
    for (std::size_t lane = 0; lane < count; ++lane) {
      for (std::size_t k = 0; k < K; ++k) weight[(j + lane) * K + k] = sums[k][lane];
    }
    store_part(bias + j, sum, count);
  }
}

/// y[i] += factor * x[i].
template <typename T>
void add_scaled(T factor, const T* x, std::size_t n, T* y) {
  const Vec<T> factors = broadcast(factor);
  std::size_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) store(y + i, fma(factors, load(x + i), load(y + i)));
  if (i < n) store_part(y + i, fma(factors, load_part(x + i, n - i), load_part(y + i, n - i)), n - i);
}

}  // namespace nncore
