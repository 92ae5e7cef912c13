"""The command line: results, messages and exit codes. Every mistake is one line on stderr, never a traceback."""

import json
import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._compiling import cache as _cache
from fastmlp._compiling import jit, threads
from fastmlp.callbacks import ProgressLine
from fastmlp.cli import cache, main, parser
from fastmlp.datasets.catalog import DOWNLOADABLE

TINY = ["--layers", "5", "--epochs", "2", "--batch-size", "20"]
WORDS = np.array(["iris", "rose", "tulip"])


def clusters(rows=60, width=12, seed=0):
    """Three classes that are easy to tell apart."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 3
    return (rng.normal(size=(rows, width)) + 3 * np.eye(3, width)[y]).astype(np.float32), y


def write_csv(path, x, y=None, name="label", words=False):
    header = [f"x{i}" for i in range(x.shape[1])] + ([] if y is None else [name])
    labels = [[]] * len(x) if y is None else [[str(WORDS[k] if words else k)] for k in y]
    rows = [[str(value) for value in row] + label for row, label in zip(x, labels, strict=True)]
    path.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n")
    return str(path)


def file_of(path, content):
    path.write_bytes(content)
    return path


def lines_of(path):
    with open(path) as file:
        return file.read().splitlines()


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data():
    """An NPZ data set of ordinary numbers."""
    x, y = clusters()
    np.savez("data.npz", x_train=x, y_train=y, x_test=x[:30], y_test=y[:30])
    return "data.npz"


@pytest.fixture
def pixels(tmp_path):
    """A CSV data set of whole numbers of 0 to 255."""
    x, y = clusters()
    return write_csv(tmp_path / "pixels.csv", np.clip(x * 20 + 100, 0, 255).astype(np.uint8), y)


@pytest.fixture
def flowers(tmp_path):
    """A CSV data set whose labels are words, in a column that must be named."""
    return write_csv(tmp_path / "flowers.csv", *clusters(), name="kind", words=True)


@pytest.fixture
def run(capsys):
    """Run a command line; returns its exit code, stdout and stderr."""

    def call(*argv):
        code = main([str(argument) for argument in argv])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


@pytest.fixture
def succeed(run):
    """Run a command line that must succeed without a word on stderr, but for the compiler's; returns stdout."""

    def call(*argv):
        code, out, err = run(*argv)
        assert code == 0, err
        assert [line for line in err.splitlines() if "compiling kernels" not in line] == []
        return out

    return call


@pytest.fixture
def fail(run):
    """Run a command line that must fail with an exit code; returns stderr."""

    def call(code, *argv):
        came, _, err = run(*argv)
        assert came == code, err
        assert "error: " in err
        return err

    return call


# ---------------------------------------------------------------- the whole


def test_version_of_the_module_and_of_the_program():
    root = os.path.dirname(os.path.dirname(fm.__file__))
    environment = {**os.environ, "PYTHONPATH": root}
    command = [sys.executable, "-W", "error", "-m", "fastmlp", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert (done.stdout, done.stderr) == (f"fastmlp {fm.__version__}\n", "")


def test_help_loads_neither_numba_nor_data_sets():
    code = (
        "import sys; from fastmlp.cli import main; main(['train', '--help']); "
        "sys.exit(bool({'numba', 'llvmlite', 'fastmlp.datasets'} & set(sys.modules)))"
    )
    root = os.path.dirname(os.path.dirname(fm.__file__))
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, check=True, capture_output=True
    )


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "info", "cache", "download", "benchmark"])
def test_help_of_every_command(succeed, command):
    assert f"usage: fastmlp {command}" in succeed(command, "--help")


def test_no_command_is_wrong_usage(fail):
    assert "COMMAND" in fail(2)


