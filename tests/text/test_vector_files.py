from __future__ import annotations

import bz2
import gzip
import lzma
import re
import struct
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal

import nncore
from nncore import _core
from nncore.text import KeyedVectors, _vector_files


def loaded(path: Path, content: bytes | str, **how: Any) -> KeyedVectors:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return KeyedVectors.load_word2vec_format(path, **how)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vectors.txt"


@pytest.fixture
def peer() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("gensim.models", reason="compares with gensim").KeyedVectors


def random_vectors(count: int = 300, size: int = 7) -> KeyedVectors:
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((count, size)) * 10.0 ** rng.integers(-12, 12, (count, size))).astype(np.float32)
    return KeyedVectors.from_arrays([f"wörd{index}" for index in range(count)], rows, rng.integers(1, 50, count))


def test_a_text_file(path: Path) -> None:
    kv = loaded(path, "2 3\nthe 1 -2.5 1e-3\nö +.5 3. -0\n")
    assert kv.index_to_key == ["the", "ö"]
    assert_array_equal(kv.vectors, np.array([[1, -2.5, 1e-3], [0.5, 3, 0]], np.float32))
    assert np.signbit(kv.vectors[1, 2])
    assert kv.vectors.dtype == np.float32
    assert_array_equal(kv.expandos["count"], [2, 1])


def test_spaces_at_the_ends_and_blank_lines_do_not_matter(path: Path) -> None:
    kv = loaded(path, "2 2 \r\n\na 1 2 \r\n \nb  3   4\t\n\n\n")
    assert kv.index_to_key == ["a", "b"]
    assert_array_equal(kv.vectors, [[1, 2], [3, 4]])
    assert_array_equal(loaded(path, "1 2\na 1 2").vectors, [[1, 2]])  # no newline at the end


def test_a_binary_file_with_and_without_newlines(path: Path) -> None:
    rows = [struct.pack("<2f", 1, 10), struct.pack("<2f", 0.5, -3)]  # 10.0 has no byte of a newline or space
    for newline in (b"", b"\n"):
        kv = loaded(path, b"2 2\na " + rows[0] + newline + b"\xc3\xb6 " + rows[1] + newline, binary=True)
        assert kv.index_to_key == ["a", "ö"]
        assert_array_equal(kv.vectors, [[1, 10], [0.5, -3]])


def test_no_header(path: Path) -> None:
    kv = loaded(path, "a 1 2 3\nb 4 5 6\n", no_header=True)
    assert_array_equal(kv.vectors, [[1, 2, 3], [4, 5, 6]])
    assert_array_equal(kv.expandos["count"], [2, 1])
    kv.save_word2vec_format(path, write_header=False)
    assert path.read_text() == "a 1 2 3\nb 4 5 6\n"
    with pytest.raises(ValueError, match="no_header=True is for text"):
        KeyedVectors.load_word2vec_format(path, no_header=True, binary=True)


