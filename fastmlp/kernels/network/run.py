"""Runs a whole network program: many training steps, or a forward pass, in one call.

A forward pass is one parallel region: each iteration takes its share of the rows, block after block through the same
piece of workspace, which stays in the second-level cache.

A training step has two parallel regions. In the first, each block of batch rows is gathered, goes forward
through all operations, gets its loss, and goes backward to every gradient of an activation, while its numbers
are hot in cache (see `rows`). In the second, each block of weights gets its gradient, summed over all rows in batch
order, and its optimiser update (see `weights`). Both own what they write, so nothing depends on the number of threads.
A batch normalisation, which needs all rows, divides the first region into stages; clipping by a norm needs all
gradients, and divides the second.

See `tables` for the meaning of the tables, and `fastmlp.program` for the writer of them. The kernels follow them
without looking; calls from outside of the package are checked first, see `checks` and `verify`.
"""

import numpy as np

from ..._base.tables import (
    ACCUMULATED,
    BACKWARD,
    BACKWARD_FROM,
    BACKWARD_TO,
    BATCH_SIZE,
    BLOCK_ROWS,
    BLOCK_SIZE,
    BLOCKS,
    CAPACITY,
    COLUMNS,
    FAN_IN,
    FAN_OUT,
    FORWARD,
    FORWARD_FROM,
    FORWARD_TO,
    GATHER,
    INPUT,
    IS_LIMITED,
    IS_PLAIN,
    IS_WHOLE,
    LOSS,
    NETWORK_HEAD,
    NETWORK_OPS,
    NO_UPDATE,
    OP_FIELDS,
    OPTIMIZER,
    PLAN_FIELDS,
    ROWS,
    SETTINGS_FIELDS,
    STAGE_FIELDS,
    STAGE_KIND,
    STATISTICS_OP,
    TRAINED_OPS,
    UNIT_FIELDS,
    UNIT_SUMS,
    Y,
)
from ..._compiling.jit import block, kernel, prange
from ..layout import scatter_rows
from ..optimizers import scalars_of_step
from ..simd import flush_denormals, lanes, load, panel, restore_mode, splat, sum_lanes
from .checks import check_evaluation, check_prediction, check_prediction_of_rows, check_training
from .row_losses import loss_block
from .rows import backward_block, forward_block, gather_block
from .timing import lap, start_lap
from .weights import (
    clip_factors,
    limit_block,
    penalty_of_batch,
    statistics_block,
    update_block,
    weights_block,
)

# ---------------------------------------------------------------- training


@block
def train_block(
    row_losses, row_correct, slot, outputs, workspace, timers, q, net, stages, s, data, chance, rows, total
):
    """Stage s for block q, which begins at a position of the epoch; what each row gives goes to row_losses[slot:]."""
    mode = flush_denormals()
    _, _, _, plan, _ = net
    _, _, first = chance
    batch, scale = total
    base = q * plan[BLOCK_SIZE]
    begin, end = stages[s, FORWARD_FROM], stages[s, FORWARD_TO]
    time = start_lap(timers)
    if s == 0:
        gather_block(workspace, base, net, data, first, rows)
    time = lap(timers, 1 + q, GATHER, time)
    forward_block(workspace, base, net, chance, begin, end, rows, True)
    time = lap(timers, 1 + q, FORWARD, time)
    if begin < end and end == plan[TRAINED_OPS]:
        loss_block(row_losses, row_correct, slot, outputs, workspace, base, net, data, first, rows, scale)
    time = lap(timers, 1 + q, LOSS, time)
    backward_block(workspace, base, net, chance, stages[s, BACKWARD_FROM], stages[s, BACKWARD_TO], rows, batch)
    lap(timers, 1 + q, BACKWARD, time)
    restore_mode(mode)


