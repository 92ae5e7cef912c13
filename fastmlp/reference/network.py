"""A whole network program, operation by operation, on ordinary matrices.

It takes the same tables as the kernels (see `fastmlp.kernels.tables`), unpacks the flat buffers, calls the twins of
the kernels, and packs the results.
"""

import numpy as np

from .._base.tables import (
    ABOVE_HALF,
    ABOVE_ZERO,
    ACTIVATION,
    ADD,
    BATCH_NORM,
    CUSTOM,
    CUSTOM_LOSS,
    DENSE,
    DROPOUT,
    FORK,
    LARGEST,
    LAYER_NORM,
    NETWORK_HEAD,
    NO_HITS,
    NO_UPDATE,
    NOISE,
    OP,
    OP_FIELDS,
    PLAN,
    PLAN_FIELDS,
    RELU,
    SCALE,
    SETTINGS,
    SOFTMAX,
    SOFTMAX_CROSSENTROPY,
)
from . import activations, custom, dense, layout, losses, noise, normalization, optimizers, scale, softmax


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
    ops, plan, settings = ops.view(OP)[:, 0], plan.view(PLAN)[0], settings.view(SETTINGS)[0]
    trained, together = ops[: plan.trained_ops], plan.accumulated
    for i, learning_rate in enumerate(learning_rates):
        first = (first_batch + i) * plan.batch_size
        rows = order[first : first + plan.batch_size]
        inputs = _features(x, pixels, (starts, columns, values), pixel_scale, parameters.dtype)[rows]
        random_key = (seed, epoch, first)
        passes = _forward(parameters, inputs, trained, plan, random_key)
        y = passes[-1].y
        weights = row_weights[rows] if len(row_weights) else np.ones(len(rows))
        divisor = weights.sum(dtype=np.float64) if plan.by_weights else len(rows)
        share = 1 / divisor if divisor > 0 else 0.0
        row_loss, dy, hits = _loss(y, _targets(labels, targets, y)[rows], plan, share / together)
        if len(outputs):
            outputs[first : first + len(rows)] = y
        losses[i] = (row_loss * weights).astype(parameters.dtype).astype(np.float64).sum() * (share or 1.0)
        correct[i] = hits.sum()
        if not np.isfinite(losses[i]):
            return i
        part = _backward(parameters, dy * weights[:, None], passes, trained, plan, random_key)
        is_first, complete = (step + i) % together == 0, (step + i) % together == together - 1
        gradients[:] = part if is_first else gradients + part
        losses[i] += _penalize(parameters, gradients, ops, plan, share, complete)
        if complete:
            update = (step + i) // together + 1
            if plan.optimizer != NO_UPDATE:
                _update(parameters, state, gradients, ops, plan, settings, learning_rate, update)
    return len(learning_rates)


def network_update(parameters, state, sums, gradients, ops, strips, plan, settings, learning_rate, step):
    ops, plan, settings = ops.view(OP)[:, 0], plan.view(PLAN)[0], np.asarray(settings).view(SETTINGS)[0]
    if plan.optimizer != NO_UPDATE:
        _update(parameters, state, gradients, ops, plan, settings, learning_rate, step)


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
    ops, plan, rows = ops.view(OP)[:, 0], plan.view(PLAN)[0], order if len(order) else slice(None)
    inputs = _features(x, pixels, (starts, columns, values), pixel_scale, parameters.dtype)[rows]
    y = _forward(parameters, inputs, ops[: plan.trained_ops], plan)[-1].y
    row_losses[:], _, row_correct[:] = _loss(y, _targets(labels, targets, y)[rows], plan, 1.0)
    if len(row_weights):
        row_losses *= row_weights[rows]
    if len(outputs):
        outputs[:] = y


def predict_batches(outputs, workspace, parameters, x, pixels, starts, columns, values, order, ops, plan, pixel_scale):
    rows = order if len(order) else slice(None)
    inputs = _features(x, pixels, (starts, columns, values), pixel_scale, parameters.dtype)[rows]
    outputs[:] = _forward(parameters, inputs, ops.view(OP)[:, 0], plan.view(PLAN)[0])[-1].y
    outputs[~np.isfinite(inputs).all(axis=1)] = np.nan


def predict_rows(outputs, x, weights, network):
    plan, ops = network[NETWORK_HEAD : NETWORK_HEAD + PLAN_FIELDS], network[NETWORK_HEAD + PLAN_FIELDS :]
    pixels, order, workspace = np.empty((0, x.shape[1]), np.uint8), np.empty(0, np.int64), np.empty(0)
    sparse = np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0)
    predict_batches(outputs, workspace, weights, x, pixels, *sparse, order, ops.reshape(-1, OP_FIELDS), plan, 1.0)


# ---------------------------------------------------------------- data and loss


def _features(x, pixels, sparse, pixel_scale, dtype):
    starts, columns, values = sparse
    if len(starts):
        rows = np.zeros((len(starts) - 1, x.shape[1]), dtype)
        for r, row in enumerate(rows):
            own = slice(starts[r], starts[r + 1])
            row[columns[own]] = values[own]
        return rows
    return pixels.astype(dtype) * dtype.type(pixel_scale) if len(pixels) else x


