#include <cmath>

#include "nncore/nn/elman.h"
#include "nncore/nn/gru.h"
#include "nncore/nn/layer.h"
#include "nncore/nn/lstm.h"
#include "nncore/nn/recurrent_work.h"

namespace nncore {

namespace {

/// A plane is one direction of one of the stacked layers.
template <typename T>
struct RecurrentLayerWork : LayerWork<T> {
  explicit RecurrentLayerWork(std::size_t planes, std::size_t layers) : planes(planes), joined(layers) {
    joined_buffers.resize(layers);
    dx_buffers.resize(layers);
  }
  std::vector<RecurrentWork<T>> planes;
  std::vector<Rows<T>> joined;  ///< per stacked layer: its output
  std::vector<Buffer<T>> joined_buffers, dx_buffers;
  Buffer<T> dy_buffer, dh_n_buffer, dc_n_buffer;
};

/// Where a plane's parameters stand; a bias that is not there has the place kNone.
struct PlaneOffsets {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t weight_ih, weight_hh, bias_ih = kNone, bias_hh = kNone;
};

/// state(plane, :, :) in sorted order and padded; nothing (zeros) when the caller gave no state.
template <typename T>
Rows<T> gather_state(const std::vector<View<const T, 3>>& states, std::size_t index, std::size_t plane,
                     const Packing& packing, RecurrentWork<T>& work, Buffer<T>& buffer) {
  if (states.empty()) return {};
  const View<const T, 3>& state = states[index];
  const std::size_t hidden = state.extent(2);
  const Rows<T> rows = work.make(buffer, packing.sequences, hidden);
  for (std::size_t b = 0; b < packing.sequences; ++b) {
    const T* from = &state(plane, packing.order[b], 0);
    std::copy_n(from, hidden, rows[b]);
    std::fill(rows[b] + hidden, rows[b] + rows.stride, T(0));
  }
  return rows;
}

/// Writes row(b) of each sorted sequence (null: zeros) to state(plane, :, :).
template <typename T, typename RowOf>
void scatter_state(const std::vector<View<T, 3>>& states, std::size_t index, std::size_t plane, const Packing& packing,
                   const RowOf& row) {
  if (states.empty()) return;
  const View<T, 3>& state = states[index];
  const std::size_t hidden = state.extent(2);
  for (std::size_t b = 0; b < packing.sequences; ++b) {
    T* to = &state(plane, packing.order[b], 0);
    const T* from = row(b);
    if (from != nullptr) {
      std::copy_n(from, hidden, to);
    } else {
      std::fill_n(to, hidden, T(0));
    }
  }
}

/// Layers of one cell, stacked, in one or both directions.
template <typename T>
class RecurrentLayer final : public Layer<T> {
 public:
  RecurrentLayer(const LayerSpec& spec, const std::string& prefix, Layout<T>& parameters, std::size_t first_state)
      : spec_(spec), directions_(spec.bidirectional ? 2 : 1), first_state_(first_state) {
    const std::size_t hidden = spec.output, gates = gate_count();
    const double bound = 1 / std::sqrt(static_cast<double>(hidden));
    for (std::size_t plane = 0; plane < spec.num_layers * directions_; ++plane) {
      const std::size_t stacked = plane / directions_;
      const std::string suffix = "_l" + std::to_string(stacked) + (plane % directions_ == 1 ? "_reverse" : "");
      const auto add = [&](const std::string& name, std::vector<std::size_t> shape) {
        return parameters.add(prefix + name + suffix, std::move(shape), ParameterInfo::Start::kUniform, bound);
      };
      PlaneOffsets offsets{};
      offsets.weight_ih = add("weight_ih", {gates * hidden, input_of(stacked)});
      offsets.weight_hh = add("weight_hh", {gates * hidden, hidden});
      offsets.bias_ih = offsets.bias_hh = PlaneOffsets::kNone;
      if (spec.bias && reset_before()) {
        offsets.bias_ih = add("bias", {gates * hidden});
      } else if (spec.bias) {
        offsets.bias_ih = add("bias_ih", {gates * hidden});
        offsets.bias_hh = add("bias_hh", {gates * hidden});
      }
      offsets_.push_back(offsets);
    }
  }

