"""Runs several trainings at once, in Python threads.

Kernels release the interpreter's lock while they compute, so trainings with kernels on one thread run side by side on
one copy of the data. Each has the same bits as if it ran alone.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError, FastMLPError
from .._base.interruption import Interruption
from .._compiling import threads
from ..callbacks import Callback, Logs
from ..model import Sequential
from ..tables.columns import rows_at

T = TypeVar("T")

_LOOK_SECONDS = 0.1  # between checks of the main thread, which alone receives Ctrl-C


def resolve_workers(workers: int | None, tasks: int) -> int:
    """How many tasks run at once: by default as many as there are threads, but never more than there are tasks."""
    if workers is None:
        workers = threads.get_num_threads()
    return max(1, min(check.whole_number(workers, "workers", minimum=1), tasks))


def kernel_threads(workers: int) -> int | None:
    """Threads for the kernels of each task: all of them if it runs alone, else one."""
    return None if workers == 1 else 1


def checked_verbose(verbose: Any) -> bool:
    """Check ``verbose``; returns whether to print."""
    if verbose not in (0, 1):
        raise ArgumentError(f"verbose must be 0 or 1, not {verbose!r:.60}")
    return bool(verbose)


def checked_factory(make: Any, what: str) -> Callable[[Any], Iterable[Callback]]:
    """Check the function that makes the callbacks of each training; None makes none."""
    if make is not None and not callable(make):
        raise ArgumentTypeError(
            f"callbacks must be a function that takes {what} and returns a list of new callbacks, because several "
            f"models are trained at once and callbacks remember things, not {make!r:.60}"
        )
    return make or no_callbacks


def no_callbacks(_: Any) -> list[Callback]:
    """What makes callbacks where none are asked for."""
    return []


class StopSoon(Callback):
    """Ends the training of its model soon after the interruption that all trainings share."""

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption
        self.has_stopped = False

    def on_batches_end(self, batch: int, logs: Logs) -> None:
        if self._interruption.is_over:
            self.model.stop_training = self.has_stopped = True


def run_tasks(
    tasks: Sequence[Callable[[], T]], workers: int, interruption: Interruption, done: Callable[[int, T], None]
) -> None:
    """Run tasks in their order, ``workers`` at a time; after an interruption no further task starts.

    This thread calls ``done(number, result)`` when a task ends. An error of a task or of ``done`` interrupts the
    others, and is raised when they have ended.
    """
    if workers == 1:
        for number, task in enumerate(tasks):
            if interruption.is_over:
                return
            done(number, task())
        return
    # Callbacks and metrics call kernels too, without a number of threads.
    with ThreadPoolExecutor(workers, "fastmlp", threads.limit_this_thread, (1,)) as pool:
        numbers = {pool.submit(_unless_interrupted, task, interruption): n for n, task in enumerate(tasks)}
        try:
            waiting = set(numbers)
            while waiting:
                ended, waiting = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED)
                for future in sorted(ended, key=numbers.__getitem__):
                    for result in future.result():
                        done(numbers[future], result)
        except BaseException:
            interruption.stop()
            raise


def _unless_interrupted(task: Callable[[], T], interruption: Interruption) -> list[T]:
    return [] if interruption.is_over else [task()]


def new_copy(model: Sequential) -> Sequential:
    """A new compiled model with the declarations of this one, without anything that it has learned.

    It has neither its weights and history, nor the statistics, names and labels that it took from data.
    """
    copy = model.cloned()
    copy.seed = model.seed
    copy.compile(model.rule, model.loss, model.metrics)
    return copy


def warm_up(model: Sequential, x: Any, y: Any) -> None:
    """Load or compile the kernels of such a model, before several threads wait for the one that compiles."""
    trial = new_copy(model)
    trial.data_known = model.data_known
    with contextlib.suppress(FastMLPError):  # the training itself will raise and report the error
        some, labels = rows_at(x, slice(2)), y[:2]
        trial.fit(some, labels, epochs=1, verbose=0, n_threads=1)
        trial.evaluate(some, labels, n_threads=1)
        trial.predict(some, n_threads=1)
