"""What the CPU can do at most, and how near each phase of training comes."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable

import numba
import numpy as np

from fastmlp._contest import WORKLOADS, Workload
from fastmlp.kernels.simd import LANES, fma, load, store

from .report import Data, Options, plural, say, table

TITLE = "Roofline"
_CHAINS = 12  # independent sums: enough to hide the latency of a multiply-add, few enough for the registers
_WORDS = 1 << 25  # float32 numbers that are streamed: 128 MiB, more than caches hold
_NAMES = ("W1", "W3")


@numba.njit(nogil=True)
def _multiply_add(sums, factors, count):
    """``sums[i] = sums[i] * factors[0] + factors[1]``, over and over, in registers alone."""
    a, b = load(factors, 0), load(factors, LANES)
    s0, s1, s2, s3 = load(sums, 0), load(sums, LANES), load(sums, 2 * LANES), load(sums, 3 * LANES)
    s4, s5, s6, s7 = load(sums, 4 * LANES), load(sums, 5 * LANES), load(sums, 6 * LANES), load(sums, 7 * LANES)
    s8, s9, s10, s11 = load(sums, 8 * LANES), load(sums, 9 * LANES), load(sums, 10 * LANES), load(sums, 11 * LANES)
    for _ in range(count):
        s0, s1, s2, s3 = fma(s0, a, b), fma(s1, a, b), fma(s2, a, b), fma(s3, a, b)
        s4, s5, s6, s7 = fma(s4, a, b), fma(s5, a, b), fma(s6, a, b), fma(s7, a, b)
        s8, s9, s10, s11 = fma(s8, a, b), fma(s9, a, b), fma(s10, a, b), fma(s11, a, b)
    total = (s0 + s1 + s2 + s3) + (s4 + s5 + s6 + s7) + (s8 + s9 + s10 + s11)
    store(sums, 0, total)


@numba.njit(nogil=True)
def _stream(total, numbers):
    """Read all numbers once, and keep their sums."""
    s0 = s1 = s2 = s3 = load(total, 0)
    for i in range(0, numbers.size, 4 * LANES):
        s0, s1 = s0 + load(numbers, i), s1 + load(numbers, i + LANES)
        s2, s3 = s2 + load(numbers, i + 2 * LANES), s3 + load(numbers, i + 3 * LANES)
    store(total, 0, s0 + s1 + s2 + s3)


def measure(options: Options) -> Data:
    """Peak GFLOP/s and GB/s for each number of threads, and milliseconds of each phase."""
    peaks = {}
    for threads in options.threads:
        say(f"roofline, {plural(threads, 'thread')}")
        scale = 20 if options.quick else 1
        gflops, bandwidth = peak_gflops(threads, 50_000_000 // scale), peak_bandwidth(threads, _WORDS // scale)
        peaks[str(threads)] = {"gflops": gflops, "gigabytes": bandwidth}
    return {"peaks": peaks, "phases": _phases(options)}


def peak_gflops(threads: int, count: int) -> float:
    """Multiply-adds in registers, on so many threads at once."""
    factors = np.repeat(np.float32([0.5, 1.0]), LANES)  # sums tend to 2: no infinities, no denormals
    sums = [np.ones(_CHAINS * LANES, np.float32) for _ in range(threads)]
    elapsed = _best_seconds([lambda mine=mine: _multiply_add(mine, factors, count) for mine in sums])
    return 2 * _CHAINS * LANES * count * threads / elapsed / 1e9


def peak_bandwidth(threads: int, words: int) -> float:
    """GB/s of reading memory in order, each thread its own part."""
    part = words // threads // (4 * LANES) * 4 * LANES
    parts = [np.ones(part, np.float32) for _ in range(threads)]
    totals = [np.zeros(LANES, np.float32) for _ in range(threads)]
    pairs = zip(totals, parts, strict=True)
    elapsed = _best_seconds([lambda total=total, part=part: _stream(total, part) for total, part in pairs])
    return 4 * part * threads / elapsed / 1e9


def _best_seconds(programs: list[Callable[[], object]], repeats: int = 5) -> float:
    """Of running all programs at once, each on a thread."""
    programs[0]()
    times = []
    for _ in range(repeats):
        workers = [threading.Thread(target=program) for program in programs]
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        times.append(time.perf_counter() - start)
    return min(times)


# ---------------------------------------------------------------- phases


def _phases(options: Options) -> Data:
    """Milliseconds by number of threads, workload and phase; empty in a version that cannot tell."""
    try:
        phases = importlib.import_module("fastmlp._contest.phases")
    except ModuleNotFoundError:
        return {}
    sized = {name: options.sized(WORKLOADS[name]) for name in _NAMES}
    return {str(n): {name: phases.measure(w, n) for name, w in sized.items()} for n in options.threads}


def intensity(workload: Workload, phase: str) -> float:
    """Operations for each byte that a phase must at least move: its operands once, its result once."""
    rows = min(workload.batch_size, workload.rows)
    layers = workload.layers[1:] if phase == "dX" else workload.layers
    numbers = sum(rows * fan_in + rows * units + fan_in * units for fan_in, units in layers)
    operations = sum(2 * rows * fan_in * units for fan_in, units in layers)
    return operations / (4 * numbers)


def points(data: Data, threads: str) -> list[tuple[str, float, float]]:
    """Name, operations per byte and GFLOP/s of the products of each workload."""
    found = []
    for name, phases in data["phases"].get(threads, {}).items():
        flops = WORKLOADS[name].flops
        timed = {phase: ms for phase, ms in phases.items() if phase in flops and ms}
        found += [(f"{name} {p}", intensity(WORKLOADS[name], p), flops[p] / ms / 1e6) for p, ms in timed.items()]
    return found


# ---------------------------------------------------------------- Markdown


def lines(data: Data) -> list[str]:
    """The section, in Markdown."""
    header = ["", "multiply-add in registers, GFLOP/s", "reading memory, GB/s"]
    peaks = data["peaks"].items()
    rows = [[plural(int(n), "thread"), f"{peak['gflops']:.0f}", f"{peak['gigabytes']:.1f}"] for n, peak in peaks]
    text = [
        f"The peaks were measured with {_CHAINS} independent chains of float32 vectors, and with a sum over more",
        "memory than the caches hold. The table shows the best of five.",
        "",
        *table(header, rows),
        "",
        "![GFLOP/s against operations per byte](performance/roofline.svg)",
    ]
    if not data["phases"]:
        return [*text, "", "Times of single phases are not available in this version."]
    for threads, workloads in data["phases"].items():
        for name, phases in workloads.items():
            text += [
                "",
                f"### {name}, {plural(int(threads), 'thread')}",
                "",
                *_phase_table(data, name, phases, threads),
            ]
    return text


def _phase_table(data: Data, name: str, phases: Data, threads: str) -> list[str]:
    flops, peak = WORKLOADS[name].flops, data["peaks"][threads]["gflops"]
    rows = []
    for phase, milliseconds in phases.items():
        rate = flops[phase] / milliseconds / 1e6 if phase in flops and milliseconds else 0.0
        shown = [f"{rate:.0f}", f"{rate / peak:.0%}"] if rate else ["", ""]
        rows.append([phase, f"{milliseconds:.1f}", *shown])
    return table(["phase", "ms per epoch", "GFLOP/s", "of the peak"], rows)
