#pragma once

#include <cstddef>
#include <cstdint>

#include "nncore/energy/boltzmann_machine.h"

namespace nncore {

// Sums over all settings of the units that are not clamped, the others as they are in each row of `rows` (N, n). The
// settings come in blocks of up to 2^10: the first ten free units take all their settings in each block, and the bits of
// the block's number are the units after them.

/// Most free units.
inline constexpr std::size_t kBoltzmannMostEnumerated = 30;

/// Blocks that the settings of so many free units make; std::invalid_argument above kBoltzmannMostEnumerated.
std::size_t boltzmann_blocks(std::size_t free_units);

/// log of the sum of exp(-E(x)) over block `first` and those after it: log_sums (N, blocks).
void boltzmann_log_sums(const BoltzmannMachine<double>& machine, View<const std::uint8_t, 1> clamped,
                        View<const std::uint8_t, 2> rows, std::size_t first, View<double, 2> log_sums);

/// Means of x and x x' over p(x) = exp(-E(x) - log_sums[row]), of which `blocks` blocks from `first` on are added:
/// means (N, n) of each row, moments (n, n), unless empty, summed over the rows. The same bits on any number of threads.
void boltzmann_moments(const BoltzmannMachine<double>& machine, View<const std::uint8_t, 1> clamped,
                       View<const std::uint8_t, 2> rows, View<const double, 1> log_sums, std::size_t first,
                       std::size_t blocks, View<double, 2> means, View<double, 2> moments);

}  // namespace nncore
