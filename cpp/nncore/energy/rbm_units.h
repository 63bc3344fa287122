#pragma once

// Rows of units, and what takes one side of a restricted Boltzmann machine to the other. For kernels only.

#include <algorithm>
#include <cstdint>

#include "nncore/core/activations.h"
#include "nncore/core/buffer.h"
#include "nncore/core/random.h"
#include "nncore/core/tile.h"
#include "nncore/energy/rbm.h"

namespace nncore {

/// Above this share of units that are not 0, products with all units are faster than sums of rows.
inline constexpr double kDenseUnits = 0.5;

/// States of rows of units: all of them, and lists of those that are not 0.
template <typename T>
class Units {
 public:
  void reserve(std::size_t rows, std::size_t width) {
    width_ = width;
    stride_ = round_up<T>(width);
    states_.reserve(rows * stride_);
    columns_.reserve(rows * stride_);
    counts_.reserve(rows);
    binary_.reserve(rows);
  }

  std::size_t width() const { return width_; }
  std::size_t stride() const { return stride_; }
  T* row(std::size_t r) const { return states_.data() + r * stride_; }
  Rows<T> rows() const { return {states_.data(), stride_}; }
  std::size_t count(std::size_t r) const { return counts_.data()[r]; }
  const std::uint32_t* columns(std::size_t r) const { return columns_.data() + r * stride_; }
  /// Whether all of a row are 0 or 1.
  bool binary(std::size_t r) const { return binary_.data()[r] != 0; }

  std::size_t count(std::size_t begin, std::size_t end) const {
    std::size_t sum = 0;
    for (std::size_t r = begin; r < end; ++r) sum += count(r);
    return sum;
  }

  /// Makes the list of a row whose states are there.
  void list(std::size_t r) {
    const T* states = row(r);
    std::uint32_t* columns = columns_.data() + r * stride_;
    std::uint32_t n = 0, ones = 0;
    for (std::size_t i = 0; i < width_; ++i) ones += states[i] == T(1);
    for (std::size_t block = 0; block < stride_; block += kBlock<T>) {  // zeros stand behind the width
      const T* from = states + block;
      bool none = true;
      for (std::size_t i = 0; i < kBlock<T>; ++i) none &= from[i] == T(0);
      if (none) continue;  // most are, at an image's borders
      for (std::size_t i = 0; i < kBlock<T>; ++i) {
        columns[n] = static_cast<std::uint32_t>(block + i);
        n += from[i] != T(0);
      }
    }
    finish(r, n, n == ones);
  }

  void take(std::size_t r, const VisibleRows<T>& from, std::size_t index) {
    T* states = row(r);
    if (from.is_sparse) {
      const auto begin = static_cast<std::size_t>(from.sparse.starts(index));
      const auto end = static_cast<std::size_t>(from.sparse.starts(index + 1));
      std::fill_n(states, stride_, T(0));
      for (std::size_t e = begin; e < end; ++e) {
        states[static_cast<std::size_t>(from.sparse.columns(e))] = from.sparse.values(e);
      }
    } else {
      std::copy_n(from.dense.row(index), width_, states);
      std::fill(states + width_, states + stride_, T(0));
    }
    list(r);
  }

  void take(std::size_t r, const T* from) {
    std::copy_n(from, width_, row(r));
    std::fill(row(r) + width_, row(r) + stride_, T(0));
    list(r);
  }

  /// Unit i is 1 with probability p[i], from words first ...
  void draw(std::size_t r, const T* p, const Draws& draws, std::uint64_t first) {
    constexpr std::size_t kWordsEach = sizeof(T) / 4, kChunk = 256;
    std::uint32_t words[kChunk * kWordsEach];
    T* states = row(r);
    std::uint32_t* columns = columns_.data() + r * stride_;
    std::size_t n = 0;
    for (std::size_t done = 0; done < width_; done += kChunk) {
      const std::size_t some = std::min(kChunk, width_ - done);
      random_words(draws, first + done * kWordsEach, some * kWordsEach, words);
      for (std::size_t i = 0; i < some; ++i) {
        states[done + i] = unit_of_words<T>(words, i) < p[done + i] ? T(1) : T(0);
      }
      for (std::size_t i = done; i < done + some; ++i) {
        columns[n] = static_cast<std::uint32_t>(i);
        n += states[i] != T(0);
      }
    }
    std::fill(states + width_, states + stride_, T(0));
    finish(r, n, true);
  }

