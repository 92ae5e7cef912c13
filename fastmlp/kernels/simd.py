"""SIMD vectors and register tiles as ordinary numba values: the only file that knows LLVM.

Kernels are written over a few small words: ``load``, ``store``, ``fma``, ``where``, ``rank1`` … Each word is a
plain Python function, and that function is its definition: with ``NUMBA_DISABLE_JIT=1`` a vector is a short
NumPy array and a tile a small matrix. Compiled, a vector is one LLVM vector and a tile a handful of them that
stay in registers, so that nothing is left to the auto-vectoriser.

Vector types follow the dtype of the arrays they come from. Scalars mix in freely (``v * 0.5``) and take the
vector's dtype.
"""

import math
import operator
import os

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import lower_builtin, models, register_model, type_callable

FEATURES = llvm.get_host_cpu_features()


def _widest_float32_lanes():
    forced = os.environ.get("FASTMLP_LANES")  # for tests: how another CPU's build behaves
    if forced:
        if forced not in ("4", "8", "16"):
            raise ValueError(f"FASTMLP_LANES must be 4, 8 or 16, not {forced!r}")
        return int(forced)
    if FEATURES.get("avx512f"):
        return 16
    return 8 if FEATURES.get("avx2") else 4


LANES = _widest_float32_lanes()
VECTOR_BYTES = 4 * LANES
# Accumulators, two operand vectors and a broadcast must fit the register file (32, 16, 16 or 32 registers).
TILE_ROWS = {16: 14, 8: 6, 4: 6}[LANES]
TILE_VECTORS = 2

_I1, _I8, _I32, _I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))


# ---------------------------------------------------------------- types


class Vector(types.Type):
    """As many numbers of one dtype as fill a vector register."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.lanes = VECTOR_BYTES * 8 // dtype.bitwidth
        super().__init__(f"{dtype}x{self.lanes}")


class Mask(types.Type):
    """One truth value per lane."""

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__(f"mask{lanes}")


class Tile(types.Type):
    """``rows`` × ``TILE_VECTORS`` vectors: a block of a matrix product, held in registers."""

    def __init__(self, dtype, rows):
        self.vector, self.rows = Vector(dtype), rows
        super().__init__(f"tile{rows}x{TILE_VECTORS}x{self.vector.name}")


def _scalar_ir(dtype):
    return ir.FloatType() if dtype.bitwidth == 32 else ir.DoubleType()


def _integer_ir(dtype):
    return ir.IntType(dtype.bitwidth)


def _vector_ir(vector):
    return ir.VectorType(_scalar_ir(vector.dtype), vector.lanes)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, _vector_ir(fe_type))


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, ir.VectorType(_I1, fe_type.lanes))


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        count = fe_type.rows * TILE_VECTORS
        super().__init__(manager, fe_type, ir.ArrayType(_vector_ir(fe_type.vector), count))


# ---------------------------------------------------------------- tools for lowering


def _lowered(function, typer, *argument_types):
    """Decorate the code generator of ``function``, whose result type ``typer`` computes from argument types."""

    @type_callable(function)
    def _type(context):
        return typer

    return lower_builtin(function, *argument_types)


def _same_vector(*args):
    """Type of an operation on vectors and scalars: the one vector type among them."""
    vectors = {a for a in args if isinstance(a, Vector)}
    others = [a for a in args if not isinstance(a, Vector)]
    if len(vectors) == 1 and all(isinstance(a, types.Number) for a in others):
        return vectors.pop()
    return None


def _is_real_array(array):
    return isinstance(array, types.Array) and isinstance(array.dtype, types.Float) and array.ndim == 1


def _splat_value(builder, scalar, lanes):
    undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, scalar, _I32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes))


def _as_vector(context, builder, value, source, vector):
    """A vector stays; a scalar takes the vector's dtype and fills all lanes."""
    if isinstance(source, Vector):
        return value
    return _splat_value(builder, context.cast(builder, value, source, vector.dtype), vector.lanes)


def _constant(vector, value):
    return ir.Constant(_vector_ir(vector), [value] * vector.lanes)


