"""Words that move vectors: sizes, loading and storing, across lanes."""

import numpy as np
from llvmlite import ir
from numba import types

from .lowering import (
    I1,
    I8,
    I32,
    I64,
    TILE_VECTORS,
    VECTOR_BYTES,
    Vector,
    address_of,
    as_vector,
    call_llvm,
    constant,
    first_lanes,
    is_real_array,
    load_vector,
    lowered,
    store_vector,
    suffix,
    vector_ir,
)

# ---------------------------------------------------------------- sizes


def lanes(array):
    """Numbers of ``array``'s dtype in one vector."""
    return VECTOR_BYTES // array.itemsize


@lowered(lanes, lambda array: types.intp if is_real_array(array) else None, types.Array)
def _lanes(context, builder, sig, args):
    return I64(Vector(sig.args[0].dtype).lanes)


def panel(array):
    """Width of a panel: the columns of a matrix that one register tile covers."""
    return TILE_VECTORS * lanes(array)


@lowered(panel, lambda array: types.intp if is_real_array(array) else None, types.Array)
def _panel(context, builder, sig, args):
    return I64(TILE_VECTORS * Vector(sig.args[0].dtype).lanes)


def is_double(vector):
    """Whether the lanes are float64; a constant once compiled."""
    return vector.dtype == np.float64


@lowered(is_double, lambda vector: types.boolean if isinstance(vector, Vector) else None, Vector)
def _is_double(context, builder, sig, args):
    return I1(sig.args[0].dtype == types.float64)


# ---------------------------------------------------------------- memory


def load(array, index):
    """The vector that starts at ``array[index]``; no alignment is needed."""
    vector = array[index : index + lanes(array)]
    assert index >= 0 and len(vector) == lanes(array), "SIMD access out of bounds"
    return vector.copy()


def _type_load(array, index):
    return Vector(array.dtype) if is_real_array(array) and isinstance(index, types.Integer) else None


@lowered(load, _type_load, types.Array, types.Integer)
def _load(context, builder, sig, args):
    vector = sig.return_type
    pointer = address_of(context, builder, sig.args[0], args[0], args[1], vector.lanes)
    return load_vector(builder, pointer, vector)


def store(array, index, value):
    """Write a vector to ``array[index:]``."""
    assert index >= 0 and index + lanes(array) <= len(array), "SIMD access out of bounds"
    array[index : index + lanes(array)] = value


def _type_store(array, index, value):
    fits = is_real_array(array) and isinstance(index, types.Integer) and value == Vector(array.dtype)
    return types.void if fits and array.mutable else None


@lowered(store, _type_store, types.Array, types.Integer, Vector)
def _store(context, builder, sig, args):
    vector = sig.args[2]
    pointer = address_of(context, builder, sig.args[0], args[0], args[1], vector.lanes)
    store_vector(builder, pointer, args[2], vector)
    return context.get_dummy_value()


def load_first(array, index, count):
    """Like ``load``, but only the first ``count`` lanes are read; the others are 0."""
    vector = np.zeros(lanes(array), array.dtype)
    count = min(max(count, 0), lanes(array))
    assert index >= 0 and index + count <= len(array), "SIMD access out of bounds"
    vector[:count] = array[index : index + count]
    return vector


def _type_load_first(array, index, count):
    return _type_load(array, index) if isinstance(count, types.Integer) else None


