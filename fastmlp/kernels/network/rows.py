"""Processes one block of batch rows: gathers it, and runs the operations of a program forward and backward.

Its loss is in `row_losses`. Kernels for core operations alone (dense layers, ReLU, softmax, their cross-entropy) leave
out all that is marked ``unless_core``, and kernels for dense rows all that is marked ``unless_dense``.
"""

from typing import Any, NamedTuple

from ..._base.tables import (
    ACTIVATION,
    ADD,
    BATCH_NORM,
    CUSTOM,
    DENSE,
    DROPOUT,
    FORK,
    LAYER_NORM,
    NOISE,
    RELU,
    SCALE,
    SOFTMAX,
)
from ..._compiling.jit import inner
from ..activations import activation_backward_span, activation_forward_span, relu_backward_span, relu_forward_span
from ..custom import custom_forward_span
from ..dense import dense_backward_inputs_block, dense_forward_block
from ..layout import gather_pixels, gather_rows, padded, source_row
from ..noise import dropout_columns, noise_columns
from ..normalization import (
    batch_norm_backward_columns,
    batch_norm_forward_columns,
    layer_norm_backward_row,
    layer_norm_forward_row,
    normalize_columns,
    scale_columns,
)
from ..scale import scaled_columns
from ..simd import lanes, load, panel, prefetch, store, tail
from ..softmax import column_at, softmax_backward_row, softmax_forward_row
from ..sparse import (
    columns_of,
    copy_pairs,
    gather_pairs,
    gather_pairs_of_pixels,
    multiply_pairs,
    pairs_of,
    sort_by_columns,
    spread_rows,
)


class Net(NamedTuple):
    """A network, and the workspace of one block of rows."""

    parameters: Any
    statistics: Any  # of the batch, at the places of the running ones in the parameters
    workspace: Any  # of this block
    ops: Any
    plan: Any
    form: Any  # of the kernel: which operations it has


class Sparse(NamedTuple):
    """Rows without most of their zeros: row r has the pairs from starts[r] to starts[r + 1], in order of columns."""

    starts: Any
    columns: Any
    values: Any


class Data(NamedTuple):
    """A data set with flat matrices; one of ``x``, ``pixels`` and ``sparse`` has rows."""

    x: Any
    pixels: Any
    sparse: Any
    pixel_scale: Any
    labels: Any
    targets: Any
    row_weights: Any
    order: Any


# ---------------------------------------------------------------- gathering


@inner
def gather_block(net, data, first, rows):
    """Copy rows of the data set, float or uint8, into the block's input columns, or as pairs."""
    capacity, width = net.plan.capacity, net.ops[0].fan_in
    if data.labels.size > 0:
        prefetch_labels(data.labels, data.order, first, rows)
    to = tail(net.workspace, net.plan.input * capacity)
    if net.plan.pair_values >= 0:
        gather_block_of_pairs(net, data, first, rows)
    elif data.sparse.starts.size > 0:
        spread_block(net, data, first, rows)
    elif data.pixels.size > 0:
        gather_pixels(to, capacity, data.pixels, width, data.order, first, rows, data.pixel_scale)
    else:
        gather_rows(to, capacity, data.x, width, data.order, first, rows)


@inner(unless_dense="net")
def gather_block_of_pairs(net, data, first, rows):
    width = net.ops[0].fan_in
    pairs = pairs_of(net.workspace, net.plan, width)
    if data.sparse.starts.size > 0:
        copy_pairs(pairs, data.sparse, data.order, first, rows)
    elif data.pixels.size > 0:
        gather_pairs_of_pixels(pairs, data.pixels, width, data.order, first, rows, data.pixel_scale)
    else:
        gather_pairs(pairs, data.x, width, data.order, first, rows)


@inner(unless_dense="net")
def spread_block(net, data, first, rows):
    capacity = net.plan.capacity
    to = tail(net.workspace, net.plan.input * capacity)
    spread_rows(to, capacity, data.sparse, net.ops[0].fan_in, data.order, first, rows)


@inner(unless_dense="net")
def sort_block(net, rows):
    """Sort the block's pairs by columns, if a gradient needs them."""
    if net.plan.sorted_values >= 0:
        width = net.ops[0].fan_in
        sort_by_columns(columns_of(net.workspace, net.plan), pairs_of(net.workspace, net.plan, width), rows, width)


@inner
def prefetch_labels(labels, order, first, rows):
    """Prefetch the labels, which are far apart in memory because the rows are in random order."""
    for r in range(rows):
        prefetch(labels, source_row(order, first + r))


# ---------------------------------------------------------------- forward


