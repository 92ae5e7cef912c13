"""Updates by given gradients: like the twin, and refused where tables do not fit."""

import copy

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, kernels, reference
from fastmlp._base import tables
from fastmlp.layers import BatchNormalization, Dense, LayerNormalization, Scale

from .. import cases
from ..examples import RULES
from .test_kernels import argument, assert_close, in_float64
from .test_operations import dtype  # noqa: F401 - a fixture

LAYERS = [
    Dense(33, "relu", max_norm=0.7),
    BatchNormalization(),
    Dense(17, "tanh", trainable=False),
    LayerNormalization(),
    Scale(),
    Dense(7, "softmax", kernel_regularizer="l2"),
]


def update(dtype, rule, **options):  # noqa: F811
    return cases.network_update(np.random.default_rng(1), np.dtype(dtype), 20, optimizer=rule, **options)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rules_update_like_the_twin(rule, dtype):  # noqa: F811
    for step in (1, 7):
        args = update(dtype, rule, layers=LAYERS, step=step)
        ref, comp = in_float64(args), copy.deepcopy(args)
        reference.network_update(*ref)
        kernels.network_update(*comp)
        for name in ("parameters", "state"):
            values = (argument(part, name, "network_update") for part in (comp, ref))
            assert_close(*values, {"float32": 1e-5, "float64": 1e-13}[str(dtype)], name)
        for name in ("gradients", "ops", "strips", "plan", "settings"):
            values = (argument(part, name, "network_update") for part in (comp, args))
            assert np.array_equal(*values), name


def test_penalties_are_not_added():
    args = update("float64", fm.SGD(0.1), layers=[Dense(5, kernel_regularizer="l2", bias_regularizer="l1")])
    w, dw = argument(args, "parameters", "network_update"), argument(args, "gradients", "network_update")
    before = w.copy()
    kernels.network_update(*args)
    np.testing.assert_allclose(w, before - 0.1 * dw, rtol=1e-12)


@pytest.mark.parametrize(
    ("table", "field", "value", "message"),
    [
        ("ops", "weights", 10**6, r"ops\[0\]: a tensor lies outside of the parameters"),
        ("ops", "bias", 10**6, r"ops\[0\]: a tensor lies outside of the parameters"),
        ("strips", "panel", 1000, r"strips\[0\]: strips must name each panel"),
        ("plan", "optimizer", 99, "plan: an unknown loss, rule for right answers or optimiser"),
        ("plan", "ema_slot", 1, "plan: ema_slot must be -1, or 2 behind"),
        ("plan", "panel", 3, "plan: panel is not the panel width"),
    ],
)
def test_tables_that_do_not_fit_are_refused(table, field, value, message):
    args = update("float32", fm.Adam(), layers=LAYERS)
    records = {"ops": tables.OP, "strips": tables.STRIP, "plan": tables.PLAN}
    argument(args, table, "network_update").reshape(-1).view(records[table])[field][0] = value
    before = copy.deepcopy(args)
    with pytest.raises(ArgumentError, match=message):
        kernels.network_update(*args)
    assert np.array_equal(args[0], before[0])


def test_a_limit_of_lengths_holds_for_dense_layers_alone():
    """Others have one row of factors, so their columns end before those of a matrix would."""
    args = update("float64", fm.SGD(0.1), layers=LAYERS)
    ops = argument(args, "ops", "network_update").view(tables.OP)[:, 0]
    expected = copy.deepcopy(args)
    kernels.network_update(*expected)
    ops["max_norm"][ops["code"] != tables.DENSE] = 1e-3
    kernels.network_update(*args)
    assert np.array_equal(args[0], expected[0])
