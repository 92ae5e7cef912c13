"""An example at least of everything that is registered: what tests and attacks try when they try all of a kind.

What is added to a registry has its example without an edit here, if its settings have defaults. Others, and further
examples with settings of their own, are written down; `tests/declarations/test_registries.py` says what is missing.
"""

import fastmlp as fm
from fastmlp import activations, layers, losses, metrics, optimizers, regularizers
from fastmlp._base import tables
from fastmlp.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    GaussianNoise,
    LayerNormalization,
    Normalization,
    Residual,
    Scale,
)

from .shared import own

# Last layers for losses, the first that a loss takes being its example's
_LAST = ("linear", "softplus", "sigmoid", "softmax")


def of_each(registry, given):
    """An object of each type by its name: the one that is given, else one with default settings."""
    return {name: given.get(name) or kind() for name, kind in registry.items()}


def first_output(loss):
    """An activation of the last layer that a loss takes."""
    for activation in _LAST:
        try:
            loss.check_output(activation, 7)
        except fm.ArgumentError:
            continue
        return activation
    raise AssertionError(f"{loss} takes none of {_LAST}: give it an example in tests/examples.py")


# ---------------------------------------------------------------- activations and layers

ACTIVATIONS = (*activations.NAMES, "leaky_relu(0.0)", "leaky_relu(1.5)", "elu(0.3)", "elu(0.0)")
# Kind of each activation that is a number to one pair of kernels
KINDS = {name: kind for name in activations.NAMES[1:] for code, kind, _ in [activations.parsed(name)] if kind >= 0}
ONE_LAYER = of_each(
    layers.TYPES,
    {
        "Dense": Dense(33, "tanh"),
        "Activation": Activation("gelu"),
        "Dropout": Dropout(0.3),
        "GaussianNoise": GaussianNoise(0.2),
        "Residual": Residual([Activation("tanh")]),
    },
)
OUT = Dense(7, "softmax")
LAYERS = {
    **{f"{name} layer": [Dense(33, name), Dense(17, "leaky_relu(0.1)"), OUT] for name in activations.NAMES},
    **{name: [layer, Dense(17), layer, Dense(12, "tanh"), OUT] for name, layer in ONE_LAYER.items()},
    "dropout": [Dropout(0.1), Dense(33, "relu"), Dropout(0.5), Dense(17, "tanh"), Dropout(0.2), OUT],
    "noise": [GaussianNoise(0.1), Dense(33, "relu"), GaussianNoise(0.5), Dense(17), GaussianNoise(0.1), OUT],
    "batch norm": [
        Dense(33),
        BatchNormalization(),
        Activation("relu"),
        Dense(17, "tanh"),
        BatchNormalization(0.9),
        OUT,
    ],
    "frozen batch norm": [Dense(33), BatchNormalization(trainable=False), Activation("relu"), Normalization(), OUT],
    "layer norm": [LayerNormalization(), Dense(33, "relu"), LayerNormalization(), Dense(17, "tanh"), OUT],
    "scale": [Scale(False), Dense(33), Scale(), Dropout(0.2), Scale(trainable=False), Activation("gelu"), Scale(), OUT],
    "residual": [
        Dense(33, "relu"),
        Residual([LayerNormalization(), Dense(17, "gelu"), Dense(33)]),
        Activation("relu"),
        Residual([Dense(33, "tanh"), Residual([Activation("relu")])]),
        OUT,
    ],
    "residual first": [Residual([Dense(17, "relu"), BatchNormalization(), Dense(20)]), OUT],
    "frozen": [Dense(33, "relu", trainable=False), Dense(17, "tanh"), Dense(12, "relu", trainable=False), OUT],
    "softmax inside": [Dense(33, "softmax"), Dropout(0.2), OUT],
    "penalties": [
        Dense(33, "relu", kernel_regularizer=regularizers.l1_l2(0.01, 0.02), bias_regularizer="l2"),
        Dense(7, "softmax", max_norm=0.5),
    ],
}

# Functions of one's own are for kernels: exporters and files do not have them
FOR_KERNELS = {
    **LAYERS,
    "own activations": [
        Dense(33, own.BELL),
        Dropout(0.2),
        Activation(own.SWISHY),
        Residual([Dense(17, own.SWISHY), BatchNormalization(), Activation(own.BELL), Dense(33)]),
        OUT,
    ],
}

# ---------------------------------------------------------------- losses: each with the activation of the last layer

ONE_LOSS = of_each(losses.TYPES, {"Custom": own.CAUCHY})
LOSSES = {
    **{name: (loss, first_output(loss)) for name, loss in ONE_LOSS.items()},
    "smooth": (losses.CategoricalCrossentropy(label_smoothing=0.2), "softmax"),
    "crossentropy of sigmoids": (losses.CategoricalCrossentropy(), "sigmoid"),
    "binary, smooth": (losses.BinaryCrossentropy(label_smoothing=0.1), "sigmoid"),
    "binary, summed": (losses.BinaryCrossentropy(sum_over_units=True), "sigmoid"),
    "binary of softmax": (losses.BinaryCrossentropy(), "softmax"),
    "binary of logits": (losses.BinaryCrossentropy(from_logits=True), "linear"),
    "mse of softmax": (losses.MeanSquaredError(), "softmax"),
    "huber of tanh": (losses.Huber(0.3), "tanh"),
    "quantile": (losses.Quantile(0.9), "linear"),
    "own of softmax": (own.CAUCHY, "softmax"),
}
# Code and parameter of each loss that adds up over the outputs
ELEMENTWISE = {
    name: (loss.code(activation), loss.alpha())
    for name, (loss, activation) in LOSSES.items()
    if loss.code(activation) not in (tables.SOFTMAX_CROSSENTROPY, tables.CUSTOM_LOSS)
}

# ---------------------------------------------------------------- optimisers and metrics

ONE_RULE = of_each(optimizers.TYPES, {})
RULES = [
    *ONE_RULE.values(),
    fm.SGD(0.1, 0.9),
    fm.SGD(0.1, 0.9, nesterov=True),
    fm.Adagrad(0.1, 0.1),
    fm.RMSprop(0.01, momentum=0.8),
    fm.AdamW(0.01, weight_decay=0.1),
    fm.Adam(0.01, epsilon=1e-3, epsilon_hat=True),
    fm.Nadam(0.01, momentum_decay=1),
    fm.Adadelta(0.5, epsilon=1e-3),
    fm.Rprop(0.01, smallest=0.009, largest=0.0105),  # both bounds hold from the second step on
    fm.SGD(0.1, clipvalue=0.01),
    fm.SGD(0.1, clipnorm=0.05),
    fm.Adam(0.01, global_clipnorm=0.05),
    fm.Adam(0.01, ema_momentum=0.9),
    fm.SGD(0.1, gradient_accumulation_steps=2),
    fm.Adam(0.01, gradient_accumulation_steps=3, clipnorm=0.1),
]
# Those whose whole update is one call of the kernel for all rules
UPDATES = [rule for rule in RULES if rule.kernel_code != tables.NO_UPDATE and rule.ema_momentum is None]
ONE_METRIC = dict(zip(metrics.METRICS, metrics.get(metrics.METRICS), strict=True))
