#include <pybind11/numpy.h>

#include <cstring>
#include <string>
#include <vector>

#include "arrays.h"
#include "replay.h"

namespace py = pybind11;

namespace nncore {
namespace {

/// Refuses what no transition could have brought: a number outside its space, at `offset` of each row.
void check_bounds(View<const std::uint8_t, 2> rows, std::size_t offset, const ReplaySpec& spec, const char* name) {
  for (std::size_t row = 0; row < (spec.low.empty() ? 0 : rows.extent(0)); ++row) {
    for (std::size_t i = 0; i < spec.low.size(); ++i) {
      std::int64_t number;
      std::memcpy(&number, rows.row(row) + offset + i * sizeof number, sizeof number);
      require(number >= spec.low[i] && number <= spec.high[i], name, " of transition ", row, " is ", number);
    }
  }
}

}  // namespace

/// Arrays and numbers of the state; records, ends and frames are views, which end with the next change.
py::dict state_of_replay(const py::object& self_object) {
  auto& self = self_object.cast<BoundReplay&>();
  const auto guard = self.guard();
  const Replay::State state = self.replay.state();
  const auto view = [&](View<const std::uint8_t, 2> bytes) {
    return py::array_t<std::uint8_t>({bytes.extent(0), bytes.extent(1)}, bytes.data(), self_object);
  };
  py::dict arrays;
  arrays["records"] = view(state.records);
  arrays["ends"] = view(state.ends);
  for (std::size_t p = 0; p < state.frames.size(); ++p) {
    arrays[py::str("frames." + std::to_string(p))] = view(state.frames[p]);
  }
  arrays["priorities"] = array_of(state.priorities);
  arrays["order"] = array_of(state.order);
  arrays["last"] = array_of(state.last);
  arrays["counters"] = array_of(std::vector<std::uint64_t>{state.added, state.updates, state.seed, state.draws});
  return arrays;
}

void restore_replay(BoundReplay& self, In<std::uint8_t, 2> records, In<std::uint8_t, 2> ends,
                    const std::vector<In<std::uint8_t, 2>>& frames, In<double, 1> priorities, In<std::int64_t, 1> order,
                    In<std::uint64_t, 1> last, In<std::uint64_t, 1> counters) {
  require(counters.view().size() == 4, "counters", "(4,)", "", counters.view());
  Replay::State state;
  state.records = records;
  state.ends = ends;
  for (const auto& part : frames) state.frames.push_back(part.view());
  state.priorities = listed(priorities);
  state.order = listed(order);
  state.last = listed(last);
  const std::uint64_t* counts = counters.view().data();
  state.added = counts[0];
  state.updates = counts[1];
  state.seed = counts[2];
  state.draws = counts[3];
  const auto guard = self.guard();
  self.replay.check_sizes(state);
  for (std::size_t p = 0; p < self.observations.size(); ++p) {
    check_bounds(state.records, self.replay.offset(p), self.observations[p], "the observation");
    check_bounds(state.ends, self.replay.offset(p), self.observations[p], "the last observation");
  }
  check_bounds(state.records, self.replay.action_offset(), self.action, "the action");
  self.replay.restore(state);
}

}  // namespace nncore
