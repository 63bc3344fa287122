#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/view.h"

namespace nncore {

// What moves on a screen of Pong: frames (n, 210, 160) of grey are cropped to the field (rows 34 to 193), halved, made 0
// where they are one of the two grey levels of the background and 1 elsewhere, and less the ones before, `previous`
// (n, 6400), which they then replace. Differences of a frame that starts an episode are 0.

/// Throws std::invalid_argument unless the shapes fit.
void check_pong(View<const std::uint8_t, 3> frames, View<const std::uint8_t, 1> starts, View<std::uint8_t, 2> previous);

/// Appends the places of the pixels of one frame that have changed, and the differences there, 1 or -1.
template <typename T>
void add_pong_changes(const std::uint8_t* frame, bool starts, std::uint8_t* previous,
                      std::vector<std::uint32_t>& indices, std::vector<T>& values);

/// Writes the differences (n, 6400) of all pixels.
void pong_differences(View<const std::uint8_t, 3> frames, View<const std::uint8_t, 1> starts,
                      View<std::uint8_t, 2> previous, View<float, 2> differences);

}  // namespace nncore
