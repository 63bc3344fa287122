"""The tour's stop at recurrent networks: an LSTM reads Shakespeare, character by character."""

from __future__ import annotations

import functools
import importlib.util
import math
import re
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
ROWS = 32  # of a picture: more would be too thin to see


def visit(*, quick: bool) -> Stop:
    """Train the model, print what it does, and return what the page shows of it."""
    text = load_shakespeare()
    if quick:
        text = text[:12_000]
    held_out = len(text) - round(len(text) * 0.9)
    model = LanguageModel(
        hidden_size=32 if quick else 128,
        batch_size=16,
        epochs=2 if quick else 20,
        dropout=0.2,  # 180 kB are soon known by heart
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
    passage = _whole_lines(model.generate(150 if quick else 600, prompt=PROMPT, temperature=0.6, random_state=4))
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
            (4.6, 3.0),  # inches: a phone shows two thirds of that
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


def _whole_lines(passage: str) -> str:
    """Leave out at the end what the last draw cut: half a line, or the name of a speaker who says nothing."""
    whole = passage.rpartition("\n")[0] or passage
    return re.sub(r"\n+[^\n]*:$", "", whole.rstrip())


def _curve(history: dict[str, list[float]], ax: Any) -> None:
    plot.learning_curve(history, ax=ax)
    ax.set_ylim(bottom=0.95 * min(min(history[name]) for name in history if name.endswith("bits_per_character")))


def _add_inside(stop: Stop, model: LanguageModel, unseen: str, pictures: bool) -> None:
    """What the gates do while a sentence is read, and the text in the colours of one cell."""
    if pictures:
        _add_gates(stop, model)
    cells = model.net_.trace(model.encode(unseen)[None, :])[0]["cell"][0]
    unit, correlation, what = _unit_that_follows(cells, _features(unseen))
    begin = unseen.index("\n\n", -900) + 2
    end = unseen.rindex("\n")
    signed = f"{correlation:+.2f}".replace("-", "−")
    stop.add_text(
        "One cell",
        f"<p>The memory of unit {unit} while it reads text that it never saw, orange above zero and purple below. "
        f"Nobody told it to, but of all units this one follows best {what}: over the whole unseen text the correlation "
        f"is {signed}.</p>{coloured_text(unseen[begin:end], cells[begin:end, unit].tolist())}",
    )


def _add_gates(stop: Stop, model: LanguageModel) -> None:
    trace = model.net_.trace(model.encode(SENTENCE)[None, :])[0]
    by_memory = trace["forget_gate"][0].mean(axis=0).argsort()
    units = by_memory[:: -(-len(by_memory) // ROWS)]
    stop.add_text(
        "What goes on inside",
        "<p>While it reads two lines of Richard III, each unit decides at each character how much of its memory to "
        "keep (forget gate), how much of the new to write (input gate) and how much to show (output gate). One column "
        f"is one character. One row is one unit: {len(units)} of them, the same in all pictures, from those that "
        "forget at once (top) to those that remember (bottom).</p>",
    )
    captions = {
        "forget_gate": "Forget gate, from 0 (dark: forget) to 1 (light: keep).",
        "input_gate": "Input gate, from 0 (dark: leave the memory alone) to 1 (light: write).",
        "output_gate": "Output gate, from 0 (dark: hide) to 1 (light: show).",
        "state": "The state h that it hands on, from −1 (purple) to +1 (orange): what the next guess is made from.",
    }
    for gate, caption in captions.items():
        # Without colour bars, which the captions replace, the columns of all pictures stand in line.
        draw = functools.partial(plot.gates, trace, gate, SENTENCE, units=units, colorbar=False)
        stop.add_picture(draw, (9.5, 2.8), caption)  # as wide as the page


def _features(text: str) -> dict[str, NDArray[np.float64]]:
    """What a unit may have learned to follow, one value per character, each under a name for the reader."""
    lines = text.splitlines(keepends=True)
    named = [float(line.rstrip().endswith(":")) for line in lines]
    return {
        "how far into the line it is": np.concatenate([np.arange(1.0, len(line) + 1) for line in lines]),
        "which lines are the names of speakers": np.repeat(named, [len(line) for line in lines]),
    }


def _unit_that_follows(cells: NDArray[Any], features: dict[str, NDArray[np.float64]]) -> tuple[int, float, str]:
    """Return the unit and the feature of the text that correlate most, with their correlation between the two."""
    centred = cells - cells.mean(axis=0)
    best = (0, 0.0, "")
    for name, feature in features.items():
        wanted = feature - feature.mean()
        scale = np.sqrt((centred**2).sum(axis=0) * (wanted**2).sum())
        correlation = wanted @ centred / np.maximum(scale, 1e-12)
        unit = int(np.abs(correlation).argmax())
        if abs(correlation[unit]) > abs(best[1]) or not best[2]:
            best = (unit, float(correlation[unit]), name)
    return best
