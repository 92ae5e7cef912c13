"""Batch and layer normalisation: y = x̂ ⊙ weights + bias with x̂ = (x − mean) / √(variance + ε).

The two differ in what mean and variance are taken over: the rows of the batch, for each unit; or the units, for each
row. The ``*_columns`` functions work on panel matrices. For a batch normalisation, whose sums need all rows, one
function makes them for a panel, and another applies them to a block of rows.
"""

import numpy as np

from .._compiling.jit import block, kernel, prange
from .layout import padded, panels_of, scatter_rows
from .simd import fma, lane_numbers, lanes, load, maximum, panel, splat, sqrt, store, sum_lanes, where

BLOCK_ROWS = 64
GROUP = 32  # rows that are added up before they join the sum: so it loses no digits in a long batch

# ---------------------------------------------------------------- batch normalisation


@block
def column_sums(x, xi, other, oi, shift, block_rows, jump, rows):
    """Σ (x − shift) and Σ (x − shift)·o over the rows, of one vector of columns; o is ``other``, or x − shift.

    The rows lie in blocks of ``block_rows``, ``jump`` apart. The order of the sums does not depend on the blocks.
    """
    p, square = panel(x), oi < 0
    total, products = splat(x, 0.0), splat(x, 0.0)
    group, group_products = splat(x, 0.0), splat(x, 0.0)
    at, of, in_block = xi, oi, 0
    for r in range(rows):
        d = load(x, at) - shift
        group = group + d
        group_products = fma(d, d if square else load(other, of), group_products)
        in_block += 1
        at, of = at + p, of + p
        if in_block == block_rows:
            at, of, in_block = at + jump - block_rows * p, of + jump - block_rows * p, 0
        if r % GROUP == GROUP - 1:
            total, products = total + group, products + group_products
            group, group_products = splat(x, 0.0), splat(x, 0.0)
    return total + group, products + group_products


@block
def batch_statistics_panel(means, mi, inverses, ii, x, xi, block_rows, jump, rows, epsilon):
    """Mean, and 1 / √(variance + ε), of one panel of columns."""
    for v in range(0, panel(x), lanes(x)):
        total, _ = column_sums(x, xi + v, x, -1, splat(x, 0.0), block_rows, jump, rows)
        mean = total / rows
        rest, squares = column_sums(x, xi + v, x, -1, mean, block_rows, jump, rows)
        variance = (squares - rest * rest / rows) / rows  # rest: what the rounding of the mean left
        store(means, mi + v, mean)
        store(inverses, ii + v, 1.0 / sqrt(variance + epsilon))


@block
def update_running_panel(running, mean_at, variance_at, means, mi, inverses, ii, momentum, epsilon):
    """running ← momentum · running + (1 − momentum) · the batch's mean and variance."""
    for v in range(0, panel(running), lanes(running)):
        inverse = load(inverses, ii + v)
        variance = maximum(0.0, 1.0 / (inverse * inverse) - epsilon)
        mean = load(running, mean_at + v) * momentum + load(means, mi + v) * (1.0 - momentum)
        store(running, mean_at + v, mean)
        store(running, variance_at + v, load(running, variance_at + v) * momentum + variance * (1.0 - momentum))


@block
def batch_norm_forward_columns(y, yi, x, xi, capacity, w, wi, b, bi, means, mi, inverses, ii, rows, width):
    """y = (x − mean) · inverse · weights + bias, for a block of rows."""
    p = panel(y)
    for c in range(0, width, lanes(y)):
        at = c // p * p * capacity + c % p
        mean, bias = load(means, mi + c), load(b, bi + c)
        scale = load(inverses, ii + c) * load(w, wi + c)
        for r in range(rows):
            store(y, yi + at + r * p, fma(load(x, xi + at + r * p) - mean, scale, bias))


@block
def normalize_columns(y, yi, x, xi, capacity, w, wi, b, bi, means, mi, variances, vi, epsilon, rows, width):
    """The same with a given variance; without weights and bias if ``wi`` is -1, and for x − mean if ``mi`` is."""
    p = panel(y)
    for c in range(0, width, lanes(y)):
        at = c // p * p * capacity + c % p
        scale = fixed_scale(variances, vi + c, w, wi + c if wi >= 0 else -1, epsilon)
        mean, bias = splat(y, 0.0), splat(y, 0.0)
        if mi >= 0:
            mean = load(means, mi + c)
        if wi >= 0:
            bias = load(b, bi + c)
        for r in range(rows):
            store(y, yi + at + r * p, fma(load(x, xi + at + r * p) - mean, scale, bias))