def _integers(vector, value):
    return ir.Constant(ir.VectorType(_integer_ir(vector.dtype), vector.lanes), [value] * vector.lanes)


def _call_llvm(builder, name, result, args):
    signature = ir.FunctionType(result, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), args)


def _suffix(vector):
    return f"v{vector.lanes}f{vector.dtype.bitwidth}"


def _pointer(context, builder, array_type, array, index, count):
    """Address of element ``index``; with NUMBA_BOUNDSCHECK, ``count`` elements from there must exist."""
    struct = context.make_array(array_type)(context, builder, array)
    if config.BOUNDSCHECK:
        size = builder.extract_value(struct.shape, 0)
        count = _I64(count) if isinstance(count, int) else count
        below = builder.icmp_signed("<", index, _I64(0))
        above = builder.icmp_signed(">", builder.add(index, count), size)
        with cgutils.if_unlikely(builder, builder.or_(below, above)):
            context.call_conv.return_user_exc(builder, IndexError, ("SIMD access out of bounds",))
    return builder.gep(struct.data, [index])


def _load_vector(builder, pointer, vector):
    value = builder.load(builder.bitcast(pointer, _vector_ir(vector).as_pointer()))
    value.align = vector.dtype.bitwidth // 8
    return value


def _store_vector(builder, pointer, value, vector):
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer())).align = vector.dtype.bitwidth // 8


def _first_lanes(builder, vector, count):
    """Mask of the lanes below ``count``."""
    numbers = ir.Constant(ir.VectorType(_I64, vector.lanes), list(range(vector.lanes)))
    return builder.icmp_signed("<", numbers, _splat_value(builder, count, vector.lanes))


# ---------------------------------------------------------------- sizes


def lanes(array):
    """Numbers of ``array``'s dtype in one vector."""
    return VECTOR_BYTES // array.itemsize


@_lowered(lanes, lambda array: types.intp if _is_real_array(array) else None, types.Array)
def _lanes(context, builder, sig, args):
    return _I64(Vector(sig.args[0].dtype).lanes)


def panel(array):
    """Width of a panel: the columns of a matrix that one register tile covers."""
    return TILE_VECTORS * lanes(array)


@_lowered(panel, lambda array: types.intp if _is_real_array(array) else None, types.Array)
def _panel(context, builder, sig, args):
    return _I64(TILE_VECTORS * Vector(sig.args[0].dtype).lanes)


def is_double(vector):
    """Whether the lanes are float64; a constant once compiled."""
    return vector.dtype == np.float64


@_lowered(is_double, lambda vector: types.boolean if isinstance(vector, Vector) else None, Vector)
def _is_double(context, builder, sig, args):
    return _I1(sig.args[0].dtype == types.float64)


# ---------------------------------------------------------------- memory


def load(array, index):
    """The vector that starts at ``array[index]``; no alignment is needed."""
    vector = array[index : index + lanes(array)]
    assert index >= 0 and len(vector) == lanes(array), "SIMD access out of bounds"
    return vector.copy()


def _type_load(array, index):
    return Vector(array.dtype) if _is_real_array(array) and isinstance(index, types.Integer) else None


@_lowered(load, _type_load, types.Array, types.Integer)
def _load(context, builder, sig, args):
    vector = sig.return_type
    pointer = _pointer(context, builder, sig.args[0], args[0], args[1], vector.lanes)
    return _load_vector(builder, pointer, vector)


def store(array, index, value):
    """Write a vector to ``array[index:]``."""
    assert index >= 0 and index + lanes(array) <= len(array), "SIMD access out of bounds"
    array[index : index + lanes(array)] = value


def _type_store(array, index, value):
    fits = _is_real_array(array) and isinstance(index, types.Integer) and value == Vector(array.dtype)
    return types.void if fits and array.mutable else None


@_lowered(store, _type_store, types.Array, types.Integer, Vector)
def _store(context, builder, sig, args):
    vector = sig.args[2]
    pointer = _pointer(context, builder, sig.args[0], args[0], args[1], vector.lanes)
    _store_vector(builder, pointer, args[2], vector)
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


