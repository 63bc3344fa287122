#pragma once

#include <cstddef>
#include <cstdint>

#include "nncore/core/view.h"
#include "nncore/energy/recall.h"

// A Hopfield network with Hebb's weights w_ij = (1/d) sum_k x_i^k x_j^k that are never built (Hopfield 1982): the field
// of a unit is h_i = (1/d) sum_k x_i^k m_k with the overlaps m_k = sum_j x_j^k x_j. All is exact: d·h is a whole number.

namespace nncore {

/// 64-bit words of a memory, and bytes of a unit: whole lines and registers.
constexpr std::size_t memory_words(std::size_t units) { return (units + 511) / 512 * 8; }
constexpr std::size_t unit_bytes(std::size_t memories) { return (memories + 127) / 128 * 16; }

/// p memories of d units, a bit each, 1 for +1: by memory, to compare with a state, and by unit, to sum over memories.
/// What is beyond d and p is 0.
struct PackedMemories {
  std::size_t count = 0;                // p
  View<const std::uint64_t, 2> rows;    // (p, memory_words(d)): bit i of memory k
  View<const std::uint8_t, 2> columns;  // (d, unit_bytes(p)): bit k of unit i
  View<const double, 1> bias;           // (d): d·b_i; or empty, for 0
  bool self_connections = false;        // w_ii = p/d, else 0
};

/// Writes patterns (n, d) of -1 and +1 as the memories from `first` on; rows and columns as in PackedMemories.
void pack_memories(View<const std::int8_t, 2> patterns, std::size_t first, View<std::uint64_t, 2> rows,
                   View<std::uint8_t, 2> columns);

/// m_k of every state: states (n, d) of -1 and +1, writes overlaps (n, p).
void packed_overlaps(const PackedMemories& memories, View<const std::int8_t, 2> states, View<std::int64_t, 2> overlaps);

/// d·h_i of every state, bias included: states (n, d), writes fields (n, d).
void packed_fields(const PackedMemories& memories, View<const std::int8_t, 2> states, View<double, 2> fields);

/// Makes up to `count` sweeps, the first of them number `first_sweep`, of rows that are not finished. Same bits for any
/// number of threads and however the sweeps are divided between calls.
void packed_hopfield_recall(const PackedMemories& memories, const RecallSettings& settings, std::uint64_t first_sweep,
                            std::size_t count, const RecallRows& rows);

}  // namespace nncore
