#pragma once

// The passes over a Q-network: layer by layer, in which each thread takes a share of the outputs, so that weights,
// gradients and moments stay in the cache of the core that changes them. For q_network.cpp only.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "nncore/core/activations.h"
#include "nncore/core/gradient_tile.h"
#include "nncore/core/threads.h"
#include "nncore/rl/q_layers.h"
#include "nncore/rl/q_network.h"

namespace nncore {

/// Greatest of n values, the first of equal ones.
template <typename T>
std::size_t greatest(const T* values, std::size_t n) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < n; ++i) best = values[i] > values[best] ? i : best;
  return best;
}

/// One dense layer: sizes, and where its parameters begin.
struct QLayer {
  std::size_t input, output, weight, bias;
};

/// Parameters of all layers, packed for forward passes, and what such a pass computes.
template <typename T>
struct QCopyState {
  std::vector<Panels<T>> columns;
  std::vector<Buffer<T>> bias, y;
  std::size_t reserved = 0;  // rows of y
  Buffer<T> first;           // weights of few inputs, a row for each, in whole blocks
  Buffer<T> last;            // weights of few outputs, a row for each, in whole blocks

  Rows<T> rows(const QLayer& layer, std::size_t l) const { return {y[l].data(), round_up<T>(layer.output)}; }
};

template <typename T>
struct StoreRelu {
  Rows<T> rows;
  void operator()(std::size_t row, std::size_t column, Vec<T> sum) const {
    store(rows[row] + column, detail::at_least(sum, Vec<T>{}));
  }
};

/// Lets a gradient through where the ReLU's output y is above 0.
template <typename T>
struct StoreWhereOpen {
  Rows<const T> y;
  Rows<T> dz;
  void operator()(std::size_t row, std::size_t column, Vec<T> sum) const {
    const Vec<T> zero{};
    store(dz[row] + column, load(y[row] + column) > zero ? sum : zero);
  }
};

/// Shares into which the columns of packed weights are cut evenly.
inline std::size_t most_parts() { return static_cast<std::size_t>(num_threads()); }

/// The layers, the three copies of their parameters, and the workspaces of a gradient.
template <typename T>
struct QPasses {
  std::vector<QLayer> layers;
  std::array<QCopyState<T>, 3> copies;
  std::vector<Panels<T>> back;             // weights, packed for the gradient of a layer's input
  std::vector<Panels<T>> gradient_panels;  // one per thread
  std::vector<Buffer<T>> dz;               // per layer but the last
  Buffer<T> slopes;                        // per row: derivative of the loss by Q(s, a)
  Buffer<double> losses;

  QCopyState<T>& at(QCopy copy) { return copies[static_cast<std::size_t>(copy)]; }
  Rows<T> dz_rows(std::size_t l) const { return {dz[l].data(), round_up<T>(layers[l].output)}; }

  double multiplications() const {
    double sum = 0;
    for (const QLayer& layer : layers) sum += static_cast<double>(layer.input * layer.output);
    return sum;
  }

  bool has_few_inputs(std::size_t l) const { return l == 0 && layers.size() > 1 && layers[0].input <= kFewInputs; }
  bool has_few_outputs(std::size_t l) const { return l + 1 == layers.size() && layers[l].output <= kFewOutputs; }

  /// Packs a share of the columns of layer l, which has its room.
  void pack(QCopyState<T>& copy, std::size_t l, const T* parameters, Share share) {
    const QLayer& layer = layers[l];
    const T* const weight = parameters + layer.weight;
    if (has_few_inputs(l)) {
      const std::size_t stride = round_up<T>(layer.output), registers = stride / kLanes<T>;
      T* const rows = copy.first.data();
      for (std::size_t j = share.begin(registers) * kLanes<T>; j < share.end(registers) * kLanes<T>; ++j) {
        for (std::size_t k = 0; k < layer.input; ++k) {
          rows[k * stride + j] = j < layer.output ? weight[j * layer.input + k] : T(0);
        }
      }
    } else if (!has_few_outputs(l)) {
      Panels<T>& columns = copy.columns[l];
      columns.repack_columns(columns.begin(share), columns.end(share),
                             [&](std::size_t j) { return weight + j * layer.input; });
    } else if (share.part == 0) {
      const std::size_t stride = round_up<T>(layer.input);
      std::fill_n(copy.last.data(), layer.output * stride, T(0));
      for (std::size_t j = 0; j < layer.output; ++j) {
        std::copy_n(weight + j * layer.input, layer.input, copy.last.data() + j * stride);
      }
    }
    if (share.part > 0) return;
    T* const bias = copy.bias[l].data();
    std::fill_n(bias, round_up<T>(layer.output), T(0));
    std::copy_n(parameters + layer.bias, layer.output, bias);
  }

