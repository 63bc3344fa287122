#include "nncore/rl/replay.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "arrays.h"
#include "gil.h"
#include "replay.h"
#include "replay_values.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

constexpr std::size_t kLongCopy = std::size_t{1} << 18;  // bytes; before these are copied no other thread could work

using Shape = std::vector<py::ssize_t>;

py::object new_array(const py::dtype& dtype, const Shape& shape) {
  const auto& api = py::detail::npy_api::get();
  auto array = py::reinterpret_steal<py::object>(api.PyArray_NewFromDescr_(api.PyArray_Type_, dtype.inc_ref().ptr(),
                                                                           static_cast<int>(shape.size()), shape.data(),
                                                                           nullptr, nullptr, 0, nullptr));
  if (!array) throw py::error_already_set();
  return array;
}

void* data_of(const py::object& array) { return py::detail::array_proxy(array.ptr())->data; }

ReplaySpec replay_spec_of(const py::tuple& given) {
  ReplaySpec spec;
  spec.dtype = given[0].cast<py::dtype>();
  spec.shape = given[1].cast<Shape>();
  spec.low = given[2].cast<std::vector<std::int64_t>>();
  spec.high = given[3].cast<std::vector<std::int64_t>>();
  return spec;
}

ReplayKind replay_kind_named(const std::string& name) {
  require(name == "uniform" || name == "proportional" || name == "rank",
          "kind must be 'uniform', 'proportional' or 'rank', but is '", name, "'");
  return name == "uniform" ? ReplayKind::kUniform : (name == "rank" ? ReplayKind::kRank : ReplayKind::kProportional);
}

/// parts: (dtype, shape, low, high, frames, interleaved) each; action: (dtype, shape, low, high).
std::shared_ptr<BoundReplay> make_replay(std::size_t capacity, const py::list& parts, const py::tuple& action,
                                         std::size_t n_steps, double gamma, const std::string& kind, double alpha,
                                         double epsilon, std::uint64_t seed, const std::string& folder,
                                         const std::vector<py::object>& keys) {
  ReplaySettings settings;
  settings.capacity = capacity;
  std::vector<ReplaySpec> specs;
  for (const py::handle& part : parts) {
    const auto given = py::reinterpret_borrow<py::tuple>(part);
    specs.push_back(replay_spec_of(given));
    settings.observation.push_back({specs.back().bytes(), given[4].cast<std::size_t>(), given[5].cast<bool>()});
  }
  ReplaySpec action_spec = replay_spec_of(action);
  settings.action_bytes = action_spec.bytes();
  settings.n_steps = n_steps;
  settings.gamma = gamma;
  settings.kind = replay_kind_named(kind);
  settings.alpha = alpha;
  settings.epsilon = epsilon;
  settings.seed = seed;
  settings.folder = folder;
  auto made = std::make_shared<BoundReplay>(settings, std::move(specs), std::move(action_spec), !keys.empty());
  made->keys = keys;
  return made;
}

/// add_transition() for one transition, or one of each of several environments, of any observations.
bool add_transition_parts(BoundReplay& self, py::handle observation, py::handle action, py::handle reward,
                          py::handle next_observation, py::handle terminated, py::handle truncated) {
  std::vector<float> rewards;
  View<const bool, 1> ends, cuts;
  bool end = false, cut = false;
  std::size_t rows = 0;
  if (is_exact_array(reward)) {
    if (!read_rewards<double>(reward, rewards) && !read_rewards<float>(reward, rewards)) return false;
    rows = rewards.size();
    if (rows == 0 || !read_vector(terminated, ends) || !read_vector(truncated, cuts)) return false;
    if (ends.size() != rows || cuts.size() != rows) return false;
  } else {
    rewards.resize(1);
    if (!read_reward(reward, rewards[0]) || !read_flag(terminated, end) || !read_flag(truncated, cut)) return false;
    ends = {&end, {1}};
    cuts = {&cut, {1}};
  }
  Parts from, to;
  std::int64_t number;
  ReplaySteps steps;
  steps.actions = value_of(self.action, action, number, rows);
  if (steps.actions == nullptr || !from.read(self, observation, rows) || !to.read(self, next_observation, rows)) {
    return false;
  }
  steps.count = rewards.size();
  steps.observations = from.data.data();
  steps.next_observations = to.data.data();
  steps.rewards = rewards.data();
  steps.terminated = reinterpret_cast<const std::uint8_t*>(ends.data());
  steps.truncated = reinterpret_cast<const std::uint8_t*>(cuts.data());
  const auto guard = self.guard();
  self.replay.add(steps);
  return true;
}

