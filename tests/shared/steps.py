"""What a description of an exporter computes, in NumPy and float64, and the networks that exporters are tried with."""

import numpy as np

import fastmlp as fm
from fastmlp import activations, reference
from fastmlp._exporting import description
from fastmlp._exporting.outputs import ABOVE, SECOND

from .. import examples

FEATURES, ROWS = 20, 40
# All layers, activations, and combinations of them that tests know of: what is registered is in here.
STACKS = {
    **examples.LAYERS,
    "residual of nothing": [
        fm.Residual([fm.Dropout(0.2)]),
        fm.Dense(5, "tanh"),
        fm.Residual([fm.GaussianNoise(0.1), fm.Residual([fm.Dropout(0.1), fm.Activation("linear")])]),
        examples.OUT,
    ],
    **{f"activation {name}": [fm.Dense(9, name), examples.OUT] for name in examples.ACTIVATIONS},
}


def rows(seed=0, dtype="float64"):
    return np.random.default_rng(seed).normal(1, 2, size=(ROWS, FEATURES)).astype(dtype)


def trained(stack, dtype="float32", features=FEATURES, **settings):
    """A model of these layers, whose tensors of all kinds have left their initial values."""
    model = fm.Sequential(stack, dtype=dtype, seed=3, **settings)
    model.build(features)
    random = np.random.default_rng(1)
    for layer in model.layers:
        for name in layer.tensors:
            shape = getattr(layer, name).shape
            spread = random.uniform(0.5, 2, shape) if "variance" in name else random.normal(0.1, 0.5, shape)
            setattr(layer, name, spread)
    return model


def evaluated(described, x):
    """The result of the steps for rows of numbers, or of pixels if they are uint8."""
    y = np.asarray(x, np.float64)
    if x.dtype == np.uint8:
        y = y * described.pixel_scale
    return _through(described.steps, y)


def _through(steps, y):
    for step in steps:
        y = _COMPUTE[type(step)](step, y)
    return y


def _activated(step, x):
    y = np.empty_like(x)
    if step.kind == "relu":
        return np.maximum(x, 0)
    if step.kind == "softmax":
        reference.softmax_forward(y, x)
        return y
    number = next(iter(step.numbers.values()), 0.0)
    reference.activation_forward(y, x, activations.parsed(step.kind)[1], number)
    return y


def _layer_normed(step, x):
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    return (x - mean) / np.sqrt(variance + step.epsilon) * step.gamma + step.beta


_COMPUTE = {
    description.Affine: lambda step, x: x @ step.kernel.astype(np.float64) + step.bias,
    description.Activation: _activated,
    description.LayerNorm: _layer_normed,
    description.ScaleShift: lambda step, x: (x - step.center) * step.factors.astype(np.float64) + step.offsets,
    description.Residual: lambda step, x: x + _through(step.steps, x),
}


def chosen(described, outputs):
    """The number of the class of each row, as the description has it."""
    if described.outputs.choice == ABOVE:
        return (outputs[:, 0] > described.outputs.thresholds[0]).astype(int)
    if described.outputs.choice == SECOND:
        score = outputs[:, 1] - outputs[:, 0] if described.outputs.subtracts else outputs[:, 1]
        return (score > described.outputs.thresholds[0]).astype(int)
    return outputs.argmax(axis=1)
