"""Activations and losses that are called on arrays, outside of a model: their definitions in NumPy.

Scripts for Keras call them to look at numbers: ``activations.relu(x)``, ``losses.MeanSquaredError()(y_true, y_pred)``.
Models never come here.
"""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ._base import check, functions
from ._base import tables as t
from ._base.errors import ArgumentError
from ._base.types import Array

_SMALLEST_PROBABILITY = 1e-7  # as in Keras


class Text(str):
    """The name of an activation or a loss, which stands where the text does and can be called."""

    _function: Callable[..., Any]
    __name__: str

    def __new__(cls, name: str, function: Callable[..., Any]) -> "Text":
        """Make the text ``name``, whose call is that of ``function``."""
        made = super().__new__(cls, name)
        made._function = function
        made.__name__ = name
        return made

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._function(*given, **named)

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


def activated(x: Any, operation: int, kind: int, parameter: float) -> Array:
    """The activation with these codes of all numbers of an array; a softmax goes along the last axis."""
    reference: Any = importlib.import_module(".reference", __package__)  # `import fastmlp` does without it
    given = check.numbers(x, "x")
    rows = np.atleast_2d(given.astype(np.float32 if given.dtype == np.float32 else np.float64))
    rows = rows.reshape(-1, rows.shape[-1])
    found = np.empty_like(rows)
    if operation == t.SOFTMAX:
        reference.softmax_forward(found, rows)
    elif operation == t.RELU:
        reference.relu_forward(found, rows)
    else:
        reference.activation_forward(found, rows, kind, parameter)
    return found.reshape(given.shape)


def losses_of_rows(loss: Any, targets: Any, outputs: Any) -> Array:
    """The loss of each row: of the numbers along the last axis."""
    outputs, targets = check.numbers(outputs, "y_pred").astype(float), check.numbers(targets, "y_true")
    if outputs.ndim == 0:
        raise ArgumentError("y_pred must have at least one dimension")
    if loss.targets == "classes":
        return _crossentropies(loss, targets, outputs)
    targets = targets.astype(float).reshape(_same_size(targets, outputs))
    if getattr(loss, "label_smoothing", 0.0):
        targets = targets * (1 - loss.label_smoothing) + loss.label_smoothing / 2
    width = outputs.shape[-1]
    y, wanted = outputs.reshape(-1, width), targets.reshape(-1, width)
    code = loss.code("linear" if getattr(loss, "from_logits", True) else "softmax")
    if code == t.CUSTOM_LOSS:
        found = functions.each(functions.in_python(loss.function), [y, wanted]).sum(axis=1)
    else:
        reference: Any = importlib.import_module(".reference", __package__)
        found = np.empty(len(y))
        reference.elementwise_loss(found, np.empty_like(y), y, wanted, code, loss.alpha(), 1.0)
    of_rows: Array = np.asarray(found * loss.share(width)).reshape(outputs.shape[:-1])
    return of_rows


def _same_size(targets: Array, outputs: Array) -> tuple[int, ...]:
    """The shape of the outputs, if the targets have it but for dimensions of 1 at the end."""
    a, b = (list(array.shape) for array in (targets, outputs))
    for shape in (a, b):
        while len(shape) > 1 and shape[-1] == 1:
            shape.pop()
    if a != b:
        raise ArgumentError(f"y_true and y_pred must have the same shape, not {targets.shape} and {outputs.shape}")
    return outputs.shape


def _crossentropies(loss: Any, targets: Array, outputs: Array) -> Array:
    classes = outputs.shape[-1]
    if targets.shape != outputs.shape:
        targets = _one_hot(targets, outputs)
    targets = targets * (1 - loss.label_smoothing) + loss.label_smoothing / classes
    if loss.from_logits:
        shifted = outputs - outputs.max(axis=-1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    else:
        shares = outputs / outputs.sum(axis=-1, keepdims=True)
        logs = np.log(np.clip(shares, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY))
    return np.asarray(-(targets * logs).sum(axis=-1))


def _one_hot(targets: Array, outputs: Array) -> Array:
    """Rows of 0 and 1 from class numbers."""
    numbers = targets[..., 0] if targets.ndim == outputs.ndim and targets.shape[-1] == 1 else targets
    classes = outputs.shape[-1]
    if numbers.shape != outputs.shape[:-1]:
        raise ArgumentError(
            f"y_true must be class numbers of the shape {outputs.shape[:-1]} or rows of the shape {outputs.shape}, not "
            f"{targets.shape}"
        )
    if not ((numbers >= 0) & (numbers < classes) & (numbers == np.floor(numbers))).all():
        raise ArgumentError(f"y_true must be class numbers from 0 to {classes - 1}")
    return np.asarray(numbers[..., None] == np.arange(classes), float)
