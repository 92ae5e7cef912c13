"""Networks of several kinds, and functions of a user that call them."""

import numba
import numpy as np

import fastmlp as fm
from fastmlp.jitted import predict


@numba.njit(nogil=True)
def call(out, x, weights, network):
    predict(out, x, weights, network)


STACKS = {
    "classifier": (37, [fm.Dense(33, "relu"), fm.Dense(7, "softmax")]),
    "one linear layer": (5, [fm.Dense(3)]),
    "softmax inside": (9, [fm.Dense(17, "softmax"), fm.Dense(4, "relu")]),
    "no bias": (3, [fm.Dense(65, "relu", use_bias=False), fm.Dense(2, use_bias=False)]),
    "width 1": (1, [fm.Dense(1, "relu"), fm.Dense(1)]),
    "deep": (129, [*(fm.Dense(width, "relu") for width in (67, 1, 131)), fm.Dense(101, "softmax")]),
}


def network(name="classifier", dtype="float32", seed=0):
    """A model whose biases are not zero."""
    features, layers = STACKS[name]
    model = fm.Sequential(layers, dtype=dtype, seed=seed)
    model.build(features)
    generator = np.random.default_rng(seed)
    model.set_weights([w + 0.1 * generator.normal(size=w.shape) for w in model.get_weights()])
    return model


def rows_for(model, rows, seed=1):
    return np.random.default_rng(seed).normal(size=(rows, model.engine.program.fan_in)).astype(model.dtype)


def unset(model, *rows, dtype=None):
    return np.full((*rows, model.engine.program.classes), np.nan, dtype or model.dtype)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array
