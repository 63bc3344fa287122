#include "nncore/core/random.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "nncore/core/threads.h"

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace nncore {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

// A register of blocks: each lane holds one word of a block in its low half, anything in the high half.
#if defined(__AVX512F__)
using Lanes = std::uint64_t __attribute__((vector_size(64)));
constexpr Lanes kIota = {0, 1, 2, 3, 4, 5, 6, 7};
inline Lanes multiply(Lanes a, Lanes b) {
  return (Lanes)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);  // without a mask gcc 12 warns of its own header
}
inline void interleave(Lanes first, Lanes second, Lanes* out) {
  out[0] = __builtin_shufflevector(first, second, 0, 8, 1, 9, 2, 10, 3, 11);
  out[1] = __builtin_shufflevector(first, second, 4, 12, 5, 13, 6, 14, 7, 15);
}
#elif defined(__AVX2__)
using Lanes = std::uint64_t __attribute__((vector_size(32)));
constexpr Lanes kIota = {0, 1, 2, 3};
inline Lanes multiply(Lanes a, Lanes b) { return (Lanes)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
inline void interleave(Lanes first, Lanes second, Lanes* out) {
  out[0] = __builtin_shufflevector(first, second, 0, 4, 1, 5);
  out[1] = __builtin_shufflevector(first, second, 2, 6, 3, 7);
}
#else
using Lanes = std::uint64_t __attribute__((vector_size(16)));
constexpr Lanes kIota = {0, 1};
inline Lanes multiply(Lanes a, Lanes b) {
#if defined(__SSE2__)
  return (Lanes)_mm_mul_epu32((__m128i)a, (__m128i)b);
#elif defined(__ARM_NEON)
  return (Lanes)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}
inline void interleave(Lanes first, Lanes second, Lanes* out) {
  out[0] = __builtin_shufflevector(first, second, 0, 2);
  out[1] = __builtin_shufflevector(first, second, 1, 3);
}
#endif
constexpr std::size_t kWidth = sizeof(Lanes) / 8;
constexpr std::size_t kGroup = 2 * kWidth;  // two registers side by side hide the multiplier's latency

using Key = std::array<std::uint32_t, 2>;
struct Counter {
  std::uint64_t low, high;  // words 0 and 1, words 2 and 3
};

Key key_of(const Draws& draws) {
  return {static_cast<std::uint32_t>(draws.seed), static_cast<std::uint32_t>(draws.seed >> 32)};
}

Counter counter_of(const Draws& draws, std::uint64_t block, std::uint64_t attempt) {
  const std::uint64_t place = std::uint64_t{static_cast<std::uint32_t>(draws.stream)} << 24 |
                              std::uint64_t{draws.substream} << 8 | draws.step >> 32;
  return {attempt << 48 | block, place << 32 | (draws.step & 0xffffffffu)};
}

/// kGroup blocks whose counters follow each other.
void philox_group(Counter counter, Key key, std::uint32_t* out) {
  Lanes a[2], b[2], c[2], d[2];
  for (std::size_t g = 0; g < 2; ++g) {
    a[g] = counter.low + g * kWidth + kIota;
    b[g] = a[g] >> 32;
    c[g] = Lanes{} + counter.high;
    d[g] = c[g] >> 32;
  }
  const Lanes multiplier0 = Lanes{} + kMultiplier0, multiplier1 = Lanes{} + kMultiplier1;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t g = 0; g < 2; ++g) {
      const Lanes p = multiply(a[g], multiplier0), q = multiply(c[g], multiplier1);
      a[g] = (q >> 32) ^ b[g] ^ (Lanes{} + key[0]);
      c[g] = (p >> 32) ^ d[g] ^ (Lanes{} + key[1]);
      b[g] = q;
      d[g] = p;
    }
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  const Lanes low = Lanes{} + 0xffffffffu;
  for (std::size_t g = 0; g < 2; ++g) {
    Lanes words[2];  // little-endian: the word that comes first is the low half
    interleave((a[g] & low) | (b[g] << 32), (c[g] & low) | (d[g] << 32), words);
    std::memcpy(out + 4 * g * kWidth, words, sizeof words);
  }
}

