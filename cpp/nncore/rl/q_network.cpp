#include "nncore/rl/q_network.h"

#include <array>
#include <cmath>
#include <cstring>

#include "nncore/core/activations.h"
#include "nncore/core/gradient_tile.h"
#include "nncore/core/threads.h"

namespace nncore {

namespace {

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

// Layers of few outputs are dot products, those of few inputs sums of columns: tiles would be empty for the most part.
constexpr std::size_t kFewOutputs = 8, kFewInputs = 8;

template <std::size_t Places, typename V, std::size_t... I>
V turned(V v, std::index_sequence<I...>) {
  return __builtin_shufflevector(v, v, ((I + Places) % sizeof...(I))...);
}

/// Sum of the lanes: those that are `Half` apart first, then those half as far apart.
template <typename T, std::size_t Half = kLanes<T> / 2>
T folded(Vec<T> v) {
  if constexpr (Half == 0) {
    return v[0];
  } else {
    return folded<T, Half / 2>(v + turned<Half>(v, std::make_index_sequence<kLanes<T>>()));
  }
}

/// Sum of x[i] * w[i], in the lanes of a block at every instruction set; w has zeros up to the end of its last block.
template <typename T>
T dot(const T* x, const T* w, std::size_t n) {
  constexpr std::size_t W = kLanes<T>, B = kBlock<T>;
  Vec<T> sums[B / W] = {};
  std::size_t i = 0;
  for (; i + B <= n; i += B) {
    for (std::size_t v = 0; v < B / W; ++v) sums[v] = fma(load(x + i + v * W), load(w + i + v * W), sums[v]);
  }
  for (std::size_t v = 0; i < n; ++v, i += W) {
    sums[v] = fma(load_part(x + i, std::min(W, n - i)), load(w + i), sums[v]);
  }
  for (std::size_t half = B / W / 2; half > 0; half /= 2) {
    for (std::size_t v = 0; v < half; ++v) sums[v] += sums[v + half];
  }
  return folded<T>(sums[0]);
}

/// y = ReLU(bias + x W) of rows [begin, end) of x (rows, K); row k of W at `weights` + k * y.stride.
template <std::size_t K, typename T>
void forward_of_few_inputs(const LeftRows<T>& x, std::size_t begin, std::size_t end, const T* weights, const T* bias,
                           Rows<T> y) {
  for (std::size_t j = 0; j < y.stride; j += kLanes<T>) {
    const Vec<T> start = load(bias + j);
    Vec<T> w[K];
    unrolled<K>([&](auto k) { w[k] = load(weights + k * y.stride + j); });
    for (std::size_t row = begin; row < end; ++row) {
      const T* from = x.data + row * x.stride;
      Vec<T> sum = start;
      unrolled<K>([&](auto k) { sum = fma(broadcast(from[k]), w[k], sum); });
      store(y[row] + j, detail::at_least(sum, Vec<T>{}));
    }
  }
}

/// weight (outputs, K) = sum over the rows of dz[row][j] * x[row][k], bias (outputs) = that of dz[row][j], in order.
template <std::size_t K, typename T>
void gradient_of_few_inputs(Rows<const T> dz, Rows<const T> x, std::size_t rows, std::size_t outputs, T* weight,
                            T* bias) {
  for (std::size_t j = 0; j < outputs; j += kLanes<T>) {
    Vec<T> sums[K] = {}, sum{};
    for (std::size_t row = 0; row < rows; ++row) {
      const Vec<T> slope = load(dz[row] + j);
      unrolled<K>([&](auto k) { sums[k] = fma(broadcast(x[row][k]), slope, sums[k]); });
      sum += slope;
    }
    const std::size_t count = std::min(kLanes<T>, outputs - j);
    for (std::size_t lane = 0; lane < count; ++lane) {
      for (std::size_t k = 0; k < K; ++k) weight[(j + lane) * K + k] = sums[k][lane];
    }
    store_part(bias + j, sum, count);
  }
}

/// y[i] += factor * x[i].
template <typename T>
void add_scaled(T factor, const T* x, std::size_t n, T* y) {
  const Vec<T> factors = broadcast(factor);
  std::size_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) store(y + i, fma(factors, load(x + i), load(y + i)));
  if (i < n) store_part(y + i, fma(factors, load_part(x + i, n - i), load_part(y + i, n - i)), n - i);
}

}  // namespace

