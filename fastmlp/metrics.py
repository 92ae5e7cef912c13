"""Names of the metrics that a model can report besides its loss. Floor 2."""

from __future__ import annotations

from collections.abc import Iterable

from . import _check
from ._errors import ArgumentTypeError

METRICS = ("accuracy",)


def get(names: Iterable[str]) -> tuple[str, ...]:
    """Checked metric names, each once."""
    if isinstance(names, str):
        raise ArgumentTypeError(f"metrics must be a list of names, not the text {names!r}: use [{names!r}]")
    chosen = _check.items(names, "metrics", "names")
    return tuple(dict.fromkeys(_check.choice(name, "metrics", METRICS) for name in chosen))
