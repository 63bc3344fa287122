#include "nncore/nn/optimizers.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "nncore/core/simd.h"
#include "nncore/core/threads.h"
#include "nncore/nn/chunks.h"
#include "nncore/nn/lanes.h"

namespace nncore {
namespace {

/// Compilers make one instruction of this loop.
template <typename T>
Vec<T> sqrt_lanes(Vec<T> x) {
  for (std::size_t i = 0; i < kLanes<T>; ++i) x[i] = std::sqrt(x[i]);
  return x;
}

/// While it lives, this thread's results that would be denormal are 0. An average whose gradient stays 0 fades into
/// the denormals and never leaves them, and there a step takes three times as long, on some processors ten times.
class DenormalsAreZero {
 public:
  DenormalsAreZero() : before_(read()) { write(before_ | kFlush); }
  ~DenormalsAreZero() { write(before_); }
  DenormalsAreZero(const DenormalsAreZero&) = delete;
  DenormalsAreZero& operator=(const DenormalsAreZero&) = delete;

 private:
#if defined(__SSE2__)
  using Control = unsigned;
  static constexpr Control kFlush = 0x8040;  // both: results, and what is read
  static Control read() { return _mm_getcsr(); }
  static void write(Control control) { _mm_setcsr(control); }
#elif defined(__aarch64__)
  using Control = std::uint64_t;
  static constexpr Control kFlush = std::uint64_t{1} << 24;
  static Control read() {
    Control control;
    asm volatile("mrs %0, fpcr" : "=r"(control)::"memory");
    return control;
  }
  static void write(Control control) { asm volatile("msr fpcr, %0" ::"r"(control) : "memory"); }
#else
  using Control = unsigned;
  static constexpr Control kFlush = 0;
  static Control read() { return 0; }
  static void write(Control) {}
#endif
  Control before_;
};

/// What an update reads and writes for one register of parameters.
template <typename T>
struct Lanes {
  Vec<T> gradient, parameter, slot0, slot1;
};

template <typename T>
struct Arrays {
  View<const T, 1> gradients;
  View<T, 1> parameters, slot0, slot1;

  /// Calls update(lanes) for every register; the first `Slots` slots take part.
  template <int Slots, typename Update>
  void each(const Update& update) const {
    constexpr std::size_t W = kLanes<T>;
    const double nanoseconds = 0.08 * sizeof(T) * static_cast<double>(parameters.size());  // in cache; measured
    parallel_ranges(parameters.size(), 64 * W, nanoseconds, [&](std::size_t begin, std::size_t end) {
      const DenormalsAreZero denormals_are_zero;
      // Copies on the stack: else the compiler reads every setting and pointer anew after each store.
      const Arrays arrays = *this;
      const Update own_update = update;
      std::size_t at = begin;
      for (; at + W <= end; at += W) arrays.one<Slots>(at, W, own_update);
      if (at < end) arrays.one<Slots>(at, end - at, own_update);
    });
  }

