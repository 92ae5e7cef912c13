"""Checks that the last layer, the loss and the metrics fit each other."""

from collections.abc import Sequence

from .._base.errors import ArgumentError
from ..layers import Dense, Dropout, GaussianNoise, Layer, leaves
from .scoring import Scoring


def check_last(layers: Sequence[Layer], scoring: Scoring) -> None:
    """Refuse layers that cannot be trained: without a dense layer, or whose last one fits no loss or metric."""
    loss, activation, units = scoring.loss, scoring.activation, scoring.units
    if not any(isinstance(layer, Dense) for layer in leaves(layers)):
        raise ArgumentError("the model has no Dense layer: give layers to Sequential([...]) or to add()")
    if isinstance(layers[-1], (Dropout, GaussianNoise)):
        raise ArgumentError(f"the last layer must not be a {type(layers[-1]).__name__}: the loss would learn its noise")
    if activation == "softmax" and units == 1:
        raise ArgumentError(
            "a last layer of 1 unit with a softmax is always 1, so there is nothing to train: use 2 units for two "
            "classes, or 1 sigmoid unit and loss='binary_crossentropy'"
        )
    loss.check_output(activation, units)
    if any(metric.counted_by_kernels for metric in scoring.metrics) and not loss.hits(activation, units):
        raise ArgumentError(
            f"the accuracy of classes is not defined for {type(loss).__name__} with a last layer of {units} units and "
            f"activation {activation!r}: report 'r2', 'mae' or 'regression_accuracy' instead"
        )
    scoring.check_combination()
