"""Metrics as declarations: names, settings, functions of the user's own; and that they are documented."""

import json
from functools import partial

import numpy as np
import pytest

from fastmlp import ArgumentError, ArgumentTypeError, metrics

from ..shared.scores import NAN, OUTPUTS, TARGETS

# ---------------------------------------------------------------- declarations


KINDS = {
    "accuracy": metrics.Accuracy(),
    "balanced_accuracy": metrics.BalancedAccuracy(),
    "top_5_accuracy": metrics.TopKAccuracy(),
    "binary_accuracy": metrics.BinaryAccuracy(),
    "true_positives": metrics.TruePositives(),
    "true_negatives": metrics.TrueNegatives(),
    "false_positives": metrics.FalsePositives(),
    "false_negatives": metrics.FalseNegatives(),
    "precision": metrics.Precision(),
    "recall": metrics.Recall(),
    "f1": metrics.F1(),
    "auc": metrics.AUC(),
    "average_precision": metrics.AveragePrecision(),
    "expected_calibration_error": metrics.ExpectedCalibrationError(),
    "mse": metrics.MeanSquaredError(),
    "rmse": metrics.RootMeanSquaredError(),
    "mae": metrics.MeanAbsoluteError(),
    "mape": metrics.MeanAbsolutePercentageError(),
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
    metrics.AUC(curve="PR"),
    metrics.AUC(name="area"),
    metrics.AveragePrecision(multi_label=True),
    metrics.FalseNegatives(0.3),
    metrics.TopKAccuracy(2, name="best"),
    metrics.ExpectedCalibrationError(5, multi_label=True),
    metrics.RegressionAccuracy(10),
]


SHARES = ([0, 1, 1, 0, 1, 0], np.array([0.2, 0.3, 0.8, 0.6, 0.9, 0.1]))
SOME = dict.fromkeys(map(type, KINDS.values()), SHARES)
SOME[metrics.TopKAccuracy] = (np.arange(6), np.eye(6)[::-1] / 2 + 1 / 12)


def worst(targets, outputs):
    return np.max(np.abs(np.asarray(targets) - outputs))


def test_there_is_a_metric_for_each_name():
    assert tuple(KINDS) == metrics.METRICS
    for name, metric in KINDS.items():
        assert metrics.get([name]) == (metric,)
        assert metric.name == name
        smaller = ("mse", "rmse", "mae", "mape", "false_positives", "false_negatives", "expected_calibration_error")
        assert metric.higher_is_better == (name not in smaller)


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
    assert metrics.get(["f1", metrics.Accuracy(), "accuracy", metrics.F1(), {"type": "F1"}]) == (
        metrics.F1(),
        metrics.Accuracy(),
    )
    assert metrics.get([]) == ()
    assert metrics.get(name for name in ["mse"]) == (metrics.MeanSquaredError(),)
    assert metrics.get(["top_1_accuracy", "top_12_accuracy"]) == (metrics.TopKAccuracy(1), metrics.TopKAccuracy(12))


@pytest.mark.parametrize("metric", KINDS.values(), ids=KINDS)
def test_a_function_of_ours_stands_for_its_metric(metric):
    (found,) = metrics.get([metric._function])
    assert type(found) is type(metric)
    assert found(*SOME[type(metric)]) == metric._function(*SOME[type(metric)])
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
        (lambda: metrics.get(["acct"]), ArgumentError, "metrics must be one of 'accuracy', 'auc', .*, not 'acct'"),
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
