"""Reads targets for kernels, and checks them against the loss and the output."""

from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError
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
            f"{name} must hold numbers that are {wanted} for this loss, but {check.at(name, row, column)} is "
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


def classes_of_rows(labels: Array, targets: Array, wish: str = "class_weight") -> Array:
    """The class of each row, for the argument ``wish``; a single column of 0 and 1 counts as two classes."""
    if len(targets) == 0:
        return labels
    if np.isin(targets, (0, 1)).all():
        if targets.shape[1] == 1:
            return targets[:, 0].astype(np.int64)
        if (targets.sum(axis=1) == 1).all():
            return np.asarray(targets.argmax(axis=1), np.int64)
    raise ArgumentError(f"{wish} needs targets that are class numbers, one-hot rows or one column of 0 and 1")