  /// Unit i is normal with this mean and variance 1. Without a list.
  void draw_normal(std::size_t r, const T* mean, const Draws& draws, std::uint64_t first) {
    T* states = row(r);
    random_normals(draws, first, width_, states);
    for (std::size_t i = 0; i < width_; ++i) states[i] += mean[i];
    std::fill(states + width_, states + stride_, T(0));
    finish(r, width_, false);
  }

 private:
  void finish(std::size_t r, std::size_t count, bool binary) {
    counts_.data()[r] = static_cast<std::uint32_t>(count);
    binary_.data()[r] = binary;
  }

  std::size_t width_ = 0, stride_ = 0;
  Buffer<T> states_;
  Buffer<std::uint32_t> columns_, counts_;
  Buffer<std::uint8_t> binary_;
};

namespace detail {
template <std::size_t V, typename T, typename Finish>
inline void add_listed(const Units<T>& units, std::size_t row, Rows<const T> matrix, const T* bias, std::size_t column,
                       const Finish& finish) {
  Vec<T> sums[V];
  unrolled<V>([&](auto v) { sums[v] = load(bias + column + v * kLanes<T>); });
  const std::uint32_t* columns = units.columns(row);
  const std::size_t count = units.count(row);
  const T* const from = matrix.data + column;
  if (units.binary(row)) {
    for (std::size_t n = 0; n < count; ++n) {
      const T* w = from + columns[n] * matrix.stride;
      unrolled<V>([&](auto v) { sums[v] += load(w + v * kLanes<T>); });
    }
  } else {
    const T* states = units.row(row);
    for (std::size_t n = 0; n < count; ++n) {
      const T* w = from + columns[n] * matrix.stride;
      const Vec<T> x = broadcast(states[columns[n]]);
      unrolled<V>([&](auto v) { sums[v] = fma(x, load(w + v * kLanes<T>), sums[v]); });
    }
  }
  unrolled<V>([&](auto v) { finish(row, column + v * kLanes<T>, sums[v]); });
}
}  // namespace detail

/// finish(row, column, sum) for rows [begin, end) and each register of columns, or of a share of them, of bias +
/// units·matrix; every row of the matrix, and the bias, has room for whole blocks. Units that are 0 are skipped.
template <typename T, typename Finish>
void multiply_listed(const Units<T>& units, std::size_t begin, std::size_t end, Rows<const T> matrix, const T* bias,
                     std::size_t columns, const Finish& finish, Share share = {}) {
  constexpr std::size_t V = 8;  // registers: columns of a matrix of a thousand rows that stay in L2
  const std::size_t registers = (columns + kLanes<T> - 1) / kLanes<T>;
  const std::size_t last = share.end(registers);
  for (std::size_t done = share.begin(registers); done < last; done += V) {
    with_constant<V>(std::min(V, last - done), [&](auto vecs) {
      for (std::size_t row = begin; row < end; ++row) {
        detail::add_listed<vecs>(units, row, matrix, bias, done * kLanes<T>, finish);
      }
    });
  }
}

/// One direction through the weights: units·matrix, by lists or by tiles.
template <typename T>
class Direction {
 public:
  /// Sums of rows of the matrix (depth, columns), which stays the caller's.
  void set_lists(Rows<const T> matrix, const T* bias, std::size_t columns) {
    matrix_ = matrix;
    bias_ = bias;
    columns_ = columns;
    dense_ = false;
  }
  /// Products with all units; the matrix is packed.
  void set_tiles(Rows<const T> matrix, const T* bias, std::size_t depth, std::size_t columns) {
    bias_ = bias;
    dense_ = true;
    panels_.pack_rows(depth, columns, [&](std::size_t k) { return matrix[k]; }, Padding::kTight);
  }
  /// The same for the matrix's transpose, (columns, depth).
  void set_tiles_transposed(Rows<const T> matrix, const T* bias, std::size_t depth, std::size_t columns) {
    bias_ = bias;
    dense_ = true;
    panels_.pack_columns(depth, columns, [&](std::size_t j) { return matrix[j]; }, Padding::kTight);
  }
  bool dense() const { return dense_; }

