#include "nncore/nn/elman.h"

#include "nncore/core/activations.h"
#include "nncore/nn/recurrent_work.h"

namespace nncore {

namespace {

constexpr std::array<GateGroup, 1> kOneGate{{{0, 0}}};

template <typename T>
void pack_forward(const RecurrentWeights<T>& w, RecurrentWork<T>& work) {
  if (work.packed) return;
  T* bias = work.bias.reserve(round_up<T>(w.hidden));
  pack_bias(bias, w.bias_ih, w.bias_hh, 0, w.hidden);
  work.input_columns.pack_columns(w.input, w.hidden, [&](std::size_t unit) { return w.weight_ih + unit * w.input; });
  work.hidden_columns.pack_columns(w.hidden, w.hidden, [&](std::size_t unit) { return w.weight_hh + unit * w.hidden; });
}

template <typename T>
Vec<T> squash(bool relu, Vec<T> x) {
  const Vec<T> zero{};
  return relu ? (x < zero ? zero : x) : tanh_lanes(x);  // NaN stays NaN
}

/// φ'(x) from y = φ(x).
template <typename T>
Vec<T> slope(bool relu, Vec<T> y) {
  const Vec<T> zero{}, one = broadcast(T(1));
  return relu ? (y > zero ? one : zero) : one - y * y;
}

}  // namespace

template <typename T>
void elman_forward(const RecurrentWeights<T>& w, bool relu, const Packing& packing, bool reverse, Rows<const T> x,
                   RecurrentWork<T>& work) {
  const std::size_t hidden = w.hidden;
  work.y = work.make(work.y_buffer, packing.rows, hidden);
  pack_forward(w, work);
  const T* bias = work.bias.data();

  // The input's share of all steps first, into y; the chain of each element goes on in the time loop.
  const double nanoseconds = static_cast<double>(packing.rows * hidden * w.input) / 25;
  parallel_ranges(packing.rows, kTileRows, nanoseconds, [&](std::size_t begin, std::size_t end) {
    multiply_tiles(LeftRows<T>{x.data, x.stride, w.input}, begin, end, work.input_columns, StartAt<T>{bias},
                   StoreTo<T>{work.y});
  });
  const double per_row = static_cast<double>(hidden * hidden);
  over_steps(packing, reverse, hidden, per_row, [&](const Span& span, const Share& share) {
    const Rows<T> y{work.y[packing.start[span.step]], work.y.stride};
    const Rows<const T> before = rows_before<T>(packing, span, work.y, work.h0);
    multiply_tiles(
        LeftRows<T>{before.data, before.stride, before ? hidden : 0}, span.begin, span.end, work.hidden_columns,
        [&](std::size_t b, std::size_t unit) { return load(y[b] + unit); },
        [&](std::size_t b, std::size_t unit, Vec<T> sum) { store(y[b] + unit, squash<T>(relu, sum)); }, share);
  });
}

template <typename T>
void elman_backward(const RecurrentWeights<T>& w, bool relu, const RecurrentGradients<T>& gradients,
                    const Packing& packing, bool reverse, Rows<const T> x, PlacedRows<const T> dy, Rows<const T> dh_n,
                    PlacedRows<T> dx, bool add_to_dx, bool state_gradient, RecurrentWork<T>& work) {
  const std::size_t hidden = w.hidden;
  work.make_gates(packing.rows, 1, hidden);
  const GateBlocks<T> gates = work.gates;
  pack_gate_rows(work.backward_panels, w.weight_hh, hidden, hidden, kOneGate);
  work.dh0 = work.make(work.dh0_buffer, packing.sequences, hidden);

  const double per_row = static_cast<double>(hidden * hidden);
  over_steps(packing, !reverse, hidden, per_row, [&](const Span& span, const Share& share) {
    const std::size_t row0 = packing.start[span.step];
    const bool ends = span.from == Span::kBegins;
    LeftRows<T> after{nullptr, 0, 0};
    if (!ends) after = gates.left(packing.start[span.from], 0, 1, hidden);
    multiply_tiles(
        after, span.begin, span.end, work.backward_panels,
        [&](std::size_t b, std::size_t unit) {
          const Vec<T> dh = load(dy[row0 + b] + unit);
          return ends && dh_n ? dh + load(dh_n[b] + unit) : dh;
        },
        [&](std::size_t b, std::size_t unit, Vec<T> dh) {
          store(gates.at(row0 + b, unit), dh * slope<T>(relu, load(work.y[row0 + b] + unit)));
        },
        share);
  });
  if (state_gradient) {
    initial_state_gradient<T>(packing, reverse, gates.left(0, 0, 1, hidden), false, dh_n, {}, work);
  }

  add_recurrent_gradients(w, gradients, packing, reverse, x, kOneGate, kOneGate, work);
  if (dx.rows) {
    pack_gate_rows(work.backward_panels, w.weight_ih, hidden, w.input, kOneGate);
    gate_input_gradient(gates, 0, 1, hidden, work.backward_panels, dx, add_to_dx);
  }
}

template void elman_forward(const RecurrentWeights<float>&, bool, const Packing&, bool, Rows<const float>,
                            RecurrentWork<float>&);
template void elman_forward(const RecurrentWeights<double>&, bool, const Packing&, bool, Rows<const double>,
                            RecurrentWork<double>&);
template void elman_backward(const RecurrentWeights<float>&, bool, const RecurrentGradients<float>&, const Packing&,
                             bool, Rows<const float>, PlacedRows<const float>, Rows<const float>, PlacedRows<float>,
                             bool, bool, RecurrentWork<float>&);
template void elman_backward(const RecurrentWeights<double>&, bool, const RecurrentGradients<double>&, const Packing&,
                             bool, Rows<const double>, PlacedRows<const double>, Rows<const double>, PlacedRows<double>,
                             bool, bool, RecurrentWork<double>&);

}  // namespace nncore
