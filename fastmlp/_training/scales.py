"""Names columns of a table whose numbers are too large, too different or too far from 0 to train on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._base.sparse import SparseRows
from .._base.types import Array

_ROWS = 1000  # of the sample
_NUMBERS = 1 << 20  # the most numbers of the sample
_LARGE = 100.0  # the size of a column's numbers
_RATIO = 100.0  # of the largest to the smallest column; and of a column's mean to its spread
_RARE = 0.05  # of the rows, in which a column has another value than usual
_FEWEST_POINTS, _ALIKE = 64, 0.5  # columns of a picture or a signal; the correlation of the spread of neighbours
_NAMED = 2  # columns that a sentence names
REMEDY = "scale them with fm.Normalization() as the first layer, or fm.mlp(..., normalize=True)"


def trouble(x: Array | SparseRows, names: Sequence[Any] | None) -> str | None:
    """What is wrong with the columns of ``x``, in words; None if nothing is. A sample of the rows decides.

    Columns of two values, such as one-hot columns, are never named unless they are large. Columns that hardly ever
    leave one value are not called small: in scaled images these are pixels at the border, faint and nearly always
    black. Nor are the columns of a picture or a signal compared with each other: they have one unit.
    """
    sample = _sample(x)
    if sample is None:
        return None
    with np.errstate(all="ignore"):  # a spread that float64 cannot hold is not small
        size, spread, mean = _sizes(sample), sample.std(axis=0), sample.mean(axis=0)
    is_flag = ((sample == sample.min(axis=0)) | (sample == sample.max(axis=0))).all(axis=0)
    counts = ((size > 0) & (~is_flag | (size > _LARGE))).nonzero()[0]
    if len(counts) == 0:
        return None
    order = counts[np.argsort(-size[counts], kind="stable")]
    compared = order[:0] if _have_one_unit(spread) else order[~_are_rare(sample)[order]]
    smallest = compared[-1] if len(compared) else order[0]
    if size[order[0]] > _RATIO * size[smallest]:
        large = [column for column in order if size[column] > _RATIO * size[smallest]]
        ends = f"{_some(large, size, names)}; {_name(smallest, names)} is about {_short(size[smallest])}"
        return f"features have very different scales: {ends}"
    large = [column for column in order if size[column] > _LARGE]
    if large:
        return f"features are large: {_some(large, size, names)}"
    near = _RATIO * spread
    far = sorted(column for column in compared if abs(mean[column]) > near[column] and not is_flag[column])
    if far:
        first = far[0]
        others = f" and {len(far) - 1} more" if len(far) > 1 else ""
        return (
            f"features are far from 0 for their spread: {_name(first, names)} is {mean[first]:.4g} ± "
            f"{spread[first]:.2g}{others}"
        )
    return None


def _sample(x: Array | SparseRows) -> Array | None:
    """Some rows in float64, spread over all; None if there are too few, or too many columns."""
    rows, width = x.shape
    most = min(_ROWS, _NUMBERS // max(1, width))
    if min(rows, most) < 2:
        return None
    some = x[:: -(-rows // most)]
    return (some.dense() if isinstance(some, SparseRows) else some).astype(np.float64)


def _are_rare(sample: Array) -> Array:
    """Which columns nearly always have the same value."""
    return np.asarray((sample != np.median(sample, axis=0)).mean(axis=0) < _RARE)


def _have_one_unit(spread: Array) -> bool:
    """Whether neighbouring columns spread alike, as pixels do, and the points of a signal; not those of a table."""
    known = np.log(spread[spread > 0])
    if len(known) < _FEWEST_POINTS:
        return False
    first, second = known[:-1] - known[:-1].mean(), known[1:] - known[1:].mean()
    return bool((first * second).sum() > _ALIKE * np.sqrt((first**2).sum() * (second**2).sum()))


def _sizes(sample: Array) -> Array:
    """The root of the mean square of the numbers of each column that are not 0: many zeros do not make it small."""
    largest = np.abs(sample).max(axis=0)
    unit = np.where(largest > 0, largest, 1.0)  # so that no square overflows
    squares = np.square(sample / unit).sum(axis=0) / np.maximum(1, (sample != 0).sum(axis=0))
    return np.asarray(unit * np.sqrt(squares))


def _some(columns: Sequence[int], size: Array, names: Sequence[Any] | None) -> str:
    named = [f"{_name(column, names)} is about {_short(size[column])}" for column in columns[:_NAMED]]
    more = len(columns) - len(named)
    return ", ".join(named) + (f", {more} more columns are as large" if more else "")


def _short(number: float) -> str:
    return f"{number:,.0f}" if 10 <= number < 1e6 else f"{number:.2g}"


def _name(column: int, names: Sequence[Any] | None) -> str:
    return f"column {column}" if names is None else repr(names[column])
