"""Sweeps: many models on the same data, several at once, each kept in a folder as it ends.

Their code is in `fastmlp/search/sweeps/`.
"""

from ..search.sweeps import (  # noqa: F401
    SweepInterrupted,
    SweepResult,
    SweepRun,
    data,
    evaluate,
    evaluation,
    folder,
    grid,
    models,
    result,
    settings,
    sweep,
    task,
    training,
)

__all__ = ["SweepInterrupted", "SweepResult", "SweepRun", "evaluate", "grid", "sweep"]
