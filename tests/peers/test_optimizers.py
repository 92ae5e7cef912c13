"""Optimisers beside PyTorch's, and closed forms that need no peer."""

import dataclasses

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.layers import (
    Dense,
)

from ..shared.torch_twin import BATCH, OPTIMIZERS, ROWS, Twin, bits, compiled, crossentropy, fit, network, problem

pytestmark = pytest.mark.needs_jit


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_follows_torch_for_100_steps(name, torch):
    optimizer, of_torch = OPTIMIZERS[name]
    # Rprop is for the whole data as one batch: more than can be learned by heart, or signs of rounding would count
    rows, size, epochs = (200, 200, 100) if name == "Rprop" else (ROWS, BATCH, 20)
    x, y = problem(rows)
    model = network(optimizer)
    twin = Twin(torch, model)
    history = fit(model, x, y, epochs, size)
    expected = twin.train(of_torch(torch.optim, twin.trained), x, y, crossentropy, epochs=epochs, batch_size=size)
    assert len(expected) == 100
    assert abs(expected[-1] - expected[0]) > 0.05  # it has gone somewhere
    np.testing.assert_allclose(history.batches["loss"], expected, rtol=1e-7)
    twin.assert_same(model, rtol=0, atol=1e-7)


def shorten(gradients, most):
    """As `torch.nn.utils.clip_grad_norm_`, which however adds 1e-6 to the norm that it divides by."""
    norm = sum((g**2).sum() for g in gradients).sqrt()
    for g in gradients:
        g.mul_(min(1.0, float(most / norm)))


@pytest.mark.parametrize("rule", ["SGD", "RMSprop with momentum", "Adam", "Adamax"])
@pytest.mark.parametrize("kind", ["clipvalue", "clipnorm", "global_clipnorm"])
def test_clipped_gradients_follow_torch(kind, rule, torch):
    optimizer, of_torch = OPTIMIZERS[rule]
    most = {"clipvalue": 0.02, "clipnorm": 0.1, "global_clipnorm": 0.2}[kind]
    x, y = problem()
    model = network(dataclasses.replace(optimizer, **{kind: most}))
    twin = Twin(torch, model)

    def before():
        gradients = [w.grad for w in twin.trained]
        if kind == "clipvalue":
            torch.nn.utils.clip_grad_value_(twin.trained, most)
        elif kind == "clipnorm":
            for gradient in gradients:
                shorten([gradient], most)
        else:
            shorten(gradients, most)

    fit(model, x, y, 20)
    unclipped = network(optimizer)
    fit(unclipped, x, y, 20)
    assert not np.allclose(model.layers[0].kernel, unclipped.layers[0].kernel, atol=1e-3)
    twin.train(of_torch(torch.optim, twin.trained), x, y, crossentropy, epochs=20, before=before)
    twin.assert_same(model, rtol=0, atol=1e-7)


@pytest.mark.parametrize("rule", sorted(set(OPTIMIZERS) - {"AdamW", "Rprop"}))
def test_weight_decay_is_decoupled_for_every_rule(rule, torch):
    # torch's weight_decay is decoupled in AdamW alone; elsewhere it is added to the gradient, which is our l2.
    optimizer, of_torch = OPTIMIZERS[rule]
    x, y = problem()
    model = network(dataclasses.replace(optimizer, weight_decay=0.3))
    twin = Twin(torch, model)

    def before():
        for w in twin.trained:
            w.mul_(1 - optimizer.learning_rate * 0.3)

    fit(model, x, y, 20)
    twin.train(of_torch(torch.optim, twin.trained), x, y, crossentropy, epochs=20, before=before)
    twin.assert_same(model, rtol=0, atol=1e-7)


@pytest.mark.parametrize("rule", ["SGD", "Adam"])
@pytest.mark.parametrize("together", [2, 4])
def test_accumulated_gradients_follow_torch(together, rule, torch):
    optimizer, of_torch = OPTIMIZERS[rule]
    x, y = problem()
    model = network(dataclasses.replace(optimizer, gradient_accumulation_steps=together))
    twin = Twin(torch, model)
    fit(model, x, y, 20)  # 5 batches in an epoch: updates fall into the next one
    twin.train(of_torch(torch.optim, twin.trained), x, y, crossentropy, epochs=20, together=together)
    twin.assert_same(model, rtol=0, atol=1e-7)


