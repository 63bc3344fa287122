#pragma once

#include "nncore/core/in_use.h"
#include "nncore/text/word2vec.h"

namespace nncore {

/// The learning rate falls in a straight line from `start`, at position 0 of epoch 0, to `end`, where the last epoch ends.
struct Word2VecRate {
  double start = 0.025, end = 0.0001;
  double epochs = 1;
};

/// A training: the tables, and the memory of its threads. One thread calls at a time (InUse).
template <typename T>
class Word2VecTraining {
 public:
  Word2VecTraining(const Word2VecSettings& settings, View<const std::int64_t, 1> counts) : tables_(settings, counts) {}

  const Word2VecTables& tables() const { return tables_; }
  void set_tree(HuffmanTree tree) { tables_.set_tree(std::move(tree)); }

  /// Trains chunks [first, last) of the corpus on up to `workers` threads. `epoch` counts from the start of the rate,
  /// `draws_epoch` from the first training of the model. One worker gives the same bits every time; several write
  /// the same rows without waiting for each other (Hogwild, Niu et al. 2011), so that sums come out a little different
  /// from run to run: the one part of the library that depends on threads.
  Word2VecWork hogwild(const Word2VecWeights<T>& weights, View<const std::int32_t, 1> corpus, std::size_t first,
                       std::size_t last, std::uint64_t epoch, std::uint64_t draws_epoch, const Word2VecRate& rate,
                       std::size_t workers);

 private:
  void check_corpus(View<const std::int32_t, 1> corpus, std::size_t first, std::size_t last) const;
  Word2VecWork chunk(const Word2VecWeights<T>& weights, View<const std::int32_t, 1> corpus, std::size_t number,
                     std::uint64_t epoch, const Word2VecDraws& draws, const Word2VecRate& rate,
                     Word2VecSpace<T>& space) const;

  Word2VecTables tables_;
  std::vector<Word2VecSpace<T>> spaces_;
  UseFlag in_use_;
};

}  // namespace nncore
