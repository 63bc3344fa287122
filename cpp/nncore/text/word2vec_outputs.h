#pragma once

// The outputs of word2vec's updates. They are chosen some words before their turn, so that their rows can be asked for.
// For kernels only (see core/simd.h).

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "nncore/core/rows.h"
#include "nncore/core/simd.h"
#include "nncore/text/word2vec.h"
#include "nncore/text/word2vec_block.h"

namespace nncore {
namespace detail {

/// Whether these words (or rows) differ from each other and from `word`. Without a branch, as it is random.
template <typename Word>
bool all_differ(Word word, const Word* words, std::size_t count) {
  bool same = false;
  for (std::size_t i = 0; i < count; ++i) {
    same |= words[i] == word;
    for (std::size_t j = 0; j < i; ++j) same |= words[i] == words[j];
  }
  return !same;
}

constexpr std::size_t kFewWords = 7;

/// The same for at most kFewWords words, where that many can be read. Words are not negative.
[[gnu::always_inline]] inline bool few_differ(std::int32_t word, const std::int32_t* words, std::size_t count) {
  using Words = std::int32_t __attribute__((vector_size(32)));
  using Unaligned = std::int32_t __attribute__((vector_size(32), aligned(alignof(std::int32_t)), may_alias));
  const Words place = {0, 1, 2, 3, 4, 5, 6, 7};
  const Words all = place < static_cast<std::int32_t>(count)        ? Words(*reinterpret_cast<const Unaligned*>(words))
                    : place == static_cast<std::int32_t>(kFewWords) ? word - Words{}
                                                                    : -1 - place;
  // Each against those 1 to 4 places further around.
  const Words same = (all == __builtin_shufflevector(all, all, 1, 2, 3, 4, 5, 6, 7, 0)) |
                     (all == __builtin_shufflevector(all, all, 2, 3, 4, 5, 6, 7, 0, 1)) |
                     (all == __builtin_shufflevector(all, all, 3, 4, 5, 6, 7, 0, 1, 2)) |
                     (all == __builtin_shufflevector(all, all, 4, 5, 6, 7, 0, 1, 2, 3));
  using Halves = std::int64_t __attribute__((vector_size(32)));
  const Halves any = reinterpret_cast<Halves>(same);
  return (any[0] | any[1] | any[2] | any[3]) == 0;
}

/// Where the sign and the scale of an output are; the places that no row has stay 0.
template <typename T>
constexpr std::size_t place(std::size_t output) {
  return output / kTile<T> * kPlaces + output % kTile<T>;
}

template <typename T>
void add_output(Word2VecOutputs<T>& outputs, std::int32_t number, T* row, T sign, T alpha) {
  outputs.rows[outputs.count] = row;
  outputs.numbers[outputs.count] = number;
  const std::size_t at = place<T>(outputs.count++);
  outputs.sign[at] = sign;
  outputs.scale[at] = sign * alpha;
}

/// Behind the outputs, some that are none, up to `end`.
template <typename T>
void fill_up(Word2VecOutputs<T>& outputs, T* dummy, std::size_t end) {
  for (std::size_t j = outputs.count; j < end; ++j) {
    outputs.rows[j] = dummy;
    outputs.sign[place<T>(j)] = outputs.scale[place<T>(j)] = 0;
  }
}

/// What words of a stretch are trained against, of a few words at a time.
template <typename T>
class Word2VecPlan {
 public:
  static constexpr std::size_t kWords = kWord2VecPlanned;

  /// With `apart` each word of a window has negatives of its own. Rows of outputs are added to `coming`. Of the space, `plan`
  /// is used; the dummy is a row of zeros.
  Word2VecPlan(const Word2VecTables& tables, const Word2VecWeights<T>& weights, const Word2VecDraws& draws, bool apart,
               T alpha, T* dummy, Word2VecComing<T>& coming, Word2VecSpace<T>& space)
      : tables_(tables),
        weights_(weights),
        draws_(draws),
        kept_(space.kept),
        alpha_(alpha),
        dummy_(dummy),
        coming_(coming),
        space_(space.plan),
        counting_(space.counting()),
        negative_(static_cast<std::size_t>(tables.settings().negative)),
        sets_(negative_ == 0 ? 0
              : apart        ? 2 * tables.settings().reach()
                             : 1),
        tiles_(negative_ / kTile<T> + 1) {
    make_room();
  }

  /// Of each set of negatives.
  std::size_t tiles() const { return tiles_; }

  /// Before the first word.
  void begin() { draw(kept_.first); }

  /// Chooses the outputs of the word at t, which takes the place of the one at t - kWords. Words come one after the other.
  void plan(std::size_t t) {
    const bool centre = kept_.words[t] >= 0;
    T** const begin = centre && path_tiles_ > 0 ? plan_path(t) : sets_rows(t);
    coming_.add(begin, sets_rows(t) + (centre && negative_ > 0 ? plan_negatives(t) : 0) * kTile<T>);
    draw(t + 1);
  }

