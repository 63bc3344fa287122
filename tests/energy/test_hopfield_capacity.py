from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from nncore.energy import Hopfield, retrieval_overlap


def test_the_cliff_of_hebbs_rule_stands_at_0_138():
    below, above = retrieval_overlap([0.12, 0.16], 5000, n_networks=3, n_probes=16, random_state=0)
    assert (below >= 0.97).all()
    assert (above <= 0.8).all()


def test_the_pseudo_inverse_keeps_half_as_many_patterns_as_units():
    rng = np.random.default_rng(0)
    memories = rng.choice(np.array([-1, 1], np.int8), (200, 400))
    for self_connections in (False, True):
        net = Hopfield("pseudo_inverse", self_connections).fit(memories)
        assert net.is_stable(memories).all()
        for mode in ("async", "sync"):
            np.testing.assert_array_equal(net.recall(memories, mode), memories)


def test_storkey_beats_hebb_at_0_2():
    hebb = retrieval_overlap(0.2, 500, n_networks=2, random_state=1)
    storkey = retrieval_overlap(0.2, 500, rule="storkey", n_networks=2, random_state=1)
    assert storkey.min() > hebb.max() + 0.2


def test_both_modes_fall_and_damage_is_repaired_below():
    for mode in ("async", "sync"):
        low, high = retrieval_overlap([0.05, 0.3], 1000, mode=mode, flipped=0.1, n_networks=1, random_state=2)
        assert low[0] > 0.99 and high[0] < 0.8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loads": [0.1, -0.1]}, "loads must be positive numbers"),
        ({"loads": []}, r"loads must be positive numbers, but is \[\]"),
        ({"n_networks": 0}, "n_networks must be at least 1, but is 0"),
        ({"flipped": 1.5}, "flipped must be at least 0 and below 1, but is 1.5"),
        ({"mode": "both"}, "mode must be 'async' or 'sync', but is 'both'"),
    ],
)
def test_arguments_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        retrieval_overlap(**{"loads": 0.1, "n_features": 20, **settings})


def test_loads_that_are_no_numbers_are_refused():
    with pytest.raises(TypeError, match="loads must be positive numbers, but is 'a'"):
        retrieval_overlap("a")
