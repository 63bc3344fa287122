#pragma once

#include "nncore/core/view.h"

namespace nncore {

/// C = bias + A·B. Each element is one chain of FMAs that starts at its bias (0 without one) and adds in the order of k:
/// the same bits for any number of threads, and for a row alone or among others.
/// a (m, k), b (k, n), bias (n) or empty; writes c (m, n).
template <typename T>
void matmul(View<const T, 2> a, View<const T, 2> b, View<const T, 1> bias, View<T, 2> c);

/// Rows whose products are one chain of FMAs, where many rows are added up: a single chain over thousands of them, whose
/// sum is by far greater than each of its products, would lose more of those.
inline constexpr std::size_t kChain = 128;

/// C += Aᵀ·B: each element's chains over kChain rows are added to it in order. In parts that begin at multiples of kChain
/// rows it gives the same bits.
/// a (k, m), b (k, n); changes c (m, n).
template <typename T>
void add_transposed_product(View<const T, 2> a, View<const T, 2> b, View<T, 2> c);

}  // namespace nncore
