"""Sweeps: many models on the same data, several at once, each kept in a folder as it ends.

Their code is in `fastmlp/search/sweeps/`.
"""

from ..search.sweeps import SweepInterrupted, SweepResult, SweepRun, evaluate, grid, sweep

__all__ = ["SweepInterrupted", "SweepResult", "SweepRun", "evaluate", "grid", "sweep"]
