"""Chooses how many threads a kernel call uses while other programs use the CPU too."""

import math
from collections.abc import Callable

_SLOW = 1e-10  # seconds per floating-point operation on several threads; above this, one thread may be faster
# The same for short calls. When a system wakes two threads on one CPU, each parallel region lasts until its scheduler
# moves one of them: calls of 0.15 ms took 2.2 ms for the first tenths of a second of a run.
_SLOW_SHORT = 1e-11  # while it is not known what one thread takes
_SHORT = 2e8  # operations of a short call, of which a trial is cheap
_SLOWER = 1.6  # or above this many times the best time of several threads
_TRIAL_CALLS = 20  # slow calls on several threads, after one thread was slower, until one is tried again
_FIRST_HOLD = 4  # calls on one thread, after it was faster, until several are tried again: disturbances may be short
_MOST_HOLD = 256  # the most such calls: the number doubles each time that several threads are slow again
_SLOW_CALLS = 2  # slow calls in a row before one thread is tried: the first call after a pause is often slow
_PATIENCE = 5.0  # lost seconds after which compiling a kernel for one thread pays


class ThreadChoice:
    """Chooses all of the ``most`` allowed threads, or one if that is faster.

    When other programs use the CPU, threads that wait for each other can be many times slower than one thread. The
    result has the same bits either way, so the choice is free: when several threads are slow, one thread is tried, and
    the faster choice is kept for a while. It is always measured, never assumed. ``serial_is_ready`` tells whether the
    kernel for one thread can run without compilation.
    """

    def __init__(self, most: int, serial_is_ready: Callable[[], bool] = lambda: True) -> None:
        self.most = most
        self.next = most  # threads for the next call
        self._serial_is_ready = serial_is_ready
        self._best = float("inf")  # seconds per operation on several threads
        self._latest: dict[bool, float] = {}  # seconds per operation, on several threads or on one
        self._serial_calls = 0  # still to make
        self._hold = _FIRST_HOLD
        self._unasked = 0  # calls on several threads until one thread is tried again
        self._try_one = False
        self._slow_calls = 0  # on several threads, in a row
        self._slow_cost = 0.0  # the least of these times, because a call may be slow by accident
        self._since_one = _TRIAL_CALLS  # calls on several threads since the last on one
        self._lost = 0.0

    def seconds(self, work: int) -> float | None:
        """The most seconds that the next call takes for this many operations; None if unknown."""
        several = self.next > 1
        if several in self._latest:
            return self._latest[several] * work
        return None if not self._latest else self._latest[not several] * self.most * work

    def observe(self, threads: int, work: int, seconds: float) -> None:
        """Record a call: its floating-point operations and its duration."""
        cost = seconds / max(1, work)
        self._latest[threads > 1] = cost
        if self.most == 1:
            return
        if threads == 1:
            self._observe_one(cost)
        else:
            self._observe_several(cost, work, seconds)
        self.next = 1 if self._try_one or self._serial_calls > 0 else self.most

    def _is_slow(self, cost: float, work: int) -> bool:
        is_slow_for_short = work <= _SHORT and cost > self._cost_of_one(_SLOW_SHORT)
        return cost > _SLOW or cost > _SLOWER * self._best or is_slow_for_short

    def _cost_of_one(self, unknown: float) -> float:
        return self._latest.get(False, unknown)

    def _observe_one(self, cost: float) -> None:
        self._since_one = 0
        if not self._try_one:
            self._serial_calls -= 1
            return
        self._try_one = False
        is_faster = cost < self._slow_cost
        self._serial_calls = self._hold if is_faster else 0
        self._slow_calls = 0
        self._unasked = 0 if is_faster else _TRIAL_CALLS

    def _observe_several(self, cost: float, work: int, seconds: float) -> None:
        self._best = min(self._best, cost)
        self._unasked -= 1
        self._since_one += 1
        if not self._is_slow(cost, work):
            self._slow_calls, self._hold = 0, _FIRST_HOLD
            return
        self._slow_cost = min(cost, self._slow_cost) if self._slow_calls else cost
        self._slow_calls += 1
        if self._slow_calls < _SLOW_CALLS:
            return
        if self._since_one <= _SLOW_CALLS and self._slow_cost > self._latest[False]:  # nothing has changed
            self._hold = min(2 * self._hold, _MOST_HOLD)
            self._serial_calls, self._slow_calls = self._hold, 0
        elif self._unasked <= 0 or self._slow_cost > self._cost_of_one(math.inf):
            self._lost += seconds
            self._try_one = self._serial_is_ready() or self._lost > _PATIENCE
