"""Parts of the training loop that need no training."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import losses, metrics
from fastmlp._network.scoring import Scoring
from fastmlp._training.trainer import EpochTotals, GoodParameters


def test_only_confirmed_parameters_are_restored():
    parameters = np.zeros(3)
    good = GoodParameters(parameters)
    good.offer(parameters)
    good.confirm()
    parameters[:] = 1
    good._next = 0.0
    good.offer(parameters)  # no finite loss has been seen with these
    parameters[:] = np.nan
    good.restore(parameters)
    assert parameters.tolist() == [0, 0, 0]
    parameters[:] = 2
    good._next = 0.0
    good.offer(parameters)
    good.confirm()
    parameters[:] = np.nan
    good.restore(parameters)
    assert parameters.tolist() == [2, 2, 2]


def test_means_of_an_epoch_weigh_batches_by_their_rows():
    totals = EpochTotals()
    totals.add([1.0, 4.0], [2, 1], [2, 1], 0.5)
    scoring = Scoring(metrics.get(["accuracy"]), losses.get("categorical_crossentropy"), "softmax", 3)
    logs = totals.logs(scoring)
    assert logs["loss"] == 2.0
    assert logs["accuracy"] == 1.0
    assert logs["samples_per_second"] == pytest.approx(6)


def test_the_last_batch_counts_as_many_rows_as_it_has():
    x, y = np.random.default_rng(0).normal(size=(10, 3)), np.arange(10) % 2
    model = fm.mlp([4], classes=2, seed=1)
    model.compile(fm.SGD(1e-30))
    history, expected = model.fit(x, y, batch_size=4, verbose=0), model.evaluate(x, y)
    assert history["loss"][0] == pytest.approx(expected["loss"])
    assert history["accuracy"][0] == pytest.approx(expected["accuracy"])
    right = model.predict(x).argmax(axis=1) == y
    order = np.empty(10, np.int64)
    fm.kernels.shuffle(order, model.seed, 0)
    assert history.batches["accuracy"] == [right[rows].mean() for rows in np.split(order, [4, 8])]


def test_an_epoch_of_some_batches():
    x, y = np.random.default_rng(0).normal(size=(100, 3)), np.arange(100) % 2
    few, once = (fm.mlp([4], classes=2, seed=0) for _ in range(2))
    history = few.fit(x, y, batch_size=8, steps_per_epoch=5, verbose=0)
    assert len(history.batches["loss"]) == 5
    whole = once.fit(x, y, batch_size=8, verbose=0)
    assert history.batches["loss"] == whole.batches["loss"][:5]
    assert history["loss"][0] == pytest.approx(np.mean(history.batches["loss"]), rel=1e-12)
    assert few.position.epoch == 1
    second = few.fit(x, y, batch_size=8, steps_per_epoch=50, verbose=0)  # there are no more than 13
    assert len(second.batches["loss"]) == 13


def test_an_epoch_of_some_batches_can_be_resumed(tmp_path):
    class Stops(fm.callbacks.Callback):
        every_batches = 1

        def on_batches_end(self, batch, logs):
            self.model.stop_training = self.model.engine.step == 7

    x, y = np.random.default_rng(0).normal(size=(100, 3)), np.arange(100) % 2
    settings = {"batch_size": 8, "steps_per_epoch": 5, "epochs": 3, "verbose": 0}
    cut, whole = (fm.mlp([4], classes=2, seed=0) for _ in range(2))
    for model in (cut, whole):
        model.compile(metrics=["accuracy", "f1"])
    assert cut.fit(x, y, callbacks=[Stops()], **settings).partial
    cut.save(tmp_path / "cut.npz")
    cut = fm.load(tmp_path / "cut.npz")
    assert cut.fit(x, y, resume=True, **settings)["loss"] == whole.fit(x, y, **settings)["loss"]
    assert all(np.array_equal(a, b) for a, b in zip(cut.get_weights(), whole.get_weights(), strict=True))
    for wrong in (0, 1.5, "x"):
        with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match="steps_per_epoch must be"):
            whole.fit(x, y, steps_per_epoch=wrong, verbose=0)
