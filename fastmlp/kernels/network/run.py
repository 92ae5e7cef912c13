"""Runs a whole network program: many training steps, or a forward pass, in one call.

A forward pass is one parallel region: each iteration processes its share of the rows, block after block in the same
piece of workspace, which stays in the second-level cache.

A training step has two parallel regions. The first gathers each block of batch rows, runs it forward through all
operations, computes its loss, and runs it backward, while its numbers are in the cache (see `rows`). The second sums
the gradient of each strip of weights over all rows in batch order, and updates it (see `weights`). Each iteration
writes only what it owns, so nothing depends on the number of threads. A batch normalisation needs all rows and divides
the first region into stages; clipping by a norm needs all gradients and divides the second.

`fastmlp._base.tables` explains the tables, and `fastmlp._engine.program` writes them. The kernels follow them without
checks; calls from outside the package are checked first, see `checks` and `verify`.
"""

import numpy as np

from ..._base.tables import (
    BACKWARD,
    FORWARD,
    GATHER,
    LOSS,
    NETWORK_HEAD,
    NO_UPDATE,
    OP,
    OP_FIELDS,
    PACE,
    PACE_FIELDS,
    PLAN,
    PLAN_FIELDS,
    ROWS,
    SETTINGS,
    SETTINGS_FIELDS,
    STAGE,
    STAGE_FIELDS,
    STRIP,
    STRIP_FIELDS,
    STRIP_SUMS,
    SUMS,
)
from ..._compiling.jit import ALL, CORE, SPARSE_ALL, SPARSE_CORE, inner, kernel, prange
from ..layout import scatter_rows
from ..noise import RandomKey
from ..optimizers import set_pace
from ..simd import flush_denormals, lanes, load, panel, records, restore_mode, splat, sum_lanes, tail
from ..sparse import pairs_of
from .checks import (
    check_core_training,
    check_evaluation,
    check_prediction,
    check_prediction_of_rows,
    check_sparse_core_training,
    check_sparse_evaluation,
    check_sparse_prediction,
    check_sparse_training,
    check_training,
)
from .row_losses import Results, loss_block
from .rows import Data, Net, Sparse, backward_block, forward_block, gather_block, sort_block
from .timing import lap, start_lap
from .weights import (
    Learner,
    Round,
    clip_factors,
    limit_strip,
    penalty_of_batch,
    statistics_panel,
    update_strip,
    weights_task,
    weights_tasks,
)

# The forms of `train_batches`, and of `evaluate_batches` and `predict_batches`; others are compiled with other values
FORM = CORE
FORWARD_FORM = ALL

# Passes over the weights: gradients, each with its update while it is in the cache; updates that wait for all
# gradients; and limits of lengths, which wait for all updates
GRADIENTS_AND_UPDATES, UPDATES, LENGTHS = range(3)

# ---------------------------------------------------------------- training


@inner
def train_block(results, slot, net, stages, s, data, random_key, rows, total, timers, q):
    """Run stage s for block q, which begins at a position of the epoch; its results go to results[slot:]."""
    mode = flush_denormals()
    stage, (batch, scale) = stages[s], total
    time = start_lap(timers)
    if s == 0:
        gather_block(net, data, random_key.first, rows)
        sort_block(net, rows)
    time = lap(timers, 1 + q, GATHER, time)
    forward_block(net, random_key, stage.forward_from, stage.forward_to, rows, True)
    time = lap(timers, 1 + q, FORWARD, time)
    if stage.forward_from < stage.forward_to and stage.forward_to == net.plan.trained_ops:
        loss_block(results, slot, net, data, random_key.first, rows, scale)
    time = lap(timers, 1 + q, LOSS, time)
    backward_block(net, random_key, stage.backward_from, stage.backward_to, rows, batch)
    lap(timers, 1 + q, BACKWARD, time)
    restore_mode(mode)