def _targets(labels, targets, like):
    return targets if len(targets) else (labels[:, None] == np.arange(like.shape[1])).astype(like.dtype)


def _loss(y, goals, plan, scale):
    """Losses of the rows, gradient of the output, and right answers of the rows."""
    row_losses, dy, code = np.empty(len(y), y.dtype), np.empty_like(y), plan.loss_code
    smoothing, share = plan.smoothing, plan.loss_share
    smooth = goals * (1 - smoothing) + smoothing * (1 / y.shape[1] if code == SOFTMAX_CROSSENTROPY else 1 / 2)
    if code == SOFTMAX_CROSSENTROPY:
        losses.softmax_crossentropy(row_losses, dy, y, smooth, scale)
    elif code == CUSTOM_LOSS:
        custom.custom_loss(row_losses, dy, y, goals, plan.loss_function, scale * share)
        row_losses *= share
    else:
        losses.elementwise_loss(row_losses, dy, y, smooth, code, plan.loss_alpha, scale * share)
        row_losses *= share
    return row_losses, dy, _hits(y, goals, plan.hits)


def _hits(y, goals, rule):
    if rule == LARGEST:
        return (y.argmax(axis=1) == goals.argmax(axis=1)).astype(int)
    limit = {NO_HITS: np.nan, ABOVE_HALF: 0.5, ABOVE_ZERO: 0.0}[rule]
    return ((y > limit) == (goals > 0.5)).sum(axis=1) * (rule != NO_HITS)


# ---------------------------------------------------------------- tensors


