"""Reads targets and row weights for kernels, and checks them against the loss and the output."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array
from ..losses import CLASSES, COUNTS, PROBABILITIES, Loss

_REMEDY = " (two labels of another kind go into the model's argument classes=[...])"


def checked(
    loss: Loss, y: Any, name: str, rows: int, features_name: str, units: int, dtype: np.dtype[Any]
) -> tuple[Array, Array]:
    """Class numbers and target rows for a loss, one of which is empty; see `fastmlp._engine.engine.Data`.

    A cross-entropy over classes takes class numbers or rows of probabilities. Other losses take one number for each
    unit of a row; with several units, error losses also take class numbers.
    """
    if loss.targets == CLASSES:
        return check.class_targets(y, name, rows, features_name, units, dtype)
    array = check.numbers(y, name)
    if array.ndim == 0:
        raise ArgumentError(f"{name} must have a target for each row, not be the single number {array}")
    if len(array) != rows:
        raise ArgumentError(f"{name} has {len(array)} rows, but {features_name} has {rows}: they must match")
    if array.ndim == 1 and units > 1 and loss.targets not in (PROBABILITIES, COUNTS) and array.dtype.kind in "iu":
        return check.class_targets(array, name, rows, features_name, units, dtype)
    if array.ndim == 1 and units == 1:
        array = array[:, None]
    if array.shape != (rows, units):
        raise ArgumentError(
            f"{name} must have a column for each of the {units} units of the last layer"
            f"{', or one dimension' if units == 1 else ''}, not shape {array.shape}"
        )
    with np.errstate(over="ignore"):
        targets = np.ascontiguousarray(array, dtype)
    _check_values(loss, targets, array, name)
    return np.zeros(rows, np.int64), targets


def _check_values(loss: Loss, targets: Array, given: Array, name: str) -> None:
    least = 0.0 if loss.targets in (PROBABILITIES, COUNTS) else -np.inf
    most = 1.0 if loss.targets == PROBABILITIES else np.inf
    wrong = np.argwhere(~(np.isfinite(targets) & (targets >= least) & (targets <= most)))
    if len(wrong):
        row, column = map(int, wrong[0])
        wanted = {PROBABILITIES: "from 0 to 1", COUNTS: "at least 0"}.get(loss.targets, "finite")
        raise ArgumentError(
            f"{name} must hold numbers that are {wanted} for this loss, but {name}[{row}, {column}] is "
            f"{given[row, column]}{_REMEDY if loss.targets == PROBABILITIES and targets.shape[1] == 1 else ''}"
        )


def are_classes(y: Any, units: int) -> bool:
    """Whether the targets of an error loss are classes: class numbers, one-hot rows, or one column of 0 and 1."""
    array = check.numbers_if_any(y)
    if array is None or array.size == 0:
        return False
    if units > 1 and array.ndim == 1:
        return array.dtype.kind in "iu"
    is_one = array.ndim == 1 or array.shape[1:] == (1,)
    has_shape = is_one if units == 1 else array.shape[1:] == (units,)
    return has_shape and bool(np.isin(array, (0, 1)).all()) and (units == 1 or bool((array.sum(axis=1) == 1).all()))


def row_weights(sample_weight: Any, rows: int, dtype: np.dtype[Any]) -> Array | None:
    """A factor for each row's loss; None without weights."""
    if sample_weight is None:
        return None
    weights = check.numbers(sample_weight, "sample_weight")
    if weights.shape != (rows,):
        raise ArgumentError(f"sample_weight must have the shape ({rows},), one for each row, not {weights.shape}")
    return _usable(weights, "sample_weight", dtype)


def class_weights(class_weight: Any, labels: Array, targets: Array, units: int, dtype: np.dtype[Any]) -> Array:
    """A factor for each row's loss, from weights of classes."""
    return _usable(_weights_of_classes(class_weight, _classes(labels, targets), units), "class_weight", dtype)


def _usable(weights: Array, name: str, dtype: np.dtype[Any]) -> Array:
    with np.errstate(over="ignore"):
        weights = np.ascontiguousarray(weights, dtype)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ArgumentError(f"{name} must hold finite numbers in {dtype}, at least 0")
    if not weights.any():
        raise ArgumentError(f"{name} must not be 0 for all rows")
    return weights


def _classes(labels: Array, targets: Array) -> Array:
    """The class of each row; a single column of 0 and 1 counts as two classes."""
    if len(targets) == 0:
        return labels
    if targets.shape[1] == 1 and np.isin(targets, (0, 1)).all():
        return targets[:, 0].astype(np.int64)
    raise ArgumentError("class_weight needs targets that are class numbers, one-hot rows or one column of 0 and 1")


def _weights_of_classes(class_weight: Any, classes: Array, units: int) -> Array:
    count = max(2, units)
    if isinstance(class_weight, str):
        check.choice(class_weight, "class_weight", ("balanced",))
        there = np.bincount(classes, minlength=count)
        present = np.count_nonzero(there)
        factors = len(classes) / (present * np.maximum(there, 1))
    elif isinstance(class_weight, Mapping):
        factors = np.ones(count)
        for key, weight in class_weight.items():
            is_flag = isinstance(key, (bool, np.bool_)) and count == 2  # of targets that are booleans
            number = int(key) if is_flag else key
            index = check.whole_number(number, "class_weight class", minimum=0, maximum=count - 1)
            factors[index] = check.real_number(weight, f"class_weight[{index}]", minimum=0)
    else:
        raise ArgumentTypeError(f"class_weight must be 'balanced' or a dict of class: weight, not {class_weight!r:.60}")
    weights: Array = factors[classes]
    return weights