@_lowered(load_first, _type_load_first, types.Array, types.Integer, types.Integer)
def _load_first(context, builder, sig, args):
    vector = sig.return_type
    pointer = _pointer(context, builder, sig.args[0], args[0], args[1], _clamp_count(builder, args[2], vector))
    mask = _first_lanes(builder, vector, args[2])
    pointer = builder.bitcast(pointer, _vector_ir(vector).as_pointer())
    align = _I32(vector.dtype.bitwidth // 8)
    return _call_llvm(
        builder,
        f"llvm.masked.load.{_suffix(vector)}.p0",
        _vector_ir(vector),
        [pointer, align, mask, _constant(vector, 0.0)],
    )


def _clamp_count(builder, count, vector):
    count = builder.select(builder.icmp_signed("<", count, _I64(0)), _I64(0), count)
    return builder.select(builder.icmp_signed(">", count, _I64(vector.lanes)), _I64(vector.lanes), count)


def store_first(array, index, value, count):
    """Like ``store``, but only the first ``count`` lanes are written."""
    count = min(max(count, 0), lanes(array))
    assert index >= 0 and index + count <= len(array), "SIMD access out of bounds"
    array[index : index + count] = value[:count]


def _type_store_first(array, index, value, count):
    return _type_store(array, index, value) if isinstance(count, types.Integer) else None


@_lowered(store_first, _type_store_first, types.Array, types.Integer, Vector, types.Integer)
def _store_first(context, builder, sig, args):
    vector = sig.args[2]
    pointer = _pointer(context, builder, sig.args[0], args[0], args[1], _clamp_count(builder, args[3], vector))
    mask = _first_lanes(builder, vector, args[3])
    pointer = builder.bitcast(pointer, _vector_ir(vector).as_pointer())
    align = _I32(vector.dtype.bitwidth // 8)
    name = f"llvm.masked.store.{_suffix(vector)}.p0"
    _call_llvm(builder, name, ir.VoidType(), [args[2], pointer, align, mask])
    return context.get_dummy_value()


def load_bytes(pixels, index, like):
    """A vector of ``like``'s dtype from the uint8 numbers that start at ``pixels[index]``."""
    vector = pixels[index : index + lanes(like)]
    assert index >= 0 and len(vector) == lanes(like), "SIMD access out of bounds"
    return vector.astype(like.dtype)


def _type_load_bytes(pixels, index, like):
    is_bytes = isinstance(pixels, types.Array) and pixels.dtype == types.uint8 and pixels.ndim == 1
    return Vector(like.dtype) if is_bytes and _is_real_array(like) else None


@_lowered(load_bytes, _type_load_bytes, types.Array, types.Integer, types.Array)
def _load_bytes(context, builder, sig, args):
    vector = sig.return_type
    pointer = _pointer(context, builder, sig.args[0], args[0], args[1], vector.lanes)
    value = builder.load(builder.bitcast(pointer, ir.VectorType(_I8, vector.lanes).as_pointer()))
    value.align = 1
    # Through a signed 32-bit integer: x86 converts those in one instruction, unsigned ones in many.
    return builder.sitofp(builder.zext(value, ir.VectorType(_I32, vector.lanes)), _vector_ir(vector))


def splat(like, value):
    """The vector of ``like``'s dtype with ``value`` in every lane."""
    return np.full(lanes(like), value, like.dtype)


def _type_splat(like, value):
    return Vector(like.dtype) if _is_real_array(like) and isinstance(value, types.Number) else None


@_lowered(splat, _type_splat, types.Array, types.Number)
def _splat(context, builder, sig, args):
    return _as_vector(context, builder, args[1], sig.args[1], sig.return_type)


def lane_numbers(like):
    """0, 1, 2, … as a vector of ``like``'s dtype."""
    return np.arange(lanes(like), dtype=like.dtype)


@_lowered(lane_numbers, lambda like: Vector(like.dtype) if _is_real_array(like) else None, types.Array)
def _lane_numbers(context, builder, sig, args):
    vector = sig.return_type
    return ir.Constant(_vector_ir(vector), [float(i) for i in range(vector.lanes)])


# ---------------------------------------------------------------- arithmetic


def _lower_operator(function, instruction):
    for pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):

        @_lowered(function, lambda a, b: _same_vector(a, b), *pair)
        def _binary(context, builder, sig, args):
            vector = sig.return_type
            a, b = (_as_vector(context, builder, x, t, vector) for x, t in zip(args, sig.args, strict=True))
            return getattr(builder, instruction)(a, b)


for _operator, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _lower_operator(_operator, _instruction)


@_lowered(operator.neg, lambda a: a if isinstance(a, Vector) else None, Vector)
def _neg(context, builder, sig, args):
    return builder.fneg(args[0])


def _type_comparison(a, b):
    vector = _same_vector(a, b)
    return None if vector is None else Mask(vector.lanes)


def _lower_comparison(function, symbol):
    for pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):

        @_lowered(function, _type_comparison, *pair)
        def _compare(context, builder, sig, args):
            vector = _same_vector(*sig.args)
            a, b = (_as_vector(context, builder, x, t, vector) for x, t in zip(args, sig.args, strict=True))
            return builder.fcmp_ordered(symbol, a, b)


