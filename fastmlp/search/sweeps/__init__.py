"""Sweeps: train many models on the same data, several at once, and save each in a folder when it ends."""

from ..._base.public import as_public
from .evaluation import evaluate
from .result import SweepInterrupted, SweepResult, SweepRun
from .settings import grid
from .training import sweep

__all__ = ["SweepInterrupted", "SweepResult", "SweepRun", "evaluate", "grid", "sweep"]


as_public(globals(), "fastmlp.sweeps")
