// word2vec on words drawn by Zipf's law: words trained a second, and the multiplications and additions of the products and
// updates against the peak of this run. The rows of 30,000 words of 100 numbers do not fit the caches of a core.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "nncore/core/random.h"
#include "nncore/text/word2vec_train.h"
#include "peak.h"

namespace {

using namespace nncore;

constexpr std::size_t kWords = 30000, kPositions = 16 * kWord2VecChunk;

struct Corpus {
  std::vector<std::int64_t> counts = std::vector<std::int64_t>(kWords);
  std::vector<std::int32_t> ids = std::vector<std::int32_t>(kPositions);

  Corpus() {
    std::vector<double> weights(kWords);
    for (std::size_t w = 0; w < kWords; ++w) weights[w] = 1 / static_cast<double>(w + 1);
    const AliasTable table(View<const double, 1>(weights.data(), {kWords}));
    const Word2VecDraws draws(2, 0);  // not those of the training
    for (std::size_t p = 0; p < kPositions; ++p) ids[p] = p % 1000 == 999 ? -1 : table.draw(draws.at(p));
    for (std::size_t w = 0; w < kWords; ++w)
      counts[w] = 1 + static_cast<std::int64_t>(1e7 / static_cast<double>(w + 1));
  }
};

void run(benchmark::State& state, const Word2VecSettings& settings) {
  static const Corpus corpus;
  const auto size = static_cast<std::size_t>(state.range(0)), stride = (size + 15) / 16 * 16;
  Buffer<float> memory;
  const std::size_t matrix = kWords * stride;
  float* const data = memory.reserve(3 * matrix);
  std::fill(data, data + 3 * matrix, 0.0f);
  random_uniform<float>({1, Stream::kUser, 0, 0}, -0.01f, 0.01f, {data, {matrix}});
  Word2VecTraining<float> training(settings, {corpus.counts.data(), {kWords}});
  Word2VecPart<float> part;
  part.weights = {
      {data, {kWords, stride}}, {data + matrix, {kWords, stride}}, {data + 2 * matrix, {kWords - 1, stride}}, size};
  part.corpus = {corpus.ids.data(), {kPositions}};
  part.last = kPositions / kWord2VecChunk;
  Word2VecWork once;
  for (const Word2VecWork& work : training.hogwild(part, 1)) once += work;
  const double outputs = settings.hierarchical ? 12 : 1 + static_cast<double>(settings.negative);
  const double flops = 6 * outputs * static_cast<double>(size) * static_cast<double>(once.pairs);
  bench::measure_flops<float>(state, flops, static_cast<int>(state.range(1)), [&] {
    ++part.draws_epoch;
    training.hogwild(part, static_cast<std::size_t>(state.range(1)));
  });
  state.counters["words"] =
      benchmark::Counter(static_cast<double>(once.words), benchmark::Counter::kIsIterationInvariantRate);
}

Word2VecSettings settings(bool skip_gram, bool hierarchical, bool shared) {
  Word2VecSettings made;
  made.skip_gram = skip_gram;
  made.hierarchical = hierarchical;
  made.negative = hierarchical ? 0 : 5;
  made.shared_negatives = shared;
  made.sample = 1e-4;
  return made;
}

const bool added = [] {
  for (const auto& [name, chosen] : {std::pair{"shared", settings(true, false, true)},
                                     {"fresh", settings(true, false, false)},
                                     {"cbow", settings(false, false, true)},
                                     {"hierarchical", settings(true, true, true)}}) {
    const auto function = [chosen = chosen](benchmark::State& state) { run(state, chosen); };
    auto* b = benchmark::RegisterBenchmark((std::string("word2vec_") + name).c_str(), function);
    b->ArgNames({"size", "threads"})->UseRealTime()->Args({100, 1})->Args({100, 2})->Args({300, 1});
  }
  return true;
}();

}  // namespace