for _operator, _symbol in (
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.eq, "=="),
):
    _lower_comparison(_operator, _symbol)


def where(mask, a, b):
    """Lane by lane, ``a`` where the mask holds, else ``b``."""
    dtype = a.dtype if isinstance(a, np.ndarray) else b.dtype
    return np.where(mask, a, b).astype(dtype)


def _type_where(mask, a, b):
    return _same_vector(a, b) if isinstance(mask, Mask) else None


def _lower_where(a_type, b_type):
    @_lowered(where, _type_where, Mask, a_type, b_type)
    def _where(context, builder, sig, args):
        vector = sig.return_type
        a = _as_vector(context, builder, args[1], sig.args[1], vector)
        b = _as_vector(context, builder, args[2], sig.args[2], vector)
        return builder.select(args[0], a, b)


for _pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):
    _lower_where(*_pair)


def maximum(a, b):
    """``a if a > b else b``: where either is NaN, ``b``."""
    dtype = a.dtype if isinstance(a, np.ndarray) else b.dtype
    return np.where(np.greater(a, b), a, b).astype(dtype)


def minimum(a, b):
    """``a if a < b else b``: where either is NaN, ``b``."""
    dtype = a.dtype if isinstance(a, np.ndarray) else b.dtype
    return np.where(np.less(a, b), a, b).astype(dtype)


def _lower_extremum(function, symbol):
    for pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):

        @_lowered(function, lambda a, b: _same_vector(a, b), *pair)
        def _extremum(context, builder, sig, args):
            vector = sig.return_type
            a, b = (_as_vector(context, builder, x, t, vector) for x, t in zip(args, sig.args, strict=True))
            return builder.select(builder.fcmp_ordered(symbol, a, b), a, b)  # one instruction on every CPU


_lower_extremum(maximum, ">")
_lower_extremum(minimum, "<")


def fma(a, b, c):
    """``a * b + c`` with one rounding (exactly so in float32; plain Python float64 rounds twice)."""
    vector = next(x for x in (a, b, c) if isinstance(x, np.ndarray))
    wide = [np.asarray(x, np.float64) for x in (a, b, c)]
    return (wide[0] * wide[1] + wide[2]).astype(vector.dtype)


def _lower_fma():
    kinds = (Vector, types.Number)
    for triple in [(a, b, c) for a in kinds for b in kinds for c in kinds]:

        @_lowered(fma, lambda a, b, c: _same_vector(a, b, c), *triple)
        def _fma(context, builder, sig, args):
            vector = sig.return_type
            values = [_as_vector(context, builder, x, t, vector) for x, t in zip(args, sig.args, strict=True)]
            return _call_llvm(builder, f"llvm.fma.{_suffix(vector)}", _vector_ir(vector), values)


_lower_fma()


def sqrt(a):
    """Square root, correctly rounded."""
    return np.sqrt(a)


