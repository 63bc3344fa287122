#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/buffer.h"
#include "nncore/text/small_algebra.h"
#include "nncore/text/sparse.h"

namespace nncore {

/// The largest singular values and vectors of a sparse matrix A (m, n) by randomized block Krylov iteration (Golub, Luk &
/// Overton 1981; Musco & Musco 2015): from a random block U_0, orthonormal blocks V_j of Aᵀ·U_j and U_{j+1} of A·V_j,
/// each against all before; then the SVD of the small B in A·[V_0 V_1 ...] = [U_0 U_1 ...]·B. A·V = U·Σ holds to rounding
/// for what comes out. Directions that a matrix leaves empty are filled at random, so that equal singular values are
/// found as often as they are there. Same bits for any number of threads.
///
/// The matrix is passed to every call, with the same values, and not kept; its columns ascend within each row.
template <typename T>
class TruncatedSvd {
 public:
  /// `rank` values from 1 to min(m, n) in `steps` >= 1 steps of blocks of about `block` vectors, a quarter of the rank
  /// where it is 0; std::invalid_argument where these or the matrix are wrong.
  TruncatedSvd(const SparseRows<T>& a, std::size_t rank, std::size_t steps, std::uint64_t seed, std::size_t block = 0);

  std::size_t block() const { return block_; }
  /// Rounds of `advance` that are done, and in all; the latter at most, as a small matrix may need fewer.
  std::size_t done() const { return half_steps_; }
  std::size_t total() const { return 2 * steps_; }

  /// Some work, about 0.2 s unless the matrix is huge; false when there is none left. The first call, and the constructor,
  /// may be given up (core/interrupt.h): they throw Interrupted then.
  bool advance(const SparseRows<T>& a);

  /// u (m, rank), values (rank) in descending order, vt (rank, n). The sign of each pair makes the greatest component in vt
  /// positive (of equal ones the first). Values below 8 epsilons of the first are 0, and so are their vectors.
  void result(View<T, 2> u, View<T, 1> values, View<T, 2> vt) const;

 private:
  /// Orthonormal columns; unused ones are zeros.
  struct Basis {
    std::size_t rows = 0, stride = 0, used = 0, live = 0;
    Buffer<T> data;
    Buffer<T> block;  // the last ones by themselves, as products with A read them
  };

  void make_transposed(const SparseRows<T>& a);
  void orthonormalize(Basis& basis, std::vector<double>* coefficients);
  void subtract_projection(Basis& basis, std::size_t first, const Small& s, Small& c);
  bool normalize(Basis& basis, std::size_t allowed, Small& s);
  void fill_at_random(Basis& basis, std::size_t column);

  std::size_t rank_, steps_, block_;
  std::uint64_t seed_;
  std::uint64_t filled_ = 0;
  T scale_ = 1;  // a power of 2: no sum overflows, and nothing is rounded
  bool started_ = false, symmetric_ = false, over_ = false;
  std::size_t half_steps_ = 0, row_ = 0;
  std::vector<std::int64_t> starts_;  // of the transposed matrix, where it is another
  std::vector<std::int32_t> columns_;
  std::vector<T> values_;
  Basis left_, right_;
  Buffer<T> spare_;
  std::vector<double> b_;  // (steps * block) columns of (steps + 1) * block numbers each
};

}  // namespace nncore
