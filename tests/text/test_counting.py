from __future__ import annotations

import bz2
import gzip
import lzma
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import nncore
from nncore import _core
from nncore.text import LineSentence, PathLineSentences, Vocabulary, _sources
from nncore.text._counting import count_words, select
from nncore.text.vocabulary import RULE_DEFAULT, RULE_KEEP

SPACES = "\t\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2005\u200a\u2028\u2029\u202f\u205f\u3000"
# Few letters, so that words repeat; among them near misses of white space and of UTF-8's borders.
LETTERS = "ab\x00\x08\x0e\x1b\x7f\x80\x84\x86\xa1é\u07ff\u0800\u1681\u180e\u200b\u202a\u2060\u3001\ufeff\uffff"
LETTERS += "\U00010000\U0010ffff"
TEXTS = st.text(st.sampled_from(SPACES + "\n\n   " + LETTERS), max_size=80)

CORPUS = [["b", "a", "c"], ["a", "d", "b"], ["a"], ["e"]]


def lines_of(text: str) -> list[list[str]]:
    """Sentences as Python itself finds them."""
    return [words for line in text.split("\n") if (words := line.split())]


def counted(sentences: list[list[str]]) -> dict[str, int]:
    """Words in the order of their first sight."""
    return dict(Counter(word for sentence in sentences for word in sentence))


def write(folder: Path, text: str | bytes, name: str = "corpus.txt") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


def many_words(count: int, seed: int = 0) -> str:
    """Lines of one to some hundred words by Zipf's law, with empty lines and letters of several alphabets."""
    rng = np.random.default_rng(seed)
    ids = rng.zipf(1.3, count) % 30_000
    ends = rng.choice([" ", "  ", "\n", "\n\n", "\u3000", "\r\n"], count, p=[0.8, 0.08, 0.05, 0.02, 0.03, 0.02])
    return "".join(f"{'wöж語'[i % 4]}{i}{end}" for i, end in zip(ids.tolist(), ends, strict=True))


@given(text=TEXTS)
@example(text="a\n")
@example(text="")
@example(text="\n\n a")
@example(text="abcdefgh ijklmnopq abcdefgh abcdefghi")
@example(text="x" * 40 + " " + "x" * 41 + "\n" + "x" * 40)
def test_a_file_has_the_words_and_lines_that_python_finds(folder: Path, text: str) -> None:
    raw = count_words(corpus_file=write(folder, text))
    sentences = lines_of(text)
    assert list(raw.as_dict().items()) == list(counted(sentences).items())
    assert (raw.sentences, raw.raw_words) == (len(sentences), sum(map(len, sentences)))


@given(text=TEXTS, block=st.integers(2, 9))
def test_blocks_of_any_size_give_the_same(folder: Path, text: str, block: int) -> None:
    path, before = write(folder, text), _sources.BLOCK
    whole = count_words(corpus_file=path)
    _sources.BLOCK = block
    try:
        raw = count_words(corpus_file=path)
    finally:
        _sources.BLOCK = before
    assert list(raw.as_dict().items()) == list(whole.as_dict().items())
    assert (raw.sentences, raw.raw_words) == (whole.sentences, whole.raw_words)


@given(st.lists(st.lists(st.text(st.sampled_from(SPACES + "\n" + LETTERS), max_size=20), max_size=6), max_size=6))
def test_lists_may_hold_any_words_even_empty_ones_and_ones_with_spaces(sentences: list[list[str]]) -> None:
    raw = count_words(sentences)
    assert list(raw.as_dict().items()) == list(counted(sentences).items())
    assert (raw.sentences, raw.raw_words) == (len(sentences), sum(map(len, sentences)))


def test_the_number_of_threads_changes_neither_counts_nor_order(folder: Path, threads: None) -> None:
    text = many_words(120_000)
    path, expected = write(folder, text), counted(lines_of(text))
    for count in (1, 2, 3, 8):
        nncore.set_num_threads(count)
        raw = count_words(corpus_file=path)
        assert list(raw.as_dict().items()) == list(expected.items())
        assert raw.sentences == len(lines_of(text))


def test_a_line_that_threads_share_is_one_sentence(folder: Path, threads: None) -> None:
    nncore.set_num_threads(2)
    for length in range(1, 7):  # so that a thread's part begins at each of a line's three bytes
        raw = count_words(corpus_file=write(folder, "b" * length + " \n" + "a \n" * 60_000))
        assert (raw.sentences, raw.as_dict()) == (60_001, {"b" * length: 1, "a": 60_000})


def test_counts_may_be_asked_for_while_counting_goes_on(threads: None) -> None:
    nncore.set_num_threads(2)
    counter, block = _core.WordCounter(), b"a b a\n" * 30_000
    for times in (1, 2, 3):
        assert counter.add_text(block, True) == len(block)
        assert counter.counts().tolist() == counter.counts().tolist() == [60_000 * times, 30_000 * times]
        assert counter.words() == ["a", "b"]


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_compressed_files_are_read(folder: Path, ending: str, pack: Any) -> None:
    text = many_words(2000)
    path = write(folder, pack(text.encode()), f"corpus.{ending}")
    assert Vocabulary.from_file(path) == Vocabulary.from_sentences(lines_of(text))
    cut = write(folder, path.read_bytes()[:-20], f"cut.{ending}")
    with pytest.raises(ValueError, match=f"cut.{ending}"):
        Vocabulary.from_file(cut)
    with pytest.raises(ValueError, match=f"other.{ending}"):
        Vocabulary.from_file(write(folder, b"not compressed at all", f"other.{ending}"))


