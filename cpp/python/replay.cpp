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

/// Whether `value` is an array that can be taken as it is, of one value or, where `rows` is not 0, of so many.
bool fits(const ReplaySpec& spec, py::handle value, std::size_t rows = 0) {
  if (!is_exact_array(value)) return false;
  const auto* array = py::detail::array_proxy(value.ptr());
  const auto& api = py::detail::npy_api::get();
  const std::size_t before = rows > 0;
  constexpr int plain = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  if ((array->flags & plain) != plain || array->nd != static_cast<int>(spec.shape.size() + before)) return false;
  if (array->descr != spec.dtype.ptr() && !api.PyArray_EquivTypes_(array->descr, spec.dtype.ptr())) return false;
  if (before && array->dimensions[0] != static_cast<py::ssize_t>(rows)) return false;
  for (std::size_t axis = 0; axis < spec.shape.size(); ++axis) {
    if (array->dimensions[before + axis] != spec.shape[axis]) return false;
  }
  return true;
}

/// The int64 of a Discrete space.
bool read_number(py::handle value, std::int64_t& number) {
  if (PyLong_CheckExact(value.ptr())) {
    number = PyLong_AsLongLong(value.ptr());
  } else if (PyBool_Check(value.ptr())) {
    return false;
  } else {
    const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
    if (index) number = PyLong_AsLongLong(index.ptr());
  }
  if (PyErr_Occurred() == nullptr) return true;
  PyErr_Clear();
  return false;
}

/// Whether `count` whole values lie in the space.
bool in_bounds(const ReplaySpec& spec, const std::int64_t* numbers, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < spec.low.size(); ++k, ++numbers) {
      if (*numbers < spec.low[k] || *numbers > spec.high[k]) return false;
    }
  }
  return true;
}

/// Where values stand: in the caller's array, or one as a number in `number`; null where they must first be converted.
const void* value_of(const ReplaySpec& spec, py::handle value, std::int64_t& number, std::size_t rows = 0) {
  if (rows == 0 && spec.shape.empty() && !spec.low.empty()) {
    return read_number(value, number) && in_bounds(spec, &number, 1) ? &number : nullptr;
  }
  if (!fits(spec, value, rows)) return nullptr;
  const void* const data = py::detail::array_proxy(value.ptr())->data;
  const std::size_t count = spec.low.empty() ? 0 : std::max<std::size_t>(rows, 1);
  return in_bounds(spec, static_cast<const std::int64_t*>(data), count) ? data : nullptr;
}

bool is_numpy_scalar(py::handle value, const char* kind) {
  return std::strncmp(Py_TYPE(value.ptr())->tp_name, kind, std::strlen(kind)) == 0;
}

bool read_reward(py::handle value, float& reward) {
  double number;
  if (PyFloat_Check(value.ptr())) {
    number = PyFloat_AS_DOUBLE(value.ptr());
  } else if (PyLong_CheckExact(value.ptr()) || is_numpy_scalar(value, "numpy.float")) {
    number = PyFloat_AsDouble(value.ptr());
    if (PyErr_Occurred() != nullptr) PyErr_Clear(), number = NAN;
  } else {
    return false;
  }
  reward = static_cast<float>(number);
  return std::isfinite(reward);
}

bool read_flag(py::handle value, bool& flag) {
  if (!PyBool_Check(value.ptr()) && !is_numpy_scalar(value, "numpy.bool")) return false;
  flag = PyObject_IsTrue(value.ptr()) == 1;
  return true;
}

ReplaySpec spec_of(const py::tuple& given) {
  ReplaySpec spec;
  spec.dtype = given[0].cast<py::dtype>();
  spec.shape = given[1].cast<Shape>();
  spec.low = given[2].cast<std::vector<std::int64_t>>();
  spec.high = given[3].cast<std::vector<std::int64_t>>();
  return spec;
}

ReplayKind kind_named(const std::string& name) {
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
    specs.push_back(spec_of(given));
    settings.observation.push_back({specs.back().bytes(), given[4].cast<std::size_t>(), given[5].cast<bool>()});
  }
  ReplaySpec action_spec = spec_of(action);
  settings.action_bytes = action_spec.bytes();
  settings.n_steps = n_steps;
  settings.gamma = gamma;
  settings.kind = kind_named(kind);
  settings.alpha = alpha;
  settings.epsilon = epsilon;
  settings.seed = seed;
  settings.folder = folder;
  auto made = std::make_shared<BoundReplay>(settings, std::move(specs), std::move(action_spec), !keys.empty());
  made->keys = keys;
  return made;
}

