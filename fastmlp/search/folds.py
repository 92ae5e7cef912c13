"""Divides rows into the folds of a cross-validation."""

from typing import Any

import numpy as np

from .._base import check
from .._base.classes import class_numbers, to_stratify_by
from .._base.errors import ArgumentError
from .._base.types import Integers

__all__ = ["class_numbers", "fold_numbers"]


def fold_numbers(
    y: Any, folds: int | None, *, stratify: bool | None = None, groups: Any = None, seed: int = 0
) -> Integers:
    """The number of the fold that tests each row; the arguments are those of `fastmlp.cross_validate`.

    Raises ArgumentError if there are fewer rows or groups than folds, or ``stratify`` is impossible.

    >>> import numpy as np
    >>> numbers = fold_numbers(np.array([0, 0, 0, 1, 1, 1]), 3)
    >>> sorted(numbers[:3].tolist()), sorted(numbers[3:].tolist())
    ([0, 1, 2], [0, 1, 2])
    """
    if stratify is not None:
        check.yes_or_no(stratify, "stratify")
    random = np.random.Generator(np.random.Philox(seed))
    if groups is not None:
        if stratify is not None and check.yes_or_no(stratify, "stratify"):
            raise ArgumentError("give groups or stratify=True, not both: a group goes into one fold as a whole")
        return _by_group(groups, len(y), folds, random)
    if folds is None:
        raise ArgumentError("folds must be a whole number; None is for groups, and leaves each of them out once")
    _check_folds(folds, len(y), "rows")
    order = random.permutation(len(y))
    classes = to_stratify_by(y, "y", stratify)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    # Rows are dealt like cards, class after class, so the folds differ by at most one row in each class and in all.
    numbers = np.empty(len(y), np.int64)
    numbers[order] = np.arange(len(y)) % folds
    return numbers


def _check_folds(folds: int, most: int, what: str) -> None:
    check.whole_number(folds, "folds", minimum=2)
    if folds > most:
        raise ArgumentError(f"folds must be at most {most}, because there are {most} {what}, not {folds}")


def _by_group(groups: Any, rows: int, folds: int | None, random: np.random.Generator) -> Integers:
    """Assign whole groups, the largest first, to the fold with the fewest rows."""
    given = np.asarray(groups)
    if given.shape != (rows,):
        raise ArgumentError(f"groups must have one entry for each of the {rows} rows, not the shape {given.shape}")
    names, numbers, counts = np.unique(given, return_inverse=True, return_counts=True)
    if folds is None:
        folds = len(names)
    _check_folds(folds, len(names), "groups")
    shuffled = random.permutation(len(names))
    sizes = np.zeros(folds, np.int64)
    fold_of_group = np.empty(len(names), np.int64)
    for group in shuffled[np.argsort(-counts[shuffled], kind="stable")]:
        fold_of_group[group] = sizes.argmin()
        sizes[fold_of_group[group]] += counts[group]
    return fold_of_group[numbers]
