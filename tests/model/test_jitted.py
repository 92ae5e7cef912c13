"""`model.jitted()`: a network inside the user's own numba code gives the bits of `model.predict`."""

import copy
import pickle

import numba
import numpy as np
import pytest

import fastmlp as fm
from fastmlp._compiling import jit
from fastmlp.jitted import predict

from ..shared.jitted import STACKS, call, network, read_only, rows_for, unset
from ..shared.processes import in_threads, needs_jit


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

    in_threads(work, models * 3)
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
