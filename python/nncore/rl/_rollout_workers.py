"""Episodes played in processes of their own."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from multiprocessing.connection import Connection, Pipe
from typing import Any

from numpy.typing import NDArray

from nncore.rl._policy_network import PolicyNetwork
from nncore.rl._tabular_spaces import gymnasium

Task = tuple[int, int]  # number of the weights, seed
Played = list[tuple[float, int]]

# A process that begins afresh: one made by fork() may inherit a lock that is held, and one that multiprocessing spawns
# would run the user's script again.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from nncore.rl._rollout_workers import serve; serve(int(sys.argv[1]))"
)


class Workers:
    """Processes, each with an environment and a policy network."""

    def __init__(self, count: int, source: Any, description: dict[str, Any], limit: int | None) -> None:
        import cloudpickle  # comes with Gymnasium; an environment may be made by a function of the user's script

        self._processes: list[subprocess.Popen[bytes]] = []
        self._pipes: list[Connection] = []
        first = cloudpickle.dumps((source, description, limit))
        try:
            for _ in range(count):
                ours, theirs = Pipe()
                with theirs:
                    command = [sys.executable, "-c", _START, str(theirs.fileno()), json.dumps(sys.path)]
                    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
                self._processes.append(process)
                self._pipes.append(ours)
                ours.send_bytes(first)
        except BaseException:
            self.close()
            raise

    def play(self, weights: list[NDArray[Any]], tasks: list[Task]) -> Played:
        """Return and length of each task's episode."""
        share = len(self._pipes)
        for index, pipe in enumerate(self._pipes):
            pipe.send((weights, tasks[index::share]))
        played: Played = [(0.0, 0)] * len(tasks)
        failed: BaseException | None = None
        for index, pipe in enumerate(self._pipes):
            try:
                answer = pipe.recv()
            except (EOFError, ConnectionError):
                raise RuntimeError("a worker that plays episodes ended by itself") from None
            if isinstance(answer, BaseException):
                failed = answer
            else:
                played[index::share] = answer
        if failed is not None:
            raise failed
        return played

    def close(self) -> None:
        """End the processes."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait()


def make_env(source: Any) -> Any:
    """An environment from an id, a function or Gymnasium's description of one."""
    return source() if callable(source) else gymnasium().make(source)


def serve(handle: int) -> None:
    """Play what comes through a pipe, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is answered by the process that began this one
    pipe = Connection(handle)
    try:
        source, description, limit = pickle.loads(pipe.recv_bytes())
        env, policy, failed = make_env(source), PolicyNetwork(description), None
    except EOFError:
        return
    except Exception as error:
        failed = error
    while True:
        try:
            weights, tasks = pipe.recv()
        except (EOFError, ConnectionError):
            break
        try:
            if failed is not None:
                raise failed
            played: Any = play_tasks(env, policy, weights, tasks, limit)
        except Exception as error:
            played = error
        try:
            pipe.send(played)
        except (ConnectionError, OSError):
            break
        except Exception:
            pipe.send(RuntimeError(f"an environment raised {type(played).__name__}: {played}"))
    os._exit(0)  # an environment's own threads are no reason to stay


def play_tasks(env: Any, policy: PolicyNetwork, weights: list[Any], tasks: list[Task], limit: int | None) -> Played:
    """Play the episodes of tasks here."""
    played, current = [], -1
    for which, seed in tasks:
        if which != current:
            policy.set_weights(weights[which])
            current = which
        played.append(policy.play(env, seed, limit))
    return played
