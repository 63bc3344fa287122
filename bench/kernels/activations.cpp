// Nanoseconds of an element, from the first level of memory and from its last.

#include <string>

#include "nncore/core/elementwise.h"
#include "peak.h"

namespace {

using namespace nncore;

constexpr int kInL1 = 1024, kInMemory = 1 << 22;  // elements

template <typename T, typename F>
void measure(benchmark::State& state, const F& f) {
  const std::size_t size = static_cast<std::size_t>(state.range(0));
  set_num_threads(static_cast<int>(state.range(1)));
  std::vector<T> x(size), y(size);
  for (std::size_t i = 0; i < size; ++i) x[i] = T(8) * static_cast<T>(i) / static_cast<T>(size) - T(4);
  const View<const T, 1> from(x.data(), {size});
  const View<T, 1> to(y.data(), {size});
  // Calls enough that reading the clock does not count.
  const std::size_t calls = 1 + 100000 / size;
  const double seconds = bench::fastest_call(state, [&] {
    for (std::size_t i = 0; i < calls; ++i) {
      f(from, to);
      benchmark::ClobberMemory();
    }
  });
  const double elements = static_cast<double>(size * calls);
  state.counters["ns/element"] = 1e9 * seconds / elements;
  state.counters["elements/s"] = elements / seconds;
}

template <typename F>
void add(const std::string& name, const F& f) {
  benchmark::RegisterBenchmark(name.c_str(), f)
      ->ArgNames({"size", "threads"})
      ->Args({kInL1, 1})
      ->Args({kInMemory, 1})
      ->Args({kInMemory, 2})
      ->UseRealTime();
}

template <typename T>
void add_all() {
  const std::string type = std::string("<") + bench::type_name<T>() + ">";
  for (const char* name : {"relu", "leaky_relu", "tanh", "sigmoid", "elu", "softplus"}) {
    const Activation activation = activation_named(name);
    add(name + type, [=](benchmark::State& state) {
      measure<T>(state, [=](View<const T, 1> x, View<T, 1> y) { activate(activation, x, y); });
    });
    add(name + ("_gradient" + type), [=](benchmark::State& state) {
      measure<T>(state, [=](View<const T, 1> x, View<T, 1> y) { activation_gradient(activation, x, x, y); });
    });
  }
  add("exp" + type, [](benchmark::State& state) { measure<T>(state, &nncore::exp<T>); });
  add("log" + type, [](benchmark::State& state) { measure<T>(state, &nncore::log<T>); });
}

const bool added = [] {
  add_all<float>();
  add_all<double>();
  return true;
}();

}  // namespace
