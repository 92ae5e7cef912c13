"""The layers of a Keras model as a tree: a sequence, and sums of a value and what layers made of it."""

from __future__ import annotations

from typing import Any

from .._base.errors import ArgumentError

KINDS = ("Sequential", "Functional")  # a keras.Model(inputs, outputs) is the latter


def layers_of(model: Any) -> list[Any]:
    """The layers in the order in which data pass through them; a list stands for those inside of a residual sum."""
    if type(model).__name__ == "Sequential":
        return list(model.layers)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ArgumentError(
            f"source must have one input and one output, not {len(model.inputs)} and {len(model.outputs)}"
        )
    return _Depths().between(model.inputs[0], model.outputs[0])


class _Depths:
    """Knows how many layers lie before a tensor."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def between(self, start: Any, end: Any) -> list[Any]:
        """The layers that make the tensor ``end`` of ``start``."""
        found: list[Any] = []
        while end is not start:
            operation, given = _maker(end)
            if not given:
                raise ArgumentError(f"source is no sequence: {operation.name!r} is an input of its own")
            if len(given) == 1:
                found.append(operation)
                end = given[0]
                continue
            if type(operation).__name__ != "Add" or len(given) > 2 or given[0] is given[1]:
                raise ArgumentError(
                    f"layer {operation.name!r} of source is a {type(operation).__name__} of {len(given)} values: only "
                    "the sum of a value and what layers made of it can be imported, a Residual"
                )
            shortcut, end = sorted(given, key=self.before)
            found.append(self.between(shortcut, end))
            end = shortcut
        return found[::-1]

    def before(self, tensor: Any) -> int:
        """The length of the longest way from an input to the tensor."""
        waiting = [tensor]
        while waiting:
            given = _maker(waiting[-1])[1]
            unknown = [one for one in given if id(one) not in self._known]
            if unknown:
                waiting += unknown
            else:
                self._known[id(waiting.pop())] = 1 + max((self._known[id(one)] for one in given), default=0)
        return self._known[id(tensor)]


def _maker(tensor: Any) -> tuple[Any, list[Any]]:
    """The layer that makes a tensor, and of which other tensors."""
    operation, node, _ = tensor._keras_history
    return operation, list(operation._inbound_nodes[node].input_tensors)
