"""Softmax over the classes of each row, forward and backward.

A row lies in pieces of one panel width that are ``jump`` apart: in a panel matrix jump = rows · P, in an ordinary
row-major array jump = P. The same code serves both. The functions may write ``room`` columns: the width of the row, or
in a panel matrix whole panels, whose columns beyond the width stay 0.
"""

import numpy as np

from .._compiling.jit import inner, kernel, prange
from .layout import read, write
from .math import exp_vector
from .simd import lane_numbers, lanes, max_lanes, maximum, minimum, panel, splat, sum_lanes, tail, where

BLOCK_ROWS = 64


@inner
def column_at(array, jump, column):
    """The index of a row's element; panels are ``jump`` apart."""
    return column // panel(array) * jump + column % panel(array)


@inner
def row_maximum(x, jump, width, room):
    largest = splat(x, -np.inf)
    for c in range(0, width, lanes(x)):
        v = read(x, column_at(x, jump, c), room - c)
        largest = maximum(largest, where(lane_numbers(x) < width - c, v, -np.inf))
    return max_lanes(largest)


@inner
def first_maximum(x, jump, width, room):
    """The column of the largest element, or the first of equal ones; 0 for a row of NaN."""
    largest = row_maximum(x, jump, width, room)
    first = splat(x, width)
    for c in range(0, width, lanes(x)):
        columns = lane_numbers(x) + c
        v = read(x, column_at(x, jump, c), room - c)
        first = minimum(first, where(v == largest, where(columns < width, columns, width), width))
    best = -max_lanes(-first)
    return np.int64(best) if best < width else 0


@inner
def exponentials_row(y, x, jump, width, room):
    """y = exp(x - max x); returns Σ y and max x. The shift keeps every exponent at or below 0."""
    largest = row_maximum(x, jump, width, room)
    total = splat(x, 0.0)
    for c in range(0, width, lanes(x)):
        e = exp_vector(read(x, column_at(x, jump, c), room - c) - largest)
        e = where(lane_numbers(x) < width - c, e, 0.0)
        write(y, column_at(y, jump, c), e, room - c)
        total = total + e
    return sum_lanes(total), largest


@inner
def softmax_forward_row(y, x, jump, width, room):
    total, _ = exponentials_row(y, x, jump, width, room)
    for c in range(0, width, lanes(x)):
        at = column_at(y, jump, c)
        write(y, at, read(y, at, room - c) / total, room - c)


@inner
def softmax_backward_row(dx, dy, y, jump, width, room):
    """dx = y ⊙ (dy − Σ_j dy_j y_j): from ∂y_i/∂x_j = y_i (δ_ij − y_j), without forming that matrix."""
    n = lanes(dx)
    inner = splat(dx, 0.0)
    for c in range(0, width, n):
        at = column_at(y, jump, c)
        inner = inner + read(dy, at, room - c) * read(y, at, room - c)
    mean = sum_lanes(inner)
    for c in range(0, width, n):
        at = column_at(y, jump, c)
        dv = read(y, at, room - c) * (read(dy, at, room - c) - mean)
        write(dx, at, dv, room - c)


@kernel("y[batch, classes] = x[batch, classes] in place")
def softmax_forward(y, x):
    """Probabilities from logits: y_i = exp(x_i) / Σ_j exp(x_j), row by row.

    Parameters
    ----------
    y : ndarray, shape (batch, classes)
        Overwritten.
    x : array_like, shape (batch, classes)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty((1, 2))
    >>> kernels.softmax_forward(y, [[1000.0, 1000.0]])
    >>> y.tolist()
    [[0.5, 0.5]]
    """
    width = x.shape[1]
    y_flat, x_flat = y.reshape(y.size), x.reshape(x.size)
    for q in prange((x.shape[0] + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(x.shape[0], (q + 1) * BLOCK_ROWS)):
            softmax_forward_row(tail(y_flat, r * width), tail(x_flat, r * width), panel(y_flat), width, width)


@kernel("dx[batch, classes] = dy[batch, classes] in place, y[batch, classes] in place")
def softmax_backward(dx, dy, y):
    """Gradient of `softmax_forward`: dx = y ⊙ (dy − Σ_j dy_j y_j), the product with the full Jacobian.

    Parameters
    ----------
    dx : ndarray, shape (batch, classes)
        Overwritten.
    dy : array_like, shape (batch, classes)
    y : array_like, shape (batch, classes)
        The output of `softmax_forward`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dx = np.empty((1, 2))
    >>> kernels.softmax_backward(dx, [[1.0, 0.0]], [[0.5, 0.5]])
    >>> dx.tolist()
    [[0.25, -0.25]]
    """
    width = y.shape[1]
    dx_flat, dy_flat, y_flat = dx.reshape(dx.size), dy.reshape(dy.size), y.reshape(y.size)
    for q in prange((y.shape[0] + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(y.shape[0], (q + 1) * BLOCK_ROWS)):
            at = r * width
            softmax_backward_row(tail(dx_flat, at), tail(dy_flat, at), tail(y_flat, at), panel(y_flat), width, width)
