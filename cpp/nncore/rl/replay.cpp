#include "nncore/rl/replay.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

namespace nncore {
namespace {

constexpr std::size_t kMostTransitions = (std::size_t{1} << 29) - 1;
constexpr std::size_t kMostEnvironments = std::size_t{1} << 20;
constexpr std::size_t kMostSteps = 10000;

const std::uint8_t* at(const void* data, std::size_t offset) { return static_cast<const std::uint8_t*>(data) + offset; }

}  // namespace

Replay::Replay(const ReplaySettings& settings)
    : settings_(settings), records_(settings.folder), ends_(settings.folder), seed_(settings.seed) {
  const std::size_t capacity = settings.capacity, steps = settings.n_steps;
  require(capacity >= 1 && capacity <= kMostTransitions, "capacity must be from 1 to 2^29 - 1, but is ", capacity);
  require(steps >= 1 && steps <= kMostSteps, "n_steps must be from 1 to ", kMostSteps, ", but is ", steps);
  require(settings.gamma >= 0 && settings.gamma <= 1, "gamma must be from 0 to 1, but is ", settings.gamma);
  require(settings.alpha >= 0 && std::isfinite(settings.alpha), "alpha must be at least 0 and finite, but is ",
          settings.alpha);
  require(settings.epsilon >= 0 && std::isfinite(settings.epsilon), "epsilon must be at least 0 and finite, but is ",
          settings.epsilon);
  for (const ObservationPart& part : settings.observation) {
    require(part.frames <= kMostFrames && (part.frames == 0 || (part.bytes > 0 && part.bytes % part.frames == 0)),
            "frames must be from 0 to ", kMostFrames, " and divide the bytes of the observation, ", part.bytes,
            ", but are ", part.frames);
    const std::size_t stored = part.frames > 0 ? part.frames * sizeof(FramePool::Id) : part.bytes;
    parts_.push_back({part.bytes, observation_bytes_, stored, -1});
    observation_bytes_ += stored;
    if (part.frames == 0) continue;
    parts_.back().pool = static_cast<std::ptrdiff_t>(pools_.size());
    pools_.emplace_back(part, settings.folder);
    pools_.back().expect(capacity + capacity / 8);
  }
  record_bytes_ = (observation_bytes_ + settings.action_bytes + sizeof(float) + sizeof(std::uint32_t) + 7) / 8 * 8;
  records_.grow(capacity * record_bytes_);  // pages come when they are touched
  powers_.resize(steps + 1, 1.0);
  for (std::size_t m = 1; m <= steps; ++m) powers_[m] = powers_[m - 1] * settings.gamma;
  if (settings.kind == ReplayKind::kProportional) tree_.emplace(capacity);
  if (settings.kind == ReplayKind::kRank) ranks_.emplace(capacity, settings.alpha);
}

std::uint32_t Replay::link(std::size_t slot) const {
  std::uint32_t link;
  std::memcpy(&link, record(slot) + record_bytes_ - sizeof link, sizeof link);
  return link;
}

void Replay::set_link(std::size_t slot, std::uint32_t link) {
  std::memcpy(record(slot) + record_bytes_ - sizeof link, &link, sizeof link);
}

/// All memory that adding may take, before anything changes.
void Replay::prepare(std::size_t count, std::size_t environments) {
  require(environments <= kMostEnvironments, "environments must be numbered below ", kMostEnvironments, ", but one is ",
          environments - 1);
  if (free_ends_.size() < count) {
    const std::size_t ends = ends_count_ + count;
    if (ends > kPlace) throw std::bad_alloc();
    ends_.grow(ends * observation_bytes_);
    if (free_ends_.capacity() < ends) free_ends_.reserve(ends + ends / 2);  // so that forget() cannot fail
  }
  for (FramePool& pool : pools_) pool.reserve(2 * count);
  if (last_.size() < environments) last_.resize(environments, 0);
}

void Replay::add(const ReplaySteps& steps) {
  std::size_t environments = steps.count;
  if (steps.environments != nullptr) {
    environments = 0;
    for (std::size_t i = 0; i < steps.count; ++i) {
      environments = std::max(environments, static_cast<std::size_t>(steps.environments[i]) + 1);
    }
  }
  prepare(steps.count, environments);
  for (std::size_t i = 0; i < steps.count;) {  // in runs that do not pass the end of the ring
    const std::size_t first = next_, run = std::min(steps.count - i, capacity() - next_);
    const double priority = greatest_without(first);
    for (const std::size_t end = i + run; i < end; ++i) {
      add_step({steps.observations, steps.next_observations, at(steps.actions, i * settings_.action_bytes),
                steps.rewards[i], steps.terminated[i] != 0, steps.truncated[i] != 0,
                steps.environments != nullptr ? static_cast<std::size_t>(steps.environments[i]) : i, i});
    }
    prioritize(first, run, priority);
  }
}

void Replay::add(const void* observation, const void* action, float reward, const void* next_observation,
                 bool terminated, bool truncated, std::size_t environment) {
  prepare(1, environment + 1);
  const std::size_t first = next_;
  const double priority = greatest_without(first);
  add_step({&observation, &next_observation, action, reward, terminated, truncated, environment, 0});
  prioritize(first, 1, priority);
}

void Replay::add_step(const Step& step) {
  const std::size_t slot = next_;
  if (size_ == capacity()) forget(slot);
  std::uint8_t* const stored = record(slot);
  const std::uint64_t last = last_[step.environment];
  std::size_t entry = kPlace;
  if (last != 0 && added_ + 1 - last < capacity()) {  // the last transition of this environment is still here
    const std::size_t before = (last - 1) % capacity();
    const std::uint32_t link = this->link(before);
    if (shows(end(link & kPlace), step.observations, step.row)) {
      entry = link & kPlace;
      std::memcpy(stored, end(entry), observation_bytes_);
      set_link(before, static_cast<std::uint32_t>(slot) | (link & ~(kPlace | kEnd)));
    }
  }
  if (entry == kPlace) {
    store(step.observations, step.row, nullptr, stored);
    if (free_ends_.empty()) {
      entry = ends_count_++;
    } else {
      entry = free_ends_.back();
      free_ends_.pop_back();
    }
  }
  store(step.next_observations, step.row, stored, end(entry));
  std::memcpy(stored + observation_bytes_, step.action, settings_.action_bytes);
  std::memcpy(stored + record_bytes_ - 8, &step.reward, sizeof step.reward);
  set_link(slot, static_cast<std::uint32_t>(entry) | kEnd | (step.terminated ? kTerminated : 0) |
                     (step.truncated ? kTruncated : 0));
  ++added_;
  last_[step.environment] = step.terminated || step.truncated ? 0 : added_;
  size_ = std::min(size_ + 1, capacity());
  next_ = slot + 1 == capacity() ? 0 : slot + 1;
}

void Replay::end_episode(std::size_t environment) {
  if (environment < last_.size()) last_[environment] = 0;
}

/// Gives back what the transition to be overwritten holds.
void Replay::forget(std::size_t slot) {
  drop(record(slot));
  const std::uint32_t link = this->link(slot);
  if ((link & kEnd) == 0) return;
  drop(end(link & kPlace));
  free_ends_.push_back(link & kPlace);
}

/// The greatest priority that is stored, but for the transition about to be overwritten.
double Replay::greatest_without(std::size_t slot) {
  if (ranks_) return ranks_->greatest_but(slot);
  if (!tree_) return 1;
  if (size_ == capacity() && (*tree_)[slot] >= tree_->maximum()) tree_->fill(slot, 1, 0);
  return tree_->maximum() > 0 ? tree_->maximum() : 1;
}

void Replay::prioritize(std::size_t first, std::size_t count, double priority) {
  if (tree_) tree_->fill(first, count, priority);
  if (!ranks_) return;
  for (std::size_t slot = first; slot < first + count; ++slot) ranks_->set(slot, priority);
}

bool Replay::shows(const std::uint8_t* stored, const void* const* observations, std::size_t row) {
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const Part& part = parts_[p];
    const std::uint8_t* given = at(observations[p], row * part.bytes);
    if (part.pool < 0) {
      if (std::memcmp(stored + part.offset, given, part.bytes) != 0) return false;
    } else {
      FramePool::Id ids[kMostFrames];
      std::memcpy(ids, stored + part.offset, part.stored);
      if (!pools_[static_cast<std::size_t>(part.pool)].shows(ids, given)) return false;
    }
  }
  return true;
}

