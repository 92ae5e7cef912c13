"""JAX: data on the device; the compiled step gathers rows, and parameters and Adam's state are donated to it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..._base.types import Array
from ..workloads import Task

_RATE, _BETA1, _BETA2, _EPSILON = 1e-3, 0.9, 0.999, 1e-8


def _logits(weights: Any, x: Any) -> Any:
    for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = jax.nn.relu(x @ weight + bias)
    return x @ weights[-2] + weights[-1]


def _loss(weights: Any, x: Any, y: Any) -> Any:
    log_probabilities = jax.nn.log_softmax(_logits(weights, x))
    return -jnp.take_along_axis(log_probabilities, y[:, None], axis=1).mean()


def _step(state: Any, x: Any, y: Any, rows: Any) -> Any:
    """One step of Adam on some rows; returns the new state and the loss before the step."""
    weights, m, v, count = state
    loss, gradients = jax.value_and_grad(_loss)(weights, x[rows], y[rows])
    count = count + 1
    m = jax.tree.map(lambda m, g: _BETA1 * m + (1 - _BETA1) * g, m, gradients)
    v = jax.tree.map(lambda v, g: _BETA2 * v + (1 - _BETA2) * g * g, v, gradients)
    c1, c2 = 1 - _BETA1**count, 1 - _BETA2**count
    weights = jax.tree.map(lambda w, m, v: w - _RATE * (m / c1) / (jnp.sqrt(v / c2) + _EPSILON), weights, m, v)
    return (weights, m, v, count), loss


def _epoch(state: Any, x: Any, y: Any, batches: Any, rest: Any) -> Any:
    """All full batches in one scan, then the remaining rows; returns the state and the sum of losses."""
    state, losses = jax.lax.scan(lambda state, rows: _step(state, x, y, rows), state, batches)
    total = losses.sum() * batches.shape[1]
    if len(rest):
        state, loss = _step(state, x, y, rest)
        total += loss * len(rest)
    return state, total


class Scan:
    """A whole epoch in one compiled call."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.x, self.y = jnp.asarray(task.x), jnp.asarray(task.y, dtype=jnp.int32)
        self.probabilities = jax.jit(lambda weights, x: jax.nn.softmax(_logits(weights, x)))
        self.compile()
        self.start()

    def compile(self) -> None:
        self.run_epoch = jax.jit(_epoch, donate_argnums=0)

    def start(self) -> None:
        weights = [jnp.array(weight) for weight in self.task.weights]
        zeros = [[jnp.zeros_like(weight) for weight in weights] for _ in range(2)]
        self.state = (weights, *zeros, jnp.zeros((), jnp.float32))
        self.epoch = 0

    def order(self) -> Any:
        order = self.task.order(self.epoch).astype(np.int32)
        self.epoch += 1
        return order

    def train_epoch(self) -> float:
        order, size = self.order(), self.task.workload.batch_size
        whole = len(order) // size * size
        self.state, total = self.run_epoch(self.state, self.x, self.y, order[:whole].reshape(-1, size), order[whole:])
        return float(total) / len(order)

    def predict(self, x: Array) -> Array:
        return np.asarray(self.probabilities(self.state[0], x))


class Stepwise(Scan):
    """A compiled call for each step."""

    def compile(self) -> None:
        self.run_step = jax.jit(_step, donate_argnums=0)

    def train_epoch(self) -> float:
        order, size = self.order(), self.task.workload.batch_size
        losses = []
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            self.state, loss = self.run_step(self.state, self.x, self.y, rows)
            losses.append(loss * len(rows))
        return float(sum(losses)) / len(order)