def _span(op, offset, panel, is_matrix):
    rows = op.fan_in if is_matrix and op.code == DENSE else 1
    return slice(offset, offset + rows * -(-op.fan_out // panel) * panel)


def _tensor(flat, op, offset, panel, is_matrix=False, missing=0.0):
    """A row-major copy of a packed tensor, or ``missing`` if there is none."""
    matrix = np.full((op.fan_in if is_matrix else 1, op.fan_out), missing, flat.dtype)
    if offset >= 0:
        layout.unpack_panels(matrix, flat[_span(op, offset, panel, is_matrix)], panel)
    return matrix if is_matrix else matrix[0]


def _pack(flat, op, offset, value, panel):
    if offset >= 0:
        layout.pack_panels(flat[_span(op, offset, panel, value.ndim == 2)], np.atleast_2d(value), panel)


# ---------------------------------------------------------------- the passes


class _Pass:
    """Input x and output y of one operation, and what else its gradient needs."""

    def __init__(self, x, width):
        self.x, self.y = x, np.empty((len(x), width), x.dtype)


def _forward(parameters, inputs, ops, plan, random_key=None):
    """The passes of all operations; without ``random_key`` as in predictions."""
    passes, forks, panel = [], [], plan.panel
    for op in ops:
        p = _Pass(passes[-1].y if passes else inputs, op.fan_out)
        code, alpha = op.code, op.alpha
        if code == DENSE:
            w, b = _tensor(parameters, op, op.weights, panel, True), _tensor(parameters, op, op.bias, panel)
            dense.dense_forward(p.y, p.x, w, b)
        elif code == RELU:
            activations.relu_forward(p.y, p.x)
        elif code == SOFTMAX:
            softmax.softmax_forward(p.y, p.x)
        elif code == ACTIVATION:
            activations.activation_forward(p.y, p.x, op.kind, alpha)
        elif code == CUSTOM:
            p.slopes = np.empty_like(p.x)
            custom.custom_forward(p.y, p.slopes, p.x, op.kind)
        elif code == BATCH_NORM:
            _normalize(p, parameters, op, panel, alpha, random_key)
        elif code == LAYER_NORM:
            p.standard = np.empty_like(p.x)
            w, b = _tensor(parameters, op, op.weights, panel), _tensor(parameters, op, op.bias, panel)
            normalization.layer_norm_forward(p.y, p.standard, p.x, w, b, alpha)
        elif code == DROPOUT and random_key is not None:
            noise.dropout(p.y, p.x, alpha, random_key[0], op.kind, *random_key[1:])
        elif code == NOISE and random_key is not None:
            noise.gaussian_noise(p.y, p.x, alpha, random_key[0], op.kind, *random_key[1:])
        elif code == SCALE:
            w, b = _tensor(parameters, op, op.weights, panel), _tensor(parameters, op, op.bias, panel)
            scale.scale_forward(p.y, p.x, w, b)
        elif code == ADD:
            p.y[:] = p.x + forks.pop()
        else:
            p.y[:] = p.x
        if code == FORK:
            forks.append(p.y)
        passes.append(p)
    return passes


def _normalize(p, parameters, op, panel, epsilon, random_key):
    w, b = _tensor(parameters, op, op.weights, panel, missing=1.0), _tensor(parameters, op, op.bias, panel)
    mean, variance = _tensor(parameters, op, op.means, panel), _tensor(parameters, op, op.variances, panel)
    if random_key is None or not op.kind:
        normalization.normalize(p.y, p.x, mean, variance, w, b, epsilon)
        return
    p.means, p.inverses = np.empty_like(mean), np.empty_like(mean)
    normalization.batch_norm_forward(p.y, p.means, p.inverses, p.x, w, b, epsilon)
    kept = op.momentum
    _pack(parameters, op, op.means, kept * mean + (1 - kept) * p.means, panel)
    _pack(parameters, op, op.variances, kept * variance + (1 - kept) * p.x.var(axis=0), panel)


def _backward(parameters, dy, passes, ops, plan, random_key):
    """The gradient of every parameter, as a flat vector."""
    gradients, sums, panel = np.zeros_like(parameters), [], plan.panel
    for op, p in zip(ops[::-1], passes[::-1], strict=True):
        dx, code, alpha = np.empty_like(p.x), op.code, op.alpha
        w = _tensor(parameters, op, op.weights, panel, code == DENSE, missing=1.0)
        dw, db = np.zeros_like(w), np.zeros(op.fan_out, w.dtype)
        if code == DENSE:
            dense.dense_backward_parameters(dw, db, p.x, dy)
            dense.dense_backward_inputs(dx, dy, w)
        elif code == RELU:
            activations.relu_backward(dx, dy, p.y)
        elif code == SOFTMAX:
            softmax.softmax_backward(dx, dy, p.y)
        elif code == ACTIVATION:
            activations.activation_backward(dx, dy, p.x, p.y, op.kind, alpha)
        elif code == CUSTOM:
            dx[:] = dy * p.slopes
        elif code == BATCH_NORM and op.kind:
            normalization.batch_norm_backward(dx, dw, db, dy, p.x, p.means, p.inverses, w)
        elif code == BATCH_NORM:
            dx[:] = dy * w / np.sqrt(_tensor(parameters, op, op.variances, panel) + alpha)
        elif code == LAYER_NORM:
            normalization.layer_norm_backward(dx, dw, db, dy, p.standard, p.x, w, alpha)
        elif code == SCALE:
            scale.scale_backward(dx, dw, db, dy, p.x, w)
        elif code == DROPOUT:
            noise.dropout(dx, dy, alpha, random_key[0], op.kind, *random_key[1:])
        else:
            dx[:] = dy + sums.pop() if code == FORK else dy
        if code == ADD:
            sums.append(dy)
        if op.trained:
            _pack(gradients, op, op.weights, dw, panel)
            _pack(gradients, op, op.bias, db, panel)
        dy = dx
    return gradients


# ---------------------------------------------------------------- the update


def _trained(ops, panel):
    """The places of the trained tensors, with their penalties."""
    for op in ops:
        if op.trained:
            yield _span(op, op.weights, panel, True), op.weights_l1, op.weights_l2, op.weights_per_batch
            if op.bias >= 0:
                yield _span(op, op.bias, panel, False), op.bias_l1, op.bias_l2, op.bias_per_batch


def _penalize(parameters, gradients, ops, plan, share, complete):
    """The penalty of a batch. Its gradient: once for each update, or that of a penalty per batch for each batch."""
    penalty = 0.0
    for span, l1, l2, per_batch in _trained(ops, plan.panel):
        w, own = parameters[span], share if per_batch else 1.0
        penalty += own * (l1 * abs(w).sum() + l2 * (w**2).sum())
        slope = own * (l1 * np.sign(w) + 2 * l2 * w)
        gradients[span] += slope / plan.accumulated if per_batch else slope * complete
    return penalty


def _update(parameters, state, gradients, ops, plan, settings, learning_rate, step):
    spans = [span for span, *_ in _trained(ops, plan.panel)]
    total = np.sqrt(sum((gradients[span] ** 2).sum() for span in spans))
    slots = state.reshape(-1, len(parameters))
    n_own = len(slots) - (plan.ema_slot >= 0)
    for span in spans:
        w, dw, own = parameters[span].copy(), gradients[span].copy(), slots[:n_own, span].ravel()
        if settings.clip_norm > 0:
            dw *= min(1, settings.clip_norm / np.sqrt((dw**2).sum()))
        if settings.clip_global_norm > 0:
            dw *= min(1, settings.clip_global_norm / total)
        optimizers.update_by_rule(w, own, dw, plan.optimizer, settings, learning_rate, step)
        parameters[span], slots[:n_own, span] = w, own.reshape(n_own, len(w))
    for op in ops:
        most = op.max_norm
        if op.trained and most > 0:
            w = _tensor(parameters, op, op.weights, plan.panel, True)
            lengths = np.sqrt((w**2).sum(axis=0))
            w *= np.where(lengths > most, most / np.maximum(lengths, 1e-30), 1)
            _pack(parameters, op, op.weights, w, plan.panel)
    for span in spans if plan.ema_slot >= 0 else ():
        kept = settings.ema_momentum if step > 1 else 0.0
        slots[-1, span] = kept * slots[-1, span] + (1 - kept) * parameters[span]
