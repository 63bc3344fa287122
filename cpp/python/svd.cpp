#include "nncore/text/svd.h"

#include <pybind11/pybind11.h>

#include <memory>

#include "arrays.h"
#include "gil.h"
#include "interruptible.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

using Starts = In<std::int64_t, 1>;
using Columns = In<std::int32_t, 1>;

template <typename T>
SparseRows<T> rows(const Starts& starts, const Columns& columns, const In<T, 1>& values, std::size_t width) {
  return {starts, columns, values, width};
}

template <typename T>
void bind_truncated_svd(py::module_& m, const char* name) {
  using Svd = TruncatedSvd<T>;
  py::class_<Svd>(m, name, py::module_local())
      .def(py::init([](Starts starts, Columns columns, In<T, 1> values, std::size_t width, std::size_t rank,
                       std::size_t steps, std::uint64_t seed, std::size_t block) {
             return interruptible([&] {
               return std::make_unique<Svd>(rows<T>(starts, columns, values, width), rank, steps, seed, block);
             });
           }),
           "starts"_a, "columns"_a, "values"_a, "width"_a, "rank"_a, "steps"_a, "seed"_a, "block"_a)
      .def_property_readonly("block", &Svd::block)
      .def_property_readonly("done", &Svd::done)
      .def_property_readonly("total", &Svd::total)
      .def(
          "advance",
          [](Svd& svd, Starts starts, Columns columns, In<T, 1> values, std::size_t width) {
            return interruptible([&] { return svd.advance(rows<T>(starts, columns, values, width)); });
          },
          "starts"_a, "columns"_a, "values"_a, "width"_a)
      .def(
          "result",
          [](const Svd& svd, Out<T, 2> u, Out<T, 1> values, Out<T, 2> vt) {
            const Unlocked unlocked;
            svd.result(u, values, vt);
          },
          "u"_a, "values"_a, "vt"_a);
}

}  // namespace

void bind_svd(py::module_& m) {
  bind_truncated_svd<float>(m, "TruncatedSvdFloat32");
  bind_truncated_svd<double>(m, "TruncatedSvdFloat64");
}

}  // namespace nncore
