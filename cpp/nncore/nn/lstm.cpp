#include "nncore/nn/lstm.h"

#include "nncore/core/activations.h"
#include "nncore/nn/recurrent_work.h"

namespace nncore {

namespace {

constexpr std::array<GateGroup, 4> kGates{{{0, 0}, {1, 1}, {2, 2}, {3, 3}}};  // i, f, g, o

template <typename T>
using AllGates = GateTerm<T, 0, 4>;

template <typename T>
void pack_forward(const RecurrentWeights<T>& w, RecurrentWork<T>& work) {
  if (work.packed) return;
  const std::size_t padded = round_up<T>(w.hidden);
  work.input_panels.pack(w.weight_ih, w.input, w.hidden, kGates);
  work.hidden_panels.pack(w.weight_hh, w.hidden, w.hidden, kGates);
  T* bias = work.bias.reserve(4 * padded);
  for (std::size_t g = 0; g < 4; ++g) pack_bias(bias + g * padded, w.bias_ih, w.bias_hh, g, w.hidden);
}

}  // namespace

template <typename T>
void lstm_forward(const RecurrentWeights<T>& w, const Packing& packing, bool reverse, Rows<const T> x, bool training,
                  RecurrentWork<T>& work) {
  const std::size_t hidden = w.hidden, padded = round_up<T>(hidden);
  const bool input_first = input_comes_first(packing);
  pack_forward(w, work);
  work.y = work.make(work.y_buffer, packing.rows, hidden);
  work.c = work.make(work.c_buffer, training ? packing.rows : packing.sequences, hidden);
  if (training || input_first) work.make_gates(packing.rows, 4, hidden);
  const GateBlocks<T> gates = work.gates;
  const T* bias = work.bias.data();

  if (input_first) add_input_first<4>(gates, hidden, AllGates<T>{x, &work.input_panels}, bias);

  const double per_row = 4.0 * static_cast<double>(hidden * (w.input + hidden));
  over_steps(packing, reverse, hidden, per_row, [&](const Span& span, const Share& share) {
    const std::size_t row0 = packing.start[span.step];
    const bool begins = span.from == Span::kBegins;
    const Rows<const T> c_before = training ? rows_before<T>(packing, span, work.c, work.c0)
                                            : (begins ? Rows<const T>(work.c0) : Rows<const T>(work.c));
    const AllGates<T> input{input_first ? Rows<const T>{} : Rows<const T>{x[row0], x.stride}, &work.input_panels};
    const AllGates<T> state{rows_before<T>(packing, span, work.y, work.h0), &work.hidden_panels};
    const auto start = [&](std::size_t b, std::size_t unit) {
      return start_of_gates(input_first, gates, row0 + b, unit, bias, padded);
    };
    gate_tiles<4>(
        span.begin, span.end, hidden, input, state, start,
        [&](std::size_t b, std::size_t unit, Vec<T>(&sums)[4]) {
          const Vec<T> i = sigmoid_lanes(sums[0]), f = sigmoid_lanes(sums[1]);
          const Vec<T> g = tanh_lanes(sums[2]), o = sigmoid_lanes(sums[3]);
          const Vec<T> before = c_before ? load(c_before[b] + unit) : Vec<T>{};
          const Vec<T> c = fma(f, before, i * g);
          store(work.c[training ? row0 + b : b] + unit, c);
          store(work.y[row0 + b] + unit, o * tanh_lanes(c));
          if (!training) return;
          T* kept = gates.at(row0 + b, unit);
          store(kept, i);
          store(kept + kBlock<T>, f);
          store(kept + 2 * kBlock<T>, g);
          store(kept + 3 * kBlock<T>, o);
        },
        share);
  });
}

template <typename T>
void lstm_backward(const RecurrentWeights<T>& w, const RecurrentGradients<T>& gradients, const Packing& packing,
                   bool reverse, Rows<const T> x, PlacedRows<const T> dy, Rows<const T> dh_n, Rows<const T> dc_n,
                   PlacedRows<T> dx, bool add_to_dx, bool state_gradient, RecurrentWork<T>& work) {
  const std::size_t hidden = w.hidden;
  const GateBlocks<T> gates = work.gates;
  std::swap(work.backward_panels.memory(), work.hidden_panels.memory());  // the next forward pass packs these again
  pack_gate_rows(work.backward_panels, w.weight_hh, hidden, hidden, kGates);
  work.dc0 = work.make(work.dc0_buffer, packing.sequences, hidden);  // carried from step to step, in place
  work.dh0 = work.make(work.dh0_buffer, packing.sequences, hidden);

  // Gates become their pre-activations' gradients where they lie.
  const auto cell_backward = [&](std::size_t t, std::size_t b, std::size_t unit, bool ends, Vec<T> dh) {
    const std::size_t row = packing.start[t] + b;
    T* kept = gates.at(row, unit);
    const Vec<T> one = broadcast(T(1));
    const Vec<T> i = load(kept), f = load(kept + kBlock<T>), g = load(kept + 2 * kBlock<T>),
                 o = load(kept + 3 * kBlock<T>);
    const Vec<T> tanh_c = tanh_lanes(load(work.c[row] + unit));
    const T* before = work.before(packing, work.c, work.c0, t, b, reverse);
    const Vec<T> c_before = before != nullptr ? load(before + unit) : Vec<T>{};
    Vec<T> dc = ends ? (dc_n ? load(dc_n[b] + unit) : Vec<T>{}) : load(work.dc0[b] + unit);
    dc = fma(dh * o, one - tanh_c * tanh_c, dc);
    store(kept, dc * g * i * (one - i));
    store(kept + kBlock<T>, dc * c_before * f * (one - f));
    store(kept + 2 * kBlock<T>, dc * i * (one - g * g));
    store(kept + 3 * kBlock<T>, dh * tanh_c * o * (one - o));
    store(work.dc0[b] + unit, dc * f);
  };

  // Backward, a row goes on from the step after it: the spans of the other direction.
  const double per_row = 4.0 * static_cast<double>(hidden * hidden);
  over_steps(packing, !reverse, hidden, per_row, [&](const Span& span, const Share& share) {
    const std::size_t row0 = packing.start[span.step];
    if (span.from == Span::kBegins) {
      for (std::size_t b = span.begin; b < span.end; ++b) {
        for_each_register<T>(hidden, share, [&](std::size_t unit) {
          const Vec<T> dh = load(dy[row0 + b] + unit);
          cell_backward(span.step, b, unit, true, dh_n ? dh + load(dh_n[b] + unit) : dh);
        });
      }
      return;
    }
    multiply_tiles(
        gates.left(packing.start[span.from], 0, 4, hidden), span.begin, span.end, work.backward_panels,
        [&](std::size_t b, std::size_t unit) { return load(dy[row0 + b] + unit); },
        [&](std::size_t b, std::size_t unit, Vec<T> dh) { cell_backward(span.step, b, unit, false, dh); }, share);
  });
  if (state_gradient) {
    initial_state_gradient(packing, reverse, gates.left(0, 0, 4, hidden), false, dh_n, dc_n, work);
  }

  add_recurrent_gradients(w, gradients, packing, reverse, x, kGates, kGates, work);
  if (dx.rows) {
    pack_gate_rows(work.backward_panels, w.weight_ih, hidden, w.input, kGates);
    gate_input_gradient(gates, 0, 4, hidden, work.backward_panels, dx, add_to_dx);
  }
  std::swap(work.backward_panels.memory(), work.hidden_panels.memory());
}

template void lstm_forward(const RecurrentWeights<float>&, const Packing&, bool, Rows<const float>, bool,
                           RecurrentWork<float>&);
template void lstm_forward(const RecurrentWeights<double>&, const Packing&, bool, Rows<const double>, bool,
                           RecurrentWork<double>&);
template void lstm_backward(const RecurrentWeights<float>&, const RecurrentGradients<float>&, const Packing&, bool,
                            Rows<const float>, PlacedRows<const float>, Rows<const float>, Rows<const float>,
                            PlacedRows<float>, bool, bool, RecurrentWork<float>&);
template void lstm_backward(const RecurrentWeights<double>&, const RecurrentGradients<double>&, const Packing&, bool,
                            Rows<const double>, PlacedRows<const double>, Rows<const double>, Rows<const double>,
                            PlacedRows<double>, bool, bool, RecurrentWork<double>&);

}  // namespace nncore
