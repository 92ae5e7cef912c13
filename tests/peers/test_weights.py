"""Weights of rows, reductions and penalties per batch beside scikit-learn and PyTorch."""

import warnings

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import losses, regularizers
from fastmlp.layers import Dense

from ..shared.torch_twin import CLASSES, ROWS, Twin, compiled, crossentropy, fit, problem

pytestmark = pytest.mark.needs_jit

WEIGHTS = np.random.default_rng(6).integers(0, 4, ROWS) / 2
WEIGHTS[:2] = 0.5, 3.0
EXACT = "mean_with_sample_weight"
HALF_SQUARES = losses.Huber(1e30, reduction=EXACT)  # (y − t)²/2 as far as it goes


# ---------------------------------------------------------------- scikit-learn


def sklearn_twin(kind, model, **settings):
    """An estimator of scikit-learn that starts from the weights of a model."""
    network = pytest.importorskip("sklearn.neural_network")
    given = iter([w.copy() for w in model.get_weights()])

    class Started(getattr(network, kind)):
        def _init_coef(self, fan_in, fan_out, dtype):
            return next(given), next(given)

    usual = {"shuffle": False, "batch_size": 5, "max_iter": 8, "n_iter_no_change": 100, "random_state": 0}
    return Started(hidden_layer_sizes=(6,), activation="tanh", **{**usual, **settings})


def fitted(estimator, x, y, weights):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        estimator.fit(x, y, sample_weight=weights)
    return [w for pair in zip(estimator.coefs_, estimator.intercepts_, strict=True) for w in pair]


PROBLEMS = {
    "classes": (
        "MLPClassifier",
        Dense(CLASSES, "softmax"),
        losses.CategoricalCrossentropy(reduction=EXACT),
        lambda y: y,
    ),
    "two classes": ("MLPClassifier", Dense(1, "sigmoid"), losses.BinaryCrossentropy(reduction=EXACT), lambda y: y > 0),
    "values": ("MLPRegressor", Dense(1), HALF_SQUARES, lambda y: np.sin(2.0 * y)),
}
SOLVERS = {
    "sgd": ({"solver": "sgd", "momentum": 0.9, "learning_rate_init": 0.05}, fm.SGD(0.05, 0.9, nesterov=True)),
    # It leaves the bias correction out of epsilon, so epsilon is nothing here.
    "adam": ({"solver": "adam", "learning_rate_init": 0.05, "epsilon": 1e-30}, fm.Adam(0.05, epsilon=1e-30)),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_losses_weights_and_alpha_are_those_of_scikit_learn(name, solver, weighted):
    kind, last, loss, targets = PROBLEMS[name]
    settings, rule = SOLVERS[solver]
    (x, y), alpha, weights = problem(), 0.7, WEIGHTS if weighted else None
    penalty = regularizers.l2(alpha / 2, per_batch=True)
    layers = [
        Dense(6, "tanh", kernel_regularizer=penalty),
        Dense(last.units, last.activation, kernel_regularizer=penalty),
    ]
    model = compiled(layers, rule, loss)
    estimator = sklearn_twin(kind, model, alpha=alpha, **settings)
    expected = fitted(estimator, x, targets(y), weights)
    history = fit(model, x, targets(y), 8, sample_weight=weights)
    np.testing.assert_allclose(history["loss"], estimator.loss_curve_, rtol=1e-9)
    for found, value in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_lbfgs_makes_the_steps_of_scikit_learn(name, weighted):
    pytest.importorskip("scipy")
    kind, last, loss, targets = PROBLEMS[name]
    (x, y), alpha, weights = problem(60), 5.0, np.resize(WEIGHTS, 60) if weighted else None
    penalty = regularizers.l2(alpha / 2, per_batch=True)
    layers = [Dense(n, a, kernel_regularizer=penalty) for n, a in ((6, "tanh"), (last.units, last.activation))]
    # Longer searches differ: SciPy's steps make rounding errors grow.
    for limits in ({"max_iter": 12}, {"max_iter": 200, "tol": 1e-3}, {"max_iter": 200, "max_fun": 8}):
        settings = {"tolerance": limits.get("tol", 1e-4), "max_fun": limits.get("max_fun", 15_000)}
        model = compiled(layers, fm.LBFGS(ftol=1e7 * np.finfo(float).eps, **settings), loss)
        estimator = sklearn_twin(kind, model, alpha=alpha, solver="lbfgs", **limits)
        expected = fitted(estimator, x, targets(y), weights)
        history = fit(model, x, targets(y), limits["max_iter"], sample_weight=weights)
        assert len(history.epoch) == estimator.n_iter_
        assert history.solver["loss"] == pytest.approx(estimator.loss_, rel=1e-9)
        for found, value in zip(model.get_weights(), expected, strict=True):
            np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- torch


@pytest.mark.parametrize("together", [1, 2])
@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
def test_reductions_and_penalties_are_explicit_ones_in_torch(reduction, together, torch):
    (x, y), l1, l2 = problem(), 0.1, 0.3
    chosen = regularizers.l1_l2(l1, l2, per_batch=True)
    layers = [
        Dense(6, "tanh", kernel_regularizer=chosen, bias_regularizer="l2"),
        Dense(CLASSES, "softmax", bias_regularizer=chosen),
    ]
    rule = fm.SGD(0.2, gradient_accumulation_steps=together)
    model = compiled(layers, rule, losses.CategoricalCrossentropy(reduction=reduction))
    twin = Twin(torch, model)
    w, given, scaled = twin.tensors, torch.as_tensor(WEIGHTS), torch.as_tensor(WEIGHTS / WEIGHTS.mean())
    optimizer, expected = torch.optim.SGD(twin.trained, lr=0.2), []
    for step, first in enumerate([*range(0, ROWS, 5)] * 4, 1):
        rows = slice(first, first + 5)
        each = crossentropy(twin.f, twin(x[rows], random_key=(0, first)), torch.as_tensor(y[rows]))
        divisor = given[rows].sum() if reduction == EXACT else len(each) * WEIGHTS.mean()
        shared = sum(l1 * v.abs().sum() + l2 * (v**2).sum() for v in (w[0, "kernel"], w[1, "bias"]))
        mean = (each * given[rows]).sum() / divisor
        np.testing.assert_allclose(mean.item(), (each * scaled[rows]).sum().item() / (divisor.item() / WEIGHTS.mean()))
        loss = mean + shared / divisor
        every_update = 0.01 * (w[0, "bias"] ** 2).sum()
        ((loss + every_update) / together).backward()
        expected.append(loss.item() + every_update.item())
        if step % together == 0:
            optimizer.step()
            optimizer.zero_grad()
    history = fit(model, x, y, 4, sample_weight=WEIGHTS)
    np.testing.assert_allclose(history.batches["loss"], expected, rtol=1e-9)
    twin.assert_same(model, rtol=1e-8, atol=1e-9)
    of_rows = -model.predict_log_proba(x)[np.arange(ROWS), y]
    kernel, bias, _, last = model.get_weights()
    shared = sum(l1 * abs(v).sum() + l2 * (v**2).sum() for v in (kernel, last)) / WEIGHTS.sum()
    loss = np.average(of_rows, weights=WEIGHTS) + shared + 0.01 * (bias**2).sum()
    assert model.evaluate(x, y, sample_weight=WEIGHTS)["loss"] == pytest.approx(loss, rel=1e-10)
