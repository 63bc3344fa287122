"""The tour's stop at small worlds: six rooms, and a house with slippery floors."""

from __future__ import annotations

import importlib.util
import time
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import plot, rl
from nncore.cli.tour.page import Stop
from nncore.datasets import load_rooms

ROOMS_GAMMA = 0.8
HOUSE = (
    ".....#......",
    ".....#......",
    "............",
    ".....#...X..",
    "##.###......",
    ".....##.####",
    ".....#......",
    "..X..#......",
    ".........X..",
    ".....#.....G",
)
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left: the letters "urdl" of the picture
SLIP = 0.1  # probability of going to either side instead


def visit(*, quick: bool) -> Stop:
    """Learn both worlds, print what comes of it, and return what the page shows."""
    print("\nSix rooms, and one way out: Q-learning finds the shortest.")
    rooms = rl.MDP.from_reward_matrix(load_rooms(), ROOMS_GAMMA, goals=5)
    agent = rl.QLearning(6, 6, learning_rate=1.0, gamma=ROOMS_GAMMA, exploration=rl.EpsilonGreedy(1.0))
    agent.learn(rooms, 20_000, seed=0)
    path = _path(agent.policy(), 2)
    print(f"    from room 2: {' → '.join(map(str, path))}")

    house = house_model()
    steps = 200_000 if quick else 10_000_000
    walker = rl.QLearning.for_env(
        house,
        learning_rate=rl.ExponentialSchedule(0.5, 0.002, steps),
        gamma=house.gamma,
        exploration=rl.EpsilonGreedy(1.0, 0.1),
    )
    print(f"A house with slippery floors: {steps:,} steps.")
    started = time.perf_counter()
    walker.learn(house, steps, seed=0, max_episode_steps=1000)
    seconds = time.perf_counter() - started
    exact = house.policy_iteration()
    worst = float(np.abs(walker.values() - exact.v).max())
    print(f"{steps / seconds:,.0f} steps per second; values within {worst:.3f} of the exact ones.")

    stop = Stop(
        "Where to go is learned by going",
        "Nobody tells a learner which step is right; it only sees what each one brings. Q-learning keeps a table of "
        "how much every action is worth in every place, and mends it after each step by what came: the reward, and "
        "the best that the table knows of the next place. What is far from a reward so learns of it, place by place.",
        [
            (f"{steps / seconds / 1e6:.0f} million", "steps per second, world and learner"),
            (f"{seconds:.2f} s", f"for {steps:,} steps"),
            (f"{worst:.3f}", "greatest error of a value, of at most 1"),
            (f"{exact.n_iter}", "improvements that policy iteration needs, which knows the house"),
        ],
    )
    stop.add_text("Six rooms", _rooms_table(agent.q, path))
    if importlib.util.find_spec("matplotlib") is not None:
        _add_pictures(stop, walker)
    return stop


def house_model() -> rl.MDP:
    """The house: +1 at G, −1 at X; a step goes to either side with the probability SLIP, or stays before a wall."""
    rows, columns = len(HOUSE), len(HOUSE[0])
    cells = "".join(HOUSE)
    P = np.zeros((len(MOVES), len(cells), len(cells)))
    R = np.zeros(P.shape)
    for state, cell in enumerate(cells):
        if cell != ".":
            continue  # no way out of a wall, of the goal or of a trap
        for action in range(len(MOVES)):
            for turn, probability in ((0, 1 - 2 * SLIP), (1, SLIP), (3, SLIP)):
                row, column = np.add(divmod(state, columns), MOVES[(action + turn) % 4])
                inside = 0 <= row < rows and 0 <= column < columns and HOUSE[row][column] != "#"
                to = int(row * columns + column) if inside else state
                P[action, state, to] += probability
                R[action, state, to] = {"G": 1.0, "X": -1.0}.get(cells[to], 0.0)
    return rl.MDP(P, R, gamma=0.97)


def draw_house(ax: Any, walker: rl.QLearning) -> None:
    """Values and policy; walls are blank, and so are the ends, which have signs."""
    cells = np.array([list(row) for row in HOUSE])
    values = np.where(cells == ".", walker.values().reshape(cells.shape), np.nan)
    plot.values(values, ax, policy=walker.policy())
    for row, column in np.argwhere((cells == "G") | (cells == "X")):
        exits = cells[row, column] == "G"
        ax.text(column, row, "exit" if exits else "×", ha="center", va="center", fontsize=9 if exits else 18)


def _path(policy: NDArray[np.int64], room: int) -> list[int]:
    path = [room]
    while path[-1] != 5 and len(path) < 7:
        path.append(int(policy[path[-1]]))
    return path


def _add_pictures(stop: Stop, walker: rl.QLearning) -> None:
    stop.add_picture(
        lambda ax: draw_house(ax, walker),
        (7.0, 4.6),
        "A house with slippery floors: every fifth step goes to a side. Bright places are worth much, and the arrows "
        "lead to the exit past three traps (×), at a distance where there is room for it.",
    )
    stop.add_picture(
        lambda ax: plot.returns(walker, ax),
        (4.8, 3.0),
        "What an episode brought while it learned: at first any step was taken, in the end nine of ten as the table "
        "says.",
    )


def _rooms_table(q: NDArray[np.float64], path: list[int]) -> str:
    shares = 100 * q / q.max()
    head = "".join(f"<th>to {room}</th>" for room in range(5)) + "<th>outside</th>"
    rows = "".join(f"<tr><td><b>{_room(s)}</b></td>{''.join(map(_cell, shares[s]))}</tr>" for s in range(6))
    way = " → ".join(_room(room) for room in path)
    return (
        "<p>Each door is worth a share of the way out, four fifths of what the next room's best door is worth. Whoever "
        f"always takes the best one goes {escape(way)}.</p>"
        f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _room(number: Any) -> str:
    return "outside" if number == 5 else f"room {number}"


def _cell(share: float) -> str:
    return "<td></td>" if share == 0 else f"<td>{share:.0f}</td>"