  template <typename Finish>
  void multiply(const Units<T>& units, std::size_t begin, std::size_t end, const Finish& finish,
                Share share = {}) const {
    if (dense_) {
      const LeftRows<T> left{units.row(0), units.stride(), units.width()};
      multiply_tiles(left, begin, end, panels_, StartAt<T>{bias_, 0}, finish, share);
    } else {
      multiply_listed(units, begin, end, matrix_, bias_, columns_, finish, share);
    }
  }

 private:
  Rows<const T> matrix_;
  const T* bias_ = nullptr;
  std::size_t columns_ = 0;
  bool dense_ = false;
  Panels<T> panels_;
};

/// A copy of a machine's parameters whose rows have room for whole blocks, with the weights both ways round.
template <typename T>
class RbmCopy {
 public:
  explicit RbmCopy(const RbmParameters<const T>& from)
      : kind_(from.visible), visible_(from.weights.extent(0)), hidden_(from.weights.extent(1)) {
    copy(from.weights, weights_);
    copy(from.visible_bias, visible_bias_);
    copy(from.hidden_bias, hidden_bias_);
    transposed_.reserve(hidden_ * round_up<T>(visible_));
    transpose_weights(0, visible_);
  }

  Visible kind() const { return kind_; }
  std::size_t visible() const { return visible_; }
  std::size_t hidden() const { return hidden_; }
  Rows<T> weights() const { return {weights_.data(), round_up<T>(hidden_)}; }
  Rows<T> transposed() const { return {transposed_.data(), round_up<T>(visible_)}; }
  T* visible_bias() const { return visible_bias_.data(); }
  T* hidden_bias() const { return hidden_bias_.data(); }

  /// `dense`: whether products with all units will be faster.
  void set_to_hidden(Direction<T>& direction, bool dense) const {
    if (dense) return direction.set_tiles(weights(), hidden_bias(), visible_, hidden_);
    direction.set_lists(weights(), hidden_bias(), hidden_);
  }
  void set_to_visible(Direction<T>& direction, bool dense) const {
    if (dense) return direction.set_tiles_transposed(weights(), visible_bias(), hidden_, visible_);
    direction.set_lists(transposed(), visible_bias(), visible_);
  }

  /// Brings `transposed` up to date for visible units [begin, end), multiples of kLanes or the last, and the hidden units of
  /// `width` from `column`.
  void transpose_weights(std::size_t begin, std::size_t end, std::size_t column, std::size_t width) const {
    for (std::size_t i = begin; i < end; i += kLanes<T>) {
      pack_transposed<T>(
          std::min(width, hidden_ - column),
          [&](std::size_t lane) -> const T* { return i + lane < visible_ ? weights()[i + lane] + column : nullptr; },
          transposed()[column] + i, transposed().stride);
    }
  }
  void transpose_weights(std::size_t begin, std::size_t end) const { transpose_weights(begin, end, 0, hidden_); }

  static void copy(View<const T, 1> from, Buffer<T>& to) {
    to.reserve(round_up<T>(from.size()));
    std::fill(std::copy_n(from.data(), from.size(), to.data()), to.data() + round_up<T>(from.size()), T(0));
  }
  static void copy(View<const T, 2> from, Buffer<T>& to) {
    const std::size_t width = from.extent(1), stride = round_up<T>(width);
    to.reserve(from.extent(0) * stride);
    for (std::size_t i = 0; i < from.extent(0); ++i) {
      T* row = to.data() + i * stride;
      std::fill(std::copy_n(from.row(i), width, row), row + stride, T(0));
    }
  }

 private:
  Visible kind_;
  std::size_t visible_, hidden_;
  Buffer<T> weights_, transposed_, visible_bias_, hidden_bias_;
};

/// Stores probabilities of 1.
template <typename T>
struct StoreSigmoid {
  Rows<T> rows;

