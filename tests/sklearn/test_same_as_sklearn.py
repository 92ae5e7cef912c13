"""Training equals scikit-learn's: from the same random state come the same weights, batches, losses and stops."""

import inspect
import re
import warnings

import numpy as np
import pytest
import sklearn
import sklearn.neural_network as peer
from sklearn.exceptions import ConvergenceWarning

import fastmlp as fm

from .data import BINARY, CLASSES, COUNTS, LABELS, NUMBER, NUMBERS, WEIGHTS, X

# From 1.7 on, scikit-learn's estimators take weights of rows, and its regressor the Poisson loss.
IS_1_7 = "sample_weight" in inspect.signature(peer.MLPClassifier.fit).parameters
IS_1_9 = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)
since_1_7 = pytest.mark.skipif(not IS_1_7, reason="scikit-learn has it from 1.7 on")
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning"),  # of older scikit-learns, by newer SciPys
]

CLASSIFIED = {"binary": BINARY, "multiclass": CLASSES, "multilabel": LABELS}
SETTINGS = {
    "adam": {"learning_rate_init": 0.01},
    "adam, other betas": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "sgd, no momentum": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1},
    "sgd, plain momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.1},
    "sgd, invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "learning_rate_init": 0.5},
    "sgd, adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
    "alpha 0": {"alpha": 0.0},
    "alpha 1": {"alpha": 1.0},
    "tanh": {"activation": "tanh"},
    "logistic": {"activation": "logistic"},
    "identity": {"activation": "identity"},
    "shuffled": {"shuffle": True},
    "all rows": {"batch_size": 130},
    "one layer": {"hidden_layer_sizes": 9},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 4, "learning_rate_init": 0.02},
}
COMMON = {"hidden_layer_sizes": (7, 5), "batch_size": 32, "max_iter": 20, "random_state": 3, "shuffle": False}


def both(kind, y, weights=None, rows=X, **settings):
    """scikit-learn's estimator and ours, trained alike."""
    if settings.get("early_stopping") and y is BINARY and not IS_1_9:
        pytest.skip("before 1.9, scikit-learn cannot stop early with text labels")
    arguments = {**COMMON, **settings}
    theirs, ours = (getattr(package, kind)(**arguments) for package in (peer, fm))
    given = {} if weights is None else {"sample_weight": weights}
    return theirs.fit(rows, y, **given), ours.fit(rows, y, **given)


def assert_same(theirs, ours, rtol=1e-9):
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=rtol)
    for name in ("loss_", "best_loss_", "validation_scores_", "best_validation_score_"):
        found, expected = getattr(ours, name), getattr(theirs, name)
        assert (found is None) == (expected is None), name
        if found is not None:
            np.testing.assert_allclose(found, expected, rtol=rtol, err_msg=name)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("coefs_", "intercepts_"):
        for found, expected in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
    predict = "predict_proba" if hasattr(theirs, "predict_proba") else "predict"
    np.testing.assert_allclose(getattr(ours, predict)(X), getattr(theirs, predict)(X), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.score(X, _seen(ours)), theirs.score(X, _seen(ours)), rtol=1e-6)


def _seen(estimator):
    targets = {"softmax": CLASSES, "logistic": BINARY if estimator.n_outputs_ == 1 else LABELS, "exp": COUNTS}
    return targets.get(estimator.out_activation_, NUMBER if estimator.n_outputs_ == 1 else NUMBERS)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("y", CLASSIFIED.values(), ids=CLASSIFIED)
def test_a_classifier_trains_alike(y, settings):
    assert_same(*both("MLPClassifier", y, **settings))


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_regressor_trains_alike(settings):
    assert_same(*both("MLPRegressor", NUMBER, **settings))


@since_1_7
@pytest.mark.parametrize("name", ["adam", "sgd", "shuffled", "early stopping"])
@pytest.mark.parametrize(("loss", "y"), [("poisson", COUNTS), ("squared_error", NUMBERS)])
def test_counts_and_several_numbers_train_alike(loss, y, name):
    # The penalty within the reported mean of several outputs is that of the mean weights of an epoch.
    assert_same(*both("MLPRegressor", y, loss=loss, **SETTINGS[name]), rtol=1e-9 if loss == "poisson" else 1e-4)


@since_1_7
@pytest.mark.parametrize("name", ["adam", "sgd, invscaling", "alpha 1", "shuffled", "early stopping"])
@pytest.mark.parametrize(
    ("kind", "y", "loss"),
    [
        ("MLPClassifier", BINARY, {}),
        ("MLPClassifier", CLASSES, {}),
        ("MLPClassifier", LABELS, {}),
        ("MLPRegressor", NUMBER, {}),
        ("MLPRegressor", COUNTS, {"loss": "poisson"}),
    ],
)
def test_weights_of_rows_count_alike(kind, y, loss, name):
    assert_same(*both(kind, y, WEIGHTS, **loss, **SETTINGS[name]))


@pytest.mark.parametrize("y", CLASSIFIED.values(), ids=CLASSIFIED)
def test_float32_trains_in_float32(y):
    theirs, ours = both("MLPClassifier", y, rows=X.astype(np.float32))
    assert ours.model_.dtype == np.float32 == ours.coefs_[0].dtype == ours.predict_proba(X.astype(np.float32)).dtype
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-4)


# ---------------------------------------------------------------- L-BFGS


