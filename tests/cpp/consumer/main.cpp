// A program of someone else: it finds the installed package, multiplies on two threads and is told what is wrong, of
// shapes and of layers.

#include <array>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <stdexcept>
#include <vector>

#include "nncore/core/matmul.h"
#include "nncore/core/threads.h"
#include "nncore/core/view.h"
#include "nncore/nn/network.h"

namespace {

template <typename T>
bool product_is_right(std::size_t m, std::size_t k, std::size_t n) {
  std::vector<T> a(m * k), b(k * n), bias(n), c(m * n);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<T>(i % 7) - 3;
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<T>(i % 5) - 2;
  for (std::size_t j = 0; j < n; ++j) bias[j] = static_cast<T>(j);
  const nncore::View<const T, 2> left(a.data(), {m, k}), right(b.data(), {k, n});
  nncore::matmul<T>(left, right, nncore::View<const T, 1>(bias.data(), {n}), nncore::View<T, 2>(c.data(), {m, n}));
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      T sum = bias[j];  // small integers: exact in every order
      for (std::size_t p = 0; p < k; ++p) sum += a[i * k + p] * b[p * n + j];
      if (c[i * n + j] != sum) return false;
    }
  }
  return true;
}

bool another_shape_is_refused() {
  std::vector<float> x(12);
  const nncore::View<const float, 2> a(x.data(), {2, 3}), b(x.data(), {2, 3});
  try {
    nncore::matmul<float>(a, b, {}, nncore::View<float, 2>(x.data(), {2, 3}));
  } catch (const std::invalid_argument& error) {
    std::cout << "refused: " << error.what() << '\n';
    return true;
  }
  return false;
}

bool other_layers_are_refused() {
  using nncore::LayerKind;
  const auto made = [](LayerKind kind, std::size_t input, std::size_t output) {
    nncore::LayerSpec spec;
    spec.kind = kind;
    spec.input = input;
    spec.output = output;
    return spec;
  };
  std::vector<nncore::LayerSpec> specs{made(LayerKind::kLstm, 3, 0),
                                       made(LayerKind::kGru, 0, 3),
                                       made(LayerKind::kElman, std::size_t{1} << 62, 3),
                                       made(LayerKind::kLstm, 3, 4),
                                       made(LayerKind::kLstm, 3, 4),
                                       made(LayerKind::kDropout, 3, 3),
                                       made(LayerKind::kDense, 3, 0),
                                       made(LayerKind::kEmbedding, std::size_t{1} << 31, std::size_t{1} << 31),
                                       made(static_cast<LayerKind>(77), 3, 3),
                                       made(LayerKind::kDense, 3, 3)};
  specs[3].num_layers = 0;
  specs[4].num_layers = std::size_t{1} << 60;
  specs[5].p = 2;
  specs[9].activation = static_cast<nncore::Activation>(99);
  for (const nncore::LayerSpec& spec : specs) {
    try {
      nncore::Network<float> network({spec});
      return false;
    } catch (const std::invalid_argument& error) {
      std::cout << "refused: " << error.what() << '\n';
    }
  }
  return true;
}

}  // namespace

int main() {
  nncore::set_num_threads(2);
  const bool right = product_is_right<float>(37, 64, 129) && product_is_right<double>(5, 1, 3);
  std::cout << "product " << (right ? "right" : "WRONG") << '\n';
  return right && another_shape_is_refused() && other_layers_are_refused() ? 0 : 1;
}
