"""Names of activation functions. Their arithmetic is in `fastmlp.kernels.activations`.

An activation is a text: its name, for some with a parameter in parentheses, ``"leaky_relu(0.1)"``.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from ._base import check
from ._base import tables as t
from ._base.errors import ArgumentError, ArgumentTypeError

__all__ = ["NAMES", "elu", "get", "leaky_relu", "parsed"]

# Name: operation, kind of activation, and default parameter (None: it takes none)
RULES: dict[str, tuple[int, int, float | None]] = {
    "relu": (t.RELU, -1, None),
    "softmax": (t.SOFTMAX, -1, None),
    "leaky_relu": (t.ACTIVATION, t.LEAKY_RELU, 0.2),
    "elu": (t.ACTIVATION, t.ELU, 1.0),
    "selu": (t.ACTIVATION, t.SELU, None),
    "gelu": (t.ACTIVATION, t.GELU, None),
    "gelu_tanh": (t.ACTIVATION, t.GELU_TANH, None),
    "silu": (t.ACTIVATION, t.SILU, None),
    "softplus": (t.ACTIVATION, t.SOFTPLUS, None),
    "sigmoid": (t.ACTIVATION, t.SIGMOID, None),
    "tanh": (t.ACTIVATION, t.TANH, None),
}
NAMES = ("linear", *RULES)

# The kinds of outputs; each kind is a special case of the one before it.
ANY_NUMBERS, UNIT_INTERVAL, SHARES = 0, 1, 2  # any; from 0 to 1; rows from 0 to 1 whose sum is 1
_ALIASES = {"swish": "silu"}
_TEXT = re.compile(r"(\w+)(?:\((.+)\))?$")


def get(value: str | None, argument: str = "activation") -> str:
    """The standard form of an activation: its name, with its parameter unless that is the default.

    Parameters
    ----------
    value : str or None
        None means ``"linear"``.
    argument : str, default "activation"
        Its name in error messages.

    Raises
    ------
    ArgumentError
        If the activation is unknown, or does not take the parameter.

    Examples
    --------
    >>> from fastmlp import activations
    >>> activations.get("leaky_relu(0.10)"), activations.get(None)
    ('leaky_relu(0.1)', 'linear')
    """
    if value is None:
        return "linear"
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{argument} must be the name of an activation, not {value!r:.60}")
    value = _ALIASES.get(value, value)
    match = _TEXT.match(value)
    name = check.choice(match.group(1) if match else value, argument, NAMES)
    assert match is not None
    if match.group(2) is None:
        return name
    default = RULES[name][2] if name != "linear" else None
    if default is None:
        raise ArgumentError(f"{argument}: {name!r} takes no parameter, but {value!r} gives one")
    return _with_parameter(name, match.group(2), argument)


def _with_parameter(name: str, parameter: Any, argument: str) -> str:
    try:
        number = float(parameter)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"{argument}: the parameter of {name!r} must be a number, not {parameter!r}") from None
    number = check.real_number(number, f"{argument}: the parameter of {name!r}", minimum=0)
    return name if number == RULES[name][2] else f"{name}({number!r})"


def leaky_relu(negative_slope: float = 0.2) -> str:
    """x above 0, ``negative_slope`` · x below (default: Keras's).

    Parameters
    ----------
    negative_slope : float, default 0.2
        At least 0.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If it is negative, or no finite number.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Dense(8, activation=fm.activations.leaky_relu(0.01)).activation
    'leaky_relu(0.01)'
    """
    return _with_parameter("leaky_relu", negative_slope, "negative_slope")


def elu(alpha: float = 1.0) -> str:
    """x above 0, ``alpha`` (eˣ − 1) below.

    Parameters
    ----------
    alpha : float, default 1
        At least 0.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If it is negative, or no finite number.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.activations.elu(0.5)
    'elu(0.5)'
    """
    return _with_parameter("elu", alpha, "alpha")


def outputs_of(activation: str) -> int:
    """The kind of an activation's outputs: `ANY_NUMBERS`, `UNIT_INTERVAL` or `SHARES`.

    Examples
    --------
    >>> [outputs_of(name) for name in ("relu", "sigmoid", "softmax")]
    [0, 1, 2]
    """
    return {"sigmoid": UNIT_INTERVAL, "softmax": SHARES}.get(activation, ANY_NUMBERS)


@functools.cache
def parsed(activation: str) -> tuple[int, int, float]:
    """Operation code, kind, and parameter (0 if it has none) of an activation other than linear."""
    name, _, parameter = activation.partition("(")
    code, kind, default = RULES[name]
    return code, kind, float(parameter[:-1]) if parameter else default or 0.0
