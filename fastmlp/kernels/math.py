"""Elementary functions on vectors, branch-free: numba's own are scalar and several times slower.

All follow one method: reduce the argument to a short interval around the point where the function is simple, sum a
series there, and restore the exponent.
"""

import numpy as np

from .._compiling.jit import inner, kernel, prange
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
SQRT_HALF = 0.7071067811865476
SQRT_HALF_OVER_PI = 0.3989422804014327  # 1/√(2π)
SPAN = 4096  # numbers per parallel block: long enough to hide the loop around it


@inner
def exp_vector(x):
    """e**x to within 2 units in the last place; overflows to infinity, underflows gradually to 0.

    x = n ln 2 + f with |f| <= (ln 2)/2, so e**x = 2**n e**f. The scaling is done in two halves, because 2**n
    alone overflows or underflows at the ends of the range where e**x does not yet.
    """
    if is_double(x):
        x = minimum(710.0, maximum(-746.0, x))
        n = rint(x * LOG2_E)
        f = fma(n, -LN2_LOW_DOUBLE, fma(n, -LN2_HIGH_DOUBLE, x))
        p = _expm1_series_double(f) + 1.0
    else:
        x = minimum(89.0, maximum(-104.0, x))
        n = rint(x * LOG2_E)
        f = fma(n, -LN2_LOW_SINGLE, fma(n, -LN2_HIGH_SINGLE, x))
        p = _expm1_series_single(f) + 1.0
    half = rint(n * 0.5)
    return p * pow2(half) * pow2(n - half)


@inner
def _expm1_series_single(f):
    """sum of f**k / k! from k = 1 to 7: the next term is below 2**-27."""
    p = fma(f, 1 / 5040, 1 / 720)
    p = fma(p, f, 1 / 120)
    p = fma(p, f, 1 / 24)
    p = fma(p, f, 1 / 6)
    p = fma(p, f, 0.5)
    return fma(p, f * f, f)


@inner
def _expm1_series_double(f):
    """sum of f**k / k! from k = 1 to 13: the next term is below 2**-57."""
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
    return fma(p, f * f, f)


@inner
def log_vector(x):
    """The natural logarithm to within 3 units in the last place; log 0 = -inf, of a negative number NaN.

    x = 2**e m with m between sqrt(1/2) and sqrt(2), so log x = e ln 2 + log m, and
    log m = 2 atanh(s) = 2 (s + s**3/3 + s**5/5 + ...) with s = (m - 1)/(m + 1), |s| < 0.172.
    """
    if is_double(x):
        small = x < 2.2250738585072014e-308  # below the normal range, the exponent field is 0
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
    y = where(x < np.inf, y, x)  # the logarithms of infinity and NaN are themselves
    y = where(x == 0.0, -np.inf, y)
    return where(x < 0.0, np.nan, y)


@inner
def _atanh_series_single(z):
    p = fma(z, 2 / 9, 2 / 7)
    p = fma(p, z, 2 / 5)
    p = fma(p, z, 2 / 3)
    return fma(p, z, 2.0)


@inner
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


@inner
def expm1_vector(x):
    """e**x - 1, accurate also near 0: with e**x = 2**n e**f it is 2**n (e**f - 1) + (2**n - 1)."""
    if is_double(x):
        x = minimum(710.0, maximum(-40.0, x))
        n = rint(x * LOG2_E)
        f = fma(n, -LN2_LOW_DOUBLE, fma(n, -LN2_HIGH_DOUBLE, x))
        p = _expm1_series_double(f)
    else:
        x = minimum(89.0, maximum(-20.0, x))
        n = rint(x * LOG2_E)
        f = fma(n, -LN2_LOW_SINGLE, fma(n, -LN2_HIGH_SINGLE, x))
        p = _expm1_series_single(f)
    scale = pow2(n - 1.0)  # half of 2**n, which itself overflows before e**x does
    return (fma(scale, p, scale - 0.5)) * 2.0


@inner
def log1p_vector(u):
    """log(1 + u) for u >= 0. The factor u / ((1 + u) - 1) corrects the rounding of 1 + u."""
    w = u + 1.0
    d = w - 1.0
    return where(d == 0.0, u, where(w < np.inf, log_vector(w) * (u / where(d == 0.0, 1.0, d)), u))


@inner
def sigmoid_vector(x):
    """1 / (1 + e**-x)."""
    return 1.0 / (exp_vector(-x) + 1.0)


