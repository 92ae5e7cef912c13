"""One block of weights: its gradient, summed over all rows of a batch in row order, and its optimiser update.

Blocks take what belongs together as a tuple:
    program = (ops, units, plan, settings, scope)
    pace = (learning_rate, step, rate, small): of this batch, see `optimizers.scalars_of_step`
    round = (resume, complete, keep, is_last): whether the sums go on from an earlier part of the batch, whether the
        update follows, whether gradients keep their places, and whether this is the last part of the batch
"""

import numpy as np

from ..._base.tables import (
    ADAM,
    ALPHA,
    BATCH_NORM,
    BETA_1,
    BETA_2,
    BIAS,
    BIAS_L1,
    BIAS_L2,
    BLOCK_ROWS,
    BLOCK_SIZE,
    CAPACITY,
    CLIP_GLOBAL_NORM,
    CLIP_NORM,
    CODE,
    D_OTHER,
    DENSE,
    DY,
    EMA_SLOT,
    FAN_IN,
    GRADIENTS,
    IS_PLAIN,
    IS_WHOLE,
    LAYER_NORM,
    MAX_NORM,
    MEAN,
    MOMENTUM,
    OPTIMIZER,
    OTHER,
    PENALTY,
    SGD,
    SQUARES_BIAS,
    SQUARES_WEIGHTS,
    STAGE_KIND,
    STATISTICS,
    STATISTICS_OP,
    UNIT_OP,
    UNIT_PANEL,
    UNIT_ROW,
    UNIT_ROWS,
    UNIT_SUMS,
    UPDATE,
    VARIANCE,
    WEIGHTS,
    WEIGHTS_L1,
    WEIGHTS_L2,
    X,
)
from ..._compiling.jit import block
from ..dense import dense_backward_bias_block, dense_backward_weights_block
from ..layout import BYTES_IN_LINE
from ..normalization import batch_norm_gradients_panel, batch_statistics_panel, sum_products, update_running_panel
from ..optimizers import adam_span, averaged_share, general_span, limit_columns, penalize_span, penalty_span, sgd_span
from ..simd import flush_denormals, fraction, lanes, load, panel, prefetch_to_write, restore_mode, store
from .timing import lap, start_lap

# ---------------------------------------------------------------- gradient, and update while it is hot


@block
def weights_block(parameters, state, gradients, workspace, sums, timers, program, u, rows, round, pace):
    """The gradient of weight block u over ``rows`` rows, and its update once the batch is complete.

    Piece by piece of one panel's rows, so that a gradient is used while it is in the first-level cache. Gradients
    that are needed later keep their places; otherwise all pieces write to the same one.
    """
    mode = flush_denormals()
    ops, units, plan, _, scope = program
    resume, complete, keep, is_last = round
    p = panel(parameters)
    op, j, k0, count = units[u, UNIT_OP], units[u, UNIT_PANEL], units[u, UNIT_ROW], units[u, UNIT_ROWS]
    block_rows, capacity, jump = plan[BLOCK_ROWS], plan[CAPACITY], plan[BLOCK_SIZE]
    w, b = ops[op, WEIGHTS] + j * p * ops[op, FAN_IN], ops[op, BIAS]
    x, dy = ops[op, X] * capacity, (ops[op, DY] + j * p) * capacity
    clear_sums(sums, u, scope)
    if ops[op, CODE] != DENSE:
        other_weights(parameters, state, gradients, workspace, sums, program, u, rows, round, pace, scope)
        restore_mode(mode)
        return
    time = start_lap(timers)
    for k in range(k0, k0 + count, p):
        here, at = min(p, k0 + count - k), w + k * p
        to = at if keep else w + k0 * p
        if complete and k + p < k0 + count:
            prefetch_span(parameters, state, at + p * p, min(p, k0 + count - k - p) * p)
        dense_backward_weights_block(
            gradients, to, resume, workspace, x + k * capacity, workspace, dy, block_rows, jump, rows, here
        )
        time = lap(timers, 1 + u, GRADIENTS, time)
        if complete:
            update_span(parameters, state, at, gradients, to, here * p, sums, program, u, False, pace)
        elif is_last:
            note_penalty(parameters, at, here * p, sums, program, u, False, scope)
        time = lap(timers, 1 + u, UPDATE, time)
    if k0 == 0 and b >= 0:
        at = b + j * p
        dense_backward_bias_block(gradients, at, resume, workspace, dy, block_rows, jump, rows)
        time = lap(timers, 1 + u, GRADIENTS, time)
        if complete:
            update_span(parameters, state, at, gradients, at, p, sums, program, u, True, pace)
        elif is_last:
            note_penalty(parameters, at, p, sums, program, u, True, scope)
        lap(timers, 1 + u, UPDATE, time)
    restore_mode(mode)


