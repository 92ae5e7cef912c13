"""SIMD vectors and register tiles as ordinary numba values: the only folder that knows LLVM.

Kernels are written with a few small functions, the words: ``load``, ``store``, ``fma``, ``where``, ``rank1`` … Each
word is defined by a plain Python function: with ``NUMBA_DISABLE_JIT=1`` a vector is a short NumPy array and a tile a
small matrix. Compiled, a vector is one LLVM vector and a tile is several vectors that stay in registers, so nothing
depends on the auto-vectoriser.

A vector has the dtype of its array. Scalars mix with vectors (``v * 0.5``) and take their dtype.
"""

from .arithmetic import exponent, fma, mantissa, maximum, minimum, pow2, rint, sqrt, where
from .clock import is_timed, ticks
from .denormals import flush_denormals, restore_mode
from .functions import activate, activate_with_slopes, known_activations, known_losses, own_loss
from .lowering import FEATURES, LANES, TILE_ROWS, TILE_VECTORS, VECTOR_BYTES
from .packing import pack_nonzero
from .tiles import add_row, load_tile, rank1, store_tile, zero_tile
from .vectors import (
    is_double,
    lane_numbers,
    lanes,
    load,
    load_bytes,
    load_first,
    max_lanes,
    panel,
    prefetch,
    prefetch_to_write,
    splat,
    store,
    store_first,
    sum_lanes,
    transpose,
)
from .views import records, tail, whole_numbers
from .words import as_unit, following_words, fraction, splat_words, words_below

__all__ = [
    "FEATURES",
    "LANES",
    "TILE_ROWS",
    "TILE_VECTORS",
    "VECTOR_BYTES",
    "activate",
    "activate_with_slopes",
    "add_row",
    "as_unit",
    "exponent",
    "flush_denormals",
    "fma",
    "following_words",
    "fraction",
    "is_double",
    "is_timed",
    "known_activations",
    "known_losses",
    "lane_numbers",
    "lanes",
    "load",
    "load_bytes",
    "load_first",
    "load_tile",
    "mantissa",
    "max_lanes",
    "maximum",
    "minimum",
    "own_loss",
    "pack_nonzero",
    "panel",
    "pow2",
    "prefetch",
    "prefetch_to_write",
    "rank1",
    "records",
    "restore_mode",
    "rint",
    "splat",
    "splat_words",
    "sqrt",
    "store",
    "store_first",
    "store_tile",
    "sum_lanes",
    "tail",
    "ticks",
    "transpose",
    "where",
    "whole_numbers",
    "words_below",
    "zero_tile",
]
