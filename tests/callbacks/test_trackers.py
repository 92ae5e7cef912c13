"""Trackers: what they are sent, and that training goes on without them. Packages are tested where they are there."""

import json
import struct
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, DivergenceError, MissingExtraError
from fastmlp.callbacks import trackers

from ..shared import short_fits
from ..shared.processes import started
from ..shared.short_fits import network


def fit(model=None, **settings):
    return short_fits.fit(model, **{"validation_split": 0.001, **settings})


class Fake(trackers.Tracker):
    """Keeps what it is sent, and fails where it is told to."""

    def __init__(self, *fails, **settings):
        super().__init__(**settings)
        self.fails, self.events = fails, []

    def log_settings(self, settings):
        self._note("log_settings", settings)

    def log(self, step, values):
        self._note("log", step, values)

    def finish(self, reason):
        self._note("finish", reason)

    def _note(self, method, *arguments):
        self.events.append((method, *arguments))
        if method in self.fails:
            raise ConnectionError("no network")

    @property
    def steps(self):
        return [event[1] for event in self.events if event[0] == "log"]


# ---------------------------------------------------------------- the protocol


def test_a_tracker_is_sent_settings_epochs_and_the_end():
    tracker = Fake()
    history = fit(callbacks=[tracker])
    assert [event[0] for event in tracker.events] == ["log_settings", "log", "log", "log", "finish"]
    assert tracker.steps == [0, 1, 2]
    assert [values["loss"] for _, _, values in tracker.events[1:4]] == history["loss"]
    assert {"val_accuracy", "learning_rate"} <= tracker.events[1][2].keys()
    assert tracker.events[-1] == ("finish", "finished")


def test_settings_describe_the_run_and_are_ready_for_json():
    tracker = Fake()
    fit(callbacks=[tracker])
    settings = json.loads(json.dumps(tracker.events[0][1]))
    assert settings["optimizer"] == {"type": "Adam", **fm.Adam(learning_rate=0.01).config()}
    assert [layer["units"] for layer in settings["layers"]] == [4, 3]
    expected = {"parameters": 3 * 4 + 4 + 4 * 3 + 3, "features": 3, "rows": 22, "validation_rows": 1, "seed": 0}
    assert expected.items() <= settings.items()
    assert {"epochs": 3, "batch_size": 4, "dtype": "float32", "metrics": ["accuracy"]}.items() <= settings.items()


@pytest.mark.parametrize(
    ("every", "steps"),
    [(1, list(range(1, 13))), (4, [4, 6, 10, 12]), (3, [3, 6, 9, 12]), (100, [6, 12])],
)
def test_steps_by_batch(every, steps):
    tracker = Fake(every=every)
    fit(epochs=2, callbacks=[tracker])
    assert tracker.steps == steps


def test_steps_go_on_with_a_run():
    model, tracker = network(), Fake(every=4)
    fit(model, max_time=1e-9, callbacks=[tracker])
    fit(model, epochs=2, resume=True, callbacks=[tracker])
    assert tracker.steps == [1, 4, 6, 10, 12]


def test_a_tracker_hears_of_divergence():
    model, tracker = network(), Fake()
    model.compile(fm.SGD(learning_rate=1e30))
    with pytest.raises(DivergenceError):
        fit(model, epochs=9, callbacks=[tracker])
    assert tracker.events[-1] == ("finish", "diverged")


@pytest.mark.parametrize("method", ["log_settings", "log", "finish"])
def test_a_tracker_that_fails_is_switched_off_with_one_warning(method):
    plain, model = network(), network()
    fit(plain)
    broken, other = Fake(method), Fake()
    with pytest.warns(
        RuntimeWarning, match=rf"^Fake is switched off, because its {method} failed: .*no network"
    ) as seen:
        assert fit(model, callbacks=[broken, other]).stopped == "finished"
    assert len(seen) == 1
    assert [event[0] for event in broken.events].count(method) == (2 if method == "finish" else 1)
    assert broken.events[-1][0] == "finish"  # what it opened is closed
    assert other.events[-1] == ("finish", "finished")
    assert [w.tobytes() for w in model.get_weights()] == [w.tobytes() for w in plain.get_weights()]


def test_a_tracker_that_was_switched_off_is_tried_again_in_the_next_run():
    tracker = Fake("log_settings")
    with pytest.warns(RuntimeWarning):
        fit(callbacks=[tracker])
    tracker.fails = ()
    fit(callbacks=[tracker])
    assert tracker.steps == [0, 1, 2]


def test_ctrl_c_in_a_tracker_is_not_swallowed():
    tracker = Fake()
    tracker.log = lambda step, values: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(callbacks=[tracker])
    assert tracker.events[-1] == ("finish", "interrupted")


@pytest.mark.parametrize("every", ["batch", 0, -1, 1.5, None])
def test_a_wrong_frequency_is_refused(every):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="every"):
        trackers.Tracker(every=every)


