"""Categorical cross-entropy: on probabilities, and fused with the softmax on logits.

Labels come as class numbers (``sparse_…``) or as one row of target probabilities (one-hot, or soft). The loss
of a row is −Σ_i t_i log p_i.
"""

from .._jit import block, kernel, prange
from .layout import read, write
from .math import log_vector
from .simd import lane_numbers, lanes, load_first, maximum, panel, splat, store_first, sum_lanes, where
from .softmax import column_at, exponentials_row

BLOCK_ROWS = 64
SMALLEST_PROBABILITY = 1e-7  # probabilities are clipped here, so that the logarithm stays finite


@block
def log_scalar(x, like):
    return sum_lanes(log_vector(splat(like, x))) / lanes(like)


@block
def sparse_softmax_crossentropy_row(dx, dxi, x, xi, jump, width, room, label, scale):
    """Loss of one row of logits; writes its gradient times ``scale``. ``dx`` may be ``x``.

    With p = softmax(x): loss = −log p_label = log Σ_j exp(x_j − m) + m − x_label, and
    ∂loss/∂x_i = p_i − [i = label].
    """
    logit = x[column_at(x, xi, jump, label)]
    total, largest = exponentials_row(dx, dxi, x, xi, jump, width, room)
    factor = scale / total
    for c in range(0, width, lanes(x)):
        at = column_at(dx, dxi, jump, c)
        gradient = read(dx, at, room - c) * factor
        is_label = lane_numbers(x) == label - c
        write(dx, at, where(is_label, gradient - scale, gradient), room - c)
    return log_scalar(total, x) + (largest - logit)


@block
def softmax_crossentropy_row(dx, dxi, x, xi, jump, targets, ti, width, room, scale):
    """Like `sparse_softmax_crossentropy_row` for a row of targets t: ∂loss/∂x_i = p_i Σ_j t_j − t_i.

    The targets are row-major. loss = Σ_i t_i (log Σ_j exp(x_j − m) + m − x_i).
    """
    n = lanes(x)
    weight = splat(x, 0.0)
    score = splat(x, 0.0)
    for c in range(0, width, n):
        t = read(targets, ti + c, width - c)
        weight = weight + t
        score = score + t * read(x, column_at(x, xi, jump, c), room - c)
    weight_sum, score_sum = sum_lanes(weight), sum_lanes(score)
    total, largest = exponentials_row(dx, dxi, x, xi, jump, width, room)
    factor = weight_sum / total
    for c in range(0, width, n):
        at = column_at(dx, dxi, jump, c)
        t = read(targets, ti + c, width - c)
        write(dx, at, (read(dx, at, room - c) * factor - t) * scale, room - c)
    return weight_sum * (log_scalar(total, x) + largest) - score_sum


@kernel("losses[batch], dlogits[batch, classes] = logits[batch, classes], labels[batch] int64 < classes, scale float")
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
            losses[r] = sparse_softmax_crossentropy_row(dx, at, x, at, panel(x), width, width, labels[r], scale)


@kernel("losses[batch], dlogits[batch, classes] = logits[batch, classes], targets[batch, classes], scale float")
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
            losses[r] = softmax_crossentropy_row(dx, at, x, at, panel(x), t, at, width, width, scale)


