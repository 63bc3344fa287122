#include "nncore/energy/rbm.h"

#include <pybind11/pybind11.h>

#include "arrays.h"
#include "gil.h"
#include "interruptible.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

using RbmStarts = In<std::int64_t, 1>;
using RbmColumns = In<std::int32_t, 1>;

/// The argument `samples`: a matrix, or (starts, columns, values, width) of a sparse one. Holds the arrays.
template <typename T>
class Samples {
 public:
  explicit Samples(const py::object& from) {
    if (!py::isinstance<py::tuple>(from)) {
      dense_ = from.cast<In<T, 2>>();
      rows_.dense = dense_;
      return;
    }
    const auto parts = from.cast<py::tuple>();
    if (parts.size() != 4) throw py::value_error("samples must be an array or (starts, columns, values, width)");
    starts_ = parts[0].cast<RbmStarts>();
    columns_ = parts[1].cast<RbmColumns>();
    values_ = parts[2].cast<In<T, 1>>();
    rows_.sparse = {starts_, columns_, values_, parts[3].cast<std::size_t>()};
    rows_.is_sparse = true;
  }
  operator const VisibleRows<T>&() const { return rows_; }

 private:
  In<T, 2> dense_;
  RbmStarts starts_;
  RbmColumns columns_;
  In<T, 1> values_;
  VisibleRows<T> rows_;
};

template <typename T>
RbmParameters<const T> rbm_parameters(bool gaussian, const In<T, 2>& weights, const In<T, 1>& visible_bias,
                                      const In<T, 1>& hidden_bias) {
  return {gaussian ? Visible::kGaussian : Visible::kBernoulli, weights, visible_bias, hidden_bias};
}

template <typename T>
void bind_rbm_train(py::module_& m) {
  m.def(
      "rbm_train",
      [](bool gaussian, Out<T, 2> weights, Out<T, 1> visible_bias, Out<T, 1> hidden_bias, const py::object& samples,
         In<std::int64_t, 1> order, std::size_t batch_size, double learning_rate, double momentum, double weight_decay,
         double sparsity_target, double sparsity_cost, std::size_t steps, std::uint64_t seed, std::uint64_t first,
         Out<T, 2> velocity, Out<T, 2> chains) {
        const Samples<T> rows(samples);
        const RbmParameters<T> machine{gaussian ? Visible::kGaussian : Visible::kBernoulli, weights, visible_bias,
                                       hidden_bias};
        return interruptible([&] {
          return rbm_train<T>(machine, rows, order, batch_size,
                              {learning_rate, momentum, weight_decay, sparsity_target, sparsity_cost, steps, seed},
                              first, velocity, chains);
        });
      },
      "gaussian"_a, "weights"_a, "visible_bias"_a, "hidden_bias"_a, "samples"_a, "order"_a, "batch_size"_a,
      "learning_rate"_a, "momentum"_a, "weight_decay"_a, "sparsity_target"_a, "sparsity_cost"_a, "steps"_a, "seed"_a,
      "first"_a, "velocity"_a, "chains"_a);
}

