"""Keras's `Sequential`, and graphs with residual sums, of layers that fastmlp has, known by their names."""

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
from .keras_graph import KINDS, layers_of
from .parts import Part, assembled, dtype_of

_NOTHING = ("InputLayer", "Flatten", "Identity")
_ANY_SHAPE = (*_NOTHING, *KINDS, "Dropout", "GaussianNoise", "ReLU", "LeakyReLU", "ELU")  # number by number
_EPSILON = 1e-7  # Keras's Normalization divides by no less


def model(source: Any) -> Sequential:
    """A model with the same weights and predictions, which is not compiled."""
    if type(source).__name__ not in KINDS or not _is_keras_own(source):
        raise ArgumentError(
            f"source must be a Sequential of Keras, or a Model(inputs, outputs), not a {type(source).__name__}"
        )
    dtype = dtype_of(source.get_weights(), "the Keras model")
    shape = tuple(source.input_shape[1:])
    return assembled(list(_parts(layers_of(source), shape)), int(np.prod(shape)), dtype)


def _is_keras_own(layer: Any) -> bool:
    """Whether it is of a class of Keras's, not of the user's with the same name."""
    return type(layer).__module__.partition(".")[0] == "keras"


def _parts(layers: list[Any], shape: tuple[int, ...]) -> Iterator[Part]:
    """What layers become; ``shape`` is that of a row that goes into the first one."""
    for layer in layers:
        if isinstance(layer, list):
            yield Part(inside=tuple(_parts(layer, shape)))
            continue
        kind = type(layer).__name__
        is_known = kind in _MAKERS or kind in _NOTHING or kind in KINDS
        if not is_known or not _is_keras_own(layer):
            known = ", ".join(sorted([*_MAKERS, *_NOTHING, "Sequential"]))
            own = "" if not is_known else " of your own"
            raise ArgumentError(
                f"layer {layer.name!r} of source is a {kind}{own}, which cannot be imported; there are {known}"
            )
        try:
            _check_shape(kind, layer.get_config(), shape)
            if kind in KINDS:
                yield from _parts(layers_of(layer), shape)
            elif kind in _MAKERS:
                weights = [np.asarray(values) for values in layer.get_weights()]
                yield from _MAKERS[kind](layer, {**layer.get_config(), "width": shape[-1]}, weights)
        except FastMLPError as error:
            raise ArgumentError(f"layer {layer.name!r} of source, a {kind}, cannot be imported: {error}") from None
        shape = tuple(layer.compute_output_shape((None, *shape))[1:])


def _check_shape(kind: str, config: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Refuse layers that go along one of several dimensions, or change the order of numbers: here, rows are flat."""
    if len(shape) <= 1:
        return
    if kind == "Flatten" and config.get("data_format") == "channels_first":
        raise ArgumentError("it moves channels (data_format='channels_first'), but rows are flattened as they are")
    if kind not in _ANY_SHAPE and not (kind == "Activation" and config["activation"] != "softmax"):
        raise ArgumentError(f"its input has the shape {shape} for each row, not one dimension: put Flatten() before it")


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
    if config.get("rms_scaling"):
        raise ArgumentError(
            "it divides by the root of the mean square (rms_scaling=True), without subtracting the mean"
        )
    yield Part(LayerNormalization(epsilon=config["epsilon"]), _scale(config, weights, config["width"]))


def _scale(config: dict[str, Any], weights: list[Array], width: int) -> dict[str, Array]:
    """gamma and beta; those that do nothing if the layer has none."""
    _check_axis(config)
    left = list(weights)
    gamma = left.pop(0) if config.get("scale", True) else np.ones(width)
    return {"gamma": gamma, "beta": left.pop(0) if config.get("center", True) else np.zeros(width)}


def _check_axis(config: dict[str, Any]) -> None:
    axis = config.get("axis", -1)
    if axis not in (-1, 1, [-1], [1], (-1,), (1,)):
        raise ArgumentError(f"its axis is {axis}, not that of the units, -1")


def _normalization(layer: Any, config: dict[str, Any], weights: list[Array]) -> Iterator[Part]:
    if config.get("invert"):
        raise ArgumentError("it inverts a normalisation (invert=True)")
    mean, variance = (np.array(_numpy(value), np.float64).ravel() for value in (layer.mean, layer.variance))
    width = config["width"]
    mean, variance = np.broadcast_to(mean, width), np.broadcast_to(variance, width)
    yield Part(Normalization(), {"mean": mean, "variance": np.maximum(variance, _EPSILON**2)})


def _numpy(value: Any) -> Any:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _softmax(layer: Any, config: dict[str, Any], weights: list[Array]) -> Iterator[Part]:
    _check_axis(config)
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
