#pragma once

// How an RBM's weights and visible biases move at an update. For kernels only.

#include <algorithm>
#include <vector>

#include "nncore/core/gradient_tile.h"
#include "nncore/core/threads.h"
#include "nncore/energy/rbm.h"
#include "nncore/energy/rbm_units.h"
#include "nncore/energy/rows_by_unit.h"

namespace nncore {

/// Rows of visible states, and what multiplies them in the change of the weights: hidden probabilities with their sign.
template <typename T>
struct Statistics {
  const Units<T>& visible;
  Rows<T> hidden;
  std::size_t rows;
};

template <typename T>
class RbmChange {
 public:
  /// The machine and the training stay the caller's; without a velocity there is no momentum.
  RbmChange(const RbmCopy<T>& machine, const RbmTraining& training, View<const T, 2> velocity)
      : machine_(machine), training_(training) {
    if (!velocity.empty()) RbmCopy<T>::copy(velocity, velocity_);
    data_by_unit_.resize(static_cast<std::size_t>(num_threads()));
    model_by_unit_.resize(data_by_unit_.size());
  }

  Rows<T> velocity() const { return {velocity_.data(), machine_.weights().stride}; }

  /// Moves weights and visible biases; `data` and `model` may be scaled. Returns whether both directions are ready for the
  /// next update; where not, and unless `dense_hidden` says that it will use tiles, the transposed weights are up to date.
  bool operator()(const Statistics<T>& data, const Statistics<T>& model, Direction<T>& to_hidden,
                  Direction<T>& to_visible, bool dense_hidden) {
    if (direct()) {
      change_directly(data, model, to_hidden, to_visible, dense_hidden);
    } else if (to_hidden.dense()) {
      change_by_products(data, model, dense_hidden);
    } else {
      change_by_lists(data, model, dense_hidden);
    }
    return direct();
  }

 private:
  /// Whether products may be added to the weights themselves. Gaussian units have no lists, whose bits these would miss.
  bool direct() const {
    return machine_.kind() == Visible::kGaussian && velocity_.data() == nullptr && training_.weight_decay == 0;
  }

  T rate(const Statistics<T>& data) const {
    return static_cast<T>(training_.learning_rate / static_cast<double>(data.rows));
  }

  double nanoseconds(const Statistics<T>& data, const Statistics<T>& model) const {
    return product_nanoseconds(machine_, data.rows + model.rows);
  }

  void change_visible_biases(std::size_t begin, std::size_t end, const Statistics<T>& data,
                             const Statistics<T>& model) const {
    const auto sums_of = [&](const Statistics<T>& of) {
      std::vector<T> sums(end - begin, T(0));
      for (std::size_t r = 0; r < of.rows; ++r) {
        for (std::size_t i = begin; i < end; ++i) sums[i - begin] += of.visible.row(r)[i];
      }
      return sums;
    };
    const std::vector<T> of_data = sums_of(data), of_model = sums_of(model);
    const T share = static_cast<T>(data.rows) / static_cast<T>(model.rows), by = rate(data);
    for (std::size_t i = begin; i < end; ++i) {
      machine_.visible_bias()[i] += by * (of_data[i - begin] - share * of_model[i - begin]);
    }
  }

  /// body(part, begin, end) in parallel for visible units [begin, end), multiples of kLanes or the last.
  template <typename Body>
  void over_visible(double cost, const Body& body) {
    const std::size_t visible = machine_.visible(), registers = (visible + kLanes<T> - 1) / kLanes<T>;
    FirstException failure;  // there may be no memory for sums and lists
    parallel_parts(std::min(registers, data_by_unit_.size()), cost, [&](std::size_t part, std::size_t parts) {
      const std::size_t begin = registers * part / parts * kLanes<T>;
      failure.guard([&] { body(part, begin, std::min(visible, registers * (part + 1) / parts * kLanes<T>)); });
    });
    failure.rethrow();
  }

  void change_by_lists(const Statistics<T>& data, const Statistics<T>& model, bool dense_hidden) {
    over_visible(nanoseconds(data, model) / 4, [&](std::size_t part, std::size_t begin, std::size_t end) {
      change_visible_biases(begin, end, data, model);
      RowsByUnit<T>&of_data = data_by_unit_[part], &of_model = model_by_unit_[part];
      of_data.build(data.visible, data.rows, begin, end);
      of_model.build(model.visible, model.rows, begin, end);
      move_weights(begin, end, rate(data), dense_hidden, [&](std::size_t i, std::size_t column, auto& sums) {
        of_data.add(i - begin, Rows<const T>{data.hidden.data + column, data.hidden.stride}, sums);
        of_model.add(i - begin, Rows<const T>{model.hidden.data + column, model.hidden.stride}, sums);
      });
    });
  }

  void change_by_products(const Statistics<T>& data, const Statistics<T>& model, bool dense_hidden) {
    const std::size_t visible = machine_.visible(), hidden = round_up<T>(machine_.hidden());
    gradient_.reserve(visible * hidden);
    std::fill_n(gradient_.data(), visible * hidden, T(0));
    for (const Statistics<T>* of : {&data, &model}) {
      T* const no_sums = nullptr;
      add_product_over_rows(
          Rows<const T>(of->visible.rows()), visible, [&](std::size_t r) { return of->hidden[r]; }, hidden, of->rows,
          gradient_.data(), no_sums, panels_);
    }
    over_visible(nanoseconds(data, model) / 20, [&](std::size_t, std::size_t begin, std::size_t end) {
      change_visible_biases(begin, end, data, model);
      move_weights(begin, end, rate(data), dense_hidden, [&](std::size_t i, std::size_t column, auto& sums) {
        for (auto& sum : sums) {
          sum = load(gradient_.data() + i * hidden + column);
          column += kLanes<T>;
        }
      });
    });
  }

