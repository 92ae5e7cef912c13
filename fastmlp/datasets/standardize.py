"""Standardises columns to mean 0 and standard deviation 1, measured on the training data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._base import check, columns
from .._base.errors import ArgumentError

_BLOCK = 4096  # rows converted to float64 at once, which bounds the memory for wide data


@dataclass(frozen=True, eq=False, repr=False)  # arrays have no single answer to ==
class Standardizer:
    """The mean and scale of every column. ``Standardizer.fit`` makes one, which you can apply to new data.

    A constant column has mean 0 and scale 1, so it does not change. A column is constant if its numbers differ by no
    more than rounding in the precision of the data; small numbers alone do not make it constant.

    Attributes
    ----------
    mean, scale : ndarray
        float64, shape (features,).

    Examples
    --------
    >>> standardizer = Standardizer.fit([[0.0, 5.0], [2.0, 5.0]])
    >>> standardizer.transform([[4.0, 5.0]])
    array([[3., 5.]], dtype=float32)
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, x: ArrayLike) -> "Standardizer":
        """Measure the columns of ``x``, finite numbers of shape (n, features) with at least one row, in float64."""
        values = _as_matrix("Standardizer.fit", "x", x)
        if values.size == 0:
            raise ArgumentError(
                f"Standardizer.fit: x must have at least one row and one column, got shape {values.shape}"
            )
        if not np.isfinite(values).all():
            raise ArgumentError("Standardizer.fit: x must be finite, got NaN or infinity; drop or fill in such rows")
        found = columns.measured([values])
        return cls(np.where(found.is_constant, 0.0, found.mean), np.where(found.is_constant, 1.0, found.deviation))

    def __repr__(self) -> str:
        return f"<Standardizer of {len(self.mean)} columns>"

    def transform(self, x: ArrayLike) -> NDArray[np.float32]:
        """``(x - mean) / scale`` as C-contiguous float32, shape (n, features), with the columns of `fit`."""
        values = _as_matrix("Standardizer.transform", "x", x)
        if values.shape[1] != len(self.mean):
            raise ArgumentError(
                f"Standardizer.transform: x must have {len(self.mean)} columns, as the data it was fitted "
                f"on, got shape {values.shape}"
            )
        result = np.empty(values.shape, dtype=np.float32)
        for rows, out in zip(_blocks(values), _blocks(result), strict=True):
            out[...] = (rows - self.mean) / self.scale
        return result


def standardize(x_train: ArrayLike, *others: ArrayLike) -> tuple[NDArray[np.float32], ...]:
    """Standardise training data, and other data with the mean and scale of the training data.

    Parameters
    ----------
    x_train : array_like, shape (n, features)
        The data whose mean and standard deviation are used.
    *others : array_like, shape (m, features)
        Further data, such as test data.

    Returns
    -------
    tuple of ndarray
        ``x_train`` and each of ``others`` in float32; columns that are constant in ``x_train`` do not change.

    Raises
    ------
    ArgumentError
        If an array is not 2-D, the numbers of columns differ, or ``x_train`` is empty or not finite.

    Examples
    --------
    >>> train, test = standardize([[1.0], [3.0]], [[2.0]])
    >>> train.tolist(), test.tolist()
    ([[-1.0], [1.0]], [[0.0]])
    """
    standardizer = Standardizer.fit(x_train)
    return tuple(standardizer.transform(x) for x in (x_train, *others))


def _as_matrix(function: str, name: str, x: ArrayLike) -> NDArray[Any]:
    values = check.array_of(x, name)
    if values.ndim != 2 or values.dtype.kind not in "buif":
        raise ArgumentError(
            f"{function}: {name} must be numbers of shape (rows, features), got {values.dtype} of shape {values.shape}"
        )
    return values


def _blocks(values: NDArray[Any]) -> list[NDArray[Any]]:
    return [values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK)]
