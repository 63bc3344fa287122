#include <cmath>
#include <limits>
#include <vector>

#include "nncore/core/interrupt.h"
#include "nncore/core/threads.h"
#include "nncore/energy/rbm.h"
#include "nncore/energy/rbm_change.h"
#include "nncore/energy/rbm_units.h"

namespace nncore {

namespace {

/// What a training works with: the machine's copy, states and probabilities of one batch.
template <typename T>
class Trainer {
 public:
  Trainer(const RbmParameters<T>& machine, const RbmTraining& training, std::size_t batch_size,
          View<const T, 2> velocity, View<const T, 2> chains)
      : machine_({machine.visible, machine.weights, machine.visible_bias, machine.hidden_bias}),
        training_(training),
        chains_(chains.extent(0)),
        change_(machine_, training_, velocity),
        step_(machine_, to_hidden_, to_visible_, training.seed) {
    const std::size_t visible = machine_.visible(), hidden = machine_.hidden();
    const std::size_t negative = chains_ > 0 ? chains_ : batch_size;
    data_.reserve(batch_size, visible);
    visible_.reserve(negative, visible);
    hidden_.reserve(negative, hidden);
    positive_.reserve(batch_size * machine_.weights().stride);
    negative_.reserve(negative * machine_.weights().stride);
    means_.reserve(negative * machine_.transposed().stride);
    errors_.resize(batch_size);
    for (std::size_t r = 0; r < chains_; ++r) hidden_.take(r, chains.row(r));
  }

  /// Of the products of all updates, on one thread.
  double nanoseconds(std::size_t rows, std::size_t batch_size) const {
    const std::size_t updates = (rows + batch_size - 1) / batch_size;
    const std::size_t negative_rows = chains_ > 0 ? updates * chains_ : rows;
    return 2 * product_nanoseconds(machine_, rows + training_.steps * negative_rows);
  }

  /// One update with these rows of samples; returns the sum of squared errors of the first reconstruction.
  double update(const VisibleRows<T>& samples, const std::int64_t* order, std::size_t rows, std::uint64_t number) {
    const bool gaussian = machine_.kind() == Visible::kGaussian;
    const double gathering = static_cast<double>(rows * machine_.visible());
    parallel_ranges(rows, 1, gathering, [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r) data_.take(r, samples, static_cast<std::size_t>(order[r]));
    });
    const auto dense_at = [](std::size_t count, std::size_t of) {
      return static_cast<double>(count) > kDenseUnits * static_cast<double>(of);
    };
    if (!packed_) {
      machine_.set_to_hidden(to_hidden_, gaussian || dense_at(data_.count(0, rows), rows * machine_.visible()));
    }
    if (!packed_ || to_visible_.dense() != dense_hidden_) machine_.set_to_visible(to_visible_, dense_hidden_);
    const std::size_t negative_rows = chains_ > 0 ? chains_ : rows;
    in_pieces(rows, 1, [&](std::size_t begin, std::size_t end, std::uint32_t, std::uint32_t) {
      over_columns(machine_.hidden(), end - begin,
                   [&](Share share) { step_.hidden_probabilities(data_, begin, end, positive_rows(), share); });
      if (chains_ == 0) draw_hidden(begin, end, positive_rows(), number, 0);
    });
    in_pieces(negative_rows, static_cast<std::uint32_t>(training_.steps),
              [&](std::size_t begin, std::size_t end, std::uint32_t turn, std::uint32_t last) {
                for (; turn < last; ++turn) step_back_and_forth(begin, end, turn, number);
              });
    dense_hidden_ = dense_at(hidden_.count(0, negative_rows), negative_rows * machine_.hidden());
    finish_statistics(rows, negative_rows);
    packed_ = change_({data_, positive_rows(), rows}, {visible_, this->negative_rows(), negative_rows}, to_hidden_,
                      to_visible_, dense_hidden_);
    double error = 0;
    for (std::size_t r = 0; chains_ == 0 && r < rows; ++r) error += errors_[r];
    return error;
  }

  bool finite() const {
    bool finite = true;
    const auto look = [&](const T* from, std::size_t count) {
      T sum = 0;
      for (std::size_t i = 0; i < count; ++i) sum += from[i] * 0;  // NaN once a number is infinite or NaN
      finite = finite && sum == 0;
    };
    for (std::size_t i = 0; i < machine_.visible(); ++i) look(machine_.weights()[i], machine_.hidden());
    look(machine_.visible_bias(), machine_.visible());
    look(machine_.hidden_bias(), machine_.hidden());
    return finite;
  }

