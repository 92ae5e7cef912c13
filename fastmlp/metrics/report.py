"""Precision, recall and F1 of every class in one table."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from .._base import check, notebook
from .._base.errors import ArgumentError
from . import counts, inputs
from .thresholds import USUAL

MEANS = ("macro mean", "weighted mean")
_MOST_CLASSES = 20  # in the table that a prompt shows


class Scores(NamedTuple):
    """Precision, recall and F1, each averaged over the classes."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, repr=False)
class ClassificationReport:
    """Precision, recall, F1 and rows of each class, and their means; printed as a table.

    Attributes
    ----------
    names : tuple of str
        The classes.
    precision, recall, f1 : tuple of float
        A number for each class; 0 if the class has no rows, or was never chosen.
    support : tuple of int
        Rows of each class.
    accuracy : float
        The share of right rows, or of right labels if rows have several labels.
    macro, weighted : Scores
        The means over the classes, as `precision` explains them: ``report.macro.f1``.
    share : tuple of float
        The share of the rows that each class has.
    thresholds : tuple of float or None
        Above which probabilities were chosen; None if it was the largest of several, or is not known.
    log_loss, calibration_error : float or None
        In the report of a model whose outputs are probabilities.
    about : tuple of str
        What else the model says of its thresholds and its temperature.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> report = metrics.classification_report([0, 0, 1, 1, 1], [0, 1, 1, 1, 1], names=["cat", "dog"])
    >>> report.recall
    (0.5, 1.0)
    >>> print(report)
                   precision   recall       f1  support
    cat               1.0000   0.5000   0.6667        2
    dog               0.7500   1.0000   0.8571        3
    <BLANKLINE>
    accuracy                            0.8000        5
    macro mean        0.8750   0.7500   0.7619        5
    weighted mean     0.8500   0.8000   0.7810        5
    """

    names: tuple[str, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    support: tuple[int, ...]
    accuracy: float
    macro: Scores
    weighted: Scores
    thresholds: tuple[float, ...] | None = None
    log_loss: float | None = None
    calibration_error: float | None = None
    about: tuple[str, ...] = ()

    @property
    def share(self) -> tuple[float, ...]:
        """The share of the rows that each class has."""
        total = max(1, sum(self.support))
        return tuple(rows / total for rows in self.support)

    def _notes(self) -> list[str]:
        """What stands below the table."""
        notes = []
        if self.log_loss is not None and self.calibration_error is not None:
            notes.append(f"log loss {self.log_loss:.4f}, calibration error {self.calibration_error:.4f}")
        if self.thresholds is not None and not any(line.startswith("threshold") for line in self.about):
            numbers = ", ".join(f"{value:.4g}" for value in self.thresholds[:8])
            notes.append(f"threshold{'s' * (len(self.thresholds) > 1)}: {numbers}" + ", …" * (len(self.thresholds) > 8))
        return [*notes, *self.about]

    def __str__(self) -> str:
        width = max(map(len, (*self.names, *MEANS)))
        total = sum(self.support)
        head = f"{'':{width}}  {'precision':>9}{'recall':>9}{'f1':>9}{'support':>9}"
        columns = zip(self.names, self.precision, self.recall, self.f1, self.support, strict=True)
        lines = [_line(name, width, scores, support) for name, *scores, support in columns]
        accuracy = f"{'accuracy':{width}}  {'':18}{self.accuracy:9.4f}{total:9d}"
        means = [
            _line(name, width, scores, total) for name, scores in zip(MEANS, (self.macro, self.weighted), strict=True)
        ]
        notes = self._notes()
        return "\n".join([head, *lines, "", accuracy, *means, *([""] * bool(notes)), *notes])

    def __repr__(self) -> str:
        if len(self.names) <= _MOST_CLASSES:
            return str(self)
        f1, accuracy = f"macro f1 {self.macro.f1:.4f}", f"accuracy {self.accuracy:.4f}"
        return f"<ClassificationReport of {len(self.names)} classes, {accuracy}, {f1}; print(report) shows them>"

    def _repr_html_(self) -> str:
        total = str(sum(self.support))
        columns = zip(self.names, self.precision, self.recall, self.f1, self.support, strict=True)
        rows = [(name, *(f"{score:.4f}" for score in scores), f"{support}") for name, *scores, support in columns]
        accuracy = ("accuracy", "", "", f"{self.accuracy:.4f}", total)
        means = [
            (name, *(f"{score:.4f}" for score in scores), total)
            for name, scores in zip(MEANS, (self.macro, self.weighted), strict=True)
        ]
        table = notebook.table([("", "precision", "recall", "f1", "support"), *rows, accuracy, *means])
        notes = self._notes()
        return f"<div>{table}{notebook.paragraphs(notes)}</div>" if notes else table


def _line(name: str, width: int, scores: Iterable[float], support: int) -> str:
    return f"{name:{width}}  {''.join(f'{score:9.4f}' for score in scores)}{support:9d}"


def classification_report(
    targets: Any,
    outputs: Any,
    names: Iterable[Any] | None = None,
    *,
    multi_label: bool = False,
    threshold: float | None = None,
) -> ClassificationReport:
    """Precision, recall and F1 of every class.

    Parameters
    ----------
    targets, outputs : array_like
        As for `accuracy`; with ``multi_label``, as for `binary_accuracy` with its threshold of 0.5.
    names : list of str, optional
        A name for each class or label; default: their numbers. If targets and outputs hold labels of your own, the
        labels in the order of the table, such as ``model.classes``; default: those that occur, sorted.
    multi_label : bool, default False
        Whether a row may have any number of labels, each with a column of its own.
    threshold : float, optional
        Above which probability class 1 of two classes, or a label, is chosen; default: 0.5.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.classification_report([0, 1, 1], [0.1, 0.8, 0.3], threshold=0.2).accuracy
    1.0
    >>> metrics.classification_report([0, 1, 1], [0.1, 0.8, 0.3]).macro
    Scores(precision=0.75, recall=0.75, f1=0.6666666666666666)
    """
    given = None if names is None else check.items(names, "names", "class names")
    named = None if given is None else [str(name) for name in given]
    limit = USUAL if threshold is None else check.real_number(threshold, "threshold", above=0, below=1)
    if threshold is not None and not multi_label:
        is_one, scores = inputs.two_classes(targets, outputs)
        targets, outputs = is_one.astype(np.int64), (scores > limit).astype(np.int64)
    if check.yes_or_no(multi_label, "multi_label"):
        truth, chosen = inputs.labels(targets, outputs, limit)
        found, accuracy = counts.of_labels(truth, chosen), float(np.mean(truth == chosen))
    else:
        decisions = inputs.decisions(targets, outputs, given)
        if named is None and decisions.labels is not None:
            named = [str(label) for label in decisions.labels]
        if named is not None:
            decisions = decisions.with_classes(len(named), "the number of names")
        found, accuracy = counts.of_classes(decisions), float(np.mean(decisions.truth == decisions.chosen))
    names = [str(number) for number in range(len(found.hits))] if named is None else named
    if len(names) != len(found.hits):
        raise ArgumentError(f"the number of names must be {len(found.hits)}, one for each label, not {len(names)}")
    made = _report(names, found, accuracy)
    return made if threshold is None else replace(made, thresholds=(limit,))


def _report(names: list[str], found: counts.Counts, accuracy: float) -> ClassificationReport:
    precision, recall, f1 = (tuple(counts.ratio(*found.fraction(name)).tolist()) for name in counts.SCORES)
    macro, weighted = (
        Scores(*(counts.averaged(found, name, average) for name in counts.SCORES)) for average in ("macro", "weighted")
    )
    rows = tuple(found.support.tolist())
    return ClassificationReport(tuple(names), precision, recall, f1, rows, accuracy, macro, weighted)
