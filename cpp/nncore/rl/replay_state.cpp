#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "nncore/rl/replay.h"

namespace nncore {

Replay::State Replay::state() const {
  State state;
  state.records = {records_.data(), {size_, record_bytes_}};
  state.ends = {ends_.data(), {ends_count_, observation_bytes_}};
  for (const FramePool& pool : pools_) state.frames.push_back(pool.frames());
  if (tree_) state.priorities.assign(tree_->priorities().data(), tree_->priorities().data() + size_);
  if (ranks_) ranks_->read(state.order, state.priorities);
  state.last = last_;
  state.added = added_;
  state.updates = ranks_ ? ranks_->changes() : 0;
  state.seed = seed_;
  state.draws = draws_;
  return state;
}

/// How many transitions came before the one at `slot`.
std::uint64_t Replay::serial(std::size_t slot) const {
  if (added_ <= capacity()) return slot;
  return added_ - capacity() + (slot + capacity() - next_) % capacity();
}

void Replay::check_sizes(const State& state) const {
  const std::size_t size = state.records.extent(0);
  require(size == std::min<std::uint64_t>(state.added, capacity()),
          "records must be min(added, capacity) = ", std::min<std::uint64_t>(state.added, capacity()), ", but are ",
          size);
  require(state.added < std::uint64_t{1} << 62, "added must be below 2^62, but is ", state.added);
  require(state.draws < std::uint64_t{1} << 40, "draws must be below 2^40, but are ", state.draws);
  require(state.records.extent(1) == record_bytes_, "records must have ", record_bytes_, " bytes, but have ",
          state.records.extent(1));
  require(state.ends.extent(1) == observation_bytes_ && state.ends.extent(0) <= kPlace, "ends must have ",
          observation_bytes_, " bytes, but have ", state.ends.extent(1));
  require(state.frames.size() == pools_.size(), "frames must be of ", pools_.size(), " parts, but are of ",
          state.frames.size());
  require(state.last.size() <= std::size_t{1} << 20, "environments must be at most 2^20, but are ", state.last.size());
}

void Replay::restore(const State& state) {
  check_sizes(state);
  const std::size_t size = state.records.extent(0);
  Replay fresh(settings_);
  fresh.ends_.grow(state.ends.size());
  if (!state.records.empty()) std::memcpy(fresh.records_.data(), state.records.data(), state.records.size());
  if (!state.ends.empty()) std::memcpy(fresh.ends_.data(), state.ends.data(), state.ends.size());
  fresh.size_ = size;
  fresh.added_ = state.added;
  fresh.next_ = state.added % capacity();
  fresh.ends_count_ = state.ends.extent(0);
  fresh.last_ = state.last;
  fresh.seed_ = state.seed;
  fresh.draws_ = state.draws;
  fresh.restore_links();
  fresh.restore_frames(state);
  fresh.restore_priorities(state);
  swap(fresh);
}

/// Checks links and the last transitions of environments, and finds the entries of ends_ that are free.
void Replay::restore_links() {
  std::vector<bool> taken(ends_count_, false), last(size_, false);
  for (std::size_t slot = 0; slot < size_; ++slot) {
    const std::uint32_t link = this->link(slot);
    const std::size_t place = link & kPlace;
    if ((link & kEnd) != 0) {
      require(place < ends_count_ && !taken[place], "transition ", slot, " has no observation to end with");
      taken[place] = true;
    } else {
      require(place < size_ && serial(place) > serial(slot) && (link & (kTerminated | kTruncated)) == 0, "transition ",
              slot, " cannot be followed by ", place);
    }
  }
  for (std::size_t e = 0; e < last_.size(); ++e) {
    require(last_[e] <= added_, "the last transition of environment ", e, " does not exist");
    if (last_[e] == 0 || last_[e] + size_ <= added_) continue;
    const std::size_t slot = (last_[e] - 1) % capacity();
    require((link(slot) & kEnd) != 0 && (link(slot) & (kTerminated | kTruncated)) == 0 && !last[slot], "transition ",
            slot, " cannot be the last of environment ", e);
    last[slot] = true;
  }
  free_ends_.reserve(ends_count_);
  for (std::size_t entry = ends_count_; entry-- > 0;) {
    if (!taken[entry]) free_ends_.push_back(static_cast<std::uint32_t>(entry));
  }
}

/// Checks the numbers of frames, and counts how many stacks show each.
void Replay::restore_frames(const State& state) {
  for (const Part& part : parts_) {
    if (part.pool < 0) continue;
    const auto p = static_cast<std::size_t>(part.pool);
    const std::size_t frames = state.frames[p].extent(0);
    require(state.frames[p].extent(1) == pools_[p].frame_bytes(), "frames must have ", pools_[p].frame_bytes(),
            " bytes, but have ", state.frames[p].extent(1));
    pools_[p].restore(state.frames[p]);
    const auto count = [&](const std::uint8_t* stored) {
      FramePool::Id ids[kMostFrames];
      std::memcpy(ids, stored + part.offset, part.stored);
      for (std::size_t f = 0; f < pools_[p].stack(); ++f) {
        require(ids[f] < frames, "frames must be numbered below ", frames, ", but one is ", ids[f]);
      }
      pools_[p].count(ids);
    };
    for (std::size_t slot = 0; slot < size_; ++slot) {
      count(record(slot));
      if ((link(slot) & kEnd) != 0) count(end(link(slot) & kPlace));
    }
    pools_[p].restored();
  }
}

void Replay::restore_priorities(const State& state) {
  const std::size_t due = tree_ || ranks_ ? size_ : 0;
  require(state.priorities.size() == due && state.order.size() == (ranks_ ? size_ : 0), "priorities must be ", due,
          ", but are ", state.priorities.size());
  if (tree_) {
    for (std::size_t i = 0; i < size_; ++i) {
      require(state.priorities[i] > 0, "priorities must be above 0, but entry ", i, " is ", state.priorities[i]);
    }
    tree_->assign({state.priorities.data(), {size_}});
  }
  if (!ranks_) return;
  std::vector<bool> seen(size_, false);
  for (std::size_t r = 0; r < size_; ++r) {
    const std::int64_t index = state.order[r];
    require(index >= 0 && static_cast<std::uint64_t>(index) < size_ && !seen[static_cast<std::size_t>(index)],
            "order must have each transition once, but entry ", r, " is ", index);
    seen[static_cast<std::size_t>(index)] = true;
    const double error = state.priorities[r], above = state.priorities[r > 0 ? (r - 1) / 2 : 0];
    require(error >= 0 && std::isfinite(error) && error <= above, "priorities must be a heap of finite numbers, but ",
            "entry ", r, " is ", error);
  }
  ranks_->restore(state.order, state.priorities, state.updates);
}

void Replay::swap(Replay& other) noexcept {
  parts_.swap(other.parts_);
  pools_.swap(other.pools_);
  std::swap(records_, other.records_);
  std::swap(ends_, other.ends_);
  std::swap(size_, other.size_);
  std::swap(next_, other.next_);
  std::swap(ends_count_, other.ends_count_);
  free_ends_.swap(other.free_ends_);
  last_.swap(other.last_);
  std::swap(added_, other.added_);
  std::swap(seed_, other.seed_);
  std::swap(draws_, other.draws_);
  tree_.swap(other.tree_);
  ranks_.swap(other.ranks_);
}

}  // namespace nncore
