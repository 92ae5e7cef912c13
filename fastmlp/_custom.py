"""Activations and losses of users: a function of numbers, its derivative, and a name for files.

A function is compiled once in each process, in both precisions, and found by an index of this process; see
`fastmlp._base.functions`. Files hold the name alone, so that nothing in them can run.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from ._base import functions, own_code
from ._base.errors import ArgumentError, ArgumentTypeError
from ._base.types import Array

CUSTOM = "Custom"  # the type in descriptions
_STEP = 1e-4  # of finite differences
_TOLERANCE = 1e-5  # of a derivative in float64, relative to the function and to itself
_ROUNDED = 1e-2  # the same in float32
_COLORS = re.compile("\x1b\\[[0-9;]*m")


class Named:
    """What activations and losses of users have in common; a frozen dataclass with these fields."""

    function: Callable[..., Any]
    derivative: Callable[..., Any]
    name: str

    @property
    def kind(self) -> Kind:
        raise NotImplementedError

    @property
    def index(self) -> int:
        """The index of the functions in this process, which kernels take; it means nothing in another process."""
        return index_of(self.kind, self.function, self.derivative)

    def config(self) -> dict[str, Any]:
        """A JSON-ready description: the name, without the functions."""
        return {"type": CUSTOM, "name": self.name}

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.__dict__)  # without the checks, which were made once

    def __copy__(self) -> Named:
        return self

    def __deepcopy__(self, memo: Any) -> Named:
        return self

    def __str__(self) -> str:
        return self.name


def _restored(kind: type[Named], fields: dict[str, Any]) -> Named:
    made = object.__new__(kind)
    made.__dict__.update(fields)
    return made


class Kind(NamedTuple):
    """What is asked of the functions of an activation or a loss."""

    what: str
    table: functions.Table
    arguments: tuple[str, ...]  # their names in messages
    points: Array  # for checks: one column for each argument

    @property
    def call(self) -> str:
        """How the function is called, for messages."""
        return f"({', '.join(self.arguments)})"


def _points_of_losses() -> Array:
    outputs = np.concatenate([np.linspace(0.0137, 0.9871, 40), np.linspace(-4.963, 5.037, 40)])
    targets = np.array([0.0, 1.0, 0.271, 2.618, -1.414])
    return np.array([(output, target) for target in targets for output in outputs])


# Not at round numbers, where functions have their kinks
ACTIVATION = Kind(
    "activation", functions.ACTIVATIONS, ("x",), np.append(np.linspace(-10.037, 9.963, 201), 0.0).reshape(-1, 1)
)
LOSS = Kind("loss", functions.LOSSES, ("output", "target"), _points_of_losses())


def checked_name(name: Any, function: Any, taken: Iterable[str], kind: Kind) -> str:
    """The name of a function of a user's: the given one, or that of the function."""
    if name is None:
        name = getattr(function, "__name__", "")
        if name == "<lambda>":
            raise ArgumentError(
                f"name is missing: a file keeps only the name of the {kind.what}, and a lambda has none"
            )
    if not isinstance(name, str):
        raise ArgumentTypeError(f"name must be a text, not {name!r:.60}")
    if not re.fullmatch(r"[\w .+-]{1,80}", name):
        raise ArgumentError(f"name must be a text of 1 to 80 letters, digits, spaces and . + - _, not {name!r:.100}")
    if name in taken:
        raise ArgumentError(f"name must differ from that of the built-in {kind.what} {name!r}: choose another")
    return name


def check_functions(kind: Kind, function: Any, derivative: Any) -> None:
    """Refuse functions that cannot be compiled, that are not finite, or one that is not the other's derivative."""
    both = ((function, "function"), (derivative, "derivative"))
    for value, argument in both:
        _check_is_function(kind, value, argument)
    for value, argument in both:
        _check_code(value, argument)
        _check_returned(kind, value, argument)
    for value, argument in both:
        _check_returned_type(kind, value, argument)
    index = _index(kind, function, derivative)
    found = {dtype: _numbers(kind, index, dtype) for dtype in (np.float64, np.float32)}
    usable = _check_finite(kind, found)
    _check_python(kind, function, usable, found[np.float64][0])
    _check_slopes(kind, index, usable, found)


