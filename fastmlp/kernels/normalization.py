"""Batch and layer normalisation: y = x̂ ⊙ weights + bias with x̂ = (x − mean) / √(variance + ε).

Batch normalisation takes mean and variance of each unit over the rows of the batch; layer normalisation takes those of
each row over its units. The ``*_columns`` functions work on panel matrices. Because the sums of a batch normalisation
need all rows, one function computes them for a panel, and another applies them to a block of rows.
"""

import numpy as np

from .._compiling.jit import inner, kernel, prange
from .layout import padded, panels_of, scatter_rows
from .simd import fma, lane_numbers, lanes, load, maximum, panel, splat, sqrt, store, sum_lanes, tail, where

BLOCK_ROWS = 64
GROUP = 32  # rows that are added before they join the sum, so that it loses no digits in a long batch

# ---------------------------------------------------------------- batch normalisation


@inner
def column_sums(x, other, v, shift, block_rows, jump, rows):
    """Σ (x − shift) and Σ (x − shift)·o over the rows, of the vector of columns at ``v``.

    o is ``other``, or x − shift if that is empty. The rows lie in blocks of ``block_rows``, ``jump`` apart. The order
    of the sums does not depend on the blocks.
    """
    p, square = panel(x), other.size == 0
    total, products = splat(x, 0.0), splat(x, 0.0)
    group, group_products = splat(x, 0.0), splat(x, 0.0)
    at, in_block = v, 0
    for r in range(rows):
        d = load(x, at) - shift
        group = group + d
        group_products = fma(d, d if square else load(other, at), group_products)
        in_block += 1
        at += p
        if in_block == block_rows:
            at, in_block = at + jump - block_rows * p, 0
        if r % GROUP == GROUP - 1:
            total, products = total + group, products + group_products
            group, group_products = splat(x, 0.0), splat(x, 0.0)
    return total + group, products + group_products


@inner
def batch_statistics_panel(means, inverses, x, block_rows, jump, rows, epsilon):
    """Compute the mean and 1 / √(variance + ε) of one panel of columns."""
    for v in range(0, panel(x), lanes(x)):
        total, _ = column_sums(x, x[:0], v, splat(x, 0.0), block_rows, jump, rows)
        mean = total / rows
        rest, squares = column_sums(x, x[:0], v, mean, block_rows, jump, rows)
        variance = (squares - rest * rest / rows) / rows  # rest: the rounding error of the mean
        store(means, v, mean)
        store(inverses, v, 1.0 / sqrt(variance + epsilon))


@inner
def update_running_panel(running_means, running_variances, means, inverses, momentum, epsilon):
    """running ← momentum · running + (1 − momentum) · the batch's mean and variance."""
    for v in range(0, panel(means), lanes(means)):
        inverse = load(inverses, v)
        variance = maximum(0.0, 1.0 / (inverse * inverse) - epsilon)
        store(running_means, v, load(running_means, v) * momentum + load(means, v) * (1.0 - momentum))
        store(running_variances, v, load(running_variances, v) * momentum + variance * (1.0 - momentum))


@inner
def batch_norm_forward_columns(y, x, capacity, w, b, means, inverses, rows, width):
    """y = (x − mean) · inverse · weights + bias, for a block of rows."""
    p = panel(y)
    for c in range(0, width, lanes(y)):
        at = c // p * p * capacity + c % p
        mean, bias = load(means, c), load(b, c)
        scale = load(inverses, c) * load(w, c)
        for r in range(rows):
            store(y, at + r * p, fma(load(x, at + r * p) - mean, scale, bias))