template <typename T>
struct QNetwork<T>::State {
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

  void reserve(QCopyState<T>& copy, std::size_t rows) {
    if (rows <= copy.reserved) return;
    copy.reserved = rows;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const std::size_t size = rows * round_up<T>(layers[l].output);
      std::fill_n(copy.y[l].reserve(size), size, T(0));  // the padding stays so
    }
  }

  /// Rows [begin, end) of x through all layers; row r of x becomes row first + r of y.
  void forward(QCopyState<T>& copy, View<const T, 2> x, std::size_t begin, std::size_t end, std::size_t first) {
    LeftRows<T> left{x.data(), x.extent(1), x.extent(1)};
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Rows<T> all = copy.rows(layers[l], l);
      const Rows<T> y{all[first], all.stride};
      const StartAt<T> bias{copy.bias[l].data()};
      if (l == 0 && l + 1 < layers.size() && layers[l].input <= kFewInputs) {
        with_constant<kFewInputs>(layers[l].input, [&](auto few) {
          forward_of_few_inputs<few>(left, begin, end, copy.first.data(), bias.data, y);
        });
      } else if (l + 1 < layers.size()) {
        multiply_tiles(left, begin, end, copy.columns[l], bias, StoreRelu<T>{y});
      } else if (layers[l].output <= kFewOutputs) {
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
      left = LeftRows<T>{y.data, y.stride, layers[l].output};
    }
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

  /// Derivatives of the loss by the sums of each layer but the last, for rows [begin, end).
  void backward(const QBatch<T>& batch, const T* parameters, std::size_t begin, std::size_t end) {
    const std::size_t last = layers.size() - 1;
    const QCopyState<T>& online = at(QCopy::kOnline);
    if (last == 0) return;
    const Rows<const T> top = online.rows(layers[last - 1], last - 1);
    const Rows<T> dz = dz_rows(last - 1);
    const std::size_t width = layers[last].input;
    for (std::size_t row = begin; row < end; ++row) {  // one action has a slope: one row of the weights
      const T* w = parameters + layers[last].weight + static_cast<std::size_t>(batch.actions(row)) * width;
      const T slope = slopes.data()[row];
      for (std::size_t j = 0; j < width; ++j) dz[row][j] = top[row][j] > 0 ? slope * w[j] : T(0);
    }
    for (std::size_t l = last - 1; l > 0; --l) {
      const Rows<T> above = dz_rows(l);
      multiply_tiles(LeftRows<T>{above.data, above.stride, layers[l].output}, begin, end, back[l], StartAt<T>{},
                     StoreWhereOpen<T>{online.rows(layers[l - 1], l - 1), dz_rows(l - 1)});
    }
  }

  /// The gradients of all weights and biases, summed over the rows in order.
  void weight_gradients(const QBatch<T>& batch, T* gradients) {
    const std::size_t last = layers.size() - 1, n = batch.actions.extent(0);
    const QCopyState<T>& online = at(QCopy::kOnline);
    const auto input = [&](std::size_t l) {
      return l == 0 ? Rows<const T>{batch.observations.data(), batch.observations.extent(1)}
                    : Rows<const T>(online.rows(layers[l - 1], l - 1));
    };
    const Rows<const T> top = input(last);
    std::fill_n(gradients + layers[last].weight, layers[last].output * layers[last].input, T(0));
    std::fill_n(gradients + layers[last].bias, layers[last].output, T(0));
    for (std::size_t row = 0; row < n; ++row) {
      const std::size_t action = static_cast<std::size_t>(batch.actions(row)), width = layers[last].input;
      add_scaled(slopes.data()[row], top[row], width, gradients + layers[last].weight + action * width);
      gradients[layers[last].bias + action] += slopes.data()[row];
    }
    for (std::size_t l = 0; l < last; ++l) {
      const Rows<const T> x = input(l), dz = dz_rows(l);
      T *const weight = gradients + layers[l].weight, *const bias = gradients + layers[l].bias;
      if (layers[l].input <= kFewInputs) {
        with_constant<kFewInputs>(
            layers[l].input, [&](auto few) { gradient_of_few_inputs<few>(dz, x, n, layers[l].output, weight, bias); });
        continue;
      }
      std::fill_n(weight, layers[l].output * layers[l].input, T(0));
      std::fill_n(bias, layers[l].output, T(0));
      add_product_over_rows(
          dz, layers[l].output, [&](std::size_t row) { return x[row]; }, layers[l].input, n, weight, bias,
          gradient_panels);
    }
  }
};

