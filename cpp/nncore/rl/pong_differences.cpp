#include <algorithm>

#include "nncore/core/threads.h"
#include "nncore/rl/reinforce.h"

namespace nncore {

namespace {
constexpr std::size_t kSide = 80, kTop = 34, kHeight = 210, kWidth = 160;
constexpr std::uint8_t kBackgrounds[] = {87, 107};  // grey of (144, 72, 17) and (109, 118, 43)
}  // namespace

void pong_differences(View<const std::uint8_t, 3> frames, View<const std::uint8_t, 1> starts,
                      View<std::uint8_t, 2> previous, View<float, 2> differences) {
  const std::size_t n = frames.extent(0);
  require(frames.extent(1) == kHeight && frames.extent(2) == kWidth, "frames must have shape (n, 210, 160), but have (",
          n, ", ", frames.extent(1), ", ", frames.extent(2), ")");
  require(starts.size() == n && previous.extent(0) == n && differences.extent(0) == n, "starts must have length ", n,
          ", but have ", starts.size());
  require(previous.extent(1) == kSide * kSide && differences.extent(1) == kSide * kSide,
          "previous and differences must have shape (n, ", kSide * kSide, ")");
  // Little work, but called enough for two threads: the emulator, which comes next, waits far longer for sleeping cores.
  parallel_ranges(n, 1, kSerialNanoseconds, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      for (std::size_t y = 0; y < kSide; ++y) {
        const std::uint8_t* const line = frames.row(i) + (kTop + 2 * y) * kWidth;
        std::uint8_t* const before = previous.row(i) + y * kSide;
        float* const out = differences.row(i) + y * kSide;
        for (std::size_t x = 0; x < kSide; ++x) {
          const std::uint8_t grey = line[2 * x];
          const std::uint8_t now = grey != kBackgrounds[0] && grey != kBackgrounds[1] ? 1 : 0;
          out[x] = starts(i) ? 0.0f : static_cast<float>(now - before[x]);
          before[x] = now;
        }
      }
    }
  });
}

}  // namespace nncore
