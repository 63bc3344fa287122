"""What a fitted LanguageModel computes, against the same by hand."""

from __future__ import annotations

import io
import itertools
import pickle
import sys

import numpy as np
import pytest

import nncore
from nncore import nn
from nncore.sequence import LanguageModel
from nncore.sequence.language_model import _draw

CELLS = ["lstm", "gru", "elman"]


def log_probabilities(model, ids):
    """ln p of every next token, from one call over the whole text in float64."""
    logits = model.net_(ids[None])[0].astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("cell", CELLS)
def test_a_deterministic_text_is_learnt_to_almost_no_bits(cell):
    text = "abcdefgh\n" * 60
    model = LanguageModel(cell=cell, hidden_size=24, epochs=30, learning_rate=0.02, batch_size=4, random_state=0)
    model.fit(text)
    assert model.bits_per_character(text) < 0.05
    assert model.generate(27, temperature=0) == "abcdefgh\n" * 3
    assert model.generate(9, prompt="cde", random_state=0) == "fgh\nabcde"


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_layers", [1, 2])
def test_fit_is_a_loop_over_chunks_that_carries_the_state(make, rhyme, cell, num_layers):
    model = make(cell=cell, num_layers=num_layers, embedding_dim=7, max_grad_norm=0.05).fit(rhyme)
    ids = model.encode(rhyme)
    # 1,024 pairs in 6 streams: 4 of 171 and 2 of 170, in 12 chunks of 15 or 14
    assert len(ids) == 1025
    starts = [0, 171, 342, 513, 684, 854, 1024]
    bounds = [0, 15, 30, 45, 59, 73, 87, 101, 115, 129, 143, 157, 171]
    layer = {
        "lstm": lambda: nn.LSTM(7, 12, num_layers),
        "gru": lambda: nn.GRU(7, 12, num_layers, reset_after=True),
        "elman": lambda: nn.Elman(7, 12, num_layers),
    }[cell]()
    vocabulary_size = len(set(rhyme))
    net = nn.Sequential([nn.Embedding(vocabulary_size, 7), layer, nn.Dense(12, vocabulary_size)], seed=0)
    optimizer, losses = nn.Adam(lr=model.learning_rate), []
    for _ in range(2):
        state = None
        for begin, end in itertools.pairwise(bounds):
            lengths = np.array([min(starts[s] + end, starts[s + 1]) - starts[s] - begin for s in range(6)])
            x, y = np.zeros((2, 6, end - begin), np.int64)
            for s, length in enumerate(lengths):
                x[s, :length] = ids[starts[s] + begin :][:length]
                y[s, :length] = ids[starts[s] + begin + 1 :][:length]
            loss, state = net.train_step(
                x, y, nn.CrossEntropy(), optimizer, lengths, state, max_grad_norm=0.05, return_state=True
            )
            losses.append(loss)
    np.testing.assert_array_equal(model.net_.parameters, net.parameters)
    np.testing.assert_allclose(model.history_["step_loss"], np.array(losses) / np.log(2), rtol=1e-12)


def test_bits_and_perplexity_are_those_of_the_network(make, rhyme):
    model = make().fit(rhyme)
    text = rhyme[:500] * 5  # longer than one chunk of the evaluation
    ids = model.encode(text)
    nats = -log_probabilities(model, ids[:-1])[np.arange(len(ids) - 1), ids[1:]]
    assert model.bits_per_character(text) == pytest.approx(nats.mean() / np.log(2), rel=1e-5)
    assert model.perplexity(text) == pytest.approx(np.exp(nats.mean()), rel=1e-5)
    assert model.score(text) == -model.bits_per_character(text)


def test_word_level_bits_count_every_character_after_the_first_word(make, rhyme):
    model = make(level="word").fit(rhyme)
    text = "to  be or\nnot"
    ids = model.encode(text)
    assert len(ids) == 5
    nats = -log_probabilities(model, ids[:-1])[np.arange(4), ids[1:]].sum()
    assert model.bits_per_character(text) == pytest.approx(nats / np.log(2) / len("  be or\nnot"), rel=1e-5)
    assert model.perplexity(text) == pytest.approx(np.exp(nats / 4), rel=1e-5)


