"""Tables are numbers, never pixels: the kind of file decides, or what is asked for, and never the values. Which column
is the label is never guessed in silence."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base.errors import ArgumentError, ArgumentTypeError, DataFileError
from fastmlp.cli import main, trained
from fastmlp.datasets import Chunks, load, load_csv, load_features, standardize

from ..shared.command_line import TINY


@pytest.fixture
def run(run):
    """Run a command line that must succeed (or fail with this code); returns stdout and stderr."""

    def call(*argv, code=0):
        came, out, err = run(*argv)
        assert came == code, err
        return out, err

    return call


def table(rows=60, columns=3, top=3, header=True, seed=0):
    """Small whole numbers; the label, the last column, is the first feature modulo 3."""
    values = np.random.default_rng(seed).integers(0, top + 1, (rows, columns))
    names = ",".join([*(f"a{k}" for k in range(columns)), "label"])
    lines = [",".join(map(str, [*row, row[0] % 3])) for row in values.tolist()]
    return "\n".join([names, *lines] if header else lines) + "\n"


# ---------------------------------------------------------------- numbers


def test_small_whole_numbers_are_numbers(write):
    for text in (table(), table(top=255), table(top=1)):
        assert load_csv(write(text)).x.dtype == np.float64
        assert load(write(text))[0][0].dtype == np.float64
        assert load_features(write(text)).dtype == np.float64
        assert [x.dtype for x, _ in Chunks.from_files([write(text)])] == [np.float64]


def test_one_more_row_changes_no_other(write):
    """Reading 49 rows gave pixels, and reading the 50th, which held 300, made numbers of all."""
    short, long = "".join(f"{k},1\n" for k in range(49)), "".join(f"{k},1\n" for k in range(49)) + "300,1\n"
    few, many = load_features(write(short)), load_features(write(long))
    assert few.dtype == many.dtype == np.float64
    np.testing.assert_array_equal(few, many[:49])


def test_a_table_of_small_numbers_is_learned(write):
    loaded = load_csv(write(table(columns=1, top=2)))
    model = fm.mlp([8], classes=3, seed=0)
    model.compile(optimizer=fm.Adam(learning_rate=0.05), metrics=["accuracy"])
    model.fit(loaded.x, loaded.y, batch_size=20, epochs=40, verbose=0)
    assert model.evaluate(loaded.x, loaded.y)["accuracy"] == 1.0


def test_large_integers_stay_apart(write):
    """As float32, 2,000 timestamps were 17 values."""
    stamps = 1_700_000_000 + np.arange(2000)
    loaded = load_csv(write("time,label\n" + "".join(f"{stamp},{stamp % 2}\n" for stamp in stamps)))
    np.testing.assert_array_equal(loaded.x[:, 0], stamps)
    (scaled,) = standardize(loaded.x)
    assert len(np.unique(scaled)) == 2000
    np.testing.assert_array_equal(load_features(write("".join(f"{stamp}\n" for stamp in stamps)))[:, 0], stamps)


def test_values_beyond_float32_are_read_in_float64(write):
    path = write("a,label\n1e300,0\n0.1234567890123456,1\n")
    assert load_csv(path).x.ravel().tolist() == [1e300, 0.1234567890123456]
    with pytest.raises(DataFileError, match=r"data\.csv: expected finite numbers .* found 1e\+300 in row 0, column 0"):
        load_csv(path, dtype="float32")


# ---------------------------------------------------------------- pixels, when told


@pytest.mark.parametrize("text", ["0,255,1\n7,8,0\n", "0 , 255.0,1\n7,8e0,0\n"])
def test_pixels_when_told(write, text):
    path = write(text)
    for x in (load_csv(path, dtype="uint8", label=-1).x, load_features(path, dtype="uint8")[:, :2]):
        assert x.dtype == np.uint8
        assert x.tolist() == [[0, 255], [7, 8]]
    assert [x.dtype for x, _ in Chunks.from_files([path], dtype="uint8", label=-1)] == [np.uint8]


@pytest.mark.parametrize("value", ["256", "-1", "0.5", "1e3", "1e300"])
def test_what_is_no_pixel_is_named(write, value):
    path = write(f"label,a,b\n1,2,3\n0,7,{value}\n")
    message = rf"line 3: column 3 \('b'\): expected a whole number of 0 to 255, as for pixels, found {value}; "
    for read in (load_csv, load_features, load):
        with pytest.raises(DataFileError, match=message.replace("+", r"\+")):
            read(path, dtype="uint8")
    with pytest.raises(DataFileError, match="as for pixels"):
        list(Chunks.from_files([path], dtype="uint8"))


def test_no_other_dtype(write):
    for read in (load_csv, load_features, load):
        with pytest.raises(ArgumentError, match="dtype must be 'uint8', 'float32', 'float64' or None, got 'int64'"):
            read(write("1,2\n"), dtype="int64")


@pytest.mark.parametrize("stored", ["uint8", "int64", "int8", "bool", "float32", "float64", "float16", ">i2", ">f4"])
def test_of_arrays_the_stored_type_decides(stored, tmp_path):
    expected = {"uint8": "uint8", "float32": "float32", ">f4": "float32"}.get(stored, "float64")
    for values in ([[0, 1], [1, 0]], [[0, 100], [3, 7]]):
        x = np.array(values).astype(stored)
        np.save(tmp_path / "x.npy", x)
        assert load_features(tmp_path / "x.npy").dtype == expected
        np.savez(tmp_path / "all.npz", x_train=x, y_train=[0, 1], x_test=x, y_test=[0, 1])
        (found, _), (test, _) = load(tmp_path / "all.npz")
        assert found.dtype == test.dtype == expected
        np.testing.assert_array_equal(found, x)


def test_images_stay_pixels_and_other_idx_files_what_is_stored(tmp_path):
    for code, stored, expected in ((8, ">u1", "uint8"), (9, ">i1", "float64"), (0x0D, ">f4", "float32")):
        array = np.arange(6).reshape(2, 3).astype(stored)
        (tmp_path / "x").write_bytes(struct.pack(">BBBB2I", 0, 0, code, 2, 2, 3) + array.tobytes())
        assert load_features(tmp_path / "x").dtype == expected


def test_mnist_by_its_name_is_pixels_in_any_kind_of_file(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTMLP_DATA", str(tmp_path))
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part in ("train", "test"):
        (folder / f"mnist_{part}.csv").write_text("label,1x1,1x2\n5,0,255\n0,7,8\n")
    assert load("mnist")[0][0].dtype == np.uint8
    assert load("mnist", dtype="float64")[0][0].dtype == np.float64
    assert load(folder)[0][0].dtype == np.float64  # a folder says nothing
    assert load(folder, dtype="uint8")[1][0].dtype == np.uint8


# ---------------------------------------------------------------- columns by their names


def test_a_test_file_has_its_columns_in_any_order(write, tmp_path):
    write("a,b,label\n1,2,0\n3,4,1\n", "train.csv")
    write("label,b,a\n0,20,10\n", "test.csv")
    assert load(tmp_path)[1][0].tolist() == [[10, 20]]
    paths = [tmp_path / "train.csv", tmp_path / "test.csv"]
    assert [x.tolist() for x, _ in Chunks.from_files(paths)] == [[[1, 2], [3, 4]], [[10, 20]]]
    write("label,c,a\n0,20,10\n", "test.csv")
    with pytest.raises(DataFileError, match=r"test\.csv: expected the columns of .*train\.csv, found 'c' besides"):
        load(tmp_path)


def test_two_columns_of_one_name_are_refused(write):
    with pytest.raises(DataFileError, match=r"name of its own .* found 'a' for columns 1 and 3; rename one"):
        load_csv(write("a,b,a,label\n1,2,3,0\n"))


# ---------------------------------------------------------------- which column is the label


def test_the_last_column_may_be_the_label(write):
    found = load_csv(write("5.1,3.5,0\n4.9,3,1\n6.5,3,1\n"))
    assert (found.y.tolist(), found.label) == ([0, 1, 1], 2)
    reason = "it holds 5.1, no whole number of 0 to 255"
    assert found.label_source == f"column 3: there is no header, and the first column cannot be the label ({reason})"
    assert load_csv(write("5.1,3.5,setosa\n4.9,3.0,virginica\n")).class_names == ("setosa", "virginica")


def test_the_first_column_may_be_the_label(write):
    pixels = "5,0,9,0\n0,3,3,0\n5,0,1,0\n"
    found = load_csv(write(pixels))
    assert (found.y.tolist(), found.label) == ([5, 0, 5], 0)
    assert found.label_source.endswith("the last column cannot be the label (it holds only 0)")
    assert load_csv(write("rose,1.5\niris,2\n")).label == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,2.5,0\n0,3.5,1\n1,4.5,1\n", "both the first and the last column could be the label"),
        ("cat,2.5,0\ndog,3.5,1\n", "both the first and the last column could be"),
        ("5,9,1\n0,3,0\n5,1,1\n", "both the first and the last"),
        ("0.5,9,1.5\n0,3,0\n", "neither the first column looks like a label .*0.5.* nor the last one .*1.5"),
        ("1,2,3\n", "neither .*holds only 1.* nor .*holds only 3"),
        ("0,5.5,1e9\n1,3.5,7\n2,1,8\n", r"neither the first .*no value occurs twice.* nor .*1e\+09"),
    ],
)
def test_where_it_is_in_doubt_both_remedies_are_named(write, text, why):
    path = write(text)
    for read in (load_csv, load):
        with pytest.raises(DataFileError, match=rf"data\.csv: .*no header, and {why}.*; say label=0 .* label=-1"):
            read(path)
    with pytest.raises(DataFileError, match=r"label=0 .* label=-1"):
        list(Chunks.from_files([path]))


def test_the_remedies_help(write):
    path = write("1,2.5,0\n0,3.5,1\n1,4.5,1\n")
    assert load_csv(path, label=0).y.tolist() == [1, 0, 1]
    assert load_csv(path, label=0).label_source == "column 1, as asked for"
    assert load_csv(path, label=-1).y.tolist() == [0, 1, 1]
    assert load_csv(path, label=None).label_source is None
    assert [y.tolist() for _, y in Chunks.from_files([path], label=-1)] == [[0, 1, 1]]


def test_one_hot_columns_are_in_doubt_beside_a_last_label(write):
    """Two columns for the sex, and the label last: the first two are one-hot rows, too."""
    path = write("1,0,33,0\n0,1,44,1\n1,0,55,1\n")
    with pytest.raises(DataFileError, match=r"first 2 columns could be one-hot .*label=-1.*n_classes_one_hot=2"):
        load_csv(path)
    assert load_csv(path, label=-1).y.tolist() == [0, 1, 1]
    assert load_csv(path, n_classes_one_hot=2).label_source == "the first 2 columns, as asked for: one-hot rows"
    assert load_csv(write("1,0,3.5\n0,1,4.5\n")).label_source.startswith("the first 2 columns: there is no header")


def test_labels_of_a_test_file_are_where_those_of_training_are(write, tmp_path):
    write("5.5,0\n6.5,1\n7.5,1\n", "train.csv")
    write("1,0\n", "test.csv")  # by itself, nothing is known of it
    (_, _), (x, y) = load(tmp_path)
    assert (x.tolist(), y.tolist()) == ([[1]], [0])


def test_the_first_file_settles_the_label_in_every_order(write):
    paths = [write("5.5,0\n6.5,1\n7.5,1\n", "0.csv"), write("1,0\n0,1\n1,1\n", "1.csv")]  # the second is in doubt
    for number in range(6):
        for x, y in Chunks.from_files(paths).epoch(number):
            assert y.tolist() == [0, 1, 1], x


def test_a_name_above_numbers_is_no_label(write):
    """The years 2019 and 2020 look like numbers, so that this header looks like a row."""
    path = write("2019,2020,price\n1,2,3\n4,5,3\n2,2,6\n")
    for label in ("auto", -1):
        with pytest.raises(
            DataFileError, match=r"line 1: column 3: .* found 'price' above numbers; if line 1 is a header"
        ):
            load_csv(path, label=label)
    assert load_csv(write("1.5,yes\n2,1\n3,no\n")).class_names == ("1", "no", "yes")


@pytest.mark.parametrize(("label", "error"), [(True, ArgumentTypeError), (1.5, ArgumentTypeError), (9, ArgumentError)])
def test_labels_that_are_none(write, label, error):
    with pytest.raises(error, match="label must be"):
        load_csv(write("1,2\n"), label=label)


# ---------------------------------------------------------------- the command line


def test_the_command_line_says_which_column_is_the_label(write, run):
    assert "label: column 4 ('label'), by its name\n" in run("train", write(table()), *TINY)[0]
    text = table(header=False)
    _, err = run("train", write(text), *TINY, code=1)
    assert "both the first and the last column could be the label; say --label 0 for the first, --label -1" in err
    assert "label: column 4, as asked for\n" in run("train", write(text), *TINY, "--label", "-1")[0]
    write("0.5,1\n1.5,0\n" * 6)
    out, _ = run("train", "data.csv", *TINY)
    assert "label: column 2: there is no header, and the first column cannot be the label (it holds 0.5" in out


def test_a_model_knows_its_label_column(write, run):
    run("train", write(table(header=False)), *TINY, "--label", "-1", "--output", "model.npz")
    assert trained.load(Path("model.npz"))[1].label == 3
    out, _ = run("evaluate", "model.npz", "data.csv")
    assert "label: column 4, as in the training data\n" in out
    run("train", "data.csv", "--resume", "model.npz", "--epochs", "3", "--output", "more.npz")
    named = table().replace("label", "kind")
    run("train", write(named), *TINY, "--label", "kind", "--output", "named.npz")
    moved = "\n".join(",".join(line.split(",")[::-1]) for line in named.splitlines()) + "\n"
    same = run("evaluate", "named.npz", "data.csv")[0].splitlines()
    assert run("evaluate", "named.npz", write(moved, "moved.csv"))[0].splitlines()[1] == same[1]


def test_one_hot_labels_on_the_command_line(write, run):
    rows = "".join(f"{1 - k % 2},{k % 2},{k},{k % 3}\n" for k in range(24))
    assert "--one-hot 2 for the one-hot columns" in run("train", write(rows), *TINY, code=1)[1]
    run("train", write(rows), *TINY, "--one-hot", "2", "--output", "model.npz")
    assert trained.load(Path("model.npz"))[1].one_hot == 2
    assert "label: the first 2 columns" in run("evaluate", "model.npz", "data.csv")[0]


def test_pixels_on_the_command_line(write, run):
    path = write(table(columns=64, top=255))
    hint = "data.csv holds whole numbers of 0 to 255: if these are pixels, say --features uint8"
    out, err = run("train", path, *TINY, "--output", "numbers.npz")
    assert hint in err
    assert "(float64)" in out
    out, err = run("train", path, *TINY, "--features", "uint8", "--output", "pixels.npz")
    assert err == ""
    assert "(uint8)" in out
    assert run("train", path, *TINY, "--features", "float32")[1] == ""
    assert run("train", write(table(top=255), "few.csv"), *TINY)[1] == ""
    for model, kind in (("numbers.npz", "float32"), ("pixels.npz", "uint8")):
        assert trained.load(Path(model))[1].features == kind
        told = fm.load(model).evaluate(*_as(path, kind))
        out, err = run("evaluate", model, path)
        assert f"accuracy {told['accuracy']:.4f}  loss {told['loss']:.4f}" in out
        assert err == ""
        run("train", path, "--resume", model, "--epochs", "3")
        other = "uint8" if kind == "float32" else "float32"
        for command in (["evaluate", model, path], ["predict", model, path]):
            message = f"--features {other}: {model} was trained on "
            assert message in run(*command, "--features", other, code=2)[1]


def _as(path, kind):
    loaded = load_csv(path, dtype="uint8" if kind == "uint8" else None)
    return loaded.x, loaded.y


def test_models_without_notes_are_told(write, run):
    model = fm.mlp([], classes=3, seed=0)
    model.compile()
    loaded = load_csv(write(table(columns=64, top=255)))
    model.fit(loaded.x, loaded.y, verbose=0)
    model.save("model.npz")
    out, err = run("predict", "model.npz", "data.csv")
    assert "say --features uint8" in err
    assert "hint" not in out
    assert run("predict", "model.npz", "data.csv", "--features", "float32") == (out, "")


def test_notes_of_the_first_version_keep_their_meaning(write, run):
    run("train", write(table(columns=64, top=255)), *TINY, "--features", "uint8", "--output", "model.npz")
    expected = run("evaluate", "model.npz", "data.csv")
    model = fm.load("model.npz")
    model.save("old.npz")
    old = {"features": "uint8", "batch_size": 20, "validation_split": 0.0, "samples_per_epoch": None}
    with np.load("old.npz") as file:
        arrays = dict(file)
    np.savez("old.npz", **arrays, command_line=np.frombuffer(json.dumps(old).encode(), np.uint8))
    assert run("evaluate", "old.npz", "data.csv")[0].splitlines()[1] == expected[0].splitlines()[1]


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe{", b"[" * 100_000, b"3"])
def test_settings_that_cannot_be_read(content, tmp_path, write, run):
    (tmp_path / "settings.json").write_bytes(content)
    assert "settings.json" in run("sweep", "settings.json", write(table()), code=1)[1]


def test_a_sweep_reads_alike(write, run):
    write(json.dumps([{"layers": [4], "epochs": 1}]), "settings.json")
    path = write(table(columns=64, top=255))
    out, err = run("sweep", "settings.json", path, "--workers", "1", "--features", "uint8", "--output", "out")
    assert "label: column 65 ('label'), by its name" in out
    assert err == ""
    (model,) = Path("out").glob("*.npz")
    assert trained.load(Path(model))[1].label == "label"
    assert trained.load(Path(model))[1].features == "uint8"


def test_numbers_that_name_the_known_columns_are_a_header(capsys):
    """As pandas writes a frame of columns 0, 1, 2: a first line that a model knows is no row of data."""
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(np.random.default_rng(0).normal(size=(20, 3)))
    model = fm.mlp([4], classes=2, seed=0)
    model.fit(x, (x[0] > 0).astype(int), verbose=0)
    model.save("model.npz")
    for order in ([0, 1, 2], [2, 0, 1]):
        x[order].to_csv("new.csv", index=False)
        assert main(["predict", "model.npz", "new.csv", "--output", "out.npy"]) == 0
        np.testing.assert_array_equal(np.load("out.npy"), model.predict(x))
    x.to_csv("rows.csv", index=False, header=False)
    assert main(["predict", "model.npz", "rows.csv", "--output", "out.npy"]) == 0
    np.testing.assert_array_equal(np.load("out.npy"), model.predict(x))
    capsys.readouterr()
