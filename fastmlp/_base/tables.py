"""The numbers with which a network program is written: record types of its tables, and codes.

A program is data (see `fastmlp.program`). This file is what its writer and its interpreters, `network` and its twin in
`fastmlp.reference`, agree on; it imports nothing of ours, so that writing a program does not load numba.

Kernels take each table as an array of whole numbers, and read it as records: ``ops.reshape(-1).view(OP)[i].fan_in``.
All fields take 8 bytes. What is no place is -1 where there is none.
"""

from typing import Any, NamedTuple

import numpy as np


def _record_type(declaration: type) -> np.dtype[Any]:
    """Of the fields of a named tuple: whole numbers, and fractions."""
    kinds = {int: np.int64, float: np.float64}
    return np.dtype((np.record, [(name, kinds[kind]) for name, kind in declaration.__annotations__.items()]))


def place_of(record_type: np.dtype[Any], name: str) -> int:
    """Which of the numbers of a record a field is."""
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
    dx: int  # gradient of the input; -1 where nothing below learns
    dy: int  # gradient of the output
    weights: int = -1  # kernel of a dense layer, scale of a normalisation
    bias: int = -1  # and shift of a normalisation
    other: int = -1  # columns: standardised input of a layer normalisation, second addend of a sum
    d_other: int = -1  # columns: gradient of the second addend
    means: int = -1  # running statistics, or fixed ones; -1 where the input comes with its mean taken off
    variances: int = -1
    kind: int = (
        -1
    )  # of an activation; of a normalisation, whether its statistics are the batch's; of dropout, its stream
    alpha: float = 0.0  # slope, rate, deviation, or what is added to a variance
    momentum: float = 0.0  # share of the running statistics that a step keeps
    weights_l1: float = 0.0  # penalties
    weights_l2: float = 0.0
    bias_l1: float = 0.0
    bias_l2: float = 0.0
    max_norm: float = 0.0  # most length of a unit's weights; 0 for any
    trained: int = 0  # whether the optimiser changes its parameters


# Operation codes. The core ones are in every training kernel, the others in that for all operations.
DENSE, RELU, SOFTMAX, ACTIVATION, DROPOUT, NOISE, BATCH_NORM, LAYER_NORM, FORK, ADD = range(10)
CORE_OPS = (DENSE, RELU, SOFTMAX)

# Kinds of activation
LEAKY_RELU, ELU, SELU, GELU, GELU_TANH, SILU, SOFTPLUS, SIGMOID, TANH = range(9)
SLOPE_NEEDS_X = (GELU, GELU_TANH, SILU)


class Unit(NamedTuple):
    """A block of weights, a row of ``units``."""

    op: int
    panel: int
    row: int  # first of a span of rows of the weights
    rows: int


class Stage(NamedTuple):
    """A parallel step of one batch before its weights, a row of ``stages``.

    A pass over blocks of rows through some operations, forward and then backward, or one over the panels of a batch
    normalisation.
    """

    kind: int
    forward_from: int = 0
    forward_to: int = 0
    backward_from: int = 0
    backward_to: int = 0
    statistics_op: int = 0


ROWS, STATISTICS, GRADIENT_STATISTICS = range(3)

# Losses: the first is the core one. All others add up over the outputs.
(
    SOFTMAX_CROSSENTROPY,  # on logits
    BINARY_LOGITS,
    BINARY_PROBABILITIES,
    SQUARED,
    ABSOLUTE,
    HUBER,
    POISSON,
    QUANTILE,
) = range(8)

# What counts as a right answer: the largest output is the label's; or each output on its side of a threshold
NO_HITS, LARGEST, ABOVE_HALF, ABOVE_ZERO = range(4)

# Optimiser codes, the core ones first, and how many numbers of state each keeps for a parameter
SGD, ADAM, MOMENTUM_SGD, ADAGRAD, RMSPROP, ADAMAX, RPROP, NO_UPDATE = range(8)
STATE_SLOTS = {SGD: 0, ADAM: 2, MOMENTUM_SGD: 1, ADAGRAD: 1, RMSPROP: 2, ADAMAX: 2, RPROP: 2, NO_UPDATE: 0}


