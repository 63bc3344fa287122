from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nncore import _core
from nncore._random import seed_of

SIZES = (0, 1, 2, 3, 511, 512, 513, 5000)
BIG = 300_001  # enough work for the smallest fill to use several threads; odd


def uniform(n, low=0.0, high=1.0, dtype=np.float64, **draws):
    out = np.empty(n, dtype)
    _core.random_uniform(out, low, high, **({"seed": 1} | draws))
    return out


def normal(n, mean=0.0, deviation=1.0, dtype=np.float64, **draws):
    out = np.empty(n, dtype)
    _core.random_normal(out, mean, deviation, **({"seed": 1} | draws))
    return out


def integers(n, low, high, **draws):
    out = np.empty(n, np.int64)
    _core.random_integers(out, low, high, **({"seed": 1} | draws))
    return out


def permutation(n, **draws):
    out = np.empty(n, np.int64)
    _core.random_permutation(out, **({"seed": 1} | draws))
    return out


def words(n, first=0, **draws):
    out = np.empty(n, np.uint32)
    _core.random_words(out, first, **({"seed": 1} | draws))
    return out


def word(position, attempt=0, *, seed=1, stream=0, substream=0, step=0):
    """Word `position` as random.h documents it, from single blocks."""
    block = position // 4
    counter = (
        block % 2**32,
        attempt << 16 | block >> 32,
        step % 2**32,
        stream << 24 | substream << 8 | step >> 32,
    )
    return _core.philox4x32(counter, (seed % 2**32, seed >> 32))[position % 4]


def pair(i, attempt=0, **draws):
    """The 64 bits of words 2i and 2i + 1."""
    return word(2 * i + 1, attempt, **draws) << 32 | word(2 * i, attempt, **draws)


def bounded(i, bound, **draws):
    """Lemire's integer in [0, bound) with its attempts."""
    attempt = 0
    while True:
        product = pair(i, attempt, **draws) * bound
        if product % 2**64 >= 2**64 % bound:
            return product >> 64
        attempt += 1


def chi_square(counts):
    """How far counts of equally likely cases are from equal, in standard deviations of the statistic."""
    counts = np.asarray(counts, float)
    expected = counts.sum() / len(counts)
    freedom = len(counts) - 1
    return (((counts - expected) ** 2).sum() / expected - freedom) / math.sqrt(2 * freedom)


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("counter", "key", "block"),
    [
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_answers(counter, key, block):
    assert _core.philox4x32(counter, key) == block


@pytest.mark.kernel
@pytest.mark.parametrize(
    "draws",
    [
        {"seed": 0},
        {"seed": 2**64 - 1, "stream": 4, "substream": 2**16 - 1, "step": 2**40 - 1},
        {"seed": 0x123456789ABCDEF0, "stream": 2, "substream": 0x1234, "step": 0x9876543210},
    ],
)
@pytest.mark.parametrize("first", [0, 5, 2**34 - 6, 2**50 - 40])
def test_words_come_from_the_documented_counter(draws, first):
    assert words(40, first, **draws).tolist() == [word(p, **draws) for p in range(first, first + 40)]


@pytest.mark.kernel
def test_words_do_not_depend_on_where_a_call_begins_or_ends():
    whole = words(200)
    for first in range(9):
        for count in range(70):
            assert_array_equal(words(count, first), whole[first : first + count])


def test_the_numbers_of_the_streams_never_change():
    names = ["USER", "PARAMETERS", "DROPOUT", "SHUFFLE", "GENERATE", "WORD_VECTORS", "WORD2VEC", "SKETCH", "REPLAY"]
    numbers = {name: number for number, name in enumerate(names)}
    numbers |= {"POLICY": 11, "EXPLORATION": 12, "Q_LEARNING": 13, "MUTATION": 14, "TASKS": 15}
    numbers |= {"HOPFIELD": 16, "BOLTZMANN": 17, "GIBBS": 18, "IMPORTANCE": 19}
    assert {stream.name: int(stream) for stream in _core.Stream} == numbers


@pytest.mark.kernel
@pytest.mark.parametrize("n", SIZES)
def test_uniform_comes_from_24_or_53_bits_of_the_documented_words(n):
    w = words(2 * n, seed=7).astype(np.uint64)
    single = np.float32(-2) + np.float32(5) * (w[:n] >> np.uint64(8)).astype(np.float32) * np.float32(2**-24)
    assert_array_equal(uniform(n, -2, 3, np.float32, seed=7), single)
    bits = w[1::2] << np.uint64(32) | w[::2]
    double = -2 + 5 * ((bits >> np.uint64(11)).astype(float) * 2.0**-53)
    assert_array_equal(uniform(n, -2, 3, np.float64, seed=7), double)


@pytest.mark.kernel
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_never_returns_high_although_the_sum_rounds_to_it(dtype):
    low, high = dtype(1), np.nextafter(dtype(1), dtype(2))
    assert set(uniform(1000, low, high, dtype)) == {low}
    high = np.nextafter(high, dtype(2))
    assert set(uniform(1000, low, high, dtype)) == {low, np.nextafter(low, high)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_is_uniform(dtype):
    n = 200_000
    x = uniform(n, -1, 3, dtype)
    assert x.min() >= -1
    assert x.max() < 3
    assert abs(x.mean(dtype=float) - 1) < 4 * 4 / math.sqrt(12 * n)
    assert abs(chi_square(np.histogram(x, 1000, (-1, 3))[0])) < 4


@pytest.mark.kernel
@pytest.mark.parametrize("n", SIZES)
def test_normal_is_box_muller_of_the_documented_words(n):
    pairs = (n + 1) // 2
    w = words(4 * pairs, seed=7).astype(np.uint64)
    bits = (w[1::2] << np.uint64(32) | w[::2]) >> np.uint64(12)
    radius = np.sqrt(-2 * np.log((bits[::2] + 0.5) * 2.0**-52))
    angle = 2 * np.pi * (bits[1::2] * 2.0**-52 - 0.5)
    expected = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)[:n]
    assert_allclose(normal(n, seed=7), expected, rtol=1e-14, atol=1e-15)
    assert_allclose(normal(n, -3, 0.25, seed=7), -3 + 0.25 * expected, rtol=1e-13)
    assert_array_equal(normal(n, -3, 0.25, np.float32, seed=7), normal(n, -3, 0.25, seed=7).astype(np.float32))


@pytest.mark.kernel
def test_normal_has_the_same_bits_on_every_machine():
    expected = ["0x1.20ceb91408b3cp+0", "0x1.8d51bddb6808ep-1", "0x1.ddbff9ac4e6f9p-1", "0x1.edee4703bd76ap+0"]
    assert [x.hex() for x in normal(4, seed=2024, stream=1, step=3).tolist()] == expected


def test_normal_is_normal():
    n = 200_000
    x = np.sort(normal(n))
    assert abs(x.mean()) < 4 / math.sqrt(n)
    assert abs(x.var() - 1) < 4 * math.sqrt(2 / n)
    assert abs((x**3).mean()) < 4 * math.sqrt(15 / n)
    assert abs((x**4).mean() - 3) < 4 * math.sqrt(96 / n)
    below = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])
    distance = np.abs(below - (np.arange(n) + 0.5) / n).max() + 0.5 / n
    assert distance < 1.63 / math.sqrt(n)  # Kolmogorov and Smirnov at 1 %
    assert 0.5 < (np.abs(x) > 4).mean() / math.erfc(4 / math.sqrt(2)) < 1.7


