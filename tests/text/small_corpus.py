"""A small corpus, and word2vec's kinds of training on it."""

import numpy as np
from numpy.testing import assert_array_equal

SMALL = {"vector_size": 12, "min_count": 1, "workers": 1, "sample": 0.0, "epochs": 2}


def sentences(count=300, words=30, seed=0):
    rng = np.random.default_rng(seed)
    chances = 1 / np.arange(1, words + 1)
    return [
        [f"w{i}" for i in rng.choice(words, size=rng.integers(1, 15), p=chances / chances.sum())] for _ in range(count)
    ]


def same(a, b):
    assert a.wv.index_to_key == b.wv.index_to_key
    assert_array_equal(a.wv.vectors, b.wv.vectors)
    for name in ("_negative", "_tree"):
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None)
        if x is not None:
            assert_array_equal(x, y)


KINDS = {
    "sg": {"sg": 1},
    "fresh": {"sg": 1, "shared_negatives": False},
    "cbow": {},
    "hs": {"sg": 1, "hs": 1, "negative": 0},
    "cbow hs": {"hs": 1, "negative": 0},
    "softmax": {"sg": 1, "negative": 0, "full_softmax": True},
    "cbow softmax": {"negative": 0, "full_softmax": True},
}
