#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "nncore/core/elementwise.h"

namespace nncore {

enum class LayerKind { kDense, kEmbedding, kDropout, kBatchNorm, kLastStep, kElman, kLstm, kGru };

/// A layer's description; a kind reads only what concerns it.
struct LayerSpec {
  LayerKind kind = LayerKind::kDense;
  std::size_t input = 0;   ///< features in; Embedding: the number of embeddings
  std::size_t output = 0;  ///< features out; recurrent layers: hidden units of one direction
  bool bias = true;
  Activation activation = Activation::kNone;  ///< Dense
  std::string tied;                           ///< Dense: name of the weight that it shares, or empty
  std::size_t num_layers = 1;                 ///< recurrent layers
  bool bidirectional = false;
  bool relu = false;         ///< Elman: ReLU instead of tanh
  bool reset_after = false;  ///< GRU: PyTorch's form
  double p = 0;              ///< Dropout
};

/// Where an array stands in a network's flat array of parameters or buffers, and what it starts as.
struct ParameterInfo {
  enum class Start { kUniform, kNormal, kZeros, kOnes };
  std::string name;
  std::vector<std::size_t> shape;
  std::size_t offset = 0;
  std::size_t size = 0;
  Start start = Start::kZeros;
  double bound = 0;  ///< kUniform: in [-bound, bound)
};

}  // namespace nncore
