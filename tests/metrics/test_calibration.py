"""How far probabilities can be trusted: by hand, and by definition."""

import numpy as np
import pytest

from fastmlp import ArgumentError, metrics

Y = np.array([1, 1, 0, 1, 0])
P = np.array([0.9, 0.8, 0.9, 0.3, 0.05])  # chosen: 1, 1, 1, 0, 0; sure: .9, .8, .9, .7, .95


def test_a_table_by_hand():
    table = metrics.reliability_table(Y, P, bins=5)
    assert table.rows.tolist() == [0, 0, 0, 2, 3]  # an edge, 0.8, belongs to the bin below it
    np.testing.assert_allclose(table.confidence[3:], [0.75, (0.9 + 0.9 + 0.95) / 3])
    np.testing.assert_allclose(table.accuracy[3:], [0.5, 2 / 3])
    error = (2 * 0.25 + 3 * abs(2.75 / 3 - 2 / 3)) / 5
    assert table.error == pytest.approx(error)
    assert metrics.expected_calibration_error(Y, P, 5) == table.error
    assert repr(table) == str(table)
    assert table._repr_html_().count("<tr") == 3


@pytest.mark.parametrize("seed", range(20))
def test_the_error_by_its_definition(seed):
    random = np.random.default_rng(seed)
    classes, bins = random.integers(2, 5), random.integers(1, 20)
    outputs = random.dirichlet(np.ones(classes), 60)
    targets = random.integers(0, classes, 60)
    sure, right = outputs.max(axis=1), outputs.argmax(axis=1) == targets
    places, total = np.ceil(sure * bins).astype(int), 0.0
    for place in np.unique(places):
        inside = places == place
        total += inside.sum() * abs(sure[inside].mean() - right[inside].mean()) / 60
    assert metrics.expected_calibration_error(targets, outputs, int(bins)) == pytest.approx(total)
    assert metrics.expected_calibration_error(np.eye(classes)[targets], outputs, int(bins)) == pytest.approx(total)


def test_probabilities_that_are_right_as_often_as_they_say_have_no_error():
    outputs = np.full(1000, 0.7)
    assert metrics.expected_calibration_error(np.arange(1000) % 10 < 7, outputs) == pytest.approx(0, abs=1e-12)
    assert metrics.expected_calibration_error(np.zeros(1000), outputs) == pytest.approx(0.7)


def test_each_label_is_an_answer():
    targets, outputs = np.array([[1, 0], [0, 1]]), np.array([[0.9, 0.2], [0.4, 0.6]])
    error = metrics.expected_calibration_error(targets, outputs, multi_label=True)
    assert error == pytest.approx(metrics.expected_calibration_error(targets.ravel(), outputs.ravel()))
    assert metrics.reliability_table(targets, outputs, multi_label=True).rows.sum() == 4


@pytest.mark.parametrize("outputs", [[0.2, 1.3], [[0.2, 0.2], [0.5, 0.5]], [np.nan, 0.2]])
def test_what_is_no_probability_is_refused(outputs):
    with pytest.raises(ArgumentError):
        metrics.reliability_table([0, 1], outputs)
    with pytest.raises(ArgumentError, match="bins"):
        metrics.reliability_table(Y, P, bins=0)
