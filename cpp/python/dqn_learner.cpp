#include "nncore/rl/dqn_learner.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "arrays.h"
#include "gil.h"
#include "nncore/core/in_use.h"
#include "replay.h"
#include "replay_values.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

/// The dtype that NumPy calls so, without asking NumPy.
ElementType element_named(const std::string& name) {
  static const char* const names[] = {"float32", "float64", "int8",   "int16",  "int32",
                                      "int64",   "uint8",   "uint16", "uint32", "uint64"};
  const auto found = std::find(std::begin(names), std::end(names), name);
  require(found != std::end(names), "dtype must be a float or integer type, but came as '", name, "'");
  return static_cast<ElementType>(found - std::begin(names));
}

/// Whether `value` is an array of this type and shape, as the core takes it.
bool is_array_of(const ReplaySpec& spec, py::handle value) {
  if (!is_exact_array(value)) return false;
  const auto* array = py::detail::array_proxy(value.ptr());
  constexpr int plain = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  const bool same_type = array->descr == spec.dtype.ptr() ||
                         py::detail::npy_api::get().PyArray_EquivTypes_(array->descr, spec.dtype.ptr());
  return (array->flags & plain) == plain && same_type && array->nd == static_cast<int>(spec.shape.size()) &&
         std::equal(spec.shape.begin(), spec.shape.end(), array->dimensions);
}

/// Transitions that wait until a training in the background lets go of the replay.
struct StagedSteps {
  struct Step {
    std::int64_t action;
    float reward;
    bool terminated, truncated;
  };
  std::vector<Step> steps;
  std::vector<std::uint8_t> observations;  // two for each step

  void add(const std::uint8_t* from, const std::uint8_t* to, std::size_t bytes, const Step& step) {
    observations.insert(observations.end(), from, from + bytes);
    observations.insert(observations.end(), to, to + bytes);
    steps.push_back(step);
  }
  void flush(Replay& replay, std::size_t bytes) {
    const std::uint8_t* at = observations.data();
    for (const Step& step : steps) {
      replay.add(at, &step.action, step.reward, at + bytes, step.terminated, step.truncated);
      at += 2 * bytes;
    }
    steps.clear();
    observations.clear();
  }
};

/// A learner for one thread at a time; beside a training in the background it acts, and nothing else.
template <typename T>
class BoundLearner {
 public:
  explicit BoundLearner(const DqnSettings& settings) : learner_(settings) {}

  template <typename F>
  auto use(const F& f) {
    const UseFlag::Guard guard(flag_, "the learner");
    if (learner_.started()) throw InUse("the learner is in use by its training in the background");
    return f(learner_);
  }
  DqnTrained finish() {
    const UseFlag::Guard guard(flag_, "the learner");
    const Unlocked unlocked;
    return learner_.finish();
  }
  bool wait_for(double seconds) {
    const UseFlag::Guard guard(flag_, "the learner");
    const Unlocked unlocked;
    return learner_.wait_for(seconds);
  }
  /// Keeps the replay of a training in the background.
  void hold(std::shared_ptr<BoundReplay> replay) { replay_ = std::move(replay); }
  bool started() const { return learner_.started(); }
  void stop() { learner_.stop(); }

  /// Rows that the network sees in arrays of observations, one for each part.
  View<const T, 2> seen(const py::object* arrays, std::size_t count, std::size_t rows) {
    const std::vector<SeenPart>& parts = learner_.settings().observation;
    require(count == parts.size(), "observations must have ", parts.size(), " parts, but have ", count);
    pointers_.resize(count);
    for (std::size_t p = 0; p < count; ++p) {
      const bool is_array = py::isinstance<py::array>(arrays[p]);
      const auto array = is_array ? py::reinterpret_borrow<py::array>(arrays[p]) : py::array();
      require(is_array && (array.flags() & py::array::c_style) != 0 &&
                  static_cast<std::size_t>(array.nbytes()) == rows * parts[p].bytes(),
              "observations must be C-contiguous arrays of ", rows, " rows of ", parts[p].bytes(), " bytes");
      pointers_[p] = array.data();
    }
    return rows_of(parts, pointers_.data(), rows);
  }

