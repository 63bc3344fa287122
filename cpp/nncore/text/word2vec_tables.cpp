#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "nncore/core/rows.h"
#include "nncore/text/word2vec.h"

namespace nncore {

namespace {

void check(const Word2VecSettings& s, View<const std::int64_t, 1> counts) {
  require(counts.size() > 0 && counts.size() <= std::numeric_limits<std::int32_t>::max(),
          "counts must be of 1 to 2^31 - 1 words, but are of ", counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    require(counts(i) >= 1, "counts must be at least 1, but that of word ", i, " is ", counts(i));
  }
  require(s.window >= 1 && s.window <= std::numeric_limits<std::int32_t>::max(),
          "window must be from 1 to 2^31 - 1, but is ", s.window);
  require(s.negative >= 0 && s.negative <= 10000, "negative must be from 0 to 10000, but is ", s.negative);
  require(std::isfinite(s.ns_exponent), "ns_exponent must be finite, but is ", s.ns_exponent);
  require(std::isfinite(s.sample) && s.sample >= 0, "sample must be at least 0 and finite, but is ", s.sample);
  require(s.negative > 0 || s.hierarchical || s.full_softmax,
          "negative = 0 and hs = 0 leave nothing to train: set one of them, or full_softmax");
  require(!s.full_softmax || (s.negative == 0 && !s.hierarchical),
          "full_softmax excludes negative sampling and hierarchical softmax: set negative = 0 and hs = 0");
}

double keep_probability(const Word2VecSettings& s, double count, double total) {
  if (s.sample == 0) return 1;
  const double ratio = s.sample * total / count;  // t / f
  return s.paper_subsampling ? std::sqrt(ratio) : std::sqrt(ratio) + ratio;
}

}  // namespace

Word2VecTables::Word2VecTables(const Word2VecSettings& settings, View<const std::int64_t, 1> counts)
    : settings_(settings) {
  check(settings, counts);
  const std::size_t words = counts.size();
  double total = 0;
  for (std::size_t i = 0; i < words; ++i) total += static_cast<double>(counts(i));
  keep_.resize(words);
  for (std::size_t i = 0; i < words; ++i) {
    const double kept = std::min(1.0, keep_probability(settings, static_cast<double>(counts(i)), total));
    keep_[i] = static_cast<std::uint32_t>(std::max(0.0, std::ceil(kept * 0x1p32) - 1));
  }
  if (settings.negative > 0) {
    std::vector<double> weights(words);
    for (std::size_t i = 0; i < words; ++i) weights[i] = std::pow(static_cast<double>(counts(i)), settings.ns_exponent);
    negatives_ = AliasTable(View<const double, 1>(weights.data(), {words}));
  }
  if (settings.hierarchical) tree_ = huffman_tree(counts);
}

void Word2VecTables::set_tree(HuffmanTree tree) {
  require(tree.words() == words(), "tree must have a way for each of ", words(), " words, but has ", tree.words());
  require(tree.start.front() == 0 && std::is_sorted(tree.start.begin(), tree.start.end()) &&
              tree.start.back() == tree.point.size() && tree.point.size() == tree.code.size(),
          "tree must have ways one after the other");
  for (std::int32_t point : tree.point) {
    require(point >= 0 && static_cast<std::size_t>(point) + 1 < words(), "tree must have nodes from 0 to ", words() - 1,
            " - 1, but one is ", point);
  }
  for (std::uint8_t code : tree.code) require(code <= 1, "codes of the tree must be 0 or 1");
  tree_ = std::move(tree);
  tree_.longest = 0;
  for (std::size_t word = 0; word < words(); ++word) tree_.longest = std::max(tree_.longest, tree_.length(word));
}

template <typename T>
void check_weights(const Word2VecTables& tables, const Word2VecWeights<T>& weights) {
  const Word2VecSettings& s = tables.settings();
  const std::size_t words = tables.words();
  const auto fits = [&](const View<T, 2>& matrix, std::size_t rows, const char* name) {
    require(matrix.extent(0) == rows, name, "a row for each of ", rows, matrix);
    require(matrix.extent(1) == round_up<T>(weights.size), name,
            "padded to this many columns: ", round_up<T>(weights.size), matrix);
    require(matrix.empty() || reinterpret_cast<std::uintptr_t>(matrix.data()) % 64 == 0, name,
            " must begin at a multiple of 64 bytes");
  };
  require(weights.size > 0, "size must be at least 1, but is ", weights.size);
  fits(weights.input, words, "input");
  if (s.negative > 0 || s.full_softmax) fits(weights.negative, words, "negative");
  if (s.hierarchical) fits(weights.tree, words - 1, "tree");
  require(weights.rates.data() == nullptr || weights.rates.size() == words, "rates", "one for each of ", words,
          weights.rates);
}

template void check_weights(const Word2VecTables&, const Word2VecWeights<float>&);
template void check_weights(const Word2VecTables&, const Word2VecWeights<double>&);

}  // namespace nncore
