#include "nncore/energy/hopfield.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "nncore/core/matmul.h"
#include "nncore/core/simd.h"
#include "nncore/core/threads.h"

namespace nncore {
namespace {

constexpr double kElementNanoseconds = 0.2;  // memory is the limit
constexpr std::size_t kFewRows = 8;          // states for which packing the weights would not pay
constexpr std::size_t kFieldRows = 64;       // states that are converted to T at a time

/// h += step·w, where a flip changed what w weighs.
template <typename T>
void add_row(T step, const T* w, T* h, std::size_t size) {
  const Vec<T> steps = broadcast(step);
  std::size_t i = 0;
  for (; i + kLanes<T> <= size; i += kLanes<T>) store(h + i, fma(steps, load(w + i), load(h + i)));
  for (; i < size; ++i) h[i] = fma1(step, w[i], h[i]);
}

/// h = Wx + b of one state: the same sums in the same order as matmul()'s, which would pack W first.
template <typename T>
void fields_of_one(const std::int8_t* x, View<const T, 2> weights, View<const T, 1> bias, T* h) {
  const std::size_t d = bias.size();
  const double work = kElementNanoseconds * static_cast<double>(d * d);
  parallel_ranges(d, kBlock<T>, work, [&](std::size_t begin, std::size_t end) {
    std::copy(bias.data() + begin, bias.data() + end, h + begin);
    for (std::size_t j = 0; j < d; ++j) add_row(static_cast<T>(x[j]), weights.row(j) + begin, h + begin, end - begin);
  });
}

/// Whether no unit would change.
template <typename T>
bool is_settled(const std::int8_t* x, const T* h, std::size_t size) {
  bool settled = true;
  for (std::size_t i = 0; i < size; ++i) settled &= static_cast<T>(x[i]) * h[i] >= 0;
  return settled;
}

template <typename T>
class Recall {
 public:
  Recall(View<const T, 2> weights, View<const T, 1> bias, const RecallSettings& settings, const RecallRows& rows,
         View<T, 2> fields)
      : weights_(weights), bias_(bias), settings_(settings), rows_(rows), fields_(fields), units_(bias.size()) {
    if (settings.temperature > 0) thresholds_.resize(units_);
    if (settings.synchronous) next_.resize(units_);
  }

  /// Sweep number `number`.
  void run(std::size_t row, std::uint64_t number, const std::vector<std::int64_t>& order) {
    if (rows_.cycle(row) != 0) return;
    if (settings_.temperature > 0) sweep_thresholds(settings_, number, rows_.ids(row), 1, thresholds_);
    if (settings_.synchronous) return step(row);
    const bool changed = sweep(row, order);
    ++rows_.sweeps(row);
    if (changed || settings_.temperature > 0) return;
    // The sum of many flips is rounded: only fields that are not decide.
    const std::int8_t* const x = rows_.states.row(row);
    fields_of_one<T>(x, weights_, bias_, fields_.row(row));
    if (is_settled(x, fields_.row(row), units_)) rows_.cycle(row) = 1;
  }

 private:
  /// 1, -1, or 0 where the unit stays as it is.
  int sign(T field, std::size_t i) const {
    const double h = static_cast<double>(field), threshold = thresholds_.empty() ? 0.0 : thresholds_[i];
    return (h > threshold) - (h < threshold);
  }

  bool sweep(std::size_t row, const std::vector<std::int64_t>& order) {
    std::int8_t* const x = rows_.states.row(row);
    T* const h = fields_.row(row);
    bool changed = false;
    for (std::size_t at = 0; at < units_; ++at) {
      const std::size_t i = order.empty() ? at : static_cast<std::size_t>(order[at]);
      if (sign(h[i], i) * x[i] >= 0) continue;
      x[i] = static_cast<std::int8_t>(-x[i]);
      add_row(static_cast<T>(2 * x[i]), weights_.row(i), h, units_);
      changed = true;
    }
    return changed;
  }

