"""Register tiles: a block of a matrix product as one value."""

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


def zero_tile(rows, like):
    """A tile of zeros; ``rows`` is a literal number."""
    return np.zeros((rows, panel(like)), like.dtype)


def _type_zero_tile(rows, like):
    is_literal = isinstance(rows, types.IntegerLiteral)
    return Tile(like.dtype, rows.literal_value) if is_literal and is_real_array(like) else None


@lowered(zero_tile, _type_zero_tile, types.Integer, types.Array)
def _zero_tile(context, builder, sig, args):
    return ir.Constant(context.get_value_type(sig.return_type), None)


def _tile_cells(tile):
    return [(r, v, r * TILE_VECTORS + v) for r in range(tile.rows) for v in range(TILE_VECTORS)]


def load_tile(rows, array, index, stride):
    """The tile whose row r starts at ``array[index + r * stride]``; ``rows`` is a literal number."""
    columns = np.arange(panel(array))
    return array[index + stride * np.arange(rows)[:, None] + columns]


def _type_load_tile(rows, array, index, stride):
    return _type_zero_tile(rows, array)


@lowered(load_tile, _type_load_tile, types.Integer, types.Array, types.Integer, types.Integer)
def _load_tile(context, builder, sig, args):
    tile = sig.return_type
    value = ir.Constant(context.get_value_type(tile), ir.Undefined)
    for r, v, cell in _tile_cells(tile):
        at = builder.add(builder.add(args[2], builder.mul(args[3], I64(r))), I64(v * tile.vector.lanes))
        pointer = address_of(context, builder, sig.args[1], args[1], at, tile.vector.lanes)
        value = builder.insert_value(value, load_vector(builder, pointer, tile.vector), cell)
    return value


def store_tile(tile, array, index, stride):
    """Write row r of the tile to ``array[index + r * stride:]``."""
    for r, row in enumerate(tile):
        start = index + r * stride
        assert start >= 0 and start + len(row) <= len(array), "SIMD access out of bounds"
        array[start : start + len(row)] = row


def _type_store_tile(tile, array, index, stride):
    fits = isinstance(tile, Tile) and is_real_array(array) and array.dtype == tile.vector.dtype
    return types.void if fits and array.mutable else None


@lowered(store_tile, _type_store_tile, Tile, types.Array, types.Integer, types.Integer)
def _store_tile(context, builder, sig, args):
    tile = sig.args[0]
    for r, v, cell in _tile_cells(tile):
        at = builder.add(builder.add(args[2], builder.mul(args[3], I64(r))), I64(v * tile.vector.lanes))
        pointer = address_of(context, builder, sig.args[1], args[1], at, tile.vector.lanes)
        store_vector(builder, pointer, builder.extract_value(args[0], cell), tile.vector)
    return context.get_dummy_value()


def rank1(tile, a, a_index, a_stride, b, b_index):
    """tile[r, :] += a[a_index + r * a_stride] * b[b_index : b_index + panel]"""
    rows = len(tile)
    column = a[a_index + a_stride * np.arange(rows)]
    row = b[b_index : b_index + panel(b)]
    assert len(row) == panel(b), "SIMD access out of bounds"
    return fma(column[:, None], row[None, :], tile)


def _type_rank1(tile, a, a_index, a_stride, b, b_index):
    return tile if isinstance(tile, Tile) and is_real_array(a) and is_real_array(b) else None


@lowered(rank1, _type_rank1, Tile, types.Array, *[types.Integer] * 2, types.Array, types.Integer)
def _rank1(context, builder, sig, args):
    tile, vector = sig.return_type, sig.return_type.vector
    value, a, ai, stride, b, bi = args
    rows = []
    for v in range(TILE_VECTORS):
        at = builder.add(bi, I64(v * vector.lanes))
        pointer = address_of(context, builder, sig.args[4], b, at, vector.lanes)
        rows.append(load_vector(builder, pointer, vector))
    for r in range(tile.rows):
        # One factor at a time: where all come first, LLVM keeps them all, and 14 rows of AVX-512 then go to the stack.
        at = builder.add(ai, builder.mul(stride, I64(r)))
        scalar = builder.load(address_of(context, builder, sig.args[1], a, at, 1))
        factor = splat_value(builder, scalar, vector.lanes)
        for v in range(TILE_VECTORS):
            cell = r * TILE_VECTORS + v
            total = multiply_add(builder, vector, factor, rows[v], builder.extract_value(value, cell))
            value = builder.insert_value(value, total, cell)
    return value


def add_row(tile, array, index):
    """Add ``array[index : index + panel]`` to every row of the tile."""
    return tile + load_tile(1, array, index, 0)


def _type_add_row(tile, array, index):
    return tile if isinstance(tile, Tile) and is_real_array(array) else None


@lowered(add_row, _type_add_row, Tile, types.Array, types.Integer)
def _add_row(context, builder, sig, args):
    tile, value = sig.return_type, args[0]
    row = []
    for v in range(TILE_VECTORS):
        at = builder.add(args[2], I64(v * tile.vector.lanes))
        pointer = address_of(context, builder, sig.args[1], args[1], at, tile.vector.lanes)
        row.append(load_vector(builder, pointer, tile.vector))
    for _, v, cell in _tile_cells(tile):
        value = builder.insert_value(value, builder.fadd(builder.extract_value(value, cell), row[v]), cell)
    return value
