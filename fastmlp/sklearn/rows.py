"""The rows of an epoch in scikit-learn's order, and sparse rows as dense blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .._base.types import Array, Integers

_BLOCK_NUMBERS = 2**21  # the most numbers in a dense block of sparse rows: 16 MB of float64


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


class DenseBlocks:
    """Sparse rows and their targets as the chunks that `fastmlp.Sequential.fit` takes, with whole batches in each."""

    def __init__(self, rows: Rows, batch_size: int, order: Order) -> None:
        self._source, self._order = Rows(rows.x.tocsr(), rows.y, rows.weights), order
        self._rows = batch_size * max(1, _BLOCK_NUMBERS // (batch_size * max(1, rows.x.shape[1])))

    def epoch(self, number: int, *, shuffle: bool, seed: int) -> Iterator[tuple[Any, ...]]:
        """All rows once."""
        order = self._order(number)
        for start in range(0, len(order), self._rows):
            rows = self._source.at(order[start : start + self._rows])
            yield (rows.x.toarray(), rows.y) if rows.weights is None else (rows.x.toarray(), rows.y, rows.weights)


def in_blocks(x: Any) -> Iterator[Array]:
    """Dense rows as they are, sparse rows block by block."""
    if not issparse(x):
        yield x
        return
    x, rows = x.tocsr(), max(1, _BLOCK_NUMBERS // max(1, x.shape[1]))
    for start in range(0, x.shape[0], rows):
        yield x[start : start + rows].toarray()
