#pragma once

// Chains of a Boltzmann machine that are swept side by side. For kernels only (see simd.h).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "nncore/core/activations.h"
#include "nncore/core/random.h"
#include "nncore/core/simd.h"
#include "nncore/energy/boltzmann_machine.h"

namespace nncore {

/// Counts how often two units are on together, from words of 64 samples a unit.
class PairCounts {
 public:
  explicit PairCounts(std::size_t units) : units_(units), words_(units), counts_(units * units) {}

  std::uint64_t* words() { return words_.data(); }
  /// The place in the words of the next `samples` samples; what does not fit any more is counted first.
  std::size_t place(std::size_t samples) {
    if (filled_ + samples > 64) flush();
    const std::size_t at = filled_;
    filled_ += samples;
    return at;
  }
  /// Counts what the words hold, and empties them.
  void flush() {
    for (std::size_t i = 0; i < units_; ++i) {
      if (words_[i] == 0) continue;
      std::int64_t* row = counts_.data() + i * units_;
      for (std::size_t j = 0; j <= i; ++j) row[j] += __builtin_popcountll(words_[i] & words_[j]);
    }
    std::fill(words_.begin(), words_.end(), 0);
    filled_ = 0;
  }
  void add_to(View<std::int64_t, 2> counts) {
    flush();
    for (std::size_t i = 0; i < units_; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        counts(i, j) += counts_[i * units_ + j];
        if (j != i) counts(j, i) += counts_[i * units_ + j];
      }
    }
  }

 private:
  std::size_t units_, filled_ = 0;
  std::vector<std::uint64_t> words_;
  std::vector<std::int64_t> counts_;
};

/// log(u / (1 - u)) with u = (word + 1/2) / 2^32, for a register of words. Both parts of the quotient are rounded once.
template <typename T>
[[gnu::always_inline]] inline Vec<T> logit_lanes(const std::uint32_t* words) {
  T above[kLanes<T>], below[kLanes<T>];
  for (std::size_t l = 0; l < kLanes<T>; ++l) {
    const T high = static_cast<T>(static_cast<std::int32_t>(words[l] >> 16));
    const T low = static_cast<T>(static_cast<std::int32_t>(words[l] & 0xffff));
    above[l] = high * T(65536) + (low + T(0.5));
    below[l] = (T(65535) - high) * T(65536) + (T(65535.5) - low);
  }
  return log_lanes<T>(load(above) / load(below));
}

/// Not 0 where a bit of the register is set.
template <typename Mask>
inline std::uint64_t any_bits(Mask mask) {
  std::uint64_t words[sizeof mask / 8], any = 0;
  std::memcpy(words, &mask, sizeof mask);
  for (const std::uint64_t word : words) any |= word;
  return any;
}

/// L chains side by side: x, the fields and the thresholds of unit i lie at [i L, i L + L). L is 1 or 16; a chain has
/// the same bits in both, since it adds the same rows of the weights in the same order.
template <typename T, std::size_t L>
class BoltzmannChains {
 public:
  static constexpr std::size_t kSide = L;

  explicit BoltzmannChains(const BoltzmannMachine<T>& machine)
      : machine_(machine),
        n_(machine.bias.extent(0)),
        padded_((n_ + 3) / 4 * 4),
        x_(n_ * L),
        fields_(n_ * L),
        // A row of words and of logits is written in whole registers.
        thresholds_(n_ * L + kBlockEnd, std::numeric_limits<T>::infinity()),
        logits_(padded_ + kBlockEnd),
        words_(padded_ + kBlockEnd) {}

