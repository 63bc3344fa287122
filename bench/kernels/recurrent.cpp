// One recurrent layer over whole sequences: forward for inference, and forward and backward without and with dX.

#include "nncore/nn/recurrent.h"

#include <string>

#include "nncore/nn/elman.h"
#include "nncore/nn/gru.h"
#include "nncore/nn/lstm.h"
#include "nncore/nn/recurrent_work.h"
#include "peak.h"

namespace {

using namespace nncore;

enum class Cell { kElman, kGru, kGruResetBefore, kLstm };
enum class Task { kForward, kTraining, kTrainingWithInput };

struct Size {
  int steps, batch, input, hidden;
};

std::size_t gates_of(Cell cell) { return cell == Cell::kElman ? 1 : cell == Cell::kLstm ? 4 : 3; }

/// Multiply-adds of the products alone, counted twice. Backward: dh, the weights' gradients and, where wanted, dX.
double flops_of(Cell cell, Task task, Size s) {
  const double rows = static_cast<double>(s.steps) * s.batch;
  const double weights = 2.0 * static_cast<double>(gates_of(cell)) * s.hidden * rows;
  const double forward = weights * (s.input + s.hidden);
  if (task == Task::kForward) return forward;
  return 2 * forward + weights * s.hidden + (task == Task::kTrainingWithInput ? weights * s.input : 0);
}

class Layer {
 public:
  Layer(Cell cell, Size s) : cell_(cell), hidden_(static_cast<std::size_t>(s.hidden)) {
    const std::size_t input = static_cast<std::size_t>(s.input), gates = gates_of(cell) * hidden_;
    packing_.lay_out(static_cast<std::size_t>(s.batch), static_cast<std::size_t>(s.steps), {});
    fill(weight_ih_, gates * input, 1.0f / static_cast<float>(s.hidden));
    fill(weight_hh_, gates * hidden_, 1.0f / static_cast<float>(s.hidden));
    fill(bias_, gates, 0.1f);
    weights_ = {input, hidden_, weight_ih_.data(), weight_hh_.data(), bias_.data(), bias_.data()};
    for (auto [gradient, size] : {std::pair{&dweight_ih_, gates * input},
                                  {&dweight_hh_, gates * hidden_},
                                  {&dbias_ih_, gates},
                                  {&dbias_hh_, gates}}) {
      gradient->assign(size, 0.0f);
    }
    gradients_ = {dweight_ih_.data(), dweight_hh_.data(), dbias_ih_.data(), dbias_hh_.data()};
    if (cell == Cell::kGruResetBefore) weights_.bias_hh = gradients_.bias_hh = nullptr;
    x_ = rows(x_values_, input, 1.0f);
    dx_ = rows(dx_values_, input, 0.0f);
    dy_ = rows(dy_values_, hidden_, 0.1f);
  }

  void forward(bool training) {
    switch (cell_) {
      case Cell::kElman:
        return elman_forward<float>(weights_, false, packing_, false, x_, work_);
      case Cell::kGru:
        return gru_forward<float>(weights_, packing_, false, x_, training, work_);
      case Cell::kGruResetBefore:
        return gru_reset_before_forward<float>(weights_, packing_, false, x_, work_);
      case Cell::kLstm:
        return lstm_forward<float>(weights_, packing_, false, x_, training, work_);
    }
  }

  void backward(bool input_gradient) {
    const Rows<float> dx = input_gradient ? dx_ : Rows<float>{};
    switch (cell_) {
      case Cell::kElman:
        return elman_backward<float>(weights_, false, gradients_, packing_, false, x_, {dy_}, {}, {dx}, false, false,
                                     work_);
      case Cell::kGru:
        return gru_backward<float>(weights_, gradients_, packing_, false, x_, {dy_}, {}, {dx}, false, false, work_);
      case Cell::kGruResetBefore:
        return gru_reset_before_backward<float>(weights_, gradients_, packing_, false, x_, {dy_}, {}, {dx}, false,
                                                false, work_);
      case Cell::kLstm:
        return lstm_backward<float>(weights_, gradients_, packing_, false, x_, {dy_}, {}, {}, {dx}, false, false,
                                    work_);
    }
  }

 private:
  static void fill(std::vector<float>& values, std::size_t size, float scale) {
    values.resize(size);
    for (std::size_t i = 0; i < size; ++i) values[i] = scale * (static_cast<float>(i * 7 % 11) / 5 - 1);
  }
  Rows<float> rows(std::vector<float>& values, std::size_t width, float scale) {
    const std::size_t stride = round_up<float>(width);
    fill(values, packing_.rows * stride, scale);
    return {values.data(), stride};
  }

  Cell cell_;
  std::size_t hidden_;
  Packing packing_;
  std::vector<float> weight_ih_, weight_hh_, bias_, dweight_ih_, dweight_hh_, dbias_ih_, dbias_hh_;
  std::vector<float> x_values_, dx_values_, dy_values_;
  RecurrentWeights<float> weights_;
  RecurrentGradients<float> gradients_;
  Rows<float> x_, dx_, dy_;
  RecurrentWork<float> work_;
};

void run(benchmark::State& state, Cell cell, Task task) {
  const auto argument = [&](std::size_t i) { return static_cast<int>(state.range(i)); };
  const Size size{argument(0), argument(1), argument(2), argument(3)};
  Layer layer(cell, size);
  bench::measure_flops<float>(state, flops_of(cell, task, size), argument(4), [&] {
    layer.forward(task != Task::kForward);
    if (task != Task::kForward) layer.backward(task == Task::kTrainingWithInput);
    benchmark::ClobberMemory();
  });
}

void add(const std::string& name, Cell cell, const std::vector<Size>& sizes) {
  for (auto [suffix, task] : {std::pair{"forward", Task::kForward},
                              {"training", Task::kTraining},
                              {"training_dx", Task::kTrainingWithInput}}) {
    const auto function = [cell, task = task](benchmark::State& state) { run(state, cell, task); };
    auto* b = benchmark::RegisterBenchmark((name + "_" + suffix).c_str(), function);
    b->ArgNames({"T", "B", "I", "H", "threads"})->UseRealTime()->Unit(benchmark::kMicrosecond);
    for (const Size& s : sizes) {
      for (int threads : {1, 2}) b->Args({s.steps, s.batch, s.input, s.hidden, threads});
    }
  }
}

const bool added = [] {
  const std::vector<Size> common{{50, 1, 32, 32}, {50, 16, 64, 64}, {50, 32, 128, 128}, {100, 32, 256, 256}};
  std::vector<Size> all = common;
  all.insert(all.begin() + 1, {50, 7, 5, 37});
  all.insert(all.end(), {{100, 64, 512, 512}, {20, 128, 650, 650}});
  add("lstm", Cell::kLstm, all);
  add("gru", Cell::kGru, common);
  add("gru_reset_before", Cell::kGruResetBefore, common);
  add("elman", Cell::kElman, common);
  return true;
}();

}  // namespace
