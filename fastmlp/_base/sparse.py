"""Rows of features without most of their zeros, as kernels read them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from .types import Array, Integers


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Row r has the numbers ``values[starts[r]:starts[r + 1]]`` in these columns, in rising order, and 0 elsewhere.

    Parts of the rows share ``columns`` and ``values``.
    """

    starts: Integers  # int64, shape (rows + 1,)
    columns: Integers  # int32, shape (pairs,)
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

    def part(self, start: int, stop: int) -> SparseRows:
        """Rows start to stop, without copying."""
        return dataclasses.replace(self, starts=self.starts[start : stop + 1])

    def dense(self) -> Array:
        """The rows with their zeros."""
        rows = np.zeros(self.shape, self.dtype)
        inside = slice(int(self.starts[0]), int(self.starts[-1]))
        rows[np.repeat(np.arange(len(self)), np.diff(self.starts)), self.columns[inside]] = self.values[inside]
        return rows


def no_rows(width: int, dtype: np.dtype[Any]) -> SparseRows:
    """No rows, not even an end of them, as data has that is not sparse."""
    return SparseRows(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, dtype), width)
