"""What functions of users may call on a lane by the names of Python and NumPy: ours, which LLVM turns into vectors.

numba's own ``math.exp`` and ``math.tanh`` call the C library for each number. `fastmlp.math` has the same functions
for all code that numba compiles.
"""

import math
import operator

import numpy as np

from .._compiling.jit import callable_from_numba, inlined
from .math import exp_vector, expm1_vector, log1p_vector, log_vector, tanh_vector
from .simd import where
from .simd.arithmetic import sqrt
from .simd.single import as_given, as_lane, as_number, is_lane

ELEMENTARY = {
    "exp": exp_vector,
    "expm1": expm1_vector,
    "log": log_vector,
    "log1p": log1p_vector,
    "sqrt": sqrt,
    "tanh": tanh_vector,
}
# The C library's, for each number
_OTHERS = ("sin", "cos", "tan", "sinh", "cosh", "floor", "ceil", "log2", "log10")
_OF_MATH = ("erf", "erfc", "asinh", "acosh", "atanh", "asin", "acos", "atan")


def on_lanes(function, vector):
    """Let compiled code call ``function`` on a lane."""
    callable_from_numba(function, lambda x: (lambda x: vector(x)) if is_lane(x) else None)


def on_numbers(vector):
    """A function for compiled code that takes a number of any kind, or a lane."""

    def run(x):
        return as_given(vector(as_lane(x)), x)

    return inlined(run)


def _number_by_number(function):
    callable_from_numba(function, lambda x: (lambda x: as_lane(function(as_number(x)))) if is_lane(x) else None)


for _name, _vector in ELEMENTARY.items():
    for _function in (getattr(math, _name), getattr(np, _name)):
        on_lanes(_function, _vector)
for _name in _OTHERS:
    _number_by_number(getattr(math, _name))
for _name in _OF_MATH:
    _number_by_number(getattr(math, _name))
for _function in (math.fabs, np.abs, np.absolute):
    callable_from_numba(_function, lambda x: (lambda x: abs(x)) if is_lane(x) else None)


def _square(x):
    return (lambda x: x * x) if is_lane(x) else None


def _sign(x):
    return (lambda x: where(x > 0.0, x * 0.0 + 1.0, where(x < 0.0, x * 0.0 - 1.0, x))) if is_lane(x) else None


def _maximum(a, b):
    if is_lane(a) or is_lane(b):
        return lambda a, b: where(a > b, a, where(a <= b, b, a + b))  # NaN if either is
    return None


def _minimum(a, b):
    if is_lane(a) or is_lane(b):
        return lambda a, b: where(a < b, a, where(a >= b, b, a + b))
    return None


def _where(condition, a, b):
    return (lambda condition, a, b: where(condition, a, b)) if is_lane(a) or is_lane(b) else None


def _power(x, n):
    if not is_lane(x):
        return None

    def run(x, n):
        if n == 2:
            return x * x
        if n == 3:
            return x * x * x
        return where(x != x, x, as_number(x) ** as_number(n))  # in the dtype of the lane

    return run


callable_from_numba(np.square, _square)
callable_from_numba(np.sign, _sign)
callable_from_numba(np.maximum, _maximum)
callable_from_numba(np.minimum, _minimum)
callable_from_numba(np.where, _where)
callable_from_numba(operator.pow, _power)
