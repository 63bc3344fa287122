#include <cmath>

#include "nncore/core/threads.h"
#include "nncore/nn/layer.h"

namespace nncore {

namespace {

template <typename T>
struct DropoutWork : LayerWork<T> {
  Buffer<T> factor_buffer;
  Rows<T> factors;
};

/// Training: each value is 0 with probability p, else x / (1 - p) (Srivastava et al. 2014). Inference: x.
/// Value f of row r is draw r * features + f of this layer and step.
template <typename T>
class Dropout final : public Layer<T> {
 public:
  Dropout(const LayerSpec& spec, std::size_t index) : p_(spec.p), index_(static_cast<std::uint32_t>(index)) {}

  std::unique_ptr<LayerWork<T>> make_work() const override { return std::make_unique<DropoutWork<T>>(); }

  Signal<T> forward(const Pass<T>& pass, const Signal<const T>& x, LayerWork<T>& base) const override {
    auto& work = static_cast<DropoutWork<T>&>(base);
    const Rows<T> y = work.y = work.make(work.y_buffer, x.rows, x.features);
    const Rows<T> factors = work.factors = work.make(work.factor_buffer, x.rows, x.features);
    const Draws draws{pass.seed, Stream::kDropout, index_, pass.step};
    const double threshold = std::ldexp(p_, 32);  // of 2^32 words, these are dropped
    const T kept = p_ < 1 ? static_cast<T>(1 / (1 - p_)) : T(0);
    const double nanoseconds = static_cast<double>(x.rows * x.features) * 2;
    parallel_ranges(x.rows, 1, nanoseconds, [&](std::size_t begin, std::size_t end) {
      constexpr std::size_t kWords = 256;
      std::uint32_t words[kWords];
      for (std::size_t row = begin; row < end; ++row) {
        for (std::size_t first = 0; first < x.features; first += kWords) {
          const std::size_t count = std::min(kWords, x.features - first);
          if (pass.training) random_words(draws, row * x.features + first, count, words);
          for (std::size_t i = 0; i < count; ++i) {
            const T factor = !pass.training ? T(1) : words[i] < threshold ? T(0) : kept;
            factors[row][first + i] = factor;
            y[row][first + i] = factor * x.values[row][first + i];
          }
        }
        std::fill(y[row] + x.features, y[row] + y.stride, T(0));
      }
    });
    return {y, x.rows, x.features};
  }

  Rows<T> backward(const Pass<T>&, const Signal<const T>& x, Rows<T> dy, bool, LayerWork<T>& base) const override {
    auto& work = static_cast<DropoutWork<T>&>(base);
    for (std::size_t row = 0; row < x.rows; ++row) {
      for (std::size_t i = 0; i < x.features; ++i) dy[row][i] *= work.factors[row][i];
    }
    return dy;
  }

 private:
  double p_;
  std::uint32_t index_;
};

}  // namespace

template <typename T>
std::unique_ptr<Layer<T>> make_dropout(const LayerSpec& spec, std::size_t index) {
  return std::make_unique<Dropout<T>>(spec, index);
}

template std::unique_ptr<Layer<float>> make_dropout(const LayerSpec&, std::size_t);
template std::unique_ptr<Layer<double>> make_dropout(const LayerSpec&, std::size_t);

}  // namespace nncore