@pytest.mark.parametrize(
    ("package", "extra", "make"),
    [
        ("wandb", "wandb", lambda: trackers.WandbTracker()),
        ("mlflow", "mlflow", lambda: trackers.MLflowTracker()),
        ("tensorboardX", "tensorboard", lambda: trackers.TensorBoardTracker("x")),
    ],
)
def test_a_missing_package_is_named_with_its_extra(monkeypatch, package, extra, make):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package} is not installed: pip install 'fastmlp\[{extra}\]'"):
        make()


def test_arguments_that_contradict_each_other_are_refused(monkeypatch):
    with pytest.raises(ArgumentError, match="run"):
        trackers.WandbTracker(object(), project="p")
    with pytest.raises(ArgumentError, match="run_id"):
        trackers.MLflowTracker(run_id="1", name="n")
    with pytest.raises(ArgumentTypeError, match="logdir"):
        trackers.TensorBoardTracker(5)


# ---------------------------------------------------------------- each with a stand-in for its package


class Calls:
    """Notes what is called on it, by name."""

    def __init__(self, **answers):
        self.seen, self.answers = [], answers

    def __getattr__(self, name):
        def call(*arguments, **named):
            self.seen.append((name, *arguments, *named.items()))
            return self.answers.get(name)

        return call

    def named(self, name):
        return [call[1:] for call in self.seen if call[0] == name]


def wandb_run():
    run = Calls()
    run.config, run.summary = Calls(), {}
    return run


@pytest.mark.parametrize(("rate", "code"), [(0.01, 0), (1e30, 1)])
def test_wandb_begins_and_ends_a_run_of_its_own(monkeypatch, rate, code):
    run = wandb_run()
    wandb = Calls(init=run)
    wandb.run = None
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    model = network()
    model.compile(fm.SGD(learning_rate=rate))
    tracker = trackers.WandbTracker(project="p", name="n")
    if code:
        with pytest.raises(DivergenceError):
            fit(model, epochs=9, callbacks=[tracker])
    else:
        fit(model, callbacks=[tracker])
        assert [named for _, named in run.named("log")] == [("step", 0), ("step", 1), ("step", 2)]
    begun = dict(wandb.named("init")[0])
    assert (begun["project"], begun["name"], begun["config"]["rows"]) == ("p", "n", 22)
    assert run.named("finish") == [(("exit_code", code),)]
    assert run.summary == {"stopped": model.history.stopped}
    assert tracker.run is run


@pytest.mark.parametrize("way", ["given", "active"])
def test_wandb_leaves_a_run_of_the_users_open(monkeypatch, way):
    run = wandb_run()
    wandb = Calls()
    wandb.run = run
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    fit(callbacks=[trackers.WandbTracker(run if way == "given" else None)])
    assert run.named("finish") == []
    assert len(run.named("log")) == 3
    assert run.config.named("update")[0][0]["rows"] == 22


@pytest.fixture
def mlflow(monkeypatch):
    found = SimpleNamespace(info=SimpleNamespace(run_id="r1"), data=SimpleNamespace(params={"epochs": "1"}))
    client = Calls(create_run=found, get_run=found, create_experiment="e1")
    entities = SimpleNamespace(Param=lambda *a: a, Metric=lambda key, value, time, step: (key, value, step))
    package = SimpleNamespace(MlflowClient=lambda uri: client, entities=entities, active_run=lambda: None)
    package.client = client
    monkeypatch.setitem(sys.modules, "mlflow", package)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    return package


def logged(client, kind):
    return [item for call in client.named("log_batch") for name, items in call[1:] if name == kind for item in items]


def test_mlflow_begins_and_ends_a_run_of_its_own(mlflow):
    tracker = trackers.MLflowTracker("sqlite:///x.db", experiment="e", name="n")
    history = fit(callbacks=[tracker])
    client = mlflow.client
    assert client.named("create_experiment") == [("e",)]
    assert client.named("create_run") == [("e1", ("run_name", "n"))]
    params = dict(logged(client, "params"))
    assert params["layers.0.units"] == "4"
    assert params["optimizer.learning_rate"] == "0.01"
    assert "epochs" not in params  # MLflow refuses to change what is there
    losses = [(value, step) for key, value, step in logged(client, "metrics") if key == "loss"]
    assert losses == list(zip(history["loss"], [0, 1, 2], strict=True))
    assert client.named("set_terminated") == [("r1", "FINISHED")]
    assert tracker.run_id == "r1"


def test_mlflow_logs_to_the_default_experiment(mlflow, monkeypatch):
    fit(callbacks=[trackers.MLflowTracker()])
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "named")
    fit(callbacks=[trackers.MLflowTracker()])
    assert mlflow.client.named("get_experiment_by_name") == [("Default",), ("named",)]


