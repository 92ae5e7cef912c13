"""A stranger's table becomes a model and predictions with two commands."""

import csv

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.tables import read_table

from ..shared.people import people, write_people


@pytest.mark.needs_jit
def test_from_a_strangers_table_to_predictions(tmp_path, succeed):
    write_people(tmp_path / "people.csv", 1500)
    write_people(tmp_path / "new.csv", 300, seed=1, without=["churned"])
    out = succeed("train", "people.csv", "--label", "churned", "--output", "model.npz")
    for line in [
        "data: people.csv, 1,500 rows",
        "label: 'churned', as asked for",
        "task: classification, because 'churned' holds texts",
        "rows: 1,125 for training, 125 for validation, for early stopping, 250 for test",
        "saved model.npz",
    ]:
        assert line in out.replace(f"{tmp_path}/", "").splitlines(), line
    report = {line.split()[0]: line for line in out[: out.index("rows: ")].splitlines() if line}
    for column, becomes in [
        ("age", "numbers"),
        ("income", "numbers"),
        ("city", "categories"),
        ("member", "true or false"),
        ("joined", "dates"),
        ("plan", "categories"),
        ("customer_id", "left out"),
        ("name", "left out"),
        ("country", "left out"),
    ]:
        assert becomes in report[column], column
    scores = {line.split()[0]: float(line.split()[2]) for line in out.splitlines() if " accuracy " in line}
    assert scores["test"] > scores["baseline"] + 0.05
    assert out.index("left out") < out.index("trained ") < out.index("test accuracy") < out.index("importance")
    important = out[out.index("importance") :].splitlines()[2:4]
    assert {line.split()[0] for line in important} == {"age", "plan"}

    assert succeed("predict", "model.npz", "new.csv", "--keep", "customer_id", "--output", "answers.csv") == ""
    with open("answers.csv", newline="") as file:
        head, *answers = csv.reader(file)
    assert head == ["customer_id", "churned", "probability no", "probability yes"]
    rows = people(300, seed=1)
    assert [row[0] for row in answers] == [row[0] for row in rows]
    assert np.mean([row[1] == truth[-1] for row, truth in zip(answers, rows, strict=True)]) > 0.85
    np.testing.assert_allclose(np.array([row[2:] for row in answers], float).sum(axis=1), 1, atol=1e-6)
    model = fm.load("model.npz")  # reads the same file without the command line
    np.testing.assert_array_equal(
        model.predict(read_table("new.csv")), np.array([row[2:] for row in answers], np.float32)
    )
