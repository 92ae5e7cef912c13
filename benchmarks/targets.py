"""The targets, as data, and how far each is met. Nothing is measured here: the other sections' results are read."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from fastmlp._contest.table import seconds

from . import scaling, variants
from .report import Data, best_peer, find, ours, results_of, table

TITLE = "Targets"


@dataclass(frozen=True)
class Outcome:
    """What was measured for a target.

    Attributes
    ----------
    ours, best_peer : str
        As shown.
    value : float
        What the limit is for.
    shown : str
        The value, as shown.
    spread : str
    is_fair : bool
        Whether both did the same arithmetic: else there is no verdict.
    """

    ours: str
    best_peer: str
    value: float
    shown: str
    spread: str = ""
    is_fair: bool = True


@dataclass(frozen=True)
class Target:
    """A limit for a number.

    Attributes
    ----------
    what : str
    limit : float
        Greatest value; or least, if ``at_least``.
    find : callable
        The outcome, from all results by section; it raises KeyError or ValueError where a result is missing.
    """

    what: str
    limit: float
    find: Callable[[Data], Outcome | None]
    at_least: bool = False

    def row(self, sections: Data) -> list[str]:
        """Cells: what, ours, best peer, value, spread, verdict."""
        try:
            outcome = self.find(sections)
        except (KeyError, ValueError):
            outcome = None
        if outcome is None or outcome.value != outcome.value:
            return [self.what, "not measured", "", "", "", ""]
        verdict = self.verdict(outcome.value) if outcome.is_fair else "not compared: other arithmetic"
        return [self.what, outcome.ours, outcome.best_peer, outcome.shown, outcome.spread, verdict]

    def verdict(self, value: float) -> str:
        """Met, or missed by how much."""
        met = value >= self.limit if self.at_least else value <= self.limit
        return "met" if met else f"missed by {abs(value / self.limit - 1):.0%}"


# ---------------------------------------------------------------- what is compared


def against(workload: str, peer: str, threads: str) -> Callable[[Data], Outcome | None]:
    """Our seconds per epoch in units of a peer's."""
    return lambda sections: _ratio(sections["training"]["results"][_threads(sections, threads)][workload], peer)


def faster_on_two(workload: str) -> Callable[[Data], Outcome | None]:
    """Our speed on two threads in units of that on one; they were measured one after the other."""

    def find_outcome(sections: Data) -> Outcome | None:
        by_threads = sections["training"]["results"]
        one, two = (ours(results_of(by_threads[count][workload])) for count in ("1", "2"))
        if one is None or two is None:
            return None
        value = one.median / two.median
        return Outcome(f"{seconds(one.median)}, {seconds(two.median)}", "", value, f"{value:.2f}")

    return find_outcome


def rows_per_second(rows: str, peer: str) -> Callable[[Data], Outcome | None]:
    """Our rows per second in units of a peer's, on all threads."""

    def find_outcome(sections: Data) -> Outcome | None:
        results = results_of(sections["inference"]["results"][_threads(sections, "all")][rows])
        mine, other, best = ours(results), find(results, peer), best_peer(results)
        if mine is None or other is None or best is None:
            return None
        rates = [f"{int(rows) / result.median / 1e6:.2f} M rows/s" for result in (mine, best)]
        ratios = other.ratios  # their seconds over ours: our rows per second over theirs
        return Outcome(rates[0], f"{best.name} {rates[1]}", *_shown(ratios))

    return find_outcome


def one_row(name: str) -> Callable[[Data], Outcome | None]:
    """Microseconds of a prediction of one row, on one thread."""

    def find_outcome(sections: Data) -> Outcome | None:
        results = results_of(sections["inference"]["results"]["1"]["1"])
        mine = next((r for r in results if r.name == name and r.seconds), None)
        best = best_peer(results)
        if mine is None:
            return None
        times = [1e6 * value for value in (mine.median, min(mine.seconds), max(mine.seconds))]
        peer = "" if best is None else f"{best.name} {seconds(best.median)}"
        return Outcome(seconds(mine.median), peer, times[0], f"{times[0]:.2f} µs", f"{times[1]:.2f}–{times[2]:.2f}")

    return find_outcome


def _ratio(items: list[Data], peer: str) -> Outcome | None:
    results = results_of(items)
    mine, other, best = ours(results), find(results, peer), best_peer(results)
    odd = next((r for r in results if r.name == peer and r.seconds and not r.counts), None)
    if mine is None or best is None:
        return None
    shown = seconds(mine.median), f"{best.name} {seconds(best.median)}"
    if odd is not None:  # its own section says why it is no comparison of equals
        value = mine.median / odd.median
        return Outcome(*shown, value, f"{value:.3f}", is_fair=False)
    return None if other is None else Outcome(*shown, *_shown([1 / ratio for ratio in other.ratios]))


