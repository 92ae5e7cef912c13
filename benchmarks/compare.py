"""fastmlp, NumPy and the naive network side by side: ``python -m benchmarks.compare``.

The workload is 784-128-64-10, Adam, batches of 128, 60,000 rows of uint8 pixels. fastmlp and NumPy take turns,
epoch by epoch, so that whatever else the machine does falls on both; the table shows medians. The naive network
is measured over a few hundred samples and its epoch is extrapolated from that, and marked so.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

import fastmlp as fm
from fastmlp._contest.contestants.numpy_mlp import NumpyMLP
from fastmlp._contest.workloads import images

from .naive import measure_per_sample

WIDTHS = (784, 128, 64, 10)
BATCH = 128
ROWS = 60_000


def fastmlp_epoch(n_threads: int) -> Callable[[], object]:
    """A function that trains one epoch."""
    (x, y), _ = images()
    model = fm.mlp(WIDTHS[1:-1], classes=WIDTHS[-1], seed=0)

    def epoch() -> object:
        return model.fit(x, y, batch_size=BATCH, verbose=0, n_threads=n_threads)

    epoch()
    return epoch


def numpy_epoch() -> Callable[[], object]:
    """A function that trains one epoch with vectorised NumPy."""
    (x, y), _ = images()
    network = NumpyMLP(WIDTHS)
    rng = np.random.default_rng(0)
    return lambda: network.train_epoch(x, y, BATCH, rng.permutation(len(x)))


def naive_seconds_per_sample() -> float:
    """Seconds per training sample of the naive network, through its queues and worker processes."""
    return measure_per_sample(WIDTHS, samples=256, batch_size=BATCH)


def median_seconds(programs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median time of each program; they take turns."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            start = time.perf_counter()
            program()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="epochs of each program (default 9)")
    parser.add_argument("--no-naive", action="store_true", help="leave out the naive network (some seconds)")
    options = parser.parse_args()
    most = fm.get_num_threads()
    programs = {f"fastmlp, {n} thread{'s' * (n > 1)}": fastmlp_epoch(n) for n in sorted({1, most})}
    programs["NumPy"] = numpy_epoch()
    seconds = median_seconds(programs, options.rounds)
    if not options.no_naive:
        seconds["naive, 8 processes (extrapolated)"] = naive_seconds_per_sample() * ROWS
    best = min(value for name, value in seconds.items() if name.startswith("fastmlp"))
    print(f"784-128-64-10, batch {BATCH}, {ROWS:,} rows: seconds per epoch, and times the best of fastmlp")
    for name, value in seconds.items():
        print(f"  {name:36s} {value:12.3f} s {value / best:12,.1f} x")


if __name__ == "__main__":
    main()
