"""The tables of a network program: their record types, and codes.

A program is data. Its writer, `fastmlp._engine.program`, and its interpreters, `fastmlp.kernels.network` and its twin
in `fastmlp.reference`, share this file. It imports nothing of ours, so that writing a program does not load numba.

Kernels take each table as an array of whole numbers and read it as records: ``ops.reshape(-1).view(OP)[i].fan_in``.
All fields take 8 bytes. A missing place is -1.
"""

from typing import Any, NamedTuple

import numpy as np


def _record_type(declaration: type) -> np.dtype[Any]:
    """The record type with the fields of a named tuple: whole numbers and fractions."""
    kinds = {int: np.int64, float: np.float64}
    return np.dtype((np.record, [(name, kinds[kind]) for name, kind in declaration.__annotations__.items()]))


def place_of(record_type: np.dtype[Any], name: str) -> int:
    """The position of a field in its record."""
    assert record_type.names is not None
    return record_type.names.index(name)


class Op(NamedTuple):
    """An operation, a row of ``ops``.

    Offsets into the workspace count columns of one block of rows; offsets into the parameters count numbers.
    """

    code: int
    fan_in: int
    fan_out: int
    x: int  # input columns
    y: int  # output columns; the same as x for an operation in place
    dx: int  # gradient of the input; -1 if nothing below learns
    dy: int  # gradient of the output
    weights: int = -1  # weight matrix of a dense layer, factors of a normalisation or a scaling layer
    bias: int = -1  # bias of a dense or a scaling layer, shift of a normalisation
    other: int = -1  # columns: standardised input of a layer normalisation, second addend of a sum, slopes of a CUSTOM
    d_other: int = -1  # columns: gradient of the second addend
    means: int = -1  # running or fixed statistics; -1 if the mean of the input is already subtracted
    variances: int = -1
    # Kind of an activation; whether a normalisation uses the statistics of the batch; stream of dropout and noise;
    # of a CUSTOM its index among the user's activations in this process
    kind: int = -1
    alpha: float = 0.0  # slope, rate, deviation, or epsilon of a variance
    momentum: float = 0.0  # the share of running statistics that a step keeps
    weights_l1: float = 0.0  # penalties
    weights_l2: float = 0.0
    bias_l1: float = 0.0
    bias_l2: float = 0.0
    weights_per_batch: int = 0  # whether the penalty is divided by the sum of the weights of a batch's rows
    bias_per_batch: int = 0
    max_norm: float = 0.0  # maximum length of a unit's weights; 0 for no limit
    trained: int = 0  # whether the optimiser changes its parameters


# Operation codes. Every training kernel has the core ones; only the full form has the others.
DENSE, RELU, SOFTMAX, ACTIVATION, DROPOUT, NOISE, BATCH_NORM, LAYER_NORM, FORK, ADD, SCALE, CUSTOM = range(12)
LAST_OP = CUSTOM
CORE_OPS = (DENSE, RELU, SOFTMAX)

# Kinds of activation. Files and compiled functions of users hold these numbers: append new ones.
ACTIVATION_KINDS = 12
LEAKY_RELU, ELU, SELU, GELU, GELU_TANH, SILU, SOFTPLUS, SIGMOID, TANH, MISH, HARD_SIGMOID, HARD_SWISH = range(
    ACTIVATION_KINDS
)
SLOPE_NEEDS_X = (GELU, GELU_TANH, SILU, MISH, HARD_SWISH)


class Strip(NamedTuple):
    """A strip of weights, a row of ``strips``."""

    op: int
    panel: int
    row: int  # the first of its rows of weights
    rows: int


class Stage(NamedTuple):
    """A parallel region of a batch before its weights, a row of ``stages``.

    It is a pass over blocks of rows through some operations, forward and then backward, or a pass over the panels of a
    batch normalisation.
    """

    kind: int
    forward_from: int = 0
    forward_to: int = 0
    backward_from: int = 0
    backward_to: int = 0
    statistics_op: int = 0


ROWS, STATISTICS, GRADIENT_STATISTICS = range(3)

# Losses: the first is the core one. All others are sums over the outputs. Append new ones.
LOSS_CODES = 11
(
    SOFTMAX_CROSSENTROPY,  # on logits
    BINARY_LOGITS,
    BINARY_PROBABILITIES,
    SQUARED,
    ABSOLUTE,
    HUBER,
    POISSON,
    QUANTILE,
    LOG_COSH,
    ABSOLUTE_PERCENTAGE,
    POISSON_DEVIANCE,  # on logarithms
) = range(LOSS_CODES)
CUSTOM_LOSS = -1  # the user's, with an index of its own

# Rules for right answers: the largest output is the label's; or each output is on its side of a threshold
NO_HITS, LARGEST, ABOVE_HALF, ABOVE_ZERO = range(4)

# Optimiser codes, the core ones first, and the number of their slots
SGD, ADAM, MOMENTUM_SGD, ADAGRAD, RMSPROP, ADAMAX, RPROP, NADAM, ADADELTA, NO_UPDATE = range(10)
STATE_SLOTS = {SGD: 0, ADAM: 2, MOMENTUM_SGD: 1, ADAGRAD: 1, RMSPROP: 2, ADAMAX: 2, RPROP: 2, NADAM: 2, ADADELTA: 2}
STATE_SLOTS[NO_UPDATE] = 0