def test_words_that_are_not_known_are_one_word(make, rhyme):
    model = make(level="word", min_count=2).fit(rhyme + "once twice twice")
    assert model.vocabulary_.keys() == {*rhyme.split(), "\n", "twice", "<unk>"}
    assert model.decode(model.encode("to once more\nbe")) == "to <unk> <unk>\nbe"
    assert np.isfinite(model.bits_per_character("to once more"))
    assert len(model.generate(7, prompt="never seen", random_state=1).replace("\n", " \n ").split(" ")) >= 7


def test_characters_that_are_not_known_are_one_character(make, rhyme):
    model = make(unknown="?").fit(rhyme)
    assert model.decode(model.encode("to Be?")) == "to ?e?"
    assert np.isfinite(model.bits_per_character("to Be?"))


def test_the_vocabulary_gives_ids_in_their_order(make, rhyme):
    model = make().fit(rhyme)
    assert list(model.vocabulary_) == sorted(set(rhyme))
    assert list(model.vocabulary_.values()) == list(range(len(set(rhyme))))
    ids = model.encode("to be")
    assert ids.dtype == np.int64
    assert [model.vocabulary_[c] for c in "to be"] == ids.tolist()
    assert model.decode(list(ids)) == "to be"
    assert model.encode("").shape == (0,)
    assert model.decode([]) == ""


def test_greedy_text_is_the_likeliest_continuation(make, rhyme):
    model = make(epochs=8, learning_rate=0.01).fit(rhyme)
    prompt = "that is "
    text = model.generate(40, prompt=prompt, temperature=0)
    assert len(text) == 40
    ids = model.encode(prompt + text)
    likeliest = log_probabilities(model, ids[:-1]).argmax(axis=1)
    np.testing.assert_array_equal(likeliest[len(prompt) - 1 :], ids[len(prompt) :])


def test_a_seed_gives_one_text_and_no_seed_gives_many(make, noise):
    model = make().fit(noise)
    for seed in (3, np.int64(3)):
        assert model.generate(50, random_state=seed) == model.generate(50, random_state=3)
    assert model.generate(50, random_state=3) != model.generate(50, random_state=4)
    assert model.generate(50) != model.generate(50)
    once, again = (model.generate(50, random_state=np.random.default_rng(1)) for _ in range(2))
    assert once == again
    assert model.generate(0) == ""


def test_drawn_characters_have_the_frequencies_of_the_model(make, noise):
    model = make(hidden_size=2, epochs=20, learning_rate=0.05).fit(noise)
    text = model.generate(3000, random_state=0, temperature=0.5)
    ids = model.encode("\n" + text)
    p = log_probabilities(model, ids[:-1])
    p = np.exp(2 * p)
    p /= p.sum(axis=1, keepdims=True)
    counts = np.bincount(ids[1:], minlength=p.shape[1])
    deviation = np.sqrt((p * (1 - p)).sum(axis=0))
    assert (abs(counts - p.sum(axis=0)) < 4 * deviation).all()


def test_what_has_no_probability_is_never_drawn():
    logits = np.array([-np.inf, 0.0, -np.inf, 0.0, -np.inf])
    drawn = [_draw(logits, 1.0, uniform) for uniform in (0.0, np.nextafter(0.5, 0), 0.5, np.nextafter(1, 0))]
    assert drawn == [1, 1, 3, 3]


def test_low_temperatures_come_close_to_greedy_text(make, rhyme):
    model = make(epochs=8, learning_rate=0.01).fit(rhyme)
    greedy = model.generate(30, temperature=0)
    assert model.generate(30, temperature=1e-300, random_state=0) == greedy
    assert model.generate(30, temperature=1e9, random_state=0) != greedy


def test_without_a_prompt_the_model_starts_a_line_or_as_its_text_did(make):
    with_lines = make().fit("ab\ncd" * 50)
    assert with_lines.generate(9, random_state=1) == with_lines.generate(9, prompt="\n", random_state=1)
    without = make().fit("bca" * 50)
    assert without.generate(9, random_state=1) == without.generate(9, prompt="b", random_state=1)


