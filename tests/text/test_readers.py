from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncore.text import LineSentence, PathLineSentences, Text8Corpus, readers

TEXT = "the cat sat\n\n on  the\u3000mat\r\n größe\n\n"
SENTENCES = [["the", "cat", "sat"], ["on", "the", "mat"], ["größe"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("readers")
    (made / "b.txt").write_bytes(TEXT.encode())
    (made / "a.txt.gz").write_bytes(gzip.compress(b"more words here"))
    return made


def test_each_line_with_words_is_a_sentence_and_can_be_read_again(folder: Path) -> None:
    reader = LineSentence(folder / "b.txt")
    assert list(reader) == SENTENCES == list(reader)
    assert list(LineSentence(str(folder / "a.txt.gz"))) == [["more", "words", "here"]]


def test_open_files_are_read_from_their_beginning(folder: Path) -> None:
    for file in (io.StringIO(TEXT), io.BytesIO(TEXT.encode()), (folder / "b.txt").open("rb")):
        with file:
            file.read(5)
            reader = LineSentence(file)
            assert list(reader) == SENTENCES == list(reader)


def test_no_word_of_a_long_line_is_lost(folder: Path) -> None:
    (folder / "long").mkdir(exist_ok=True)
    path = folder / "long" / "long.txt"
    path.write_text("a b " * 20_001)
    assert [len(sentence) for sentence in LineSentence(path)] == [40_002]
    assert [len(sentence) for sentence in LineSentence(path, max_sentence_length=10_000)] == [10_000] * 4 + [2]


def test_limit_counts_lines_with_and_without_words(folder: Path) -> None:
    assert list(LineSentence(folder / "b.txt", limit=2)) == SENTENCES[:1]
    assert list(LineSentence(folder / "b.txt", limit=0)) == []


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path, folder: Path) -> None:
    for name in ("a.txt.gz", "b.txt"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    reader = PathLineSentences(tmp_path)
    assert [Path(path).name for path in reader.input_files] == ["a.txt.gz", "b.txt"]
    assert list(reader) == [["more", "words", "here"], *SENTENCES]
    assert list(PathLineSentences(tmp_path, 2, 1)) == [["more", "words"], ["here"], ["the", "cat"], ["sat"]]
    assert list(PathLineSentences(tmp_path / "b.txt")) == SENTENCES
    with pytest.raises(ValueError, match="neither"):
        PathLineSentences(tmp_path / "nowhere")


def test_text8_gives_sentences_of_equal_length(folder: Path) -> None:
    words = TEXT.split()
    for length in (1, 3, 4, 100):
        expected = [words[start : start + length] for start in range(0, len(words), length)]
        assert list(Text8Corpus(folder / "b.txt", length)) == expected


@settings(max_examples=60)
@given(
    text=st.text(st.sampled_from("ab \n\u3000é"), max_size=40), length=st.integers(1, 5), repeat=st.integers(1, 9000)
)
def test_text8_has_all_words_of_a_file_of_any_length(folder: Path, text: str, length: int, repeat: int) -> None:
    path = folder / "t8"
    path.write_bytes((text * repeat).encode())
    words = (text * repeat).split()
    assert list(Text8Corpus(path, length)) == [words[at : at + length] for at in range(0, len(words), length)]


def test_bytes_that_are_not_utf8_are_an_error_with_file_and_line(folder: Path) -> None:
    (folder / "bad").mkdir(exist_ok=True)
    path = folder / "bad" / "bad.txt"
    path.write_bytes(b"good line\nb\xffd one\n")
    with pytest.raises(ValueError, match=r"bad.txt': line 2 is not UTF-8"):
        list(LineSentence(path))
    with pytest.raises(ValueError, match=r"bad.txt' is not UTF-8"):
        list(Text8Corpus(path))
    assert list(LineSentence(path, unicode_errors="ignore")) == [["good", "line"], ["bd", "one"]]
    assert list(Text8Corpus(path, unicode_errors="replace")) == [["good", "line", "b\ufffdd", "one"]]


def test_bad_arguments_are_named(folder: Path) -> None:
    with pytest.raises(ValueError, match="max_sentence_length must be at least 1, but is 0"):
        LineSentence(folder / "b.txt", 0)
    with pytest.raises(ValueError, match="limit must be at least 0, but is -1"):
        PathLineSentences(folder, limit=-1)
    for reader in (LineSentence, PathLineSentences):
        with pytest.raises(TypeError, match="^limit must be an integer, but came as 'x'"):
            reader(folder, limit="x")
    for reader in (LineSentence, PathLineSentences, Text8Corpus):
        with pytest.raises(TypeError, match="^max_sentence_length must be an integer, but came as 2.5"):
            reader(folder, 2.5)
        with pytest.raises(ValueError, match="^unicode_errors must be one of 'strict', .* but is 'x'"):
            reader(folder, unicode_errors="x")
    with pytest.raises(TypeError, match="source must be a file or a folder, but came as int"):
        PathLineSentences(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="source must be a path or a file that can seek, but came as list"):
        LineSentence(SENTENCES)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        list(LineSentence(folder / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        list(Text8Corpus(folder / "nowhere"))


@given(
    line=st.text(alphabet="ab \t\r\x1c\u2003é", max_size=60),
    most=st.integers(1, 6),
    piece=st.integers(1, 20),
)
def test_a_long_line_is_cut_without_a_list_of_all_its_words(line: str, most: int, piece: int) -> None:
    words = line.split()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "_PIECE", piece)
        cut = list(LineSentence(io.StringIO(line), most))
    assert cut == [words[start : start + most] for start in range(0, len(words), most)]


@pytest.mark.peer
def test_sentences_are_gensims(folder: Path) -> None:
    word2vec = pytest.importorskip("gensim.models.word2vec")
    path = folder / "peer"
    path.write_bytes(TEXT.encode() * 3000)
    assert list(LineSentence(path, 2, 77)) == list(word2vec.LineSentence(str(path), 2, 77))
    path.write_bytes(b"some words of a text " * 3000)
    assert list(Text8Corpus(path, 7)) == list(word2vec.Text8Corpus(str(path), 7))
