"""The callbacks of a training run, from the arguments of `Sequential.fit`."""

from typing import Any

from .._base import check
from .._base.errors import ArgumentTypeError
from .base import Callback
from .progress_bar import ProgressBar, ProgressLine, progress


def listeners(callbacks: Any, verbose: Any) -> list[Callback]:
    """The callbacks, with one that shows progress unless they already have one."""
    given, shown = _checked(callbacks), progress(check.verbosity(verbose))
    shows = given and any(isinstance(item, (ProgressBar, ProgressLine)) for item in given)
    return given if shows else [*given, *shown]


def _checked(given: Any) -> list[Callback]:
    if isinstance(given, Callback):
        return [given]
    found = [] if given is None else check.items(given, "callbacks", "fastmlp.callbacks.Callback objects")
    for item in found:
        if not isinstance(item, Callback):
            raise ArgumentTypeError(f"callbacks must be fastmlp.callbacks.Callback objects, not {item!r:.60}")
    return found
