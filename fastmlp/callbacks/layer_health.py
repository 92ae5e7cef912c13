"""Figures about the layers of a model in training: dead units, sizes of weights and of updates."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base.types import Array
from .._network.network import Network
from .._network.predicting import predict
from ..layers import Dense, Layer, Residual
from ..tables.columns import is_table
from .base import Model

_SAMPLE_ROWS = 1000


@dataclass(frozen=True)
class LayerHealth:
    """The figures of one layer, which `Diagnosis` measures.

    Attributes
    ----------
    layer : int
        The number of the layer, from 0.
    weight_norm : float
        The Euclidean norm of its weight matrix.
    growth : float
        The norm as a multiple of that before training; NaN if that was 0.
    update_ratio : float
        The norm of the change in one update, divided by that of the weight matrix; NaN if unknown.
    dead_units : float
        The share of its ReLU units that are 0 for every row of the sample, from 0 to 1; NaN without a sample, and for
        other activations.
    gradient_norm : float
        The Euclidean norm of the gradient of its weight matrix over the sample; NaN without a sample with targets.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.callbacks.LayerHealth(0, weight_norm=4.0, growth=2.0, update_ratio=0.001, dead_units=0.25).dead_units
    0.25
    """

    layer: int
    weight_norm: float
    growth: float
    update_ratio: float
    dead_units: float
    gradient_norm: float = math.nan


def gradient_norms(model: Model, x: Any, y: Any) -> dict[int, float]:
    """The norm of the gradient of each layer's weight matrix, over the first rows of a sample."""
    _, gradients = model.gradients(x[:_SAMPLE_ROWS], y[:_SAMPLE_ROWS])
    tensors = model.engine.program.tensors
    return {t.layer: norm(g) for t, g in zip(tensors, gradients, strict=True) if t.name == "kernel"}


def weight_matrices(model: Model) -> dict[int, Array]:
    """A copy of each weight matrix, by the number of its layer."""
    kernels = [(number, getattr(layer, "kernel", None)) for number, layer in enumerate(model.layers)]
    return {number: kernel for number, kernel in kernels if kernel is not None}


def norm(array: Array) -> float:
    """The Euclidean norm, in float64."""
    return float(np.linalg.norm(array.astype(np.float64)))


def ratio(part: float, whole: float) -> float:
    """``part / whole``; NaN for a whole of 0."""
    return part / whole if whole > 0 else float("nan")


class ReluOutputs:
    """The outputs of a model's ReLU layers for a sample of rows, each from a network that ends there."""

    def __init__(self, model: Model, x: Any) -> None:
        self._model = model
        sample = x[:_SAMPLE_ROWS] if isinstance(x, np.ndarray) and x.ndim else x
        inputs = model.reader() if is_table(x) else dataclasses.replace(model.reader(), encoder=None)
        self._x = inputs.rows(sample, "x")[:_SAMPLE_ROWS]
        self._networks = {number: self._network(way) for number, way in _relus(model.declarations)}

    def _network(self, declarations: list[Layer]) -> Network:
        network: Network = self._model.like(declarations).forget_encoder()
        network.build(self._model.engine.program.fan_in)
        return network

    def dead_units(self, n_threads: int | None = None) -> dict[int, float]:
        """For each ReLU layer, the share of units that are 0 for every row."""
        weights = self._model.get_weights()
        shares = {}
        for number, network in self._networks.items():
            network.set_weights(weights[: len(network.get_weights())])
            shares[number] = float((predict(network, self._x, None, n_threads) <= 0).all(axis=0).mean())
        return shares


def _relus(declarations: Sequence[Layer]) -> list[tuple[int, list[Layer]]]:
    """For each ReLU, the number of the dense layer whose units it activates, and all layers up to it."""
    found, dense = [], -1
    for number, prefix in enumerate(_prefixes(declarations, [])):
        dense = number if isinstance(prefix[-1], Dense) else dense
        if dense >= 0 and getattr(prefix[-1], "activation", None) == "relu":
            found.append((dense, prefix))
    return found


def _prefixes(declarations: Sequence[Layer], before: list[Layer]) -> Iterator[list[Layer]]:
    """For each layer, the layers that data pass to its output; inside a residual, without the skip connection."""
    way = list(before)
    for layer in declarations:
        if isinstance(layer, Residual):
            yield from _prefixes(layer.layers, way)
        else:
            yield [*way, layer]
        way.append(layer)
