"""What does not fit `jitted` is refused before anything is read or written."""

import numba
import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, NotBuiltError
from fastmlp._base import tables
from fastmlp.jitted import predict

from ..shared.jitted import call, network, read_only, rows_for, unset
from ..shared.processes import needs_jit

OURS = "fastmlp's predict takes"


def misfits(model):
    """Calls of the types of a good call, with sizes or contents that do not fit."""
    out, x, (_, weights, table) = unset(model, 5), rows_for(model, 5), model.jitted()
    another = table.copy()
    another[0] += 1
    return {
        "narrow x": (out, x[:, 1:].copy(), weights, table),
        "wide x": (out, np.ones((5, 38), np.float32), weights, table),
        "few rows of out": (out[:4], x, weights, table),
        "many rows of out": (unset(model, 6), x, weights, table),
        "turned out": (np.ascontiguousarray(out.T), x, weights, table),
        "narrow out": (out[:, 1:].copy(), x, weights, table),
        "short weights": (out, x, weights[:-1], table),
        "long weights": (out, x, np.append(weights, weights[:1]), table),
        "network of another model": (out, x, weights, network("deep").jitted().network),
        "another version": (out, x, weights, another),
        "no network": (out, x, weights, table[:0]),
        "half a network": (out, x, weights, table[:8]),
    }


@pytest.mark.parametrize("name", misfits(network()))
@pytest.mark.parametrize("function", [predict, call], ids=["plain", "compiled"])
def test_what_does_not_fit_is_refused_and_nothing_is_written(function, name):
    model = network()
    arguments = misfits(model)[name]
    is_table = name in ("another version", "no network", "half a network")
    remedy = r"call model\.jitted\(\).*delete the files of numba's cache" if is_table else "must have the shapes"
    with pytest.raises(ValueError, match=remedy):
        function(*arguments)
    assert np.isnan(arguments[0]).all()


def altered(name, table):
    """A network that says other numbers than there are; of the first operation the normalisation's mean is last."""
    table = table.copy()
    head, first = table[: tables.NETWORK_HEAD].view(tables.HEAD)[0], tables.NETWORK_HEAD + tables.PLAN_FIELDS
    if name == "operations that end in the middle of nowhere":
        head.ops = 1000
        table[first + tables.place_of(tables.OP, "fan_in")] = table.size - (first + 1000 * tables.OP_FIELDS)
    elif name in ("2**62 operations", "-2**63 operations"):
        head.ops = eval(name.split()[0])
    elif name == "a mean before an operation that needs its own":
        return np.concatenate([table, np.zeros(37, np.int64)])
    return table


@pytest.mark.parametrize(
    "name",
    [
        "operations that end in the middle of nowhere",
        "2**62 operations",
        "-2**63 operations",
        "a mean before an operation that needs its own",
    ],
)
@pytest.mark.parametrize("function", [predict, call], ids=["plain", "compiled"])
def test_altered_networks_are_refused_before_anything_is_read(function, name):
    model = fm.Sequential([fm.BatchNormalization(), fm.Dense(5)], seed=0)
    model.build(37)
    out, x, (_, weights, table) = unset(model, 5), np.ones((5, 37)), model.jitted()
    with pytest.raises(ValueError, match=r"network is damaged|lies outside of the parameters"):
        function(out, x, weights, altered(name, table))
    assert np.isnan(out).all()


@pytest.mark.parametrize("function", [predict, pytest.param(call, marks=needs_jit)], ids=["plain", "compiled"])
def test_weights_of_the_other_precision_are_refused(function):
    model = network()
    _, weights, table = model.jitted()
    noisy = weights + np.random.default_rng(0).normal(size=weights.size)  # float64
    with pytest.raises(ValueError, match="weights the dtype of the model"):
        function(unset(model, 5), rows_for(model, 5), noisy, table)


WRONG_TYPES = {
    "number as out": lambda out, x, w, n: (5, x, w, n),
    "read-only out": lambda out, x, w, n: (read_only(out), x, w, n),
    "whole numbers as out": lambda out, x, w, n: (np.zeros_like(out, np.int32), x, w, n),
    "complex x": lambda out, x, w, n: (out, x.astype(np.complex64), w, n),
    "three dimensions": lambda out, x, w, n: (out[None], x[None], w, n),
    "one row to a matrix": lambda out, x, w, n: (out, x[0], w, n),
    "matrix of weights": lambda out, x, w, n: (out, x, w[None], n),
    "whole numbers as weights": lambda out, x, w, n: (out, x, w.astype(np.int64), n),
    "network in int32": lambda out, x, w, n: (out, x, w, n.astype(np.int32)),
    "weights in place of network": lambda out, x, w, n: (out, x, n, w),
    "tuple": lambda out, x, w, n: (out, (1.0, 2.0), w, n),
}


@needs_jit
@pytest.mark.parametrize("name", WRONG_TYPES)
def test_wrong_types_are_refused_when_numba_compiles_the_call(name):
    model = network()
    arguments = WRONG_TYPES[name](unset(model, 5), rows_for(model, 5), *model.jitted()[1:])
    with pytest.raises(numba.TypingError) as refusal:
        call(*arguments)
    assert OURS in str(refusal.value)


def test_the_plain_function_refuses_outputs_that_it_cannot_write():
    model = network()
    _, weights, table = model.jitted()
    for out in (read_only(unset(model, 5)), np.zeros((5, 7), np.int32)):
        with pytest.raises(TypeError, match=OURS):
            predict(out, rows_for(model, 5), weights, table)


def test_a_model_without_parameters_has_nothing_to_call():
    with pytest.raises(NotBuiltError, match="build"):
        fm.mlp([3], classes=2).jitted()


@needs_jit
def test_a_kernel_that_cannot_be_loaded_is_an_error_not_a_crash():
    from fastmlp.kernels.simd.machine_code import EntryPoint

    entry_point = EntryPoint("fastmlp_test_nothing", lambda: 0)  # compiled code knows addresses inside it
    nothing = entry_point.caller(numba.void, (numba.int64,), lambda: None)

    @numba.njit
    def run():
        nothing((1,))

    with pytest.raises(RuntimeError, match="fastmlp_test_nothing could not be loaded"):
        run()


def test_errors_are_of_our_family_in_plain_python():
    model = network()
    with pytest.raises(ArgumentError):
        predict(unset(model, 4), rows_for(model, 5), *model.jitted()[1:])
