#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <optional>
#include <type_traits>

#include "gil.h"
#include "nncore/core/interrupt.h"

namespace nncore {

/// f(), with Python's lock released, which may be given up when `wanted`.
template <typename F, typename Wanted>
auto run_unlocked(const F& f, const Wanted& wanted) {
  const Unlocked unlocked;
  const Interruptible offered(wanted);
  return f();
}

/// f(), with Python's lock released; a long call in the main thread is given up when a signal's handler raises, as that
/// of Ctrl-C does, and this raises the same.
template <typename F>
auto interruptible(const F& f) {
  std::optional<pybind11::error_already_set> raised;
  const auto wanted = [&raised] {
    if (getpid() != gettid()) return false;  // handlers run in the main thread alone
    const pybind11::gil_scoped_acquire locked;
    if (PyErr_CheckSignals() == 0) return false;
    raised.emplace();
    return true;
  };
  const auto raise = [&raised] {  // also where f returns: a handler's exception is never lost
    if (raised) throw *raised;
  };
  try {
    if constexpr (std::is_void_v<decltype(f())>) {
      run_unlocked(f, wanted);
      raise();
    } else {
      auto result = run_unlocked(f, wanted);
      raise();
      return result;
    }
  } catch (const Interrupted&) {
    raise();
    throw;
  }
}

/// f(), with Python's lock released. A long call in the main thread is given up when stop() is true, where there is one:
/// then it is what f returns, or nothing where it throws Interrupted. When a signal's handler raises, this raises the same.
template <typename F>
auto given_up_by(const std::optional<pybind11::function>& stop, const F& f) -> std::optional<decltype(f())> {
  std::optional<pybind11::error_already_set> raised;
  const auto wanted = [&] {
    if (getpid() != gettid()) return false;  // handlers run in the main thread alone
    const pybind11::gil_scoped_acquire locked;
    try {
      if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
      return stop && (*stop)().cast<bool>();
    } catch (pybind11::error_already_set& error) {
      raised.emplace(error);
      return true;
    }
  };
  std::optional<decltype(f())> result;
  try {
    result = run_unlocked(f, wanted);
  } catch (const Interrupted&) {
  }
  if (raised) throw *raised;
  return result;
}

}  // namespace nncore
