"""Reads parts of arrays, and tables of numbers as records; numba's slices and its ``view`` take longer to compile."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from .lowering import I64, is_real_array, lowered


def tail(array, start):
    """The elements from ``start`` on; an empty array if ``start`` is -1, the mark of a missing place in tables."""
    return array[start:] if start >= 0 else array[:0]


def records(table, record_type):
    """The rows of a table of 8-byte numbers as records."""
    return table.reshape(-1).view(record_type)


def whole_numbers(array):
    """An array of reals as one of int32: as many numbers as there are, or twice as many for float64."""
    return array.view(np.int32)


def _type_whole_numbers(array):
    return types.Array(types.int32, 1, "C", readonly=not array.mutable) if is_real_array(array) else None


def _type_tail(array, start):
    is_flat = isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C"
    return array if is_flat and isinstance(start, types.Integer) else None


def _type_records(table, record_type):
    if isinstance(table, types.Array) and table.layout == "C" and isinstance(record_type, types.DType):
        return types.Array(record_type.dtype, 1, "C", readonly=not table.mutable)
    return None


@lowered(tail, _type_tail, types.Array, types.Integer)
def _tail(context, builder, sig, args):
    given = context.make_array(sig.args[0])(context, builder, args[0])
    start = context.cast(builder, args[1], sig.args[1], types.int64)
    left = builder.select(builder.icmp_signed("<", start, I64(0)), I64(0), builder.sub(given.nitems, start))
    return _flat_array(context, builder, sig, given, builder.gep(given.data, [start]), left, given.itemsize)


@lowered(whole_numbers, _type_whole_numbers, types.Array)
def _whole_numbers(context, builder, sig, args):
    given = context.make_array(sig.args[0])(context, builder, args[0])
    count = builder.mul(given.nitems, I64(sig.args[0].dtype.bitwidth // 32))
    data = builder.bitcast(given.data, ir.IntType(32).as_pointer())
    return _flat_array(context, builder, sig, given, data, count, I64(4))


@lowered(records, _type_records, types.Array, types.DType)
def _records(context, builder, sig, args):
    given, size = context.make_array(sig.args[0])(context, builder, args[0]), I64(sig.return_type.dtype.size)
    count = builder.sdiv(builder.mul(given.nitems, given.itemsize), size)
    pointer = context.get_data_type(sig.return_type.dtype).as_pointer()
    return _flat_array(context, builder, sig, given, builder.bitcast(given.data, pointer), count, size)


def _flat_array(context, builder, sig, given, data, count, size):
    """An array of ``count`` elements at ``data``, which keeps alive what ``given`` keeps alive."""
    made = context.make_array(sig.return_type)(context, builder)
    made.meminfo, made.parent, made.data = given.meminfo, given.parent, data
    made.nitems, made.itemsize = count, size
    made.shape, made.strides = cgutils.pack_array(builder, [count]), cgutils.pack_array(builder, [size])
    if context.enable_nrt:
        context.nrt.incref(builder, sig.return_type, made._getvalue())
    return made._getvalue()
