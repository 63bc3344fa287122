#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nncore {

/// The entries of an observation that are not zero.
template <typename T>
struct SparseInput {
  const std::uint32_t* indices;
  const T* values;
  std::size_t count;
};

/// π(a | s) of dense layers with ReLU between them and a softmax at the end. Both passes go over the inputs and the units
/// that are not zero: of a difference of video frames these are 2 in 100, of ReLU's outputs about a half.
/// Parameters are one flat array that the caller owns: of each layer the weights (inputs, stride) and the bias (stride),
/// with the outputs rounded up to 64 bytes as stride; what is beyond the outputs is 0 and stays so.
template <typename T>
class SoftmaxPolicy {
 public:
  struct Layer {
    std::size_t inputs, outputs, stride;
    std::size_t weight, bias;  // where they begin in the parameters
    std::size_t unit;          // where its outputs begin in the activations
  };

  /// Sizes of the observation, the hidden layers and the actions; all at least 1.
  explicit SoftmaxPolicy(const std::vector<std::size_t>& sizes);

  const std::vector<Layer>& layers() const { return layers_; }
  std::size_t observation_size() const { return layers_.front().inputs; }
  std::size_t actions() const { return layers_.back().outputs; }
  /// Length of the parameters.
  std::size_t size() const { return size_; }
  /// Length of an observation's activations: the outputs of each layer, at the end the probabilities.
  std::size_t activations() const { return activations_; }

  /// Writes the activations; returns where the probabilities begin in them.
  const T* forward(const T* parameters, const SparseInput<T>& input, T* activations) const;

  /// Adds scale * ∇ log π(action | s) to the gradients. `errors` is room of activations() numbers.
  void add_gradient(const T* parameters, const SparseInput<T>& input, const T* activations, std::size_t action, T scale,
                    T* errors, T* gradients) const;

 private:
  std::vector<Layer> layers_;
  std::size_t size_ = 0, activations_ = 0;
};

}  // namespace nncore
