"""Determines how many threads kernels use, and keeps parallel launches safe.

The first of these that is set counts: a call's ``n_threads``; the limit of a thread that trains beside others;
`set_num_threads`; and the settings of OpenMP, the smaller of ``OMP_NUM_THREADS``, which Dask, Ray, Spark and joblib
set for their workers, and the limit that OpenMP's runtime keeps for each thread, which threadpoolctl changes. There
are never more threads than `available_threads`.
"""

import contextlib
import ctypes
import functools
import math
import operator
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from .._base.errors import ArgumentError, ArgumentTypeError
from .fallback import FallingBack

_chosen: int | None = None  # set by set_num_threads
_launched = False  # a parallel region has run in this process or, before a fork, in its parent
_forked = False
_launch_lock = threading.Lock()
_this_thread = threading.local()  # its attribute most, if it trains beside others


def _after_fork_in_child() -> None:
    # OpenMP ends a forked child at its first parallel region, so the child computes serially. The parent's own use of
    # numba counts too, because it starts the same threads.
    global _forked, _launch_lock
    _forked = _forked or _launched or layer() is not None
    _launch_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def cgroup_quota(root: str = "/sys/fs/cgroup") -> int | None:
    """The CPUs that the container may use by cgroup v2 or v1, rounded up; None without a limit."""
    try:
        quota, period = _read(root, "cpu.max").split()
    except (OSError, ValueError):
        try:
            quota = _read(root, "cpu", "cpu.cfs_quota_us").strip()
            period = _read(root, "cpu", "cpu.cfs_period_us").strip()
        except OSError:
            return None
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None  # "max", or -1
    return max(1, math.ceil(int(quota) / int(period)))


@functools.cache
def _own_quota() -> int | None:
    return cgroup_quota()  # once for each process, because reading files takes longer than predicting a row


def _read(*path: str) -> str:
    with open(os.path.join(*path), encoding="ascii") as file:
        return file.read()


def available_threads() -> int:
    """The least of the CPU affinity, the container's quota, ``NUMBA_NUM_THREADS`` and ``OMP_THREAD_LIMIT``."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _own_quota()
    if quota is not None:
        count = min(count, quota)
    for name in ("NUMBA_NUM_THREADS", "OMP_THREAD_LIMIT"):
        limit = os.environ.get(name, "")
        if limit.isdigit() and int(limit) > 0:
            count = min(count, int(limit))
    return max(1, count)


def asked_of_openmp() -> int | None:
    """The number of threads that OpenMP's settings ask for; None without settings."""
    asked = (first_number(os.environ.get("OMP_NUM_THREADS", "")), runtime_limit())
    return min((number for number in asked if number is not None), default=None)


@functools.lru_cache(maxsize=8)
def first_number(text: str) -> int | None:
    """The number in ``OMP_NUM_THREADS``: ``"4"``, or the first of ``"4,2"``, a list for nested regions.

    None if it is not a list of whole numbers from 1 on, which OpenMP ignores.
    """
    if not re.fullmatch(r"\s*\+?[0-9]+\s*(,\s*\+?[0-9]+\s*)*", text):
        return None
    numbers = [int(number) for number in text.split(",")]
    return numbers[0] if min(numbers) > 0 else None


def layer() -> str | None:
    """The threading layer of numba ("omp", "tbb" or "workqueue"); None before its threads have started."""
    try:
        name: str = sys.modules["numba"].threading_layer()
    except (
        KeyError,
        AttributeError,
        ValueError,
    ):  # numba is not imported, only partly imported, or has not started threads
        return None
    return name


_ask_runtime: Callable[[], int] | None = None


def runtime_limit() -> int | None:
    """The threads that OpenMP's runtime gives this thread; None before numba has loaded it, and on other layers.

    Each Python thread has its own limit; `threadpoolctl.threadpool_limits` changes that of the calling thread.
    """
    global _ask_runtime
    if _ask_runtime is None and layer() is not None:
        _ask_runtime = _runtimes_question()
    return (_ask_runtime() or None) if _ask_runtime is not None else None


