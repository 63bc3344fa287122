#include "nncore/nn/network_plan.h"

namespace nncore {

namespace {

bool recurrent(LayerKind kind) {
  return kind == LayerKind::kElman || kind == LayerKind::kLstm || kind == LayerKind::kGru;
}

/// What a user of the classes in Python cannot give, but one of the specs can.
void check_spec(const LayerSpec& spec, std::size_t index) {
  constexpr std::size_t kMost = std::size_t{1} << 32;
  constexpr double kMostParameters = 0x1p48;
  const auto check_size = [&](const char* name, std::size_t size) {
    require(size >= 1 && size <= kMost, "layers[", index, "].", name, " must be from 1 to 2^32, but is ", size);
  };
  require(spec.kind >= LayerKind::kDense && spec.kind <= LayerKind::kGru, "layers[", index,
          "].kind must be one of LayerKind, but is ", static_cast<int>(spec.kind));
  if (spec.kind == LayerKind::kLastStep) return;
  if (spec.kind == LayerKind::kDropout) {
    require(spec.p >= 0 && spec.p <= 1, "layers[", index, "].p must lie in [0, 1], but is ", spec.p);
    return;
  }
  check_size("input", spec.input);
  if (spec.kind == LayerKind::kBatchNorm) return;
  check_size("output", spec.output);
  double parameters = static_cast<double>(spec.input) * static_cast<double>(spec.output);
  if (recurrent(spec.kind)) {
    constexpr std::size_t kMostLayers = std::size_t{1} << 16;
    require(spec.num_layers >= 1 && spec.num_layers <= kMostLayers, "layers[", index,
            "].num_layers must be from 1 to 2^16, but is ", spec.num_layers);
    const auto hidden = static_cast<double>(spec.output);
    parameters = 4 * hidden * (static_cast<double>(spec.input) + 2 * hidden) * static_cast<double>(spec.num_layers);
  }
  require(spec.activation >= Activation::kNone && spec.activation <= Activation::kSoftplus, "layers[", index,
          "].activation must be one of Activation, but is ", static_cast<int>(spec.activation));
  require(parameters <= kMostParameters, "layers[", index, "] must have at most 2^48 parameters, but has about ",
          parameters);
}

/// Calls copy(row) for every row of `bytes`, of the steps or one per sequence. Threads share them out as recurrent layers
/// do: each finds its sequences in its own cache.
template <typename Copy>
void over_rows(const Packing& packing, bool of_steps, std::size_t bytes, const Copy& copy) {
  const std::size_t rows = of_steps ? packing.rows : packing.sequences;
  over_sequences(packing, static_cast<double>(rows * bytes) / 10, [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; !of_steps && b < end; ++b) copy(b);
    for (std::size_t t = 0; of_steps && t < packing.steps && begin < packing.active[t]; ++t) {
      for (std::size_t b = begin; b < std::min(end, packing.active[t]); ++b) copy(packing.start[t] + b);
    }
  });
}

}  // namespace

