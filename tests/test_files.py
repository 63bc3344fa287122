from __future__ import annotations

import json
import os
import stat

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from nncore import _files
from nncore._files import read_model, read_safetensors, write_model, write_safetensors

ARRAYS = {
    "0.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "ids": np.array([3, -1], dtype=np.int64),
    "scalar": np.array(2.5),
    "none": np.zeros((0, 4), dtype=np.float32),
}
DESCRIPTION = {"layers": ["Dense"], "text": 'ä\n\x00"', "nested": {"lr": 1e-3}, "nothing": None}


def same(left, right):
    return left.keys() == right.keys() and all(
        left[k].dtype == right[k].dtype and left[k].shape == right[k].shape and left[k].tobytes() == right[k].tobytes()
        for k in left
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def model(path):
    write_model(path, "Thing", DESCRIPTION, ARRAYS)
    return path


def test_what_is_written_is_read(model):
    description, arrays = read_model(model, "Thing")
    assert description == DESCRIPTION
    assert same(arrays, ARRAYS)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "complex64", "bool", "int8", "uint16", "int64"])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 0, 3), (2, 3, 4)])
def test_every_type_and_shape_comes_back(path, kind, shape):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(kind)
    write_safetensors(path, {"a": array}, {"note": "x"})
    arrays, metadata = read_safetensors(path)
    assert same(arrays, {"a": array})
    assert metadata == {"note": "x"}


def test_arrays_come_back_writable_aligned_and_independent_of_the_file(model):
    arrays, _ = read_safetensors(model)
    for array in arrays.values():
        assert array.flags.writeable and array.flags.aligned and array.flags.c_contiguous
        array[...] = 1
    assert same(read_safetensors(model)[0], ARRAYS)


def test_views_other_byte_orders_and_read_only_arrays_are_written_by_value(path):
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    locked = base.copy()
    locked.setflags(write=False)
    given = {"T": base.T, "step": base[::2, ::-1], "big": base.astype(">f4"), "locked": locked}
    write_safetensors(path, given, {})
    arrays, _ = read_safetensors(path)
    for name, array in given.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == np.float32


def test_the_same_arrays_and_text_give_the_same_bytes_in_any_order(tmp_path):
    text = {name: "x" * n for n, name in enumerate(("format", "kind", "a", "Ä", "zz", "version"))}
    for name, order in (("one", 1), ("other", -1)):
        write_safetensors(tmp_path / name, dict(list(ARRAYS.items())[::order]), dict(list(text.items())[::order]))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_the_file_is_what_the_format_asks_for(path):
    arrays = {"byte": np.arange(3, dtype=np.int8), "double": np.arange(2.0), "half": np.ones(1, np.float16)}
    write_safetensors(path, arrays, {"note": 'ä\n"'})
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    assert length % 8 == 0
    assert header.pop("__metadata__")["note"] == 'ä\n"'
    assert header == {
        "double": {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]},
        "half": {"dtype": "F16", "shape": [1], "data_offsets": [16, 18]},
        "byte": {"dtype": "I8", "shape": [3], "data_offsets": [18, 21]},
    }
    assert whole[8 + length :] == arrays["double"].tobytes() + arrays["half"].tobytes() + arrays["byte"].tobytes()
    assert same(safetensors.numpy.load_file(path), arrays)


def test_a_file_cut_at_any_length_is_refused_by_name(model):
    whole = model.read_bytes()
    for length in range(len(whole)):
        model.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            read_safetensors(model)


def test_a_file_with_bytes_appended_is_refused(model):
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        read_safetensors(model)


def test_any_single_flipped_bit_is_refused_or_changes_nothing(model):
    whole = model.read_bytes()
    for position in range(len(whole)):
        for bit in (0, 1, 5, 7):  # another digit, another letter, another case, no text at all
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            model.write_bytes(damaged)
            try:
                description, arrays = read_model(model, "Thing")
            except ValueError as error:
                assert "model.safetensors" in str(error)
            else:
                assert description == DESCRIPTION and same(arrays, ARRAYS)


