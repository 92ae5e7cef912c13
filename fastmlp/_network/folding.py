"""Makes networks with fewer layers: those that only scale and shift become part of a dense layer."""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from .._base.types import Array
from .._engine.program import SMALLEST_VARIANCE
from ..layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    GaussianNoise,
    Layer,
    Normalization,
    Residual,
    Scale,
)
from . import bound
from .network import Network

_ONLY_IN_TRAINING = (Dropout, GaussianNoise)
_NORMALIZATIONS = (BatchNormalization, Normalization, Scale)
FAR = 2.0**-16  # the share of a standard deviation that may be lost if a mean is no longer subtracted first


@dataclasses.dataclass
class _Part:
    """A layer with its tensors in float64."""

    layer: Layer
    tensors: dict[str, Array]
    dtype: np.dtype[Any]
    added: float = 0.0  # added to the variances of a Normalization


_N = TypeVar("_N", bound=Network)


def fold(model: _N) -> _N:
    """See `fastmlp.Sequential.folded`."""
    numbers = iter(range(len(bound.layers_of(model))))
    layers, parts = _folded(model, model.declarations, numbers)
    new = model.like(layers)
    if model.is_compiled:
        new.compile(model.rule, model.loss, model.metrics)
    new.build(model.engine.program.fan_in)
    values = [parts[tensor.layer].tensors[tensor.name] for tensor in new.engine.program.tensors]
    new.set_weights(values)
    new.data_known = model.data_known  # the weights are new, but not the predictions
    return new


def _folded(model: Network, layers: Sequence[Layer], numbers: Any) -> tuple[list[Layer], list[_Part]]:
    """The folded layers in order, and their leaves with their tensors."""
    found: list[Layer] = []
    parts: list[_Part] = []
    run: list[_Part] = []  # since the last residual
    for layer in layers:
        if isinstance(layer, Residual):
            _finish(run, found, parts)
            inner, inner_parts = _folded(model, layer.layers, numbers)
            if not inner:  # x + x: only dropout and noise were inside
                inner, inner_parts = [Activation("linear")], [_Part(Activation("linear"), {}, model.dtype)]
            found.append(Residual(inner))
            parts += inner_parts
            continue
        of_layer = bound.layers_of(model)[next(numbers)]
        if not isinstance(layer, _ONLY_IN_TRAINING):
            tensors = {name: getattr(of_layer, name).astype(np.float64) for name in of_layer.tensors}
            if layer is model.declarations[0] and (center := model.reader().center) is not None:
                tensors["mean"] = center  # the tensor may hold it rounded
            run.append(_Part(layer, tensors, model.dtype, SMALLEST_VARIANCE[model.dtype]))
    _finish(run, found, parts)
    return found, parts


def _finish(run: list[_Part], found: list[Layer], parts: list[_Part]) -> None:
    """Fold consecutive layers without residuals, and append them to the result."""
    at = 0
    while at < len(run):
        if at > 0 and _joins(run[at - 1], run[at]):
            at -= 1
        elif at + 1 < len(run) and isinstance(run[at + 1].layer, Dense) and _is_easily_shifted(run[at]):
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


def _is_easily_shifted(part: _Part) -> bool:
    """Whether it normalises with means so small that a dense layer, which multiplies first, keeps their precision."""
    if not isinstance(part.layer, _NORMALIZATIONS):
        return False
    _, shift = _scale_and_shift(part)
    return bool((np.abs(shift) * np.finfo(part.dtype).eps <= FAR).all())


def _scale_and_shift(part: _Part) -> tuple[Array, Array]:
    """A normalisation or a scaling layer as y = x · scale + shift."""
    tensors = part.tensors
    if isinstance(part.layer, Scale):
        return tensors["gamma"], tensors.get("beta", np.zeros(len(tensors["gamma"])))
    if isinstance(part.layer, BatchNormalization):
        scale = tensors["gamma"] / np.sqrt(tensors["moving_variance"] + part.layer.epsilon)
        return scale, tensors["beta"] - tensors["moving_mean"] * scale
    scale = 1 / np.sqrt(tensors["variance"] + part.added)
    return scale, -tensors["mean"] * scale


def _after(dense: _Part, following: _Part) -> _Part:
    """(x·W + b) · scale + shift = x · (W · scale) + (b · scale + shift); or an activation for a linear layer."""
    assert isinstance(dense.layer, Dense)
    if isinstance(following.layer, Activation):
        layer = dataclasses.replace(dense.layer, activation=following.layer.activation)
        return _Part(layer, dense.tensors, dense.dtype)
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
    return _Part(dataclasses.replace(dense.layer, use_bias=True), {"kernel": kernel, "bias": bias}, dense.dtype)
