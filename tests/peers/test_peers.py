"""Training and predictions in float64 equal those of PyTorch and scikit-learn, and closed forms that need neither.

`Twin` runs the declarations of a model with torch's functions, and autograd finds the gradients. Where definitions
differ between libraries, the comment beside a case says which settings make them equal.
"""

import copy
import dataclasses
import itertools
import pickle
import warnings

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import kernels, losses, metrics, regularizers
from fastmlp._training import trainer
from fastmlp.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    GaussianNoise,
    LayerNormalization,
    Normalization,
    Residual,
)

from ..examples import ACTIVATIONS

pytestmark = pytest.mark.needs_jit

# What is registered and is compared with no peer, and why: `tests/declarations/test_registries.py` asks for it.
WITHOUT_PEER = {
    "LBFGS": "its steps are SciPy's own",
    "InverseTime": "PyTorch has none; tests/schedules/test_schedules.py has its rates by hand",
    "regression_accuracy": "no library has it; tests/metrics/test_metrics.py has its definition",
}

ROWS, FEATURES, CLASSES, BATCH = 23, 5, 3, 5  # the last batch has 3 rows
CLOSE = {"rtol": 1e-9, "atol": 1e-10}
FIRST_STREAM = 16  # of random layers: each has its own, by its place in the model


@pytest.fixture
def torch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the modules that its optimisers import as they are made
        library = pytest.importorskip("torch")
        library.optim.SGD([library.zeros(1, requires_grad=True)], lr=0.1)
    threads = library.get_num_threads()
    library.set_num_threads(1)  # anew in each test: numba's threads may share the OpenMP library, and its setting
    yield library
    library.set_num_threads(threads)


@pytest.fixture(scope="module")
def sklearn_metrics():
    return pytest.importorskip("sklearn.metrics")


def problem(rows=ROWS, features=FEATURES, classes=CLASSES, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, features)), rng.integers(0, classes, rows)


def compiled(layers, optimizer=None, loss="categorical_crossentropy", features=FEATURES, seed=3, **settings):
    model = fm.Sequential(layers, dtype="float64", seed=seed)
    model.compile(optimizer or fm.SGD(0.1), loss, **settings)
    model.build(features)
    rng = np.random.default_rng(seed)
    for tensor in model.engine.program.tensors:  # biases, scales and shifts that a wrong formula cannot hide behind
        if len(tensor.shape) == 1 and tensor.name in ("bias", "gamma", "beta"):
            setattr(model.layers[tensor.layer], tensor.name, rng.uniform(0.5, 1.5, tensor.shape))
    return model


def network(optimizer=None, **settings):
    return compiled([Dense(8, "tanh"), Dense(CLASSES, "softmax")], optimizer, **settings)


def fit(model, x, y, epochs=1, batch_size=BATCH, **settings):
    return model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0, shuffle=False, **settings)


def bits(model):
    return [weight.tobytes() for weight in model.get_weights()]


def gradient_of_a_step(model, x, y, **settings):
    """The gradients that one step of plain SGD with learning rate 1 used, and the loss that was reported."""
    before = model.get_weights()
    reported = model.train_on_batch(x, y, **settings)["loss"]
    return [old - new for old, new in zip(before, model.get_weights(), strict=True)], reported


# ---------------------------------------------------------------- the twin in torch