@kernel(
    "parameters[n], state[s], gradients[n], workspace[w], row_losses[slots], row_correct[slots] int64, "
    f"losses[batches] float64, correct[batches] int64, sums[{STRIP_SUMS} * n_strips + 2 * n_ops] float64, "
    "outputs[no, classes], timers[n_timers] int8 = "
    "x[m, fan_in], pixels[m8, fan_in] uint8, starts[ms] int64, columns[pairs] int32 < fan_in, values[pairs], "
    "labels[ml] int64 < classes, targets[mt, classes], row_weights[mw], "
    f"order[rows] int64, ops[n_ops, {OP_FIELDS}] int64, strips[n_strips, {STRIP_FIELDS}] int64, "
    f"stages[n_stages, {STAGE_FIELDS}] int64, plan[{PLAN_FIELDS}] int64, "
    f"settings[{SETTINGS_FIELDS}] float64, learning_rates[batches] float64, pixel_scale float, "
    f"seed int >= 0, epoch int >= 0, first_batch int >= 0, step int < {1 << 62}",
    check_core_training,
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
    starts,
    columns,
    values,
    labels,
    targets,
    row_weights,
    order,
    ops,
    strips,
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

    If the loss of a batch is not finite, it makes no update and returns; so fewer batches than requested were trained.

    This form has only core operations: dense layers, ReLU and softmax with categorical cross-entropy, plain SGD and
    Adam. `train_batches_full` is the form with all operations, which takes twice as long to compile. Only
    `train_batches_sparse` and `train_batches_sparse_full` take sparse rows, and skip the zeros of the input if the
    plan has places for its pairs.

    Parameters
    ----------
    parameters, state, gradients : ndarray, shapes (n,), (slots * n,), (n,)
        The network's flat buffers, updated in place.
    workspace : ndarray, shape (blocks * block_size,), fields of the plan
        Zero at first: columns beyond a layer's width are read but never written.
    row_losses, row_correct : ndarray, shape (at least the batch size,)
        Scratch space.
    losses, correct : ndarray of float64 and int64, shape (batches,)
        Overwritten: the mean loss, with penalties, and the number of right answers of each batch.
    sums : ndarray of float64, shape (STRIP_SUMS * n_strips + 2 * n_ops,)
        Scratch space.
    outputs : ndarray, shape (rows, classes) or (0, classes)
        The outputs that the loss reads, for each row at its position in the epoch; not written if there are no rows.
    timers : ndarray of int8, shape (0,)
        `train_batches_timed` and `train_batches_sparse_timed` take int64 here, and add ticks of the CPU's clock: to the
        first number those of the call, and from number PHASES on those of each phase (see `fastmlp.kernels.tables`), in
        a row of PHASES for each block of rows or strip of weights.
    x, pixels : array_like of real and uint8, shape (m, features)
        The data set; at least one of the two has no rows. Pixels are multiplied by ``pixel_scale``.
    starts, columns, values : array_like of int64, int32 and real, shapes (m + 1,) or (0,), (pairs,) and (pairs,)
        The data set as sparse rows: row r has the numbers ``values[starts[r]:starts[r + 1]]`` in these columns, in
        rising order, and 0 elsewhere. Then ``x`` and ``pixels`` have no rows.
    labels, targets : array_like of int64 and real, shapes (m,) and (m, classes)
        Class numbers or target rows; one of the two has no rows.
    row_weights : array_like of real, shape (m,) or (0,)
        Factors for the losses of the rows. The sum of a batch is divided by its number of rows, or by the sum of their
        factors if the plan says so.
    order : array_like of int64, shape (rows,)
        The row numbers of the whole epoch, from 0 to m - 1. Batch i holds rows order[i * size : (i + 1) * size].
    ops, strips, stages, plan, settings
        The program, see `fastmlp.kernels.tables`. It is verified: all its places must be inside the arrays.
    learning_rates : array_like of float64, shape (batches,)
        One for each batch of this call.
    pixel_scale : float
        The factor for pixels.
    seed, epoch : int
        The random key: random layers depend on it and on the row's position in the epoch.
    first_batch, step : int
        The number of the first batch within the epoch, and the number of batches trained so far. The epoch must have
        all batches of the call.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If arguments do not fit each other or the program, or if an output overlaps another array.
    """
    x_flat, pixels_flat, targets_flat = x.reshape(x.size), pixels.reshape(pixels.size), targets.reshape(targets.size)
    outputs_flat = outputs.reshape(outputs.size)
    operations, strip_records = records(ops, OP), records(strips, STRIP)
    steps, plans, setting = records(stages, STAGE), records(plan, PLAN), records(settings, SETTINGS)
    strip_sums, factors = records(sums[: strips.shape[0] * STRIP_SUMS], SUMS), tail(sums, strips.shape[0] * STRIP_SUMS)
    pace = records(np.empty(PACE_FIELDS, np.float64), PACE)
    block_size, block_rows, batch_size = plans[0].block_size, plans[0].block_rows, plans[0].batch_size
    together, most, p = plans[0].accumulated, plans[0].blocks * block_rows, panel(parameters)
    is_plain, is_whole = plans[0].is_plain != 0, plans[0].is_whole > 0
    began = start_lap(timers)
    for i in range(learning_rates.size):
        first = (first_batch + i) * batch_size
        count = min(batch_size, order.size - first)
        part, pace[0].divisor = (step + i) % together, count
        divide_by_weights(pace[0], plans[0], row_weights, order, first, count, FORM)
        scale = 1.0 / (pace[0].divisor * together) if pace[0].divisor > 0.0 else 0.0
        set_pace(pace[0], plans[0].optimizer, setting[0], learning_rates[i], (step + i) // together + 1, FORM)
        for start in range(0, count, most):
            rows = min(most, count - start)
            for s in range(steps.size):
                is_rows = steps[s].kind == ROWS
                panels = (operations[steps[s].statistics_op].fan_out + p - 1) // p
                blocks = (rows + block_rows - 1) // block_rows
                tasks = blocks if is_rows else panels  # a condition inside prange(...) would make the loop serial
                for q in prange(tasks):
                    q64 = np.int64(q)  # numba gives a parallel index two types, and would compile the call twice
                    if is_rows:
                        own = tail(workspace, q64 * block_size)
                        net = Net(parameters, gradients, own, operations, plans[0], FORM)
                        sparse = Sparse(starts, columns, values)
                        data = Data(x_flat, pixels_flat, sparse, pixel_scale, labels, targets_flat, row_weights, order)
                        slot, here = start + q64 * block_rows, min(block_rows, rows - q64 * block_rows)
                        results, total = Results(row_losses, row_correct, outputs_flat), (count, scale)
                        random_key = RandomKey(seed, epoch, first + slot)
                        train_block(results, slot, net, steps, s, data, random_key, here, total, timers, q64)
                    else:
                        net = Net(parameters, gradients, workspace, operations, plans[0], FORM)
                        statistics_panel(net, steps[s], q64, rows)
            is_last = start + rows == count
            if is_last and not summarize(losses, correct, row_losses, row_correct, i, count, pace[0].divisor):
                return i
            complete = is_last and part == together - 1
            for task in range(GRADIENTS_AND_UPDATES, LENGTHS + 1):
                if not is_due(task, plans[0], complete):
                    continue
                if task == UPDATES:
                    clip_factors(factors, strip_sums, strip_records, setting[0], FORM)
                tasks = weights_tasks(operations, strip_records, plans[0], task == GRADIENTS_AND_UPDATES)
                for u in prange(tasks):
                    learner = Learner(
                        parameters,
                        state,
                        gradients,
                        workspace,
                        strip_sums,
                        factors,
                        operations,
                        strip_records,
                        plans[0],
                        setting[0],
                        pace[0],
                        timers,
                        FORM,
                    )
                    keep = count > most or together > 1 or is_whole
                    round = Round(start > 0 or part > 0, complete, keep, is_last)
                    pass_over_weights(learner, task, np.int64(u), rows, round)
            if is_last and not is_plain:
                losses[i] += penalty_of_batch(strip_sums)
    lap(timers, 0, 0, began)
    return learning_rates.size


train_batches_timed = train_batches.redeclared("train_batches_timed", "timers[n_timers] int8", "timers[n_timers] int64")
train_batches_full = train_batches.reformed("train_batches_full", check_training, FORM=ALL)
train_batches_sparse = train_batches.reformed("train_batches_sparse", check_sparse_core_training, FORM=SPARSE_CORE)
train_batches_sparse_timed = train_batches_sparse.redeclared(
    "train_batches_sparse_timed", "timers[n_timers] int8", "timers[n_timers] int64"
)
train_batches_sparse_full = train_batches.reformed("train_batches_sparse_full", check_sparse_training, FORM=SPARSE_ALL)


@inner
def is_due(task, plan, complete):
    """Whether a pass over the weights is due: only a complete batch updates them."""
    if task == GRADIENTS_AND_UPDATES:
        return True
    if not complete or plan.optimizer == NO_UPDATE:
        return False
    return plan.is_whole > 0 if task == UPDATES else plan.is_limited > 0


@inner
def pass_over_weights(learner, task, u, rows, round):
    """Run a pass for strip u of the weights, or for the strips of task u."""
    if task == GRADIENTS_AND_UPDATES:
        weights_task(learner, u, rows, round)
    elif task == UPDATES:
        update_strip(learner, u)
    else:
        limit_strip(learner, u)


@inner(unless_core="form")
def divide_by_weights(pace, plan, row_weights, order, first, count, form):
    """Choose what the losses and some penalties of a batch are divided by; a batch without weight has neither."""
    if plan.by_weights != 0 and row_weights.size > 0:
        total = 0.0
        for r in range(first, first + count):
            total += row_weights[order[r]]
        pace.divisor = total
    pace.batch_share = 1.0 / pace.divisor if pace.divisor > 0.0 else 0.0


@inner
def summarize(losses, correct, row_losses, row_correct, i, count, divisor):
    """Write mean loss, summed in float64 in row order, and hits of a batch; returns whether the loss is finite."""
    total, hits = 0.0, 0
    for r in range(count):
        total += row_losses[r]
        hits += row_correct[r]
    losses[i] = total / divisor if divisor > 0.0 else total
    correct[i] = hits
    return np.isfinite(total)


# ---------------------------------------------------------------- forward passes


@kernel(
    "row_losses[rows], row_correct[rows] int64, outputs[no, classes], workspace[w] = "
    "parameters[n] writable, x[m, fan_in], pixels[m8, fan_in] uint8, starts[ms] int64, "
    "columns[pairs] int32 < fan_in, values[pairs], labels[ml] int64 < classes, targets[mt, classes], "
    f"row_weights[mw], order[n_order] int64, ops[n_ops, {OP_FIELDS}] int64, plan[{PLAN_FIELDS}] int64, "
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
    starts,
    columns,
    values,
    labels,
    targets,
    row_weights,
    order,
    ops,
    plan,
    pixel_scale,
):
    """Compute the loss and the right answers of every row of a data set.

    Parameters
    ----------
    row_losses, row_correct : ndarray of real and int64, shape (rows,)
        Overwritten: the loss and the number of right answers of each row.
    outputs : ndarray, shape (rows, classes) or (0, classes)
        The outputs that the loss reads, for each row; not written if there are no rows.
    workspace : ndarray, shape (blocks * block_size,), fields of the plan
        Zero at first.
    parameters, x, pixels, starts, columns, values, labels, targets, row_weights, ops, plan, pixel_scale
        As in `train_batches`; only `evaluate_batches_sparse` takes sparse rows.
    order : array_like of int64, shape (rows,) or (0,)
        Rows to evaluate, from 0 to m - 1; empty for all rows in their own order.
    """
    x_flat, pixels_flat, targets_flat = x.reshape(x.size), pixels.reshape(pixels.size), targets.reshape(targets.size)
    rows, outputs_flat = row_losses.size, outputs.reshape(outputs.size)
    operations, plans = records(ops, OP), records(plan, PLAN)
    block_rows, block_size = plans[0].block_rows, plans[0].block_size
    for q in prange(plans[0].blocks):
        own = tail(workspace, np.int64(q) * block_size)
        net = Net(parameters, parameters, own, operations, plans[0], FORWARD_FORM)
        sparse = Sparse(starts, columns, values)
        data = Data(x_flat, pixels_flat, sparse, pixel_scale, labels, targets_flat, row_weights, order)
        begin, end = share_of_rows(np.int64(q), rows, plans[0])
        for first in range(begin, end, block_rows):
            results = Results(row_losses, row_correct, outputs_flat)
            evaluate_block(results, net, data, first, min(block_rows, end - first))


evaluate_batches_sparse = evaluate_batches.reformed(
    "evaluate_batches_sparse", check_sparse_evaluation, FORWARD_FORM=SPARSE_ALL
)


@inner
def share_of_rows(q, rows, plan):
    """The rows of iteration q of a forward pass: whole blocks, evenly divided."""
    blocks = (rows + plan.block_rows - 1) // plan.block_rows
    begin, end = q * blocks // plan.blocks, (q + 1) * blocks // plan.blocks
    return begin * plan.block_rows, min(rows, end * plan.block_rows)


@inner
def evaluate_block(results, net, data, first, rows):
    mode = flush_denormals()
    gather_block(net, data, first, rows)
    forward_block(net, RandomKey(np.int64(0), np.int64(0), first), 0, net.plan.trained_ops, rows, False)
    loss_block(results, first, net, data, first, rows, 1.0)
    restore_mode(mode)


@kernel(
    "outputs[rows, classes], workspace[w] = parameters[n] writable, x[m, fan_in], pixels[m8, fan_in] uint8, "
    "starts[ms] int64, columns[pairs] int32 < fan_in, values[pairs], "
    f"order[no] int64, ops[n_ops, {OP_FIELDS}] int64, plan[{PLAN_FIELDS}] int64, pixel_scale float",
    check_prediction,
)
def predict_batches(outputs, workspace, parameters, x, pixels, starts, columns, values, order, ops, plan, pixel_scale):
    """Compute the network's output for every row of a data set.

    Parameters
    ----------
    outputs : ndarray, shape (rows, classes)
        Overwritten. A row has the same bits whatever rows are beside it. A row with NaN or infinity gives NaN.
    workspace : ndarray, shape (blocks * block_size,), fields of the plan
        Zero at first.
    parameters, x, pixels, starts, columns, values, ops, plan, pixel_scale
        As in `train_batches`; only `predict_batches_sparse` takes sparse rows.
    order : array_like of int64, shape (rows,) or (0,)
        Rows to predict, from 0 to m - 1; empty for all rows in their own order.
    """
    x_flat, pixels_flat, outputs_flat = x.reshape(x.size), pixels.reshape(pixels.size), outputs.reshape(outputs.size)
    rows, operations, plans = outputs.shape[0], records(ops, OP), records(plan, PLAN)
    block_rows, block_size = plans[0].block_rows, plans[0].block_size
    for q in prange(plans[0].blocks):
        own = tail(workspace, np.int64(q) * block_size)
        net = Net(parameters, parameters, own, operations, plans[0], FORWARD_FORM)
        # No labels, targets or weights: other arrays take their places.
        sparse = Sparse(starts, columns, values)
        data = Data(x_flat, pixels_flat, sparse, pixel_scale, order, x_flat, x_flat, order)
        begin, end = share_of_rows(np.int64(q), rows, plans[0])
        for first in range(begin, end, block_rows):
            predict_block(outputs_flat, net, data, first, min(block_rows, end - first))


predict_batches_sparse = predict_batches.reformed(
    "predict_batches_sparse", check_sparse_prediction, FORWARD_FORM=SPARSE_ALL
)


@inner
def predict_block(outputs, net, data, first, rows):
    mode = flush_denormals()
    workspace, capacity = net.workspace, net.plan.capacity
    gather_block(net, data, first, rows)
    forward_block(net, RandomKey(np.int64(0), np.int64(0), first), 0, net.ops.size, rows, False)
    last = net.ops[net.ops.size - 1]
    scatter_rows(outputs, last.fan_out, first, tail(workspace, last.y * capacity), capacity, rows)
    if net.plan.pair_values >= 0:
        mark_unusable_pairs(outputs, last.fan_out, first, net, rows)
    else:
        x, fan_in = tail(workspace, net.plan.input * capacity), net.ops[0].fan_in
        mark_unusable_rows(outputs, last.fan_out, first, x, capacity, rows, fan_in)
    restore_mode(mode)


@inner
def mark_unusable_rows(outputs, width, first, x, capacity, rows, fan_in):
    """Write NaN into the output of each row whose input has NaN or infinity, which a ReLU might have hidden."""
    p = panel(x)
    for r in range(rows):
        total = splat(x, 0.0)  # the sum of x · 0, which is 0 if every x is finite
        for c in range(0, fan_in, lanes(x)):
            total = total + load(x, c // p * p * capacity + r * p + c % p) * 0.0
        if sum_lanes(total) != 0.0:
            for c in range(width):
                outputs[(first + r) * width + c] = np.nan


@inner(unless_dense="net")
def mark_unusable_pairs(outputs, width, first, net, rows):
    """Like `mark_unusable_rows`, for rows in pairs."""
    pairs = pairs_of(net.workspace, net.plan, net.ops[0].fan_in)
    for r in range(rows):
        total = 0.0
        for i in range(pairs.starts[r * pairs.pieces], pairs.starts[(r + 1) * pairs.pieces]):
            total += pairs.values[i] * 0.0
        if total != 0.0:
            for c in range(width):
                outputs[(first + r) * width + c] = np.nan


@kernel(
    "outputs[rows, classes] = x[rows, fan_in], weights[n] writable, network[fields] int64", check_prediction_of_rows
)
def predict_rows(outputs, x, weights, network):
    """Compute the network's output for some rows of real numbers, on one thread and with few arguments.

    Parameters
    ----------
    outputs : ndarray, shape (rows, classes)
        Overwritten, with the same bits as `predict_batches`.
    x : array_like, shape (rows, fan_in)
        A row with NaN or infinity gives NaN.
    weights : array_like, shape (n,)
        The network's flat parameter vector.
    network : array_like of int64
        The network array, see `fastmlp.kernels.tables`. It is verified, and so are the widths of ``x`` and
        ``outputs``.
    """
    rows, first_op = outputs.shape[0], NETWORK_HEAD + PLAN_FIELDS
    operations, plans = records(network[first_op:], OP), records(network[NETWORK_HEAD:first_op].copy(), PLAN)
    block_rows = max(1, min(rows, plans[0].block_rows))
    plans[0].capacity = block_rows
    workspace = np.empty(plans[0].columns * block_rows, outputs.dtype)
    x_flat, outputs_flat = x.reshape(x.size), outputs.reshape(outputs.size)
    no_rows = network[:0]  # of the types for which the functions of other kernels are compiled
    net = Net(weights, weights, workspace, operations, plans[0], ALL)
    sparse = Sparse(no_rows, no_rows.view(np.int32), x_flat[:0])
    data = Data(x_flat, no_rows.view(np.uint8), sparse, 1.0, no_rows, x_flat, x_flat, no_rows)
    for first in range(0, rows, block_rows):
        predict_block(outputs_flat, net, data, first, min(block_rows, rows - first))
