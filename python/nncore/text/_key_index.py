"""The dictionary of a vocabulary, made when somebody looks something up: training needs none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any


class KeyIndex:
    """What has `index_to_key`, and from it `key_to_index` at the first use."""

    index_to_key: list[Any]

    @property
    def key_to_index(self) -> dict[Any, int]:
        """Index of each key."""
        made: dict[Any, int] | None = self.__dict__.get("_key_to_index")
        if made is None:  # of two threads that come at once, both get the dictionary of the first
            fresh = {key: index for index, key in enumerate(self.index_to_key) if key is not None}
            made = self.__dict__.setdefault("_key_to_index", fresh)
        return made

    @key_to_index.setter
    def key_to_index(self, made: dict[Any, int]) -> None:
        self.__dict__["_key_to_index"] = made

    def __getstate__(self) -> dict[str, Any]:
        # with the dictionary, which a shallow copy shares as it shares the list
        return {**self.__dict__, "_key_to_index": self.key_to_index}


def first_twice(keys: Iterable[Hashable]) -> Any:
    """The first key that comes more than once; there is one."""
    return next(key for key, times in Counter(keys).items() if times > 1)
