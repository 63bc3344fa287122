from __future__ import annotations

import random

import pytest

from nncore.sequence import LanguageModel

RHYME = "to be or not to be, that is the question\n"


@pytest.fixture
def rhyme() -> str:
    """A text of 1,025 characters that repeats itself."""
    return RHYME * 25


@pytest.fixture
def noise() -> str:
    """A text of 1,003 characters that has no pattern."""
    return "".join(random.Random(0).choices("abcdef \n", k=1003))


@pytest.fixture
def make():
    """Makes a model that trains in milliseconds; every step sees an uneven remainder sooner or later."""

    def make_model(**params):
        small = {"hidden_size": 12, "sequence_length": 15, "batch_size": 6, "epochs": 2, "random_state": 0}
        return LanguageModel(**small | params)

    return make_model


@pytest.fixture
def assert_same_training():
    """Fails unless two models stand at the same point of the same training, bit for bit."""

    def compare(left, right):
        assert left.n_iter_ == right.n_iter_
        for name in ("step_loss", "bits_per_character", "validation_bits_per_character"):
            assert left.history_.get(name) == right.history_.get(name), name
        for ours, others in ((left.net_.state_dict(), right.net_.state_dict()), _moments(left, right)):
            assert ours.keys() == others.keys()
            for name, array in ours.items():
                assert array.tobytes() == others[name].tobytes(), name

    return compare


def _moments(*models):
    states = [model._training.optimizer.state_dict() for model in models]
    return [{name: value for name, value in state.items() if hasattr(value, "tobytes")} for state in states]