@pytest.mark.parametrize("header", [True, False])
def test_limits(path: Path, header: bool) -> None:
    text = "a 1 2\nb 3 4\nc 5 6\n"
    kv = loaded(path, f"3 2\n{text}" if header else text, no_header=not header, limit=2)
    assert kv.index_to_key == ["a", "b"]
    assert_array_equal(kv.vectors, [[1, 2], [3, 4]])
    assert_array_equal(kv.expandos["count"], [2, 1])
    assert len(KeyedVectors.load_word2vec_format(path, no_header=not header, limit=9)) == 3
    with pytest.raises(ValueError, match="limit must be at least 1"):
        KeyedVectors.load_word2vec_format(path, limit=0)
    with pytest.raises(TypeError, match="limit must be an integer, but came as 'x'"):
        KeyedVectors.load_word2vec_format(path, limit="x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="total_vec must be an integer, but came as 'x'"):
        kv.save_word2vec_format(path, total_vec="x")  # type: ignore[arg-type]
    kv.save(path)
    with pytest.raises(ValueError, match=r"vectors.txt': is a safetensors file: those of nncore are"):
        KeyedVectors.load_word2vec_format(path)


@pytest.mark.parametrize(("suffix", "packed"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma)])
@pytest.mark.parametrize("binary", [True, False])
def test_compressed_files(tmp_path: Path, suffix: str, packed: Any, binary: bool) -> None:
    kv = random_vectors()
    plain, other = tmp_path / "plain", tmp_path / f"packed{suffix}"
    kv.save_word2vec_format(plain, binary=binary)
    kv.save_word2vec_format(other, binary=binary)
    with packed.open(other) as file:
        assert file.read() == plain.read_bytes()
    first, second = (KeyedVectors.load_word2vec_format(name, binary=binary) for name in (plain, other))
    assert first.index_to_key == second.index_to_key
    assert_array_equal(first.vectors, second.vectors)
    other.write_bytes(other.read_bytes()[:-30])
    content = other.read_bytes()
    for damaged in (content[:40] + bytes(20) + content[60:], b"no packed data", b""):
        other.write_bytes(damaged)
        with pytest.raises(ValueError, match="packed"):
            KeyedVectors.load_word2vec_format(other, binary=binary)


