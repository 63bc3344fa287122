#include "nncore/rl/observations.h"

#include <cstring>

namespace nncore {

namespace {

/// Calls f with a value of the C++ type.
template <typename F>
void with_type(ElementType type, const F& f) {
  switch (type) {
    case ElementType::kFloat32:
      return f(float{});
    case ElementType::kFloat64:
      return f(double{});
    case ElementType::kInt8:
      return f(std::int8_t{});
    case ElementType::kInt16:
      return f(std::int16_t{});
    case ElementType::kInt32:
      return f(std::int32_t{});
    case ElementType::kInt64:
      return f(std::int64_t{});
    case ElementType::kUint8:
      return f(std::uint8_t{});
    case ElementType::kUint16:
      return f(std::uint16_t{});
    case ElementType::kUint32:
      return f(std::uint32_t{});
    case ElementType::kUint64:
      return f(std::uint64_t{});
  }
}

/// One part of all rows, into columns from `first` on.
template <typename T, typename From>
void see_part(const SeenPart& part, const From* from, View<T, 2> out, std::size_t first) {
  const T scale = static_cast<T>(part.scale);
  for (std::size_t row = 0; row < out.extent(0); ++row, from += part.elements) {
    T* to = out.row(row) + first;
    if (part.classes.empty()) {
      for (std::size_t i = 0; i < part.elements; ++i) to[i] = static_cast<T>(from[i]) * scale;
      continue;
    }
    std::memset(to, 0, part.width() * sizeof(T));
    for (std::size_t i = 0; i < part.elements; to += part.classes[i++]) {
      const std::int64_t value = static_cast<std::int64_t>(from[i]) - part.starts[i];
      if (value >= 0 && value < part.classes[i]) to[value] = 1;
    }
  }
}

}  // namespace

std::size_t bytes_of(ElementType type) {
  std::size_t bytes = 0;
  with_type(type, [&](auto value) { bytes = sizeof value; });
  return bytes;
}

std::size_t SeenPart::width() const {
  if (classes.empty()) return elements;
  std::size_t sum = 0;
  for (std::int64_t each : classes) sum += static_cast<std::size_t>(each);
  return sum;
}

template <typename T>
void see(const std::vector<SeenPart>& parts, const void* const* arrays, View<T, 2> out) {
  std::size_t first = 0;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    with_type(parts[p].type,
              [&](auto value) { see_part(parts[p], static_cast<const decltype(value)*>(arrays[p]), out, first); });
    first += parts[p].width();
  }
}

template void see(const std::vector<SeenPart>&, const void* const*, View<float, 2>);
template void see(const std::vector<SeenPart>&, const void* const*, View<double, 2>);

}  // namespace nncore
