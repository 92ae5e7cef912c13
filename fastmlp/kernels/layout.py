"""Panels: the layout in which kernels keep every matrix.

A panel has P columns, the numbers of two vectors, stored row after row. Matrix element (r, c) of a panel matrix with
room for R rows is at ``(c // P) * R * P + r * P + c % P``. The row stride is a constant, each row of a panel is two
vector loads, and no row ends in the middle of a vector. Columns that fill the last panel hold 0.
"""

import numpy as np

from .._compiling.jit import inner, kernel, prange
from .simd import lanes, load, load_bytes, load_first, panel, prefetch, store, store_first, transpose

# So many rows are gathered together, while the same columns of the next ones are prefetched: 16 ms for 60,000 rows of
# 784 float32 in random order, against 28 ms without prefetch and 31 ms with 16 rows at a time.
ROWS_IN_FLIGHT = 8
BYTES_IN_LINE = 64


@inner
def padded(width, like):
    """``width`` rounded up to whole panels."""
    return (width + panel(like) - 1) // panel(like) * panel(like)


@inner
def source_row(order, position):
    """The row number at a position of the epoch; an empty order means the rows in their own order."""
    return order[position] if order.size > 0 else position


@inner
def read(x, index, room):
    """The vector at ``index``, or only its first ``room`` lanes."""
    return load(x, index) if room >= lanes(x) else load_first(x, index, room)


@inner
def write(y, index, value, room):
    """Write the vector, or only its first ``room`` lanes; whole vectors are several times faster to read back."""
    if room >= lanes(y):
        store(y, index, value)
    else:
        store_first(y, index, value, room)


@inner
def gather_rows(panels, capacity, x, width, order, first, count):
    """Copy rows order[first : first + count] of the row-major matrix ``x`` into a panel matrix."""
    p = panel(panels)
    for r0 in range(0, count, ROWS_IN_FLIGHT):
        for c in range(0, width, p):
            for r in range(r0, min(count, r0 + ROWS_IN_FLIGHT)):
                if r + ROWS_IN_FLIGHT < count:
                    prefetch(x, source_row(order, first + r + ROWS_IN_FLIGHT) * width + c)
                source = source_row(order, first + r) * width + c
                target = c * capacity + r * p
                for v in range(0, p, lanes(panels)):
                    left = width - c - v
                    if left >= lanes(panels):
                        store(panels, target + v, load(x, source + v))
                    else:
                        store(panels, target + v, load_first(x, source + v if left > 0 else 0, left))


@inner
def gather_pixels(panels, capacity, pixels, width, order, first, count, scale):
    """Like `gather_rows` for uint8 numbers, each multiplied by ``scale``."""
    p = panel(panels)
    whole = width - width % lanes(panels)
    for r0 in range(0, count, ROWS_IN_FLIGHT):
        for c in range(0, width, p):
            for r in range(r0, min(count, r0 + ROWS_IN_FLIGHT)):
                if r + ROWS_IN_FLIGHT < count and c % BYTES_IN_LINE == 0:
                    prefetch(pixels, source_row(order, first + r + ROWS_IN_FLIGHT) * width + c)
                source = source_row(order, first + r) * width + c
                target = c * capacity + r * p
                for v in range(0, p, lanes(panels)):
                    if c + v < whole:
                        store(panels, target + v, load_bytes(pixels, source + v, panels) * scale)
                    else:
                        for i in range(v, v + lanes(panels)):
                            panels[target + i] = pixels[source + i] if c + i < width else 0.0
                        store(panels, target + v, load(panels, target + v) * scale)  # rounded as above


@inner
def scatter_rows(y, width, first, panels, capacity, count):
    """Copy ``count`` rows of a panel matrix to rows ``first`` and following of the row-major matrix ``y``."""
    p = panel(panels)
    for r in range(count):
        for c in range(0, width, lanes(panels)):
            source = c // p * capacity * p + r * p + c % p
            write(y, (first + r) * width + c, load(panels, source), width - c)


@inner
def transpose_panel(target, weights, fan_in, fan_out, k0):
    """Rows k0 to k0 + P of a weight matrix, transposed: target[n, k] = W[k0 + k, n], 0 beyond the last row.

    The backward pass needs Wᵀ as the right operand; one panel of it fits the first-level cache.
    """
    p = panel(target)
    n = lanes(target)
    for j in range(0, fan_out, p):
        source = j * fan_in + k0 * p
        if k0 + p <= fan_in:
            for a in range(0, p, n):
                for b in range(0, p, n):
                    transpose(target, (j + a) * p + b, p, weights, source + b * p + a, p)
        else:
            for a in range(p):
                for b in range(p):
                    inside = k0 + b < fan_in
                    target[(j + a) * p + b] = weights[source + b * p + a] if inside else 0.0


@inner(allocates=True)
def panels_of(matrix, rows, width):
    """A panel matrix with the numbers of a flat row-major matrix."""
    panels = np.empty(rows * padded(width, matrix), matrix.dtype)
    gather_rows(panels, rows, matrix, width, np.empty(0, np.int64), 0, rows)
    return panels


@kernel("panels[rows * -(-columns // panel_width) * panel_width] = matrix[rows, columns], panel_width int >= 1")
def pack_panels(panels, matrix, panel_width):
    """Write a row-major matrix as panels.

    Parameters
    ----------
    panels : ndarray, shape (rows * columns rounded up to whole panels,)
        Overwritten; the columns beyond the last are set to 0.
    matrix : array_like, shape (rows, columns)
    panel_width : int
        The number of columns in a panel, at least 1; `fastmlp.kernels.panel_width` is that of the other kernels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> panels = np.empty(8)
    >>> kernels.pack_panels(panels, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], 2)
    >>> panels.tolist()
    [1.0, 2.0, 4.0, 5.0, 3.0, 0.0, 6.0, 0.0]
    """
    rows, columns = matrix.shape
    for q in prange((columns + panel_width - 1) // panel_width):
        for r in range(rows):
            for i in range(panel_width):
                c = q * panel_width + i
                panels[(q * rows + r) * panel_width + i] = matrix[r, c] if c < columns else 0.0


@kernel("matrix[rows, columns] = panels[rows * -(-columns // panel_width) * panel_width], panel_width int >= 1")
def unpack_panels(matrix, panels, panel_width):
    """Write panels back as a row-major matrix: the inverse of `pack_panels`.

    Parameters
    ----------
    matrix : ndarray, shape (rows, columns)
        Overwritten.
    panels : array_like, shape (rows * columns rounded up to whole panels,)
    panel_width : int
        The number of columns in a panel, at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> matrix = np.empty((2, 3))
    >>> kernels.unpack_panels(matrix, [1.0, 2.0, 4.0, 5.0, 3.0, 0.0, 6.0, 0.0], 2)
    >>> matrix.tolist()
    [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    """
    rows, columns = matrix.shape
    for q in prange((columns + panel_width - 1) // panel_width):
        for r in range(rows):
            for c in range(q * panel_width, min(columns, (q + 1) * panel_width)):
                matrix[r, c] = panels[(q * rows + r) * panel_width + c % panel_width]
