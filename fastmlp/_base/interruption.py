"""Handles Ctrl-C: training stops cleanly, numba is not disturbed, and no Ctrl-C is lost.

Python's own handler raises `KeyboardInterrupt` wherever the main thread happens to be. Two contexts replace it for a
while: `Interruption` notes the first Ctrl-C and raises at its end; `uninterrupted` delays every Ctrl-C to its end.
Neither replaces a handler of the program or its editor, or does anything in other threads. Both restore Python's
handler.
"""

from __future__ import annotations

# The module that `signal` wraps: the functions of `signal` look up each handler by name, which takes 4 µs.
import _signal  # type: ignore[import-not-found]
import contextlib
import os
import signal
import sys
import threading
from types import FrameType, TracebackType


class _Console:
    """The state of Ctrl-C; only the main thread changes it."""

    def __init__(self) -> None:
        self.thread = threading.main_thread().ident  # the only one in which Python handles signals
        self.entered = 0  # interruptions, one inside the other
        self.happened = False  # since the outermost was entered
        self.closed = 0  # contexts that delay Ctrl-C
        self.waiting = 0  # delayed signals
        self.note = ""  # what to print after Ctrl-C

    def take(self, number: int, frame: FrameType | None) -> None:
        """The handler."""
        if not self.closed:
            self._deliver()
            return
        self.waiting += 1
        if self.note and self.waiting == 1:
            with contextlib.suppress(Exception):  # the signal may have interrupted a write
                print(f"fastmlp: {self.note}", file=sys.stderr, flush=True)

    def _deliver(self) -> None:
        if self.entered and not self.happened:
            self.happened = True
        else:
            raise KeyboardInterrupt

    def deliver(self, count: int) -> None:
        """Handle this many signals."""
        for _ in range(count):
            self._deliver()


_console = _Console()


def _handle(number: int, frame: FrameType | None) -> None:
    # A signal on entering or leaving a context does what Python's handler would do, which is restored.
    _give_back()
    _console.take(number, frame)


def _take_over() -> bool:
    """Replace Python's handler by ours; returns whether ours is in place."""
    if threading.get_ident() != _console.thread:
        return False
    handler = _signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        with contextlib.suppress(ValueError):  # not the main interpreter
            _signal.signal(signal.SIGINT, _handle)
            return True
    return handler is _handle


def _give_back() -> None:
    is_over = not _console.entered and not _console.closed
    if is_over and _signal.getsignal(signal.SIGINT) is _handle:  # the program may have set its own handler meanwhile
        _signal.signal(signal.SIGINT, signal.default_int_handler)


def _after_fork_in_child() -> None:
    # The contexts may belong to a thread that the child does not have, or the child may never leave them.
    global _console
    _console = _Console()
    with contextlib.suppress(ValueError):
        _give_back()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


class Interruption:
    """In this context the first Ctrl-C sets ``happened``, and its end raises `KeyboardInterrupt`.

    The code inside checks ``happened`` and stops cleanly. A second Ctrl-C raises at once. Nested interruptions, such
    as that of a training inside a sweep, share the signal, and each raises at its own end. If an error leaves the
    context after Ctrl-C, `KeyboardInterrupt` replaces it, so that code that continues after errors stops after Ctrl-C.
    """

    def __init__(self) -> None:
        self._console: _Console | None = None
        self._is_stopped = False

    def has_happened(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._console is not None and self._console.happened

    @property
    def is_over(self) -> bool:
        """Whether the work inside should end: after Ctrl-C, after `stop`, and once the context is left."""
        return self._is_stopped or self.has_happened()

    def stop(self) -> None:
        """End the work for another reason, without raising an error."""
        self._is_stopped = True

    def __enter__(self) -> Interruption:
        if _take_over():
            self._console = _console
            _console.entered += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._is_stopped = True  # for threads that still run after a second Ctrl-C
        console = self._console
        if console is None:
            return
        console.entered -= 1
        happened = console.happened  # no call since the line above: a signal comes before or after both
        if not console.entered:
            console.happened = False
        if console is _console:  # otherwise this is a child that was forked inside
            _give_back()
        if happened and (kind is None or issubclass(kind, Exception)):
            raise KeyboardInterrupt


class uninterrupted:  # noqa: N801  (reads like the context managers of contextlib)
    """Delay Ctrl-C to the end of this context; for a long one, print ``note`` on stderr when it is pressed.

    One object serves for many contexts, one after the other.
    """

    def __init__(self, note: str = "") -> None:
        self._note = note
        self._console: _Console | None = None

    def __enter__(self) -> None:
        if _take_over():
            self._console = _console
            _console.closed += 1
            self._outer, _console.note = _console.note, self._note or _console.note

    def __exit__(self, *_: object) -> None:
        console, self._console = self._console, None  # it may be entered again, under another handler
        if console is None:
            return
        console.note, waiting = self._outer, 0
        console.closed -= 1
        if not console.closed:
            waiting, console.waiting = console.waiting, 0
        if console is _console:
            _give_back()
        if waiting:
            console.deliver(waiting)
