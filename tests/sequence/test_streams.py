from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncore.sequence._streams import Streams

sizes = {"n": st.integers(2, 400), "batch_size": st.integers(1, 9), "sequence_length": st.integers(1, 20)}


@given(**sizes)
def test_every_pair_of_neighbours_is_seen_once_and_in_order(n, batch_size, sequence_length):
    streams = Streams(np.arange(n), batch_size, sequence_length)
    seen = [[] for _ in range(streams.n_streams)]
    for index in range(streams.n_chunks):
        chunk = streams.chunk(index)
        lengths = chunk.lengths if chunk.lengths is not None else [chunk.inputs.shape[1]] * streams.n_streams
        assert chunk.size == streams.size(index) == sum(lengths)
        for row, length in enumerate(lengths):
            np.testing.assert_array_equal(chunk.targets[row, :length], chunk.inputs[row, :length] + 1)
            seen[row].extend(chunk.inputs[row, :length])
    assert list(itertools.chain(*seen)) == list(range(n - 1))


@given(**sizes)
def test_chunks_and_streams_differ_by_at_most_one_step(n, batch_size, sequence_length):
    streams = Streams(np.arange(n), batch_size, sequence_length)
    chunks = [streams.chunk(index) for index in range(streams.n_chunks)]
    steps = [chunk.inputs.shape[1] for chunk in chunks]
    assert max(steps) <= sequence_length and max(steps) - min(steps) <= 1
    assert steps == sorted(steps, reverse=True)
    assert all(chunk.lengths is None for chunk in chunks[:-1])
    if chunks[-1].lengths is not None:
        assert set(chunks[-1].lengths) == {steps[-1], steps[-1] - 1}
    assert 1 <= streams.n_streams <= batch_size
    assert streams.n_streams == batch_size or (streams.n_streams + 1) * sequence_length > n - 1


@given(**sizes)
def test_padding_holds_ids_of_the_text(n, batch_size, sequence_length):
    streams = Streams(np.arange(n), batch_size, sequence_length)
    last = streams.chunk(streams.n_chunks - 1)
    assert last.inputs.max() < n and last.targets.max() < n


@pytest.mark.parametrize(
    ("n", "streams", "chunks"), [(2, 1, [1]), (64 + 1, 1, [64]), (128 + 1, 2, [64]), (4 * 100 + 2, 4, [51, 50])]
)
def test_examples(n, streams, chunks):
    cut = Streams(np.arange(n), 4, 64)
    assert cut.n_streams == streams
    assert np.diff(cut.bounds).tolist() == chunks
