#pragma once

// One update of word2vec: some input rows against some output rows, all products from the rows as they were before it.
// For kernels only (see core/simd.h).

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "nncore/core/activations.h"
#include "nncore/core/panels.h"
#include "nncore/core/simd.h"
#include "nncore/text/word2vec_fetch.h"
#include "nncore/text/word2vec_rows.h"

namespace nncore {
namespace detail {

/// Rows that outputs are padded to.
constexpr std::size_t tiled(std::size_t outputs, std::size_t tile) { return (outputs + tile - 1) / tile * tile; }

/// Adds up -log q of many probabilities q, as a product: exponents apart, so that no logarithm is taken on the way.
template <typename T>
class LossSum {
 public:
  void add(Vec<T> q) {
    const auto bits = words_of<T>(product_ * q);
    exponents_ += bits >> F::kMantissaBits;
    product_ = from_words<T>((bits & kMantissa) | kOne);
    strange_ |= q != q;
    ++added_;
  }
  double value() const {
    double sum = 0;
    for (std::size_t lane = 0; lane < kLanes<T>; ++lane) {
      if (strange_[lane] != 0) return std::numeric_limits<double>::quiet_NaN();
      const double exponent = static_cast<double>(exponents_[lane]) - static_cast<double>(added_) * F::kBias;
      sum -= exponent * 0.69314718055994530942 + std::log(static_cast<double>(product_[lane]));
    }
    return sum;
  }
  /// Room for at least this many further calls of add.
  bool full() const { return added_ > (std::uint64_t{1} << 24); }

