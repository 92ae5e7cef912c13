"""Layers are declarations: what is wanted, without arrays or arithmetic. Floor 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import _check, initializers
from ._errors import ArgumentError
from .initializers import Initializer

ACTIVATIONS = ("linear", "relu", "softmax")
MOST_UNITS = 2**31 - 1


@dataclass(frozen=True)
class Layer:
    """Base of all layers."""

    def config(self) -> dict[str, Any]:
        """A JSON-ready description; `from_config` reads it back."""
        raise TypeError(f"{type(self).__name__} has no configuration")


@dataclass(frozen=True)
class Dense(Layer):
    """A fully connected layer: activation(x·kernel + bias).

    Parameters
    ----------
    units : int
        Width of the output, at least 1.
    activation : {"linear", "relu", "softmax"} or None, default None
        None means linear.
    use_bias : bool, default True
    kernel_initializer : str or Initializer, optional
        Default: ``"he_normal"`` before a ReLU, else ``"glorot_uniform"``. See `fastmlp.initializers`.
    bias_initializer : str or Initializer, default ``"zeros"``

    Raises
    ------
    ArgumentError
        If a value is not one of the legal ones.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Dense(64, activation="relu").kernel_initializer.name
    'he_normal'
    """

    units: int
    activation: str = "linear"
    use_bias: bool = True
    kernel_initializer: Initializer = None  # type: ignore[assignment]  # filled in below
    bias_initializer: Initializer = None  # type: ignore[assignment]

    def __init__(
        self,
        units: int,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer | dict[str, Any] | None = None,
        bias_initializer: str | Initializer | dict[str, Any] = "zeros",
    ) -> None:
        if activation is None:
            activation = "linear"
        if kernel_initializer is None:
            kernel_initializer = "he_normal" if activation == "relu" else "glorot_uniform"
        set_field = object.__setattr__  # the dataclass is frozen
        set_field(self, "units", _check.whole_number(units, "units", minimum=1, maximum=MOST_UNITS))
        set_field(self, "activation", _check.choice(activation, "activation", ACTIVATIONS))
        set_field(self, "use_bias", _check.yes_or_no(use_bias, "use_bias"))
        set_field(self, "kernel_initializer", initializers.get(kernel_initializer, "kernel_initializer"))
        set_field(self, "bias_initializer", initializers.get(bias_initializer, "bias_initializer"))

    def config(self) -> dict[str, Any]:
        return {
            "type": "Dense",
            "units": self.units,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "kernel_initializer": self.kernel_initializer.config(),
            "bias_initializer": self.bias_initializer.config(),
        }


_TYPES: dict[str, type[Layer]] = {"Dense": Dense}


def from_config(config: dict[str, Any]) -> Layer:
    """A layer from its `Layer.config`."""
    arguments = dict(config)
    kind = arguments.pop("type", None)
    if kind not in _TYPES:
        raise ArgumentError(f"unknown layer type {kind!r}; there are {', '.join(_TYPES)}")
    return _TYPES[kind](**arguments)
