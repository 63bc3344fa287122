#pragma once

// One register of the instruction set this file is compiled for. Only kernels include it: its meaning changes with
// -march, so it must never reach a header that callers see.

#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

#include "nncore/core/rows.h"

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace nncore {

#if defined(__AVX512F__)
inline constexpr std::size_t kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr std::size_t kVectorBytes = 32;
#else
inline constexpr std::size_t kVectorBytes = 16;
#endif

/// Lanes of a register.
template <typename T>
inline constexpr std::size_t kLanes = kVectorBytes / sizeof(T);

// `unaligned` is how it is read from where any T is: from memcpy, GCC makes moves of bytes, and often two more by way of
// the stack.
template <typename T>
struct VecOf;
template <>
struct VecOf<float> {
  using type = float __attribute__((vector_size(kVectorBytes)));
  using unaligned = float __attribute__((vector_size(kVectorBytes), aligned(alignof(float)), may_alias));
};
template <>
struct VecOf<double> {
  using type = double __attribute__((vector_size(kVectorBytes)));
  using unaligned = double __attribute__((vector_size(kVectorBytes), aligned(alignof(double)), may_alias));
};
/// A register of T; + - * / and comparisons work lane by lane, `mask ? a : b` selects.
template <typename T>
using Vec = typename VecOf<T>::type;

template <typename T>
inline Vec<T> load(const T* from) {
  return *reinterpret_cast<const typename VecOf<T>::unaligned*>(from);
}

template <typename T>
inline void store(T* to, Vec<T> v) {
  *reinterpret_cast<typename VecOf<T>::unaligned*>(to) = v;
}

namespace detail {
/// count < 2 Size numbers, in moves of fixed size: a row's end comes once a row, where a call of memcpy would show.
template <std::size_t Size, typename T>
[[gnu::always_inline]] inline void copy_some(T* to, const T* from, std::size_t count) {
  const std::size_t moved = count & Size;
  if (moved != 0) std::memcpy(to, from, Size * sizeof(T));
  if constexpr (Size > 1) copy_some<Size / 2>(to + moved, from + moved, count);
}
}  // namespace detail

/// The first `count` lanes; the others are 0.
template <typename T>
[[gnu::always_inline]] inline Vec<T> load_part(const T* from, std::size_t count) {
  if (count == kLanes<T>) return load(from);
  T part[kLanes<T>] = {};
  detail::copy_some<kLanes<T> / 2>(part, from, count);
  return load(part);
}

template <typename T>
[[gnu::always_inline]] inline void store_part(T* to, Vec<T> values, std::size_t count) {
  if (count == kLanes<T>) return store(to, values);
  T part[kLanes<T>];
  store(part, values);
  detail::copy_some<kLanes<T> / 2>(to, part, count);
}

namespace detail {
// Of the 2 S by 2 S squares along the diagonal of rows a and b, S apart: the upper and the lower half of each exchanged.
template <std::size_t S, typename V, std::size_t... I>
[[gnu::always_inline]] inline void exchange(V& a, V& b, std::index_sequence<I...>) {
  constexpr std::size_t W = sizeof...(I);
  const V upper = __builtin_shufflevector(a, b, (I / S % 2 == 0 ? I : W + I - S)...);
  b = __builtin_shufflevector(a, b, (I / S % 2 == 0 ? I + S : W + I)...);
  a = upper;
}

template <std::size_t S, typename T>
[[gnu::always_inline]] inline void transpose_from(Vec<T> (&rows)[kLanes<T>]) {
  if constexpr (S < kLanes<T>) {
    for (std::size_t i = 0; i < kLanes<T>; ++i) {
      if (i / S % 2 == 0) exchange<S>(rows[i], rows[i + S], std::make_index_sequence<kLanes<T>>());
    }
    transpose_from<2 * S, T>(rows);
  }
}
}  // namespace detail

/// Lane j of row i becomes lane i of row j.
template <typename T>
[[gnu::always_inline]] inline void transpose(Vec<T> (&rows)[kLanes<T>]) {
  detail::transpose_from<1, T>(rows);
}

/// x in every lane (x - 0 is x, also for -0).
template <typename T>
inline Vec<T> broadcast(T x) {
  return x - Vec<T>{};
}

/// v, which stays in a register: else the compiler reads it again from memory at each use, and loads become the limit.
template <typename V>
[[gnu::always_inline]] inline V kept(V v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__SSE2__)
  asm("" : "+x"(v));
#elif defined(__ARM_NEON)
  asm("" : "+w"(v));
#endif
  return v;
}

// a * b + c, rounded once where the instruction set can (v3, v4, NEON); v2 rounds twice.
#if defined(__AVX512F__)
inline Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm512_fmadd_pd(a, b, c); }
#elif defined(__AVX2__)
inline Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm256_fmadd_ps(a, b, c); }
inline Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm256_fmadd_pd(a, b, c); }
#elif defined(__ARM_NEON)
inline Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
  return (Vec<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
inline Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return (Vec<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#else
inline Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return a * b + c; }
inline Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return a * b + c; }
#endif

/// The same for one number, with the same rounding as a lane.
template <typename T>
inline T fma1(T a, T b, T c) {
#if defined(__AVX2__) || defined(__ARM_NEON)
  return std::fma(a, b, c);
#else
  return a * b + c;
#endif
}

}  // namespace nncore
