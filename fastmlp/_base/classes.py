"""Finds the class of each row of targets, in all the ways in which classes are written down.

`fastmlp.datasets.train_test_split` and the folds of a cross-validation use it to divide rows by class.
"""

from typing import Any

import numpy as np

from . import check
from .errors import ArgumentError, ArgumentTypeError
from .types import Array, Integers


def to_stratify_by(y: Any, name: str, stratify: bool | None) -> Integers | None:
    """The class of each row, or None if rows are not to be divided by class; messages call the targets ``name``.

    ``stratify=None`` divides by class if ``y`` holds class labels. Raises ArgumentError if ``stratify`` is True but
    ``y`` does not hold class labels, or if some rows have no label.
    """
    if stratify is not None and not check.yes_or_no(stratify, "stratify"):
        return None
    classes = class_numbers(y, name)
    if classes is None and stratify:
        raise ArgumentError(
            f"stratify=True needs class labels in {name}: whole numbers, booleans, texts or one-hot rows, not "
            f"{_described(y)}; leave stratify out, or give stratify=False"
        )
    if classes is not None and stratify is None and _are_measurements(y, classes):
        return None
    return classes


def class_numbers(y: Any, name: str = "y") -> Integers | None:
    """The class of each row, from 0, or None if the targets are soft or numbers to predict.

    Labels are whole numbers of any type, booleans, texts, bytes and other objects that can be compared for equality:
    in lists, arrays and columns of data frames, with one dimension or as a single column. They may also be one-hot
    rows. Labels that can be sorted number the classes in sorted order.
    """
    labels = _as_array(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind == "O":
        labels = _of_objects(labels, name)
    if labels.ndim == 2:
        return _of_rows(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "biufSUO" or not _are_whole(labels):
        return None
    return _numbered(labels)


def numbers_among(labels: Array, given: Array, name: str, called: str) -> Integers:
    """The place of each given label among all labels, which messages name ``called``; refuses others."""
    order = np.argsort(labels)
    places = order[np.minimum(np.searchsorted(labels, given, sorter=order), len(labels) - 1)]
    wrong = np.flatnonzero(labels[places] != given)
    if len(wrong):
        row = int(wrong[0])
        raise ArgumentError(f"{check.at(name, row)} is {given[row].item()!r}, but {called} are {check.some(labels)}")
    return places.astype(np.int64, copy=False)


def _as_array(y: Any) -> Array:
    try:
        array = check.array_of(y, "y")
    except ArgumentTypeError:
        return np.empty(0)[None]  # rows of different lengths are not labels; who reads targets reports it
    return array.astype(object) if array.dtype.kind == "T" else array


def _of_objects(labels: Array, name: str) -> Array:
    """Convert objects to an array if all are texts or all are numbers; otherwise return them unchanged."""
    items = labels.ravel().tolist()
    missing = [row for row, item in enumerate(items) if _is_missing(item)]
    if missing and labels.ndim == 1 and not all(isinstance(item, float) for item in items):
        raise ArgumentError(
            f"{name} must hold a label for each row to divide them by class, but {name}[{missing[0]}] is "
            f"{items[missing[0]]!r}: drop such rows, or give stratify=False"
        )
    if all(isinstance(item, str) for item in items):
        return labels.astype(np.str_)
    if all(isinstance(item, (bool, int, float, np.number, np.bool_)) for item in items):
        return np.array(labels.tolist())
    return labels


def _is_missing(item: Any) -> bool:
    return item is None or (isinstance(item, float) and item != item) or str(item) in ("<NA>", "NaT")


def _of_rows(rows: Array) -> Integers | None:
    is_number = rows.dtype.kind in "biuf" and rows.shape[1] > 1
    if not is_number or not ((rows == 0) | (rows == 1)).all() or not (rows.sum(axis=1) == 1).all():
        return None
    numbers: Integers = rows.argmax(axis=1).astype(np.int64, copy=False)
    return numbers


def _are_whole(labels: Array) -> bool:
    """Whether all numbers are whole: no fractions, NaN or infinity."""
    if labels.dtype.kind != "f":
        return True
    with np.errstate(invalid="ignore"):
        return bool((np.isfinite(labels) & (labels == np.floor(labels))).all())


def _numbered(labels: Array) -> Integers | None:
    try:
        return np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.int64, copy=False)
    except TypeError:  # objects that cannot be sorted are numbered in the order of their first rows
        pass
    try:
        places: dict[Any, int] = {}
        return np.array([places.setdefault(label, len(places)) for label in labels.tolist()], np.int64)
    except TypeError:  # such as lists
        return None


def _are_measurements(y: Any, classes: Integers) -> bool:
    """Whether floats that are whole are numbers to predict rather than labels: most of them occur once."""
    labels = _as_array(y)
    if labels.dtype.kind == "O":
        labels = _of_objects(labels, "y")
    is_column = labels.ndim == 1 or (labels.ndim == 2 and labels.shape[1] == 1)
    return labels.dtype.kind == "f" and is_column and 2 * (1 + int(classes.max(initial=-1))) > len(classes)


def _described(y: Any) -> str:
    labels = _as_array(y)
    return f"{labels.dtype} of shape {labels.shape}"
