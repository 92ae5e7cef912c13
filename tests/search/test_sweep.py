"""Sweeps: the same results in any order, several at once, after a stop, and from files."""

import csv
import json
import signal
import threading

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.search.sweeps import SweepResult, SweepRun, evaluate, folder, grid
from fastmlp.search.sweeps.data import SweepData
from fastmlp.search.sweeps.settings import described, generated_name

RUNS = grid(layers=[[3], [4, 3]], learning_rate=[0.01, 0.1], epochs=2, batch_size=8)
FOREVER = {"epochs": 10**6, "max_time": 30}


def data(rows=30, width=4, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 3
    return (rng.normal(size=(rows, width)) + 2 * np.eye(3, width)[y]).astype(np.float32), y


def swept(runs=RUNS, **arguments):
    arguments = {"validation_split": 0.2, "verbose": 0, **arguments}
    return fm.sweep(runs, *data(), **arguments)


def content(run):
    """All of a finished run but the time it took."""
    model = run.load()
    curves = {name: values for name, values in run.history.history.items() if name != "seconds"}
    return run.name, run.metrics, curves, run.history.batches, [weights.tobytes() for weights in model.get_weights()]


def files(path):
    return sorted(item.name for item in path.iterdir())


def no_callbacks(settings):
    return []


WILD = {"name": "wild", "layers": [3], "optimizer": "sgd", "learning_rate": 1e30, "epochs": 2, "batch_size": 8}


# ---------------------------------------------------------------- settings


def test_a_grid_has_all_combinations():
    found = grid(layers=[[2], [3]], epochs=4, optimizer="sgd", seed=range(2))
    assert [(item["layers"], item["seed"]) for item in found] == [([2], 0), ([2], 1), ([3], 0), ([3], 1)]
    assert all((item["epochs"], item["optimizer"]) == (4, "sgd") for item in found)
    with pytest.raises(fm.ArgumentError, match="epochs is an empty list"):
        grid(layers=[[2]], epochs=[])


def test_lists_of_a_grid_are_a_grid():
    assert [run.settings for run in swept({"layers": [[3], [4]], "seed": [1]})] == grid(layers=[[3], [4]], seed=1)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"seed": 3, "layers": [16, 8]}, "layers=16-8,seed=3"),
        ({"layers": [16], "optimizer": "sgd", "shuffle": False}, "layers=16,optimizer=sgd,shuffle=False"),
        ({"layers": []}, "layers="),
    ],
)
def test_names_say_what_the_settings_are(settings, name):
    assert generated_name(settings) == name


def test_names_that_leave_something_out_still_differ():
    relu, linear = ({"layers": [fm.Dense(8, activation), fm.Dense(3, "softmax")]} for activation in ("relu", None))
    long = [{"layers": [7] * 60, "seed": seed} for seed in (1, 2)]
    names = [generated_name(settings) for settings in (relu, linear, *long)]
    assert len(set(names)) == 4
    assert all(len(name) < 100 for name in names)
    assert names[0].startswith("layers=Dense8-Dense3-")


