"""Activations and losses of users: strips of numbers go to their compiled functions, which kernels find by index.

If a function raises an error, all numbers of its strip become NaN, which no training hides.
"""

import numpy as np

from .._compiling.jit import inner, kernel, prange
from .layout import read, write
from .losses import Goal, goal_vector
from .simd import (
    activate,
    activate_with_slopes,
    known_activations,
    known_losses,
    lane_numbers,
    lanes,
    own_loss,
    panel,
    splat,
    sum_lanes,
    tail,
    where,
)
from .softmax import column_at

SPAN = 8192  # numbers per parallel block
BLOCK_ROWS = 64


@inner
def custom_forward_span(y, slopes, x, count, function, with_slopes):
    if with_slopes:
        if not activate_with_slopes(y, slopes, x, count, function):
            fill(y, count, np.nan)
            fill(slopes, count, np.nan)
    elif not activate(y, x, count, function):
        fill(y, count, np.nan)


@inner
def fill(y, count, value):
    for i in range(count):
        y[i] = value


@inner
def custom_row(dy, y, jump, width, room, goal, function, share, scale):
    """Like `elementwise_row`, for a loss of the user's."""
    total = splat(y, 0.0)
    for c in range(0, width, lanes(y)):
        at = column_at(y, jump, c)
        loss, slope, succeeded = own_loss(read(y, at, room - c), goal_vector(goal, c, width), width - c, function)
        inside = lane_numbers(y) < width - c
        factor = scale * share if succeeded else np.nan
        total = total + where(inside, loss * (share if succeeded else np.nan), 0.0)
        write(dy, at, where(inside, slope * factor, 0.0), room - c)
    return sum_lanes(total)


# ---------------------------------------------------------------- public kernels


def _fault_of_activation(v):
    return _fault(v["function"], known_activations())


def _fault_of_loss(v):
    return _fault(v["function"], known_losses())


def _fault(function, count):
    if 0 <= function < count:
        return None
    return f"function must be the index of one of the {count} functions that this process knows, not {function}"


@kernel("y[batch, units], slopes[batch, units] = x[batch, units], function int", _fault_of_activation)
def custom_forward(y, slopes, x, function):
    """An activation of the user's, and its derivative, element by element.

    Parameters
    ----------
    y, slopes : ndarray, shape (batch, units)
        Overwritten: f(x) and f′(x).
    x : array_like, shape (batch, units)
    function : int
        The index of a `fastmlp.activations.Custom` in this process: its ``index``.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> square = fm.activations.Custom(lambda x: x * x, lambda x: 2 * x, name="square")
    >>> y, slopes = np.empty((1, 2)), np.empty((1, 2))
    >>> fm.kernels.custom_forward(y, slopes, [[3.0, -1.0]], square.index)
    >>> y.tolist(), slopes.tolist()
    ([[9.0, 1.0]], [[6.0, -2.0]])
    """
    y_flat, slopes_flat, x_flat = y.reshape(y.size), slopes.reshape(y.size), x.reshape(x.size)
    for q in prange((y.size + SPAN - 1) // SPAN):
        at = q * SPAN
        count = min(SPAN, y_flat.size - at)
        custom_forward_span(tail(y_flat, at), tail(slopes_flat, at), tail(x_flat, at), count, function, True)


@kernel(
    "losses[batch], dy[batch, units] = y[batch, units] in place, targets[batch, units] in place, function int, "
    "scale float",
    _fault_of_loss,
)
def custom_loss(losses, dy, y, targets, function, scale):
    """A loss of the user's that is a sum over the outputs, and its gradient.

    Parameters
    ----------
    losses : ndarray, shape (batch,)
        Overwritten: the sum over the outputs of each row.
    dy : ndarray, shape (batch, units)
        Overwritten: the gradient times ``scale``.
    y, targets : array_like, shape (batch, units)
    function : int
        The index of a `fastmlp.losses.Custom` in this process: its ``index``.
    scale : float

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> loss = fm.losses.Custom(lambda y, t: (y - t) ** 2, lambda y, t: 2 * (y - t), name="squares")
    >>> losses, dy = np.empty(1), np.empty((1, 2))
    >>> fm.kernels.custom_loss(losses, dy, [[1.0, 2.0]], [[0.0, 4.0]], loss.index, 1.0)
    >>> losses.tolist(), dy.tolist()
    ([5.0], [[2.0, -4.0]])
    """
    width = y.shape[1]
    dy_flat, y_flat, t = dy.reshape(dy.size), y.reshape(y.size), targets.reshape(targets.size)
    for q in prange((losses.size + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(losses.size, (q + 1) * BLOCK_ROWS)):
            at = r * width
            goal = Goal(tail(t, at), np.int64(0), 0.0, 0.0)
            losses[r] = custom_row(
                tail(dy_flat, at), tail(y_flat, at), panel(y_flat), width, width, goal, function, 1.0, scale
            )
