"""Combines schedules: a warm-up, and `get` for numbers and configurations."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentTypeError
from .._base.types import Array, Integers
from .base import Schedule, times, warmed_up
from .cosine import Cosine, CosineRestarts, OneCycle
from .decay import Constant, Exponential, InverseTime, Piecewise, Polynomial, Step


@dataclass(frozen=True)
class Warmup(Schedule):
    """A line from start up to the first rate of another schedule, which follows.

    Parameters
    ----------
    schedule : Schedule or float
        The schedule after the warm-up; its step 0 is step ``steps`` of the whole. A number is a constant rate.
    steps : int
        Length of the warm-up, at least 1.
    start : float, default 0
        Rate of step 0, at least 0. With 0, the first step changes no weight.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> fm.schedules.Warmup(0.4, steps=4).rates(np.arange(6))
    array([0. , 0.1, 0.2, 0.3, 0.4, 0.4])
    """

    schedule: Schedule
    steps: int
    start: float = 0.0

    def __init__(self, schedule: Schedule | float | dict[str, Any], steps: int, start: float = 0.0) -> None:
        object.__setattr__(self, "schedule", get(schedule, "schedule"))
        object.__setattr__(self, "steps", check.whole_number(steps, "steps", minimum=1))
        object.__setattr__(self, "start", check.real_number(start, "start", minimum=0))

    def rates(self, steps: Integers) -> Array:
        t = times(steps)
        after = self.schedule.rates(np.maximum(t - self.steps, 0).astype(np.int64))
        return warmed_up(t, self.steps, self.start, self.schedule(0), after)


_KINDS = (Constant, Step, Piecewise, InverseTime, Exponential, Polynomial, Cosine, CosineRestarts, OneCycle, Warmup)
TYPES: dict[str, type[Schedule]] = {kind.__name__: kind for kind in _KINDS}


def get(value: float | Schedule | dict[str, Any], name: str = "learning_rate") -> Schedule:
    """A schedule from a number (`Constant`), its configuration or itself.

    Parameters
    ----------
    value : float, Schedule or dict
    name : str, default "learning_rate"
        Its name in messages.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If it is none of these, or a configuration of an unknown type or with wrong fields.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.schedules.get({"type": "Step", "initial": 0.1, "factor": 0.5, "every": 10})
    Step(initial=0.1, factor=0.5, every=10)
    """
    if isinstance(value, Schedule):
        return value
    if isinstance(value, dict):
        arguments = dict(value)
        kind = check.choice(arguments.pop("type", None), f"{name} type", TYPES)
        try:
            return TYPES[kind](**arguments)
        except TypeError as error:
            raise ArgumentTypeError(f"{name} {kind!r}: {error}") from None
    if isinstance(value, (str, bytes)) or value is None:
        raise ArgumentTypeError(f"{name} must be a number or a fastmlp.schedules.Schedule, not {value!r}")
    return Constant(check.real_number(value, name, above=0))
