#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace nncore {

// Decimal numbers as they stand in files of vectors: a sign, up to 19 digits, a small exponent.

namespace detail {

inline constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                          1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

inline constexpr std::uint64_t kWholePowersOfTen[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

/// How many of eight characters, from the lowest byte on, are digits.
inline int leading_digits(std::uint64_t eight) {
  const std::uint64_t others = ((eight + 0x4646464646464646) | (eight - 0x3030303030303030)) & 0x8080808080808080;
  return others == 0 ? 8 : __builtin_ctzll(others) / 8;
}

/// The value of the first `count` of eight digits: pairs of digits, then of pairs, then of fours.
inline std::uint64_t value_of_digits(std::uint64_t eight, int count) {
  eight = eight << (32 - 4 * count) << (32 - 4 * count);  // twice: a shift by 64 is none
  eight = (eight & 0x0F0F0F0F0F0F0F0F) * 2561 >> 8;
  eight = (eight & 0x00FF00FF00FF00FF) * 6553601 >> 16;
  return (eight & 0x0000FFFF0000FFFF) * 42949672960001 >> 32;
}

/// Adds the digits at `at` to `number`. Up to 16 take no branch that depends on how many there are: numbers differ in
/// that from one to the next, and a wrong guess costs more than all the rest.
inline const char* read_digits(const char* at, const char* end, std::uint64_t& number) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (end - at >= 16) {
    std::uint64_t first, second;
    std::memcpy(&first, at, 8);
    std::memcpy(&second, at + 8, 8);
    const int few = leading_digits(first);
    const int more = few == 8 ? leading_digits(second) : 0;
    number = number * kWholePowersOfTen[few] + value_of_digits(first, few);
    number = number * kWholePowersOfTen[more] + value_of_digits(second, more);
    at += few + more;
    if (more < 8) return at;
  }
#endif
  for (; at != end && is_digit(*at); ++at) number = number * 10 + static_cast<std::uint64_t>(*at - '0');
  return at;
}

}  // namespace detail

/// Reads the number at `at` when it is one that a single division or multiplication of doubles gives exactly rounded:
/// returns where it ends, and nullptr where something slower must decide.
inline const char* read_decimal(const char* at, const char* end, double& value) {
  const bool negative = at != end && *at == '-';
  at += negative;
  std::uint64_t number = 0;
  const char* const digits = at;
  // Most numbers of a vector are below 10, and their first digit is the only one before the point.
  while (at != end && detail::is_digit(*at)) number = number * 10 + static_cast<std::uint64_t>(*at++ - '0');
  std::ptrdiff_t count = at - digits, exponent = 0;
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    at = detail::read_digits(at, end, number);
    exponent = fraction - at;
    count -= exponent;
  }
  if (at != end && (*at | 0x20) == 'e' && count > 0) {
    const bool down = end - at > 1 && at[1] == '-';
    const char* const power = at + 1 + (end - at > 1 && (at[1] == '-' || at[1] == '+'));
    std::uint64_t given = 0;
    for (at = power; at != end && detail::is_digit(*at); ++at)
      given = given * 10 + static_cast<std::uint64_t>(*at - '0');
    if (at == power || at - power > 3) return nullptr;
    exponent += down ? -static_cast<std::ptrdiff_t>(given) : static_cast<std::ptrdiff_t>(given);
  }
  // 19 digits cannot have overflown; a double holds every integer up to 2^53, and powers of ten up to 10^22.
  if (count == 0 || count > 19 || number > (std::uint64_t{1} << 53) || exponent < -22 || exponent > 22) return nullptr;
  value = static_cast<double>(number);
  value = exponent < 0 ? value / detail::kPowersOfTen[-exponent] : value * detail::kPowersOfTen[exponent];
  std::uint64_t bits;  // every second number is negative: this is no branch
  std::memcpy(&bits, &value, sizeof bits);
  bits |= static_cast<std::uint64_t>(negative) << 63;
  std::memcpy(&value, &bits, sizeof bits);
  return at;
}

/// Whether a double is halfway between two floats: to round it again could then round a decimal the wrong way.
inline bool is_between_floats(double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return (bits & 0x1FFFFFFF) == 0x10000000;
}

}  // namespace nncore
