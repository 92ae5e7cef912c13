"""How a model reads features: their columns, their precision, and whether whole numbers are pixels.

A whole number does not show its meaning: for the network, a pixel of 255 is 1.0, but an age of 61 is 61.0. So a model
records the kind of features that it was trained on, and reads all later features in the same way, or refuses them:

    learned from          bytes (uint8 arrays)   other whole numbers    fractions               tables
    ------------------    -------------------    -------------------    --------------------    -------------------
    nothing yet           pixels                 numbers                numbers                 numbers
    pixels                pixels                 pixels                 pixels scaled before    pixels
    whole numbers         numbers                numbers                numbers                 numbers
    fractions             refused                numbers                numbers                 numbers

Scaled pixels are recognised by their size: numbers far outside of their range are refused.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base import check, naming, sparse
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.sparse import SparseRows
from .._base.types import Array
from ..tables import TableEncoder
from ..tables.columns import is_table

PIXELS, INTEGERS, FLOATS = KINDS = ("pixels", "integers", "floats")

_MOST = 255
_ROOM = 2.0  # a scaled pixel with noise may leave the range of pixels by at most its width on either side
_BLOCK = 4096  # rows converted to float64 at once
_FEW_LOST = 0.9  # the least share of distinct values of a column of floats that may remain without a warning


@dataclass(frozen=True)
class Features:
    """Rows as the kernels read them: uint8, or numbers in the model's dtype, which may be sparse."""

    rows: Array | SparseRows
    is_centered: bool = False  # whether the mean of the first layer is already subtracted


