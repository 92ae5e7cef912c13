"""`model.jitted()`: a network inside the user's own numba code gives the bits of `model.predict`."""

import copy
import pickle
import threading

import numba
import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, NotBuiltError
from fastmlp._base import tables
from fastmlp._compiling import jit
from fastmlp.jitted import predict

from ..shared.processes import needs_fork, needs_jit, run_python

OURS = "fastmlp's predict takes"


@numba.njit(nogil=True)
def call(out, x, weights, network):
    predict(out, x, weights, network)


@numba.njit(nogil=True)
def row_by_row(out, x, weights, network):
    for i in range(len(x)):
        predict(out[i], x[i], weights, network)


@numba.njit(nogil=True, parallel=True)
def row_by_row_in_parallel(out, x, weights, network):
    for i in numba.prange(len(x)):
        predict(out[i], x[i], weights, network)


@numba.njit(parallel=True)
def population_in_parallel(out, x, population, network):
    for i in numba.prange(len(population)):
        predict(out[i], x, population[i], network)


STACKS = {
    "classifier": (37, [fm.Dense(33, "relu"), fm.Dense(7, "softmax")]),
    "one linear layer": (5, [fm.Dense(3)]),
    "softmax inside": (9, [fm.Dense(17, "softmax"), fm.Dense(4, "relu")]),
    "no bias": (3, [fm.Dense(65, "relu", use_bias=False), fm.Dense(2, use_bias=False)]),
    "width 1": (1, [fm.Dense(1, "relu"), fm.Dense(1)]),
    "deep": (129, [*(fm.Dense(width, "relu") for width in (67, 1, 131)), fm.Dense(101, "softmax")]),
}


def network(name="classifier", dtype="float32", seed=0):
    """A model whose biases are not zero."""
    features, layers = STACKS[name]
    model = fm.Sequential(layers, dtype=dtype, seed=seed)
    model.build(features)
    generator = np.random.default_rng(seed)
    model.set_weights([w + 0.1 * generator.normal(size=w.shape) for w in model.get_weights()])
    return model


def rows_for(model, rows, seed=1):
    return np.random.default_rng(seed).normal(size=(rows, model.engine.program.fan_in)).astype(model.dtype)


def unset(model, *rows, dtype=None):
    return np.full((*rows, model.engine.program.classes), np.nan, dtype or model.dtype)


# ---------------------------------------------------------------- the same bits


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("function", [predict, call], ids=["plain", "compiled"])
def test_rows_get_the_same_bits_as_from_the_model(function, name, dtype):
    model = network(name, dtype)
    _, weights, table = model.jitted()
    x = rows_for(model, 3 if jit.jit_disabled() else 200)
    wanted = model.predict(x)
    for rows in (1, 2, 3, 63, 64, 65, 200)[: None if len(x) == 200 else 3]:
        out = unset(model, rows)
        function(out, x[:rows], weights, table)
        assert out.tobytes() == wanted[:rows].tobytes()
    out = unset(model)
    function(out, x[1], weights, table)
    assert out.tobytes() == wanted[1].tobytes()


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("function", [row_by_row, row_by_row_in_parallel], ids=["range", "prange"])
def test_single_rows_in_a_loop_get_the_same_bits(function, name):
    model = network(name)
    _, weights, table = model.jitted()
    x = rows_for(model, 3 if jit.jit_disabled() else 300)
    out = unset(model, len(x))
    function(out, x, weights, table)
    assert out.tobytes() == model.predict(x).tobytes()


