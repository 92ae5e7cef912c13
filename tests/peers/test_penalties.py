"""Penalties and limits of weights."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import regularizers
from fastmlp.layers import (
    BatchNormalization,
    Dense,
)

from ..shared.torch_twin import CLASSES, OPTIMIZERS, OUT, ROWS, Twin, compiled, crossentropy, fit, problem

pytestmark = pytest.mark.needs_jit

PENALTIES = {
    "l1": (regularizers.l1(0.03), 0.03, 0.0),
    "l2": (regularizers.l2(0.03), 0.0, 0.03),
    "l1_l2": (regularizers.l1_l2(0.02, 0.05), 0.02, 0.05),
}


def penalized(kind, optimizer=None):
    chosen = PENALTIES[kind][0]
    hidden = Dense(8, "tanh", kernel_regularizer=chosen, bias_regularizer=chosen)
    return compiled([hidden, BatchNormalization(), Dense(CLASSES, "softmax", kernel_regularizer=chosen)], optimizer)


@pytest.mark.parametrize("kind", PENALTIES)
def test_penalties_train_like_explicit_ones_in_torch(kind, torch):
    _, l1, l2 = PENALTIES[kind]
    x, y = problem()
    model = penalized(kind, fm.Adam(0.01))
    twin = Twin(torch, model)
    places = [(0, "kernel"), (0, "bias"), (2, "kernel")]

    def penalty():
        return sum(l1 * twin.tensors[p].abs().sum() + l2 * (twin.tensors[p] ** 2).sum() for p in places)

    history = fit(model, x, y, 8)
    optimizer = torch.optim.Adam(twin.trained, lr=0.01)
    expected = twin.train(optimizer, x, y, crossentropy, epochs=8, penalty=penalty)
    np.testing.assert_allclose(history.batches["loss"], expected, rtol=1e-8)
    twin.assert_same(model, rtol=1e-7, atol=1e-8)
    with torch.no_grad():
        loss = crossentropy(twin.f, twin(x), torch.as_tensor(y)).mean() + penalty()
    np.testing.assert_allclose(model.evaluate(x, y)["loss"], float(loss), rtol=1e-8)


@pytest.mark.parametrize("kind", PENALTIES)
def test_the_reported_loss_contains_the_penalty(kind):
    _, l1, l2 = PENALTIES[kind]
    x, y = problem()
    model = penalized(kind, fm.SGD(1e-12))
    weights = [model.layers[0].kernel, model.layers[0].bias, model.layers[2].kernel]
    penalty = sum(l1 * abs(w).sum() + l2 * (w**2).sum() for w in weights)
    probabilities = model.predict(x)[np.arange(ROWS), y]
    np.testing.assert_allclose(model.evaluate(x, y)["loss"], penalty - np.log(probabilities).mean(), rtol=1e-11)


@pytest.mark.parametrize("rule", ["SGD", "momentum", "Adam"])
def test_max_norm_holds_after_every_step_and_shortens_no_more(rule):
    x, y = problem(features=33)
    optimizer = OPTIMIZERS[rule][0]
    model = compiled([Dense(17, "tanh", max_norm=0.8), OUT], optimizer, features=33)
    free = compiled([Dense(17, "tanh"), OUT], optimizer, features=33)
    for _ in range(10):
        if rule == "SGD":  # without a state, each step can be compared with one that is not limited
            free.set_weights(model.get_weights())
        model.train_on_batch(3 * x, y)
        free.train_on_batch(3 * x, y)
        lengths = np.linalg.norm(model.layers[0].kernel, axis=0)
        assert lengths.max() <= 0.8 * (1 + 1e-12)
        if rule == "SGD":
            whole = free.layers[0].kernel
            shortened = whole * np.minimum(1, 0.8 / np.linalg.norm(whole, axis=0))
            np.testing.assert_allclose(model.layers[0].kernel, shortened, rtol=1e-11)
            np.testing.assert_array_equal(model.layers[0].bias, free.layers[0].bias)
