"""Parts of a network: consecutive elements, as a network that has its tensors in common with the whole.

The tensors of consecutive layers lie one after the other in the flat vector, in the same way as in a network of these
layers alone. So the vector of a part is a view of that of the whole, and nothing is copied or kept in step: training
one changes the other, to the last bit. Each has a program, an optimiser, a loss and a history of its own.
"""

import dataclasses
import operator
from typing import Any, TypeVar

from .._base.errors import ArgumentError, ArgumentTypeError, BusyError
from ..layers import Activation, Flatten, Layer, leaves, output_of
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


# ---------------------------------------------------------------- models as layers of others


def adopt(network: Network, other: Network) -> None:
    """Append the layers of a network that is a whole of its own; it becomes a part, and both share its tensors."""
    _refuse_to_adopt(network, other)
    start, known = len(network.declarations), other.data_known
    network.append_layers_of(other)
    network.take_choices([known])
    if start == 0:
        network.data_known = dataclasses.replace(
            network.data_known, feature_names=known.feature_names, input_kind=known.input_kind
        )
    if known.classes is not None and network.declared_classes is None:  # until dense layers follow
        network.data_known = dataclasses.replace(network.data_known, classes=known.classes, has_learned_classes=True)


def _refuse_to_adopt(network: Network, other: Network) -> None:
    if other.root is not other or other is network:
        raise ArgumentError(
            "a model can be a part of one other model only, and this one is a part already: give a copy "
            "(copy.deepcopy), whose weights are its own, or put all layers into one model and use its parts"
        )
    if other.dtype != network.dtype or other.uint8_scale != network.uint8_scale:
        raise ArgumentError(
            f"a model of {other.dtype} with uint8_scale={other.uint8_scale:.6g} cannot be a part of one of "
            f"{network.dtype} with uint8_scale={network.uint8_scale:.6g}: make both with the same settings"
        )
    if other.reads_tables:
        raise ArgumentError(
            "a model that begins with a TableEncoder cannot be a part of another one: let the whole begin with the "
            "encoder, and add the layers after it"
        )
    if other.is_busy:
        raise BusyError("this model is being trained: wait for its end before it becomes a part of another one")
    before, width = output_of(network.declarations)[0], other.width_known
    if before is not None and width not in (None, before):
        raise ArgumentError(f"this model reads {width} features, but the layers before it give {before}")
    if not other.declarations:
        raise ArgumentError("this model has no layers yet: add them before it becomes a part of another model")
