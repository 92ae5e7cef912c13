"""The way through the layers of a network that exporters share; each of them says what one layer becomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from .. import layers
from .._base.errors import ArgumentError
from .._base.types import Array
from .._network import bound
from .._network.network import Network

T = TypeVar("T")

# The method for each type of layers. A Residual is a node of the tree, which `Walk.made` goes into.
METHODS: dict[type[layers.Layer], str] = {
    layers.Dense: "dense",
    layers.Activation: "activation",
    layers.Flatten: "activation",  # the linear one: rows are flat already
    layers.Dropout: "dropout",
    layers.GaussianNoise: "noise",
    layers.BatchNormalization: "batch_normalization",
    layers.LayerNormalization: "layer_normalization",
    layers.Normalization: "normalization",
    layers.Scale: "scale",
}


class Walk(ABC, Generic[T]):
    """Makes something of each layer; a layer gets its tensors as those of `fastmlp._network.bound.BoundLayer`."""

    cannot: ClassVar[str] = "cannot be exported"

    def __init__(self, network: Network) -> None:
        self.network = network
        self.dtype = network.dtype

    def made(self, nodes: Sequence[bound.BoundLayer | bound.BoundResidual]) -> Iterator[T]:
        """What layers become, in the order in which data pass through them."""
        for node in nodes:
            if isinstance(node, bound.BoundResidual):
                yield self.residual(list(self.made(node.layers)))
                continue
            method = METHODS.get(type(node.declaration))
            if method is None:
                raise ArgumentError(f"a {type(node.declaration).__name__} layer {self.cannot}: {node!r:.100}")
            yield from getattr(self, method)(node)

    def dense(self, layer: Any) -> Iterator[T]:
        """The product, and the activation behind it."""
        yield self.affine(layer)
        yield from self.activation(layer)

    def activation(self, layer: Any) -> Iterator[T]:
        """The activation of a layer, unless it is linear."""
        if layer.activation != "linear":
            yield self.function(layer.activation)

    @abstractmethod
    def affine(self, layer: Any) -> T:
        """x·kernel + bias."""

    @abstractmethod
    def function(self, activation: str) -> T:
        """An activation other than linear."""

    @abstractmethod
    def residual(self, inside: list[T]) -> T:
        """X plus what is inside."""

    @abstractmethod
    def batch_normalization(self, layer: Any) -> Iterable[T]:
        """With the running statistics."""

    @abstractmethod
    def layer_normalization(self, layer: Any) -> Iterable[T]:
        """The normalisation of each row."""

    @abstractmethod
    def normalization(self, layer: Any) -> Iterable[T]:
        """With statistics of features."""

    @abstractmethod
    def scale(self, layer: Any) -> Iterable[T]:
        """x·gamma + beta."""

    def dropout(self, layer: Any) -> Iterable[T]:
        """Nothing, if predictions are all that is wanted."""
        return ()

    def noise(self, layer: Any) -> Iterable[T]:
        """Nothing, as for dropout."""
        return ()


def beta_of(scale: Any) -> Array:
    """The beta of a `Scale` layer; zeros if it has none."""
    beta: Array = scale.beta if scale.declaration.use_bias else np.zeros_like(scale.gamma)
    return beta