@needs_jit
def test_python_threads_call_at_once():
    models = [network(name) for name in STACKS]
    wrong = []

    def work(model):
        _, weights, table = model.jitted()
        x = rows_for(model, 150)
        wanted, out = model.predict(x).tobytes(), unset(model, len(x))
        for function in (call, row_by_row, call, row_by_row):
            out.fill(np.nan)
            function(out, x, weights, table)
            if out.tobytes() != wanted:
                wrong.append(model)

    threads = [threading.Thread(target=work, args=(model,)) for model in models * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_population_is_evaluated_over_the_rows_of_a_matrix_of_weights():
    models = [network(seed=seed) for seed in range(5)]
    population = np.stack([model.jitted().weights for model in models])
    x = rows_for(models[0], 1)
    out = unset(models[0], len(models))
    population_in_parallel(out, x[0], population, models[0].jitted().network)
    assert out.tobytes() == np.concatenate([model.predict(x) for model in models]).tobytes()


def test_no_rows_are_no_work():
    model = network()
    for function in (predict, call):
        function(unset(model, 0), rows_for(model, 0), *model.jitted()[1:])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_gives_nan_and_leaves_the_others_alone(value):
    model = network()
    _, weights, table = model.jitted()
    x = rows_for(model, 4)
    wanted = model.predict(x)
    wanted[2] = np.nan
    x[2, -1] = value
    for function in (predict, call):
        out = unset(model, 4)
        function(out, x, weights, table)
        np.testing.assert_array_equal(out, wanted)


# ---------------------------------------------------------------- forms of arrays


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


FORMS = {
    "F order": np.asfortranarray,
    "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "backwards": lambda array: array[..., ::-1].copy()[..., ::-1],
    "float64": lambda array: array.astype(np.float64),
}


@pytest.mark.parametrize("form", [*FORMS, "read only"])
@pytest.mark.parametrize("function", [predict, pytest.param(call, marks=needs_jit)], ids=["plain", "compiled"])
def test_x_may_have_any_form(function, form):
    model = network()
    x = rows_for(model, 5)
    out = unset(model, 5)
    function(out, (FORMS | {"read only": read_only})[form](x), *model.jitted()[1:])
    assert out.tobytes() == model.predict(x).tobytes()


@pytest.mark.parametrize("function", [predict, pytest.param(call, marks=needs_jit)], ids=["plain", "compiled"])
def test_x_may_hold_integers(function):
    model = network()
    x = np.arange(37)
    out = unset(model)
    function(out, x, *model.jitted()[1:])
    assert out.tobytes() == model.predict(x[None]).tobytes()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("function", [predict, pytest.param(call, marks=needs_jit)], ids=["plain", "compiled"])
def test_out_may_have_any_form(function, form):
    model = network()
    x = rows_for(model, 5)
    out = FORMS[form](unset(model, 5))
    function(out, x, *model.jitted()[1:])
    np.testing.assert_array_equal(out, model.predict(x))


@pytest.mark.parametrize("form", ["read only", "strided"])
@pytest.mark.parametrize("function", [predict, pytest.param(call, marks=needs_jit)], ids=["plain", "compiled"])
def test_weights_and_network_may_be_read_only_or_strided(function, form):
    model = network()
    _, weights, table = model.jitted()
    x = rows_for(model, 5)
    out = unset(model, 5)
    change = {"read only": read_only, "strided": FORMS["strided"]}[form]
    function(out, x, change(weights), change(table))
    assert out.tobytes() == model.predict(x).tobytes()


# ---------------------------------------------------------------- what does not fit is refused


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
    first = tables.NETWORK_HEAD + tables.PLAN_FIELDS
    if name == "operations that end in the middle of nowhere":
        table[tables.NETWORK_OPS] = 1000
        table[first + tables.FAN_IN] = table.size - (first + 1000 * tables.OP_FIELDS)
    elif name in ("2**62 operations", "-2**63 operations"):
        table[tables.NETWORK_OPS] = eval(name.split()[0])
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


# ---------------------------------------------------------------- weights


def test_weights_are_the_models_own_through_training():
    model = network()
    model.compile()
    jitted = model.jitted()
    x, y = rows_for(model, 20), np.arange(20) % 7
    seen = set()
    for change in (
        lambda: None,
        lambda: model.fit(x, y, verbose=0),
        lambda: model.train_on_batch(x, y),
        lambda: model.set_weights([w * 0.5 for w in model.get_weights()]),
        lambda: model.compile("sgd"),
        lambda: model.fit(x, y, verbose=0),
    ):
        change()
        out = unset(model, 20)
        call(out, x, jitted.weights, jitted.network)
        assert out.tobytes() == model.predict(x).tobytes()
        seen.add(out.tobytes())
    assert len(seen) == 5  # compile() alone changes nothing


def test_a_changed_copy_of_the_weights_is_another_network():
    model = network()
    _, weights, table = model.jitted()
    x = rows_for(model, 3)
    before, out = model.predict(x), unset(model, 3)
    call(out, x, np.zeros_like(weights), table)
    np.testing.assert_allclose(out, 1 / 7, rtol=1e-6)
    assert model.predict(x).tobytes() == before.tobytes()


def test_weights_that_are_written_are_the_models():
    model, better = network(), network(seed=1)
    _, weights, _ = model.jitted()
    weights[:] = better.jitted().weights
    x, y = rows_for(model, 20), np.arange(20) % 7
    assert model.predict(x).tobytes() == better.predict(x).tobytes()
    for trained in (model, better):
        trained.compile()
        trained.fit(x, y, verbose=0, seed=3)
    assert model.predict(x).tobytes() == better.predict(x).tobytes()


@pytest.mark.parametrize("name", STACKS)
def test_what_is_written_between_the_tensors_changes_nothing(name, dtype, tmp_path):
    """As by noise on the whole vector."""
    model = network(name, dtype)
    _, weights, table = model.jitted()
    weights += np.random.default_rng(0).normal(size=weights.size).astype(dtype)
    model.save(tmp_path / "model.npz")
    clean = fm.load(tmp_path / "model.npz")  # holds the tensors alone
    assert weights.tobytes() != clean.jitted().weights.tobytes()
    x = rows_for(model, 3)
    out = unset(model, 3)
    call(out, x, weights, table)
    assert out.tobytes() == model.predict(x).tobytes() == clean.predict(x).tobytes()
    if name in ("classifier", "deep"):
        for trained in (model, clean):
            trained.compile("adam")
            trained.fit(x, np.arange(3), epochs=3, verbose=0)
        assert out.tobytes() != model.predict(x).tobytes() == clean.predict(x).tobytes()


@needs_jit
def test_another_model_compiles_nothing():
    model = network()
    call(unset(model, 5), rows_for(model, 5), *model.jitted()[1:])
    signatures, compiled = list(call.signatures), list(jit.compilations)
    for name in STACKS:
        model = network(name)
        call(unset(model, 5), rows_for(model, 5), *model.jitted()[1:])
    assert call.signatures == signatures
    assert jit.compilations == compiled


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda j: pickle.loads(pickle.dumps(j))], ids=["deepcopy", "pickle"])
def test_a_copy_works_like_the_original(copied):
    model = network()
    again = copied(model.jitted())
    assert again.predict is predict
    x = rows_for(model, 3)
    wanted, out = model.predict(x), unset(model, 3)
    model.set_weights([w * 0 for w in model.get_weights()])
    call(out, x, again.weights, again.network)
    assert out.tobytes() == wanted.tobytes()


