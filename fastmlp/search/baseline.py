"""The scores that a model must beat: those of one that knows nothing of the features."""

from typing import Any

import numpy as np

from .._base import check, naming
from .._base.errors import ArgumentError
from .._base.public import as_public
from .._base.types import Array
from .._network.scores import Scores
from ..layers import Dense
from ..model import Sequential

__all__ = ["baseline"]

_LEAST_SHARE = 1e-7  # of a class that training rows do not have


def baseline(model: Sequential, y: Any, y_test: Any = None) -> Scores:
    """Compute the scores of a model that answers all rows alike, whatever their features are.

    A classifier answers with the shares of the classes in ``y``, so its accuracy is that of the most frequent class. A
    regression answers with the mean of ``y``. What a trained model scores means little unless it is better than this.

    Parameters
    ----------
    model : Sequential
        A compiled model; its loss and metrics are computed, without penalties of weights.
    y : array_like
        The targets of the training rows, which determine the answer.
    y_test : array_like, optional
        The targets to judge the answer by. Default: ``y``.

    Returns
    -------
    Scores
        The loss and the metrics, as those of `Sequential.evaluate`.

    Raises
    ------
    ArgumentError
        If the last activation is not softmax, sigmoid or linear.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.mlp([8], classes=["no", "yes"])
    >>> fm.baseline(model, ["no", "no", "no", "yes"])
    loss 0.5623  accuracy 0.7500
    >>> fm.baseline(fm.mlp([8], task="regression"), [1.0, 2.0, 6.0])
    loss 4.6667  mae 2.0000
    """
    given = check.array_of(y, "y")
    last = _last_layer(model)
    labels = model.classes
    if labels is None and last.activation != "linear":
        labels = naming.labels_in(given, last.units, "y")
    guess = Sequential([Dense(last.units, activation=last.activation)], classes=labels, dtype="float64", seed=0)
    guess.compile("adam", model.loss, model.metrics)
    guess.build(1)
    answer = _targets(last, given, labels).mean(axis=0)
    guess.set_weights([np.zeros((1, last.units)), _before(str(last.activation), answer)])
    judged = given if y_test is None else check.array_of(y_test, "y_test")
    return guess.evaluate(np.zeros((len(judged), 1)), judged)


def _last_layer(model: Sequential) -> Dense:
    if not isinstance(model, Sequential):
        raise ArgumentError(f"model must be a fastmlp.Sequential, not {model!r:.60}")
    last = model.declarations[-1] if model.declarations else None
    if not isinstance(last, Dense) or last.activation not in ("softmax", "sigmoid", "linear"):
        raise ArgumentError(
            f"model must end in a Dense layer with softmax, sigmoid or no activation, so that a constant answer is "
            f"known, not in {last!r:.60}"
        )
    return last


def _targets(last: Dense, y: Array, labels: Array | None) -> Array:
    """The targets as numbers for each unit."""
    numbers = np.asarray(check.numbers(naming.class_numbers(y, labels, "y"), "y"), np.float64)
    if numbers.ndim == 1 and last.activation == "softmax":
        numbers = np.eye(last.units)[numbers.astype(np.int64)]
    return numbers.reshape(len(numbers), -1)


def _before(activation: str, answer: Array) -> Array:
    """What the last activation makes this answer of."""
    if activation == "linear":
        return answer
    shares = np.clip(answer, _LEAST_SHARE, 1 - _LEAST_SHARE)
    logarithms: Array = np.log(shares)
    return logarithms if activation == "softmax" else logarithms - np.log1p(-shares)


as_public(globals(), "fastmlp")
