"""Metrics: by hand, by their definition, beside scikit-learn, and as declarations."""

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, metrics

SCORES = [metrics.precision, metrics.recall, metrics.f1]
NAN = float("nan")


def case(seed):
    """Class numbers and probabilities with ties; classes may be missing, there may be one row."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 7))
    rows = int(rng.choice([1, 2, 3, 10, 50]))
    there = rng.choice(classes, size=rng.integers(1, classes + 1), replace=False)
    return rng.choice(there, rows), rng.multinomial(10, np.full(classes, 1 / classes), rows) / 10


def label_case(seed):
    rng = np.random.default_rng(seed)
    shape = int(rng.choice([1, 2, 20])), int(rng.integers(1, 6))
    return (rng.random(shape) < rng.random(shape[1])).astype(int), rng.integers(0, 11, shape) / 10


def real_case(seed):
    rng = np.random.default_rng(seed)
    shape = [(1,), (7,), (30, 1), (30, 4), (2, 3)][seed % 5]
    targets = rng.normal(size=shape)
    outputs = targets + rng.normal(size=shape) * rng.choice([0, 0.003, 0.5])
    if seed % 3 == 0:
        targets[..., -1:] = 2.0 if targets.ndim == 2 else targets[0]
    return targets, outputs


# ---------------------------------------------------------------- by hand

# Two rows of class 0, three of class 1, one of class 2; a 0 goes to 1, a 1 to 2, and the 2 to 0.
TARGETS = np.array([0, 0, 1, 1, 1, 2])
CHOSEN = np.array([0, 1, 1, 1, 2, 0])
OUTPUTS = np.array(
    [[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.0, 1.0, 0.0], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6], [0.5, 0.3, 0.2]]
)


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


# ---------------------------------------------------------------- by definition


@pytest.mark.parametrize("seed", range(40))
def test_auc_counts_pairs(seed):
    targets, outputs = case(seed)
    areas = []
    for number in range(outputs.shape[1]):
        upper, lower = outputs[targets == number, number], outputs[targets != number, number]
        pairs = [float(a > b) + (a == b) / 2 for a in upper for b in lower]
        areas += [np.mean(pairs)] if pairs else []
    assert metrics.auc(targets, outputs) == pytest.approx(np.mean(areas) if areas else NAN, nan_ok=True)


@pytest.mark.parametrize("seed", range(40))
def test_top_k_takes_the_first_of_equal_outputs(seed):
    targets, outputs = case(seed)
    order = np.argsort(-outputs, axis=1, kind="stable")
    for k in range(1, outputs.shape[1] + 1):
        ref = np.mean([target in row[:k] for target, row in zip(targets, order, strict=True)])
        assert metrics.top_k_accuracy(targets, outputs, k) == ref


@pytest.mark.parametrize("seed", range(40))
def test_the_metrics_of_decisions_agree_with_each_other(seed):
    targets, outputs = case(seed)
    share = metrics.accuracy(targets, outputs)
    matrix = metrics.confusion_matrix(targets, outputs)
    assert matrix.sum() == len(targets)
    assert np.trace(matrix) / len(targets) == share
    assert matrix.sum(axis=1).tolist() == [np.sum(targets == number) for number in range(outputs.shape[1])]
    assert metrics.top_k_accuracy(targets, outputs, k=1) == share
    assert metrics.top_k_accuracy(targets, outputs, k=outputs.shape[1]) == 1
    for score in SCORES:
        assert score(targets, outputs, "micro") == pytest.approx(share)
    assert metrics.recall(targets, outputs, "weighted") == pytest.approx(share)


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_rows_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    targets, outputs = case(seed)
    order = rng.permutation(len(targets))
    for metric in (metrics.accuracy, metrics.f1, metrics.auc, partial(metrics.top_k_accuracy, k=2)):
        assert metric(targets[order], outputs[order]) == pytest.approx(metric(targets, outputs), nan_ok=True, abs=0)
    targets, outputs = real_case(seed)
    order = rng.permutation(len(targets))
    for metric in (metrics.mean_squared_error, metrics.mean_absolute_error, metrics.r2_score):
        assert metric(targets[order], outputs[order]) == pytest.approx(metric(targets, outputs), nan_ok=True)


@pytest.mark.parametrize("seed", range(20))
def test_auc_depends_on_the_order_of_scores_alone(seed):
    rng = np.random.default_rng(seed)
    targets, scores = np.append(rng.integers(0, 2, 30), [0, 1]), rng.integers(-5, 5, 32)
    area = metrics.auc(targets, scores)
    assert metrics.auc(targets, np.exp(scores / 3.0)) == area
    assert metrics.auc(targets, -scores) == pytest.approx(1 - area)
    assert metrics.auc(1 - targets, scores) == pytest.approx(1 - area)


@pytest.mark.parametrize("seed", range(20))
def test_the_columns_of_labels_are_questions_of_their_own(seed):
    targets, outputs = label_case(seed)
    columns = list(zip(targets.T, outputs.T, strict=True))
    assert metrics.binary_accuracy(targets, outputs) == pytest.approx(
        np.mean([metrics.binary_accuracy(*column) for column in columns])
    )
    for score in SCORES:
        ref = np.mean([score(*column, "binary") for column in columns])
        assert score(targets, outputs, multi_label=True) == pytest.approx(ref)
    areas = [metrics.auc(*column) for column in columns]
    known = [area for area in areas if area == area]
    ref = np.mean(known) if known else NAN
    assert metrics.auc(targets, outputs, multi_label=True) == pytest.approx(ref, nan_ok=True)


@pytest.mark.parametrize("seed", range(10))
def test_one_column_is_the_second_of_two(seed):
    rng = np.random.default_rng(seed)
    targets, outputs = rng.integers(0, 2, 25), rng.integers(0, 11, 25) / 10
    two = np.stack([1 - outputs, outputs], axis=1)
    for metric in (metrics.accuracy, metrics.auc, *SCORES):
        assert metric(targets, outputs) == metric(targets, outputs[:, None]) == metric(targets, two)
    assert (metrics.confusion_matrix(targets, outputs) == metrics.confusion_matrix(targets, two)).all()


# ---------------------------------------------------------------- forms of input

SMALL_DTYPES = ["bool", "int8", "uint8", "int64", "uint64", "float16", "float32", "float64"]


@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.auc, partial(metrics.top_k_accuracy, k=2), *SCORES])
def test_targets_may_be_numbers_columns_one_hot_or_soft(metric):
    ref = metric(TARGETS, OUTPUTS)
    one_hot = np.eye(3)[TARGETS]
    for same in (
        TARGETS.tolist(),
        TARGETS[:, None],
        TARGETS.astype(np.float32),
        TARGETS.astype(np.uint8),
        one_hot,
        one_hot.astype(bool),
        np.asfortranarray(one_hot),
        one_hot * 0.9 + 0.1 / 3,
    ):
        assert metric(same, OUTPUTS) == ref
        assert metric(same, OUTPUTS.astype(np.float32)) == ref


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "uint64"])
def test_outputs_may_be_class_numbers(dtype):
    targets, chosen = [0, 0, 1, 1, 1], np.array([0, 1, 1, 1, 0]).astype(dtype)
    for score in SCORES:
        assert score(targets, chosen) == score(targets, chosen.astype(float)) == score(np.eye(2)[targets], chosen)
    assert metrics.accuracy(targets, chosen[:, None]) == 0.6
    assert metrics.confusion_matrix(np.eye(4)[targets], chosen).shape == (4, 4)


@pytest.mark.parametrize("dtype", SMALL_DTYPES)
def test_labels_and_values_may_have_any_dtype(dtype):
    targets, outputs = np.array([[1, 0], [0, 0]]).astype(dtype), np.array([[1, 1], [0, 0]]).astype(dtype)
    assert metrics.binary_accuracy(targets, outputs) == 0.75
    assert metrics.precision(targets, outputs, "micro", multi_label=True) == 0.5
    assert metrics.mean_squared_error(targets, outputs) == metrics.mean_absolute_error(targets, outputs) == 0.25


def test_unsigned_differences_do_not_wrap():
    assert metrics.mean_absolute_error(np.array([5], np.uint8), np.array([250], np.uint8)) == 245
    assert metrics.mean_absolute_error(np.array([250], np.uint8), np.array([5], np.uint8)) == 245


def test_float32_is_summed_in_float64():
    targets = np.full(1001, 1e8, np.float32)
    outputs = targets.copy()
    outputs[0] += 8
    assert metrics.mean_absolute_error(targets, outputs) == 8 / 1001
    assert isinstance(metrics.mean_absolute_error(targets, outputs), float)


def test_soft_targets_of_one_column_are_class_1_above_a_half():
    assert metrics.accuracy([0.9, 0.1, 0.5], [0.8, 0.7, 0.3]) == 2 / 3
    assert metrics.binary_accuracy([[0.9], [0.1]], [[0.8], [0.3]]) == 1
    assert metrics.auc([0.9, 0.1], [0.8, 0.3]) == 1
    assert metrics.accuracy([[0.9, 0.1], [0.2, 0.8]], [0.3, 0.9]) == 1


def test_columns_and_rows_of_one_value_are_the_same():
    targets, outputs = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    for metric in (metrics.mean_squared_error, metrics.r2_score, metrics.regression_accuracy):
        assert metric(targets, outputs) == metric(targets[:, None], outputs) == metric(targets, outputs[:, None])


def test_inputs_are_left_alone():
    targets, outputs = TARGETS.copy(), OUTPUTS.copy()
    for array in (targets, outputs):
        array.setflags(write=False)
    metrics.classification_report(targets, outputs)
    metrics.auc(targets, outputs)
    metrics.r2_score(outputs, outputs)
    assert (outputs == OUTPUTS).all()


def test_what_a_model_predicts_can_be_measured(rng):
    model = fm.Sequential([fm.Dense(4, "softmax")], seed=0)
    model.build(5)
    x, y = rng.normal(size=(200, 5)), rng.integers(0, 4, 200)
    outputs = model.predict(x)
    assert metrics.accuracy(y, outputs) == np.mean(model.predict_classes(x) == y)
    assert metrics.accuracy(y, model.predict_classes(x)) == metrics.accuracy(y, outputs)
    assert 0.3 < metrics.auc(y, outputs) < 0.7


# ---------------------------------------------------------------- beside scikit-learn


@pytest.fixture(scope="module")
def sklearn_metrics():
    return pytest.importorskip("sklearn.metrics")


AVERAGES = ["macro", "micro", "weighted"]


def fractions(sklearn_metrics, targets, chosen, average, zero):
    return sklearn_metrics.precision_recall_fscore_support(targets, chosen, average=average, zero_division=zero)[:3]


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("zero", [0, 1])
def test_precision_recall_and_f1_beside_sklearn(average, zero, sklearn_metrics):
    for seed in range(60):
        targets, outputs = case(seed)
        chosen = outputs.argmax(axis=1)
        ref = fractions(sklearn_metrics, targets, chosen, average, zero)
        for given in (outputs, chosen):
            comp = [score(targets, given, average, zero_division=zero) for score in SCORES]
            assert comp == pytest.approx(ref), seed


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("zero", [0, 1])
def test_precision_recall_and_f1_of_labels_beside_sklearn(average, zero, sklearn_metrics):
    for seed in range(60):
        targets, outputs = label_case(seed)
        if targets.shape[1] == 1:  # scikit-learn takes one column for two classes
            targets, outputs = np.repeat(targets, 2, axis=1), np.repeat(outputs, 2, axis=1)
        ref = fractions(sklearn_metrics, targets, (outputs > 0.5).astype(int), average, zero)
        comp = [score(targets, outputs, average, multi_label=True, zero_division=zero) for score in SCORES]
        assert comp == pytest.approx(ref), seed


def test_class_1_beside_sklearn(sklearn_metrics):
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rows = int(rng.choice([1, 2, 40]))
        targets, outputs = rng.integers(0, 2, rows), rng.integers(0, 11, rows) / 10
        ref = fractions(sklearn_metrics, targets, (outputs > 0.5).astype(int), "binary", 0)
        assert [score(targets, outputs, "binary") for score in SCORES] == pytest.approx(ref), seed


def test_reports_accuracy_and_confusion_beside_sklearn(sklearn_metrics):
    for seed in range(60):
        targets, outputs = case(seed)
        chosen, classes = outputs.argmax(axis=1), range(outputs.shape[1])
        assert metrics.accuracy(targets, outputs) == pytest.approx(sklearn_metrics.accuracy_score(targets, chosen))
        ref = sklearn_metrics.confusion_matrix(targets, chosen, labels=classes)
        assert metrics.confusion_matrix(targets, outputs).tolist() == ref.tolist(), seed
        report = metrics.classification_report(targets, outputs)
        ref = sklearn_metrics.precision_recall_fscore_support(targets, chosen, labels=classes, zero_division=0)
        np.testing.assert_allclose([report.precision, report.recall, report.f1, report.support], ref)


def test_auc_beside_sklearn(sklearn_metrics):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        classes = 3 + seed % 3
        targets = np.concatenate([np.arange(classes), rng.integers(0, classes, 40)])
        outputs = rng.multinomial(10, np.full(classes, 1 / classes), len(targets)) / 10
        ref = sklearn_metrics.roc_auc_score(targets, outputs, multi_class="ovr", average="macro")
        assert metrics.auc(targets, outputs) == pytest.approx(ref), seed
        ref = sklearn_metrics.roc_auc_score(targets == 0, outputs[:, 0])
        assert metrics.auc(targets == 0, outputs[:, 0]) == pytest.approx(ref), seed
        ref = sklearn_metrics.roc_auc_score(np.eye(classes)[targets], outputs, average="macro")
        assert metrics.auc(np.eye(classes)[targets], outputs, multi_label=True) == pytest.approx(ref), seed
        there = targets != classes - 1  # nothing is of the last class
        ref = np.mean(
            [sklearn_metrics.roc_auc_score(targets[there] == i, outputs[there, i]) for i in range(classes - 1)]
        )
        assert metrics.auc(targets[there], outputs[there]) == pytest.approx(ref), seed


def test_top_k_beside_sklearn(sklearn_metrics):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        targets, outputs = rng.integers(0, 5, 30), rng.random((30, 5))
        for k in (1, 2, 4):
            ref = sklearn_metrics.top_k_accuracy_score(targets, outputs, k=k, labels=range(5))
            assert metrics.top_k_accuracy(targets, outputs, k) == pytest.approx(ref), seed


def test_regression_beside_sklearn(sklearn_metrics):
    for seed in range(60):
        targets, outputs = real_case(seed)
        for name in ("mean_squared_error", "mean_absolute_error"):
            ref = getattr(sklearn_metrics, name)(targets, outputs)
            assert getattr(metrics, name)(targets, outputs) == pytest.approx(ref), seed
        ref = sklearn_metrics.r2_score(targets, outputs) if len(targets) > 1 else NAN
        assert metrics.r2_score(targets, outputs) == pytest.approx(ref, nan_ok=True), seed


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


# ---------------------------------------------------------------- errors

TWO, ROWS = [0, 1], [[0.9, 0.1], [0.2, 0.8]]
ALL = {
    "accuracy": metrics.accuracy,
    "top_k_accuracy": partial(metrics.top_k_accuracy, k=1),
    "binary_accuracy": metrics.binary_accuracy,
    "precision": metrics.precision,
    "recall": metrics.recall,
    "f1": metrics.f1,
    "labels": partial(metrics.f1, multi_label=True),
    "auc": metrics.auc,
    "auc of labels": partial(metrics.auc, multi_label=True),
    "confusion_matrix": metrics.confusion_matrix,
    "classification_report": metrics.classification_report,
    "report of labels": partial(metrics.classification_report, multi_label=True),
    "mean_squared_error": metrics.mean_squared_error,
    "mean_absolute_error": metrics.mean_absolute_error,
    "r2_score": metrics.r2_score,
    "regression_accuracy": metrics.regression_accuracy,
}


@pytest.mark.parametrize("metric", ALL.values(), ids=ALL)
@pytest.mark.parametrize(
    ("targets", "outputs", "error", "message"),
    [
        ([0], ROWS, ArgumentError, "targets has 1 rows, but outputs has 2: they must match"),
        ([], [], ArgumentError, r"targets must have the shape .* at least one row, not \(0,\)"),
        (TWO, np.empty((2, 0)), ArgumentError, r"outputs must have the shape .*, not \(2, 0\)"),
        (1, ROWS, ArgumentError, r"targets must have the shape .*, not \(\)"),
        (TWO, [ROWS, ROWS], ArgumentError, r"outputs must have the shape .*, not \(2, 2, 2\)"),
        ([0, NAN], ROWS, ArgumentError, r"targets must be finite, but targets\[1\] is nan"),
        ([[0.5, 0.5], [0.5, np.inf]], ROWS, ArgumentError, r"targets must be finite, but targets\[1, 1\] is inf"),
        (TWO, [[0.9, 0.1], [NAN, 0.8]], ArgumentError, r"outputs must be finite, but outputs\[1, 0\] is nan"),
        (TWO, [[0.2], [-np.inf]], ArgumentError, r"outputs must be finite, but outputs\[1\] is -inf"),
        (
            ["a", "b"],
            ROWS,
            ArgumentTypeError,
            r"targets (must hold numbers.*return_inv|holds texts, but outputs)",
        ),
        (TWO, None, ArgumentTypeError, "outputs must be an array of numbers, not None"),
        (TWO, [[1.0], [1.0, 2.0]], ArgumentTypeError, "outputs cannot be made into one array"),
        (TWO, [1j, 2], ArgumentTypeError, "outputs must hold numbers, not dtype complex128"),
        (np.ma.masked_equal(TWO, 1), ROWS, ArgumentError, "targets has masked elements"),
    ],
)
def test_arrays_that_no_metric_can_read(metric, targets, outputs, error, message):
    with pytest.raises(error, match=message):
        metric(targets, outputs)


DECISIONS = {name: ALL[name] for name in ("accuracy", "f1", "confusion_matrix", "classification_report")}


@pytest.mark.parametrize("metric", DECISIONS.values(), ids=DECISIONS)
@pytest.mark.parametrize(
    ("targets", "outputs", "message"),
    [
        ([0, 2], ROWS, r"class numbers from 0 to 1, because outputs has 2 columns, but targets\[1\] is 2$"),
        ([-1, 1], ROWS, r"targets\[0\] is -1"),
        ([0.5, 1], ROWS, r"targets\[0\] is 0.5"),
        ([[0], [3]], ROWS, r"targets\[1\] is 3"),
        (np.eye(3)[:2], ROWS, "targets has 3 columns, but outputs has 2 columns: they must match"),
        (np.eye(3)[:2], [0.1, 0.2], "class numbers 0 and 1, because outputs has one column, .* not 3 columns"),
        ([[1, 1], [0, 1]], ROWS, r"rows of class probabilities: .* sum 1; .* multi_label=True, or binary_accuracy"),
        ([[1, 1], [0, 1]], TWO, "rows of class probabilities"),
        ([[-1.0, 2.0], [0, 1]], ROWS, "rows of class probabilities"),
        ([[1e308] * 2] * 2, ROWS, "rows of class probabilities"),
        ([1, 2], [0.1, 0.2], r"targets must be from 0 to 1, because outputs has one column, .* targets\[1\] is 2$"),
        (
            TWO,
            [0.0, 2.0],
            r"outputs must be from 0 to 1, the probability of class 1, but outputs\[1\] is 2.0; class num",
        ),
        (TWO, [[-0.5], [0.5]], r"outputs\[0\] is -0.5; .* logits a sigmoid first"),
        ([0.2, 1], TWO, r"targets must hold class numbers from 0 to 1048575, but targets\[0\] is 0.2"),
        (ROWS, [0, -1], r"outputs must hold class numbers from 0 to 1, because targets .*, but outputs\[1\] is -1"),
        (TWO, np.array([0, 2**64 - 1], np.uint64), r"outputs\[1\] is 18446744073709551615"),
        (np.eye(3)[:2], [0, 3], r"outputs must hold class numbers from 0 to 2, because targets has 3 columns"),
    ],
)
def test_decisions_that_cannot_be_read(metric, targets, outputs, message):
    with pytest.raises(ArgumentError, match=message):
        metric(targets, outputs)


LABELS = {name: ALL[name] for name in ("binary_accuracy", "labels", "report of labels")}


@pytest.mark.parametrize("metric", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize(
    ("targets", "outputs", "message"),
    [
        (TWO, ROWS, "targets has 1 column, but outputs has 2 columns: they must match"),
        ([[1, 2], [0, 1]], ROWS, r"targets must be from 0 to 1, for each label, but targets\[0, 1\] is 2"),
        (
            [[1, 0], [0, 1]],
            [[1.5, 0], [0, 1]],
            r"outputs must be .* threshold is 0.5, but outputs\[0, 0\] is 1.5; for log",
        ),
    ],
)
def test_labels_that_cannot_be_read(metric, targets, outputs, message):
    with pytest.raises(ArgumentError, match=message):
        metric(targets, outputs)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.top_k_accuracy(TWO, [0.1, 0.2]), ArgumentError, "outputs must have a column for each class"),
        (lambda: metrics.top_k_accuracy(TWO, ROWS), ArgumentError, "k must be at most 2, not 5"),
        (lambda: metrics.top_k_accuracy(TWO, ROWS, 0), ArgumentError, "k must be at least 1, not 0"),
        (lambda: metrics.top_k_accuracy(TWO, ROWS, 1.5), ArgumentTypeError, "k must be a whole number"),
        (lambda: metrics.binary_accuracy(TWO, TWO, "x"), ArgumentTypeError, "threshold must be a finite number"),
        (
            lambda: metrics.f1(TWO, ROWS, "mean"),
            ArgumentError,
            "average must be one of 'binary', 'macro', 'micro', 'we",
        ),
        (lambda: metrics.f1(TWO, ROWS, zero_division=2), ArgumentError, "zero_division must be a number from 0 to 1"),
        (lambda: metrics.f1(TWO, ROWS, zero_division=-1), ArgumentError, "zero_division must be .* at least 0"),
        (lambda: metrics.f1(TWO, ROWS, zero_division="warn"), ArgumentTypeError, "zero_division"),
        (lambda: metrics.f1(TWO, ROWS, multi_label=1), ArgumentTypeError, "multi_label must be True or False, not 1"),
        (lambda: metrics.auc(TWO, ROWS, multi_label=1), ArgumentTypeError, "multi_label must be True or False"),
        (
            lambda: metrics.classification_report(TWO, ROWS, multi_label=1),
            ArgumentTypeError,
            "multi_label must be True or False",
        ),
        (
            lambda: metrics.recall(TARGETS, OUTPUTS, "binary"),
            ArgumentError,
            "average='binary' is for two classes, but there are 3: use 'macro', 'micro' or 'weighted'",
        ),
        (
            lambda: metrics.recall(ROWS, ROWS, "binary", multi_label=True),
            ArgumentError,
            "average='binary' is for two classes, not for labels",
        ),
        (lambda: metrics.auc(TWO, [[3.0, 1.0], [0.2, 0.8]]), ArgumentError, "outputs must hold rows of class prob"),
        (
            lambda: metrics.auc(TWO, [[1.5, -0.5], [0.2, 0.8]]),
            ArgumentError,
            "with the sum 1, .* apply a softmax first",
        ),
        (lambda: metrics.auc([0, 2], ROWS), ArgumentError, r"targets\[1\] is 2"),
        (lambda: metrics.auc([0, 2], TWO), ArgumentError, r"targets must be from 0 to 1, because outputs has one col"),
        (lambda: metrics.auc(TWO, ROWS, multi_label=True), ArgumentError, "they must match"),
        (lambda: metrics.mean_squared_error(TWO, ROWS), ArgumentError, "targets has 1 column, but outputs has 2 col"),
        (lambda: metrics.regression_accuracy(TWO, TWO, 0), ArgumentError, "divisor must be a finite number greater"),
        (
            lambda: metrics.confusion_matrix(TWO, ROWS, 3),
            ArgumentError,
            "classes must be 2, not 3: targets and outputs",
        ),
        (lambda: metrics.confusion_matrix([0, 2], TWO, 2), ArgumentError, "classes must be at least 3, not 2: targets"),
        (
            lambda: metrics.confusion_matrix(TWO, TWO, "x"),
            ArgumentTypeError,
            "classes must be a list of labels",
        ),
        (lambda: metrics.confusion_matrix(TWO, TWO, 10**6), ArgumentError, "at most 16,384 classes, not 1,000,000"),
        (lambda: metrics.confusion_matrix([0, 20_000], TWO), ArgumentError, "at most 16,384 classes, not 20,001"),
        (
            lambda: metrics.classification_report(TWO, ROWS, ["a"]),
            ArgumentError,
            "the number of names must be 2, not 1: targets and outputs have 2 classes",
        ),
        (
            lambda: metrics.classification_report([0, 2], TWO, ["a", "b"]),
            ArgumentError,
            "the number of names must be at least 3, not 2",
        ),
        (
            lambda: metrics.classification_report(ROWS, ROWS, "ab", multi_label=True),
            ArgumentTypeError,
            "names must be a list of class names, not 'ab'",
        ),
        (
            lambda: metrics.classification_report(ROWS, ROWS, [], multi_label=True),
            ArgumentError,
            "the number of names must be 2, one for each label, not 0",
        ),
    ],
)
def test_wrong_arguments_say_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------- declarations

KINDS = {
    "accuracy": metrics.Accuracy(),
    "top_5_accuracy": metrics.TopKAccuracy(),
    "binary_accuracy": metrics.BinaryAccuracy(),
    "precision": metrics.Precision(),
    "recall": metrics.Recall(),
    "f1": metrics.F1(),
    "auc": metrics.AUC(),
    "mse": metrics.MeanSquaredError(),
    "mae": metrics.MeanAbsoluteError(),
    "r2": metrics.R2(),
    "regression_accuracy": metrics.RegressionAccuracy(),
}
WITH_SETTINGS = [
    metrics.TopKAccuracy(2),
    metrics.BinaryAccuracy(0.3),
    metrics.Precision("micro"),
    metrics.Recall("weighted", multi_label=True),
    metrics.F1("binary"),
    metrics.AUC(multi_label=True),
    metrics.RegressionAccuracy(10),
]


def worst(targets, outputs):
    return np.max(np.abs(np.asarray(targets) - outputs))


def test_there_is_a_metric_for_each_name():
    assert tuple(KINDS) == metrics.METRICS
    for name, metric in KINDS.items():
        assert metrics.get([name]) == (metric,)
        assert metric.name == name
        assert metric.higher_is_better == (name not in ("mse", "mae"))


@pytest.mark.parametrize("metric", [*KINDS.values(), *WITH_SETTINGS], ids=repr)
def test_a_metric_comes_back_from_its_config(metric):
    config = json.loads(json.dumps(metric.config()))
    assert config["type"] == type(metric).__name__
    (again,) = metrics.get([config])
    assert again == metric
    assert hash(again) == hash(metric)
    assert type(again) is type(metric)


def test_metrics_equal_only_their_like():
    different = [*KINDS.values(), *WITH_SETTINGS, metrics.Custom(worst), metrics.Custom(worst, "other")]
    for i, one in enumerate(different):
        assert [one == other for other in different] == [i == j for j in range(len(different))]
        assert one != one.name
        assert one not in ({}, None, (), one.config())
    assert metrics.RegressionAccuracy(10) == metrics.RegressionAccuracy(10.0)


def test_settings_reach_the_functions():
    two, one = np.eye(3)[TARGETS], OUTPUTS
    assert metrics.TopKAccuracy(2)(TARGETS, OUTPUTS) == metrics.top_k_accuracy(TARGETS, OUTPUTS, 2)
    assert metrics.BinaryAccuracy(0.35)(two, one) == metrics.binary_accuracy(two, one, 0.35) != 1
    for kind, function in ((metrics.Precision, metrics.precision), (metrics.Recall, metrics.recall)):
        for average in ("macro", "micro", "weighted"):
            assert kind(average)(TARGETS, OUTPUTS) == function(TARGETS, OUTPUTS, average)
            assert kind(average, True)(two, one) == function(two, one, average, multi_label=True)
    assert metrics.F1("binary")([0, 1], [0.1, 0.9]) == 1
    assert metrics.AUC()(TARGETS, OUTPUTS) == metrics.auc(TARGETS, OUTPUTS)
    assert metrics.AUC(multi_label=True)(two, one + 1) == metrics.auc(two, one + 1, multi_label=True)
    assert metrics.RegressionAccuracy(1)(two, one) == metrics.regression_accuracy(two, one, 1)
    assert metrics.Accuracy()(TARGETS, OUTPUTS) == 0.5
    assert metrics.MeanSquaredError()([1.0], [3.0]) == 4
    assert metrics.MeanAbsoluteError()([1.0], [3.0]) == 2
    assert metrics.R2()([1.0, 2.0], [1.0, 2.0]) == 1


def test_each_metric_is_taken_once_in_the_order_given():
    assert metrics.get(["f1", metrics.Accuracy(), "accuracy", metrics.F1(), {"type": "F1"}, metrics.f1]) == (
        metrics.F1(),
        metrics.Accuracy(),
    )
    assert metrics.get([]) == ()
    assert metrics.get(name for name in ["mse"]) == (metrics.MeanSquaredError(),)
    assert metrics.get(["top_1_accuracy", "top_12_accuracy"]) == (metrics.TopKAccuracy(1), metrics.TopKAccuracy(12))


@pytest.mark.parametrize("metric", KINDS.values(), ids=KINDS)
def test_a_function_of_ours_stands_for_its_metric(metric):
    assert metrics.get([metric._function]) == (metric,)
    assert getattr(metrics, metric._function.__name__) is metric._function


def test_functions_of_the_user_are_metrics():
    (metric,) = metrics.get([worst])
    assert metric == metrics.Custom(worst, higher_is_better=None) == metrics.get([metric])[0]
    assert (metric.name, metric.higher_is_better, metric.config()) == ("worst", None, None)
    assert metric([1.0, 2.0], [1.5, 4.0]) == 2.0
    assert isinstance(metric([1, 2], [1, 4]), float)
    assert metrics.get([lambda t, o: 0.0])[0].name == "<lambda>"
    assert metrics.get([partial(worst)])[0].name == "partial"
    renamed = metrics.Custom(partial(metrics.f1, average="micro"), "f1_micro", higher_is_better=False)
    assert [m.name for m in metrics.get(["f1", renamed])] == ["f1", "f1_micro"]
    assert not renamed.higher_is_better
    assert np.isnan(metrics.Custom(lambda t, o: np.float32("nan"))([0], [0]))


def test_metrics_of_the_user_cannot_be_saved():
    class Mine(metrics.Metric):
        def __call__(self, targets, outputs):
            return 0.25

    class Named(Mine):
        name = "named"
        higher_is_better = False

    assert metrics.get([Mine(), Named(), Mine()]) == (Mine(), Named())
    assert (Mine().name, Mine().higher_is_better, Mine().config(), Mine()([1], [1])) == ("Mine", True, None, 0.25)
    assert (Named().name, Named().higher_is_better, Named().config()) == ("named", False, None)


def test_metrics_do_not_change():
    with pytest.raises(AttributeError):
        metrics.TopKAccuracy(3).k = 4
    with pytest.raises(AttributeError):
        metrics.Accuracy().name = "other"
    with pytest.raises(AttributeError):
        metrics.Accuracy().surprise = 1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: metrics.get("accuracy"),
            ArgumentTypeError,
            r"metrics must be a list of names, not the text 'accuracy': use \['accuracy'\]",
        ),
        (lambda: metrics.get({"type": "F1"}), ArgumentTypeError, r"not one configuration: use \[\{'type': 'F1'\}\]"),
        (lambda: metrics.get(5), ArgumentTypeError, "metrics must be a list of names, not 5"),
        (lambda: metrics.get(metrics.F1()), ArgumentTypeError, r"metrics must be a list of names, not F1\("),
        (lambda: metrics.get(["acc"]), ArgumentError, "metrics must be one of 'accuracy', 'auc', .*, not 'acc'"),
        (lambda: metrics.get(["top_0_accuracy"]), ArgumentError, "metrics must be one of .* not 'top_0_accuracy'"),
        (lambda: metrics.get([5]), ArgumentTypeError, "metrics must hold names, metrics or functions, not 5"),
        (lambda: metrics.get([None]), ArgumentTypeError, "metrics must hold names, metrics or functions, not None"),
        (lambda: metrics.get([metrics.Metric()]), ArgumentTypeError, r"metrics must hold .*, not Metric\(\)"),
        (lambda: metrics.get([metrics.F1]), ArgumentTypeError, r"not the class F1: use F1\(\)"),
        (lambda: metrics.get([{"type": "Loss"}]), ArgumentError, "metrics type must be one of 'AUC', .*, not 'Loss'"),
        (lambda: metrics.get([{}]), ArgumentError, "metrics type must be one of .*, not None"),
        (lambda: metrics.get([{"type": ["F1"]}]), ArgumentError, "metrics type must be one of"),
        (lambda: metrics.get([{"type": "F1", "k": 1}]), ArgumentTypeError, "metrics type 'F1': .*'k'"),
        (lambda: metrics.get([{"type": "Custom"}]), ArgumentError, "metrics type must be one of"),
        (lambda: metrics.get(["f1", metrics.F1("micro")]), ArgumentError, "two different ones named 'f1': give one a"),
        (lambda: metrics.get([metrics.Custom(worst, "loss")]), ArgumentError, "must not be named 'loss'"),
        (lambda: metrics.get([metrics.Custom(worst, "val_worst")]), ArgumentError, "must not be named 'val_worst'"),
        (lambda: metrics.Custom(5), ArgumentTypeError, "function must be a function of targets and outputs, not 5"),
        (lambda: metrics.Custom(worst, name=5), ArgumentTypeError, "name must be a text, not 5"),
        (
            lambda: metrics.Custom(worst, higher_is_better=1),
            ArgumentTypeError,
            "higher_is_better must be True or False",
        ),
        (
            lambda: metrics.Custom(lambda t, o: None, "f")(1, 1),
            ArgumentTypeError,
            "'f' must return one number, not None",
        ),
        (lambda: metrics.Custom(lambda t, o: "1", "f")(1, 1), ArgumentTypeError, "'f' must return one number, not '1'"),
        (
            lambda: metrics.Custom(lambda t, o: [1.0], "f")(1, 1),
            ArgumentTypeError,
            r"must return one number, not \[1.0",
        ),
        (lambda: metrics.TopKAccuracy(0), ArgumentError, "k must be at least 1"),
        (lambda: metrics.TopKAccuracy(True), ArgumentTypeError, "k must be a whole number"),
        (lambda: metrics.BinaryAccuracy(NAN), ArgumentError, "threshold must be a finite number"),
        (lambda: metrics.Precision("mean"), ArgumentError, "average must be one of"),
        (lambda: metrics.Recall("binary", multi_label=True), ArgumentError, "not for labels"),
        (lambda: metrics.F1(multi_label="yes"), ArgumentTypeError, "multi_label must be True or False"),
        (lambda: metrics.AUC(1), ArgumentTypeError, "multi_label must be True or False"),
        (lambda: metrics.RegressionAccuracy(-1), ArgumentError, "divisor must be a finite number greater than 0"),
    ],
)
def test_wrong_declarations_say_what_is_wrong(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---------------------------------------------------------------- documentation


@pytest.mark.parametrize("name", sorted(set(metrics.__all__) - {"METRICS", "Scores"}))
def test_everything_public_is_documented_with_an_example(name):
    assert ">>> " in getattr(metrics, name).__doc__


def test_the_page_runs_from_top_to_bottom():
    page = Path(fm.__file__).parents[1] / "docs" / "metrics.md"
    if not page.is_file():
        pytest.skip("installed without its documentation")
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks
    exec(compile("\n".join(blocks), str(page), "exec"), {"__name__": "page"})
