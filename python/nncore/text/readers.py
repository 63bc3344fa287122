"""Readers of text files with gensim's names: iterables of lists of words, which can be read any number of times."""

from __future__ import annotations

import codecs
import io
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

from nncore.text._word2vec_settings import one_of, whole, whole_or_none

Path = str | os.PathLike[str]

_PIECE = 1 << 20  # characters of a line that are split at once
_SPACE = re.compile(r"\s")


def _errors(value: Any) -> str:
    return one_of(value, "unicode_errors", ("strict", "ignore", "replace"))


def _sentences(
    lines: Iterable[Any], name: str, most: int | None, limit: int | None, errors: str
) -> Iterator[list[str]]:
    """The words of each line that has some, in lists of at most `most`."""
    for number, line in enumerate(itertools.islice(lines, limit), 1):
        try:
            text = line if isinstance(line, str) else line.decode("utf-8", errors)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{name}: line {number} is not UTF-8 ({error.reason}): "
                'LineSentence and Text8Corpus take unicode_errors="ignore" or "replace"'
            ) from None
        if most is not None:
            yield from _pieces(text, most)
        elif words := text.split():
            yield words


def _pieces(text: str, most: int) -> Iterator[list[str]]:
    """The words of a line, in lists of `most`; never a list of all of them, as the line may be a whole corpus."""
    words: list[str] = []
    begin = 0
    while begin < len(text):
        space = _SPACE.search(text, begin + _PIECE)
        end = space.start() if space else len(text)
        words += text[begin:end].split()
        begin = end
        whole = len(words) - len(words) % most
        yield from (words[start : start + most] for start in range(0, whole, most))
        del words[:whole]
    if words:
        yield words


class LineSentence:
    r"""Sentences of a text file: a line each, words between white space.

    Unlike gensim's, a line is not cut after 10,000 words unless `max_sentence_length` says so. A line ends with
    a newline (``\n``) only; a line without words is no sentence.

    Parameters
    ----------
    source : str, os.PathLike or file object
        Path of a text file in UTF-8 (.gz, .bz2 and .xz are decompressed), or an open file of text or bytes that can
        ``seek(0)``.
    max_sentence_length : int or None
        Longer lines become several sentences of at most so many words.
    limit : int or None
        Read only so many lines.
    unicode_errors : {"strict", "ignore", "replace"}
        What becomes of bytes that are not UTF-8.

    Raises
    ------
    OSError
        While reading: the file is missing or cannot be read.
    ValueError
        While reading: a line is not UTF-8.

    Examples
    --------
    >>> import io
    >>> list(LineSentence(io.StringIO("the cat sat\n\non the mat\n")))
    [['the', 'cat', 'sat'], ['on', 'the', 'mat']]
    """

    def __init__(
        self,
        source: Any,
        max_sentence_length: int | None = None,
        limit: int | None = None,
        *,
        unicode_errors: str = "strict",
    ) -> None:
        if not (isinstance(source, str | os.PathLike) or hasattr(source, "seek")):
            raise TypeError(f"source must be a path or a file that can seek, but came as {type(source).__name__}")
        self.source = source
        self.max_sentence_length = whole_or_none(max_sentence_length, "max_sentence_length", 1)
        self.limit = whole_or_none(limit, "limit", 0)
        self.unicode_errors = _errors(unicode_errors)

    def __iter__(self) -> Iterator[list[str]]:
        options = (self.max_sentence_length, self.limit, self.unicode_errors)
        if hasattr(self.source, "seek"):
            self.source.seek(0)
            yield from _sentences(self.source, repr(getattr(self.source, "name", self.source)), *options)
        else:
            yield from _file_sentences(self.source, *options)


class PathLineSentences:
    """Sentences of all files of a folder, in the order of their names, each file as `LineSentence` reads it.

    Folders inside it are not read: they are an OSError.

    Parameters
    ----------
    source : str or os.PathLike
        A folder, or a single file.
    max_sentence_length, limit, unicode_errors
        As in `LineSentence`; `limit` is per file.

    Attributes
    ----------
    input_files : list of str
        The files.

    Raises
    ------
    ValueError
        `source` is neither a file nor a folder.
    """

    def __init__(
        self,
        source: Path,
        max_sentence_length: int | None = None,
        limit: int | None = None,
        *,
        unicode_errors: str = "strict",
    ) -> None:
        if not isinstance(source, str | os.PathLike):
            raise TypeError(f"source must be a file or a folder, but came as {type(source).__name__}")
        self.source = os.fspath(source)
        self.max_sentence_length = whole_or_none(max_sentence_length, "max_sentence_length", 1)
        self.limit = whole_or_none(limit, "limit", 0)
        self.unicode_errors = _errors(unicode_errors)
        if os.path.isfile(self.source):
            self.input_files = [self.source]
        elif os.path.isdir(self.source):
            self.input_files = [os.path.join(self.source, name) for name in sorted(os.listdir(self.source))]
        else:
            raise ValueError(f"source must be a file or a folder, but {self.source!r} is neither")

    def __iter__(self) -> Iterator[list[str]]:
        for path in self.input_files:
            yield from _file_sentences(path, self.max_sentence_length, self.limit, self.unicode_errors)


class Text8Corpus:
    """Sentences of a file without sentence marks, such as text8: every so many words are one.

    Parameters
    ----------
    fname : str or os.PathLike
        Path of a text file in UTF-8; .gz, .bz2 and .xz are decompressed.
    max_sentence_length : int
        Words in a sentence; the last may have fewer.
    unicode_errors : {"strict", "ignore", "replace"}
        What becomes of bytes that are not UTF-8.
    """

    def __init__(self, fname: Path, max_sentence_length: int = 10000, *, unicode_errors: str = "strict") -> None:
        self.fname = fname
        self.max_sentence_length = whole(max_sentence_length, "max_sentence_length", 1)
        self.unicode_errors = _errors(unicode_errors)

    def __iter__(self) -> Iterator[list[str]]:
        sentence: list[str] = []
        for words in self._words():
            sentence += words
            whole = len(sentence) - len(sentence) % self.max_sentence_length
            for start in range(0, whole, self.max_sentence_length):
                yield sentence[start : start + self.max_sentence_length]
            del sentence[:whole]
        if sentence:
            yield sentence

    def _words(self) -> Iterator[list[str]]:
        """All words, in lists of some."""
        from nncore.text._sources import open_corpus

        decoder = codecs.getincrementaldecoder("utf-8")(self.unicode_errors)
        rest = ""
        with open_corpus(self.fname) as file:
            while True:
                data = file.read(max(1 << 16, len(rest)))  # ever more of a long word, or it would be copied too often
                try:
                    text = rest + decoder.decode(data, final=not data)
                except UnicodeDecodeError as error:
                    raise ValueError(
                        f"{os.fspath(self.fname)!r} is not UTF-8 ({error.reason}): "
                        'LineSentence and Text8Corpus take unicode_errors="ignore" or "replace"'
                    ) from None
                words = text.split()
                rest = words.pop() if data and words and not text[-1].isspace() else ""
                yield words
                if not data:
                    return


def _file_sentences(path: Path, most: int | None, limit: int | None, errors: str) -> Iterator[list[str]]:
    from nncore.text._sources import open_corpus

    with open_corpus(path) as file:
        lines: Any = io.BufferedReader(file, 1 << 16) if isinstance(file, io.RawIOBase) else file
        yield from _sentences(lines, repr(os.fspath(path)), most, limit, errors)
