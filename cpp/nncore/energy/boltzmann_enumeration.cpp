#include "nncore/energy/boltzmann_enumeration.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "nncore/core/activations.h"
#include "nncore/core/threads.h"

namespace nncore {
namespace {

constexpr std::size_t kLowUnits = 10;  // 2^10 numbers stay in the first cache
constexpr std::size_t kParts = 64;     // of the sums over blocks, whatever the threads
constexpr double kSettingNanoseconds = 2.5;

/// Sum in an order that does not depend on the register's width.
double sum(const double* values, std::size_t count) {
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (std::size_t k = 0; k < 8; ++k) sums[k] += values[i + k];
  }
  for (std::size_t k = 0; i < count; ++i, ++k) sums[k] += values[i];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

/// The machine that the free units make with the others in their places.
class FreeUnits {
 public:
  FreeUnits(const BoltzmannMachine<double>& machine, View<const std::uint8_t, 1> clamped) : machine_(machine) {
    for (std::size_t i = 0; i < clamped.size(); ++i) (clamped(i) != 0 ? clamped_ : free_).push_back(i);
    blocks_ = boltzmann_blocks(free_.size());
    low_ = std::min(free_.size(), kLowUnits);
    pairs_.assign(settings(), 0.0);
    // Of the settings with unit i on: what they are without it, and its weights with the units before it.
    std::vector<double> with(settings());
    for (std::size_t i = 0; i < low_; ++i) {
      const std::size_t half = std::size_t{1} << i;
      for (std::size_t j = 0; j < i; ++j) {
        for (std::size_t s = 0; s < std::size_t{1} << j; ++s) with[(std::size_t{1} << j) + s] = with[s] + weight(i, j);
      }
      for (std::size_t s = 0; s < half; ++s) pairs_[half + s] = pairs_[s] + with[s];
    }
  }

  std::size_t count() const { return free_.size(); }
  std::size_t low() const { return low_; }
  std::size_t settings() const { return std::size_t{1} << low_; }
  std::size_t blocks() const { return blocks_; }
  std::size_t unit(std::size_t i) const { return free_[i]; }
  const std::vector<std::size_t>& clamped() const { return clamped_; }

  /// -E(x) of the settings of a block; `fields` is room for count() numbers.
  void exponents(const std::uint8_t* row, std::size_t block, double* fields, double* out) const {
    double constant = 0;
    for (std::size_t i = 0; i < count(); ++i) fields[i] = machine_.bias(free_[i]);
    for (const std::size_t j : clamped_) {
      if (row[j] == 0) continue;
      const double* w = machine_.weights.row(j);
      constant += machine_.bias(j);
      for (const std::size_t l : clamped_) constant += l < j && row[l] != 0 ? w[l] : 0.0;
      for (std::size_t i = 0; i < count(); ++i) fields[i] += w[free_[i]];
    }
    for (std::size_t h = low_; h < count(); ++h) {
      if ((block >> (h - low_) & 1) == 0) continue;
      constant += fields[h];
      for (std::size_t i = 0; i < low_; ++i) fields[i] += weight(h, i);
      for (std::size_t i = h + 1; i < count(); ++i) fields[i] += weight(h, i);
    }
    out[0] = constant;
    for (std::size_t i = 0; i < low_; ++i) {
      const std::size_t half = std::size_t{1} << i;
      for (std::size_t s = 0; s < half; ++s) out[half + s] = out[s] + fields[i];
    }
    for (std::size_t s = 0; s < settings(); ++s) out[s] += pairs_[s];
  }

 private:
  double weight(std::size_t i, std::size_t j) const { return machine_.weights(free_[i], free_[j]); }

