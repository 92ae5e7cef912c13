"""The command line ``fastmlp sweep``."""

import json
import signal

import numpy as np
import pytest

from fastmlp.cli import main, trained

from ..shared.models import clusters


@pytest.fixture
def run(run, tmp_path):
    """Sweep over settings on the command line, with data in a file; returns the exit code, stdout and stderr."""
    x, y = clusters(60)
    np.savez("data.npz", x_train=x, y_train=y, x_test=x[:30], y_test=y[:30])

    def call(settings, *options):
        text = settings if isinstance(settings, str) else json.dumps(settings)
        (tmp_path / "settings.json").write_text(text)
        return run("sweep", "settings.json", "data.npz", *options)

    return call


COMMAND = {"layers": [[3], [4]], "learning_rate": [0.01, 0.1], "epochs": 2}


def test_a_sweep_on_the_command_line(run, tmp_path):
    code, out, err = run(COMMAND, "--output", "runs", "--workers", "2")
    assert (code, [line for line in err.splitlines() if "compiling" not in line]) == (0, [])
    lines = out.splitlines()
    assert [line[:6] for line in lines[:4]] == ["[1/4] ", "[2/4] ", "[3/4] ", "[4/4] "]
    assert lines[4].split() == ["name", "status", "epochs", "seconds", "val_loss", "val_accuracy", "loss", "accuracy"]
    best = lines[5].split()[0]
    assert lines[-3:-1] == ["saved in runs", f"best: {best}"]
    model, notes = trained.load(tmp_path / "runs" / f"{best}.npz")
    x, y = clusters(60)
    values = model.evaluate(x[:30], y[:30])
    assert lines[-1] == f"test accuracy {values['accuracy']:.4f}  loss {values['loss']:.4f}"
    assert (notes.features, notes.batch_size) == ("float32", 32)
    code, out, _ = run(COMMAND, "--output", "runs")
    assert out.splitlines()[0].endswith("loaded")
    assert out.splitlines()[-1] == lines[-1]
    assert "loaded" not in run(COMMAND, "--output", "runs", "--again", "--quiet")[1]


def test_a_list_of_runs_without_a_folder_or_validation(run):
    code, out, _ = run([{"layers": [3], "name": "one"}], "--quiet", "--validation-split", "0", "--metric", "loss")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["name", "status", "epochs", "seconds", "loss", "accuracy"]
    assert lines[1].split()[:2] == ["one", "finished"]
    assert lines[2] == "best: one"


@pytest.mark.parametrize(
    ("code", "settings", "options", "message"),
    [
        (1, "{", [], "settings.json is not JSON"),
        (1, "3", [], "must hold a list of runs, or an object of lists, not 3"),
        (1, [{"layers": [3], "epoch": 1}], [], "no setting 'epoch'"),
        (1, COMMAND, ["--metric", "beauty"], "one that the runs have (val_loss, val_accuracy, loss, accuracy)"),
        (1, [{"layers": [3], "max_time": "long"}], [], "no run finished: the table says why"),
        (2, COMMAND, ["--again"], "--again goes with --output"),
        (2, COMMAND, ["--validation-split", "1"], "less than 1"),
        (1, COMMAND, ["--output", "settings.json"], "settings.json is a file"),
    ],
)
def test_mistakes_on_the_command_line(run, code, settings, options, message):
    came, _, err = run(settings, *options)
    assert came == code
    assert message in err
    assert "Traceback" not in err


def test_a_misspelt_metric_loses_no_result(run):
    assert run(COMMAND, "--metric", "beauty", "--quiet")[1].splitlines()[0].startswith("name")


@pytest.mark.usefixtures("default_interrupt")
def test_ctrl_c_on_the_command_line(run, monkeypatch):
    monkeypatch.setattr("builtins.print", interrupting(print))
    code, out, err = run([{"layers": [3], "name": name} for name in "ab"], "--output", "runs", "--workers", "1")
    assert code == 1
    assert "interrupted; the same command continues it" in err
    assert "not started" in out


def interrupting(show):
    def call(text, **options):
        if str(text).startswith("[1/2]"):
            signal.raise_signal(signal.SIGINT)
        show(text, **options)

    return call


def test_the_help(capsys):
    assert main(["sweep", "--help"]) == 0
    assert "usage: fastmlp sweep SETTINGS [DATA]" in capsys.readouterr().out


def test_settings_that_are_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "none.json", "digits"]) == 1
    assert "none.json: no such file; check the path" in capsys.readouterr().err
    (tmp_path / "latin.json").write_bytes(b'{"name": "\xe4"}')
    assert main(["sweep", "latin.json", "digits"]) == 1
    assert "expected UTF-8 text" in (message := capsys.readouterr().err)
    assert "CSV" not in message


def test_models_know_the_columns_of_a_file(tmp_path, monkeypatch, capsys):
    x, y = clusters(60)
    rows = [",".join(map(str, row)) for row in np.column_stack([x, y]).tolist()]
    names = [f"x{i}" for i in range(x.shape[1])]
    (tmp_path / "data.csv").write_text("\n".join([",".join([*names, "label"]), *rows]))
    (tmp_path / "settings.json").write_text(json.dumps([{"layers": [4], "name": "one", "epochs": 5}]))
    assert main(["sweep", "settings.json", "data.csv", "--output", "runs", "--quiet"]) == 0
    assert trained.load(tmp_path / "runs" / "one.npz")[0].feature_names == tuple(names)
    found = []
    for order in (range(len(names)), range(len(names))[::-1]):
        lines = [[names[i] for i in order], *([str(row[i]) for i in order] for row in x.tolist())]
        (tmp_path / "new.csv").write_text("\n".join(map(",".join, lines)))
        assert main(["predict", "runs/one.npz", "new.csv", "--output", "out.csv"]) == 0
        found.append((tmp_path / "out.csv").read_text())
    assert found[0] == found[1]
    capsys.readouterr()
