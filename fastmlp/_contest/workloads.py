"""The workloads: networks, data, initial weights and orders of rows, the same for every contestant."""

import itertools
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .._base.types import Array, Integers

_ORDERS = 4  # different orders of rows, which epochs use in turns
_TEST_ROWS = 10_000


@dataclass(frozen=True)
class Workload:
    """A network and its training: float32, ReLU, softmax cross-entropy, Adam with rate 0.001, shuffled."""

    name: str
    widths: tuple[int, ...]  # the number of features, then the units of every layer
    batch_size: int
    rows: int
    epochs: int = 1  # to time together, if one is too short for a clock; seconds are always those of one epoch
    data: str = "images"  # MNIST if its files are found, else the built-in digits; "synthetic": learnable random data

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and units of every layer."""
        return list(itertools.pairwise(self.widths))

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum((fan_in + 1) * units for fan_in, units in self.layers)

    @property
    def flops(self) -> dict[str, int]:
        """The floating-point operations of an epoch's matrix products, by phase.

        A row takes a multiplication and an addition for every weight, three times: forward, for the gradient of the
        weights, and for the gradient of the inputs, which the first layer does not need.
        """
        products = [fan_in * units for fan_in, units in self.layers]
        forward = 2 * sum(products) * self.rows
        return {"forward": forward, "dX": 2 * sum(products[1:]) * self.rows, "dW": forward}

    @property
    def gflop(self) -> float:
        """Billions of floating-point operations in an epoch."""
        return sum(self.flops.values()) / 1e9

    @property
    def shape(self) -> str:
        """The widths; repeated ones become a product.

        >>> WORKLOADS["W1"].shape, WORKLOADS["deep and narrow"].shape
        ('784-128-64-10', '21x32-10')
        """
        runs = [(width, len(list(run))) for width, run in itertools.groupby(self.widths)]
        return "-".join(f"{n}x{width}" if n > 3 else "-".join([str(width)] * n) for width, n in runs)

    def __str__(self) -> str:
        return f"{self.shape}, batch {self.batch_size:,}, {self.rows:,} rows"


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("W1", (784, 128, 64, 10), 128, 60_000),
        Workload("W3", (784, 1024, 1024, 10), 256, 6_400),
        Workload("W4", (20, 64, 64, 2), 32, 20_000, epochs=2, data="synthetic"),
        Workload("full batch", (784, 128, 10), 60_000, 60_000, epochs=2),
        Workload("deep and narrow", (32, *[32] * 20, 10), 128, 12_800, data="synthetic"),
        Workload("wide and shallow", (784, 4096, 10), 256, 3_200),
    )
}


# ---------------------------------------------------------------- data


@dataclass
class Task:
    """A workload with its arrays, as a contestant sees it: training rows ``x`` (float32) and class numbers ``y``."""

    workload: Workload
    seed: int  # of the initial weights and the orders of rows
    threads: int
    folder: Path  # which `write` has filled

    def read(self) -> None:
        """Read the data of every contestant before the clock runs."""
        _ = self.x, self.y, self.weights, self._orders

    @cached_property
    def x(self) -> Array:
        return self._array("x")

    @cached_property
    def y(self) -> Integers:
        return self._array("y")

    @cached_property
    def pixels(self) -> Array:
        """The features as uint8; none unless they are images."""
        return self._array("pixels")

    @cached_property
    def x_test(self) -> Array:
        return self._array("x_test")

    @cached_property
    def y_test(self) -> Integers:
        return self._array("y_test")

    @cached_property
    def weights(self) -> list[Array]:
        """Initial weights (inputs, units) and biases (units,), layer by layer."""
        return [self._array(f"weights_{i}") for i in range(2 * len(self.workload.layers))]

    @cached_property
    def _orders(self) -> Integers:
        return self._array("orders")

    def order(self, epoch: int) -> Integers:
        """The order of rows in an epoch."""
        order: Integers = self._orders[epoch % _ORDERS]
        return order

    def _array(self, name: str) -> Array:
        array: Array = np.load(self.folder / f"{name}.npy")
        return array


def write(workload: Workload, seed: int, folder: Path) -> None:
    """Write the arrays of a workload into a folder, from which processes read them as `Task`."""
    (x, y), (x_test, y_test) = make_data(workload)
    arrays = {"x": _as_float(x), "y": y, "x_test": _as_float(x_test), "y_test": y_test}
    arrays["pixels"] = x if x.dtype == np.uint8 else x[:0].astype(np.uint8)
    arrays["orders"] = orders(workload.rows, seed)
    arrays |= {f"weights_{i}": weight for i, weight in enumerate(initial_weights(workload, seed))}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def make_data(workload: Workload) -> tuple[tuple[Array, Integers], tuple[Array, Integers]]:
    """Training and test rows: images as uint8, synthetic rows as float32. If there are too few, they are repeated."""
    if workload.data == "synthetic":
        return _synthetic(workload)
    (x, y), (x_test, y_test) = images()
    shape = (workload.rows, x.shape[1])
    return (np.resize(x, shape), np.resize(y, workload.rows)), (x_test, y_test)


def images() -> tuple[tuple[Array, Integers], tuple[Array, Integers]]:
    """MNIST if it is there, else the built-in digits, which have the same shape."""
    from .. import datasets
    from .._base.errors import DataFileError

    try:
        pairs: Any = datasets.load("mnist")
    except DataFileError:
        pairs = datasets.load("digits")
    (x, y), (x_test, y_test) = pairs
    return (x, y.astype(np.int64)), (x_test, y_test.astype(np.int64))


def _synthetic(workload: Workload) -> tuple[tuple[Array, Integers], tuple[Array, Integers]]:
    rng = np.random.default_rng(0)
    features, classes = workload.widths[0], workload.widths[-1]
    x = rng.standard_normal((workload.rows + _TEST_ROWS, features), dtype=np.float32)
    y = (np.tanh(x @ rng.normal(size=(features, 8))) @ rng.normal(size=(8, classes))).argmax(axis=1)
    return (x[: workload.rows], y[: workload.rows]), (x[workload.rows :], y[workload.rows :])


def _as_float(x: Array) -> Array:
    return np.multiply(x, 1 / 255, dtype=np.float32) if x.dtype == np.uint8 else x


def initial_weights(workload: Workload, seed: int) -> list[Array]:
    """The initial weights of a fastmlp model with this seed."""
    from ..model import mlp

    model = mlp(workload.widths[1:-1], classes=workload.widths[-1], seed=seed)
    model.build(workload.widths[0])
    return model.get_weights()


def orders(rows: int, seed: int) -> Integers:
    """The orders of rows in the first epochs of a fastmlp model with this seed."""
    from .. import kernels

    found = np.empty((_ORDERS, rows), np.int64)
    for epoch, order in enumerate(found):
        kernels.shuffle(order, seed, epoch)
    return found
