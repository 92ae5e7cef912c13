"""Arithmetic with the result of an evaluation: one value is a number, and NumPy takes several as an array."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .._base.errors import ArgumentTypeError
from .._base.types import Array


def _alone(scores: Any, use: str) -> float:
    """The only value."""
    values = list(dict.values(scores))
    if len(values) != 1:
        names = list(dict.keys(scores))
        raise ArgumentTypeError(
            f"the result holds {len(values)} values ({', '.join(names)}), so {use} needs one of them, such as "
            f"scores[{names[0] if names else 'loss'!r}], or all as an array: numpy.asarray(scores)"
        )
    return float(values[0])


def _plain(value: Any) -> Any:
    return _alone(value, "arithmetic") if isinstance(value, Numbers) else value


def _binary(function: Callable[[Any, Any], Any]) -> Any:
    return lambda self, other: function(_plain(self), _plain(other))


def _reflected(function: Callable[[Any, Any], Any]) -> Any:
    return lambda self, other: function(_plain(other), _plain(self))


def _unary(function: Callable[[Any], Any]) -> Any:
    return lambda self: function(_plain(self))


class Numbers(dict[str, float]):
    """A dict of numbers that is a number itself if it holds one, as where Keras gives a number instead of a list."""

    __slots__ = ()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        values = list(self.values())
        return np.array(values[0] if len(values) == 1 else values, np.float64 if dtype is None else dtype)

    def __float__(self) -> float:
        return _alone(self, "a number")

    def __int__(self) -> int:
        return int(_alone(self, "a number"))

    def __round__(self, digits: int | None = None) -> float:
        return round(_alone(self, "round()"), digits)

    def __format__(self, how: str) -> str:
        return format(_alone(self, f"the format {how!r}"), how) if how else str(self)

    def __eq__(self, other: object) -> bool:
        if len(self) == 1 and isinstance(other, (int, float, np.number)):
            return _alone(self, "==") == other
        return dict.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # as of any dict

    __add__, __radd__ = _binary(operator.add), _reflected(operator.add)
    __sub__, __rsub__ = _binary(operator.sub), _reflected(operator.sub)
    __mul__, __rmul__ = _binary(operator.mul), _reflected(operator.mul)
    __truediv__, __rtruediv__ = _binary(operator.truediv), _reflected(operator.truediv)
    __pow__, __rpow__ = _binary(operator.pow), _reflected(operator.pow)
    __neg__, __pos__, __abs__ = _unary(operator.neg), _unary(operator.pos), _unary(abs)
    __lt__, __le__, __gt__, __ge__ = map(_binary, (operator.lt, operator.le, operator.gt, operator.ge))
