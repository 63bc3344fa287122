// Matrix products of the sizes that networks have: a row, a step of a recurrent layer, a dense layer, a square.

#include "nncore/core/matmul.h"

#include "peak.h"

namespace {

using namespace nncore;

template <typename T>
struct Matrix {
  Matrix(std::size_t rows, std::size_t columns) : values(rows * columns, T(0.5)), shape{rows, columns} {}
  View<const T, 2> read() const { return {values.data(), shape}; }
  View<T, 2> write() { return {values.data(), shape}; }
  std::vector<T> values;
  std::array<std::size_t, 2> shape;
};

template <typename T>
void product(benchmark::State& state) {
  const std::size_t m = static_cast<std::size_t>(state.range(0)), n = static_cast<std::size_t>(state.range(1)),
                    k = static_cast<std::size_t>(state.range(2));
  const Matrix<T> a(m, k), b(k, n), bias(1, n);
  Matrix<T> c(m, n);
  bench::measure_flops<T>(state, 2.0 * static_cast<double>(m * n * k), static_cast<int>(state.range(3)), [&] {
    matmul<T>(a.read(), b.read(), {bias.values.data(), {n}}, c.write());
    benchmark::ClobberMemory();
  });
}

/// As a weight's gradient: k rows of a batch.
template <typename T>
void transposed_product(benchmark::State& state) {
  const std::size_t m = static_cast<std::size_t>(state.range(0)), n = static_cast<std::size_t>(state.range(1)),
                    k = static_cast<std::size_t>(state.range(2));
  const Matrix<T> a(k, m), b(k, n);
  Matrix<T> c(m, n);
  bench::measure_flops<T>(state, 2.0 * static_cast<double>(m * n * k), static_cast<int>(state.range(3)), [&] {
    add_transposed_product<T>(a.read(), b.read(), c.write());
    benchmark::ClobberMemory();
  });
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"m", "n", "k", "threads"})->UseRealTime();
  for (int threads : {1, 2}) {
    for (auto [m, n, k] : {std::array{1, 512, 128},
                           {16, 256, 64},
                           {32, 512, 128},
                           {32, 1024, 256},
                           {64, 2048, 512},
                           {1600, 512, 128},
                           {128, 512, 784},
                           {64, 64, 64},
                           {512, 512, 512}}) {
      b->Args({m, n, k, threads});
    }
  }
}
BENCHMARK_TEMPLATE(product, float)->Apply(sizes);
BENCHMARK_TEMPLATE(product, double)->Apply(sizes);
BENCHMARK_TEMPLATE(transposed_product, float)->Apply(sizes);
BENCHMARK_TEMPLATE(transposed_product, double)->Apply(sizes);

}  // namespace
