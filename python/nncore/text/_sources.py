"""Where a corpus comes from: an iterable of lists of words, or a file with a sentence per line."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, cast

from nncore.text.readers import LineSentence, PathLineSentences

Path = str | os.PathLike[str]
Sentences = Iterable[Iterable[str]]

# Bytes read at once: some tens of milliseconds of work, small beside the tables of words.
BLOCK = 1 << 22

_COMPRESSED: dict[str, Callable[[str], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def check_source(sentences: Any, corpus_file: Any, passes: int = 1, name: str = "sentences") -> None:
    """Refuse what is not one corpus.

    Parameters
    ----------
    sentences, corpus_file : iterable of lists of str, path
        Exactly one of them is not None.
    passes : int
        How often the corpus will be read.
    name : str
        What the user knows `sentences` as.

    Raises
    ------
    TypeError
        None or both are given, `sentences` is a str or no iterable, or an iterator, which can be read once, though
        there will be several passes; `corpus_file` is no path.
    """
    if (sentences is None) == (corpus_file is None):
        given = "none" if sentences is None else "both"
        raise TypeError(f"one of {name} and corpus_file must be given, but {given} came")
    if corpus_file is not None:
        if not isinstance(corpus_file, str | os.PathLike):
            raise TypeError(f"corpus_file must be a path, but came as {type(corpus_file).__name__}")
        return
    if isinstance(sentences, str | bytes):
        raise TypeError(
            f"{name} must be an iterable of lists of str, but came as {type(sentences).__name__}: "
            "the path of a file is given as corpus_file"
        )
    if not isinstance(sentences, Iterable):
        raise TypeError(f"{name} must be an iterable of lists of str, but came as {type(sentences).__name__}")
    if passes > 1 and isinstance(sentences, Iterator):
        raise TypeError(
            f"{name} came as a {type(sentences).__name__}, which can be read once, but {passes} passes are needed: "
            "give a list, or an object whose __iter__ begins anew"
        )


def files_of(sentences: Any, corpus_file: Path | None) -> list[str] | None:
    """The files whose lines are the corpus; None where it must be read sentence by sentence."""
    if corpus_file is not None:
        return [os.fspath(corpus_file)]
    # Exactly these classes: one derived from them may change what the sentences are.
    if type(sentences) not in (LineSentence, PathLineSentences):
        return None
    if sentences.max_sentence_length is not None or sentences.limit is not None:
        return None
    if type(sentences) is PathLineSentences:
        return list(sentences.input_files)
    return [os.fspath(sentences.source)] if isinstance(sentences.source, str | os.PathLike) else None


def open_corpus(path: Path) -> BinaryIO:
    """A file for reading, decompressed when its name ends in .gz, .bz2 or .xz."""
    name = os.fspath(path)
    opener = _COMPRESSED.get(os.path.splitext(name)[1].lower())
    return cast(BinaryIO, opener(name) if opener else io.FileIO(name))


def read_blocks(path: Path, add: Callable[[memoryview, bool], int]) -> None:
    """Read a file block by block.

    Parameters
    ----------
    path : str or os.PathLike
        The file; .gz, .bz2 and .xz are decompressed.
    add : callable
        Is given bytes, and whether they are the last, and returns how many of them it has used. The others come again.

    Raises
    ------
    OSError
        From the system: the file is missing, say.
    ValueError
        The file is damaged, or `add` refused its text. The message names `path`.
    """
    name = os.fspath(path)
    buffer, filled = memoryview(bytearray(BLOCK)), 0
    try:
        with open_corpus(name) as file:
            while True:
                if filled > len(buffer) // 2:  # a long word: in buffers twice as large its bytes are moved few times
                    larger = memoryview(bytearray(2 * len(buffer)))
                    larger[:filled] = buffer[:filled]
                    buffer = larger
                read = _read_into(file, buffer[filled:])
                last = filled + read < len(buffer)
                filled += read
                used = add(buffer[:filled], last)
                if last:
                    return
                buffer[: filled - used] = buffer[used:filled]
                filled -= used
    except (ValueError, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's; the others are about what is in the file
        raise ValueError(f"{name!r}: {error}") from None


def _read_into(file: BinaryIO, to: memoryview) -> int:
    """Fill `to` as far as the file goes."""
    done = 0
    while done < len(to):
        read = cast(io.RawIOBase, file).readinto(to[done:])
        if not read:
            break
        done += read
    return done