  void act(View<const T, 2> observations, bool acting, double epsilon, std::uint64_t step,
           View<std::int64_t, 1> actions) {
    if (!acting && learner_.started()) throw InUse("the learner is in use by its training in the background");
    learner_.act(acting ? QCopy::kActing : QCopy::kOnline, observations, epsilon, step, actions);
    for (std::size_t i = 0; i < actions.size(); ++i) actions(i) += learner_.settings().first_action;
  }
  /// Begins an episode of one environment whose observations are single arrays; false for another type or shape.
  bool begin(const BoundReplay& replay, py::handle observation) {
    const ReplaySpec& spec = replay.observations[0];
    if (!is_array_of(spec, observation)) return false;
    if (!is_finite(spec, py::detail::array_proxy(observation.ptr())->data, 1)) return false;
    keep(py::detail::array_proxy(observation.ptr())->data);
    return true;
  }
  /// The action for the observation that came last.
  std::int64_t act_here(bool acting, double epsilon, std::uint64_t step) {
    const std::vector<SeenPart>& parts = learner_.settings().observation;
    const void* here = here_.data();
    require(here != nullptr, "there must be an observation before an action");
    act(rows_of(parts, &here, 1), acting, epsilon, step, {&action_, {1}});
    return action_;
  }
  /// Keeps the step that the last action made; false, and nothing has changed, where it cannot be taken as it is.
  bool step(BoundReplay& replay, py::handle reached, py::handle reward, py::handle terminated, py::handle truncated,
            bool staged) {
    if (!is_array_of(replay.observations[0], reached)) return false;
    const double number = PyFloat_AsDouble(reward.ptr());
    const int ends = PyObject_IsTrue(terminated.ptr()), cut = PyObject_IsTrue(truncated.ptr());
    if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    const typename StagedSteps::Step step{action_, static_cast<float>(number), ends != 0, cut != 0};
    if (!std::isfinite(step.reward)) return false;
    const void* const to = py::detail::array_proxy(reached.ptr())->data;
    if (!is_finite(replay.observations[0], to, 1)) return false;
    if (staged) {
      staged_.add(here_.data(), static_cast<const std::uint8_t*>(to), bytes(), step);
    } else {
      const UseFlag::Guard guard = replay.guard();
      replay.replay.add(here_.data(), &step.action, step.reward, to, step.terminated, step.truncated);
    }
    keep(to);
    return true;
  }
  void flush(BoundReplay& replay) {
    const UseFlag::Guard guard = replay.guard();
    staged_.flush(replay.replay, bytes());
  }
  UseFlag& flag() { return flag_; }

 private:
  std::size_t bytes() const { return learner_.settings().observation[0].bytes(); }
  void keep(const void* observation) { std::memcpy(here_.reserve(bytes()), observation, bytes()); }

  View<const T, 2> rows_of(const std::vector<SeenPart>& parts, const void* const* arrays, std::size_t rows) {
    const std::size_t width = learner_.network().observation_size();
    const bool as_it_is = parts.size() == 1 && parts[0].classes.empty() && parts[0].scale == 1 &&
                          parts[0].type == (sizeof(T) == 4 ? ElementType::kFloat32 : ElementType::kFloat64) &&
                          reinterpret_cast<std::uintptr_t>(arrays[0]) % sizeof(T) == 0;
    if (as_it_is) return {static_cast<const T*>(arrays[0]), {rows, width}};
    const View<T, 2> out{seen_.reserve(rows * width), {rows, width}};
    see<T>(parts, arrays, out);
    return out;
  }

  UseFlag flag_;
  std::shared_ptr<BoundReplay> replay_;  // before the learner, whose end waits for the training
  DqnLearner<T> learner_;
  std::vector<const void*> pointers_;
  Buffer<T> seen_;
  // Where an environment stands, and what it was told last.
  Buffer<std::uint8_t> here_;
  std::int64_t action_ = 0;
  StagedSteps staged_;
};

using GivenPart = std::tuple<std::string, std::size_t, double, std::vector<std::int64_t>, std::vector<std::int64_t>>;

DqnSettings learner_settings(const std::vector<GivenPart>& observation, std::vector<std::size_t> hidden,
                             std::size_t actions, std::int64_t first_action, bool double_q, bool huber,
                             double max_grad_norm, std::uint64_t seed) {
  DqnSettings settings;
  for (const auto& [dtype, elements, scale, classes, starts] : observation) {
    settings.observation.push_back({element_named(dtype), elements, scale, classes, starts});
  }
  settings.hidden = std::move(hidden);
  settings.actions = actions;
  settings.first_action = first_action;
  settings.loss = {double_q, huber};
  settings.max_grad_norm = max_grad_norm;
  settings.seed = seed;
  return settings;
}