def test_settings_are_described_for_json():
    value = {"a": np.float32(0.5), "b": (1, None), "c": fm.Adam(), "d": np.arange(3), 0: data}
    text = json.loads(json.dumps(described(value)))
    assert (text["a"], text["b"], text["c"]["type"], text["0"]) == (0.5, [1, None], "Adam", f"{__name__}.data")
    assert described(np.arange(3)) != described(np.arange(4))


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "at least one run"),
        ("adam", "run_settings must be a list"),
        ([3], r"run_settings\[0\] must be a dict"),
        ([{"epochs": 3}], "either 'layers' or 'build', but has 'epochs'"),
        ([{"layers": [3], "build": fm.mlp}], "either"),
        ([{"layers": [3], "epoch": 3}], r"no setting 'epoch'; there are name, layers, .*batch_size, epochs"),
        ([{"layers": [3], "n_threads": 3}], "no setting 'n_threads'"),
        ([{"layers": [3], "validation_split": 0.1}], "no setting 'validation_split'"),
        ([{"layers": [3], "epochs": -1}], r"run_settings\[0\]: epochs must be at least 0"),
        ([{"layers": [3], "seed": 0.5}], "seed must be a whole number"),
        ([{"layers": [3], "name": "../up"}], "name must be usable as the name of a file"),
        ([{"layers": [3], "name": ".hidden"}], "name must be usable"),
        ([{"layers": [3], "name": "x" * 200}], "at most 100"),
        ([{"layers": [3], "name": "A"}, {"layers": [4], "name": "a"}], "have the same name"),
        ([{"layers": [3]}, {"layers": [3]}], "another 'seed' where they repeat a run"),
        ([{"layers": 3}], "run 'layers=3': layers must be a list of widths or layers"),
        ([{"layers": [0]}], "units must be at least 1"),
        ([{"layers": [{"type": "Densest"}]}], "unknown layer type 'Densest'"),
        ([{"layers": [3], "optimizer": "adamant"}], "run 'layers=3,optimizer=adamant': optimizer must be one of"),
        ([{"layers": [3], "learning_rate": -1}], "learning_rate must be"),
        ([{"layers": [3], "dtype": "int8"}], "dtype must be one of"),
        ([{"build": 3}], "build must be a function"),
        ([{"build": lambda settings: 3}], "must return a compiled fastmlp.Sequential, not 3"),
        ([{"build": lambda settings: fm.Sequential([fm.Dense(3, "softmax")])}], "no optimizer and loss yet"),
        ([{"build": lambda settings: fm.mlp([3], 3), "widht": 3}], "no setting 'widht', and build did not read it"),
        ([{"build": lambda settings: fm.mlp([3], 3), "activation": "relu"}], "for build to read"),
    ],
)
def test_settings_that_cannot_be_used(runs, message):
    with pytest.raises(fm.FastMLPError, match=message):
        swept(runs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation_data": data()}, "not both"),
        ({"validation_split": 0.99}, "leaves none"),
        ({"validation_split": 0, "validation_data": 3}, r"pair \(x, y\)"),
        ({"validation_split": 0, "validation_data": ([[1]], [0, 1])}, "equally many rows"),
        ({"callbacks": [fm.callbacks.Callback()]}, "takes a run's settings"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"verbose": 2}, "verbose must be 0 or 1"),
        ({"folder": 3}, "folder must be the name of a folder"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message):
    with pytest.raises(fm.FastMLPError, match=message):
        swept(**arguments)


# ---------------------------------------------------------------- models


def test_widths_get_an_output_layer_for_the_classes():
    x, y = data()
    (run,) = fm.sweep([{"layers": [5, 4], "activation": "linear"}], x, y, verbose=0)
    shown = [(layer.units, layer.activation) for layer in run.load().declarations]
    assert shown == [(5, "linear"), (4, "linear"), (3, "softmax")]
    (run,) = fm.sweep([{"layers": []}], x, np.eye(4)[y], verbose=0)
    assert [layer.units for layer in run.load().declarations] == [4]
    logits = fm.losses.CategoricalCrossentropy(from_logits=True)
    (run,) = fm.sweep([{"layers": [2], "loss": logits}], x, y, verbose=0)
    assert run.load().declarations[-1] == fm.Dense(3)
    with pytest.raises(fm.ArgumentError, match="give all layers as objects"):
        fm.sweep([{"layers": [5]}], x, y / 2, verbose=0)


def test_layers_are_objects_configurations_and_widths_between_them():
    layers = [5, fm.Dense(4, "linear"), fm.Dense(3, "softmax").config()]
    (run,) = swept([{"layers": layers}])
    assert run.load().declarations == [fm.Dense(5, "relu"), fm.Dense(4), fm.Dense(3, "softmax")]


def test_optimizer_learning_rate_and_precision():
    (run,) = swept([{"layers": [3], "optimizer": {"type": "sgd"}, "learning_rate": 0.25, "metrics": []}])
    assert run.load().optimizer == fm.SGD(0.25)
    assert "accuracy" not in run.metrics


def test_a_build_gets_the_settings_and_the_rest_is_applied():
    def build(settings):
        model = fm.mlp([settings["width"]], classes=3)
        model.compile(fm.SGD(settings.get("peak", 0.5)))
        return model

    first, second = swept({"build": build, "width": 5, "learning_rate": [0.125, 0.25], "epochs": 3})
    assert [run.load().optimizer for run in (first, second)] == [fm.SGD(0.125), fm.SGD(0.25)]
    assert first.load().declarations[0].units == 5
    assert first.epochs == 3
    (read,) = swept([{"build": build, "width": 5, "peak": 0.75}])
    assert read.load().optimizer == fm.SGD(0.75)


