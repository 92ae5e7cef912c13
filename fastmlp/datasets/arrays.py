"""Make features and labels of whatever arrays a file held, and read or map files of arrays. Nothing read is
executed."""

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._errors import DataFileError
from ._open import existing_file, first_bytes, reading

Features = NDArray[np.uint8] | NDArray[np.float32]
Labels = NDArray[np.int64]
Part = tuple[Features, Labels]
Split = tuple[Part, Part]

MAX_LABEL = 255


def as_features(path: Path, what: str, values: NDArray[Any]) -> Features:
    """``values``, (n, …), as 2-D C-contiguous uint8 (whole numbers of 0 to 255) or float32 (anything else).

    An array that is stored as floating point stays floating point: 0.0 and 1.0 are then no pixels.
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
    if values.dtype.kind == "f":
        return as_float32(path, what, flat)
    if flat.min() >= 0 and flat.max() <= 255:
        return np.ascontiguousarray(flat, dtype=np.uint8)
    return np.ascontiguousarray(flat, dtype=np.float32)


def as_float32(path: Path, what: str, values: NDArray[Any]) -> NDArray[np.float32]:
    """Floating-point ``values`` as float32; NaN and what float32 cannot hold are errors that say where."""
    with np.errstate(over="ignore", invalid="ignore"):
        result = np.ascontiguousarray(values, dtype=np.float32)
    if not np.isfinite(result).all():
        row, column = np.argwhere(~np.isfinite(result))[0]
        raise DataFileError(
            f"{path}: expected finite numbers in {what}, found {values[row, column]} in row {row}, column "
            f"{column} (counted from 0); drop such rows or fill in the values"
        )
    return result


def as_labels(path: Path, what: str, values: NDArray[Any]) -> Labels:
    """``values`` as int64 class numbers, (n,): whole numbers of 0 to 255, or one-hot rows."""
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
            f"{values[wrong[0]].tolist()} in row {wrong[0]} (counted from 0); are these columns the labels?"
        )
    classes: Labels = is_one.argmax(axis=1).astype(np.int64)
    return classes


def same_length(path: Path, other: Path, n_rows: int, n_labels: int) -> None:
    """Raise unless there is one label for each row."""
    if n_rows != n_labels:
        raise DataFileError(
            f"{other}: expected {n_rows} labels, one for each row of {path}, found {n_labels}; the two do "
            "not belong together"
        )


def same_width(train: Path, test: Path, n_train: int, n_test: int) -> None:
    """Raise unless train and test rows have equally many features."""
    if n_train != n_test:
        raise DataFileError(
            f"{test}: expected {n_train} features in each row, as in {train}, found {n_test}; the two do not "
            "belong together"
        )


def same_dtype(train: Part, test: Part) -> Split:
    """Both parts in uint8, or both in float32: the same value must mean the same in both."""
    if train[0].dtype != test[0].dtype:
        return (train[0].astype(np.float32), train[1]), (test[0].astype(np.float32), test[1])
    return train, test


def load_npz(path: Path) -> Split:
    """Train and test parts from an NPZ file with the arrays x_train, y_train, x_test and y_test."""
    names = ("x_train", "y_train", "x_test", "y_test")
    arrays = read_npz(existing_file(path), names)
    parts = []
    for part in ("train", "test"):
        x = as_features(path, f"x_{part}", arrays[f"x_{part}"])
        y = as_labels(path, f"y_{part}", arrays[f"y_{part}"])
        same_length(path, path, len(x), len(y))
        parts.append((x, y))
    same_width(path, path, parts[0][0].shape[1], parts[1][0].shape[1])
    return same_dtype(parts[0], parts[1])


def load_npy(path: Path) -> Features:
    """Features from an NPY file."""
    with reading(path):
        try:
            values = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, MemoryError) as error:
            raise DataFileError(
                f"{path}: expected a complete NPY file of numbers, found one that cannot be read ({error}); "
                "save it again with numpy.save"
            ) from error
    return as_features(path, "the array", values)


def map_npy(path: Path) -> NDArray[Any]:
    """The array of an NPY file as a memory map: what is looked at is read, and nothing else."""
    if not first_bytes(path, 6).startswith(b"\x93NUMPY"):
        raise DataFileError(f"{path}: expected an NPY file, found another kind; save the array with numpy.save")
    with reading(path):
        try:
            mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise DataFileError(
                f"{path}: expected a complete NPY file of numbers, found one that cannot be mapped ({error}); "
                "save it again with numpy.save"
            ) from error
    return mapped


def map_raw(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A file of nothing but numbers as a memory map; a first length of -1 is told by the size of the file."""
    with reading(path):
        size = path.stat().st_size
    row = dtype.itemsize * math.prod(shape[1:])
    rows = size // row if shape[0] == -1 else shape[0]
    if rows * row != size:
        raise DataFileError(
            f"{path}: expected {dtype} of shape {shape}, found {size:,} bytes, {size / row:g} times a row of {row:,}; "
            "give the dtype and the shape of its rows"
        )
    with reading(path):
        return np.memmap(path, dtype, "r", shape=(rows, *shape[1:]))


def read_npz(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The arrays of these names from an NPZ file."""
    try:
        # Opened here, because np.load leaves the file open when it is no zip file.
        with reading(path), open(path, "rb") as opened:
            file = np.load(opened, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise DataFileError(f"{path}: expected an NPZ file, found a single array; save it with numpy.savez")
            missing = [name for name in names if name not in file.files]
            if missing:
                raise DataFileError(
                    f"{path}: expected the arrays {', '.join(names)}, found "
                    f"{', '.join(file.files) or 'none'} (missing: {', '.join(missing)}); save it with "
                    f"numpy.savez(path, {names[0]}=..., ...)"
                )
            return {name: file[name] for name in names}
    except DataFileError:
        raise
    except (ValueError, zipfile.BadZipFile, MemoryError, KeyError, NotImplementedError) as error:
        raise DataFileError(
            f"{path}: expected a complete NPZ file of numbers, found one that cannot be read ({error}); save "
            "it again with numpy.savez_compressed"
        ) from error


def _kind(values: NDArray[Any]) -> str:
    return f"values of type {values.dtype}"
