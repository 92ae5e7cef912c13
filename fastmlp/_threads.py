"""How many threads kernels may use, and the rules that keep parallel launches safe. Floor 0."""

from __future__ import annotations

import functools
import math
import operator
import os
import sys
import threading
from typing import Any

from ._errors import ArgumentError, ArgumentTypeError

_chosen: int | None = None  # by set_num_threads
_launched = False  # a parallel region has run in this process or, before a fork, in its parent
_forked = False
_launch_lock = threading.Lock()


def _after_fork_in_child() -> None:
    # OpenMP terminates a forked child at its first parallel region, so the child computes serially. The parent's
    # own use of numba counts as well: it starts the same threads.
    global _forked, _launch_lock
    numba_threads = sys.modules.get("numba.np.ufunc.parallel")
    _forked = _forked or _launched or bool(getattr(numba_threads, "_is_initialized", False))
    _launch_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def cgroup_quota(root: str = "/sys/fs/cgroup") -> int | None:
    """CPUs that the container may use, rounded up; None where there is no limit.

    Reads ``cpu.max`` (cgroup v2) or ``cpu.cfs_quota_us`` and ``cpu.cfs_period_us`` (v1) below ``root``.
    """
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
    return cgroup_quota()  # reading files takes longer than predicting a row: once for each process


def _read(*path: str) -> str:
    with open(os.path.join(*path), encoding="ascii") as file:
        return file.read()


def available_threads() -> int:
    """The most threads this process may use: CPU affinity, container quota and NUMBA_NUM_THREADS, the least."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _own_quota()
    if quota is not None:
        count = min(count, quota)
    limit = os.environ.get("NUMBA_NUM_THREADS", "")
    if limit.isdigit() and int(limit) > 0:
        count = min(count, int(limit))
    return max(1, count)


def set_num_threads(n: int | None) -> None:
    """Set how many threads kernels use in this process, from now on.

    Parameters
    ----------
    n : int or None
        At least 1. More than `available_threads` counts as that many. None restores the default: all of them.

    Raises
    ------
    ArgumentError
        If ``n`` is below 1.

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
    """How many threads a kernel uses that has enough work for them."""
    return resolve_threads(None)


def resolve_threads(n_threads: int | None) -> int:
    """Threads for one call: its own ``n_threads``, else the process's choice, never more than there are."""
    wanted = _chosen if n_threads is None else _checked(n_threads, "n_threads")
    if _forked or wanted == 1:
        return 1
    available = available_threads()
    return available if wanted is None else min(wanted, available)


def _checked(n: Any, name: str) -> int:
    try:
        value = operator.index(n)
    except TypeError:
        raise ArgumentTypeError(f"{name} must be a whole number of threads or None, not {n!r}") from None
    if value < 1:
        raise ArgumentError(f"{name} must be at least 1, not {n!r}; 1 means no parallel region at all")
    return value


# Loop passes for which an OpenMP thread waits actively for the others, before it sleeps. The default, 300,000, takes
# some milliseconds: where other programs want the CPU, the thread that is waited for does not get it meanwhile, and
# training took several times as long. On an idle CPU 5,000 are as fast; 1,000 are slower, as threads must be woken.
_ACTIVE_WAITS = "5000"


def start() -> None:
    """Load numba's threads, before anything else does: GNU OpenMP reads how to wait from the environment, once."""
    from numba.np.ufunc.parallel import _launch_threads

    chosen = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys()
    if not chosen:
        os.environ["GOMP_SPINCOUNT"] = _ACTIVE_WAITS
    try:
        _launch_threads()  # type: ignore[no-untyped-call]
    finally:
        if not chosen:
            del os.environ["GOMP_SPINCOUNT"]


def launch(function: Any, n_threads: int, args: tuple[Any, ...]) -> Any:
    """Call a parallel kernel on ``n_threads`` threads; the caller's own numba setting is restored."""
    global _launched
    import numba
    from numba.core import config
    from numba.np.ufunc.parallel import threading_layer

    n_threads = min(n_threads, config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    before = numba.get_num_threads()
    # The workqueue layer aborts the process when two Python threads launch at once. Which layer is in use is
    # known only after the first launch.
    needs_lock = not _launched or threading_layer() == "workqueue"  # type: ignore[no-untyped-call]
    if needs_lock:
        _launch_lock.acquire()
    try:
        numba.set_num_threads(n_threads)
        result = function(*args)
        _launched = True
        return result
    finally:
        numba.set_num_threads(before)
        if needs_lock:
            _launch_lock.release()
