"""Weights of a network as scikit-learn shows them: a list of arrays."""

from typing import Any

from ..model import Sequential
from .translation import dense_tensors, write_dense_tensors


class Coefficients(list[Any]):
    """The arrays of all layers, which are read-only copies; an array that replaces one goes into the network.

    `_name` is the estimator's attribute, for messages.
    """

    def __init__(self, model: Sequential, tensor: str, name: str) -> None:
        super().__init__(dense_tensors(model, tensor))
        self._model, self._tensor, self._name = model, tensor, name

    def __setitem__(self, place: Any, value: Any) -> None:
        changed = list(self)
        changed[place] = value
        write_dense_tensors(self._model, self._tensor, changed, self._name)
        super().__init__(dense_tensors(self._model, self._tensor))

    def __reduce__(self) -> tuple[Any, ...]:
        return (list, ([array.copy() for array in self],))
