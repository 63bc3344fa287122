#include <algorithm>
#include <cmath>

#include "nncore/core/rows.h"
#include "nncore/text/word2vec.h"
#include "nncore/text/word2vec_block.h"

// The work of one thread. Others may write the same rows at the same time: see word2vec_train.cpp.

namespace nncore {

namespace {

using detail::kPlaces;
using detail::kTile;

constexpr std::size_t kAhead = 1;  // words whose rows are asked for before their turn
constexpr std::size_t kPlans = kAhead + 1;

/// Words of a window that move the nodes of a path at once. All at once were worth half a point of analogies less: the
/// nodes near the root belong to every path, and the words of a window pull them the same way. Four are worth as much as
/// two, and are faster.
constexpr std::size_t kTreeRows = 4;

// Which matrix outputs are chosen from, as Word2VecSpace::updates counts them.
constexpr std::size_t kNegative = 1, kTree = 2;

template <typename T>
void prefetch(const T* row, std::size_t columns) {
  for (std::size_t k = 0; k < columns; k += detail::kLine<T>) detail::prefetch<detail::Fetch::kFirstLevel>(row + k);
}

template <typename T>
class Chunk {
 public:
  Chunk(const Word2VecTables& tables, const Word2VecWeights<T>& weights, double alpha, Word2VecSpace<T>& space)
      : tables_(tables),
        settings_(tables.settings()),
        weights_(weights),
        kept_(space.kept),
        space_(space),
        negative_(static_cast<std::size_t>(settings_.negative)) {
    block_.alpha = static_cast<T>(alpha);
    rates_ = weights.rates.data() != nullptr;
    make_room();
  }

  Word2VecWork run(const Word2VecDraws& draws) {
    for (std::size_t t = kept_.first; t < std::min(kept_.first + kAhead, kept_.last); ++t) plan(draws, t);
    fetch_rest();
    for (std::size_t t = kept_.first; t < kept_.last; ++t) {
      if (t + kAhead < kept_.last) plan(draws, t + kAhead);
      if (kept_.words[t] >= 0) {
        ++work_.words;
        gather(t);
        if (rows_ > 0) learn(t);
        if (loss_.full()) flush();
      }
      fetch_rest();
    }
    flush();
    return work_;
  }

 private:
  void make_room();
  void plan(const Word2VecDraws& draws, std::size_t t);
  void plan_negatives(const Word2VecDraws& draws, std::size_t t);
  void fetch_rest();
  void gather(std::size_t t);
  void learn(std::size_t t);
  void learn_objective();
  void learn_rows(std::size_t i, std::size_t count);
  void learn_pairs(std::size_t word, std::size_t t);
  void begin_choice(std::size_t tile);
  void add_change(std::size_t i, const T* change, T weight);
  void choose_path(std::size_t word);
  void choose_negatives(std::size_t word, const std::int32_t* drawn);
  void choose(T* row, T sign);
  void fill_up();
  void update(T* const* x, std::size_t rows, bool direct);
  void count(const std::int32_t* inputs, std::size_t rows);
  void flush();

  bool pairs_apart() const { return settings_.skip_gram && !settings_.shared_negatives && negative_ > 0; }
  std::size_t sets() const { return pairs_apart() ? 2 * settings_.reach() : 1; }
  std::int32_t* planned(std::size_t t, std::size_t set) {
    return space_.planned.data() + (t % kPlans * sets() + set) * (negative_ + 1);
  }

