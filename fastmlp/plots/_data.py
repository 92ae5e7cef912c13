"""Checks the arguments of plots: labels, names, images. It does not import matplotlib."""

import math
from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array, Integers
from ..metrics.labels import numbered
from ._style import shorten

MOST_CLASSES = 1000


def numbers(values: Any, name: str) -> Array:
    """An array of numbers, not empty."""
    array = check.numbers(values, name)
    if array.size == 0:
        raise ArgumentError(f"{name} must not be empty, but has the shape {array.shape}")
    return array


def column(values: Any, name: str) -> Array:
    """Numbers of shape (rows,) or (rows, 1), as float64 of shape (rows,)."""
    array = numbers(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ArgumentError(f"{name} must have the shape (rows,) or (rows, 1), not {array.shape}")
    return array.astype(np.float64)


def class_numbers(values: Any, name: str) -> Integers:
    """Class numbers of shape (rows,).

    Rows with one score for each class give the class of the highest; a column of probabilities gives class 1 from 0.5
    on.
    """
    array = numbers(values, name)
    if array.ndim == 2 and array.shape[1] > 1:
        if np.isnan(array).any():
            raise ArgumentError(f"{name} has NaN among its scores, so their highest is not known")
        highest: Integers = array.argmax(axis=1).astype(np.int64)
        return highest
    labels = column(array, name)
    if array.ndim == 2 and ((labels >= 0) & (labels <= 1)).all():
        labels = (labels >= 0.5).astype(np.float64)
    wrong = np.flatnonzero(~((labels >= 0) & (labels < MOST_CLASSES) & (labels == np.floor(labels))))
    if len(wrong):
        raise ArgumentError(
            f"{name} must hold class numbers from 0 to {MOST_CLASSES - 1}, or a row of scores for each sample, but "
            f"{name}[{wrong[0]}] is {labels[wrong[0]]:g}"
        )
    return labels.astype(np.int64)


def target_pairs(
    targets: Any, predictions: Any, names: Any = None, called: tuple[str, str] = ("targets", "predictions")
) -> tuple[Integers, Integers, Any]:
    """True and predicted class numbers of the same rows, and the names of the classes (or their labels)."""
    *pair, labels = numbered(targets, predictions, names, called, MOST_CLASSES)
    true, predicted = (class_numbers(values, name) for values, name in zip(pair, called, strict=True))
    same_rows(**dict(zip(called, (true, predicted), strict=True)))
    return true, predicted, names if labels is None else [str(label) for label in labels]


def same_rows(**arrays: Array) -> None:
    """Raise unless all arrays have as many rows."""
    (first, rows), *others = ((name, len(array)) for name, array in arrays.items())
    for name, count in others:
        if count != rows:
            raise ArgumentError(f"{name} has {count} rows, but {first} has {rows}: they must match")


def class_names(names: Any, classes: int, longest: int = 24) -> list[str]:
    """A short name for each class: those given, or its number."""
    if names is None:
        return [str(number) for number in range(classes)]
    given = check.items(names, "names", "texts")
    if len(given) < classes:
        raise ArgumentError(f"names must be {classes}, one for each class, not {len(given)}")
    return [shorten(name, longest) for name in given]


def some_rows(count: int, most: int) -> Integers:
    """The rows to draw: all, or a random choice from a fixed seed."""
    if count <= most:
        return np.arange(count)
    chosen: Integers = np.sort(np.random.default_rng(0).choice(count, most, replace=False))
    return chosen


def as_images(rows: Array, image_shape: Any, name: str) -> Array:
    """Rows as images, (n, height, width) or (n, height, width, 3), in the given shape, their own, or a square."""
    if image_shape is not None:
        shape = tuple(check.whole_number(n, "image_shape", minimum=1) for n in _sizes(image_shape))
    elif rows.ndim > 2:
        shape = rows.shape[1:]
    else:
        side = math.isqrt(rows.shape[1])
        shape = (side, side)
    if shape[2:] == (1,):
        shape = shape[:2]
    pixels = rows[0].size
    if math.prod(shape) != pixels or len(shape) not in (2, 3) or shape[2:] not in ((), (3,), (4,)):
        raise ArgumentError(
            f"{name} has {pixels} numbers in each row, which do not make an image of the shape {shape}: "
            "give image_shape=(height, width), or (height, width, 3) for colours"
        )
    return rows.reshape(len(rows), *shape)


def _sizes(image_shape: Any) -> list[Any]:
    sizes = check.items(image_shape, "image_shape", "sizes: (height, width)")
    if len(sizes) not in (2, 3):
        raise ArgumentTypeError(f"image_shape must be (height, width) or (height, width, 3), not {image_shape!r:.60}")
    return sizes
