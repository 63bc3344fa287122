#pragma once

// Elementary functions on registers, without branches or calls. For kernels only (see simd.h). The same operations in
// the same order at every width, so that v3, v4 and NEON agree bit for bit; v2 rounds each fma twice.
//
// Largest errors, measured against float64 (float: tanh and sigmoid over every value) and long double; in brackets v2's
// where they differ:
//   float   tanh 1.6e-7 [1.7e-7] absolute, 5.5 ulp; sigmoid 9.9e-8 [1.07e-7] absolute; exp 1.05 ulp; log 0.83 ulp;
//           expm1 1 ulp; softplus 2.8 ulp
//   double  tanh 1.7e-16 absolute, 2.7 ulp; sigmoid 1.7e-16 absolute, 2.5 ulp; exp 1.05 ulp; log 0.85 ulp;
//           expm1 1.2 ulp; softplus 2.8 ulp
// Polynomials are minimax fits of the function's relative error (Remez exchange), tanh's rational function one by
// Lawson's weighted least squares; the low bits of the float ones were then sought for the least error of the
// arithmetic below.

#include <cstddef>
#include <cstdint>
#include <limits>

#include "nncore/core/elementwise.h"
#include "nncore/core/simd.h"

namespace nncore {

namespace detail {

template <typename T>
struct Format;
template <>
struct Format<float> {
  using Word = std::uint32_t;
  using Words = Word __attribute__((vector_size(kVectorBytes)));
  static constexpr int kMantissaBits = 23;
  static constexpr Word kBias = 127;
  static constexpr Word kSign = 0x80000000u;
  static constexpr float kRounder = 0x1.8p23f;
};
template <>
struct Format<double> {
  using Word = std::uint64_t;
  using Words = Word __attribute__((vector_size(kVectorBytes)));
  static constexpr int kMantissaBits = 52;
  static constexpr Word kBias = 1023;
  static constexpr Word kSign = 0x8000000000000000u;
  static constexpr double kRounder = 0x1.8p52;
};

template <typename T>
inline typename Format<T>::Words words_of(Vec<T> x) {
  return reinterpret_cast<typename Format<T>::Words>(x);
}
template <typename T>
inline Vec<T> from_words(typename Format<T>::Words words) {
  return reinterpret_cast<Vec<T>>(words);
}

// The smaller (larger) of x and the bound; NaN stays NaN: x86 returns the second operand where one is NaN.
#if defined(__AVX512F__)
// Masked with all lanes, since GCC 12 warns of its own header for the plain ones.
inline Vec<float> at_most(Vec<float> x, Vec<float> bound) { return _mm512_maskz_min_ps(0xffff, bound, x); }
inline Vec<double> at_most(Vec<double> x, Vec<double> bound) { return _mm512_maskz_min_pd(0xff, bound, x); }
inline Vec<float> at_least(Vec<float> x, Vec<float> bound) { return _mm512_maskz_max_ps(0xffff, bound, x); }
inline Vec<double> at_least(Vec<double> x, Vec<double> bound) { return _mm512_maskz_max_pd(0xff, bound, x); }
#elif defined(__AVX2__)
inline Vec<float> at_most(Vec<float> x, Vec<float> bound) { return _mm256_min_ps(bound, x); }
inline Vec<double> at_most(Vec<double> x, Vec<double> bound) { return _mm256_min_pd(bound, x); }
inline Vec<float> at_least(Vec<float> x, Vec<float> bound) { return _mm256_max_ps(bound, x); }
inline Vec<double> at_least(Vec<double> x, Vec<double> bound) { return _mm256_max_pd(bound, x); }
#elif defined(__SSE2__)
inline Vec<float> at_most(Vec<float> x, Vec<float> bound) { return _mm_min_ps(bound, x); }
inline Vec<double> at_most(Vec<double> x, Vec<double> bound) { return _mm_min_pd(bound, x); }
inline Vec<float> at_least(Vec<float> x, Vec<float> bound) { return _mm_max_ps(bound, x); }
inline Vec<double> at_least(Vec<double> x, Vec<double> bound) { return _mm_max_pd(bound, x); }
#else
inline Vec<float> at_most(Vec<float> x, Vec<float> bound) { return x > bound ? bound : x; }
inline Vec<double> at_most(Vec<double> x, Vec<double> bound) { return x > bound ? bound : x; }
inline Vec<float> at_least(Vec<float> x, Vec<float> bound) { return x < bound ? bound : x; }
inline Vec<double> at_least(Vec<double> x, Vec<double> bound) { return x < bound ? bound : x; }
#endif

template <typename T>
inline Vec<T> clamp(Vec<T> x, T low, T high) {
  return at_least(at_most(x, broadcast(high)), broadcast(low));
}

/// Horner's scheme, highest coefficient first.
template <typename T, typename... Lower>
inline Vec<T> polynomial(Vec<T> x, T highest, Lower... lower) {
  Vec<T> sum = broadcast(highest);
  ((sum = fma(sum, x, broadcast(lower))), ...);
  return sum;
}

/// Whole numbers, to nearest: of this size a number has no bits left for a fraction.
template <typename T>
inline Vec<T> nearest(Vec<T> x, T factor) {
  constexpr T rounder = Format<T>::kRounder;
  return fma(x, broadcast(factor), broadcast(rounder)) - rounder;
}

/// 2^n for whole n from -bias (which gives 0) to bias + 1 (infinity): n + bias is put in the place of the exponent.
template <typename T>
inline Vec<T> power_of_two(Vec<T> n) {
  constexpr T rounder = Format<T>::kRounder + Format<T>::kBias;
  return from_words<T>(words_of<T>(n + rounder) << Format<T>::kMantissaBits);
}

/// exp(x) = 2^n exp(r), |r| <= ln(2) / 2.
template <typename T>
struct Reduced {
  Vec<T> n, r;
};

// ln(2) in two parts: n times the high one is exact, also without fma.
inline Reduced<float> reduce(Vec<float> x) {
  const Vec<float> n = nearest<float>(x, 0x1.715476p+0f);
  const Vec<float> r = fma(n, broadcast(-0x1.62e4p-1f), x);
  return {n, fma(n, broadcast(-0x1.7f7d1cp-20f), r)};
}
inline Reduced<double> reduce(Vec<double> x) {
  const Vec<double> n = nearest<double>(x, 0x1.71547652b82fep+0);
  const Vec<double> r = fma(n, broadcast(-0x1.62e42fefap-1), x);
  return {n, fma(n, broadcast(-0x1.cf79abc9e3b3ap-40), r)};
}

/// exp(r) - 1 for |r| <= ln(2) / 2, relative error of the fit 1.3e-8 and 1.8e-17.
inline Vec<float> expm1_near_zero(Vec<float> r) {
  const Vec<float> p = polynomial(r, 0.00138848706f, 0.00836645253f, 0.0416671671f, 0.16666539f, 0.49999997f);
  return fma(r * r, p, r);
}
inline Vec<double> expm1_near_zero(Vec<double> r) {
  const Vec<double> p =
      polynomial(r, 2.5053792277505561e-8, 2.7626094511190168e-7, 2.7557407641136225e-6, 2.4801505138456971e-5,
                 1.9841269718752181e-4, 1.3888888931670720e-3, 8.3333333333897186e-3, 4.1666666666576456e-2,
                 1.6666666666666589e-1, 5.0000000000000052e-1);
  return fma(r * r, p, r);
}

/// 2 (atanh(s) / s - 1) / z with z = s * s <= 0.0295 (the logarithm) or <= 1 / 9 (the softplus).
inline Vec<float> atanh_near(Vec<float> z) { return polynomial(z, 0.2987188f, 0.39977536f, 0.66666776f); }
inline Vec<double> atanh_near(Vec<double> z) {
  return polynomial(z, 0.14796106482905072, 0.15314035736281592, 0.18183564870298953, 0.22222198563426609,
                    0.28571428742475123, 0.39999999999414325, 0.66666666666667345);
}
inline Vec<float> atanh_far(Vec<float> z) {
  return polynomial(z, 0.24301005f, 0.21427638f, 0.28616887f, 0.39998878f, 0.66666676f);
}
inline Vec<double> atanh_far(Vec<double> z) {
  return polynomial(z, 0.17018564537169964, 0.083401063207119307, 0.12106085455648908, 0.13300973639464333,
                    0.15386559923186786, 0.18181743924719502, 0.22222223969741164, 0.28571428547853752,
                    0.40000000000157241, 0.66666666666666304);
}

}  // namespace detail

/// exp(x): infinity beyond the largest number, 0 below the smallest, NaN for NaN.
template <typename T>
inline Vec<T> exp_lanes(Vec<T> x) {
  constexpr bool kFloat = sizeof(T) == 4;
  const auto [n, r] = detail::reduce(detail::clamp<T>(x, kFloat ? -104 : -746, kFloat ? 89 : 710));
  // In two steps: 2^n alone overflows before exp(x) does, and has no place for the numbers below the normal ones.
  const Vec<T> half = detail::nearest<T>(n, T(0.5));
  return (T(1) + detail::expm1_near_zero(r)) * detail::power_of_two<T>(half) * detail::power_of_two<T>(n - half);
}

/// exp(x) - 1 without cancellation, for x below 88; NaN for NaN.
template <typename T>
inline Vec<T> expm1_lanes(Vec<T> x) {
  const auto [n, r] = detail::reduce(detail::at_least(x, broadcast(T(-40))));
  const Vec<T> scale = detail::power_of_two<T>(n);
  return fma(scale, detail::expm1_near_zero(r), scale - T(1));
}

/// log(x): -infinity for 0, NaN below.
template <typename T>
inline Vec<T> log_lanes(Vec<T> x) {
  using F = detail::Format<T>;
  constexpr bool kFloat = sizeof(T) == 4;
  constexpr T kScale = kFloat ? T(0x1p24) : T(0x1p53);
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  // x = 2^k m with m in [sqrt(1/2), sqrt(2)); numbers below the normal ones are scaled up first.
  const auto small = x < std::numeric_limits<T>::min();
  const auto words = detail::words_of<T>(small ? x * kScale : x);
  const typename F::Word root = kFloat ? 0x3f3504f3u : static_cast<typename F::Word>(0x3fe6a09e667f3bcdu);
  const auto biased = (words - (root - (F::kBias << F::kMantissaBits))) >> F::kMantissaBits;
  const Vec<T> m = detail::from_words<T>(words - ((biased - F::kBias) << F::kMantissaBits));
  // The whole number `biased` in the mantissa of 2^23 or 2^52.
  constexpr T kWhole = kFloat ? T(0x1p23) : T(0x1p52);
  Vec<T> k = detail::from_words<T>(biased | detail::words_of<T>(broadcast(kWhole))) - (kWhole + F::kBias);
  k = small ? k - (kFloat ? T(24) : T(53)) : k;

  const Vec<T> f = m - T(1);
  const Vec<T> s = f / (f + T(2));
  const Vec<T> z = s * s;
  const Vec<T> half_square = T(0.5) * f * f;
  constexpr T kHigh = kFloat ? T(0x1.62e4p-1) : T(0x1.62e42fefap-1);
  constexpr T kLow = kFloat ? T(0x1.7f7d1cp-20) : T(0x1.cf79abc9e3b3ap-40);
  const Vec<T> rest = fma(s, fma(z, detail::atanh_near(z), half_square), k * kLow) - half_square;
  const Vec<T> y = fma(k, broadcast(kHigh), rest + f);
  const Vec<T> finite = x < kInfinity ? y : x;
  const Vec<T> outside = x == T(0) ? broadcast(-kInfinity) : broadcast(std::numeric_limits<T>::quiet_NaN());
  return x > T(0) ? finite : outside;
}

/// log(1 + exp(x)), accurate also where it is small.
template <typename T>
inline Vec<T> softplus_lanes(Vec<T> x) {
  const Vec<T> minus_magnitude = detail::from_words<T>(detail::words_of<T>(x) | detail::Format<T>::kSign);
  const Vec<T> u = exp_lanes<T>(minus_magnitude);
  const Vec<T> s = u / (u + T(2));
  const Vec<T> z = s * s;
  return detail::at_least(x, Vec<T>{}) + fma(s * z, detail::atanh_far(z), s + s);
}

/// tanh(x): exactly odd, within [-1, 1], NaN for NaN.
inline Vec<float> tanh_lanes(Vec<float> x) {
  using namespace detail;
  const auto sign = words_of<float>(x) & Format<float>::kSign;
  const Vec<float> magnitude = at_most(from_words<float>(words_of<float>(x) ^ sign), broadcast(9.2f));
  // n / q is tanh(x / 2), and 2 n q / (n^2 + q^2) doubles the angle: that forgives n and q their errors where tanh is
  // near 1, so that low degrees do. Written so, the quotient cannot exceed 1.
  const Vec<float> u = magnitude * magnitude;
  const Vec<float> n = magnitude * polynomial(u, 0.0001146793f, 0.0297932811f, 1.0f);
  const Vec<float> q = polynomial(u, 2.47616504e-06f, 0.00241718907f, 0.226253167f, 2.0f);
  const Vec<float> product = n * (q + q);
  const Vec<float> difference = q - n;
  return from_words<float>(words_of<float>(product / fma(difference, difference, product)) | sign);
}
inline Vec<double> tanh_lanes(Vec<double> x) {
  using namespace detail;
  const auto sign = words_of<double>(x) & Format<double>::kSign;
  const Vec<double> magnitude = at_most(from_words<double>(words_of<double>(x) ^ sign), broadcast(20.0));
  const Vec<double> e = expm1_lanes<double>(2.0 * magnitude);
  return from_words<double>(words_of<double>(e / (e + 2.0)) | sign);
}

/// 1 / (1 + exp(-x)): within [0, 1], NaN for NaN.
inline Vec<float> sigmoid_lanes(Vec<float> x) {
  using namespace detail;
  // 2^z with z = -x log2(e) = n + f, |f| <= 1/2: the rounding of z shows only where the result is small.
  x = clamp(x, -88.8f, 87.3f);
  constexpr float kFactor = -0x1.715476p+0f;
  const Vec<float> n = nearest(x, kFactor);
  const Vec<float> f = fma(x, broadcast(kFactor), -n);
  const Vec<float> p = polynomial(f, 0.0013267583f, 0.00966790132f, 0.0555056743f, 0.24022311f, 0.693147302f, 1.0f);
  return 1.0f / fma(power_of_two<float>(n), p, broadcast(1.0f));
}
inline Vec<double> sigmoid_lanes(Vec<double> x) { return 1.0 / (1.0 + exp_lanes<double>(-x)); }

// Both ways of calling work for every function: f(x) and f<T>(x).
template <typename T>
inline Vec<T> tanh_lanes(Vec<T> x) {
  return tanh_lanes(x);
}
template <typename T>
inline Vec<T> sigmoid_lanes(Vec<T> x) {
  return sigmoid_lanes(x);
}
inline Vec<float> exp_lanes(Vec<float> x) { return exp_lanes<float>(x); }
inline Vec<double> exp_lanes(Vec<double> x) { return exp_lanes<double>(x); }
inline Vec<float> log_lanes(Vec<float> x) { return log_lanes<float>(x); }
inline Vec<double> log_lanes(Vec<double> x) { return log_lanes<double>(x); }
inline Vec<float> softplus_lanes(Vec<float> x) { return softplus_lanes<float>(x); }
inline Vec<double> softplus_lanes(Vec<double> x) { return softplus_lanes<double>(x); }

template <typename T>
inline Vec<T> relu_lanes(Vec<T> x) {
  return detail::at_least(x, Vec<T>{});
}
template <typename T>
inline Vec<T> leaky_relu_lanes(Vec<T> x) {
  return x < T(0) ? x * T(kLeakySlope) : x;
}
template <typename T>
inline Vec<T> elu_lanes(Vec<T> x) {
  return x > T(0) ? x : expm1_lanes<T>(x);
}

/// Calls visit(f), f the activation as a function of a register: the choice is made once, outside the loops.
template <typename T, typename Visit>
inline void with_activation(Activation activation, const Visit& visit) {
  switch (activation) {
    case Activation::kNone:
      return visit([](Vec<T> x) { return x; });
    case Activation::kRelu:
      return visit([](Vec<T> x) { return relu_lanes<T>(x); });
    case Activation::kLeakyRelu:
      return visit([](Vec<T> x) { return leaky_relu_lanes<T>(x); });
    case Activation::kTanh:
      return visit([](Vec<T> x) { return tanh_lanes<T>(x); });
    case Activation::kSigmoid:
      return visit([](Vec<T> x) { return sigmoid_lanes<T>(x); });
    case Activation::kElu:
      return visit([](Vec<T> x) { return elu_lanes<T>(x); });
    case Activation::kSoftplus:
      return visit([](Vec<T> x) { return softplus_lanes<T>(x); });
  }
}

/// y[i] = f(x[i]) for i < n, a register at a time; y may be x.
template <typename T, typename F>
inline void map_lanes(const T* x, T* y, std::size_t n, const F& f) {
  std::size_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) store(y + i, f(load(x + i)));
  if (i < n) store_part(y + i, f(load_part(x + i, n - i)), n - i);
}

/// Replaces n values by their activation.
template <typename T>
inline void apply_activation(Activation activation, T* row, std::size_t n) {
  if (activation == Activation::kNone) return;
  with_activation<T>(activation, [&](auto f) { map_lanes(row, row, n, f); });
}

}  // namespace nncore
