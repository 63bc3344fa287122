"""A character model of Shakespeare against the same one in PyTorch: what they learn, and how fast.

Same layers and initial distributions, same streams, chunks and carried state, same clipping, same Adam, the first 90 %
of the text to train on and the last 10 % to measure. Epochs of the two alternate.

    python bench/peers/language_model.py [--epochs 5] [--seeds 3] [--threads 2] [--cell lstm] [--text FILE]

The text is text/shakespeare.txt.xz in the folder NNCORE_DATA, or else in ../shared/data beside the checkout.
"""

from __future__ import annotations

import argparse
import dataclasses
import lzma
import math
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
import numpy as np

torch: Any = harness.peer("torch")

from nncore import nn  # noqa: E402  (says first what is missing)
from nncore.sequence import LanguageModel  # noqa: E402


@dataclass(frozen=True)
class Settings:
    cell: str = "lstm"
    hidden_size: int = 128
    num_layers: int = 1
    sequence_length: int = 64
    batch_size: int = 32
    learning_rate: float = 2e-3
    max_grad_norm: float = 1.0
    epochs: int = 5


class Peer(torch.nn.Module):
    """The model in PyTorch."""

    def __init__(self, settings: Settings, characters: str, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        size, hidden = len(characters), settings.hidden_size
        recurrent = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "elman": torch.nn.RNN}[settings.cell]
        self.embedding = torch.nn.Embedding(size, hidden)
        self.recurrent = recurrent(hidden, hidden, settings.num_layers)
        self.dense = torch.nn.Linear(hidden, size)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=settings.learning_rate, fused=True)
        self.settings, self.characters = settings, characters

    def encode(self, text: str) -> Any:
        ids = {character: index for index, character in enumerate(self.characters)}
        return torch.tensor([ids[character] for character in text])

    def forward(self, ids: Any, state: Any) -> tuple[Any, Any]:
        """Logits (T, N, V) and the final state of ids (T, N)."""
        h, state = self.recurrent(self.embedding(ids), state)
        return self.dense(h), state

    def load(self, net: nn.Sequential) -> None:
        """Take over the parameters of nncore's network, whose names differ in the layer's number alone."""
        prefixes = {"0": "embedding", "1": "recurrent", "2": "dense"}
        arrays = {f"{prefixes[name[0]]}{name[1:]}": torch.from_numpy(net[name].copy()) for name in net.names()}
        self.load_state_dict(arrays)

    def train_epoch(self, ids: Any) -> list[float]:
        """One pass over a text; the loss of each step, in nats."""
        state, losses = None, []
        for x, target in chunks(ids, self.settings.batch_size, self.settings.sequence_length):
            self.optimizer.zero_grad()
            logits, state = self(x, state)
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters(), self.settings.max_grad_norm)
            self.optimizer.step()
            losses.append(loss.item())
        return losses

    def bits_per_character(self, text: str) -> float:
        ids, state, nats = self.encode(text), None, 0.0
        with torch.inference_mode():
            for begin in range(0, len(ids) - 1, 1024):
                x, target = ids[begin : begin + 1024][: len(ids) - 1 - begin], ids[begin + 1 : begin + 1025]
                logits, state = self(x[:, None], state)
                nats += torch.nn.functional.cross_entropy(logits[:, 0], target, reduction="sum").item()
        return nats / (len(ids) - 1) / math.log(2)


