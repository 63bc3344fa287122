#pragma once

#include <vector>

#include "nncore/nn/gates.h"

namespace nncore {

/// What one direction of one recurrent layer keeps from its forward pass for its backward pass, and its packed weights.
template <typename T>
struct RecurrentWork {
  Rows<T> y;         ///< (rows, hidden): h after each row
  Rows<T> c;         ///< LSTM: (rows, hidden) when training, else (sequences, hidden)
  Rows<T> h0, c0;    ///< (sequences, hidden), sorted; null: zeros
  Rows<T> dh0, dc0;  ///< gradients at the beginning, (sequences, hidden)
  GateBlocks<T> gates;
  Rows<T> reset_h;   ///< GRU, form U(r ⊗ h): r ⊗ h of each row

  GatePanels<T> input_panels, hidden_panels, candidate_input_panels, candidate_hidden_panels;
  Panels<T> input_columns, hidden_columns;           ///< Elman: W and U for the forward pass
  Panels<T> input_rows, hidden_rows, candidate_rows;  ///< W and U for the backward pass
  std::vector<Panels<T>> gradient_panels;             ///< one per thread
  std::vector<const T*> previous;                     ///< per row: h before it; null: zeros
  Buffer<T> y_buffer, c_buffer, h0_buffer, c0_buffer, dh0_buffer, dc0_buffer, gate_buffer, reset_h_buffer, bias;

  Rows<T> make(Buffer<T>& buffer, std::size_t rows, std::size_t hidden) {
    const std::size_t stride = round_up<T>(hidden);
    return {buffer.reserve(rows * stride + 1), stride};
  }
  void make_gates(std::size_t rows, std::size_t groups, std::size_t hidden) {
    gates = {gate_buffer.reserve(rows * groups * round_up<T>(hidden) + 1), rows, groups};
  }

