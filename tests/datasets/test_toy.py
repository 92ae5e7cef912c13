"""Toy data, one-hot rows and the split in three."""

import numpy as np
import pytest

from fastmlp import ArgumentError, ArgumentTypeError, datasets
from fastmlp.datasets import labels_of, moons, one_hot, sine, spiral, train_test_split, train_validation_test_split
from fastmlp.datasets import vertical as bands

CLASSIFIED = {"spiral": spiral, "vertical": bands, "moons": moons}


def assert_shuffled(y):
    assert (np.diff(y) < 0).any()
    assert len(np.unique(y[-len(y) // 5 :])) == len(np.unique(y))  # validation_split takes the last rows


@pytest.mark.parametrize("name", CLASSIFIED)
def test_points_and_labels(name):
    x, y = CLASSIFIED[name]()
    classes = 2 if name == "moons" else 3
    assert x.shape == (100 * classes, 2)
    assert (x.dtype, y.dtype) == (np.float32, np.int64)
    assert x.flags.c_contiguous
    assert np.bincount(y).tolist() == [100] * classes
    assert_shuffled(y)


@pytest.mark.parametrize("name", CLASSIFIED)
def test_a_seed_fixes_the_points(name):
    make = CLASSIFIED[name]
    for part, again, other in zip(make(seed=3), make(seed=3), make(seed=4), strict=True):
        np.testing.assert_array_equal(part, again)
        assert (part != other).any()


def test_spiral_arms_without_noise():
    x, y = spiral(samples=5, classes=2, noise=0)
    for label in (0, 1):
        arm = x[y == label]
        arm = arm[np.argsort(np.hypot(*arm.T))]
        radius = np.array([0, 0.25, 0.5, 0.75, 1])
        angle = 10 * label + 10 * radius
        np.testing.assert_allclose(arm, np.column_stack([radius * np.sin(angle), radius * np.cos(angle)]), atol=1e-6)


def test_noise_turns_points_of_a_spiral_and_keeps_their_radius():
    x, _ = spiral(noise=0.2, seed=1)
    np.testing.assert_allclose(np.sort(np.hypot(*x.T)), np.repeat(np.linspace(0, 1, 100), 3), atol=1e-6)
    exact, _ = spiral(noise=0, seed=1)
    assert abs(np.sort(x[:, 0]) - np.sort(exact[:, 0])).max() > 0.01


def test_vertical_bands_stand_side_by_side():
    x, y = bands(samples=4000, classes=4)
    for label in range(4):
        cloud = x[y == label]
        np.testing.assert_allclose(cloud.mean(axis=0), [label / 4, 0.5], atol=0.01)
        np.testing.assert_allclose(cloud.std(axis=0), 0.1, atol=0.005)


def test_moons_without_noise_are_half_circles():
    x, y = moons(5, noise=0)
    upper, lower = x[y == 0], x[y == 1]
    assert sorted(upper.round(6).tolist()) == [[-1, 0], [1, 0]]
    assert sorted(lower.round(6).tolist()) == [[0, 0.5], [1, -0.5], [2, 0.5]]


def test_moons_have_the_noise_asked_for():
    x, y = moons(20_000, noise=0.3)
    distance = np.hypot(x[y == 0, 0], x[y == 0, 1]) - 1
    assert distance.std() == pytest.approx(0.3, rel=0.05)


def test_moons_are_those_of_scikit_learn():
    ref, ref_y = pytest.importorskip("sklearn.datasets").make_moons(51, shuffle=False, noise=None)
    x, y = moons(51, noise=0)
    for label in (0, 1):
        comp = x[y == label]
        np.testing.assert_allclose(
            comp[np.argsort(comp[:, 0])], ref[ref_y == label][np.argsort(ref[ref_y == label, 0])], atol=1e-6
        )


def test_sine():
    x, y = sine()
    assert x.shape == y.shape == (1000, 1)
    assert x.dtype == y.dtype == np.float32
    assert (x[0], x[-1]) == (0, 1)
    assert (np.diff(x[:, 0]) > 0).all()
    np.testing.assert_allclose(
        sine(9)[1].ravel(), [0, 0.5**0.5, 1, 0.5**0.5, 0, -(0.5**0.5), -1, -(0.5**0.5), 0], atol=1e-6
    )


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: spiral(0), ArgumentError, "samples must be at least 1, not 0"),
        (lambda: spiral(classes=1), ArgumentError, "classes must be at least 2, not 1"),
        (lambda: spiral(seed=-1), ArgumentError, "seed must be at least 0"),
        (lambda: spiral(noise=-0.1), ArgumentError, "noise must be a finite number at least 0, not -0.1"),
        (lambda: bands(samples=1.5), ArgumentTypeError, "samples must be a whole number, not 1.5"),
        (lambda: bands(noise=float("nan")), ArgumentError, "noise"),
        (lambda: moons(1), ArgumentError, "samples must be at least 2"),
        (lambda: moons(noise="much"), ArgumentTypeError, "noise"),
        (lambda: sine(0), ArgumentError, "samples must be at least 1"),
    ],
)
def test_toy_data_checks(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---------------------------------------------------------------- one-hot rows


def test_one_hot_rows():
    rows = one_hot([2, 0, 1])
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert rows.dtype == np.float32
    assert one_hot([0, 0], classes=4, dtype=bool).tolist() == [[True, False, False, False]] * 2
    assert one_hot(np.array([[1.0], [0.0]])).tolist() == [[0, 1], [1, 0]]
    assert one_hot([], classes=3).shape == (0, 3)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16", "bool"])
def test_labels_come_back(dtype, rng):
    labels = rng.integers(0, 10, 50)
    rows = one_hot(labels, 10, dtype)
    assert rows.dtype == dtype
    back = labels_of(rows)
    assert back.dtype == np.int64
    np.testing.assert_array_equal(back, labels)


def test_labels_of_scores_are_the_greatest():
    assert labels_of([[-3, -1, -2], [5, 5, 0], [0, -np.inf, np.inf]]).tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: one_hot([0, 3], classes=3), ArgumentError, r"from 0 to 2, because classes is 3, but labels\[1\] is 3"),
        (lambda: one_hot([0, -1]), ArgumentError, r"whole numbers from 0, but labels\[1\] is -1"),
        (lambda: one_hot([0.5]), ArgumentError, r"labels\[0\] is 0.5"),
        (lambda: one_hot([np.nan]), ArgumentError, r"labels\[0\] is nan"),
        (lambda: one_hot([0, 0]), ArgumentError, "all are 0: give classes="),
        (lambda: one_hot([]), ArgumentError, "there are none: give classes="),
        (lambda: one_hot(["a", "b"]), ArgumentTypeError, "labels must hold numbers, not dtype <U1"),
        (lambda: one_hot([[0], [1, 2]]), ArgumentTypeError, "labels cannot be made into one array"),
        (lambda: one_hot(np.eye(3)), ArgumentError, r"labels must have the shape \(rows,\), not \(3, 3\)"),
        (lambda: one_hot([0, 1], classes=1), ArgumentError, "classes must be at least 2"),
        (lambda: one_hot([0, 1], dtype="text"), ArgumentTypeError, "dtype must be a type of numbers, not 'text'"),
        (lambda: one_hot([0, 1], dtype=str), ArgumentTypeError, "dtype must be a type of numbers"),
        (lambda: labels_of([0, 1]), ArgumentError, r"not \(2,\)"),
        (lambda: labels_of([[0.3], [0.8]]), ArgumentError, r"\(p > 0.5\).astype\(int\)"),
        (lambda: labels_of([[0, 1], [np.nan, 1]]), ArgumentError, r"NaN, but row 1 is \[nan, 1.0\]"),
        (lambda: labels_of([["a", "b"]]), ArgumentTypeError, "rows must hold numbers"),
    ],
)
def test_one_hot_checks(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------- the split in three


@pytest.mark.parametrize("validation", [0.01, 0.2, 0.49])
@pytest.mark.parametrize("test", [0.01, 0.2, 0.5])
@pytest.mark.parametrize("rows", [3, 4, 10, 57])
def test_every_row_is_in_one_of_three_parts(rows, test, validation, rng):
    seed, y = rows, rng.integers(0, 4, rows)
    x = np.arange(rows)[:, None]
    parts = train_validation_test_split(x, y, validation, test, stratify=False, seed=seed)
    assert sorted(np.concatenate([rows.ravel() for rows, _ in parts])) == list(range(len(y)))
    for rows, part_labels in parts:
        np.testing.assert_array_equal(y[rows.ravel()], part_labels)
    n_test = min(max(round(len(y) * test), 1), len(y) - 2)
    n_validation = min(max(round(len(y) * validation), 1), len(y) - n_test - 1)
    assert [len(rows) for rows, _ in parts] == [len(y) - n_test - n_validation, n_validation, n_test]


def test_three_parts_hold_each_class_in_proportion():
    y = np.repeat([0, 1, 2], [100, 60, 40])
    parts = train_validation_test_split(np.arange(200)[:, None], y, 0.2, 0.1)
    assert [np.bincount(labels).tolist() for _, labels in parts] == [[70, 42, 28], [20, 12, 8], [10, 6, 4]]
    for _, labels in parts:
        assert (np.diff(labels) < 0).any()


def test_the_test_part_is_that_of_the_split_in_two():
    x, y = np.arange(100)[:, None], np.arange(100) % 3
    *_, (x_test, y_test) = train_validation_test_split(x, y, 0.2, 0.3, seed=5)
    _, (ref_x, ref_y) = train_test_split(x, y, 0.3, seed=5)
    np.testing.assert_array_equal(x_test, ref_x)
    np.testing.assert_array_equal(y_test, ref_y)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([[1], [2]], [1, 2], {}, "train_validation_test_split: x must have at least 3 rows to split, got 2"),
        ([[1], [2], [3]], [1, 2], {}, "train_validation_test_split: x and y must have equally many rows"),
        (np.eye(9), np.zeros(9), {"validation": 0}, "validation must be above 0 and below 1, got 0"),
        (np.eye(9), np.zeros(9), {"test": 1.5}, "test must be above 0 and below 1, got 1.5"),
        (np.eye(9), np.zeros(9), {"validation": 0.5, "test": 0.5}, "less than 1 together, got 0.5 and 0.5"),
        (np.eye(9), np.zeros(9), {"seed": -1}, "seed must be an integer of 0 or more"),
        (np.eye(3), np.array([0, 0, 1]), {}, "train_validation_test_split: .* pass stratify=False"),
    ],
)
def test_the_split_in_three_checks(x, y, options, message):
    with pytest.raises(ArgumentError, match=message):
        train_validation_test_split(x, y, **options)


def test_all_of_it_is_public():
    names = {"spiral", "vertical", "moons", "sine", "one_hot", "labels_of", "train_validation_test_split"}
    assert names <= set(datasets.__all__)
