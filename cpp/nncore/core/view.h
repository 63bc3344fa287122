#pragma once

#include <array>
#include <cstddef>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace nncore {

/// A borrowed, contiguous, row-major array of `Rank` dimensions. Owns nothing, costs nothing to copy.
template <typename T, std::size_t Rank>
class View {
 public:
  static constexpr std::size_t kRank = Rank;
  using Extents = std::array<std::size_t, Rank>;

  View() = default;
  View(T* data, Extents extents) : data_(data), extents_(extents) {}

  /// A writable view is also a read-only one.
  template <typename U, typename = std::enable_if_t<std::is_same_v<const U, T>>>
  View(const View<U, Rank>& other) : data_(other.data()), extents_(other.extents()) {}

  T* data() const { return data_; }
  const Extents& extents() const { return extents_; }
  std::size_t extent(std::size_t axis) const { return extents_[axis]; }
  std::size_t size() const {
    std::size_t n = 1;
    for (std::size_t e : extents_) n *= e;
    return n;
  }
  bool empty() const { return size() == 0; }

  /// Pointer to the start of entry `i` of the first axis.
  T* row(std::size_t i) const {
    std::size_t stride = 1;
    for (std::size_t axis = 1; axis < Rank; ++axis) stride *= extents_[axis];
    return data_ + i * stride;
  }

  template <typename... Index>
  T& operator()(Index... index) const {
    static_assert(sizeof...(Index) == Rank, "one index per dimension");
    const std::size_t at[] = {static_cast<std::size_t>(index)...};
    std::size_t offset = 0;
    for (std::size_t axis = 0; axis < Rank; ++axis) offset = offset * extents_[axis] + at[axis];
    return data_[offset];
  }

 private:
  T* data_ = nullptr;
  Extents extents_{};
};

/// "(3, 5)", as NumPy prints a shape.
template <std::size_t Rank>
std::string shape_text(const std::array<std::size_t, Rank>& extents) {
  std::ostringstream text;
  text << '(';
  for (std::size_t axis = 0; axis < Rank; ++axis) text << (axis ? ", " : "") << extents[axis];
  text << (Rank == 1 ? ",)" : ")");
  return text.str();
}

/// Throws std::invalid_argument (Python's ValueError): "<argument> must be <rule><value>, but came as (3, 5)".
template <typename Value, typename T, std::size_t Rank>
void require(bool ok, const char* argument, const char* rule, const Value& value, const View<T, Rank>& came) {
  if (ok) return;
  std::ostringstream text;
  text << argument << " must be " << rule << value << ", but came as " << shape_text(came.extents());
  throw std::invalid_argument(text.str());
}

namespace detail {
template <typename Part>
void write_part(std::ostream& text, const Part& part) {
  text << part;
}
template <std::size_t Rank>
void write_part(std::ostream& text, const std::array<std::size_t, Rank>& extents) {
  text << shape_text(extents);
}
}  // namespace detail

/// Throws std::invalid_argument with a whole sentence, put together from `parts`; extents are written as a shape.
template <typename... Parts>
void require(bool ok, const Parts&... parts) {
  if (ok) return;
  std::ostringstream text;
  (detail::write_part(text, parts), ...);
  throw std::invalid_argument(text.str());
}

}  // namespace nncore
