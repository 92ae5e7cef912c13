"""The width of the input that layers declare before there are data."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._base.errors import ArgumentError
from ..layers import Activation, Dense, Dropout, Flatten, GaussianNoise, InputLayer, Layer, leaves, shape_of_rows


def declared_width(layers: Sequence[Layer], given: InputLayer | None) -> int | None:
    """The number of features in a row, if an `InputLayer` or the ``input_shape`` of the first layer says it.

    Raises ArgumentError if a later layer contradicts, or if rows of several dimensions do not come to a `Flatten`
    before a layer that Keras applies to their last dimension alone.
    """
    every = list(leaves(layers))
    outer = layers[0].input_shape if layers else None
    first = next((shape for shape in (outer, every[0].input_shape if every else None) if shape is not None), None)
    shape = given.shape if given is not None and given.shape is not None else first
    if shape is not None and first is not None and math.prod(first) != math.prod(shape):
        raise ArgumentError(f"the first layer has input_shape={first}, but the Input before it has the shape {shape}")
    if shape is not None and len(shape) > 1:
        _refuse_without_flatten(shape, every)
    width = None if shape is None else math.prod(shape)
    _check_later_shapes(every, width)
    return width


def _refuse_without_flatten(shape: tuple[int, ...], every: Sequence[Layer]) -> None:
    """Refuse a layer that in Keras sees the last dimension alone, unless a `Flatten` comes before it."""
    for layer in every:
        if isinstance(layer, Flatten):
            return
        if not isinstance(layer, (Dropout, GaussianNoise)) and not _is_elementwise(layer):
            raise ArgumentError(
                f"rows of the shape {shape} come to a {type(layer).__name__}, which in Keras would see their last "
                "dimension alone: put fastmlp.Flatten() before it"
            )


def _is_elementwise(layer: Layer) -> bool:
    return isinstance(layer, Activation) and layer.activation != "softmax"


def _check_later_shapes(every: Sequence[Layer], width: int | None) -> None:
    """Refuse a later layer whose ``input_shape`` is not the width of what comes before it."""
    for number, layer in enumerate(every):
        said = layer.input_shape
        if number and said is not None and width is not None and said != (width,):
            raise ArgumentError(
                f"layer {number}, a {type(layer).__name__}, has input_shape={said}, but the layer before it gives "
                f"{width} numbers: leave it out, as only the first layer needs it"
            )
        width = layer.units if isinstance(layer, Dense) else width


def width_from(given: Any, layers: Sequence[Layer], known: int | None) -> Any:
    """The number of features that `Sequential.build` is given: itself, or in the shape of a batch, or as declared."""
    if given is None:
        if known is None:
            raise ArgumentError("build() needs the number of features, because no layer declares it: build(n_features)")
        return known
    if not isinstance(given, (tuple, list)):
        return given
    is_batch = len(given) > 1 and (given[0] is None or isinstance(given[0], (int, np.integer)))
    shape = shape_of_rows(given[1:], "input_shape") if is_batch else None
    if shape is None:
        raise ArgumentError(
            f"input_shape must be the shape of a batch, which begins with its rows, as in (None, 784), not "
            f"{given!r:.60}; or give the number of features alone, build(784)"
        )
    return declared_width(layers, InputLayer(shape))
