#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <utility>

#include "nncore/core/view.h"

namespace nncore {

/// A NumPy array of exactly this type (by equivalence, not identity) and rank, C-contiguous and aligned, held while the
/// call runs and never copied. `In` reads; `Out` also demands that it is writeable. Both convert to a View.
template <typename T, std::size_t Rank>
class ArrayArgument {
 public:
  ArrayArgument() = default;
  explicit ArrayArgument(pybind11::array array) : array_(std::move(array)) {}

  View<T, Rank> view() const {
    typename View<T, Rank>::Extents extents;
    for (std::size_t axis = 0; axis < Rank; ++axis) {
      extents[axis] = static_cast<std::size_t>(array_.shape(static_cast<pybind11::ssize_t>(axis)));
    }
    return View<T, Rank>(static_cast<T*>(const_cast<void*>(array_.data())), extents);
  }
  operator View<T, Rank>() const { return view(); }

  /// Whether `source` is an array that can be taken as it is.
  static bool accepts(pybind11::handle source) {
    using Element = std::remove_const_t<T>;
    if (!pybind11::array_t<Element>::check_(source)) return false;  // type by equivalence
    const auto array = pybind11::reinterpret_borrow<pybind11::array>(source);
    const bool aligned = reinterpret_cast<std::uintptr_t>(array.data()) % alignof(Element) == 0;
    return array.ndim() == static_cast<pybind11::ssize_t>(Rank) && (array.flags() & pybind11::array::c_style) != 0 &&
           aligned && (std::is_const_v<T> || array.writeable());
  }

 private:
  pybind11::array array_;
};

template <typename T, std::size_t Rank>
using In = ArrayArgument<const T, Rank>;
template <typename T, std::size_t Rank>
using Out = ArrayArgument<T, Rank>;

}  // namespace nncore

namespace pybind11::detail {

template <typename T, std::size_t Rank>
struct type_caster<nncore::ArrayArgument<T, Rank>> {
  using Argument = nncore::ArrayArgument<T, Rank>;
  PYBIND11_TYPE_CASTER(Argument, const_name("numpy.typing.NDArray[") +
                                     npy_format_descriptor<std::remove_const_t<T>>::name + const_name("]"));

  bool load(handle source, bool /*convert*/) {
    if (!Argument::accepts(source)) return false;
    value = Argument(reinterpret_borrow<array>(source));
    return true;
  }
};

}  // namespace pybind11::detail
