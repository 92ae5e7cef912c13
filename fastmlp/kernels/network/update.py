"""Updates a network by a gradient that the caller gives, as `train_batches` does by its own."""

import numpy as np

from ..._base.tables import (
    DENSE,
    OP,
    OP_FIELDS,
    PACE,
    PACE_FIELDS,
    PLAN,
    PLAN_FIELDS,
    SETTINGS,
    SETTINGS_FIELDS,
    STRIP,
    STRIP_FIELDS,
    STRIP_SUMS,
    SUMS,
)
from ..._compiling.jit import ALL, inner, kernel, prange
from ..optimizers import general_span, rule_of, set_pace, squares_span
from ..simd import flush_denormals, panel, records, restore_mode, tail
from .checks import check_update
from .run import LENGTHS, UPDATES, is_due
from .weights import Learner, clear_sums, clip_factors, limit_strip, update_span, update_strip


@kernel(
    f"parameters[n], state[s], sums[{STRIP_SUMS} * n_strips + 2 * n_ops] float64 = gradients[n] writable, "
    f"ops[n_ops, {OP_FIELDS}] int64, strips[n_strips, {STRIP_FIELDS}] int64, plan[{PLAN_FIELDS}] int64, "
    f"settings[{SETTINGS_FIELDS}] float64, learning_rate float, step int >= 1",
    check_update,
)
def network_update(parameters, state, sums, gradients, ops, strips, plan, settings, learning_rate, step):
    """Make one update of a network's trained parameters: clipping, the optimiser's rule, decay, limits and averages.

    The result has the bits of `train_batches`, if its batch has this gradient. Penalties must be in the gradient.

    Parameters
    ----------
    parameters, state : ndarray, shapes (n,), (slots * n,)
        The network's flat buffers, updated in place.
    sums : ndarray of float64, shape (STRIP_SUMS * n_strips + 2 * n_ops,)
        Scratch space.
    gradients : array_like, shape (n,)
        The gradient of the loss with respect to the parameters; only those of trained tensors are read.
    ops, strips, plan, settings
        The program, see `fastmlp.kernels.tables`. It is verified: all its places must be inside the arrays.
    learning_rate : float
    step : int
        The number of the update, 1 for the first.
    """
    operations, strip_records = records(ops, OP), records(strips, STRIP)
    plans, setting = records(plan, PLAN), records(settings, SETTINGS)
    strip_sums, factors = records(sums[: strips.shape[0] * STRIP_SUMS], SUMS), tail(sums, strips.shape[0] * STRIP_SUMS)
    pace, no_timers = records(np.empty(PACE_FIELDS, np.float64), PACE), np.empty(0, np.int8)
    set_pace(pace[0], plans[0].optimizer, setting[0], learning_rate, step, ALL)
    for task in range(LENGTHS + 1):
        if not is_due(task, plans[0], True):
            continue
        if task == UPDATES:
            clip_factors(factors, strip_sums, strip_records, setting[0], ALL)
        for u in prange(strips.shape[0]):
            learner = Learner(
                parameters,
                state,
                gradients,
                parameters,  # there is no workspace
                strip_sums,
                factors,
                operations,
                strip_records,
                plans[0],
                setting[0],
                pace[0],
                no_timers,
                ALL,
            )
            pass_over_strip(learner, task, np.int64(u))


@inner
def pass_over_strip(learner, task, u):
    if task == UPDATES:
        update_strip(learner, u)
    elif task == LENGTHS:
        limit_strip(learner, u)
    else:
        take_strip(learner, u)


@inner
def take_strip(learner, u):
    """Update strip u, or sum the squares of its gradient if updates must wait; in the pieces of `weights_strip`."""
    mode = flush_denormals()
    strip, p = learner.strips[u], panel(learner.parameters)
    op = learner.ops[strip.op]
    clear_sums(learner, u)
    w, end = op.weights + strip.panel * p * (op.fan_in if op.code == DENSE else 1), strip.row + strip.rows
    for k in range(strip.row, end, p):
        given_span(learner, u, w + k * p, min(p, end - k) * p, False)
    if strip.row == 0 and op.bias >= 0:
        given_span(learner, u, op.bias + strip.panel * p, p, True)
    restore_mode(mode)


@inner
def given_span(learner, u, at, count, is_bias):
    plan, sums, dw = learner.plan, learner.sums[u], tail(learner.gradients, at)
    if plan.is_plain != 0:
        update_span(learner, u, at, at, count, is_bias)
    elif plan.is_whole > 0:
        squares = squares_span(dw, count)
        if is_bias:
            sums.bias += squares
        else:
            sums.weights += squares
    else:
        rule = rule_of(plan.optimizer, learner.settings, learner.pace, 1.0, plan.ema_slot)
        general_span(tail(learner.parameters, at), tail(learner.state, at), learner.parameters.size, dw, count, rule)
