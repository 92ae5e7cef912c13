"""Matrix products on panel matrices: block loops around a register tile.

All three products of a dense layer use one loop: C += a column times a row, for each step of the sum, in a tile of C
that stays in registers. Every element of C is one chain of fused multiply-adds in a fixed order, whichever tile
computes it, so a result does not depend on the division of rows.
"""

from .._compiling.jit import inner
from .simd import TILE_ROWS, add_row, lanes, load, load_tile, panel, rank1, splat, store, store_tile, tail, zero_tile

DEPTH = 256  # steps of a sum at a time: so much of a panel stays in the first-level cache for all rows
SHORT_ROWS = 4
WIDE = 4  # panels in the tile of a single row: enough independent sums to keep the arithmetic units busy


@inner(literal=True)
def product_tile(
    rows,
    panels,
    turned,
    c,
    ci,
    c_jump,
    resume,
    bias,
    bias_index,
    a,
    ai,
    a_jump,
    b,
    bi,
    b_jump,
    b_panel_jump,
    piece,
    total,
):
    """One tile of C = A·B, or of C = Aᵀ·B if ``turned``; ``rows``, ``panels`` and ``turned`` are literals.

    The sum runs over ``total`` steps in pieces of ``piece``: within a piece, B moves by one panel row per step
    and A by one column (by one panel row if turned); from piece to piece both jump. ``resume`` continues
    from the numbers in C. A ``bias_index`` of -1 means no bias. Panels of C and of B have jumps of their own.
    """
    p = panel(c)
    a_row = 1 if turned else p
    a_step = p if turned else 1
    tile = zero_tile(rows, panels, c)
    if resume:
        tile = load_tile(rows, panels, c, ci, p, c_jump)
    left = total
    while left > 0:
        for k in range(min(piece, left)):
            tile = rank1(tile, a, ai + k * a_step, a_row, b, bi + k * p, b_panel_jump)
        ai += a_jump
        bi += b_jump
        left -= piece
    if bias_index >= 0:
        tile = add_row(tile, bias, bias_index)
    store_tile(tile, c, ci, p, c_jump)


@inner
def tall_tiles(rows):
    """The rows for tiles of `TILE_ROWS`, so that tiles of `SHORT_ROWS` leave at most one of the other rows."""
    tall = rows - rows % TILE_ROWS
    if rows % TILE_ROWS % SHORT_ROWS > 1 and tall > 0:
        tall -= TILE_ROWS  # which is 2 more than a multiple of SHORT_ROWS
    return tall


@inner
def multiply_rows(c, c_capacity, bias, a, a_capacity, b, rows, depth, width):
    """C[rows, width] = A[rows, depth] · B[depth, width] + bias for panel matrices; an empty bias means no bias."""
    p = panel(c)
    tall = tall_tiles(rows)
    tiled = rows - (rows - tall) % SHORT_ROWS
    for k in range(0, depth, DEPTH):
        here = min(DEPTH, depth - k)
        is_last = k + here == depth and bias.size > 0
        for j in range(0, width, p):
            bj = j if is_last else -1
            ak, bkj = tail(a, k * a_capacity), tail(b, j * depth + k * p)
            _multiply_panel(tail(c, j * c_capacity), k > 0, bias, bj, ak, a_capacity * p, bkj, tall, tiled, here)
    for r in range(tiled, rows):
        multiply_row(tail(c, r * p), c_capacity, bias, tail(a, r * p), a_capacity * p, b, depth, width)


@inner
def _multiply_panel(c, resume, bias, bj, a, a_jump, b, tall, rows, depth):
    p = panel(c)
    i = 0
    while i < tall:
        product_tile(TILE_ROWS, 1, 0, c, i * p, 0, resume, bias, bj, a, i * p, a_jump, b, 0, p * p, 0, p, depth)
        i += TILE_ROWS
    while i < rows:
        product_tile(SHORT_ROWS, 1, 0, c, i * p, 0, resume, bias, bj, a, i * p, a_jump, b, 0, p * p, 0, p, depth)
        i += SHORT_ROWS


@inner
def multiply_row(c, c_capacity, bias, a, a_jump, b, depth, width):
    """One row of `multiply_rows`: it reads B once, several panels side by side."""
    p = panel(c)
    c_jump, b_jump = c_capacity * p, depth * p
    j = 0
    while j < width:
        to, bj, of = j * c_capacity, j if bias.size > 0 else -1, j * depth
        if j + (WIDE - 1) * p < width:
            product_tile(1, WIDE, 0, c, to, c_jump, False, bias, bj, a, 0, a_jump, b, of, p * p, b_jump, p, depth)
            j += WIDE * p
        else:
            product_tile(1, 1, 0, c, to, 0, False, bias, bj, a, 0, a_jump, b, of, p * p, 0, p, depth)
            j += p


@inner
def multiply_columns(c, resume, a, b, columns, jump, piece, total):
    """C[columns, P] = Aᵀ · B for ``columns`` neighbouring columns of one panel of A and one panel of B.

    The sum runs over ``total`` rows that lie in blocks of ``piece`` rows, ``jump`` apart.
    """
    p = panel(c)
    tall = tall_tiles(columns)
    i = 0
    while i < tall:
        product_tile(TILE_ROWS, 1, 1, c, i * p, 0, resume, c, -1, a, i, jump, b, 0, jump, 0, piece, total)
        i += TILE_ROWS
    while i + SHORT_ROWS <= columns:
        product_tile(SHORT_ROWS, 1, 1, c, i * p, 0, resume, c, -1, a, i, jump, b, 0, jump, 0, piece, total)
        i += SHORT_ROWS
    while i < columns:
        product_tile(1, 1, 1, c, i * p, 0, resume, c, -1, a, i, jump, b, 0, jump, 0, piece, total)
        i += 1


@inner
def sum_rows(c, resume, b, jump, piece, total):
    """C[P] = the sum over the rows of one panel of B, in the layout of `multiply_columns`."""
    n = lanes(c)
    for v in range(0, panel(c), n):
        total_v = splat(c, 0.0)
        if resume:
            total_v = load(c, v)
        start = v
        left = total
        while left > 0:
            for r in range(min(piece, left)):
                total_v = total_v + load(b, start + r * panel(c))
            start += jump
            left -= piece
        store(c, v, total_v)
