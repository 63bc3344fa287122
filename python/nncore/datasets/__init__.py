"""Small data sets that come with the package, each with its licence."""

from __future__ import annotations

import gzip
from importlib import resources

__all__ = ["load_shakespeare"]


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
    packed = resources.files(__name__).joinpath("data", "shakespeare.txt.gz").read_bytes()
    return gzip.decompress(packed).decode("ascii")
