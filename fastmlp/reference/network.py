"""A whole network program, operation by operation, on ordinary matrices.

The program's tables are the kernels' (see `fastmlp.kernels.tables`, whose numbers stand here again by name: this
package imports numpy alone, and a test compares the two). The flat buffers are unpacked, the twins of the kernels
do the work, and the results are packed again.
"""

import numpy as np

from . import activations, dense, layout, losses, optimizers, softmax

CODE, FAN_IN, FAN_OUT, _X, _Y, _DX, _DY, WEIGHTS, BIAS = range(9)
DENSE, RELU, SOFTMAX = range(3)
TRAINED_OPS, BATCH_SIZE, OPTIMIZER, PANEL = 0, 9, 10, 11
NETWORK_HEAD, PLAN_FIELDS, OP_FIELDS = 3, 12, 9
SGD, ADAM = range(2)
BETA_1, BETA_2, EPSILON = range(3)


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
    for i, learning_rate in enumerate(learning_rates):
        first = (first_batch + i) * plan[BATCH_SIZE]
        rows = order[first : first + plan[BATCH_SIZE]]
        inputs = _features(x, pixels, pixel_scale, parameters.dtype)[rows]
        outputs = _forward(parameters, inputs, ops[: plan[TRAINED_OPS]], plan)
        goals = _targets(labels, targets, outputs[-1])[rows]
        row_loss = np.empty(len(rows), parameters.dtype)
        dlogits = np.empty_like(outputs[-1])
        _crossentropy(row_loss, dlogits, outputs[-1], goals, 1 / len(rows))
        losses[i] = row_loss.astype(np.float64).mean()
        correct[i] = _hits(outputs[-1], goals).sum()
        if not np.isfinite(losses[i]):
            return i
        _backward(gradients, dlogits, parameters, inputs, outputs, ops[: plan[TRAINED_OPS]], plan)
        _update(parameters, state, gradients, plan[OPTIMIZER], settings, learning_rate, step + i + 1)
    return len(learning_rates)


def evaluate_batches(
    row_losses, row_correct, workspace, parameters, x, pixels, labels, targets, order, ops, plan, pixel_scale
):
    rows = order if len(order) else slice(None)
    inputs = _features(x, pixels, pixel_scale, parameters.dtype)[rows]
    logits = _forward(parameters, inputs, ops[: plan[TRAINED_OPS]], plan)[-1]
    goals = _targets(labels, targets, logits)[rows]
    _crossentropy(row_losses, np.empty_like(logits), logits, goals, 1.0)
    row_correct[:] = _hits(logits, goals)


def predict_batches(outputs, workspace, parameters, x, pixels, order, ops, plan, pixel_scale):
    rows = order if len(order) else slice(None)
    inputs = _features(x, pixels, pixel_scale, parameters.dtype)[rows]
    outputs[:] = _forward(parameters, inputs, ops, plan)[-1]
    outputs[~np.isfinite(inputs).all(axis=1)] = np.nan


def predict_rows(outputs, x, weights, network):
    plan, ops = network[NETWORK_HEAD : NETWORK_HEAD + PLAN_FIELDS], network[NETWORK_HEAD + PLAN_FIELDS :]
    pixels, order, workspace = np.empty((0, x.shape[1]), np.uint8), np.empty(0, np.int64), np.empty(0)
    predict_batches(outputs, workspace, weights, x, pixels, order, ops.reshape(-1, OP_FIELDS), plan, 1.0)


def _features(x, pixels, pixel_scale, dtype):
    return pixels.astype(dtype) * dtype.type(pixel_scale) if len(pixels) else x


def _targets(labels, targets, like):
    return targets if len(targets) else (labels[:, None] == np.arange(like.shape[1])).astype(like.dtype)


def _crossentropy(row_losses, dlogits, logits, goals, scale):
    losses.softmax_crossentropy(row_losses, dlogits, logits, goals, scale)


def _hits(logits, goals):
    return logits.argmax(axis=1) == goals.argmax(axis=1)


def _tensor(flat, offset, rows, columns, panel):
    """A row-major copy of a packed tensor; zeros where there is none."""
    matrix = np.zeros((rows, columns), flat.dtype)
    if offset >= 0:
        size = rows * -(-columns // panel) * panel
        layout.unpack_panels(matrix, flat[offset : offset + size], panel)
    return matrix


def _dense_tensors(flat, op, panel):
    weights = _tensor(flat, op[WEIGHTS], op[FAN_IN], op[FAN_OUT], panel)
    return weights, _tensor(flat, op[BIAS], 1, op[FAN_OUT], panel)[0]


def _forward(parameters, inputs, ops, plan):
    """The output of every operation."""
    outputs = []
    for op in ops:
        x = outputs[-1] if outputs else inputs
        y = np.empty((len(x), op[FAN_OUT]), x.dtype)
        if op[CODE] == DENSE:
            dense.dense_forward(y, x, *_dense_tensors(parameters, op, plan[PANEL]))
        elif op[CODE] == RELU:
            activations.relu_forward(y, x)
        elif op[CODE] == SOFTMAX:
            softmax.softmax_forward(y, x)
        outputs.append(y)
    return outputs


def _backward(gradients, dy, parameters, inputs, outputs, ops, plan):
    for i in range(len(ops) - 1, -1, -1):
        op, x, y = ops[i], outputs[i - 1] if i else inputs, outputs[i]
        dx = np.empty_like(x)
        if op[CODE] == DENSE:
            weights, bias = _dense_tensors(parameters, op, plan[PANEL])
            dweights, dbias = np.empty_like(weights), np.empty_like(bias)
            dense.dense_backward_parameters(dweights, dbias, x, dy)
            _pack(gradients, op[WEIGHTS], dweights, plan[PANEL])
            _pack(gradients, op[BIAS], dbias[None], plan[PANEL])
            dense.dense_backward_inputs(dx, dy, weights)
        elif op[CODE] == RELU:
            activations.relu_backward(dx, dy, y)
        elif op[CODE] == SOFTMAX:
            softmax.softmax_backward(dx, dy, y)
        dy = dx


def _pack(flat, offset, matrix, panel):
    if offset >= 0:
        rows, columns = matrix.shape
        layout.pack_panels(flat[offset : offset + rows * -(-columns // panel) * panel], matrix, panel)


def _update(parameters, state, gradients, optimizer, settings, learning_rate, step):
    if optimizer == SGD:
        optimizers.sgd_update(parameters, gradients, learning_rate)
    elif optimizer == ADAM:
        m, v = state.reshape(2, -1)
        optimizers.adam_update(
            parameters,
            m,
            v,
            gradients,
            learning_rate,
            settings[BETA_1],
            settings[BETA_2],
            settings[EPSILON],
            step,
        )
