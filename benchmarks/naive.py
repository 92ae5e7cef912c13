"""The naive baseline: one object per neuron, one queue item per training sample.

This is how a first neural network is often written: readable mathematics, one Python scalar at a
time, and worker processes to make up for it. It is correct, and it is slow on purpose. Nothing here may be
vectorised, batched or shared in memory, or the comparison loses its meaning.

It imports NumPy and the standard library only.
"""

from __future__ import annotations

import itertools
import math
import multiprocessing
import pickle
import queue
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

# ------------------------------------------------------------------------------------------- nodes


class Node:
    """One neuron: where its parameters start, and what it computed for the current sample."""

    def __init__(self, weight_start: int, bias_index: int, fan_in: int) -> None:
        self.weight_start = weight_start
        self.bias_index = bias_index
        self.fan_in = fan_in
        self.z = 0.0
        self.a = 0.0
        self.partials: list[float] = []  # da of this node / dz of every node of its layer

    def compute_z(self, weights: Vector, biases: Vector, a_prev: Vector) -> None:
        own_weights = weights[self.weight_start : self.weight_start + self.fan_in]
        self.z = float(own_weights @ a_prev + biases[self.bias_index])


Layer = dict[int, Node]

# ------------------------------------------------------------------------------------- activations


def relu(layer: Layer) -> None:
    """Fill a = max(z, 0) and its partial derivatives, which are zero off the diagonal."""
    for j, node in layer.items():
        node.a = max(node.z, 0.0)
        node.partials = [0.0] * len(layer)
        node.partials[j] = 1.0 if node.z > 0.0 else 0.0


def softmax(layer: Layer) -> None:
    """Fill a_i = exp(z_i) / sum_k exp(z_k) and its partial derivatives a_i (δ_ij - a_j)."""
    highest = max(node.z for node in layer.values())  # subtracted so that exp cannot overflow
    exponentials = [math.exp(node.z - highest) for node in layer.values()]
    total = sum(exponentials)
    for i, node in layer.items():
        node.a = exponentials[i] / total
    for i, node in layer.items():
        node.partials = [node.a * ((i == j) - other.a) for j, other in layer.items()]


ACTIVATIONS: dict[str, Callable[[Layer], None]] = {"relu": relu, "softmax": softmax}

# ------------------------------------------------------------------------------------------ losses

# Keeps log(a) and 1/a finite when a softmax output underflows to 0.
SMALLEST = float(np.finfo(np.float64).tiny)


def cross_entropy(a: Vector, y: Vector) -> float:
    """Return -sum_i y_i log10(a_i)."""
    return -float(y @ np.log10(np.maximum(a, SMALLEST)))


def dcross_entropy(a: Vector, y: Vector) -> Vector:
    """Return dL/da_i = -y_i / (a_i ln 10)."""
    return -y / np.maximum(a, SMALLEST) / math.log(10.0)


def residual_sum_of_squares(a: Vector, y: Vector) -> float:
    """Return sum_i (a_i - y_i)²."""
    return float(np.sum((a - y) ** 2))


def dresidual_sum_of_squares(a: Vector, y: Vector) -> Vector:
    """Return dL/da_i = 2 (a_i - y_i)."""
    return 2.0 * (a - y)


LossFunction = Callable[[Vector, Vector], float]
LossGradient = Callable[[Vector, Vector], Vector]
LOSSES: dict[str, tuple[LossFunction, LossGradient]] = {
    "cross_entropy": (cross_entropy, dcross_entropy),
    "rss": (residual_sum_of_squares, dresidual_sum_of_squares),
}

# ------------------------------------------------------------------------------------------- model


class SampleScore(NamedTuple):
    """What validation wants to know about one sample."""

    loss: float
    correct: bool


class SampleGradient(NamedTuple):
    """What training wants to know about one sample; both gradients are flat, like the parameters."""

    loss: float
    correct: bool
    dweights: Vector
    dbiases: Vector


