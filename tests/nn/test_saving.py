"""Networks in files: what is saved comes back, what is damaged raises, and a failed save changes nothing."""

import contextlib
import errno
import os
import subprocess
import sys

import numpy as np
import pytest

import nncore.nn as nn

LAYERS = [
    nn.Embedding(5, 3),
    nn.LSTM(3, 4, 2, bidirectional=True, bias=False),
    nn.GRU(8, 3, reset_after=True),
    nn.Elman(3, 3, nonlinearity="relu"),
    nn.BatchNorm(3),
    nn.Dropout(0.25),
    nn.LastStep(),
    nn.Dense(3, 4, "elu"),
    nn.Dense(4, 2, bias=False),
]
IDS = np.array([[0, 1, 2], [4, 3, 0]])
TARGET = np.array([[0.0, 1], [1, 0]])


@pytest.fixture(params=["float32", "float64"])
def net(request):
    net = nn.Sequential(LAYERS, dtype=request.param, seed=4)
    net.train_step(IDS, TARGET, nn.MSE(), nn.SGD(0.1))
    return net


@pytest.fixture
def small(tmp_path):
    """The bytes of a small file, and the network in it."""
    net = nn.Sequential([nn.Dense(2, 1, "tanh")], seed=1)
    net.save(tmp_path / "small")
    return (tmp_path / "small").read_bytes(), net


def test_a_saved_network_comes_back(net, tmp_path):
    path = tmp_path / "net.safetensors"
    net.save(path)
    other = nn.load(path)
    assert repr(other.layers) == repr(net.layers)
    assert other.dtype == net.dtype
    assert (other.parameters == net.parameters).all()
    assert all(other[name].ctypes.data % 64 == 0 for name in other.names())
    for name, value in net.state_dict().items():
        assert np.array_equal(other.state_dict()[name], value), name
    assert (other(IDS) == net(IDS)).all()
    values = [n.train_step(IDS, TARGET, nn.MSE(), nn.SGD(0.1)) for n in (net, other)]
    assert values[0] == values[1]  # dropout goes on where it stood
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


def test_a_path_may_be_text_and_a_file_may_be_replaced(net, tmp_path):
    path = str(tmp_path / "net")
    net.save(path)
    net["8.weight"][...] = 0
    net.save(path)
    assert not nn.load(path)["8.weight"].any()


def test_a_network_is_saved_to_the_same_bytes_each_time_and_in_each_process(tmp_path):
    make = "nn.Sequential([nn.Embedding(5, 3), nn.LSTM(3, 4), nn.BatchNorm(4), nn.Dense(4, 2)], seed=4)"
    net = eval(make)
    files = [tmp_path / name for name in ("one", "two", "other")]
    for path in files[:2]:
        net.save(path)
    code = f"import sys; from nncore import nn; {make}.save(sys.argv[1])"
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run([sys.executable, "-c", code, str(files[2])], env=environment, check=True)
    assert len({path.read_bytes() for path in files}) == 1


def test_a_tied_weight_is_saved_once(tmp_path):
    net = nn.Sequential([nn.Embedding(7, 5), nn.Dense(5, 7, tied="0.weight")], seed=0)
    net.save(tmp_path / "net")
    other = nn.load(tmp_path / "net")
    assert other.names() == net.names()
    other["0.weight"][...] = 0
    assert not (other(IDS) - other["1.bias"]).any()


def test_a_truncated_file_is_refused_at_every_length(small, tmp_path):
    data, _ = small
    path = tmp_path / "cut"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match="cut"):
            nn.load(path)


def test_a_flipped_bit_is_refused_or_harmless(small, tmp_path):
    data, net = small
    path = tmp_path / "flipped"
    refused = 0
    for position in range(len(data)):
        for bit in (0, 6):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            try:
                other = nn.load(path)
            except ValueError:
                refused += 1
            else:
                assert (other.parameters == net.parameters).all(), position
    assert refused > len(data)


def test_bytes_after_the_end_are_refused(small, tmp_path):
    (tmp_path / "longer").write_bytes(small[0] + b"\0")
    with pytest.raises(ValueError, match="longer"):
        nn.load(tmp_path / "longer")


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"PK\x03\x04" + bytes(100), b"\xff" * 64, b"\x80\x04K\x01.", bytes(8), b"\x02" + bytes(7) + b"{}"],
    ids=repr,
)
def test_a_file_of_another_format_is_refused(content, tmp_path):
    (tmp_path / "foreign").write_bytes(content)
    with pytest.raises(ValueError, match="foreign"):
        nn.load(tmp_path / "foreign")


def test_arrays_of_another_program_are_refused(tmp_path):
    numpy_files = pytest.importorskip("safetensors.numpy", reason="safetensors comes with nncore")
    numpy_files.save_file({"0.weight": np.zeros((2, 3), np.float32)}, tmp_path / "theirs")
    with pytest.raises(ValueError, match="theirs"):
        nn.load(tmp_path / "theirs")


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        nn.load(tmp_path / "nothing")


def test_a_folder_that_is_not_there(net, tmp_path):
    with pytest.raises(FileNotFoundError):
        net.save(tmp_path / "no folder" / "net")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        net.save(tmp_path / "file" / "net")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written(net, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(PermissionError):
        net.save(folder / "net")


def half_a_file(path, *rest):
    with open(path, "wb") as file:
        file.write(b"half")
    raise OSError(errno.ENOSPC, "No space left on device")


def full_disk(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("function", "failure"),
    [
        ("os.open", full_disk),
        ("nncore._files._write_arrays", half_a_file),
        ("os.fsync", full_disk),
        ("os.replace", full_disk),
    ],
)
def test_a_failed_save_leaves_the_old_file_and_nothing_else(function, failure, net, tmp_path, monkeypatch):
    path = tmp_path / "net"
    net.save(path)
    before = path.read_bytes()
    net.parameters[:] = 0
    with monkeypatch.context() as patched:
        patched.setattr(function, failure)
        with pytest.raises(OSError, match="No space"):
            net.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_description_that_fits_no_arrays_is_refused(tmp_path):
    from nncore import _files

    net = nn.Sequential([nn.Dense(2, 3)], seed=0)
    net.save(tmp_path / "net")
    description, arrays = _files.read_model(tmp_path / "net", "Sequential")
    for name, change in (
        ("missing", lambda a: a.pop("0.weight")),
        ("more", lambda a: a.update(other=np.zeros(3))),
        ("shape", lambda a: a.update({"0.weight": np.zeros((3, 3), np.float32)})),
        ("type", lambda a: a.update({"0.weight": np.zeros((3, 2), np.complex64)})),
    ):
        changed = dict(arrays)
        change(changed)
        _files.write_model(tmp_path / name, "Sequential", description, changed)
        with pytest.raises((ValueError, TypeError), match=name):
            nn.load(tmp_path / name)
    for key in description:
        for value in (None, -1, "x", [], {}, [{}], 1e300):
            if value != description[key]:
                _files.write_model(tmp_path / "odd", "Sequential", {**description, key: value}, arrays)
                with contextlib.suppress(ValueError, TypeError):  # never another error, never a crash
                    nn.load(tmp_path / "odd")
