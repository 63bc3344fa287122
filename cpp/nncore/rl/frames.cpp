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

using Bytes = std::uint8_t __attribute__((vector_size(16)));
using Words = std::uint32_t __attribute__((vector_size(16)));

template <typename V>
V read(const std::uint8_t* from) {
  V value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// a0 b0 a1 b1 ... of the first or the last eight bytes.
Bytes mix_low(Bytes a, Bytes b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
Bytes mix_high(Bytes a, Bytes b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/// A stack of four, the commonest: sixteen pixels at a time, mixed first with the frame after the next.
void interleave_four(const std::uint8_t* const* frames, std::size_t bytes, std::uint8_t* out) {
  std::size_t i = 0;
  for (; i + 16 <= bytes; i += 16, out += 64) {
    const Bytes a = read<Bytes>(frames[0] + i), b = read<Bytes>(frames[1] + i);
    const Bytes c = read<Bytes>(frames[2] + i), d = read<Bytes>(frames[3] + i);
    const Bytes ac[] = {mix_low(a, c), mix_high(a, c)}, bd[] = {mix_low(b, d), mix_high(b, d)};
    const Bytes pixels[] = {mix_low(ac[0], bd[0]), mix_high(ac[0], bd[0]), mix_low(ac[1], bd[1]),
                            mix_high(ac[1], bd[1])};
    std::memcpy(out, pixels, sizeof pixels);
  }
  for (; i < bytes; ++i) {
    for (std::size_t f = 0; f < 4; ++f) *out++ = frames[f][i];
  }
}

/// The other way: four bytes of each frame side by side, and then sixteen.
void separate_four(const std::uint8_t* stacked, std::size_t bytes, std::uint8_t* out) {
  const auto sorted = [](const std::uint8_t* from) {
    const Bytes x = read<Bytes>(from);
    return (Words)__builtin_shufflevector(x, x, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  };
  std::size_t i = 0;
  for (; i + 16 <= bytes; i += 16, stacked += 64) {
    const Words x = sorted(stacked), y = sorted(stacked + 16), z = sorted(stacked + 32), w = sorted(stacked + 48);
    const Words xy[] = {__builtin_shufflevector(x, y, 0, 4, 1, 5), __builtin_shufflevector(x, y, 2, 6, 3, 7)};
    const Words zw[] = {__builtin_shufflevector(z, w, 0, 4, 1, 5), __builtin_shufflevector(z, w, 2, 6, 3, 7)};
    for (std::size_t f = 0; f < 2; ++f) {
      const Words even = __builtin_shufflevector(xy[f], zw[f], 0, 1, 4, 5);
      const Words odd = __builtin_shufflevector(xy[f], zw[f], 2, 3, 6, 7);
      std::memcpy(out + 2 * f * bytes + i, &even, sizeof even);
      std::memcpy(out + (2 * f + 1) * bytes + i, &odd, sizeof odd);
    }
  }
  for (; i < bytes; ++i) {
    for (std::size_t f = 0; f < 4; ++f) out[f * bytes + i] = *stacked++;
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
  if (stack == 4) {
    separate_four(bytes, frame_bytes_, planes_.data());
    return planes_.data();
  }
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
