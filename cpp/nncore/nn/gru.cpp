#include "nncore/nn/gru.h"

#include "nncore/core/activations.h"
#include "nncore/nn/recurrent_work.h"

namespace nncore {

namespace {

// Groups: 0 the candidate's share of the input, 1 r, 2 z, 3 its share of the state; so the groups that meet x (0-2) and
// those that meet h (1-3) each lie side by side. PyTorch's gates: r, z, n.
constexpr std::array<GateGroup, 3> kInputGates{{{0, 2}, {1, 0}, {2, 1}}};
constexpr std::array<GateGroup, 3> kHiddenGates{{{1, 0}, {2, 1}, {3, 2}}};

template <typename T>
using InputTerm = GateTerm<T, 0, 3>;
template <typename T>
using HiddenTerm = GateTerm<T, 1, 3>;

template <typename T>
void pack_forward(const RecurrentWeights<T>& w, RecurrentWork<T>& work) {
  if (work.packed) return;
  const std::size_t padded = round_up<T>(w.hidden);
  work.input_panels.pack(w.weight_ih, w.input, w.hidden, kInputGates);
  work.hidden_panels.pack(w.weight_hh, w.hidden, w.hidden, kHiddenGates);
  T* bias = work.bias.reserve(4 * padded);
  const T* none = nullptr;
  pack_bias(bias, w.bias_ih, none, 2, w.hidden);
  pack_bias(bias + padded, w.bias_ih, w.bias_hh, 0, w.hidden);
  pack_bias(bias + 2 * padded, w.bias_ih, w.bias_hh, 1, w.hidden);
  pack_bias(bias + 3 * padded, w.bias_hh, none, 2, w.hidden);
}

}  // namespace

template <typename T>
void gru_forward(const RecurrentWeights<T>& w, const Packing& packing, bool reverse, Rows<const T> x, bool training,
                 RecurrentWork<T>& work) {
  const std::size_t hidden = w.hidden, padded = round_up<T>(hidden);
  const bool input_first = input_comes_first(packing);
  pack_forward(w, work);
  work.y = work.make(work.y_buffer, packing.rows, hidden);
  if (training || input_first) work.make_gates(packing.rows, 4, hidden);
  const GateBlocks<T> gates = work.gates;
  const T* bias = work.bias.data();

  if (input_first) add_input_first<4>(gates, hidden, InputTerm<T>{x, &work.input_panels}, bias);

  const double per_row = 3.0 * static_cast<double>(hidden * (w.input + hidden));
  over_steps(packing, reverse, hidden, per_row, [&](const Span& span, const Share& share) {
    const std::size_t row0 = packing.start[span.step];
    const InputTerm<T> input{input_first ? Rows<const T>{} : Rows<const T>{x[row0], x.stride}, &work.input_panels};
    const Rows<const T> before = rows_before<T>(packing, span, work.y, work.h0);
    const auto start = [&](std::size_t b, std::size_t unit) {
      return start_of_gates(input_first, gates, row0 + b, unit, bias, padded);
    };
    gate_tiles<4>(
        span.begin, span.end, hidden, input, HiddenTerm<T>{before, &work.hidden_panels}, start,
        [&](std::size_t b, std::size_t unit, Vec<T>(&sums)[4]) {
          const Vec<T> r = sigmoid_lanes(sums[1]), z = sigmoid_lanes(sums[2]);
          const Vec<T> n = tanh_lanes(fma(r, sums[3], sums[0]));
          const Vec<T> h = before ? load(before[b] + unit) : Vec<T>{};
          store(work.y[row0 + b] + unit, fma(z, h - n, n));
          if (!training) return;
          T* kept = gates.at(row0 + b, unit);
          store(kept, n);
          store(kept + kBlock<T>, r);
          store(kept + 2 * kBlock<T>, z);
          store(kept + 3 * kBlock<T>, sums[3]);
        },
        share);
  });
}

template <typename T>
void gru_backward(const RecurrentWeights<T>& w, const RecurrentGradients<T>& gradients, const Packing& packing,
                  bool reverse, Rows<const T> x, PlacedRows<const T> dy, Rows<const T> dh_n, PlacedRows<T> dx,
                  bool add_to_dx, bool state_gradient, RecurrentWork<T>& work) {
  const std::size_t hidden = w.hidden;
  const GateBlocks<T> gates = work.gates;
  std::swap(work.backward_panels.memory(), work.hidden_panels.memory());  // the next forward pass packs these again
  pack_gate_rows(work.backward_panels, w.weight_hh, hidden, hidden, kHiddenGates);
  work.dh0 = work.make(work.dh0_buffer, packing.sequences, hidden);  // carries z ⊗ dh from step to step

  // Gates become their pre-activations' gradients where they lie.
  const auto cell_backward = [&](std::size_t t, std::size_t b, std::size_t unit, Vec<T> dh) {
    const std::size_t row = packing.start[t] + b;
    T* kept = gates.at(row, unit);
    const Vec<T> one = broadcast(T(1));
    const Vec<T> n = load(kept), r = load(kept + kBlock<T>), z = load(kept + 2 * kBlock<T>);
    const Vec<T> state_share = load(kept + 3 * kBlock<T>);
    const T* before = work.before(packing, work.y, work.h0, t, b, reverse);
    const Vec<T> h = before != nullptr ? load(before + unit) : Vec<T>{};
    const Vec<T> dn = dh * (one - z) * (one - n * n);
    store(kept, dn);
    store(kept + kBlock<T>, dn * state_share * r * (one - r));
    store(kept + 2 * kBlock<T>, dh * (h - n) * z * (one - z));
    store(kept + 3 * kBlock<T>, dn * r);
    store(work.dh0[b] + unit, dh * z);
  };

  const double per_row = 3.0 * static_cast<double>(hidden * hidden);
  over_steps(packing, !reverse, hidden, per_row, [&](const Span& span, const Share& share) {
    const std::size_t row0 = packing.start[span.step];
    const bool ends = span.from == Span::kBegins;
    LeftRows<T> after{nullptr, 0, 0};
    if (!ends) after = gates.left(packing.start[span.from], 1, 3, hidden);
    multiply_tiles(
        after, span.begin, span.end, work.backward_panels,
        [&](std::size_t b, std::size_t unit) {
          const Vec<T> dh = load(dy[row0 + b] + unit);
          if (!ends) return dh + load(work.dh0[b] + unit);
          return dh_n ? dh + load(dh_n[b] + unit) : dh;
        },
        [&](std::size_t b, std::size_t unit, Vec<T> dh) { cell_backward(span.step, b, unit, dh); }, share);
  });
  if (state_gradient) {
    initial_state_gradient<T>(packing, reverse, gates.left(0, 1, 3, hidden), true, dh_n, {}, work);
  }

  add_recurrent_gradients(w, gradients, packing, reverse, x, kInputGates, kHiddenGates, work);
  if (dx.rows) {
    pack_gate_rows(work.backward_panels, w.weight_ih, hidden, w.input, kInputGates);
    gate_input_gradient(gates, 0, 3, hidden, work.backward_panels, dx, add_to_dx);
  }
  std::swap(work.backward_panels.memory(), work.hidden_panels.memory());
}

template void gru_forward(const RecurrentWeights<float>&, const Packing&, bool, Rows<const float>, bool,
                          RecurrentWork<float>&);
template void gru_forward(const RecurrentWeights<double>&, const Packing&, bool, Rows<const double>, bool,
                          RecurrentWork<double>&);
template void gru_backward(const RecurrentWeights<float>&, const RecurrentGradients<float>&, const Packing&, bool,
                           Rows<const float>, PlacedRows<const float>, Rows<const float>, PlacedRows<float>, bool, bool,
                           RecurrentWork<float>&);
template void gru_backward(const RecurrentWeights<double>&, const RecurrentGradients<double>&, const Packing&, bool,
                           Rows<const double>, PlacedRows<const double>, Rows<const double>, PlacedRows<double>, bool,
                           bool, RecurrentWork<double>&);

}  // namespace nncore
