"""n-gram models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore._random import seed_of
from nncore.nn import _checks
from nncore.text._corpus import encode
from nncore.text._ngram_levels import Level, count_levels, spell, weigh_levels
from nncore.text.vocabulary import Vocabulary

__all__ = ["NGramModel"]

_EVENTS_AT_ONCE = 1 << 18


class NGramModel:
    """Predicts a word from the n − 1 words before it, by counting.

    Parameters
    ----------
    n : int, default=2
        Length of the n-grams, at least 1. n = 2 knows one word before (bigrams).
    smoothing : {None, "add_k", "kneser_ney"}, default=None
        c is the count of context and word, T that of the context before any word, V the number of words:

        - None: c / T; where T is 0, after a context that never came, all are 0.
        - "add_k": (c + k) / (T + k V), which is 1 / V after such a context.
        - "kneser_ney": interpolated Kneser-Ney (Chen & Goodman 1999): (max(c − D, 0) + D · kinds · p) / T, with p the
          same for the context without its first word, and p where T is 0. The shorter ones count, in place of how often
          n-grams came, how many different words they came after; at the end p is 1 / V.
    k : float, default=1.0
        Of "add_k", above 0. 1 is Laplace's.
    discount : float, optional
        D of "kneser_ney", from 0 to 1; by default for each length n1 / (n1 + 2 n2), where n1 and n2 are the numbers of
        n-grams counted once and twice (0.75 where there are none).
    unknown : str, optional
        A word of the sentences, such as "<unk>", as which words that are not in them are read. Without it they have the
        probability 0, and a context with one is one that never came.

    Attributes
    ----------
    vocabulary : Vocabulary
    index_to_key : list of str
        The words, by descending frequency, then first sight.

    Notes
    -----
    n-grams end with their sentence. Nothing is added to sentences: to let a model begin and end them, write n − 1 words
    such as "<s>" before and one "</s>" behind each.

    Examples
    --------
    >>> from nncore import text
    >>> model = text.NGramModel(2).fit([["a", "crooked", "man", "walked", "a", "crooked", "mile"]])
    >>> model.probability("man", ["crooked"])
    0.5
    >>> model.counts()["a", "crooked"]
    2
    """

    vocabulary: Vocabulary
    _levels: list[Level]

    def __init__(
        self,
        n: int = 2,
        smoothing: str | None = None,
        *,
        k: float = 1.0,
        discount: float | None = None,
        unknown: str | None = None,
    ) -> None:
        if _checks.whole_number("n", n) < 1:
            raise ValueError(f"n must be at least 1, but is {n}")
        if smoothing not in (None, "add_k", "kneser_ney"):
            raise ValueError(f"smoothing must be None, 'add_k' or 'kneser_ney', but is {smoothing!r}")
        if _checks.number("k", k) == 0:
            raise ValueError("k must be above 0, but is 0")
        if discount is not None and _checks.number("discount", discount) > 1:
            raise ValueError(f"discount must be from 0 to 1, but is {discount}")
        self.n, self.smoothing, self.k, self.discount, self.unknown = int(n), smoothing, float(k), discount, unknown

    def fit(self, sentences: Iterable[Sequence[str]]) -> NGramModel:
        """Count the n-grams of sentences.

        Parameters
        ----------
        sentences : iterable of list of str

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If `sentences` are not lists of strings.
        ValueError
            If no sentence has n words, or none has the word `unknown`; the model is as before.
        """
        if iter(sentences) is sentences:
            sentences = list(sentences)
        vocabulary = Vocabulary.from_sentences(sentences)
        if self.unknown is not None and self.unknown not in vocabulary.key_to_index:
            raise ValueError(f"unknown must be a word of the sentences, but {self.unknown!r} is not in them")
        size = len(vocabulary.index_to_key)
        ids = encode(vocabulary, sentences).ids
        levels = count_levels(ids, size, self.n)
        if not len(levels[-1].keys):
            raise ValueError(f"sentences must have one of {self.n} words at least, which is n, but none has")
        weigh_levels(levels, size, self.smoothing == "kneser_ney", self.discount)
        self.vocabulary, self._levels = vocabulary, levels
        return self

    @property
    def index_to_key(self) -> list[str]:
        """The words, by descending frequency, then first sight."""
        return self._fitted().index_to_key

    def __repr__(self) -> str:
        words = f"{len(self.vocabulary):,} words" if hasattr(self, "vocabulary") else "not fitted"
        return f"NGramModel(n={self.n}, smoothing={self.smoothing!r}; {words})"

    def _fitted(self) -> Vocabulary:
        if not hasattr(self, "vocabulary"):
            raise ValueError("this NGramModel has counted nothing yet: call fit first")
        return self.vocabulary

    def counts(self) -> dict[tuple[str, ...], int]:
        """How often each n-gram came: words to count."""
        words = self._fitted().index_to_key
        top = self._levels[-1]
        spelled = spell(self._levels, self.n, np.arange(len(top.keys)), len(words))
        grams = (tuple(words[i] for i in row) for row in spelled.tolist())
        return dict(zip(grams, top.counts.tolist(), strict=True))

    def probability(self, word: str, context: str | Sequence[str] = ()) -> float:
        """Probability of a word after a context.

        Parameters
        ----------
        word : str
        context : str or sequence of str
            The words before; of more than n − 1 the last. A str is one word.

        Returns
        -------
        p : float
            0 for a word that is not known.

        Raises
        ------
        TypeError, ValueError
            If `context` is no str or sequence of them, or has fewer than n − 1 words.
        """
        contexts = self._context(context)[None, :]
        return float(self._of_events(contexts, self._numbers([word]))[0])

    def probabilities(self, context: str | Sequence[str] = ()) -> NDArray[np.float64]:
        """Probabilities of all words after a context.

        Parameters
        ----------
        context : str or sequence of str
            As in `probability`.

        Returns
        -------
        p : float64 array of shape (V,)
            In the order of `index_to_key`. Its sum is 1, or 0 after a context that never came, without smoothing.

        Raises
        ------
        TypeError, ValueError
            As `probability`.
        """
        ids, size = self._context(context), len(self._fitted().index_to_key)
        p = np.full(size, 1 / size)
        for j in range(1 if self.smoothing == "kneser_ney" else self.n, self.n + 1):
            level = self._levels[j - 1]
            number = int(self._find_context(ids[None, :], j)[0])
            total = level.totals[number] if number >= 0 else 0.0
            where, words = level.followers(max(number, 0), size)
            if self.smoothing == "kneser_ney":
                if total > 0:
                    p *= level.discount * level.kinds[number] / total
                    p[words] += np.maximum(level.weights[where] - level.discount, 0) / total
            else:
                k = self.k if self.smoothing == "add_k" else 0.0
                p = np.full(size, k)
                if total > 0:
                    p[words] += level.weights[where]
                p /= max(total + k * size, 1e-300)
        return p

    def perplexity(self, sentences: Iterable[Sequence[str]]) -> float:
        """exp(−mean log p) of the words of sentences that have n − 1 words before them.

        Parameters
        ----------
        sentences : iterable of list of str

        Returns
        -------
        perplexity : float
            Infinite where a word has the probability 0, as one that is not known always has.

        Raises
        ------
        TypeError, ValueError
            If `sentences` are not lists of strings, or none has n words.
        """
        total, count = 0.0, 0
        for contexts, words in self._events(sentences):
            with np.errstate(divide="ignore"):
                total += float(np.log(self._of_events(contexts, words)).sum())
            count += len(words)
        if not count:
            raise ValueError(f"sentences must have one of {self.n} words at least, which is n, but none has")
        with np.errstate(over="ignore"):
            return float(np.exp(-total / count))

    def generate(
        self, length: int = 20, context: str | Sequence[str] | None = None, *, random_state: Any = None
    ) -> list[str]:
        """Draw words one after another.

        Parameters
        ----------
        length : int, default=20
            Words in all, those of the context included.
        context : str or sequence of str, optional
            How to begin; by default with the first n − 1 words of an n-gram, drawn by the counts.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None

        Returns
        -------
        words : list of str
            Fewer than `length` where no word can follow.

        Raises
        ------
        TypeError, ValueError
            As `probability`, or if `length` is negative.
        """
        if _checks.whole_number("length", length) < 0:
            raise ValueError(f"length must be at least 0, but is {length}")
        keys = self._fitted().index_to_key
        random = np.random.Generator(np.random.Philox(seed_of(random_state)))
        if context is None:
            number = _draw(self._levels[-1].counts, random)
            words = [keys[i] for i in spell(self._levels, self.n, np.array([number]), len(keys))[0, :-1]]
        else:
            self._context(context)
            words = [context] if isinstance(context, str) else list(context)
        while len(words) < length:
            p = self.probabilities(words)
            if not p.any():
                break
            words.append(keys[_draw(p, random)])
        return words[:length]

    def _numbers(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Ids of words, -1 for one that is not known."""
        ids = self._fitted().key_to_index
        for word in words:
            if not isinstance(word, str):
                raise TypeError(f"words must be strings, but one is {word!r}")
        unknown = -1 if self.unknown is None else ids[self.unknown]
        return np.array([ids.get(word, unknown) for word in words], np.int64)

    def _context(self, context: str | Sequence[str]) -> NDArray[np.int64]:
        """Ids of the last n − 1 words."""
        words = [context] if isinstance(context, str) else list(context)
        if len(words) < self.n - 1:
            raise ValueError(f"context must have n - 1 = {self.n - 1} words at least, but is {context!r}")
        return self._numbers(words[len(words) - self.n + 1 :])

    def _events(self, sentences: Iterable[Sequence[str]]) -> Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Contexts (E, n − 1) and words (E,), many at once."""
        pieces, count = [], 0
        for sentence in sentences:
            if isinstance(sentence, (str, bytes)):
                raise TypeError(f"sentences must be lists of words, but one is {sentence!r}")
            if len(sentence) < self.n:
                continue
            pieces.append(np.lib.stride_tricks.sliding_window_view(self._numbers(sentence), self.n))
            count += len(pieces[-1])
            if count >= _EVENTS_AT_ONCE:
                grams = np.concatenate(pieces)
                pieces, count = [], 0
                yield grams[:, :-1], grams[:, -1]
        if pieces:
            grams = np.concatenate(pieces)
            yield grams[:, :-1], grams[:, -1]

    def _find_context(self, contexts: NDArray[np.int64], j: int) -> NDArray[np.int64]:
        """Numbers of the last j − 1 words of contexts (E, n − 1); 0 of none, -1 of what never came."""
        size = len(self.vocabulary.index_to_key)
        number = np.zeros(len(contexts), np.int64)
        for level, column in zip(self._levels, range(self.n - j, self.n - 1), strict=False):
            number = level.find(number, contexts[:, column], size)
        return number

    def _of_events(self, contexts: NDArray[np.int64], words: NDArray[np.int64]) -> NDArray[np.float64]:
        size = len(self._fitted().index_to_key)
        p = np.full(len(words), 1 / size)
        for j in range(1 if self.smoothing == "kneser_ney" else self.n, self.n + 1):
            level = self._levels[j - 1]
            number = self._find_context(contexts, j)
            gram = level.find(number, words, size)
            total = np.where(number >= 0, level.totals[number], 0)
            weight = np.where(gram >= 0, level.weights[gram], 0)
            if self.smoothing == "kneser_ney":
                kept = np.maximum(weight - level.discount, 0) + level.discount * level.kinds[number] * p
                p = np.where(total > 0, kept / np.maximum(total, 1), p)
            else:
                k = self.k if self.smoothing == "add_k" else 0.0
                p = (weight + k) / np.maximum(total + k * size, 1e-300)
        return np.where(words >= 0, p, 0.0)


def _draw(weights: NDArray[Any], random: np.random.Generator) -> int:
    """An index with a probability in proportion to its weight."""
    sums = np.cumsum(weights, dtype=np.float64)
    index = int(np.searchsorted(sums, random.random() * sums[-1], side="right"))
    return min(index, int(np.flatnonzero(weights)[-1]))  # rounding may reach the sum itself
