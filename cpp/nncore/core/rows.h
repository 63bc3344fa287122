#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace nncore {

/// Elements of a layout block: 64 bytes at every instruction set, so that the order of additions, and with it every bit of
/// a result, does not depend on the register's width.
template <typename T>
inline constexpr std::size_t kBlock = 64 / sizeof(T);

template <typename T>
constexpr std::size_t round_up(std::size_t n) {
  return (n + kBlock<T> - 1) / kBlock<T> * kBlock<T>;
}

/// A row-major matrix whose rows may lie apart: what kernels pass each other. Rows that kernels write have room for whole
/// blocks (round_up), so no kernel needs a tail; the padding is finite, and zero in a gradient.
template <typename T>
struct Rows {
  T* data = nullptr;
  std::size_t stride = 0;

  T* operator[](std::size_t i) const { return data + i * stride; }
  explicit operator bool() const { return data != nullptr; }
  template <typename U, typename = std::enable_if_t<std::is_same_v<const T, U>>>
  operator Rows<U>() const {
    return {data, stride};
  }
};

/// Rows one after the other or, where places are given, row i at places[i] of the matrix.
template <typename T>
struct PlacedRows {
  Rows<T> rows;
  const std::int64_t* places = nullptr;

  T* operator[](std::size_t i) const { return rows[places != nullptr ? static_cast<std::size_t>(places[i]) : i]; }
};

}  // namespace nncore
