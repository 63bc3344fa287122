"""What the energy models share: an estimator that a failed call leaves as it was, and its files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from nncore import _files

try:
    from sklearn.base import BaseEstimator
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    raise ImportError("nncore.energy needs scikit-learn: pip install 'nncore[sklearn]'") from error

Array = NDArray[Any]
Self = TypeVar("Self", bound="EnergyModel")


class EnergyModel(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of the energy models."""

    n_features_in_: int
    feature_names_in_: Array

    # What a fitted model is, besides its parameters: arrays, and what JSON can hold.
    _fitted_arrays: ClassVar[tuple[str, ...]] = ()
    _fitted_values: ClassVar[tuple[str, ...]] = ()

    @contextmanager
    def _as_before_if_it_fails(self) -> Iterator[None]:
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _checked_rows(self, X: Any, **settings: Any) -> Any:
        """scikit-learn's checks of X; images get told how they become rows."""
        dimensions = getattr(X, "ndim", 2)
        if dimensions > 2:
            raise ValueError(
                f"Found array with dim {dimensions}: X must have shape (n_samples, n_features), as "
                "images.reshape(len(images), -1) has"
            )
        return validate_data(self, X, **settings)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a file (safetensors), whole or not at all.

        As a parameter, a `random_state` that is no int comes back as None.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            If it cannot be written; a file that was there is untouched.
        """
        check_is_fitted(self)
        params = self.get_params(deep=False)
        if not isinstance(params.get("random_state"), (int, np.integer)):
            params.pop("random_state", None)
        if isinstance(params.get("dtype"), np.dtype):
            params["dtype"] = params["dtype"].name
        description = {
            "params": params,
            "n_features_in": self.n_features_in_,
            "feature_names": list(getattr(self, "feature_names_in_", [])) or None,
            "fitted": {name: getattr(self, name) for name in self._fitted_values},
        }
        arrays = {name: getattr(self, name) for name in self._fitted_arrays if getattr(self, name, None) is not None}
        _files.write_model(path, type(self).__name__, _plain(description), arrays)

    @classmethod
    def load(cls: type[Self], path: str | os.PathLike[str]) -> Self:
        """Read a model of this class that `save` wrote.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        ValueError
            If the file is damaged or holds something else. The message names it.
        OSError
            If it cannot be read.
        """
        description, arrays = _files.read_model(path, cls.__name__)
        try:
            model = cls(**description["params"])
            model._check_settings()
            model.n_features_in_ = int(description["n_features_in"])
            if description["feature_names"] is not None:
                model.feature_names_in_ = np.array(description["feature_names"], object)
            for name in cls._fitted_values:
                setattr(model, name, description["fitted"][name])
            for name in cls._fitted_arrays:
                if name in arrays:
                    setattr(model, name, arrays[name])
            model._check_fitted()
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"{os.fspath(path)!r} is damaged: {error}") from None
        return model

    def _check_settings(self) -> None:
        """TypeError or ValueError where a parameter is not what it must be."""
        raise NotImplementedError

    def _check_fitted(self) -> None:
        """ValueError or TypeError where the parts of a loaded model do not fit each other."""
        raise NotImplementedError


def _plain(value: Any) -> Any:
    """What JSON holds of it: NumPy's scalars and arrays become numbers and lists."""
    return json.loads(json.dumps(value, default=lambda array: array.tolist()))
