#include <algorithm>
#include <cmath>

#include "nncore/core/threads.h"
#include "nncore/nn/layer.h"

namespace nncore {

namespace {

constexpr double kEpsilon = 1e-5;  // PyTorch's defaults
constexpr double kMomentum = 0.1;

template <typename T>
struct BatchNormWork : LayerWork<T> {
  Buffer<T> normalised_buffer, scale_buffer;
  Rows<T> normalised;
  std::vector<double> mean, variance;  ///< of the batch
  std::vector<double> dbias, dweight;
  std::size_t rows = 0;
};

/// Sums over the rows, in their order, of value(row, column) in double, for columns [begin, end).
template <typename Value>
void column_sums(std::size_t rows, std::size_t begin, std::size_t end, double* sums, const Value& value) {
  std::fill(sums + begin, sums + end, 0.0);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t j = begin; j < end; ++j) sums[j] += static_cast<double>(value(row, j));
  }
}

/// y = γ (x - μ) / sqrt(σ² + ε) + β over the rows of a batch (Ioffe and Szegedy 2015); in inference with running μ and σ².
template <typename T>
class BatchNorm final : public Layer<T> {
 public:
  BatchNorm(const LayerSpec& spec, const std::string& prefix, Layout<T>& parameters, Layout<T>& buffers)
      : features_(spec.input),
        weight_(parameters.add(prefix + "weight", {features_}, ParameterInfo::Start::kOnes)),
        bias_(parameters.add(prefix + "bias", {features_}, ParameterInfo::Start::kZeros)),
        running_mean_(buffers.add(prefix + "running_mean", {features_}, ParameterInfo::Start::kZeros)),
        running_variance_(buffers.add(prefix + "running_var", {features_}, ParameterInfo::Start::kOnes)),
        batches_(buffers.add(prefix + "num_batches_tracked", {}, ParameterInfo::Start::kZeros)) {}

  std::unique_ptr<LayerWork<T>> make_work() const override { return std::make_unique<BatchNormWork<T>>(); }

  void check_training(std::size_t rows) const override {
    require(rows > 1, "x must have more than one row for BatchNorm to train on, but has ", rows);
  }

  Signal<T> forward(const Pass<T>& pass, const Signal<const T>& x, LayerWork<T>& base) const override {
    auto& work = static_cast<BatchNormWork<T>&>(base);
    work.rows = x.rows;
    const Rows<T> y = work.y = work.make(work.y_buffer, x.rows, features_);
    work.normalised = work.make(work.normalised_buffer, x.rows, features_);
    T* scales = work.scale_buffer.reserve(features_);
    work.mean.resize(features_);
    work.variance.resize(features_);
    const T* weight = pass.parameters + weight_;
    const T* bias = pass.parameters + bias_;
    parallel_ranges(features_, kBlock<T>, nanoseconds(x.rows), [&](std::size_t begin, std::size_t end) {
      moments(pass, x, begin, end, work);
      for (std::size_t j = begin; j < end; ++j) scales[j] = static_cast<T>(1 / std::sqrt(work.variance[j] + kEpsilon));
      for (std::size_t row = 0; row < x.rows; ++row) {
        for (std::size_t j = begin; j < end; ++j) {
          const T normal = (x.values[row][j] - static_cast<T>(work.mean[j])) * scales[j];
          work.normalised[row][j] = normal;
          y[row][j] = normal * weight[j] + bias[j];
        }
      }
    });
    for (std::size_t row = 0; row < x.rows; ++row) std::fill(y[row] + features_, y[row] + y.stride, T(0));
    return {y, x.rows, features_};
  }

  Rows<T> backward(const Pass<T>& pass, const Signal<const T>& x, Rows<T> dy, bool input_gradient,
                   LayerWork<T>& base) const override {
    auto& work = static_cast<BatchNormWork<T>&>(base);
    const T* scales = work.scale_buffer.data();
    work.dbias.resize(features_);
    work.dweight.resize(features_);
    double* const dbias = work.dbias.data();
    double* const dweight = work.dweight.data();
    const double count = static_cast<double>(x.rows);
    parallel_ranges(features_, kBlock<T>, nanoseconds(x.rows), [&](std::size_t begin, std::size_t end) {
      column_sums(x.rows, begin, end, dbias, [&](std::size_t row, std::size_t j) { return dy[row][j]; });
      column_sums(x.rows, begin, end, dweight,
                  [&](std::size_t row, std::size_t j) { return dy[row][j] * work.normalised[row][j]; });
      for (std::size_t j = begin; j < end; ++j) {
        pass.gradients[bias_ + j] += static_cast<T>(dbias[j]);
        pass.gradients[weight_ + j] += static_cast<T>(dweight[j]);
      }
      if (!input_gradient) return;
      for (std::size_t row = 0; row < x.rows; ++row) {
        for (std::size_t j = begin; j < end; ++j) {
          const T mean = static_cast<T>(dbias[j] / count), slope = static_cast<T>(dweight[j] / count);
          const T centred = dy[row][j] - mean - work.normalised[row][j] * slope;
          dy[row][j] = centred * scales[j] * pass.parameters[weight_ + j];
        }
      }
    });
    return dy;
  }

  void update_buffers(T* buffers, const LayerWork<T>& base) const override {
    const auto& work = static_cast<const BatchNormWork<T>&>(base);
    const double unbiased = static_cast<double>(work.rows) / static_cast<double>(work.rows - 1);
    const auto move = [](T& running, double value) {
      running = static_cast<T>((1 - kMomentum) * static_cast<double>(running) + kMomentum * value);
    };
    for (std::size_t j = 0; j < features_; ++j) {
      move(buffers[running_mean_ + j], work.mean[j]);
      move(buffers[running_variance_ + j], work.variance[j] * unbiased);
    }
    buffers[batches_] += 1;
  }

 private:
  double nanoseconds(std::size_t rows) const { return static_cast<double>(rows * features_) * 2; }

  void moments(const Pass<T>& pass, const Signal<const T>& x, std::size_t begin, std::size_t end,
               BatchNormWork<T>& work) const {
    if (!pass.training) {
      for (std::size_t j = begin; j < end; ++j) {
        work.mean[j] = static_cast<double>(pass.buffers[running_mean_ + j]);
        work.variance[j] = static_cast<double>(pass.buffers[running_variance_ + j]);
      }
      return;
    }
    const double count = static_cast<double>(x.rows);
    column_sums(x.rows, begin, end, work.mean.data(), [&](std::size_t row, std::size_t j) { return x.values[row][j]; });
    for (std::size_t j = begin; j < end; ++j) work.mean[j] /= count;
    column_sums(x.rows, begin, end, work.variance.data(), [&](std::size_t row, std::size_t j) {
      const double d = static_cast<double>(x.values[row][j]) - work.mean[j];
      return d * d;
    });
    for (std::size_t j = begin; j < end; ++j) work.variance[j] /= count;
  }

  std::size_t features_;
  std::size_t weight_, bias_, running_mean_, running_variance_, batches_;
};

}  // namespace

template <typename T>
std::unique_ptr<Layer<T>> make_batch_norm(const LayerSpec& spec, const std::string& prefix, Layout<T>& parameters,
                                          Layout<T>& buffers) {
  return std::make_unique<BatchNorm<T>>(spec, prefix, parameters, buffers);
}

template std::unique_ptr<Layer<float>> make_batch_norm(const LayerSpec&, const std::string&, Layout<float>&,
                                                       Layout<float>&);
template std::unique_ptr<Layer<double>> make_batch_norm(const LayerSpec&, const std::string&, Layout<double>&,
                                                        Layout<double>&);

}  // namespace nncore
