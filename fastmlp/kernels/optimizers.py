"""Optimiser updates, the simple one first. Each works in place on a span of the flat parameter vector."""

import numpy as np

from .._jit import block, kernel, prange
from .simd import fma, lanes, load, load_first, sqrt, store, store_first

SPAN = 4096  # parameters per parallel block


@block
def sgd_vector(w, dw, learning_rate):
    """w ← w − η dw"""
    return fma(dw, -learning_rate, w)


@block
def sgd_span(w, wi, dw, dwi, count, learning_rate):
    """Update w[wi:] from dw[dwi:]."""
    n = lanes(w)
    whole = count - count % n
    for i in range(0, whole, n):
        store(w, wi + i, sgd_vector(load(w, wi + i), load(dw, dwi + i), learning_rate))
    rest = count - whole
    if rest > 0:
        new = sgd_vector(load_first(w, wi + whole, rest), load_first(dw, dwi + whole, rest), learning_rate)
        store_first(w, wi + whole, new, rest)


@block
def adam_vector(w, m, v, dw, rate, beta_1, beta_2, epsilon):
    """m ← β₁m + (1−β₁)dw, v ← β₂v + (1−β₂)dw², w ← w − rate · m / (√v + epsilon).

    ``rate`` and ``epsilon`` carry the bias corrections of the step, see `adam_scalars`.
    """
    m = fma(dw - m, 1.0 - beta_1, m)
    v = fma(fma(dw, dw, -v), 1.0 - beta_2, v)
    return w - m * rate / (sqrt(v) + epsilon), m, v


@block
def adam_scalars(learning_rate, beta_1, beta_2, epsilon, step):
    """Fold the corrections m/(1−β₁ᵗ) and v/(1−β₂ᵗ) into two numbers for the whole step.

    η m̂/(√v̂ + ε) = η √(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε √(1−β₂ᵗ)).
    """
    root = np.sqrt(1.0 - beta_2**step)
    return learning_rate * root / (1.0 - beta_1**step), epsilon * root


@block
def adam_span(w, wi, m, mi, v, vi, dw, dwi, count, rate, beta_1, beta_2, epsilon):
    """Update w[wi:], m[mi:], v[vi:] from dw[dwi:]."""
    n = lanes(w)
    whole = count - count % n
    for i in range(0, whole, n):
        gradient = load(dw, dwi + i)
        new, mean, square = adam_vector(
            load(w, wi + i), load(m, mi + i), load(v, vi + i), gradient, rate, beta_1, beta_2, epsilon
        )
        store(w, wi + i, new)
        store(m, mi + i, mean)
        store(v, vi + i, square)
    rest = count - whole
    if rest > 0:
        i = whole
        gradient = load_first(dw, dwi + i, rest)
        new, mean, square = adam_vector(
            load_first(w, wi + i, rest),
            load_first(m, mi + i, rest),
            load_first(v, vi + i, rest),
            gradient,
            rate,
            beta_1,
            beta_2,
            epsilon,
        )
        store_first(w, wi + i, new, rest)
        store_first(m, mi + i, mean, rest)
        store_first(v, vi + i, square, rest)


@kernel("w[n] = dw[n], learning_rate float")
def sgd_update(w, dw, learning_rate):
    """One step of stochastic gradient descent: w ← w − η dw.

    Parameters
    ----------
    w : ndarray, shape (n,)
        Updated in place.
    dw : array_like, shape (n,)
        Gradient of the loss with respect to w.
    learning_rate : float
        η.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> w = np.array([1.0, 2.0])
    >>> kernels.sgd_update(w, [1.0, -1.0], 0.5)
    >>> w.tolist()
    [0.5, 2.5]
    """
    for q in prange((w.size + SPAN - 1) // SPAN):
        sgd_span(w, q * SPAN, dw, q * SPAN, min(SPAN, w.size - q * SPAN), learning_rate)


@kernel("w[n], m[n], v[n] = dw[n], learning_rate float, beta_1 float, beta_2 float, epsilon float, step int")
def adam_update(w, m, v, dw, learning_rate, beta_1, beta_2, epsilon, step):
    """One step of Adam with bias correction.

    m ← β₁m + (1−β₁)dw, v ← β₂v + (1−β₂)dw², w ← w − η m̂ / (√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).

    Parameters
    ----------
    w, m, v : ndarray, shape (n,)
        Parameters and their two moments, updated in place. The moments start at 0.
    dw : array_like, shape (n,)
        Gradient of the loss with respect to w.
    learning_rate, beta_1, beta_2, epsilon : float
        η, β₁, β₂, ε.
    step : int
        t, 1 for the first step.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> w, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> kernels.adam_update(w, m, v, [3.0], 0.1, 0.9, 0.999, 1e-8, 1)
    >>> w.round(6).tolist()
    [0.9]
    """
    rate, small = adam_scalars(learning_rate, beta_1, beta_2, epsilon, step)
    for q in prange((w.size + SPAN - 1) // SPAN):
        at = q * SPAN
        adam_span(w, at, m, at, v, at, dw, at, min(SPAN, w.size - at), rate, beta_1, beta_2, small)
