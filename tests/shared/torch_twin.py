"""Small models whose training is compared with peers, and `Twin`: the same declarations with torch's functions.

Autograd finds the gradients. Where definitions differ between libraries, the comment beside a case says which settings
make them equal.
"""

import itertools

import numpy as np

import fastmlp as fm
from fastmlp import kernels
from fastmlp.layers import (
    Dense,
    Residual,
)

ROWS, FEATURES, CLASSES, BATCH = 23, 5, 3, 5  # the last batch has 3 rows
CLOSE = {"rtol": 1e-9, "atol": 1e-10}
FIRST_STREAM = 16  # of random layers: each has its own, by its place in the model


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

    def __call__(self, x, *, random_key=None):
        """The output; ``random_key`` is the epoch and the position of the first row while training."""
        self.index, self.random_key = 0, random_key
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

    _Flatten = _Activation

    def _BatchNormalization(self, layer, x):
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        gamma, beta, mean, variance = (self._tensor(name) for name in names)
        is_training = self.random_key is not None and layer.trainable
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

    def _Scale(self, layer, x):
        return x * self._tensor("gamma") + (self._tensor("beta") if layer.use_bias else 0)

    def _Normalization(self, layer, x):
        return (x - self._tensor("mean")) / self._tensor("variance").sqrt()

    def _Dropout(self, layer, x):
        return x * self._random(kernels.dropout, np.ones(x.shape), layer.rate)

    def _GaussianNoise(self, layer, x):
        return x + self._random(kernels.gaussian_noise, np.zeros(x.shape), layer.stddev)

    def _random(self, kernel, start, amount):
        if self.random_key is not None:
            result = np.empty_like(start)
            kernel(result, start, amount, self.seed, FIRST_STREAM + self.index, *self.random_key)
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
            each = row_losses(self.f, self(x[rows], random_key=(epoch, first)), y[rows])
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
                self(x[first : first + batch_size], random_key=(epoch, first))
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
    "mish": lambda f, x: f.mish(x),
    "hard_swish": lambda f, x: f.hardswish(x),
    "hard_sigmoid": lambda f, x: f.relu6(x + 3) / 6,  # hardsigmoid's slope in float64 is a sixth in float32
}


def activation(torch, text, x):
    name, _, parameter = text.partition("(")
    return ACTIVATION_PEERS[name](torch.nn.functional, x, *([float(parameter[:-1])] if parameter else []))


def crossentropy(f, p, t):
    return f.cross_entropy(p.log(), t, reduction="none")


def squares(f, y, t):
    return ((y - t) ** 2).sum(1)


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
    "Nadam": (
        fm.Nadam(0.01, momentum_decay=0.05),
        lambda o, w: o.NAdam(w, lr=0.01, momentum_decay=0.05),
    ),
    "Adadelta": (
        fm.Adadelta(0.5, epsilon=1e-3),
        lambda o, w: o.Adadelta(w, lr=0.5, rho=0.95, eps=1e-3),
    ),
    "Rprop": (fm.Rprop(0.01), lambda o, w: o.Rprop(w, lr=0.01)),
}

OUT = Dense(CLASSES, "softmax")

REAL = np.random.default_rng(2).normal(size=(ROWS, 4))
