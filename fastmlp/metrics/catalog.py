"""Finds metrics by name, for `Sequential.compile` and for files."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._base import check, keras
from .._base.errors import ArgumentError, ArgumentTypeError
from . import declarations as d
from .declarations import Custom, Metric, TopKAccuracy

_TAKEN = ("epoch", "learning_rate", "loss", "samples_per_second", "seconds")  # the other names in histories

NAMES: dict[str, type[Metric]] = {
    "accuracy": d.Accuracy,
    "balanced_accuracy": d.BalancedAccuracy,
    "top_5_accuracy": TopKAccuracy,  # `get` accepts other numbers too
    "binary_accuracy": d.BinaryAccuracy,
    "true_positives": d.TruePositives,
    "true_negatives": d.TrueNegatives,
    "false_positives": d.FalsePositives,
    "false_negatives": d.FalseNegatives,
    "precision": d.Precision,
    "recall": d.Recall,
    "f1": d.F1,
    "auc": d.AUC,
    "average_precision": d.AveragePrecision,
    "expected_calibration_error": d.ExpectedCalibrationError,
    "mse": d.MeanSquaredError,
    "rmse": d.RootMeanSquaredError,
    "mae": d.MeanAbsoluteError,
    "mape": d.MeanAbsolutePercentageError,
    "r2": d.R2,
    "regression_accuracy": d.RegressionAccuracy,
}
TYPES = {kind.__name__: kind for kind in NAMES.values()}
METRICS = tuple(NAMES)
for _kind in TYPES.values():
    _kind.__doc__ = d.documented(_kind)
for _kind in TYPES.values():
    keras.accept(_kind, "metrics.")
_TOP_K = re.compile(r"top_([1-9]\d{0,9})_accuracy")
# Other spellings, those of Keras and scikit-learn. The name in a history is the one that the user wrote.
ALIASES = {
    "acc": "accuracy",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "top_k_categorical_accuracy": "top_5_accuracy",
    "sparse_top_k_categorical_accuracy": "top_5_accuracy",
    "balanced_accuracy_score": "balanced_accuracy",
    "ece": "expected_calibration_error",
    "f1_score": "f1",
    "roc_auc": "auc",
    "r2_score": "r2",
    "mean_squared_error": "mse",
    "root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
    "mean_absolute_percentage_error": "mape",
}
_AVERAGED = re.compile(r"(precision|recall|f1)_(macro|micro|weighted)")

# The last words of names that tell whether larger is better.
_LARGER_IS_BETTER = {"acc", *(name.split("_")[-1] for name, kind in NAMES.items() if kind().higher_is_better)}
_SMALLER_IS_BETTER = {"loss", "error", "ece", "seconds", "mse", "mae", "rmse", "mape"}


def get(items: Iterable[str | Metric | dict[str, Any] | Callable[[Any, Any], Any]]) -> tuple[Metric, ...]:
    """Metrics from names, configurations, functions or metrics, in their order without repetitions.

    Parameters
    ----------
    items : list
        Names of `METRICS`, ``"top_<k>_accuracy"`` for any k, `Metric` objects, what `Metric.config` returned, and
        functions ``f(targets, outputs)``. A function of this module becomes its metric, any other function a `Custom`
        one.

    Raises
    ------
    ArgumentError
        If a name is unknown, belongs to two different metrics, or is taken, such as "loss".
    ArgumentTypeError
        If ``items`` is not a list, or holds something else.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> metrics.get(["accuracy", "top_3_accuracy", metrics.F1("weighted"), metrics.accuracy])
    (Accuracy(), TopKAccuracy(k=3), F1(average='weighted', multi_label=False))
    """
    if isinstance(items, str):
        raise ArgumentTypeError(f"metrics must be a list of names, not the text {items!r}: use [{items!r}]")
    if isinstance(items, Mapping):
        raise ArgumentTypeError(f"metrics must be a list of names, not one configuration: use [{items!r:.60}]")
    found: list[Metric] = []
    for item in check.items(items, "metrics", "names"):
        metric = _metric(item)
        if metric not in found:
            _check_name(metric, found)
            found.append(metric)
    return tuple(found)


def larger_is_better(name: str) -> bool | None:
    """Whether larger values of this name, in histories and logs, are better; None if unknown.

    Examples
    --------
    >>> from fastmlp import metrics
    >>> [metrics.larger_is_better(name) for name in ("val_accuracy", "top_5_accuracy", "val_loss", "mae", "my_score")]
    [True, True, False, False, None]
    """
    if not isinstance(name, str):
        raise ArgumentTypeError(f"name must be a text, not {name!r:.60}")
    words = set(name.lower().split("_"))
    if words & _LARGER_IS_BETTER:
        return True
    return False if words & _SMALLER_IS_BETTER else None


def _metric(item: Any) -> Metric:
    if isinstance(item, Metric) and type(item) is not Metric:
        return item
    if isinstance(item, str):
        return _named(item)
    if isinstance(item, dict):
        return _configured(item)
    if isinstance(item, type):
        raise ArgumentTypeError(f"metrics must hold objects, not the class {item.__name__}: use {item.__name__}()")
    if not callable(item) or isinstance(item, Metric):
        raise ArgumentTypeError(f"metrics must hold names, metrics or functions, not {item!r:.60}")
    for kind in TYPES.values():
        if item is kind._function:
            return kind(average="macro") if issubclass(kind, d.Averaged) else kind()
    return Custom(item, higher_is_better=None)


def _named(name: str) -> Metric:
    top = _TOP_K.fullmatch(name)
    if top:
        return TopKAccuracy(int(top[1]))
    words = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    averaged = _AVERAGED.fullmatch(words)
    if averaged:
        return NAMES[averaged[1]](average=averaged[2], name=name)  # type: ignore[call-arg]
    usual = ALIASES.get(words, words)
    kind = NAMES[usual if usual in NAMES else keras.choice(name, "metrics", METRICS, "metrics")]
    return kind(name=name)  # type: ignore[call-arg]


def _configured(config: dict[str, Any]) -> Metric:
    settings = dict(config)
    kind = check.choice(settings.pop("type", None), "metrics type", TYPES)
    try:
        return TYPES[kind](**settings)
    except TypeError as error:
        raise ArgumentTypeError(f"metrics type {kind!r}: {error}") from None


def _check_name(metric: Metric, others: list[Metric]) -> None:
    name = metric.name
    if name in _TAKEN or name.startswith("val_"):
        raise ArgumentError(f"metrics must not be named {name!r}, which histories use: give it another name=")
    if name in [other.name for other in others]:
        raise ArgumentError(f"metrics has two different ones named {name!r}: give one another name=")
