#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "arrays.h"
#include "nncore/core/in_use.h"
#include "nncore/rl/replay.h"

namespace nncore {

/// What an observation, an entry of one, or an action is.
struct ReplaySpec {
  pybind11::dtype dtype;
  std::vector<pybind11::ssize_t> shape;
  std::vector<std::int64_t> low, high;  // of each element, both included; empty where any value may come

  std::size_t bytes() const {
    std::size_t bytes = static_cast<std::size_t>(dtype.itemsize());
    for (const pybind11::ssize_t extent : shape) bytes *= static_cast<std::size_t>(extent);
    return bytes;
  }
};

/// A replay with the arrays that Python gives it and gets from it. A learner shares it.
struct BoundReplay {
  BoundReplay(const ReplaySettings& settings, std::vector<ReplaySpec> parts, ReplaySpec act, bool mapping)
      : replay(settings), observations(std::move(parts)), action(std::move(act)), is_mapping(mapping) {}

  UseFlag::Guard guard() { return {replay.in_use(), "the replay buffer"}; }
  std::size_t row_bytes() const {
    std::size_t bytes = action.bytes();
    for (const ReplaySpec& spec : observations) bytes += 2 * spec.bytes();
    return bytes;
  }

  Replay replay;
  std::vector<ReplaySpec> observations;
  ReplaySpec action;
  bool is_mapping;                     // observations come and go as a list of the entries of a dictionary
  std::vector<pybind11::object> keys;  // of these entries
};

/// Arrays and numbers of the state; records, ends and frames are views, which end with the next change.
pybind11::dict state_of_replay(const pybind11::object& replay);

/// Takes over what state_of_replay gave, whole or not at all; see Replay::restore.
void restore_replay(BoundReplay& self, In<std::uint8_t, 2> records, In<std::uint8_t, 2> ends,
                    const std::vector<In<std::uint8_t, 2>>& frames, In<double, 1> priorities, In<std::int64_t, 1> order,
                    In<std::uint64_t, 1> last, In<std::uint64_t, 1> counters);

}  // namespace nncore
