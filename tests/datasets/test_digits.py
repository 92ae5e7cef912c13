"""The generated digits: reproducible, balanced, and what their documentation says."""

import numpy as np
import pytest

from fastmlp._base.errors import ArgumentError
from fastmlp.datasets import digits
from fastmlp.datasets import load as load_dataset
from fastmlp.datasets.strokes import styles


def digits_module():
    # The function has taken the module's name in the package.
    import sys

    return sys.modules["fastmlp.datasets.digits"]


def test_shapes_dtypes_and_layout():
    for x, y in digits(n_train=37, n_test=11):
        assert x.dtype == np.uint8
        assert y.dtype == np.int64
        assert x.shape == (len(y), 784)
        assert x.flags.c_contiguous


def test_the_default_size_is_that_of_mnist():
    (x, y), (x_test, y_test) = load_dataset("digits")
    assert (x.shape, x_test.shape) == ((60_000, 784), (10_000, 784))
    assert np.bincount(y).tolist() == [6000] * 10
    assert np.bincount(y_test).tolist() == [1000] * 10
    assert 0.15 < (x > 0).mean() < 0.30, "paper and ink are in the proportion of handwriting"
    assert x.reshape(-1, 28, 28)[:, [0, -1]].mean() < 4, "digits keep to the middle of the page"


def test_the_seed_decides():
    first, again, other = digits(50, 20, seed=3), digits(50, 20, seed=3), digits(50, 20, seed=4)
    for (x, y), (x_again, y_again), (x_other, _) in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(x, x_again)
        np.testing.assert_array_equal(y, y_again)
        assert (x != x_other).any()


def test_train_and_test_have_streams_of_their_own():
    (x, _), (x_test, _) = digits(40, 40)
    (x_alone, _), _ = digits(40, 0)
    _, (x_test_alone, _) = digits(0, 40)
    np.testing.assert_array_equal(x, x_alone)
    np.testing.assert_array_equal(x_test, x_test_alone)
    assert not set(map(bytes, x)) & set(map(bytes, x_test))


def test_block_size_does_not_matter(monkeypatch):
    (whole, _), _ = digits(400, 0)
    monkeypatch.setattr(digits_module(), "_BLOCK", 3)
    (in_pieces, _), _ = digits(400, 0)
    np.testing.assert_array_equal(whole, in_pieces)


@pytest.mark.parametrize("n", [0, 1, 7, 23])
def test_counts_differ_by_at_most_one(n):
    (_, y), _ = digits(n, 0)
    counts = np.bincount(y, minlength=10)
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1


def test_every_image_has_ink_and_no_two_are_equal():
    (x, _), _ = digits(2000, 0)
    assert x.max(axis=1).min() > 60
    assert len(np.unique(x, axis=0)) == len(x)


def test_every_digit_has_several_styles_that_fit_the_jitter():
    every = styles(0.05)
    assert {style.digit for style in every} == set(range(10))
    assert len(every) >= 30
    for style in every:
        assert len(style.controls) <= digits_module()._JITTERS
        np.testing.assert_allclose(style.basis.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"n_train": -1}, "n_train"),
        ({"n_test": 2.5}, "n_test"),
        ({"seed": -3}, "seed"),
        ({"seed": "x"}, "seed"),
        ({"n_train": True}, "n_train"),
    ],
)
def test_wrong_arguments_are_named(arguments, named):
    with pytest.raises(ArgumentError, match=f"{named} must be an integer"):
        digits(**arguments)
