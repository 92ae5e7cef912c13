"""Measures of predictions: functions of targets and outputs, and declarations for `Sequential.compile`.

The functions are plain NumPy in float64. They take targets first, as scikit-learn does, and outputs as
`Sequential.predict` returns them:

- a decision metric takes class numbers (rows,), or one-hot or soft rows (rows, units), whose class is the largest; and
  outputs (rows, units), whose class is the largest, (rows,) or (rows, 1) with the probability of class 1 (chosen above
  0.5), or class numbers of an integer dtype;
- with ``multi_label=True`` each column is an independent label, and targets and outputs have the same shape;
- a regression metric takes real numbers, targets and outputs of the same shape.

`ArgumentError` or `ArgumentTypeError` is raised if the arrays cannot be read or do not fit each other or the settings.
"""

from typing import Any

from .._base import keras
from .._base.public import as_public
from .catalog import METRICS, get, larger_is_better
from .classification import accuracy, binary_accuracy, confusion_matrix, f1, precision, recall, top_k_accuracy
from .declarations import (
    AUC,
    F1,
    R2,
    Accuracy,
    BinaryAccuracy,
    Custom,
    MeanAbsoluteError,
    MeanSquaredError,
    Metric,
    Precision,
    Recall,
    RegressionAccuracy,
    TopKAccuracy,
)
from .ranking import auc
from .regression import mean_absolute_error, mean_squared_error, r2_score, regression_accuracy
from .report import ClassificationReport, Scores, classification_report

__all__ = [
    "AUC",
    "F1",
    "METRICS",
    "R2",
    "Accuracy",
    "BinaryAccuracy",
    "ClassificationReport",
    "Custom",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "Precision",
    "Recall",
    "RegressionAccuracy",
    "Scores",
    "TopKAccuracy",
    "accuracy",
    "auc",
    "binary_accuracy",
    "classification_report",
    "confusion_matrix",
    "f1",
    "get",
    "larger_is_better",
    "mean_absolute_error",
    "mean_squared_error",
    "precision",
    "r2_score",
    "recall",
    "regression_accuracy",
    "top_k_accuracy",
]

as_public(globals())


def __getattr__(name: str) -> Any:
    raise keras.lack(__name__, name)
