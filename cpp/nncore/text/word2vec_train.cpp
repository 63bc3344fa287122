#include "nncore/text/word2vec_train.h"

#include <algorithm>
#include <atomic>
#include <exception>

#include "nncore/core/threads.h"

namespace nncore {

namespace {

constexpr double kWordNanoseconds = 200;

std::size_t chunks_of(std::size_t size) { return (size + kWord2VecChunk - 1) / kWord2VecChunk; }

}  // namespace

template <typename T>
void Word2VecTraining<T>::check_corpus(View<const std::int32_t, 1> corpus, std::size_t first, std::size_t last) const {
  require(first <= last && last <= chunks_of(corpus.size()), "chunks must be within the corpus's ",
          chunks_of(corpus.size()), ", but are ", first, " to ", last);
  const auto words = static_cast<std::int32_t>(tables_.words());
  // With the neighbours, which windows reach.
  const std::size_t begin = first == 0 ? 0 : (first - 1) * kWord2VecChunk;
  const std::size_t end = std::min(corpus.size(), (last + 1) * kWord2VecChunk);
  std::int32_t low = 0, high = -1;
  for (std::size_t p = begin; p < end; ++p) {
    low = std::min(low, corpus(p));
    high = std::max(high, corpus(p));
  }
  require(low >= -1 && high < words, "ids must be from -1 to ", words - 1, ", but come from ", low, " to ", high);
}

template <typename T>
Word2VecWork Word2VecTraining<T>::chunk(const Word2VecWeights<T>& weights, View<const std::int32_t, 1> corpus,
                                        std::size_t number, std::uint64_t epoch, const Word2VecDraws& draws,
                                        const Word2VecRate& rate, Word2VecSpace<T>& space) const {
  const std::size_t begin = number * kWord2VecChunk;
  const double within = static_cast<double>(begin) / static_cast<double>(corpus.size());
  const double done = (static_cast<double>(epoch) + within) / rate.epochs;
  const double alpha = rate.start + (rate.end - rate.start) * std::min(1.0, done);
  return word2vec_chunk(tables_, weights, corpus, begin, std::min(begin + kWord2VecChunk, corpus.size()), draws, alpha,
                        space);
}

template <typename T>
Word2VecWork Word2VecTraining<T>::hogwild(const Word2VecWeights<T>& weights, View<const std::int32_t, 1> corpus,
                                          std::size_t first, std::size_t last, std::uint64_t epoch,
                                          std::uint64_t draws_epoch, const Word2VecRate& rate, std::size_t workers) {
  const UseFlag::Guard guard(in_use_, "this training");
  check_weights(tables_, weights);
  check_corpus(corpus, first, last);
  const Word2VecDraws draws(tables_.settings().seed, draws_epoch);
  const std::size_t count = last - first;
  const std::size_t most = std::min(workers, count);
  spaces_.resize(std::max(spaces_.size(), std::max<std::size_t>(most, 1)));
  std::vector<Word2VecWork> works(count);
  std::atomic<std::size_t> next{first};
  const double nanoseconds = static_cast<double>(count * kWord2VecChunk) * kWordNanoseconds;
  std::vector<std::exception_ptr> errors(std::max<std::size_t>(most, 1));  // of memory
  parallel_parts(most, nanoseconds, [&](std::size_t part, std::size_t) {
    try {
      for (std::size_t number = next++; number < last; number = next++) {
        works[number - first] = chunk(weights, corpus, number, epoch, draws, rate, spaces_[part]);
      }
    } catch (...) {
      errors[part] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  Word2VecWork sum;
  for (const Word2VecWork& work : works) sum += work;
  return sum;
}

template class Word2VecTraining<float>;
template class Word2VecTraining<double>;

}  // namespace nncore
