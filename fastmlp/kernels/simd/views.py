"""Parts of arrays, and tables of numbers as records. Numba's slices and its ``view`` take longer to compile."""

from numba import types
from numba.core import cgutils

from .lowering import I64, lowered


def tail(array, start):
    """What begins at ``start``; nothing where that is -1, as in tables, where it stands for nothing."""
    return array[start:] if start >= 0 else array[:0]


def records(table, record_type):
    """The rows of a table of 8-byte numbers as records."""
    return table.reshape(-1).view(record_type)


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