class Model:
    """Layers of nodes over two flat parameter arrays; layer 0 is the input and has no nodes.

    The weight w[l][j][k], from node k of layer l - 1 to node j of layer l, stands at
    ``weights[weight_start[l] + j * widths[l - 1] + k]``, the bias b[l][j] at ``biases[bias_start[l] + j]``.
    """

    def __init__(self, widths: Sequence[int], activations: Sequence[str], loss: str, rng: np.random.Generator) -> None:
        self.widths = tuple(widths)
        self.activations = tuple(activations)
        self.loss = loss
        self.weight_start, self.bias_start = _start_indices(self.widths)
        self.weights = _he_normal(self.widths, rng)
        self.biases = np.zeros(sum(self.widths[1:]))
        self.layers: list[Layer] = [{}] + [self._new_layer(layer) for layer in range(1, len(self.widths))]
        self.outputs: list[Vector] = []  # a of every layer for the current sample, the input first
        self._dl_da: dict[tuple[int, int], float] = {}
        self._dl_dz: dict[tuple[int, int], float] = {}

    def _new_layer(self, layer: int) -> Layer:
        fan_in = self.widths[layer - 1]
        return {
            j: Node(self.weight_start[layer] + j * fan_in, self.bias_start[layer] + j, fan_in)
            for j in range(self.widths[layer])
        }

    def forward(self, x: npt.ArrayLike) -> Vector:
        """Return the output of the last layer for one sample."""
        self.outputs = [_checked_vector(x, self.widths[0], "input")]
        for layer, activation in zip(self.layers[1:], self.activations, strict=True):
            for node in layer.values():
                node.compute_z(self.weights, self.biases, self.outputs[-1])
            ACTIVATIONS[activation](layer)
            self.outputs.append(np.array([node.a for node in layer.values()]))
        return self.outputs[-1]

    def sample_score(self, x: npt.ArrayLike, y: npt.ArrayLike) -> SampleScore:
        """Return the loss of one sample, and whether its largest output is the right one."""
        output = self.forward(x)
        target = _checked_vector(y, self.widths[-1], "target")
        loss_function, _ = LOSSES[self.loss]
        return SampleScore(loss_function(output, target), bool(output.argmax() == target.argmax()))

    def sample_gradient(self, x: npt.ArrayLike, y: npt.ArrayLike) -> SampleGradient:
        """Return the score of one sample and the gradient of its loss, written scalar by scalar."""
        score = self.sample_score(x, y)
        self._start_backward(_checked_vector(y, self.widths[-1], "target"))
        dweights, dbiases = np.zeros_like(self.weights), np.zeros_like(self.biases)
        for layer in range(1, len(self.widths)):
            a_prev = self.outputs[layer - 1]
            for j, node in self.layers[layer].items():
                dz = self.dl_dz(layer, j)
                dbiases[node.bias_index] = dz
                for k in range(node.fan_in):
                    dweights[node.weight_start + k] = dz * a_prev[k]
        return SampleGradient(*score, dweights, dbiases)

    def _start_backward(self, target: Vector) -> None:
        """Forget the previous sample, and end the recursion at dL/da of the last layer."""
        self._dl_da.clear()
        self._dl_dz.clear()
        _, loss_gradient = LOSSES[self.loss]
        last = len(self.widths) - 1
        for j, value in enumerate(loss_gradient(self.outputs[-1], target)):
            self._dl_da[last, j] = float(value)

    def dl_da(self, layer: int, j: int) -> float:
        """Return dL/da(l, j) = sum_i dL/dz(l + 1, i) w[l + 1][i][j]; each is computed once per sample."""
        if (layer, j) not in self._dl_da:
            self._dl_da[layer, j] = sum(
                self.dl_dz(layer + 1, i) * float(self.weights[node.weight_start + j])
                for i, node in self.layers[layer + 1].items()
            )
        return self._dl_da[layer, j]

    def dl_dz(self, layer: int, j: int) -> float:
        """Return dL/dz(l, j) = sum_i dL/da(l, i) da(l, i)/dz(l, j); each is computed once per sample."""
        if (layer, j) not in self._dl_dz:
            self._dl_dz[layer, j] = sum(
                self.dl_da(layer, i) * node.partials[j] for i, node in self.layers[layer].items()
            )
        return self._dl_dz[layer, j]


