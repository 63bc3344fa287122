#include <cmath>
#include <limits>
#include <vector>

#include "nncore/core/gradient_tile.h"
#include "nncore/core/threads.h"
#include "nncore/energy/rbm.h"
#include "nncore/energy/rbm_units.h"
#include "nncore/energy/rows_by_unit.h"

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
        step_(machine_, to_hidden_, to_visible_, training.seed) {
    if (!velocity.empty()) RbmCopy<T>::copy(velocity, velocity_);
    const std::size_t visible = machine_.visible(), hidden = machine_.hidden();
    const std::size_t negative = chains_ > 0 ? chains_ : batch_size;
    data_.reserve(batch_size, visible);
    visible_.reserve(negative, visible);
    hidden_.reserve(negative, hidden);
    positive_.reserve(batch_size * machine_.weights().stride);
    negative_.reserve(negative * machine_.weights().stride);
    means_.reserve(negative * machine_.transposed().stride);
    errors_.resize(batch_size);
    const auto threads = static_cast<std::size_t>(num_threads());
    data_by_unit_.resize(threads);
    visible_by_unit_.resize(threads);
    for (std::size_t r = 0; r < chains_; ++r) hidden_.take(r, chains.row(r));
  }

  /// One update with these rows of samples; returns the sum of squared errors of the first reconstruction.
  double update(const VisibleRows<T>& samples, const std::int64_t* order, std::size_t rows, std::uint64_t number,
                const std::function<void()>& between) {
    const bool gaussian = machine_.kind() == Visible::kGaussian;
    const double gathering = static_cast<double>(rows * machine_.visible());
    parallel_ranges(rows, 1, gathering, [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r) data_.take(r, samples, static_cast<std::size_t>(order[r]));
    });
    const auto dense_at = [](std::size_t count, std::size_t of) {
      return static_cast<double>(count) > kDenseUnits * static_cast<double>(of);
    };
    const bool packed = repacked_;  // by the change of the last update
    if (!packed) {
      machine_.set_to_hidden(to_hidden_, gaussian || dense_at(data_.count(0, rows), rows * machine_.visible()));
    }
    if (!packed || to_visible_.dense() != dense_hidden_) machine_.set_to_visible(to_visible_, dense_hidden_);
    const std::size_t negative_rows = chains_ > 0 ? chains_ : rows;
    in_pieces(rows, 1, between, [&](std::size_t begin, std::size_t end, std::uint32_t, std::uint32_t) {
      over_columns(machine_.hidden(), end - begin,
                   [&](Share share) { step_.hidden_probabilities(data_, begin, end, positive_rows(), share); });
      if (chains_ == 0) draw_hidden(begin, end, positive_rows(), number, 0);
    });
    in_pieces(negative_rows, static_cast<std::uint32_t>(training_.steps), between,
              [&](std::size_t begin, std::size_t end, std::uint32_t turn, std::uint32_t last) {
                for (; turn < last; ++turn) step_back_and_forth(begin, end, turn, number);
              });
    dense_hidden_ = dense_at(hidden_.count(0, negative_rows), negative_rows * machine_.hidden());
    finish_statistics(rows, negative_rows);
    change(rows, negative_rows);
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
      if (!velocity.empty()) std::copy_n(velocity_rows()[i], hidden, velocity.row(i));
    }
    std::copy_n(machine_.visible_bias(), machine_.visible(), machine.visible_bias.data());
    std::copy_n(machine_.hidden_bias(), hidden, machine.hidden_bias.data());
    for (std::size_t r = 0; r < chains_; ++r) std::copy_n(hidden_.row(r), hidden, chains.row(r));
  }

 private:
  Rows<T> positive_rows() const { return {positive_.data(), machine_.weights().stride}; }
  Rows<T> negative_rows() const { return {negative_.data(), machine_.weights().stride}; }
  Rows<T> mean_rows() const { return {means_.data(), machine_.transposed().stride}; }
  Rows<T> velocity_rows() const { return {velocity_.data(), machine_.weights().stride}; }

  /// body(begin, end, turn, last) for pieces of rows and of steps of about a tenth of a second.
  template <typename Body>
  void in_pieces(std::size_t rows, std::uint32_t steps, const std::function<void()>& between, const Body& body) const {
    constexpr double kPiece = 1e8;
    const double row_step = 2 * product_nanoseconds(machine_, 1);
    const auto some_rows = static_cast<std::size_t>(std::max(kPiece / row_step, 1.0));
    for (std::size_t first = 0; first < rows; first += some_rows) {
      const std::size_t end = std::min(rows, first + some_rows);
      const double nanoseconds = row_step * static_cast<double>(end - first);
      const auto some_steps = static_cast<std::uint32_t>(std::min(std::max(kPiece / nanoseconds, 1.0), 1e4));
      for (std::uint32_t turn = 0; turn < steps; turn += some_steps) {
        body(first, end, turn, std::min(steps, turn + some_steps));
        between();
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

  /// Weights and visible biases move.
  void change(std::size_t rows, std::size_t negative_count) {
    const std::size_t visible = machine_.visible(), units = rows + negative_count;
    const bool dense = to_hidden_.dense();
    if (direct()) return change_directly(rows, negative_count);
    if (dense) multiply_all(rows, negative_count);
    const std::size_t registers = (visible + kLanes<T> - 1) / kLanes<T>;
    const double nanoseconds = product_nanoseconds(machine_, units) / (dense ? 20 : 4);
    FirstException failure;  // there may be no memory for the lists
    parallel_parts(std::min(registers, data_by_unit_.size()), nanoseconds, [&](std::size_t part, std::size_t parts) {
      const std::size_t begin = registers * part / parts * kLanes<T>;
      const std::size_t end = std::min(visible, registers * (part + 1) / parts * kLanes<T>);
      failure.guard([&] {
        change_visible_biases(begin, end, rows, negative_count);
        if (!dense) {
          data_by_unit_[part].build(data_, rows, begin, end);
          visible_by_unit_[part].build(visible_, negative_count, begin, end);
        }
        change_weights(part, begin, end, rows);
      });
    });
    failure.rethrow();
  }

  void change_weights(std::size_t part, std::size_t begin, std::size_t end, std::size_t rows) {
    for_register_groups<T>({0, hidden_.stride()}, [&](std::size_t column, auto vecs) {
      change_columns<vecs>(part, begin, end, column, rows);
    });
  }

  /// Whether products may be added to the weights themselves. Gaussian units have no lists, whose bits these would miss.
  bool direct() const {
    return machine_.kind() == Visible::kGaussian && velocity_.data() == nullptr && training_.weight_decay == 0;
  }

  void change_directly(std::size_t rows, std::size_t negative_count) {
    change_visible_biases(0, machine_.visible(), rows, negative_count);
    const T rate = static_cast<T>(training_.learning_rate / static_cast<double>(rows));
    const auto scale = [&](Rows<T> values, std::size_t count) {
      for (std::size_t r = 0; r < count; ++r) {
        for (std::size_t j = 0; j < machine_.hidden(); ++j) values[r][j] *= rate;
      }
    };
    scale(positive_rows(), rows);
    scale(negative_rows(), negative_count);
    const std::vector<Piece> pieces = pieces_of(rows, negative_count);
    const std::size_t visible = machine_.visible(), blocks = (visible + kBlock<T> - 1) / kBlock<T>;
    const double nanoseconds = 2 * product_nanoseconds(machine_, rows + negative_count);
    parallel_parts(blocks, nanoseconds, [&](std::size_t part, std::size_t parts) {
      const std::size_t begin = blocks * part / parts * kBlock<T>;
      const std::size_t end = std::min(visible, blocks * (part + 1) / parts * kBlock<T>);
      // Two pieces at a time, while a block of the weights is in L2; the last ones leave it packed for the next update.
      for (std::size_t p = 0; p < pieces.size(); p += 2) {
        for (std::size_t first = begin; first < end; first += kBlock<T>) {
          const std::size_t last = std::min(end, first + kBlock<T>);
          pieces[p].add(first, last, machine_.weights());
          if (p + 1 < pieces.size()) pieces[p + 1].add(first, last, machine_.weights());
          if (p + 2 >= pieces.size()) repack(first, last);
        }
      }
    });
    repacked_ = true;
  }

  /// Rows of visible states, and their hidden probabilities, packed.
  struct Piece {
    Rows<const T> visible;
    const Panels<T>* hidden;

    void add(std::size_t begin, std::size_t end, Rows<T> weights) const {
      add_transposed_tiles(visible.data + begin, visible.stride, end - begin, *hidden,
                           Rows<T>{weights[begin], weights.stride});
    }
  };

  std::vector<Piece> pieces_of(std::size_t rows, std::size_t negative_count) {
    const auto number = [](std::size_t of) { return (of + kGradientRows - 1) / kGradientRows; };
    const std::size_t of_data = number(rows), count = of_data + number(negative_count);
    if (panels_.size() < count) panels_.resize(count);
    std::vector<Piece> pieces(count);
    const auto pack = [&](std::size_t piece, const Units<T>& units, Rows<T> hidden, std::size_t begin, std::size_t end) {
      panels_[piece].pack_rows(
          end - begin, hidden_.stride(), [&](std::size_t k) { return hidden[begin + k]; }, Padding::kTight);
      pieces[piece] = {{units.row(begin), units.stride()}, &panels_[piece]};
    };
    FirstException failure;  // there may be no memory for the panels
    parallel_ranges(count, 1, static_cast<double>(rows + negative_count), [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        failure.guard([&] {
          if (i < of_data) {
            pack(i, data_, positive_rows(), rows * i / of_data, rows * (i + 1) / of_data);
          } else {
            const std::size_t at = i - of_data, of = count - of_data;
            pack(i, visible_, negative_rows(), negative_count * at / of, negative_count * (at + 1) / of);
          }
        });
      }
    });
    failure.rethrow();
    return pieces;
  }

  /// Visible units [begin, end) of the weights, for the next update's products.
  void repack(std::size_t begin, std::size_t end) {
    to_hidden_.repack(machine_.weights(), begin, end);
    if (!dense_hidden_) {
      machine_.transpose_weights(begin, end);
    } else if (to_visible_.dense()) {
      to_visible_.repack_transposed(machine_.weights(), begin, end);
    }
  }

  /// gradient_ = v'h of the data, then of the model.
  void multiply_all(std::size_t rows, std::size_t negative_count) {
    gradient_.reserve(machine_.visible() * hidden_.stride());
    std::fill_n(gradient_.data(), machine_.visible() * hidden_.stride(), T(0));
    add_products_to(gradient_.data(), rows, negative_count);
  }

  void add_products_to(T* sums, std::size_t rows, std::size_t negative_count) {
    const std::size_t visible = machine_.visible(), hidden = hidden_.stride();
    T* const no_sums = nullptr;
    const Rows<const T> data = data_.rows(), model = visible_.rows();
    add_product_over_rows(
        data, visible, [&](std::size_t r) { return positive_rows()[r]; }, hidden, rows, sums, no_sums, panels_);
    add_product_over_rows(
        model, visible, [&](std::size_t r) { return negative_rows()[r]; }, hidden, negative_count, sums, no_sums,
        panels_);
  }

  void change_visible_biases(std::size_t begin, std::size_t end, std::size_t rows, std::size_t negative_count) {
    const T rate = static_cast<T>(training_.learning_rate / static_cast<double>(rows));
    const T share = static_cast<T>(rows) / static_cast<T>(negative_count);
    std::vector<T> data(end - begin, T(0)), model(end - begin, T(0));
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t i = begin; i < end; ++i) data[i - begin] += data_.row(r)[i];
    }
    for (std::size_t r = 0; r < negative_count; ++r) {
      for (std::size_t i = begin; i < end; ++i) model[i - begin] += visible_.row(r)[i];
    }
    for (std::size_t i = begin; i < end; ++i) {
      machine_.visible_bias()[i] += rate * (data[i - begin] - share * model[i - begin]);
    }
  }

  template <std::size_t V>
  void change_columns(std::size_t part, std::size_t begin, std::size_t end, std::size_t column, std::size_t rows) {
    const Vec<T> rate = broadcast(static_cast<T>(training_.learning_rate / static_cast<double>(rows)));
    const Vec<T> decay = broadcast(static_cast<T>(-training_.learning_rate * training_.weight_decay));
    const Vec<T> momentum = broadcast(static_cast<T>(training_.momentum));
    const bool moving = velocity_.data() != nullptr, decaying = training_.weight_decay > 0;
    const Rows<const T> positive{positive_.data() + column, machine_.weights().stride};
    const Rows<const T> negative{negative_.data() + column, machine_.weights().stride};
    for (std::size_t group = begin; group < end; group += kLanes<T>) {
      for (std::size_t i = group; i < std::min(end, group + kLanes<T>); ++i) {
        Vec<T> sums[V] = {};
        if (to_hidden_.dense()) {
          const T* from = gradient_.data() + i * hidden_.stride() + column;
          unrolled<V>([&](auto v) { sums[v] = load(from + v * kLanes<T>); });
        } else {
          data_by_unit_[part].add(i - begin, positive, sums);
          visible_by_unit_[part].add(i - begin, negative, sums);
        }
        T* w = machine_.weights()[i] + column;
        T* velocity = moving ? velocity_rows()[i] + column : nullptr;
        unrolled<V>([&](auto v) {
          const Vec<T> old = load(w + v * kLanes<T>);
          Vec<T> by = rate * sums[v];
          if (decaying) by = fma(decay, old, by);
          if (moving) {
            by = fma(momentum, load(velocity + v * kLanes<T>), by);
            store(velocity + v * kLanes<T>, by);
          }
          store(w + v * kLanes<T>, old + by);
        });
      }
      // Tiles, which the next update will use where most hidden units are on, are packed from the weights themselves.
      if (!dense_hidden_) {
        machine_.transpose_weights(group, std::min(end, group + kLanes<T>), column, V * kLanes<T>);
      }
    }
  }

  RbmCopy<T> machine_;
  RbmTraining training_;
  std::size_t chains_;
  Direction<T> to_hidden_, to_visible_;
  GibbsStep<T> step_;
  bool repacked_ = false;
  bool dense_hidden_ = true;  // a new machine's are 1 half of the time
  Units<T> data_, visible_, hidden_;
  Buffer<T> positive_, negative_, means_, velocity_, gradient_;
  std::vector<double> errors_;
  std::vector<RowsByUnit<T>> data_by_unit_, visible_by_unit_;
  std::vector<Panels<T>> panels_;
};

}  // namespace

template <typename T>
double rbm_train(const RbmParameters<T>& machine, const VisibleRows<T>& samples, View<const std::int64_t, 1> order,
                 std::size_t batch_size, const RbmTraining& training, std::uint64_t first, View<T, 2> velocity,
                 View<T, 2> chains, const std::function<void()>& between) {
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
  double error = 0;
  for (std::size_t begin = 0; begin < order.size(); begin += batch_size) {
    const std::size_t rows = std::min(batch_size, order.size() - begin);
    error += trainer.update(samples, order.data() + begin, rows, first++, between);
  }
  if (!trainer.finite()) return std::numeric_limits<double>::quiet_NaN();
  trainer.write_back(machine, velocity, chains);
  return error;
}

template double rbm_train(const RbmParameters<float>&, const VisibleRows<float>&, View<const std::int64_t, 1>,
                          std::size_t, const RbmTraining&, std::uint64_t, View<float, 2>, View<float, 2>,
                          const std::function<void()>&);
template double rbm_train(const RbmParameters<double>&, const VisibleRows<double>&, View<const std::int64_t, 1>,
                          std::size_t, const RbmTraining&, std::uint64_t, View<double, 2>, View<double, 2>,
                          const std::function<void()>&);

}  // namespace nncore
