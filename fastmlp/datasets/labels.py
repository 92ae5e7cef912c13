"""Converts class numbers to one-hot rows and back."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError


def one_hot(labels: ArrayLike, classes: int | None = None, dtype: DTypeLike = "float32") -> NDArray[Any]:
    """Rows with a 1 at the class and 0 elsewhere.

    Training accepts class numbers; one-hot rows are for your own losses and metrics.

    Parameters
    ----------
    labels : array_like, shape (rows,) or (rows, 1)
        Class numbers from 0.
    classes : int, optional
        The width of the rows, at least 2. Default: the greatest label plus one.
    dtype : dtype, default "float32"
        A type of numbers or booleans.

    Returns
    -------
    ndarray, shape (rows, classes)

    Raises
    ------
    ArgumentError
        If a label is not a whole number from 0 to ``classes`` − 1, or ``classes`` is missing and the labels are all 0
        or empty.

    Examples
    --------
    >>> one_hot([2, 0], classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    numbers = _numbers(labels, "labels")
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise ArgumentError(f"labels must have the shape (rows,), not {numbers.shape}")
    whole = _whole(numbers)
    width = _width(whole) if classes is None else check.whole_number(classes, "classes", minimum=2)
    too_great = np.flatnonzero(whole >= width)
    if len(too_great):
        row = too_great[0]
        raise ArgumentError(
            f"labels must be from 0 to {width - 1}, because classes is {width}, but labels[{row}] is {whole[row]}"
        )
    rows = np.zeros((len(whole), width), _number_type(dtype))
    rows[np.arange(len(whole)), whole] = 1
    return rows


def labels_of(rows: ArrayLike) -> NDArray[np.int64]:
    """The class of each row: the column with the greatest value, or the first of equal ones.

    Parameters
    ----------
    rows : array_like, shape (rows, classes)
        One-hot rows, probabilities or logits.

    Returns
    -------
    ndarray of int64, shape (rows,)

    Raises
    ------
    ArgumentError
        If there are fewer than two columns, or a value is NaN.

    Examples
    --------
    >>> labels_of([[0.1, 0.9], [0.8, 0.2]])
    array([1, 0])
    """
    values = _numbers(rows, "rows")
    if values.ndim != 2 or values.shape[1] < 2:
        raise ArgumentError(
            f"rows must have the shape (rows, classes) with 2 classes or more, not {values.shape}: of the probability "
            "of one class, (p > 0.5).astype(int) makes labels"
        )
    unordered = np.flatnonzero(np.isnan(values).any(axis=1))
    if len(unordered):
        raise ArgumentError(f"rows must not hold NaN, but row {unordered[0]} is {values[unordered[0]].tolist()!s:.60}")
    labels: NDArray[np.int64] = values.argmax(axis=1).astype(np.int64)
    return labels


def _numbers(values: ArrayLike, name: str) -> NDArray[Any]:
    array = check.array_of(values, name)
    if array.dtype.kind not in "buif" and array.size:
        raise ArgumentTypeError(f"{name} must hold numbers, not dtype {array.dtype}")
    return array


def _whole(numbers: NDArray[Any]) -> NDArray[np.int64]:
    with np.errstate(invalid="ignore"):
        whole = numbers.astype(np.int64)
    wrong = np.flatnonzero((whole != numbers) | (whole < 0))
    if len(wrong):
        raise ArgumentError(f"labels must be whole numbers from 0, but labels[{wrong[0]}] is {numbers[wrong[0]]}")
    return whole


def _width(labels: NDArray[np.int64]) -> int:
    width = int(labels.max(initial=0)) + 1
    if width < 2:
        found = "all are 0" if len(labels) else "there are none"
        raise ArgumentError(f"labels must tell the number of classes, but {found}: give classes=")
    return width


def _number_type(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise ArgumentTypeError(f"dtype must be a type of numbers, not {dtype!r}") from None
    if dtype is None or found.kind not in "buif":
        raise ArgumentTypeError(f"dtype must be a type of numbers, not {dtype!r}")
    return found