  void step(std::size_t row) {
    const std::int8_t* const x = rows_.states.row(row);
    for (std::size_t i = 0; i < units_; ++i) {
      const int to = sign(fields_(row, i), i);
      next_[i] = to == 0 ? x[i] : static_cast<std::int8_t>(to);
    }
    finish_step(rows_, row, next_.data(), settings_.temperature == 0);
  }

  View<const T, 2> weights_;
  View<const T, 1> bias_;
  const RecallSettings& settings_;
  const RecallRows& rows_;
  View<T, 2> fields_;
  std::size_t units_;
  std::vector<double> thresholds_;
  std::vector<std::int8_t> next_;
};

/// Sum of w_j x_j in double: over j in 16 parts, whatever the register's width.
template <typename T>
double field_of(const T* w, const std::int8_t* x, std::size_t size) {
  double parts[16] = {};
  std::size_t j = 0;
  for (; j + 16 <= size; j += 16) {
    for (std::size_t k = 0; k < 16; ++k) parts[k] += static_cast<double>(w[j + k]) * x[j + k];
  }
  for (std::size_t k = 0; j < size; ++k, ++j) parts[k] += static_cast<double>(w[j]) * x[j];
  for (std::size_t half = 8; half > 0; half /= 2) {
    for (std::size_t k = 0; k < half; ++k) parts[k] += parts[k + half];
  }
  return parts[0];
}

template <typename T>
void check_patterns(View<const std::int8_t, 2> patterns, View<T, 2> weights) {
  const std::size_t d = patterns.extent(1);
  require(weights.extent(0) == d && weights.extent(1) == d, "weights", "(d, d) with d = ", d, weights);
}

/// Calls body(i) for every unit, on several threads.
template <typename Body>
void for_each_unit(std::size_t units, const Body& body) {
  const double work = kElementNanoseconds * static_cast<double>(units * units);
  parallel_ranges(units, 16, work, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) body(i);
  });
}

}  // namespace

template <typename T>
void hopfield_fields(View<const std::int8_t, 2> states, View<const T, 2> weights, View<const T, 1> bias,
                     View<T, 2> fields) {
  const std::size_t d = states.extent(1);
  require(weights.extent(0) == d && weights.extent(1) == d, "weights", "(d, d) with d = ", d, weights);
  require(bias.size() == d, "bias", "(d) with d = ", d, bias);
  require(fields.extents() == states.extents(), "fields", "of the shape of states: ", shape_text(states.extents()),
          fields);
  if (states.extent(0) < kFewRows) {
    for (std::size_t row = 0; row < states.extent(0); ++row) {
      fields_of_one<T>(states.row(row), weights, bias, fields.row(row));
    }
    return;
  }
  std::vector<T> x(std::min(kFieldRows, states.extent(0)) * d);
  for (std::size_t row = 0; row < states.extent(0); row += kFieldRows) {
    const std::size_t part = std::min(kFieldRows, states.extent(0) - row);
    std::copy_n(states.row(row), part * d, x.data());
    matmul<T>({x.data(), {part, d}}, weights, bias, {fields.row(row), {part, d}});
  }
}

template <typename T>
void hopfield_recall(View<const T, 2> weights, View<const T, 1> bias, const RecallSettings& settings,
                     std::uint64_t first_sweep, std::size_t count, const RecallRows& rows, View<T, 2> fields) {
  const std::size_t n = rows.states.extent(0), d = bias.size();
  require(weights.extent(0) == d && weights.extent(1) == d, "weights", "(d, d) with d = ", d, weights);
  check_rows(rows, d);
  require(fields.extents() == rows.states.extents(), "fields",
          "of the shape of states: ", shape_text(rows.states.extents()), fields);
  // A tenth of the units flips in a first sweep.
  const double work =
      kElementNanoseconds * static_cast<double>(n * d) * (settings.synchronous ? 5.0 : 0.1 * static_cast<double>(d));
  auto workspaces = row_workspaces(n, work, [&] { return Recall<T>(weights, bias, settings, rows, fields); });
  for (std::uint64_t s = first_sweep; s < first_sweep + count; ++s) {
    if (settings.synchronous) hopfield_fields<T>(rows.states, weights, bias, fields);
    const std::vector<std::int64_t> order = sweep_order(settings, s, d);
    for_each_row(workspaces, n, work, [&](Recall<T>& recall, std::size_t row) { recall.run(row, s, order); });
  }
}