/// Stores an observation; `before` is the one a step earlier, or null.
void Replay::store(const void* const* observations, std::size_t row, const std::uint8_t* before, std::uint8_t* stored) {
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const Part& part = parts_[p];
    const std::uint8_t* given = at(observations[p], row * part.bytes);
    if (part.pool < 0) {
      std::memcpy(stored + part.offset, given, part.bytes);
    } else {
      FramePool::Id ids[kMostFrames], earlier[kMostFrames];
      if (before != nullptr) std::memcpy(earlier, before + part.offset, part.stored);
      pools_[static_cast<std::size_t>(part.pool)].store(given, before != nullptr ? earlier : nullptr, ids);
      std::memcpy(stored + part.offset, ids, part.stored);
    }
  }
}

void Replay::drop(const std::uint8_t* stored) {
  for (const Part& part : parts_) {
    if (part.pool < 0) continue;
    FramePool::Id ids[kMostFrames];
    std::memcpy(ids, stored + part.offset, part.stored);
    pools_[static_cast<std::size_t>(part.pool)].drop(ids);
  }
}

void Replay::seed(std::uint64_t seed) {
  seed_ = seed;
  draws_ = 0;
}

std::size_t Replay::bytes() const {
  std::size_t bytes = size_ * record_bytes_ + ends_count_ * observation_bytes_;
  for (const FramePool& pool : pools_) bytes += pool.bytes();
  if (tree_) bytes += tree_->bytes();
  if (ranks_) bytes += ranks_->bytes();
  return bytes;
}

}  // namespace nncore
