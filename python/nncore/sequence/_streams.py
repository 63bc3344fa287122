"""A long text as parallel streams, cut into chunks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._vocabulary import Ids


class Chunk(NamedTuple):
    """The steps of all streams that one training step sees."""

    inputs: Ids
    targets: Ids
    lengths: Ids | None
    size: int


class Streams:
    """A text cut into parallel streams, and these into chunks.

    The M - 1 pairs (token, next token) of M tokens become S streams of neighbours in the text, which differ in length
    by at most one; all streams are cut at the same places into chunks of at most `sequence_length`, which differ in
    length by at most one, long ones first. So each pair stands in exactly one chunk, and only in the last chunk can
    some streams be one step shorter than others. S is `batch_size`, or less where streams would otherwise be shorter
    than `sequence_length`.

    Parameters
    ----------
    ids : array of shape (M,)
        The text; M is at least 2.
    batch_size, sequence_length : int
        The greatest number of streams and of steps in a chunk.
    """

    def __init__(self, ids: Ids, batch_size: int, sequence_length: int) -> None:
        self.ids = ids
        self.n_pairs = len(ids) - 1
        self.n_streams = max(1, min(batch_size, self.n_pairs // sequence_length))
        short, self.n_longer = divmod(self.n_pairs, self.n_streams)
        stream = np.arange(self.n_streams)
        self.starts = stream * short + np.minimum(stream, self.n_longer)
        longest = short + (self.n_longer > 0)
        self.n_chunks = -(-longest // sequence_length)
        steps, n_longer_chunks = divmod(longest, self.n_chunks)
        chunk = np.arange(self.n_chunks + 1)
        self.bounds = chunk * steps + np.minimum(chunk, n_longer_chunks)

    def size(self, index: int) -> int:
        """Pairs in one chunk."""
        begin, end = self.bounds[index : index + 2]
        return int(min(self.n_streams * end, self.n_pairs) - self.n_streams * begin)

    def chunk(self, index: int) -> Chunk:
        """Inputs and targets, each (n_streams, steps), of one chunk."""
        begin, end = self.bounds[index : index + 2]
        places = self.starts[:, None] + np.arange(begin, end + 1)
        window = self.ids[np.minimum(places, self.n_pairs)]  # what the minimum changes lies beyond `lengths`
        lengths = None
        if index == self.n_chunks - 1 and self.n_longer:
            lengths = np.full(self.n_streams, end - begin - 1)
            lengths[: self.n_longer] += 1
        return Chunk(window[:, :-1], window[:, 1:], lengths, self.size(index))