def index_of(kind: Kind, function: Any, derivative: Any) -> int:
    """The index of checked functions in this process."""
    index = kind.table.find(function, derivative)
    return _index(kind, function, derivative) if index is None else index


def _check_is_function(kind: Kind, value: Any, argument: str) -> None:
    if value is None and argument == "derivative":
        raise ArgumentError(
            f"derivative is missing: training needs the slope of the {kind.what} with respect to {kind.arguments[0]}. "
            f"Write it as a second function of {kind.call}, and pass it as Custom(function, derivative)"
        )
    if not isinstance(functions.in_python(value), FunctionType):
        raise ArgumentTypeError(
            f"{argument} must be a function of numbers {kind.call}, such as one with @numba.njit, not {value!r:.60}"
        )


def _check_code(value: Any, argument: str) -> None:
    """Refuse a recursion, which may have no end."""
    if own_code.calls_itself(value):
        raise ArgumentError(
            f"{argument} calls itself: once it is compiled, nothing stops a recursion that is too deep, and the "
            "process ends without a message. Write it as a loop"
        )


def _check_returned(kind: Kind, value: Any, argument: str) -> None:
    """Refuse what is no real number in Python, such as a tuple, of which numba would take a part without a word."""
    function = functions.in_python(value)
    for place, point in enumerate(kind.points):
        try:
            found = function(*point)
        except Exception:  # whether it is wrong is found when it is compiled
            continue
        if not isinstance(found, (float, int, np.floating, np.integer, np.bool_)):
            raise ArgumentError(f"{argument} must return one number, but at {_at(kind, place)} it gives {found!r:.60}")


def _check_returned_type(kind: Kind, value: Any, argument: str) -> None:
    """Refuse what may be something else where no point was, such as None beyond a limit: kernels cannot handle it."""
    from ._compiling import jit

    if jit.jit_disabled():
        return
    compiled: Any = jit.inlined(value)
    with contextlib.suppress(Exception):  # such as a division by 0 there; it has been compiled
        compiled(*map(float, kind.points[0]))
    for signature in compiled.nopython_signatures:
        returned = signature.return_type
        if type(returned).__name__ not in ("Float", "Integer", "IntegerLiteral", "Boolean", "BooleanLiteral"):
            raise ArgumentError(
                f"{argument} must return one number, but once it is compiled it returns {returned}: let all branches "
                "return a number"
            )


def _index(kind: Kind, function: Any, derivative: Any) -> int:
    from .kernels import scalar  # noqa: F401  # what the functions may call
    from .kernels.simd import registering

    try:
        return registering.index_of(kind.table, function, derivative)  # type: ignore[no-any-return, no-untyped-call]
    except Exception as error:  # numba has many kinds of errors
        for value, argument in ((function, "function"), (derivative, "derivative")):
            fault = registering.fault_of(value, len(kind.arguments))  # type: ignore[no-untyped-call]
            if fault is not None:
                raise ArgumentError(
                    f"{argument} cannot be compiled as a function of {kind.call}: {_first_line(fault)}. It must take "
                    f"{'one number' if len(kind.arguments) == 1 else 'two numbers'} and return one, and use nothing "
                    "that numba cannot compile"
                ) from error
        raise ArgumentError(f"the functions cannot be compiled: {_first_line(str(error))}") from error


def _first_line(message: str) -> str:
    lines = [line.strip() for line in _COLORS.sub("", message).splitlines()]
    telling = [line for line in lines if line and not line.startswith("Failed in nopython mode")]
    return telling[0].rstrip(".:") if telling else "numba gives no reason"


# ---------------------------------------------------------------- checks of numbers


def _numbers(kind: Kind, index: int, dtype: Any, moved: float = 0.0) -> tuple[Array, Array]:
    """Values and slopes at the points, of which the first argument is moved."""
    from . import kernels

    points = kind.points.copy()
    points[:, 0] += moved
    columns = [np.ascontiguousarray(column[:, None], dtype) for column in points.T]
    values, slopes = np.empty(len(points), dtype), np.empty((len(points), 1), dtype)
    if kind.what == "activation":
        kernels.custom_forward.run(dtype, 1, values[:, None], slopes, *columns, index)
    else:
        kernels.custom_loss.run(dtype, 1, values, slopes, *columns, index, 1.0)
    return values, slopes[:, 0]


