"""A single lane: the number that a function of the user's gets, so that its constants take the number's dtype."""

import builtins
import operator

from numba import types
from numba.extending import lower_cast

from .lowering import Vector, as_vector, call_llvm, lowered, same_vector, suffix, vector_ir


def is_lane(kind):
    """Whether a numba type is that of a single lane."""
    return isinstance(kind, Vector) and kind.lanes == 1


def as_lane(number):
    """A number as a lane of its dtype; whole numbers become float64."""
    return number


def as_number(lane):
    """The number in a lane."""
    return lane


def as_given(lane, number):
    """A lane as what it was made from: a number, or a lane."""
    return lane


def _type_as_lane(number):
    if is_lane(number):
        return number
    if not isinstance(number, (types.Number, types.Boolean)) or isinstance(number, types.Complex):
        return None
    return Vector(number if isinstance(number, types.Float) else types.float64, 1)


for _kind in (types.Float, types.Integer, types.Boolean, Vector):

    @lowered(as_lane, _type_as_lane, _kind)
    def _as_lane(context, builder, sig, args):
        return as_vector(context, builder, args[0], sig.args[0], sig.return_type)


def _type_as_number(lane):
    if is_lane(lane):
        return lane.dtype
    return lane if isinstance(lane, (types.Number, types.Boolean)) else None  # such as a function's constant


for _number in (types.Number, types.Boolean, Vector):

    @lowered(as_number, _type_as_number, _number)
    def _as_number(context, builder, sig, args):
        return args[0]


def _type_as_given(lane, number):
    if not is_lane(lane):
        return None
    return lane if is_lane(number) else lane.dtype


for _number in (types.Number, types.Boolean, Vector):

    @lowered(as_given, _type_as_given, Vector, _number)
    def _as_given(context, builder, sig, args):
        return args[0]


for _kind in (types.Float, types.Integer):

    @lower_cast(_kind, Vector)
    def _cast(context, builder, source, target, value):
        return context.cast(builder, value, source, target.dtype)


# ---------------------------------------------------------------- what Python calls by other names


def _lane_among(a, b):
    vector = same_vector(a, b)
    return vector if is_lane(vector) else None


_PAIRS = ((Vector, Vector), (Vector, types.Number), (types.Number, Vector))

for _pair in _PAIRS:

    @lowered(operator.ne, lambda a, b: types.boolean if _lane_among(a, b) else None, *_pair)
    def _not_equal(context, builder, sig, args):
        a, b = _both(context, builder, sig, args)
        return builder.fcmp_unordered("!=", a, b)


def _both(context, builder, sig, args):
    vector = same_vector(*sig.args)
    return [as_vector(context, builder, value, kind, vector) for value, kind in zip(args, sig.args, strict=True)]


def _lower_choice(function, symbol):
    """Python's max and min: the second where it is greater or smaller, else the first."""
    for pair in _PAIRS:

        @lowered(function, _lane_among, *pair)
        def _choice(context, builder, sig, args):
            a, b = _both(context, builder, sig, args)
            return builder.select(builder.fcmp_ordered(symbol, b, a), b, a)


_lower_choice(builtins.max, ">")
_lower_choice(builtins.min, "<")


@lowered(builtins.abs, lambda a: a if is_lane(a) else None, Vector)
def _abs(context, builder, sig, args):
    return call_llvm(builder, f"llvm.fabs.{suffix(sig.args[0])}", vector_ir(sig.args[0]), list(args))


@lowered(operator.pos, lambda a: a if is_lane(a) else None, Vector)
def _pos(context, builder, sig, args):
    return args[0]
