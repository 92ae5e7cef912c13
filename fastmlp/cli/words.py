"""What several commands print, and how they end."""

from collections.abc import Callable

from .._base.errors import FastMLPError
from .._network.scores import Scores

Say = Callable[[str], object]


class RunFailed(FastMLPError):
    """Training was interrupted; its results have been saved and printed."""


def in_words(values: Scores) -> str:
    """Results as one line, the metrics first: "accuracy 0.9789 loss 0.0712"."""
    return "  ".join(f"{name} {values[name]:.4f}" for name in sorted(values.keys(), key=lambda name: name == "loss"))


def scores_in_words(values: Scores) -> str:
    """The same for scores of any size: "mae 1234.57  loss 2.5e+06"."""
    names = sorted(values.keys(), key=lambda name: name == "loss")
    return "  ".join(f"{name} {in_digits(values[name])}" for name in names)


def in_digits(value: float) -> str:
    """A number with four digits after the point, or six digits if it is large."""
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.6g}"


def silent(line: str) -> None:
    """Say nothing."""
