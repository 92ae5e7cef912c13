"""Register tiles: a part of a matrix product as one value."""

import numpy as np
from llvmlite import ir
from numba import types

from .arithmetic import fma
from .lowering import (
    I64,
    TILE_VECTORS,
    Tile,
    address_of,
    is_real_array,
    load_vector,
    lowered,
    multiply_add,
    splat_value,
    store_vector,
)
from .vectors import panel

# A tile covers some rows of one panel, or of several panels that lie ``panel_stride`` apart. How many rows and
# panels are literal numbers: they are part of the tile's type.


def zero_tile(rows, panels, like):
    """A tile of zeros."""
    return np.zeros((rows, panels * panel(like)), like.dtype)


def _type_zero_tile(rows, panels, like):
    are_literal = isinstance(rows, types.IntegerLiteral) and isinstance(panels, types.IntegerLiteral)
    fits = are_literal and is_real_array(like)
    return Tile(like.dtype, rows.literal_value, panels.literal_value) if fits else None


@lowered(zero_tile, _type_zero_tile, types.Integer, types.Integer, types.Array)
def _zero_tile(context, builder, sig, args):
    return ir.Constant(context.get_value_type(sig.return_type), None)


def _columns_of(like, panels, panel_stride):
    """Offsets of the numbers of one row of a tile."""
    return (panel_stride * np.arange(panels)[:, None] + np.arange(panel(like))).ravel()


def _row_vectors(builder, tile, index, panel_stride):
    """Indices of the vectors of one row of a tile, the first of which is at ``index``."""
    for q in range(tile.panels):
        start = builder.add(index, builder.mul(panel_stride, I64(q)))
        for v in range(TILE_VECTORS):
            yield builder.add(start, I64(v * tile.vector.lanes))


def _tile_vectors(builder, tile, index, stride, panel_stride):
    """Cell numbers of a tile, and the indices of their vectors."""
    width = tile.panels * TILE_VECTORS
    for r in range(tile.rows):
        start = builder.add(index, builder.mul(stride, I64(r)))
        for v, at in enumerate(_row_vectors(builder, tile, start, panel_stride)):
            yield r * width + v, at


def load_tile(rows, panels, array, index, stride, panel_stride):
    """The tile whose row r starts at ``array[index + r * stride]``."""
    return array[index + stride * np.arange(rows)[:, None] + _columns_of(array, panels, panel_stride)]


def _type_load_tile(rows, panels, array, index, stride, panel_stride):
    return _type_zero_tile(rows, panels, array)


@lowered(load_tile, _type_load_tile, *[types.Integer] * 2, types.Array, *[types.Integer] * 3)
def _load_tile(context, builder, sig, args):
    tile = sig.return_type
    value = ir.Constant(context.get_value_type(tile), ir.Undefined)
    for cell, at in _tile_vectors(builder, tile, *args[3:]):
        pointer = address_of(context, builder, sig.args[2], args[2], at, tile.vector.lanes)
        value = builder.insert_value(value, load_vector(builder, pointer, tile.vector), cell)
    return value


def store_tile(tile, array, index, stride, panel_stride):
    """Write row r of the tile to ``array[index + r * stride:]``."""
    columns = _columns_of(array, tile.shape[1] // panel(array), panel_stride)
    for r, row in enumerate(tile):
        start = index + r * stride
        assert start >= 0 and start + columns[-1] < len(array), "SIMD access out of bounds"
        array[start + columns] = row


def _type_store_tile(tile, array, index, stride, panel_stride):
    fits = isinstance(tile, Tile) and is_real_array(array) and array.dtype == tile.vector.dtype
    return types.void if fits and array.mutable else None


@lowered(store_tile, _type_store_tile, Tile, types.Array, *[types.Integer] * 3)
def _store_tile(context, builder, sig, args):
    tile = sig.args[0]
    for cell, at in _tile_vectors(builder, tile, *args[2:]):
        pointer = address_of(context, builder, sig.args[1], args[1], at, tile.vector.lanes)
        store_vector(builder, pointer, builder.extract_value(args[0], cell), tile.vector)
    return context.get_dummy_value()


def rank1(tile, a, a_index, a_stride, b, b_index, b_panel_stride):
    """tile[r, :] += a[a_index + r * a_stride] * the row of b that starts at b_index"""
    rows, width = tile.shape
    column = a[a_index + a_stride * np.arange(rows)]
    row = b[b_index + _columns_of(b, width // panel(b), b_panel_stride)]
    return fma(column[:, None], row[None, :], tile)


def _type_rank1(tile, a, a_index, a_stride, b, b_index, b_panel_stride):
    return tile if isinstance(tile, Tile) and is_real_array(a) and is_real_array(b) else None


@lowered(rank1, _type_rank1, Tile, types.Array, *[types.Integer] * 2, types.Array, *[types.Integer] * 2)
def _rank1(context, builder, sig, args):
    tile, vector = sig.return_type, sig.return_type.vector
    value, a, ai, stride, b, bi, panel_stride = args
    row = _load_row(context, builder, tile, sig.args[4], b, bi, panel_stride)
    for r in range(tile.rows):
        # One factor at a time: if all come first, LLVM keeps all of them, and 14 rows of AVX-512 vectors go to the
        # stack.
        at = builder.add(ai, builder.mul(stride, I64(r)))
        scalar = builder.load(address_of(context, builder, sig.args[1], a, at, 1))
        factor = splat_value(builder, scalar, vector.lanes)
        for v, part in enumerate(row):
            cell = r * len(row) + v
            total = multiply_add(builder, vector, factor, part, builder.extract_value(value, cell))
            value = builder.insert_value(value, total, cell)
    return value


def _load_row(context, builder, tile, array_type, array, index, panel_stride):
    vector = tile.vector
    indices = _row_vectors(builder, tile, index, panel_stride)
    pointers = [address_of(context, builder, array_type, array, at, vector.lanes) for at in indices]
    return [load_vector(builder, pointer, vector) for pointer in pointers]


def add_row(tile, array, index):
    """Add the numbers from ``array[index]`` on to every row of the tile."""
    return tile + array[index : index + tile.shape[1]]


def _type_add_row(tile, array, index):
    return tile if isinstance(tile, Tile) and is_real_array(array) else None


@lowered(add_row, _type_add_row, Tile, types.Array, types.Integer)
def _add_row(context, builder, sig, args):
    tile, value = sig.return_type, args[0]
    side_by_side = I64(TILE_VECTORS * tile.vector.lanes)
    row = _load_row(context, builder, tile, sig.args[1], args[1], args[2], side_by_side)
    for cell in range(tile.rows * len(row)):
        total = builder.fadd(builder.extract_value(value, cell), row[cell % len(row)])
        value = builder.insert_value(value, total, cell)
    return value
