"""What metrics read: forms of input that mean the same, and errors that say what is wrong."""

from functools import partial

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, metrics

from ..shared.scores import NAN, OUTPUTS, SCORES, TARGETS

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
            "average must be one of 'auto', 'binary', 'macro', 'micro', 'we",
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
