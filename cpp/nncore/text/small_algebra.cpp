#include "nncore/text/small_algebra.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace nncore {

namespace {

Small transposed(const Small& a) {
  Small t(a.columns, a.rows);
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j < a.columns; ++j) t(j, i) = a(i, j);
  }
  return t;
}

double dot(const double* a, const double* b, std::size_t count) {
  double sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) sums[k] += a[i + k] * b[i + k];
  }
  for (; i < count; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void rotate(double* a, double* b, std::size_t count, double cosine, double sine) {
  for (std::size_t i = 0; i < count; ++i) {
    const double x = a[i], y = b[i];
    a[i] = cosine * x - sine * y;
    b[i] = sine * x + cosine * y;
  }
}

/// Makes the rows of `x` orthogonal by turning pairs of them, and those of `y` with them; false when all were.
bool sweep(Small& x, Small& y) {
  const double tolerance = 8 * std::numeric_limits<double>::epsilon();
  std::vector<double> squares(x.rows);
  for (std::size_t i = 0; i < x.rows; ++i) squares[i] = dot(&x(i, 0), &x(i, 0), x.columns);
  const double least = *std::max_element(squares.begin(), squares.end()) * tolerance * tolerance;
  bool turned = false;
  for (std::size_t i = 0; i < x.rows; ++i) {
    for (std::size_t j = i + 1; j < x.rows; ++j) {
      if (squares[i] <= least || squares[j] <= least) continue;  // rounding of the greatest
      const double product = dot(&x(i, 0), &x(j, 0), x.columns);
      if (std::abs(product) <= tolerance * std::sqrt(squares[i] * squares[j])) continue;
      const double zeta = (squares[j] - squares[i]) / (2 * product);
      const double tangent = std::copysign(1.0, zeta) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
      const double cosine = 1 / std::sqrt(1 + tangent * tangent);
      rotate(&x(i, 0), &x(j, 0), x.columns, cosine, cosine * tangent);
      rotate(&y(i, 0), &y(j, 0), y.columns, cosine, cosine * tangent);
      squares[i] -= tangent * product;
      squares[j] += tangent * product;
      turned = true;
    }
  }
  return turned;
}

}  // namespace

void add_small_product(const Small& a, const Small& b, Small& c) {
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t k = 0; k < a.columns; ++k) {
      const double factor = a(i, k);
      if (factor == 0) continue;
      for (std::size_t j = 0; j < b.columns; ++j) c(i, j) += factor * b(k, j);
    }
  }
}

void symmetric_eigen(const Small& a, std::vector<double>& values, Small& vectors) {
  const auto n = static_cast<Eigen::Index>(a.rows);
  // Column-major, it is the transposed matrix: the solver reads the lower half of what it is given.
  const Eigen::Map<const Eigen::MatrixXd> given(a.data.data(), n, n);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(given.transpose());
  values.resize(a.rows);
  for (Eigen::Index j = 0; j < n; ++j) {
    values[static_cast<std::size_t>(j)] = solver.eigenvalues()[n - 1 - j];
    for (Eigen::Index i = 0; i < n; ++i) {
      vectors(static_cast<std::size_t>(i), static_cast<std::size_t>(j)) = solver.eigenvectors()(i, n - 1 - j);
    }
  }
}

void small_svd(const Small& a, Small& x, std::vector<double>& values, Small& y) {
  const Small at = transposed(a);
  Small gram(a.columns, a.columns), vectors(a.columns, a.columns);
  add_small_product(at, a, gram);
  symmetric_eigen(gram, values, vectors);
  Small yt = transposed(vectors), xt(a.columns, a.rows);
  add_small_product(yt, at, xt);
  for (int i = 0; i < 30 && sweep(xt, yt); ++i) continue;

  std::vector<double> lengths(a.columns);
  for (std::size_t j = 0; j < a.columns; ++j) lengths[j] = std::sqrt(dot(&xt(j, 0), &xt(j, 0), a.rows));
  std::vector<std::size_t> order(a.columns);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return lengths[i] > lengths[j]; });
  for (std::size_t j = 0; j < a.columns; ++j) {
    const std::size_t from = order[j];
    values[j] = lengths[from];
    for (std::size_t i = 0; i < a.rows; ++i) x(i, j) = values[j] > 0 ? xt(from, i) / values[j] : 0;
    for (std::size_t i = 0; i < a.columns; ++i) y(i, j) = yt(from, i);
  }
}

}  // namespace nncore
