"""Formulas that are the same are equal however they are spelled; those that are not, are not."""

import functools
import math

import numpy as np
import pytest

from fastmlp import activations
from fastmlp._importing import formulas
from fastmlp._importing.formulas import TooLarge, X, activation_in, call, clipped, constant


def half_share(share):
    return X * constant(0.5) * (constant(1.0) + share)


ERF = call("erf", X * constant(1 / math.sqrt(2)))
SPELLED = {
    "x/2·(1 + erf)": (half_share(ERF), "gelu"),
    "x·(½ + ½·erf)": (X * (constant(0.5) + ERF * constant(0.5)), "gelu"),
    "rounded": (half_share(call("erf", X * constant(0.70710677))), "gelu"),
    "another slope": (half_share(call("erf", X * constant(0.7072))), None),
    "another cube": (half_share(call("tanh", (X + X * X * X * constant(0.0448)) * constant(0.797885))), None),
    "quick": (X * call("sigmoid", X * constant(1.702)), None),
    "x·sigmoid": (call("sigmoid", X) * X, "silu"),
    "relu of two sides": (call("relu", X) + call("low", X) * constant(0.25), "leaky_relu(0.25)"),
    "elu of two sides": (
        call("relu", X) + (call("exp", call("low", X)) - constant(1.0)) * constant(0.5),
        "elu(0.5)",
    ),
    "a negative elu": (call("relu", X) - call("exp", call("low", X)) * constant(0.5), None),
    "relu6": (clipped(X, 0.0, 6.0), None),
    "clip": (clipped(X, 0.0, math.inf), "relu"),
    "x·relu6(x + 3)/6": (X * clipped(X + constant(3.0), 0.0, 6.0) * constant(1 / 6), "hard_swish"),
    "relu6(x + 3)/6": (clipped(X + constant(3.0), 0.0, 6.0) * constant(1 / 6), "hard_sigmoid"),
    "keras's hard sigmoid of old": (clipped(X * constant(0.2) + constant(0.5), 0.0, 1.0), None),
    "a negative slope": (call("leaky_relu", X, -0.1), None),
}


@pytest.mark.parametrize("kind", SPELLED)
def test_spellings_of_activations(kind):
    formula, wanted = SPELLED[kind]
    found = activation_in(formula)
    assert (None if found is None else found.name) == wanted
    if found is not None:
        assert (found.factor, found.of_x, found.offset) == (1, 0, 0)


@pytest.mark.parametrize("name", ["relu", "gelu", "gelu_tanh", "hard_swish", "silu", "elu(0.5)", "leaky_relu(0.1)"])
def test_multiples_with_x_and_offsets_keep_all(name):
    factor, of_x, offset = np.array([2.0, -3.0, 0.0]), np.array([1.0, 0.0, 0.5]), np.array([1.0, 0.0, 0.0])
    low = call("low", X)
    sides = {
        "elu(0.5)": call("relu", X) + (call("exp", low) - constant(1.0)) * constant(0.5),
        "leaky_relu(0.1)": call("relu", X) + low * constant(0.1),
    }
    for formula in [sides[name]] if name in sides else [f for known, f in formulas._spellings() if known == name]:
        found = activation_in(formula * constant(factor) + X * constant(of_x) + constant(offset))
        assert found.name == name
        for value, wanted in ((found.factor, factor), (found.of_x, of_x), (found.offset, offset)):
            np.testing.assert_allclose(value, wanted, atol=1e-12)


def test_all_activations_of_single_numbers_have_a_spelling():
    spelled = {name for name, _ in formulas._spellings()} | {"leaky_relu", "elu", "selu", "linear", "softmax"}
    assert spelled == set(activations.NAMES)


def test_formulas_do_not_grow_without_end():
    for grow in (lambda x: x * x + constant(1.0), lambda x: call("tanh", x), lambda x: x + call("tanh", x)):
        with pytest.raises(TooLarge):
            functools.reduce(lambda formula, _, grow=grow: grow(formula), range(100), X)
