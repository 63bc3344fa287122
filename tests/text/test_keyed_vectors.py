from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import nncore
from nncore import _core
from nncore.text import KeyedVectors
from nncore.text._similarity import largest, products

KEYS = ["king", "queen", "man", "woman", "apple"]
#        royal  female  fruit
ROWS = [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.1, 0.0, 0.0], [0.1, 1.0, 0.0], [0.0, 0.0, 2.0]]


def small() -> KeyedVectors:
    """Five words in three dimensions, rows that lie apart as in a trained model."""
    room = np.zeros((5, 16), np.float32)
    room[:, :3] = ROWS
    return KeyedVectors.from_arrays(list(KEYS), room[:, :3], [9, 7, 5, 3, 1])


def random_vectors(count: int, size: int, seed: int = 0) -> KeyedVectors:
    rows = np.random.default_rng(seed).standard_normal((count, size)).astype(np.float32)
    return KeyedVectors.from_arrays([f"w{index}" for index in range(count)], rows)


def test_vectors_are_found_by_key_and_by_index() -> None:
    kv = small()
    assert (len(kv), kv.vector_size, str(kv)) == (5, 3, "KeyedVectors<vector_size=3, 5 keys>")
    assert_array_equal(kv["queen"], [1, 1, 0])
    assert_array_equal(kv[1], kv["queen"])
    assert_array_equal(kv[["man", 0]], np.array([ROWS[2], ROWS[0]], np.float32))
    assert "queen" in kv and "rook" not in kv and 4 in kv and 5 not in kv and -1 not in kv
    assert kv.get_index("man") == 2 and kv.get_index("rook", -7) == -7 and kv.has_index_for("man")
    assert_allclose(kv.get_vector("woman", norm=True), np.array([0.1, 1, 0]) / np.sqrt(1.01), rtol=1e-6)


def test_arrays_are_taken_and_not_copied() -> None:
    room = np.zeros((5, 16), np.float32)
    kv = KeyedVectors.from_arrays(KEYS, room[:, :3])
    assert kv.vectors.base is room
    assert kv.vectors.strides == (64, 4)
    kv["king"] = np.array([1, 2, 3])
    assert_array_equal(room[0, :3], [1, 2, 3])


def test_a_vector_that_was_handed_out_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        small()["king"][0] = 5


@pytest.mark.parametrize(
    "ask",
    [
        lambda kv: kv["rook"],
        lambda kv: kv[["king", "rook"]],
        lambda kv: kv.get_vector("rook"),
        lambda kv: kv.get_index("rook"),
        lambda kv: kv.most_similar("rook"),
        lambda kv: kv.most_similar(["king"], [("rook", 0.5)]),
        lambda kv: kv.most_similar_cosmul(["king", "rook"]),
        lambda kv: kv.similarity("king", "rook"),
        lambda kv: kv.distance("rook", "king"),
        lambda kv: kv.distances("rook"),
        lambda kv: kv.distances("king", ["rook"]),
        lambda kv: kv.closer_than("king", "rook"),
        lambda kv: kv.rank("rook", "king"),
        lambda kv: kv.most_similar_to_given("king", ["queen", "rook"]),
        lambda kv: kv.relative_cosine_similarity("king", "rook"),
        lambda kv: kv.get_vecattr("rook", "count"),
        lambda kv: kv.set_vecattr("rook", "count", 3),
        lambda kv: kv.get_mean_vector(["king", "rook"], ignore_missing=False),
    ],
)
def test_an_unknown_word_is_a_key_error_that_names_it(ask) -> None:
    with pytest.raises(KeyError, match="'rook' is not in the vocabulary"):
        ask(small())


def test_the_fourth_word_of_an_analogy() -> None:
    kv = small()
    assert kv.most_similar(["king", "woman"], ["man"], topn=1)[0][0] == "queen"
    assert kv.most_similar_cosmul(["king", "woman"], ["man"], topn=1)[0][0] == "queen"


