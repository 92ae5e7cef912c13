"""Losses and right answers of one block of batch rows, and the gradient of its outputs: arguments as in `rows`."""

from ..._base.tables import (
    ABOVE_ZERO,
    CAPACITY,
    DLOGITS,
    FAN_OUT,
    HITS,
    LARGEST,
    LOGITS,
    LOSS_ALPHA,
    LOSS_CODE,
    LOSS_SHARE,
    NO_HITS,
    SMOOTHING,
    SOFTMAX_CROSSENTROPY,
    TRAINED_OPS,
)
from ..._compiling.jit import block
from ..layout import padded, source_row
from ..losses import elementwise_row, softmax_crossentropy_row, sparse_softmax_crossentropy_row
from ..simd import fraction, panel
from ..softmax import column_at, first_maximum


@block
def loss_block(row_losses, row_correct, slot, outputs, workspace, base, net, data, first, rows, scale):
    """Loss and hits of each row, and the gradient of the output, which may overwrite it."""
    _, _, ops, plan, scope = net
    _, _, _, labels, targets, row_weights, order = data
    p = panel(workspace)
    capacity, classes = plan[CAPACITY], ops[plan[TRAINED_OPS] - 1, FAN_OUT]
    jump, room = capacity * p, padded(classes, workspace)
    is_core = plan[LOSS_CODE] == SOFTMAX_CROSSENTROPY and plan[SMOOTHING] == 0 and plan[HITS] == LARGEST
    for r in range(rows):
        logits = base + plan[LOGITS] * capacity + r * p
        dlogits = base + plan[DLOGITS] * capacity + r * p
        row = source_row(order, first + r)
        weight = row_weights[row] if row_weights.size > 0 else 1.0
        factor = scale * weight
        if outputs.size > 0:
            for c in range(classes):
                outputs[(first + r) * classes + c] = workspace[column_at(workspace, logits, jump, c)]
        if not is_core:
            where = (dlogits, logits, jump, classes, room)
            other_loss(row_losses, row_correct, slot + r, workspace, where, plan, data, row, weight, factor, scope)
            continue
        guess = first_maximum(workspace, logits, jump, classes, room)
        if targets.size > 0:
            row_correct[slot + r] = guess == first_maximum(targets, row * classes, p, classes, classes)
            loss = softmax_crossentropy_row(
                workspace, dlogits, workspace, logits, jump, targets, row * classes, 0, 0.0, 0.0, classes, room, factor
            )
        else:
            row_correct[slot + r] = guess == labels[row]
            loss = sparse_softmax_crossentropy_row(
                workspace, dlogits, workspace, logits, jump, classes, room, labels[row], factor
            )
        row_losses[slot + r] = loss * weight


@block(unless_core="scope")
def other_loss(row_losses, row_correct, slot, workspace, where, plan, data, row, weight, factor, scope):
    """One row of any loss."""
    dlogits, logits, jump, classes, room = where
    _, _, _, labels, targets, _, _ = data
    code, smoothing = plan[LOSS_CODE], fraction(plan[SMOOTHING])
    alpha, share = fraction(plan[LOSS_ALPHA]), fraction(plan[LOSS_SHARE])
    label, of = labels[row] if labels.size > 0 else 0, row * classes
    even = smoothing / classes if code == SOFTMAX_CROSSENTROPY else smoothing * 0.5
    row_correct[slot] = hits_of_row(workspace, logits, jump, targets, of, label, classes, room, plan[HITS])
    if code == SOFTMAX_CROSSENTROPY:
        loss = softmax_crossentropy_row(
            workspace, dlogits, workspace, logits, jump, targets, of, label, smoothing, even, classes, room, factor
        )
    else:
        loss = elementwise_row(
            workspace,
            dlogits,
            workspace,
            logits,
            jump,
            targets,
            of,
            label,
            smoothing,
            even,
            classes,
            room,
            code,
            alpha,
            share,
            factor,
        )
    row_losses[slot] = loss * weight


@block
def hits_of_row(workspace, logits, jump, targets, of, label, classes, room, rule):
    """How many right answers a row has."""
    if rule == NO_HITS:
        return 0
    if rule == LARGEST:
        if targets.size > 0:
            label = first_maximum(targets, of, panel(targets), classes, classes)
        return 1 if first_maximum(workspace, logits, jump, classes, room) == label else 0
    limit = 0.0 if rule == ABOVE_ZERO else 0.5
    hits = 0
    for c in range(classes):
        goal = targets[of + c] if targets.size > 0 else (1.0 if c == label else 0.0)
        hits += 1 if (workspace[column_at(workspace, logits, jump, c)] > limit) == (goal > 0.5) else 0
    return hits