@settings(max_examples=300)
@given(edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_overwritten_bytes_of_the_header_are_refused_or_change_nothing(tmp_path_factory, edits):
    path = tmp_path_factory.mktemp("files") / "model.safetensors"
    write_model(path, "Thing", DESCRIPTION, ARRAYS)
    damaged = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(damaged[:8], "little")
    for where, value in edits:
        damaged[int(where * header)] = value
    path.write_bytes(damaged)
    try:
        description, arrays = read_model(path, "Thing")
    except ValueError as error:
        assert "model.safetensors" in str(error)
    else:
        assert description == DESCRIPTION and same(arrays, ARRAYS)


@pytest.mark.parametrize("contents", [b"", b"\0" * 8, b"\xff" * 64, b"PK\x03\x04 a zip", b"{}" * 50])
def test_a_file_of_another_format_is_refused(path, contents):
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        read_safetensors(path)


def test_a_safetensors_file_of_another_program_is_read_but_is_no_model(path):
    safetensors.numpy.save_file(ARRAYS, path, {"format": "pt"})
    arrays, metadata = read_safetensors(path)
    assert same(arrays, ARRAYS) and metadata == {"format": "pt"}
    with pytest.raises(ValueError, match="not one that nncore wrote"):
        read_model(path, "Thing")


def test_a_type_that_numpy_lacks_is_refused(path):
    header = b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        read_safetensors(path)


def test_another_kind_and_a_later_version_are_refused(model, monkeypatch):
    with pytest.raises(ValueError, match="holds a Thing, not a Sequential"):
        read_model(model, "Sequential")
    monkeypatch.setattr(_files, "VERSION", 2)
    write_model(model, "Thing", DESCRIPTION, ARRAYS)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="format version '2'"):
        read_model(model, "Thing")


def test_a_description_that_is_no_json_object_is_refused(path):
    for text in ("", "[1]", "{", "[" * 100_000):
        header = {"format": "nncore", "version": "1", "kind": "Thing", "description": text}
        write_safetensors(path, {}, header)
        with pytest.raises(ValueError, match="is damaged: its description"):
            read_model(path, "Thing")


def test_folders_and_missing_files_raise_the_errors_of_open(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        read_safetensors(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        read_safetensors(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path, path):
    path.write_bytes(b"")
    for target, kind in [
        (tmp_path / "missing" / "model", FileNotFoundError),
        (path / "model", NotADirectoryError),
        (tmp_path, IsADirectoryError),
    ]:
        with pytest.raises(kind) as caught:
            write_safetensors(target, ARRAYS, {})
        assert caught.value.filename == str(target)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_write_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError) as caught:
        write_safetensors(tmp_path / "model", ARRAYS, {})
    tmp_path.chmod(0o700)
    assert caught.value.filename == str(tmp_path / "model")


@pytest.mark.parametrize("step", ["open", "fsync", "replace", "_write_arrays"])
@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied", "x"), OSError(28, "No space left"), KeyboardInterrupt()]
)
def test_a_failing_write_leaves_the_old_file_and_nothing_else(model, monkeypatch, step, error):
    def fail(*args, **kwargs):
        raise error

    old = model.read_bytes()
    monkeypatch.setattr(_files if step == "_write_arrays" else os, step, fail)
    with pytest.raises((OSError, KeyboardInterrupt)) as caught:
        write_model(model, "Thing", {}, {"a": np.ones(3)})
    monkeypatch.undo()
    if isinstance(caught.value, OSError):
        assert "model.safetensors" in str(caught.value)
    assert model.read_bytes() == old
    assert os.listdir(model.parent) == [model.name]


def test_a_write_replaces_the_old_file_and_keeps_its_permissions(model):
    model.chmod(0o640)
    write_model(model, "Thing", {"new": True}, {})
    assert read_model(model, "Thing") == ({"new": True}, {})
    assert stat.S_IMODE(model.stat().st_mode) == 0o640
    assert os.listdir(model.parent) == [model.name]


def test_a_new_file_has_the_permissions_of_any_new_file(model, tmp_path):
    (tmp_path / "other").touch()
    assert stat.S_IMODE(model.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_a_link_stays_a_link(model, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(model)
    write_model(link, "Thing", {"new": True}, {})
    assert link.is_symlink()
    assert read_model(model, "Thing")[0] == {"new": True}


def test_relative_paths_and_long_names_are_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("model", "n" * 255):
        write_model(name, "Thing", DESCRIPTION, ARRAYS)
        assert read_model(name, "Thing")[0] == DESCRIPTION


@pytest.mark.parametrize("array", [np.array([None]), np.array(["text"]), np.zeros(2, complex), np.zeros(2, "M8[s]")])
def test_an_array_that_a_file_cannot_hold_is_named(path, array):
    with pytest.raises(TypeError, match=r"arrays\['a'\] has dtype"):
        write_safetensors(path, {"a": array}, {})
    assert not path.exists()


def test_names_and_text_are_checked(path):
    with pytest.raises(TypeError, match="arrays must have names"):
        write_safetensors(path, {1: np.ones(2)}, {})
    with pytest.raises(ValueError, match="__metadata__"):
        write_safetensors(path, {"__metadata__": np.ones(2)}, {})
    with pytest.raises(TypeError, match="metadata must map str to str"):
        write_safetensors(path, {}, {"version": 1})
    with pytest.raises(ValueError, match="checksum"):
        write_safetensors(path, {}, {"checksum": "x"})
    with pytest.raises(UnicodeEncodeError, match="surrogates"):
        write_safetensors(path, {"\ud800": np.ones(2)}, {})
    assert not list(path.parent.iterdir())


def test_what_is_no_regular_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a regular file"):
        write_safetensors(pipe, {}, {})
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]
