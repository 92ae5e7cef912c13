"""Results of a sweep: the same in any order and from several workers, and the tables of them."""

import csv
import json
import threading

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.search.sweeps import SweepResult, SweepRun
from fastmlp.search.sweeps.data import SweepData

from ..shared.models import clusters
from ..shared.sweeps import RUNS, WILD, content, files, swept

# ---------------------------------------------------------------- results


def test_a_run_is_what_one_would_train_by_hand():
    x, y = clusters()
    result = fm.sweep(RUNS, x, y, validation_split=0.2, verbose=0, seed=7)
    model = fm.mlp([4, 3], classes=3)
    model.compile(fm.Adam(learning_rate=0.1))
    history = model.fit(x, y, epochs=2, batch_size=8, validation_split=0.2, seed=7, verbose=0)
    run = result["layers=4-3,learning_rate=0.1,batch_size=8,epochs=2"]
    assert run is result[3]
    assert (run.load().predict(x) == model.predict(x)).all()
    assert run.history.batches == history.batches
    assert run.metrics == {name: history[name][-1] for name in ("val_loss", "val_accuracy", "loss", "accuracy")}


def test_the_number_of_workers_and_the_order_change_nothing():
    expected = [content(run) for run in swept(workers=1)]
    for workers in (2, 3):
        assert [content(run) for run in swept(workers=workers)] == expected
    assert [content(run) for run in swept(RUNS[::-1], workers=2)] == expected[::-1]


def test_runs_are_trained_at_once_on_one_thread_each(monkeypatch):
    meeting = threading.Barrier(2, timeout=30)
    threads, fit = [], fm.Sequential.fit

    class Meets(fm.callbacks.Callback):
        def on_train_begin(self, run_info):
            meeting.wait()

    def spied(self, *arguments, **settings):
        if "callbacks" in settings:  # the warming up has none
            threads.append(settings["n_threads"])
        return fit(self, *arguments, **settings)

    monkeypatch.setattr(fm.Sequential, "fit", spied)
    result = swept(RUNS[:2], workers=2, callbacks=lambda settings: [Meets()])
    assert [run.status for run in result] == ["finished"] * 2
    assert threads == [1, 1]


def test_one_worker_uses_all_threads(monkeypatch):
    threads, fit = [], fm.Sequential.fit

    def spied(self, *arguments, **settings):
        threads.append(settings["n_threads"])
        return fit(self, *arguments, **settings)

    monkeypatch.setattr(fm.Sequential, "fit", spied)
    swept(RUNS[:2], workers=1)
    swept(RUNS[:1])
    assert threads == [None] * 3


def test_runs_share_one_copy_of_the_data():
    x, y = clusters()
    shared, model = SweepData(x, y, None, 0.2), fm.Sequential([fm.Dense(2)])
    shared.convert([model])
    (train, _), (validation, _) = shared.for_model(model)
    assert np.shares_memory(train, x)
    assert np.shares_memory(validation, x)


def test_own_seeds_differ_and_the_default_does_not():
    runs = [{"layers": [3], "name": "a"}, {"layers": [3], "name": "b"}, {"layers": [3], "name": "c", "seed": 5}]
    a, b, c = (content(run)[-1] for run in swept(runs))
    assert a == b != c


@pytest.mark.parametrize(
    ("x", "arguments", "message"),
    [
        (np.full((6, 2), np.nan), {}, r"x must be finite, but x\[0, 0\] is nan"),
        (np.ones((6, 2)), {"validation_data": (np.ones((6, 3)), np.zeros(6))}, "3 features in each row"),
    ],
)
def test_data_that_cannot_be_learned_from_are_refused_at_once(tmp_path, x, arguments, message):
    with pytest.raises(fm.ArgumentError, match=message):
        fm.sweep(RUNS, x, np.arange(6) % 3, folder=tmp_path / "new", **arguments)
    assert files(tmp_path) == []


def test_what_diverges_or_fails_stops_no_other():
    def callbacks(settings):
        if settings["name"] == "bug":
            raise KeyError("oops")
        return []

    runs = [
        WILD,
        {"layers": [3], "name": "bug"},
        {"layers": [3], "name": "shuffled", "shuffle": False, "max_time": "long"},
        {"layers": [3], "name": "fine"},
    ]
    for workers in (1, 2):
        result = swept(runs, workers=workers, callbacks=callbacks)
        assert [run.status for run in result] == ["diverged", "failed", "failed", "finished"]
        assert result["wild"].reason.startswith("the loss became NaN")
        assert result["bug"].reason == "KeyError: 'oops'"
        assert "max_time" in result["shuffled"].reason
        assert result.best().name == "fine"
        assert not result.was_interrupted
        with pytest.raises(fm.ArgumentError, match=r"run 'bug' has no model: it is failed \(KeyError"):
            result["bug"].load()


