"""Whether the tables of a network are fit to be run: nothing that they name lies outside of the arrays.

The kernels of `network` follow the tables without looking. Inside the package the tables are those that
`fastmlp.program` wrote; whoever else calls such a kernel, or hands the array of a network to compiled code, has them
verified here first. What is verified is what the kernels read and write:

- an operation on some columns of the workspace touches whole panels: columns c to c + padded(width), in each of the
  ``CAPACITY`` rows of a block (``columns_fit``);
- a tensor is one panel after the other, of as many rows as the operation has inputs, or of one (``tensor_fits``);
- behind the columns of a block is room for one turned panel of the widest weights (``scratch_fits``).

The functions give the number of what is wrong, or 0: `described` says it in words. They take whole numbers alone, so
that one compiled form serves all dtypes. All products are of two numbers below `MOST`, so none overflows.
"""

from ..._base.tables import (
    ABOVE_ZERO,
    ACCUMULATED,
    ACTIVATION,
    ADAM,
    ADD,
    ALPHA,
    BACKWARD_FROM,
    BACKWARD_TO,
    BATCH_NORM,
    BATCH_SIZE,
    BIAS,
    BLOCK_ROWS,
    BLOCK_SIZE,
    BLOCKS,
    CAPACITY,
    CODE,
    COLUMNS,
    D_OTHER,
    DENSE,
    DLOGITS,
    DROPOUT,
    DX,
    DY,
    EMA_SLOT,
    FAN_IN,
    FAN_OUT,
    FORK,
    FORWARD_FROM,
    FORWARD_TO,
    GRADIENT_STATISTICS,
    HITS,
    INPUT,
    IS_LIMITED,
    IS_PLAIN,
    IS_WHOLE,
    KIND,
    LARGEST,
    LAYER_NORM,
    LOGITS,
    LOSS_CODE,
    MEAN,
    NETWORK_HEAD,
    NETWORK_OPS,
    NETWORK_SIZE,
    NETWORK_VERSION,
    NO_HITS,
    NO_UPDATE,
    NOISE,
    OP_FIELDS,
    OPTIMIZER,
    OTHER,
    PANEL,
    PLAN_FIELDS,
    QUANTILE,
    ROWS,
    SGD,
    SMOOTHING,
    SOFTMAX,
    SOFTMAX_CROSSENTROPY,
    STAGE_FIELDS,
    STAGE_KIND,
    STATISTICS,
    STATISTICS_OP,
    TANH,
    TRAINED,
    TRAINED_OPS,
    UNIT_FIELDS,
    UNIT_OP,
    UNIT_PANEL,
    UNIT_ROW,
    UNIT_ROWS,
    VARIANCE,
    VERSION,
    WEIGHTS,
    X,
    Y,
)
from ..._compiling.jit import block, kernel
from ..simd import fraction

MOST = 1 << 31  # columns, rows and panels are fewer

# For what a program is run: each takes all that the one before takes, and more
PREDICTION, EVALUATION, CORE_TRAINING, TRAINING = range(4)