template <typename T>
void storkey_learn(View<const std::int8_t, 2> patterns, bool self_connections, View<T, 2> weights) {
  check_patterns(patterns, weights);
  const std::size_t d = patterns.extent(1);
  std::vector<double> g(d);  // without w_ii x_i
  for (std::size_t k = 0; k < patterns.extent(0); ++k) {
    const std::int8_t* const x = patterns.row(k);
    for_each_unit(d, [&](std::size_t i) {
      g[i] = field_of<T>(weights.row(i), x, d) - static_cast<double>(weights(i, i)) * x[i];
    });
    for_each_unit(d, [&](std::size_t i) {
      T* const w = weights.row(i);
      const T own = w[i];
      for (std::size_t j = 0; j < d; ++j) {
        const double from_i = g[i] - static_cast<double>(w[j]) * x[j], from_j = g[j] - static_cast<double>(w[j]) * x[i];
        w[j] += static_cast<T>((x[i] * x[j] - (x[i] * from_j + x[j] * from_i)) / static_cast<double>(d));
      }
      // Of a unit itself, g has no second term to leave out.
      w[i] = self_connections ? own + static_cast<T>((1 - 2 * x[i] * g[i]) / static_cast<double>(d)) : T(0);
    });
  }
}

template <typename T>
void pseudo_inverse_learn(View<const std::int8_t, 2> patterns, View<T, 2> weights) {
  check_patterns(patterns, weights);
  const std::size_t d = patterns.extent(1);
  // What rounding leaves of the d of a combination of earlier patterns: below it, a pattern is as good as stored.
  const double least = 64 * static_cast<double>(d) * static_cast<double>(std::numeric_limits<T>::epsilon());
  std::vector<double> r(d);
  for (std::size_t k = 0; k < patterns.extent(0); ++k) {
    const std::int8_t* const x = patterns.row(k);
    for_each_unit(d, [&](std::size_t i) { r[i] = x[i] - field_of<T>(weights.row(i), x, d); });
    double length = 0;
    for (const double part : r) length += part * part;
    if (length <= least) continue;
    for (double& part : r) part /= std::sqrt(length);
    for_each_unit(d, [&](std::size_t i) {
      T* const w = weights.row(i);
      for (std::size_t j = 0; j < d; ++j) w[j] += static_cast<T>(r[i] * r[j]);
    });
  }
}

template void hopfield_fields(View<const std::int8_t, 2>, View<const float, 2>, View<const float, 1>, View<float, 2>);
template void hopfield_fields(View<const std::int8_t, 2>, View<const double, 2>, View<const double, 1>,
                              View<double, 2>);
template void hopfield_recall(View<const float, 2>, View<const float, 1>, const RecallSettings&, std::uint64_t,
                              std::size_t, const RecallRows&, View<float, 2>);
template void hopfield_recall(View<const double, 2>, View<const double, 1>, const RecallSettings&, std::uint64_t,
                              std::size_t, const RecallRows&, View<double, 2>);
template void storkey_learn(View<const std::int8_t, 2>, bool, View<float, 2>);
template void storkey_learn(View<const std::int8_t, 2>, bool, View<double, 2>);
template void pseudo_inverse_learn(View<const std::int8_t, 2>, View<float, 2>);
template void pseudo_inverse_learn(View<const std::int8_t, 2>, View<double, 2>);

}  // namespace nncore
