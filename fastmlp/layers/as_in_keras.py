"""The shape of the input, and activations that are layers, as Keras spells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import activations
from .._base.errors import ArgumentError
from .base import shape_of_rows
from .dense import Activation


@dataclass(frozen=True)
class InputLayer:
    """The shape of a row, as the first element of `fastmlp.Sequential`; it is no layer of the model.

    Parameters
    ----------
    shape : tuple of int
        ``(784,)``, or ``(28, 28)`` before a `Flatten`.
    name : str, optional
        Not used.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Input((4,)), fm.Dense(2, activation="softmax")])
    >>> model.is_built, len(model.layers)
    (True, 1)
    """

    shape: tuple[int, ...] | None
    name: str | None = None

    def __init__(self, shape: Any = None, *, name: str | None = None, input_shape: Any = None) -> None:
        given = input_shape if shape is None else shape
        object.__setattr__(self, "shape", shape_of_rows(given, "shape"))
        object.__setattr__(self, "name", name)


def Input(shape: Any = None, **others: Any) -> InputLayer:  # noqa: N802  # as in Keras
    """The shape of a row, as the first element of `fastmlp.Sequential`: an `InputLayer`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Input(shape=(784,)).shape
    (784,)
    """
    return InputLayer(**others) if shape is None else InputLayer(shape, **others)


def ReLU(  # noqa: N802
    max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **others: Any
) -> Activation:
    """``Activation("relu")``, as Keras spells it; with a ``negative_slope`` it is `LeakyReLU`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.layers.ReLU()
    Activation('relu')
    """
    if max_value is not None or threshold:
        raise ArgumentError("ReLU takes no max_value or threshold: it is max(x, 0)")
    return Activation(activations.leaky_relu(negative_slope) if negative_slope else "relu", **others)


def LeakyReLU(negative_slope: float = 0.3, **others: Any) -> Activation:  # noqa: N802
    """``Activation("leaky_relu(0.3)")``: the slope is that of Keras's layer, not that of its activation, 0.2.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.layers.LeakyReLU(0.01)
    Activation('leaky_relu(0.01)')
    """
    return Activation(activations.leaky_relu(others.pop("alpha", negative_slope)), **others)


def ELU(alpha: float = 1.0, **others: Any) -> Activation:  # noqa: N802
    """``Activation("elu")``, as Keras spells it.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.layers.ELU(0.5)
    Activation('elu(0.5)')
    """
    return Activation(activations.elu(alpha), **others)


def Softmax(axis: int = -1, **others: Any) -> Activation:  # noqa: N802
    """``Activation("softmax")``, as Keras spells it.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.layers.Softmax()
    Activation('softmax')
    """
    others["axis"] = axis
    return Activation("softmax", **others)
