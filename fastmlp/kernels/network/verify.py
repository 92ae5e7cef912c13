"""Verifies the tables of a network: all their places must lie inside the arrays.

The kernels for networks follow the tables without checks. Inside the package, `fastmlp._engine.program` has written
the tables. Tables from outside, and network arrays for compiled code, are verified here first. The checks cover all
that kernels read and write:

- an operation on some columns of the workspace touches whole panels: columns c to c + padded(width), in each of the
  ``capacity`` rows of a block (``columns_fit``);
- a tensor is one panel after the other, with as many rows as the operation has inputs, or one (``tensor_fits``);
- after the columns of a block there is room for one transposed panel of the widest weights (``blocks_fault``).

The functions return the number of a fault, which `described` explains in words, or 0. They take only whole numbers, so
that one compiled form serves all dtypes. All products have two factors below `MOST`, so none overflows.
"""

from ..._base.tables import (
    ABOVE_ZERO,
    ACTIVATION,
    ACTIVATION_KINDS,
    ADAM,
    ADD,
    BATCH_NORM,
    CUSTOM,
    CUSTOM_LOSS,
    DENSE,
    DROPOUT,
    FORK,
    GRADIENT_STATISTICS,
    HEAD,
    LARGEST,
    LAST_OP,
    LAYER_NORM,
    LOSS_CODES,
    NETWORK_HEAD,
    NO_HITS,
    NO_UPDATE,
    NOISE,
    OP,
    OP_FIELDS,
    PLAN,
    PLAN_FIELDS,
    ROWS,
    SCALE,
    SGD,
    SOFTMAX,
    SOFTMAX_CROSSENTROPY,
    STAGE,
    STAGE_FIELDS,
    STATISTICS,
    STRIP,
    STRIP_FIELDS,
    VERSION,
)
from ..._compiling.jit import inner, kernel
from ..simd import known_activations, known_losses, records

MOST = 1 << 31  # more than there are columns, rows or panels

# The purposes of a program: each needs all that the previous one needs, and more
PREDICTION, EVALUATION, CORE_TRAINING, TRAINING = range(4)
UPDATE = 4  # of training, only what updates of the parameters need

_MESSAGES = (
    "",
    "ops[{row}]: there is no operation of this code",
    "ops[{row}]: a width is not a whole number from 1, or output and input of an operation that keeps it differ",
    "ops[{row}]: its input (x, fan_in) is not the output (y, fan_out) of the operation before, or the plan's input",
    "ops[{row}]: columns lie outside of the workspace",
    "ops[{row}]: a tensor lies outside of the parameters",
    "ops[{row}]: its kind or alpha is none that there is",
    "ops[{row}]: it is trained, but has no weights or no gradient",
    "ops[{row}]: only `train_batches_full` has this operation",
    "plan: trained_ops is not the number of some operations",
    "plan: panel is not the panel width of this dtype on this CPU",
    "plan: the workspace is too small for its blocks, or a block for its rows",
    "plan: logits or dlogits lies outside of the workspace",
    "plan: an unknown loss, rule for right answers or optimiser",
    "plan: accumulated and batch_size must be at least 1",
    "plan: only `train_batches_full` can train by it",
    "strips[{row}]: strips must name each panel of each trained operation once, in the order of the rows",
    "stages[{row}]: it names operations that there are not, or in another order",
    "network: it comes from another version, its length is not that of its operations, or numbers are out of range",
    "network: it was made for another panel width, number of parameters, or number of inputs or outputs",
    "network: it has more columns than its operations use",
    "ops[{row}]: its kind is the index of no activation of a user's in this process",
    "plan: loss_function is the index of no loss of a user's in this process",
    "plan: a block has no room for its pairs, or the first operation is not a dense layer",
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
    BAD_STRIP,
    BAD_STAGE,
    BAD_NETWORK,
    OTHER_NETWORK,
    BAD_ROOM,
    BAD_FUNCTION,
    BAD_LOSS_FUNCTION,
    BAD_PAIRS,
) = range(24)
_ROW = 32  # faults are numbered FAULT + _ROW · row


