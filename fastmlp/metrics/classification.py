"""Metrics of decisions: the class or the labels that a model chose for each row."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError
from .._base.types import Array, Integers
from . import counts, inputs

_LISTED = ("classes", "labels")
MOST_CONFUSED = 2**14  # classes: the matrix then takes 2 GB


def accuracy(targets: Any, outputs: Any) -> float:
    """The share of rows whose chosen class is the true one.

    Parameters
    ----------
    targets : array_like, shape (rows,) or (rows, units)
        Class numbers, one-hot rows or soft rows. The class of a row is its largest number, or the first of equal ones.
    outputs : array_like, shape (rows, units) or (rows,)
        A column for each class, and the largest is chosen; one column with the probability of class 1, which is chosen
        above 0.5; or class numbers of an integer dtype.

        If targets and outputs both have one label for each row, the labels may be texts or any whole numbers, as
        `Sequential.predict_classes` returns them. Of two labels, the larger is class 1.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.accuracy([0, 2, 1], [[0.9, 0.1, 0.0], [0.2, 0.2, 0.6], [0.5, 0.3, 0.2]])
    0.6666666666666666
    >>> metrics.accuracy([0, 1, 1, 1], [0.2, 0.9, 0.6, 0.1])
    0.75
    """
    found = inputs.decisions(targets, outputs)
    return float(np.mean(found.truth == found.chosen))


def top_k_accuracy(targets: Any, outputs: Any, k: int = 5) -> float:
    """Share of the rows whose true class is among the ``k`` largest outputs.

    Parameters
    ----------
    targets : array_like, shape (rows,) or (rows, units)
        As for `accuracy`.
    outputs : array_like, shape (rows, units)
        A number for each class. Of equal numbers, those of lower classes count as larger, as for `accuracy`.
    k : int, default 5
        From 1 to the number of classes.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.top_k_accuracy([2, 1], [[0.5, 0.1, 0.4], [0.5, 0.2, 0.3]], k=2)
    0.5
    """
    truth, scores = inputs.class_scores(targets, outputs)
    k = check.whole_number(k, "k", minimum=1, maximum=scores.shape[1])
    true_score = np.take_along_axis(scores, truth[:, None], axis=1)
    is_lower = np.arange(scores.shape[1]) < truth[:, None]
    before = (scores > true_score) | ((scores == true_score) & is_lower)
    return float(np.mean(before.sum(axis=1) < k))


def binary_accuracy(targets: Any, outputs: Any, threshold: float = 0.5) -> float:
    """The share of right labels: true and chosen, or neither.

    Parameters
    ----------
    targets : array_like, shape (rows,) or (rows, units)
        0 or 1 for each label; soft targets above 0.5 count as 1.
    outputs : array_like, of the same shape
        A probability for each label; those above the threshold are chosen.
    threshold : float, default 0.5
        Between 0 and 1 for probabilities. With another threshold, such as 0 for logits, outputs may be any numbers.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.binary_accuracy([[1, 0, 1], [0, 0, 1]], [[0.8, 0.3, 0.4], [0.1, 0.2, 0.7]])
    0.8333333333333334
    >>> metrics.binary_accuracy([1, 0], [2.5, -3.1], threshold=0)
    1.0
    """
    truth, chosen = inputs.labels(targets, outputs, check.real_number(threshold, "threshold"))
    return float(np.mean(truth == chosen))


def true_positives(targets: Any, outputs: Any, threshold: float = 0.5) -> int:
    """How many labels are true and chosen, over all rows and columns.

    Class numbers as targets of several columns are not read here; `Sequential` converts them to one-hot rows. With
    softmax outputs, a class is chosen if its probability is above the threshold, as in Keras.

    Parameters
    ----------
    targets : array_like, shape (rows,) or (rows, units)
        As for `binary_accuracy`.
    outputs : array_like, of the same shape
        A probability for each label; those above the threshold are chosen.
    threshold : float, default 0.5
        Between 0 and 1.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.true_positives([1, 1, 0, 0], [0.9, 0.2, 0.8, 0.1])
    1
    """
    truth, chosen = _labels(targets, outputs, threshold)
    return int((truth & chosen).sum())


def true_negatives(targets: Any, outputs: Any, threshold: float = 0.5) -> int:
    """How many labels are neither true nor chosen. Parameters and errors are those of `true_positives`.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.true_negatives([1, 1, 0, 0], [0.9, 0.2, 0.8, 0.1])
    1
    """
    truth, chosen = _labels(targets, outputs, threshold)
    return int((~truth & ~chosen).sum())


def false_positives(targets: Any, outputs: Any, threshold: float = 0.5) -> int:
    """How many labels are chosen, but not true. Parameters and errors are those of `true_positives`.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.false_positives([1, 1, 0, 0], [0.9, 0.2, 0.8, 0.7])
    2
    """
    truth, chosen = _labels(targets, outputs, threshold)
    return int((~truth & chosen).sum())


def false_negatives(targets: Any, outputs: Any, threshold: float = 0.5) -> int:
    """How many labels are true, but not chosen. Parameters and errors are those of `true_positives`.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.false_negatives([1, 1, 0, 0], [0.9, 0.2, 0.8, 0.1])
    1
    """
    truth, chosen = _labels(targets, outputs, threshold)
    return int((truth & ~chosen).sum())


def _labels(targets: Any, outputs: Any, threshold: float) -> tuple[Array, Array]:
    return inputs.labels(targets, outputs, check.real_number(threshold, "threshold", above=0, below=1))


def precision(
    targets: Any, outputs: Any, average: str = "macro", *, zero_division: float = 0.0, multi_label: bool = False
) -> float:
    """The share of the rows chosen for a class that belong to it.

    Parameters
    ----------
    targets, outputs : array_like
        As for `accuracy`; with ``multi_label``, as for `binary_accuracy` with its threshold of 0.5.
    average : {"macro", "micro", "weighted", "binary", "auto"}
        "macro" is the mean over the classes; "micro" one fraction for the rows of all classes together; "weighted" the
        mean weighted by the rows of each class; "binary" class 1 alone, for two classes. "auto" is "binary" if outputs
        are one column with the probability of class 1, as in Keras and scikit-learn, and else "macro". The default of
        functions is "macro", and that of metrics for `Sequential.compile` "auto".
    zero_division : float, default 0
        The value of 0/0, from 0 to 1: the precision of a class for which no row was chosen, and the recall of a class
        without rows.
    multi_label : bool, default False
        Whether a row may have any number of labels, each in its own column.

    Notes
    -----
    As in scikit-learn, "macro" leaves out classes that occur neither in the targets nor among the chosen ones; with
    ``multi_label`` it covers all columns. If no label is true at all, "weighted" equals "macro".

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.precision([0, 0, 1, 1], [0, 1, 1, 1], average="binary")
    0.6666666666666666
    """
    return _score("precision", targets, outputs, average, zero_division, multi_label)


def recall(
    targets: Any, outputs: Any, average: str = "macro", *, zero_division: float = 0.0, multi_label: bool = False
) -> float:
    """The share of the rows of a class for which it was chosen.

    Parameters, averages and errors are those of `precision`.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.recall([0, 0, 1, 1], [0, 1, 1, 1])
    0.75
    """
    return _score("recall", targets, outputs, average, zero_division, multi_label)


def f1(
    targets: Any, outputs: Any, average: str = "macro", *, zero_division: float = 0.0, multi_label: bool = False
) -> float:
    """The harmonic mean of precision and recall: 2 · hits / (rows chosen for a class + rows of the class).

    Parameters, averages and errors are those of `precision`. The average is that of the F1 of each class.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.f1([0, 0, 1, 1], [0, 1, 1, 1], average="binary")
    0.8
    """
    return _score("f1", targets, outputs, average, zero_division, multi_label)


def _score(name: str, targets: Any, outputs: Any, average: str, zero_division: float, multi_label: bool) -> float:
    counts.check_average(average, check.yes_or_no(multi_label, "multi_label"))
    if average == "auto":
        average = "binary" if not multi_label and inputs.are_of_class_1(outputs) else "macro"
    for_nothing = check.real_number(zero_division, "zero_division", minimum=0)
    if for_nothing > 1:
        raise ArgumentError(f"zero_division must be a number from 0 to 1, not {zero_division!r}")
    found = counts.count(targets, outputs, multi_label=multi_label, is_binary=average == "binary")
    if average == "binary" and len(found.hits) > 2:
        raise ArgumentError(
            f"average='binary' is for two classes, but there are {len(found.hits)}: use 'macro', 'micro' or 'weighted'"
        )
    return counts.averaged(found, name, average, for_nothing)


def balanced_accuracy(targets: Any, outputs: Any) -> float:
    """The mean over the classes of the share of their rows that are right: a rare class counts as much as others.

    Classes without rows are left out. Parameters and errors are those of `accuracy`.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.balanced_accuracy([0, 0, 0, 1], [0, 0, 1, 1])
    0.8333333333333333
    """
    found = counts.of_classes(inputs.decisions(targets, outputs))
    there = found.support > 0
    return float(counts.ratio(found.hits[there], found.support[there]).mean())


def confusion_matrix(targets: Any, outputs: Any, classes: int | Iterable[Any] | None = None) -> Integers:
    """How many rows of each class were predicted as each class.

    Parameters
    ----------
    targets, outputs : array_like
        As for `accuracy`.
    classes : int or list of labels, optional
        The number of classes, or their labels in the order of the rows, such as ``model.classes``. Default: the number
        of columns, or 2 for one column; for class numbers alone, the largest plus 1, at least 2; for labels, those
        that occur, sorted.

    Returns
    -------
    int64 array, shape (classes, classes)
        A row for each true class, a column for each chosen one.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the arrays cannot be read, or hold other classes, or more than 16,384 of them.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.confusion_matrix([0, 0, 1, 2], [0, 1, 1, 1])
    array([[1, 1, 0],
           [0, 1, 0],
           [0, 1, 0]])
    >>> metrics.confusion_matrix(["no", "yes", "no"], ["yes", "yes", "no"], classes=["yes", "no"])
    array([[1, 0],
           [1, 1]])
    """
    labels = None if classes is None or isinstance(classes, (int, np.integer)) else check.items(classes, *_LISTED)
    found = inputs.decisions(targets, outputs, labels)
    if labels is not None:
        found = found.with_classes(len(labels), "the number of classes")
    elif classes is not None:
        found = found.with_classes(check.whole_number(classes, "classes", minimum=2), "classes")
    n = found.classes
    if n > MOST_CONFUSED:
        raise ArgumentError(f"a confusion matrix has at most {MOST_CONFUSED:,} classes, not {n:,}")
    matrix: Integers = np.bincount(found.truth * n + found.chosen, minlength=n * n).reshape(n, n)
    return matrix