class Twin:
    """A model's layers and weights, in torch."""

    def __init__(self, torch, model):
        self.torch, self.f, self.seed = torch, torch.nn.functional, model.seed
        self.declarations = model.declarations
        self.tensors, self.trained, self.averaged, self.momenta = {}, [], {}, {}
        for tensor, value in zip(model.engine.program.tensors, model.get_weights(), strict=True):
            values = torch.tensor(value, requires_grad=tensor.trained)
            self.tensors[tensor.layer, tensor.name] = values
            if tensor.trained:
                self.trained.append(values)

    def __call__(self, x, *, chance=None):
        """The output; ``chance`` is the epoch and the position of the first row while training."""
        self.index, self.chance = 0, chance
        return self._through(self.declarations, self.torch.as_tensor(x))

    def _through(self, layers, x):
        for layer in layers:
            if isinstance(layer, Residual):
                x = x + self._through(layer.layers, x)
            else:
                x = getattr(self, f"_{type(layer).__name__}")(layer, x)
                self.index += 1
        return x

    def _tensor(self, name):
        return self.tensors[self.index, name]

    def _Dense(self, layer, x):
        y = x @ self._tensor("kernel") + (self._tensor("bias") if layer.use_bias else 0)
        return activation(self.torch, layer.activation, y)

    def _Activation(self, layer, x):
        return activation(self.torch, layer.activation, x)

    def _BatchNormalization(self, layer, x):
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        gamma, beta, mean, variance = (self._tensor(name) for name in names)
        is_training = self.chance is not None and layer.trainable
        if not is_training:
            return self.f.batch_norm(x, mean, variance, gamma, beta, eps=layer.epsilon)
        # torch's momentum is one minus ours, and its running variance is the unbiased one, as ours is not:
        # with momentum 1 it gives the batch's own, to be corrected.
        own_mean, own_variance = self.torch.zeros_like(mean), self.torch.zeros_like(variance)
        y = self.f.batch_norm(x, own_mean, own_variance, gamma, beta, True, 1.0, layer.epsilon)
        # Nor does ours hold on to the initial values: the weights of the batches so far are divided by their sum.
        self.momenta[self.index] = layer.momentum
        seen = self.averaged[self.index] = self.averaged.get(self.index, 0) + 1
        new = (1 - layer.momentum) / (1 - layer.momentum**seen)
        mean.mul_(1 - new).add_(new * own_mean)
        biased = own_variance * (len(x) - 1) / len(x)
        variance.mul_(1 - new).add_(new * biased)
        return y

    def _LayerNormalization(self, layer, x):
        gamma, beta = self._tensor("gamma"), self._tensor("beta")
        return self.f.layer_norm(x, x.shape[1:], gamma, beta, layer.epsilon)

    def _Normalization(self, layer, x):
        return (x - self._tensor("mean")) / self._tensor("variance").sqrt()

    def _Dropout(self, layer, x):
        return x * self._random(kernels.dropout, np.ones(x.shape), layer.rate)

    def _GaussianNoise(self, layer, x):
        return x + self._random(kernels.gaussian_noise, np.zeros(x.shape), layer.stddev)

    def _random(self, kernel, start, amount):
        if self.chance is not None:
            result = np.empty_like(start)
            kernel(result, start, amount, self.seed, FIRST_STREAM + self.index, *self.chance)
            start = result
        return self.torch.as_tensor(start)

    def train(self, optimizer, x, y, row_losses, *, epochs=1, batch_size=BATCH, weights=None, **settings):
        """What `fit` does, without shuffling; returns the losses of the batches."""
        together, penalty = settings.get("together", 1), settings.get("penalty", lambda: 0.0)
        x, y = self.torch.as_tensor(x), self.torch.as_tensor(y)
        weights = self.torch.ones(len(x)) if weights is None else self.torch.as_tensor(weights)
        found = []
        batches = itertools.product(range(epochs), range(0, len(x), batch_size))
        for step, (epoch, first) in enumerate(batches, 1):
            rows = slice(first, first + batch_size)
            each = row_losses(self.f, self(x[rows], chance=(epoch, first)), y[rows])
            loss = (each * weights[rows]).sum() / len(each) + penalty()
            (loss / together).backward()
            found.append(loss.item())
            if step % together == 0:
                with self.torch.no_grad():
                    settings.get("before", lambda: None)()
                    optimizer.step()
                    settings.get("after", lambda: None)()
                optimizer.zero_grad()
            if rows.stop >= len(x) and any(self.momenta[i] ** n > 0.01 for i, n in self.averaged.items()):
                self._take_statistics(x, batch_size, epoch)
        return found

    def _take_statistics(self, x, batch_size, epoch):
        """What `fit` does at the end of an epoch while few batches have been averaged."""
        kept, self.averaged = self.averaged, {}
        with self.torch.no_grad():
            for first in range(0, len(x), batch_size):
                self(x[first : first + batch_size], chance=(epoch, first))
        self.averaged = kept

    def assert_same(self, model, **close):
        for tensor, value in zip(model.engine.program.tensors, model.get_weights(), strict=True):
            expected = self.tensors[tensor.layer, tensor.name].detach().numpy()
            name = f"{tensor.name} of layer {tensor.layer}"
            np.testing.assert_allclose(value, expected, **{**CLOSE, **close}, err_msg=name)


