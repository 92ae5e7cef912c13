"""Targets: what makes no sense is refused by name, and the form of what does changes no bit."""

import numpy as np
import pytest

from fastmlp import ArgumentError, ArgumentTypeError

from ..shared.models import bits
from ..shared.tiny import CLASSES, FORMS, ROWS, X, Y, built, fit, network, numbers


@pytest.mark.parametrize(
    "y",
    [
        Y + 5 * (np.arange(ROWS) == 0),
        -Y * (np.arange(ROWS) != 1) - 7 * (np.arange(ROWS) == 0),
        Y + 0.5,
        np.full(ROWS, np.nan),
        np.full(ROWS, np.inf),
        np.full(ROWS, 1e300),
        np.full(ROWS, 2**64 - 1, np.uint64),
        np.eye(CLASSES + 1)[Y],
        np.full((ROWS, CLASSES), -0.1),
        np.full((ROWS, CLASSES), np.nan),
        np.zeros((ROWS, CLASSES, 1)),
        Y[:5],
        [],
        3,
        None,
        "abc",
        ["a"] * ROWS,
        np.full(Y.shape, None),
        [*Y[:-1].tolist(), None],
        [[1], [1, 2]],
        Y.astype(complex),
        Y.astype("datetime64[s]"),
        iter(Y),
    ],
    ids=lambda y: f"{type(y).__name__}{getattr(y, 'shape', '')}{getattr(y, 'dtype', '')}",
)
def test_targets_that_make_no_sense_are_refused_by_name(y):
    model = built()
    for use in (lambda: model.fit(X, y), lambda: model.evaluate(X, y), lambda: model.train_on_batch(X, y)):
        with pytest.raises((ArgumentError, ArgumentTypeError), match=r"^y "):
            use()


LABEL_FORMS = {
    "list": np.ndarray.tolist,
    "column": lambda y: y.reshape(-1, 1),
    "float": lambda y: y.astype(np.float64),
    "float16": lambda y: y.astype(np.float16),
    "uint8": lambda y: y.astype(np.uint8),
    "big endian": lambda y: y.astype(">i4"),
    "strided": lambda y: np.repeat(y, 2)[::2],
    "one-hot": lambda y: np.eye(CLASSES)[y],
    "one-hot uint8": lambda y: np.eye(CLASSES, dtype=np.uint8)[y],
    "one-hot bool": lambda y: np.eye(CLASSES, dtype=bool)[y],
    "one-hot F order": lambda y: np.asfortranarray(np.eye(CLASSES)[y]),
}


@pytest.mark.parametrize("form", LABEL_FORMS)
def test_the_form_of_the_labels_changes_no_bit(form):
    wanted, model = network(), network()
    fit(wanted)
    fit(model, y=LABEL_FORMS[form](Y))
    assert bits(model) == bits(wanted)


@pytest.mark.parametrize("form", ["F order", "strided", "unaligned", "big endian", "list"])
def test_the_form_of_soft_targets_changes_no_bit(form):
    soft = np.abs(numbers(ROWS, CLASSES, seed=3)) + np.float32(0.1)
    soft /= soft.sum(axis=1, keepdims=True)
    wanted, model = network(), network()
    fit(wanted, y=soft)
    fit(model, y=FORMS[form](soft))
    assert bits(model) == bits(wanted)


@pytest.mark.parametrize("y", [np.zeros(ROWS), np.ones(ROWS, bool), np.full(ROWS, 2)], ids=["0", "True", "2"])
def test_one_class_alone_can_be_trained_on(y):
    assert np.isfinite(fit(y=y)["loss"]).all()


def test_soft_targets_too_large_for_the_precision_are_refused():
    with pytest.raises(ArgumentError, match=r"^y .*sum 1"):
        fit(y=np.full((ROWS, CLASSES), 1e300))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"x": np.ma.masked_array(X, X > 1)}, "masked"),
        ({"y": np.ones((ROWS, CLASSES))}, "sum 1"),
        ({"y": np.zeros((ROWS, CLASSES))}, "sum 1"),
        ({"validation_split": 0.5, "validation_data": (X, Y)}, "not both"),
        ({"y": np.array(["a", "b"] * ROWS, dtype=object)[:ROWS]}, "2 different labels"),
    ],
    ids=["masked", "multi-hot", "no class", "two validations", "text objects"],
)
def test_what_would_be_misunderstood_is_refused(settings, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        fit(**settings)
