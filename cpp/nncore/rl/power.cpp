#include "nncore/rl/power.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace nncore {
namespace {

#ifdef __AVX2__
constexpr std::size_t kBytes = 32;
#else
constexpr std::size_t kBytes = 16;
#endif
using Reals = double __attribute__((vector_size(kBytes)));
using Words = std::uint64_t __attribute__((vector_size(kBytes)));

// Side by side, so that the sums, each of which waits for the one before, do not wait for the processor.
constexpr std::size_t kRegisters = 4, kLanes = kBytes / sizeof(double), kWidth = kRegisters * kLanes;

constexpr double kMagic = 0x1.8p52;  // added to a number below 2^51, leaves it rounded in the low bits
constexpr double kArtanh[] = {1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11,
                              1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3,  1};
constexpr double kExponential[] = {1.0 / 6227020800,
                                   1.0 / 479001600,
                                   1.0 / 39916800,
                                   1.0 / 3628800,
                                   1.0 / 362880,
                                   1.0 / 40320,
                                   1.0 / 5040,
                                   1.0 / 720,
                                   1.0 / 120,
                                   1.0 / 24,
                                   1.0 / 6,
                                   0.5,
                                   1,
                                   1};  // 1 / k! from k = 13 down

/// The polynomials of these terms, highest first.
template <std::size_t Terms>
inline void polynomials(const double (&terms)[Terms], const Reals* z, Reals* sums) {
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRegisters; ++r) sums[r] = Reals{} + terms[0];
  for (std::size_t t = 1; t < Terms; ++t) {
    const Reals term = Reals{} + terms[t];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kRegisters; ++r) sums[r] = sums[r] * z[r] + term;
  }
}

/// log2(x) = e + log2(m) with m in [sqrt(1/2), sqrt(2)) and ln(m) = 2 artanh((m - 1) / (m + 1)).
inline void binary_logarithm(const Reals* x, Reals* y) {
  Reals e[kRegisters], s[kRegisters], z[kRegisters], sums[kRegisters];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRegisters; ++r) {
    const Words bits = (Words)x[r];
    const Words biased = (bits - 0x3fe6a09e667f3bcd + 0x3ff0000000000000) >> 52;  // e + 1023
    e[r] = (Reals)(biased | 0x4330000000000000) - (0x1p52 + 1023);
    const Reals m = (Reals)(bits - ((biased - 1023) << 52));
    s[r] = (m - 1) / (m + 1);
    z[r] = s[r] * s[r];
  }
  polynomials(kArtanh, z, sums);
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRegisters; ++r) y[r] = e[r] + s[r] * sums[r] * 2.885390081777926815;  // 2 / ln 2
}

/// 2^y = 2^n e^t with n = round(y), t = (y - n) ln 2; |y| <= 1000.
inline void binary_power(const Reals* y, Reals* powers) {
  Reals t[kRegisters], sums[kRegisters];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRegisters; ++r) {
    t[r] = (y[r] - ((y[r] + kMagic) - kMagic)) * 0.693147180559945309;
  }
  polynomials(kExponential, t, sums);
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRegisters; ++r) {
    powers[r] = (Reals)((Words)sums[r] + ((Words)(y[r] + kMagic) << 52));
  }
}

/// kWidth powers.
inline void power_group(const double* x, double exponent, double* out) {
  Reals base[kRegisters], y[kRegisters], powers[kRegisters];
  Words odd = {};
  std::memcpy(base, x, sizeof base);
  binary_logarithm(base, y);
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRegisters; ++r) {
    y[r] *= exponent;
    odd |= (Words)((base[r] < DBL_MIN) | (base[r] > DBL_MAX) | (y[r] > 1000) | (y[r] < -1000));
  }
  binary_power(y, powers);
  std::memcpy(out, powers, sizeof powers);
  std::uint64_t any = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) any |= odd[lane];
  if (any == 0) return;
  for (std::size_t k = 0; k < kWidth; ++k) {
    const double value = base[k / kLanes][k % kLanes], log = y[k / kLanes][k % kLanes];
    const bool plain = value >= DBL_MIN && value <= DBL_MAX && std::abs(log) <= 1000;
    if (!plain) out[k] = std::pow(value, exponent);
  }
}

}  // namespace

void power(const double* x, double exponent, std::size_t count, double* out) {
  std::size_t i = 0;
  for (; i + kWidth <= count; i += kWidth) power_group(x + i, exponent, out + i);
  if (i == count) return;
  double rest[kWidth];
  std::fill_n(rest, kWidth, 1.0);
  std::copy_n(x + i, count - i, rest);
  power_group(rest, exponent, rest);
  std::copy_n(rest, count - i, out + i);
}

}  // namespace nncore
