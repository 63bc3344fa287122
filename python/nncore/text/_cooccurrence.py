"""Co-occurrence counts as a sparse matrix. Only this and what stands on it need SciPy."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from tqdm import tqdm

from nncore import _core
from nncore.nn import _checks

try:
    from scipy import sparse
except ModuleNotFoundError as error:
    raise ImportError("nncore.text.cooccurrence needs SciPy: pip install 'nncore[sklearn]'") from error

if TYPE_CHECKING:
    from nncore.text.vocabulary import Vocabulary

__all__ = ["cooccurrence", "count_encoded"]

_IDS_AT_ONCE = 1 << 24  # that a call counts or indexes, within about 0.2 s
_DTYPES = ("float32", "float64", "int64")


def cooccurrence(
    sentences: Iterable[Sequence[str]] | None = None,
    window: int = 2,
    vocabulary: Vocabulary | None = None,
    weighting: str = "flat",
    *,
    min_count: int = 1,
    max_size: int | None = None,
    corpus_file: str | os.PathLike[str] | None = None,
    memory_limit: int | None = None,
    dtype: DTypeLike = "float64",
    verbose: int = 0,
) -> tuple[Any, Vocabulary]:
    """Count how often words stand near each other.

    X[a, b] is the sum, over all places of word a, of the weights of the places of word b in the same sentence and at
    most `window` words away, to either side. Words that the vocabulary does not have are left out first, so that a
    window reaches over them, as GloVe's does.

    Parameters
    ----------
    sentences : iterable of sequence of str
        Read twice where there is no `vocabulary`: a generator, which can be read once, is an error then.
    window : int, default=2
        Words to either side; at least 1.
    vocabulary : Vocabulary, optional
        Rows and columns. By default that of the sentences.
    weighting : {"flat", "harmonic"}, default="flat"
        Weight of a pair d words apart: 1, or 1/d as in GloVe (Pennington et al. 2014).
    min_count, max_size : int
        Of the vocabulary that is made: words that come less often are left out, and all but the most frequent.
    corpus_file : str or os.PathLike, optional
        In place of `sentences`: a file with a sentence on each line, words apart by spaces.
    memory_limit : int, optional
        Bytes that the encoded corpus and the index of its words may take each; beyond it the corpus goes to a
        temporary file, and words are counted in several passes. The matrix itself, which is in memory, is not counted.
    dtype : {"float64", "float32", "int64"}, default="float64"
        Of the values. Whole numbers are for flat weights.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    X : scipy.sparse.csr_matrix of shape (V, V)
        Symmetric, exactly; columns in order. 12 bytes an entry (float32: 8).
    vocabulary : Vocabulary

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it must be; also if both or none of `sentences` and `corpus_file` are given.
    ImportError
        If SciPy is not installed.

    Notes
    -----
    The same on any number of threads, bit for bit. Weights are summed as whole numbers: harmonic ones as multiples of
    1 / lcm(1, ..., window), exactly, and of 2^-32 where the window is above 22.

    Examples
    --------
    >>> from nncore import text
    >>> X, vocabulary = text.cooccurrence([["a", "crooked", "man"], ["a", "crooked", "mile"]], window=1)
    >>> vocabulary.index_to_key
    ['a', 'crooked', 'man', 'mile']
    >>> X.toarray()
    array([[0., 2., 0., 0.],
           [2., 0., 1., 1.],
           [0., 1., 0., 0.],
           [0., 1., 0., 0.]])
    """
    from nncore.text._corpus import encode
    from nncore.text.vocabulary import Vocabulary

    window, weighting, dtype = _check(window, weighting, dtype, memory_limit)
    if (sentences is None) == (corpus_file is None):
        raise ValueError("sentences or corpus_file must be given, and not both")
    if vocabulary is None:
        if corpus_file is not None:
            vocabulary = Vocabulary.from_file(corpus_file, min_count=min_count, max_size=max_size)
        else:
            assert sentences is not None
            if iter(sentences) is sentences:
                raise TypeError(
                    f"sentences must be readable twice to make a vocabulary first, but {sentences!r} is an iterator: "
                    f"pass a list, or a vocabulary"
                )
            vocabulary = Vocabulary.from_sentences(sentences, min_count=min_count, max_size=max_size)
    elif not isinstance(vocabulary, Vocabulary):
        raise TypeError(f"vocabulary must be a nncore.text.Vocabulary or None, but is {type(vocabulary).__name__}")
    corpus = encode(vocabulary, sentences=sentences, corpus_file=corpus_file, memory_limit=memory_limit)
    words = len(vocabulary.index_to_key)
    return count_encoded(corpus.ids, words, window, weighting, dtype, memory_limit, verbose), vocabulary


def _check(window: Any, weighting: Any, dtype: Any, memory_limit: Any) -> tuple[int, str, str]:
    window = _checks.whole_number("window", window)
    if not 1 <= window < 2**31:
        raise ValueError(f"window must be from 1 to 2**31 - 1, but is {window}")
    if not isinstance(weighting, str) or weighting not in ("flat", "harmonic"):
        raise ValueError(f"weighting must be 'flat' or 'harmonic', but is {weighting!r}")
    name = np.dtype(dtype).name
    if name not in _DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(_DTYPES)}, but is {name}")
    if name == "int64" and weighting == "harmonic":
        raise ValueError("dtype must be float64 or float32 for harmonic weights, which are no whole numbers")
    if memory_limit is not None and _checks.whole_number("memory_limit", memory_limit) < 1:
        raise ValueError(f"memory_limit must be at least 1 byte, but is {memory_limit}")
    return window, weighting, name


def count_encoded(
    ids: NDArray[np.int32],
    words: int,
    window: int,
    weighting: str = "flat",
    dtype: str = "float64",
    memory_limit: int | None = None,
    verbose: int = 0,
) -> Any:
    """Count an encoded corpus: ids below `words`, -1 at the end of each sentence; as `cooccurrence`."""
    window, weighting, dtype = _check(window, weighting, dtype, memory_limit)
    ids = ids.view(np.ndarray)
    counts = _core.Cooccurrence(words, min(window, max(len(ids), 1)), weighting)
    for begin in range(0, len(ids), _IDS_AT_ONCE):
        counts.count_words(ids, begin, min(begin + _IDS_AT_ONCE, len(ids)))
    row_entries = np.empty(words, np.int64)
    pieces = []
    with tqdm(total=words, unit="rows", disable=not verbose, desc="co-occurrence") as bar:
        while counts.next_row < words:
            end = counts.next_row + counts.begin_shard(len(ids), (memory_limit or 2**62) // 4)
            for begin in range(0, len(ids), _IDS_AT_ONCE):
                counts.index(ids, begin, min(begin + _IDS_AT_ONCE, len(ids)))
            while counts.next_row < end:
                first = counts.next_row
                pieces.append(_some_rows(counts, ids, row_entries, dtype))
                bar.update(counts.next_row - first)
    return _assemble(pieces, row_entries, dtype)


def _some_rows(counts: Any, ids: Any, row_entries: Any, dtype: str) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Columns and values of the next rows."""
    rows, entries = counts.plan()
    columns, values = np.empty(entries, np.int32), np.empty(entries, dtype)
    first = counts.next_row
    used = counts.count_rows(ids, columns, values, row_entries[first : first + rows])
    return columns[:used].copy(), values[:used].copy()  # what was not written to has cost no memory


def _assemble(pieces: list[tuple[NDArray[np.int32], NDArray[Any]]], row_entries: Any, dtype: str) -> Any:
    """One matrix of the pieces, each of which is given free when it has been copied."""
    words = len(row_entries)
    starts = np.zeros(words + 1, np.int64)
    np.cumsum(row_entries, out=starts[1:])
    index_type = np.int32 if starts[-1] < 2**31 else np.int64
    columns, values = np.empty(starts[-1], index_type), np.empty(starts[-1], dtype)
    end = len(values)
    while pieces:
        piece = pieces.pop()
        begin = end - len(piece[0])
        columns[begin:end], values[begin:end] = piece
        end = begin
    matrix = sparse.csr_matrix((values, columns, starts.astype(index_type)), shape=(words, words), copy=False)
    matrix.has_canonical_format = True
    return matrix
