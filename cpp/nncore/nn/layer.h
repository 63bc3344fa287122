#pragma once

// What a layer is inside a network. For kernels only.

#include <memory>
#include <vector>

#include "nncore/core/buffer.h"
#include "nncore/core/random.h"
#include "nncore/core/rows.h"
#include "nncore/nn/layer_spec.h"
#include "nncore/nn/packing.h"

namespace nncore {

/// A network's flat arrays, and one batch on its way through it.
template <typename T>
struct Pass {
  bool training = false;
  bool packed = false;               ///< the works hold the weights already, packed by the pass before
  std::uint64_t seed = 0, step = 0;  ///< of the random draws
  const T* parameters = nullptr;
  const T* buffers = nullptr;
  T* gradients = nullptr;
  const std::int64_t* ids = nullptr;  ///< in the caller's (N, T) layout, before an Embedding
  Packing packing;
  PlacedRows<const T> dy;  ///< the output's gradient where the caller has it, for a last layer that reads it there
  PlacedRows<T> dx;        ///< where the caller wants the input's gradient, for a first layer that writes it there
  std::vector<View<const T, 3>> state_in, dstate_in;  ///< empty: zeros
  std::vector<View<T, 3>> state_out, dstate_out;      ///< empty: not wanted
};

/// What lies between two layers: the steps of packed sequences, or one row per sequence.
template <typename T>
struct Signal {
  Rows<T> values;
  std::size_t rows = 0;
  std::size_t features = 0;
};

/// A layer's memory for one batch; grows, never shrinks.
template <typename T>
struct LayerWork {
  virtual ~LayerWork() = default;
  Buffer<T> y_buffer, dx_buffer;
  Rows<T> y, dx;

  Rows<T> make(Buffer<T>& buffer, std::size_t rows, std::size_t features) {
    const std::size_t stride = round_up<T>(features);
    return {buffer.reserve(rows * stride + 1), stride};
  }
};

/// One gate or state of a recurrent layer over time, for pictures.
struct TraceName {
  std::size_t layer;    ///< in the network
  std::size_t stacked;  ///< among the layers stacked in it
  std::string name;
};

template <typename T>
class Layer {
 public:
  virtual ~Layer() = default;
  virtual std::unique_ptr<LayerWork<T>> make_work() const { return std::make_unique<LayerWork<T>>(); }
  /// Throws when this batch cannot be trained on.
  virtual void check_training(std::size_t /*rows*/) const {}
  virtual Signal<T> forward(const Pass<T>& pass, const Signal<const T>& x, LayerWork<T>& work) const = 0;
  /// Whether backward also takes no dy, and reads pass.dy, as the last layer; rows there have no padding.
  virtual bool reads_placed_gradient() const { return false; }
  /// Whether backward writes to pass.dx, where that is set, as the first layer; rows there have no padding.
  virtual bool writes_placed_gradient() const { return false; }
  /// Adds to pass.gradients. dy may be overwritten. Returns dx, or nothing when `input_gradient` is false or it is at
  /// pass.dx.
  virtual Rows<T> backward(const Pass<T>& pass, const Signal<const T>& x, Rows<T> dy, bool input_gradient,
                           LayerWork<T>& work) const = 0;
  /// Writes what the batch changes in the network's buffers, after the step has succeeded.
  virtual void update_buffers(T* /*buffers*/, const LayerWork<T>& /*work*/) const {}

  /// Names of what a training forward keeps, one for each array of copy_trace.
  virtual std::vector<TraceName> trace_names(std::size_t /*layer*/) const { return {}; }
  virtual void copy_trace(const Pass<T>&, const LayerWork<T>&, std::size_t /*index*/, View<T, 3>) const {}
};

/// Lays out the arrays of a network: each starts on 64 bytes.
template <typename T>
class Layout {
 public:
  std::size_t add(std::string name, std::vector<std::size_t> shape, ParameterInfo::Start start, double bound = 0) {
    ParameterInfo info{std::move(name), std::move(shape), size_, 1, start, bound};
    constexpr std::size_t kMost = std::size_t{1} << 40;  // elements of one array; far more than memory holds
    for (std::size_t extent : info.shape) {
      require(extent <= kMost / info.size, "layers: ", info.name, " would have more than 2^40 elements");
      info.size *= extent;
    }
    size_ += round_up<T>(info.size);
    infos_.push_back(std::move(info));
    return infos_.back().offset;
  }
  const ParameterInfo* find(const std::string& name) const {
    for (const ParameterInfo& info : infos_) {
      if (info.name == name) return &info;
    }
    return nullptr;
  }
  const std::vector<ParameterInfo>& infos() const { return infos_; }
  std::size_t size() const { return size_; }

 private:
  std::vector<ParameterInfo> infos_;
  std::size_t size_ = 0;
};

template <typename T>
std::unique_ptr<Layer<T>> make_dense(const LayerSpec&, const std::string& prefix, Layout<T>& parameters);
template <typename T>
std::unique_ptr<Layer<T>> make_embedding(const LayerSpec&, const std::string& prefix, Layout<T>& parameters);
template <typename T>
std::unique_ptr<Layer<T>> make_dropout(const LayerSpec&, std::size_t index);
template <typename T>
std::unique_ptr<Layer<T>> make_batch_norm(const LayerSpec&, const std::string& prefix, Layout<T>& parameters,
                                          Layout<T>& buffers);
template <typename T>
std::unique_ptr<Layer<T>> make_last_step(const LayerSpec&);
/// `first_state` is the place of its (first) state in Pass::state_in.
template <typename T>
std::unique_ptr<Layer<T>> make_recurrent(const LayerSpec&, const std::string& prefix, Layout<T>& parameters,
                                         std::size_t first_state);

}  // namespace nncore
