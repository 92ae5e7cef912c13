"""Losses of a row of outputs, with their gradients.

Categorical cross-entropy −Σ_i t_i log p_i takes class numbers (``sparse_…``) or a row of target probabilities (one-hot
or soft). It is computed from logits, fused with the softmax. All other losses are sums over the outputs, see
`loss_vectors`.
"""

from typing import Any, NamedTuple

import numpy as np

from .._base.tables import (
    ABSOLUTE,
    ABSOLUTE_PERCENTAGE,
    BINARY_LOGITS,
    BINARY_PROBABILITIES,
    HUBER,
    LOG_COSH,
    LOSS_CODES,
    POISSON,
    POISSON_DEVIANCE,
    SQUARED,
)
from .._compiling.jit import inner, kernel, prange
from .layout import read, write
from .math import exp_vector, expm1_vector, log1p_vector, log_vector, sigmoid_vector, tanh_vector
from .simd import lane_numbers, lanes, maximum, minimum, panel, splat, sum_lanes, tail, where
from .softmax import column_at, exponentials_row

BLOCK_ROWS = 64
LOG_2 = 0.6931471805599453
SMALLEST_PROBABILITY = 1e-7  # probabilities are clipped here, so that the logarithm stays finite
SMALLEST_TARGET = 1e-7  # targets nearer to 0 divide by this, so that a percentage of them stays finite
SMALLEST_COUNT = 1e-30  # counts have at least the logarithm of this, so that 0 log 0 is 0


@inner
def log_scalar(x, like):
    return sum_lanes(log_vector(splat(like, x))) / lanes(like)


@inner
def sparse_softmax_crossentropy_row(dx, x, jump, width, room, label, scale):
    """Loss of one row of logits; writes its gradient times ``scale``. ``dx`` may be ``x``.

    With p = softmax(x): loss = −log p_label = log Σ_j exp(x_j − m) + m − x_label, and
    ∂loss/∂x_i = p_i − [i = label].
    """
    logit = x[column_at(x, jump, label)]
    total, largest = exponentials_row(dx, x, jump, width, room)
    factor = scale / total
    for c in range(0, width, lanes(x)):
        at = column_at(dx, jump, c)
        gradient = read(dx, at, room - c) * factor
        is_label = lane_numbers(x) == label - c
        write(dx, at, where(is_label, gradient - scale, gradient), room - c)
    return log_scalar(total, x) + (largest - logit)


class Goal(NamedTuple):
    """The target of a row of outputs: a row of targets, or one-hot if that is empty.

    ``even`` in every column replaces a share of it, the smoothing.
    """

    targets: Any
    label: Any
    smoothing: Any
    even: Any


@inner
def goal_vector(goal, c, width):
    """The target of the columns from ``c`` on."""
    targets = goal.targets
    inside = lane_numbers(targets) < width - c
    t = where(lane_numbers(targets) == goal.label - c, splat(targets, 1.0), 0.0)
    if targets.size > 0:
        t = read(targets, c, width - c)
    return where(inside, t * (1.0 - goal.smoothing) + goal.even, 0.0)


@inner
def softmax_crossentropy_row(dx, x, jump, width, room, goal, scale):
    """Like `sparse_softmax_crossentropy_row` for a row of targets t: ∂loss/∂x_i = p_i Σ_j t_j − t_i.

    loss = Σ_i t_i (log Σ_j exp(x_j − m) + m − x_i).
    """
    n = lanes(x)
    weight = splat(x, 0.0)
    score = splat(x, 0.0)
    for c in range(0, width, n):
        t = goal_vector(goal, c, width)
        weight = weight + t
        score = score + t * read(x, column_at(x, jump, c), room - c)
    weight_sum, score_sum = sum_lanes(weight), sum_lanes(score)
    total, largest = exponentials_row(dx, x, jump, width, room)
    factor = weight_sum / total
    for c in range(0, width, n):
        at = column_at(dx, jump, c)
        t = goal_vector(goal, c, width)
        write(dx, at, (read(dx, at, room - c) * factor - t) * scale, room - c)
    return weight_sum * (log_scalar(total, x) + largest) - score_sum


