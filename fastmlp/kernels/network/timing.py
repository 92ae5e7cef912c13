"""Where a training step spends its time: timers that exist only in a kernel of its own.

A kernel that takes ``timers`` is declared with ``int8``, an empty array, for work: then `lap` is nothing, and
compiles to nothing. Declared with ``int64`` it is the same kernel with timers.
"""

import numpy as np

from ..._base.tables import PHASES
from ..._compiling.jit import block
from ..simd import is_timed, ticks


@block
def start_lap(timers):
    """The time now, where there are timers."""
    if is_timed(timers):
        return ticks()
    return np.int64(0)


@block
def lap(timers, row, phase, start):
    """Add the time since ``start`` to a phase of one row of ``timers``, which one thread owns; returns the time."""
    now = start_lap(timers)
    if is_timed(timers):
        at = row * PHASES + phase
        timers[at] = timers[at] + (now - start)
    return now
