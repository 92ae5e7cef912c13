"""A network as a model of Keras, layer by layer, for predictions and further training there."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import activations
from .._base.errors import ArgumentError
from .._base.extras import library
from .._base.types import Array
from .._network import bound
from .._network.network import Network
from .description import described, refuse_encoder, refuse_ruined
from .walk import Walk, beta_of

_NAMES = {"hard_swish": "hard_silu"}  # those that Keras names otherwise
_OWN_LAYERS = {"leaky_relu": "LeakyReLU", "elu": "ELU"}  # activations with a parameter


def to_keras(network: Network) -> Any:
    """See `Sequential.to_keras`."""
    refuse_encoder(network)
    keras = library("keras", "keras", "to_keras()")
    refuse_ruined(network)
    _refuse_large_means(network)
    given = keras.Input((network.engine.program.fan_in,), dtype=str(network.dtype))
    made = list(_ToKeras(network, keras).made(bound.tree_of(network)))
    outputs = _applied(keras, made, given)
    if any(isinstance(part, list) for part in made):
        model = keras.Model(given, outputs)
    else:
        model = keras.Sequential([given, *(layer for layer, _ in _flat(made))])
    for layer, values in _flat(made):
        layer.set_weights(values)
    return model


def _refuse_large_means(network: Network) -> None:
    """Refuse features whose differences would be lost: Keras rounds them to float32 before the first layer."""
    first = described(network, fold=False).first_shift
    if first is not None and first.has_large_center:
        raise ArgumentError(
            "Keras rounds features to float32 before it subtracts their means, which are so large that differences "
            "would be lost: subtract about the mean from the columns yourself, and train on these"
        )


# A layer of Keras with its weights, or those inside of a residual connection
_Made: TypeAlias = "tuple[Any, list[Array]] | list[_Made]"


def _applied(keras: Any, made: list[_Made], x: Any) -> Any:
    """What Keras's layers make of ``x``."""
    for part in made:
        x = keras.layers.Add()([x, _applied(keras, part, x)]) if isinstance(part, list) else part[0](x)
    return x


def _flat(made: list[_Made]) -> Iterator[tuple[Any, list[Array]]]:
    """All layers with their weights."""
    for part in made:
        if isinstance(part, list):
            yield from _flat(part)
        else:
            yield part


_EPSILON = 1e-3  # of a batch normalisation that scales alone


class _ToKeras(Walk[_Made]):
    cannot = "cannot become one of Keras"

    def __init__(self, network: Network, keras: Any) -> None:
        super().__init__(network)
        self.keras = keras

    def _layer(self, kind: str, weights: Sequence[Array] = (), /, **settings: Any) -> _Made:
        return getattr(self.keras.layers, kind)(**settings, dtype=str(self.dtype)), list(weights)

    def affine(self, layer: Any) -> _Made:
        declared = layer.declaration
        return self._layer("Dense", layer.get_weights(), units=declared.units, use_bias=declared.use_bias)

    def function(self, activation: str) -> _Made:
        name = activations.without_parameters(activation)
        if name in _OWN_LAYERS:
            return self._layer(_OWN_LAYERS[name], **activations.parameters(activation))
        if name == "gelu_tanh" or name not in activations.RULES:
            raise ArgumentError(f"Keras has no layer for the activation {activation!r}")
        return self._layer("Activation", activation=_NAMES.get(name, name))

    def residual(self, inside: list[_Made]) -> _Made:
        return inside

    def dropout(self, layer: Any) -> Iterator[_Made]:
        yield self._layer("Dropout", rate=layer.declaration.rate)

    def noise(self, layer: Any) -> Iterator[_Made]:
        yield self._layer("GaussianNoise", stddev=layer.declaration.stddev)

    def batch_normalization(self, layer: Any) -> Iterator[_Made]:
        declared, weights = layer.declaration, [layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance]
        yield self._layer("BatchNormalization", weights, momentum=declared.momentum, epsilon=declared.epsilon)

    def layer_normalization(self, layer: Any) -> Iterator[_Made]:
        yield self._layer("LayerNormalization", [layer.gamma, layer.beta], epsilon=layer.declaration.epsilon)

    def normalization(self, layer: Any) -> Iterator[_Made]:
        yield self._layer("Normalization", mean=layer.mean.tolist(), variance=layer.variance.tolist())

    def scale(self, layer: Any) -> Iterator[_Made]:
        """A batch normalisation that divides by 1: Keras has no layer with factors alone."""
        gamma = layer.gamma
        weights = [gamma, beta_of(layer), np.zeros_like(gamma), np.full_like(gamma, 1 - _EPSILON)]
        yield self._layer("BatchNormalization", weights, epsilon=_EPSILON)
