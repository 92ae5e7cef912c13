"""Metrics of real numbers: the distance between outputs and targets."""

import math
from typing import Any

import numpy as np

from .._base import check
from .._base.types import Array
from . import inputs


def mean_squared_error(targets: Any, outputs: Any) -> float:
    """The mean of the squared differences, over all rows and units.

    Parameters
    ----------
    targets, outputs : array_like, shape (rows,) or (rows, units)
        Real numbers; one column may have the shape (rows,) or (rows, 1).

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.mean_squared_error([1.0, 2.0], [1.5, 4.0])
    2.125
    """
    target, output = inputs.values(targets, outputs)
    with np.errstate(over="ignore"):  # squares of numbers beyond 1e154 are infinite
        return float(np.mean((output - target) ** 2))


def root_mean_squared_error(targets: Any, outputs: Any) -> float:
    """The root of `mean_squared_error`, over all rows and units together.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.root_mean_squared_error([1.0, 2.0], [2.0, 3.0])
    1.0
    """
    return math.sqrt(mean_squared_error(targets, outputs))


def mean_absolute_percentage_error(targets: Any, outputs: Any) -> float:
    r"""The mean of 100 \|y − t\| / \|t\|, over all rows and units: errors in percent of the targets.

    Targets nearer to 0 than 1e-7 divide by 1e-7, as in the loss of this name and in Keras. (scikit-learn's function
    gives shares, not percent, and divides by 2e-16.)

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.mean_absolute_percentage_error([1.0, 2.0], [1.5, 4.0])
    75.0
    """
    target, output = inputs.values(targets, outputs)
    with np.errstate(over="ignore"):
        return float(np.mean(100 * abs(output - target) / np.maximum(abs(target), 1e-7)))


def mean_absolute_error(targets: Any, outputs: Any) -> float:
    """The mean of the absolute differences, over all rows and units.

    Parameters and errors are those of `mean_squared_error`.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.mean_absolute_error([1.0, 2.0], [1.5, 4.0])
    1.25
    """
    target, output = inputs.values(targets, outputs)
    with np.errstate(over="ignore"):
        return float(np.mean(abs(output - target)))


def r2_score(targets: Any, outputs: Any) -> float:
    """The share of the targets' variance that the outputs explain, R²: 1 − Σ(t − y)² / Σ(t − t̄)².

    It is 1 for exact outputs, 0 for the targets' mean, and negative for worse outputs. For several columns it is the
    mean. Parameters and errors are those of `mean_squared_error`.

    Returns
    -------
    float
        A column of equal targets has no variance. It counts 1 if all its outputs are exact, else 0, as in
        scikit-learn. For a single row the result is NaN.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    >>> metrics.r2_score([2.0, 2.0, 2.0], [2.0, 2.0, 4.0])
    0.0
    """
    target, output = inputs.values(targets, outputs)
    if len(target) == 1:
        return float("nan")
    target, output = _within_squares(target, output)
    missed = ((target - output) ** 2).sum(axis=0)
    total = ((target - target.mean(axis=0)) ** 2).sum(axis=0)
    total[(target == target[0]).all(axis=0)] = 0  # rounding of the mean leaves a small rest
    unexplained = np.divide(missed, total, out=(missed > 0).astype(np.float64), where=total > 0)
    return float(np.mean(1 - unexplained))


def regression_accuracy(targets: Any, outputs: Any, divisor: float = 250.0) -> float:
    """The share of outputs within the targets' standard deviation / ``divisor`` of their target.

    Parameters
    ----------
    targets, outputs : array_like, shape (rows,) or (rows, units)
        As for `mean_squared_error`. Each column has its own standard deviation.
    divisor : float, default 250
        Greater than 0; the larger, the stricter.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.regression_accuracy([0.0, 2.0], [0.05, 2.2], divisor=10)
    0.5
    """
    divisor = check.real_number(divisor, "divisor", above=0)
    target, output = _within_squares(*inputs.values(targets, outputs))
    return float(np.mean(abs(output - target) <= target.std(axis=0) / divisor))


def _within_squares(target: Array, output: Array) -> tuple[Array, Array]:
    """Scale both so that their squares are finite; the ratio does not change."""
    largest = max(abs(target).max(), abs(output).max())
    if largest < 1e140:
        return target, output
    scale = 2.0 ** -np.ceil(np.log2(largest))
    return target * scale, output * scale
