"""Functions of users that kernels call: the tables of this process.

Programs hold the index of a function, and kernels read the addresses of its machine code from a table. Indices and
addresses mean nothing in another process, so files and pickles never hold them: users' functions travel by name. An
entry is never removed, because a program may use it; the same functions have one entry.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import ArgumentError

MOST = 4096  # entries of a table: kernels read it without a lock, so it never moves
# The addresses of an entry: a strip of numbers, and the same with slopes, in each precision
FLOAT32, FLOAT32_SLOPES, FLOAT64, FLOAT64_SLOPES = range(4)
WAYS = 4


class Table:
    """Functions of one kind, each with its derivative."""

    def __init__(self) -> None:
        self.addresses = np.zeros((MOST, WAYS), np.int64)
        self.count = np.zeros(1, np.int64)  # how many entries kernels may use
        self.pairs: list[tuple[Callable[..., Any], Callable[..., Any]]] = []  # as Python runs them
        self._indices: dict[tuple[int, int], int] = {}  # by identity, which `_given` keeps unique
        self._given: list[tuple[Callable[..., Any], Callable[..., Any]]] = []

    def find(self, function: Callable[..., Any], derivative: Callable[..., Any]) -> int | None:
        """The index of two functions, or None."""
        return self._indices.get((id(function), id(derivative)))

    def add(self, function: Callable[..., Any], derivative: Callable[..., Any], addresses: list[int]) -> int:
        """Add two functions with the addresses of their machine code; the caller holds a lock."""
        index = len(self.pairs)
        if index == MOST:
            raise ArgumentError(
                f"function: this process has {MOST:,} functions of this kind already, which are never removed: make "
                "one object, and use it in all models"
            )
        self.addresses[index] = addresses
        self._given.append((function, derivative))
        self.pairs.append((in_python(function), in_python(derivative)))
        self._indices[id(function), id(derivative)] = index
        self.count[0] = index + 1  # last, because other threads may read
        return index

    def numbers(self, index: int, *arguments: Any) -> tuple[Any, Any]:
        """Values and slopes, element by element in Python; NaN where a function raises an error of arithmetic."""
        function, derivative = self.pairs[index]
        return each(function, arguments), each(derivative, arguments)


def in_python(function: Callable[..., Any]) -> Callable[..., Any]:
    """The Python function that numba compiles, or any other as it is."""
    return getattr(function, "py_func", function)


def each(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """A function of numbers for each element of some arrays; NaN where it raises an error of arithmetic."""
    found = np.empty_like(arguments[0])
    for place in np.ndindex(found.shape):
        try:
            found[place] = function(*(argument[place] for argument in arguments))
        except (ArithmeticError, ValueError):
            found[place] = np.nan
    return found


ACTIVATIONS, LOSSES = Table(), Table()
