"""Several workers, several calls, several threads: what they share."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import nncore
from nncore.text import Word2Vec, _word2vec_training

from .small_corpus import KINDS, SMALL, same, sentences


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_several_workers_learn_what_one_learns(kind, deterministic):
    nncore.set_num_threads(4)
    softmax = "softmax" in kind
    text = sentences(4_000 if softmax else 60_000, words=40 if softmax else 600)
    settings = {**SMALL, **KINDS[kind], "epochs": 3}
    one = Word2Vec(text, **settings)
    several = Word2Vec(text, **{**settings, "workers": 3}, deterministic=deterministic)
    losses = one.history_["loss"], several.history_["loss"]
    assert losses[1][-1] == pytest.approx(losses[0][-1], rel=0.15 if deterministic else 0.02)
    for name, used_most in (("_negative", slice(100)), ("_tree", slice(-100, None))):
        if getattr(one, name) is not None:
            lengths = [np.linalg.norm(getattr(model, name)[used_most], axis=1).mean() for model in (one, several)]
            assert lengths[1] > (0.3 if deterministic else 0.75) * lengths[0]


@pytest.mark.parametrize("kind", ["sg", "cbow hs", "softmax"])
def test_losses_do_not_depend_on_how_long_calls_are(kind, monkeypatch):
    text = sentences(6_000, words=100)
    models = []
    for seconds in (1e-9, 1e9):
        monkeypatch.setattr(_word2vec_training, "CALL_SECONDS", seconds)
        models.append(Word2Vec(text, **SMALL, **KINDS[kind]))
    same(*models)
    assert models[0].history_["loss"] == models[1].history_["loss"]
    assert models[0].get_latest_training_loss() == models[1].get_latest_training_loss()


LONG = {
    "softmax": {"negative": 0, "full_softmax": True},
    "deterministic softmax": {"sg": 1, "negative": 0, "full_softmax": True, "deterministic": True},
    "wide windows": {"sg": 1, "negative": 60, "window": 400, "shared_negatives": False},
    "deterministic, wide windows": {"negative": 400, "sg": 1, "window": 60, "deterministic": True},
}


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("kind", LONG)
def test_ctrl_c_is_answered_within_a_call_that_takes_long(kind):
    rng = np.random.default_rng(0)
    text = [[f"w{i}" for i in rng.integers(4000, size=1000)] for _ in range(140)]
    model = Word2Vec(**{**SMALL, **LONG[kind], "vector_size": 300})
    model.build_vocab(text)
    before, sent = model.wv.vectors.copy(), []

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(0.7, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        model.train(text)
    assert time.monotonic() - sent[0] < 2  # a second, and some for a busy machine
    assert np.isfinite(model.wv.vectors).all() and model._unfinished is not None
    if "deterministic" in kind and model._unfinished.chunk == 0:
        assert_array_equal(model.wv.vectors, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("kind", ["sg", "deterministic"])
def test_interrupted_again_and_again_a_training_comes_to_the_same(kind):
    text = sentences(30_000, words=300)
    settings = {**SMALL, "sg": 1, "deterministic": kind == "deterministic"}
    whole, model = Word2Vec(text, **settings), Word2Vec(**settings)
    model.build_vocab(text)
    stop = threading.Event()

    def interrupt():
        while not stop.wait(0.15):
            os.kill(os.getpid(), signal.SIGINT)

    thread, times = threading.Thread(target=interrupt), 0
    thread.start()
    while True:
        try:
            model.train(text)
            break
        except KeyboardInterrupt:
            times += 1
            if times == 4:
                stop.set()
                thread.join()
    stop.set()
    same(whole, model)
    assert model.history_["loss"] == whole.history_["loss"]


def test_a_second_thread_is_refused():
    text = sentences(40_000, words=500)
    model, begun = Word2Vec(**SMALL), threading.Event()
    model.build_vocab(text)

    class Began:
        def on_epoch_begin(self, model):
            begun.set()

    other = threading.Thread(target=lambda: model.train(text, callbacks=[Began()]))
    other.start()
    begun.wait()
    for call in (lambda: model.train(text), lambda: model.build_vocab([["new"]], update=True)):
        with pytest.raises(RuntimeError, match="this Word2Vec is in use by another thread"):
            call()
    other.join()
    assert len(model.history_["loss"]) == SMALL["epochs"]
    same(model, Word2Vec(text, **SMALL))


def test_a_tree_of_one_word_has_nothing_to_learn():
    for settings in ({"sg": 1}, {}, {"sg": 1, "deterministic": True}):
        model = Word2Vec(**{**SMALL, **settings, "hs": 1, "negative": 0})
        model.build_vocab([["a"] * 10] * 100)
        before = model.wv.vectors.copy()
        model.train([["a"] * 10] * 100)
        assert_array_equal(model.wv.vectors, before)
        assert model.get_latest_training_loss() == 0


@pytest.mark.parametrize("kind", ["sg", "softmax"])
def test_a_handler_that_lets_it_go_on_changes_nothing(kind):
    """Nor does a round that was given up leave anything in the copies that the next one is trained on."""
    text = sentences(8_000 if kind == "softmax" else 30_000, words=300)
    settings = {**SMALL, **KINDS[kind], "deterministic": True, "vector_size": 100}
    whole, model = Word2Vec(text, **settings), Word2Vec(**settings)
    model.build_vocab(text)
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    stop = threading.Event()

    def interrupt():
        while not stop.wait(0.05):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        timer = threading.Timer(0.7, stop.set)
        timer.start()
        model.train(text)
    finally:
        stop.set()
        thread.join()
        signal.signal(signal.SIGINT, before)
    same(whole, model)
    assert model.history_["loss"] == whole.history_["loss"]


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("deterministic", [False, True])
def test_a_rate_of_zero_moves_nothing(deterministic):
    nncore.set_num_threads(3)
    text = sentences(60_000, words=300)
    model = Word2Vec(**{**SMALL, "workers": 3, "sg": 1}, deterministic=deterministic)
    model.build_vocab(text)
    before = model.wv.vectors.copy()
    model.train(text, start_alpha=0, end_alpha=0, epochs=1)
    assert_array_equal(model.wv.vectors, before)


@pytest.mark.usefixtures("threads")
def test_the_last_of_the_rows_that_workers_have_moves_as_far_as_those_before_it():
    """Its updates are not those of all the rows behind it, which would be taken for far too many."""
    nncore.set_num_threads(2)
    last, moved = 255, []
    rng = np.random.default_rng(0)
    for _ in range(12):
        text = [[f"w{i}" for i in line] for line in rng.integers(0, 3_000, (600, 100))]
        settings = {"vector_size": 8, "min_count": 1, "sg": 1, "sample": 0, "epochs": 1, "window": 2, "seed": 1}
        one, two = (
            np.linalg.norm(Word2Vec(text, **settings, workers=n, alpha=0.1, min_alpha=0.1)._negative, axis=1)
            for n in (1, 2)
        )
        ratio = two / one
        moved.append(ratio[last] / ratio[last - 20 : last].mean())
    assert np.mean(moved) > 0.8
