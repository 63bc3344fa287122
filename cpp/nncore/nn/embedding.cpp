#include <algorithm>

#include "nncore/core/threads.h"
#include "nncore/nn/layer.h"

namespace nncore {

namespace {

/// y = row `id` of the weight (number of embeddings, dimension). The ids have been checked.
template <typename T>
class Embedding final : public Layer<T> {
 public:
  Embedding(const LayerSpec& spec, const std::string& prefix, Layout<T>& parameters)
      : dimension_(spec.output),
        weight_(parameters.add(prefix + "weight", {spec.input, spec.output}, ParameterInfo::Start::kNormal)) {}

  Signal<T> forward(const Pass<T>& pass, const Signal<const T>& x, LayerWork<T>& work) const override {
    const Rows<T> y = work.y = work.make(work.y_buffer, x.rows, dimension_);
    const T* weight = pass.parameters + weight_;
    parallel_ranges(x.rows, 1, static_cast<double>(x.rows * dimension_) / 4, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        std::copy_n(weight + id(pass, row) * dimension_, dimension_, y[row]);
        std::fill(y[row] + dimension_, y[row] + y.stride, T(0));
      }
    });
    return {y, x.rows, dimension_};
  }

  Rows<T> backward(const Pass<T>& pass, const Signal<const T>& x, Rows<T> dy, bool, LayerWork<T>&) const override {
    T* weight = pass.gradients + weight_;
    // Threads share out the columns: each sum runs over the rows in order.
    const double nanoseconds = static_cast<double>(x.rows * dimension_) / 2;
    parallel_ranges(dimension_, kBlock<T>, nanoseconds, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = 0; row < x.rows; ++row) {
        T* sum = weight + id(pass, row) * dimension_;
        for (std::size_t i = begin; i < end; ++i) sum[i] += dy[row][i];
      }
    });
    return {};
  }

 private:
  static std::size_t id(const Pass<T>& pass, std::size_t row) {
    return static_cast<std::size_t>(pass.ids[pass.packing.padded_row[row]]);
  }

  std::size_t dimension_;
  std::size_t weight_;
};

}  // namespace

template <typename T>
std::unique_ptr<Layer<T>> make_embedding(const LayerSpec& spec, const std::string& prefix, Layout<T>& parameters) {
  return std::make_unique<Embedding<T>>(spec, prefix, parameters);
}

template std::unique_ptr<Layer<float>> make_embedding(const LayerSpec&, const std::string&, Layout<float>&);
template std::unique_ptr<Layer<double>> make_embedding(const LayerSpec&, const std::string&, Layout<double>&);

}  // namespace nncore
