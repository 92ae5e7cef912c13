"""The dense layer y = x·W + b and its gradients.

The ``*_block`` functions work on panel matrices, inside the network program. The public kernels below take ordinary
row-major arrays: they copy a block of rows into panels, call the same functions, and copy the result back.
"""

import numpy as np

from .._compiling.jit import inner, kernel, prange
from .layout import gather_rows, padded, panels_of, scatter_rows, transpose_panel
from .matmul import multiply_columns, multiply_rows, sum_rows
from .simd import panel, tail

BLOCK_ROWS = 60  # rows that one thread processes at a time; a multiple of common tile heights


@inner
def dense_forward_block(y, x, capacity, weights, bias, rows, fan_in, fan_out):
    """y = x·W + b for one block of rows; an empty bias means no bias."""
    multiply_rows(y, capacity, bias, x, capacity, weights, rows, fan_in, fan_out)


@inner
def dense_backward_inputs_block(dx, dy, capacity, weights, scratch, rows, fan_in, fan_out):
    """dx = dy·Wᵀ for one block of rows: each y_n = Σ_k x_k W_kn + b_n has ∂y_n/∂x_k = W_kn.

    ``scratch`` has room for one panel of Wᵀ.
    """
    p = panel(dx)
    for k in range(0, fan_in, p):
        transpose_panel(scratch, weights, fan_in, fan_out, k)
        multiply_rows(tail(dx, k * capacity), capacity, scratch[:0], dy, capacity, scratch, rows, fan_out, p)


@inner
def dense_backward_weights_block(dw, resume, x, dy, block_rows, jump, rows, count):
    """``count`` rows of one panel of dW = xᵀ·dy; at most as many as a panel of x has columns.

    ∂y_n/∂W_kn = x_k, summed over the batch in row order. The batch lies in blocks of ``block_rows`` rows, ``jump``
    apart; with ``resume`` the sum continues that of an earlier part of the batch.
    """
    multiply_columns(dw, resume, x, dy, count, jump, block_rows, rows)


@inner
def dense_backward_bias_block(db, resume, dy, block_rows, jump, rows):
    """One panel of db = Σ dy over the batch: ∂y_n/∂b_n = 1. The batch has the layout of the weights' one."""
    sum_rows(db, resume, dy, jump, block_rows, rows)


# ---------------------------------------------------------------- public kernels


