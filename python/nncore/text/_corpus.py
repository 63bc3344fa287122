"""A corpus as numbers: read once, then trained on any number of times."""

from __future__ import annotations

import mmap
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore.text._counting import Progress, errors_of
from nncore.text._sources import BLOCK, Path, Sentences, check_source, files_of, read_blocks

Ids = NDArray[np.int32]

IDS_IN_MEMORY = 1 << 25  # bytes, where the caller does not say
_STEP = 1 << 20  # ids of a call, for lists of words


class HasWords(Protocol):
    """A vocabulary, or anything that lists its words."""

    @property
    def index_to_key(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class EncodedCorpus:
    """Ids of the words of a corpus.

    Attributes
    ----------
    ids : int32 array (words + sentences,)
        The id of each word in the vocabulary; -1 ends each sentence, the last too. In memory, or a file mapped to it.
    sentences : int
        Sentences, those without a word of the vocabulary included.
    words : int
        Words that are in the vocabulary.
    raw_words : int
        Words read.
    """

    ids: Ids
    sentences: int
    words: int
    raw_words: int

    def checksum(self) -> int:
        """CRC-32 of the ids."""
        checksum = 0
        for begin in range(0, len(self.ids), _STEP):
            checksum = zlib.crc32(np.ascontiguousarray(self.ids[begin : begin + _STEP]).data, checksum)
            self.let_go()
        return checksum

    @property
    def is_mapped(self) -> bool:
        """Whether the ids lie in a file."""
        return isinstance(self.ids, np.memmap)

    def let_go(self) -> None:
        """Give the memory of mapped ids back to the system, which reads them again when they are used."""
        if self.is_mapped and hasattr(mmap, "MADV_DONTNEED"):
            self.ids._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def encode(
    vocabulary: HasWords,
    sentences: Sentences | None = None,
    corpus_file: Path | None = None,
    memory_limit: int | None = None,
    *,
    unicode_errors: str | None = None,
    progress: Progress | None = None,
) -> EncodedCorpus:
    """Turn a corpus into ids.

    Parameters
    ----------
    vocabulary : object with index_to_key
        Words by their ids; words that are not in it are left out.
    sentences, corpus_file, unicode_errors, progress
        As in `count_words`.
    memory_limit : int or None
        Bytes that the ids may take in memory. More of them go to a temporary file without a name, in the folder that
        `tempfile.gettempdir` says (``TMPDIR``), which goes away with the array. None: 32 MiB, but all stay in memory
        where such a file cannot be written.

    Raises
    ------
    TypeError, ValueError, OSError
        As in `count_words`; the disk of the temporary file is full.
    """
    check_source(sentences, corpus_file)
    if memory_limit is not None and memory_limit < 0:
        raise ValueError(f"memory_limit must be at least 0 bytes, but came as {memory_limit}")
    encoder = _core.WordEncoder(list(vocabulary.index_to_key), errors_of(sentences, unicode_errors))
    sink = _Sink(_expected(vocabulary), memory_limit)
    files = files_of(sentences, corpus_file)
    scratch = np.empty(_STEP if files is None else BLOCK + 1, np.int32)

    def report() -> None:
        if progress is not None:
            progress(encoder.sentences, encoder.raw_words)

    def add(text: memoryview, last: bool) -> int:
        nonlocal scratch
        if len(scratch) <= len(text):
            scratch = np.empty(len(text) + 1, np.int32)
        used, written = encoder.add_text(text, last, scratch)
        sink.append(scratch[:written])
        report()
        return int(used)

    if files is not None:
        for path in files:
            read_blocks(path, add)
    else:
        assert sentences is not None
        stream, more = _core.SentenceStream(sentences), True
        while more:
            more, written = encoder.add_sentences(stream, scratch)
            sink.append(scratch[:written])
            report()
    ids = sink.finish()
    return EncodedCorpus(ids, int(encoder.sentences), len(ids) - int(encoder.sentences), int(encoder.raw_words))


def _expected(vocabulary: Any) -> int:
    """How many ids there will be when it is the vocabulary's own corpus."""
    counts, count = getattr(vocabulary, "counts", None), getattr(vocabulary, "corpus_count", None)
    return 0 if counts is None or count is None else int(np.sum(counts)) + int(count)


def _nameless() -> Any:
    return tempfile.TemporaryFile(prefix="nncore-", buffering=0)


class _Sink:
    """Takes ids in pieces, into an array that grows in its place, or, beyond a limit, into a file.

    Where the caller has set no limit and the file cannot be written, all stays in memory.
    """

    def __init__(self, expected: int, memory_limit: int | None) -> None:
        self._must_spill = memory_limit is not None
        self._most = (IDS_IN_MEMORY if memory_limit is None else memory_limit) // 4
        self._file: Any = None
        self._count = 0
        self._ids = np.empty(0, np.int32)
        if expected <= self._most or not self._spill():
            self._ids = np.empty(expected, np.int32)  # of which memory is taken as it is written to

    def append(self, ids: Ids) -> None:
        end = self._count + len(ids)
        if end > self._most and self._file is None:
            self._spill()
        if self._file is None or not self._write(ids):
            self._keep(ids, end)
        self._count = end

    def finish(self) -> Ids:
        if self._file is None:
            self._ids.resize(self._count, refcheck=False)
            return self._ids
        with self._file:
            return np.memmap(self._file, np.int32, "r", shape=(self._count,)) if self._count else self._ids

    def _keep(self, ids: Ids, end: int) -> None:
        if end > len(self._ids):
            # Larger blocks are moved by the system without a copy.
            self._ids.resize(max(end, len(self._ids) + len(self._ids) // 2, _STEP), refcheck=False)
        self._ids[self._count : end] = ids

    def _spill(self) -> bool:
        """Whether what came so far is in a file now."""
        try:
            self._file = _nameless()
        except OSError:
            if self._must_spill:
                raise
            self._most = 2**62
            return False
        if not self._write(self._ids[: self._count]):
            return False
        self._ids = np.empty(0, np.int32)
        return True

    def _write(self, ids: Ids) -> bool:
        """Whether the ids are in the file; if not, those before them are in memory again."""
        rest = ids.data.cast("B")
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            file, self._file = self._file, None
            with file:
                if self._must_spill:
                    raise
                if len(self._ids) < self._count:
                    file.seek(0)
                    self._ids = np.fromfile(file, np.int32, self._count)
            self._most = 2**62
            return False
        return True
