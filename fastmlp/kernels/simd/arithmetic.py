"""Words that compute, lane by lane."""

import operator

import numpy as np
from numba import types

from .lowering import (
    Mask,
    Vector,
    as_vector,
    call_llvm,
    constant,
    integers,
    lowered,
    mask_type,
    multiply_add,
    same_vector,
    suffix,
    vector_ir,
)

# ---------------------------------------------------------------- arithmetic


def _lower_operator(function, instruction):
    for pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):

        @lowered(function, lambda a, b: same_vector(a, b), *pair)
        def _binary(context, builder, sig, args):
            vector = sig.return_type
            a, b = (as_vector(context, builder, x, t, vector) for x, t in zip(args, sig.args, strict=True))
            return getattr(builder, instruction)(a, b)


for _operator, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _lower_operator(_operator, _instruction)


@lowered(operator.neg, lambda a: a if isinstance(a, Vector) else None, Vector)
def _neg(context, builder, sig, args):
    return builder.fneg(args[0])


def _type_comparison(a, b):
    vector = same_vector(a, b)
    return None if vector is None else mask_type(vector)


def _lower_comparison(function, symbol):
    for pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):

        @lowered(function, _type_comparison, *pair)
        def _compare(context, builder, sig, args):
            vector = same_vector(*sig.args)
            a, b = (as_vector(context, builder, x, t, vector) for x, t in zip(args, sig.args, strict=True))
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
    vector = same_vector(a, b)
    return vector if vector is not None and mask == mask_type(vector) else None


def _lower_where(mask_type, a_type, b_type):
    @lowered(where, _type_where, mask_type, a_type, b_type)
    def _where(context, builder, sig, args):
        vector = sig.return_type
        a = as_vector(context, builder, args[1], sig.args[1], vector)
        b = as_vector(context, builder, args[2], sig.args[2], vector)
        return builder.select(args[0], a, b)


for _pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):
    for _kind in (Mask, types.Boolean):
        _lower_where(_kind, *_pair)


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

        @lowered(function, lambda a, b: same_vector(a, b), *pair)
        def _extremum(context, builder, sig, args):
            vector = sig.return_type
            a, b = (as_vector(context, builder, x, t, vector) for x, t in zip(args, sig.args, strict=True))
            return builder.select(builder.fcmp_ordered(symbol, a, b), a, b)  # one instruction on every CPU


_lower_extremum(maximum, ">")
_lower_extremum(minimum, "<")


def fma(a, b, c):
    """``a * b + c`` with one rounding (exactly so in float32; plain Python float64, or no FMA, rounds twice)."""
    vector = next(x for x in (a, b, c) if isinstance(x, np.ndarray))
    wide = [np.asarray(x, np.float64) for x in (a, b, c)]
    return (wide[0] * wide[1] + wide[2]).astype(vector.dtype)


def _lower_fma():
    kinds = (Vector, types.Number)
    for triple in [(a, b, c) for a in kinds for b in kinds for c in kinds]:

        @lowered(fma, lambda a, b, c: same_vector(a, b, c), *triple)
        def _fma(context, builder, sig, args):
            vector = sig.return_type
            values = [as_vector(context, builder, x, t, vector) for x, t in zip(args, sig.args, strict=True)]
            return multiply_add(builder, vector, *values)


_lower_fma()


def sqrt(a):
    """Square root, correctly rounded."""
    return np.sqrt(a)


def rint(a):
    """The nearest whole number, ties to even."""
    return np.rint(a)


def _lower_unary(function, name):
    @lowered(function, lambda a: a if isinstance(a, Vector) else None, Vector)
    def _unary(context, builder, sig, args):
        vector = sig.return_type
        return call_llvm(builder, f"llvm.{name}.{suffix(vector)}", vector_ir(vector), list(args))


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


@lowered(pow2, lambda n: n if isinstance(n, Vector) else None, Vector)
def _pow2(context, builder, sig, args):
    # Adding 1.5 * 2**mantissa puts n + bias into the lowest bits; the shift makes them the exponent. A NaN
    # passes without undefined behaviour, which a conversion to integer would have.
    vector = sig.return_type
    bits, bias = _format(vector.dtype)
    shifted = builder.fadd(args[0], constant(vector, 1.5 * 2.0**bits + bias))
    integer = builder.bitcast(shifted, integers(vector, 0).type)
    return builder.bitcast(builder.shl(integer, integers(vector, bits)), vector_ir(vector))


def exponent(x):
    """floor(log2 x) of a positive normal number."""
    return (np.frexp(x)[1] - 1).astype(x.dtype)


@lowered(exponent, lambda x: x if isinstance(x, Vector) else None, Vector)
def _exponent(context, builder, sig, args):
    vector = sig.return_type
    bits, bias = _format(vector.dtype)
    integer = builder.bitcast(args[0], integers(vector, 0).type)
    raised = builder.lshr(integer, integers(vector, bits))
    return builder.sitofp(builder.sub(raised, integers(vector, bias)), vector_ir(vector))


def mantissa(x):
    """The factor m in [1, 2) of a positive normal number x = m * 2**exponent(x)."""
    return (2 * np.frexp(x)[0]).astype(x.dtype)


@lowered(mantissa, lambda x: x if isinstance(x, Vector) else None, Vector)
def _mantissa(context, builder, sig, args):
    vector = sig.return_type
    bits, bias = _format(vector.dtype)
    integer = builder.bitcast(args[0], integers(vector, 0).type)
    fraction = builder.and_(integer, integers(vector, 2**bits - 1))
    return builder.bitcast(builder.or_(fraction, integers(vector, bias << bits)), vector_ir(vector))
