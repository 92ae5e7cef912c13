"""Converts labels of the user's, such as `Sequential.predict_classes` returns, to class numbers."""

from typing import Any

import numpy as np

from .._base import check, classes
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array

MOST_CLASSES = 2**20  # larger numbers are labels: counts for each number below the largest take memory

Labels = tuple[Any, ...]
_NAMES = ("targets", "outputs")


def numbered(
    targets: Any, outputs: Any, given: Any = None, names: tuple[str, str] = _NAMES, most: int = MOST_CLASSES
) -> tuple[Any, Any, Labels | None]:
    """Targets and outputs with labels replaced by class numbers, and the labels; None if there are none.

    ``given`` are the labels or names of the classes in their order. Without them, the labels are those that occur,
    sorted. Whole numbers are labels if they are among the given ones, or cannot be class numbers below ``most``. Raises
    ArgumentError or ArgumentTypeError if a label is not among the given ones, or only one side holds labels.
    """
    sides = [_of_rows(value, name) for value, name in zip((targets, outputs), names, strict=True)]
    if any(side is not None and side.dtype.kind == "U" for side in sides):
        return _numbered_texts(sides, (targets, outputs), given, names)
    if sides[0] is None or (sides[1] is None and given is None):
        return targets, outputs, None
    there = np.unique(np.concatenate([side for side in sides if side is not None]))
    if given is None:
        are_numbers = there.size == 0 or (there[0] >= 0 and there[-1] < most)
        labels = None if are_numbers else there
    else:
        labels = _whole(given)
        if labels is not None and not np.isin(there, labels).all() and 0 <= there[0] <= there[-1] < len(labels):
            labels = None  # class numbers, with these names
    if labels is None:
        return targets, outputs, None
    return (*_found(sides, (targets, outputs), labels, names), tuple(labels.tolist()))


def _numbered_texts(
    sides: list[Array | None], values: tuple[Any, Any], given: Any, names: tuple[str, str]
) -> tuple[Any, Any, Labels]:
    if given is None:
        for side, other, name, other_name in zip(sides, sides[::-1], names, names[::-1], strict=True):
            if (side is None or side.dtype.kind != "U") and other is not None:
                raise ArgumentTypeError(
                    f"{other_name} holds texts, but {name} holds numbers: give labels of one kind for both, as "
                    f"predict_classes(x) does; columns take class numbers, (y[:, None] == model.classes).argmax(axis=1)"
                )
        labels = np.unique(np.concatenate([side for side in sides if side is not None]))
    else:
        labels = _different([str(item) for item in check.items(given, "labels", "labels")], np.str_)
    texts = [side if side is not None and side.dtype.kind == "U" else None for side in sides]
    return (*_found(texts, values, labels, names), tuple(labels.tolist()))


def _of_rows(value: Any, name: str) -> Array | None:
    """One text or whole number for each row; None for anything else."""
    words = check.texts(value, name)
    if words is not None:
        return words
    array = check.numbers_if_any(value)
    if array is None:
        return None
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.size == 0:
        return None
    return array.astype(np.int64) if int(array.max()) < 2**63 else None


def _whole(given: Any) -> Array | None:
    """Labels that are whole numbers; None for names."""
    items = check.items(given, "labels", "labels")
    if not items or not all(isinstance(item, (int, np.integer)) and not isinstance(item, bool) for item in items):
        return None
    return _different([check.whole_number(item, "a label", minimum=-(2**63)) for item in items], np.int64)


def _different(labels: list[Any], kind: type) -> Array:
    if not labels or len(set(labels)) < len(labels):
        raise ArgumentError(f"labels must be different ones, to tell classes apart, not {labels!r:.60}")
    return np.array(labels, kind)


def _found(sides: list[Array | None], values: tuple[Any, Any], labels: Array, names: tuple[str, str]) -> list[Any]:
    """Replace the sides that hold labels by class numbers; others stay."""
    return [
        value if side is None else classes.numbers_among(labels, side, name, "the labels")
        for side, value, name in zip(sides, values, names, strict=True)
    ]