def test_averaged_weights_follow_torch(torch):
    x, y = problem()
    model = network(fm.Adam(0.01, ema_momentum=0.9))
    twin, averages = Twin(torch, model), []
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)

    def after():
        if averages:
            average(averages, twin.trained, None)
        else:
            averages.extend(w.detach().clone() for w in twin.trained)  # as torch's AveragedModel begins

    fit(model, x, y, 20)
    twin.train(torch.optim.Adam(twin.trained, lr=0.01), x, y, crossentropy, epochs=20, after=after)
    twin.assert_same(model, rtol=0, atol=1e-7)
    trained = bits(model)
    model.swap_averaged_weights()
    for value, expected in zip(model.get_weights(), averages, strict=True):
        np.testing.assert_allclose(value, expected.numpy(), rtol=0, atol=1e-7)
    model.swap_averaged_weights()
    assert bits(model) == trained


# y = w·1 + b is far above its target, so |y − t| has the slope 1 for both: what a rule does then has a closed form.
STEPS = np.arange(1, 101)
CLOSED_FORMS = {
    "SGD": (fm.SGD(0.1), np.full(100, 0.1)),
    "momentum": (fm.SGD(0.1, 0.9), 0.1 * (1 - 0.9**STEPS) / 0.1),
    "Nesterov": (fm.SGD(0.1, 0.9, nesterov=True), 0.9 * (1 - 0.9**STEPS) + 0.1),
    "Adagrad": (fm.Adagrad(0.1, 0.5, epsilon=0.3), 0.1 / (np.sqrt(0.5 + STEPS) + 0.3)),
    "RMSprop": (fm.RMSprop(0.1, rho=0.8, epsilon=0.3), 0.1 / (np.sqrt(1 - 0.8**STEPS) + 0.3)),
    "RMSprop with momentum": (fm.RMSprop(0.1, rho=1e-300, momentum=0.5, epsilon=1.0), 0.1 * (1 - 0.5**STEPS)),
    "Adam": (fm.Adam(0.1, epsilon=0.25), np.full(100, 0.1 / 1.25)),
    "Adamax": (fm.Adamax(0.1, epsilon=0.25), np.full(100, 0.1 / 1.25)),
    "Rprop": (fm.Rprop(0.01), np.minimum(0.01 * 1.2 ** (STEPS - 1), 50)),
    "clipvalue": (fm.SGD(0.1, clipvalue=0.25), np.full(100, 0.025)),
    "clipnorm": (fm.SGD(0.1, clipnorm=0.5), np.full(100, 0.05)),
    "clipnorm that is not reached": (fm.SGD(0.1, clipnorm=2.0), np.full(100, 0.1)),
    "global_clipnorm": (fm.SGD(0.1, global_clipnorm=0.5), np.full(100, 0.05 / np.sqrt(2))),
    "accumulated": (fm.SGD(0.1, gradient_accumulation_steps=4), np.where(STEPS % 4, 0, 0.1)),
}


def straight_line(optimizer):
    model = compiled([Dense(1)], optimizer, "mae", features=1)
    model.set_weights([[[5.0]], [5.0]])
    return model


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_an_optimizer_follows_its_closed_form_on_a_constant_slope(name):
    optimizer, moves = CLOSED_FORMS[name]
    model = straight_line(optimizer)
    found = []
    for _ in STEPS:
        model.train_on_batch([[1.0]], [-1e6])
        found.append([float(w.item()) for w in model.get_weights()])
    np.testing.assert_allclose(np.transpose(found), [5 - moves.cumsum()] * 2, rtol=1e-12, atol=1e-12)


SLOPES = np.random.default_rng(4).uniform(-1, 1, size=100)


def means(values, kept, new=None):
    """r ← kept · r + new · value, from 0; a mean where ``new`` is not given."""
    found = [0.0]
    for value in values:
        found.append(kept * found[-1] + (1 - kept if new is None else new) * value)
    return np.array(found[1:])


