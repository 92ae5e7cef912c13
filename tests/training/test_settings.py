"""Settings of `fit`: a wrong one is refused by name, and nothing is trained."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError

from ..shared.models import bits
from ..shared.tiny import X, Y, built, fit, network, short

WRONG_SETTINGS = {
    "batch_size": [0, -1, 1.5, "x", True],
    "epochs": [-1, 1.5, "x", None],
    "initial_epoch": [-1, 1.5, "x", None],
    "validation_split": [1, 1.5, -0.1, np.nan, np.inf, "x", None, 0.999, 10**400],
    "validation_data": [5, (X,), (X, Y, X, Y), "ab", {1: 2}, (X[:, :3], Y), (X, Y[:3]), (None, None), (X, Y + 1)],
    "max_time": [0, -1, np.nan, np.inf, "x", 10**400],
    "n_threads": [0, -1, 1.5, "x"],
    "seed": [-1, 1.5, "x", 2**63, True],
    "callbacks": [5, "x", [5], [None], fm.callbacks.Callback, print],
    "verbose": [3, -1, "x", None, [1], np.array([0, 1])],
    "resume": [True],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG_SETTINGS.items() for v in values], ids=short)
def test_a_wrong_setting_is_refused_by_name_and_trains_nothing(name, value):
    model = built()
    before = bits(model)
    with pytest.raises((ArgumentError, ArgumentTypeError), match=name):
        fit(model, **{name: value})
    assert bits(model) == before
    assert fit(model).stopped == "finished"


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, "x"])
def test_a_wrong_number_of_threads_is_refused_however_little_there_is_to_do(n_threads):
    model = built()
    for use in (
        lambda: model.predict(X, n_threads=n_threads),
        lambda: model.predict_classes(X, n_threads=n_threads),
        lambda: model.evaluate(X, Y, n_threads=n_threads),
        lambda: model.train_on_batch(X, Y, n_threads=n_threads),
        lambda: fm.set_num_threads(n_threads),
    ):
        with pytest.raises((ArgumentError, ArgumentTypeError), match=r"^n(_threads)? must"):
            use()


@pytest.mark.parametrize("split", [1e-12, 0.01, 0.5, 0.97])
def test_every_small_or_large_validation_split_leaves_rows_on_both_sides(split):
    history = fit(validation_split=split)
    assert np.isfinite(history["val_loss"]).all()


def test_a_failed_fit_leaves_seed_and_history_as_they_were():
    model = network()
    history, seed = fit(model), model.seed
    with pytest.raises(ArgumentError):
        model.fit(X, Y + 1, seed=99)
    assert model.history is history
    assert model.seed == seed


def test_a_model_is_trained_by_one_at_a_time():
    class TrainsToo(fm.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            self.model.fit(X, Y, verbose=0)

    model = built()
    with pytest.raises(fm.BusyError, match="being trained already"):
        fit(model, callbacks=[TrainsToo()])
    fit(model)


def test_the_history_is_read_like_a_mapping():
    history = fit(validation_split=0.5)
    assert "val_loss" in history
    assert list(history) == list(history.keys()) == list(history.history)