def _shown(ratios: list[float]) -> tuple[float, str, str]:
    middle = statistics.median(ratios)
    return middle, f"{middle:.3f}", f"{min(ratios):.3f}–{max(ratios):.3f}"


def _threads(sections: Data, which: str) -> str:
    return max(sections["training"]["results"], key=int) if which == "all" else which


def _cold(sections: Data) -> Outcome:
    cold = sections["start"]["cold"]["first_fit"]
    return Outcome(seconds(cold), "", cold, seconds(cold))


def _warm(name: str) -> Callable[[Data], Outcome | None]:
    def find_outcome(sections: Data) -> Outcome:
        times = [run[name] for run in sections["start"]["warm"]]
        middle = statistics.median(times)
        return Outcome(seconds(middle), "", middle, seconds(middle), f"{seconds(min(times))}–{seconds(max(times))}")

    return find_outcome


def _import(sections: Data) -> Outcome:
    imports = {name: value for name, value in sections["start"]["imports"].items() if value is not None}
    peers = {name: value for name, value in imports.items() if name not in ("fastmlp", "numpy", "numba")}
    best = min(peers, key=lambda name: peers[name], default="")
    shown = seconds(imports["fastmlp"])
    return Outcome(shown, f"{best} {seconds(peers[best])}" if best else "", imports["fastmlp"], shown)


def _recompiled(sections: Data) -> Outcome:
    count = sum(run["recompiled"] for run in sections["start"]["warm"])
    return Outcome(f"{count:.0f}", "", count, f"{count:.0f}")


def _naive(sections: Data) -> Outcome:
    mine = ours(results_of(sections["training"]["results"][_threads(sections, "all")]["W1"]))
    if mine is None:
        raise KeyError("W1")
    per_sample = mine.median / sections["training"]["workloads"]["W1"]["rows"]
    naive = sections["baseline"]["sample"]
    times = naive / per_sample
    return Outcome(f"{seconds(per_sample)} a sample", f"naive {seconds(naive)}", times, f"{times:,.0f}")


def _memory(sections: Data) -> Outcome:
    point = sections["memory"]["points"]["W1"]
    beyond = (point["peak"] - point["data"]) / 1e6
    return Outcome(f"{beyond:.0f} MB beyond the data", "", beyond, f"{beyond:.0f} MB")


def _linear(name: str, threads: str) -> Callable[[Data], Outcome | None]:
    def find_outcome(sections: Data) -> Outcome:
        curve = sections["scaling"]["curves"][name][_threads(sections, threads)]
        line = scaling.fit_line(*scaling.medians(curve))
        return Outcome(f"grows with the power {line.power:.2f}", "", line.deviation, f"{line.deviation:.0%}")

    return find_outcome


def _dearest_variant(sections: Data) -> Outcome:
    """The variant with the greatest median of its ratios to the plain network of the same round."""
    times = sections["variants"]["times"]["1"]
    plain = times[variants.PLAIN]
    ratios = {name: [a / b for a, b in zip(own, plain, strict=True)] for name, own in times.items()}
    name = max(ratios, key=lambda name: statistics.median(ratios[name]))
    return Outcome(f"{name}: {seconds(statistics.median(times[name]))}", "", *_shown(ratios[name]))


def _around(name: str) -> Callable[[Data], Outcome | None]:
    def find_outcome(sections: Data) -> Outcome:
        pairs = sections["around"][name]
        ratios = [a / b for a, b in pairs] if name == "validations" else [b / a for a, b in pairs]
        mine = statistics.median(pair[name == "sweeps"] for pair in pairs)
        return Outcome(seconds(mine), "", *_shown(ratios))

    return find_outcome


def _not_there(sections: Data) -> Outcome | None:
    return None


# ---------------------------------------------------------------- the targets

