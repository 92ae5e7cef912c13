"""Rates that stay, fall at once, or fall along a simple curve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._base import check
from .._base.errors import ArgumentError
from .._base.types import Array, Integers
from .base import Schedule, periods, times


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate at every step.

    Parameters
    ----------
    rate : float
        Greater than 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.schedules.get(0.01)
    Constant(rate=0.01)
    """

    rate: float

    def _check_fields(self) -> None:
        self._keep(check.real_number, "rate", above=0)

    def rates(self, steps: Integers) -> Array:
        return np.full(times(steps).shape, self.rate)


@dataclass(frozen=True)
class Step(Schedule):
    """initial · factor^⌊t / every⌋: the rate falls each time ``every`` steps are done (PyTorch's ``StepLR``).

    Parameters
    ----------
    initial : float
        Rate of the first steps, greater than 0.
    factor : float
        Above 0, at most 1.
    every : int
        Steps between two falls, at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> fm.schedules.Step(0.8, factor=0.5, every=2).rates(np.arange(6))
    array([0.8, 0.8, 0.4, 0.4, 0.2, 0.2])
    """

    initial: float
    factor: float
    every: int

    def _check_fields(self) -> None:
        self._keep(check.real_number, "initial", "factor", above=0)
        self._keep_at_most("factor", 1)
        self._keep(check.whole_number, "every", minimum=1)

    def rates(self, steps: Integers) -> Array:
        falls: Array = np.floor_divide(times(steps), self.every)
        return self.initial * np.power(self.factor, falls)


@dataclass(frozen=True)
class Piecewise(Schedule):
    """Constant rates between boundaries.

    ``values[k]`` holds from step ``boundaries[k − 1]`` on, as in PyTorch's ``MultiStepLR``. Keras's
    ``PiecewiseConstantDecay`` changes one step later.

    Parameters
    ----------
    boundaries : sequence of int
        Steps at which the rate changes, rising, at least 1.
    values : sequence of float
        Rates, greater than 0, one more than there are boundaries.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> fm.schedules.Piecewise([2, 3], [0.1, 0.05, 0.01]).rates(np.arange(5))
    array([0.1 , 0.1 , 0.05, 0.01, 0.01])
    """

    boundaries: Sequence[int]  # tuples after the check
    values: Sequence[float]

    def _check_fields(self) -> None:
        steps = enumerate(check.items(self.boundaries, "boundaries", "steps"))
        rates = enumerate(check.items(self.values, "values", "rates"))
        boundaries = tuple(check.whole_number(step, f"boundaries[{i}]", minimum=1) for i, step in steps)
        values = tuple(check.real_number(rate, f"values[{i}]", above=0) for i, rate in rates)
        object.__setattr__(self, "boundaries", boundaries)
        object.__setattr__(self, "values", values)
        if boundaries != tuple(sorted(set(boundaries))):
            raise ArgumentError(f"boundaries must rise, not {list(boundaries)}")
        if len(values) != len(boundaries) + 1:
            raise ArgumentError(f"values must be one more than the {len(boundaries)} boundaries, not {len(values)}")

    def rates(self, steps: Integers) -> Array:
        return np.array(self.values)[np.searchsorted(self.boundaries, times(steps), side="right")]


@dataclass(frozen=True)
class InverseTime(Schedule):
    """initial / (1 + decay · t / every): the textbook's decay (Keras's ``InverseTimeDecay``).

    Parameters
    ----------
    initial : float
        Rate of step 0, greater than 0.
    decay : float
        At least 0.
    every : int, default 1
        Steps in which 1/rate grows by decay/initial.
    staircase : bool, default False
        Whether t / every is rounded down, so that the rate falls in stairs.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.schedules.InverseTime(1.0, decay=0.5)(2)
    0.5
    """

    initial: float
    decay: float
    every: int = 1
    staircase: bool = False

    def _check_fields(self) -> None:
        self._keep(check.real_number, "initial", above=0)
        self._keep(check.real_number, "decay", minimum=0)
        self._keep(check.whole_number, "every", minimum=1)
        self._keep(check.yes_or_no, "staircase")

    def rates(self, steps: Integers) -> Array:
        return self.initial / (1 + self.decay * periods(steps, self.every, self.staircase))


@dataclass(frozen=True)
class Exponential(Schedule):
    """initial · rate^(t / every) (Keras's ``ExponentialDecay``; with ``every=1`` PyTorch's ``ExponentialLR``).

    Parameters
    ----------
    initial : float
        Rate of step 0, greater than 0.
    rate : float
        Above 0, at most 1.
    every : int, default 1
        Steps in which the learning rate falls to ``rate`` of what it was.
    staircase : bool, default False
        Whether t / every is rounded down, so that the rate falls in stairs: then it is `Step`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.schedules.Exponential(0.1, rate=0.25, every=100)(50)
    0.05
    """

    initial: float
    rate: float
    every: int = 1
    staircase: bool = False

    def _check_fields(self) -> None:
        self._keep(check.real_number, "initial", "rate", above=0)
        self._keep_at_most("rate", 1)
        self._keep(check.whole_number, "every", minimum=1)
        self._keep(check.yes_or_no, "staircase")

    def rates(self, steps: Integers) -> Array:
        return self.initial * np.power(self.rate, periods(steps, self.every, self.staircase))


@dataclass(frozen=True)
class Polynomial(Schedule):
    """final + (initial − final) · (1 − t / steps)^power, then final (Keras's ``PolynomialDecay``).

    Parameters
    ----------
    initial : float
        Rate of step 0, greater than 0.
    steps : int
        Step from which on the rate is ``final``, at least 1.
    final : float, default 0
        From 0 to ``initial``.
    power : float, default 1
        Greater than 0; 1 is a straight line.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> fm.schedules.Polynomial(1.0, steps=4).rates(np.arange(6))
    array([1.  , 0.75, 0.5 , 0.25, 0.  , 0.  ])
    """

    initial: float
    steps: int
    final: float = 0.0
    power: float = 1.0

    def _check_fields(self) -> None:
        self._keep(check.real_number, "initial", "power", above=0)
        self._keep(check.real_number, "final", minimum=0)
        self._keep_at_most("final", self.initial, "initial, ")
        self._keep(check.whole_number, "steps", minimum=1)

    def rates(self, steps: Integers) -> Array:
        left: Array = 1 - np.minimum(times(steps) / self.steps, 1)
        return self.final + (self.initial - self.final) * left**self.power