@kernel(
    "parameters[n], state[s], gradients[n], workspace[w], row_losses[slots], row_correct[slots] int64, "
    f"losses[batches] float64, correct[batches] int64, sums[{UNIT_SUMS} * n_units + 2 * n_ops] float64, "
    "outputs[no, classes], timers[n_timers] int8 = "
    "x[m, fan_in], pixels[m8, fan_in] uint8, labels[ml] int64 < classes, targets[mt, classes], row_weights[mw], "
    f"order[rows] int64, ops[n_ops, {OP_FIELDS}] int64, units[n_units, {UNIT_FIELDS}] int64, "
    f"stages[n_stages, {STAGE_FIELDS}] int64, plan[{PLAN_FIELDS}] int64 writable, "
    f"settings[{SETTINGS_FIELDS}] float64, learning_rates[batches] float64, pixel_scale float, "
    f"seed int >= 0, epoch int >= 0, first_batch int >= 0, step int < {1 << 62}",
    check_training,
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
    sums,
    outputs,
    timers,
    x,
    pixels,
    labels,
    targets,
    row_weights,
    order,
    ops,
    units,
    stages,
    plan,
    settings,
    learning_rates,
    pixel_scale,
    seed,
    epoch,
    first_batch,
    step,
):
    """Train on some batches of an epoch; returns how many were trained.

    Fewer than asked for means that the loss of the next one is not finite: then its update was not made.

    This form is for core operations alone (dense, ReLU and softmax with categorical cross-entropy, plain SGD and Adam):
    `train_batches_full`, the same function, has all of them, and takes twice as long to compile.

    Parameters
    ----------
    parameters, state, gradients : ndarray, shapes (n,), (slots * n,), (n,)
        The network's flat buffers, updated in place.
    workspace : ndarray, shape (BLOCKS * BLOCK_SIZE,)
        Zero at first: columns beyond a layer's width are read, and never written.
    row_losses, row_correct : ndarray, shape (at least the batch size,)
        Scratch space.
    losses, correct : ndarray of float64 and int64, shape (batches,)
        Overwritten: mean loss, with penalties, and number of right answers of each batch.
    sums : ndarray of float64, shape (UNIT_SUMS * n_units + 2 * n_ops,)
        Scratch space.
    outputs : ndarray, shape (rows, classes) or (0, classes)
        What the loss read of each row, at its position in the epoch, where there is room for it.
    timers : ndarray of int8, shape (0,)
        `train_batches_timed` takes int64 here, and adds ticks of the CPU's clock: to the first number those of the
        call, then from number PHASES on those of each phase (see `tables`), a row of PHASES for each block of rows, and
        the same rows for blocks of weights. `train_batches_full` takes uint8.
    x, pixels : array_like of real and uint8, shape (m, features)
        The data set; one of the two has no rows. Pixels are multiplied by ``pixel_scale``.
    labels, targets : array_like of int64 and real, shapes (m,) and (m, classes)
        Class numbers or target rows; one of the two has no rows.
    row_weights : array_like of real, shape (m,) or (0,)
        Factors of the rows' losses.
    order : array_like of int64, shape (rows,)
        The row numbers of the whole epoch, from 0 to m - 1. Batch i holds rows order[i * size : (i + 1) * size].
    ops, units, stages, plan, settings
        The program, see `fastmlp.kernels.tables`. It is verified: all that it names must be inside of the arrays.
    learning_rates : array_like of float64, shape (batches,)
        One for each batch of this call.
    pixel_scale : float
        The factor for pixels.
    seed, epoch : int
        What random layers depend on, besides the row's position in the epoch.
    first_batch, step : int
        Number of the first batch within the epoch, and of batches trained so far. The epoch must have all the batches
        that the call is to train.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If arguments do not fit each other or the program, or arrays that are written overlap others.
    """
    x_flat, pixels_flat, targets_flat = x.reshape(x.size), pixels.reshape(pixels.size), targets.reshape(targets.size)
    outputs_flat = outputs.reshape(outputs.size)
    block_rows, together = plan[BLOCK_ROWS], plan[ACCUMULATED]
    most, p = plan[BLOCKS] * block_rows, panel(parameters)
    is_whole, is_limited = plan[IS_WHOLE] > 0, plan[IS_LIMITED] > 0
    began = start_lap(timers)
    for i in range(learning_rates.size):
        first = (first_batch + i) * plan[BATCH_SIZE]
        count = min(plan[BATCH_SIZE], order.size - first)
        part, scale = (step + i) % together, 1.0 / (count * together)
        update = (step + i) // together + 1
        rate, small = scalars_of_step(plan[OPTIMIZER], settings, learning_rates[i], update)
        for start in range(0, count, most):
            rows = min(most, count - start)
            blocks = (rows + block_rows - 1) // block_rows
            for s in range(stages.shape[0]):
                is_rows = stages[s, STAGE_KIND] == ROWS
                panels = (ops[stages[s, STATISTICS_OP], FAN_OUT] + p - 1) // p
                tasks = blocks if is_rows else panels  # in prange(...) itself, a condition would make the loop serial
                for q in prange(tasks):
                    q64 = np.int64(q)  # numba types a parallel index twice, differently, and would compile twice
                    if is_rows:
                        net = (parameters, gradients, ops, plan, timers)
                        data = (x_flat, pixels_flat, pixel_scale, labels, targets_flat, row_weights, order)
                        slot, here = start + q64 * block_rows, min(block_rows, rows - q64 * block_rows)
                        chance = (seed, epoch, first + slot)
                        train_block(
                            row_losses,
                            row_correct,
                            slot,
                            outputs_flat,
                            workspace,
                            timers,
                            q64,
                            net,
                            stages,
                            s,
                            data,
                            chance,
                            here,
                            (count, scale),
                        )
                    else:
                        statistics_block(parameters, gradients, workspace, ops, stages, plan, s, q64, rows, timers)
            is_last = start + rows == count
            if is_last and not summarize(losses, correct, row_losses, row_correct, i, count):
                return i
            complete = is_last and part == together - 1
            for phase in range(3):
                if not (phase == 0 or (complete and (is_whole if phase == 1 else is_limited))):
                    continue
                for u in prange(units.shape[0]):
                    program = (ops, units, plan, settings, timers)
                    u64, pace = np.int64(u), (learning_rates[i], update, rate, small)
                    if phase == 0:
                        keep = count > most or together > 1 or is_whole
                        round = (start > 0 or part > 0, complete, keep, is_last)
                        weights_block(
                            parameters, state, gradients, workspace, sums, timers, program, u64, rows, round, pace
                        )
                    elif phase == 1:
                        update_block(parameters, state, gradients, sums, program, u64, pace, timers)
                    else:
                        limit_block(parameters, state, program, u64, pace, timers)
                if phase == 0 and is_last and plan[IS_PLAIN] == 0:
                    losses[i] += penalty_of_batch(sums, units.shape[0])
                if phase == 0 and complete and plan[IS_PLAIN] == 0:
                    clip_factors(sums, (ops, units, plan, settings, timers), timers)
                    if plan[OPTIMIZER] == NO_UPDATE:
                        break
    lap(timers, 0, 0, began)
    return learning_rates.size


