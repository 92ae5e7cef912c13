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


def silent(line: str) -> None:
    """Say nothing."""
