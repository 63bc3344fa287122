from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore import _core

from ._vector_store import VectorStore
from ._vector_table import KEY_TYPES, Array, Key, as_list, unit
from ._word2vec_settings import real, whole_or_none


class Similarities(VectorStore):
    """What lies near what: the part of `KeyedVectors` that compares vectors.

    Similarity is the cosine of the angle between two vectors, 0 where one of them is zero. Of keys that are equally
    similar, the one of the smaller index comes first.
    """

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Any = None,
    ) -> Any:
        """Keys whose vectors are most similar to a sum of vectors (3CosAdd, Mikolov et al. 2013).

        Parameters
        ----------
        positive, negative : key, vector, or list of them, optional
            What is added and what is subtracted, each with the length 1 when it is a key. A pair of one of these and a
            number has that weight instead of 1 or −1.
        topn : int or None
            How many keys; None gives all similarities; 0 (or False) nothing.
        clip_start, clip_end : int, optional
            Search only among the keys with indices in this range.
        restrict_vocab : int, optional
            Search only among the first so many keys, whatever the clips are.
        indexer : object, optional
            Its ``most_similar(vector, topn)`` is asked instead.

        Returns
        -------
        similar : list of (str, float)
            The most similar first, without the keys given; for ``topn=None`` an array of the cosines with every key in
            the range.

        Raises
        ------
        KeyError
            A key is not there. The message names it.
        ValueError
            Nothing was given, or a vector of another size or with NaN.
        """
        topn, clip_end = whole_or_none(topn, "topn"), whole_or_none(clip_end, "clip_end")
        restrict_vocab = whole_or_none(restrict_vocab, "restrict_vocab")
        if topn is not None and topn < 1:
            return []
        keys, weights = _weighted(positive, negative)
        mean = self._checked_vector(self.get_mean_vector(keys, weights, post_normalize=True, ignore_missing=False))
        if indexer is not None and topn is not None:
            return indexer.most_similar(mean, topn)
        if restrict_vocab:
            clip_start, clip_end = 0, restrict_vocab
        start, end, _ = slice(clip_start, clip_end or None).indices(len(self._vectors))
        similarities = self._cosines(mean, start, end)
        if topn is None:
            return similarities
        return self._best(similarities, topn, self._given(keys), start)

    def similar_by_word(self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """Keys most similar to one: the same as `similar_by_key`."""
        return self.similar_by_key(word, topn, restrict_vocab)

    def similar_by_key(self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """Keys most similar to one; see `most_similar`."""
        return self.most_similar(positive=[key], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_vector(self, vector: ArrayLike, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """Keys most similar to a vector of shape (vector_size,); see `most_similar`."""
        return self.most_similar(positive=[np.asarray(vector)], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_cosmul(
        self, positive: Any = None, negative: Any = None, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """Keys most similar to some and dissimilar from others, by products (3CosMul, Levy & Goldberg 2014).

        The score is Π (1 + cos)/2 over `positive`, divided by Π (1 + cos)/2 over `negative` + 10⁻⁶.

        Parameters
        ----------
        positive, negative : key, vector, or list of them, optional
            What to be near to and far from.
        topn : int or None
            How many keys; None gives all scores; 0 (or False) nothing.
        restrict_vocab : int, optional
            Search only among the first so many keys.

        Returns
        -------
        similar : list of (str, float)
            The highest score first, without the keys given; for ``topn=None`` an array of the scores.

        Raises
        ------
        KeyError
            A key is not there. The message names it.
        ValueError
            There is no positive, or a vector has another size or NaN.
        TypeError
            A pair (key, weight), as `most_similar` takes them: products have no weights, here as in gensim.
        """
        topn, restrict_vocab = whole_or_none(topn, "topn"), whole_or_none(restrict_vocab, "restrict_vocab")
        if topn is not None and topn < 1:
            return []
        positive, negative = as_list(positive), as_list(negative)
        for name, items in (("positive", positive), ("negative", negative)):
            for item in items:
                if not isinstance(item, (*KEY_TYPES, np.ndarray)):
                    raise TypeError(f"{name} must be keys or vectors, but one is {item!r}: only most_similar weighs")
        if not positive:
            raise ValueError("positive must not be empty: there is nothing to be similar to")
        end = min(restrict_vocab or len(self), len(self))

        def product(keys: list[Any]) -> Array:
            factors = np.ones(end, np.float64)
            for key in keys:
                mean = self.get_mean_vector([key], post_normalize=True, ignore_missing=False)
                factors *= (1 + self._cosines(mean, 0, end).astype(np.float64)) / 2
            return factors

        scores = (product(positive) / (product(negative) + 1e-6)).astype(self._vectors.dtype)
        if topn is None:
            return scores
        return self._best(scores, topn, self._given([*positive, *negative]), 0)

    def similarity(self, w1: Key, w2: Key) -> float:
        """Cosine of the angle between the vectors of two keys."""
        return float(np.dot(unit(self.get_vector(w1)), unit(self.get_vector(w2))))

    def distance(self, w1: Key, w2: Key) -> float:
        """1 − `similarity`."""
        return 1 - self.similarity(w1, w2)

    def n_similarity(self, ws1: Any, ws2: Any) -> float:
        """Cosine between the means of the vectors of two lists of keys; keys that are not there are left out.

        Raises
        ------
        ZeroDivisionError
            One of the lists is empty.
        """
        first, second = as_list(ws1), as_list(ws2)
        if not first or not second:
            raise ZeroDivisionError("ws1 and ws2 must not be empty")
        means = [self.get_mean_vector(keys, pre_normalize=False) for keys in (first, second)]
        return float(np.dot(unit(means[0]), unit(means[1])))

    @staticmethod
    def cosine_similarities(vector_1: ArrayLike, vectors_all: ArrayLike) -> Array:
        """Cosines between a vector of shape (d,) and each row of an array of shape (n, d)."""
        rows = np.asarray(vectors_all)
        rows = rows.astype(np.promote_types(rows.dtype, np.float32), copy=False)
        vector = unit(np.asarray(vector_1, rows.dtype))
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        return np.asarray(products(rows, vector) / np.where(lengths == 0, lengths.dtype.type(1), lengths))

    def distances(self, word_or_vector: Any, other_words: Iterable[Key] | None = ()) -> Array:
        """1 − cosine between a key or vector and each of some keys.

        Parameters
        ----------
        word_or_vector : str, int or array of shape (vector_size,)
            A key or a vector.
        other_words : iterable of keys, optional
            By default every key, in the order of ``index_to_key``.

        Returns
        -------
        distances : array

        Raises
        ------
        KeyError
            A key is not there. The message names it.
        """
        is_key = isinstance(word_or_vector, KEY_TYPES)
        vector = self.get_vector(word_or_vector) if is_key else self._checked_vector(np.asarray(word_or_vector))
        others = list(other_words or ())
        if not others:
            return 1 - self._cosines(unit(vector), 0, len(self))
        return 1 - self.cosine_similarities(vector, self[others])

    def closer_than(self, key1: Key, key2: Key) -> list[Any]:
        """All keys that are closer to `key1` than `key2` is, in the order of ``index_to_key``."""
        distances = self.distances(key1)
        first = self.get_index(key1)
        closer = np.flatnonzero(distances < distances[self.get_index(key2)])
        return [self.index_to_key[index] for index in closer if index != first]

    def rank(self, key1: Key, key2: Key) -> int:
        """Place of `key2` among the neighbours of `key1`: 1 for the nearest."""
        return len(self.closer_than(key1, key2)) + 1

    def most_similar_to_given(self, key1: Key, keys_list: Sequence[Key]) -> Any:
        """The one of some keys that is most similar to `key1`."""
        if not len(keys_list):
            raise ValueError("keys_list must not be empty")
        return keys_list[int(np.argmax([self.similarity(key1, key) for key in keys_list]))]

    def rank_by_centrality(self, words: Sequence[Key], use_norm: bool = True) -> list[tuple[float, Any]]:
        """Keys by their similarity to the mean of them all.

        Parameters
        ----------
        words : list of keys
            Those that are not there are left out, with a warning.
        use_norm : bool
            Give the vectors the length 1 first.

        Returns
        -------
        ranked : list of (float, str)
            The most central first.

        Raises
        ------
        ValueError
            None of the keys is there.
        """
        words = as_list(words)
        used = [word for word in words if word in self]
        if not used:
            raise ValueError(f"words must hold at least one key that is in the vocabulary, got {words!r}")
        if len(used) != len(words):
            absent = ", ".join(repr(word) for word in words if word not in self)
            warnings.warn(f"not in the vocabulary, left out: {absent}", stacklevel=2)
        vectors = np.stack([self.get_vector(word, norm=use_norm) for word in used])
        centrality = vectors @ self.get_mean_vector(list(vectors), post_normalize=True)
        order = np.argsort(-centrality, kind="stable")
        return [(float(centrality[index]), used[index]) for index in order]

    def doesnt_match(self, words: Sequence[Key]) -> Any:
        """The key that is least like the mean of them all; see `rank_by_centrality`."""
        return self.rank_by_centrality(words)[-1][1]

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """Similarity of two keys, divided by the sum of those of the `topn` neighbours of `wa`.

        Above 0.1, for ten neighbours, `wb` is nearer than a neighbour is on average.

        Raises
        ------
        ValueError
            There are no neighbours.
        """
        neighbours = self.similar_by_key(wa, topn)
        if not neighbours:
            raise ValueError(f"topn must leave at least one neighbour of {wa!r}, got {topn} of {len(self)} keys")
        return self.similarity(wa, wb) / float(sum(similarity for _, similarity in neighbours))

    def _cosines(self, vector: Array, start: int, end: int) -> Array:
        """Cosines of a vector of length 1 with the vectors start to end."""
        cosines = products(self._vectors[start:end], vector)
        return np.divide(cosines, self._divisors()[start:end], out=cosines)

    def _given(self, keys: list[Any]) -> set[int]:
        return {self.get_index(key) for key in keys if isinstance(key, KEY_TYPES)}

    def _best(self, scores: Array, topn: int, without: set[int], start: int) -> list[tuple[Any, float]]:
        found = [
            (self.index_to_key[index + start], float(scores[index]))
            for index in largest(scores, topn + len(without)).tolist()
            if index + start not in without
        ]
        return found[:topn]


def largest(values: Array, count: int) -> NDArray[np.int64]:
    """Indices of the `count` largest values, the largest first; among equals the smaller index; NaN last."""
    low = -values
    if count >= len(low):
        return np.argsort(low, kind="stable")
    limit = np.partition(low, count - 1)[count - 1]
    if np.isnan(limit):
        return np.argsort(low, kind="stable")[:count]
    candidates = np.flatnonzero(low <= limit)
    return candidates[np.argsort(low[candidates], kind="stable")[:count]]


def _weighted(positive: Any, negative: Any) -> tuple[list[Any], Array]:
    keys, weights = [], []
    for name, given, sign in (("positive", positive, 1.0), ("negative", negative, -1.0)):
        for item in as_list(given):
            if isinstance(item, (*KEY_TYPES, np.ndarray)):
                keys.append(item)
                weights.append(sign)
                continue
            if not isinstance(item, (tuple, list)) or len(item) != 2:
                raise TypeError(f"{name} must be keys, vectors or pairs of one and its weight, but one is {item!r}")
            keys.append(item[0])
            weights.append(real(item[1], f"the weight of {item[0]!r} in {name}"))
    if not keys:
        raise ValueError("positive and negative must not both be empty: there is nothing to be similar to")
    return keys, np.array(weights)


def products(rows: Array, vector: Array) -> Array:
    """Products of a vector with each row, the same for equal rows, which those of a BLAS are not."""
    if not rows.flags.aligned or rows.strides[1] != rows.itemsize or rows.strides[0] < 0 or rows.dtype.itemsize < 4:
        kind = np.promote_types(rows.dtype, np.float32)
        blocks = [products(rows[at : at + 8192].astype(kind, order="C"), vector) for at in range(0, len(rows), 8192)]
        return np.concatenate([np.empty(0, kind), *blocks])
    found = np.empty(len(rows), rows.dtype)
    _core.row_products(rows, np.ascontiguousarray(vector, rows.dtype), found)
    return found