train_batches_timed = train_batches.redeclared("train_batches_timed", "timers[n_timers] int8", "timers[n_timers] int64")
train_batches_full = train_batches.redeclared("train_batches_full", "timers[n_timers] int8", "timers[n_timers] uint8")


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


# ---------------------------------------------------------------- forward passes


@kernel(
    "row_losses[rows], row_correct[rows] int64, outputs[no, classes], workspace[w] = "
    "parameters[n] writable, x[m, fan_in], pixels[m8, fan_in] uint8, labels[ml] int64 < classes, targets[mt, classes], "
    f"row_weights[mw], order[n_order] int64, ops[n_ops, {OP_FIELDS}] int64, plan[{PLAN_FIELDS}] int64 writable, "
    "pixel_scale float",
    check_evaluation,
)
def evaluate_batches(
    row_losses,
    row_correct,
    outputs,
    workspace,
    parameters,
    x,
    pixels,
    labels,
    targets,
    row_weights,
    order,
    ops,
    plan,
    pixel_scale,
):
    """Loss and hit of every row of a data set.

    Parameters
    ----------
    row_losses, row_correct : ndarray of real and int64, shape (rows,)
        Overwritten: the loss of each row, and how many right answers it has.
    outputs : ndarray, shape (rows, classes) or (0, classes)
        What the loss read of each row, where there is room for it.
    workspace : ndarray, shape (BLOCKS * BLOCK_SIZE,)
        Zero at first.
    parameters, x, pixels, labels, targets, row_weights, ops, plan, pixel_scale
        As in `train_batches`.
    order : array_like of int64, shape (rows,) or (0,)
        Rows to evaluate, from 0 to m - 1; empty for all as they stand.
    """
    x_flat, pixels_flat, targets_flat = x.reshape(x.size), pixels.reshape(pixels.size), targets.reshape(targets.size)
    rows, block_rows, outputs_flat = row_losses.size, plan[BLOCK_ROWS], outputs.reshape(outputs.size)
    for q in prange(plan[BLOCKS]):
        net = (parameters, parameters, ops, plan, pixels_flat)
        data = (x_flat, pixels_flat, pixel_scale, labels, targets_flat, row_weights, order)
        begin, end = share_of_rows(np.int64(q), rows, plan)
        for first in range(begin, end, block_rows):
            here = min(block_rows, end - first)
            evaluate_block(row_losses, row_correct, outputs_flat, workspace, np.int64(q), net, data, first, here)


