#include <cmath>
#include <vector>

#include "nncore/core/threads.h"
#include "nncore/energy/rbm.h"
#include "nncore/energy/rbm_units.h"

namespace nncore {

namespace {

// Substreams of Stream::kImportance.
constexpr std::uint32_t kBase = 0, kHidden = 1, kVisible = 2;

/// Chains of annealed importance sampling; a thread takes some of them through all temperatures.
template <typename T>
class Annealing {
 public:
  Annealing(const RbmParameters<const T>& machine, View<const T, 1> base_bias, std::uint64_t seed, std::size_t chains)
      : machine_(machine), seed_(seed) {
    RbmCopy<T>::copy(base_bias, base_bias_);
    visible_.reserve(chains, machine_.visible());
    hidden_.reserve(chains, machine_.hidden());
    sums_.reserve(chains * hidden_.stride());
    p_.reserve(chains * hidden_.stride());
    means_.reserve(chains * visible_.stride());
    machine_.set_to_hidden(to_hidden_, machine_.kind() == Visible::kGaussian);
    machine_.set_to_visible(to_visible_, false);
  }

  Units<T>& visible() { return visible_; }
  std::size_t words_of_row(const Units<T>& units) const { return units.stride() * (sizeof(T) / 4); }

  void draw_base(std::size_t row) {
    T* mean = means_.data() + row * visible_.stride();
    for (std::size_t i = 0; i < visible_.stride(); i += kLanes<T>) {
      const Vec<T> a = load(base_bias_.data() + i);
      store(mean + i, machine_.kind() == Visible::kGaussian ? a : sigmoid_lanes(a));
    }
    draw_visible(row, {seed_, Stream::kImportance, kBase, 0});
  }

  /// From beta to `next`: log weights rise at the states that are there, which then take a step.
  void step(std::size_t begin, std::size_t end, double beta, double next, std::uint64_t number, double* log_weights) {
    to_hidden_.multiply(visible_, begin, end, {sums_.data(), hidden_.stride()});
    for (std::size_t r = begin; r < end; ++r) {
      log_weights[r] += (next - beta) * visible_difference(r) + hidden_difference(r, beta, next);
      hidden_.draw(r, p_.data() + r * hidden_.stride(), {seed_, Stream::kImportance, kHidden, number},
                   r * words_of_row(hidden_));
    }
    const Vec<T> share = broadcast(static_cast<T>(next)), rest = broadcast(static_cast<T>(1 - next));
    const bool gaussian = machine_.kind() == Visible::kGaussian;
    const Rows<T> means{means_.data(), visible_.stride()};
    const Columns columns = to_visible_.multiply(hidden_, begin, end, means);
    transform(means, begin, end, columns, [&](std::size_t column, Vec<T> sum) {
      const Vec<T> mean = fma(rest, load(base_bias_.data() + column), share * sum);
      return gaussian ? mean : sigmoid_lanes(mean);
    });
    for (std::size_t r = begin; r < end; ++r) draw_visible(r, {seed_, Stream::kImportance, kVisible, number});
  }

 private:
  void draw_visible(std::size_t row, const Draws& draws) {
    const T* mean = means_.data() + row * visible_.stride();
    if (machine_.kind() == Visible::kGaussian) {
      visible_.draw_normal(row, mean, draws, row * visible_.stride());
    } else {
      visible_.draw(row, mean, draws, row * words_of_row(visible_));
    }
  }

  /// What the visible units alone add to log p* with each unit of beta.
  double visible_difference(std::size_t row) const {
    const T *v = visible_.row(row), *a = base_bias_.data(), *b = machine_.visible_bias();
    double sum = 0;
    if (machine_.kind() == Visible::kGaussian) {
      for (std::size_t i = 0; i < machine_.visible(); ++i) {
        const double from_a = static_cast<double>(v[i]) - a[i], from_b = static_cast<double>(v[i]) - b[i];
        sum += (from_a * from_a - from_b * from_b) / 2;
      }
      return sum;
    }
    for (std::size_t n = 0; n < visible_.count(row); ++n) {
      const std::size_t i = visible_.columns(row)[n];
      sum += static_cast<double>(b[i]) - static_cast<double>(a[i]);
    }
    return sum;
  }

