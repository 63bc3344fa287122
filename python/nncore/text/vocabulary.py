"""Words of a corpus, their counts and their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from nncore._files import read_model, write_model
from nncore.text._counting import (
    RULE_DEFAULT,
    RULE_DISCARD,
    RULE_KEEP,
    Counts,
    Progress,
    RawCounts,
    TrimRule,
    by_frequency,
    count_words,
    select,
)
from nncore.text._key_index import KeyIndex, first_twice
from nncore.text._sources import Path, Sentences
from nncore.text._word2vec_settings import whole, whole_or_none
from nncore.text._words_file import word_arrays, words_of

__all__ = ["RULE_DEFAULT", "RULE_DISCARD", "RULE_KEEP", "Vocabulary"]


class Vocabulary(KeyIndex):
    """Words with numbers, most frequent first; equally frequent ones in the order of their first sight.

    Made by `from_sentences` or `from_file`; the same corpus gives the same vocabulary everywhere.

    Parameters
    ----------
    words : iterable of str
        Different words, in the order of their numbers.
    counts : array-like of int (n_words,)
        How often each came.
    corpus_count, corpus_total_words : int
        Sentences of the corpus, and all of its words, those left out included.

    Attributes
    ----------
    index_to_key : list of str
        The words.
    key_to_index : dict of str to int
        Their numbers.
    counts : int64 array (n_words,)
        How often each came in the corpus.
    corpus_count, corpus_total_words : int
        Sentences of the corpus, and all of its words.
    effective_min_count : int
        The least count that a word needed when the vocabulary was made.
    raw_counts : dict of str to int, or None
        All words of the corpus and their counts, where ``keep_raw_vocab=True`` asked for them.
    """

    def __init__(
        self, words: Iterable[str], counts: Any, corpus_count: int = 0, corpus_total_words: int | None = None
    ) -> None:
        if isinstance(words, str) or not isinstance(words, Iterable):
            raise TypeError(f"words must be an iterable of str, but came as {type(words).__name__}")
        self.index_to_key = list(words)
        if not all(issubclass(kind, str) for kind in set(map(type, self.index_to_key))):
            stranger = next(word for word in self.index_to_key if not isinstance(word, str))
            raise TypeError(f"words must be of type str, but one is {stranger!r}")
        given = np.atleast_1d(np.asarray(counts))
        if given.size and given.dtype.kind not in "iu":
            raise TypeError(f"counts must be integers, but came as {given.dtype}")
        if given.size and (given.min() < 0 or given.max() >= 2**63):
            beyond = min(int(given.min()), 0) or int(given.max())
            raise ValueError(f"counts must be at least 0 and below 2**63, but one is {beyond}")
        self.counts: Counts = np.array(given, dtype=np.int64)
        if self.counts.shape != (len(self.index_to_key),):
            raise ValueError(
                f"counts must be one per word, ({len(self.index_to_key)},), but came as {self.counts.shape}"
            )
        if len(set(self.index_to_key)) != len(self.index_to_key):
            raise ValueError(f"words must differ, but {first_twice(self.index_to_key)!r} came twice")
        if self.counts.sum(dtype=np.float64) >= 2**63:
            raise ValueError(f"counts must have a sum below 2**63, but it is {sum(self.counts.tolist())}")
        total = self.counts.sum() if corpus_total_words is None else corpus_total_words
        self.corpus_count = whole(corpus_count, "corpus_count", 0)
        self.corpus_total_words = whole(total, "corpus_total_words", 0)
        self.effective_min_count = 1
        self.raw_counts: dict[str, int] | None = None

    @classmethod
    def from_sentences(
        cls,
        sentences: Sentences,
        min_count: int = 1,
        max_size: int | None = None,
        *,
        trim_rule: TrimRule | None = None,
        max_vocab_size: int | None = None,
        keep_raw_vocab: bool = False,
        progress: Progress | None = None,
    ) -> Vocabulary:
        """Vocabulary of an iterable of lists of words.

        Parameters
        ----------
        sentences : iterable of lists of str
            The corpus; a `LineSentence` over a path is read as fast as by `from_file`.
        min_count : int
            Words that came less often are left out.
        max_size : int or None
            Raises `min_count` until at most so many words are left: fewer where several have the same count.
        trim_rule : callable or None
            ``trim_rule(word, count, min_count)`` returns ``RULE_KEEP``, ``RULE_DISCARD`` or, for what `min_count`
            says, ``RULE_DEFAULT``.
        max_vocab_size : int or None
            Rare words are forgotten while counting when there are more different ones than this: for less memory.
        keep_raw_vocab : bool
            Keep all words and counts as `raw_counts`.
        progress : callable or None
            Is called with the sentences and the words so far, several times a second.

        Raises
        ------
        TypeError
            `sentences` is no iterable of lists of str; the message says which sentence and word.
        ValueError
            A word has a lone surrogate, or the reader's file is not UTF-8.
        """
        raw = count_words(sentences, max_vocab_size=max_vocab_size, trim_rule=trim_rule, progress=progress)
        return cls.from_counts(raw, min_count, max_size, trim_rule=trim_rule, keep_raw_vocab=keep_raw_vocab)

    @classmethod
    def from_file(
        cls,
        path: Path,
        min_count: int = 1,
        max_size: int | None = None,
        *,
        trim_rule: TrimRule | None = None,
        max_vocab_size: int | None = None,
        keep_raw_vocab: bool = False,
        unicode_errors: str = "strict",
        progress: Progress | None = None,
    ) -> Vocabulary:
        """Vocabulary of a text file in UTF-8, a sentence per line, words between white space.

        Parameters
        ----------
        path : str or os.PathLike
            The file; .gz, .bz2 and .xz are decompressed.
        unicode_errors : {"strict", "ignore", "replace"}
            What becomes of bytes that are not UTF-8.
        min_count, max_size, trim_rule, max_vocab_size, keep_raw_vocab, progress
            As in `from_sentences`.

        Raises
        ------
        OSError
            The file is missing or cannot be read.
        ValueError
            It is not UTF-8, or damaged: the message says where.
        """
        raw = count_words(
            corpus_file=path,
            max_vocab_size=max_vocab_size,
            trim_rule=trim_rule,
            unicode_errors=unicode_errors,
            progress=progress,
        )
        return cls.from_counts(raw, min_count, max_size, trim_rule=trim_rule, keep_raw_vocab=keep_raw_vocab)

    @classmethod
    def from_counts(
        cls,
        raw: RawCounts,
        min_count: int = 1,
        max_size: int | None = None,
        *,
        trim_rule: TrimRule | None = None,
        keep_raw_vocab: bool = False,
        sort: bool = True,
    ) -> Vocabulary:
        """Vocabulary of a corpus that has been counted; in the order of first sight with ``sort=False``."""
        max_size = whole_or_none(max_size, "max_size", 1)
        kept = select(raw, min_count, max_size, trim_rule)
        at = by_frequency(raw.counts, kept.at) if sort else kept.at
        made = cls(raw.words(at), raw.counts[at], raw.sentences, raw.raw_words)
        made.effective_min_count = kept.effective_min_count
        made.raw_counts = raw.as_dict() if keep_raw_vocab else None
        return made

    def update(
        self,
        sentences: Sentences | None = None,
        corpus_file: Path | None = None,
        min_count: int | None = None,
        *,
        trim_rule: TrimRule | None = None,
        max_vocab_size: int | None = None,
        unicode_errors: str | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Add the words and counts of another corpus. Words that are here keep their numbers.

        Parameters
        ----------
        sentences, corpus_file : iterable of lists of str, path
            The other corpus: one of the two.
        min_count : int or None
            How often a new word must come in it; None: as often as when the vocabulary was made.
        trim_rule, max_vocab_size, unicode_errors, progress
            As in `from_sentences` and `from_file`.

        Returns
        -------
        int
            How many words are new; they follow the others, most frequent first.
        """
        raw = count_words(
            sentences,
            corpus_file,
            max_vocab_size=max_vocab_size,
            trim_rule=trim_rule,
            unicode_errors=unicode_errors,
            progress=progress,
        )
        return self.add_counts(raw, min_count, trim_rule=trim_rule)

    def add_counts(
        self,
        raw: RawCounts,
        min_count: int | None = None,
        max_size: int | None = None,
        *,
        trim_rule: TrimRule | None = None,
    ) -> int:
        """Add a corpus that has been counted, as `update`."""
        least = self.effective_min_count if min_count is None else min_count
        keep = np.zeros(len(raw), bool)
        kept = select(raw, least, max_size, trim_rule)
        keep[kept.at] = True
        words = raw.words()
        index = np.fromiter((self.key_to_index.get(word, -1) for word in words), np.int64, len(words))
        known = index >= 0
        new = by_frequency(raw.counts, np.flatnonzero(keep & ~known))
        counts = np.concatenate([self.counts, raw.counts[new]])
        counts[index[known]] += raw.counts[known]
        added = [words[at] for at in new.tolist()]
        self.key_to_index.update((word, len(self.index_to_key) + i) for i, word in enumerate(added))
        self.index_to_key.extend(added)
        self.counts = counts
        self.effective_min_count = kept.effective_min_count
        self.corpus_count += raw.sentences
        self.corpus_total_words += raw.raw_words
        return len(added)

    def save(self, path: Path) -> None:
        """Write the vocabulary to a file, whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            Where to; an existing file is replaced.
        """
        description = {
            "corpus_count": self.corpus_count,
            "corpus_total_words": self.corpus_total_words,
            "effective_min_count": self.effective_min_count,
        }
        write_model(path, "Vocabulary", description, {**word_arrays(self.index_to_key), "counts": self.counts})

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read a vocabulary that `save` wrote.

        Parameters
        ----------
        path : str or os.PathLike
            The file.

        Raises
        ------
        ValueError
            The file is damaged, or no vocabulary.
        """
        description, arrays = read_model(path, "Vocabulary")
        try:
            made = cls(
                words_of(arrays), arrays["counts"], description["corpus_count"], description["corpus_total_words"]
            )
            made.effective_min_count = int(description["effective_min_count"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path!r} is damaged: {error}") from None
        return made

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, word: object) -> bool:
        return word in self.key_to_index

    def __iter__(self) -> Iterator[str]:
        return iter(self.index_to_key)

    def __getitem__(self, word: str) -> int:
        try:
            return self.key_to_index[word]
        except KeyError:
            raise KeyError(f"the word {word!r} is not in the vocabulary") from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        totals = (self.corpus_count, self.corpus_total_words) == (other.corpus_count, other.corpus_total_words)
        return totals and self.index_to_key == other.index_to_key and bool(np.array_equal(self.counts, other.counts))

    __hash__ = None  # type: ignore[assignment]  # it can grow

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} words; {self.corpus_total_words:,} in {self.corpus_count:,} sentences)"
