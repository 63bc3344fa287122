#pragma once

#include <cstddef>
#include <cstdint>

#include "nncore/core/view.h"

namespace nncore {

/// E(x) = -(sum_{i<j} x_i w_ij x_j + sum_i b_i x_i) for x in {0, 1}^n (Ackley, Hinton & Sejnowski 1985). Weights (n, n)
/// are symmetric with a diagonal of 0, which nothing here looks at again; bias (n).
template <typename T>
struct BoltzmannMachine {
  View<const T, 2> weights;
  View<const T, 1> bias;
};

/// Where the random numbers of a call lie: chain c in sweep s draws at (seed, kBoltzmann, substream, s) from position
/// 4 ceil(n / 4) c on, and the order of the units at substream + 1.
struct BoltzmannDraws {
  std::uint64_t seed = 0;
  std::uint32_t substream = 0;
  std::uint64_t sweep = 0;  // of the first one
  std::uint64_t chain = 0;  // of the first one
};

/// One Gibbs sweep of each chain at each of these temperatures: unit i is switched on with probability
/// 1 / (1 + exp(-f_i / T)), f_i = sum_j w_ij x_j + b_i; at T = 0 where f_i > 0. That is exact to 2^-33 and the rounding of
/// T log(u / (1 - u)), with which f_i is compared. Units whose entry in `clamped` (n) is not 0 stay. The order is 0 ... n-1
/// or, new in each sweep and the same for all chains, a random one.
/// states (chains, n) of 0 and 1; counts (n, n), unless empty, grow by the sum over chains and sweeps of x x'.
template <typename T>
void boltzmann_sweeps(const BoltzmannMachine<T>& machine, View<const std::uint8_t, 1> clamped,
                      View<const double, 1> temperatures, bool random_order, const BoltzmannDraws& draws,
                      View<std::uint8_t, 2> states, View<std::int64_t, 2> counts);

/// Annealed importance sampling (Neal 2001) between p_0 ~ exp(a'x) and p_1 ~ exp(-E(x)), through
/// p_b ~ p_0^(1-b) p_1^b. For each step from betas[k - 1] to betas[k]: log_weights (chains) grow by the log of
/// p_betas[k] / p_betas[k-1] at x, then one sweep at betas[k], which must be above 0. base (n) = a.
void boltzmann_importance(const BoltzmannMachine<double>& machine, View<const double, 1> base,
                          View<const std::uint8_t, 1> clamped, View<const double, 1> betas, const BoltzmannDraws& draws,
                          View<std::uint8_t, 2> states, View<double, 1> log_weights);

/// f_i = sum_j w_ij x_j + b_i, added in the order of j, for each row x of `states` (N, n); writes fields (N, n).
void boltzmann_fields(const BoltzmannMachine<double>& machine, View<const std::uint8_t, 2> states,
                      View<double, 2> fields);

/// x x', summed over the rows x of `states` (N, n): counts (n, n) grow by it.
void boltzmann_counts(View<const std::uint8_t, 2> states, View<std::int64_t, 2> counts);

}  // namespace nncore
