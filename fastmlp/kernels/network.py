"""Runs a whole network program: many training steps, or a forward pass, in one call.

A forward pass is one parallel region: each iteration takes its share of the rows, block after block through the same
piece of workspace, which stays in the second-level cache.

A training step has two parallel regions. In the first, each block of batch rows is gathered, goes forward
through all operations, gets its loss, and goes backward to every gradient of an activation, while its numbers
are hot in cache. In the second, each block of weights gets its gradient, summed over all rows in batch order,
and its optimiser update. Both own what they write, so nothing depends on the number of threads.

See `tables` for the meaning of the tables, and `fastmlp.program` for the writer of them.
"""

import numpy as np

from .._jit import block, kernel, prange
from .activations import relu_backward_span, relu_forward_span
from .dense import (
    dense_backward_bias_block,
    dense_backward_inputs_block,
    dense_backward_weights_block,
    dense_forward_block,
)
from .layout import BYTES_IN_LINE, gather_pixels, gather_rows, padded, scatter_rows, source_row
from .losses import softmax_crossentropy_row, sparse_softmax_crossentropy_row
from .optimizers import adam_scalars, adam_span, sgd_span
from .simd import flush_denormals, lanes, load, panel, prefetch, prefetch_to_write, restore_mode, splat, sum_lanes
from .softmax import first_maximum, softmax_backward_row, softmax_forward_row
from .tables import (
    ADAM,
    BACKWARD,
    BATCH_SIZE,
    BETA_1,
    BETA_2,
    BIAS,
    BLOCK_ROWS,
    BLOCK_SIZE,
    BLOCKS,
    CAPACITY,
    CODE,
    COLUMNS,
    DENSE,
    DLOGITS,
    DX,
    DY,
    EPSILON,
    FAN_IN,
    FAN_OUT,
    FORWARD,
    GATHER,
    GRADIENTS,
    INPUT,
    LOGITS,
    LOSS,
    NETWORK_HEAD,
    NETWORK_OPS,
    OP_FIELDS,
    OPTIMIZER,
    PLAN_FIELDS,
    RELU,
    SGD,
    SOFTMAX,
    TRAINED_OPS,
    UNIT_OP,
    UNIT_PANEL,
    UNIT_ROW,
    UNIT_ROWS,
    UPDATE,
    WEIGHTS,
    X,
    Y,
)
from .timing import lap, start_lap

# Blocks take what belongs together as a tuple:
#   net = (parameters, ops, plan)
#   data = (x, pixels, pixel_scale, labels, targets, order), matrices flattened

# ---------------------------------------------------------------- one block of rows


@block
def gather_block(workspace, base, net, data, first, rows):
    """Bring rows of the data set, float or uint8, into the block's input columns."""
    _, ops, plan = net
    x, pixels, pixel_scale, labels, _, order = data
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


@block
def forward_block(workspace, base, net, n_ops, rows):
    parameters, ops, plan = net
    capacity = plan[CAPACITY]
    for i in range(n_ops):
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


@block
def backward_block(workspace, base, net, rows):
    """From the gradient of the last output to the gradient of every operation's input that needs one."""
    parameters, ops, plan = net
    capacity = plan[CAPACITY]
    scratch = base + plan[COLUMNS] * capacity
    for i in range(plan[TRAINED_OPS] - 1, -1, -1):
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


@block
def relu_forward_columns(workspace, y, x, capacity, rows, width):
    for c in range(0, width, panel(workspace)):
        at = c * capacity
        relu_forward_span(workspace, y + at, workspace, x + at, rows * panel(workspace))


@block
def relu_backward_columns(workspace, dx, dy, y, capacity, rows, width):
    for c in range(0, width, panel(workspace)):
        at = c * capacity
        count = rows * panel(workspace)
        relu_backward_span(workspace, dx + at, workspace, dy + at, workspace, y + at, count)