 private:
  /// Inlined twice, so that in the loop `count` is a constant and the settings stay in registers.
  template <int Slots, typename Update>
  [[gnu::always_inline]] inline void one(std::size_t at, std::size_t count, const Update& update) const {
    Lanes<T> x{};
    x.gradient = load_part(gradients.data() + at, count);
    x.parameter = load_part(parameters.data() + at, count);
    if constexpr (Slots > 0) x.slot0 = load_part(slot0.data() + at, count);
    if constexpr (Slots > 1) x.slot1 = load_part(slot1.data() + at, count);
    update(x);
    store_part(parameters.data() + at, x.parameter, count);
    if constexpr (Slots > 0) store_part(slot0.data() + at, x.slot0, count);
    if constexpr (Slots > 1) store_part(slot1.data() + at, x.slot1, count);
  }
};

/// A setting, computed in double, in every lane.
template <typename T>
Vec<T> all(double value) {
  return broadcast(static_cast<T>(value));
}

template <typename T>
void sgd(const OptimizerStep& s, T gradient_scale, const Arrays<T>& arrays) {
  const Vec<T> scale = broadcast(gradient_scale), decay = all<T>(s.weight_decay), minus_lr = all<T>(-s.lr);
  if (s.momentum == 0) {
    arrays.template each<0>([=](Lanes<T>& x) {
      const Vec<T> g = fma(decay, x.parameter, x.gradient * scale);
      x.parameter = fma(minus_lr, g, x.parameter);
    });
    return;
  }
  const Vec<T> momentum = all<T>(s.momentum);
  const bool nesterov = s.nesterov;
  arrays.template each<1>([=](Lanes<T>& x) {
    const Vec<T> g = fma(decay, x.parameter, x.gradient * scale);
    x.slot0 = fma(momentum, x.slot0, g);
    x.parameter = fma(minus_lr, nesterov ? fma(momentum, x.slot0, g) : x.slot0, x.parameter);
  });
}

template <typename T>
void rmsprop(const OptimizerStep& s, T gradient_scale, const Arrays<T>& arrays) {
  const Vec<T> scale = broadcast(gradient_scale), decay = all<T>(s.weight_decay), minus_lr = all<T>(-s.lr);
  const Vec<T> alpha = all<T>(s.alpha), beta = all<T>(1 - s.alpha), eps = all<T>(s.eps);
  const auto scaled_gradient = [=](Lanes<T>& x) {
    const Vec<T> g = fma(decay, x.parameter, x.gradient * scale);
    x.slot0 = fma(beta * g, g, alpha * x.slot0);
    return g / (sqrt_lanes<T>(x.slot0) + eps);
  };
  if (s.momentum == 0) {
    arrays.template each<1>([=](Lanes<T>& x) { x.parameter = fma(minus_lr, scaled_gradient(x), x.parameter); });
    return;
  }
  const Vec<T> momentum = all<T>(s.momentum);
  arrays.template each<2>([=](Lanes<T>& x) {
    x.slot1 = fma(momentum, x.slot1, scaled_gradient(x));
    x.parameter = fma(minus_lr, x.slot1, x.parameter);
  });
}

/// Kingma & Ba 2015; AdamW (decoupled decay): Loshchilov & Hutter 2019.
template <typename T>
void adam(const OptimizerStep& s, T gradient_scale, const Arrays<T>& arrays) {
  const double steps = static_cast<double>(s.step);
  const bool decoupled = s.kind == OptimizerKind::kAdamW;
  const Vec<T> scale = broadcast(gradient_scale), eps = all<T>(s.eps);
  const Vec<T> decay = all<T>(decoupled ? 0 : s.weight_decay), kept = all<T>(decoupled ? 1 - s.lr * s.weight_decay : 1);
  const Vec<T> new_mean = all<T>(1 - s.beta1), beta2 = all<T>(s.beta2), new_square = all<T>(1 - s.beta2);
  const Vec<T> minus_step = all<T>(-s.lr / (1 - std::pow(s.beta1, steps)));
  const Vec<T> correction = all<T>(1 / std::sqrt(1 - std::pow(s.beta2, steps)));
  arrays.template each<2>([=](Lanes<T>& x) {
    const Vec<T> g = fma(decay, x.parameter, x.gradient * scale);
    x.slot0 = fma(new_mean, g - x.slot0, x.slot0);
    x.slot1 = fma(new_square * g, g, beta2 * x.slot1);
    x.parameter = fma(minus_step, x.slot0 / fma(sqrt_lanes<T>(x.slot1), correction, eps), kept * x.parameter);
  });
}

/// In 16 lanes of double at every instruction set, so that the order of additions is one.
template <typename T>
double sum_of_squares(const T* x, std::size_t count) {
  constexpr std::size_t W = kLanes<double>, B = 16;
  Vec<double> sums[B / W] = {};
  std::size_t at = 0;
  for (; at + B <= count; at += B) {
    for (std::size_t r = 0; r < B / W; ++r) {
      const Vec<double> values = load_wide(x + at + r * W);
      sums[r] = fma(values, values, sums[r]);
    }
  }
  double lanes[B];
  std::memcpy(lanes, sums, sizeof lanes);
  for (std::size_t i = 0; at < count; ++i, ++at) {
    const double value = static_cast<double>(x[at]);
    lanes[i] = fma1(value, value, lanes[i]);
  }
  return sum_of_lanes<B>(lanes);
}

void require_number(bool ok, const char* name, const char* rule, double came) {
  require(ok, name, " must be ", rule, ", but came as ", came);
}

template <typename T>
void check(const OptimizerStep& s, T gradient_scale, const Arrays<T>& arrays) {
  const bool is_sgd = s.kind == OptimizerKind::kSgd, is_rmsprop = s.kind == OptimizerKind::kRmsprop;
  const bool is_adam = !is_sgd && !is_rmsprop, momentum = !is_adam && s.momentum != 0;
  const std::size_t size = arrays.parameters.size();
  require(arrays.gradients.size() == size, "gradients", "of the parameters' size, ", size, arrays.gradients);
  const std::size_t size0 = is_sgd && !momentum ? 0 : size, size1 = is_adam || (is_rmsprop && momentum) ? size : 0;
  require(arrays.slot0.size() == size0, "slot0", "of size ", size0, arrays.slot0);
  require(arrays.slot1.size() == size1, "slot1", "of size ", size1, arrays.slot1);

  const auto below_one = [](double x) { return x >= 0 && x < 1; };
  require_number(std::isfinite(s.lr) && s.lr >= 0, "lr", "at least 0 and finite", s.lr);
  require_number(std::isfinite(gradient_scale), "gradient_scale", "finite", static_cast<double>(gradient_scale));
  require_number(std::isfinite(s.weight_decay) && s.weight_decay >= 0, "weight_decay", "at least 0 and finite",
                 s.weight_decay);
  require_number(is_adam || below_one(s.momentum), "momentum", "in [0, 1)", s.momentum);
  require_number(!is_rmsprop || below_one(s.alpha), "alpha", "in [0, 1)", s.alpha);
  require_number(!is_adam || below_one(s.beta1), "beta1", "in [0, 1)", s.beta1);
  require_number(!is_adam || below_one(s.beta2), "beta2", "in [0, 1)", s.beta2);
  // An eps that is 0 in this type would make 0 / 0 of the padding.
  require_number(is_sgd || (std::isfinite(s.eps) && static_cast<T>(s.eps) > 0), "eps", "above 0 and finite", s.eps);
  require(s.step >= 1, "step must be at least 1, but came as ", s.step);
}

}  // namespace

template <typename T>
void optimizer_step(const OptimizerStep& settings, T gradient_scale, View<const T, 1> gradients, View<T, 1> parameters,
                    View<T, 1> slot0, View<T, 1> slot1) {
  const Arrays<T> arrays{gradients, parameters, slot0, slot1};
  check(settings, gradient_scale, arrays);
  switch (settings.kind) {
    case OptimizerKind::kSgd:
      return sgd(settings, gradient_scale, arrays);
    case OptimizerKind::kRmsprop:
      return rmsprop(settings, gradient_scale, arrays);
    case OptimizerKind::kAdam:
    case OptimizerKind::kAdamW:
      return adam(settings, gradient_scale, arrays);
  }
  throw std::invalid_argument("kind must be one of the four optimizers");
}

template <typename T>
double gradient_norm(View<const T, 1> gradients) {
  const double nanoseconds = 0.12 * static_cast<double>(gradients.size());
  const double squares = sum_of_chunks(gradients.size(), 4096, nanoseconds, [&](std::size_t begin, std::size_t end) {
    return sum_of_squares(gradients.data() + begin, end - begin);
  });
  return std::sqrt(squares);
}

template <typename T>
double scale_into(T factor, View<const T, 1> values, View<T, 1> out) {
  require(out.size() == values.size(), "out", "of the values' size, ", values.size(), out);
  const double nanoseconds = 0.2 * static_cast<double>(values.size());
  return sum_of_chunks(values.size(), 4096, nanoseconds, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) out.data()[i] = factor * values.data()[i];
    return sum_of_squares(values.data() + begin, end - begin);
  });
}

template <typename T>
void scale(View<T, 1> values, T factor) {
  const double nanoseconds = 0.03 * sizeof(T) * static_cast<double>(values.size());
  parallel_ranges(values.size(), 1024, nanoseconds, [&](std::size_t begin, std::size_t end) {
    for (T* x = values.data() + begin; x < values.data() + end; ++x) *x *= factor;
  });
}

double clip_factor(double norm, double max_norm) {
  return std::isfinite(norm) ? std::min(1.0, max_norm / (norm + 1e-6)) : 1.0;
}

template void optimizer_step(const OptimizerStep&, float, View<const float, 1>, View<float, 1>, View<float, 1>,
                             View<float, 1>);
template void optimizer_step(const OptimizerStep&, double, View<const double, 1>, View<double, 1>, View<double, 1>,
                             View<double, 1>);
template double gradient_norm(View<const float, 1>);
template double gradient_norm(View<const double, 1>);
template double scale_into(float, View<const float, 1>, View<float, 1>);
template double scale_into(double, View<const double, 1>, View<double, 1>);
template void scale(View<float, 1>, float);
template void scale(View<double, 1>, double);

}  // namespace nncore