def test_weights_and_vectors_in_place_of_keys() -> None:
    kv = small()
    plain = kv.most_similar(["king", "woman"], ["man"], topn=None)
    normed = kv.get_normed_vectors()
    asked = [("king", 1), (normed[3], 1.0), ("man", -1)]
    assert_allclose(kv.most_similar(asked, topn=None), plain, rtol=1e-6)
    mean = normed[0] + normed[3] - normed[2]
    assert_allclose(plain, normed @ mean / np.linalg.norm(mean), rtol=1e-5)
    assert_allclose(kv.most_similar(kv["king"], topn=None), kv.most_similar("king", topn=None))
    assert kv.similar_by_vector(kv["king"])[0][0] == "king"  # only keys that were given are left out
    assert kv.similar_by_word("king")[0][0] == "man"


def test_how_many_and_where_from() -> None:
    kv = small()
    assert [key for key, _ in kv.most_similar("king", topn=2)] == ["man", "queen"]
    assert [key for key, _ in kv.most_similar("king", topn=99)] == ["man", "queen", "woman", "apple"]
    assert kv.most_similar("king", topn=0) == kv.most_similar("king", topn=False) == []
    assert kv.most_similar("king", topn=None).shape == (5,)
    assert [key for key, _ in kv.most_similar("king", restrict_vocab=2)] == ["queen"]
    assert [key for key, _ in kv.most_similar("king", clip_start=3)] == ["woman", "apple"]
    assert [key for key, _ in kv.most_similar("king", clip_start=1, clip_end=3)] == ["man", "queen"]
    assert [key for key, _ in kv.most_similar_cosmul("king", restrict_vocab=2)] == ["queen"]


def test_an_indexer_is_asked() -> None:
    class Indexer:
        def most_similar(self, vector: NDArray[np.float32], topn: int) -> tuple[list[float], int]:
            return vector.tolist(), topn

    assert small().most_similar("apple", topn=3, indexer=Indexer()) == ([0, 0, 1], 3)


def test_ties_go_to_the_smaller_index() -> None:
    rows = np.tile(np.eye(2, dtype=np.float32), (20, 1))
    kv = KeyedVectors.from_arrays([f"w{index}" for index in range(40)], rows)
    assert [key for key, _ in kv.most_similar("w7", topn=5)] == ["w1", "w3", "w5", "w9", "w11"]
    assert [key for key, _ in kv.most_similar("w0", topn=39)[17:21]] == ["w36", "w38", "w1", "w3"]
    assert kv.most_similar_to_given("w1", ["w2", "w5", "w3"]) == "w5"
    assert [word for _, word in kv.rank_by_centrality(["w3", "w1", "w2", "w5"])] == ["w3", "w1", "w5", "w2"]


@pytest.mark.kernel
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 3, 16, 31, 32, 100])
def test_equal_vectors_are_equally_similar_on_any_number_of_threads(threads: None, dtype: type, size: int) -> None:
    rng = np.random.default_rng(size)
    row = rng.standard_normal(size)
    room = np.zeros((30_011, size + 5), dtype)
    room[:, :size] = row
    other = rng.standard_normal(size).astype(dtype)
    found = []
    for rows in (room[:, :size], room[::2, :size], room[::-1, :size], room[:, :size].copy()):
        for count in (1, 2, 3):
            nncore.set_num_threads(count)
            found.append(KeyedVectors.cosine_similarities(other, rows))
            assert len(found[-1]) == len(rows)
    values = np.unique(np.concatenate(found))
    assert len(values) == 1
    expected = row.astype(dtype).astype(float) @ other.astype(float)
    expected /= np.linalg.norm(row.astype(dtype).astype(float)) * np.linalg.norm(other.astype(float))
    assert_allclose(values[0], expected, rtol=1e-5)


@pytest.mark.kernel
def test_products_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    for size in range(1, 70):
        rows, vector = rng.standard_normal((37, size)), rng.standard_normal(size)
        for dtype in (np.float32, np.float64):
            assert_allclose(
                products(rows.astype(dtype), vector), rows @ vector, atol=1e-4 if dtype == np.float32 else 1e-12
            )


@given(st.lists(st.sampled_from([0.0, -1.0, 2.5, 3.0, float("nan"), float("-inf")]), max_size=30), st.integers(1, 40))
def test_the_largest_are_those_of_a_stable_sort(values: list[float], count: int) -> None:
    array = np.array(values, np.float32)
    assert_array_equal(largest(array, count), np.argsort(-array, kind="stable")[:count])


