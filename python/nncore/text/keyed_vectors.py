"""Words and their vectors, with gensim's names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from nncore._files import Path

from . import _own_format
from ._evaluation import Evaluations
from ._vector_store import Key

__all__ = ["KeyedVectors"]

Self = TypeVar("Self", bound="KeyedVectors")


class KeyedVectors(Evaluations):
    """Vectors by key, with gensim 4's names and results."""

    def vectors_for_all(
        self, keys: Iterable[Key], allow_inference: bool = True, copy_vecattrs: bool = False
    ) -> KeyedVectors:
        """Vectors of some keys, each once, in their order; those that are not there are left out.

        Parameters
        ----------
        keys : iterable of (str or int)
            The keys.
        allow_inference : bool
            Whether an integer may be the index of a key; False takes only keys themselves. (gensim's subword models,
            which nncore does not have, make up vectors.)
        copy_vecattrs : bool
            Take the attributes with the vectors. Otherwise "count" says len(keys), len(keys) − 1, …, as for a file.
        """
        kept = [key for key in dict.fromkeys(keys) if key in (self if allow_inference else self.key_to_index)]
        indices = self._indices(kept)
        made = KeyedVectors.from_arrays(kept, self._vectors[indices])
        made.expandos["count"] = np.arange(len(kept), 0, -1)
        if copy_vecattrs:
            made.expandos |= {name: values[indices] for name, values in self.expandos.items()}
        return made

    def save(self, fname: Path) -> None:
        """Write keys, vectors and attributes to a file of nncore's own (safetensors), whole or not at all.

        Parameters
        ----------
        fname : str or os.PathLike
            Where to write; an existing file is replaced.

        Raises
        ------
        OSError
            It cannot be written.
        """
        _own_format.write(self, fname)

    @classmethod
    def load(cls: type[Self], fname: Path, mmap: bool | str | None = None) -> Self:
        """Read a file that `save` wrote.

        Parameters
        ----------
        fname : str or os.PathLike
            The file.
        mmap : bool or "r"
            Leave the vectors in the file, read-only: the system reads what is used, and processes share it. Then only
            the header and the keys are checked; otherwise the whole file is, by its checksum. The file must not be cut
            while it is in use (`save` never does that: it puts a new file in the place of the old).

        Raises
        ------
        ValueError
            The file is damaged, or not such a file. The message names it.
        OSError
            It cannot be read.
        """
        made: Self = _own_format.read(cls, fname, bool(mmap))
        return made
