"""Losses are declarations; each knows which output it needs."""

import functools
from typing import Any

from .. import _called, _custom
from .._base import check, keras
from .._base.errors import ArgumentTypeError
from .._base.public import as_public
from .._base.types import Array
from .base import CLASSES as CLASSES
from .base import COUNTS as COUNTS
from .base import PROBABILITIES as PROBABILITIES
from .base import REDUCTIONS as REDUCTIONS
from .base import VALUES as VALUES
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
from .names import NAMES as NAMES
from .names import standard
from .of_counts import Poisson, PoissonDeviance
from .own import Custom

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Custom",
    "HalfSquaredError",
    "Huber",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "Poisson",
    "PoissonDeviance",
    "Quantile",
    "SparseCategoricalCrossentropy",
    "SumOfSquares",
    "get",
]

TYPES: dict[str, type[Loss]] = {kind.__name__: kind for kind in (*NAMES.values(), Custom)}
SparseCategoricalCrossentropy = CategoricalCrossentropy  # as Keras spells it for class numbers
for _kind in TYPES.values():
    keras.accept(_kind)


def get(value: str | Loss | dict[str, Any]) -> Loss:
    """A loss from its name, its configuration or itself."""
    if isinstance(value, Loss) and isinstance(value, tuple(TYPES.values())):
        return value
    if isinstance(value, dict) and value.get("type") == _custom.CUSTOM:
        raise _custom.refusal(value, "loss")
    if callable(value) and not isinstance(value, (type, str)):
        raise ArgumentTypeError(
            "loss is a function, but its derivative is needed too: loss=fastmlp.losses.Custom(function, derivative)"
        )
    if isinstance(value, str):
        return NAMES[keras.choice(standard(value), "loss", NAMES, "losses")]()
    if isinstance(value, dict):
        arguments = dict(value)
        return TYPES[check.choice(arguments.pop("type", None), "loss type", TYPES)](**arguments)
    raise ArgumentTypeError(f"loss must be a name or a Loss, not {value!r}{keras.made(value)}")


def _of_rows(name: str, y_true: Any, y_pred: Any, **settings: Any) -> Array:
    """The loss of each row, as Keras's function of this name gives it."""
    return _called.losses_of_rows(NAMES[name](**settings), y_true, y_pred)


def __getattr__(name: str) -> Any:
    """The name of a loss, so that ``losses.mean_squared_error`` may stand where the text does, and be called."""
    if standard(name) in NAMES:
        return _called.Text(standard(name), functools.partial(_of_rows, standard(name)))
    raise keras.lack(__name__, name)


as_public(globals())
