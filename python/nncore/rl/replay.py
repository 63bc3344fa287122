"""A replay buffer: transitions kept once, drawn uniformly."""

from __future__ import annotations

import json
import os
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore._files import Arrays, Path, read_model, write_model
from nncore._random import seed_of
from nncore.nn import _checks
from nncore.rl import _transitions
from nncore.rl._batch import Batch
from nncore.rl._memory import require_memory
from nncore.rl._spaces import ArraySpec, Spec, array_spec, observation_spec, stack_of

__all__ = ["ReplayBuffer"]

Self = TypeVar("Self", bound="ReplayBuffer")
_new = tuple.__new__
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)  # what reading wrong contents may raise


class _Load:
    """`load` of a class makes a buffer; `load` of a buffer takes the file over and returns the buffer."""

    def __get__(self, buffer: Any, owner: type[Any]) -> Any:
        return owner._load if buffer is None else buffer._load_into


class ReplayBuffer:
    """The last transitions of one or more environments, drawn uniformly with replacement.

    An observation is kept once: the next observation of a transition is the observation of the one that follows. Where
    an episode ends, by termination or by a time limit, the true final observation is kept beside. Frames of stacked
    images are kept once as well and stacked again when drawn.

    Parameters
    ----------
    capacity : int
        Transitions of all environments together; the oldest give way to new ones.
    observation_space, action_space : space
        Gymnasium's Box, Discrete, MultiDiscrete, MultiBinary, or a Dict of them for observations; or anything with
        their attributes (``shape`` and ``dtype``, ``n``, ``nvec``, ``spaces``).
    n_steps : int, default=1
        Steps of the returns. They end with the episode, and with the newest transition of an environment.
    gamma : float, default=0.99
        Discount γ within these steps.
    stack_axis : {"auto", None, 0, -1}
        The axis in which observations stack frames, each of which is kept once. "auto": the first axis of images of
        uint8 where it is short (2 to 16), or else the last one of three (2, or 4 to 16). None: none.
    seed : int, numpy.random.Generator, numpy.random.RandomState or None
        Of the draws.
    mmap : path or None
        A folder, made if need be, in whose file system the transitions live instead of in memory, in unnamed files that
        vanish with the buffer; `save` keeps them. Room for them is taken at once. A forked process shares these files:
        only one of the two may go on adding.

    Raises
    ------
    ValueError, TypeError
        A parameter out of its range, or a space of another kind.
    MemoryError
        `capacity` transitions need more memory than the machine has.

    Notes
    -----
    Everything is checked before anything changes. A buffer can be copied and pickled. What is drawn depends on the seed
    and the calls alone.
    """

    _kind = "uniform"
    load = _Load()

    def __init__(
        self,
        capacity: int,
        observation_space: Any,
        action_space: Any,
        n_steps: int = 1,
        gamma: float = 0.99,
        *,
        stack_axis: int | str | None = "auto",
        seed: Any = None,
        mmap: Path | None = None,
    ) -> None:
        self._start(
            {
                "capacity": _transitions.positive("capacity", capacity),
                "n_steps": _transitions.positive("n_steps", n_steps),
                "gamma": gamma,
            },
            observation_spec(observation_space),
            array_spec("action_space", action_space),
            stack_axis,
            seed_of(seed, "seed"),
            mmap,
        )

    def _start(
        self,
        settings: dict[str, Any],
        observation: Spec,
        action: ArraySpec,
        stack_axis: int | str | None,
        seed: int,
        mmap: Path | None,
    ) -> None:
        """Set up an empty buffer; `settings` are those of the core."""
        settings = {"alpha": 0.0, "epsilon": 0.0, "kind": self._kind, **settings}
        if not 0 <= _checks.number("gamma", settings["gamma"]) <= 1:
            raise ValueError(f"gamma must be from 0 to 1, but is {settings['gamma']:g}")
        parts = list(observation.values()) if isinstance(observation, dict) else [observation]
        stacks = [stack_of(part, stack_axis) for part in parts]
        if mmap is None:
            require_memory(settings["capacity"], parts, action, stacks, settings["kind"])
            folder = ""
        else:
            folder = os.fspath(mmap)
            os.makedirs(folder, exist_ok=True)
        self._settings, self._observation, self._action = settings, observation, action
        self._keys = list(observation) if isinstance(observation, dict) else None
        self._stack_axis, self._mmap = stack_axis, mmap
        self._core = _core.Replay(
            parts=[
                (part.dtype, part.shape, part.low, part.high, *stack) for part, stack in zip(parts, stacks, strict=True)
            ],
            action=(action.dtype, action.shape, action.low, action.high),
            seed=seed,
            folder=folder,
            keys=self._keys or [],
            **settings,
        )

    @property
    def capacity(self) -> int:
        """Transitions that the buffer can hold."""
        return int(self._settings["capacity"])

    @property
    def n_steps(self) -> int:
        """Steps of the returns."""
        return int(self._settings["n_steps"])

    @property
    def gamma(self) -> float:
        """Discount within these steps."""
        return float(self._settings["gamma"])

    @property
    def nbytes(self) -> int:
        """Bytes that transitions, frames and priorities take."""
        return self._core.bytes

    def __len__(self) -> int:
        return len(self._core)

    def add(
        self,
        obs: Any,
        action: Any,
        reward: Any,
        next_obs: Any,
        terminated: Any,
        truncated: Any,
        environments: Any = None,
    ) -> None:
        """Add one transition, or one of each of several parallel environments.

        Parameters
        ----------
        obs, next_obs : array (...) or (n, ...), or dict of them
            As the space has it, with a first axis for n environments. `next_obs` is the true next observation also
            where an episode ends, not the first one after a reset.
        action : int or array
            As the space has it, or n of them.
        reward : float or array (n,)
            Finite.
        terminated, truncated : bool or array (n,)
            Whether the episode ended in a terminal state, or was cut short there.
        environments : int array (n,), optional
            Which environment each row belongs to; 0, 1, ... by default.

        Raises
        ------
        ValueError
            Another shape, an action that is not finite or not of its Discrete or MultiDiscrete space (of a Box any is
            kept, as agents keep actions that they have scaled), or a reward that is not finite.
        TypeError
            Another type, where more than rounding would be lost.
        """
        if environments is None and self._core.add(obs, action, reward, next_obs, terminated, truncated):
            return  # one transition as it is: the shortest way
        self._add_rows(obs, action, reward, next_obs, terminated, truncated, environments)

    def _add_rows(
        self, obs: Any, action: Any, reward: Any, next_obs: Any, terminated: Any, truncated: Any, environments: Any
    ) -> None:
        rewards = np.asarray(reward)
        if rewards.dtype.kind not in "fiu":
            raise TypeError(f"reward must be a number, but came as {rewards.dtype}")
        if rewards.ndim > 1:
            raise ValueError(f"reward must be a number or an array of shape (n,), but came as {rewards.shape}")
        rows = None if rewards.ndim == 0 else len(rewards)
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(rewards, np.float32).reshape(-1)
        if not np.isfinite(values).all():
            raise ValueError(f"reward must be finite and fit float32, but is {rewards[()]}")
        actions = self._action.array("action", action, rows)
        before, after = self._parts("obs", obs, rows), self._parts("next_obs", next_obs, rows)
        terminal = _transitions.flags("terminated", terminated, rows)
        cut = _transitions.flags("truncated", truncated, rows)
        numbers = _transitions.environments(environments, rows)
        self._core.add_rows(before, actions, values, after, terminal, cut, numbers)

    def _parts(self, name: str, value: Any, rows: int | None) -> list[NDArray[Any]]:
        if not isinstance(self._observation, dict):
            return [self._observation.array(name, value, rows)]
        try:
            keys = set(value.keys())
        except AttributeError:
            raise TypeError(
                f"{name} must be a dict with the keys {self._keys}, but is {type(value).__name__}"
            ) from None
        if keys != set(self._observation):
            raise ValueError(f"{name} must have the keys {self._keys}, but has {sorted(keys)}")
        return [spec.array(f"{name}[{key!r}]", value[key], rows) for key, spec in self._observation.items()]

    def end_episode(self, environment: int = 0) -> None:
        """Say that the next transition of this environment begins a new episode.

        It is needed only where an environment was reset before its episode ended and begins with the very observation
        that came last.
        """
        number = _checks.whole_number("environment", environment)
        if number < 0:
            raise ValueError(f"environment must be at least 0, but is {number}")
        self._core.end_episode(number)

    def sample(self, batch_size: int, beta: float = 0.4) -> Batch:
        """Draw transitions.

        Parameters
        ----------
        batch_size : int
            How many, at least 1.
        beta : float, default=0.4
            Exponent of the importance-sampling weights; of no effect for a uniform buffer, whose weights are 1.

        Returns
        -------
        batch : Batch
            Arrays of the caller's own.

        Raises
        ------
        ValueError
            `batch_size` below 1, `beta` below 0 or not finite, or an empty buffer.
        """
        if type(batch_size) is not int or batch_size < 1 or not self._core:
            self._refuse(batch_size, beta)
        try:
            return self._batch(self._core.sample(batch_size, beta))
        except (TypeError, ValueError, MemoryError):
            self._refuse(batch_size, beta, most=len(self._core))
            raise

    def sample_indices(self, batch_size: int, beta: float = 0.4) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Draw indices alone, as `sample` does.

        Returns
        -------
        indices : int64 array (batch_size,)
            Places in the buffer.
        weights : float32 array (batch_size,)
            Importance-sampling weights.
        """
        self._refuse(batch_size, beta)
        try:
            indices, weights = self._core.draw(int(batch_size), beta)
        except (TypeError, ValueError, MemoryError):
            self._refuse(batch_size, beta, most=len(self._core))
            raise
        return indices, weights

    def get(self, indices: Any) -> Batch:
        """The transitions at these places, each with a weight of 1.

        Raises
        ------
        IndexError
            A place that holds no transition.
        """
        return self._batch(self._core.gather(_transitions.indices(indices)))

    def update_priorities(self, indices: Any, td_errors: Any) -> None:
        """Set priorities from TD errors of either sign; a uniform buffer only checks them.

        Parameters
        ----------
        indices : int array (n,)
            Places in the buffer, as in a batch; of the same place the last counts.
        td_errors : array (n,)
            TD errors δ.

        Raises
        ------
        IndexError
            A place that holds no transition.
        ValueError
            Other shapes, or an error that is NaN or infinite. No priority has changed then.
        """
        if self._core.update_priorities(indices, td_errors):
            return
        errors = np.asarray(td_errors)
        if errors.dtype.kind not in "fiu":
            raise TypeError(f"td_errors must be numbers, but came as {errors.dtype}")
        places = _transitions.indices(indices)
        if errors.shape != places.shape and errors.shape != np.shape(indices):
            raise ValueError(f"td_errors must be one per index, {places.shape}, but came as {errors.shape}")
        self._core.update_priorities(places, np.ascontiguousarray(errors, np.float64).reshape(-1))

    def seed(self, seed: Any = None) -> None:
        """Begin the draws anew, from a seed as in the constructor."""
        self._core.seed(seed_of(seed, "seed"))

    def _refuse(self, batch_size: Any, beta: Any, most: int | None = None) -> None:
        """Say what is wrong with these; the buffer's memory was too small where there is a `most`."""
        if _checks.whole_number("batch_size", batch_size) < 1:
            raise ValueError(f"batch_size must be at least 1, but is {batch_size}")
        _checks.number("beta", beta)
        if most is not None and batch_size > most:
            raise MemoryError(f"batch_size must fit the memory, but is {batch_size:,}") from None
        if not len(self._core):
            raise ValueError("the replay buffer is empty: add transitions before drawing any")

    def _batch(self, fields: tuple[Any, ...]) -> Batch:
        if self._keys is not None:
            before, after = (dict(zip(self._keys, fields[part], strict=True)) for part in (0, 3))
            fields = (before, *fields[1:3], after, *fields[4:])
        return _new(Batch, fields)

    def save(self, path: Path) -> None:
        """Write all transitions, priorities, episode borders and the state of the draws to a safetensors file.

        A loaded buffer goes on exactly as this one would.

        Raises
        ------
        OSError
            The file cannot be written; what stood at `path` is untouched.
        """
        write_model(path, type(self).__name__, self._description(), self._core.state())

    def _description(self) -> dict[str, Any]:
        one = not isinstance(self._observation, dict)
        parts = {"": self._observation} if one else self._observation
        return {
            "settings": self._settings,
            "observation": {key: spec.describe() for key, spec in parts.items()},  # type: ignore[union-attr]
            "mapping": not one,
            "action": self._action.describe(),
            "stack_axis": self._stack_axis,
        }

    @classmethod
    def _load(cls: type[Self], path: Path, *, mmap: Path | None = None) -> Self:
        """A buffer from a file that `save` wrote.

        Parameters
        ----------
        path : path
            The file.
        mmap : path or None
            As in the constructor.

        Raises
        ------
        ValueError
            A damaged file, or one of another kind. The message names `path`.
        """
        description, arrays = read_model(path, cls.__name__)
        try:
            return cls._restored(description, arrays, mmap)
        except _DAMAGED as error:
            raise ValueError(f"{os.fspath(path)!r} is damaged: {error}") from None

    def _load_into(self: Self, path: Path) -> Self:
        """Take over the contents of a file that `save` wrote, of a buffer with the same spaces and settings."""
        description, arrays = read_model(path, type(self).__name__)
        name, mine = os.fspath(path), json.loads(json.dumps(self._description()))
        try:
            ours, theirs = _shown(mine), _shown(description)
            others = [key for key in ours if theirs[key] != ours[key]]
            if others:
                raise ValueError("; ".join(f"its {k} is {theirs[k]}, but this buffer has {ours[k]}" for k in others))
            self._restore(arrays)
        except _DAMAGED as error:
            raise ValueError(f"{name!r} cannot be loaded here: {error}") from None
        return self

    @classmethod
    def _restored(cls: type[Self], description: dict[str, Any], arrays: Arrays, mmap: Path | None) -> Self:
        buffer = cls.__new__(cls)
        specs = {key: ArraySpec.from_description(part) for key, part in description["observation"].items()}
        observation = specs if description["mapping"] else specs[""]
        action = ArraySpec.from_description(description["action"])
        settings = dict(description["settings"])
        buffer._start(settings, observation, action, description["stack_axis"], 0, mmap)
        buffer._restore(arrays)
        return buffer

    def _restore(self, arrays: Arrays) -> None:
        names = sorted((name for name in arrays if name.startswith("frames.")), key=lambda name: int(name[7:]))
        parts = {name: arrays[name] for name in ("records", "ends", "priorities", "order", "last", "counters")}
        self._core.restore(frames=[arrays[name] for name in names], **parts)

    def __getstate__(self) -> dict[str, Any]:
        arrays = {name: array.copy() for name, array in self._core.state().items()}
        return {"description": self._description(), "arrays": arrays, "mmap": self._mmap}

    def __setstate__(self, state: dict[str, Any]) -> None:
        made = self._restored(state["description"], state["arrays"], state["mmap"])
        self.__dict__.update(made.__dict__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} of {self.capacity} transitions, n_steps={self.n_steps})"


def _shown(description: dict[str, Any]) -> dict[str, str]:
    """What two buffers must have in common, as text."""
    specs = {key: ArraySpec.from_description(part) for key, part in description["observation"].items()}
    entries = ", ".join(f"{key}: {spec}" for key, spec in specs.items())
    return {
        "observation space": f"Dict({entries})" if description["mapping"] else str(specs[""]),
        "action space": str(ArraySpec.from_description(description["action"])),
        **{name: str(value) for name, value in sorted(description["settings"].items())},
        "stack_axis": str(description["stack_axis"]),
    }
