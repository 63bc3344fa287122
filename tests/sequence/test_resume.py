"""Training that is stopped anywhere and goes on ends where it would have ended, bit for bit."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading

import pytest

from nncore import nn
from nncore.sequence import LanguageModel
from nncore.sequence._training import uninterrupted


def stop_after(step):
    """A callback that plays Ctrl-C after so many training steps."""

    def callback(model):
        if len(model.history_["step_loss"]) == step:
            raise KeyboardInterrupt

    return callback


# 12 chunks an epoch: after the first step, within an epoch, after its last step, at the last step of all
STEPS = (1, 7, 12, 13, 24)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("params", [{}, {"cell": "gru", "num_layers": 2, "dropout": 0.2}, {"cell": "elman"}])
def test_interrupted_and_resumed_is_uninterrupted(make, rhyme, step, params, assert_same_training):
    whole = make(**params).fit(rhyme)
    model = make(**params)
    with pytest.raises(KeyboardInterrupt):
        model.fit(rhyme, callback=stop_after(step))
    assert len(model.history_["step_loss"]) == step
    assert len(model.generate(5, random_state=0)) == 5
    assert model.fit(rhyme, resume=True) is model
    assert_same_training(model, whole)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("carry", ["save", "pickle"])
def test_a_stored_training_goes_on(make, rhyme, step, carry, tmp_path, assert_same_training):
    whole = make(dropout=0.2).fit(rhyme)
    model = make(dropout=0.2)
    with pytest.raises(KeyboardInterrupt):
        model.fit(rhyme, callback=stop_after(step))
    if carry == "save":
        model.save(tmp_path / "model")
        model = LanguageModel.load(tmp_path / "model")
    else:
        model = pickle.loads(pickle.dumps(model))
    assert_same_training(model.fit(rhyme, resume=True), whole)


def test_another_process_goes_on(make, rhyme, tmp_path, assert_same_training):
    whole = make(cell="gru", dropout=0.1).fit(rhyme)
    model, path = make(cell="gru", dropout=0.1), tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        model.fit(rhyme, callback=stop_after(17))
    model.save(path)
    script = f"""
from nncore.sequence import LanguageModel
LanguageModel.load({str(path)!r}).fit({rhyme!r}, resume=True).save({str(path)!r})
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert_same_training(LanguageModel.load(path), whole)


@pytest.mark.parametrize("step", [5, 12, 30, 41])
def test_early_stopping_is_resumed_as_well(make, noise, step, tmp_path, assert_same_training):
    params = {"early_stopping": True, "epochs": 30, "n_iter_no_change": 2, "learning_rate": 0.05, "batch_size": 4}
    whole = make(**params).fit(noise)
    assert 41 < len(whole.history_["step_loss"]) < 30 * 15
    model = make(**params)
    with pytest.raises(KeyboardInterrupt):
        model.fit(noise, callback=stop_after(step))
    model.save(tmp_path / "model")
    assert_same_training(LanguageModel.load(tmp_path / "model").fit(noise, resume=True), whole)


def test_more_epochs_are_like_more_epochs_from_the_start(make, noise, tmp_path, assert_same_training):
    for params in ({}, {"early_stopping": True, "learning_rate": 0.05}):
        model = make(epochs=3, **params).fit(noise)
        assert_same_training(model.fit(noise, resume=True), make(epochs=3, **params).fit(noise))
        model.save(tmp_path / "model")
        model = LanguageModel.load(tmp_path / "model").set_params(epochs=7).fit(noise, resume=True)
        assert_same_training(model, make(epochs=7, **params).fit(noise))


@pytest.mark.usefixtures("ctrl_c")
def test_a_real_signal_waits_for_the_end_of_the_step(make, rhyme, monkeypatch, assert_same_training):
    whole = make().fit(rhyme)
    model, train_step = make(), nn.Sequential.train_step
    calls = []

    def interrupted_step(*args, **kwargs):
        result = train_step(*args, **kwargs)
        calls.append(1)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return result

    monkeypatch.setattr(nn.Sequential, "train_step", interrupted_step)
    with pytest.raises(KeyboardInterrupt):
        model.fit(rhyme)
    assert len(calls) == len(model.history_["step_loss"]) == 5
    assert_same_training(model.fit(rhyme, resume=True), whole)


def test_signals_are_held_back_once_and_their_handler_returns():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append("handler"))
    try:
        with uninterrupted():
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
            seen.append("block")
        assert seen == ["block", "handler"]
        os.kill(os.getpid(), signal.SIGINT)
        assert seen == ["block", "handler", "handler"]
    finally:
        signal.signal(signal.SIGINT, before)


def test_training_works_in_another_thread(make, rhyme, assert_same_training):
    model = make()
    thread = threading.Thread(target=model.fit, args=(rhyme,))
    thread.start()
    thread.join()
    assert_same_training(model, make().fit(rhyme))


def test_any_exception_of_a_callback_leaves_a_model_to_go_on_with(make, rhyme, assert_same_training):
    class StopError(Exception):
        pass

    def callback(model):
        if len(model.history_["step_loss"]) == 3:
            raise StopError

    model = make()
    with pytest.raises(StopError):
        model.fit(rhyme, callback=callback)
    assert_same_training(model.fit(rhyme, resume=True), make().fit(rhyme))


def test_resume_refuses_another_text_and_other_parameters(make, rhyme):
    with pytest.raises(ValueError, match="not fitted yet"):
        make().fit(rhyme, resume=True)
    model = make()
    with pytest.raises(KeyboardInterrupt):
        model.fit(rhyme, callback=stop_after(7))
    with pytest.raises(ValueError, match="text is not the one that training was reading"):
        model.fit(rhyme[1:], resume=True)
    with pytest.raises(ValueError, match="batch_size was 6 when training began and is 7 now"):
        model.set_params(batch_size=7).fit(rhyme, resume=True)
    assert len(model.history_["step_loss"]) == 7
    model.set_params(batch_size=6, learning_rate=1e-4).fit(rhyme, resume=True)
    assert model._training.optimizer.lr == 1e-4
