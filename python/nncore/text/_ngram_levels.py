"""The n-grams of a corpus for every length up to n, as sorted numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass
class Level:
    """The j-grams of a corpus. The number of one is its place in `keys`; of the context of none (j = 1), 0.

    Attributes
    ----------
    keys : int64 array (number of j-grams,)
        Ascending: the number of the (j − 1)-gram that a j-gram begins with, times the number of words, plus its last
        word. So the words that follow a context stand side by side.
    counts : int64 array (number of j-grams,)
        How often each came.
    suffixes : int64 array (number of j-grams,)
        Number of the (j − 1)-gram that it ends with.
    weights : float64 array (number of j-grams,)
        What the probabilities are made of: counts, or the number of words it came after.
    totals, kinds : float64 array (number of contexts,)
        Sum of the weights, and how many of them are above 0, by context.
    discount : float
    """

    keys: Ids
    counts: Ids
    suffixes: Ids
    weights: Floats = field(default_factory=lambda: np.empty(0))
    totals: Floats = field(default_factory=lambda: np.empty(0))
    kinds: Floats = field(default_factory=lambda: np.empty(0))
    discount: float = 0.0

    def find(self, contexts: Ids, words: Ids, size: int) -> Ids:
        """Numbers of the j-grams that consist of these contexts and words, -1 for one that never came."""
        wanted = contexts * size + words
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where((contexts >= 0) & (words >= 0) & (self.keys[place] == wanted), place, -1)

    def followers(self, context: int, size: int) -> tuple[slice, Ids]:
        """Where the j-grams that begin with a context are, and their last words."""
        begin, end = np.searchsorted(self.keys, [context * size, (context + 1) * size])
        return slice(int(begin), int(end)), self.keys[begin:end] - context * size

    def weigh(self, weights: Floats, contexts: int, size: int, discount: float | None) -> None:
        """Set what probabilities need; without a discount the estimate n1 / (n1 + 2 n2) of Ney et al. (1994)."""
        of = self.keys // size
        self.weights = weights
        self.totals = np.bincount(of, weights, minlength=contexts).astype(np.float64, copy=False)
        self.kinds = np.bincount(of[weights > 0], minlength=contexts).astype(np.float64)
        once, twice = int((weights == 1).sum()), int((weights == 2).sum())
        estimate = once / (once + 2 * twice) if once and twice else 0.75
        self.discount = estimate if discount is None else discount


def count_levels(ids: NDArray[np.int32], size: int, n: int) -> list[Level]:
    """Count an encoded corpus: ids below `size`, each of which comes at least once; -1 ends each sentence."""
    ends_here = ids.astype(np.int64)  # number of the j-gram that ends at each place
    known = ends_here >= 0
    counts = np.bincount(ends_here[known], minlength=size)
    levels = [Level(np.arange(size, dtype=np.int64), counts, np.zeros(size, np.int64))]
    for _ in range(1, n):
        follows = np.flatnonzero((ends_here[:-1] >= 0) & known[1:]) + 1
        keys, first, number, counts = np.unique(
            ends_here[follows - 1] * size + ids[follows], return_index=True, return_inverse=True, return_counts=True
        )
        levels.append(Level(keys, counts, ends_here[follows[first]]))
        ends_here = np.full(len(ids), -1, np.int64)
        ends_here[follows] = number
    return levels


def weigh_levels(levels: list[Level], size: int, kneser_ney: bool, discount: float | None) -> None:
    """Weigh the longest n-grams by their counts, with Kneser-Ney the shorter by the words that they came after."""
    for j, level in enumerate(levels):
        weights = level.counts.astype(np.float64)
        if kneser_ney and j + 1 < len(levels):
            weights = np.bincount(levels[j + 1].suffixes, minlength=len(level.keys)).astype(np.float64)
        level.weigh(weights, len(levels[j - 1].keys) if j else 1, size, discount)


def spell(levels: list[Level], j: int, numbers: Ids, size: int) -> Ids:
    """Words (len(numbers), j) of j-grams."""
    words = np.empty((len(numbers), j), np.int64)
    for column in range(j - 1, -1, -1):
        keys = levels[column].keys[numbers]
        words[:, column] = keys % size
        numbers = keys // size
    return words