def test_a_file_of_more_than_a_block(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kv = random_vectors(200)
    kv.expandos.clear()
    for binary in (True, False):
        for suffix in ("", ".gz"):
            name = path.with_name(f"vectors{suffix}")
            kv.save_word2vec_format(name, binary=binary)
            for block in (16, 37, 100, 1000):
                monkeypatch.setattr(_vector_files, "_BLOCK", block)
                read = KeyedVectors.load_word2vec_format(name, binary=binary)
                assert read.index_to_key == kv.index_to_key
                assert_array_equal(read.vectors, kv.vectors)
                if not binary and not suffix:
                    lines = name.read_text().split("\n", 1)[1]
                    assert_array_equal(loaded(path, lines, no_header=True).vectors, kv.vectors)
                monkeypatch.undo()


@pytest.mark.kernel
def test_any_number_of_threads_reads_and_writes_the_same(threads: None) -> None:
    kv = random_vectors(4000, 20)
    words = "".join(kv.index_to_key).encode()
    ends = np.cumsum([len(key.encode()) for key in kv.index_to_key])
    results = []
    for count in (1, 2, 5):
        nncore.set_num_threads(count)
        text = _core.write_text_vectors(words, ends, kv.vectors)
        rows = np.empty_like(kv.vectors)
        found = _core.read_text_vectors(text, True, 1, False, "utf8", "strict", rows)
        assert found[0] == kv.index_to_key
        assert_array_equal(rows, kv.vectors)
        results.append(text)
    assert results[0] == results[1] == results[2]


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_single_precision_is_written_shortest_and_read_back(values: list[float]) -> None:
    rows = np.array([values], np.float32)
    text = _core.write_text_vectors(b"w", np.array([1]), rows)
    assert_array_equal(np.array([np.float32(field) for field in text.split()[1:]]), rows[0])
    assert all(len(field) <= 15 for field in text.split())
    back = np.empty_like(rows)
    _core.read_text_vectors(text, True, 1, False, "utf8", "strict", back)
    assert_array_equal(back.view(np.int32), rows.view(np.int32))


def test_single_precision_has_the_digits_that_numpy_gives_it() -> None:
    exponents = np.arange(255, dtype=np.uint32) << 23
    rng = np.random.default_rng(0)
    bits = np.concatenate([exponents, exponents + 1, exponents[1:] - 1, rng.integers(0, 0x7F800000, 3000)])
    tens = np.concatenate([10.0 ** np.arange(-45, 39), np.arange(1, 2000), rng.standard_normal(3000)])
    values = np.concatenate([bits.astype(np.uint32).view(np.float32), tens.astype(np.float32)])
    text = _core.write_text_vectors(b"w", np.array([1]), values[None])
    for field, value in zip(text.split()[1:], values, strict=True):
        expected = np.format_float_scientific(value, unique=True, trim="-")
        assert Decimal(field.decode()) == Decimal(expected)
        assert np.float32(field) == value
    small = np.array([[0, -0.0, 1, 10, 1e9, 123456.5, 1e-4, -1.5e-5, 1e8]], np.float32)
    text = _core.write_text_vectors(b"w", np.array([1]), small)
    assert text == b"w 0 -0 1 10 1e+09 123456.5 0.0001 -1.5e-05 100000000\n"


@given(arrays.arrays(np.float64, (2, 3), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_double_precision_is_read_back(rows: Any) -> None:
    back = np.empty_like(rows)
    text = _core.write_text_vectors(b"ab", np.array([1, 2]), rows)
    assert _core.read_text_vectors(text, True, 1, False, "utf8", "strict", back)[0] == ["a", "b"]
    assert_array_equal(back.view(np.int64), rows.view(np.int64))


def decimals(rng: np.random.Generator, count: int) -> list[str]:
    """Decimals with up to 22 digits before and after the point, some with exponents."""

    def digits(most: int) -> str:
        return "".join(map(str, rng.integers(0, 10, rng.integers(0, most + 1))))

    made = []
    for most in rng.choice([0, 1, 3, 9, 22], count):
        sign = rng.choice(["", "-", "+"])
        power = rng.choice(["", "", "e", "E-", "e+"])
        made.append(
            f"{sign}{digits(3)}{rng.integers(0, 10)}.{digits(most)}{power}{rng.integers(0, 330) if power else ''}"
        )
    return made


def test_decimals_are_rounded_as_python_rounds_them() -> None:
    for field in [*decimals(np.random.default_rng(0), 4000), "5", ".5", "5.", "00.50", "-0", "1e22", "1e23", "9" * 19]:
        rows = np.full((1, 3), 7.0)
        line = f"w {field} {field} 1 \n".encode()
        if np.isfinite(float(field)):
            _core.read_text_vectors(line, True, 1, False, "utf8", "strict", rows)
            assert_array_equal(rows, [[float(field), float(field), 1]])
        else:
            with pytest.raises(ValueError, match="line 1"):
                _core.read_text_vectors(line, True, 1, False, "utf8", "strict", rows)


def test_a_decimal_near_the_middle_of_two_floats_is_rounded_once() -> None:
    middle = 1 + 2.0**-24  # of 1 and the next float: a double holds it, 1.00000005960464477539...
    for text, value in (
        ("1.00000005960464478", 1 + 2.0**-23),  # above it, but the nearest double is the middle
        ("1.00000005960464477", 1.0),
        ("1.000000059604644775390625", 1.0),
    ):
        assert float(text) == middle
        rows = np.empty((1, 1), np.float32)
        _core.read_text_vectors(f"w {text}".encode(), True, 1, False, "utf8", "strict", rows)
        assert rows[0, 0] == value


@pytest.mark.parametrize(("field", "value"), [("1e-50", 0.0), ("-1e-400", 0.0), ("1e-45", 1e-45)])
def test_numbers_too_small_are_zero(path: Path, field: str, value: float) -> None:
    assert loaded(path, f"1 1\na {field}\n").vectors[0, 0] == np.float32(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the header must be"),
        ("\n", "line 1: the header must be"),
        ("a 1 2\n", "line 1: the header must be .* no_header=True"),
        ("2 x\n", "line 1: the header must be"),
        ("-1 2\na 1 2\n", "promises -1 words"),
        ("1 0\na\n", "promises 1 words of 0 dimensions"),
        ("3 2\na 1 2\nb 1 2\n", "line 1: the header promises 3 words of 2 dimensions, but the 12 bytes"),
        ("3 2\nalpha 1 2\nbeta 1 2\n", "line 4: the header promises 3 words, but the file ends after 2"),
        ("1 2\na 1 2\nb 1 2\n", "line 3: the header promises 1 words, but the file goes on"),
        ("2 2\na 1 2\nb 1\n", "line 3: 2 numbers are due after the word, but there are 1"),
        ("2 2\na 1 2 3\nb 1 2\n", "line 2: 2 numbers are due after the word, but there are 3"),
        ("2 2\nnew york 1 2\nb 1 2\n", "line 2: 2 numbers are due .*, but the field 2 is 'york'"),
        ("2 2\n\na 1 2\nb 1 x2\n", "line 4: 2 numbers are due after the word, but the field 3 is 'x2'"),
        ("2 2\na 1 2\nb nan 2\n", "line 3: .* the field 2 is 'nan'"),
        ("2 2\na 1 2\nb 1 1e60\n", "line 3: .* the field 3 is '1e60'"),
        ("2 2\na 1 2\nb 1 2e\n", "line 3: .* the field 3 is '2e'"),
        ("2 2\na 1 2\nb 1 -+2\n", "line 3: .* the field 3 is '-.2'"),
        ("2 2\na 1 2\nb 1 0x2\n", "line 3: .* the field 3 is '0x2'"),
        ("2 2\na 1 2\nb\t1\t2\n", "line 3: .* but there are 0"),
        ("1000000000000000 100\na 1 2\n", "promises 1000000000000000 words"),
        ("1 1000000000000000\na 1 2\n", "which cannot be"),
        (b"2 2\na 1 2\n\xff\xfe 1 2\n", 'line 3: the word is not utf8; unicode_errors="replace"'),
    ],
)
def test_a_wrong_text_file_is_an_error_with_its_line(path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"vectors.txt', {message}" if message.startswith("line") else message):
        loaded(path, text)


RECORDS = b"a " + struct.pack("<2f", 1, 2) + b"b " + struct.pack("<2f", 3, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"2 2\n" + RECORDS[:-1], "byte 14: the header promises 2 words, but the file ends after 1"),
        (b"2 2\n" + RECORDS[:-3], "line 1: the header promises 2 words of 2 dimensions, but the 17 bytes"),
        (b"2 2\nlonger" + RECORDS[:-1], "byte 20: the header promises 2 words, but the file ends after 1"),
        (b"2 2\n" + RECORDS + b"c", "byte 24: the header promises 2 words, but the file goes on"),
        (b"1 2\nx " + struct.pack("<2f", 1, float("nan")), "byte 4: the vector .* has NaN"),
        (b"1 2\n\n\nx " + struct.pack("<2f", float("-inf"), 1), "byte 6: the vector .* has NaN"),
        (b"1 2\n\xff " + struct.pack("<2f", 1, 2), "byte 4: the word is not utf8"),
        (b"999999999999999999 2\n" + RECORDS, "line 1: the header promises 999999999999999999 words"),
    ],
)
def test_a_wrong_binary_file_is_an_error_with_its_byte(path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"vectors.txt', {message}"):
        loaded(path, content, binary=True)