# Torch's function for each activation: of its functional module, the numbers and, where there is one, the parameter.
ACTIVATION_PEERS = {
    "linear": lambda f, x: x,
    "relu": lambda f, x: f.relu(x),
    "softmax": lambda f, x: x.softmax(1),
    "leaky_relu": lambda f, x, slope=0.2: f.leaky_relu(x, slope),
    "elu": lambda f, x, alpha=1.0: f.elu(x, alpha),
    "selu": lambda f, x: f.selu(x),
    "gelu": lambda f, x: f.gelu(x),
    "gelu_tanh": lambda f, x: f.gelu(x, approximate="tanh"),
    "silu": lambda f, x: f.silu(x),
    "softplus": lambda f, x: f.softplus(x, threshold=800),  # torch leaves log(1 + eˣ) at 20, where it is x + 2e-9
    "sigmoid": lambda f, x: x.sigmoid(),
    "tanh": lambda f, x: x.tanh(),
}


def activation(torch, text, x):
    name, _, parameter = text.partition("(")
    return ACTIVATION_PEERS[name](torch.nn.functional, x, *([float(parameter[:-1])] if parameter else []))


def crossentropy(f, p, t):
    return f.cross_entropy(p.log(), t, reduction="none")


def squares(f, y, t):
    return ((y - t) ** 2).sum(1)


# ---------------------------------------------------------------- optimisers

# Ours and torch's. Everywhere Keras's epsilon is torch's eps (added to the root); betas, rho = alpha are shares kept.
OPTIMIZERS = {
    "SGD": (fm.SGD(0.3), lambda o, w: o.SGD(w, lr=0.3)),
    # torch: b ← μb + dw, w ← w − ηb. The same as v ← μv − η dw, w ← w + v as long as η is constant.
    "momentum": (fm.SGD(0.1, 0.9), lambda o, w: o.SGD(w, lr=0.1, momentum=0.9)),
    "Nesterov": (fm.SGD(0.1, 0.9, nesterov=True), lambda o, w: o.SGD(w, lr=0.1, momentum=0.9, nesterov=True)),
    "Adagrad": (
        fm.Adagrad(0.1, initial_accumulator_value=0.1, epsilon=1e-7),
        lambda o, w: o.Adagrad(w, lr=0.1, initial_accumulator_value=0.1, eps=1e-7),
    ),
    "RMSprop": (fm.RMSprop(0.01), lambda o, w: o.RMSprop(w, lr=0.01, alpha=0.9, eps=1e-7)),
    "RMSprop with momentum": (
        fm.RMSprop(0.01, rho=0.95, momentum=0.7),
        lambda o, w: o.RMSprop(w, lr=0.01, alpha=0.95, momentum=0.7, eps=1e-7),
    ),
    "Adam": (fm.Adam(0.01), lambda o, w: o.Adam(w, lr=0.01)),
    "Adam with other betas": (
        fm.Adam(0.01, beta_1=0.5, beta_2=0.9, epsilon=1e-3),
        lambda o, w: o.Adam(w, lr=0.01, betas=(0.5, 0.9), eps=1e-3),
    ),
    "AdamW": (fm.AdamW(0.01, weight_decay=0.1), lambda o, w: o.AdamW(w, lr=0.01, weight_decay=0.1)),
    # torch: u ← max(β₂u, |dw| + ε), w ← w − … m / u; ours adds ε after the maximum: equal without it
    "Adamax": (fm.Adamax(0.01, epsilon=1e-30), lambda o, w: o.Adamax(w, lr=0.01, eps=1e-30)),
    "Rprop": (fm.Rprop(0.01), lambda o, w: o.Rprop(w, lr=0.01)),
}


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


@pytest.mark.parametrize("rule", ["SGD", "Nesterov", "Adagrad", "RMSprop", "Adamax"])
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


SLOPES = np.random.default_rng(4).normal(size=100)


def means(values, kept, new=None):
    """r ← kept · r + new · value, from 0; a mean where ``new`` is not given."""
    found = [0.0]
    for value in values:
        found.append(kept * found[-1] + (1 - kept if new is None else new) * value)
    return np.array(found[1:])


