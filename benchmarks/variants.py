"""What layers, activations, losses and optimisers cost: epochs of W1 with each, as ratios to plain ReLU and Adam."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np

import fastmlp as fm
from fastmlp._contest.table import seconds
from fastmlp._contest.workloads import WORKLOADS, make_data

from .report import Data, Options, plural, say, table

TITLE = "Layers, losses and optimisers"

W1 = WORKLOADS["W1"]
_ROWS = 20_000


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


def measure(options: Options) -> Data:
    """Seconds of the epochs of each variant, by the number of threads."""
    rows = 600 if options.quick else _ROWS
    found = {}
    for threads in options.threads:
        say(f"variants of W1, {plural(threads, 'thread')}")
        found[str(threads)] = epochs(options.rounds, threads, rows)
    return {"rows": rows, "times": found}


def epochs(rounds: int, threads: int, rows: int) -> dict[str, list[float]]:
    """Seconds of the epochs of each variant; the first round is not counted."""
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


def lines(data: Data) -> list[str]:
    """The section, in Markdown."""
    counts = list(data["times"])
    head = ["", *(cell for count in counts for cell in (plural(int(count), "thread"), "ratio"))]
    rows = []
    for name in data["times"][counts[0]]:
        cells = [name if name == PLAIN else f"`{name}`"]
        for count in counts:
            own, plain = data["times"][count][name], data["times"][count][PLAIN]
            ratios = sorted(a / b for a, b in zip(own, plain, strict=True))
            cells += [seconds(median(own)), f"{median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"]
        rows.append(cells)
    return [
        f"Each variant changes one thing in W1 and trains for epochs of {data['rows']:,} rows. The variants take",
        f"turns, one epoch in each round. The ratio divides the time by that of plain {PLAIN} in the same round:",
        "median, least and greatest. Rprop is left out, because it takes all rows as one batch.",
        "",
        *table(head, rows),
    ]