@dataclass(frozen=True)
class Inputs:
    """How one model reads features."""

    dtype: np.dtype[Any]  # of the model
    width: int | None  # the number of features in a row, if known
    names: naming.Names | None  # the columns of the table that the model was trained on, if it was a table
    kind: str | None  # of the training data: "pixels", "integers" or "floats"
    pixel_scale: float
    center: Array | None  # the mean of a first `fastmlp.Normalization`, in float64, shape (features,)
    encoder: TableEncoder | None = None  # makes features of raw tables

    def read(self, x: Any, name: str, *, finite: bool = True) -> Features:
        """Read the user's features like the training data; refuse NaN and infinities, if ``finite``."""
        return self.converted(self.rows(x, name), name, finite=finite)

    def rows(self, x: Any, name: str) -> Array | SparseRows:
        """The user's numbers as a matrix, with the columns in the model's order; uint8 if they are pixels."""
        if self.encoder is not None:
            return self._encoded(self.encoder, x, name)
        if sparse.is_sparse(x):
            return self._sparse(sparse.rows_of(x, name, self.width), name)
        places = None if type(x) is np.ndarray else naming.places(x, self.names, name)
        rows = check.rows(x, name, self.width if places is None else None)
        return self._of_kind(rows if places is None else rows[:, places], name)

    def _encoded(self, encoder: TableEncoder, x: Any, name: str) -> Array:
        """The features of a raw table, in the model's precision."""
        if not is_table(x) and not callable(getattr(x, "collect", None)):
            came = f"{type(x).__name__} of shape {x.shape}" if isinstance(x, np.ndarray) else f"{x!r:.60}"
            raise ArgumentTypeError(
                f"{name} must be a table with the columns of the training data, because the model begins with a "
                f"TableEncoder, not {came}: give a frame, a dict of columns or a list of dicts. (model[:] is the "
                "network after the encoder, which reads the result of model.encoder.transform(table).)"
            )
        features = encoder.features(x, self.dtype, name)
        if len(features) == 0:
            raise ArgumentError(f"{name} must have at least one row")
        return features

    def _sparse(self, rows: SparseRows, name: str) -> SparseRows:
        if self.kind == PIXELS:
            raise ArgumentError(
                f"{name} is sparse, but the model was trained on pixels (uint8): give pixels, as {name}.toarray()"
            )
        return rows.converted(np.dtype(np.int16)) if rows.dtype == np.uint8 else rows  # numbers, not pixels

    def _of_kind(self, rows: Array, name: str) -> Array:
        is_bytes = rows.dtype == np.uint8
        if self.kind == PIXELS and not is_bytes:
            return self._as_pixels(rows, name)
        if self.kind == INTEGERS and is_bytes:
            return rows.astype(np.int16)
        if self.kind == FLOATS and is_bytes:
            raise ArgumentError(
                f"{name} is uint8, which could be pixels, but the model was trained on numbers: give numbers as "
                f"{name}.astype('float32'), or pixels as the numbers that it was trained on, such as {name} / 255"
            )
        return rows

    def _as_pixels(self, rows: Array, name: str) -> Array:
        if rows.dtype.kind == "b":
            raise ArgumentError(
                f"{name} holds True and False, but the model was trained on pixels (uint8): give pixels, such as "
                f"{name}.astype('uint8') * {_MOST}"
            )
        if rows.dtype.kind in "iu":
            if rows.size and (rows.min() < 0 or rows.max() > _MOST):
                raise ArgumentError(
                    f"{name} must hold pixels, whole numbers from 0 to {_MOST}, as the model was trained on pixels "
                    f"(uint8), but it holds numbers from {rows.min()} to {rows.max()}"
                )
            return rows.astype(np.uint8)
        self.check_scaled(rows, name)
        return rows

    def check_scaled(self, rows: Array, name: str) -> None:
        """Refuse floats that are not scaled pixels, for a model of pixels."""
        size = _MOST * self.pixel_scale
        low, high = rows.min(), rows.max()  # NaN passes; the check of the results finds it
        if high > _ROOM * size or low < (1 - _ROOM) * size:
            raise ArgumentError(
                f"{name} must hold pixels, as the model was trained on pixels (uint8), but it holds numbers from "
                f"{low:g} to {high:g}: give pixels as {name}.astype('uint8'), or scaled before as {name} * "
                f"model.uint8_scale, which are numbers from 0 to {size:g}"
            )

    def converted(self, rows: Array | SparseRows, name: str, *, finite: bool = True) -> Features:
        """Convert a matrix of `rows` to the form that kernels read."""
        if isinstance(rows, SparseRows):
            with np.errstate(over="ignore"):
                found = rows.converted(self.dtype)
            if finite:
                sparse.refuse_non_finite(found, rows, name)
            return Features(found)
        if rows.dtype == np.uint8:
            return Features(np.ascontiguousarray(rows))
        is_centered = self.center is not None and not is_exact(rows.dtype, self.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            numbers = self._centered(rows) if is_centered else np.ascontiguousarray(rows, self.dtype)
        if finite:
            check.refuse_non_finite(numbers, rows, name)
        return Features(numbers, is_centered)

    def _centered(self, rows: Array) -> Array:
        """Subtract the mean before rounding to the model's dtype, so that large numbers keep their differences."""
        result = np.empty(rows.shape, self.dtype)
        for start in range(0, len(rows), _BLOCK):
            result[start : start + _BLOCK] = rows[start : start + _BLOCK] - self.center
        return result

    def learned(self, rows: Array | SparseRows) -> str:
        """The kind of a model after training on these `rows` too."""
        given = PIXELS if rows.dtype == np.uint8 else FLOATS if rows.dtype.kind == "f" else INTEGERS
        if self.kind is None or self.kind == given:
            return given
        return PIXELS if self.kind == PIXELS else FLOATS

    def scales(self) -> tuple[float, float]:
        """The factors for bytes and for other whole numbers; NaN if they are refused."""
        of_bytes = {INTEGERS: 1.0, FLOATS: np.nan}.get(self.kind or PIXELS, self.pixel_scale)
        return of_bytes, self.pixel_scale if self.kind == PIXELS else 1.0


# ---------------------------------------------------------------- what rounding loses


def is_exact(given: np.dtype[Any], dtype: np.dtype[Any]) -> bool:
    """Whether ``dtype`` holds all numbers of the given type."""
    if given.kind == "f":
        return given.itemsize <= dtype.itemsize
    return given.kind == "b" or 8 * given.itemsize <= np.finfo(dtype).nmant + 1


def warn_of_merged(
    given: Array | SparseRows, numbers: Array | SparseRows, names: naming.Names | None, stacklevel: int = 3
) -> None:
    """Warn the caller's caller of columns whose different values became equal in the model's dtype."""
    if isinstance(given, SparseRows) or isinstance(numbers, SparseRows) or is_exact(given.dtype, numbers.dtype):
        return
    merged = [column for column in _crowded(numbers) if _loses(given[:, column], numbers[:, column])]
    if merged:
        shown = naming.some(merged if names is None else [names[column] for column in merged])
        warnings.warn(
            f"x has columns whose different values {numbers.dtype} cannot tell apart, so that some become equal: "
            f"{shown}. Subtract their mean (a first layer fastmlp.Normalization() does it), or use dtype='float64'",
            UserWarning,
            stacklevel=stacklevel,
        )


def _crowded(numbers: Array) -> list[int]:
    """Columns with more rows than the dtype has numbers between the smallest and the largest."""
    low, high = numbers.min(axis=0).astype(np.float64), numbers.max(axis=0).astype(np.float64)
    step = np.spacing(np.maximum(np.abs(low), np.abs(high)).astype(numbers.dtype)).astype(np.float64)
    return [int(column) for column in np.flatnonzero((high - low) / step < len(numbers))]


def _loses(given: Array, rounded: Array) -> bool:
    before, after = len(np.unique(given)), len(np.unique(rounded))
    return after < (before if given.dtype.kind in "iu" else _FEW_LOST * before)
