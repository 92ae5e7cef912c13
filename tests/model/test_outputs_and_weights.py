"""Arrays that a model fills, takes and gives out: `predict(out=)`, `set_weights` and `get_weights`."""

import contextlib

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError

from ..shared.models import bits
from ..shared.tiny import CLASSES, FEATURES, FORMS, ROWS, X, built, network, numbers, unaligned


def read_only(array):
    array.setflags(write=False)
    return array


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((ROWS - 1, CLASSES), np.float32),
        np.zeros((ROWS, CLASSES + 1), np.float32),
        np.zeros(ROWS * CLASSES, np.float32),
        np.zeros((ROWS, CLASSES, 1), np.float32),
        np.zeros((ROWS, CLASSES), np.float64),
        np.zeros((ROWS, CLASSES), ">f4"),
        np.zeros((ROWS, CLASSES), np.int32),
        np.zeros((ROWS, CLASSES), np.float32, order="F"),
        np.zeros((2 * ROWS, CLASSES), np.float32)[::2],
        read_only(np.zeros((ROWS, CLASSES), np.float32)),
        [[0.0] * CLASSES] * ROWS,
        5,
        "x",
    ],
    ids=lambda out: f"{type(out).__name__}{getattr(out, 'shape', '')}{getattr(out, 'dtype', '')}",
)
def test_an_output_array_that_cannot_be_written_in_place_is_refused(out):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=r"^out "):
        built().predict(X, out=out)


def test_predict_writes_into_the_output_array_it_is_given():
    model = built()
    out = np.full((ROWS, CLASSES), np.nan, np.float32)
    assert model.predict(X, out=out) is out
    np.testing.assert_array_equal(out, model.predict(X))


def test_an_output_array_may_be_a_memory_map_or_unaligned(tmp_path):
    model = built()
    mapped = np.memmap(tmp_path / "out", np.float32, "w+", shape=(ROWS, CLASSES))
    for out in (mapped, unaligned(np.zeros((ROWS, CLASSES), np.float32))):
        model.predict(X, out=out)
        np.testing.assert_array_equal(out, model.predict(X))


def test_an_output_array_that_overlaps_the_features_is_right_or_refused():
    model = fm.mlp([4], classes=3, seed=0)
    model.build(3)
    store = numbers(401, 3)
    wanted = model.predict(store[:-1])
    with contextlib.suppress(ArgumentError):
        model.predict(store[:-1], out=store[1:])
        np.testing.assert_array_equal(store[1:], wanted)


WRONG_WEIGHTS = {
    "None": lambda w: None,
    "number": lambda w: 5,
    "text": lambda w: "abcd",
    "empty": lambda w: [],
    "too few": lambda w: w[:-1],
    "too many": lambda w: [*w, w[0]],
    "transposed": lambda w: [w[0].T, *w[1:]],
    "flat": lambda w: [w[0].ravel(), *w[1:]],
    "NaN": lambda w: [*w[:-1], w[-1] * np.nan],
    "inf": lambda w: [*w[:-1], w[-1] + np.inf],
    "inf in float32": lambda w: [*w[:-1], w[-1].astype(np.float64) + 1e300],
    "text array": lambda w: [*w[:-1], w[-1].astype(str)],
    "objects": lambda w: [*w[:-1], np.full(w[-1].shape, None)],
    "complex": lambda w: [*w[:-1], w[-1] + 1j],
    "ragged": lambda w: [*w[:-1], [[1], [1, 2]]],
    "None inside": lambda w: [*w[:-1], None],
}


@pytest.mark.parametrize("wrong", WRONG_WEIGHTS)
def test_wrong_weights_are_refused_and_change_nothing(wrong):
    model = built()
    before = bits(model)
    with pytest.raises((ArgumentError, ArgumentTypeError), match="weights"):
        model.set_weights(WRONG_WEIGHTS[wrong](model.get_weights()))
    assert bits(model) == before


@pytest.mark.parametrize(
    "value", [5, None, "x", [[1], [1, 2]], np.zeros((2, 2)), np.full((FEATURES, 4), np.nan)], ids=str
)
def test_a_wrong_kernel_is_refused_and_changes_nothing(value):
    model = built()
    before = bits(model)
    with pytest.raises((ArgumentError, ArgumentTypeError), match=r"^kernel "):
        model.layers[0].kernel = value
    assert bits(model) == before


@pytest.mark.parametrize("form", ["list", "F order", "strided", "float64", "big endian", "unaligned"])
def test_weights_are_taken_in_any_form(form):
    model, other = built(), network(features=FEATURES)
    other.set_weights([weight * 2 for weight in other.get_weights()])
    kernel, *rest = model.get_weights()
    other.set_weights([FORMS[form](kernel), *rest])
    assert bits(other) == bits(model)


def test_weights_that_were_given_out_are_copies():
    model = built()
    before = bits(model)
    for weight in model.get_weights():
        weight[...] = 7
    assert bits(model) == before
    with pytest.raises(ValueError, match="read-only"):
        model.layers[0].kernel[...] = 7