  void reserve(QCopyState<T>& copy, std::size_t rows) {
    if (rows <= copy.reserved) return;
    copy.reserved = rows;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const std::size_t size = rows * round_up<T>(layers[l].output);
      std::fill_n(copy.y[l].reserve(size), size, T(0));  // the padding stays so
    }
  }

  /// Layer l for rows [begin, end) of its input `left` and a share of its outputs; the last layer is not shared out.
  void forward_layer(const QCopyState<T>& copy, std::size_t l, const LeftRows<T>& left, std::size_t begin,
                     std::size_t end, Rows<T> y, Share share = {}) {
    const StartAt<T> bias{copy.bias[l].data()};
    if (has_few_inputs(l)) {
      with_constant<kFewInputs>(layers[l].input, [&](auto few) {
        forward_of_few_inputs<few>(left, begin, end, copy.first.data(), bias.data, y, share);
      });
    } else if (l + 1 < layers.size()) {
      multiply_tiles(left, begin, end, copy.columns[l], bias, StoreRelu<T>{y}, share);
    } else if (has_few_outputs(l)) {
      const std::size_t stride = round_up<T>(layers[l].input), length = l > 0 ? stride : layers[l].input;
      for (std::size_t row = begin; row < end; ++row) {
        const T* from = left.data + row * left.stride;
        for (std::size_t j = 0; j < layers[l].output; ++j) {
          y[row][j] = bias.data[j] + dot(from, copy.last.data() + j * stride, length);
        }
      }
    } else {
      multiply_tiles(left, begin, end, copy.columns[l], bias, StoreTo<T>{y});
    }
  }

  /// What layer l takes in when the observations are x: rows first and on of the layer below.
  LeftRows<T> input(const QCopyState<T>& copy, std::size_t l, View<const T, 2> x, std::size_t first) const {
    if (l == 0) return {x.data(), x.extent(1), x.extent(1)};
    const Rows<T> below = copy.rows(layers[l - 1], l - 1);
    return {below[first], below.stride, layers[l].input};
  }

  /// Layer l of a pass whose row r of x is row first + r of the copy's y.
  void forward_layer(QCopyState<T>& copy, std::size_t l, View<const T, 2> x, std::size_t begin, std::size_t end,
                     std::size_t first, Share share = {}) {
    const Rows<T> y = copy.rows(layers[l], l);
    forward_layer(copy, l, input(copy, l, x, first), begin, end, {y[first], y.stride}, share);
  }

  void reserve_gradient(bool double_q, std::size_t n) {
    reserve(at(QCopy::kOnline), double_q ? 2 * n : n);
    reserve(at(QCopy::kTarget), n);
    slopes.reserve(n);
    losses.reserve(n);
    std::size_t widest = 1;
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
      dz[l].reserve(n * round_up<T>(layers[l].output));
      widest = std::max(widest, layers[l].input);
      if (l > 0) back[l].reserve(layers[l].output, layers[l].input, Padding::kTight, most_parts());
    }
    reserve_gradient_panels(gradient_panels, n, widest);
  }

  /// Hidden layers: a share of each one's outputs for all rows, then the next.
  void forward_hidden(const QLoss& loss, const QBatch<T>& batch, const T* parameters) {
    const std::size_t n = batch.actions.extent(0);
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
      parallel_parts(gradient_panels.size(), 0, [&](std::size_t part, std::size_t parts) {
        const Share share{part, parts};
        if (l > 0) {
          const T* weight = parameters + layers[l].weight;
          back[l].repack_rows(0, layers[l].output, [&](std::size_t k) { return weight + k * layers[l].input; }, share);
        }
        forward_layer(at(QCopy::kTarget), l, batch.next_observations, 0, n, 0, share);
        if (loss.double_q) forward_layer(at(QCopy::kOnline), l, batch.next_observations, 0, n, n, share);
        forward_layer(at(QCopy::kOnline), l, batch.observations, 0, n, 0, share);
      });
    }
  }

  /// The last layer and what the loss asks of it, a share of the rows each.
  void forward_last(const QLoss& loss, const QBatch<T>& batch, const T* parameters, View<T, 1> td_errors) {
    const std::size_t n = batch.actions.extent(0), last = layers.size() - 1;
    parallel_ranges(n, kTileRows, 0, [&](std::size_t begin, std::size_t end) {
      forward_layer(at(QCopy::kTarget), last, batch.next_observations, begin, end, 0);
      if (loss.double_q) forward_layer(at(QCopy::kOnline), last, batch.next_observations, begin, end, n);
      forward_layer(at(QCopy::kOnline), last, batch.observations, begin, end, 0);
      errors(loss, batch, begin, end, td_errors);
      if (last > 0) slopes_below(batch, parameters, begin, end);
    });
  }

  /// TD errors, losses and slopes of rows [begin, end).
  void errors(const QLoss& loss, const QBatch<T>& batch, std::size_t begin, std::size_t end, View<T, 1> td_errors) {
    const std::size_t last = layers.size() - 1, n = batch.actions.extent(0), actions = layers[last].output;
    const Rows<const T> q = at(QCopy::kOnline).rows(layers[last], last);
    const Rows<const T> target = at(QCopy::kTarget).rows(layers[last], last);
    for (std::size_t row = begin; row < end; ++row) {
      const T* chooser = loss.double_q ? q[n + row] : target[row];
      const T next = target[row][greatest(chooser, actions)];
      const T error = fma1(batch.bootstrap(row), next, batch.rewards(row)) - q[row][batch.actions(row)];
      const T size = std::abs(error), weight = batch.weights(row);
      const bool bounded = loss.huber && size > T(1);
      const T slope = !loss.huber ? 2 * error : bounded ? std::copysign(T(1), error) : error;
      const T value = !loss.huber ? error * error : bounded ? size - T(0.5) : T(0.5) * error * error;
      td_errors(row) = error;
      slopes.data()[row] = -weight * slope / static_cast<T>(n);
      losses.data()[row] = static_cast<double>(weight * value);
    }
  }

  /// Derivatives of the loss by the sums of the last hidden layer, for rows [begin, end): one action has a slope, one
  /// row of the weights.
  void slopes_below(const QBatch<T>& batch, const T* parameters, std::size_t begin, std::size_t end) {
    const std::size_t last = layers.size() - 1, width = layers[last].input;
    const Rows<const T> top = at(QCopy::kOnline).rows(layers[last - 1], last - 1);
    const Rows<T> dz = dz_rows(last - 1);
    for (std::size_t row = begin; row < end; ++row) {
      const T* w = parameters + layers[last].weight + static_cast<std::size_t>(batch.actions(row)) * width;
      const T slope = slopes.data()[row];
      for (std::size_t j = 0; j < width; ++j) dz[row][j] = top[row][j] > 0 ? slope * w[j] : T(0);
    }
  }

  Rows<const T> input_rows(std::size_t l, const QBatch<T>& batch) const {
    const LeftRows<T> left = input(copies[static_cast<std::size_t>(QCopy::kOnline)], l, batch.observations, 0);
    return {left.data, left.stride};
  }

  /// The last layer's gradients, summed over the rows in order, by the inputs [begin, end).
  void last_gradients(const QBatch<T>& batch, T* gradients, std::size_t begin, std::size_t end) {
    const QLayer& layer = layers.back();
    const Rows<const T> top = input_rows(layers.size() - 1, batch);
    T *const weight = gradients + layer.weight, *const bias = gradients + layer.bias;
    for (std::size_t j = 0; j < layer.output; ++j)
      std::fill(weight + j * layer.input + begin, weight + j * layer.input + end, T(0));
    const bool first = begin == 0 && end > 0;  // a share may be empty
    if (first) std::fill_n(bias, layer.output, T(0));
    for (std::size_t row = 0; row < batch.actions.extent(0); ++row) {
      const auto action = static_cast<std::size_t>(batch.actions(row));
      add_scaled(slopes.data()[row], top[row] + begin, end - begin, weight + action * layer.input + begin);
      if (first) bias[action] += slopes.data()[row];
    }
  }

  /// The gradients of a hidden layer's weights and biases, summed over the rows in order, for outputs [begin, end).
  void hidden_gradients(const QBatch<T>& batch, std::size_t l, T* gradients, std::size_t begin, std::size_t end,
                        Panels<T>& panels) {
    const std::size_t inputs = layers[l].input, n = batch.actions.extent(0);
    const Rows<const T> x = input_rows(l, batch), dz = dz_rows(l);
    T *const weight = gradients + layers[l].weight, *const bias = gradients + layers[l].bias;
    if (inputs <= kFewInputs) {
      with_constant<kFewInputs>(inputs,
                                [&](auto few) { gradient_of_few_inputs<few>(dz, x, n, begin, end, weight, bias); });
      return;
    }
    std::fill(weight + begin * inputs, weight + end * inputs, T(0));
    std::fill(bias + begin, bias + end, T(0));
    add_product_over_rows(dz, begin, end, [&](std::size_t row) { return x[row]; }, inputs, n, weight, bias, panels);
  }

  /// All gradients, from the last layer's down: of a share of each layer's outputs, and of the inputs below it.
  void backward(const QBatch<T>& batch, T* gradients) {
    const std::size_t last = layers.size() - 1, n = batch.actions.extent(0);
    if (last == 0) return last_gradients(batch, gradients, 0, layers[0].input);
    for (std::size_t l = last; l-- > 0;) {
      const std::size_t outputs = layers[l].output, registers = (outputs + kLanes<T> - 1) / kLanes<T>;
      parallel_parts(gradient_panels.size(), 0, [&](std::size_t part, std::size_t parts) {
        const Share share{part, parts};
        const std::size_t begin = share.begin(registers) * kLanes<T>;
        const std::size_t end = std::min(outputs, share.end(registers) * kLanes<T>);
        if (l + 1 == last) last_gradients(batch, gradients, begin, end);
        hidden_gradients(batch, l, gradients, begin, end, gradient_panels[part]);
        if (l == 0) return;
        const Rows<const T> above = dz_rows(l);
        multiply_tiles(LeftRows<T>{above.data, above.stride, outputs}, 0, n, back[l], StartAt<T>{},
                       StoreWhereOpen<T>{input_rows(l, batch), dz_rows(l - 1)}, share);
      });
    }
  }
};

}  // namespace nncore