@block
def loss_block(row_losses, row_correct, slot, workspace, base, net, data, first, rows, scale):
    """Loss and hit of each row, and the gradient of the logits, which may overwrite the logits."""
    _, ops, plan = net
    _, _, _, labels, targets, order = data
    p = panel(workspace)
    capacity, classes = plan[CAPACITY], ops[plan[TRAINED_OPS] - 1, FAN_OUT]
    jump, room = capacity * p, padded(classes, workspace)
    for r in range(rows):
        logits = base + plan[LOGITS] * capacity + r * p
        dlogits = base + plan[DLOGITS] * capacity + r * p
        row = source_row(order, first + r)
        guess = first_maximum(workspace, logits, jump, classes, room)
        if targets.size > 0:
            row_correct[slot + r] = guess == first_maximum(targets, row * classes, p, classes, classes)
            row_losses[slot + r] = softmax_crossentropy_row(
                workspace, dlogits, workspace, logits, jump, targets, row * classes, classes, room, scale
            )
        else:
            row_correct[slot + r] = guess == labels[row]
            row_losses[slot + r] = sparse_softmax_crossentropy_row(
                workspace, dlogits, workspace, logits, jump, classes, room, labels[row], scale
            )


@block
def train_block(row_losses, row_correct, slot, workspace, timers, q, net, data, first, rows, scale):
    """Region 1 for block q: positions ``first`` and following of the epoch; results go to row_losses[slot:]."""
    mode = flush_denormals()
    _, _, plan = net
    base = q * plan[BLOCK_SIZE]
    time = start_lap(timers)
    gather_block(workspace, base, net, data, first, rows)
    time = lap(timers, 1 + q, GATHER, time)
    forward_block(workspace, base, net, plan[TRAINED_OPS], rows)
    time = lap(timers, 1 + q, FORWARD, time)
    loss_block(row_losses, row_correct, slot, workspace, base, net, data, first, rows, scale)
    time = lap(timers, 1 + q, LOSS, time)
    backward_block(workspace, base, net, rows)
    lap(timers, 1 + q, BACKWARD, time)
    restore_mode(mode)


# ---------------------------------------------------------------- one block of weights


