"""Metrics by their definition, and beside scikit-learn."""

from functools import partial

import numpy as np
import pytest

from fastmlp import metrics

from ..shared.scores import NAN, SCORES, case, label_case


def real_case(seed):
    rng = np.random.default_rng(seed)
    shape = [(1,), (7,), (30, 1), (30, 4), (2, 3)][seed % 5]
    targets = rng.normal(size=shape)
    outputs = targets + rng.normal(size=shape) * rng.choice([0, 0.003, 0.5])
    if seed % 3 == 0:
        targets[..., -1:] = 2.0 if targets.ndim == 2 else targets[0]
    return targets, outputs


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


# ---------------------------------------------------------------- beside scikit-learn


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
