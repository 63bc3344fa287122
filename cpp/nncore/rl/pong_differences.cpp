#include "nncore/rl/pong_differences.h"

#include <algorithm>
#include <cstring>

namespace nncore {

namespace {

constexpr std::size_t kSide = 80, kTop = 34, kHeight = 210, kWidth = 160;
constexpr std::uint8_t kBackgrounds[] = {87, 107};  // grey of (144, 72, 17) and (109, 118, 43)

constexpr std::size_t kPixels = 16;  // at a time
using Pixels = std::uint8_t __attribute__((vector_size(kPixels)));
static_assert(kSide % kPixels == 0);

Pixels read(const std::uint8_t* from) {
  Pixels pixels;
  std::memcpy(&pixels, from, sizeof pixels);
  return pixels;
}

/// Calls f(i, difference) for each pixel i that has changed; `previous` becomes the frame. They are few.
template <typename F>
void each_change(const std::uint8_t* frame, std::uint8_t* previous, const F& f) {
  for (std::size_t i = 0; i < kSide * kSide; i += kPixels) {
    const std::uint8_t* const line = frame + (kTop + 2 * (i / kSide)) * kWidth + 2 * (i % kSide);
    const Pixels grey = __builtin_shufflevector(read(line), read(line + kPixels), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20,
                                                22, 24, 26, 28, 30);
    const Pixels now = ((grey != kBackgrounds[0]) & (grey != kBackgrounds[1])) & 1;
    const Pixels before = read(previous + i);
    std::uint64_t changed[2];
    const Pixels differences = now ^ before;
    std::memcpy(changed, &differences, sizeof changed);
    if ((changed[0] | changed[1]) == 0) continue;
    for (std::size_t lane = 0; lane < kPixels; ++lane) {
      if (now[lane] != before[lane]) f(i + lane, now[lane] != 0 ? 1 : -1);
    }
    std::memcpy(previous + i, &now, sizeof now);
  }
}

}  // namespace

void check_pong(View<const std::uint8_t, 3> frames, View<const std::uint8_t, 1> starts,
                View<std::uint8_t, 2> previous) {
  const std::size_t n = frames.extent(0);
  require(frames.extent(1) == kHeight && frames.extent(2) == kWidth, "frames must have shape (n, 210, 160), but have (",
          n, ", ", frames.extent(1), ", ", frames.extent(2), ")");
  require(starts.size() == n, "starts must have length ", n, ", but have ", starts.size());
  require(previous.extent(0) == n && previous.extent(1) == kSide * kSide, "previous must have shape (", n, ", ",
          kSide * kSide, "), but has (", previous.extent(0), ", ", previous.extent(1), ")");
}

template <typename T>
void add_pong_changes(const std::uint8_t* frame, bool starts, std::uint8_t* previous,
                      std::vector<std::uint32_t>& indices, std::vector<T>& values) {
  if (starts) return each_change(frame, previous, [](std::size_t, int) {});
  each_change(frame, previous, [&](std::size_t i, int difference) {
    indices.push_back(static_cast<std::uint32_t>(i));
    values.push_back(static_cast<T>(difference));
  });
}

void pong_differences(View<const std::uint8_t, 3> frames, View<const std::uint8_t, 1> starts,
                      View<std::uint8_t, 2> previous, View<float, 2> differences) {
  check_pong(frames, starts, previous);
  require(differences.extents() == previous.extents(), "differences must have the shape of previous");
  std::fill_n(differences.data(), differences.size(), 0.0f);
  for (std::size_t i = 0; i < frames.extent(0); ++i) {
    float* const out = differences.row(i);
    const bool starting = starts(i) != 0;
    each_change(frames.row(i), previous.row(i), [&](std::size_t pixel, int difference) {
      out[pixel] = starting ? 0.0f : static_cast<float>(difference);
    });
  }
}

template void add_pong_changes(const std::uint8_t*, bool, std::uint8_t*, std::vector<std::uint32_t>&,
                               std::vector<float>&);
template void add_pong_changes(const std::uint8_t*, bool, std::uint8_t*, std::vector<std::uint32_t>&,
                               std::vector<double>&);

}  // namespace nncore
