"""The word that packs the lanes of a vector that are not 0."""

import numpy as np
from llvmlite import ir
from numba import types

from .lowering import (
    FEATURES,
    I32,
    I64,
    Vector,
    address_of,
    call_llvm,
    constant,
    is_real_array,
    lowered,
    splat_value,
    store_vector,
    suffix,
    vector_ir,
)


def pack_nonzero(values, columns, n, vector, first):
    """Write the lanes that are not 0 to values[n:], and their columns, counted from ``first``, to columns[n:].

    Returns how many there are. NaN is not 0. The numbers behind them, up to a whole vector, may be overwritten too.
    """
    lanes = np.flatnonzero(vector != 0)
    assert n >= 0 and n + len(vector) <= min(len(values), len(columns)), "SIMD access out of bounds"
    values[n : n + len(lanes)], columns[n : n + len(lanes)] = vector[lanes], first + lanes
    return len(lanes)


def _type_pack(values, columns, n, vector, first):
    are_columns = isinstance(columns, types.Array) and columns.dtype == types.int32 and columns.mutable
    fits = are_columns and is_real_array(values) and values.mutable and vector == Vector(values.dtype)
    return types.int64 if fits else None


@lowered(pack_nonzero, _type_pack, types.Array, types.Array, types.Integer, Vector, types.Integer)
def _pack_nonzero(context, builder, sig, args):
    vector = sig.args[3]
    index = context.cast(builder, args[2], sig.args[2], types.int64)
    first = context.cast(builder, args[4], sig.args[4], types.int32)
    to_values = address_of(context, builder, sig.args[0], args[0], index, vector.lanes)
    to_columns = address_of(context, builder, sig.args[1], args[1], index, vector.lanes)
    numbers = ir.Constant(ir.VectorType(I32, vector.lanes), list(range(vector.lanes)))
    columns = builder.add(splat_value(builder, first, vector.lanes), numbers)
    mask = builder.fcmp_unordered("!=", args[3], constant(vector, 0.0))
    way = _way_of(vector)
    if way is None:
        return _one_by_one(builder, vector, to_values, to_columns, args[3], columns, mask)
    bits = builder.zext(builder.bitcast(mask, ir.IntType(vector.lanes)), I64)
    packed, packed_columns = way(builder, vector, args[3], columns, mask, bits)
    store_vector(builder, to_values, packed, vector)
    to_columns = builder.bitcast(to_columns, packed_columns.type.as_pointer())
    builder.store(packed_columns, to_columns).align = 4
    return call_llvm(builder, "llvm.ctpop.i64", I64, [bits])


def _way_of(vector):
    """How this CPU packs a vector."""
    if vector.lanes * vector.dtype.bitwidth == 512 and FEATURES.get("avx512vl"):
        return _compressed
    if vector.lanes * vector.dtype.bitwidth == 256 and FEATURES.get("avx2"):
        return _permuted
    return None


def _compressed(builder, vector, value, columns, mask, bits):
    """With the instructions of AVX-512 for this."""

    def compressed(name, it):
        undefined = ir.Constant(it.type, ir.Undefined)
        return call_llvm(builder, f"llvm.x86.avx512.mask.compress.{name}", it.type, [it, undefined, mask])

    return compressed(suffix(vector), value), compressed(f"v{vector.lanes}i32", columns)


def _permuted(builder, vector, value, columns, mask, bits):
    """With AVX2's permutations of eight words of 32 bits, which a table has for every mask."""
    words = 8 // vector.lanes  # of a number
    eight, eight_reals = ir.VectorType(I32, 8), ir.VectorType(ir.FloatType(), 8)
    order = _row_of_table(builder, vector.lanes, words, bits)
    packed = call_llvm(builder, "llvm.x86.avx2.permps", eight_reals, [builder.bitcast(value, eight_reals), order])
    wide, own = columns, order
    if words > 1:
        undefined = ir.Constant(columns.type, ir.Undefined)
        wide = builder.shuffle_vector(columns, undefined, ir.Constant(eight, [*range(4), *[0] * 4]))
        own = _row_of_table(builder, vector.lanes, 1, bits)
    packed_columns = call_llvm(builder, "llvm.x86.avx2.permd", eight, [wide, own])
    if words > 1:
        first = ir.Constant(ir.VectorType(I32, 4), list(range(4)))
        packed_columns = builder.shuffle_vector(packed_columns, packed_columns, first)
    return builder.bitcast(packed, vector_ir(vector)), packed_columns


def _row_of_table(builder, lanes, words, bits):
    """The order of words for a mask, from a table of all masks of so many lanes."""
    eight = ir.VectorType(I32, 8)
    name = f"fastmlp.orders.{lanes}.{words}"
    table = builder.module.globals.get(name)
    if table is None:
        rows = [ir.Constant(eight, _order(mask, lanes, words)) for mask in range(1 << lanes)]
        table = ir.GlobalVariable(builder.module, ir.ArrayType(eight, len(rows)), name)
        table.linkage, table.global_constant = "internal", True
        table.initializer = ir.Constant(table.value_type, rows)
    return builder.load(builder.gep(table, [I64(0), bits], inbounds=True))


def _order(mask, lanes, words):
    chosen = [words * lane + word for lane in range(lanes) if mask >> lane & 1 for word in range(words)]
    return chosen + [0] * (8 - len(chosen))


def _one_by_one(builder, vector, to_values, to_columns, value, columns, mask):
    """Each lane is written, and the next one overwrites it if it is 0."""
    count = I64(0)
    for lane in range(vector.lanes):
        builder.store(builder.extract_element(value, I32(lane)), builder.gep(to_values, [count]))
        builder.store(builder.extract_element(columns, I32(lane)), builder.gep(to_columns, [count]))
        count = builder.add(count, builder.zext(builder.extract_element(mask, I32(lane)), I64))
    return count
