"""Counts of the words of a corpus, and the choice of those that a vocabulary keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore.text._sources import Path, Sentences, check_source, files_of, read_blocks
from nncore.text._word2vec_settings import whole, whole_or_none

RULE_DEFAULT = 0
RULE_DISCARD = 1
RULE_KEEP = 2

Counts = NDArray[np.int64]
TrimRule = Callable[[str, int, int], Any]
Progress = Callable[[int, int], object]


class RawCounts:
    """All words of a corpus in the order of their first sight.

    Attributes
    ----------
    counts : int64 array (n_words,)
        How often each came.
    sentences : int
        Sentences read; a line without words is none, an empty list is one.
    raw_words : int
        Words read.
    """

    def __init__(self, counter: _core.WordCounter) -> None:
        self._counter = counter
        self.counts: Counts = counter.counts()
        self.sentences = int(counter.sentences)
        self.raw_words = int(counter.raw_words)

    def __len__(self) -> int:
        return len(self.counts)

    def words(self, at: Counts | None = None) -> list[str]:
        """All words, or those at these places."""
        return list(self._counter.words(at))

    def as_dict(self) -> dict[str, int]:
        """Words and their counts, as gensim's ``raw_vocab``."""
        return dict(zip(self.words(), self.counts.tolist(), strict=True))


@dataclass(frozen=True)
class Kept:
    """Words that are kept: their places among the raw words, and the least count that they needed."""

    at: Counts
    effective_min_count: int


def count_words(
    sentences: Sentences | None = None,
    corpus_file: Path | None = None,
    *,
    max_vocab_size: int | None = None,
    trim_rule: TrimRule | None = None,
    unicode_errors: str | None = None,
    progress: Progress | None = None,
) -> RawCounts:
    """Count the words of a corpus.

    Parameters
    ----------
    sentences, corpus_file : iterable of lists of str, path
        The corpus: one of the two. A file has a sentence per line; .gz, .bz2 and .xz are decompressed.
    max_vocab_size : int or None
        With more different words than this, the rarest are forgotten while counting, first those that came once, then
        twice, and so on, as gensim does: after each sentence of an iterable, after each block of 4 MB of a file.
    trim_rule : callable or None
        ``trim_rule(word, count, min_count)`` as in `select`; here for what is forgotten while counting.
    unicode_errors : {"strict", "ignore", "replace"} or None
        What becomes of bytes that are not UTF-8. None: the reader's own, else "strict".
    progress : callable or None
        Is called with the numbers of sentences and of words so far, several times a second.

    Raises
    ------
    TypeError
        As in `check_source`, or a word is no str.
    ValueError
        The file is not UTF-8, or a word has a lone surrogate.
    """
    check_source(sentences, corpus_file)
    if trim_rule is not None and not callable(trim_rule):
        raise TypeError(f"trim_rule must be a function, but is {trim_rule!r}")
    max_vocab_size = whole_or_none(max_vocab_size, "max_vocab_size", 1)
    counter = _core.WordCounter(errors_of(sentences, unicode_errors))
    pruning = _Pruning(counter, max_vocab_size, trim_rule)

    def after() -> None:
        pruning.run()
        if progress is not None:
            progress(counter.sentences, counter.raw_words)

    def add(text: memoryview, last: bool) -> int:
        used = counter.add_text(text, last)
        after()
        return used

    files = files_of(sentences, corpus_file)
    if files is not None:
        pruning.to_the_limit = True
        for path in files:
            read_blocks(path, add)
    else:
        assert sentences is not None
        stream = _core.SentenceStream(sentences)
        while counter.add_sentences(stream, pruning.most):
            after()
    return RawCounts(counter)


def errors_of(sentences: Any, unicode_errors: str | None) -> str:
    """What becomes of bad UTF-8: as said, else as the reader of the sentences has it."""
    return unicode_errors or getattr(sentences, "unicode_errors", None) or "strict"


class _Pruning:
    """Forgets rare words when there are too many."""

    def __init__(self, counter: _core.WordCounter, most: int | None, trim_rule: TrimRule | None) -> None:
        self.most = most
        self.to_the_limit = False  # else, as gensim, one step for each sentence that is one too many
        self._counter, self._rule, self._least = counter, trim_rule, 1

    def run(self) -> None:
        while self.most is not None and len(self._counter) > self.most:
            if self._rule is None:
                self._counter.prune(self._least)
            else:
                self._counter.keep(_obeying(self._counter.words(), self._counter.counts(), self._least, self._rule))
            self._least += 1
            if not self.to_the_limit or self._rule is not None:
                return


def select(
    raw: RawCounts, min_count: int = 1, max_final_vocab: int | None = None, trim_rule: TrimRule | None = None
) -> Kept:
    """Choose the words that a vocabulary keeps.

    Parameters
    ----------
    raw : RawCounts
        The corpus's words.
    min_count : int
        Words that came less often are left out.
    max_final_vocab : int or None
        Raises `min_count` until at most so many words are left (fewer where several have the same count).
    trim_rule : callable or None
        ``trim_rule(word, count, min_count)`` returns 2 (keep), 1 (discard) or 0 or None (as `min_count` says),
        gensim's ``RULE_KEEP``, ``RULE_DISCARD`` and ``RULE_DEFAULT``.

    Returns
    -------
    Kept
        In the order of the first sight.
    """
    least = max(whole(min_count, "min_count", -(2**63)), 0)
    max_final_vocab = whole_or_none(max_final_vocab, "max_final_vocab", 1)
    if max_final_vocab is not None and max_final_vocab < len(raw):
        border = len(raw) - max_final_vocab - 1
        least = max(least, int(np.partition(raw.counts, border)[border]) + 1)
    keep = raw.counts >= least if trim_rule is None else _obeying(raw.words(), raw.counts, least, trim_rule)
    return Kept(np.flatnonzero(keep), least)


def by_frequency(counts: Counts, at: Counts) -> Counts:
    """Places `at`, most frequent first; equally frequent ones stay in their order."""
    return at[np.argsort(-counts[at], kind="stable")]


def _obeying(words: list[str], counts: Counts, least: int, rule: TrimRule) -> NDArray[np.bool_]:
    def keeps(word: str, count: int) -> bool:
        answer = rule(word, count, least)
        if answer not in (None, RULE_DEFAULT, RULE_DISCARD, RULE_KEEP):
            raise ValueError(
                f"trim_rule must return RULE_DEFAULT, RULE_DISCARD or RULE_KEEP (0, 1 or 2), but for {word!r} it "
                f"returned {answer!r}"
            )
        return bool(answer == RULE_KEEP or (answer != RULE_DISCARD and count >= least))

    pairs = zip(words, counts.tolist(), strict=True)
    return np.fromiter((keeps(word, count) for word, count in pairs), bool, len(words))