 private:
  using F = Format<T>;
  static constexpr typename F::Word kMantissa = (typename F::Word{1} << F::kMantissaBits) - 1;
  static constexpr typename F::Word kOne = F::kBias << F::kMantissaBits;
  Vec<T> product_ = broadcast(T{1});
  typename F::Words exponents_ = {};
  decltype(Vec<T>{} != Vec<T>{}) strange_ = {};
  std::uint64_t added_ = 0;
};

template <typename T, std::size_t... I>
[[gnu::always_inline]] inline typename Format<T>::Words lane_numbers(std::index_sequence<I...>) {
  return typename Format<T>::Words{static_cast<typename Format<T>::Word>(I)...};
}

/// The first `count` lanes; the others become 0.
template <typename T>
[[gnu::always_inline]] inline Vec<T> first_lanes(Vec<T> values, std::size_t count) {
  const auto numbers = lane_numbers<T>(std::make_index_sequence<kLanes<T>>());
  return numbers < static_cast<typename Format<T>::Word>(count) ? values : Vec<T>{};
}

/// The first kPlaces lanes, again and again.
template <typename T, std::size_t... I>
[[gnu::always_inline]] inline Vec<T> repeated(Vec<T> values, std::index_sequence<I...>) {
  return __builtin_shufflevector(values, values, (I % kPlaces)...);
}

template <typename T>
[[gnu::always_inline]] inline void to_factor(T* value, Vec<T> sign, Vec<T> scale, T alpha, std::size_t most_times,
                                             LossSum<T>& loss) {
  const Vec<T> q = T{1} / (T{1} + exp_lanes<T>(-(sign * load(value))));
  loss.add(sign != T{0} ? q : broadcast(T{1}));
  for (std::size_t n = 1; n < most_times; ++n) {
    loss.add(scale * sign > (static_cast<T>(n) + T{0.5}) * alpha ? q : broadcast(T{1}));
  }
  store(value, scale * (T{1} - q));
}

/// Turns products into factors scale * (1 - q) with q = 1 / (1 + exp(-sign * product)), and adds the losses -log q, each
/// as often as scale has sign * alpha.
template <typename T>
[[gnu::always_inline]] inline void to_factors(T* values, std::size_t rows, const T* sign, const T* scale, T alpha,
                                              std::size_t most_times, LossSum<T>& loss) {
  constexpr std::size_t L = kLanes<T>;
  if constexpr (L <= kPlaces) {
    for (std::size_t at = 0; at < rows * kPlaces; at += L) {
      const std::size_t place = at % kPlaces;
      to_factor<T>(values + at, load(sign + place), load(scale + place), alpha, most_times, loss);
    }
  } else {  // several rows in a register
    const Vec<T> signs = repeated<T>(load(sign), std::make_index_sequence<L>());
    const Vec<T> scales = repeated<T>(load(scale), std::make_index_sequence<L>());
    for (std::size_t at = 0; at < rows * kPlaces; at += L) {
      to_factor<T>(values + at, first_lanes<T>(signs, rows * kPlaces - at), scales, alpha, most_times, loss);
    }
  }
}

/// The same where every tile has its own sign and scale.
template <typename T>
[[gnu::always_inline]] inline void factors_apart(T* values, std::size_t tiles, const T* sign, const T* scale, T alpha,
                                                 std::size_t most_times, LossSum<T>& loss) {
  for (std::size_t at = 0; at < tiles * kPlaces; at += kLanes<T>) {
    const Vec<T> signs = first_lanes<T>(load(sign + at), tiles * kPlaces - at);
    to_factor<T>(values + at, signs, load(scale + at), alpha, most_times, loss);
  }
}

/// y[j] += sum_i factors[i][j] x[i] and, from the y before, x[i] += sum_j factors[i][j] y[j]; with `change`, the sums go
/// there instead: they begin at 0 for the first tile.
template <typename T, std::size_t M, bool Direct>
[[gnu::always_inline]] inline void update(T* const* x, std::size_t rows, T* const* outputs, std::size_t columns,
                                          const T* factors, T* change, std::size_t stride, bool first) {
  T* y[M];  // the compiler cannot know that what is stored is no pointer
  for (std::size_t j = 0; j < M; ++j) y[j] = outputs[j];
  for (std::size_t k = 0; k < columns; k += kLanes<T>) {
    Vec<T> before[M], after[M];
    for (std::size_t j = 0; j < M; ++j) before[j] = after[j] = load(y[j] + k);
    for (std::size_t i = 0; i < rows; ++i) {
      const Vec<T> row = load(x[i] + k);
      T* const to = Direct ? x[i] + k : change + i * stride + k;
      Vec<T> sum = Direct ? row : first ? Vec<T>{} : load(to);
      for (std::size_t j = 0; j < M; ++j) {
        const Vec<T> factor = broadcast(factors[i * kPlaces + j]);
        sum = fma(factor, before[j], sum);
        after[j] = fma(factor, row, after[j]);
      }
      store(to, sum);
    }
    for (std::size_t j = 0; j < M; ++j) store(y[j] + k, after[j]);
  }
}

/// The same for one input, which is in registers, one output after the other: so one row is fetched and written at a time.
template <typename T, std::size_t M, bool Direct, typename Asked>
[[gnu::always_inline]] inline void update_one(T* x, T* const* outputs, std::size_t columns, const T* factors, T* change,
                                              bool first, Asked asked) {
  constexpr std::size_t L = kLanes<T>;
  by_registers<T>(columns, [&](std::size_t k, auto registers) {
    T* const to = (Direct ? x : change) + k;
    Vec<T> row[registers], sum[registers];
    for (std::size_t n = 0; n < registers; ++n) {
      row[n] = kept(load(x + k + n * L));
      sum[n] = Direct ? row[n] : first ? Vec<T>{} : load(to + n * L);
    }
    for (std::size_t j = 0; j < M; ++j) {
      T* const y = outputs[j] + k;
      const Vec<T> factor = broadcast(factors[j]);
      for (std::size_t n = 0; n < registers; ++n) {
        const Vec<T> before = kept(load(y + n * L));
        sum[n] = fma(factor, before, sum[n]);
        store(y + n * L, fma(factor, row[n], before));
        asked.line(j, k + n * L);
      }
    }
    for (std::size_t n = 0; n < registers; ++n) store(to + n * L, sum[n]);
  });
}

/// What an update works on.
template <typename T>
struct Word2VecBlock {
  std::size_t columns;  // a multiple of a register's lanes
  std::size_t stride;   // of `change`
  T* factors;           // room for (rows + 1) * kPlaces and a register
  T* change;            // room for a row for each input
  T* dummy;             // a row of zeros, which fills up tiles
  T alpha;
  std::size_t most_times;  // that one output stands for in the update to come
  Fetch fetch;
  Word2VecComing<T> coming;