TARGETS = (
    Target("W1, all threads: ≤ 0.38 × JAX scan", 0.38, against("W1", "JAX, scan", "all")),
    Target("W1, all threads: ≤ 0.25 × PyTorch", 0.25, against("W1", "PyTorch", "all")),
    Target("W1, all threads: ≤ 0.14 × scikit-learn", 0.14, against("W1", "scikit-learn", "all")),
    Target("W3, all threads: ≤ 0.75 × PyTorch", 0.75, against("W3", "PyTorch", "all")),
    Target("W4, 1 thread: ≤ 0.42 × JAX scan", 0.42, against("W4", "JAX, scan", "1")),
    Target("W4, 1 thread: ≤ 0.05 × scikit-learn", 0.05, against("W4", "scikit-learn", "1")),
    Target("two threads, W1: ≥ 1.7 × as fast as one", 1.7, faster_on_two("W1"), True),
    Target("two threads, W3: ≥ 1.7 × as fast as one", 1.7, faster_on_two("W3"), True),
    Target("W1, W3, W4 in bfloat16 on AMX: ≤ 0.15 × JAX scan, 0.33 × PyTorch bf16, 0.25 × JAX scan", 0, _not_there),
    Target("one row, from Python: ≤ 4.5 µs", 4.5, one_row("fastmlp")),
    Target("one row, inside compiled code: ≤ 3.5 µs", 3.5, one_row("fastmlp in numba code")),
    Target("60,000 rows, all threads: ≥ 1.2 × onnxruntime", 1.2, rows_per_second("60000", "onnxruntime"), True),
    Target("cold: import, compilation and first fit ≤ 8 s", 8.0, _cold),
    Target("warm: import and first fit ≤ 0.8 s", 0.8, _warm("first_fit")),
    Target("import fastmlp ≤ 0.15 s", 0.15, _import),
    Target("new architecture, batch size, optimiser setting: 0 compilations", 0, _recompiled),
    Target("new architecture, batch size, optimiser setting: ≤ 5 ms", 5e-3, _warm("new_network")),
    Target("any layer, activation or optimiser in W1, 1 thread: ≤ 1.25 × plain", 1.25, _dearest_variant),
    Target("validation after each batch: ≤ 1.1 × what its rows take alone", 1.1, _around("validations")),
    Target("4 models at once on 2 cores: ≤ 0.6 × one after another", 0.6, _around("sweeps")),
    Target("naive network: ≥ 5,000 × a sample", 5_000, _naive, True),
    Target("peak memory of W1 training: ≤ data set + 200 MB", 200, _memory),
    Target("epoch time linear in rows, 1 thread: within 15 %", 0.15, _linear("rows", "1")),
    Target("epoch time linear in parameters, 10⁴–10⁷, 1 thread: within 15 %", 0.15, _linear("parameters", "1")),
)


# What stands in the way of a target, by how its name begins; shown where it is missed.
LIMITS = {
    "W1": (
        "matrix products of 27 GFLOP take nearly the whole epoch, at the share of the peak that the roofline below "
        "shows; vectors of 8 numbers reach half of the peak that the targets assume. Tried without gain: sums in "
        "pieces of 64 and of 128 steps instead of 256, read-only argument types."
    ),
    "W3": (
        "the peers' products reach the same peak. Tried without gain: blocks of 128 and of 256 rows. Not "
        "built: wide layers divided by panels, because two parallel regions for each step scale as well."
    ),
    "W4": (
        "a step of 32 rows takes 240,000 instructions, and only 61,000 of them are multiply-adds: layers of 20 to 64 "
        "columns spend more instructions on beginning and ending tiles than inside them. Not tried: one logarithm for "
        "the losses of several rows."
    ),
    "two threads": (
        "the threads wait for each other at the end of the two regions of each step. They share the memory and, on a "
        "shared machine, their cores with other programs: the ratio varied from 1.4 to 1.9 within minutes."
    ),
    "one row": (
        "reading 436 KB of weights from a second-level cache of 512 KB takes 4 µs for the first layer alone; "
        "prefetching, and two or four panels at once, made no difference. From Python, the call and its checks "
        "take 3 µs more."
    ),
    "60,000 rows": "onnxruntime's products reach the same peak.",
    "cold": (
        "numba's front end, which types and lowers 83 functions, takes two thirds. LLVM runs once over the whole "
        "kernel, which halved the time. Tried without gain: fewer of numba's passes (6 %, for 40 lines), LLVM without "
        "its vectorisers, lower optimisation levels."
    ),
    "import": ("importing numpy takes most of the time. Modules that training does not need are imported on use."),
    "new architecture": (
        "the time goes into drawing the initial weights, and into the first access to the memory for weights, "
        "gradients and moments."
    ),
    "any layer": ("exponentials and divisions cost more than a ReLU: 1.0 to 1.15 times in quiet minutes."),
    "epoch time linear in parameters": (
        "small networks have a fixed overhead in each batch, so the time grows less than in proportion."
    ),
}


def lines(sections: Data) -> list[str]:
    """The section, in Markdown."""
    rows = [target.row(sections) for target in TARGETS]
    missed = [row[0] for row in rows if row[-1].startswith("missed")]
    limits = [f"- {name}: {text}" for name, text in LIMITS.items() if any(what.startswith(name) for what in missed)]
    header = ["target", "ours", "best peer", "measured", "spread", "verdict"]
    return [
        "A ratio divides our time, or our rows per second, by the peer's in the same round. The table shows the median",
        "of the rounds, and their least and greatest. The best peer is the fastest of all peers, not only of those",
        "that the target names.",
        "",
        *table(header, rows),
        *_if_any(limits),
    ]


def _if_any(limits: list[str]) -> list[str]:
    head = ["", "Reasons for the missed targets on CPUs like this one, and what was tried:", ""]
    return [*head, *limits] if limits else []
