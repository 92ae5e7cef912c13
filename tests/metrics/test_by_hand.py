"""Metrics by hand: small tables whose scores can be counted."""

import numpy as np
import pytest

from fastmlp import metrics

from ..shared.scores import OUTPUTS, SCORES, TARGETS, case, label_case

# ---------------------------------------------------------------- by hand


CHOSEN = np.array([0, 1, 1, 1, 2, 0])


def test_accuracy_by_hand():
    assert metrics.accuracy(TARGETS, OUTPUTS) == 0.5
    assert metrics.accuracy([1, 0, 1, 0], [0.9, 0.1, 0.2, 0.7]) == 0.5


def test_a_probability_of_a_half_is_class_0_like_the_first_of_two_equal_columns():
    assert metrics.accuracy([0], [0.5]) == metrics.accuracy([0], [[0.5, 0.5]]) == 1
    assert metrics.binary_accuracy([0], [0.5]) == 1


def test_top_k_accuracy_by_hand():
    shares = [metrics.top_k_accuracy(TARGETS, OUTPUTS, k=k) for k in (1, 2, 3)]
    assert shares == [3 / 6, 5 / 6, 1]  # the second row's 0 shares its place with 2, and comes first


def test_binary_accuracy_by_hand():
    targets, outputs = [[1, 0], [1, 1], [0, 0]], [[0.6, 0.4], [0.2, 0.9], [0.7, 0.4]]
    assert metrics.binary_accuracy(targets, outputs) == 4 / 6
    assert metrics.binary_accuracy(targets, outputs, threshold=0.65) == 3 / 6
    assert metrics.binary_accuracy([1, 0, 1], [3.0, -2.0, -0.1], threshold=0) == 2 / 3


def test_the_confusion_matrix_by_hand():
    matrix = metrics.confusion_matrix(TARGETS, CHOSEN)
    assert matrix.dtype == np.int64
    assert matrix.tolist() == [[1, 1, 0], [0, 2, 1], [1, 0, 0]]
    assert metrics.confusion_matrix(TARGETS, OUTPUTS).tolist() == matrix.tolist()
    assert metrics.confusion_matrix(TARGETS, OUTPUTS, classes=3).tolist() == matrix.tolist()
    wider = metrics.confusion_matrix(TARGETS, CHOSEN, classes=5)
    assert wider.shape == (5, 5)
    assert wider[:3, :3].tolist() == matrix.tolist()
    assert wider.sum() == 6
    assert metrics.confusion_matrix([0], [0]).shape == metrics.confusion_matrix([0], [0.1]).shape == (2, 2)


@pytest.mark.parametrize(
    ("score", "each"),
    [
        (metrics.precision, [1 / 2, 2 / 3, 0]),
        (metrics.recall, [1 / 2, 2 / 3, 0]),
        (metrics.f1, [1 / 2, 2 / 3, 0]),
    ],
)
def test_averages_by_hand(score, each):
    assert score(TARGETS, OUTPUTS) == pytest.approx(np.mean(each))
    assert score(TARGETS, OUTPUTS, average="micro") == 0.5
    assert score(TARGETS, OUTPUTS, average="weighted") == pytest.approx((2 * each[0] + 3 * each[1]) / 6)


def test_two_classes_by_hand():
    # Of class 1 there are 3 rows; 4 rows were given to it, and 2 of them belong there.
    targets, outputs = [1, 1, 1, 0, 0, 0, 0], [0.9, 0.8, 0.1, 0.7, 0.6, 0.2, 0.3]
    assert metrics.precision(targets, outputs, average="binary") == 2 / 4
    assert metrics.recall(targets, outputs, "binary") == 2 / 3
    assert metrics.f1(targets, outputs, "binary") == 4 / 7
    assert metrics.precision(targets, outputs) == pytest.approx((2 / 3 + 2 / 4) / 2)


def test_labels_by_hand():
    targets, outputs = [[1, 1, 0], [0, 1, 0]], [[0.9, 0.2, 0.1], [0.8, 0.7, 0.2]]
    assert metrics.precision(targets, outputs, multi_label=True) == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert metrics.precision(targets, outputs, multi_label=True, zero_division=1) == pytest.approx((1 / 2 + 1 + 1) / 3)
    assert metrics.recall(targets, outputs, "micro", multi_label=True) == 2 / 3
    assert metrics.recall(targets, outputs, "weighted", multi_label=True) == pytest.approx((1 * 1 + 2 * 1 / 2) / 3)
    assert metrics.auc(targets, outputs, multi_label=True) == 1.0  # column 0; the others cannot be ranked


def test_the_weighted_mean_without_any_true_label_is_the_macro_mean():
    targets, outputs = [[0, 0], [0, 0]], [[0.9, 0.1], [0.2, 0.1]]
    assert metrics.precision(targets, outputs, "weighted", multi_label=True, zero_division=1) == (0 + 1) / 2
    assert metrics.recall(targets, outputs, "weighted", multi_label=True) == 0


def test_zero_division_is_what_a_class_without_rows_counts():
    assert metrics.precision([1, 1], [0, 0], "binary") == 0
    assert metrics.precision([1, 1], [0, 0], "binary", zero_division=1) == 1
    assert metrics.recall([0, 0], [1, 1], "binary", zero_division=0.25) == 0.25
    assert metrics.f1([0, 0], [0, 0], "binary", zero_division=1) == 1
    assert metrics.f1([0, 0], [0, 0]) == 1  # class 1 occurs nowhere


