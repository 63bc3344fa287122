#include <algorithm>

#include "nncore/core/rows.h"
#include "nncore/text/word2vec.h"
#include "nncore/text/word2vec_block.h"
#include "nncore/text/word2vec_outputs.h"

// The work of one thread. Others may write the same rows at the same time: see word2vec_train.cpp.

namespace nncore {

namespace {

using detail::Fetch;
using detail::kPlaces;
using detail::kTile;
using detail::Word2VecPlan;

/// Words of a window that move the nodes of a path at once. All at once were worth half a point of analogies less: the
/// nodes near the root belong to every path, and the words of a window pull them the same way. Four are worth as much as
/// two, and are faster.
constexpr std::size_t kTreeRows = 4;

/// Words between two looks whether the work is given up.
constexpr std::size_t kAsked = 64;

// Which matrix outputs are chosen from, as Word2VecSpace::updates counts them.
constexpr std::size_t kNegative = 1, kTree = 2;

template <typename T>
class Chunk {
 public:
  Chunk(const Word2VecTables& tables, const Word2VecWeights<T>& weights, const Word2VecDraws& draws, double alpha,
        Word2VecSpace<T>& space)
      : tables_(tables),
        settings_(tables.settings()),
        weights_(weights),
        kept_(space.kept),
        space_(space),
        apart_(settings_.skip_gram && !settings_.shared_negatives && settings_.negative > 0),
        rates_(weights.rates.data() != nullptr),
        counting_(space.counting()),
        block_(make_block(static_cast<T>(alpha))),
        plan_(tables, weights, draws, apart_, static_cast<T>(alpha), block_.dummy, block_.coming, space) {}

  Word2VecWork run() {
    next_ = kept_.first;
    plan_.begin();
    plan_before(kept_.first + kAhead);
    fetch_before(kept_.first + 1);
    const Word2VecPatience patience(space_);
    for (now_ = kept_.first; now_ < kept_.last; ++now_) {
      if (now_ % kAsked == 0 && patience.ends()) break;
      // Several inputs at once ask for nothing in the second level.
      if (settings_.skip_gram && !apart_ && block_.fetch == Fetch::kSecond) fetch_before(now_ + 2);
      if (kept_.words[now_] >= 0) {
        ++work_.words;
        gather();
        if (rows_ > 0) learn();
        if (loss_.full()) flush();
      }
      plan_before(now_ + 1 + kAhead);
      fetch_before(now_ + 2);
    }
    flush();
    return work_;
  }

 private:
  static constexpr std::size_t kAhead = 2;
  static_assert(kAhead < Word2VecPlan<T>::kWords);

  detail::Word2VecBlock<T> make_block(T alpha);
  void plan_before(std::size_t end);
  void place_before(std::size_t end);
  void fetch_before(std::size_t end);
  void gather();
  void learn();
  void learn_apart();
  void learn_window(const Word2VecOutputs<T>& outputs, std::size_t from);
  void learn_rows(const Word2VecOutputs<T>& outputs, std::size_t i, std::size_t count);
  void add_change(std::size_t i, const T* change, T weight);
  void update(const Word2VecOutputs<T>& outputs, T* const* x, std::size_t rows, bool direct);
  void count(const Word2VecOutputs<T>& outputs, std::size_t from, const std::int32_t* inputs, std::size_t rows);
  void flush();

