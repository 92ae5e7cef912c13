"""scikit-learn's callbacks, from version 1.9 on: each epoch is a task, with an estimator that predicts."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastmlp as fm

from .data import CLASSES, NUMBER, WEIGHTS, X

pytest.importorskip("sklearn.callback")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
COMMON = {"hidden_layer_sizes": (6,), "max_iter": 6, "random_state": 1, "learning_rate_init": 0.02}


class Recorder:
    """Notes what it is told, and stops training after some epochs."""

    def __init__(self, stop_after=None):
        self.begun, self.ended, self.state, self.stop_after = 0, [], [], stop_after

    def setup(self, estimator, context):
        self.state.append("setup")

    def teardown(self, estimator, context):
        self.state.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.begun += 1

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):  # noqa: N803  # its names
        told = context.task_name, context.parent is None
        self.ended.append((*told, None if fitted_estimator is None else fitted_estimator.predict(X), metadata))
        return self.stop_after is not None and len(self.ended) == self.stop_after


@pytest.mark.parametrize("settings", [{}, {"solver": "sgd", "dropout": 0.1}, {"solver": "lbfgs"}], ids=repr)
def test_each_epoch_is_a_task(settings):
    recorder, estimator = Recorder(), fm.MLPClassifier(**COMMON, **settings)
    estimator.set_callbacks(recorder).fit(X, CLASSES, sample_weight=WEIGHTS)
    assert recorder.state == ["setup", "teardown"]
    assert [name for name, *_ in recorder.ended] == ["epoch"] * estimator.n_iter_ + ["fit"]
    assert recorder.begun == len(recorder.ended)
    epochs = recorder.ended[:-1]
    np.testing.assert_array_equal(epochs[-1][2], estimator.predict(X))
    assert any(not np.array_equal(epochs[0][2], found) for _, _, found, _ in epochs)
    assert all(metadata["sample_weight"] is WEIGHTS for *_, metadata in recorder.ended)


def test_a_callback_stops_training():
    estimator = fm.MLPRegressor(**COMMON).set_callbacks(Recorder(stop_after=3)).fit(X, NUMBER)
    assert estimator.n_iter_ == 3
    assert estimator.set_callbacks().fit(X, NUMBER).n_iter_ == 6


def test_callbacks_are_torn_down_after_an_error():
    recorder = Recorder()
    with pytest.raises(ValueError, match="non-finite"):
        fm.MLPRegressor(**{**COMMON, "solver": "sgd", "learning_rate_init": 1e9}).set_callbacks(recorder).fit(
            X * 1e6, NUMBER * 1e6
        )
    assert recorder.state == ["setup", "teardown"]


def test_scores_are_monitored_alone_and_in_a_search():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    estimator = fm.MLPClassifier(**COMMON).set_callbacks(monitor).fit(X, CLASSES)
    logged = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(logged) == estimator.n_iter_
    assert logged[-1] == estimator.score(X, CLASSES)
    monitor = ScoringMonitor(scoring="r2")
    model = make_pipeline(StandardScaler(), fm.MLPRegressor(**COMMON).set_callbacks(monitor))
    GridSearchCV(model, {"mlpregressor__alpha": [0.1, 1.0]}, cv=2).fit(X, NUMBER)
    assert sum(row["task_name"] == "epoch" for log in monitor.get_logs("all") for row in log.data) == 5 * 6


def test_progress_is_shown(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    fm.MLPClassifier(**COMMON).set_callbacks(ProgressBar()).fit(X, CLASSES)
    assert "MLPClassifier - fit" in capsys.readouterr().out
