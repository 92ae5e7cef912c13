"""One block of batch rows: gathered, forward through the operations of a program, and backward (its loss is in
`row_losses`).

Kernels for core operations alone (a dense layer, ReLU, softmax, their cross-entropy) leave out what is marked
``unless_core``.

Blocks take what belongs together as a tuple:
    net = (parameters, statistics, ops, plan, scope); ``statistics`` holds those of the batch, at the places that the
        running ones have in the parameters; ``scope`` is the array whose type says which operations there are
    data = (x, pixels, pixel_scale, labels, targets, row_weights, order), matrices flattened
    chance = (seed, epoch, first): what random layers depend on
"""

from ..._base.tables import (
    ACTIVATION,
    ADD,
    ALPHA,
    BATCH_NORM,
    BIAS,
    CAPACITY,
    CODE,
    COLUMNS,
    D_OTHER,
    DENSE,
    DROPOUT,
    DX,
    DY,
    FAN_IN,
    FAN_OUT,
    FORK,
    INPUT,
    KIND,
    LAYER_NORM,
    MEAN,
    NOISE,
    OTHER,
    RELU,
    SOFTMAX,
    VARIANCE,
    WEIGHTS,
    X,
    Y,
)
from ..._compiling.jit import block
from ..activations import activation_backward_span, activation_forward_span, relu_backward_span, relu_forward_span
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
from ..simd import fraction, lanes, load, panel, prefetch, store
from ..softmax import column_at, softmax_backward_row, softmax_forward_row

# ---------------------------------------------------------------- gathering


@block
def gather_block(workspace, base, net, data, first, rows):
    """Bring rows of the data set, float or uint8, into the block's input columns."""
    _, _, ops, plan, _ = net
    x, pixels, pixel_scale, labels, _, _, order = data
    capacity, width = plan[CAPACITY], ops[0, FAN_IN]
    if labels.size > 0:
        prefetch_labels(labels, order, first, rows)
    at = base + plan[INPUT] * capacity
    if pixels.size > 0:
        gather_pixels(workspace, at, capacity, pixels, width, order, first, rows, pixel_scale)
    else:
        gather_rows(workspace, at, capacity, x, width, order, first, rows)


@block
def prefetch_labels(labels, order, first, rows):
    """Rows come in random order, so their labels are far away when the loss needs them."""
    for r in range(rows):
        prefetch(labels, source_row(order, first + r))


# ---------------------------------------------------------------- forward


@block
def forward_block(workspace, base, net, chance, first_op, last_op, rows, training):
    parameters, _, ops, plan, scope = net
    capacity = plan[CAPACITY]
    for i in range(first_op, last_op):
        code = ops[i, CODE]
        fan_in, fan_out = ops[i, FAN_IN], ops[i, FAN_OUT]
        x = base + ops[i, X] * capacity
        y = base + ops[i, Y] * capacity
        w, b = ops[i, WEIGHTS], ops[i, BIAS]
        if code == DENSE:
            dense_forward_block(
                workspace, y, workspace, x, capacity, parameters, w, parameters, b, rows, fan_in, fan_out
            )
        elif code == RELU:
            relu_forward_columns(workspace, y, x, capacity, rows, fan_out)
        elif code == SOFTMAX:
            p, room = panel(workspace), padded(fan_out, workspace)
            for r in range(rows):
                softmax_forward_row(workspace, y + r * p, workspace, x + r * p, capacity * p, fan_out, room)
        else:
            forward_other(workspace, base, net, chance, i, rows, training, scope)


@block
def relu_forward_columns(workspace, y, x, capacity, rows, width):
    for c in range(0, width, panel(workspace)):
        at = c * capacity
        relu_forward_span(workspace, y + at, workspace, x + at, rows * panel(workspace))


@block(unless_core="scope")
def forward_other(workspace, base, net, chance, i, rows, training, scope):
    parameters, statistics, ops, plan, _ = net
    capacity, width, code, kind = plan[CAPACITY], ops[i, FAN_OUT], ops[i, CODE], ops[i, KIND]
    x, y = base + ops[i, X] * capacity, base + ops[i, Y] * capacity
    w, b, mean, variance = ops[i, WEIGHTS], ops[i, BIAS], ops[i, MEAN], ops[i, VARIANCE]
    other, alpha = base + ops[i, OTHER] * capacity, fraction(ops[i, ALPHA])
    if code == ACTIVATION:
        activation_forward_columns(workspace, y, x, capacity, rows, width, kind, alpha)
    elif code == BATCH_NORM and training and kind > 0:
        batch_norm_forward_columns(
            workspace,
            y,
            workspace,
            x,
            capacity,
            parameters,
            w,
            parameters,
            b,
            statistics,
            mean,
            statistics,
            variance,
            rows,
            width,
        )
    elif code == BATCH_NORM:
        normalize_columns(
            workspace,
            y,
            workspace,
            x,
            capacity,
            parameters,
            w,
            parameters,
            b,
            parameters,
            mean,
            parameters,
            variance,
            alpha,
            rows,
            width,
        )
    elif code == LAYER_NORM:
        p = panel(workspace)
        for r in range(rows):
            to, hat, of = y + r * p, other + r * p, x + r * p
            layer_norm_forward_row(
                workspace, to, workspace, hat, workspace, of, capacity * p, parameters, w, parameters, b, alpha, width
            )
    elif code == DROPOUT and training:
        dropout_columns(workspace, y, workspace, x, capacity, alpha, kind, chance, rows, width)
    elif code == NOISE and training:
        noise_columns(workspace, y, workspace, x, capacity, alpha, kind, chance, rows, width)
    elif code == ADD:
        add_columns(workspace, y, x, other, capacity, rows, width)
    elif x != y:
        copy_columns(workspace, y, x, capacity, rows, width)


