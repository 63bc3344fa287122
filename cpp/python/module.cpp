#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace nncore {
void bind_core(py::module_& m);
void bind_kernels(py::module_& m);
void bind_nn(py::module_& m);
void bind_optimizers(py::module_& m);
}  // namespace nncore

#ifndef NNCORE_ISA  // Unknown here where one object serves every level: then the folder's name tells.
#define NNCORE_ISA "baseline"
#endif

#if defined(__clang__)
constexpr const char* kCompiler = "Clang " __clang_version__;
#else
constexpr const char* kCompiler = "GCC " __VERSION__;
#endif

// A bound object refuses a second thread by itself, and functions work on the caller's arrays, as NumPy's do.
PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  m.doc() = "The compiled core of nncore.";
  m.attr("version") = NNCORE_VERSION;
  m.attr("compiler") = kCompiler;
  m.attr("isa") = NNCORE_ISA;
  nncore::bind_core(m);
  nncore::bind_kernels(m);
  nncore::bind_nn(m);
  nncore::bind_optimizers(m);
}
