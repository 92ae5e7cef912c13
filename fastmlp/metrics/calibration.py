"""How far probabilities can be trusted: whether 80 of 100 rows with a probability of 0.8 are right."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base import check, notebook
from .._base.text_table import aligned
from .._base.types import Array, Integers
from . import inputs

MOST_BINS = 10_000


@dataclass(frozen=True, eq=False, repr=False)
class ReliabilityTable:
    """Rows by the probability of the chosen class, in bins of equal width; printed as a table.

    Attributes
    ----------
    edges : ndarray, shape (bins + 1,)
        From 0 to 1. A bin holds its upper edge.
    rows : ndarray of int64, shape (bins,)
        How many answers each bin holds.
    confidence, accuracy : ndarray, shape (bins,)
        The mean probability of the answers, and the share of them that is right; NaN for an empty bin. Both agree if
        the probabilities are calibrated.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> print(metrics.reliability_table([1, 1, 0, 0, 1], [0.9, 0.8, 0.9, 0.2, 0.95], bins=5))
    probability  rows  confidence  accuracy
    0.6 to 0.8      2      0.8000    1.0000
    0.8 to 1        3      0.9167    0.6667
    """

    edges: Array
    rows: Integers
    confidence: Array
    accuracy: Array

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of both columns, weighted by rows."""
        full = self.rows > 0
        return float(np.average(abs(self.confidence - self.accuracy)[full], weights=self.rows[full]))

    def _table(self) -> list[tuple[str, ...]]:
        lines: list[tuple[str, ...]] = [("probability", "rows", "confidence", "accuracy")]
        for low, high, rows, *means in zip(
            self.edges, self.edges[1:], self.rows, self.confidence, self.accuracy, strict=False
        ):
            if rows:
                lines.append((f"{low:.4g} to {high:.4g}", f"{rows}", *(f"{mean:.4f}" for mean in means)))
        return lines

    def __str__(self) -> str:
        return aligned(self._table())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return notebook.table(self._table())


def reliability_table(targets: Any, outputs: Any, bins: int = 10, *, multi_label: bool = False) -> ReliabilityTable:
    """Compare the probabilities of chosen classes with how often these are right.

    Parameters
    ----------
    targets, outputs : array_like
        As for `accuracy`, with probabilities as outputs; with ``multi_label``, as for `binary_accuracy`: then each
        label is an answer, and counts.
    bins : int, default 10
        The number of bins between 0 and 1. With two answers, those below 0.5 stay empty.
    multi_label : bool, default False
        Whether a row may have any number of labels, each with a column of its own.

    Returns
    -------
    ReliabilityTable

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.reliability_table([0, 1, 1], [[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]], bins=2).confidence
    array([       nan, 0.73333333])
    """
    count = check.whole_number(bins, "bins", minimum=1, maximum=MOST_BINS)
    confidence, is_right = _answers(targets, outputs, multi_label)
    edges = np.arange(count + 1) / count
    places = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, count - 1)
    rows = np.bincount(places, minlength=count)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(places, values, minlength=count) / rows for values in (confidence, is_right)]
    return ReliabilityTable(edges, rows, *means)


def expected_calibration_error(targets: Any, outputs: Any, bins: int = 15, *, multi_label: bool = False) -> float:
    """The mean distance between the probability of the chosen class and how often it is right, in bins.

    It is 0 if of the rows with a probability near 0.8, for example, 80 % are right. See `reliability_table`, whose
    parameters it has; it is that table's ``error``.

    Parameters
    ----------
    targets, outputs : array_like
        As for `reliability_table`.
    bins : int, default 15
        The number of bins between 0 and 1.
    multi_label : bool, default False
        Whether a row may have any number of labels, each with a column of its own.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> round(metrics.expected_calibration_error([1, 1, 0, 1], [0.75, 0.75, 0.75, 0.75]), 12)
    0.0
    """
    return reliability_table(targets, outputs, bins, multi_label=multi_label).error


def _answers(targets: Any, outputs: Any, multi_label: bool) -> tuple[Array, Array]:
    """The probability of each answer that is given, and whether it is right."""
    if check.yes_or_no(multi_label, "multi_label"):
        truth, chosen = inputs.labels(targets, outputs)
        yes = check.numbers(outputs, "outputs").reshape(chosen.shape).astype(np.float64)
        return np.where(chosen, yes, 1 - yes).ravel(), (truth == chosen).ravel().astype(np.float64)
    truth, shares = inputs.class_shares(targets, outputs)
    chosen = shares.argmax(axis=1)
    return shares.max(axis=1), (truth == chosen).astype(np.float64)
