"""Sweeps in a folder: what is loaded, what is trained again, and what Ctrl-C leaves."""

import json
import signal

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.search.sweeps import folder

from ..shared.models import clusters
from ..shared.sweeps import RUNS, WILD, content, files, swept

FOREVER = {"epochs": 10**6, "max_time": 30}


def no_callbacks(settings):
    return []


# ---------------------------------------------------------------- a folder


def test_a_folder_holds_models_records_and_summaries(tmp_path):
    place = tmp_path / "new" / "runs"
    result = swept([{"layers": [3], "name": "a"}, {"layers": [4], "name": "b.1"}], folder=place)
    assert files(place) == ["a.json", "a.npz", "b.1.json", "b.1.npz", "summary.csv", "summary.txt"]
    assert (place / "summary.txt").read_text() == result.table() + "\n"
    assert result["a"].model is None
    assert result["a"].path == place / "a.npz"
    plain = swept([{"layers": [3], "name": "a"}])
    assert content(result["a"]) == content(plain["a"])
    assert json.loads((place / "b.1.json").read_text())["settings"] == {"layers": [4]}


def test_what_is_there_is_loaded(tmp_path):
    first = swept(folder=tmp_path)
    again = swept([*RUNS[::-1], {"layers": [2]}], folder=tmp_path)
    assert [run.was_loaded for run in again] == [True] * 4 + [False]
    assert [content(run) for run in again][:4] == [content(run) for run in first][::-1]
    assert "loaded" in again.table()
    assert [run.was_loaded for run in swept(folder=tmp_path, resume=False)] == [False] * 4


def once(tmp_path, **settings):
    return swept([{"layers": [3], "name": "run", **settings}], folder=tmp_path)[0]


def test_a_setting_written_in_another_way_is_the_same(tmp_path):
    assert not once(tmp_path).was_loaded
    same = {
        "layers": [fm.Dense(3, "relu"), fm.Dense(3, "softmax")],
        "optimizer": fm.Adam(),
        "batch_size": 32,
        "seed": 0,
    }
    assert once(tmp_path, **same).was_loaded


@pytest.mark.parametrize(
    "changed",
    [
        {"layers": [4]},
        {"learning_rate": 0.5},
        {"optimizer": "sgd"},
        {"epochs": 2},
        {"batch_size": 3},
        {"seed": 1},
        {"shuffle": False},
        {"uint8_scale": 0.5},
    ],
)
def test_a_changed_setting_trains_again(tmp_path, changed):
    once(tmp_path)
    run = once(tmp_path, **changed)
    assert not run.was_loaded
    expected = swept([{"layers": [3], "name": "run", **changed}])[0]
    assert content(run) == content(expected)
    assert once(tmp_path, **changed).was_loaded


def test_changed_data_validation_or_callbacks_train_again(tmp_path):
    runs = [{"layers": [3], "name": "run"}]

    def sweep(x, y, **arguments):
        return fm.sweep(runs, x, y, folder=tmp_path, verbose=0, **arguments)[0].was_loaded

    x, y = clusters()
    assert [sweep(x, y), sweep(x, y)] == [False, True]
    assert [sweep(x + 1, y), sweep(x + 1, y)] == [False, True]
    assert not sweep(x + 1, y[::-1])
    assert not sweep(x + 1, y[::-1], validation_split=0.1)
    assert not sweep(x + 1, y[::-1], validation_split=0.1, callbacks=no_callbacks)


def test_a_build_that_makes_another_model_trains_again(tmp_path):
    def sweep(build):
        return swept([{"build": build, "name": "run"}], folder=tmp_path)[0].was_loaded

    def with_weights(value):
        model = fm.mlp([3], 3)
        model.build(4)
        model.set_weights([np.full_like(weights, value) for weights in model.get_weights()])
        return model

    assert [sweep(lambda settings: fm.mlp([3], 3)), sweep(lambda settings: fm.mlp([3], 3))] == [False, True]
    assert not sweep(lambda settings: fm.mlp([4], 3))
    assert [sweep(lambda settings: with_weights(0.5)), sweep(lambda settings: with_weights(0.5))] == [False, True]
    assert not sweep(lambda settings: with_weights(0.25))


@pytest.mark.parametrize("ending", [".npz", ".json"])
@pytest.mark.parametrize("damage", [None, b"", b"PK\x03\x04 no more", b"{}", b'{"format": "fastmlp-sweep-run"}'])
def test_a_damaged_or_missing_file_is_made_again(tmp_path, ending, damage):
    expected = content(once(tmp_path))
    path = tmp_path / f"run{ending}"
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    run = once(tmp_path)
    assert not run.was_loaded
    assert content(run) == expected
    assert once(tmp_path).was_loaded


