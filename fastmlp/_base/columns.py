"""Mean and spread of the columns of a table, and which columns are constant.

`fastmlp.Normalization`, `fit` and `fastmlp.datasets.Standardizer` all measure with this, whole arrays and chunks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import check
from .errors import ArgumentError
from .types import Array

_BLOCK_NUMBERS = 1 << 18  # converted to float64 at once, so that wide data and pixels are never converted as a whole
_FEW = 1000  # the most units in the last place by which equal numbers may differ in float64
_NARROW = 4  # the same for narrower types
_LEAST_EXPONENT = -1000  # of a column's unit: 2^1000 is still a number


@dataclass(frozen=True, eq=False)
class Columns:
    """What `measured` found in columns of this many rows."""

    count: int  # rows
    mean: Array  # these are float64, shape (features,)
    deviation: Array  # the root of the mean square difference from the mean; 0 where constant
    is_constant: Array  # whether the numbers differ by no more than rounding


def rows(x: Any, name: str, width: int | None = None) -> Array:
    """Finite features to measure, shape (rows, features), in the precision in which they came."""
    array = check.numbers(x, name)
    is_real = array.dtype.kind == "f"
    found = check.features(array, name, array.dtype if is_real else np.dtype(np.float64), width)
    return found if is_real else array.reshape(found.shape)


def measured(parts: Iterable[Array]) -> Columns:
    """Measure the columns of all parts together, in float64; a part has finite numbers, shape (rows, features).

    The rows are processed in blocks of one size, so the result has the same bits for every division into parts. The
    sums are over differences from the first row, which are exact if numbers are close. Each column is scaled by a power
    of two, so that no square overflows or underflows. The moments of a block are merged with those of earlier blocks as
    in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    Raises ArgumentError if the spread of a column is too large for float64.
    """
    count = 0
    dtypes: set[np.dtype[Any]] = set()
    first = mean = squares = np.zeros(1)
    exponent = np.full(1, _LEAST_EXPONENT)
    for block in _blocks(parts):
        dtypes.add(block.dtype)
        if count == 0:
            first = block[0].astype(np.float64)
        with np.errstate(over="ignore"):
            differences = np.subtract(block, first, dtype=np.float64)
        largest = np.maximum(differences.max(axis=0), -differences.min(axis=0))
        _refuse_infinite(largest)
        needed = np.maximum(exponent, np.where(largest > 0, np.frexp(largest)[1], _LEAST_EXPONENT))
        smaller = np.ldexp(1.0, exponent - needed)
        mean, squares, exponent = mean * smaller, squares * smaller**2, needed
        differences *= np.ldexp(1.0, -exponent)
        own = differences.mean(axis=0)
        differences -= own
        joined, apart = count + len(block), own - mean
        squares = squares + np.einsum("ij,ij->j", differences, differences) + apart**2 * (count * len(block) / joined)
        mean, count = mean + apart * (len(block) / joined), joined
    mean = first + np.ldexp(mean, exponent)
    deviation = np.ldexp(np.sqrt(squares / max(1, count)), exponent)
    is_constant = _differ_by_rounding(deviation, mean, max((_rounding(dtype, count) for dtype in dtypes), default=0.0))
    return Columns(count, mean, np.where(is_constant, 0.0, deviation), is_constant)


def _blocks(parts: Iterable[Array]) -> Iterator[Array]:
    """The rows of all parts, in blocks of one size; the last one may be smaller."""
    rest: Array | None = None
    for part in parts:
        size, at = max(1, _BLOCK_NUMBERS // part.shape[1]), 0
        if rest is not None:
            at = size - len(rest)
            rest = np.concatenate([rest, part[:at]])
            if len(rest) < size:
                continue
            yield rest
        while at + size <= len(part):
            yield part[at : at + size]
            at += size
        rest = part[at:].copy() if at < len(part) else None  # a source of chunks may use its array again
    if rest is not None:
        yield rest


def _refuse_infinite(largest: Array) -> None:
    wrong = np.flatnonzero(~np.isfinite(largest))
    if len(wrong):
        raise ArgumentError(f"column {wrong[0]} holds numbers whose differences are too large for float64: scale it")


def _differ_by_rounding(deviation: Array, mean: Array, rounding: float) -> Array:
    """Which columns are constant: those whose spread is within the rounding of their numbers.

    This depends on the precision of the data, not on their size: a column of numbers around 1e-16 is not constant for
    that reason. (Only a variance that is 0 in float64 makes it so.)
    """
    with np.errstate(over="ignore"):
        found: Array = (np.square(deviation) == 0) | (deviation <= rounding * np.abs(mean))
    return found


def _rounding(dtype: np.dtype[Any], count: int) -> float:
    """The relative difference that rounding may cause between equal numbers.

    Whole numbers are exact up to 2⁵³. Equal float64 numbers may come from some operations and differ by as many units
    in the last place; scikit-learn's scalers allow as many as there are rows. In narrower types, a unit is large, and
    a few units may well be the difference to learn.
    """
    wide = float(np.finfo(np.float64).eps)
    if dtype.kind != "f":
        return wide
    return max(min(count, _FEW) * wide, _NARROW * float(np.finfo(dtype).eps) if dtype.itemsize < 8 else 0.0)