/// A vector of this type that can be taken as it is.
template <typename T>
bool read_vector(py::handle array, View<const T, 1>& view) {
  static const py::dtype dtype = py::dtype::of<T>();
  if (!is_exact_array(array)) return false;
  const auto* given = py::detail::array_proxy(array.ptr());
  constexpr int plain = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  const bool same_type =
      given->descr == dtype.ptr() || py::detail::npy_api::get().PyArray_EquivTypes_(given->descr, dtype.ptr());
  if (!same_type || given->nd != 1 || (given->flags & plain) != plain) return false;
  view = {reinterpret_cast<const T*>(given->data), {static_cast<std::size_t>(given->dimensions[0])}};
  return true;
}

/// Observations of `rows` environments (0: of one, without an axis for it), part by part.
struct Parts {
  bool read(const BoundReplay& self, py::handle value, std::size_t rows) {
    numbers.resize(self.observations.size());
    if (self.is_mapping && (!PyDict_CheckExact(value.ptr()) || py::len(value) != self.keys.size())) return false;
    for (std::size_t p = 0; p < self.observations.size(); ++p) {
      const py::handle part = self.is_mapping ? PyDict_GetItemWithError(value.ptr(), self.keys[p].ptr()) : value.ptr();
      if (!part) return PyErr_Clear(), false;
      data.push_back(value_of(self.observations[p], part, numbers[p], rows));
      if (data.back() == nullptr) return false;
    }
    return true;
  }
  std::vector<std::int64_t> numbers;
  std::vector<const void*> data;
};

/// The numbers of a vector of T as float; false where it is none, or where one is not finite.
template <typename T>
bool read_rewards(py::handle array, std::vector<float>& rewards) {
  View<const T, 1> given;
  if (!read_vector(array, given)) return false;
  rewards.assign(given.data(), given.data() + given.size());
  return std::all_of(rewards.begin(), rewards.end(), [](float reward) { return std::isfinite(reward); });
}

