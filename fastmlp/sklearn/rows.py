"""The rows that an estimator trains on, and their order in scikit-learn's way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .._base.types import Array, Integers


@dataclass
class Rows:
    """Features, targets as the network reads them, and weights of rows."""

    x: Any
    y: Array
    weights: Array | None = None

    @property
    def count(self) -> int:
        return int(self.x.shape[0])

    @property
    def weight(self) -> float:
        return float(self.count if self.weights is None else self.weights.sum())

    def named(self, labels: Array | None) -> Rows:
        """The same rows, whose class numbers are replaced by the labels of the network, if it has any."""
        if labels is None:
            return self
        codes = self.y if self.y.ndim == 1 else (self.y[:, 0] > 0.5).astype(np.int64)  # of two classes in a column
        return Rows(self.x, labels[codes], self.weights)

    def at(self, places: Array) -> Rows:
        return Rows(self.x[places], self.y[places], None if self.weights is None else self.weights[places])


class Order:
    """The order of rows in each epoch: that of scikit-learn, which shuffles the last order again."""

    def __init__(self, rows: int, *, shuffle: bool, random_state: np.random.RandomState) -> None:
        self._order, self._shuffle, self._random_state = np.arange(rows, dtype=np.int64), shuffle, random_state

    def __call__(self, epoch: int) -> Integers:
        if self._shuffle:
            self._order = self._order.copy()  # the last one may still be in use
            self._random_state.shuffle(self._order)
        return self._order


def by_rows(x: Any) -> Any:
    """Features whose rows can be chosen: sparse ones in the format CSR."""
    return x.tocsr() if issparse(x) else x
