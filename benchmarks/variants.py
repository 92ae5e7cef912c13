"""What layers, activations, losses and optimisers cost: epochs of W1 with each, as ratios to plain ReLU and Adam.

python -m benchmarks.variants [--rounds N] [--threads N] [--rows N]

All take turns, one epoch each in a round, in an order that rotates; the ratio is of the same round, its median over
the rounds. The first epoch of each is not counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np

import fastmlp as fm
from fastmlp.benchmark.workloads import WORKLOADS, make_data

W1 = WORKLOADS["W1"]


def network(between: Callable[[], list[fm.layers.Layer]] = list, activation: str = "relu") -> list[fm.layers.Layer]:
    """784-128-64-10, with some layers after each hidden one."""
    hidden = [layer for units in (128, 64) for layer in (fm.Dense(units, activation=activation), *between())]
    return [*hidden, fm.Dense(10, activation="softmax")]


def normalized() -> list[fm.layers.Layer]:
    """Batch normalisation before each ReLU."""
    parts = [(fm.Dense(n, use_bias=False), fm.BatchNormalization(), fm.Activation("relu")) for n in (128, 64)]
    return [*(layer for part in parts for layer in part), fm.Dense(10, activation="softmax")]


PLAIN = "ReLU, Adam"
ACTIVATIONS = [name for name in fm.activations.NAMES if name not in ("relu", "linear", "softmax")]
RULES: list[fm.optimizers.Optimizer] = [
    fm.SGD(0.01),
    fm.SGD(0.01, 0.9, nesterov=True),
    fm.Adagrad(),
    fm.RMSprop(),
    fm.AdamW(),
    fm.Adamax(),
    fm.Adam(global_clipnorm=1.0),
    fm.Adam(clipnorm=1.0),
    fm.Adam(ema_momentum=0.99),
]


def variants() -> dict[str, fm.Sequential]:
    """All networks, compiled, by what they differ in."""
    layers = {
        PLAIN: network(),
        "Dropout(0.2)": network(lambda: [fm.Dropout(0.2)]),
        "GaussianNoise(0.1)": network(lambda: [fm.GaussianNoise(0.1)]),
        "BatchNormalization": normalized(),
        "LayerNormalization": network(lambda: [fm.LayerNormalization()]),
        "Normalization": [fm.Normalization(), *network()],
        **{name: network(activation=name) for name in ACTIVATIONS},
        "l2 and max_norm": [
            fm.Dense(128, activation="relu", kernel_regularizer="l2", max_norm=3.0),
            *network()[1:],
        ],
    }
    found = {name: (stack, fm.Adam(), "categorical_crossentropy") for name, stack in layers.items()}
    found |= {repr(rule): (network(), rule, "categorical_crossentropy") for rule in RULES}
    found["mean squared error"] = (network(), fm.Adam(), "mse")
    models = {}
    for name, (stack, rule, loss) in found.items():
        models[name] = fm.Sequential(stack, seed=0)
        models[name].compile(rule, loss)
    return models


def measure(rounds: int, threads: int | None, rows: int) -> dict[str, list[float]]:
    """Seconds of the epochs of each variant."""
    (x, y), _ = make_data(W1)
    x, y, models = x[:rows], y[:rows], variants()
    times: dict[str, list[float]] = {name: [] for name in models}
    names = list(models)
    for number in range(rounds + 1):
        for name in np.roll(names, number):
            start = time.perf_counter()
            models[name].fit(x, y, batch_size=W1.batch_size, n_threads=threads, verbose=0)
            if number:
                times[name].append(time.perf_counter() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--rows", type=int, default=60_000)
    args = parser.parse_args()
    times = measure(args.rounds, args.threads, args.rows)
    lines = []
    for name, seconds in times.items():
        ratios = sorted(own / plain for own, plain in zip(seconds, times[PLAIN], strict=True))
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        lines.append(f"{name:45} {1e3 * median(seconds):8.0f} ms {median(ratios):8.2f}   {spread}")
    print(f"{'variant':45} {'epoch':>11} {'ratio':>8}   spread", *lines, sep="\n")


if __name__ == "__main__":
    main()
