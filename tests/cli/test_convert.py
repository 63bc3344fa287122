from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nncore.cli import main
from nncore.cli.convert import guess_input
from nncore.text import KeyedVectors, Word2Vec

ROWS = np.random.default_rng(0).standard_normal((20, 6)).astype(np.float32)
NAMES = {"text": "v.txt", "binary": "v.bin", "glove": "v.glove", "nncore": "v.safetensors"}


@pytest.fixture
def vectors() -> KeyedVectors:
    return KeyedVectors.from_arrays([f"wörd{index}" for index in range(20)], ROWS, range(20, 0, -1))


def made(vectors: KeyedVectors, path: Path, kind: str) -> str:
    if kind == "nncore":
        vectors.save(path)
    else:
        vectors.save_word2vec_format(path, binary=kind == "binary", write_header=kind != "glove")
    return str(path)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on standard error of a command that the user must change."""
    assert main(["convert", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("nncore: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_every_format_becomes_every_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], vectors: KeyedVectors, source: str, target: str
) -> None:
    first = made(vectors, tmp_path / "in", source)
    second = tmp_path / NAMES[target]
    assert guess_input(first) == source
    assert main(["convert", first, str(second)]) == 0
    assert capsys.readouterr() == (f"saved {second} ({target}): 20 words of 6 dimensions\n", "")
    third = tmp_path / "back"
    assert main(["convert", str(second), str(third), "--to", "nncore"]) == 0
    assert guess_input(str(second)) == target
    back = KeyedVectors.load(third)
    assert back.index_to_key == vectors.index_to_key
    assert_array_equal(back.vectors, ROWS)


def test_the_vectors_of_a_saved_model(tmp_path: Path) -> None:
    model = Word2Vec([["a", "b", "c"]] * 5, vector_size=4, min_count=1, epochs=1)
    model.save(tmp_path / "model")
    assert main(["convert", str(tmp_path / "model"), str(tmp_path / "v.bin")]) == 0
    assert_array_equal(KeyedVectors.load_word2vec_format(tmp_path / "v.bin", binary=True).vectors, model.wv.vectors)


@pytest.mark.parametrize("kind", ["text", "glove"])
def test_a_byte_order_mark_is_no_part_of_a_word(tmp_path: Path, vectors: KeyedVectors, kind: str) -> None:
    marked = tmp_path / "marked"
    marked.write_bytes(codecs.BOM_UTF8 + Path(made(vectors, tmp_path / "in", kind)).read_bytes())
    assert main(["convert", str(marked), str(tmp_path / "v.safetensors")]) == 0
    assert KeyedVectors.load(tmp_path / "v.safetensors").index_to_key == vectors.index_to_key


def test_compressed_files_and_limits(tmp_path: Path, vectors: KeyedVectors) -> None:
    packed = tmp_path / "v.vec.gz"
    assert main(["convert", made(vectors, tmp_path / "in", "binary"), str(packed), "--limit", "3"]) == 0
    with gzip.open(packed) as file:
        assert file.readline() == b"3 6\n"
    assert main(["convert", str(packed), str(tmp_path / "v.kv"), "--limit", "2"]) == 0
    assert main(["convert", str(tmp_path / "v.kv"), str(tmp_path / "v.txt"), "--limit", "1"]) == 0
    assert (tmp_path / "v.txt").read_text().startswith("1 6\nwörd0 ")


def test_what_is_damaged_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, output = tmp_path / "in.txt", tmp_path / "out.txt"
    path.write_bytes(b"3 2\na 1 2\nb 1\nc\xff 3 4\n")
    assert "in.txt', line 3: 2 numbers are due" in refused(capsys, path, output)
    assert not output.exists()
    assert main(["convert", str(path), str(output), "--tolerant", "--unicode-errors", "ignore"]) == 0
    shown = capsys.readouterr()
    assert shown.err == (
        "nncore: left out 1 of the file's vectors; the first: line 3: 2 numbers are due after the word, but there are 1"
        "\n"
    )
    assert output.read_text() == "2 2\na 1 2\nc 3 4\n"


def test_what_the_user_must_change(tmp_path: Path, capsys: pytest.CaptureFixture[str], vectors: KeyedVectors) -> None:
    text = made(vectors, tmp_path / "in.txt", "text")
    assert "none: No such file" in refused(capsys, tmp_path / "none", tmp_path / "out.txt")
    assert "give --to one of text, binary, glove, nncore" in refused(capsys, text, tmp_path / "out")
    assert "missing: No such file or directory" in refused(capsys, text, tmp_path / "missing" / "out.txt")
    assert "--limit must be at least 1" in refused(capsys, text, tmp_path / "out.txt", "--limit", "0")
    assert "unknown encoding" in refused(capsys, text, tmp_path / "out.txt", "--encoding", "latin-99")
    assert "OUT must be another file than IN" in refused(capsys, text, text)
    assert "line 2" in refused(capsys, text, tmp_path / "out.txt", "--from", "glove")
    pickled = tmp_path / "model"
    pickled.write_bytes(b"\x80\x04\x95abc")
    assert "pickled Python objects" in refused(capsys, pickled, tmp_path / "out.txt")
    model = tmp_path / "model.bin"
    model.write_bytes((793712314).to_bytes(4, "little") + bytes(60))
    assert "fastText model (.bin)" in refused(capsys, model, tmp_path / "out.txt")
    (tmp_path / "v.gz").write_bytes(gzip.compress(b"1 1\na 1\n")[:-9])
    assert "v.gz" in refused(capsys, tmp_path / "v.gz", tmp_path / "out.txt")
    (tmp_path / "empty.gz").write_bytes(b"nothing")
    assert "Not a gzipped file" in refused(capsys, tmp_path / "empty.gz", tmp_path / "out.txt")
    assert not (tmp_path / "out.txt").exists()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"0 3\n", "text"),
        (b"1 2\n\na 1 2\n", "text"),
        (b"1 2\na \0\0\0\0\0\0\0\0", "binary"),
        (b"1 9\na 1 2\n", "text"),
        (b"1 9\na \x00 1 ", "binary"),
        (b"a 1 2\n", "glove"),
        (b"new york 1 2", "glove"),
        (b"", "text"),
    ],
)
def test_formats_are_recognised_by_how_files_begin(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(content)
    assert guess_input(str(path)) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("EN.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt", "text"),
        ("crime-and-punishment.vec", "text"),
        ("euclidean_vectors.bin", "binary"),
        ("high_precision.kv.bin", "binary"),
        ("high_precision.kv.txt", "text"),
        ("poincare_vectors.bin", "binary"),
        ("pretrained.vec", "text"),
        ("test_glove.txt", "glove"),
        ("toy-model.vec", "text"),
    ],
)
def test_formats_of_other_tools_are_recognised(data_dir: Path, name: str, kind: str) -> None:
    assert guess_input(str(data_dir / "formats" / name)) == kind


@pytest.mark.parametrize("first", ["3 10\n", "9 2\n", ""])
def test_a_tolerant_conversion_does_not_need_the_first_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], first: str
) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.bin"
    source.write_text(first + "ab 1 2 3\ncd 4 5 6\n")
    assert main(["convert", str(source), str(target), "--tolerant"]) == 0
    assert "2 words of 3 dimensions" in capsys.readouterr().out
    assert KeyedVectors.load_word2vec_format(target, binary=True).index_to_key == ["ab", "cd"]