@block
def fixed_scale(variances, vi, w, wi, epsilon):
    scale = 1.0 / sqrt(load(variances, vi) + epsilon)
    if wi >= 0:
        scale = scale * load(w, wi)
    return scale


@block
def batch_norm_gradients_panel(dw, dwi, db, dbi, dy, dyi, x, xi, means, mi, inverses, ii, block_rows, jump, rows):
    """dweights = Σ dy·x̂ and dbias = Σ dy over the batch, of one panel."""
    for v in range(0, panel(dw), lanes(dw)):
        mean, inverse = load(means, mi + v), load(inverses, ii + v)
        # Σ dy (x − mean) = Σ (x − mean) dy
        _, products = column_sums(x, xi + v, dy, dyi + v, mean, block_rows, jump, rows)
        total, _ = column_sums(dy, dyi + v, dy, -1, splat(dy, 0.0), block_rows, jump, rows)
        store(dw, dwi + v, products * inverse)
        store(db, dbi + v, total)


@block
def batch_norm_backward_columns(
    dx, dxi, dy, dyi, x, xi, capacity, w, wi, dw, dwi, db, dbi, means, mi, inverses, ii, batch, rows, width
):
    """dx = weights · inverse · (dy − mean(dy) − x̂ · mean(dy·x̂)), the means over the batch.

    From y = w x̂ + b, x̂ = (x − m) s with s = (v + ε)^(−½): each x_r changes its own x̂ by s, and all of them
    through m (∂m/∂x_r = 1/n) and v (∂v/∂x_r = 2 (x_r − m)/n, ∂s/∂v = −s³/2).
    """
    p = panel(dx)
    for c in range(0, width, lanes(dx)):
        at = c // p * p * capacity + c % p
        mean, inverse = load(means, mi + c), load(inverses, ii + c)
        scale = load(w, wi + c) * inverse
        of_dy, of_product = load(db, dbi + c) / batch, load(dw, dwi + c) * inverse / batch
        for r in range(rows):
            here = at + r * p
            centred = load(x, xi + here) - mean
            store(dx, dxi + here, (load(dy, dyi + here) - of_dy - centred * of_product) * scale)


@block
def scale_columns(dx, dxi, dy, dyi, capacity, w, wi, variances, vi, epsilon, rows, width):
    """Gradient of `normalize_columns`."""
    p = panel(dx)
    for c in range(0, width, lanes(dx)):
        at = c // p * p * capacity + c % p
        scale = fixed_scale(variances, vi + c, w, wi + c if wi >= 0 else -1, epsilon)
        for r in range(rows):
            store(dx, dxi + at + r * p, load(dy, dyi + at + r * p) * scale)


# ---------------------------------------------------------------- layer normalisation


