#include <cmath>

#include "nncore/nn/network_plan.h"

namespace nncore {

namespace {

/// y without the padding of its rows, as the losses read it.
template <typename T>
View<T, 2> compact(const Signal<T>& y, Buffer<T>& buffer) {
  if (y.values.stride == y.features) return {y.values.data, {y.rows, y.features}};
  T* to = buffer.reserve(y.rows * y.features + 1);
  for (std::size_t row = 0; row < y.rows; ++row) std::copy_n(y.values[row], y.features, to + row * y.features);
  return {to, {y.rows, y.features}};
}

/// The rows of dy with room for whole blocks.
template <typename T>
Rows<T> padded(View<T, 2> dy, Buffer<T>& buffer) {
  const std::size_t rows = dy.extent(0), features = dy.extent(1), stride = round_up<T>(features);
  if (stride == features) return {dy.data(), features};
  const Rows<T> to{buffer.reserve(rows * stride + 1), stride};
  for (std::size_t row = 0; row < rows; ++row) {
    std::copy_n(dy.row(row), features, to[row]);
    std::fill(to[row] + features, to[row] + stride, T(0));
  }
  return to;
}

std::string text_of(double value) { return std::isnan(value) ? "nan" : std::to_string(value); }  // no "-nan"

View<const std::int64_t, 1> rows_of(const std::vector<std::int64_t>& places) {
  return {places.data(), {places.size()}};
}

}  // namespace

/// Whatever can be wrong with a training batch is found here: after it, the batch is taken in.
template <typename T>
void Network<T>::Plan::check_training(View<const T, 1> parameters_array, View<const T, 1> buffers_array,
                                      const NetworkInput<T>& x, const NetworkState<T>& state) {
  check_arrays(parameters_array.size(), buffers_array.size());
  check_input(x);
  check_states(state, count_of(x), "state", "state");
  lay_out(x, incoming);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i]->check_training(drops_before[i] ? incoming.sequences : incoming.rows);
  }
}

template <typename T>
void Network<T>::Plan::take_in(View<const T, 1> parameters_array, View<const T, 1> buffers_array,
                               const NetworkInput<T>& x, const NetworkState<T>& state, bool copy) {
  if (training == nullptr) {
    training = make_workspace();
    training->pass.packing = incoming;  // the two change places: with both laid out the next batch needs no memory
  }
  remembered = false;
  Workspace& work = *training;
  std::swap(work.pass.packing, incoming);
  work.pass.training = true;
  work.pass.parameters = parameters_array.data();
  work.pass.buffers = buffers_array.data();
  work.pass.state_in = state.in;
  work.pass.state_out = state.out;
  work.pass.dstate_in.clear();
  work.pass.dstate_out.clear();
  load_input(x, copy, work);
}

template <typename T>
double Network<T>::Plan::begin_gradients(double l2, View<const T, 1> parameters_array, View<T, 1> gradients) const {
  std::fill_n(gradients.data(), gradients.size(), T(0));
  if (l2 == 0) return 0;
  double squares = 0;
  for (const ParameterInfo& info : parameters.infos()) {
    if (info.shape.size() < 2) continue;
    squares += scale_into<T>(static_cast<T>(l2), {parameters_array.data() + info.offset, {info.size}},
                             {gradients.data() + info.offset, {info.size}});
  }
  return l2 / 2 * squares;
}

template <typename T>
void Network<T>::Plan::update_buffers(View<T, 1> buffers_array) const {
  for (std::size_t i = 0; i < layers.size(); ++i) layers[i]->update_buffers(buffers_array.data(), *training->layers[i]);
}

template <typename T>
void Network<T>::forward(View<const T, 1> parameters, View<T, 1> buffers, const NetworkInput<T>& x,
                         const NetworkState<T>& state, View<T, 3> y) {
  const UseFlag::Guard guard(plan_->training_flag, "the network");
  plan_->check_output(x, y);
  plan_->check_training(parameters, buffers, x, state);
  const PassCalls calls(plan_->nanoseconds(plan_->incoming, 1));
  plan_->take_in(parameters, buffers, x, state, true);
  plan_->run(*plan_->training);
  plan_->write_output(*plan_->training, y);
  plan_->update_buffers(buffers);
  plan_->remembered = true;
  plan_->remembered_steps = x.has_steps;
  ++plan_->passes;
}

template <typename T>
std::uint64_t Network<T>::passes() const {
  return plan_->passes;
}

template <typename T>
bool Network<T>::remembers() const {
  return plan_->remembered;
}

template <typename T>
std::vector<std::size_t> Network<T>::remembered_input_shape() const {
  if (!plan_->remembered) return {};
  const Packing& packing = plan_->training->pass.packing;
  std::vector<std::size_t> shape{packing.sequences};
  if (plan_->remembered_steps) shape.push_back(packing.steps);
  if (plan_->embeddings == 0) shape.push_back(plan_->input_features);
  return shape;
}

