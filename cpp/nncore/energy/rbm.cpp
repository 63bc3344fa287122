#include "nncore/energy/rbm.h"

#include <cmath>
#include <vector>

#include "nncore/core/threads.h"
#include "nncore/energy/rbm_units.h"

namespace nncore {

namespace {

constexpr std::size_t kRowsAtOnce = 128;

template <typename T>
bool is_dense(const Units<T>& units, std::size_t rows) {
  return static_cast<double>(units.count(0, rows)) > kDenseUnits * static_cast<double>(rows * units.width());
}

/// Calls body(units, first, rows) for pieces of the samples.
template <typename T, typename Body>
void for_pieces(const VisibleRows<T>& samples, const Body& body) {
  Units<T> units;
  units.reserve(std::min(kRowsAtOnce, samples.rows()), samples.width());
  for (std::size_t first = 0; first < samples.rows(); first += kRowsAtOnce) {
    const std::size_t rows = std::min(kRowsAtOnce, samples.rows() - first);
    for (std::size_t r = 0; r < rows; ++r) units.take(r, samples, first + r);
    body(units, first, rows);
  }
}

/// Sums over columns, in double, with an order that is not the instruction set's.
template <typename T>
class BlockSums {
 public:
  void add(const T* values, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) sums_[i % kBlock<T>] += static_cast<double>(values[i]);
  }
  double total() const {
    double total = 0;
    for (const double sum : sums_) total += sum;
    return total;
  }

 private:
  double sums_[kBlock<T>] = {};
};

/// -b'v, or |v - b|² / 2.
template <typename T>
double visible_energy(const RbmParameters<const T>& machine, const T* v) {
  BlockSums<T> sums;
  for (std::size_t i = 0; i < machine.weights.extent(0); ++i) {
    const T b = machine.visible_bias(i), away = v[i] - b;
    const T term = machine.visible == Visible::kGaussian ? away * away / 2 : -(b * v[i]);
    sums.add(&term, 1);
  }
  return sums.total();
}

/// log Π_j (q_j + p_j e_j), q_j = 1 - p_j: what a unit that is flipped does to Σ softplus, its weights being log e_j. No
/// term is negative, so nothing cancels. The products of a block's places are kept apart; their logarithms are taken
/// before `factors` of them could leave the range of T.
template <typename T>
double log_product(const T* p, const T* q, const T* exp_weights, std::size_t padded, std::size_t factors) {
  constexpr std::size_t kRegisters = kBlock<T> / kLanes<T>;
  Vec<T> products[kRegisters], logs[kRegisters] = {};
  for (Vec<T>& product : products) product = Vec<T>{} + T(1);
  std::size_t left = factors;
  for (std::size_t j = 0; j < padded; j += kBlock<T>) {
    unrolled<kRegisters>([&](auto r) {
      const std::size_t at = j + r * kLanes<T>;
      products[r] *= fma(load(p + at), load(exp_weights + at), load(q + at));
    });
    if (--left > 0 && j + kBlock<T> < padded) continue;
    left = factors;
    for (std::size_t r = 0; r < kRegisters; ++r) {
      logs[r] += log_lanes(products[r]);
      products[r] = Vec<T>{} + T(1);
    }
  }
  T parts[kBlock<T>];
  for (std::size_t r = 0; r < kRegisters; ++r) store(parts + r * kLanes<T>, logs[r]);
  double sum = 0;
  for (const T part : parts) sum += static_cast<double>(part);
  return sum;
}

double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

/// What pseudo-likelihoods need of the weights.
template <typename T>
class Flips {
 public:
  explicit Flips(const RbmCopy<T>& machine) : machine_(machine), stride_(machine.weights().stride) {
    T greatest = 0;
    for (std::size_t i = 0; i < machine.visible(); ++i) {
      for (std::size_t j = 0; j < machine.hidden(); ++j) {
        greatest = std::max(greatest, std::abs(machine.weights()[i][j]));
      }
    }
    const T range = sizeof(T) == 4 ? 80 : 600;  // of logarithms of T's numbers
    small_ = greatest < range / 2;
    if (!small_) return;
    factors_ = static_cast<std::size_t>(std::min(range / (greatest + T(1e-3)), T(1000)));
    on_.reserve(machine.visible() * stride_);
    off_.reserve(machine.visible() * stride_);
    for (std::size_t i = 0; i < machine.visible() * stride_; i += kLanes<T>) {
      const Vec<T> w = load(machine.weights()[0] + i);
      store(on_.data() + i, exp_lanes(w));
      store(off_.data() + i, exp_lanes(-w));
    }
  }

  /// The log odds of unit i being 1 given the others, v_i being `state`, from x = c + v·W, sigmoid(x) and sigmoid(-x).
  double log_odds(std::size_t i, T state, const T* x, const T* p, const T* q) const {
    const double bias = static_cast<double>(machine_.visible_bias()[i]);
    if (small_ && state == T(0)) return bias + log_product(p, q, on_.data() + i * stride_, stride_, factors_);
    if (small_ && state == T(1)) return bias - log_product(p, q, off_.data() + i * stride_, stride_, factors_);
    double sum = 0;
    for (std::size_t j = 0; j < machine_.hidden(); ++j) {
      const double w = static_cast<double>(machine_.weights()[i][j]);
      const double without = static_cast<double>(x[j]) - static_cast<double>(state) * w;
      sum += softplus(without + w) - softplus(without);
    }
    return bias + sum;
  }

