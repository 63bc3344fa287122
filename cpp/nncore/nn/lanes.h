#pragma once

// Sums whose order of additions is one at every instruction set. Only kernels include it, as simd.h.

#include <cstddef>
#include <cstring>

#include "nncore/core/simd.h"

namespace nncore {

/// As many numbers as fit a register of double.
inline Vec<double> load_wide(const double* from) { return load(from); }

inline Vec<double> load_wide(const float* from) {
  float __attribute__((vector_size(kVectorBytes / 2))) narrow;
  std::memcpy(&narrow, from, sizeof narrow);
  return __builtin_convertvector(narrow, Vec<double>);
}

/// Lane i and lane i + N / 2 first, then the same among the sums.
template <std::size_t N>
inline double sum_of_lanes(const double* lanes) {
  if constexpr (N == 1) {
    return lanes[0];
  } else {
    double sums[N / 2];
    for (std::size_t i = 0; i < N / 2; ++i) sums[i] = lanes[i] + lanes[i + N / 2];
    return sum_of_lanes<N / 2>(sums);
  }
}

}  // namespace nncore
