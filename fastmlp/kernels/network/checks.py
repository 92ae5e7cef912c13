"""Checks of the arguments of kernels for whole networks, beyond their declarations.

Each check takes a kernel's arguments by name and returns the fault in words, or None. Only calls from outside the
package are checked; see `fastmlp._compiling.jit.Kernel`.
"""

import numpy as np

from ..._base.tables import OP, PHASES, PLAN, STAGE_FIELDS, STATE_SLOTS, STRIP_FIELDS
from ..simd import panel
from ..sparse import rows_fault
from .verify import CORE_TRAINING, EVALUATION, PREDICTION, TRAINING, UPDATE, described, network_fault, program_fault

_NO_STRIPS, _NO_STAGES = np.empty((0, STRIP_FIELDS), np.int64), np.empty((0, STAGE_FIELDS), np.int64)


def check_prediction_of_rows(v):
    sizes = (v["weights"].size, v["x"].shape[1], v["outputs"].shape[1], panel(v["weights"]))
    return described(network_fault.run(np.float64, 1, v["network"], *sizes))


def check_prediction(v):
    return _fault_of_form(v) or check_sparse_prediction(v)


def check_sparse_prediction(v):
    fault = _fault_of_program(v, PREDICTION) or _fault_of_matrices(v, _ops(v)[-1].fan_out)
    return fault or _fault_of_pairs(v) or _fault_of_rows(v, len(v["outputs"]))


def check_evaluation(v):
    return _fault_of_form(v) or check_sparse_evaluation(v)


def check_sparse_evaluation(v):
    rows = v["row_losses"].size
    fault = _fault_of_program(v, EVALUATION) or _fault_of_matrices(v, _classes(v)) or _fault_of_pairs(v)
    return fault or _fault_of_rows(v, rows) or _fault_of_outputs(v, rows) or _fault_of_truth(v)


def check_core_training(v):
    return _fault_of_form(v) or _fault_of_training(v, CORE_TRAINING)


def check_training(v):
    return _fault_of_form(v) or _fault_of_training(v, TRAINING)


def check_sparse_core_training(v):
    return _fault_of_training(v, CORE_TRAINING)


def check_sparse_training(v):
    return _fault_of_training(v, TRAINING)


def check_update(v):
    return _fault_of_program(v, UPDATE, v["strips"]) or _fault_of_state(v)


def _fault_of_training(v, purpose):
    fault = _fault_of_program(v, purpose, v["strips"], v["stages"])
    fault = fault or _fault_of_matrices(v, _classes(v)) or _fault_of_pairs(v) or _fault_of_epoch(v)
    fault = fault or _fault_of_outputs(v, v["order"].size) or _fault_of_truth(v)
    return fault or _fault_of_state(v) or _fault_of_timers(v)


# ---------------------------------------------------------------- the program


def _fault_of_program(v, purpose, strips=_NO_STRIPS, stages=_NO_STAGES):
    parameters, workspace = v["parameters"], v.get("workspace", v["parameters"])
    tables = (v["ops"], strips, stages, v["plan"])
    if len(v["ops"]) == 0:
        return "ops must have at least one operation"
    fault = program_fault.run(np.float64, 1, *tables, parameters.size, workspace.size, panel(parameters), purpose)
    return described(fault)


def _ops(v):
    return v["ops"].view(OP)[:, 0]


def _plan(v):
    return v["plan"].view(PLAN)[0]


def _classes(v):
    return _ops(v)[_plan(v).trained_ops - 1].fan_out


def _fault_of_matrices(v, classes):
    fan_in = _ops(v)[0].fan_in
    if v["x"].shape[1] != fan_in:
        return f"x and pixels must have the {fan_in} columns that the network has inputs, not {v['x'].shape[1]}"
    if v["outputs"].shape[1] != classes:
        return f"outputs and targets must have {classes} columns, as many as ops say, not {v['outputs'].shape[1]}"
    if (len(v["x"]) > 0) + (len(v["pixels"]) > 0) + (v["starts"].size > 0) > 1:
        return "only one of x, pixels and starts may have rows"
    return None


