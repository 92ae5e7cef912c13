"""What callbacks write into the logs of an epoch is in the history, and in all that reads the logs after them."""

import csv
import io
import json
import math
import warnings
from contextlib import redirect_stdout

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import callbacks

from ..shared.short_fits import VALIDATION, X, Y, fit, network


class Writes(callbacks.Callback):
    """Writes what a function of the epoch's number gives."""

    def __init__(self, values):
        self.values = values

    def on_epoch_end(self, epoch, logs):
        logs.update(self.values(epoch))


@pytest.mark.parametrize("kind", [float, int, np.float32, np.int64, np.array, bool])
def test_the_history_has_what_callbacks_write(kind):
    history = fit(callbacks=[Writes(lambda epoch: {"own": kind(epoch)})])
    assert history["own"] == [float(kind(epoch)) for epoch in range(3)]
    assert all(type(value) is float for value in history["own"])


def test_an_epoch_without_a_value_has_nan():
    history = fit(callbacks=[Writes(lambda epoch: {"late": 5.0} if epoch == 1 else {})], epochs=4)
    assert [value == 5.0 for value in history["late"]] == [False, True, False, False]
    assert np.isnan([history["late"][epoch] for epoch in (0, 2, 3)]).all()


def test_a_value_that_is_written_over_counts():
    history = fit(callbacks=[Writes(lambda epoch: {"accuracy": 0.125, "val_loss": float(epoch)})])
    assert history["accuracy"] == [0.125] * 3
    assert history["val_loss"] == [0.0, 1.0, 2.0]


def test_the_rate_of_each_epoch_is_there():
    halve = callbacks.LearningRateScheduler(lambda epoch: 0.1 / 2**epoch)
    assert fit(callbacks=[halve])["learning_rate"] == [0.1, 0.05, 0.025]
    reduce = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0)
    assert fit(callbacks=[reduce])["learning_rate"] == [0.01, 0.01, 0.005]  # those that the epochs had, as in Keras
    model = network()
    model.compile(fm.SGD(fm.schedules.InverseTime(0.2, decay=0.5)))
    assert fit(model, epochs=1)["learning_rate"] == [pytest.approx(0.2 / 4)]  # that of the next update


def test_a_checkpoint_has_what_callbacks_before_it_write(tmp_path):
    path = tmp_path / "model.npz"
    parts = [Writes(lambda epoch: {"own": epoch}), callbacks.ModelCheckpoint(path), Writes(lambda epoch: {"after": 1})]
    history = fit(callbacks=parts)
    saved = fm.load(path).history
    assert saved["own"] == history["own"] == [0.0, 1.0, 2.0]
    assert "after" in history
    assert math.isnan(saved["after"][-1])  # written after the last checkpoint


def test_an_unfinished_epoch_is_completed_with_new_values():
    class Stops(callbacks.Callback):
        every_batches = 3

        def on_batches_end(self, batch, logs):
            self.model.stop_training = True

    model = network()
    first = fit(model, callbacks=[Stops(), Writes(lambda epoch: {"own": -1.0})])
    assert (first.partial, first["own"]) == (True, [-1.0])
    again = fit(model, resume=True, callbacks=[Writes(lambda epoch: {"own": 10.0 + epoch})])
    assert again["own"] == [10.0, 11.0, 12.0]


def test_what_is_no_number_is_left_out_with_a_warning(tmp_path):
    kept = callbacks.History()
    parts = [
        Writes(lambda epoch: {"table": np.eye(2), "word": "good", "own": 1, 3: 4.0}),
        Writes(lambda epoch: {"table": np.ones(2)}),
        kept,
        callbacks.CSVLogger(tmp_path / "log.csv"),
        callbacks.JSONLogger(tmp_path / "log.json"),
    ]
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as found, redirect_stdout(printed):
        warnings.simplefilter("always")
        history = fit(callbacks=parts, verbose=2)
    messages = sorted((str(warning.message) for warning in found), key=len)
    assert len(messages) == 3  # once for each name, not for each epoch
    assert "the history has no 'table', which Writes put into the logs: it keeps numbers, and this is " in messages[2]
    assert set(history) == {"loss", "accuracy", "seconds", "learning_rate", "own"}
    assert "own 1.0000" in printed.getvalue()
    assert "word" not in printed.getvalue()
    assert kept.history["word"] == ["good"] * 3
    assert np.array_equal(kept.history["table"][0], [1, 1])
    with open(tmp_path / "log.csv", newline="") as file:
        assert [row["word"] for row in csv.DictReader(file)] == ["good"] * 3
    assert json.loads((tmp_path / "log.json").read_text().splitlines()[0])["table"] == "[1. 1.]"


def test_values_are_kept_in_files_and_copies(tmp_path):
    model = network()
    history = fit(model, callbacks=[Writes(lambda epoch: {"own": epoch / 2})], validation_data=VALIDATION)
    model.save(tmp_path / "model.npz")
    assert fm.load(tmp_path / "model.npz").history == history
    model.evaluate(X, Y)
    assert "own" not in fit(model)  # of the next run


def test_looking_for_changes_does_not_compare_values():
    class Unequal(float):
        def __eq__(self, other):
            raise AssertionError

        __hash__ = float.__hash__

    assert fit(callbacks=[Writes(lambda epoch: {"own": Unequal(2)}), Writes(lambda epoch: {})])["own"] == [2.0] * 3