  std::unique_ptr<LayerWork<T>> make_work() const override {
    return std::make_unique<RecurrentLayerWork<T>>(offsets_.size(), spec_.num_layers);
  }

  Signal<T> forward(const Pass<T>& pass, const Signal<const T>& x, LayerWork<T>& base) const override {
    auto& work = static_cast<RecurrentLayerWork<T>&>(base);
    const Packing& packing = pass.packing;
    Rows<const T> input = x.values;
    for (std::size_t stacked = 0; stacked < spec_.num_layers; ++stacked) {
      for (std::size_t direction = 0; direction < directions_; ++direction) {
        const std::size_t plane = stacked * directions_ + direction;
        RecurrentWork<T>& w = work.planes[plane];
        w.packed = pass.packed;
        w.h0 = gather_state(pass.state_in, first_state_, plane, packing, w, w.h0_buffer);
        if (is_lstm()) w.c0 = gather_state(pass.state_in, first_state_ + 1, plane, packing, w, w.c0_buffer);
        plane_forward(weights(pass, plane), packing, direction == 1, input, pass.training, w);
        give_state(pass, plane, direction == 1, w);
      }
      input = work.joined[stacked] = join(work, stacked, packing.rows);
    }
    return {work.joined.back(), x.rows, spec_.output * directions_};
  }

  bool reads_placed_gradient() const override { return directions_ == 1 && spec_.output % kBlock<T> == 0; }
  bool writes_placed_gradient() const override { return spec_.input % kBlock<T> == 0; }

  Rows<T> backward(const Pass<T>& pass, const Signal<const T>& x, Rows<T> dy, bool input_gradient,
                   LayerWork<T>& base) const override {
    auto& work = static_cast<RecurrentLayerWork<T>&>(base);
    const Packing& packing = pass.packing;
    for (std::size_t stacked = spec_.num_layers; stacked-- > 0;) {
      const bool lowest = stacked == 0;
      const Rows<const T> input = lowest ? x.values : Rows<const T>(work.joined[stacked - 1]);
      Rows<T> dx{};
      const bool placed = lowest && pass.dx.rows;
      if (!placed && (!lowest || input_gradient)) {
        // dx comes when dy and y are no longer needed: in their place, where it fits and no second direction reads them.
        const Rows<T> place = dy ? dy : work.planes[stacked * directions_].y;
        const std::size_t stride = round_up<T>(input_of(stacked));
        const bool in_place = directions_ == 1 && stride <= place.stride;
        dx = in_place ? Rows<T>{place.data, stride}
                      : work.make(work.dx_buffers[stacked], packing.rows, input_of(stacked));
      }
      for (std::size_t direction = 0; direction < directions_; ++direction) {
        const std::size_t plane = stacked * directions_ + direction;
        RecurrentWork<T>& w = work.planes[plane];
        const Rows<T> dh_n = gather_state(pass.dstate_in, first_state_, plane, packing, w, work.dh_n_buffer);
        const Rows<T> dc_n =
            is_lstm() ? gather_state(pass.dstate_in, first_state_ + 1, plane, packing, w, work.dc_n_buffer) : Rows<T>{};
        const PlacedRows<const T> given =
            dy ? PlacedRows<const T>{share_of(dy, direction, packing.rows, work)} : pass.dy;
        plane_backward(pass, plane, input, given, dh_n, dc_n, placed ? pass.dx : PlacedRows<T>{dx}, direction == 1, w);
        scatter_state(pass.dstate_out, first_state_, plane, packing, [&](std::size_t b) { return w.dh0[b]; });
        if (is_lstm()) {
          scatter_state(pass.dstate_out, first_state_ + 1, plane, packing, [&](std::size_t b) { return w.dc0[b]; });
        }
      }
      dy = dx;
    }
    return dy;
  }

