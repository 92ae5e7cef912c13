"""Matrix products on panel matrices: block loops around a register tile.

All three products of a dense layer are one loop: C += a column times a row, for each step of the sum, in a tile
of C that stays in registers. Every element of C is one chain of fused multiply-adds in a fixed order, whatever
the tile it falls into, so a result does not depend on how the rows were divided.
"""

from .._jit import block
from .simd import (
    TILE_ROWS,
    add_row,
    lanes,
    load,
    load_tile,
    panel,
    rank1,
    splat,
    store,
    store_tile,
    zero_tile,
)


@block(literal=True)
def product_tile(rows, turned, c, ci, resume, bias, bias_index, a, ai, a_jump, b, bi, b_jump, inner, total):
    """One tile of C = A·B, or of C = Aᵀ·B if ``turned``; ``rows`` and ``turned`` are literals.

    The sum runs over ``total`` steps in pieces of ``inner``: within a piece, B moves by one panel row per step
    and A by one column (by one panel row if turned); from piece to piece both jump. ``resume`` goes on from
    the numbers in C. A ``bias_index`` of -1 means no bias.
    """
    p = panel(c)
    a_row = 1 if turned else p
    a_step = p if turned else 1
    tile = zero_tile(rows, c)
    if resume:
        tile = load_tile(rows, c, ci, p)
    left = total
    while left > 0:
        for k in range(min(inner, left)):
            tile = rank1(tile, a, ai + k * a_step, a_row, b, bi + k * p)
        ai += a_jump
        bi += b_jump
        left -= inner
    if bias_index >= 0:
        tile = add_row(tile, bias, bias_index)
    store_tile(tile, c, ci, p)


@block
def multiply_rows(c, ci, c_capacity, bias, bias_index, a, ai, a_capacity, b, bi, rows, depth, width):
    """C[rows, width] = A[rows, depth] · B[depth, width] (+ bias), panel matrices all."""
    p = panel(c)
    for j in range(0, width, p):
        to = ci + j * c_capacity
        bj = bias_index + j if bias_index >= 0 else -1
        _multiply_panel(c, to, bias, bj, a, ai, a_capacity * p, b, bi + j * depth, rows, depth)


@block
def _multiply_panel(c, ci, bias, bj, a, ai, a_jump, b, bi, rows, depth):
    p = panel(c)
    i = 0
    while i + TILE_ROWS <= rows:
        product_tile(TILE_ROWS, 0, c, ci + i * p, False, bias, bj, a, ai + i * p, a_jump, b, bi, p * p, p, depth)
        i += TILE_ROWS
    while i + 4 <= rows:
        product_tile(4, 0, c, ci + i * p, False, bias, bj, a, ai + i * p, a_jump, b, bi, p * p, p, depth)
        i += 4
    while i < rows:
        product_tile(1, 0, c, ci + i * p, False, bias, bj, a, ai + i * p, a_jump, b, bi, p * p, p, depth)
        i += 1


@block
def multiply_columns(c, ci, resume, a, ai, b, bi, columns, jump, inner, total):
    """C[columns, P] = Aᵀ · B for ``columns`` neighbouring columns of one panel of A and one panel of B.

    The sum runs over ``total`` rows that lie in blocks of ``inner`` rows, ``jump`` apart.
    """
    p = panel(c)
    i = 0
    while i + TILE_ROWS <= columns:
        product_tile(TILE_ROWS, 1, c, ci + i * p, resume, c, -1, a, ai + i, jump, b, bi, jump, inner, total)
        i += TILE_ROWS
    while i + 4 <= columns:
        product_tile(4, 1, c, ci + i * p, resume, c, -1, a, ai + i, jump, b, bi, jump, inner, total)
        i += 4
    while i < columns:
        product_tile(1, 1, c, ci + i * p, resume, c, -1, a, ai + i, jump, b, bi, jump, inner, total)
        i += 1


@block
def sum_rows(c, ci, resume, b, bi, jump, inner, total):
    """C[P] = the sum over the rows of one panel of B, laid out as in `multiply_columns`."""
    n = lanes(c)
    for v in range(0, panel(c), n):
        total_v = splat(c, 0.0)
        if resume:
            total_v = load(c, ci + v)
        start = bi + v
        left = total
        while left > 0:
            for r in range(min(inner, left)):
                total_v = total_v + load(b, start + r * panel(c))
            start += jump
            left -= inner
        store(c, ci + v, total_v)