def test_similarities_and_distances() -> None:
    kv = small()
    cosine = 1 / np.sqrt(2)
    assert kv.similarity("king", "queen") == pytest.approx(cosine)
    assert kv.distance("king", "queen") == pytest.approx(1 - cosine)
    assert_allclose(kv.distances("king"), [0, 1 - cosine, 0, 1 - 0.1 / np.sqrt(1.01), 1], atol=1e-6)
    assert_allclose(kv.distances(np.array([1.0, 0, 0]), ["apple", "queen"]), [1, 1 - cosine], atol=1e-6)
    assert kv.closer_than("king", "woman") == ["queen", "man"]
    assert (kv.rank("king", "man"), kv.rank("king", "woman")) == (1, 3)
    assert kv.n_similarity(["king", "rook"], ["queen"]) == pytest.approx(cosine)
    assert kv.doesnt_match(["king", "queen", "apple", "woman"]) == "apple"
    assert kv.most_similar_to_given("king", ["apple", "queen"]) == "queen"
    neighbours = sum(score for _, score in kv.most_similar("king", topn=2))
    assert kv.relative_cosine_similarity("king", "queen", topn=2) == pytest.approx(cosine / neighbours)
    assert_allclose(KeyedVectors.cosine_similarities(kv["king"], kv.vectors), 1 - kv.distances("king"), atol=1e-6)


