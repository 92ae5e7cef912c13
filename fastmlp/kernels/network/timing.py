"""Timers of a training step, which exist only in a kernel of their own.

A kernel with ``timers`` is declared with an empty ``int8`` array for normal work; then `lap` compiles to nothing.
Declared with ``int64``, it is the same kernel with timers.
"""

import numpy as np

from ..._base.tables import PHASES
from ..._compiling.jit import inner
from ..simd import is_timed, ticks


@inner
def start_lap(timers):
    """The present time, if there are timers."""
    if is_timed(timers):
        return ticks()
    return np.int64(0)


@inner
def lap(timers, row, phase, start):
    """Add the time since ``start`` to a phase of one row of ``timers``, which one thread owns; returns the time."""
    now = start_lap(timers)
    if is_timed(timers):
        at = row * PHASES + phase
        timers[at] = timers[at] + (now - start)
    return now
