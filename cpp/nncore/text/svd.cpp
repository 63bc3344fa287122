#include "nncore/text/svd.h"

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <limits>

#include "nncore/core/matmul.h"
#include "nncore/core/random.h"
#include "nncore/core/rows.h"
#include "nncore/core/threads.h"

namespace nncore {

namespace {

using Square = Eigen::MatrixXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kProductsOfACall = 1e9;
constexpr int kMostPasses = 9;
// Below this part of the greatest eigenvalue of a Gram matrix in T rounding is all there is: a direction grows by the
// root of its inverse at most, and is measured again in the next pass.
constexpr double kSmallest = 1e-5;

template <typename T>
void check(const SparseRows<T>& a) {
  require(a.starts.size() >= 1 && a.starts.data()[0] == 0, "starts", "(rows + 1), the first 0", "", a.starts);
  require(a.width < (std::size_t{1} << 31), "width must be below 2^31, but is ", a.width);
  for (std::size_t i = 0; i < a.rows(); ++i) {
    require(a.starts.data()[i] <= a.starts.data()[i + 1], "starts must not fall, but do after row ", i);
  }
  require(a.columns.size() >= a.entries(), "columns", "as many as starts end with: ", a.entries(), a.columns);
  require(a.values.size() >= a.entries(), "values", "as many as starts end with: ", a.entries(), a.values);
  for (std::size_t i = 0; i < a.rows(); ++i) {
    std::int64_t before = -1;
    for (std::int64_t t = a.starts.data()[i]; t < a.starts.data()[i + 1]; ++t) {
      const std::int64_t column = a.columns.data()[t];
      require(column > before && column < static_cast<std::int64_t>(a.width), "columns must ascend from 0 to ", a.width,
              " - 1 within each row, but row ", i, " has ", column, " after ", before);
      before = column;
    }
  }
}

/// Whether each entry (i, j) has an equal one at (j, i).
template <typename T>
bool is_symmetric(const SparseRows<T>& a) {
  if (a.rows() != a.width) return false;
  std::vector<std::int64_t> next(a.starts.data(), a.starts.data() + a.rows());
  const std::int64_t* starts = a.starts.data();
  for (std::size_t i = 0; i < a.rows(); ++i) {
    const auto row = static_cast<std::int32_t>(i);
    std::int64_t t = next[i];  // entries before the diagonal were met from their other side
    if (t < starts[i + 1] && a.columns.data()[t] < row) return false;
    if (t < starts[i + 1] && a.columns.data()[t] == row) ++t;
    for (; t < starts[i + 1]; ++t) {
      const auto j = static_cast<std::size_t>(a.columns.data()[t]);
      const std::int64_t other = next[j]++;
      if (other >= starts[j + 1] || a.columns.data()[other] != row || a.values.data()[other] != a.values.data()[t]) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

template <typename T>
TruncatedSvd<T>::TruncatedSvd(const SparseRows<T>& a, std::size_t rank, std::size_t steps, std::uint64_t seed)
    : rank_(rank), steps_(steps), seed_(seed) {
  check(a);
  const std::size_t least = std::min(a.rows(), a.width);
  require(rank >= 1 && rank <= least, "rank must be from 1 to min(m, n) = ", least, ", but is ", rank);
  require(steps >= 1, "steps must be at least 1, but are ", steps);
  // A quarter of the rank: narrower blocks would converge on fewer products, but read the matrix more often.
  block_ = round_up<float>(std::max((rank + 3) / 4, (rank + steps - 1) / steps));
  left_.rows = a.rows();
  left_.stride = (steps + 1) * block_;
  right_.rows = a.width;
  right_.stride = steps * block_;
  for (Basis* basis : {&left_, &right_}) {
    std::fill_n(basis->data.reserve(basis->rows * basis->stride), basis->rows * basis->stride, T(0));
    std::fill_n(basis->block.reserve(basis->rows * block_), basis->rows * block_, T(0));
  }
  spare_.reserve(std::max(a.rows(), a.width) * block_);
  b_.assign(left_.stride * right_.stride, 0.0);
  T greatest = 0;
  for (std::size_t t = 0; t < a.entries(); ++t) greatest = std::max(greatest, std::abs(a.values.data()[t]));
  require(std::isfinite(greatest), "values must be finite");
  if (greatest > 0) scale_ = std::ldexp(T(1), std::clamp(-std::ilogb(greatest), -120, 120));
}

template <typename T>
void TruncatedSvd<T>::make_transposed(const SparseRows<T>& a) {
  symmetric_ = is_symmetric(a);
  if (symmetric_) return;
  starts_.assign(a.width + 2, 0);
  columns_.resize(a.entries());
  values_.resize(a.entries());
  for (std::size_t t = 0; t < a.entries(); ++t) ++starts_[static_cast<std::size_t>(a.columns.data()[t]) + 2];
  for (std::size_t j = 2; j < starts_.size(); ++j) starts_[j] += starts_[j - 1];
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t t = a.starts.data()[i]; t < a.starts.data()[i + 1]; ++t) {
      const auto to = static_cast<std::size_t>(starts_[static_cast<std::size_t>(a.columns.data()[t]) + 1]++);
      columns_[to] = static_cast<std::int32_t>(i);
      values_[to] = a.values.data()[t];
    }
  }
  starts_.pop_back();
}

template <typename T>
bool TruncatedSvd<T>::advance(const SparseRows<T>& a) {
  if (over_) return false;
  if (!started_) {
    make_transposed(a);
    fill_at_random(left_, 0);
    orthonormalize(left_, nullptr);
    started_ = true;
    return true;
  }
  const bool to_right = half_steps_ % 2 == 0;
  SparseRows<T> matrix = a;
  if (to_right && !symmetric_) {
    matrix = {{starts_.data(), {starts_.size()}},
              {columns_.data(), {columns_.size()}},
              {values_.data(), {values_.size()}},
              a.rows()};
  }
  Basis& from = to_right ? left_ : right_;
  Basis& to = to_right ? right_ : left_;
  const auto most = static_cast<std::int64_t>(kProductsOfACall * num_threads() / static_cast<double>(block_));
  std::size_t end = row_ + 1;
  const std::int64_t* starts = matrix.starts.data();
  while (end < matrix.rows() && starts[end + 1] - starts[row_] <= most) ++end;
  multiply_sparse(matrix, row_, std::min(end, matrix.rows()), scale_, from.block.data(), to.block.data(), block_);
  row_ = end;
  if (row_ < matrix.rows()) return true;
  row_ = 0;
  orthonormalize(to, to_right ? nullptr : &b_);
  ++half_steps_;
  const bool exhausted = !to_right && right_.live >= std::min(left_.rows, right_.rows);
  over_ = half_steps_ == total() || exhausted;
  if (over_) {
    std::vector<T>().swap(values_);
    std::vector<std::int32_t>().swap(columns_);
  }
  return true;
}

/// Replaces the block by orthonormal columns that span what it adds to the basis, and appends them to the basis. Block =
/// basis · C + new · S; [C; S] goes into the next columns of `coefficients`.
template <typename T>
void TruncatedSvd<T>::orthonormalize(Basis& basis, std::vector<double>* coefficients) {
  const auto b = static_cast<Eigen::Index>(block_);
  const std::size_t allowed = std::min(block_, basis.rows - std::min(basis.rows, basis.live));
  RowMajor c = RowMajor::Zero(static_cast<Eigen::Index>(basis.used), b);
  Square s = Square::Identity(b, b);
  RowMajor part, gram(b, b);
  for (int pass = 0; pass < kMostPasses; ++pass) {
    // At first against the block before alone, which in exact arithmetic is all; rounding is for the later passes.
    const std::size_t first = pass == 0 && basis.used > block_ ? basis.used - block_ : 0;
    if (const std::size_t count = basis.used - first; count > 0) {
      part.resize(static_cast<Eigen::Index>(count), b);
      const T* from = basis.data.data() + first;
      transposed_product(from, basis.stride, count, basis.block.data(), block_, basis.rows, part.data());
      c.bottomRows(part.rows()) += part * s;
      part = -part;
      add_product(from, basis.stride, count, part.data(), basis.block.data(), block_, basis.rows);
    }
    transposed_product(basis.block.data(), block_, block_, basis.block.data(), block_, basis.rows, gram.data());
    const Eigen::SelfAdjointEigenSolver<Square> eigen(Square((gram + gram.transpose()) / 2));
    const Eigen::VectorXd lambda = eigen.eigenvalues().reverse();
    const Square vectors = eigen.eigenvectors().rowwise().reverse();
    const auto n = static_cast<Eigen::Index>(allowed);
    Eigen::VectorXd root = Eigen::VectorXd::Zero(b);
    std::size_t empty = allowed;  // from here on nothing but zeros
    for (Eigen::Index i = 0; i < n; ++i) {
      if (!(lambda[0] > std::numeric_limits<double>::min() * 1e8)) empty = std::min(empty, static_cast<std::size_t>(i));
      root[i] = std::sqrt(std::max(lambda[i], kSmallest * lambda[0]));
    }
    RowMajor m = RowMajor::Zero(b, b);
    for (Eigen::Index i = 0; i < static_cast<Eigen::Index>(empty); ++i) m.col(i) = vectors.col(i) / root[i];
    for (Eigen::Index i = static_cast<Eigen::Index>(empty); i < b; ++i) root[i] = 0;
    s = root.asDiagonal() * vectors.transpose() * s;
    multiply_block(basis.block.data(), m.data(), spare_.data(), block_, basis.rows);
    std::copy_n(spare_.data(), basis.rows * block_, basis.block.data());
    const bool whole = empty == allowed;
    if (!whole) fill_at_random(basis, empty);
    if (allowed == 0 || (whole && pass > 0 && std::abs(lambda[n - 1] - 1) < 0.1 && std::abs(lambda[0] - 1) < 0.1))
      break;
  }
  if (coefficients != nullptr) {
    const std::size_t column = basis.used - block_;  // U_{j + 1} belongs to V_j
    for (std::size_t j = 0; j < block_; ++j) {
      double* to = coefficients->data() + (column + j) * basis.stride;
      for (std::size_t i = 0; i < basis.used; ++i)
        to[i] = c(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j));
      for (std::size_t i = 0; i < block_; ++i) {
        to[basis.used + i] = s(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j));
      }
    }
  }
  basis.live += allowed;
  keep(basis);
}

/// Random numbers into the block's columns from `first` on.
template <typename T>
void TruncatedSvd<T>::fill_at_random(Basis& basis, std::size_t first) {
  std::vector<T> numbers(block_);
  for (std::size_t row = 0; row < basis.rows; ++row) {
    const Draws draws{seed_, Stream::kSketch, static_cast<std::uint32_t>(filled_), row};
    random_normal<T>(draws, T(0), T(1), {numbers.data(), {block_}});
    std::copy(numbers.begin() + static_cast<std::ptrdiff_t>(first), numbers.end(),
              basis.block.data() + row * block_ + first);
  }
  ++filled_;
}

template <typename T>
void TruncatedSvd<T>::keep(Basis& basis) {
  for (std::size_t row = 0; row < basis.rows; ++row) {
    std::copy_n(basis.block.data() + row * block_, block_, basis.data.data() + row * basis.stride + basis.used);
  }
  basis.used += block_;
}

template <typename T>
void TruncatedSvd<T>::result(View<T, 2> u, View<T, 1> values, View<T, 2> vt) const {
  require(over_, "advance must have come to its end first");
  require(u.extent(0) == left_.rows && u.extent(1) == rank_, "u", "(m, rank) with rank = ", rank_, u);
  require(values.extent(0) == rank_, "values", "(rank) = ", rank_, values);
  require(vt.extent(0) == rank_ && vt.extent(1) == right_.rows, "vt", "(rank, n) with rank = ", rank_, vt);
  const Eigen::Map<const Square> all(b_.data(), static_cast<Eigen::Index>(left_.stride),
                                     static_cast<Eigen::Index>(right_.stride));
  const Eigen::BDCSVD<Square> svd(all, Eigen::ComputeThinU | Eigen::ComputeThinV);
  std::vector<T> x(left_.stride * rank_), y(right_.stride * rank_), v(right_.rows * rank_);
  const double floor = 8 * static_cast<double>(std::numeric_limits<T>::epsilon()) * svd.singularValues()[0];
  for (std::size_t j = 0; j < rank_; ++j) {
    const auto column = static_cast<Eigen::Index>(j);
    const double value = svd.singularValues()[column];
    const bool zero = !(value > floor);
    values(j) = zero ? T(0) : static_cast<T>(value) / scale_;
    for (std::size_t i = 0; i < left_.stride; ++i) {
      x[i * rank_ + j] = zero ? T(0) : static_cast<T>(svd.matrixU()(static_cast<Eigen::Index>(i), column));
    }
    for (std::size_t i = 0; i < right_.stride; ++i) {
      y[i * rank_ + j] = static_cast<T>(svd.matrixV()(static_cast<Eigen::Index>(i), column));
    }
  }
  matmul<T>({left_.data.data(), {left_.rows, left_.stride}}, {x.data(), {left_.stride, rank_}}, {}, u);
  const View<T, 2> right{v.data(), {right_.rows, rank_}};
  matmul<T>({right_.data.data(), {right_.rows, right_.stride}}, {y.data(), {right_.stride, rank_}}, {}, right);
  for (std::size_t j = 0; j < rank_; ++j) {
    std::size_t greatest = 0;
    for (std::size_t i = 1; i < right_.rows; ++i) {
      if (std::abs(right(i, j)) > std::abs(right(greatest, j))) greatest = i;
    }
    const T sign = right(greatest, j) < 0 ? T(-1) : T(1);
    for (std::size_t i = 0; i < right_.rows; ++i) vt(j, i) = sign * right(i, j);
    for (std::size_t i = 0; i < left_.rows; ++i) u(i, j) *= sign;
  }
}

template class TruncatedSvd<float>;
template class TruncatedSvd<double>;

}  // namespace nncore
