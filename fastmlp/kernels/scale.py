"""The scaling layer, y = x ⊙ weights + bias: a factor and a shift for each unit."""

import numpy as np

from .._compiling.jit import inner, kernel, prange
from .dense import dense_backward_bias_block
from .layout import panels_of, scatter_rows
from .normalization import sum_products
from .simd import fma, lanes, load, panel, splat, store, tail


@inner
def scaled_columns(y, x, capacity, w, b, rows, width):
    """y = x ⊙ w + b for a block of rows; an empty ``b`` means no bias, as in the gradient dx = dy ⊙ w."""
    p = panel(y)
    for c in range(0, width, lanes(y)):
        at = c // p * p * capacity + c % p
        scale, bias = load(w, c), splat(y, 0.0)
        if b.size > 0:
            bias = load(b, c)
        for r in range(rows):
            store(y, at + r * p, fma(load(x, at + r * p), scale, bias))


# ---------------------------------------------------------------- public kernels


@kernel("y[batch, units] = x[batch, units] in place, weights[units], bias[units]")
def scale_forward(y, x, weights, bias):
    """Multiply each unit by a weight, and add a bias: y = x ⊙ weights + bias.

    Parameters
    ----------
    y : ndarray, shape (batch, units)
        Overwritten.
    x : array_like, shape (batch, units)
    weights, bias : array_like, shape (units,)
        γ and β.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty((1, 2))
    >>> kernels.scale_forward(y, [[3.0, 5.0]], [1.0, 2.0], [1.0, 0.0])
    >>> y.tolist()
    [[4.0, 10.0]]
    """
    batch, units = x.shape
    p = panel(weights)
    x_panels, w, b = panels_of(x.reshape(x.size), batch, units), panels_of(weights, 1, units), panels_of(bias, 1, units)
    for q in prange((units + p - 1) // p):
        of = tail(x_panels, q * p * batch)
        scaled_columns(of, of, batch, tail(w, q * p), tail(b, q * p), batch, p)
    scatter_rows(y.reshape(y.size), units, 0, x_panels, batch, batch)


@kernel(
    "dx[batch, units], dweights[units], dbias[units] = "
    "dy[batch, units] in place, x[batch, units] in place, weights[units]"
)
def scale_backward(dx, dweights, dbias, dy, x, weights):
    """Gradients of `scale_forward` with respect to its input, weights and bias.

    Parameters
    ----------
    dx : ndarray, shape (batch, units)
        Overwritten.
    dweights, dbias : ndarray, shape (units,)
        Overwritten.
    dy, x : array_like, shape (batch, units)
    weights : array_like, shape (units,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dx, dweights, dbias = np.empty((1, 2)), np.empty(2), np.empty(2)
    >>> kernels.scale_backward(dx, dweights, dbias, [[1.0, 10.0]], [[3.0, 5.0]], [1.0, 2.0])
    >>> dx.tolist(), dweights.tolist(), dbias.tolist()
    ([[1.0, 20.0]], [3.0, 50.0], [1.0, 10.0])
    """
    batch, units = x.shape
    p = panel(weights)
    x_panels, dy_panels = panels_of(x.reshape(x.size), batch, units), panels_of(dy.reshape(dy.size), batch, units)
    w = panels_of(weights, 1, units)
    dw, db = np.empty(w.size, dx.dtype), np.empty(w.size, dx.dtype)
    for q in prange((units + p - 1) // p):
        at, c = q * p * batch, q * p
        of = tail(dy_panels, at)
        sum_products(tail(dw, c), False, of, tail(x_panels, at), 0, batch, batch)
        dense_backward_bias_block(tail(db, c), False, of, batch, 0, batch)
        scaled_columns(of, of, batch, tail(w, c), w[:0], batch, p)
    scatter_rows(dx.reshape(dx.size), units, 0, dy_panels, batch, batch)
    scatter_rows(dweights, units, 0, dw, 1, 1)
    scatter_rows(dbias, units, 0, db, 1, 1)
