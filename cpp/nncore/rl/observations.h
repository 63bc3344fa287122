#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/view.h"

namespace nncore {

enum class ElementType { kFloat32, kFloat64, kInt8, kInt16, kInt32, kInt64, kUint8, kUint16, kUint32, kUint64 };

std::size_t bytes_of(ElementType type);

/// How a network sees an observation, or one entry of a dictionary: its numbers one by one, or each of them, a whole
/// number, as a row of 0 with a 1 at its place.
struct SeenPart {
  ElementType type = ElementType::kFloat32;
  std::size_t elements = 1;
  double scale = 1;                   ///< factor of numbers
  std::vector<std::int64_t> classes;  ///< empty: numbers; else how many values each element has
  std::vector<std::int64_t> starts;   ///< the least value of each, of classes

  std::size_t bytes() const { return elements * bytes_of(type); }
  /// Numbers that the network gets.
  std::size_t width() const;
};

/// Writes out (n, sum of widths) from one array (n, elements) for each part. A value that is none of the classes gives
/// zeros.
template <typename T>
void see(const std::vector<SeenPart>& parts, const void* const* arrays, View<T, 2> out);

}  // namespace nncore
