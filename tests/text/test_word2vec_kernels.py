"""The compiled updates of word2vec against the textbook, from the draws that the core itself reports."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore import _core, textbook

COUNTS = np.array([40, 30, 20, 12, 9, 7, 5, 3, 2, 1], np.int64)
WORDS, SIZE = len(COUNTS), 11
SETTINGS = {
    "skip_gram": True,
    "window": 3,
    "shrink_windows": True,
    "negative": 5,
    "ns_exponent": 0.75,
    "hierarchical": False,
    "full_softmax": False,
    "shared_negatives": True,
    "cbow_mean": True,
    "exact_gradient": False,
    "paper_subsampling": False,
    "sample": 0.0,
    "seed": 3,
}
OBJECTIVES = {
    "shared": {},
    "fresh": {"shared_negatives": False},
    "fresh, many negatives": {"shared_negatives": False, "negative": 14},
    "many negatives": {"negative": 14},
    "one negative": {"negative": 1},
    "hierarchical": {"hierarchical": True, "negative": 0},
    "both": {"hierarchical": True},
    "fresh, both": {"hierarchical": True, "shared_negatives": False},
    "softmax": {"full_softmax": True, "negative": 0},
    "cbow": {"skip_gram": False},
    "cbow of sums": {"skip_gram": False, "cbow_mean": False},
    "cbow, exact": {"skip_gram": False, "exact_gradient": True},
    "cbow of sums, exact": {"skip_gram": False, "exact_gradient": True, "cbow_mean": False},
    "cbow, hierarchical": {"skip_gram": False, "hierarchical": True, "negative": 0},
    "cbow, both": {"skip_gram": False, "hierarchical": True},
    "cbow, softmax": {"skip_gram": False, "full_softmax": True, "negative": 0},
    "subsampled": {"sample": 0.05},
    "whole windows": {"shrink_windows": False},
}


def make(dtype=np.float64, counts=COUNTS, **settings):
    kind = _core.Word2VecFloat64 if dtype == np.float64 else _core.Word2VecFloat32
    return kind(counts, **{**SETTINGS, **settings})


def padded(rows, dtype, size=SIZE, rng=None):
    per_line = 64 // np.dtype(dtype).itemsize
    stride = -(-size // per_line) * per_line
    memory = np.zeros(rows * stride + per_line, dtype)
    start = -memory.ctypes.data % 64 // memory.itemsize
    matrix = memory[start : start + rows * stride].reshape(rows, stride)
    if rng is not None:
        matrix[:, :size] = rng.normal(size=(rows, size))
    return matrix


def matrices(dtype=np.float64, words=WORDS, size=SIZE, seed=0):
    rng = np.random.default_rng(seed)
    return [padded(rows, dtype, size, rng) for rows in (words, words, words - 1)]


def copies(weights):
    made = [padded(len(w), w.dtype, w.shape[1]) for w in weights]
    for new, old in zip(made, weights, strict=True):
        new[:] = old
    return made


def corpus(seed=0, sentences=30, words=WORDS):
    rng = np.random.default_rng(seed)
    parts = [np.append(rng.integers(words, size=rng.integers(0, 12)), -1) for _ in range(sentences)]
    return np.concatenate(parts).astype(np.int32)


def train(training, weights, ids, *, size=SIZE, alpha=0.1, workers=1, first=0, last=None, rates=None, **options):
    last = -(-len(ids) // _core.WORD2VEC_CHUNK) if last is None else last
    words, pairs, losses = training.train(
        *weights, rates, size, ids, first, last, 0, 0, alpha, alpha, 1.0, workers, **options
    )
    assert losses.shape == (last - first,)
    return words, pairs, losses.sum()


class Reference:
    """The same training in NumPy, window by window."""

    def __init__(self, training, weights, settings, alpha):
        self.training, self.alpha, self.settings = training, alpha, {**SETTINGS, **settings}
        self.W, self.negative, self.tree = (w[:, :SIZE].copy() for w in weights)
        self.loss = self.pairs = self.words = 0

    def run(self, ids):
        words, reach, positions, first, last = self.training.kept(ids, 0, len(ids), 0)
        for t in range(first, last):
            if words[t] < 0:
                continue
            self.words += 1
            left, right = t, t
            while t - left < reach[t] and words[left - 1] >= 0:
                left -= 1
            while right - t < reach[t] and words[right + 1] >= 0:
                right += 1
            context = np.concatenate([words[left:t][::-1], words[t + 1 : right + 1]])
            if len(context):
                self.learn(words[t], context, int(positions[t]))

    def learn(self, word, context, position):
        s = self.settings
        self.pairs += len(context) if s["skip_gram"] else 1
        if s["full_softmax"]:
            return self.softmax(word, context)
        if s["hierarchical"]:
            start, point, code = self.training.tree
            path = slice(int(start[word]), int(start[word + 1]))
            for words in np.split(context, range(4, len(context), 4)) if s["skip_gram"] else [context]:
                self.update(words, self.tree, point[path], 1 - code[path].astype(int))
        if s["negative"] == 0:
            return None
        apart = s["skip_gram"] and not s["shared_negatives"]
        if apart:
            return self.update_apart(word, context, position)
        drawn = self.drawn(position, word, 0)
        self.update(context, self.negative, np.append(word, drawn), np.append(1, np.zeros(len(drawn))))
        return None

    def drawn(self, position, word, which):
        drawn = self.training.negatives(position, word, which, 0)
        assert word not in drawn and len(drawn) <= self.settings["negative"]
        return drawn

    def update_apart(self, word, context, position):
        """All products first, then one pair after the other."""
        pairs = []
        for which, other in enumerate(context):
            chosen = np.append(word, self.drawn(position, word, which))
            labels = np.append(1, np.zeros(len(chosen) - 1))
            products = self.negative[chosen] @ self.W[other]
            self.loss += np.logaddexp(0, np.where(labels, -products, products)).sum()
            pairs.append((other, chosen, self.alpha * (labels - textbook.sigmoid(products))))
        for other, chosen, g in pairs:
            dX = g @ self.negative[chosen]
            np.add.at(self.negative, chosen, np.outer(g, self.W[other]))
            self.W[other] += dX

    def update(self, inputs, outputs, chosen, labels):
        s = self.settings
        X = self.W[inputs]
        if not s["skip_gram"]:
            X = (X.mean(axis=0) if s["cbow_mean"] else X.sum(axis=0))[None]
        dX, dY, loss = textbook.logistic_update(X, outputs[chosen], labels, self.alpha)
        self.loss += loss
        self.spread(inputs, dX)
        np.add.at(outputs, chosen, dY)

    def spread(self, inputs, dX):
        s = self.settings
        if not s["skip_gram"] and s["cbow_mean"] == s["exact_gradient"]:
            dX = dX / len(inputs)
        np.add.at(self.W, inputs, dX)

    def softmax(self, word, context):
        if self.settings["skip_gram"]:
            h, seen, inputs = self.W[word], context, np.array([word])
        else:
            rows = self.W[context]
            h, seen, inputs = rows.mean(axis=0), np.array([word]), context
        dh, dW, loss = textbook.softmax_update(h, self.negative, seen, self.alpha)
        self.loss += loss
        self.spread(inputs, dh[None])
        self.negative += dW


@pytest.mark.kernel
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 2e-3)])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_training_equals_the_textbook(objective, dtype, tolerance):
    settings = OBJECTIVES[objective]
    training, weights, ids = make(dtype, **settings), matrices(dtype), corpus()
    reference = Reference(training, [w.astype(np.float64) for w in weights], settings, 0.1)
    reference.run(ids)
    words, pairs, loss = train(training, weights, ids)
    assert (words, pairs) == (reference.words, reference.pairs)
    assert loss == pytest.approx(reference.loss, rel=tolerance)
    for matrix, expected in zip(weights, (reference.W, reference.negative, reference.tree), strict=True):
        assert_allclose(matrix[:, :SIZE], expected, rtol=tolerance, atol=tolerance)
        assert not matrix[:, SIZE:].any()


@pytest.mark.kernel
@pytest.mark.parametrize("size", [1, 7, 8, 15, 16, 17, 100, 129])
def test_every_width_is_trained_to_its_end(size):
    ids = corpus()
    training, weights = make(np.float32), matrices(np.float32, size=size)
    double, exact = make(np.float64), matrices(np.float64, size=size)
    for a, b in zip(exact, weights, strict=True):
        a[:, :size] = b[:, :size]
    assert train(training, weights, ids, size=size)[:2] == train(double, exact, ids, size=size)[:2]
    for a, b in zip(exact[:2], weights[:2], strict=True):
        assert_allclose(b[:, :size], a[:, :size], rtol=3e-2, atol=3e-3)


def loss_of(settings, weights, ids):
    """The sum of the losses when nothing moves."""
    return train(make(**settings), copies(weights), ids, alpha=0.0)[2]


@pytest.mark.kernel
@pytest.mark.parametrize("skip_gram", [True, False])
def test_a_step_of_the_full_softmax_goes_down_its_gradient(skip_gram):
    settings = {"full_softmax": True, "negative": 0, "skip_gram": skip_gram, "exact_gradient": True}
    ids = np.array([1, 4, -1], np.int32)  # two windows, of one word each
    alpha, step = 1e-7, 1e-5
    weights = matrices()
    moved = copies(weights)
    train(make(**settings), moved, ids, alpha=alpha)
    for which, row in ((0, 1), (0, 4), (1, 1), (1, 7)):
        for column in (0, SIZE - 1):
            losses = []
            for sign in (1, -1):
                shifted = copies(weights)
                shifted[which][row, column] += sign * step
                losses.append(loss_of(settings, shifted, ids))
            slope = (losses[0] - losses[1]) / (2 * step)
            change = (moved[which] - weights[which])[row, column] / -alpha
            assert change == pytest.approx(slope, rel=1e-5, abs=1e-5)


@pytest.mark.kernel
def test_one_worker_gives_the_same_bits_however_the_work_is_cut():
    counts = np.arange(400, 0, -1).astype(np.int64)
    ids = corpus(sentences=6000, words=400)
    chunks = -(-len(ids) // _core.WORD2VEC_CHUNK)
    assert chunks > 3
    whole, parts = matrices(np.float32, 400), matrices(np.float32, 400)
    train(make(np.float32, counts), whole, ids)
    training = make(np.float32, counts)
    for number in range(chunks):
        train(training, parts, ids, first=number, last=number + 1)
    for a, b in zip(whole, parts, strict=True):
        assert_array_equal(a, b)


@pytest.mark.kernel
@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("objective", ["shared", "both", "cbow"])
def test_a_deterministic_training_has_the_same_bits_on_any_number_of_workers(objective):
    counts = np.arange(400, 0, -1).astype(np.int64)
    ids = corpus(sentences=50_000, words=400)
    chunks, in_rounds = -(-len(ids) // _core.WORD2VEC_CHUNK), _core.WORD2VEC_ROUND
    assert chunks > 2 * in_rounds
    settings = OBJECTIVES[objective]
    results = []
    for workers in (1, 2, 3, 8):
        nncore.set_num_threads(workers)
        weights = matrices(np.float32, 400)
        training = make(np.float32, counts, **settings)
        if workers == 3:  # in two calls
            train(training, weights, ids, workers=3, last=in_rounds, deterministic=True, restart=True)
            train(training, weights, ids, workers=3, first=in_rounds, deterministic=True)
        else:
            train(training, weights, ids, workers=workers, deterministic=True, restart=True)
        results.append(weights)
    start = matrices(np.float32, 400)
    assert (results[0][0] != start[0]).any()
    for weights in results[1:]:
        for a, b in zip(results[0], weights, strict=True):
            assert_array_equal(a, b)


@pytest.mark.kernel
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_rate_of_zero_holds_a_word_and_one_changes_nothing(objective):
    ids, settings = corpus(), OBJECTIVES[objective]
    free, ones, held = matrices(), matrices(), matrices()
    rates = np.ones(len(COUNTS))
    train(make(**settings), free, ids)
    train(make(**settings), ones, ids, rates=rates)
    assert_allclose(ones[0], free[0], rtol=1e-12, atol=1e-13)
    rates[2] = 0
    train(make(**settings), held, ids, rates=rates)
    assert_array_equal(held[0][2], matrices()[0][2])
    assert (held[0][3] != matrices()[0][3]).any()


@pytest.mark.parametrize("objective", ["shared", "cbow, both"])
def test_shards_are_merged_by_the_sum_of_their_changes(objective):
    chunk, shard = _core.WORD2VEC_CHUNK, _core.WORD2VEC_ROUND // 4
    ids = np.random.default_rng(0).integers(WORDS - 1, size=_core.WORD2VEC_ROUND * chunk).astype(np.int32)
    ids[::50] = -1
    ids[9 * chunk + 7 : 10 * chunk : 100] = WORDS - 1  # a word of the third shard alone
    training, before = make(**OBJECTIVES[objective]), matrices()
    merged, changes = copies(before), [np.zeros_like(w) for w in before]
    train(training, merged, ids, alpha=0.002, deterministic=True, restart=True)
    for first in range(0, _core.WORD2VEC_ROUND, shard):
        part = copies(before)
        train(training, part, ids, alpha=0.002, first=first, last=first + shard)
        for change, after, start in zip(changes, part, before, strict=True):
            change += after - start
    for after, start, change in zip(merged, before, changes, strict=True):
        scale = ((after - start) * change).sum(axis=1) / np.maximum((change**2).sum(axis=1), 1e-300)
        assert_allclose(after, start + scale[:, None] * change, rtol=1e-9, atol=1e-12)
        assert ((scale > 0.25) & (scale <= 1 + 1e-9))[change.any(axis=1)].all()
    assert_allclose(merged[0][WORDS - 1], before[0][WORDS - 1] + changes[0][WORDS - 1], rtol=1e-12)


def test_windows_reach_across_the_chunks_of_a_long_sentence():
    training = make(sample=0.0, shrink_windows=False)
    ids = np.append(np.arange(3 * _core.WORD2VEC_CHUNK) % 10, -1).astype(np.int32)
    begin, end = _core.WORD2VEC_CHUNK, 2 * _core.WORD2VEC_CHUNK
    words, _, positions, first, last = training.kept(ids, begin, end, 0)
    assert_array_equal(words[1:-1], ids[begin - 4 + 1 - 0 - (first - 4) : end + 3])
    assert_array_equal(positions[first:last], np.arange(begin, end))
    assert first >= 4 and words[0] == words[-1] == -1


def chi_squared(observed, expected):
    return ((observed - expected) ** 2 / expected).sum()


def test_negatives_follow_the_power_of_the_counts():
    training = make(negative=1000)
    drawn = np.concatenate([training.negatives(position, -1, 0, 0) for position in range(200)])
    expected = len(drawn) * textbook.negative_distribution(COUNTS)
    assert len(drawn) == 200_000
    assert chi_squared(np.bincount(drawn, minlength=10), expected) < 27.9  # 0.1 % of χ² with 9 degrees of freedom
    other = training.negatives(0, -1, 0, 1)
    assert (other != drawn[:1000]).any()  # another epoch draws anew


@pytest.mark.parametrize("paper", [False, True])
def test_words_are_kept_as_often_as_the_formula_says(paper):
    training = make(sample=0.02, paper_subsampling=paper)
    rng = np.random.default_rng(0)
    ids = rng.permutation(np.repeat(np.arange(10), 3000)).astype(np.int32)
    words, *_ = training.kept(ids, 0, len(ids), 0)
    kept = np.bincount(words[words >= 0], minlength=10) / 3000
    expected = textbook.keep_probability(COUNTS, 0.02, paper=paper)
    assert_allclose(kept, expected, atol=4 * 0.5 / np.sqrt(3000))
    assert kept[expected == 1].min() == 1


def test_windows_of_every_width_are_equally_likely():
    training = make(window=5)
    words, reach, *_ = training.kept(np.zeros(50_000, np.int32), 0, 50_000, 0)
    found = np.bincount(reach[words >= 0], minlength=6)
    assert found[0] == 0 and chi_squared(found[1:], 10_000) < 18.5  # 0.1 % with 4 degrees of freedom


TREES = [[1], [1, 1], [5, 4, 3, 2, 1], [1] * 9, [2**62, 2**62, 2**62, 1], list(range(1, 200))]


@pytest.mark.parametrize("counts", TREES)
def test_the_tree_is_huffmans(counts):
    counts = np.array(counts, np.int64)
    start, point, code = make(hierarchical=True, counts=counts).tree
    lengths = np.diff(start.astype(np.int64))
    best = [len(way) for way in textbook.huffman_codes(counts)]
    assert lengths @ counts.astype(object) == np.array(best) @ counts.astype(object)
    ways = {tuple(code[a:b]) for a, b in zip(start[:-1].astype(int), start[1:].astype(int), strict=True)}
    assert len(ways) == len(counts)
    assert len(point) == 0 or (point.min() == 0 and point.max() == len(counts) - 2)
    if len(counts) > 1:
        assert (point[start[:-1].astype(int)] == len(counts) - 2).all()


BAD = [
    ({"window": 0}, "window must be from 1 to 2\\^31 - 1, but is 0"),
    ({"negative": -1}, "negative must be from 0 to 10000, but is -1"),
    ({"negative": 0}, "nothing to train"),
    ({"full_softmax": True}, "full_softmax excludes"),
    ({"sample": -1.0}, "sample must be at least 0"),
    ({"sample": np.nan}, "sample must be at least 0"),
    ({"ns_exponent": np.inf}, "ns_exponent must be finite"),
    ({"ns_exponent": 1e300}, "weights must be finite"),
    ({"counts": np.array([3, 0])}, "counts must be at least 1, but that of word 1 is 0"),
    ({"counts": np.array([], np.int64)}, "counts must be of 1 to"),
]


@pytest.mark.parametrize(("settings", "message"), BAD)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


def test_what_does_not_fit_is_refused_before_anything_changes():
    training, weights, ids = make(), matrices(), corpus()
    before = [w.copy() for w in weights]
    for bad, message in [
        (np.array([1, 10, -1], np.int32), "ids must be from -1 to 9, but come from -1 to 10"),
        (np.array([-2], np.int32), "ids must be from -1 to 9"),
    ]:
        with pytest.raises(ValueError, match=message):
            train(training, weights, bad)
    with pytest.raises(ValueError, match="chunks must be within"):
        train(training, weights, ids, last=99)
    with pytest.raises(ValueError, match="negative must be a row for each"):
        train(training, [weights[0], weights[1][:-1], None], ids)
    with pytest.raises(ValueError, match="input must be padded"):
        train(training, weights, ids, size=SIZE + 20)
    for a, b in zip(before, weights, strict=True):
        assert_array_equal(a, b)