template <typename T>
void bind_rbm_states(py::module_& m) {
  m.def(
      "rbm_hidden",
      [](bool gaussian, In<T, 2> weights, In<T, 1> visible_bias, In<T, 1> hidden_bias, const py::object& samples,
         Out<T, 2> hidden) {
        const Samples<T> rows(samples);
        const Unlocked unlocked;
        rbm_hidden<T>(rbm_parameters<T>(gaussian, weights, visible_bias, hidden_bias), rows, hidden);
      },
      "gaussian"_a, "weights"_a, "visible_bias"_a, "hidden_bias"_a, "samples"_a, "hidden"_a);
  m.def(
      "rbm_visible",
      [](bool gaussian, In<T, 2> weights, In<T, 1> visible_bias, In<T, 1> hidden_bias, In<T, 2> hidden,
         Out<T, 2> visible) {
        const Unlocked unlocked;
        rbm_visible<T>(rbm_parameters<T>(gaussian, weights, visible_bias, hidden_bias), hidden, visible);
      },
      "gaussian"_a, "weights"_a, "visible_bias"_a, "hidden_bias"_a, "hidden"_a, "visible"_a);
  m.def(
      "rbm_gibbs",
      [](bool gaussian, In<T, 2> weights, In<T, 1> visible_bias, In<T, 1> hidden_bias, std::size_t steps,
         std::uint64_t seed, std::uint64_t first, std::uint64_t first_row, Out<T, 2> visible) {
        const Unlocked unlocked;
        rbm_gibbs<T>(rbm_parameters<T>(gaussian, weights, visible_bias, hidden_bias), steps, seed, first, first_row,
                     visible);
      },
      "gaussian"_a, "weights"_a, "visible_bias"_a, "hidden_bias"_a, "steps"_a, "seed"_a, "first"_a, "first_row"_a,
      "visible"_a);
}

template <typename T>
void bind_rbm_likelihood(py::module_& m) {
  m.def(
      "rbm_free_energy",
      [](bool gaussian, In<T, 2> weights, In<T, 1> visible_bias, In<T, 1> hidden_bias, const py::object& samples,
         Out<double, 1> energy) {
        const Samples<T> rows(samples);
        const Unlocked unlocked;
        rbm_free_energy<T>(rbm_parameters<T>(gaussian, weights, visible_bias, hidden_bias), rows, energy);
      },
      "gaussian"_a, "weights"_a, "visible_bias"_a, "hidden_bias"_a, "samples"_a, "energy"_a);
  m.def(
      "rbm_pseudo_likelihood",
      [](bool gaussian, In<T, 2> weights, In<T, 1> visible_bias, In<T, 1> hidden_bias, const py::object& samples,
         Out<double, 1> likelihood) {
        const Samples<T> rows(samples);
        const Unlocked unlocked;
        rbm_pseudo_likelihood<T>(rbm_parameters<T>(gaussian, weights, visible_bias, hidden_bias), rows, likelihood);
      },
      "gaussian"_a, "weights"_a, "visible_bias"_a, "hidden_bias"_a, "samples"_a, "likelihood"_a);
  m.def(
      "rbm_anneal",
      [](bool gaussian, In<T, 2> weights, In<T, 1> visible_bias, In<T, 1> hidden_bias, In<T, 1> base_bias,
         In<double, 1> betas, std::uint64_t seed, std::uint64_t first, Out<T, 2> visible, Out<double, 1> log_weights) {
        const Unlocked unlocked;
        rbm_anneal<T>(rbm_parameters<T>(gaussian, weights, visible_bias, hidden_bias), base_bias, betas, seed, first,
                      visible, log_weights);
      },
      "gaussian"_a, "weights"_a, "visible_bias"_a, "hidden_bias"_a, "base_bias"_a, "betas"_a, "seed"_a, "first"_a,
      "visible"_a, "log_weights"_a);
  m.def(
      "rbm_log_partition",
      [](bool gaussian, In<T, 2> weights, In<T, 1> visible_bias, In<T, 1> hidden_bias, std::uint64_t begin,
         std::uint64_t end) {
        const Unlocked unlocked;
        return rbm_log_partition<T>(rbm_parameters<T>(gaussian, weights, visible_bias, hidden_bias), begin, end);
      },
      "gaussian"_a, "weights"_a, "visible_bias"_a, "hidden_bias"_a, "begin"_a, "end"_a);
}

template <typename T>
void bind_rbm_of(py::module_& m) {
  bind_rbm_train<T>(m);
  bind_rbm_states<T>(m);
  bind_rbm_likelihood<T>(m);
}

}  // namespace

void bind_rbm(py::module_& m) {
  bind_rbm_of<float>(m);
  bind_rbm_of<double>(m);
}

}  // namespace nncore
