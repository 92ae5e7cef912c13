"""Mean and spread of columns, and which of them are constant: by the precision of the data, everywhere the same."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base import columns
from fastmlp.datasets import Chunks, Standardizer, standardize

from ..shared.models import adapted

ROWS = 1000


def predictor(layer, dtype="float32", features=1):
    """A model that gives what the layer makes of its input."""
    model = fm.Sequential([layer, fm.Dense(features, use_bias=False)], dtype=dtype, seed=0)
    model.build(features)
    model.layers[1].kernel = np.eye(features)
    return model


def learner(**settings):
    model = fm.Sequential([fm.Normalization(), fm.Dense(2, activation="softmax")], seed=0, **settings)
    model.compile()
    return model


def constants(value=98.6, dtype=np.float64):
    return np.full((ROWS, 1), value, dtype)


def nearly_constant(value=98.6, dtype=np.float64):
    x = constants(value, dtype)
    x[7] = np.nextafter(x[7], dtype(np.inf))
    return x


# ---------------------------------------------------------------- constant columns


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [98.6, 0.1, 1e-16, 1e16, -3.7, 0.0])
def test_a_constant_column_becomes_zero_and_others_stay_moderate(value, dtype):
    layer = adapted(constants(value))
    assert layer.mean.tolist() == [value]
    assert layer.variance.tolist() == [1.0]
    model = predictor(layer, dtype)
    assert (model.predict(constants(value)[:3]) == 0).all()
    assert model.predict([[value + 0.1]]).item() == pytest.approx(0.1, abs=max(1e-5, 1e-6 * abs(value)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [98.6, 1e-3, -1e4])
def test_one_last_bit_of_difference_is_none(value, dtype):
    x = nearly_constant(value, dtype)
    (difference,) = {abs(float(item) - float(x[0, 0])) for item in x.ravel()} - {0}
    assert adapted(x).variance.tolist() == [1.0]
    assert Standardizer.fit(x).scale.tolist() == [1.0]
    assert abs(predictor(adapted(x)).predict(x)).max() <= difference * 1.01
    y = np.arange(ROWS) % 2
    model = learner()
    model.fit(x, y, verbose=0)
    assert model.layers[0].variance.tolist() == [1.0]


def test_rounding_of_computed_numbers_is_no_variance():
    x = np.array([0.1 * 3, 0.3, 0.1 + 0.2, 0.6 / 2, 0.9 / 3])[np.arange(ROWS) % 5, None]
    assert 0 < x.std() < 1e-15
    assert adapted(x).variance.tolist() == [1.0]
    shares = np.random.default_rng(0).dirichlet(np.ones(20), ROWS).astype(np.float32)
    assert adapted(shares.sum(axis=1, keepdims=True)).variance.tolist() == [1.0]


def test_a_constant_column_of_whole_numbers():
    for dtype in (np.uint8, np.int32, np.int64, np.bool_):
        layer = adapted(np.ones((50, 2), dtype))
        assert (layer.mean.tolist(), layer.variance.tolist()) == ([1, 1], [1, 1])
    x = 10**15 + np.arange(100)[:, None] % 2  # whole numbers are exact, however large
    assert adapted(x).variance == pytest.approx([0.25])


def test_standardized_constant_columns_pass_as_they_are():
    x = np.hstack([constants(), nearly_constant(), np.linspace(0, 1, ROWS)[:, None]])
    (scaled,) = standardize(x)
    np.testing.assert_array_equal(scaled[:, :2], x[:, :2].astype(np.float32))
    assert scaled[:, 2].std() == pytest.approx(1, rel=1e-5)
    assert Standardizer.fit(x).transform([[98.7, 98.7, 0]])[0, :2] == pytest.approx([98.7, 98.7])


# ---------------------------------------------------------------- columns that are not constant


@pytest.mark.parametrize("scale", [1e-16, 1e-10, 1e-3, 1e10, 1e15])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_and_large_columns_are_scaled(scale, dtype, rng):
    x = (scale * rng.normal(1, 2, (ROWS, 1))).astype(dtype)
    assert predictor(adapted(x), dtype).predict(x).std() == pytest.approx(1, rel=1e-3)
    assert standardize(x)[0].std() == pytest.approx(1, rel=1e-3)
    model = learner(dtype=dtype)
    model.fit(x, rng.integers(0, 2, ROWS), verbose=0)
    assert model.layers[0].variance == pytest.approx([x.astype(np.float64).var()], rel=1e-4)


def test_a_spread_that_is_small_beside_the_numbers_is_kept(rng):
    pressure = (101325 + rng.normal(0, 5, (ROWS, 1))).astype(np.float32)
    assert adapted(pressure).variance == pytest.approx([pressure.astype(np.float64).var()], rel=1e-9)
    years = np.repeat(rng.integers(1990, 2020, (ROWS, 1)), 50, axis=0).astype(np.float32)
    assert adapted(years).variance == pytest.approx([years.astype(np.float64).var()], rel=1e-9)
    times = 1.7e9 + rng.uniform(0, 1, (ROWS, 1))
    assert adapted(times).variance == pytest.approx([1 / 12], rel=0.1)
    assert adapted(times.astype(np.int64) + np.arange(ROWS)[:, None] % 2).variance == pytest.approx([0.25], rel=0.01)


def test_the_same_columns_are_constant_as_for_scikit_learn(rng):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    for spread in 10.0 ** np.arange(-18, 0):
        x = 98.6 + spread * rng.normal(size=(ROWS, 3))
        expected = preprocessing.StandardScaler().fit(x).scale_ == 1
        assert (columns.measured([x]).is_constant == expected).all(), spread


def test_variances_that_a_model_cannot_hold_are_refused():
    x = 1e-25 * np.arange(1, 11)[:, None]
    y = np.arange(10) % 2
    with pytest.raises(fm.ArgumentError, match=r"variance\[0\] is .* too small for float32; multiply .*float64"):
        learner().fit(x, y, verbose=0)
    with pytest.raises(fm.ArgumentError, match="too small for float32"):
        predictor(adapted(x))
    assert predictor(adapted(x), "float64").predict(x).std() == pytest.approx(1, rel=1e-9)
    with pytest.raises(fm.ArgumentError, match="must be finite in float32"):
        predictor(adapted(1e30 * x / 1e-25))


def test_huge_numbers_have_a_spread_too(rng):
    x = 1e200 * rng.normal(size=(ROWS, 1))
    assert columns.measured([x]).deviation / 1e200 == pytest.approx((x / 1e200).std(axis=0), rel=1e-12)
    assert standardize(x)[0].std() == pytest.approx(1, rel=1e-5)
    with pytest.raises(fm.ArgumentError, match="column 1 holds numbers whose differences are too large"):
        adapted([[0.0, 1.7e308], [0.0, -1.7e308]])


# ---------------------------------------------------------------- one result for all ways in


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int64])
def test_parts_give_the_bits_of_the_whole(dtype, rng, monkeypatch):
    monkeypatch.setattr(columns, "_BLOCK_NUMBERS", 100)
    x = rng.integers(0, 200, (777, 3)).astype(dtype)
    x[:, 1] = 7
    whole = columns.measured([x])
    np.testing.assert_allclose(whole.mean, x.astype(float).mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(whole.deviation, x.astype(float).std(axis=0), rtol=1e-12)
    for cuts in ([1], [5, 6, 7], [33, 66, 500], list(range(0, 777, 10))):
        parts = columns.measured(np.split(x, cuts)[int(cuts[0] == 0) :])
        assert parts.count == 777
        assert parts.mean.tobytes() == whole.mean.tobytes()
        assert parts.deviation.tobytes() == whole.deviation.tobytes()


def test_chunks_learn_what_whole_arrays_do(rng):
    x = np.hstack([constants(), nearly_constant(), 1e-16 * rng.normal(size=(ROWS, 1)), rng.normal(size=(ROWS, 1))])
    y = rng.integers(0, 2, ROWS)
    whole, parts = learner(), learner()
    whole.fit(x, y, verbose=0)
    parts.fit(Chunks.from_arrays(x, y, rows_in_chunk=300), verbose=0)
    expected = adapted(x)
    for model in (whole, parts):
        assert model.declarations[0].mean.tobytes() == expected.mean.tobytes()
        assert model.declarations[0].variance.tobytes() == expected.variance.tobytes()


def test_statistics_are_those_of_the_data_and_not_of_rounded_data():
    x = 1_700_000_000 + np.arange(ROWS)[:, None]
    model = learner()
    model.fit(x, np.arange(ROWS) % 2, verbose=0)
    assert model.declarations[0].mean.tolist() == [x.mean()]
    assert model.declarations[0].variance == pytest.approx(x.var(axis=0), rel=1e-12)


def test_pixels_are_measured_as_they_are_scaled():
    x = np.random.default_rng(0).integers(0, 256, (100, 4)).astype(np.uint8)
    x[:, 2] = 255
    model = learner()
    model.fit(x, np.arange(100) % 2, verbose=0)
    layer = fm.Normalization()
    layer.adapt(x, scale=1 / 255)
    np.testing.assert_allclose(layer.mean, (x / 255).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(layer.variance[[0, 1, 3]], (x / 255).var(axis=0)[[0, 1, 3]], rtol=1e-12)
    assert layer.variance[2] == 1
    np.testing.assert_array_equal(model.layers[0].mean, layer.mean.astype(np.float32))


def test_what_cannot_be_measured_is_refused():
    for x, message in (
        ([[1.0, np.nan]], "finite"),
        ([1.0, 2.0], "2 dimensions"),
        (np.empty((0, 2)), "at least one row"),
    ):
        with pytest.raises(fm.ArgumentError, match=message):
            fm.Normalization().adapt(x)
    for scale in (0, -1, np.nan):
        with pytest.raises(fm.ArgumentError, match="scale"):
            fm.Normalization().adapt([[1.0], [2.0]], scale=scale)
    with pytest.raises(fm.ArgumentError, match="at least one row and one column"):
        Standardizer.fit(np.empty((3, 0)))