FIRST, SECOND = means(SLOPES, 0.5), means(SLOPES**2, 0.8)
OF_ADAM = 0.1 * FIRST / (1 - 0.5**STEPS) / (np.sqrt(SECOND / (1 - 0.8**STEPS)) + 0.3)
LARGEST = np.array([np.max(np.abs(SLOPES[: n + 1]) * 0.8 ** np.arange(n, -1, -1)) for n in range(100)])
MOVES = {
    "momentum": (fm.SGD(0.1, 0.9), 0.1 * means(SLOPES, 0.9, 1)),
    "Nesterov": (fm.SGD(0.1, 0.9, nesterov=True), 0.1 * (0.9 * means(SLOPES, 0.9, 1) + SLOPES)),
    "Adagrad": (fm.Adagrad(0.1, 0.5, epsilon=0.3), 0.1 * SLOPES / (np.sqrt(0.5 + (SLOPES**2).cumsum()) + 0.3)),
    "RMSprop": (fm.RMSprop(0.1, 0.8, 0.5, epsilon=0.3), 0.1 * means(SLOPES / (np.sqrt(SECOND) + 0.3), 0.5, 1)),
    "Adam": (fm.Adam(0.1, 0.5, 0.8, epsilon=0.3), OF_ADAM),
    "AdamW": (fm.AdamW(0.1, 0.5, 0.8, epsilon=0.3, weight_decay=0.2), OF_ADAM),
    "Adamax": (fm.Adamax(0.1, 0.5, 0.8, epsilon=0.3), 0.1 * FIRST / (1 - 0.5**STEPS) / (LARGEST + 0.3)),
}


@pytest.mark.parametrize("name", MOVES)
def test_moments_are_those_of_their_recurrence(name):
    """With other slopes in each step: weights of rows, from above and from below the target."""
    optimizer, moves = MOVES[name]
    model, kept, bias = straight_line(optimizer), 1 - 0.1 * optimizer.weight_decay, 5.0
    for slope, move in zip(SLOPES, moves, strict=True):
        model.train_on_batch([[1.0]], [-np.sign(slope) * 1e6], sample_weight=[abs(slope)])
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


# ---------------------------------------------------------------- layers

OUT = Dense(CLASSES, "softmax")
STACKS = {
    "batch normalisation": [Dense(7), BatchNormalization(0.9, 1e-2), Activation("tanh"), OUT],
    "batch normalisation first": [BatchNormalization(), OUT],
    "batch normalisation twice": [Dense(7), BatchNormalization(0.0), BatchNormalization(0.9), Activation("relu"), OUT],
    "frozen batch normalisation": [Dense(7, "tanh"), BatchNormalization(trainable=False), OUT],
    "layer normalisation": [Dense(7, "relu"), LayerNormalization(1e-2), OUT],
    "layer normalisation first": [LayerNormalization(), LayerNormalization(), OUT],
    "frozen layer normalisation": [Dense(7, "tanh"), LayerNormalization(trainable=False), OUT],
    "residual": [Dense(7), Residual([LayerNormalization(), Dense(6, "gelu"), Dense(7)]), Activation("tanh"), OUT],
    "residual first": [Residual([Dense(FEATURES, "tanh")]), OUT],
    "residual without weights": [Residual([Activation("tanh"), Dropout(0.5)]), OUT],
    "residual in residual": [Residual([Residual([Dropout(0.3), Dense(FEATURES, "elu")]), BatchNormalization()]), OUT],
    "residual of a softmax": [Dense(4, "relu"), Residual([Activation("softmax")]), Residual([Dense(4)]), OUT],
    "dropout": [Dense(17, "relu"), Dropout(0.4), Dense(7, "tanh"), Dropout(0.2), OUT],
    "dropout at the input": [Dropout(0.3), Dropout(0.3), OUT],
    "dropout of almost all": [Dense(33, "tanh"), Dropout(0.9), OUT],
    "noise": [GaussianNoise(0.3), Dense(7, "tanh"), GaussianNoise(0.2), OUT],
    "normalisation": [Normalization(), Dense(7, "softplus"), OUT],
    "softmax in the middle": [Dense(7, "softmax"), Dense(6, "silu"), Activation("softmax"), OUT],
    "no bias": [Dense(7, "sigmoid", use_bias=False), Dense(CLASSES, "softmax", use_bias=False)],
    "frozen layers": [Dense(7, "tanh"), Dense(6, "tanh", trainable=False), BatchNormalization(trainable=False), OUT],
    "frozen below": [Dense(7, "tanh", trainable=False), LayerNormalization(trainable=False), Dense(6, "relu"), OUT],
    "one unit": [Dense(1, "tanh"), Residual([Dense(1)]), Dropout(0.1), OUT],
}


