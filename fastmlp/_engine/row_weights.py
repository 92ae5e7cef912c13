"""Weights of rows: reads them, and scales them so that only their ratios count.

The loss of a batch is Σ w l / rows, with weights w whose mean over all training rows is 1. So it is a weighted mean
over the rows of an epoch, and its gradient is, over all batches, that of the weighted mean: nothing changes if all
weights are multiplied by a number, and in a full batch a row that weighs 2 is that row twice.

The mean is that of all rows and not that of each batch, because small batches differ in their weights. Divided by its
own sum, a batch without the rare class would count as much as one with many of its rows, which undoes a part of what
``class_weight="balanced"`` is for. (Keras divides by rows too, but does not scale the weights: doubling them doubles
the gradient. scikit-learn and PyTorch divide by the sum of each batch, which ``reduction="mean_with_sample_weight"``
of the losses chooses.)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array

_ROUNDING = 1e-13  # weights whose mean is this near to 1, such as balanced ones, keep their bits


class RowWeights(NamedTuple):
    """Weights as the kernels read them: factors, and the given weight that a factor of 1 stands for."""

    factors: Array
    unit: float


Scale = Callable[[Array, "np.dtype[Any]"], RowWeights]


def checked(sample_weight: Any, rows: int, *, is_part: bool = False) -> Array:
    """The weights of rows in float64, as given; those of a part of the data may all be 0."""
    weights = check.numbers(sample_weight, "sample_weight")
    if weights.shape != (rows,):
        raise ArgumentError(f"sample_weight must have the shape ({rows},), one for each row, not {weights.shape}")
    return _usable(weights, "sample_weight", is_part)


def product(
    sample_weight: Any,
    class_weight: Any,
    classes_of_rows: Callable[[], Array],
    rows: int,
    units: int,
    *,
    is_part: bool = False,
) -> Array:
    """The weight of each row in float64, from weights of rows or of classes, or from both."""
    weights = None if sample_weight is None else checked(sample_weight, rows, is_part=is_part)
    if class_weight is None:
        assert weights is not None
        return weights
    factors = _usable(_of_classes(class_weight, classes_of_rows(), units, weights), "class_weight", is_part)
    if weights is None:
        return factors
    with np.errstate(over="ignore"):
        return _usable(factors * weights, "sample_weight times class_weight", is_part)


def scaled(weights: Array, dtype: np.dtype[Any]) -> RowWeights:
    """Divide weights by their mean, before they are rounded to ``dtype``: tiny and huge ones keep their ratios."""
    largest = float(weights.max())
    shares = weights / largest  # their sum is finite
    mean = float(shares.mean())
    unit = largest * mean
    if abs(unit - 1) <= _ROUNDING:
        return RowWeights(np.ascontiguousarray(weights, dtype), 1.0)
    return RowWeights(np.ascontiguousarray(shares / mean, dtype), unit)


def scaled_part(weights: Array, dtype: np.dtype[Any]) -> RowWeights:
    """`scaled`, for a part of the data, whose weights may all be 0: such rows count nothing."""
    return scaled(weights, dtype) if weights.any() else RowWeights(np.zeros(len(weights), dtype), 0.0)


@dataclass
class ScaledSoFar:
    """Divides the weights of a chunk by the mean of all rows so far, including its own.

    The mean of all chunks is not known before the last one. That of each chunk alone would make a chunk without the
    rare class count as much as one with many of its rows.
    """

    total: float = 0.0
    rows: int = 0

    def __call__(self, weights: Array, dtype: np.dtype[Any]) -> RowWeights:
        self.total += float(weights.sum())
        self.rows += len(weights)
        unit = self.total / self.rows
        if not unit < np.inf:
            raise ArgumentError("the weights of the rows in all chunks so far must have a finite sum")
        if unit == 0:  # no row so far counts
            return RowWeights(np.zeros(len(weights), dtype), 1.0)
        return RowWeights(np.ascontiguousarray(weights / unit, dtype), unit)


def _usable(weights: Array, name: str, is_part: bool) -> Array:
    with np.errstate(over="ignore"):
        weights = np.ascontiguousarray(weights, np.float64)
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ArgumentError(f"{name} must hold finite numbers, at least 0, but that of row {row} is {weights[row]}")
    if not is_part and not weights.any():
        raise ArgumentError(f"{name} must not be 0 for all rows")
    return weights


def _of_classes(class_weight: Any, classes: Array, units: int, weights: Array | None) -> Array:
    """The weight of each row's class; "balanced" ones count each row with its own weight."""
    count = max(2, units)
    if isinstance(class_weight, str):
        check.choice(class_weight, "class_weight", ("balanced",))
        largest = 1.0 if weights is None else weights.max()
        shares = None if weights is None or largest == 0 else weights / largest
        there = np.bincount(classes, shares, minlength=count)
        present = np.count_nonzero(there)
        factors = there.sum() / (present * np.where(there > 0, there, 1))
    elif isinstance(class_weight, Mapping):
        factors = np.ones(count)
        for key, weight in class_weight.items():
            is_flag = isinstance(key, (bool, np.bool_)) and count == 2  # of targets that are booleans
            number = int(key) if is_flag else key
            index = check.whole_number(number, "class_weight class", minimum=0, maximum=count - 1)
            factors[index] = check.real_number(weight, f"class_weight[{index}]", minimum=0)
    else:
        raise ArgumentTypeError(f"class_weight must be 'balanced' or a dict of class: weight, not {class_weight!r:.60}")
    of_rows: Array = factors[classes]
    return of_rows