def described(fault):
    """The meaning of a fault in words, or None for 0."""
    return _MESSAGES[fault % _ROW].format(row=fault // _ROW) if fault else None


# ---------------------------------------------------------------- entry points


@kernel(f"= network[fields] int64, parameters int >= 0, fan_in int >= 0, classes int >= 0, panel int < {MOST}")
def network_fault(network, parameters, fan_in, classes, panel):
    """The fault of a network array for `predict_rows`, or 0.

    Parameters
    ----------
    network : array_like of int64
        See `fastmlp.kernels.tables`.
    parameters, fan_in, classes : int
        The length of the flat parameter vector, and the columns of the inputs and the outputs.
    panel : int
        `fastmlp.kernels.panel_width` of their dtype.
    """
    first_op = NETWORK_HEAD + PLAN_FIELDS
    if network.size <= first_op:
        return BAD_NETWORK
    head, n_ops = records(network[:NETWORK_HEAD], HEAD)[0], (network.size - first_op) // OP_FIELDS
    if head.version != VERSION or n_ops < 1 or head.ops != n_ops or network.size != first_op + n_ops * OP_FIELDS:
        return BAD_NETWORK
    plan, ops = records(network[NETWORK_HEAD:first_op], PLAN)[0], records(network[first_op:], OP)
    columns = plan.columns
    if not is_count(columns) or not is_count(plan.block_rows) or plan.pair_values >= 0:
        return BAD_NETWORK
    is_ours = head.parameters == parameters and plan.panel == panel
    if not is_ours or ops[0].fan_in != fan_in or ops[n_ops - 1].fan_out != classes:
        return OTHER_NETWORK
    fault = operations_fault(ops, plan.input, columns, parameters, panel, PREDICTION, 0)
    if fault != FINE:
        return fault
    return FINE if columns <= most_columns(ops, panel) else BAD_ROOM


@kernel(
    f"= ops[n_ops, {OP_FIELDS}] int64, strips[n_strips, {STRIP_FIELDS}] int64, stages[n_stages, {STAGE_FIELDS}] int64, "
    f"plan[{PLAN_FIELDS}] int64, parameters int >= 0, workspace int >= 0, panel int < {MOST}, purpose int < 5 "
    "where n_ops > 0"
)
def program_fault(ops, strips, stages, plan, parameters, workspace, panel, purpose):
    """The fault of a network's tables for the kernels that run batches, or 0.

    Parameters
    ----------
    ops, strips, stages, plan : array_like of int64
        See `fastmlp.kernels.tables`; only training has strips and stages.
    parameters, workspace : int
        The lengths of the flat parameter vector and of the workspace.
    panel : int
        `fastmlp.kernels.panel_width` of their dtype.
    purpose : int
        ``PREDICTION``, ``EVALUATION``, ``CORE_TRAINING``, ``TRAINING`` or ``UPDATE``.
    """
    operations, how = records(ops, OP), records(plan, PLAN)[0]
    trained_ops, columns = how.trained_ops, how.columns
    if trained_ops < 1 or trained_ops > operations.size:
        return BAD_TRAINED_OPS
    if how.panel != panel:
        return BAD_PANEL
    if not is_count(columns):
        return BAD_BLOCKS
    fault = operations_fault(operations, how.input, columns, parameters, panel, purpose, trained_ops)
    runs = purpose != UPDATE  # rows through a workspace
    if fault == FINE and runs:
        fault = blocks_fault(operations, how, workspace, panel, purpose)
    if fault == FINE and runs:
        fault = pairs_fault(operations, how, panel)
    if fault == FINE and runs and purpose >= EVALUATION:
        fault = loss_fault(operations, how, panel)
    if fault == FINE and purpose >= CORE_TRAINING:
        fault = training_fault(how, purpose)
    if fault == FINE and purpose >= CORE_TRAINING:
        fault = strips_fault(operations, records(strips, STRIP), panel)
    if fault == FINE and runs and purpose >= CORE_TRAINING:
        fault = pieces_fault(operations, records(strips, STRIP), how)
    if fault == FINE and runs and purpose >= CORE_TRAINING:
        fault = stages_fault(operations, records(stages, STAGE), trained_ops, columns, panel)
    return fault


# ---------------------------------------------------------------- what fits


@inner
def is_count(number):
    return number >= 1 and number < MOST


@inner
def padded_to(panel, width):
    return (width + panel - 1) // panel * panel


@inner
def columns_fit(first, width, columns, panel):
    return first >= 0 and first <= columns - padded_to(panel, width)


@inner
def tensor_fits(first, rows, width, parameters, panel):
    return first >= 0 and first <= parameters - rows * padded_to(panel, width)


# ---------------------------------------------------------------- operations


@inner
def operations_fault(ops, input_at, columns, parameters, panel, purpose, trained_ops):
    x, width = input_at, ops[0].fan_in
    for i in range(ops.size):
        if ops[i].x != x or ops[i].fan_in != width:
            return BAD_INPUT + _ROW * i
        fault = forward_fault(ops[i], columns, parameters, panel)
        if fault == FINE and purpose == CORE_TRAINING and ops[i].code > SOFTMAX:
            fault = NOT_CORE_OP
        if fault == FINE and purpose >= CORE_TRAINING:
            fault = backward_fault(ops[i], columns, parameters, panel, i < trained_ops)
        if fault != FINE:
            return fault + _ROW * i
        x, width = ops[i].y, ops[i].fan_out
    return FINE


@inner
def forward_fault(op, columns, parameters, panel):
    code, fan_in, width, kind = op.code, op.fan_in, op.fan_out, op.kind
    if code < DENSE or code > LAST_OP:
        return BAD_CODE
    if not is_count(fan_in) or not is_count(width) or (code != DENSE and fan_in != width):
        return BAD_WIDTH
    if not columns_fit(op.x, fan_in, columns, panel) or not columns_fit(op.y, width, columns, panel):
        return BAD_COLUMNS
    if code in (LAYER_NORM, ADD, CUSTOM) and not columns_fit(op.other, width, columns, panel):
        return BAD_COLUMNS
    if code == ACTIVATION and (kind < 0 or kind >= ACTIVATION_KINDS):
        return BAD_KIND
    if code == CUSTOM and (kind < 0 or kind >= known_activations()):
        return BAD_FUNCTION
    if code == DROPOUT and not (op.alpha >= 0.0 and op.alpha < 1.0):
        return BAD_KIND
    if code in (DROPOUT, NOISE) and kind < 0:
        return BAD_KIND
    return tensors_fault(op, parameters, panel)


@inner
def tensors_fault(op, parameters, panel):
    code, width = op.code, op.fan_out
    rows = op.fan_in if code == DENSE else 1
    has_weights = tensor_fits(op.weights, rows, width, parameters, panel)
    has_bias = tensor_fits(op.bias, 1, width, parameters, panel)
    if code in (DENSE, SCALE) and not (has_weights and (has_bias or op.bias == -1)):
        return BAD_TENSOR
    if code == LAYER_NORM and not (has_weights and has_bias):
        return BAD_TENSOR
    if code == BATCH_NORM:
        is_fixed = op.kind == 0 and op.weights == -1 and op.bias == -1
        is_centered = is_fixed and op.means == -1  # the mean of its input is already subtracted
        has_mean = is_centered or tensor_fits(op.means, 1, width, parameters, panel)
        if not (has_mean and tensor_fits(op.variances, 1, width, parameters, panel)):
            return BAD_TENSOR
        if not is_fixed and not (has_weights and has_bias):
            return BAD_TENSOR
    return FINE


@inner
def backward_fault(op, columns, parameters, panel, is_trained_op):
    """The fault of an operation's gradients; operations up to the logits go backward."""
    code, width = op.code, op.fan_out
    has_gradient = columns_fit(op.dy, width, columns, panel)
    if op.trained != 0:
        if code not in (DENSE, LAYER_NORM, SCALE) and not is_live_norm(op):
            return BAD_TRAINED
        if not has_gradient or not is_trained_op:
            return BAD_TRAINED
    if is_live_norm(op):
        sums_fit = tensor_fits(op.other, 1, width, parameters, panel)
        if not (sums_fit and tensor_fits(op.d_other, 1, width, parameters, panel)):
            return BAD_TENSOR
    if op.dx >= 0:
        if not has_gradient or not columns_fit(op.dx, op.fan_in, columns, panel):
            return BAD_COLUMNS
        if code == FORK and not columns_fit(op.d_other, width, columns, panel):
            return BAD_COLUMNS
    return FINE


@inner
def most_columns(ops, panel):
    """The columns of the input, and for each operation those of output, gradient and further numbers."""
    columns = padded_to(panel, ops[0].fan_in)
    for i in range(ops.size):
        columns += 3 * padded_to(panel, ops[i].fan_out)
    return columns


# ---------------------------------------------------------------- plan


@inner
def blocks_fault(ops, plan, workspace, panel, purpose):
    """A block must hold its columns for all its rows, and scratch space; the workspace must hold all blocks."""
    capacity, rows, blocks, size = plan.capacity, plan.block_rows, plan.blocks, plan.block_size
    if not is_count(capacity) or rows < 1 or rows > capacity or not is_count(blocks):
        return BAD_BLOCKS
    room = workspace // blocks
    if size < 1 or size > room or plan.columns * capacity > size:
        return BAD_BLOCKS
    scratch = size - plan.columns * capacity
    for i in range(ops.size):
        needs_scratch = purpose >= CORE_TRAINING and ops[i].code == DENSE and ops[i].dx >= 0
        if needs_scratch and scratch < panel * padded_to(panel, ops[i].fan_out):
            return BAD_BLOCKS
    return FINE


@inner
def pairs_fault(ops, plan, panel):
    """A block with pairs must have room for them, and for their other order if the plan has it."""
    has_pairs, are_sorted = plan.pair_values >= 0, plan.sorted_values >= 0
    if are_sorted and not has_pairs:
        return BAD_PAIRS
    if not has_pairs:
        return FINE
    width, piece, most = ops[0].fan_in, plan.piece, plan.most_pairs
    if ops[0].code != DENSE or not is_count(piece) or piece % panel != 0 or not is_count(most):
        return BAD_PAIRS
    starts = plan.block_rows * ((width + piece - 1) // piece) + 1
    if not (room_for(plan.pair_values, most + panel, plan) and room_for(plan.pair_columns, most + panel, plan)):
        return BAD_PAIRS
    if not room_for(plan.pair_starts, starts, plan):
        return BAD_PAIRS
    if are_sorted:
        if not (room_for(plan.sorted_values, most, plan) and room_for(plan.sorted_rows, most, plan)):
            return BAD_PAIRS
        if not room_for(plan.sorted_starts, width + 2, plan):
            return BAD_PAIRS
    return FINE


@inner
def pieces_fault(ops, strips, plan):
    """A piece of columns in pairs has whole strips of weights, all of one size but the last."""
    if plan.pair_values < 0 or strips.size == 0 or strips[0].op != 0:
        return FINE
    rows = strips[0].rows
    if plan.piece < ops[0].fan_in and plan.piece % rows != 0:
        return BAD_PAIRS
    for u in range(strips.size):
        if strips[u].op == 0 and strips[u].rows != rows and strips[u].row + strips[u].rows != ops[0].fan_in:
            return BAD_STRIP + _ROW * u
    return FINE


@inner
def room_for(first, count, plan):
    return first >= 0 and first <= plan.block_size - count


@inner
def loss_fault(ops, plan, panel):
    classes, columns = ops[plan.trained_ops - 1].fan_out, plan.columns
    if not (columns_fit(plan.logits, classes, columns, panel) and columns_fit(plan.dlogits, classes, columns, panel)):
        return BAD_LOGITS
    if plan.loss_code == CUSTOM_LOSS and (plan.loss_function < 0 or plan.loss_function >= known_losses()):
        return BAD_LOSS_FUNCTION
    is_loss = plan.loss_code >= CUSTOM_LOSS and plan.loss_code < LOSS_CODES
    return FINE if is_loss and plan.hits >= NO_HITS and plan.hits <= ABOVE_ZERO else BAD_RULE


@inner
def training_fault(plan, purpose):
    optimizer, is_plain, is_whole = plan.optimizer, plan.is_plain != 0, plan.is_whole > 0
    if not is_count(plan.accumulated) or plan.batch_size < 1:
        return BAD_BATCH
    if optimizer < SGD or optimizer > NO_UPDATE or plan.ema_slot < -1:
        return BAD_RULE
    if is_plain and (is_whole or optimizer not in (SGD, ADAM)):
        return BAD_RULE  # the update would never be made
    if optimizer == NO_UPDATE and not is_whole:
        return BAD_RULE  # plain steps would be made
    is_core_loss = plan.loss_code == SOFTMAX_CROSSENTROPY and plan.smoothing == 0.0 and plan.hits == LARGEST
    is_core = is_plain and is_core_loss and plan.is_limited == 0 and plan.by_weights == 0
    if purpose == CORE_TRAINING and not is_core:
        return NOT_CORE_PLAN
    return FINE


# ---------------------------------------------------------------- strips and stages


@inner
def strips_fault(ops, strips, panel):
    """Strips must be all panels of some rows of weights, then those of the next rows, then those of the next operation.

    So each weight belongs to one strip, which one thread updates.
    """
    op = next_trained(ops, 0)
    row, j = 0, 0
    for u in range(strips.size):
        if op == ops.size:
            return BAD_STRIP + _ROW * u
        rows = ops[op].fan_in if ops[op].code == DENSE else 1
        count = strips[u].rows
        if strips[u].op != op or strips[u].panel != j or strips[u].row != row:
            return BAD_STRIP + _ROW * u
        if count < 1 or count > rows - row or (row + count < rows and count % panel != 0):
            return BAD_STRIP + _ROW * u
        if j > 0 and count != strips[u - 1].rows:
            return BAD_STRIP + _ROW * u
        j += 1
        if j * panel >= ops[op].fan_out:
            row, j = row + count, 0
        if row == rows:
            op, row = next_trained(ops, op + 1), 0
    return FINE if op == ops.size else BAD_STRIP + _ROW * strips.size


@inner
def next_trained(ops, start):
    op = start
    while op < ops.size and ops[op].trained == 0:
        op += 1
    return op


@inner
def stages_fault(ops, stages, trained_ops, columns, panel):
    """Rows must go forward through all operations up to the logits, stage by stage, and then backward."""
    forward, backward = 0, trained_ops
    for s in range(stages.size):
        kind, op = stages[s].kind, stages[s].statistics_op
        if kind < ROWS or kind > GRADIENT_STATISTICS or (s == 0 and kind != ROWS) or op < 0 or op >= trained_ops:
            return BAD_STAGE + _ROW * s
        if kind != ROWS:
            if not is_live_norm(ops[op]) or not columns_fit(ops[op].dy, ops[op].fan_out, columns, panel):
                return BAD_STAGE + _ROW * s
            if kind == STATISTICS and op != forward:  # operations that are reached, but not yet passed
                return BAD_STAGE + _ROW * s
            if kind == GRADIENT_STATISTICS and (forward != trained_ops or op >= backward):
                return BAD_STAGE + _ROW * s
            continue
        begin, end = stages[s].forward_from, stages[s].forward_to
        if begin != end or begin != 0:
            if begin != forward or end < begin or end > trained_ops:
                return BAD_STAGE + _ROW * s
            for i in range(begin, end):
                if is_live_norm(ops[i]) and (i > begin or s == 0 or stages[s - 1].kind != STATISTICS):
                    return BAD_STAGE + _ROW * s  # its statistics do not exist yet
            forward = end
        begin, end = stages[s].backward_from, stages[s].backward_to
        if begin != end or begin != 0:
            if forward != trained_ops or begin > backward or end < 0 or end > begin:
                return BAD_STAGE + _ROW * s
            backward = end
    return FINE if forward == trained_ops else BAD_STAGE + _ROW * stages.size


@inner
def is_live_norm(op):
    """Whether it is a batch normalisation with the statistics of the batch."""
    return op.code == BATCH_NORM and op.kind > 0
