"""The tour's stop at control: DQN balances a pole."""

from __future__ import annotations

import importlib.util
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore import plot, rl
from nncore.cli.tour.page import Stop
from nncore.rl._dqn_tuned import tuned

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = 30_000
EPISODES = 20
ANGLES, SPEEDS = 0.2, 2.0  # of the picture: radians, radians per second


def visit(*, quick: bool) -> Stop | None:
    """Balance the pole, print how long it stood, and return what the page shows; None without Gymnasium."""
    print("\nA cart with a pole on it: DQN learns to balance it from what it sees.")
    if importlib.util.find_spec("gymnasium") is None:
        print("    It needs Gymnasium: pip install 'nncore[rl]'")
        return None
    steps = 2_000 if quick else STEPS
    started = time.perf_counter()
    agent = rl.DQN("CartPole-v1", seed=0, **tuned("CartPole-v1"))
    agent.learn(steps, log_interval=None)
    seconds = time.perf_counter() - started
    stood, _ = agent.evaluate(EPISODES)
    print(f"{steps / seconds:,.0f} steps per second, learning included; then it stood for {stood:.0f} of 500 steps.")
    stop = Stop(
        "A pole is balanced by trying",
        "Four numbers say where the cart and the pole are and how fast; the only choices are to push to the left or to "
        "the right. DQN learns from its own past: a network guesses what each push will bring in all, and is mended on "
        "moments drawn from memory, those more often that it guessed worst (prioritised replay), by what came next.",
        [
            (f"{stood:.0f} of 500", f"steps that the pole stood after training, mean of {EPISODES} episodes"),
            (f"{seconds:.1f} s", f"for {steps:,} steps of training"),
            (f"{steps / seconds:,.0f}", "steps of the cart per second, learning included"),
        ],
    )
    if importlib.util.find_spec("matplotlib") is not None:
        _add_pictures(stop, agent)
    return stop


def preferences(agent: rl.DQN) -> NDArray[np.float64]:
    """Q(right) - Q(left) of a cart that stands in the middle: rows are speeds of the pole, columns its angles."""
    angle, speed = np.meshgrid(np.linspace(-ANGLES, ANGLES, 81), np.linspace(-SPEEDS, SPEEDS, 61))
    seen = np.zeros((angle.size, 4), np.float32)
    seen[:, 2], seen[:, 3] = angle.ravel(), speed.ravel()
    q = agent.q_network(seen)
    return np.asarray((q[:, 1] - q[:, 0]).reshape(angle.shape), np.float64)


def draw_preferences(ax: Any, agent: rl.DQN) -> None:
    """What the agent would do at each angle and speed of the pole."""
    shown = preferences(agent)
    limit = float(np.abs(shown).max()) or 1.0
    degrees = np.rad2deg(ANGLES)
    image = ax.imshow(shown, cmap="PuOr_r", vmin=-limit, vmax=limit, origin="lower", aspect="auto",
                      extent=(-degrees, degrees, -SPEEDS, SPEEDS), interpolation="bilinear")  # fmt: skip
    ax.set(xlabel="angle of the pole, degrees to the right", ylabel="its speed, radians per second")
    bar = ax.figure.colorbar(image, ax=ax)
    bar.set_label("push left  ←    → push right")
    bar.set_ticks([])
    bar.outline.set_visible(False)


def _add_pictures(stop: Stop, agent: rl.DQN) -> None:
    stop.add_picture(
        lambda ax: plot.returns(agent, ax),
        (4.8, 3.0),
        "For how many steps the pole stood while it learned: 500 is the most. Some pushes are by chance all along.",
    )
    stop.add_picture(
        lambda ax: draw_preferences(ax, agent),
        (4.8, 3.2),
        "What it does with a cart in the middle: a pole that leans or falls to the right is caught by a push to the "
        "right. Between the colours it would rather not choose.",
    )
    stop.add_picture(
        lambda ax: plot.priorities(agent, ax),
        (4.8, 3.0),
        "Its memory at the end: how much more often than by chance each moment is drawn.",
    )