@inner
def tanh_vector(x):
    """tanh x = (1 - e**-2|x|) / (1 + e**-2|x|), with the sign of x."""
    e = expm1_vector(maximum(x, -x) * -2.0)
    t = e / (e + 2.0)
    return where(x > 0.0, -t, t)


@inner
def softplus_vector(x):
    """log(1 + e**x) = max(x, 0) + log(1 + e**-|x|)."""
    return maximum(0.0, x) + log1p_vector(exp_vector(minimum(-x, x)))


@inner
def normal_vectors(x):
    """The standard normal distribution: its probability below x, and its density at x.

    With z = |x|/sqrt(2), the tail is erfc(z)/2, and erfc(z) = e**(-z**2) g(t) / (1 + 2z), t = (z - 3)/(z + 3): g goes
    smoothly from 1.13 to 1, so that a polynomial of t gives it (an idea of Shepherd and Laframboise, "Chebyshev
    approximation of (1 + 2x) exp(x**2) erfc x", 1981; the coefficients are a fit of our own).
    """
    z = minimum(28.0, maximum(x, -x) * SQRT_HALF)  # the density is 0 from there on
    t = (z - 3.0) / (z + 3.0)
    g = _erfc_series_double(t) if is_double(x) else _erfc_series_single(t)
    bell = exp_vector(z * -z)
    tail = bell * g / (z * 4.0 + 2.0)
    return where(x > 0.0, 1.0 - tail, tail), bell * SQRT_HALF_OVER_PI


@inner
def _erfc_series_single(t):
    """(1 + 2z) e**(z**2) erfc(z) with t = (z - 3)/(z + 3), to 1e-7."""
    p = fma(t, -9.254516686923966e-05, -0.0005138505128719338)
    p = fma(p, t, 0.001875079123772353)
    p = fma(p, t, 0.0022865137034448328)
    p = fma(p, t, -0.02376357643949504)
    p = fma(p, t, 0.06840958165633677)
    p = fma(p, t, -0.1192752752822409)
    p = fma(p, t, 0.129627504721725)
    p = fma(p, t, -0.047562156927520076)
    p = fma(p, t, -0.13562023891915578)
    return fma(p, t, 1.2530080563677553)


@inner
def _erfc_series_double(t):
    """(1 + 2z) e**(z**2) erfc(z) with t = (z - 3)/(z + 3), to 2e-15."""
    p = fma(t, -3.1813541434969274e-09, -7.641962892589975e-09)
    p = fma(p, t, 2.7843881265502222e-08)
    p = fma(p, t, 8.765881411730558e-08)
    p = fma(p, t, -1.205414228648938e-07)
    p = fma(p, t, -5.963983625522741e-07)
    p = fma(p, t, 3.3669790806407595e-07)
    p = fma(p, t, 3.454294770277738e-06)
    p = fma(p, t, -7.187883834404266e-07)
    p = fma(p, t, -2.0089997833284275e-05)
    p = fma(p, t, 4.94412434222366e-06)
    p = fma(p, t, 0.00012509531076254534)
    p = fma(p, t, -0.00010515831297813128)
    p = fma(p, t, -0.0007798312797290158)
    p = fma(p, t, 0.0018886900977441495)
    p = fma(p, t, 0.0025293916672051724)
    p = fma(p, t, -0.023770514891530075)
    p = fma(p, t, 0.06830802735638397)
    p = fma(p, t, -0.11927366341676002)
    p = fma(p, t, 0.12964515870228346)
    p = fma(p, t, -0.04756229435342038)
    p = fma(p, t, -0.13562110612457576)
    return fma(p, t, 1.2530080582697296)


@inner
def exp_span(y, x, start, stop):
    n = lanes(y)
    for i in range(start, stop - n + 1, n):
        store(y, i, exp_vector(load(x, i)))
    rest = (stop - start) % n
    store_first(y, stop - rest, exp_vector(load_first(x, stop - rest, rest)), rest)


@inner
def log_span(y, x, start, stop):
    n = lanes(y)
    for i in range(start, stop - n + 1, n):
        store(y, i, log_vector(load(x, i)))
    rest = (stop - start) % n
    store_first(y, stop - rest, log_vector(load_first(x, stop - rest, rest)), rest)


@kernel("y[n] = x[n] in place")
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


@kernel("y[n] = x[n] in place")
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
