"""Elementary functions for activations and losses of one's own, and for other functions that numba compiles.

numba's ``math.exp``, ``math.log`` and ``math.tanh`` call the C library for each number. These functions are branch-free
arithmetic, so a loop over an array works on whole vectors, several times faster. They are accurate to some units in
the last place, as in `fastmlp.kernels.exp`. Inside the functions of `fastmlp.activations.Custom` and
`fastmlp.losses.Custom`, the functions of ``math`` and ``numpy`` with the same names are these, too.
"""

import numpy as np

from .kernels.scalar import OURS, on_numbers

__all__ = ["exp", "expm1", "log", "log1p", "sigmoid", "softplus", "sqrt", "tanh"]


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


def expm1(x: float) -> float:
    """e to the power of x, minus 1, with all digits near 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.expm1(0.0))
    0.0
    """
    return np.expm1(x)  # type: ignore[no-any-return]


def log(x: float) -> float:
    """The natural logarithm; that of 0 is -inf, and that of a negative number NaN.

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.log(1.0))
    0.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(x)  # type: ignore[no-any-return]


def log1p(x: float) -> float:
    """The natural logarithm of 1 + x, with all digits near 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.log1p(0.0))
    0.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log1p(x)  # type: ignore[no-any-return]


def sigmoid(x: float) -> float:
    """1 / (1 + e⁻ˣ).

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.sigmoid(0.0))
    0.5
    """
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))  # type: ignore[no-any-return]


def softplus(x: float) -> float:
    """log(1 + eˣ), without overflow.

    Examples
    --------
    >>> import fastmlp as fm
    >>> round(float(fm.math.softplus(0.0)), 6)
    0.693147
    """
    return np.logaddexp(0, x)  # type: ignore[no-any-return]


def sqrt(x: float) -> float:
    """The square root.

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.sqrt(9.0))
    3.0
    """
    with np.errstate(invalid="ignore"):
        return np.sqrt(x)  # type: ignore[no-any-return]


def tanh(x: float) -> float:
    """The hyperbolic tangent.

    Examples
    --------
    >>> import fastmlp as fm
    >>> float(fm.math.tanh(0.0))
    0.0
    """
    return np.tanh(x)  # type: ignore[no-any-return]


for _name in __all__:
    on_numbers(globals()[_name], OURS[_name])  # type: ignore[no-untyped-call]