def test_what_a_tolerant_reader_makes_of_a_damaged_text(path: Path) -> None:
    text = "9 2\na 1 2\nnew york 3 4\n. . . 5 6\nx 1\ny nan 2\n 7 8\nb 1 2 3\n12 13 14\n"
    with pytest.warns(UserWarning, match="promises|left out") as warned:
        kv = loaded(path, text, tolerant=True)
    assert kv.index_to_key == ["a", "new york", ". . .", "", "b 1", "12"]
    assert_array_equal(kv.vectors, [[1, 2], [3, 4], [5, 6], [7, 8], [2, 3], [13, 14]])
    said = " ".join(str(warning.message) for warning in warned)
    assert "left out 2 of the file's vectors; the first: line 5: 2 numbers are due" in said
    assert "promises 9 words" in said
    with pytest.warns(UserWarning, match="promises 1 words, but the file has 2"):
        assert len(loaded(path, "1 1\na 1\nb 2\n", tolerant=True)) == 2


LINES = "a 1 2 3\nnew york 4 5 6\nd 7 8 9\n"


@pytest.mark.parametrize(
    ("first", "said", "how"),
    [
        ("3 10\n", "line 1: the header promises 10 dimensions, but the vectors have 3", {}),
        ("1 2\n", "line 1: the header promises 2 dimensions, but the vectors have 3", {}),
        ("", "line 1: the header must be .* but is b'a 1 2 3'", {}),
        ("-3 3\n", "line 1: the header promises -3 words of 3 dimensions, which cannot be", {}),
        ("3 999999999999\n", "line 1: the header promises 3 words of 999999999999 dimensions", {}),
        ("# my vectors\n", "line 1: the header must be .* but is b'# my vectors'", {}),
        ("3 3\n", "left out 1 of the file's vectors; the first: line 1", {"no_header": True}),
    ],
)
def test_a_tolerant_reader_does_not_need_the_first_line(path: Path, first: str, said: str, how: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"vectors.txt', line \d"):
        loaded(path, first + LINES, **how)
    for limit in (None, 2):
        with pytest.warns(UserWarning, match="^(line 1|the header|left out|line 5)") as warned:
            kv = loaded(path, first + LINES, tolerant=True, limit=limit, **how)
        assert any(re.match(said, str(warning.message)) for warning in warned)
        assert kv.index_to_key == ["a", "new york", "d"][:limit]
        assert_array_equal(kv.vectors, np.arange(1, 10).reshape(3, 3)[:limit])


