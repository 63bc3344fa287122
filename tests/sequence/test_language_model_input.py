"""Bad input gets an error that names it, and changes nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nncore import _files
from nncore.sequence import LanguageModel

BAD = [
    ("level", "line", ValueError),
    ("level", None, ValueError),
    ("cell", "LSTM", ValueError),
    ("hidden_size", 0, ValueError),
    ("hidden_size", 2.5, TypeError),
    ("hidden_size", True, TypeError),
    ("num_layers", -1, ValueError),
    ("num_layers", "2", TypeError),
    ("embedding_dim", 0, ValueError),
    ("embedding_dim", 1.0, TypeError),
    ("sequence_length", 0, ValueError),
    ("batch_size", 0, ValueError),
    ("batch_size", None, TypeError),
    ("dropout", 1, ValueError),
    ("dropout", -0.1, ValueError),
    ("dropout", float("nan"), ValueError),
    ("epochs", 0, ValueError),
    ("epochs", "3", TypeError),
    ("learning_rate", 0, ValueError),
    ("learning_rate", float("inf"), ValueError),
    ("learning_rate", None, TypeError),
    ("max_grad_norm", 0, ValueError),
    ("max_grad_norm", "1", TypeError),
    ("early_stopping", 1, TypeError),
    ("validation_fraction", 0, ValueError),
    ("validation_fraction", 1, ValueError),
    ("n_iter_no_change", 0, ValueError),
    ("tol", -1e-9, ValueError),
    ("unknown", 3, TypeError),
    ("unknown", "ab", ValueError),
    ("min_count", 0, ValueError),
    ("max_vocab_size", 1, ValueError),
    ("dtype", "float16", ValueError),
    ("dtype", np.float32, ValueError),
    ("random_state", -1, ValueError),
    ("random_state", 2**64, ValueError),
    ("random_state", 1.0, TypeError),
    ("random_state", "0", TypeError),
    ("verbose", None, TypeError),
]


@pytest.mark.parametrize(("name", "value", "error"), BAD)
def test_a_bad_parameter_is_named_when_fit_begins(make, rhyme, name, value, error):
    model = make(**{name: value})
    for call in (model.fit, model.partial_fit):
        with pytest.raises(error, match=f"^{name} must "):
            call(rhyme)
    assert not hasattr(model, "net_")


def test_a_bad_parameter_leaves_a_fitted_model_as_it_was(make, rhyme):
    model = make().fit(rhyme)
    bits = model.bits_per_character(rhyme)
    with pytest.raises(ValueError, match="hidden_size"):
        model.set_params(hidden_size=0).fit(rhyme)
    with pytest.raises(ValueError, match="at least 2 characters"):
        model.set_params(hidden_size=3).fit("a")
    assert model.bits_per_character(rhyme) == bits and model.n_iter_ == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"unknown": "a b", "level": "word"}, "unknown must be a word without blanks"),
        ({"min_count": 2}, "min_count=2 drops characters, so unknown must be a character"),
        ({"max_vocab_size": 5}, "max_vocab_size=5 drops characters, so unknown must be a character"),
    ],
)
def test_parameters_must_fit_each_other(make, rhyme, params, message):
    with pytest.raises(ValueError, match=message):
        make(**params).fit(rhyme)


@pytest.mark.parametrize("text", [b"bytes", bytearray(b"bytes"), None, 3, ["a", "list"], np.array(["a"])])
def test_a_text_that_is_no_str_is_refused(make, rhyme, text):
    fitted = make().fit(rhyme)
    for call in (
        make().fit,
        make(early_stopping=True).fit,
        make().partial_fit,
        fitted.fit,
        fitted.partial_fit,
        fitted.perplexity,
        fitted.bits_per_character,
        fitted.score,
        fitted.encode,
    ):
        with pytest.raises(TypeError, match="text must be a str, but is"):
            call(text)
    with pytest.raises(TypeError, match="prompt must be a str, but is"):
        fitted.generate(3, prompt=text)
    if isinstance(text, bytes):
        with pytest.raises(TypeError, match=r"decode it first: text\.decode"):
            fitted.fit(text)


@pytest.mark.parametrize("text", ["", "a"])
def test_a_text_with_nothing_to_predict_is_refused(make, rhyme, text):
    fitted = make().fit(rhyme + "a")
    for call in (make().fit, fitted.fit, fitted.partial_fit, fitted.perplexity, fitted.score):
        with pytest.raises(ValueError, match=f"text must have at least 2 characters.* but has {len(text)}"):
            call(text)
    with pytest.raises(ValueError, match="text must have at least 2 words or line breaks.* but has 1"):
        make(level="word").fit("  word ")


def test_a_text_too_short_to_hold_some_out_is_refused(make):
    for params in ({}, {"validation_fraction": 0.9}):
        with pytest.raises(ValueError, match=r"text must have at least 2|early_stopping holds out, must have"):
            make(early_stopping=True, **params).fit("abcd")


def test_an_unknown_character_is_named(make, rhyme):
    model = make().fit(rhyme)
    for call in (model.perplexity, model.bits_per_character, model.score, model.encode, model.partial_fit):
        with pytest.raises(ValueError, match=r"text has the character 'Z' \(at index 3\)"):
            call("to Z")
    with pytest.raises(ValueError, match="prompt has the character 'Z'"):
        model.generate(3, prompt="Z")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": -1}, ValueError, "n must be an integer >= 0"),
        ({"n": 2.0}, TypeError, "n must be an integer >= 0"),
        ({"n": 2**62}, ValueError, "^n must be at most 100000000, but is 4611686018427387904$"),
        ({"n": 3, "temperature": -1}, ValueError, "temperature must be a number"),
        ({"n": 3, "temperature": float("inf")}, ValueError, "temperature must be a number"),
        ({"n": 3, "temperature": "hot"}, TypeError, "temperature must be a number"),
        ({"n": 3, "random_state": "a"}, TypeError, "random_state must be"),
    ],
)
def test_arguments_of_generate_are_checked(make, rhyme, arguments, error, message):
    with pytest.raises(error, match=message):
        make().fit(rhyme).generate(**arguments)


@pytest.mark.parametrize(
    ("ids", "error"),
    [([0, 99], IndexError), ([-1], IndexError), ([0.5], TypeError), ([[0]], ValueError), ([True], TypeError)],
)
def test_ids_are_checked(make, rhyme, ids, error):
    with pytest.raises(error, match="^ids must"):
        make().fit(rhyme).decode(ids)


def test_a_model_that_is_not_fitted_says_so(make, tmp_path):
    for call in (
        lambda model: model.generate(3),
        lambda model: model.encode("a"),
        lambda model: model.decode([0]),
        lambda model: model.perplexity("ab"),
        lambda model: model.bits_per_character("ab"),
        lambda model: model.score("ab"),
        lambda model: model.save(tmp_path / "model"),
    ):
        with pytest.raises(ValueError, match="This LanguageModel is not fitted yet"):
            call(make())
    assert not list(tmp_path.iterdir())


def test_parameters_are_stored_as_they_come_and_read_back():
    value = object()
    model = LanguageModel(hidden_size=value, dropout="x")
    assert model.get_params()["hidden_size"] is value
    assert model.set_params(hidden_size=3, epochs=1) is model
    assert (model.hidden_size, model.epochs) == (3, 1)
    with pytest.raises(ValueError, match="Invalid parameter 'hidden' for estimator LanguageModel"):
        model.set_params(epochs=5, hidden=3)
    assert model.epochs == 1
    assert repr(LanguageModel("word", epochs=3)) == "LanguageModel(level='word', epochs=3)"


def test_scikit_learn_can_clone_it(make, rhyme):
    base = pytest.importorskip("sklearn.base")
    model = make(cell="gru").fit(rhyme)
    copy = base.clone(model)
    assert copy.get_params() == model.get_params() and not hasattr(copy, "net_")


def test_a_damaged_file_is_refused_by_name(make, rhyme, tmp_path):
    path = tmp_path / "model.safetensors"
    make().fit(rhyme).save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            LanguageModel.load(path)
    for position in range(0, len(whole), 61):
        damaged = bytearray(whole)
        damaged[position] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            LanguageModel.load(path)


def test_a_file_that_contradicts_itself_is_refused_by_name(make, rhyme, tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(KeyboardInterrupt):
        make().fit(rhyme, callback=_interrupt_and_save(path))
    description, arrays = _files.read_model(path, "LanguageModel")
    for key in description:
        for value in (None, [], {}, "x", 10**30):
            broken = description | {key: value}
            if json.dumps(broken) != json.dumps(description) and not (key == "unknown" and value is None):
                _refused_or_harmless(path, broken, arrays)
    for name in arrays:
        less = {other: array for other, array in arrays.items() if other != name}
        for changed in (less, arrays | {name: arrays[name][:1]}, arrays | {name: arrays[name].astype(np.int8)}):
            _refused_or_harmless(path, description, changed)


def _interrupt_and_save(path):
    def callback(model):
        model.save(path)
        raise KeyboardInterrupt

    return callback


def _refused_or_harmless(path, description, arrays):
    _files.write_model(path, "LanguageModel", description, arrays)
    try:
        model = LanguageModel.load(path)
    except ValueError as error:
        assert "model.safetensors" in str(error)
    else:
        assert isinstance(model.generate(2), str)


def test_a_file_of_another_kind_is_refused_by_name(tmp_path):
    path = tmp_path / "other.safetensors"
    _files.write_model(path, "Sequential", {}, {})
    with pytest.raises(ValueError, match=r"other\.safetensors' holds a Sequential, not a LanguageModel"):
        LanguageModel.load(path)
    path.write_text("Shall I compare thee to a summer's day?")
    with pytest.raises(ValueError, match=r"other\.safetensors"):
        LanguageModel.load(path)
    with pytest.raises(FileNotFoundError):
        LanguageModel.load(tmp_path / "none")
