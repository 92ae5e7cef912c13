"""What scikit-learn's estimators do not have: each further parameter reaches the network and does what it says."""

import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

import fastmlp as fm

from .data import BINARY, CLASSES, COUNTS, LABELS, NUMBER, NUMBERS, WEIGHTS, X

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
COMMON = {"hidden_layer_sizes": (8, 6), "max_iter": 10, "random_state": 1, "batch_size": 25}
EXTRAS = {
    "class_weight": {"no": 3.0},
    "dropout": [0.1, 0.2],
    "batch_norm": True,
    "activation": ["gelu", "leaky_relu(0.1)"],
    "clipnorm": 0.5,
    "max_time": 60.0,
    "n_threads": 1,
    "callbacks": [fm.callbacks.EarlyStopping("loss", patience=50)],
    "dtype": "float32",
    "learning_rate_init": fm.schedules.Cosine(0.02, 100),
}


def classifier(**settings):
    return fm.MLPClassifier(**{**COMMON, **settings})


def kinds(estimator):
    return [type(layer.declaration).__name__ for layer in estimator.model_.layers]


def test_all_further_parameters_are_cloned():
    estimator = classifier(**EXTRAS)
    copy = clone(estimator)
    given, found = estimator.get_params(), copy.get_params()
    assert type(found.pop("callbacks")[0]) is type(given.pop("callbacks")[0])
    assert found == given
    assert {name: given[name] for name in given if name in EXTRAS} == {n: v for n, v in EXTRAS.items() if n in given}
    copy.fit(X, BINARY)
    assert copy.score(X, BINARY) > 0.5
    assert copy.set_params(dropout=0.0, batch_norm=False).fit(X, BINARY).n_layers_ == 4


def test_an_activation_for_each_layer():
    estimator = classifier(activation=["tanh", "leaky_relu(0.1)"]).fit(X, CLASSES)
    assert [layer.declaration.activation for layer in estimator.model_.layers] == ["tanh", "leaky_relu(0.1)", "softmax"]
    same = classifier(activation=["tanh", "tanh"]).fit(X, CLASSES)
    assert same.loss_curve_ == classifier(activation="tanh").fit(X, CLASSES).loss_curve_
    with pytest.raises(ValueError, match="activation must be one value, or a list with one for each of the 2 hidden"):
        classifier(activation=["tanh"]).fit(X, CLASSES)
    with pytest.raises(ValueError, match="activation"):
        classifier(activation=["tanh", "sine"]).fit(X, CLASSES)


def test_dropout_and_batch_norm_stand_between_the_layers():
    estimator = classifier(dropout=[0.0, 0.3], batch_norm=True).fit(X, CLASSES)
    hidden = ["Dense", "BatchNormalization", "Activation"]
    assert kinds(estimator) == [*hidden, *hidden, "Dropout", "Dense"]
    assert [weights.shape for weights in estimator.coefs_] == [(6, 8), (8, 6), (6, 3)]
    assert kinds(classifier(dropout=0.2).fit(X, CLASSES)) == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
    np.testing.assert_array_equal(estimator.predict_proba(X), estimator.predict_proba(X))
    again = classifier(dropout=[0.0, 0.3], batch_norm=True).fit(X, CLASSES)
    assert again.loss_curve_ == estimator.loss_curve_
    assert classifier(dropout=[0.0, 0.3], batch_norm=True, random_state=2).fit(X, CLASSES).loss_ != estimator.loss_


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_classes_weigh_like_their_rows(weights):
    own = {"no": 2.5, "yes": 0.5}
    factors = np.where(BINARY == "no", 2.5, 0.5)
    expected = classifier().fit(X, BINARY, sample_weight=factors if weights is None else factors * weights)
    found = classifier(class_weight=own).fit(X, BINARY, sample_weight=weights)
    assert found.loss_curve_ == expected.loss_curve_
    labels = [{0: 1.0, 1: 2.0}, {0: 1.0}, {1: 3.0}]
    expected = classifier().fit(X, LABELS, sample_weight=compute_sample_weight(labels, LABELS))
    assert classifier(class_weight=labels).fit(X, LABELS).loss_curve_ == expected.loss_curve_