_MESSAGES = (
    "",
    "ops[{row}]: there is no operation of this code",
    "ops[{row}]: a width is not a whole number from 1, or output and input of an operation that keeps it differ",
    "ops[{row}]: its input (X, FAN_IN) is not the output (Y, FAN_OUT) of the operation before, or the plan's INPUT",
    "ops[{row}]: columns lie outside of the workspace",
    "ops[{row}]: a tensor lies outside of the parameters",
    "ops[{row}]: its KIND or ALPHA is none that there is",
    "ops[{row}]: it is trained, but has no weights or no gradient",
    "ops[{row}]: only `train_batches_full` has this operation",
    "plan: TRAINED_OPS is not the number of some operations",
    "plan: PANEL is not the panel width of this dtype on this CPU",
    "plan: the workspace is too small for its blocks, or a block for its rows",
    "plan: LOGITS or DLOGITS lies outside of the workspace",
    "plan: an unknown loss, rule for right answers or optimiser",
    "plan: ACCUMULATED and BATCH_SIZE must be at least 1",
    "plan: only `train_batches_full` can train by it",
    "units[{row}]: units must name each panel of each trained operation once, in the order of the rows",
    "stages[{row}]: it names operations that there are not, or in another order",
    "network: it comes from another version, its length is not that of its operations, or numbers are out of range",
    "network: it was made for another panel width, number of parameters, or number of inputs or outputs",
    "network: it has more columns than its operations use",
)
(
    FINE,
    BAD_CODE,
    BAD_WIDTH,
    BAD_INPUT,
    BAD_COLUMNS,
    BAD_TENSOR,
    BAD_KIND,
    BAD_TRAINED,
    NOT_CORE_OP,
    BAD_TRAINED_OPS,
    BAD_PANEL,
    BAD_BLOCKS,
    BAD_LOGITS,
    BAD_RULE,
    BAD_BATCH,
    NOT_CORE_PLAN,
    BAD_UNIT,
    BAD_STAGE,
    BAD_NETWORK,
    OTHER_NETWORK,
    BAD_ROOM,
) = range(21)
_ROW = 32  # faults are numbered FAULT + _ROW · row


