#include "nncore/text/svd.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nncore/core/interrupt.h"
#include "nncore/core/matmul.h"
#include "nncore/core/random.h"
#include "nncore/core/rows.h"
#include "nncore/core/threads.h"
#include "nncore/text/small_algebra.h"

namespace nncore {

namespace {

constexpr double kProductsOfACall = 1e9;
constexpr int kMostPasses = 20;  // two or three, but where a direction is empty
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
    LongCall::check();
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
    LongCall::check();
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
TruncatedSvd<T>::TruncatedSvd(const SparseRows<T>& a, std::size_t rank, std::size_t steps, std::uint64_t seed,
                              std::size_t block)
    : rank_(rank), steps_(steps), seed_(seed) {
  const LongCall long_call(static_cast<double>(a.starts.size()) * 10 + static_cast<double>(a.columns.size()) * 2);
  check(a);
  const std::size_t least = std::min(a.rows(), a.width);
  require(rank >= 1 && rank <= least, "rank must be from 1 to min(m, n) = ", least, ", but is ", rank);
  require(steps >= 1, "steps must be at least 1, but are ", steps);
  // A quarter of the rank: narrower blocks would converge on fewer products, but read the matrix more often.
  block_ = round_up<float>(std::max(block ? block : (rank + 3) / 4, (rank + steps - 1) / steps));
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
  constexpr int kMost = std::numeric_limits<T>::max_exponent - 8;
  if (greatest > 0) scale_ = std::ldexp(T(1), std::clamp(-std::ilogb(greatest), -kMost, kMost));
}

template <typename T>
void TruncatedSvd<T>::make_transposed(const SparseRows<T>& a) {
  const LongCall long_call(static_cast<double>(a.entries()) * 20);
  symmetric_ = is_symmetric(a);
  if (symmetric_) return;
  starts_.assign(a.width + 2, 0);
  columns_.resize(a.entries());
  values_.resize(a.entries());
  for (std::size_t t = 0; t < a.entries(); ++t) ++starts_[static_cast<std::size_t>(a.columns.data()[t]) + 2];
  for (std::size_t j = 2; j < starts_.size(); ++j) starts_[j] += starts_[j - 1];
  for (std::size_t i = 0; i < a.rows(); ++i) {
    LongCall::check();
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
    for (std::size_t column = 0; column < block_; ++column) fill_at_random(left_, column);
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
  const std::size_t b = block_, allowed = std::min(b, basis.rows - basis.live);
  Small c(basis.used, b), s(b, b);
  for (std::size_t i = 0; i < b; ++i) s(i, i) = 1;
  for (int pass = 0; pass < kMostPasses; ++pass) {
    // At first against the block before alone, which in exact arithmetic is all; rounding is for the later passes.
    const std::size_t first = pass == 0 && basis.used > b ? basis.used - b : 0;
    if (basis.used > 0) subtract_projection(basis, first, s, c);
    const bool done = normalize(basis, allowed, s);
    if (allowed == 0 || (done && pass > 0)) break;
  }
  if (coefficients != nullptr) {
    for (std::size_t j = 0; j < b; ++j) {  // U_{j + 1} belongs to V_j
      double* to = coefficients->data() + (basis.used - b + j) * basis.stride;
      for (std::size_t i = 0; i < basis.used; ++i) to[i] = c(i, j);
      for (std::size_t i = 0; i < b; ++i) to[basis.used + i] = s(i, j);
    }
  }
  basis.live += allowed;
  for (std::size_t row = 0; row < basis.rows; ++row) {
    std::copy_n(basis.block.data() + row * b, b, basis.data.data() + row * basis.stride + basis.used);
  }
  basis.used += b;
}

/// Takes from the block what lies in the basis' columns from `first` on: part = basisᵀ·block, c += part·s.
template <typename T>
void TruncatedSvd<T>::subtract_projection(Basis& basis, std::size_t first, const Small& s, Small& c) {
  Small part(basis.used - first, block_), moved(basis.used - first, block_);
  const T* from = basis.data.data() + first;
  transposed_product(from, basis.stride, part.rows, basis.block.data(), block_, basis.rows, part.data.data());
  add_small_product(part, s, moved);
  for (std::size_t i = 0; i < moved.data.size(); ++i) c.data[first * block_ + i] += moved.data[i];
  for (double& number : part.data) number = -number;
  add_product(from, basis.stride, part.rows, part.data.data(), basis.block.data(), block_, basis.rows);
}

/// Makes `allowed` columns of the block orthonormal, as far as one pass can, and the others 0; block = new · (factor by
/// which s has grown). Directions in which there is nothing but rounding become random. Whether all were near enough to
/// orthonormal for rounding to be all that is left.
template <typename T>
bool TruncatedSvd<T>::normalize(Basis& basis, std::size_t allowed, Small& s) {
  const std::size_t b = block_;
  Small gram(b, b), vectors(b, b), m(b, b), root(b, b), grown(b, b);
  std::vector<double> lambda;
  transposed_product(basis.block.data(), b, b, basis.block.data(), b, basis.rows, gram.data.data());
  symmetric_eigen(gram, lambda, vectors);
  const double least = kSmallest * lambda[0];
  const bool nothing = !(lambda[0] > 1e-290);
  for (std::size_t i = 0; i < (nothing ? 0 : allowed); ++i) {
    const double length = std::sqrt(std::max(lambda[i], least));
    for (std::size_t j = 0; j < b; ++j) {
      m(j, i) = vectors(j, i) / length;
      root(i, j) = vectors(j, i) * length;
    }
  }
  add_small_product(root, s, grown);
  s = grown;
  multiply_block(basis.block.data(), m.data.data(), spare_.data(), b, basis.rows);
  std::copy_n(spare_.data(), basis.rows * b, basis.block.data());

  std::vector<double> squares(b, 0.0);
  for (std::size_t i = 0; i < b; ++i) {
    for (std::size_t j = 0; j < b; ++j) squares[i] += s(i, j) * s(i, j);
  }
  const double rounding = 4 * static_cast<double>(std::numeric_limits<T>::epsilon());
  const double floor = rounding * rounding * *std::max_element(squares.begin(), squares.end());
  bool whole = true;
  for (std::size_t i = 0; i < allowed; ++i) {
    if (!nothing && (lambda[i] > least || squares[i] > floor)) continue;
    for (std::size_t j = 0; j < b; ++j) s(i, j) = 0;
    fill_at_random(basis, i);
    whole = false;
  }
  return allowed == 0 || (whole && lambda[0] < 1.1 && lambda[allowed - 1] > 0.9);
}

/// Random numbers, a vector of length 1 or so, into a column of the block.
template <typename T>
void TruncatedSvd<T>::fill_at_random(Basis& basis, std::size_t column) {
  std::vector<T> numbers(basis.rows);
  const Draws draws{seed_, Stream::kSketch, 0, filled_++};
  random_normal<T>(draws, T(0), T(1) / std::sqrt(static_cast<T>(basis.rows)), {numbers.data(), {basis.rows}});
  for (std::size_t row = 0; row < basis.rows; ++row) basis.block.data()[row * block_ + column] = numbers[row];
}

template <typename T>
void TruncatedSvd<T>::result(View<T, 2> u, View<T, 1> values, View<T, 2> vt) const {
  require(over_, "advance must have come to its end first");
  require(u.extent(0) == left_.rows && u.extent(1) == rank_, "u", "(m, rank) with rank = ", rank_, u);
  require(values.extent(0) == rank_, "values", "(rank) = ", rank_, values);
  require(vt.extent(0) == rank_ && vt.extent(1) == right_.rows, "vt", "(rank, n) with rank = ", rank_, vt);
  Small b(left_.stride, right_.stride), bx(left_.stride, right_.stride), by(right_.stride, right_.stride);
  for (std::size_t i = 0; i < b.rows; ++i) {
    for (std::size_t j = 0; j < b.columns; ++j) b(i, j) = b_[j * b.rows + i];
  }
  std::vector<double> all;
  small_svd(b, bx, all, by);
  std::vector<T> x(left_.stride * rank_), y(right_.stride * rank_), v(right_.rows * rank_);
  const double floor = 8 * static_cast<double>(std::numeric_limits<T>::epsilon()) * all[0];
  for (std::size_t j = 0; j < rank_; ++j) {
    const bool zero = !(all[j] > floor);
    values(j) = zero ? T(0) : static_cast<T>(all[j]) / scale_;
    for (std::size_t i = 0; i < x.size() / rank_; ++i) x[i * rank_ + j] = zero ? T(0) : static_cast<T>(bx(i, j));
    for (std::size_t i = 0; i < y.size() / rank_; ++i) y[i * rank_ + j] = zero ? T(0) : static_cast<T>(by(i, j));
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