/// Adds transitions whose values can be taken as they are; else changes nothing and returns false.
bool add_transition(BoundReplay& self, py::handle observation, py::handle action, py::handle reward,
                    py::handle next_observation, py::handle terminated, py::handle truncated) {
  std::int64_t numbers[3];
  float value;
  bool end, cut;
  if (self.is_mapping || !read_reward(reward, value)) {
    return add_transition_parts(self, observation, action, reward, next_observation, terminated, truncated);
  }
  const void* const from = value_of(self.observations[0], observation, numbers[0]);
  const void* const to = value_of(self.observations[0], next_observation, numbers[1]);
  const void* const act = value_of(self.action, action, numbers[2]);
  if (from == nullptr || to == nullptr || act == nullptr) return false;
  if (!read_flag(terminated, end) || !read_flag(truncated, cut)) return false;
  const auto guard = self.guard();
  self.replay.add(from, act, value, to, end, cut);
  return true;
}

/// Transitions of several environments, in arrays that have been checked.
void add_checked_rows(BoundReplay& self, const py::list& observations, const py::array& actions, In<float, 1> rewards,
                      const py::list& next_observations, In<std::uint8_t, 1> terminated, In<std::uint8_t, 1> truncated,
                      In<std::int64_t, 1> environments) {
  const auto pointers = [&](const py::list& arrays) {
    std::vector<const void*> data;
    for (const py::handle& array : arrays) data.push_back(py::detail::array_proxy(array.ptr())->data);
    return data;
  };
  const std::vector<const void*> from = pointers(observations), to = pointers(next_observations);
  ReplaySteps steps;
  steps.count = rewards.view().size();
  steps.observations = from.data();
  steps.next_observations = to.data();
  steps.actions = actions.data();
  steps.rewards = rewards.view().data();
  steps.terminated = terminated.view().data();
  steps.truncated = truncated.view().data();
  steps.environments = environments.view().data();
  const auto guard = self.guard();
  self.replay.add(steps);
}

/// A batch of so many rows in arrays of its own, in the order of Batch's fields.
struct NewReplayBatch {
  NewReplayBatch(const BoundReplay& self, std::size_t size) : rows(static_cast<py::ssize_t>(size)) {
    batch.size = size;
    indices = new_array(py::dtype::of<std::int64_t>(), {rows});
    batch.indices = static_cast<std::int64_t*>(data_of(indices));
    weights = new_array(py::dtype::of<float>(), {rows});
    batch.weights = static_cast<float*>(data_of(weights));
    bytes = size * self.row_bytes();
  }
  void add_data(const BoundReplay& self) {
    const auto part = [&](const ReplaySpec& spec, std::vector<void*>& pointers, py::list& arrays) {
      shape.assign(1, rows);
      shape.insert(shape.end(), spec.shape.begin(), spec.shape.end());
      arrays.append(new_array(spec.dtype, shape));
      pointers.push_back(py::detail::array_proxy(arrays[arrays.size() - 1].ptr())->data);
    };
    for (const ReplaySpec& spec : self.observations) {
      part(spec, from_data, from);
      part(spec, to_data, to);
    }
    part(self.action, action_data, actions);
    rewards = new_array(py::dtype::of<float>(), {rows});
    terminated = new_array(py::dtype::of<bool>(), {rows});
    discounts = new_array(py::dtype::of<float>(), {rows});
    batch.observations = from_data.data();
    batch.next_observations = to_data.data();
    batch.actions = action_data[0];
    batch.rewards = static_cast<float*>(data_of(rewards));
    batch.terminated = static_cast<std::uint8_t*>(data_of(terminated));
    batch.discounts = static_cast<float*>(data_of(discounts));
  }
  py::tuple fields(const BoundReplay& self) const {
    const bool single = !self.is_mapping;
    return py::make_tuple(single ? py::object(from[0]) : py::object(from), actions[0], rewards,
                          single ? py::object(to[0]) : py::object(to), terminated, discounts, indices, weights);
  }

  py::ssize_t rows;
  ReplayBatch batch;
  std::size_t bytes;
  Shape shape;
  std::vector<void*> from_data, to_data, action_data;
  py::list from, to, actions;
  py::object rewards, terminated, discounts, indices, weights;
};