  void operator()(std::size_t row, std::size_t column, Vec<T> sum) const {
    store(rows[row] + column, sigmoid_lanes(sum));
  }
};

/// Steps of Gibbs sampling of rows of units, each with draws of its own; the caller's counter tells the steps apart.
template <typename T>
class GibbsStep {
 public:
  GibbsStep(const RbmCopy<T>& machine, const Direction<T>& to_hidden, const Direction<T>& to_visible,
            std::uint64_t seed, std::uint64_t first_row = 0)
      : machine_(machine), to_hidden_(to_hidden), to_visible_(to_visible), seed_(seed), first_row_(first_row) {}

  /// p(h | v) of rows [begin, end).
  void hidden_probabilities(const Units<T>& visible, std::size_t begin, std::size_t end, Rows<T> p,
                            Share share = {}) const {
    to_hidden_.multiply(visible, begin, end, StoreSigmoid<T>{p}, share);
  }

  /// p(v | h) or means.
  void visible_means(const Units<T>& hidden, std::size_t begin, std::size_t end, Rows<T> p, Share share = {}) const {
    if (machine_.kind() == Visible::kGaussian) {
      to_visible_.multiply(hidden, begin, end, StoreTo<T>{p}, share);
    } else {
      to_visible_.multiply(hidden, begin, end, StoreSigmoid<T>{p}, share);
    }
  }

  void draw_hidden(Units<T>& hidden, Rows<const T> p, std::size_t row, std::uint64_t step, std::uint32_t turn) const {
    hidden.draw(row, p[row], draws(step, 2 * turn), (first_row_ + row) * words_of_row(hidden));
  }

  void draw_visible(Units<T>& visible, Rows<const T> mean, std::size_t row, std::uint64_t step,
                    std::uint32_t turn) const {
    if (machine_.kind() == Visible::kGaussian) {
      visible.draw_normal(row, mean[row], draws(step, 2 * turn + 1), (first_row_ + row) * visible.stride());
    } else {
      visible.draw(row, mean[row], draws(step, 2 * turn + 1), (first_row_ + row) * words_of_row(visible));
    }
  }

 private:
  Draws draws(std::uint64_t step, std::uint32_t substream) const { return {seed_, Stream::kGibbs, substream, step}; }
  static std::uint64_t words_of_row(const Units<T>& units) { return units.stride() * (sizeof(T) / 4); }

  const RbmCopy<T>& machine_;
  const Direction<T>&to_hidden_, &to_visible_;
  std::uint64_t seed_, first_row_;
};

/// Nanoseconds of a product of this many rows with the weights, at most: only to decide whether threads pay.
template <typename T>
double product_nanoseconds(const RbmCopy<T>& machine, std::size_t rows) {
  return static_cast<double>(rows) * static_cast<double>(machine.visible()) * static_cast<double>(machine.hidden()) /
         40;
}

/// ValueError where the parameters do not fit each other.
template <typename T>
void require_machine(const RbmParameters<T>& machine) {
  const std::size_t visible = machine.weights.extent(0), hidden = machine.weights.extent(1);
  require(machine.visible_bias.extent(0) == visible, "visible_bias", "(n) with n = ", visible, machine.visible_bias);
  require(machine.hidden_bias.extent(0) == hidden, "hidden_bias", "(n) with n = ", hidden, machine.hidden_bias);
}

/// ValueError unless these are rows of `width` visible units, with entries that exist.
template <typename T>
void require_rows(const VisibleRows<T>& samples, std::size_t width) {
  require(samples.width() == width, "samples must have ", width, " columns, but have ", samples.width());
  if (!samples.is_sparse) return;
  const SparseRows<T>& s = samples.sparse;
  bool right = s.starts.size() > 0 && s.starts(0) == 0 && s.columns.size() == s.values.size();
  for (std::size_t r = 0; right && r + 1 < s.starts.size(); ++r) right = s.starts(r) <= s.starts(r + 1);
  right = right && s.entries() <= s.columns.size();
  for (std::size_t e = 0; right && e < s.entries(); ++e) {
    right = s.columns(e) >= 0 && static_cast<std::size_t>(s.columns(e)) < width;
  }
  require(right, "samples must be rows of a sparse matrix whose columns are below ", width);
}

}  // namespace nncore