def test_readers_over_files_are_counted_as_the_lists_that_they_give(tmp_path: Path) -> None:
    one, two = write(tmp_path, "a b\nc", "1.txt"), write(tmp_path, "d a\n\nb", "2.txt")
    for reader in (LineSentence(one), LineSentence(str(two)), PathLineSentences(tmp_path), LineSentence(one, 1, 1)):
        assert Vocabulary.from_sentences(reader) == Vocabulary.from_sentences(list(reader))
    with one.open() as file:
        assert Vocabulary.from_sentences(LineSentence(file)).index_to_key == ["a", "b", "c"]

    class Reversed(LineSentence):
        def __iter__(self) -> Any:
            return (words[::-1] for words in super().__iter__())

    assert Vocabulary.from_sentences(Reversed(one)).index_to_key == ["b", "a", "c"]


@pytest.mark.peer
@pytest.mark.parametrize("most", [10, 50, 400])
def test_pruning_while_counting_is_gensims(most: int) -> None:
    word2vec = pytest.importorskip("gensim.models").Word2Vec
    sentences = lines_of(many_words(3000))
    model = word2vec(vector_size=1, max_vocab_size=most)
    model.scan_vocab(sentences)
    assert list(count_words(sentences, max_vocab_size=most).as_dict().items()) == list(model.raw_vocab.items())
    rule = lambda word, count, least: RULE_KEEP if word.startswith("w") else RULE_DEFAULT  # noqa: E731
    model.scan_vocab(sentences, trim_rule=rule)
    raw = count_words(sentences, max_vocab_size=most, trim_rule=rule)
    assert list(raw.as_dict().items()) == list(model.raw_vocab.items())


def test_pruning_a_file_keeps_its_frequent_words(folder: Path, threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sources, "BLOCK", 200_000)
    text = many_words(120_000)
    path, expected = write(folder, text), counted(lines_of(text))
    answers = []
    for count in (1, 2):
        nncore.set_num_threads(count)
        raw = count_words(corpus_file=path, max_vocab_size=1000)
        assert len(raw) <= 1000
        answers.append(raw.as_dict())
    assert answers[0] == answers[1]
    for word in sorted(expected, key=expected.__getitem__)[-200:]:
        assert answers[0][word] == expected[word]


def test_a_generator_is_counted_once() -> None:
    assert Vocabulary.from_sentences(sentence for sentence in CORPUS) == Vocabulary.from_sentences(CORPUS)
    assert Vocabulary.from_sentences(map(iter, CORPUS)) == Vocabulary.from_sentences(CORPUS)

    def broken() -> Any:
        yield ["a"]
        raise RuntimeError("the source is gone")

    with pytest.raises(RuntimeError, match="the source is gone"):
        Vocabulary.from_sentences(broken())


def test_huge_words_and_lines_are_read(folder: Path) -> None:
    huge = "y" * 10_000_000
    raw = count_words(corpus_file=write(folder, f"a {huge} b\n{huge}x"))
    assert raw.counts.tolist() == [1, 1, 1, 1] and [len(word) for word in raw.words()] == [
        1,
        len(huge),
        1,
        len(huge) + 1,
    ]
    assert raw.sentences == 2
    assert count_words([[huge, huge, "a"]]).counts.tolist() == [2, 1]
    raw = count_words(corpus_file=write(folder, b"of the " * 3_000_000))
    assert raw.as_dict() == {"of": 3_000_000, "the": 3_000_000} and raw.sentences == 1


def test_tokens_that_are_no_str_are_named() -> None:
    with pytest.raises(TypeError, match=r"word 1 of sentence 2 \(from 0\) came as int"):
        Vocabulary.from_sentences([["a"], [], ["b", 7]])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"word 0 of sentence 0 \(from 0\) came as bytes"):
        Vocabulary.from_sentences([[b"a"]])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"number 1 \(from 0\) came as int"):
        Vocabulary.from_sentences([["a"], 3])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="lone surrogate: 'a.ud800'"):
        Vocabulary.from_sentences([["a\ud800"]])


