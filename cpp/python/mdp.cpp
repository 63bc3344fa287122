#include "mdp.h"

#include <pybind11/pybind11.h>

#include <tuple>

#include "gil.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {

MdpArrays::MdpArrays(const py::tuple& arrays) {
  require(arrays.size() == 7, "mdp must be a tuple of 7 arrays, but has ", arrays.size());
  for (std::size_t i = 0; i < 4; ++i) integers_[i] = py::cast<In<std::int64_t, 1>>(arrays[i]);
  for (std::size_t i = 0; i < 2; ++i) numbers_[i] = py::cast<In<double, 1>>(arrays[4 + i]);
  ends_ = py::cast<In<std::uint8_t, 1>>(arrays[6]);
  mdp_ = {integers_[0], integers_[1], integers_[2], integers_[3], numbers_[0], numbers_[1], ends_};
}

namespace {

std::tuple<std::size_t, double, double> as_tuple(const Sweeps& sweeps) {
  return {sweeps.count, sweeps.least_change, sweeps.greatest_change};
}

}  // namespace

void bind_mdp(py::module_& m) {
  m.def(
      "check_mdp", [](const py::tuple& mdp, std::size_t actions) { check_mdp(MdpArrays(mdp).mdp(), actions); }, "mdp"_a,
      "actions"_a);
  m.def(
      "bellman_backup",
      [](const py::tuple& mdp, double gamma, In<double, 1> values, Out<double, 1> q, Out<double, 1> best,
         Out<std::int64_t, 1> policy, double after_end, bool truncates_end) {
        const MdpArrays arrays(mdp);
        const Unlocked unlocked;
        bellman_backup(arrays.mdp(), {gamma, after_end, truncates_end, 0}, values, q, best, policy);
      },
      "mdp"_a, "gamma"_a, "values"_a, "q"_a, "best"_a, "policy"_a, "after_end"_a = 0.0, "truncates_end"_a = false);
  m.def(
      "value_iteration",
      [](const py::tuple& mdp, double gamma, double tolerance, std::size_t most, Out<double, 1> values,
         Out<double, 1> spare) {
        const MdpArrays arrays(mdp);
        Sweeps sweeps;
        {
          const Unlocked unlocked;
          sweeps = value_iteration(arrays.mdp(), {gamma, 0, false, 0}, tolerance, most, values, spare);
        }
        return as_tuple(sweeps);
      },
      "mdp"_a, "gamma"_a, "tolerance"_a, "most"_a, "values"_a, "spare"_a,
      "Sweeps made, and the least and the greatest change of a value in the last.");
  m.def(
      "relative_value_iteration",
      [](const py::tuple& mdp, double stay, In<double, 1> start, double tolerance, std::size_t most,
         Out<double, 1> values, Out<double, 1> spare) {
        const MdpArrays arrays(mdp);
        Sweeps sweeps;
        {
          const Unlocked unlocked;
          sweeps = relative_value_iteration(arrays.mdp(), stay, start, tolerance, most, values, spare);
        }
        return as_tuple(sweeps);
      },
      "mdp"_a, "stay"_a, "start"_a, "tolerance"_a, "most"_a, "values"_a, "spare"_a,
      "Sweeps made, and the least and the greatest change of a value in the last.");
}

}  // namespace nncore