def test_the_two_normal_numbers_of_a_pair_are_independent():
    x = normal(200_000).reshape(-1, 2)
    assert abs((x[:, 0] * x[:, 1]).mean()) < 4 / math.sqrt(len(x))
    assert abs((x[:, 0] ** 2 * x[:, 1] ** 2).mean() - 1) < 4 * math.sqrt(8 / len(x))


@pytest.mark.kernel
def test_a_deviation_of_zero_gives_the_mean():
    assert_array_equal(normal(5, 2.5, 0), np.full(5, 2.5))


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3, 4), (0, 2**32), (-(2**63), 2**63 - 1), (-(2**62), 2**62 + 1), (5, 5 + 3 * 2**61)]
)
def test_integers_are_lemires_with_further_attempts_where_words_are_uneven(low, high):
    draws = {"seed": 99, "stream": 3, "substream": 2, "step": 2**35 + 1}
    expected = [low + bounded(i, high - low, **draws) for i in range(60)]
    assert integers(60, low, high, **draws).tolist() == expected


@pytest.mark.parametrize("bound", [2, 3, 7, 10, 256, 1000])
def test_integers_are_equally_likely(bound):
    x = integers(200_000, -1, bound - 1)
    assert x.min() == -1
    assert x.max() == bound - 2
    assert abs(chi_square(np.bincount(x + 1, minlength=bound))) < 4


def test_integers_of_a_range_that_rejects_half_the_words_are_equally_likely():
    half = 2**62
    x = integers(100_000, -half, half + 1)
    assert abs(chi_square(np.histogram(x.astype(float), 64, (-half, half))[0])) < 4


@pytest.mark.kernel
@pytest.mark.parametrize("n", SIZES)
def test_a_permutation_is_fisher_and_yates(n):
    expected = list(range(n))
    for i in range(n):
        j = i + bounded(i, n - i)
        expected[i], expected[j] = expected[j], expected[i]
    assert permutation(n).tolist() == expected
    assert sorted(expected) == list(range(n))