@block
def share_of_rows(q, rows, plan):
    """The rows that share q of a forward pass takes: whole blocks, and as many as the others."""
    block_rows = plan[BLOCK_ROWS]
    blocks = (rows + block_rows - 1) // block_rows
    return q * blocks // plan[BLOCKS] * block_rows, min(rows, (q + 1) * blocks // plan[BLOCKS] * block_rows)


@block
def evaluate_block(row_losses, row_correct, outputs, workspace, q, net, data, first, rows):
    mode = flush_denormals()
    _, _, _, plan, _ = net
    base = q * plan[BLOCK_SIZE]
    gather_block(workspace, base, net, data, first, rows)
    forward_block(workspace, base, net, (0, 0, first), 0, plan[TRAINED_OPS], rows, False)
    loss_block(row_losses, row_correct, first, outputs, workspace, base, net, data, first, rows, 1.0)
    restore_mode(mode)


@kernel(
    "outputs[rows, classes], workspace[w] = parameters[n] writable, x[m, fan_in], pixels[m8, fan_in] uint8, "
    f"order[no] int64, ops[n_ops, {OP_FIELDS}] int64, plan[{PLAN_FIELDS}] int64 writable, pixel_scale float",
    check_prediction,
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
        Rows to predict, from 0 to m - 1; empty for all as they stand.
    """
    x_flat, pixels_flat, outputs_flat = x.reshape(x.size), pixels.reshape(pixels.size), outputs.reshape(outputs.size)
    rows, block_rows = outputs.shape[0], plan[BLOCK_ROWS]
    for q in prange(plan[BLOCKS]):
        net = (parameters, parameters, ops, plan, pixels_flat)
        # No labels, targets or weights: other arrays in their place.
        data = (x_flat, pixels_flat, pixel_scale, order, x_flat, x_flat, order)
        begin, end = share_of_rows(np.int64(q), rows, plan)
        for first in range(begin, end, block_rows):
            predict_block(outputs_flat, workspace, np.int64(q), net, data, first, min(block_rows, end - first))


@block
def predict_block(outputs, workspace, q, net, data, first, rows):
    mode = flush_denormals()
    _, _, ops, plan, _ = net
    base, capacity, n_ops = q * plan[BLOCK_SIZE], plan[CAPACITY], ops.shape[0]
    gather_block(workspace, base, net, data, first, rows)
    forward_block(workspace, base, net, (0, 0, first), 0, n_ops, rows, False)
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


@kernel(
    "outputs[rows, classes] = x[rows, fan_in], weights[n] writable, network[fields] int64", check_prediction_of_rows
)
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
        The program for inference, see `fastmlp.kernels.tables`. It is verified, as are the widths of ``x`` and
        ``outputs``.
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
    no_pixels = no_rows.view(np.uint8)
    net = (weights, weights, ops, plan, no_pixels)
    data = (x_flat, no_pixels, 1.0, no_rows, x_flat, x_flat, no_rows)
    for first in range(0, rows, block_rows):
        predict_block(outputs_flat, workspace, 0, net, data, first, min(block_rows, rows - first))