/// Calls `work`, without Python's lock where it takes long.
template <typename Work>
void unlocked_where_long(bool longer, const Work& work) {
  if (longer) {
    const Unlocked unlocked;
    work();
  } else {
    work();
  }
}

py::tuple sample_batch(BoundReplay& self, std::size_t size, double beta) {
  NewReplayBatch made(self, size);
  made.add_data(self);
  {
    const auto guard = self.guard();
    unlocked_where_long(made.bytes > kLongCopy, [&] { self.replay.sample(made.batch, beta); });
  }
  return made.fields(self);
}

py::tuple draw_indices(BoundReplay& self, std::size_t size, double beta) {
  NewReplayBatch made(self, size);
  const auto guard = self.guard();
  self.replay.draw(made.batch, beta);
  return py::make_tuple(made.indices, made.weights);
}

/// The transitions at these indices, with weights of 1.
py::tuple gather_batch(BoundReplay& self, In<std::int64_t, 1> indices) {
  const View<const std::int64_t, 1> given = indices;
  const auto guard = self.guard();
  self.replay.check_indices(given);
  NewReplayBatch made(self, given.size());
  made.add_data(self);
  std::copy_n(given.data(), given.size(), made.batch.indices);
  std::fill_n(made.batch.weights, given.size(), 1.0f);
  unlocked_where_long(made.bytes > kLongCopy, [&] { self.replay.gather(made.batch); });
  return made.fields(self);
}

template <typename T>
bool update_replay_typed(BoundReplay& self, View<const std::int64_t, 1> indices, py::handle td_errors) {
  View<const T, 1> errors;
  if (!read_vector(td_errors, errors)) return false;
  const auto guard = self.guard();
  self.replay.update_priorities<T>(indices, errors);
  return true;
}

/// Whether indices and errors could be taken as they are; else nothing changes.
bool update_replay_priorities(BoundReplay& self, py::handle indices, py::handle td_errors) {
  View<const std::int64_t, 1> places;
  if (!read_vector(indices, places)) return false;
  return update_replay_typed<float>(self, places, td_errors) || update_replay_typed<double>(self, places, td_errors);
}

py::array_t<double> replay_priorities(BoundReplay& self) {
  py::array_t<double> out(static_cast<py::ssize_t>(self.replay.size()));
  const auto guard = self.guard();
  self.replay.priorities({out.mutable_data(), {self.replay.size()}});
  return out;
}

}  // namespace

void bind_replay(py::module_& m) {
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const std::system_error& error) {
      PyErr_SetObject(PyExc_OSError, py::make_tuple(error.code().value(), error.what()).ptr());
    }
  });
  py::class_<BoundReplay, std::shared_ptr<BoundReplay>>(m, "Replay", py::module_local())
      .def(py::init(&make_replay), "capacity"_a, "parts"_a, "action"_a, "n_steps"_a, "gamma"_a, "kind"_a, "alpha"_a,
           "epsilon"_a, "seed"_a, "folder"_a, "keys"_a)
      .def("__len__", [](const BoundReplay& self) { return self.replay.size(); })
      .def("add", &add_transition, "observation"_a, "action"_a, "reward"_a, "next_observation"_a, "terminated"_a,
           "truncated"_a)
      .def("add_rows", &add_checked_rows, "observations"_a, "actions"_a, "rewards"_a, "next_observations"_a,
           "terminated"_a, "truncated"_a, "environments"_a)
      .def(
          "end_episode",
          [](BoundReplay& self, std::size_t environment) {
            const auto guard = self.guard();
            self.replay.end_episode(environment);
          },
          "environment"_a)
      .def("sample", &sample_batch, "size"_a, "beta"_a)
      .def("draw", &draw_indices, "size"_a, "beta"_a)
      .def("gather", &gather_batch, "indices"_a)
      .def("update_priorities", &update_replay_priorities, "indices"_a, "td_errors"_a)
      .def("priorities", &replay_priorities)
      .def(
          "seed",
          [](BoundReplay& self, std::uint64_t seed) {
            const auto guard = self.guard();
            self.replay.seed(seed);
          },
          "seed"_a)
      .def_property_readonly("bytes", [](const BoundReplay& self) { return self.replay.bytes(); })
      .def("state", &state_of_replay)
      .def("restore", &restore_replay, "records"_a, "ends"_a, "frames"_a, "priorities"_a, "order"_a, "last"_a,
           "counters"_a);
}

}  // namespace nncore