template <typename T>
void Network<T>::Plan::add(const LayerSpec& spec, std::size_t index) {
  check_spec(spec, index);
  const std::string prefix = std::to_string(index) + ".";
  const auto check_features = [&](std::size_t takes) {
    if (index == 0) {
      input_features = takes;
      return;
    }
    require(takes == output_features, "layers[", index, "] takes ", takes, " features, but layers[", index - 1,
            "] gives ", output_features);
  };
  const bool same_width = spec.kind == LayerKind::kDropout || spec.kind == LayerKind::kLastStep;
  if (same_width) {
    if (index == 0) input_features = 0;  // any width: the next layer that has one decides
  } else if (spec.kind != LayerKind::kEmbedding) {
    if (input_features == 0 && embeddings == 0) {
      input_features = output_features = spec.input;
    }
    check_features(spec.input);
  }
  if (recurrent(spec.kind) || spec.kind == LayerKind::kLastStep) {
    require(!drops_steps, "layers[", index, "] needs sequences, but a LastStep before it leaves one row per sequence");
    needs_steps = true;
  }
  drops_before.push_back(drops_steps);
  const std::size_t before = parameters.size();
  switch (spec.kind) {
    case LayerKind::kDense:
      layers.push_back(make_dense<T>(spec, prefix, parameters));
      break;
    case LayerKind::kEmbedding:
      require(index == 0, "layers[", index, "] is an Embedding; it can only come first");
      embeddings = spec.input;
      layers.push_back(make_embedding<T>(spec, prefix, parameters));
      break;
    case LayerKind::kDropout:
      layers.push_back(make_dropout<T>(spec, index));
      break;
    case LayerKind::kBatchNorm:
      layers.push_back(make_batch_norm<T>(spec, prefix, parameters, buffers));
      break;
    case LayerKind::kLastStep:
      drops_steps = true;
      layers.push_back(make_last_step<T>(spec));
      break;
    default: {
      const std::size_t planes = spec.num_layers * (spec.bidirectional ? 2 : 1);
      reads_ahead = reads_ahead || spec.bidirectional;
      const std::size_t first = states.size();
      states.insert(states.end(), spec.kind == LayerKind::kLstm ? 2 : 1, StateInfo{index, planes, spec.output});
      layers.push_back(make_recurrent<T>(spec, prefix, parameters, first));
    }
  }
  if (spec.kind != LayerKind::kEmbedding) products += parameters.size() - before;
  if (same_width) return;
  output_features = spec.kind == LayerKind::kBatchNorm
                        ? spec.input
                        : spec.output * (recurrent(spec.kind) && spec.bidirectional ? 2 : 1);
}

template <typename T>
void Network<T>::Plan::check_input(const NetworkInput<T>& x) const {
  require(x.has_steps || !needs_steps, "x must be sequences, (N, T", embeddings != 0 ? ")" : ", F)",
          ": the network has a recurrent layer or a LastStep");
  if (embeddings == 0) {
    require(x.values.extent(2) == input_features, "x must have ", input_features, " features, but has ",
            x.values.extent(2));
  }
}

template <typename T>
void Network<T>::Plan::check_states(const NetworkState<T>& state, std::size_t count, const char* in,
                                    const char* out) const {
  const auto check = [&](const auto& views, const char* name) {
    if (views.empty()) return;
    require(views.size() == states.size(), name, " must have ", states.size(), " arrays, but has ", views.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
      const std::array<std::size_t, 3> shape{states[i].planes, count, states[i].hidden};
      require(views[i].extents() == shape, name, " of layers[", states[i].layer,
              "] must be (layers * directions, N, H) = ", shape, ", but came as ", views[i].extents());
    }
  };
  check(state.in, in);
  check(state.out, out);
}

template <typename T>
void Network<T>::Plan::check_output(const NetworkInput<T>& x, View<T, 3> y) const {
  const std::size_t steps = embeddings != 0 ? x.ids.extent(1) : x.values.extent(1);
  const std::array<std::size_t, 3> shape{count_of(x), drops_steps ? 1 : steps, output_features};
  require(y.extents() == shape, "y must be ", shape, ", but came as ", y.extents());
}

template <typename T>
void Network<T>::Plan::check_arrays(std::size_t parameter_count, std::size_t buffer_count) const {
  require(parameter_count == parameters.size(), "parameters must have ", parameters.size(), " elements, but has ",
          parameter_count);
  require(buffer_count == buffers.size(), "buffers must have ", buffers.size(), " elements, but has ", buffer_count);
}

template <typename T>
void Network<T>::Plan::lay_out(const NetworkInput<T>& x, Packing& packing) const {
  packing.lay_out(count_of(x), embeddings != 0 ? x.ids.extent(1) : x.values.extent(1), x.lengths);
  if (embeddings != 0) check_ids(x, packing);
}

template <typename T>
void Network<T>::Plan::check_ids(const NetworkInput<T>& x, const Packing& packing) const {
  for (const std::int64_t place : packing.padded_row) {
    const std::int64_t id = x.ids.data()[place];
    if (id < 0 || static_cast<std::size_t>(id) >= embeddings) {
      throw std::out_of_range("x must hold ids in [0, " + std::to_string(embeddings) + "), but has " +
                              std::to_string(id));
    }
  }
}