  std::vector<TraceName> trace_names(std::size_t layer) const override {
    std::vector<TraceName> names;
    for (std::size_t plane = 0; plane < offsets_.size(); ++plane) {
      const std::string suffix = plane % directions_ == 1 ? "_reverse" : "";
      for (const Traced& traced : traced_arrays()) names.push_back({layer, plane / directions_, traced.name + suffix});
    }
    return names;
  }

  void copy_trace(const Pass<T>& pass, const LayerWork<T>& base, std::size_t index, View<T, 3> out) const override {
    const auto& work = static_cast<const RecurrentLayerWork<T>&>(base);
    const std::vector<Traced> all = traced_arrays();
    const RecurrentWork<T>& w = work.planes[index / all.size()];
    const Traced& traced = all[index % all.size()];
    const std::size_t hidden = spec_.output;
    std::fill_n(out.data(), out.size(), T(0));
    for (std::size_t row = 0; row < pass.packing.rows; ++row) {
      T* to = out.data() + static_cast<std::size_t>(pass.packing.padded_row[row]) * hidden;
      for (std::size_t unit = 0; unit < hidden; ++unit) {
        to[unit] = traced.group == kState  ? w.y[row][unit]
                   : traced.group == kCell ? w.c[row][unit]
                                           : w.gates.at(row, unit)[static_cast<std::size_t>(traced.group) * kBlock<T>];
      }
    }
  }

 private:
  struct Traced {
    std::string name;
    int group;  ///< of the gate blocks, or one of these
  };
  static constexpr int kState = -1, kCell = -2;

  bool is_lstm() const { return spec_.kind == LayerKind::kLstm; }
  bool reset_before() const { return spec_.kind == LayerKind::kGru && !spec_.reset_after; }
  std::size_t gate_count() const { return is_lstm() ? 4 : spec_.kind == LayerKind::kGru ? 3 : 1; }
  std::size_t input_of(std::size_t stacked) const { return stacked == 0 ? spec_.input : spec_.output * directions_; }

  std::vector<Traced> traced_arrays() const {
    if (is_lstm()) {
      return {{"input_gate", 0},  {"forget_gate", 1}, {"candidate", 2},
              {"output_gate", 3}, {"cell", kCell},    {"state", kState}};
    }
    if (reset_before()) return {{"reset_gate", 0}, {"update_gate", 1}, {"candidate", 2}, {"state", kState}};
    if (spec_.kind == LayerKind::kGru) {
      return {{"reset_gate", 1}, {"update_gate", 2}, {"candidate", 0}, {"state", kState}};
    }
    return {{"state", kState}};
  }

  RecurrentWeights<T> weights(const Pass<T>& pass, std::size_t plane) const {
    const PlaneOffsets& at = offsets_[plane];
    const auto place = [&](std::size_t offset) {
      return offset == PlaneOffsets::kNone ? nullptr : pass.parameters + offset;
    };
    return {input_of(plane / directions_), spec_.output,      place(at.weight_ih),
            place(at.weight_hh),           place(at.bias_ih), place(at.bias_hh)};
  }

  RecurrentGradients<T> gradients(const Pass<T>& pass, std::size_t plane) const {
    const PlaneOffsets& at = offsets_[plane];
    const auto place = [&](std::size_t offset) {
      return offset == PlaneOffsets::kNone ? nullptr : pass.gradients + offset;
    };
    return {place(at.weight_ih), place(at.weight_hh), place(at.bias_ih), place(at.bias_hh)};
  }

  void plane_forward(const RecurrentWeights<T>& weights, const Packing& packing, bool reverse, Rows<const T> x,
                     bool training, RecurrentWork<T>& work) const {
    if (is_lstm()) return lstm_forward(weights, packing, reverse, x, training, work);
    if (reset_before()) return gru_reset_before_forward(weights, packing, reverse, x, work);
    if (spec_.kind == LayerKind::kGru) return gru_forward(weights, packing, reverse, x, training, work);
    elman_forward(weights, spec_.relu, packing, reverse, x, work);
  }

