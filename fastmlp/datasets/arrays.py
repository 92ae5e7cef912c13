"""Makes features and labels from the arrays of a file. The stored type decides what they are, never the values."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._base.errors import ArgumentError, DataFileError

Features = NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float64]
FeatureType = Literal["uint8", "float32", "float64"]
Labels = NDArray[np.int64]
Part = tuple[Features, Labels]
Split = tuple[Part, Part]

MAX_LABEL = 255
_TYPES = ("uint8", "float32", "float64")
_BLOCK = 4096  # rows to check at once: a second array of the data's size may not fit into memory


def feature_type(dtype: Any, function: str) -> FeatureType | None:
    """The argument ``dtype`` of a reader, checked."""
    if dtype is not None and dtype not in _TYPES:
        names = ", ".join(map(repr, _TYPES))
        raise ArgumentError(f"{function}: dtype must be {names} or None, got {dtype!r:.60}")
    found: FeatureType | None = dtype
    return found


def as_features(path: Path, what: str, values: NDArray[Any], dtype: FeatureType | None = None) -> Features:
    """``values``, (n, …), as 2-D C-contiguous features.

    Without ``dtype``, uint8 (pixels) and float32 do not change, and all other numbers become float64.
    """
    if values.dtype.kind not in "buif":
        raise DataFileError(f"{path}: expected numbers in {what}, found {_kind(values)}; store numbers")
    if values.ndim < 2:
        raise DataFileError(
            f"{path}: expected {what} of shape (rows, features), found shape {values.shape}; reshape it, one "
            "row per sample"
        )
    if values.size == 0:
        raise DataFileError(f"{path}: expected data in {what}, found shape {values.shape}; it holds no values")
    flat = values.reshape(len(values), -1)
    kept = flat.dtype.name if flat.dtype.name in ("uint8", "float32") else "float64"
    return converted(path, what, flat, dtype or kept)


def converted(path: Path, what: str, values: NDArray[Any], dtype: str) -> Features:
    """2-D ``values`` in this dtype, C-contiguous; an error names the place of a value that does not fit."""
    if dtype == "uint8":
        if values.dtype != np.uint8:
            _refuse(path, what, values, not_pixels, "whole numbers of 0 to 255, as for pixels,", _PIXELS)
        return np.ascontiguousarray(values, dtype=np.uint8)
    with np.errstate(over="ignore", invalid="ignore"):
        result: Features = np.ascontiguousarray(values, dtype=dtype)
    if values.dtype.kind == "f":
        _refuse(path, what, result, lambda rows: ~np.isfinite(rows), "finite numbers", _FINITE, values)
    return result


_FINITE = "drop such rows or fill in the values"
_PIXELS = (
    "if the features are not pixels, leave dtype='uint8' out; if they are pixels that were scaled, multiply them by "
    "255 and round them"
)


def not_pixels(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where values are not whole numbers from 0 to 255."""
    wrong: NDArray[np.bool_] = ~((values >= 0) & (values <= 255) & (values == np.floor(values)))
    return wrong


def are_whole_bytes(values: NDArray[Any]) -> bool:
    """Whether all values are whole numbers from 0 to 255."""
    return not any(not_pixels(values[start : start + _BLOCK]).any() for start in range(0, len(values), _BLOCK))


def _refuse(
    path: Path, what: str, values: Any, wrong: Any, expected: str, remedy: str, came: NDArray[Any] | None = None
) -> None:
    for start in range(0, len(values), _BLOCK):
        found = np.argwhere(wrong(values[start : start + _BLOCK]))
        if len(found):
            row, column = start + int(found[0][0]), int(found[0][1])
            value = (values if came is None else came)[row, column]
            raise DataFileError(
                f"{path}: expected {expected} in {what}, found {value} in row {row}, column {column} (counted from 0); "
                f"{remedy}"
            )


def as_labels(path: Path, what: str, values: NDArray[Any]) -> Labels:
    """``values`` as int64 class numbers, (n,), from whole numbers of 0 to 255 or one-hot rows."""
    if values.dtype.kind not in "buif":
        raise DataFileError(f"{path}: expected class numbers in {what}, found {_kind(values)}; number the classes")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2:
        return from_one_hot(path, what, values)
    if values.ndim != 1:
        raise DataFileError(f"{path}: expected {what} of shape (rows,), found shape {values.shape}; one label per row")
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.int64)
    wrong = np.flatnonzero((whole != values) | (values < 0) | (values > MAX_LABEL))
    if len(wrong):
        raise DataFileError(
            f"{path}: expected labels that are whole numbers of 0 to {MAX_LABEL} in {what}, found "
            f"{values[wrong[0]]} in row {wrong[0]} (counted from 0); number the classes from 0"
        )
    return whole


def from_one_hot(path: Path, what: str, values: NDArray[Any]) -> Labels:
    """One-hot rows, (n, classes), as class numbers, (n,)."""
    is_one = values == 1
    wrong = np.flatnonzero((is_one.sum(axis=1) != 1) | ((values != 0) & ~is_one).any(axis=1))
    if len(wrong):
        raise DataFileError(
            f"{path}: expected one-hot labels in {what} (one 1 and otherwise 0 in each row), found "
            f"{values[wrong[0]].tolist()!s:.60} in row {wrong[0]} (counted from 0); are these columns the labels?"
        )
    classes: Labels = is_one.argmax(axis=1).astype(np.int64)
    return classes


def same_length(path: Path, other: Path, n_rows: int, n_labels: int) -> None:
    """Raise an error unless there is one label for each row."""
    if n_rows != n_labels:
        raise DataFileError(
            f"{other}: expected {n_rows} labels, one for each row of {path}, found {n_labels}; the two do "
            "not belong together"
        )


def same_width(train: Path, test: Path, n_train: int, n_test: int) -> None:
    """Raise an error unless training and test rows have the same number of features."""
    if n_train != n_test:
        raise DataFileError(
            f"{test}: expected {n_train} features in each row, as in {train}, found {n_test}; the two do not "
            "belong together"
        )


def same_dtype(test_path: Path, train: Part, test: Part) -> Split:
    """Both parts as pixels, or both as numbers of one type, so that a value means the same in both."""
    (x, y), (x_test, y_test) = train, test
    if (x.dtype == np.uint8) != (x_test.dtype == np.uint8):
        raise DataFileError(
            f"{test_path}: expected train and test features of one kind, found {x.dtype} and {x_test.dtype}, but uint8 "
            "are pixels, and are scaled; store both alike, or say dtype='uint8' (pixels) or dtype='float32' (numbers)"
        )
    if x.dtype == x_test.dtype:
        return train, test
    return (x.astype(np.float64, copy=False), y), (x_test.astype(np.float64, copy=False), y_test)


def _kind(values: NDArray[Any]) -> str:
    return f"values of type {values.dtype}"
