"""A network as a model of Keras, layer by layer, for predictions and further training there."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import activations, layers
from .._base.errors import ArgumentError
from .._base.extras import library
from .._base.types import Array
from .._network import bound
from .._network.network import Network
from .description import ScaleShift, described, refuse_encoder, refuse_ruined

_NAMES = {"hard_swish": "hard_silu"}  # those that Keras names otherwise
_OWN_LAYERS = {"leaky_relu": "LeakyReLU", "elu": "ELU"}  # activations with a parameter


def to_keras(network: Network) -> Any:
    """See `Sequential.to_keras`."""
    refuse_encoder(network)
    keras = library("keras", "keras", "to_keras()")
    refuse_ruined(network)
    _refuse_large_means(network)
    given = keras.Input((network.engine.program.fan_in,), dtype=str(network.dtype))
    weights: list[tuple[Any, list[Array]]] = []
    tree = bound.tree_of(network)
    outputs = _applied(keras, network, tree, given, weights)
    if any(isinstance(node, bound.BoundResidual) for node in tree):
        model = keras.Model(given, outputs)
    else:
        model = keras.Sequential([given, *(layer for layer, _ in weights)])
    for layer, values in weights:
        layer.set_weights(values)
    return model


def _refuse_large_means(network: Network) -> None:
    """Refuse features whose differences would be lost: Keras rounds them to float32 before the first layer."""
    first = next(iter(described(network, fold=False).steps), None)
    if isinstance(first, ScaleShift) and first.has_large_center:
        raise ArgumentError(
            "Keras rounds features to float32 before it subtracts their means, which are so large that differences "
            "would be lost: subtract about the mean from the columns yourself, and train on these"
        )


def _applied(
    keras: Any,
    network: Network,
    nodes: Sequence[bound.BoundLayer | bound.BoundResidual],
    x: Any,
    weights: list[tuple[Any, list[Array]]],
) -> Any:
    """What Keras's layers make of ``x``; they and their weights go to ``weights``."""
    for node in nodes:
        if isinstance(node, bound.BoundResidual):
            x = keras.layers.Add()([x, _applied(keras, network, node.layers, x, weights)])
            continue
        make = _MAKERS.get(type(node.declaration))
        if make is None:
            raise ArgumentError(f"a {type(node.declaration).__name__} layer cannot become one of Keras: {node!r:.100}")
        for layer, values in make(keras, str(network.dtype), node):
            x = layer(x)
            weights.append((layer, values))
    return x


_Made = list[tuple[Any, list[Array]]]


def _dense(keras: Any, dtype: str, layer: Any) -> _Made:
    declared = layer.declaration
    made = keras.layers.Dense(declared.units, use_bias=declared.use_bias, dtype=dtype)
    return [(made, layer.get_weights()), *_activation(keras, dtype, layer)]


def _activation(keras: Any, dtype: str, layer: Any) -> _Made:
    name = activations.without_parameters(layer.activation)
    if name == "linear":
        return []
    if name in _OWN_LAYERS:
        return [(getattr(keras.layers, _OWN_LAYERS[name])(**activations.parameters(layer.activation), dtype=dtype), [])]
    if name == "gelu_tanh" or name not in activations.RULES:
        raise ArgumentError(f"Keras has no layer for the activation {layer.activation!r}")
    return [(keras.layers.Activation(_NAMES.get(name, name), dtype=dtype), [])]


def _dropout(keras: Any, dtype: str, layer: Any) -> _Made:
    return [(keras.layers.Dropout(layer.declaration.rate, dtype=dtype), [])]


def _noise(keras: Any, dtype: str, layer: Any) -> _Made:
    return [(keras.layers.GaussianNoise(layer.declaration.stddev, dtype=dtype), [])]


def _batch_norm(keras: Any, dtype: str, layer: Any) -> _Made:
    declared = layer.declaration
    made = keras.layers.BatchNormalization(momentum=declared.momentum, epsilon=declared.epsilon, dtype=dtype)
    return [(made, [layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance])]


def _layer_norm(keras: Any, dtype: str, layer: Any) -> _Made:
    made = keras.layers.LayerNormalization(epsilon=layer.declaration.epsilon, dtype=dtype)
    return [(made, [layer.gamma, layer.beta])]


def _normalization(keras: Any, dtype: str, layer: Any) -> _Made:
    made = keras.layers.Normalization(mean=layer.mean.tolist(), variance=layer.variance.tolist(), dtype=dtype)
    return [(made, [])]


_EPSILON = 1e-3


def _scale(keras: Any, dtype: str, layer: Any) -> _Made:
    """A batch normalisation that divides by 1: Keras has no layer with factors alone."""
    gamma, declared = layer.gamma, layer.declaration
    beta = layer.beta if declared.use_bias else np.zeros_like(gamma)
    made = keras.layers.BatchNormalization(epsilon=_EPSILON, dtype=dtype)
    return [(made, [gamma, beta, np.zeros_like(gamma), np.full_like(gamma, 1 - _EPSILON)])]


_MAKERS: dict[type[layers.Layer], Callable[[Any, str, Any], _Made]] = {
    layers.Dense: _dense,
    layers.Activation: _activation,
    layers.Flatten: _activation,
    layers.Dropout: _dropout,
    layers.GaussianNoise: _noise,
    layers.BatchNormalization: _batch_norm,
    layers.LayerNormalization: _layer_norm,
    layers.Normalization: _normalization,
    layers.Scale: _scale,
}