def test_every_order_of_four_is_equally_likely():
    orders = [tuple(permutation(4, step=step)) for step in range(24_000)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 24
    assert abs(chi_square(counts)) < 4


@pytest.mark.kernel
@pytest.mark.parametrize("other", [{"seed": 2}, {"seed": 2**40}, {"stream": 1}, {"substream": 1}, {"step": 1}])
def test_another_place_gives_other_draws(other):
    assert not np.any(uniform(100, **other) == uniform(100))
    assert not np.array_equal(permutation(100, **other), permutation(100))


@pytest.mark.kernel
@pytest.mark.usefixtures("threads")
def test_fills_have_the_same_bits_on_any_number_of_threads():
    def fills():
        return [
            uniform(BIG, dtype=np.float32),
            uniform(BIG),
            normal(BIG, dtype=np.float32),
            normal(BIG),
            integers(BIG, -(2**62), 2**62 + 1),
            permutation(BIG),
        ]

    _core.set_num_threads(1)
    alone = fills()
    for threads in (2, 3):
        _core.set_num_threads(threads)
        for one, several in zip(alone, fills(), strict=True):
            assert_array_equal(one, several)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("seed", -1, ValueError),
        ("seed", 2**64, ValueError),
        ("seed", 1.0, TypeError),
        ("seed", True, TypeError),
        ("seed", None, TypeError),
        ("stream", 255, ValueError),
        ("stream", -1, ValueError),
        ("substream", 2**16, ValueError),
        ("step", 2**40, ValueError),
        ("step", "1", TypeError),
    ],
)
def test_a_place_out_of_range_is_refused_by_name(name, value, error):
    for draw in (
        uniform,
        normal,
        permutation,
        words,
        lambda n, **draws: integers(n, 0, 2, **draws),
    ):
        with pytest.raises(error, match=f"^{name} must be"):
            draw(3, **{name: value})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, math.nan), (math.nan, 0), (0, math.inf), (-math.inf, 0)])
def test_uniform_refuses_an_empty_or_infinite_range(dtype, low, high):
    with pytest.raises(ValueError, match="^high must be above low and both finite, but came as low = "):
        uniform(3, low, high, dtype)


def test_uniform_refuses_a_range_whose_width_overflows():
    with pytest.raises(ValueError, match="^high must be above low and both finite"):
        uniform(3, -3e38, 3e38, np.float32)
    assert np.all(np.isfinite(uniform(3, -3e38, 3e38)))


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ((math.nan, 1), "^mean must be finite, but came as nan"),
        ((0, -0.5), "^deviation must be finite and at least 0, but came as -0.5"),
        ((0, math.inf), "^deviation must be"),
        ((0, math.nan), "^deviation must be"),
    ],
)
def test_normal_refuses_what_is_no_mean_or_deviation(values, match):
    with pytest.raises(ValueError, match=match):
        normal(3, *values)


def test_integers_refuse_an_empty_range():
    with pytest.raises(ValueError, match="^high must be above low, but came as low = 3, high = 3"):
        integers(3, 3, 3)


def test_a_refused_fill_changes_nothing():
    out = np.full(3, 7.0)
    with pytest.raises(ValueError, match="high"):
        _core.random_uniform(out, 1, 0, seed=1)
    with pytest.raises(ValueError, match="step"):
        _core.random_uniform(out, 0, 1, seed=1, step=-1)
    assert_array_equal(out, np.full(3, 7.0))


@pytest.mark.parametrize("out", [np.empty(6)[::2], np.empty((2, 2)), np.empty(3, np.int32), [0.0], np.empty(3, ">f8")])
def test_an_array_that_cannot_be_filled_as_it_is_is_refused(out):
    with pytest.raises(TypeError):
        _core.random_uniform(out, 0, 1, seed=1)


def test_an_int_is_its_own_seed():
    assert seed_of(0) == 0
    assert seed_of(2**64 - 1) == 2**64 - 1
    assert type(seed_of(np.int32(5))) is int
    assert seed_of(np.uint64(2**64 - 1)) == 2**64 - 1


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_a_generator_gives_its_next_64_bits_as_seed(make):
    generator = make(3)
    seeds = [seed_of(generator) for _ in range(200)]
    again = make(3)
    assert seeds == [seed_of(again) for _ in range(200)]
    assert len(set(seeds)) == 200
    assert all(type(seed) is int and 0 <= seed < 2**64 for seed in seeds)
    every_bit = 0
    for seed in seeds:
        every_bit |= seed
    assert every_bit == 2**64 - 1


def test_none_gives_another_seed_each_time():
    assert len({seed_of(None) for _ in range(20)}) == 20


@pytest.mark.parametrize("value", [True, np.True_, 1.0, "1", np.array([1, 2]), np.random.SeedSequence(1)])
def test_random_state_of_another_type_is_refused(value):
    with pytest.raises(TypeError, match="^random_state must be an int, a numpy.random.Generator"):
        seed_of(value)


@pytest.mark.parametrize("value", [-1, 2**64, np.int64(-5)])
def test_random_state_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match=r"^random_state must be from 0 to 2\*\*64 - 1, but is "):
        seed_of(value)
