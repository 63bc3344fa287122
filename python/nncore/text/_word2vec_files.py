"""Files of Word2Vec: settings, words, counts, matrices, and where an interrupted training stopped."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nncore._files import Arrays, Path, read_model, write_model
from nncore._memory import padded_zeros
from nncore.text._own_format import keys_from_arrays, keys_to_arrays, refuse_pickle
from nncore.text._word2vec_settings import checked
from nncore.text._word2vec_training import Position
from nncore.text.keyed_vectors import KeyedVectors

if TYPE_CHECKING:
    from nncore.text.word2vec import Word2Vec

Model = TypeVar("Model", bound="Word2Vec")

_KIND = "Word2Vec"
SETTINGS = (
    *("vector_size", "alpha", "window", "min_count", "max_vocab_size", "sample", "seed", "workers", "min_alpha", "sg"),
    *("hs", "negative", "ns_exponent", "cbow_mean", "epochs", "sorted_vocab", "compute_loss", "max_final_vocab"),
    *("shrink_windows", "shared_negatives", "cbow_gradient", "subsampling", "full_softmax", "deterministic"),
    *("memory_limit", "verbose"),
)
_STATE = ("corpus_count", "corpus_total_words", "effective_min_count", "running_training_loss", "total_train_time")


def save(model: Word2Vec, path: Path) -> None:
    """See `Word2Vec.save`."""
    model._follow_order()
    arrays, keys = keys_to_arrays(model.wv.index_to_key)
    for name, values in model.wv.expandos.items():
        if values.dtype != object:
            arrays[f"attribute {name}"] = values
    if len(model.wv.vectors) != len(model.wv):
        raise ValueError(f"wv has {len(model.wv)} keys but {len(model.wv.vectors)} vectors: such a model is not saved")
    arrays["vectors"] = model.wv.vectors
    arrays["vectors_lockf"] = np.asarray(model.wv.vectors_lockf, np.float32)
    for name, matrix in (("syn1neg", model._negative), ("syn1", model._tree)):
        if matrix is not None:
            arrays[name] = matrix[:, : model.vector_size]
    if model._given_tree is not None:
        arrays |= dict(zip(("tree_start", "tree_point", "tree_code"), model._given_tree, strict=True))
    description = {
        "settings": {name: checked(name, getattr(model, name)) for name in SETTINGS},
        "state": {name: getattr(model, name) for name in _STATE},
        "history": model.history_,
        "epochs_begun": model._epochs_begun,
        "unfinished": None if model._unfinished is None else model._unfinished.as_dict(),
        "keys": keys,
        "attributes": {n: values.tolist() for n, values in model.wv.expandos.items() if values.dtype == object},
    }
    write_model(path, _KIND, description, arrays)


def load(kind: type[Model], path: Path) -> Model:
    """See `Word2Vec.load`."""
    refuse_pickle(path)
    description, arrays = read_model(path, _KIND)
    try:
        return _made(kind, description, arrays)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path!r} is damaged: {error}") from None


def _made(kind: type[Model], description: dict[str, Any], arrays: Arrays) -> Model:
    settings = description["settings"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it was said when the model was made
        model = kind(**settings)
    words = keys_from_arrays(arrays, description["keys"])
    model._input = _padded(arrays["vectors"], len(words), model.vector_size)
    if "syn1neg" in arrays:
        model._negative = _padded(arrays["syn1neg"], len(arrays["syn1neg"]), model.vector_size)
    if "syn1" in arrays:
        model._tree = _padded(arrays["syn1"], len(arrays["syn1"]), model.vector_size)
    if words:
        model.wv = KeyedVectors.from_arrays(words, model._input[:, : model.vector_size])
        model._words = words
    for name, values in arrays.items():
        if name.startswith("attribute "):
            if len(values) != len(words):
                raise ValueError(f"{name} has {len(values)} values for {len(words)} words")
            model.wv.expandos[name.removeprefix("attribute ")] = values
    for name, listed in description["attributes"].items():
        model.wv.expandos[name] = np.array(listed, object)
    model.wv.vectors_lockf = arrays["vectors_lockf"]
    if "tree_start" in arrays:
        model._given_tree = arrays["tree_start"], arrays["tree_point"], arrays["tree_code"]
    for name in _STATE:
        setattr(model, name, description["state"][name])
    model.history_ = description["history"]
    model._epochs_begun = description["epochs_begun"]
    if description["unfinished"] is not None:
        model._unfinished = Position(**description["unfinished"])
    return model


def _padded(matrix: np.ndarray, rows: int, columns: int) -> np.ndarray:
    if matrix.shape != (rows, columns):
        raise ValueError(f"a matrix must be of shape {(rows, columns)}, but is {matrix.shape}")
    made = padded_zeros(rows, columns, np.float32)
    made[:, :columns] = matrix
    return made
