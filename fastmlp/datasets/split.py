"""Split rows into a training and a test part."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._errors import ArgumentError

Part = tuple[NDArray[Any], NDArray[Any]]


def train_test_split(
    x: ArrayLike, y: ArrayLike, test_fraction: float = 0.2, *, seed: int = 0, stratify: bool = True
) -> tuple[Part, Part]:
    """Split the rows of ``x`` and ``y`` at random, each class in proportion.

    Parameters
    ----------
    x : array_like, shape (n, …)
    y : array_like, shape (n, …)
    test_fraction : float
        Share of the rows in the test part, above 0 and below 1. Both parts get at least one row.
    seed : int
        The same seed gives the same split.
    stratify : bool
        Split each class in proportion, when ``y`` is one-dimensional and holds whole numbers, booleans or
        strings; other ``y`` (floating point, one-hot) are split at random. Every class keeps a row in the
        training part; where both cannot be had, the test part is then smaller than asked for.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        Copies, in shuffled order, in the dtypes of ``x`` and ``y``.

    Raises
    ------
    ArgumentError
        If the lengths differ, there are fewer than two rows, ``test_fraction`` or ``seed`` is out of range,
        or every class has one row only, so that none can be spared for a stratified test part.

    Examples
    --------
    >>> (x, y), (x_test, y_test) = train_test_split([[0], [1], [2], [3]], [0, 0, 1, 1], 0.5)
    >>> sorted(y.tolist()), sorted(y_test.tolist())
    ([0, 1], [0, 1])
    """
    rows, labels = np.asarray(x), np.asarray(y)
    n = _n_rows(rows, labels)
    if not 0 < test_fraction < 1:
        raise ArgumentError(f"train_test_split: test_fraction must be above 0 and below 1, got {test_fraction!r}")
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ArgumentError(f"train_test_split: seed must be an integer of 0 or more, got {seed!r}")
    order = np.random.Generator(np.random.Philox(int(seed))).permutation(n)
    n_test = min(max(round(n * test_fraction), 1), n - 1)
    if stratify and labels.ndim == 1 and labels.dtype.kind in "biuSU":
        is_test = _stratified(labels[order], n_test)
    else:
        is_test = np.arange(n) < n_test
    train, test = order[~is_test], order[is_test]
    return (rows[train], labels[train]), (rows[test], labels[test])


def _n_rows(rows: NDArray[Any], labels: NDArray[Any]) -> int:
    if rows.ndim == 0 or labels.ndim == 0 or len(rows) != len(labels):
        raise ArgumentError(
            f"train_test_split: x and y must have equally many rows, got the shapes {rows.shape} and {labels.shape}"
        )
    if len(rows) < 2:
        raise ArgumentError(f"train_test_split: x must have at least 2 rows to split, got {len(rows)}")
    return len(rows)


def _stratified(labels: NDArray[Any], n_test: int) -> NDArray[np.bool_]:
    """Which of the (already shuffled) rows go to the test part: of every class the first few."""
    classes, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = _test_counts(counts, n_test)
    if wanted.sum() == 0:
        raise ArgumentError(
            f"train_test_split: y must have a class of 2 rows or more to stratify, got {len(classes)} "
            "classes of 1 row each; pass stratify=False"
        )
    by_class = np.argsort(numbers, kind="stable")
    first = np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.empty(len(labels), dtype=np.intp)
    rank[by_class] = np.arange(len(labels)) - first
    chosen: NDArray[np.bool_] = rank < wanted[numbers]
    return chosen


def _test_counts(counts: NDArray[np.intp], n_test: int) -> NDArray[np.intp]:
    """Test rows per class: in proportion, ``n_test`` in all if every class can keep one row for training."""
    exact = counts * n_test / counts.sum()
    wanted: NDArray[np.intp] = np.minimum(np.floor(exact).astype(np.intp), counts - 1)
    # The rows that rounding down left over go to the classes that lost most by it.
    while (missing := n_test - wanted.sum()) > 0 and (wanted < counts - 1).any():
        room = np.flatnonzero(wanted < counts - 1)
        lost_most = room[np.argsort(wanted[room] - exact[room], kind="stable")][:missing]
        wanted[lost_most] += 1
    return wanted