def test_unknown_command(fail):
    assert "invalid choice: 'trian'" in fail(2, "trian")


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="pipes break otherwise here")
def test_broken_pipe_is_silent():
    root = os.path.dirname(os.path.dirname(fm.__file__))
    command = [sys.executable, "-m", "fastmlp", "info"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    )
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() == 1


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (MemoryError("40 GB"), "not enough memory (40 GB)"),
        (PermissionError(13, "Permission denied", "model.npz"), "model.npz: Permission denied"),
        (OSError("odd"), "odd"),
        (fm.ArgumentError("no"), "no"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "no"), "the output cannot show 'é'; set PYTHONIOENCODING=utf-8"),
    ],
)
def test_errors_are_one_line(fail, monkeypatch, error, shown):
    def broken(args):
        raise error

    monkeypatch.setattr("fastmlp.cli.info.run", broken)
    assert fail(1, "info") == f"fastmlp: error: {shown}\n"


def test_a_bug_is_not_hidden(run, monkeypatch):
    def broken(args):
        raise IndexError

    monkeypatch.setattr("fastmlp.cli.info.run", broken)
    with pytest.raises(IndexError):
        run("info")


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
    assert err.splitlines()[-1] == "fastmlp: error: interrupted; go on with --resume model.npz"
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
        (["--optimizer", "adman"], "--optimizer: optimizer must be one of 'adagrad', 'adam'"),
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


# ---------------------------------------------------------------- evaluate


@pytest.fixture
def flower_model(succeed, flowers):
    succeed("train", flowers, "--label", "kind", "--layers", "8", "--epochs", "20", "--batch-size", "8",
            "--learning-rate", "0.02", "--output", "flowers.npz")  # fmt: skip
    return "flowers.npz"


def test_evaluate_a_whole_csv_file(succeed, flower_model, flowers):
    out = succeed("evaluate", flower_model, flowers, "--label", "kind", "--threads", "1")
    assert out.endswith("(60 rows)\n")


def test_words_mean_what_they_meant_in_training(succeed, flower_model, tmp_path):
    x, y = clusters(60, seed=1)
    some = y > 0  # by themselves, rose and tulip would be numbered 0 and 1
    path = write_csv(tmp_path / "some.csv", x[some], y[some], words=True)
    assert float(succeed("evaluate", flower_model, path).split()[2]) > 0.8


def test_unknown_words(fail, flower_model, tmp_path):
    path = write_csv(tmp_path / "other.csv", *clusters(6))
    assert "trained on labels that are words, but these are numbers" in fail(1, "evaluate", flower_model, path)
    (tmp_path / "weed.csv").write_text("label," + ",".join(f"x{i}" for i in range(12)) + "\nweed" + ",1.5" * 12 + "\n")
    assert "does not know the label 'weed'" in fail(1, "evaluate", flower_model, "weed.csv")


def test_evaluate_with_the_wrong_data(fail, succeed, data, tmp_path, flower_model):
    narrow = write_csv(tmp_path / "narrow.csv", *clusters(6, width=4), words=True)
    err = fail(1, "evaluate", flower_model, narrow)
    assert "narrow.csv does not have the columns that the model was trained on: it lacks 'x4'" in err
    x, y = clusters(8)
    succeed("train", data, *TINY, "--output", "numbers.npz")
    assert "class numbers from 0 to 2" in fail(1, "evaluate", "numbers.npz", write_csv(tmp_path / "9.csv", x, y + 7))


