"""The callbacks of a training run, from the arguments of `Sequential.fit`."""

from typing import Any

from .._base import check, keras
from .._base.errors import ArgumentError, ArgumentTypeError
from .base import Callback
from .progress_bar import ProgressBar, ProgressLine, progress

_NEVER_CALLED = (
    "on_train_batch_begin",
    "on_batch_begin",
    *(f"on_{what}{of}_{end}" for what in ("test", "predict") for of in ("", "_batch") for end in ("begin", "end")),
)


def listeners(callbacks: Any, verbose: Any) -> list[Callback]:
    """The callbacks, with one that shows progress unless they already have one."""
    given, shown = _checked(callbacks), progress(check.verbosity(verbose))
    shows = given and any(isinstance(item, (ProgressBar, ProgressLine)) for item in given)
    return given if shows else [*given, *shown]


def _checked(given: Any) -> list[Callback]:
    if isinstance(given, Callback):
        given = [given]
    found = [] if given is None else check.items(given, "callbacks", "fastmlp.callbacks.Callback objects")
    for item in found:
        if not isinstance(item, Callback):
            raise ArgumentTypeError(
                f"callbacks must be fastmlp.callbacks.Callback objects, not {item!r:.60}{keras.made(item)}"
            )
        _refuse_other_hooks(item)
    return found


def _refuse_other_hooks(callback: Callback) -> None:
    """Refuse a callback with a hook of Keras that is never called, which its author relies on."""
    name = next((name for name in _NEVER_CALLED if hasattr(callback, name)), None)
    if name is not None:
        raise ArgumentError(
            f"{type(callback).__name__} has {name}(), which is never called: the hooks are on_train_begin, "
            "on_epoch_begin, on_train_batch_end, on_epoch_end and on_train_end"
        )
