"""Names of a model's layers."""

import re
from collections.abc import Sequence

from .._base.errors import ArgumentError
from ..layers import Layer, leaves


def names_of(layers: Sequence[Layer]) -> list[str]:
    """A name for each leaf: the given one, or one made from the type, as in Keras: "dense", "dense_1".

    >>> from fastmlp import BatchNormalization, Dense
    >>> names_of([Dense(4), Dense(3, name="dense_1"), Dense(2), BatchNormalization()])
    ['dense', 'dense_1', 'dense_2', 'batch_normalization']
    """
    found = list(leaves(layers))
    taken = {layer.name for layer in found if layer.name is not None}
    return [layer.name or _unused(layer, taken) for layer in found]


def _unused(layer: Layer, taken: set[str]) -> str:
    """A name that no other layer has; it is then taken."""
    stem = re.sub("(?<=[a-z])(?=[A-Z])", "_", type(layer).__name__).lower()
    names = (f"{stem}_{number}" if number else stem for number in range(len(taken) + 1))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def refuse_repeated_names(layers: Sequence[Layer]) -> None:
    """Refuse two layers with one name that the user has given."""
    names = [layer.name for layer in leaves(layers) if layer.name is not None]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise ArgumentError(f"two layers have the name {repeated!r}: names of layers must differ")
