#pragma once

// Packed gate tiles: all gates of a few hidden units side by side in registers. For kernels only.

#include <array>

#include "nncore/core/threads.h"
#include "nncore/core/tile.h"
#include "nncore/nn/recurrent.h"

namespace nncore {

/// Activations of the gates, or their gradients: [hidden block][row][group][kBlock], a group per gate.
template <typename T>
struct GateBlocks {
  T* data = nullptr;
  std::size_t rows = 0, groups = 0;

  std::size_t row_stride() const { return groups * kBlock<T>; }
  std::size_t block_stride() const { return rows * row_stride(); }
  /// Where group 0 of hidden unit `unit` lies; group g is kBlock * g further.
  T* at(std::size_t row, std::size_t unit) const {
    return data + unit / kBlock<T> * block_stride() + row * row_stride() + unit % kBlock<T>;
  }
  /// Rows [row, ...) of groups [first, first + count) as the left side of a product over all hidden units.
  LeftRows<T> left(std::size_t row, std::size_t first, std::size_t count, std::size_t hidden) const {
    return {data + row * row_stride() + first * kBlock<T>, row_stride(), count * kBlock<T>,
            round_up<T>(hidden) / kBlock<T>, block_stride()};
  }
};

/// A gate of PyTorch's weight layout and the group of GateBlocks that holds it.
struct GateGroup {
  std::size_t group, gate;
};

/// Nanoseconds to pack so many weights on one thread.
inline double packing_time(std::size_t weights) { return static_cast<double>(weights) / 4; }

/// Weights for the forward tile, [register of units][k][gate][kLanes].
template <typename T>
class GatePanels {
 public:
  std::size_t depth() const { return depth_; }
  std::size_t panel_stride() const { return width_ * depth_; }
  const T* panel(std::size_t register_index) const { return data_.data() + register_index * panel_stride(); }

  /// For another's panels to lie in while these are not needed.
  Buffer<T>& memory() { return data_; }

  /// weights (gates * hidden, depth), row-major; the panel has the gates in the order of `groups`.
  template <std::size_t N>
  void pack(const T* weights, std::size_t depth, std::size_t hidden, const std::array<GateGroup, N>& groups) {
    depth_ = depth;
    width_ = N * kLanes<T>;
    const std::size_t padded = round_up<T>(hidden);
    T* to = data_.reserve(padded * N * depth + 1);
    parallel_ranges(padded, kLanes<T>, packing_time(padded * N * depth), [&](std::size_t begin, std::size_t end) {
      for (std::size_t unit = begin; unit < end; unit += kLanes<T>) {
        for (std::size_t g = 0; g < N; ++g) {
          const auto row = [&](std::size_t lane) -> const T* {
            return unit + lane < hidden ? weights + (groups[g].gate * hidden + unit + lane) * depth : nullptr;
          };
          pack_transposed<T>(depth, row, to + unit * N * depth + g * kLanes<T>, width_);
        }
      }
    });
  }

 private:
  std::size_t depth_ = 0, width_ = 0;
  Buffer<T> data_;
};

/// One factor of a gate tile: rows times packed weights, added to the sums of gates First to First + Count - 1; null rows
/// add nothing.
template <typename T, std::size_t First, std::size_t Count>
struct GateTerm {
  Rows<const T> rows;
  const GatePanels<T>* panels;

  static constexpr TileColumns<First, Count> columns() { return {}; }
  LeftRows<T> left(std::size_t row) const {
    return rows ? LeftRows<T>{rows[row], rows.stride, panels->depth()} : LeftRows<T>{};
  }
  const T* panel(std::size_t unit) const { return rows ? panels->panel(unit / kLanes<T>) : nullptr; }

  /// One row, and `Units` registers of hidden units at once.
  template <std::size_t Units, std::size_t Groups>
  void add_to_units(std::size_t row, std::size_t unit, Vec<T> (&sums)[Units][Groups]) const {
    if (!rows) return;
    accumulate_row<Units, First, Count>(sums, rows[row], panels->depth(), panel(unit), panels->panel_stride());
  }
};

/// The gate tile of one row.
template <std::size_t Units, std::size_t Groups, typename T, typename X, typename H, typename Start, typename Finish>
inline void gate_row(std::size_t row, std::size_t unit, const X& x, const H& h, const Start& start,
                     const Finish& finish) {
  Vec<T> sums[Units][Groups];
  unrolled<Units>([&](auto u) {
    const TileStart<T> from = start(row, unit + u * kLanes<T>);
    unrolled<Groups>([&](auto g) { sums[u][g] = from(0, g); });
  });
  x.add_to_units(row, unit, sums);
  h.add_to_units(row, unit, sums);
  unrolled<Units>([&](auto u) { finish(row, unit + u * kLanes<T>, sums[u]); });
}

/// For rows [begin, end) and each register of hidden units, or of a share of them: sums = start(row, unit), a TileStart;
/// sums += x·W, then += h·U; finish(row, unit, sums). Row numbers of x and h count from their own pointers.
template <std::size_t Groups, typename T, std::size_t FirstX, std::size_t CountX, std::size_t FirstH,
          std::size_t CountH, typename Start, typename Finish>
inline void gate_tiles(std::size_t begin, std::size_t end, std::size_t hidden, const GateTerm<T, FirstX, CountX>& x,
                       const GateTerm<T, FirstH, CountH>& h, const Start& start, const Finish& finish,
                       const Share& share = {}) {
  const std::size_t registers = round_up<T>(hidden) / kLanes<T>;
  std::size_t unit = share.begin(registers) * kLanes<T>;
  const std::size_t last = share.end(registers) * kLanes<T>;
  if (end - begin == 1) {
    constexpr std::size_t units = 2;
    for (; unit + units * kLanes<T> <= last; unit += units * kLanes<T>) {
      gate_row<units, Groups, T>(begin, unit, x, h, start, finish);
    }
    for (; unit < last; unit += kLanes<T>) gate_row<1, Groups, T>(begin, unit, x, h, start, finish);
    return;
  }
  Vec<T> sums[kHeldRows][Groups];
  for (; unit < last; unit += kLanes<T>) {
    for (std::size_t row = begin; row < end; row += kHeldRows) {
      const std::size_t rows = std::min(kHeldRows, end - row);
      sum_two_products<Groups>(HeldSums<T, Groups>::in(sums[0]), rows, start(row, unit), x.columns(), x.left(row),
                               x.panel(unit), h.columns(), h.left(row), h.panel(unit));
      for (std::size_t r = 0; r < rows; ++r) finish(row + r, unit, sums[r]);
    }
  }
}

/// Panels of weights (gates * hidden, columns) as the right side of gradient · weights; its rows follow `groups` within
/// each block of hidden units.
template <typename T, std::size_t N>
void pack_gate_rows(Panels<T>& panels, const T* weights, std::size_t hidden, std::size_t columns,
                    const std::array<GateGroup, N>& groups) {
  const auto row = [&](std::size_t k) -> const T* {
    const std::size_t block = k / (N * kBlock<T>), group = k / kBlock<T> % N, lane = k % kBlock<T>;
    const std::size_t unit = block * kBlock<T> + lane;
    return unit < hidden ? weights + (groups[group].gate * hidden + unit) * columns : nullptr;
  };
  panels.reserve(round_up<T>(hidden) * N, columns, Padding::kBlocks);
  parallel_parts(panels.count(), packing_time(panels.depth() * columns), [&](std::size_t part, std::size_t parts) {
    panels.repack_rows(0, panels.depth(), row, Share{part, parts});
  });
}

}  // namespace nncore