def test_the_mean_of_keys_and_vectors() -> None:
    kv = small()
    assert_allclose(kv.get_mean_vector(["king", "apple"]), [0.5, 0, 0.5])
    assert_allclose(kv.get_mean_vector(["king", "apple"], pre_normalize=False), [0.5, 0, 1])
    assert_allclose(kv.get_mean_vector(["king", "apple"], [1, -3]), [0.25, 0, -0.75])
    assert_allclose(kv.get_mean_vector(["king", np.array([0, 3.0, 0])], post_normalize=True), [0.1**0.5, 0.9**0.5, 0])
    assert_array_equal(kv.get_mean_vector(["rook"]), [0, 0, 0])
    for arguments, message in (
        (([],), "keys must not be empty"),
        ((["king"], [1, 2]), "weights must have one value for each of the 1 keys"),
        (([np.zeros(4)],), r"shape \(3,\), got \(4,\)"),
        (([np.array([np.nan, 0, 0])],), "must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            kv.get_mean_vector(*arguments)


def test_words_that_are_not_there_are_left_out_of_a_ranking_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="left out: 'rook'"):
        assert small().doesnt_match(["king", "man", "rook", "apple"]) == "apple"
    with pytest.raises(ValueError, match="at least one key"):
        small().rank_by_centrality(["rook"])


def test_no_change_leaves_stale_norms() -> None:
    def check(kv: KeyedVectors) -> None:
        assert kv.norms is None or kv.norms.shape == (len(kv),)
        kv.fill_norms()
        assert_allclose(kv.norms, np.linalg.norm(kv.vectors, axis=1), rtol=1e-6)
        kv.most_similar(kv.index_to_key[0])

    kv = small()
    check(kv)
    kv["king"] = np.array([5.0, 5, 5])
    check(kv)
    kv[["man", "pawn"]] = np.full((2, 3), 7.0)
    check(kv)
    kv.add_vectors(["rook", "king"], [[1, 1, 1], [3, 3, 3]], replace=True)
    check(kv)
    kv.add_vector("bishop", [2, 2, 2])
    check(kv)
    kv.add_vector("bishop", [5, 6, 7])
    check(kv)
    kv.vectors *= 2
    check(kv)
    kv.vectors[0] = 9
    kv.fill_norms(force=True)
    check(kv)
    kv.unit_normalize_all()
    check(kv)
    kv.sort_by_descending_frequency()
    check(kv)


def test_keys_are_added_and_replaced() -> None:
    kv = small()
    kv.add_vectors(["king", "rook", "rook"], [[9, 9, 9], [1, 2, 3], [4, 5, 6]], {"count": [11, 12, 13]})
    assert kv.index_to_key == [*KEYS, "rook"]
    assert_array_equal(kv[["king", "rook"]], [[1, 0, 0], [1, 2, 3]])
    assert [kv.get_vecattr(key, "count") for key in ("king", "rook")] == [9, 12]
    kv.add_vectors(["king", "rook", "rook"], [[9, 9, 9], [1, 2, 3], [4, 5, 6]], {"count": [11, 12, 13]}, replace=True)
    assert_array_equal(kv[["king", "rook"]], [[9, 9, 9], [4, 5, 6]])
    assert [kv.get_vecattr(key, "count") for key in ("king", "rook")] == [11, 13]


def test_adding_one_by_one_keeps_what_is_there_and_fills_room_that_was_made() -> None:
    kv = KeyedVectors(2, count=3)
    assert len(kv) == 3
    rows = np.arange(200, dtype=np.float32).reshape(100, 2)
    for index, row in enumerate(rows):
        assert kv.add_vector(f"w{index}", row) == index
        kv.set_vecattr(f"w{index}", "count", index)
    assert_array_equal(kv.vectors, rows)
    assert_array_equal(kv.expandos["count"], np.arange(100))
    assert kv.add_vector("w5", [-1, -2]) == 5
    assert_array_equal(kv["w5"], [-1, -2])


def test_what_cannot_be_added_changes_nothing() -> None:
    kv = small()
    before = kv.vectors.copy()
    for keys, rows, message in (
        (["a"], [[1, 2]], r"shape \(1, 3\), got \(1, 2\)"),
        (["a", "king"], [[1, 2, 3], [1, np.nan, 3]], "that of 'king' has NaN"),
        (["a", "b"], [[1, 2, 3], [np.inf, 0, 3]], "that of 'b' has NaN or infinity"),
        (["a", "b"], [[1, 2, 3]], r"shape \(2, 3\), got \(1, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            kv.add_vectors(keys, rows, replace=True)
    with pytest.raises(ValueError, match="NaN"):
        kv["king"] = np.array([np.nan, 0, 0])
    with pytest.raises(ValueError, match="NaN"):
        kv.add_vector("new", [np.nan, 0, 0])
    with pytest.raises(ValueError, match="extras"):
        kv.add_vectors(["a"], [[1, 2, 3]], {"count": [1, 2]})
    with pytest.raises(TypeError, match="keys must be str or integers, got float"):
        kv.add_vectors([1.5], [[1, 2, 3]])
    assert kv.index_to_key == KEYS
    assert list(kv.key_to_index) == KEYS
    assert_array_equal(kv.vectors, before)


def test_arrays_that_do_not_fit_are_refused() -> None:
    for keys, rows, message in (
        (["a", "b", "a"], np.zeros((3, 2)), "'a' comes twice"),
        (["a"], np.zeros((2, 2)), r"shape \(len\(keys\), vector_size\)"),
        (["a"], np.zeros((1, 2), int), "floating numbers"),
        (["a"], np.zeros((1, 0)), "vector_size"),
    ):
        with pytest.raises(ValueError, match=message):
            KeyedVectors.from_arrays(keys, rows)
    with pytest.raises(ValueError, match="counts must have shape"):
        KeyedVectors.from_arrays(["a"], np.zeros((1, 2)), [1, 2])
    with pytest.raises(ValueError, match="vector_size must be an integer of at least 1, got 0"):
        KeyedVectors(0)
    with pytest.raises(TypeError, match="floating"):
        KeyedVectors(3, dtype=int)


def test_attributes_of_keys() -> None:
    kv = small()
    assert kv.get_vecattr("queen", "count") == 7
    kv.set_vecattr("queen", "tag", "noun")
    kv.set_vecattr("queen", "weight", 0.5)
    kv.set_vecattr("king", "weight", 2)
    assert (kv.get_vecattr("queen", "tag"), kv.get_vecattr("king", "weight")) == ("noun", 2.0)
    with pytest.raises(TypeError, match="'count' has the type int64, which cannot hold float64"):
        kv.set_vecattr("queen", "count", 1.5)
    with pytest.raises(KeyError, match="no attribute 'size'; there are: count, tag, weight"):
        kv.get_vecattr("queen", "size")


def test_sorting_keeps_the_order_of_equal_counts() -> None:
    kv = KeyedVectors.from_arrays(["a", "b", "c", "d"], np.eye(4, dtype=np.float32), [1, 5, 1, 5])
    kv.sort_by_descending_frequency()
    assert kv.index_to_key == ["b", "d", "a", "c"]
    assert_array_equal(kv.vectors, np.eye(4)[[1, 3, 0, 2]])
    assert_array_equal(kv.expandos["count"], [5, 5, 1, 1])
    assert kv.get_index("a") == 2
    with pytest.raises(KeyError, match="count"):
        random_vectors(2, 2).sort_by_descending_frequency()


def test_names_of_older_gensims_say_what_replaced_them() -> None:
    for old, new in (("index2word", "index_to_key"), ("vocab", "key_to_index"), ("vectors_norm", "get_normed_vectors")):
        with pytest.raises(AttributeError, match=new):
            getattr(small(), old)
    with pytest.raises(AttributeError, match="'KeyedVectors' object has no attribute 'nothing'"):
        _ = small().nothing


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_vectors_of_zeros_are_similar_to_nothing(dtype: type) -> None:
    kv = KeyedVectors.from_arrays(["zero", "one", "two"], np.array([[0, 0], [3, 4], [6, 8]], dtype))
    assert kv.most_similar("one") == [("two", pytest.approx(1, rel=2e-3 if dtype == np.float16 else 1e-6)), ("zero", 0)]
    assert kv.most_similar("zero") == [("one", 0.0), ("two", 0.0)]
    assert_allclose(kv.get_normed_vectors(), np.array([[0, 0], [0.6, 0.8], [0.6, 0.8]], dtype), rtol=1e-6)
    assert kv.get_normed_vectors().dtype == dtype
    assert kv.similarity("zero", "one") == 0
    assert_array_equal(kv.distances("zero"), [1, 1, 1])
    kv.unit_normalize_all()
    assert_array_equal(kv["zero"], [0, 0])


def test_nothing_can_be_asked_of_nothing() -> None:
    kv = small()
    with pytest.raises(ValueError, match="positive and negative must not both be empty"):
        kv.most_similar()
    with pytest.raises(ValueError, match="positive must not be empty"):
        kv.most_similar_cosmul(negative=["king"])
    for ask in (kv.most_similar, kv.most_similar_cosmul):
        for name, value in (("topn", "x"), ("topn", 1.5), ("restrict_vocab", "x")):
            with pytest.raises(TypeError, match=f"^{name} must be an integer, but came as {value!r}"):
                ask("king", **{name: value})
        assert ask("king", topn=np.int64(2)) == ask("king", topn=2)
        assert ask("king", topn=False) == [] == ask("king", topn=-3)
    for wrong in (1.5, None, ("king",), ("king", 1, 2)):
        with pytest.raises(TypeError, match="^negative must be keys, vectors or pairs of one and its weight, but"):
            kv.most_similar("king", [wrong])
    with pytest.raises(TypeError, match="^the weight of 'king' in positive must be a number, but came as 'x'"):
        kv.most_similar([("king", "x")])
    with pytest.raises(TypeError, match=r"negative must be keys or vectors, but one is \('man', 2\)"):
        kv.most_similar_cosmul("king", [("man", 2)])
    with pytest.raises(ZeroDivisionError, match="must not be empty"):
        kv.n_similarity([], ["king"])
    with pytest.raises(ValueError, match="must not be empty"):
        kv.most_similar_to_given("king", [])
    with pytest.raises(ValueError, match="topn must leave"):
        kv.relative_cosine_similarity("king", "man", topn=0)
    with pytest.raises(ValueError, match="must be finite"):
        kv.similar_by_vector([np.nan, 0, 0])
    empty = KeyedVectors(3)
    assert empty.similar_by_vector([1, 0, 0]) == []
    assert "king" not in empty


def test_vectors_for_all_takes_keys_once_in_their_order() -> None:
    kv = small()
    made = kv.vectors_for_all(["man", "rook", "king", "man"])
    assert made.index_to_key == ["man", "king"]
    assert_array_equal(made.vectors, kv[["man", "king"]])
    assert_array_equal(made.expandos["count"], [2, 1])
    assert_array_equal(kv.vectors_for_all(["man", "king"], copy_vecattrs=True).expandos["count"], [5, 9])
    made["man"] = np.zeros(3)
    assert kv["man"].any()


ANALOGIES = """: royal
man king woman queen
man king woman apple
Man King Woman Queen
man king woman rook
too few words
: empty
"""


def test_analogies_by_section(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text(ANALOGIES)
    kv = small()
    score, (royal, empty, total) = kv.evaluate_word_analogies(path)
    right, wrong = ("MAN", "KING", "WOMAN", "QUEEN"), ("MAN", "KING", "WOMAN", "APPLE")
    assert royal == {"section": "royal", "correct": [right, right], "incorrect": [wrong]}
    assert empty == {"section": "empty", "correct": [], "incorrect": []}
    assert total == {**royal, "section": "Total accuracy"}
    assert score == pytest.approx(2 / 3)
    unknown = ("MAN", "KING", "WOMAN", "ROOK")
    assert kv.evaluate_word_analogies(path, dummy4unknown=True)[1][0]["incorrect"] == [wrong, unknown]
    assert kv.evaluate_word_analogies(path, case_insensitive=False)[0] == 1 / 2
    assert kv.evaluate_word_analogies(path, similarity_function="most_similar_cosmul")[0] == pytest.approx(2 / 3)
    assert kv.evaluate_word_analogies(path, restrict_vocab=3)[0] == 0


def test_analogies_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text("man king woman queen\n")
    with pytest.raises(ValueError, match=r"questions.txt', line 1: no heading"):
        small().evaluate_word_analogies(path)
    path.write_bytes(b": x\n\xff\n")
    with pytest.raises(ValueError, match="line 2: not UTF-8"):
        small().evaluate_word_analogies(path)
    with pytest.raises(ValueError, match="similarity_function must be one of"):
        small().evaluate_word_analogies(path, similarity_function="distance")
    with pytest.raises(FileNotFoundError):
        small().evaluate_word_analogies(tmp_path / "none")


def test_analogies_answer_as_one_by_one(tmp_path: Path) -> None:
    kv = random_vectors(5000, 8)
    kv.vectors[100:200] = kv.vectors[:100]  # ties
    kv.fill_norms(force=True)
    rng = np.random.default_rng(1)
    asked = [[f"w{index}" for index in row] for row in rng.integers(0, 5000, (150, 3))]
    answers = [kv.most_similar([b, c], [a], topn=1)[0][0] for a, b, c in asked]
    path = tmp_path / "questions.txt"
    path.write_text(
        ": all\n" + "".join(f"{' '.join(row)} {answer}\n" for row, answer in zip(asked, answers, strict=True))
    )
    score, _ = kv.evaluate_word_analogies(path)
    assert score > 0.98  # two sums of the same numbers in another order may differ


@pytest.mark.kernel
@pytest.mark.parametrize("products", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_answers_are_the_first_of_the_best_words(threads: None, products: bool, dtype: type) -> None:
    rng = np.random.default_rng(0)
    cosines = rng.integers(0, 5, (9, 75)).astype(dtype) / 4  # many ties
    questions = rng.integers(0, 9, (200, 3))
    excluded = np.sort(rng.integers(-1, 320, (200, 6)), axis=1)  # of which the words 100 to 174 are here
    a, b, c = (cosines[questions[:, column]] for column in range(3))
    scores = b * c / (a + dtype(1e-6)) if products else b + c - a
    for row, without in zip(scores, excluded, strict=True):
        row[without[(without >= 100) & (without < 175)] - 100] = -np.inf
    before = np.full(200, 0.7, dtype)
    for count in (1, 2, 3):
        nncore.set_num_threads(count)
        best, answers = before.copy(), np.full(200, -1)
        _core.best_answers(cosines, 100, questions, excluded, products, best, answers)
        assert_array_equal(best, np.maximum(scores.max(axis=1), before))
        assert_array_equal(answers, np.where(scores.max(axis=1) > before, 100 + scores.argmax(axis=1), -1))
    with pytest.raises(ValueError, match="questions must be rows of the 9 of cosines, but one is 9"):
        _core.best_answers(cosines, 0, questions + 1, excluded, products, best, answers)


def test_pairs_against_judgements(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("# words and scores\nking\tqueen\t7\nKing\tman\t9\nking\tapple\t1\nking\trook\t5\nking\tman\n\n")
    pearson, spearman, absent = small().evaluate_word_pairs(path)
    cosines = [1 / np.sqrt(2), 1, 0]
    assert pearson[0] == pytest.approx(np.corrcoef([7, 9, 1], cosines)[0, 1])
    assert spearman.statistic == pytest.approx(1)
    assert absent == 25
    assert small().evaluate_word_pairs(path, dummy4unknown=True)[2] == 25
    with pytest.raises(ValueError, match="has no pair"):
        small().evaluate_word_pairs(path, delimiter=";")


def same(kv: KeyedVectors, other: KeyedVectors) -> None:
    assert other.index_to_key == kv.index_to_key
    assert other.key_to_index == kv.key_to_index
    assert other.vectors.dtype == kv.vectors.dtype
    assert_array_equal(other.vectors, kv.vectors)
    assert list(other.expandos) == list(kv.expandos) or set(other.expandos) == set(kv.expandos)
    for name, values in kv.expandos.items():
        assert_array_equal(other.expandos[name], values)


@pytest.mark.parametrize("mmap", [False, True, "r"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_saved_file_brings_everything_back(tmp_path: Path, mmap: bool | str, dtype: type) -> None:
    kv = small()
    kv.vectors = kv.vectors.astype(dtype)
    kv.set_vecattr("queen", "tag", "noun")
    kv.add_vectors(["é è\n", "", "\udcff", 17], np.ones((4, 3)))
    kv.save(tmp_path / "kv.safetensors")
    loaded = KeyedVectors.load(tmp_path / "kv.safetensors", mmap=mmap)
    same(kv, loaded)
    assert loaded.vectors.flags.writeable is not bool(mmap)
    assert loaded.most_similar("king") == kv.most_similar("king")
    same(kv, pickle.loads(pickle.dumps(kv)))


def test_a_mapped_file_cannot_be_changed_but_extended(tmp_path: Path) -> None:
    small().save(tmp_path / "kv")
    kv = KeyedVectors.load(tmp_path / "kv", mmap=True)
    with pytest.raises(ValueError, match="read-only"):
        kv["king"] = np.ones(3)
    assert_array_equal(kv["king"], ROWS[0])
    kv.unit_normalize_all()
    assert_allclose(np.linalg.norm(kv.vectors, axis=1), 1, rtol=1e-6)
    kv = KeyedVectors.load(tmp_path / "kv", mmap=True)
    kv["rook"] = np.ones(3)
    assert_array_equal(kv["rook"], 1)
    assert "rook" not in KeyedVectors.load(tmp_path / "kv")
    KeyedVectors(4).save(tmp_path / "empty")
    assert KeyedVectors.load(tmp_path / "empty", mmap=True).vectors.shape == (0, 4)


@given(st.data())
def test_a_damaged_file_is_an_error_that_names_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = tmp_path_factory.getbasetemp() / "whole.kv"
    if not whole.exists():
        small().save(whole)
    content = bytearray(whole.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.kv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged.kv"):
        KeyedVectors.load(path)
    try:
        KeyedVectors.load(path, mmap=True)  # which does not look at every byte
    except ValueError as error:
        assert "damaged.kv" in str(error)


def test_room_without_keys_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="room for keys"):
        KeyedVectors(3, count=2).save(tmp_path / "kv")
    assert not list(tmp_path.iterdir())


def test_a_dictionary_that_is_made_late_knows_all():
    def made():
        return KeyedVectors.from_arrays(["a", "b"], np.eye(2, dtype=np.float32))

    vectors = made()
    vectors.add_vector("c", [1, 2])
    assert vectors.key_to_index == {"a": 0, "b": 1, "c": 2}
    vectors = made()
    vectors.add_vectors(["b", "c"], np.ones((2, 2)))
    assert vectors.key_to_index == {"a": 0, "b": 1, "c": 2}
    for copied in (copy.deepcopy(made()), pickle.loads(pickle.dumps(made()))):
        assert copied.key_to_index == {"a": 0, "b": 1}
    room = KeyedVectors(2, 3)
    assert room.key_to_index == {}
    assert room.add_vector("x", [1, 2]) == 0

    vectors = made()
    shallow = copy.copy(vectors)  # shares keys, and so what is known of them
    assert "a" in shallow
    vectors.add_vector("c", [1, 2])
    assert shallow.key_to_index == {"a": 0, "b": 1, "c": 2}


def test_keys_that_come_twice_are_named():
    with pytest.raises(ValueError, match="keys must be different, but 'b' comes twice"):
        KeyedVectors.from_arrays(["a", "b", "c", "d", "b"], np.eye(5, dtype=np.float32))
