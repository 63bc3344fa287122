#include "nncore/rl/reinforce.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "arrays.h"
#include "gil.h"
#include "interruptible.h"
#include "nncore/rl/pong_differences.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

template <typename T>
py::list policy_layers(const Reinforce<T>& learner) {
  py::list layers;
  for (const auto& layer : learner.policy().layers())
    layers.append(py::make_tuple(layer.inputs, layer.outputs, layer.stride, layer.weight, layer.bias));
  return layers;
}

template <typename T>
void bind_reinforce_of(py::module_& m, const char* name) {
  using Learner = Reinforce<T>;
  py::class_<Learner>(m, name, py::module_local())
      .def(py::init([](const std::vector<std::size_t>& sizes, std::size_t environments, double gamma, bool baseline,
                       bool standardize, bool cut_at_reward, std::uint64_t seed) {
             return std::make_unique<Learner>(sizes, environments,
                                              ReinforceSettings{gamma, baseline, standardize, cut_at_reward, seed});
           }),
           "sizes"_a, "environments"_a, "gamma"_a, "baseline"_a, "standardize"_a, "cut_at_reward"_a, "seed"_a)
      .def_property_readonly("size", [](const Learner& learner) { return learner.policy().size(); })
      .def_property_readonly("layers", &policy_layers<T>, "Of each: inputs, outputs, stride, weight and bias offsets.")
      .def_property_readonly("episodes", &Learner::episodes)
      .def_property_readonly("steps", &Learner::steps)
      .def_property_readonly("calls", &Learner::calls)
      .def(
          "probabilities",
          [](Learner& learner, In<T, 1> parameters, In<T, 2> observations, Out<T, 2> out) {
            const Unlocked unlocked;
            learner.probabilities(parameters, observations, out);
          },
          "parameters"_a, "observations"_a, "out"_a)
      .def(
          "act",
          [](Learner& learner, In<T, 1> parameters, In<T, 2> observations, Out<std::int64_t, 1> actions) {
            const Unlocked unlocked;
            learner.act(parameters, observations, actions);
          },
          "parameters"_a, "observations"_a, "actions"_a)
      .def(
          "act_on_pong",
          [](Learner& learner, In<T, 1> parameters, In<std::uint8_t, 3> frames, In<std::uint8_t, 1> starts,
             Out<std::uint8_t, 2> previous, Out<std::int64_t, 1> actions) {
            const Unlocked unlocked;
            learner.act_on_pong(parameters, frames, starts, previous, actions);
          },
          "parameters"_a, "frames"_a, "starts"_a, "previous"_a, "actions"_a)
      .def(
          "take",
          [](Learner& learner, In<double, 1> rewards, In<std::uint8_t, 1> over, In<std::uint8_t, 1> valid) {
            py::list ends;
            for (const EpisodeEnd& end : learner.take(rewards, over, valid))
              ends.append(py::make_tuple(end.environment, end.total, end.length));
            return ends;
          },
          "rewards"_a, "over"_a, "valid"_a, "Of each episode that has ended: its environment, return and length.")
      .def(
          "gradient",
          [](Learner& learner, In<T, 1> parameters, Out<T, 1> gradients, const std::optional<py::function>& stop) {
            return given_up_by(stop, [&] { return learner.gradient(parameters, gradients); });
          },
          "parameters"_a, "gradients"_a, "stop"_a = py::none(), "The loss; None where stop() has ended it before.")
      .def("state",
           [](Learner& learner) {
             const EpisodeSteps<T> steps = learner.state();
             py::dict arrays;
             arrays["steps"] = array_of(steps.steps);
             arrays["inputs"] = array_of(steps.inputs);
             arrays["indices"] = array_of(steps.indices);
             arrays["values"] = array_of(steps.values);
             arrays["actions"] = array_of(steps.actions);
             arrays["rewards"] = array_of(steps.rewards);
             return arrays;
           })
      .def(
          "restore",
          [](Learner& learner, In<std::int64_t, 1> steps, In<std::int64_t, 1> inputs, In<std::uint32_t, 1> indices,
             In<T, 1> values, In<std::int32_t, 1> actions, In<double, 1> rewards, std::size_t ended,
             std::uint64_t calls) {
            const EpisodeSteps<T> given{listed(steps),  listed(inputs),  listed(indices),
                                        listed(values), listed(actions), listed(rewards)};
            learner.restore(given, ended, calls);
          },
          "steps"_a, "inputs"_a, "indices"_a, "values"_a, "actions"_a, "rewards"_a, "ended"_a, "calls"_a)
      .def("restart", &Learner::restart, "calls"_a);
}

}  // namespace

void bind_reinforce(py::module_& m) {
  bind_reinforce_of<float>(m, "ReinforceFloat32");
  bind_reinforce_of<double>(m, "ReinforceFloat64");
  m.def(
      "pong_differences",
      [](In<std::uint8_t, 3> frames, In<std::uint8_t, 1> starts, Out<std::uint8_t, 2> previous,
         Out<float, 2> differences) {
        const Unlocked unlocked;
        pong_differences(frames, starts, previous, differences);
      },
      "frames"_a, "starts"_a, "previous"_a, "differences"_a);
}

}  // namespace nncore
