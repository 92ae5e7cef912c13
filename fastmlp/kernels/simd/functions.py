"""Calls functions of users by address, a strip of numbers at a time, so that no kernel is compiled for a function.

A table of this process has the addresses (`fastmlp._base.functions`). Compiled kernels, which may come from the disk
cache, know only the name of the table; importing this module tells LLVM where it is.
"""

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils

from ..._base import functions
from .lowering import I64, Vector, address_of, is_real_array, load_vector, lowered, scalar_ir, store_vector, vector_ir

_NAMES = {functions.ACTIVATIONS: "fastmlp_activations", functions.LOSSES: "fastmlp_losses"}
for _table, _name in _NAMES.items():
    llvm.add_symbol(_name, _table.addresses.ctypes.data)
    llvm.add_symbol(f"{_name}_count", _table.count.ctypes.data)

# ---------------------------------------------------------------- words


def known_activations():
    """How many activations of users there are."""
    return int(functions.ACTIVATIONS.count[0])


def known_losses():
    """How many losses of users there are."""
    return int(functions.LOSSES.count[0])


def _lower_count(word, table):
    @lowered(word, lambda: types.int64)
    def _known(context, builder, sig, args):
        return builder.load(_symbol(builder, f"{_NAMES[table]}_count"))


_lower_count(known_activations, functions.ACTIVATIONS)
_lower_count(known_losses, functions.LOSSES)


def activate(y, x, count, function):
    """y = f(x) for the first numbers; returns whether f raised no error."""
    y[:count] = functions.ACTIVATIONS.numbers(function, x[:count])[0]
    return True


def activate_with_slopes(y, slopes, x, count, function):
    """Like `activate`, and the derivative at x."""
    y[:count], slopes[:count] = functions.ACTIVATIONS.numbers(function, x[:count])
    return True


def own_loss(y, t, count, function):
    """Losses of the first lanes of outputs y and targets t, slopes with respect to y, and whether f raised no error.

    The other lanes may hold anything.
    """
    losses, slopes = y * 0, y * 0
    losses[:count], slopes[:count] = functions.LOSSES.numbers(function, y[:count], t[:count])
    return losses, slopes, True


def _type_activate(*arrays):
    *arrays, count, function = arrays
    fits = all(is_real_array(array) and array.dtype == arrays[0].dtype for array in arrays)
    return types.boolean if fits and isinstance(count, types.Integer) and isinstance(function, types.Integer) else None


@lowered(activate, lambda y, x, n, f: _type_activate(y, x, n, f), *[types.Array] * 2, *[types.Integer] * 2)
@lowered(
    activate_with_slopes, lambda y, s, x, n, f: _type_activate(y, s, x, n, f), *[types.Array] * 3, *[types.Integer] * 2
)
def _activate(context, builder, sig, args):
    *kinds, count_type, index_type = sig.args
    count = context.cast(builder, args[-2], count_type, types.int64)
    pointers = [address_of(context, builder, k, a, I64(0), count) for k, a in zip(kinds, args, strict=False)]
    index = context.cast(builder, args[-1], index_type, types.int64)
    way = _way(kinds[0].dtype, len(kinds) == 3)
    return _call(context, builder, functions.ACTIVATIONS, index, way, kinds[0].dtype, [*pointers, count])


def _type_own_loss(y, t, count, function):
    fits = isinstance(y, Vector) and y == t and isinstance(count, types.Integer) and isinstance(function, types.Integer)
    return types.Tuple((y, y, types.boolean)) if fits else None


@lowered(own_loss, _type_own_loss, Vector, Vector, types.Integer, types.Integer)
def _own_loss(context, builder, sig, args):
    vector = sig.args[0]
    count, index = (context.cast(builder, args[i], sig.args[i], types.int64) for i in (2, 3))
    most = I64(vector.lanes)
    count = builder.select(builder.icmp_signed("<", count, most), count, most)
    slots = [cgutils.alloca_once(builder, vector_ir(vector)) for _ in range(4)]
    pointers = [builder.bitcast(slot, scalar_ir(vector.dtype).as_pointer()) for slot in slots]
    for pointer, value in zip(pointers, [args[0], args[0], args[0], args[1]], strict=True):
        store_vector(builder, pointer, value, vector)
    way = _way(vector.dtype, True)
    succeeded = _call(context, builder, functions.LOSSES, index, way, vector.dtype, [*pointers, count])
    found = [load_vector(builder, pointer, vector) for pointer in pointers[:2]]
    return context.make_tuple(builder, sig.return_type, [*found, succeeded])


def _way(dtype, with_slopes):
    return (functions.FLOAT32 if dtype == types.float32 else functions.FLOAT64) + with_slopes


def _call(context, builder, table, index, way, dtype, values):
    """Call the function at an index of a table; returns whether it raised no error."""
    place = builder.add(builder.mul(index, I64(functions.WAYS)), I64(way))
    address = builder.load(builder.gep(_symbol(builder, _NAMES[table]), [place]))
    arguments = strip_types(dtype, len(values) - 1)
    kind = context.call_conv.get_function_type(types.void, arguments)
    function = builder.inttoptr(address, kind.as_pointer())
    status, _ = context.call_conv.call_function(builder, function, types.void, arguments, values)
    return builder.not_(status.is_error)


def _symbol(builder, name):
    try:
        return builder.module.get_global(name)
    except KeyError:
        return cgutils.add_global_variable(builder.module, ir.IntType(64), name)


# ---------------------------------------------------------------- the functions behind the addresses


def strip_types(dtype, pointers):
    """The numba types of the arguments of a function on strips: pointers, and how many numbers there are."""
    return (*[types.CPointer(dtype)] * pointers, types.int64)


def activation_loops(function, derivative, into, out_of):
    """Loops over strips of numbers, which are compiled with the functions in them.

    ``into`` turns a number into the argument of a function, and ``out_of`` its result into a number.
    """

    def values(y, x, count):
        for i in range(count):
            y[i] = out_of(function(into(x[i])))

    def values_and_slopes(y, slopes, x, count):
        for i in range(count):
            number = into(x[i])
            y[i] = out_of(function(number))
            slopes[i] = out_of(derivative(number))

    return values, values_and_slopes


def loss_loops(function, derivative, into, out_of):
    """Like `activation_loops`, for losses of outputs y with targets t."""

    def values(losses, y, t, count):
        for i in range(count):
            losses[i] = out_of(function(into(y[i]), into(t[i])))

    def values_and_slopes(losses, slopes, y, t, count):
        for i in range(count):
            output, target = into(y[i]), into(t[i])
            losses[i] = out_of(function(output, target))
            slopes[i] = out_of(derivative(output, target))

    return values, values_and_slopes