template <typename T>
void bind_learner_arrays(py::class_<BoundLearner<T>>& type) {
  using Bound = BoundLearner<T>;
  using Learner = DqnLearner<T>;
  using Array = typename Learner::Array;
  const auto checked = [](std::size_t which) {
    require(which < Learner::kArrays, "which must be below ", Learner::kArrays, ", but came as ", which);
    return static_cast<Array>(which);
  };
  type.def(
          "parameters",
          [](Bound& bound) {
            return bound.use([](Learner& learner) {
              std::vector<std::tuple<std::string, std::size_t, std::vector<std::size_t>>> all;
              for (const QArray& a : learner.network().arrays()) all.emplace_back(a.name, a.offset, a.shape);
              return all;
            });
          },
          "Name, offset and shape of each parameter in a flat array.")
      .def(
          "get",
          [checked](Bound& bound, std::size_t which) {
            return bound.use([&](Learner& learner) {
              const auto values = learner.array(checked(which));
              return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
            });
          },
          "which"_a, "A copy of parameters (0), target (1), Adam's averages (2, 3) or acting parameters (4).")
      .def(
          "set",
          [checked](Bound& bound, std::size_t which, In<T, 1> values) {
            bound.use([&](Learner& learner) { learner.set_array(checked(which), values); });
          },
          "which"_a, "values"_a)
      .def_property(
          "updates", [](Bound& bound) { return bound.use([](Learner& learner) { return learner.updates(); }); },
          [](Bound& bound, std::uint64_t updates) {
            bound.use([&](Learner& learner) { learner.set_updates(updates); });
          });
}

template <typename T>
void bind_learner_training(py::class_<BoundLearner<T>>& type) {
  using Bound = BoundLearner<T>;
  using Learner = DqnLearner<T>;
  type.def(
          "update",
          [](Bound& bound, In<T, 2> observations, In<std::int64_t, 1> actions, In<T, 1> rewards,
             In<T, 2> next_observations, In<T, 1> bootstrap, In<T, 1> weights, double learning_rate,
             Out<T, 1> td_errors) {
            return bound.use([&](Learner& learner) {
              const Unlocked unlocked;
              return learner.update({observations, actions, rewards, next_observations, bootstrap, weights},
                                    learning_rate, td_errors);
            });
          },
          "observations"_a, "actions"_a, "rewards"_a, "next_observations"_a, "bootstrap"_a, "weights"_a,
          "learning_rate"_a, "td_errors"_a)
      .def(
          "train",
          [](Bound& bound, BoundReplay& replay, std::size_t updates, std::size_t batch_size, double beta,
             double learning_rate) {
            return bound.use([&](Learner& learner) {
              const UseFlag::Guard guard = replay.guard();
              const Unlocked unlocked;
              const DqnTrained trained = learner.train(replay.replay, {updates, batch_size, beta, learning_rate});
              return std::make_tuple(trained.updates, trained.loss);
            });
          },
          "replay"_a, "updates"_a, "batch_size"_a, "beta"_a, "learning_rate"_a)
      .def(
          "start",
          [](Bound& bound, const std::shared_ptr<BoundReplay>& replay, std::size_t updates, std::size_t batch_size,
             double beta, double learning_rate) {
            bound.use(
                [&](Learner& learner) { learner.start(replay->replay, {updates, batch_size, beta, learning_rate}); });
            bound.hold(replay);
          },
          "replay"_a, "updates"_a, "batch_size"_a, "beta"_a, "learning_rate"_a)
      .def("finish",
           [](Bound& bound) {
             const DqnTrained trained = bound.finish();
             return std::make_tuple(trained.updates, trained.loss);
           })
      .def(
          "wait_for", [](Bound& bound, double seconds) { return bound.wait_for(seconds); }, "seconds"_a)
      .def("stop", [](Bound& bound) { bound.stop(); })
      .def("publish", [](Bound& bound) { bound.use([](Learner& learner) { learner.publish(); }); })
      .def_property_readonly("started", [](const Bound& bound) { return bound.started(); })
      .def(
          "update_target",
          [](Bound& bound, double tau) { bound.use([&](Learner& learner) { learner.update_target(tau); }); }, "tau"_a);
}