@inner
def normalize_columns(y, x, capacity, w, b, means, variances, epsilon, rows, width):
    """The same with given variances; an empty ``w`` means no weights and bias, empty ``means`` a centred x."""
    p = panel(y)
    for c in range(0, width, lanes(y)):
        at = c // p * p * capacity + c % p
        scale = fixed_scale(variances, w, c, epsilon)
        mean, bias = splat(y, 0.0), splat(y, 0.0)
        if means.size > 0:
            mean = load(means, c)
        if w.size > 0:
            bias = load(b, c)
        for r in range(rows):
            store(y, at + r * p, fma(load(x, at + r * p) - mean, scale, bias))


@inner
def fixed_scale(variances, w, c, epsilon):
    scale = 1.0 / sqrt(load(variances, c) + epsilon)
    if w.size > 0:
        scale = scale * load(w, c)
    return scale


@inner
def batch_norm_gradients_panel(dw, db, dy, x, means, inverses, block_rows, jump, rows):
    """dweights = Σ dy·x̂ and dbias = Σ dy over the batch, of one panel."""
    for v in range(0, panel(dw), lanes(dw)):
        # Σ dy (x − mean) = Σ (x − mean) dy
        _, products = column_sums(x, dy, v, load(means, v), block_rows, jump, rows)
        total, _ = column_sums(dy, dy[:0], v, splat(dy, 0.0), block_rows, jump, rows)
        store(dw, v, products * load(inverses, v))
        store(db, v, total)


@inner
def batch_norm_backward_columns(dx, dy, x, capacity, w, dw, db, means, inverses, batch, rows, width):
    """dx = weights · inverse · (dy − mean(dy) − x̂ · mean(dy·x̂)), the means over the batch.

    From y = w x̂ + b, x̂ = (x − m) s with s = (v + ε)^(−½): each x_r changes its own x̂ by s, and all of them
    through m (∂m/∂x_r = 1/n) and v (∂v/∂x_r = 2 (x_r − m)/n, ∂s/∂v = −s³/2).
    """
    p = panel(dx)
    for c in range(0, width, lanes(dx)):
        at = c // p * p * capacity + c % p
        mean, inverse = load(means, c), load(inverses, c)
        scale = load(w, c) * inverse
        of_dy, of_product = load(db, c) / batch, load(dw, c) * inverse / batch
        for r in range(rows):
            here = at + r * p
            centred = load(x, here) - mean
            store(dx, here, (load(dy, here) - of_dy - centred * of_product) * scale)


@inner
def scale_columns(dx, dy, capacity, w, variances, epsilon, rows, width):
    """Gradient of `normalize_columns`."""
    p = panel(dx)
    for c in range(0, width, lanes(dx)):
        at = c // p * p * capacity + c % p
        scale = fixed_scale(variances, w, c, epsilon)
        for r in range(rows):
            store(dx, at + r * p, load(dy, at + r * p) * scale)


# ---------------------------------------------------------------- layer normalisation


