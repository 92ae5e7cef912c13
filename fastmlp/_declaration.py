"""What kernels declare of their arguments, and the checks that follow from it. Floor 0."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._errors import ArgumentError, ArgumentTypeError


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel, as its declaration says."""

    name: str
    dims: tuple[str, ...] | None  # None: a scalar
    kind: str  # real, float64, int64, int8, uint8; for scalars float or int
    below: str | None  # the dimension that all values must be less than
    is_output: bool
    writable: bool  # compiled as an array that may be written; outputs always are


_ITEM = re.compile(r"(\w+)(?:\[([\w, ]*)\])?(?: (float|int|int64|int8|uint8|float64))?(?: < (\w+))?( writable)?$")


def parse_declaration(declaration: str) -> list[Parameter]:
    """Parameters from ``"y[batch, units] = x[batch, features], labels[batch] int64 < units, scale float"``.

    An input marked ``writable`` is not written, but has the type of an array that is in another kernel, so that
    the two share their compiled blocks.
    """
    parameters = []
    outputs, _, inputs = declaration.partition(" = ")
    for side, is_output in ((outputs, True), (inputs, False)):
        for item in re.split(r",\s*(?![^\[]*\])", side.strip()):
            match = _ITEM.match(item.strip())
            if match is None:
                raise ValueError(f"cannot read {item!r} in the kernel declaration {declaration!r}")
            name, dims, kind, below, writable = match.groups()
            shape = None if dims is None else tuple(d.strip() for d in dims.split(","))
            parameters.append(Parameter(name, shape, kind or "real", below, is_output, is_output or bool(writable)))
    return parameters


class Declaration:
    """The parameters of a kernel; arguments are checked against them."""

    def __init__(self, name: str, declaration: str) -> None:
        self.name = name
        self.parameters = tuple(parse_declaration(declaration))

    def checked(self, args: tuple[Any, ...]) -> tuple[list[Any], Any, int]:
        """The arguments as arrays of the declared types, the precision, and the work: the product of all extents.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If an argument cannot be used.
        """
        if len(args) != len(self.parameters):
            wanted = ", ".join(p.name for p in self.parameters)
            raise ArgumentTypeError(f"{self.name} takes ({wanted}), not {len(args)} arguments")
        dtype = self._precision(args)
        extents: dict[str, int] = {}
        pairs = zip(self.parameters, args, strict=True)
        values = [self._value(parameter, value, dtype, extents) for parameter, value in pairs]
        for parameter, value in zip(self.parameters, values, strict=True):
            self._check_range(parameter, value, extents)
        return values, dtype, math.prod(extents.values())

    def _precision(self, args: tuple[Any, ...]) -> Any:
        for parameter, value in zip(self.parameters, args, strict=True):
            if parameter.is_output and parameter.kind == "real":
                if getattr(value, "dtype", None) in (np.float32, np.float64):
                    return value.dtype
                raise ArgumentTypeError(
                    f"{self.name}: {parameter.name} must be a float32 or float64 array, not {_described(value)}"
                )
        return np.dtype(np.float64)  # a kernel without real arrays has one form

    def _value(self, parameter: Parameter, value: Any, dtype: Any, extents: dict[str, int]) -> Any:
        if parameter.dims is None:
            return self._scalar(parameter, value)
        wanted = np.dtype(dtype if parameter.kind == "real" else parameter.kind)
        array = self._output(parameter, value, wanted) if parameter.is_output else self._input(parameter, value, wanted)
        self._check_shape(parameter, array, extents)
        return array

    def _scalar(self, parameter: Parameter, value: Any) -> float | int:
        try:
            return operator.index(value) if parameter.kind == "int" else float(value)
        except (TypeError, ValueError):
            wanted = "a whole number" if parameter.kind == "int" else "a number"
            raise ArgumentTypeError(f"{self.name}: {parameter.name} must be {wanted}, not {value!r}") from None

    def _output(self, parameter: Parameter, value: Any, wanted: np.dtype[Any]) -> Any:
        usable = isinstance(value, np.ndarray) and value.dtype == wanted and value.flags.c_contiguous
        if not usable or not value.flags.writeable:
            raise ArgumentTypeError(
                f"{self.name}: {parameter.name} is written in place and must be a writable C-contiguous "
                f"{wanted} array, not {_described(value)}"
            )
        return value

    def _input(self, parameter: Parameter, value: Any, wanted: np.dtype[Any]) -> Any:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise ArgumentTypeError(f"{self.name}: {parameter.name} must hold numbers, not {_described(value)}")
        with np.errstate(invalid="ignore", over="ignore"):
            converted = np.ascontiguousarray(array, wanted).reshape(array.shape)
        if wanted.kind in "iu" and not np.array_equal(converted, array):
            raise ArgumentError(f"{self.name}: {parameter.name} must hold whole numbers that fit {wanted}")
        return converted.copy() if parameter.writable and not converted.flags.writeable else converted

    def _check_shape(self, parameter: Parameter, array: Any, extents: dict[str, int]) -> None:
        assert parameter.dims is not None
        fits = array.ndim == len(parameter.dims)
        for dim, extent in zip(parameter.dims, array.shape, strict=False):
            fits = fits and extents.setdefault(dim, extent) == extent
        if not fits:
            known = {d: extents[d] for d in parameter.dims if d in extents}
            raise ArgumentError(
                f"{self.name}: {parameter.name} must have the shape ({', '.join(parameter.dims)})"
                f"{f' with {known}' if known else ''}, not {array.shape}"
            )

    def _check_range(self, parameter: Parameter, value: Any, extents: dict[str, int]) -> None:
        if parameter.below is None or value.size == 0:
            return
        limit = extents[parameter.below]
        low, high = value.min(), value.max()
        if low < 0 or high >= limit:
            raise ArgumentError(
                f"{self.name}: {parameter.name} must be from 0 to {limit - 1} ({parameter.below} is {limit}), "
                f"but holds {low if low < 0 else high}"
            )


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        kind = "" if value.flags.c_contiguous else "non-contiguous "
        return f"a {'' if value.flags.writeable else 'read-only '}{kind}{value.dtype} array of shape {value.shape}"
    return f"{type(value).__name__} {value!r:.60}"