template <typename T>
void bind_learner_acting(py::class_<BoundLearner<T>>& type) {
  using Bound = BoundLearner<T>;
  type.def(
          "act",
          [](Bound& bound, const std::vector<py::object>& observations, bool acting, double epsilon, std::uint64_t step,
             Out<std::int64_t, 1> actions) {
            const UseFlag::Guard guard(bound.flag(), "the learner");
            const View<std::int64_t, 1> out = actions;
            const View<const T, 2> seen = bound.seen(observations.data(), observations.size(), out.size());
            bound.act(seen, acting, epsilon, step, out);
          },
          "observations"_a, "acting"_a, "epsilon"_a, "step"_a, "actions"_a)
      .def(
          "values",
          [](Bound& bound, const std::vector<py::object>& observations, Out<T, 2> q) {
            return bound.use([&](DqnLearner<T>& learner) {
              const View<T, 2> out = q;
              const View<const T, 2> seen = bound.seen(observations.data(), observations.size(), out.extent(0));
              const Unlocked unlocked;
              learner.network().values(QCopy::kOnline, seen, out);
            });
          },
          "observations"_a, "q"_a);
}

template <typename T>
void bind_learner_steps(py::class_<BoundLearner<T>>& type) {
  using Bound = BoundLearner<T>;
  type.def(
          "begin",
          [](Bound& bound, const BoundReplay& replay, py::handle observation) {
            const UseFlag::Guard guard(bound.flag(), "the learner");
            return bound.begin(replay, observation);
          },
          "replay"_a, "observation"_a)
      .def(
          "act_here",
          [](Bound& bound, bool acting, double epsilon, std::uint64_t step) {
            const UseFlag::Guard guard(bound.flag(), "the learner");
            return bound.act_here(acting, epsilon, step);
          },
          "acting"_a, "epsilon"_a, "step"_a)
      .def(
          "step",
          [](Bound& bound, BoundReplay& replay, py::handle reached, py::handle reward, py::handle terminated,
             py::handle truncated, bool staged) {
            const UseFlag::Guard guard(bound.flag(), "the learner");
            return bound.step(replay, reached, reward, terminated, truncated, staged);
          },
          "replay"_a, "reached"_a, "reward"_a, "terminated"_a, "truncated"_a, "staged"_a)
      .def(
          "step_and_act",
          [](Bound& bound, BoundReplay& replay, py::handle reached, py::handle reward, py::handle terminated,
             py::handle truncated, bool staged, double epsilon, std::uint64_t step) {
            const UseFlag::Guard guard(bound.flag(), "the learner");
            std::optional<std::int64_t> action;
            if (bound.step(replay, reached, reward, terminated, truncated, staged)) {
              action = bound.act_here(staged, epsilon, step);
            }
            return action;
          },
          "replay"_a, "reached"_a, "reward"_a, "terminated"_a, "truncated"_a, "staged"_a, "epsilon"_a, "step"_a)
      .def(
          "flush",
          [](Bound& bound, BoundReplay& replay) {
            const UseFlag::Guard guard(bound.flag(), "the learner");
            bound.flush(replay);
          },
          "replay"_a);
}

template <typename T>
void bind_learner(py::module_& m, const char* name) {
  py::class_<BoundLearner<T>> type(m, name, py::module_local());
  type.def(py::init([](const std::vector<GivenPart>& observation, std::vector<std::size_t> hidden, std::size_t actions,
                       std::int64_t first_action, bool double_q, bool huber, double max_grad_norm, std::uint64_t seed) {
             return std::make_unique<BoundLearner<T>>(learner_settings(
                 observation, std::move(hidden), actions, first_action, double_q, huber, max_grad_norm, seed));
           }),
           "observation"_a, "hidden"_a, "actions"_a, "first_action"_a, py::kw_only(), "double_q"_a, "huber"_a,
           "max_grad_norm"_a, "seed"_a);
  bind_learner_arrays(type);
  bind_learner_training(type);
  bind_learner_acting(type);
  bind_learner_steps(type);
}

}  // namespace

/// After bind_replay, whose type its methods take.
void bind_dqn_learner(py::module_& m) {
  bind_learner<float>(m, "DqnLearnerFloat32");
  bind_learner<double>(m, "DqnLearnerFloat64");
}

}  // namespace nncore
