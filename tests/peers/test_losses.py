"""Losses, weights of rows and classes beside PyTorch and scikit-learn."""

import copy

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import losses
from fastmlp.layers import (
    Dense,
)

from ..shared.torch_twin import (
    CLASSES,
    OPTIMIZERS,
    REAL,
    ROWS,
    Twin,
    bits,
    compiled,
    crossentropy,
    fit,
    gradient_of_a_step,
    network,
    problem,
    squares,
)

pytestmark = pytest.mark.needs_jit


# ---------------------------------------------------------------- losses


def with_logits(f, y, t):
    return f.binary_cross_entropy_with_logits(y, t, reduction="none").mean(1)


def smooth(t):
    return t * 0.8 + 0.1


def pinball(f, y, t):
    return (0.9 * (t - y)).maximum(-0.1 * (t - y)).mean(1)


LABELS = np.random.default_rng(1).integers(0, 4, ROWS)

SHARES = np.abs(REAL) / np.abs(REAL).sum(axis=1, keepdims=True)
YES = (REAL > 0).astype(float)
COUNTS = np.floor(np.exp(REAL) * 2)
LOSSES = {
    "categorical": (losses.CategoricalCrossentropy(), "softmax", LABELS, crossentropy),
    "categorical, one-hot": (losses.CategoricalCrossentropy(), "softmax", np.eye(4)[LABELS], crossentropy),
    "categorical, soft": (losses.CategoricalCrossentropy(), "softmax", SHARES, crossentropy),
    "categorical, smoothed": (
        losses.CategoricalCrossentropy(label_smoothing=0.2),
        "softmax",
        LABELS,
        lambda f, p, t: f.cross_entropy(p.log(), t, reduction="none", label_smoothing=0.2),
    ),
    "categorical, soft and smoothed": (
        losses.CategoricalCrossentropy(label_smoothing=0.2),
        "softmax",
        SHARES,
        lambda f, p, t: f.cross_entropy(p.log(), t, reduction="none", label_smoothing=0.2),
    ),
    "categorical from logits": (
        losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        None,
        LABELS,
        lambda f, z, t: f.cross_entropy(z, t, reduction="none", label_smoothing=0.1),
    ),
    "binary": (
        losses.BinaryCrossentropy(),
        "sigmoid",
        YES,
        lambda f, p, t: f.binary_cross_entropy(p, t, reduction="none").mean(1),
    ),
    "binary, smoothed": (
        losses.BinaryCrossentropy(label_smoothing=0.2),
        "sigmoid",
        YES,
        lambda f, p, t: f.binary_cross_entropy(p, smooth(t), reduction="none").mean(1),
    ),
    "binary from logits": (losses.BinaryCrossentropy(from_logits=True), None, SHARES, with_logits),
    "binary from logits, smoothed": (
        losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2),
        None,
        YES,
        lambda f, y, t: with_logits(f, y, smooth(t)),
    ),
    "binary of a softmax": (
        losses.BinaryCrossentropy(),
        "softmax",
        YES,
        lambda f, p, t: f.binary_cross_entropy(p, t, reduction="none").mean(1),
    ),
    "binary, summed": (
        losses.BinaryCrossentropy(sum_over_units=True),
        "sigmoid",
        YES,
        lambda f, p, t: f.binary_cross_entropy(p, t, reduction="none").sum(1),
    ),
    "mse": ("mse", None, REAL, lambda f, y, t: f.mse_loss(y, t, reduction="none").mean(1)),
    "mse of a softmax": ("mse", "softmax", np.eye(4)[LABELS], lambda f, y, t: squares(f, y, t) / 4),
    "rss": ("rss", "tanh", REAL, squares),
    "half of rss": ("half_squared_error", None, REAL, lambda f, y, t: squares(f, y, t) / 2),
    "mae": ("mae", None, REAL, lambda f, y, t: f.l1_loss(y, t, reduction="none").mean(1)),
    "mape": ("mape", None, REAL, lambda f, y, t: 100 * ((y - t) / t).abs().mean(1)),
    "huber": (
        losses.Huber(0.4),
        None,
        REAL,
        lambda f, y, t: f.huber_loss(y, t, reduction="none", delta=0.4).mean(1),
    ),
    # torch has none
    "log_cosh": ("log_cosh", None, REAL, lambda f, y, t: (y - t).cosh().log().mean(1)),
    # torch's log_input=False, with our smallest probability as its eps
    "poisson": (
        "poisson",
        "softplus",
        COUNTS,
        lambda f, y, t: f.poisson_nll_loss(y, t, log_input=False, eps=1e-7, reduction="none").mean(1),
    ),
    # torch leaves out what does not depend on the outputs
    "poisson_deviance": (
        "poisson_deviance",
        None,
        COUNTS,
        lambda f, y, t: (f.poisson_nll_loss(y, t, log_input=True, reduction="none") + t.xlogy(t) - t).sum(1),
    ),
    "quantile": (losses.Quantile(0.9), None, REAL, pinball),
}


