"""A training that is refused before its first batch leaves the estimator as it was."""

import numpy as np
import pytest
from scipy import sparse

import fastmlp as fm

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = np.random.default_rng(0).normal(size=(80, 4))
Y = np.where(X[:, 0] > 0, "up", "down")
REFUSED = {
    "weights below 0": ({}, {"sample_weight": -np.ones(80)}),
    "weights of classes below 0": ({"class_weight": {"up": -1.0}}, {}),
    "a callback that is none": ({"callbacks": [3]}, {}),
    "a callback without its metric": ({"callbacks": [fm.callbacks.EarlyStopping("val_loss")]}, {}),
}


def classifier(**settings):
    return fm.MLPClassifier((5,), max_iter=3, tol=0, random_state=0, **settings)


@pytest.mark.parametrize("name", REFUSED)
def test_an_estimator_stays_unfitted_or_as_it_was(name):
    settings, arguments = REFUSED[name]
    unfitted = classifier(**settings)
    with pytest.raises((TypeError, ValueError, fm.FastMLPError)):
        unfitted.fit(X, Y, **arguments)
    assert not [attribute for attribute in vars(unfitted) if attribute.endswith("_")]

    fitted = classifier().fit(X, Y)
    before, curve = fitted.predict_proba(X), list(fitted.loss_curve_)
    fitted.set_params(**settings)
    with pytest.raises((TypeError, ValueError, fm.FastMLPError)):
        fitted.fit(X[:, :3] if name == "weights below 0" else X, Y, **arguments)
    assert (fitted.predict_proba(X) == before).all()
    assert fitted.loss_curve_ == curve
    assert list(fitted.model_.classes) == ["down", "up"]


def test_what_cannot_change_in_a_further_training_is_named():
    counts = np.random.default_rng(1).poisson(2.0, 80)
    regressor = fm.MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, warm_start=True, random_state=0).fit(X, counts)
    with pytest.raises(
        ValueError, match=r"1 outputs \(identity\), but y and the parameters now want 1 outputs \(exp\)"
    ):
        regressor.set_params(loss="poisson").fit(X, counts)
    partly = classifier().partial_fit(X, Y, classes=["down", "up"])
    with pytest.raises(ValueError, match="hidden_layer_sizes and batch_norm of a network that trains further"):
        partly.set_params(hidden_layer_sizes=(3,)).partial_fit(X, Y)
    assert list(partly.model_.classes) == ["down", "up"]


def test_each_fit_is_judged_by_its_own_validation_rows():
    estimator = classifier(warm_start=True).fit(X[:40], Y[:40], eval_set=(X[40:], Y[40:]))
    estimator.fit(X[:40], Y[:40], eval_set=(X[40:], Y[40:][::-1]))
    assert estimator.best_validation_loss_ == min(estimator.validation_loss_curve_[3:])


def test_sparse_labels_come_back_sparse_and_rows_without_weight_may_fill_a_block():
    labels = sparse.csr_matrix((X[:, :3] > 0).astype(int))
    estimator = classifier().fit(X, labels)
    assert estimator.predict(X).shape == (80, 3)
    assert 0 <= estimator.score(X, labels) <= 1
    wide = sparse.random(80, 60_000, density=0.0005, format="csr", random_state=0)
    weights = np.repeat([0.0, 1.0], 40)
    fm.MLPClassifier((2,), max_iter=1, batch_size=20, shuffle=False, random_state=0).fit(wide, Y, weights)


DAYS = np.arange(80 * 4).reshape(80, 4).astype("datetime64[D]")
NO_NUMBERS = {
    "dates": (DAYS, r"X must hold numbers, but it has dates \(datetime64\[D\]\): convert them"),
    "spans of time": (DAYS - DAYS[0], "it has dates"),
    "texts": (X.astype(str), "X must hold numbers, but it has texts"),
    "texts as objects": (X.astype(str).astype(object), "it has texts"),
    "a list of texts": (X.astype(str).tolist(), "it has texts"),
}


@pytest.mark.parametrize("name", NO_NUMBERS)
def test_features_that_are_no_numbers_are_refused(name):
    given, message = NO_NUMBERS[name]
    fitted = classifier().fit(X, Y)
    for call in (lambda: classifier().fit(given, Y), lambda: fitted.predict(given)):
        with pytest.raises(fm.ArgumentTypeError, match=message):
            call()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_that_are_no_numbers_are_refused(library):
    frames = pytest.importorskip(library)
    for column in (DAYS[:, 0].astype("datetime64[us]"), X[:, 0].astype(str)):
        frame = frames.DataFrame({"a": X[:, 0], "b": column})
        with pytest.raises(fm.ArgumentTypeError, match="X must hold numbers"):
            classifier().fit(frame, Y)


@pytest.mark.parametrize(
    "y", [DAYS[:, 0], X[:, 0].astype(str), X[:, 0].astype(str).tolist()], ids=["dates", "texts", "list"]
)
def test_targets_of_a_regressor_that_are_no_numbers_are_refused(y):
    with pytest.raises(fm.ArgumentTypeError, match="y must hold numbers"):
        fm.MLPRegressor(hidden_layer_sizes=(3,)).fit(X, y)


@pytest.mark.parametrize("sizes", [(3.7, 2), True, (3, True), (2.0,), ("3",)], ids=repr)
def test_sizes_that_are_not_whole_are_refused(sizes):
    with pytest.raises((TypeError, ValueError), match="hidden_layer_sizes"):
        fm.MLPClassifier(sizes).fit(X, Y)


@pytest.mark.parametrize(
    "settings",
    [
        *({"clipnorm": 1.0}, {"clipvalue": 1.0}, {"global_clipnorm": 1.0}),
        {"learning_rate_init": fm.schedules.Cosine(0.1, steps=10)},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_what_has_no_effect_on_lbfgs_is_refused(settings):
    with pytest.raises(fm.ArgumentError, match="solver='lbfgs'"):
        classifier(solver="lbfgs", **settings).fit(X, Y)


def test_a_hidden_softmax_is_refused():
    with pytest.raises(ValueError, match="activation must be that of hidden layers"):
        classifier(activation=["softmax"]).fit(X, Y)
