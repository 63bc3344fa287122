#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "nncore/core/view.h"

// Counter-based random numbers: a draw is a function of its place alone. No state, no order, the same bits on any
// number of threads, at every instruction set and on every machine (nothing here calls the C library's mathematics).

namespace nncore {

/// Four random words from a counter and a key: Philox4x32-10 (Salmon et al. 2011).
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// What a draw is for. Append only: the numbers are part of every saved run.
enum class Stream : std::uint32_t {
  kUser = 0,
  kParameters = 1,  // step = index of the parameter
  kDropout = 2,     // step = training step; substream = layer
  kShuffle = 3,     // step = epoch
  kGenerate = 4,
  kWordVectors = 5,   // initial vectors; step = words that were there before
  kWord2Vec = 6,      // keys of a training's draws; step = epoch
  kSketch = 7,        // step = vector
  kReplay = 8,        // step = batch
  kPolicy = 11,       // step = call
  kExploration = 12,  // of a deep Q-learner; step = call
  kQLearning = 13,    // position = step; substream apart for actions, episodes and outcomes
  kMutation = 14,     // step = generation
  kTasks = 15,        // seeds of episodes; step = generation
  kHopfield = 16,     // step = sweep; substream apart for order and thresholds
  kBoltzmann = 17,    // step = sweep
  kGibbs = 18,        // of an RBM; step = update or call
  kImportance = 19,   // of an RBM's partition function; step = temperature
};
inline constexpr std::uint32_t kStreams = 20;

/// A place in the random numbers of one seed: a draw depends on (seed, stream, substream, step, position) alone.
struct Draws {
  std::uint64_t seed = 0;
  Stream stream = Stream::kUser;
  std::uint32_t substream = 0;  // below 2^16
  std::uint64_t step = 0;       // below 2^40
};

/// Words that draws have.
inline constexpr std::uint64_t kWords = std::uint64_t{1} << 50;

// Word number p is word p % 4 of the block with
//   key     = seed, low half first
//   counter = (block, low 32 bits), (attempt << 16 | block >> 32), (step, low 32 bits),
//             (stream << 24 | substream << 8 | step >> 32), where block = p / 4 and attempt = 0;
// only random_integers and random_permutation make further attempts. Functions that take Draws throw
// std::invalid_argument when a field is out of its range; random_word and random_words, made for kernels, do not look.

/// Word number `position` of these draws.
std::uint32_t random_word(const Draws& draws, std::uint64_t position);

/// Words first, first + 1, ... into out[0 .. count), in the calling thread; fastest where `first` is a multiple of 4.
void random_words(const Draws& draws, std::uint64_t first, std::size_t count, std::uint32_t* out);

/// Uniform in [low, high), which must be finite with a finite difference. Entry i comes from word i (24 bits) in float,
/// from words 2i, 2i + 1 (53 bits) in double.
template <typename T>
void random_uniform(const Draws& draws, T low, T high, View<T, 1> out);

/// Entry i of random_uniform from 0 to 1, of the words that are given.
template <typename T>
inline T unit_of_words(const std::uint32_t* words, std::size_t i) {
  if constexpr (sizeof(T) == 4) {
    return static_cast<T>(static_cast<std::int32_t>(words[i] >> 8)) * 0x1p-24f;  // signed: vectors can convert it
  } else {
    return static_cast<T>((std::uint64_t{words[2 * i + 1]} << 32 | words[2 * i]) >> 11) * 0x1p-53;
  }
}

/// Normal with this mean and standard deviation (>= 0), by Box and Muller's method in double; float is the double,
/// rounded. Entries 2j and 2j + 1 come from words 4j ... 4j + 3. No value is further than 8.6 deviations from the mean.
template <typename T>
void random_normal(const Draws& draws, T mean, T deviation, View<T, 1> out);

/// Standard normal entries first, first + 1, ..., in the calling thread; `first` is a multiple of 4. Of double they are
/// those of random_normal; float is computed in float, entries 2j and 2j + 1 from words 2j and 2j + 1 (31 bits for the
/// radius, 32 for the angle), and none is further than 6.7 from 0.
template <typename T>
void random_normals(const Draws& draws, std::uint64_t first, std::size_t count, T* out);

/// Standard logistic numbers, log(u / (1 - u)) with u uniform in (0, 1): a unit that is on with probability
/// 1 / (1 + exp(-z)) is on where z exceeds one. Entry i of out [0 .. count) comes from words 2 (first + i) and the next.
void random_logistic(const Draws& draws, std::uint64_t first, std::size_t count, double* out);

/// Integers in [low, high), each equally likely. Entry i comes from words 2i, 2i + 1; where they would favour some
/// integers they are drawn again, at the same place with attempt 1, 2, ... (Lemire 2019).
void random_integers(const Draws& draws, std::int64_t low, std::int64_t high, View<std::int64_t, 1> out);

/// 0 ... n-1 in random order, each order equally likely (Fisher and Yates; step i draws like entry i of
/// random_integers).
void random_permutation(const Draws& draws, View<std::int64_t, 1> out);

}  // namespace nncore
