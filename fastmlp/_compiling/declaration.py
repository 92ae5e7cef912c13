"""Declarations of kernels, and the checks of arguments against them.

Machine code writes wherever an index points, so a declaration must state everything that determines an index:

    panels[rows * -(-columns // panel_width) * panel_width] = matrix[rows, columns], panel_width int >= 1

Outputs stand before `` = ``, inputs after it. An item is an array with its dimensions, or a scalar (``float`` or
``int``).

- A dimension is a name, which is the same number in all places, or arithmetic with names of dimensions and scalars.
- ``>= 1`` and ``< classes`` bound a scalar, or every number of an array; ``< classes`` alone means from 0.
- ``in place`` marks an input that may share the memory of an output. All other overlaps are refused.
- ``writable`` marks an input that is not written, but has the type of an output of another kernel, so that the two
  share compiled functions.
- A final `` where `` adds conditions on dimensions: ``where units > 0, rows <= m``.
"""

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

from .._base.cached import cached_property
from .._base.errors import ArgumentError, ArgumentTypeError

# A further check of a kernel: takes its arguments by name, and returns the fault or None
Check = Callable[[dict[str, Any]], "str | None"]


@dataclass(frozen=True)
class Expression:
    """Arithmetic with dimensions and scalars, or a single name or number."""

    text: str

    @cached_property
    def _code(self) -> CodeType:
        return compile(self.text, "<kernel declaration>", "eval")

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the expression."""
        return self._code.co_names

    def value(self, numbers: Mapping[str, Any]) -> Any:
        """The value for these numbers."""
        return eval(self._code, {"__builtins__": {}}, numbers)

    def explained(self, numbers: Mapping[str, Any]) -> str:
        """The values of its names, for a message; nothing for a number."""
        return ", ".join(f"{name} is {numbers[name]}" for name in dict.fromkeys(self.names))


@dataclass(frozen=True)
class Parameter:
    """One declared parameter of a kernel."""

    name: str
    dims: tuple[str, ...] | None  # None for a scalar
    kind: str  # real, float64, int64, int32, int8, uint8; for scalars float or int
    least: Expression | None  # bounds of the scalar, or of every number
    below: Expression | None
    is_output: bool
    in_place: bool  # an input that may share the memory of an output
    writable: bool  # compiled as a writable array, like all outputs

    @cached_property
    def computed(self) -> tuple[Expression | None, ...]:
        """The arithmetic of each dimension that is not a name."""
        return tuple(None if dim.isidentifier() else Expression(dim) for dim in self.dims or ())


_ITEM = re.compile(
    r"(\w+)(?:\[(.*)\])?(?: (float|int|int64|int32|int8|uint8|float64))?"
    r"(?: >= ([^<]+?))?(?: < (.+?))?( in place)?( writable)?$"
)


def parse_declaration(declaration: str) -> list[Parameter]:
    """Parameters from ``"y[batch, units] = x[batch, features], labels[batch] int64 < units, scale float"``."""
    parameters = []
    outputs, _, inputs = declaration.partition(" where ")[0].partition("= ")
    for side, is_output in ((outputs, True), (inputs, False)):
        for item in _items(side):
            match = _ITEM.match(item)
            if match is None:
                raise ValueError(f"cannot read {item!r} in the kernel declaration {declaration!r}")
            name, dims, kind, least, below, in_place, writable = match.groups()
            shape = None if dims is None else tuple(_items(dims))
            low, high = (None if text is None else Expression(text) for text in (least, below))
            flags = (is_output, bool(in_place), is_output or bool(writable))
            parameters.append(Parameter(name, shape, kind or "real", low, high, *flags))
    return parameters


def _items(text: str) -> list[str]:
    """The items between commas outside of brackets."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [item.strip() for item in found if item.strip()]