@inner
def forward_block(net, random_key, first_op, last_op, rows, training):
    parameters, workspace, capacity = net.parameters, net.workspace, net.plan.capacity
    for i in range(first_op, last_op):
        op = net.ops[i]
        x, y = tail(workspace, op.x * capacity), tail(workspace, op.y * capacity)
        if i == 0 and net.plan.pair_values >= 0:
            forward_pairs(net, op, rows)
        elif op.code == DENSE:
            w, b = tail(parameters, op.weights), tail(parameters, op.bias)
            dense_forward_block(y, x, capacity, w, b, rows, op.fan_in, op.fan_out)
        elif op.code == RELU:
            relu_forward_columns(y, x, capacity, rows, op.fan_out)
        elif op.code == SOFTMAX:
            p, room = panel(y), padded(op.fan_out, y)
            for r in range(rows):
                softmax_forward_row(tail(y, r * p), tail(x, r * p), capacity * p, op.fan_out, room)
        else:
            forward_other(net, random_key, op, rows, training)


@inner(unless_dense="net")
def forward_pairs(net, op, rows):
    y, pairs = tail(net.workspace, op.y * net.plan.capacity), pairs_of(net.workspace, net.plan, op.fan_in)
    w, b = tail(net.parameters, op.weights), tail(net.parameters, op.bias)
    multiply_pairs(y, net.plan.capacity, b, pairs, w, rows, op.fan_in, op.fan_out)


@inner
def relu_forward_columns(y, x, capacity, rows, width):
    for c in range(0, width, panel(y)):
        relu_forward_span(tail(y, c * capacity), tail(x, c * capacity), rows * panel(y))


@inner(unless_core="net")
def forward_other(net, random_key, op, rows, training):
    parameters, workspace, capacity = net.parameters, net.workspace, net.plan.capacity
    x, y, width = tail(workspace, op.x * capacity), tail(workspace, op.y * capacity), op.fan_out
    w, b = tail(parameters, op.weights), tail(parameters, op.bias)
    if op.code == ACTIVATION:
        activation_forward_columns(y, x, capacity, rows, width, op.kind, op.alpha)
    elif op.code == CUSTOM:
        slopes = tail(workspace, op.other * capacity)
        custom_forward_columns(y, slopes, x, capacity, rows, width, op.kind, training)
    elif op.code == BATCH_NORM and training and op.kind > 0:
        means, inverses = tail(net.statistics, op.means), tail(net.statistics, op.variances)
        batch_norm_forward_columns(y, x, capacity, w, b, means, inverses, rows, width)
    elif op.code == BATCH_NORM:
        means, variances = tail(parameters, op.means), tail(parameters, op.variances)
        normalize_columns(y, x, capacity, w, b, means, variances, op.alpha, rows, width)
    elif op.code == LAYER_NORM:
        p, standard = panel(y), tail(workspace, op.other * capacity)
        for r in range(rows):
            at = r * p
            layer_norm_forward_row(tail(y, at), tail(standard, at), tail(x, at), capacity * p, w, b, op.alpha, width)
    elif op.code == DROPOUT and training:
        dropout_columns(y, x, capacity, op.alpha, op.kind, random_key, rows, width)
    elif op.code == NOISE and training:
        noise_columns(y, x, capacity, op.alpha, op.kind, random_key, rows, width)
    elif op.code == SCALE:
        scaled_columns(y, x, capacity, w, b, rows, width)
    elif op.code == ADD:
        add_columns(y, x, tail(workspace, op.other * capacity), capacity, rows, width)
    elif op.x != op.y:
        copy_columns(y, x, capacity, rows, width)


@inner
def activation_forward_columns(y, x, capacity, rows, width, kind, alpha):
    """Apply an activation. Columns that fill the last panel stay 0, because some functions are not 0 at 0."""
    p = panel(y)
    for c in range(0, width, p):
        activation_forward_span(tail(y, c * capacity), tail(x, c * capacity), rows * p, kind, alpha)
    clear_filling(y, capacity, rows, width)


@inner
def clear_filling(y, capacity, rows, width):
    """Write 0 into the columns that fill the last panel."""
    p = panel(y)
    for c in range(width, padded(width, y)):
        for r in range(rows):
            y[column_at(y, capacity * p, c) + r * p] = 0.0


@inner
def custom_forward_columns(y, slopes, x, capacity, rows, width, function, training):
    """Apply the user's activation; training also needs its slopes, and computes them while x is in the cache."""
    p = panel(y)
    for c in range(0, width, p):
        at = c * capacity
        custom_forward_span(tail(y, at), tail(slopes, at), tail(x, at), rows * p, function, training)
    clear_filling(y, capacity, rows, width)
    if training:
        clear_filling(slopes, capacity, rows, width)