def _check_finite(kind: Kind, found: dict[Any, tuple[Array, Array]]) -> Array:
    """Which points the function is defined at: an activation at all of them, a loss at some."""
    finite = {dtype: np.isfinite(values) & np.isfinite(slopes) for dtype, (values, slopes) in found.items()}
    usable = finite[np.float64]
    least = len(usable) if kind.what == "activation" else len(usable) // 10
    for dtype, (values, slopes) in found.items():
        wrong = ~finite[dtype] if usable.sum() < least else usable & ~finite[dtype]
        if wrong.any():
            place = int(np.flatnonzero(wrong)[0])
            argument, number = (
                ("derivative", slopes[place]) if np.isfinite(values[place]) else ("function", values[place])
            )
            raise ArgumentError(
                f"{argument} gives {number} at {_at(kind, place)} in {np.dtype(dtype)}: it must give finite numbers "
                f"for ordinary ones, or training cannot go on{_REMEDY[kind.what]}"
            )
    return usable


_REMEDY = {
    "activation": ". If it divides by 0 or takes the logarithm of one, treat that number apart",
    "loss": "",
}


def _check_python(kind: Kind, function: Any, usable: Array, values: Array) -> None:
    """Compare with Python's numbers: a function that draws random numbers, or counts its calls, is none."""
    columns = [column[usable] for column in kind.points.T]
    with np.errstate(all="ignore"):
        wanted = functions.each(functions.in_python(function), columns)
    wrong = np.abs(wanted - values[usable]) > _TOLERANCE * (1 + np.abs(wanted))
    if wrong.any():
        place = int(np.flatnonzero(usable)[np.flatnonzero(wrong)[0]])
        raise ArgumentError(
            f"function gives {values[place]:.6g} at {_at(kind, place)} once it is compiled, but "
            f"{wanted[wrong][0]:.6g} in Python: it must depend on {' and '.join(kind.arguments)} alone, and compute "
            "the same in both"
        )


def _check_slopes(kind: Kind, index: int, usable: Array, found: dict[Any, tuple[Array, Array]]) -> None:
    """Compare the derivative with finite differences; at a kink it may be the slope of either side."""
    (values, slopes), (_, rounded) = found[np.float64], found[np.float32]
    moved = {steps: _numbers(kind, index, np.float64, steps * _STEP)[0] for steps in (-2, -1, 1, 2)}
    with np.errstate(all="ignore"):
        differences = [
            (8 * (moved[1] - moved[-1]) - (moved[2] - moved[-2])) / (12 * _STEP),
            (4 * moved[1] - 3 * values - moved[2]) / (2 * _STEP),
            (3 * values - 4 * moved[-1] + moved[-2]) / (2 * _STEP),
        ]
        scale = 1 + np.abs(values) + np.abs(slopes)
        off = np.min([np.abs(slopes - difference) for difference in differences], axis=0) / scale
        usable = usable & (kind.points[:, 0] != 0)  # where many functions have a kink, and any slope between is right
        wrong = usable & (off > _TOLERANCE)
        wrong_rounded = usable & (np.abs(slopes - rounded) > _ROUNDED * scale)
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        raise ArgumentError(
            f"derivative is not that of function: at {_at(kind, place)} it gives {slopes[place]:.6g}, but finite "
            f"differences give {differences[0][place]:.6g} ({wrong.sum()} of {usable.sum()} points differ)"
        )
    if wrong_rounded.any():
        place = int(np.flatnonzero(wrong_rounded)[0])
        raise ArgumentError(
            f"derivative loses its digits in float32: at {_at(kind, place)} it gives {rounded[place]:.6g}, but in "
            f"float64 {slopes[place]:.6g}. Write it without differences of large numbers"
        )


def _at(kind: Kind, place: int) -> str:
    pairs = zip(kind.arguments, kind.points[place], strict=True)
    return " and ".join(f"{name} = {number:.6g}" for name, number in pairs)


# ---------------------------------------------------------------- descriptions


def refusal(description: Mapping[str, Any], what: str) -> ArgumentError:
    """The error for a description in the place of the object that it names."""
    return ArgumentError(
        f"the {what} {description.get('name')!r:.100} is a function of your own, which descriptions do not contain: "
        "pass the object itself, or custom_objects= to what reads the description"
    )
