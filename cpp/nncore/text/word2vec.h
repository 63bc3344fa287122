#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nncore/core/buffer.h"
#include "nncore/core/interrupt.h"
#include "nncore/core/view.h"
#include "nncore/text/alias_table.h"
#include "nncore/text/huffman.h"

// word2vec (Mikolov et al. 2013): skip-gram and CBOW with negative sampling, hierarchical softmax, or both, and with the
// full softmax. Row v of `input` is the vector of word v; each objective has a matrix of outputs of its own.
//
// A corpus is an array of word ids; -1 ends a sentence. Every random decision is a function of (seed, epoch, position in
// the corpus): neither threads nor the cutting of the work change it.

namespace nncore {

/// Positions of the corpus that are trained with one learning rate, by one thread.
inline constexpr std::size_t kWord2VecChunk = 8192;

struct Word2VecSettings {
  bool skip_gram = false;  // else CBOW
  std::int64_t window = 5;
  bool shrink_windows = true;  // a window of 1 ... `window` words at each place, each equally likely
  std::int64_t negative = 5;   // draws from counts^ns_exponent; 0: no negative sampling
  double ns_exponent = 0.75;
  bool hierarchical = false;
  bool full_softmax = false;
  bool shared_negatives = true;    // skip-gram: one set of draws for all words of a window, else one for each pair
  bool cbow_mean = true;           // else the sum of the context's vectors
  bool exact_gradient = false;     // CBOW: the gradient of that mean or sum, else the customary (word2vec_chunk.cpp)
  bool paper_subsampling = false;  // keep with sqrt(t / f), else with sqrt(t / f) + t / f
  double sample = 1e-3;            // t; 0 keeps every word
  std::uint64_t seed = 1;

  /// Words to either side that a window takes at most.
  std::size_t reach() const { return std::min(static_cast<std::size_t>(window), kWord2VecChunk); }
};

/// The tables of a training: keeping probabilities, negatives, tree.
class Word2VecTables {
 public:
  /// counts: of each word, at least 1; throws std::invalid_argument for settings out of range.
  Word2VecTables(const Word2VecSettings& settings, View<const std::int64_t, 1> counts);

  /// Takes this tree instead of the one of the counts.
  void set_tree(HuffmanTree tree);

  const Word2VecSettings& settings() const { return settings_; }
  std::size_t words() const { return keep_.size(); }
  const AliasTable& negatives() const { return negatives_; }
  const HuffmanTree& tree() const { return tree_; }
  /// A word is kept where 32 random bits are at most this.
  std::uint32_t keep(std::size_t word) const { return keep_[word]; }

 private:
  Word2VecSettings settings_;
  std::vector<std::uint32_t> keep_;
  AliasTable negatives_;
  HuffmanTree tree_;
};

/// The random numbers of one epoch.
class Word2VecDraws {
 public:
  Word2VecDraws(std::uint64_t seed, std::uint64_t epoch);

  /// For the word at this position: whether it is kept (high half) and how wide its window is (low half).
  std::uint64_t at(std::uint64_t position) const { return mixed(place_ + position * kStep); }

  /// For the negatives of one word: 64 bits for each draw, or for each in a register of their numbers.
  class Negatives {
   public:
    explicit Negatives(std::uint64_t key) : key_(key) {}
    template <typename V>
    V at(V draw) const {
      return mixed(key_ + draw * kStep);
    }

   private:
    std::uint64_t key_;
  };
  Negatives negatives(std::uint64_t position) const { return Negatives(mixed(negative_ + position * kStep)); }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15u;
  // The finalizer of splitmix64 (Steele, Lea and Flood 2014).
  template <typename V>
  static V mixed(V z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t place_, negative_;
};

/// A matrix, (rows, stride). A thread may have some of its rows for itself.
template <typename T>
struct Word2VecMatrix : View<T, 2> {
  using View<T, 2>::View;
  Word2VecMatrix() = default;
  Word2VecMatrix(const View<T, 2>& all) : View<T, 2>(all) {}

  T* row(std::size_t i) const {
    // Of one thread, all; this branch alone is worth 3 % of CBOW's time.
    if (own.extent(0) == 0) return View<T, 2>::data() + i * View<T, 2>::extent(1);
    const std::size_t at = i - first_own;
    return at < own.extent(0) ? own.data() + at * own.extent(1) : View<T, 2>::data() + i * View<T, 2>::extent(1);
  }

  View<T, 2> own{};
  std::size_t first_own = 0;  // where row 0 of these is in all
};

/// The matrices: stride is a multiple of 64 bytes, columns from `size` on are zero and stay so.
template <typename T>
struct Word2VecWeights {
  Word2VecMatrix<T> input;     // a row for each word
  Word2VecMatrix<T> negative;  // a row for each word; of negative sampling, or of the full softmax
  Word2VecMatrix<T> tree;      // a row for each inner node
  std::size_t size = 0;
  View<const T, 1> rates{};  // of each word: its input row moves by this much of what it would; empty: by all
};

/// Throws std::invalid_argument unless the matrices fit the tables.
template <typename T>
void check_weights(const Word2VecTables& tables, const Word2VecWeights<T>& weights);

/// What was done: words that were kept, pairs (skip-gram) or windows (CBOW), and the sum of their losses.
struct Word2VecWork {
  std::uint64_t words = 0;
  std::uint64_t pairs = 0;
  double loss = 0;