  void plane_backward(const Pass<T>& pass, std::size_t plane, Rows<const T> x, PlacedRows<const T> dy,
                      Rows<const T> dh_n, Rows<const T> dc_n, PlacedRows<T> dx, bool reverse,
                      RecurrentWork<T>& work) const {
    const RecurrentWeights<T> w = weights(pass, plane);
    const RecurrentGradients<T> g = gradients(pass, plane);
    const bool state = !pass.dstate_out.empty();
    const bool add = reverse;  // the second direction adds to the first one's dx
    if (is_lstm()) return lstm_backward(w, g, pass.packing, reverse, x, dy, dh_n, dc_n, dx, add, state, work);
    if (reset_before())
      return gru_reset_before_backward(w, g, pass.packing, reverse, x, dy, dh_n, dx, add, state, work);
    if (spec_.kind == LayerKind::kGru)
      return gru_backward(w, g, pass.packing, reverse, x, dy, dh_n, dx, add, state, work);
    elman_backward(w, spec_.relu, g, pass.packing, reverse, x, dy, dh_n, dx, add, state, work);
  }

  /// The final state of a plane, for the caller.
  void give_state(const Pass<T>& pass, std::size_t plane, bool reverse, const RecurrentWork<T>& w) const {
    const Packing& packing = pass.packing;
    const auto last = [&](const Rows<T>& values, const Rows<T>& initial, bool by_sequence) {
      return [&, by_sequence](std::size_t b) -> const T* {
        const std::ptrdiff_t row = packing.last_row(b, reverse);
        if (row < 0) return initial ? initial[b] : nullptr;
        return values[by_sequence ? b : static_cast<std::size_t>(row)];
      };
    };
    scatter_state(pass.state_out, first_state_, plane, packing, last(w.y, w.h0, false));
    if (is_lstm()) scatter_state(pass.state_out, first_state_ + 1, plane, packing, last(w.c, w.c0, !pass.training));
  }

  /// Both directions side by side.
  Rows<T> join(RecurrentLayerWork<T>& work, std::size_t stacked, std::size_t rows) const {
    if (directions_ == 1) return work.planes[stacked].y;
    const std::size_t hidden = spec_.output;
    const Rows<T> joined = work.make(work.joined_buffers[stacked], rows, 2 * hidden);
    const Rows<T> forward = work.planes[2 * stacked].y, reverse = work.planes[2 * stacked + 1].y;
    for (std::size_t row = 0; row < rows; ++row) {
      std::copy_n(forward[row], hidden, joined[row]);
      std::copy_n(reverse[row], hidden, joined[row] + hidden);
      std::fill(joined[row] + 2 * hidden, joined[row] + joined.stride, T(0));
    }
    return joined;
  }

  /// One direction's share of dy, with padding of its own.
  Rows<T> share_of(Rows<T> dy, std::size_t direction, std::size_t rows, RecurrentLayerWork<T>& work) const {
    if (directions_ == 1) return dy;
    const std::size_t hidden = spec_.output;
    const Rows<T> share = work.make(work.dy_buffer, rows, hidden);
    for (std::size_t row = 0; row < rows; ++row) {
      std::copy_n(dy[row] + direction * hidden, hidden, share[row]);
      std::fill(share[row] + hidden, share[row] + share.stride, T(0));
    }
    return share;
  }

  LayerSpec spec_;
  std::size_t directions_;
  std::size_t first_state_;
  std::vector<PlaneOffsets> offsets_;
};

}  // namespace

template <typename T>
std::unique_ptr<Layer<T>> make_recurrent(const LayerSpec& spec, const std::string& prefix, Layout<T>& parameters,
                                         std::size_t first_state) {
  return std::make_unique<RecurrentLayer<T>>(spec, prefix, parameters, first_state);
}

template std::unique_ptr<Layer<float>> make_recurrent(const LayerSpec&, const std::string&, Layout<float>&,
                                                      std::size_t);
template std::unique_ptr<Layer<double>> make_recurrent(const LayerSpec&, const std::string&, Layout<double>&,
                                                       std::size_t);

}  // namespace nncore
