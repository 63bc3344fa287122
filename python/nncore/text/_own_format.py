from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from nncore._files import Arrays, Path, read_model, write_model
from nncore._mapped import map_model

from ._vector_store import VectorStore

_KIND = "KeyedVectors"


def say_ignored(arguments: dict[str, Any]) -> None:
    """Warn of gensim's arguments of `save` and `load` that mean nothing here."""
    for name in arguments:
        warnings.warn(f"{name} has no effect in nncore", UserWarning, stacklevel=3)


def refuse_pickle(path: Path) -> None:
    """ValueError for a pickle, which is what gensim's `save` writes."""
    with open(path, "rb") as file:
        begin = file.read(2)
    if len(begin) == 2 and begin[0] == 0x80 and 2 <= begin[1] <= 5:
        raise ValueError(
            f"{os.fspath(path)!r} is a pickle, as gensim writes: load it with gensim, and take the model or the "
            "vectors over by nncore.text.from_gensim"
        )


def write(store: VectorStore, path: Path) -> None:
    """Write keys, vectors and attributes, whole or not at all."""
    arrays, description = keys_to_arrays(store.index_to_key)
    if not len(store.vectors) == len(store):
        raise ValueError(f"there are {len(store)} keys but {len(store.vectors)} vectors")
    arrays["vectors"] = store.vectors
    for name, values in store.expandos.items():
        if values.dtype == object:
            description.setdefault("attributes", {})[name] = values.tolist()
        else:
            arrays[f"attribute {name}"] = values
    if len(store.vectors_lockf) > 1:
        arrays["vectors_lockf"] = store.vectors_lockf
    write_model(path, _KIND, description, arrays)


def read(store_class: Any, path: Path, mapped: bool) -> Any:
    """Read what `write` wrote; the vectors as a view of the file when `mapped`."""
    refuse_pickle(path)
    description, arrays = map_model(path, _KIND, {"vectors"}) if mapped else read_model(path, _KIND)
    try:
        store = store_class.from_arrays(keys_from_arrays(arrays, description), arrays["vectors"])
        for name, values in arrays.items():
            if name.startswith("attribute "):
                store.expandos[name.removeprefix("attribute ")] = values
        for name, values in description.get("attributes", {}).items():
            store.expandos[name] = np.array(values, object)
        store.vectors_lockf = arrays.get("vectors_lockf", store.vectors_lockf)
        if any(len(values) != len(store) for values in store.expandos.values()):
            raise ValueError("an attribute has another number of values than there are keys")
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path!r} is damaged: {error}") from None
    return store


def keys_to_arrays(keys: list[Any]) -> tuple[Arrays, dict[str, Any]]:
    """Keys as the bytes of their text, one after the other, and where each ends; which of them are integers."""
    if None in keys:
        raise ValueError("there is room for keys that were not added: a file cannot hold it")
    # Text that came with unicode_errors="surrogateescape" has no UTF-8 but this.
    encoded = [str(key).encode("utf-8", "surrogatepass") for key in keys]
    ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), dtype=np.int64)
    integers = [index for index, key in enumerate(keys) if not isinstance(key, str)]
    return (
        {"keys": np.frombuffer(b"".join(encoded), np.uint8), "key_ends": ends},
        {"integer_keys": integers} if integers else {},
    )


def keys_from_arrays(arrays: Arrays, description: dict[str, Any]) -> list[Any]:
    """Keys that `keys_to_arrays` took apart."""
    text, ends = arrays["keys"].tobytes(), arrays["key_ends"].tolist()
    if sorted(ends) != ends or (ends and ends[0] < 0) or (ends[-1] if ends else 0) != len(text):
        raise ValueError("its keys do not end where they should")
    begins = [0, *ends[:-1]]
    keys: list[Any] = [
        text[begin:end].decode("utf-8", "surrogatepass") for begin, end in zip(begins, ends, strict=False)
    ]
    for index in description.get("integer_keys", []):
        keys[index] = int(keys[index])
    return keys