@pytest.mark.parametrize("name", STACKS)
def test_layers_train_and_predict_like_torch(name, torch):
    x, y = problem()
    layers = copy.deepcopy(STACKS[name])  # a Normalization keeps the statistics of the data that it meets
    for layer in layers:
        if isinstance(layer, Normalization):
            layer.adapt(3 * x + 1)
    model = compiled(layers, fm.SGD(0.1, momentum=0.5))
    twin = Twin(torch, model)
    before = bits(model)
    history = fit(model, x, y, 4, 6)
    optimizer = torch.optim.SGD(twin.trained, lr=0.1, momentum=0.5)
    expected = twin.train(optimizer, x, y, crossentropy, epochs=4, batch_size=6)
    assert bits(model) != before
    np.testing.assert_allclose(history.batches["loss"], expected, rtol=1e-9)
    twin.assert_same(model)
    with torch.no_grad():
        np.testing.assert_allclose(model.predict(x), twin(x).numpy(), **CLOSE)
        loss = crossentropy(twin.f, twin(x), torch.as_tensor(y)).mean()
    np.testing.assert_allclose(model.evaluate(x, y)["loss"], float(loss), rtol=1e-9)


@pytest.mark.parametrize(
    ("rows", "features", "units"), [(1, 1, 1), (2, 1, 15), (3, 2, 16), (7, 16, 17), (33, 31, 33), (65, 33, 31)]
)
def test_odd_shapes_train_like_torch(rows, features, units, torch):
    x, y = problem(rows, features)
    block = Residual([LayerNormalization(), Dense(units, "gelu")])
    layers = [Dropout(0.2), Dense(units, "relu"), block, GaussianNoise(0.1), OUT]
    model = compiled(layers, fm.SGD(0.1), features=features)
    twin = Twin(torch, model)
    fit(model, x, y, 3, 4)
    twin.train(torch.optim.SGD(twin.trained, lr=0.1), x, y, crossentropy, epochs=3, batch_size=4)
    twin.assert_same(model)


def test_running_statistics_are_torchs_but_for_the_unbiased_variance(torch):
    x, _ = problem(20)
    model = compiled([BatchNormalization(momentum=0.9), Dense(CLASSES, "softmax")])
    module = torch.nn.BatchNorm1d(FEATURES, eps=1e-3, momentum=0.1, dtype=torch.float64)
    for part in np.split(x, 4):
        model.train_on_batch(part, np.zeros(5, int))
        module(torch.as_tensor(part))
    layer, unbiased = model.layers[0], module.running_var.numpy()
    weights = 1 - 0.9**4  # of the batches; the rest is that of the initial values 0 and 1, which ours drops
    np.testing.assert_allclose(weights * layer.moving_mean, module.running_mean.numpy(), rtol=1e-12)
    np.testing.assert_allclose(weights * layer.moving_variance, (unbiased - 0.9**4) * 4 / 5, rtol=1e-9)


def test_running_statistics_have_a_closed_form():
    x = np.array([[1.0, -2.0], [3.0, 6.0]])  # means 2 and 2, biased variances 1 and 16
    model = compiled([BatchNormalization(momentum=0.9), Dense(CLASSES, "softmax")], features=2)
    for number in range(10):
        model.train_on_batch(x + number, [0, 1])
    weights = 0.9 ** np.arange(9, -1, -1)
    shift = weights @ np.arange(10) / weights.sum()
    np.testing.assert_allclose(model.layers[0].moving_mean, shift + np.array([2, 2]), rtol=1e-12)
    np.testing.assert_allclose(model.layers[0].moving_variance, [1, 16], rtol=1e-12)


def test_batch_normalisation_of_a_single_row_is_its_shift():
    x, y = problem(1)  # torch refuses this; a row minus itself is 0, and so is its gradient
    model = compiled([Dense(7, "tanh"), BatchNormalization(), OUT], fm.SGD(0.5))
    below, beta, (kernel, bias) = bits(model)[:2], model.layers[1].beta, model.get_weights()[-2:]
    logits = beta @ kernel + bias
    expected = np.log(np.exp(logits).sum()) - logits[y[0]]
    np.testing.assert_allclose(model.train_on_batch(x, y)["loss"], expected, rtol=1e-12)
    assert bits(model)[:2] == below
    assert not np.array_equal(model.layers[1].beta, beta)