def test_a_divergence_is_remembered_and_a_failure_is_not(tmp_path):
    runs = [
        WILD,
        {"layers": [3], "name": "bug", "max_time": "long"},
    ]
    for expected in ([False, False], [True, False]):
        result = swept(runs, folder=tmp_path)
        assert [run.was_loaded for run in result] == expected
        assert [run.status for run in result] == ["diverged", "failed"]
    assert files(tmp_path) == ["summary.csv", "summary.txt", "wild.json"]


def test_a_record_never_stands_beside_another_model(tmp_path, monkeypatch):
    once(tmp_path)
    write = folder.write_atomically

    def full(path, text):
        if path.suffix == ".json":
            raise OSError(28, "No space left on device")
        write(path, text)

    monkeypatch.setattr(folder, "write_atomically", full)
    run = once(tmp_path, epochs=2)
    assert run.status == "failed"
    assert run.reason.endswith("could not be saved: [Errno 28] No space left on device")
    assert run.load().history.epoch == [0, 1]
    monkeypatch.undo()
    assert files(tmp_path) == ["run.npz", "summary.csv", "summary.txt"]
    assert not once(tmp_path).was_loaded


# ---------------------------------------------------------------- Ctrl-C


class Interrupts(fm.callbacks.Callback):
    """Ctrl-C, so many times, in the run of a name, once a file is there."""

    def __init__(self, name, wanted=None, times=1):
        self.name, self.wanted, self.times = name, wanted, times

    def __call__(self, settings):
        return [self] if settings["name"] == self.name else []

    def on_batches_end(self, batch, logs):
        if self.wanted is None or self.wanted.exists():
            times, self.times = self.times, 0
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)


def interrupted(*arguments, **settings):
    """The result so far of a sweep that Ctrl-C ends."""
    with pytest.raises(fm.sweeps.SweepInterrupted) as caught:
        swept(*arguments, **settings)
    return caught.value.result


@pytest.mark.usefixtures("default_interrupt")
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_keeps_what_finished_and_the_same_call_goes_on(tmp_path, workers):
    runs = [
        {"layers": [3], "name": "short"},
        {"layers": [3], "name": "long", **FOREVER},
        {"layers": [3], "name": "late"},
    ]
    if workers == 2:
        runs.insert(2, {"layers": [4], "name": "long too", **FOREVER})
    stop = Interrupts("long", tmp_path / "short.json")
    result = interrupted(runs, folder=tmp_path, workers=workers, callbacks=stop)
    statuses = {run.name: run.status for run in result}
    assert (statuses["short"], statuses["long"], statuses["late"]) == ("finished", "interrupted", "not started")
    assert statuses.get("long too", "interrupted") in ("interrupted", "not started")
    assert result.was_interrupted
    assert files(tmp_path) == ["short.json", "short.npz", "summary.csv", "summary.txt"]
    assert (tmp_path / "summary.txt").read_text() == result.table() + "\n"
    again = swept(
        [{**run, "epochs": 2, "max_time": 30} if "max_time" in run else run for run in runs],
        folder=tmp_path,
        callbacks=stop,
    )
    assert [run.status for run in again] == ["finished"] * len(runs)
    assert [run.name for run in again if run.was_loaded] == ["short"]


@pytest.mark.usefixtures("default_interrupt")
def test_a_run_that_ends_in_spite_of_ctrl_c_is_finished():
    runs = [{"layers": [3], "name": "a"}, {"layers": [3], "name": "b"}]
    result = interrupted(runs, workers=1, callbacks=Interrupts("a"))
    assert [run.status for run in result] == ["finished", "not started"]


@pytest.mark.usefixtures("default_interrupt")
def test_a_second_ctrl_c_interrupts_at_once(tmp_path):
    runs = [{"layers": [3], "name": "a", **FOREVER}, {"layers": [3], "name": "b"}]
    with pytest.raises(KeyboardInterrupt):
        swept(runs, workers=1, folder=tmp_path, callbacks=Interrupts("a", times=2))
    assert files(tmp_path) == ["summary.csv", "summary.txt"]


@pytest.mark.usefixtures("default_interrupt")
def test_an_error_of_the_sweep_itself_ends_all_runs(tmp_path, monkeypatch):
    ended = []

    class Ends(fm.callbacks.Callback):
        def on_train_end(self, reason):
            ended.append(reason)

    write = folder.Folder.write_summary

    def full(self, result, *arguments):
        if any(run.status == "finished" for run in result):
            raise OSError(28, "No space left on device")
        write(self, result, *arguments)

    monkeypatch.setattr(folder.Folder, "write_summary", full)
    runs = [{"layers": [3], "name": "a"}, {"layers": [3], "name": "b", **FOREVER}]
    with pytest.raises(OSError, match="No space left"):
        swept(runs, workers=2, folder=tmp_path, callbacks=lambda settings: [Ends()])
    assert sorted(ended) == ["callback", "finished"]
