"""Models and vectors of gensim."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from nncore._memory import padded_zeros
from nncore.text.keyed_vectors import KeyedVectors
from nncore.text.word2vec import Word2Vec

__all__ = ["from_gensim"]

_SAME = (
    *("vector_size", "alpha", "window", "min_count", "max_vocab_size", "sample", "workers", "min_alpha", "sg", "hs"),
    *("negative", "ns_exponent", "cbow_mean", "epochs", "sorted_vocab", "compute_loss", "max_final_vocab"),
    "shrink_windows",
)


def from_gensim(model_or_keyed_vectors: Any) -> Word2Vec | KeyedVectors:
    """Take over a model, or vectors, of gensim 4.

    Parameters
    ----------
    model_or_keyed_vectors : gensim.models.Word2Vec or gensim.models.KeyedVectors
        What to take over; its arrays are copied. Models with subword vectors (FastText) and Doc2Vec are refused.

    Returns
    -------
    Word2Vec or KeyedVectors
        The same words, counts, vectors, outputs and settings. A model can be trained on; its tree of the hierarchical
        softmax is kept.

    Raises
    ------
    TypeError
        It is something else.

    Examples
    --------
    >>> from gensim.models import Word2Vec  # doctest: +SKIP
    >>> model = from_gensim(Word2Vec.load("old.model"))  # doctest: +SKIP
    """
    given = model_or_keyed_vectors
    names = {f"{kind.__module__}.{kind.__name__}" for kind in type(given).__mro__}
    if names & {"gensim.models.fasttext.FastText", "gensim.models.doc2vec.Doc2Vec"}:
        raise TypeError(f"{type(given).__name__} has vectors that nncore does not have; its wv can be taken instead")
    if "gensim.models.word2vec.Word2Vec" in names:
        return _model(given)
    if "gensim.models.keyedvectors.KeyedVectors" in names:
        return _vectors(given)
    raise TypeError(f"from_gensim takes a Word2Vec or KeyedVectors of gensim, but got {type(given).__name__}")


def _vectors(given: Any) -> KeyedVectors:
    made = KeyedVectors.from_arrays(list(given.index_to_key), np.array(given.vectors))
    for name, values in given.expandos.items():
        if name not in ("code", "point", "sample_int"):  # tables of gensim's training
            made.expandos[name] = np.array(values)
    return made


def _model(given: Any) -> Word2Vec:
    settings = {name: getattr(given, name) for name in _SAME}
    settings["max_vocab_size"] = given.max_vocab_size or None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # gensim has said it
        model = Word2Vec(**settings, seed=int(given.seed), shared_negatives=False)
    words = len(given.wv)
    if words == 0:
        return model
    vectors = _vectors(given.wv)
    model._input = _padded(given.wv.vectors, words)
    if model.negative:
        model._negative = _padded(given.syn1neg, len(given.syn1neg))
    if model.hs:
        trained = given.wv.index_to_key[: len(given.syn1)]  # vectors that were added later are not in the tree
        model._tree = _padded(given.syn1, len(trained) - 1)
        codes = [np.asarray(given.wv.get_vecattr(word, "code"), np.uint8) for word in trained]
        points = [np.asarray(given.wv.get_vecattr(word, "point"), np.int32) for word in trained]
        start = np.cumsum([0, *map(len, codes)]).astype(np.uint64)
        model._given_tree = start, np.concatenate(points), np.concatenate(codes)
    model.wv = KeyedVectors.from_arrays(vectors.index_to_key, model._input[:, : model.vector_size])
    model._words = model.wv.index_to_key
    model.wv.expandos = vectors.expandos
    if len(given.wv.vectors_lockf) in (1, words):
        model.wv.vectors_lockf = np.array(given.wv.vectors_lockf, np.float32)
    model.corpus_count, model.corpus_total_words = int(given.corpus_count), int(given.corpus_total_words)
    model.effective_min_count = int(given.effective_min_count)
    model._epochs_begun = int(given.train_count)
    return model


def _padded(matrix: Any, rows: int) -> np.ndarray:
    made = padded_zeros(rows, matrix.shape[1], np.float32)
    made[:, : matrix.shape[1]] = matrix[:rows]
    return made