@kernel("y[batch, units] = x[batch, fan_in], weights[fan_in, units], bias[units] where fan_in > 0")
def dense_forward(y, x, weights, bias):
    """Forward pass of a dense layer: y = x·W + b.

    Parameters
    ----------
    y : ndarray, shape (batch, units)
        Overwritten.
    x : array_like, shape (batch, fan_in)
    weights : array_like, shape (fan_in, units)
    bias : array_like, shape (units,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty((1, 2))
    >>> kernels.dense_forward(y, [[1.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]], [0.5, 0.5])
    >>> y.tolist()
    [[1.5, 2.5]]
    """
    fan_in, units = weights.shape
    x_flat, y_flat = x.reshape(x.size), y.reshape(y.size)
    panels = panels_of(weights.reshape(weights.size), fan_in, units)
    padded_bias = panels_of(bias, 1, units)
    for q in prange((x.shape[0] + BLOCK_ROWS - 1) // BLOCK_ROWS):
        first = q * BLOCK_ROWS
        count = min(BLOCK_ROWS, x.shape[0] - first)
        _forward_rows(y_flat, x_flat, panels, padded_bias, first, count, fan_in, units)


@inner(allocates=True)
def _forward_rows(y, x, panels, bias, first, count, fan_in, units):
    a = np.empty(count * padded(fan_in, y), y.dtype)
    c = np.empty(count * padded(units, y), y.dtype)
    gather_rows(a, count, x, fan_in, np.empty(0, np.int64), first, count)
    dense_forward_block(c, a, count, panels, bias, count, fan_in, units)
    scatter_rows(y, units, first, c, count, count)


@kernel("dx[batch, fan_in] = dy[batch, units], weights[fan_in, units] where units > 0")
def dense_backward_inputs(dx, dy, weights):
    """Gradient of y = x·W + b with respect to x: dx = dy·Wᵀ.

    Parameters
    ----------
    dx : ndarray, shape (batch, fan_in)
        Overwritten.
    dy : array_like, shape (batch, units)
    weights : array_like, shape (fan_in, units)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dx = np.empty((1, 2))
    >>> kernels.dense_backward_inputs(dx, [[1.0, 10.0]], [[1.0, 0.0], [2.0, 1.0]])
    >>> dx.tolist()
    [[1.0, 12.0]]
    """
    fan_in, units = weights.shape
    dx_flat, dy_flat = dx.reshape(dx.size), dy.reshape(dy.size)
    panels = panels_of(weights.reshape(weights.size), fan_in, units)
    for q in prange((dx.shape[0] + BLOCK_ROWS - 1) // BLOCK_ROWS):
        first = q * BLOCK_ROWS
        count = min(BLOCK_ROWS, dx.shape[0] - first)
        _backward_rows(dx_flat, dy_flat, panels, first, count, fan_in, units)


@inner(allocates=True)
def _backward_rows(dx, dy, panels, first, count, fan_in, units):
    p = panel(dx)
    a = np.empty(count * padded(units, dx), dx.dtype)
    c = np.empty(count * padded(fan_in, dx), dx.dtype)
    scratch = np.empty(padded(units, dx) * p, dx.dtype)
    gather_rows(a, count, dy, units, np.empty(0, np.int64), first, count)
    dense_backward_inputs_block(c, a, count, panels, scratch, count, fan_in, units)
    scatter_rows(dx, fan_in, first, c, count, count)


@kernel("dweights[fan_in, units], dbias[units] = x[batch, fan_in], dy[batch, units]")
def dense_backward_parameters(dweights, dbias, x, dy):
    """Gradients of y = x·W + b with respect to W and b: dW = xᵀ·dy, db = Σ dy over the batch.

    Parameters
    ----------
    dweights : ndarray, shape (fan_in, units)
        Overwritten.
    dbias : ndarray, shape (units,)
        Overwritten.
    x : array_like, shape (batch, fan_in)
    dy : array_like, shape (batch, units)

    Notes
    -----
    Sums run over the batch in row order, at any number of threads.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dweights, dbias = np.empty((2, 1)), np.empty(1)
    >>> kernels.dense_backward_parameters(dweights, dbias, [[1.0, 2.0], [3.0, 4.0]], [[1.0], [10.0]])
    >>> dweights.tolist(), dbias.tolist()
    ([[31.0], [42.0]], [11.0])
    """
    batch, fan_in, units = x.shape[0], x.shape[1], dy.shape[1]
    p = panel(dweights.reshape(dweights.size))
    x_panels = panels_of(x.reshape(x.size), batch, fan_in)
    dy_panels = panels_of(dy.reshape(dy.size), batch, units)
    dw, db = np.empty(fan_in * padded(units, dbias), dbias.dtype), np.empty(padded(units, dbias), dbias.dtype)
    for q in prange((units + p - 1) // p):
        dy_panel = tail(dy_panels, q * p * batch)
        for k in range(0, fan_in, p):
            of, here = tail(x_panels, k * batch), min(p, fan_in - k)
            dense_backward_weights_block(tail(dw, (q * fan_in + k) * p), False, of, dy_panel, batch, 0, batch, here)
        dense_backward_bias_block(tail(db, q * p), False, dy_panel, batch, 0, batch)
    scatter_rows(dweights.reshape(dweights.size), units, 0, dw, fan_in, fan_in)
    scatter_rows(dbias, units, 0, db, 1, 1)
