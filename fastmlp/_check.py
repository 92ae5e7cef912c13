"""Argument checks shared by the Python layer. Floor 0.

A message names the argument, shows the value that came and the legal ones, and says what to do.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from ._errors import ArgumentError, ArgumentTypeError
from ._types import Array


def whole_number(value: Any, name: str, *, minimum: int) -> int:
    """An int of at least ``minimum``."""
    if isinstance(value, (bool, np.bool_)):
        raise ArgumentTypeError(f"{name} must be a whole number, not {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise ArgumentTypeError(f"{name} must be a whole number, not {value!r}") from None
    if number < minimum:
        raise ArgumentError(f"{name} must be at least {minimum}, not {number}")
    return number


def real_number(
    value: Any,
    name: str,
    *,
    above: float | None = None,
    minimum: float | None = None,
    below: float | None = None,
) -> float:
    """A finite float within bounds."""
    limits = [
        text
        for bound, text in (
            (above, f"greater than {above}"),
            (minimum, f"at least {minimum}"),
            (below, f"less than {below}"),
        )
        if bound is not None
    ]
    wanted = f"a finite number{' ' if limits else ''}{' and '.join(limits)}"
    if isinstance(value, (bool, np.bool_, str, bytes)):
        raise ArgumentTypeError(f"{name} must be {wanted}, not {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"{name} must be {wanted}, not {value!r}") from None
    too_low = (above is not None and number <= above) or (minimum is not None and number < minimum)
    if not math.isfinite(number) or too_low or (below is not None and number >= below):
        raise ArgumentError(f"{name} must be {wanted}, not {value!r}")
    return number


def choice(value: Any, name: str, legal: Iterable[str]) -> str:
    """One of some names."""
    names = sorted(legal)
    if not isinstance(value, str) or value not in names:
        raise ArgumentError(f"{name} must be one of {', '.join(map(repr, names))}, not {value!r}")
    return value


def _as_array(value: Any, name: str) -> Array:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"{name} cannot be made into one array: {error}") from None
    if array.dtype.kind not in "fiub":
        hint = "convert it to numbers first"
        if array.dtype.kind in "US":
            hint = "turn text into numbers first, for labels with np.unique(y, return_inverse=True)[1]"
        elif array.dtype.kind == "O":
            hint = "rows of different lengths or mixed types? Convert with np.asarray(..., dtype=float)"
        elif array.dtype.kind == "c":
            hint = "complex numbers are not supported"
        raise ArgumentTypeError(f"{name} must hold numbers, not dtype {array.dtype}: {hint}")
    return array


def features(x: Any, name: str, dtype: np.dtype[Any], width: int | None = None) -> Array:
    """A C-contiguous matrix of rows to learn from: uint8 stays, everything else becomes ``dtype``.

    Images of more dimensions are flattened to one row each. NaN and infinities are refused.
    """
    array = _as_array(x, name)
    if array.ndim < 2:
        raise ArgumentError(
            f"{name} must have 2 dimensions (rows, features), not shape {array.shape}: "
            f"for one row use {name}.reshape(1, -1), for one feature {name}.reshape(-1, 1)"
        )
    if array.shape[0] == 0 or array.size == 0:
        raise ArgumentError(f"{name} must have at least one row and one feature, not shape {array.shape}")
    if array.ndim > 2:
        array = array.reshape(array.shape[0], -1)
    if width is not None and array.shape[1] != width:
        raise ArgumentError(f"{name} has {array.shape[1]} features in each row, but the model was built for {width}")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, dtype)
    _refuse_non_finite(array, name)
    return array


def _refuse_non_finite(array: Array, name: str) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        if math.isfinite(float(array.sum())):  # one cheap pass; overflow alone leads to the exact look below
            return
    for start in range(0, len(array), 4096):
        bad = np.argwhere(~np.isfinite(array[start : start + 4096]))
        if len(bad):
            row, column = start + int(bad[0][0]), int(bad[0][1])
            raise ArgumentError(
                f"{name} must be finite in {array.dtype}, but {name}[{row}, {column}] is {array[row, column]}: "
                "remove or impute such rows first"
            )


def class_targets(y: Any, name: str, rows: int, classes: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Targets for a cross-entropy over ``classes``: (labels, empty) or (zeros, target rows).

    Integers are class numbers. A matrix with one column for each class holds one-hot rows, which become class
    numbers, or soft targets.
    """
    array = _as_array(y, name)
    if array.ndim == 2 and array.shape[1] == 1 and classes > 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] != classes):
        raise ArgumentError(
            f"{name} must be class numbers of shape (rows,) or rows of {classes} targets, because the last layer "
            f"has {classes} units, not shape {array.shape}"
        )
    if len(array) != rows:
        raise ArgumentError(f"{name} has {len(array)} rows, but the features have {rows}: they must match")
    if array.ndim == 1:
        return _labels(array, name, classes), np.empty((0, classes), dtype)
    return _target_rows(array, name, classes, dtype)


def _labels(array: Array, name: str, classes: int) -> Array:
    with np.errstate(invalid="ignore"):
        labels = array.astype(np.int64)
    wrong = np.flatnonzero((labels != array) | (labels < 0) | (labels >= classes))
    if len(wrong):
        row = int(wrong[0])
        raise ArgumentError(
            f"{name} must hold class numbers from 0 to {classes - 1}, because the last layer has {classes} units, "
            f"but {name}[{row}] is {array[row]}"
        )
    return labels


def _target_rows(array: Array, name: str, classes: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    if not (np.isfinite(array).all() and (array >= 0).all()):
        raise ArgumentError(f"{name} must hold finite targets of at least 0 in each row")
    if ((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all():
        return array.argmax(axis=1).astype(np.int64), np.empty((0, classes), dtype)
    return np.zeros(len(array), np.int64), np.ascontiguousarray(array, dtype)
