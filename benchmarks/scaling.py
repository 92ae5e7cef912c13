"""How an epoch's time grows with the network, the batch, the rows and the threads."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp._contest import WORKLOADS, Workload, workloads
from fastmlp._contest.contestants import CONTESTANTS, OURS
from fastmlp._contest.table import seconds
from fastmlp._contest.worker import Worker

from .report import Data, Options, plural, say, spread, table

TITLE = "Scaling"
_TURN_GFLOP = 2.0  # in a turn, at least: as many epochs as that takes

WIDTHS = (16, 64, 256, 1024, 4096)
DEPTHS = (1, 2, 4, 8, 16, 32, 64)
BATCHES = (1, 4, 16, 64, 256, 1024, 4096, 16384)
ROWS = (1_000, 4_000, 15_000, 30_000, 60_000, 120_000)
HIDDEN = (12, 24, 44, 96, 176, 352, 672, 1344, 2784)  # of 784-h-h-10: 10⁴ to 10⁷ parameters

CURVES: dict[str, dict[int, Workload]] = {
    "width": {w: Workload("", (784, w, 10), 128, 2_560) for w in WIDTHS},
    "depth": {d: Workload("", (64, *[64] * d, 10), 128, 2_560, data="synthetic") for d in DEPTHS},
    "batch": {b: replace(WORKLOADS["W1"], batch_size=b, rows=16_384) for b in BATCHES},
    "rows": {r: replace(WORKLOADS["W1"], rows=r) for r in ROWS},
    "parameters": {w.parameters: w for w in (Workload("", (784, h, h, 10), 256, 2_560) for h in HIDDEN)},
}
MEANING = {
    "width": "units of the hidden layer of 784-w-10, batch 128, 2,560 rows",
    "depth": "hidden layers of 64 units, 64 features, batch 128, 2,560 rows",
    "batch": "batch size of 784-128-64-10, 16,384 rows",
    "rows": "rows of W1",
    "parameters": "parameters of 784-h-h-10, batch 256, 2,560 rows",
}


def measure(options: Options) -> Data:
    """Seconds per epoch of each point, for each number of threads."""
    rounds = min(options.rounds, 5)
    found: Data = {}
    for name, points in CURVES.items():
        for threads in options.threads:
            say(f"scaling with {name}, {plural(threads, 'thread')}")
            chosen = {point: _lasting(options.sized(workload)) for point, workload in points.items()}
            times = epoch_seconds(chosen, threads, rounds)
            found.setdefault(name, {})[str(threads)] = {str(point): values for point, values in times.items()}
    most = max(options.threads)
    names = ("W1", "W3")
    by_threads = {
        str(n): epoch_seconds({name: options.sized(WORKLOADS[name]) for name in names}, n, rounds)
        for n in _powers_of_two(most)
    }
    return {"curves": found, "threads": by_threads}


def _powers_of_two(most: int) -> list[int]:
    return sorted({*(2**i for i in range(most.bit_length()) if 2**i <= most), most})


def _lasting(workload: Workload) -> Workload:
    return replace(workload, epochs=max(1, round(_TURN_GFLOP / workload.gflop)) if workload.rows > 1_000 else 1)


def epoch_seconds(points: Mapping[Any, Workload], threads: int, rounds: int) -> dict[str, list[float]]:
    """Seconds per epoch of fastmlp in this process; the points take turns."""
    with tempfile.TemporaryDirectory() as folder:
        workers = {str(p): _worker(w, threads, Path(folder, str(p))) for p, w in points.items()}
    times: dict[str, list[float]] = {point: [] for point in workers}
    for _ in range(rounds):
        for point, worker in workers.items():
            times[point].append(worker.measure()["seconds"])
    return times


def _worker(workload: Workload, threads: int, folder: Path) -> Worker:
    folder.mkdir()
    workloads.write(workload, 0, folder)
    worker = Worker(CONTESTANTS[OURS])
    worker.load()
    worker.train(workloads.Task(workload, 0, threads, folder))
    return worker


# ---------------------------------------------------------------- linear growth


@dataclass(frozen=True)
class Line:
    """The line ``constant + slope * size`` that is nearest to measured times, relative to them.

    Attributes
    ----------
    constant, slope : float
        Seconds, and seconds for each unit of size; neither is negative.
    deviation : float
        Of the time that is furthest off: 0.15 is 15 %.
    power : float
        Of the size, that the times grow with: the slope between logarithms.
    """

    constant: float
    slope: float
    deviation: float
    power: float


def fit_line(sizes: Sequence[float], times: Sequence[float]) -> Line:
    """Least squares of relative deviations.

    Examples
    --------
    >>> line = fit_line([1, 10, 100], [3, 21, 201])
    >>> round(line.constant, 6), round(line.slope, 6), round(line.deviation, 6)
    (1.0, 2.0, 0.0)
    """
    s, t = np.asarray(sizes, float), np.asarray(times, float)
    constant, slope = np.linalg.lstsq(np.stack([1 / t, s / t], axis=1), np.ones(len(t)), rcond=None)[0]
    if constant < 0:  # times grow faster than the sizes: no constant would be less than nothing
        constant, slope = 0.0, (s / t).sum() / ((s / t) ** 2).sum()
    deviation = np.abs((constant + slope * s) / t - 1).max()
    power = np.polyfit(np.log(s), np.log(t), 1)[0]
    return Line(float(constant), float(slope), float(deviation), float(power))


def medians(curve: Data) -> tuple[list[float], list[float]]:
    """Sizes and median times of a curve."""
    return [float(point) for point in curve], [statistics.median(values) for values in curve.values()]


# ---------------------------------------------------------------- Markdown


def lines(data: Data) -> list[str]:
    """The section, in Markdown."""
    text = ["The tables show seconds per epoch of fastmlp.", "", "![Epoch time against size](performance/scaling.svg)"]
    for name, by_threads in data["curves"].items():
        header = [name, *(f"{plural(int(n), 'thread')}" for n in by_threads), "GFLOP/s"]
        rows = [_row(name, point, by_threads) for point in next(iter(by_threads.values()))]
        text += ["", f"### With {name}", "", f"{name.capitalize()}: {MEANING[name]}.", "", *table(header, rows)]
        text += _growth_lines(name, by_threads)
    return [*text, "", "### With threads", "", *_thread_lines(data["threads"])]


def _row(name: str, point: str, by_threads: Data) -> list[str]:
    times = [curve[point] for curve in by_threads.values()]
    rate = CURVES[name][int(point)].gflop / statistics.median(times[-1])
    return [f"{int(point):,}", *map(spread, times), f"{rate:.1f}"]


def _growth_lines(name: str, by_threads: Data) -> list[str]:
    if name not in ("rows", "parameters"):
        return []
    text = [""]
    for threads, curve in by_threads.items():
        line = fit_line(*medians(curve))
        text.append(
            f"- {plural(int(threads), 'thread')}: all times are within {line.deviation:.0%} of the line "
            f"{seconds(line.constant)} + {line.slope * 1e9:.3g} ns × {name}; they grow with the power "
            f"{line.power:.2f} of the {name}."
        )
    return text


def _thread_lines(by_threads: Data) -> list[str]:
    names = list(next(iter(by_threads.values())))
    header = ["threads", *(cell for name in names for cell in (name, "speed-up"))]
    rows = []
    for threads, times in by_threads.items():
        cells = [c for n in names for c in (spread(times[n]), f"{speed_up(by_threads, n, threads):.2f}")]
        rows.append([threads, *cells])
    return table(header, rows)


def speed_up(by_threads: Data, name: str, threads: str) -> float:
    """Over one thread."""
    return statistics.median(by_threads["1"][name]) / statistics.median(by_threads[threads][name])
