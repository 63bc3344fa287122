#pragma once

#include <cstddef>

#include "nncore/core/sparse_rows.h"

// Products of a sparse matrix with a block of vectors, and of tall blocks with each other: what a truncated SVD consists
// of. Blocks are row-major; their widths are multiples of 64 bytes. Same bits for any number of threads.

namespace nncore {

/// Rows [begin, end) of y = scale * A·X; x (width of A, block), y (rows of A, block).
template <typename T>
void multiply_sparse(const SparseRows<T>& a, std::size_t begin, std::size_t end, T scale, const T* x, T* y,
                     std::size_t block);

/// sums (columns, block) = Pᵀ·W over `rows` rows of p (stride p_stride) and w (stride block), in pieces of rows whose sums
/// are added in double.
template <typename T>
void transposed_product(const T* p, std::size_t p_stride, std::size_t columns, const T* w, std::size_t block,
                        std::size_t rows, double* sums);

/// w += P·C; c (columns, block), in double, is rounded to T first.
template <typename T>
void add_product(const T* p, std::size_t p_stride, std::size_t columns, const double* c, T* w, std::size_t block,
                 std::size_t rows);

/// out = W·M; m (block, block), in double, is rounded to T first. `out` is not w.
template <typename T>
void multiply_block(const T* w, const double* m, T* out, std::size_t block, std::size_t rows);

}  // namespace nncore
