#include <pybind11/pybind11.h>
#include <pybind11/typing.h>

#include "nncore/core/isa.h"

namespace py = pybind11;

namespace nncore {
namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "Clang " __clang_version__;
#else
constexpr const char* kCompiler = "GCC " __VERSION__;
#endif

// A function, as the values of attributes would stand in the stub.
py::typing::Dict<py::str, py::str> build() {
  py::typing::Dict<py::str, py::str> facts;
  facts["version"] = NNCORE_VERSION;
  facts["compiler"] = kCompiler;
  facts["isa"] = isa();
  return facts;
}

}  // namespace

void bind_boltzmann_machine(py::module_& m);
void bind_cooccurrence(py::module_& m);
void bind_core(py::module_& m);
void bind_dqn_learner(py::module_& m);
void bind_hopfield(py::module_& m);
void bind_kernels(py::module_& m);
void bind_mdp(py::module_& m);
void bind_nn(py::module_& m);
void bind_optimizers(py::module_& m);
void bind_q_learning(py::module_& m);
void bind_rbm(py::module_& m);
void bind_reinforce(py::module_& m);
void bind_replay(py::module_& m);
void bind_stream(py::module_& m);
void bind_sum_tree(py::module_& m);
void bind_svd(py::module_& m);
void bind_vectors(py::module_& m);
void bind_word2vec(py::module_& m);
void bind_words(py::module_& m);

}  // namespace nncore

// A bound object refuses a second thread by itself, and functions work on the caller's arrays, as NumPy's do.
PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  m.doc() = "The compiled core of nncore.";
  m.def("build", &nncore::build, "Version, compiler and instruction set of this build.");
  nncore::bind_boltzmann_machine(m);
  nncore::bind_cooccurrence(m);
  nncore::bind_core(m);
  nncore::bind_hopfield(m);
  nncore::bind_kernels(m);
  nncore::bind_mdp(m);
  nncore::bind_q_learning(m);
  nncore::bind_rbm(m);
  nncore::bind_reinforce(m);
  nncore::bind_stream(m);
  nncore::bind_svd(m);
  nncore::bind_nn(m);
  nncore::bind_optimizers(m);
  nncore::bind_replay(m);
  nncore::bind_dqn_learner(m);  // takes a replay
  nncore::bind_sum_tree(m);
  nncore::bind_word2vec(m);
  nncore::bind_vectors(m);
  nncore::bind_words(m);
}
