#pragma once

#include <string>

#include "nncore/core/view.h"

namespace nncore {

/// What a dense layer does to its sums, element by element.
enum class Activation { kNone, kRelu, kLeakyRelu, kTanh, kSigmoid, kElu, kSoftplus };

/// The leaky ReLU's slope below 0.
inline constexpr double kLeakySlope = 0.01;

/// "none", "relu", "leaky_relu", "tanh", "sigmoid", "elu" or "softplus"; std::invalid_argument for another name.
Activation activation_named(const std::string& name);

/// y = activation(x), of one size; y may be x. elu has alpha = 1.
template <typename T>
void activate(Activation activation, View<const T, 1> x, View<T, 1> y);

/// dx = dy * activation'(x), from the output y = activation(x) alone; all of one size, dx may be dy.
template <typename T>
void activation_gradient(Activation activation, View<const T, 1> y, View<const T, 1> dy, View<T, 1> dx);

/// y = exp(x) and y = log(x), of one size; y may be x.
template <typename T>
void exp(View<const T, 1> x, View<T, 1> y);
template <typename T>
void log(View<const T, 1> x, View<T, 1> y);

}  // namespace nncore
