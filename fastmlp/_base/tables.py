"""The numbers with which a network program is written: columns of its tables and operation codes.

A program is data (see `fastmlp.program`). This file is what its writer and its interpreter, `network`, agree on;
it imports nothing of ours, so that writing a program does not load numba.
"""

import struct


def as_bits(fraction: float) -> int:
    """The whole number with the bits of a float64: how tables of whole numbers hold fractions."""
    return int(struct.unpack("<q", struct.pack("<d", fraction))[0])


# Columns of the operation table. Offsets into the workspace count columns of one block of rows; offsets into
# the parameters count numbers; -1 means there is none. What is a fraction stands as the bits of a float64.
(
    CODE,
    FAN_IN,
    FAN_OUT,
    X,  # input columns
    Y,  # output columns; the same as X for an operation in place
    DX,  # gradient of the input; -1 where nothing below learns
    DY,  # gradient of the output
    WEIGHTS,  # kernel of a dense layer, scale of a normalisation
    BIAS,  # and shift of a normalisation
    OTHER,  # columns: standardised input of a layer normalisation, second addend of a sum
    D_OTHER,  # columns: gradient of the second addend
    MEAN,  # running statistics, or fixed ones; -1 where the input comes with its mean taken off
    VARIANCE,
    KIND,  # of an activation; of a normalisation, whether its statistics are the batch's; of dropout, its stream
    ALPHA,  # fraction: slope, rate, deviation, or what is added to a variance
    MOMENTUM,  # fraction: share of the running statistics that a step keeps
    WEIGHTS_L1,  # fractions: penalties
    WEIGHTS_L2,
    BIAS_L1,
    BIAS_L2,
    MAX_NORM,  # fraction: most length of a unit's weights; 0 for any
    TRAINED,  # whether the optimiser changes its parameters
) = range(22)
OP_FIELDS = 22

# Operation codes. The core ones are in every training kernel, the others in that for all operations.
DENSE, RELU, SOFTMAX, ACTIVATION, DROPOUT, NOISE, BATCH_NORM, LAYER_NORM, FORK, ADD = range(10)
CORE_OPS = (DENSE, RELU, SOFTMAX)

# Kinds of activation
LEAKY_RELU, ELU, SELU, GELU, GELU_TANH, SILU, SOFTPLUS, SIGMOID, TANH = range(9)
SLOPE_NEEDS_X = (GELU, GELU_TANH, SILU)

# Columns of the table of weight blocks: an operation, one of its panels, and a span of rows of its weights
UNIT_OP, UNIT_PANEL, UNIT_ROW, UNIT_ROWS = range(4)
UNIT_FIELDS = 4

# Columns of the table of stages, the parallel steps of one batch before its weights: a pass over blocks of rows
# through some operations, forward and then backward, or one over the panels of a batch normalisation
STAGE_KIND, FORWARD_FROM, FORWARD_TO, BACKWARD_FROM, BACKWARD_TO, STATISTICS_OP = range(6)
STAGE_FIELDS = 6
ROWS, STATISTICS, GRADIENT_STATISTICS = range(3)

# Entries of the plan: how this call is to run the program
(
    TRAINED_OPS,  # operations up to the logits; the rest (a fused softmax) runs only for predictions
    INPUT,  # workspace columns of the input
    LOGITS,  # workspace columns that the loss reads
    DLOGITS,  # workspace columns that the loss writes
    COLUMNS,  # workspace columns of a row, after which a block's scratch space begins
    BLOCK_SIZE,  # numbers of workspace for one block
    BLOCK_ROWS,  # most rows in a block
    CAPACITY,  # rows that there is room for in a panel of a block
    BLOCKS,  # blocks in the workspace: longer batches run in several rounds
    BATCH_SIZE,
    OPTIMIZER,
    PANEL,  # columns in a panel of the flat buffers
    LOSS_CODE,
    LOSS_ALPHA,  # fraction: its parameter
    LOSS_SHARE,  # fraction: weight of one output in the loss of a row
    SMOOTHING,  # fraction: of a label that is spread over all classes
    HITS,  # what counts as a right answer
    IS_PLAIN,  # whether an update is nothing but the optimiser's rule
    IS_WHOLE,  # whether all gradients must be there before the first update
    IS_LIMITED,  # whether a layer limits the length of its weights
    ACCUMULATED,  # batches whose gradients make one update
    EMA_SLOT,  # state that holds averaged weights; -1 for none
) = range(22)
PLAN_FIELDS = 22

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

# Optimiser codes, and what their row of settings holds besides the learning rate. The first two are the core ones.
SGD, ADAM, MOMENTUM_SGD, ADAGRAD, RMSPROP, ADAMAX, RPROP, NO_UPDATE = range(8)
(
    BETA_1,
    BETA_2,
    EPSILON,
    VELOCITY,  # momentum
    NESTEROV,  # 1 or 0
    RHO,
    SHRINK,  # factors of a step of Rprop, and its bounds
    GROW,
    LEAST_STEP,
    MOST_STEP,
    WEIGHT_DECAY,
    CLIP_VALUE,
    CLIP_NORM,
    CLIP_GLOBAL_NORM,
    EMA_MOMENTUM,
) = range(15)
SETTINGS_FIELDS = 15
STATE_SLOTS = {SGD: 0, ADAM: 2, MOMENTUM_SGD: 1, ADAGRAD: 1, RMSPROP: 2, ADAMAX: 2, RPROP: 2, NO_UPDATE: 0}

# What a unit of weights leaves behind for the whole batch: sums of squares of its gradients, and its penalty
SQUARES_WEIGHTS, SQUARES_BIAS, PENALTY = range(3)
UNIT_SUMS = 3

# A network for inference as one array: a head, then a plan, and the operations. Users' compiled functions check it
# before a call, so the version says where they find what.
(
    NETWORK_VERSION,
    NETWORK_OPS,  # how many there are
    NETWORK_SIZE,  # how many parameters
    BYTE_SCALE,  # fraction: what features of one byte are multiplied by; NaN where they may not come
    INTEGER_SCALE,  # fraction: the same for other whole numbers
) = range(5)
NETWORK_HEAD = 5
VERSION = int(f"2{NETWORK_HEAD:02}{PLAN_FIELDS:02}{PANEL:02}{OP_FIELDS:02}{FAN_IN:02}{FAN_OUT:02}")

# What the timers of a training step tell apart
GATHER, FORWARD, LOSS, BACKWARD, GRADIENTS, UPDATE = range(6)
PHASES = 6