/// Words of the blocks block, block + 1, ... of one attempt.
void philox_words(const Draws& draws, std::uint64_t block, std::uint64_t attempt, std::size_t count,
                  std::uint32_t* out) {
  constexpr std::size_t whole = 4 * kGroup;
  const Key key = key_of(draws);
  Counter counter = counter_of(draws, block, attempt);
  for (; count >= whole; count -= whole, out += whole, counter.low += kGroup) philox_group(counter, key, out);
  if (count > 0) {
    std::uint32_t last[whole];
    philox_group(counter, key, last);
    std::copy_n(last, count, out);
  }
}

void require_draws(const Draws& draws) {
  const auto stream = static_cast<std::uint32_t>(draws.stream);
  require(stream < kStreams, "stream must be from 0 to ", kStreams - 1, ", but came as ", stream);
  require(draws.substream < 1u << 16, "substream must be below 2^16, but came as ", draws.substream);
  require(draws.step < std::uint64_t{1} << 40, "step must be below 2^40, but came as ", draws.step);
}

// Entries that are made at once from words in a buffer on the stack; a multiple of every group of entries that share a
// block, so that parts of a parallel call never cut one.
constexpr std::size_t kChunk = 512;

/// Calls body(first, count) for chunks of at most kChunk entries that cover [0, total), on several threads.
template <typename Body>
void chunks(std::size_t total, double nanoseconds_each, const Body& body) {
  parallel_ranges(total, kChunk, nanoseconds_each * static_cast<double>(total),
                  [&](std::size_t begin, std::size_t end) {
                    for (; begin < end; begin += kChunk) body(begin, std::min(kChunk, end - begin));
                  });
}

std::uint64_t join(const std::uint32_t* words) { return std::uint64_t{words[1]} << 32 | words[0]; }

/// The layout of a number: its bits, and how many of them are the fraction.
template <typename T>
struct Layout;
template <>
struct Layout<float> {
  using Bits = std::uint32_t;
  static constexpr int kFractionBits = 23, kLogTerms = 9, kCircleTerms = 8;
  static constexpr Bits kBias = 127;
};
template <>
struct Layout<double> {
  using Bits = std::uint64_t;
  static constexpr int kFractionBits = 52, kLogTerms = 23, kCircleTerms = 16;
  static constexpr Bits kBias = 1023;
};
template <typename T>
using Bits = typename Layout<T>::Bits;