class Declaration:
    """The parameters of a kernel; arguments are checked against them."""

    def __init__(self, name: str, declaration: str, check: Check | None = None) -> None:
        self.name = name
        self.parameters = tuple(parse_declaration(declaration))
        self.conditions = tuple(map(Expression, _items(declaration.partition(" where ")[2])))
        self._check = check
        bounded = [i for i, p in enumerate(self.parameters) if p.least is not None or p.below is not None]
        self._bounded_scalars = [i for i in bounded if self.parameters[i].dims is None]
        self._bounded_arrays = [i for i in bounded if self.parameters[i].dims is not None]
        self._computed = [i for i, p in enumerate(self.parameters) if any(p.computed)]
        self._refuse_unknown_names(declaration)

    def _refuse_unknown_names(self, declaration: str) -> None:
        dims = {dim for parameter in self.parameters for dim in parameter.dims or ()}
        known = dims | {parameter.name for parameter in self.parameters if parameter.dims is None}
        bounds = [bound for p in self.parameters for bound in (p.least, p.below, *p.computed)]
        for expression in (*bounds, *self.conditions):
            unknown = [] if expression is None else [name for name in expression.names if name not in known]
            if unknown:
                raise ValueError(f"unknown name {unknown[0]!r} in the kernel declaration {declaration!r}")

    def checked(self, args: tuple[Any, ...]) -> tuple[list[Any], Any, int]:
        """The arguments as arrays of the declared types, the precision, and the work (the product of all extents)."""
        if len(args) != len(self.parameters):
            wanted = ", ".join(p.name for p in self.parameters)
            raise ArgumentTypeError(f"{self.name} takes ({wanted}), not {len(args)} arguments")
        dtype = self._precision(args)
        extents: dict[str, int] = {}
        pairs = zip(self.parameters, args, strict=True)
        values = [self._value(parameter, value, dtype, extents) for parameter, value in pairs]
        self._check_relations(values, extents)
        return values, dtype, math.prod(extents.values())

    def _check_relations(self, values: list[Any], extents: dict[str, int]) -> None:
        pairs = list(zip(self.parameters, values, strict=True))
        scalars = {p.name: value for p, value in pairs if p.dims is None}
        numbers = {**extents, **scalars}
        for index in self._bounded_scalars:  # first, because sizes may depend on them
            self._check_range(*pairs[index], numbers)
        for index in self._computed:
            self._check_computed_shape(*pairs[index], numbers)
        for condition in self.conditions:
            if not condition.value(numbers):
                raise ArgumentError(f"{self.name} needs {condition.text}, but {condition.explained(numbers)}")
        for index in self._bounded_arrays:
            self._check_range(*pairs[index], numbers)
        self._check_overlaps(pairs)
        fault = self._check({p.name: value for p, value in pairs}) if self._check else None
        if fault:
            raise ArgumentError(f"{self.name}: {fault}")

    def _precision(self, args: tuple[Any, ...]) -> Any:
        for parameter, value in zip(self.parameters, args, strict=True):
            if parameter.is_output and parameter.kind == "real":
                if getattr(value, "dtype", None) in (np.float32, np.float64):
                    return value.dtype
                raise ArgumentTypeError(
                    f"{self.name}: {parameter.name} must be a float32 or float64 array, not {_described(value)}"
                )
        return np.dtype(np.float64)  # a kernel without real arrays has only one precision

    # ------------------------------------------------------------ one argument

    def _value(self, parameter: Parameter, value: Any, dtype: Any, extents: dict[str, int]) -> Any:
        if parameter.dims is None:
            return self._scalar(parameter, value)
        wanted = np.dtype(dtype if parameter.kind == "real" else parameter.kind)
        if parameter.is_output:
            array = self._output(parameter, value, wanted)
            self._check_shape(parameter, array, extents)
            return array
        array = self._numbers(parameter, value)
        self._check_shape(parameter, array, extents)
        return self._converted(parameter, array, wanted)

    def _scalar(self, parameter: Parameter, value: Any) -> float | int:
        try:
            if isinstance(value, (str, bytes)) or (isinstance(value, np.ndarray) and value.ndim > 0):
                raise TypeError
            number = operator.index(value) if parameter.kind == "int" else float(value)
        except (TypeError, ValueError, OverflowError):
            wanted = "a whole number" if parameter.kind == "int" else "a number"
            raise ArgumentTypeError(f"{self.name}: {parameter.name} must be {wanted}, not {_shown(value)}") from None
        if parameter.kind == "int" and not -(2**63) <= number < 2**63:
            raise ArgumentError(f"{self.name}: {parameter.name} must fit 64 bits, but is {_shown(value)}")
        return number

    def _output(self, parameter: Parameter, value: Any, wanted: np.dtype[Any]) -> Any:
        usable = isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray) and value.dtype == wanted
        if not usable or not (value.flags.c_contiguous and value.flags.aligned and value.flags.writeable):
            raise ArgumentTypeError(
                f"{self.name}: {parameter.name} is written in place and must be a writable C-contiguous "
                f"{wanted} array, not {_described(value)}"
            )
        return value if type(value) is np.ndarray else value.view(np.ndarray)

    def _numbers(self, parameter: Parameter, value: Any) -> Any:
        try:
            array = np.asarray(value)
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"{self.name}: {parameter.name} cannot be made into an array: {error}") from None
        is_masked = isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value)
        if array.dtype.kind not in "fiub" or is_masked:
            raise ArgumentTypeError(f"{self.name}: {parameter.name} must hold numbers, not {_described(value)}")
        return array

    def _converted(self, parameter: Parameter, array: Any, wanted: np.dtype[Any]) -> Any:
        flags = array.flags
        if array.dtype == wanted and flags.c_contiguous and flags.aligned and flags.writeable >= parameter.writable:
            return array
        with np.errstate(invalid="ignore", over="ignore"):
            converted = np.ascontiguousarray(array, wanted).reshape(array.shape)
        if wanted.kind in "iu" and array.dtype != wanted and not np.array_equal(converted, array):
            raise ArgumentError(f"{self.name}: {parameter.name} must hold whole numbers that fit {wanted}")
        usable = converted.flags.aligned and (converted.flags.writeable or not parameter.writable)
        return converted if usable else converted.copy()

    def _check_shape(self, parameter: Parameter, array: Any, extents: dict[str, int]) -> None:
        assert parameter.dims is not None
        fits = array.ndim == len(parameter.dims)
        for dim, computed, extent in zip(parameter.dims, parameter.computed, array.shape, strict=False):
            fits = fits and (computed is not None or extents.setdefault(dim, extent) == extent)
        if not fits:
            known = {d: extents[d] for d in parameter.dims if d in extents}
            raise self._misshapen(parameter, array, f" with {known}" if known else "")

    # ------------------------------------------------------------ relations between arguments

    def _check_computed_shape(self, parameter: Parameter, array: Any, numbers: Mapping[str, Any]) -> None:
        wanted = tuple(
            extent if computed is None else computed.value(numbers)
            for computed, extent in zip(parameter.computed, array.shape, strict=True)
        )
        if array.shape != wanted:
            names = {name: numbers[name] for e in parameter.computed if e for name in e.names}
            raise self._misshapen(parameter, array, f" = {wanted} with {names}" if names else "")

    def _misshapen(self, parameter: Parameter, array: Any, explanation: str) -> ArgumentError:
        dims = f"({', '.join(parameter.dims or ())}{',' if len(parameter.dims or ()) == 1 else ''})"
        wanted = f"{parameter.name} must have the shape {dims}{explanation}"
        return ArgumentError(f"{self.name}: {wanted}, not {array.shape}")

    def _check_range(self, parameter: Parameter, value: Any, numbers: Mapping[str, Any]) -> None:
        if parameter.dims is not None and value.size == 0:
            return
        low, high = (value, value) if parameter.dims is None else (value.min(), value.max())
        least = 0 if parameter.least is None else parameter.least.value(numbers)
        below = math.inf if parameter.below is None else parameter.below.value(numbers)
        if low >= least and high < below:
            return
        came = f"{'is' if parameter.dims is None else 'holds'} {high if low >= least else low}"
        wanted = _range(parameter, least, below, numbers)
        raise ArgumentError(f"{self.name}: {parameter.name} must be {wanted}, but {came}")

    def _check_overlaps(self, pairs: list[tuple[Parameter, Any]]) -> None:
        """Refuse outputs that share memory with other arguments, except marked inputs."""
        spans = list(_spans(pairs))
        for number, (output, start, stop) in enumerate(spans):
            if not output.is_output:
                return  # outputs come first
            for other, from_, to in spans[number + 1 :]:
                if start < to and from_ < stop and not (other.in_place and (start, stop) == (from_, to)):
                    remedy = "the same memory, or " if other.in_place else ""
                    raise ArgumentError(
                        f"{self.name}: {output.name} is overwritten, and {other.name} lies in the same memory: they "
                        f"must be {remedy}apart, for example with {other.name}.copy()"
                    )