@block
def activation_forward_columns(workspace, y, x, capacity, rows, width, kind, alpha):
    """The columns that fill up the last panel stay 0, as some functions are not 0 at 0."""
    p = panel(workspace)
    for c in range(0, width, p):
        at = c * capacity
        activation_forward_span(workspace, y + at, workspace, x + at, rows * p, kind, alpha)
    clear_padding(workspace, y, capacity, rows, width)


@block
def clear_padding(workspace, y, capacity, rows, width):
    p = panel(workspace)
    for c in range(width, padded(width, workspace)):
        for r in range(rows):
            workspace[column_at(workspace, y + r * p, capacity * p, c)] = 0.0


@block
def add_columns(workspace, y, a, b, capacity, rows, width):
    p = panel(workspace)
    for c in range(0, width, p):
        for i in range(c * capacity, c * capacity + rows * p, lanes(workspace)):
            store(workspace, y + i, load(workspace, a + i) + load(workspace, b + i))


@block
def copy_columns(workspace, y, x, capacity, rows, width):
    p = panel(workspace)
    for c in range(0, width, p):
        for i in range(c * capacity, c * capacity + rows * p, lanes(workspace)):
            store(workspace, y + i, load(workspace, x + i))


# ---------------------------------------------------------------- backward


@block
def backward_block(workspace, base, net, chance, last_op, first_op, rows, batch):
    """From the gradient of an output to that of every input that needs one: operations last_op - 1 to first_op."""
    parameters, _, ops, plan, scope = net
    capacity = plan[CAPACITY]
    scratch = base + plan[COLUMNS] * capacity
    for i in range(last_op - 1, first_op - 1, -1):
        if ops[i, DX] < 0:
            continue
        code = ops[i, CODE]
        fan_in, fan_out = ops[i, FAN_IN], ops[i, FAN_OUT]
        y = base + ops[i, Y] * capacity
        dx = base + ops[i, DX] * capacity
        dy = base + ops[i, DY] * capacity
        w = ops[i, WEIGHTS]
        if code == DENSE:
            dense_backward_inputs_block(
                workspace,
                dx,
                workspace,
                dy,
                capacity,
                parameters,
                w,
                workspace,
                scratch,
                rows,
                fan_in,
                fan_out,
            )
        elif code == RELU:
            relu_backward_columns(workspace, dx, dy, y, capacity, rows, fan_out)
        elif code == SOFTMAX:
            p, room = panel(workspace), padded(fan_out, workspace)
            for r in range(rows):
                to, dyr, yr = dx + r * p, dy + r * p, y + r * p
                softmax_backward_row(workspace, to, workspace, dyr, workspace, yr, capacity * p, fan_out, room)
        else:
            backward_other(workspace, base, net, chance, i, rows, batch, scope)


@block
def relu_backward_columns(workspace, dx, dy, y, capacity, rows, width):
    for c in range(0, width, panel(workspace)):
        at = c * capacity
        count = rows * panel(workspace)
        relu_backward_span(workspace, dx + at, workspace, dy + at, workspace, y + at, count)


@block(unless_core="scope")
def backward_other(workspace, base, net, chance, i, rows, batch, scope):
    parameters, statistics, ops, plan, _ = net
    capacity, width, code, kind = plan[CAPACITY], ops[i, FAN_OUT], ops[i, CODE], ops[i, KIND]
    x, y = base + ops[i, X] * capacity, base + ops[i, Y] * capacity
    dx, dy = base + ops[i, DX] * capacity, base + ops[i, DY] * capacity
    w, mean, variance = ops[i, WEIGHTS], ops[i, MEAN], ops[i, VARIANCE]
    other, alpha = ops[i, OTHER], fraction(ops[i, ALPHA])
    if code == ACTIVATION:
        activation_backward_columns(workspace, dx, dy, x, y, capacity, rows, width, kind, alpha)
    elif code == BATCH_NORM and kind > 0:
        batch_norm_backward_columns(
            workspace,
            dx,
            workspace,
            dy,
            workspace,
            x,
            capacity,
            parameters,
            w,
            statistics,
            other,
            statistics,
            ops[i, D_OTHER],
            statistics,
            mean,
            statistics,
            variance,
            batch,
            rows,
            width,
        )
    elif code == BATCH_NORM:
        scale_columns(workspace, dx, workspace, dy, capacity, parameters, w, parameters, variance, alpha, rows, width)
    elif code == LAYER_NORM:
        p, standard = panel(workspace), base + other * capacity
        for r in range(rows):
            to, dyr, hat, of = dx + r * p, dy + r * p, standard + r * p, x + r * p
            layer_norm_backward_row(
                workspace, to, workspace, dyr, workspace, hat, workspace, of, capacity * p, parameters, w, alpha, width
            )
    elif code == DROPOUT:
        dropout_columns(workspace, dx, workspace, dy, capacity, alpha, kind, chance, rows, width)
    elif code == FORK:
        add_columns(workspace, dx, dx, base + ops[i, D_OTHER] * capacity, capacity, rows, width)
    elif dx != dy:
        copy_columns(workspace, dx, dy, capacity, rows, width)


@block
def activation_backward_columns(workspace, dx, dy, x, y, capacity, rows, width, kind, alpha):
    p = panel(workspace)
    for c in range(0, width, p):
        at = c * capacity
        activation_backward_span(
            workspace, dx + at, workspace, dy + at, workspace, x + at, workspace, y + at, rows * p, kind, alpha
        )
