#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/view.h"
#include "nncore/rl/pages.h"

namespace nncore {

/// Frames that an interleaved stack may have.
inline constexpr std::size_t kMostFrames = 64;

/// An observation, or one entry of a dictionary.
struct ObservationPart {
  std::size_t bytes = 0;
  std::size_t frames = 0;    // 0: kept as it is; else a stack of so many, each kept once
  bool interleaved = false;  // the stack is the last axis, of single bytes; else the first
};

/// Frames of stacks, each kept once and counted by the stacks that show it. A stack is a list of their numbers.
class FramePool {
 public:
  using Id = std::uint32_t;

  explicit FramePool(const ObservationPart& part, const std::string& folder = "");

  std::size_t stack() const { return part_.frames; }
  std::size_t frame_bytes() const { return frame_bytes_; }

  /// Sets addresses aside for so many frames, so that they need not move.
  void expect(std::size_t frames) { pages_.grow(frames * frame_bytes_); }

  /// Makes room for `stacks` stacks of new frames (std::bad_alloc): store() cannot fail then.
  void reserve(std::size_t stacks);

  /// Whether `observation` is the stack `ids`.
  bool shows(const Id* ids, const void* observation);

  /// Keeps `observation` as the stack `ids`. Frames are taken from `before`, the stack one step earlier (may be null),
  /// and a frame that repeats the one before it in the stack is kept once.
  void store(const void* observation, const Id* before, Id* ids);

  void drop(const Id* ids);

  /// Writes the stack `ids`.
  void load(const Id* ids, void* observation) const;

  /// Frames that stand in memory, those that no stack shows among them (frames, bytes).
  View<const std::uint8_t, 2> frames() const { return {pages_.data(), {counts_.size(), frame_bytes_}}; }
  std::size_t bytes() const { return counts_.size() * frame_bytes_; }

  /// Takes over frames whose stacks are then named one by one by count().
  void restore(View<const std::uint8_t, 2> frames);
  void count(const Id* ids);
  void restored();

 private:
  const std::uint8_t* frame(Id id) const { return pages_.data() + std::size_t{id} * frame_bytes_; }
  const std::uint8_t* planes(const void* observation);
  Id fresh(const std::uint8_t* plane);

  ObservationPart part_;
  std::size_t frame_bytes_;
  Pages pages_;
  std::vector<std::uint32_t> counts_;
  std::vector<Id> free_;
  std::vector<std::uint8_t> planes_;  // an interleaved observation, frame by frame
};

}  // namespace nncore
