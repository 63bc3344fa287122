#include "nncore/rl/q_network.h"

#include "nncore/core/threads.h"
#include "nncore/rl/q_passes.h"

namespace nncore {

template <typename T>
QNetwork<T>::QNetwork(std::vector<std::size_t> sizes)
    : sizes_(std::move(sizes)), passes_(std::make_unique<QPasses<T>>()) {
  require(sizes_.size() >= 2, "sizes must be those of the observation, the hidden layers and the actions");
  for (std::size_t size : sizes_) {
    require(size >= 1 && size <= (std::size_t{1} << 24), "sizes must be from 1 to 2**24, but one came as ", size);
  }
  const auto add = [&](const std::string& name, std::vector<std::size_t> shape) {
    const std::size_t offset = size_;
    std::size_t count = 1;
    for (std::size_t extent : shape) count *= extent;
    size_ += round_up<T>(count);
    arrays_.push_back({name, offset, std::move(shape)});
    return offset;
  };
  for (std::size_t l = 0; l + 1 < sizes_.size(); ++l) {
    const std::string prefix = std::to_string(l) + ".";
    QLayer layer{sizes_[l], sizes_[l + 1], 0, 0};
    layer.weight = add(prefix + "weight", {layer.output, layer.input});
    layer.bias = add(prefix + "bias", {layer.output});
    passes_->layers.push_back(layer);
  }
  const std::size_t count = passes_->layers.size();
  for (QCopyState<T>& copy : passes_->copies) {
    copy.columns.resize(count);
    copy.bias.resize(count);
    copy.y.resize(count);
  }
  passes_->back.resize(count);
  passes_->dz.resize(count);
}

template <typename T>
QNetwork<T>::~QNetwork() = default;

template <typename T>
void QNetwork<T>::pack(QCopy which, View<const T, 1> parameters) {
  require(parameters.size() == size_, "parameters", "of the network's size, ", size_, parameters);
  QPasses<T>& passes = *passes_;
  QCopyState<T>& copy = passes.at(which);
  for (std::size_t l = 0; l < passes.layers.size(); ++l) {
    const QLayer& layer = passes.layers[l];
    if (passes.has_few_inputs(l)) {
      copy.first.reserve(layer.input * round_up<T>(layer.output));
    } else if (passes.has_few_outputs(l)) {
      copy.last.reserve(layer.output * round_up<T>(layer.input));
    } else {
      copy.columns[l].reserve(layer.input, layer.output, Padding::kTight, most_parts());
    }
    copy.bias[l].reserve(round_up<T>(layer.output));
  }
  parallel_parts(most_parts(), 0.3 * static_cast<double>(size_), [&](std::size_t part, std::size_t parts) {
    for (std::size_t l = 0; l < passes.layers.size(); ++l) passes.pack(copy, l, parameters.data(), {part, parts});
  });
}

template <typename T>
void QNetwork<T>::values(QCopy which, View<const T, 2> x, View<T, 2> q) {
  const std::size_t n = x.extent(0);
  require(x.extent(1) == observation_size(), "observations", "(n, d) with d = ", observation_size(), x);
  require(q.extent(0) == n && q.extent(1) == actions(), "q", "(n, actions) = ", shape_text<2>({n, actions()}), q);
  QCopyState<T>& copy = passes_->at(which);
  passes_->reserve(copy, n);
  const double nanoseconds = static_cast<double>(n) * passes_->multiplications() / 25;
  const std::size_t last = passes_->layers.size() - 1;
  parallel_ranges(n, kTileRows, nanoseconds, [&](std::size_t begin, std::size_t end) {
    for (std::size_t l = 0; l <= last; ++l) passes_->forward_layer(copy, l, x, begin, end, 0);
    const Rows<T> y = copy.rows(passes_->layers[last], last);
    for (std::size_t row = begin; row < end; ++row) std::copy_n(y[row], actions(), q.row(row));
  });
}

template <typename T>
double QNetwork<T>::nanoseconds(const QLoss& loss, std::size_t n) const {
  const double passes = loss.double_q ? 5 : 4;
  return passes * static_cast<double>(n) * passes_->multiplications() / 50;
}

template <typename T>
void QNetwork<T>::check(const QBatch<T>& batch) const {
  const std::size_t n = batch.actions.extent(0);
  const auto rows = [&](const View<const T, 2>& x, const char* name) {
    require(x.extent(0) == n && x.extent(1) == observation_size(), name,
            "(n, d) = ", shape_text<2>({n, observation_size()}), x);
  };
  const auto column = [&](const View<const T, 1>& x, const char* name) {
    require(x.extent(0) == n, name, "of one number per transition, n = ", n, x);
  };
  require(n >= 1, "a batch must have at least one transition");
  rows(batch.observations, "observations");
  rows(batch.next_observations, "next_observations");
  column(batch.rewards, "rewards");
  column(batch.bootstrap, "bootstrap");
  column(batch.weights, "weights");
  for (std::size_t i = 0; i < n; ++i) {
    require(batch.actions(i) >= 0 && static_cast<std::size_t>(batch.actions(i)) < actions(),
            "actions must be from 0 to ", actions() - 1, ", but one is ", batch.actions(i));
  }
}

template <typename T>
double QNetwork<T>::gradient(const QLoss& loss, const QBatch<T>& batch, View<const T, 1> parameters,
                             View<T, 1> gradients, View<T, 1> td_errors) {
  check(batch);
  const std::size_t n = batch.actions.extent(0);
  require(parameters.size() == size_, "parameters", "of the network's size, ", size_, parameters);
  require(gradients.size() == size_, "gradients", "of the network's size, ", size_, gradients);
  require(td_errors.size() == n, "td_errors", "of one number per transition, n = ", n, td_errors);

  QPasses<T>& passes = *passes_;
  passes.reserve_gradient(loss.double_q, n);
  const CloseCalls close(nanoseconds(loss, n));
  passes.forward_hidden(loss, batch, parameters.data());
  passes.forward_last(loss, batch, parameters.data(), td_errors);
  passes.backward(batch, gradients.data());
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += passes.losses.data()[i];
  return sum / static_cast<double>(n);
}

template class QNetwork<float>;
template class QNetwork<double>;

}  // namespace nncore
