#include "nncore/text/word2vec_train.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <exception>

#include "nncore/core/threads.h"

namespace nncore {

namespace {

constexpr double kPositionNanoseconds = 200;

/// Part of the way to where a row would end that an update goes, for alpha = 1. Of 0.003, 0.01, 0.03, 0.1, 0.3 and 1, on 20
/// MB of text, 0.003 diverged, and analogies were best at 0.01 and the loss at 0.1.
constexpr double kCurvature = 0.02;

template <typename T>
double alpha(const Word2VecPart<T>& part, std::size_t chunk) {
  const double within = static_cast<double>(chunk * kWord2VecChunk) / static_cast<double>(part.corpus.size());
  const double done = (static_cast<double>(part.epoch) + within) / part.rate.epochs;
  return part.rate.start + (part.rate.end - part.rate.start) * std::min(1.0, done);
}

std::size_t chunks_of(std::size_t size) { return (size + kWord2VecChunk - 1) / kWord2VecChunk; }

/// Calls work(job, part) for every job below `jobs`, on up to `workers` threads, each with a part of its own.
template <typename Work>
void share(std::size_t jobs, std::size_t workers, double nanoseconds, const Work& work) {
  const std::size_t most = std::max<std::size_t>(1, std::min(workers, jobs));
  std::vector<std::exception_ptr> errors(most);  // of memory
  std::atomic<std::size_t> next{0};
  parallel_parts(most, nanoseconds, [&](std::size_t part, std::size_t) {
    try {
      for (std::size_t job = next++; job < jobs; job = next++) work(job, part);
    } catch (...) {
      errors[part] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

template <typename T>
std::array<View<T, 2>, 3> matrices(const Word2VecWeights<T>& weights) {
  return {weights.input, weights.negative, weights.tree};
}

/// The weights, in one piece of other memory.
template <typename T>
Word2VecWeights<T> laid_out(const Word2VecWeights<T>& weights, T* memory) {
  Word2VecWeights<T> copy = weights;
  for (View<T, 2>* matrix : {&copy.input, &copy.negative, &copy.tree}) {
    *matrix = View<T, 2>(memory, matrix->extents());
    memory += matrix->size();
  }
  return copy;
}

/// One matrix of a shard, and how many updates each row has had.
template <typename T>
struct Share {
  View<T, 2> copy;
  std::uint32_t* updates;
};

/// Adds to a row its changes in copies of it, scaled. The first copy's memory is used.
template <typename T>
void add_changes(T* row, std::size_t columns, T* const* copies, std::size_t count, T scale) {
  T* const change = copies[0];
  for (std::size_t k = 0; k < columns; ++k) change[k] -= row[k];
  for (std::size_t s = 1; s < count; ++s) {
    for (std::size_t k = 0; k < columns; ++k) change[k] += copies[s][k] - row[k];
  }
  for (std::size_t k = 0; k < columns; ++k) row[k] += scale * change[k];
}

/// Adds to each row the changes that it has had in the shards; then the copies are the same again. Few small steps add up
/// as they would one after the other. Many come near a place where they end, in each shard by itself: with n steps of a
/// part 1 - exp(-k n) of the way, and with the steps of all shards one after the other of 1 - exp(-k sum n). So the sum of
/// the changes is made as much smaller.
template <typename T>
void merge(View<T, 2> weights, const std::vector<Share<T>>& shards, double step, std::size_t workers) {
  constexpr std::size_t kRows = 64;
  const std::size_t rows = weights.extent(0), columns = weights.extent(1);
  if (rows == 0) return;
  const auto merge_row = [&](std::size_t row) {
    std::array<T*, kWord2VecShards> changed;
    std::size_t count = 0;
    double all = 0, parts = 0;
    for (const Share<T>& shard : shards) {
      if (shard.updates[row] == 0) continue;
      const double length = step * shard.updates[row];
      all += length;
      parts -= std::expm1(-length);
      shard.updates[row] = 0;
      changed[count++] = shard.copy.row(row);
    }
    if (count == 0) return;
    const T scale = count == 1 ? T{1} : static_cast<T>(-std::expm1(-all) / parts);
    T* const to = weights.row(row);
    add_changes(to, columns, changed.data(), count, scale);
    for (const Share<T>& shard : shards) std::copy(to, to + columns, shard.copy.row(row));
  };
  share((rows + kRows - 1) / kRows, workers, static_cast<double>(weights.size() * shards.size()) * 0.5,
        [&](std::size_t job, std::size_t) {
          for (std::size_t row = job * kRows; row < std::min(rows, (job + 1) * kRows); ++row) merge_row(row);
        });
}

}  // namespace

template <typename T>
void Word2VecTraining<T>::check(const Word2VecPart<T>& part) const {
  check_weights(tables_, part.weights);
  const View<const std::int32_t, 1>& corpus = part.corpus;
  require(part.first <= part.last && part.last <= chunks_of(corpus.size()), "chunks must be within the corpus's ",
          chunks_of(corpus.size()), ", but are ", part.first, " to ", part.last);
  // With the neighbours, which windows reach.
  const std::size_t begin = part.first == 0 ? 0 : (part.first - 1) * kWord2VecChunk;
  const std::size_t end = std::min(corpus.size(), (part.last + 1) * kWord2VecChunk);
  std::int32_t low = 0, high = -1;
  for (std::size_t p = begin; p < end; ++p) {
    low = std::min(low, corpus(p));
    high = std::max(high, corpus(p));
  }
  const auto words = static_cast<std::int64_t>(tables_.words());
  require(low >= -1 && high < words, "ids must be from -1 to ", words - 1, ", but come from ", low, " to ", high);
}

template <typename T>
Word2VecWork Word2VecTraining<T>::chunk(const Word2VecPart<T>& part, const Word2VecWeights<T>& weights,
                                        std::size_t number, const Word2VecDraws& draws, Word2VecSpace<T>& space) const {
  const std::size_t begin = number * kWord2VecChunk, end = std::min(begin + kWord2VecChunk, part.corpus.size());
  return word2vec_chunk(tables_, weights, part.corpus, begin, end, draws, alpha(part, number), space);
}

template <typename T>
Word2VecWork Word2VecTraining<T>::hogwild(const Word2VecPart<T>& part, std::size_t workers) {
  const UseFlag::Guard guard(in_use_, "this training");
  check(part);
  const Word2VecDraws draws(tables_.settings().seed, part.draws_epoch);
  const std::size_t count = part.last - part.first;
  spaces_.resize(std::max(spaces_.size(), std::max<std::size_t>(1, std::min(workers, count))));
  for (Word2VecSpace<T>& space : spaces_) space.counting = false;
  std::vector<Word2VecWork> works(count);
  share(count, workers, static_cast<double>(count * kWord2VecChunk) * kPositionNanoseconds,
        [&](std::size_t job, std::size_t thread) {
          works[job] = chunk(part, part.weights, part.first + job, draws, spaces_[thread]);
        });
  Word2VecWork sum;
  for (const Word2VecWork& work : works) sum += work;
  return sum;
}

template <typename T>
Word2VecWork Word2VecTraining<T>::sharded(const Word2VecPart<T>& part, std::size_t workers, bool restart) {
  const UseFlag::Guard guard(in_use_, "this training");
  check(part);
  require(part.first % kWord2VecRound == 0, "first must be a multiple of ", kWord2VecRound, ", but is ", part.first);
  std::size_t size = 0;
  for (const View<T, 2>& matrix : matrices(part.weights)) size += matrix.size();
  copies_.resize(kWord2VecShards);
  std::vector<Word2VecWeights<T>> shards;
  for (Buffer<T>& copy : copies_) {
    restart |= copy.data() == nullptr;
    shards.push_back(laid_out(part.weights, copy.reserve(size)));
    for (std::size_t m = 0; restart && m < 3; ++m) {
      const View<T, 2> from = matrices(part.weights)[m];
      std::copy(from.data(), from.data() + from.size(), matrices(shards.back())[m].data());
    }
  }
  spaces_.resize(std::max(spaces_.size(), kWord2VecShards));
  for (std::size_t s = 0; s < kWord2VecShards; ++s) {
    spaces_[s].counting = true;
    for (std::size_t m = 0; m < 3; ++m) spaces_[s].updates[m].assign(matrices(part.weights)[m].extent(0), 0);
  }
  const Word2VecDraws draws(tables_.settings().seed, part.draws_epoch);
  std::vector<Word2VecWork> works(part.last - part.first);
  for (std::size_t first = part.first; first < part.last; first += kWord2VecRound) {
    const std::size_t last = std::min(first + kWord2VecRound, part.last);
    share(kWord2VecShards, workers, static_cast<double>((last - first) * kWord2VecChunk) * kPositionNanoseconds,
          [&](std::size_t shard, std::size_t) {
            const std::size_t begin = first + shard * kWord2VecShardChunks;
            for (std::size_t number = begin; number < std::min(last, begin + kWord2VecShardChunks); ++number) {
              works[number - part.first] = chunk(part, shards[shard], number, draws, spaces_[shard]);
            }
          });
    for (std::size_t m = 0; m < 3; ++m) {
      std::vector<Share<T>> shares;
      for (std::size_t s = 0; s < shards.size(); ++s)
        shares.push_back({matrices(shards[s])[m], spaces_[s].updates[m].data()});
      merge(matrices(part.weights)[m], shares, kCurvature * alpha(part, first), workers);
    }
  }
  Word2VecWork sum;
  for (const Word2VecWork& work : works) sum += work;
  return sum;
}

template class Word2VecTraining<float>;
template class Word2VecTraining<double>;

}  // namespace nncore
