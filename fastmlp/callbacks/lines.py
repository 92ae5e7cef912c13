"""The words and numbers of progress lines and bars."""

from typing import Any

from .._base import check
from .._compiling.waiting import working_time
from .base import Logs

_NOT_SHOWN = ("seconds", "samples_per_second", "learning_rate")
_IN_WORDS = {"max_time": "the time given is over", "interrupted": "interrupted", "failed": "an error"}


def in_words(reason: str) -> str:
    """Why training ended."""
    return _IN_WORDS.get(reason, reason)


def head(epoch: int, epochs: int) -> str:
    """The number of an epoch, which counts from 0, and of all."""
    return f"epoch {epoch + 1:{len(str(epochs))}d}/{epochs}"


def share_of_epoch(batch: int, run_info: dict[str, Any]) -> float:
    """How much of an epoch is done, from 0 to 1; 0 if nobody knows how many batches it has."""
    return min(1.0, batch / run_info["batches"]) if run_info["batches"] else 0.0


def values(logs: Logs) -> str:
    """The loss, the metrics and the speed; nothing else that callbacks write, such as a text or an array."""
    numbers = {name: check.number_in(value) for name, value in logs.items() if name not in _NOT_SHOWN}
    shown = [f"{name} {number:.4f}" for name, number in numbers.items() if number is not None]
    return "  ".join([*shown, f"{logs['samples_per_second']:,.0f} samples/s"])


def duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def remaining(start: float, done: float, wanted: float) -> float:
    """The seconds that a run still takes, if ``done`` of its ``wanted`` epochs took the time since ``start``."""
    passed = working_time() - start
    return passed / done * max(0.0, wanted - done) if done else 0.0
