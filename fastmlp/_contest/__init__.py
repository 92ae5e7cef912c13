"""Speed against what else is installed: the same training and the same predictions, taken in turns.

`workloads` says what is computed, `contestants` who computes it, `contest` takes them in turns, each in a process of
its own (`worker`), and `table` prints what came out. ``fastmlp benchmark`` runs the short form; the folder
``benchmarks`` of the repository runs everything and writes docs/performance.md.
"""

from __future__ import annotations

from .contest import Arena, Job, Result
from .workloads import WORKLOADS, Workload

__all__ = ["WORKLOADS", "Arena", "Job", "Result", "Workload"]
