#include "nncore/nn/optimizers.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <optional>

#include "arrays.h"
#include "gil.h"
#include "nncore/nn/losses.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

using RowNumbers = In<std::int64_t, 1>;

template <typename T, std::size_t Rank>
View<const T, Rank> view_or_empty(const std::optional<In<T, Rank>>& array) {
  return array ? array->view() : View<const T, Rank>();
}

template <typename T>
double checked_loss(const Loss& loss, In<T, 2> y, const Target<T>& target, const std::optional<RowNumbers>& y_rows,
                    RowNumbers target_rows, const std::optional<In<T, 1>>& weights, Out<T, 2> dy) {
  const Unlocked unlocked;
  check_target<T>(loss, target, y.view().extent(1), target_rows);
  return loss_forward_backward<T>(loss, y, target, view_or_empty(y_rows), target_rows, view_or_empty(weights), dy);
}

template <typename T>
void bind_loss(py::module_& m) {
  m.def(
      "loss_forward_backward",
      [](int kind, double delta, In<T, 2> y, In<T, 2> target, const std::optional<RowNumbers>& y_rows,
         RowNumbers target_rows, const std::optional<In<T, 1>>& weights, Out<T, 2> dy) {
        return checked_loss<T>({static_cast<LossKind>(kind), delta}, y, {target, {}}, y_rows, target_rows, weights, dy);
      },
      "kind"_a, "delta"_a, "y"_a, "target"_a, "y_rows"_a, "target_rows"_a, "weights"_a, "dy"_a);
  m.def(
      "loss_forward_backward",
      [](int kind, double delta, In<T, 2> y, In<std::int64_t, 1> target, const std::optional<RowNumbers>& y_rows,
         RowNumbers target_rows, const std::optional<In<T, 1>>& weights, Out<T, 2> dy) {
        return checked_loss<T>({static_cast<LossKind>(kind), delta}, y, {{}, target}, y_rows, target_rows, weights, dy);
      },
      "kind"_a, "delta"_a, "y"_a, "target"_a, "y_rows"_a, "target_rows"_a, "weights"_a, "dy"_a);
}

template <typename T>
void bind_steps(py::module_& m) {
  m.def(
      "optimizer_step",
      [](int kind, double lr, double momentum, bool nesterov, double beta1, double beta2, double alpha, double eps,
         double weight_decay, std::uint64_t step, Out<T, 1> slot0, Out<T, 1> slot1, double gradient_scale,
         In<T, 1> gradients, Out<T, 1> parameters) {
        const Unlocked unlocked;
        optimizer_step<T>(
            {static_cast<OptimizerKind>(kind), lr, momentum, nesterov, beta1, beta2, alpha, eps, weight_decay, step},
            static_cast<T>(gradient_scale), gradients, parameters, slot0, slot1);
      },
      "kind"_a, "lr"_a, "momentum"_a, "nesterov"_a, "beta1"_a, "beta2"_a, "alpha"_a, "eps"_a, "weight_decay"_a,
      "step"_a, "slot0"_a, "slot1"_a, "gradient_scale"_a, "gradients"_a, "parameters"_a);
  m.def(
      "gradient_norm",
      [](In<T, 1> gradients) {
        const Unlocked unlocked;
        return gradient_norm<T>(gradients);
      },
      "gradients"_a);
  m.def(
      "scale",
      [](Out<T, 1> values, double factor) {
        const Unlocked unlocked;
        scale<T>(values, static_cast<T>(factor));
      },
      "values"_a, "factor"_a);
}

}  // namespace

void bind_optimizers(py::module_& m) {
  bind_loss<float>(m);
  bind_loss<double>(m);
  bind_steps<float>(m);
  bind_steps<double>(m);
  m.def("clip_factor", &clip_factor, "norm"_a, "max_norm"_a);
}

}  // namespace nncore