/// add() for one transition, or one of each of several environments, of any observations.
bool add_parts(BoundReplay& self, py::handle observation, py::handle action, py::handle reward,
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
bool add(BoundReplay& self, py::handle observation, py::handle action, py::handle reward, py::handle next_observation,
         py::handle terminated, py::handle truncated) {
  std::int64_t numbers[3];
  float value;
  bool end, cut;
  if (self.is_mapping || !read_reward(reward, value)) {
    return add_parts(self, observation, action, reward, next_observation, terminated, truncated);
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
void add_rows(BoundReplay& self, const py::list& observations, const py::array& actions, In<float, 1> rewards,
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
struct NewBatch {
  NewBatch(const BoundReplay& self, std::size_t size) : rows(static_cast<py::ssize_t>(size)) {
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
void unlocked_if(bool longer, const Work& work) {
  if (longer) {
    const Unlocked unlocked;
    work();
  } else {
    work();
  }
}

py::tuple sample(BoundReplay& self, std::size_t size, double beta) {
  NewBatch made(self, size);
  made.add_data(self);
  {
    const auto guard = self.guard();
    unlocked_if(made.bytes > kLongCopy, [&] { self.replay.sample(made.batch, beta); });
  }
  return made.fields(self);
}

py::tuple draw(BoundReplay& self, std::size_t size, double beta) {
  NewBatch made(self, size);
  const auto guard = self.guard();
  self.replay.draw(made.batch, beta);
  return py::make_tuple(made.indices, made.weights);
}

/// The transitions at these indices, with weights of 1.
py::tuple gather(BoundReplay& self, In<std::int64_t, 1> indices) {
  const View<const std::int64_t, 1> given = indices;
  const auto guard = self.guard();
  self.replay.check_indices(given);
  NewBatch made(self, given.size());
  made.add_data(self);
  std::copy_n(given.data(), given.size(), made.batch.indices);
  std::fill_n(made.batch.weights, given.size(), 1.0f);
  unlocked_if(made.bytes > kLongCopy, [&] { self.replay.gather(made.batch); });
  return made.fields(self);
}

template <typename T>
bool update_typed(BoundReplay& self, View<const std::int64_t, 1> indices, py::handle td_errors) {
  View<const T, 1> errors;
  if (!read_vector(td_errors, errors)) return false;
  const auto guard = self.guard();
  self.replay.update_priorities<T>(indices, errors);
  return true;
}

/// Whether indices and errors could be taken as they are; else nothing changes.
bool update_priorities(BoundReplay& self, py::handle indices, py::handle td_errors) {
  View<const std::int64_t, 1> places;
  if (!read_vector(indices, places)) return false;
  return update_typed<float>(self, places, td_errors) || update_typed<double>(self, places, td_errors);
}

py::array_t<double> priorities(BoundReplay& self) {
  py::array_t<double> out(static_cast<py::ssize_t>(self.replay.size()));
  const auto guard = self.guard();
  self.replay.priorities({out.mutable_data(), {self.replay.size()}});
  return out;
}

template <typename T>
py::array copy_of(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

/// Arrays and numbers of the state; records, ends and frames are views, which end with the next change.
py::dict state(const py::object& self_object) {
  auto& self = self_object.cast<BoundReplay&>();
  const auto guard = self.guard();
  const Replay::State state = self.replay.state();
  const auto view = [&](View<const std::uint8_t, 2> bytes) {
    return py::array_t<std::uint8_t>({bytes.extent(0), bytes.extent(1)}, bytes.data(), self_object);
  };
  py::dict arrays;
  arrays["records"] = view(state.records);
  arrays["ends"] = view(state.ends);
  for (std::size_t p = 0; p < state.frames.size(); ++p) {
    arrays[py::str("frames." + std::to_string(p))] = view(state.frames[p]);
  }
  arrays["priorities"] = copy_of(state.priorities);
  arrays["order"] = copy_of(state.order);
  arrays["last"] = copy_of(state.last);
  arrays["counters"] = copy_of(std::vector<std::uint64_t>{state.added, state.updates, state.seed, state.draws});
  return arrays;
}

/// Refuses what no transition could have brought: a number outside its space, at `offset` of each row.
void check_bounds(View<const std::uint8_t, 2> rows, std::size_t offset, const ReplaySpec& spec, const char* name) {
  for (std::size_t row = 0; row < (spec.low.empty() ? 0 : rows.extent(0)); ++row) {
    for (std::size_t i = 0; i < spec.low.size(); ++i) {
      std::int64_t number;
      std::memcpy(&number, rows.row(row) + offset + i * sizeof number, sizeof number);
      require(number >= spec.low[i] && number <= spec.high[i], name, " of transition ", row, " is ", number);
    }
  }
}

void restore(BoundReplay& self, In<std::uint8_t, 2> records, In<std::uint8_t, 2> ends,
             const std::vector<In<std::uint8_t, 2>>& frames, In<double, 1> priorities, In<std::int64_t, 1> order,
             In<std::uint64_t, 1> last, In<std::uint64_t, 1> counters) {
  require(counters.view().size() == 4, "counters", "(4,)", "", counters.view());
  const auto list = [](const auto& view) {
    using T = std::remove_const_t<std::remove_reference_t<decltype(*view.data())>>;
    return std::vector<T>(view.data(), view.data() + view.size());
  };
  Replay::State state;
  state.records = records;
  state.ends = ends;
  for (const auto& part : frames) state.frames.push_back(part.view());
  state.priorities = list(priorities.view());
  state.order = list(order.view());
  state.last = list(last.view());
  const std::uint64_t* counts = counters.view().data();
  state.added = counts[0];
  state.updates = counts[1];
  state.seed = counts[2];
  state.draws = counts[3];
  const auto guard = self.guard();
  self.replay.check_sizes(state);
  for (std::size_t p = 0; p < self.observations.size(); ++p) {
    check_bounds(state.records, self.replay.offset(p), self.observations[p], "the observation");
    check_bounds(state.ends, self.replay.offset(p), self.observations[p], "the last observation");
  }
  check_bounds(state.records, self.replay.action_offset(), self.action, "the action");
  self.replay.restore(state);
}

struct BoundTree {
  explicit BoundTree(std::size_t capacity) : tree(capacity) {}
  UseFlag::Guard guard() { return {flag, "the sum tree"}; }
  SumTree tree;
  UseFlag flag;
};

void bind_sum_tree(py::module_& m) {
  py::class_<BoundTree>(m, "SumTree", py::module_local())
      .def(py::init<std::size_t>(), "capacity"_a)
      .def_property_readonly("capacity", [](const BoundTree& self) { return self.tree.capacity(); })
      .def_property_readonly("total", [](const BoundTree& self) { return self.tree.total(); })
      .def_property_readonly("minimum", [](const BoundTree& self) { return self.tree.minimum(); })
      .def_property_readonly("maximum", [](const BoundTree& self) { return self.tree.maximum(); })
      .def(
          "update",
          [](BoundTree& self, In<std::int64_t, 1> indices, In<double, 1> priorities) {
            const auto guard = self.guard();
            self.tree.update(indices, priorities);
          },
          "indices"_a, "priorities"_a)
      .def(
          "assign",
          [](BoundTree& self, In<double, 1> priorities) {
            const auto guard = self.guard();
            self.tree.assign(priorities);
          },
          "priorities"_a)
      .def(
          "read",
          [](BoundTree& self, In<std::int64_t, 1> indices) {
            const View<const std::int64_t, 1> places = indices;
            py::array_t<double> out(static_cast<py::ssize_t>(places.size()));
            const auto guard = self.guard();
            self.tree.check(places);
            for (std::size_t i = 0; i < places.size(); ++i) {
              out.mutable_data()[i] = self.tree[static_cast<std::size_t>(places(i))];
            }
            return out;
          },
          "indices"_a)
      .def("priorities",
           [](BoundTree& self) {
             const auto guard = self.guard();
             const View<const double, 1> all = self.tree.priorities();
             return py::array_t<double>(static_cast<py::ssize_t>(all.size()), all.data());
           })
      .def(
          "find",
          [](BoundTree& self, Out<double, 1> targets, Out<std::int64_t, 1> indices) {
            require(targets.view().size() == indices.view().size(), "targets", "one per index: ", indices.view().size(),
                    targets.view());
            const auto guard = self.guard();
            self.tree.find(targets, indices);
          },
          "targets"_a, "indices"_a, "Where the sums exceed targets, which change; for tests.")
      .def(
          "sample",
          [](BoundTree& self, Out<std::int64_t, 1> indices, Out<double, 1> probabilities, std::uint64_t seed) {
            const View<std::int64_t, 1> out = indices;
            const View<double, 1> chances = probabilities;
            require(chances.size() == out.size(), "probabilities", "one per index: ", out.size(), chances);
            const auto guard = self.guard();
            self.tree.sample({seed, Stream::kReplay, 0, 0}, out);
            const double all = self.tree.total();
            for (std::size_t j = 0; j < out.size(); ++j) {
              chances(j) = all > 0 ? self.tree[static_cast<std::size_t>(out(j))] / all
                                   : 1 / static_cast<double>(self.tree.capacity());
            }
          },
          "indices"_a, "probabilities"_a, "seed"_a);
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
  bind_sum_tree(m);
  py::class_<BoundReplay, std::shared_ptr<BoundReplay>>(m, "Replay", py::module_local())
      .def(py::init(&make_replay), "capacity"_a, "parts"_a, "action"_a, "n_steps"_a, "gamma"_a, "kind"_a, "alpha"_a,
           "epsilon"_a, "seed"_a, "folder"_a, "keys"_a)
      .def("__len__", [](const BoundReplay& self) { return self.replay.size(); })
      .def("add", &add, "observation"_a, "action"_a, "reward"_a, "next_observation"_a, "terminated"_a, "truncated"_a)
      .def("add_rows", &add_rows, "observations"_a, "actions"_a, "rewards"_a, "next_observations"_a, "terminated"_a,
           "truncated"_a, "environments"_a)
      .def(
          "end_episode",
          [](BoundReplay& self, std::size_t environment) {
            const auto guard = self.guard();
            self.replay.end_episode(environment);
          },
          "environment"_a)
      .def("sample", &sample, "size"_a, "beta"_a)
      .def("draw", &draw, "size"_a, "beta"_a)
      .def("gather", &gather, "indices"_a)
      .def("update_priorities", &update_priorities, "indices"_a, "td_errors"_a)
      .def("priorities", &priorities)
      .def(
          "seed",
          [](BoundReplay& self, std::uint64_t seed) {
            const auto guard = self.guard();
            self.replay.seed(seed);
          },
          "seed"_a)
      .def_property_readonly("bytes", [](const BoundReplay& self) { return self.replay.bytes(); })
      .def("state", &state)
      .def("restore", &restore, "records"_a, "ends"_a, "frames"_a, "priorities"_a, "order"_a, "last"_a, "counters"_a);
}

}  // namespace nncore
