"""fastmlp, as a user calls it: `Sequential.fit` and `Sequential.predict` with a preallocated output.

It draws the order of rows itself, within the measured time; the others receive it.
"""

import time
from typing import Any

import numpy as np

import fastmlp as fm

from ..._base.types import Array
from ..workloads import Task
from . import NotApplicable


class Beginning(fm.callbacks.Callback):
    """Notes the time at which training begins, after its argument checks."""

    def on_train_begin(self, run_info: dict[str, int]) -> None:
        self.time = time.perf_counter()


class Float32:
    """float32 features."""

    preparation = 0.0

    def __init__(self, task: Task) -> None:
        widths = task.workload.widths
        self.task = task
        self.model = fm.mlp(widths[1:-1], classes=widths[-1], seed=task.seed)
        self.model.build(widths[0])
        self._out = np.empty((0, widths[-1]), np.float32)
        self.start()

    def start(self) -> None:
        self.model.set_weights(self.task.weights)
        self.model.compile(optimizer=fm.Adam(learning_rate=1e-3))

    def features(self) -> Any:
        return self.task.x

    def train_epoch(self) -> float:
        beginning, batch_size, threads = Beginning(), self.task.workload.batch_size, self.task.threads
        x, y = self.features(), self.task.y
        start = time.perf_counter()
        history = self.model.fit(x, y, batch_size, verbose=0, n_threads=threads, callbacks=[beginning])
        self.preparation = beginning.time - start
        return float(history.history["loss"][-1])

    def predict(self, x: Array) -> Array:
        if len(self._out) != len(x):
            self._out = np.empty((len(x), self.task.workload.widths[-1]), np.float32)
        return self.model.predict(x, out=self._out, n_threads=self.task.threads)


class Uint8(Float32):
    """Pixels as in the file: a quarter of the bytes, and the same numbers."""

    def features(self) -> Any:
        if len(self.task.pixels) == 0:
            raise NotApplicable("the features are not pixels")
        return self.task.pixels

    def predict(self, x: Array) -> Array:
        pixels = self.features()[: len(x)]
        return super().predict(pixels)