def test_some_rows_may_lack_a_class_that_has_a_weight():
    weighted, plain = classifier(class_weight={"no": 3.0}), classifier()
    rare = BINARY == "yes"
    for rows in (slice(None), rare):
        weighted.partial_fit(X[rows], BINARY[rows], classes=["no", "yes"])
        weights = np.where(BINARY[rows] == "no", 3.0, 1.0)
        plain.partial_fit(X[rows], BINARY[rows], sample_weight=weights, classes=["no", "yes"])
    assert weighted.loss_curve_ == plain.loss_curve_
    with pytest.raises(ValueError, match="class_weight has the class 'maybe', but the classes are 'no', 'yes'"):
        classifier(class_weight={"maybe": 2.0}).fit(X, BINARY)
    several = classifier(class_weight=[{1: 2.0}] * 3)
    several.partial_fit(X, LABELS, classes=[0, 1, 2]).partial_fit(X[:40], np.zeros((40, 3), int))


def test_balanced_classes_have_equal_weight():
    uneven = np.where(X[:, 0] > 1.0, "rare", "usual")
    found = classifier(class_weight="balanced").fit(X, uneven)
    expected = classifier().fit(X, uneven, sample_weight=compute_sample_weight("balanced", uneven))
    np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=1e-12)
    twice = np.where(uneven == "rare", 2.0, 1.0)  # rows that weigh two are two rows
    repeated = np.repeat(np.arange(len(X)), twice.astype(int))
    weighted = classifier(class_weight="balanced", batch_size=1000).fit
    with pytest.warns(UserWarning, match="batch_size"):
        found, expected = weighted(X, uneven, sample_weight=twice).loss_, weighted(X[repeated], uneven[repeated]).loss_
    assert found == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError, match="class_weight='balanced' needs all rows"):
        classifier(class_weight="balanced").partial_fit(X, uneven, classes=["rare", "usual"])


@pytest.mark.parametrize(
    "settings", [{}, {"solver": "sgd"}, {"solver": "lbfgs", "max_iter": 40}, {"batch_norm": True}], ids=repr
)
def test_eval_set_gives_the_best_epoch(settings):
    train, held = slice(0, 90), slice(90, None)
    estimator = classifier(learning_rate_init=0.05, tol=0.0, alpha=0.01, **{"max_iter": 40, **settings})
    estimator.fit(X[train], CLASSES[train], eval_set=(X[held], CLASSES[held]))
    curve = estimator.validation_loss_curve_
    assert len(curve) == estimator.n_iter_
    assert min(curve) == estimator.best_validation_loss_ < curve[-1]
    found = log_loss(CLASSES[held], estimator.predict_proba(X[held]))
    assert found == pytest.approx(estimator.best_validation_loss_, rel=1e-9)
    assert estimator.n_iter_ < 40 or settings


def test_eval_set_of_each_kind_of_target():
    train, held = slice(0, 90), slice(90, None)
    for y in (BINARY, LABELS):
        estimator = classifier().fit(X[train], y[train], eval_set=[(X[held], y[held])])
        assert len(estimator.validation_loss_curve_) == estimator.n_iter_
    for y, loss in ((NUMBER, "squared_error"), (NUMBERS, "squared_error"), (COUNTS, "poisson")):
        estimator = fm.MLPRegressor(loss, **COMMON, alpha=0.5).fit(X[train], y[train], eval_set=(X[held], y[held]))
        if loss == "squared_error":
            found = np.mean((estimator.predict(X[held]) - y[held]) ** 2) / 2
            assert found == pytest.approx(estimator.best_validation_loss_, rel=1e-9)
    weights = WEIGHTS[held]
    estimator = classifier(alpha=0.5).fit(X[train], CLASSES[train], eval_set=(X[held], CLASSES[held], weights))
    found = log_loss(CLASSES[held], estimator.predict_proba(X[held]), sample_weight=weights)
    assert found == pytest.approx(estimator.best_validation_loss_, rel=1e-9)


def test_early_stopping_scores_the_rows_of_eval_set():
    train, held = slice(0, 90), slice(90, None)
    estimator = classifier(early_stopping=True, learning_rate_init=0.05, n_iter_no_change=4, max_iter=60)
    estimator.fit(X[train], CLASSES[train], eval_set=(X[held], CLASSES[held]))
    assert estimator.t_ == 90 * estimator.n_iter_  # no rows are set aside
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)
    assert estimator.score(X[held], CLASSES[held]) == estimator.best_validation_score_
    assert len(estimator.validation_loss_curve_) == estimator.n_iter_


def test_a_wrong_eval_set_is_refused():
    with pytest.raises(TypeError, match=r"eval_set must be a pair \(X, y\)"):
        classifier().fit(X, CLASSES, eval_set=X)
    with pytest.raises(ValueError, match="classes not in"):
        classifier().fit(X, CLASSES, eval_set=(X, CLASSES + 2))
    with pytest.raises(ValueError, match="features"):
        classifier().fit(X, CLASSES, eval_set=(X[:, :3], CLASSES))
    with pytest.raises(ValueError, match="X_val and y_val must be given together"):
        classifier().fit(X, CLASSES, X_val=X)
    with pytest.raises(ValueError, match="give eval_set, or X_val and y_val, not both"):
        classifier().fit(X, CLASSES, eval_set=(X, CLASSES), X_val=X, y_val=CLASSES)


