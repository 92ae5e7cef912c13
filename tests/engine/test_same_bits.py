"""The number of threads, of rows in a call and of rounds changes no bit."""

import numpy as np
import pytest

from fastmlp._compiling import threads as _threads
from fastmlp._engine import engine, program

from ..shared.models import bits, data, network
from ..shared.processes import needs_jit
from ..shared.runs import RULES, deep, without_seconds


@pytest.fixture
def always_parallel(monkeypatch):
    """Networks of any size run in parallel."""
    monkeypatch.setattr(engine, "_PARALLEL_WORK", 0)
    monkeypatch.setattr(engine, "_PARALLEL_CALL_WORK", 0)
    monkeypatch.setattr(engine, "_PARALLEL_FORWARD_WORK", 0)


@needs_jit
@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("hidden", "features", "classes", "batch_size"),
    [
        ((33, 17), 37, 7, 61),
        ((1,), 3, 2, 5),
        ((), 37, 7, 64),
        ((64, 31), 16, 10, 127),
        ((5,), 301, 3, 97),
        ((16,), 16, 16, 1),
    ],
    ids=str,
)
def test_training_gives_the_same_bits_on_any_number_of_threads(hidden, features, classes, batch_size, dtype):
    x, y = data(300, features, classes)
    results = []
    for n_threads in (1, 2, None, 1000):
        model = network(hidden, classes, dtype=dtype)
        settings = {"batch_size": batch_size, "epochs": 2, "n_threads": n_threads, "validation_split": 0.1}
        history = model.fit(x, y, verbose=0, **settings)
        scores = model.evaluate(x, y, n_threads=n_threads)
        predictions = model.predict(x, n_threads=n_threads).tobytes()
        results.append((bits(model), without_seconds(history), history.batches, scores, predictions))
    assert all(result == results[0] for result in results)


@needs_jit
def test_twenty_parallel_runs_give_the_same_bits():
    x, y = data(1024, 64, 10)
    results = set()
    for _ in range(20):
        model = network((96, 64), 10)
        model.fit(x, y, batch_size=512, verbose=0, n_threads=2)
        results.add(bits(model))
    assert model.engine.training_threads(512, 2) == min(2, _threads.available_threads())
    assert len(results) == 1


@needs_jit
@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("workspace", [1, 1 << 16, 64 << 20])
def test_a_batch_run_in_rounds_gives_the_same_bits(workspace, monkeypatch):
    x, y = data(600)
    monkeypatch.setattr(program, "_WORKSPACE_BYTES", 64 << 20)
    whole = network((33, 17))
    whole.fit(x, y, batch_size=500, verbose=0, n_threads=1)
    monkeypatch.setattr(program, "_WORKSPACE_BYTES", workspace)
    for n_threads in (1, 2):
        model = network((33, 17))
        model.fit(x, y, batch_size=500, verbose=0, n_threads=n_threads)
        assert bits(model) == bits(whole)
        assert model.predict(x).tobytes() == whole.predict(x).tobytes()


@needs_jit
@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [(), (1,), (33, 17), (64,)], ids=str)
def test_a_row_is_predicted_with_the_same_bits_alone_and_in_any_batch(hidden, dtype):
    x, _ = data(600, 37)
    model = network(hidden, 7, dtype=dtype)
    model.build(37)
    whole = model.predict(x, n_threads=2)
    for start, rows in [(0, 1), (5, 1), (599, 1), (3, 2), (10, 7), (100, 64), (50, 65), (1, 129), (0, 599), (7, 300)]:
        for n_threads in (1, 2):
            part = model.predict(x[start : start + rows], n_threads=n_threads)
            assert part.tobytes() == whole[start : start + rows].tobytes()


def test_batches_of_changing_size_leave_nothing_behind_for_each_other():
    x, y = data(130)
    model, fresh = network((33,)), network((33,))
    for model_of in (model, fresh):
        model_of.build(20)
    for rows in (130, 1, 64, 3, 65):
        model.predict(x[:rows])
        model.evaluate(x[:rows], y[:rows])
    start = model.get_weights()
    model.train_on_batch(x, y)
    model.set_weights(start)
    model.compile("adam")
    assert model.train_on_batch(x[:7], y[:7]) == fresh.train_on_batch(x[:7], y[:7])
    assert bits(model) == bits(fresh)


@needs_jit
@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_any_training_gives_the_same_bits_on_any_number_of_threads(rule):
    x, y = data(300, 7, 5)
    models = []
    for n_threads in (1, 2):
        model = deep(rule)
        model.fit(x, y, batch_size=61, epochs=2, n_threads=n_threads, verbose=0)
        models.append(model)
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        assert np.array_equal(a, b)
