"""Names of a model's layers."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from .._base.errors import ArgumentError
from ..layers import Layer, leaves


def names_of(layers: Sequence[Layer]) -> list[str]:
    """A name for each leaf: the given one, or one made from the type, as in Keras: "dense", "dense_1".

    >>> from fastmlp import BatchNormalization, Dense
    >>> names_of([Dense(4), Dense(3, name="dense_1"), Dense(2), BatchNormalization()])
    ['dense', 'dense_1', 'dense_2', 'batch_normalization']
    """
    found = list(leaves(layers))
    given = {layer.name for layer in found if layer.name is not None}
    made: dict[type[Layer], Iterator[str]] = {}
    for kind in {type(layer) for layer in found}:
        made[kind] = (name for name in _names_from(kind) if name not in given)
    return [layer.name or next(made[type(layer)]) for layer in found]


def _names_from(kind: type[Layer]) -> Iterator[str]:
    stem = re.sub("(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
    yield stem
    for number in itertools.count(1):
        yield f"{stem}_{number}"


def refuse_repeated_names(layers: Sequence[Layer]) -> None:
    """Refuse two layers with one name that the user has given."""
    names = [layer.name for layer in leaves(layers) if layer.name is not None]
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise ArgumentError(f"two layers have the name {repeated!r}: names of layers must differ")
