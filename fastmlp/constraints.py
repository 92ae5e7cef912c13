"""Constraints on weights, as Keras spells them; `fastmlp.Dense` takes ``max_norm=`` too."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._base import check, keras
from ._base.errors import ArgumentError
from ._base.types import Array

__all__ = ["MaxNorm", "max_norm"]


@dataclass(frozen=True)
class MaxNorm:
    """Shortens the weight vector that leads to a unit, if it is longer than this: ``Dense(max_norm=...)``.

    Parameters
    ----------
    max_value : float, default 2
        The maximum length, above 0.
    axis : int, default 0
        Only 0: the vectors are the columns of the weight matrix.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Dense(8, kernel_constraint=fm.constraints.MaxNorm(3)).max_norm
    3.0
    """

    max_value: float = 2.0
    axis: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_value", check.real_number(self.max_value, "max_value", above=0))
        if self.axis != 0:
            raise ArgumentError(f"axis must be 0, the weights that lead to a unit, not {self.axis!r:.60}")

    def __call__(self, weights: Any) -> Array:
        """A weight matrix with its columns shortened.

        Examples
        --------
        >>> from fastmlp import constraints
        >>> constraints.MaxNorm(5)([[3.0, 6.0], [4.0, 8.0]]).tolist()
        [[3.0, 3.0], [4.0, 4.0]]
        """
        values = check.numbers(weights, "weights").astype(float)
        lengths = np.sqrt((values**2).sum(axis=0, keepdims=True))
        return np.asarray(values * np.minimum(1, self.max_value / np.maximum(lengths, 1e-300)))


max_norm = MaxNorm


def __getattr__(name: str) -> Any:
    raise keras.lack(__name__, name)
