"""Kernel name → how to make its arguments. Tests and benchmarks read this one table.

A builder takes a random generator, a dtype and a shape, and returns the arguments in order. What a kernel
overwrites is filled with NaN, so that an element it forgets cannot go unseen.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastmlp import ArgumentError, ArgumentTypeError, kernels, reference
from fastmlp._base import tables
from fastmlp._engine import program
from fastmlp.kernels.network import verify
from fastmlp.layers import Dense, output_of
from fastmlp.losses import CategoricalCrossentropy
from fastmlp.optimizers import Adam, RMSprop

from .shared import own


@dataclass(frozen=True)
class Case:
    build: Callable[..., list[Any]]
    shapes: tuple[tuple[int, ...], ...]
    real: tuple[int, ...]  # the size to benchmark
    tolerance: dict[str, float] = field(default_factory=lambda: {"float32": 2e-6, "float64": 4e-15})

    def arguments(self, shape, dtype, seed=0):
        return self.build(np.random.default_rng(seed), np.dtype(dtype), *shape)


def unset(shape, dtype):
    return np.full(shape, np.nan, dtype)


def normal(rng, dtype, *shape):
    return rng.normal(size=shape).astype(dtype)


def probabilities(rng, dtype, *shape):
    p = rng.random(shape) + 0.01
    return (p / p.sum(axis=-1, keepdims=True)).astype(dtype)


def one_hot(labels, classes, dtype):
    return np.eye(classes, dtype=dtype)[labels]


# ---------------------------------------------------------------- builders


def dense_forward(rng, dtype, batch, fan_in, units):
    x, weights, bias = normal(rng, dtype, batch, fan_in), normal(rng, dtype, fan_in, units), normal(rng, dtype, units)
    return [unset((batch, units), dtype), x, weights, bias]


def dense_backward_inputs(rng, dtype, batch, fan_in, units):
    return [unset((batch, fan_in), dtype), normal(rng, dtype, batch, units), normal(rng, dtype, fan_in, units)]


def dense_backward_parameters(rng, dtype, batch, fan_in, units):
    outputs = [unset((fan_in, units), dtype), unset(units, dtype)]
    return [*outputs, normal(rng, dtype, batch, fan_in), normal(rng, dtype, batch, units)]


def elementwise(rng, dtype, n):
    return [unset(n, dtype), normal(rng, dtype, n) * 10]


def positive(rng, dtype, n):
    return [unset(n, dtype), np.exp(rng.normal(size=n) * 10).astype(dtype)]


def rows_forward(rng, dtype, batch, units):
    return [unset((batch, units), dtype), normal(rng, dtype, batch, units)]


def relu_backward(rng, dtype, batch, units):
    y = np.maximum(normal(rng, dtype, batch, units), 0)
    return [unset((batch, units), dtype), normal(rng, dtype, batch, units), y]


def softmax_backward(rng, dtype, batch, units):
    return [unset((batch, units), dtype), normal(rng, dtype, batch, units), probabilities(rng, dtype, batch, units)]


def dense_targets(rng, dtype, batch, classes):
    targets = probabilities(rng, dtype, batch, classes)
    labels = rng.integers(0, classes, batch)
    targets[::2] = one_hot(labels, classes, dtype)[::2]
    return targets


def softmax_crossentropy(rng, dtype, batch, classes):
    outputs = [unset(batch, dtype), unset((batch, classes), dtype)]
    targets = dense_targets(rng, dtype, batch, classes)
    return [*outputs, normal(rng, dtype, batch, classes) * 5, targets, 1 / batch]


def sparse_softmax_crossentropy(rng, dtype, batch, classes):
    outputs = [unset(batch, dtype), unset((batch, classes), dtype)]
    return [*outputs, normal(rng, dtype, batch, classes) * 5, rng.integers(0, classes, batch), 1 / batch]


def sgd_update(rng, dtype, n):
    return [normal(rng, dtype, n), normal(rng, dtype, n), 0.1]


def adam_update(rng, dtype, n):
    w, m, v = normal(rng, dtype, n), normal(rng, dtype, n), normal(rng, dtype, n) ** 2
    return [w, m, v, normal(rng, dtype, n), 0.01, 0.9, 0.999, 1e-8, 3]


def pack_panels(rng, dtype, rows, columns, width):
    return [unset(rows * -(-columns // width) * width, dtype), normal(rng, dtype, rows, columns), width]


def unpack_panels(rng, dtype, rows, columns, width):
    panels, matrix, _ = pack_panels(rng, dtype, rows, columns, width)
    kernels.pack_panels(panels, matrix, width)
    return [unset((rows, columns), dtype), panels, width]


def philox_words(rng, dtype):
    return [np.full(4, -1), rng.integers(0, 2**32, 4), rng.integers(0, 2**32, 2)]


def shuffle(rng, dtype, n):
    return [np.full(n, -1), int(rng.integers(0, 2**63)), int(rng.integers(0, 1000))]


# ---------------------------------------------------------------- normalisation, random layers, other rules


def activation_forward(rng, dtype, batch, units, kind=tables.TANH, alpha=0.3):
    return [unset((batch, units), dtype), normal(rng, dtype, batch, units) * 3, kind, alpha]


def activation_backward(rng, dtype, batch, units, kind=tables.TANH, alpha=0.3):
    x = normal(rng, dtype, batch, units) * 3
    y = np.empty_like(x)
    reference.activation_forward(y, x, kind, alpha)
    return [unset((batch, units), dtype), normal(rng, dtype, batch, units), x, y, kind, alpha]


def batch_norm_forward(rng, dtype, batch, units):
    outputs = [unset((batch, units), dtype), unset(units, dtype), unset(units, dtype)]
    x = normal(rng, dtype, batch, units) * 2 + 1
    return [*outputs, x, normal(rng, dtype, units), normal(rng, dtype, units), 0.1]


def batch_norm_backward(rng, dtype, batch, units):
    y, means, inverses, x, weights, *_ = batch_norm_forward(rng, dtype, batch, units)
    reference.batch_norm_forward(y, means, inverses, x, weights, weights, 0.1)
    outputs = [unset((batch, units), dtype), unset(units, dtype), unset(units, dtype)]
    return [*outputs, normal(rng, dtype, batch, units), x, means, inverses, weights]


def normalize(rng, dtype, batch, units):
    statistics = [normal(rng, dtype, units), normal(rng, dtype, units) ** 2 + dtype.type(0.1)]
    x = normal(rng, dtype, batch, units)
    return [unset((batch, units), dtype), x, *statistics, normal(rng, dtype, units), normal(rng, dtype, units), 0.1]


def layer_norm_forward(rng, dtype, batch, units):
    outputs = [unset((batch, units), dtype), unset((batch, units), dtype)]
    x = normal(rng, dtype, batch, units) * 2 + 1
    return [*outputs, x, normal(rng, dtype, units), normal(rng, dtype, units), 0.1]


def layer_norm_backward(rng, dtype, batch, units):
    y, standard, x, weights, bias, epsilon = layer_norm_forward(rng, dtype, batch, units)
    reference.layer_norm_forward(y, standard, x, weights, bias, epsilon)
    outputs = [unset((batch, units), dtype), unset(units, dtype), unset(units, dtype)]
    return [*outputs, normal(rng, dtype, batch, units), standard, x, weights, epsilon]


def scale_forward(rng, dtype, batch, units):
    x = normal(rng, dtype, batch, units)
    return [unset((batch, units), dtype), x, normal(rng, dtype, units), normal(rng, dtype, units)]


def sparse_forward(rng, dtype, batch, fan_in, units):
    rows = sparse_rows(normal(rng, dtype, batch, fan_in) * (rng.random((batch, fan_in)) < 0.3))
    return [unset((batch, units), dtype), *rows, normal(rng, dtype, fan_in, units), normal(rng, dtype, units)]


def sparse_backward_weights(rng, dtype, batch, fan_in, units):
    rows = sparse_rows(normal(rng, dtype, batch, fan_in) * (rng.random((batch, fan_in)) < 0.3))
    return [unset((fan_in, units), dtype), *rows, normal(rng, dtype, batch, units)]


def scale_backward(rng, dtype, batch, units):
    outputs = [unset((batch, units), dtype), unset(units, dtype), unset(units, dtype)]
    return [*outputs, normal(rng, dtype, batch, units), normal(rng, dtype, batch, units), normal(rng, dtype, units)]


def dropout(rng, dtype, batch, units):
    return [unset((batch, units), dtype), normal(rng, dtype, batch, units), 0.3, 2**62 + 5, 17, 3, 1001]


def elementwise_loss(rng, dtype, batch, units, kind=tables.SQUARED, alpha=0.3):
    outputs = [unset(batch, dtype), unset((batch, units), dtype)]
    y, t = probabilities(rng, dtype, batch, units), probabilities(rng, dtype, batch, units)
    return [*outputs, y, t, kind, alpha, 1 / batch]


def custom_forward(rng, dtype, batch, units):
    outputs = [unset((batch, units), dtype), unset((batch, units), dtype)]
    return [*outputs, normal(rng, dtype, batch, units) * 3, own.BELL.index]


def custom_loss(rng, dtype, batch, units):
    outputs = [unset(batch, dtype), unset((batch, units), dtype)]
    return [*outputs, normal(rng, dtype, batch, units), normal(rng, dtype, batch, units), own.CAUCHY.index, 1 / batch]


def optimizer_update(rng, dtype, n, rule=None, step=3):
    rule = rule or RMSprop(0.01, momentum=0.5)
    w, state = normal(rng, dtype, n), normal(rng, dtype, rule.slots * n) ** 2
    return [w, state, normal(rng, dtype, n), rule.kernel_code, np.array(rule.settings()), rule.learning_rate, step]


# ---------------------------------------------------------------- whole networks


@dataclass
class Network:
    """A small program with its buffers and data."""

    built: program.Program
    parameters: Any
    features: Any
    pixels: Any
    sparse: Any  # starts, columns and values
    labels: Any
    targets: Any
    weights: Any
    loss: Any
    activation: str

    @property
    def inputs(self):
        return [self.features, self.pixels, *self.sparse]

    @property
    def skipping(self):
        """Places for all pairs that a row may have."""
        return program.Skipping(self.features.shape[1], 1.0)


def network(
    rng,
    dtype,
    widths,
    rows,
    *,
    hidden="relu",
    pixels=False,
    soft=False,
    use_bias=True,
    layers=None,
    loss=None,
    weighted=False,
    density=None,
    sparse=False,
):
    """A network of dense layers of some widths, or of the layers given; with ``sparse``, its data are sparse rows."""
    usual = [Dense(w, hidden, use_bias) for w in widths[1:-1]] + [Dense(widths[-1], "softmax", use_bias)]
    layers, loss = layers or usual, loss or CategoricalCrossentropy()
    panel = kernels.panel_width(dtype)
    classes, activation = output_of(layers)
    built = program.build(layers, widths[0], dtype, panel, fuse=loss.fuses(activation))
    parameters = program.aligned_zeros(built.size, dtype)
    for tensor in built.tensors:
        value = normal(rng, dtype, *tensor.shape) / np.sqrt(widths[0])
        built.pack(parameters, tensor, value**2 + dtype.type(0.5) if "variance" in tensor.name else value)
    x, bytes_ = normal(rng, dtype, rows, widths[0]), rng.integers(0, 256, (rows, widths[0]), np.uint8)
    labels, targets = rng.integers(0, classes, rows), dense_targets(rng, dtype, rows, classes)
    if density is not None:
        is_zero = np.random.default_rng(5).random(x.shape) >= density
        x[is_zero], bytes_[is_zero] = 0, 0
    return Network(
        built,
        parameters,
        x[:0] if pixels or sparse else x,
        bytes_ if pixels else bytes_[:0],
        sparse_rows(x if sparse else x[:0]),
        labels[:0] if soft else labels,
        targets if soft else targets[:0],
        np.exp(normal(rng, dtype, rows)) if weighted else np.empty(0, dtype),
        loss,
        activation,
    )


def sparse_rows(x):
    """Starts, columns and values of the numbers that are not 0; three empty arrays for no rows."""
    if len(x) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, x.dtype)
    rows, columns = x.nonzero()
    return np.searchsorted(rows, np.arange(len(x) + 1)), columns.astype(np.int32), x[rows, columns]


def unset_gradients(built, dtype):
    """NaN in every tensor, zeros between them."""
    gradients = program.aligned_zeros(built.size, dtype)
    for tensor in built.tensors:
        gradients[tensor.span(built.panel)] = np.nan
    return gradients


def train_batches(
    rng,
    dtype,
    batch,
    rows,
    *widths,
    optimizer=None,
    n_threads=1,
    most_blocks=None,
    with_outputs=False,
    skips=False,
    **options,
):
    optimizer = optimizer or Adam()
    net = network(rng, dtype, widths, rows, **options)
    built = net.built
    plan = built.new_plan(batch, n_threads, training=True, skipping=net.skipping if skips else None)
    net.loss.fill_plan(plan, net.activation, built.classes)
    optimizer.fill_plan(plan)
    if most_blocks is not None:
        how = plan.view(tables.PLAN)[0]
        how.blocks = min(how.blocks, most_blocks)
    batches = -(-rows // batch)
    state = program.aligned_zeros(optimizer.slots * built.size, dtype)
    for slot, value in zip(state.reshape(optimizer.slots, built.size), optimizer.initial_state(), strict=True):
        slot[:] = value
    return [
        net.parameters,
        state,
        unset_gradients(built, dtype),
        built.workspace(plan),
        unset(batch, dtype),
        np.full(batch, -1),
        unset(batches, np.float64),
        np.full(batches, -1),
        unset(tables.STRIP_SUMS * len(built.strips) + 2 * len(built.ops), np.float64),
        unset((rows if with_outputs else 0, built.classes), dtype),
        np.empty(0, np.int8),
        *net.inputs,
        net.labels,
        net.targets,
        net.weights,
        rng.permutation(rows),
        built.ops,
        built.strips,
        built.stages,
        plan,
        np.array(optimizer.settings()),
        np.full(batches, optimizer.learning_rate),
        1 / 255,
        12345,
        2,
        0,
        0,
    ]


def network_update(rng, dtype, *widths, optimizer=None, step=3, **options):
    optimizer = optimizer or Adam()
    net = network(rng, dtype, widths, 1, **options)
    built, slots = net.built, optimizer.slots
    plan = built.new_plan(1, 1, training=True)
    net.loss.fill_plan(plan, net.activation, built.classes)
    optimizer.fill_plan(plan)
    gradients, state = program.aligned_zeros(built.size, dtype), program.aligned_zeros(slots * built.size, dtype)
    for tensor in built.tensors:
        built.pack(gradients, tensor, normal(rng, dtype, *tensor.shape))
        for slot in state.reshape(slots, built.size):
            built.pack(slot, tensor, normal(rng, dtype, *tensor.shape) ** 2)
    sums = unset(tables.STRIP_SUMS * len(built.strips) + 2 * len(built.ops), np.float64)
    settings = np.array(optimizer.settings())
    given = [gradients, built.ops, built.strips, plan, settings, optimizer.learning_rate, step]
    return [net.parameters, state, sums, *given]


def form_of(name, args):
    """The kernel; of training, the form for core operations where they are all that these tables ask for."""
    if name not in ("train_batches", "evaluate_batches", "predict_batches"):
        return getattr(kernels, name)
    v = {p.name: value for p, value in zip(getattr(kernels, name).parameters, args, strict=True)}
    pair_values = v["plan"][tables.place_of(tables.PLAN, "pair_values") :][:1]  # of a plan of any length
    is_sparse = len(v["starts"]) > 0 or (pair_values >= 0).any()
    suffix = "_sparse" if is_sparse else ""
    if name != "train_batches":
        return getattr(kernels, name + suffix)
    sizes = (v["parameters"].size, v["workspace"].size, kernels.panel_width(v["parameters"].dtype))
    with contextlib.suppress(ArgumentError, ArgumentTypeError):
        if kernels.program_fault(v["ops"], v["strips"], v["stages"], v["plan"], *sizes, verify.CORE_TRAINING) == 0:
            return getattr(kernels, name + suffix)
    return getattr(kernels, f"{name}{suffix}_full")


def evaluate_batches(rng, dtype, rows, *widths, n_threads=1, with_outputs=False, skips=False, **options):
    net = network(rng, dtype, widths, rows, **options)
    plan = net.built.new_plan(rows, n_threads, skipping=net.skipping if skips else None)
    net.loss.fill_plan(plan, net.activation, net.built.classes)
    order = np.empty(0, np.int64)
    return [
        unset(rows, dtype),
        np.full(rows, -1),
        unset((rows if with_outputs else 0, net.built.classes), dtype),
        net.built.workspace(plan),
        net.parameters,
        *net.inputs,
        net.labels,
        net.targets,
        net.weights,
        order,
        net.built.ops,
        plan,
        1 / 255,
    ]


def predict_batches(rng, dtype, rows, *widths, n_threads=1, skips=False, **options):
    net = network(rng, dtype, widths, rows, **options)
    plan = net.built.new_plan(rows, n_threads, skipping=net.skipping if skips else None)
    outputs = unset((rows, net.built.classes), dtype)
    order = np.empty(0, np.int64)
    workspace = net.built.workspace(plan)
    return [outputs, workspace, net.parameters, *net.inputs, order, net.built.ops, plan, 1 / 255]


def predict_rows(rng, dtype, rows, *widths, **options):
    net = network(rng, dtype, widths, rows, **options)
    return [unset((rows, net.built.classes), dtype), net.features, net.parameters, net.built.network()]


# ---------------------------------------------------------------- the table

_DENSE = ((1, 1, 1), (2, 3, 5), (7, 1, 31), (13, 37, 1), (61, 33, 17), (5, 67, 41))
_ROWS = ((1, 1), (1, 10), (3, 7), (17, 33), (65, 2), (31, 101))
_CLASSES = ((1, 1), (1, 10), (3, 7), (17, 33), (65, 2), (5, 101))
_LENGTHS = ((1,), (7,), (64,), (101,), (4099,))
_NETWORKS = ((1, 1, 1, 1), (3, 7, 2, 3, 2), (13, 40, 20, 33, 17, 7), (8, 30, 5, 10), (31, 31, 65, 3, 67, 11))
_W1 = (784, 128, 64, 10)
_SUM = {"float32": 2e-5, "float64": 4e-14}  # long sums in another order, relative to the largest element

CASES: dict[str, Case] = {
    "exp": Case(elementwise, _LENGTHS, (1 << 20,)),
    "log": Case(positive, _LENGTHS, (1 << 20,)),
    "pack_panels": Case(pack_panels, ((1, 1, 4), (3, 5, 2), (17, 33, 16), (784, 10, 32)), (784, 128, 32)),
    "unpack_panels": Case(unpack_panels, ((1, 1, 4), (3, 5, 2), (17, 33, 16), (784, 10, 32)), (784, 128, 32)),
    "dense_forward": Case(dense_forward, _DENSE, (128, 784, 128), _SUM),
    "dense_backward_inputs": Case(dense_backward_inputs, _DENSE, (128, 784, 128), _SUM),
    "dense_backward_parameters": Case(dense_backward_parameters, _DENSE, (128, 784, 128), _SUM),
    "sparse_forward": Case(sparse_forward, _DENSE, (128, 784, 128), _SUM),
    "sparse_backward_weights": Case(sparse_backward_weights, _DENSE, (128, 784, 128), _SUM),
    "relu_forward": Case(rows_forward, _ROWS, (1024, 1024)),
    "relu_backward": Case(relu_backward, _ROWS, (1024, 1024)),
    "activation_forward": Case(activation_forward, _ROWS, (1024, 1024)),
    "activation_backward": Case(activation_backward, _ROWS, (1024, 1024)),
    "batch_norm_forward": Case(batch_norm_forward, _ROWS, (1024, 1024), _SUM),
    "batch_norm_backward": Case(batch_norm_backward, _ROWS, (1024, 1024), _SUM),
    "normalize": Case(normalize, _ROWS, (1024, 1024)),
    "layer_norm_forward": Case(layer_norm_forward, _ROWS, (1024, 1024), _SUM),
    "layer_norm_backward": Case(layer_norm_backward, _ROWS, (1024, 1024), _SUM),
    "scale_forward": Case(scale_forward, _ROWS, (1024, 1024)),
    "scale_backward": Case(scale_backward, _ROWS, (1024, 1024), _SUM),
    "dropout": Case(dropout, _ROWS, (1024, 1024)),
    "gaussian_noise": Case(dropout, _ROWS, (1024, 1024)),
    "softmax_forward": Case(rows_forward, _ROWS, (60_000, 10)),
    "softmax_backward": Case(softmax_backward, _ROWS, (10_000, 10)),
    "softmax_crossentropy": Case(softmax_crossentropy, _CLASSES, (60_000, 10), _SUM),
    "sparse_softmax_crossentropy": Case(sparse_softmax_crossentropy, _CLASSES, (60_000, 10), _SUM),
    "elementwise_loss": Case(elementwise_loss, _CLASSES, (60_000, 10), _SUM),
    "custom_forward": Case(custom_forward, _ROWS, (1024, 1024)),
    "custom_loss": Case(custom_loss, _CLASSES, (60_000, 10), _SUM),
    "optimizer_update": Case(optimizer_update, _LENGTHS, (1 << 20,)),
    "sgd_update": Case(sgd_update, _LENGTHS, (1 << 20,)),
    "adam_update": Case(adam_update, _LENGTHS, (1 << 20,)),
    "philox_words": Case(philox_words, ((),), ()),
    "shuffle": Case(shuffle, ((1,), (2,), (101,)), (60_000,)),
    "train_batches": Case(train_batches, _NETWORKS, (128, 1280, *_W1), {"float32": 2e-4, "float64": 4e-13}),
    "evaluate_batches": Case(evaluate_batches, tuple(s[1:] for s in _NETWORKS), (12_000, *_W1), _SUM),
    "predict_batches": Case(predict_batches, tuple(s[1:] for s in _NETWORKS), (10_000, *_W1), _SUM),
    "network_update": Case(network_update, tuple(s[2:] for s in _NETWORKS), _W1),
    "predict_rows": Case(predict_rows, tuple(s[1:] for s in _NETWORKS), (64, *_W1), _SUM),
}
