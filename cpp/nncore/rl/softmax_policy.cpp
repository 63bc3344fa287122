#include "nncore/rl/softmax_policy.h"

#include <algorithm>
#include <cmath>

#include "nncore/core/simd.h"
#include "nncore/core/view.h"

namespace nncore {
namespace {

/// y += x * row, over whole registers.
template <typename T>
void add_row(T x, const T* row, std::size_t stride, T* y) {
  const Vec<T> factor = broadcast(x);
  for (std::size_t k = 0; k < stride; k += kLanes<T>) store(y + k, fma(factor, load(row + k), load(y + k)));
}

template <typename T>
void fetch_row(const T* row, std::size_t stride) {
  for (std::size_t k = 0; k < stride; k += 64 / sizeof(T)) __builtin_prefetch(row + k);
}

template <typename T>
T dot(const T* a, const T* b, std::size_t stride) {
  Vec<T> sum{};
  for (std::size_t k = 0; k < stride; k += kLanes<T>) sum = fma(load(a + k), load(b + k), sum);
  T total = 0;
  for (std::size_t lane = 0; lane < kLanes<T>; ++lane) total += sum[lane];
  return total;
}

/// Calls f(index, value) for each input of a layer that is not zero.
template <typename T, typename F>
void each_input(const SparseInput<T>& input, const F& f) {
  for (std::size_t i = 0; i < input.count; ++i) f(input.indices[i], input.values[i]);
}

template <typename T, typename F>
void each_input(const T* units, std::size_t count, const F& f) {
  for (std::size_t i = 0; i < count; ++i) {
    if (units[i] != 0) f(i, units[i]);
  }
}

template <typename T>
void softmax(T* logits, std::size_t count) {
  const T most = *std::max_element(logits, logits + count);
  T sum = 0;
  for (std::size_t a = 0; a < count; ++a) sum += logits[a] = std::exp(logits[a] - most);
  for (std::size_t a = 0; a < count; ++a) logits[a] /= sum;
}

}  // namespace

template <typename T>
SoftmaxPolicy<T>::SoftmaxPolicy(const std::vector<std::size_t>& sizes) {
  require(sizes.size() >= 2, "sizes must be at least those of the observation and the actions, but there are ",
          sizes.size());
  constexpr std::size_t kBlock = 64 / sizeof(T), kMost = std::size_t{1} << 32;
  for (const std::size_t size : sizes) require(size >= 1 && size < kMost, "sizes must be 1 to 2^32, but one is ", size);
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    const std::size_t stride = (sizes[l + 1] + kBlock - 1) / kBlock * kBlock;
    require(sizes[l] < (std::size_t{1} << 40) / stride, "sizes must make a network that fits in memory, but are ",
            sizes[l], " by ", sizes[l + 1]);
    const std::size_t bias = size_ + sizes[l] * stride;
    layers_.push_back({sizes[l], sizes[l + 1], stride, size_, bias, activations_});
    size_ = bias + stride;
    activations_ += stride;
  }
}

template <typename T>
const T* SoftmaxPolicy<T>::forward(const T* parameters, const SparseInput<T>& input, T* activations) const {
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    T* const out = activations + layer.unit;
    std::copy_n(parameters + layer.bias, layer.stride, out);
    const auto add = [&](std::size_t i, T x) {
      add_row(x, parameters + layer.weight + i * layer.stride, layer.stride, out);
    };
    if (l == 0) {
      for (std::size_t i = 0; i < input.count; ++i) {
        if (i + 2 < input.count)
          fetch_row(parameters + layer.weight + input.indices[i + 2] * layer.stride, layer.stride);
        add(input.indices[i], input.values[i]);
      }
    } else {
      each_input(activations + layers_[l - 1].unit, layer.inputs, add);
    }
    if (l + 1 == layers_.size()) {
      softmax(out, layer.outputs);
    } else {
      for (std::size_t k = 0; k < layer.stride; ++k) out[k] = out[k] < 0 ? T{0} : out[k];  // NaN stays
    }
  }
  return activations + layers_.back().unit;
}

template <typename T>
void SoftmaxPolicy<T>::add_gradient(const T* parameters, const SparseInput<T>& input, const T* activations,
                                    std::size_t action, T scale, T* errors, T* gradients) const {
  const Layer& last = layers_.back();
  for (std::size_t a = 0; a < last.outputs; ++a)
    errors[last.unit + a] = scale * ((a == action ? T{1} : T{0}) - activations[last.unit + a]);
  std::fill(errors + last.unit + last.outputs, errors + last.unit + last.stride, T{0});
  for (std::size_t l = layers_.size(); l-- > 0;) {
    const Layer& layer = layers_[l];
    const T* const error = errors + layer.unit;
    add_row(T{1}, error, layer.stride, gradients + layer.bias);
    const auto learn = [&](std::size_t i, T x) {
      add_row(x, error, layer.stride, gradients + layer.weight + i * layer.stride);
    };
    if (l == 0) {
      each_input(input, learn);
      return;
    }
    const Layer& below = layers_[l - 1];
    T* const back = errors + below.unit;
    std::fill(back, back + below.stride, T{0});
    each_input(activations + below.unit, layer.inputs, [&](std::size_t i, T x) {
      learn(i, x);
      back[i] = dot(error, parameters + layer.weight + i * layer.stride, layer.stride);
    });
  }
}

template class SoftmaxPolicy<float>;
template class SoftmaxPolicy<double>;

}  // namespace nncore
