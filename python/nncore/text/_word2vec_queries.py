"""What Word2Vec answers beside its vectors."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncore.text._word2vec_settings import whole

if TYPE_CHECKING:
    from nncore.text.word2vec import Word2Vec

Array = NDArray[Any]


class GivenCounts:
    """Counts that the user gives, as `count_words` would return them."""

    def __init__(self, counts: Mapping[str, int], sentences: int) -> None:
        if not isinstance(counts, Mapping):
            raise TypeError(f"word_freq must be a mapping of words to counts, but came as {type(counts).__name__}")
        for word in counts:
            if not isinstance(word, str):
                raise TypeError(f"word_freq must have keys of type str, but one is {word!r}")
        self._words = list(counts)
        numbers = [whole(counts[word], f"word_freq[{word!r}]", 0) for word in self._words]
        if sum(numbers) >= 2**63:
            raise ValueError(f"word_freq must have counts of a sum below 2**63, but it is {sum(numbers)}")
        self.counts = np.array(numbers, np.int64)
        self.sentences = whole(sentences, "corpus_count", 0)
        self.raw_words = int(self.counts.sum())

    def __len__(self) -> int:
        return len(self._words)

    def words(self, at: Any = None) -> list[str]:
        """All words, or those at these places."""
        return self._words if at is None else [self._words[index] for index in at]

    def as_dict(self) -> dict[str, int]:
        """Words and their counts."""
        return dict(zip(self._words, self.counts.tolist(), strict=True))


def predict_output_word(model: Word2Vec, words: Sequence[Any], topn: int) -> list[tuple[str, float]] | None:
    """See `Word2Vec.predict_output_word`."""
    if model._negative is None:
        raise RuntimeError("predict_output_word needs a model with negative > 0 (or full_softmax=True)")
    if isinstance(words, str):
        raise TypeError("context_words_list must be a list of words, but came as str")
    topn = max(whole(topn, "topn", -(2**63)), 0)
    known = [model.wv.get_index(word) for word in words if word in model.wv]
    if not known:
        warnings.warn("no word of the window is in the vocabulary", UserWarning, stacklevel=3)
        return None
    h = model.wv.vectors[known].sum(axis=0)
    if model.cbow_mean:
        h /= len(known)
    u = (model.syn1neg @ h).astype(np.float64)
    p = np.exp(u - u.max())
    p /= p.sum()
    best = np.argsort(-p, kind="stable")[:topn]
    return [(model.wv.index_to_key[i], float(p[i])) for i in best]


def score(model: Word2Vec, sentences: Iterable[Iterable[str]], total: int) -> Array:
    """See `Word2Vec.score`."""
    if model._tree is None:
        raise RuntimeError("score needs a model with hierarchical softmax (hs=1)")
    model._follow_order()
    start, point, code = model._make_training().tree
    ways = [slice(a, b) for a, b in itertools.pairwise(start.astype(np.int64).tolist())]
    signs = np.where(code == 0, 1.0, -1.0)

    def log_probability(words: list[int], at: int) -> float:
        window = words[max(0, at - model.window) : at] + words[at + 1 : at + 1 + model.window]
        inputs = model.wv.vectors[window].astype(np.float64)
        if not model.sg:  # of an empty window too: its sum is 0
            inputs = inputs.sum(axis=0, keepdims=True) / (max(len(window), 1) if model.cbow_mean else 1)
        way = ways[words[at]]
        products = inputs @ model.syn1[point[way]].T.astype(np.float64)
        return -float(np.logaddexp(0, -signs[way] * products).sum())

    scores = []
    for sentence in itertools.islice(sentences, total):
        words = [model.wv.key_to_index[word] for word in sentence if word in model.wv.key_to_index]
        scores.append(sum(log_probability(words, at) for at in range(len(words))))
    return np.array(scores, np.float32)
