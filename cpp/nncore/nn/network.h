#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "nncore/core/in_use.h"
#include "nncore/core/view.h"
#include "nncore/nn/layer_spec.h"
#include "nncore/nn/losses.h"
#include "nncore/nn/optimizers.h"

namespace nncore {

/// A loss or gradient that is no longer finite (Python's FloatingPointError).
class Divergence : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What goes into a network: values (N, T, F), or ids (N, T) before an Embedding; T is 1 when the batch has no steps.
template <typename T>
struct NetworkInput {
  View<const T, 3> values;
  View<const std::int64_t, 2> ids;
  View<const std::int64_t, 1> lengths;  ///< empty: all full
  bool has_steps = false;
  std::uint64_t seed = 0, step = 0;  ///< of the random draws in training
};

/// States, one array (layers * directions, N, H) per state: h for Elman and GRU, h and c for LSTM. Empty lists: zeros in,
/// not wanted out.
template <typename T>
struct NetworkState {
  std::vector<View<const T, 3>> in;
  std::vector<View<T, 3>> out;
};

/// One of the arrays that make up a state.
struct StateInfo {
  std::size_t layer;   ///< in the network
  std::size_t planes;  ///< layers * directions
  std::size_t hidden;
};

/// How a network is trained in one step.
template <typename T>
struct TrainingStep {
  Loss loss;
  Target<T> target;          ///< rows in the caller's (N, T) layout, or (N)
  View<const T, 1> weights;  ///< per target row, or empty
  double l2 = 0;             ///< l2 / 2 times the squares of the weights, not of the biases, is part of the loss
  double max_grad_norm = 0;  ///< 0: no clipping
  OptimizerStep optimizer;
  View<T, 1> slot0, slot1;
};

template <typename T>
class NetworkStream;

/// The plan and the workspaces of a network. It owns none of the parameters: they are the caller's flat arrays, given with
/// every call. `infer` may run in several threads at once; one training call at a time (InUse otherwise).
template <typename T>
class Network {
 public:
  explicit Network(const std::vector<LayerSpec>& layers);
  ~Network();

  const std::vector<ParameterInfo>& parameters() const;
  const std::vector<ParameterInfo>& buffers() const;
  std::size_t parameter_size() const;
  std::size_t buffer_size() const;
  const std::vector<StateInfo>& states() const;
  std::size_t output_features() const;
  bool takes_ids() const;
  bool needs_steps() const;
  bool drops_steps() const;  ///< has a LastStep

  /// Draws the starting values (PyTorch's distributions); parameter i is draw stream step i of `seed`.
  void initialize(std::uint64_t seed, View<T, 1> parameters, View<T, 1> buffers) const;

  /// y (N, T, F), or (N, 1, F) without steps; padding becomes 0.
  void infer(View<const T, 1> parameters, View<const T, 1> buffers, const NetworkInput<T>& x,
             const NetworkState<T>& state, View<T, 3> y) const;

  /// The same in training; remembered for `backward`. Updates `buffers`.
  void forward(View<const T, 1> parameters, View<T, 1> buffers, const NetworkInput<T>& x, const NetworkState<T>& state,
               View<T, 3> y);
  /// Calls of `forward` and `train_step` that have done all they were to do.
  std::uint64_t passes() const;
  bool remembers() const;
  /// Shapes of the remembered x and y, as (N, F), (N, T, F) or, of ids, (N), (N, T); empty where nothing is remembered.
  std::vector<std::size_t> remembered_input_shape() const;
  std::vector<std::size_t> remembered_shape() const;

  /// Adds to `gradients`; writes dx (N, T, F) unless it is empty. `state`: gradients of the final state in, of the initial
  /// state out.
  void backward(View<const T, 1> parameters, View<T, 1> gradients, View<const T, 3> dy, const NetworkState<T>& state,
                View<T, 3> dx);

  /// One whole step: forward, loss, backward (gradients are overwritten), clipping, optimizer. Returns the loss. When the
  /// loss or the gradient's norm is not finite it throws Divergence and leaves parameters, buffers and slots as they were.
  double train_step(View<T, 1> parameters, View<T, 1> gradients, View<T, 1> buffers, const NetworkInput<T>& x,
                    const NetworkState<T>& state, const TrainingStep<T>& step);

  /// Calls put(layer, stacked layer, name, view to fill (N, T, H)) for each gate and state of each recurrent layer.
  struct TraceSink {
    virtual ~TraceSink() = default;
    virtual View<T, 3> place(std::size_t layer, std::size_t stacked, const std::string& name, std::size_t hidden) = 0;
  };
  void trace(View<const T, 1> parameters, View<const T, 1> buffers, const NetworkInput<T>& x, TraceSink& sink) const;

 private:
  struct Plan;
  struct Workspace;
  template <typename>
  friend class NetworkStream;

  std::shared_ptr<Plan> plan_;
};

}  // namespace nncore
