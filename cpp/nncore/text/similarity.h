#pragma once

#include <cstddef>
#include <cstdint>

#include "nncore/core/rows.h"
#include "nncore/core/view.h"

namespace nncore {

/// Products of a vector with each of the rows, which have its size and may lie apart; writes one for each. Every product
/// is summed in the same order, so that equal rows have equal products: the same bits for any number of threads.
template <typename T>
void row_products(Rows<const T> rows, View<const T, 1> vector, View<T, 1> products);

/// Answers to questions "a is to b as c is to ...", among words first, first + 1, ... of which the cosines with the words
/// of the questions are given: the word of the greatest cos b + cos c - cos a (3CosAdd), or with `products` of the greatest
/// cos b cos c / (cos a + 1e-6) (3CosMul, of cosines that were brought to 0..1).
/// cosines (u, w); questions (q, 3), rows of it; excluded (q, e) words that are no answers, in ascending order. Where a
/// score is greater than best (q), it is written there and the word to answers (q); of equal ones the first counts.
template <typename T>
void best_answers(View<const T, 2> cosines, std::int64_t first, View<const std::int64_t, 2> questions,
                  View<const std::int64_t, 2> excluded, bool products, View<T, 1> best, View<std::int64_t, 1> answers);

}  // namespace nncore
