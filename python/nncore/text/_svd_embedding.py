"""Word vectors by a truncated SVD. Imported on first use: it needs scikit-learn."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nncore._random import seed_of
from nncore.nn import _checks

try:
    from scipy import sparse
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    raise ImportError("nncore.text.SVDEmbedding needs scikit-learn: pip install 'nncore[sklearn]'") from error

from nncore.text._cooccurrence import cooccurrence
from nncore.text._svd import truncated_svd
from nncore.text._weighting import Log, Plain, Ppmi

if TYPE_CHECKING:
    from nncore.text.keyed_vectors import KeyedVectors
    from nncore.text.vocabulary import Vocabulary

__all__ = ["SVDEmbedding"]

Array = NDArray[Any]
Self = TypeVar("Self", bound="SVDEmbedding")


class SVDEmbedding(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Vectors of words, the rows of U·Σ^power of a truncated SVD of their (weighted) co-occurrence counts.

    Parameters
    ----------
    n_components : int, default=100
        Dimensions of the vectors, k; at most the number of words.
    weighting : {"ppmi", "log", None}, default="ppmi"
        What the counts x become: positive pointwise mutual information, see Notes; log(1 + x); or themselves.
    power : float, default=0.5
        0 gives rows of U, 1 of U·Σ.
    context_smoothing : float, default=0.75
        Power of the contexts' frequencies in PPMI; 1 is without smoothing.
    shift : float, default=1.0
        PPMI is lowered by log(shift), as by the number of negatives in word2vec.
    n_iter : int, default=16
        Steps of the randomized SVD. With 16 the last singular value is within 1 % of the exact one on counts of English
        text, and greater ones are closer; it is never too great.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        Of the random start.
    dtype : {"float32", "float64"}, default="float32"
        That the SVD is computed in.
    verbose : int, default=0
        1 shows progress bars.

    Attributes
    ----------
    components_ : array of shape (k, n_features)
        Right singular vectors, Vᵀ. The greatest component of each is positive.
    singular_values_ : array of shape (k,)
        Descending; 0 where the matrix has a lower rank, and so are then the components.
    wv : KeyedVectors
        After `fit_corpus`: the words' vectors.
    vocabulary_ : Vocabulary
        After `fit_corpus`.
    n_features_in_ : int
    feature_names_in_ : array
        Where X had names.

    Notes
    -----
    PPMI_ij = max(0, log(x_ij / (row_i p_j)) − log(shift)), with the row's sum row_i and p_j = col_j^a / Σ col^a of the
    columns' sums (Levy, Goldberg & Dagan 2015). A word without neighbours has the vector 0. `transform` gives rows
    their vectors by the columns' sums and the singular vectors of the fitted matrix, each row by itself.

    The SVD is a block Krylov iteration (Musco & Musco 2015). Results do not depend on the number of threads. U·Σ^power
    is the matrix times V·Σ^(power − 1), to rounding. Only that part of the matrix is in U which V spans.

    Examples
    --------
    >>> from nncore import text
    >>> sentences = [["a", "crooked", "man"], ["a", "crooked", "mile"], ["a", "little", "house"]]
    >>> model = text.SVDEmbedding(2, random_state=0).fit_corpus(sentences, window=1, min_count=1)
    >>> model.wv["crooked"].shape
    (2,)
    """

    n_features_in_: int
    feature_names_in_: Array
    components_: Array
    singular_values_: Array
    wv: KeyedVectors
    vocabulary_: Vocabulary
    _weigh: Any

    def __init__(
        self,
        n_components: int = 100,
        weighting: str | None = "ppmi",
        power: float = 0.5,
        *,
        context_smoothing: float = 0.75,
        shift: float = 1.0,
        n_iter: int = 16,
        random_state: Any = None,
        dtype: str = "float32",
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.weighting = weighting
        self.power = power
        self.context_smoothing = context_smoothing
        self.shift = shift
        self.n_iter = n_iter
        self.random_state = random_state
        self.dtype = dtype
        self.verbose = verbose

    def fit(self: Self, X: Any, y: Any = None) -> Self:
        """Find the singular vectors of X.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Finite counts; at least 0 unless `weighting` is None.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If a parameter or X is not what it must be; the estimator is as before.
        """
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Array:
        """Fit to X and return its rows' vectors.

        Parameters
        ----------
        X, y
            As in `fit`.

        Returns
        -------
        vectors : array of shape (n_samples, k)
            U·Σ^power, of the type of X.

        Raises
        ------
        TypeError, ValueError
            As `fit`.
        """
        self._check_settings()
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32))
        return self._fit(X).astype(X.dtype, copy=False)

    def fit_corpus(
        self: Self,
        sentences: Iterable[Sequence[str]] | None = None,
        *,
        corpus_file: str | os.PathLike[str] | None = None,
        window: int = 5,
        min_count: int = 5,
        max_size: int | None = None,
        vocabulary: Vocabulary | None = None,
        distance_weighting: str = "harmonic",
        memory_limit: int | None = None,
    ) -> Self:
        """Count the co-occurrences of a corpus and find its words' vectors, which are then in `wv`.

        Parameters
        ----------
        sentences, corpus_file, window, min_count, max_size, vocabulary, memory_limit
            As in `cooccurrence`, but a window of 5 and words that come 5 times at least.
        distance_weighting : {"harmonic", "flat"}, default="harmonic"
            Its `weighting`: whether a pair d words apart counts 1/d or 1. 1/d gives better vectors.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If an argument is not what it must be, or there are fewer words than `n_components`.
        """
        self._check_settings()
        counts, vocabulary = cooccurrence(
            sentences,
            window,
            vocabulary,
            distance_weighting,
            min_count=min_count,
            max_size=max_size,
            corpus_file=corpus_file,
            memory_limit=memory_limit,
            dtype=self.dtype,
            verbose=self.verbose,
        )
        if vocabulary.corpus_total_words == 0:
            raise ValueError("sentences must hold words, but the corpus is empty")
        if self.n_components > len(vocabulary):
            raise ValueError(
                f"n_components must be at most the number of words, but is {self.n_components} for the "
                f"{len(vocabulary)} words that are kept (min_count, max_size)"
            )
        from nncore.text.keyed_vectors import KeyedVectors

        vectors = self._fit(counts).astype(np.float32, copy=False)
        self.n_features_in_ = counts.shape[1]
        self.vocabulary_ = vocabulary
        self.wv = KeyedVectors.from_arrays(list(vocabulary.index_to_key), vectors, counts=vocabulary.counts)
        return self

    def _check_settings(self) -> None:
        if _checks.whole_number("n_components", self.n_components) < 1:
            raise ValueError(f"n_components must be at least 1, but is {self.n_components}")
        if self.weighting not in ("ppmi", "log", None):
            raise ValueError(f"weighting must be 'ppmi', 'log' or None, but is {self.weighting!r}")
        _checks.number("power", self.power)
        _checks.number("context_smoothing", self.context_smoothing)
        if _checks.number("shift", self.shift) == 0:
            raise ValueError("shift must be above 0, but is 0")
        if not 1 <= _checks.whole_number("n_iter", self.n_iter) <= 1000:
            raise ValueError(f"n_iter must be from 1 to 1000, but is {self.n_iter}")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', but is {self.dtype!r}")

    def _fit(self, X: Any) -> Array:
        """Fit to checked counts, dense or CSR; U·Σ^power."""
        samples, features = X.shape
        if self.n_components > min(samples, features):
            raise ValueError(
                f"n_components must be at most min(n_samples, n_features) with n_samples = {samples}, n_features = "
                f"{features}, but is {self.n_components}"
            )
        counts = self._counts(X)
        weigh: Any = self._ppmi(counts) if self.weighting == "ppmi" else Log() if self.weighting == "log" else Plain()
        U, values, Vt = truncated_svd(
            weigh(counts), self.n_components, self.n_iter, seed_of(self.random_state), self.verbose
        )
        self._weigh, self.singular_values_, self.components_ = weigh, values, Vt
        return np.asarray(U * self._powers(self.power))

    def _ppmi(self, counts: Any) -> Ppmi:
        return Ppmi.of(counts, self.context_smoothing, self.shift)

    def _powers(self, power: float) -> Array:
        """Σ^power; 0 where Σ is."""
        powers = np.zeros_like(self.singular_values_)
        np.power(self.singular_values_, power, out=powers, where=self.singular_values_ > 0)
        return powers

    def _counts(self, X: Any) -> Any:
        """X in the type of the computation, CSR with ascending columns; the caller's X stays as it is."""
        counts = sparse.csr_matrix(X) if sparse.issparse(X) else sparse.csr_matrix(np.asarray(X))
        if not counts.has_canonical_format:
            counts = counts.copy()
            counts.sum_duplicates()
        with np.errstate(over="ignore"):
            counts = counts.astype(self.dtype, copy=False)
        if not np.isfinite(counts.data).all():
            raise ValueError(f"X must be finite, but has a value too large for {self.dtype}; try dtype='float64'")
        if self.weighting is not None and counts.nnz and counts.data.min() < 0:
            raise ValueError(
                f"Negative values in data passed to SVDEmbedding: X must be at least 0 for weighting="
                f"{self.weighting!r}, but has {counts.data.min():g}"
            )
        return counts

    def transform(self, X: Any) -> Array:
        """Vectors of rows of counts, each by itself.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Counts with the contexts of the fitted matrix.

        Returns
        -------
        vectors : array of shape (n_samples, k)
            Weighted X · V · Σ^(power − 1), of the type of X.

        Raises
        ------
        ValueError
            If X is not what it must be.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        weighted = self._weigh(self._counts(X))
        return np.asarray((weighted @ (self.components_.T * self._powers(self.power - 1))).astype(X.dtype, copy=False))

    def score(self, X: Any, y: Any = None) -> float:
        """Share of the weighted X that its projection on the components keeps: ‖W·V‖² / ‖W‖², from 0 to 1.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        share : float
            1 for a matrix of zeros.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        weighted = self._weigh(self._counts(X))
        whole = float(np.square(weighted.data, dtype=np.float64).sum())
        kept = float(np.square(weighted @ self.components_.T, dtype=np.float64).sum())
        return kept / whole if whole > 0 else 1.0

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "components_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = self.weighting is not None
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