def test_a_tolerant_reader_needs_some_vector(path: Path) -> None:
    with pytest.raises(ValueError, match="vectors.txt', line 1: no vector is in the first lines"):
        loaded(path, "some words\nof text\n", tolerant=True)


def test_what_a_tolerant_reader_makes_of_a_damaged_binary(path: Path) -> None:
    bad = b"c " + struct.pack("<2f", 1, float("nan"))
    with pytest.warns(UserWarning, match="left out 1 .* byte 4|ends after 3"):
        kv = loaded(path, b"7 2\n" + bad + RECORDS + b"d 123", binary=True, tolerant=True)
    assert kv.index_to_key == ["a", "b"]
    assert_array_equal(kv.vectors, [[1, 2], [3, 4]])


def test_words_in_other_encodings(path: Path) -> None:
    latin = b"1 1\n\xe9t\xe9 1\n"
    assert loaded(path, latin, encoding="latin-1").index_to_key == ["été"]
    assert loaded(path, latin, unicode_errors="ignore").index_to_key == ["t"]
    assert loaded(path, latin, unicode_errors="replace").index_to_key == ["\ufffdt\ufffd"]
    with pytest.raises(LookupError):
        loaded(path, latin, encoding="no such")
    with pytest.raises(LookupError):
        loaded(path, latin, unicode_errors="no such")


def test_of_two_words_alike_the_first_counts(path: Path) -> None:
    with pytest.warns(UserWarning, match=r"vectors.txt' has 2 words that came before.*'a'"):
        kv = loaded(path, "5 1\na 1\nb 2\na 3\nb 4\nc 5\n")
    assert kv.index_to_key == ["a", "b", "c"]
    assert_array_equal(kv.vectors, [[1], [2], [5]])


def test_counts_from_a_file(path: Path) -> None:
    counts = path.with_name("counts")
    counts.write_text("a 17\nc 5\n")
    assert_array_equal(loaded(path, "1 1\na 1\n", fvocab=counts).expandos["count"], [17])
    with pytest.warns(UserWarning, match="1 words have no count in fvocab and get 0; the first: 'b'"):
        assert_array_equal(loaded(path, "2 1\na 1\nb 2\n", fvocab=counts).expandos["count"], [17, 0])
    counts.write_text("a 17\nc\n")
    with pytest.raises(ValueError, match="counts', line 2"):
        loaded(path, "1 1\na 1\n", fvocab=counts)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("binary", [True, False])
