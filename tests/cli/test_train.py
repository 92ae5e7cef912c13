"""``fastmlp train``: results, messages, files and exit codes."""

import os
import signal
import sys

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.callbacks import ProgressLine

from ..shared.command_line import TINY, clusters, lines_of, write_csv


def file_of(path, content):
    path.write_bytes(content)
    return path


# ---------------------------------------------------------------- train


def test_train_reports_and_writes(succeed, data):
    out = succeed("train", data, *TINY, "--output", "model.npz", "--history", "history.csv")
    lines = out.splitlines()
    assert lines[0] == "data: data.npz, 60 training and 30 test rows of 12 features (float32), 3 classes"
    assert "parameters: 83 (0.00 MB in float32)" in out
    assert [line.split("  ")[0] for line in lines if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert lines[-2] == "saved model.npz"
    assert lines[-1].startswith("total ")
    x, y = clusters()
    values = fm.load("model.npz").evaluate(x[:30], y[:30])
    assert lines[-3] == f"test accuracy {values['accuracy']:.4f}  loss {values['loss']:.4f}"
    history = lines_of("history.csv")
    assert history[0].startswith("epoch,loss,accuracy")
    assert len(history) == 3


def test_train_learns(succeed, data):
    succeed("train", data, "--layers", "8", "--epochs", "20", "--batch-size", "8", "--learning-rate", "0.02",
            "--output", "model.npz")  # fmt: skip
    assert float(succeed("evaluate", "model.npz", data).split()[2]) > 0.9


def test_quiet_prints_the_result_alone(succeed, data):
    out = succeed("train", data, *TINY, "--quiet")
    assert out.startswith("test accuracy ")
    assert out.count("\n") == 1


def test_options_reach_the_model(succeed, data):
    succeed("train", data, "--layers", "5,4", "--activation", "linear", "--dtype", "float64", "--optimizer", "sgd",
            "--learning-rate", "0.5", "--epochs", "1", "--seed", "7", "--threads", "1", "--output=m.npz")  # fmt: skip
    model = fm.load("m.npz")
    assert [(layer.units, layer.activation) for layer in model.layers] == [(5, "linear"), (4, "linear"), (3, "softmax")]
    assert (str(model.dtype), model.optimizer, model.seed) == ("float64", fm.SGD(learning_rate=0.5), 7)


def test_no_hidden_layers_and_no_epochs(succeed, data):
    succeed("train", data, "--layers", "", "--epochs", "0", "--output", "m.npz")
    assert len(fm.load("m.npz").layers) == 1


def test_same_command_gives_the_same_model(succeed, data):
    for name in ("a.npz", "b.npz"):
        succeed("train", data, *TINY, "--validation-split", "0.2", "--output", name)
    succeed("train", data, *TINY, "--validation-split", "0.2", "--seed", "1", "--output", "c.npz")
    a, b, c = (fm.load(name).get_weights()[0] for name in ("a.npz", "b.npz", "c.npz"))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_validation_rows_are_drawn_from_each_class(succeed, monkeypatch):
    x, y = np.repeat(np.arange(60, dtype=np.float32), 2).reshape(60, 2), np.sort(np.arange(60) % 3)
    np.savez("sorted.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    seen = {}

    def fit(self, x, y, validation_data, **_):
        seen.update(train=y, validation=validation_data[1])
        self.history = fm.History()
        return self.history

    monkeypatch.setattr(fm.Sequential, "fit", fit)
    succeed("train", "sorted.npz", "--validation-split", "0.2")
    assert np.bincount(seen["train"]).tolist() == [16, 16, 16]
    assert np.bincount(seen["validation"]).tolist() == [4, 4, 4]


def test_loss_activations_and_rows(succeed, fail, data):
    out = succeed("train", data, "--layers", "5,4", "--activation", "sigmoid,tanh", "--loss", "mean_squared_error",
                  "--rows", "20", "--epochs", "1", "--output", "model.npz")  # fmt: skip
    assert " 20 training and " in out
    model = fm.load("model.npz")
    assert [layer.activation for layer in model.layers] == ["sigmoid", "tanh", "softmax"]
    assert type(model.loss) is fm.losses.MeanSquaredError
    assert "one for each of the 1 hidden layers" in fail(1, "train", data, "--layers", "5", "--activation", "relu,tanh")
    assert "--activation: it must be one of" in fail(2, "train", data, "--activation", "relu,tan")


def test_max_time(succeed, data):
    out = succeed("train", data, "--layers", "5", "--epochs", "1000000", "--max-time", "0.05", "--quiet")
    assert out.startswith("test accuracy")


@pytest.mark.needs_jit
def test_digits_are_the_default(succeed):
    out = succeed("train", "--layers", "", "--epochs", "1", "--output", "model.npz")
    assert "data: digits, 60,000 training and 10,000 test rows of 784 features (uint8), 10 classes" in out
    result = next(line for line in out.splitlines() if line.startswith("test "))
    assert succeed("evaluate", "model.npz") == f"{result}  (10,000 rows)\n"
    assert succeed("evaluate", "model.npz", "digits", "--seed", "1") != f"{result}  (10,000 rows)\n"


def test_csv_file_is_split(succeed, pixels):
    for options, dtype in ([], "float64"), (["--features", "uint8"], "uint8"):
        out = succeed("train", pixels, *TINY, *options)
        assert f"50 training and 10 test rows of 12 features ({dtype}), 3 classes" in out


def test_words_as_labels(succeed, flowers):
    out = succeed("train", flowers, "--label", "kind", *TINY, "--output", "model.npz")
    assert "classes: 0 = iris, 1 = rose, 2 = tulip" in out
    assert fm.load("model.npz").classes.tolist() == ["iris", "rose", "tulip"]  # the notes do not disturb it


def test_label_by_number(succeed, flowers):
    assert "3 classes" in succeed("train", flowers, "--label", "-1", *TINY)


def interrupt(self, epoch, logs):
    signal.raise_signal(signal.SIGINT)


def test_interruption_saves_the_model(run, data, monkeypatch):
    monkeypatch.setattr(ProgressLine, "on_epoch_end", interrupt)
    code, out, err = run("train", data, *TINY, "--output", "model.npz", "--history", "history.csv")
    assert code == 1
    assert err.splitlines()[-1] == "fastmlp: error: interrupted; continue with --resume model.npz"
    assert "test accuracy" in out
    assert "saved model.npz" in out
    assert len(lines_of("history.csv")) == 2
    assert fm.load("model.npz").history.stopped == "interrupted"


def test_resume_gives_the_same_bits(run, succeed, flowers, monkeypatch):
    options = ["--label", "kind", "--epochs", "2", "--seed", "3", "--layers", "5", "--batch-size", "7"]
    split = ["--validation-split", "0.3"]
    succeed("train", flowers, *options, *split, "--output", "whole.npz")
    with monkeypatch.context() as patch:
        patch.setattr(ProgressLine, "on_epoch_end", interrupt)
        assert run("train", flowers, *options, *split, "--output", "part.npz")[0] == 1
    succeed("train", flowers, "--label", "kind", "--resume", "part.npz", "--epochs", "2", "--output", "part.npz")
    whole, part = fm.load("whole.npz"), fm.load("part.npz")
    for a, b in zip(whole.get_weights(), part.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert whole.history["val_loss"] == part.history["val_loss"]


def test_divergence_saves_the_last_good_model(run, data):
    code, out, err = run(
        "train", data, "--optimizer", "sgd", "--learning-rate", "1e30", "--output", "model.npz", "--epochs", "9"
    )
    assert code == 1
    assert "fastmlp: error: the loss became NaN or infinite" in err
    assert "test accuracy" in out
    assert all(np.isfinite(weights).all() for weights in fm.load("model.npz").get_weights())


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--layers", "12,x"], "--layers: must be widths with commas between them, such as 128,64, not '12,x'"),
        (["--layers", "5,,5"], "--layers"),
        (["--layers", "0"], "must be at least 1"),
        (["--layers", "99999999999"], "less than 1000001"),
        (["--activation", "relo"], "--activation: it must be one of 'elu', 'gelu'"),
        (["--epochs", "-1"], "--epochs: must be at least 0, not -1"),
        (["--epochs", "2.5"], "--epochs: must be a whole number, not '2.5'"),
        (["--batch-size", "0"], "--batch-size: must be at least 1"),
        (["--optimizer", "adman"], "--optimizer: optimizer must be one of 'ada"),
        (["--learning-rate", "0"], "--learning-rate: it must be a finite number greater than 0"),
        (["--learning-rate", "nan"], "--learning-rate"),
        (["--learning-rate", "fast"], "--learning-rate"),
        (["--validation-split", "1.5"], "--validation-split: it must be a finite number at least 0 and less than 1"),
        (["--validation-split", "-0.1"], "--validation-split"),
        (["--seed", "-3"], "--seed"),
        (["--seed", str(2**63)], "--seed"),
        (["--threads", "0"], "--threads"),
        (["--max-time", "0"], "--max-time"),
        (["--dtype", "float16"], "invalid choice: 'float16'"),
        (["--label", "kind"], "--label is for CSV files, and data.npz is not one"),
        (["--output", "model.pkl"], "--output: must end in .npz, not 'model.pkl': model.npz"),
        (["--output", "model"], "--output: must end in .npz, not 'model': model.npz"),
        (["--history", "h.json"], "--history: must end in .csv, not 'h.json': h.csv"),
        (["--output", "data.npz"], "--output and DATA are the same file"),
        (["--epoch", "3"], "unrecognized arguments"),
        (["more"], "unrecognized arguments: more"),
    ],
)
def test_wrong_usage_of_train(fail, data, options, shown):
    err = fail(2, "train", data, *options)
    assert shown in err
    assert "fastmlp" in err.splitlines()[-1]


@pytest.mark.parametrize(("option", "ending"), [("--output", ".npz"), ("--history", ".csv")])
def test_files_are_checked_before_training(fail, data, tmp_path, option, ending):
    (tmp_path / f"folder{ending}").mkdir()
    message = f"folder{ending}: is a folder; give the name of a file"
    assert message in fail(1, "train", data, option, f"folder{ending}")
    assert "there is no folder missing" in fail(1, "train", data, option, f"missing/file{ending}")
    assert "there is no folder data.npz" in fail(1, "train", data, option, f"data.npz/file{ending}")
    if os.path.exists(os.devnull) and not os.path.isfile(os.devnull):
        (tmp_path / f"null{ending}").symlink_to(os.devnull)
        assert "is not an ordinary file" in fail(1, "train", data, option, f"null{ending}")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_protected_files_are_refused(fail, data, tmp_path):
    (tmp_path / "old.npz").touch(mode=0o400)
    assert "write-protected" in fail(1, "train", data, "--output", "old.npz")
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "closed" in fail(1, "train", data, "--output", "closed/model.npz")


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="the memory's size is not known")
def test_a_model_larger_than_memory(fail, data):
    err = fail(1, "train", data, "--layers", "1000000,1000000")
    assert "1,000,017,000,003 parameters, which take 16,000.3 GB in training" in err


