"""Words that come together more often than by chance, joined to one: new_york (Mikolov et al. 2013)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from nncore import _core
from nncore.text._phrase_joining import Transformation
from nncore.text._phrase_scores import SCORERS, Scorer, checked_scorer, npmi_scorer, original_scorer
from nncore.text._sources import Path, Sentences, check_source
from nncore.text._word2vec_settings import whole

__all__ = ["ENGLISH_CONNECTOR_WORDS", "FrozenPhrases", "Phrases", "npmi_scorer", "original_scorer"]

_ARTICLES = ("a", "an", "the")
_PREPOSITIONS = ("for", "of", "with", "without", "at", "from", "to", "in", "on", "by")
_CONJUNCTIONS = ("and", "or")
ENGLISH_CONNECTOR_WORDS = frozenset(_ARTICLES + _PREPOSITIONS + _CONJUNCTIONS)


class Phrases(Transformation):
    """Finds pairs of words that come together more often than by chance.

    The phrases and scores are gensim's. Phrases of more than two words come from a second run over
    ``phrases[sentences]``.

    Parameters
    ----------
    sentences : iterable of lists of str, optional
        A corpus to count; `add_vocab` adds others.
    min_count : int
        Rarer words and pairs are no phrases.
    threshold : float
        A pair is a phrase when its score is higher.
    max_vocab_size : int
        With more different words and pairs than this, the rarest are forgotten while counting.
    delimiter : str
        Joins the words of a phrase.
    progress_per : int
        Has no effect; gensim's.
    scoring : {"default", "npmi"} or callable
        "default": (n_ab − min_count) · V / (n_a · n_b), with V different words and pairs; "npmi": the normalized
        pointwise mutual information, from −1 to 1; or a function with the parameters worda_count, wordb_count,
        bigram_count, len_vocab, min_count, corpus_word_count.
    connector_words : set of str
        Words that a phrase may hold inside, and that do not count, such as `ENGLISH_CONNECTOR_WORDS`.

    Attributes
    ----------
    vocab : dict of str to int
        Counts of words and joined pairs.
    corpus_word_count : int
        All words read.

    Examples
    --------
    >>> corpus = [["in", "new", "york"], ["new", "york", "city"], ["a", "new", "city"]]
    >>> phrases = Phrases(corpus, min_count=1, threshold=1.0)
    >>> phrases[["to", "new", "york"]]
    ['to', 'new_york']
    """

    kind = "Phrases"

    def __init__(
        self,
        sentences: Sentences | None = None,
        min_count: int = 5,
        threshold: float = 10.0,
        max_vocab_size: int = 40_000_000,
        delimiter: str = "_",
        progress_per: int = 10_000,
        scoring: str | Scorer = "default",
        connector_words: Iterable[str] = frozenset(),
    ) -> None:
        self.scoring = checked_scorer(scoring)
        for name, value in (("min_count", min_count), ("threshold", threshold)):
            if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
                raise TypeError(f"{name} must be a number, but is {value!r}")
        if min_count < 1:
            raise ValueError(f"min_count must be at least 1, but came as {min_count}")
        if self.scoring is original_scorer and not threshold > 0:
            raise ValueError(f"threshold must be positive with scoring='default', but came as {threshold}")
        if self.scoring is npmi_scorer and not -1 <= threshold <= 1:
            raise ValueError(f"threshold must be from -1 to 1 with scoring='npmi', but came as {threshold}")
        max_vocab_size = whole(max_vocab_size, "max_vocab_size", 1)
        if not isinstance(delimiter, str):
            raise TypeError(f"delimiter must be a str, but came as {type(delimiter).__name__}")
        if isinstance(connector_words, str) or not isinstance(connector_words, Iterable):
            raise TypeError(f"connector_words must be a set of words, but came as {type(connector_words).__name__}")
        connectors = frozenset(connector_words)
        for word in connectors:
            if not isinstance(word, str):
                raise TypeError(f"connector_words must be words of type str, but one is {word!r}")
        self.min_count, self.threshold, self.max_vocab_size = min_count, threshold, max_vocab_size
        self.delimiter, self.progress_per = delimiter, progress_per
        self.connector_words = connectors
        self.vocab: dict[str, int] = {}
        self.min_reduce = 1
        self.corpus_word_count = 0
        if sentences is not None:
            self.add_vocab(sentences)

    def add_vocab(self, sentences: Sentences) -> None:
        """Count the words and pairs of a corpus, in addition to what has been counted.

        Parameters
        ----------
        sentences : iterable of lists of str
            The corpus.

        Raises
        ------
        TypeError
            It is no iterable of lists of str; nothing has been counted then.
        """
        check_source(sentences, None)
        counter = _core.PhraseCounter(self.delimiter, sorted(self.connector_words), self.max_vocab_size)
        stream = _core.SentenceStream(sentences)
        while counter.add_sentences(stream):
            pass
        self.corpus_word_count += int(counter.raw_words)
        counted = zip(counter.words(), counter.counts().tolist(), strict=True)
        if not self.vocab:
            self.vocab = dict(counted)
            return
        self.min_reduce = max(self.min_reduce, int(counter.least))
        for word, count in counted:
            self.vocab[word] = self.vocab.get(word, 0) + count
        if len(self.vocab) > self.max_vocab_size:
            self.vocab = {word: count for word, count in self.vocab.items() if count >= self.min_reduce}
            self.min_reduce += 1

    def score_candidate(self, word_a: str, word_b: str, in_between: list[str]) -> tuple[str, float] | tuple[None, None]:
        """Phrase and score of two words with connectors between them; (None, None) where they are no phrase."""
        phrase = self.delimiter.join([word_a, *in_between, word_b])
        count = self.vocab.get(phrase)
        count_a, count_b = self.vocab.get(word_a), self.vocab.get(word_b)
        if not (count and count_a and count_b):
            return None, None
        score = self.scoring(
            worda_count=count_a,
            wordb_count=count_b,
            bigram_count=count,
            len_vocab=len(self.vocab),
            min_count=self.min_count,
            corpus_word_count=self.corpus_word_count,
        )
        return (phrase, score) if score > self.threshold else (None, None)

    def export_phrases(self) -> dict[str, float]:
        """All phrases, with their scores."""
        if not self.delimiter:
            raise ValueError("phrases joined by '' cannot be told from words: give a delimiter")
        # Both of our own scores refuse what is rarer than min_count, so most pairs need no Python call.
        least = self.min_count if self.scoring in SCORERS.values() else 0
        found = {}
        for token, count in self.vocab.items():
            if count < least or self.delimiter not in token:
                continue
            words = token.split(self.delimiter)
            phrase, score = self.score_candidate(words[0], words[-1], words[1:-1])
            if phrase is not None and score is not None:
                found[phrase] = score
        return found

    def freeze(self) -> FrozenPhrases:
        """The phrases alone, in little memory, to join the words of other sentences."""
        return FrozenPhrases(self)

    def save(self, path: Path) -> None:
        """Write to a file, whole or not at all; ValueError when `scoring` is a function."""
        counts = np.fromiter(self.vocab.values(), np.int64, len(self.vocab))
        names = ("max_vocab_size", "min_reduce", "corpus_word_count")
        self.write(path, list(self.vocab), counts, {name: getattr(self, name) for name in names})

    @classmethod
    def load(cls, path: Path) -> Phrases:
        """Read what `save` wrote; ValueError for a damaged file."""
        description, vocab = cls.read(path)
        made = cls.__new__(cls)
        made.__dict__.update(description, vocab=vocab, progress_per=10_000)
        return made

    def __repr__(self) -> str:
        return f"Phrases({len(self.vocab):,} words and pairs, min_count={self.min_count}, threshold={self.threshold})"


class FrozenPhrases(Transformation):
    """The phrases of a `Phrases` and their scores, without its counts: small and fast, and nothing can be added.

    Parameters
    ----------
    phrases_model : Phrases
        Where to take them from.

    Attributes
    ----------
    phrasegrams : dict of str to float
        Phrases and their scores.
    """

    kind = "FrozenPhrases"

    def __init__(self, phrases_model: Phrases) -> None:
        self.min_count, self.threshold = phrases_model.min_count, phrases_model.threshold
        self.delimiter, self.scoring = phrases_model.delimiter, phrases_model.scoring
        self.connector_words = phrases_model.connector_words
        self.phrasegrams = phrases_model.export_phrases()

    def score_candidate(self, word_a: str, word_b: str, in_between: list[str]) -> tuple[str, float] | tuple[None, None]:
        """Phrase and score of two words with connectors between them; (None, None) where they are no phrase."""
        phrase = self.delimiter.join([word_a, *in_between, word_b])
        score = self.phrasegrams.get(phrase, -math.inf)
        return (phrase, score) if score > self.threshold else (None, None)

    def save(self, path: Path) -> None:
        """Write to a file, whole or not at all; ValueError when `scoring` is a function."""
        scores = np.fromiter(self.phrasegrams.values(), np.float64, len(self.phrasegrams))
        self.write(path, list(self.phrasegrams), scores, {})

    @classmethod
    def load(cls, path: Path) -> FrozenPhrases:
        """Read what `save` wrote; ValueError for a damaged file."""
        description, phrasegrams = cls.read(path)
        made = cls.__new__(cls)
        made.__dict__.update(description, phrasegrams=phrasegrams)
        return made

    def __repr__(self) -> str:
        return f"FrozenPhrases({len(self.phrasegrams):,} phrases, threshold={self.threshold})"
