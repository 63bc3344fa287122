"""Words and their vectors, with gensim's names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from nncore._files import Path

from . import _own_format, _word2vec_format
from ._evaluation import Evaluations
from ._vector_table import Key

__all__ = ["KeyedVectors"]

Self = TypeVar("Self", bound="KeyedVectors")


class KeyedVectors(Evaluations):
    """Vectors by key, such as word vectors, with gensim 4's methods, defaults and results.

    Parameters
    ----------
    vector_size : int
        Numbers of a vector.
    count : int
        Room for so many keys, which `add_vector` fills.
    dtype : dtype
        float16, float32 or float64.
    mapfile_path : str, optional
        Without effect, as in gensim.

    Attributes
    ----------
    vectors : array of shape (n, vector_size)
        One row for each key. After a change of some of its elements call ``fill_norms(force=True)``; all methods that
        change vectors do the like by themselves.
    index_to_key : list
        The keys in the order of the rows, which for a trained model is that of their frequency.
    key_to_index : dict
        The row of each key.
    norms : array of shape (n,), or None
        Lengths of the vectors, once something has needed them.
    expandos : dict of str to array
        Attributes of the keys, such as "count"; see `get_vecattr` and `set_vecattr`.
    vectors_lockf : array of shape (1,) or (n,)
        How much of each change training may make.

    Notes
    -----
    Where it differs from gensim: of equally similar keys, and of equal counts, the smaller index comes first; a vector
    of zeros has the similarity 0 with all (there NaN, with a warning); NaN and infinity are refused when they are added
    or read; a key that `add_vectors` is given twice counts once; `most_similar_cosmul` heeds `restrict_vocab` and gives
    vectors the length 1 as it does keys; `evaluate_word_analogies` heeds `similarity_function`; `save` writes
    safetensors, not a pickle. There are no subword vectors for unknown words, and no `wmdistance`.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.text import KeyedVectors
    >>> wv = KeyedVectors(2)
    >>> wv.add_vectors(["man", "woman", "king", "queen"], np.array([[1, 0.1], [0.1, 1], [3, 0.9], [2, 3]]))
    >>> wv.most_similar("king", topn=1)[0][0]
    'man'
    """

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

    def save(self, fname: Path, **without_effect: Any) -> None:
        """Write keys, vectors and attributes to a file of nncore's own (safetensors), whole or not at all.

        Parameters
        ----------
        fname : str or os.PathLike
            Where to write; an existing file is replaced.
        **without_effect
            gensim's arguments; a warning says that they have no effect.

        Raises
        ------
        OSError
            It cannot be written.
        """
        _own_format.say_ignored(without_effect)
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

    def save_word2vec_format(
        self,
        fname: Path,
        fvocab: Path | None = None,
        binary: bool = False,
        total_vec: int | None = None,
        write_header: bool = True,
        prefix: str = "",
        append: bool = False,
        sort_attr: str = "count",
    ) -> None:
        """Write the vectors as word2vec does, text or binary.

        Parameters
        ----------
        fname : str or os.PathLike
            Where to write; compressed when the name ends in .gz, .bz2 or .xz. An existing file is replaced, whole or
            not at all.
        fvocab : str or os.PathLike, optional
            Write a file of lines "key count" as well.
        binary : bool
            Numbers as float32; otherwise as the shortest decimals that read back as the same number.
        total_vec : int, optional
            What the header says instead of the number of keys.
        write_header : bool
            False leaves the first line out, as GloVe does.
        prefix : str
            What stands before each key.
        append : bool
            Write at the end of the file.
        sort_attr : str
            The keys with the largest of this attribute first; in their order where there is no such attribute.

        Raises
        ------
        ValueError
            A key has a space or a newline, or `fvocab` is given and there is no attribute `sort_attr`.
        OSError
            A file cannot be written.
        """
        _word2vec_format.save(self, fname, fvocab, binary, total_vec, write_header, prefix, append, sort_attr)

    @classmethod
    def load_word2vec_format(
        cls: type[Self],
        fname: Path,
        fvocab: Path | None = None,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
        limit: int | None = None,
        datatype: DTypeLike = np.float32,
        no_header: bool = False,
        *,
        tolerant: bool = False,
    ) -> Self:
        """Read vectors that word2vec, GloVe, fastText (.vec), gensim or `save_word2vec_format` wrote.

        Of two words alike the first counts, with a warning. The attribute "count" comes from `fvocab`; without it, it
        only tells the order: n, n − 1, …

        Parameters
        ----------
        fname : str or os.PathLike
            The file; it may be compressed (.gz, .bz2, .xz).
        fvocab : str or os.PathLike, optional
            A file of lines "word count".
        binary : bool
            Whether the numbers are float32 rather than text.
        encoding : str
            That of the words.
        unicode_errors : {"strict", "ignore", "replace", "surrogateescape", ...}
            What to do with words that are not in this encoding, as for ``bytes.decode``.
        limit : int, optional
            Read the first so many words.
        datatype : dtype
            The type of the vectors: float16, float32 or float64.
        no_header : bool
            The file is text and begins with the first word, as GloVe's.
        tolerant : bool
            Read what can be read of a damaged file, and warn of the rest: lines with another number of fields, NaN or
            infinity are left out, what stands before the numbers is the word even with spaces in it, and the header's
            number of words does not count; nor does, in a text, its number of dimensions where most lines have another,
            and it may be missing. Otherwise each of these is an error.

        Raises
        ------
        ValueError
            The file is not of this format or damaged. The message has its name and the line or byte.
        OSError
            It cannot be read.
        """
        made: Self = _word2vec_format.load(
            cls, fname, fvocab, binary, encoding, unicode_errors, limit, datatype, no_header, tolerant
        )
        return made

    def intersect_word2vec_format(
        self,
        fname: Path,
        lockf: float = 0.0,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
    ) -> None:
        """Take the vectors of the words that a file has too; no words are added.

        Parameters
        ----------
        fname : str or os.PathLike
            A file as for `load_word2vec_format`.
        lockf : float
            Written to ``vectors_lockf`` for these words: how much of each change training may make, 0 for none.
        binary, encoding, unicode_errors
            As for `load_word2vec_format`.

        Raises
        ------
        ValueError
            The file is not of this format or damaged, or has vectors of another size. Nothing is changed.
        """
        _word2vec_format.intersect(self, fname, lockf, binary, encoding, unicode_errors)
