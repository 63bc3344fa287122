from __future__ import annotations

import lzma
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nncore.text import Vocabulary
from nncore.text.vocabulary import RULE_DEFAULT, RULE_DISCARD, RULE_KEEP

CORPUS = [["b", "a", "c"], ["a", "d", "b"], ["a"], ["e"]]


def write(folder: Path, text: str | bytes, name: str = "corpus.txt") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


def test_most_frequent_words_come_first_and_equals_as_first_seen() -> None:
    vocabulary = Vocabulary.from_sentences(CORPUS)
    assert vocabulary.index_to_key == ["a", "b", "c", "d", "e"]
    assert vocabulary.counts.tolist() == [3, 2, 1, 1, 1] and vocabulary.counts.dtype == np.int64
    assert vocabulary.key_to_index == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4}
    assert (vocabulary.corpus_count, vocabulary.corpus_total_words) == (4, 8)
    assert len(vocabulary) == 5 and "a" in vocabulary and "z" not in vocabulary and vocabulary["c"] == 2
    with pytest.raises(KeyError, match="the word 'z' is not in the vocabulary"):
        vocabulary["z"]


def test_order_does_not_depend_on_pythons_hash_seed(folder: Path) -> None:
    path = write(folder, " ".join(f"wörter{i * i % 997}" for i in range(3000)))
    code = f"import nncore.text as t; v = t.Vocabulary.from_file({str(path)!r}); print(ascii(v.index_to_key))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


@pytest.mark.peer
def test_words_and_counts_are_gensims(data_dir: Path, folder: Path) -> None:
    word2vec = pytest.importorskip("gensim.models").Word2Vec
    with lzma.open(data_dir / "text" / "english.txt.xz") as file:
        path = write(folder, file.read(1_000_000) + b"\n")
    for chosen in (
        {"min_count": 5},
        {"min_count": 2, "max_final_vocab": 700},
        {"min_count": 9, "max_final_vocab": 9000},
    ):
        model = word2vec(vector_size=1, **chosen)
        model.build_vocab(corpus_file=str(path))
        ours = Vocabulary.from_file(path, chosen["min_count"], chosen.get("max_final_vocab"))
        assert dict(zip(ours.index_to_key, ours.counts.tolist(), strict=True)) == {
            word: model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key
        }
        assert ours.effective_min_count == model.effective_min_count
        assert (ours.corpus_count, ours.corpus_total_words) == (model.corpus_count, model.corpus_total_words)


def test_trim_rules_keep_discard_or_leave_it_to_min_count() -> None:
    seen = []

    def rule(word: str, count: int, least: int) -> int | None:
        seen.append((word, count, least))
        return {"e": RULE_KEEP, "a": RULE_DISCARD, "b": RULE_DEFAULT}.get(word)

    vocabulary = Vocabulary.from_sentences(CORPUS, min_count=2, trim_rule=rule)
    assert vocabulary.index_to_key == ["b", "e"]
    assert seen == [("b", 2, 2), ("a", 3, 2), ("c", 1, 2), ("d", 1, 2), ("e", 1, 2)]


def test_max_size_drops_all_words_of_the_count_that_does_not_fit() -> None:
    assert Vocabulary.from_sentences(CORPUS, max_size=3).index_to_key == ["a", "b"]
    assert Vocabulary.from_sentences(CORPUS, max_size=2).index_to_key == ["a", "b"]
    assert Vocabulary.from_sentences(CORPUS, max_size=5).index_to_key == ["a", "b", "c", "d", "e"]
    vocabulary = Vocabulary.from_sentences(CORPUS, max_size=1, keep_raw_vocab=True)
    assert vocabulary.effective_min_count == 3
    assert vocabulary.raw_counts == {"b": 2, "a": 3, "c": 1, "d": 1, "e": 1}


def test_a_grown_vocabulary_keeps_its_numbers_and_appends_the_new_words() -> None:
    vocabulary = Vocabulary.from_sentences(CORPUS, min_count=2)
    assert vocabulary.update([["x", "b", "y"], ["y", "z", "z", "y"], ["c"]]) == 2
    assert vocabulary.index_to_key == ["a", "b", "y", "z"]
    assert vocabulary.counts.tolist() == [3, 3, 3, 2]
    assert vocabulary.key_to_index == {"a": 0, "b": 1, "y": 2, "z": 3}
    assert (vocabulary.corpus_count, vocabulary.corpus_total_words) == (7, 16)
    assert vocabulary.update([["c"]], min_count=1) == 1 and vocabulary["c"] == 4


def test_a_failed_update_changes_nothing() -> None:
    vocabulary = Vocabulary.from_sentences(CORPUS)
    with pytest.raises(TypeError):
        vocabulary.update([["x", "a"], ["a", 3]])  # type: ignore[list-item]
    assert vocabulary == Vocabulary.from_sentences(CORPUS)


def test_saved_and_pickled_vocabularies_come_back(tmp_path: Path) -> None:
    vocabulary = Vocabulary.from_sentences([["größe", "", "new york", "größe"], []], keep_raw_vocab=True)
    vocabulary.save(tmp_path / "v")
    assert Vocabulary.load(tmp_path / "v") == vocabulary == pickle.loads(pickle.dumps(vocabulary))
    Vocabulary.from_sentences([]).save(tmp_path / "empty")
    assert len(Vocabulary.load(tmp_path / "empty")) == 0
    data = (tmp_path / "v").read_bytes()
    (tmp_path / "v").write_bytes(data[:-3])
    with pytest.raises(ValueError, match="v"):
        Vocabulary.load(tmp_path / "v")


def test_small_and_empty_corpora_are_right(folder: Path) -> None:
    for empty in ("", "\n \n\n", " "):
        vocabulary = Vocabulary.from_file(write(folder, empty))
        assert len(vocabulary) == 0 and vocabulary.corpus_count == 0 and vocabulary.counts.shape == (0,)
    assert len(Vocabulary.from_sentences([])) == 0
    assert Vocabulary.from_file(write(folder, "one")).index_to_key == ["one"]
    rare = Vocabulary.from_sentences(CORPUS, min_count=9)
    assert len(rare) == 0 and rare.corpus_total_words == 8


def test_a_trim_rule_that_answers_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^trim_rule must return .* \(0, 1 or 2\), but for 'a' it returned 'keep'"):
        Vocabulary.from_sentences([["a"]], trim_rule=lambda word, count, least: "keep")  # type: ignore[arg-type, return-value]
    kept = Vocabulary.from_sentences([["a"]], trim_rule=lambda word, count, least: None)  # type: ignore[arg-type, return-value]
    assert kept.index_to_key == ["a"]


def test_counts_whose_sum_is_too_great_are_refused() -> None:
    with pytest.raises(ValueError, match=rf"^counts must have a sum below 2\*\*63, but it is {2**63}"):
        Vocabulary(["a", "b"], [2**62, 2**62])