  /// The set of negatives of each word of the window, one after the other in the same arrays, or the only one.
  const Word2VecOutputs<T>* negatives(std::size_t t) const { return sets_of(t); }
  /// The inner nodes of the tree.
  const Word2VecOutputs<T>& path(std::size_t t) const { return sets_of(t)[sets_]; }

 private:
  using Draws = std::uint64_t __attribute__((vector_size(kVectorBytes)));

  const Word2VecOutputs<T>* sets_of(std::size_t t) const { return space_.outputs.data() + t % kWords * (sets_ + 1); }
  Word2VecOutputs<T>* sets_of(std::size_t t) { return space_.outputs.data() + t % kWords * (sets_ + 1); }

  std::size_t used_sets(std::size_t t) const { return sets_ == 1 ? 1 : 2 * static_cast<std::size_t>(kept_.reach[t]); }

  // Of the word at t: the rows of its path, which end where those of its sets begin.
  T** sets_rows(std::size_t t) {
    return space_.rows.data() + (t % kWords * (path_tiles_ + sets_ * tiles_) + path_tiles_) * kTile<T>;
  }

  void make_room();
  void draw(std::size_t t);
  bool draws(std::size_t t) const { return t < kept_.last && kept_.words[t] >= 0 && negative_ > 0; }
  T** plan_path(std::size_t t);
  std::size_t plan_negatives(std::size_t t);
  void take_all(Word2VecOutputs<T>& outputs, const Word2VecMatrix<T>& matrix, std::int32_t word,
                const std::int32_t* drawn) const;
  void choose(Word2VecOutputs<T>& outputs, std::int32_t word, const std::int32_t* drawn) const;

