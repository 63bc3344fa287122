#include <algorithm>

#include "nncore/core/random.h"
#include "nncore/text/word2vec.h"

namespace nncore {

Word2VecDraws::Word2VecDraws(std::uint64_t seed, std::uint64_t epoch) {
  std::uint32_t words[4];
  random_words({seed, Stream::kWord2Vec, 0, epoch}, 0, 4, words);
  place_ = words[0] | static_cast<std::uint64_t>(words[1]) << 32;
  negative_ = words[2] | static_cast<std::uint64_t>(words[3]) << 32;
}

namespace {

std::int32_t reach(const Word2VecSettings& s, std::uint64_t bits) {
  const std::uint64_t window = static_cast<std::uint64_t>(s.window);
  const std::uint64_t drawn = s.shrink_windows ? 1 + ((bits & 0xffffffffu) * window >> 32) : window;
  return static_cast<std::int32_t>(std::min<std::uint64_t>(drawn, s.reach()));
}

}  // namespace

void word2vec_keep(const Word2VecTables& tables, const Word2VecDraws& draws, View<const std::int32_t, 1> corpus,
                   std::size_t begin, std::size_t end, Word2VecKept& kept) {
  kept.words.clear();
  kept.reach.clear();
  kept.positions.clear();
  const auto add = [&](std::int32_t word, std::size_t position, std::uint64_t bits) {
    kept.words.push_back(word);
    kept.reach.push_back(reach(tables.settings(), bits));
    kept.positions.push_back(position);
  };
  const auto stop = [&] { add(-1, 0, 0); };
  const auto take = [&](std::size_t position) {
    const std::int32_t word = corpus(position);
    const std::uint64_t bits = draws.at(position);
    if (bits >> 32 <= tables.keep(static_cast<std::size_t>(word))) add(word, position, bits);
  };
  // Context is sought within one chunk: so few of more words are kept that the window may as well be shorter.
  const std::size_t context = tables.settings().reach();
  const std::size_t low = begin > kWord2VecChunk ? begin - kWord2VecChunk : 0;
  const std::size_t high = std::min(corpus.size(), end + kWord2VecChunk);

  stop();
  for (std::size_t p = begin; p-- > low && corpus(p) >= 0 && kept.words.size() <= context;) take(p);
  std::reverse(kept.words.begin() + 1, kept.words.end());
  kept.first = kept.words.size();  // reach and positions are those of centres only
  // No branch on what is drawn, which would be mispredicted often.
  std::size_t size = kept.first;
  kept.resize(size + (end - begin));
  for (std::size_t p = begin; p < end; ++p) {
    const std::int32_t word = corpus(p);
    const std::uint64_t bits = draws.at(p);
    const auto known = static_cast<std::size_t>(std::max(word, 0));
    kept.words[size] = word;
    kept.reach[size] = reach(tables.settings(), bits);
    kept.positions[size] = p;
    size += static_cast<std::size_t>(word < 0) | static_cast<std::size_t>(bits >> 32 <= tables.keep(known));
  }
  kept.resize(size);
  kept.last = size;
  for (std::size_t p = end; p < high && corpus(p) >= 0 && kept.words.size() < kept.last + context; ++p) take(p);
  stop();
}

}  // namespace nncore
