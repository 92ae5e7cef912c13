"""Gradients agree with finite differences, and no learning rate leaves a model that is not finite."""

import contextlib

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import DivergenceError

from ..shared.models import bits
from ..shared.tiny import CLASSES, FEATURES, ROWS, X, Y, all_finite, built, fit, network


def forward(weights, x, activations):
    for (kernel, bias), activation in zip(zip(weights[::2], weights[1::2], strict=True), activations, strict=True):
        x = x @ kernel + bias
        if activation == "relu":
            x = np.maximum(x, 0)
        elif activation == "softmax":
            powers = np.exp(x - x.max(axis=1, keepdims=True))
            x = powers / powers.sum(axis=1, keepdims=True)
    return x


STACKS = {
    "softmax inside": [(5, "softmax"), (CLASSES, "softmax")],
    "wide softmax inside": [(19, "softmax"), (4, "relu"), (CLASSES, "softmax")],
    "softmax after relu": [(7, "relu"), (9, "softmax"), (6, "softmax"), (CLASSES, "softmax")],
    "linear inside": [(6, "linear"), (CLASSES, "softmax")],
}


@pytest.mark.parametrize("stack", STACKS)
def test_gradients_agree_with_finite_differences(stack):
    activations = [activation for _, activation in STACKS[stack]]
    model = fm.Sequential([fm.Dense(*layer) for layer in STACKS[stack]], dtype="float64", seed=1)
    model.compile(fm.SGD(learning_rate=1e-3))
    model.build(FEATURES)
    x = X.astype(np.float64)
    before = model.get_weights()
    np.testing.assert_allclose(model.predict(x), forward(before, x, activations), rtol=1e-9)

    def loss(weights):
        return -np.log(forward(weights, x, activations)[np.arange(ROWS), Y]).mean()

    assert model.train_on_batch(x, Y)["loss"] == pytest.approx(loss(before), rel=1e-10)
    gradients = [(old - new) / 1e-3 for old, new in zip(before, model.get_weights(), strict=True)]
    generator = np.random.default_rng(0)
    for number, gradient in enumerate(gradients):
        for index in generator.permutation(gradient.size)[:6]:
            moved = []
            for step in (1e-5, -1e-5):
                weights = [weight.copy() for weight in before]
                weights[number].flat[index] += step
                moved.append(loss(weights))
            assert gradient.flat[index] == pytest.approx((moved[0] - moved[1]) / 2e-5, rel=1e-4, abs=1e-8)


def test_logits_far_apart_give_finite_losses_and_probabilities():
    model = fm.Sequential([fm.Dense(2, "softmax", use_bias=False)], seed=0)
    model.compile()
    model.build(1)
    model.set_weights([[[1e4, -1e4]]])
    np.testing.assert_array_equal(model.predict([[1.0], [-1.0]]), [[1, 0], [0, 1]])
    assert model.evaluate([[1.0], [-1.0]], [1, 0])["loss"] == pytest.approx(2e4)


@pytest.mark.parametrize("learning_rate", [1e10, 1e30, 1e38, 1e300])
@pytest.mark.parametrize("optimizer", [fm.SGD, fm.Adam])
@pytest.mark.parametrize("hidden", [[], [8], [8, 8]], ids=str)
@pytest.mark.parametrize("batch_size", [4, ROWS])
def test_a_huge_learning_rate_never_leaves_a_model_that_is_not_finite(learning_rate, optimizer, hidden, batch_size):
    for epochs in (1, 2, 3):
        model = fm.mlp(hidden, CLASSES, seed=0)
        model.compile(optimizer(learning_rate))
        with contextlib.suppress(DivergenceError):
            fit(model, epochs=epochs, batch_size=batch_size)
        assert all_finite(model)
        assert np.isfinite([*model.history.batches["loss"], *model.history.history.get("loss", [])]).all()


def test_after_divergence_a_smaller_learning_rate_trains_on():
    model = network()
    model.compile(fm.SGD(1e38))
    with pytest.raises(DivergenceError, match=r"epoch 0, batch \d.*learning rate"):
        fit(model, batch_size=4, epochs=3)
    assert model.history.stopped == "diverged"
    model.compile(fm.Adam(0.01))
    losses = fit(model, epochs=20)["loss"]
    assert losses[-1] < losses[0]


def test_a_batch_whose_loss_is_not_finite_makes_no_step():
    model = built()
    model.set_weights([np.ones_like(tensor) for tensor in model.get_weights()])
    before = bits(model)
    with pytest.raises(DivergenceError):
        model.train_on_batch(np.full((2, FEATURES), 3e38, np.float32), [0, 1])
    assert bits(model) == before
    assert model.engine.step == 0