@kernel("losses[batch] = probabilities[batch, classes], targets[batch, classes]")
def categorical_crossentropy_forward(losses, probabilities, targets):
    """Cross-entropy −Σ_i t_i log p_i of each row, with p clipped below at 1e-7.

    Parameters
    ----------
    losses : ndarray, shape (batch,)
        Overwritten.
    probabilities : array_like, shape (batch, classes)
    targets : array_like, shape (batch, classes)
        One-hot, or any row of weights.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> losses = np.empty(1)
    >>> kernels.categorical_crossentropy_forward(losses, [[0.5, 0.5]], [[0.0, 1.0]])
    >>> losses.round(4).tolist()
    [0.6931]
    """
    width = targets.shape[1]
    p, t = probabilities.reshape(probabilities.size), targets.reshape(targets.size)
    for q in prange((losses.size + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(losses.size, (q + 1) * BLOCK_ROWS)):
            losses[r] = _crossentropy_row(p, t, r * width, width)


@block
def _crossentropy_row(p, t, at, width):
    total = splat(p, 0.0)
    for c in range(0, width, lanes(p)):
        clipped = maximum(SMALLEST_PROBABILITY, load_first(p, at + c, width - c))
        total = total + load_first(t, at + c, width - c) * log_vector(clipped)
    return -sum_lanes(total)


@kernel("dprobabilities[batch, classes] = probabilities[batch, classes], targets[batch, classes]")
def categorical_crossentropy_backward(dprobabilities, probabilities, targets):
    """Gradient of `categorical_crossentropy_forward`: dp_i = −t_i / p_i, with p clipped below at 1e-7.

    Parameters
    ----------
    dprobabilities : ndarray, shape (batch, classes)
        Overwritten.
    probabilities : array_like, shape (batch, classes)
    targets : array_like, shape (batch, classes)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dp = np.empty((1, 2))
    >>> kernels.categorical_crossentropy_backward(dp, [[0.5, 0.5]], [[0.0, 1.0]])
    >>> dp.tolist()
    [[-0.0, -2.0]]
    """
    width = targets.shape[1]
    dp, p, t = (
        dprobabilities.reshape(targets.size),
        probabilities.reshape(targets.size),
        targets.reshape(targets.size),
    )
    for q in prange((targets.shape[0] + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(targets.shape[0], (q + 1) * BLOCK_ROWS)):
            _crossentropy_backward_row(dp, p, t, r * width, width)


@block
def _crossentropy_backward_row(dp, p, t, at, width):
    for c in range(0, width, lanes(p)):
        clipped = maximum(SMALLEST_PROBABILITY, load_first(p, at + c, width - c))
        store_first(dp, at + c, -load_first(t, at + c, width - c) / clipped, width - c)


@kernel("losses[batch] = probabilities[batch, classes], labels[batch] int64 < classes")
def sparse_categorical_crossentropy_forward(losses, probabilities, labels):
    """Cross-entropy −log p_label of each row, with p clipped below at 1e-7.

    Parameters
    ----------
    losses : ndarray, shape (batch,)
        Overwritten.
    probabilities : array_like, shape (batch, classes)
    labels : array_like of int, shape (batch,)
        From 0 to classes − 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> losses = np.empty(1)
    >>> kernels.sparse_categorical_crossentropy_forward(losses, [[0.5, 0.5]], [1])
    >>> losses.round(4).tolist()
    [0.6931]
    """
    width = probabilities.shape[1]
    p = probabilities.reshape(probabilities.size)
    for q in prange((labels.size + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(labels.size, (q + 1) * BLOCK_ROWS)):
            losses[r] = -log_scalar(max(p[r * width + labels[r]], SMALLEST_PROBABILITY), p)


@kernel("dprobabilities[batch, classes] = probabilities[batch, classes], labels[batch] int64 < classes")
def sparse_categorical_crossentropy_backward(dprobabilities, probabilities, labels):
    """Gradient of `sparse_categorical_crossentropy_forward`: −1/p_label at the label, else 0.

    Parameters
    ----------
    dprobabilities : ndarray, shape (batch, classes)
        Overwritten.
    probabilities : array_like, shape (batch, classes)
    labels : array_like of int, shape (batch,)
        From 0 to classes − 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dp = np.empty((1, 2))
    >>> kernels.sparse_categorical_crossentropy_backward(dp, [[0.5, 0.5]], [1])
    >>> dp.tolist()
    [[0.0, -2.0]]
    """
    width = probabilities.shape[1]
    for q in prange((labels.size + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(labels.size, (q + 1) * BLOCK_ROWS)):
            for c in range(width):
                dprobabilities[r, c] = 0.0
            dprobabilities[r, labels[r]] = -1.0 / max(probabilities[r, labels[r]], SMALLEST_PROBABILITY)
