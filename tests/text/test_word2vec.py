import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore.text import KeyedVectors, LineSentence, NGramModel, Phrases, Word2Vec, cooccurrence

from .small_corpus import KINDS, SMALL, same, sentences


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(" ".join(s) for s in sentences()) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_training_learns_which_words_go_together(kind):
    rng = np.random.default_rng(0)
    groups = [["sun", "moon", "star", "sky"], ["cat", "dog", "cow", "pig"], ["red", "blue", "pink", "gold"]]
    text = [list(rng.choice(groups[i % 3], size=8)) for i in range(900)]
    settings = {**SMALL, "epochs": 8, "alpha": 0.03, **KINDS[kind]}
    model = Word2Vec(text, **settings)
    for group in groups:
        for word in group:
            nearest = {other for other, _ in model.wv.most_similar(word, topn=3)}
            assert nearest == set(group) - {word}
    losses = model.history_["loss"]
    assert len(losses) == 8 and losses[-1] < losses[0]
    assert model.get_latest_training_loss() > 0


def test_a_list_a_file_and_a_line_sentence_give_the_same_model(corpus_file):
    from_list = Word2Vec(sentences(), **SMALL)
    from_file = Word2Vec(corpus_file=corpus_file, **SMALL)
    from_lines = Word2Vec(LineSentence(corpus_file), **SMALL)
    same(from_list, from_file)
    same(from_list, from_lines)
    assert from_list.corpus_count == 300
    assert from_list.corpus_total_words == sum(map(len, sentences()))


def test_building_and_training_apart_is_the_same():
    model = Word2Vec(**SMALL)
    assert len(model.wv) == 0
    model.build_vocab(sentences())
    trained, raw = model.train(sentences(), total_examples=model.corpus_count, epochs=model.epochs)
    assert raw == 2 * model.corpus_total_words == trained
    same(model, Word2Vec(sentences(), **SMALL))


def test_the_seed_decides():
    one, two = (Word2Vec(sentences(), **SMALL, seed=seed).wv.vectors for seed in (1, 2))
    assert (one != two).any()


def test_initial_vectors_are_uniform_within_one_over_their_size():
    model = Word2Vec(vector_size=50, min_count=1)
    model.build_vocab([[str(i)] for i in range(400)])
    vectors = model.wv.vectors * 50
    assert vectors.shape == (400, 50) and np.abs(vectors).max() <= 1
    assert abs(vectors.mean()) < 0.02 and vectors.var() == pytest.approx(1 / 3, rel=0.03)
    assert not model.syn1neg.any()


def test_words_that_a_frequency_makes_rare_are_left_out():
    text = [["a"] * 5 + ["b"] * 3 + ["c"]] * 2
    model = Word2Vec(text, min_count=3, vector_size=4)
    assert model.wv.index_to_key == ["a", "b"]
    assert model.wv.get_vecattr("a", "count") == 10
    assert Word2Vec(text, min_count=1, max_final_vocab=1, vector_size=4).wv.index_to_key == ["a"]
    rule = Word2Vec(text, min_count=3, vector_size=4, trim_rule=lambda word, count, least: 1 if word == "a" else 2)
    assert rule.wv.index_to_key == ["b", "c"]
    unsorted = Word2Vec([["z", "a", "a"]], min_count=1, sorted_vocab=0, vector_size=4)
    assert unsorted.wv.index_to_key == ["z", "a"]


def test_a_vocabulary_from_frequencies():
    model = Word2Vec(vector_size=4, min_count=2)
    model.build_vocab_from_freq({"x": 2, "y": 5, "z": 1}, corpus_count=7, keep_raw_vocab=True)
    assert model.wv.index_to_key == ["y", "x"]
    assert model.corpus_count == 7 and model.raw_vocab == {"x": 2, "y": 5, "z": 1}
    with pytest.raises(TypeError, match="word_freq must have keys of type str, but one is 3"):
        model.build_vocab_from_freq({3: 1})
    with pytest.raises(ValueError, match="word_freq\\['x'\\] must be at least 0, but is -1"):
        model.build_vocab_from_freq({"x": -1})


