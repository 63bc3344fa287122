from __future__ import annotations

import os
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncore
from nncore.text import LineSentence, PathLineSentences, Vocabulary, _corpus, _sources
from nncore.text._corpus import EncodedCorpus, encode
from nncore.text._sources import check_source

CORPUS = [["b", "a", "c"], ["a", "d", "b"], [], ["a"], ["e"]]

# Words of letters, so that they are the same in a line.
SENTENCES = st.lists(st.lists(st.text("aбc", min_size=1, max_size=2), min_size=1, max_size=5), max_size=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


def write(folder: Path, sentences: list[list[str]], name: str = "corpus.txt") -> Path:
    path = folder / name
    path.write_text("\n".join(map(" ".join, sentences)), encoding="utf-8")
    return path


def ids_of(vocabulary: Vocabulary, sentences: list[list[str]]) -> list[int]:
    """Written as the definition says it."""
    ids = []
    for sentence in sentences:
        ids += [vocabulary.key_to_index[word] for word in sentence if word in vocabulary]
        ids.append(-1)
    return ids


def check(corpus: EncodedCorpus, vocabulary: Vocabulary, sentences: list[list[str]]) -> None:
    expected = ids_of(vocabulary, sentences)
    assert corpus.ids.tolist() == expected and corpus.ids.dtype == np.int32 and corpus.ids.flags.c_contiguous
    assert (corpus.sentences, corpus.words) == (len(sentences), len(expected) - len(sentences))
    assert corpus.raw_words == sum(map(len, sentences))


def test_rare_words_are_left_out_and_each_sentence_ends() -> None:
    vocabulary = Vocabulary.from_sentences(CORPUS, min_count=2)
    corpus = encode(vocabulary, CORPUS)
    assert corpus.ids.tolist() == [1, 0, -1, 0, 1, -1, -1, 0, -1, -1]
    assert (corpus.sentences, corpus.words, corpus.raw_words) == (5, 5, 8)


@settings(max_examples=60)
@given(sentences=SENTENCES, min_count=st.integers(1, 3), limit=st.sampled_from([None, 0, 8, 1 << 20]))
def test_files_and_lists_give_the_same_ids(
    folder: Path, sentences: list[list[str]], min_count: int, limit: int | None
) -> None:
    vocabulary = Vocabulary.from_sentences(sentences, min_count)
    path = write(folder, sentences)
    check(encode(vocabulary, sentences, memory_limit=limit), vocabulary, sentences)
    check(encode(vocabulary, corpus_file=path, memory_limit=limit), vocabulary, sentences)


@settings(max_examples=60)
@given(sentences=SENTENCES, block=st.integers(8, 20))
def test_blocks_of_any_size_give_the_same_ids(folder: Path, sentences: list[list[str]], block: int) -> None:
    vocabulary, before = Vocabulary.from_sentences(sentences, 2), _sources.BLOCK
    path = write(folder, sentences)
    _sources.BLOCK = block
    try:
        check(encode(vocabulary, corpus_file=path), vocabulary, sentences)
    finally:
        _sources.BLOCK = before


@settings(max_examples=60)
@given(sentences=SENTENCES, others=SENTENCES)
def test_a_corpus_can_be_encoded_with_another_ones_vocabulary(
    folder: Path, sentences: list[list[str]], others: list[list[str]]
) -> None:
    vocabulary = Vocabulary.from_sentences(others)
    check(encode(vocabulary, corpus_file=write(folder, sentences)), vocabulary, sentences)
    check(encode(Vocabulary(vocabulary.index_to_key, vocabulary.counts), sentences), vocabulary, sentences)


def many_sentences(count: int) -> list[list[str]]:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 60, count)
    words = [f"w{i}" for i in (rng.zipf(1.3, lengths.sum()) % 20_000).tolist()]
    ends = np.cumsum(lengths).tolist()
    return [words[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def test_neither_threads_nor_a_limit_of_memory_change_the_ids(
    folder: Path, threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = many_sentences(8_000)
    vocabulary, path = Vocabulary.from_sentences(sentences, 3), write(folder, sentences)
    expected = np.array(ids_of(vocabulary, sentences), np.int32)
    for count in (1, 2, 5):
        nncore.set_num_threads(count)
        np.testing.assert_array_equal(encode(vocabulary, corpus_file=path).ids, expected)
    monkeypatch.setattr(_sources, "BLOCK", 100_000)  # so that the limit is met after some blocks
    monkeypatch.setattr(_corpus, "_STEP", 100_000)
    for limit in (0, expected.nbytes // 2, expected.nbytes - 1, expected.nbytes):
        spilled = encode(vocabulary, sentences, memory_limit=limit)
        np.testing.assert_array_equal(spilled.ids, expected)
        assert isinstance(spilled.ids, np.memmap) == (limit < expected.nbytes)
        nothing_known = encode(Words(vocabulary), corpus_file=path, memory_limit=limit)
        np.testing.assert_array_equal(nothing_known.ids, expected)
        np.testing.assert_array_equal(encode(Words(vocabulary), sentences, memory_limit=limit).ids, expected)


class Words:
    """A vocabulary that does not know how long its corpus is."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.index_to_key = vocabulary.index_to_key


def test_a_line_that_threads_share_ends_once(folder: Path, threads: None) -> None:
    nncore.set_num_threads(2)
    for length in range(1, 7):  # so that a thread's part begins at each of a line's three bytes
        (folder / "short.txt").write_text("b" * length + " \n" + "a \n" * 60_000)
        ids = encode(Vocabulary(["a"], [1]), corpus_file=folder / "short.txt").ids
        np.testing.assert_array_equal(ids[1:], np.tile(np.array([0, -1], np.int32), 60_000))


def test_a_long_line_and_a_long_list_are_encoded_in_pieces(folder: Path) -> None:
    sentence = ["of", "the", "x"] * 1_000_000
    vocabulary = Vocabulary(["the", "of"], [2, 1])
    expected = np.append(np.tile(np.array([1, 0], np.int32), 1_000_000), -1)
    np.testing.assert_array_equal(encode(vocabulary, [sentence]).ids, expected)
    corpus = encode(vocabulary, corpus_file=write(folder, [sentence]))
    np.testing.assert_array_equal(corpus.ids, expected)
    assert (corpus.sentences, corpus.words, corpus.raw_words) == (1, 2_000_000, 3_000_000)


def test_readers_over_files_are_encoded_as_the_lists_that_they_give(tmp_path: Path) -> None:
    one, two = write(tmp_path, CORPUS[:2], "1.txt"), write(tmp_path, CORPUS[3:], "2.txt")
    vocabulary = Vocabulary.from_sentences(CORPUS)
    for reader in (LineSentence(one), LineSentence(two, 2), PathLineSentences(tmp_path), LineSentence(one, limit=1)):
        check(encode(vocabulary, reader), vocabulary, list(reader))


def test_a_file_that_became_shorter_is_encoded_as_far_as_it_goes(folder: Path) -> None:
    path = write(folder, many_sentences(2000), "shrinks.txt")
    vocabulary = Vocabulary.from_file(path)
    os.truncate(path, 1000)
    check(encode(vocabulary, corpus_file=path), vocabulary, [line.split() for line in path.read_text().split("\n")])


def test_bad_input_is_named(folder: Path) -> None:
    vocabulary = Vocabulary.from_sentences(CORPUS)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        encode(vocabulary, corpus_file=folder / "nowhere")
    with pytest.raises(TypeError, match=r"word 1 of sentence 1 \(from 0\) came as NoneType"):
        encode(vocabulary, [["a"], ["a", None]])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="memory_limit must be at least 0 bytes, but came as -1"):
        encode(vocabulary, CORPUS, memory_limit=-1)
    with pytest.raises(ValueError, match="words must differ, but 'a' came twice"):
        encode(Words(argument(["a", "a"])), CORPUS)
    path = folder / "bad.txt"
    path.write_bytes(b"a b\na\xff b")
    with pytest.raises(ValueError, match=r"bad.txt.*byte 5 \(line 2\)"):
        encode(vocabulary, corpus_file=path)
    assert encode(vocabulary, corpus_file=path, unicode_errors="ignore").ids.tolist() == [0, 1, -1, 0, 1, -1]


def argument(words: list[str]) -> Any:
    class Holder:
        index_to_key = words

    return Holder()


def test_an_iterator_is_refused_where_the_corpus_is_read_more_than_once() -> None:
    check_source(CORPUS, None, passes=5)
    check_source(iter(CORPUS), None, passes=1)
    with pytest.raises(TypeError, match="came as a generator, which can be read once, but 6 passes are needed"):
        check_source((sentence for sentence in CORPUS), None, passes=6)
    with pytest.raises(TypeError, match="came as a list_iterator"):
        check_source(iter(CORPUS), None, passes=2)


def test_ids_have_no_name_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    corpus = encode(Vocabulary.from_sentences(CORPUS), CORPUS, memory_limit=0)
    assert isinstance(corpus.ids, np.memmap) and not list(tmp_path.iterdir())
    assert not corpus.ids.flags.writeable


@pytest.mark.parametrize("known", [True, False])
def test_by_default_a_long_corpus_goes_to_a_file(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_corpus, "IDS_IN_MEMORY", 40)
    vocabulary = Vocabulary.from_sentences(CORPUS)
    corpus = encode(vocabulary if known else Words(vocabulary), CORPUS)
    assert isinstance(corpus.ids, np.memmap)
    check(corpus, vocabulary, CORPUS)


class Full:
    """A file on a disk that takes only the first `room` bytes."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: memoryview) -> int:
        taken = min(self._room, 1000, len(data))
        if taken == 0:
            raise OSError(28, "No space left on device")
        self._room -= taken
        return int(self._file.write(data[:taken]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Any:
        return self._file.__enter__()

    def __exit__(self, *error: object) -> None:
        self._file.__exit__(*error)


@pytest.mark.parametrize("room", [0, 100, 40_000, 90_001])
@pytest.mark.parametrize("known", [True, False])
def test_where_no_file_can_be_written_all_stays_in_memory(
    room: int, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = many_sentences(8_000)
    vocabulary = Vocabulary.from_sentences(sentences, 3)
    expected = np.array(ids_of(vocabulary, sentences), np.int32)
    made = _corpus._nameless
    monkeypatch.setattr(_corpus, "IDS_IN_MEMORY", expected.nbytes // 3)
    monkeypatch.setattr(_corpus, "_STEP", 10_000)
    files: list[Full] = []

    def full() -> Full:
        files.append(Full(made(), room))
        return files[-1]

    monkeypatch.setattr(_corpus, "_nameless", full)
    ids = encode(vocabulary if known else Words(vocabulary), sentences).ids
    assert not isinstance(ids, np.memmap) and len(files) == 1  # it does not try again and again
    np.testing.assert_array_equal(ids, expected)
    with pytest.raises(OSError, match="No space left"):
        encode(vocabulary if known else Words(vocabulary), sentences, memory_limit=0)


def test_a_folder_for_temporary_files_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_folder() -> Any:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(_corpus, "IDS_IN_MEMORY", 40)
    monkeypatch.setattr(_corpus, "_nameless", no_folder)
    vocabulary = Vocabulary.from_sentences(CORPUS)
    check(encode(vocabulary, CORPUS), vocabulary, CORPUS)
    with pytest.raises(FileNotFoundError):
        encode(vocabulary, CORPUS, memory_limit=0)


def mapped_memory() -> int:
    """Bytes of files that are mapped to this process and in memory."""
    found = re.search(r"RssFile:\s*(\d+)", Path("/proc/self/status").read_text())
    assert found
    return 1024 * int(found[1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's account of a process's memory")
def test_a_spilled_corpus_stays_in_the_file() -> None:
    sentences = [["a", "b"] * 500] * 5000  # 20 MB of ids
    corpus = encode(Vocabulary.from_sentences([["a", "b"]]), sentences, memory_limit=0)
    held = encode(Vocabulary.from_sentences([["a", "b"]]), sentences)
    assert not isinstance(held.ids, np.memmap)
    before = mapped_memory()
    assert corpus.checksum() == held.checksum() == zlib.crc32(np.array(corpus.ids).data)
    assert mapped_memory() > before + 15_000_000
    corpus.let_go()
    assert mapped_memory() < before + 5_000_000
    held.let_go()
    np.testing.assert_array_equal(corpus.ids, held.ids)
