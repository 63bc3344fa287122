#pragma once

#include <cstddef>
#include <cstdint>

#include "nncore/core/view.h"

namespace nncore {

/// A sparse matrix in rows (CSR): row i has entries starts[i] ... starts[i + 1] - 1 of columns and values.
template <typename T>
struct SparseRows {
  View<const std::int64_t, 1> starts;  // (rows + 1)
  View<const std::int32_t, 1> columns;
  View<const T, 1> values;
  std::size_t width = 0;  // columns of the matrix

  std::size_t rows() const { return starts.size() - 1; }
  std::size_t entries() const { return static_cast<std::size_t>(starts.data()[rows()]); }
};

}  // namespace nncore
