"""Instructions per step of fixed serial workloads, a figure that repeats: ``python -m benchmarks.instructions``.

Times differ from run to run by some percent; counts of instructions hardly do, on any machine. They are those of a
build for CPUs with AVX2 and FMA, whatever this machine has, counted by ``valgrind --tool=callgrind`` or by ``perf
stat``. Each workload runs with n and with 2 n steps, and the difference counts, so that start and import cancel.

    python -m benchmarks.instructions                                           # print
    python -m benchmarks.instructions --compare benchmarks/instructions.json    # fail where a count grew by 1 %
    python -m benchmarks.instructions --save benchmarks/instructions.json       # make the reference anew

Fewer instructions are not always faster: read the figures beside times.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[int], object]  # does so many steps

# ---------------------------------------------------------------- the workloads


def training(widths: tuple[int, ...], batch: int, steps: int) -> Work:
    """Epochs of ``steps`` training steps, on pixels; one step of a workload is one epoch."""
    import fastmlp as fm

    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (batch * steps, widths[0]), np.uint8)
    y = rng.integers(0, widths[-1], len(x))
    model = fm.mlp(widths[1:-1], classes=widths[-1], seed=0)
    return lambda n: model.fit(x, y, epochs=n, batch_size=batch, verbose=0, n_threads=1)


def prediction(rows: int) -> Work:
    """Calls of ``predict`` with so many rows."""
    import fastmlp as fm

    x = np.random.default_rng(0).random((rows, 784), np.float32)
    model = fm.mlp([128, 64], classes=10, seed=0)
    model.build(784)
    return lambda n: [model.predict(x, n_threads=1) for _ in range(n)]


def shuffling(rows: int) -> Work:
    """Random orders of so many rows."""
    from fastmlp import kernels

    order = np.empty(rows, np.int64)
    return lambda n: [kernels.shuffle(order, 0, epoch) for epoch in range(n)]


# Name: what makes the workload, the n of the runs, and the steps in each of these. Small numbers: callgrind takes a
# second for a large training step, since valgrind does one fused multiply-add after the other.
WORKLOADS: dict[str, tuple[Callable[[], Work], int, int]] = {
    "train step, 784-128-64-10, batch 128": (lambda: training((784, 128, 64, 10), 128, 4), 1, 4),
    "train step, 20-64-64-2, batch 32": (lambda: training((20, 64, 64, 2), 32, 100), 1, 100),
    "predict 1 row, 784-128-64-10": (lambda: prediction(1), 20, 1),
    "predict 64 rows, 784-128-64-10": (lambda: prediction(64), 4, 1),
    "predict 1,000 rows, 784-128-64-10": (lambda: prediction(1000), 1, 1),
    "shuffle 60,000 rows": (lambda: shuffling(60_000), 1, 1),
}

# ---------------------------------------------------------------- the process that is counted


def run(names: list[str], multiples: list[int]) -> None:
    """Warm each workload up; then mark the place before each multiple of its n steps, and at the end."""
    ticks = itertools.count()
    time.perf_counter = lambda: next(ticks) * 1e-6  # how training is divided into calls must not depend on speed
    for name in names:
        make, n, _ = WORKLOADS[name]
        work = make()
        work(n)
        for multiple in multiples:
            mark()
            work(multiple * n)
        mark()


def mark() -> None:
    """A call that nobody else makes: callgrind writes down what it has counted so far when it sees it."""
    os.getppid()


def environment() -> dict[str, str]:
    """Variables of the counted process: the build, and nothing that differs between runs."""
    sse = "+64bit,+cmov,+cx8,+cx16,+fxsr,+mmx,+sahf,+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt"
    avx2 = f"{sse},+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "FASTMLP_LANES"))}
    return kept | {
        "NUMBA_CPU_NAME": "haswell",  # the newest that valgrind 3.19 can be
        "NUMBA_CPU_FEATURES": avx2,
        "NUMBA_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }


def command(names: Iterable[str], multiples: list[int]) -> list[str]:
    program = [sys.executable, "-m", "benchmarks.instructions"]
    return [*program, "--run", *names, "--multiples", *map(str, multiples)]


def execute(line: list[str]) -> str:
    """Run a program from the folder above this one; returns what it wrote to the error output."""
    root = Path(__file__).parents[1]
    done = subprocess.run(line, env=environment(), cwd=root, text=True, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(line)} failed:\n{done.stdout}{done.stderr}")
    return done.stderr


# ---------------------------------------------------------------- counting


def count_with_callgrind() -> list[int]:
    """Instructions in n steps of each workload: one process does n and then 2 n of them."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--tool=callgrind", "--dump-before=getppid", f"--callgrind-out-file={folder}/out"]
        execute(["valgrind", *options, *command(WORKLOADS, [1, 2])])
        parts = [total(file) for file in dumps(Path(folder))]
    return [twice - once for once, twice in zip(parts[1::3], parts[2::3], strict=False)]


