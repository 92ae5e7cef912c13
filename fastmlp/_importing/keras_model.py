"""Keras's `Sequential` of layers that fastmlp has. Layers are known by their names: Keras is not imported."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import activations
from .._base.errors import ArgumentError, FastMLPError
from .._base.types import Array
from ..layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    GaussianNoise,
    LayerNormalization,
    Normalization,
)
from ..model import Sequential
from .parts import Part, assembled, dtype_of

_NOTHING = ("InputLayer", "Flatten", "Identity")
_EPSILON = 1e-7  # Keras's Normalization divides by no less


def model(source: Any) -> Sequential:
    """A model with the same weights and predictions, which is not compiled."""
    if type(source).__name__ != "Sequential":
        raise ArgumentError(f"source must be a Sequential of Keras, not a {type(source).__name__}")
    dtype = dtype_of(source.get_weights(), "the Keras model")
    return assembled(list(_parts(source)), int(np.prod(source.input_shape[1:])), dtype)


def _parts(source: Any) -> Iterator[Part]:
    for layer in source.layers:
        kind = type(layer).__name__
        if kind == "Sequential":
            yield from _parts(layer)
        elif kind in _MAKERS:
            try:
                yield from _MAKERS[kind](layer, layer.get_config(), [np.asarray(w) for w in layer.get_weights()])
            except FastMLPError as error:
                raise ArgumentError(f"layer {layer.name!r} of source, a {kind}, cannot be imported: {error}") from None
        elif kind not in _NOTHING:
            known = ", ".join(sorted([*_MAKERS, *_NOTHING, "Sequential"]))
            raise ArgumentError(
                f"layer {layer.name!r} of source is a {kind}, which cannot be imported; there are {known}"
            )


def _activation(given: Any) -> Iterator[Part]:
    """An activation, as a configuration names it."""
    if not isinstance(given, str):
        raise ArgumentError(f"its activation is {given!r:.60}, not one that has a name")
    if given != "linear":
        yield Part(Activation(activations.get(given)))


def _dense(layer: Any, config: dict[str, Any], weights: list[Array]) -> Iterator[Part]:
    names = ("kernel", "bias") if config["use_bias"] else ("kernel",)
    if len(weights) != len(names):
        raise ArgumentError(f"it has {len(weights)} arrays of weights, but {' and '.join(names)} are all that is read")
    yield Part(Dense(config["units"], use_bias=config["use_bias"]), dict(zip(names, weights, strict=True)))
    yield from _activation(config["activation"])


def _batch_norm(layer: Any, config: dict[str, Any], weights: list[Array]) -> Iterator[Part]:
    *scale, mean, variance = weights
    statistics = {"moving_mean": mean, "moving_variance": variance}
    yield Part(BatchNormalization(config["momentum"], config["epsilon"]), _scale(config, scale, mean.size) | statistics)


def _layer_norm(layer: Any, config: dict[str, Any], weights: list[Array]) -> Iterator[Part]:
    width = layer.input_shape[-1] if hasattr(layer, "input_shape") else layer.input.shape[-1]
    yield Part(LayerNormalization(epsilon=config["epsilon"]), _scale(config, weights, width))


def _scale(config: dict[str, Any], weights: list[Array], width: int) -> dict[str, Array]:
    """gamma and beta; those that do nothing if the layer has none."""
    axis = config.get("axis", -1)
    if axis not in (-1, 1, [-1], [1]):
        raise ArgumentError(f"its axis is {axis}, not that of the units, -1")
    left = list(weights)
    gamma = left.pop(0) if config.get("scale", True) else np.ones(width)
    return {"gamma": gamma, "beta": left.pop(0) if config.get("center", True) else np.zeros(width)}


def _normalization(layer: Any, config: dict[str, Any], weights: list[Array]) -> Iterator[Part]:
    if config.get("invert"):
        raise ArgumentError("it inverts a normalisation (invert=True)")
    mean, variance = (np.array(_numpy(value), np.float64).ravel() for value in (layer.mean, layer.variance))
    width = int(layer.input.shape[-1])
    mean, variance = np.broadcast_to(mean, width), np.broadcast_to(variance, width)
    yield Part(Normalization(), {"mean": mean, "variance": np.maximum(variance, _EPSILON**2)})


def _numpy(value: Any) -> Any:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _softmax(layer: Any, config: dict[str, Any], weights: list[Array]) -> Iterator[Part]:
    if config.get("axis", -1) not in (-1, 1):
        raise ArgumentError(f"its axis is {config['axis']}, not that of the units, -1")
    yield Part(Activation("softmax"))


def _relu(layer: Any, config: dict[str, Any], weights: list[Array]) -> Iterator[Part]:
    if config["max_value"] is not None or config["threshold"]:
        raise ArgumentError("fastmlp's ReLU has neither max_value nor threshold")
    slope = config["negative_slope"]
    yield Part(Activation(activations.leaky_relu(slope) if slope else "relu"))


_Maker = Callable[[Any, dict[str, Any], list[Array]], Iterator[Part]]
_MAKERS: dict[str, _Maker] = {
    "Dense": _dense,
    "Activation": lambda layer, config, weights: _activation(config["activation"]),
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "Normalization": _normalization,
    "ReLU": _relu,
    "Softmax": _softmax,
    "LeakyReLU": lambda layer, config, weights: iter(
        [Part(Activation(activations.leaky_relu(config["negative_slope"])))]
    ),
    "ELU": lambda layer, config, weights: iter([Part(Activation(activations.elu(config["alpha"])))]),
    "Dropout": lambda layer, config, weights: iter([Part(Dropout(config["rate"]))]),
    "GaussianNoise": lambda layer, config, weights: iter([Part(GaussianNoise(config["stddev"]))]),
}
