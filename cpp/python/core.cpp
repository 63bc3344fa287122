#include <pybind11/native_enum.h>
#include <pybind11/pybind11.h>

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include <array>
#include <cstdint>
#include <string>

#include "arrays.h"
#include "gil.h"
#include "nncore/core/cores.h"
#include "nncore/core/random.h"
#include "nncore/core/threads.h"

namespace py = pybind11;
using namespace pybind11::literals;

// What threadpoolctl calls through ctypes (see _threadpool.py): no exception may leave them.
extern "C" {
[[gnu::visibility("default")]] int nncore_get_num_threads() { return nncore::num_threads(); }
[[gnu::visibility("default")]] void nncore_set_num_threads(int count) {
  nncore::set_num_threads(count < 1 ? 1 : count > nncore::kMostThreads ? nncore::kMostThreads : count);
}
}

namespace nncore {
namespace {

void give_back_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

/// A whole number from `least` to `most`, from anything with __index__; ValueError outside, TypeError for another type.
std::uint64_t whole(const py::object& value, const char* argument, std::uint64_t most, std::uint64_t least = 0) {
  const bool is_bool = PyBool_Check(value.ptr());
  const auto number = py::reinterpret_steal<py::object>(is_bool ? nullptr : PyNumber_Index(value.ptr()));
  if (!number) {
    PyErr_Clear();
    throw py::type_error(std::string(argument) + " must be an int, but came as " + Py_TYPE(value.ptr())->tp_name);
  }
  const std::uint64_t result = PyLong_AsUnsignedLongLong(number.ptr());
  const bool outside = PyErr_Occurred() != nullptr;
  PyErr_Clear();
  if (outside || result < least || result > most) {
    throw py::value_error(std::string(argument) + " must be from " + std::to_string(least) + " to " +
                          std::to_string(most) + ", but came as " + py::str(number).cast<std::string>());
  }
  return result;
}

template <std::size_t Count>
std::array<std::uint32_t, Count> words(const py::tuple& values, const char* argument) {
  if (values.size() != Count) {
    throw py::value_error(std::string(argument) + " must have " + std::to_string(Count) + " words, but came with " +
                          std::to_string(values.size()));
  }
  std::array<std::uint32_t, Count> result{};
  for (std::size_t i = 0; i < Count; ++i)
    result[i] = static_cast<std::uint32_t>(whole(values[i], argument, UINT32_MAX));
  return result;
}

Draws draws_of(const py::object& seed, const py::object& stream, const py::object& substream, const py::object& step) {
  Draws draws;
  draws.seed = whole(seed, "seed", UINT64_MAX);
  draws.stream = static_cast<Stream>(whole(stream, "stream", kStreams - 1));
  draws.substream = static_cast<std::uint32_t>(whole(substream, "substream", (1u << 16) - 1));
  draws.step = whole(step, "step", (std::uint64_t{1} << 40) - 1);
  return draws;
}

/// Defines m.<name>(out, first, second, *, seed, stream=0, substream=0, step=0).
template <typename Value, typename T>
void bind_fill(py::module_& m, const char* name, void (*fill)(const Draws&, Value, Value, View<T, 1>),
               const py::arg& first, const py::arg& second, const char* doc) {
  m.def(
      name,
      [fill](Out<T, 1> out, Value a, Value b, const py::object& seed, const py::object& stream,
             const py::object& substream, const py::object& step) {
        const Draws draws = draws_of(seed, stream, substream, step);
        const Unlocked unlocked;
        fill(draws, a, b, out);
      },
      doc, "out"_a, first, second, py::kw_only(), "seed"_a, "stream"_a = 0, "substream"_a = 0, "step"_a = 0);
}

void bind_threads(py::module_& m) {
  m.def(
      "set_num_threads", [](const py::object& n) { set_num_threads(static_cast<int>(whole(n, "n", kMostThreads, 1))); },
      "n"_a, "Threads that a call may use, the caller included; for the whole process.");
  m.def("get_num_threads", &num_threads, "Threads that a call may use, the caller included.");
  m.def("available_cores", &available_cores, "Cores that affinity mask and cgroup quota leave to this process.");
  m.def("give_back_memory", &give_back_memory, "Return what was freed to the system at once, where the C library can.");
  m.def("quota_cores", &detail::quota_cores, "root"_a, "Cores that the cgroup files under `root` allow; for tests.");
}

void bind_random(py::module_& m) {
  py::native_enum<Stream>(m, "Stream", "enum.IntEnum", "What a draw is for; see random.h.")
      .value("USER", Stream::kUser)
      .value("PARAMETERS", Stream::kParameters)
      .value("DROPOUT", Stream::kDropout)
      .value("SHUFFLE", Stream::kShuffle)
      .value("GENERATE", Stream::kGenerate)
      .value("WORD_VECTORS", Stream::kWordVectors)
      .value("WORD2VEC", Stream::kWord2Vec)
      .value("SKETCH", Stream::kSketch)
      .value("REPLAY", Stream::kReplay)
      .value("Q_LEARNING", Stream::kQLearning)
      .value("MUTATION", Stream::kMutation)
      .value("TASKS", Stream::kTasks)
      .value("POLICY", Stream::kPolicy)
      .value("EXPLORATION", Stream::kExploration)
      .value("HOPFIELD", Stream::kHopfield)
      .value("BOLTZMANN", Stream::kBoltzmann)
      .value("GIBBS", Stream::kGibbs)
      .value("IMPORTANCE", Stream::kImportance)
      .finalize();
  m.def(
      "philox4x32",
      [](const py::tuple& counter, const py::tuple& key) {
        const auto block = philox4x32(words<4>(counter, "counter"), words<2>(key, "key"));
        return py::make_tuple(block[0], block[1], block[2], block[3]);
      },
      "counter"_a, "key"_a, "Four random words from a counter of four and a key of two.");
  m.def(
      "random_words",
      [](Out<std::uint32_t, 1> out, const py::object& first, const py::object& seed, const py::object& stream,
         const py::object& substream, const py::object& step) {
        const Draws draws = draws_of(seed, stream, substream, step);
        const std::uint64_t from = whole(first, "first", kWords - 1);
        const View<std::uint32_t, 1> view = out;
        const Unlocked unlocked;
        random_words(draws, from, view.size(), view.data());
      },
      "Words first, first + 1, ... into `out`.", "out"_a, "first"_a = 0, py::kw_only(), "seed"_a, "stream"_a = 0,
      "substream"_a = 0, "step"_a = 0);

  const char* uniform = "Uniform in [low, high) into `out`.";
  bind_fill(m, "random_uniform", &random_uniform<float>, "low"_a, "high"_a, uniform);
  bind_fill(m, "random_uniform", &random_uniform<double>, "low"_a, "high"_a, uniform);
  const char* normal = "Normal numbers with this mean and standard deviation into `out`.";
  bind_fill(m, "random_normal", &random_normal<float>, "mean"_a, "deviation"_a, normal);
  bind_fill(m, "random_normal", &random_normal<double>, "mean"_a, "deviation"_a, normal);
  bind_fill(m, "random_integers", &random_integers, "low"_a, "high"_a, "Integers in [low, high) into `out`.");
  m.def(
      "random_permutation",
      [](Out<std::int64_t, 1> out, const py::object& seed, const py::object& stream, const py::object& substream,
         const py::object& step) {
        const Draws draws = draws_of(seed, stream, substream, step);
        const Unlocked unlocked;
        random_permutation(draws, out);
      },
      "0 ... n-1 in random order into `out`.", "out"_a, py::kw_only(), "seed"_a, "stream"_a = 0, "substream"_a = 0,
      "step"_a = 0);
}

}  // namespace

void bind_core(py::module_& m) {
  bind_threads(m);
  bind_random(m);
}

}  // namespace nncore