def _runtimes_question() -> Callable[[], int]:
    """``omp_get_max_threads`` of the very library that numba uses, or a function that returns 0."""
    if layer() == "omp":
        with FallingBack("limits of OpenMP's runtime are not heeded"), contextlib.suppress(OSError, AttributeError):
            from .numba_privates import openmp_of_numba

            # A symbol is looked up in the loaded library, and in those that it is linked with.
            ask: Callable[[], int] = openmp_of_numba().omp_get_max_threads
            return ask
    return lambda: 0


def set_num_threads(n: int | None) -> None:
    """Set how many threads kernels use in this process.

    Parameters
    ----------
    n : int or None
        At least 1. Larger numbers than the process may use are reduced. None restores the default: the number of
        ``OMP_NUM_THREADS`` or OpenMP's runtime, else all threads.

    Examples
    --------
    >>> import fastmlp
    >>> fastmlp.set_num_threads(1)
    >>> fastmlp.get_num_threads()
    1
    >>> fastmlp.set_num_threads(None)
    """
    global _chosen
    _chosen = None if n is None else _checked(n, "n")


def get_num_threads() -> int:
    """How many threads a kernel with enough work uses."""
    return resolve_threads(None)


def resolve_threads(n_threads: int | None) -> int:
    """The threads of one call: its own ``n_threads``, else the other settings, but never more than there are."""
    wanted = _asked_for() if n_threads is None else _checked(n_threads, "n_threads")
    if _forked or wanted == 1:
        return 1
    available = available_threads()
    return available if wanted is None else min(wanted, available)


def _asked_for() -> int | None:
    most: int | None = getattr(_this_thread, "most", _chosen)
    return asked_of_openmp() if most is None else most


def limit_this_thread(most: int) -> None:
    """Let kernels called by this Python thread use this many threads, unless a call says otherwise."""
    _this_thread.most = most


def _checked(n: Any, name: str) -> int:
    try:
        value = operator.index(n)
    except TypeError:
        raise ArgumentTypeError(f"{name} must be a whole number of threads or None, not {n!r}") from None
    if value < 1:
        raise ArgumentError(f"{name} must be at least 1, not {n!r}; 1 means no parallel region at all")
    return value


# An OpenMP thread waits actively for this many loop passes before it sleeps. The default of 300,000 takes some
# milliseconds. If other programs need the CPU, waiting threads then keep it from the thread that works, and training
# took several times as long. On an idle CPU, 5,000 are as fast; 1,000 are slower, because threads must be woken.
_ACTIVE_WAITS = "5000"


def start() -> None:
    """Start numba's threads first: GNU OpenMP reads once how to wait. Raises ValueError if there is no such layer."""
    chosen = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys()
    if not chosen:
        os.environ["GOMP_SPINCOUNT"] = _ACTIVE_WAITS
    try:
        with _kept_limit(), FallingBack("numba starts its threads later", but=ValueError):
            from .numba_privates import launch_threads

            launch_threads()
    finally:
        if not chosen:
            del os.environ["GOMP_SPINCOUNT"]


@contextlib.contextmanager
def _kept_limit() -> Iterator[None]:
    """Keep the limit of this thread if OpenMP is already loaded, because numba sets its own."""
    library = None
    with contextlib.suppress(OSError, AttributeError):  # not loaded, or another system
        library = ctypes.CDLL("libgomp.so.1", mode=os.RTLD_NOLOAD)
        before = library.omp_get_max_threads()
    yield
    if library is not None:
        library.omp_set_num_threads(before)


def launch(function: Any, n_threads: int, args: tuple[Any, ...]) -> Any:
    """Call a parallel kernel on ``n_threads`` threads, and restore the caller's own numba setting."""
    global _launched
    import numba

    n_threads = min(n_threads, numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    before = numba.get_num_threads()
    # The workqueue layer aborts the process if two Python threads launch at once. The layer in use is known only after
    # the first launch.
    needs_lock = not _launched or layer() == "workqueue"
    with _launch_lock if needs_lock else contextlib.nullcontext():
        try:
            numba.set_num_threads(n_threads)
            result = function(*args)
            _launched = True
            return result
        finally:
            numba.set_num_threads(before)