def test_types(path: Path, dtype: type, binary: bool) -> None:
    kv = KeyedVectors.from_arrays(["a"], np.array([[0.1, 1 / 3]], dtype))
    kv.save_word2vec_format(path, binary=binary)
    read = KeyedVectors.load_word2vec_format(path, binary=binary, datatype=dtype)
    assert read.vectors.dtype == dtype
    expected = kv.vectors.astype(np.float32).astype(dtype) if binary else kv.vectors
    assert_array_equal(read.vectors, expected)
    with pytest.raises(TypeError, match="datatype must be float16, float32 or float64, got int64"):
        KeyedVectors.load_word2vec_format(path, binary=binary, datatype=np.int64)


def test_a_word_that_the_format_cannot_hold_is_refused_before_writing(path: Path) -> None:
    path.write_text("before")
    for key in ("new york", "line\n"):
        with pytest.raises(ValueError, match="has a space or a newline"):
            KeyedVectors.from_arrays([key], np.ones((1, 2))).save_word2vec_format(path)
    with pytest.raises(ValueError, match="which UTF-8 cannot hold"):
        KeyedVectors.from_arrays(["\udcff"], np.ones((1, 2))).save_word2vec_format(path)
    with pytest.raises(ValueError, match="has a space"):
        KeyedVectors.from_arrays(["a"], np.ones((1, 2))).save_word2vec_format(path, prefix="a ")
    with pytest.raises(ValueError, match="needs the attribute 'count'"):
        KeyedVectors.from_arrays(["a"], np.ones((1, 2))).save_word2vec_format(path, fvocab=path)
    assert path.read_text() == "before"


def test_the_order_the_prefix_and_the_end_of_a_file(path: Path) -> None:
    counts = path.with_name("counts")
    kv = KeyedVectors.from_arrays(["a", "b", "c"], np.eye(3, dtype=np.float32), [1, 5, 1])
    kv.save_word2vec_format(path, fvocab=counts, prefix="*", total_vec=6)
    assert path.read_text() == "6 3\n*b 0 1 0\n*a 1 0 0\n*c 0 0 1\n"
    assert counts.read_text() == "*b 5\n*a 1\n*c 1\n"
    kv.save_word2vec_format(path, append=True, write_header=False, sort_attr="none")
    assert path.read_text().endswith("*c 0 0 1\na 1 0 0\nb 0 1 0\nc 0 0 1\n")
    assert len(KeyedVectors.load_word2vec_format(path)) == 6


def test_unsigned_counts_are_sorted(path: Path) -> None:
    kv = KeyedVectors.from_arrays(["a", "b", "c"], np.eye(3, dtype=np.float32))
    kv.expandos["count"] = np.array([0, 2, 1], np.uint32)
    kv.save_word2vec_format(path)
    assert KeyedVectors.load_word2vec_format(path).index_to_key == ["b", "c", "a"]


def test_vectors_that_lie_apart_are_written_as_they_are(path: Path) -> None:
    room = np.arange(12, dtype=np.float32).reshape(3, 4)
    KeyedVectors.from_arrays(["a", "b", "c"], room[:, :2]).save_word2vec_format(path)
    assert path.read_text() == "3 2\na 0 1\nb 4 5\nc 8 9\n"


def test_intersection(path: Path) -> None:
    kv = KeyedVectors.from_arrays(["a", "b", "c"], np.zeros((3, 2), np.float32))
    path.write_text("2 2\nb 1 2\nd 3 4\n")
    kv.most_similar("a")
    kv.intersect_word2vec_format(path, lockf=0.5)
    assert kv.index_to_key == ["a", "b", "c"]
    assert_array_equal(kv.vectors, [[0, 0], [1, 2], [0, 0]])
    assert_array_equal(kv.vectors_lockf, np.array([1, 0.5, 1], np.float32))
    assert kv.most_similar("b", topn=None)[1] == pytest.approx(1)
    path.write_text("1 3\nb 1 2 3\n")
    with pytest.raises(ValueError, match="has vectors of size 3, but these have size 2"):
        kv.intersect_word2vec_format(path)