  const Word2VecTables& tables_;
  const Word2VecWeights<T>& weights_;
  const Word2VecDraws& draws_;
  const Word2VecKept& kept_;
  T alpha_;
  T* dummy_;
  Word2VecComing<T>& coming_;
  Word2VecPlanSpace<T>& space_;
  bool counting_;
  std::size_t negative_, sets_, tiles_, path_tiles_ = 0;
  const T *usual_sign_ = nullptr, *usual_scale_ = nullptr;  // of negatives that all differ
};

template <typename T>
void Word2VecPlan<T>::make_room() {
  if (tables_.settings().hierarchical) path_tiles_ = tables_.tree().longest / kTile<T> + 1;
  const std::size_t a_word = sets_ * tiles_ + path_tiles_, places = kWords * a_word * kPlaces, usual = tiles_ * kPlaces;
  T* const values = space_.values.reserve(2 * round_up<T>(places) + 2 * round_up<T>(usual));
  T *const sign = values, *const scale = sign + round_up<T>(places);
  std::fill(values, values + 2 * round_up<T>(places) + 2 * round_up<T>(usual), T{0});
  space_.rows.resize(kWords * a_word * kTile<T>);
  space_.numbers.resize(space_.rows.size());
  space_.outputs.resize(kWords * (sets_ + 1));
  for (std::size_t w = 0; w < kWords; ++w) {
    for (std::size_t set = 0; set <= sets_; ++set) {
      const std::size_t tile = w * a_word + (set < sets_ ? path_tiles_ + set * tiles_ : 0);
      space_.outputs[w * (sets_ + 1) + set] = {space_.rows.data() + tile * kTile<T>,
                                               space_.numbers.data() + tile * kTile<T>,
                                               sign + tile * kPlaces,
                                               scale + tile * kPlaces,
                                               0,
                                               1,
                                               false};
    }
  }
  Word2VecOutputs<T> all;
  space_.drawn.resize(sets_ * negative_ + kFewWords);
  space_.bits.resize(sets_ * negative_ + kLanes<double>);
  space_.columns.resize(space_.bits.size());
  all.rows = space_.rows.data();  // which do not matter here
  all.numbers = space_.numbers.data();
  all.sign = scale + round_up<T>(places);
  all.scale = all.sign + round_up<T>(usual);
  for (std::size_t j = 0; j <= negative_; ++j) add_output(all, 0, dummy_, j == 0 ? T{1} : T{-1}, alpha_);
  usual_sign_ = all.sign;
  usual_scale_ = all.scale;
}

/// Returns its first row.
template <typename T>
T** Word2VecPlan<T>::plan_path(std::size_t t) {
  const HuffmanTree& tree = tables_.tree();
  const auto word = static_cast<std::size_t>(kept_.words[t]);
  const std::size_t first = tree.start[word], nodes = tree.start[word + 1] - first, used = tiled(nodes, kTile<T>);
  Word2VecOutputs<T>& outputs = sets_of(t)[sets_];
  outputs.rows = sets_rows(t) - used;
  outputs.count = 0;
  for (std::size_t i = first; i < first + nodes; ++i) {
    T* const row = weights_.tree.row(static_cast<std::size_t>(tree.point[i]));
    add_output(outputs, tree.point[i], row, tree.code[i] == 0 ? T{1} : T{-1}, alpha_);
  }
  fill_up(outputs, dummy_, used);
  return outputs.rows;
}

/// Draws what the outputs of the word at t are chosen by, and asks for that part of the table, which is large.
template <typename T>
void Word2VecPlan<T>::draw(std::size_t t) {
  if (!draws(t)) return;
  const Word2VecDraws::Negatives draws = draws_.negatives(kept_.positions[t]);
  const AliasTable& table = tables_.negatives();
  const std::size_t count = used_sets(t) * negative_;
  std::uint64_t* const columns = space_.columns.data();
  const Draws numbers = lane_numbers<double>(std::make_index_sequence<kLanes<double>>());
  for (std::size_t i = 0; i < count; i += kLanes<double>) {
    const Draws bits = draws.at(i + numbers), column = table.column(bits);
    std::memcpy(space_.bits.data() + i, &bits, sizeof bits);
    std::memcpy(columns + i, &column, sizeof column);
  }
  for (std::size_t i = 0; i < count; ++i) table.prefetch(columns[i]);
}

/// Returns how many tiles there are.
template <typename T>
std::size_t Word2VecPlan<T>::plan_negatives(std::size_t t) {
  const std::size_t used = used_sets(t);
  const AliasTable& table = tables_.negatives();
  const std::uint64_t *const bits = space_.bits.data(), *const columns = space_.columns.data();
  std::int32_t* drawn = space_.drawn.data();
  for (std::size_t i = 0; i < used * negative_; ++i) drawn[i] = table.draw(bits[i], columns[i]);
  const std::int32_t word = kept_.words[t];
  // A copy: the compiler knows that nothing that is stored is a part of it.
  const Word2VecMatrix<T> matrix = weights_.negative;
  Word2VecOutputs<T>* const sets = sets_of(t);
  for (std::size_t set = 0; set < used; ++set, drawn += negative_) {
    if (negative_ <= kFewWords ? few_differ(word, drawn, negative_) : all_differ(word, drawn, negative_)) {
      take_all(sets[set], matrix, word, drawn);
    } else {
      choose(sets[set], word, drawn);
    }
  }
  return used * tiles_;
}

/// The word itself and all that were drawn.
template <typename T>
void Word2VecPlan<T>::take_all(Word2VecOutputs<T>& outputs, const Word2VecMatrix<T>& matrix, std::int32_t word,
                               const std::int32_t* drawn) const {
  T** const rows = outputs.rows;
  if (counting_) {
    std::copy_n(drawn, negative_, outputs.numbers + 1);
    outputs.numbers[0] = word;
  }
  rows[0] = matrix.row(static_cast<std::size_t>(word));
  for (std::size_t i = 0; i < negative_; ++i) rows[i + 1] = matrix.row(static_cast<std::size_t>(drawn[i]));
  for (std::size_t j = negative_ + 1; j < tiles_ * kTile<T>; ++j) rows[j] = dummy_;
  outputs.count = negative_ + 1;
  outputs.most_times = 1;
  if (outputs.usual) return;
  outputs.usual = true;
  for (std::size_t at = 0; at < tiles_ * kPlaces; at += kPlaces) {
    std::copy_n(usual_sign_ + at, kPlaces, outputs.sign + at);
    std::copy_n(usual_scale_ + at, kPlaces, outputs.scale + at);
  }
}

/// The word itself, and what was drawn other than it: twice drawn is one output of twice the gradient.
template <typename T>
void Word2VecPlan<T>::choose(Word2VecOutputs<T>& outputs, std::int32_t word, const std::int32_t* drawn) const {
  const auto row = [&](std::int32_t w) { return weights_.negative.row(static_cast<std::size_t>(w)); };
  outputs.most_times = 1;
  outputs.usual = false;
  outputs.count = 0;
  add_output(outputs, word, row(word), T{1}, alpha_);
  for (std::size_t i = 0; i < negative_; ++i) {
    if (drawn[i] == word) continue;
    T* const chosen = row(drawn[i]);
    T** const found = std::find(outputs.rows, outputs.rows + outputs.count, chosen);
    if (found == outputs.rows + outputs.count) {
      add_output(outputs, drawn[i], chosen, T{-1}, alpha_);
      continue;
    }
    T& scale = outputs.scale[place<T>(static_cast<std::size_t>(found - outputs.rows))];
    scale -= alpha_;
    // A rate of 0 cannot say how often, and needs no factor.
    const T times = alpha_ > 0 ? -scale / alpha_ : T{1};
    // Of a rate near the greatest number, this is infinite or none.
    const T most = times <= static_cast<T>(negative_) ? times : static_cast<T>(negative_);
    outputs.most_times = std::max(outputs.most_times, static_cast<std::size_t>(std::lround(most)));
  }
  fill_up(outputs, dummy_, tiles_ * kTile<T>);
}

}  // namespace detail
}  // namespace nncore
