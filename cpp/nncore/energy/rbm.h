#pragma once

#include <cstddef>
#include <cstdint>

#include "nncore/core/sparse_rows.h"
#include "nncore/core/view.h"

namespace nncore {

/// What the visible units of a restricted Boltzmann machine are: 0 or 1 (or probabilities of 1), or real numbers.
enum class Visible { kBernoulli, kGaussian };

/// A restricted Boltzmann machine, E(v, h) = -(Σ b_i v_i + Σ c_j h_j + Σ v_i w_ij h_j) (Smolensky 1986; Hinton 2002).
/// Gaussian visible units have variance 1, and Σ (v_i - b_i)² / 2 in the place of -Σ b_i v_i.
template <typename T>
struct RbmParameters {
  Visible visible = Visible::kBernoulli;
  View<T, 2> weights;  // (visible, hidden)
  View<T, 1> visible_bias, hidden_bias;
};

/// States of the visible units: the rows of `dense` or, where `is_sparse`, of `sparse`.
template <typename T>
struct VisibleRows {
  View<const T, 2> dense;
  SparseRows<T> sparse;
  bool is_sparse = false;

  std::size_t rows() const { return is_sparse ? sparse.rows() : dense.extent(0); }
  std::size_t width() const { return is_sparse ? sparse.width : dense.extent(1); }
};

// Everywhere: results have the same bits for any number of threads, for a row alone or among others, and whether units
// that are 0 are skipped or multiplied by, which is chosen by how many there are. Random numbers are those of
// (seed, Stream::kGibbs) and a counter of the caller's.

struct RbmTraining {
  double learning_rate = 0.05;
  double momentum = 0, weight_decay = 0;
  double sparsity_target = 0, sparsity_cost = 0;  // of hidden units' mean; none where the cost is 0
  std::size_t steps = 1;                          // of Gibbs sampling, k
  std::uint64_t seed = 0;
};

/// Updates by contrastive divergence, one for each `batch_size` rows of `order` (the last may be fewer): weights and biases
/// move by learning_rate times <v h>_data - <v h>_k of the batch, the hidden units' states in it being probabilities
/// (Hinton 2002). With `chains` (chains, hidden) of 0 and 1 the k steps begin from them, and they are the new ones
/// (persistent: Tieleman 2008); else they are empty. `velocity` is as the weights, and not empty only with momentum.
/// `first` is the number of updates before. Nothing is changed when a weight would not be finite: then returns NaN, else
/// the sum over rows of |v - p(v | h)|² in the first step (0 with chains). It can be given up (see
/// core/interrupt.h); then too nothing is changed.
template <typename T>
double rbm_train(const RbmParameters<T>& machine, const VisibleRows<T>& samples, View<const std::int64_t, 1> order,
                 std::size_t batch_size, const RbmTraining& training, std::uint64_t first, View<T, 2> velocity,
                 View<T, 2> chains);

/// p(h = 1 | v) of each row, (rows, hidden).
template <typename T>
void rbm_hidden(const RbmParameters<const T>& machine, const VisibleRows<T>& samples, View<T, 2> hidden);

/// p(v = 1 | h), or the mean of v, of each row of `hidden` (rows, hidden).
template <typename T>
void rbm_visible(const RbmParameters<const T>& machine, View<const T, 2> hidden, View<T, 2> visible);

/// `steps` of Gibbs sampling, h from v and then v from h, of each row of `visible`; `first` is the number of steps before,
/// `first_row` that of rows that other calls take.
template <typename T>
void rbm_gibbs(const RbmParameters<const T>& machine, std::size_t steps, std::uint64_t seed, std::uint64_t first,
               std::uint64_t first_row, View<T, 2> visible);

/// F(v) = -log Σ_h exp(-E(v, h)) of each row.
template <typename T>
void rbm_free_energy(const RbmParameters<const T>& machine, const VisibleRows<T>& samples, View<double, 1> energy);

/// Σ_i log p(v_i | the other v) of each row, for Bernoulli visible units; one between 0 and 1 counts as the probability of a 1.
template <typename T>
void rbm_pseudo_likelihood(const RbmParameters<const T>& machine, const VisibleRows<T>& samples,
                           View<double, 1> likelihood);

/// Annealed importance sampling (Neal 2001; Salakhutdinov & Murray 2008) from a machine of visible biases `base_bias` alone
/// to this one: at inverse temperature β units have β times the machine's weights and biases, and visible ones 1 - β of
/// base_bias. For each chain (a row of `visible`) and each β of `betas` but the first, in turn: its log weight rises by the
/// difference of log p* from the β before, then one step of Gibbs sampling at β. Where `first`, the number of steps before,
/// is 0, `visible` is drawn from the base first.
template <typename T>
void rbm_anneal(const RbmParameters<const T>& machine, View<const T, 1> base_bias, View<const double, 1> betas,
                std::uint64_t seed, std::uint64_t first, View<T, 2> visible, View<double, 1> log_weights);

/// Most units that are enumerated.
inline constexpr std::size_t kRbmMostEnumerated = 30;

/// log of the sum of exp(-F) over states number begin ... end - 1 (multiples of 256) of the units of the smaller side, or
/// the hidden ones where the visible are Gaussian. Computed in double.
template <typename T>
double rbm_log_partition(const RbmParameters<const T>& machine, std::uint64_t begin, std::uint64_t end);

}  // namespace nncore
