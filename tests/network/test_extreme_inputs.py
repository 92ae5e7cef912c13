"""Finite numbers at the ends of a float's range: an answer that is right, or an error that says what to do."""

import warnings

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import activations
from fastmlp.datasets import Chunks

pytestmark = pytest.mark.needs_jit  # it trains a lot

LARGEST = {"float32": 3e38, "float64": 1.7e308}
ROWS = {"few": 1, "some": 5, "many": 2000}


def model_of(activation, hidden="relu", dtype="float32", loss=None, units=3):
    layers = [fm.Dense(8, activation=hidden, kernel_initializer="he_normal")] if hidden else []
    model = fm.Sequential([*layers, fm.Dense(units, activation=activation)], dtype=dtype, seed=0)
    model.compile(loss=loss or ("categorical_crossentropy" if activation == "softmax" else "mse"))
    model.build(4)
    return model


def extreme(dtype, rows, row):
    """Rows of which one is at the end of the range."""
    x = np.random.default_rng(0).normal(size=(rows, 4)).astype(dtype)
    x[row] = LARGEST[dtype] * np.array([1, -1, 1, 1])
    return x


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", ["relu", "linear", "gelu", None], ids=str)
@pytest.mark.parametrize("activation", activations.NAMES)
def test_predictions_are_finite_or_refused(activation, hidden, dtype, rows):
    model, row = model_of(activation, hidden, dtype), rows // 2
    x = extreme(dtype, rows, row)
    uses = [model.predict, model.predict_classes, lambda x: model.evaluate(x, np.zeros(rows, int))]
    uses += [model.predict_proba, model.predict_log_proba] if activation == "softmax" else []
    if activation not in ("softmax", "sigmoid"):
        uses.remove(model.predict_classes)  # which such a model refuses
    for use in uses:
        try:
            found = use(x)
        except fm.ArgumentError as error:
            refused = str(error)
            assert f"row {row} is finite, but the network" in refused or "loss of these rows is" in refused
            assert ("dtype='float64'" in refused) == (dtype == "float32")
        else:
            assert not np.isnan(found if isinstance(found, np.ndarray) else list(found)).any()


def test_what_a_layer_cannot_hold_is_refused_with_the_remedy():
    model = model_of("softmax")
    x = extreme("float32", 6, 4)
    message = (
        r"^x must not be so large: row 4 is finite, but the network makes numbers of it that are too large for "
        r"float32, and its output 0 nan\. Scale the features, .*Normalization\(\) as first layer, or .*'float64'$"
    )
    proba, log_proba = model.predict_proba, model.predict_log_proba
    for use in (model.predict, model.predict_classes, proba, log_proba, lambda x: model.evaluate(x, [0] * 6)):
        with pytest.raises(fm.ArgumentError, match=message):
            use(x)


@pytest.mark.parametrize("kind", [np.asarray, lambda x: x.tolist(), lambda x: x.astype(np.float64), np.asfortranarray])
def test_however_the_rows_come(kind):
    model = model_of("linear")
    x = extreme("float32", 6, 4)
    with pytest.raises(fm.ArgumentError, match="row 4 is finite"):
        model.predict(kind(x))
    with pytest.raises(fm.ArgumentError, match=r"x\[4, 0\] is inf"):
        model.predict(kind(np.where(x == x[4, 0], np.inf, x)))