def rint(a):
    """The nearest whole number, ties to even."""
    return np.rint(a)


def _lower_unary(function, name):
    @_lowered(function, lambda a: a if isinstance(a, Vector) else None, Vector)
    def _unary(context, builder, sig, args):
        vector = sig.return_type
        return _call_llvm(builder, f"llvm.{name}.{_suffix(vector)}", _vector_ir(vector), list(args))


_lower_unary(sqrt, "sqrt")
_lower_unary(rint, "rint")


# ---------------------------------------------------------------- parts of a floating-point number


def _format(dtype):
    """Mantissa bits and exponent bias of a numba float type."""
    return (23, 127) if dtype.bitwidth == 32 else (52, 1023)


def pow2(n):
    """2**n for a whole n from -127 to 128 (float32) or -1023 to 1024; the ends give 0 and infinity."""
    least, most = (-127, 128) if n.dtype == np.float32 else (-1023, 1024)
    power = np.exp2(np.clip(n, least + 1, most - 1))
    return np.where(n <= least, 0, np.where(n >= most, np.inf, power)).astype(n.dtype)


@_lowered(pow2, lambda n: n if isinstance(n, Vector) else None, Vector)
def _pow2(context, builder, sig, args):
    # Adding 1.5 * 2**mantissa puts n + bias into the lowest bits; the shift makes them the exponent. A NaN
    # passes without undefined behaviour, which a conversion to integer would have.
    vector = sig.return_type
    bits, bias = _format(vector.dtype)
    shifted = builder.fadd(args[0], _constant(vector, 1.5 * 2.0**bits + bias))
    integer = builder.bitcast(shifted, _integers(vector, 0).type)
    return builder.bitcast(builder.shl(integer, _integers(vector, bits)), _vector_ir(vector))


def exponent(x):
    """floor(log2 x) of a positive normal number."""
    return (np.frexp(x)[1] - 1).astype(x.dtype)


@_lowered(exponent, lambda x: x if isinstance(x, Vector) else None, Vector)
def _exponent(context, builder, sig, args):
    vector = sig.return_type
    bits, bias = _format(vector.dtype)
    integer = builder.bitcast(args[0], _integers(vector, 0).type)
    raised = builder.lshr(integer, _integers(vector, bits))
    return builder.sitofp(builder.sub(raised, _integers(vector, bias)), _vector_ir(vector))


def mantissa(x):
    """The factor m in [1, 2) of a positive normal number x = m * 2**exponent(x)."""
    return (2 * np.frexp(x)[0]).astype(x.dtype)


@_lowered(mantissa, lambda x: x if isinstance(x, Vector) else None, Vector)
def _mantissa(context, builder, sig, args):
    vector = sig.return_type
    bits, bias = _format(vector.dtype)
    integer = builder.bitcast(args[0], _integers(vector, 0).type)
    fraction = builder.and_(integer, _integers(vector, 2**bits - 1))
    return builder.bitcast(builder.or_(fraction, _integers(vector, bias << bits)), _vector_ir(vector))


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
    @_lowered(function, lambda a: a.dtype if isinstance(a, Vector) else None, Vector)
    def _reduce(context, builder, sig, args):
        value, count = args[0], sig.args[0].lanes
        while count > 1:
            count //= 2
            index = ir.VectorType(_I32, count)
            low = builder.shuffle_vector(value, value, ir.Constant(index, list(range(count))))
            high = builder.shuffle_vector(value, value, ir.Constant(index, list(range(count, 2 * count))))
            value = combine(builder, low, high)
        return builder.extract_element(value, _I32(0))


_halving(sum_lanes, lambda builder, a, b: builder.fadd(a, b))
_halving(max_lanes, lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))


def transpose(dst, dst_index, dst_stride, src, src_index, src_stride):
    """dst[i, j] = src[j, i] for a square of ``lanes`` × ``lanes`` numbers; strides are between rows."""
    n = lanes(src)
    for i in range(n):
        for j in range(n):
            dst[dst_index + i * dst_stride + j] = src[src_index + j * src_stride + i]