def test_data_that_cannot_be_used(fail, tmp_path, flowers):
    assert "found nothing of that name" in fail(1, "train", "mnits")
    assert "expected IDX files" in fail(1, "train", tmp_path)
    assert "--label NAME" in fail(1, "train", flowers)
    assert "label must name a column, got 'sort'" in fail(1, "train", flowers, "--label", "sort")
    assert "label must be a column" in fail(1, "train", flowers, "--label", "99")
    assert "--label is for CSV files, and digits is not one" in fail(2, "train", "digits", "--label", "kind")
    x, y = clusters(6)
    assert "say which one does with --label" in fail(1, "train", write_csv(tmp_path / "bare.csv", x))
    assert "all labels are the same" in fail(1, "train", write_csv(tmp_path / "same.csv", x, 0 * y))
    assert "one IDX file" in fail(1, "train", file_of(tmp_path / "idx", b"\0\0\x08\x01\0\0\0\x01\x05"))
    assert "NPZ" in fail(1, "train", file_of(tmp_path / "bad.npz", b"nonsense"))
    assert "empty file" in fail(1, "train", file_of(tmp_path / "empty.csv", b""))
    assert "line 2" in fail(1, "train", file_of(tmp_path / "gap.csv", b"label,a,b\n1,2\n"))