# ---------------------------------------------------------------- processes and numba's disk cache

SIMULATION = """
import numba
import numpy as np
from fastmlp.jitted import predict
from fastmlp.kernels import tables

WEIGHTS, NETWORK = np.load("weights.npy"), np.load("network.npy")

@numba.njit(nogil=True, cache=True)
def serial(out, x, weights, network):
    for i in range(len(x)):
        predict(out[i], x[i], weights, network)

@numba.njit(parallel=True, cache=True)
def parallel(out, x, weights, network):
    for i in numba.prange(len(x)):
        predict(out[i], x[i], weights, network)

@numba.njit(cache=True)
def frozen(out, x):  # numba makes constants of both arrays
    predict(out, x, WEIGHTS, NETWORK)

def check(x, wanted, *arrays):
    for function, arguments in ((parallel, arrays), (serial, arrays), (frozen, ())):
        out = np.full_like(wanted, np.nan)
        function(out, x, *arguments)
        assert out.tobytes() == wanted.tobytes(), function
    hits, misses = [], []
    for function in (serial, parallel, frozen):
        hits.append(sum(function.stats.cache_hits.values()))
        misses.append(sum(function.stats.cache_misses.values()))
    print(hits, misses)
"""

WITH_MODEL = """
import numpy as np
import fastmlp as fm
from fastmlp._compiling import jit

model = fm.mlp([33], classes=7, seed=0)
model.build(37)
predict, weights, network = model.jitted()
np.save("weights.npy", weights)
np.save("network.npy", network)
x = np.random.default_rng(0).normal(size=(100, 37)).astype("f4")
np.save("x.npy", x)
np.save("wanted.npy", model.predict(x))
import simulation
simulation.check(x, model.predict(x), weights, network)
other = fm.mlp([5, 5], classes=3, seed=0)  # another architecture, the same code
other.build(2)
out = np.zeros((1, 3), np.float32)
simulation.serial(out, np.ones((1, 2), np.float32), *other.jitted()[1:])
assert (out == other.predict([[1, 1]])).all()
print(len(simulation.serial.signatures), jit.compilations)
"""

WITHOUT_MODEL = """
import numpy as np
import simulation
from fastmlp._compiling import jit
from fastmlp import jitted

assert jitted._entry_point("float32")._cell.value == 0  # nobody has asked for the kernel yet
simulation.check(*(np.load(f"{name}.npy") for name in ("x", "wanted", "weights", "network")))
print(jit.compilations)
"""


@needs_jit
def test_cached_functions_compile_nothing_in_other_processes(tmp_path):
    (tmp_path / "simulation.py").write_text(SIMULATION)
    cached, compiled = "[1, 1, 1] [0, 0, 0]", "[0, 0, 0] [1, 1, 1]"
    assert run_python(WITH_MODEL, tmp_path) == f"{compiled}\n1 []"
    assert run_python(WITH_MODEL, tmp_path) == f"{cached}\n1 []"
    assert run_python(WITHOUT_MODEL, tmp_path) == f"{cached}\n[]"


FORK = """
import os
import numba
import numpy as np
import fastmlp as fm

model = fm.mlp([33], classes=7, seed=0)
model.build(37)
predict, weights, network = model.jitted()

@numba.njit
def call(out, x, weights, network):
    predict(out, x, weights, network)

x = np.ones((100, 37), np.float32)
wanted = model.predict(x)

def check():
    out = np.zeros_like(wanted)
    call(out, x, weights, network)
    return out.tobytes() == wanted.tobytes()

for forked in ("before the first call", "after a call"):
    child = os.fork()
    if child == 0:
        os._exit(0 if check() else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), check())
"""


@needs_jit
@needs_fork
def test_a_forked_child_calls_the_network(tmp_path):
    assert run_python(FORK, tmp_path, "-W", "ignore::DeprecationWarning") == "0 True\n0 True"


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
