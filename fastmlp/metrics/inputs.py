"""Reads targets and outputs in all their forms.

There is one reader for each kind of metric: `decisions`, `class_scores`, `labels`, `score_columns` and `values`. They
refuse all that a metric cannot use.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._base import check
from .._base.errors import ArgumentError
from .._base.types import Array, Integers
from .labels import MOST_CLASSES, Labels, numbered

_OTHER_OUTPUTS = "; class numbers need an integer dtype, and logits a sigmoid first"


class Decisions(NamedTuple):
    """The true and the chosen class of each row."""

    truth: Integers
    chosen: Integers
    classes: int
    may_be_more: bool = False  # whether there may be more classes than the numbers show; columns show all
    labels: Labels | None = None  # of the classes, unless they are numbers

    def with_classes(self, classes: int, name: str) -> Decisions:
        """The same rows among this many classes; ``name`` is the argument with that number."""
        if classes != self.classes and not (self.may_be_more and classes > self.classes):
            least = "at least " if self.may_be_more else ""
            raise ArgumentError(
                f"{name} must be {least}{self.classes}, not {classes}: targets and outputs have {self.classes} classes"
            )
        return self._replace(classes=classes)

    def of_two(self) -> Decisions:
        """The two class numbers that occur, such as 1 and 2, as classes 0 and 1."""
        there = np.unique(np.concatenate([self.truth, self.chosen]))
        if not self.may_be_more or self.classes == 2 or len(there) != 2:
            return self
        return Decisions(np.searchsorted(there, self.truth), np.searchsorted(there, self.chosen), 2)


def decisions(targets: Any, outputs: Any, given: Any = None) -> Decisions:
    """The true and the chosen class of each row; ``given`` are names or labels of the classes. See `numbered`."""
    *pair, labels = numbered(targets, outputs, given)
    found = _decided(*pair)
    if labels is None:
        return found
    return found.with_classes(len(labels), "the number of labels")._replace(labels=labels, may_be_more=False)


def _decided(targets: Any, outputs: Any) -> Decisions:
    target, output = _pair(targets, outputs)
    if output.shape[1] > 1:
        truth = _classes_of(target, output.shape[1])
        return Decisions(truth, output.argmax(axis=1), output.shape[1])
    if output.dtype.kind in "iub":
        return _between_class_numbers(target, output)
    _refuse_beyond_0_to_1(output, "outputs", "the probability of class 1", _OTHER_OUTPUTS)
    return Decisions(_class_of_two(target), (output[:, 0] > 0.5).astype(np.int64), 2)


def are_of_class_1(outputs: Any) -> bool:
    """Whether outputs are one column of real numbers: the probability of class 1."""
    array = check.numbers_if_any(outputs)
    return array is not None and array.dtype.kind == "f" and (array.ndim == 1 or array.shape[1:] == (1,))


def class_scores(targets: Any, outputs: Any) -> tuple[Integers, Array]:
    """The true class of each row, and outputs (rows, units) with a score for each class."""
    target, output = _pair(targets, outputs)
    if output.shape[1] == 1:
        raise ArgumentError("outputs must have a column for each class, shape (rows, units), not one column alone")
    return _classes_of(target, output.shape[1]), output


def class_shares(targets: Any, outputs: Any) -> tuple[Integers, Array]:
    """The true class of each row, and a probability for each class in float64, two for one column."""
    *pair, _ = numbered(targets, outputs)
    target, output = _pair(*pair)
    output = output.astype(np.float64)
    if output.shape[1] == 1:
        _refuse_beyond_0_to_1(output, "outputs", "the probability of class 1", _OTHER_OUTPUTS)
        return _class_of_two(target), np.hstack([1 - output, output])
    _refuse_no_shares(output)
    return _classes_of(target, output.shape[1]), output


def two_classes(targets: Any, outputs: Any) -> tuple[Array, Array]:
    """Whether each row is of class 1, and the probability of that, in the dtype of the outputs."""
    *pair, _ = numbered(targets, outputs)
    target, output = _pair(*pair)
    if output.shape[1] > 2:
        raise ArgumentError(
            f"outputs must be the probability of class 1, or of two classes, not {output.shape[1]} columns: a "
            "threshold tells two answers apart"
        )
    if output.shape[1] == 2:
        _refuse_no_shares(output)
    _refuse_beyond_0_to_1(output, "outputs", "the probability of class 1", _OTHER_OUTPUTS)
    scores = output[:, -1] if output.dtype.kind == "f" else output[:, -1].astype(np.float64)
    return _class_of_two(target) == 1, scores


def weights(sample_weight: Any, rows: int) -> Array:
    """The weight of each row in float64; 1 by default."""
    if sample_weight is None:
        return np.ones(rows)
    found = np.asarray(check.numbers(sample_weight, "sample_weight"), np.float64)
    if found.shape != (rows,) or not (np.isfinite(found).all() and (found >= 0).all()):
        raise ArgumentError(f"sample_weight must be {rows} finite numbers, one for each row, at least 0")
    return found


def labels(targets: Any, outputs: Any, threshold: float = 0.5) -> tuple[Array, Array]:
    """Whether each label is true, and whether it is chosen: booleans (rows, units)."""
    if 0 < threshold < 1:  # otherwise whole numbers are logits
        targets, outputs, named = numbered(targets, outputs, most=2)
        if named is not None and len(named) > 2:
            raise ArgumentError(f"targets and outputs must hold two labels, for no and yes, not {check.some(named)}")
    target, output = _pair(targets, outputs)
    truth = _labels_of(target, output.shape[1])
    if 0 < threshold < 1:
        remedy = "; for logits use the threshold 0"
        _refuse_beyond_0_to_1(output, "outputs", f"probabilities, as the threshold is {threshold}", remedy)
    return truth, np.asarray(output, np.float64) > threshold


def score_columns(targets: Any, outputs: Any, *, multi_label: bool) -> tuple[Array, Array]:
    """Columns that each rank the rows: booleans, true for rows that belong on top, and scores."""
    target, output = _pair(targets, outputs)
    columns = output.shape[1]
    if check.yes_or_no(multi_label, "multi_label"):
        return _labels_of(target, columns), output
    if columns == 1:
        return _class_of_two(target)[:, None] == 1, output
    _refuse_no_shares(output)
    first = 1 if columns == 2 else 0  # the first of two columns mirrors the second
    return _classes_of(target, columns)[:, None] == np.arange(first, columns), output[:, first:]


def values(targets: Any, outputs: Any) -> tuple[Array, Array]:
    """Real targets and outputs, both float64 (rows, units)."""
    target, output = _pair(targets, outputs, np.dtype(np.float64))
    _check_columns(target, output.shape[1])
    return target, output


# ---------------------------------------------------------------- arrays


def _pair(targets: Any, outputs: Any, dtype: np.dtype[Any] | None = None) -> tuple[Array, Array]:
    target, output = _matrix(targets, "targets", dtype), _matrix(outputs, "outputs", dtype)
    if len(target) != len(output):
        raise ArgumentError(f"targets has {len(target)} rows, but outputs has {len(output)}: they must match")
    return target, output


def _matrix(value: Any, name: str, dtype: np.dtype[Any] | None) -> Array:
    """Finite numbers (rows, columns), in ``dtype`` or their own type."""
    array = check.numbers(value, name)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ArgumentError(
            f"{name} must have the shape (rows,) or (rows, units), with at least one row, not {array.shape}"
        )
    with np.errstate(over="ignore"):
        converted = array if dtype is None else np.asarray(array, dtype)
    if converted.dtype.kind == "f":
        wrong = ~np.isfinite(converted)
        if wrong.any():
            raise ArgumentError(f"{name} must be finite, but {_first(array, name, wrong)}")
    return converted.reshape(len(converted), -1)


def _first(array: Array, name: str, wrong: Array) -> str:
    """The first wrong place and its value, for a message; with one column, only the row."""
    place = np.argwhere(wrong)[0].tolist()
    shown = place[:1] if array.ndim == 1 or array.shape[1] == 1 else place
    return f"{name}[{', '.join(map(str, shown))}] is {array[tuple(place)]}"


def _check_columns(target: Array, columns: int) -> None:
    if target.shape[1] != columns:
        raise ArgumentError(
            f"targets has {_counted(target.shape[1])}, but outputs has {_counted(columns)}: they must match"
        )


def _counted(columns: int) -> str:
    return f"{columns} column{'' if columns == 1 else 's'}"


def _refuse_beyond_0_to_1(array: Array, name: str, what: str, remedy: str = "") -> None:
    wrong = (array < 0) | (array > 1)
    if wrong.any():
        raise ArgumentError(f"{name} must be from 0 to 1, {what}, but {_first(array, name, wrong)}{remedy}")


def _refuse_no_shares(output: Array) -> None:
    if not _sum_to_1(output):
        raise ArgumentError(
            "outputs must hold rows of class probabilities, numbers of at least 0 with the sum 1, so that scores can "
            "be compared between rows: apply a softmax first; for columns of independent labels use multi_label=True"
        )


def _sum_to_1(rows: Array) -> bool:
    with np.errstate(over="ignore"):
        return bool((rows >= 0).all() and abs(rows.sum(axis=1, dtype=np.float64) - 1).max() <= 1e-3)


# ---------------------------------------------------------------- classes


def _classes_of(target: Array, classes: int) -> Integers:
    """Class numbers, from class numbers or rows with a number for each class."""
    if target.shape[1] == 1:
        return _class_numbers(target, "targets", classes, f", because outputs has {classes} columns")
    _check_columns(target, classes)
    return _largest(target)


def _class_of_two(target: Array) -> Integers:
    """Classes 0 and 1, from class numbers, soft targets for class 1, or rows of two."""
    why = "because outputs has one column, the probability of class 1"
    if target.shape[1] > 2:
        raise ArgumentError(f"targets must be class numbers 0 and 1, {why}, not {target.shape[1]} columns")
    if target.shape[1] == 2:
        return _largest(target)
    _refuse_beyond_0_to_1(target, "targets", why)
    return (target[:, 0] > 0.5).astype(np.int64)


def _labels_of(target: Array, columns: int) -> Array:
    _check_columns(target, columns)
    _refuse_beyond_0_to_1(target, "targets", "for each label")
    truth: Array = target.astype(np.float64) > 0.5
    return truth


def _largest(target: Array) -> Integers:
    if not _sum_to_1(target):
        raise ArgumentError(
            "targets must hold class numbers, or rows of class probabilities: numbers of at least 0 with the sum 1; "
            "where a row may have several labels, use multi_label=True, or binary_accuracy"
        )
    largest: Integers = target.argmax(axis=1)
    return largest


def _between_class_numbers(target: Array, output: Array) -> Decisions:
    """Decisions from outputs that are class numbers."""
    columns = target.shape[1]
    if columns > 1:
        chosen = _class_numbers(output, "outputs", columns, f", because targets has {columns} columns")
        return Decisions(_largest(target), chosen, columns)
    truth = _class_numbers(target, "targets", MOST_CLASSES)
    chosen = _class_numbers(output, "outputs", MOST_CLASSES)
    return Decisions(truth, chosen, max(2, 1 + int(truth.max()), 1 + int(chosen.max())), may_be_more=True)


def _class_numbers(column: Array, name: str, classes: int, why: str = "") -> Integers:
    wrong = (column < 0) | (column >= classes) | (column != np.floor(column))
    if wrong.any():
        remedy = "; number them with np.unique(labels, return_inverse=True)[1]" if classes == MOST_CLASSES else ""
        raise ArgumentError(
            f"{name} must hold class numbers from 0 to {classes - 1}{why}, but {_first(column, name, wrong)}{remedy}"
        )
    return column[:, 0].astype(np.int64)
