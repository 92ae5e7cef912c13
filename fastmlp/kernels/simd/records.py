"""Tables of numbers as records."""

from numba import types
from numba.core import cgutils

from .lowering import I64, lowered


def records(table, record_type):
    """The rows of a table of 8-byte numbers as records. numba's own ``view`` takes half a second to compile."""
    return table.reshape(-1).view(record_type)


def _type_records(table, record_type):
    if isinstance(table, types.Array) and table.layout == "C" and isinstance(record_type, types.DType):
        return types.Array(record_type.dtype, 1, "C", readonly=not table.mutable)
    return None


@lowered(records, _type_records, types.Array, types.DType)
def _records(context, builder, sig, args):
    given = context.make_array(sig.args[0])(context, builder, args[0])
    made = context.make_array(sig.return_type)(context, builder)
    size = I64(sig.return_type.dtype.size)
    made.meminfo, made.parent = given.meminfo, given.parent
    made.data = builder.bitcast(given.data, made.data.type)
    made.nitems, made.itemsize = builder.sdiv(builder.mul(given.nitems, given.itemsize), size), size
    made.shape, made.strides = cgutils.pack_array(builder, [made.nitems]), cgutils.pack_array(builder, [size])
    if context.enable_nrt:
        context.nrt.incref(builder, sig.return_type, made._getvalue())
    return made._getvalue()
