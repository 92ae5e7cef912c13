"""``fastmlp evaluate`` and ``fastmlp predict``: data are read as in training."""

import json
import zipfile

import numpy as np
import pytest

import fastmlp as fm

from ..shared.command_line import TINY, WORDS, clusters, lines_of, write_csv

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
    assert "model.npz was trained on numbers, not pixels (float32), and its data are read as such" in err


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
