"""Elementary functions on vectors, branch-free: numba's own are scalar and several times slower.

Both follow one plan: reduce the argument to a short interval around the point where the function is simple,
sum a series there, and put the exponent back.
"""

import numpy as np

from .._jit import block, kernel, prange
from .simd import (
    exponent,
    fma,
    is_double,
    lanes,
    load,
    load_first,
    mantissa,
    maximum,
    minimum,
    pow2,
    rint,
    store,
    store_first,
    where,
)

LOG2_E = 1.4426950408889634
# ln 2 in two parts. The first has so few bits that its product with a whole number is exact.
LN2_HIGH_SINGLE, LN2_LOW_SINGLE = 0.693359375, -2.12194440054690583e-4
LN2_HIGH_DOUBLE, LN2_LOW_DOUBLE = 0.693145751953125, 1.42860682030941723212e-6
SQRT_2 = 1.4142135623730951
SPAN = 4096  # numbers per parallel block: long enough to hide the loop around it


@block
def exp_vector(x):
    """e**x to within 2 units in the last place; overflows to infinity, underflows gradually to 0.

    x = n ln 2 + f with |f| <= (ln 2)/2, so e**x = 2**n e**f. The scaling is done in two halves, because 2**n
    alone overflows or underflows at the ends of the range where e**x does not yet.
    """
    if is_double(x):
        x = minimum(710.0, maximum(-746.0, x))
        n = rint(x * LOG2_E)
        f = fma(n, -LN2_LOW_DOUBLE, fma(n, -LN2_HIGH_DOUBLE, x))
        p = _exp_series_double(f)
    else:
        x = minimum(89.0, maximum(-104.0, x))
        n = rint(x * LOG2_E)
        f = fma(n, -LN2_LOW_SINGLE, fma(n, -LN2_HIGH_SINGLE, x))
        p = _exp_series_single(f)
    half = rint(n * 0.5)
    return p * pow2(half) * pow2(n - half)


@block
def _exp_series_single(f):
    """sum of f**k / k! to k = 7: the next term is below 2**-27."""
    p = fma(f, 1 / 5040, 1 / 720)
    p = fma(p, f, 1 / 120)
    p = fma(p, f, 1 / 24)
    p = fma(p, f, 1 / 6)
    p = fma(p, f, 0.5)
    return fma(p, f * f, f) + 1.0


@block
def _exp_series_double(f):
    """sum of f**k / k! to k = 13: the next term is below 2**-57."""
    p = fma(f, 1 / 6227020800, 1 / 479001600)
    p = fma(p, f, 1 / 39916800)
    p = fma(p, f, 1 / 3628800)
    p = fma(p, f, 1 / 362880)
    p = fma(p, f, 1 / 40320)
    p = fma(p, f, 1 / 5040)
    p = fma(p, f, 1 / 720)
    p = fma(p, f, 1 / 120)
    p = fma(p, f, 1 / 24)
    p = fma(p, f, 1 / 6)
    p = fma(p, f, 0.5)
    return fma(p, f * f, f) + 1.0


@block
def log_vector(x):
    """The natural logarithm to within 3 units in the last place; log 0 = -inf, of a negative number NaN.

    x = 2**e m with m between sqrt(1/2) and sqrt(2), so log x = e ln 2 + log m, and
    log m = 2 atanh(s) = 2 (s + s**3/3 + s**5/5 + ...) with s = (m - 1)/(m + 1), |s| < 0.172.
    """
    if is_double(x):
        small = x < 2.2250738585072014e-308  # below the normal range the exponent field does not count
        scaled = where(small, x * 18014398509481984.0, x)
        e = exponent(scaled) - where(small, x * 0.0 + 54.0, 0.0)
    else:
        small = x < 1.1754943508222875e-38
        scaled = where(small, x * 33554432.0, x)
        e = exponent(scaled) - where(small, x * 0.0 + 25.0, 0.0)
    m = mantissa(scaled)
    large = m > SQRT_2
    m = where(large, m * 0.5, m)
    e = where(large, e + 1.0, e)
    s = (m - 1.0) / (m + 1.0)
    if is_double(x):
        log_m = s * _atanh_series_double(s * s)
        y = fma(e, LN2_HIGH_DOUBLE, fma(e, LN2_LOW_DOUBLE, log_m))
    else:
        log_m = s * _atanh_series_single(s * s)
        y = fma(e, LN2_HIGH_SINGLE, fma(e, LN2_LOW_SINGLE, log_m))
    y = where(x < np.inf, y, x)  # infinity and NaN are their own logarithms
    y = where(x == 0.0, -np.inf, y)
    return where(x < 0.0, np.nan, y)


@block
def _atanh_series_single(z):
    p = fma(z, 2 / 9, 2 / 7)
    p = fma(p, z, 2 / 5)
    p = fma(p, z, 2 / 3)
    return fma(p, z, 2.0)


@block
def _atanh_series_double(z):
    p = fma(z, 2 / 21, 2 / 19)
    p = fma(p, z, 2 / 17)
    p = fma(p, z, 2 / 15)
    p = fma(p, z, 2 / 13)
    p = fma(p, z, 2 / 11)
    p = fma(p, z, 2 / 9)
    p = fma(p, z, 2 / 7)
    p = fma(p, z, 2 / 5)
    p = fma(p, z, 2 / 3)
    return fma(p, z, 2.0)


@block
def exp_span(y, x, start, stop):
    n = lanes(y)
    for i in range(start, stop - n + 1, n):
        store(y, i, exp_vector(load(x, i)))
    rest = (stop - start) % n
    store_first(y, stop - rest, exp_vector(load_first(x, stop - rest, rest)), rest)


@block
def log_span(y, x, start, stop):
    n = lanes(y)
    for i in range(start, stop - n + 1, n):
        store(y, i, log_vector(load(x, i)))
    rest = (stop - start) % n
    store_first(y, stop - rest, log_vector(load_first(x, stop - rest, rest)), rest)


@kernel("y[n] = x[n]")
def exp(y, x):
    """y = e**x, element by element.

    Parameters
    ----------
    y : ndarray of float32 or float64, shape (n,)
        Overwritten.
    x : array_like, shape (n,)

    Notes
    -----
    Within 2 units in the last place over the whole range. NaN stays NaN; below the range 0, above it infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty(2)
    >>> kernels.exp(y, [0.0, 1.0])
    >>> y.round(6).tolist()
    [1.0, 2.718282]
    """
    for q in prange((x.size + SPAN - 1) // SPAN):
        exp_span(y, x, q * SPAN, min(x.size, (q + 1) * SPAN))


@kernel("y[n] = x[n]")
def log(y, x):
    """y = ln x, element by element.

    Parameters
    ----------
    y : ndarray of float32 or float64, shape (n,)
        Overwritten.
    x : array_like, shape (n,)

    Notes
    -----
    Within 3 units in the last place over the whole range; log 0 is -inf, of a negative number NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty(2)
    >>> kernels.log(y, [1.0, 10.0])
    >>> y.round(6).tolist()
    [0.0, 2.302585]
    """
    for q in prange((x.size + SPAN - 1) // SPAN):
        log_span(y, x, q * SPAN, min(x.size, (q + 1) * SPAN))
