"""The numba types of the SIMD words, and the tools that lower the words to LLVM."""

import os

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import lower_builtin, models, register_model, type_callable

from ..._compiling.cache import target_cpu


def _target_features():
    """The features of the CPU for which numba compiles; the list counts, not the CPU's name."""
    return {item[1:]: item.startswith("+") for item in target_cpu()[2].split(",") if item}


FEATURES = _target_features()


def _widest_float32_lanes():
    forced = os.environ.get("FASTMLP_LANES")  # for tests of builds for other CPUs
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

# Without the instruction, LLVM's fma is a call of the C library for each lane, which is 25 times slower. Then the
# product is rounded before it is added.
_X86 = llvm.get_process_triple().startswith(("x86_64", "i686"))
_HAS_FMA = not _X86 or FEATURES.get("fma") or FEATURES.get("avx512f")
_MULTIPLY_ADD = "fma" if _HAS_FMA else "fmuladd"

I1, I8, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))

# ---------------------------------------------------------------- types


class Vector(types.Type):
    """As many numbers of one dtype as a vector register holds; or a single one, a scalar to LLVM.

    Functions of users are compiled for a single lane: so they can call the words, and constants take its dtype, while
    numba would compute a float32 times 0.5 in float64.
    """

    def __init__(self, dtype, lanes=None):
        self.dtype = dtype
        self.lanes = lanes or VECTOR_BYTES * 8 // dtype.bitwidth
        super().__init__(f"{dtype}x{self.lanes}")

    def unify(self, typingctx, other):
        """A variable that is sometimes a lane and sometimes a number is a lane."""
        return self if self.lanes == 1 and isinstance(other, types.Number) else None


class Mask(types.Type):
    """One truth value per lane."""

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__(f"mask{lanes}")


class Words(types.Type):
    """One uint64 per lane."""

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__(f"words{lanes}")


class Tile(types.Type):
    """``rows`` rows of ``panels`` panels of vectors: a part of a matrix product, held in registers."""

    def __init__(self, dtype, rows, panels):
        self.vector, self.rows, self.panels = Vector(dtype), rows, panels
        super().__init__(f"tile{rows}x{panels * TILE_VECTORS}x{self.vector.name}")


def scalar_ir(dtype):
    return ir.FloatType() if dtype.bitwidth == 32 else ir.DoubleType()


def integer_ir(dtype):
    return ir.IntType(dtype.bitwidth)


def _of_lanes(element, lanes):
    return element if lanes == 1 else ir.VectorType(element, lanes)


def vector_ir(vector):
    return _of_lanes(scalar_ir(vector.dtype), vector.lanes)


def mask_type(vector):
    """The type of a comparison of vectors; that of a single lane can be a condition."""
    return types.boolean if vector.lanes == 1 else Mask(vector.lanes)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, vector_ir(fe_type))


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, ir.VectorType(I1, fe_type.lanes))


@register_model(Words)
class _WordsModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, ir.VectorType(I64, fe_type.lanes))


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        count = fe_type.rows * fe_type.panels * TILE_VECTORS
        super().__init__(manager, fe_type, ir.ArrayType(vector_ir(fe_type.vector), count))


# ---------------------------------------------------------------- tools for lowering


def lowered(function, typer, *argument_types):
    """Decorate the code generator of ``function``; ``typer`` computes its result type from argument types."""

    @type_callable(function)
    def _type(context):
        return typer

    return lower_builtin(function, *argument_types)


def same_vector(*args):
    """The type of an operation on vectors and scalars: the only vector type among them."""
    vectors = {a for a in args if isinstance(a, Vector)}
    others = [a for a in args if not isinstance(a, Vector)]
    if len(vectors) == 1 and all(isinstance(a, types.Number) for a in others):
        return vectors.pop()
    return None


def is_real_array(array):
    return isinstance(array, types.Array) and isinstance(array.dtype, types.Float) and array.ndim == 1


def splat_value(builder, scalar, lanes):
    if lanes == 1:
        return scalar
    undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, scalar, I32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, lanes), [0] * lanes))


def as_vector(context, builder, value, source, vector):
    """Return a vector unchanged; a scalar takes the vector's dtype and fills all lanes."""
    if isinstance(source, Vector):
        return value
    return splat_value(builder, context.cast(builder, value, source, vector.dtype), vector.lanes)


def constant(vector, value):
    return ir.Constant(vector_ir(vector), value if vector.lanes == 1 else [value] * vector.lanes)


def integers(vector, value):
    kind = _of_lanes(integer_ir(vector.dtype), vector.lanes)
    return ir.Constant(kind, value if vector.lanes == 1 else [value] * vector.lanes)


def call_llvm(builder, name, result, args):
    signature = ir.FunctionType(result, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), args)


def suffix(vector):
    return f"{'' if vector.lanes == 1 else f'v{vector.lanes}'}f{vector.dtype.bitwidth}"


def multiply_add(builder, vector, a, b, c):
    """a * b + c, with one rounding if the CPU has an instruction for it, else with two."""
    return call_llvm(builder, f"llvm.{_MULTIPLY_ADD}.{suffix(vector)}", vector_ir(vector), [a, b, c])


def address_of(context, builder, array_type, array, index, count):
    """Address of element ``index``; with NUMBA_BOUNDSCHECK, ``count`` elements from there must exist."""
    struct = context.make_array(array_type)(context, builder, array)
    if config.BOUNDSCHECK:
        size = builder.extract_value(struct.shape, 0)
        count = I64(count) if isinstance(count, int) else count
        below = builder.icmp_signed("<", index, I64(0))
        above = builder.icmp_signed(">", builder.add(index, count), size)
        with cgutils.if_unlikely(builder, builder.or_(below, above)):
            context.call_conv.return_user_exc(builder, IndexError, ("SIMD access out of bounds",))
    return builder.gep(struct.data, [index])


def load_vector(builder, pointer, vector):
    value = builder.load(builder.bitcast(pointer, vector_ir(vector).as_pointer()))
    value.align = vector.dtype.bitwidth // 8
    return value


def store_vector(builder, pointer, value, vector):
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer())).align = vector.dtype.bitwidth // 8


def first_lanes(builder, vector, count):
    """Mask of the lanes below ``count``, from 0 to the number of lanes."""
    number = integer_ir(vector.dtype)
    numbers = ir.Constant(ir.VectorType(number, vector.lanes), list(range(vector.lanes)))
    if number != I64:
        count = builder.trunc(count, number)
    return builder.icmp_signed("<", numbers, splat_value(builder, count, vector.lanes))
