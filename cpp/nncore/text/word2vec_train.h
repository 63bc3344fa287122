#pragma once

#include <array>
#include <vector>

#include "nncore/core/in_use.h"
#include "nncore/text/word2vec.h"

namespace nncore {

/// The learning rate falls in a straight line from `start`, at position 0 of epoch 0, to `end`, where the last epoch ends.
struct Word2VecRate {
  double start = 0.025, end = 0.0001;
  double epochs = 1;
};

/// Chunks of a shard, and of a round of all shards, of a training that does not depend on the number of threads.
inline constexpr std::size_t kWord2VecShards = 4;
inline constexpr std::size_t kWord2VecShardChunks = 4;
inline constexpr std::size_t kWord2VecRound = kWord2VecShards * kWord2VecShardChunks;

/// Rows of outputs, those used most, that each thread has for itself for a round, where several train without waiting for
/// each other: a row that two cores write in turn goes back and forth between their caches, which may take longer than the
/// update. Of nodes of the tree and of negatives; where each pair draws negatives of its own, of more of them.
inline constexpr std::size_t kWord2VecOwnRows = 256, kWord2VecOwnOfMany = 8192;

/// What a call works on.
template <typename T>
struct Word2VecPart {
  Word2VecWeights<T> weights;
  View<const std::int32_t, 1> corpus;
  std::size_t first = 0, last = 0;  // chunks [first, last) of the corpus
  std::uint64_t epoch = 0;          // counted from the start of the rate
  std::uint64_t draws_epoch = 0;    // counted from the first training of the model
  Word2VecRate rate;
};

/// A training: the tables, and the memory of its threads. One thread calls at a time (InUse). Calls return the work of each
/// chunk. When one is given up (core/interrupt.h), these are the chunks before what it has begun: of rounds of chunks, as
/// sharded trains them, that leaves no trace.
template <typename T>
class Word2VecTraining {
 public:
  Word2VecTraining(const Word2VecSettings& settings, View<const std::int64_t, 1> counts) : tables_(settings, counts) {}

  const Word2VecTables& tables() const { return tables_; }
  void set_tree(HuffmanTree tree) { tables_.set_tree(std::move(tree)); }

  /// Trains on up to `workers` threads. One worker gives the same bits every time; several write the same rows without
  /// waiting for each other (Hogwild, Niu et al. 2011), so that sums come out a little different from run to run: the one
  /// part of the library that depends on threads. The outputs used most are each thread's own, and added up after a round.
  std::vector<Word2VecWork> hogwild(const Word2VecPart<T>& part, std::size_t workers);

  /// The same bits for any number of workers: kWord2VecShards copies of the weights are trained, each on its own chunks
  /// of a round, and at its end the sum of their changes is added. part.first is a multiple of kWord2VecRound. `restart`
  /// copies the weights, as is needed when they have changed since the last call.
  std::vector<Word2VecWork> sharded(const Word2VecPart<T>& part, std::size_t workers, bool restart);

 private:
  void check(const Word2VecPart<T>& part) const;
  std::vector<Word2VecWeights<T>> take_own(Word2VecWeights<T> weights, std::size_t copies,
                                           std::array<std::size_t, 3> rows, bool restart);
  bool ended_early() const;
  void merge_own(std::vector<Word2VecWeights<T>>& own, double alpha, std::size_t workers);
  Word2VecWork chunk(const Word2VecPart<T>& part, const Word2VecWeights<T>& weights, std::size_t number,
                     const Word2VecDraws& draws, Word2VecSpace<T>& space, bool is_draft) const;

  Word2VecTables tables_;
  std::vector<Word2VecSpace<T>> spaces_;
  std::vector<Buffer<T>> copies_;
  UseFlag in_use_;
};

}  // namespace nncore
