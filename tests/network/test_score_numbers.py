"""Results of evaluations in arithmetic, as scripts for Keras use its numbers and lists."""

import math

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._network.scores import Scores

ONE = Scores(loss=0.25)
TWO = Scores(loss=0.25, accuracy=0.75)


def test_numpy_takes_the_values():
    np.testing.assert_array_equal(0.5 * np.add(TWO, TWO), [0.25, 0.75])
    np.testing.assert_array_equal(np.mean([TWO, 3 * np.asarray(TWO)], axis=0), [0.5, 1.5])
    np.testing.assert_array_equal(np.array([TWO, TWO]), [[0.25, 0.75]] * 2)
    assert np.asarray(TWO, np.float32).dtype == np.float32
    total = np.zeros(2)
    total += TWO
    assert total.tolist() == [0.25, 0.75]
    assert np.array([ONE, ONE]).shape == (2,)
    assert np.sqrt(ONE) == 0.5
    assert np.mean([ONE, ONE]) == 0.25


def test_one_value_is_a_number():
    assert "%.2f" % ONE == f"{ONE:.2f}" == f"{ONE:.2f}" == "0.25"  # noqa: UP031  # as scripts write it
    assert float(ONE) == round(ONE, 2) == 0.25
    assert (int(ONE), math.sqrt(ONE)) == (0, 0.5)
    total = 0.0
    total += ONE
    assert (total, sum([ONE, ONE]), 1 - ONE, ONE * 2, 1 / ONE, ONE**2, -ONE) == (0.25, 0.5, 0.75, 0.5, 4, 0.0625, -0.25)
    assert ONE < 0.3 <= 0.3 + ONE
    assert min(ONE, Scores(loss=0.1)) == 0.1
    assert ONE == 0.25 != Scores(loss=0.5)
    assert ONE == {"loss": 0.25}
    assert f"{ONE}" == "loss 0.2500"


@pytest.mark.parametrize(
    "use",
    [float, int, round, "{:.3f}".format, lambda two: 1.0 + two, lambda two: two < 0.5, lambda two: sum([two, two])],
)
def test_of_several_values_one_must_be_chosen(use):
    with pytest.raises(TypeError, match=r"the result holds 2 values \(loss, accuracy\), so .* scores\['loss'\]"):
        use(TWO)


def test_a_model_without_metrics_gives_a_number():
    x = np.linspace(-1, 1, 40)[:, None]
    model = fm.Sequential([fm.Dense(1)], seed=0)
    model.compile(loss="mse", metrics=[])
    mean = sum(model.train_on_batch(x[i : i + 20], x[i : i + 20]) for i in (0, 20)) / 2
    assert mean > 0
    assert float(model.evaluate(x, x)) == model.evaluate(x, x).loss
