#include <algorithm>

#include "nncore/nn/layer.h"

namespace nncore {

namespace {

/// The last valid step of each sequence, one row per (sorted) sequence; zeros for an empty one.
template <typename T>
class LastStep final : public Layer<T> {
 public:
  Signal<T> forward(const Pass<T>& pass, const Signal<const T>& x, LayerWork<T>& work) const override {
    const std::size_t count = pass.packing.sequences;
    const Rows<T> y = work.y = work.make(work.y_buffer, count, x.features);
    for (std::size_t b = 0; b < count; ++b) {
      const std::ptrdiff_t row = pass.packing.last_row(b, false);
      std::fill_n(y[b], y.stride, T(0));
      if (row >= 0) std::copy_n(x.values[static_cast<std::size_t>(row)], x.features, y[b]);
    }
    return {y, count, x.features};
  }

  Rows<T> backward(const Pass<T>& pass, const Signal<const T>& x, Rows<T> dy, bool, LayerWork<T>& work) const override {
    const Rows<T> dx = work.dx = work.make(work.dx_buffer, x.rows, x.features);
    std::fill_n(dx.data, x.rows * dx.stride, T(0));
    for (std::size_t b = 0; b < pass.packing.sequences; ++b) {
      const std::ptrdiff_t row = pass.packing.last_row(b, false);
      if (row >= 0) std::copy_n(dy[b], x.features, dx[static_cast<std::size_t>(row)]);
    }
    return dx;
  }
};

}  // namespace

template <typename T>
std::unique_ptr<Layer<T>> make_last_step(const LayerSpec&) {
  return std::make_unique<LastStep<T>>();
}

template std::unique_ptr<Layer<float>> make_last_step(const LayerSpec&);
template std::unique_ptr<Layer<double>> make_last_step(const LayerSpec&);

}  // namespace nncore
