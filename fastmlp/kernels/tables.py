"""The numbers with which a network program is written: columns of its tables and operation codes.

A program is data (see `fastmlp.program`). This file is what its writer and its interpreter, `network`, agree on;
it imports nothing, so that writing a program does not load numba.
"""

# Columns of the operation table. Offsets into the workspace count columns of one block of rows; offsets into
# the parameters count numbers; -1 means there is none.
(
    CODE,
    FAN_IN,
    FAN_OUT,
    X,  # input columns
    Y,  # output columns; the same as X for an operation in place
    DX,  # gradient of the input; -1 where nothing below learns
    DY,  # gradient of the output
    WEIGHTS,
    BIAS,
) = range(9)
OP_FIELDS = 9

# Operation codes
DENSE, RELU, SOFTMAX = range(3)

# Columns of the table of weight blocks: an operation, one of its panels, and a span of rows of its weights
UNIT_OP, UNIT_PANEL, UNIT_ROW, UNIT_ROWS = range(4)
UNIT_FIELDS = 4

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
) = range(12)
PLAN_FIELDS = 12

# Optimiser codes, and what their row of settings holds besides the learning rate
SGD, ADAM = range(2)
BETA_1, BETA_2, EPSILON = range(3)
SETTINGS_FIELDS = 3
STATE_SLOTS = {SGD: 0, ADAM: 2}

# A network for inference as one array: a version, how many operations and how many parameters it has, then a plan,
# and the operations. Users' compiled functions check it before a call, so the version says where they find what.
NETWORK_VERSION, NETWORK_OPS, NETWORK_SIZE = range(3)
NETWORK_HEAD = 3
VERSION = int(f"1{PLAN_FIELDS:02}{PANEL:02}{OP_FIELDS:02}{FAN_IN:02}{FAN_OUT:02}")

# What the timers of a training step tell apart
GATHER, FORWARD, LOSS, BACKWARD, GRADIENTS, UPDATE = range(6)
PHASES = 6