  /// Σ softplus(next x) - softplus(beta x); leaves the probabilities at `next`.
  double hidden_difference(std::size_t row, double beta, double next) {
    const T* sums = sums_.data() + row * hidden_.stride();
    T* p = p_.data() + row * hidden_.stride();
    const Vec<T> before = broadcast(static_cast<T>(beta)), after = broadcast(static_cast<T>(next));
    constexpr std::size_t kRegisters = kBlock<T> / kLanes<T>;
    Vec<T> rises[kRegisters] = {};
    const std::size_t padded = (machine_.hidden() + kLanes<T> - 1) / kLanes<T> * kLanes<T>;  // what the sums fill
    for (std::size_t j = 0; j < padded; j += kLanes<T>) {
      const Vec<T> x = load(sums + j);
      Vec<T> rise = softplus_lanes(after * x) - softplus_lanes(before * x);
      if (j + kLanes<T> > machine_.hidden()) {
        T part[kLanes<T>];
        store(part, rise);
        std::fill(part + (machine_.hidden() - j), part + kLanes<T>, T(0));
        rise = load(part);
      }
      rises[j / kLanes<T> % kRegisters] += rise;
      store(p + j, sigmoid_lanes(after * x));
    }
    T parts[kBlock<T>];
    for (std::size_t r = 0; r < kRegisters; ++r) store(parts + r * kLanes<T>, rises[r]);
    double sum = 0;
    for (const T part : parts) sum += static_cast<double>(part);
    return sum;
  }

  RbmCopy<T> machine_;
  std::uint64_t seed_;
  Direction<T> to_hidden_, to_visible_;
  Units<T> visible_, hidden_;
  Buffer<T> base_bias_, sums_, p_, means_;
};

double log_of_sum(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return NAN;
  const double low = std::min(a, b), high = std::max(a, b);
  return low == -INFINITY ? high : high + std::log1p(std::exp(low - high));
}

/// The sums over a side's states, in double: `units` of it are enumerated, each with its bias and a row of weights to the
/// units of the other side, over which the sum is known. Rows have room for whole blocks; places without a unit add 0.
struct Enumeration {
  std::size_t units = 0, others = 0, stride = 0;
  bool gaussian = false;  // the other units
  std::vector<double> weights, bias, other_bias;

  double term(double own, const double* x) const {
    constexpr std::size_t kRegisters = kBlock<double> / kLanes<double>;
    Vec<double> sums[kRegisters] = {};
    for (std::size_t i = 0; i < stride; i += kBlock<double>) {
      unrolled<kRegisters>([&](auto r) {
        const std::size_t at = i + r * kLanes<double>;
        const Vec<double> input = load(x + at), b = load(other_bias.data() + at);
        // Of the integral of exp(-(v - b)^2 / 2 + v x), without its constant, or of 1 + exp(b + x), the logarithm.
        sums[r] += gaussian ? input * (b + input * 0.5) : softplus_lanes<double>(b + input);
      });
    }
    double parts[kBlock<double>];
    for (std::size_t r = 0; r < kRegisters; ++r) store(parts + r * kLanes<double>, sums[r]);
    for (const double part : parts) own += part;
    return own;
  }

  /// Over states begin ... end - 1, from each to the next by one unit (Gray's code).
  double sum(std::uint64_t begin, std::uint64_t end) const {
    std::vector<double> x(stride, 0);
    double own = gaussian ? 0.5 * std::log(6.283185307179586) * static_cast<double>(others) : 0;
    double total = -INFINITY;
    const std::uint64_t code = begin ^ (begin >> 1);
    for (std::size_t j = 0; j < units; ++j) {
      if ((code >> j & 1) != 0) flip(j, 1, own, x);
    }
    for (std::uint64_t state = begin;;) {
      total = log_of_sum(total, term(own, x.data()));
      if (++state == end) return total;
      std::size_t j = 0;  // the unit that changes: the lowest bit of the state's number
      while ((state >> j & 1) == 0) ++j;
      flip(j, ((state ^ (state >> 1)) >> j & 1) != 0 ? 1 : -1, own, x);
    }
  }

