"""Layers that do something in training alone."""

from __future__ import annotations

from dataclasses import dataclass

from .._base import check
from .base import Layer


@dataclass(frozen=True, repr=False)
class Dropout(Layer):
    """In training, sets each number to 0 with probability ``rate``, and multiplies the others by 1 / (1 − rate).

    Predictions do not change. The dropped numbers depend on the model's seed, the epoch, the row's position in the
    epoch and the unit, but not on threads or interruptions.

    Parameters
    ----------
    rate : float
        From 0 to below 1.

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(64, activation="relu"), fm.Dropout(0.2), fm.Dense(10, activation="softmax")])
    """

    rate: float

    def _check_fields(self) -> None:
        self._set(rate=check.real_number(self.rate, "rate", minimum=0, below=1))


@dataclass(frozen=True, repr=False)
class GaussianNoise(Layer):
    """In training, adds independent normal noise to each number.

    Parameters
    ----------
    stddev : float
        Standard deviation, at least 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.GaussianNoise(0.1), fm.Dense(10, activation="softmax")])
    """

    stddev: float

    def _check_fields(self) -> None:
        self._set(stddev=check.real_number(self.stddev, "stddev", minimum=0))
