"""Processes one strip of weights: sums its gradient over all rows of a batch in row order, and updates it."""

from typing import Any, NamedTuple

import numpy as np

from ..._base.tables import ADAM, BATCH_NORM, DENSE, GRADIENTS, SCALE, SGD, STATISTICS, UPDATE
from ..._compiling.jit import inner
from ..dense import dense_backward_bias_block, dense_backward_weights_block
from ..layout import BYTES_IN_LINE
from ..normalization import batch_norm_gradients_panel, batch_statistics_panel, sum_products, update_running_panel
from ..optimizers import adam_span, general_span, limit_columns, penalize_span, penalty_span, rule_of, sgd_span
from ..simd import flush_denormals, lanes, load, panel, prefetch_to_write, restore_mode, store, tail
from ..sparse import WIDE, multiply_pairs_of_piece, multiply_sorted_pairs
from .timing import lap, start_lap


class Learner(NamedTuple):
    """A network, its optimiser's state, and the workspace of a whole batch."""

    parameters: Any
    state: Any
    gradients: Any
    workspace: Any
    sums: Any  # of each strip
    factors: Any  # of each operation, from clipping: of its weight matrix and its bias
    ops: Any
    strips: Any
    plan: Any
    settings: Any
    pace: Any
    timers: Any
    form: Any  # of the kernel: which operations it has


class Round(NamedTuple):
    """The state of the sums over a batch and over accumulated batches."""

    resume: Any  # whether the sums continue those of an earlier part of the batch
    complete: Any  # whether the update follows
    keep: Any  # whether gradients keep their own places
    is_last: Any  # whether this is the last part of the batch


# ---------------------------------------------------------------- gradient, and update while it is hot


@inner
def weights_tasks(ops, strips, plan, are_gradients):
    """How many tasks a pass over the weights has: one for each strip.

    If the input is in pairs, the gradient of the first operation has a task for each piece of columns and up to `WIDE`
    panels, with all their strips.
    """
    if not are_gradients or not has_gradient_of_pairs(strips, plan):
        return strips.size
    panels, pieces = panels_of_first(ops, plan), pieces_of_first(ops, plan)
    return pieces * wide_panels(panels) + strips.size - strips_of_first(ops, strips, plan)


@inner
def has_gradient_of_pairs(strips, plan):
    return plan.pair_values >= 0 and strips.size > 0 and strips[0].op == 0


@inner
def panels_of_first(ops, plan):
    return (ops[0].fan_out + plan.panel - 1) // plan.panel


@inner
def pieces_of_first(ops, plan):
    return (ops[0].fan_in + plan.piece - 1) // plan.piece


@inner
def wide_panels(panels):
    return (panels + WIDE - 1) // WIDE


@inner
def strips_of_first(ops, strips, plan):
    """How many strips the first operation has; they come first."""
    return (ops[0].fan_in + strips[0].rows - 1) // strips[0].rows * panels_of_first(ops, plan)


@inner
def weights_task(learner, task, rows, round):
    """Run task ``task`` of `weights_tasks`: sum and use the gradients of its strips."""
    if has_gradient_of_pairs(learner.strips, learner.plan):
        mixed_task(learner, task, rows, round)
    else:
        weights_strip(learner, task, rows, round)


