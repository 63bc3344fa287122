"""Files of networks."""

from __future__ import annotations

import os

from nncore import _files
from nncore.nn import _checks
from nncore.nn._arrays import NetworkArrays
from nncore.nn.layers import layer_from_json, layer_to_json
from nncore.nn.sequential import Sequential


def save(net: NetworkArrays, path: str | os.PathLike[str]) -> None:
    """Write a network to a file; `Sequential.save` documents it."""
    description = {
        "layers": [layer_to_json(layer) for layer in net._layers],
        "dtype": net._dtype.name,
        "seed": net._seed,
        "draws": net._draws,
        "torch_prefixes": net._torch_prefixes,
    }
    _files.write_model(path, "Sequential", description, net.state_dict())


def load(path: str | os.PathLike[str]) -> Sequential:
    """Read a network that `Sequential.save` wrote.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    net : Sequential

    Raises
    ------
    ValueError
        If the file is damaged, or is none of nncore's networks. The message names it.
    OSError
        If it cannot be read.
    """
    description, arrays = _files.read_model(path, "Sequential")
    try:
        layers = [layer_from_json(layer) for layer in description["layers"]]
        net = Sequential(layers, dtype=description["dtype"], seed=description["seed"])
        net._draws = _checks.whole_number("draws", description["draws"])
        prefixes = description.get("torch_prefixes")
        net._torch_prefixes = None if prefixes is None else tuple(map(str, prefixes))
        net.load_state_dict(arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged: {error}") from None
    return net
