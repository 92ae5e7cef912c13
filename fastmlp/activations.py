"""Names of activation functions. Their arithmetic is in `fastmlp.kernels.activations`.

An activation is a text: its name, for some with a parameter in parentheses, ``"leaky_relu(0.1)"``; or a `Custom`, with
functions of your own.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np

from . import _called, _custom
from ._base import check, keras
from ._base import tables as t
from ._base.errors import ArgumentError, ArgumentTypeError
from ._base.types import Array

__all__ = ["NAMES", "Custom", "elu", "get", "leaky_relu", "parameters", "parsed"]

# The kinds of outputs; each kind is a special case of the one before it.
ANY_NUMBERS, UNIT_INTERVAL, SHARES = 0, 1, 2  # any; from 0 to 1; rows from 0 to 1 whose sum is 1


class Rule(NamedTuple):
    """What an activation is to kernels, to the weights before it and to what reads its outputs."""

    operation: int
    kind: int = -1  # the number by which kernels tell activations other than ReLU and softmax apart
    parameter: float | None = None  # the default; None if it takes none
    # Of the weights before it. He's suits ReLU in theory, but Glorot's smaller weights learned most tables better:
    # docs/layers.md has the comparison. SELU needs LeCun's to keep mean and variance.
    initializer: str = "glorot_uniform"
    outputs: int = ANY_NUMBERS
    parameter_name: str = ""


RULES = {
    "relu": Rule(t.RELU),
    "softmax": Rule(t.SOFTMAX, outputs=SHARES),
    "leaky_relu": Rule(t.ACTIVATION, t.LEAKY_RELU, 0.2, parameter_name="negative_slope"),
    "elu": Rule(t.ACTIVATION, t.ELU, 1.0, parameter_name="alpha"),
    "selu": Rule(t.ACTIVATION, t.SELU, initializer="lecun_normal"),
    "gelu": Rule(t.ACTIVATION, t.GELU),
    "gelu_tanh": Rule(t.ACTIVATION, t.GELU_TANH),
    "silu": Rule(t.ACTIVATION, t.SILU),
    "softplus": Rule(t.ACTIVATION, t.SOFTPLUS),
    "sigmoid": Rule(t.ACTIVATION, t.SIGMOID, outputs=UNIT_INTERVAL),
    "tanh": Rule(t.ACTIVATION, t.TANH),
    "mish": Rule(t.ACTIVATION, t.MISH),
    "hard_sigmoid": Rule(t.ACTIVATION, t.HARD_SIGMOID, outputs=UNIT_INTERVAL),
    "hard_swish": Rule(t.ACTIVATION, t.HARD_SWISH),
}
NAMES = ("linear", *RULES)
_ALIASES = {"swish": "silu", "hard_silu": "hard_swish"}
_TEXT = re.compile(r"(\w+)(?:\((.+)\))?$")


@dataclass(frozen=True, repr=False)
class Custom(_custom.Named):
    """An activation of your own: a function of one number, and its derivative.

    The functions are compiled once in each process, for both precisions, into loops over many numbers. Kernels call
    these loops, so no network and no kernel is compiled for them. When it is made, the derivative is compared with
    finite differences, and both functions must give finite numbers from -10 to 10.

    Parameters
    ----------
    function : function of one number
        With or without ``@numba.njit``; it is compiled with our options, so a division by 0 gives infinity. It must
        depend on its argument alone. Constants take the argument's precision, and ``exp``, ``log``, ``tanh`` and their
        kind, of ``math``, ``numpy`` or `fastmlp.math`, are ours, which work on whole vectors.
    derivative : function of one number
        The derivative of ``function``.
    name : str, optional
        Files hold it instead of the functions; `fastmlp.load` finds them by it in ``custom_objects``. Default: the
        name of ``function``.

    Raises
    ------
    ArgumentError
        If a function cannot be compiled, gives NaN or infinity, or is not the derivative of the other.

    Examples
    --------
    >>> import numba
    >>> import fastmlp as fm
    >>> @numba.njit
    ... def swishy(x):
    ...     return x * fm.math.sigmoid(1.5 * x)
    >>> @numba.njit
    ... def swishy_slope(x):
    ...     s = fm.math.sigmoid(1.5 * x)
    ...     return s + 1.5 * x * s * (1 - s)
    >>> swish = fm.activations.Custom(swishy, swishy_slope)
    >>> model = fm.Sequential([fm.Dense(8, activation=swish), fm.Dense(1)])
    >>> swish.name
    'swishy'
    """

    function: Callable[[Any], Any]
    derivative: Callable[[Any], Any] = None  # type: ignore[assignment]  # an error says what it is for
    name: str = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        _custom.check_functions(self.kind, self.function, self.derivative)
        taken = {*NAMES, *_ALIASES}
        object.__setattr__(self, "name", _custom.checked_name(self.name, self.function, taken, self.kind))

    @property
    def kind(self) -> _custom.Kind:
        return _custom.ACTIVATION

    def __repr__(self) -> str:
        return f"activations.Custom({self.name!r})"


@overload
def get(value: str | None, argument: str = "activation") -> str: ...
@overload
def get(value: str | Custom | None, argument: str = "activation") -> str | Custom: ...
def get(value: str | Custom | None, argument: str = "activation") -> str | Custom:
    """The standard form of an activation: its name, with its parameter unless that is the default; or a `Custom`.

    Parameters
    ----------
    value : str, Custom or None
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
    if isinstance(value, Custom):
        return value
    if isinstance(value, dict) and value.get("type") == _custom.CUSTOM:
        raise _custom.refusal(value, "activation")
    makers: tuple[Any, ...] = (leaky_relu, elu)
    if any(value is maker for maker in makers):  # the function itself, with its default
        return "leaky_relu" if makers[0] is value else "elu"
    if callable(value) and not isinstance(value, str):
        raise ArgumentTypeError(
            f"{argument} is a function, but its derivative is needed too: "
            f"{argument}=fastmlp.activations.Custom(function, derivative)"
        )
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{argument} must be the name of an activation, not {value!r:.60}")
    value = _ALIASES.get(value, str(value))
    match = _TEXT.match(value)
    name = keras.choice(match.group(1) if match else value, argument, NAMES, "activations")
    assert match is not None
    if match.group(2) is None:
        return name
    default = _rule(name).parameter
    if default is None:
        raise ArgumentError(f"{argument}: {name!r} takes no parameter, but {value!r} gives one")
    return _with_parameter(name, match.group(2), argument)


