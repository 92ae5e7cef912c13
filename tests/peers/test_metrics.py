"""Metrics beside scikit-learn, and metrics during `fit`."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import losses, metrics
from fastmlp.layers import (
    Dense,
)

from ..shared.torch_twin import BATCH, CLASSES, REAL, ROWS, compiled, fit, network, problem

pytestmark = pytest.mark.needs_jit

CLASSES_FOUND, SIX = np.arange(60) % 6, np.random.default_rng(9).dirichlet(np.ones(6), 60)
TWO = np.random.default_rng(8).integers(0, 2, (60, 6))
METRIC_PEERS = {  # scikit-learn's function, with targets and outputs for both
    "accuracy": (lambda of, t, y: of.accuracy_score(t, y.argmax(axis=1)), CLASSES_FOUND),
    "balanced_accuracy": (lambda of, t, y: of.balanced_accuracy_score(t, y.argmax(axis=1)), CLASSES_FOUND),
    "top_5_accuracy": (lambda of, t, y: of.top_k_accuracy_score(t, y, k=5), CLASSES_FOUND),
    "binary_accuracy": (lambda of, t, y: of.accuracy_score(t.ravel(), (y > 0.5).ravel()), TWO),
    "precision": (
        lambda of, t, y: of.precision_score(t, y.argmax(axis=1), average="macro", zero_division=0),
        CLASSES_FOUND,
    ),
    "recall": (lambda of, t, y: of.recall_score(t, y.argmax(axis=1), average="macro"), CLASSES_FOUND),
    "f1": (lambda of, t, y: of.f1_score(t, y.argmax(axis=1), average="macro"), CLASSES_FOUND),
    "auc": (lambda of, t, y: of.roc_auc_score(t, y, multi_class="ovr"), CLASSES_FOUND),
    "average_precision": (
        lambda of, t, y: of.average_precision_score(np.eye(y.shape[1])[t], y, average="macro"),
        CLASSES_FOUND,
    ),
    "true_positives": (lambda of, t, y: of.confusion_matrix(t.ravel(), (y > 0.5).ravel())[1, 1], TWO),
    "true_negatives": (lambda of, t, y: of.confusion_matrix(t.ravel(), (y > 0.5).ravel())[0, 0], TWO),
    "false_positives": (lambda of, t, y: of.confusion_matrix(t.ravel(), (y > 0.5).ravel())[0, 1], TWO),
    "false_negatives": (lambda of, t, y: of.confusion_matrix(t.ravel(), (y > 0.5).ravel())[1, 0], TWO),
    "mse": (lambda of, t, y: of.mean_squared_error(t, y), TWO),
    "rmse": (lambda of, t, y: of.mean_squared_error(t.ravel(), y.ravel()) ** 0.5, TWO),
    "mape": (lambda of, t, y: 100 * of.mean_absolute_percentage_error(t, y), TWO + 1),
    "mae": (lambda of, t, y: of.mean_absolute_error(t, y), TWO),
    "r2": (lambda of, t, y: of.r2_score(t, y), TWO),
}


@pytest.mark.parametrize("name", METRIC_PEERS)
def test_a_metric_is_that_of_scikit_learn(name, sklearn_metrics):
    peer, targets = METRIC_PEERS[name]
    (metric,) = metrics.get([name])
    np.testing.assert_allclose(metric(targets, SIX), peer(sklearn_metrics, targets, SIX), rtol=1e-12)


def test_metrics_of_classes_during_fit_are_those_of_predictions(sklearn_metrics):
    of, (x, y) = sklearn_metrics, problem()
    chosen = ["accuracy", metrics.F1("macro"), metrics.TopKAccuracy(2)]
    model = network(fm.SGD(1e-14), metrics=chosen)
    p = model.predict(x)
    classes = p.argmax(axis=1)
    expected = [
        of.log_loss(y, p, labels=range(CLASSES)),
        of.accuracy_score(y, classes),
        of.f1_score(y, classes, average="macro"),
        of.top_k_accuracy_score(y, p, k=2, labels=range(CLASSES)),
    ]
    history = model.fit(x, y, epochs=2, batch_size=BATCH, verbose=0, validation_data=(x, y))
    names = model.scoring.names
    for prefix in ("", "val_"):
        found = [history.history[prefix + name][-1] for name in names]
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose([model.evaluate(x, y)[name] for name in names], expected, rtol=1e-10)
    np.testing.assert_allclose([model.train_on_batch(x, y)[name] for name in names], expected, rtol=1e-10)


def test_metrics_of_yes_and_no_during_fit_are_those_of_predictions(sklearn_metrics):
    of, (x, _) = sklearn_metrics, problem()
    y = np.random.default_rng(7).integers(0, 2, ROWS)
    for loss, last in (("binary_crossentropy", "sigmoid"), (losses.BinaryCrossentropy(from_logits=True), None)):
        chosen = ["accuracy", metrics.AUC(), metrics.Precision("binary")]
        model = compiled([Dense(1, last)], fm.SGD(1e-14), loss, metrics=chosen)
        out = model.predict(x)[:, 0]
        p = out if last else 1 / (1 + np.exp(-out))
        expected = [
            of.log_loss(y, p),
            of.accuracy_score(y, p > 0.5),
            of.roc_auc_score(y, p),
            of.precision_score(y, p > 0.5),
        ]
        history = model.fit(x, y, epochs=1, batch_size=BATCH, verbose=0)
        found = [history.history[name][-1] for name in model.scoring.names]
        np.testing.assert_allclose(found, expected, rtol=1e-10)
        assert model.predict_classes(x).tolist() == (p > 0.5).astype(int).tolist()


def test_metrics_of_regression_during_fit_are_those_of_predictions(sklearn_metrics):
    of, (x, _) = sklearn_metrics, problem()
    y = REAL[:, :2]
    chosen = [metrics.R2(), "mae", "mse"]
    model = compiled([Dense(6, "tanh"), Dense(2)], fm.SGD(1e-14), "huber", metrics=chosen)
    out = model.predict(x)
    history = model.fit(x, y, epochs=1, batch_size=BATCH, verbose=0)
    found = [history.history[name][-1] for name in model.scoring.names[1:]]
    expected = [of.r2_score(y, out), of.mean_absolute_error(y, out), of.mean_squared_error(y, out)]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_accuracy_during_fit_is_that_of_predictions():
    x, y = problem()
    model = network(fm.SGD(1e-14))
    right = model.predict(x).argmax(axis=1) == y
    history = fit(model, x, y)
    assert history.history["accuracy"] == [right.mean()]
    parts = np.split(right, range(BATCH, ROWS, BATCH))
    assert history.batches["accuracy"] == [part.mean() for part in parts]