def total(dump: Path) -> int:
    found = re.search(r"^(?:summary|totals): (\d+)", dump.read_text(), re.MULTILINE)
    assert found, f"callgrind wrote no total to {dump}"
    return int(found[1])


def dumps(folder: Path) -> list[Path]:
    """Callgrind's files, in the order in which they were written."""
    return sorted(folder.glob("out.*"), key=lambda file: int(file.suffix[1:]))


def count_with_perf() -> list[int]:
    """Instructions in n steps of each workload: the difference of two processes."""
    counts = []
    for name in WORKLOADS:
        once, twice = (perf_count(command([name], [multiple])) for multiple in (1, 2))
        assert once, "perf has stopped counting"
        assert twice, "perf has stopped counting"
        counts.append(twice - once)
    return counts


def perf_count(line: list[str]) -> int | None:
    """What ``perf stat`` counts in a program, or None where it cannot count."""
    counted = execute(["perf", "stat", "-x,", "-e", "instructions:u", *line])
    found = re.search(r"^(\d+),.*instructions:u", counted, re.MULTILINE)
    return int(found[1]) if found else None


COUNTERS = {"callgrind": count_with_callgrind, "perf": count_with_perf}


def usable_counters() -> list[str]:
    """Names of the counters that work here."""
    usable = []
    if shutil.which("perf"):
        with contextlib.suppress(SystemExit):  # not allowed to count
            usable += ["perf"] if perf_count(["true"]) else []
    return usable + (["callgrind"] if shutil.which("valgrind") else [])


def measure(counter: str) -> dict[str, float]:
    """Instructions per step of each workload; kernels are compiled before anything counts."""
    execute(command(WORKLOADS, []))
    counts = COUNTERS[counter]()
    return {name: count / (n * steps) for (name, (_, n, steps)), count in zip(WORKLOADS.items(), counts, strict=True)}


# ---------------------------------------------------------------- the reference


def circumstances(counter: str) -> dict[str, str]:
    """What counts depend on besides the kernels."""
    import llvmlite
    import numba

    return {
        "counter": counter,
        "machine": platform.machine(),
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
        "numpy": np.__version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
    }


def compare(figures: dict[str, float], reference: dict[str, float], tolerance: float) -> list[str]:
    """What grew by more than the tolerance, as text; all differences are printed."""
    grown = []
    for name, figure in figures.items():
        if name not in reference:
            print(f"  {name:40s} is not in the reference")
            continue
        change = figure / reference[name] - 1
        print(f"  {name:40s} {change:+14.2%}")
        grown += [f"{name}: {change:+.2%}"] if change > tolerance else []
    return grown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counter", choices=COUNTERS, help="by default the reference's, else perf, else callgrind")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the figures to a file")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="fail where a figure is larger than the file's")
    parser.add_argument("--tolerance", type=float, default=0.01, help="growth that is allowed (default 0.01)")
    parser.add_argument("--run", nargs="*", metavar="NAME", help="only run workloads (default all), without counting")
    parser.add_argument("--multiples", nargs="*", type=int, default=[], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run is not None:
        run(options.run or list(WORKLOADS), options.multiples)
    else:
        report(options)


def report(options: argparse.Namespace) -> None:
    if platform.machine() not in ("x86_64", "AMD64"):
        raise SystemExit("the workloads are counted on x86-64 alone")
    reference: dict[str, Any] = json.loads(options.compare.read_text()) if options.compare else {}
    usable = usable_counters()
    if not usable:
        raise SystemExit("nothing here counts instructions: neither does perf, nor is there valgrind")
    wanted = options.counter or reference.get("circumstances", {}).get("counter", usable[0])
    if wanted not in usable:
        raise SystemExit(f"{wanted} does not work here; usable: {', '.join(usable)}")
    print(f"Instructions per step, counted by {wanted} (a few minutes under callgrind):", flush=True)
    figures = measure(wanted)
    for name, figure in figures.items():
        print(f"  {name:40s} {figure:14,.0f}")
    now = circumstances(wanted)
    if options.save:
        stored = {"circumstances": now, "instructions": {name: round(figure) for name, figure in figures.items()}}
        options.save.write_text(json.dumps(stored, indent=2) + "\n")
    if reference and reference["circumstances"] != now:
        print(f"Not compared: the reference was made with {reference['circumstances']}, this is {now}.")
    elif reference:
        print("Change since the reference:")
        grown = compare(figures, reference["instructions"], options.tolerance)
        if grown:
            raise SystemExit("More instructions than before: " + "; ".join(grown))


if __name__ == "__main__":
    main()
