"""Corners of estimators: tiny weights, large labels, refused first calls, other precisions, and the best epoch."""

import numpy as np
import pytest

from fastmlp.sklearn import MLPClassifier, MLPRegressor

from .data import BINARY, CLASSES, NUMBER, ROWS, X

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(**settings):
    return MLPClassifier((5,), **{"max_iter": 3, "tol": 0, "random_state": 0, **settings})


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"dtype": "float32"}])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_tiny_weights_are_named_where_the_penalty_ruins_the_network(kind, settings):
    estimator = kind(hidden_layer_sizes=(3,), max_iter=3, random_state=0, **settings)
    with pytest.raises(ValueError, match=r"non-finite.* Or sample_weight is too small: it has 1e-300"):
        estimator.fit(X, BINARY if kind is MLPClassifier else NUMBER, sample_weight=np.full(ROWS, 1e-300))
    without = kind(hidden_layer_sizes=(3,), max_iter=3, alpha=0.0, random_state=0, **settings)
    without.fit(X, BINARY if kind is MLPClassifier else NUMBER, sample_weight=np.full(ROWS, 1e-300))
    assert np.isfinite(without.loss_)


def test_weights_that_diverge_are_not_blamed_on_the_rows_of_validation():
    settings = {"early_stopping": True, "solver": "sgd", "learning_rate_init": 1e200}
    estimator = MLPRegressor(hidden_layer_sizes=(3,), max_iter=3, **settings)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights") as caught:
        estimator.fit(X, NUMBER)
    assert "sample_weight" not in str(caught.value)


def test_labels_above_those_of_the_network_are_texts_there():
    labels = np.where(BINARY == "yes", np.uint64(2**63 + 5), np.uint64(3)).astype(np.uint64)
    estimator = classifier().fit(X, labels)
    assert estimator.predict(X).dtype == np.uint64
    assert set(estimator.predict(X)) <= {3, 2**63 + 5}
    assert estimator.model_.classes.tolist() == ["3", str(2**63 + 5)]


def test_a_first_partial_fit_that_is_refused_decides_nothing():
    estimator = classifier()
    with pytest.raises(ValueError, match="NaN"):
        estimator.partial_fit(np.full((4, 6), np.nan), [0, 1, 0, 1], classes=[0, 1])
    assert not [name for name in vars(estimator) if name.endswith("_")]
    assert not hasattr(estimator, "_label_binarizer")
    estimator.partial_fit(X, CLASSES, classes=[0, 1, 2])
    assert estimator.classes_.tolist() == [0, 1, 2]
    weights = estimator.coefs_[0]
    with pytest.raises(ValueError, match="classes="):
        estimator.partial_fit(X, CLASSES, classes=[0, 1])
    assert np.array_equal(estimator.coefs_[0], weights)


def test_the_precision_can_change_between_partial_fits():
    for first, then in (("float32", "float64"), ("float64", "float32")):
        estimator = classifier(dtype=first).fit(X, BINARY)
        weights = estimator.coefs_[0]
        estimator.set_params(dtype=then, learning_rate_init=1e-9).partial_fit(X, BINARY)
        assert (estimator.coefs_[0].dtype, estimator.predict_proba(X).dtype) == (then, then)
        assert np.allclose(estimator.coefs_[0], weights, atol=1e-5)
        estimator.set_params(dtype=None).partial_fit(X.astype(np.float32), BINARY)
        assert estimator.coefs_[0].dtype == then


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
def test_the_best_loss_on_eval_set_is_that_of_its_curve(settings):
    estimator = classifier(**settings).fit(X[:90], BINARY[:90], eval_set=(X[90:], BINARY[90:]))
    assert estimator.best_validation_loss_ == min(estimator.validation_loss_curve_) < np.inf


def test_a_warm_start_keeps_the_best_weights():
    """scikit-learn trains the very array in which it records them, and so returns the last ones."""
    estimator = classifier(early_stopping=True, warm_start=True, n_iter_no_change=2, max_iter=200)
    estimator.fit(X, BINARY)
    for _ in range(4):
        best, weights = estimator.best_validation_score_, estimator.coefs_[0]
        estimator.fit(X, BINARY)
        if estimator.best_validation_score_ == best:
            assert np.array_equal(estimator.coefs_[0], weights)
            return
    raise AssertionError("each training was better than the one before")