template <typename T>
QNetwork<T>::QNetwork(std::vector<std::size_t> sizes) : sizes_(std::move(sizes)), state_(std::make_unique<State>()) {
  require(sizes_.size() >= 2, "sizes must be those of the observation, the hidden layers and the actions");
  for (std::size_t size : sizes_) {
    require(size >= 1 && size <= (std::size_t{1} << 24), "sizes must be from 1 to 2**24, but one came as ", size);
  }
  const auto add = [&](const std::string& name, std::vector<std::size_t> shape) {
    const std::size_t offset = size_;
    std::size_t count = 1;
    for (std::size_t extent : shape) count *= extent;
    size_ += round_up<T>(count);
    arrays_.push_back({name, offset, std::move(shape)});
    return offset;
  };
  for (std::size_t l = 0; l + 1 < sizes_.size(); ++l) {
    const std::string prefix = std::to_string(l) + ".";
    QLayer layer{sizes_[l], sizes_[l + 1], 0, 0};
    layer.weight = add(prefix + "weight", {layer.output, layer.input});
    layer.bias = add(prefix + "bias", {layer.output});
    state_->layers.push_back(layer);
  }
  const std::size_t count = state_->layers.size();
  for (QCopyState<T>& copy : state_->copies) {
    copy.columns.resize(count);
    copy.bias.resize(count);
    copy.y.resize(count);
  }
  state_->back.resize(count);
  state_->dz.resize(count);
}

template <typename T>
QNetwork<T>::~QNetwork() = default;

template <typename T>
void QNetwork<T>::pack(QCopy which, View<const T, 1> parameters) {
  require(parameters.size() == size_, "parameters", "of the network's size, ", size_, parameters);
  QCopyState<T>& copy = state_->at(which);
  for (std::size_t l = 0; l < state_->layers.size(); ++l) {
    const QLayer& layer = state_->layers[l];
    const T* weight = parameters.data() + layer.weight;
    const bool is_last = l + 1 == state_->layers.size();
    if (l == 0 && !is_last && layer.input <= kFewInputs) {
      const std::size_t stride = round_up<T>(layer.output);
      T* const rows = copy.first.reserve(layer.input * stride);
      std::fill_n(rows, layer.input * stride, T(0));
      for (std::size_t j = 0; j < layer.output; ++j) {
        for (std::size_t k = 0; k < layer.input; ++k) rows[k * stride + j] = weight[j * layer.input + k];
      }
    } else if (is_last && layer.output <= kFewOutputs) {
      const std::size_t stride = round_up<T>(layer.input);
      T* const rows = copy.last.reserve(layer.output * stride);
      std::fill_n(rows, layer.output * stride, T(0));
      for (std::size_t j = 0; j < layer.output; ++j) {
        std::copy_n(weight + j * layer.input, layer.input, rows + j * stride);
      }
    } else {
      copy.columns[l].pack_columns(
          layer.input, layer.output, [&](std::size_t j) { return weight + j * layer.input; }, Padding::kTight);
    }
    T* bias = copy.bias[l].reserve(round_up<T>(layer.output));
    std::fill_n(bias, round_up<T>(layer.output), T(0));
    std::copy_n(parameters.data() + layer.bias, layer.output, bias);
  }
}

