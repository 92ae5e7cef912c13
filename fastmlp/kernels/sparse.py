"""The dense layer y = x·W + b and its gradient for an x that is mostly zeros.

The zeros of x are skipped: fma(0, w, sum) is the sum itself, so y and dW have the bits that the dense products have
for finite weights. (One exception: where products underflow, a sum of 0 can have the other sign.)

A block of rows is held as pairs of a column and a value: row after row for y, and column after column for dW. The rows
are divided into pieces of columns, so that a piece of W stays in the first-level cache while all rows use it.
"""

from typing import Any, NamedTuple

import numpy as np

from .._compiling.jit import inner, kernel, prange
from .dense import BLOCK_ROWS
from .layout import BYTES_IN_LINE, padded, panels_of, read, scatter_rows, source_row
from .simd import (
    add_row,
    lanes,
    load,
    load_bytes,
    load_tile,
    pack_nonzero,
    panel,
    prefetch,
    rank1,
    splat,
    store,
    store_tile,
    tail,
    whole_numbers,
    zero_tile,
)

WIDE = 4  # panels of y or dW that are computed together: enough independent sums for the arithmetic units
ROWS_AHEAD = 2  # how far ahead rows are prefetched


class Pairs(NamedTuple):
    """The pairs of a block of rows, row after row; each row is in ``pieces`` pieces of ``piece`` columns.

    Those of row r and piece s begin at starts[r * pieces + s]; the next start is their end.
    """

    values: Any
    columns: Any
    starts: Any
    piece: Any
    pieces: Any


class Columns(NamedTuple):
    """The same pairs, column after column; those of column k begin at starts[k], and the next start is their end."""

    values: Any
    rows: Any
    starts: Any


@inner
def pairs_of(block, plan, width):
    """The places for the pairs of a block in its workspace."""
    pieces = (width + plan.piece - 1) // plan.piece
    columns, starts = whole_numbers(tail(block, plan.pair_columns)), whole_numbers(tail(block, plan.pair_starts))
    return Pairs(tail(block, plan.pair_values), columns, starts, plan.piece, pieces)


@inner
def columns_of(block, plan):
    """The places for the pairs of a block in the order of columns."""
    rows, starts = whole_numbers(tail(block, plan.sorted_rows)), whole_numbers(tail(block, plan.sorted_starts))
    return Columns(tail(block, plan.sorted_values), rows, starts)


@inner
def span_at(starts, k):
    """The places from one start to the next."""
    return np.int64(starts[k]), np.int64(starts[k + 1])


# ---------------------------------------------------------------- gathering


@inner
def gather_pairs(pairs, x, width, order, first, count):
    """Find the numbers of rows order[first : first + count] of the row-major matrix ``x`` that are not 0."""
    n, p = np.int64(0), lanes(x)
    for r in range(count):
        source, ahead = source_row(order, first + r) * width, row_ahead(order, first, r, count) * width
        for s in range(pairs.pieces):
            pairs.starts[r * pairs.pieces + s] = n
            for c in range(s * pairs.piece, min(width, (s + 1) * pairs.piece), p):
                prefetch(x, ahead + c)
                n += pack_nonzero(pairs.values, pairs.columns, n, read(x, source + c, width - c), c)
    pairs.starts[count * pairs.pieces] = n


@inner
def row_ahead(order, first, r, count):
    return source_row(order, first + min(count - 1, r + ROWS_AHEAD))


@inner
def gather_pairs_of_pixels(pairs, pixels, width, order, first, count, scale):
    """Like `gather_pairs` for uint8 numbers, each multiplied by ``scale``."""
    n, p = np.int64(0), lanes(pairs.values)
    for r in range(count):
        source, ahead = source_row(order, first + r) * width, row_ahead(order, first, r, count) * width
        for s in range(pairs.pieces):
            pairs.starts[r * pairs.pieces + s] = n
            for c in range(s * pairs.piece, min(width, (s + 1) * pairs.piece), p):
                if c % BYTES_IN_LINE == 0:
                    prefetch(pixels, ahead + c)
                if c + p <= width:
                    vector = load_bytes(pixels, source + c, pairs.values) * scale
                    n += pack_nonzero(pairs.values, pairs.columns, n, vector, c)
                else:
                    n += last_pixels(pairs, n, pixels, source, c, width, scale)
    pairs.starts[count * pairs.pieces] = n


