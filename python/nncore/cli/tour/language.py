"""The tour's stop at recurrent networks: an LSTM reads Shakespeare, character by character."""

from __future__ import annotations

import functools
import importlib.util
import math
import sys
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import plot
from nncore.cli.tour.page import Stop, coloured_text
from nncore.datasets import load_shakespeare
from nncore.sequence import LanguageModel

PROMPT = "CORIOLANUS:\n"
SENTENCE = "Now is the winter of our discontent\nMade glorious summer by this sun of York;"


def visit(*, quick: bool) -> Stop:
    """Train the model, print what it does, and return what the page shows of it."""
    text = load_shakespeare()
    if quick:
        text = text[:12_000]
    held_out = len(text) - round(len(text) * 0.9)
    model = LanguageModel(
        hidden_size=32 if quick else 128,
        batch_size=16,
        epochs=2 if quick else 12,
        learning_rate=4e-3,
        early_stopping=True,  # for the held-out curve, and to keep the best epoch
        n_iter_no_change=99,
        random_state=1,
        verbose=1,
    )
    print(f"\nAn LSTM of {model.hidden_size} units reads {len(text) / 1000:.0f} kB of Shakespeare, letter by letter.")
    sys.stdout.flush()
    model.fit(text)
    history = model.history_
    bits = min(history["validation_bits_per_character"])
    uniform = math.log2(len(model.vocabulary_))
    speed = (len(text) - held_out) * model.n_iter_ / sum(history["seconds"])
    print(f"It needs {bits:.2f} bits per character of text it has not seen; guessing needs {uniform:.2f}.")
    print(f"It read {speed:,.0f} characters per second. Now it writes:\n")
    passage = model.generate(150 if quick else 420, prompt=PROMPT, temperature=0.6, random_state=4).rstrip()
    print("\n".join(f"    {line}".rstrip() for line in (PROMPT + passage).splitlines()))

    stop = Stop(
        "A language model learns Shakespeare",
        f"A long short-term memory network (LSTM) with {model.hidden_size} units reads "
        f"{(len(text) - held_out) / 1000:.0f} kB of Shakespeare, {model.n_iter_} times over. At each character it says "
        "how likely every next one is, and learns from what comes. Nobody tells it what a word, a line or a speaker "
        "is.",
        [
            (f"{bits:.2f}", "bits per character, unseen text"),
            (f"{uniform:.2f}", "bits per character by guessing"),
            (f"{speed:,.0f}", "characters per second, training"),
            (f"{sum(history['seconds']):.1f} s", "training time"),
        ],
    )
    pictures = importlib.util.find_spec("matplotlib") is not None
    if pictures:
        stop.add_text("How it learned", "")
        stop.add_picture(
            lambda ax: _curve(history, ax),
            (7.2, 3.2),
            "Bits per character on the text it learns from and on the last tenth of the text, which it never sees. "
            "Where the lines part, it begins to learn the text by heart; the best epoch is kept.",
        )
    stop.add_text(
        "What it writes",
        f'<pre><b class="prompt">{escape(PROMPT)}</b>{escape(passage)}</pre>'
        '<p class="note">Only the name in colour was given. Each further character is drawn from what the network '
        "finds likely (temperature 0.6).</p>",
    )
    _add_inside(stop, model, text[-held_out:], pictures)
    return stop


def _curve(history: dict[str, list[float]], ax: Any) -> None:
    plot.learning_curve(history, ax=ax)
    ax.set_ylim(bottom=0.95 * min(min(history[name]) for name in history if name.endswith("bits_per_character")))


def _add_inside(stop: Stop, model: LanguageModel, unseen: str, pictures: bool) -> None:
    """What the gates do while a sentence is read, and the text in the colours of one cell."""
    trace = model.net_.trace(model.encode(SENTENCE)[None, :])[0]
    if pictures:
        stop.add_text(
            "What goes on inside",
            "<p>While it reads two lines of Richard III, each unit decides at each character how much of its memory "
            "to keep (forget gate), how much of the new to write (input gate) and how much to show (output gate). One "
            "row is one unit, one column one character; rows are sorted by their mean.</p>",
        )
        captions = {
            "forget_gate": "Forget gate: light is keep, dark is forget.",
            "input_gate": "Input gate: light is write, dark is leave the memory alone.",
            "output_gate": "Output gate: light is show, dark is hide.",
            "state": "The state h that it hands on, orange above zero, purple below: what the next guess is made from.",
        }
        for gate, caption in captions.items():
            stop.add_picture(functools.partial(plot.gates, trace, gate, SENTENCE), (11.5, 2.9), caption)
    text = unseen[: unseen.rindex("\n")][-900:]
    text = text[text.index("\n\n") + 2 :]
    cells = model.net_.trace(model.encode(text)[None, :])[0]["cell"][0]
    unit, correlation = _unit_that_follows(cells, _inside_names(text))
    stop.add_text(
        "One cell",
        f"<p>The memory of unit {unit} while it reads text that it never saw, orange above zero and purple below. Of "
        f"all units this one tells best the names of the speakers from what they say: the correlation is "
        f"{correlation:+.2f}.</p>{coloured_text(text, cells[:, unit].tolist())}",
    )


def _inside_names(text: str) -> NDArray[np.float64]:
    """Return 1 for each character of a line that ends in a colon, else 0."""
    lines = text.splitlines(keepends=True)
    return np.concatenate([np.full(len(line), float(line.rstrip().endswith(":"))) for line in lines])


def _unit_that_follows(cells: NDArray[Any], feature: NDArray[np.float64]) -> tuple[int, float]:
    """Return the unit whose cell correlates most with a feature of the text, and that correlation."""
    centred, wanted = cells - cells.mean(axis=0), feature - feature.mean()
    scale = np.sqrt((centred**2).sum(axis=0) * (wanted**2).sum())
    correlation = (centred * wanted[:, None]).sum(axis=0) / np.maximum(scale, 1e-12)
    unit = int(np.abs(correlation).argmax())
    return unit, float(correlation[unit])