  void write_back(const RbmParameters<T>& machine, View<T, 2> velocity, View<T, 2> chains) const {
    const std::size_t hidden = machine_.hidden();
    for (std::size_t i = 0; i < machine_.visible(); ++i) {
      std::copy_n(machine_.weights()[i], hidden, machine.weights.row(i));
      if (!velocity.empty()) std::copy_n(change_.velocity()[i], hidden, velocity.row(i));
    }
    std::copy_n(machine_.visible_bias(), machine_.visible(), machine.visible_bias.data());
    std::copy_n(machine_.hidden_bias(), hidden, machine.hidden_bias.data());
    for (std::size_t r = 0; r < chains_; ++r) std::copy_n(hidden_.row(r), hidden, chains.row(r));
  }

 private:
  Rows<T> positive_rows() const { return {positive_.data(), machine_.weights().stride}; }
  Rows<T> negative_rows() const { return {negative_.data(), machine_.weights().stride}; }
  Rows<T> mean_rows() const { return {means_.data(), machine_.transposed().stride}; }

  /// body(begin, end, turn, last) for pieces of rows and of steps of about a tenth of a second.
  template <typename Body>
  void in_pieces(std::size_t rows, std::uint32_t steps, const Body& body) const {
    constexpr double kPiece = 1e8;
    const double row_step = 2 * product_nanoseconds(machine_, 1);
    const auto some_rows = static_cast<std::size_t>(std::max(kPiece / row_step, 1.0));
    for (std::size_t first = 0; first < rows; first += some_rows) {
      const std::size_t end = std::min(rows, first + some_rows);
      const double nanoseconds = row_step * static_cast<double>(end - first);
      const auto some_steps = static_cast<std::uint32_t>(std::min(std::max(kPiece / nanoseconds, 1.0), 1e4));
      for (std::uint32_t turn = 0; turn < steps; turn += some_steps) {
        body(first, end, turn, std::min(steps, turn + some_steps));
        LongCall::check();
      }
    }
  }

  /// body(share) for shares of the columns of a product with the weights: each core keeps to its part of them.
  template <typename Body>
  void over_columns(std::size_t columns, std::size_t rows, const Body& body) const {
    const std::size_t registers = (columns + kLanes<T> - 1) / kLanes<T>;
    parallel_parts(registers, product_nanoseconds(machine_, rows) / 2,
                   [&](std::size_t part, std::size_t parts) { body(Share{part, parts}); });
  }

  void draw_hidden(std::size_t begin, std::size_t end, Rows<const T> p, std::uint64_t number, std::uint32_t turn) {
    parallel_ranges(end - begin, 1, 1.2 * static_cast<double>((end - begin) * machine_.hidden()),
                    [&](std::size_t first, std::size_t last) {
                      for (std::size_t r = begin + first; r < begin + last; ++r) {
                        step_.draw_hidden(hidden_, p, r, number, turn);
                      }
                    });
  }

  /// A step from the hidden states of rows [begin, end): visible ones, and the hidden probabilities that they give.
  void step_back_and_forth(std::size_t begin, std::size_t end, std::uint32_t turn, std::uint64_t number) {
    over_columns(machine_.visible(), end - begin,
                 [&](Share share) { step_.visible_means(hidden_, begin, end, mean_rows(), share); });
    parallel_ranges(end - begin, 1, 1.5 * static_cast<double>((end - begin) * machine_.visible()),
                    [&](std::size_t first, std::size_t last) {
                      for (std::size_t r = begin + first; r < begin + last; ++r) {
                        if (turn == 0 && chains_ == 0) errors_[r] = squared_distance(data_.row(r), mean_rows()[r]);
                        step_.draw_visible(visible_, mean_rows(), r, number, turn);
                      }
                    });
    over_columns(machine_.hidden(), end - begin,
                 [&](Share share) { step_.hidden_probabilities(visible_, begin, end, negative_rows(), share); });
    if (turn + 1 < training_.steps || chains_ > 0) draw_hidden(begin, end, negative_rows(), number, turn + 1);
  }

  double squared_distance(const T* a, const T* b) const {
    T sums[kBlock<T>] = {};  // one for each place of a block: no order of the instruction set's
    const auto add = [&](std::size_t i, std::size_t j) { sums[j] += (a[i + j] - b[i + j]) * (a[i + j] - b[i + j]); };
    const std::size_t visible = machine_.visible(), whole = visible / kBlock<T> * kBlock<T>;
    for (std::size_t i = 0; i < whole; i += kBlock<T>) {
      for (std::size_t j = 0; j < kBlock<T>; ++j) add(i, j);
    }
    for (std::size_t j = 0; whole + j < visible; ++j) add(whole, j);
    double sum = 0;
    for (const T part : sums) sum += part;
    return sum;
  }