@pytest.mark.parametrize("kind", ["sg", "hs"])
def test_a_grown_vocabulary_keeps_numbers_vectors_and_outputs(kind):
    model = Word2Vec(sentences(), **SMALL, **KINDS[kind])
    words, vectors = list(model.wv.index_to_key), model.wv.vectors.copy()
    more = [["w0", "new", "newer", "new"]] * 5
    model.build_vocab(more, update=True)
    assert model.wv.index_to_key == [*words, "new", "newer"]
    assert_array_equal(model.wv.vectors[: len(words)], vectors)
    assert model.wv.vectors[len(words) :].any()
    before = model.wv["new"].copy()
    model.train(more, epochs=3)
    assert (model.wv["new"] != before).any()
    assert model.wv.get_vecattr("new", "count") == 10
    with pytest.raises(RuntimeError, match="update=True needs a vocabulary"):
        Word2Vec().build_vocab(more, update=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_is_the_same_and_trains_on_to_the_same(kind, tmp_path):
    model = Word2Vec(sentences(), **SMALL, **KINDS[kind])
    model.save(tmp_path / "model")
    again = Word2Vec.load(tmp_path / "model")
    same(model, again)
    assert again.history_ == model.history_ and again.epochs == 2
    model.train(sentences(seed=1), epochs=1)
    again.train(sentences(seed=1), epochs=1)
    same(model, again)


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "model"
    Word2Vec(sentences(), **SMALL).save(path)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="model"):
        Word2Vec.load(path)
    path.write_bytes(data[:100])
    with pytest.raises(ValueError, match="model"):
        Word2Vec.load(path)
    Word2Vec(sentences(), **SMALL).wv.save(path)
    with pytest.raises(ValueError, match="model"):
        Word2Vec.load(path)


class Stop(Exception):
    pass


class StopsAfter:
    def __init__(self, epochs):
        self.left, self.moments = epochs, []

    def on_train_begin(self, model):
        self.moments.append("train begin")

    def on_epoch_begin(self, model):
        self.moments.append("epoch begin")

    def on_epoch_end(self, model):
        self.moments.append(("epoch end", model.get_latest_training_loss()))
        self.left -= 1
        if self.left == 0:
            raise Stop

    def on_train_end(self, model):
        self.moments.append("train end")


@pytest.mark.parametrize("saved", [False, True])
def test_a_stopped_training_goes_on_to_the_same_result(saved, tmp_path):
    settings = {**SMALL, "epochs": 4}
    whole = Word2Vec(sentences(), **settings)
    parts = Word2Vec(**settings)
    parts.build_vocab(sentences())
    callback = StopsAfter(2)
    with pytest.raises(Stop):
        parts.train(sentences(), callbacks=[callback])
    assert [m if isinstance(m, str) else m[0] for m in callback.moments] == [
        "train begin",
        *["epoch begin", "epoch end"] * 2,
    ]
    assert len(parts.history_["loss"]) == 2
    assert parts.wv.most_similar("w0")
    if saved:
        parts.save(tmp_path / "m")
        parts = Word2Vec.load(tmp_path / "m")
    parts.train(sentences())
    same(whole, parts)
    assert parts.get_latest_training_loss() == whole.get_latest_training_loss()
    assert parts.history_["loss"] == whole.history_["loss"]


