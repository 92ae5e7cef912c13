"""``fastmlp predict`` and ``fastmlp evaluate`` with models of tables with columns of any kind."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.tables import pieces, read_table

from ..shared.people import HEADER, people, write_people


@pytest.fixture
def model(succeed, tmp_path):
    write_people(tmp_path / "people.csv", 120)
    succeed("train", "people.csv", "--label", "churned", "--layers", "8", "--epochs", "5", "--output", "model.npz")
    return fm.load("model.npz")


def rows_of(text):
    return list(csv.reader(text.splitlines()))


# ---------------------------------------------------------------- predict


def test_predict(succeed, model):
    head, *rows = rows_of(succeed("predict", "model.npz", "people.csv"))
    assert head == ["churned", "probability no", "probability yes"]
    expected = model.predict(read_table("people.csv"))
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], np.float32), expected)
    assert [row[0] for row in rows] == model.predict_classes(read_table("people.csv")).tolist()
    head, *classes = rows_of(succeed("predict", "model.npz", "people.csv", "--classes"))
    assert (head, classes) == (["churned"], [row[:1] for row in rows])


def test_files_for_predictions(succeed, model):
    table = read_table("people.csv")
    for options, expected in ([], model.predict(table)), (["--classes"], model.predict_classes(table)):
        assert succeed("predict", "model.npz", "people.csv", *options, "--output", "out.npy") == ""
        np.testing.assert_array_equal(np.load("out.npy"), expected)
    out = succeed("predict", "model.npz", "people.csv")
    succeed("predict", "model.npz", "people.csv", "--output", "out.csv")
    assert Path("out.csv").read_text() == out


def test_columns_to_keep_are_as_they_were(succeed, fail, model):
    head, *rows = rows_of(succeed("predict", "model.npz", "people.csv", "--keep", "name, customer_id", "--classes"))
    assert head == ["name", "customer_id", "churned"]
    assert [row[:2] for row in rows] == [[row[1], row[0]] for row in people(120)]
    text = Path("people.csv").read_text().replace("C000000,", "007,").replace("C000001,", ",")
    Path("other.csv").write_text(text)
    rows = rows_of(succeed("predict", "model.npz", "other.csv", "--keep", "customer_id"))[1:]
    assert [row[0] for row in rows[:3]] == ["007", "", "C000002"]
    predict = ["predict", "model.npz", "people.csv", "--keep"]
    assert "--keep: there is no column 'id'; its columns are" in fail(1, *predict, "id")
    assert "--keep age: the model reads it" in fail(2, *predict, "age")
    assert "--keep is for CSV" in fail(2, *predict, "name", "--output", "out.npy")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_forms_and_orders_of_columns(succeed, model, tmp_path, separator):
    expected = succeed("predict", "model.npz", "people.csv")
    write_people(tmp_path / "other.csv", 120, separator=separator, without=["churned", "country", "name"])
    assert succeed("predict", "model.npz", "other.csv") == expected
    lines = [",".join(row[::-1]) for row in [HEADER, *people(120)]]
    Path("turned.csv").write_text("\n".join(lines).replace(", Dr", " Dr") + "\n")
    assert succeed("predict", "model.npz", "turned.csv") == expected


def test_pieces_of_a_file(succeed, model, monkeypatch):
    """A file larger than memory is read in pieces; a piece may lack kinds, such as a column of missing values."""
    expected = succeed("predict", "model.npz", "people.csv", "--keep", "name")
    monkeypatch.setattr(pieces, "SIZE", 300)
    assert succeed("predict", "model.npz", "people.csv", "--keep", "name") == expected


def test_new_categories_and_missing_values(succeed, model):
    head, first, *_ = Path("people.csv").read_text().splitlines()
    Path("new.csv").write_text(f"{head}\n,,,,,,,,,\nC1,x,99,1,Atlantis,True,2030-01-01,gold,Spain,no\n{first}\n")
    rows = rows_of(succeed("predict", "model.npz", "new.csv"))
    assert len(rows) == 4
    assert rows[3] == rows_of(succeed("predict", "model.npz", "people.csv"))[1]


def test_what_a_file_for_predictions_lacks(fail, model, tmp_path):
    predict = ["predict", "model.npz"]
    lacking = write_people(tmp_path / "lacking.csv", 5, without=["age"])
    assert "lacking.csv: the column 'age' of the training data is missing; it has customer_id, name, income" in fail(
        1, *predict, lacking
    )
    text = Path("people.csv").read_text().splitlines()
    fields = text[7].split('"')
    text[7] = '"'.join([*fields[:2], ",old," + fields[2].split(",", 2)[2]])
    Path("typo.csv").write_text("\n".join(text))
    message = "typo.csv: line 8: column 3 ('age'): expected a number, as in the training data, found 'old'; correct it"
    assert message in fail(1, *predict, "typo.csv")
    np.save("x.npy", np.zeros((3, 4)))
    assert "found an array of NumPy, which names no columns" in fail(1, *predict, "x.npy")
    assert "no such file" in fail(1, *predict, "nowhere.csv")
    assert "--features: model.npz reads a table" in fail(2, *predict, "people.csv", "--features", "uint8")


def test_keep_is_for_tables(fail, succeed, data):
    succeed("train", data, "--layers", "4", "--epochs", "1", "--output", "model.npz")
    assert "--keep is for models of tables" in fail(2, "predict", "model.npz", "x.npy", "--keep", "id")


# ---------------------------------------------------------------- evaluate


def test_evaluate_knows_the_label(succeed, model, fail, tmp_path):
    out = succeed("evaluate", "model.npz", "people.csv").splitlines()
    assert out[0] == "label: 'churned', as in the training data"
    truth = np.array([row[-1] for row in people(120)])
    scores = model.evaluate(read_table("people.csv"), truth)
    assert out[1] == f"test accuracy {scores['accuracy']:.4f}  loss {scores['loss']:.4f}  (120 rows)"
    share = max(np.mean(truth == "no"), np.mean(truth == "yes"))
    assert out[2].startswith(f"baseline accuracy {share:.4f}  loss ")
    assert "'churned' of the training data is missing" in fail(
        1, "evaluate", "model.npz", write_people(tmp_path / "bare.csv", 5, without=["churned"])
    )
    assert "--label plan: model.npz predicts 'churned'" in fail(
        2, "evaluate", "model.npz", "people.csv", "--label", "plan"
    )
    assert "--one-hot: model.npz reads a table" in fail(2, "evaluate", "model.npz", "people.csv", "--one-hot", "2")
    assert "found images" not in fail(1, "evaluate", "model.npz", "digits")


@pytest.mark.parametrize(
    ("labels", "missing"), [(["True", "False"], ""), (["0", "1"], "NA"), (["3", "7"], ""), (["1.5", "x"], "?")]
)
def test_labels_of_every_kind(write, succeed, labels, missing):
    lines = "".join(f"{k % 13},{k % 7},{labels[k % 2]}\n" for k in range(60))
    path = write("a,b,label\n" + lines)
    succeed("train", path, "--layers", "4", "--epochs", "1", "--output", "model.npz")
    assert "(60 rows)" in succeed("evaluate", "model.npz", path)
    assert "(60 rows)" in succeed("evaluate", "model.npz", write("a,b,label\n" + f"1,2,{missing}\n" + lines))
    rows = rows_of(succeed("predict", "model.npz", path, "--classes"))
    assert {row[0] for row in rows[1:]} <= set(labels)


def test_other_commands_refuse_such_models(fail, model):
    assert "was trained on a table with columns of any kind" in fail(
        1, "gradcheck", "people.csv", "--model", "model.npz"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"label": 3},
        {"label": "age"},
        {"task": "ranking"},
        {"kinds": {"churned": "colour"}},
        {"kinds": []},
        {"decimal": "x"},
        {"weights": 3},
    ],
)
def test_damaged_notes(fail, model, change):
    kinds = {"plan": "text", "churned": "text"}
    notes = {"label": "churned", "task": "classification", "kinds": kinds, "decimal": ".", "weights": None} | change
    with np.load("model.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "command_line"}
    text = np.frombuffer(json.dumps({"table": notes}).encode(), np.uint8)
    np.savez("damaged.npz", **arrays, command_line=text)
    assert "damaged.npz is damaged: its notes" in fail(1, "evaluate", "damaged.npz", "people.csv")