  const Word2VecTables& tables_;
  const Word2VecSettings& settings_;
  const Word2VecWeights<T>& weights_;
  const Word2VecKept& kept_;
  Word2VecSpace<T>& space_;
  std::size_t negative_;
  detail::Word2VecBlock<T> block_ = {};
  T* mean_ = nullptr;
  T *signs_ = nullptr, *scales_ = nullptr;                     // of all outputs
  T **chosen_ = nullptr, *sign_ = nullptr, *scale_ = nullptr;  // of those that are chosen now
  std::size_t rows_ = 0;                                       // inputs: space_.context, space_.inputs
  std::size_t outputs_ = 0;                                    // space_.outputs
  std::size_t chosen_from_ = kNegative;                        // which matrix
  bool distinct_ = true;                                       // inputs
  bool rates_ = false;
  Word2VecWork work_;
  detail::LossSum<T> loss_;
};

template <typename T>
void Chunk<T>::make_room() {
  const std::size_t most_rows = 2 * settings_.reach();
  const std::size_t most_outputs = std::max(negative_ + 1, tables_.tree().longest);
  const std::size_t tiles = (most_outputs / kTile<T> + 1) * (pairs_apart() ? most_rows : 1);
  const std::size_t stride = weights_.input.extent(1);
  const std::size_t places = round_up<T>(tiles * kPlaces),
                    factors = round_up<T>((std::max(most_rows, tiles) + 2) * kPlaces);
  signs_ = space_.rows.reserve(2 * places + factors + (most_rows + 2) * stride);
  scales_ = signs_ + places;
  block_.columns = (weights_.size + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  block_.stride = stride;
  block_.factors = scales_ + places;
  block_.dummy = block_.factors + factors;
  mean_ = block_.dummy + stride;
  block_.change = mean_ + stride;
  std::fill(signs_, block_.factors, T{0});  // places that no tile uses
  std::fill(block_.dummy, block_.dummy + stride, T{0});
  space_.context.resize(most_rows);
  space_.inputs.resize(most_rows);
  space_.outputs.resize(tiles * kTile<T>);
  space_.planned.resize(kPlans * sets() * (negative_ + 1));
}

// Draws the negatives of a word and asks for the rows that it will need: the memory's delay is that of several words.
template <typename T>
void Chunk<T>::plan(const Word2VecDraws& draws, std::size_t t) {
  const std::int32_t word = kept_.words[t];
  if (word < 0) return;
  const std::size_t columns = block_.columns;
  const std::size_t newest = t + settings_.reach();
  if (newest < kept_.words.size() && kept_.words[newest] >= 0) {
    prefetch(weights_.input.row(static_cast<std::size_t>(kept_.words[newest])), columns);
  }
  if (settings_.hierarchical) {
    const HuffmanTree& tree = tables_.tree();
    const auto w = static_cast<std::size_t>(word);
    for (std::size_t i = tree.start[w]; i < tree.start[w + 1]; ++i) {
      space_.coming.push_back(weights_.tree.row(static_cast<std::size_t>(tree.point[i])));
    }
  }
  if (negative_ > 0) plan_negatives(draws, t);
  while (space_.coming.size() % kTile<T> != 0) space_.coming.push_back(block_.dummy);
  block_.coming = space_.coming.data();
  block_.coming_end = block_.coming + space_.coming.size();
  if (settings_.skip_gram && !pairs_apart()) fetch_rest();  // several inputs at once take none
}

template <typename T>
void Chunk<T>::plan_negatives(const Word2VecDraws& draws, std::size_t t) {
  const std::int32_t word = kept_.words[t];
  T* const row = weights_.negative.row(static_cast<std::size_t>(word));
  if (pairs_apart()) {
    prefetch(row, block_.columns);
  } else {
    space_.coming.push_back(row);
  }
  const std::size_t used = pairs_apart() ? 2 * static_cast<std::size_t>(kept_.reach[t]) : 1;
  for (std::size_t set = 0; set < used; ++set) {
    std::int32_t* const out = planned(t, set);
    const std::size_t count = word2vec_negatives(tables_, draws, kept_.positions[t], word, set, out + 1);
    out[0] = static_cast<std::int32_t>(count);
    for (std::size_t i = 1; i <= count; ++i) {
      space_.coming.push_back(weights_.negative.row(static_cast<std::size_t>(out[i])));
    }
  }
}

/// What of the next word's rows has not been fetched meanwhile.
template <typename T>
void Chunk<T>::fetch_rest() {
  for (; block_.coming != block_.coming_end; ++block_.coming) prefetch(*block_.coming, block_.columns);
  space_.coming.clear();
}

template <typename T>
void Chunk<T>::gather(std::size_t t) {
  const auto reach = static_cast<std::size_t>(kept_.reach[t]);
  rows_ = 0;
  distinct_ = true;
  const auto take = [&](std::int32_t word) {
    for (std::size_t i = 0; i < rows_; ++i) distinct_ &= space_.context[i] != word;
    space_.context[rows_] = word;
    space_.inputs[rows_++] = weights_.input.row(static_cast<std::size_t>(word));
  };
  for (std::size_t i = 1; i <= reach && kept_.words[t - i] >= 0; ++i) take(kept_.words[t - i]);
  for (std::size_t i = 1; i <= reach && kept_.words[t + i] >= 0; ++i) take(kept_.words[t + i]);
}

template <typename T>
void Chunk<T>::learn(std::size_t t) {
  const auto word = static_cast<std::size_t>(kept_.words[t]);
  work_.pairs += settings_.skip_gram ? rows_ : 1;
  if (settings_.hierarchical) {
    choose_path(word);
    learn_objective();
  }
  if (negative_ == 0) return;
  if (pairs_apart()) {
    learn_pairs(word, t);
  } else {
    begin_choice(0);
    block_.most_times = 1;
    choose_negatives(word, planned(t, 0));
    fill_up();
    learn_objective();
  }
}

/// Each word of the window against outputs of its own.
template <typename T>
void Chunk<T>::learn_pairs(std::size_t word, std::size_t t) {
  const std::size_t tiles = negative_ / kTile<T> + 1;
  block_.most_times = 1;
  for (std::size_t i = 0; i < rows_; ++i) {
    begin_choice(i * tiles);
    choose_negatives(word, planned(t, i));
    if (space_.counting) count(&space_.context[i], 1);
    while (outputs_ < tiles * kTile<T>) choose(block_.dummy, T{0});
  }
  begin_choice(0);
  space_.rates.clear();
  for (std::size_t i = 0; rates_ && i < rows_; ++i) {
    space_.rates.push_back(weights_.rates(static_cast<std::size_t>(space_.context[i])));
  }
  const T* const rates = rates_ ? space_.rates.data() : nullptr;
  detail::update_apart(block_, space_.inputs.data(), rows_, chosen_, tiles, sign_, scale_, rates, loss_);
}

/// The window against the chosen outputs. CBOW: the gradient of a mean would be divided by the number of words, and that
/// of a sum not; word2vec.c and gensim do the reverse, for which the usual learning rates are made.
template <typename T>
void Chunk<T>::learn_objective() {
  if (space_.counting) count(space_.context.data(), rows_);
  if (settings_.skip_gram) {
    const std::size_t at_once = chosen_from_ == kTree ? kTreeRows : rows_;
    for (std::size_t i = 0; i < rows_; i += at_once) learn_rows(i, std::min(at_once, rows_ - i));
    return;
  }
  const T share = T{1} / static_cast<T>(rows_);
  detail::sum_rows(space_.inputs.data(), rows_, settings_.cbow_mean ? share : T{1}, mean_, block_.columns);
  update(&mean_, 1, false);
  const T weight = settings_.cbow_mean == settings_.exact_gradient ? share : T{1};
  if (rates_) {
    for (std::size_t i = 0; i < rows_; ++i) add_change(i, block_.change, weight);
  } else {
    detail::add_to_rows(block_.change, space_.inputs.data(), rows_, weight, block_.columns);
  }
}

/// Words [i, i + count) of the window against the chosen outputs.
template <typename T>
void Chunk<T>::learn_rows(std::size_t i, std::size_t count) {
  const bool direct = distinct_ && !rates_;
  update(&space_.inputs[i], count, direct);
  for (std::size_t j = 0; !direct && j < count; ++j) add_change(i + j, block_.change + j * block_.stride, T{1});
}

/// Adds to input row i.
template <typename T>
void Chunk<T>::add_change(std::size_t i, const T* change, T weight) {
  if (rates_) weight *= weights_.rates(static_cast<std::size_t>(space_.context[i]));
  detail::add_row(change, space_.inputs[i], weight, block_.columns);
}

/// The outputs that are chosen next go to this tile and those behind it.
template <typename T>
void Chunk<T>::begin_choice(std::size_t tile) {
  outputs_ = 0;
  chosen_ = space_.outputs.data() + tile * kTile<T>;
  sign_ = signs_ + tile * kPlaces;
  scale_ = scales_ + tile * kPlaces;
}

template <typename T>
void Chunk<T>::choose(T* row, T sign) {
  const std::size_t place = outputs_ / kTile<T> * kPlaces + outputs_ % kTile<T>;
  chosen_[outputs_++] = row;
  sign_[place] = sign;
  scale_[place] = sign * block_.alpha;
}

/// The rest of the last tile has no outputs.
template <typename T>
void Chunk<T>::fill_up() {
  const std::size_t used = outputs_ % kTile<T>;
  const std::size_t tile = outputs_ / kTile<T>;
  for (std::size_t j = used; j < kPlaces; ++j) sign_[tile * kPlaces + j] = scale_[tile * kPlaces + j] = 0;
  for (std::size_t j = used; j < kTile<T>; ++j) chosen_[tile * kTile<T> + j] = block_.dummy;
}

template <typename T>
void Chunk<T>::choose_path(std::size_t word) {
  const HuffmanTree& tree = tables_.tree();
  begin_choice(0);
  block_.most_times = 1;
  chosen_from_ = kTree;
  for (std::size_t i = tree.start[word]; i < tree.start[word + 1]; ++i) {
    choose(weights_.tree.row(static_cast<std::size_t>(tree.point[i])), tree.code[i] == 0 ? T{1} : T{-1});
  }
  fill_up();
}

/// The word itself, and what was drawn: twice drawn is one output of twice the gradient.
template <typename T>
void Chunk<T>::choose_negatives(std::size_t word, const std::int32_t* drawn) {
  chosen_from_ = kNegative;
  choose(weights_.negative.row(word), T{1});
  const std::int32_t count = drawn[0];
  for (std::int32_t i = 1; i <= count; ++i) {
    T* const row = weights_.negative.row(static_cast<std::size_t>(drawn[i]));
    std::size_t same = 0;
    while (same < outputs_ && chosen_[same] != row) ++same;
    if (same == outputs_) {
      choose(row, T{-1});
    } else {
      T& scale = scale_[same / kTile<T> * kPlaces + same % kTile<T>];
      scale -= block_.alpha;
      // A rate of 0 cannot say how often, and needs no factor.
      const T times = block_.alpha > 0 ? -scale / block_.alpha : T{1};
      // Of a rate near the greatest number, this is infinite or none.
      const T most = times <= static_cast<T>(negative_) ? times : static_cast<T>(negative_);
      block_.most_times = std::max(block_.most_times, static_cast<std::size_t>(std::lround(most)));
    }
  }
}

template <typename T>
void Chunk<T>::update(T* const* x, std::size_t rows, bool direct) {
  detail::update_block(block_, x, rows, chosen_, outputs_, sign_, scale_, direct, loss_);
}

template <typename T>
void Chunk<T>::count(const std::int32_t* inputs, std::size_t rows) {
  const auto products = static_cast<std::uint32_t>(outputs_);
  for (std::size_t i = 0; i < rows; ++i) space_.updates[0][static_cast<std::size_t>(inputs[i])] += products;
  const T* const from = (chosen_from_ == kTree ? weights_.tree : weights_.negative).data();
  for (std::size_t j = 0; j < outputs_; ++j) {
    const auto row = static_cast<std::size_t>(chosen_[j] - from) / block_.stride;
    space_.updates[chosen_from_][row] += static_cast<std::uint32_t>(settings_.skip_gram ? rows : 1);
  }
}

template <typename T>
void Chunk<T>::flush() {
  work_.loss += loss_.value();
  loss_ = detail::LossSum<T>();
}

}  // namespace

template <typename T>
Word2VecWork word2vec_chunk(const Word2VecTables& tables, const Word2VecWeights<T>& weights,
                            View<const std::int32_t, 1> corpus, std::size_t begin, std::size_t end,
                            const Word2VecDraws& draws, double alpha, Word2VecSpace<T>& space) {
  word2vec_keep(tables, draws, corpus, begin, end, space.kept);
  if (tables.settings().full_softmax) return word2vec_softmax(tables, weights, alpha, space);
  return Chunk<T>(tables, weights, alpha, space).run(draws);
}

template Word2VecWork word2vec_chunk(const Word2VecTables&, const Word2VecWeights<float>&, View<const std::int32_t, 1>,
                                     std::size_t, std::size_t, const Word2VecDraws&, double, Word2VecSpace<float>&);
template Word2VecWork word2vec_chunk(const Word2VecTables&, const Word2VecWeights<double>&, View<const std::int32_t, 1>,
                                     std::size_t, std::size_t, const Word2VecDraws&, double, Word2VecSpace<double>&);

}  // namespace nncore
