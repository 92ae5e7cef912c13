"""Splits rows into a training, a validation and a test part."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._base import check
from .._base.classes import to_stratify_by
from .._base.errors import ArgumentError
from .._base.types import Integers

Part = tuple[NDArray[Any], NDArray[Any]]


def train_test_split(
    x: ArrayLike, y: ArrayLike, test_fraction: float = 0.2, *, seed: int = 0, stratify: bool | None = None
) -> tuple[Part, Part]:
    """Split the rows of ``x`` and ``y`` at random, each class in proportion.

    Parameters
    ----------
    x : array_like, shape (n, …)
        The parts of a data frame are arrays of its numbers.
    y : array_like, shape (n, …)
    test_fraction : float
        The share of rows in the test part, above 0 and below 1. Both parts get at least one row.
    seed : int
        The same seed gives the same split.
    stratify : bool, optional
        Whether to split each class in proportion. By default this happens if ``y`` holds class labels: whole numbers,
        booleans or texts, in arrays, lists, data frame columns or a single column, or one-hot rows. Floats that are
        whole count as labels if each occurs twice on average. Other ``y`` are split at random, or refused if this is
        True. Every class keeps a row in the training part, which may make the test part smaller than
        ``test_fraction``.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        Copies, in shuffled order, in the dtypes of ``x`` and ``y``.

    Raises
    ------
    ArgumentError
        If the lengths differ, there are fewer than two rows, ``test_fraction`` or ``seed`` is out of range,
        ``stratify`` is True but ``y`` holds no class labels, or every class has only one row, so that no row is left
        for a stratified test part.

    Examples
    --------
    >>> (x, y), (x_test, y_test) = train_test_split([[0], [1], [2], [3]], [0, 0, 1, 1], 0.5)
    >>> sorted(y.tolist()), sorted(y_test.tolist())
    ([0, 1], [0, 1])
    """
    function = "train_test_split"
    rows, labels = _rows_and_labels(function, x, y, parts=2)
    _check_fraction(function, "test_fraction", test_fraction)
    n = len(rows)
    order = _shuffled(function, n, seed)
    classes = to_stratify_by(y, "y", stratify)
    is_test = _chosen(function, classes, order, min(max(round(n * test_fraction), 1), n - 1))
    train, test = order[~is_test], order[is_test]
    return (rows[train], labels[train]), (rows[test], labels[test])


def train_validation_test_split(
    x: ArrayLike, y: ArrayLike, validation: float = 0.2, test: float = 0.2, stratify: bool | None = None, seed: int = 0
) -> tuple[Part, Part, Part]:
    """Split the rows of ``x`` and ``y`` at random in three, each class in proportion.

    Parameters
    ----------
    x, y : array_like, shape (n, …)
    validation, test : float, default 0.2 each
        Shares of all rows, above 0 and together below 1. Every part gets at least one row.
    stratify : bool, optional
        As in `train_test_split`, first for the test part, then for the validation part.
    seed : int, default 0
        The same seed gives the same split. The test part equals that of `train_test_split` with the same share and
        seed, unless that would leave a single row.

    Returns
    -------
    (x_train, y_train), (x_validation, y_validation), (x_test, y_test)
        Copies, in shuffled order, in the dtypes of ``x`` and ``y``.

    Raises
    ------
    ArgumentError
        If the lengths differ, there are fewer than three rows, a share or ``seed`` is out of range, or no class has a
        row left for a stratified part.

    Examples
    --------
    >>> x, y = np.zeros((50, 2)), np.arange(50) % 2
    >>> [len(part) for part, _ in train_validation_test_split(x, y, validation=0.1, test=0.3)]
    [30, 5, 15]
    """
    function = "train_validation_test_split"
    rows, labels = _rows_and_labels(function, x, y, parts=3)
    _check_fraction(function, "validation", validation)
    _check_fraction(function, "test", test)
    if validation + test >= 1:
        raise ArgumentError(
            f"{function}: validation and test must be less than 1 together, got {validation!r} and {test!r}"
        )
    n = len(rows)
    order = _shuffled(function, n, seed)
    classes = to_stratify_by(y, "y", stratify)
    is_test = _chosen(function, classes, order, min(max(round(n * test), 1), n - 2))
    rest = order[~is_test]
    is_validation = _chosen(function, classes, rest, min(max(round(n * validation), 1), len(rest) - 1))
    parts = rest[~is_validation], rest[is_validation], order[is_test]
    first, second, third = ((rows[part], labels[part]) for part in parts)
    return first, second, third


def held_out(classes: Integers, count: int, seed: int) -> NDArray[np.bool_]:
    """Which rows `Sequential.fit` sets aside with ``stratify=True``: about ``count``, of each class in proportion."""
    order = _shuffled("validation_split", len(classes), seed)
    is_held = np.zeros(len(classes), bool)
    is_held[order[_stratified("validation_split", classes[order], count)]] = True
    return is_held


def _rows_and_labels(function: str, x: ArrayLike, y: ArrayLike, parts: int) -> Part:
    rows, labels = check.array_of(x, "x"), check.array_of(y, "y")
    if rows.ndim == 0 or labels.ndim == 0 or len(rows) != len(labels):
        raise ArgumentError(
            f"{function}: x and y must have equally many rows, got the shapes {rows.shape} and {labels.shape}"
        )
    if len(rows) < parts:
        raise ArgumentError(f"{function}: x must have at least {parts} rows to split, got {len(rows)}")
    return rows, labels


def _check_fraction(function: str, name: str, fraction: float) -> None:
    if not isinstance(fraction, float | int | np.number) or not 0 < fraction < 1:
        raise ArgumentError(f"{function}: {name} must be above 0 and below 1, got {fraction!r}")


def _shuffled(function: str, n: int, seed: int) -> NDArray[np.intp]:
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ArgumentError(f"{function}: seed must be an integer of 0 or more, got {seed!r}")
    order: NDArray[np.intp] = np.random.Generator(np.random.Philox(int(seed))).permutation(n)
    return order


def _chosen(function: str, classes: Integers | None, rows: NDArray[np.intp], count: int) -> NDArray[np.bool_]:
    """Choose about ``count`` of the (already shuffled) rows to set aside, from every class if there are classes."""
    if classes is None:
        return np.arange(len(rows)) < count
    return _stratified(function, classes[rows], count)


def _stratified(function: str, labels: Integers, n_test: int) -> NDArray[np.bool_]:
    """Choose the rows of the test part: the first few of every class."""
    classes, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = _test_counts(counts, n_test)
    if wanted.sum() == 0:
        raise ArgumentError(
            f"{function}: y must have a class of 2 rows or more to stratify, got {len(classes)} "
            "classes of 1 row each; pass stratify=False"
        )
    by_class = np.argsort(numbers, kind="stable")
    first = np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.empty(len(labels), dtype=np.intp)
    rank[by_class] = np.arange(len(labels)) - first
    chosen: NDArray[np.bool_] = rank < wanted[numbers]
    return chosen


def _test_counts(counts: NDArray[np.intp], n_test: int) -> NDArray[np.intp]:
    """Test rows of each class, in proportion: ``n_test`` in all if every class keeps a row for training."""
    exact = counts * n_test / counts.sum()
    wanted: NDArray[np.intp] = np.minimum(np.floor(exact).astype(np.intp), counts - 1)
    # The rows that remain after rounding down go to the classes that lost most by it.
    while (missing := n_test - wanted.sum()) > 0 and (wanted < counts - 1).any():
        room = np.flatnonzero(wanted < counts - 1)
        lost_most = room[np.argsort(wanted[room] - exact[room], kind="stable")][:missing]
        wanted[lost_most] += 1
    return wanted
