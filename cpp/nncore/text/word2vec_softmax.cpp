#include <algorithm>
#include <cmath>

#include "nncore/core/rows.h"
#include "nncore/text/word2vec.h"
#include "nncore/text/word2vec_block.h"

namespace nncore {

namespace {

template <typename T>
struct Softmax {
  const Word2VecTables& tables;
  const Word2VecWeights<T>& weights;
  T alpha;
  std::size_t columns;
  T *h, *change, *values;  // a row each, and a number for each word, padded

  /// One step for h and the words seen with it; `change` becomes what is to be added to h. Returns the loss.
  double step(const T* from, const std::int32_t* seen, std::size_t count) {
    const std::size_t words = tables.words();
    for (std::size_t j = 0; j < words; ++j) values[j] = dot(weights.negative.row(j), from);
    const T largest = *std::max_element(values, values + words);
    double loss = 0;
    for (std::size_t i = 0; i < count; ++i) loss -= static_cast<double>(values[seen[i]] - largest);
    double sum = 0;
    for (std::size_t k = 0; k < words; k += kLanes<T>) {
      store(values + k, exp_lanes<T>(load(values + k) - largest));
    }
    for (std::size_t j = 0; j < words; ++j) sum += static_cast<double>(values[j]);
    loss += static_cast<double>(count) * std::log(sum);
    // The gradient by u: count p - (how often each word was seen).
    const T scale = static_cast<T>(static_cast<double>(count) / sum);
    for (std::size_t j = 0; j < words; ++j) values[j] *= scale;
    for (std::size_t i = 0; i < count; ++i) values[seen[i]] -= T{1};
    std::fill(change, change + columns, T{0});
    for (std::size_t j = 0; j < words; ++j) {
      detail::add_row(weights.negative.row(j), change, -alpha * values[j], columns);
      detail::add_row(from, weights.negative.row(j), -alpha * values[j], columns);
    }
    return loss;
  }

  T dot(const T* a, const T* b) const {
    Vec<T> sums = {};
    for (std::size_t k = 0; k < columns; k += kLanes<T>) sums = fma(load(a + k), load(b + k), sums);
    T sum = 0;
    for (std::size_t lane = 0; lane < kLanes<T>; ++lane) sum += sums[lane];
    return sum;
  }
};

}  // namespace

template <typename T>
Word2VecWork word2vec_softmax(const Word2VecTables& tables, const Word2VecWeights<T>& weights, double alpha,
                              Word2VecSpace<T>& space) {
  const Word2VecSettings& settings = tables.settings();
  const Word2VecKept& kept = space.kept;
  const std::size_t stride = weights.input.extent(1);
  T* const room = space.rows.reserve(2 * stride + round_up<T>(tables.words()));
  Softmax<T> softmax{
      tables, weights,       static_cast<T>(alpha), (weights.size + kLanes<T> - 1) / kLanes<T> * kLanes<T>,
      room,   room + stride, room + 2 * stride};
  std::fill(softmax.values, softmax.values + round_up<T>(tables.words()), T{0});
  const auto row = [&](std::int32_t word) { return weights.input.row(static_cast<std::size_t>(word)); };
  const auto add = [&](std::int32_t word, T weight) {
    if (weights.rates.data() != nullptr) weight *= weights.rates(static_cast<std::size_t>(word));
    detail::add_row(softmax.change, row(word), weight, softmax.columns);
  };
  Word2VecWork work;
  const Word2VecPatience patience(space);
  for (std::size_t t = kept.first; t < kept.last && !patience.ends(); ++t) {
    if (kept.words[t] < 0) continue;
    ++work.words;
    const auto reach = static_cast<std::size_t>(kept.reach[t]);
    space.context.clear();
    for (std::size_t i = 1; i <= reach && kept.words[t - i] >= 0; ++i) space.context.push_back(kept.words[t - i]);
    for (std::size_t i = 1; i <= reach && kept.words[t + i] >= 0; ++i) space.context.push_back(kept.words[t + i]);
    const std::size_t count = space.context.size();
    if (count == 0) continue;
    const std::int32_t center = kept.words[t];
    for (std::int32_t word : space.context) {
      space.count(0, weights.input, settings.skip_gram ? center : word, 1);
      space.count(1, weights.negative, settings.skip_gram ? word : center, 1);
    }
    if (settings.skip_gram) {
      work.pairs += count;
      work.loss += softmax.step(row(kept.words[t]), space.context.data(), count);
      add(kept.words[t], T{1});
      continue;
    }
    ++work.pairs;
    const T share = T{1} / static_cast<T>(count);
    space.inputs.clear();
    for (std::int32_t word : space.context) space.inputs.push_back(row(word));
    detail::sum_rows(space.inputs.data(), count, settings.cbow_mean ? share : T{1}, softmax.h, softmax.columns);
    work.loss += softmax.step(softmax.h, &kept.words[t], 1);
    const T weight = settings.cbow_mean == settings.exact_gradient ? share : T{1};
    for (std::int32_t word : space.context) add(word, weight);
  }
  // Every step has moved all of these.
  for (std::uint32_t& count : space.updates[1]) count += work.pairs > 0;
  return work;
}

template Word2VecWork word2vec_softmax(const Word2VecTables&, const Word2VecWeights<float>&, double,
                                       Word2VecSpace<float>&);
template Word2VecWork word2vec_softmax(const Word2VecTables&, const Word2VecWeights<double>&, double,
                                       Word2VecSpace<double>&);

}  // namespace nncore
