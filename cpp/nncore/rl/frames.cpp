#include "nncore/rl/frames.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace nncore {
namespace {

/// out[i * stack + f] = frame f at i.
void interleave(const std::uint8_t* const* frames, std::size_t stack, std::size_t bytes, std::uint8_t* out) {
  for (std::size_t i = 0; i < bytes; ++i) {
    for (std::size_t f = 0; f < stack; ++f) *out++ = frames[f][i];
  }
}

/// A stack of four, the commonest: four bytes at a time.
void interleave_four(const std::uint8_t* const* frames, std::size_t bytes, std::uint8_t* out) {
  const std::uint8_t *a = frames[0], *b = frames[1], *c = frames[2], *d = frames[3];
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::uint32_t pixel = a[i] | std::uint32_t{b[i]} << 8 | std::uint32_t{c[i]} << 16 | std::uint32_t{d[i]} << 24;
    std::memcpy(out + 4 * i, &pixel, 4);
  }
}

}  // namespace

FramePool::FramePool(const ObservationPart& part, const std::string& folder)
    : part_(part), frame_bytes_(part.bytes / part.frames), pages_(folder) {
  if (part.interleaved) planes_.resize(part.bytes);
}

void FramePool::reserve(std::size_t stacks) {
  const std::size_t count = stacks * part_.frames;
  if (free_.size() >= count) return;
  const std::size_t needed = counts_.size() + count - free_.size();
  if (needed > std::numeric_limits<Id>::max()) throw std::bad_alloc();
  pages_.grow(needed * frame_bytes_);
  if (counts_.capacity() < needed) counts_.reserve(needed + needed / 2);
  if (free_.capacity() < counts_.capacity()) free_.reserve(counts_.capacity());  // so that drop() cannot fail
}

/// The frames of an observation, one after the other.
const std::uint8_t* FramePool::planes(const void* observation) {
  const auto* bytes = static_cast<const std::uint8_t*>(observation);
  if (!part_.interleaved) return bytes;
  const std::size_t stack = part_.frames;
  for (std::size_t f = 0; f < stack; ++f) {
    std::uint8_t* plane = planes_.data() + f * frame_bytes_;
    for (std::size_t i = 0; i < frame_bytes_; ++i) plane[i] = bytes[i * stack + f];
  }
  return planes_.data();
}

bool FramePool::shows(const Id* ids, const void* observation) {
  const std::uint8_t* plane = planes(observation);
  for (std::size_t f = 0; f < part_.frames; ++f, plane += frame_bytes_) {
    if (std::memcmp(frame(ids[f]), plane, frame_bytes_) != 0) return false;
  }
  return true;
}

FramePool::Id FramePool::fresh(const std::uint8_t* plane) {
  Id id;
  if (free_.empty()) {
    id = static_cast<Id>(counts_.size());
    counts_.push_back(0);
  } else {
    id = free_.back();
    free_.pop_back();
  }
  std::memcpy(pages_.data() + std::size_t{id} * frame_bytes_, plane, frame_bytes_);
  return id;
}

void FramePool::store(const void* observation, const Id* before, Id* ids) {
  const std::uint8_t* plane = planes(observation);
  for (std::size_t f = 0; f < part_.frames; ++f, plane += frame_bytes_) {
    const auto same = [&](Id id) { return std::memcmp(frame(id), plane, frame_bytes_) == 0; };
    if (before != nullptr && f + 1 < part_.frames && same(before[f + 1])) {
      ids[f] = before[f + 1];
    } else if (f > 0 && same(ids[f - 1])) {
      ids[f] = ids[f - 1];
    } else {
      ids[f] = fresh(plane);
    }
    ++counts_[ids[f]];
  }
}

void FramePool::drop(const Id* ids) {
  for (std::size_t f = 0; f < part_.frames; ++f) {
    if (--counts_[ids[f]] == 0) free_.push_back(ids[f]);
  }
}

void FramePool::load(const Id* ids, void* observation) const {
  auto* out = static_cast<std::uint8_t*>(observation);
  if (!part_.interleaved) {
    for (std::size_t f = 0; f < part_.frames; ++f, out += frame_bytes_) std::memcpy(out, frame(ids[f]), frame_bytes_);
    return;
  }
  const std::uint8_t* frames[kMostFrames];
  for (std::size_t f = 0; f < part_.frames; ++f) frames[f] = frame(ids[f]);
  if (part_.frames == 4) {
    interleave_four(frames, frame_bytes_, out);
  } else {
    interleave(frames, part_.frames, frame_bytes_, out);
  }
}

void FramePool::restore(View<const std::uint8_t, 2> frames) {
  pages_.grow(frames.size());
  if (!frames.empty()) std::memcpy(pages_.data(), frames.data(), frames.size());
  counts_.assign(frames.extent(0), 0);
  free_.clear();
}

void FramePool::count(const Id* ids) {
  for (std::size_t f = 0; f < part_.frames; ++f) ++counts_[ids[f]];
}

void FramePool::restored() {
  free_.reserve(counts_.capacity());
  for (std::size_t id = counts_.size(); id-- > 0;) {
    if (counts_[id] == 0) free_.push_back(static_cast<Id>(id));
  }
}

}  // namespace nncore
