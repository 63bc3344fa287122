#pragma once

#include <Python.h>
#include <unistd.h>

namespace nncore {

/// Lets other Python threads run while this one computes in C++. Where Python ends meanwhile (this is a daemon thread),
/// taking the lock back exits the thread by unwinding its stack, which pybind11's own guard turns into an abort of the
/// process (pybind11 #2215); here the thread stops until the process is gone, as Python 3.14 has it.
class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  ~Unlocked() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) pause();
    }
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace nncore
