#include "nncore/rl/dqn_learner.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "arrays.h"
#include "gil.h"
#include "nncore/core/in_use.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

/// A learner that one thread at a time may use.
template <typename T>
class BoundLearner {
 public:
  explicit BoundLearner(const DqnSettings& settings) : learner_(settings) {}

  template <typename F>
  auto use(const F& f) {
    const UseFlag::Guard guard(flag_, "the learner");
    return f(learner_);
  }

 private:
  UseFlag flag_;
  DqnLearner<T> learner_;
};

template <typename T>
void bind_learner(py::module_& m, const char* name) {
  using Bound = BoundLearner<T>;
  using Learner = DqnLearner<T>;
  using Array = typename Learner::Array;
  py::class_<Bound>(m, name, py::module_local())
      .def(py::init([](std::vector<std::size_t> sizes, bool double_q, bool huber, double max_grad_norm,
                       std::uint64_t seed) {
             return std::make_unique<Bound>(DqnSettings{std::move(sizes), {double_q, huber}, max_grad_norm, seed});
           }),
           "sizes"_a, py::kw_only(), "double_q"_a, "huber"_a, "max_grad_norm"_a, "seed"_a)
      .def(
          "arrays",
          [](Bound& bound) {
            return bound.use([](Learner& learner) {
              std::vector<std::tuple<std::string, std::size_t, std::vector<std::size_t>>> all;
              for (const QArray& a : learner.network().arrays()) all.emplace_back(a.name, a.offset, a.shape);
              return all;
            });
          },
          "Name, offset and shape of each parameter.")
      .def(
          "get",
          [](Bound& bound, int which) {
            require(which >= 0 && which < 4, "which must be from 0 to 3, but came as ", which);
            return bound.use([&](Learner& learner) {
              const auto values = learner.array(static_cast<Array>(which));
              return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
            });
          },
          "which"_a)
      .def(
          "set",
          [](Bound& bound, int which, In<T, 1> values) {
            require(which >= 0 && which < 4, "which must be from 0 to 3, but came as ", which);
            bound.use([&](Learner& learner) { learner.set_array(static_cast<Array>(which), values); });
          },
          "which"_a, "values"_a)
      .def_property(
          "updates", [](Bound& bound) { return bound.use([](Learner& learner) { return learner.updates(); }); },
          [](Bound& bound, std::uint64_t updates) {
            bound.use([&](Learner& learner) { learner.set_updates(updates); });
          })
      .def(
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
          "update_target",
          [](Bound& bound, double tau) { bound.use([&](Learner& learner) { learner.update_target(tau); }); }, "tau"_a)
      .def(
          "act",
          [](Bound& bound, In<T, 2> observations, double epsilon, std::uint64_t step, Out<std::int64_t, 1> actions) {
            bound.use([&](Learner& learner) { learner.act(QCopy::kOnline, observations, epsilon, step, actions); });
          },
          "observations"_a, "epsilon"_a, "step"_a, "actions"_a)
      .def(
          "values",
          [](Bound& bound, In<T, 2> observations, Out<T, 2> q) {
            bound.use([&](Learner& learner) {
              const Unlocked unlocked;
              learner.network().values(QCopy::kOnline, observations, q);
            });
          },
          "observations"_a, "q"_a);
}

}  // namespace

void bind_dqn_learner(py::module_& m) {
  bind_learner<float>(m, "DqnLearnerFloat32");
  bind_learner<double>(m, "DqnLearnerFloat64");
}

}  // namespace nncore