FIRST, SECOND = means(SLOPES, 0.5), means(SLOPES**2, 0.8)
MOMENTA = 0.5 * (1 - 0.5 * 0.96 ** (0.3 * np.arange(1, 102)))  # of Nadam; the last is the next step's
PRODUCTS = MOMENTA.cumprod()
AHEAD = MOMENTA[1:] * FIRST / (1 - PRODUCTS[1:]) + (1 - MOMENTA[:-1]) * SLOPES / (1 - PRODUCTS[:-1])
OF_ADAM = 0.1 * FIRST / (1 - 0.5**STEPS) / (np.sqrt(SECOND / (1 - 0.8**STEPS)) + 0.3)
LARGEST = np.array([np.max(np.abs(SLOPES[: n + 1]) * 0.8 ** np.arange(n, -1, -1)) for n in range(100)])


def moves_of_adadelta(rate, rho, epsilon):
    """Each step is as large as the root of the mean square of those before."""
    moves, mean = [], 0.0
    for slope, square in zip(SLOPES, means(SLOPES**2, rho), strict=True):
        moves.append(np.sqrt((mean + epsilon) / (square + epsilon)) * slope)
        mean = rho * mean + (1 - rho) * moves[-1] ** 2
    return rate * np.array(moves)


MOVES = {
    "Adadelta": (fm.Adadelta(0.1, 0.8, epsilon=0.3), moves_of_adadelta(0.1, 0.8, 0.3)),
    "momentum": (fm.SGD(0.1, 0.9), 0.1 * means(SLOPES, 0.9, 1)),
    "Nesterov": (fm.SGD(0.1, 0.9, nesterov=True), 0.1 * (0.9 * means(SLOPES, 0.9, 1) + SLOPES)),
    "Adagrad": (fm.Adagrad(0.1, 0.5, epsilon=0.3), 0.1 * SLOPES / (np.sqrt(0.5 + (SLOPES**2).cumsum()) + 0.3)),
    "RMSprop": (fm.RMSprop(0.1, 0.8, 0.5, epsilon=0.3), 0.1 * means(SLOPES / (np.sqrt(SECOND) + 0.3), 0.5, 1)),
    "Adam": (fm.Adam(0.1, 0.5, 0.8, epsilon=0.3), OF_ADAM),
    "Adam, epsilon before the correction": (
        fm.Adam(0.1, 0.5, 0.8, epsilon=0.3, epsilon_hat=True),
        0.1 * FIRST / (1 - 0.5**STEPS) * np.sqrt(1 - 0.8**STEPS) / (np.sqrt(SECOND) + 0.3),
    ),
    "AdamW": (fm.AdamW(0.1, beta_1=0.5, beta_2=0.8, epsilon=0.3, weight_decay=0.2), OF_ADAM),
    "Nadam": (
        fm.Nadam(0.1, 0.5, 0.8, epsilon=0.3, momentum_decay=0.3),
        0.1 * AHEAD / (np.sqrt(SECOND / (1 - 0.8**STEPS)) + 0.3),
    ),
    "Adamax": (fm.Adamax(0.1, 0.5, 0.8, epsilon=0.3), 0.1 * FIRST / (1 - 0.5**STEPS) / (LARGEST + 0.3)),
}


@pytest.mark.parametrize("name", MOVES)
def test_moments_are_those_of_their_recurrence(name):
    """With another slope in each step: that of two rows, above and below their targets, with other weights."""
    optimizer, moves = MOVES[name]
    model, kept, bias = straight_line(optimizer), 1 - 0.1 * optimizer.weight_decay, 5.0
    for slope, move in zip(SLOPES, moves, strict=True):
        model.train_on_batch([[1.0], [1.0]], [-1e6, 1e6], sample_weight=[1 + slope, 1 - slope])
        bias = kept * bias - move
        np.testing.assert_allclose(model.layers[0].bias, [bias], rtol=1e-9)


def test_weight_decay_and_average_follow_their_closed_forms():
    model = straight_line(fm.SGD(0.1, weight_decay=0.5, ema_momentum=0.8))
    for _ in STEPS:
        model.train_on_batch([[1.0]], [-1e6])
    weights = 0.95**STEPS * 5 - 0.1 * (1 - 0.95**STEPS) / 0.05  # w ← 0.95 w − 0.1
    shares = np.where(STEPS == 1, 1, 0.2) * 0.8 ** (100 - STEPS)  # the first weights begin the average
    np.testing.assert_allclose(model.layers[0].bias, [weights[-1]], rtol=1e-12)
    model.swap_averaged_weights()
    np.testing.assert_allclose(model.layers[0].bias, [shares @ weights], rtol=1e-12)
