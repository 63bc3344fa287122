#pragma once

// All fields of a state at once. Only kernels include it, as they do simd.h.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "nncore/core/buffer.h"
#include "nncore/energy/bits.h"

namespace nncore {

/// sum_k ±m_k for 16 units at a time ("four Russians"): the 16 sums of each four overlaps are tabled, and a register of
/// four bits of each unit looks up in one instruction what these units add. Sums are kept in 16 bits for as long as
/// they cannot overflow, then in 32.
class FieldTables {
 public:
  /// Room for `bytes` of a unit, so that build() allocates nothing.
  void reserve(std::size_t bytes) { tables_.reserve(64 * bytes); }

  /// Of overlaps (8 bytes; 0 beyond the memories); `bytes` of a unit, a multiple of 16. False where they are too large.
  bool build(const std::int32_t* overlaps, std::size_t bytes) {
    bytes_ = bytes;
    if (!choose_period(overlaps)) return false;
    reserve(bytes);
    for (std::size_t begin = 0; begin < bytes;) {
      const std::size_t lanes = chunk(bytes - begin) / 16;
      for (std::size_t g = begin; g < begin + 16 * lanes; ++g) {  // its place: as the registers below need it
        const std::size_t lane = (g - begin) / 16, row = (g - begin) % 16;
        for (std::size_t half = 0; half < 2; ++half) {
          std::uint8_t* const table = tables_.data() + 64 * begin + (4 * row + 2 * half) * 16 * lanes + 16 * lane;
          write_table(overlaps + 8 * g + 4 * half, table, table + 16 * lanes);
        }
      }
      begin += 16 * lanes;
    }
    return true;
  }

  /// The sums of 16 units, whose bits are at columns[0 .. 16).
  void sum(const std::uint8_t* const* columns, std::int32_t* sums) const {
    std::fill_n(sums, 16, 0);
    std::size_t begin = 0;
#if defined(__AVX512BW__)
    for (; bytes_ - begin >= 64; begin += 64) add_chunk<64>(columns, begin, sums);
#endif
#if defined(__AVX2__)
    for (; bytes_ - begin >= 32; begin += 32) add_chunk<32>(columns, begin, sums);
#endif
    for (; bytes_ - begin >= 16; begin += 16) add_chunk<16>(columns, begin, sums);
  }

 private:
  /// Bytes that are taken at once, of so many that are left.
  static std::size_t chunk(std::size_t left) {
    std::size_t size = kVectorBytes;
    while (size > left) size /= 2;
    return size;
  }

  /// Looked up before 16 bits may overflow: 16, 4 or 1 bytes of each unit in each lane.
  bool choose_period(const std::int32_t* overlaps) {
    std::int64_t total = 0;
    for (const std::size_t period : {16, 4, 1}) {
      std::int64_t largest = 0;
      for (std::size_t begin = 0; begin < 8 * bytes_; begin += 8 * period) {
        std::int64_t part = 0;
        for (std::size_t k = begin; k < begin + 8 * period; ++k) part += std::abs(overlaps[k]);
        largest = std::max(largest, part);
        if (period == 16) total += part;
      }
      period_ = period;
      if (largest <= INT16_MAX) return total <= INT32_MAX;
    }
    return false;
  }

  /// Lower and upper bytes of the sums ±m_0 ±m_1 ±m_2 ±m_3; bit j of the index makes m_j positive.
  static void write_table(const std::int32_t* m, std::uint8_t* lower, std::uint8_t* upper) {
    using Sums = std::uint16_t __attribute__((vector_size(32)));  // wraps where a part of a sum is too large
    const Sums index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    Sums sums = {};
    for (int j = 0; j < 4; ++j) {
      const auto value = static_cast<std::uint16_t>(m[j]);
      sums += (index >> j & 1) * static_cast<std::uint16_t>(2 * value) - value;
    }
    for (int i = 0; i < 16; ++i) {
      lower[i] = static_cast<std::uint8_t>(sums[i]);
      upper[i] = static_cast<std::uint8_t>(sums[i] >> 8);
    }
  }

  template <std::size_t Bytes>
  void add_chunk(const std::uint8_t* const* columns, std::size_t begin, std::int32_t* sums) const {
    using V = ByteVec<Bytes>;
    V bits[16], turned[16];
    for (std::size_t u = 0; u < 16; ++u) bits[u] = load_as<V>(columns[u] + begin);
    // Byte r of unit u becomes byte u of register r, in every 16 bytes: four perfect shuffles.
    for (int twice = 0; twice < 2; ++twice) {
      for (std::size_t i = 0; i < 8; ++i) {
        turned[2 * i] = zip_low(bits[i], bits[i + 8]);
        turned[2 * i + 1] = zip_high(bits[i], bits[i + 8]);
      }
      for (std::size_t i = 0; i < 8; ++i) {
        bits[2 * i] = zip_low(turned[i], turned[i + 8]);
        bits[2 * i + 1] = zip_high(turned[i], turned[i + 8]);
      }
    }
    const std::uint8_t* table = tables_.data() + 64 * begin;
    for (std::size_t row = 0; row < 16;) {
      ShortVec<Bytes> low = {}, high = {};  // of units 0 ... 7 and 8 ... 15
      for (const std::size_t end = row + period_; row < end; ++row) {
        for (const V index : {V(bits[row] & 15), V(upper_nibbles(bits[row]))}) {
          const V lower = lookup(load_as<V>(table), index), upper = lookup(load_as<V>(table + Bytes), index);
          low += (ShortVec<Bytes>)zip_low(lower, upper);
          high += (ShortVec<Bytes>)zip_high(lower, upper);
          table += 2 * Bytes;
        }
      }
      add_lanes<Bytes>(low, sums);
      add_lanes<Bytes>(high, sums + 8);
    }
  }

  template <std::size_t Bytes>
  static void add_lanes(ShortVec<Bytes> part, std::int32_t* sums) {
    std::int16_t lanes[Bytes / 2];
    std::memcpy(lanes, &part, sizeof part);
    for (std::size_t lane = 0; lane < Bytes / 2; lane += 8) {
      for (std::size_t u = 0; u < 8; ++u) sums[u] += lanes[lane + u];
    }
  }

  Buffer<std::uint8_t> tables_;
  std::size_t bytes_ = 0, period_ = 16;
};

}  // namespace nncore