def _fault_of_form(v):
    """Kernels for dense rows know no pairs."""
    if v["starts"].size or _plan(v).pair_values >= 0:
        return "only the sparse forms of this kernel take sparse rows, or a plan with places for pairs"
    return None


def _fault_of_pairs(v):
    """A block must have room for all the pairs that its rows may have."""
    starts, columns, plan = v["starts"], v["columns"], _plan(v)
    most = int(_ops(v)[0].fan_in)
    if starts.size:
        fault = rows_fault(starts, columns)
        if fault:
            return fault
        most = int(np.diff(starts).max(initial=0))
    if plan.pair_values >= 0 and plan.most_pairs < int(plan.block_rows) * most:
        return f"plan: most_pairs must be {int(plan.block_rows) * most}, as a row may have {most}"
    return None


# ---------------------------------------------------------------- the data


def _rows_of_data(v):
    return max(len(v["x"]), len(v["pixels"]), v["starts"].size - 1)


def _fault_of_rows(v, rows):
    """An order must name existing rows; without one, there must be a row for each result."""
    order, there = v["order"], _rows_of_data(v)
    if order.size not in (0, rows):
        return f"order must have {rows} numbers, one for each row of the results, or none, not {order.size}"
    if order.size == 0 and rows > there:
        return f"the data has {there} rows, but {rows} are asked for"
    return _fault_of_order(order, there)


def _fault_of_order(order, there):
    if order.size and (order.min() < 0 or order.max() >= there):
        return f"order must hold row numbers from 0 to {there - 1}, but holds {order.min()} to {order.max()}"
    return None


def _fault_of_outputs(v, rows):
    if len(v["outputs"]) not in (0, rows):
        return f"outputs must have {rows} rows, or none, not {len(v['outputs'])}"
    return None


def _fault_of_truth(v):
    there = _rows_of_data(v)
    for name in ("labels", "targets", "row_weights"):
        if len(v[name]) not in (0, there):
            return f"{name} must have {there} rows like the data, or none, not {len(v[name])}"
    if there and not len(v["labels"]) and not len(v["targets"]):
        return "labels or targets must have a row for each row of the data"
    return None


# ---------------------------------------------------------------- training


def _fault_of_epoch(v):
    """Every batch of the call must have a row, and scratch space for all its rows."""
    order, batch, first = v["order"], int(_plan(v).batch_size), v["first_batch"]
    there = -(-order.size // batch)
    count = v["learning_rates"].size
    if first + count > there:
        return f"learning_rates has {count} numbers, but the epoch has {there} batches and first_batch is {first}"
    longest = min(batch, order.size)
    slots = v["row_losses"].size
    if slots < longest:
        return f"row_losses and row_correct must have {longest} numbers, as many as the longest batch rows, not {slots}"
    rows_at_once = int(_plan(v).blocks) * int(_plan(v).block_rows)
    if len(v["stages"]) > 1 and rows_at_once < longest:
        return f"plan: batch normalisation needs all {longest} rows of a batch in the workspace, not {rows_at_once}"
    return _fault_of_order(order, _rows_of_data(v))


def _fault_of_state(v):
    plan, n = _plan(v), v["parameters"].size
    own = STATE_SLOTS[int(plan.optimizer)]
    slots = own + (plan.ema_slot >= 0)
    if plan.ema_slot not in (-1, own):
        return f"plan: ema_slot must be -1, or {own} behind what the optimiser keeps, not {plan.ema_slot}"
    if v["state"].size != slots * n:
        return f"state must have {slots} numbers for each of the {n} parameters, not {v['state'].size}"
    return None


def _fault_of_timers(v):
    timers = v["timers"]
    rows = 1 + max(int(_plan(v).blocks), len(v["strips"]))
    if timers.dtype == np.int64 and timers.size < rows * PHASES:
        return f"timers must have {rows} rows of {PHASES} numbers, not {timers.size} numbers"
    return None