def test_named_data_that_is_not_there(fail, tmp_path, monkeypatch):
    monkeypatch.delenv("FASTMLP_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform.startswith("linux"):
        assert "Download it with `fastmlp download mnist`" in fail(1, "train", "mnist")


# ---------------------------------------------------------------- resume


def test_resume_refuses_what_would_differ(fail, succeed, data, flowers):
    succeed("train", data, *TINY, "--output", "model.npz")
    resume = ["train", data, "--resume", "model.npz"]
    assert "has been trained for 2, which count; give more than 2" in fail(2, *resume, "--epochs", "2")
    assert "--layers, --seed: with --resume" in fail(2, *resume, "--layers", "5", "--seed", "1")
    assert "--validation-split 0.5" in fail(2, *resume, "--validation-split", "0.5")
    assert "trained on labels that are numbers" in fail(1, "train", flowers, "--label", "kind", "--resume", "model.npz")
    assert "there is no such model file" in fail(1, "train", data, "--resume", "none.npz")


def test_resume_of_other_models(fail, succeed, data):
    model = fm.mlp([4], classes=3)
    model.build(12)
    model.save("new.npz")
    assert "has not been trained" in fail(2, "train", data, "--resume", "new.npz")
    model.fit(*clusters(), epochs=1, verbose=0)
    model.save("old.npz")
    assert "epoch 2/2" in succeed("train", data, "--resume", "old.npz", "--epochs", "2")