def test_the_remedies_work():
    x, y = extreme("float32", 60, 7), np.arange(60) % 3
    wide = model_of("softmax", dtype="float64")
    assert np.isfinite(wide.predict(x)).all()
    assert np.isfinite(wide.predict_proba(x)).all()
    scaled = fm.Sequential([fm.Normalization(), fm.Dense(8, activation="relu"), fm.Dense(3, activation="softmax")])
    scaled.compile()
    scaled.fit(x.astype(np.float64) / 1e38, y, verbose=0)
    assert np.isfinite(scaled.predict(x / np.float32(1e38))).all()


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_each_output_is_looked_at(column, rows):
    """Of a last layer that gives numbers, one column may be too large, and the first one not."""
    model = fm.Sequential([fm.Dense(3, use_bias=False)], seed=0)
    model.compile(loss="mse")
    model.build(1)
    model.set_weights([np.eye(3)[column][None] * 1e10])
    x = np.ones((rows, 1), np.float32)
    x[-1] = 1e30
    with pytest.raises(fm.ArgumentError, match=f"row {rows - 1} is finite.* its output {column} inf"):
        model.predict(x)
    out = np.zeros((rows, 3), np.float32)
    with pytest.raises(fm.ArgumentError, match=f"its output {column} inf"):
        model.predict(x, out=out)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_large_outputs_that_are_right_are_given(dtype, rows):
    """Also where their sum is infinite."""
    model = fm.Sequential([fm.Dense(3, use_bias=False)], dtype=dtype, seed=0)
    model.compile(loss="mae")
    model.build(1)
    model.set_weights([[[1.0, 1.0, -1.0]]])
    x = np.full((rows, 1), LARGEST[dtype], dtype)
    np.testing.assert_array_equal(model.predict(x), x * np.array([1, 1, -1], dtype))


@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_logits_at_the_ends_have_probabilities(activation):
    """They are as sure as can be, and their logarithms may be minus infinity, which is right."""
    loss = fm.losses.BinaryCrossentropy(from_logits=activation == "linear")
    model = fm.Sequential([fm.Dense(1, activation=activation, use_bias=False)], seed=0)
    model.compile(loss=loss)
    model.build(1)
    model.set_weights([[[1.0]]])
    x = np.array([[3e38], [-3e38], [0.0]], np.float32)
    assert model.predict_proba(x).tolist() == [[0, 1], [1, 0], [0.5, 0.5]]
    assert not np.isnan(model.predict_log_proba(x)).any()
    assert model.predict_classes(x).tolist() == [1, 0, 0]
    many = fm.Sequential([fm.Dense(2, use_bias=False)], seed=0)
    many.compile(loss=fm.losses.CategoricalCrossentropy(from_logits=True))
    many.build(1)
    many.set_weights([[[1.0, -1.0]]])
    assert many.predict_proba(x).tolist() == [[1, 0], [0, 1], [0.5, 0.5]]
    assert many.predict_log_proba(x)[0].tolist() == [0, -np.inf]


LOSSES = ["mse", "rss"]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_that_is_too_large_is_refused(loss):
    """Outputs may be finite, and their squares not."""
    model = model_of("linear", None, loss=loss)
    x, y = np.full((6, 4), 1e30, np.float32), np.zeros((6, 3))
    assert np.isfinite(model.predict(x)).all()
    message = r"loss of these rows is (inf|nan), although x and y are finite: .* float32\. Scale x and y"
    for use in (model.evaluate, model.gradients):
        with pytest.raises(fm.ArgumentError, match=message):
            use(x, y)
    with pytest.raises(fm.ArgumentError, match=message):
        model.evaluate(Chunks.from_arrays(x, y, 4))
    wide = model_of("linear", None, "float64", loss=loss)
    assert np.isfinite(wide.evaluate(x, y).loss)


def test_outputs_that_are_nan_have_no_class():
    outputs = np.full((3, 3), 0.5)
    outputs[1, 2] = np.nan
    with pytest.raises(fm.ArgumentError, match="outputs must hold no NaN, but row 1 has"):
        model_of("softmax").classes_of(outputs)


def test_the_command_line_refuses_too(tmp_path, capsys):
    from fastmlp.cli import main

    model_of("softmax").save(tmp_path / "model.npz")
    (tmp_path / "new.csv").write_text("1,2,3,4\n3e38,-3e38,3e38,3e38\n")
    assert main(["predict", str(tmp_path / "model.npz"), str(tmp_path / "new.csv")]) != 0
    assert "row 1 is finite, but the network" in capsys.readouterr().err
