"""Binds a program to its buffers and calls the kernels.

It does not know layers or epochs: checked arrays go in, numbers come out.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .. import kernels
from .._base import tables as t
from .._base.cached import cached_property
from .._base.sparse import SparseRows, no_rows
from .._base.types import Array
from .._compiling import threads as _threads
from .._compiling.jit import Kernel
from .._compiling.waiting import waited
from ..losses import Loss
from ..optimizers import NoUpdate, Optimizer
from .program import BLOCK_ROWS, Program, Skipping
from .thread_choice import ThreadChoice

# From this many floating-point operations in a batch on, a second thread is worth its parallel regions. Measured with
# small networks and batches of all kinds: 1 MFLOP is as fast on two threads as on one, 2.5 MFLOP (30 to 90 µs) 1.2
# times as fast, 20 MFLOP 1.5 times.
_PARALLEL_WORK = 2_000_000
# The same for all batches of a call, because threads may fall asleep between two calls. With epochs of 8 MFLOP, two
# threads took from 0.9 to 4 times as long as one; with 23 MFLOP 0.8 to 2 times; from 31 MFLOP on mostly 0.7 times.
_PARALLEL_CALL_WORK = 25_000_000
# The same for a single forward pass: the other threads are asleep, and waking them took 0.06 to 0.7 ms. 28 MFLOP (0.5
# ms) were twice as slow on two threads, 56 MFLOP as fast, 110 MFLOP 1.2 times as fast.
_PARALLEL_FORWARD_WORK = 50_000_000
# Bytes of scratch space that a prediction of few rows may allocate; larger ones reuse a workspace
_OWN_SCRATCH = 1 << 18
# The density of features from which on zeros are no longer skipped: in training, and in a forward pass alone
_DENSE_FROM = {True: 0.3, False: 0.25}
# The rows of which a sample finds the density: so many at most and at least, and otherwise one in so many
_SAMPLED_ROWS, _LEAST_SAMPLED, _SAMPLED_SHARE = 1000, 16, 64
_CALL_WORK = 5_000_000_000  # operations in one kernel call; Ctrl-C waits for its end
_NO_ORDER = np.empty(0, np.int64)
_NETWORKS = ("_network", "_centered_network")  # made of the program
STEADY = 2**40  # so many batches that the initial values of running statistics no longer count
_NO_TIMERS = np.empty(0, np.int8)


@dataclass(frozen=True)
class Data:
    """A data set as the kernels read it: one of `x`, `pixels` and `sparse` has rows, and either `labels` or `targets`.

    `weights` has a factor for each row's loss, whose mean is 1 (see `row_weights`), or no rows; `weight_unit` is the
    given weight that a factor of 1 stands for. If `x` `is_centered`, the mean of a first Normalization is already
    subtracted.
    """

    x: Array
    pixels: Array
    labels: Array
    targets: Array
    weights: Array
    is_centered: bool = False
    weight_unit: float = 1.0
    sparse: SparseRows | None = None
    rows: int = field(init=False)
    width: int = field(init=False)

    def __post_init__(self) -> None:
        sparse = 0 if self.sparse is None else len(self.sparse)
        sizes = {"rows": max(len(self.x), len(self.pixels), sparse), "width": int(self.x.shape[1])}
        self.__dict__.update(sizes)  # the fields cannot be assigned

    def part(self, start: int, stop: int) -> Data:
        """Rows start to stop, without copying."""
        arrays = ("x", "pixels", "labels", "targets", "weights")
        parts: dict[str, Any] = {name: getattr(self, name)[start:stop] for name in arrays}
        if self.sparse is not None:
            parts["sparse"] = self.sparse[start:stop]
        return dataclasses.replace(self, **parts)

    @cached_property
    def features(self) -> tuple[Array, ...]:
        """The five arrays of features, as kernels take them."""
        sparse = no_rows(self.width, self.x.dtype) if self.sparse is None else self.sparse
        return self.x, self.pixels, sparse.starts, sparse.column_numbers, sparse.values

    @cached_property
    def skipping(self) -> Skipping:
        """The density of the features, and how many numbers a row may have; dense rows are sampled."""
        if self.sparse is not None:
            numbers = max(1, self.rows * self.width)
            return Skipping(self.sparse.most_in_row(), self.sparse.pairs / numbers)
        dense = self.pixels if len(self.pixels) else self.x
        wanted = min(_SAMPLED_ROWS, max(_LEAST_SAMPLED, self.rows // _SAMPLED_SHARE))
        sample = dense[:: max(1, self.rows // wanted)][:wanted]
        return Skipping(self.width, float(np.count_nonzero(sample) / max(1, sample.size)))

    def truth(self) -> Array:
        """The targets: class numbers, or rows of targets."""
        return self.targets if len(self.targets) else self.labels


def data_of(
    features: Array | SparseRows,
    labels: Array,
    targets: Array,
    dtype: np.dtype[Any],
    *,
    is_centered: bool = False,
) -> Data:
    """Make a data set from checked features, float or uint8 or sparse, and targets."""
    none, weights = np.empty((0, features.shape[1]), np.uint8), np.empty(0, dtype)
    if isinstance(features, SparseRows):
        return Data(none.astype(dtype), none, labels, targets, weights, sparse=features)
    if features.dtype == np.uint8:
        return Data(none.astype(dtype), features, labels, targets, weights)
    return Data(features, none, labels, targets, weights, is_centered)


class StepGradient(NamedTuple):
    """What a step of training finds before its update."""

    loss: float
    flat: Array
    statistics: list[Array]  # running ones, with those of this batch
    averaged: dict[int, int]  # as that of `Engine`


@dataclass
class Engine:
    """A program with its flat buffers."""

    program: Program
    pixel_scale: float
    optimizer: Optimizer | None = None
    loss: Loss | None = None
    activation: str = "linear"  # activation of the output, which the loss needs
    parameters: Array = field(init=False)
    gradients: Array = field(init=False)
    state: Array = field(init=False)
    step: int = 0  # batches trained since the optimiser started
    averaged: dict[int, int] = field(default_factory=dict)  # batches in running statistics, see `averages_at`
    base: int = 0  # where the parameters begin in the vector of the network that this one is a part of
    _scratch: Scratch = field(init=False, repr=False)
    _is_core: bool | None = field(default=None, init=False, repr=False)  # whether the core form of the kernel can train
    _choices: dict[tuple[str, int, int], ThreadChoice] = field(default_factory=dict, init=False, repr=False)
    _plans: dict[tuple[Any, ...], Array] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._scratch = Scratch(self.program)
        self._no_outputs = np.empty((0, self.program.classes), self.program.dtype)
        self.set_optimizer(self.optimizer)
        self.parameters = self.program.zeros(1)

    def set_optimizer(self, optimizer: Optimizer | None) -> None:
        """Start an optimiser from its first step; training itself allocates its buffers."""
        self.optimizer, self._plans, self._is_core = optimizer, {}, None
        self._initial_state = [] if optimizer is None else optimizer.initial_state()
        self._settings = np.empty(0) if optimizer is None else np.array(optimizer.settings(), np.float64)
        self.gradients = self.state = np.empty(0, self.program.dtype)
        self.step = 0

    def share(self, whole: Engine, base: int) -> None:
        """Take the parameters of a network's part from the vector of the whole, where they begin at ``base``."""
        self.parameters = whole.parameters[base : base + self.program.size]
        self.averaged, self.base = whole.averaged, base

    def take(self, part: Engine, base: int) -> None:
        """Copy the parameters of a part, which is not yet in this vector, to the place where they begin at ``base``."""
        self.parameters[base : base + part.program.size] = part.parameters
        counted = {base + place - part.base: n for place, n in part.averaged.items() if place >= part.base}
        self.averaged.update(counted)

    def averages_at(self, place: int) -> int:
        """How many batches the running statistics average whose means are at this place."""
        return self.averaged.get(self.base + place, 0)

    def set_averages(self, averaged: dict[int, int]) -> None:
        """Let the running statistics of the whole average what they did before."""
        averaged = dict(averaged)
        self.averaged.clear()  # the networks of the parts have the same object
        self.averaged.update(averaged)

    def note_averages(self, place: int, batches: int) -> None:
        """Let running statistics average so many batches."""
        self.averaged[self.base + place] = batches

    def is_finite(self) -> bool:
        """Whether all parameters are finite."""
        return bool(np.isfinite(self.parameters).all())

    def allocate_training(self) -> None:
        """Allocate the gradient and the optimiser's state, if they do not exist yet."""
        assert self.optimizer is not None
        if self.gradients.size != self.parameters.size:
            self.gradients = self.program.zeros(1)
        if self.state.size != len(self._initial_state) * self.program.size:
            self.state = self.program.zeros(len(self._initial_state))
            slots = self.state.reshape(-1, self.program.size)
            for slot, value in zip(slots, self._initial_state, strict=True):
                slot[:] = value

    def set_loss(self, program: Program, loss: Loss | None, activation: str) -> None:
        """Set another loss and its program, which has the same tensors at the same places."""
        assert [t.offset for t in program.tensors] == [t.offset for t in self.program.tensors]
        assert program.size == self.program.size
        self.program, self.loss, self.activation = program, loss, activation
        self._scratch, self._plans, self._is_core = Scratch(program), {}, None
        for name in _NETWORKS:
            self.__dict__.pop(name, None)

    # ------------------------------------------------------------ training

    def skipping(self, data: Data, *, training: bool) -> Skipping | None:
        """How a pass skips the zeros of the features; None if it takes them too."""
        if not self.program.can_skip_zeros:
            return None
        found = data.skipping
        return found.rounded() if data.sparse is not None or found.density < _DENSE_FROM[training] else None

    def training_plan(self, batch_size: int, n_threads: int, longest: int, skipping: Skipping | None = None) -> Array:
        """The plan for batches of this size, the longest of which has this many rows."""
        key = (batch_size, n_threads, longest, skipping)
        if key not in self._plans:
            assert self.optimizer is not None
            assert self.loss is not None
            self.allocate_training()
            plan = self.program.new_plan(batch_size, n_threads, longest=longest, training=True, skipping=skipping)
            self.loss.fill_plan(plan, self.activation, self.program.classes)
            self.optimizer.fill_plan(plan)
            self._plans[key] = plan
        return self._plans[key]

    def training_kernel(self, data: Data) -> Kernel:
        """The smallest sufficient form of the training kernel, which is the same for all batches."""
        if self._is_core is None:
            self._is_core = self.program.is_core(self.training_plan(1, 1, 1))
        if data.sparse is None and self.skipping(data, training=True) is None:
            return kernels.train_batches if self._is_core else kernels.train_batches_full
        return kernels.train_batches_sparse if self._is_core else kernels.train_batches_sparse_full

    def training_threads(self, batch_size: int, n_threads: int | None, batches: int = 1) -> int:
        """The threads for a call with so many batches of this size: one, if more would not pay."""
        work = 6 * self.program.products * batch_size
        is_enough = work >= _PARALLEL_WORK and work * batches >= _PARALLEL_CALL_WORK
        return _threads.resolve_threads(n_threads) if is_enough else 1

    def train(
        self,
        data: Data,
        order: Array,
        first_batch: int,
        learning_rates: Array,
        batch_size: int,
        n_threads: int,
        timers: Array | None = None,
        *,
        random_key: tuple[int, int] = (0, 0),
        outputs: Array | None = None,
    ) -> tuple[Array, Array]:
        """Train on consecutive batches; returns the loss and the hits of each batch that was trained.

        If there are fewer results than learning rates, the next loss is not finite and made no update. Random layers
        depend on ``random_key``, a seed and an epoch. The outputs that the loss reads go to the rows of ``outputs``,
        one for each position of the epoch. With `timers`, the kernel with timers adds to them.
        """
        program, longest = self.program, min(batch_size, len(order))
        plan = self.training_plan(batch_size, n_threads, longest, self.skipping(data, training=True))
        kernel = self.training_kernel(data)
        if timers is not None:
            kernel = _timed(kernel)
        losses, hits, done = np.empty(len(learning_rates)), np.empty(len(learning_rates), np.int64), 0
        given = program.ops_for(data.is_centered, data.weight_unit)
        for ops, start, stop in self._spans_of_one_momentum(given, len(learning_rates)):
            trained = kernel.run(
                program.dtype,
                n_threads,
                self.parameters,
                self.state,
                self.gradients,
                self._scratch.workspace(plan),
                np.empty(longest, program.dtype),
                np.empty(longest, np.int64),
                losses[start:stop],
                hits[start:stop],
                np.empty(t.STRIP_SUMS * len(program.strips) + 2 * len(program.ops)),
                self._no_outputs if outputs is None else outputs,
                _NO_TIMERS if timers is None else timers.reshape(-1),
                *data.features,
                data.labels,
                data.targets,
                data.weights,
                order,
                ops,
                program.strips,
                program.stages,
                plan,
                self._settings,
                learning_rates[start:stop],
                self.pixel_scale,
                *random_key,
                first_batch + start,
                self.step,
            )
            done += trained
            self.step += trained
            for _, place, _ in program.running:
                self.note_averages(place, self.averages_at(place) + trained)
            if trained < stop - start:
                break
        return losses[:done], hits[:done]

    def _spans_of_one_momentum(self, given: Array, batches: int) -> list[tuple[Array, int, int]]:
        """Spans of batches, with operations that have the momenta of running statistics for these batches."""
        if not self.program.running:
            return [(given, 0, batches)]
        spans, start = [], 0
        while start < batches:
            ops, length = given, batches - start
            for op, place, declared in self.program.running:
                momentum, still = momentum_after(declared, self.averages_at(place) + start)
                length = min(length, still)
                if momentum != declared:
                    ops = ops.copy() if ops is given else ops
                    ops.view(t.OP)["momentum"][op] = momentum
            spans.append((ops, start, start + length))
            start += length
        return spans

    def batches_in_a_call(self, batch_size: int) -> int:
        """How many batches one call of the training kernel should have, because Ctrl-C waits for its end."""
        return max(1, _CALL_WORK // (6 * self.program.products * batch_size))

    def timers(self, batch_size: int, n_threads: int) -> Array:
        """Zeroed timers for `train`: a row whose first number is the ticks of the call, and rows of ticks by phase."""
        blocks = int(self.program.new_plan(batch_size, n_threads).view(t.PLAN)[0].blocks)
        return np.zeros((1 + max(blocks, n_threads, len(self.program.strips)), t.PHASES), np.int64)

    def step_gradient(self, data: Data, random_key: tuple[int, int], n_threads: int) -> StepGradient:
        """The gradient of a step with all rows as one batch, and the running statistics after it; nothing changes."""
        running, twin = self.running_statistics(), self.without_updates()
        twin.averaged = dict(self.averaged)
        losses, _ = twin.train(data, np.arange(data.rows), 0, np.ones(1), data.rows, n_threads, random_key=random_key)
        statistics = self.running_statistics()
        self.set_running_statistics(running)
        self._clear_untrained(twin.gradients)
        loss = float(losses[0]) if len(losses) else math.nan
        return StepGradient(loss, twin.gradients, statistics, twin.averaged)

    def _clear_untrained(self, gradients: Array) -> None:
        for tensor in self.program.tensors:
            if not tensor.trained:  # a batch normalisation leaves its statistics there
                gradients[tensor.span(self.program.panel)] = 0

    def update(self, gradient: Array, learning_rate: float, n_threads: int) -> None:
        """Count a batch with this gradient, which has the penalties, and make the update if it is due."""
        assert self.optimizer is not None
        self.allocate_training()
        together = self.optimizer.gradient_accumulation_steps
        part = self.step % together
        if together > 1:
            gradient = gradient * self.program.dtype.type(1 / together)
        self.gradients[:] = gradient if part == 0 else self.gradients + gradient
        if part == together - 1:
            kernels.network_update.run(
                self.program.dtype,
                n_threads,
                self.parameters,
                self.state,
                np.empty(t.STRIP_SUMS * len(self.program.strips) + 2 * len(self.program.ops)),
                self.gradients,
                self.program.ops,
                self.program.strips,
                self.training_plan(1, 1, 1),
                self._settings,
                learning_rate,
                self.step // together + 1,
            )
        self.step += 1

    def gradient(self, data: Data, random_key: tuple[int, int] = (0, 0), n_threads: int = 1) -> tuple[float, Array]:
        """The loss of all rows as one batch, as in training, and its gradient in the order of the parameters.

        Running statistics do not change.
        """
        running, twin = self.running_statistics(), self.without_updates()
        losses, _ = twin.train(data, np.arange(data.rows), 0, np.ones(1), data.rows, n_threads, random_key=random_key)
        gradients = twin.gradients
        self.set_running_statistics(running)
        self._clear_untrained(gradients)
        return float(losses[0]) if len(losses) else math.nan, gradients

    def without_updates(self) -> Engine:
        """A copy whose batches compute gradients without updates, and start new running statistics.

        It shares the parameters. Everything else that training changes is its own, because another thread or a child
        process may use ours.
        """
        twin = object.__new__(Engine)
        twin.__dict__.update(self.__dict__)
        twin.optimizer, twin._is_core = (rule := NoUpdate(1.0)), None
        twin._settings = np.array(rule.settings(), np.float64)
        twin.step, twin.gradients, twin._plans, twin._initial_state = 0, self.program.zeros(1), {}, []
        twin.averaged = {}
        return twin

    def take_statistics(
        self,
        data: Data,
        order: Array,
        batch_size: int,
        batches: int,
        n_threads: int,
        random_key: tuple[int, int],
        cancelled: Callable[[], bool],
    ) -> None:
        """Recompute running statistics from an epoch's batches with the present weights, unless it is cancelled."""
        running, twin = self.running_statistics(), self.without_updates()
        is_done = False
        try:
            for batch in range(batches):
                if cancelled():
                    return
                losses, _ = twin.train(data, order, batch, np.ones(1), batch_size, n_threads, random_key=random_key)
                if len(losses) == 0:
                    return  # training will find the loss that is not finite
            is_done = True
        finally:
            if not is_done:
                self.set_running_statistics(running)

    def lags_after(self, batches: int) -> bool:
        """Whether the share of running statistics from before this many batches is above one percent."""
        return any(momentum**batches > 0.01 for _, _, momentum in self.program.running)

    @property
    def has_running_statistics(self) -> bool:
        """Whether training keeps running statistics for predictions."""
        return bool(self.program.running)

    def running_statistics(self) -> list[Array]:
        """Copies of the running means and variances, for `set_running_statistics`."""
        return self.statistics_in(self.parameters)

    def set_running_statistics(self, values: list[Array]) -> None:
        """Write the running means and variances."""
        self.with_statistics(self.parameters, values)

    def with_statistics(self, flat: Array, values: list[Array]) -> Array:
        """A vector of parameters, overwritten with these running means and variances."""
        for span, value in zip(self._running_spans, values, strict=True):
            flat[span] = value
        return flat

    def statistics_in(self, flat: Array) -> list[Array]:
        """Copies of the running means and variances in a vector of parameters."""
        return [flat[span].copy() for span in self._running_spans]

    @property
    def _running_spans(self) -> list[slice]:
        ops = [self.program.operations[number] for number, _, _ in self.program.running]
        places = {int(place) for op in ops for place in (op.means, op.variances)}
        return [tensor.span(self.program.panel) for tensor in self.program.tensors if tensor.offset in places]

    def has_pending_gradients(self) -> bool:
        """Whether accumulated gradients wait for their update."""
        return self.optimizer is not None and self.step % self.optimizer.gradient_accumulation_steps > 0

    def penalty(self, weight: float) -> float:
        """The penalty of the weights in the loss of rows whose weights have the sum ``weight``."""
        if not self.program.has_penalties:
            return 0.0
        return float(sum(self._penalties(weight)))

    def _penalties(self, weight: float) -> Iterator[float]:
        factors = {}
        for op in self.program.operations:
            factors[int(op.weights)] = op.weights_l1, op.weights_l2, op.weights_per_batch
            factors[int(op.bias)] = op.bias_l1, op.bias_l2, op.bias_per_batch
        for tensor in self.program.tensors:
            if tensor.offset in factors and tensor.trained:
                l1, l2, per_batch = factors[tensor.offset]
                values = self.program.unpack(self.parameters, tensor).astype(np.float64)
                yield (l1 * np.abs(values).sum() + l2 * (values**2).sum()) / (weight if per_batch else 1.0)

    def swap_averaged(self) -> None:
        """Exchange the trained parameters and their running average."""
        averages = self.state.reshape(-1, self.program.size)[-1]
        for tensor in self.program.tensors:
            if tensor.trained:
                span = tensor.span(self.program.panel)
                self.parameters[span], averages[span] = averages[span].copy(), self.parameters[span].copy()

    # ------------------------------------------------------------ inference

    def evaluate(
        self,
        data: Data,
        n_threads: int | None,
        cancelled: Callable[[], bool] = lambda: False,
        outputs: Array | None = None,
    ) -> tuple[float, int]:
        """The mean loss without penalties, and right answers; NaN and 0 if ``cancelled()`` between kernel calls.

        The outputs that the loss reads go to ``outputs``.
        """
        loss, hits = 0.0, 0
        spans = self._calls(data.rows)
        kernel, skipping = self.evaluation_kernel(data), self.skipping(data, training=False)
        choice = self._forward_choice(kernel, spans, n_threads)
        for start, stop in spans:
            if cancelled():
                return math.nan, 0
            threads, part, began = choice.next, data.part(start, stop), time.perf_counter() - waited.seconds
            row_losses = np.empty(part.rows, self.program.dtype)
            row_correct = np.empty(part.rows, np.int64)
            plan = self._forward_plan(part.rows, threads, skipping)
            kernel.run(
                self.program.dtype,
                threads,
                row_losses,
                row_correct,
                self._no_outputs if outputs is None else outputs[start:stop],
                self._scratch.workspace(plan),
                self.parameters,
                *part.features,
                part.labels,
                part.targets,
                part.weights,
                _NO_ORDER,
                self.program.ops_for(part.is_centered) if part.is_centered else self.program.ops,
                plan,
                self.pixel_scale,
            )
            done = 2 * self.program.products * part.rows
            choice.observe(threads, done, time.perf_counter() - waited.seconds - began)
            loss += float(row_losses.sum(dtype=np.float64))
            hits += int(row_correct.sum())
        return loss / data.rows, hits

    def evaluation_kernel(self, data: Data) -> Kernel:
        """The form of the kernel that evaluates this data."""
        is_dense = data.sparse is None and self.skipping(data, training=False) is None
        return kernels.evaluate_batches if is_dense else kernels.evaluate_batches_sparse

    def predict(self, data: Data, outputs: Array, n_threads: int | None) -> None:
        """Write the network's output for every row; NaN for a row with NaN or infinity."""
        spans, skipping = self._calls(data.rows), self.skipping(data, training=False)
        is_dense = data.sparse is None and skipping is None
        kernel = kernels.predict_batches if is_dense else kernels.predict_batches_sparse
        choice = self._forward_choice(kernel, spans, n_threads)
        for start, stop in spans:
            part = data if len(spans) == 1 else data.part(start, stop)
            threads, began = choice.next, time.perf_counter() - waited.seconds
            plan = self._forward_plan(part.rows, threads, skipping)
            kernel.run(
                self.program.dtype,
                threads,
                outputs[start:stop],
                self._scratch.workspace(plan),
                self.parameters,
                *part.features,
                _NO_ORDER,
                self.program.ops_for(part.is_centered) if part.is_centered else self.program.ops,
                plan,
                self.pixel_scale,
            )
            done = 2 * self.program.products * part.rows
            choice.observe(threads, done, time.perf_counter() - waited.seconds - began)

    def thread_choice(self, kernel: Kernel, most: int, work: int) -> ThreadChoice:
        """The choice between ``most`` threads and one for a kernel of this network.

        It holds for about this many operations between two parallel regions; with fewer, each operation takes longer.
        """
        key = (kernel.__name__, most, work.bit_length())
        choice = self._choices.get(key)
        if choice is None:
            choice = ThreadChoice(most, lambda: kernel.is_ready(self.program.dtype))
            self._choices[key] = choice
        return choice

    def predict_rows(self, x: Array, outputs: Array, *, is_centered: bool = False) -> None:
        """Like `predict`, for a few rows of real numbers, for which the call itself takes half of the time."""
        network = self._centered_network if is_centered else self._network
        self._rows_kernel(outputs, x, self.parameters, network)

    @cached_property
    def _rows_kernel(self) -> Callable[..., Any]:
        return kernels.predict_rows.variant(self.program.dtype, parallel=False)

    @cached_property
    def _network(self) -> Array:
        return self.program.network()

    @cached_property
    def _centered_network(self) -> Array:
        return self.program.network(is_centered=True)

    @cached_property
    def few_rows(self) -> int:
        """The largest number of rows for which one thread, and so `predict_rows`, is always best."""
        return max(1, min(self._rows_of_scratch, _PARALLEL_FORWARD_WORK // (2 * self.program.products)))

    @cached_property
    def _rows_of_scratch(self) -> int:
        """The largest number of rows for which the scratch space of `predict_rows` stays small."""
        columns = int(self._network[t.NETWORK_HEAD + t.place_of(t.PLAN, "columns")])
        rows = _OWN_SCRATCH // (columns * self.program.dtype.itemsize)
        return rows if rows < BLOCK_ROWS else _CALL_WORK // (2 * self.program.products)

    def are_few(self, rows: int, n_threads: int | None) -> bool:
        """Whether `predict_rows` should predict this many rows, on one thread and in its own small scratch space."""
        if rows <= self.few_rows:
            return True
        return rows <= self._rows_of_scratch and self.forward_threads(rows, n_threads) == 1

    def _calls(self, rows: int) -> list[tuple[int, int]]:
        """The spans of rows for single kernel calls, evenly divided."""
        count = math.ceil(rows / max(64, _CALL_WORK // (2 * self.program.products)))
        return list(itertools.pairwise(rows * i // count for i in range(count + 1)))

    def _forward_choice(self, kernel: Kernel, spans: list[tuple[int, int]], n_threads: int | None) -> ThreadChoice:
        rows = spans[0][1]
        return self.thread_choice(kernel, self.forward_threads(rows, n_threads), 2 * self.program.products * rows)

    def forward_threads(self, rows: int, n_threads: int | None) -> int:
        """The threads for a forward pass over this many rows."""
        is_enough = 2 * self.program.products * rows >= _PARALLEL_FORWARD_WORK
        return _threads.resolve_threads(n_threads) if is_enough else 1

    def _forward_plan(self, rows: int, n_threads: int, skipping: Skipping | None) -> Array:
        # One block of workspace for each thread, which processes its share of the rows in it.
        rows = min(rows, BLOCK_ROWS * n_threads)
        key = (rows, n_threads, skipping)
        if key not in self._plans:
            plan = self.program.new_plan(rows, n_threads, skipping=skipping)
            if self.loss is not None:
                self.loss.fill_plan(plan, self.activation, self.program.classes)
            self._plans[key] = plan
        return self._plans[key]


def _timed(kernel: Kernel) -> Kernel:
    """The form with timers, which only core operations have."""
    if kernel is kernels.train_batches_sparse:
        return kernels.train_batches_sparse_timed
    assert kernel is kernels.train_batches, "only the forms for core operations have timers"
    return kernels.train_batches_timed


def momentum_after(momentum: float, batches: int) -> tuple[float, int]:
    """The momentum of running statistics for the next batch, after this many batches, and how long it holds.

    In an ordinary running mean, the initial value still has a share of momentumⁿ after n batches. Here it has none: r
    ← μ r + (1 − μ) b with μ = momentum · (1 − momentumⁿ) / (1 − momentumⁿ⁺¹) is the mean of the batches so far, with
    the weights that they have in a long run; the first batch replaces the initial value. (Adam corrects its moments by
    the same factor.) Once rounding loses momentumⁿ, μ is the momentum itself. From the 64th batch on, several batches
    share one μ with the same effect on the old mean, so that one kernel call can take them. The batches that share it
    depend only on their number.
    """
    span = 1 << max(0, batches.bit_length() - 6)
    start = batches // span * span
    left = start + span - batches
    if momentum == 0 or momentum**start < 2.0**-60:
        return momentum, 1 << 62
    rate = math.log(momentum)
    old = momentum**span * math.expm1(start * rate) / math.expm1((start + span) * rate)
    return float(old ** (1 / span)), left


class Scratch(threading.local):
    """The workspace of each Python thread, kept between calls, so that the next call allocates nothing."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._plan = b""
        self._workspace = np.empty(0)

    def workspace(self, plan: Array) -> Array:
        """A workspace of the size that the plan needs; another plan replaces it."""
        key = plan.tobytes()
        if key != self._plan:
            self._workspace = self._program.workspace(plan)
            self._plan = key
        return self._workspace