class Plan(NamedTuple):
    """How one call runs the program: ``plan`` has one row."""

    trained_ops: int  # operations up to the logits; the others (a fused softmax) run only for predictions
    input: int  # workspace columns of the input
    logits: int  # workspace columns that the loss reads
    dlogits: int  # workspace columns that the loss writes
    columns: int  # workspace columns of a row; a block's scratch space follows them
    block_size: int  # the length of a block's workspace
    block_rows: int  # the maximum of rows in a block
    capacity: int  # the rows that fit into a panel of a block
    blocks: int  # blocks in the workspace; longer batches run in several rounds
    batch_size: int
    optimizer: int = SGD
    panel: int = 0  # columns in a panel of the flat buffers
    loss_code: int = SOFTMAX_CROSSENTROPY
    loss_alpha: float = 0.0  # the parameter of the loss
    loss_share: float = 0.0  # the weight of one output in the loss of a row
    loss_function: int = -1  # of a CUSTOM_LOSS its index among the user's losses in this process
    smoothing: float = 0.0  # the share of a label that is spread over all classes
    hits: int = LARGEST  # the rule for right answers
    is_plain: int = 1  # whether an update is only the optimiser's rule
    is_whole: int = 0  # whether the first update must wait for all gradients
    is_limited: int = 0  # whether a layer limits the length of its weights
    accumulated: int = 1  # how many batches make one update
    by_weights: int = 0  # whether losses of a batch are divided by the sum of its rows' weights, not their number
    ema_slot: int = -1  # the slot with averaged weights; -1 for none
    piece: int = 0  # the columns in a piece of the input's rows
    # Where a block has the pairs of its input (see `fastmlp.kernels.sparse`); -1 where it has panels
    pair_values: int = -1
    pair_columns: int = -1
    pair_starts: int = -1
    sorted_values: int = -1  # the pairs in the order of columns; -1 where no gradient needs them
    sorted_rows: int = -1
    sorted_starts: int = -1
    most_pairs: int = 0  # in a block


class Settings(NamedTuple):
    """The settings of an optimiser's rule besides the learning rate: ``settings`` has one row."""

    beta_1: float = 0.0
    beta_2: float = 0.0
    epsilon: float = 0.0
    momentum: float = 0.0
    nesterov: float = 0.0  # 1 or 0
    rho: float = 0.0
    shrink: float = 0.0  # the factors of an Rprop step, and its bounds
    grow: float = 0.0
    least_step: float = 0.0
    most_step: float = 0.0
    weight_decay: float = 0.0
    clip_value: float = 0.0
    clip_norm: float = 0.0
    clip_global_norm: float = 0.0
    ema_momentum: float = 0.0
    momentum_decay: float = 0.0  # how fast the momentum of Nadam grows to beta_1
    epsilon_hat: float = 0.0  # 1 or 0: whether Adam adds epsilon to √v before its bias correction


class Pace(NamedTuple):
    """The scalars of one update, the same for all parameters; the rule's own code fills them."""

    rate: float  # the learning rate, with bias correction
    small: float  # epsilon, with bias correction
    direct: float  # Nadam: the rate of the gradient itself, beside that of its mean
    decay: float  # the factor that decoupled weight decay leaves of the weights
    share: float  # the share of the new weights in their average; 1 at the first update
    divisor: float  # of the losses of the batch: the number of its rows, or the sum of their weights
    batch_share: float  # the factor of penalties that are divided like losses


class StripSums(NamedTuple):
    """The sums of one strip over the whole batch: squares of its gradients, and its penalty."""

    weights: float
    bias: float
    penalty: float


class Head(NamedTuple):
    """The head of a network array; a plan and the operations follow it.

    Users' compiled functions check it before a call, so the version determines the layout.
    """

    version: int
    ops: int  # how many there are
    parameters: int  # how many there are
    byte_scale: float  # the factor for features of one byte; NaN if they are refused
    integer_scale: float  # the factor for other whole numbers; NaN if they are refused


OP, STRIP, STAGE, PLAN = (_record_type(kind) for kind in (Op, Strip, Stage, Plan))
SETTINGS, PACE, SUMS, HEAD = (_record_type(kind) for kind in (Settings, Pace, StripSums, Head))
OP_FIELDS, STRIP_FIELDS, STAGE_FIELDS, PLAN_FIELDS = (len(kind.names or ()) for kind in (OP, STRIP, STAGE, PLAN))
SETTINGS_FIELDS, STRIP_SUMS, NETWORK_HEAD = (len(kind.names or ()) for kind in (SETTINGS, SUMS, HEAD))
PACE_FIELDS = len(PACE.names or ())
_PLACES = (place_of(PLAN, "panel"), OP_FIELDS, place_of(OP, "fan_in"), place_of(OP, "fan_out"))
VERSION = int(f"2{NETWORK_HEAD:02}{PLAN_FIELDS:02}" + "".join(f"{place:02}" for place in _PLACES))

# The phases that the timers of a training step distinguish
GATHER, FORWARD, LOSS, BACKWARD, GRADIENTS, UPDATE = range(6)
PHASES = 6
