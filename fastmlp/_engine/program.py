"""Lays a list of layers out as a program: tables of numbers, and offsets into flat buffers.

The kernels interpret the tables, so a new architecture, batch size or optimiser setting compiles nothing. The
named tensors of the layers live in one flat vector, packed in panels; this file alone knows where.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import activations
from .._base import check
from .._base import tables as t
from .._base.cached import cached_property
from .._base.errors import ArgumentError
from .._base.types import Array, Integers
from ..layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    GaussianNoise,
    Layer,
    LayerNormalization,
    Normalization,
    Residual,
)
from ..regularizers import Regularizer

_UNIT_ROWS = 128  # rows of weights in one unit of work: some panels of X and one of dY stay in the first cache
BLOCK_ROWS = 64  # rows of the batch in one block: its activations stay in the second cache
_WORKSPACE_BYTES = 64 << 20  # a longer batch runs in rounds that fit this much
_ALIGNMENT = 64
_PAGE = 4096
_FIRST_STREAM = 16  # of random numbers for layers: see `fastmlp.kernels.noise`
# Added to the variances of a Normalization: keeps what fills up the last panel, 0 · (1/√0), from being NaN.
SMALLEST_VARIANCE = {np.dtype(np.float32): 1e-37, np.dtype(np.float64): 1e-300}
_LEAST_VARIANCE = 100  # times the above: then what is added changes no more than half a percent


@dataclass(frozen=True)
class Tensor:
    """A named tensor of a layer, and where it starts in the flat parameter vector."""

    layer: int  # its number among `fastmlp.layers.leaves`
    name: str
    shape: tuple[int, ...]
    offset: int
    trained: bool  # by the optimiser

    def span(self, panel: int) -> slice:
        """Where its panels are."""
        rows, columns = (1, *self.shape)[-2:]
        return slice(self.offset, self.offset + rows * padded(columns, panel))

    @property
    def is_statistic(self) -> bool:
        """Whether it describes data, be it of the rows or of batches: nothing trains it."""
        return self.name in ("mean", "variance", "moving_mean", "moving_variance")

    def checked(self, value: Any, name: str, dtype: np.dtype[Any]) -> Array:
        """A value for it, called ``name``, in ``dtype``.

        Raises
        ------
        ArgumentError
            If it has another shape, is not finite, or is a variance that cannot be one.
        """
        array = check.tensor(value, name, self.shape, dtype)
        least = {"moving_variance": 0.0, "variance": _LEAST_VARIANCE * SMALLEST_VARIANCE[dtype]}.get(self.name)
        if least is None or (array >= least).all():
            return array
        place = int(np.flatnonzero(array < least)[0])
        remedy = "a variance is never negative"
        if (came := np.asarray(value)[place]) >= 0:
            wider = ", or use dtype='float64'" if dtype == np.float32 else ""
            remedy = f"that is too small for {dtype}; multiply the column of features by a large number{wider}"
        raise ArgumentError(
            f"{name} must hold numbers of at least {least:g}, but {name}[{place}] is {came:g}: {remedy}"
        )


@dataclass(frozen=True)
class Program:
    """A network as data."""

    ops: Integers
    units: Integers
    stages: Integers
    tensors: tuple[Tensor, ...]
    size: int  # numbers in the flat parameter vector
    trained_ops: int
    columns: int
    scratch: int
    panel: int
    dtype: np.dtype[Any]

    @cached_property
    def fan_in(self) -> int:
        return int(self.ops[0, t.FAN_IN])

    @cached_property
    def classes(self) -> int:
        return int(self.ops[-1, t.FAN_OUT])

    @cached_property
    def count(self) -> int:
        """Numbers in all tensors, without the padding."""
        return sum(self.numbers_in(tensor) for tensor in self.tensors)

    @staticmethod
    def numbers_in(tensor: Tensor) -> int:
        """Of a tensor, without the padding."""
        return math.prod(tensor.shape)

    @cached_property
    def has_penalties(self) -> bool:
        """Whether the loss grows with the weights."""
        return bool(self.ops[:, [t.WEIGHTS_L1, t.WEIGHTS_L2, t.BIAS_L1, t.BIAS_L2]].any())

    def is_core(self, plan: Array) -> bool:
        """Whether a kernel for core operations alone can train it by this plan."""
        is_plain = self._has_core_ops and plan[t.IS_PLAIN] and not plan[t.IS_LIMITED]
        loss = (plan[t.LOSS_CODE], plan[t.SMOOTHING], plan[t.HITS])
        return bool(is_plain and loss == (t.SOFTMAX_CROSSENTROPY, 0, t.LARGEST))

    @cached_property
    def _has_core_ops(self) -> bool:
        return bool(np.isin(self.ops[:, t.CODE], t.CORE_OPS).all())

    @cached_property
    def needs_whole_batches(self) -> bool:
        """Whether all rows of a batch must be in the workspace at once."""
        return len(self.stages) > 1

    @cached_property
    def running(self) -> tuple[tuple[int, int, float], ...]:
        """Operations that keep running statistics of batches: number, place of the means, and declared momentum."""
        return tuple(
            (number, int(op[t.MEAN]), float(op[[t.MOMENTUM]].view(np.float64)[0]))
            for number, op in enumerate(self.ops)
            if op[t.CODE] == t.BATCH_NORM and op[t.KIND] > 0
        )

    def unpack(self, flat: Array, tensor: Tensor) -> Array:
        """A copy of a named tensor from a flat vector (parameters, gradients or an optimiser's moment)."""
        from ..reference import layout

        matrix = np.empty((1, *tensor.shape)[-2:], self.dtype)
        layout.unpack_panels(matrix, flat[tensor.span(self.panel)], self.panel)
        return matrix.reshape(tensor.shape)

    def pack(self, flat: Array, tensor: Tensor, value: Array) -> None:
        """Write a named tensor into a flat vector."""
        from ..reference import layout

        matrix = np.asarray(value, self.dtype).reshape((1, *tensor.shape)[-2:])
        layout.pack_panels(flat[tensor.span(self.panel)], matrix, self.panel)

    def pack_all(self, flat: Array, values: Sequence[Array]) -> None:
        """Write all tensors."""
        for tensor, value in zip(self.tensors, values, strict=True):
            self.pack(flat, tensor, value)

    def plan(self, batch: int, n_threads: int, *, longest: int | None = None, training: bool = False) -> Array:
        """How to run batches of ``batch`` rows: sizes of blocks, and how many the workspace holds.

        What concerns the loss and the optimiser is left to `fastmlp.losses.Loss.plan` and
        `fastmlp.optimizers.Optimizer.plan`.
        """
        longest = batch if longest is None else longest
        rounds = math.ceil(longest / (BLOCK_ROWS * n_threads))
        block_rows = math.ceil(longest / (rounds * n_threads))
        capacity = self._capacity(block_rows)
        block_size = padded(self.columns * capacity + self.scratch, _ALIGNMENT)
        blocks = math.ceil(longest / block_rows)
        most = max(n_threads, _WORKSPACE_BYTES // (block_size * self.dtype.itemsize))
        if training and self.needs_whole_batches:
            most = blocks
        plan = np.zeros(t.PLAN_FIELDS, np.int64)
        plan[t.TRAINED_OPS] = self.trained_ops
        plan[t.INPUT] = self.ops[0, t.X]
        plan[t.LOGITS] = self.ops[self.trained_ops - 1, t.Y]
        plan[t.DLOGITS] = self.ops[self.trained_ops - 1, t.DY]
        plan[t.COLUMNS] = self.columns
        plan[t.BLOCK_SIZE], plan[t.BLOCK_ROWS], plan[t.BLOCKS] = block_size, block_rows, min(blocks, most)
        plan[t.CAPACITY] = capacity
        plan[t.BATCH_SIZE], plan[t.PANEL] = batch, self.panel
        plan[t.HITS], plan[t.ACCUMULATED], plan[t.EMA_SLOT] = t.LARGEST, 1, -1
        plan[t.IS_PLAIN] = not self.has_penalties
        plan[t.IS_LIMITED] = self.ops[:, t.MAX_NORM].any()
        return plan

    def network(self, scales: tuple[float, float] = (1.0, 1.0), *, is_centered: bool = False) -> Integers:
        """The program for inference as one array, for `fastmlp.kernels.predict_rows`.

        ``scales`` are what features that are bytes and other whole numbers are multiplied by, see `fastmlp.inputs`.
        """
        head = [t.VERSION, len(self.ops), self.size, *map(t.as_bits, scales)]
        ops = self.ops_for(is_centered)
        return np.concatenate([head, self.plan(BLOCK_ROWS, 1), ops.ravel()]).astype(np.int64)

    def ops_for(self, is_centered: bool) -> Integers:
        """The operations for features as they are, or for features whose mean a first Normalization has taken off."""
        if not is_centered:
            return self.ops
        ops: Integers = self.ops.copy()
        ops[0, t.MEAN] = -1
        return ops

    def _capacity(self, block_rows: int) -> int:
        """Rows in a panel of a block: one too many where panels would be whole pages apart.

        The same row of all panels would then compete for one place in the first-level cache.
        """
        return block_rows + (block_rows * self.panel * self.dtype.itemsize % _PAGE == 0)

    def workspace(self, plan: Array) -> Array:
        """Zeroed workspace for a plan."""
        return aligned_zeros(int(plan[t.BLOCKS] * plan[t.BLOCK_SIZE]), self.dtype)


def padded(width: int, multiple: int) -> int:
    """``width`` rounded up to a multiple."""
    return -(-width // multiple) * multiple


def aligned_zeros(size: int, dtype: np.dtype[Any]) -> Array:
    """Zeros that start on a cache line, so that no vector of a panel straddles two."""
    extra = _ALIGNMENT // dtype.itemsize
    block = np.zeros(size + extra, dtype)
    offset = (-block.ctypes.data % _ALIGNMENT) // dtype.itemsize
    return block[offset : offset + size]


def build(layers: Sequence[Layer], fan_in: int, dtype: np.dtype[Any], panel: int, *, fuse: bool) -> Program:
    """The program of a list of layers for inputs of width ``fan_in``.

    With ``fuse`` the last operation, a softmax or a sigmoid, is left to the loss while training.
    """
    writer = _Writer(fan_in, panel, SMALLEST_VARIANCE[dtype])
    writer.layers(layers)
    ops = np.array(writer.ops, np.int64).reshape(-1, t.OP_FIELDS)
    trained_ops = len(ops) - int(fuse)
    if ops[trained_ops - 1, t.DY] < 0:  # nothing learns, but the loss writes a gradient all the same
        ops[trained_ops - 1, t.DY] = writer.columns_for(writer.width)
    return Program(
        ops=ops,
        units=_weight_units(ops, panel),
        stages=_stages(ops, trained_ops),
        tensors=tuple(writer.tensors),
        size=writer.size,
        trained_ops=trained_ops,
        columns=writer.columns,
        scratch=panel * max(padded(int(op[t.FAN_OUT]), panel) for op in ops),
        panel=panel,
        dtype=dtype,
    )


def tensors(layers: Sequence[Layer], fan_in: int, dtype: np.dtype[Any], panel: int) -> tuple[Tensor, ...]:
    """The tensors of `build`, without tables: nothing is set aside that depends on the widths."""
    writer = _Writer(fan_in, panel, SMALLEST_VARIANCE[dtype])
    writer.layers(layers)
    return tuple(writer.tensors)


# What the backward pass of the operation before still needs of its output: nothing, its sign, or its values
_FREE, _SIGN, _VALUES = range(3)


class _Writer:
    """Hands out columns of the workspace and spans of the parameter vector, operation by operation."""

    def __init__(self, fan_in: int, panel: int, smallest_variance: float) -> None:
        self.panel = panel
        self.smallest_variance = smallest_variance
        self.width = fan_in
        self.columns = 0
        self.size = 0
        self.ops: list[list[int]] = []
        self.tensors: list[Tensor] = []
        self.index = 0  # of the layer
        self.y = self.columns_for(fan_in)
        self.dy = -1  # nobody asks for the gradient of the data
        self.needed = _VALUES

    def layers(self, layers: Sequence[Layer]) -> None:
        for layer in layers:
            if isinstance(layer, Residual):
                self.residual(layer)
            else:
                _WRITE[type(layer)](self, layer)
                self.index += 1

    # ------------------------------------------------------------ layers

    def dense(self, layer: Dense) -> None:
        x, dx, fan_in = self.y, self.dy, self.width
        self.y, self.width = self.columns_for(layer.units), layer.units
        self.dy = self._gradient_columns(layer.trainable, new=True)
        weights = self._tensor("kernel", (fan_in, layer.units), layer.trainable)
        bias = self._tensor("bias", (layer.units,), layer.trainable) if layer.use_bias else -1
        op = self._op(t.DENSE, x, dx, {t.FAN_IN: fan_in, t.WEIGHTS: weights, t.BIAS: bias, t.TRAINED: layer.trainable})
        _write_penalties(op, layer.kernel_regularizer, layer.bias_regularizer)
        op[t.MAX_NORM] = t.as_bits(layer.max_norm or 0.0)
        self.needed = _FREE
        if layer.activation != "linear":
            self.activation(layer)

    def activation(self, layer: Dense | Activation) -> None:
        if layer.activation == "linear":
            return
        code, kind, alpha = activations.parsed(layer.activation)
        needs_x = code == t.ACTIVATION and kind in t.SLOPE_NEEDS_X
        x = self._output(in_place=self.needed == _FREE and not needs_x)
        self._op(code, x, self.dy, {t.KIND: kind, t.ALPHA: t.as_bits(alpha)})
        tells_by_sign = code == t.RELU or (code == t.ACTIVATION and kind == t.LEAKY_RELU)
        self.needed = _FREE if needs_x else _SIGN if tells_by_sign else _VALUES

    def dropout(self, layer: Dropout) -> None:
        in_place = self.needed != _VALUES
        x = self._output(in_place=in_place)
        self._op(t.DROPOUT, x, self.dy, {t.KIND: _FIRST_STREAM + self.index, t.ALPHA: t.as_bits(layer.rate)})
        self.needed = self.needed if in_place else _FREE

    def noise(self, layer: GaussianNoise) -> None:
        x = self._output(in_place=self.needed == _FREE)
        self._op(t.NOISE, x, self.dy, {t.KIND: _FIRST_STREAM + self.index, t.ALPHA: t.as_bits(layer.stddev)})
        self.needed = _FREE

    def batch_normalization(self, layer: BatchNormalization) -> None:
        width = (self.width,)
        fields = {
            t.WEIGHTS: self._tensor("gamma", width, layer.trainable),
            t.BIAS: self._tensor("beta", width, layer.trainable),
            t.MEAN: self._tensor("moving_mean", width, False),
            t.VARIANCE: self._tensor("moving_variance", width, False),
            t.KIND: int(layer.trainable),
            t.ALPHA: t.as_bits(layer.epsilon),
            t.MOMENTUM: t.as_bits(layer.momentum),
            t.TRAINED: int(layer.trainable),
        }
        sums = self._span(self.width), self._span(self.width)  # room among the gradients for the sums of one batch,
        if layer.trainable:  # also where there are none: all tensors keep their places when a layer is frozen
            fields[t.OTHER], fields[t.D_OTHER] = sums
        self._normalization(t.BATCH_NORM, layer.trainable, fields)

    def layer_normalization(self, layer: LayerNormalization) -> None:
        fields = {
            t.WEIGHTS: self._tensor("gamma", (self.width,), layer.trainable),
            t.BIAS: self._tensor("beta", (self.width,), layer.trainable),
            t.OTHER: self.columns_for(self.width),
            t.ALPHA: t.as_bits(layer.epsilon),
            t.TRAINED: int(layer.trainable),
        }
        self._normalization(t.LAYER_NORM, layer.trainable, fields)

    def normalization(self, layer: Normalization) -> None:
        fields = {
            t.MEAN: self._tensor("mean", (self.width,), False),
            t.VARIANCE: self._tensor("variance", (self.width,), False),
            t.KIND: 0,
            t.ALPHA: t.as_bits(self.smallest_variance),
        }
        self._normalization(t.BATCH_NORM, False, fields)

    def _normalization(self, code: int, trainable: bool, fields: dict[int, int]) -> None:
        x, dx = self._output(in_place=False), self.dy
        # The gradient of a layer normalisation's scale is summed up when all rows have been back: dy must stay.
        self.dy = self._gradient_columns(trainable, new=trainable and code == t.LAYER_NORM)
        self._op(code, x, dx, fields)
        self.needed = _FREE

    def residual(self, block: Residual) -> None:
        y, dy, width = self.y, self.dy, self.width
        fork = self._op(t.FORK, y, dy, {})
        self.needed = _VALUES
        self.layers(block.layers)
        if self.width != width:
            raise ArgumentError(
                f"the layers of a Residual give {self.width} units, but their input has {width}: end them with a "
                f"Dense({width})"
            )
        inner, d_inner = self.y, self.dy
        self.y = self.columns_for(width)
        self.dy = self.columns_for(width) if max(dy, d_inner) >= 0 else -1
        self._op(t.ADD, inner, d_inner, {t.OTHER: y})
        fork[t.D_OTHER] = self.dy
        self.needed = _FREE

    # ------------------------------------------------------------ rows of the table, and places

    def _op(self, code: int, x: int, dx: int, fields: dict[int, int]) -> list[int]:
        row = [-1] * t.OP_FIELDS
        usual = {
            t.CODE: code,
            t.FAN_IN: self.width,
            t.FAN_OUT: self.width,
            t.X: x,
            t.DX: dx,
            t.Y: self.y,
            t.DY: self.dy,
        }
        for column in (t.ALPHA, t.MOMENTUM, t.WEIGHTS_L1, t.WEIGHTS_L2, t.BIAS_L1, t.BIAS_L2, t.MAX_NORM, t.TRAINED):
            row[column] = 0
        for column, value in {**usual, **fields}.items():
            row[column] = int(value)
        self.ops.append(row)
        return row

    def _output(self, *, in_place: bool) -> int:
        """Columns of the input; the output gets the same, or its own."""
        x = self.y
        if not in_place:
            self.y = self.columns_for(self.width)
        return x

    def _gradient_columns(self, learns: bool, *, new: bool) -> int:
        """Columns for the gradient of an output: none where nothing learns from it."""
        if self.dy < 0 and not learns:
            return -1
        return self.columns_for(self.width) if new or self.dy < 0 else self.dy

    def columns_for(self, width: int) -> int:
        start = self.columns
        self.columns += padded(width, self.panel)
        return start

    def _tensor(self, name: str, shape: tuple[int, ...], trained: bool) -> int:
        tensor = Tensor(self.index, name, shape, self.size, trained)
        self.tensors.append(tensor)
        self.size = padded(tensor.span(self.panel).stop, _ALIGNMENT)
        return tensor.offset

    def _span(self, width: int) -> int:
        """A place in the flat vectors that is no tensor."""
        start = self.size
        self.size = padded(start + padded(width, self.panel), _ALIGNMENT)
        return start


_WRITE: dict[type[Layer], Callable[[_Writer, Any], None]] = {
    Dense: _Writer.dense,
    Activation: _Writer.activation,
    Dropout: _Writer.dropout,
    GaussianNoise: _Writer.noise,
    BatchNormalization: _Writer.batch_normalization,
    LayerNormalization: _Writer.layer_normalization,
    Normalization: _Writer.normalization,
}


def _write_penalties(op: list[int], kernel: Regularizer, bias: Regularizer) -> None:
    op[t.WEIGHTS_L1], op[t.WEIGHTS_L2] = t.as_bits(kernel.l1), t.as_bits(kernel.l2)
    op[t.BIAS_L1], op[t.BIAS_L2] = t.as_bits(bias.l1), t.as_bits(bias.l2)


def _stages(ops: Array, trained_ops: int) -> Integers:
    """The parallel steps of a batch: rows pass from one batch normalisation to the next, forward and then back.

    Before a batch normalisation goes forward it needs the statistics of all rows, and before it goes back the sums
    of all rows' gradients.
    """
    norms = np.flatnonzero((ops[:, t.CODE] == t.BATCH_NORM) & (ops[:, t.KIND] > 0)).tolist()
    stages = []
    bounds = [0, *norms, trained_ops]
    for begin, end in itertools.pairwise(bounds):
        stages.append([t.ROWS, begin, end, 0, 0, 0])
        if end != trained_ops:
            stages.append([t.STATISTICS, 0, 0, 0, 0, end])
    stages[-1][t.BACKWARD_FROM], stages[-1][t.BACKWARD_TO] = trained_ops, norms[-1] + 1 if norms else 0
    for i, norm in reversed(list(enumerate(norms))):
        stages.append([t.GRADIENT_STATISTICS, 0, 0, 0, 0, norm])
        below = norms[i - 1] + 1 if i else 0
        if (ops[below : norm + 1, t.DX] >= 0).any():
            stages.append([t.ROWS, 0, 0, norm + 1, below, 0])
    return np.array(stages, np.int64)


def _weight_units(ops: Array, panel: int) -> Integers:
    """Blocks of weights of similar size, each owned by one iteration of the second parallel region.

    Neighbours share rows of weights, so the columns of X that they need stay in the second cache.
    """
    units = [
        [op, j, row, min(span, rows - row)]
        for op, fields in enumerate(ops)
        if fields[t.TRAINED]
        for rows in [int(fields[t.FAN_IN]) if fields[t.CODE] == t.DENSE else 1]
        for span in [_even_span(rows, panel)]
        for row in range(0, rows, span)
        for j in range(padded(int(fields[t.FAN_OUT]), panel) // panel)
    ]
    return np.array(units, np.int64).reshape(-1, t.UNIT_FIELDS)


def _even_span(rows: int, panel: int) -> int:
    """Rows of weights in a unit, at most `_UNIT_ROWS` in whole panels, so that no unit is much smaller."""
    return padded(math.ceil(rows / math.ceil(rows / _UNIT_ROWS)), panel)
