"""The search for a threshold, beside all thresholds tried one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmlp import ArgumentError, ArgumentTypeError, metrics
from fastmlp.metrics.thresholds import DECISIONS

RISING = [name for name in DECISIONS if name not in ("precision", "recall", "specificity")]
EVERY = np.unique(np.concatenate([np.linspace(0, 1, 41), np.linspace(0, 1, 41) + 1e-9, [0.5]]))
ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20), st.integers(0, 3)), min_size=2, max_size=40)


def shares(truth, chosen, weights):
    """The metrics by their definition, from weights of rows."""
    tp, fp, fn, tn = (weights[of].sum() for of in (truth & chosen, ~truth & chosen, truth & ~chosen, ~truth & ~chosen))

    def ratio(part, whole):
        return part / whole if whole else 0.0

    recall, specificity = ratio(tp, tp + fn), ratio(tn, tn + fp)
    f1, of_no = ratio(2 * tp, 2 * tp + fp + fn), ratio(2 * tn, 2 * tn + fp + fn)
    return {
        "accuracy": ratio(tp + tn, tp + fp + fn + tn),
        "balanced_accuracy": (recall + specificity) / 2,
        "f1": f1,
        "f1_macro": (f1 + of_no) / 2,
        "precision": ratio(tp, tp + fp),
        "recall": recall,
        "specificity": specificity,
    }


def arrays(rows):
    truth, score, weight = np.array(rows).T
    weight = weight.astype(float)
    for value in (0, 1):  # both classes count
        truth, score = np.append(truth, value), np.append(score, 3 + value)
        weight = np.append(weight, 1.0)
    return truth.astype(bool), score / 20, weight


@settings(deadline=None, derandomize=True)
@given(ROWS, st.sampled_from(RISING))
def test_no_threshold_is_better(rows, metric):
    truth, scores, weights = arrays(rows)
    found = metrics.best_threshold(truth.astype(int), scores, metric, sample_weight=weights)
    values = [shares(truth, scores > t, weights)[metric] for t in EVERY]
    assert found.value == pytest.approx(max(values), rel=1e-12)
    assert found.value == pytest.approx(shares(truth, scores > found.threshold, weights)[metric], rel=1e-12)
    assert found.usual == pytest.approx(shares(truth, scores > 0.5, weights)[metric], rel=1e-12)
    if found.value == found.usual:
        assert found.threshold == 0.5


@settings(deadline=None, derandomize=True)
@given(ROWS, st.integers(-3, 9), st.integers(0, 9))
def test_no_threshold_costs_less(rows, of_miss, of_alarm):
    truth, scores, weights = arrays(rows)
    costs = np.array([[0, of_alarm], [of_miss, -1]])
    found = metrics.best_threshold(truth.astype(int), scores, "cost", sample_weight=weights, costs=costs)

    def cost(threshold):
        return np.average(costs[truth.astype(int), (scores > threshold).astype(int)], weights=weights)

    assert found.value == pytest.approx(min(map(cost, EVERY)), abs=1e-12)
    assert found.value == pytest.approx(cost(found.threshold), abs=1e-12)


@settings(deadline=None, derandomize=True)
@given(ROWS, st.sampled_from([0.3, 0.6, 0.9]))
def test_what_must_be_reached_is_reached(rows, least):
    truth, scores, weights = arrays(rows)
    scores = 0.01 + 0.98 * scores  # every row can be chosen
    limits = {"recall": least}
    found = metrics.best_threshold(truth, scores, "precision", sample_weight=weights, at_least=limits)
    tried = [shares(truth, scores > t, weights) for t in np.append(EVERY, 0.01 + 0.98 * EVERY)]
    assert found.value == pytest.approx(max(v["precision"] for v in tried if v["recall"] >= least), rel=1e-12)
    assert shares(truth, scores > found.threshold, weights)["recall"] >= least - 1e-12


def test_a_threshold_lies_between_two_scores_in_their_dtype():
    low = np.float32(0.25)
    for _ in range(2):  # the middle of neighbours rounds down, and then up
        high = np.nextafter(low, np.float32(1))
        found = metrics.best_threshold([0, 1], np.array([low, high], np.float32))
        assert found.threshold == float(low)  # nothing is between them
        assert found.value == 1
        low = high
    found = metrics.best_threshold([0, 1], np.array([0.2, 0.3], np.float32))
    assert np.float32(found.threshold) == found.threshold == np.float32(0.25)


def test_the_nearest_of_equally_good_thresholds_is_taken_and_half_if_it_is_one():
    assert metrics.best_threshold([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4]).threshold == pytest.approx(0.15)
    assert metrics.best_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9]).threshold == 0.5
    tie = metrics.best_threshold([0, 1, 0, 1], [0.05, 0.1, 0.3, 0.4], "accuracy")
    assert tie.threshold == pytest.approx(0.35)  # 0.075 is as good


def test_rows_with_a_probability_of_0_are_never_chosen():
    found = metrics.best_threshold([1, 0, 1], [0.0, 0.0, 0.2], "recall", at_least={"precision": 0.1})
    assert (found.threshold, found.value) == (0.1, 0.5)


def test_the_forms_of_two_classes_are_the_same():
    y, p = np.array([0, 1, 0, 1, 1]), np.array([0.1, 0.4, 0.3, 0.2, 0.9])
    found = metrics.best_threshold(y, p)
    for targets in (y.tolist(), y * 0.9 + 0.05, np.eye(2)[y], y[:, None]):
        assert metrics.best_threshold(targets, p) == found
    for outputs in (p[:, None], np.stack([1 - p, p], axis=1)):
        assert metrics.best_threshold(y, outputs) == found
    assert str(found) == "threshold 0.15  f1 0.8571 (0.5000 at 0.5)"


@pytest.mark.parametrize(
    ("error", "words", "settings"),
    [
        (ArgumentError, "metric must be one of", {"metric": "auc"}),
        (ArgumentError, "needs costs=", {"metric": "cost"}),
        (ArgumentError, "needs costs=", {"costs": [[0, 1], [1, 0]]}),
        (ArgumentError, "two rows of two finite numbers", {"metric": "cost", "costs": [1, 2]}),
        (ArgumentError, "two rows of two finite numbers", {"metric": "cost", "costs": [[0, np.nan], [1, 0]]}),
        (ArgumentTypeError, "at_least must be a dict", {"at_least": 0.9}),
        (ArgumentError, "at_least must be one of", {"at_least": {"auc": 0.9}}),
        (ArgumentError, "must be at most 1", {"at_least": {"recall": 90}}),
        (ArgumentError, "recall alone is best", {"metric": "recall"}),
        (ArgumentError, "recall alone is best", {"metric": "recall", "at_least": {"recall": 0.2}}),
        (ArgumentError, "each alone reaches precision 0.5000", {"at_least": {"precision": 0.9}}),
        (ArgumentError, "sample_weight must be 3 finite numbers", {"sample_weight": [1, 2]}),
        (ArgumentError, "sample_weight must be 3 finite numbers", {"sample_weight": [1, 2, -1]}),
        (ArgumentError, "no row of weight has the class 1", {"sample_weight": [1, 0, 1]}),
    ],
)
def test_what_makes_no_sense_is_refused(error, words, settings):
    with pytest.raises(error, match=words):
        metrics.best_threshold([0, 1, 0], [0.1, 0.2, 0.2], **settings)


@pytest.mark.parametrize(
    ("targets", "outputs", "words"),
    [
        ([0, 0], [0.1, 0.2], "no row of weight has the class 1"),
        ([1, 1], [0.1, 0.2], "no row of weight has the class 0"),
        ([0, 1], [0.1, np.nan], "must be finite"),
        ([0, 1], [0.1, 1.2], "from 0 to 1"),
        (["no", "yes"], [0.1, 0.2], "holds texts"),
        ([0, 1], np.eye(3)[:2], "not 3 columns"),
        ([0, 1], [[0.2, 0.2], [0.5, 0.5]], "with the sum 1"),
        ([0, 1, 2], [0.1, 0.2, 0.3], "from 0 to 1"),
    ],
)
def test_what_is_no_probability_of_two_classes_is_refused(targets, outputs, words):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=words):
        metrics.best_threshold(targets, outputs)