def test_a_long_word_is_read(path: Path) -> None:
    word = "x" * 10_000_000
    assert loaded(path, f"2 1\n{word} 1\nb 2\n").index_to_key == [word, "b"]
    assert loaded(path, b"1 1\n" + word.encode() + b" abcd", binary=True).index_to_key == [word]


def test_what_never_ends_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_vector_files, "_BLOCK", 64)
    monkeypatch.setattr(_vector_files, "_LONGEST", 256)
    with pytest.raises(ValueError, match="line 3: no vector ends within"):
        loaded(path, "2 2\na 1 2\n" + "b" * 5000)
    with pytest.raises(ValueError, match="byte 4: no vector ends within"):
        loaded(path, b"1 1\n" + b"b" * 5000, binary=True)


FILES = {  # name: how it is read, words, dimensions, first word
    "EN.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt": ({}, 20, 300, "one"),
    "IT.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt": ({}, 20, 300, "uno"),
    "crime-and-punishment.vec": ({}, 291, 5, "и"),
    "euclidean_vectors.bin": ({"binary": True}, 2747, 10, "the"),
    "high_precision.kv.bin": ({"binary": True}, 2, 2, "kangaroo.n.01"),
    "high_precision.kv.txt": ({"datatype": np.float64}, 2, 2, "kangaroo.n.01"),
    "lee_fasttext.vec": ({}, 1762, 10, "the"),
    "pang_lee_polarity_fasttext.vec": ({"unicode_errors": "ignore"}, None, 100, "."),
    "poincare_vectors.bin": ({"binary": True}, 1182, 10, "mammal.n.01"),
    "test_glove.txt": ({"no_header": True}, 76, 50, "the"),
    "toy-model.vec": ({}, 22, 5, "the"),
}
MODELS = ["cp852_fasttext", "crime-and-punishment", "lee_fasttext", "lee_fasttext_new", "non_ascii_fasttext"]
MODELS += ["pang_lee_polarity_fasttext", "toy-model-pretrained", "toy-model"]
TEXTS = ["crime-and-punishment.txt", "fb-ngrams.txt", "lee.cor", "lee_background.cor", "SOURCE.md"]


