"""Metrics as Keras and scikit-learn spell them: the name in the history is the one that the user wrote."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import metrics

RNG = np.random.default_rng(2)
X = RNG.normal(size=(90, 5))
CLASSES = X[:, :3].argmax(axis=1)
ANSWERS = (X[:, 0] + 0.5 * RNG.normal(size=90) > 0).astype(int)
END = {"softmax": "categorical_crossentropy", "sigmoid": "binary_crossentropy", "linear": "mse"}


def trained(units, activation, chosen, y, **settings):
    model = fm.Sequential([fm.Dense(8, "tanh"), fm.Dense(units, activation)], seed=1)
    model.compile("adam", END[activation], metrics=chosen)
    history = model.fit(X, y, epochs=3, verbose=0, validation_data=(X, y), **settings)
    return model, history


OF_CLASSES = ["acc", "accuracy", "ACC", "categorical_accuracy", "sparse_categorical_accuracy"]


def test_accuracy_has_all_its_names_at_once():
    model, history = trained(3, "softmax", OF_CLASSES, CLASSES)
    p = model.predict(X)
    for name in OF_CLASSES:
        assert history.history["val_" + name][-1] == metrics.accuracy(CLASSES, p)
        assert history.history[name] == history.history["accuracy"]
    assert model.evaluate(X, CLASSES)["acc"] == metrics.accuracy(CLASSES, p)


SPELLED = {
    "AUC": (1, metrics.auc),
    "roc_auc": (1, metrics.auc),
    "average_precision": (1, metrics.average_precision),
    "f1_score": (1, lambda y, p: metrics.f1(y, p, "binary")),
    "Precision": (1, lambda y, p: metrics.precision(y, p, "binary")),
    "TruePositives": (1, lambda y, p: np.sum((y == 1) & (p[:, 0] > 0.5))),
    "TrueNegatives": (1, lambda y, p: np.sum((y == 0) & (p[:, 0] <= 0.5))),
    "FalsePositives": (1, lambda y, p: np.sum((y == 0) & (p[:, 0] > 0.5))),
    "FalseNegatives": (1, lambda y, p: np.sum((y == 1) & (p[:, 0] <= 0.5))),
    "f1_macro": (3, metrics.f1),
    "precision_weighted": (3, lambda y, p: metrics.precision(y, p, "weighted")),
    "top_k_categorical_accuracy": (6, metrics.top_k_accuracy),
    "RootMeanSquaredError": (2, metrics.root_mean_squared_error),
    "root_mean_squared_error": (2, metrics.root_mean_squared_error),
    "MSE": (2, metrics.mean_squared_error),
    "mean_absolute_error": (2, metrics.mean_absolute_error),
    "MAPE": (2, metrics.mean_absolute_percentage_error),
    "r2_score": (2, metrics.r2_score),
}


@pytest.mark.parametrize("name", SPELLED)
def test_the_key_is_what_the_user_wrote(name):
    units, function = SPELLED[name]
    y = {1: ANSWERS, 2: X[:, :2] + 9, 3: CLASSES, 6: CLASSES}[units]
    model, history = trained(units, {1: "sigmoid", 2: "linear"}.get(units, "softmax"), [name], y)
    expected = function(y, model.predict(X).astype(np.float64))
    assert history.history["val_" + name][-1] == pytest.approx(expected, rel=1e-6)
    assert model.metrics[0].name == name


def test_early_stopping_follows_the_spelled_name():
    stopping = fm.callbacks.EarlyStopping("val_acc", patience=1, min_delta=2.0)
    _, history = trained(3, "softmax", ["acc"], CLASSES, callbacks=[stopping])
    assert stopping._watched.mode == "max"
    assert len(history.epoch) == 2


def test_metrics_have_names_of_their_own(tmp_path):
    chosen = [metrics.AUC(name="roc"), metrics.AUC(curve="PR", name="pr"), metrics.Precision(name="share")]
    chosen.append(metrics.AveragePrecision())
    model, history = trained(1, "sigmoid", chosen, ANSWERS)
    assert history.history["pr"] == history.history["average_precision"] != history.history["roc"]
    model.save(tmp_path / "model.npz")
    assert fm.load(tmp_path / "model.npz").metrics == tuple(chosen)
    with pytest.raises(fm.ArgumentError, match="two different ones named 'auc': give one another name="):
        metrics.get([metrics.AUC(), metrics.AUC(curve="PR")])


def test_classes_of_keras_are_there():
    found = metrics.get(
        [
            metrics.CategoricalAccuracy(),
            metrics.SparseCategoricalAccuracy(name="a"),
            metrics.TopKCategoricalAccuracy(k=2),
            metrics.SparseTopKCategoricalAccuracy(),
            metrics.F1Score(average="weighted"),
            metrics.R2Score(),
            metrics.AUC(num_thresholds=500, dtype=None),
            metrics.Recall(thresholds=0.5, name="sensitivity"),
            metrics.BinaryAccuracy(name="right", threshold=0.4, dtype="float32"),
        ]
    )
    names = "categorical_accuracy a top_k_categorical_accuracy sparse_top_k_categorical_accuracy f1_score r2_score auc"
    assert [metric.name for metric in found] == [*names.split(), "sensitivity", "right"]
    assert found[4] == metrics.F1("weighted", name="f1_score")


def test_one_unit_is_judged_by_class_1_as_in_keras_and_scikit_learn():
    of = pytest.importorskip("sklearn.metrics")
    p = RNG.uniform(size=90)
    for ours, theirs in ((metrics.Precision(), of.precision_score), (metrics.Recall(), of.recall_score)):
        assert ours(ANSWERS, p) == ours(ANSWERS, p[:, None]) == pytest.approx(theirs(ANSWERS, p > 0.5))
    assert metrics.F1()(ANSWERS, p) == metrics.f1(ANSWERS, p, "auto") == pytest.approx(of.f1_score(ANSWERS, p > 0.5))
    assert metrics.f1(ANSWERS, (p > 0.5).astype(int), "auto") == metrics.f1(ANSWERS, p, "macro")


@pytest.mark.parametrize("seed", range(20))
def test_average_precision_is_scikit_learns(seed):
    of = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    y, p = rng.integers(0, 2, 40), rng.integers(0, 9, 40) / 8  # many equal scores
    y[:2] = 0, 1
    assert metrics.average_precision(y, p) == pytest.approx(of.average_precision_score(y, p))
    several = rng.integers(0, 2, (40, 3))
    several[:2] = [[0, 0, 0], [1, 1, 1]]
    scores = rng.normal(size=(40, 3)).round(1)
    expected = of.average_precision_score(several, scores, average="macro")
    assert metrics.average_precision(several, scores, multi_label=True) == pytest.approx(expected)


REFUSED = {
    "decisions are made at one half": lambda: metrics.Precision(thresholds=0.3),
    "use TopKAccuracy": lambda: metrics.Recall(top_k=3),
    "function of your own for one class": lambda: metrics.Precision(class_id=1),
    "the area is exact": lambda: metrics.AUC(thresholds=[0.1, 0.9]),
    "metrics see probabilities": lambda: metrics.AUC(from_logits=True),
    "curve must be one of 'PR', 'ROC'": lambda: metrics.AUC(curve="pr"),
    "average=None gives a number for each class": lambda: metrics.F1Score(average=None),
    "threshold must be None or 0.5": lambda: metrics.F1Score(threshold=0.3),
    "class_aggregation": lambda: metrics.R2Score("variance_weighted_average"),
    "threshold must be": lambda: metrics.TruePositives(1.0),
    "name must be a text": lambda: metrics.Accuracy(name=3),
    "metrics cannot be .cosine_similarity.: a function": lambda: metrics.get(["cosine_similarity"]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_means_something_else_is_refused(message):
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match=message):
        REFUSED[message]()
