"""Small data sets that come with the package, each with its licence."""

from __future__ import annotations

import gzip
from importlib import resources

__all__ = ["load_rhyme", "load_shakespeare"]

_RHYME = """\
There was a crooked man, who walked a crooked mile
And found a crooked sixpence upon a crooked stile.
He bought a crooked cat, who caught a crooked mouse
And they all lived together in a little crooked house.
"""


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