  BoltzmannMachine<double> machine_;
  std::vector<std::size_t> free_, clamped_;
  std::size_t low_ = 0, blocks_ = 0;
  std::vector<double> pairs_;  // of the low units, of each setting
};

/// Total of p over a block, and the sums of p x_i of the low units, into stats (1 + low); changes p.
void fold(std::size_t low, double* p, double* stats) {
  for (std::size_t i = low; i-- > 0;) {
    const std::size_t half = std::size_t{1} << i;
    stats[1 + i] = sum(p + half, half);
    for (std::size_t s = 0; s < half; ++s) p[s] += p[half + s];
  }
  stats[0] = p[0];
}

void check(const BoltzmannMachine<double>& machine, View<const std::uint8_t, 1> clamped,
           View<const std::uint8_t, 2> rows) {
  const std::size_t n = machine.bias.extent(0);
  require(machine.weights.extent(0) == n && machine.weights.extent(1) == n, "weights", "(n, n) with n = ", n,
          machine.weights);
  require(clamped.extent(0) == n, "clamped", "(n) with n = ", n, clamped);
  require(rows.extent(1) == n, "rows", "(N, n) with n = ", n, rows);
}

/// Adds what the blocks' sums say of each row's means, and of the moments in which a unit above the low ones is.
void add_blocks(const FreeUnits& free, std::size_t first, std::size_t blocks, View<const double, 2> stats,
                View<double, 2> means, View<double, 2> moments) {
  const std::size_t low = free.low();
  for (std::size_t task = 0; task < stats.extent(0); ++task) {
    const double* s = stats.row(task);
    const std::size_t row = task / blocks, block = first + task % blocks;
    for (std::size_t i = 0; i < low; ++i) means(row, free.unit(i)) += s[1 + i];
    for (std::size_t h = low; h < free.count(); ++h) {
      if ((block >> (h - low) & 1) == 0) continue;
      means(row, free.unit(h)) += s[0];
      if (moments.empty()) continue;
      for (std::size_t i = 0; i < low; ++i) moments(free.unit(h), free.unit(i)) += s[1 + i];
      for (std::size_t g = low; g < h; ++g) {
        if ((block >> (g - low) & 1) != 0) moments(free.unit(h), free.unit(g)) += s[0];
      }
    }
  }
}

/// Adds the moments of the low units from their settings' probabilities, one row for each part.
void add_low_pairs(const FreeUnits& free, View<const double, 2> parts, View<double, 2> moments) {
  for (std::size_t part = 0; part < parts.extent(0); ++part) {
    for (std::size_t i = 0; i < free.low(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const std::size_t both = std::size_t{1} << i | std::size_t{1} << j;
        double total = 0;
        for (std::size_t s = both; s < free.settings(); s = (s + 1) | both) total += parts(part, s);
        moments(free.unit(i), free.unit(j)) += total;
      }
    }
  }
}

}  // namespace

std::size_t boltzmann_blocks(std::size_t free_units) {
  require(free_units <= kBoltzmannMostEnumerated, "enumeration takes at most ", kBoltzmannMostEnumerated,
          " free units, but there are ", free_units);
  return std::size_t{1} << (free_units - std::min(free_units, kLowUnits));
}

void boltzmann_log_sums(const BoltzmannMachine<double>& machine, View<const std::uint8_t, 1> clamped,
                        View<const std::uint8_t, 2> rows, std::size_t first, View<double, 2> log_sums) {
  check(machine, clamped, rows);
  const FreeUnits free(machine, clamped);
  const std::size_t blocks = log_sums.extent(1), tasks = rows.extent(0) * blocks;
  require(log_sums.extent(0) == rows.extent(0), "log_sums", "one row for each of rows, ", rows.extent(0), log_sums);
  require(first <= free.blocks() && blocks <= free.blocks() - first, "log_sums must end with the last of ",
          free.blocks(), " blocks, but begins with ", first, " and has ", blocks);
  const std::size_t parts = std::min(tasks, kParts), room = free.count() + free.settings();
  std::vector<double> rooms(parts * room);
  const double work = kSettingNanoseconds * static_cast<double>(tasks) * static_cast<double>(free.settings() + 8);
  parallel_ranges(parts, 1, work, [&](std::size_t begin, std::size_t end) {
    double* fields = rooms.data() + begin * room;
    double* values = fields + free.count();
    for (std::size_t task = tasks * begin / parts; task < tasks * end / parts; ++task) {
      free.exponents(rows.row(task / blocks), first + task % blocks, fields, values);
      const double most = *std::max_element(values, values + free.settings());
      map_lanes(values, values, free.settings(), [&](Vec<double> v) { return exp_lanes<double>(v - most); });
      log_sums.data()[task] = most + std::log(sum(values, free.settings()));
    }
  });
}

void boltzmann_moments(const BoltzmannMachine<double>& machine, View<const std::uint8_t, 1> clamped,
                       View<const std::uint8_t, 2> rows, View<const double, 1> log_sums, std::size_t first,
                       std::size_t blocks, View<double, 2> means, View<double, 2> moments) {
  check(machine, clamped, rows);
  const FreeUnits free(machine, clamped);
  const std::size_t n = clamped.size(), tasks = rows.extent(0) * blocks, width = 1 + free.low();
  require(log_sums.extent(0) == rows.extent(0), "log_sums", "one for each of rows, ", rows.extent(0), log_sums);
  require(means.extents() == rows.extents(), "means must have the shape of rows, ", rows.extents(), ", but came as ",
          means.extents());
  require(moments.empty() || (moments.extent(0) == n && moments.extent(1) == n), "moments",
          "empty or (n, n) with n = ", n, moments);
  require(first <= free.blocks() && blocks <= free.blocks() - first, "blocks must end with the last of ", free.blocks(),
          ", but ", blocks, " were asked for from ", first, " on");
  const std::size_t parts = std::min(tasks, kParts), room = free.count() + free.settings();
  std::vector<double> rooms(parts * room), low(parts * free.settings()), stats(tasks * width), gained(moments.size());
  const double work = kSettingNanoseconds * static_cast<double>(tasks) * static_cast<double>(free.settings() + 16);
  parallel_ranges(parts, 1, work, [&](std::size_t begin, std::size_t end) {
    for (std::size_t part = begin; part < end; ++part) {
      double* fields = rooms.data() + part * room;
      double *p = fields + free.count(), *sums = low.data() + part * free.settings();
      for (std::size_t task = tasks * part / parts; task < tasks * (part + 1) / parts; ++task) {
        const std::size_t row = task / blocks;
        free.exponents(rows.row(row), first + task % blocks, fields, p);
        map_lanes(p, p, free.settings(), [&](Vec<double> v) { return exp_lanes<double>(v - log_sums(row)); });
        for (std::size_t s = 0; s < free.settings(); ++s) sums[s] += p[s];
        fold(free.low(), p, stats.data() + task * width);
      }
    }
  });

  // Of this call alone, since means of other blocks may be there already.
  std::vector<double> means_here(means.size());
  const View<double, 2> here(means_here.data(), means.extents());
  const View<double, 2> pairs(gained.data(), moments.extents());
  add_blocks(free, first, blocks, {stats.data(), {tasks, width}}, here, pairs);
  if (!moments.empty()) add_low_pairs(free, {low.data(), {parts, free.settings()}}, pairs);
  for (std::size_t row = 0; row < rows.extent(0); ++row) {
    double total = 0;
    for (std::size_t task = row * blocks; task < (row + 1) * blocks; ++task) total += stats[task * width];
    for (const std::size_t j : free.clamped()) here(row, j) = rows(row, j) != 0 ? total : 0.0;
    for (std::size_t i = 0; i < n; ++i) means(row, i) += here(row, i);
    if (moments.empty()) continue;
    for (std::size_t i = 0; i < n; ++i) pairs(i, i) += here(row, i);
    for (const std::size_t j : free.clamped()) {
      if (rows(row, j) == 0) continue;
      for (std::size_t i = 0; i < n; ++i) {
        // A pair of clamped units once, one with a free unit where the free one's row is.
        if (clamped(i) == 0 || i > j) pairs(i, j) += clamped(i) == 0 || rows(row, i) != 0 ? here(row, i) : 0.0;
      }
    }
  }
  for (std::size_t i = 0; !moments.empty() && i < n; ++i) {
    moments(i, i) += pairs(i, i);
    for (std::size_t j = 0; j < i; ++j) {
      const double both = pairs(i, j) + pairs(j, i);  // one of them is 0
      moments(i, j) += both;
      moments(j, i) += both;
    }
  }
}

}  // namespace nncore
