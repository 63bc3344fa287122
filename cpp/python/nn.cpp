#include <pybind11/stl.h>

#include <map>
#include <optional>

#include "arrays.h"
#include "interruptible.h"
#include "nncore/nn/network.h"
#include "nncore/nn/stream.h"
#include "plain.h"

namespace nncore {

namespace {

namespace py = pybind11;
using py::literals::operator""_a;

/// Reads the description of a layer that Python's layer objects give; they have checked the values.
LayerSpec spec_of(const py::dict& description) {
  static const std::map<std::string, LayerKind> kinds{
      {"dense", LayerKind::kDense},        {"embedding", LayerKind::kEmbedding},
      {"dropout", LayerKind::kDropout},    {"batch_norm", LayerKind::kBatchNorm},
      {"last_step", LayerKind::kLastStep}, {"elman", LayerKind::kElman},
      {"lstm", LayerKind::kLstm},          {"gru", LayerKind::kGru}};
  const auto read = [&](const char* name, auto& field) {
    using Field = std::remove_reference_t<decltype(field)>;
    if (description.contains(name)) field = description[name].cast<Field>();
  };
  LayerSpec spec;
  spec.kind = kinds.at(description["kind"].cast<std::string>());
  read("input", spec.input);
  read("output", spec.output);
  read("bias", spec.bias);
  read("tied", spec.tied);
  read("num_layers", spec.num_layers);
  read("bidirectional", spec.bidirectional);
  read("relu", spec.relu);
  read("reset_after", spec.reset_after);
  read("p", spec.p);
  std::string activation;
  read("activation", activation);
  if (!activation.empty()) spec.activation = activation_named(activation);
  return spec;
}

template <typename T>
using States = std::vector<In<T, 3>>;
template <typename T>
using StatesOut = std::vector<Out<T, 3>>;

/// The arguments that every pass over a batch has, as Python gives them.
template <typename T>
struct Batch {
  std::optional<In<T, 3>> values;
  std::optional<In<std::int64_t, 2>> ids;
  std::optional<In<std::int64_t, 1>> lengths;

  NetworkInput<T> input(bool has_steps, std::uint64_t seed, std::uint64_t step) const {
    NetworkInput<T> x;
    if (values) x.values = *values;
    if (ids) x.ids = *ids;
    if (lengths) x.lengths = *lengths;
    x.has_steps = has_steps;
    x.seed = seed;
    x.step = step;
    return x;
  }
};

template <typename T>
NetworkState<T> state_of(const States<T>& in, const StatesOut<T>& out) {
  NetworkState<T> state;
  for (const auto& array : in) state.in.push_back(array);
  for (const auto& array : out) state.out.push_back(array);
  return state;
}

/// (kind, lr, momentum, nesterov, beta1, beta2, alpha, eps, weight_decay, step, slot0, slot1), as optimizers prepare it.
template <typename T>
void read_optimizer(const py::tuple& prepared, TrainingStep<T>& step) {
  OptimizerStep& o = step.optimizer;
  o.kind = static_cast<OptimizerKind>(prepared[0].cast<int>());
  o.lr = prepared[1].cast<double>();
  o.momentum = prepared[2].cast<double>();
  o.nesterov = prepared[3].cast<bool>();
  o.beta1 = prepared[4].cast<double>();
  o.beta2 = prepared[5].cast<double>();
  o.alpha = prepared[6].cast<double>();
  o.eps = prepared[7].cast<double>();
  o.weight_decay = prepared[8].cast<double>();
  o.step = prepared[9].cast<std::uint64_t>();
  step.slot0 = prepared[10].cast<Out<T, 1>>();
  step.slot1 = prepared[11].cast<Out<T, 1>>();
}

py::list infos_of(const std::vector<ParameterInfo>& infos) {
  py::list list;
  for (const ParameterInfo& info : infos)
    list.append(py::make_tuple(info.name, py::tuple(py::cast(info.shape)), info.offset));
  return list;
}

/// Makes the arrays of a trace as they are asked for: one dict per stacked recurrent layer.
template <typename T>
struct TraceDicts final : Network<T>::TraceSink {
  std::size_t count = 0, steps = 0;
  std::map<std::pair<std::size_t, std::size_t>, py::dict> dicts;

