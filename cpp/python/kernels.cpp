#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "arrays.h"
#include "gil.h"
#include "nncore/core/elementwise.h"
#include "nncore/core/matmul.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

template <typename T>
void bind_elementwise(py::module_& m) {
  m.def(
      "activate",
      [](const std::string& activation, In<T, 1> x, Out<T, 1> y) {
        const Unlocked unlocked;
        activate<T>(activation_named(activation), x, y);
      },
      "activation"_a, "x"_a, "y"_a);
  m.def(
      "activation_gradient",
      [](const std::string& activation, In<T, 1> y, In<T, 1> dy, Out<T, 1> dx) {
        const Unlocked unlocked;
        activation_gradient<T>(activation_named(activation), y, dy, dx);
      },
      "activation"_a, "y"_a, "dy"_a, "dx"_a);
  m.def(
      "exp",
      [](In<T, 1> x, Out<T, 1> y) {
        const Unlocked unlocked;
        exp<T>(x, y);
      },
      "x"_a, "y"_a);
  m.def(
      "log",
      [](In<T, 1> x, Out<T, 1> y) {
        const Unlocked unlocked;
        log<T>(x, y);
      },
      "x"_a, "y"_a);
}

template <typename T>
void bind_matmul(py::module_& m) {
  m.def(
      "matmul",
      [](In<T, 2> a, In<T, 2> b, std::optional<In<T, 1>> bias, Out<T, 2> c) {
        const Unlocked unlocked;
        matmul<T>(a, b, bias ? bias->view() : View<const T, 1>(), c);
      },
      "a"_a, "b"_a, "bias"_a.none(true), "c"_a);
  m.def(
      "add_transposed_product",
      [](In<T, 2> a, In<T, 2> b, Out<T, 2> c) {
        const Unlocked unlocked;
        add_transposed_product<T>(a, b, c);
      },
      "a"_a, "b"_a, "c"_a);
}

}  // namespace

void bind_kernels(py::module_& m) {
  m.attr("CHAIN") = kChain;
  bind_elementwise<float>(m);
  bind_elementwise<double>(m);
  bind_matmul<float>(m);
  bind_matmul<double>(m);
}

}  // namespace nncore
