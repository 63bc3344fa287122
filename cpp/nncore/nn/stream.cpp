#include "nncore/nn/stream.h"

#include "nncore/nn/network_plan.h"

namespace nncore {

template <typename T>
NetworkStream<T>::NetworkStream(const Network<T>& network, View<const T, 1> parameters, View<const T, 1> buffers,
                                std::size_t rows)
    : plan_(network.plan_), rows_(rows) {
  constexpr std::size_t kMost = std::size_t{1} << 31;  // far more than memory holds
  require(rows > 0 && rows < kMost, "batch_size must be at least 1 and below 2^31, but came as ", rows);
  require(!plan_->reads_ahead, "a network with a bidirectional layer cannot be streamed: it needs whole sequences");
  plan_->check_arrays(parameters.size(), buffers.size());
  weights_.assign(parameters.data(), parameters.data() + parameters.size());
  weights_.insert(weights_.end(), buffers.data(), buffers.data() + buffers.size());

  std::size_t size = 0;
  for (const StateInfo& info : plan_->states) size += info.planes * rows * info.hidden;
  memory_.resize(size);
  T* next = memory_.data();
  for (const StateInfo& info : plan_->states) {
    state_.emplace_back(next, std::array<std::size_t, 3>{info.planes, rows, info.hidden});
    next += state_.back().size();
  }

  work_ = plan_->make_workspace();
  Pass<T>& pass = work_->pass;
  pass.parameters = weights_.data();
  pass.buffers = weights_.data() + parameters.size();
  pass.state_in.assign(state_.begin(), state_.end());
  pass.state_out = state_;
  pass.packing.lay_out(rows, 1, {});
  // One step of zeros packs the weights and makes all memory that steps need.
  const std::vector<T> x(rows * plan_->input_features);
  const std::vector<std::int64_t> ids(rows);
  std::vector<T> y(rows * plan_->output_features);
  const View<T, 2> out(y.data(), {rows, plan_->output_features});
  if (plan_->embeddings != 0) {
    step(View<const std::int64_t, 1>(ids.data(), {rows}), out);
  } else {
    step(View<const T, 2>(x.data(), {rows, plan_->input_features}), out);
  }
  std::fill(memory_.begin(), memory_.end(), T(0));
  pass.packed = true;
}

template <typename T>
NetworkStream<T>::~NetworkStream() = default;

template <typename T>
std::size_t NetworkStream<T>::input_features() const {
  return plan_->embeddings != 0 ? 0 : plan_->input_features;
}
template <typename T>
std::size_t NetworkStream<T>::output_features() const {
  return plan_->output_features;
}
template <typename T>
std::size_t NetworkStream<T>::weights() const {
  return weights_.size();
}

template <typename T>
void NetworkStream<T>::step(View<const T, 2> x, View<T, 2> y) {
  require(plan_->embeddings == 0, "x must be ids: the network begins with an Embedding");
  const std::array<std::size_t, 2> shape{rows_, plan_->input_features};
  require(x.extents() == shape, "x must be (N, F) = ", shape, ", but came as ", x.extents());
  NetworkInput<T> input;
  input.values = View<const T, 3>(x.data(), {rows_, 1, plan_->input_features});
  run(input, y);
}

template <typename T>
void NetworkStream<T>::step(View<const std::int64_t, 1> ids, View<T, 2> y) {
  require(plan_->embeddings != 0, "x must be values (N, F): the network does not begin with an Embedding");
  require(ids.size() == rows_, "x must be ids (N,) with N = ", rows_, ", but has ", ids.size());
  NetworkInput<T> input;
  input.ids = View<const std::int64_t, 2>(ids.data(), {rows_, 1});
  plan_->check_ids(input, work_->pass.packing);
  run(input, y);
}

template <typename T>
void NetworkStream<T>::run(const NetworkInput<T>& x, View<T, 2> y) {
  const std::array<std::size_t, 2> shape{rows_, plan_->output_features};
  require(y.extents() == shape, "y must be ", shape, ", but came as ", y.extents());
  const UseFlag::Guard guard(flag_, "the stream");
  plan_->load_input(x, false, *work_);
  plan_->run(*work_);
  plan_->write_output(*work_, View<T, 3>(y.data(), {rows_, 1, plan_->output_features}));
}

template class NetworkStream<float>;
template class NetworkStream<double>;

}  // namespace nncore