# NumPy leaves a truncated file to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_model_files_that_cannot_be_used(fail, succeed, data, tmp_path):
    succeed("train", data, *TINY, "--output", "model.npz")
    content = (tmp_path / "model.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    for command in (["evaluate"], ["predict"]):
        assert "there is no such model file" in fail(1, *command, "none.npz", data)
        assert "readable" in fail(1, *command, "cut.npz", data)
        assert "not a fastmlp model" in fail(1, *command, data, data)
        assert "error: " in fail(1, *command, tmp_path, data)


@pytest.mark.parametrize("notes", [b"{", b"[]", b'{"features": "uint16", "batch_size": 3}', b"\xff", b"{}"])
def test_damaged_notes(fail, succeed, data, notes):
    fm_model = fm.mlp([], classes=3)
    fm_model.build(12)
    fm_model.save("model.npz")
    with zipfile.ZipFile("model.npz", "a") as archive, archive.open("command_line.npy", "w") as member:
        np.lib.format.write_array(member, np.frombuffer(notes, np.uint8))
    assert "model.npz is damaged: its notes" in fail(1, "evaluate", "model.npz", data)


def test_notes_are_json(succeed, pixels):
    succeed("train", pixels, *TINY, "--features", "uint8", "--output", "model.npz")
    with np.load("model.npz") as file:
        notes = json.loads(file["command_line"].tobytes())
    expected = {"features": "uint8", "batch_size": 20, "validation_split": 0.0, "samples_per_epoch": None}
    assert notes == expected | {"label": "label", "one_hot": 0, "decimal": "."}


# ---------------------------------------------------------------- predict


def test_predict_to_stdout_and_files(succeed, data):
    x, _ = clusters()
    np.save("new.npy", x[:4])
    succeed("train", data, *TINY, "--output", "model.npz")
    expected = fm.load("model.npz").predict(x[:4])
    out = succeed("predict", "model.npz", "new.npy", "--threads", "1")
    assert out.splitlines()[0] == "0,1,2"
    shown = np.array([line.split(",") for line in out.splitlines()[1:]], np.float32)
    np.testing.assert_array_equal(shown, expected)
    assert succeed("predict", "model.npz", "new.npy", "--output", "out.csv") == ""
    assert lines_of("out.csv") == out.splitlines()
    succeed("predict", "model.npz", "new.npy", "--output", "out.npy")
    np.testing.assert_array_equal(np.load("out.npy"), expected)


def test_predict_classes(succeed, flower_model):
    x, _ = clusters()
    np.save("new.npy", x[:4])
    classes = fm.load(flower_model).predict_classes(x[:4])
    assert set(classes) <= set(WORDS)
    out = succeed("predict", flower_model, "new.npy", "--classes")
    assert out.splitlines() == ["class", *classes]
    succeed("predict", flower_model, "new.npy", "--classes", "--output", "out.npy")
    np.testing.assert_array_equal(np.load("out.npy"), classes)
    assert succeed("predict", flower_model, "new.npy").splitlines()[0] == "iris,rose,tulip"


def test_predict_classes_of_a_model_without_words(succeed, data):
    np.save("new.npy", clusters()[0][:4])
    succeed("train", data, *TINY, "--output", "model.npz")
    assert set(succeed("predict", "model.npz", "new.npy", "--classes").splitlines()[1:]) <= {"0", "1", "2"}


@pytest.mark.parametrize(("samples", "batches"), [(32, [1, 1]), (10, [1, 1]), (33, [2, 2]), (500, [2, 2])])
def test_samples_of_an_epoch(succeed, data, samples, batches):
    options = ["--layers", "8", "--epochs", "2", "--batch-size", "32", "--quiet", "--output", "model.npz"]
    succeed("train", data, *options, "--samples-per-epoch", str(samples))
    history = fm.load("model.npz").history
    assert history.epoch == [0, 1]
    assert len(history.batches["loss"]) == sum(batches)
    succeed("train", data, "--resume", "model.npz", "--epochs", "3", "--quiet", "--output", "more.npz")
    assert len(fm.load("more.npz").history.batches["loss"]) == sum(batches) + batches[0]


def test_columns_are_those_of_training(succeed, fail, tmp_path):
    x, y = clusters(width=3)
    file = write_csv(tmp_path / "data.csv", x, y)
    succeed("train", file, *TINY, "--output", "model.npz")
    assert fm.load("model.npz").feature_names == ("x0", "x1", "x2")
    new = write_csv(tmp_path / "new.csv", x[:4])
    assert len(succeed("predict", "model.npz", new).splitlines()) == 5
    write_csv(tmp_path / "new.csv", x[:4, [2, 0, 1]])
    swapped = (tmp_path / "new.csv").read_text().replace("x0,x1,x2", "x2,x0,x1")
    expected = succeed("predict", "model.npz", write_csv(tmp_path / "same.csv", x[:4]))
    (tmp_path / "new.csv").write_text(swapped)
    assert succeed("predict", "model.npz", new) == expected  # columns are found by their names
    (tmp_path / "new.csv").write_text(swapped.replace("x2,x0", "x0,x9"))
    assert "new.csv does not have the columns" in fail(1, "predict", "model.npz", new)
    (tmp_path / "data.csv").write_text((tmp_path / "data.csv").read_text().replace("x2", "z"))
    assert "it lacks 'x2' and has 'z'" in fail(1, "evaluate", "model.npz", file)
    assert "it lacks 'x2'" in fail(1, "train", file, "--resume", "model.npz", "--epochs", "9")
    labelled = write_csv(tmp_path / "labelled.csv", x[:4], y[:4], name="mood", words=True)
    assert len(succeed("predict", "model.npz", labelled).splitlines()) == 5  # other columns are left out
    np.savetxt("plain.csv", x[:4], delimiter=",")  # without a header nothing is said about columns
    assert len(succeed("predict", "model.npz", "plain.csv").splitlines()) == 5


def test_features_are_read_as_in_training(succeed, fail, tmp_path, data):
    whole = np.arange(12, dtype=np.float32)[None]
    path = write_csv(tmp_path / "new.csv", whole.astype(int))
    succeed("train", data, *TINY, "--output", "model.npz")
    succeed("predict", "model.npz", path, "--output", "out.npy")
    model = fm.load("model.npz")
    np.testing.assert_array_equal(np.load("out.npy"), model.predict(whole))
    np.save("new.npy", whole.astype(np.uint8))
    succeed("predict", "model.npz", "new.npy", "--output", "out.npy")
    np.testing.assert_array_equal(np.load("out.npy"), model.predict(whole))
    err = fail(2, "predict", "model.npz", path, "--features", "uint8")
    assert "model.npz was trained on numbers that are no pixels (float32), and its data are read as such" in err


def test_pixels_are_read_as_in_training(succeed, fail, tmp_path, pixels):
    succeed("train", pixels, *TINY, "--features", "uint8", "--output", "model.npz")
    model = fm.load("model.npz")
    np.save("whole.npy", np.full((1, 12), 200.0, np.float32))
    succeed("predict", "model.npz", "whole.npy", "--output", "out.npy")
    np.testing.assert_array_equal(np.load("out.npy"), model.predict(np.full((1, 12), 200, np.uint8)))
    np.save("half.npy", np.full((1, 12), 0.5, np.float32))
    assert "half.npy: expected whole numbers of 0 to 255, as for pixels" in fail(1, "predict", "model.npz", "half.npy")
    assert "was trained on pixels" in fail(2, "predict", "model.npz", "half.npy", "--features", "float32")


def test_wrong_usage_of_predict(fail, succeed, data, tmp_path):
    np.save("new.npy", clusters(4, width=5)[0])
    succeed("train", data, *TINY, "--output", "model.npz")
    predict = ["predict", "model.npz", "new.npy"]
    assert "--output: must end in .csv or .npy, not 'out.txt'" in fail(2, *predict, "--output", "out.txt")
    assert "--output and INPUT are the same file" in fail(2, *predict, "--output", "new.npy")
    assert "no folder missing" in fail(1, *predict, "--output", "missing/out.csv")
    assert "new.npy: rows have 5 features, but the model was trained on 12" in fail(1, *predict)
    assert "no such file" in fail(1, "predict", "model.npz", "none.csv")
    assert "zip" in fail(1, "predict", "model.npz", data)
    assert "required: INPUT" in fail(2, "predict", "model.npz")
    (tmp_path / "text.csv").write_text("a,b\n1,two\n")
    assert "expected a number, found 'two'" in fail(1, "predict", "model.npz", "text.csv")


# ---------------------------------------------------------------- info, cache, download


def test_info(succeed):
    facts = dict(line.split(":", 1) for line in succeed("info").splitlines())
    assert facts["fastmlp"].strip() == fm.__version__
    assert facts["numpy"].strip() == np.__version__
    assert int(facts["threads in use"]) == threads.get_num_threads()
    assert facts["threading layer"].split()[0] in ("tbb", "omp", "workqueue", "default", "unknown")
    assert {"CPU features", "lanes", "tile", "kernel cache", "cached kernels", "digits", *DOWNLOADABLE} <= set(facts)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A kernel cache of the test's own; the choice of the folder is made anew."""
    monkeypatch.setattr(_cache, "_places", None)
    monkeypatch.setenv("FASTMLP_CACHE_DIR", str(tmp_path / "kernels"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / "kernels"


@pytest.mark.filterwarnings("always")
def test_info_with_a_cache_that_cannot_be_written(run, own_cache):
    own_cache.write_text("a file is in the way")
    code, out, err = run("info")
    assert code == 0
    assert "kernel cache:" in out
    assert len(err.splitlines()) == 1
    assert err.startswith("fastmlp: warning: the kernel cache folder cannot be used (")
    assert "; kernels are cached in " in err


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("command", [["info"], ["cache", "--path"]])
def test_no_cache_at_all(run, own_cache, monkeypatch, command):
    own_cache.write_text("a file is in the way")
    monkeypatch.setattr("tempfile.tempdir", str(own_cache))
    code, out, err = run(*command)
    assert (code, "compiled in every process" in err) == (int(command != ["info"]), True)
    assert "kernel cache:      none" in out or command != ["info"]


def test_cache_path_and_clear(succeed, own_cache):
    assert succeed("cache", "--path") == f"{own_cache}\n"
    folder = own_cache / _cache.cache_key()
    (folder / "some.kernel").write_bytes(bytes(2**20))
    assert succeed("cache", "--clear") == "freed 1.0 MB\n"
    assert not folder.exists()


def test_warm_says_what_it_did(succeed, monkeypatch):
    warmed = []

    def variant(name, dtype, parallel):
        warmed.append((name, dtype, parallel))
        jit.compilations.append(name)

    monkeypatch.setattr(jit, "compilations", ["before"])
    monkeypatch.setattr(cache, "kernel_variant", variant)
    if jit.jit_disabled():
        assert "NUMBA_DISABLE_JIT is set" in succeed("cache", "--warm")
        return
    assert succeed("cache", "--warm").startswith("compiled 11 kernels, loaded 0, in ")
    assert warmed == cache.first_kernels(["float32"])
    assert succeed("cache", "--warm", "--dtype", "all").startswith("compiled 20 kernels")


@pytest.mark.needs_jit
def test_a_first_run_needs_no_other_kernels_than_the_warm_ones(succeed, data, monkeypatch):
    used = set()
    original = jit.Kernel.variant

    def variant(self, dtype, *, parallel):
        used.add((self.__name__, np.dtype(dtype).name, parallel))
        return original(self, dtype, parallel=parallel)

    monkeypatch.setattr(jit.Kernel, "variant", variant)
    np.save("new.npy", clusters()[0])
    succeed("train", data, *TINY, "--validation-split", "0.2", "--output", "model.npz")
    succeed("predict", "model.npz", "new.npy")
    assert used <= set(cache.first_kernels(["float32"]))
    assert len(used) == 4


@pytest.mark.needs_jit
def test_warm_loads_what_is_there(succeed):
    succeed("cache", "--warm")
    assert succeed("cache", "--warm").startswith("compiled 0 kernels, loaded 11, in ")


def test_wrong_usage_of_cache(fail):
    assert "one of the arguments --warm --clear --path is required" in fail(2, "cache")
    assert "not allowed with" in fail(2, "cache", "--warm", "--clear")
    assert "--dtype is for --warm" in fail(2, "cache", "--path", "--dtype", "float64")


def test_download(succeed, monkeypatch, tmp_path):
    def download(name, destination, *, progress):
        for done in (1_000_000, 2_000_000):
            progress("train-images.gz", done, 2_000_000)
        return destination or tmp_path / name

    monkeypatch.setattr("fastmlp.datasets.download", download)
    assert succeed("download", "Fashion-MNIST").splitlines() == [
        "train-images.gz  2.0 of 2.0 MB",
        f"fashion_mnist is in {tmp_path / 'fashion_mnist'}",
        "use it with: fastmlp train fashion_mnist",
    ]
    assert "use it with: fastmlp train here\n" in succeed("download", "mnist", "--to", "here")


def test_download_that_fails(fail, monkeypatch, tmp_path):
    assert "invalid choice: 'cifar'" in fail(2, "download", "cifar")
    (tmp_path / "file").touch()
    assert "expected a folder that can be written" in fail(1, "download", "mnist", "--to", "file/folder")


def test_names_of_data_sets_are_those_of_the_library():
    assert parser._DOWNLOADABLE == DOWNLOADABLE