def chunks(ids: Any, batch_size: int, sequence_length: int) -> Iterator[tuple[Any, Any]]:
    """Inputs and targets (T, N) of each step; a target of -100 is one that a shorter stream does not have."""
    n_pairs = len(ids) - 1
    n_streams = max(1, min(batch_size, n_pairs // sequence_length))
    streams = np.array_split(np.arange(n_pairs), n_streams)
    longest = len(streams[0])
    for places in np.array_split(np.arange(longest), math.ceil(longest / sequence_length)):
        x = torch.zeros(len(places), n_streams, dtype=torch.int64)
        target = torch.full_like(x, -100)
        for column, stream in enumerate(streams):
            begin, end = stream[places[0]], stream[-1] + 1
            end = min(end, begin + len(places))
            x[: end - begin, column] = ids[begin:end]
            target[: end - begin, column] = ids[begin + 1 : end + 1]
        yield x, target


@dataclass
class Result:
    """Of one seed: validation bits per character, and characters per second of each epoch."""

    bits: dict[str, float]
    speed: dict[str, list[float]]


def make_model(settings: Settings, seed: int) -> LanguageModel:
    return LanguageModel(**dataclasses.asdict(settings), random_state=seed)


def step_losses(text: str, settings: Settings) -> tuple[list[float], list[float]]:
    """Losses in bits of every step of one epoch, in nncore and in PyTorch, from the same parameters."""
    ours = make_model(settings, 0).partial_fit(text)
    peer = Peer(settings, "".join(ours.vocabulary_), 0)
    peer.load(nn.Sequential(ours.net_.layers, seed=ours.net_.seed))
    return ours.history_["step_loss"], [loss / math.log(2) for loss in peer.train_epoch(peer.encode(text))]


def compare(text: str, settings: Settings, seed: int) -> Result:
    """Train both models with this seed, epochs in turn."""
    cut = round(0.9 * len(text))
    training, validation = text[:cut], text[cut:]
    ours = make_model(settings, seed)
    peer = Peer(settings, "".join(sorted(set(training))), seed)
    ids = peer.encode(training)
    speed: dict[str, list[float]] = {"nncore": [], "PyTorch": []}
    for _ in range(settings.epochs):
        ours.partial_fit(training)
        speed["nncore"].append(ours.history_["characters_per_second"][-1])
        started = time.perf_counter()
        peer.train_epoch(ids)
        speed["PyTorch"].append((len(ids) - 1) / (time.perf_counter() - started))
    bits = {"nncore": ours.bits_per_character(validation), "PyTorch": peer.bits_per_character(validation)}
    return Result(bits, speed)


def data_file() -> Path:
    """Where the text is, whether it is there or not."""
    named = os.environ.get("NNCORE_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"
    return folder / "text" / "shakespeare.txt.xz"


def read_text(path: Path) -> str:
    if not path.is_file():
        raise SystemExit(f"no text at {path}; NNCORE_DATA names the data folder, --text a file")
    raw = path.read_bytes()
    return (lzma.decompress(raw) if path.suffix == ".xz" else raw).decode("utf-8")


def main(options: argparse.Namespace, threads: int) -> None:
    text = read_text(options.text)
    settings = Settings(cell=options.cell, hidden_size=options.hidden_size, epochs=options.epochs)
    if options.quick:
        text, settings = text[:100_000], Settings(cell=options.cell, hidden_size=64, epochs=1)
    harness.headline(threads, PyTorch=torch.__version__)
    print(f"{len(text):,} characters, {settings}", flush=True)
    harness.check_equal("losses of the first steps", *step_losses(text[:30_000], settings), 1e-4)
    results, rows = [], []
    for seed in range(options.seeds):
        result = compare(text, settings, seed)
        results.append(result)
        speeds = [statistics.median(result.speed[name]) for name in ("PyTorch", "nncore")]
        rows.append(
            [
                str(seed),
                f"{result.bits['PyTorch']:.4f}",
                f"{result.bits['nncore']:.4f}",
                *(f"{speed:,.0f}" for speed in speeds),
            ]
        )
    bits = [statistics.mean(result.bits[name] for result in results) for name in ("PyTorch", "nncore")]
    ratios = [a / b for r in results for a, b in zip(r.speed["nncore"], r.speed["PyTorch"], strict=True)]
    rows.append(["mean", f"{bits[0]:.4f}", f"{bits[1]:.4f}", "", ""])
    harness.table(["seed", "PyTorch bits/char", "nncore bits/char", "PyTorch char/s", "nncore char/s"], rows)
    speed = harness.ratio_text(harness.spread(ratios))
    print(f"nncore - PyTorch {bits[1] - bits[0]:+.4f} bits per character; characters per second {speed}", flush=True)


if __name__ == "__main__":
    parser = harness.parser(__doc__)
    parser.set_defaults(threads=[2])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cell", choices=["lstm", "gru", "elman"], default="lstm")
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--text", type=Path, default=data_file())
    harness.run(main, parser.parse_args())