template <typename T>
void Network<T>::Plan::load_input(const NetworkInput<T>& x, bool copy, Workspace& work) const {
  const Packing& packing = work.pass.packing;
  work.has_steps = x.has_steps;
  work.input = {{}, packing.rows, input_features};
  work.pass.ids = x.ids.data();
  work.pass.seed = x.seed;
  work.pass.step = x.step;
  if (embeddings != 0) {
    if (copy) {
      work.ids.assign(x.ids.data(), x.ids.data() + x.ids.size());
      work.pass.ids = work.ids.data();
    }
    return;
  }
  const bool in_order = packing.sequences == 1 || (packing.steps == 1 && x.lengths.empty());
  if (in_order && !copy) {
    work.input.values = {const_cast<T*>(x.values.data()), input_features};  // only read
    return;
  }
  const std::size_t stride = round_up<T>(input_features);
  T* to = work.x_buffer.reserve(packing.rows * stride + 1);
  over_rows(packing, true, input_features * sizeof(T), [&](std::size_t row) {
    std::copy_n(x.values.data() + static_cast<std::size_t>(packing.padded_row[row]) * input_features, input_features,
                to + row * stride);
  });
  work.input.values = {to, stride};
}

template <typename T>
void Network<T>::Plan::run(Workspace& work) const {
  Signal<const T> x = work.input;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    work.inputs[i] = x;
    work.output = layers[i]->forward(work.pass, x, *work.layers[i]);
    LongCall::check();
    x = {work.output.values, work.output.rows, work.output.features};
  }
  if (drops_steps) work.has_steps = false;
}

template <typename T>
void Network<T>::Plan::write_output(const Workspace& work, View<T, 3> y) const {
  const std::size_t features = work.output.features;
  const std::vector<std::int64_t>& places = output_places(work.pass.packing, work.has_steps);
  if (places.size() * features < y.size()) std::fill_n(y.data(), y.size(), T(0));
  over_rows(work.pass.packing, of_steps(work.has_steps), features * sizeof(T), [&](std::size_t row) {
    std::copy_n(work.output.values[row], features, y.data() + static_cast<std::size_t>(places[row]) * features);
  });
}

template <typename T>
Rows<T> Network<T>::Plan::read_output_gradient(View<const T, 3> dy, Workspace& work) const {
  const std::size_t features = work.output.features, stride = round_up<T>(features);
  const std::vector<std::int64_t>& places = output_places(work.pass.packing, work.has_steps);
  work.pass.dy = {};
  if (layers.back()->reads_placed_gradient()) {
    work.pass.dy = {{dy.data(), features}, places.data()};
    return {};
  }
  const Rows<T> rows{work.dy_buffer.reserve(places.size() * stride + 1), stride};
  over_rows(work.pass.packing, of_steps(work.has_steps), features * sizeof(T), [&](std::size_t row) {
    std::copy_n(dy.data() + static_cast<std::size_t>(places[row]) * features, features, rows[row]);
    std::fill(rows[row] + features, rows[row] + stride, T(0));
  });
  return rows;
}

template <typename T>
Rows<T> Network<T>::Plan::run_back(Workspace& work, Rows<T> dy, bool input_gradient, PlacedRows<T> dx) const {
  for (std::size_t i = layers.size(); i-- > 0;) {
    // The caller's arrays are for the layers at the ends alone.
    work.pass.dx = i == 0 ? dx : PlacedRows<T>{};
    dy = layers[i]->backward(work.pass, work.inputs[i], dy, i > 0 || input_gradient, *work.layers[i]);
    LongCall::check();
    work.pass.dy = {};
  }
  work.pass.dx = {};
  return dy;
}

template <typename T>
PlacedRows<T> Network<T>::Plan::place_of_input_gradient(const Packing& packing, View<T, 3> out) const {
  if (packing.rows * input_features < out.size()) std::fill_n(out.data(), out.size(), T(0));  // padding
  if (!layers.front()->writes_placed_gradient()) return {};
  return {{out.data(), input_features}, packing.padded_row.data()};
}

template <typename T>
void Network<T>::Plan::write_input_gradient(const Packing& packing, Rows<T> dx, View<T, 3> out) const {
  over_rows(packing, true, input_features * sizeof(T), [&](std::size_t row) {
    std::copy_n(dx[row], input_features,
                out.data() + static_cast<std::size_t>(packing.padded_row[row]) * input_features);
  });
}

template struct Network<float>::Plan;
template struct Network<double>::Plan;

}  // namespace nncore