  /// Whether one pass asks for rows so, and for which.
  template <typename Asked>
  bool take(Asked& asked) {
    return fetch == Asked::kLevel && (asked.rows = coming.take(Asked::kRows)) != nullptr;
  }
};

/// Adds the products of R inputs to sums.
template <typename T, std::size_t R, std::size_t M, typename Asked>
[[gnu::always_inline]] inline void sum_products(Word2VecBlock<T>& block, T* const* x, T* const* y, Vec<T>* sums,
                                                Asked asked) {
  if (block.take(asked)) {
    add_products<T, R, M>(x, y, block.columns, sums, asked);
  } else {
    add_products<T, R, M>(x, y, block.columns, sums, AskedNone<T>());
  }
}

/// to[r * kPlaces + j] = x[r] . y[j] for r < R, j < M.
template <typename T, std::size_t R, std::size_t M>
[[gnu::always_inline]] inline void products(Word2VecBlock<T>& block, T* const* x, T* const* y, T* to) {
  Vec<T> sums[kSlots<T, R>] = {};
  sum_products<T, R, M>(block, x, y, sums, AskedFirst<T>());
  store_sums<T>(sums, kSlots<T, R>, to);
}

/// to[r * kPlaces + j] = x[r] . y[r * M + j].
template <typename T, std::size_t R, std::size_t M>
[[gnu::always_inline]] inline void products_apart(Word2VecBlock<T>& block, T* const* x, T* const* y, T* to) {
  Vec<T> sums[kSlots<T, R>] = {};
  unrolled<R>([&](auto r) __attribute__((always_inline)) {
    sum_products<T, 1, M>(block, x + r, y + r * M, sums + r * kPlaces, AskedFew<T>());
  });
  store_sums<T>(sums, kSlots<T, R>, to);
}

/// One input against one tile of outputs.
template <typename T, std::size_t M, bool Direct>
[[gnu::always_inline]] inline void update_input(Word2VecBlock<T>& block, T* x, T* const* y, const T* factors,
                                                bool first) {
  AskedFirst<T> first_level;
  AskedSecond<T> second_level;
  if (block.take(first_level)) {
    update_one<T, M, Direct>(x, y, block.columns, factors, block.change, first, first_level);
  } else if (M == kTile<T> && block.take(second_level)) {
    update_one<T, M, Direct>(x, y, block.columns, factors, block.change, first, second_level);
  } else {
    update_one<T, M, Direct>(x, y, block.columns, factors, block.change, first, AskedNone<T>());
  }
}

template <typename T, std::size_t M>
[[gnu::always_inline]] inline void update_input(Word2VecBlock<T>& block, T* x, T* const* y, const T* factors,
                                                bool direct, bool first) {
  if (direct) {
    update_input<T, M, true>(block, x, y, factors, first);
  } else {
    update_input<T, M, false>(block, x, y, factors, first);
  }
}

template <typename T, std::size_t M, typename Meanwhile>
void update_tile(Word2VecBlock<T>& block, T* const* x, std::size_t rows, T* const* y, const T* sign, const T* scale,
                 bool direct, bool first, LossSum<T>& loss, const Meanwhile& meanwhile) {
  std::size_t i = 0;
  for (; i + 2 <= rows; i += 2) products<T, 2, M>(block, x + i, y, block.factors + i * kPlaces);
  if (i < rows) products<T, 1, M>(block, x + i, y, block.factors + i * kPlaces);
  to_factors<T>(block.factors, rows, sign, scale, block.alpha, block.most_times, loss);
  meanwhile();
  if (direct) {
    update<T, M, true>(x, rows, y, block.columns, block.factors, nullptr, 0, first);
  } else {
    update<T, M, false>(x, rows, y, block.columns, block.factors, block.change, block.stride, first);
  }
}

/// One input against all tiles.
template <typename T, typename Meanwhile>
void update_row(Word2VecBlock<T>& block, T* x, T* const* y, std::size_t outputs, const T* sign, const T* scale,
                bool direct, LossSum<T>& loss, const Meanwhile& meanwhile) {
  constexpr std::size_t M = kTile<T>;
  const std::size_t tiles = (outputs + M - 1) / M;
  const bool half = M == 6 && tiles * M - outputs >= 3;  // the last tile
  for (std::size_t t = 0; t < tiles; ++t) {
    T* const to = block.factors + t * kPlaces;
    if (half && t + 1 == tiles) {
      products<T, 1, 3>(block, &x, y + t * M, to);
    } else {
      products<T, 1, M>(block, &x, y + t * M, to);
    }
  }
  factors_apart<T>(block.factors, tiles, sign, scale, block.alpha, block.most_times, loss);
  meanwhile();
  for (std::size_t t = 0; t < tiles; ++t) {
    const T* const factors = block.factors + t * kPlaces;
    if (half && t + 1 == tiles) {
      update_input<T, 3>(block, x, y + t * M, factors, direct && tiles == 1, t == 0);
    } else {
      update_input<T, M>(block, x, y + t * M, factors, direct && tiles == 1, t == 0);
    }
  }
  if (direct && tiles > 1) add_row(block.change, x, T{1}, block.columns);
}

/// One update of `rows` inputs against `outputs` outputs. sign is 1 where an output is the word that was seen and -1
/// where not, scale = sign * alpha, both with kPlaces for each tile and 0 where a tile has no output; y is filled up with
/// the dummy. Unless `direct` the inputs stay and block.change holds what is to be added to them; `direct` is for inputs
/// that differ from each other. meanwhile() is called, for each tile perhaps, where the processor waits for factors.
template <typename T, typename Meanwhile>
void update_block(Word2VecBlock<T>& block, T* const* x, std::size_t rows, T* const* y, std::size_t outputs,
                  const T* sign, const T* scale, bool direct, LossSum<T>& loss, const Meanwhile& meanwhile) {
  if (rows == 1) return update_row(block, x[0], y, outputs, sign, scale, direct, loss, meanwhile);
  constexpr std::size_t tile = kTile<T>;
  for (std::size_t j = 0; j < outputs; j += tile, y += tile, sign += kPlaces, scale += kPlaces) {
    const bool last = j + tile >= outputs;
    if (tile == 6 && outputs - j <= 3) {
      update_tile<T, 3>(block, x, rows, y, sign, scale, direct && j == 0 && last, j == 0, loss, meanwhile);
    } else {
      update_tile<T, tile>(block, x, rows, y, sign, scale, direct && j == 0 && last, j == 0, loss, meanwhile);
    }
  }
  if (direct && outputs > tile) {
    for (std::size_t i = 0; i < rows; ++i) add_row(block.change + i * block.stride, x[i], T{1}, block.columns);
  }
}

/// One update of `rows` inputs, each against outputs of its own: `tiles` tiles of them for each input, those of tile t of
/// input i from y[(i * tiles + t) * kTile]; sign and scale have kPlaces for each of these. All factors are taken from the
/// rows as they were, then one input after the other is updated, by rates[i] of its change where there are rates.
/// block.factors has room for kPlaces for each tile.
template <typename T, typename Meanwhile>
void update_apart(Word2VecBlock<T>& block, T* const* x, std::size_t rows, T* const* y, std::size_t tiles, const T* sign,
                  const T* scale, const T* rates, LossSum<T>& loss, const Meanwhile& meanwhile) {
  constexpr std::size_t M = kTile<T>;
  if (tiles == 1) {
    constexpr std::size_t R = kLanes<T> > kPlaces ? kLanes<T> / kPlaces : 1;  // whose products fill a register
    std::size_t i = 0;
    for (; i + R <= rows; i += R) products_apart<T, R, M>(block, x + i, y + i * M, block.factors + i * kPlaces);
    for (; i < rows; ++i) products_apart<T, 1, M>(block, x + i, y + i * M, block.factors + i * kPlaces);
  } else {
    for (std::size_t tile = 0; tile < rows * tiles; ++tile) {
      products<T, 1, M>(block, x + tile / tiles, y + tile * M, block.factors + tile * kPlaces);
    }
  }
  factors_apart<T>(block.factors, rows * tiles, sign, scale, block.alpha, block.most_times, loss);
  meanwhile();
  const bool direct = tiles == 1 && rates == nullptr;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t t = 0; t < tiles; ++t) {
      const std::size_t tile = i * tiles + t;
      const T* const factors = block.factors + tile * kPlaces;
      update_input<T, M>(block, x[i], y + tile * M, factors, direct, t == 0);
    }
    if (!direct) add_row(block.change, x[i], rates == nullptr ? T{1} : rates[i], block.columns);
  }
}

}  // namespace detail
}  // namespace nncore