@block
def prefetch_span(parameters, state, start, count):
    """Bring what an update will change into the first-level cache, and away from other cores, ahead of it."""
    n = parameters.size
    for i in range(start, start + count, BYTES_IN_LINE // parameters.itemsize):
        prefetch_to_write(parameters, i)
        for slot in range(0, state.size, n):
            prefetch_to_write(state, slot + i)


@block
def update_span(parameters, state, start, gradients, at, count, sums, program, u, is_bias, pace):
    """Update parameters[start:] from gradients[at:]."""
    _, _, plan, settings, scope = program
    _, _, rate, small = pace
    n, optimizer = parameters.size, plan[OPTIMIZER]
    if plan[IS_PLAIN] == 0:
        update_other_span(parameters, state, start, gradients, at, count, sums, program, u, is_bias, pace, scope)
    elif optimizer == SGD:
        sgd_span(parameters, start, gradients, at, count, rate)
    elif optimizer == ADAM:
        b1, b2 = settings[BETA_1], settings[BETA_2]
        adam_span(parameters, start, state, start, state, n + start, gradients, at, count, rate, b1, b2, small)


@block(unless_core="scope")
def clear_sums(sums, u, scope):
    for i in range(u * UNIT_SUMS, (u + 1) * UNIT_SUMS):
        sums[i] = 0.0


@block
def penalties_of(ops, op, is_bias):
    """Factors of l1 |w| + l2 w² for the kernel or the bias of an operation."""
    if is_bias:
        return fraction(ops[op, BIAS_L1]), fraction(ops[op, BIAS_L2])
    return fraction(ops[op, WEIGHTS_L1]), fraction(ops[op, WEIGHTS_L2])


@block(unless_core="scope")
def update_other_span(parameters, state, start, gradients, at, count, sums, program, u, is_bias, pace, scope):
    """Penalties and their sums; and then the update, unless all gradients must be there before it."""
    ops, units, plan, settings, _ = program
    l1, l2 = penalties_of(ops, units[u, UNIT_OP], is_bias)
    if l1 != 0.0 or l2 != 0.0 or plan[IS_WHOLE] > 0:
        penalty, squares = penalize_span(parameters, start, gradients, at, count, l1, l2)
        sums[u * UNIT_SUMS + PENALTY] += penalty
        sums[u * UNIT_SUMS + (SQUARES_BIAS if is_bias else SQUARES_WEIGHTS)] += squares
    if plan[IS_WHOLE] == 0:
        general_span(
            parameters,
            start,
            state,
            start,
            parameters.size,
            gradients,
            at,
            count,
            plan[OPTIMIZER],
            settings,
            pace,
            1.0,
            plan[EMA_SLOT],
        )


@block(unless_core="scope")
def note_penalty(parameters, start, count, sums, program, u, is_bias, scope):
    """The penalty of a batch whose gradients wait for those of others."""
    ops, units, _, _, _ = program
    l1, l2 = penalties_of(ops, units[u, UNIT_OP], is_bias)
    if l1 != 0.0 or l2 != 0.0:
        sums[u * UNIT_SUMS + PENALTY] += penalty_span(parameters, start, count, l1, l2)


@block(unless_core="scope")
def other_weights(parameters, state, gradients, workspace, sums, program, u, rows, round, pace, scope):
    """`weights_block` for the scale and shift of a normalisation."""
    ops, units, plan, _, _ = program
    resume, complete, _, _ = round
    op, offset = units[u, UNIT_OP], units[u, UNIT_PANEL] * panel(parameters)
    w, b = ops[op, WEIGHTS] + offset, ops[op, BIAS] + offset
    if ops[op, CODE] == LAYER_NORM:
        block_rows, capacity, jump = plan[BLOCK_ROWS], plan[CAPACITY], plan[BLOCK_SIZE]
        dy, standard = (ops[op, DY] + offset) * capacity, (ops[op, OTHER] + offset) * capacity
        sum_products(gradients, w, resume, workspace, dy, workspace, standard, jump, block_rows, rows)
        dense_backward_bias_block(gradients, b, resume, workspace, dy, block_rows, jump, rows)
    elif ops[op, CODE] == BATCH_NORM:
        take_span(gradients, w, ops[op, OTHER] + offset, resume)
        take_span(gradients, b, ops[op, D_OTHER] + offset, resume)
    if complete:
        update_span(parameters, state, w, gradients, w, panel(parameters), sums, program, u, False, pace)
        update_span(parameters, state, b, gradients, b, panel(parameters), sums, program, u, True, pace)


@block
def take_span(gradients, to, source, resume):
    """One panel of a batch's gradients joins those of the batches before."""
    for v in range(0, panel(gradients), lanes(gradients)):
        value = load(gradients, source + v)
        if resume:
            value = value + load(gradients, to + v)
        store(gradients, to + v, value)


# ---------------------------------------------------------------- after all gradients are there


@block(unless_core="scope")
def clip_factors(sums, program, scope):
    """Turn the units' sums of squares into a factor for each operation's kernel and bias, behind the sums."""
    ops, units, _, settings, _ = program
    n_units, factors = units.shape[0], units.shape[0] * UNIT_SUMS
    for i in range(factors, factors + 2 * ops.shape[0]):
        sums[i] = 0.0
    total = 0.0
    for u in range(n_units):
        weights, bias = sums[u * UNIT_SUMS + SQUARES_WEIGHTS], sums[u * UNIT_SUMS + SQUARES_BIAS]
        sums[factors + 2 * units[u, UNIT_OP]] += weights
        sums[factors + 2 * units[u, UNIT_OP] + 1] += bias
        total += weights + bias
    for i in range(factors, factors + 2 * ops.shape[0]):
        factor = 1.0
        if settings[CLIP_NORM] > 0.0:
            factor = clip_factor(sums[i], settings[CLIP_NORM])
        if settings[CLIP_GLOBAL_NORM] > 0.0:
            factor = clip_factor(total, settings[CLIP_GLOBAL_NORM])
        sums[i] = factor


@block
def clip_factor(squares, most):
    norm = np.sqrt(squares)
    return most / norm if norm > most else 1.0


@block
def penalty_of_batch(sums, n_units):
    total = 0.0
    for u in range(n_units):
        total += sums[u * UNIT_SUMS + PENALTY]
    return total


@block(unless_core="scope")
def update_block(parameters, state, gradients, sums, program, u, pace, scope):
    """The update of a weight block whose gradient is kept."""
    mode = flush_denormals()
    ops, units, plan, settings, _ = program
    p, n = panel(parameters), parameters.size
    op, j, k0, count = units[u, UNIT_OP], units[u, UNIT_PANEL], units[u, UNIT_ROW], units[u, UNIT_ROWS]
    factors = units.shape[0] * UNIT_SUMS + 2 * op
    rows = ops[op, FAN_IN] if ops[op, CODE] == DENSE else 1
    at = ops[op, WEIGHTS] + j * p * rows + k0 * p
    general_span(
        parameters,
        at,
        state,
        at,
        n,
        gradients,
        at,
        count * p,
        plan[OPTIMIZER],
        settings,
        pace,
        sums[factors],
        plan[EMA_SLOT],
    )
    if k0 == 0 and ops[op, BIAS] >= 0:
        at = ops[op, BIAS] + j * p
        general_span(
            parameters,
            at,
            state,
            at,
            n,
            gradients,
            at,
            p,
            plan[OPTIMIZER],
            settings,
            pace,
            sums[factors + 1],
            plan[EMA_SLOT],
        )
    restore_mode(mode)


@block(unless_core="scope")
def limit_block(parameters, state, program, u, pace, scope):
    """Shorten the weights of each unit of a panel to the most that its layer allows; the first block does it."""
    ops, units, plan, settings, _ = program
    _, step, _, _ = pace
    op = units[u, UNIT_OP]
    most = fraction(ops[op, MAX_NORM])
    if most > 0.0 and units[u, UNIT_ROW] == 0:
        at = ops[op, WEIGHTS] + units[u, UNIT_PANEL] * panel(parameters) * ops[op, FAN_IN]
        ema = plan[EMA_SLOT] * parameters.size + at if plan[EMA_SLOT] >= 0 else -1
        limit_columns(parameters, at, state, ema, averaged_share(settings, step), ops[op, FAN_IN], most)


# ---------------------------------------------------------------- statistics of the batch


@block(unless_core="scope")
def statistics_block(parameters, gradients, workspace, ops, stages, plan, s, j, rows, scope):
    """One panel of a batch normalisation: its statistics, or the sums that its gradient needs."""
    mode = flush_denormals()
    op, offset = stages[s, STATISTICS_OP], j * panel(parameters)
    block_rows, capacity, jump = plan[BLOCK_ROWS], plan[CAPACITY], plan[BLOCK_SIZE]
    x, dy = (ops[op, X] + offset) * capacity, (ops[op, DY] + offset) * capacity
    mean, variance = ops[op, MEAN] + offset, ops[op, VARIANCE] + offset
    if stages[s, STAGE_KIND] == STATISTICS:
        epsilon, momentum = fraction(ops[op, ALPHA]), fraction(ops[op, MOMENTUM])
        batch_statistics_panel(gradients, mean, gradients, variance, workspace, x, block_rows, jump, rows, epsilon)
        update_running_panel(parameters, mean, variance, gradients, mean, gradients, variance, momentum, epsilon)
    else:
        batch_norm_gradients_panel(
            gradients,
            ops[op, OTHER] + offset,
            gradients,
            ops[op, D_OTHER] + offset,
            workspace,
            dy,
            workspace,
            x,
            gradients,
            mean,
            gradients,
            variance,
            block_rows,
            jump,
            rows,
        )
    restore_mode(mode)
