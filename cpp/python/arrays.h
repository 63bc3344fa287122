#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "nncore/core/view.h"

namespace nncore {

/// A NumPy array of exactly this type (by equivalence, not identity) and rank, C-contiguous and aligned, held while the
/// call runs and never copied. `In` reads; `Out` also demands that it is writeable. Both convert to a View.
template <typename T, std::size_t Rank>
class ArrayArgument {
 public:
  ArrayArgument() = default;
  /// `array` must be one that is accepted.
  explicit ArrayArgument(pybind11::object array) : array_(std::move(array)) {}

  /// Counts no reference: it may be called where Python's lock is not held.
  View<T, Rank> view() const {
    const auto* const array = pybind11::detail::array_proxy(array_.ptr());
    typename View<T, Rank>::Extents extents;
    for (std::size_t axis = 0; axis < Rank; ++axis) extents[axis] = static_cast<std::size_t>(array->dimensions[axis]);
    return View<T, Rank>(static_cast<T*>(static_cast<void*>(array->data)), extents);
  }
  operator View<T, Rank>() const { return view(); }

  /// Whether `source` is an array that can be taken as it is.
  static bool accepts(pybind11::handle source) {
    using Element = std::remove_const_t<T>;
    if (!pybind11::isinstance<pybind11::array>(source)) return false;
    const auto array = pybind11::reinterpret_borrow<pybind11::array>(source);
    const bool aligned = reinterpret_cast<std::uintptr_t>(array.data()) % alignof(Element) == 0;
    if (array.ndim() != static_cast<pybind11::ssize_t>(Rank) || (array.flags() & pybind11::array::c_style) == 0) {
      return false;
    }
    const bool same_type = array.dtype().is(pybind11::dtype::of<Element>());
    if (!aligned || !(same_type || pybind11::array_t<Element>::check_(source))) return false;  // or an equivalent type
    return std::is_const_v<T> || array.writeable();
  }

 private:
  pybind11::object array_;  // not an array: its default is not null but a new array
};

template <typename T, std::size_t Rank>
using In = ArrayArgument<const T, Rank>;
template <typename T, std::size_t Rank>
using Out = ArrayArgument<T, Rank>;

/// A new array with these values.
template <typename T>
pybind11::array array_of(const std::vector<T>& values) {
  return pybind11::array_t<T>(static_cast<pybind11::ssize_t>(values.size()), values.data());
}

/// The values of an array.
template <typename T>
std::vector<T> listed(const In<T, 1>& array) {
  const View<const T, 1> values = array;
  return {values.data(), values.data() + values.size()};
}

/// Whether `source` is a NumPy array and no subclass of it, which may mean something else (a masked array, say).
inline bool is_exact_array(pybind11::handle source) {
  return Py_TYPE(source.ptr()) == pybind11::detail::npy_api::get().PyArray_Type_;
}

}  // namespace nncore

namespace pybind11::detail {

template <typename T, std::size_t Rank>
struct type_caster<nncore::ArrayArgument<T, Rank>> {
  using Argument = nncore::ArrayArgument<T, Rank>;
  PYBIND11_TYPE_CASTER(Argument, const_name("numpy.typing.NDArray[") +
                                     npy_format_descriptor<std::remove_const_t<T>>::name + const_name("]"));

  bool load(handle source, bool /*convert*/) {
    if (!Argument::accepts(source)) {
      if (!std::is_const_v<T> && nncore::In<std::remove_const_t<T>, Rank>::accepts(source)) {
        throw value_error("parameters, gradients, buffers and outputs must be writeable, but an array is read-only");
      }
      return false;
    }
    value = Argument(reinterpret_borrow<array>(source));
    return true;
  }
};

}  // namespace pybind11::detail
