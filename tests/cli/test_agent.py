from __future__ import annotations

import re
from pathlib import Path

import pytest

from nncore import rl
from nncore.cli import main

pytest.importorskip("gymnasium", reason="environments are Gymnasium's")


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on standard error of a command that the user must change."""
    assert main(["agent", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("nncore: ")
    assert error.count("\n") == 1
    return error


def test_q_learning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "agent.safetensors"
    steps = ["--total-timesteps", "20000", "--episodes", "2"]
    assert main(["agent", "CliffWalking-v1", "--algorithm", "q-learning", *steps, "-o", str(path)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^20,000 steps in \d+\.\d s, [\d,]+ a second$", out, re.MULTILINE)
    assert "return of 2 greedy episodes: -13.0 ± 0.0\n" in out
    assert rl.QLearning.load(path).num_timesteps == 20_000


def test_hill_climbing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "agent.safetensors"
    arguments = ["--algorithm", "hill-climbing", "--total-timesteps", "5000", "-o", str(path)]
    assert main(["agent", "CartPole-v1", *arguments]) == 0
    assert "return of 20 greedy episodes: " in capsys.readouterr().out
    assert rl.HillClimbing.load(path).num_timesteps >= 5000


def test_what_the_user_must_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = ("--algorithm", "q-learning")
    assert "Nowhere-v1" in refused(capsys, "Nowhere-v1", *table)
    assert "env.observation_space must be Discrete" in refused(capsys, "CartPole-v1", *table)
    assert "--episodes must be at least 1, but is 0" in refused(capsys, "CliffWalking-v1", *table, "--episodes", 0)
    assert "--total-timesteps must be" in refused(capsys, "CliffWalking-v1", *table, "--total-timesteps", -1)
    nowhere = tmp_path / "nowhere" / "agent.safetensors"
    assert str(nowhere.parent) in refused(capsys, "CliffWalking-v1", *table, "-o", nowhere)


@pytest.mark.parametrize("algorithm", ["dqn", "reinforce"])
def test_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str], algorithm: str) -> None:
    path = tmp_path / "agent.safetensors"
    command = ["agent", "CartPole-v1", "--algorithm", algorithm, "--total-timesteps", "1200", "--episodes", "2"]
    assert main([*command, "-o", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1,200 steps in ")
    assert lines[1].startswith("return of 2 greedy episodes: ")
    kind = rl.DQN if algorithm == "dqn" else rl.REINFORCE
    assert kind.load(path, "CartPole-v1").num_timesteps == 1200


@pytest.mark.parametrize("algorithm", ["hill-climbing", "reinforce", "dqn"])
def test_an_environment_that_ends_no_episode(algorithm: str, capsys: pytest.CaptureFixture[str]) -> None:
    steps = "200" if algorithm != "hill-climbing" else "1"
    arguments = ["agent", "CliffWalking-v1", "--algorithm", algorithm, "--total-timesteps", steps, "--episodes", "1"]
    assert main(arguments) == 0
    mean = float(capsys.readouterr().out.split("greedy episodes: ")[1].split()[0])
    assert -100 * 10_000 <= mean <= -13


def test_a_buffer_is_of_dqn_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agent", "CartPole-v1", "--algorithm", "reinforce", "--buffer-size", "10"]) == 2
    assert capsys.readouterr().err == "nncore: --buffer-size is for --algorithm dqn alone\n"