def test_what_is_no_corpus_is_refused(folder: Path) -> None:
    with pytest.raises(TypeError, match="sentences must be an iterable of lists of str, but came as str"):
        Vocabulary.from_sentences("corpus.txt")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="came as int"):
        Vocabulary.from_sentences(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="none came"):
        count_words()
    with pytest.raises(TypeError, match="both came"):
        count_words(CORPUS, "corpus.txt")
    with pytest.raises(TypeError, match="corpus_file must be a path, but came as list"):
        count_words(corpus_file=CORPUS)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Vocabulary.from_file(folder / "nowhere")
    with pytest.raises(IsADirectoryError):
        Vocabulary.from_file(folder)
    with pytest.raises(ValueError, match="max_final_vocab must be at least 1"):
        select(count_words(CORPUS), 1, 0)
    with pytest.raises(ValueError, match="max_size must be at least 1"):
        Vocabulary.from_sentences(CORPUS, max_size=0)
    with pytest.raises(ValueError, match="max_vocab_size must be at least 1"):
        Vocabulary.from_sentences(CORPUS, max_vocab_size=0)
    with pytest.raises(ValueError, match="unicode_errors must be"):
        Vocabulary.from_file(write(folder, "a"), unicode_errors="what")
    with pytest.raises(ValueError, match=r"counts must be one per word, \(2,\), but came as \(1,\)"):
        Vocabulary(["a", "b"], [1])
    for name in ("min_count", "max_size", "max_vocab_size"):
        with pytest.raises(TypeError, match=f"^{name} must be an integer, but came as 'x'"):
            Vocabulary.from_sentences([["a"]], **{name: "x"})
    for words, counts, error, message in (
        ([1], [1], TypeError, "words must be of type str, but one is 1"),
        ("ab", [1, 1], TypeError, "words must be an iterable of str, but came as str"),
        (["a"], [1.5], TypeError, "counts must be integers, but came as float64"),
        (["a"], [-1], ValueError, r"counts must be at least 0 and below 2\*\*63, but one is -1"),
    ):
        with pytest.raises(error, match=message):
            Vocabulary(words, counts)
    with pytest.raises(TypeError, match="corpus_count must be an integer, but came as 'x'"):
        Vocabulary(["a"], [1], "x")
    with pytest.raises(ValueError, match="words must differ, but 'a' came twice"):
        Vocabulary(["a", "a"], [1, 1])


def test_sentences_that_are_plain_str_warn_and_give_characters() -> None:
    with pytest.warns(UserWarning, match="the first is a str: its characters are taken as words"):
        vocabulary = Vocabulary.from_sentences(["aab", "b"])
    assert vocabulary.index_to_key == ["a", "b"] and vocabulary.counts.tolist() == [2, 2]


@pytest.mark.parametrize("block", [7, 1 << 22])
def test_bytes_that_are_not_utf8_are_an_error_with_their_place(
    folder: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sources, "BLOCK", block)
    path = write(folder, "größe a\n\nb c\r d".encode() + b"\xe4\xb8 e\n")
    with pytest.raises(ValueError, match=r"corpus.txt.*byte 17 \(line 3\) is not"):
        Vocabulary.from_file(path)
    assert Vocabulary.from_file(path, unicode_errors="ignore").index_to_key == ["größe", "a", "b", "c", "d", "e"]
    assert "d\ufffd" in Vocabulary.from_file(path, unicode_errors="replace")
    with pytest.raises(ValueError, match="line 3"):
        Vocabulary.from_sentences(LineSentence(path))
    assert "d\ufffd" in Vocabulary.from_sentences(LineSentence(path, unicode_errors="replace"))


BYTES = st.lists(
    st.sampled_from(
        [
            b"a",
            b" ",
            b"\n",
            *(
                bytes([b])
                for b in b"\x80\x85\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xe2\xe3\xed\xef\xf0\xf1\xf4\xf5\xff"
            ),
        ]
    )
).map(b"".join)


@given(data=BYTES)
@example(data=b"\xed\x9f\xbf \xed\xa0\x80 \xee\x80\x80")
@example(data=b"a\xe0\x9f\xbfb \xe0\xa0\x80 \xc0\x80 \xc1\xbf")
@example(data=b"\xf0\x8f\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf \xf4\x90\x80\x80 \xf5\x80\x80\x80")
@example(data=b"\xe4\xb8a \xf0\x90\x80\n\xe4 \xff\xfe")
def test_bad_utf8_is_found_and_mended_as_python_does(folder: Path, data: bytes) -> None:
    path = write(folder, data)
    try:
        expected = counted(lines_of(data.decode()))
    except UnicodeDecodeError as error:
        with pytest.raises(ValueError, match=f"byte {error.start} \\(line {data[: error.start].count(10) + 1}\\)"):
            count_words(corpus_file=path)
    else:
        assert count_words(corpus_file=path).as_dict() == expected
    for errors in ("ignore", "replace"):
        raw = count_words(corpus_file=path, unicode_errors=errors)
        lines = lines_of(data.decode(errors=errors))
        assert list(raw.as_dict().items()) == list(counted(lines).items())
        assert (raw.sentences, raw.raw_words) == (len(lines), sum(map(len, lines)))


def test_progress_is_told_until_the_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sources, "BLOCK", 1000)
    told: list[tuple[int, int]] = []
    text = many_words(2000)
    raw = count_words(corpus_file=write(folder, text), progress=lambda *now: told.append(now))
    assert len(told) > 5 and told == sorted(told) and told[-1] == (raw.sentences, raw.raw_words)
