#include "nncore/text/cooccurrence.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>

#include "arrays.h"
#include "gil.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

using Ids = In<std::int32_t, 1>;

Weighting weighting_named(const std::string& name) {
  require(name == "flat" || name == "harmonic", "weighting must be 'flat' or 'harmonic', but is '", name, "'");
  return name == "flat" ? Weighting::kFlat : Weighting::kHarmonic;
}

template <typename T>
std::size_t count_rows(Cooccurrence& counts, Ids ids, Out<std::int32_t, 1> columns, Out<T, 1> values,
                       Out<std::int64_t, 1> row_entries) {
  const Unlocked unlocked;
  return counts.count_rows<T>(ids, columns, values, row_entries);
}

}  // namespace

void bind_cooccurrence(py::module_& m) {
  py::class_<Cooccurrence>(m, "Cooccurrence", py::module_local())
      .def(py::init([](std::size_t words, std::size_t window, const std::string& weighting) {
             return std::make_unique<Cooccurrence>(words, window, weighting_named(weighting));
           }),
           "words"_a, "window"_a, "weighting"_a)
      .def_property_readonly("next_row", &Cooccurrence::next_row)
      .def(
          "count_words",
          [](Cooccurrence& counts, Ids ids, std::size_t begin, std::size_t end) {
            const Unlocked unlocked;
            counts.count_words(ids, begin, end);
          },
          "ids"_a, "begin"_a, "end"_a)
      .def("begin_shard", &Cooccurrence::begin_shard, "corpus"_a, "places"_a)
      .def(
          "index",
          [](Cooccurrence& counts, Ids ids, std::size_t begin, std::size_t end) {
            const Unlocked unlocked;
            counts.index(ids, begin, end);
          },
          "ids"_a, "begin"_a, "end"_a)
      .def("plan",
           [](const Cooccurrence& counts) {
             const Cooccurrence::Plan plan = counts.plan();
             return std::make_pair(plan.rows, plan.entries);
           })
      .def("count_rows", &count_rows<float>, "ids"_a, "columns"_a, "values"_a, "row_entries"_a)
      .def("count_rows", &count_rows<double>, "ids"_a, "columns"_a, "values"_a, "row_entries"_a)
      .def("count_rows", &count_rows<std::int64_t>, "ids"_a, "columns"_a, "values"_a, "row_entries"_a);
}

}  // namespace nncore
