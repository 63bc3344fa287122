#include "nncore/energy/boltzmann_machine.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "nncore/core/threads.h"
#include "nncore/energy/boltzmann_chains.h"

namespace nncore {
namespace {

constexpr std::size_t kSide = 16;
// Side by side a change of one chain costs the others its time too, alone it costs a branch that is foretold badly: which
// is less depends on the length of a row.
constexpr std::size_t kMostUnitsSideBySide = 128, kLeastChainsSideBySide = 4;

template <typename T, typename States>
void check(const BoltzmannMachine<T>& machine, View<const std::uint8_t, 1> clamped, const States& states) {
  const std::size_t n = machine.bias.extent(0);
  require(machine.weights.extent(0) == n && machine.weights.extent(1) == n, "weights", "(n, n) with n = ", n,
          machine.weights);
  require(clamped.extent(0) == n, "clamped", "(n) with n = ", n, clamped);
  require(states.extent(1) == n, "states", "(chains, n) with n = ", n, states);
}

bool all_at_least(View<const double, 1> values, double least, bool itself) {
  return std::all_of(values.data(), values.data() + values.size(), [&](double value) {
    return std::isfinite(value) && (value > least || (itself && value == least));
  });
}

/// The orders of some sweeps, each of the units that are not clamped.
struct Orders {
  std::size_t units = 0;
  std::vector<std::uint32_t> order;
  bool random = false;

  Orders(View<const std::uint8_t, 1> clamped, bool random, std::size_t sweeps, const BoltzmannDraws& draws)
      : random(random) {
    std::vector<std::int64_t> all(clamped.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    for (std::size_t s = 0; s < (random ? sweeps : 1); ++s) {
      if (random) {
        const Draws place{draws.seed, Stream::kBoltzmann, draws.substream + 1, draws.sweep + s};
        random_permutation(place, View<std::int64_t, 1>(all.data(), {all.size()}));
      }
      for (const std::int64_t i : all) {
        if (clamped(static_cast<std::size_t>(i)) == 0) order.push_back(static_cast<std::uint32_t>(i));
      }
      if (s == 0) units = order.size();
    }
  }
  const std::uint32_t* of(std::size_t sweep) const { return order.data() + (random ? sweep * units : 0); }
};

/// Calls visit(part, chains, first) for groups of chains, each once, in threads; `parts` must have an entry a thread.
template <typename T, typename Part, typename Visit>
void for_groups(const BoltzmannMachine<T>& machine, std::size_t chains, std::size_t sweeps, std::deque<Part>& parts,
                const Visit& visit) {
  const std::size_t n = machine.bias.extent(0);
  const bool side_by_side = n <= kMostUnitsSideBySide && chains >= kLeastChainsSideBySide;
  const std::size_t group = side_by_side ? kSide : 1, groups = (chains + group - 1) / group;
  const double unit_nanoseconds = 3 + 0.01 * static_cast<double>(n);
  const double work = static_cast<double>(chains) * static_cast<double>(sweeps + 1) * static_cast<double>(n);
  parallel_parts(std::min(groups, parts.size()), unit_nanoseconds * work, [&](std::size_t part, std::size_t count) {
    for (std::size_t g = groups * part / count; g < groups * (part + 1) / count; ++g) {
      if (side_by_side) {
        visit(parts[part], parts[part].many, g * group);
      } else {
        visit(parts[part], parts[part].one, g);
      }
    }
  });
}

/// What a thread works with.
template <typename T>
struct Part {
  BoltzmannChains<T, kSide> many;
  BoltzmannChains<T, 1> one;
  PairCounts counts;

