#include "nncore/energy/rbm_units.h"

namespace nncore {

template <typename T>
void Units<T>::list(std::size_t r) {
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

template <typename T>
void Units<T>::take(std::size_t r, const VisibleRows<T>& from, std::size_t index) {
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

template <typename T>
void Units<T>::take(std::size_t r, const T* from) {
  std::copy_n(from, width_, row(r));
  std::fill(row(r) + width_, row(r) + stride_, T(0));
  list(r);
}

template <typename T>
void Units<T>::draw(std::size_t r, const T* p, const Draws& draws, std::uint64_t first) {
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

template <typename T>
void Units<T>::draw_normal(std::size_t r, const T* mean, const Draws& draws, std::uint64_t first) {
  T* states = row(r);
  random_normals(draws, first, width_, states);
  for (std::size_t i = 0; i < width_; ++i) states[i] += mean[i];
  std::fill(states + width_, states + stride_, T(0));
  finish(r, width_, false);
}

namespace {

/// Row `row` of bias + units·matrix in V registers of columns: sums of the rows of the matrix whose units are not 0.
template <std::size_t V, typename T>
void add_listed(const Units<T>& units, std::size_t row, Rows<const T> matrix, const T* bias, std::size_t column,
                T* to) {
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
  unrolled<V>([&](auto v) { store(to + column + v * kLanes<T>, sums[v]); });
}

}  // namespace

template <typename T>
void Direction<T>::set_lists(Rows<const T> matrix, const T* bias, std::size_t columns) {
  matrix_ = matrix;
  bias_ = bias;
  columns_ = columns;
  dense_ = false;
}

template <typename T>
void Direction<T>::set_tiles(Rows<const T> matrix, const T* bias, std::size_t depth, std::size_t columns) {
  bias_ = bias;
  dense_ = true;
  panels_.pack_rows(depth, columns, [&](std::size_t k) { return matrix[k]; }, Padding::kTight);
}

template <typename T>
void Direction<T>::set_tiles_transposed(Rows<const T> matrix, const T* bias, std::size_t depth, std::size_t columns) {
  bias_ = bias;
  dense_ = true;
  panels_.pack_columns(depth, columns, [&](std::size_t j) { return matrix[j]; }, Padding::kTight);
}

template <typename T>
Columns Direction<T>::multiply(const Units<T>& units, std::size_t begin, std::size_t end, Rows<T> to,
                               Share share) const {
  if (dense_) {
    const LeftRows<T> left{units.row(0), units.stride(), units.width()};
    multiply_tiles(left, begin, end, panels_, StartAt<T>{bias_, 0}, StoreTo<T>{to}, share);
    const std::size_t panels = panels_.count();
    return {panels_.first(share.begin(panels)) * kLanes<T>, panels_.first(share.end(panels)) * kLanes<T>};
  }
  const std::size_t registers = (columns_ + kLanes<T> - 1) / kLanes<T>;
  const Columns columns{share.begin(registers) * kLanes<T>, share.end(registers) * kLanes<T>};
  for_register_groups<T>(columns, [&](std::size_t column, auto vecs) {
    for (std::size_t row = begin; row < end; ++row) {
      add_listed<vecs>(units, row, matrix_, bias_, column, to[row]);
    }
  });
  return columns;
}

template <typename T>
RbmCopy<T>::RbmCopy(const RbmParameters<const T>& from)
    : kind_(from.visible), visible_(from.weights.extent(0)), hidden_(from.weights.extent(1)) {
  copy(from.weights, weights_);
  copy(from.visible_bias, visible_bias_);
  copy(from.hidden_bias, hidden_bias_);
  transposed_.reserve(hidden_ * round_up<T>(visible_));
  transpose_weights(0, visible_);
}

template <typename T>
void RbmCopy<T>::transpose_weights(std::size_t begin, std::size_t end, std::size_t column, std::size_t width) const {
  if (column >= hidden_) return;  // padding
  for (std::size_t i = begin; i < end; i += kLanes<T>) {
    pack_transposed<T>(
        std::min(width, hidden_ - column),
        [&](std::size_t lane) -> const T* { return i + lane < visible_ ? weights()[i + lane] + column : nullptr; },
        transposed()[column] + i, transposed().stride);
  }
}

template class Units<float>;
template class Units<double>;
template class Direction<float>;
template class Direction<double>;
template class RbmCopy<float>;
template class RbmCopy<double>;

}  // namespace nncore
