"""Descriptions that make no network, and settings that make no optimizer or loss."""

import numpy as np
import pytest

import nncore.nn as nn

LAYERS = {
    "no inputs": (lambda: nn.Dense(0, 3), ValueError, "in_features"),
    "negative units": (lambda: nn.Dense(3, -1), ValueError, "out_features"),
    "units that are no integer": (lambda: nn.Dense(3, 2.5), TypeError, "out_features"),
    "unknown activation": (lambda: nn.Dense(3, 2, "swish"), ValueError, "activation"),
    "no hidden units": (lambda: nn.LSTM(3, 0), ValueError, "hidden_size"),
    "hidden units as text": (lambda: nn.GRU(3, "5"), TypeError, "hidden_size"),
    "no input": (lambda: nn.GRU(0, 3), ValueError, "input_size"),
    "no layers": (lambda: nn.Elman(3, 3, 0), ValueError, "num_layers"),
    "unknown nonlinearity": (lambda: nn.Elman(3, 3, nonlinearity="sigmoid"), ValueError, "nonlinearity"),
    "no words": (lambda: nn.Embedding(0, 3), ValueError, "num_embeddings"),
    "no dimensions": (lambda: nn.Embedding(3, 0), ValueError, "embedding_dim"),
    "more than everything dropped": (lambda: nn.Dropout(1.1), ValueError, "p"),
    "negative dropout": (lambda: nn.Dropout(-0.1), ValueError, "p"),
    "dropout as text": (lambda: nn.Dropout("0.1"), TypeError, "p"),
    "no features": (lambda: nn.BatchNorm(0), ValueError, "features"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name):
    make, error, argument = LAYERS[name]
    with pytest.raises(error, match=rf"\b{argument}\b"):
        make()


NETWORKS = {
    "nothing": ([], ValueError),
    "no list": (nn.Dense(3, 2), TypeError),
    "something else": (["dense"], TypeError),
    "a class": ([nn.LastStep], TypeError),
    "widths that do not fit": ([nn.Dense(3, 4), nn.Dense(5, 2)], ValueError),
    "a recurrent layer of another width": ([nn.LSTM(3, 4, bidirectional=True), nn.GRU(4, 2)], ValueError),
    "statistics of another width": ([nn.Dense(3, 4), nn.BatchNorm(3)], ValueError),
    "recurrent after the last step": ([nn.LSTM(3, 4), nn.LastStep(), nn.GRU(4, 2)], ValueError),
    "two last steps": ([nn.LSTM(3, 4), nn.LastStep(), nn.LastStep()], ValueError),
    "words in the middle": ([nn.Dense(3, 4), nn.Embedding(5, 4)], ValueError),
    "tied to nothing": ([nn.Embedding(5, 4), nn.Dense(4, 5, tied="3.weight")], ValueError),
    "tied to itself": ([nn.Embedding(5, 4), nn.Dense(4, 5, tied="1.weight")], ValueError),
    "tied to another shape": ([nn.Embedding(5, 4), nn.Dense(4, 6, tied="0.weight")], ValueError),
    "tied to a bias": ([nn.Dense(4, 4), nn.Dense(4, 4, tied="0.bias")], ValueError),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_network(name):
    layers, error = NETWORKS[name]
    with pytest.raises(error, match=r"layer|tied"):
        nn.Sequential(layers, seed=0)


@pytest.mark.parametrize("dtype", ["float16", "int32", "complex64", "bool", "nonsense", object])
def test_type_of_a_network(dtype):
    with pytest.raises((TypeError, ValueError), match="dtype"):
        nn.Sequential([nn.Dense(3, 2)], dtype=dtype)


@pytest.mark.parametrize("seed", [-1, 1.5, "one"])
def test_seed(seed):
    with pytest.raises((TypeError, ValueError), match="seed"):
        nn.Sequential([nn.Dense(3, 2)], seed=seed)


SETTINGS = {
    "negative rate": (lambda: nn.SGD(-0.1), "lr"),
    "rate that is no number": (lambda: nn.Adam(lr=np.nan), "lr"),
    "rate as text": (lambda: nn.SGD("0.1"), "lr"),
    "negative momentum": (lambda: nn.SGD(0.1, momentum=-0.1), "momentum"),
    "nesterov without momentum": (lambda: nn.SGD(0.1, nesterov=True), "momentum"),
    "negative decay": (lambda: nn.AdamW(weight_decay=-1.0), "weight_decay"),
    "beta of one": (lambda: nn.Adam(betas=(0.9, 1.0)), "betas"),
    "one beta": (lambda: nn.Adam(betas=0.9), "betas"),
    "negative eps": (lambda: nn.RMSprop(eps=-1e-8), "eps"),
    "negative delta": (lambda: nn.Huber(-1.0), "delta"),
    "delta of zero": (lambda: nn.Huber(0.0), "delta"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_setting(name):
    make, argument = SETTINGS[name]
    with pytest.raises((ValueError, TypeError), match=argument):
        make()


def test_a_rate_that_is_set_later():
    optimizer = nn.Adam(lr=0.5)
    for bad in (-1.0, np.inf, None):
        with pytest.raises((ValueError, TypeError), match="lr"):
            optimizer.lr = bad
    assert optimizer.lr == 0.5


def test_state_of_another_optimizer(rng):
    net, adam, sgd = nn.Sequential([nn.Dense(3, 2)], seed=0), nn.Adam(), nn.SGD(0.1, momentum=0.9)
    x, target = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    net.train_step(x, target, nn.MSE(), adam)
    before = str(sgd.state_dict())
    with pytest.raises((ValueError, KeyError)):
        sgd.load_state_dict(adam.state_dict())
    with pytest.raises((ValueError, TypeError)):
        sgd.load_state_dict(None)
    assert str(sgd.state_dict()) == before


def test_optimizer_state_of_a_network_of_another_size(rng):
    x, target = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    small, large = nn.Sequential([nn.Dense(3, 2)], seed=0), nn.Sequential([nn.Dense(3, 40), nn.Dense(40, 2)], seed=0)
    adam, loaded = nn.Adam(), nn.Adam()
    small.train_step(x, target, nn.MSE(), adam)
    loaded.load_state_dict(adam.state_dict())
    before = large.parameters.copy()
    with pytest.raises(ValueError, match=r"optimizer|parameters"):
        large.train_step(x, target, nn.MSE(), loaded)
    assert (large.parameters == before).all()