def test_a_stopped_training_begins_anew_when_it_is_called_for_another():
    model = Word2Vec(**SMALL)
    model.build_vocab(sentences())
    with pytest.raises(Stop):
        model.train(sentences(), epochs=3, callbacks=[StopsAfter(1)])
    callback = StopsAfter(9)
    model.train(sentences(), epochs=2, callbacks=[callback])
    assert sum(m == "epoch begin" for m in callback.moments) == 2


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_is_answered_within_a_second_and_training_goes_on():
    text = sentences(40_000, words=2000)
    settings = {**SMALL, "vector_size": 200, "sg": 1, "epochs": 30}
    model = Word2Vec(**settings)
    model.build_vocab(text)
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(1.5, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.train(text)
    assert time.monotonic() - sent[0] < 1
    assert np.isfinite(model.wv.vectors).all() and model._unfinished is not None
    epochs_before = len(model.history_["loss"])
    with pytest.raises(Stop):
        model.train(text, callbacks=[StopsAfter(1)])
    assert len(model.history_["loss"]) == epochs_before + 1


@pytest.mark.usefixtures("threads")
def test_a_deterministic_model_does_not_depend_on_its_workers():
    nncore.set_num_threads(4)
    text = sentences(30_000, words=300)
    models = [
        Word2Vec(text, **{**SMALL, "workers": workers}, deterministic=True, sg=1, memory_limit=limit)
        for workers, limit in ((1, None), (2, 1000), (4, None))
    ]
    same(models[0], models[1])
    same(models[0], models[2])
    hogwild = Word2Vec(text, **{**SMALL, "workers": 4}, sg=1)
    assert hogwild.history_["loss"][-1] == pytest.approx(models[0].history_["loss"][-1], rel=0.2)


def test_a_spilled_corpus_gives_the_same_bits():
    same(Word2Vec(sentences(), **SMALL), Word2Vec(sentences(), **SMALL, memory_limit=0))


def test_vectors_that_the_user_replaced_are_trained_on():
    model = Word2Vec(**SMALL)
    model.build_vocab(sentences())
    given = np.full((len(model.wv), 12), 0.01, np.float64)
    model.wv.vectors = given
    model.train(sentences(), epochs=1, start_alpha=1e-9, end_alpha=1e-9)
    assert_allclose(model.wv.vectors, 0.01, atol=1e-5)
    model.wv.vectors = given[:5]
    with pytest.raises(ValueError, match="wv.vectors must be of shape"):
        model.train(sentences())


def test_locked_words_stay_and_neighbours_follow_changed_vectors():
    model = Word2Vec(**SMALL)
    model.build_vocab(sentences())
    model.wv.vectors_lockf = np.ones(len(model.wv), np.float32)
    model.wv.vectors_lockf[3] = 0
    before = model.wv.vectors.copy()
    model.wv.fill_norms()
    model.train(sentences())
    moved = (model.wv.vectors != before).any(axis=1)
    assert not moved[3] and moved.sum() == len(model.wv) - 1
    lengths = np.linalg.norm(model.wv.vectors, axis=1)
    expected = model.wv.vectors @ model.wv.vectors[0] / lengths / lengths[0]
    assert_allclose(model.wv.distances("w0"), 1 - expected, atol=1e-5)


def test_training_can_begin_with_given_vectors():
    given = KeyedVectors(12)
    given.add_vectors(["w0", "w5", "unknown"], np.eye(3, 12, dtype=np.float32))
    model = Word2Vec(**SMALL, init=given)
    model.build_vocab(sentences())
    assert_array_equal(model.wv["w5"], np.eye(3, 12)[1])
    assert np.abs(model.wv["w1"]).max() <= 1 / 12
    with pytest.raises(ValueError, match="init must have vectors of size 12, but has 3"):
        Word2Vec(**SMALL, init=KeyedVectors(3))


@pytest.mark.parametrize("kind", ["sg", "hs"])
@pytest.mark.parametrize("by_hand", [False, True])
def test_a_model_follows_when_its_words_are_sorted(kind, by_hand, tmp_path):
    corpus = sentences()
    model = Word2Vec(corpus, **{**SMALL, **KINDS[kind], "sorted_vocab": 0})
    before = copy.deepcopy(model)
    if by_hand:
        model.wv = model.wv.vectors_for_all(model.wv.index_to_key[::-1], copy_vecattrs=True)
    else:
        model.wv.sort_by_descending_frequency()
    assert model.wv.index_to_key != before.wv.index_to_key
    order = [before.wv.key_to_index[word] for word in model.wv.index_to_key]
    path = tmp_path / "sorted"
    model.save(path)
    for each in (model, Word2Vec.load(path), pickle.loads(pickle.dumps(model))):
        assert_array_equal(each.wv.vectors, before.wv.vectors[order])
        if kind == "sg":
            assert_array_equal(each.syn1neg, before.syn1neg[order])
            old, new = (dict(m.predict_output_word(["w1", "w2"], topn=30)) for m in (before, each))
            assert old == pytest.approx(new, rel=1e-5)
        else:
            assert_allclose(each.score(corpus[:20]), before.score(corpus[:20]), rtol=1e-6)
    loss = model.history_["loss"][-1]
    model.train(corpus, epochs=3, start_alpha=0.025)
    assert model.history_["loss"][-1] < loss + 0.01


@pytest.mark.parametrize("moment", ["on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end"])
@pytest.mark.parametrize("change", ["sort", "add", "grow"])
def test_a_callback_that_changes_the_words_leaves_a_right_model(moment, change):
    class Changing:
        pass

    def act(callback, model):
        callback.before = copy.deepcopy(model.wv)
        if change == "sort":
            model.wv.sort_by_descending_frequency()
        elif change == "add":
            model.wv.add_vector("new", np.ones(12))
        else:
            model.build_vocab([["new"]], update=True)

    setattr(Changing, moment, act)
    model, callback = Word2Vec(**SMALL, sorted_vocab=0), Changing()
    model.build_vocab(sentences())
    if moment == "on_train_end":
        model.train(sentences(), callbacks=[callback])
    else:
        with pytest.raises(RuntimeError, match="^the vocabulary must stay as it is during train"):
            model.train(sentences(), callbacks=[callback])
    assert len(model.wv) == len(model.wv.vectors) == len(callback.before) + (change != "sort")
    for word in callback.before.index_to_key:
        assert_array_equal(model.wv[word], callback.before[word])
    if change != "add":
        model.train(sentences())


def test_vectors_that_a_callback_replaces_are_trained_on():
    class Zero:
        def on_epoch_begin(self, model):
            model.wv.vectors = np.zeros_like(model.wv.vectors)

    model = Word2Vec(sentences(), **{**SMALL, "epochs": 1}, callbacks=[Zero()], negative=0, full_softmax=True)
    assert np.abs(model.wv.vectors).max() < 1e-3


def test_reset_from_takes_the_vocabulary_alone():
    model = Word2Vec(sentences(), **SMALL)
    other = Word2Vec(**SMALL)
    other.reset_from(model)
    assert other.wv.index_to_key == model.wv.index_to_key
    assert not other.syn1neg.any() and other.wv.get_vecattr("w0", "count") == model.wv.get_vecattr("w0", "count")


def test_one_word_one_token_and_more_workers_than_sentences_are_no_errors():
    assert Word2Vec([["a"] * 10], vector_size=4, workers=64).wv.index_to_key == ["a"]
    model = Word2Vec([["a"], ["b"]] * 9, vector_size=4)
    assert np.isnan(model.history_["loss"]).all()  # no word has a neighbour
    assert Word2Vec([["a", "a"]] * 9, vector_size=4, hs=1, negative=0).wv.index_to_key == ["a"]


@pytest.mark.parametrize("kind", ["sg", "fresh", "cbow", "hs"])
def test_a_rate_of_zero_changes_nothing(kind):
    model = Word2Vec(**{**SMALL, **KINDS[kind], "alpha": 0, "min_alpha": 0})
    model.build_vocab(sentences())
    before = model.wv.vectors.copy()
    model.train(sentences())
    assert_array_equal(model.wv.vectors, before)
    assert np.isfinite(model.history_["loss"]).all()


@pytest.mark.parametrize("again", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("kind", ["sg", "hs"])
def test_a_copy_trains_on_to_the_same(kind, again):
    model = Word2Vec(sentences(), **{**SMALL, "vector_size": 20}, **KINDS[kind])
    other = again(model)
    same(model, other)
    for each in (model, other):
        each.train(sentences(seed=1), epochs=1)
    same(model, other)
    assert other.wv.vectors.base is not model.wv.vectors.base
    assert len(pickle.dumps(model)) < 4 * (model.wv.vectors.nbytes * 2 + 4000)


def test_a_model_with_words_that_were_added_is_saved_but_not_trained(tmp_path):
    model = Word2Vec(sentences(), **SMALL)
    model.wv.add_vector("added", np.ones(12, np.float32))
    model.wv.set_vecattr("w0", "kind", "number")
    model.save(tmp_path / "m")
    again = Word2Vec.load(tmp_path / "m")
    assert_array_equal(again.wv["added"], 1)
    assert again.wv.get_vecattr("w0", "kind") == "number"
    with pytest.raises(ValueError, match="words are added by build_vocab\\(update=True\\)"):
        again.train(sentences())
    model.wv.vectors = model.wv.vectors[:3]
    with pytest.raises(ValueError, match="keys but 3 vectors"):
        model.save(tmp_path / "m")
    assert len(Word2Vec.load(tmp_path / "m").wv) == len(again.wv)


def test_a_model_saved_at_the_end_of_the_last_epoch_can_be_trained_on(tmp_path):
    class Saves:
        def on_epoch_end(self, model):
            model.save(tmp_path / "m")

    Word2Vec(sentences(), **SMALL, callbacks=[Saves()])
    again = Word2Vec.load(tmp_path / "m")
    before = again.wv.vectors.copy()
    again.train(sentences())
    assert (again.wv.vectors != before).any() and len(again.history_["loss"]) == 4


def test_outputs_can_be_set():
    model = Word2Vec(sentences(), **SMALL)
    model.syn1neg = np.ones_like(model.syn1neg)
    assert (model.syn1neg == 1).all() and not model._negative[:, 12:].any()
    with pytest.raises(ValueError, match="syn1neg must be of shape"):
        model.syn1neg = np.ones(3)


def test_gensims_arguments_of_files_are_accepted(tmp_path):
    model = Word2Vec(sentences(), **SMALL)
    with pytest.warns(UserWarning, match="separately has no effect"):
        model.save(tmp_path / "m", separately=[])
    with pytest.warns(UserWarning, match="mmap has no effect"):
        Word2Vec.load(tmp_path / "m", mmap="r")
    with open(tmp_path / "p", "wb") as file:
        pickle.dump(model, file)
    for kind in (Word2Vec, KeyedVectors):
        with pytest.raises(ValueError, match="is a pickle, as gensim writes.*from_gensim"):
            kind.load(tmp_path / "p")


def test_progress_is_silent_without_a_terminal(capfd):
    Word2Vec(sentences(), **SMALL, verbose=1)
    assert capfd.readouterr() == ("", "")


class Making:
    """Sentences that make their words while they are read, in a list that they use again."""

    def __init__(self, sentences):
        self._sentences = sentences

    def __iter__(self):
        words = []
        for sentence in self._sentences:
            words[:] = [word[:2] + word[2:] for word in sentence]
            yield words


LONG = [[f"internationalization_{3 * i + j}" for j in range(3)] + ["α" * 20] * (i % 2) for i in range(2000)]


def test_words_that_live_only_while_they_are_read():
    settings = {**SMALL, "min_count": 1, "epochs": 1, "sample": 0, "workers": 1}
    given, made = Word2Vec(LONG, **settings), Word2Vec(Making(LONG), **settings)
    assert made.wv.index_to_key == given.wv.index_to_key
    assert made.train(Making(LONG), epochs=1) == given.train(LONG, epochs=1)
    np.testing.assert_array_equal(made.wv.vectors, given.wv.vectors)
    assert Phrases(Making(LONG), min_count=1).vocab == Phrases(LONG, min_count=1).vocab
    assert NGramModel(2).fit(Making(LONG)).perplexity(LONG) == NGramModel(2).fit(LONG).perplexity(LONG)
    assert (cooccurrence(Making(LONG), window=1)[0] != cooccurrence(LONG, window=1)[0]).nnz == 0


def test_attributes_of_numpy_are_saved(tmp_path):
    model = Word2Vec(sentences(), **SMALL)
    model.alpha, model.epochs, model.window = np.float32(0.5), np.int64(3), np.int32(4)
    model.save(tmp_path / "model")
    loaded = Word2Vec.load(tmp_path / "model")
    assert (loaded.alpha, loaded.epochs, loaded.window) == (0.5, 3, 4)


def test_an_update_keeps_to_the_greatest_vocabulary():
    model = Word2Vec(min_count=1, max_final_vocab=2, vector_size=2)
    model.build_vocab([["a"] * 5 + ["b"] * 4 + ["c"] * 3])
    model.build_vocab([["x"] * 9 + list("defghijklmnop")], update=True)
    assert model.wv.index_to_key == ["a", "b", "x"] and model.effective_min_count == 2  # as gensim has it


def test_a_window_may_be_longer_than_any_sentence():
    for sg in (0, 1):
        wide = Word2Vec(sentences(), **{**SMALL, "window": 10**6, "sg": sg, "shrink_windows": False})
        narrow = Word2Vec(sentences(), **{**SMALL, "window": 100, "sg": sg, "shrink_windows": False})
        np.testing.assert_array_equal(wide.wv.vectors, narrow.wv.vectors)


def test_training_loads_no_more_than_it_needs():
    code = """if True:
        import sys
        import numpy  # older ones load their generators at once
        before = set(sys.modules)
        from nncore.text import Word2Vec
        model = Word2Vec([["a", "b"], ["b", "a"]], min_count=1, vector_size=4, seed=1, workers=1)
        assert not {"numpy.random", "hashlib", "tqdm", "scipy"} & (set(sys.modules) - before)
        assert "_key_to_index" not in vars(model.wv)
    """
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)


def test_an_update_keeps_wv_and_what_is_known_of_its_keys():
    model = Word2Vec([["a", "b"] * 5], **SMALL)
    wv = model.wv
    wv.set_vecattr("a", "color", "red")
    wv.vectors_lockf = np.array([0.5], np.float32)
    model.build_vocab([["z"] * 3], update=True)
    assert model.wv is wv and "z" in wv and wv.vectors.shape == (3, 12)
    assert (wv.get_vecattr("a", "color"), wv.get_vecattr("z", "color")) == ("red", 0)
    assert wv.get_vecattr("z", "count") == 3
    assert_array_equal(wv.vectors_lockf, [0.5])
    model.train([["a", "z"] * 5])
    model.build_vocab([["y"] * 5])
    assert model.wv.index_to_key == ["y"] and list(model.wv.expandos) == ["count"]
    assert wv.index_to_key == ["a", "b", "z"] and len(wv.vectors) == 3  # others may have it
    assert model.history_ == {"loss": [], "words_per_second": []}
