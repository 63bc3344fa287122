"""Small data sets that come with the package, each with its licence."""

from __future__ import annotations

import gzip
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from nncore.datasets._idx import read_idx

__all__ = ["load_digits", "load_rhyme", "load_rooms", "load_shakespeare", "read_idx"]

_RHYME = """\
There was a crooked man, who walked a crooked mile
And found a crooked sixpence upon a crooked stile.
He bought a crooked cat, who caught a crooked mouse
And they all lived together in a little crooked house.
"""


def load_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Handwritten digits in 8 × 8 pixels: the smallest images on which a model of images shows something.

    The test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak (UCI Machine Learning
    Repository, 1998). Licence: CC BY 4.0.

    Returns
    -------
    images : array of shape (1797, 8, 8), uint8
        Grey values from 0 to 16, ink bright.
    labels : array of shape (1797,), int64
        From 0 to 9.

    Examples
    --------
    >>> from nncore.datasets import load_digits
    >>> images, labels = load_digits()
    >>> images.shape, labels[:5].tolist()
    ((1797, 8, 8), [0, 1, 2, 3, 4])
    """
    rows = np.frombuffer(_data("digits.gz"), np.uint8).reshape(-1, 65)
    return rows[:, :64].reshape(-1, 8, 8).copy(), rows[:, 64].astype(np.int64)


def load_rhyme() -> str:
    """The nursery rhyme of the crooked man: the smallest text on which counting words shows something.

    English traditional, first printed by James Orchard Halliwell in 1842. Licence: the text is in the public domain.

    Returns
    -------
    text : str
        Four lines. Without the commas and full stops and in lower case, 39 words, 25 distinct ("a" 7 times, "crooked" 7
        times), in one sentence.

    Examples
    --------
    >>> import re
    >>> from nncore.datasets import load_rhyme
    >>> words = re.findall("[a-z]+", load_rhyme().lower())
    >>> len(words), len(set(words))
    (39, 25)
    """
    return _RHYME


def load_rooms() -> NDArray[np.int64]:
    """Six rooms and their doors: the smallest world in which Q-learning shows something.

    Rooms 0 to 4 are in a house, 5 is outside. A step goes through a door; the reward is 100 for reaching the outside
    and 0 for any other door. Licence: a table of facts, in the public domain.

    Returns
    -------
    R : int64 array of shape (6, 6)
        Reward of going from the row's room to the column's; −1 where there is no door.

    Examples
    --------
    >>> from nncore.datasets import load_rooms
    >>> load_rooms()[1].tolist()  # from room 1 to room 3, or outside
    [-1, -1, -1, 0, -1, 100]
    """
    return np.array(
        [
            [-1, -1, -1, -1, 0, -1],
            [-1, -1, -1, 0, -1, 100],
            [-1, -1, -1, 0, -1, -1],
            [-1, 0, 0, -1, 0, -1],
            [0, -1, -1, 0, -1, 100],
            [-1, 0, -1, -1, 0, 100],
        ],
        np.int64,
    )


def load_shakespeare() -> str:
    """An excerpt of Shakespeare: 200 kB of plain text for character models.

    William Shakespeare, *Coriolanus* (speeches of the whole play) and the beginning of *King Richard III*, without
    stage directions. It is the beginning of "tiny Shakespeare", the text that Andrej Karpathy collected for char-rnn
    (https://github.com/karpathy/char-rnn, ``data/tinyshakespeare/input.txt``, commit 6f9487a), cut at the end of a
    speech. Licence: the text is in the public domain.

    Returns
    -------
    text : str
        199,994 characters, 62 distinct, all of them ASCII. A speech is the speaker's name, a colon, the lines; an
        empty line stands between speeches.

    Examples
    --------
    >>> from nncore.datasets import load_shakespeare
    >>> print(load_shakespeare()[:60])
    First Citizen:
    Before we proceed any further, hear me speak.
    """
    return _data("shakespeare.txt.gz").decode("ascii")


def _data(name: str) -> bytes:
    return gzip.decompress(resources.files(__name__).joinpath("data", name).read_bytes())