  /// Row of h before row (t, b): the step before, or the initial state; null for a state of zeros.
  const T* before(const Packing& packing, const Rows<T>& values, const Rows<T>& initial, std::size_t t, std::size_t b,
                  bool reverse) const {
    const std::ptrdiff_t row = packing.row_before(t, b, reverse);
    if (row >= 0) return values[static_cast<std::size_t>(row)];
    return initial ? initial[b] : nullptr;
  }
};

/// A group of the padded bias: sum of the two biases for gate `gate`, each may be null.
template <typename T>
void pack_bias(T* to, const T* first, const T* second, std::size_t gate, std::size_t hidden) {
  for (std::size_t unit = 0; unit < round_up<T>(hidden); ++unit) {
    T sum = 0;
    if (unit < hidden && first != nullptr) sum += first[gate * hidden + unit];
    if (unit < hidden && second != nullptr) sum += second[gate * hidden + unit];
    to[unit] = sum;
  }
}

/// Rows of h, or of the initial state, that a span goes on from; null: zeros.
template <typename T>
Rows<const T> rows_before(const Packing& packing, const Span& span, Rows<const T> values, Rows<const T> initial) {
  if (span.from == Span::kBegins) return initial;
  return {values[packing.start[span.from]], values.stride};
}

/// Splits the sorted sequences over threads for the whole sequence: body(begin, end).
template <typename Body>
void over_sequences(const Packing& packing, double multiply_adds_per_row, const Body& body) {
  const double nanoseconds = static_cast<double>(packing.rows) * multiply_adds_per_row / 25;
  parallel_parts(packing.sequences, nanoseconds, [&](std::size_t part, std::size_t parts) {
    const std::size_t begin = even_split(packing, part, parts), end = even_split(packing, part + 1, parts);
    if (begin < end) body(begin, end);
  });
}

/// dx (rows, input) = gates · weights, or dx += it; the groups [first, first + count) of the gates, already packed in `rows`.
template <typename T>
void gate_input_gradient(const GateBlocks<T>& gates, std::size_t first, std::size_t count, std::size_t hidden,
                         const Panels<T>& rows, Rows<T> dx, bool add) {
  const double nanoseconds = static_cast<double>(gates.rows) * static_cast<double>(rows.depth() * rows.columns()) / 25;
  const LeftRows<T> left = gates.left(0, first, count, hidden);
  parallel_ranges(gates.rows, kTileRows, nanoseconds, [&](std::size_t begin, std::size_t end) {
    multiply_tiles(
        left, begin, end, rows,
        [&](std::size_t row, std::size_t column) { return add ? load(dx[row] + column) : Vec<T>{}; },
        [&](std::size_t row, std::size_t column, Vec<T> sum) { store(dx[row] + column, sum); });
  });
}

/// Gradient of the state before an empty sequence: that of the state after it.
template <typename T>
void pass_state_of_empty(const Packing& packing, std::size_t from, std::size_t to, Rows<const T> after, Rows<T> before) {
  for (std::size_t b = from; b < to; ++b) {
    if (packing.lengths[b] > 0) continue;
    for (std::size_t i = 0; i < before.stride; ++i) before[b][i] = after ? after[b][i] : T(0);
  }
}

/// Gradient of the initial state: work.dh0 = (work.dh0 where the cell carries part of it there) + gates of each sequence's
/// first row · U; an empty sequence passes its final state's gradient on.
template <typename T>
void initial_state_gradient(const Packing& packing, bool reverse, std::size_t from, std::size_t to,
                            const LeftRows<T>& gates, bool carries, Rows<const T> dh_n, Rows<const T> dc_n,
                            RecurrentWork<T>& work) {
  for_each_span(packing, reverse, from, to, [&](const Span& span) {
    if (span.from != Span::kBegins) return;
    LeftRows<T> left = gates;
    left.data += packing.start[span.step] * gates.stride;
    multiply_tiles(
        left, span.begin, span.end, work.hidden_rows,
        [&](std::size_t b, std::size_t unit) { return carries ? load(work.dh0[b] + unit) : Vec<T>{}; },
        [&](std::size_t b, std::size_t unit, Vec<T> sum) { store(work.dh0[b] + unit, sum); });
  });
  pass_state_of_empty(packing, from, to, dh_n, work.dh0);
  if (work.dc0) pass_state_of_empty(packing, from, to, dc_n, work.dc0);
}

/// work.previous: for each row the h before it.
template <typename T>
void point_to_previous(const Packing& packing, bool reverse, RecurrentWork<T>& work) {
  work.previous.resize(packing.rows);
  for (std::size_t t = 0; t < packing.steps; ++t) {
    for (std::size_t b = 0; b < packing.active[t]; ++b) {
      work.previous[packing.start[t] + b] = work.before(packing, work.y, work.h0, t, b, reverse);
    }
  }
}

/// Adds the gradients of W, U and the biases from the gates' gradients; `input_groups` meet x, `hidden_groups` meet h.
template <typename T, std::size_t X, std::size_t H>
void add_recurrent_gradients(const RecurrentWeights<T>& w, const RecurrentGradients<T>& gradients,
                             const Packing& packing, bool reverse, Rows<const T> x,
                             const std::array<GateGroup, X>& input_groups,
                             const std::array<GateGroup, H>& hidden_groups, RecurrentWork<T>& work) {
  work.gradient_panels.resize(static_cast<std::size_t>(num_threads()));
  point_to_previous(packing, reverse, work);
  add_gate_gradients(
      work.gates, w.hidden, w.input, input_groups, [&](std::size_t row) { return x[row]; }, gradients.weight_ih,
      gradients.bias_ih, work.gradient_panels);
  add_gate_gradients(
      work.gates, w.hidden, w.hidden, hidden_groups, [&](std::size_t row) { return work.previous[row]; },
      gradients.weight_hh, gradients.bias_hh, work.gradient_panels);
}

}  // namespace nncore
