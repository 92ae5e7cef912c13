"""Models of a sweep on new data; weights of rows, labels and metrics of the user's own in sweeps."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.search.sweeps import evaluate, grid

from ..shared.models import clusters
from ..shared.sweeps import RUNS, WILD, swept


def test_all_models_of_a_folder_on_new_data(tmp_path):
    x, y = clusters(40, seed=1)
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
    result = evaluate(tmp_path, *clusters(), write=False)
    assert [(run.name, run.status) for run in result] == [("broken", "failed"), ("fine", "finished")]
    assert "broken.npz" in result["broken"].reason
    assert not (tmp_path / "evaluation.txt").exists()
    result = evaluate(tmp_path, *clusters(width=5))
    assert "5 features" in result["fine"].reason


def test_a_folder_without_runs(tmp_path):
    (tmp_path / "other.json").write_text("[]")
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(fm.ModelFileError, match="holds no run of a sweep"):
            evaluate(path, *clusters())


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

    rows = len(clusters()[0])
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
    x, y = clusters()
    (run,) = fm.sweep([{"layers": [4], "classes": [10, 20, 30]}], x, np.array([10, 20, 30])[y], verbose=0)
    assert run.load().layers[-1].units == 3


def test_settings_that_no_run_can_use_are_refused_before_training(tmp_path):
    x, y = clusters()
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