def test_mlflow_leaves_a_run_of_the_users_open(mlflow):
    fit(callbacks=[trackers.MLflowTracker(run_id="given")])
    assert mlflow.client.named("set_tag") == [("given", "stopped", "finished")]
    mlflow.active_run = lambda: SimpleNamespace(info=SimpleNamespace(run_id="active"))
    fit(callbacks=[trackers.MLflowTracker()])
    assert mlflow.client.named("set_tag")[1:] == [("active", "stopped", "finished")]
    assert mlflow.client.named("set_terminated") == mlflow.client.named("create_run") == []
    fit(callbacks=[trackers.MLflowTracker(name="another")])
    assert len(mlflow.client.named("create_run")) == 1


@pytest.mark.parametrize(
    ("reason", "status"), [("failed", "FAILED"), ("interrupted", "KILLED"), ("max_time", "FINISHED")]
)
def test_mlflow_is_told_how_a_run_ended(mlflow, reason, status):
    tracker = trackers.MLflowTracker()
    fit(epochs=0, callbacks=[tracker])
    tracker.finish(reason)
    assert mlflow.client.named("set_terminated")[-1] == ("r1", status)


def test_tensorboard_is_written_to_and_closed(monkeypatch, tmp_path):
    writer = Calls()
    package = Calls(SummaryWriter=writer)
    monkeypatch.setitem(sys.modules, "tensorboardX", package)
    history = fit(callbacks=[trackers.TensorBoardTracker(tmp_path)])
    assert package.named("SummaryWriter") == [(str(tmp_path),)]
    losses = [(value, step) for name, value, step in writer.named("add_scalar") if name == "loss"]
    assert losses == list(zip(history["loss"], [0, 1, 2], strict=True))
    (_, settings), stopped = writer.named("add_text")
    assert '    "rows": 22,' in settings
    assert stopped == ("stopped", "finished")
    assert writer.seen[-1] == ("close",)
    assert len(writer.named("flush")) == 3


# ---------------------------------------------------------------- each with its package


WANDB = """
import json
import fastmlp as fm

x, y = [[0.0], [1.0]], [0, 1]
tracker = fm.trackers.WandbTracker(project="p", name="n")
history = fm.mlp([4], classes=2, seed=0).fit(x, y, epochs=3, verbose=0, callbacks=[tracker])
print(json.dumps(history["loss"]))
"""


def records_of(path):
    """The records of a file that wandb's offline mode wrote: blocks of 32 KiB with parts of records (as in LevelDB)."""
    from wandb.proto import wandb_internal_pb2

    content, place, record = path.read_bytes(), 7, b""
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:  # too short for a header: filled up
            place += 32768 - place % 32768
            continue
        _, length, part = struct.unpack_from("<IHB", content, place)
        record += content[place + 7 : place + 7 + length]
        place += 7 + length
        if part in (1, 4):  # whole, or the last part
            parsed = wandb_internal_pb2.Record()
            parsed.ParseFromString(record)
            kind = parsed.WhichOneof("record_type")
            yield kind, getattr(parsed, kind)
            record = b""


def test_wandb_offline(tmp_path):
    """In a process of its own, because wandb changes much of the one that it is in."""
    pytest.importorskip("wandb")
    variables = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": str(tmp_path)}
    with started("-c", WANDB, folder=tmp_path, **variables) as process:
        output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "switched off" not in errors
    (path,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    records = list(records_of(path))
    (run,) = [record for kind, record in records if kind == "run"]
    assert (run.project, run.display_name) == ("p", "n")
    assert {item.key: item.value_json for item in run.config.update}["rows"] == "2"
    lines = [record for kind, record in records if kind == "history"]
    values = [
        {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in line.item} for line in lines
    ]
    assert [line["_step"] for line in values] == [0, 1, 2]
    assert [line["loss"] for line in values] == json.loads(output)
    summary = {item.key: item.value_json for kind, record in records if kind == "summary" for item in record.update}
    assert summary["stopped"] == '"finished"'
    assert [record.exit_code for kind, record in records if kind == "exit"] == [0]


@pytest.mark.filterwarnings("ignore")  # of its own packages
def test_mlflow_in_a_database_file(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    tracker = trackers.MLflowTracker(uri, experiment="digits", name="first")
    history = fit(callbacks=[tracker])
    client = mlflow.MlflowClient(uri)
    run = client.get_run(tracker.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "first"
    assert run.data.params["layers.0.units"] == "4"
    losses = client.get_metric_history(tracker.run_id, "loss")
    assert [(point.step, point.value) for point in losses] == list(enumerate(history["loss"]))
    assert client.get_experiment_by_name("digits").experiment_id == run.info.experiment_id


def test_tensorboard_event_files(tmp_path):
    pytest.importorskip("tensorboardX")
    history = fit(callbacks=[trackers.TensorBoardTracker(tmp_path)])
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 1
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.step for event in events.Scalars("val_loss")] == [0, 1, 2]
    np.testing.assert_allclose([event.value for event in events.Scalars("loss")], history["loss"], rtol=1e-6)
