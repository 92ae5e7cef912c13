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

from .._base import keras as _keras
from .._base.public import as_public
from . import catalog
from .as_in_keras import (
    CategoricalAccuracy,
    F1Score,
    R2Score,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from .calibration import ReliabilityTable, expected_calibration_error, reliability_table
from .catalog import METRICS, get, larger_is_better
from .classification import (
    accuracy,
    balanced_accuracy,
    binary_accuracy,
    confusion_matrix,
    f1,
    false_negatives,
    false_positives,
    precision,
    recall,
    top_k_accuracy,
    true_negatives,
    true_positives,
)
from .declarations import (
    AUC,
    F1,
    R2,
    Accuracy,
    AveragePrecision,
    BalancedAccuracy,
    BinaryAccuracy,
    Custom,
    ExpectedCalibrationError,
    FalseNegatives,
    FalsePositives,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    Metric,
    Precision,
    Recall,
    RegressionAccuracy,
    RootMeanSquaredError,
    TopKAccuracy,
    TrueNegatives,
    TruePositives,
)
from .ranking import auc, average_precision
from .regression import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    r2_score,
    regression_accuracy,
    root_mean_squared_error,
)
from .report import ClassificationReport, Scores, classification_report
from .thresholds import Threshold, best_threshold

__all__ = [
    "AUC",
    "F1",
    "METRICS",
    "R2",
    "Accuracy",
    "AveragePrecision",
    "BalancedAccuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "ClassificationReport",
    "Custom",
    "ExpectedCalibrationError",
    "F1Score",
    "FalseNegatives",
    "FalsePositives",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "Metric",
    "Precision",
    "R2Score",
    "Recall",
    "RegressionAccuracy",
    "ReliabilityTable",
    "RootMeanSquaredError",
    "Scores",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "Threshold",
    "TopKAccuracy",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "accuracy",
    "auc",
    "average_precision",
    "balanced_accuracy",
    "best_threshold",
    "binary_accuracy",
    "classification_report",
    "confusion_matrix",
    "expected_calibration_error",
    "f1",
    "false_negatives",
    "false_positives",
    "get",
    "larger_is_better",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "precision",
    "r2_score",
    "recall",
    "regression_accuracy",
    "reliability_table",
    "root_mean_squared_error",
    "top_k_accuracy",
    "true_negatives",
    "true_positives",
]

as_public(globals())


def __getattr__(name: str) -> Any:
    """The text of another spelling, so that ``metrics.categorical_accuracy`` may stand where the text does."""
    if name in catalog.ALIASES:
        return name
    raise _keras.lack(__name__, name)