@block
def row_moments(x, xi, jump, width):
    """Mean and variance of a row of a panel matrix, whose panels are ``jump`` apart."""
    n, p = lanes(x), panel(x)
    total = splat(x, 0.0)
    for c in range(0, width, n):
        total = total + load(x, xi + c // p * jump + c % p)  # 0 beyond the width
    mean = sum_lanes(total) / width
    squares = splat(x, 0.0)
    for c in range(0, width, n):
        d = load(x, xi + c // p * jump + c % p) - mean
        d = where(lane_numbers(x) < width - c, d, 0.0)
        squares = fma(d, d, squares)
    return mean, sum_lanes(squares) / width


@block
def layer_norm_forward_row(y, yi, hat, hi, x, xi, jump, w, wi, b, bi, epsilon, width):
    n, p = lanes(y), panel(y)
    mean, variance = row_moments(x, xi, jump, width)
    inverse = 1.0 / np.sqrt(variance + epsilon)
    for c in range(0, padded(width, y), n):
        at = c // p * jump + c % p
        standard = where(lane_numbers(x) < width - c, (load(x, xi + at) - mean) * inverse, 0.0)
        store(hat, hi + at, standard)
        store(y, yi + at, fma(standard, load(w, wi + c), load(b, bi + c)))


@block
def layer_norm_backward_row(dx, dxi, dy, dyi, hat, hi, x, xi, jump, w, wi, epsilon, width):
    """dx = inverse · (g − mean(g) − x̂ · mean(g·x̂)) with g = dy·weights, the means over the row."""
    n, p = lanes(dx), panel(dx)
    _, variance = row_moments(x, xi, jump, width)
    inverse = 1.0 / np.sqrt(variance + epsilon)
    total, products = splat(dx, 0.0), splat(dx, 0.0)
    for c in range(0, width, n):
        at = c // p * jump + c % p
        g = load(dy, dyi + at) * load(w, wi + c)
        total = total + g
        products = fma(g, load(hat, hi + at), products)
    of_g, of_product = sum_lanes(total) / width, sum_lanes(products) / width
    for c in range(0, width, n):
        at = c // p * jump + c % p
        g = load(dy, dyi + at) * load(w, wi + c)
        d = (g - of_g - load(hat, hi + at) * of_product) * inverse
        store(dx, dxi + at, where(lane_numbers(dx) < width - c, d, 0.0))


@block
def sum_products(c, ci, resume, a, ai, b, bi, jump, inner, total):
    """C[P] = Σ a·b over the rows of one panel of each, laid out as in `matmul.sum_rows`."""
    n = lanes(c)
    for v in range(0, panel(c), n):
        total_v = splat(c, 0.0)
        if resume:
            total_v = load(c, ci + v)
        start, left = v, total
        while left > 0:
            for r in range(min(inner, left)):
                at = start + r * panel(c)
                total_v = fma(load(a, ai + at), load(b, bi + at), total_v)
            start += jump
            left -= inner
        store(c, ci + v, total_v)


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
        batch_statistics_panel(m, c, inv, c, x_panels, at, batch, 0, batch, epsilon)
        batch_norm_forward_columns(y_panels, at, x_panels, at, batch, w, c, b, c, m, c, inv, c, batch, p)
    scatter_rows(y.reshape(y.size), units, 0, y_panels, 0, batch, batch)
    scatter_rows(means, units, 0, m, 0, 1, 1)
    scatter_rows(inverses, units, 0, inv, 0, 1, 1)


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
        What `batch_norm_forward` wrote.
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
        batch_norm_gradients_panel(dw, c, db, c, dy_panels, at, x_panels, at, m, c, inv, c, batch, 0, batch)
        batch_norm_backward_columns(
            dy_panels, at, dy_panels, at, x_panels, at, batch, w, c, dw, c, db, c, m, c, inv, c, batch, batch, p
        )
    scatter_rows(dx.reshape(dx.size), units, 0, dy_panels, 0, batch, batch)
    scatter_rows(dweights, units, 0, dw, 0, 1, 1)
    scatter_rows(dbias, units, 0, db, 0, 1, 1)


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
        normalize_columns(x_panels, at, x_panels, at, batch, w, c, b, c, m, c, v, c, epsilon, batch, p)
    scatter_rows(y.reshape(y.size), units, 0, x_panels, 0, batch, batch)


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
            layer_norm_forward_row(y_panels, at, hats, at, x_panels, at, batch * p, w, 0, b, 0, epsilon, units)
    scatter_rows(y.reshape(y.size), units, 0, y_panels, 0, batch, batch)
    scatter_rows(standard.reshape(y.size), units, 0, hats, 0, batch, batch)


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
        ``standard`` is what `layer_norm_forward` wrote.
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
                dx_panels, at, dy_panels, at, hats, at, x_panels, at, batch * p, w, 0, epsilon, units
            )
    for c in range(0, w.size, p):
        sum_products(dw, c, False, dy_panels, c * batch, hats, c * batch, 0, batch, batch)
        sum_products(db, c, False, dy_panels, c * batch, ones, c * batch, 0, batch, batch)
    scatter_rows(dx.reshape(dx.size), units, 0, dx_panels, 0, batch, batch)
    scatter_rows(dweights, units, 0, dw, 0, 1, 1)
    scatter_rows(dbias, units, 0, db, 0, 1, 1)
