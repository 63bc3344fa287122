"""A single environment with the number of environments, which callbacks of stable-baselines3 ask."""

from __future__ import annotations

import functools
import sys
from typing import Any


def counted(env: Any) -> Any:
    """Give one of Gymnasium's environments a wrapper that has `num_envs`; others stay as they are."""
    return _counted_class()(env) if _is_gymnasiums(env) else env


def uncounted(env: Any) -> Any:
    """The environment within such a wrapper; others as they are."""
    return env.env if _is_gymnasiums(env) and isinstance(env, _counted_class()) else env


def _is_gymnasiums(env: Any) -> bool:
    gymnasium = sys.modules.get("gymnasium")  # without it, this is none of its
    return gymnasium is not None and isinstance(env, gymnasium.Env)


@functools.lru_cache
def _counted_class() -> Any:
    import gymnasium

    class Counted(gymnasium.Wrapper[Any, Any, Any, Any]):
        """All but the number is the environment's own, what is set too."""

        num_envs = 1

        @property
        def spec(self) -> Any:  # type: ignore[override]
            return self.env.spec

        def __getattr__(self, name: str) -> Any:
            if name == "env":  # of a copy that is being made
                raise AttributeError(name)
            return getattr(self.env, name)

        def __setattr__(self, name: str, value: Any) -> None:
            if name == "env" or name.startswith("_"):
                super().__setattr__(name, value)
            else:
                setattr(self.env, name, value)

        def __reduce__(self) -> Any:
            return counted, (self.env,)

    return Counted
