"""The charts of docs/performance.md, as SVG files."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullFormatter

from fastmlp._contest.contestants import OURS
from fastmlp._contest.table import seconds

from . import roofline
from .report import Data, plural, results_of
from .training import workload_of

_OURS, _PEER = ("#c2410c", "#fdba74"), ("#475569", "#b6c2d1")  # all threads, one thread
_STYLE = {
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "fastmlp",  # the same figures give the same file
}


def write(sections: Data, folder: Path) -> None:
    """Write every chart whose section was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(_STYLE):
        for name, draw in CHARTS.items():
            if name in sections:
                figure = draw(sections)
                figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
                plt.close(figure)


def training(sections: Data) -> Figure:
    """Seconds per epoch of W1: a pair of bars for each contestant, the fastest on top."""
    data = sections["training"]
    columns = {
        int(n): {r.name: r for r in results_of(found["W1"]) if r.seconds} for n, found in data["results"].items()
    }
    most = max(columns)
    names = sorted(columns[most], key=lambda name: columns[most][name].median)
    figure, axes = plt.subplots(figsize=(9, 0.62 * len(names) + 1.2))
    counts = sorted(columns, reverse=True)
    height = 0.8 / len(counts)
    for place, threads in enumerate(counts):
        for row, name in enumerate(names):
            if name in columns[threads]:
                color = (_OURS if name.startswith(OURS) else _PEER)[place > 0]
                _bar(axes, row + place * height, columns[threads][name].seconds, height, color)
    axes.set_yticks([row + (len(counts) - 1) * height / 2 for row in range(len(names))], names)
    axes.invert_yaxis()
    axes.set_xlabel("seconds per epoch: median, with the least and the greatest")
    axes.margins(x=0.14, y=0.02)
    shown = "dark: " + ", light: ".join(plural(threads, "thread") for threads in counts)
    axes.set_title(f"W1: {workload_of(data, 'W1')} ({shown})", loc="left", fontsize=11)
    return figure


def _bar(axes: Axes, y: float, times: list[float], height: float, color: str) -> None:
    middle = statistics.median(times)
    axes.barh(y, middle, height=0.92 * height, color=color)
    axes.plot([min(times), max(times)], [y, y], color="black", linewidth=1)
    axes.annotate(f" {seconds(middle)}", (max(times), y), va="center", fontsize=8.5)


def scaling(sections: Data) -> Figure:
    """A panel for each size that an epoch's time depends on; the dotted line is proportional."""
    data = sections["scaling"]
    figure, panels = plt.subplots(2, 3, figsize=(11, 6.6), constrained_layout=True)
    for axes, (name, by_threads) in zip(panels.flat, data["curves"].items(), strict=False):
        for (threads, curve), color in zip(by_threads.items(), (_PEER[0], _OURS[0]), strict=False):
            _curve(axes, curve, color, plural(int(threads), "thread"))
        axes.set_title(name, loc="left", fontsize=11)
        axes.set(xscale="log", yscale="log", ylabel="time per epoch")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.yaxis.set_major_formatter(EngFormatter("s"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        if name in ("width", "depth", "rows", "parameters"):
            _proportional(axes, list(by_threads.values())[-1])
        axes.legend(frameon=False, fontsize=8.5)
    _speed_up(panels.flat[5], data["threads"])
    return figure


def _curve(axes: Axes, curve: Data, color: str, label: str) -> None:
    sizes = [int(point) for point in curve]
    axes.plot(sizes, [statistics.median(times) for times in curve.values()], "o-", color=color, ms=4, label=label)
    axes.fill_between(sizes, [min(t) for t in curve.values()], [max(t) for t in curve.values()], color=color, alpha=0.2)


def _proportional(axes: Axes, curve: Data) -> None:
    sizes, times = [int(point) for point in curve], [statistics.median(values) for values in curve.values()]
    axes.plot(sizes, [times[-1] * size / sizes[-1] for size in sizes], ":", color="black", lw=1, label="proportional")


def _speed_up(axes: Axes, by_threads: Data) -> None:
    counts = [int(threads) for threads in by_threads]
    for name, color in zip(next(iter(by_threads.values())), (_OURS[0], _PEER[0]), strict=False):
        times = [statistics.median(found[name]) for found in by_threads.values()]
        axes.plot(counts, [times[0] / value for value in times], "o-", color=color, ms=4, label=name)
    axes.plot(counts, counts, ":", color="black", lw=1, label="proportional")
    axes.set_title("threads", loc="left", fontsize=11)
    axes.set(ylabel="speed-up over one thread", xticks=counts)
    axes.legend(frameon=False, fontsize=8.5)


def roofline_chart(sections: Data) -> Figure:
    """Ceilings of the CPU, and how near training comes: whole epochs, and the products of each phase."""
    data = sections["roofline"]
    figure, axes = plt.subplots(figsize=(9, 5.5))
    intensities = [2.0**power for power in range(11)]
    colors = dict(zip(reversed(data["peaks"]), (_OURS[0], _PEER[0]), strict=False))
    for threads, color in colors.items():
        peak = data["peaks"][threads]
        roof = [min(peak["gflops"], peak["gigabytes"] * value) for value in intensities]
        axes.plot(intensities, roof, color=color, label=f"ceiling, {plural(int(threads), 'thread')}")
        dots = roofline.points(data, threads) + _epochs(sections, threads)
        axes.plot([x for _, x, _ in dots], [y for _, _, y in dots], "o", color=color, ms=5)
        if threads == max(colors, key=int):
            _name_dots(axes, dots, color)
    axes.set(xscale="log", yscale="log", ylabel="GFLOP/s of matrix products")
    axes.set_xlabel("operations for each byte that must move at least")
    axes.set_ylim(bottom=1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(EngFormatter(sep=""))
    axes.legend(frameon=False, loc="lower right")
    return figure


def _name_dots(axes: Axes, dots: list[tuple[str, float, float]], color: str) -> None:
    """Names in turn above and below, so that neighbours do not cover each other."""
    for number, (name, x, y) in enumerate(sorted(dots, key=lambda dot: dot[1:])):
        axes.annotate(name, (x, y), (4, (7, -12)[number % 2]), textcoords="offset points", fontsize=8, color=color)


def _epochs(sections: Data, threads: str) -> list[tuple[str, float, float]]:
    """Whole epochs of the workloads: everything that is no matrix product counts against them."""
    found: list[tuple[str, float, float]] = []
    training_data: Any = sections.get("training", {"results": {}})
    for name, items in training_data["results"].get(threads, {}).items():
        workload = workload_of(training_data, name)
        mine = [r for r in results_of(items) if r.name == OURS and r.seconds]
        found += [(name, roofline.intensity(workload, "forward"), workload.gflop / r.median) for r in mine]
    return found


CHARTS: dict[str, Callable[[Data], Figure]] = {
    "training": training,
    "scaling": scaling,
    "roofline": roofline_chart,
}