def test_normalisation_has_the_statistics_of_scikit_learn():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    x = np.column_stack([problem(50)[0] * [1, 1, 10, 1e4, 1] + [0, 1e3, -5, 0, 1], np.full(50, 7.0)])
    model = fm.Sequential([Normalization(), OUT], dtype="float64", seed=1)
    model.compile(fm.SGD(1e-9))
    fit(model, x, np.arange(50) % CLASSES)
    scaler = preprocessing.StandardScaler().fit(x)
    np.testing.assert_allclose(model.layers[0].mean, scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(model.layers[0].variance[:5], scaler.var_[:5], rtol=1e-12)
    kernel, bias = model.get_weights()[-2:]
    logits = scaler.transform(x) @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-9)


def test_normalised_pixels_train_like_normalised_numbers():
    pixels = np.random.default_rng(0).integers(0, 256, (ROWS, FEATURES), np.uint8)
    y = problem()[1]
    models = []
    for x in (pixels, pixels / 255):
        model = fm.Sequential([Normalization(), Dense(8, "relu"), OUT], dtype="float64", seed=0)
        model.compile(fm.Adam(0.01))
        fit(model, x, y, 3)
        models.append(model)
    for ours, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-9, atol=1e-11)


EVERYTHING = [
    Normalization(),
    Dropout(0.2),
    Residual([LayerNormalization(), Dense(FEATURES, "gelu", max_norm=1.0)]),
    GaussianNoise(0.1),
    Dense(17, "softmax", kernel_regularizer="l1_l2"),
    BatchNormalization(),
    Activation("elu(0.5)"),
    Dense(6, "tanh", trainable=False),
    OUT,
]


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_a_run_that_was_saved_or_copied_in_the_middle_goes_on_with_the_same_bits(rule, tmp_path, monkeypatch):
    x, y = problem()
    model = fm.Sequential(copy.deepcopy(EVERYTHING), dtype="float64", seed=2)
    model.compile(dataclasses.replace(OPTIMIZERS[rule][0], ema_momentum=0.9))
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
    monkeypatch.setattr(trainer, "_CALL_SECONDS", 0.0)  # a batch in each call
    model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0, max_time=1e-9, resume=True)
    whole = model.optimizer.needs_all_rows  # its first batch is all of the epoch
    assert (model.position.epoch, model.position.batch) == ((2, 0) if whole else (1, 1))
    model.save(tmp_path / "model.npz")
    others = [fm.load(tmp_path / "model.npz"), copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    found = []
    for each in (model, *others):
        each.fit(x, y, batch_size=BATCH, epochs=3, verbose=0, resume=True)
        trained = bits(each)
        each.swap_averaged_weights()
        found.append((trained, bits(each)))
    assert all(each == found[0] for each in found)
    assert found[0][0] != found[0][1]
    predict, weights, program = model.jitted()
    out, given = np.empty((ROWS, CLASSES)), np.full((ROWS, CLASSES), np.nan)
    predict(out, x, weights, program)
    assert model.predict(x, out=given) is given
    assert out.tobytes() == given.tobytes()


def test_every_layer_trains_and_predicts_with_the_same_bits_on_two_threads():
    x, y = problem(600)
    x = np.tile(x, (1, 8))  # enough work in a batch for the second thread
    results = []
    for n_threads in (1, 2):
        block = Residual([LayerNormalization(), Dense(67)])
        layers = [Normalization(), Dropout(0.2), Dense(67, "relu"), block, *EVERYTHING[3:]]
        model = fm.Sequential(layers, dtype="float64", seed=2)
        model.compile(fm.RMSprop(0.01, momentum=0.5, global_clipnorm=0.5))
        fit(model, x, y, 2, 230, n_threads=n_threads)
        results.append((bits(model), model.predict(x, n_threads=n_threads).tobytes()))
    assert results[0] == results[1]


# ---------------------------------------------------------------- activations


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_have_torchs_values_and_gradients(name, torch):
    rng = np.random.default_rng(0)
    x = np.concatenate([np.linspace(-40, 40, 161), rng.normal(size=50), [0.0]])[:, None]
    t = rng.normal(size=(len(x), 17))
    model = compiled([Dense(17, name), Dense(17)], fm.SGD(1.0), "rss", features=1)
    model.set_weights([rng.uniform(0.5, 1.0, (1, 17)), np.zeros(17), rng.normal(size=(17, 17)), np.zeros(17)])
    twin = Twin(torch, model)
    loss = squares(twin.f, twin(x), torch.as_tensor(t)).mean()
    loss.backward()
    np.testing.assert_allclose(model.predict(x), twin(x).detach().numpy(), rtol=1e-12, atol=1e-12)
    gradients, reported = gradient_of_a_step(model, x, t)
    np.testing.assert_allclose(reported, float(loss.detach()), rtol=1e-12)
    for found, w in zip(gradients, twin.trained, strict=True):
        np.testing.assert_allclose(found, w.grad.numpy(), rtol=1e-10, atol=1e-11 * float(w.grad.abs().max()))


# ---------------------------------------------------------------- losses


def with_logits(f, y, t):
    return f.binary_cross_entropy_with_logits(y, t, reduction="none").mean(1)


def smooth(t):
    return t * 0.8 + 0.1


def pinball(f, y, t):
    return (0.9 * (t - y)).maximum(-0.1 * (t - y)).mean(1)


LABELS = np.random.default_rng(1).integers(0, 4, ROWS)
REAL = np.random.default_rng(2).normal(size=(ROWS, 4))
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
    "mse": ("mse", None, REAL, lambda f, y, t: f.mse_loss(y, t, reduction="none").mean(1)),
    "mse of a softmax": ("mse", "softmax", np.eye(4)[LABELS], lambda f, y, t: squares(f, y, t) / 4),
    "rss": ("rss", "tanh", REAL, squares),
    "mae": ("mae", None, REAL, lambda f, y, t: f.l1_loss(y, t, reduction="none").mean(1)),
    "huber": (
        losses.Huber(0.4),
        None,
        REAL,
        lambda f, y, t: f.huber_loss(y, t, reduction="none", delta=0.4).mean(1),
    ),
    # torch's log_input=False, with our smallest probability as its eps
    "poisson": (
        "poisson",
        "softplus",
        COUNTS,
        lambda f, y, t: f.poisson_nll_loss(y, t, log_input=False, eps=1e-7, reduction="none").mean(1),
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
    loss = (row_losses(twin.f, twin(x), torch.as_tensor(targets)) * torch.as_tensor(weights)).sum() / ROWS
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
    share = ROWS / len(again)  # the loss is a sum over rows divided by their number
    gradients, loss = gradient_of_a_step(once, x, targets, sample_weight=weights * share)
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


# ---------------------------------------------------------------- penalties and limits

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


# ---------------------------------------------------------------- frozen layers


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_frozen_layers_keep_their_bits_and_those_below_learn(rule):
    x, y = problem()
    frozen = [
        Dense(7, "tanh", trainable=False, kernel_regularizer="l2", max_norm=0.1),
        BatchNormalization(trainable=False),
        LayerNormalization(trainable=False),
    ]
    optimizer = dataclasses.replace(OPTIMIZERS[rule][0], weight_decay=0.1, ema_momentum=0.5, global_clipnorm=0.5)
    model = compiled([Dense(6, "tanh"), *frozen, OUT], optimizer)
    before = bits(model)
    fit(model, x, y, 3)
    after = bits(model)
    assert after[2:-2] == before[2:-2]
    assert all(new != old for new, old in zip(after[:2] + after[-2:], before[:2] + before[-2:], strict=True))
    model.swap_averaged_weights()
    assert bits(model)[2:-2] == before[2:-2]


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_a_model_that_is_frozen_throughout_reports_and_stays(rule):
    x, y = problem()
    layers = [Dense(6, "relu", trainable=False), BatchNormalization(trainable=False)]
    model = compiled([*layers, Dense(CLASSES, "softmax", trainable=False)], OPTIMIZERS[rule][0])
    before, expected = bits(model), model.evaluate(x, y)
    history = fit(model, x, y, 2)
    assert bits(model) == before
    np.testing.assert_allclose(history.history["loss"], [expected["loss"]] * 2, rtol=1e-12)


# ---------------------------------------------------------------- metrics

CLASSES_FOUND, SIX = np.arange(60) % 6, np.random.default_rng(9).dirichlet(np.ones(6), 60)
TWO = np.random.default_rng(8).integers(0, 2, (60, 6))
METRIC_PEERS = {  # scikit-learn's function, with targets and outputs for both
    "accuracy": (lambda of, t, y: of.accuracy_score(t, y.argmax(axis=1)), CLASSES_FOUND),
    "top_5_accuracy": (lambda of, t, y: of.top_k_accuracy_score(t, y, k=5), CLASSES_FOUND),
    "binary_accuracy": (lambda of, t, y: of.accuracy_score(t.ravel(), (y > 0.5).ravel()), TWO),
    "precision": (
        lambda of, t, y: of.precision_score(t, y.argmax(axis=1), average="macro", zero_division=0),
        CLASSES_FOUND,
    ),
    "recall": (lambda of, t, y: of.recall_score(t, y.argmax(axis=1), average="macro"), CLASSES_FOUND),
    "f1": (lambda of, t, y: of.f1_score(t, y.argmax(axis=1), average="macro"), CLASSES_FOUND),
    "auc": (lambda of, t, y: of.roc_auc_score(t, y, multi_class="ovr"), CLASSES_FOUND),
    "mse": (lambda of, t, y: of.mean_squared_error(t, y), TWO),
    "mae": (lambda of, t, y: of.mean_absolute_error(t, y), TWO),
    "r2": (lambda of, t, y: of.r2_score(t, y), TWO),
}


@pytest.mark.parametrize("name", METRIC_PEERS)
def test_a_metric_is_that_of_scikit_learn(name, sklearn_metrics):
    peer, targets = METRIC_PEERS[name]
    (metric,) = metrics.get([name])
    np.testing.assert_allclose(metric(targets, SIX), peer(sklearn_metrics, targets, SIX), rtol=1e-12)


def test_metrics_of_classes_during_fit_are_those_of_predictions(sklearn_metrics):
    of, (x, y) = sklearn_metrics, problem()
    chosen = ["accuracy", metrics.F1("macro"), metrics.TopKAccuracy(2)]
    model = network(fm.SGD(1e-14), metrics=chosen)
    p = model.predict(x)
    classes = p.argmax(axis=1)
    expected = [
        of.log_loss(y, p, labels=range(CLASSES)),
        of.accuracy_score(y, classes),
        of.f1_score(y, classes, average="macro"),
        of.top_k_accuracy_score(y, p, k=2, labels=range(CLASSES)),
    ]
    history = model.fit(x, y, epochs=2, batch_size=BATCH, verbose=0, validation_data=(x, y))
    names = model.scoring.names
    for prefix in ("", "val_"):
        found = [history.history[prefix + name][-1] for name in names]
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose([model.evaluate(x, y)[name] for name in names], expected, rtol=1e-10)
    np.testing.assert_allclose([model.train_on_batch(x, y)[name] for name in names], expected, rtol=1e-10)


def test_metrics_of_yes_and_no_during_fit_are_those_of_predictions(sklearn_metrics):
    of, (x, _) = sklearn_metrics, problem()
    y = np.random.default_rng(7).integers(0, 2, ROWS)
    for loss, last in (("binary_crossentropy", "sigmoid"), (losses.BinaryCrossentropy(from_logits=True), None)):
        chosen = ["accuracy", metrics.AUC(), metrics.Precision("binary")]
        model = compiled([Dense(1, last)], fm.SGD(1e-14), loss, metrics=chosen)
        out = model.predict(x)[:, 0]
        p = out if last else 1 / (1 + np.exp(-out))
        expected = [
            of.log_loss(y, p),
            of.accuracy_score(y, p > 0.5),
            of.roc_auc_score(y, p),
            of.precision_score(y, p > 0.5),
        ]
        history = model.fit(x, y, epochs=1, batch_size=BATCH, verbose=0)
        found = [history.history[name][-1] for name in model.scoring.names]
        np.testing.assert_allclose(found, expected, rtol=1e-10)
        assert model.predict_classes(x).tolist() == (p > 0.5).astype(int).tolist()


def test_metrics_of_regression_during_fit_are_those_of_predictions(sklearn_metrics):
    of, (x, _) = sklearn_metrics, problem()
    y = REAL[:, :2]
    chosen = [metrics.R2(), "mae", "mse"]
    model = compiled([Dense(6, "tanh"), Dense(2)], fm.SGD(1e-14), "huber", metrics=chosen)
    out = model.predict(x)
    history = model.fit(x, y, epochs=1, batch_size=BATCH, verbose=0)
    found = [history.history[name][-1] for name in model.scoring.names[1:]]
    expected = [of.r2_score(y, out), of.mean_absolute_error(y, out), of.mean_squared_error(y, out)]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_accuracy_during_fit_is_that_of_predictions():
    x, y = problem()
    model = network(fm.SGD(1e-14))
    right = model.predict(x).argmax(axis=1) == y
    history = fit(model, x, y)
    assert history.history["accuracy"] == [right.mean()]
    parts = np.split(right, range(BATCH, ROWS, BATCH))
    assert history.batches["accuracy"] == [part.mean() for part in parts]
