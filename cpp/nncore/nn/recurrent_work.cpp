#include "nncore/nn/recurrent_work.h"

#include "nncore/core/gradient_tile.h"

namespace nncore {

template <typename T>
void FreeRecurrentWork<T>::operator()(RecurrentWork<T>* work) const {
  delete work;
}

template <typename T>
std::unique_ptr<RecurrentWork<T>, FreeRecurrentWork<T>> make_recurrent_work() {
  return std::unique_ptr<RecurrentWork<T>, FreeRecurrentWork<T>>(new RecurrentWork<T>());
}

template <typename T>
void set_initial_state(RecurrentWork<T>& work, Rows<T> h0, Rows<T> c0) {
  work.h0 = h0;
  work.c0 = c0;
}

template <typename T>
Rows<const T> hidden_states(const RecurrentWork<T>& work) {
  return work.y;
}

template <typename T>
void gate_input_gradient(const GateBlocks<T>& gates, std::size_t first, std::size_t count, std::size_t hidden,
                         const Panels<T>& rows, PlacedRows<T> dx, bool add) {
  const double nanoseconds = static_cast<double>(gates.rows) * static_cast<double>(rows.depth() * rows.columns()) / 25;
  const LeftRows<T> left = gates.left(0, first, count, hidden);
  parallel_ranges(gates.rows, kTileRows, nanoseconds, [&](std::size_t begin, std::size_t end) {
    const auto start = [&](std::size_t row, std::size_t column) { return add ? load(dx[row] + column) : Vec<T>{}; };
    multiply_tiles(left, begin, end, rows, start,
                   [&](std::size_t row, std::size_t column, Vec<T> sum) { store(dx[row] + column, sum); });
  });
}

template <typename T>
void initial_state_gradient(const Packing& packing, bool reverse, const LeftRows<T>& gates, bool carries,
                            Rows<const T> dh_n, Rows<const T> dc_n, RecurrentWork<T>& work) {
  for_each_span(packing, reverse, 0, packing.sequences, [&](const Span& span) {
    if (span.from != Span::kBegins) return;
    LeftRows<T> left = gates;
    left.data += packing.start[span.step] * gates.stride;
    multiply_tiles(left, span.begin, span.end, work.backward_panels,
                   StartAt<T>{carries ? work.dh0.data : nullptr, work.dh0.stride}, StoreTo<T>{work.dh0});
  });
  pass_state_of_empty(packing, dh_n, work.dh0);
  if (work.dc0) pass_state_of_empty(packing, dc_n, work.dc0);
}

template <typename T>
void pass_state_of_empty(const Packing& packing, Rows<const T> after, Rows<T> before) {
  for (std::size_t b = 0; b < packing.sequences; ++b) {
    if (packing.lengths[b] > 0) continue;
    for (std::size_t i = 0; i < before.stride; ++i) before[b][i] = after ? after[b][i] : T(0);
  }
}

template <typename T>
void add_gate_gradients(const GateBlocks<T>& d, std::size_t hidden, std::size_t columns, const GateGroup* groups,
                        std::size_t group_count, const RowTable<T>& x, T* weights, T* bias,
                        std::vector<Panels<T>>& panels) {
  reserve_gradient_panels(panels, d.rows, columns);
  const std::size_t tasks = round_up<T>(hidden) / kBlock<T> * group_count;
  const double nanoseconds = static_cast<double>(d.rows) * static_cast<double>(hidden * group_count * columns) / 25;
  parallel_parts(std::min(tasks, panels.size()), nanoseconds, [&](std::size_t part, std::size_t parts) {
    for (std::size_t row = 0; row < d.rows; row += kGradientRows) {
      if (given_up()) return;
      const std::size_t rows = std::min(kGradientRows, d.rows - row);
      panels[part].pack_rows(rows, columns, [&](std::size_t r) { return x(row + r); }, Padding::kTight);
      for (std::size_t task = tasks * part / parts; task < tasks * (part + 1) / parts; ++task) {
        const std::size_t first = task / group_count * kBlock<T>;
        const GateGroup& g = groups[task % group_count];
        const std::size_t units = std::min(kBlock<T>, hidden - first);
        const T* from = d.at(row, first) + g.group * kBlock<T>;
        T* to = weights + (g.gate * hidden + first) * columns;
        add_transposed_tiles(from, d.row_stride(), units, panels[part], Rows<T>{to, columns});
        if (bias != nullptr) add_column_sums(from, d.row_stride(), rows, units, bias + g.gate * hidden + first);
      }
    }
  });
}

template <typename T>
void point_to_previous(const Packing& packing, bool reverse, RecurrentWork<T>& work) {
  work.previous.resize(packing.rows);
  for (std::size_t t = 0; t < packing.steps; ++t) {
    for (std::size_t b = 0; b < packing.active[t]; ++b) {
      work.previous[packing.start[t] + b] = work.before(packing, work.y, work.h0, t, b, reverse);
    }
  }
}

template struct FreeRecurrentWork<float>;
template std::unique_ptr<RecurrentWork<float>, FreeRecurrentWork<float>> make_recurrent_work();
template void set_initial_state(RecurrentWork<float>&, Rows<float>, Rows<float>);
template Rows<const float> hidden_states(const RecurrentWork<float>&);
template void gate_input_gradient(const GateBlocks<float>&, std::size_t, std::size_t, std::size_t, const Panels<float>&,
                                  PlacedRows<float>, bool);
template void initial_state_gradient(const Packing&, bool, const LeftRows<float>&, bool, Rows<const float>,
                                     Rows<const float>, RecurrentWork<float>&);
template void pass_state_of_empty(const Packing&, Rows<const float>, Rows<float>);
template void add_gate_gradients(const GateBlocks<float>&, std::size_t, std::size_t, const GateGroup*, std::size_t,
                                 const RowTable<float>&, float*, float*, std::vector<Panels<float>>&);
template void point_to_previous(const Packing&, bool, RecurrentWork<float>&);
template struct FreeRecurrentWork<double>;
template std::unique_ptr<RecurrentWork<double>, FreeRecurrentWork<double>> make_recurrent_work();
template void set_initial_state(RecurrentWork<double>&, Rows<double>, Rows<double>);
template Rows<const double> hidden_states(const RecurrentWork<double>&);
template void gate_input_gradient(const GateBlocks<double>&, std::size_t, std::size_t, std::size_t,
                                  const Panels<double>&, PlacedRows<double>, bool);
template void initial_state_gradient(const Packing&, bool, const LeftRows<double>&, bool, Rows<const double>,
                                     Rows<const double>, RecurrentWork<double>&);
template void pass_state_of_empty(const Packing&, Rows<const double>, Rows<double>);
template void add_gate_gradients(const GateBlocks<double>&, std::size_t, std::size_t, const GateGroup*, std::size_t,
                                 const RowTable<double>&, double*, double*, std::vector<Panels<double>>&);
template void point_to_previous(const Packing&, bool, RecurrentWork<double>&);

}  // namespace nncore
