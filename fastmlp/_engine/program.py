"""Translates a list of layers into a program: tables of numbers, with offsets into flat buffers.

The kernels interpret the tables, so a new architecture, batch size or optimiser setting compiles nothing. The named
tensors of the layers lie in one flat vector, packed in panels; only this file knows where.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .. import activations
from .._base import check
from .._base import tables as t
from .._base.errors import ArgumentError
from .._base.types import Array, Integers
from ..layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    Layer,
    LayerNormalization,
    Normalization,
    Residual,
    Scale,
)

_STRIP_ROWS = 128  # rows of weights in one strip: some panels of X and one of dY stay in the first-level cache
BLOCK_ROWS = 64  # rows of the batch in one block: its activations stay in the second-level cache
_WORKSPACE_BYTES = 64 << 20  # a longer batch runs in rounds that fit this workspace
_PAIRS_IN_PIECE = 4  # the least mean number of pairs of a row in a piece; with fewer, pieces cost more than they save
_LEAST_PIECES = 16  # of wide rows in spite of that: their gradients are divided among threads
_UNSORTED_PANELS = 8  # of gradients, which take less time from unsorted pairs than sorting does
_ALIGNMENT = 64
_PAGE = 4096
_FIRST_STREAM = 16  # the first stream of random numbers for layers, see `fastmlp.kernels.noise`
# Added to the variances of a Normalization, so that the filled columns of the last panel, 0 · (1/√0), are not NaN.
SMALLEST_VARIANCE = {np.dtype(np.float32): 1e-37, np.dtype(np.float64): 1e-300}
_LEAST_VARIANCE = (
    100  # the least variance, as a multiple of the above, so that the addition changes at most half a percent
)


@dataclass(frozen=True)
class Tensor:
    """A named tensor of a layer, and its offset in the flat parameter vector."""

    layer: int  # the number of the layer among `fastmlp.layers.leaves`
    name: str
    shape: tuple[int, ...]
    offset: int
    trained: bool  # whether the optimiser trains it

    def span(self, panel: int) -> slice:
        """The place of its panels."""
        rows, columns = (1, *self.shape)[-2:]
        return slice(self.offset, self.offset + rows * padded(columns, panel))

    @property
    def is_statistic(self) -> bool:
        """Whether it describes data, of rows or of batches, and is never trained."""
        return self.name in ("mean", "variance", "moving_mean", "moving_variance")

    def checked(self, value: Any, name: str, dtype: np.dtype[Any]) -> Array:
        """A checked value for the tensor in ``dtype``; messages call it ``name``.

        Raises ArgumentError if it has another shape, is not finite, or is an impossible variance.
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


class Skipping(NamedTuple):
    """How the zeros of the input are skipped."""

    pairs: int  # that a row has at most
    density: float  # the share of numbers that are not 0

    def rounded(self) -> "Skipping":
        """Both rounded up to powers of two, so that the batches of a stream share a few plans and workspaces."""
        pairs = 1 << max(0, self.pairs - 1).bit_length()
        return Skipping(pairs, 2.0 ** math.ceil(math.log2(self.density)) if self.density > 0 else 0.0)


_PENALTIES = ("weights_l1", "weights_l2", "bias_l1", "bias_l2")


