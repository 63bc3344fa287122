"""word2vec, with gensim's names."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

import nncore
from nncore import _core
from nncore._files import Path
from nncore.text import _word2vec_files, _word2vec_queries, _word2vec_training
from nncore.text._corpus import encode
from nncore.text._counting import TrimRule, count_words
from nncore.text._own_format import say_ignored
from nncore.text._sources import Sentences, check_source
from nncore.text._word2vec_settings import check_objective, checked, checked_callbacks, real, say_without_effect, whole
from nncore.text._word2vec_weights import Weights
from nncore.text.keyed_vectors import KeyedVectors
from nncore.text.vocabulary import Vocabulary

__all__ = ["Word2Vec"]

Array = NDArray[Any]


class Word2Vec(Weights):
    """Word vectors that predict their neighbours (Mikolov et al. 2013).

    Skip-gram predicts each word of a window from the centre, CBOW the centre from the mean of the window, by negative
    sampling, hierarchical softmax, or the full softmax. Names, defaults and results are gensim 4's; what differs is
    said here. With a corpus the vocabulary is built and the vectors are trained at once.

    Parameters
    ----------
    sentences : iterable of lists of str, optional
        The corpus. It is read twice (words are counted, then turned into numbers), so no generator.
    corpus_file : str or os.PathLike, optional
        The corpus as a file instead: UTF-8, a sentence per line, words between white space; .gz, .bz2 or .xz too.
        ``LineSentence(path, unicode_errors="replace")`` as `sentences` is as fast and takes what is not UTF-8.
    vector_size : int
        Numbers of a vector.
    alpha, min_alpha : float
        The learning rate falls in a straight line from `alpha` to `min_alpha`.
    window : int
        Words to either side of the centre that may belong to its window.
    min_count : int
        Words that came less often are left out.
    max_vocab_size : int, optional
        Forget the rarest words while counting, so that there are never many more.
    sample : float
        Frequent words are left out by chance: a word of frequency f is kept with probability
        min(1, √(sample / f) + sample / f). 0: never.
    seed : int, numpy.random.Generator, numpy.random.RandomState or None
        Of every draw. With one worker, or ``deterministic=True``, the same seed gives the same bits.
    workers : int, optional
        Threads, at most `nncore.get_num_threads`, which is also the default. Several write the same vectors without
        waiting for each other (Hogwild), so that results differ a little from run to run.
    sg : {0, 1}
        1: skip-gram; 0: CBOW.
    hs : {0, 1}
        1: hierarchical softmax, over a binary Huffman tree.
    negative : int
        Words that are drawn against each word seen, with probabilities proportional to count**ns_exponent; 0: none.
    ns_exponent : float
        ¾ in the paper; 0 draws all words equally often.
    cbow_mean : {0, 1}
        Whether CBOW takes the mean of the window's vectors, or their sum.
    epochs : int
        Passes over the corpus.
    trim_rule : callable, optional
        ``trim_rule(word, count, min_count)`` returns 2 to keep a word, 1 to leave it out, 0 to let `min_count` decide.
    sorted_vocab : {0, 1}
        1: words are numbered by frequency; 0: by their first sight.
    compute_loss : bool
        Accepted as gensim's; the loss costs next to nothing here and is always computed.
    callbacks : iterable
        Objects with any of ``on_train_begin``, ``on_epoch_begin``, ``on_epoch_end``, ``on_train_end``, each called with
        the model.
    max_final_vocab : int, optional
        At most so many words: raises `min_count` as far as is needed.
    shrink_windows : bool
        Each window reaches 1 to `window` words far, by chance; False: always `window`.
    hashfxn, null_word, batch_words, comment
        Have no effect, and a warning says so when they are given.
    shared_negatives : bool
        Skip-gram: the words of a window share one set of negatives, which is faster and no worse; False draws anew for
        each pair, as gensim and word2vec.c do.
    cbow_gradient : {"classic", "exact"}
        "classic" is what gensim and word2vec.c do, and what the usual learning rates are for: with a mean, every word
        of the window gets the undivided gradient (with a sum, the divided one). "exact" is the gradient; it needs a
        larger `alpha`.
    subsampling : {"word2vec", "paper"}
        "paper" keeps words with probability min(1, √(sample / f)) instead.
    full_softmax : bool
        The softmax over all words in the place of `hs` and `negative`, which must be 0: exact, slow, for small
        vocabularies.
    init : "uniform" or KeyedVectors
        Initial vectors: uniform in ±1 / vector_size, or those of the words that are there.
    deterministic : bool
        The same bits for any number of workers: four copies of the vectors are trained side by side and merged every
        131,072 words.
    memory_limit : int, optional
        Bytes that the encoded corpus (4 a word) may take in memory; beyond that it lies in a temporary file. By default
        32 MiB, but all of it stays in memory where such a file cannot be written.
    verbose : int
        1: a progress bar, where standard error is a terminal.

    Attributes
    ----------
    wv : KeyedVectors
        The words and their vectors.
    syn1neg : array (n_words, vector_size)
        Output vectors of negative sampling, or of the full softmax.
    syn1 : array (n_words - 1, vector_size)
        Output vectors of the tree's inner nodes, with hierarchical softmax.
    corpus_count, corpus_total_words : int
        Sentences and words of the corpus that the vocabulary was built from.
    history_ : dict of str to list of float
        Of each epoch: "loss", the mean over pairs (skip-gram) or windows (CBOW), and "words_per_second".
    running_training_loss : float
        Sum of the losses of the last `train`.

    Notes
    -----
    After Ctrl-C, or an exception from a callback, the model is usable, and the same call of `train` goes on where it
    stopped, also after `save` and `load`; with one worker it comes to the same result as without the interruption.

    An alpha so high that vectors overflow ends in a FloatingPointError; they are then not finite and of no use.

    References
    ----------
    T. Mikolov, K. Chen, G. Corrado, J. Dean: Efficient estimation of word representations in vector space (2013).
    T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean: Distributed representations of words and phrases and their
    compositionality (2013).

    Examples
    --------
    >>> from nncore.text import Word2Vec
    >>> sentences = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 50
    >>> model = Word2Vec(sentences, vector_size=8, min_count=1, workers=1)
    >>> model.wv.index_to_key
    ['the', 'sat', 'cat', 'dog']
    """

    def __init__(
        self,
        sentences: Sentences | None = None,
        corpus_file: Path | None = None,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        sample: float = 1e-3,
        seed: Any = 1,
        workers: int | None = None,
        min_alpha: float = 0.0001,
        sg: int = 0,
        hs: int = 0,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Any = None,
        epochs: int = 5,
        null_word: int = 0,
        trim_rule: TrimRule | None = None,
        sorted_vocab: int = 1,
        batch_words: int = 10000,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
        comment: str | None = None,
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
        *,
        shared_negatives: bool = True,
        cbow_gradient: str = "classic",
        subsampling: str = "word2vec",
        full_softmax: bool = False,
        init: str | KeyedVectors = "uniform",
        deterministic: bool = False,
        memory_limit: int | None = None,
        verbose: int = 0,
    ) -> None:
        say_without_effect(
            hashfxn=(hashfxn, None), null_word=(null_word, 0), batch_words=(batch_words, 10000), comment=(comment, None)
        )
        self.vector_size: int = checked("vector_size", vector_size)
        self.alpha: float = checked("alpha", alpha)
        self.min_alpha: float = checked("min_alpha", min_alpha)
        self.window: int = checked("window", window)
        self.min_count: int = checked("min_count", min_count)
        self.max_vocab_size: int | None = checked("max_vocab_size", max_vocab_size)
        self.max_final_vocab: int | None = checked("max_final_vocab", max_final_vocab)
        self.sample: float = checked("sample", sample)
        self.seed: int = checked("seed", seed)
        self.workers: int = nncore.get_num_threads() if workers is None else checked("workers", workers)
        self.sg: int = checked("sg", sg)
        self.hs: int = checked("hs", hs)
        self.negative: int = checked("negative", negative)
        self.ns_exponent: float = checked("ns_exponent", ns_exponent)
        self.cbow_mean: int = checked("cbow_mean", cbow_mean)
        self.epochs: int = checked("epochs", epochs)
        self.sorted_vocab: int = checked("sorted_vocab", sorted_vocab)
        self.compute_loss = bool(compute_loss)
        self.shrink_windows = bool(shrink_windows)
        self.shared_negatives = bool(shared_negatives)
        self.cbow_gradient: str = checked("cbow_gradient", cbow_gradient)
        self.subsampling: str = checked("subsampling", subsampling)
        self.full_softmax = bool(full_softmax)
        self.deterministic = bool(deterministic)
        self.memory_limit: int | None = checked("memory_limit", memory_limit)
        self.verbose: int = checked("verbose", verbose)
        check_objective(self.hs, self.negative, self.full_softmax)
        if not isinstance(init, (str, KeyedVectors)):
            raise TypeError(f"init must be 'uniform' or KeyedVectors, but came as {type(init).__name__}")
        if isinstance(init, str) and init != "uniform":
            raise ValueError(f"init must be 'uniform' or KeyedVectors, but is {init!r}")
        if isinstance(init, KeyedVectors) and init.vector_size != self.vector_size:
            raise ValueError(f"init must have vectors of size {self.vector_size}, but has {init.vector_size}")
        self.callbacks = checked_callbacks(callbacks)
        self._start(init)
        if sentences is not None or corpus_file is not None:
            check_source(sentences, corpus_file, passes=2)
            self.build_vocab(sentences, corpus_file, trim_rule=trim_rule)
            self.train(sentences, corpus_file, epochs=self.epochs, callbacks=self.callbacks)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return f"Word2Vec<vocab={len(self.wv)}, vector_size={self.vector_size}, alpha={self.alpha}>"

    def build_vocab(
        self,
        corpus_iterable: Sentences | None = None,
        corpus_file: Path | None = None,
        update: bool = False,
        progress_per: int = 10000,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
    ) -> None:
        """Count the words of a corpus and make a vector for each that is frequent enough.

        Parameters
        ----------
        corpus_iterable, corpus_file : iterable of lists of str, path
            The corpus: one of the two.
        update : bool
            Add to the vocabulary that is there: words keep their numbers and vectors, new ones follow.
        progress_per : int
            Has no effect.
        keep_raw_vocab : bool
            Keep the counts of all words, the rare ones included, as ``raw_vocab``.
        trim_rule : callable, optional
            As in the constructor.

        Raises
        ------
        TypeError
            Not exactly one corpus, or one with a word that is no str.
        RuntimeError
            ``update=True`` before there is a vocabulary.
        ValueError
            The file is not UTF-8; no word is frequent enough.
        """
        check_source(corpus_iterable, corpus_file, name="corpus_iterable")
        with self._used():
            with self._counting_progress() as progress:
                raw = count_words(
                    corpus_iterable,
                    corpus_file,
                    max_vocab_size=self.max_vocab_size,
                    trim_rule=trim_rule,
                    progress=progress,
                )
            self._take_counts(raw, update, keep_raw_vocab, trim_rule)
        del raw  # the words that are not kept, too
        _core.give_back_memory()

    def build_vocab_from_freq(
        self,
        word_freq: Mapping[str, int],
        keep_raw_vocab: bool = False,
        corpus_count: int | None = None,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> None:
        """Make the vocabulary from counts.

        Parameters
        ----------
        word_freq : mapping of str to int
            Words and how often they come.
        corpus_count : int, optional
            Sentences of the corpus.
        keep_raw_vocab, trim_rule, update
            As in `build_vocab`.
        """
        raw = _word2vec_queries.GivenCounts(word_freq, corpus_count or 0)
        with self._used():
            self._take_counts(raw, update, keep_raw_vocab, trim_rule)

    def train(
        self,
        corpus_iterable: Sentences | None = None,
        corpus_file: Path | None = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        word_count: int = 0,
        queue_factor: int = 2,
        report_delay: float = 1.0,
        compute_loss: bool | None = None,
        callbacks: Iterable[Any] = (),
    ) -> tuple[int, int]:
        """Train the vectors on a corpus.

        Parameters
        ----------
        corpus_iterable, corpus_file : iterable of lists of str, path
            The corpus: one of the two. It is read once, whatever `epochs`: a generator will do.
        epochs : int, optional
            Passes; those of the constructor by default.
        start_alpha, end_alpha : float, optional
            Take the place of `alpha` and `min_alpha`, also later.
        callbacks : iterable
            As in the constructor.
        total_examples, total_words, word_count, queue_factor, report_delay, compute_loss
            Accepted, so that gensim's calls run: the corpus is counted when it is read.

        Returns
        -------
        trained_words, raw_words : int
            Words that were trained, and words read, both times the epochs. The first leaves out words that are not in
            the vocabulary, and those that `sample` dropped.

        Raises
        ------
        RuntimeError
            There is no vocabulary yet, or another thread trains the model.
        TypeError, ValueError, OSError
            As in `build_vocab`.
        FloatingPointError
            The vectors have overflowed.
        """
        with self._used():
            if not len(self.wv):
                raise RuntimeError("there is no vocabulary yet: call build_vocab before train")
            self._check_settings()
            callbacks = checked_callbacks(callbacks)
            self._check_outputs()
            epochs = whole(self.epochs if epochs is None else epochs, "epochs", 1)
            alpha = self.alpha if start_alpha is None else real(start_alpha, "start_alpha", 0)
            min_alpha = self.min_alpha if end_alpha is None else real(end_alpha, "end_alpha", 0)
            check_source(corpus_iterable, corpus_file, name="corpus_iterable")
            corpus = encode(self._vocabulary(), corpus_iterable, corpus_file, self.memory_limit)
            self.alpha, self.min_alpha = alpha, min_alpha
            if compute_loss is not None:
                self.compute_loss = bool(compute_loss)
            _core.give_back_memory()
            if corpus.words == 0:
                warnings.warn(
                    "no word of the corpus is in the vocabulary: nothing was trained", UserWarning, stacklevel=2
                )
                return 0, epochs * corpus.raw_words
            self._adopt_vectors()
            position = _word2vec_training.begin(self, corpus, epochs, self.alpha, self.min_alpha)
            try:
                _word2vec_training.run(self, corpus, position, callbacks)
            finally:
                self._forget_norms()
            return position.trained_words, epochs * corpus.raw_words

    def get_latest_training_loss(self) -> float:
        """Sum of the losses of the last `train` (gensim's, but in double precision: it does not stick at 2**27)."""
        return self.running_training_loss

    def predict_output_word(self, context_words_list: Sequence[Any], topn: int = 10) -> list[tuple[str, float]] | None:
        """The most probable centres of a window, by the softmax over the outputs of negative sampling.

        Parameters
        ----------
        context_words_list : sequence of str or int
            Words of the window, or their numbers; those that are unknown are left out.
        topn : int
            How many.

        Returns
        -------
        list of (str, float), or None
            Words and their probabilities; None (and a warning) when all words of the window are unknown.

        Raises
        ------
        RuntimeError
            The model has neither negative sampling nor the full softmax.
        """
        return _word2vec_queries.predict_output_word(self, context_words_list, topn)

    def score(
        self,
        sentences: Sentences,
        total_sentences: int = 1_000_000,
        chunksize: int = 100,
        queue_factor: int = 2,
        report_delay: float = 1.0,
    ) -> Array:
        """Logarithm of the probability of each sentence, by hierarchical softmax (Taddy 2015).

        Parameters
        ----------
        sentences : iterable of lists of str
            The sentences; words that are unknown are left out.
        total_sentences : int
            At most so many are scored.
        chunksize, queue_factor, report_delay
            Have no effect.

        Returns
        -------
        scores : float32 array (n_sentences,)

        Raises
        ------
        RuntimeError
            The model has no hierarchical softmax.
        """
        return _word2vec_queries.score(self, sentences, total_sentences)

    def reset_from(self, other_model: Word2Vec) -> None:
        """Take the vocabulary of another model, and begin with new vectors."""
        if not isinstance(other_model, Word2Vec):
            raise TypeError(f"other_model must be a Word2Vec, but came as {type(other_model).__name__}")
        self.corpus_count = other_model.corpus_count
        self.corpus_total_words = other_model.corpus_total_words
        self._set_vocabulary(other_model._vocabulary())

    def save(self, fname: Path, **without_effect: Any) -> None:
        """Write the whole model to a file, whole or not at all; `load` goes on to the same result.

        Parameters
        ----------
        fname : str or os.PathLike
            The file (safetensors). What ``init=`` gave is in the vectors, but not in the file.
        **without_effect
            gensim's arguments; a warning says that they have no effect.

        Raises
        ------
        ValueError
            ``wv`` has not as many vectors as keys.
        OSError
            It cannot be written.
        """
        say_ignored(without_effect)
        _word2vec_files.save(self, fname)

    @classmethod
    def load(cls, fname: Path, **without_effect: Any) -> Word2Vec:
        """Read a model that `save` wrote; `nncore.text.from_gensim` takes over one of gensim's.

        Parameters
        ----------
        fname : str or os.PathLike
            The file.
        **without_effect
            gensim's arguments; a warning says that they have no effect.

        Raises
        ------
        ValueError
            The file is damaged, or not such a file. The message names it.
        OSError
            It cannot be read.
        """
        say_ignored(without_effect)
        return _word2vec_files.load(cls, fname)

    def _check_settings(self) -> None:
        """Refuse attributes that were set to what the constructor would refuse."""
        for name in _word2vec_files.SETTINGS:
            setattr(self, name, checked(name, getattr(self, name)))
        check_objective(self.hs, self.negative, self.full_softmax, warn=False)

    def _check_outputs(self) -> None:
        """Refuse an objective whose outputs were not made with the vocabulary."""
        outputs = {"hs": self._tree, "negative": self._negative, "full_softmax": self._negative}
        for name, matrix in outputs.items():
            if getattr(self, name) and matrix is None:
                raise ValueError(
                    f"{name} must be set before build_vocab, which makes its output vectors, but became "
                    f"{getattr(self, name)} after it"
                )

    def _what_left_words_out(self, trim_rule: TrimRule | None) -> str:
        given = {"max_final_vocab": self.max_final_vocab, "trim_rule": trim_rule}
        return ", ".join(["min_count", *(name for name, value in given.items() if value is not None)])

    def _take_counts(self, raw: Any, update: bool, keep_raw_vocab: bool, trim_rule: TrimRule | None) -> None:
        if update:
            if not len(self.wv):
                raise RuntimeError("update=True needs a vocabulary, but there is none yet")
            vocabulary = self._vocabulary()
            self._adopt_vectors()
            vocabulary.add_counts(raw, self.min_count, self.max_final_vocab, trim_rule=trim_rule)
        else:
            vocabulary = Vocabulary.from_counts(
                raw, self.min_count, self.max_final_vocab, trim_rule=trim_rule, sort=bool(self.sorted_vocab)
            )
            if not len(vocabulary):
                raise ValueError(
                    f"no word of the corpus is kept: of {len(raw)} different words none comes "
                    f"{vocabulary.effective_min_count} times ({self._what_left_words_out(trim_rule)})"
                    if len(raw)
                    else "the corpus is empty: there is no word in it"
                )
        self.effective_min_count = vocabulary.effective_min_count
        self.corpus_count, self.corpus_total_words = raw.sentences, raw.raw_words
        if keep_raw_vocab:
            self.raw_vocab = raw.as_dict()
        if update:
            self._grow(vocabulary)
        else:
            self._set_vocabulary(vocabulary)