def test_one_model_for_two_runs_is_refused():
    model = fm.mlp([3], classes=3)
    with pytest.raises(fm.ArgumentError, match="returned one model for 'a' and for 'b'"):
        swept([{"build": lambda settings: model, "name": name} for name in "ab"])


# ---------------------------------------------------------------- results


def test_a_run_is_what_one_would_train_by_hand():
    x, y = data()
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
    x, y = data()
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

    x, y = data()
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


@pytest.fixture
def default_interrupt():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


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


# ---------------------------------------------------------------- evaluation


def test_all_models_of_a_folder_on_new_data(tmp_path):
    x, y = data(40, seed=1)
    before = swept([*RUNS, WILD], folder=tmp_path)
    result = evaluate(tmp_path, x, y)
    assert sorted(run.name for run in result) == sorted(run.name for run in before)
    for run in result:
        trained_before = before[run.name]
        if run.name == "wild":
            assert (run.status, run.metrics) == ("diverged", {})
            continue
        scores = {f"test_{name}": value for name, value in trained_before.load().evaluate(x, y).items()}
        assert run.metrics == {**scores, **trained_before.metrics}
        assert run.settings == trained_before.settings
        assert run.epochs == 2
    best = max(result.runs[:4], key=lambda run: (run.metrics["test_accuracy"], -run.metrics["test_loss"]))
    assert result.best().name == best.name
    assert (tmp_path / "evaluation.txt").read_text() == result.table() + "\n"
    assert (tmp_path / "evaluation.csv").is_file()


def test_models_that_do_not_fit_or_cannot_be_read_are_listed(tmp_path):
    swept([{"layers": [3], "name": name} for name in ("broken", "fine")], folder=tmp_path)
    (tmp_path / "broken.npz").write_bytes(b"")
    result = evaluate(tmp_path, *data(), write=False)
    assert [(run.name, run.status) for run in result] == [("broken", "failed"), ("fine", "finished")]
    assert "broken.npz" in result["broken"].reason
    assert not (tmp_path / "evaluation.txt").exists()
    result = evaluate(tmp_path, *data(width=5))
    assert "5 features" in result["fine"].reason


def test_a_folder_without_runs(tmp_path):
    (tmp_path / "other.json").write_text("[]")
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(fm.ModelFileError, match="holds no run of a sweep"):
            evaluate(path, *data())


def test_weights_of_rows_are_cut_with_their_rows():
    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    weights = np.where(np.arange(60) % 3 == 0, 5.0, 1.0)
    run = {"layers": [4], "epochs": 2, "seed": 3}
    (whole,) = fm.sweep([{**run, "sample_weight": weights}], x, y, validation_split=0.2, verbose=0)
    model = fm.mlp([4], classes=2, seed=3)
    history = model.fit(x, y, epochs=2, validation_split=0.2, sample_weight=weights, verbose=0)
    assert whole.metrics["loss"] == history["loss"][-1]
    assert whole.metrics["val_loss"] == history["val_loss"][-1] == whole.history["val_loss"][-1]
    (own,) = fm.sweep(
        [{**run, "sample_weight": weights[:48]}], x[:48], y[:48], validation_data=(x[48:], y[48:]), verbose=0
    )
    assert own.metrics["loss"] == whole.metrics["loss"]
    assert own.metrics["val_loss"] == model.evaluate(x[48:], y[48:])["loss"] != whole.metrics["val_loss"]


def test_weights_of_rows_are_one_setting_of_a_grid():
    weights = np.linspace(1, 2, 60)
    for given, count in ((weights, 1), (list(weights), 1), ([None, weights], 2), ([weights, weights + 1, weights], 3)):
        assert len(grid(layers=[[2]], sample_weight=given)) == count
    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    assert len(fm.sweep({"layers": [[2], [3]], "sample_weight": weights}, x, y, verbose=0)) == 2
    with pytest.raises(fm.ArgumentError, match=r"sample_weight must have the shape \(60,\)"):
        fm.sweep({"layers": [[2]], "sample_weight": 2.0}, x, y, verbose=0)


