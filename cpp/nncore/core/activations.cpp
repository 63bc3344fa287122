#include "nncore/core/activations.h"

namespace nncore {

Activation activation_named(const std::string& name) {
  static const char* const names[] = {"none", "relu", "leaky_relu", "tanh", "sigmoid", "elu", "softplus"};
  for (int i = 0; i < 7; ++i) {
    if (name == names[i]) return static_cast<Activation>(i);
  }
  require(false, "activation must be none, relu, leaky_relu, tanh, sigmoid, elu or softplus, but is '", name, "'");
  return Activation::kNone;
}

template <typename T>
void activation_gradient(Activation a, View<const T, 1> y, View<const T, 1> dy, View<T, 1> dx) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    const T v = y(i);
    T d = 1;
    switch (a) {
      case Activation::kRelu: d = v > 0; break;
      case Activation::kLeakyRelu: d = v > 0 ? T(1) : T(kLeakySlope); break;
      case Activation::kTanh: d = 1 - v * v; break;
      case Activation::kSigmoid: d = v * (1 - v); break;
      case Activation::kElu: d = v > 0 ? T(1) : v + 1; break;
      case Activation::kSoftplus: d = 1 - std::exp(-v); break;
      default: break;
    }
    dx(i) = dy(i) * d;
  }
}
template void activation_gradient(Activation, View<const float, 1>, View<const float, 1>, View<float, 1>);
template void activation_gradient(Activation, View<const double, 1>, View<const double, 1>, View<double, 1>);
}  // namespace nncore