def judged(name, optimizer, **settings):
    loss, last, targets, row_losses = LOSSES[name]
    layers = [Dense(6, "tanh"), Dense(4, last, **settings)]
    return compiled(layers, optimizer, loss), targets, row_losses


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_have_torchs_values_and_gradients(name, weighted, torch):
    x, _ = problem()
    model, targets, row_losses = judged(name, fm.SGD(1.0))
    twin = Twin(torch, model)
    weights = np.random.default_rng(5).integers(0, 4, ROWS) / 2 if weighted else np.ones(ROWS)
    loss = (row_losses(twin.f, twin(x), torch.as_tensor(targets)) * torch.as_tensor(weights)).sum() / weights.sum()
    loss.backward()
    given = {"sample_weight": weights} if weighted else {}
    np.testing.assert_allclose(model.evaluate(x, targets, **given)["loss"], float(loss.detach()), rtol=1e-11)
    gradients, reported = gradient_of_a_step(model, x, targets, **given)
    np.testing.assert_allclose(reported, float(loss.detach()), rtol=1e-11)
    for found, w in zip(gradients, twin.trained, strict=True):
        np.testing.assert_allclose(found, w.grad.numpy(), rtol=1e-9, atol=1e-13)


def test_losses_have_the_values_of_scikit_learn(sklearn_metrics):
    x, _ = problem()
    of = sklearn_metrics
    expected = {
        "categorical": lambda p, t: of.log_loss(t, p),
        "mse": lambda y, t: of.mean_squared_error(t, y),
        "rss": lambda y, t: 4 * of.mean_squared_error(t, y),
        "mae": lambda y, t: of.mean_absolute_error(t, y),
        "mape": lambda y, t: 100 * of.mean_absolute_percentage_error(t, y),
        "quantile": lambda y, t: of.mean_pinball_loss(t, y, alpha=0.9),
        "binary": lambda p, t: np.mean([of.log_loss(t[:, i], p[:, i]) for i in range(4)]),
    }
    for name, value in expected.items():
        model, targets, _ = judged(name, fm.SGD())
        found = model.evaluate(x, targets)["loss"]
        np.testing.assert_allclose(found, value(model.predict(x), targets), rtol=1e-11, err_msg=name)
    model, targets, _ = judged("poisson", fm.SGD())
    deviance = of.mean_poisson_deviance(targets.ravel(), model.predict(x).ravel())
    best = (targets - targets * np.log(np.maximum(targets, 1e-300))).mean()  # the loss of exact predictions
    np.testing.assert_allclose(model.evaluate(x, targets)["loss"], deviance / 2 + best, rtol=1e-6)


