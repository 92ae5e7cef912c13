"""Activations of one's own beside built-in ones of the same arithmetic: ``python -m benchmarks.custom``.

The two take turns, so that whatever else the machine does falls on both. The table shows the best and the median CPU
time of an epoch with batches of 128, and of a prediction; the last column is the quotient of the best, own by built-in.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import numpy as np

import fastmlp as fm
from fastmlp._base import text_table

ROWS, FEATURES, BATCH = 4096, 64, 128


def silu(x: float) -> float:
    return x / (1 + math.exp(-x))


def silu_slope(x: float) -> float:
    s = 1 / (1 + math.exp(-x))
    return s * (1 + x * (1 - s))


def tanh(x: float) -> float:
    return math.tanh(x)


def tanh_slope(x: float) -> float:
    return 1 - math.tanh(x) ** 2


def leaky(x: float) -> float:
    return x if x > 0 else 0.2 * x


def leaky_slope(x: float) -> float:
    return 1.0 if x > 0 else 0.2


OWN = {
    "silu": fm.activations.Custom(silu, silu_slope, "own silu"),
    "tanh": fm.activations.Custom(tanh, tanh_slope, "own tanh"),
    "leaky_relu": fm.activations.Custom(leaky, leaky_slope, "own leaky"),
}


def programs(activation: str | fm.activations.Custom, dtype: str) -> dict[str, Callable[[], object]]:
    """An epoch of training and a prediction."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(ROWS, FEATURES)).astype(dtype), rng.integers(0, 10, ROWS)
    model = fm.mlp([128, 128], classes=10, activation=activation, dtype=dtype, seed=0)
    return {
        "epoch": lambda: model.fit(x, y, batch_size=BATCH, verbose=0, n_threads=1),
        "prediction": lambda: model.predict(x, n_threads=1),
    }


def measured(pair: list[Callable[[], object]], rounds: int) -> list[list[float]]:
    """The times of two programs that take turns."""
    times: list[list[float]] = [[], []]
    for program in pair:
        program()
    for _ in range(rounds):
        for program, found in zip(pair, times, strict=True):
            start = time.thread_time()  # other programs do not count
            program()
            found.append(time.thread_time() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    rows = [["activation", "precision", "", "built-in, ms", "own, ms", "medians, ms", "own / built-in"]]
    for dtype in ("float32", "float64"):
        for name, own in OWN.items():
            built_in, ours = programs(name, dtype), programs(own, dtype)
            for what in built_in:
                times = measured([built_in[what], ours[what]], rounds)
                best = [min(found) for found in times]
                medians = " and ".join(f"{1e3 * statistics.median(found):.2f}" for found in times)
                shown = [f"{1e3 * seconds:.2f}" for seconds in best]
                rows.append([name, dtype, what, *shown, medians, f"{best[1] / best[0]:.2f}"])
    print(text_table.aligned(rows, left=(0, 1, 2)))


if __name__ == "__main__":
    main()
