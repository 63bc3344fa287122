#pragma once

#include <cstddef>
#include <vector>

namespace nncore {

/// A small matrix, row-major, in double.
struct Small {
  Small(std::size_t rows, std::size_t columns) : rows(rows), columns(columns), data(rows * columns, 0.0) {}
  double& operator()(std::size_t i, std::size_t j) { return data[i * columns + j]; }
  double operator()(std::size_t i, std::size_t j) const { return data[i * columns + j]; }

  std::size_t rows, columns;
  std::vector<double> data;
};

/// c += A·B.
void add_small_product(const Small& a, const Small& b, Small& c);

/// Eigenvalues of a symmetric matrix (its lower half is read) in descending order, and eigenvectors in columns.
void symmetric_eigen(const Small& a, std::vector<double>& values, Small& vectors);

/// A = X·diag(values)·Yᵀ with values in descending order: for a (m, n), m >= n, writes x (m, n), whose columns of value 0
/// are 0, and y (n, n). Small values are as exact, relative to the greatest, as double can be: from the eigenvectors of AᵀA
/// by one-sided Jacobi rotations (Hestenes 1958).
void small_svd(const Small& a, Small& x, std::vector<double>& values, Small& y);

}  // namespace nncore
