#pragma once

#include <cstddef>
#include <cstdint>

#include "nncore/core/view.h"
#include "nncore/energy/recall.h"

// A Hopfield network with weights, and the learning rules that need them. Weights (d, d) are symmetric.

namespace nncore {

/// h = Wx + b of every state: states (n, d) of -1 and +1, weights (d, d), bias (d); writes fields (n, d).
template <typename T>
void hopfield_fields(View<const std::int8_t, 2> states, View<const T, 2> weights, View<const T, 1> bias,
                     View<T, 2> fields);

/// Makes up to `count` sweeps, the first of them number `first_sweep`, of rows that are not finished. One unit after the
/// other, a flip changes the fields (n, d), which come from hopfield_fields() before the first call and stay the
/// caller's; they are made anew before a row counts as settled. Same bits for any number of threads and however the
/// sweeps are divided between calls.
template <typename T>
void hopfield_recall(View<const T, 2> weights, View<const T, 1> bias, const RecallSettings& settings,
                     std::uint64_t first_sweep, std::size_t count, const RecallRows& rows, View<T, 2> fields);

/// Storkey's rule for each pattern in turn (Storkey 1997): w_ij += (x_i x_j - x_i g_ji - g_ij x_j) / d with
/// g_ij = sum_{k != i, j} w_ik x_k. patterns (n, d), changes weights (d, d); a diagonal of 0 stays 0 without
/// self-connections.
template <typename T>
void storkey_learn(View<const std::int8_t, 2> patterns, bool self_connections, View<T, 2> weights);

/// The pseudo-inverse rule for each pattern in turn (Personnaz, Guyon & Dreyfus 1986): W, the projection on the patterns
/// so far, += r r' / r'r with r = x - Wx, what is new in x; a pattern that is a combination of others changes nothing.
/// patterns (n, d), changes weights (d, d), of which the diagonal belongs to it.
template <typename T>
void pseudo_inverse_learn(View<const std::int8_t, 2> patterns, View<T, 2> weights);

}  // namespace nncore
