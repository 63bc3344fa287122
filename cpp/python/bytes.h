#pragma once

#include <pybind11/pybind11.h>

#include <string_view>

#include "nncore/core/view.h"

namespace nncore {

/// The bytes of a buffer, which must be contiguous.
inline std::string_view bytes_of(const pybind11::buffer_info& info) {
  require(info.ndim == 1 && info.itemsize == 1 && (info.size < 2 || info.strides[0] == 1),
          "text must be contiguous bytes");
  return {static_cast<const char*>(info.ptr), static_cast<std::size_t>(info.size)};
}

}  // namespace nncore
