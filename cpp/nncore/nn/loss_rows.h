#pragma once

// The losses of one row of outputs, with the gradient. Only kernels include it, as simd.h.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "nncore/core/activations.h"
#include "nncore/core/simd.h"
#include "nncore/nn/lanes.h"

namespace nncore {

/// `values` with 0 from lane `count` on.
template <typename T>
[[gnu::always_inline]] inline Vec<T> first_lanes(Vec<T> values, std::size_t count) {
  Vec<T> index;
  for (std::size_t i = 0; i < kLanes<T>; ++i) index[i] = static_cast<T>(i);
  return index < broadcast(static_cast<T>(count)) ? values : Vec<T>{};
}

template <typename T>
[[gnu::always_inline]] inline double sum_of_block(const Vec<T> (&block)[kBlock<T> / kLanes<T>]) {
  constexpr std::size_t W = kLanes<double>;
  T narrow[kBlock<T>];
  std::memcpy(narrow, block, sizeof narrow);
  double lanes[kBlock<T>];
  for (std::size_t i = 0; i < kBlock<T>; i += W) store(lanes + i, load_wide(narrow + i));
  return sum_of_lanes<kBlock<T>>(lanes);
}

/// Sum over a row of values(at, count), a register for the features from `at`, of which the first `count` exist.
/// The order of additions is that of 64-byte blocks, in double from one stretch of blocks to the next.
template <typename T, typename Values>
[[gnu::always_inline]] inline double sum_over_row(std::size_t features, const Values& values) {
  constexpr std::size_t W = kLanes<T>, B = kBlock<T>, kStretch = 64 * B;
  double sum = 0;
  for (std::size_t from = 0; from < features; from += kStretch) {
    const std::size_t end = std::min(from + kStretch, features);
    Vec<T> block[B / W] = {};
    std::size_t at = from;
    for (; at + B <= end; at += B) {
      for (std::size_t r = 0; r < B / W; ++r) block[r] += values(at + r * W, W);
    }
    for (std::size_t r = 0; r < B / W && at < end; ++r, at += W) {
      const std::size_t count = std::min(W, end - at);
      block[r] += first_lanes<T>(values(at, count), count);
    }
    sum += sum_of_block<T>(block);
  }
  return sum;
}

/// Whether all numbers of a row are in [least, most]; NaN is not.
template <typename T>
inline bool is_within(const T* x, std::size_t features, T least, T most) {
  constexpr std::size_t W = kLanes<T>;
  const Vec<T> low = broadcast(least), high = broadcast(most);
  auto within = low <= high;
  std::size_t at = 0;
  for (; at + W <= features; at += W) within &= (load(x + at) >= low) & (load(x + at) <= high);
  bool all = true;
  for (std::size_t i = 0; i < W; ++i) all &= within[i] != 0;
  for (; at < features; ++at) all &= x[at] >= least && x[at] <= most;
  return all;
}

template <typename T>
struct Point {
  Vec<T> loss, slope;
};

template <typename T>
struct SquaredError {
  Point<T> operator()(Vec<T> y, Vec<T> target) const {
    const Vec<T> d = y - target;
    return {d * d, d + d};
  }
};

template <typename T>
struct HuberError {
  Vec<T> delta;
  Point<T> operator()(Vec<T> y, Vec<T> target) const {
    const Vec<T> d = y - target, size = d < 0 ? -d : d, half = broadcast(T(0.5));
    const auto near = size <= delta;
    return {near ? half * d * d : delta * (size - half * delta), near ? d : d > 0 ? delta : -delta};
  }
};

template <typename T>
struct BinaryCrossEntropy {
  /// The two large terms first: they cancel exactly for the right answer at a large logit. One exponential serves loss
  /// and slope: softplus makes the same one of -|y|, and the compiler sees that.
  Point<T> operator()(Vec<T> y, Vec<T> target) const {
    const Vec<T> minus_magnitude = detail::from_words<T>(detail::words_of<T>(y) | detail::Format<T>::kSign);
    const Vec<T> e = exp_lanes<T>(minus_magnitude), one = broadcast(T(1)), positive = y > 0 ? y : Vec<T>{};
    return {(positive - target * y) + softplus_lanes<T>(minus_magnitude), (y < 0 ? e : one) / (one + e) - target};
  }
};

/// Sum of the losses of a row's features; writes dy = factor * slope.
template <typename T, typename Error>
inline double row_of_values(const Error& error, const T* y, const T* target, std::size_t features, T factor, T* dy) {
  const Vec<T> factors = broadcast(factor);
  return sum_over_row<T>(features, [=](std::size_t at, std::size_t count) __attribute__((always_inline)) {
    const Point<T> point = error(load_part(y + at, count), load_part(target + at, count));
    store_part<T>(dy + at, point.slope * factors, count);
    return point.loss;
  });
}

/// The largest of a row, NaN passed over: whatever the order, the same.
template <typename T>
inline T largest(const T* y, std::size_t features) {
  constexpr std::size_t W = kLanes<T>;
  Vec<T> lanes = broadcast(-std::numeric_limits<T>::infinity());
  std::size_t at = 0;
  for (; at + W <= features; at += W) {
    const Vec<T> values = load(y + at);
    lanes = values > lanes ? values : lanes;
  }
  T most = lanes[0];
  for (std::size_t i = 1; i < W; ++i) most = std::max<T>(most, lanes[i]);
  for (; at < features; ++at) most = y[at] > most ? y[at] : most;
  return most;
}

/// -log softmax(y)[label]; writes dy = factor * (softmax(y) - one at the label).
template <typename T>
inline double row_of_logits(const T* y, std::size_t label, std::size_t features, double factor, T* dy) {
  const T most = largest(y, features);
  const double below = static_cast<double>(most) - static_cast<double>(y[label]);
  const Vec<T> shift = broadcast(most);
  const double sum = sum_over_row<T>(features, [=](std::size_t at, std::size_t count) __attribute__((always_inline)) {
    const Vec<T> e = exp_lanes<T>(load_part(y + at, count) - shift);
    store_part<T>(dy + at, e, count);
    return e;
  });
  const T each = static_cast<T>(factor / sum);
  for (std::size_t j = 0; j < features; ++j) dy[j] *= each;
  dy[label] -= static_cast<T>(factor);
  return std::log(sum) + below;
}

/// Features so few that they would leave most of a register empty.
inline constexpr std::size_t kFewFeatures = 8;

/// `loss` plus row_of_logits of `count` rows, one after the other, that lie so and are lanes here: at most kLanes, of at
/// most kFewFeatures. The exponentials of a row are added in the order of its features.
template <typename T>
inline double few_logits(double loss, const T* y, const std::int64_t* labels, std::size_t count, std::size_t features,
                         double factor, T* dy) {
  constexpr std::size_t W = kLanes<T>;
  T columns[kFewFeatures][W] = {};
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t j = 0; j < features; ++j) columns[j][r] = y[r * features + j];
  }
  Vec<T> most = broadcast(-std::numeric_limits<T>::infinity());
  for (std::size_t j = 0; j < features; ++j) {
    const Vec<T> values = load(columns[j]);
    most = values > most ? values : most;
  }
  double sums[W] = {};
  for (std::size_t j = 0; j < features; ++j) {
    store(columns[j], exp_lanes<T>(load(columns[j]) - most));
    for (std::size_t r = 0; r < W; ++r) sums[r] += static_cast<double>(columns[j][r]);
  }
  for (std::size_t r = 0; r < count; ++r, y += features, dy += features) {
    const auto label = static_cast<std::size_t>(labels[r]);
    loss += std::log(sums[r]) + (static_cast<double>(most[r]) - static_cast<double>(y[label]));
    const T each = static_cast<T>(factor / sums[r]);
    for (std::size_t j = 0; j < features; ++j) dy[j] = columns[j][r] * each;
    dy[label] -= static_cast<T>(factor);
  }
  return loss;
}

}  // namespace nncore