 private:
  const RbmCopy<T>& machine_;
  std::size_t stride_, factors_ = 1;
  bool small_ = false;
  Buffer<T> on_, off_;
};

}  // namespace

template <typename T>
void rbm_hidden(const RbmParameters<const T>& machine, const VisibleRows<T>& samples, View<T, 2> hidden) {
  require_machine(machine);
  require_rows(samples, machine.weights.extent(0));
  const std::size_t width = machine.weights.extent(1);
  require(hidden.extents() == typename View<T, 2>::Extents{samples.rows(), width}, "hidden",
          "(rows, hidden) with hidden = ", width, hidden);
  const RbmCopy<T> copy(machine);
  Direction<T> to_hidden, to_visible;
  const GibbsStep<T> step(copy, to_hidden, to_visible, 0);
  Buffer<T> p;
  p.reserve(kRowsAtOnce * copy.weights().stride);
  for_pieces(samples, [&](const Units<T>& units, std::size_t first, std::size_t rows) {
    copy.set_to_hidden(to_hidden, is_dense(units, rows));
    const Rows<T> out{p.data(), copy.weights().stride};
    parallel_ranges(rows, 1, product_nanoseconds(copy, rows), [&](std::size_t begin, std::size_t end) {
      step.hidden_probabilities(units, begin, end, out);
      for (std::size_t r = begin; r < end; ++r) std::copy_n(out[r], width, hidden.row(first + r));
    });
  });
}

template <typename T>
void rbm_visible(const RbmParameters<const T>& machine, View<const T, 2> hidden, View<T, 2> visible) {
  require_machine(machine);
  const std::size_t width = machine.weights.extent(0);
  require_rows(VisibleRows<T>{hidden, {}, false}, machine.weights.extent(1));
  require(visible.extents() == typename View<T, 2>::Extents{hidden.extent(0), width}, "visible",
          "(rows, visible) with visible = ", width, visible);
  const RbmCopy<T> copy(machine);
  Direction<T> to_hidden, to_visible;
  const GibbsStep<T> step(copy, to_hidden, to_visible, 0);
  Buffer<T> p;
  p.reserve(kRowsAtOnce * copy.transposed().stride);
  for_pieces(VisibleRows<T>{hidden, {}, false}, [&](const Units<T>& units, std::size_t first, std::size_t rows) {
    copy.set_to_visible(to_visible, is_dense(units, rows));
    const Rows<T> out{p.data(), copy.transposed().stride};
    parallel_ranges(rows, 1, product_nanoseconds(copy, rows), [&](std::size_t begin, std::size_t end) {
      step.visible_means(units, begin, end, out);
      for (std::size_t r = begin; r < end; ++r) std::copy_n(out[r], width, visible.row(first + r));
    });
  });
}

template <typename T>
void rbm_gibbs(const RbmParameters<const T>& machine, std::size_t steps, std::uint64_t seed, std::uint64_t first,
               std::uint64_t first_row, View<T, 2> visible) {
  require_machine(machine);
  const VisibleRows<T> samples{visible, {}, false};
  require_rows(samples, machine.weights.extent(0));
  const RbmCopy<T> copy(machine);
  const std::size_t rows = visible.extent(0), width = copy.visible();
  Units<T> units, hidden;
  units.reserve(rows, width);
  hidden.reserve(rows, copy.hidden());
  Buffer<T> p, means;
  p.reserve(rows * hidden.stride());
  means.reserve(rows * units.stride());
  const Rows<T> p_rows{p.data(), hidden.stride()}, mean_rows{means.data(), units.stride()};
  for (std::size_t r = 0; r < rows; ++r) units.take(r, samples, r);
  Direction<T> to_hidden, to_visible;
  copy.set_to_hidden(to_hidden, machine.visible == Visible::kGaussian || is_dense(units, rows));
  copy.set_to_visible(to_visible, false);
  const GibbsStep<T> step(copy, to_hidden, to_visible, seed, first_row);
  const double nanoseconds = product_nanoseconds(copy, rows) * static_cast<double>(steps);
  parallel_ranges(rows, 1, nanoseconds, [&](std::size_t begin, std::size_t end) {
    for (std::uint64_t number = first; number < first + steps; ++number) {
      step.hidden_probabilities(units, begin, end, p_rows);
      for (std::size_t r = begin; r < end; ++r) step.draw_hidden(hidden, p_rows, r, number, 0);
      step.visible_means(hidden, begin, end, mean_rows);
      for (std::size_t r = begin; r < end; ++r) step.draw_visible(units, mean_rows, r, number, 0);
    }
  });
  for (std::size_t r = 0; r < rows; ++r) std::copy_n(units.row(r), width, visible.row(r));
}

