"""Which initial weights serve tables better: He's, Glorot's or LeCun's before ReLU, over twelve data sets.

    python -m benchmarks.initializers

The data sets were chosen before any result was seen. Nothing is timed. scikit-learn carries and makes most data sets.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import fastmlp as fm

CANDIDATES = ("he_normal", "glorot_uniform", "lecun_normal")
SEEDS = range(10)
EPOCHS = (20, 100)
HIDDEN = (64, 64)


class Table(NamedTuple):
    """Features, and targets: class numbers, or standardised numbers."""

    x: Any
    y: Any
    classes: int  # 0 for numbers


def tables() -> Iterator[tuple[str, Table]]:
    """The data sets by name."""
    from sklearn import datasets as theirs

    for name in ("iris", "wine", "breast_cancer", "digits"):
        x, y = getattr(theirs, f"load_{name}")(return_X_y=True)
        yield name, Table(x, y, int(y.max()) + 1)
    yield "diabetes", _of_numbers(*theirs.load_diabetes(return_X_y=True))
    for number in (1, 2, 3):
        make = getattr(theirs, f"make_friedman{number}")
        yield f"friedman{number}", _of_numbers(*make(500, noise=1.0 if number == 1 else 0.1, random_state=0))
    x, y = theirs.make_classification(1000, 20, n_informative=5, n_classes=3, random_state=0)
    yield "classification", Table(x, y, 3)
    x, y = theirs.make_moons(500, noise=0.3, random_state=0)
    yield "moons", Table(x, y, 2)
    x, y = fm.datasets.spiral(200, classes=3)
    yield "spirals", Table(x, y, 3)
    (x, y), _ = fm.datasets.digits(2000, 10)
    yield "drawn digits", Table(x.astype(np.float32), y, 10)


def _of_numbers(x: Any, y: Any) -> Table:
    return Table(x, (y - y.mean()) / y.std(), 0)


def network(table: Table, initializer: str, seed: int, *, has_batch_norm: bool) -> fm.Sequential:
    """Two hidden layers of ReLU, with Adam's defaults."""
    layers: list[fm.layers.Layer] = [fm.Normalization()]
    for units in HIDDEN:
        layers.append(fm.Dense(units, kernel_initializer=initializer))
        layers += [fm.BatchNormalization()] if has_batch_norm else []
        layers.append(fm.Activation("relu"))
    last = fm.Dense(table.classes, activation="softmax") if table.classes else fm.Dense(1)
    model = fm.Sequential([*layers, last], seed=seed)
    model.compile("adam", "categorical_crossentropy" if table.classes else "mse")
    return model


def test_losses(table: Table, initializer: str, *, has_batch_norm: bool) -> dict[int, list[float]]:
    """The loss on held-out rows after some epochs, for each seed; seeds also choose the split."""
    found: dict[int, list[float]] = {epochs: [] for epochs in EPOCHS}
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(len(table.x))
        test, train = order[: len(order) // 4], order[len(order) // 4 :]
        model = network(table, initializer, seed, has_batch_norm=has_batch_norm)
        done = 0
        for epochs in EPOCHS:
            options = {"initial_epoch": done, "epochs": epochs, "verbose": 0, "n_threads": 1}
            model.fit(table.x[train], table.y[train], 32, **options)  # type: ignore[arg-type]
            found[epochs].append(float(model.evaluate(table.x[test], table.y[test])["loss"]))
            done = epochs
    return found


def row(name: str, losses: dict[str, list[float]]) -> tuple[str, str | None]:
    """A line of the page, and which candidate is better than the first by more than twice the standard error."""
    first, second = losses[CANDIDATES[0]], losses[CANDIDATES[1]]
    differences = [b - a for a, b in zip(first, second, strict=True)]
    error = statistics.stdev(differences) / len(differences) ** 0.5
    mean = statistics.mean(differences)
    winner = None if abs(mean) <= 2 * error else CANDIDATES[0] if mean > 0 else CANDIDATES[1]
    figures = " | ".join(f"{statistics.mean(losses[kind]):.4f}" for kind in CANDIDATES)
    return f"| {name} | {figures} | {mean:+.4f} ± {error:.4f} | {winner or 'equal'} |", winner


def main(say: Callable[[str], Any] = print) -> None:
    """Print a table for each number of epochs, with and without batch normalisation."""
    for has_batch_norm in (False, True):
        lines: dict[int, list[str]] = {epochs: [] for epochs in EPOCHS}
        wins: dict[int, list[str | None]] = {epochs: [] for epochs in EPOCHS}
        for name, table in tables():
            losses = {kind: test_losses(table, kind, has_batch_norm=has_batch_norm) for kind in CANDIDATES}
            for epochs in EPOCHS:
                line, winner = row(name, {kind: losses[kind][epochs] for kind in CANDIDATES})
                lines[epochs].append(line)
                wins[epochs].append(winner)
        for epochs in EPOCHS:
            say(f"\n{epochs} epochs, {'with' if has_batch_norm else 'without'} batch normalisation\n")
            say(f"| data | {' | '.join(CANDIDATES)} | second − first | better |\n|---|" + "--:|" * 4 + "---|")
            for line in lines[epochs]:
                say(line)
            say(f"\nBetter: {', '.join(f'{kind} {wins[epochs].count(kind)}' for kind in CANDIDATES[:2])}.")


if __name__ == "__main__":
    main()
