"""Measures the phases of training, with the training kernel compiled with timers."""

import time

import numpy as np

from .. import kernels
from .._base.types import Array
from .._engine.engine import data_of
from ..model import Sequential, mlp
from .workloads import Workload, make_data

PHASES = ("gather", "forward", "loss", "dX", "dW", "update", "waiting")


def measure(workload: Workload, threads: int, epochs: int = 5, *, uint8: bool = False) -> dict[str, float]:
    """The milliseconds of each phase in an epoch of training: the epoch of median length.

    One epoch before them does not count. All ``threads`` work on each batch; the time of a phase is the mean over them.
    ``uint8`` keeps images in bytes. ``gather`` copies rows into a block, ``forward`` and ``loss`` compute it, ``dX`` is
    the backward pass through the layers, ``dW`` the gradients of the parameters, and ``update`` the optimiser.
    ``waiting`` is the rest: threads that wait for each other, and the work once for each batch. The sum is the time of
    the epoch.
    """
    (x, y), _ = make_data(workload)
    model = mlp(workload.widths[1:-1], classes=workload.widths[-1], seed=0)
    model.build(workload.widths[0])
    if x.dtype == np.uint8 and not uint8:
        x = np.multiply(x, 1 / 255, dtype=np.float32)
    timed = [_epoch(model, workload, x, y, threads, epoch) for epoch in range(epochs + 1)]
    timed = sorted(timed[1:], key=sum)
    return dict(zip(PHASES, timed[len(timed) // 2], strict=True))


def _epoch(model: Sequential, workload: Workload, x: Array, y: Array, threads: int, epoch: int) -> list[float]:
    """Milliseconds of each of `PHASES`."""
    engine = model.engine
    data = data_of(x, y, np.empty((0, workload.widths[-1]), model.dtype), model.dtype)
    order = np.arange(workload.rows, dtype=np.int64)
    kernels.shuffle.run(np.float64, 1, order, model.seed, epoch)
    rates = np.full(-(-workload.rows // workload.batch_size), 1e-3)
    timers = engine.timers(workload.batch_size, threads)
    start = time.perf_counter()
    engine.train(data, order, 0, rates, workload.batch_size, threads, timers)
    milliseconds = 1e3 * (time.perf_counter() - start)
    whole, parts = timers[0, 0], timers[1:].sum(axis=0)
    phases = (parts / whole * milliseconds / threads).tolist()
    return [*phases, milliseconds - sum(phases)]
