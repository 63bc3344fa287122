#pragma once

// The inside of a network. For kernels only.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "nncore/core/interrupt.h"
#include "nncore/core/threads.h"
#include "nncore/nn/layer.h"
#include "nncore/nn/network.h"

namespace nncore {

template <typename T>
struct Network<T>::Workspace {
  Pass<T> pass;
  Signal<const T> input;
  std::vector<std::unique_ptr<LayerWork<T>>> layers;
  std::vector<Signal<const T>> inputs;  ///< of each layer
  Signal<T> output;
  bool has_steps = false;         ///< of the output
  std::vector<std::int64_t> ids;  ///< a copy, where they must outlive the call
  std::vector<T> packed_from;     ///< the parameters that the layers' works hold packed; empty: not known
  Buffer<T> x_buffer, dy_buffer, compact_buffer, loss_buffer;
};

/// The parallel calls of a pass, of so many nanoseconds on one thread all together.
struct PassCalls {
  explicit PassCalls(double nanoseconds) : close(nanoseconds), call(nanoseconds) {}
  CloseCalls close;
  LongCall call;
};

template <typename T>
struct Network<T>::Plan {
  Layout<T> parameters, buffers;
  std::vector<std::unique_ptr<Layer<T>>> layers;
  std::vector<StateInfo> states;
  std::size_t input_features = 0, output_features = 0;
  std::size_t embeddings = 0;  ///< 0: takes values
  std::size_t products = 0;    ///< multiplications and additions of a row's way through the layers
  bool needs_steps = false, drops_steps = false;
  bool reads_ahead = false;        ///< has a bidirectional layer
  std::vector<bool> drops_before;  ///< per layer: whether a LastStep comes before it

  UseFlag training_flag;
  std::unique_ptr<Workspace> training;
  std::atomic<std::uint64_t> passes{0};  ///< in training, that have done all they were to do
  bool remembered = false;
  bool remembered_steps = false;  ///< whether its x has steps
  Packing incoming;  ///< of a training batch until all of it has been checked: the remembered one stays whole

  std::mutex free_mutex;
  std::vector<std::unique_ptr<Workspace>> free;

  std::unique_ptr<Workspace> make_workspace() const {
    auto workspace = std::make_unique<Workspace>();
    for (const auto& layer : layers) workspace->layers.push_back(layer->make_work());
    workspace->inputs.resize(layers.size());
    return workspace;
  }
  std::unique_ptr<Workspace> take_workspace() {
    {
      const std::lock_guard<std::mutex> lock(free_mutex);
      if (!free.empty()) {
        auto workspace = std::move(free.back());
        free.pop_back();
        return workspace;
      }
    }
    return make_workspace();
  }
  void give_back(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard<std::mutex> lock(free_mutex);
    free.push_back(std::move(workspace));
  }

  /// So few parameters are compared with those packed last in less time than it takes to pack them.
  static constexpr std::size_t kFew = std::size_t{1} << 15;
  bool holds(const Workspace& work, View<const T, 1> given) const {
    return !given.empty() && work.packed_from.size() == given.size() &&
           std::memcmp(work.packed_from.data(), given.data(), given.size() * sizeof(T)) == 0;
  }

  std::size_t count_of(const NetworkInput<T>& x) const {
    return embeddings != 0 ? x.ids.extent(0) : x.values.extent(0);
  }

  void add(const LayerSpec& spec, std::size_t index);
  /// Of all the parallel calls of so many passes (a backward pass is two) over a batch, on one thread.
  double nanoseconds(const Packing& packing, int passes) const {
    return static_cast<double>(products) * static_cast<double>(packing.rows) * passes / 25;
  }
  void check_input(const NetworkInput<T>& x) const;
  void check_states(const NetworkState<T>& state, std::size_t count, const char* in, const char* out) const;
  void check_output(const NetworkInput<T>& x, View<T, 3> y) const;
  void check_arrays(std::size_t parameter_count, std::size_t buffer_count) const;
  /// Lays the batch out; throws when a length or an id is out of range.
  void lay_out(const NetworkInput<T>& x, Packing& packing) const;
  void check_ids(const NetworkInput<T>& x, const Packing& packing) const;
  /// Takes in the batch that work.pass.packing lays out; `copy`: it must outlive the call.
  void load_input(const NetworkInput<T>& x, bool copy, Workspace& work) const;
  void check_training(View<const T, 1> parameters_array, View<const T, 1> buffers_array, const NetworkInput<T>& x,
                      const NetworkState<T>& state);
  /// Row of the caller's layout for each row of the output.
  const std::vector<std::int64_t>& output_places(const Packing& packing, bool has_steps) const {
    return of_steps(has_steps) ? packing.padded_row : packing.order;
  }
  bool of_steps(bool has_steps) const { return has_steps && !drops_steps; }
  void take_in(View<const T, 1> parameters_array, View<const T, 1> buffers_array, const NetworkInput<T>& x,
               const NetworkState<T>& state, bool copy);
  void run(Workspace& work) const;
  void write_output(const Workspace& work, View<T, 3> y) const;
  Rows<T> read_output_gradient(View<const T, 3> dy, Workspace& work) const;
  /// `dx`: where the first layer writes, or nowhere; then it returns the gradient of the input.
  Rows<T> run_back(Workspace& work, Rows<T> dy, bool input_gradient, PlacedRows<T> dx = {}) const;
  /// Lets the gradients begin with those of l2 / 2 times the squares of the weights (the parameters of more than one
  /// axis), which is returned.
  double begin_gradients(double l2, View<const T, 1> parameters_array, View<T, 1> gradients) const;
  void update_buffers(View<T, 1> buffers_array) const;
  /// Where the first layer writes the gradient of the input itself, nowhere if it cannot; zeros in the padding of `out`.
  PlacedRows<T> place_of_input_gradient(const Packing& packing, View<T, 3> out) const;
  void write_input_gradient(const Packing& packing, Rows<T> dx, View<T, 3> out) const;
};

}  // namespace nncore