template <typename T>
T from_bits(Bits<T> bits) {
  T x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

template <typename T>
Bits<T> to_bits(T x) {
  Bits<T> bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

template <typename T>
constexpr Bits<T> kHidden = Bits<T>{1} << Layout<T>::kFractionBits;  // the bit before the fraction
template <typename T>
constexpr Bits<T> kOne = Layout<T>::kBias << Layout<T>::kFractionBits;  // the bits of 1.0
template <typename T>
constexpr T kWhole = static_cast<T>(kHidden<T>);  // from here on to twice that, the lowest bit is a one

/// log(x), 0 < x <= 1. With x = 2^e m, m within a factor sqrt(2) of 1, and f = (m - 1) / (m + 1), log m is
/// 2 artanh(f) = 2 (f + f^3/3 + f^5/5 + ...).
template <typename T>
inline T logarithm(T x) {
  const Bits<T> bits = to_bits(x);
  T m = from_bits<T>((bits & (kHidden<T> - 1)) | kOne<T>);
  T e = from_bits<T>((bits >> Layout<T>::kFractionBits) | to_bits(kWhole<T>)) - (kWhole<T> + T(Layout<T>::kBias));
  const bool above = m > T(1.4142135623730951);
  m = above ? m * T(0.5) : m;
  e = above ? e + 1 : e;
  const T f = (m - 1) / (m + 1), f2 = f * f;
  T sum = 0;
  for (int k = Layout<T>::kLogTerms; k >= 3; k -= 2) sum = (sum + T(1.0 / k)) * f2;
  return e * T(0.6931471805599453) + (2 * f + 2 * f * sum);
}

template <typename T>
struct Point {
  T x, y;
};

/// (cos 2 pi t, sin 2 pi t), -1/2 <= t <= 1/2: the Taylor series on the nearest eighth of a turn, turned by quarters.
template <typename T>
inline Point<T> on_circle(T t) {
  constexpr int kTerms = Layout<T>::kCircleTerms, kSign = 8 * sizeof(T) - 2;
  constexpr T kRound = kWhole<T> + kWhole<T> / 2;
  const T shifted = 4 * t + kRound;  // rounds to a whole number, which is then in the lowest bits
  const Bits<T> quarters = to_bits(shifted);
  const T angle = (t - (shifted - kRound) * T(0.25)) * T(6.283185307179586), a2 = angle * angle;
  T cosine = 1, sine = 1;
  for (int k = kTerms; k >= 2; k -= 2) cosine = 1 - cosine * a2 * T(1.0 / (k * (k - 1)));
  for (int k = kTerms + 1; k >= 3; k -= 2) sine = 1 - sine * a2 * T(1.0 / (k * (k - 1)));
  sine *= angle;
  const bool odd = (quarters & 1) != 0;
  const T x = odd ? sine : cosine, y = odd ? cosine : sine;
  // The cosine is negative after one and two quarters, the sine after two and three.
  return {from_bits<T>(to_bits(x) ^ ((quarters + 1) & 2) << kSign), from_bits<T>(to_bits(y) ^ (quarters & 2) << kSign)};
}

/// (k + 1/2) / 2^52 of the high bits of two words: never 0 or 1.
inline double inner_unit(const std::uint32_t* words) {
  return from_bits<double>(join(words) >> 12 | kOne<double>) - (1 - 0x1p-53);
}

/// Two independent standard normal numbers by Box and Muller's method, from as many words as they have.
inline Point<double> normal_pair(const std::uint32_t* words, double) {
  const double t = from_bits<double>(join(words + 2) >> 12 | kOne<double>) - 1.5;
  const double radius = std::sqrt(-2 * logarithm(inner_unit(words)));
  const Point<double> p = on_circle(t);
  return {radius * p.x, radius * p.y};
}
inline Point<float> normal_pair(const std::uint32_t* words, float) {
  const float u = (static_cast<float>(static_cast<std::int32_t>(words[0] >> 1)) + 0.5f) * 0x1p-31f;  // may round to 1
  const float t = static_cast<float>(static_cast<std::int32_t>(words[1])) * 0x1p-32f;
  const float radius = std::sqrt(-2 * logarithm(u));
  const Point<float> p = on_circle(t);
  return {radius * p.x, radius * p.y};
}

/// Standard normal entries first ... of random_normals, at most kChunk; the first one's words start a block, and `normal`
/// has room for kChunk.
template <typename T>
void normal_chunk(const Draws& draws, std::uint64_t first, std::size_t count, T* normal) {
  constexpr std::size_t kWordsEach = sizeof(T) / 4;
  std::uint32_t words[kWordsEach * kChunk];
  philox_words(draws, first * kWordsEach / 4, 0, kWordsEach * (count + count % 2), words);
  for (std::size_t i = 0; i < count; i += 2) {
    const Point<T> pair = normal_pair(words + kWordsEach * i, T());
    normal[i] = pair.x;
    normal[i + 1] = pair.y;
  }
}

/// In [0, range), range > 0, each equally likely, from 64 random bits; those of entry i at attempt 0 are given.
std::uint64_t bounded(const Draws& draws, std::uint64_t i, std::uint64_t bits, std::uint64_t range) {
  __extension__ using Wide = unsigned __int128;
  Wide product = Wide{bits} * range;
  if (static_cast<std::uint64_t>(product) < range) {
    const std::uint64_t uneven = (0 - range) % range;  // 2^64 mod range: so many values of the low half are too many
    for (std::uint64_t attempt = 1; static_cast<std::uint64_t>(product) < uneven; ++attempt) {
      std::uint32_t words[4];
      philox_words(draws, i / 2, attempt, 4, words);
      product = Wide{join(words + 2 * (i % 2))} * range;
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  std::uint32_t group[4 * kGroup];
  philox_group({join(counter.data()), join(counter.data() + 2)}, key, group);
  return {group[0], group[1], group[2], group[3]};
}

std::uint32_t random_word(const Draws& draws, std::uint64_t position) {
  std::uint32_t word;
  random_words(draws, position, 1, &word);
  return word;
}

void random_words(const Draws& draws, std::uint64_t first, std::size_t count, std::uint32_t* out) {
  const std::size_t skipped = first % 4;
  if (skipped > 0) {
    std::uint32_t block[4];
    philox_words(draws, first / 4, 0, 4, block);
    const std::size_t head = std::min(count, 4 - skipped);
    out = std::copy_n(block + skipped, head, out);
    first += head;
    count -= head;
  }
  philox_words(draws, first / 4, 0, count, out);
}

template <typename T>
void random_uniform(const Draws& draws, T low, T high, View<T, 1> out) {
  require_draws(draws);
  require(low < high && std::isfinite(high - low), "high must be above low and both finite, but came as low = ", low,
          ", high = ", high);
  constexpr std::size_t words_each = sizeof(T) / 4;
  chunks(out.size(), 1.5 * words_each, [&](std::size_t first, std::size_t count) {
    std::uint32_t words[kChunk * words_each];
    philox_words(draws, first * words_each / 4, 0, count * words_each, words);
    const T span = high - low, last = std::nextafter(high, low);
    T* to = out.data() + first;
    for (std::size_t i = 0; i < count; ++i) to[i] = low + span * unit_of_words<T>(words, i);
    for (std::size_t i = 0; i < count; ++i) to[i] = std::min(to[i], last);  // a sum may have been rounded up to high
  });
}

template <typename T>
void random_normal(const Draws& draws, T mean, T deviation, View<T, 1> out) {
  require_draws(draws);
  require(std::isfinite(mean), "mean must be finite, but came as ", mean);
  require(std::isfinite(deviation) && deviation >= 0, "deviation must be finite and at least 0, but came as ",
          deviation);
  const double m = static_cast<double>(mean), s = static_cast<double>(deviation);
  chunks(out.size(), 8, [&](std::size_t first, std::size_t count) {
    double normal[kChunk];
    normal_chunk(draws, first, count, normal);
    T* to = out.data() + first;
    for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<T>(m + s * normal[i]);
  });
}

template <typename T>
void random_normals(const Draws& draws, std::uint64_t first, std::size_t count, T* out) {
  T normal[kChunk];
  for (std::size_t done = 0; done < count; done += kChunk) {
    const std::size_t some = std::min(kChunk, count - done);
    normal_chunk(draws, first + done, some, normal);
    std::copy_n(normal, some, out + done);
  }
}

void random_logistic(const Draws& draws, std::uint64_t first, std::size_t count, double* out) {
  std::uint32_t words[2 * kChunk];
  for (std::size_t done = 0; done < count; done += kChunk) {
    const std::size_t part = std::min(kChunk, count - done);
    random_words(draws, 2 * (first + done), 2 * part, words);
    for (std::size_t i = 0; i < part; ++i) {
      const double u = inner_unit(words + 2 * i);
      out[done + i] = logarithm(u) - logarithm(1 - u);
    }
  }
}

void random_integers(const Draws& draws, std::int64_t low, std::int64_t high, View<std::int64_t, 1> out) {
  require_draws(draws);
  require(low < high, "high must be above low, but came as low = ", low, ", high = ", high);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  chunks(out.size(), 5, [&](std::size_t first, std::size_t count) {
    std::uint32_t words[2 * kChunk];
    philox_words(draws, first / 2, 0, 2 * count, words);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t step = bounded(draws, first + i, join(words + 2 * i), range);
      out(first + i) = static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + step);
    }
  });
}

void random_permutation(const Draws& draws, View<std::int64_t, 1> out) {
  require_draws(draws);
  const std::size_t n = out.size();
  for (std::size_t i = 0; i < n; ++i) out(i) = static_cast<std::int64_t>(i);
  std::uint32_t words[2 * kChunk];
  for (std::size_t first = 0; first < n; first += kChunk) {
    const std::size_t count = std::min(kChunk, n - first);
    philox_words(draws, first / 2, 0, 2 * count, words);
    for (std::size_t i = first; i < first + count; ++i) {
      const std::uint64_t step = bounded(draws, i, join(words + 2 * (i - first)), n - i);
      std::swap(out(i), out(i + step));
    }
  }
}

template void random_uniform(const Draws&, float, float, View<float, 1>);
template void random_uniform(const Draws&, double, double, View<double, 1>);
template void random_normal(const Draws&, float, float, View<float, 1>);
template void random_normal(const Draws&, double, double, View<double, 1>);
template void random_normals(const Draws&, std::uint64_t, std::size_t, float*);
template void random_normals(const Draws&, std::uint64_t, std::size_t, double*);

}  // namespace nncore
