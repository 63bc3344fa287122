"""From a stack of restricted Boltzmann machines to a classifier, to be fine-tuned by back-propagation."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from nncore.energy._rbm import RBM

if TYPE_CHECKING:
    from nncore.nn import MLPClassifier

__all__ = ["to_classifier"]


def to_classifier(machines: RBM | Sequence[RBM] | Pipeline, classes: Any, **settings: Any) -> MLPClassifier:
    """Make a classifier whose hidden layers are those of a deep belief network (Hinton, Osindero & Teh 2006).

    Parameters
    ----------
    machines : RBM, sequence of RBM, or sklearn.pipeline.Pipeline of RBMs
        Fitted, each to the hidden probabilities of the one before.
    classes : array of shape (n_classes,)
        Labels, two at least.
    **settings
        Parameters of `nn.MLPClassifier`, but `hidden_layer_sizes`, `activation` ("logistic") and `warm_start` (True).

    Returns
    -------
    classifier : nn.MLPClassifier
        Its `fit` and `partial_fit` begin at the machines' weights. The output layer's are random.

    Notes
    -----
    Scale samples before the machines and before the classifier alike: a scaler cannot stand in the pipeline. A clone
    of the classifier, which a grid search makes, begins at random weights.

    Raises
    ------
    TypeError, ValueError
        If the machines are no fitted RBMs, or do not follow on each other.

    Examples
    --------
    >>> from nncore import datasets, energy
    >>> images, labels = datasets.load_digits()
    >>> X = images.reshape(-1, 64) / 16
    >>> stack = [energy.RBM(100, n_iter=2, random_state=0).fit(X)]
    >>> stack.append(energy.RBM(50, n_iter=2, random_state=0).fit(stack[0].transform(X)))
    >>> classifier = energy.to_classifier(stack, range(10), max_iter=5, random_state=0)
    >>> [weights.shape for weights in classifier.coefs_]
    [(64, 100), (100, 50), (50, 10)]
    """
    from nncore.nn import MLPClassifier

    stack = _stack_of(machines)
    for name in ("hidden_layer_sizes", "activation", "warm_start"):
        if name in settings:
            raise ValueError(f"{name} must not be given: the machines say what it is")
    if len(np.unique(np.asarray(classes))) < 2:
        raise ValueError(f"classes must be two labels at least, but are {classes!r}")
    classifier = MLPClassifier(tuple(machine._hidden for machine in stack), "logistic", warm_start=True, **settings)
    classifier._initialise(stack[0].n_features_in_, classes)
    if hasattr(stack[0], "feature_names_in_"):
        classifier.feature_names_in_ = stack[0].feature_names_in_
    for weights, biases, machine in zip(classifier.coefs_, classifier.intercepts_, stack, strict=False):
        weights[...] = machine.components_.T
        biases[...] = machine.intercept_hidden_
    return classifier


def _stack_of(machines: Any) -> list[RBM]:
    if isinstance(machines, Pipeline):
        machines = [step for _, step in machines.steps if step not in (None, "passthrough")]
    if not isinstance(machines, (RBM, list, tuple)):
        raise TypeError(f"machines must be an RBM, a sequence of RBMs or a pipeline of them, but are {machines!r}")
    stack = [machines] if isinstance(machines, RBM) else list(machines)
    if not stack:
        raise ValueError("machines must be one at least, but there is none")
    for machine in stack:
        if not isinstance(machine, RBM):
            raise TypeError(f"machines must be RBMs alone, but have {machine!r}; scale X before")
        check_is_fitted(machine)
    for below, above in itertools.pairwise(stack):
        if above.n_features_in_ != below._hidden:
            raise ValueError(
                f"machines must follow on each other, but one of {below._hidden} hidden units is followed by one "
                f"of {above.n_features_in_} visible ones"
            )
    return stack