def _start_indices(widths: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return where each layer starts in the flat weights and biases; the input layer has neither."""
    weight_start, bias_start = [0, 0], [0, 0]
    for fan_in, units in itertools.pairwise(widths[:-1]):
        weight_start.append(weight_start[-1] + fan_in * units)
        bias_start.append(bias_start[-1] + units)
    return weight_start, bias_start


def _he_normal(widths: Sequence[int], rng: np.random.Generator) -> Vector:
    layers = [
        rng.normal(0.0, math.sqrt(2.0 / fan_in), size=fan_in * units) for fan_in, units in itertools.pairwise(widths)
    ]
    return np.concatenate(layers)


def _checked_vector(values: npt.ArrayLike, length: int, name: str) -> Vector:
    vector = np.asarray(values, dtype=np.float64)
    if vector.shape != (length,):
        raise ValueError(f"one {name} has shape {vector.shape}, the network needs ({length},)")
    return vector


# -------------------------------------------------------------------------------------- optimisers


class SGD:
    """Plain gradient descent."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate

    def step(self, parameters: Sequence[Vector], gradients: Sequence[Vector]) -> None:
        """Move every parameter array in place."""
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter[...] -= self.learning_rate * gradient


class Adam:
    """Adam with bias correction (β1 0.9, β2 0.999, ε 1e-8)."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.beta1, self.beta2, self.epsilon = 0.9, 0.999, 1e-8
        self.steps = 0
        self.moments: list[tuple[Vector, Vector]] = []

    def step(self, parameters: Sequence[Vector], gradients: Sequence[Vector]) -> None:
        """Move every parameter array in place."""
        if not self.moments:
            self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]
        self.steps += 1
        for parameter, gradient, (m, v) in zip(parameters, gradients, self.moments, strict=True):
            m[:] = self.beta1 * m + (1.0 - self.beta1) * gradient
            v[:] = self.beta2 * v + (1.0 - self.beta2) * gradient**2
            m_hat = m / (1.0 - self.beta1**self.steps)
            v_hat = v / (1.0 - self.beta2**self.steps)
            parameter[...] -= self.learning_rate * m_hat / (np.sqrt(v_hat) + self.epsilon)


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam}

# ----------------------------------------------------------------------------------------- network


class NaiveNetwork:
    """A model and its optimiser.

    Parameters
    ----------
    widths : sequence of int
        Number of inputs, then the number of nodes of every layer.
    activations : sequence of {"relu", "softmax"}
        One per layer, so one fewer than `widths`.
    loss : {"cross_entropy", "rss"}
        Cross-entropy takes logarithms to base 10: its gradient is 1/ln 10 of the usual one.
    optimizer : {"adam", "sgd"}
    learning_rate : float
    seed : int
        Of the He-normal weights and of the order of the samples in training.

    Attributes
    ----------
    model : Model
        Holds the flat ``weights`` and ``biases``, which may be overwritten in place.
    """

    def __init__(
        self,
        widths: Sequence[int] = (784, 128, 64, 10),
        activations: Sequence[str] = ("relu", "relu", "softmax"),
        loss: str = "cross_entropy",
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        seed: int = 0,
    ) -> None:
        _check_sizes(widths, activations)
        for name in activations:
            _check_name("activation", name, ACTIVATIONS)
        _check_name("loss", loss, LOSSES)
        _check_name("optimizer", optimizer, OPTIMIZERS)
        self.rng = np.random.default_rng(seed)
        self.model = Model(widths, activations, loss, self.rng)
        self.optimizer = OPTIMIZERS[optimizer](learning_rate)

    def forward(self, x: npt.ArrayLike) -> Vector:
        """Return the output of the last layer for one sample."""
        return self.model.forward(x)

    def sample_gradient(self, x: npt.ArrayLike, y: npt.ArrayLike) -> SampleGradient:
        """Return the loss of one sample with its one-hot target, and the gradient of that loss."""
        return self.model.sample_gradient(x, y)

    def predict(self, x: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """Return the class, the index of the largest output, of every row of `x`."""
        return np.array([self.forward(row).argmax() for row in x], dtype=np.intp)

    def apply_gradient(self, dweights: Vector, dbiases: Vector) -> None:
        """Let the optimiser take one step."""
        self.optimizer.step([self.model.weights, self.model.biases], [dweights, dbiases])


def _check_sizes(widths: Sequence[int], activations: Sequence[str]) -> None:
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths is {tuple(widths)}; it needs two or more positive numbers")
    if len(activations) != len(widths) - 1:
        raise ValueError(f"{len(activations)} activations for {len(widths)} widths; give one per width after the first")


def _check_name(what: str, name: str, table: dict[str, Any]) -> None:
    if name not in table:
        raise ValueError(f"{what} is {name!r}; choose one of {', '.join(map(repr, table))}")


# ----------------------------------------------------------------------------------------- workers

POLL_SECONDS = 1.0  # how often a process that waits looks whether the other side still lives
SHUTDOWN_SECONDS = 10.0  # how long workers may take to finish the sample they are at


class Item(NamedTuple):
    """One sample on its way to a worker."""

    version: int
    task: str  # the method of Model that does the work
    x: Vector
    y: Vector


class Failure(NamedTuple):
    """A worker's exception, as text because not every exception survives pickling."""

    text: str


class WorkerPool:
    """Processes that take samples from one queue and put what they computed in another.

    Every worker has a queue of its own for the models it is sent. A sample carries the version of the
    model it is meant for, so a worker that was late can never use an old model for it.

    Parameters
    ----------
    workers : int
    start_method : {"spawn", "fork", "forkserver"}
        "spawn" is the default because forking a process that has threads, such as those of a BLAS, is
        unsafe, and Python 3.12 and later warn of it.
    """

    def __init__(self, workers: int, start_method: str = "spawn") -> None:
        if workers < 1:
            raise ValueError(f"workers is {workers}; at least 1 is needed")
        context = multiprocessing.get_context(start_method)
        self.version = 0
        self.items: Any = context.Queue()
        self.results: Any = context.Queue()
        self.models: list[Any] = [context.Queue() for _ in range(workers)]
        self.stopping = context.Event()
        self.processes: list[BaseProcess] = [
            context.Process(  # type: ignore[attr-defined]
                target=_work, args=(self.items, models, self.results, self.stopping), daemon=True
            )
            for models in self.models
        ]

    def __enter__(self) -> WorkerPool:
        try:
            for process in self.processes:
                process.start()
            for _ in self.processes:  # each reports once that it has started
                self._next_result()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def send_model(self, model: Model) -> None:
        """Send the whole model to every worker, to be used for all samples that follow."""
        self.version += 1
        # Pickled now: a queue pickles in a thread, some time later, when the weights may have moved on.
        message = self.version, pickle.dumps(model)
        for models in self.models:
            models.put(message)

    def map(self, task: str, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Iterator[Any]:
        """Queue every sample, then yield what the workers make of them, in order of arrival."""
        for row, target in zip(x, y, strict=True):
            self.items.put(Item(self.version, task, row, target))
        for _ in range(len(x)):
            yield self._next_result()

    def _next_result(self) -> Any:
        result = _get_while(self.results, self._all_alive)
        if isinstance(result, Failure):
            raise RuntimeError(f"a worker failed:\n{result.text}")
        return result

    def _all_alive(self) -> bool:
        return all(process.is_alive() for process in self.processes)

    def stop(self) -> None:
        """End all workers, whatever is still in the queues."""
        self.stopping.set()
        started = [process for process in self.processes if process.pid is not None]
        for _ in started:
            self.items.put(None)
        for models in self.models:
            models.put(None)
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        for process in started:
            process.join(max(0.0, deadline - time.monotonic()))
        clean = len(started) == len(self.models) and all(process.exitcode == 0 for process in started)
        for process in started:
            process.kill()
            process.join()
        self._close_queues(flush=clean)

    def _close_queues(self, flush: bool) -> None:
        for channel in (self.items, *self.models, self.results):
            if not flush:  # nobody reads any more, so waiting for the last byte to leave would hang
                channel.cancel_join_thread()
            channel.close()
            if flush:
                channel.join_thread()


def _get_while(channel: Any, alive: Callable[[], bool]) -> Any:
    """Return the next object of a queue; raise when the process that should put it has ended."""
    while True:
        try:
            return channel.get(timeout=POLL_SECONDS)
        except queue.Empty:
            if not alive():
                raise RuntimeError("the process at the other end of a queue has ended") from None


def _work(items: Any, models: Any, results: Any, stopping: Any) -> None:
    """Compute samples until None comes; this is the main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent alone acts on it
    results.cancel_join_thread()  # when all stop, no one may be left to read the last results
    results.put(None)
    version, model = 0, None
    while (item := _get_while(items, _parent_alive)) is not None:
        if stopping.is_set():
            continue
        try:
            while version < item.version:
                version, pickled = _get_while(models, _parent_alive)
                model = pickle.loads(pickled)
            results.put(getattr(model, item.task)(item.x, item.y))
        except Exception:
            results.put(Failure(traceback.format_exc()))
    _drain(models)


def _drain(models: Any) -> None:
    """Take the models that were never needed, so that the parent can finish sending them."""
    while _get_while(models, _parent_alive) is not None:
        pass


def _parent_alive() -> bool:
    parent = multiprocessing.parent_process()
    return parent is not None and parent.is_alive()


# ---------------------------------------------------------------------------------------- training


class Score(NamedTuple):
    """Mean loss and share of correct samples."""

    loss: float
    accuracy: float


class History(NamedTuple):
    """Scores after every batch; `validation` is empty when there is no validation set."""

    training: list[Score]
    validation: list[Score]


def train(
    network: NaiveNetwork,
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    batch_size: int = 128,
    epochs: int = 5,
    workers: int = 8,
    validation: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None,
    start_method: str = "spawn",
) -> History:
    """Train a network in place, one queue item per sample.

    Gradients are summed as they arrive, so two runs agree up to rounding and not bit for bit.

    Parameters
    ----------
    network : NaiveNetwork
    x : array, shape (samples, inputs)
    y : array, shape (samples, outputs)
        One-hot targets.
    batch_size, epochs, workers : int
    validation : tuple of (x, y), optional
        Goes through the same queues, all of it, after every batch.
    start_method : {"spawn", "fork", "forkserver"}
        With "spawn" and "forkserver" a script must call this under ``if __name__ == "__main__":``.

    Returns
    -------
    History
    """
    history = History([], [])
    with WorkerPool(workers, start_method) as pool:
        pool.send_model(network.model)
        for _ in range(epochs):
            for batch in _batches(len(x), batch_size, network.rng):
                history.training.append(_train_batch(network, pool, x[batch], y[batch]))
                if validation is not None:
                    history.validation.append(_mean_score(list(pool.map("sample_score", *validation))))
    return history


def _batches(samples: int, batch_size: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.intp]]:
    order = rng.permutation(samples)
    for start in range(0, samples, batch_size):
        yield order[start : start + batch_size]


def _train_batch(network: NaiveNetwork, pool: WorkerPool, x: Vector, y: Vector) -> Score:
    """Sum the gradients of all samples, take one step, and send the new model to all workers."""
    dweights, dbiases = np.zeros_like(network.model.weights), np.zeros_like(network.model.biases)
    scores = []
    for sample in pool.map("sample_gradient", x, y):
        dweights += sample.dweights
        dbiases += sample.dbiases
        scores.append(SampleScore(sample.loss, sample.correct))
    network.apply_gradient(dweights / len(x), dbiases / len(x))
    pool.send_model(network.model)
    return _mean_score(scores)


def _mean_score(scores: Sequence[SampleScore]) -> Score:
    return Score(
        loss=sum(score.loss for score in scores) / len(scores),
        accuracy=sum(score.correct for score in scores) / len(scores),
    )


# ------------------------------------------------------------------------------------- measurement


def measure_per_sample(
    widths: Sequence[int] = (784, 128, 64, 10),
    samples: int = 128,
    workers: int = 8,
    batch_size: int = 128,
    start_method: str = "spawn",
) -> float:
    """Return the wall-clock seconds one training sample takes on the queue-fed path.

    Only `samples` random samples are trained on, after a warm-up of one sample per worker. The time of
    an epoch is never measured: it is EXTRAPOLATED, as this number times the samples of the epoch. That is
    fair because every sample costs the same work, whatever its values, and it favours the baseline: starting
    the workers and validating after every batch are left out. What is in: all queue traffic, the gradients,
    the optimiser, and sending the model again after every batch.

    Parameters
    ----------
    widths : sequence of int
        ReLU layers and a softmax output, cross-entropy and Adam.
    samples : int
        A whole number of batches represents the cost of an optimiser step best.
    workers, batch_size : int
    start_method : {"spawn", "fork", "forkserver"}

    Returns
    -------
    float
    """
    network = NaiveNetwork(widths, ["relu"] * (len(widths) - 2) + ["softmax"])
    x = network.rng.random((samples, widths[0]))
    y = np.eye(widths[-1])[network.rng.integers(widths[-1], size=samples)]
    with WorkerPool(workers, start_method) as pool:
        pool.send_model(network.model)
        warm_up = np.arange(workers) % samples
        _train_batch(network, pool, x[warm_up], y[warm_up])
        started = time.perf_counter()
        for batch in _batches(samples, batch_size, network.rng):
            _train_batch(network, pool, x[batch], y[batch])
        return (time.perf_counter() - started) / samples
