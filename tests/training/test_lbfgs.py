"""L-BFGS, whose steps SciPy makes."""

import builtins

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, MissingExtraError
from fastmlp._base.interruption import Interruption
from fastmlp._engine.engine import Engine


def problem(rows=150, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3))
    return x, (x @ [1.0, -2.0, 0.5] + 0.3)[:, None]


def network(**options):
    model = fm.Sequential([fm.Dense(1, **options)], dtype="float64", seed=0)
    model.compile(fm.LBFGS(tolerance=1e-9), "mse")
    return model


def test_without_scipy_the_error_names_the_extra(monkeypatch):
    usual = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("scipy"):
            raise ImportError(name)
        return usual(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"fastmlp\[scipy\]"):
        network().fit(*problem(), epochs=2, verbose=0)


def test_settings_that_do_not_fit_are_refused():
    x, y = problem()
    with pytest.raises(ArgumentError, match="L-BFGS takes no clipping"):
        fm.LBFGS(clipnorm=1.0)
    with pytest.raises(ArgumentError, match=r"trains with fit\(\) alone"):
        network().train_on_batch(x, y)
    with pytest.raises(ArgumentError, match="cannot be used with data in chunks"):
        network().fit(fm.datasets.Chunks.from_arrays(x, y, 10), verbose=0)


def test_it_finds_the_least_squares_solution():
    pytest.importorskip("scipy")
    x, y = problem()
    model = network()
    history = model.fit(x, y, epochs=50, validation_data=problem(50, 1), verbose=0)
    assert history.stopped == "finished"
    assert history["loss"][-1] < 1e-12
    assert history["val_loss"][-1] < 1e-12
    assert history["loss"] == sorted(history["loss"], reverse=True)
    assert model.layers[0].kernel.ravel() == pytest.approx([1.0, -2.0, 0.5], abs=1e-6)
    assert model.layers[0].bias == pytest.approx([0.3], abs=1e-6)


def test_penalties_and_frozen_layers_count():
    pytest.importorskip("scipy")
    x, y = problem()
    model = network(kernel_regularizer=fm.regularizers.l2(0.1), use_bias=False)
    model.fit(x, y, epochs=100, verbose=0)
    ridge = np.linalg.solve(x.T @ x / len(x) + 0.1 * np.eye(3), x.T @ y / len(x))
    assert model.layers[0].kernel == pytest.approx(ridge, abs=1e-6)
    frozen = fm.Sequential([fm.Dense(4, activation="tanh", trainable=False), fm.Dense(1)], dtype="float64", seed=0)
    frozen.compile(fm.LBFGS(), "mse")
    frozen.build(3)
    before = frozen.get_weights()
    frozen.fit(x, y, epochs=5, verbose=0)
    assert np.array_equal(before[0], frozen.get_weights()[0])
    assert not np.array_equal(before[2], frozen.get_weights()[2])


def test_the_history_tells_how_the_search_ended(tmp_path):
    pytest.importorskip("scipy")
    x, y = problem()
    endings = [
        ({"tolerance": 1e-9}, 50, 0, "CONVERGENCE: NORM OF PROJECTED GRADIENT <= PGTOL"),
        (
            {"tolerance": 1e-30, "ftol": 0.5},
            50,
            0,
            "CONVERGENCE: RELATIVE REDUCTION OF F <= FACTR*EPSMCH",
        ),
        ({"tolerance": 1e-30}, 2, 1, "STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT"),
        ({"tolerance": 1e-30, "max_fun": 3}, 50, 1, "STOP: TOTAL NO. OF F,G EVALUATIONS EXCEEDS LIMIT"),
    ]
    for settings, epochs, status, message in endings:
        model = network()
        model.compile(fm.LBFGS(**settings), "mse")
        history = model.fit(x, y, epochs=epochs, verbose=0)
        assert (history.solver["status"], history.solver["message"].replace("_", " ")) == (status, message)
        assert history.solver["iterations"] == len(history.epoch) <= epochs
        assert history.solver["loss"] == history["loss"][-1] == pytest.approx(model.evaluate(x, y)["loss"])
        assert history.solver["evaluations"] >= len(history.epoch)
    assert history.solver["evaluations"] >= 4
    assert len(history.epoch) < 50
    model.save(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    assert loaded.history.solver == history.solver
    assert loaded.optimizer == model.optimizer
    assert "solver" not in fm.mlp([2], 2).fit([[0.0], [1.0]], [0, 1], verbose=0).config()


@pytest.mark.parametrize("metrics", [[], ["accuracy"], ["accuracy", "f1"]], ids=str)
def test_metrics_cost_no_second_evaluation(metrics, monkeypatch):
    pytest.importorskip("scipy")
    x, y = problem()
    layers, y = [fm.Dense(4, "tanh"), fm.Dense(2, "softmax")], (y[:, 0] > 0).astype(int)
    model = fm.Sequential(layers, dtype="float64", seed=0)
    model.compile(fm.LBFGS(), metrics=metrics)
    calls, train = [], Engine.train
    monkeypatch.setattr(Engine, "train", lambda self, *a, **s: calls.append(1) or train(self, *a, **s))
    with monkeypatch.context() as patched:
        patched.setattr(Engine, "evaluate", None)
        history = model.fit(x, y, epochs=7, verbose=0)
    assert len(calls) == history.solver["evaluations"]
    for name, value in model.evaluate(x, y).items():
        assert history[name][-1] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("layer", [fm.Dropout(0.5), fm.GaussianNoise(1.0), fm.BatchNormalization()], ids=str)
def test_metrics_are_those_of_predictions(layer):
    pytest.importorskip("scipy")
    x, y = problem()
    model = fm.Sequential([fm.Dense(4, "tanh"), layer, fm.Dense(2, "softmax")], dtype="float64", seed=0)
    model.compile(fm.LBFGS(), metrics=["accuracy", "f1"])
    history = model.fit(x, (y[:, 0] > 0).astype(int), epochs=3, verbose=0)
    scores = model.evaluate(x, (y[:, 0] > 0).astype(int))
    assert [history[name][-1] for name in ("accuracy", "f1")] == [scores.accuracy, scores.f1]


def test_callbacks_stop_it():
    pytest.importorskip("scipy")

    class Stop(fm.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            self.model.stop_training = epoch == 2

    history = network().fit(*problem(), epochs=50, callbacks=[Stop()], verbose=0)
    assert history.epoch == [0, 1, 2]
    assert history.stopped == "callback"


def test_a_run_that_is_stopped_has_the_weights_of_its_last_iteration(monkeypatch):
    """And not those where the line search has looked last."""
    pytest.importorskip("scipy")
    x, y = problem(50)
    for looks in range(1, 25):
        model = fm.Sequential([fm.Dense(4, "tanh"), fm.Dense(1)], dtype="float64", seed=0)
        model.compile(fm.LBFGS(tolerance=1e-9), "mse")
        model.build(3)
        accepted, left = [model.get_weights()], iter(range(looks))
        callback = fm.callbacks.Lambda(on_epoch_end=lambda *_, found=accepted, m=model: found.append(m.get_weights()))
        monkeypatch.setattr(Interruption, "has_happened", lambda _, left=left: next(left, None) is None)
        model.fit(x, y, epochs=50, verbose=0, callbacks=[callback])
        assert model.history.stopped == "interrupted"
        for found, expected in zip(model.get_weights(), accepted[-1], strict=True):
            assert np.array_equal(found, expected)
