#include "nncore/energy/rbm_units.h"

namespace nncore {

namespace {

#if defined(__AVX512F__)
inline unsigned lanes_not_zero(Vec<float> v) { return _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ); }
inline unsigned lanes_not_zero(Vec<double> v) { return _mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_NEQ_UQ); }
#endif

/// Writes first + i for each state i of a register that is not 0, in order, and returns how many they are. `to` has room
/// for a number per lane.
template <typename T>
inline std::size_t append_places(const T* states, std::size_t first, std::uint32_t* to) {
#if defined(__AVX512F__)
  const unsigned set = lanes_not_zero(load(states));
  const __m512i places = _mm512_add_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                          _mm512_set1_epi32(static_cast<int>(first)));
  const __m512i listed = _mm512_maskz_compress_epi32(static_cast<__mmask16>(set), places);
  std::memcpy(to, &listed, kLanes<T> * sizeof *to);
  return static_cast<std::size_t>(__builtin_popcount(set));
#else
  std::size_t n = 0;
  for (std::size_t i = 0; i < kLanes<T>; ++i) {
    to[n] = static_cast<std::uint32_t>(first + i);
    n += states[i] != T(0);
  }
  return n;
#endif
}

}  // namespace

template <typename T>
std::size_t Units<T>::list_places(std::size_t r) {
  const T* states = row(r);
  std::uint32_t* columns = columns_.data() + r * stride_;
  std::size_t n = 0;
  for (std::size_t i = 0; i < stride_; i += kLanes<T>) n += append_places(states + i, i, columns + n);
  return n;
}

template <typename T>
void Units<T>::list(std::size_t r) {
  const T* states = row(r);
  std::uint32_t ones = 0;
  for (std::size_t i = 0; i < stride_; ++i) ones += states[i] == T(1);  // zeros stand behind the width
  const std::size_t count = list_places(r);
  finish(r, count, count == ones);
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
  for (std::size_t done = 0; done < width_; done += kChunk) {
    const std::size_t some = std::min(kChunk, width_ - done);
    random_words(draws, first + done * kWordsEach, some * kWordsEach, words);
    for (std::size_t i = 0; i < some; ++i) {
      states[done + i] = unit_of_words<T>(words, i) < p[done + i] ? T(1) : T(0);
    }
  }
  std::fill(states + width_, states + stride_, T(0));
  finish(r, list_places(r), true);
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
void Direction<T>::repack(Rows<const T> matrix, std::size_t begin, std::size_t end) {
  panels_.repack_rows(begin, end, [&](std::size_t k) { return matrix[k]; });
}

template <typename T>
void Direction<T>::repack_transposed(Rows<const T> matrix, std::size_t begin, std::size_t end) {
  panels_.repack_columns(begin, end, [&](std::size_t j) { return matrix[j]; });
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
  transposed_.reserve(hidden_ * spread_stride<T>(visible_));
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