def _with_parameter(name: str, parameter: Any, argument: str) -> str:
    try:
        number = float(parameter)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"{argument}: the parameter of {name!r} must be a number, not {parameter!r}") from None
    number = check.real_number(number, f"{argument}: the parameter of {name!r}", minimum=0)
    return name if number == RULES[name].parameter else f"{name}({number!r})"


def leaky_relu(negative_slope: float = 0.2) -> str:
    """x above 0, ``negative_slope`` · x below (default: Keras's).

    Parameters
    ----------
    negative_slope : float, default 0.2
        At least 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Dense(8, activation=fm.activations.leaky_relu(0.01)).activation
    'leaky_relu(0.01)'
    """
    return _text_or_values("leaky_relu", negative_slope, "negative_slope")  # type: ignore[no-any-return]


def elu(alpha: float = 1.0) -> str:
    """x above 0, ``alpha`` (eˣ − 1) below.

    Parameters
    ----------
    alpha : float, default 1
        At least 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.activations.elu(0.5)
    'elu(0.5)'
    """
    return _text_or_values("elu", alpha, "alpha")  # type: ignore[no-any-return]


def _text_or_values(name: str, given: Any, argument: str) -> Any:
    """A text for a parameter; for an array its values, as Keras's function of this name gives them."""
    return _with_parameter(name, given, argument) if np.ndim(given) == 0 else _values(name, given)


def _values(name: str, x: Any) -> Array:
    """An activation of all numbers of an array, as `Dense` computes it."""
    if name == "linear":
        return check.numbers(x, "x")
    return _called.activated(x, *parsed(name))


def parameters(activation: str | Custom | None) -> dict[str, float]:
    """The numbers of an activation, with their names; empty if it takes none.

    Parameters
    ----------
    activation : str, Custom or None
        As for `get`.

    Examples
    --------
    >>> from fastmlp import activations
    >>> activations.parameters("leaky_relu(0.1)"), activations.parameters("elu"), activations.parameters("relu")
    ({'negative_slope': 0.1}, {'alpha': 1.0}, {})
    """
    activation = get(activation)
    rule = _rule(activation)
    return {} if rule.parameter is None else {rule.parameter_name: parsed(activation)[2]}


def without_parameters(activation: str | Custom) -> str:
    """The name of an activation alone.

    Examples
    --------
    >>> without_parameters("leaky_relu(0.1)")
    'leaky_relu'
    """
    return str(activation).partition("(")[0]


def outputs_of(activation: str | Custom) -> int:
    """The kind of an activation's outputs: `ANY_NUMBERS`, `UNIT_INTERVAL` or `SHARES`.

    Examples
    --------
    >>> [outputs_of(name) for name in ("relu", "sigmoid", "softmax")]
    [0, 1, 2]
    """
    return _rule(activation).outputs


def initializer_before(activation: str | Custom) -> str:
    """The name of the initialiser of the weights before an activation, unless the user chooses another.

    Examples
    --------
    >>> [initializer_before(activation) for activation in ("relu", "selu")]
    ['glorot_uniform', 'lecun_normal']
    """
    return _rule(activation).initializer


def _rule(activation: str | Custom) -> Rule:
    if isinstance(activation, Custom):
        return Rule(t.CUSTOM)
    return RULES.get(without_parameters(activation), Rule(-1))  # the linear one is no operation


@functools.cache
def parsed(activation: str) -> tuple[int, int, float]:
    """Operation code, kind, and parameter (0 if it has none) of an activation other than linear."""
    rule, parameter = _rule(activation), activation.partition("(")[2]
    return rule.operation, rule.kind, float(parameter[:-1]) if parameter else rule.parameter or 0.0


def __getattr__(name: str) -> Any:
    """The name of an activation, so that ``activations.relu`` may stand where ``"relu"`` does, and be called."""
    if name in NAMES or name in _ALIASES:
        found = _ALIASES.get(name, name)
        return _called.Text(found, functools.partial(_values, found))
    raise keras.lack(__name__, name)