def described(fault):
    """What a fault means, or None for 0."""
    return _MESSAGES[fault % _ROW].format(row=fault // _ROW) if fault else None


# ---------------------------------------------------------------- entry points


@kernel(f"= network[fields] int64, parameters int >= 0, fan_in int >= 0, classes int >= 0, panel int < {MOST}")
def network_fault(network, parameters, fan_in, classes, panel):
    """What is wrong with the array of a network for `predict_rows`, or 0.

    Parameters
    ----------
    network : array_like of int64
        See `fastmlp.kernels.tables`.
    parameters, fan_in, classes : int
        Numbers in the flat parameter vector, and columns of the inputs and the outputs.
    panel : int
        `fastmlp.kernels.panel_width` of their dtype.
    """
    head = NETWORK_HEAD + PLAN_FIELDS
    if network.size <= head or network[NETWORK_VERSION] != VERSION:
        return BAD_NETWORK
    n_ops = (network.size - head) // OP_FIELDS
    if n_ops < 1 or network[NETWORK_OPS] != n_ops or network.size != head + n_ops * OP_FIELDS:
        return BAD_NETWORK
    plan, ops = network[NETWORK_HEAD:head], network[head:].reshape(n_ops, OP_FIELDS)
    columns = plan[COLUMNS]
    if not is_count(columns) or not is_count(plan[BLOCK_ROWS]):
        return BAD_NETWORK
    is_ours = network[NETWORK_SIZE] == parameters and plan[PANEL] == panel
    if not is_ours or ops[0, FAN_IN] != fan_in or ops[n_ops - 1, FAN_OUT] != classes:
        return OTHER_NETWORK
    fault = operations_fault(ops, plan[INPUT], columns, parameters, panel, PREDICTION, 0)
    if fault != FINE:
        return fault
    return FINE if columns <= most_columns(ops, panel) else BAD_ROOM


@kernel(
    f"= ops[n_ops, {OP_FIELDS}] int64, units[n_units, {UNIT_FIELDS}] int64, stages[n_stages, {STAGE_FIELDS}] int64, "
    f"plan[{PLAN_FIELDS}] int64, parameters int >= 0, workspace int >= 0, panel int < {MOST}, purpose int < 4 "
    "where n_ops > 0"
)
def program_fault(ops, units, stages, plan, parameters, workspace, panel, purpose):
    """What is wrong with the tables of a network for the kernels that run batches, or 0.

    Parameters
    ----------
    ops, units, stages, plan : array_like of int64
        See `fastmlp.kernels.tables`; only training has units and stages.
    parameters, workspace : int
        Numbers in the flat parameter vector and in the workspace.
    panel : int
        `fastmlp.kernels.panel_width` of their dtype.
    purpose : int
        ``PREDICTION``, ``EVALUATION``, ``CORE_TRAINING`` or ``TRAINING``.
    """
    trained_ops = plan[TRAINED_OPS]
    if trained_ops < 1 or trained_ops > ops.shape[0]:
        return BAD_TRAINED_OPS
    if plan[PANEL] != panel:
        return BAD_PANEL
    if not is_count(plan[COLUMNS]):
        return BAD_BLOCKS
    fault = operations_fault(ops, plan[INPUT], plan[COLUMNS], parameters, panel, purpose, trained_ops)
    if fault == FINE:
        fault = blocks_fault(ops, plan, workspace, panel, purpose)
    if fault == FINE and purpose >= EVALUATION:
        fault = loss_fault(ops, plan, panel)
    if fault == FINE and purpose >= CORE_TRAINING:
        fault = training_fault(ops, plan, purpose)
    if fault == FINE and purpose >= CORE_TRAINING:
        fault = units_fault(ops, units, panel)
    if fault == FINE and purpose >= CORE_TRAINING:
        fault = stages_fault(ops, stages, trained_ops, plan[COLUMNS], panel)
    return fault


# ---------------------------------------------------------------- what fits


@block
def is_count(number):
    return number >= 1 and number < MOST


@block
def padded_to(panel, width):
    return (width + panel - 1) // panel * panel


@block
def columns_fit(first, width, columns, panel):
    return first >= 0 and first <= columns - padded_to(panel, width)


@block
def tensor_fits(first, rows, width, parameters, panel):
    return first >= 0 and first <= parameters - rows * padded_to(panel, width)


# ---------------------------------------------------------------- operations


@block
def operations_fault(ops, input_at, columns, parameters, panel, purpose, trained_ops):
    x, width = input_at, ops[0, FAN_IN]
    for i in range(ops.shape[0]):
        if ops[i, X] != x or ops[i, FAN_IN] != width:
            return BAD_INPUT + _ROW * i
        fault = forward_fault(ops, i, columns, parameters, panel)
        if fault == FINE and purpose == CORE_TRAINING and ops[i, CODE] > SOFTMAX:
            fault = NOT_CORE_OP
        if fault == FINE and purpose >= CORE_TRAINING:
            fault = backward_fault(ops, i, columns, parameters, panel, i < trained_ops)
        if fault != FINE:
            return fault + _ROW * i
        x, width = ops[i, Y], ops[i, FAN_OUT]
    return FINE


@block
def forward_fault(ops, i, columns, parameters, panel):
    code, fan_in, width, kind = ops[i, CODE], ops[i, FAN_IN], ops[i, FAN_OUT], ops[i, KIND]
    if code < DENSE or code > ADD:
        return BAD_CODE
    if not is_count(fan_in) or not is_count(width) or (code != DENSE and fan_in != width):
        return BAD_WIDTH
    if not columns_fit(ops[i, X], fan_in, columns, panel) or not columns_fit(ops[i, Y], width, columns, panel):
        return BAD_COLUMNS
    if code in (LAYER_NORM, ADD) and not columns_fit(ops[i, OTHER], width, columns, panel):
        return BAD_COLUMNS
    if code == ACTIVATION and (kind < 0 or kind > TANH):
        return BAD_KIND
    if code == DROPOUT and not (fraction(ops[i, ALPHA]) >= 0.0 and fraction(ops[i, ALPHA]) < 1.0):
        return BAD_KIND
    if code in (DROPOUT, NOISE) and kind < 0:
        return BAD_KIND
    return tensors_fault(ops, i, parameters, panel)


@block
def tensors_fault(ops, i, parameters, panel):
    code, width = ops[i, CODE], ops[i, FAN_OUT]
    rows = ops[i, FAN_IN] if code == DENSE else 1
    has_weights = tensor_fits(ops[i, WEIGHTS], rows, width, parameters, panel)
    has_bias = tensor_fits(ops[i, BIAS], 1, width, parameters, panel)
    if code == DENSE and not (has_weights and (has_bias or ops[i, BIAS] == -1)):
        return BAD_TENSOR
    if code == LAYER_NORM and not (has_weights and has_bias):
        return BAD_TENSOR
    if code == BATCH_NORM:
        is_fixed = ops[i, KIND] == 0 and ops[i, WEIGHTS] == -1 and ops[i, BIAS] == -1
        is_centered = is_fixed and ops[i, MEAN] == -1  # its input comes with the mean taken off
        has_mean = is_centered or tensor_fits(ops[i, MEAN], 1, width, parameters, panel)
        if not (has_mean and tensor_fits(ops[i, VARIANCE], 1, width, parameters, panel)):
            return BAD_TENSOR
        if not is_fixed and not (has_weights and has_bias):
            return BAD_TENSOR
    return FINE


@block
def backward_fault(ops, i, columns, parameters, panel, is_trained_op):
    """Of the gradients of an operation; those up to the logits go backward."""
    code, width = ops[i, CODE], ops[i, FAN_OUT]
    has_gradient = columns_fit(ops[i, DY], width, columns, panel)
    if ops[i, TRAINED] != 0:
        if code not in (DENSE, LAYER_NORM) and not is_live_norm(ops, i):
            return BAD_TRAINED
        if not has_gradient or not is_trained_op:
            return BAD_TRAINED
    if is_live_norm(ops, i):
        sums_fit = tensor_fits(ops[i, OTHER], 1, width, parameters, panel)
        if not (sums_fit and tensor_fits(ops[i, D_OTHER], 1, width, parameters, panel)):
            return BAD_TENSOR
    if ops[i, DX] >= 0:
        if not has_gradient or not columns_fit(ops[i, DX], ops[i, FAN_IN], columns, panel):
            return BAD_COLUMNS
        if code == FORK and not columns_fit(ops[i, D_OTHER], width, columns, panel):
            return BAD_COLUMNS
    return FINE


@block
def most_columns(ops, panel):
    """Columns of the input, and for each operation those of its output, of a gradient, and of what it keeps besides."""
    columns = padded_to(panel, ops[0, FAN_IN])
    for i in range(ops.shape[0]):
        columns += 3 * padded_to(panel, ops[i, FAN_OUT])
    return columns


# ---------------------------------------------------------------- plan


@block
def blocks_fault(ops, plan, workspace, panel, purpose):
    """A block holds its columns for all its rows, and scratch space; the workspace holds all blocks."""
    capacity, rows, blocks, size = plan[CAPACITY], plan[BLOCK_ROWS], plan[BLOCKS], plan[BLOCK_SIZE]
    if not is_count(capacity) or rows < 1 or rows > capacity or not is_count(blocks):
        return BAD_BLOCKS
    room = workspace // blocks
    if size < 1 or size > room or plan[COLUMNS] * capacity > size:
        return BAD_BLOCKS
    scratch = size - plan[COLUMNS] * capacity
    for i in range(ops.shape[0]):
        needs_scratch = purpose >= CORE_TRAINING and ops[i, CODE] == DENSE and ops[i, DX] >= 0
        if needs_scratch and scratch < panel * padded_to(panel, ops[i, FAN_OUT]):
            return BAD_BLOCKS
    return FINE


@block
def loss_fault(ops, plan, panel):
    classes = ops[plan[TRAINED_OPS] - 1, FAN_OUT]
    for entry in (LOGITS, DLOGITS):
        if not columns_fit(plan[entry], classes, plan[COLUMNS], panel):
            return BAD_LOGITS
    is_loss = plan[LOSS_CODE] >= SOFTMAX_CROSSENTROPY and plan[LOSS_CODE] <= QUANTILE
    return FINE if is_loss and plan[HITS] >= NO_HITS and plan[HITS] <= ABOVE_ZERO else BAD_RULE


@block
def training_fault(ops, plan, purpose):
    optimizer, is_plain, is_whole = plan[OPTIMIZER], plan[IS_PLAIN] != 0, plan[IS_WHOLE] > 0
    if not is_count(plan[ACCUMULATED]) or plan[BATCH_SIZE] < 1:
        return BAD_BATCH
    if optimizer < SGD or optimizer > NO_UPDATE or plan[EMA_SLOT] < -1:
        return BAD_RULE
    if is_plain and (is_whole or optimizer not in (SGD, ADAM)):
        return BAD_RULE  # it would never be made
    if optimizer == NO_UPDATE and not is_whole:
        return BAD_RULE  # plain steps would be made
    is_core_loss = plan[LOSS_CODE] == SOFTMAX_CROSSENTROPY and plan[SMOOTHING] == 0 and plan[HITS] == LARGEST
    if purpose == CORE_TRAINING and not (is_plain and is_core_loss and plan[IS_LIMITED] == 0):
        return NOT_CORE_PLAN
    return FINE


# ---------------------------------------------------------------- units and stages


@block
def units_fault(ops, units, panel):
    """Units are all panels of some rows of weights, then those of the next rows, then those of the next operation.

    So each weight belongs to one unit, which one thread updates.
    """
    op = next_trained(ops, 0)
    row, j = 0, 0
    for u in range(units.shape[0]):
        if op == ops.shape[0]:
            return BAD_UNIT + _ROW * u
        rows = ops[op, FAN_IN] if ops[op, CODE] == DENSE else 1
        count = units[u, UNIT_ROWS]
        if units[u, UNIT_OP] != op or units[u, UNIT_PANEL] != j or units[u, UNIT_ROW] != row:
            return BAD_UNIT + _ROW * u
        if count < 1 or count > rows - row or (row + count < rows and count % panel != 0):
            return BAD_UNIT + _ROW * u
        if j > 0 and count != units[u - 1, UNIT_ROWS]:
            return BAD_UNIT + _ROW * u
        j += 1
        if j * panel >= ops[op, FAN_OUT]:
            row, j = row + count, 0
        if row == rows:
            op, row = next_trained(ops, op + 1), 0
    return FINE if op == ops.shape[0] else BAD_UNIT + _ROW * units.shape[0]


@block
def next_trained(ops, start):
    op = start
    while op < ops.shape[0] and ops[op, TRAINED] == 0:
        op += 1
    return op


@block
def stages_fault(ops, stages, trained_ops, columns, panel):
    """Rows go forward through all operations up to the logits, one stage after the other, and then backward."""
    forward, backward = 0, trained_ops
    for s in range(stages.shape[0]):
        kind, op = stages[s, STAGE_KIND], stages[s, STATISTICS_OP]
        if kind < ROWS or kind > GRADIENT_STATISTICS or (s == 0 and kind != ROWS) or op < 0 or op >= trained_ops:
            return BAD_STAGE + _ROW * s
        if kind != ROWS:
            if not is_live_norm(ops, op) or not columns_fit(ops[op, DY], ops[op, FAN_OUT], columns, panel):
                return BAD_STAGE + _ROW * s
            if kind == STATISTICS and op != forward:  # of what has been reached, and not yet passed
                return BAD_STAGE + _ROW * s
            if kind == GRADIENT_STATISTICS and (forward != trained_ops or op >= backward):
                return BAD_STAGE + _ROW * s
            continue
        begin, end = stages[s, FORWARD_FROM], stages[s, FORWARD_TO]
        if begin != end or begin != 0:
            if begin != forward or end < begin or end > trained_ops:
                return BAD_STAGE + _ROW * s
            for i in range(begin, end):
                if is_live_norm(ops, i) and (i > begin or s == 0 or stages[s - 1, STAGE_KIND] != STATISTICS):
                    return BAD_STAGE + _ROW * s  # its statistics are not there yet
            forward = end
        begin, end = stages[s, BACKWARD_FROM], stages[s, BACKWARD_TO]
        if begin != end or begin != 0:
            if forward != trained_ops or begin > backward or end < 0 or end > begin:
                return BAD_STAGE + _ROW * s
            backward = end
    return FINE if forward == trained_ops else BAD_STAGE + _ROW * stages.shape[0]


@block
def is_live_norm(ops, op):
    """A batch normalisation whose statistics are the batch's."""
    return ops[op, CODE] == BATCH_NORM and ops[op, KIND] > 0
