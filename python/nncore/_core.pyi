"""
The compiled core of nncore.
"""
from __future__ import annotations
import collections.abc
import enum
import numpy
import numpy.typing
import typing
import typing_extensions
__all__: list[str] = ['Cooccurrence', 'NetworkFloat32', 'NetworkFloat64', 'PhraseCounter', 'Replay', 'SentenceStream', 'Stream', 'StreamFloat32', 'StreamFloat64', 'SumTree', 'TruncatedSvdFloat32', 'TruncatedSvdFloat64', 'WORD2VEC_CHUNK', 'WORD2VEC_ROUND', 'Word2VecFloat32', 'Word2VecFloat64', 'WordCounter', 'WordEncoder', 'activate', 'activation_gradient', 'add_transposed_product', 'available_cores', 'best_answers', 'build', 'clip_factor', 'exp', 'get_num_threads', 'gradient_norm', 'log', 'loss_forward_backward', 'matmul', 'optimizer_step', 'philox4x32', 'quota_cores', 'random_integers', 'random_normal', 'random_permutation', 'random_uniform', 'random_words', 'read_binary_vectors', 'read_text_vectors', 'row_products', 'scale', 'set_num_threads', 'write_binary_vectors', 'write_text_vectors']
class Cooccurrence:
    def __init__(self, words: typing.SupportsInt | typing.SupportsIndex, window: typing.SupportsInt | typing.SupportsIndex, weighting: str) -> None:
        ...
    def begin_shard(self, corpus: typing.SupportsInt | typing.SupportsIndex, places: typing.SupportsInt | typing.SupportsIndex) -> int:
        ...
    @typing.overload
    def count_rows(self, ids: numpy.typing.NDArray[numpy.int32], columns: numpy.typing.NDArray[numpy.int32], values: numpy.typing.NDArray[numpy.float32], row_entries: numpy.typing.NDArray[numpy.int64]) -> int:
        ...
    @typing.overload
    def count_rows(self, ids: numpy.typing.NDArray[numpy.int32], columns: numpy.typing.NDArray[numpy.int32], values: numpy.typing.NDArray[numpy.float64], row_entries: numpy.typing.NDArray[numpy.int64]) -> int:
        ...
    @typing.overload
    def count_rows(self, ids: numpy.typing.NDArray[numpy.int32], columns: numpy.typing.NDArray[numpy.int32], values: numpy.typing.NDArray[numpy.int64], row_entries: numpy.typing.NDArray[numpy.int64]) -> int:
        ...
    def count_words(self, ids: numpy.typing.NDArray[numpy.int32], begin: typing.SupportsInt | typing.SupportsIndex, end: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def index(self, ids: numpy.typing.NDArray[numpy.int32], begin: typing.SupportsInt | typing.SupportsIndex, end: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def plan(self) -> tuple[int, int]:
        ...
    @property
    def next_row(self) -> int:
        ...
class Stream(enum.IntEnum):
    """
    What a draw is for; see random.h.
    """
    DROPOUT: typing.ClassVar[Stream]
    GENERATE: typing.ClassVar[Stream]
    PARAMETERS: typing.ClassVar[Stream]
    REPLAY: typing.ClassVar[Stream]
    SHUFFLE: typing.ClassVar[Stream]
    SKETCH: typing.ClassVar[Stream]
    USER: typing.ClassVar[Stream]
    WORD2VEC: typing.ClassVar[Stream]
    WORD_VECTORS: typing.ClassVar[Stream]
    @classmethod
    def __new__(cls, value):
        ...
    def __format__(self, format_spec):
        ...
class StreamFloat32:
    def step(self, x: typing.Any, out: typing.Any) -> typing.Any | None:
        ...
    @property
    def output_features(self) -> int:
        ...
    @property
    def state(self) -> list:
        ...
class StreamFloat64:
    def step(self, x: typing.Any, out: typing.Any) -> typing.Any | None:
        ...
    @property
    def output_features(self) -> int:
        ...
    @property
    def state(self) -> list:
        ...
class TruncatedSvdFloat32:
    def __init__(self, starts: numpy.typing.NDArray[numpy.int64], columns: numpy.typing.NDArray[numpy.int32], values: numpy.typing.NDArray[numpy.float32], width: typing.SupportsInt | typing.SupportsIndex, rank: typing.SupportsInt | typing.SupportsIndex, steps: typing.SupportsInt | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex, block: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def advance(self, starts: numpy.typing.NDArray[numpy.int64], columns: numpy.typing.NDArray[numpy.int32], values: numpy.typing.NDArray[numpy.float32], width: typing.SupportsInt | typing.SupportsIndex) -> bool:
        ...
    def result(self, u: numpy.typing.NDArray[numpy.float32], values: numpy.typing.NDArray[numpy.float32], vt: numpy.typing.NDArray[numpy.float32]) -> None:
        ...
    @property
    def block(self) -> int:
        ...
    @property
    def done(self) -> int:
        ...
    @property
    def total(self) -> int:
        ...
class TruncatedSvdFloat64:
    def __init__(self, starts: numpy.typing.NDArray[numpy.int64], columns: numpy.typing.NDArray[numpy.int32], values: numpy.typing.NDArray[numpy.float64], width: typing.SupportsInt | typing.SupportsIndex, rank: typing.SupportsInt | typing.SupportsIndex, steps: typing.SupportsInt | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex, block: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def advance(self, starts: numpy.typing.NDArray[numpy.int64], columns: numpy.typing.NDArray[numpy.int32], values: numpy.typing.NDArray[numpy.float64], width: typing.SupportsInt | typing.SupportsIndex) -> bool:
        ...
    def result(self, u: numpy.typing.NDArray[numpy.float64], values: numpy.typing.NDArray[numpy.float64], vt: numpy.typing.NDArray[numpy.float64]) -> None:
        ...
    @property
    def block(self) -> int:
        ...
    @property
    def done(self) -> int:
        ...
    @property
    def total(self) -> int:
        ...
class NetworkFloat32:
    def __init__(self, layers: collections.abc.Sequence[dict]) -> None:
        ...
    def backward(self, parameters: numpy.typing.NDArray[numpy.float32], gradients: numpy.typing.NDArray[numpy.float32], dy: numpy.typing.NDArray[numpy.float32], dstate_in: collections.abc.Sequence[numpy.typing.NDArray[numpy.float32]], dstate_out: collections.abc.Sequence[numpy.typing.NDArray[numpy.float32]], dx: numpy.typing.NDArray[numpy.float32] | None) -> None:
        ...
    def forward(self, parameters: numpy.typing.NDArray[numpy.float32], buffers: numpy.typing.NDArray[numpy.float32], values: numpy.typing.NDArray[numpy.float32] | None, ids: numpy.typing.NDArray[numpy.int64] | None, lengths: numpy.typing.NDArray[numpy.int64] | None, has_steps: bool, seed: typing.SupportsInt | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex, state_in: collections.abc.Sequence[numpy.typing.NDArray[numpy.float32]], state_out: collections.abc.Sequence[numpy.typing.NDArray[numpy.float32]], y: numpy.typing.NDArray[numpy.float32]) -> None:
        ...
    def infer(self, parameters: numpy.typing.NDArray[numpy.float32], buffers: numpy.typing.NDArray[numpy.float32], values: numpy.typing.NDArray[numpy.float32] | None, ids: numpy.typing.NDArray[numpy.int64] | None, lengths: numpy.typing.NDArray[numpy.int64] | None, has_steps: bool, state_in: collections.abc.Sequence[numpy.typing.NDArray[numpy.float32]], state_out: collections.abc.Sequence[numpy.typing.NDArray[numpy.float32]], y: numpy.typing.NDArray[numpy.float32]) -> None:
        ...
    def infer_plain(self, parameters: numpy.typing.NDArray[numpy.float32], buffers: numpy.typing.NDArray[numpy.float32], x: typing.Any) -> numpy.typing.NDArray[numpy.float32] | None:
        ...
    def initialize(self, seed: typing.SupportsInt | typing.SupportsIndex, parameters: numpy.typing.NDArray[numpy.float32], buffers: numpy.typing.NDArray[numpy.float32]) -> None:
        ...
    def stream(self, parameters: numpy.typing.NDArray[numpy.float32], buffers: numpy.typing.NDArray[numpy.float32], rows: typing.SupportsInt | typing.SupportsIndex) -> StreamFloat32:
        ...
    def trace(self, parameters: numpy.typing.NDArray[numpy.float32], buffers: numpy.typing.NDArray[numpy.float32], values: numpy.typing.NDArray[numpy.float32] | None, ids: numpy.typing.NDArray[numpy.int64] | None, lengths: numpy.typing.NDArray[numpy.int64] | None) -> list:
        ...
    def train_step(self, parameters: numpy.typing.NDArray[numpy.float32], gradients: numpy.typing.NDArray[numpy.float32], buffers: numpy.typing.NDArray[numpy.float32], values: numpy.typing.NDArray[numpy.float32] | None, ids: numpy.typing.NDArray[numpy.int64] | None, lengths: numpy.typing.NDArray[numpy.int64] | None, has_steps: bool, seed: typing.SupportsInt | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex, state_in: collections.abc.Sequence[numpy.typing.NDArray[numpy.float32]], state_out: collections.abc.Sequence[numpy.typing.NDArray[numpy.float32]], loss: typing.SupportsInt | typing.SupportsIndex, delta: typing.SupportsFloat | typing.SupportsIndex, target: numpy.typing.NDArray[numpy.float32] | None, labels: numpy.typing.NDArray[numpy.int64] | None, weights: numpy.typing.NDArray[numpy.float32] | None, l2: typing.SupportsFloat | typing.SupportsIndex, max_grad_norm: typing.SupportsFloat | typing.SupportsIndex, optimizer: tuple) -> float:
        ...
    def train_step_plain(self, parameters: numpy.typing.NDArray[numpy.float32], gradients: numpy.typing.NDArray[numpy.float32], buffers: numpy.typing.NDArray[numpy.float32], x: typing.Any, seed: typing.SupportsInt | typing.SupportsIndex, draw: typing.SupportsInt | typing.SupportsIndex, loss: typing.SupportsInt | typing.SupportsIndex, delta: typing.SupportsFloat | typing.SupportsIndex, target: typing.Any, l2: typing.SupportsFloat | typing.SupportsIndex, max_grad_norm: typing.SupportsFloat | typing.SupportsIndex, optimizer: tuple) -> float | None:
        ...
    @property
    def buffer_size(self) -> int:
        ...
    @property
    def buffers(self) -> list:
        ...
    @property
    def drops_steps(self) -> bool:
        ...
    @property
    def needs_steps(self) -> bool:
        ...
    @property
    def output_features(self) -> int:
        ...
    @property
    def parameter_size(self) -> int:
        ...
    @property
    def parameters(self) -> list:
        ...
    @property
    def remembered_shape(self) -> list[int]:
        ...
    @property
    def remembers(self) -> bool:
        ...
    @property
    def states(self) -> list:
        ...
    @property
    def takes_ids(self) -> bool:
        ...
class NetworkFloat64:
    def __init__(self, layers: collections.abc.Sequence[dict]) -> None:
        ...
    def backward(self, parameters: numpy.typing.NDArray[numpy.float64], gradients: numpy.typing.NDArray[numpy.float64], dy: numpy.typing.NDArray[numpy.float64], dstate_in: collections.abc.Sequence[numpy.typing.NDArray[numpy.float64]], dstate_out: collections.abc.Sequence[numpy.typing.NDArray[numpy.float64]], dx: numpy.typing.NDArray[numpy.float64] | None) -> None:
        ...
    def forward(self, parameters: numpy.typing.NDArray[numpy.float64], buffers: numpy.typing.NDArray[numpy.float64], values: numpy.typing.NDArray[numpy.float64] | None, ids: numpy.typing.NDArray[numpy.int64] | None, lengths: numpy.typing.NDArray[numpy.int64] | None, has_steps: bool, seed: typing.SupportsInt | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex, state_in: collections.abc.Sequence[numpy.typing.NDArray[numpy.float64]], state_out: collections.abc.Sequence[numpy.typing.NDArray[numpy.float64]], y: numpy.typing.NDArray[numpy.float64]) -> None:
        ...
    def infer(self, parameters: numpy.typing.NDArray[numpy.float64], buffers: numpy.typing.NDArray[numpy.float64], values: numpy.typing.NDArray[numpy.float64] | None, ids: numpy.typing.NDArray[numpy.int64] | None, lengths: numpy.typing.NDArray[numpy.int64] | None, has_steps: bool, state_in: collections.abc.Sequence[numpy.typing.NDArray[numpy.float64]], state_out: collections.abc.Sequence[numpy.typing.NDArray[numpy.float64]], y: numpy.typing.NDArray[numpy.float64]) -> None:
        ...
    def infer_plain(self, parameters: numpy.typing.NDArray[numpy.float64], buffers: numpy.typing.NDArray[numpy.float64], x: typing.Any) -> numpy.typing.NDArray[numpy.float64] | None:
        ...
    def initialize(self, seed: typing.SupportsInt | typing.SupportsIndex, parameters: numpy.typing.NDArray[numpy.float64], buffers: numpy.typing.NDArray[numpy.float64]) -> None:
        ...
    def stream(self, parameters: numpy.typing.NDArray[numpy.float64], buffers: numpy.typing.NDArray[numpy.float64], rows: typing.SupportsInt | typing.SupportsIndex) -> StreamFloat64:
        ...
    def trace(self, parameters: numpy.typing.NDArray[numpy.float64], buffers: numpy.typing.NDArray[numpy.float64], values: numpy.typing.NDArray[numpy.float64] | None, ids: numpy.typing.NDArray[numpy.int64] | None, lengths: numpy.typing.NDArray[numpy.int64] | None) -> list:
        ...
    def train_step(self, parameters: numpy.typing.NDArray[numpy.float64], gradients: numpy.typing.NDArray[numpy.float64], buffers: numpy.typing.NDArray[numpy.float64], values: numpy.typing.NDArray[numpy.float64] | None, ids: numpy.typing.NDArray[numpy.int64] | None, lengths: numpy.typing.NDArray[numpy.int64] | None, has_steps: bool, seed: typing.SupportsInt | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex, state_in: collections.abc.Sequence[numpy.typing.NDArray[numpy.float64]], state_out: collections.abc.Sequence[numpy.typing.NDArray[numpy.float64]], loss: typing.SupportsInt | typing.SupportsIndex, delta: typing.SupportsFloat | typing.SupportsIndex, target: numpy.typing.NDArray[numpy.float64] | None, labels: numpy.typing.NDArray[numpy.int64] | None, weights: numpy.typing.NDArray[numpy.float64] | None, l2: typing.SupportsFloat | typing.SupportsIndex, max_grad_norm: typing.SupportsFloat | typing.SupportsIndex, optimizer: tuple) -> float:
        ...
    def train_step_plain(self, parameters: numpy.typing.NDArray[numpy.float64], gradients: numpy.typing.NDArray[numpy.float64], buffers: numpy.typing.NDArray[numpy.float64], x: typing.Any, seed: typing.SupportsInt | typing.SupportsIndex, draw: typing.SupportsInt | typing.SupportsIndex, loss: typing.SupportsInt | typing.SupportsIndex, delta: typing.SupportsFloat | typing.SupportsIndex, target: typing.Any, l2: typing.SupportsFloat | typing.SupportsIndex, max_grad_norm: typing.SupportsFloat | typing.SupportsIndex, optimizer: tuple) -> float | None:
        ...
    @property
    def buffer_size(self) -> int:
        ...
    @property
    def buffers(self) -> list:
        ...
    @property
    def drops_steps(self) -> bool:
        ...
    @property
    def needs_steps(self) -> bool:
        ...
    @property
    def output_features(self) -> int:
        ...
    @property
    def parameter_size(self) -> int:
        ...
    @property
    def parameters(self) -> list:
        ...
    @property
    def remembered_shape(self) -> list[int]:
        ...
    @property
    def remembers(self) -> bool:
        ...
    @property
    def states(self) -> list:
        ...
    @property
    def takes_ids(self) -> bool:
        ...
class Replay:
    def __init__(self, capacity: typing.SupportsInt | typing.SupportsIndex, parts: list, action: tuple, n_steps: typing.SupportsInt | typing.SupportsIndex, gamma: typing.SupportsFloat | typing.SupportsIndex, kind: str, alpha: typing.SupportsFloat | typing.SupportsIndex, epsilon: typing.SupportsFloat | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex, folder: str, keys: collections.abc.Sequence[typing.Any]) -> None:
        ...
    def __len__(self) -> int:
        ...
    def add(self, observation: typing.Any, action: typing.Any, reward: typing.Any, next_observation: typing.Any, terminated: typing.Any, truncated: typing.Any) -> bool:
        ...
    def add_rows(self, observations: list, actions: numpy.ndarray, rewards: numpy.typing.NDArray[numpy.float32], next_observations: list, terminated: numpy.typing.NDArray[numpy.uint8], truncated: numpy.typing.NDArray[numpy.uint8], environments: numpy.typing.NDArray[numpy.int64]) -> None:
        ...
    def draw(self, size: typing.SupportsInt | typing.SupportsIndex, beta: typing.SupportsFloat | typing.SupportsIndex) -> tuple:
        ...
    def end_episode(self, environment: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def gather(self, indices: numpy.typing.NDArray[numpy.int64]) -> tuple:
        ...
    def priorities(self) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def restore(self, records: numpy.typing.NDArray[numpy.uint8], ends: numpy.typing.NDArray[numpy.uint8], frames: collections.abc.Sequence[numpy.typing.NDArray[numpy.uint8]], priorities: numpy.typing.NDArray[numpy.float64], order: numpy.typing.NDArray[numpy.int64], last: numpy.typing.NDArray[numpy.uint64], counters: numpy.typing.NDArray[numpy.uint64]) -> None:
        ...
    def sample(self, size: typing.SupportsInt | typing.SupportsIndex, beta: typing.SupportsFloat | typing.SupportsIndex) -> tuple:
        ...
    def seed(self, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def state(self) -> dict:
        ...
    def update_priorities(self, indices: typing.Any, td_errors: typing.Any) -> bool:
        ...
    @property
    def bytes(self) -> int:
        ...
class SumTree:
    def __init__(self, capacity: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def assign(self, priorities: numpy.typing.NDArray[numpy.float64]) -> None:
        ...
    def find(self, targets: numpy.typing.NDArray[numpy.float64], indices: numpy.typing.NDArray[numpy.int64]) -> None:
        """
        Where the sums exceed targets, which change; for tests.
        """
    def priorities(self) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def read(self, indices: numpy.typing.NDArray[numpy.int64]) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def sample(self, indices: numpy.typing.NDArray[numpy.int64], probabilities: numpy.typing.NDArray[numpy.float64], seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def update(self, indices: numpy.typing.NDArray[numpy.int64], priorities: numpy.typing.NDArray[numpy.float64]) -> None:
        ...
    @property
    def capacity(self) -> int:
        ...
    @property
    def maximum(self) -> float:
        ...
    @property
    def minimum(self) -> float:
        ...
    @property
    def total(self) -> float:
        ...
class Word2VecFloat32:
    tree: tuple[numpy.typing.NDArray[numpy.uint64], numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.uint8]]
    def __init__(self, counts: numpy.typing.NDArray[numpy.int64], *, skip_gram: bool, window: typing.SupportsInt | typing.SupportsIndex, shrink_windows: bool, negative: typing.SupportsInt | typing.SupportsIndex, ns_exponent: typing.SupportsFloat | typing.SupportsIndex, hierarchical: bool, full_softmax: bool, shared_negatives: bool, cbow_mean: bool, exact_gradient: bool, paper_subsampling: bool, sample: typing.SupportsFloat | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def kept(self, corpus: numpy.typing.NDArray[numpy.int32], begin: typing.SupportsInt | typing.SupportsIndex, end: typing.SupportsInt | typing.SupportsIndex, draws_epoch: typing.SupportsInt | typing.SupportsIndex) -> tuple[numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.uint64], int, int]:
        ...
    def negatives(self, position: typing.SupportsInt | typing.SupportsIndex, word: typing.SupportsInt | typing.SupportsIndex, set: typing.SupportsInt | typing.SupportsIndex, draws_epoch: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.int32]:
        ...
    def train(self, input: numpy.typing.NDArray[numpy.float32], negative: numpy.typing.NDArray[numpy.float32] | None, tree: numpy.typing.NDArray[numpy.float32] | None, rates: numpy.typing.NDArray[numpy.float32] | None, size: typing.SupportsInt | typing.SupportsIndex, corpus: numpy.typing.NDArray[numpy.int32], first: typing.SupportsInt | typing.SupportsIndex, last: typing.SupportsInt | typing.SupportsIndex, epoch: typing.SupportsInt | typing.SupportsIndex, draws_epoch: typing.SupportsInt | typing.SupportsIndex, start_alpha: typing.SupportsFloat | typing.SupportsIndex, end_alpha: typing.SupportsFloat | typing.SupportsIndex, epochs: typing.SupportsFloat | typing.SupportsIndex, workers: typing.SupportsInt | typing.SupportsIndex, deterministic: bool = False, restart: bool = False) -> tuple[int, int, float]:
        ...
class Word2VecFloat64:
    tree: tuple[numpy.typing.NDArray[numpy.uint64], numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.uint8]]
    def __init__(self, counts: numpy.typing.NDArray[numpy.int64], *, skip_gram: bool, window: typing.SupportsInt | typing.SupportsIndex, shrink_windows: bool, negative: typing.SupportsInt | typing.SupportsIndex, ns_exponent: typing.SupportsFloat | typing.SupportsIndex, hierarchical: bool, full_softmax: bool, shared_negatives: bool, cbow_mean: bool, exact_gradient: bool, paper_subsampling: bool, sample: typing.SupportsFloat | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def kept(self, corpus: numpy.typing.NDArray[numpy.int32], begin: typing.SupportsInt | typing.SupportsIndex, end: typing.SupportsInt | typing.SupportsIndex, draws_epoch: typing.SupportsInt | typing.SupportsIndex) -> tuple[numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.uint64], int, int]:
        ...
    def negatives(self, position: typing.SupportsInt | typing.SupportsIndex, word: typing.SupportsInt | typing.SupportsIndex, set: typing.SupportsInt | typing.SupportsIndex, draws_epoch: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.int32]:
        ...
    def train(self, input: numpy.typing.NDArray[numpy.float64], negative: numpy.typing.NDArray[numpy.float64] | None, tree: numpy.typing.NDArray[numpy.float64] | None, rates: numpy.typing.NDArray[numpy.float64] | None, size: typing.SupportsInt | typing.SupportsIndex, corpus: numpy.typing.NDArray[numpy.int32], first: typing.SupportsInt | typing.SupportsIndex, last: typing.SupportsInt | typing.SupportsIndex, epoch: typing.SupportsInt | typing.SupportsIndex, draws_epoch: typing.SupportsInt | typing.SupportsIndex, start_alpha: typing.SupportsFloat | typing.SupportsIndex, end_alpha: typing.SupportsFloat | typing.SupportsIndex, epochs: typing.SupportsFloat | typing.SupportsIndex, workers: typing.SupportsInt | typing.SupportsIndex, deterministic: bool = False, restart: bool = False) -> tuple[int, int, float]:
        ...
class SentenceStream:
    def __init__(self, sentences: collections.abc.Iterable) -> None:
        ...
class WordCounter:
    def __init__(self, unicode_errors: str = 'strict') -> None:
        ...
    def __len__(self) -> int:
        ...
    def add_sentences(self, sentences: SentenceStream, most: typing.SupportsInt | typing.SupportsIndex | None = None) -> bool:
        """
        Count the words of some sentences, until there are more than `most`; whether there may be more sentences.
        """
    def add_text(self, text: typing_extensions.Buffer, last: bool) -> int:
        """
        Count the words of a block; how many of its bytes that were, up to white space.
        """
    def counts(self) -> numpy.typing.NDArray[numpy.int64]:
        """
        How often each word came, in the order of words().
        """
    def keep(self, keep: numpy.typing.NDArray[numpy.bool]) -> None:
        """
        Forget the words where this is False.
        """
    def prune(self, least: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        Forget the words that came less often than this.
        """
    def words(self, at: numpy.typing.NDArray[numpy.int64] | None = None) -> list[str]:
        """
        All words in the order of their first sight, or those at some places.
        """
    @property
    def raw_words(self) -> int:
        ...
    @property
    def sentences(self) -> int:
        ...
class WordEncoder:
    def __init__(self, words: list[str], unicode_errors: str = 'strict') -> None:
        ...
    def add_sentences(self, sentences: SentenceStream, ids: numpy.typing.NDArray[numpy.int32]) -> tuple[bool, int]:
        """
        Write the numbers of some sentences; whether there may be more, numbers written.
        """
    def add_text(self, text: typing_extensions.Buffer, last: bool, ids: numpy.typing.NDArray[numpy.int32]) -> tuple[int, int]:
        """
        Write the numbers of a block's words; bytes read and numbers written.
        """
    @property
    def raw_words(self) -> int:
        ...
    @property
    def sentences(self) -> int:
        ...
class PhraseCounter:
    def __init__(self, delimiter: str, connectors: list[str], most: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def add_sentences(self, sentences: SentenceStream) -> bool:
        """
        Count the words and pairs of some sentences; whether there may be more.
        """
    def counts(self) -> numpy.typing.NDArray[numpy.int64]:
        ...
    def words(self) -> list[str]:
        ...
    @property
    def least(self) -> int:
        ...
    @property
    def raw_words(self) -> int:
        ...
@typing.overload
def activate(activation: str, x: numpy.typing.NDArray[numpy.float32], y: numpy.typing.NDArray[numpy.float32]) -> None:
    ...
@typing.overload
def activate(activation: str, x: numpy.typing.NDArray[numpy.float64], y: numpy.typing.NDArray[numpy.float64]) -> None:
    ...
@typing.overload
def activation_gradient(activation: str, y: numpy.typing.NDArray[numpy.float32], dy: numpy.typing.NDArray[numpy.float32], dx: numpy.typing.NDArray[numpy.float32]) -> None:
    ...
@typing.overload
def activation_gradient(activation: str, y: numpy.typing.NDArray[numpy.float64], dy: numpy.typing.NDArray[numpy.float64], dx: numpy.typing.NDArray[numpy.float64]) -> None:
    ...
@typing.overload
def add_transposed_product(a: numpy.typing.NDArray[numpy.float32], b: numpy.typing.NDArray[numpy.float32], c: numpy.typing.NDArray[numpy.float32]) -> None:
    ...
@typing.overload
def add_transposed_product(a: numpy.typing.NDArray[numpy.float64], b: numpy.typing.NDArray[numpy.float64], c: numpy.typing.NDArray[numpy.float64]) -> None:
    ...
def available_cores() -> int:
    """
    Cores that affinity mask and cgroup quota leave to this process.
    """
@typing.overload
def best_answers(cosines: numpy.typing.NDArray[numpy.float32], first: typing.SupportsInt | typing.SupportsIndex, questions: numpy.typing.NDArray[numpy.int64], excluded: numpy.typing.NDArray[numpy.int64], products: bool, best: numpy.typing.NDArray[numpy.float32], answers: numpy.typing.NDArray[numpy.int64]) -> None:
    ...
@typing.overload
def best_answers(cosines: numpy.typing.NDArray[numpy.float64], first: typing.SupportsInt | typing.SupportsIndex, questions: numpy.typing.NDArray[numpy.int64], excluded: numpy.typing.NDArray[numpy.int64], products: bool, best: numpy.typing.NDArray[numpy.float64], answers: numpy.typing.NDArray[numpy.int64]) -> None:
    ...
def build() -> dict[str, str]:
    """
    Version, compiler and instruction set of this build.
    """
def clip_factor(norm: typing.SupportsFloat | typing.SupportsIndex, max_norm: typing.SupportsFloat | typing.SupportsIndex) -> float:
    ...
@typing.overload
def exp(x: numpy.typing.NDArray[numpy.float32], y: numpy.typing.NDArray[numpy.float32]) -> None:
    ...
@typing.overload
def exp(x: numpy.typing.NDArray[numpy.float64], y: numpy.typing.NDArray[numpy.float64]) -> None:
    ...
def get_num_threads() -> int:
    """
    Threads that a call may use, the caller included.
    """
@typing.overload
def gradient_norm(gradients: numpy.typing.NDArray[numpy.float32]) -> float:
    ...
@typing.overload
def gradient_norm(gradients: numpy.typing.NDArray[numpy.float64]) -> float:
    ...
@typing.overload
def log(x: numpy.typing.NDArray[numpy.float32], y: numpy.typing.NDArray[numpy.float32]) -> None:
    ...
@typing.overload
def log(x: numpy.typing.NDArray[numpy.float64], y: numpy.typing.NDArray[numpy.float64]) -> None:
    ...
@typing.overload
def loss_forward_backward(kind: typing.SupportsInt | typing.SupportsIndex, delta: typing.SupportsFloat | typing.SupportsIndex, y: numpy.typing.NDArray[numpy.float32], target: numpy.typing.NDArray[numpy.float32], y_rows: numpy.typing.NDArray[numpy.int64] | None, target_rows: numpy.typing.NDArray[numpy.int64], weights: numpy.typing.NDArray[numpy.float32] | None, dy: numpy.typing.NDArray[numpy.float32]) -> float:
    ...
@typing.overload
def loss_forward_backward(kind: typing.SupportsInt | typing.SupportsIndex, delta: typing.SupportsFloat | typing.SupportsIndex, y: numpy.typing.NDArray[numpy.float32], target: numpy.typing.NDArray[numpy.int64], y_rows: numpy.typing.NDArray[numpy.int64] | None, target_rows: numpy.typing.NDArray[numpy.int64], weights: numpy.typing.NDArray[numpy.float32] | None, dy: numpy.typing.NDArray[numpy.float32]) -> float:
    ...
@typing.overload
def loss_forward_backward(kind: typing.SupportsInt | typing.SupportsIndex, delta: typing.SupportsFloat | typing.SupportsIndex, y: numpy.typing.NDArray[numpy.float64], target: numpy.typing.NDArray[numpy.float64], y_rows: numpy.typing.NDArray[numpy.int64] | None, target_rows: numpy.typing.NDArray[numpy.int64], weights: numpy.typing.NDArray[numpy.float64] | None, dy: numpy.typing.NDArray[numpy.float64]) -> float:
    ...
@typing.overload
def loss_forward_backward(kind: typing.SupportsInt | typing.SupportsIndex, delta: typing.SupportsFloat | typing.SupportsIndex, y: numpy.typing.NDArray[numpy.float64], target: numpy.typing.NDArray[numpy.int64], y_rows: numpy.typing.NDArray[numpy.int64] | None, target_rows: numpy.typing.NDArray[numpy.int64], weights: numpy.typing.NDArray[numpy.float64] | None, dy: numpy.typing.NDArray[numpy.float64]) -> float:
    ...
@typing.overload
def matmul(a: numpy.typing.NDArray[numpy.float32], b: numpy.typing.NDArray[numpy.float32], bias: numpy.typing.NDArray[numpy.float32] | None, c: numpy.typing.NDArray[numpy.float32]) -> None:
    ...
@typing.overload
def matmul(a: numpy.typing.NDArray[numpy.float64], b: numpy.typing.NDArray[numpy.float64], bias: numpy.typing.NDArray[numpy.float64] | None, c: numpy.typing.NDArray[numpy.float64]) -> None:
    ...
@typing.overload
def optimizer_step(kind: typing.SupportsInt | typing.SupportsIndex, lr: typing.SupportsFloat | typing.SupportsIndex, momentum: typing.SupportsFloat | typing.SupportsIndex, nesterov: bool, beta1: typing.SupportsFloat | typing.SupportsIndex, beta2: typing.SupportsFloat | typing.SupportsIndex, alpha: typing.SupportsFloat | typing.SupportsIndex, eps: typing.SupportsFloat | typing.SupportsIndex, weight_decay: typing.SupportsFloat | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex, slot0: numpy.typing.NDArray[numpy.float32], slot1: numpy.typing.NDArray[numpy.float32], gradient_scale: typing.SupportsFloat | typing.SupportsIndex, gradients: numpy.typing.NDArray[numpy.float32], parameters: numpy.typing.NDArray[numpy.float32]) -> None:
    ...
@typing.overload
def optimizer_step(kind: typing.SupportsInt | typing.SupportsIndex, lr: typing.SupportsFloat | typing.SupportsIndex, momentum: typing.SupportsFloat | typing.SupportsIndex, nesterov: bool, beta1: typing.SupportsFloat | typing.SupportsIndex, beta2: typing.SupportsFloat | typing.SupportsIndex, alpha: typing.SupportsFloat | typing.SupportsIndex, eps: typing.SupportsFloat | typing.SupportsIndex, weight_decay: typing.SupportsFloat | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex, slot0: numpy.typing.NDArray[numpy.float64], slot1: numpy.typing.NDArray[numpy.float64], gradient_scale: typing.SupportsFloat | typing.SupportsIndex, gradients: numpy.typing.NDArray[numpy.float64], parameters: numpy.typing.NDArray[numpy.float64]) -> None:
    ...
def philox4x32(counter: tuple, key: tuple) -> tuple[int, int, int, int]:
    """
    Four random words from a counter of four and a key of two.
    """
def quota_cores(root: str) -> int:
    """
    Cores that the cgroup files under `root` allow; for tests.
    """
def random_integers(out: numpy.typing.NDArray[numpy.int64], low: typing.SupportsInt | typing.SupportsIndex, high: typing.SupportsInt | typing.SupportsIndex, *, seed: typing.Any, stream: typing.Any = 0, substream: typing.Any = 0, step: typing.Any = 0) -> None:
    """
    Integers in [low, high) into `out`.
    """
@typing.overload
def random_normal(out: numpy.typing.NDArray[numpy.float32], mean: typing.SupportsFloat | typing.SupportsIndex, deviation: typing.SupportsFloat | typing.SupportsIndex, *, seed: typing.Any, stream: typing.Any = 0, substream: typing.Any = 0, step: typing.Any = 0) -> None:
    """
    Normal numbers with this mean and standard deviation into `out`.
    """
@typing.overload
def random_normal(out: numpy.typing.NDArray[numpy.float64], mean: typing.SupportsFloat | typing.SupportsIndex, deviation: typing.SupportsFloat | typing.SupportsIndex, *, seed: typing.Any, stream: typing.Any = 0, substream: typing.Any = 0, step: typing.Any = 0) -> None:
    """
    Normal numbers with this mean and standard deviation into `out`.
    """
def random_permutation(out: numpy.typing.NDArray[numpy.int64], *, seed: typing.Any, stream: typing.Any = 0, substream: typing.Any = 0, step: typing.Any = 0) -> None:
    """
    0 ... n-1 in random order into `out`.
    """
@typing.overload
def random_uniform(out: numpy.typing.NDArray[numpy.float32], low: typing.SupportsFloat | typing.SupportsIndex, high: typing.SupportsFloat | typing.SupportsIndex, *, seed: typing.Any, stream: typing.Any = 0, substream: typing.Any = 0, step: typing.Any = 0) -> None:
    """
    Uniform in [low, high) into `out`.
    """
@typing.overload
def random_uniform(out: numpy.typing.NDArray[numpy.float64], low: typing.SupportsFloat | typing.SupportsIndex, high: typing.SupportsFloat | typing.SupportsIndex, *, seed: typing.Any, stream: typing.Any = 0, substream: typing.Any = 0, step: typing.Any = 0) -> None:
    """
    Uniform in [low, high) into `out`.
    """
def random_words(out: numpy.typing.NDArray[numpy.uint32], first: typing.Any = 0, *, seed: typing.Any, stream: typing.Any = 0, substream: typing.Any = 0, step: typing.Any = 0) -> None:
    """
    Words first, first + 1, ... into `out`.
    """
def read_binary_vectors(block: typing_extensions.Buffer, first_byte: typing.SupportsInt | typing.SupportsIndex, tolerant: bool, encoding: str, errors: str, rows: numpy.typing.NDArray[numpy.float32]) -> tuple[list[str], int, int, int, str]:
    ...
@typing.overload
def read_text_vectors(block: typing_extensions.Buffer, last: bool, first_line: typing.SupportsInt | typing.SupportsIndex, tolerant: bool, encoding: str, errors: str, rows: numpy.typing.NDArray[numpy.float32]) -> tuple[list[str], int, int, int, str]:
    ...
@typing.overload
def read_text_vectors(block: typing_extensions.Buffer, last: bool, first_line: typing.SupportsInt | typing.SupportsIndex, tolerant: bool, encoding: str, errors: str, rows: numpy.typing.NDArray[numpy.float64]) -> tuple[list[str], int, int, int, str]:
    ...
@typing.overload
def row_products(rows: numpy.typing.NDArray[numpy.float32], vector: numpy.typing.NDArray[numpy.float32], products: numpy.typing.NDArray[numpy.float32]) -> None:
    ...
@typing.overload
def row_products(rows: numpy.typing.NDArray[numpy.float64], vector: numpy.typing.NDArray[numpy.float64], products: numpy.typing.NDArray[numpy.float64]) -> None:
    ...
@typing.overload
def scale(values: numpy.typing.NDArray[numpy.float32], factor: typing.SupportsFloat | typing.SupportsIndex) -> None:
    ...
@typing.overload
def scale(values: numpy.typing.NDArray[numpy.float64], factor: typing.SupportsFloat | typing.SupportsIndex) -> None:
    ...
def set_num_threads(n: typing.Any) -> None:
    """
    Threads that a call may use, the caller included; for the whole process.
    """
def write_binary_vectors(text: bytes, ends: numpy.typing.NDArray[numpy.int64], vectors: numpy.typing.NDArray[numpy.float32]) -> bytes:
    ...
@typing.overload
def write_text_vectors(text: bytes, ends: numpy.typing.NDArray[numpy.int64], vectors: numpy.typing.NDArray[numpy.float32]) -> bytes:
    ...
@typing.overload
def write_text_vectors(text: bytes, ends: numpy.typing.NDArray[numpy.int64], vectors: numpy.typing.NDArray[numpy.float64]) -> bytes:
    ...
WORD2VEC_CHUNK: int = 8192
WORD2VEC_ROUND: int = 16
