#include <cmath>

#include "nncore/core/activations.h"
#include "nncore/core/gradient_tile.h"
#include "nncore/core/threads.h"
#include "nncore/nn/layer.h"

namespace nncore {

namespace {

template <typename T>
struct DenseWork : LayerWork<T> {
  Panels<T> columns, rows;
  std::vector<Panels<T>> gradient_panels;
  Buffer<T> bias;
};

/// y = φ(W x + b), weight (output, input); a tied weight may be the transpose of another layer's.
template <typename T>
class Dense final : public Layer<T> {
 public:
  Dense(const LayerSpec& spec, const std::string& prefix, Layout<T>& parameters)
      : input_(spec.input), output_(spec.output), activation_(spec.activation), has_bias_(spec.bias) {
    const double bound = 1 / std::sqrt(static_cast<double>(input_));
    if (spec.tied.empty()) {
      weight_ = parameters.add(prefix + "weight", {output_, input_}, ParameterInfo::Start::kUniform, bound);
    } else {
      share(spec.tied, parameters);
    }
    if (has_bias_) bias_ = parameters.add(prefix + "bias", {output_}, ParameterInfo::Start::kUniform, bound);
  }

  std::unique_ptr<LayerWork<T>> make_work() const override { return std::make_unique<DenseWork<T>>(); }

  Signal<T> forward(const Pass<T>& pass, const Signal<const T>& x, LayerWork<T>& base) const override {
    auto& work = static_cast<DenseWork<T>&>(base);
    if (!pass.packed) pack_forward(pass.parameters, work);
    const T* bias = work.bias.data();
    const Rows<T> y = work.y = work.make(work.y_buffer, x.rows, output_);
    parallel_ranges(x.rows, kTileRows, nanoseconds(x.rows), [&](std::size_t begin, std::size_t end) {
      multiply_tiles(LeftRows<T>{x.values.data, x.values.stride, input_}, begin, end, work.columns, StartAt<T>{bias},
                     StoreTo<T>{y});
      const std::size_t padded = work.columns.padded_columns();
      for (std::size_t row = begin; row < end && padded < y.stride; ++row) {
        std::fill(y[row] + padded, y[row] + y.stride, T(0));
      }
      apply_activation(activation_, y[begin], (end - begin) * y.stride);
    });
    return {y, x.rows, output_};
  }

  Rows<T> backward(const Pass<T>& pass, const Signal<const T>& x, Rows<T> dy, bool input_gradient,
                   LayerWork<T>& base) const override {
    auto& work = static_cast<DenseWork<T>&>(base);
    if (activation_ != Activation::kNone) {  // padding included: rows lie one after the other
      const std::array<std::size_t, 1> size{x.rows * dy.stride};
      activation_gradient<T>(activation_, View<const T, 1>(work.y.data, size), View<const T, 1>(dy.data, size),
                             View<T, 1>(dy.data, size));
    }
    T* bias = has_bias_ ? pass.gradients + bias_ : nullptr;
    T* weight = pass.gradients + weight_;
    const Rows<const T> dz = dy;
    const auto x_row = [&](std::size_t row) { return x.values[row]; };
    const auto dz_row = [&](std::size_t row) { return dz[row]; };
    if (transposed_) {
      T* const none = nullptr;
      add_product_over_rows(x.values, input_, dz_row, output_, x.rows, weight, none, work.gradient_panels);
      if (bias != nullptr) add_column_sums(dz.data, dz.stride, x.rows, output_, bias);
    } else {
      add_product_over_rows(dz, output_, x_row, input_, x.rows, weight, bias, work.gradient_panels);
    }
    if (!input_gradient) return {};

    const T* w = pass.parameters + weight_;
    if (transposed_) {
      work.rows.pack_columns(output_, input_, [&](std::size_t j) { return w + j * output_; });
    } else {
      work.rows.pack_rows(output_, input_, [&](std::size_t k) { return w + k * input_; });
    }
    const Rows<T> dx = work.dx = work.make(work.dx_buffer, x.rows, input_);
    parallel_ranges(x.rows, kTileRows, nanoseconds(x.rows), [&](std::size_t begin, std::size_t end) {
      multiply_tiles(LeftRows<T>{dz.data, dz.stride, output_}, begin, end, work.rows, StartAt<T>{}, StoreTo<T>{dx});
    });
    return dx;
  }

 private:
  void pack_forward(const T* parameters, DenseWork<T>& work) const {
    const T* weight = parameters + weight_;
    if (transposed_) {
      work.columns.pack_rows(input_, output_, [&](std::size_t k) { return weight + k * output_; }, Padding::kTight);
    } else {
      work.columns.pack_columns(input_, output_, [&](std::size_t j) { return weight + j * input_; }, Padding::kTight);
    }
    T* bias = work.bias.reserve(round_up<T>(output_));
    std::fill_n(bias, round_up<T>(output_), T(0));
    if (has_bias_) std::copy_n(parameters + bias_, output_, bias);
  }
  void share(const std::string& name, const Layout<T>& parameters) {
    const ParameterInfo* other = parameters.find(name);
    require(other != nullptr, "tied must name a parameter of a layer before this one, but came as '", name, "'");
    const std::vector<std::size_t> same{output_, input_}, turned{input_, output_};
    // Dense layers share transposes (decoder and encoder), an Embedding and its output layer share the same shape.
    const bool of_embedding = other->start == ParameterInfo::Start::kNormal;
    transposed_ = other->shape == turned && (turned != same || !of_embedding);
    require(transposed_ || other->shape == same, "tied: ", name, " must have the shape ",
            shape_text<2>({output_, input_}), " or its transpose to be shared by Dense(", input_, ", ", output_, ")");
    weight_ = other->offset;
  }
  double nanoseconds(std::size_t rows) const {
    return static_cast<double>(rows) * static_cast<double>(input_ * output_) / 25;
  }

  std::size_t input_, output_;
  Activation activation_;
  bool has_bias_;
  bool transposed_ = false;
  std::size_t weight_ = 0, bias_ = 0;
};

}  // namespace

template <typename T>
std::unique_ptr<Layer<T>> make_dense(const LayerSpec& spec, const std::string& prefix, Layout<T>& parameters) {
  return std::make_unique<Dense<T>>(spec, prefix, parameters);
}

template std::unique_ptr<Layer<float>> make_dense(const LayerSpec&, const std::string&, Layout<float>&);
template std::unique_ptr<Layer<double>> make_dense(const LayerSpec&, const std::string&, Layout<double>&);

}  // namespace nncore