  /// Takes `count` <= L chains, rows of `states`.
  void start(const std::uint8_t* states, std::size_t count) {
    count_ = count;
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t c = 0; c < L; ++c) {
        x_[i * L + c] = c < count && states[c * n_ + i] != 0 ? T(1) : T(0);
        fields_[i * L + c] = machine_.bias(i);
      }
    }
    for (std::size_t i = 0; i < n_; ++i) add(i, x_.data() + i * L);
    if constexpr (L > 1) flush();
  }

  void finish(std::uint8_t* states) const {
    for (std::size_t c = 0; c < count_; ++c) {
      for (std::size_t i = 0; i < n_; ++i) states[c * n_ + i] = x_[i * L + c] > 0 ? 1 : 0;
    }
  }

  /// Draws what each unit's field must exceed: temperature * logit(u) + offset; chain c is `chain` + c of the draws.
  void draw(const Draws& draws, std::uint64_t chain, T temperature, const T* offset) {
    for (std::size_t c = 0; c < count_; ++c) {
      random_words(draws, (chain + c) * padded_, padded_, words_.data());
      T* row = L == 1 ? thresholds_.data() : logits_.data();
      for (std::size_t i = 0; i < n_; i += kLanes<T>) store(row + i, logit_lanes<T>(words_.data() + i) * temperature);
      if (offset != nullptr) {
        for (std::size_t i = 0; i < n_; ++i) row[i] += offset[i];
      }
      if constexpr (L > 1) {
        for (std::size_t i = 0; i < n_; ++i) thresholds_[i * L + c] = row[i];
      }
    }
    if constexpr (L > 1) {
      for (std::size_t c = count_; c < L; ++c) {
        for (std::size_t i = 0; i < n_; ++i) thresholds_[i * L + c] = std::numeric_limits<T>::infinity();
      }
    }
  }

  /// Sets each of these units, in this order.
  void sweep(const std::uint32_t* order, std::size_t units) {
    for (std::size_t k = 0; k < units; ++k) set(order[k]);
    if constexpr (L > 1) flush();
  }

  void count(PairCounts& counts) const {
    const std::size_t at = counts.place(count_);
    for (std::size_t i = 0; i < n_; ++i) {
      std::uint64_t bits = 0;
      for (std::size_t c = 0; c < count_; ++c) bits |= std::uint64_t{x_[i * L + c] > 0} << c;
      counts.words()[i] |= bits << at;
    }
  }

  /// -E(x) - a'x of chain c.
  T log_ratio(std::size_t c, const T* base) const {
    T sum = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      const std::size_t at = i * L + c;
      sum += x_[at] * ((fields_[at] + machine_.bias(i)) / 2 - base[i]);
    }
    return sum;
  }

  const T* fields() const { return fields_.data(); }

 private:
  static constexpr std::size_t kBlockEnd = 16;

  // A pass over the fields costs its loads and stores, so that some changes wait for each other: fields in memory lack
  // what `waiting_` says.
  static constexpr std::size_t kWait = 4, kRegisters = L == 1 ? 1 : L / kLanes<T>;
  struct Change {
    std::size_t unit;
    Vec<T> by[kRegisters];
  };

  [[gnu::always_inline]] void set(std::size_t i) {
    if constexpr (L == 1) {
      const T on = fields_[i] > thresholds_[i] ? T(1) : T(0), change = on - x_[i];
      x_[i] = on;
      if (change != 0) add(i, &change);
    } else {
      alignas(64) T change[L];
      std::uint64_t changed = 0;
      for (std::size_t r = 0; r < kRegisters; ++r) {
        const std::size_t at = i * L + r * kLanes<T>;
        Vec<T> field = load(fields_.data() + at);
        for (std::size_t k = 0; k < waiting_; ++k) {
          field = fma(broadcast(machine_.weights.row(changes_[k].unit)[i]), changes_[k].by[r], field);
        }
        const Vec<T> on = field > load(thresholds_.data() + at) ? broadcast(T(1)) : Vec<T>{};
        const Vec<T> by = on - load(x_.data() + at);
        store(x_.data() + at, on);
        store(change + r * kLanes<T>, by);
        changed |= any_bits(by != T(0));
      }
      if (changed != 0) add(i, change);
    }
  }

  /// Adds change * w_i to the fields of the chains, in time; the products are exact.
  [[gnu::always_inline]] void add(std::size_t i, const T* change) {
    if constexpr (L == 1) {
      const T* row = machine_.weights.row(i);
      T* f = fields_.data();
      const std::size_t n = n_;  // which a store to the fields might change, for all the compiler knows
      if (change[0] > 0) {
        for (std::size_t j = 0; j < n; ++j) f[j] += row[j];
      } else if (change[0] < 0) {
        for (std::size_t j = 0; j < n; ++j) f[j] -= row[j];
      }
    } else {
      changes_[waiting_].unit = i;
      for (std::size_t r = 0; r < kRegisters; ++r) changes_[waiting_].by[r] = load(change + r * kLanes<T>);
      if (++waiting_ == kWait) flush();
    }
  }

  /// Brings the fields up to date.
  void flush() {
    for (std::size_t k = waiting_; k < kWait; ++k) changes_[k] = {0, {}};
    waiting_ = 0;
    const std::size_t n = n_;
    const T* rows[kWait];
    for (std::size_t k = 0; k < kWait; ++k) rows[k] = machine_.weights.row(changes_[k].unit);
    for (std::size_t r = 0; r < kRegisters; ++r) {
      Vec<T> by[kWait];
      for (std::size_t k = 0; k < kWait; ++k) by[k] = changes_[k].by[r];
      T* f = fields_.data() + r * kLanes<T>;
      for (std::size_t j = 0; j < n; ++j, f += L) {
        Vec<T> field = load(f);
        for (std::size_t k = 0; k < kWait; ++k) field = fma(broadcast(rows[k][j]), by[k], field);
        store(f, field);
      }
    }
  }

  BoltzmannMachine<T> machine_;
  std::size_t n_, padded_, count_ = 0, waiting_ = 0;
  Change changes_[kWait];
  std::vector<T> x_, fields_, thresholds_, logits_;
  std::vector<std::uint32_t> words_;
};

}  // namespace nncore