template <typename T>
std::vector<std::size_t> Network<T>::remembered_shape() const {
  if (!plan_->remembered) return {};
  const Workspace& work = *plan_->training;
  const Packing& packing = work.pass.packing;
  if (!work.has_steps) return {packing.sequences, work.output.features};
  return {packing.sequences, packing.steps, work.output.features};
}

template <typename T>
void Network<T>::backward(View<const T, 1> parameters, View<T, 1> gradients, View<const T, 3> dy,
                          const NetworkState<T>& state, View<T, 3> dx) {
  const UseFlag::Guard guard(plan_->training_flag, "the network");
  require(plan_->remembered, "backward needs a forward before it (inference and train_step are not remembered)");
  Workspace& work = *plan_->training;
  const Packing& packing = work.pass.packing;
  plan_->check_arrays(parameters.size(), plan_->buffers.size());
  require(gradients.size() == parameters.size(), "gradients must have ", parameters.size(), " elements, but has ",
          gradients.size());
  const std::array<std::size_t, 3> shape{packing.sequences, work.has_steps ? packing.steps : 1, work.output.features};
  require(dy.extents() == shape, "dy must have the shape of y, ", shape, ", but came as ", dy.extents());
  plan_->check_states(state, packing.sequences, "dstate", "dstate");
  require(dx.data() == nullptr || plan_->embeddings == 0, "input_gradient must be False: the network takes ids");
  const std::array<std::size_t, 3> x_shape{packing.sequences, packing.steps, plan_->input_features};
  require(dx.data() == nullptr || dx.extents() == x_shape, "dx must have the shape of x, ", x_shape, ", but came as ",
          dx.extents());

  work.pass.parameters = parameters.data();
  work.pass.gradients = gradients.data();
  work.pass.dstate_in = state.in;
  work.pass.dstate_out = state.out;
  plan_->remembered = false;  // the gates are overwritten in place
  const PassCalls calls(plan_->nanoseconds(packing, 2));
  const bool wanted = dx.data() != nullptr;
  const PlacedRows<T> place = wanted ? plan_->place_of_input_gradient(packing, dx) : PlacedRows<T>{};
  const Rows<T> gradient = plan_->run_back(work, plan_->read_output_gradient(dy, work), wanted, place);
  if (wanted && !place.rows) plan_->write_input_gradient(packing, gradient, dx);
}

template <typename T>
double Network<T>::train_step(View<T, 1> parameters, View<T, 1> gradients, View<T, 1> buffers, const NetworkInput<T>& x,
                              const NetworkState<T>& state, const TrainingStep<T>& step) {
  const UseFlag::Guard guard(plan_->training_flag, "the network");
  require(gradients.size() == parameters.size(), "gradients must have ", parameters.size(), " elements, but has ",
          gradients.size());
  require(std::isfinite(static_cast<T>(step.l2)) && step.l2 >= 0, "l2 must be at least 0 and finite in ",
          sizeof(T) == 4 ? "float32" : "float64", ", but came as ", step.l2);
  plan_->check_training(parameters, buffers, x, state);
  check_target(step.loss, step.target, plan_->output_features,
               rows_of(plan_->output_places(plan_->incoming, x.has_steps)));
  const PassCalls calls(plan_->nanoseconds(plan_->incoming, 3));
  plan_->take_in(parameters, buffers, x, state, false);
  Workspace& work = *plan_->training;

  plan_->run(work);
  const View<T, 2> y = compact(work.output, work.compact_buffer);
  // The output itself stays: layers read it in their backward pass.
  const View<T, 2> dy(work.loss_buffer.reserve(y.size() + 1), y.extents());
  const double loss = loss_forward_backward<T>(
      step.loss, y, step.target, {}, rows_of(plan_->output_places(work.pass.packing, x.has_steps)), step.weights, dy);
  if (!std::isfinite(loss)) throw Divergence("the loss is not finite (" + text_of(loss) + "); nothing was changed");

  const double penalty = plan_->begin_gradients(step.l2, parameters, gradients);
  work.pass.gradients = gradients.data();
  plan_->run_back(work, padded(dy, work.dy_buffer), false);
  const double norm = gradient_norm<T>(gradients);
  if (!std::isfinite(norm)) {
    throw Divergence("the gradient's norm is not finite (" + text_of(norm) + "); no parameter was changed");
  }
  const double factor = step.max_grad_norm > 0 ? clip_factor(norm, step.max_grad_norm) : 1.0;
  if (factor != 1.0) scale(gradients, static_cast<T>(factor));
  optimizer_step<T>(step.optimizer, T(1), gradients, parameters, step.slot0, step.slot1);
  plan_->update_buffers(buffers);
  ++plan_->passes;
  return loss + penalty;
}

template class Network<float>;
template class Network<double>;

}  // namespace nncore