def test_gradients_are_clipped():
    free = fm.MLPRegressor(**COMMON, solver="sgd").fit(X, NUMBER)
    for name in ("clipnorm", "clipvalue", "global_clipnorm"):
        clipped = fm.MLPRegressor(**COMMON, solver="sgd", **{name: 1e-9}).fit(X, NUMBER)
        assert clipped.loss_ == pytest.approx(clipped.loss_curve_[0], rel=1e-5)
        assert free.loss_ < 0.95 * clipped.loss_
    with pytest.raises(ValueError, match="only one kind of clipping"):
        classifier(clipnorm=1.0, clipvalue=1.0).fit(X, CLASSES)


def test_a_schedule_gives_the_rate_of_each_step():
    class Falling(fm.schedules.Schedule):
        def rates(self, steps):
            return 0.02 / (1 + steps)

    estimator = classifier(learning_rate_init=Falling()).fit(X, CLASSES)
    assert estimator.model_.learning_rate == pytest.approx(0.02 / (1 + 60))  # 130 rows are 6 batches of 25
    with pytest.raises(ValueError, match="learning_rate_init is a schedule, but learning_rate='adaptive'"):
        classifier(solver="sgd", learning_rate="adaptive", learning_rate_init=Falling()).fit(X, CLASSES)


def test_callbacks_and_time_end_training():
    epochs = []
    note = fm.callbacks.Lambda(on_epoch_end=lambda epoch, logs: epochs.append(logs["loss"]))
    estimator = classifier(callbacks=[note, fm.callbacks.EarlyStopping("loss", min_delta=10.0, patience=2)])
    estimator.fit(X, CLASSES)
    assert epochs == estimator.loss_curve_
    assert estimator.n_iter_ == 3
    quick = classifier(max_time=1e-6, max_iter=10_000).fit(X, CLASSES)
    assert 1 <= quick.n_iter_ < 10_000
    assert len(quick.loss_curve_) == quick.n_iter_


def test_any_number_of_threads_gives_the_same_bits():
    curves = [classifier(n_threads=n).fit(X, CLASSES).loss_curve_ for n in (1, 2)]
    assert curves[0] == curves[1]


def test_ctrl_c_keeps_what_was_trained():
    def interrupt(epoch, logs):
        if epoch == 3:
            raise KeyboardInterrupt

    estimator = classifier(callbacks=[fm.callbacks.Lambda(on_epoch_end=interrupt)], max_iter=50)
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        estimator.fit(X, CLASSES)
    assert estimator.n_iter_ == 4
    assert estimator.predict(X).shape == CLASSES.shape


def test_parameters_may_change_between_partial_fits():
    estimator = classifier().partial_fit(X, CLASSES, classes=[0, 1, 2])
    model, weights = estimator.model_, estimator.coefs_
    assert estimator.partial_fit(X, CLASSES).model_ is model
    estimator.set_params(alpha=1.0, activation="tanh").partial_fit(X, CLASSES)
    assert estimator.model_ is not model
    assert [layer.declaration.activation for layer in estimator.model_.layers[:2]] == ["tanh", "tanh"]
    assert max(np.abs(a - b).max() for a, b in zip(weights, estimator.coefs_, strict=True)) < 0.05
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        classifier(early_stopping=True).partial_fit(X, CLASSES, classes=[0, 1, 2])
    assert not hasattr(classifier(solver="lbfgs"), "partial_fit")


def test_the_trained_network_is_saved_and_exported(tmp_path):
    estimator = classifier(dropout=0.1, batch_norm=True).fit(X, BINARY)
    estimator.model_.save(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict_classes(X), estimator.predict(X))
    np.testing.assert_array_equal(loaded.predict(X)[:, 0], estimator.predict_proba(X)[:, 1])


def test_estimators_come_from_both_places():
    from fastmlp.sklearn import MLPClassifier, MLPRegressor

    assert (MLPClassifier, MLPRegressor) == (fm.MLPClassifier, fm.MLPRegressor)
    assert MLPClassifier.__module__ == "fastmlp.sklearn"
    assert "hidden_layer_sizes" in MLPClassifier.__doc__
    assert not re.search("{[A-Z]+}", MLPClassifier.__doc__ + MLPRegressor.__doc__)