  /// add(i, column, sums) adds the gradient of visible unit i and some registers of hidden units from `column`.
  template <typename Add>
  void move_weights(std::size_t begin, std::size_t end, T by, bool dense_hidden, const Add& add) const {
    for_register_groups<T>({0, round_up<T>(machine_.hidden())}, [&](std::size_t column, auto vecs) {
      constexpr std::size_t V = decltype(vecs)::value;
      for (std::size_t group = begin; group < end; group += kLanes<T>) {
        const std::size_t last = std::min(end, group + kLanes<T>);
        for (std::size_t i = group; i < last; ++i) {
          Vec<T> sums[V] = {};
          add(i, column, sums);
          move_columns(i, column, by, sums);
        }
        // Tiles, which the next update will use where most hidden units are on, are packed from the weights themselves.
        if (!dense_hidden) machine_.transpose_weights(group, last, column, V * kLanes<T>);
      }
    });
  }

  template <std::size_t V>
  [[gnu::always_inline]] void move_columns(std::size_t i, std::size_t column, T by, const Vec<T> (&sums)[V]) const {
    const Vec<T> rate = broadcast(by);
    const Vec<T> decay = broadcast(static_cast<T>(-training_.learning_rate * training_.weight_decay));
    const Vec<T> momentum = broadcast(static_cast<T>(training_.momentum));
    const bool moving = velocity_.data() != nullptr, decaying = training_.weight_decay > 0;
    T* w = machine_.weights()[i] + column;
    T* v = moving ? velocity()[i] + column : nullptr;
    unrolled<V>([&](auto n) {
      const Vec<T> old = load(w + n * kLanes<T>);
      Vec<T> step = rate * sums[n];
      if (decaying) step = fma(decay, old, step);
      if (moving) {
        step = fma(momentum, load(v + n * kLanes<T>), step);
        store(v + n * kLanes<T>, step);
      }
      store(w + n * kLanes<T>, old + step);
    });
  }

  /// A block of the weights at a time, which stays in L2 from product to product; the last ones leave it packed.
  void change_directly(const Statistics<T>& data, const Statistics<T>& model, Direction<T>& to_hidden,
                       Direction<T>& to_visible, bool dense_hidden) {
    const std::size_t visible = machine_.visible(), blocks = (visible + kBlock<T> - 1) / kBlock<T>;
    change_visible_biases(0, visible, data, model);
    make_pieces(data, model);
    const auto repack = [&](std::size_t begin, std::size_t end) {
      to_hidden.repack(machine_.weights(), begin, end);
      if (!dense_hidden) machine_.transpose_weights(begin, end);
      if (dense_hidden && to_visible.dense()) to_visible.repack_transposed(machine_.weights(), begin, end);
    };
    parallel_parts(blocks, 2 * nanoseconds(data, model), [&](std::size_t part, std::size_t parts) {
      const std::size_t begin = blocks * part / parts * kBlock<T>;
      const std::size_t end = std::min(visible, blocks * (part + 1) / parts * kBlock<T>);
      for (std::size_t p = 0; p < pieces_.size(); p += 2) {
        for (std::size_t first = begin; first < end; first += kBlock<T>) {
          const std::size_t last = std::min(end, first + kBlock<T>);
          pieces_[p].add(first, last, machine_.weights());
          if (p + 1 < pieces_.size()) pieces_[p + 1].add(first, last, machine_.weights());
          if (p + 2 >= pieces_.size()) repack(first, last);
        }
      }
    });
  }

  /// The rows of one chain of products; the hidden numbers, times the rate, are packed.
  struct Piece {
    Rows<const T> visible;
    const Panels<T>* hidden;

    void add(std::size_t begin, std::size_t end, Rows<T> weights) const {
      add_transposed_tiles(visible.data + begin, visible.stride, end - begin, *hidden,
                           Rows<T>{weights[begin], weights.stride});
    }
  };

  void make_pieces(const Statistics<T>& data, const Statistics<T>& model) {
    const auto number = [](std::size_t rows) { return (rows + kChain - 1) / kChain; };
    const std::size_t of_data = number(data.rows), count = of_data + number(model.rows);
    if (panels_.size() < count) panels_.resize(count);
    pieces_.resize(count);
    const T by = rate(data);
    const auto make = [&](std::size_t piece, const Statistics<T>& of, std::size_t part, std::size_t parts) {
      const std::size_t begin = of.rows * part / parts, end = of.rows * (part + 1) / parts;
      for (std::size_t r = begin; r < end; ++r) {
        for (std::size_t j = 0; j < machine_.hidden(); ++j) of.hidden[r][j] *= by;
      }
      panels_[piece].pack_rows(
          end - begin, round_up<T>(machine_.hidden()), [&](std::size_t k) { return of.hidden[begin + k]; },
          Padding::kTight);
      pieces_[piece] = {{of.visible.row(begin), of.visible.stride()}, &panels_[piece]};
    };
    FirstException failure;  // there may be no memory for the panels
    parallel_ranges(count, 1, nanoseconds(data, model) / 40, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        failure.guard([&] {
          if (i < of_data) make(i, data, i, of_data);
          if (i >= of_data) make(i, model, i - of_data, count - of_data);
        });
      }
    });
    failure.rethrow();
  }

  const RbmCopy<T>& machine_;
  const RbmTraining& training_;
  Buffer<T> velocity_, gradient_;
  std::vector<RowsByUnit<T>> data_by_unit_, model_by_unit_;
  std::vector<Panels<T>> panels_;
  std::vector<Piece> pieces_;
};

}  // namespace nncore
