#include "nncore/core/activations.h"
#include "nncore/nn/gru.h"
#include "nncore/nn/recurrent_work.h"

namespace nncore {

namespace {

constexpr std::array<GateGroup, 3> kAll{{{0, 0}, {1, 1}, {2, 2}}};  // r, z, n
constexpr std::array<GateGroup, 2> kResetUpdate{{{0, 0}, {1, 1}}};
constexpr std::array<GateGroup, 1> kCandidate{{{2, 2}}};

template <typename T>
void pack_forward(const RecurrentWeights<T>& w, RecurrentWork<T>& work) {
  if (work.packed) return;
  const std::size_t padded = round_up<T>(w.hidden);
  work.input_panels.pack(w.weight_ih, w.input, w.hidden, kResetUpdate);
  work.hidden_panels.pack(w.weight_hh, w.hidden, w.hidden, kResetUpdate);
  work.candidate_input_panels.pack(w.weight_ih, w.input, w.hidden, kCandidate);
  work.candidate_hidden_panels.pack(w.weight_hh, w.hidden, w.hidden, kCandidate);
  T* bias = work.bias.reserve(3 * padded);
  const T* none = nullptr;
  for (std::size_t g = 0; g < 3; ++g) pack_bias(bias + g * padded, w.bias_ih, none, g, w.hidden);
}

}  // namespace

template <typename T>
void gru_reset_before_forward(const RecurrentWeights<T>& w, const Packing& packing, bool reverse, Rows<const T> x,
                              RecurrentWork<T>& work) {
  const std::size_t hidden = w.hidden, padded = round_up<T>(hidden);
  pack_forward(w, work);
  work.y = work.make(work.y_buffer, packing.rows, hidden);
  work.reset_h = work.make(work.reset_h_buffer, packing.rows, hidden);
  work.make_gates(packing.rows, 3, hidden);
  const GateBlocks<T> gates = work.gates;
  const T* bias = work.bias.data();

  const auto rows_of = [&](const Rows<T>& values, const Span& span) {
    return Rows<T>{values[packing.start[span.step]], values.stride};
  };
  const auto input_of = [&](const Span& span) { return Rows<const T>{x[packing.start[span.step]], x.stride}; };
  const auto before_of = [&](const Span& span) { return rows_before<T>(packing, span, work.y, work.h0); };

  const auto reset_and_update = [&](const Span& span, const Share& share) {
    const std::size_t row0 = packing.start[span.step];
    const Rows<const T> before = before_of(span);
    const Rows<T> reset_h = rows_of(work.reset_h, span);
    gate_tiles<2>(
        span.begin, span.end, hidden, GateTerm<T, 0, 2>{input_of(span), &work.input_panels},
        GateTerm<T, 0, 2>{before, &work.hidden_panels},
        [&](std::size_t, std::size_t unit) { return TileStart<T>{bias + unit, 0, padded}; },
        [&](std::size_t b, std::size_t unit, Vec<T>(&sums)[2]) {
          const Vec<T> r = sigmoid_lanes(sums[0]);
          T* kept = gates.at(row0 + b, unit);
          store(kept, r);
          store(kept + kBlock<T>, sigmoid_lanes(sums[1]));
          store(reset_h[b] + unit, before ? r * load(before[b] + unit) : Vec<T>{});
        },
        share);
  };
  const auto candidate = [&](const Span& span, const Share& share) {
    const std::size_t row0 = packing.start[span.step];
    const Rows<const T> before = before_of(span);
    const Rows<const T> reset = before ? Rows<const T>(rows_of(work.reset_h, span)) : Rows<const T>{};
    gate_tiles<1>(
        span.begin, span.end, hidden, GateTerm<T, 0, 1>{input_of(span), &work.candidate_input_panels},
        GateTerm<T, 0, 1>{reset, &work.candidate_hidden_panels},
        [&](std::size_t, std::size_t unit) { return TileStart<T>{bias + 2 * padded + unit, 0, 0}; },
        [&](std::size_t b, std::size_t unit, Vec<T>(&sums)[1]) {
          T* kept = gates.at(row0 + b, unit);
          const Vec<T> n = tanh_lanes(sums[0]), z = load(kept + kBlock<T>);
          const Vec<T> h = before ? load(before[b] + unit) : Vec<T>{};
          store(kept + 2 * kBlock<T>, n);
          store(work.y[row0 + b] + unit, fma(z, n - h, h));
        },
        share);
  };
  over_steps(packing, reverse, hidden, 3.0 * static_cast<double>(hidden * (w.input + hidden)), reset_and_update,
             candidate);
}

template <typename T>
void gru_reset_before_backward(const RecurrentWeights<T>& w, const RecurrentGradients<T>& gradients,
                               const Packing& packing, bool reverse, Rows<const T> x, PlacedRows<const T> dy,
                               Rows<const T> dh_n, PlacedRows<T> dx, bool add_to_dx, bool state_gradient,
                               RecurrentWork<T>& work) {
  const std::size_t hidden = w.hidden;
  const GateBlocks<T> gates = work.gates;
  std::swap(work.backward_panels.memory(), work.hidden_panels.memory());  // the next forward pass packs these again
  pack_gate_rows(work.backward_panels, w.weight_hh, hidden, hidden, kResetUpdate);
  pack_gate_rows(work.candidate_rows, w.weight_hh, hidden, hidden, kCandidate);
  work.dh0 = work.make(work.dh0_buffer, packing.sequences, hidden);  // dh, carried from step to step
  const Rows<T> carry = work.dh0;

  const auto state_before = [&](std::size_t t, std::size_t b, std::size_t unit) {
    const T* before = work.before(packing, work.y, work.h0, t, b, reverse);
    return before != nullptr ? load(before + unit) : Vec<T>{};
  };
  const Vec<T> one = broadcast(T(1));
  const auto through_the_mixture = [&](const Span& span, const Share& share) {
    const std::size_t t = span.step, row0 = packing.start[t];
    const bool ends = span.from == Span::kBegins;
    for (std::size_t b = span.begin; b < span.end; ++b) {
      for_each_register<T>(hidden, share, [&](std::size_t unit) {
        T* kept = gates.at(row0 + b, unit);
        const Vec<T> z = load(kept + kBlock<T>), n = load(kept + 2 * kBlock<T>);
        Vec<T> dh = load(dy[row0 + b] + unit);
        if (!ends) dh += load(carry[b] + unit);
        if (ends && dh_n) dh += load(dh_n[b] + unit);
        store(kept + kBlock<T>, dh * (n - state_before(t, b, unit)) * z * (one - z));
        store(kept + 2 * kBlock<T>, dh * z * (one - n * n));
        store(carry[b] + unit, dh * (one - z));
      });
    }
  };
  const auto through_the_candidate = [&](const Span& span, const Share& share) {
    const std::size_t t = span.step, row0 = packing.start[t];
    multiply_tiles(
        gates.left(row0, 2, 1, hidden), span.begin, span.end, work.candidate_rows,
        [](std::size_t, std::size_t) { return Vec<T>{}; },
        [&](std::size_t b, std::size_t unit, Vec<T> d) {
          T* kept = gates.at(row0 + b, unit);
          const Vec<T> r = load(kept);
          store(kept, d * state_before(t, b, unit) * r * (one - r));
          store(carry[b] + unit, fma(d, r, load(carry[b] + unit)));
        },
        share);
  };
  const auto through_the_gates = [&](const Span& span, const Share& share) {
    multiply_tiles(gates.left(packing.start[span.step], 0, 2, hidden), span.begin, span.end, work.backward_panels,
                   StartAt<T>{carry.data, carry.stride}, StoreTo<T>{carry}, share);
  };
  over_steps(packing, !reverse, hidden, 3.0 * static_cast<double>(hidden * hidden), through_the_mixture,
             through_the_candidate, through_the_gates);
  if (state_gradient) pass_state_of_empty<T>(packing, dh_n, carry);

  RecurrentGradients<T> reset_update = gradients;
  reset_update.bias_hh = nullptr;
  add_recurrent_gradients(w, reset_update, packing, reverse, x, kAll, kResetUpdate, work);
  add_gate_gradients<T>(gates, hidden, hidden, kCandidate.data(), 1, {work.reset_h, nullptr}, gradients.weight_hh,
                        nullptr, work.gradient_panels);
  if (dx.rows) {
    pack_gate_rows(work.backward_panels, w.weight_ih, hidden, w.input, kAll);
    gate_input_gradient(gates, 0, 3, hidden, work.backward_panels, dx, add_to_dx);
  }
  std::swap(work.backward_panels.memory(), work.hidden_panels.memory());
}

template void gru_reset_before_forward(const RecurrentWeights<float>&, const Packing&, bool, Rows<const float>,
                                       RecurrentWork<float>&);
template void gru_reset_before_forward(const RecurrentWeights<double>&, const Packing&, bool, Rows<const double>,
                                       RecurrentWork<double>&);
template void gru_reset_before_backward(const RecurrentWeights<float>&, const RecurrentGradients<float>&,
                                        const Packing&, bool, Rows<const float>, PlacedRows<const float>,
                                        Rows<const float>, PlacedRows<float>, bool, bool, RecurrentWork<float>&);
template void gru_reset_before_backward(const RecurrentWeights<double>&, const RecurrentGradients<double>&,
                                        const Packing&, bool, Rows<const double>, PlacedRows<const double>,
                                        Rows<const double>, PlacedRows<double>, bool, bool, RecurrentWork<double>&);

}  // namespace nncore
