from __future__ import annotations

import codecs
import os
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np

from nncore import _core

from ._open import is_compressed, reading
from ._vector_table import Array

Path = str | os.PathLike[str]

_BLOCK = 4 << 20  # bytes that are read at a time: they stay in a cache, and Ctrl-C has its turn between two
_LONGEST = 1 << 28  # bytes of a line or a record: what has no end here is no file of vectors
_MOST_DIMENSIONS = 1 << 24
_SAMPLE = 1000  # lines that tell a tolerant reader the dimensions
_FASTTEXT = (793712314).to_bytes(4, "little")  # what its model files begin with


@dataclass
class Format:
    """How a file is to be read."""

    binary: bool = False
    header: bool = True
    encoding: str = "utf8"
    errors: str = "strict"
    tolerant: bool = False
    limit: int | None = None
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float32))


def read(path: Path, how: Format) -> tuple[list[str], Array, int]:
    """Words, vectors, and the number of words that the header (or the limit) promised.

    Raises
    ------
    ValueError
        The file is not what `how` says, or damaged; the message has its name and the line or byte.
    OSError
        It cannot be read.
    """
    name = os.fspath(path)
    try:
        with reading(path) as file:
            return _Reader(file, how, None if is_compressed(path) else os.fstat(file.fileno()).st_size).read()
    except ValueError as error:
        text = str(error)
        if text.startswith(repr(name)):
            raise
        raise ValueError(f"{name!r}{', ' if text.startswith(('line ', 'byte ')) else ': '}{text}") from None


class _WrongHeader(ValueError):
    """The first line is not what it must be, though others may be."""