@inner
def add_columns(y, a, b, capacity, rows, width):
    p = panel(y)
    for c in range(0, width, p):
        for i in range(c * capacity, c * capacity + rows * p, lanes(y)):
            store(y, i, load(a, i) + load(b, i))


@inner
def copy_columns(y, x, capacity, rows, width):
    p = panel(y)
    for c in range(0, width, p):
        for i in range(c * capacity, c * capacity + rows * p, lanes(y)):
            store(y, i, load(x, i))


# ---------------------------------------------------------------- backward


@inner
def backward_block(net, random_key, last_op, first_op, rows, batch):
    """Compute the gradient of every input that needs one: operations last_op - 1 to first_op."""
    workspace, capacity = net.workspace, net.plan.capacity
    scratch = tail(workspace, net.plan.columns * capacity)
    for i in range(last_op - 1, first_op - 1, -1):
        op = net.ops[i]
        if op.dx < 0:
            continue
        y, dx, dy = (
            tail(workspace, op.y * capacity),
            tail(workspace, op.dx * capacity),
            tail(workspace, op.dy * capacity),
        )
        if op.code == DENSE:
            w = tail(net.parameters, op.weights)
            dense_backward_inputs_block(dx, dy, capacity, w, scratch, rows, op.fan_in, op.fan_out)
        elif op.code == RELU:
            relu_backward_columns(dx, dy, y, capacity, rows, op.fan_out)
        elif op.code == SOFTMAX:
            p, room = panel(y), padded(op.fan_out, y)
            for r in range(rows):
                softmax_backward_row(tail(dx, r * p), tail(dy, r * p), tail(y, r * p), capacity * p, op.fan_out, room)
        else:
            backward_other(net, random_key, op, rows, batch)


@inner
def relu_backward_columns(dx, dy, y, capacity, rows, width):
    for c in range(0, width, panel(y)):
        at = c * capacity
        relu_backward_span(tail(dx, at), tail(dy, at), tail(y, at), rows * panel(y))


@inner(unless_core="net")
def backward_other(net, random_key, op, rows, batch):
    parameters, statistics, workspace, capacity = net.parameters, net.statistics, net.workspace, net.plan.capacity
    x, y, width = tail(workspace, op.x * capacity), tail(workspace, op.y * capacity), op.fan_out
    dx, dy = tail(workspace, op.dx * capacity), tail(workspace, op.dy * capacity)
    w = tail(parameters, op.weights)
    if op.code == ACTIVATION:
        activation_backward_columns(dx, dy, x, y, capacity, rows, width, op.kind, op.alpha)
    elif op.code == CUSTOM:
        multiply_columns(dx, dy, tail(workspace, op.other * capacity), capacity, rows, width)
    elif op.code == BATCH_NORM and op.kind > 0:
        dw, db = tail(statistics, op.other), tail(statistics, op.d_other)
        means, inverses = tail(statistics, op.means), tail(statistics, op.variances)
        batch_norm_backward_columns(dx, dy, x, capacity, w, dw, db, means, inverses, batch, rows, width)
    elif op.code == BATCH_NORM:
        scale_columns(dx, dy, capacity, w, tail(parameters, op.variances), op.alpha, rows, width)
    elif op.code == LAYER_NORM:
        p, standard = panel(y), tail(workspace, op.other * capacity)
        for r in range(rows):
            at = r * p
            layer_norm_backward_row(
                tail(dx, at), tail(dy, at), tail(standard, at), tail(x, at), capacity * p, w, op.alpha, width
            )
    elif op.code == DROPOUT:
        dropout_columns(dx, dy, capacity, op.alpha, op.kind, random_key, rows, width)
    elif op.code == SCALE:
        scaled_columns(dx, dy, capacity, w, w[:0], rows, width)
    elif op.code == FORK:
        add_columns(dx, dx, tail(workspace, op.d_other * capacity), capacity, rows, width)
    elif op.dx != op.dy:
        copy_columns(dx, dy, capacity, rows, width)


@inner
def activation_backward_columns(dx, dy, x, y, capacity, rows, width, kind, alpha):
    p = panel(y)
    for c in range(0, width, p):
        at = c * capacity
        activation_backward_span(tail(dx, at), tail(dy, at), tail(x, at), tail(y, at), rows * p, kind, alpha)


@inner
def multiply_columns(dx, dy, slopes, capacity, rows, width):
    p = panel(dx)
    for c in range(0, width, p):
        for i in range(c * capacity, c * capacity + rows * p, lanes(dx)):
            store(dx, i, load(dy, i) * load(slopes, i))
