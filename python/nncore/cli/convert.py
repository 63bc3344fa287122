"""``nncore convert``: word vectors from one file format into another."""

from __future__ import annotations

import argparse
import codecs
import os
import sys
import warnings
from pathlib import Path
from typing import Any

FORMATS = {
    "text": "word2vec's text, also fastText's .vec",
    "binary": "word2vec's binary",
    "glove": "text without a header, as GloVe writes it",
    "nncore": "nncore's own (safetensors), of vectors or of a whole Word2Vec",
}
_SUFFIXES = {".txt": "text", ".vec": "text", ".bin": "binary", ".glove": "glove"}
_SUFFIXES |= dict.fromkeys((".safetensors", ".nncore", ".kv"), "nncore")
_LOOK = 1 << 20  # bytes by which a file is recognised


def add_to(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "convert",
        help="convert word vectors from one file format into another",
        description="Convert a file of word vectors. The input's format is seen from how it begins, the output's from "
        "its name (.txt, .vec: text; .bin: binary; .glove; .safetensors, .nncore, .kv: nncore); names that end in .gz, "
        ".bz2 or .xz are compressed.",
        epilog="formats: " + "; ".join(f"{name}: {meaning}" for name, meaning in FORMATS.items()),
    )
    parser.add_argument("input", metavar="IN", help="the file to read")
    parser.add_argument("output", metavar="OUT", help="the file to write")
    parser.add_argument("--from", dest="source", choices=FORMATS, help="the format of IN")
    parser.add_argument("--to", dest="target", choices=FORMATS, help="the format of OUT")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N words")
    parser.add_argument("--encoding", default="utf8", help="that of the words in IN (default: utf8)")
    parser.add_argument(
        "--unicode-errors",
        choices=("strict", "ignore", "replace"),
        default="strict",
        help="what to do with words that are not in this encoding (default: strict)",
    )
    parser.add_argument("--tolerant", action="store_true", help="leave out what is damaged, and say so")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Read, write, and say what was done."""
    from nncore.cli.files import check_writable

    source = arguments.source or guess_input(arguments.input)
    target = arguments.target or guess_output(arguments.output)
    if arguments.limit is not None and arguments.limit < 1:
        raise ValueError(f"--limit must be at least 1, but is {arguments.limit}")
    check_writable(Path(arguments.output))
    if Path(arguments.output).exists() and Path(arguments.output).samefile(arguments.input):
        raise ValueError(f"{arguments.output}: OUT must be another file than IN")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        vectors = _read(arguments, source)
    for warning in told:
        print(f"nncore: {' '.join(str(warning.message).split())}", file=sys.stderr)
    if target == "nncore":
        vectors.save(arguments.output)
    else:
        vectors.save_word2vec_format(arguments.output, binary=target == "binary", write_header=target != "glove")
    print(f"saved {arguments.output} ({target}): {len(vectors):,} words of {vectors.vector_size} dimensions")


def guess_input(path: str) -> str:
    """Format of a file, by how it begins.

    Raises
    ------
    ValueError
        It is a file of Python objects, which may run code when it is read.
    """
    from nncore.text._open import is_compressed, reading

    with reading(path) as file:
        begin = file.read(_LOOK).removeprefix(codecs.BOM_UTF8)
    if begin[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") or begin.startswith(b"PK"):
        raise ValueError(
            f"{path}: a file of pickled Python objects, as gensim's save() makes it: load it with gensim, and save the "
            "vectors with save_word2vec_format"
        )
    size = 0 if is_compressed(path) else os.path.getsize(path)
    if begin[8:9] == b"{" and int.from_bytes(begin[:8], "little") <= size - 8:
        return "nncore"
    header, _, rest = begin.partition(b"\n")
    fields = header.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return "text" if b"\0" in header or not _is_row(header, None) else "glove"
    lines = rest.lstrip().split(b"\n", 1)
    cut = len(lines) < 2 and len(begin) == _LOOK
    row = _is_row(lines[0], int(fields[1])) or (_is_text(lines[0]) and _is_row(lines[0], None))  # the header may lie
    return "text" if cut or not lines[0] or row else "binary"


def guess_output(path: str) -> str:
    """Format for a file, by its name.

    Raises
    ------
    ValueError
        The name does not tell.
    """
    suffixes = [suffix for suffix in Path(path).suffixes if suffix not in (".gz", ".bz2", ".xz")]
    found = _SUFFIXES.get(suffixes[-1].lower()) if suffixes else None
    if found is None:
        raise ValueError(f"{path}: the name does not tell the format; give --to one of {', '.join(FORMATS)}")
    return found


def _is_text(line: bytes) -> bool:
    """Whether a line is UTF-8 without characters that do not show."""
    try:
        return line.decode().strip().isprintable()
    except UnicodeDecodeError:
        return False


def _is_row(line: bytes, dimensions: int | None) -> bool:
    """Whether a line ends in so many numbers, or in any."""
    fields = line.split()
    try:
        numbers = [float(field) for field in fields[-(dimensions or 1) :]]
    except ValueError:
        return False
    return len(fields) > 1 and (dimensions is None or len(numbers) == dimensions)


def _read_own(path: str) -> Any:
    """Vectors that were saved, or those of a model that was."""
    from nncore._files import kind_of
    from nncore.text import KeyedVectors, Word2Vec

    return Word2Vec.load(path).wv if kind_of(path) == "Word2Vec" else KeyedVectors.load(path, mmap=True)


def _read(arguments: argparse.Namespace, source: str) -> Any:
    from nncore.text import KeyedVectors

    if source == "nncore":
        vectors = _read_own(arguments.input)
        if arguments.limit is not None:
            vectors = vectors.vectors_for_all(vectors.index_to_key[: arguments.limit], copy_vecattrs=True)
        return vectors
    try:
        return KeyedVectors.load_word2vec_format(
            arguments.input,
            binary=source == "binary",
            encoding=arguments.encoding,
            unicode_errors=arguments.unicode_errors,
            limit=arguments.limit,
            no_header=source == "glove",
            tolerant=arguments.tolerant,
        )
    except LookupError as error:  # of an encoding that Python does not have
        raise ValueError(f"--encoding: {error.args[0]}") from None
