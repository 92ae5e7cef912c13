"""Activation functions: forward and backward side by side.

Each works on a span of numbers, whatever they mean: a panel of the network's workspace or a user's array.
"""

from .._jit import block, kernel, prange
from .simd import lanes, load, load_first, maximum, store, store_first, where

SPAN = 8192  # numbers per parallel block


@block
def relu_forward_span(y, yi, x, xi, count):
    n = lanes(y)
    whole = count - count % n
    for i in range(0, whole, n):
        store(y, yi + i, maximum(0.0, load(x, xi + i)))  # in this order a NaN stays NaN
    rest = count - whole
    if rest > 0:
        store_first(y, yi + whole, maximum(0.0, load_first(x, xi + whole, rest)), rest)


@block
def relu_backward_span(dx, dxi, dy, dyi, y, yi, count):
    n = lanes(dx)
    whole = count - count % n
    for i in range(0, whole, n):
        store(dx, dxi + i, where(load(y, yi + i) > 0.0, load(dy, dyi + i), 0.0))
    rest = count - whole
    if rest > 0:
        gate = load_first(y, yi + whole, rest) > 0.0
        store_first(dx, dxi + whole, where(gate, load_first(dy, dyi + whole, rest), 0.0), rest)


@kernel("y[batch, units] = x[batch, units]")
def relu_forward(y, x):
    """Rectified linear unit: y = max(x, 0). NaN stays NaN.

    Parameters
    ----------
    y : ndarray, shape (batch, units)
        Overwritten.
    x : array_like, shape (batch, units)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty((1, 3))
    >>> kernels.relu_forward(y, [[-1.0, 0.5, 2.0]])
    >>> y.tolist()
    [[0.0, 0.5, 2.0]]
    """
    y_flat, x_flat = y.reshape(y.size), x.reshape(x.size)
    for q in prange((y.size + SPAN - 1) // SPAN):
        relu_forward_span(y_flat, q * SPAN, x_flat, q * SPAN, min(SPAN, y_flat.size - q * SPAN))


@kernel("dx[batch, units] = dy[batch, units], y[batch, units]")
def relu_backward(dx, dy, y):
    """Gradient of y = max(x, 0): dx = dy where y > 0, else 0.

    Parameters
    ----------
    dx : ndarray, shape (batch, units)
        Overwritten: the gradient of the loss with respect to x.
    dy : array_like, shape (batch, units)
        The gradient of the loss with respect to y.
    y : array_like, shape (batch, units)
        What `relu_forward` wrote.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dx = np.empty((1, 3))
    >>> kernels.relu_backward(dx, [[1.0, 2.0, 3.0]], [[0.0, 0.5, 2.0]])
    >>> dx.tolist()
    [[0.0, 2.0, 3.0]]
    """
    dx_flat, dy_flat, y_flat = dx.reshape(dx.size), dy.reshape(dy.size), y.reshape(y.size)
    for q in prange((y.size + SPAN - 1) // SPAN):
        at = q * SPAN
        relu_backward_span(dx_flat, at, dy_flat, at, y_flat, at, min(SPAN, y_flat.size - at))