  View<T, 3> place(std::size_t layer, std::size_t stacked, const std::string& name, std::size_t hidden) override {
    py::array_t<T> array({count, steps, hidden});
    dicts[{layer, stacked}][py::str(name)] = array;
    return View<T, 3>(array.mutable_data(), {count, steps, hidden});
  }
};

/// Inference without lengths or states; None where x must first be converted, or refused.
template <typename T>
std::optional<py::array_t<T>> infer_plain(const Network<T>& net, In<T, 1> parameters, In<T, 1> buffers,
                                          const py::object& x) {
  const std::optional<NetworkInput<T>> input = plain_input(net, x);
  if (!input) return std::nullopt;
  py::array_t<T> y(output_shape(net, *input));
  const View<T, 3> to = with_steps<T>(y);
  interruptible([&] { net.infer(parameters, buffers, *input, {}, to); });
  return y;
}

/// The same in training.
template <typename T>
std::optional<py::array_t<T>> forward_plain(Network<T>& net, In<T, 1> parameters, Out<T, 1> buffers,
                                            const py::object& x, std::uint64_t seed, std::uint64_t draw) {
  std::optional<NetworkInput<T>> input = plain_input(net, x);
  if (!input) return std::nullopt;
  input->seed = seed;
  input->step = draw;
  py::array_t<T> y(output_shape(net, *input));
  const View<T, 3> to = with_steps<T>(y);
  interruptible([&] { net.forward(parameters, buffers, *input, {}, to); });
  return y;
}

/// The way back without states: (dx,) or (); None where dy must first be converted, or the call refused.
template <typename T>
std::optional<py::tuple> backward_plain(Network<T>& net, In<T, 1> parameters, Out<T, 1> gradients, const py::object& dy,
                                        bool input_gradient) {
  const std::optional<View<const T, 3>> given = plain_gradient(net, dy);
  if (!given || (input_gradient && net.takes_ids())) return std::nullopt;
  const py::tuple results(input_gradient ? 1 : 0);
  View<T, 3> to;
  if (input_gradient) {
    py::array_t<T> dx(net.remembered_input_shape());
    to = with_steps<T>(dx);
    results[0] = std::move(dx);
  }
  interruptible([&] { net.backward(parameters, gradients, *given, {}, to); });
  return results;
}

template <typename T>
void bind_network(py::module_& m, const char* name) {
  using Values = std::optional<In<T, 3>>;
  using Ids = std::optional<In<std::int64_t, 2>>;
  using Lengths = std::optional<In<std::int64_t, 1>>;
  py::class_<Network<T>>(m, name, py::module_local())
      .def(py::init([](const std::vector<py::dict>& layers) {
             std::vector<LayerSpec> specs;
             for (const py::dict& layer : layers) specs.push_back(spec_of(layer));
             return std::make_unique<Network<T>>(specs);
           }),
           "layers"_a)
      .def_property_readonly("parameters", [](const Network<T>& net) { return infos_of(net.parameters()); })
      .def_property_readonly("buffers", [](const Network<T>& net) { return infos_of(net.buffers()); })
      .def_property_readonly("parameter_size", &Network<T>::parameter_size)
      .def_property_readonly("buffer_size", &Network<T>::buffer_size)
      .def_property_readonly("states",
                             [](const Network<T>& net) {
                               py::list list;
                               for (const StateInfo& s : net.states())
                                 list.append(py::make_tuple(s.layer, s.planes, s.hidden));
                               return list;
                             })
      .def_property_readonly("output_features", &Network<T>::output_features)
      .def_property_readonly("takes_ids", &Network<T>::takes_ids)
      .def_property_readonly("needs_steps", &Network<T>::needs_steps)
      .def_property_readonly("drops_steps", &Network<T>::drops_steps)
      .def_property_readonly("passes", &Network<T>::passes)
      .def_property_readonly("remembers", &Network<T>::remembers)
      .def_property_readonly("remembered_input_shape", &Network<T>::remembered_input_shape)
      .def_property_readonly("remembered_shape", &Network<T>::remembered_shape)
      .def(
          "initialize",
          [](const Network<T>& net, std::uint64_t seed, Out<T, 1> parameters, Out<T, 1> buffers) {
            net.initialize(seed, parameters, buffers);
          },
          "seed"_a, "parameters"_a, "buffers"_a)
      .def(
          "infer",
          [](const Network<T>& net, In<T, 1> parameters, In<T, 1> buffers, Values values, Ids ids, Lengths lengths,
             bool has_steps, const States<T>& state_in, const StatesOut<T>& state_out, Out<T, 3> y) {
            const NetworkInput<T> x = Batch<T>{values, ids, lengths}.input(has_steps, 0, 0);
            const NetworkState<T> state = state_of<T>(state_in, state_out);
            interruptible([&] { net.infer(parameters, buffers, x, state, y); });
          },
          "parameters"_a, "buffers"_a, "values"_a, "ids"_a, "lengths"_a, "has_steps"_a, "state_in"_a, "state_out"_a,
          "y"_a)
      .def("infer_plain", &infer_plain<T>, "parameters"_a, "buffers"_a, "x"_a)
      .def("forward_plain", &forward_plain<T>, "parameters"_a, "buffers"_a, "x"_a, "seed"_a, "draw"_a)
      .def("backward_plain", &backward_plain<T>, "parameters"_a, "gradients"_a, "dy"_a, "input_gradient"_a)
      .def(
          "forward",
          [](Network<T>& net, In<T, 1> parameters, Out<T, 1> buffers, Values values, Ids ids, Lengths lengths,
             bool has_steps, std::uint64_t seed, std::uint64_t step, const States<T>& state_in,
             const StatesOut<T>& state_out, Out<T, 3> y) {
            const NetworkInput<T> x = Batch<T>{values, ids, lengths}.input(has_steps, seed, step);
            const NetworkState<T> state = state_of<T>(state_in, state_out);
            interruptible([&] { net.forward(parameters, buffers, x, state, y); });
          },
          "parameters"_a, "buffers"_a, "values"_a, "ids"_a, "lengths"_a, "has_steps"_a, "seed"_a, "step"_a,
          "state_in"_a, "state_out"_a, "y"_a)
      .def(
          "backward",
          [](Network<T>& net, In<T, 1> parameters, Out<T, 1> gradients, In<T, 3> dy, const States<T>& dstate_in,
             const StatesOut<T>& dstate_out, std::optional<Out<T, 3>> dx) {
            const NetworkState<T> state = state_of<T>(dstate_in, dstate_out);
            const View<T, 3> dx_view = dx ? dx->view() : View<T, 3>{};
            interruptible([&] { net.backward(parameters, gradients, dy, state, dx_view); });
          },
          "parameters"_a, "gradients"_a, "dy"_a, "dstate_in"_a, "dstate_out"_a, "dx"_a)
      .def(
          "train_step",
          [](Network<T>& net, Out<T, 1> parameters, Out<T, 1> gradients, Out<T, 1> buffers, Values values, Ids ids,
             Lengths lengths, bool has_steps, std::uint64_t seed, std::uint64_t step, const States<T>& state_in,
             const StatesOut<T>& state_out, int loss, double delta, std::optional<In<T, 2>> target,
             std::optional<In<std::int64_t, 1>> labels, std::optional<In<T, 1>> weights, double l2,
             double max_grad_norm, const py::tuple& optimizer) {
            const NetworkInput<T> x = Batch<T>{values, ids, lengths}.input(has_steps, seed, step);
            const NetworkState<T> state = state_of<T>(state_in, state_out);
            TrainingStep<T> training;
            training.loss = {static_cast<LossKind>(loss), delta};
            if (target) training.target.values = *target;
            if (labels) training.target.labels = *labels;
            if (weights) training.weights = *weights;
            training.l2 = l2;
            training.max_grad_norm = max_grad_norm;
            read_optimizer(optimizer, training);
            return interruptible([&] { return net.train_step(parameters, gradients, buffers, x, state, training); });
          },
          "parameters"_a, "gradients"_a, "buffers"_a, "values"_a, "ids"_a, "lengths"_a, "has_steps"_a, "seed"_a,
          "step"_a, "state_in"_a, "state_out"_a, "loss"_a, "delta"_a, "target"_a, "labels"_a, "weights"_a, "l2"_a,
          "max_grad_norm"_a, "optimizer"_a)
      .def(
          "stream",
          [](const Network<T>& net, In<T, 1> parameters, In<T, 1> buffers, std::size_t rows) {
            return std::make_unique<NetworkStream<T>>(net, parameters, buffers, rows);
          },
          "parameters"_a, "buffers"_a, "rows"_a)
      .def(
          "train_step_plain",
          [](Network<T>& net, Out<T, 1> parameters, Out<T, 1> gradients, Out<T, 1> buffers, const py::object& x,
             std::uint64_t seed, std::uint64_t draw, int loss, double delta, const py::object& target, double l2,
             double max_grad_norm, const py::tuple& optimizer) -> std::optional<double> {
            std::optional<NetworkInput<T>> input = plain_input(net, x);
            if (!input) return std::nullopt;
            input->seed = seed;
            input->step = draw;
            TrainingStep<T> training;
            training.loss = {static_cast<LossKind>(loss), delta};
            if (!read_plain_target(target, output_shape(net, *input), training)) return std::nullopt;
            training.l2 = l2;
            training.max_grad_norm = max_grad_norm;
            read_optimizer(optimizer, training);
            return interruptible([&] { return net.train_step(parameters, gradients, buffers, *input, {}, training); });
          },
          "parameters"_a, "gradients"_a, "buffers"_a, "x"_a, "seed"_a, "draw"_a, "loss"_a, "delta"_a, "target"_a,
          "l2"_a, "max_grad_norm"_a, "optimizer"_a)
      .def(
          "trace",
          [](const Network<T>& net, In<T, 1> parameters, In<T, 1> buffers, Values values, Ids ids, Lengths lengths) {
            const NetworkInput<T> x = Batch<T>{values, ids, lengths}.input(true, 0, 0);
            TraceDicts<T> sink;
            sink.count = values ? x.values.extent(0) : x.ids.extent(0);
            sink.steps = values ? x.values.extent(1) : x.ids.extent(1);
            net.trace(parameters, buffers, x, sink);
            py::list list;
            for (const auto& entry : sink.dicts) list.append(entry.second);
            return list;
          },
          "parameters"_a, "buffers"_a, "values"_a, "ids"_a, "lengths"_a);
}

}  // namespace

void bind_nn(py::module_& m) {
  py::register_exception_translator([](std::exception_ptr raised) {
    try {
      if (raised) std::rethrow_exception(raised);
    } catch (const Divergence& divergence) {
      PyErr_SetString(PyExc_FloatingPointError, divergence.what());
    }
  });
  bind_network<float>(m, "NetworkFloat32");
  bind_network<double>(m, "NetworkFloat64");
}

}  // namespace nncore
