#include "nncore/nn/network.h"

#include "nncore/nn/network_plan.h"

namespace nncore {

template <typename T>
Network<T>::Network(const std::vector<LayerSpec>& layers) : plan_(std::make_shared<Plan>()) {
  require(!layers.empty(), "layers must not be empty");
  for (std::size_t i = 0; i < layers.size(); ++i) plan_->add(layers[i], i);
  require(plan_->output_features > 0, "layers must have at least one layer with a width");
}

template <typename T>
Network<T>::~Network() = default;

template <typename T>
const std::vector<ParameterInfo>& Network<T>::parameters() const {
  return plan_->parameters.infos();
}
template <typename T>
const std::vector<ParameterInfo>& Network<T>::buffers() const {
  return plan_->buffers.infos();
}
template <typename T>
std::size_t Network<T>::parameter_size() const {
  return plan_->parameters.size();
}
template <typename T>
std::size_t Network<T>::buffer_size() const {
  return plan_->buffers.size();
}
template <typename T>
const std::vector<StateInfo>& Network<T>::states() const {
  return plan_->states;
}
template <typename T>
std::size_t Network<T>::output_features() const {
  return plan_->output_features;
}
template <typename T>
bool Network<T>::takes_ids() const {
  return plan_->embeddings != 0;
}
template <typename T>
bool Network<T>::needs_steps() const {
  return plan_->needs_steps;
}
template <typename T>
bool Network<T>::drops_steps() const {
  return plan_->drops_steps;
}

template <typename T>
void Network<T>::initialize(std::uint64_t seed, View<T, 1> parameters, View<T, 1> buffers) const {
  plan_->check_arrays(parameters.size(), buffers.size());
  const auto fill = [&](const std::vector<ParameterInfo>& infos, View<T, 1> arrays) {
    std::fill_n(arrays.data(), arrays.size(), T(0));
    for (std::size_t i = 0; i < infos.size(); ++i) {
      const ParameterInfo& info = infos[i];
      const View<T, 1> values(arrays.data() + info.offset, {info.size});
      const Draws draws{seed, Stream::kParameters, 0, i};
      const T bound = static_cast<T>(info.bound);
      if (info.start == ParameterInfo::Start::kUniform) random_uniform<T>(draws, -bound, bound, values);
      if (info.start == ParameterInfo::Start::kNormal) random_normal<T>(draws, T(0), T(1), values);
      if (info.start == ParameterInfo::Start::kOnes) std::fill_n(values.data(), info.size, T(1));
    }
  };
  fill(plan_->parameters.infos(), parameters);
  fill(plan_->buffers.infos(), buffers);
}

template <typename T>
void Network<T>::infer(View<const T, 1> parameters, View<const T, 1> buffers, const NetworkInput<T>& x,
                       const NetworkState<T>& state, View<T, 3> y) const {
  plan_->check_arrays(parameters.size(), buffers.size());
  plan_->check_input(x);
  plan_->check_states(state, plan_->count_of(x), "state", "state");
  plan_->check_output(x, y);
  std::unique_ptr<Workspace> work = plan_->take_workspace();
  work->pass.training = false;
  work->pass.parameters = parameters.data();
  work->pass.buffers = buffers.data();
  work->pass.state_in = state.in;
  work->pass.state_out = state.out;
  plan_->lay_out(x, work->pass.packing);
  const PassCalls calls(plan_->nanoseconds(work->pass.packing, 1));
  plan_->load_input(x, false, *work);
  work->pass.packed = plan_->holds(*work, parameters);
  plan_->run(*work);
  plan_->write_output(*work, y);
  if (!work->pass.packed && parameters.size() <= Plan::kFew) {
    work->packed_from.assign(parameters.data(), parameters.data() + parameters.size());
  }
  plan_->give_back(std::move(work));
}

template <typename T>
void Network<T>::trace(View<const T, 1> parameters, View<const T, 1> buffers, const NetworkInput<T>& x,
                       TraceSink& sink) const {
  plan_->check_arrays(parameters.size(), buffers.size());
  plan_->check_input(x);
  const std::unique_ptr<Workspace> work = plan_->make_workspace();
  work->pass.parameters = parameters.data();
  work->pass.buffers = buffers.data();
  plan_->lay_out(x, work->pass.packing);
  plan_->load_input(x, false, *work);
  // Recurrent layers keep their gates when training; the others run as in inference.
  Signal<const T> signal = work->input;
  for (std::size_t i = 0; i < plan_->layers.size(); ++i) {
    const std::vector<TraceName> names = plan_->layers[i]->trace_names(i);
    work->pass.training = !names.empty();
    const Signal<T> y = plan_->layers[i]->forward(work->pass, signal, *work->layers[i]);
    signal = {y.values, y.rows, y.features};
    for (std::size_t n = 0; n < names.size(); ++n) {
      std::size_t hidden = 0;
      for (const StateInfo& state : plan_->states) hidden = state.layer == i ? state.hidden : hidden;
      const View<T, 3> out = sink.place(names[n].layer, names[n].stacked, names[n].name, hidden);
      plan_->layers[i]->copy_trace(work->pass, *work->layers[i], n, out);
    }
  }
}

// The members for training are in network_training.cpp.
template class Network<float>;
template class Network<double>;

}  // namespace nncore
