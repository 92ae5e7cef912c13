"""Parts of a network: consecutive elements, as a network that has its tensors in common with the whole.

The tensors of consecutive layers lie one after the other in the flat vector, in the same way as in a network of these
layers alone. So the vector of a part is a view of that of the whole, and nothing is copied or kept in step: training
one changes the other, to the last bit. Each has a program, an optimiser, a loss and a history of its own.
"""

import operator
from typing import Any, TypeVar

from .._base.errors import ArgumentError, ArgumentTypeError
from ..layers import Activation, Flatten, Layer, leaves
from .bound import BoundLayer, BoundResidual, tree_of
from .network import Network

_N = TypeVar("_N", bound=Network)


def part_of(network: Network, new: _N, chosen: slice) -> _N:
    """Make ``new``, a network without layers, the part of a network with the chosen elements."""
    if chosen.step not in (None, 1):
        raise ArgumentError(f"a part of a model has consecutive layers, so its step must be 1, not {chosen.step!r:.60}")
    try:
        start, stop, _ = chosen.indices(len(network.declarations))
    except TypeError:
        raise ArgumentTypeError(
            f"a part is chosen by numbers, such as model[:2], not {chosen.start!r:.40} to {chosen.stop!r:.40}"
        ) from None
    if start >= stop:
        raise ArgumentError(
            f"a part of a model must have at least one of its {len(network.declarations)} layers, not those from "
            f"{start} to before {stop}"
        )
    if all(map(_does_nothing, leaves(network.declarations[start:stop]))):
        raise ArgumentError("this part does nothing: choose layers besides Flatten and linear activations")
    new.be_part_of(network, start, stop)
    return new


def _does_nothing(layer: Layer) -> bool:
    return isinstance(layer, Flatten) or (isinstance(layer, Activation) and layer.activation == "linear")


def element_of(network: Network, place: Any) -> BoundLayer | BoundResidual:
    """The element of a network at a place."""
    elements = tree_of(network)
    try:
        number = operator.index(place)
    except TypeError:
        raise ArgumentTypeError(
            f"a model is indexed by numbers, as in model[0] and model[:2], not {place!r:.60}; get_layer(name) finds a "
            "layer by its name"
        ) from None
    if not -len(elements) <= number < len(elements):
        raise IndexError(f"the model has {len(elements)} layers, and none at place {number}")
    return elements[number]
