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
#if defined(__AVX2__)
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

double from_bits(std::uint64_t bits) {
  double x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

std::uint64_t to_bits(double x) {
  std::uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

constexpr std::uint64_t kFraction = (std::uint64_t{1} << 52) - 1;
constexpr std::uint64_t kOne = std::uint64_t{1023} << 52;  // the bits of 1.0

/// log(x), 0 < x < 1. With x = 2^e m, m within a factor sqrt(2) of 1, and f = (m - 1) / (m + 1), log m is
/// 2 artanh(f) = 2 (f + f^3/3 + f^5/5 + ...).
inline double logarithm(double x) {
  const std::uint64_t bits = to_bits(x);
  double m = from_bits((bits & kFraction) | kOne);
  double e = from_bits((bits >> 52) | to_bits(0x1p52)) - (0x1p52 + 1023);
  const bool above = m > 1.4142135623730951;
  m = above ? m * 0.5 : m;
  e = above ? e + 1 : e;
  const double f = (m - 1) / (m + 1), f2 = f * f;
  double sum = 0;
  for (int k = 23; k >= 3; k -= 2) sum = (sum + 1.0 / k) * f2;
  return e * 0.6931471805599453 + (2 * f + 2 * f * sum);
}

struct Point {
  double x, y;
};

/// (cos 2 pi t, sin 2 pi t), -1/2 <= t <= 1/2: the Taylor series on the nearest eighth of a turn, turned by quarters.
inline Point on_circle(double t) {
  const double shifted = 4 * t + 0x1.8p52;  // rounds to a whole number, which is then in the lowest bits
  const std::uint64_t quarters = to_bits(shifted);
  const double angle = (t - (shifted - 0x1.8p52) * 0.25) * 6.283185307179586, a2 = angle * angle;
  double cosine = 1, sine = 1;
  for (int k = 16; k >= 2; k -= 2) cosine = 1 - cosine * a2 * (1.0 / (k * (k - 1)));
  for (int k = 17; k >= 3; k -= 2) sine = 1 - sine * a2 * (1.0 / (k * (k - 1)));
  sine *= angle;
  const bool odd = (quarters & 1) != 0;
  const double x = odd ? sine : cosine, y = odd ? cosine : sine;
  // The cosine is negative after one and two quarters, the sine after two and three.
  return {from_bits(to_bits(x) ^ ((quarters + 1) & 2) << 62), from_bits(to_bits(y) ^ (quarters & 2) << 62)};
}

/// Two independent standard normal numbers from four words, 52 bits for the radius and 52 for the angle.
inline Point normal_pair(const std::uint32_t* words) {
  const double u = from_bits(join(words) >> 12 | kOne) - (1 - 0x1p-53);  // (k + 1/2) / 2^52: never 0 or 1
  const double t = from_bits(join(words + 2) >> 12 | kOne) - 1.5;
  const double radius = std::sqrt(-2 * logarithm(u));
  const Point p = on_circle(t);
  return {radius * p.x, radius * p.y};
}

/// Standard normal entries first ... of random_normal, at most kChunk; `first` is even, and `normal` has room for kChunk.
void normal_chunk(const Draws& draws, std::uint64_t first, std::size_t count, double* normal) {
  std::uint32_t words[2 * kChunk];
  philox_words(draws, first / 2, 0, 2 * (count + count % 2), words);
  for (std::size_t i = 0; i < count; i += 2) {
    const Point pair = normal_pair(words + 2 * i);
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
  double normal[kChunk];
  for (std::size_t done = 0; done < count; done += kChunk) {
    const std::size_t some = std::min(kChunk, count - done);
    normal_chunk(draws, first + done, some, normal);
    for (std::size_t i = 0; i < some; ++i) out[done + i] = static_cast<T>(normal[i]);
  }
}

void random_logistic(const Draws& draws, std::uint64_t first, std::size_t count, double* out) {
  std::uint32_t words[2 * kChunk];
  for (std::size_t done = 0; done < count; done += kChunk) {
    const std::size_t part = std::min(kChunk, count - done);
    random_words(draws, 2 * (first + done), 2 * part, words);
    for (std::size_t i = 0; i < part; ++i) {
      const double u = from_bits(join(words + 2 * i) >> 12 | kOne) - (1 - 0x1p-53);  // (k + 1/2) / 2^52: never 0 or 1
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