@dataclass(frozen=True)
class Program:
    """A network as data.

    Attributes
    ----------
    size : int
        Numbers in the flat parameter vector.
    fan_in, classes : int
        Width of the input and of the output.
    count : int
        How many numbers all tensors have, without padding.
    products : int
        How many multiplications a row costs, about: as many as there are parameters, and at least one.
    has_penalties, has_penalties_per_batch : bool
        Whether the loss has penalties on weights, and whether some of them are divided like the losses of a batch.
    needs_whole_batches : bool
        Whether all rows of a batch must be in the workspace at once.
    can_skip_zeros : bool
        Whether the first operation is a dense layer, and no other one reads the input.
    running : tuple
        The operations with running statistics of batches: number, place of the means, and declared momentum.
    """

    ops: Integers
    strips: Integers
    stages: Integers
    tensors: tuple[Tensor, ...]
    size: int
    trained_ops: int
    columns: int
    scratch: int
    panel: int
    dtype: np.dtype[Any]
    fan_in: int = field(init=False)
    classes: int = field(init=False)
    count: int = field(init=False)
    products: int = field(init=False)
    has_penalties: bool = field(init=False)
    has_penalties_per_batch: bool = field(init=False)
    needs_whole_batches: bool = field(init=False)
    can_skip_zeros: bool = field(init=False)
    running: tuple[tuple[int, int, float], ...] = field(init=False)
    _has_core_ops: bool = field(init=False)

    @property
    def operations(self) -> Array:
        """``ops`` as records."""
        return self.ops.view(t.OP)[:, 0]

    def __post_init__(self) -> None:
        operations, first = self.operations, self.operations[0]
        found = {
            "fan_in": int(first["fan_in"]),
            "classes": int(operations["fan_out"][-1]),
            "count": (count := sum(self.numbers_in(tensor) for tensor in self.tensors)),
            "products": max(1, count),
            "has_penalties": any(operations[name].any() for name in _PENALTIES),
            "has_penalties_per_batch": any(operations[name].any() for name in ("weights_per_batch", "bias_per_batch")),
            "needs_whole_batches": len(self.stages) > 1,
            "can_skip_zeros": bool(first["code"] == t.DENSE and (operations["other"] != first["x"]).all()),
            "running": _running(operations),
            "_has_core_ops": {*operations["code"].tolist()} <= {*t.CORE_OPS},
        }
        self.__dict__.update(found)  # the fields cannot be assigned

    @staticmethod
    def numbers_in(tensor: Tensor) -> int:
        """How many numbers a tensor has, without padding."""
        return math.prod(tensor.shape)

    def is_core(self, plan: Array) -> bool:
        """Whether the core form of the training kernel can run this plan."""
        how = plan.view(t.PLAN)[0]
        is_plain = self._has_core_ops and how.is_plain and not how.is_limited and not how.by_weights
        return bool(is_plain and (how.loss_code, how.smoothing, how.hits) == (t.SOFTMAX_CROSSENTROPY, 0, t.LARGEST))

    def unpack(self, flat: Array, tensor: Tensor) -> Array:
        """A copy of a named tensor from a flat vector (parameters, gradients or an optimiser's moment)."""
        rows, columns = (1, *tensor.shape)[-2:]
        panels = flat[tensor.span(self.panel)].reshape(-1, rows, self.panel)
        matrix: Array = panels.transpose(1, 0, 2).reshape(rows, -1)[:, :columns].copy()
        return matrix.reshape(tensor.shape)

    def pack(self, flat: Array, tensor: Tensor, value: Array) -> None:
        """Write a named tensor into a flat vector: in panels, whose padding is 0 (see `fastmlp.kernels.layout`)."""
        rows, columns = (1, *tensor.shape)[-2:]
        matrix = np.zeros((rows, padded(columns, self.panel)), self.dtype)
        matrix[:, :columns] = np.reshape(value, (rows, columns))
        flat[tensor.span(self.panel)] = matrix.reshape(rows, -1, self.panel).transpose(1, 0, 2).ravel()

    def pack_all(self, flat: Array, values: Sequence[Array]) -> None:
        """Write all tensors."""
        for tensor, value in zip(self.tensors, values, strict=True):
            self.pack(flat, tensor, value)

    def new_plan(
        self,
        batch: int,
        n_threads: int,
        *,
        longest: int | None = None,
        training: bool = False,
        skipping: Skipping | None = None,
    ) -> Array:
        """Make a plan for batches of ``batch`` rows: sizes of blocks, and how many the workspace holds.

        `fastmlp.losses.Loss.fill_plan` and `fastmlp.optimizers.Optimizer.fill_plan` add the loss and the optimiser.
        """
        longest = batch if longest is None else longest
        rounds = math.ceil(longest / (BLOCK_ROWS * n_threads))
        block_rows = math.ceil(longest / (rounds * n_threads))
        capacity = self._capacity(block_rows)
        used = padded(self.columns * capacity + self.scratch, _ALIGNMENT)
        places: dict[str, int] = {}
        if skipping is not None:
            places, used = self._places_of_pairs(used, block_rows, skipping, training=training)
        block_size = padded(used, _ALIGNMENT)
        blocks = math.ceil(longest / block_rows)
        most = max(n_threads, _WORKSPACE_BYTES // (block_size * self.dtype.itemsize))
        if training and self.needs_whole_batches:
            most = blocks
        first, last = self.operations[0], self.operations[self.trained_ops - 1]
        plan = t.Plan(
            trained_ops=self.trained_ops,
            input=first.x,
            logits=last.y,
            dlogits=last.dy,
            columns=self.columns,
            block_size=block_size,
            block_rows=block_rows,
            capacity=capacity,
            blocks=min(blocks, most),
            batch_size=batch,
            panel=self.panel,
            is_plain=not self.has_penalties,
            is_limited=bool(self.operations["max_norm"].any()),
            **places,
        )
        return np.array([plan], t.PLAN).view(np.int64)

    def _places_of_pairs(
        self, used: int, block_rows: int, skipping: Skipping, *, training: bool
    ) -> tuple[dict[str, int], int]:
        """The fields of a plan for pairs, whose places follow the ``used`` numbers of a block, and their end."""
        width, most = self.fan_in, max(1, block_rows * skipping.pairs)
        piece = self._piece(skipping.density)
        starts = block_rows * math.ceil(width / piece) + 1
        sizes = {"pair_values": most + self.panel, "pair_columns": most + self.panel, "pair_starts": starts}
        panels = padded(int(self.operations[0].fan_out), self.panel) // self.panel
        if training and self.operations[0].trained and panels > _UNSORTED_PANELS:
            sizes |= {"sorted_values": most, "sorted_rows": most, "sorted_starts": width + 2}
        places = {"piece": piece, "most_pairs": most}
        for name, size in sizes.items():
            places[name], used = used, padded(used + size, _ALIGNMENT)
        return places, used

    def _piece(self, density: float) -> int:
        """The columns in a piece of rows in pairs: those of some strips of weights."""
        strip = _even_span(self.fan_in, self.panel)
        wanted = max(1, math.ceil(_PAIRS_IN_PIECE / max(density, 1e-9) / strip))
        return strip * min(wanted, max(1, self.fan_in // strip // _LEAST_PIECES))

    def network(self, scales: tuple[float, float] = (1.0, 1.0), *, is_centered: bool = False) -> Integers:
        """The network array: the program for inference as one array, for `fastmlp.kernels.predict_rows`.

        ``scales`` are the factors for features that are bytes and for other whole numbers, see
        `fastmlp._network.inputs`.
        """
        head = np.array([t.Head(t.VERSION, len(self.ops), self.size, *scales)], t.HEAD).view(np.int64)
        return np.concatenate([head, self.new_plan(BLOCK_ROWS, 1), self.ops_for(is_centered).ravel()])

    def ops_for(self, is_centered: bool, weight_unit: float = 1.0) -> Integers:
        """The operations for plain features, or for features whose mean is already subtracted.

        Penalties per batch are divided by the sum of factors of rows, which are weights divided by ``weight_unit``; so
        they are divided by this number here.
        """
        is_divided = weight_unit != 1.0 and self.has_penalties_per_batch
        if not is_centered and not is_divided:
            return self.ops
        ops: Integers = self.ops.copy()
        records = ops.view(t.OP)[:, 0]
        if is_centered:
            records["means"][0] = -1
        for place in ("weights", "bias") if is_divided else ():
            for name in (f"{place}_l1", f"{place}_l2"):
                records[name] /= np.where(records[f"{place}_per_batch"], weight_unit, 1.0)
        return ops

    def _capacity(self, block_rows: int) -> int:
        """The rows in a panel of a block: one more than needed if panels would be whole pages apart.

        Otherwise the same row of all panels would compete for one place in the first-level cache.
        """
        return block_rows + (block_rows * self.panel * self.dtype.itemsize % _PAGE == 0)

    def zeros(self, slots: int) -> Array:
        """So many flat vectors of zeros, one after the other."""
        return aligned_zeros(slots * self.size, self.dtype)

    def workspace(self, plan: Array) -> Array:
        """Zeroed workspace for a plan."""
        how = plan.view(t.PLAN)[0]
        return aligned_zeros(int(how.blocks * how.block_size), self.dtype)


def _running(operations: Array) -> tuple[tuple[int, int, float], ...]:
    means, momenta = operations["means"].tolist(), operations["momentum"].tolist()
    return tuple((number, means[number], momenta[number]) for number in _of_batches(operations))


def _of_batches(operations: Array) -> list[int]:
    """The numbers of the operations that use the statistics of a batch."""
    numbers: list[int] = np.flatnonzero((operations["code"] == t.BATCH_NORM) & (operations["kind"] > 0)).tolist()
    return numbers


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
    """Build the program of a list of layers for inputs of width ``fan_in``.

    With ``fuse``, the loss computes the last operation, a softmax or a sigmoid, in training.
    """
    writer = _Writer(fan_in, panel, SMALLEST_VARIANCE[dtype])
    writer.layers(layers)
    trained_ops = len(writer.ops) - int(fuse)
    last = writer.ops[trained_ops - 1]
    if last.dy < 0:  # nothing learns, but the loss still writes a gradient
        writer.ops[trained_ops - 1] = last._replace(dy=writer.columns_for(writer.width))
    ops = np.array(writer.ops, t.OP)
    return Program(
        ops=_table(ops),
        strips=_table(np.array(_strips(writer.ops, panel), t.STRIP)),
        stages=_table(np.array(_stages(ops, trained_ops), t.STAGE)),
        tensors=tuple(writer.tensors),
        size=writer.size,
        trained_ops=trained_ops,
        columns=writer.columns,
        scratch=panel * max(padded(op.fan_out, panel) for op in writer.ops),
        panel=panel,
        dtype=dtype,
    )


def _table(records: Array) -> Integers:
    """Convert records to rows of whole numbers, as kernels take them."""
    return records.view(np.int64).reshape(len(records), records.dtype.itemsize // 8)


def tensors(layers: Sequence[Layer], fan_in: int, dtype: np.dtype[Any], panel: int) -> tuple[Tensor, ...]:
    """The tensors of `build`, without tables: it allocates nothing that depends on the widths."""
    writer = _Writer(fan_in, panel, SMALLEST_VARIANCE[dtype])
    writer.layers(layers)
    return tuple(writer.tensors)


# What the backward pass of the previous operation needs of its output: nothing, its sign, or its values
_FREE, _SIGN, _VALUES = range(3)


class _Writer:
    """Assigns columns of the workspace and spans of the parameter vector, operation by operation."""

    def __init__(self, fan_in: int, panel: int, smallest_variance: float) -> None:
        self.panel = panel
        self.smallest_variance = smallest_variance
        self.width = fan_in
        self.columns = 0
        self.size = 0
        self.ops: list[t.Op] = []
        self.tensors: list[Tensor] = []
        self.index = 0  # number of the layer
        self.y = self.columns_for(fan_in)
        self.dy = -1  # the gradient of the data is not needed
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
        self._op(
            t.DENSE,
            x,
            dx,
            fan_in=fan_in,
            weights=weights,
            bias=bias,
            weights_l1=layer.kernel_regularizer.l1,
            weights_l2=layer.kernel_regularizer.l2,
            bias_l1=layer.bias_regularizer.l1,
            bias_l2=layer.bias_regularizer.l2,
            weights_per_batch=int(layer.kernel_regularizer.per_batch),
            bias_per_batch=int(layer.bias_regularizer.per_batch),
            max_norm=layer.max_norm or 0.0,
            trained=int(layer.trainable),
        )
        self.needed = _FREE
        if layer.activation != "linear":
            self.activation(layer)

    def activation(self, layer: Dense | Activation) -> None:
        if layer.activation == "linear":
            return
        if isinstance(layer.activation, activations.Custom):
            self.custom(layer.activation)
            return
        code, kind, alpha = activations.parsed(layer.activation)
        needs_x = code == t.ACTIVATION and kind in t.SLOPE_NEEDS_X
        x = self._output(in_place=self.needed == _FREE and not needs_x)
        self._op(code, x, self.dy, kind=kind, alpha=alpha)
        tells_by_sign = code == t.RELU or (code == t.ACTIVATION and kind == t.LEAKY_RELU)
        self.needed = _FREE if needs_x else _SIGN if tells_by_sign else _VALUES

    def custom(self, activation: activations.Custom) -> None:
        x = self._output(in_place=False)
        self._op(t.CUSTOM, x, self.dy, kind=activation.index, other=self.columns_for(self.width))
        self.needed = _FREE  # its slopes are there already

    def dropout(self, layer: Dropout) -> None:
        in_place = self.needed != _VALUES
        x = self._output(in_place=in_place)
        self._op(t.DROPOUT, x, self.dy, kind=_FIRST_STREAM + self.index, alpha=layer.rate)
        self.needed = self.needed if in_place else _FREE

    def noise(self, layer: GaussianNoise) -> None:
        x = self._output(in_place=self.needed == _FREE)
        self._op(t.NOISE, x, self.dy, kind=_FIRST_STREAM + self.index, alpha=layer.stddev)
        self.needed = _FREE

    def batch_normalization(self, layer: BatchNormalization) -> None:
        width = (self.width,)
        fields = {
            "weights": self._tensor("gamma", width, layer.trainable),
            "bias": self._tensor("beta", width, layer.trainable),
            "means": self._tensor("moving_mean", width, False),
            "variances": self._tensor("moving_variance", width, False),
        }
        # Room among the gradients for the sums of one batch, even if frozen, so that tensors keep their places.
        sums = self._span(self.width), self._span(self.width)
        if layer.trainable:
            fields["other"], fields["d_other"] = sums
        numbers = {"alpha": layer.epsilon, "momentum": layer.momentum}
        self._normalization(t.BATCH_NORM, layer.trainable, kind=int(layer.trainable), **fields, **numbers)

    def layer_normalization(self, layer: LayerNormalization) -> None:
        fields = {
            "weights": self._tensor("gamma", (self.width,), layer.trainable),
            "bias": self._tensor("beta", (self.width,), layer.trainable),
            "other": self.columns_for(self.width),
        }
        self._normalization(t.LAYER_NORM, layer.trainable, alpha=layer.epsilon, **fields)

    def normalization(self, layer: Normalization) -> None:
        means, variances = (self._tensor(name, (self.width,), False) for name in ("mean", "variance"))
        self._normalization(t.BATCH_NORM, False, means=means, variances=variances, kind=0, alpha=self.smallest_variance)

    def scale(self, layer: Scale) -> None:
        weights = self._tensor("gamma", (self.width,), layer.trainable)
        bias = self._tensor("beta", (self.width,), layer.trainable) if layer.use_bias else -1
        self._normalization(t.SCALE, layer.trainable, weights=weights, bias=bias)

    def _normalization(self, code: int, trainable: bool, **fields: float) -> None:
        x, dx = self._output(in_place=False), self.dy
        # Unless a stage of its own sums the gradient of the factors, that happens after all rows: dy must stay.
        self.dy = self._gradient_columns(trainable, new=trainable and code != t.BATCH_NORM)
        self._op(code, x, dx, trained=int(trainable), **fields)
        self.needed = _FREE

    def residual(self, block: Residual) -> None:
        y, dy, width = self.y, self.dy, self.width
        fork = len(self.ops)
        self._op(t.FORK, y, dy)
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
        self._op(t.ADD, inner, d_inner, other=y)
        self.ops[fork] = self.ops[fork]._replace(d_other=self.dy)
        self.needed = _FREE

    # ------------------------------------------------------------ rows of the table, and places

    def _op(self, code: int, x: int, dx: int, **fields: Any) -> None:
        usual = {"fan_in": self.width, "fan_out": self.width, "y": self.y, "dy": self.dy}
        self.ops.append(t.Op(code, x=x, dx=dx, **{**usual, **fields}))

    def _output(self, *, in_place: bool) -> int:
        """The columns of the input and the output, which gets the same or its own."""
        x = self.y
        if not in_place:
            self.y = self.columns_for(self.width)
        return x

    def _gradient_columns(self, learns: bool, *, new: bool) -> int:
        """The columns for the gradient of an output; none if nothing learns from it."""
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
        """A place in the flat vectors outside of tensors."""
        start = self.size
        self.size = padded(start + padded(width, self.panel), _ALIGNMENT)
        return start


_WRITE: dict[type[Layer], Callable[[_Writer, Any], None]] = {
    Dense: _Writer.dense,
    Activation: _Writer.activation,
    Flatten: _Writer.activation,
    Dropout: _Writer.dropout,
    GaussianNoise: _Writer.noise,
    BatchNormalization: _Writer.batch_normalization,
    LayerNormalization: _Writer.layer_normalization,
    Normalization: _Writer.normalization,
    Scale: _Writer.scale,
}


def _stages(ops: Array, trained_ops: int) -> list[t.Stage]:
    """The stages of a batch: rows go from one batch normalisation to the next, forward and then backward.

    Before its forward pass, a batch normalisation needs the statistics of all rows, and before its backward pass the
    sums of all rows' gradients.
    """
    norms = _of_batches(ops)
    stages = []
    for begin, end in itertools.pairwise([0, *norms, trained_ops]):
        stages.append(t.Stage(t.ROWS, forward_from=begin, forward_to=end))
        if end != trained_ops:
            stages.append(t.Stage(t.STATISTICS, statistics_op=end))
    lowest = norms[-1] + 1 if norms else 0
    stages[-1] = stages[-1]._replace(backward_from=trained_ops, backward_to=lowest)
    for i, norm in reversed(list(enumerate(norms))):
        stages.append(t.Stage(t.GRADIENT_STATISTICS, statistics_op=norm))
        below = norms[i - 1] + 1 if i else 0
        if (ops["dx"][below : norm + 1] >= 0).any():
            stages.append(t.Stage(t.ROWS, backward_from=norm + 1, backward_to=below))
    return stages


def _strips(ops: Sequence[t.Op], panel: int) -> list[t.Strip]:
    """Strips of weights of similar size, each owned by one iteration of the second parallel region.

    Neighbours share rows of weights, so the columns of X that they need stay in the second-level cache.
    """
    return [
        t.Strip(number, j, row, min(span, rows - row))
        for number, op in enumerate(ops)
        if op.trained
        for rows in [op.fan_in if op.code == t.DENSE else 1]
        for span in [_even_span(rows, panel)]
        for row in range(0, rows, span)
        for j in range(padded(op.fan_out, panel) // panel)
    ]


def _even_span(rows: int, panel: int) -> int:
    """The rows of weights in a strip, at most `_STRIP_ROWS`, in whole panels, so that no strip is much smaller."""
    return padded(math.ceil(rows / math.ceil(rows / _STRIP_ROWS)), panel)
