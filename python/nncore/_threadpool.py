"""Makes threadpoolctl see nncore's threads, without importing it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_NAME = "threadpoolctl"


def register() -> None:
    """Register nncore's pool with threadpoolctl: now if it is imported already, else as soon as it is.

    From then on ``threadpoolctl.threadpool_info()`` lists nncore, and ``threadpoolctl.threadpool_limits(1)`` limits it
    (``user_api="nncore"`` alone). The limit holds for the whole process. Versions of threadpoolctl before 3.2 cannot
    be told of other libraries and stay as they are.
    """
    if _NAME in sys.modules:
        _add_controller(sys.modules[_NAME])
    else:
        sys.meta_path.insert(0, _Announcer())


class _Announcer:
    """A finder that finds what the other finders find, and has the controller added once threadpoolctl has run."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _NAME:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find is not None else None
            if spec is not None:
                self._watch(spec.loader)
                return spec
        return None

    def _watch(self, loader: Any) -> None:
        run = getattr(loader, "exec_module", None)
        attributes = getattr(loader, "__dict__", None)
        if run is None or not isinstance(attributes, dict):  # a loader that is a class serves other modules too
            return

        def exec_module(module: ModuleType) -> None:
            attributes.pop("exec_module", None)
            run(module)
            if self in sys.meta_path:  # not when another import of it was faster
                sys.meta_path.remove(self)
                _add_controller(module)

        attributes["exec_module"] = exec_module


def _add_controller(threadpoolctl: Any) -> None:
    if not hasattr(threadpoolctl, "register"):
        return

    class Controller(threadpoolctl.LibController):  # type: ignore[misc]
        """What threadpoolctl does with a shared library named _core* that has these symbols."""

        user_api = "nncore"
        internal_api = "nncore"
        filename_prefixes = ("_core",)
        check_symbols = ("nncore_get_num_threads", "nncore_set_num_threads")

        def get_num_threads(self) -> Any:
            # Asked of every library with the prefix, before its symbols are checked.
            get = getattr(self.dynlib, "nncore_get_num_threads", None)
            return get and get()

        def set_num_threads(self, num_threads: int) -> None:
            self.dynlib.nncore_set_num_threads(num_threads)

        def get_version(self) -> Any:
            return getattr(sys.modules.get("nncore"), "__version__", None)

    threadpoolctl.register(Controller)