@inner
def log_cosh_vector(size):
    """log cosh d of the size of d: log(1 + (1 − q)²/(2q)) with q = e^−|d|; above 1, |d| + log(1 + q²) − log 2.

    The first has all digits near 0, where the second cancels; the second stays finite where q is 0.
    """
    p = expm1_vector(-size)
    q, is_far = p + 1.0, size > 1.0
    return log1p_vector(where(is_far, q * q, p * p / (q * 2.0))) + where(is_far, size - LOG_2, 0.0)


@inner
def loss_vectors(y, t, kind, alpha):
    """The loss of each output y with target t, and its derivative with respect to y."""
    if kind == BINARY_LOGITS:  # −t log σ(y) − (1 − t) log (1 − σ(y)) = max(y, 0) − t y + log(1 + e^−|y|)
        return maximum(y, 0.0) - y * t + log1p_vector(exp_vector(minimum(-y, y))), sigmoid_vector(y) - t
    if kind == BINARY_PROBABILITIES:
        p = minimum(1.0 - SMALLEST_PROBABILITY, maximum(SMALLEST_PROBABILITY, y))
        return (t - 1.0) * log_vector(1.0 - p) - t * log_vector(p), (p - t) / (p * (1.0 - p))
    d = y - t
    size = maximum(d, -d)
    sign = where(d > 0.0, d * 0.0 + 1.0, where(d < 0.0, d * 0.0 - 1.0, d))
    if kind == SQUARED:
        return d * d, d + d
    if kind == ABSOLUTE:
        return size, sign
    if kind == HUBER:  # a parabola up to alpha, a straight line beyond
        return where(size > alpha, (size - alpha * 0.5) * alpha, d * d * 0.5), where(size > alpha, sign * alpha, d)
    if kind == POISSON:
        shifted = y + SMALLEST_PROBABILITY
        return y - t * log_vector(shifted), 1.0 - t / shifted
    if kind == POISSON_DEVIANCE:
        count = exp_vector(y)
        return count - t + t * (log_vector(maximum(SMALLEST_COUNT, t)) - y), count - t
    if kind == LOG_COSH:
        return log_cosh_vector(size), tanh_vector(d)
    if kind == ABSOLUTE_PERCENTAGE:
        percent = 100.0 / maximum(SMALLEST_TARGET, maximum(t, -t))
        return size * percent, sign * percent
    # QUANTILE: an output costs alpha times what it is too low, or 1 − alpha times what it is too high
    above = where(d > 0.0, d * 0.0 + (1.0 - alpha), where(d < 0.0, d * 0.0 - alpha, d))
    return d * above, above


@inner
def elementwise_row(dy, y, jump, width, room, goal, kind, alpha, share, scale):
    """The sum of `loss_vectors` over a row, times ``share``; its gradient is also multiplied by ``scale``."""
    total = splat(y, 0.0)
    for c in range(0, width, lanes(y)):
        at = column_at(y, jump, c)
        loss, slope = loss_vectors(read(y, at, room - c), goal_vector(goal, c, width), kind, alpha)
        inside = lane_numbers(y) < width - c
        total = total + where(inside, loss, 0.0)
        write(dy, at, where(inside, slope * (scale * share), 0.0), room - c)
    return sum_lanes(total) * share


