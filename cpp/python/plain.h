#pragma once

#include <pybind11/numpy.h>

#include <optional>
#include <vector>

#include "arrays.h"
#include "nncore/nn/network.h"

// Batches without lengths and states, in arrays that the core takes as they are: the shortest way for small networks.

namespace nncore {

/// The rows or sequences of an x that the core can take as it is; nothing where it must first be converted, or refused.
template <typename T>
std::optional<NetworkInput<T>> plain_input(const Network<T>& net, const pybind11::object& x) {
  if (!is_exact_array(x)) return std::nullopt;
  NetworkInput<T> input;
  const auto read = [&](auto rows, auto sequences, auto& view) {
    using Rows = decltype(rows);
    using Sequences = decltype(sequences);
    using Full = std::remove_reference_t<decltype(view)>;
    typename Full::Extents extents{};
    if (Sequences::accepts(x)) {
      view = Sequences(x);
      input.has_steps = true;
    } else if (Rows::accepts(x) && !net.needs_steps()) {
      const auto given = Rows(x).view();
      extents[0] = given.extent(0);
      extents[1] = 1;
      if constexpr (extents.size() == 3) extents[2] = given.extent(1);
      view = Full(given.data(), extents);
    }
    return !view.empty();
  };
  const bool taken = net.takes_ids() ? read(In<std::int64_t, 1>(), In<std::int64_t, 2>(), input.ids)
                                     : read(In<T, 2>(), In<T, 3>(), input.values);
  if (!taken) return std::nullopt;
  return input;
}

/// Shape of the output, as the user sees it.
template <typename T>
std::vector<std::size_t> output_shape(const Network<T>& net, const NetworkInput<T>& x) {
  const std::size_t count = net.takes_ids() ? x.ids.extent(0) : x.values.extent(0);
  const std::size_t steps = net.takes_ids() ? x.ids.extent(1) : x.values.extent(1);
  if (!x.has_steps || net.drops_steps()) return {count, net.output_features()};
  return {count, steps, net.output_features()};
}

/// Values of rows or sequences, (N, F) or (N, T, F), as the core has both.
template <typename T>
View<T, 3> with_steps(pybind11::array_t<T>& values) {
  const auto extent = [&](pybind11::ssize_t axis) { return static_cast<std::size_t>(values.shape(axis)); };
  if (values.ndim() == 3) return {values.mutable_data(), {extent(0), extent(1), extent(2)}};
  return {values.mutable_data(), {extent(0), 1, extent(1)}};
}

/// Whether `given` is an array that the core takes as it is, an Array, whose extents are the first of `shape`.
template <typename Array>
bool is_plain(const pybind11::object& given, const std::vector<std::size_t>& shape) {
  if (!is_exact_array(given) || !Array::accepts(given)) return false;
  const auto array = pybind11::reinterpret_borrow<pybind11::array>(given);
  for (pybind11::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    if (static_cast<std::size_t>(array.shape(axis)) != shape[static_cast<std::size_t>(axis)]) return false;
  }
  return true;
}

/// The numbers of such an array of values, of rows (N, F) or sequences (N, T, F).
template <typename T>
const T* plain_values(const pybind11::object& given, const std::vector<std::size_t>& shape) {
  const bool plain = shape.size() == 3 ? is_plain<In<T, 3>>(given, shape) : is_plain<In<T, 2>>(given, shape);
  return plain ? static_cast<const T*>(pybind11::reinterpret_borrow<pybind11::array>(given).data()) : nullptr;
}

/// A gradient of the remembered output, where it lies as the core takes it.
template <typename T>
std::optional<View<const T, 3>> plain_gradient(const Network<T>& net, const pybind11::object& dy) {
  if (!net.remembers()) return std::nullopt;
  const std::vector<std::size_t> shape = net.remembered_shape();
  const T* const values = plain_values<T>(dy, shape);
  if (values == nullptr) return std::nullopt;
  return View<const T, 3>(values, {shape[0], shape.size() == 3 ? shape[1] : 1, shape.back()});
}

/// The target of a loss where it lies as the core takes it: values of the output's shape, or labels of its rows.
template <typename T>
bool read_plain_target(const pybind11::object& target, const std::vector<std::size_t>& shape, TrainingStep<T>& step) {
  const std::size_t rows = shape.size() == 3 ? shape[0] * shape[1] : shape[0];
  if (step.loss.kind != LossKind::kCrossEntropy) {
    const T* const values = plain_values<T>(target, shape);
    if (values != nullptr) step.target.values = View<const T, 2>(values, {rows, shape.back()});
    return values != nullptr;
  }
  using Label = std::int64_t;
  const bool plain = shape.size() == 3 ? is_plain<In<Label, 2>>(target, shape) : is_plain<In<Label, 1>>(target, shape);
  if (!plain) return false;
  const auto array = pybind11::reinterpret_borrow<pybind11::array>(target);
  step.target.labels = View<const Label, 1>(static_cast<const Label*>(array.data()), {rows});
  return true;
}

}  // namespace nncore
