"""Standardising and splitting, and what importing the package costs."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastmlp.datasets
from fastmlp._base.errors import ArgumentError
from fastmlp.datasets import Standardizer, standardize, train_test_split


def test_columns_have_mean_0_and_deviation_1():
    x = np.random.default_rng(0).normal(5, 3, (10_000, 4)) * [1, 1e-6, 1e6, 1]
    (result,) = standardize(x)
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    np.testing.assert_allclose(result.mean(axis=0, dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(result.std(axis=0, dtype=np.float64), 1, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "bool"])
def test_dtypes_and_layouts(dtype):
    x = np.random.default_rng(0).integers(0, 2, (9, 3)).astype(dtype)
    ref = ((x.astype(float) - x.astype(float).mean(0)) / x.astype(float).std(0)).astype(np.float32)
    for view in (x, np.asfortranarray(x), x[::1, ::1], x.tolist()):
        np.testing.assert_allclose(standardize(view)[0], ref, rtol=1e-6)


def test_columns_without_variance_are_left_alone():
    x = np.array([[0.1, 7.0], [0.1, 8.0], [0.1, 9.0]])
    standardizer = Standardizer.fit(x)
    assert (standardizer.mean[0], standardizer.scale[0]) == (0, 1)
    np.testing.assert_array_equal(standardizer.transform([[0.3, 8.0]]), np.float32([[0.3, 0.0]]))


def test_tiny_variance_that_float64_cannot_hold_is_none():
    assert Standardizer.fit([[1e-200], [2e-200]]).scale.tolist() == [1.0]


def test_large_offsets_do_not_cost_precision():
    x = np.array([[1e9 - 1], [1e9 + 1]])
    np.testing.assert_array_equal(standardize(x)[0], [[-1], [1]])


def test_other_data_is_measured_by_the_training_data():
    train, test, more = standardize([[0.0], [2.0]], [[4.0]], [[0.0], [1.0]])
    assert (train.tolist(), test.tolist(), more.tolist()) == ([[-1], [1]], [[3]], [[-1], [0]])


def test_standardizer_cannot_be_changed():
    with pytest.raises(AttributeError):
        Standardizer.fit([[1.0], [2.0]]).mean = np.zeros(1)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0, 2.0], r"shape \(2,\)"),
        (np.zeros((0, 3)), "at least one row"),
        ([[np.nan]], "must be finite"),
        ([["a"]], "must be numbers"),
    ],
)
def test_fit_checks(x, message):
    with pytest.raises(ArgumentError, match=message):
        Standardizer.fit(x)


def test_transform_checks_the_columns():
    standardizer = Standardizer.fit(np.eye(3))
    with pytest.raises(ArgumentError, match=r"must have 3 columns.*\(3, 2\)"):
        standardizer.transform(np.zeros((3, 2)))
    with pytest.raises(ArgumentError, match=r"\(3,\)"):
        standardizer.transform(np.zeros(3))


@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=60),
    fraction=st.floats(0.01, 0.99),
    stratify=st.booleans(),
    seed=st.integers(0, 3),
)
def test_every_row_is_in_one_part(labels, fraction, stratify, seed):
    y = np.array(labels)
    x = np.arange(len(y))[:, None]
    if stratify and np.bincount(y).max() == 1:
        return
    (x_train, y_train), (x_test, y_test) = train_test_split(x, y, fraction, seed=seed, stratify=stratify)
    assert sorted([*x_train.ravel(), *x_test.ravel()]) == list(range(len(y)))
    np.testing.assert_array_equal(y[x_train.ravel()], y_train)
    np.testing.assert_array_equal(y[x_test.ravel()], y_test)
    assert min(len(x_train), len(x_test)) >= 1
    wanted = min(max(round(len(y) * fraction), 1), len(y) - 1)
    if not stratify:
        assert len(x_test) == wanted
        return
    assert set(y_train) == set(y)
    counts = np.bincount(y, minlength=5)
    assert len(y_test) == min(wanted, (counts - (counts > 0)).sum())
    in_test = np.bincount(y_test, minlength=5)
    if (counts * wanted / len(y) <= counts - 1)[counts > 0].all():
        assert (np.abs(in_test - counts * wanted / len(y)) < 1 + 1e-9).all()


def test_split_is_seeded_and_shuffled():
    x, y = np.arange(100)[:, None], np.repeat([0, 1], 50)
    first, again = train_test_split(x, y), train_test_split(x, y)
    np.testing.assert_array_equal(first[0][0], again[0][0])
    assert (train_test_split(x, y, seed=1)[1][0] != first[1][0]).any()
    assert (np.diff(first[0][0].ravel()) < 0).any()
    assert (np.diff(first[0][1]) != 0).sum() > 10


def test_split_keeps_dtypes_and_copies():
    x, y = np.zeros((10, 2, 2), dtype=np.uint8), np.arange(10.0)
    (x_train, y_train), (x_test, _) = train_test_split(x, y)
    assert (x_train.dtype, y_train.dtype, x_train.shape, x_test.shape) == (
        np.uint8,
        float,
        (8, 2, 2),
        (2, 2, 2),
    )
    x_train[:] = 1
    assert x.max() == 0


@pytest.mark.parametrize("y", [np.eye(2)[[0, 1] * 5], np.linspace(0, 1, 10), np.array(["a", "b"] * 5)])
def test_split_takes_every_kind_of_label(y):
    (_, y_train), (_, y_test) = train_test_split(np.zeros((10, 1)), y, 0.4)
    assert (len(y_train), len(y_test)) == (6, 4)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([[1]], [1], {}, "at least 2 rows"),
        ([[1], [2]], [1], {}, "equally many rows"),
        ([[1], [2]], [1, 1], {"test_fraction": 0}, "test_fraction must be above 0 and below 1, got 0"),
        ([[1], [2]], [1, 1], {"test_fraction": 1.0}, "test_fraction"),
        ([[1], [2]], [1, 1], {"test_fraction": float("nan")}, "test_fraction"),
        ([[1], [2]], [1, 1], {"seed": -1}, "seed"),
        ([[1], [2]], [1, 2], {}, "pass stratify=False"),
        (1, 1, {}, "equally many rows"),
    ],
)
def test_split_checks(x, y, options, message):
    with pytest.raises(ArgumentError, match=message):
        train_test_split(x, y, **options)


def test_importing_brings_no_network_and_no_optional_package():
    code = "import sys, fastmlp.datasets; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    unwanted = {"urllib.request", "http.client", "ssl", "pandas", "sklearn", "matplotlib", "scipy"}
    assert not unwanted & set(loaded)


def test_everything_promised_is_there():
    assert sorted(fastmlp.datasets.__all__) == fastmlp.datasets.__all__
    for name in fastmlp.datasets.__all__:
        assert getattr(fastmlp.datasets, name).__doc__