template <typename T>
void QNetwork<T>::values(QCopy which, View<const T, 2> x, View<T, 2> q) {
  const std::size_t n = x.extent(0);
  require(x.extent(1) == observation_size(), "observations", "(n, d) with d = ", observation_size(), x);
  require(q.extent(0) == n && q.extent(1) == actions(), "q", "(n, actions) = ", shape_text<2>({n, actions()}), q);
  QCopyState<T>& copy = state_->at(which);
  state_->reserve(copy, n);
  const double nanoseconds = static_cast<double>(n) * state_->multiplications() / 25;
  const std::size_t last = state_->layers.size() - 1;
  parallel_ranges(n, kTileRows, nanoseconds, [&](std::size_t begin, std::size_t end) {
    state_->forward(copy, x, begin, end, 0);
    const Rows<T> y = copy.rows(state_->layers[last], last);
    for (std::size_t row = begin; row < end; ++row) std::copy_n(y[row], actions(), q.row(row));
  });
}

template <typename T>
void QNetwork<T>::check(const QBatch<T>& batch) const {
  const std::size_t n = batch.actions.extent(0);
  const auto rows = [&](const View<const T, 2>& x, const char* name) {
    require(x.extent(0) == n && x.extent(1) == observation_size(), name,
            "(n, d) = ", shape_text<2>({n, observation_size()}), x);
  };
  const auto column = [&](const View<const T, 1>& x, const char* name) {
    require(x.extent(0) == n, name, "of one number per transition, n = ", n, x);
  };
  require(n >= 1, "a batch must have at least one transition");
  rows(batch.observations, "observations");
  rows(batch.next_observations, "next_observations");
  column(batch.rewards, "rewards");
  column(batch.bootstrap, "bootstrap");
  column(batch.weights, "weights");
  for (std::size_t i = 0; i < n; ++i) {
    require(batch.actions(i) >= 0 && static_cast<std::size_t>(batch.actions(i)) < actions(),
            "actions must be from 0 to ", actions() - 1, ", but one is ", batch.actions(i));
  }
}

template <typename T>
double QNetwork<T>::gradient(const QLoss& loss, const QBatch<T>& batch, View<const T, 1> parameters,
                             View<T, 1> gradients, View<T, 1> td_errors) {
  check(batch);
  const std::size_t n = batch.actions.extent(0);
  require(parameters.size() == size_, "parameters", "of the network's size, ", size_, parameters);
  require(gradients.size() == size_, "gradients", "of the network's size, ", size_, gradients);
  require(td_errors.size() == n, "td_errors", "of one number per transition, n = ", n, td_errors);

  State& state = *state_;
  QCopyState<T>&online = state.at(QCopy::kOnline), &target = state.at(QCopy::kTarget);
  state.reserve(online, loss.double_q ? 2 * n : n);
  state.reserve(target, n);
  state.slopes.reserve(n);
  state.losses.reserve(n);
  for (std::size_t l = 0; l + 1 < state.layers.size(); ++l) {
    const QLayer& layer = state.layers[l];
    state.dz[l].reserve(n * round_up<T>(layer.output));
    if (l == 0) continue;
    const T* weight = parameters.data() + layer.weight;
    state.back[l].pack_rows(
        layer.output, layer.input, [&](std::size_t k) { return weight + k * layer.input; }, Padding::kTight);
  }

  const double passes = loss.double_q ? 4 : 3;
  const double nanoseconds = passes * static_cast<double>(n) * state.multiplications() / 25;
  parallel_ranges(n, kTileRows, nanoseconds, [&](std::size_t begin, std::size_t end) {
    state.forward(target, batch.next_observations, begin, end, 0);
    if (loss.double_q) state.forward(online, batch.next_observations, begin, end, n);
    state.forward(online, batch.observations, begin, end, 0);
    state.errors(loss, batch, begin, end, td_errors);
    state.backward(batch, parameters.data(), begin, end);
  });
  state.weight_gradients(batch, gradients.data());
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += state.losses.data()[i];
  return sum / static_cast<double>(n);
}

template class QNetwork<float>;
template class QNetwork<double>;

}  // namespace nncore