def _type_transpose(dst, di, ds, src, si, ss):
    return types.void if _is_real_array(dst) and _is_real_array(src) and dst.dtype == src.dtype else None


@_lowered(transpose, _type_transpose, types.Array, *[types.Integer] * 2, types.Array, *[types.Integer] * 2)
def _transpose(context, builder, sig, args):
    # log2(lanes) rounds; round s swaps, between rows i and i + s, the lanes whose number has bit s set.
    dst, di, ds, src, si, ss = args
    vector = Vector(sig.args[0].dtype)
    n = vector.lanes
    rows = []
    for i in range(n):
        at = builder.add(si, builder.mul(ss, _I64(i)))
        rows.append(_load_vector(builder, _pointer(context, builder, sig.args[3], src, at, n), vector))
    half = n // 2
    while half:
        low = [lane if not lane & half else n + lane - half for lane in range(n)]
        high = [lane + half if not lane & half else n + lane for lane in range(n)]
        for i in range(n):
            if not i & half:
                a, b = rows[i], rows[i + half]
                rows[i] = builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, n), low))
                rows[i + half] = builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, n), high))
        half //= 2
    for i, row in enumerate(rows):
        at = builder.add(di, builder.mul(ds, _I64(i)))
        _store_vector(builder, _pointer(context, builder, sig.args[0], dst, at, n), row, vector)
    return context.get_dummy_value()


# ---------------------------------------------------------------- register tiles


def zero_tile(rows, like):
    """A tile of zeros; ``rows`` is a literal number."""
    return np.zeros((rows, panel(like)), like.dtype)


def _type_zero_tile(rows, like):
    is_literal = isinstance(rows, types.IntegerLiteral)
    return Tile(like.dtype, rows.literal_value) if is_literal and _is_real_array(like) else None


@_lowered(zero_tile, _type_zero_tile, types.Integer, types.Array)
def _zero_tile(context, builder, sig, args):
    return ir.Constant(context.get_value_type(sig.return_type), None)


def _tile_cells(tile):
    return [(r, v, r * TILE_VECTORS + v) for r in range(tile.rows) for v in range(TILE_VECTORS)]


def load_tile(rows, array, index, stride):
    """The tile whose row r starts at ``array[index + r * stride]``; ``rows`` is a literal number."""
    columns = np.arange(panel(array))
    return array[index + stride * np.arange(rows)[:, None] + columns]


def _type_load_tile(rows, array, index, stride):
    return _type_zero_tile(rows, array)


@_lowered(load_tile, _type_load_tile, types.Integer, types.Array, types.Integer, types.Integer)
def _load_tile(context, builder, sig, args):
    tile = sig.return_type
    value = ir.Constant(context.get_value_type(tile), ir.Undefined)
    for r, v, cell in _tile_cells(tile):
        at = builder.add(builder.add(args[2], builder.mul(args[3], _I64(r))), _I64(v * tile.vector.lanes))
        pointer = _pointer(context, builder, sig.args[1], args[1], at, tile.vector.lanes)
        value = builder.insert_value(value, _load_vector(builder, pointer, tile.vector), cell)
    return value


def store_tile(tile, array, index, stride):
    """Write row r of the tile to ``array[index + r * stride:]``."""
    for r, row in enumerate(tile):
        start = index + r * stride
        assert start >= 0 and start + len(row) <= len(array), "SIMD access out of bounds"
        array[start : start + len(row)] = row


def _type_store_tile(tile, array, index, stride):
    fits = isinstance(tile, Tile) and _is_real_array(array) and array.dtype == tile.vector.dtype
    return types.void if fits and array.mutable else None


@_lowered(store_tile, _type_store_tile, Tile, types.Array, types.Integer, types.Integer)
def _store_tile(context, builder, sig, args):
    tile = sig.args[0]
    for r, v, cell in _tile_cells(tile):
        at = builder.add(builder.add(args[2], builder.mul(args[3], _I64(r))), _I64(v * tile.vector.lanes))
        pointer = _pointer(context, builder, sig.args[1], args[1], at, tile.vector.lanes)
        _store_vector(builder, pointer, builder.extract_value(args[0], cell), tile.vector)
    return context.get_dummy_value()