@inner
def last_pixels(pairs, start, pixels, source, first, width, scale):
    """Pack the pixels at the end of a row, which are less than a vector."""
    n = start
    for c in range(first, width):
        if pixels[source + c] != 0:
            pairs.columns[n], pairs.values[n] = c, pixels[source + c]
            n += 1
    store(pairs.values, start, load(pairs.values, start) * scale)  # rounded as in a vector
    return n - start


@inner
def copy_pairs(pairs, given, order, first, count):
    """Copy rows order[first : first + count] of sparse rows."""
    n = np.int64(0)
    for r in range(count):
        row, piece = source_row(order, first + r), np.int64(0)
        pairs.starts[r * pairs.pieces] = n
        for i in range(given.starts[row], given.starts[row + 1]):
            while given.columns[i] >= (piece + 1) * pairs.piece:
                piece += 1
                pairs.starts[r * pairs.pieces + piece] = n
            pairs.columns[n], pairs.values[n] = given.columns[i], given.values[i]
            n += 1
        for s in range(piece + 1, pairs.pieces):
            pairs.starts[r * pairs.pieces + s] = n
    pairs.starts[count * pairs.pieces] = n


@inner
def spread_rows(panels, capacity, given, width, order, first, count):
    """Copy rows order[first : first + count] of sparse rows into a panel matrix."""
    p = panel(panels)
    for c in range(0, width, p):
        for i in range(count * p):
            panels[c * capacity + i] = 0.0
    for r in range(count):
        row = source_row(order, first + r)
        for i in range(given.starts[row], given.starts[row + 1]):
            c = np.int64(given.columns[i])
            panels[c // p * p * capacity + r * p + c % p] = given.values[i]


@inner
def sort_by_columns(to, pairs, count, width):
    """Sort the pairs of a block by columns, by counting; the rows of a column stay in order."""
    for k in range(width + 2):
        to.starts[k] = 0
    total = np.int64(pairs.starts[count * pairs.pieces])
    for i in range(total):
        to.starts[pairs.columns[i] + 2] += 1
    for k in range(2, width + 2):
        to.starts[k] += to.starts[k - 1]
    for r in range(count):  # starts[k + 1] moves from the start of column k to its end
        for i in range(pairs.starts[r * pairs.pieces], pairs.starts[(r + 1) * pairs.pieces]):
            k = pairs.columns[i] + 1
            place = np.int64(to.starts[k])
            to.starts[k] = place + 1
            to.rows[place], to.values[place] = r, pairs.values[i]


# ---------------------------------------------------------------- products


@inner(literal=True)
def pairs_tile(panels, y, y_jump, resume, bias, bias_index, pairs, begin, end, w, w_jump):
    """A row of neighbouring panels of y = x·W + b, from pairs begin to end; ``panels`` is a literal."""
    p = panel(y)
    tile = zero_tile(1, panels, y)
    if resume:
        tile = load_tile(1, panels, y, 0, p, y_jump)
    for i in range(begin, end):
        tile = rank1(tile, pairs.values, i, 0, w, np.int64(pairs.columns[i]) * p, w_jump)
    if bias_index >= 0:
        tile = add_row(tile, bias, bias_index)
    store_tile(tile, y, 0, p, y_jump)


@inner
def multiply_pairs(y, capacity, bias, pairs, weights, rows, fan_in, fan_out):
    """y = x·W + b for a block of rows of x in pairs; an empty bias means no bias."""
    p, last = panel(y), pairs.pieces - 1
    y_jump, w_jump = capacity * p, fan_in * p
    j = 0
    while j < fan_out:
        together = WIDE if j + (WIDE - 1) * p < fan_out else 1
        for s in range(pairs.pieces):
            bias_index = j if s == last and bias.size > 0 else -1
            for r in range(rows):
                begin, end = span_at(pairs.starts, r * pairs.pieces + s)
                if begin == end and s > 0 and bias_index < 0:
                    continue
                to, w = tail(y, j * capacity + r * p), tail(weights, j * fan_in)
                if together == WIDE:
                    pairs_tile(WIDE, to, y_jump, s > 0, bias, bias_index, pairs, begin, end, w, w_jump)
                else:
                    pairs_tile(1, to, y_jump, s > 0, bias, bias_index, pairs, begin, end, w, w_jump)
        j += together * p


@inner(literal=True)
def sorted_tile(panels, dw, dw_jump, resume, block, plan, k, dy, dy_jump, rows):
    """Row k of neighbouring panels of dW = xᵀ·dy, from sorted pairs of all blocks; ``panels`` is a literal.

    ``block`` and ``dy`` begin in the first block of the workspace, and those of the next one are ``plan.block_size``
    further on.
    """
    p = panel(dw)
    tile = zero_tile(1, panels, dw)
    if resume:
        tile = load_tile(1, panels, dw, 0, p, dw_jump)
    jump, left = np.int64(0), rows
    while left > 0:
        columns = columns_of(tail(block, jump), plan)
        begin, end = span_at(columns.starts, k)
        for i in range(begin, end):
            tile = rank1(tile, columns.values, i, 0, dy, jump + np.int64(columns.rows[i]) * p, dy_jump)
        jump += plan.block_size
        left -= plan.block_rows
    store_tile(tile, dw, 0, p, dw_jump)


@inner
def multiply_sorted_pairs(dw, fan_in, resume, block, plan, dy, rows, first, end, together):
    """Rows ``first`` to ``end`` of ``together`` neighbouring panels of dW = xᵀ·dy; a sum stays in registers."""
    p = panel(dw)
    dw_jump, dy_jump = fan_in * p, plan.capacity * p
    for k in range(first, end):
        if together == WIDE:
            sorted_tile(WIDE, tail(dw, k * p), dw_jump, resume, block, plan, k, dy, dy_jump, rows)
        else:
            for j in range(together):
                to, of = tail(dw, j * dw_jump + k * p), tail(dy, j * dy_jump)
                sorted_tile(1, to, dw_jump, resume, block, plan, k, of, dy_jump, rows)


@inner(literal=True)
def add_pairs(panels, dw, dw_jump, pairs, begin, end, dy, dy_jump):
    """Add a row of x, in pairs, times a row of dy to neighbouring panels of dW; ``panels`` is a literal."""
    p = panel(dw)
    for i in range(begin, end):
        at = np.int64(pairs.columns[i]) * p
        tile = load_tile(1, panels, dw, at, p, dw_jump)
        store_tile(rank1(tile, pairs.values, i, 0, dy, 0, dy_jump), dw, at, p, dw_jump)


@inner
def multiply_pairs_of_piece(dw, fan_in, resume, block, plan, dy, rows, piece, together):
    """A piece of rows of ``together`` neighbouring panels of dW = xᵀ·dy; the sums stay in the first-level cache."""
    p = panel(dw)
    dw_jump, dy_jump = fan_in * p, plan.capacity * p
    if not resume:
        for j in range(together):
            for i in range(piece * plan.piece * p, min(fan_in, (piece + 1) * plan.piece) * p, lanes(dw)):
                store(dw, j * dw_jump + i, splat(dw, 0.0))
    jump, left = np.int64(0), rows
    while left > 0:
        pairs = pairs_of(tail(block, jump), plan, fan_in)
        for r in range(min(left, plan.block_rows)):
            begin, end = span_at(pairs.starts, r * pairs.pieces + piece)
            of = tail(dy, jump + r * p)
            if together == WIDE:
                add_pairs(WIDE, dw, dw_jump, pairs, begin, end, of, dy_jump)
            else:
                for j in range(together):
                    add_pairs(1, tail(dw, j * dw_jump), dw_jump, pairs, begin, end, tail(of, j * dy_jump), dy_jump)
        jump += plan.block_size
        left -= plan.block_rows


# ---------------------------------------------------------------- public kernels


def rows_fault(starts, columns):
    """What is wrong with sparse rows, or None: they must lie one after the other, with rising columns."""
    if starts[0] < 0 or starts[-1] > columns.size or (np.diff(starts) < 0).any():
        return f"starts must rise from 0 to at most {columns.size}, the number of pairs"
    may_fall = np.zeros(columns.size + 1, bool)  # the first of each row, and what belongs to no row
    may_fall[starts], may_fall[: starts[0]], may_fall[starts[-1] :] = True, True, True
    falls = np.flatnonzero(np.diff(columns) <= 0) + 1
    return None if may_fall[falls].all() else "columns must rise within each row"


def _fault_of_rows(v):
    return rows_fault(v["starts"], v["columns"])


@kernel(
    "y[batch, units] = starts[batch + 1] int64, columns[pairs] int32 < fan_in, values[pairs], "
    "weights[fan_in, units], bias[units] where fan_in > 0",
    _fault_of_rows,
)
def sparse_forward(y, starts, columns, values, weights, bias):
    """Forward pass of a dense layer, y = x·W + b, for an x without most of its zeros.

    Parameters
    ----------
    y : ndarray, shape (batch, units)
        Overwritten, with the bits of `dense_forward`.
    starts, columns, values : array_like of int64, int32 and real, shapes (batch + 1,), (pairs,) and (pairs,)
        Row r of x has the numbers ``values[starts[r]:starts[r + 1]]`` in these columns, in rising order, and 0
        elsewhere: the ``indptr``, ``indices`` and ``data`` of a matrix of `scipy.sparse` in the format CSR.
    weights : array_like, shape (fan_in, units)
    bias : array_like, shape (units,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty((2, 1))
    >>> kernels.sparse_forward(y, [0, 1, 3], [2, 0, 1], [5.0, 1.0, 2.0], [[1.0], [10.0], [100.0]], [0.5])
    >>> y.tolist()
    [[500.5], [21.5]]
    """
    fan_in, units = weights.shape
    y_flat, batch = y.reshape(y.size), y.shape[0]
    panels = panels_of(weights.reshape(weights.size), fan_in, units)
    padded_bias = panels_of(bias, 1, units)
    for q in prange((batch + BLOCK_ROWS - 1) // BLOCK_ROWS):
        first = q * BLOCK_ROWS
        count = min(BLOCK_ROWS, batch - first)
        own = Pairs(values, columns, tail(starts, first), fan_in, 1)
        _forward_rows(y_flat, own, panels, padded_bias, first, count, fan_in, units)


@inner(allocates=True)
def _forward_rows(y, pairs, panels, bias, first, count, fan_in, units):
    c = np.empty(count * padded(units, y), y.dtype)
    multiply_pairs(c, count, bias, pairs, panels, count, fan_in, units)
    scatter_rows(y, units, first, c, count, count)


@kernel(
    "dweights[fan_in, units] = starts[batch + 1] int64, columns[pairs] int32 < fan_in, values[pairs], dy[batch, units]",
    _fault_of_rows,
)
def sparse_backward_weights(dweights, starts, columns, values, dy):
    """Gradient of y = x·W + b with respect to W, dW = xᵀ·dy, for an x without most of its zeros.

    Parameters
    ----------
    dweights : ndarray, shape (fan_in, units)
        Overwritten, with the bits of `dense_backward_parameters`.
    starts, columns, values : array_like of int64, int32 and real
        The rows of x as for `sparse_forward`.
    dy : array_like, shape (batch, units)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dweights = np.empty((3, 1))
    >>> kernels.sparse_backward_weights(dweights, [0, 1, 3], [2, 0, 2], [5.0, 1.0, 2.0], [[1.0], [10.0]])
    >>> dweights.tolist()
    [[10.0], [0.0], [25.0]]
    """
    (fan_in, units), batch = dweights.shape, dy.shape[0]
    p = panel(dweights.reshape(dweights.size))
    dy_panels = panels_of(dy.reshape(dy.size), batch, units)
    dw = np.zeros(fan_in * padded(units, dy_panels), dy_panels.dtype)
    for q in prange((units + p - 1) // p):
        pairs = Pairs(values, columns, starts, fan_in, 1)
        _add_rows(tail(dw, q * fan_in * p), pairs, tail(dy_panels, q * batch * p), batch)
    scatter_rows(dweights.reshape(dweights.size), units, 0, dw, fan_in, fan_in)


@inner
def _add_rows(dw, pairs, dy, batch):
    for r in range(batch):
        begin, end = span_at(pairs.starts, r)
        add_pairs(1, dw, 0, pairs, begin, end, tail(dy, r * panel(dw)), 0)