  void flip(std::size_t j, double sign, double& own, std::vector<double>& x) const {
    own += sign * bias[j];
    const double* row = weights.data() + j * stride;
    for (std::size_t i = 0; i < stride; ++i) x[i] += sign * row[i];
  }
};

template <typename T>
Enumeration enumeration_of(const RbmParameters<const T>& machine) {
  const std::size_t visible = machine.weights.extent(0), hidden = machine.weights.extent(1);
  const bool by_hidden = machine.visible == Visible::kGaussian || hidden <= visible;
  Enumeration e;
  e.gaussian = machine.visible == Visible::kGaussian;
  e.units = by_hidden ? hidden : visible;
  e.others = by_hidden ? visible : hidden;
  const View<const T, 1> own = by_hidden ? machine.hidden_bias : machine.visible_bias;
  const View<const T, 1> other = by_hidden ? machine.visible_bias : machine.hidden_bias;
  e.stride = round_up<double>(e.others);
  e.bias.assign(own.data(), own.data() + e.units);
  e.other_bias.assign(e.stride, e.gaussian ? 0.0 : -1e4);  // exp(-1e4) is 0
  std::copy_n(other.data(), e.others, e.other_bias.begin());
  e.weights.assign(e.units * e.stride, 0);
  for (std::size_t j = 0; j < e.units; ++j) {
    for (std::size_t i = 0; i < e.others; ++i) {
      e.weights[j * e.stride + i] = static_cast<double>(by_hidden ? machine.weights(i, j) : machine.weights(j, i));
    }
  }
  return e;
}

}  // namespace

template <typename T>
void rbm_anneal(const RbmParameters<const T>& machine, View<const T, 1> base_bias, View<const double, 1> betas,
                std::uint64_t seed, std::uint64_t first, View<T, 2> visible, View<double, 1> log_weights) {
  require_machine(machine);
  const std::size_t width = machine.weights.extent(0), chains = visible.extent(0);
  require(base_bias.extent(0) == width, "base_bias", "(n) with n = ", width, base_bias);
  require(visible.extent(1) == width, "visible", "(chains, n) with n = ", width, visible);
  require(log_weights.extent(0) == chains, "log_weights", "(n) with n = ", chains, log_weights);
  Annealing<T> annealing(machine, base_bias, seed, chains);
  const double nanoseconds = static_cast<double>(chains * width * machine.weights.extent(1) * betas.size()) / 30;
  parallel_ranges(chains, 1, nanoseconds, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      if (first == 0) {
        annealing.draw_base(r);
      } else {
        annealing.visible().take(r, visible.row(r));
      }
    }
    for (std::size_t k = 1; k < betas.size(); ++k) {
      annealing.step(begin, end, betas(k - 1), betas(k), first + k, log_weights.data());
    }
    for (std::size_t r = begin; r < end; ++r) std::copy_n(annealing.visible().row(r), width, visible.row(r));
  });
}

template <typename T>
double rbm_log_partition(const RbmParameters<const T>& machine, std::uint64_t begin, std::uint64_t end) {
  require_machine(machine);
  const Enumeration enumeration = enumeration_of(machine);
  require(enumeration.units <= kRbmMostEnumerated, "the smaller side must have at most ", kRbmMostEnumerated,
          " units to be enumerated, but has ", enumeration.units);
  const std::uint64_t states = std::uint64_t{1} << enumeration.units;
  require(begin < end && end <= states, "states must be from 0 to ", states, ", but came as ", begin, " to ", end);
  constexpr std::uint64_t kStates = 256;  // of a piece, whose sum starts afresh: the same with any number of threads
  const auto pieces = static_cast<std::size_t>((end - begin + kStates - 1) / kStates);
  std::vector<double> sums(pieces);
  const double nanoseconds = static_cast<double>(end - begin) * static_cast<double>(enumeration.others) * 2;
  FirstException failure;
  parallel_ranges(pieces, 1, nanoseconds, [&](std::size_t first, std::size_t last) {
    failure.guard([&] {
      for (std::size_t piece = first; piece < last; ++piece) {
        const std::uint64_t from = begin + piece * kStates;
        sums[piece] = enumeration.sum(from, std::min(end, from + kStates));
      }
    });
  });
  failure.rethrow();
  double total = -INFINITY;
  for (const double sum : sums) total = log_of_sum(total, sum);
  return total;
}

template void rbm_anneal(const RbmParameters<const float>&, View<const float, 1>, View<const double, 1>, std::uint64_t,
                         std::uint64_t, View<float, 2>, View<double, 1>);
template void rbm_anneal(const RbmParameters<const double>&, View<const double, 1>, View<const double, 1>,
                         std::uint64_t, std::uint64_t, View<double, 2>, View<double, 1>);
template double rbm_log_partition(const RbmParameters<const float>&, std::uint64_t, std::uint64_t);
template double rbm_log_partition(const RbmParameters<const double>&, std::uint64_t, std::uint64_t);

}  // namespace nncore
