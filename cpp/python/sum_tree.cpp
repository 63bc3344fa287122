#include "nncore/rl/sum_tree.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>

#include "arrays.h"
#include "nncore/core/in_use.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

struct BoundTree {
  explicit BoundTree(std::size_t capacity) : tree(capacity) {}
  UseFlag::Guard guard() { return {flag, "the sum tree"}; }
  SumTree tree;
  UseFlag flag;
};

}  // namespace

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

}  // namespace nncore
