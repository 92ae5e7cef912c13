"""The place of a part in a whole network, and what follows from it."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._engine.engine import Engine
from ..layers import leaves, output_of


class Place(NamedTuple):
    """Elements ``start`` to ``stop`` of the declarations of a whole `fastmlp._network.network.Network`."""

    whole: Any
    start: int
    stop: int

    @property
    def layers(self) -> slice:
        """The numbers of its layers, without nesting, among those of the whole."""
        declarations = self.whole.declarations
        first = len(list(leaves(declarations[: self.start])))
        return slice(first, first + len(list(leaves(declarations[self.start : self.stop]))))

    @property
    def units_before(self) -> int | None:
        """The width of what comes in, if a layer before it determines that."""
        return output_of(self.whole.declarations[: self.start])[0]

    @property
    def width(self) -> int | None:
        """The width of its input: that of the layer before, or that of the whole, if it is known."""
        known: int | None = self.whole.width_known
        return known if self.units_before is None else self.units_before

    def base(self, engine: Engine) -> int:
        """Where its tensors begin in the vector of the engine of the whole."""
        layers = self.layers
        offsets = [tensor.offset for tensor in engine.program.tensors if layers.start <= tensor.layer < layers.stop]
        return offsets[0] if offsets else 0
