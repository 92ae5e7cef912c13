"""The NumPy baseline: what a careful person writes with NumPy alone.

Whole batches go through BLAS. All parameters share one flat array, so that Adam takes a dozen calls per batch.
Temporaries are reused if the code stays clear. It imports NumPy only.

In float64 it is also the reference for the loss of every contestant.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..workloads import Task

Array = npt.NDArray[Any]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class NumpyMLP:
    """ReLU hidden layers, softmax output, cross-entropy (natural logarithm), Adam, all in ``dtype``.

    ``widths`` are the number of inputs, then the units of every layer. Weights are He-normal and biases zero. Inputs of
    dtype uint8 are pixels: they are divided by 255, one batch at a time.
    """

    def __init__(
        self, widths: Sequence[int], learning_rate: float = 1e-3, seed: int = 0, dtype: npt.DTypeLike = np.float32
    ) -> None:
        self.widths = tuple(widths)
        self.learning_rate = learning_rate
        self.dtype = np.dtype(dtype)
        self.steps = 0
        sizes = itertools.pairwise(self.widths)
        n_parameters = sum(fan_in * units + units for fan_in, units in sizes)
        self._parameters, self._gradient, self._m, self._v = np.zeros((4, n_parameters), self.dtype)
        self._weights, self._biases = _views(self._parameters, self.widths)
        self._dweights, self._dbiases = _views(self._gradient, self.widths)
        self._initialise(np.random.default_rng(seed))

    def _initialise(self, rng: np.random.Generator) -> None:
        for weight in self._weights:
            weight[:] = rng.normal(0.0, math.sqrt(2.0 / weight.shape[0]), size=weight.shape)

    @property
    def weights(self) -> tuple[Array, ...]:
        """Views of shape (fan_in, units), one per layer; assign a sequence to copy its values in."""
        return self._weights

    @weights.setter
    def weights(self, values: Sequence[npt.ArrayLike]) -> None:
        _copy_all(self._weights, values, "weights")

    @property
    def biases(self) -> tuple[Array, ...]:
        """Views of shape (units,), one per layer; assign a sequence to copy its values in."""
        return self._biases

    @biases.setter
    def biases(self, values: Sequence[npt.ArrayLike]) -> None:
        _copy_all(self._biases, values, "biases")

    def train_epoch(self, x: Array, y: Array, batch_size: int, order: Array) -> float:
        """Take one Adam step per batch of rows in this order; returns the mean loss, each row's before its own step."""
        total = 0.0
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            total += self._backward(self._scaled(x[rows]), y[rows]) * len(rows)
            self._adam_step()
        return total / len(order)

    def gradients(self, x: Array, y: Array) -> tuple[float, tuple[Array, ...], tuple[Array, ...]]:
        """Return the mean loss and its gradients (of weights, of biases), which the next call overwrites."""
        return self._backward(self._scaled(x), y), self._dweights, self._dbiases

    def predict_proba(self, x: Array) -> Array:
        """Return the class probabilities, of shape (samples, classes)."""
        logits = self._forward(self._scaled(x))[-1]
        softmax_in_place(logits)
        return logits

    def _scaled(self, x: Array) -> Array:
        if x.dtype == np.uint8:
            return np.multiply(x, 1.0 / 255.0, dtype=self.dtype)
        return x.astype(self.dtype, copy=False)

    def _forward(self, x: Array) -> list[Array]:
        """Return the input of every layer, then the logits."""
        activations = [x]
        last = len(self._weights) - 1
        for layer, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            z = activations[-1] @ weight
            z += bias
            if layer < last:
                np.maximum(z, 0.0, out=z)
            activations.append(z)
        return activations

    def _backward(self, x: Array, y: Array) -> float:
        """Fill the gradients of a batch and return its mean loss."""
        *inputs, logits = self._forward(x)
        loss = cross_entropy_backward(logits, y)
        dz = logits
        for layer in reversed(range(len(self._weights))):
            np.matmul(inputs[layer].T, dz, out=self._dweights[layer])
            dz.sum(axis=0, out=self._dbiases[layer])
            if layer > 0:
                dz = dz @ self._weights[layer].T
                dz *= inputs[layer] > 0.0  # a = max(z, 0) is positive exactly where z is
        return loss

    def _adam_step(self) -> None:
        """Move all parameters at once; the gradient is spent as scratch.

        m̂ / (√v̂ + ε), with m̂ = m / c1 and v̂ = v / c2, equals √c2 / c1 · m / (√v + ε √c2). So the corrections cost
        two numbers instead of two passes over the parameters.
        """
        self.steps += 1
        c1, c2 = 1.0 - BETA1**self.steps, 1.0 - BETA2**self.steps
        g, m, v = self._gradient, self._m, self._v
        m *= BETA1
        m += (1.0 - BETA1) * g
        g *= g
        g *= 1.0 - BETA2
        v *= BETA2
        v += g
        np.sqrt(v, out=g)
        g += EPSILON * math.sqrt(c2)
        np.divide(m, g, out=g)
        g *= self.learning_rate * math.sqrt(c2) / c1
        self._parameters -= g


class Float32:
    """The baseline as a contestant."""

    dtype: npt.DTypeLike = np.float32

    def __init__(self, task: Task) -> None:
        self.task = task
        self.x = task.x.astype(self.dtype, copy=False)
        self.start()

    def start(self) -> None:
        self.network = NumpyMLP(self.task.workload.widths, dtype=self.dtype)
        self.network.weights, self.network.biases = tuple(self.task.weights[::2]), tuple(self.task.weights[1::2])
        self.epoch = 0

    def train_epoch(self) -> float:
        order = self.task.order(self.epoch)
        self.epoch += 1
        return self.network.train_epoch(self.x, self.task.y, self.task.workload.batch_size, order)

    def predict(self, x: Array) -> Array:
        return self.network.predict_proba(x)


class Reference(Float32):
    """The same in float64."""

    dtype = np.float64


def softmax_in_place(z: Array) -> tuple[Array, Array]:
    """Overwrite logits with probabilities; return the maximum and the sum of exponentials of each row."""
    highest = z.max(axis=1, keepdims=True)
    z -= highest
    np.exp(z, out=z)
    total = z.sum(axis=1, keepdims=True)
    z /= total
    return highest, total


def cross_entropy_backward(z: Array, y: Array) -> float:
    """Overwrite logits with the gradient of the mean loss, (softmax(z) - one_hot(y)) / m; return the loss."""
    rows = np.arange(len(z))
    true_logits = z[rows, y]
    highest, total = softmax_in_place(z)
    # log sum exp(z) - z_y avoids the logarithm of a probability, which might be 0.
    losses = np.log(total[:, 0]) + highest[:, 0] - true_logits
    z[rows, y] -= 1.0
    z /= len(z)
    return float(losses.mean())


def _views(flat: Array, widths: Sequence[int]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Return weight and bias views of one flat array, layer after layer."""
    weights, biases = [], []
    end = 0
    for fan_in, units in itertools.pairwise(widths):
        start, middle, end = end, end + fan_in * units, end + fan_in * units + units
        weights.append(flat[start:middle].reshape(fan_in, units))
        biases.append(flat[middle:end])
    return tuple(weights), tuple(biases)


def _copy_all(targets: Sequence[Array], values: Sequence[npt.ArrayLike], name: str) -> None:
    arrays = [np.asarray(value) for value in values]
    expected, received = [t.shape for t in targets], [a.shape for a in arrays]
    if expected != received:
        raise ValueError(f"{name} have shapes {received}; this network needs {expected}")
    for target, array in zip(targets, arrays, strict=True):
        target[:] = array
