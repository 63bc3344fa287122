#include "nncore/text/similarity.h"

#include <algorithm>

#include "nncore/core/simd.h"
#include "nncore/core/threads.h"

namespace nncore {
namespace {

constexpr double kElementNanoseconds = 0.15;  // memory is the limit

/// Two blocks of sums, whatever the register's width, so that the order of additions is the same.
template <typename T>
constexpr std::size_t kSums = 2 * kBlock<T>;

template <typename T>
T product(const T* a, const T* b, std::size_t size) {
  constexpr std::size_t kRegisters = kSums<T> / kLanes<T>;
  Vec<T> sums[kRegisters] = {};
  std::size_t i = 0;
  for (; i + kSums<T> <= size; i += kSums<T>) {
    for (std::size_t r = 0; r < kRegisters; ++r) {
      sums[r] = fma(load(a + i + r * kLanes<T>), load(b + i + r * kLanes<T>), sums[r]);
    }
  }
  for (std::size_t r = 0; i < size; ++r, i += kLanes<T>) {
    const std::size_t count = std::min(kLanes<T>, size - i);
    sums[r] = fma(load_part(a + i, count), load_part(b + i, count), sums[r]);
  }
  T lanes[kSums<T>];
  for (std::size_t r = 0; r < kRegisters; ++r) store(lanes + r * kLanes<T>, sums[r]);
  for (std::size_t half = kSums<T> / 2; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  }
  return lanes[0];
}

// What a question needs of the cosines, and its score, of one word or of a register of them.
template <typename T>
struct Sums {
  const T *a, *b, *c;
  Vec<T> all(std::size_t i) const { return load(b + i) + load(c + i) - load(a + i); }
  T one(std::size_t i) const { return b[i] + c[i] - a[i]; }
};

template <typename T>
struct Products {
  const T *a, *b, *c;
  Vec<T> all(std::size_t i) const { return load(b + i) * load(c + i) / (load(a + i) + broadcast(T(1e-6))); }
  T one(std::size_t i) const { return b[i] * c[i] / (a[i] + T(1e-6)); }
};

/// The first of the words begin to end with the greatest score, when that is greater than `best`; else `end`.
template <typename T, typename Score>
std::size_t find_better(const Score& score, std::size_t begin, std::size_t end, T& best) {
  Vec<T> tops = broadcast(best);
  std::size_t i = begin;
  for (; i + kLanes<T> <= end; i += kLanes<T>) {
    const Vec<T> now = score.all(i);
    tops = now > tops ? now : tops;
  }
  T top = best, lanes[kLanes<T>];
  store(lanes, tops);
  for (const T lane : lanes) top = std::max(top, lane);
  for (; i < end; ++i) top = std::max(top, score.one(i));
  if (!(top > best)) return end;
  best = top;
  i = begin;
  while (i < end && score.one(i) != top) ++i;
  return i;
}

/// Looks at the words between those that are excluded.
template <typename T, typename Score>
void answer(const Score& score, std::size_t words, std::int64_t first, const std::int64_t* excluded, std::size_t count,
            T& best, std::int64_t& answer) {
  std::size_t begin = 0;
  for (std::size_t e = 0; e <= count; ++e) {
    const std::int64_t out = e < count ? excluded[e] - first : static_cast<std::int64_t>(words);
    if (out < static_cast<std::int64_t>(begin)) continue;
    const std::size_t end = std::min(words, static_cast<std::size_t>(out));
    const std::size_t found = find_better(score, begin, end, best);
    if (found < end) answer = first + static_cast<std::int64_t>(found);
    begin = end + 1;
    if (begin >= words) return;
  }
}

}  // namespace

template <typename T>
void row_products(Rows<const T> rows, View<const T, 1> vector, View<T, 1> products) {
  const std::size_t size = vector.extent(0);
  const double work = kElementNanoseconds * static_cast<double>(size * products.extent(0));
  parallel_ranges(products.extent(0), 16, work, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) products(i) = product(rows[i], vector.data(), size);
  });
}

template <typename T>
void best_answers(View<const T, 2> cosines, std::int64_t first, View<const std::int64_t, 2> questions,
                  View<const std::int64_t, 2> excluded, bool products, View<T, 1> best, View<std::int64_t, 1> answers) {
  const std::size_t count = questions.extent(0), words = cosines.extent(1);
  require(questions.extent(1) == 3, "questions", "of shape (q, ", "3)", questions);
  require(excluded.extent(0) == count && best.extent(0) == count && answers.extent(0) == count,
          "excluded, best and answers must have one entry for each of the ", count, " questions");
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const std::int64_t row = questions.data()[i];
    require(row >= 0 && static_cast<std::size_t>(row) < cosines.extent(0), "questions must be rows of the ",
            cosines.extent(0), " of cosines, but one is ", row);
  }
  const double work = kElementNanoseconds * static_cast<double>(3 * count * words);
  parallel_ranges(count, 1, work, [&](std::size_t begin, std::size_t end) {
    for (std::size_t q = begin; q < end; ++q) {
      const auto row = [&](std::size_t i) { return cosines.row(static_cast<std::size_t>(questions(q, i))); };
      const auto solve = [&](const auto& score) {
        answer(score, words, first, excluded.row(q), excluded.extent(1), best(q), answers(q));
      };
      products ? solve(Products<T>{row(0), row(1), row(2)}) : solve(Sums<T>{row(0), row(1), row(2)});
    }
  });
}

template void best_answers(View<const float, 2>, std::int64_t, View<const std::int64_t, 2>, View<const std::int64_t, 2>,
                           bool, View<float, 1>, View<std::int64_t, 1>);
template void best_answers(View<const double, 2>, std::int64_t, View<const std::int64_t, 2>,
                           View<const std::int64_t, 2>, bool, View<double, 1>, View<std::int64_t, 1>);
template void row_products(Rows<const float>, View<const float, 1>, View<float, 1>);
template void row_products(Rows<const double>, View<const double, 1>, View<double, 1>);

}  // namespace nncore
