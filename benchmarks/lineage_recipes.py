"""The headline experiments of five older systems, each as its authors ran it and as one would run it today.

An experiment trains one network with one seed. What is known of the original stands beside it; what is not known, and
had to be chosen, is said in `NOTES`, which become the text of docs/lineage.md.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

import fastmlp as fm
from fastmlp.datasets import digits, load, spiral, standardize, train_test_split
from fastmlp.initializers import Initializer, he_normal, random_normal, random_uniform, zeros

Array = Any
Images = tuple[tuple[Array, Array], tuple[Array, Array]]


@dataclass(frozen=True)
class Outcome:
    """What one run gave: accuracy and loss on rows it did not see, and seconds of training."""

    accuracy: float
    loss: float
    seconds: float


@dataclass(frozen=True)
class Task:
    """What a run is asked for.

    Attributes
    ----------
    seed : int
        Of the weights, the order of the rows, and of data that are drawn.
    quick : bool
        The built-in digits, few of them, and few epochs: to see that it runs.
    """

    seed: int
    quick: bool = False

    def images(self, *names: str) -> Images:
        """The first of these data sets that is here."""
        return digits(1_200, 300) if self.quick else found(names)[1]

    def epochs(self, count: int) -> int:
        return max(1, count // 50) if self.quick else count


@cache
def found(names: tuple[str, ...]) -> tuple[str, Images]:
    """Name and data of the first data set that is here; at last the built-in digits."""
    for name in names:
        try:
            return name, load(name)
        except fm.DataFileError:
            continue
    return "digits", digits()


@dataclass(frozen=True)
class Experiment:
    """A row of the table.

    Attributes
    ----------
    system : str
    name : str
    run : callable
        From a `Task` to an `Outcome`.
    theirs : float, optional
        The accuracy that its authors reported.
    target : float, optional
        The accuracy that ours must reach.
    data : tuple of str
        Data sets, of which the first that is here is taken; empty: made on the spot.
    """

    system: str
    name: str
    run: Callable[[Task], Outcome]
    theirs: float | None = None
    target: float | None = None
    data: tuple[str, ...] = field(default=("mnist",))


# ---------------------------------------------------------------- what they share


def fitted(model: fm.Sequential, train: Any, test: Any, batch_size: int, epochs: int, **options: Any) -> Outcome:
    """The outcome of `fit`."""
    start = time.perf_counter()
    model.fit(train[0], train[1], batch_size, epochs, verbose=0, **options)
    return judged(model, test, time.perf_counter() - start)


def judged(model: fm.Sequential, test: Any, seconds: float) -> Outcome:
    report = model.evaluate(*test)
    return Outcome(report["accuracy"], report["loss"], seconds)


def one_cycle(highest: float, rows: int, batch_size: int, epochs: int) -> fm.schedules.OneCycle:
    """One cycle over the whole training."""
    return fm.schedules.OneCycle(highest, steps=max(2, epochs * math.ceil(rows / batch_size)), rise=0.2)


# ---------------------------------------------------------------- L1: 784-128-64-10


def l1_network(seed: int) -> fm.Sequential:
    hidden = [fm.Dense(units, activation="relu", kernel_initializer="he_normal") for units in (128, 64)]
    return fm.Sequential([*hidden, fm.Dense(10, activation="softmax")], seed=seed)


def l1_theirs(task: Task) -> Outcome:
    """He initialisation, columns standardised, a random fifth for validation, Adam at 0.001, batches of 128."""
    train, valid, test = l1_split(task)
    x, x_valid, x_test = standardize(train[0], valid[0], test[0])
    return l1_trained(task, (x, train[1]), (x_valid, valid[1]), (x_test, test[1]))


def l1_pixels(task: Task) -> Outcome:
    return l1_trained(task, *l1_split(task))


def l1_split(task: Task) -> tuple[Any, Any, Any]:
    train, test = task.images("mnist")
    return *train_test_split(*train, 0.2, seed=task.seed, stratify=False), test


def l1_trained(task: Task, train: Any, valid: Any, test: Any) -> Outcome:
    model = l1_network(task.seed)
    model.compile(fm.Adam(0.001), "categorical_crossentropy")
    return fitted(model, train, test, 128, 5, validation_data=valid)


def l1_ours(task: Task) -> Outcome:
    """All rows, pixels / 255, a rate that rises to 0.005 and falls to nothing, batches of 64, smoothed labels."""
    train, test = task.images("mnist")
    model = l1_network(task.seed)
    rate = one_cycle(0.005, len(train[0]), 64, 5)
    model.compile(fm.Adam(rate), fm.losses.CategoricalCrossentropy(label_smoothing=0.1))
    return fitted(model, train, test, 64, 5)


# ---------------------------------------------------------------- L2: one hidden layer of 50


def l2_theirs(normalized: bool, clip: float | None) -> Callable[[Task], Outcome]:
    """Normal initialisation of deviation 1, raw pixels, plain gradient descent at 0.01, batches of 32, 5 epochs."""

    def run(task: Task) -> Outcome:
        train, test = task.images("mnist")
        initial = random_normal(1.0)
        hidden: list[Any] = [fm.Dense(50, kernel_initializer=initial)]
        hidden += [fm.BatchNormalization(momentum=0.9)] if normalized else []
        output = fm.Dense(10, activation="softmax", kernel_initializer=initial)
        model = fm.Sequential([*hidden, fm.Activation("relu"), output], uint8_scale=1.0, seed=task.seed)
        model.compile(fm.SGD(0.01, clipnorm=clip), "categorical_crossentropy")
        return fitted(model, train, test, 32, 5)

    return run


def l2_ours(task: Task) -> Outcome:
    """He initialisation, pixels / 255, batch normalisation, Adam."""
    train, test = task.images("mnist")
    layers = [
        fm.Dense(50, use_bias=False, kernel_initializer="he_normal"),
        fm.BatchNormalization(momentum=0.9),
        fm.Activation("relu"),
        fm.Dense(10, activation="softmax"),
    ]
    model = fm.Sequential(layers, seed=task.seed)
    model.compile(fm.Adam(one_cycle(0.01, len(train[0]), 64, 5)), "categorical_crossentropy")
    return fitted(model, train, test, 64, 5)


# ---------------------------------------------------------------- L3: 784-10-10

L3_INITIAL: dict[str, Any] = {"kernel_initializer": random_uniform(0.5), "bias_initializer": random_uniform(0.5)}


def l3_network(seed: int, scale: float = 1 / 255, **initial: Any) -> fm.Sequential:
    layers = [fm.Dense(10, activation="relu", **initial), fm.Dense(10, activation="softmax", **initial)]
    return fm.Sequential(layers, uint8_scale=scale, seed=seed)


def l3_theirs(task: Task, scale: float = 1 / 255) -> Outcome:
    """Everything uniform in ±0.5, and 100 steps at 0.1, each with all rows."""
    train, test = task.images("mnist")
    model = l3_network(task.seed, scale, **L3_INITIAL)
    model.compile(fm.SGD(0.1), "categorical_crossentropy")
    return fitted(model, train, test, len(train[0]), task.epochs(100), shuffle=False)


def l3_raw(task: Task) -> Outcome:
    return l3_theirs(task, scale=1.0)


def l3_batches(task: Task) -> Outcome:
    """Their initial weights, rate and optimiser, in mini-batches, for a tenth of the passes."""
    train, test = task.images("mnist")
    model = l3_network(task.seed, **L3_INITIAL)
    model.compile(fm.SGD(0.1), "categorical_crossentropy")
    return fitted(model, train, test, 32, task.epochs(10))


def l3_ours(task: Task) -> Outcome:
    """Adam with one cycle, for a tenth of the passes."""
    train, test = task.images("mnist")
    epochs = task.epochs(10)
    model = l3_network(task.seed)
    model.compile(fm.Adam(one_cycle(0.01, len(train[0]), 64, epochs)), "categorical_crossentropy")
    return fitted(model, train, test, 64, epochs)


# ---------------------------------------------------------------- L4: 784-128-64-10, squared error

L4_DATA = ("fashion_mnist", "mnist")


def l4_network(seed: int, scale: float = 1 / 255, **initial: Any) -> fm.Sequential:
    widths = ((128, "sigmoid"), (64, "sigmoid"), (10, "softmax"))
    layers = [fm.Dense(units, activation=name, **initial) for units, name in widths]
    return fm.Sequential(layers, uint8_scale=scale, seed=seed)


def l4_theirs(samples: int, epochs: int, rate: float) -> Callable[[Task], Outcome]:
    """Normal initialisation of deviation 1, raw pixels; an epoch is one step along a sum over rows drawn anew."""

    def run(task: Task) -> Outcome:
        (x, y), test = task.images(*L4_DATA)
        normal = random_normal(1.0)
        model = l4_network(task.seed, 1.0, kernel_initializer=normal, bias_initializer=normal)
        model.compile(fm.SGD(rate * samples), "rss", metrics=["accuracy"])
        drawn = np.random.default_rng(task.seed).integers(len(x), size=(task.epochs(epochs), samples))
        start = time.perf_counter()
        for part in np.array_split(drawn, min(8, len(drawn))):  # not all copies of rows at once
            model.partial_fit(x[part.ravel()], y[part.ravel()], batch_size=samples)
        return judged(model, test, time.perf_counter() - start)

    return run


def l4_ours(task: Task) -> Outcome:
    """Glorot initialisation, pixels / 255, Adam with one cycle; 6 passes, fewer rows than they drew."""
    train, test = task.images(*L4_DATA)
    model = l4_network(task.seed)
    model.compile(fm.Adam(one_cycle(0.01, len(train[0]), 64, 6)), "rss", metrics=["accuracy"])
    return fitted(model, train, test, 64, 6)


# ---------------------------------------------------------------- L5: spiral, 64 hidden units


def spirals(task: Task, samples: int, noise: float) -> Images:
    """Points to train on, and 3,000 others, drawn with another seed."""
    return spiral(samples, 3, task.seed, noise), spiral(1_000, 3, 1_000 + task.seed, noise)


def l5_theirs(kernel: Initializer | None = None, bias: Initializer | None = None) -> Callable[[Task], Outcome]:
    """10,000 steps at a rate of 1, each with all 300 points; by default 0.01 · normal initialisation and no biases."""
    kernel, bias = kernel or random_normal(0.01), bias or zeros()

    def run(task: Task) -> Outcome:
        train, valid = spirals(task, 100, 0.2)
        hidden = fm.Dense(64, activation="relu", kernel_initializer=kernel, bias_initializer=bias)
        output = fm.Dense(3, activation="softmax", kernel_initializer=kernel)
        model = fm.Sequential([hidden, output], seed=task.seed)
        model.compile(fm.SGD(1.0), "categorical_crossentropy")
        return fitted(model, train, valid, len(train[0]), task.epochs(10_000))

    return run


def l5_ours(samples: int, noise: float) -> Callable[[Task], Outcome]:
    """Hidden units spread over the plane, a little noise against learning by heart, 10,000 steps of 30 or 60 points."""

    def run(task: Task) -> Outcome:
        train, valid = spirals(task, samples, noise)
        batch_size, epochs = (30, 1_000) if samples <= 100 else (60, 200)
        normal, uniform = random_normal(2.0), random_uniform(2.0)
        hidden = fm.Dense(64, activation="relu", kernel_initializer=normal, bias_initializer=uniform)
        layers = [fm.Normalization(), fm.GaussianNoise(0.05), hidden, fm.Dense(3, activation="softmax")]
        model = fm.Sequential(layers, seed=task.seed)
        epochs = task.epochs(epochs)
        rate = one_cycle(0.05, len(train[0]), batch_size, epochs)
        model.compile(fm.Adam(rate), "categorical_crossentropy")
        return fitted(model, train, valid, batch_size, epochs)

    return run


def l5_ideal(noise: float) -> Callable[[Task], Outcome]:
    """No network: the most probable arm of each point, by the formula that the points were drawn from."""

    def run(task: Task) -> Outcome:
        _, (x, y) = spirals(task, 100, noise)
        arms = arm_probabilities(x, noise)
        return Outcome(float((arms.argmax(1) == y).mean()), float(-np.log(arms[np.arange(len(y)), y]).mean()), 0.0)

    return run


def arm_probabilities(x: Array, noise: float) -> Array:
    """Of each of three arms, given a point: its angle is 10 · (arm + radius) + noise, but for whole turns."""
    radius, angle = np.hypot(x[:, 0], x[:, 1]), np.arctan2(x[:, 0], x[:, 1])
    off = angle[:, None] - 10 * (np.arange(3) + radius[:, None])
    turns = off[..., None] + 2 * np.pi * (np.arange(-3, 4) - np.round(off / (2 * np.pi))[..., None])
    density = np.exp(-0.5 * (turns / (2.5 * noise)) ** 2).sum(-1)
    return density / density.sum(1, keepdims=True)


# ---------------------------------------------------------------- all of them

EXPERIMENTS = (
    Experiment("L1", "their recipe", l1_theirs, 0.9646, 0.970),
    Experiment("L1", "the same with pixels / 255", l1_pixels),
    Experiment("L1", "same network and epochs, sane defaults", l1_ours, None, 0.978),
    Experiment("L2", "their recipe", l2_theirs(True, 5.0), 0.75),
    Experiment("L2", "without batch normalisation", l2_theirs(False, 5.0)),
    Experiment("L2", "without clipping either", l2_theirs(False, None)),
    Experiment("L2", "same width, batch normalisation, sane defaults", l2_ours, None, 0.96),
    Experiment("L3", "their recipe: 100 full-batch steps", l3_theirs, 0.6199),
    Experiment("L3", "the same without / 255", l3_raw, 0.0987),
    Experiment("L3", "mini-batches of 32, 10 epochs", l3_batches, None, 0.92),
    Experiment("L3", "mini-batches and Adam, 10 epochs", l3_ours, None, 0.92),
    Experiment("L4", "their recipe: 300 rows × 1,000, rate 0.01", l4_theirs(300, 1_000, 0.01), 0.5687, None, L4_DATA),
    Experiment("L4", "100 rows × 3,000, rate 0.01", l4_theirs(100, 3_000, 0.01), 0.6471, None, L4_DATA),
    Experiment("L4", "32 rows × 12,288, rate 0.01", l4_theirs(32, 12_288, 0.01), 0.6452, None, L4_DATA),
    Experiment("L4", "32 rows × 12,288, rate 0.03", l4_theirs(32, 12_288, 0.03), 0.4631, None, L4_DATA),
    Experiment("L4", "same network and loss, sane defaults", l4_ours, None, 0.87, L4_DATA),
    Experiment("L5", "their recipe: 10,000 full-batch steps", l5_theirs(), 0.720, None, ()),
    Experiment("L5", "with He initialisation", l5_theirs(he_normal()), None, None, ()),
    Experiment("L5", "and biases uniform in ±2", l5_theirs(he_normal(), random_uniform(2.0)), None, None, ()),
    Experiment("L5", "same points and network, sane defaults", l5_ours(100, 0.2), None, 0.95, ()),
    Experiment("L5", "the same with 1,000 points a class", l5_ours(1_000, 0.2), None, 0.95, ()),
    Experiment("L5", "best possible answer to these points", l5_ideal(0.2), None, None, ()),
    Experiment("L5", "half the noise", l5_ours(100, 0.1), None, 0.95, ()),
    Experiment("L5", "half the noise, 1,000 points a class", l5_ours(1_000, 0.1), None, 0.95, ()),
    Experiment("L5", "best possible answer to half the noise", l5_ideal(0.1), None, None, ()),
)