def test_auc_by_hand():
    assert metrics.auc([0, 1], [0.2, 0.8]) == 1
    assert metrics.auc([1, 0], [0.2, 0.8]) == 0
    assert metrics.auc([1, 0, 0, 1], [3, 3, 3, 3]) == 0.5
    # 1 is over 0 in 3 pairs of 6, equal in 1
    assert metrics.auc([0, 0, 0, 1, 1], [-1.0, 2.0, 7.0, 2.0, 4.0]) == 3.5 / 6
    # each class against the others: 1, 1/2 and 1 of their pairs
    outputs = [[0.8, 0.1, 0.1], [0.1, 0.5, 0.4], [0.0, 0.5, 0.5]]
    assert metrics.auc([0, 1, 2], outputs) == pytest.approx((1 + 0.75 + 1) / 3)


def test_auc_of_two_columns_is_that_of_the_second():
    assert metrics.auc([0, 1], [[1.0, 1e-20], [1.0, 2e-20]]) == 1  # in the first, 1 - 2e-20 is 1


def test_auc_leaves_out_what_cannot_be_ranked():
    outputs = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.4, 0.1]]
    assert metrics.auc([0, 1, 1], outputs) == 1  # nothing is of class 2
    assert np.isnan(metrics.auc([1, 1, 1], outputs))
    assert np.isnan(metrics.auc([1, 1], [0.3, 0.4]))
    assert np.isnan(metrics.auc([[1, 0], [1, 0]], [[0.3, 0.4], [0.2, 0.1]], multi_label=True))


def test_regression_by_hand():
    targets, outputs = [[1.0, 10.0], [3.0, 30.0]], [[1.5, 10.0], [3.0, 20.0]]
    assert metrics.mean_squared_error(targets, outputs) == (0.25 + 100) / 4
    assert metrics.mean_absolute_error(targets, outputs) == 10.5 / 4
    assert metrics.r2_score(targets, outputs) == pytest.approx(1 - (0.25 / 2 + 100 / 200) / 2)
    # standard deviations 1 and 10
    assert metrics.regression_accuracy(targets, outputs, divisor=2) == 3 / 4
    assert metrics.regression_accuracy(targets, outputs) == 2 / 4
    assert metrics.regression_accuracy(targets, [[4.0, 10.0], [3.0, 20.0]], divisor=1) == 3 / 4


@pytest.mark.parametrize("constant", [2.0, 0.1, 1e-200])
def test_r2_of_equal_targets_is_1_or_0(constant):
    targets = np.full(3, constant)
    assert metrics.r2_score(targets, targets) == 1
    assert metrics.r2_score(targets, targets + np.array([0, 0, 1])) == 0
    assert metrics.r2_score(np.stack([targets, [1, 2, 3]], 1), np.stack([targets + 1, [1, 2, 3]], 1)) == 0.5


def test_r2_of_targets_too_small_to_square_is_that_of_equal_ones():
    assert metrics.r2_score([1e-200, 2e-200], [1e-200, 2e-200]) == 1


def test_r2_of_one_row_is_not_known():
    assert np.isnan(metrics.r2_score([1.0], [1.0]))


def test_equal_targets_have_outputs_that_are_exactly_right():
    assert metrics.regression_accuracy([2.0, 2.0], [2.0, 2.0001]) == 0.5


# ---------------------------------------------------------------- reports


def test_a_report_by_hand():
    report = metrics.classification_report(TARGETS, OUTPUTS, names=["a", "b", "c"])
    assert report.names == ("a", "b", "c")
    assert report.precision == report.recall == report.f1 == (0.5, 2 / 3, 0.0)
    assert report.support == (2, 3, 1)
    assert report.accuracy == 0.5
    assert report.macro == pytest.approx((7 / 18,) * 3)
    assert report.weighted.f1 == 0.5
    assert report == metrics.classification_report(TARGETS, CHOSEN, names=["a", "b", "c"])
    with pytest.raises(AttributeError):
        report.accuracy = 1.0


def test_a_report_is_a_table():
    lines = str(metrics.classification_report(TARGETS, OUTPUTS, names=["a", "b", "a longer name than means"])).split(
        "\n"
    )
    assert lines[0].split() == ["precision", "recall", "f1", "support"]
    assert lines[2].split() == ["b", "0.6667", "0.6667", "0.6667", "3"]
    assert lines[5].split() == ["accuracy", "0.5000", "6"]
    assert lines[6].split() == ["macro", "mean", "0.3889", "0.3889", "0.3889", "6"]
    assert lines[7].split() == ["weighted", "mean", "0.5000", "0.5000", "0.5000", "6"]
    assert len({len(line) for line in lines if line}) == 1


@pytest.mark.parametrize("seed", range(20))
def test_a_report_says_what_the_functions_say(seed):
    for arrays, options in ((case(seed), {}), (label_case(seed), {"multi_label": True})):
        report = metrics.classification_report(*arrays, **options)
        for score in SCORES:
            assert getattr(report.macro, score.__name__) == score(*arrays, **options)
            assert getattr(report.weighted, score.__name__) == score(*arrays, "weighted", **options)
        share = metrics.binary_accuracy if options else metrics.accuracy
        assert report.accuracy == share(*arrays)


def test_a_report_may_name_classes_that_do_not_occur():
    report = metrics.classification_report([0, 1], [0, 1], names=["a", "b", "c"])
    assert report.support == (1, 1, 0)
    assert report.macro.f1 == 1
