"""The names of losses."""

import re

from .base import Loss
from .crossentropies import BinaryCrossentropy, CategoricalCrossentropy
from .differences import (
    HalfSquaredError,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    Quantile,
    SumOfSquares,
)
from .of_counts import Poisson, PoissonDeviance

# Both cross-entropy names of Keras mean the same loss: the shape distinguishes class numbers from one-hot rows.
NAMES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": CategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "sum_of_squares": SumOfSquares,
    "rss": SumOfSquares,
    "half_squared_error": HalfSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mae": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mape": MeanAbsolutePercentageError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "poisson": Poisson,
    "poisson_deviance": PoissonDeviance,
    "quantile": Quantile,
}
_ALIASES = {"logcosh": "log_cosh", "huber_loss": "huber", "bce": "binary_crossentropy"}


def standard(name: str) -> str:
    """A name in our form: Keras takes "MSE", "MeanSquaredError" and "logcosh" too."""
    text = re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
    text = _ALIASES.get(text, text)
    return text if text in NAMES else name
