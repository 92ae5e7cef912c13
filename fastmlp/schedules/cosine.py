"""Rates along half cosines."""

import math
from dataclasses import dataclass

import numpy as np

from .._base import check
from .._base.errors import ArgumentError
from .._base.types import Array, Integers
from .base import Schedule, half_cosine, times, warmed_up


@dataclass(frozen=True)
class Cosine(Schedule):
    """Falls from initial to final along half a cosine, after an optional warm-up; then stays at final.

    Without warm-up, and up to ``steps``, it equals PyTorch's ``CosineAnnealingLR``.

    Parameters
    ----------
    initial : float
        Rate at the beginning of the cosine, greater than 0.
    steps : int
        The step from which on the rate is ``final``: the length of the training, including the warm-up.
    final : float, default 0
        From 0 to ``initial``.
    warmup : int, default 0
        Steps in which the rate rises along a line from ``warmup_from`` to ``initial``; less than ``steps``.
    warmup_from : float, default 0
        From 0 to ``initial``.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> fm.schedules.Cosine(1.0, steps=6, warmup=2).rates(np.arange(8)).round(3)
    array([0.   , 0.5  , 1.   , 0.854, 0.5  , 0.146, 0.   , 0.   ])
    """

    initial: float
    steps: int
    final: float = 0.0
    warmup: int = 0
    warmup_from: float = 0.0

    def _check_fields(self) -> None:
        self._keep(check.real_number, "initial", above=0)
        self._keep(check.real_number, "final", "warmup_from", minimum=0)
        self._keep_at_most("final", self.initial, "initial, ")
        self._keep_at_most("warmup_from", self.initial, "initial, ")
        self._keep(check.whole_number, "steps", minimum=1)
        self._keep(check.whole_number, "warmup", minimum=0)
        if self.warmup >= self.steps:
            raise ArgumentError(f"warmup must be less than steps, which include it, {self.steps}, not {self.warmup}")

    def rates(self, steps: Integers) -> Array:
        t = times(steps)
        falling = half_cosine(self.initial, self.final, (t - self.warmup) / (self.steps - self.warmup))
        return warmed_up(t, self.warmup, self.warmup_from, self.initial, falling)


@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """Cosines from initial to final, each longer than the one before (SGDR; Loshchilov and Hutter, 2017).

    It equals PyTorch's ``CosineAnnealingWarmRestarts``.

    Parameters
    ----------
    initial : float
        Rate at the beginning of the first cosine, greater than 0.
    first_steps : int
        Length of the first cosine, at least 1.
    factor : float, default 2
        The ratio of the lengths of a cosine and the one before it; at least 1.
    shrink : float, default 1
        Multiplies the initial rate at each restart; above 0, at most 1. The rate never falls below ``final``.
    final : float, default 0
        From 0 to ``initial``.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> fm.schedules.CosineRestarts(1.0, first_steps=2).rates(np.arange(7)).round(3)
    array([1.   , 0.5  , 1.   , 0.854, 0.5  , 0.146, 1.   ])
    """

    initial: float
    first_steps: int
    factor: float = 2.0
    shrink: float = 1.0
    final: float = 0.0

    def _check_fields(self) -> None:
        self._keep(check.real_number, "initial", "shrink", above=0)
        self._keep_at_most("shrink", 1)
        self._keep(check.real_number, "factor", minimum=1)
        self._keep(check.real_number, "final", minimum=0)
        self._keep_at_most("final", self.initial, "initial, ")
        self._keep(check.whole_number, "first_steps", minimum=1)

    def rates(self, steps: Integers) -> Array:
        t = times(steps)
        cycle = self._cycles(t)
        highest = np.maximum(self.initial * self.shrink**cycle, self.final)
        return half_cosine(highest, self.final, (t - self._start(cycle)) / (self.first_steps * self.factor**cycle))

    def _start(self, cycle: Array) -> Array:
        """The step at which a cosine begins: the lengths of those before it, a geometric series."""
        if self.factor == 1:
            return self.first_steps * cycle
        return self.first_steps * (self.factor**cycle - 1) / (self.factor - 1)

    def _cycles(self, t: Array) -> Array:
        """The number of the cosine that each step belongs to."""
        if self.factor == 1:
            return np.floor_divide(t, self.first_steps)
        cycle: Array = np.floor(np.log1p(t * ((self.factor - 1) / self.first_steps)) / math.log(self.factor))
        # Rounding of the logarithm may miss a restart, and the step would get the wrong one of two extremes.
        cycle -= t < self._start(cycle)
        cycle += t >= self._start(cycle + 1)
        return cycle


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Rises to the highest rate and falls to almost nothing, along half cosines (PyTorch's ``OneCycleLR``).

    It starts at highest / start_divisor, reaches that rate / end_divisor in step ``steps − 1``, and stays there (Smith
    and Topin, 2018).

    Parameters
    ----------
    highest : float
        Greater than 0.
    steps : int
        All steps of the training, at least 2.
    start_divisor : float, default 25
        At least 1.
    end_divisor : float, default 10,000
        At least 1.
    rise : float, default 0.3
        Share of the steps until the highest rate, above 0 and below 1.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> fm.schedules.OneCycle(1.0, steps=10, start_divisor=10).rates(np.arange(10)).round(2)
    array([0.1 , 0.55, 1.  , 0.95, 0.81, 0.61, 0.39, 0.19, 0.05, 0.  ])
    """

    highest: float
    steps: int
    start_divisor: float = 25.0
    end_divisor: float = 1e4
    rise: float = 0.3

    def _check_fields(self) -> None:
        self._keep(check.real_number, "highest", above=0)
        self._keep(check.whole_number, "steps", minimum=2)
        self._keep(check.real_number, "start_divisor", "end_divisor", minimum=1)
        self._keep(check.real_number, "rise", above=0, below=1)

    def rates(self, steps: Integers) -> Array:
        t = times(steps)
        first = self.highest / self.start_divisor
        turn = self.rise * self.steps - 1  # at 0 or less, it starts at the highest rate or just below it
        rising = half_cosine(first, self.highest, t / turn if turn > 0 else np.ones_like(t))
        falling = half_cosine(self.highest, first / self.end_divisor, (t - turn) / (self.steps - 1 - turn))
        return np.where(t <= turn, rising, falling)