class _Reader:
    """A file that is read block by block into an array that grows no faster than the file shows it must."""

    def __init__(self, file: IO[bytes], how: Format, size: int | None) -> None:
        self.file, self.how, self.size = file, how, size
        self.buffer = bytearray(_BLOCK)
        self.begin = self.end = 0  # of what was read and not used
        self.ended = False
        self.bytes, self.line = 0, 1  # where `begin` is in the file
        self.skipped, self.problem = 0, ""

    def read(self) -> tuple[list[str], Array, int]:
        self.fill()
        if bytes(self.buffer[:3]) == codecs.BOM_UTF8:
            self.use(3, 0)
        promised, dimensions = self.begin_text() if self.how.tolerant and not self.how.binary else self.begin_strictly()
        count = self.plausible(promised, dimensions)
        limited = self.how.limit is not None and (count is None or self.how.limit < count)
        if limited:
            assert self.how.limit is not None
            count = self.how.limit if count is None else min(count, self.how.limit)
        words: list[str] = []
        # Half precision is rounded once, from double.
        kind = np.dtype(np.float32 if self.how.binary or self.how.dtype == np.float32 else np.float64)
        rows = np.empty((self.room(count, dimensions), dimensions), kind)
        while count is None or len(words) < count:
            if len(words) == len(rows):
                rows = _resized(rows, min(count or 2 * len(rows), 2 * len(rows)))
            found, used = self.next_rows(rows[len(words) :])
            words += found
            if not used and not self.fill():
                break
        rows = _resized(rows, len(words))
        self.check_end(len(words), promised, limited)
        if self.skipped:
            _warn(f"left out {self.skipped} of the file's vectors; the first: {self.problem}")
        told = len(words) if promised is None or self.how.tolerant else promised
        return words, rows.astype(self.how.dtype, copy=False), min(told, self.how.limit or told)

    def next_rows(self, rows: Array) -> tuple[list[str], int]:
        """Words whose vectors now stand in the first rows, and how many bytes that took."""
        how, block = self.how, memoryview(self.buffer)[self.begin : self.end]
        if how.binary:
            words, used, lines, skipped, problem = _core.read_binary_vectors(
                block, self.bytes, how.tolerant, how.encoding, how.errors, rows
            )
        else:
            words, used, lines, skipped, problem = _core.read_text_vectors(
                block, self.ended, self.line, how.tolerant, how.encoding, how.errors, rows
            )
        self.use(used, lines)
        self.problem = self.problem or problem
        self.skipped += skipped
        return words, used

    def use(self, count: int, lines: int) -> None:
        self.begin += count
        self.bytes += count
        self.line += lines

    def fill(self) -> bool:
        """Read on; False when there is nothing more that could be used."""
        if self.ended:
            return False
        rest = self.buffer[self.begin : self.end]
        if len(rest) == len(self.buffer):
            if len(rest) >= _LONGEST:
                place = f"byte {self.bytes}" if self.how.binary else f"line {self.line}"
                raise ValueError(f"{place}: no vector ends within {_LONGEST} bytes from here")
            self.buffer = bytearray(2 * len(rest))
        self.buffer[: len(rest)] = rest
        self.begin, self.end = 0, len(rest)
        with memoryview(self.buffer) as view:
            while self.end < len(self.buffer):
                got: int = self.file.readinto(view[self.end :])  # type: ignore[attr-defined]
                if not got:
                    self.ended = True
                    break
                self.end += got
        return True

    def first_line(self) -> bytes:
        while True:
            at = self.buffer.find(b"\n", self.begin, self.end)
            if at >= 0:
                return bytes(self.buffer[self.begin : at])
            if not self.fill():
                return bytes(self.buffer[self.begin : self.end])

    def begin_strictly(self) -> tuple[int | None, int]:
        """Words, where there is a header, and dimensions, as the first line has them."""
        return self.header() if self.how.header else (None, self.first_dimensions())

    def begin_text(self) -> tuple[int | None, int]:
        """The same of a text whose first line may be wrong: the dimensions are those of most of the first vectors."""
        promised, dimensions, problem = None, 0, ""
        try:
            promised, dimensions = self.begin_strictly()
        except _WrongHeader as error:
            problem = str(error)
        found = self.usual_dimensions(dimensions)
        if promised is not None and found != dimensions:
            problem = f"the header promises {dimensions} dimensions, but the vectors have {found}"
        if problem:
            _warn(problem if problem.startswith("line ") else f"line 1: {problem}")
        return promised, found

    def usual_dimensions(self, told: int) -> int:
        """Numbers at the end of most of the lines that are in the buffer; `told` where as many have so many."""
        self.first_line()
        counts = Counter(
            min(_numbers_at_the_end(line), len(line) - 1)
            for line in map(bytes.split, bytes(self.buffer[self.begin : self.end]).split(b"\n", _SAMPLE)[:_SAMPLE])
            if len(line) > 1
        )
        del counts[0]
        found = max(counts, key=lambda count: (counts[count], count == told), default=0)
        if not found and not told:
            raise ValueError("line 1: no vector is in the first lines")
        return found or told

    def header(self) -> tuple[int, int]:
        line = self.first_line()
        fields = line[:256].split()
        try:
            if len(fields) != 2 or len(line) > 256:
                raise ValueError
            count, dimensions = (int(part.decode("ascii")) for part in fields)
        except ValueError:  # of the first line, whether it is short or another thing
            self.refuse_models()
            advice = "" if self.how.binary else "; a file without header, as GloVe's, is read with no_header=True"
            raise _WrongHeader(
                f"line 1: the header must be the numbers of words and of dimensions, but is {line[:40]!r}{advice}"
            ) from None
        if count < 0 or not 0 < dimensions <= _MOST_DIMENSIONS:
            raise _WrongHeader(f"line 1: the header promises {count} words of {dimensions} dimensions, which cannot be")
        self.use(min(len(line) + 1, self.end - self.begin), 1)
        return count, dimensions

    def first_dimensions(self) -> int:
        self.refuse_models()
        line = self.first_line()
        fields = len(line.split())
        if not 2 <= fields <= _MOST_DIMENSIONS:
            raise _WrongHeader(f"line 1: a word and its numbers are due, but it is {line[:40]!r}")
        return fields - 1

    def refuse_models(self) -> None:
        """Say what a file is that begins with no text."""
        begin = bytes(self.buffer[: min(64, self.end)])
        advice = "a fastText model (.bin) with vectors of parts of words, which nncore does not read: use fastText or "
        advice += "gensim, or the file .vec that fastText writes beside it"
        if begin.startswith(_FASTTEXT):
            raise ValueError(f"is {advice}")
        if begin[8:10] == b'{"':
            raise ValueError("is a safetensors file: those of nncore are read by KeyedVectors.load and Word2Vec.load")
        if b"\0" in begin:
            raise ValueError(f"line 1: binary data and no header; perhaps {advice}")

    def plausible(self, promised: int | None, dimensions: int) -> int | None:
        """How many words to read: what the header promised, unless the file is too small for that."""
        if promised is None or self.size is None:
            return promised
        left = self.size - self.bytes
        # A word may be empty, and the last line may lack its newline.
        most = left // (1 + 4 * dimensions) if self.how.binary else (left + 1) // (1 + 2 * dimensions)
        if self.how.tolerant:
            return None
        if promised > most:
            raise ValueError(
                f"line 1: the header promises {promised} words of {dimensions} dimensions, but the {left} bytes after "
                f"it hold {most} at most"
            )
        return promised

    def room(self, count: int | None, dimensions: int) -> int:
        """Rows to begin with."""
        if count is not None and self.size is not None:
            return count
        few = max(1, _BLOCK // (4 * dimensions))
        lines = self.buffer.count(b"\n", self.begin, self.end)
        if self.size is None or self.how.binary or not lines:
            return few if count is None else min(count, few)
        # Memory that is not touched costs nothing, and what is left over goes back.
        return max(few, int(1.2 * self.size / (self.end - self.begin) * lines))

    def check_end(self, found: int, promised: int | None, limited: bool) -> None:
        """Compare the end of the file with what the header promised."""
        if promised is None or (limited and found == self.how.limit):
            return
        place = f"byte {self.bytes}" if self.how.binary else f"line {self.line}"
        if found + self.skipped < promised:
            text = f"{place}: the header promises {promised} words, but the file ends after {found + self.skipped}"
            if not self.how.tolerant:
                raise ValueError(text)
            _warn(text)
        elif found + self.skipped > promised:
            _warn(f"the header promises {promised} words, but the file has {found + self.skipped}")
        elif not self.at_end():
            raise ValueError(f"{place}: the header promises {promised} words, but the file goes on after them")

    def at_end(self) -> bool:
        """Whether nothing but spaces is left."""
        while True:
            rest = bytes(self.buffer[self.begin : self.end])
            if rest.strip():
                return False
            self.use(len(rest), rest.count(b"\n"))
            if not self.fill():
                return True


def _numbers_at_the_end(fields: list[bytes]) -> int:
    for count, field_ in enumerate(reversed(fields)):
        try:
            float(field_)
        except ValueError:
            return count
    return len(fields)


def _resized(rows: Array, count: int) -> Array:
    """The array with another number of rows; in place where the system can."""
    if count != len(rows):
        rows.resize((count, rows.shape[1]), refcheck=False)  # the only view of it is gone
    return rows


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=5)