@pytest.mark.kernel
@pytest.mark.parametrize("cell", CELLS)
def test_any_number_of_threads_gives_the_same_bits(make, noise, cell, threads, assert_same_training):
    models = []
    for n in (1, 2, 3):
        nncore.set_num_threads(n)
        models.append(make(cell=cell, hidden_size=40, batch_size=16, dropout=0.1).fit(noise))
    for model in models[1:]:
        assert_same_training(model, models[0])
        assert model.bits_per_character(noise) == models[0].bits_per_character(noise)
        assert model.generate(30, random_state=1) == models[0].generate(30, random_state=1)


def test_a_seed_gives_one_training_and_no_seed_gives_many(make, noise, assert_same_training):
    model = make(dropout=0.2).fit(noise)
    assert_same_training(make(dropout=0.2).fit(noise), model)
    assert_same_training(model.fit(noise), make(dropout=0.2).fit(noise))
    first, second = (make(random_state=None).fit(noise).history_["step_loss"] for _ in range(2))
    assert first != second


def test_dropout_acts_in_training_and_not_in_evaluation(make, rhyme):
    plain, dropped = make(num_layers=2, epochs=1), make(num_layers=2, epochs=1, dropout=0.5)
    assert plain.fit(rhyme).history_["step_loss"] != dropped.fit(rhyme).history_["step_loss"]
    assert dropped.bits_per_character(rhyme) == dropped.bits_per_character(rhyme)
    kinds = [type(layer).__name__ for layer in dropped.net_.layers]
    assert kinds == ["Embedding", "Dropout", "LSTM", "Dropout", "LSTM", "Dropout", "Dense"]


def test_both_types_train(make, rhyme):
    single, double = make().fit(rhyme), make(dtype="float64").fit(rhyme)
    assert single.net_.dtype == np.float32 and double.net_.dtype == np.float64
    assert double.history_["bits_per_character"] == pytest.approx(single.history_["bits_per_character"], abs=0.5)


def test_the_history_has_one_number_per_epoch_and_one_per_step(make, rhyme):
    model = make(epochs=3).fit(rhyme)
    assert model.n_iter_ == 3
    assert model.history_.keys() == {"bits_per_character", "seconds", "characters_per_second", "step_loss"}
    for name in ("bits_per_character", "seconds", "characters_per_second"):
        assert len(model.history_[name]) == 3 and all(value > 0 for value in model.history_[name])
    steps = np.array(model.history_["step_loss"]).reshape(3, 12)
    # chunks weigh as many pairs as they have: 3 of 15 x 6, 8 of 14 x 6, and the last, 2 streams of which are shorter
    weights = np.array([90] * 3 + [84] * 8 + [82])
    np.testing.assert_allclose(model.history_["bits_per_character"], steps @ weights / 1024, rtol=1e-12)
    seconds = np.array(model.history_["seconds"])
    np.testing.assert_allclose(model.history_["characters_per_second"] * seconds, 1024)


def test_partial_fit_is_one_epoch_of_fit(make, rhyme, noise, assert_same_training):
    model = make()
    for _ in range(2):
        assert model.partial_fit(rhyme) is model
    assert_same_training(model, make().fit(rhyme))
    model.partial_fit(rhyme[:100])
    assert model.n_iter_ == 3 and len(model.history_["seconds"]) == 3
    with pytest.raises(ValueError, match="text has the character 'c'"):
        model.partial_fit("to be c")
    assert model.n_iter_ == 3


def test_early_stopping_keeps_the_best_parameters(make, noise):
    model = make(early_stopping=True, validation_fraction=0.3, epochs=200, n_iter_no_change=3, learning_rate=0.05)
    model.fit(noise)
    held_out = noise[round(len(noise) * 0.7) :]
    validation = model.history_["validation_bits_per_character"]
    assert 3 < model.n_iter_ < 200 and len(validation) == model.n_iter_
    assert min(validation) < validation[-1]
    assert model.bits_per_character(held_out) == min(validation)


def test_early_stopping_at_word_level_holds_out_whole_words(make, rhyme):
    model = make(level="word", early_stopping=True, validation_fraction=0.3).fit(rhyme)
    cut = round(len(rhyme) * 0.7)
    assert rhyme[cut - 1 : cut + 6] == "that is"  # within a word
    held_out = rhyme[cut + 4 :]
    assert model.bits_per_character(held_out) == min(model.history_["validation_bits_per_character"])