@block
def prefetch_span(parameters, state, start, count, optimizer):
    """Bring what an update will change into the first-level cache, and away from other cores, ahead of it."""
    n = parameters.size
    for i in range(start, start + count, BYTES_IN_LINE // parameters.itemsize):
        prefetch_to_write(parameters, i)
        if optimizer == ADAM:
            prefetch_to_write(state, i)
            prefetch_to_write(state, n + i)


@block
def update_span(parameters, state, start, gradients, at, count, optimizer, settings, rate, small):
    """Update parameters[start:] from gradients[at:]."""
    n = parameters.size
    if optimizer == SGD:
        sgd_span(parameters, start, gradients, at, count, rate)
    elif optimizer == ADAM:
        b1, b2 = settings[BETA_1], settings[BETA_2]
        adam_span(parameters, start, state, start, state, n + start, gradients, at, count, rate, b1, b2, small)


@block
def weights_block(parameters, state, gradients, workspace, timers, program, u, rows, round, rate, small):
    """Region 2 for weight block u: its gradient over ``rows`` rows, and its update once the batch is complete.

    Piece by piece of one panel's rows, so that a gradient is used while it is in the first-level cache. A batch
    that runs in rounds keeps its gradients from one to the next; otherwise all pieces write to the same place.
    """
    mode = flush_denormals()
    ops, units, plan, settings = program
    resume, complete, in_rounds = round
    p, optimizer = panel(parameters), plan[OPTIMIZER]
    op, j, k0, count = units[u, UNIT_OP], units[u, UNIT_PANEL], units[u, UNIT_ROW], units[u, UNIT_ROWS]
    block_rows, capacity, jump = plan[BLOCK_ROWS], plan[CAPACITY], plan[BLOCK_SIZE]
    w, b = ops[op, WEIGHTS] + j * p * ops[op, FAN_IN], ops[op, BIAS]
    x, dy = ops[op, X] * capacity, (ops[op, DY] + j * p) * capacity
    time = start_lap(timers)
    for k in range(k0, k0 + count, p):
        here, at = min(p, k0 + count - k), w + k * p
        to = at if in_rounds else w + k0 * p
        if complete and k + p < k0 + count:
            prefetch_span(parameters, state, at + p * p, min(p, k0 + count - k - p) * p, optimizer)
        dense_backward_weights_block(
            gradients, to, resume, workspace, x + k * capacity, workspace, dy, block_rows, jump, rows, here
        )
        time = lap(timers, 1 + u, GRADIENTS, time)
        if complete:
            update_span(parameters, state, at, gradients, to, here * p, optimizer, settings, rate, small)
        time = lap(timers, 1 + u, UPDATE, time)
    if k0 == 0 and b >= 0:
        at = b + j * p
        dense_backward_bias_block(gradients, at, resume, workspace, dy, block_rows, jump, rows)
        time = lap(timers, 1 + u, GRADIENTS, time)
        if complete:
            update_span(parameters, state, at, gradients, at, p, optimizer, settings, rate, small)
        lap(timers, 1 + u, UPDATE, time)
    restore_mode(mode)


@block
def step_scalars(optimizer, settings, learning_rate, step):
    """The two numbers of an update that are the same for all parameters."""
    if optimizer == ADAM:
        return adam_scalars(learning_rate, settings[BETA_1], settings[BETA_2], settings[EPSILON], step)
    return learning_rate, 0.0


# ---------------------------------------------------------------- entry points


@kernel(
    "parameters[n], state[s], gradients[n], workspace[w], row_losses[slots], row_correct[slots] int64, "
    "losses[batches] float64, correct[batches] int64, timers[n_timers] int8 = "
    "x[m, fan_in], pixels[m8, fan_in] uint8, labels[ml] int64, targets[mt, classes], order[rows] int64, "
    "ops[n_ops, op_fields] int64, units[n_units, unit_fields] int64, plan[plan_fields] int64 writable, "
    "settings[settings_fields] float64, learning_rates[batches] float64, pixel_scale float, "
    "first_batch int, step int"
)
def train_batches(
    parameters,
    state,
    gradients,
    workspace,
    row_losses,
    row_correct,
    losses,
    correct,
    timers,
    x,
    pixels,
    labels,
    targets,
    order,
    ops,
    units,
    plan,
    settings,
    learning_rates,
    pixel_scale,
    first_batch,
    step,
):
    """Train on some batches of an epoch; returns how many were trained.

    Fewer than asked for means that the loss of the next one is not finite: then its update was not made.

    Parameters
    ----------
    parameters, state, gradients : ndarray, shapes (n,), (slots * n,), (n,)
        The network's flat buffers, updated in place.
    workspace : ndarray, shape (BLOCKS * BLOCK_SIZE,)
        Zero at first: columns beyond a layer's width are read, and never written.
    row_losses, row_correct : ndarray, shape (at least the batch size,)
        Scratch space.
    losses, correct : ndarray of float64 and int64, shape (batches,)
        Overwritten: mean loss and number of right answers of each batch.
    timers : ndarray of int8, shape (0,)
        `train_batches_timed` takes int64 here, and adds ticks of the CPU's clock: to the first number those of the
        call, then from number PHASES on those of each phase (see `tables`), a row of PHASES for each block of rows, and
        the same rows for blocks of weights.
    x, pixels : array_like of real and uint8, shape (m, features)
        The data set; one of the two has no rows. Pixels are multiplied by ``pixel_scale``.
    labels, targets : array_like of int64 and real, shapes (m,) and (m, classes)
        Class numbers or target rows; one of the two has no rows.
    order : array_like of int64, shape (rows,)
        The row numbers of the whole epoch. Batch i holds rows order[i * size : (i + 1) * size].
    ops, units, plan, settings
        The program, see `fastmlp.kernels.tables`.
    learning_rates : array_like of float64, shape (batches,)
        One for each batch of this call.
    first_batch, step : int
        Number of the first batch within the epoch, and of optimiser steps made so far.
    """
    x_flat, pixels_flat, targets_flat = x.reshape(x.size), pixels.reshape(pixels.size), targets.reshape(targets.size)
    block_rows = plan[BLOCK_ROWS]
    most = plan[BLOCKS] * block_rows
    began = start_lap(timers)
    for i in range(learning_rates.size):
        first = (first_batch + i) * plan[BATCH_SIZE]
        count = min(plan[BATCH_SIZE], order.size - first)
        scale = 1.0 / count
        rate, small = step_scalars(plan[OPTIMIZER], settings, learning_rates[i], step + i + 1)
        for start in range(0, count, most):
            rows = min(most, count - start)
            for q in prange((rows + block_rows - 1) // block_rows):
                net = (parameters, ops, plan)
                data = (x_flat, pixels_flat, pixel_scale, labels, targets_flat, order)
                q64 = np.int64(q)  # numba types a parallel index twice, differently, and would compile twice
                slot, here = start + q64 * block_rows, min(block_rows, rows - q64 * block_rows)
                train_block(row_losses, row_correct, slot, workspace, timers, q64, net, data, first + slot, here, scale)
            complete = start + rows == count
            if complete and not summarize(losses, correct, row_losses, row_correct, i, count):
                return i
            for u in prange(units.shape[0]):
                program = (ops, units, plan, settings)
                u64, round = np.int64(u), (start > 0, complete, count > most)
                weights_block(parameters, state, gradients, workspace, timers, program, u64, rows, round, rate, small)
    lap(timers, 0, 0, began)
    return learning_rates.size


train_batches_timed = train_batches.redeclared("train_batches_timed", "timers[n_timers] int8", "timers[n_timers] int64")


@block
def summarize(losses, correct, row_losses, row_correct, i, count):
    """Mean loss, in float64 and in row order, and hits of one batch; whether the loss is finite."""
    total, hits = 0.0, 0
    for r in range(count):
        total += row_losses[r]
        hits += row_correct[r]
    losses[i] = total / count
    correct[i] = hits
    return np.isfinite(total)


@kernel(
    "row_losses[rows], row_correct[rows] int64, workspace[w] = "
    "parameters[n] writable, x[m, fan_in], pixels[m8, fan_in] uint8, labels[ml] int64, targets[mt, classes], "
    "order[no] int64, ops[n_ops, op_fields] int64, plan[plan_fields] int64 writable, pixel_scale float"
)
def evaluate_batches(
    row_losses, row_correct, workspace, parameters, x, pixels, labels, targets, order, ops, plan, pixel_scale
):
    """Loss and hit of every row of a data set.

    Parameters
    ----------
    row_losses, row_correct : ndarray of real and int64, shape (rows,)
        Overwritten: the loss of each row, and 1 where the largest logit is the label's, else 0.
    workspace : ndarray, shape (BLOCKS * BLOCK_SIZE,)
        Zero at first.
    parameters, x, pixels, labels, targets, ops, plan, pixel_scale
        As in `train_batches`.
    order : array_like of int64, shape (rows,) or (0,)
        Rows to evaluate; empty for all as they stand.
    """
    x_flat, pixels_flat, targets_flat = x.reshape(x.size), pixels.reshape(pixels.size), targets.reshape(targets.size)
    rows, block_rows = row_losses.size, plan[BLOCK_ROWS]
    blocks = (rows + block_rows - 1) // block_rows
    for q in prange(plan[BLOCKS]):
        net = (parameters, ops, plan)
        data = (x_flat, pixels_flat, pixel_scale, labels, targets_flat, order)
        q64 = np.int64(q)
        for b in range(q64 * blocks // plan[BLOCKS], (q64 + 1) * blocks // plan[BLOCKS]):
            first = b * block_rows
            evaluate_block(row_losses, row_correct, workspace, q64, net, data, first, min(block_rows, rows - first))


@block
def evaluate_block(row_losses, row_correct, workspace, q, net, data, first, rows):
    mode = flush_denormals()
    _, _, plan = net
    base = q * plan[BLOCK_SIZE]
    gather_block(workspace, base, net, data, first, rows)
    forward_block(workspace, base, net, plan[TRAINED_OPS], rows)
    loss_block(row_losses, row_correct, first, workspace, base, net, data, first, rows, 1.0)
    restore_mode(mode)


@kernel(
    "outputs[rows, classes], workspace[w] = parameters[n] writable, x[m, fan_in], pixels[m8, fan_in] uint8, "
    "order[no] int64, ops[n_ops, op_fields] int64, plan[plan_fields] int64 writable, pixel_scale float"
)
def predict_batches(outputs, workspace, parameters, x, pixels, order, ops, plan, pixel_scale):
    """The network's output for every row of a data set.

    Parameters
    ----------
    outputs : ndarray, shape (rows, classes)
        Overwritten. The same bits for a row, whatever rows are beside it. NaN for a row that has a NaN or an infinity.
    workspace : ndarray, shape (BLOCKS * BLOCK_SIZE,)
        Zero at first.
    parameters, x, pixels, ops, plan, pixel_scale
        As in `train_batches`.
    order : array_like of int64, shape (rows,) or (0,)
        Rows to predict; empty for all as they stand.
    """
    x_flat, pixels_flat, outputs_flat = x.reshape(x.size), pixels.reshape(pixels.size), outputs.reshape(outputs.size)
    rows, block_rows = outputs.shape[0], plan[BLOCK_ROWS]
    blocks = (rows + block_rows - 1) // block_rows
    for q in prange(plan[BLOCKS]):
        net = (parameters, ops, plan)
        # No labels or targets: two arrays in their place.
        data = (x_flat, pixels_flat, pixel_scale, order, x_flat, order)
        q64 = np.int64(q)
        for b in range(q64 * blocks // plan[BLOCKS], (q64 + 1) * blocks // plan[BLOCKS]):
            first = b * block_rows
            predict_block(outputs_flat, workspace, q64, net, data, first, min(block_rows, rows - first))


@block
def predict_block(outputs, workspace, q, net, data, first, rows):
    mode = flush_denormals()
    _, ops, plan = net
    base, capacity, n_ops = q * plan[BLOCK_SIZE], plan[CAPACITY], ops.shape[0]
    gather_block(workspace, base, net, data, first, rows)
    forward_block(workspace, base, net, n_ops, rows)
    y, width = base + ops[n_ops - 1, Y] * capacity, ops[n_ops - 1, FAN_OUT]
    scatter_rows(outputs, width, first, workspace, y, capacity, rows)
    mark_unusable_rows(outputs, width, first, workspace, base + plan[INPUT] * capacity, capacity, rows, ops[0, FAN_IN])
    restore_mode(mode)


@block
def mark_unusable_rows(outputs, width, first, workspace, x, capacity, rows, fan_in):
    """NaN for the output of each row whose input has a NaN or an infinity, which a ReLU might have hidden."""
    p = panel(workspace)
    for r in range(rows):
        total = splat(workspace, 0.0)  # of x · 0, which is 0 for every finite x
        for c in range(0, fan_in, lanes(workspace)):
            total = total + load(workspace, x + c // p * p * capacity + r * p + c % p) * 0.0
        if sum_lanes(total) != 0.0:
            for c in range(width):
                outputs[(first + r) * width + c] = np.nan


@kernel("outputs[rows, classes] = x[rows, fan_in], weights[n] writable, network[fields] int64")
def predict_rows(outputs, x, weights, network):
    """The network's output for some rows of real numbers, with one thread and little to hand over.

    Parameters
    ----------
    outputs : ndarray, shape (rows, classes)
        Overwritten. The same bits as from `predict_batches`.
    x : array_like, shape (rows, fan_in)
        A row with a NaN or an infinity gives NaN.
    weights : array_like, shape (n,)
        The network's flat parameter vector.
    network : array_like of int64
        The program for inference, see `fastmlp.kernels.tables`.
    """
    rows = outputs.shape[0]
    n_ops = network[NETWORK_OPS]
    ops = network[NETWORK_HEAD + PLAN_FIELDS :].reshape(n_ops, OP_FIELDS)
    plan = network[NETWORK_HEAD : NETWORK_HEAD + PLAN_FIELDS].copy()
    block_rows = max(1, min(rows, plan[BLOCK_ROWS]))
    plan[CAPACITY] = block_rows
    workspace = np.empty(plan[COLUMNS] * block_rows, outputs.dtype)
    x_flat, outputs_flat = x.reshape(x.size), outputs.reshape(outputs.size)
    no_rows = network[:0]  # of the types that the blocks of the other kernels are compiled for
    net, data = (weights, ops, plan), (x_flat, no_rows.view(np.uint8), 1.0, no_rows, x_flat, no_rows)
    for first in range(0, rows, block_rows):
        predict_block(outputs_flat, workspace, 0, net, data, first, min(block_rows, rows - first))
