#pragma once

#include <cstddef>

namespace nncore {

/// out[i] = x[i]^exponent for x >= 0, within 1e-14 of it; 1 at x = 1 exactly, and the same bits on every machine but
/// where a result is beyond 2^±1000 or x below the normal numbers. `out` may be `x`.
void power(const double* x, double exponent, std::size_t count, double* out);

}  // namespace nncore
