"""Features: what is no table of numbers is refused by name, and the form of one that is changes no bit."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError

from ..shared.models import bits
from ..shared.tiny import CLASSES, FEATURES, FORMS, ROWS, X, Y, built, fit, network, numbers

# ---------------------------------------------------------------- features that are refused


def with_bad(value, dtype):
    x = X.astype(dtype)
    x[17, 3] = value
    return x


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused_with_their_place(value, dtype):
    x = with_bad(value, dtype)
    for use in (lambda: fit(x=x), lambda: built().predict(x), lambda: built().evaluate(x, Y)):
        with pytest.raises(ArgumentError, match=r"x\[17, 3\] is -?(nan|inf)"):
            use()


def test_features_too_large_for_the_precision_are_refused():
    with pytest.raises(ArgumentError, match="too large for float32"):
        fit(x=X.astype(np.float64) * 1e300)


@pytest.mark.parametrize(
    "x",
    [
        X[:, 0],
        X[:0],
        X[:, :0],
        np.empty((0, 0)),
        [],
        [[]],
        5,
        None,
        "abc",
        [["a"] * FEATURES] * ROWS,
        np.full(X.shape, None),
        [[1.0], [1.0, 2.0]],
        X.astype(complex),
        X.astype("datetime64[s]"),
        X.astype([("field", "f4")]),
        iter(X),
        {"x": 1},
    ],
    ids=lambda x: f"{type(x).__name__}{getattr(x, 'shape', '')}{getattr(x, 'dtype', '')}",
)
def test_features_of_a_wrong_shape_or_type_are_refused_by_name(x):
    model = built()
    for use in (lambda: fit(x=x), lambda: model.predict(x), lambda: model.evaluate(x, Y), lambda: model.fit(x, Y)):
        with pytest.raises((ArgumentError, ArgumentTypeError), match=r"^x "):
            use()


def test_a_row_of_another_width_is_refused_with_both_widths():
    model = built()
    for use in (model.predict, lambda x: model.evaluate(x, Y), lambda x: model.fit(x, Y), model.predict_classes):
        with pytest.raises(ArgumentError, match=r"7 features.*built for 5"):
            use(numbers(ROWS, 7))


# ---------------------------------------------------------------- features that are taken


def memory_mapped(x, path):
    np.save(path, x)
    return np.load(path, mmap_mode="r")


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_the_features_changes_no_bit(form):
    x = FORMS[form](X.copy())
    wanted, model = network(), network()
    fit(wanted)
    fit(model, x=x)
    assert bits(model) == bits(wanted)
    np.testing.assert_array_equal(model.predict(x), wanted.predict(X))


def test_features_on_disk_are_read_through_a_memory_map(tmp_path):
    model = built()
    x = memory_mapped(X, tmp_path / "x.npy")
    np.testing.assert_array_equal(model.predict(x), model.predict(X))
    fit(model, x=x, y=memory_mapped(Y, tmp_path / "y.npy"))


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "int64", "uint16", "uint64", "float16"])
def test_features_of_other_dtypes_are_taken_at_their_value(dtype):
    x = np.clip(X * 3, 0, 5).astype(dtype)
    model = built()
    np.testing.assert_array_equal(model.predict(x), model.predict(x.astype(np.float32)))
    fit(model, x=x)


def test_uint8_features_are_pixels():
    x = (np.abs(X) * 50).astype(np.uint8)
    model = built()
    np.testing.assert_allclose(model.predict(x), model.predict(x / 255), atol=1e-6)
    unscaled = fm.Sequential([fm.Dense(CLASSES, "softmax")], uint8_scale=1, seed=0)
    unscaled.build(FEATURES)
    np.testing.assert_allclose(unscaled.predict(x), unscaled.predict(x.astype(float)), atol=1e-6)


def test_inputs_are_never_written():
    x, y, soft = X.copy(), Y.copy(), np.full((ROWS, CLASSES), 1 / CLASSES, np.float32)
    fit(x=x, y=y, epochs=2)
    fit(x=x, y=soft)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    assert (soft == np.float32(1 / CLASSES)).all()
