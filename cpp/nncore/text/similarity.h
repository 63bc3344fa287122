#pragma once

#include <cstddef>

#include "nncore/core/rows.h"
#include "nncore/core/view.h"

namespace nncore {

/// Products of a vector with each of the rows, which have its size and may lie apart; writes one for each. Every product
/// is summed in the same order, so that equal rows have equal products: the same bits for any number of threads.
template <typename T>
void row_products(Rows<const T> rows, View<const T, 1> vector, View<T, 1> products);

}  // namespace nncore