  void operator+=(const Word2VecWork& other) {
    words += other.words;
    pairs += other.pairs;
    loss += other.loss;
  }
};

/// The words of a stretch of the corpus that are kept, with -1 before, between and after sentences.
struct Word2VecKept {
  std::vector<std::int32_t> words;
  std::vector<std::int32_t> reach;       // words to either side that its window takes
  std::vector<std::uint64_t> positions;  // in the corpus
  std::size_t first = 0, last = 0;       // the centres: [first, last); the others are only context

  void resize(std::size_t size) {
    words.resize(size);
    reach.resize(size);
    positions.resize(size);
  }
};

/// Chooses the words of positions [begin, end) of the corpus, and the context that windows reach beyond.
void word2vec_keep(const Word2VecTables& tables, const Word2VecDraws& draws, View<const std::int32_t, 1> corpus,
                   std::size_t begin, std::size_t end, Word2VecKept& kept);

/// Negatives [first, first + count) of the word at this position; each set has settings().negative of them. Those that are
/// the word itself stand for none.
inline void word2vec_negatives(const Word2VecTables& tables, const Word2VecDraws& draws, std::uint64_t position,
                               std::size_t first, std::size_t count, std::int32_t* out) {
  const Word2VecDraws::Negatives bits = draws.negatives(position);
  for (std::size_t i = 0; i < count; ++i) out[i] = tables.negatives().draw(bits.at<std::uint64_t>(first + i));
}

/// The outputs of one update: rows in tiles, which of the matrix's they are, and a sign and a scale for each (see
/// word2vec_block.h).
template <typename T>
struct Word2VecOutputs {
  T** rows = nullptr;
  std::int32_t* numbers = nullptr;
  T *sign = nullptr, *scale = nullptr;
  std::size_t count = 0, most_times = 1;  // most_times: that one of them stands for
  bool usual = false;                     // whether sign and scale are those of negatives that all differ
};

/// Room for words whose outputs are chosen before their turn, and for the one whose turn it is: a power of two.
inline constexpr std::size_t kWord2VecPlanned = 4;

/// Memory of outputs that are chosen before their turn.
template <typename T>
struct Word2VecPlanSpace {
  std::vector<Word2VecOutputs<T>> outputs;
  std::vector<T*> rows;
  std::vector<std::int32_t> numbers;
  Buffer<T> values;
  std::vector<std::uint64_t> bits, columns;
  std::vector<std::int32_t> drawn;
};

/// Memory of one thread.
template <typename T>
struct Word2VecSpace {
  Word2VecKept kept;
  Word2VecPlanSpace<T> plan;
  Buffer<T> rows;
  std::vector<T*> input_rows;  // of each word of kept
  std::vector<std::int32_t> context;
  std::vector<T*> inputs;
  std::vector<T> rates;
  bool is_draft = false;     // whether what is written can be thrown away
  bool ended_early = false;  // whether some work has not come to its end
  // Of each row of its own, products that moved it, and at the end those of all other rows; empty: none is its own.
  std::array<std::vector<std::uint32_t>, 3> updates{};

  bool counting() const { return !(updates[0].empty() && updates[1].empty() && updates[2].empty()); }
  /// Counts products for a row of matrix m. Without a branch on whether it is one of its own, as that is random.
  void count(std::size_t m, const Word2VecMatrix<T>& matrix, std::int32_t row, std::size_t products) {
    if (updates[m].empty()) return;
    const std::size_t at = std::min(static_cast<std::size_t>(row) - matrix.first_own, updates[m].size() - 1);
    updates[m][at] += static_cast<std::uint32_t>(products);
  }
};

/// Trains positions [begin, end) of the corpus with one learning rate, in the calling thread. Ids must be below
/// tables.words() (which nobody checks here) and the weights checked. When a long call is given up, a draft ends at once, and
/// other work only where it would take long.
template <typename T>
Word2VecWork word2vec_chunk(const Word2VecTables& tables, const Word2VecWeights<T>& weights,
                            View<const std::int32_t, 1> corpus, std::size_t begin, std::size_t end,
                            const Word2VecDraws& draws, double alpha, Word2VecSpace<T>& space);

/// Whether the work on a stretch ends at once because the long call that it is part of is being given up.
class Word2VecPatience {
 public:
  template <typename T>
  explicit Word2VecPatience(Word2VecSpace<T>& space) : is_draft_(space.is_draft), ended_early_(space.ended_early) {}
  bool ends() const {
    const bool end = given_up() && (is_draft_ || std::chrono::steady_clock::now() - begun_ > kLong);
    ended_early_ |= end;
    return end;
  }

 private:
  static constexpr std::chrono::milliseconds kLong{500};
  bool is_draft_, &ended_early_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

/// The same with the full softmax, for what space.kept has: p(j | h) = exp(v'_j . h) / sum_i exp(v'_i . h), where h is the
/// vector of the centre and j each word of its context (skip-gram), or h the mean or sum of the context and j the centre.
template <typename T>
Word2VecWork word2vec_softmax(const Word2VecTables& tables, const Word2VecWeights<T>& weights, double alpha,
                              Word2VecSpace<T>& space);

}  // namespace nncore
