"""Metrics as Keras spells them, where our class has another name."""

from typing import Any

from .._base.errors import ArgumentError
from .declarations import F1, R2, Accuracy, TopKAccuracy


def CategoricalAccuracy(name: str = "categorical_accuracy", dtype: Any = None) -> Accuracy:  # noqa: N802
    """`Accuracy`, which reads one-hot rows and class numbers.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.CategoricalAccuracy().name
    'categorical_accuracy'
    """
    return Accuracy(name=name)


def SparseCategoricalAccuracy(name: str = "sparse_categorical_accuracy", dtype: Any = None) -> Accuracy:  # noqa: N802
    """`Accuracy`, which reads one-hot rows and class numbers.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.SparseCategoricalAccuracy("acc").name
    'acc'
    """
    return Accuracy(name=name)


def TopKCategoricalAccuracy(  # noqa: N802
    k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None
) -> TopKAccuracy:
    """`TopKAccuracy`, which reads one-hot rows and class numbers.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.TopKCategoricalAccuracy(k=3)
    TopKAccuracy(k=3)
    """
    return TopKAccuracy(k, name=name)


def SparseTopKCategoricalAccuracy(  # noqa: N802
    k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: Any = None, from_sorted_ids: bool = False
) -> TopKAccuracy:
    """`TopKAccuracy`, which reads one-hot rows and class numbers.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.SparseTopKCategoricalAccuracy().name
    'sparse_top_k_categorical_accuracy'
    """
    if from_sorted_ids:
        raise ArgumentError("from_sorted_ids must be False: outputs are a number for each class")
    return TopKAccuracy(k, name=name)


def F1Score(  # noqa: N802
    average: str = "auto", threshold: float | None = None, name: str = "f1_score", dtype: Any = None
) -> F1:
    """`F1`. Keras's default gives a number for each class; this one gives their mean, or class 1 for one unit.

    Parameters
    ----------
    average : str, default "auto"
        As in `F1`.
    threshold : None or 0.5
        0.5 judges each column as a label of its own, as ``multi_label=True`` does.
    name : str, default "f1_score"

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.F1Score(average="macro", threshold=0.5)
    F1(average='macro', multi_label=True)
    """
    if average is None:
        raise ArgumentError("average=None gives a number for each class, but a metric is one number: use 'macro'")
    if threshold not in (None, 0.5):
        raise ArgumentError(f"threshold must be None or 0.5, not {threshold!r:.60}: decisions are made at one half")
    return F1(average, multi_label=threshold is not None, name=name)


def R2Score(  # noqa: N802
    class_aggregation: str = "uniform_average", num_regressors: int = 0, name: str = "r2_score", dtype: Any = None
) -> R2:
    """`R2`. The mean over the columns is the only aggregation, and nothing is adjusted.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.R2Score().name
    'r2_score'
    """
    if class_aggregation != "uniform_average" or num_regressors:
        raise ArgumentError("class_aggregation must be 'uniform_average' and num_regressors 0")
    return R2(name=name)