def test_a_metric_says_itself_whether_larger_is_better(tmp_path):
    worst = fm.metrics.Custom(lambda y, outputs: float(np.abs(outputs).max()), higher_is_better=False, name="worst")
    settings = {"layers": [[2], [3]], "metrics": [[worst]], "epochs": 1}
    result = swept(settings, folder=tmp_path)
    least = min(result, key=lambda run: run.metrics["val_worst"])
    assert result.best("val_worst").name == least.name == result.sorted("val_worst")[0].name
    loaded = swept(settings, folder=tmp_path)
    assert all(run.was_loaded for run in loaded)
    assert loaded.best("val_worst").name == least.name


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b", None] * 20, r"y must hold a label for each row, but y\[2\] is None"),
        ([object()] * 60, "y must hold numbers, not dtype object"),
    ],
)
def test_labels_that_are_none(y, message):
    with pytest.raises(fm.FastMLPError, match=message):
        fm.sweep({"layers": [[2]]}, np.zeros((60, 3)), y, verbose=0)


def test_columns_of_data_frames_are_known_by_content(tmp_path):
    class Column:
        def __init__(self, values):
            self.values = values

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self.values, dtype)

        def __repr__(self):
            return "0  1.0 ... 59  1.0"

    def run(weights):
        settings = {"name": "a", "layers": [4], "epochs": 1, "sample_weight": Column(weights)}
        return swept([settings], validation_split=0, folder=tmp_path)[0].was_loaded

    rows = len(data()[0])
    assert [run(np.ones(rows)), run(np.ones(rows)), run(np.arange(1.0, rows + 1))] == [False, True, False]


def first_metric(y, outputs):
    return 0.1


def second_metric(y, outputs):
    return 0.2


def test_own_metrics_tell_runs_apart(tmp_path):
    def run(metric):
        settings = {"name": "a", "layers": [4], "epochs": 1, "metrics": [metric]}
        return swept([settings], folder=tmp_path)[0].was_loaded

    named = fm.metrics.Custom(second_metric, higher_is_better=False)
    loaded = [run(metric) for metric in (first_metric, first_metric, second_metric, named, named)]
    assert loaded == [False, True, False, False, True]
    result = swept({"layers": [[4]], "epochs": 1, "metrics": [[first_metric], [second_metric]]})
    assert sorted(result.metrics)[:2] == ["first_metric", "loss"]


def test_labels_give_the_width_of_the_output():
    x, y = data()
    (run,) = fm.sweep([{"layers": [4], "classes": [10, 20, 30]}], x, np.array([10, 20, 30])[y], verbose=0)
    assert run.load().layers[-1].units == 3


def test_settings_that_no_run_can_use_are_refused_before_training(tmp_path):
    x, y = data()
    for settings, message in (
        ({"sample_weight": np.ones(3)}, "sample_weight must have the shape"),
        ({"sample_weight": -np.ones(len(x))}, "sample_weight must hold finite numbers"),
        ({"sample_weight": np.where(np.arange(len(x)) < 24, 1, 0), "epochs": 1}, "must not be 0 for all rows"),
        ({"validation_batches": 2}, "validation_batches needs validation_data"),
    ):
        with pytest.raises(fm.ArgumentError, match=message):
            fm.sweep(
                [{"layers": [4], **settings}], x, y, verbose=0, validation_split=0.2 if "epochs" in settings else 0.0
            )
    (tmp_path / "file").write_text("")
    with pytest.raises(fm.ArgumentError, match="is a file"):
        fm.sweep([{"layers": [4]}], x, y, folder=tmp_path / "file", verbose=0)
    with pytest.raises(fm.ArgumentTypeError, match=r"y holds texts, but validation_data\[1\] holds numbers"):
        fm.sweep([{"layers": [4]}], x, np.array(list("abc"))[y], validation_data=(x, y), verbose=0)


def test_class_numbers_may_be_objects():
    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    (as_objects,) = fm.sweep({"layers": [[2]]}, x, y.astype(object), verbose=0)
    (as_numbers,) = fm.sweep({"layers": [[2]]}, x, y, verbose=0)
    assert as_objects.metrics == as_numbers.metrics
