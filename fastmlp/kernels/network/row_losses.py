"""Losses and right answers of one block of batch rows, and the gradient of its outputs; arguments as in `rows`."""

from typing import Any, NamedTuple

import numpy as np

from ..._base.tables import ABOVE_ZERO, CUSTOM_LOSS, LARGEST, NO_HITS, SOFTMAX_CROSSENTROPY
from ..._compiling.jit import inner
from ..custom import custom_row
from ..layout import padded, source_row
from ..losses import Goal, elementwise_row, softmax_crossentropy_row, sparse_softmax_crossentropy_row
from ..simd import panel, tail
from ..softmax import column_at, first_maximum


class Results(NamedTuple):
    """The results of each row."""

    losses: Any
    correct: Any
    outputs: Any  # the outputs that the loss reads, at the position of the row; empty if nobody needs them


@inner
def loss_block(results, slot, net, data, first, rows, scale):
    """Write loss and hits of each row to results[slot:], and the output's gradient, which may overwrite it."""
    plan, workspace, p = net.plan, net.workspace, panel(net.workspace)
    capacity, classes = plan.capacity, net.ops[plan.trained_ops - 1].fan_out
    jump, room = capacity * p, padded(classes, workspace)
    is_core = plan.loss_code == SOFTMAX_CROSSENTROPY and plan.smoothing == 0.0 and plan.hits == LARGEST
    for r in range(rows):
        logits, dlogits = (
            tail(workspace, plan.logits * capacity + r * p),
            tail(workspace, plan.dlogits * capacity + r * p),
        )
        row = source_row(data.order, first + r)
        weight = data.row_weights[row] if data.row_weights.size > 0 else 1.0
        if results.outputs.size > 0:
            for c in range(classes):
                results.outputs[(first + r) * classes + c] = logits[column_at(logits, jump, c)]
        if not is_core:
            other_loss(results, slot + r, net, data, dlogits, logits, row, weight, scale)
            continue
        guess = first_maximum(logits, jump, classes, room)
        if data.targets.size > 0:
            targets = tail(data.targets, row * classes)
            results.correct[slot + r] = guess == first_maximum(targets, p, classes, classes)
            goal = Goal(targets, np.int64(0), 0.0, 0.0)
            loss = softmax_crossentropy_row(dlogits, logits, jump, classes, room, goal, scale * weight)
        else:
            label = data.labels[row]
            results.correct[slot + r] = guess == label
            loss = sparse_softmax_crossentropy_row(dlogits, logits, jump, classes, room, label, scale * weight)
        results.losses[slot + r] = loss * weight


@inner(unless_core="net")
def other_loss(results, slot, net, data, dlogits, logits, row, weight, scale):
    """Compute any loss of one row."""
    plan, classes = net.plan, net.ops[net.plan.trained_ops - 1].fan_out
    jump, room = plan.capacity * panel(logits), padded(classes, logits)
    label = data.labels[row] if data.labels.size > 0 else 0
    even = plan.smoothing / classes if plan.loss_code == SOFTMAX_CROSSENTROPY else plan.smoothing * 0.5
    goal, factor = Goal(tail(data.targets, row * classes), label, plan.smoothing, even), scale * weight
    results.correct[slot] = hits_of_row(logits, jump, classes, room, goal, plan.hits)
    if plan.loss_code == SOFTMAX_CROSSENTROPY:
        loss = softmax_crossentropy_row(dlogits, logits, jump, classes, room, goal, factor)
    elif plan.loss_code == CUSTOM_LOSS:
        loss = custom_row(dlogits, logits, jump, classes, room, goal, plan.loss_function, plan.loss_share, factor)
    else:
        code, alpha, share = plan.loss_code, plan.loss_alpha, plan.loss_share
        loss = elementwise_row(dlogits, logits, jump, classes, room, goal, code, alpha, share, factor)
    results.losses[slot] = loss * weight


@inner
def hits_of_row(y, jump, classes, room, goal, rule):
    """The number of right answers in a row."""
    if rule == NO_HITS:
        return 0
    targets, label = goal.targets, goal.label
    if rule == LARGEST:
        if targets.size > 0:
            label = first_maximum(targets, panel(targets), classes, classes)
        return 1 if first_maximum(y, jump, classes, room) == label else 0
    limit = 0.0 if rule == ABOVE_ZERO else 0.5
    hits = 0
    for c in range(classes):
        wanted = targets[c] if targets.size > 0 else (1.0 if c == label else 0.0)
        hits += 1 if (y[column_at(y, jump, c)] > limit) == (wanted > 0.5) else 0
    return hits