def test_losses_have_the_values_of_their_formulas():
    y, t = 3.0, 1.0
    model = compiled([Dense(1)], fm.SGD(1.0), "mse", features=1)
    formulas = {
        "mse": ((y - t) ** 2, 2 * (y - t)),
        "rss": ((y - t) ** 2, 2 * (y - t)),
        "mae": (2.0, 1.0),
        "huber": (1.0 * (2.0 - 0.5), 1.0),
        losses.Huber(5.0): (2.0, 2.0),
        "mape": (100 * 2.0, 100.0),
        "log_cosh": (np.log(np.cosh(2.0)), np.tanh(2.0)),
        losses.Quantile(0.9): (0.1 * 2, 0.1),
        losses.BinaryCrossentropy(from_logits=True): (np.log1p(np.exp(-y)), -1 / (1 + np.exp(y))),
        losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.5): (
            0.75 * np.log1p(np.exp(-y)) + 0.25 * np.log1p(np.exp(y)),
            1 / (1 + np.exp(-y)) - 0.75,
        ),
    }
    for loss, (value, slope) in formulas.items():
        model.compile(fm.SGD(1.0), loss)
        model.set_weights([[[0.0]], [y]])
        (_, bias), reported = gradient_of_a_step(model, [[1.0]], [t])
        np.testing.assert_allclose([reported, bias[0]], [value, slope], rtol=1e-12, err_msg=str(loss))


# ---------------------------------------------------------------- weights of rows and classes


@pytest.mark.parametrize("name", LOSSES)
def test_a_row_that_weighs_two_is_a_row_twice(name):
    x, _ = problem()
    twice, targets, _ = judged(name, fm.SGD(1.0))
    once = copy.deepcopy(twice)
    weights = np.random.default_rng(3).integers(0, 3, ROWS)
    again = np.repeat(np.arange(ROWS), weights)
    gradients, loss = gradient_of_a_step(once, x, targets, sample_weight=weights)
    expected, of_twice = gradient_of_a_step(twice, x[again], targets[again])
    np.testing.assert_allclose(loss, of_twice, rtol=1e-12)
    for found, w in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(found, w, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("rule", ["SGD", "Adam"])
def test_what_is_in_rows_without_weight_changes_no_bit(rule):
    x, y = problem()
    weights = np.where(np.arange(ROWS) % 3, 1.5, 0.0)
    results = []
    for noise in (0.0, 100.0):
        model = network(OPTIMIZERS[rule][0])
        changed = np.where(weights[:, None] > 0, x, x + noise)
        labels = np.where((weights > 0) | (noise == 0), y, (y + 1) % CLASSES)
        history = fit(model, changed, labels, 5, sample_weight=weights)
        results.append((bits(model), history.batches["loss"]))
    assert results[0] == results[1]


def test_weights_of_classes_are_weights_of_rows():
    x, y = problem()
    by_class, by_row, as_rows = network(), network(), network()
    fit(by_class, x, y, 3, class_weight={0: 2.0, 2: 0.25})
    fit(by_row, x, y, 3, sample_weight=np.array([2.0, 1.0, 0.25])[y])
    fit(as_rows, x, np.eye(CLASSES)[y], 3, class_weight={0: 2.0, 2: 0.25})
    assert bits(by_class) == bits(by_row)
    for ours, other in zip(by_class.get_weights(), as_rows.get_weights(), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("missing", [False, True])
def test_balanced_classes_are_those_of_scikit_learn(missing):
    utils = pytest.importorskip("sklearn.utils.class_weight")
    x, _ = problem()
    y = np.array([0] * 15 + [2] * 8) if missing else np.array([0] * 14 + [1] * 2 + [2] * 7)
    there = np.unique(y)
    expected = utils.compute_class_weight("balanced", classes=there, y=y)
    balanced, explicit = network(), network()
    fit(balanced, x, y, 3, class_weight="balanced")
    fit(explicit, x, y, 3, class_weight={int(c): float(w) for c, w in zip(there, expected, strict=True)})
    assert bits(balanced) == bits(explicit)


def test_balanced_answers_of_one_unit_count_half_each():
    x, _ = problem()
    y = np.array([1.0] * 3 + [0.0] * 20)
    balanced, explicit = (compiled([Dense(1, "sigmoid")], fm.SGD(0.1), "binary_crossentropy") for _ in range(2))
    fit(balanced, x, y, 3, class_weight="balanced")
    fit(explicit, x, y, 3, sample_weight=np.where(y > 0, 23 / 6, 23 / 40))
    assert bits(balanced) == bits(explicit)
