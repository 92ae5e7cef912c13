"""The area under the ROC curve: how well scores rank rows."""

from typing import Any

import numpy as np

from .._base import check
from .._base.types import Array
from . import inputs

CURVES = ("PR", "ROC")


def auc(targets: Any, outputs: Any, *, multi_label: bool = False, curve: str = "ROC") -> float:
    """Area under the ROC curve: how often a row of a class has a higher score than a row of another class.

    Equal scores count as half. With ``curve="PR"`` it is `average_precision`, the area under the curve of precision
    over recall. With more than two classes, it is the mean over the classes, each against all others.
    With ``multi_label`` it is the mean over the labels.

    Parameters
    ----------
    targets : array_like, shape (rows,) or (rows, units)
        Class numbers, one-hot rows or soft rows; with ``multi_label``, 0 or 1 for each label.
    outputs : array_like, shape (rows,) or (rows, units)
        One column with scores for class 1, of any range; or class probabilities, whose rows have the sum 1; with
        ``multi_label``, scores for each label.
    multi_label : bool, default False
        Whether a row may have any number of labels, each with a column of its own.
    curve : {"ROC", "PR"}, default "ROC"

    Returns
    -------
    float
        The mean leaves out classes and labels that all rows have, or none, because they rank nothing. If no others
        remain, the result is NaN.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    >>> metrics.auc([0, 1, 2], [[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.1, 0.2, 0.7]])
    1.0
    """
    area = _precision if check.choice(curve, "curve", CURVES) == "PR" else _area
    on_top, scores = inputs.score_columns(targets, outputs, multi_label=multi_label)
    areas = [area(scores[top, i], scores[~top, i]) for i, top in enumerate(on_top.T) if top.any() and not top.all()]
    return float(np.mean(areas)) if areas else float("nan")


def average_precision(targets: Any, outputs: Any, *, multi_label: bool = False) -> float:
    """Area under the curve of precision over recall, as a sum of steps: Σ (recallₖ − recallₖ₋₁) precisionₖ.

    Rows are taken by falling score, those of equal scores at once. With more than two classes, it is the mean over the
    classes, each against all others. Parameters, errors and left-out classes are those of `auc`.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.8333333333333333
    """
    return auc(targets, outputs, multi_label=multi_label, curve="PR")


def _precision(upper: Array, lower: Array) -> float:
    """The mean over the rows of ``upper`` of the precision among the rows with at least their score."""
    ascending, others = np.sort(upper), np.sort(lower)
    hits = len(upper) - np.searchsorted(ascending, upper, "left")
    misses = len(lower) - np.searchsorted(others, upper, "left")
    return float(np.mean(hits / (hits + misses)))


def _area(upper: Array, lower: Array) -> float:
    """The share of pairs in which ``upper`` is larger, from the statistic U of Mann and Whitney."""
    upper, lower = np.sort(upper), np.sort(lower)
    smaller = np.searchsorted(lower, upper, "left").sum()
    not_larger = np.searchsorted(lower, upper, "right").sum()
    return int(smaller + not_larger) / (2 * len(upper) * len(lower))
