#include "nncore/core/activations.h"

#include <stdexcept>

#include "nncore/core/elementwise.h"
#include "nncore/core/threads.h"

namespace nncore {

namespace {

/// About what an element takes on one core with AVX2.
template <typename T>
constexpr double nanoseconds(bool transcendental) {
  return (transcendental ? 0.4 : 0.15) * (sizeof(T) == 4 ? 1 : 3);
}

bool transcendental(Activation activation) {
  return activation != Activation::kNone && activation != Activation::kRelu && activation != Activation::kLeakyRelu;
}

template <typename T>
void require_same_size(View<const T, 1> x, View<const T, 1> y, const char* argument) {
  require(y.extent(0) == x.extent(0), argument, "of size ", x.extent(0), y);
}

/// Calls visit(f), f(y, dy) = dy times the derivative as a function of the output y.
template <typename T, typename Visit>
void with_gradient(Activation activation, const Visit& visit) {
  switch (activation) {
    case Activation::kNone:
      return visit([](Vec<T>, Vec<T> dy) { return dy; });
    case Activation::kRelu:
      return visit([](Vec<T> y, Vec<T> dy) { return y > T(0) ? dy : Vec<T>{}; });
    case Activation::kLeakyRelu:
      return visit([](Vec<T> y, Vec<T> dy) { return y > T(0) ? dy : dy * T(kLeakySlope); });
    case Activation::kTanh:
      return visit([](Vec<T> y, Vec<T> dy) { return dy * fma(-y, y, broadcast(T(1))); });
    case Activation::kSigmoid:
      return visit([](Vec<T> y, Vec<T> dy) { return dy * (y * (T(1) - y)); });
    case Activation::kElu:
      return visit([](Vec<T> y, Vec<T> dy) { return y > T(0) ? dy : dy * (y + T(1)); });
    case Activation::kSoftplus:
      return visit([](Vec<T> y, Vec<T> dy) { return dy * -expm1_lanes<T>(-y); });
  }
}

/// z[i] = f(x[i], y[i]) for i < n; z may be x or y.
template <typename T, typename F>
void map_lanes(const T* x, const T* y, T* z, std::size_t n, const F& f) {
  std::size_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) store(z + i, f(load(x + i), load(y + i)));
  if (i < n) store_part(z + i, f(load_part(x + i, n - i), load_part(y + i, n - i)), n - i);
}

template <typename T, typename F>
void map_threaded(View<const T, 1> x, View<T, 1> y, bool transcendental, const F& f) {
  require_same_size<T>(x, y, "y");
  const double work = nanoseconds<T>(transcendental) * static_cast<double>(x.size());
  parallel_ranges(x.size(), kBlock<T>, work, [&](std::size_t begin, std::size_t end) {
    map_lanes(x.data() + begin, y.data() + begin, end - begin, f);
  });
}

}  // namespace

Activation activation_named(const std::string& name) {
  if (name == "none") return Activation::kNone;
  if (name == "relu") return Activation::kRelu;
  if (name == "leaky_relu") return Activation::kLeakyRelu;
  if (name == "tanh") return Activation::kTanh;
  if (name == "sigmoid") return Activation::kSigmoid;
  if (name == "elu") return Activation::kElu;
  if (name == "softplus") return Activation::kSoftplus;
  throw std::invalid_argument(
      "activation must be relu, leaky_relu, tanh, sigmoid, elu, softplus or none, but came as " + name);
}

template <typename T>
void activate(Activation activation, View<const T, 1> x, View<T, 1> y) {
  with_activation<T>(activation, [&](auto f) { map_threaded(x, y, transcendental(activation), f); });
}

template <typename T>
void activation_gradient(Activation activation, View<const T, 1> y, View<const T, 1> dy, View<T, 1> dx) {
  require_same_size<T>(y, dy, "dy");
  require_same_size<T>(y, dx, "dx");
  const double work = nanoseconds<T>(activation == Activation::kSoftplus) * static_cast<double>(y.size());
  with_gradient<T>(activation, [&](auto f) {
    parallel_ranges(y.size(), kBlock<T>, work, [&](std::size_t begin, std::size_t end) {
      map_lanes(y.data() + begin, dy.data() + begin, dx.data() + begin, end - begin, f);
    });
  });
}

template <typename T>
void exp(View<const T, 1> x, View<T, 1> y) {
  map_threaded(x, y, true, [](Vec<T> v) { return exp_lanes<T>(v); });
}

template <typename T>
void log(View<const T, 1> x, View<T, 1> y) {
  map_threaded(x, y, true, [](Vec<T> v) { return log_lanes<T>(v); });
}

template void activate(Activation, View<const float, 1>, View<float, 1>);
template void activate(Activation, View<const double, 1>, View<double, 1>);
template void activation_gradient(Activation, View<const float, 1>, View<const float, 1>, View<float, 1>);
template void activation_gradient(Activation, View<const double, 1>, View<const double, 1>, View<double, 1>);
template void exp(View<const float, 1>, View<float, 1>);
template void exp(View<const double, 1>, View<double, 1>);
template void log(View<const float, 1>, View<float, 1>);
template void log(View<const double, 1>, View<double, 1>);

}  // namespace nncore
