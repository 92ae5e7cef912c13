"""Layers that hold others, and what goes through all of them: checks, leaves, and their configurations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from .base import Layer
from .dense import Activation, Dense, Flatten
from .randomness import Dropout, GaussianNoise
from .scaling import BatchNormalization, LayerNormalization, Normalization, Scale

MOST_NESTED = 100  # residuals inside of residuals: recursive functions write and read them


@dataclass(frozen=True, repr=False)
class Residual(Layer):
    """x + layers(x): the layers inside learn what to add to their input (a skip connection).

    Parameters
    ----------
    layers : sequence of Layer
        Their output must be as wide as their input. They may contain further `Residual` layers, to a depth of 100.

    References
    ----------
    He et al., "Deep residual learning for image recognition", 2016.

    Examples
    --------
    >>> import fastmlp as fm
    >>> block = fm.Residual([fm.LayerNormalization(), fm.Dense(64, activation="gelu"), fm.Dense(64)])
    >>> model = fm.Sequential([fm.Dense(64), block, fm.Dense(10, activation="softmax")])
    """

    layers: tuple[Layer, ...]

    def __init__(self, layers: Iterable[Layer], *, name: str | None = None, input_shape: Any = None) -> None:
        self._set(layers=tuple(checked(layers)), name=name, input_shape=input_shape)
        self.__post_init__()
        if not self.layers:
            raise ArgumentError("Residual needs at least one layer inside")
        if _depth(self) > MOST_NESTED:
            raise ArgumentError(f"a Residual may hold others to a depth of {MOST_NESTED}: put some of them in sequence")

    def __repr__(self) -> str:
        return f"Residual({list(self.layers)!r})"

    def config(self) -> dict[str, Any]:
        return self._described(layers=[layer.config() for layer in self.layers])

    def holding(self, layers: Iterable[Layer]) -> Residual:
        """The same residual connection around other layers."""
        return Residual(layers, name=self.name, input_shape=self.input_shape)


TYPES: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        Dense,
        Activation,
        Flatten,
        Dropout,
        GaussianNoise,
        BatchNormalization,
        LayerNormalization,
        Normalization,
        Scale,
        Residual,
    )
}


def from_config(config: dict[str, Any]) -> Layer:
    """A layer from its `Layer.config`."""
    arguments = dict(config)
    kind = arguments.pop("type", None)
    if kind not in TYPES:
        raise ArgumentError(f"unknown layer type {kind!r}; there are {', '.join(TYPES)}")
    if kind == "Residual":
        arguments["layers"] = [from_config(item) for item in arguments["layers"]]
    return TYPES[kind](**arguments)


def checked(layers: Iterable[Any]) -> list[Layer]:
    """A list of layers, each of them checked."""
    found = check.items(layers, "layers", "layers")
    for layer in found:
        if isinstance(getattr(layer, "declaration", None), Layer):
            raise ArgumentTypeError(
                f"{layer!r:.60} is a layer of another model: model[:2] is a part of that model, which shares its "
                "weights, and layer.declaration is the layer alone, without weights"
            )
        if type(layer) not in TYPES.values():
            raise ArgumentTypeError(
                f"layers must be layer objects such as fastmlp.Dense(64), not {layer!r:.60}; "
                "fastmlp.mlp([128, 64], classes=10) makes a model from widths"
            )
    return found


def _depth(layer: Layer) -> int:
    """The depth of nested residuals."""
    return 1 + max(map(_depth, layer.layers)) if isinstance(layer, Residual) else 0


def leaves(layers: Sequence[Layer]) -> Iterator[Layer]:
    """All layers in the order in which data pass through them, with those inside of others in their place."""
    for layer in layers:
        if isinstance(layer, Residual):
            yield from leaves(layer.layers)
        else:
            yield layer


def with_leaf(layers: Sequence[Layer], index: int, new: Layer) -> list[Layer]:
    """The layers, with another layer in the place of one leaf."""
    found: list[Layer] = []
    for layer in layers:
        count = len(list(leaves([layer])))
        if not 0 <= index < count:
            found.append(layer)
        else:
            found.append(layer.holding(with_leaf(layer.layers, index, new)) if isinstance(layer, Residual) else new)
        index -= count
    return found


def with_each_leaf(layers: Sequence[Layer], change: Callable[[Layer], Layer]) -> list[Layer]:
    """The layers with each leaf replaced by ``change(leaf)``, in the order in which data pass through them."""
    return [
        layer.holding(with_each_leaf(layer.layers, change)) if isinstance(layer, Residual) else change(layer)
        for layer in layers
    ]


def declared(layers: Sequence[Layer]) -> list[Layer]:
    """The layers as they were declared, without statistics that a model has learned."""
    return with_each_leaf(layers, lambda layer: getattr(layer, "stands_for", None) or layer)


def output_of(layers: Sequence[Layer]) -> tuple[int | None, str]:
    """The width of the output (None: that of the input) and the name of the last activation."""
    widths = [layer.units for layer in leaves(layers) if isinstance(layer, Dense)]
    last = next((layer for layer in reversed(layers) if not _is_identity(layer)), None)
    activation = last.activation if isinstance(last, (Dense, Activation)) else "linear"
    return widths[-1] if widths else None, str(activation)


def _is_identity(layer: Layer) -> bool:
    return isinstance(layer, Activation) and layer.activation == "linear"