  /// Signs and weights of what the change adds up, and the hidden biases' change.
  void finish_statistics(std::size_t rows, std::size_t negative_count) {
    const std::size_t hidden = machine_.hidden();
    if (training_.sparsity_cost > 0) {
      std::vector<T> means(hidden, T(0));
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t j = 0; j < hidden; ++j) means[j] += positive_rows()[r][j];
      }
      for (T& mean : means) {
        mean = static_cast<T>(training_.sparsity_cost) *
               (static_cast<T>(training_.sparsity_target) - mean / static_cast<T>(rows));
      }
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t j = 0; j < hidden; ++j) positive_rows()[r][j] += means[j];
      }
    }
    const T sign = -static_cast<T>(rows) / static_cast<T>(negative_count);
    for (std::size_t r = 0; r < negative_count; ++r) {
      for (std::size_t j = 0; j < hidden; ++j) negative_rows()[r][j] *= sign;
    }
    const T rate = static_cast<T>(training_.learning_rate / static_cast<double>(rows));
    std::vector<T> sums(hidden, T(0));
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t j = 0; j < hidden; ++j) sums[j] += positive_rows()[r][j];
    }
    for (std::size_t r = 0; r < negative_count; ++r) {
      for (std::size_t j = 0; j < hidden; ++j) sums[j] += negative_rows()[r][j];
    }
    for (std::size_t j = 0; j < hidden; ++j) machine_.hidden_bias()[j] += rate * sums[j];
  }

  RbmCopy<T> machine_;
  RbmTraining training_;
  std::size_t chains_;
  RbmChange<T> change_;
  Direction<T> to_hidden_, to_visible_;
  GibbsStep<T> step_;
  bool packed_ = false;       // the change of the last update left both directions ready
  bool dense_hidden_ = true;  // a new machine's are 1 half of the time
  Units<T> data_, visible_, hidden_;
  Buffer<T> positive_, negative_, means_;
  std::vector<double> errors_;
};

}  // namespace

template <typename T>
double rbm_train(const RbmParameters<T>& machine, const VisibleRows<T>& samples, View<const std::int64_t, 1> order,
                 std::size_t batch_size, const RbmTraining& training, std::uint64_t first, View<T, 2> velocity,
                 View<T, 2> chains) {
  require_machine(machine);
  require_rows(samples, machine.weights.extent(0));
  require(batch_size > 0, "batch_size must be at least 1, but is 0");
  require(training.steps > 0 && training.steps <= 10000, "k must be from 1 to 10000, but is ", training.steps);
  require(velocity.empty() || velocity.extents() == machine.weights.extents(), "velocity", "as the weights", "",
          velocity);
  require(chains.empty() || chains.extent(1) == machine.weights.extent(1), "chains",
          "(n, hidden) with hidden = ", machine.weights.extent(1), chains);
  const auto count = static_cast<std::int64_t>(samples.rows());
  for (std::size_t i = 0; i < order.size(); ++i) {
    require(order(i) >= 0 && order(i) < count, "order must be of rows from 0 to ", count - 1, ", but has ", order(i));
  }

  Trainer<T> trainer(machine, training, std::min(batch_size, order.size()), velocity, chains);
  const LongCall call(trainer.nanoseconds(order.size(), batch_size));
  double error = 0;
  for (std::size_t begin = 0; begin < order.size(); begin += batch_size) {
    const std::size_t rows = std::min(batch_size, order.size() - begin);
    error += trainer.update(samples, order.data() + begin, rows, first++);
  }
  LongCall::check();  // until here only the copy has changed
  if (!trainer.finite()) return std::numeric_limits<double>::quiet_NaN();
  trainer.write_back(machine, velocity, chains);
  return error;
}

template double rbm_train(const RbmParameters<float>&, const VisibleRows<float>&, View<const std::int64_t, 1>,
                          std::size_t, const RbmTraining&, std::uint64_t, View<float, 2>, View<float, 2>);
template double rbm_train(const RbmParameters<double>&, const VisibleRows<double>&, View<const std::int64_t, 1>,
                          std::size_t, const RbmTraining&, std::uint64_t, View<double, 2>, View<double, 2>);

}  // namespace nncore