@inner
def row_moments(x, jump, width):
    """Mean and variance of a row of a panel matrix, whose panels are ``jump`` apart."""
    n, p = lanes(x), panel(x)
    total = splat(x, 0.0)
    for c in range(0, width, n):
        total = total + load(x, c // p * jump + c % p)  # 0 beyond the width
    mean = sum_lanes(total) / width
    squares = splat(x, 0.0)
    for c in range(0, width, n):
        d = load(x, c // p * jump + c % p) - mean
        d = where(lane_numbers(x) < width - c, d, 0.0)
        squares = fma(d, d, squares)
    return mean, sum_lanes(squares) / width


@inner
def layer_norm_forward_row(y, hat, x, jump, w, b, epsilon, width):
    n, p = lanes(y), panel(y)
    mean, variance = row_moments(x, jump, width)
    inverse = 1.0 / np.sqrt(variance + epsilon)
    for c in range(0, padded(width, y), n):
        at = c // p * jump + c % p
        standard = where(lane_numbers(x) < width - c, (load(x, at) - mean) * inverse, 0.0)
        store(hat, at, standard)
        store(y, at, fma(standard, load(w, c), load(b, c)))


@inner
def layer_norm_backward_row(dx, dy, hat, x, jump, w, epsilon, width):
    """dx = inverse · (g − mean(g) − x̂ · mean(g·x̂)) with g = dy·weights, the means over the row."""
    n, p = lanes(dx), panel(dx)
    _, variance = row_moments(x, jump, width)
    inverse = 1.0 / np.sqrt(variance + epsilon)
    total, products = splat(dx, 0.0), splat(dx, 0.0)
    for c in range(0, width, n):
        at = c // p * jump + c % p
        g = load(dy, at) * load(w, c)
        total = total + g
        products = fma(g, load(hat, at), products)
    of_g, of_product = sum_lanes(total) / width, sum_lanes(products) / width
    for c in range(0, width, n):
        at = c // p * jump + c % p
        g = load(dy, at) * load(w, c)
        d = (g - of_g - load(hat, at) * of_product) * inverse
        store(dx, at, where(lane_numbers(dx) < width - c, d, 0.0))


@inner
def sum_products(c, resume, a, b, jump, inner, total):
    """C[P] = Σ a·b over the rows of one panel of each, in the layout of `matmul.sum_rows`."""
    n = lanes(c)
    for v in range(0, panel(c), n):
        total_v = splat(c, 0.0)
        if resume:
            total_v = load(c, v)
        start, left = v, total
        while left > 0:
            for r in range(min(inner, left)):
                at = start + r * panel(c)
                total_v = fma(load(a, at), load(b, at), total_v)
            start += jump
            left -= inner
        store(c, v, total_v)


# ---------------------------------------------------------------- public kernels


@kernel(
    "y[batch, units], means[units], inverses[units] = "
    "x[batch, units] in place, weights[units], bias[units], epsilon float"
)
def batch_norm_forward(y, means, inverses, x, weights, bias, epsilon):
    """Batch normalisation with the batch's own statistics: y = (x − mean) / √(variance + ε) · weights + bias.

    Parameters
    ----------
    y : ndarray, shape (batch, units)
        Overwritten.
    means, inverses : ndarray, shape (units,)
        Overwritten: mean and 1 / √(variance + ε) of each unit over the batch (variance with divisor batch).
    x : array_like, shape (batch, units)
    weights, bias : array_like, shape (units,)
        γ and β.
    epsilon : float

    References
    ----------
    Ioffe and Szegedy, "Batch normalization", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y, means, inverses = np.empty((2, 1)), np.empty(1), np.empty(1)
    >>> kernels.batch_norm_forward(y, means, inverses, [[1.0], [3.0]], [1.0], [0.0], 0.0)
    >>> y.tolist(), means.tolist()
    ([[-1.0], [1.0]], [2.0])
    """
    batch, units = x.shape
    p = panel(means)
    x_panels, w, b = panels_of(x.reshape(x.size), batch, units), panels_of(weights, 1, units), panels_of(bias, 1, units)
    y_panels, m, inv = np.empty(x_panels.size, y.dtype), np.empty(w.size, y.dtype), np.empty(w.size, y.dtype)
    for q in prange((units + p - 1) // p):
        at, c = q * p * batch, q * p
        of = tail(x_panels, at)
        batch_statistics_panel(tail(m, c), tail(inv, c), of, batch, 0, batch, epsilon)
        batch_norm_forward_columns(
            tail(y_panels, at), of, batch, tail(w, c), tail(b, c), tail(m, c), tail(inv, c), batch, p
        )
    scatter_rows(y.reshape(y.size), units, 0, y_panels, batch, batch)
    scatter_rows(means, units, 0, m, 1, 1)
    scatter_rows(inverses, units, 0, inv, 1, 1)


@kernel(
    "dx[batch, units], dweights[units], dbias[units] = "
    "dy[batch, units] in place, x[batch, units] in place, means[units], inverses[units], weights[units]"
)
def batch_norm_backward(dx, dweights, dbias, dy, x, means, inverses, weights):
    """Gradients of `batch_norm_forward` with respect to its input, weights and bias.

    Parameters
    ----------
    dx : ndarray, shape (batch, units)
        Overwritten.
    dweights, dbias : ndarray, shape (units,)
        Overwritten.
    dy, x : array_like, shape (batch, units)
    means, inverses : array_like, shape (units,)
        The outputs of `batch_norm_forward`.
    weights : array_like, shape (units,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dx, dweights, dbias = np.empty((2, 1)), np.empty(1), np.empty(1)
    >>> kernels.batch_norm_backward(dx, dweights, dbias, [[1.0], [1.0]], [[1.0], [3.0]], [2.0], [1.0], [1.0])
    >>> dx.tolist(), dbias.tolist()  # a shift of the whole batch changes nothing
    ([[0.0], [0.0]], [2.0])
    """
    batch, units = x.shape
    p = panel(means)
    x_panels, dy_panels = panels_of(x.reshape(x.size), batch, units), panels_of(dy.reshape(dy.size), batch, units)
    w, m, inv = panels_of(weights, 1, units), panels_of(means, 1, units), panels_of(inverses, 1, units)
    dw, db = np.empty(w.size, dx.dtype), np.empty(w.size, dx.dtype)
    for q in prange((units + p - 1) // p):
        at, c = q * p * batch, q * p
        dx_panel, of, mean, inverse = tail(dy_panels, at), tail(x_panels, at), tail(m, c), tail(inv, c)
        batch_norm_gradients_panel(tail(dw, c), tail(db, c), dx_panel, of, mean, inverse, batch, 0, batch)
        batch_norm_backward_columns(
            dx_panel, dx_panel, of, batch, tail(w, c), tail(dw, c), tail(db, c), mean, inverse, batch, batch, p
        )
    scatter_rows(dx.reshape(dx.size), units, 0, dy_panels, batch, batch)
    scatter_rows(dweights, units, 0, dw, 1, 1)
    scatter_rows(dbias, units, 0, db, 1, 1)


@kernel(
    "y[batch, units] = x[batch, units] in place, means[units], variances[units], weights[units], bias[units], "
    "epsilon float"
)
def normalize(y, x, means, variances, weights, bias, epsilon):
    """Normalisation with given statistics: y = (x − mean) / √(variance + ε) · weights + bias.

    Parameters
    ----------
    y : ndarray, shape (batch, units)
        Overwritten.
    x : array_like, shape (batch, units)
    means, variances, weights, bias : array_like, shape (units,)
    epsilon : float

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty((1, 2))
    >>> kernels.normalize(y, [[3.0, 5.0]], [1.0, 1.0], [1.0, 4.0], [1.0, 1.0], [0.0, 0.0], 0.0)
    >>> y.tolist()
    [[2.0, 2.0]]
    """
    batch, units = x.shape
    p = panel(means)
    x_panels, w, b = panels_of(x.reshape(x.size), batch, units), panels_of(weights, 1, units), panels_of(bias, 1, units)
    m, v = panels_of(means, 1, units), panels_of(variances, 1, units)
    for q in prange((units + p - 1) // p):
        at, c = q * p * batch, q * p
        of = tail(x_panels, at)
        normalize_columns(of, of, batch, tail(w, c), tail(b, c), tail(m, c), tail(v, c), epsilon, batch, p)
    scatter_rows(y.reshape(y.size), units, 0, x_panels, batch, batch)


@kernel(
    "y[batch, units], standard[batch, units] = x[batch, units] in place, weights[units], bias[units], epsilon float"
)
def layer_norm_forward(y, standard, x, weights, bias, epsilon):
    """Layer normalisation, row by row: y = (x − mean) / √(variance + ε) · weights + bias.

    Parameters
    ----------
    y, standard : ndarray, shape (batch, units)
        Overwritten; ``standard`` is y before weights and bias.
    x : array_like, shape (batch, units)
    weights, bias : array_like, shape (units,)
        γ and β.
    epsilon : float

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y, standard = np.empty((1, 2)), np.empty((1, 2))
    >>> kernels.layer_norm_forward(y, standard, [[1.0, 3.0]], [1.0, 2.0], [0.0, 0.0], 0.0)
    >>> y.tolist()
    [[-1.0, 2.0]]
    """
    batch, units = x.shape
    p = panel(weights)
    x_panels, w, b = panels_of(x.reshape(x.size), batch, units), panels_of(weights, 1, units), panels_of(bias, 1, units)
    y_panels, hats = np.empty(x_panels.size, y.dtype), np.empty(x_panels.size, y.dtype)
    for q in prange((batch + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(batch, (q + 1) * BLOCK_ROWS)):
            at = r * p
            layer_norm_forward_row(
                tail(y_panels, at), tail(hats, at), tail(x_panels, at), batch * p, w, b, epsilon, units
            )
    scatter_rows(y.reshape(y.size), units, 0, y_panels, batch, batch)
    scatter_rows(standard.reshape(y.size), units, 0, hats, batch, batch)


@kernel(
    "dx[batch, units], dweights[units], dbias[units] = "
    "dy[batch, units] in place, standard[batch, units] in place, x[batch, units] in place, weights[units], "
    "epsilon float"
)
def layer_norm_backward(dx, dweights, dbias, dy, standard, x, weights, epsilon):
    """Gradients of `layer_norm_forward` with respect to its input, weights and bias.

    Parameters
    ----------
    dx : ndarray, shape (batch, units)
        Overwritten.
    dweights, dbias : ndarray, shape (units,)
        Overwritten.
    dy, standard, x : array_like, shape (batch, units)
        ``standard`` is the output of `layer_norm_forward`.
    weights : array_like, shape (units,)
    epsilon : float

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dx, dweights, dbias = np.empty((1, 2)), np.empty(2), np.empty(2)
    >>> x, standard = [[1.0, 3.0]], [[-1.0, 1.0]]
    >>> kernels.layer_norm_backward(dx, dweights, dbias, [[1.0, 1.0]], standard, x, [1.0, 1.0], 0.0)
    >>> dx.tolist(), dweights.tolist()  # a shift of the whole row changes nothing
    ([[0.0, 0.0]], [-1.0, 1.0])
    """
    batch, units = x.shape
    p = panel(weights)
    x_panels, dy_panels = panels_of(x.reshape(x.size), batch, units), panels_of(dy.reshape(dy.size), batch, units)
    hats, w = panels_of(standard.reshape(x.size), batch, units), panels_of(weights, 1, units)
    dx_panels, dw, db = np.empty(x_panels.size, dx.dtype), np.empty(w.size, dx.dtype), np.empty(w.size, dx.dtype)
    ones = np.ones(x_panels.size, dx.dtype)
    for q in prange((batch + BLOCK_ROWS - 1) // BLOCK_ROWS):
        for r in range(q * BLOCK_ROWS, min(batch, (q + 1) * BLOCK_ROWS)):
            at = r * p
            layer_norm_backward_row(
                tail(dx_panels, at),
                tail(dy_panels, at),
                tail(hats, at),
                tail(x_panels, at),
                batch * p,
                w,
                epsilon,
                units,
            )
    for c in range(0, w.size, p):
        of = tail(dy_panels, c * batch)
        sum_products(tail(dw, c), False, of, tail(hats, c * batch), 0, batch, batch)
        sum_products(tail(db, c), False, of, tail(ones, c * batch), 0, batch, batch)
    scatter_rows(dx.reshape(dx.size), units, 0, dx_panels, batch, batch)
    scatter_rows(dweights, units, 0, dw, 1, 1)
    scatter_rows(dbias, units, 0, db, 1, 1)