  const Word2VecTables& tables_;
  const Word2VecSettings& settings_;
  const Word2VecWeights<T>& weights_;
  const Word2VecKept& kept_;
  Word2VecSpace<T>& space_;
  const bool apart_;  // each word of a window against outputs of its own
  const bool rates_, counting_;
  T* mean_ = nullptr;
  detail::Word2VecBlock<T> block_;
  Word2VecPlan<T> plan_;
  std::size_t now_ = 0;     // the word that is learned
  std::size_t next_ = 0;    // the first that is not planned
  std::size_t placed_ = 0;  // the first of which no input row has been asked for
  std::size_t rows_ = 0;    // inputs: space_.inputs and, where they are counted or have rates, space_.context
  bool distinct_ = true;    // whether those that learn_rows takes differ
  Word2VecWork work_;
  detail::LossSum<T> loss_;
};

template <typename T>
detail::Word2VecBlock<T> Chunk<T>::make_block(T alpha) {
  const std::size_t most_rows = 2 * settings_.reach(), stride = weights_.input.extent(1);
  const auto negative = static_cast<std::size_t>(settings_.negative);
  const std::size_t most_outputs = std::max(negative + 1, tables_.tree().longest);
  const std::size_t tiles = (most_outputs / kTile<T> + 1) * (apart_ ? most_rows : 1);
  const std::size_t factors = round_up<T>((std::max(most_rows, tiles) + 2) * kPlaces);
  detail::Word2VecBlock<T> block = {};
  block.alpha = alpha;
  block.fetch = detail::fetch_level();
  block.columns = (weights_.size + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  block.stride = stride;
  block.factors = space_.rows.reserve(factors + (most_rows + 2) * stride);
  block.dummy = block.factors + factors;
  std::fill(block.dummy, block.dummy + stride, T{0});
  mean_ = block.dummy + stride;
  block.change = mean_ + stride;
  space_.input_rows.resize(kept_.words.size());
  space_.context.resize(most_rows);
  space_.inputs.resize(most_rows);
  return block;
}

/// Plans the words that have not been, up to `end`, and asks for the inputs that come into their windows.
template <typename T>
void Chunk<T>::plan_before(std::size_t end) {
  for (; next_ < std::min(end, kept_.last); ++next_) {
    place_before(next_ + settings_.reach() + 1);
    plan_.plan(next_);
  }
}

/// Finds the input rows of the words before `end`, and asks for them.
template <typename T>
void Chunk<T>::place_before(std::size_t end) {
  for (; placed_ < std::min(end, kept_.words.size()); ++placed_) {
    const std::int32_t word = kept_.words[placed_];
    T* const row = word < 0 ? nullptr : weights_.input.row(static_cast<std::size_t>(word));
    space_.input_rows[placed_] = row;
    if (row != nullptr) detail::prefetch_row(row, block_.columns, block_.fetch);
  }
}

/// Asks for the outputs that words before `end` need and nobody has asked for yet.
template <typename T>
void Chunk<T>::fetch_before(std::size_t end) {
  block_.coming.take_rest(end - kept_.first,
                          [&](const T* row) { detail::prefetch_row(row, block_.columns, block_.fetch); });
}

template <typename T>
void Chunk<T>::gather() {
  const auto reach = static_cast<std::size_t>(kept_.reach[now_]);
  const bool named = rates_ || counting_;
  const std::int32_t* const words = kept_.words.data();
  T* const* const rows = space_.input_rows.data();
  std::int32_t* const context = space_.context.data();
  T** const inputs = space_.inputs.data();
  std::size_t count = 0;
  const auto take = [&](std::size_t t) {
    if (rows[t] == nullptr) return false;
    if (named) context[count] = words[t];
    inputs[count++] = rows[t];
    return true;
  };
  for (std::size_t i = 1; i <= reach && take(now_ - i); ++i) continue;
  for (std::size_t i = 1; i <= reach && take(now_ + i); ++i) continue;
  rows_ = count;
}

template <typename T>
void Chunk<T>::learn() {
  work_.pairs += settings_.skip_gram ? rows_ : 1;
  if (settings_.hierarchical) learn_window(plan_.path(now_), kTree);
  if (settings_.negative == 0) return;
  if (apart_) {
    learn_apart();
  } else {
    learn_window(*plan_.negatives(now_), kNegative);
  }
}

/// Each word of the window against outputs of its own.
template <typename T>
void Chunk<T>::learn_apart() {
  const Word2VecOutputs<T>* const outputs = plan_.negatives(now_);
  space_.rates.clear();
  block_.most_times = 1;
  for (std::size_t i = 0; i < rows_; ++i) {
    block_.most_times = std::max(block_.most_times, outputs[i].most_times);
    if (counting_) count(outputs[i], kNegative, &space_.context[i], 1);
    if (rates_) space_.rates.push_back(weights_.rates(static_cast<std::size_t>(space_.context[i])));
  }
  detail::update_apart(block_, space_.inputs.data(), rows_, outputs->rows, plan_.tiles(), outputs->sign, outputs->scale,
                       rates_ ? space_.rates.data() : nullptr, loss_, [this] { plan_before(now_ + 1 + kAhead); });
}

/// The window against the outputs. CBOW: the gradient of a mean would be divided by the number of words, and that of a sum
/// not; word2vec.c and gensim do the reverse, for which the usual learning rates are made.
template <typename T>
void Chunk<T>::learn_window(const Word2VecOutputs<T>& outputs, std::size_t from) {
  if (outputs.count == 0) return;  // the tree of one word has no nodes
  if (counting_) count(outputs, from, space_.context.data(), rows_);
  if (settings_.skip_gram) {
    distinct_ = detail::all_differ<T*>(nullptr, space_.inputs.data(), rows_);
    const std::size_t at_once = from == kTree ? kTreeRows : rows_;
    for (std::size_t i = 0; i < rows_; i += at_once) learn_rows(outputs, i, std::min(at_once, rows_ - i));
    return;
  }
  const T share = T{1} / static_cast<T>(rows_);
  detail::sum_rows(space_.inputs.data(), rows_, settings_.cbow_mean ? share : T{1}, mean_, block_.columns);
  update(outputs, &mean_, 1, false);
  const T weight = settings_.cbow_mean == settings_.exact_gradient ? share : T{1};
  if (rates_) {
    for (std::size_t i = 0; i < rows_; ++i) add_change(i, block_.change, weight);
  } else {
    detail::add_to_rows(block_.change, space_.inputs.data(), rows_, weight, block_.columns);
  }
}

/// Words [i, i + count) of the window against the outputs.
template <typename T>
void Chunk<T>::learn_rows(const Word2VecOutputs<T>& outputs, std::size_t i, std::size_t count) {
  const bool direct = distinct_ && !rates_;
  update(outputs, &space_.inputs[i], count, direct);
  for (std::size_t j = 0; !direct && j < count; ++j) add_change(i + j, block_.change + j * block_.stride, T{1});
}

/// Adds to input row i.
template <typename T>
void Chunk<T>::add_change(std::size_t i, const T* change, T weight) {
  if (rates_) weight *= weights_.rates(static_cast<std::size_t>(space_.context[i]));
  detail::add_row(change, space_.inputs[i], weight, block_.columns);
}

template <typename T>
void Chunk<T>::update(const Word2VecOutputs<T>& outputs, T* const* x, std::size_t rows, bool direct) {
  block_.most_times = outputs.most_times;
  detail::update_block(block_, x, rows, outputs.rows, outputs.count, outputs.sign, outputs.scale, direct, loss_,
                       [this] { plan_before(now_ + 1 + kAhead); });
}

template <typename T>
void Chunk<T>::count(const Word2VecOutputs<T>& outputs, std::size_t from, const std::int32_t* inputs,
                     std::size_t rows) {
  for (std::size_t i = 0; i < rows; ++i) space_.count(0, weights_.input, inputs[i], outputs.count);
  const Word2VecMatrix<T>& matrix = from == kTree ? weights_.tree : weights_.negative;
  const std::size_t products = settings_.skip_gram ? rows : 1;
  for (std::size_t j = 0; j < outputs.count; ++j) space_.count(from, matrix, outputs.numbers[j], products);
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
  return Chunk<T>(tables, weights, draws, alpha, space).run();
}

template Word2VecWork word2vec_chunk(const Word2VecTables&, const Word2VecWeights<float>&, View<const std::int32_t, 1>,
                                     std::size_t, std::size_t, const Word2VecDraws&, double, Word2VecSpace<float>&);
template Word2VecWork word2vec_chunk(const Word2VecTables&, const Word2VecWeights<double>&, View<const std::int32_t, 1>,
                                     std::size_t, std::size_t, const Word2VecDraws&, double, Word2VecSpace<double>&);

}  // namespace nncore
