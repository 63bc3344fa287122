#pragma once

// Sums over bits, in whole numbers: the same at every instruction set. Only kernels include it, as they do simd.h.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "nncore/core/simd.h"

namespace nncore {

/// Registers of so many bytes. (GCC drops the attribute of a dependent size from `using`.)
template <std::size_t Bytes>
struct RegisterOf {
  typedef std::uint8_t Byte __attribute__((vector_size(Bytes)));
  typedef std::int16_t Short __attribute__((vector_size(Bytes)));
  typedef std::int32_t Int __attribute__((vector_size(Bytes)));
  typedef std::int64_t Long __attribute__((vector_size(Bytes)));
};
template <std::size_t Bytes>
using ByteVec = typename RegisterOf<Bytes>::Byte;
template <std::size_t Bytes>
using ShortVec = typename RegisterOf<Bytes>::Short;
using IntVec = RegisterOf<kVectorBytes>::Int;
inline constexpr std::size_t kInts = kVectorBytes / 4;

template <typename V>
[[gnu::always_inline]] inline V load_as(const void* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

/// Sum of a register's lanes, by halves. (GCC 12's own reductions warn.) Sums of lanes that are added in 32 bits, down to
/// four, must not overflow.
template <std::size_t Bytes>
[[gnu::always_inline]] inline std::int64_t sum_of_ints(typename RegisterOf<Bytes>::Int v) {
  if constexpr (Bytes == 16) {
    return (std::int64_t{v[0]} + v[1]) + (std::int64_t{v[2]} + v[3]);
  } else {
    using Half = typename RegisterOf<Bytes / 2>::Int;
    const auto* const halves = reinterpret_cast<const char*>(&v);
    return sum_of_ints<Bytes / 2>(load_as<Half>(halves) + load_as<Half>(halves + Bytes / 2));
  }
}

// In each 16 bytes apart: entry index[i], below 16, of a table; and the lower or upper halves of two registers, byte by
// byte in turn.
#if defined(__AVX512BW__)
using Bytes64 = ByteVec<64>;
[[gnu::always_inline]] inline Bytes64 lookup(Bytes64 table, Bytes64 index) {
  return (Bytes64)_mm512_shuffle_epi8((__m512i)table, (__m512i)index);
}
[[gnu::always_inline]] inline Bytes64 zip_low(Bytes64 a, Bytes64 b) {
  return (Bytes64)_mm512_unpacklo_epi8((__m512i)a, (__m512i)b);
}
[[gnu::always_inline]] inline Bytes64 zip_high(Bytes64 a, Bytes64 b) {
  return (Bytes64)_mm512_unpackhi_epi8((__m512i)a, (__m512i)b);
}
#endif
#if defined(__AVX2__)
using Bytes32 = ByteVec<32>;
[[gnu::always_inline]] inline Bytes32 lookup(Bytes32 table, Bytes32 index) {
  return (Bytes32)_mm256_shuffle_epi8((__m256i)table, (__m256i)index);
}
[[gnu::always_inline]] inline Bytes32 zip_low(Bytes32 a, Bytes32 b) {
  return (Bytes32)_mm256_unpacklo_epi8((__m256i)a, (__m256i)b);
}
[[gnu::always_inline]] inline Bytes32 zip_high(Bytes32 a, Bytes32 b) {
  return (Bytes32)_mm256_unpackhi_epi8((__m256i)a, (__m256i)b);
}
#endif
using Bytes16 = ByteVec<16>;
[[gnu::always_inline]] inline Bytes16 lookup(Bytes16 table, Bytes16 index) {
#if defined(__SSSE3__)
  return (Bytes16)_mm_shuffle_epi8((__m128i)table, (__m128i)index);
#elif defined(__ARM_NEON)
  return (Bytes16)vqtbl1q_u8((uint8x16_t)table, (uint8x16_t)index);
#else
  Bytes16 found;
  for (std::size_t i = 0; i < 16; ++i) found[i] = table[index[i]];
  return found;
#endif
}
[[gnu::always_inline]] inline Bytes16 zip_low(Bytes16 a, Bytes16 b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
[[gnu::always_inline]] inline Bytes16 zip_high(Bytes16 a, Bytes16 b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/// The upper four bits of each byte.
template <typename V>
[[gnu::always_inline]] inline V upper_nibbles(V v) {
  return (v >> 4) & 15;
}

/// Bits that differ between two rows of words, a multiple of 8.
inline std::int64_t bit_difference(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
#if defined(__AVX512VPOPCNTDQ__)
  RegisterOf<64>::Long sum = {};
  for (std::size_t i = 0; i < words; i += 8) {
    const __m512i differ = _mm512_xor_si512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
    sum += (RegisterOf<64>::Long)_mm512_popcnt_epi64(differ);
  }
  std::int64_t total = 0;
  for (std::size_t lane = 0; lane < 8; ++lane) total += sum[lane];
  return total;
#elif defined(__AVX512BW__) || defined(__AVX2__)
  using V = ByteVec<kVectorBytes>;
  const Bytes16 counts = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
  V table;
  for (std::size_t at = 0; at < sizeof table; at += 16) std::memcpy(reinterpret_cast<char*>(&table) + at, &counts, 16);
#if defined(__AVX512BW__)
  const auto sums = [](V v) { return _mm512_sad_epu8((__m512i)v, _mm512_setzero_si512()); };
#else
  const auto sums = [](V v) { return _mm256_sad_epu8((__m256i)v, _mm256_setzero_si256()); };
#endif
  using Longs = RegisterOf<kVectorBytes>::Long;
  Longs sum = {};
  for (std::size_t i = 0; i < words; i += kVectorBytes / 8) {
    const V differ = load_as<V>(a + i) ^ load_as<V>(b + i);
    sum += (Longs)sums(lookup(table, differ & 15) + lookup(table, upper_nibbles(differ)));
  }
  std::int64_t total = 0;
  for (std::size_t lane = 0; lane < kVectorBytes / 8; ++lane) total += sum[lane];
  return total;
#else
  std::int64_t total = 0;
  for (std::size_t i = 0; i < words; ++i) total += __builtin_popcountll(a[i] ^ b[i]);
  return total;
#endif
}

/// All ones in the lanes whose bits are set: bits 0 ... kInts - 1 from bit `first` of a column on.
#if !defined(__AVX512F__)
[[gnu::always_inline]] inline IntVec set_lanes(const std::uint8_t* column, std::size_t first) {
  static constexpr std::int32_t kBits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
  const IntVec bits = load_as<IntVec>(kBits + first % 8);
  return ((static_cast<std::int32_t>(column[first / 8]) - IntVec{}) & bits) == bits;
}
#endif

/// values, where bits are set, else 0.
[[gnu::always_inline]] inline IntVec where_set(const std::uint8_t* column, std::size_t first, IntVec values) {
#if defined(__AVX512F__)
  std::uint16_t mask;
  std::memcpy(&mask, column + first / 8, 2);
  return (IntVec)_mm512_maskz_mov_epi32(mask, (__m512i)values);
#else
  return set_lanes(column, first) & values;
#endif
}

/// Sum of the values (one a bit) where a column of `bytes`, a multiple of 16, has bits set. Values of at most 2^23 in size.
inline std::int64_t sum_where_set(const std::uint8_t* column, const std::int32_t* values, std::size_t bytes) {
  constexpr std::size_t kApart = 4;  // sums, as one chain of additions would be the limit
  std::int64_t total = 0;
  for (std::size_t begin = 0; begin < bytes; begin += 64) {  // 512 bits: four lanes cannot overflow
    const std::size_t end = 8 * (begin + 64 < bytes ? begin + 64 : bytes);
    IntVec sums[kApart] = {};
    for (std::size_t k = 8 * begin; k < end; k += kApart * kInts) {
      for (std::size_t s = 0; s < kApart; ++s) {
        const std::size_t at = k + s * kInts;
        sums[s] += where_set(column, at, load_as<IntVec>(values + at));
      }
    }
    const IntVec sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    total += sum_of_ints<kVectorBytes>(sum);
  }
  return total;
}

/// Adds `step` to the values where bits are set, and subtracts it where they are not.
inline void add_signed(const std::uint8_t* column, std::int32_t step, std::int32_t* values, std::size_t bytes) {
  const IntVec both = 2 * step - IntVec{};
  for (std::size_t k = 0; k < 8 * bytes; k += kInts) {
    const IntVec sum = load_as<IntVec>(values + k) - step + where_set(column, k, both);
    std::memcpy(values + k, &sum, sizeof sum);
  }
}

/// The bits of a row of -1 and +1; words (a multiple of 8) beyond it are 0.
inline void pack_row(const std::int8_t* x, std::size_t size, std::uint64_t* words, std::size_t count) {
  std::memset(words, 0, count * sizeof *words);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(words);
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, x + i, 8);
    // Of +1 the bit of the sign is 0. The product brings the signs of byte 0 ... 7 to bits 56 ... 63.
    bytes[i / 8] = static_cast<std::uint8_t>(((~eight >> 7 & 0x0101010101010101) * 0x0102040810204080) >> 56);
  }
  for (; i < size; ++i) bytes[i / 8] = static_cast<std::uint8_t>(bytes[i / 8] | (x[i] > 0) << (i % 8));
}

}  // namespace nncore
