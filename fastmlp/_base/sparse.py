"""Rows of features without most of their zeros: of the user's sparse matrices, and as kernels read them.

SciPy is not imported: whoever has a sparse matrix has it already.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ArgumentError, ArgumentTypeError
from .types import Array, Integers

_BLOCK_NUMBERS = 1 << 20  # the most numbers of a block that is made dense
_MOST_COLUMNS = 2**31 - 1


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Row r has the numbers ``values[starts[r]:starts[r + 1]]`` in these columns, in rising order, and 0 elsewhere.

    Parts of the rows share ``column_numbers`` and ``values``.
    """

    starts: Integers  # int64, shape (rows + 1,)
    column_numbers: Integers  # int32, shape (pairs,)
    values: Array  # shape (pairs,)
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return len(self), self.width

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""
        return self.values.dtype

    @property
    def pairs(self) -> int:
        """How many numbers the rows have."""
        return int(self.starts[-1] - self.starts[0])

    def most_in_row(self) -> int:
        """How many numbers the fullest row has."""
        return int(np.diff(self.starts).max(initial=0))

    def __getitem__(self, rows: Any) -> SparseRows:
        """Some rows: a slice without a step shares the numbers, a mask or row numbers copy them."""
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(len(self))
            return dataclasses.replace(self, starts=self.starts[start : max(start, stop) + 1])
        return self._taken(np.arange(len(self))[rows])

    def _taken(self, rows: Integers) -> SparseRows:
        counts = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(counts)])
        places = np.repeat(self.starts[:-1][rows] - starts[:-1], counts) + np.arange(starts[-1])
        return SparseRows(starts, self.column_numbers[places], self.values[places], self.width)

    def converted(self, dtype: np.dtype[Any]) -> SparseRows:
        """The same rows with numbers of another type."""
        return dataclasses.replace(self, values=np.ascontiguousarray(self.values, dtype))

    def dense(self) -> Array:
        """The rows with their zeros."""
        rows = np.zeros(self.shape, self.dtype)
        inside = slice(int(self.starts[0]), int(self.starts[-1]))
        rows[np.repeat(np.arange(len(self)), np.diff(self.starts)), self.column_numbers[inside]] = self.values[inside]
        return rows

    def dense_blocks(self) -> Iterator[Array]:
        """All rows with their zeros, some at a time."""
        size = max(1, _BLOCK_NUMBERS // max(1, self.width))
        for start in range(0, len(self), size):
            yield self[start : start + size].dense()


def no_rows(width: int, dtype: np.dtype[Any]) -> SparseRows:
    """No rows, not even an end of them, as data has that is not sparse."""
    return SparseRows(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, dtype), width)


def is_sparse(x: Any) -> bool:
    """Whether ``x`` is a matrix or an array of `scipy.sparse`, or has been read as sparse rows."""
    if isinstance(x, SparseRows):
        return True
    scipy = sys.modules.get("scipy.sparse")
    return scipy is not None and bool(scipy.issparse(x))


def rows_of(x: Any, name: str, width: int | None = None) -> SparseRows:
    """The rows of a sparse matrix, in their own type; arrays of the format CSR are shared, and never changed.

    Raises ArgumentError or ArgumentTypeError if it has no rows or columns, another width, or no real numbers.
    """
    if isinstance(x, SparseRows):
        _check_width(x.shape, name, width)
        return x
    if x.ndim != 2 or 0 in x.shape:
        raise ArgumentError(f"{name} must have rows and features, at least one of each, not shape {x.shape}")
    if x.dtype.kind not in "fiub":
        raise ArgumentTypeError(f"{name} must hold real numbers, not dtype {x.dtype}")
    _check_width(x.shape, name, width)
    rows = x.tocsr()
    if not rows.has_canonical_format:  # columns in any order, or twice
        rows = rows.copy()
        rows.sum_duplicates()
    return SparseRows(rows.indptr.astype(np.int64), rows.indices.astype(np.int32, copy=False), rows.data, x.shape[1])


def _check_width(shape: tuple[int, int], name: str, width: int | None) -> None:
    if shape[1] > _MOST_COLUMNS:
        raise ArgumentError(f"{name} must have at most {_MOST_COLUMNS:,} features, not {shape[1]:,}")
    if width is not None and shape[1] != width:
        raise ArgumentError(f"{name} has {shape[1]} features in each row, but the model was built for {width}")


def refuse_non_finite(rows: SparseRows, original: SparseRows, name: str) -> None:
    """Refuse NaN and infinities in rows that were made from ``original``."""
    inside = slice(int(rows.starts[0]), int(rows.starts[-1]))
    bad = np.flatnonzero(~np.isfinite(rows.values[inside]))
    if len(bad) == 0:
        return
    place = inside.start + int(bad[0])
    row, came = int(np.searchsorted(rows.starts, place, "right")) - 1, original.values[place]
    remedy = "remove or impute such rows first"
    if np.isfinite(came):
        remedy = f"that is too large for {rows.dtype}; scale the column, or use dtype='float64'"
    raise ArgumentError(f"{name} must be finite, but {name}[{row}, {rows.column_numbers[place]}] is {came}: {remedy}")
