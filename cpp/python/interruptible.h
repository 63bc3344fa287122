#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <optional>
#include <type_traits>
#include <utility>

#include "gil.h"
#include "nncore/core/interrupt.h"

namespace nncore {

/// f(), with Python's lock released. A long call in the main thread is given up when a signal's handler raises, as that of
/// Ctrl-C does, and this raises the same, also where f returns; or when stop() is true, where there is one: then it is
/// what f returns, or nothing where f throws Interrupted.
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
    const Unlocked unlocked;
    const Interruptible offered(wanted);
    result = f();
  } catch (const Interrupted&) {
  }
  if (raised) throw *raised;
  return result;
}

/// The same where only signals end f.
template <typename F>
auto interruptible(const F& f) {
  if constexpr (std::is_void_v<decltype(f())>) {
    given_up_by(std::nullopt, [&f] { return f(), true; });
  } else {
    return std::move(given_up_by(std::nullopt, f)).value();
  }
}

}  // namespace nncore
