"""Calls a network from the user's own numba code.

`predict` is one function for all networks: arrays describe the network and hold its weights. So it is compiled once,
and code that calls it can be cached on disk and used with any model.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from . import kernels
from ._base import tables as t
from ._base.errors import ArgumentError, ArgumentTypeError
from ._base.interruption import uninterrupted
from ._base.types import Array, Integers
from ._compiling import jit
from ._engine.program import Program
from ._network.inputs import Inputs, is_exact
from .kernels.simd import fraction

# The places of the numbers in a network array
_VERSION, _OPS, _PARAMETERS = (t.place_of(t.HEAD, name) for name in ("version", "ops", "parameters"))
_BYTE_SCALE, _INTEGER_SCALE = (t.place_of(t.HEAD, name) for name in ("byte_scale", "integer_scale"))
_PANEL = t.NETWORK_HEAD + t.place_of(t.PLAN, "panel")
_FIRST_OP = t.NETWORK_HEAD + t.PLAN_FIELDS
_FAN_IN, _FIRST_MEAN = (_FIRST_OP + t.place_of(t.OP, name) for name in ("fan_in", "means"))
_CLASSES = t.place_of(t.OP, "fan_out") - t.OP_FIELDS  # from the end of the program
_SHORTEST = _FIRST_OP + t.OP_FIELDS

_ANOTHER_VERSION = (
    "network comes from another version of fastmlp than this function was compiled for: call model.jitted() anew, and "
    "delete the files of numba's cache (*.nbi, *.nbc) of the functions that use it"
)
_DAMAGED = "network is damaged: it names numbers that are not there; call model.jitted() anew"
_MISFIT = (
    "out, x and weights must have the shapes (units,), (features,) and (n,) of the network, or (rows, ...), and "
    "weights the dtype of the model"
)
_PIXELS_OR_NUMBERS = (
    "x is uint8, which could be pixels, but the model was trained on numbers: convert x to floats, or pixels to what "
    "the model was trained on"
)
_NO_PIXELS = "x must hold pixels, whole numbers from 0 to 255, as the model was trained on pixels (uint8)"
_WANTED = (
    "fastmlp's predict takes (out, x, weights, network): writable floats and real numbers, both of one row or both of "
    "rows, and the two arrays of model.jitted()"
)


class Jitted(NamedTuple):
    """The result of `fastmlp.Sequential.jitted`: a function for numba code, and the arrays to call it with."""

    predict: Callable[[Array, Array, Array, Integers], None]
    weights: Array
    network: Integers

    def __repr__(self) -> str:
        return f"Jitted(predict, weights of {len(self.weights):,} numbers, network of {len(self.network):,} integers)"


def jitted(program: Program, weights: Array, inputs: Inputs) -> Jitted:
    """A program and its flat parameter vector for use in numba code, which reads features like ``inputs``.

    If numbers lose a mean before rounding, its bits follow the program.
    """
    if (program.operations["code"] == t.CUSTOM).any():
        raise ArgumentError(
            "jitted() cannot take an activation of your own: its arrays may go to other processes and files, where the "
            "code of your function is not. Use predict() of the model, or a built-in activation"
        )
    if not jit.jit_disabled():
        _entry_point(program.dtype.name).fill()
        _verifier().fill()
    center = np.empty(0) if inputs.center is None else inputs.center
    return Jitted(predict, weights, np.concatenate([program.network(inputs.scales()), center.view(np.int64)]))


def predict(out: Array, x: Array, weights: Array, network: Integers) -> None:
    """Write a network's output for one row, or for each row of a matrix; for use in ``numba.njit`` functions.

    It runs on the calling thread, holds no lock and shares no memory between calls: call it from ``nogil`` functions
    in any number of threads, and from ``prange`` loops.

    Parameters
    ----------
    out : ndarray of floats, shape (units,) or (rows, units)
        The outputs, which are overwritten in the array's dtype. It must not share memory with the other arrays.
    x : ndarray, shape (features,) or (rows, features)
        Real numbers, read as in `fastmlp.Sequential.predict`: uint8 as pixels, unless the model was trained on other
        whole numbers, and all whole numbers as pixels if it was trained on pixels. Floats are not changed, so pixels
        in floats must be scaled. C-contiguous arrays in the model's dtype are fastest; others are copied. A row with
        NaN or infinity gives NaN.
    weights : ndarray, shape (n,)
        ``model.jitted().weights``, or another array of the same dtype and order: a copy, or one row of many.
    network : ndarray of int64
        ``model.jitted().network``.

    Raises
    ------
    ValueError
        If ``x``, ``out`` or ``weights`` does not fit the network; if ``network`` comes from another version, or was
        altered so that it points outside of the arrays, which every call verifies; if ``x`` is uint8 and the model was
        trained on floats.
    numba.TypingError
        If numba compiles a call with other arguments than such arrays.

    Examples
    --------
    >>> import numba
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(8, activation="relu"), fm.Dense(2)], seed=0)
    >>> model.build(n_features=4)
    >>> predict, weights, network = model.jitted()
    >>> @numba.njit(nogil=True)
    ... def mean_output(states, weights, network):
    ...     total, out = np.zeros(2), np.empty(2, np.float32)
    ...     for t in range(len(states)):
    ...         predict(out, states[t], weights, network)
    ...         total += out
    ...     return total / len(states)
    >>> states = np.ones((3, 4), np.float32)
    >>> bool(np.allclose(mean_output(states, weights, network), model.predict(states[:1])[0]))
    True
    """
    network = np.asarray(network)  # without a mask
    rows, outputs = np.atleast_2d(x), np.atleast_2d(out)
    if out.dtype.kind != "f" or not out.flags.writeable:
        raise ArgumentTypeError(f"{_WANTED}; out is of {out.dtype}, {'' if out.flags.writeable else 'not '}writable")
    if len(network) < _SHORTEST or network[_VERSION] != t.VERSION:
        raise ArgumentError(_ANOTHER_VERSION)
    size = _size_of_program(network)
    if size == 0:
        raise ArgumentError(_DAMAGED)
    sizes = (rows.shape[1], outputs.shape, weights.shape, kernels.panel_width(weights.dtype))
    if sizes != (network[_FAN_IN], (len(rows), network[size + _CLASSES]), (network[_PARAMETERS],), network[_PANEL]):
        raise ArgumentError(_MISFIT)
    if len(rows) == 0:
        return
    result = np.empty(outputs.shape, weights.dtype)
    numbers, table = _as_read(rows, weights, network, size)
    kernels.predict_rows(result, numbers, weights, table)
    out[...] = result.reshape(out.shape)


def _as_read(rows: Array, weights: Array, network: Integers, size: int) -> tuple[Array, Integers]:
    """Features in the network's dtype, and the network for them: without the mean, if it is already subtracted.

    `_implementation` does the same for numba.
    """
    if rows.dtype.kind in "iub":
        scale = fraction(network[_BYTE_SCALE if rows.dtype == np.uint8 else _INTEGER_SCALE])  # type: ignore[no-untyped-call]
        if scale != scale:
            raise ArgumentError(_PIXELS_OR_NUMBERS)
        if scale != 1:
            if rows.dtype.kind == "b" or rows.min() < 0 or rows.max() > 255:
                raise ArgumentError(_NO_PIXELS)
            with np.errstate(all="ignore"):  # an altered scale may be anything
                return rows.astype(weights.dtype) * weights.dtype.type(scale), network[:size]
    if is_exact(rows.dtype, weights.dtype) or size == len(network):
        return rows.astype(weights.dtype, copy=False), network[:size]
    table, center = network[:size].copy(), network[size:].view(np.float64)
    table[_FIRST_MEAN] = -1
    return (rows - center).astype(weights.dtype), table


def _size_of_program(network: Any) -> Any:
    """The length of the program, after which the mean follows; 0 if the program is damaged."""
    n_ops = int(network[_OPS])
    if n_ops < 1 or n_ops > (network.size - _FIRST_OP) // t.OP_FIELDS:
        return 0
    size = _FIRST_OP + n_ops * t.OP_FIELDS
    return size if network.size - size in (0, network[_FAN_IN]) else 0


def _implementation(out, x, weights, network):  # type: ignore[no-untyped-def]  # numba compares these with run's
    """`predict` for arguments of these numba types: a call of the kernel that Python uses too."""
    from numba import TypingError, types
    from numba.extending import register_jitable

    arrays = (out, x, weights, network)
    fits = all(isinstance(array, types.Array) for array in arrays) and weights.ndim == network.ndim == 1
    fits = fits and out.ndim == x.ndim and x.ndim in (1, 2) and out.mutable and isinstance(out.dtype, types.Float)
    fits = fits and isinstance(x.dtype, (types.Float, types.Integer, types.Boolean))
    if not fits or weights.dtype not in (types.float32, types.float64) or network.dtype != types.int64:
        raise TypingError(f"{_WANTED}, not {arrays}")
    dtype = np.dtype(weights.dtype.name)
    call = _entry_point(dtype.name).caller(types.void, kernels.predict_rows.numba_types(dtype.name), _on_load)
    verify = _verifier().caller(types.int64, kernels.network_fault.numba_types("float64"), _on_load)
    panel = kernels.panel_width(dtype)
    in_place = out.dtype == weights.dtype and out.layout == "C"
    as_it_is = x.dtype == weights.dtype and x.layout == "C"
    are_flat = weights.layout == network.layout == "C"
    are_whole, are_flags = not isinstance(x.dtype, types.Float), isinstance(x.dtype, types.Boolean)
    scale_at = _BYTE_SCALE if x.dtype == types.uint8 else _INTEGER_SCALE
    size_of_program = register_jitable(_size_of_program)
    may_lose, number_type = not is_exact(np.dtype(x.dtype.name), dtype), dtype.type

    def run(out, x, weights, network):  # type: ignore[no-untyped-def]
        if network.size < _SHORTEST or network[_VERSION] != t.VERSION:
            raise ValueError(_ANOTHER_VERSION)
        size = size_of_program(network)
        if size == 0:
            raise ValueError(_DAMAGED)
        rows = x.shape[0] if x.ndim == 2 else 1
        fan_in, classes = network[_FAN_IN], network[size + _CLASSES]
        fits = x.size == rows * fan_in and out.size == rows * classes and weights.size == network[_PARAMETERS]
        if not fits or network[_PANEL] != panel or (out.ndim == 2 and out.shape[0] != rows):
            raise ValueError(_MISFIT)
        if rows == 0:
            return
        flat = weights if are_flat else np.ascontiguousarray(weights)
        whole = network if are_flat else np.ascontiguousarray(network)
        table = whole[:size]
        scale = fraction(table[scale_at]) if are_whole else 1.0  # type: ignore[no-untyped-call]
        is_centered = may_lose and scale == 1.0 and whole.size > size
        if is_centered:
            table = table.copy()
            table[_FIRST_MEAN] = -1
        if verify((table, flat.size, fan_in, classes, panel)) != 0:  # last, so that it checks the very numbers that run
            raise ValueError(_DAMAGED)
        given = x if as_it_is else np.empty(x.shape, dtype)
        if not as_it_is:
            if scale != scale:
                raise ValueError(_PIXELS_OR_NUMBERS)
            factor, column = number_type(scale), 0
            for i, number in np.ndenumerate(x):  # assigning whole arrays would take numba seconds to compile
                if scale != 1.0 and (are_flags or number < 0 or number > 255):
                    raise ValueError(_NO_PIXELS)
                if is_centered:
                    given[i] = number - fraction(whole[size + column])  # type: ignore[no-untyped-call]
                    column = column + 1 if column + 1 < fan_in else 0
                else:
                    given[i] = number_type(number) * factor
        result = out if in_place else np.empty(out.shape, dtype)
        call((result.reshape(rows, classes), given.reshape(rows, fan_in), flat, table))
        if not in_place:
            for i, number in np.ndenumerate(result):
                out[i] = number

    return run


def _on_load() -> None:
    """Numba calls this after it has imported this module, so the entry points exist."""


@cache
def _entry_point(dtype: str) -> Any:
    from .kernels.simd.machine_code import EntryPoint

    return EntryPoint(  # type: ignore[no-untyped-call]
        f"fastmlp_predict_{dtype}", lambda: kernels.predict_rows.address(dtype)
    )


@cache
def _verifier() -> Any:
    from .kernels.simd.machine_code import EntryPoint

    return EntryPoint(  # type: ignore[no-untyped-call]
        "fastmlp_network_fault", lambda: kernels.network_fault.address("float64")
    )


if not jit.jit_disabled():
    with uninterrupted():  # because it imports numba
        _verifier()
        for _dtype in ("float32", "float64"):
            _entry_point(_dtype)  # functions from numba's disk cache may call them
jit.callable_from_numba(predict, _implementation)
