"""scikit-learn's fitted networks become models of ours, and ours become theirs, with the same predictions."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError

neural_network = pytest.importorskip("sklearn.neural_network")

from sklearn.decomposition import PCA  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

X = np.random.default_rng(0).normal(size=(80, 5)) * [1, 2, 3, 4, 5] + 1
NUMBERS = (X[:, 0] > 1).astype(int) + (X[:, 1] > 1)
TEXTS = np.array(["low", "middle", "high"])[NUMBERS]


@pytest.fixture(autouse=True)
def few_iterations():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def classifier(**settings):
    return neural_network.MLPClassifier((7, 4), max_iter=5, random_state=0, **settings)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    "y",
    [NUMBERS, TEXTS, NUMBERS > 0, TEXTS == "low", 5 * (NUMBERS > 1), NUMBERS + 1.0, 2.0 - (NUMBERS > 0)],
    ids=lambda y: str(y[0]),
)
def test_a_classifier_is_imported(activation, y):
    theirs = classifier(activation=activation).fit(X, y)
    ours = fm.import_model(theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(ours.predict_classes(X), theirs.predict(X))


def test_independent_labels_and_numbers_are_imported():
    labels = np.stack([NUMBERS > 0, NUMBERS > 1], axis=1).astype(int)
    theirs = classifier().fit(X, labels)
    np.testing.assert_allclose(fm.import_model(theirs).predict(X), theirs.predict_proba(X), rtol=1e-9)
    for y in (X[:, 0], X[:, :2]):
        regressor = neural_network.MLPRegressor(hidden_layer_sizes=(6,), max_iter=5, random_state=0).fit(X, y)
        np.testing.assert_allclose(fm.import_model(regressor).predict(X).squeeze(), regressor.predict(X), rtol=1e-9)


def test_single_precision_stays_single():
    theirs = classifier().fit(X.astype(np.float32), NUMBERS)
    assert fm.import_model(theirs).dtype == np.float32


@pytest.mark.parametrize("settings", [{}, {"with_mean": False}, {"with_std": False}])
def test_a_scaler_before_it_becomes_a_normalization(settings):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"))
    theirs = make_pipeline(StandardScaler(**settings), classifier()).fit(frame, TEXTS)
    ours = fm.import_model(theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(frame), rtol=1e-7)
    np.testing.assert_array_equal(ours.predict_classes(frame[list("edcba")]), theirs.predict(frame))
    assert ours.feature_names == tuple("abcde")


def test_bytes_are_numbers_and_not_pixels():
    rows = np.random.default_rng(1).integers(0, 200, (60, 5)).astype(np.uint8)
    theirs = make_pipeline(StandardScaler(), classifier()).fit(rows, NUMBERS[:60])
    ours = fm.import_model(theirs)
    for given in (rows, rows.astype(int), rows.astype(float)):
        np.testing.assert_allclose(ours.predict_proba(given), theirs.predict_proba(rows), rtol=1e-7)


def test_what_comes_back_can_train_on():
    model = model_of(fm.Dense(6, activation="relu"), fm.Dense(3, activation="softmax"))
    model.to_sklearn().set_params(warm_start=True, max_iter=2).fit(X, TEXTS)


def test_an_imported_model_is_compiled_and_trains_on():
    ours = fm.import_model(classifier().fit(X, TEXTS))
    before = ours.evaluate(X, TEXTS).loss
    ours.fit(X, TEXTS, epochs=20, verbose=0)
    assert ours.evaluate(X, TEXTS).loss < before


def ours(**settings):
    return fm.MLPClassifier((7, 4), max_iter=5, random_state=0, **settings)


@pytest.mark.parametrize("settings", [{}, {"batch_norm": True, "dropout": 0.2, "activation": ["tanh", "silu"]}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_pipeline_around_our_estimator_is_imported_whole(settings, dtype, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"))
    pipeline = make_pipeline(StandardScaler(), ours(dtype=dtype, **settings)).fit(frame, TEXTS)
    found = fm.import_model(pipeline)
    np.testing.assert_allclose(found.predict_proba(frame), pipeline.predict_proba(frame), atol=1e-5)
    np.testing.assert_array_equal(found.predict_classes(frame[list("edcba")]), pipeline.predict(frame))
    assert found.feature_names == tuple("abcde")
    found.export(tmp_path / "whole.py")
    found.fit(frame, TEXTS, epochs=2, verbose=0)


def test_an_imported_network_of_our_estimator_is_a_copy():
    estimator = ours().fit(X, TEXTS)
    before = estimator.predict_proba(X)
    found = fm.import_model(estimator)
    assert found is not estimator.model_
    np.testing.assert_allclose(found.predict_proba(X), before, rtol=1e-12)
    found.fit(X, TEXTS, epochs=3, verbose=0)
    np.testing.assert_array_equal(estimator.predict_proba(X), before)


def test_what_cannot_be_imported_is_named():
    with pytest.raises(ArgumentError, match="must be fitted: this MLPClassifier"):
        fm.import_model(classifier())
    with pytest.raises(ArgumentTypeError, match="StandardScaler steps before the network, not PCA"):
        fm.import_model(make_pipeline(PCA(3), classifier()).fit(X, NUMBERS))
    with pytest.raises(ArgumentTypeError, match="an MLPClassifier or an MLPRegressor, not PCA"):
        fm.import_model(PCA(3))


# ------------------------------------------------------------------ and back


def model_of(*layers, classes=None, loss="categorical_crossentropy", y=TEXTS, dtype="float64"):
    model = fm.Sequential(layers, dtype=dtype, classes=classes, seed=0)
    model.compile(loss=loss)
    model.fit(X, y, epochs=2, verbose=0)
    return model


@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_classifier_becomes_theirs(activation, dtype):
    hidden = fm.Dense(6, activation=activation), fm.Dropout(0.1), fm.Dense(4, activation=activation)
    model = model_of(fm.Normalization(), *hidden, fm.Dense(3, activation="softmax"), dtype=dtype)
    theirs = model.to_sklearn()
    rows = X.astype(dtype)
    np.testing.assert_allclose(theirs.predict_proba(rows), model.predict_proba(rows), atol=1e-5)
    np.testing.assert_array_equal(theirs.predict(rows), model.predict_classes(rows))


@pytest.mark.parametrize("classes", [["yes", "no"], ["no", "yes"], [9, 2]])
@pytest.mark.parametrize("units", [1, 2])
def test_labels_that_are_not_sorted_stay_with_their_units(classes, units):
    y = np.array(classes)[(X[:, 0] > 1).astype(int)]
    last = fm.Dense(units, activation="sigmoid" if units == 1 else "softmax")
    loss = "binary_crossentropy" if units == 1 else "categorical_crossentropy"
    model = model_of(fm.Dense(5, activation="relu"), last, classes=classes, loss=loss, y=y)
    theirs = model.to_sklearn()
    np.testing.assert_array_equal(theirs.predict(X), model.predict_classes(X))
    column = list(theirs.classes_).index(classes[1])
    np.testing.assert_allclose(theirs.predict_proba(X)[:, column], model.predict_proba(X)[:, 1], atol=1e-9)


@pytest.mark.parametrize("from_logits", [False, True])
def test_two_classes_train_on_there(from_logits):
    y = np.where(X[:, 0] + X[:, 1] > 2, "up", "down")
    last = fm.Dense(2) if from_logits else fm.Dense(2, "softmax")
    loss = fm.losses.CategoricalCrossentropy(from_logits=from_logits)
    model = model_of(fm.Dense(5, "tanh"), last, classes=["up", "down"], loss=loss, y=y)
    for settings in ({"solver": "lbfgs"}, {"solver": "adam", "learning_rate_init": 0.01}):
        theirs = model.to_sklearn().set_params(warm_start=True, max_iter=60, **settings)
        np.testing.assert_allclose(theirs.predict_proba(X)[:, ::-1], model.predict_proba(X), atol=1e-9)
        assert (theirs.n_outputs_, theirs.out_activation_) == (1, "logistic")
        assert theirs.fit(X, y).score(X, y) > 0.8
    theirs = model.to_sklearn()
    for _ in range(3):
        theirs.partial_fit(X, y)
    assert theirs.predict(X).tolist() == np.where(theirs.predict_proba(X)[:, 1] > 0.5, "up", "down").tolist()


def test_logits_numbers_and_independent_labels_become_theirs():
    logits = model_of(fm.Dense(5, "tanh"), fm.Dense(3), loss=fm.losses.CategoricalCrossentropy(from_logits=True))
    np.testing.assert_allclose(logits.to_sklearn().predict_proba(X), logits.predict_proba(X), atol=1e-9)
    numbers = model_of(fm.Dense(5, "tanh"), fm.Dense(2), loss="mse", y=X[:, :2])
    np.testing.assert_allclose(numbers.to_sklearn().predict(X), numbers.predict(X), atol=1e-9)
    labels = np.stack([NUMBERS > 0, NUMBERS > 1], axis=1).astype(int)
    several = model_of(fm.Dense(5, "tanh"), fm.Dense(2, "sigmoid"), loss="binary_crossentropy", y=labels)
    np.testing.assert_allclose(several.to_sklearn().predict_proba(X), several.predict(X), atol=1e-9)
    np.testing.assert_array_equal(several.to_sklearn().predict(X), several.predict(X) > 0.5)


def test_a_network_of_logarithms_becomes_an_estimator_of_counts():
    if "loss" not in neural_network.MLPRegressor().get_params():
        pytest.skip("scikit-learn has it from version 1.7 on")
    counts = np.random.default_rng(1).poisson(np.exp(X[:, 0] / 2))
    regressor = fm.MLPRegressor(loss="poisson", hidden_layer_sizes=(5,), max_iter=3, random_state=0).fit(X, counts)
    np.testing.assert_allclose(regressor.model_.to_sklearn().predict(X), regressor.predict(X), rtol=1e-9)
    with pytest.raises(ArgumentError, match=r"source\.model_ is the network, whose outputs are logarithms"):
        fm.import_model(regressor)


def test_a_normalization_far_from_zero_keeps_its_digits():
    rows = X + 1e7
    model = fm.Sequential([fm.Normalization(), fm.Dense(6, "tanh"), fm.Dense(3, "softmax")], seed=0)
    model.compile()
    model.fit(rows, TEXTS, epochs=2, verbose=0)
    np.testing.assert_allclose(model.to_sklearn().predict_proba(rows), model.predict_proba(rows), atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        ([fm.Dense(5, "relu"), fm.Dense(5, "tanh"), fm.Dense(3, "softmax")], "relu, tanh"),
        ([fm.Dense(5, "gelu"), fm.Dense(3, "softmax")], "no activation 'gelu'"),
        ([fm.Dense(5), fm.LayerNormalization(), fm.Dense(3, "softmax")], "LayerNorm"),
        ([fm.Residual([fm.Dense(5, "relu")]), fm.Dense(3, "softmax")], "Residual"),
    ],
)
def test_what_scikit_learn_does_not_have_is_named(layers, what):
    with pytest.raises(ArgumentError, match=what):
        model_of(*layers).to_sklearn()


def test_a_regressor_that_ends_in_a_sigmoid_is_refused():
    model = model_of(fm.Dense(5, "relu"), fm.Dense(1, "sigmoid"), loss="mse", y=NUMBERS / 2)
    with pytest.raises(ArgumentError, match="predicts numbers with the last activation 'sigmoid'"):
        model.to_sklearn()
