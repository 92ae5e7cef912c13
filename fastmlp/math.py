"""Elementary functions for activations and losses of one's own, and for other functions that numba compiles.

numba's ``math.exp``, ``math.log`` and ``math.tanh`` call the C library for each number. These functions are branch-free
arithmetic, so a loop over an array works on whole vectors, several times faster. They are accurate to some units in
the last place, as in `fastmlp.kernels.exp`. Inside the functions of `fastmlp.activations.Custom` and
`fastmlp.losses.Custom`, the functions of ``math`` and ``numpy`` with the same names are these, too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ._base.cached import cached_property
from .kernels import math as _vectors
from .kernels.scalar import on_numbers
from .kernels.simd.arithmetic import sqrt as _sqrt

__all__ = ["exp", "expm1", "log", "log1p", "sigmoid", "softplus", "sqrt", "tanh"]


class Elementary:
    """NumPy's function in Python, and ours in compiled code.

    numba asks the object for its type, so the first function that numba compiles may be the first that names it. What
    numba is told of a plain function while it compiles another one comes too late.
    """

    def __init__(self, function: Callable[[float], float], vector: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._vector = vector

    def __call__(self, x: float) -> float:
        with np.errstate(all="ignore"):
            return self.__wrapped__(x)  # type: ignore[attr-defined, no-any-return]

    def __repr__(self) -> str:
        return f"<function {self.__module__}.{self.__wrapped__.__name__}>"  # type: ignore[attr-defined]

    def __reduce__(self) -> str:
        return self.__wrapped__.__name__  # type: ignore[attr-defined, no-any-return]  # pickles hold the name

    @cached_property
    def _compiled(self) -> Any:
        return on_numbers(self._vector)  # type: ignore[no-untyped-call]

    @property
    def _numba_type_(self) -> Any:
        return self._compiled._numba_type_


def _elementary(vector: Callable[..., Any]) -> Callable[[Callable[[float], float]], Elementary]:
    return lambda function: Elementary(function, vector)


@_elementary(_vectors.exp_vector)
def exp(x: float) -> float:
    """e to the power of x.

    Examples
    --------
    >>> import numba
    >>> import fastmlp as fm
    >>> @numba.njit
    ... def bell(x):
    ...     return fm.math.exp(-x * x)
    >>> round(bell(1.0), 6)
    0.367879
    """
    return np.exp(x)  # type: ignore[no-any-return]


@_elementary(_vectors.expm1_vector)
def expm1(x: float) -> float:
    """e to the power of x, minus 1, with all digits near 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.expm1(0.0))
    0.0
    """
    return np.expm1(x)  # type: ignore[no-any-return]


@_elementary(_vectors.log_vector)
def log(x: float) -> float:
    """The natural logarithm; that of 0 is -inf, and that of a negative number NaN.

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.log(1.0))
    0.0
    """
    return np.log(x)  # type: ignore[no-any-return]


@_elementary(_vectors.log1p_vector)
def log1p(x: float) -> float:
    """The natural logarithm of 1 + x, with all digits near 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.log1p(0.0))
    0.0
    """
    return np.log1p(x)  # type: ignore[no-any-return]


@_elementary(_vectors.sigmoid_vector)
def sigmoid(x: float) -> float:
    """1 / (1 + e⁻ˣ).

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.sigmoid(0.0))
    0.5
    """
    return 1 / (1 + np.exp(-x))  # type: ignore[no-any-return]


@_elementary(_vectors.softplus_vector)
def softplus(x: float) -> float:
    """log(1 + eˣ), without overflow.

    Examples
    --------
    >>> import fastmlp as fm
    >>> round(float(fm.math.softplus(0.0)), 6)
    0.693147
    """
    return np.logaddexp(0, x)  # type: ignore[no-any-return]


@_elementary(_sqrt)
def sqrt(x: float) -> float:
    """The square root.

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.sqrt(9.0))
    3.0
    """
    return np.sqrt(x)  # type: ignore[no-any-return]


@_elementary(_vectors.tanh_vector)
def tanh(x: float) -> float:
    """The hyperbolic tangent.

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.tanh(0.0))
    0.0
    """
    return np.tanh(x)  # type: ignore[no-any-return]
