"""Logs as CSV and JSON files."""

import csv
import json
import math
from types import SimpleNamespace

import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, callbacks

from ..shared.short_fits import PLAN, VALIDATION, Fails, fit, network


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def objects_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_csv_log_has_a_line_for_each_epoch_as_soon_as_it_is_over(tmp_path):
    path, lengths = tmp_path / "logs" / "log.csv", []
    watch = callbacks.Lambda(on_epoch_begin=lambda epoch: lengths.append(len(rows_of(path))))
    history = fit(callbacks=[callbacks.CSVLogger(path), watch], validation_data=VALIDATION, validation_freq=2)
    rows = rows_of(path)
    assert lengths == [0, 1, 2]
    assert list(rows[0]) == ["epoch", *PLAN["logs"]]
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [float(row["loss"]) for row in rows] == history["loss"]
    assert [row["val_loss"] for row in rows] == ["", repr(history["val_loss"][1]), ""]


def test_a_json_log_has_a_line_for_each_epoch(tmp_path):
    path = tmp_path / "log.jsonl"

    def spoil(epoch, logs):
        logs["own"] = math.inf if epoch else 1

    history = fit(callbacks=[callbacks.Lambda(on_epoch_end=spoil), callbacks.JSONLogger(path)])
    lines = objects_of(path)
    assert [line["loss"] for line in lines] == history["loss"]
    assert [line["own"] for line in lines] == [1.0, None, None]
    assert list(lines[0]) == ["epoch", "loss", "accuracy", "seconds", "samples_per_second", "learning_rate", "own"]


@pytest.fixture(params=[(callbacks.CSVLogger, rows_of), (callbacks.JSONLogger, objects_of)], ids=["csv", "json"])
def logger(request, tmp_path):
    kind, read = request.param
    path = tmp_path / "log"

    def make(**settings):
        return kind(path, **settings)

    return SimpleNamespace(make=make, path=path, epochs=lambda: [int(row["epoch"]) for row in read(path)])


def test_a_new_run_writes_a_new_log_unless_it_is_to_be_appended(logger):
    fit(epochs=2, callbacks=[logger.make()])
    fit(epochs=1, callbacks=[logger.make()])
    assert logger.epochs() == [0]
    fit(epochs=2, callbacks=[logger.make(append=True)])
    assert logger.epochs() == [0, 0, 1]


@pytest.mark.parametrize("append", [False, True])
def test_a_log_goes_on_with_its_run(logger, append, tmp_path):
    logs = [logger.make(append=append)]
    model = network()
    fit(model, epochs=2, callbacks=logs)
    model.save(tmp_path / "model.npz")
    fit(model, epochs=4, callbacks=logs, resume=True)
    assert logger.epochs() == [0, 1, 2, 3]
    # A later process knows only the file of epoch 1, and finds a log of four epochs that breaks off in a line.
    with open(logger.path, "a") as file:
        file.write('{"epoch": 4, "lo')
    fit(fm.load(tmp_path / "model.npz"), epochs=3, callbacks=[logger.make(append=append)], resume=True)
    assert logger.epochs() == [0, 1, 2]


def test_an_epoch_that_was_cut_short_is_replaced_when_it_is_done(logger):
    model = network()
    fit(model, max_time=1e-9, callbacks=[logger.make()])
    assert model.history.partial
    assert logger.epochs() == [0]
    fit(model, resume=True, callbacks=[logger.make()])
    assert logger.epochs() == [0, 1, 2]


def test_a_log_is_whole_after_a_failure(logger):
    with pytest.raises(RuntimeError):
        fit(callbacks=[logger.make(), Fails("on_epoch_end")])
    assert logger.epochs() == [0]


def test_a_csv_log_is_not_appended_to_another_table(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ArgumentError, match="does not begin with a column 'epoch'"):
        fit(callbacks=[callbacks.CSVLogger(path, append=True)])
    assert path.read_text() == "a,b\n1,2\n"


def test_wrong_settings_of_loggers_are_refused():
    with pytest.raises(ArgumentTypeError, match="path"):
        callbacks.CSVLogger(5)
    with pytest.raises(ArgumentError, match="path"):
        callbacks.JSONLogger("")
    with pytest.raises(ArgumentTypeError, match="append"):
        callbacks.CSVLogger("x.csv", append=1)
