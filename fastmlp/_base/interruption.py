"""Ctrl-C: looked after while a model is trained, put off where numba must not be disturbed, and never lost.

Python's own handler raises `KeyboardInterrupt` wherever the main thread happens to be. Two contexts take its place for
a while: `Interruption` takes note of the first Ctrl-C and raises at its end, `uninterrupted` raises at its end whatever
was pressed in it. Both leave a handler of the program's own (or of its editor) in charge, do nothing in other threads,
and bring Python's handler back.
"""

from __future__ import annotations

# What `signal` wraps: its own functions look each handler up among names, which takes 4 µs.
import _signal  # type: ignore[import-not-found]
import contextlib
import os
import signal
import sys
import threading
from types import FrameType, TracebackType


class _Console:
    """What is known of Ctrl-C; only the main thread changes it."""

    def __init__(self) -> None:
        self.entered = 0  # interruptions, one inside the other
        self.happened = False  # since the outermost was entered
        self.closed = 0  # contexts in which nothing is raised
        self.waiting = 0  # signals that came in one of them
        self.note = ""  # what to tell whoever pressed

    def take(self, number: int, frame: FrameType | None) -> None:
        """The handler."""
        if not self.closed:
            self._deliver()
            return
        self.waiting += 1
        if self.note and self.waiting == 1:
            with contextlib.suppress(Exception):  # the signal may have come while a line was being written
                print(f"fastmlp: {self.note}", file=sys.stderr, flush=True)

    def _deliver(self) -> None:
        if self.entered and not self.happened:
            self.happened = True
        else:
            raise KeyboardInterrupt

    def deliver(self, count: int) -> None:
        """Do what so many signals ask for."""
        for _ in range(count):
            self._deliver()


_console = _Console()


def _handle(number: int, frame: FrameType | None) -> None:
    # Where it comes while a context is entered or left, it does what Python's handler would, whose place is given back.
    _give_back()
    _console.take(number, frame)


def _take_over() -> bool:
    """Put our handler in the place of Python's; whether ours is there."""
    if threading.current_thread() is not threading.main_thread():
        return False
    handler = _signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        with contextlib.suppress(ValueError):  # not the main interpreter
            _signal.signal(signal.SIGINT, _handle)
            return True
    return handler is _handle


def _give_back() -> None:
    is_over = not _console.entered and not _console.closed
    if is_over and _signal.getsignal(signal.SIGINT) is _handle:  # the program may have set its own meanwhile
        _signal.signal(signal.SIGINT, signal.default_int_handler)


def _after_fork_in_child() -> None:
    # The contexts may be those of a thread that the child does not have, or it may never come back to them.
    global _console
    _console = _Console()
    with contextlib.suppress(ValueError):
        _give_back()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


class Interruption:
    """In this context the first Ctrl-C sets ``happened``, and its end raises `KeyboardInterrupt`.

    Who works in it looks at ``happened``, comes to a good end, and need not think of the rest. A second Ctrl-C raises
    at once. Interruptions within each other, such as that of a training within that of a sweep, share the signal, and
    each raises at its own end. An error that leaves the context after Ctrl-C is what `KeyboardInterrupt` came after:
    who goes on after such errors must not go on after Ctrl-C.
    """

    def __init__(self) -> None:
        self._console: _Console | None = None
        self._is_stopped = False

    @property
    def happened(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._console is not None and self._console.happened

    @property
    def is_over(self) -> bool:
        """Whether those who work in it should end: after Ctrl-C, after `stop`, and once it is left."""
        return self._is_stopped or self.happened

    def stop(self) -> None:
        """End the work for another reason; nothing is raised for it."""
        self._is_stopped = True

    def __enter__(self) -> Interruption:
        if _take_over():
            self._console = _console
            _console.entered += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._is_stopped = True  # for threads that a second Ctrl-C did not wait for
        console = self._console
        if console is None:
            return
        console.entered -= 1
        happened = console.happened  # no call from the line above to here: a signal is taken before or after both
        if not console.entered:
            console.happened = False
        if console is _console:  # else this is a child, forked within
            _give_back()
        if happened and (kind is None or issubclass(kind, Exception)):
            raise KeyboardInterrupt


class uninterrupted:  # noqa: N801  (reads like the context managers of contextlib)
    """In this context nothing is interrupted: a Ctrl-C is heeded at its end.

    Parameters
    ----------
    note : str, optional
        Printed on stderr when Ctrl-C is pressed: how long it may take, where it does.
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
        console = self._console
        if console is None:
            return
        console.note, waiting = self._outer, 0
        console.closed -= 1
        if not console.closed:
            waiting, console.waiting = console.waiting, 0
        if console is _console:
            _give_back()
        console.deliver(waiting)
