#include "nncore/text/word2vec_train.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <exception>
#include <limits>

#include "nncore/core/interrupt.h"
#include "nncore/core/threads.h"

namespace nncore {

namespace {

constexpr double kPositionNanoseconds = 200;
/// Of a call, which may be long: windows, sizes and vocabularies can be large.
constexpr double kUnknown = std::numeric_limits<double>::infinity();

/// Part of the way to where a row would end that an update goes, for alpha = 1. Of 0.003, 0.01, 0.03, 0.1, 0.3 and 1, on 20
/// MB of text, 0.003 diverged, and analogies were best at 0.01 and the loss at 0.1.
constexpr double kCurvature = 0.02;

/// Threads of a training, at most.
constexpr std::size_t kMostShares = 256;

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
std::array<Word2VecMatrix<T>*, 3> matrices(Word2VecWeights<T>& weights) {
  return {&weights.input, &weights.negative, &weights.tree};
}

/// The weights with the most used rows of each matrix, as many as `rows` says, for a thread itself, in this memory. Words
/// come in the order of their counts, and the nodes of the tree in the reverse order.
template <typename T>
Word2VecWeights<T> with_own(Word2VecWeights<T> weights, const std::array<std::size_t, 3>& rows, T* memory) {
  for (std::size_t m = 0; m < 3; ++m) {
    Word2VecMatrix<T>& matrix = *matrices(weights)[m];
    matrix.own = View<T, 2>(memory, {rows[m], matrix.extent(1)});
    if (m == 2) matrix.first_own = matrix.extent(0) - rows[m];
    memory += matrix.own.size();
  }
  return weights;
}

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

/// Rows of each matrix that threads have for themselves where they do not wait for each other. Inputs are written too seldom
/// for that. The full softmax writes all rows in every step.
std::array<std::size_t, 3> own_rows(const Word2VecSettings& settings, std::size_t threads) {
  if (threads == 1 || settings.full_softmax) return {0, 0, 0};
  const bool many = settings.skip_gram && !settings.shared_negatives;
  return {0, many ? kWord2VecOwnOfMany : kWord2VecOwnRows, kWord2VecOwnRows};
}

/// What one thread has of a matrix, and how many updates each row has had.
template <typename T>
struct Share {
  View<T, 2> own;
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
void merge(T* weights, const std::vector<Share<T>>& shards, double step, std::size_t workers) {
  constexpr std::size_t kRows = 64;
  const std::size_t rows = shards[0].own.extent(0), columns = shards[0].own.extent(1);
  if (rows == 0) return;
  const auto merge_row = [&](std::size_t row) {
    std::array<T*, kMostShares> changed;
    std::size_t count = 0;
    double all = 0, parts = 0;
    for (const Share<T>& shard : shards) {
      if (shard.updates[row] == 0) continue;
      const double length = step * shard.updates[row];
      all += length;
      parts -= std::expm1(-length);
      shard.updates[row] = 0;
      changed[count++] = shard.own.row(row);
    }
    if (count == 0) return;
    const T scale = count == 1 || !(parts > 0) ? T{1} : static_cast<T>(-std::expm1(-all) / parts);
    T* const to = weights + row * columns;
    add_changes(to, columns, changed.data(), count, scale);
    for (const Share<T>& shard : shards) std::copy(to, to + columns, shard.own.row(row));
  };
  share((rows + kRows - 1) / kRows, workers, static_cast<double>(rows * columns * shards.size()) * 0.5,
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
                                        std::size_t number, const Word2VecDraws& draws, Word2VecSpace<T>& space,
                                        bool is_draft) const {
  space.is_draft = is_draft;
  space.ended_early |= given_up();
  if (space.ended_early) return {};
  const std::size_t begin = number * kWord2VecChunk, end = std::min(begin + kWord2VecChunk, part.corpus.size());
  return word2vec_chunk(tables_, weights, part.corpus, begin, end, draws, alpha(part, number), space);
}

/// Gives `copies` threads memory of their own for so many rows of each matrix, or all, and copies these there.
template <typename T>
std::vector<Word2VecWeights<T>> Word2VecTraining<T>::take_own(Word2VecWeights<T> weights, std::size_t copies,
                                                              std::array<std::size_t, 3> rows, bool restart) {
  std::size_t size = 0;
  for (std::size_t m = 0; m < 3; ++m) {
    rows[m] = std::min(rows[m], matrices(weights)[m]->extent(0));
    size += rows[m] * matrices(weights)[m]->extent(1);
  }
  copies_.resize(std::max(copies_.size(), copies));
  spaces_.resize(std::max(spaces_.size(), copies));
  std::vector<Word2VecWeights<T>> made;
  for (std::size_t c = 0; c < copies; ++c) {
    restart |= copies_[c].data() == nullptr;
    made.push_back(with_own(weights, rows, copies_[c].reserve(size)));
    for (std::size_t m = 0; m < 3; ++m) {
      const Word2VecMatrix<T>& matrix = *matrices(made[c])[m];
      spaces_[c].updates[m].assign(rows[m] > 0 ? rows[m] + 1 : 0, 0);
      if (!restart) continue;
      const T* const from = matrix.data() + matrix.first_own * matrix.extent(1);
      std::copy(from, from + matrix.own.size(), matrix.own.data());
    }
  }
  return made;
}

/// Adds the changes of all threads' own rows to the weights.
template <typename T>
void Word2VecTraining<T>::merge_own(std::vector<Word2VecWeights<T>>& own, double alpha, std::size_t workers) {
  for (std::size_t m = 0; m < 3; ++m) {
    std::vector<Share<T>> shares;
    for (std::size_t c = 0; c < own.size(); ++c) {
      shares.push_back({matrices(own[c])[m]->own, spaces_[c].updates[m].data()});
    }
    const Word2VecMatrix<T>& matrix = *matrices(own[0])[m];
    merge(matrix.data() + matrix.first_own * matrix.extent(1), shares, kCurvature * alpha, workers);
  }
}

template <typename T>
bool Word2VecTraining<T>::ended_early() const {
  return std::any_of(spaces_.begin(), spaces_.end(), [](const Word2VecSpace<T>& space) { return space.ended_early; });
}

template <typename T>
std::vector<Word2VecWork> Word2VecTraining<T>::hogwild(const Word2VecPart<T>& part, std::size_t workers) {
  const UseFlag::Guard guard(in_use_, "this training");
  check(part);
  const LongCall long_call(kUnknown);
  const Word2VecDraws draws(tables_.settings().seed, part.draws_epoch);
  const std::size_t threads = std::max<std::size_t>(1, std::min({workers, part.last - part.first, kMostShares}));
  std::vector<Word2VecWeights<T>> own = take_own(part.weights, threads, own_rows(tables_.settings(), threads), true);
  std::vector<Word2VecWork> works(part.last - part.first);
  const std::size_t round = std::max(kWord2VecRound, 2 * threads);
  std::size_t first = part.first;
  for (; first < part.last && !given_up(); first += round) {
    for (Word2VecSpace<T>& space : spaces_) space.ended_early = false;
    const std::size_t count = std::min(round, part.last - first);
    std::vector<char> done(count, false);
    share(count, threads, static_cast<double>(count * kWord2VecChunk) * kPositionNanoseconds,
          [&](std::size_t job, std::size_t thread) {
            works[first + job - part.first] = chunk(part, own[thread], first + job, draws, spaces_[thread], false);
            done[job] = !spaces_[thread].ended_early;
          });
    merge_own(own, alpha(part, first), threads);
    if (ended_early()) {
      first += static_cast<std::size_t>(std::find(done.begin(), done.end(), false) - done.begin());
      break;
    }
  }
  works.resize(std::min(first, part.last) - part.first);
  return works;
}

template <typename T>
std::vector<Word2VecWork> Word2VecTraining<T>::sharded(const Word2VecPart<T>& part, std::size_t workers, bool restart) {
  const UseFlag::Guard guard(in_use_, "this training");
  check(part);
  require(part.first % kWord2VecRound == 0, "first must be a multiple of ", kWord2VecRound, ", but is ", part.first);
  const LongCall long_call(kUnknown);
  std::vector<Word2VecWeights<T>> shards = take_own(part.weights, kWord2VecShards, {kAll, kAll, kAll}, restart);
  const Word2VecDraws draws(tables_.settings().seed, part.draws_epoch);
  std::vector<Word2VecWork> works(part.last - part.first);
  std::size_t first = part.first;
  for (; first < part.last && !given_up(); first += kWord2VecRound) {
    const std::size_t last = std::min(first + kWord2VecRound, part.last);
    for (Word2VecSpace<T>& space : spaces_) space.ended_early = false;
    share(kWord2VecShards, workers, static_cast<double>((last - first) * kWord2VecChunk) * kPositionNanoseconds,
          [&](std::size_t shard, std::size_t) {
            const std::size_t begin = first + shard * kWord2VecShardChunks;
            for (std::size_t number = begin; number < std::min(last, begin + kWord2VecShardChunks); ++number) {
              works[number - part.first] = chunk(part, shards[shard], number, draws, spaces_[shard], true);
            }
          });
    if (ended_early()) break;
    merge_own(shards, alpha(part, first), workers);
  }
  works.resize(std::min(first, part.last) - part.first);
  return works;
}

template class Word2VecTraining<float>;
template class Word2VecTraining<double>;

}  // namespace nncore