@kernel(
    "losses[batch], dlogits[batch, classes] = "
    "logits[batch, classes] in place, labels[batch] int64 < classes, scale float"
)
def sparse_softmax_crossentropy(losses, dlogits, logits, labels, scale):
    """Softmax and cross-entropy in one, for class numbers: stable for logits of any size.

    Parameters
    ----------
    losses : ndarray, shape (batch,)
        Overwritten: −log softmax(logits)[label] of each row.
    dlogits : ndarray, shape (batch, classes)
        Overwritten: scale · (softmax(logits) − one_hot(label)).
    logits : array_like, shape (batch, classes)
    labels : array_like of int, shape (batch,)
        From 0 to classes − 1.
    scale : float
        1/batch gives the gradient of the mean loss.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> losses, dlogits = np.empty(1), np.empty((1, 2))
    >>> kernels.sparse_softmax_crossentropy(losses, dlogits, [[0.0, 0.0]], [1], 1.0)
    >>> losses.round(4).tolist(), dlogits.tolist()
    ([0.6931], [[0.5, -0.5]])
    """
    width = logits.shape[1]
    dx, x = dlogits.reshape(dlogits.size), logits.reshape(logits.size)
    for q in prange((labels.size + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(labels.size, (q + 1) * BLOCK_ROWS)):
            at = r * width
            losses[r] = sparse_softmax_crossentropy_row(
                tail(dx, at), tail(x, at), panel(x), width, width, labels[r], scale
            )


@kernel(
    "losses[batch], dlogits[batch, classes] = logits[batch, classes] in place, targets[batch, classes], scale float"
)
def softmax_crossentropy(losses, dlogits, logits, targets, scale):
    """Softmax and cross-entropy in one, for one-hot or soft targets: stable for logits of any size.

    Parameters
    ----------
    losses : ndarray, shape (batch,)
        Overwritten: −Σ_i t_i log softmax(logits)_i of each row.
    dlogits : ndarray, shape (batch, classes)
        Overwritten: scale · (softmax(logits) Σ t − t).
    logits : array_like, shape (batch, classes)
    targets : array_like, shape (batch, classes)
    scale : float
        1/batch gives the gradient of the mean loss.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> losses, dlogits = np.empty(1), np.empty((1, 2))
    >>> kernels.softmax_crossentropy(losses, dlogits, [[0.0, 0.0]], [[0.0, 1.0]], 1.0)
    >>> losses.round(4).tolist(), dlogits.tolist()
    ([0.6931], [[0.5, -0.5]])
    """
    width = logits.shape[1]
    dx, x, t = dlogits.reshape(dlogits.size), logits.reshape(logits.size), targets.reshape(targets.size)
    for q in prange((losses.size + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(losses.size, (q + 1) * BLOCK_ROWS)):
            at = r * width
            goal = Goal(tail(t, at), np.int64(0), 0.0, 0.0)
            losses[r] = softmax_crossentropy_row(tail(dx, at), tail(x, at), panel(x), width, width, goal, scale)


@kernel(
    "losses[batch], dy[batch, units] = y[batch, units] in place, targets[batch, units] in place, "
    f"kind int >= {BINARY_LOGITS} < {LOSS_CODES}, alpha float, scale float"
)
def elementwise_loss(losses, dy, y, targets, kind, alpha, scale):
    r"""A loss that is a sum over the outputs, and its gradient.

    Parameters
    ----------
    losses : ndarray, shape (batch,)
        Overwritten: the sum over the outputs of each row.
    dy : ndarray, shape (batch, units)
        Overwritten: the gradient times ``scale``.
    y, targets : array_like, shape (batch, units)
        Outputs y and targets t.
    kind : int
        Of `fastmlp.kernels.tables`. ``BINARY_LOGITS``: cross-entropy of σ(y); ``BINARY_PROBABILITIES``: cross-entropy
        of y, clipped to [1e-7, 1 − 1e-7]; ``SQUARED``: (y − t)²; ``ABSOLUTE``: \|y − t\|; ``HUBER``: (y − t)²/2 up to a
        difference of α, straight beyond; ``POISSON``: y − t log(y + 1e-7); ``QUANTILE``: α (t − y) where y is too low,
        (1 − α)(y − t) where it is too high; ``LOG_COSH``: log cosh(y − t);
        ``ABSOLUTE_PERCENTAGE``: 100 \|y − t\| / max(\|t\|, 1e-7);
        ``POISSON_DEVIANCE``: eʸ − t + t (log t − y).
    alpha : float
        α.
    scale : float

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> losses, dy = np.empty(1), np.empty((1, 2))
    >>> kernels.elementwise_loss(losses, dy, [[1.0, 2.0]], [[0.0, 4.0]], kernels.tables.SQUARED, 0.0, 1.0)
    >>> losses.tolist(), dy.tolist()
    ([5.0], [[2.0, -4.0]])
    """
    width = y.shape[1]
    dy_flat, y_flat, t = dy.reshape(dy.size), y.reshape(y.size), targets.reshape(targets.size)
    for q in prange((losses.size + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(losses.size, (q + 1) * BLOCK_ROWS)):
            at = r * width
            goal = Goal(tail(t, at), np.int64(0), 0.0, 0.0)
            losses[r] = elementwise_row(
                tail(dy_flat, at), tail(y_flat, at), panel(y_flat), width, width, goal, kind, alpha, 1.0, scale
            )
