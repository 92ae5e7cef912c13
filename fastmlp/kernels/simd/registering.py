"""Compiles functions of users into loops over strips of numbers, and adds them to the tables of this process."""

from numba import types

from ..._base import functions
from ..._compiling.jit import address_of_loop, building, inlined, jit_disabled
from .functions import activation_loops, loss_loops, strip_types
from .single import as_lane, as_number

_KINDS = {functions.ACTIVATIONS: (activation_loops, 2), functions.LOSSES: (loss_loops, 3)}


def index_of(table, function, derivative):
    """The index of a function with its derivative; they are compiled if they are new to this process.

    Raises numba's errors if they cannot be compiled.
    """
    index = table.find(function, derivative)
    if index is not None:
        return index
    with building():
        index = table.find(function, derivative)
        if index is None:
            index = table.add(function, derivative, _addresses(table, function, derivative))
    return index


def fault_of(function, arguments):
    """What numba says if it cannot compile a function of this many numbers, or None."""
    if jit_disabled():
        return None
    try:
        inlined(function).compile((types.float64,) * arguments)
    except Exception as error:
        return str(error) or type(error).__name__
    return None


def _addresses(table, function, derivative):
    if jit_disabled():
        return [0] * functions.WAYS
    compiled = [inlined(function), inlined(derivative)]
    return [address for dtype in (types.float32, types.float64) for address in _in_one_dtype(table, compiled, dtype)]


def _in_one_dtype(table, compiled, dtype):
    """The addresses of both loops. In a lane, constants take the dtype; not all of Python takes a lane."""
    make, pointers = _KINDS[table]
    try:
        return _compiled(make(*compiled, as_lane, as_number), dtype, pointers)
    except Exception:  # numba has many kinds of errors, and all of them come again if the function is wrong
        return _compiled(make(*compiled, dtype, dtype), dtype, pointers)


def _compiled(loops, dtype, pointers):
    return [address_of_loop(loop, strip_types(dtype, pointers + more)) for more, loop in enumerate(loops)]
