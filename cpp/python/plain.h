#pragma once

#include <pybind11/numpy.h>

#include <algorithm>
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

/// A gradient of the remembered output, where it lies as the core takes it.
template <typename T>
std::optional<View<const T, 3>> plain_gradient(const Network<T>& net, const pybind11::object& dy) {
  if (!is_exact_array(dy) || !net.remembers()) return std::nullopt;
  const std::vector<std::size_t> shape = net.remembered_shape();
  if (shape.size() == 3 ? !In<T, 3>::accepts(dy) : !In<T, 2>::accepts(dy)) return std::nullopt;
  const auto array = pybind11::reinterpret_borrow<pybind11::array>(dy);
  if (!std::equal(shape.begin(), shape.end(), array.shape(), [](std::size_t wanted, pybind11::ssize_t given) {
        return static_cast<pybind11::ssize_t>(wanted) == given;
      })) {
    return std::nullopt;
  }
  return View<const T, 3>(static_cast<const T*>(array.data()),
                          {shape[0], shape.size() == 3 ? shape[1] : 1, shape.back()});
}

/// The target of a loss where it lies as the core takes it: values of the output's shape, or labels of its rows.
template <typename T>
bool read_plain_target(const pybind11::object& target, const std::vector<std::size_t>& shape, TrainingStep<T>& step) {
  if (!is_exact_array(target)) return false;
  const auto fits = [&](auto given, auto& view, std::size_t ranks) {
    using Given = decltype(given);
    if (!Given::accepts(target)) return false;
    const auto array = pybind11::reinterpret_borrow<pybind11::array>(target);
    for (std::size_t axis = 0; axis < ranks; ++axis) {
      if (static_cast<std::size_t>(array.shape()[axis]) != shape[axis]) return false;
    }
    using Full = std::remove_reference_t<decltype(view)>;
    const auto all = Given(target).view();
    if constexpr (Full::kRank == 2) {
      view = Full(all.data(), {all.size() / shape.back(), shape.back()});
    } else {
      view = Full(all.data(), {all.size()});
    }
    return true;
  };
  const bool steps = shape.size() == 3;
  if (step.loss.kind == LossKind::kCrossEntropy) {
    return steps ? fits(In<std::int64_t, 2>(), step.target.labels, 2)
                 : fits(In<std::int64_t, 1>(), step.target.labels, 1);
  }
  return steps ? fits(In<T, 3>(), step.target.values, 3) : fits(In<T, 2>(), step.target.values, 2);
}

}  // namespace nncore
