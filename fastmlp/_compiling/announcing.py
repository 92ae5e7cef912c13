"""Says on stderr which kernel is compiled, how long that took last time, and on a terminal how long it has taken.

The times are kept in the folder of the kernel caches, above those of single versions: there is something to say when a
new version compiles its kernels for the first time. They are numbers in JSON, written completely or not at all, and
nothing depends on them.
"""

import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from . import cache
from .private_files import PrivateFolder

_FILE = "compile_seconds.json"
_MOST_FORMS = 500
_MOST_SECONDS = 3600.0
_SHORT = 2.0  # seconds: a kernel that takes less is not announced
_BETWEEN = 0.5  # seconds from one count to the next

# What the largest kernels are for, and how many seconds they took on one machine: more than most, less than some.
_LARGE = {
    "train_batches": ("training", 12.0),
    "train_batches_full": ("training", 30.0),
    "train_batches_sparse": ("training, zeros skipped", 15.0),
    "train_batches_sparse_full": ("training, zeros skipped", 33.0),
    "evaluate_batches": ("evaluation", 6.0),
    "evaluate_batches_sparse": ("evaluation, zeros skipped", 7.0),
    "predict_batches": ("prediction", 6.0),
    "predict_batches_sparse": ("prediction, zeros skipped", 7.0),
    "predict_rows": ("prediction", 6.0),
}


@contextlib.contextmanager
def announced(kernel: str, dtype: str, form: str) -> Iterator[None]:
    """Say what is compiled in this context unless that is short, and remember how long it took.

    ``form`` is the name of the compiled form, which says whether it is parallel.
    """
    folder = cache.cache_folder()
    seconds = _kept(folder).get(form)
    line = _line(kernel, dtype, form, seconds)
    expected = _LARGE.get(kernel, ("", 0.0))[1] if seconds is None else seconds
    with _Counter(line, 0.0 if expected >= _SHORT else _SHORT) as counter:
        yield
    _keep(folder, form, counter.seconds)


def _line(kernel: str, dtype: str, form: str, seconds: float | None) -> str:
    purpose, estimate = _LARGE.get(kernel, ("", 0.0))
    what = f"{kernel} ({', '.join([*([purpose] if purpose else []), dtype, form.rpartition('_')[2]])})"
    if seconds is not None:
        time_ = f"took {seconds:.0f} s last time"
    else:
        time_ = f"about {estimate:.0f} s, an estimate" if estimate else "some seconds"
    return f"fastmlp: compiling {what} for this CPU, once: {time_}"


# ---------------------------------------------------------------- the line


class _Counter:
    """Writes a line after ``delay`` seconds; on a terminal, it then counts the seconds until it is left."""

    def __init__(self, line: str, delay: float) -> None:
        self._line, self._delay = line, delay
        self._stream = sys.stderr
        self._over, self._thread = threading.Event(), threading.Thread(target=self._run, daemon=True)
        self.seconds = 0.0

    def __enter__(self) -> "_Counter":
        self._start = time.perf_counter()
        if self._stream is None:  # a program without a console
            return self
        if self._delay == 0 and not self._counts:
            self._write(f"{self._line}\n")
        else:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._start
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def _counts(self) -> bool:
        try:
            return bool(self._stream.isatty())
        except (AttributeError, ValueError):  # a stand-in, or a stream that is closed
            return False

    def _run(self) -> None:
        if self._over.wait(self._delay):
            return
        self._write(f"{self._line}\n")
        if not self._counts:
            return
        while not self._over.is_set():  # on a line of its own, which fits every terminal
            self._write(f"\r  {time.perf_counter() - self._start:.0f} s")
            self._over.wait(_BETWEEN)
        self._write(f"\r  done in {self.seconds:.1f} s\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads it
            self._stream.write(text)
            self._stream.flush()


# ---------------------------------------------------------------- the times


def _kept(folder: Path | None) -> dict[str, float]:
    """The seconds that forms of kernels took; none if there is no such file, or another one."""
    try:
        found = json.loads(_root(folder).read(_FILE))
        return {name: float(seconds) for name, seconds in found.items() if 0 < seconds < _MOST_SECONDS}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _keep(folder: Path | None, form: str, seconds: float) -> None:
    """Note the time of a form. Of two processes that do so at once, one may be forgotten."""
    kept = {name: found for name, found in _kept(folder).items() if name != form}
    latest = dict([*kept.items(), (form, round(seconds, 2))][-_MOST_FORMS:])
    with contextlib.suppress(OSError):
        _root(folder).write(_FILE, json.dumps(latest, indent=1).encode())


def _root(folder: Path | None) -> PrivateFolder:
    """The folder above that of this version's kernels."""
    if folder is None:
        raise OSError("there is no cache")
    return PrivateFolder(folder.parent)