@inner(unless_dense="learner")
def mixed_task(learner, task, rows, round):
    """`weights_task` if the input is in pairs.

    Each thread takes neighbouring tasks, and those of the first operation are larger than the others; so neighbours
    stand far apart in the order of tasks.
    """
    ops, strips, plan = learner.ops, learner.strips, learner.plan
    panels, there = panels_of_first(ops, plan), strips_of_first(ops, strips, plan)
    own = pieces_of_first(ops, plan) * wide_panels(panels)
    tasks = own + strips.size - there
    number = task * far_step(tasks) % tasks
    if number < own:
        task_of_pairs(learner, number // wide_panels(panels), number % wide_panels(panels) * WIDE, rows, round)
    else:
        weights_strip(learner, there + number - own, rows, round)


@inner
def far_step(count):
    """A step near the golden section of ``count`` that reaches all of so many numbers."""
    step = max(1, count * 5 // 8)
    while greatest_common_divisor(step, count) > 1:
        step += 1
    return step


@inner
def greatest_common_divisor(a, b):
    while b > 0:
        a, b = b, a % b
    return a


@inner(unless_dense="learner")
def task_of_pairs(learner, piece, first_panel, rows, round):
    """`weights_strip` for the strips of a piece of columns and up to `WIDE` panels of the first operation."""
    mode = flush_denormals()
    op, plan, strips, p = learner.ops[0], learner.plan, learner.strips, panel(learner.parameters)
    panels, first = panels_of_first(learner.ops, plan), piece * plan.piece
    end, together = min(op.fan_in, first + plan.piece), min(WIDE, panels - first_panel)
    row, u = first, first // strips[0].rows * panels + first_panel
    time = start_lap(learner.timers)
    gradient_of_pairs(learner, first_panel, piece, rows, round)
    time = lap(learner.timers, 1 + u, GRADIENTS, time)
    while row < end:
        stop = row + strips[u].rows
        for v in range(u, u + together):
            clear_sums(learner, v)
            w = op.weights + strips[v].panel * p * op.fan_in
            for k in range(row, stop, p):
                use_gradient(learner, v, w + k * p, w + k * p, min(p, stop - k) * p, False, round)
            lap(learner.timers, 1 + v, UPDATE, time)
            bias_panel(learner, v, rows, round)
            time = start_lap(learner.timers)
        row, u = stop, u + panels
    restore_mode(mode)


@inner(unless_dense="learner")
def gradient_of_pairs(learner, first_panel, piece, rows, round):
    """The gradient of a piece of columns and up to `WIDE` panels of the first operation."""
    op, plan, p = learner.ops[0], learner.plan, panel(learner.parameters)
    together = min(WIDE, panels_of_first(learner.ops, plan) - first_panel)
    dw = tail(learner.gradients, op.weights + first_panel * p * op.fan_in)
    dy = tail(learner.workspace, (op.dy + first_panel * p) * plan.capacity)
    if plan.sorted_values >= 0:
        first, end = piece * plan.piece, min(op.fan_in, (piece + 1) * plan.piece)
        multiply_sorted_pairs(dw, op.fan_in, round.resume, learner.workspace, plan, dy, rows, first, end, together)
    else:
        multiply_pairs_of_piece(dw, op.fan_in, round.resume, learner.workspace, plan, dy, rows, piece, together)


@inner
def weights_strip(learner, u, rows, round):
    """Sum the gradient of strip u over ``rows`` rows, and update the strip once the batch is complete.

    It works in pieces of one panel's rows, so that a gradient is used while it is in the first-level cache. Gradients
    that are needed later keep their own places; otherwise all pieces write to the same place.
    """
    mode = flush_denormals()
    strip, plan, gradients, workspace = learner.strips[u], learner.plan, learner.gradients, learner.workspace
    op, p = learner.ops[strip.op], panel(learner.parameters)
    block_rows, capacity, jump = plan.block_rows, plan.capacity, plan.block_size
    clear_sums(learner, u)
    if op.code != DENSE:
        other_weights(learner, u, rows, round)
        restore_mode(mode)
        return
    x, dy = tail(workspace, op.x * capacity), tail(workspace, (op.dy + strip.panel * p) * capacity)
    w = op.weights + strip.panel * p * op.fan_in
    time = start_lap(learner.timers)
    end = strip.row + strip.rows
    for k in range(strip.row, end, p):
        here, at = min(p, end - k), w + k * p
        to = at if round.keep else w + strip.row * p
        if round.complete and k + p < end:
            prefetch_span(learner.parameters, learner.state, at + p * p, min(p, end - k - p) * p)
        dense_backward_weights_block(
            tail(gradients, to), round.resume, tail(x, k * capacity), dy, block_rows, jump, rows, here
        )
        time = lap(learner.timers, 1 + u, GRADIENTS, time)
        use_gradient(learner, u, at, to, here * p, False, round)
        time = lap(learner.timers, 1 + u, UPDATE, time)
    bias_panel(learner, u, rows, round)
    restore_mode(mode)


@inner
def bias_panel(learner, u, rows, round):
    """Sum and use the gradient of a panel of the bias, which belongs to the first strip of its columns."""
    strip, plan, gradients = learner.strips[u], learner.plan, learner.gradients
    op, p = learner.ops[strip.op], panel(learner.parameters)
    if strip.row == 0 and op.bias >= 0:
        time, b = start_lap(learner.timers), op.bias + strip.panel * p
        dy = tail(learner.workspace, (op.dy + strip.panel * p) * plan.capacity)
        dense_backward_bias_block(tail(gradients, b), round.resume, dy, plan.block_rows, plan.block_size, rows)
        time = lap(learner.timers, 1 + u, GRADIENTS, time)
        use_gradient(learner, u, b, b, p, True, round)
        lap(learner.timers, 1 + u, UPDATE, time)


@inner
def use_gradient(learner, u, start, at, count, is_bias, round):
    """Update parameters[start:] from gradients[at:] if the update is due, and note their penalty."""
    if round.complete:
        update_span(learner, u, start, at, count, is_bias)
    elif round.is_last:
        note_penalty(learner, u, start, at, count, is_bias)


@inner
def prefetch_span(parameters, state, start, count):
    """Prefetch the numbers that an update will change into the first-level cache, and away from other cores."""
    n = parameters.size
    for i in range(start, start + count, BYTES_IN_LINE // parameters.itemsize):
        prefetch_to_write(parameters, i)
        for slot in range(0, state.size, n):
            prefetch_to_write(state, slot + i)


@inner
def update_span(learner, u, start, at, count, is_bias):
    """Update parameters[start:] from gradients[at:]."""
    plan, pace, n = learner.plan, learner.pace, learner.parameters.size
    w, dw = tail(learner.parameters, start), tail(learner.gradients, at)
    if plan.is_plain == 0:
        update_other_span(learner, u, start, dw, count, is_bias)
    elif plan.optimizer == SGD:
        sgd_span(w, dw, count, pace.rate)
    elif plan.optimizer == ADAM:
        m, v, settings = tail(learner.state, start), tail(learner.state, n + start), learner.settings
        adam_span(w, m, v, dw, count, pace.rate, settings.beta_1, settings.beta_2, pace.small)


@inner(unless_core="learner")
def clear_sums(learner, u):
    sums = learner.sums[u]
    sums.weights, sums.bias, sums.penalty = 0.0, 0.0, 0.0


class Penalty(NamedTuple):
    """The factors of l1 |w| + l2 w² for the weight matrix or the bias of an operation.

    Those of a penalty per batch are a share of the gradient of the accumulated batches, each of which adds its own.
    """

    l1: Any
    l2: Any
    per_batch: Any
    batches: Any  # how many shares make the penalty of one batch


@inner
def penalty_of(learner, op, is_bias):
    l1, l2, per_batch = op.weights_l1, op.weights_l2, op.weights_per_batch != 0
    if is_bias:
        l1, l2, per_batch = op.bias_l1, op.bias_l2, op.bias_per_batch != 0
    share, batches = 1.0, 1.0
    if per_batch:
        batches = np.float64(learner.plan.accumulated)
        share = learner.pace.batch_share / batches
    return Penalty(l1 * share, l2 * share, per_batch, batches)


@inner(unless_core="learner")
def update_other_span(learner, u, start, dw, count, is_bias):
    """Add penalties and their sums, and then make the update, unless it must wait for all gradients."""
    plan, sums, w = learner.plan, learner.sums[u], tail(learner.parameters, start)
    own = penalty_of(learner, learner.ops[learner.strips[u].op], is_bias)
    if own.l1 != 0.0 or own.l2 != 0.0 or plan.is_whole > 0:
        penalty, squares = penalize_span(w, dw, count, own.l1, own.l2)
        sums.penalty += penalty * own.batches
        if is_bias:
            sums.bias += squares
        else:
            sums.weights += squares
    if plan.is_whole == 0:
        rule = rule_of(plan.optimizer, learner.settings, learner.pace, 1.0, plan.ema_slot)
        general_span(w, tail(learner.state, start), learner.parameters.size, dw, count, rule)


@inner(unless_core="learner")
def note_penalty(learner, u, start, at, count, is_bias):
    """Sum the penalty of a batch whose gradients wait for those of other batches."""
    own, w = penalty_of(learner, learner.ops[learner.strips[u].op], is_bias), tail(learner.parameters, start)
    if own.l1 == 0.0 and own.l2 == 0.0:
        return
    if own.per_batch:
        penalty, _ = penalize_span(w, tail(learner.gradients, at), count, own.l1, own.l2)
        learner.sums[u].penalty += penalty * own.batches
    else:
        learner.sums[u].penalty += penalty_span(w, count, own.l1, own.l2)


@inner(unless_core="learner")
def other_weights(learner, u, rows, round):
    """`weights_strip` for the factors and the shift of a normalisation or a scaling layer."""
    strip, plan, gradients, p = learner.strips[u], learner.plan, learner.gradients, panel(learner.parameters)
    op, offset = learner.ops[strip.op], strip.panel * p
    w, b = op.weights + offset, op.bias + offset
    dw, db = tail(gradients, w), tail(gradients, b)
    if op.code == BATCH_NORM:
        take_span(dw, tail(gradients, op.other + offset), round.resume)
        take_span(db, tail(gradients, op.d_other + offset), round.resume)
    else:
        block_rows, capacity, jump = plan.block_rows, plan.capacity, plan.block_size
        multiplied = op.x if op.code == SCALE else op.other  # by the factors
        dy = tail(learner.workspace, (op.dy + offset) * capacity)
        factors = tail(learner.workspace, (multiplied + offset) * capacity)
        sum_products(dw, round.resume, dy, factors, jump, block_rows, rows)
        if op.bias >= 0:
            dense_backward_bias_block(db, round.resume, dy, block_rows, jump, rows)
    if round.complete:
        update_span(learner, u, w, w, p, False)
        if op.bias >= 0:
            update_span(learner, u, b, b, p, True)


@inner
def take_span(total, part_of_it, resume):
    """Add one panel of a batch's gradients to those of earlier batches."""
    for v in range(0, panel(total), lanes(total)):
        value = load(part_of_it, v)
        if resume:
            value = value + load(total, v)
        store(total, v, value)


# ---------------------------------------------------------------- after all gradients are there


@inner(unless_core="form")
def clip_factors(factors, sums, strips, settings, form):
    """Turn the strips' sums of squares into factors for each operation's weight matrix and bias."""
    for i in range(factors.size):
        factors[i] = 0.0
    total = 0.0
    for u in range(strips.size):
        at = 2 * strips[u].op
        factors[at] += sums[u].weights
        factors[at + 1] += sums[u].bias
        total += sums[u].weights + sums[u].bias
    for i in range(factors.size):
        factor = 1.0
        if settings.clip_norm > 0.0:
            factor = clip_factor(factors[i], settings.clip_norm)
        if settings.clip_global_norm > 0.0:
            factor = clip_factor(total, settings.clip_global_norm)
        factors[i] = factor


@inner
def clip_factor(squares, most):
    norm = np.sqrt(squares)
    return most / norm if norm > most else 1.0


@inner
def penalty_of_batch(sums):
    total = 0.0
    for u in range(sums.size):
        total += sums[u].penalty
    return total


@inner(unless_core="learner")
def update_strip(learner, u):
    """Update a strip of weights whose gradient was kept."""
    mode = flush_denormals()
    strip, p = learner.strips[u], panel(learner.parameters)
    op = learner.ops[strip.op]
    rows = op.fan_in if op.code == DENSE else 1
    at = op.weights + strip.panel * p * rows + strip.row * p
    update_kept_span(learner, at, strip.rows * p, learner.factors[2 * strip.op])
    if strip.row == 0 and op.bias >= 0:
        update_kept_span(learner, op.bias + strip.panel * p, p, learner.factors[2 * strip.op + 1])
    restore_mode(mode)


@inner
def update_kept_span(learner, at, count, factor):
    plan, n = learner.plan, learner.parameters.size
    rule = rule_of(plan.optimizer, learner.settings, learner.pace, factor, plan.ema_slot)
    general_span(tail(learner.parameters, at), tail(learner.state, at), n, tail(learner.gradients, at), count, rule)


@inner(unless_core="learner")
def limit_strip(learner, u):
    """Shorten the weights of each unit of a panel to the maximum of its layer; the first strip does it."""
    strip, plan, n = learner.strips[u], learner.plan, learner.parameters.size
    op = learner.ops[strip.op]
    if op.max_norm > 0.0 and op.code == DENSE and strip.row == 0:
        at = op.weights + strip.panel * panel(learner.parameters) * op.fan_in
        ema = plan.ema_slot * n + at if plan.ema_slot >= 0 else -1
        averages = tail(learner.state, ema)
        limit_columns(tail(learner.parameters, at), averages, learner.pace.share, op.fan_in, op.max_norm)


# ---------------------------------------------------------------- statistics of the batch


@inner(unless_core="net")
def statistics_panel(net, stage, j, rows):
    """Compute the statistics of panel j of a batch normalisation, or the sums that its gradient needs."""
    mode = flush_denormals()
    op, offset = net.ops[stage.statistics_op], j * panel(net.parameters)
    block_rows, capacity, jump = net.plan.block_rows, net.plan.capacity, net.plan.block_size
    x, dy = tail(net.workspace, (op.x + offset) * capacity), tail(net.workspace, (op.dy + offset) * capacity)
    means, inverses = tail(net.statistics, op.means + offset), tail(net.statistics, op.variances + offset)
    if stage.kind == STATISTICS:
        batch_statistics_panel(means, inverses, x, block_rows, jump, rows, op.alpha)
        running_means, running_variances = (
            tail(net.parameters, op.means + offset),
            tail(net.parameters, op.variances + offset),
        )
        update_running_panel(running_means, running_variances, means, inverses, op.momentum, op.alpha)
    else:
        dw, db = tail(net.statistics, op.other + offset), tail(net.statistics, op.d_other + offset)
        batch_norm_gradients_panel(dw, db, dy, x, means, inverses, block_rows, jump, rows)
    restore_mode(mode)