def rank1(tile, a, a_index, a_stride, b, b_index):
    """tile[r, :] += a[a_index + r * a_stride] * b[b_index : b_index + panel]"""
    rows = len(tile)
    column = a[a_index + a_stride * np.arange(rows)]
    row = b[b_index : b_index + panel(b)]
    assert len(row) == panel(b), "SIMD access out of bounds"
    return fma(column[:, None], row[None, :], tile)


def _type_rank1(tile, a, a_index, a_stride, b, b_index):
    return tile if isinstance(tile, Tile) and _is_real_array(a) and _is_real_array(b) else None


@_lowered(rank1, _type_rank1, Tile, types.Array, *[types.Integer] * 2, types.Array, types.Integer)
def _rank1(context, builder, sig, args):
    tile, vector = sig.return_type, sig.return_type.vector
    value, a, ai, stride, b, bi = args
    rows = []
    for v in range(TILE_VECTORS):
        at = builder.add(bi, _I64(v * vector.lanes))
        pointer = _pointer(context, builder, sig.args[4], b, at, vector.lanes)
        rows.append(_load_vector(builder, pointer, vector))
    factors = []
    for r in range(tile.rows):
        at = builder.add(ai, builder.mul(stride, _I64(r)))
        scalar = builder.load(_pointer(context, builder, sig.args[1], a, at, 1))
        factors.append(_splat_value(builder, scalar, vector.lanes))
    for r, v, cell in _tile_cells(tile):
        operands = [factors[r], rows[v], builder.extract_value(value, cell)]
        product = _call_llvm(builder, f"llvm.fma.{_suffix(vector)}", _vector_ir(vector), operands)
        value = builder.insert_value(value, product, cell)
    return value


def add_row(tile, array, index):
    """Add ``array[index : index + panel]`` to every row of the tile."""
    return tile + load_tile(1, array, index, 0)


def _type_add_row(tile, array, index):
    return tile if isinstance(tile, Tile) and _is_real_array(array) else None


@_lowered(add_row, _type_add_row, Tile, types.Array, types.Integer)
def _add_row(context, builder, sig, args):
    tile, value = sig.return_type, args[0]
    row = []
    for v in range(TILE_VECTORS):
        at = builder.add(args[2], _I64(v * tile.vector.lanes))
        pointer = _pointer(context, builder, sig.args[1], args[1], at, tile.vector.lanes)
        row.append(_load_vector(builder, pointer, tile.vector))
    for _, v, cell in _tile_cells(tile):
        value = builder.insert_value(value, builder.fadd(builder.extract_value(value, cell), row[v]), cell)
    return value


# ---------------------------------------------------------------- floating-point mode

_FLUSH = 0x8040  # FTZ (bit 15): tiny results become 0; DAZ (bit 6): tiny operands count as 0
_HAS_MXCSR = llvm.get_process_triple().startswith(("x86_64", "i686"))


def flush_denormals():
    """Make this thread treat numbers below the normal range as 0; returns the old mode for ``restore_mode``."""
    return 0


@_lowered(flush_denormals, lambda: types.int32)
def _flush_denormals(context, builder, sig, args):
    if not _HAS_MXCSR:
        return _I32(0)
    slot = cgutils.alloca_once(builder, _I32)
    pointer = builder.bitcast(slot, _I8.as_pointer())
    _call_llvm(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), [pointer])
    old = builder.load(slot)
    builder.store(builder.or_(old, _I32(_FLUSH)), slot)
    _call_llvm(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [pointer])
    return old


def restore_mode(mode):
    """Undo ``flush_denormals``."""


@_lowered(restore_mode, lambda mode: types.void, types.Integer)
def _restore_mode(context, builder, sig, args):
    if _HAS_MXCSR:
        slot = cgutils.alloca_once_value(builder, builder.trunc(args[0], _I32))
        _call_llvm(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [builder.bitcast(slot, _I8.as_pointer())])
    return context.get_dummy_value()


assert math.log2(LANES) % 1 == 0
