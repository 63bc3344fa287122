"""The part of Word2Vec that holds its vocabulary and matrices."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore._in_use import InUse
from nncore._memory import padded_zeros
from nncore.text._word2vec_training import Position
from nncore.text.keyed_vectors import KeyedVectors
from nncore.text.vocabulary import Vocabulary

Array = NDArray[Any]

# Between 0 and this: gensim's cum_table.
_DOMAIN = 2**31 - 1


class Weights(InUse):
    """Vocabulary and matrices, their rows padded to 64 bytes; what users see are views of them."""

    vector_size: int
    window: int
    sample: float
    seed: int
    workers: int
    sg: int
    hs: int
    negative: int
    ns_exponent: float
    cbow_mean: int
    shrink_windows: bool
    shared_negatives: bool
    cbow_gradient: str
    subsampling: str
    full_softmax: bool
    deterministic: bool
    verbose: int

    _make_lock = threading.RLock  # callbacks may change the model

    def _start(self, init: str | KeyedVectors) -> None:
        self.wv = KeyedVectors(self.vector_size)
        self.corpus_count = self.corpus_total_words = 0
        self.effective_min_count = 0
        self.running_training_loss = 0.0
        self.total_train_time = 0.0
        self.history_: dict[str, list[float]] = {"loss": [], "words_per_second": []}
        self._init = init
        self._epochs_begun = 0
        self._unfinished: Position | None = None
        self._given_tree: tuple[Array, Array, Array] | None = None
        self._input = padded_zeros(0, self.vector_size, np.float32)
        self._negative: Array | None = None
        self._tree: Array | None = None
        self._words = self.wv.index_to_key  # in the order of the rows of `_input`, `_negative` and the tree's leaves

    @property
    def syn1neg(self) -> Array:
        """Output vectors of negative sampling, or of the full softmax."""
        self._follow_order()
        return self._outputs(self._negative, "syn1neg", "negative sampling (negative=0)")

    @syn1neg.setter
    def syn1neg(self, values: Array) -> None:
        self.syn1neg[:] = self._fitting(values, self.syn1neg, "syn1neg")

    @property
    def syn1(self) -> Array:
        """Output vectors of the inner nodes of the tree."""
        return self._outputs(self._tree, "syn1", "hierarchical softmax (hs=0)")

    @syn1.setter
    def syn1(self, values: Array) -> None:
        self.syn1[:] = self._fitting(values, self.syn1, "syn1")

    @staticmethod
    def _fitting(values: Any, current: Array, name: str) -> Array:
        given: Array = np.asarray(values, np.float32)
        if given.shape != current.shape:
            raise ValueError(f"{name} must be of shape {current.shape}, but came as {given.shape}")
        return given

    def __getstate__(self) -> dict[str, Any]:
        """Without the padding, and the vectors once: they are in wv."""
        self._follow_order()
        state = super().__getstate__()
        state["_input"] = None
        for name in ("_negative", "_tree"):
            if state[name] is not None:
                state[name] = state[name][:, : self.vector_size]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        vectors = self.wv.vectors
        self._input = padded_zeros(len(vectors), self.vector_size, np.float32)
        self._input[:, : self.vector_size] = vectors
        self._forget_norms()
        for name in ("_negative", "_tree"):
            matrix = state[name]
            if matrix is not None:
                setattr(self, name, _grown(matrix, len(matrix), self.vector_size))

    @property
    def layer1_size(self) -> int:
        """Numbers of a vector."""
        return self.vector_size

    @property
    def cum_table(self) -> Array:
        """Cumulative distribution of the negatives, from 0 to 2**31 - 1, as gensim's; not used here."""
        powers: Array = np.cumsum(self._counts().astype(np.float64) ** self.ns_exponent)
        table: Array = np.round(powers / powers[-1] * _DOMAIN).astype(np.uint32)
        return table

    def _outputs(self, matrix: Array | None, name: str, what: str) -> Array:
        if matrix is None:
            reason = f"without {what}" if len(self.wv) else "before build_vocab"
            raise AttributeError(f"{name} is not there {reason}", name=name, obj=self)
        return matrix[:, : self.vector_size]

    def _counts(self) -> NDArray[np.int64]:
        counts = self.wv.expandos.get("count")
        if counts is None:
            return np.ones(len(self.wv), np.int64)
        return np.maximum(counts.astype(np.int64), 1)

    def _vocabulary(self) -> Vocabulary:
        made = Vocabulary(self.wv.index_to_key, self._counts(), self.corpus_count, self.corpus_total_words)
        made.effective_min_count = self.effective_min_count
        return made

    def _set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """New vectors for these words."""
        self._given_tree = None
        self._unfinished = None
        self._epochs_begun = 0
        for values in self.history_.values():
            values.clear()
        self._input = padded_zeros(0, self.vector_size, np.float32)
        self._negative = self._tree = None
        self._allocate(vocabulary)

    def _grow(self, vocabulary: Vocabulary) -> None:
        """Vectors for the words that are new; the tree is another then, and begins anew from the outputs there are."""
        self._given_tree = None
        self._unfinished = None
        self._allocate(vocabulary)

    def _allocate(self, vocabulary: Vocabulary) -> None:
        old, new = len(self._input), len(vocabulary)
        self._input = _grown(self._input, new, self.vector_size)
        bound = 1.0 / self.vector_size
        _core.random_uniform(
            self._input[old:].reshape(-1),
            -bound,
            bound,
            seed=self.seed,
            stream=_core.Stream.WORD_VECTORS,
            substream=0,
            step=old,
        )
        self._input[:, self.vector_size :] = 0
        if self.negative or self.full_softmax:
            self._negative = _grown(self._negative, new, self.vector_size)
        if self.hs:
            self._tree = _grown(self._tree, max(new - 1, 0), self.vector_size)
        vectors = KeyedVectors.from_arrays(
            list(vocabulary.index_to_key), self._input[:, : self.vector_size], vocabulary.counts
        )
        if old:
            rates = np.asarray(self.wv.vectors_lockf, np.float32)
            vectors.vectors_lockf = rates if len(rates) == 1 else np.append(rates, np.ones(new - old, np.float32))
            for name, values in self.wv.expandos.items():
                if name != "count":
                    vectors.expandos[name] = values
            vectors.allocate_vecattrs()
            self.wv.__dict__ = vectors.__dict__  # the same object, which others may have
        else:
            self.wv = vectors
        self._words = self.wv.index_to_key
        self._begin_with_given(old)

    def _begin_with_given(self, old: int) -> None:
        if not isinstance(self._init, KeyedVectors):
            return
        words = self.wv.index_to_key[old:]
        found = [(old + i, self._init.key_to_index[w]) for i, w in enumerate(words) if w in self._init.key_to_index]
        if found:
            rows, given = np.array(found).T
            self._input[rows, : self.vector_size] = self._init.vectors[given]

    def _adopt_vectors(self) -> None:
        """Take vectors that the user has put in the place of the model's."""
        self._follow_order()
        given, own = self.wv.vectors, self._input[:, : self.vector_size]
        words = len(own)
        if self._negative is not None:
            words = len(self._negative)
        elif self._tree is not None:
            words = len(self._tree) + 1
        if given.shape != (words, self.vector_size) or len(self.wv) != words or len(own) != words:
            raise ValueError(
                f"wv.vectors must be of shape {(words, self.vector_size)}, one for each word of the vocabulary, but "
                f"came as {given.shape} with {len(self.wv)} keys: words are added by build_vocab(update=True)"
            )
        rates = np.asarray(self.wv.vectors_lockf)
        if rates.shape not in ((1,), (words,)) or rates.dtype.kind not in "fiub":
            raise ValueError(
                f"wv.vectors_lockf must have 1 or {words} numbers, one for each word, but came as "
                f"{rates.dtype} of shape {rates.shape}"
            )
        if not np.isfinite(rates).all():
            raise ValueError(f"wv.vectors_lockf must be finite, but has {rates[~np.isfinite(rates)][0]}")
        if given.ctypes.data != own.ctypes.data or given.strides != own.strides or given.dtype != own.dtype:
            own[:] = given
            self.wv.vectors = own

    def _follow_order(self) -> None:
        """Bring the rows of the outputs, and the tree, into the order of the words, which wv may have sorted."""
        before, now = self._words, self.wv.index_to_key
        if now is before:
            return
        place = {word: row for row, word in enumerate(before)}
        leaves = len(before) if self._tree is None else len(self._tree) + 1
        rows = len(before) if self._negative is None else len(self._negative)
        if not len(now) == len(before) == leaves == rows or not all(word in place for word in now):
            return  # not sorted but exchanged: `_adopt_vectors` judges that
        order = np.array([place[word] for word in now])
        if self._tree is not None:
            counts = np.empty(len(order), np.int64)
            counts[order] = self._counts()
            start, point, code = self._make_training(counts).tree
            ways = [slice(begin, end) for begin, end in itertools.pairwise(start.tolist())]
            lengths = np.diff(start.astype(np.int64))[order]
            point, code = (np.concatenate([part[ways[row]] for row in order]) for part in (point, code))
            self._given_tree = np.cumsum([0, *lengths]).astype(start.dtype), point, code
        if self._negative is not None:
            self._negative[:] = self._negative[order]
        self._unfinished = None  # the corpus has other numbers now
        self._words = now

    def _forget_norms(self) -> None:
        if self.wv.index_to_key is self._words and len(self._words) == len(self._input):  # else a callback changed them
            self.wv.vectors = self._input[:, : self.vector_size]

    def _make_training(self, counts: NDArray[np.int64] | None = None) -> Any:
        training = _core.Word2VecFloat32(
            self._counts() if counts is None else counts,
            skip_gram=bool(self.sg),
            window=self.window,
            shrink_windows=self.shrink_windows,
            negative=self.negative,
            ns_exponent=self.ns_exponent,
            hierarchical=bool(self.hs),
            full_softmax=self.full_softmax,
            shared_negatives=self.shared_negatives,
            cbow_mean=bool(self.cbow_mean),
            exact_gradient=self.cbow_gradient == "exact",
            paper_subsampling=self.subsampling == "paper",
            sample=self.sample,
            seed=self.seed,
        )
        if self._given_tree is not None and self.hs:
            training.tree = self._given_tree
        return training

    def _matrices(self) -> tuple[Array, Array | None, Array | None, Array | None]:
        rates: Array | None = np.ascontiguousarray(self.wv.vectors_lockf, np.float32)
        if rates is not None and len(rates) != len(self.wv):  # gensim's: one for all
            rates = np.full(len(self.wv), rates[0], np.float32)
        if rates is not None and (rates == 1).all():
            rates = None
        return self._input, self._negative, self._tree, rates

    @contextmanager
    def _counting_progress(self) -> Iterator[Callable[[int, int], object] | None]:
        if not self.verbose:
            yield None
            return
        from tqdm import tqdm

        with tqdm(desc="counting", unit="word", unit_scale=True, disable=None) as bar:
            yield lambda sentences, words: bar.update(words - bar.n)


def _grown(matrix: Array | None, rows: int, columns: int) -> Array:
    """The matrix with more rows, padded; it may come without its padding."""
    made = padded_zeros(rows, columns, np.float32)
    if matrix is not None:
        made[: len(matrix), :columns] = matrix[:, :columns]
    return made
