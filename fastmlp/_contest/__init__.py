"""Compares the speed with other installed libraries: the same training and the same predictions, in turns.

`workloads` defines the computations and `contestants` the libraries. `contest` lets them take turns, each in its own
process (`worker`), and `table` prints the results. ``fastmlp benchmark`` runs the short form; the folder
``benchmarks`` of the repository runs everything and writes docs/performance.md.
"""

from .contest import Arena, Job, Result
from .workloads import WORKLOADS, Workload

__all__ = ["WORKLOADS", "Arena", "Job", "Result", "Workload"]