def test_the_metrics_are_those_of_the_model_that_is_kept():
    class FirstIsBest(fm.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            if epoch == 0:
                self.weights = self.model.get_weights()

        def on_train_end(self, reason):
            self.model.set_weights(self.weights)

    (run,) = swept([{"layers": [3], "epochs": 5, "learning_rate": 0.1}], callbacks=lambda settings: [FirstIsBest()])
    assert run.metrics["val_loss"] == run.history["val_loss"][0] != run.history["val_loss"][-1]


def test_training_that_a_callback_ends_is_finished():
    class Stops(fm.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            self.model.stop_training = epoch == 1

    (run,) = swept([{"layers": [3], "epochs": 9}], callbacks=lambda settings: [Stops()])
    assert (run.status, run.epochs, run.history.stopped) == ("finished", 2, "callback")


# ---------------------------------------------------------------- tables


def judged(**metrics):
    return SweepResult(
        tuple(
            SweepRun(str(number), {}, "finished", metrics=dict(zip(metrics, values, strict=True)))
            for number, values in enumerate(zip(*metrics.values(), strict=True))
        )
    )


def order(result, *arguments):
    return "".join(run.name for run in result.sorted(*arguments))


def test_runs_are_sorted_by_what_is_known_of_them():
    nan = float("nan")
    result = judged(val_accuracy=[0.5, 0.9, nan, 0.9], val_loss=[0.1, 0.4, 0.0, 0.3], seconds=[1, 2, 3, 4])
    assert order(result) == order(result, "val_accuracy") == "3102"  # of equals, the one with the smaller loss
    assert order(result, "val_loss") == "2031"
    assert order(result, "seconds", "max") == "3210"
    assert order(judged(loss=[2, 1], accuracy=[0.1, 0.2], test_loss=[1, 2])) == "01"
    assert order(judged(val_f1=[0.1, 0.2])) == "10"  # what there is


def test_unfinished_runs_come_last():
    wild = SweepRun("wild", {}, "diverged", metrics={"val_loss": 0.0})
    result = SweepResult((SweepRun("none", {}), wild, SweepRun("fine", {}, "finished", metrics={"val_loss": 9.0})))
    assert [run.name for run in result.sorted()] == ["fine", "none", "wild"]
    assert result.was_interrupted
    with pytest.raises(fm.ArgumentError, match="no run has finished"):
        SweepResult(result.runs[:2]).best()
    with pytest.raises(fm.ArgumentError, match=r"one that the runs have \(val_loss\), not 'accuracy'"):
        result.best("accuracy")
    with pytest.raises(fm.ArgumentError, match="mode must be one of"):
        result.best("val_loss", "most")
    with pytest.raises(fm.ArgumentError, match="no run has a loss that is a number"):
        judged(loss=[float("nan")]).best()
    with pytest.raises(KeyError):
        result["nobody"]


def test_a_line_for_each_run(capsys):
    runs = [{"layers": [3], "name": "fine"}, WILD]
    swept(runs, workers=1, verbose=1)
    fine, wild = capsys.readouterr().out.splitlines()
    assert fine.startswith("[1/2] fine  val_loss ")
    assert "1 epochs in " in fine
    assert wild.startswith("[2/2] wild  diverged: the loss became NaN")
    assert len(wild) < 130


def test_a_csv_holds_metrics_and_settings_in_full(tmp_path):
    runs = [{"layers": [3], "loss": "categorical_crossentropy"}, {"layers": [4, 3], "optimizer": fm.SGD()}]
    result = swept(runs)
    result.to_csv(tmp_path / "runs.csv")
    with open(tmp_path / "runs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [run.name for run in result.sorted()]
    for row in rows:
        run = result[row["name"]]
        assert float(row["val_loss"]) == run.metrics["val_loss"]
        assert float(row["loss"]) == run.metrics["loss"]
        assert json.loads(row["settings.layers"]) == run.settings["layers"]
        assert row["settings.loss"] == run.settings.get("loss", "")
        assert (json.loads(row["settings.optimizer"])["type"] == "SGD") if row["settings.optimizer"] else "loss" in row
    assert result.table().splitlines()[0].split()[:4] == ["name", "status", "epochs", "seconds"]
