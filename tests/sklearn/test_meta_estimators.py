"""The estimators inside of scikit-learn's others: pipelines, searches, ensembles, inspection, files."""

import copy
import pickle

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  # HalvingGridSearchCV needs it
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import fastmlp as fm

from .data import BINARY, CLASSES, LABELS, NUMBER, WEIGHTS, X

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning"),  # of older scikit-learns, by newer SciPys
]
COMMON = {"hidden_layer_sizes": (6,), "max_iter": 6, "random_state": 1, "learning_rate_init": 0.02}
GRID = {"mlp__alpha": [1e-4, 1.0], "mlp__hidden_layer_sizes": [(4,), (3, 3)]}


def classifier(**settings):
    return fm.MLPClassifier(**{**COMMON, **settings})


def pipeline():
    return Pipeline([("scale", StandardScaler()), ("mlp", classifier())])


def test_a_pipeline_of_columns_of_each_kind():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"size": X[:, 0], "age": X[:, 1] * 40, "colour": np.array(["red", "blue", "green"])[CLASSES]}
    )
    columns = ColumnTransformer([("n", StandardScaler(), ["size", "age"]), ("c", OneHotEncoder(), ["colour"])])
    model = make_pipeline(columns, classifier(max_iter=60)).fit(frame, CLASSES)
    assert model.score(frame, CLASSES) > 0.95
    columns.set_output(transform="default")
    assert model[:-1].transform(frame).shape == (len(X), 5)


def test_set_output_gives_frames_with_names():
    pytest.importorskip("pandas")
    model = make_pipeline(StandardScaler().set_output(transform="pandas"), classifier()).fit(X, CLASSES)
    assert model[-1].feature_names_in_.tolist() == [f"x{i}" for i in range(6)]


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV])
def test_searches_find_the_same_on_each_backend(search, backend):
    settings = {} if search is GridSearchCV else {"random_state": 0, "min_resources": 60}
    alone = search(pipeline(), GRID, cv=2, **settings).fit(X, CLASSES)
    with joblib.parallel_backend(backend):
        beside = search(pipeline(), GRID, cv=2, n_jobs=2, **settings).fit(X, CLASSES)
    np.testing.assert_array_equal(beside.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(beside.predict_proba(X), alone.predict_proba(X))


def test_calibration_stacking_bagging_and_voting():
    for model in (
        CalibratedClassifierCV(classifier(), cv=2),
        StackingClassifier([("one", classifier()), ("two", classifier(alpha=1.0))], LogisticRegression(), cv=2),
        BaggingClassifier(classifier(), n_estimators=3, random_state=0),
        VotingClassifier([("one", classifier()), ("two", classifier(random_state=2))], voting="soft"),
    ):
        assert model.fit(X, BINARY).score(X, BINARY) > 0.5
        assert model.predict_proba(X).shape == (len(X), 2)
    assert MultiOutputClassifier(classifier()).fit(X, LABELS).predict(X).shape == LABELS.shape
    scaled = TransformedTargetRegressor(fm.MLPRegressor(**COMMON), transformer=StandardScaler())
    assert scaled.fit(X, NUMBER * 100 + 5).predict(X).shape == NUMBER.shape


def test_importance_and_cross_validation():
    model = classifier(max_iter=40).fit(X, BINARY)
    found = permutation_importance(model, X, BINARY, n_repeats=3, random_state=0)
    assert found.importances_mean.argmax() == 0  # the signal's first column
    assert cross_val_predict(classifier(), X, BINARY, cv=3, method="predict_proba").shape == (len(X), 2)
    scores = cross_val_score(pipeline(), X, BINARY, cv=3, scoring=["roc_auc", "f1_macro"][0])
    assert scores.shape == (3,)


def test_weights_and_validation_rows_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        requesting = classifier().set_fit_request(sample_weight=True, eval_set=True)
        model = Pipeline([("scale", scaler), ("mlp", requesting)])
        model.fit(X, CLASSES, sample_weight=WEIGHTS, eval_set=(X, CLASSES))
        requesting = classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(requesting, {"alpha": [0.1]}, cv=2)
        assert search.fit(X, CLASSES, sample_weight=WEIGHTS).best_score_ > 0.3
    scaled = StandardScaler().fit_transform(X)
    by_hand = classifier().fit(scaled, CLASSES, sample_weight=WEIGHTS, eval_set=(X, CLASSES))
    assert model["mlp"].validation_loss_curve_ == by_hand.validation_loss_curve_


def test_a_pipeline_transforms_validation_rows():
    held = {"X_val": X[:40], "y_val": CLASSES[:40]}
    with sklearn.config_context(enable_metadata_routing=True):
        requesting = classifier().set_fit_request(X_val=True, y_val=True)
        model = Pipeline([("scale", StandardScaler()), ("mlp", requesting)], transform_input=["X_val"])
        model.fit(X, CLASSES, **held)
    scale = StandardScaler().fit(X)
    by_hand = classifier().fit(scale.transform(X), CLASSES, eval_set=(scale.transform(X[:40]), CLASSES[:40]))
    assert model["mlp"].validation_loss_curve_ == by_hand.validation_loss_curve_


def test_copies_and_files_predict_alike(tmp_path):
    model = classifier(early_stopping=True, batch_norm=True).fit(X, BINARY)
    joblib.dump(model, tmp_path / "model.joblib")
    copies = [
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        joblib.load(tmp_path / "model.joblib"),
        joblib.load(tmp_path / "model.joblib", mmap_mode="r"),
    ]
    for same in copies:
        np.testing.assert_array_equal(same.predict_proba(X), model.predict_proba(X))
        assert same.loss_curve_ == model.loss_curve_
    assert not hasattr(clone(model), "model_")


def test_copies_train_on():
    model = classifier(dropout=0.2).partial_fit(X, BINARY, classes=["no", "yes"])
    copies = [model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for same in copies:
        same.partial_fit(X, BINARY)
    assert copies[0].loss_curve_ == copies[1].loss_curve_ == copies[2].loss_curve_


def test_a_pickle_is_small():
    model = classifier(max_iter=300, batch_size=1, tol=0.0, n_iter_no_change=1000).fit(X[:20], BINARY[:20])
    assert len(pickle.dumps(model)) < 100_000
