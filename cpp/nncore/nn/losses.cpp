#include "nncore/nn/losses.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "nncore/nn/chunks.h"
#include "nncore/nn/loss_rows.h"

namespace nncore {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The arguments of one call, entry by entry.
template <typename T>
struct Batch {
  const Loss& loss;
  View<const T, 2> y;
  const Target<T>& target;
  View<const std::int64_t, 1> y_rows, target_rows;
  View<const T, 1> weights;
  View<T, 2> dy;

  std::size_t size() const { return target_rows.size(); }
  std::size_t features() const { return y.extent(1); }
  std::size_t target_size() const {
    return loss.kind == LossKind::kCrossEntropy ? target.labels.size() : target.values.extent(0);
  }
  std::size_t y_row(std::size_t i) const { return y_rows.empty() ? i : static_cast<std::size_t>(y_rows(i)); }
  std::size_t target_row(std::size_t i) const { return static_cast<std::size_t>(target_rows(i)); }
  /// Whether the entries [begin, end) lie one after the other and all weigh 1.
  bool plain(std::size_t begin, std::size_t end) const {
    if (!weights.empty()) return false;
    for (std::size_t i = begin + 1; i < end; ++i) {
      if (y_row(i) != y_row(i - 1) + 1 || target_row(i) != target_row(i - 1) + 1) return false;
    }
    return true;
  }
  double weight(std::size_t i) const { return weights.empty() ? 1 : static_cast<double>(weights(target_row(i))); }
  bool rows_fit(std::size_t i) const { return y_row(i) < y.extent(0) && target_row(i) < target_size(); }
};

template <typename T>
void check_shapes(const Batch<T>& b) {
  require(b.features() > 0, "y", "(rows, features) with features > 0", "", b.y);
  require(b.dy.extents() == b.y.extents(), "dy", "of the shape of y", "", b.dy);
  require(b.y_rows.empty() || b.y_rows.size() == b.size(), "y_rows", "empty or as long as target_rows, ", b.size(),
          b.y_rows);
  require(b.weights.empty() || b.weights.size() == b.target_size(), "weights", "one for each row of target, ",
          b.target_size(), b.weights);
  const bool fits = b.loss.kind == LossKind::kCrossEntropy || b.target.values.extent(1) == b.features();
  require(fits, "target", "(rows, features) with features = ", b.features(), b.target.values);
  const bool huber = b.loss.kind == LossKind::kHuber;
  require(!huber || (std::isfinite(b.loss.delta) && static_cast<T>(b.loss.delta) > 0),
          "delta must be above 0 and finite, but came as ", b.loss.delta);
  require(b.size() > 0, "target has no row to compare with: all lengths are 0, or it is empty");
}

template <typename T>
[[noreturn]] void refuse_entries(const Batch<T>& b, double total) {
  for (std::size_t i = 0; i < b.size(); ++i) {
    require(b.rows_fit(i), "y_rows and target_rows must name rows of y and target, but entry ", i, " does not");
    const double w = b.weight(i);
    require(w >= 0 && std::isfinite(w), "weights must be at least 0 and finite, but weight ", b.target_row(i), " is ",
            w);
  }
  require(false, "weights must have a sum above 0 and finite, but it is ", total);
  throw std::logic_error("unreachable");
}

/// The sum of the weights; throws unless rows and weights are right.
template <typename T>
double checked_total(const Batch<T>& b) {
  const double nanoseconds = 2.0 * static_cast<double>(b.size());
  const double total = sum_of_chunks(b.size(), 256, nanoseconds, [&](std::size_t begin, std::size_t end) {
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (!b.rows_fit(i) || !(b.weight(i) >= 0)) return kNan;
      sum += b.weight(i);
    }
    return sum;
  });
  if (!(total > 0 && std::isfinite(total))) refuse_entries(b, total);
  return total;
}

/// Value of the whole batch, of which `row(i, count, factor)` gives the loss of entry i, or of `count` plain ones from it,
/// features not yet averaged.
template <typename T, typename Row>
double sum_over_entries(const Batch<T>& b, double nanoseconds_each, double divisor, bool join, const Row& row) {
  const double total = checked_total(b), factor = 1 / (total * divisor);
  const double nanoseconds = nanoseconds_each * static_cast<double>(b.size() * b.features());
  const double sum = sum_of_chunks(b.size(), 8, nanoseconds, [&](std::size_t begin, std::size_t end) {
    if (join && b.plain(begin, end)) return row(begin, end - begin, factor);
    double losses = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const double w = b.weight(i);
      if (w == 0) {
        std::fill_n(b.dy.row(b.y_row(i)), b.features(), T(0));
      } else {
        losses += w * row(i, 1, w * factor);
      }
    }
    return losses;
  });
  return sum * factor;
}

template <typename T, typename Error>
double values_loss(const Batch<T>& b, double nanoseconds_each, const Error& error) {
  const std::size_t features = b.features();
  const auto rows = [&](std::size_t i, std::size_t count, double factor) {
    const std::size_t at = b.y_row(i);
    return row_of_values<T>(error, b.y.row(at), b.target.values.row(b.target_row(i)), count * features,
                            static_cast<T>(factor), b.dy.row(at));
  };
  return sum_over_entries(b, nanoseconds_each, static_cast<double>(features), true, rows);
}