def test_short_texts_are_trained_on_with_fewer_streams(make):
    model = make(sequence_length=64).fit("ab")
    assert len(model.history_["step_loss"]) == 2
    assert len(make(sequence_length=1, batch_size=100).fit("abc").history_["step_loss"]) == 2


def test_divergence_names_epoch_and_step_and_keeps_the_parameters(make, noise, assert_same_training):
    def spoil(model):
        if len(model.history_["step_loss"]) == 15:
            model.net_["2.bias"][0] = np.nan
            before.append(pickle.loads(pickle.dumps(model)))

    model, before = make(), []
    with pytest.raises(FloatingPointError, match=r"training diverged in epoch 2, step 4 of 12: .*learning_rate"):
        model.fit(noise, callback=spoil)
    assert_same_training(model, before[0])


@pytest.mark.parametrize("learning_rate", [1e4, 1e30])
def test_an_epoch_far_worse_than_guessing_is_divergence(make, noise, learning_rate):
    model = make(learning_rate=learning_rate)
    message = r"diverged in epoch 1: it needs .* bits per character, more than 100 times the 3 of guessing; .* below"
    with pytest.raises(FloatingPointError, match=message):
        model.fit(noise)
    assert model.n_iter_ == 0 and not model.history_["bits_per_character"]
    with pytest.raises(FloatingPointError, match="diverged in epoch 1"):
        model.fit(noise, resume=True)


def test_a_training_that_only_learns_badly_goes_on(make, noise):
    history = make(learning_rate=1.0).fit(noise).history_["bits_per_character"]
    assert min(history) > np.log2(8)


def test_parameters_that_the_last_step_made_infinite_are_divergence(make, monkeypatch):
    step = nn.Sequential.train_step

    def spoiled(self, *arguments, **options):
        result = step(self, *arguments, **options)
        self.parameters[0] = np.inf
        return result

    monkeypatch.setattr(nn.Sequential, "train_step", spoiled)
    model = make(epochs=1)
    with pytest.raises(FloatingPointError, match="diverged in epoch 1: its last step made parameters"):
        model.fit("abcabc")


def test_a_pickled_model_is_the_same_model(make, rhyme, assert_same_training):
    model = make(dropout=0.1).fit(rhyme)
    copy = pickle.loads(pickle.dumps(model))
    assert_same_training(copy, model)
    assert copy.get_params() == model.get_params()
    assert copy.bits_per_character(rhyme) == model.bits_per_character(rhyme)
    assert_same_training(copy.partial_fit(rhyme), model.partial_fit(rhyme))
    assert repr(pickle.loads(pickle.dumps(make()))) == repr(make())


def test_a_saved_model_is_the_same_model(make, rhyme, tmp_path, assert_same_training):
    path = tmp_path / "model.safetensors"
    for params in (
        {},
        {"cell": "gru", "num_layers": 2, "hidden_size": np.int64(9)},
        {"level": "word"},
        {"dropout": 0.1},
    ):
        model = make(**params).fit(rhyme)
        model.save(path)
        loaded = LanguageModel.load(path)
        assert loaded.get_params() == model.get_params()
        assert loaded.history_ == model.history_ and loaded.vocabulary_ == model.vocabulary_
        assert loaded.generate(9, random_state=1) == model.generate(9, random_state=1)
        assert_same_training(loaded, model)
        assert_same_training(loaded.partial_fit(rhyme), model.partial_fit(rhyme))


def test_a_saved_model_keeps_the_network_that_was_trained(make, rhyme, tmp_path):
    model = make().fit(rhyme).set_params(hidden_size=99, level="word", random_state=np.random.default_rng(0))
    model.save(tmp_path / "model")
    loaded = LanguageModel.load(tmp_path / "model")
    assert loaded.bits_per_character(rhyme) == model.bits_per_character(rhyme)
    assert loaded.hidden_size == 99 and loaded.random_state is None


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_shows_progress_on_a_terminal_only(make, rhyme, monkeypatch):
    for stream, verbose, shown in ((Terminal(), 1, True), (Terminal(), 0, False), (io.StringIO(), 1, False)):
        monkeypatch.setattr(sys, "stderr", stream)
        make(verbose=verbose).fit(rhyme)
        text = stream.getvalue()
        assert ("bits/char" in text and "char/s" in text and "epoch 2/2" in text) == shown
        assert bool(text) == shown
