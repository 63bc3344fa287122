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
__all__: list[str] = ['NetworkFloat32', 'NetworkFloat64', 'Stream', 'StreamFloat32', 'StreamFloat64', 'activate', 'activation_gradient', 'add_transposed_product', 'available_cores', 'best_answers', 'build', 'clip_factor', 'exp', 'get_num_threads', 'gradient_norm', 'log', 'loss_forward_backward', 'matmul', 'optimizer_step', 'philox4x32', 'quota_cores', 'random_integers', 'random_normal', 'random_permutation', 'random_uniform', 'random_words', 'read_binary_vectors', 'read_text_vectors', 'row_products', 'scale', 'set_num_threads', 'write_binary_vectors', 'write_text_vectors']
class Stream(enum.IntEnum):
    """
    What a draw is for; see random.h.
    """
    DROPOUT: typing.ClassVar[Stream]
    GENERATE: typing.ClassVar[Stream]
    PARAMETERS: typing.ClassVar[Stream]
    SHUFFLE: typing.ClassVar[Stream]
    USER: typing.ClassVar[Stream]
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
