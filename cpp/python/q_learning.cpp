#include "nncore/rl/q_learning.h"

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <tuple>

#include "arrays.h"
#include "gil.h"
#include "mdp.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

/// (kind, initial, final, steps).
Schedule schedule_of(const py::tuple& parts) {
  require(parts.size() == 4, "a schedule must have 4 parts, but has ", parts.size());
  const auto kind = parts[0].cast<std::string>();
  Schedule schedule;
  if (kind == "linear") {
    schedule.kind = Schedule::Kind::kLinear;
  } else if (kind == "exponential") {
    schedule.kind = Schedule::Kind::kExponential;
  } else {
    require(kind == "constant", "a schedule must be 'constant', 'linear' or 'exponential', but is '", kind, "'");
  }
  schedule.initial = parts[1].cast<double>();
  schedule.final = parts[2].cast<double>();
  schedule.steps = parts[3].cast<double>();
  return schedule;
}

std::unique_ptr<QLearner> make_learner(In<double, 2> table, In<std::uint8_t, 2> allowed, const py::tuple& learning_rate,
                                       double gamma, const std::string& exploration, const py::tuple& level,
                                       std::uint64_t seed, std::uint64_t step) {
  require(exploration == "epsilon_greedy" || exploration == "boltzmann",
          "exploration must be 'epsilon_greedy' or 'boltzmann', but is '", exploration, "'");
  QLearningSettings settings;
  settings.learning_rate = schedule_of(learning_rate);
  settings.gamma = gamma;
  settings.kind = exploration == "boltzmann" ? QLearningSettings::Exploration::kBoltzmann
                                             : QLearningSettings::Exploration::kEpsilonGreedy;
  settings.exploration = schedule_of(level);
  settings.seed = seed;
  return std::make_unique<QLearner>(table, allowed, settings, step);
}

std::tuple<std::uint64_t, double, std::uint64_t> run_steps(QLearner& learner, std::uint64_t steps) {
  const Unlocked unlocked;
  const EpisodeTally tally = learner.run(steps);
  return {tally.episodes, tally.returns, tally.lengths};
}

}  // namespace

void bind_q_learning(py::module_& m) {
  py::class_<QLearner>(m, "QLearner", py::module_local())
      .def(py::init(&make_learner), "table"_a, "allowed"_a, "learning_rate"_a, "gamma"_a, "exploration"_a, "level"_a,
           "seed"_a, "step"_a)
      .def(
          "set_model",
          [](QLearner& learner, const py::tuple& mdp, In<double, 1> start, std::uint64_t limit) {
            learner.set_model(MdpArrays(mdp).mdp(), start, limit);
          },
          "mdp"_a, "start"_a, "limit"_a)
      .def_property_readonly("steps", &QLearner::steps)
      .def("begin", &QLearner::begin, "state"_a)
      .def("step", &QLearner::step, "next"_a, "reward"_a)
      .def("end", &QLearner::end, "next"_a, "reward"_a, "terminated"_a)
      .def("run", &run_steps, "steps"_a, "Episodes that ended, and the sums of their returns and lengths.")
      .def("store", [](const QLearner& learner, Out<double, 2> table) { learner.store(table); }, "table"_a);
}

}  // namespace nncore