@pytest.mark.peer
@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("ignore:.*that came before:UserWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file that gensim leaves open
def test_files_of_other_tools_are_read_as_gensim_reads_them(data_dir: Path, peer: Any, name: str) -> None:
    how, count, size, first = FILES[name]
    ours = KeyedVectors.load_word2vec_format(data_dir / "formats" / name, **how)
    theirs = peer.load_word2vec_format(str(data_dir / "formats" / name), **how)
    assert ours.index_to_key == theirs.index_to_key
    assert len(ours) == count or count is None
    assert (ours.vector_size, ours.index_to_key[0]) == (size, first)
    assert_array_equal(ours.vectors, theirs.vectors)
    assert ours.vectors.dtype == theirs.vectors.dtype
    assert_array_equal(ours.expandos["count"], theirs.expandos["count"])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("binary", [True, False])
def test_a_fasttext_model_is_an_error_that_says_so(data_dir: Path, name: str, binary: bool) -> None:
    with pytest.raises(ValueError, match=r"fastText model \(.bin\)"):
        KeyedVectors.load_word2vec_format(data_dir / "formats" / f"{name}.bin", binary=binary)
    with pytest.raises(ValueError, match=r"fastText model \(.bin\)"):
        KeyedVectors.load_word2vec_format(data_dir / "formats" / f"{name}.bin", no_header=True)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_no_file_of_vectors(data_dir: Path, name: str) -> None:
    for how in ({}, {"binary": True}, {"no_header": True}):
        with pytest.raises(ValueError, match=f"{name}', line 1"):
            KeyedVectors.load_word2vec_format(data_dir / "formats" / name, **how)


def test_a_header_that_lies_and_bad_utf8_of_real_files(data_dir: Path) -> None:
    with pytest.raises(ValueError, match=r"pretrained.vec', line 3: the header promises 3 words, but .* after 1"):
        KeyedVectors.load_word2vec_format(data_dir / "formats" / "pretrained.vec")
    with pytest.warns(UserWarning, match="promises 3 words"):
        kv = KeyedVectors.load_word2vec_format(data_dir / "formats" / "pretrained.vec", tolerant=True)
    assert (len(kv), kv.vector_size) == (1, 5)
    with pytest.raises(ValueError, match=r"fasttext.vec', line 150: the word is not utf8"):
        KeyedVectors.load_word2vec_format(data_dir / "formats" / "pang_lee_polarity_fasttext.vec")


@pytest.mark.peer
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("settings", [{}, {"prefix": "*"}, {"sort_attr": "none"}, {"total_vec": 300}])
def test_gensim_reads_what_we_write_and_we_what_it_writes(
    tmp_path: Path, peer: Any, binary: bool, settings: dict[str, Any]
) -> None:
    ours = random_vectors()
    theirs = peer(7)
    theirs.add_vectors(ours.index_to_key, ours.vectors)
    for key in ours.index_to_key:
        theirs.set_vecattr(key, "count", int(ours.get_vecattr(key, "count")))
    first, second = tmp_path / "ours", tmp_path / "theirs"
    vocabularies = {} if "sort_attr" in settings else {"fvocab": str(tmp_path / "vocab")}
    theirs.save_word2vec_format(str(second), binary=binary, **settings, **vocabularies)
    vocabulary = (tmp_path / "vocab").read_bytes() if vocabularies else b""
    ours.save_word2vec_format(first, binary=binary, **settings, **vocabularies)
    assert not vocabularies or (tmp_path / "vocab").read_bytes() == vocabulary
    if binary:
        assert first.read_bytes() == second.read_bytes()
    a = KeyedVectors.load_word2vec_format(second, binary=binary)
    b = peer.load_word2vec_format(str(first), binary=binary)
    c = peer.load_word2vec_format(str(second), binary=binary)
    assert a.index_to_key == b.index_to_key == c.index_to_key
    assert_array_equal(a.vectors, b.vectors)
    assert_array_equal(a.vectors, c.vectors)


DAMAGED_TEXT = "4 3\nthe 1 2 3\nof -0.25 1e-5 3.75\nö 4 5 6\nlast 0.125 2 33333\n".encode()
DAMAGED_BINARY = b"3 2\n" + RECORDS + "ö ".encode() + struct.pack("<2f", 5, 6)


@settings(max_examples=200)
@given(st.data())
def test_no_damage_does_more_than_raise_an_error(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    binary = data.draw(st.booleans())
    content = bytearray(DAMAGED_BINARY if binary else DAMAGED_TEXT)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        kind = data.draw(st.sampled_from(["cut", "insert", "change"]))
        some = data.draw(
            st.one_of(st.binary(max_size=6), st.sampled_from([b" ", b"\n", b"9" * 20, b"-", b"\0", b"e9"]))
        )
        if kind == "cut":
            del content[place : place + 1 + len(some)]
        elif kind == "insert":
            content[place:place] = some
        else:
            content[place : place + len(some)] = some
    path = tmp_path_factory.getbasetemp() / "damaged.bin"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tolerant in (False, True):
            how = {"binary": binary, "tolerant": tolerant, "no_header": not binary and data.draw(st.booleans())}
            try:
                kv = KeyedVectors.load_word2vec_format(path, **how)
            except ValueError as error:
                assert "damaged.bin" in str(error)
            else:
                assert kv.vectors.shape == (len(kv.index_to_key), kv.vector_size)
                assert np.isfinite(kv.vectors).all()