  Part(const BoltzmannMachine<T>& machine, bool counted)
      : many(machine), one(machine), counts(counted ? machine.bias.extent(0) : 0) {}
};

template <typename T>
std::deque<Part<T>> make_parts(const BoltzmannMachine<T>& machine, bool counted) {
  std::deque<Part<T>> parts;
  for (int i = 0; i < num_threads(); ++i) parts.emplace_back(machine, counted);
  return parts;
}

Draws place(const BoltzmannDraws& draws, std::size_t sweep) {
  return {draws.seed, Stream::kBoltzmann, draws.substream, draws.sweep + sweep};
}

}  // namespace

template <typename T>
void boltzmann_sweeps(const BoltzmannMachine<T>& machine, View<const std::uint8_t, 1> clamped,
                      View<const double, 1> temperatures, bool random_order, const BoltzmannDraws& draws,
                      View<std::uint8_t, 2> states, View<std::int64_t, 2> counts) {
  check(machine, clamped, states);
  const std::size_t n = machine.bias.extent(0), chains = states.extent(0), sweeps = temperatures.size();
  require(counts.empty() || (counts.extent(0) == n && counts.extent(1) == n), "counts", "empty or (n, n) with n = ", n,
          counts);
  require(all_at_least(temperatures, 0, true), "temperatures must be at least 0 and finite");
  if (states.empty() || sweeps == 0) return;

  const Orders orders(clamped, random_order, sweeps, draws);
  auto parts = make_parts(machine, !counts.empty());
  for_groups(machine, chains, sweeps, parts, [&](Part<T>& part, auto& group, std::size_t first) {
    const std::size_t count = std::min(group.kSide, chains - first);
    group.start(states.row(first), count);
    for (std::size_t s = 0; s < sweeps; ++s) {
      group.draw(place(draws, s), draws.chain + first, static_cast<T>(temperatures(s)), nullptr);
      group.sweep(orders.of(s), orders.units);
      if (!counts.empty()) group.count(part.counts);
    }
    group.finish(states.row(first));
  });
  if (!counts.empty()) {
    for (Part<T>& part : parts) part.counts.add_to(counts);
  }
}

void boltzmann_importance(const BoltzmannMachine<double>& machine, View<const double, 1> base,
                          View<const std::uint8_t, 1> clamped, View<const double, 1> betas, const BoltzmannDraws& draws,
                          View<std::uint8_t, 2> states, View<double, 1> log_weights) {
  check(machine, clamped, states);
  const std::size_t n = machine.bias.extent(0), chains = states.extent(0);
  require(base.extent(0) == n, "base", "(n) with n = ", n, base);
  require(log_weights.extent(0) == chains, "log_weights", "one per chain, of which there are ", chains, log_weights);
  require(!betas.empty() && all_at_least({betas.data() + 1, {betas.size() - 1}}, 0, false),
          "betas must be above 0 and finite but for the first");
  if (states.empty()) return;

  const std::size_t steps = betas.size() - 1;
  const Orders orders(clamped, false, 1, draws);
  // p_b switches unit i on where (1 - b) a_i + b f_i > logit(u).
  std::vector<double> offsets(steps * n);
  for (std::size_t s = 0; s < steps; ++s) {
    for (std::size_t i = 0; i < n; ++i) offsets[s * n + i] = -(1 - betas(s + 1)) / betas(s + 1) * base(i);
  }
  auto parts = make_parts(machine, false);
  for_groups(machine, chains, steps, parts, [&](Part<double>&, auto& group, std::size_t first) {
    const std::size_t count = std::min(group.kSide, chains - first);
    group.start(states.row(first), count);
    for (std::size_t s = 0; s < steps; ++s) {
      for (std::size_t c = 0; c < count; ++c) {
        log_weights(first + c) += (betas(s + 1) - betas(s)) * group.log_ratio(c, base.data());
      }
      group.draw(place(draws, s), draws.chain + first, 1 / betas(s + 1), offsets.data() + s * n);
      group.sweep(orders.of(s), orders.units);
    }
    group.finish(states.row(first));
  });
}

void boltzmann_fields(const BoltzmannMachine<double>& machine, View<const std::uint8_t, 2> states,
                      View<double, 2> fields) {
  const std::size_t n = machine.bias.extent(0), rows = states.extent(0);
  const std::vector<std::uint8_t> none(n);
  check(machine, View<const std::uint8_t, 1>(none.data(), {n}), states);
  require(fields.extents() == states.extents(), "fields must have the shape of states, ", states.extents(),
          ", but came as ", fields.extents());
  const double work = 0.1 * static_cast<double>(rows) * static_cast<double>(n) * static_cast<double>(n);
  parallel_ranges(rows, 1, work, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      double* f = fields.row(r);
      std::copy(machine.bias.data(), machine.bias.data() + n, f);
      for (std::size_t j = 0; j < n; ++j) {
        if (states(r, j) == 0) continue;
        const double* w = machine.weights.row(j);
        for (std::size_t i = 0; i < n; ++i) f[i] += w[i];
      }
    }
  });
}

void boltzmann_counts(View<const std::uint8_t, 2> states, View<std::int64_t, 2> counts) {
  const std::size_t n = states.extent(1);
  require(counts.extent(0) == n && counts.extent(1) == n, "counts", "(n, n) with n = ", n, counts);
  PairCounts pairs(n);
  for (std::size_t r = 0; r < states.extent(0); ++r) {
    const std::size_t at = pairs.place(1);
    for (std::size_t i = 0; i < n; ++i) pairs.words()[i] |= std::uint64_t{states(r, i) != 0} << at;
  }
  pairs.add_to(counts);
}

template void boltzmann_sweeps(const BoltzmannMachine<float>&, View<const std::uint8_t, 1>, View<const double, 1>, bool,
                               const BoltzmannDraws&, View<std::uint8_t, 2>, View<std::int64_t, 2>);
template void boltzmann_sweeps(const BoltzmannMachine<double>&, View<const std::uint8_t, 1>, View<const double, 1>,
                               bool, const BoltzmannDraws&, View<std::uint8_t, 2>, View<std::int64_t, 2>);

}  // namespace nncore