class Plan(NamedTuple):
    """How a call is to run the program: ``plan`` has one row."""

    trained_ops: int  # operations up to the logits; the rest (a fused softmax) runs only for predictions
    input: int  # workspace columns of the input
    logits: int  # workspace columns that the loss reads
    dlogits: int  # workspace columns that the loss writes
    columns: int  # workspace columns of a row, after which a block's scratch space begins
    block_size: int  # numbers of workspace for one block
    block_rows: int  # most rows in a block
    capacity: int  # rows that there is room for in a panel of a block
    blocks: int  # blocks in the workspace: longer batches run in several rounds
    batch_size: int
    optimizer: int = SGD
    panel: int = 0  # columns in a panel of the flat buffers
    loss_code: int = SOFTMAX_CROSSENTROPY
    loss_alpha: float = 0.0  # its parameter
    loss_share: float = 0.0  # weight of one output in the loss of a row
    smoothing: float = 0.0  # share of a label that is spread over all classes
    hits: int = LARGEST  # what counts as a right answer
    is_plain: int = 1  # whether an update is nothing but the optimiser's rule
    is_whole: int = 0  # whether all gradients must be there before the first update
    is_limited: int = 0  # whether a layer limits the length of its weights
    accumulated: int = 1  # batches whose gradients make one update
    ema_slot: int = -1  # state that holds averaged weights; -1 for none


class Settings(NamedTuple):
    """What an optimiser's rule reads besides the learning rate: ``settings`` has one row."""

    beta_1: float = 0.0
    beta_2: float = 0.0
    epsilon: float = 0.0
    momentum: float = 0.0
    nesterov: float = 0.0  # 1 or 0
    rho: float = 0.0
    shrink: float = 0.0  # factors of a step of Rprop, and its bounds
    grow: float = 0.0
    least_step: float = 0.0
    most_step: float = 0.0
    weight_decay: float = 0.0
    clip_value: float = 0.0
    clip_norm: float = 0.0
    clip_global_norm: float = 0.0
    ema_momentum: float = 0.0


class Pace(NamedTuple):
    """The scalars of one update, the same for all parameters: the rule's own code in a kernel fills them."""

    rate: float  # the learning rate, with what corrects a bias
    small: float  # epsilon, with what corrects a bias
    decay: float  # what decoupled weight decay leaves of the weights
    share: float  # of the new weights in their average: all of it, at the first update


class UnitSums(NamedTuple):
    """What a unit of weights leaves behind for the whole batch: sums of squares of its gradients, and its penalty."""

    weights: float
    bias: float
    penalty: float


class Head(NamedTuple):
    """How the array of a network for inference begins; behind it stand a plan, and the operations.

    Users' compiled functions check it before a call, so the version says where they find what.
    """

    version: int
    ops: int  # how many there are
    parameters: int  # how many there are
    byte_scale: float  # what features of one byte are multiplied by; NaN where they may not come
    integer_scale: float  # the same for other whole numbers


OP, UNIT, STAGE, PLAN = (_record_type(kind) for kind in (Op, Unit, Stage, Plan))
SETTINGS, PACE, SUMS, HEAD = (_record_type(kind) for kind in (Settings, Pace, UnitSums, Head))
OP_FIELDS, UNIT_FIELDS, STAGE_FIELDS, PLAN_FIELDS = (len(kind.names or ()) for kind in (OP, UNIT, STAGE, PLAN))
SETTINGS_FIELDS, UNIT_SUMS, NETWORK_HEAD = (len(kind.names or ()) for kind in (SETTINGS, SUMS, HEAD))
PACE_FIELDS = len(PACE.names or ())
_PLACES = (place_of(PLAN, "panel"), OP_FIELDS, place_of(OP, "fan_in"), place_of(OP, "fan_out"))
VERSION = int(f"2{NETWORK_HEAD:02}{PLAN_FIELDS:02}" + "".join(f"{place:02}" for place in _PLACES))

# What the timers of a training step tell apart
GATHER, FORWARD, LOSS, BACKWARD, GRADIENTS, UPDATE = range(6)
PHASES = 6
