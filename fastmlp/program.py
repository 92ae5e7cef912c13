"""Lays a list of layers out as a program: tables of numbers, and offsets into flat buffers. Floor 3.

The kernels interpret the tables, so a new architecture, batch size or optimiser setting compiles nothing. The
named tensors of the layers live in one flat vector, packed in panels; this file alone knows where.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ._types import Array, Integers
from .kernels import tables as t
from .layers import Dense, Layer

_ACTIVATION_CODES = {"relu": t.RELU, "softmax": t.SOFTMAX}
_UNIT_ROWS = 128  # rows of weights in one unit of work: some panels of X and one of dY stay in the first cache
BLOCK_ROWS = 64  # rows of the batch in one block: its activations stay in the second cache
_WORKSPACE_BYTES = 64 << 20  # a longer batch runs in rounds that fit this much
_ALIGNMENT = 64
_PAGE = 4096


@dataclass(frozen=True)
class Tensor:
    """A named tensor of a layer, and where it starts in the flat parameter vector."""

    layer: int
    name: str
    shape: tuple[int, ...]
    offset: int

    def span(self, panel: int) -> slice:
        """Where its panels are."""
        rows, columns = (1, *self.shape)[-2:]
        return slice(self.offset, self.offset + rows * padded(columns, panel))


@dataclass(frozen=True)
class Program:
    """A network as data."""

    ops: Integers
    units: Integers
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
        """Trainable numbers, without the padding."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors)

    def unpack(self, flat: Array, tensor: Tensor) -> Array:
        """A copy of a named tensor from a flat vector (parameters, gradients or an optimiser's moment)."""
        from .reference import layout

        matrix = np.empty((1, *tensor.shape)[-2:], self.dtype)
        layout.unpack_panels(matrix, flat[tensor.span(self.panel)], self.panel)
        return matrix.reshape(tensor.shape)

    def pack(self, flat: Array, tensor: Tensor, value: Array) -> None:
        """Write a named tensor into a flat vector."""
        from .reference import layout

        matrix = np.asarray(value, self.dtype).reshape((1, *tensor.shape)[-2:])
        layout.pack_panels(flat[tensor.span(self.panel)], matrix, self.panel)

    def plan(self, batch: int, n_threads: int, optimizer: int = 0, *, longest: int | None = None) -> Array:
        """How to run batches of ``batch`` rows: sizes of blocks, and how many the workspace holds."""
        longest = batch if longest is None else longest
        rounds = math.ceil(longest / (BLOCK_ROWS * n_threads))
        block_rows = math.ceil(longest / (rounds * n_threads))
        capacity = self._capacity(block_rows)
        block_size = padded(self.columns * capacity + self.scratch, _ALIGNMENT)
        blocks = math.ceil(longest / block_rows)
        most = max(n_threads, _WORKSPACE_BYTES // (block_size * self.dtype.itemsize))
        plan = np.zeros(t.PLAN_FIELDS, np.int64)
        plan[t.TRAINED_OPS] = self.trained_ops
        plan[t.INPUT] = self.ops[0, t.X]
        plan[t.LOGITS] = self.ops[self.trained_ops - 1, t.Y]
        plan[t.DLOGITS] = self.ops[self.trained_ops - 1, t.DY]
        plan[t.COLUMNS] = self.columns
        plan[t.BLOCK_SIZE], plan[t.BLOCK_ROWS], plan[t.BLOCKS] = block_size, block_rows, min(blocks, most)
        plan[t.CAPACITY] = capacity
        plan[t.BATCH_SIZE], plan[t.OPTIMIZER], plan[t.PANEL] = batch, optimizer, self.panel
        return plan

    def network(self) -> Integers:
        """The program for inference as one array, for `fastmlp.kernels.predict_rows`."""
        plan = self.plan(BLOCK_ROWS, 1)
        return np.concatenate([[t.VERSION, len(self.ops), self.size], plan, self.ops.ravel()]).astype(np.int64)

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


def build(layers: Sequence[Layer], fan_in: int, dtype: np.dtype[Any], panel: int, *, fuse_softmax: bool) -> Program:
    """The program of a list of layers for inputs of width ``fan_in``.

    With ``fuse_softmax`` the last operation, a softmax, is left to the loss while training.
    """
    writer = _Writer(fan_in, panel)
    for index, layer in enumerate(layers):
        assert isinstance(layer, Dense)
        writer.dense(index, layer)
        if layer.activation != "linear":
            is_last = index == len(layers) - 1
            writer.activation(layer.activation, own_columns=not (is_last and fuse_softmax))
    ops = np.array(writer.ops, np.int64).reshape(-1, t.OP_FIELDS)
    return Program(
        ops=ops,
        units=_weight_units(ops, panel),
        tensors=tuple(writer.tensors),
        size=writer.size,
        trained_ops=len(ops) - int(fuse_softmax),
        columns=writer.columns,
        scratch=panel * max(padded(int(op[t.FAN_OUT]), panel) for op in ops),
        panel=panel,
        dtype=dtype,
    )


class _Writer:
    """Hands out columns of the workspace and spans of the parameter vector, operation by operation."""

    def __init__(self, fan_in: int, panel: int) -> None:
        self.panel = panel
        self.width = fan_in
        self.columns = 0
        self.size = 0
        self.ops: list[list[int]] = []
        self.tensors: list[Tensor] = []
        self.y = self._columns(fan_in)
        self.dy = -1  # nobody asks for the gradient of the data

    def dense(self, index: int, layer: Dense) -> None:
        x, dx = self.y, self.dy
        self.y, self.dy = self._columns(layer.units), self._columns(layer.units)
        weights = self._tensor(index, "kernel", (self.width, layer.units))
        bias = self._tensor(index, "bias", (layer.units,)) if layer.use_bias else -1
        self._op(t.DENSE, self.width, layer.units, x, self.y, dx, self.dy, weights, bias)
        self.width = layer.units

    def activation(self, name: str, *, own_columns: bool) -> None:
        # ReLU and its gradient work in place: the sign of the output tells all. A softmax inside the network
        # needs its own columns of gradient only.
        code = _ACTIVATION_CODES[name]
        y, dx, dy = self.y, self.dy, self.dy
        if code == t.SOFTMAX and own_columns:
            dy = self._columns(self.width)
        self._op(code, self.width, self.width, self.y, y, dx, dy, -1, -1)
        self.dy = dy

    def _op(self, *fields: int) -> None:
        self.ops.append(list(fields))

    def _columns(self, width: int) -> int:
        start = self.columns
        self.columns += padded(width, self.panel)
        return start

    def _tensor(self, layer: int, name: str, shape: tuple[int, ...]) -> int:
        tensor = Tensor(layer, name, shape, self.size)
        self.tensors.append(tensor)
        self.size = padded(tensor.span(self.panel).stop, _ALIGNMENT)
        return tensor.offset


def _weight_units(ops: Array, panel: int) -> Integers:
    """Blocks of weights of similar size, each owned by one iteration of the second parallel region.

    Neighbours share rows of weights, so the columns of X that they need stay in the second cache.
    """
    units = [
        [op, j, row, min(span, int(fields[t.FAN_IN]) - row)]
        for op, fields in enumerate(ops)
        if fields[t.CODE] == t.DENSE
        for span in [_even_span(int(fields[t.FAN_IN]), panel)]
        for row in range(0, int(fields[t.FAN_IN]), span)
        for j in range(padded(int(fields[t.FAN_OUT]), panel) // panel)
    ]
    return np.array(units, np.int64).reshape(-1, t.UNIT_FIELDS)


def _even_span(rows: int, panel: int) -> int:
    """Rows of weights in a unit, at most `_UNIT_ROWS` in whole panels, so that no unit is much smaller."""
    return padded(math.ceil(rows / math.ceil(rows / _UNIT_ROWS)), panel)
