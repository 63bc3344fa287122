#pragma once

#include <vector>

#include "nncore/core/threads.h"
#include "nncore/nn/gates.h"

namespace nncore {

/// What one direction of one recurrent layer keeps from its forward pass for its backward pass, and its packed weights.
template <typename T>
struct RecurrentWork {
  Rows<T> y;            ///< (rows, hidden): h after each row
  Rows<T> c;            ///< LSTM: (rows, hidden) when training, else (sequences, hidden)
  Rows<T> h0, c0;       ///< (sequences, hidden), sorted; null: zeros
  Rows<T> dh0, dc0;     ///< gradients at the beginning, (sequences, hidden)
  bool packed = false;  ///< whether the panels of the forward pass and the bias hold the weights already
  GateBlocks<T> gates;
  Rows<T> reset_h;  ///< GRU, form U(r ⊗ h): r ⊗ h of each row

  GatePanels<T> input_panels, hidden_panels, candidate_input_panels, candidate_hidden_panels;
  Panels<T> input_columns, hidden_columns;  ///< Elman: W and U for the forward pass
  Panels<T> backward_panels;                ///< U, and at the end W, for the backward pass
  Panels<T> candidate_rows;                 ///< GRU, form U(r ⊗ h): the candidate's U for the backward pass
  std::vector<Panels<T>> gradient_panels;   ///< one per thread
  std::vector<const T*> previous;           ///< per row: h before it; null: zeros
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

/// Takes the sequences step by step, in time or against it: phase(span, share) for each span, and where there are several
/// phases one after the other. Threads share out the sequences, for the whole time; where these are too few for the
/// threads and the layer is wide, the hidden units, for one phase at a time.
template <typename... Phases>
void over_steps(const Packing& packing, bool reverse, std::size_t hidden, double multiply_adds_per_row,
                const Phases&... phases) {
  constexpr std::size_t kWide = 256;
  const double nanoseconds = static_cast<double>(packing.rows) * multiply_adds_per_row / 25;
  if (packing.sequences >= static_cast<std::size_t>(num_threads()) || hidden < kWide) {
    over_sequences(packing, nanoseconds, [&](std::size_t from, std::size_t to) {
      for_each_span(packing, reverse, from, to, [&](const Span& span) { (phases(span, Share{}), ...); });
    });
    return;
  }
  // One step may be short, but threads that have just worked are awake: the whole time's work decides.
  const std::size_t most_parts = hidden / (kWide / 4);
  for_each_span(packing, reverse, 0, packing.sequences, [&](const Span& span) {
    const auto share_out = [&](const auto& phase) {
      parallel_parts(most_parts, nanoseconds,
                     [&](std::size_t part, std::size_t parts) { phase(span, Share{part, parts}); });
    };
    (share_out(phases), ...);
  });
}

/// Whether the input's share of all steps comes first, as one product with tall tiles: with few sequences the tiles of a
/// step are low. The chain of each sum goes on in the time loop.
inline bool input_comes_first(const Packing& packing) { return packing.sequences < 4 && packing.steps > 1; }

/// Leaves bias and input's share of every row in the gates' blocks. `bias`: Groups times (padded hidden units).
template <std::size_t Groups, typename T, std::size_t First, std::size_t Count>
void add_input_first(const GateBlocks<T>& gates, std::size_t hidden, const GateTerm<T, First, Count>& input,
                     const T* bias) {
  const std::size_t padded = round_up<T>(hidden);
  const double products = static_cast<double>(gates.rows) * static_cast<double>(Count * hidden * input.panels->depth());
  parallel_ranges(gates.rows, kTileRows, products / 25, [&](std::size_t begin, std::size_t end) {
    const auto start = [&](std::size_t, std::size_t unit) { return TileStart<T>{bias + unit, 0, padded}; };
    const GateTerm<T, Groups - Count, Count> none{{}, nullptr};
    if constexpr (kLanes<T> == kBlock<T>) {  // then the gates of a row lie as the sums do
      for (std::size_t unit = 0; unit < padded; unit += kLanes<T>) {
        sum_two_products<Groups>(HeldSums<T, Groups>{gates.at(begin, unit)}, end - begin, start(begin, unit),
                                 input.columns(), input.left(begin), input.panel(unit), none.columns(),
                                 none.left(begin), none.panel(unit));
      }
    } else {
      gate_tiles<Groups>(begin, end, hidden, input, none, start,
                         [&](std::size_t row, std::size_t unit, Vec<T>(&sums)[Groups]) {
                           for (std::size_t g = 0; g < Groups; ++g) store(gates.at(row, unit) + g * kBlock<T>, sums[g]);
                         });
    }
  });
}

/// Where the sums of a row start: at what add_input_first left, or at the bias.
template <typename T>
TileStart<T> start_of_gates(bool input_first, const GateBlocks<T>& gates, std::size_t row, std::size_t unit,
                            const T* bias, std::size_t padded) {
  return input_first ? TileStart<T>{gates.at(row, unit), gates.row_stride(), kBlock<T>}
                     : TileStart<T>{bias + unit, 0, padded};
}

/// Calls f(unit) for a share of the registers of hidden units.
template <typename T, typename F>
void for_each_register(std::size_t hidden, const Share& share, const F& f) {
  const std::size_t registers = round_up<T>(hidden) / kLanes<T>;
  for (std::size_t i = share.begin(registers); i < share.end(registers); ++i) f(i * kLanes<T>);
}

/// dx (rows, input) = gates · weights, or dx += it; the groups [first, first + count) of the gates, already packed in
/// `rows`.
template <typename T>
void gate_input_gradient(const GateBlocks<T>& gates, std::size_t first, std::size_t count, std::size_t hidden,
                         const Panels<T>& rows, PlacedRows<T> dx, bool add);

/// Gradient of the initial states: work.dh0 = (work.dh0 where the cell carries part of it there) + gates of each sequence's
/// first row · U; an empty sequence passes its final state's gradient on.
template <typename T>
void initial_state_gradient(const Packing& packing, bool reverse, const LeftRows<T>& gates, bool carries,
                            Rows<const T> dh_n, Rows<const T> dc_n, RecurrentWork<T>& work);

/// Gradient of the state before an empty sequence: that of the state after it.
template <typename T>
void pass_state_of_empty(const Packing& packing, Rows<const T> after, Rows<T> before);

/// Rows of a batch, or (where `table` is set) wherever it points; null in the table: a row of zeros.
template <typename T>
struct RowTable {
  Rows<const T> rows;
  const T* const* table = nullptr;
  const T* operator()(std::size_t row) const { return table != nullptr ? table[row] : rows[row]; }
};

/// weights[gate, unit, :] += sum over rows of d(row, group, unit) * x(row, :), and the same for the bias (may be null); each
/// element one chain over the rows in order. `panels`: one per thread.
template <typename T>
void add_gate_gradients(const GateBlocks<T>& d, std::size_t hidden, std::size_t columns, const GateGroup* groups,
                        std::size_t group_count, const RowTable<T>& x, T* weights, T* bias,
                        std::vector<Panels<T>>& panels);

/// work.previous: for each row the h before it.
template <typename T>
void point_to_previous(const Packing& packing, bool reverse, RecurrentWork<T>& work);

/// Adds the gradients of W, U and the biases from the gates' gradients; `input_groups` meet x, `hidden_groups` meet h.
template <typename T, std::size_t X, std::size_t H>
void add_recurrent_gradients(const RecurrentWeights<T>& w, const RecurrentGradients<T>& gradients,
                             const Packing& packing, bool reverse, Rows<const T> x,
                             const std::array<GateGroup, X>& input_groups,
                             const std::array<GateGroup, H>& hidden_groups, RecurrentWork<T>& work) {
  point_to_previous(packing, reverse, work);
  add_gate_gradients<T>(work.gates, w.hidden, w.input, input_groups.data(), X, {x, nullptr}, gradients.weight_ih,
                        gradients.bias_ih, work.gradient_panels);
  add_gate_gradients<T>(work.gates, w.hidden, w.hidden, hidden_groups.data(), H, {{}, work.previous.data()},
                        gradients.weight_hh, gradients.bias_hh, work.gradient_panels);
}

}  // namespace nncore