template <typename T>
double labels_loss(const Batch<T>& b) {
  const std::size_t features = b.features();
  const bool few = features <= kFewFeatures;
  return sum_over_entries(b, 1.0, 1.0, few, [&](std::size_t i, std::size_t count, double factor) {
    const std::size_t at = b.y_row(i);
    const std::int64_t* labels = &b.target.labels(b.target_row(i));
    if (count == 1) {
      return row_of_logits<T>(b.y.row(at), static_cast<std::size_t>(*labels), features, factor, b.dy.row(at));
    }
    double sum = 0;
    for (std::size_t r = 0; r < count; r += kLanes<T>) {
      sum = few_logits<T>(sum, b.y.row(at + r), labels + r, std::min(kLanes<T>, count - r), features, factor,
                          b.dy.row(at + r));
    }
    return sum;
  });
}

/// Throws, naming the first, unless every row is right. `wrong(row)` is asked in parallel.
template <typename Wrong, typename Refuse>
void check_rows(View<const std::int64_t, 1> rows, double nanoseconds_each, const Wrong& wrong, const Refuse& refuse) {
  const double nanoseconds = nanoseconds_each * static_cast<double>(rows.size());
  const double count = sum_of_chunks(rows.size(), 256, nanoseconds, [&](std::size_t begin, std::size_t end) {
    double found = 0;
    for (std::size_t i = begin; i < end; ++i) found += wrong(rows(i)) ? 1 : 0;
    return found;
  });
  for (std::size_t i = 0; count > 0 && i < rows.size(); ++i) {
    if (wrong(rows(i))) refuse(rows(i));
  }
}

void require_rows(View<const std::int64_t, 1> rows, std::size_t size) {
  const auto outside = [=](std::int64_t row) { return static_cast<std::size_t>(row) >= size; };
  check_rows(rows, 1.0, outside, [=](std::int64_t row) {
    require(false, "rows must name rows of target, which has ", size, ", but one is ", row);
  });
}

void check_labels(View<const std::int64_t, 1> labels, std::size_t features, View<const std::int64_t, 1> rows) {
  require_rows(rows, labels.size());
  const auto outside = [=](std::int64_t row) { return static_cast<std::size_t>(labels(row)) >= features; };
  check_rows(rows, 1.0, outside, [=](std::int64_t row) {
    require(false, "target must hold labels in [0, ", features, "), but row ", row, " holds ", labels(row));
  });
}

template <typename T>
void check_values(View<const T, 2> values, T least, T most, const char* rule, View<const std::int64_t, 1> rows) {
  require_rows(rows, values.extent(0));
  const std::size_t features = values.extent(1);
  const auto outside = [=](std::int64_t row) {
    return !is_within(values.row(static_cast<std::size_t>(row)), features, least, most);
  };
  check_rows(rows, 5 + 0.1 * static_cast<double>(features), outside, [=](std::int64_t row) {
    const T* value = values.row(static_cast<std::size_t>(row));
    const T* found = std::find_if_not(value, value + features, [=](T x) { return x >= least && x <= most; });
    require(false, "target must be ", rule, ", but row ", row, " holds ", *found);
  });
}

}  // namespace

template <typename T>
void check_target(const Loss& loss, const Target<T>& target, std::size_t features, View<const std::int64_t, 1> rows) {
  if (loss.kind == LossKind::kCrossEntropy) return check_labels(target.labels, features, rows);
  require(target.values.extent(1) == features, "target", "(rows, features) with features = ", features, target.values);
  if (loss.kind == LossKind::kBinaryCrossEntropy) return check_values<T>(target.values, 0, 1, "in [0, 1]", rows);
  constexpr T kMost = std::numeric_limits<T>::max();
  check_values<T>(target.values, -kMost, kMost, "finite", rows);
}

template <typename T>
double loss_forward_backward(const Loss& loss, View<const T, 2> y, const Target<T>& target,
                             View<const std::int64_t, 1> y_rows, View<const std::int64_t, 1> target_rows,
                             View<const T, 1> weights, View<T, 2> dy) {
  const Batch<T> batch{loss, y, target, y_rows, target_rows, weights, dy};
  check_shapes(batch);
  switch (loss.kind) {
    case LossKind::kMse:
      return values_loss(batch, 0.2, SquaredError<T>{});
    case LossKind::kHuber:
      return values_loss(batch, 0.3, HuberError<T>{broadcast(static_cast<T>(loss.delta))});
    case LossKind::kBinaryCrossEntropy:
      return values_loss(batch, 1.5, BinaryCrossEntropy<T>{});
    case LossKind::kCrossEntropy:
      return labels_loss(batch);
  }
  throw std::invalid_argument("loss must be one of the four kinds");
}

template void check_target(const Loss&, const Target<float>&, std::size_t, View<const std::int64_t, 1>);
template void check_target(const Loss&, const Target<double>&, std::size_t, View<const std::int64_t, 1>);
template double loss_forward_backward(const Loss&, View<const float, 2>, const Target<float>&,
                                      View<const std::int64_t, 1>, View<const std::int64_t, 1>, View<const float, 1>,
                                      View<float, 2>);
template double loss_forward_backward(const Loss&, View<const double, 2>, const Target<double>&,
                                      View<const std::int64_t, 1>, View<const std::int64_t, 1>, View<const double, 1>,
                                      View<double, 2>);

}  // namespace nncore
