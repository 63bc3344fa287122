#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace nncore {

// The shortest decimal that reads back as a given float, by Schubfach (Giulietti 2020, "The Schubfach way to render
// doubles", in its form for single precision), faster than std::to_chars. For machines whose first byte is the lowest.

/// digits * 10^exponent
struct Decimal {
  std::uint32_t digits;
  int exponent;
};

namespace detail {

/// 10^k for k from -31 to 45, in 64 bits, rounded up: the first bit is always 1.
inline constexpr std::uint64_t kTenToThe[] = {
    0x81CEB32C4B43FCF5, 0xA2425FF75E14FC32, 0xCAD2F7F5359A3B3F, 0xFD87B5F28300CA0E, 0x9E74D1B791E07E49,
    0xC612062576589DDB, 0xF79687AED3EEC552, 0x9ABE14CD44753B53, 0xC16D9A0095928A28, 0xF1C90080BAF72CB2,
    0x971DA05074DA7BEF, 0xBCE5086492111AEB, 0xEC1E4A7DB69561A6, 0x9392EE8E921D5D08, 0xB877AA3236A4B44A,
    0xE69594BEC44DE15C, 0x901D7CF73AB0ACDA, 0xB424DC35095CD810, 0xE12E13424BB40E14, 0x8CBCCC096F5088CC,
    0xAFEBFF0BCB24AAFF, 0xDBE6FECEBDEDD5BF, 0x89705F4136B4A598, 0xABCC77118461CEFD, 0xD6BF94D5E57A42BD,
    0x8637BD05AF6C69B6, 0xA7C5AC471B478424, 0xD1B71758E219652C, 0x83126E978D4FDF3C, 0xA3D70A3D70A3D70B,
    0xCCCCCCCCCCCCCCCD, 0x8000000000000000, 0xA000000000000000, 0xC800000000000000, 0xFA00000000000000,
    0x9C40000000000000, 0xC350000000000000, 0xF424000000000000, 0x9896800000000000, 0xBEBC200000000000,
    0xEE6B280000000000, 0x9502F90000000000, 0xBA43B74000000000, 0xE8D4A51000000000, 0x9184E72A00000000,
    0xB5E620F480000000, 0xE35FA931A0000000, 0x8E1BC9BF04000000, 0xB1A2BC2EC5000000, 0xDE0B6B3A76400000,
    0x8AC7230489E80000, 0xAD78EBC5AC620000, 0xD8D726B7177A8000, 0x878678326EAC9000, 0xA968163F0A57B400,
    0xD3C21BCECCEDA100, 0x84595161401484A0, 0xA56FA5B99019A5C8, 0xCECB8F27F4200F3A, 0x813F3978F8940985,
    0xA18F07D736B90BE6, 0xC9F2C9CD04674EDF, 0xFC6F7C4045812297, 0x9DC5ADA82B70B59E, 0xC5371912364CE306,
    0xF684DF56C3E01BC7, 0x9A130B963A6C115D, 0xC097CE7BC90715B4, 0xF0BDC21ABB48DB21, 0x96769950B50D88F5,
    0xBC143FA4E250EB32, 0xEB194F8E1AE525FE, 0x92EFD1B8D0CF37BF, 0xB7ABC627050305AE, 0xE596B7B0C643C71A,
    0x8F7E32CE7BEA5C70, 0xB35DBF821AE4F38C,
};

// floor(log10(2^e)), floor(log10(3/4 2^e)) and floor(log2(10^e)), right for all exponents of a float.
inline int log10_of_power_of_2(int e) { return (e * 1262611) >> 22; }
inline int log10_of_three_quarters(int e) { return (e * 1262611 - 524031) >> 22; }
inline int log2_of_power_of_10(int e) { return (e * 1741647) >> 19; }

/// The upper 32 bits of power * factor / 2^32, the last one set when anything is left below: order is kept so.
inline std::uint32_t round_to_odd(std::uint64_t power, std::uint32_t factor) {
  const std::uint64_t low = (power & 0xFFFFFFFF) * factor;
  const std::uint64_t high = (power >> 32) * factor + (low >> 32);
  return static_cast<std::uint32_t>(high >> 32) | static_cast<std::uint32_t>((high & 0xFFFFFFFF) > 1);
}

inline constexpr std::uint32_t kPowersOfTen32[] = {10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

/// The eight digits of a number below 10^8, the first in the lowest byte: halves of four digits, then pairs, then ones.
inline std::uint64_t eight_characters(std::uint32_t number) {
  const std::uint64_t fours = number / 10000 | static_cast<std::uint64_t>(number % 10000) << 32;
  const std::uint64_t hundreds = fours * 10486 >> 20 & 0x0000007F0000007F;  // 10486 / 2^20 is 1 / 100 for four digits
  const std::uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
  const std::uint64_t tens = pairs * 103 >> 10 & 0x000F000F000F000F;  // 103 / 2^10 is 1 / 10 for two digits
  return (tens | (pairs - 10 * tens) << 8) + 0x3030303030303030;
}

/// Writes a number of at most nine digits, `count` of them; touches nine bytes.
inline char* write_digits(char* to, std::uint32_t number, int count) {
  *to = static_cast<char>('0' + number / 100000000);
  const bool nine = count == 9;
  const std::uint64_t eight = eight_characters(number % 100000000) >> (nine ? 0 : 8 * (8 - count));
  std::memcpy(to + nine, &eight, 8);
  return to + count;
}

}  // namespace detail

/// Of all decimals that a float is nearest to, one with the fewest digits, and the nearest of these. `bits` is that of a
/// positive, finite float.
inline Decimal shortest_decimal(std::uint32_t bits) {
  const std::uint32_t fraction = bits & 0x7FFFFF, field = bits >> 23;
  const std::uint32_t c = field != 0 ? fraction | 0x800000 : fraction;
  const int q = field != 0 ? static_cast<int>(field) - 150 : -149;
  const bool narrow = fraction == 0 && field > 1;  // the next float below is only half as far away as the next above
  const std::uint32_t odd = c & 1;                 // an even one also owns the ends of its interval

  const int k = narrow ? detail::log10_of_three_quarters(q) : detail::log10_of_power_of_2(q);
  const int shift = q + detail::log2_of_power_of_10(-k) + 1;
  const std::uint64_t power = detail::kTenToThe[31 - k];
  const std::uint32_t lower = detail::round_to_odd(power, (4 * c - 2 + narrow) << shift) + odd;
  const std::uint32_t middle = detail::round_to_odd(power, (4 * c) << shift);
  const std::uint32_t upper = detail::round_to_odd(power, (4 * c + 2) << shift) - odd;

  // Everything is in quarters of 10^k. First a multiple of 10^(k+1), of which at most one can be inside.
  const std::uint32_t s = middle / 4;
  if (s >= 10) {
    const std::uint32_t tens = s / 10;
    const bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
    if (below != above) return {tens + above, k + 1};
  }
  const bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
  if (below != above) return {s + above, k};
  const std::uint32_t half = 4 * s + 2;
  return {s + (middle > half || (middle == half && (s & 1) != 0)), k};
}

/// The most characters of a float, and how many bytes write_float may touch.
inline constexpr std::size_t kLongestFloat = 15, kTouchedByFloat = 32;

/// Writes a finite float: without an exponent from 0.0001 to below 10^9. Returns where it ends.
inline char* write_float(char* to, float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  *to = '-';
  to += bits >> 31;
  bits &= 0x7FFFFFFF;
  if (bits == 0) {
    *to = '0';
    return to + 1;
  }
  Decimal decimal = shortest_decimal(bits);
  while (decimal.digits % 10 == 0) decimal = {decimal.digits / 10, decimal.exponent + 1};

  int count = 1;
  for (const std::uint32_t power : detail::kPowersOfTen32) count += decimal.digits >= power ? 1 : 0;
  const int point = count + decimal.exponent;  // digits before it
  if (point > 9 || point < -3) {
    char* const end = detail::write_digits(to + 1, decimal.digits, count);
    to[0] = to[1];
    to[1] = '.';
    to = count == 1 ? to + 1 : end;
    const int power = point - 1, size = power < 0 ? -power : power;
    const char exponent[] = {'e', power < 0 ? '-' : '+', static_cast<char>('0' + size / 10),
                             static_cast<char>('0' + size % 10)};
    std::memcpy(to, exponent, sizeof exponent);
    return to + sizeof exponent;
  }
  if (point <= 0) {
    std::memcpy(to, "0.000", 5);
    return detail::write_digits(to + 2 - point, decimal.digits, count);
  }
  char* const end = detail::write_digits(to, decimal.digits, count);
  if (point >= count) {  // a whole number
    std::memset(end, '0', 9);
    return to + point;
  }
  char tail[9];  // copies of fixed size are single moves
  std::memcpy(tail, to + point, sizeof tail);
  std::memcpy(to + point + 1, tail, sizeof tail);
  to[point] = '.';
  return end + 1;
}

}  // namespace nncore
