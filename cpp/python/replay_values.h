#pragma once

#include <pybind11/numpy.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "arrays.h"
#include "replay.h"

// Values of transitions that can be taken as they are: each function says whether they can, and changes nothing else.

namespace nncore {

/// Whether `value` is an array that can be taken as it is, of one value or, where `rows` is not 0, of so many.
inline bool fits(const ReplaySpec& spec, pybind11::handle value, std::size_t rows = 0) {
  if (!is_exact_array(value)) return false;
  const auto* array = pybind11::detail::array_proxy(value.ptr());
  const auto& api = pybind11::detail::npy_api::get();
  const std::size_t before = rows > 0;
  constexpr int plain =
      pybind11::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | pybind11::detail::npy_api::NPY_ARRAY_ALIGNED_;
  if ((array->flags & plain) != plain || array->nd != static_cast<int>(spec.shape.size() + before)) return false;
  if (array->descr != spec.dtype.ptr() && !api.PyArray_EquivTypes_(array->descr, spec.dtype.ptr())) return false;
  if (before && array->dimensions[0] != static_cast<pybind11::ssize_t>(rows)) return false;
  for (std::size_t axis = 0; axis < spec.shape.size(); ++axis) {
    if (array->dimensions[before + axis] != spec.shape[axis]) return false;
  }
  return true;
}

/// The int64 of a Discrete space.
inline bool read_number(pybind11::handle value, std::int64_t& number) {
  if (PyLong_CheckExact(value.ptr())) {
    number = PyLong_AsLongLong(value.ptr());
  } else if (PyBool_Check(value.ptr())) {
    return false;
  } else {
    const auto index = pybind11::reinterpret_steal<pybind11::object>(PyNumber_Index(value.ptr()));
    if (index) number = PyLong_AsLongLong(index.ptr());
  }
  if (PyErr_Occurred() == nullptr) return true;
  PyErr_Clear();
  return false;
}

/// Whether `count` whole values lie in the space.
inline bool in_bounds(const ReplaySpec& spec, const std::int64_t* numbers, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < spec.low.size(); ++k, ++numbers) {
      if (*numbers < spec.low[k] || *numbers > spec.high[k]) return false;
    }
  }
  return true;
}

template <typename T>
bool all_finite(const void* data, std::size_t count) {
  const T* const numbers = static_cast<const T*>(data);
  return std::all_of(numbers, numbers + count, [](T number) { return std::isfinite(number); });
}

/// Whether `rows` values are finite, as far as they are of floats.
inline bool is_finite(const ReplaySpec& spec, const void* data, std::size_t rows) {
  if (spec.dtype.kind() != 'f') return true;
  const std::size_t size = static_cast<std::size_t>(spec.dtype.itemsize()), count = rows * spec.bytes() / size;
  return size == sizeof(float) ? all_finite<float>(data, count)
                               : size != sizeof(double) || all_finite<double>(data, count);
}

/// Where values stand: in the caller's array, or one as a number in `number`; null where they must first be converted.
inline const void* value_of(const ReplaySpec& spec, pybind11::handle value, std::int64_t& number,
                            std::size_t rows = 0) {
  if (rows == 0 && spec.shape.empty() && !spec.low.empty()) {
    return read_number(value, number) && in_bounds(spec, &number, 1) ? &number : nullptr;
  }
  if (!fits(spec, value, rows)) return nullptr;
  const void* const data = pybind11::detail::array_proxy(value.ptr())->data;
  const std::size_t count = spec.low.empty() ? 0 : std::max<std::size_t>(rows, 1);
  if (!is_finite(spec, data, std::max<std::size_t>(rows, 1))) return nullptr;
  return in_bounds(spec, static_cast<const std::int64_t*>(data), count) ? data : nullptr;
}

inline bool is_numpy_scalar(pybind11::handle value, const char* kind) {
  return std::strncmp(Py_TYPE(value.ptr())->tp_name, kind, std::strlen(kind)) == 0;
}

inline bool read_reward(pybind11::handle value, float& reward) {
  double number;
  if (PyFloat_Check(value.ptr())) {
    number = PyFloat_AS_DOUBLE(value.ptr());
  } else if (PyLong_CheckExact(value.ptr()) || is_numpy_scalar(value, "numpy.float")) {
    number = PyFloat_AsDouble(value.ptr());
    if (PyErr_Occurred() != nullptr) PyErr_Clear(), number = NAN;
  } else {
    return false;
  }
  reward = static_cast<float>(number);
  return std::isfinite(reward);
}

inline bool read_flag(pybind11::handle value, bool& flag) {
  if (!PyBool_Check(value.ptr()) && !is_numpy_scalar(value, "numpy.bool")) return false;
  flag = PyObject_IsTrue(value.ptr()) == 1;
  return true;
}

/// A vector of this type that can be taken as it is.
template <typename T>
bool read_vector(pybind11::handle array, View<const T, 1>& view) {
  static const pybind11::dtype dtype = pybind11::dtype::of<T>();
  if (!is_exact_array(array)) return false;
  const auto* given = pybind11::detail::array_proxy(array.ptr());
  constexpr int plain =
      pybind11::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | pybind11::detail::npy_api::NPY_ARRAY_ALIGNED_;
  const bool same_type =
      given->descr == dtype.ptr() || pybind11::detail::npy_api::get().PyArray_EquivTypes_(given->descr, dtype.ptr());
  if (!same_type || given->nd != 1 || (given->flags & plain) != plain) return false;
  view = {reinterpret_cast<const T*>(given->data), {static_cast<std::size_t>(given->dimensions[0])}};
  return true;
}

/// Observations of `rows` environments (0: of one, without an axis for it), part by part.
struct Parts {
  bool read(const BoundReplay& self, pybind11::handle value, std::size_t rows) {
    numbers.resize(self.observations.size());
    if (self.is_mapping && (!PyDict_CheckExact(value.ptr()) || pybind11::len(value) != self.keys.size())) return false;
    for (std::size_t p = 0; p < self.observations.size(); ++p) {
      const pybind11::handle part =
          self.is_mapping ? PyDict_GetItemWithError(value.ptr(), self.keys[p].ptr()) : value.ptr();
      if (!part) return PyErr_Clear(), false;
      data.push_back(value_of(self.observations[p], part, numbers[p], rows));
      if (data.back() == nullptr) return false;
    }
    return true;
  }
  std::vector<std::int64_t> numbers;
  std::vector<const void*> data;
};

/// The numbers of a vector of T as float; false where it is none, or where one is not finite.
template <typename T>
bool read_rewards(pybind11::handle array, std::vector<float>& rewards) {
  View<const T, 1> given;
  if (!read_vector(array, given)) return false;
  rewards.assign(given.data(), given.data() + given.size());
  return std::all_of(rewards.begin(), rewards.end(), [](float reward) { return std::isfinite(reward); });
}

}  // namespace nncore