template <typename T>
void rbm_free_energy(const RbmParameters<const T>& machine, const VisibleRows<T>& samples, View<double, 1> energy) {
  require_machine(machine);
  require_rows(samples, machine.weights.extent(0));
  require(energy.extent(0) == samples.rows(), "energy", "(rows) with rows = ", samples.rows(), energy);
  const RbmCopy<T> copy(machine);
  Direction<T> to_hidden;
  Buffer<T> terms;
  terms.reserve(kRowsAtOnce * copy.weights().stride);
  for_pieces(samples, [&](const Units<T>& units, std::size_t first, std::size_t rows) {
    copy.set_to_hidden(to_hidden, is_dense(units, rows));
    const Rows<T> out{terms.data(), copy.weights().stride};
    parallel_ranges(rows, 1, product_nanoseconds(copy, rows), [&](std::size_t begin, std::size_t end) {
      const Columns columns = to_hidden.multiply(units, begin, end, out);
      transform(out, begin, end, columns, [](std::size_t, Vec<T> sum) { return softplus_lanes(sum); });
      for (std::size_t r = begin; r < end; ++r) {
        BlockSums<T> sums;
        sums.add(out[r], copy.hidden());
        energy(first + r) = visible_energy(machine, units.row(r)) - sums.total();
      }
    });
  });
}

template <typename T>
void rbm_pseudo_likelihood(const RbmParameters<const T>& machine, const VisibleRows<T>& samples,
                           View<double, 1> likelihood) {
  require_machine(machine);
  require_rows(samples, machine.weights.extent(0));
  require(machine.visible == Visible::kBernoulli, "visible units must be Bernoulli for a pseudo-likelihood");
  require(likelihood.extent(0) == samples.rows(), "likelihood", "(rows) with rows = ", samples.rows(), likelihood);
  const RbmCopy<T> copy(machine);
  const Flips<T> flips(copy);
  const std::size_t stride = copy.weights().stride;
  Direction<T> to_hidden;
  Buffer<T> x, p, q;
  for (Buffer<T>* buffer : {&x, &p, &q}) buffer->reserve(kRowsAtOnce * stride);
  for_pieces(samples, [&](const Units<T>& units, std::size_t first, std::size_t rows) {
    copy.set_to_hidden(to_hidden, is_dense(units, rows));
    const double nanoseconds = 4 * product_nanoseconds(copy, rows) * static_cast<double>(copy.visible());
    parallel_ranges(rows, 1, nanoseconds, [&](std::size_t begin, std::size_t end) {
      const Columns columns = to_hidden.multiply(units, begin, end, {x.data(), stride});
      for (std::size_t r = begin; r < end; ++r) {
        for (std::size_t j = r * stride + columns.begin; j < r * stride + columns.end; j += kLanes<T>) {
          const Vec<T> sum = load(x.data() + j);
          store(p.data() + j, sigmoid_lanes(sum));
          store(q.data() + j, sigmoid_lanes(-sum));
        }
      }
      for (std::size_t r = begin; r < end; ++r) {
        std::fill(p.data() + r * stride + copy.hidden(), p.data() + (r + 1) * stride, T(0));
        std::fill(q.data() + r * stride + copy.hidden(), q.data() + (r + 1) * stride, T(1));
        likelihood(first + r) = 0;
      }
      for (std::size_t i = 0; i < copy.visible(); ++i) {  // outside: a unit's weights serve all rows
        for (std::size_t r = begin; r < end; ++r) {
          const T state = units.row(r)[i];
          const double odds =
              flips.log_odds(i, state, x.data() + r * stride, p.data() + r * stride, q.data() + r * stride);
          likelihood(first + r) += static_cast<double>(state) * odds - softplus(odds);
        }
      }
    });
  });
}

template void rbm_hidden(const RbmParameters<const float>&, const VisibleRows<float>&, View<float, 2>);
template void rbm_hidden(const RbmParameters<const double>&, const VisibleRows<double>&, View<double, 2>);
template void rbm_visible(const RbmParameters<const float>&, View<const float, 2>, View<float, 2>);
template void rbm_visible(const RbmParameters<const double>&, View<const double, 2>, View<double, 2>);
template void rbm_gibbs(const RbmParameters<const float>&, std::size_t, std::uint64_t, std::uint64_t, std::uint64_t,
                        View<float, 2>);
template void rbm_gibbs(const RbmParameters<const double>&, std::size_t, std::uint64_t, std::uint64_t, std::uint64_t,
                        View<double, 2>);
template void rbm_free_energy(const RbmParameters<const float>&, const VisibleRows<float>&, View<double, 1>);
template void rbm_free_energy(const RbmParameters<const double>&, const VisibleRows<double>&, View<double, 1>);
template void rbm_pseudo_likelihood(const RbmParameters<const float>&, const VisibleRows<float>&, View<double, 1>);
template void rbm_pseudo_likelihood(const RbmParameters<const double>&, const VisibleRows<double>&, View<double, 1>);

}  // namespace nncore
