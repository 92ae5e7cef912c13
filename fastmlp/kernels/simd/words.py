"""Vectors of whole numbers: as many uint64 words as a vector of reals has lanes, for random numbers.

They have the operators of scalars, so that the same function computes one random number or a vector of them. Only
words below 2**32 are multiplied, because such a product is one instruction.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import types

from .lowering import I32, I64, Mask, Vector, Words, constant, is_real_array, lowered, splat_value, vector_ir
from .vectors import lanes


def splat_words(like, value):
    """``value`` in as many lanes as a vector of ``like``'s dtype has."""
    return np.full(lanes(like), value, np.uint64)


def _type_words(like, value):
    is_whole = isinstance(value, types.Integer)
    return Words(Vector(like.dtype).lanes) if is_real_array(like) and is_whole else None


@lowered(splat_words, _type_words, types.Array, types.Integer)
def _splat_words(context, builder, sig, args):
    word = context.cast(builder, args[1], sig.args[1], types.uint64)
    return splat_value(builder, word, sig.return_type.lanes)


def following_words(like, first):
    """``first``, ``first`` + 1, ``first`` + 2, …"""
    return np.uint64(first) + np.arange(lanes(like), dtype=np.uint64)


@lowered(following_words, _type_words, types.Array, types.Integer)
def _following_words(context, builder, sig, args):
    count = sig.return_type.lanes
    word = context.cast(builder, args[1], sig.args[1], types.uint64)
    numbers = ir.Constant(ir.VectorType(I64, count), list(range(count)))
    return builder.add(splat_value(builder, word, count), numbers)


def _type_operator(a, b):
    found = {x for x in (a, b) if isinstance(x, Words)}
    others = [x for x in (a, b) if not isinstance(x, Words)]
    return found.pop() if len(found) == 1 and all(x == types.uint64 for x in others) else None


def _lower_operator(function, instruction):
    for pair in ((Words, Words), (Words, types.Integer), (types.Integer, Words)):

        @lowered(function, _type_operator, *pair)
        def _binary(context, builder, sig, args):
            count = sig.return_type.lanes
            pairs = zip(args, sig.args, strict=True)
            a, b = (x if isinstance(t, Words) else splat_value(builder, x, count) for x, t in pairs)
            return getattr(builder, instruction)(a, b)


for _operator, _instruction in (
    (operator.mul, "mul"),
    (operator.add, "add"),
    (operator.xor, "xor"),
    (operator.and_, "and_"),
    (operator.rshift, "lshr"),
):
    _lower_operator(_operator, _instruction)


_WORD_BITS = 32
_BITS_USED = {
    32: 23,
    64: 32,
}  # bits of a word in a random number: as many as float32 holds exactly with a half, or all of them


def words_below(words, limit):
    """Mask: where the word is below ``limit``."""
    return words < np.uint64(limit)


def _type_below(words, limit):
    return Mask(words.lanes) if isinstance(words, Words) and isinstance(limit, types.Integer) else None


@lowered(words_below, _type_below, Words, types.Integer)
def _words_below(context, builder, sig, args):
    limit = context.cast(builder, args[1], sig.args[1], types.uint64)
    return builder.icmp_unsigned("<", args[0], splat_value(builder, limit, sig.args[0].lanes))


def as_unit(words, like):
    """Numbers in (0, 1), in ``like``'s dtype, from words below 2**32: the middles of equal steps."""
    bits = _BITS_USED[8 * like.itemsize]
    return ((words >> np.uint64(_WORD_BITS - bits)).astype(like.dtype) + like.dtype.type(0.5)) * 2.0**-bits


def _type_as_unit(words, like):
    return Vector(like.dtype) if isinstance(words, Words) and is_real_array(like) else None


@lowered(as_unit, _type_as_unit, Words, types.Array)
def _as_unit(context, builder, sig, args):
    vector = sig.return_type
    bits, lanes_ = _BITS_USED[vector.dtype.bitwidth], vector.lanes
    number = builder.lshr(args[0], ir.Constant(ir.VectorType(I64, lanes_), [_WORD_BITS - bits] * lanes_))
    if vector.dtype.bitwidth == 32:
        number = builder.sitofp(builder.trunc(number, ir.VectorType(I32, lanes_)), vector_ir(vector))
    else:
        number = builder.sitofp(number, vector_ir(vector))
    return builder.fmul(builder.fadd(number, constant(vector, 0.5)), constant(vector, 2.0**-bits))


def fraction(bits):
    """The float64 whose bits an int64 holds: how a table of whole numbers carries a fraction."""
    return np.int64(bits).view(np.float64)


@lowered(fraction, lambda bits: types.float64 if bits == types.int64 else None, types.Integer)
def _fraction(context, builder, sig, args):
    return builder.bitcast(args[0], ir.DoubleType())