def _spans(pairs: list[tuple[Parameter, Any]]) -> Iterator[tuple[Parameter, int, int]]:
    """The addresses of the arrays: the first, and that after the last."""
    for parameter, value in pairs:
        if parameter.dims is not None and value.size > 0:
            start = value.__array_interface__["data"][0]
            yield parameter, start, start + value.nbytes


def _range(parameter: Parameter, least: Any, below: Any, numbers: Mapping[str, Any]) -> str:
    limits = [e.explained(numbers) for e in (parameter.least, parameter.below) if e is not None and e.names]
    explained = f" ({', '.join(limits)})" if limits else ""
    if parameter.below is None:
        return f"at least {least}{explained}"
    if parameter.kind == "float":
        return f"at least {least} and less than {below}{explained}"
    return f"from {least} to {below - 1}{explained}"


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        flags = value.flags
        kind = "" if flags.c_contiguous and flags.aligned else "unaligned " if flags.c_contiguous else "non-contiguous "
        masked = "masked " if isinstance(value, np.ma.MaskedArray) else ""
        return f"a {'' if flags.writeable else 'read-only '}{masked}{kind}{value.dtype} array of shape {value.shape}"
    return f"{type(value).__name__} {_shown(value)}"


def _shown(value: Any) -> str:
    try:
        return f"{value!r:.60}"
    except ValueError:  # a whole number of thousands of digits
        return "a huge number"
