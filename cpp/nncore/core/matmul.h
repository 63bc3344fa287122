#pragma once

#include "nncore/core/view.h"

namespace nncore {

/// C = bias + A·B. Each element is one chain of FMAs that starts at its bias (0 without one) and adds in the order of k:
/// the same bits for any number of threads, and for a row alone or among others.
/// a (m, k), b (k, n), bias (n) or empty; writes c (m, n).
template <typename T>
void matmul(View<const T, 2> a, View<const T, 2> b, View<const T, 1> bias, View<T, 2> c);

/// C += Aᵀ·B, each element one chain over the rows in order, starting at its old value.
/// a (k, m), b (k, n); changes c (m, n).
template <typename T>
void add_transposed_product(View<const T, 2> a, View<const T, 2> b, View<T, 2> c);

}  // namespace nncore
