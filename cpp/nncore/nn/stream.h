#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nncore/nn/network.h"

namespace nncore {

/// Inference one step at a time: a packed copy of a network's weights, and the state of `rows` sequences. `step` allocates
/// nothing. One step at a time (InUse otherwise); a network without bidirectional layers.
template <typename T>
class NetworkStream {
 public:
  NetworkStream(const Network<T>& network, View<const T, 1> parameters, View<const T, 1> buffers, std::size_t rows);
  ~NetworkStream();

  std::size_t rows() const { return rows_; }
  std::size_t input_features() const;  ///< 0: takes ids
  std::size_t output_features() const;
  std::size_t weights() const;  ///< how many a step multiplies each row with, at most

  /// The next step of every row: values (rows, F), or ids (rows) before an Embedding, to y (rows, F).
  void step(View<const T, 2> x, View<T, 2> y);
  void step(View<const std::int64_t, 1> ids, View<T, 2> y);

  /// The state, (layers, rows, H) for each of the network's states: live, to read and to write between steps.
  const std::vector<View<T, 3>>& state() const { return state_; }
  /// For whoever reads or writes the state beside threads that step.
  UseFlag& use() { return flag_; }

 private:
  using Plan = typename Network<T>::Plan;
  using Workspace = typename Network<T>::Workspace;
  void run(const NetworkInput<T>& x, View<T, 2> y);

  std::shared_ptr<const Plan> plan_;
  std::size_t rows_;
  std::unique_ptr<Workspace> work_;
  std::vector<T> weights_, memory_;
  std::vector<View<T, 3>> state_;
  UseFlag flag_;
};

}  // namespace nncore
