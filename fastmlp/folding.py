"""The same predictions with fewer layers: what only scales and shifts becomes part of a dense layer. Floor 4."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._types import Array
from .layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    GaussianNoise,
    Layer,
    Normalization,
    Residual,
)
from .program import SMALLEST_VARIANCE

if TYPE_CHECKING:
    from .model import Sequential

_ONLY_IN_TRAINING = (Dropout, GaussianNoise)
_NORMALIZATIONS = (BatchNormalization, Normalization)
_LOST = 2.0**-13  # of a standard deviation: what folding may cost numbers that are far from 0


@dataclasses.dataclass
class _Part:
    """A layer with its tensors in float64."""

    layer: Layer
    tensors: dict[str, Array]
    added: float = 0.0  # to the variances of a Normalization


def fold(model: Sequential) -> Sequential:
    """See `fastmlp.Sequential.folded`."""
    numbers = iter(range(len(model.layers)))
    layers, parts = _folded(model, model.declarations, numbers)
    new = model.like(layers)
    if model._optimizer is not None:
        new.compile(model.optimizer, model.loss, model.metrics)
    new.build(model.engine.program.fan_in)
    values = [parts[tensor.layer].tensors[tensor.name] for tensor in new.engine.program.tensors]
    new.set_weights(values)
    if isinstance(layers[0], Normalization):
        new.declarations[0] = layers[0]  # which holds the mean in float64 too
    return new


def _folded(model: Sequential, layers: Sequence[Layer], numbers: Any) -> tuple[list[Layer], list[_Part]]:
    """Layers in their order, and the leaves among them with their tensors."""
    found: list[Layer] = []
    parts: list[_Part] = []
    run: list[_Part] = []  # since the last residual block
    for layer in layers:
        if isinstance(layer, Residual):
            _finish(run, found, parts, model.dtype)
            inner, inner_parts = _folded(model, layer.layers, numbers)
            if inner:
                found.append(Residual(inner))
                parts += inner_parts
            continue
        bound = model.layers[next(numbers)]
        if not isinstance(layer, _ONLY_IN_TRAINING):
            tensors = {name: getattr(bound, name).astype(np.float64) for name in bound.tensors}
            run.append(_Part(layer, tensors, SMALLEST_VARIANCE[model.dtype]))
    _finish(run, found, parts, model.dtype)
    return found, parts


def _finish(run: list[_Part], found: list[Layer], parts: list[_Part], dtype: np.dtype[Any]) -> None:
    """Fold a run of layers without blocks, and move it to the end of what there is."""
    at = 0
    while at < len(run):
        if at > 0 and _joins(run[at - 1], run[at]):
            at -= 1
        elif at + 1 < len(run) and _precedes(run[at], run[at + 1], dtype):
            run[at : at + 2] = [_before(run[at], run[at + 1])]
            continue
        else:
            at += 1
            continue
        run[at : at + 2] = [_after(run[at], run[at + 1])]
        at += 1
    found += [part.layer for part in run]
    parts += run
    run.clear()


def _joins(dense: _Part, following: _Part) -> bool:
    """Whether a layer can become part of the dense layer before it."""
    is_open = isinstance(dense.layer, Dense) and dense.layer.activation == "linear"
    return is_open and isinstance(following.layer, (*_NORMALIZATIONS, Activation))


def _precedes(part: _Part, following: _Part, dtype: np.dtype[Any]) -> bool:
    """Whether a layer can become part of the dense layer after it.

    The dense layer reads numbers of which no mean has been taken off: where that is many times the standard deviation,
    such as seconds since 1970, their differences would be lost in rounding.
    """
    if not isinstance(part.layer, _NORMALIZATIONS) or not isinstance(following.layer, Dense):
        return False
    mean = part.tensors["moving_mean" if isinstance(part.layer, BatchNormalization) else "mean"]
    return bool((np.abs(mean * _scale(part)) * np.finfo(dtype).eps <= _LOST).all())


def _scale(part: _Part) -> Array:
    """What a normalisation multiplies differences from the mean by, but for the gamma of a batch normalisation."""
    if isinstance(part.layer, BatchNormalization):
        return 1 / np.sqrt(part.tensors["moving_variance"] + part.layer.epsilon)
    return 1 / np.sqrt(part.tensors["variance"] + part.added)


def _scale_and_shift(part: _Part) -> tuple[Array, Array]:
    """A normalisation as y = x · scale + shift."""
    tensors = part.tensors
    if isinstance(part.layer, BatchNormalization):
        scale = tensors["gamma"] * _scale(part)
        return scale, tensors["beta"] - tensors["moving_mean"] * scale
    scale = _scale(part)
    return scale, -tensors["mean"] * scale


def _after(dense: _Part, following: _Part) -> _Part:
    """(x·W + b) · scale + shift = x · (W · scale) + (b · scale + shift); or an activation for a linear layer."""
    assert isinstance(dense.layer, Dense)
    if isinstance(following.layer, Activation):
        return _Part(dataclasses.replace(dense.layer, activation=following.layer.activation), dense.tensors)
    scale, shift = _scale_and_shift(following)
    bias = dense.tensors.get("bias", np.zeros(len(scale)))
    return _with_bias(dense, dense.tensors["kernel"] * scale, bias * scale + shift)


def _before(normalization: _Part, dense: _Part) -> _Part:
    """(x · scale + shift)·W + b = x · (scale · W) + (shift·W + b)."""
    scale, shift = _scale_and_shift(normalization)
    kernel = dense.tensors["kernel"]
    bias = dense.tensors.get("bias", np.zeros(kernel.shape[1]))
    return _with_bias(dense, scale[:, None] * kernel, shift @ kernel + bias)


def _with_bias(dense: _Part, kernel: Array, bias: Array) -> _Part:
    assert isinstance(dense.layer, Dense)
    return _Part(dataclasses.replace(dense.layer, use_bias=True), {"kernel": kernel, "bias": bias})
