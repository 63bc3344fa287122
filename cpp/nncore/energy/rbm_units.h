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

/// Room for `width` numbers in whole blocks, an odd number of them: at an even one, some columns of many rows would fall into
/// a few sets of the cache.
template <typename T>
constexpr std::size_t spread_stride(std::size_t width) {
  return (round_up<T>(width) / kBlock<T> | 1) * kBlock<T>;
}

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
  void list(std::size_t r);

  void take(std::size_t r, const VisibleRows<T>& from, std::size_t index);

  void take(std::size_t r, const T* from);

  /// Unit i is 1 with probability p[i], from words first ...
  void draw(std::size_t r, const T* p, const Draws& draws, std::uint64_t first);

  /// Unit i is normal with this mean and variance 1. Without a list.
  void draw_normal(std::size_t r, const T* mean, const Draws& draws, std::uint64_t first);

 private:
  /// Lists the columns of a row that are not 0; returns how many.
  std::size_t list_places(std::size_t r);

  void finish(std::size_t r, std::size_t count, bool binary) {
    counts_.data()[r] = static_cast<std::uint32_t>(count);
    binary_.data()[r] = binary;
  }

  std::size_t width_ = 0, stride_ = 0;
  Buffer<T> states_;
  Buffer<std::uint32_t> columns_, counts_;
  Buffer<std::uint8_t> binary_;
};

/// Columns of a product that a call has written, in whole registers.
struct Columns {
  std::size_t begin = 0, end = 0;
};

/// f(column, integral_constant<V>) for groups of V registers of these columns, of 8 (columns of a matrix of a thousand rows
/// that stay in L2) while there are so many.
template <typename T, typename F>
void for_register_groups(Columns columns, const F& f) {
  std::size_t column = columns.begin;
  for (; column + 8 * kLanes<T> <= columns.end; column += 8 * kLanes<T>) {
    f(column, std::integral_constant<std::size_t, 8>());
  }
  for (; column + 3 * kLanes<T> <= columns.end; column += 3 * kLanes<T>) {
    f(column, std::integral_constant<std::size_t, 3>());
  }
  for (; column < columns.end; column += kLanes<T>) f(column, std::integral_constant<std::size_t, 1>());
}

/// to[row][column] = f(column, to[row][column]) for rows [begin, end) and these columns, a register at a time.
template <typename T, typename F>
void transform(Rows<T> to, std::size_t begin, std::size_t end, Columns columns, const F& f) {
  for (std::size_t row = begin; row < end; ++row) {
    for (std::size_t column = columns.begin; column < columns.end; column += kLanes<T>) {
      store(to[row] + column, f(column, load(to[row] + column)));
    }
  }
}

/// One direction through the weights: units·matrix, by lists or by tiles.
template <typename T>
class Direction {
 public:
  /// Sums of rows of the matrix (depth, columns), which stays the caller's.
  void set_lists(Rows<const T> matrix, const T* bias, std::size_t columns);
  /// Products with all units; the matrix is packed.
  void set_tiles(Rows<const T> matrix, const T* bias, std::size_t depth, std::size_t columns);
  /// The same for the matrix's transpose, (columns, depth).
  void set_tiles_transposed(Rows<const T> matrix, const T* bias, std::size_t depth, std::size_t columns);
  bool dense() const { return dense_; }
  /// Packs rows [begin, end) of the matrix, or of its transpose (multiples of kLanes or the last), again: they have changed.
  void repack(Rows<const T> matrix, std::size_t begin, std::size_t end);
  void repack_transposed(Rows<const T> matrix, std::size_t begin, std::size_t end);

  /// to = bias + units·matrix for rows [begin, end) and a share of the columns, which are returned. Every row of `to`, of
  /// the matrix and the bias has room for whole blocks.
  Columns multiply(const Units<T>& units, std::size_t begin, std::size_t end, Rows<T> to, Share share = {}) const;

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
  explicit RbmCopy(const RbmParameters<const T>& from);

  Visible kind() const { return kind_; }
  std::size_t visible() const { return visible_; }
  std::size_t hidden() const { return hidden_; }
  Rows<T> weights() const { return {weights_.data(), spread_stride<T>(hidden_)}; }
  Rows<T> transposed() const { return {transposed_.data(), spread_stride<T>(visible_)}; }
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
  void transpose_weights(std::size_t begin, std::size_t end, std::size_t column, std::size_t width) const;
  void transpose_weights(std::size_t begin, std::size_t end) const { transpose_weights(begin, end, 0, hidden_); }

  static void copy(View<const T, 1> from, Buffer<T>& to) {
    to.reserve(round_up<T>(from.size()));
    std::fill(std::copy_n(from.data(), from.size(), to.data()), to.data() + round_up<T>(from.size()), T(0));
  }
  static void copy(View<const T, 2> from, Buffer<T>& to) {
    const std::size_t width = from.extent(1), stride = spread_stride<T>(width);
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

/// Steps of Gibbs sampling of rows of units, each with draws of its own; the caller's counter tells the steps apart.
template <typename T>
class GibbsStep {
 public:
  GibbsStep(const RbmCopy<T>& machine, const Direction<T>& to_hidden, const Direction<T>& to_visible,
            std::uint64_t seed, std::uint64_t first_row = 0)
      : machine_(machine), to_hidden_(to_hidden), to_visible_(to_visible), seed_(seed), first_row_(first_row) {}

  /// p(h | v) of rows [begin, end), and a share of the units.
  void hidden_probabilities(const Units<T>& visible, std::size_t begin, std::size_t end, Rows<T> p,
                            Share share = {}) const {
    const Columns columns = to_hidden_.multiply(visible, begin, end, p, share);
    transform(p, begin, end, columns, [](std::size_t, Vec<T> sum) { return sigmoid_lanes(sum); });
  }

  /// p(v | h) or means.
  void visible_means(const Units<T>& hidden, std::size_t begin, std::size_t end, Rows<T> p, Share share = {}) const {
    const Columns columns = to_visible_.multiply(hidden, begin, end, p, share);
    if (machine_.kind() == Visible::kGaussian) return;
    transform(p, begin, end, columns, [](std::size_t, Vec<T> sum) { return sigmoid_lanes(sum); });
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
