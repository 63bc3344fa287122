"""The tour's stop at energy: digits recalled from their upper half, and digits dreamt."""

from __future__ import annotations

import importlib.util
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore import datasets, plot
from nncore.cli.tour.page import Stop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nncore.energy import RBM

PASSES = 150
FEW, MANY = 10, 500  # digits that are memories
SHOWN = 4  # of them in the picture
SIDE = 8  # of an image


def visit(*, quick: bool) -> Stop | None:
    """Recall halved digits, train a machine on digits, and return what the page shows; None without scikit-learn."""
    print("\nMemories: digits are recalled from their upper half, and a Boltzmann machine learns to dream of digits.")
    if importlib.util.find_spec("sklearn") is None:
        print("    It needs scikit-learn: pip install 'nncore[sklearn]'")
        return None
    images, _ = datasets.load_digits()
    digits = images.reshape(len(images), -1) > 7
    path, classic, modern = recall(digits)
    started = time.perf_counter()
    machine = train(digits, 2 if quick else PASSES)
    seconds = time.perf_counter() - started
    likelihood = float(machine.log_likelihood(digits[1500:].astype(np.float32), random_state=0).mean())
    print(
        f"From half an image {classic} came back whole, to a modern network {modern}; the machine gives unseen digits "
        f"{likelihood:.1f} nats."
    )
    stop = Stop(
        "Memories are valleys",
        "A Hopfield network keeps images as valleys of an energy: started anywhere, it rolls down to the nearest. A "
        "restricted Boltzmann machine shapes its landscape from examples, with hidden units that each learn a stroke; "
        "left to itself it dreams of new digits.",
        [
            (classic, "digits that a Hopfield network recalled without a fault from their upper half"),
            (modern, "that a modern one did, whose valleys are as narrow as one likes"),
            (f"{seconds:.1f} s", f"for {machine.n_iter_} passes over 1,500 digits"),
            (f"{likelihood:.1f}", "nats of a digit that it never saw, the logarithm of its probability"),
        ],
    )
    if importlib.util.find_spec("matplotlib") is not None:
        _add_pictures(stop, path, machine)
    return stop


def recall(digits: NDArray[np.bool_]) -> tuple[NDArray[Any], str, str]:
    """The way of some halved digits, and how many came back whole to a Hopfield network and to a modern one."""
    from nncore.energy import Hopfield, ModernHopfield

    patterns = np.where(digits, 1.0, -1.0).astype(np.float32)
    few, many = patterns[:FEW], patterns[:MANY]
    halved = few.copy()
    halved[:, SIDE * SIDE // 2 :] = -1  # dark
    states, path = Hopfield("pseudo_inverse").fit(few).recall(halved, random_state=0, return_path=True)
    unknown = many.copy()
    unknown[:, SIDE * SIDE // 2 :] = 0
    modern = np.sign(ModernHopfield(8.0).fit(many).recall(unknown))
    return path[:, :SHOWN], _whole(states, few), _whole(modern, many)


def _whole(states: NDArray[Any], memories: NDArray[Any]) -> str:
    return f"{(states == memories).all(axis=1).sum()} of {len(memories)}"


def train(digits: NDArray[np.bool_], passes: int) -> RBM:
    """A machine that has seen 1,500 digits."""
    from nncore.energy import RBM

    machine = RBM(100, 0.05, persistent=True, n_iter=passes, batch_size=50, random_state=0)
    return machine.fit(digits[:1500].astype(np.float32))


def dreams(machine: RBM) -> NDArray[np.float64]:
    """Chains that begin at noise: how likely each pixel is after 0, 1, 10, 100 and 1,000 steps."""
    states = [machine.sample(6, random_state=1, n_steps=1)]
    for steps in (1, 9, 90, 900):
        states.append(machine.gibbs(states[-1], steps, random_state=steps))
    return np.stack([machine.inverse_transform(machine.transform(state)) for state in states])


def draw_dreams(ax: Any, machine: RBM) -> None:
    """A strip for each chain."""
    plot.recall(dreams(machine), ax)
    ax.set_xticklabels(["0", "1", "10", "100", "1,000"])
    ax.set_xlabel("steps of the chain")


def _add_pictures(stop: Stop, path: NDArray[Any], machine: RBM) -> None:
    stop.add_picture(
        lambda ax: plot.recall(path, ax),
        (4.8, 3.6),
        "From the upper half of a digit, on the left, to a memory: the network updates its units until none changes.",
    )
    stop.add_picture(
        lambda ax: plot.filters(machine, ax, n=36),
        (4.8, 4.2),
        "What 36 hidden units look for: red pixels speak for them, blue ones against.",
    )
    stop.add_picture(
        lambda ax: draw_dreams(ax, machine),
        (4.8, 4.6),
        "Six dreams. Each begins at noise, and goes from pixels to strokes and back again.",
    )