@lowered(load_first, _type_load_first, types.Array, types.Integer, types.Integer)
def _load_first(context, builder, sig, args):
    vector = sig.return_type
    count = _clamp_count(builder, args[2], vector)
    pointer = address_of(context, builder, sig.args[0], args[0], args[1], count)
    mask = first_lanes(builder, vector, count)
    pointer = builder.bitcast(pointer, vector_ir(vector).as_pointer())
    align = I32(vector.dtype.bitwidth // 8)
    return call_llvm(
        builder,
        f"llvm.masked.load.{suffix(vector)}.p0",
        vector_ir(vector),
        [pointer, align, mask, constant(vector, 0.0)],
    )


def _clamp_count(builder, count, vector):
    count = builder.select(builder.icmp_signed("<", count, I64(0)), I64(0), count)
    return builder.select(builder.icmp_signed(">", count, I64(vector.lanes)), I64(vector.lanes), count)


def store_first(array, index, value, count):
    """Like ``store``, but only the first ``count`` lanes are written."""
    count = min(max(count, 0), lanes(array))
    assert index >= 0 and index + count <= len(array), "SIMD access out of bounds"
    array[index : index + count] = value[:count]


def _type_store_first(array, index, value, count):
    return _type_store(array, index, value) if isinstance(count, types.Integer) else None


@lowered(store_first, _type_store_first, types.Array, types.Integer, Vector, types.Integer)
def _store_first(context, builder, sig, args):
    vector = sig.args[2]
    count = _clamp_count(builder, args[3], vector)
    pointer = address_of(context, builder, sig.args[0], args[0], args[1], count)
    mask = first_lanes(builder, vector, count)
    pointer = builder.bitcast(pointer, vector_ir(vector).as_pointer())
    align = I32(vector.dtype.bitwidth // 8)
    name = f"llvm.masked.store.{suffix(vector)}.p0"
    call_llvm(builder, name, ir.VoidType(), [args[2], pointer, align, mask])
    return context.get_dummy_value()


def prefetch(array, index):
    """Bring ``array[index]``, which will be read soon, into the first-level cache."""


def prefetch_to_write(array, index):
    """Like ``prefetch``, for a number that will be written: other cores give up their copies at once."""


def _lower_prefetch(function, for_write):
    @lowered(function, lambda array, index: types.void, types.Array, types.Integer)
    def _prefetch(context, builder, sig, args):
        struct = context.make_array(sig.args[0])(context, builder, args[0])
        pointer = builder.bitcast(builder.gep(struct.data, [args[1]]), I8.as_pointer())
        closest, data = I32(3), I32(1)
        call_llvm(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, I32(for_write), closest, data])
        return context.get_dummy_value()


_lower_prefetch(prefetch, 0)
_lower_prefetch(prefetch_to_write, 1)


def load_bytes(pixels, index, like):
    """A vector of ``like``'s dtype from the uint8 numbers that start at ``pixels[index]``."""
    vector = pixels[index : index + lanes(like)]
    assert index >= 0 and len(vector) == lanes(like), "SIMD access out of bounds"
    return vector.astype(like.dtype)


def _type_load_bytes(pixels, index, like):
    is_bytes = isinstance(pixels, types.Array) and pixels.dtype == types.uint8 and pixels.ndim == 1
    return Vector(like.dtype) if is_bytes and is_real_array(like) else None


@lowered(load_bytes, _type_load_bytes, types.Array, types.Integer, types.Array)
def _load_bytes(context, builder, sig, args):
    vector = sig.return_type
    pointer = address_of(context, builder, sig.args[0], args[0], args[1], vector.lanes)
    value = builder.load(builder.bitcast(pointer, ir.VectorType(I8, vector.lanes).as_pointer()))
    value.align = 1
    # Through a signed 32-bit integer: x86 converts those in one instruction, unsigned ones in many.
    return builder.sitofp(builder.zext(value, ir.VectorType(I32, vector.lanes)), vector_ir(vector))


def splat(like, value):
    """The vector of ``like``'s dtype with ``value`` in every lane."""
    return np.full(lanes(like), value, like.dtype)


def _type_splat(like, value):
    return Vector(like.dtype) if is_real_array(like) and isinstance(value, types.Number) else None


@lowered(splat, _type_splat, types.Array, types.Number)
def _splat(context, builder, sig, args):
    return as_vector(context, builder, args[1], sig.args[1], sig.return_type)


def lane_numbers(like):
    """0, 1, 2, … as a vector of ``like``'s dtype."""
    return np.arange(lanes(like), dtype=like.dtype)


@lowered(lane_numbers, lambda like: Vector(like.dtype) if is_real_array(like) else None, types.Array)
def _lane_numbers(context, builder, sig, args):
    vector = sig.return_type
    return ir.Constant(vector_ir(vector), [float(i) for i in range(vector.lanes)])


# ---------------------------------------------------------------- across lanes


def sum_lanes(a):
    """Sum of all lanes, halves first: ((a0 + a4) + (a2 + a6)) + …"""
    while len(a) > 1:
        a = a[: len(a) // 2] + a[len(a) // 2 :]
    return a[0]


def max_lanes(a):
    """The largest lane."""
    return np.max(a)


def _halving(function, combine):
    @lowered(function, lambda a: a.dtype if isinstance(a, Vector) else None, Vector)
    def _reduce(context, builder, sig, args):
        value, count = args[0], sig.args[0].lanes
        while count > 1:
            count //= 2
            index = ir.VectorType(I32, count)
            low = builder.shuffle_vector(value, value, ir.Constant(index, list(range(count))))
            high = builder.shuffle_vector(value, value, ir.Constant(index, list(range(count, 2 * count))))
            value = combine(builder, low, high)
        return builder.extract_element(value, I32(0))


_halving(sum_lanes, lambda builder, a, b: builder.fadd(a, b))
_halving(max_lanes, lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))


def transpose(dst, dst_index, dst_stride, src, src_index, src_stride):
    """dst[i, j] = src[j, i] for a square of ``lanes`` × ``lanes`` numbers; strides are between rows."""
    n = lanes(src)
    for i in range(n):
        for j in range(n):
            dst[dst_index + i * dst_stride + j] = src[src_index + j * src_stride + i]


def _type_transpose(dst, di, ds, src, si, ss):
    return types.void if is_real_array(dst) and is_real_array(src) and dst.dtype == src.dtype else None


@lowered(transpose, _type_transpose, types.Array, *[types.Integer] * 2, types.Array, *[types.Integer] * 2)
def _transpose(context, builder, sig, args):
    # log2(lanes) rounds; round s swaps, between rows i and i + s, the lanes whose number has bit s set.
    dst, di, ds, src, si, ss = args
    vector = Vector(sig.args[0].dtype)
    n = vector.lanes
    rows = []
    for i in range(n):
        at = builder.add(si, builder.mul(ss, I64(i)))
        rows.append(load_vector(builder, address_of(context, builder, sig.args[3], src, at, n), vector))
    half = n // 2
    while half:
        low = [lane if not lane & half else n + lane - half for lane in range(n)]
        high = [lane + half if not lane & half else n + lane for lane in range(n)]
        for i in range(n):
            if not i & half:
                a, b = rows[i], rows[i + half]
                rows[i] = builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, n), low))
                rows[i + half] = builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, n), high))
        half //= 2
    for i, row in enumerate(rows):
        at = builder.add(di, builder.mul(ds, I64(i)))
        store_vector(builder, address_of(context, builder, sig.args[0], dst, at, n), row, vector)
    return context.get_dummy_value()