@pytest.mark.parametrize("iterations", [1, 5, 20])
@pytest.mark.parametrize(
    ("kind", "y"),
    [("MLPClassifier", BINARY), ("MLPClassifier", CLASSES), ("MLPClassifier", LABELS), ("MLPRegressor", NUMBER)],
)
def test_lbfgs_makes_the_same_steps(kind, y, iterations):
    theirs, ours = both(kind, y, solver="lbfgs", max_iter=iterations, activation="tanh", alpha=0.1)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-6)
    assert ours.n_iter_ == theirs.n_iter_
    assert not hasattr(ours, "loss_curve_")
    if not IS_1_7:
        return
    weighted = both(kind, y, WEIGHTS, solver="lbfgs", max_iter=iterations, activation="tanh", alpha=0.1)
    np.testing.assert_allclose(weighted[1].loss_, weighted[0].loss_, rtol=1e-6)


def test_lbfgs_ends_where_theirs_ends():
    for settings in ({"tol": 0.05}, {"max_fun": 7}):
        theirs, ours = both("MLPRegressor", NUMBER, solver="lbfgs", max_iter=300, activation="tanh", **settings)
        assert ours.n_iter_ == theirs.n_iter_
        np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-6)


# ---------------------------------------------------------------- one training after another


def test_partial_fits_follow_each_other_alike():
    for settings in (SETTINGS["adam"], SETTINGS["sgd, invscaling"], SETTINGS["sgd, adaptive"], {"shuffle": True}):
        theirs, ours = (package.MLPClassifier(**{**COMMON, **settings}) for package in (peer, fm))
        for start in (0, 50, 90, 20):
            part = slice(start, start + 40)
            for estimator in (theirs, ours):
                estimator.partial_fit(X[part], CLASSES[part], classes=[0, 1, 2])
        assert_same(theirs, ours)


def test_partial_fit_knows_all_classes_from_its_first_call():
    for package in (peer, fm):
        estimator = package.MLPClassifier(**{**COMMON, "batch_size": "auto"})
        estimator.partial_fit(X[:20], BINARY[:20], classes=["maybe", "no", "yes"])
        assert estimator.classes_.tolist() == ["maybe", "no", "yes"]
        assert estimator.predict_proba(X).shape == (len(X), 3)
        with pytest.raises(ValueError, match="`y` has classes not in"):
            estimator.partial_fit(X[:2], ["never", "no"])


def test_a_warm_start_goes_on_alike():
    for settings in (SETTINGS["adam"], SETTINGS["sgd"], {**SETTINGS["early stopping"], "max_iter": 6}):
        theirs, ours = (package.MLPRegressor(**{**COMMON, **settings, "warm_start": True}) for package in (peer, fm))
        for _ in range(3):
            theirs.fit(X, NUMBER)
            ours.fit(X, NUMBER)
            assert_same(theirs, ours, rtol=1e-7)


def test_a_warm_start_needs_the_same_classes():
    estimator = fm.MLPClassifier(warm_start=True, **COMMON).fit(X, CLASSES)
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
        estimator.fit(X, CLASSES + 1)


# ---------------------------------------------------------------- what users are told


def told(package, kind, y, capsys, **settings):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(package, kind)(**{**COMMON, "verbose": True, **settings}).fit(X, y)
    return [(w.category, str(w.message)) for w in caught], capsys.readouterr().out


@pytest.mark.parametrize(
    "settings",
    [
        {"max_iter": 3},
        {"max_iter": 200, "learning_rate_init": 0.05, "n_iter_no_change": 2, "tol": 0.01},
        {"max_iter": 30, "early_stopping": True, "n_iter_no_change": 2},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1, "max_iter": 40},
        {"batch_size": 1000, "max_iter": 2},
    ],
)
def test_warnings_and_lines_are_theirs(settings, capsys):
    theirs, ours = (told(package, "MLPClassifier", CLASSES, capsys, **settings) for package in (peer, fm))
    assert ours == theirs
    assert ours[1]


def test_lbfgs_warns_as_theirs():
    caught = []
    for package in (peer, fm):
        with pytest.warns(ConvergenceWarning) as found:
            package.MLPRegressor(**{**COMMON, "solver": "lbfgs", "max_iter": 3}).fit(X, NUMBER)
        caught.append([str(w.message) for w in found if w.category is ConvergenceWarning])
    assert caught[0] == caught[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_layer_sizes": (5, 0)},
        {"hidden_layer_sizes": -1},
        {"solver": "newton"},
        {"alpha": -1.0},
        {"batch_size": 0},
        {"learning_rate": "slow"},
        {"max_iter": 0},
        {"shuffle": "yes"},
        {"tol": -1},
        {"momentum": 1.5},
        {"validation_fraction": 1.0},
        {"beta_1": 1.0},
        {"epsilon": 0.0},
        {"n_iter_no_change": 0},
        {"max_fun": 0},
        pytest.param({"early_stopping": True, "validation_fraction": 0.001}, marks=since_1_7),
    ],
    ids=repr,
)
def test_errors_are_theirs(settings):
    messages = []
    for package in (peer, fm):
        with pytest.raises(ValueError) as error:  # noqa: PT011  # the messages are compared
            package.MLPClassifier(**{**COMMON, **settings}).fit(X, CLASSES)
        messages.append(sorted(re.split("[ ,{}]+", str(error.value))))  # sets have no order
    assert messages[0] == messages[1]


@pytest.mark.parametrize("settings", [{"activation": "sine"}, {"activation": "softmax"}, {"learning_rate_init": 0.0}])
def test_what_takes_more_here_is_refused_in_the_same_words(settings):
    ((name, _),) = settings.items()
    for package in (peer, fm):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPRegressor must be a"):
            package.MLPRegressor(**settings).fit(X, NUMBER)
