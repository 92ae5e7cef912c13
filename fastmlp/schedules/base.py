"""The base of all schedules: their checks, and the parts of their formulas."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base import check as _check
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array, Integers


@dataclass(frozen=True)
class Schedule:
    """Base of all schedules. For your own, derive a class and override `rates`.

    A model file does not contain your code: a loaded model continues with the last rate of your schedule.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> class Sawtooth(fm.schedules.Schedule):
    ...     def rates(self, steps):
    ...         return 0.01 * (1 - steps % 10 / 10)
    >>> Sawtooth()(5)
    0.005
    """

    def __post_init__(self) -> None:
        self._check_fields()

    def _check_fields(self) -> None:
        """Check all fields, and convert them to their types."""

    def _keep(self, check: Callable[..., Any], *names: str, **limits: Any) -> None:
        for name in names:
            object.__setattr__(self, name, check(getattr(self, name), name, **limits))

    def _keep_at_most(self, name: str, limit: float, what: str = "") -> None:
        if getattr(self, name) > limit:
            raise ArgumentError(f"{name} must be at most {what}{limit:g}, not {getattr(self, name)!r}")

    def rates(self, steps: Integers) -> Array:
        """The learning rate, in float64, of each optimiser step in an array; steps count from 0."""
        raise TypeError(f"{type(self).__name__} has no rates")

    def checked_rates(self, steps: Integers) -> Array:
        """The result of `rates`; an overridden method must return finite numbers of at least 0, one for each step."""
        given, name = self.rates(steps), f"what {type(self).__name__}.rates(steps) returns"
        rates = _check.numbers(given, name).astype(np.float64, copy=False)
        if rates.shape != steps.shape or not (np.isfinite(rates) & (rates >= 0)).all():
            raise ArgumentError(f"{name} must be {len(steps)} finite numbers of at least 0, not {given!r:.60}")
        return rates

    def __call__(self, step: int) -> float:
        """The learning rate of one step, counted from 0."""
        return float(self.checked_rates(np.array([_check.whole_number(step, "step", minimum=0)]))[0])

    def config(self) -> dict[str, Any] | None:
        """A JSON-ready description, which `get` reads back; None for a schedule of the user's."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        found: dict[str, Any] = {"type": type(self).__name__}
        for name, value in fields.items():
            found[name] = _plain(value)
            if isinstance(value, Schedule) and found[name] is None:
                return None
        return found if type(self).__module__.startswith(__package__) else None


def _plain(value: Any) -> Any:
    if isinstance(value, Schedule):
        return value.config()
    return list(value) if isinstance(value, tuple) else value


def times(steps: Any) -> Array:
    """Steps as float64, which holds them exactly up to 2**53."""
    numbers = np.asarray(steps)
    if numbers.dtype.kind not in "iu":
        raise ArgumentTypeError(f"steps must be whole numbers, not dtype {numbers.dtype}")
    if numbers.min(initial=0) < 0:
        raise ArgumentError(f"steps must be at least 0, not {numbers.min()}")
    return numbers.astype(np.float64)


def periods(steps: Any, every: int, staircase: bool) -> Array:
    """How many periods of ``every`` steps have passed; with ``staircase`` only whole ones count."""
    t = times(steps)
    return np.floor_divide(t, every) if staircase else t / every


def half_cosine(first: Array | float, last: Array | float, share: Array) -> Array:
    """Half a cosine from ``first`` at share 0 to ``last`` at share 1, and constant outside."""
    weight: Array = (1 + np.cos(np.pi * np.clip(share, 0, 1))) / 2
    return last + (first - last) * weight


def warmed_up(t: Array, steps: int, start: float, target: float, after: Array) -> Array:
    """A line from ``start`` to ``target`` in the first steps, then ``after``."""
    line = start + (target - start) * (t / max(steps, 1))
    return np.where(t < steps, line, after)
