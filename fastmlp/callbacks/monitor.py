"""Monitors a value of the logs, and decides which values are better."""

import math
from collections.abc import Iterable
from typing import Any

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from ..metrics import larger_is_better
from .base import Logs


class Monitor:
    """Reads one value from the logs of each epoch and compares it with the best so far.

    ``mode`` is "min" or "max", or "auto" to ask the metric; smaller losses are better. Changes below ``min_delta`` do
    not count.
    """

    def __init__(self, name: Any, mode: Any, min_delta: Any = 0.0) -> None:
        if not isinstance(name, str):
            raise ArgumentTypeError(f"monitor must be the name of a value in the logs, not {name!r:.60}")
        self.name = name
        self.min_delta = check.real_number(min_delta, "min_delta", minimum=0)
        self._asked = check.choice(mode, "mode", ("auto", "min", "max"))
        self.mode = self._asked  # "auto" until a run starts

    def begin(self, run_info: dict[str, Any]) -> None:
        """Start a run; refuses a run that will never have the value."""
        validated = run_info["validation_rows"] > 0
        self._every = run_info["validation_freq"] if validated else 1
        if not validated and self._is_validation and self.name.removeprefix("val_") in run_info["logs"]:
            raise self._missing(run_info["logs"])
        self.mode = self._found_mode(run_info["higher_is_better"]) if self._asked == "auto" else self._asked

    def _found_mode(self, higher_is_better: dict[str, bool | None]) -> str:
        known = higher_is_better.get(self.name.removeprefix("val_"))
        known = larger_is_better(self.name) if known is None else known
        if known is None:
            raise ArgumentError(
                f"whether {self.name!r} is better when larger is not known: say mode='min' or mode='max'"
            )
        return "max" if known else "min"

    def read(self, logs: Logs, epoch: int) -> float | None:
        """The value after an epoch; None if the epoch has no validation. The logs must have it otherwise."""
        if self.name in logs:
            return float(logs[self.name])
        if self._is_validation and (epoch + 1) % self._every:
            return None
        raise self._missing(logs)

    @property
    def _is_validation(self) -> bool:
        return self.name.startswith("val_")

    def _missing(self, names: Iterable[str]) -> ArgumentError:
        there = list(names)
        remedy = "monitor one of these"
        if self._is_validation and not any(name.startswith("val_") for name in there):
            remedy = f"give fit() validation_data or validation_split, or {remedy}"
        return ArgumentError(
            f"monitor is {self.name!r}, but the logs of this training are {', '.join(map(repr, there))}: {remedy}"
        )

    def improves(self, value: float, best: float | None) -> bool:
        """Whether a value is better than another by more than ``min_delta``; NaN is never better."""
        if best is None or math.isnan(best):
            return not math.isnan(value)
        return value > best + self.min_delta if self.mode == "max" else value < best - self.min_delta
