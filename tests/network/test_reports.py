"""The report of a model: each class as it chooses, its thresholds, and how far its probabilities can be trusted."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, metrics

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
THREE = np.clip(np.round(X[:, 0] + 1), 0, 2).astype(int)
TWO = (X[:, 0] > 1).astype(int)
LABELS = (X[:, :2] > [0.3, 1]).astype(int)


def trained(y, last, loss="categorical_crossentropy", **settings):
    model = fm.Sequential([fm.Dense(6, "tanh"), last], seed=0, **settings)
    model.compile(fm.Adam(0.01), loss=loss, metrics=["accuracy"])
    model.fit(X, y, epochs=3, verbose=0)
    return model


def test_of_several_classes_the_largest_is_chosen():
    model = trained(THREE, fm.Dense(3, "softmax"))
    report, p = model.classification_report(X, THREE), model.predict_proba(X)
    ref = metrics.classification_report(THREE, p)
    assert (report.recall, report.precision, report.support) == (ref.recall, ref.precision, ref.support)
    assert report.accuracy == model.evaluate(X, THREE)["accuracy"]
    assert report.log_loss == pytest.approx(model.evaluate(X, THREE)["loss"], rel=1e-5)
    assert report.calibration_error == pytest.approx(metrics.expected_calibration_error(THREE, p), abs=1e-4)
    assert report.thresholds is None
    assert sum(report.share) == pytest.approx(1)
    assert report.share[0] == np.mean(THREE == 0)
    assert str(report).splitlines()[-1].startswith("log loss ")
    soft = model.classification_report(X, 0.9 * np.eye(3)[THREE] + 0.1 / 3)
    assert soft.recall == report.recall


@pytest.mark.parametrize("labels", [None, ["no", "yes"], [7, 3]])
def test_two_classes_are_chosen_by_the_threshold_and_have_their_names(labels):
    y = TWO if labels is None else np.array(labels)[TWO]
    model = trained(y, fm.Dense(2, "softmax"), classes=labels)
    usual = model.classification_report(X, y)
    assert usual.thresholds == (0.5,)
    assert str(usual).splitlines()[-1] == "threshold: 0.5"
    model.tune_threshold(X, y, "balanced_accuracy")
    report = model.classification_report(X, y)
    assert report.names == tuple(map(str, labels or [0, 1]))
    assert report.thresholds == tuple(model.thresholds)
    assert report.recall[1] == np.mean((model.predict_proba(X)[:, 1] > model.thresholds[0])[TWO == 1])
    assert str(report).splitlines()[-1] == f"threshold: {model.thresholds[0]:.4g}, tuned for balanced_accuracy"
    model.calibrate(X, y)
    text = str(model.classification_report(X, y))
    assert f"calibrated with the temperature {model.temperature:.4f}" in text
    assert "calibrated with" in model.classification_report(X, y)._repr_html_()


def test_one_unit_and_labels():
    model = trained(TWO, fm.Dense(1, "sigmoid"), "binary_crossentropy")
    model.thresholds = 0.2
    report = model.classification_report(X, TWO)
    assert report.recall[1] == np.mean(model.predict(X)[TWO == 1, 0] > 0.2)
    model = trained(LABELS, fm.Dense(2, "sigmoid"), "binary_crossentropy")
    model.thresholds = [0.2, 0.4]
    report = model.classification_report(X, LABELS)
    assert report.accuracy == np.mean(model.predict_labels(X) == LABELS)
    assert report.support == tuple(LABELS.sum(axis=0))


def test_a_model_of_numbers_is_refused():
    model = fm.mlp([4], task="regression", seed=0)
    model.fit(X, X[:, 0], verbose=0)
    with pytest.raises(ArgumentError, match="predicts numbers"):
        model.classification_report(X, TWO)


def test_other_losses_have_no_log_loss():
    model = trained(THREE, fm.Dense(3, "softmax"), "mse")
    report = model.classification_report(X, THREE)
    assert (report.log_loss, report.calibration_error) == (None, None)
    assert report.accuracy == model.evaluate(X, THREE)["accuracy"]


def test_a_report_at_a_threshold():
    y, p = np.array([0, 1, 1, 0]), np.array([0.1, 0.3, 0.8, 0.25])
    report = metrics.classification_report(y, p, threshold=0.25)
    assert report.recall == (1.0, 1.0)
    assert report.thresholds == (0.25,)
    both = metrics.classification_report(y, np.stack([1 - p, p], 1), ["no", "yes"], threshold=0.25)
    assert both.recall == (1.0, 1.0)
    assert both.names == ("no", "yes")
    each = metrics.classification_report(np.eye(2)[y], np.stack([p, p], 1), multi_label=True, threshold=0.25)
    assert each.recall == (0.0, 1.0)
    for threshold in (0, 1, "tuned"):
        with pytest.raises((ArgumentError, fm.ArgumentTypeError), match="threshold"):
            metrics.classification_report(y, p, threshold=threshold)
    with pytest.raises(ArgumentError, match="two answers apart"):
        metrics.classification_report(y, np.eye(3)[y], threshold=0.3)
